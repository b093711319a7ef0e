//! The facts as the engine looks at them: every look that finds nothing leaves a want behind.
//!
//! Owns the difference between "there is none", "not read yet" and "could not be read", and the two side products of
//! an evaluation: what is wanted and when the answer changes by itself. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use facts::code::{
    Change, CiRun, Commit, DeclaredHistory, Named, PullRequest, Relation, RepositoryFacts, Resolved,
};
use facts::image::Image;
use facts::{Coverage, Facts, HistoryFacts, Read, Team, Want};
use jiff::Timestamp;

use crate::index::Index;
pub use crate::place::Place;
use crate::trace::{Filled, Look, Trace};

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// As part of a sentence: "not allowed to read pods in shop: …".
    pub why: String,
    /// Whether it is only not read yet.
    pub pending: bool,
}

impl Gap {
    /// A gap with its reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            pending: false,
        }
    }

    pub fn pending(subject: &dyn Fn() -> String) -> Self {
        Self {
            why: format!("{} not read yet", subject()),
            pending: true,
        }
    }
}

/// A value, or why it is not known.
pub type Learned<T> = Result<T, Gap>;

/// The facts, the time, and what this evaluation leaves behind.
pub struct View<'a> {
    facts: &'a Facts,
    /// Now, by our clock.
    pub now: Timestamp,
    indexes: &'a BTreeMap<String, Index>,
    trace: &'a Trace,
    curious: bool,
}

impl<'a> View<'a> {
    /// Begins an evaluation. A curious one also wants what cannot change a state and is worth showing to somebody who
    /// asked; a board of thousands of cells does without.
    pub fn new(
        facts: &'a Facts,
        indexes: &'a BTreeMap<String, Index>,
        trace: &'a Trace,
        now: Timestamp,
        curious: bool,
    ) -> Self {
        Self {
            facts,
            now,
            indexes,
            trace,
            curious,
        }
    }

    /// Looks without wanting: for what is worth showing if it is known, and cannot change the answer.
    pub fn quietly<T>(&self, look: impl FnOnce() -> T) -> T {
        self.trace.quietly(look)
    }

    /// Looks for what is worth showing and cannot change a state: wanting it only for somebody who asked.
    pub fn for_show<T>(&self, look: impl FnOnce() -> T) -> T {
        if self.curious {
            look()
        } else {
            self.quietly(look)
        }
    }

    /// Whether somebody asked, and is shown more than a board.
    pub fn is_curious(&self) -> bool {
        self.curious
    }

