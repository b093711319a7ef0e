//! What an evaluation looks at, wants, and when it changes by itself: the three side products of every look.
//!
//! Owns the marks by which it is known what an answer rests on. Two looks may have one mark; then more is evaluated again
//! than had to be, and nothing less. Judges nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use facts::{Kind, Selection, Want};
use jiff::Timestamp;
use rustc_hash::FxHasher;

/// Something that can be looked at. Whoever looks and whoever changes it make the same mark of it.
#[derive(Hash)]
pub enum Look<'l> {
    /// Whether a cluster answers, and its clock.
    Cluster(&'l str),
    /// How well a kind is known in a cluster.
    Coverage(&'l str, Kind),
    /// When a kind was read in a cluster.
    Reading(&'l str, Kind),
    /// One object of a cluster: its kind, namespace and name.
    Object(&'l str, Kind, &'l str, &'l str),
    /// All objects of a kind in a cluster.
    Objects(&'l str, Kind),
    /// What an index has of a cluster: under a namespace and two more words.
    Indexed(&'l str, Table, &'l str, &'l str, &'l str),
    /// What else is known of an ECS service.
    EcsService(&'l str, &'l str, &'l str),
    /// A task definition.
    TaskDefinition(&'l str, &'l str),
    /// The targets of an app.
    App(&'l str),
    /// The targets that run builds of an image.
    Image(&'l str),
    /// The targets that are built from a repository.
    Source(&'l str),
    /// The environments of the targets of a cluster.
    Environments(&'l str),
    /// Every target.
    Targets,
    /// What a repository's own want fills.
    Repository(&'l str),
    /// What a want fills: the want's kind and its words.
    Found(Filled, &'l str, &'l str, &'l str),
    /// All labels that are known of an image's builds.
    Labels(&'l str),
}

/// The tables of an index.
#[derive(Clone, Copy, Hash)]
pub enum Table {
    Pods,
    ReplicaSets,
    Warnings,
    Services,
    Slices,
    Ingresses,
    Certificates,
    Appliers,
    Policies,
}

/// What wants fill, one each.
#[derive(Clone, Copy, Hash)]
pub enum Filled {
    Resolve,
    Commit,
    Relation,
    Ci,
    Pulls,
    OpenPulls,
    Touched,
    Concern,
    Changes,
    Declared,
    Tags,
    Digest,
    Image,
}

/// The mark of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(u64);

impl Mark {
    /// The mark of a look.
    pub fn of(look: &Look<'_>) -> Self {
        let mut hasher = FxHasher::default();
        look.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The marks of what is known anew once a want is answered.
pub fn filled(want: &Want) -> Vec<Mark> {
    let found = |what, a: &str, b: &str, c: &str| Mark::of(&Look::Found(what, a, b, c));
    match want {
        Want::Repository { repository } => vec![Mark::of(&Look::Repository(repository))],
        Want::Resolve { repository, text } => vec![found(Filled::Resolve, repository, text, "")],
        Want::Commit { repository, sha } => vec![found(Filled::Commit, repository, sha, "")],
        Want::Relation { repository, a, b } => vec![found(Filled::Relation, repository, a, b)],
        Want::Ci { repository, sha } => vec![found(Filled::Ci, repository, sha, "")],
        Want::Pulls { repository, sha } => vec![found(Filled::Pulls, repository, sha, "")],
        Want::OpenPulls { repository } => vec![found(Filled::OpenPulls, repository, "", "")],
        Want::Touched { repository, sha } => vec![found(Filled::Touched, repository, sha, "")],
        Want::Concern {
            repository,
            sha,
            path,
            ..
        } => vec![found(Filled::Concern, repository, sha, path)],
        Want::Changes {
            repository,
            sha,
            path,
        } => vec![found(Filled::Changes, repository, sha, path)],
        Want::Declared {
            repository,
            branch,
            path,
        } => vec![found(Filled::Declared, repository, branch, path)],
        Want::Tags { repository } => vec![found(Filled::Tags, repository, "", "")],
        Want::Digest { repository, tag } => vec![found(Filled::Digest, repository, tag, "")],
        Want::Image { repository, digest } => vec![
            found(Filled::Image, repository, digest, ""),
            Mark::of(&Look::Labels(repository)),
        ],
    }
}

/// What an evaluation leaves behind.
#[derive(Debug, Default)]
pub struct Seen {
    /// What it looked at; each once and in order after [`Seen::order`].
    pub marks: Vec<Mark>,
    /// Facts that would make it more exact.
    pub wants: BTreeSet<Want>,
    /// Pods that would, by cluster: only of those whose pods are read where they are wanted.
    pub pods: BTreeSet<(String, Selection)>,
    /// When it changes by itself, by our clock.
    pub changes_at: Option<Timestamp>,
}

impl Seen {
    /// Brings the marks in order, each once.
    pub fn order(&mut self) {
        self.marks.sort_unstable();
        self.marks.dedup();
        self.marks.shrink_to_fit();
    }
}

/// Takes note during an evaluation.
pub struct Trace {
    marking: bool,
    marks: RefCell<Vec<Mark>>,
    wants: RefCell<BTreeSet<Want>>,
    pods: RefCell<BTreeSet<(String, Selection)>>,
    changes_at: Cell<Option<Timestamp>>,
    quiet: Cell<bool>,
}

impl Trace {
    /// Begins. What is evaluated once and thrown away needs no marks.
    pub fn new(marking: bool) -> Self {
        Self {
            marking,
            marks: RefCell::default(),
            wants: RefCell::default(),
            pods: RefCell::default(),
            changes_at: Cell::new(None),
            quiet: Cell::new(false),
        }
    }

    /// Notes a look.
    pub fn look(&self, look: &Look<'_>) {
        if self.marking {
            self.note(Mark::of(look));
        }
    }

    /// Notes a look by its mark.
    pub fn note(&self, mark: Mark) {
        let mut marks = self.marks.borrow_mut();
        // Often one thing is looked at twice in a row.
        if self.marking && marks.last() != Some(&mark) {
            marks.push(mark);
        }
    }

    /// Notes a want, unless it is looked quietly.
    pub fn want(&self, want: impl FnOnce() -> Want) {
        if !self.quiet.get() {
            self.wants.borrow_mut().insert(want());
        }
    }

    /// Notes that pods are wanted, unless it is looked quietly.
    pub fn want_pods(&self, cluster: &str, selection: &Selection) {
        if !self.quiet.get() {
            let wanted = (cluster.to_owned(), selection.clone());
            self.pods.borrow_mut().insert(wanted);
        }
    }

    /// Notes that the outcome changes by itself.
    pub fn changes_at(&self, at: Timestamp) {
        let earliest = self.changes_at.get().map_or(at, |earlier| earlier.min(at));
        self.changes_at.set(Some(earliest));
    }

    /// Looks without wanting.
    pub fn quietly<T>(&self, look: impl FnOnce() -> T) -> T {
        let before = self.quiet.replace(true);
        let seen = look();
        self.quiet.set(before);
        seen
    }

    /// What was noted since the last time.
    pub fn take(&self) -> Seen {
        // One buffer for all parts; each keeps what it has and no more.
        let mut buffer = self.marks.borrow_mut();
        let marks = buffer.as_slice().to_vec();
        buffer.clear();
        Seen {
            marks,
            wants: self.wants.take(),
            pods: self.pods.take(),
            changes_at: self.changes_at.take(),
        }
    }
}
