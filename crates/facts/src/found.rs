//! What an edge found for a want, and how it joins the facts.
//!
//! Owns the pairing of [`Want`] and answer: a found fact always lands where its want says.

use std::collections::{BTreeMap, BTreeSet};

use crate::Facts;
use crate::code::{
    Change, CiRun, Commit, DeclaredHistory, Named, PullRequest, Relation, RepositoryFacts,
    Resolved, Revert,
};
use crate::coverage::{Coverage, Read};
use crate::image::Image;
use crate::want::Want;

/// The answer to one [`Want`]; the fields before the last are the want's own.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "each field is the want's field, or the fact it fills"
)]
pub enum Found {
    Repository {
        repository: String,
        head: Head,
    },
    Resolve {
        repository: String,
        text: String,
        resolved: Vec<Resolved>,
    },
    Commit {
        repository: String,
        sha: String,
        commit: Read<Commit>,
    },
    Relation {
        repository: String,
        a: String,
        b: String,
        relation: Relation,
    },
    Ci {
        repository: String,
        sha: String,
        runs: Read<Vec<CiRun>>,
    },
    Pulls {
        repository: String,
        sha: String,
        pulls: Read<Vec<PullRequest>>,
    },
    OpenPulls {
        repository: String,
        pulls: Read<Vec<PullRequest>>,
    },
    Touched {
        repository: String,
        sha: String,
        paths: Read<Vec<String>>,
    },
    Concern {
        repository: String,
        sha: String,
        path: String,
        objects: BTreeSet<Named>,
        concern: Read<bool>,
    },
    Changes {
        repository: String,
        sha: String,
        path: String,
        changes: Read<Vec<Change>>,
    },
    Declared {
        repository: String,
        branch: String,
        path: String,
        history: Read<DeclaredHistory>,
    },
    Tags {
        repository: String,
        tags: Read<Vec<String>>,
    },
    Digest {
        repository: String,
        tag: String,
        digest: Read<String>,
    },
    Image {
        repository: String,
        digest: String,
        image: Read<Image>,
    },
    /// The repository behind the want could not be read at all: only its coverage is filled.
    RepositoryGap {
        repository: String,
        coverage: Coverage,
    },
}

/// What [`Want::Repository`] fills.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Whether the history could be read.
    pub coverage: Coverage,
    /// The remote's HEAD branch.
    pub default_branch: String,
    /// Every branch's head.
    pub branches: BTreeMap<String, String>,
    /// Reverts on any branch, those on the default branch first.
    pub reverts: BTreeMap<String, Revert>,
}

impl Facts {
    /// Joins what was found to what is known.
    pub fn absorb(&mut self, found: Found) {
        match found {
            Found::Repository { repository, head } => {
                let known = self.repository(repository);
                // A repository that cannot be read just now keeps what was read before; its coverage says so.
                if head.coverage.is_whole() {
                    known.default_branch = head.default_branch;
                    known.branches = head.branches;
                    known.reverts = head.reverts;
                }
                known.coverage = head.coverage;
            }
            Found::Resolve {
                repository,
                text,
                resolved,
            } => {
                self.repository(repository).resolved.insert(text, resolved);
            }
            Found::Commit {
                repository,
                sha,
                commit,
            } => {
                self.repository(repository).commits.insert(sha, commit);
            }
            Found::Relation {
                repository,
                a,
                b,
                relation,
            } => {
                self.repository(repository)
                    .relations
                    .insert((a, b), relation);
            }
            Found::Ci {
                repository,
                sha,
                runs,
            } => {
                self.repository(repository).ci.insert(sha, runs);
            }
            Found::Pulls {
                repository,
                sha,
                pulls,
            } => {
                self.repository(repository).pulls.insert(sha, pulls);
            }
            Found::OpenPulls { repository, pulls } => {
                self.repository(repository).open_pulls = Some(pulls);
            }
            Found::Touched {
                repository,
                sha,
                paths,
            } => {
                self.repository(repository).touched.insert(sha, paths);
            }
            Found::Concern {
                repository,
                sha,
                path,
                objects,
                concern,
            } => {
                self.repository(repository)
                    .concerns
                    .insert((sha, path, objects), concern);
            }
            Found::Changes {
                repository,
                sha,
                path,
                changes,
            } => {
                let changed = &mut self.repository(repository).changes;
                changed.insert((sha, path), changes);
            }
            Found::Declared {
                repository,
                branch,
                path,
                history,
            } => {
                self.repository(repository)
                    .declared
                    .insert((branch, path), history);
            }
            Found::Tags { repository, tags } => {
                self.images.tags.insert(repository, tags);
            }
            Found::Digest {
                repository,
                tag,
                digest,
            } => {
                self.images.digests.insert((repository, tag), digest);
            }
            Found::Image {
                repository,
                digest,
                image,
            } => {
                self.images.images.insert((repository, digest), image);
            }
            Found::RepositoryGap {
                repository,
                coverage,
            } => {
                self.repository(repository).coverage = coverage;
            }
        }
    }

    fn repository(&mut self, repository: String) -> &mut RepositoryFacts {
        self.code.repositories.entry(repository).or_default()
    }
}

impl Want {
    /// Whether what it finds stays true for ever once found: SHAs and digests never change what they name.
    pub fn is_forever(&self) -> bool {
        match self {
            Self::Relation { .. }
            | Self::Touched { .. }
            | Self::Concern { .. }
            | Self::Changes { .. }
            | Self::Image { .. } => true,
            Self::Repository { .. }
            | Self::Resolve { .. }
            | Self::Commit { .. }
            | Self::Ci { .. }
            | Self::Pulls { .. }
            | Self::OpenPulls { .. }
            | Self::Declared { .. }
            | Self::Tags { .. }
            | Self::Digest { .. } => false,
        }
    }
}
