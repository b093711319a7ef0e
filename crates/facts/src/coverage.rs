//! Whether something was read at all, and when: the difference between "there is none" and "we could not look".

use jiff::Timestamp;

/// How well one kind in one scope is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// Read whole; what is not there does not exist.
    Seen {
        /// The moment of the read, or of the newest watch event or bookmark.
        as_of: Timestamp,
    },
    /// The server does not know the kind: there is none, and there cannot be one.
    NotServed {
        /// The moment the server said so.
        as_of: Timestamp,
    },
    /// The server said that we may not.
    Denied {
        /// What it said.
        message: String,
    },
    /// The server answered with an error, or with something that is not what it should be.
    Failed {
        /// What went wrong.
        message: String,
    },
    /// The server did not answer, or could not be asked: the message says which.
    Unreachable {
        /// What went wrong.
        message: String,
    },
    /// Nobody asked yet.
    #[default]
    NotAsked,
}

impl Coverage {
    /// Whether absence is evidence.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Seen { .. } | Self::NotServed { .. })
    }

    /// Why it is not known, for a sentence: `subject` is what was to be read, such as "pods in shop"; `None` if it is known.
    pub fn gap(&self, subject: &str) -> Option<String> {
        match self {
            Self::Seen { .. } | Self::NotServed { .. } => None,
            Self::Denied { message } if message.is_empty() => {
                Some(format!("not allowed to read {subject}"))
            }
            Self::Denied { message } => Some(format!("not allowed to read {subject}: {message}")),
            Self::Failed { message } => Some(format!("reading {subject} failed: {message}")),
            Self::Unreachable { message } => {
                Some(format!("{subject} cannot be read now: {message}"))
            }
            Self::NotAsked => Some(format!("{subject} not read yet")),
        }
    }
}

/// A value that had to be read for itself: the value, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// It was read.
    Known(T),
    /// It was asked for and does not exist: the system that would have it said so.
    Missing,
    /// It was asked for and could not be read.
    Gap(Coverage),
}

impl<T> Read<T> {
    /// The value, if it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Missing | Self::Gap(_) => None,
        }
    }
}