    /// How long things usually take. Only for who is curious: no board rests on it.
    pub fn history(&self) -> &'a HistoryFacts {
        &self.facts.history
    }

    /// Where all builds of an image came from that were read before.
    pub fn source_before(&self, image: &str) -> Option<&'a String> {
        self.facts.sources.get(image)
    }

    /// What the team says about itself.
    pub fn team(&self) -> &'a Team {
        &self.facts.team
    }

    /// The clusters.
    pub fn places(&self) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let (now, trace) = (self.now, self.trace);
        let indexes = self.indexes.iter();
        indexes.map(move |(name, index)| Place::new(name, index, trace, now))
    }

    /// A cluster, by name.
    pub fn place(&self, name: &str) -> Option<Place<'a>> {
        let (name, index) = self.indexes.get_key_value(name)?;
        Some(Place::new(name, index, self.trace, self.now))
    }

    /// Where looks are noted.
    pub fn trace(&self) -> &'a Trace {
        self.trace
    }

    /// A repository's branches and reverts.
    pub fn repository(&self, key: &str) -> Learned<&'a RepositoryFacts> {
        self.trace.look(&Look::Repository(key));
        let subject = || format!("the history of {key}");
        match self.facts.code.repositories.get(key) {
            Some(known) if known.coverage.is_whole() => Ok(known),
            Some(known) if known.coverage != Coverage::NotAsked => {
                Err(Gap::new(known.coverage.gap(&subject()).unwrap_or_default()))
            }
            _ => {
                self.trace.want(|| Want::Repository {
                    repository: key.to_owned(),
                });
                Err(Gap::pending(&subject))
            }
        }
    }

    /// The branch that releases, by name.
    pub fn releasing_branch(&self, key: &str) -> Learned<&'a str> {
        let repository = self.repository(key)?;
        Ok(self
            .facts
            .team
            .branches
            .get(key)
            .unwrap_or(&repository.default_branch))
    }

    /// The newest commit of the branch that releases.
    pub fn head(&self, key: &str) -> Learned<&'a str> {
        let branch = self.releasing_branch(key)?;
        self.head_of(key, branch)
    }

    /// The newest commit of a branch.
    pub fn head_of(&self, key: &str, branch: &str) -> Learned<&'a str> {
        self.repository(key)?
            .branches
            .get(branch)
            .map(String::as_str)
            .ok_or_else(|| Gap::new(format!("{key} has no branch {branch}")))
    }

    /// What a text stands for in a repository.
    pub fn resolve(&self, key: &str, text: &str) -> Learned<&'a [Resolved]> {
        self.trace
            .look(&Look::Found(Filled::Resolve, key, text, ""));
        if let Some(resolved) = self.known(key).and_then(|known| known.resolved.get(text)) {
            return Ok(resolved);
        }
        let subject = || format!("what {text} stands for in {key}");
        self.readable(key, &subject)?;
        self.trace.want(|| Want::Resolve {
            repository: key.to_owned(),
            text: text.to_owned(),
        });
        Err(Gap::pending(&subject))
    }

    /// One commit; `None` if the repository does not have it.
    pub fn commit(&self, key: &str, sha: &str) -> Learned<Option<&'a Commit>> {
        self.trace.look(&Look::Found(Filled::Commit, key, sha, ""));
        let subject = || format!("commit {} of {key}", api::headline::short(sha));
        let slot = self.known(key).and_then(|known| known.commits.get(sha));
        self.of_history(slot, key, &subject, || Want::Commit {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })
    }

    /// How commit `a` stands to commit `b`.
    pub fn relation(&self, key: &str, a: &str, b: &str) -> Learned<Relation> {
        if a == b {
            return Ok(Relation::Same);
        }
        self.trace.look(&Look::Found(Filled::Relation, key, a, b));
        self.trace.look(&Look::Found(Filled::Relation, key, b, a));
        if let Some(known) = self.known(key) {
            if let Some(relation) = known.relations.get(&(a.to_owned(), b.to_owned())) {
                return Ok(*relation);
            }
            if let Some(relation) = known.relations.get(&(b.to_owned(), a.to_owned())) {
                return Ok(turned(*relation));
            }
        }
        let subject = || {
            format!(
                "how {} stands to {} in {key}",
                api::headline::short(a),
                api::headline::short(b)
            )
        };
        self.readable(key, &subject)?;
        self.trace.want(|| Want::Relation {
            repository: key.to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
        });
        Err(Gap::pending(&subject))
    }

    /// Whether `b` contains `a`.
    pub fn contained(&self, key: &str, a: &str, b: &str) -> Learned<bool> {
        self.relation(key, a, b)?.is_contained().ok_or_else(|| {
            Gap::new(format!(
                "{key} does not have both {} and {}",
                api::headline::short(a),
                api::headline::short(b)
            ))
        })
    }

    /// CI runs of a commit, newest first; empty if there is none.
    pub fn ci(&self, key: &str, sha: &str) -> Learned<&'a [CiRun]> {
        self.trace.look(&Look::Found(Filled::Ci, key, sha, ""));
        let slot = self.known(key).and_then(|known| known.ci.get(sha));
        let subject = || format!("CI runs of {} in {key}", api::headline::short(sha));
        let runs = self.read(slot, &subject, || Want::Ci {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })?;
        Ok(runs.map_or(&[], Vec::as_slice))
    }

    /// Pull requests that a commit belongs to.
    pub fn pulls(&self, key: &str, sha: &str) -> Learned<&'a [PullRequest]> {
        self.trace.look(&Look::Found(Filled::Pulls, key, sha, ""));
        let slot = self.known(key).and_then(|known| known.pulls.get(sha));
        let subject = || format!("pull requests of {} in {key}", api::headline::short(sha));
        let pulls = self.read(slot, &subject, || Want::Pulls {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })?;
        Ok(pulls.map_or(&[], Vec::as_slice))
    }

    /// Open pull requests of a repository.
    pub fn open_pulls(&self, key: &str) -> Learned<&'a [PullRequest]> {
        self.trace
            .look(&Look::Found(Filled::OpenPulls, key, "", ""));
        let slot = self.known(key).and_then(|known| known.open_pulls.as_ref());
        let subject = || format!("open pull requests of {key}");
        let pulls = self.read(slot, &subject, || Want::OpenPulls {
            repository: key.to_owned(),
        })?;
        Ok(pulls.map_or(&[], Vec::as_slice))
    }

    /// Paths that a commit touches.
    pub fn touched(&self, key: &str, sha: &str) -> Learned<&'a [String]> {
        self.trace.look(&Look::Found(Filled::Touched, key, sha, ""));
        let slot = self.known(key).and_then(|known| known.touched.get(sha));
        let subject = || format!("paths touched by {} in {key}", api::headline::short(sha));
        let paths = self.of_history(slot, key, &subject, || Want::Touched {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })?;
        Ok(paths.map_or(&[], Vec::as_slice))
    }

    /// Whether a commit changes what a path is made of; where `objects` are named, how one of them is declared there.
    pub fn concerns(
        &self,
        key: &str,
        sha: &str,
        path: &str,
        objects: &BTreeSet<Named>,
    ) -> Learned<bool> {
        self.trace
            .look(&Look::Found(Filled::Concern, key, sha, path));
        let asked = (sha.to_owned(), path.to_owned(), objects.clone());
        let place = if path.is_empty() { "the root" } else { path };
        let short = api::headline::short(sha);
        let subject = || format!("whether {short} changes what {place} of {key} is made of");
        let slot = self.known(key).and_then(|known| known.concerns.get(&asked));
        let (sha, path, objects) = asked;
        let concern = self.of_history(slot, key, &subject, || Want::Concern {
            repository: key.to_owned(),
            sha,
            path,
            objects,
        })?;
        concern
            .copied()
            .ok_or_else(|| Gap::new(format!("{key} does not have {short}")))
    }

    /// How a commit changes the objects that a path declares: only what is certain.
    pub fn changes(&self, key: &str, sha: &str, path: &str) -> Learned<&'a [Change]> {
        self.trace
            .look(&Look::Found(Filled::Changes, key, sha, path));
        let asked = (sha.to_owned(), path.to_owned());
        let short = api::headline::short(sha);
        let subject = || format!("what {short} of {key} changes");
        let slot = self.known(key).and_then(|known| known.changes.get(&asked));
        let (sha, path) = asked;
        let changes = self.of_history(slot, key, &subject, || Want::Changes {
            repository: key.to_owned(),
            sha,
            path,
        })?;
        Ok(changes.map_or(&[], Vec::as_slice))
    }

    /// What a path of a GitOps repository declared over time; `None` if branch or path do not exist.
    pub fn declared(
        &self,
        key: &str,
        branch: &str,
        path: &str,
    ) -> Learned<Option<&'a DeclaredHistory>> {
        self.trace
            .look(&Look::Found(Filled::Declared, key, branch, path));
        let slot = self
            .known(key)
            .and_then(|known| known.declared.get(&(branch.to_owned(), path.to_owned())));
        let place = if path.is_empty() { "the root" } else { path };
        let subject = || format!("what {place} declares on {branch} of {key}");
        self.of_history(slot, key, &subject, || Want::Declared {
            repository: key.to_owned(),
            branch: branch.to_owned(),
            path: path.to_owned(),
        })
    }

    /// All tags of an image repository; `None` if the registry does not have it.
    pub fn tags(&self, repository: &str) -> Learned<Option<&'a Vec<String>>> {
        self.trace
            .look(&Look::Found(Filled::Tags, repository, "", ""));
        let subject = || format!("tags of {repository}");
        self.read(self.facts.images.tags.get(repository), &subject, || {
            Want::Tags {
                repository: repository.to_owned(),
            }
        })
    }

    /// What a tag points to; `None` if there is no such tag.
    pub fn digest(&self, repository: &str, tag: &str) -> Learned<Option<&'a String>> {
        self.trace
            .look(&Look::Found(Filled::Digest, repository, tag, ""));
        let subject = || format!("image {repository}:{tag}");
        let slot = self
            .facts
            .images
            .digests
            .get(&(repository.to_owned(), tag.to_owned()));
        self.read(slot, &subject, || Want::Digest {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// What a digest was built from; `None` if the registry does not have it.
    pub fn image(&self, repository: &str, digest: &str) -> Learned<Option<&'a Image>> {
        self.trace
            .look(&Look::Found(Filled::Image, repository, digest, ""));
        let subject = || format!("image {repository}@{digest}");
        let slot = self
            .facts
            .images
            .images
            .get(&(repository.to_owned(), digest.to_owned()));
        self.read(slot, &subject, || Want::Image {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
        })
    }

    /// All that is known of the labels of an image's builds.
    pub fn labelled(&self, repository: &str) -> impl Iterator<Item = &'a Image> + use<'a> {
        self.trace.look(&Look::Labels(repository));
        let name = repository.to_owned();
        let from = (name.clone(), String::new());
        let builds = self.facts.images.images.range(from..);
        builds
            .take_while(move |((one, _), _)| *one == name)
            .filter_map(|(_, read)| read.known())
    }

    /// Whether a repository may not be read.
    pub fn is_denied(&self, key: &str) -> bool {
        self.trace.look(&Look::Repository(key));
        let coverage = self.known(key).map(|known| &known.coverage);
        matches!(coverage, Some(Coverage::Denied { .. }))
    }

    /// The branches of a repository, as far as they are known: to suggest one, not to judge by.
    pub fn branches(&self, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let known = self.known(key).into_iter();
        known.flat_map(|known| known.branches.keys().map(String::as_str))
    }

    fn known(&self, key: &str) -> Option<&'a RepositoryFacts> {
        self.facts.code.repositories.get(key)
    }

    /// Refuses to want what a repository that could not be read cannot give.
    fn readable(&self, key: &str, subject: &dyn Fn() -> String) -> Learned<()> {
        self.trace.look(&Look::Repository(key));
        match self.known(key).map(|known| &known.coverage) {
            None | Some(Coverage::NotAsked) => Ok(()),
            Some(coverage) if coverage.is_whole() => Ok(()),
            Some(coverage) => coverage
                .gap(&subject())
                .map_or(Ok(()), |why| Err(Gap::new(why))),
        }
    }

    fn of_history<T>(
        &self,
        slot: Option<&'a Read<T>>,
        key: &str,
        subject: &dyn Fn() -> String,
        want: impl FnOnce() -> Want,
    ) -> Learned<Option<&'a T>> {
        if slot.is_none() {
            self.readable(key, subject)?;
        }
        self.read(slot, subject, want)
    }

    fn read<T>(
        &self,
        slot: Option<&'a Read<T>>,
        subject: &dyn Fn() -> String,
        want: impl FnOnce() -> Want,
    ) -> Learned<Option<&'a T>> {
        match slot {
            Some(Read::Known(value)) => Ok(Some(value)),
            Some(Read::Missing) => Ok(None),
            Some(Read::Gap(coverage)) => {
                Err(Gap::new(coverage.gap(&subject()).unwrap_or_else(|| {
                    format!("{} could not be read", subject())
                })))
            }
            None => {
                self.trace.want(want);
                Err(Gap::pending(subject))
            }
        }
    }
}

/// The same relation from the other commit's point of view.
fn turned(relation: Relation) -> Relation {
    match relation {
        Relation::Ancestor { ahead } => Relation::Descendant { ahead },
        Relation::Descendant { ahead } => Relation::Ancestor { ahead },
        Relation::Diverged { ahead, behind } => Relation::Diverged {
            ahead: behind,
            behind: ahead,
        },
        Relation::Same => Relation::Same,
        Relation::NoSuchCommit => Relation::NoSuchCommit,
    }
}
