//! What a plan stands on: the objects that a step looks at, as they were read.
//!
//! Owns naming what to read, and finding it again. Reads nothing.

use std::collections::BTreeMap;

use api::ObjectRef;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::git::{DeclaredAt, Landed, Wanted};
use crate::journal::RunId;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// One object.
    Object(ObjectRef),
    /// All objects of a kind in a namespace of a system.
    All {
        /// The system.
        system: String,
        /// The kind.
        kind: &'static str,
        /// The namespace.
        namespace: String,
    },
    /// Where versions are declared at a branch's head, fetched anew.
    Declared {
        /// The repository, as Flux's source names it (`spec.url`).
        repository: String,
        /// The branch; empty for the default one.
        branch: String,
        /// The path within, as the Kustomization names it.
        path: String,
        /// Whose version.
        wanted: Wanted,
    },
    /// What a run has left on a branch since a head, asked of the code host.
    Landed {
        /// The repository, as Flux's source names it.
        repository: String,
        /// The branch.
        branch: String,
        /// The head's SHA.
        since: String,
        /// The run.
        run: RunId,
    },
}

/// What was read at one time.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// By what was looked for: the object, or the list's items.
    read: BTreeMap<Look, Read>,
    /// What the step's calls were answered, in their order: see [`crate::journal::Answer::Done`].
    answered: Vec<String>,
    /// The system's own time.
    pub now: Timestamp,
}

/// What came of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The object.
    Object(Json),
    /// The objects.
    All(Vec<Json>),
    /// Where versions are declared.
    Declared(DeclaredAt),
    /// What the run has left.
    Landed(Landed),
    /// There is none.
    Absent,
    /// That cannot be told, and why.
    Unknown(String),
}

impl Ground {
    /// Nothing is known yet.
    pub fn at(now: Timestamp) -> Self {
        Self {
            read: BTreeMap::new(),
            answered: Vec::new(),
            now,
        }
    }

    /// Notes what a look brought.
    pub fn add(&mut self, look: Look, read: Read) {
        self.read.insert(look, read);
    }

    /// The same, with what the step's calls were answered.
    #[must_use]
    pub fn with_answers(mut self, answered: Vec<String>) -> Self {
        self.answered = answered;
        self
    }

    /// What the step's only call was answered, as far as that says anything.
    pub fn answer(&self) -> Option<&str> {
        let answer = self.answered.first().map(String::as_str);
        answer.filter(|answer| !answer.is_empty())
    }

    /// Whether that was looked for.
    pub fn has(&self, look: &Look) -> bool {
        self.read.contains_key(look)
    }

    /// What was read of an object; an error, where it was not.
    ///
    /// # Errors
    /// Why nothing can be said of it.
    pub fn object(&self, object: &ObjectRef) -> Result<Option<&Json>, String> {
        match self.read.get(&Look::Object(object.clone())) {
            Some(Read::Object(found)) => Ok(Some(found)),
            Some(Read::Absent) => Ok(None),
            Some(Read::Unknown(why)) => Err(why.clone()),
            Some(_) | None => Err(format!("{object} was not looked at")),
        }
    }

    /// All that were read of a kind; an error, where they were not.
    ///
    /// # Errors
    /// Why nothing can be said of them.
    pub fn all(
        &self,
        system: &str,
        kind: &'static str,
        namespace: &str,
    ) -> Result<&[Json], String> {
        let look = Look::All {
            system: system.to_owned(),
            kind,
            namespace: namespace.to_owned(),
        };
        match self.read.get(&look) {
            Some(Read::All(all)) => Ok(all),
            Some(Read::Absent) => Ok(&[]),
            Some(Read::Unknown(why)) => Err(why.clone()),
            Some(_) | None => Err(format!("the {kind}s in {namespace} were not looked at")),
        }
    }
    /// Where versions are declared; an error, where that was not read.
    ///
    /// # Errors
    /// Why nothing can be said of it.
    pub fn declared(&self, look: &Look) -> Result<&DeclaredAt, String> {
        match self.read.get(look) {
            Some(Read::Declared(declared)) => Ok(declared),
            Some(Read::Unknown(why)) => Err(why.clone()),
            Some(_) | None => Err("the repository was not looked at".to_owned()),
        }
    }

    /// What a run has left in a repository; an error, where that was not read.
    ///
    /// # Errors
    /// Why nothing can be said of it.
    pub fn landed(&self, look: &Look) -> Result<&Landed, String> {
        match self.read.get(look) {
            Some(Read::Landed(landed)) => Ok(landed),
            Some(Read::Unknown(why)) => Err(why.clone()),
            Some(_) | None => Err("the repository was not looked at".to_owned()),
        }
    }
}
