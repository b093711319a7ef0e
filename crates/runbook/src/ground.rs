//! What a plan stands on: the objects that a step looks at, as they were read.
//!
//! Owns naming what to read, and finding it again. Reads nothing.

use std::collections::BTreeMap;

use api::ObjectRef;
use jiff::Timestamp;
use serde_json::Value as Json;

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
}

/// What was read at one time.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// By what was looked for: the object, or the list's items.
    read: BTreeMap<Look, Read>,
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
            now,
        }
    }

    /// Notes what a look brought.
    pub fn add(&mut self, look: Look, read: Read) {
        self.read.insert(look, read);
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
            Some(Read::All(_)) | None => Err(format!("{object} was not looked at")),
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
            Some(Read::Object(_)) | None => {
                Err(format!("the {kind}s in {namespace} were not looked at"))
            }
        }
    }
}
