//! How a check says what is not so, and the few ways to look: every failure names what was looked at and what was found.

use std::fmt::Debug;

use serde_json::Value;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The server did not answer at all.
    #[error("{asked}: no answer: {}", whole(source))]
    NoAnswer {
        /// What was asked.
        asked: String,
        /// Why there is no answer.
        source: reqwest::Error,
    },
    /// It answered otherwise than it should.
    #[error("{what}: {found} and not {wanted}")]
    Otherwise {
        /// What was looked at.
        what: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// Something is not so.
    #[error("not so: {0}")]
    NotSo(String),
    /// Nothing came within the time that anything takes.
    #[error("never: {0}")]
    Never(String),
}

/// What a check ends with.
pub(crate) type Checked = Result<(), Broken>;

fn whole(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Both are the same.
pub(crate) fn same<F, W>(what: impl Into<String>, found: &F, wanted: &W) -> Checked
where
    F: Debug + PartialEq<W> + ?Sized,
    W: Debug + ?Sized,
{
    if found == wanted {
        return Ok(());
    }
    Err(Broken::Otherwise {
        what: what.into(),
        found: short(&format!("{found:?}")),
        wanted: format!("{wanted:?}"),
    })
}

/// A JSON field has this value; `pointer` is as in RFC 6901, and a field that is absent is null.
pub(crate) fn field(object: &Value, pointer: &str, wanted: impl Into<Value>) -> Checked {
    let wanted = wanted.into();
    let found = object.pointer(pointer).unwrap_or(&Value::Null);
    if *found == wanted {
        return Ok(());
    }
    Err(Broken::Otherwise {
        what: pointer.to_owned(),
        found: short(&found.to_string()),
        wanted: format!("{wanted}, in {}", short(&object.to_string())),
    })
}

/// A JSON field holds a text that is not empty; the text.
pub(crate) fn filled<'a>(object: &'a Value, pointer: &str) -> Result<&'a str, Broken> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| {
            Broken::NotSo(format!(
                "{pointer} is filled, in {}",
                short(&object.to_string())
            ))
        })
}

/// A JSON object has no such field.
pub(crate) fn absent(object: &Value, pointer: &str) -> Checked {
    match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(()),
        Some(found) => Err(Broken::NotSo(format!(
            "{pointer} is absent, but it is {}",
            short(&found.to_string())
        ))),
    }
}

/// Something is so.
pub(crate) fn holds(what: impl Into<String>, so: bool) -> Checked {
    if so {
        Ok(())
    } else {
        Err(Broken::NotSo(what.into()))
    }
}

/// A text contains another.
pub(crate) fn says(text: &str, part: &str) -> Checked {
    holds(
        format!("{:?} is said in {:?}", part, short(text)),
        text.contains(part),
    )
}

/// Enough of a text to recognize it.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 900;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
