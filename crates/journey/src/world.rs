//! Tests only: a small world of repositories, registries and clusters, and edges that find what the engine wants.
//!
//! Owns the Git graph, the registry and the answering of wants; what the company in it looks like is in `company`.

pub mod company;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use facts::code::{
    CiRun, Commit, DeclaredHistory, Named, PullRequest, Relation, Resolved, ResolvedBy, Revert,
};
use facts::found::Head;
use facts::image::Image;
use facts::{ClusterFacts, Coverage, Facts, Found, Read, Want};
use jiff::{SignedDuration, Timestamp};

use crate::Evaluation;

/// One repository.
#[derive(Clone, Default)]
pub struct Repo {
    pub commits: BTreeMap<String, Commit>,
    pub default_branch: String,
    pub branches: BTreeMap<String, String>,
    pub names: BTreeMap<String, Vec<Resolved>>,
    pub reverts: BTreeMap<String, Revert>,
    pub ci: BTreeMap<String, Vec<CiRun>>,
    pub pulls: BTreeMap<String, Vec<PullRequest>>,
    pub open_pulls: Vec<PullRequest>,
    pub touched: BTreeMap<String, Vec<String>>,
    pub declared: BTreeMap<(String, String), DeclaredHistory>,
    /// How a commit changes the objects of a path.
    pub changes: BTreeMap<(String, String), Vec<facts::code::Change>>,
    /// What paths declare, where that is not told by the names of files: what is not in it is not recognised there.
    pub objects: BTreeMap<String, BTreeSet<Named>>,
}

impl Repo {
    /// Everything a commit contains, itself included.
    fn history(&self, sha: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = self
            .commits
            .get_key_value(sha)
            .map(|(sha, _)| sha.as_str())
            .into_iter()
            .collect();
        while let Some(sha) = next.pop() {
            if seen.insert(sha) {
                next.extend(self.commits[sha].parents.iter().map(String::as_str));
            }
        }
        seen
    }

    pub fn relation(&self, a: &str, b: &str) -> Relation {
        if !self.commits.contains_key(a) || !self.commits.contains_key(b) {
            return Relation::NoSuchCommit;
        }
        let (of_a, of_b) = (self.history(a), self.history(b));
        let count = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| {
            u32::try_from(one.difference(other).count()).unwrap()
        };
        let (ahead, behind) = (count(&of_b, &of_a), count(&of_a, &of_b));
        match (ahead, behind) {
            (0, 0) => Relation::Same,
            (ahead, 0) => Relation::Ancestor { ahead },
            (0, ahead) => Relation::Descendant { ahead },
            (ahead, behind) => Relation::Diverged { ahead, behind },
        }
    }

    fn resolve(&self, text: &str) -> Vec<Resolved> {
        let mut found: Vec<Resolved> = self.names.get(text).cloned().unwrap_or_default();
        if text.len() >= 4 {
            found.extend(
                self.commits
                    .keys()
                    .filter(|sha| sha.starts_with(text))
                    .map(|sha| Resolved {
                        sha: sha.clone(),
                        by: ResolvedBy::Sha,
                    }),
            );
        }
        if let Some(sha) = self.branches.get(text) {
            found.push(Resolved {
                sha: sha.clone(),
                by: ResolvedBy::Branch(text.to_owned()),
            });
        }
        found
    }
}

/// Everything there is.
#[derive(Clone)]
pub struct World {
    pub now: Timestamp,
    /// What the clusters hold, and the team file; code and images are found when they are wanted.
    pub facts: Facts,
    pub repos: BTreeMap<String, Repo>,
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    pub images: BTreeMap<(String, String), Image>,
    /// Wants that cannot be met, and why.
    pub deaf: BTreeMap<Want, Coverage>,
    /// Repositories that cannot be read, and why.
    pub shut: BTreeMap<String, Coverage>,
}

