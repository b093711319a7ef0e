//! The facts as the engine looks at them: every look that finds nothing leaves a want behind.
//!
//! Owns the difference between "there is none", "not read yet" and "could not be read", and the two side products of
//! an evaluation: what is wanted and when the answer changes by itself. Judges nothing.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use facts::code::{
    Change, CiRun, Commit, DeclaredHistory, Named, PullRequest, Relation, RepositoryFacts, Resolved,
};
use facts::image::Image;
use facts::{ClusterFacts, Coverage, Facts, Kind, Platform, Reach, Read, Want};
use jiff::Timestamp;

use crate::index::Index;

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

    fn pending(subject: &str) -> Self {
        Self {
            why: format!("{subject} not read yet"),
            pending: true,
        }
    }
}

/// A value, or why it is not known.
pub type Learned<T> = Result<T, Gap>;

/// One cluster as the engine looks at it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is known of it.
    pub facts: &'a ClusterFacts,
    /// The same by what it is looked up by.
    pub index: &'a Index<'a>,
    /// Now, by its clock.
    pub now: Timestamp,
}

impl<'a> Place<'a> {
    /// Whether it is Amazon ECS: its workloads are services, its pods are tasks, and nothing of Flux's is there.
    pub fn is_ecs(&self) -> bool {
        self.facts.platform == Platform::Ecs
    }

    /// What its workloads run in.
    pub fn pod_kind(&self) -> Kind {
        if self.is_ecs() {
            Kind::EcsTask
        } else {
            Kind::Pod
        }
    }

    /// The same in many, as a sentence says it.
    pub fn pods(&self) -> &'static str {
        if self.is_ecs() { "tasks" } else { "pods" }
    }

    /// Whether a kind is known whole in a namespace. A cluster that stopped answering keeps what it said.
    pub fn whole(&self, kind: Kind, namespace: &str) -> Learned<()> {
        let coverage = self.facts.coverage(kind, namespace);
        if matches!(self.facts.reach, Reach::Lost { .. })
            && matches!(coverage, Coverage::Unreachable { .. })
        {
            return Ok(());
        }
        let subject = match (self.is_ecs(), namespace) {
            (false, "") => format!("{} objects of cluster {}", kind.name(), self.name),
            (false, _) => format!(
                "{} objects in namespace {namespace} of cluster {}",
                kind.name(),
                self.name
            ),
            (true, "") => format!("{}s of {}", kind.name(), self.name),
            (true, _) => format!(
                "{}s in ECS cluster {namespace} of {}",
                kind.name(),
                self.name
            ),
        };
        match coverage.gap(&subject) {
            None => Ok(()),
            Some(why) => Err(Gap::new(why)),
        }
    }

    /// An object that was looked up: there, certainly not there, or not known.
    pub fn object<T>(
        &self,
        found: Option<&'a T>,
        kind: Kind,
        namespace: &str,
    ) -> Learned<Option<&'a T>> {
        self.whole(kind, namespace)?;
        Ok(found)
    }
}

/// The facts, the time, and what this evaluation leaves behind.
pub struct View<'a> {
    /// Everything that is known.
    pub facts: &'a Facts,
    /// Now, by our clock.
    pub now: Timestamp,
    indexes: &'a BTreeMap<&'a str, Index<'a>>,
    wants: RefCell<BTreeSet<Want>>,
    changes_at: Cell<Option<Timestamp>>,
    quiet: Cell<bool>,
    curious: bool,
}

impl<'a> View<'a> {
    /// Begins an evaluation. A curious one also wants what cannot change a state and is worth showing to somebody who
    /// asked; a board of thousands of cells does without.
    pub fn new(
        facts: &'a Facts,
        indexes: &'a BTreeMap<&'a str, Index<'a>>,
        now: Timestamp,
        curious: bool,
    ) -> Self {
        Self {
            facts,
            now,
            indexes,
            wants: RefCell::default(),
            changes_at: Cell::new(None),
            quiet: Cell::new(false),
            curious,
        }
    }

    /// Ends it.
    pub fn outcome(self) -> (BTreeSet<Want>, Option<Timestamp>) {
        (self.wants.into_inner(), self.changes_at.get())
    }

    /// Looks without wanting: for what is worth showing if it is known, and cannot change the answer.
    pub fn quietly<T>(&self, look: impl FnOnce() -> T) -> T {
        let before = self.quiet.replace(true);
        let seen = look();
        self.quiet.set(before);
        seen
    }

    /// Looks for what is worth showing and cannot change a state: wanting it only for somebody who asked.
    pub fn for_show<T>(&self, look: impl FnOnce() -> T) -> T {
        if self.curious {
            look()
        } else {
            self.quietly(look)
        }
    }