/// A world is too large to print: tests name it.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub fn edit(&mut self, cluster: &str, change: impl FnOnce(&mut ClusterFacts)) {
        change(Arc::make_mut(
            self.facts.clusters.get_mut(cluster).expect(cluster),
        ));
    }

    pub fn repo(&mut self, key: &str) -> &mut Repo {
        self.repos.get_mut(key).expect(key)
    }

    pub fn ago(&self, minutes: i64) -> Timestamp {
        self.now - SignedDuration::from_mins(minutes)
    }

    /// What an edge finds for a want.
    pub fn find(&self, want: &Want) -> Found {
        let gap = self.deaf.get(want).cloned();
        macro_rules! read {
            ($value:expr) => {
                match gap {
                    Some(gap) => Read::Gap(gap),
                    None => $value,
                }
            };
        }
        fn known<T: Clone>(value: Option<&T>) -> Read<T> {
            value.cloned().map_or(Read::Missing, Read::Known)
        }
        let repository = match want {
            Want::Repository { repository }
            | Want::Resolve { repository, .. }
            | Want::Commit { repository, .. }
            | Want::Relation { repository, .. }
            | Want::Ci { repository, .. }
            | Want::Pulls { repository, .. }
            | Want::OpenPulls { repository }
            | Want::Touched { repository, .. }
            | Want::Concern { repository, .. }
            | Want::Changes { repository, .. }
            | Want::Declared { repository, .. }
            | Want::Tags { repository }
            | Want::Digest { repository, .. }
            | Want::Image { repository, .. } => repository.clone(),
        };
        let of_git = !matches!(
            want,
            Want::Tags { .. }
                | Want::Digest { .. }
                | Want::Image { .. }
                | Want::Ci { .. }
                | Want::Pulls { .. }
                | Want::OpenPulls { .. }
        );
        let nothing = Repo::default();
        let repo = match self.repos.get(&repository) {
            Some(repo) => repo,
            None => &nothing,
        };
        if of_git {
            let missing = || Coverage::Failed {
                message: "no such repository".to_owned(),
            };
            let shut = self.shut.get(&repository).cloned();
            let unknown = (!self.repos.contains_key(&repository)).then(missing);
            let deaf = match want {
                Want::Repository { .. } | Want::Resolve { .. } | Want::Relation { .. } => {
                    gap.clone()
                }
                _ => None,
            };
            if let Some(coverage) = shut.or(unknown).or(deaf) {
                return Found::RepositoryGap {
                    repository,
                    coverage,
                };
            }
        }
        match want.clone() {
            Want::Repository { repository } => Found::Repository {
                repository,
                head: Head {
                    coverage: Coverage::Seen { as_of: self.now },
                    default_branch: repo.default_branch.clone(),
                    branches: repo.branches.clone(),
                    reverts: repo.reverts.clone(),
                },
            },
            Want::Resolve { repository, text } => Found::Resolve {
                resolved: repo.resolve(&text),
                repository,
                text,
            },
            Want::Commit { repository, sha } => Found::Commit {
                commit: read!(known(repo.commits.get(&sha))),
                repository,
                sha,
            },
            Want::Relation { repository, a, b } => Found::Relation {
                relation: repo.relation(&a, &b),
                repository,
                a,
                b,
            },
            Want::Ci { repository, sha } => Found::Ci {
                runs: read!(Read::Known(repo.ci.get(&sha).cloned().unwrap_or_default())),
                repository,
                sha,
            },
            Want::Pulls { repository, sha } => Found::Pulls {
                pulls: read!(Read::Known(
                    repo.pulls.get(&sha).cloned().unwrap_or_default()
                )),
                repository,
                sha,
            },
            Want::OpenPulls { repository } => Found::OpenPulls {
                pulls: read!(Read::Known(repo.open_pulls.clone())),
                repository,
            },
            Want::Touched { repository, sha } => Found::Touched {
                paths: read!(known(repo.touched.get(&sha))),
                repository,
                sha,
            },
            Want::Concern {
                repository,
                sha,
                path,
                objects,
            } => Found::Concern {
                concern: read!(known(
                    repo.commits
                        .contains_key(&sha)
                        .then(|| repo.concerns(&sha, &path, &objects))
                        .as_ref()
                )),
                repository,
                sha,
                path,
                objects,
            },
            Want::Changes {
                repository,
                sha,
                path,
            } => Found::Changes {
                changes: read!(Read::Known(
                    repo.changes
                        .get(&(sha.clone(), path.clone()))
                        .cloned()
                        .unwrap_or_default()
                )),
                repository,
                sha,
                path,
            },
            Want::Declared {
                repository,
                branch,
                path,
            } => Found::Declared {
                history: read!(known(repo.declared.get(&(branch.clone(), path.clone())))),
                repository,
                branch,
                path,
            },
            Want::Tags { repository } => Found::Tags {
                tags: read!(known(
                    self.tags
                        .get(&repository)
                        .map(|tags| tags.keys().cloned().collect())
                        .as_ref()
                )),
                repository,
            },
            Want::Digest { repository, tag } => Found::Digest {
                digest: read!(known(
                    self.tags.get(&repository).and_then(|tags| tags.get(&tag))
                )),
                repository,
                tag,
            },
            Want::Image { repository, digest } => Found::Image {
                image: read!(known(
                    self.images.get(&(repository.clone(), digest.clone()))
                )),
                repository,
                digest,
            },
        }
    }

    /// Answers an ask, fetching what is wanted until nothing is.
    pub fn answer(&self, ask: &api::Ask) -> Evaluation {
        let mut facts = self.facts.clone();
        for _ in 0..64 {
            let evaluation = crate::answer(&facts, ask, self.now);
            if evaluation.wants.is_empty() {
                return evaluation;
            }
            for want in &evaluation.wants {
                facts.absorb(self.find(want));
            }
        }
        panic!("the engine wants for ever");
    }

    /// The facts that are known once nothing is wanted, and in what order they were found.
    pub fn gathered(&self, ask: &api::Ask) -> (Facts, Vec<Found>) {
        let mut facts = self.facts.clone();
        let mut found = Vec::new();
        for _ in 0..64 {
            let evaluation = crate::answer(&facts, ask, self.now);
            if evaluation.wants.is_empty() {
                return (facts, found);
            }
            for want in &evaluation.wants {
                let one = self.find(want);
                facts.absorb(one.clone());
                found.push(one);
            }
        }
        panic!("the engine wants for ever");
    }

    /// Whether a pod runs a digest that the registry does not have.
    pub fn has_lost_images(&self) -> bool {
        self.facts
            .clusters
            .values()
            .flat_map(|cluster| cluster.pods.values())
            .flat_map(|pod| &pod.containers)
            .filter_map(crate::images::running)
            .any(|image| {
                let digest = image.digest.unwrap_or_default();
                !self.images.contains_key(&(image.repository, digest))
            })
    }

    /// One app, once nothing more is wanted.
    pub fn app(&self, name: &str) -> api::app::App {
        let mut facts = self.facts.clone();
        for _ in 0..128 {
            let evaluation = crate::app(&facts, name, self.now);
            if evaluation.wants.is_empty() {
                return evaluation.app;
            }
            for want in &evaluation.wants {
                facts.absorb(self.find(want));
            }
        }
        panic!("the app wants for ever");
    }

    /// What the systems tell of the past, once nothing more is wanted.
    pub fn past(&self) -> Vec<api::Change> {
        let mut facts = self.facts.clone();
        for _ in 0..64 {
            let evaluation = crate::past(&facts, self.now);
            if evaluation.wants.is_empty() {
                return evaluation.changes;
            }
            for want in &evaluation.wants {
                facts.absorb(self.find(want));
            }
        }
        panic!("the past wants for ever");
    }

    pub fn board(&self) -> crate::BoardEvaluation {
        let mut facts = self.facts.clone();
        for _ in 0..64 {
            let evaluation = crate::board(&facts, self.now);
            if evaluation.wants.is_empty() {
                return evaluation;
            }
            for want in &evaluation.wants {
                facts.absorb(self.find(want));
            }
        }
        panic!("the board wants for ever");
    }
}

impl Repo {
    /// As this world's Git is laid out: every path is made of what is below it and of the bases, and one file declares the
    /// object that it is named after. A kustomization may change any.
    fn concerns(&self, sha: &str, path: &str, objects: &BTreeSet<Named>) -> bool {
        let touched = self.touched.get(sha).map_or(&[][..], Vec::as_slice);
        let is_below = |file: &str| {
            path.is_empty()
                || file
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let is_unseen = |known: &BTreeSet<Named>| !objects.is_subset(known);
        if !objects.is_empty() && self.objects.get(path).is_some_and(is_unseen) {
            return touched.iter().any(|file| is_below(file));
        }
        if !objects.is_empty() {
            return touched.iter().any(|file| {
                let name = file.rsplit('/').next().unwrap_or(file);
                let stem = name.split('.').next().unwrap_or(name);
                let is_named =
                    stem == "kustomization" || objects.iter().any(|one| one.name == stem);
                is_below(file) && is_named
            });
        }
        let declares = self
            .declared
            .iter()
            .filter(|((_, declared), _)| declared == path)
            .any(|(_, history)| history.entries.iter().any(|entry| entry.commit.sha == sha));
        declares
            || touched
                .iter()
                .any(|file| is_below(file) || file.starts_with("base/"))
    }
}