    /// The clusters.
    pub fn places(&self) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let (now, facts) = (self.now, self.facts);
        self.indexes.iter().filter_map(move |(name, index)| {
            let facts = facts.clusters.get(*name)?.as_ref();
            Some(Place {
                name,
                facts,
                index,
                now: now.checked_add(facts.clock_offset).unwrap_or(now),
            })
        })
    }

    /// Remembers that the answer changes by itself at an instant of a cluster's clock.
    pub fn changes_at(&self, place: Place<'_>, at: Timestamp) {
        let Ok(at) = at.checked_sub(place.facts.clock_offset) else {
            return;
        };
        if at <= self.now {
            return;
        }
        let earliest = self.changes_at.get().map_or(at, |earlier| earlier.min(at));
        self.changes_at.set(Some(earliest));
    }

    fn want(&self, want: Want) {
        if !self.quiet.get() {
            self.wants.borrow_mut().insert(want);
        }
    }

    /// A repository's branches and reverts.
    pub fn repository(&self, key: &str) -> Learned<&'a RepositoryFacts> {
        let subject = format!("the history of {key}");
        match self.facts.code.repositories.get(key) {
            Some(known) if known.coverage.is_whole() => Ok(known),
            Some(known) if known.coverage != Coverage::NotAsked => {
                Err(Gap::new(known.coverage.gap(&subject).unwrap_or_default()))
            }
            _ => {
                self.want(Want::Repository {
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
        if let Some(resolved) = self.known(key).and_then(|known| known.resolved.get(text)) {
            return Ok(resolved);
        }
        let subject = format!("what {text} stands for in {key}");
        self.readable(key, &subject)?;
        self.want(Want::Resolve {
            repository: key.to_owned(),
            text: text.to_owned(),
        });
        Err(Gap::pending(&subject))
    }

    /// One commit; `None` if the repository does not have it.
    pub fn commit(&self, key: &str, sha: &str) -> Learned<Option<&'a Commit>> {
        let subject = format!("commit {} of {key}", api::headline::short(sha));
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
        if let Some(known) = self.known(key) {
            if let Some(relation) = known.relations.get(&(a.to_owned(), b.to_owned())) {
                return Ok(*relation);
            }
            if let Some(relation) = known.relations.get(&(b.to_owned(), a.to_owned())) {
                return Ok(turned(*relation));
            }
        }
        let subject = format!(
            "how {} stands to {} in {key}",
            api::headline::short(a),
            api::headline::short(b)
        );
        self.readable(key, &subject)?;
        self.want(Want::Relation {
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
        let slot = self.known(key).and_then(|known| known.ci.get(sha));
        let subject = format!("CI runs of {} in {key}", api::headline::short(sha));
        let runs = self.read(slot, &subject, || Want::Ci {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })?;
        Ok(runs.map_or(&[], Vec::as_slice))
    }

    /// Pull requests that a commit belongs to.
    pub fn pulls(&self, key: &str, sha: &str) -> Learned<&'a [PullRequest]> {
        let slot = self.known(key).and_then(|known| known.pulls.get(sha));
        let subject = format!("pull requests of {} in {key}", api::headline::short(sha));
        let pulls = self.read(slot, &subject, || Want::Pulls {
            repository: key.to_owned(),
            sha: sha.to_owned(),
        })?;
        Ok(pulls.map_or(&[], Vec::as_slice))
    }

    /// Open pull requests of a repository.
    pub fn open_pulls(&self, key: &str) -> Learned<&'a [PullRequest]> {
        let slot = self.known(key).and_then(|known| known.open_pulls.as_ref());
        let subject = format!("open pull requests of {key}");
        let pulls = self.read(slot, &subject, || Want::OpenPulls {
            repository: key.to_owned(),
        })?;
        Ok(pulls.map_or(&[], Vec::as_slice))
    }

    /// Paths that a commit touches.
    pub fn touched(&self, key: &str, sha: &str) -> Learned<&'a [String]> {
        let slot = self.known(key).and_then(|known| known.touched.get(sha));
        let subject = format!("paths touched by {} in {key}", api::headline::short(sha));
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
        let asked = (sha.to_owned(), path.to_owned(), objects.clone());
        let place = if path.is_empty() { "the root" } else { path };
        let short = api::headline::short(sha);
        let subject = format!("whether {short} changes what {place} of {key} is made of");
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
        let asked = (sha.to_owned(), path.to_owned());
        let short = api::headline::short(sha);
        let subject = format!("what {short} of {key} changes");
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
        let slot = self
            .known(key)
            .and_then(|known| known.declared.get(&(branch.to_owned(), path.to_owned())));
        let place = if path.is_empty() { "the root" } else { path };
        let subject = format!("what {place} declares on {branch} of {key}");
        self.of_history(slot, key, &subject, || Want::Declared {
            repository: key.to_owned(),
            branch: branch.to_owned(),
            path: path.to_owned(),
        })
    }

    /// All tags of an image repository; `None` if the registry does not have it.
    pub fn tags(&self, repository: &str) -> Learned<Option<&'a Vec<String>>> {
        let subject = format!("tags of {repository}");
        self.read(self.facts.images.tags.get(repository), &subject, || {
            Want::Tags {
                repository: repository.to_owned(),
            }
        })
    }

    /// What a tag points to; `None` if there is no such tag.
    pub fn digest(&self, repository: &str, tag: &str) -> Learned<Option<&'a String>> {
        let subject = format!("image {repository}:{tag}");
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
        let subject = format!("image {repository}@{digest}");
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

    fn known(&self, key: &str) -> Option<&'a RepositoryFacts> {
        self.facts.code.repositories.get(key)
    }

    /// Refuses to want what a repository that could not be read cannot give.
    fn readable(&self, key: &str, subject: &str) -> Learned<()> {
        match self.known(key).map(|known| &known.coverage) {
            None | Some(Coverage::NotAsked) => Ok(()),
            Some(coverage) => coverage
                .gap(subject)
                .map_or(Ok(()), |why| Err(Gap::new(why))),
        }
    }

    fn of_history<T>(
        &self,
        slot: Option<&'a Read<T>>,
        key: &str,
        subject: &str,
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
        subject: &str,
        want: impl FnOnce() -> Want,
    ) -> Learned<Option<&'a T>> {
        match slot {
            Some(Read::Known(value)) => Ok(Some(value)),
            Some(Read::Missing) => Ok(None),
            Some(Read::Gap(coverage)) => Err(Gap::new(
                coverage
                    .gap(subject)
                    .unwrap_or_else(|| format!("{subject} could not be read")),
            )),
            None => {
                self.want(want());
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
