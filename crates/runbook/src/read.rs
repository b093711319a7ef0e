//! An action file's text, as an action: or every reason why it is none, each with its file, line, column and field.
//!
//! Owns reading one file. What holds between files is `library`'s.

mod form;
mod rules;
mod tree;

use crate::action::Action;

use form::read as value;
pub use tree::MOST_BYTES;
use tree::{Node, written};
pub(crate) use tree::{Part, quoted};

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{says}", of(.field))]
pub struct Fault {
    /// The file, as it was called.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The field; empty where it is the file as a whole.
    pub field: String,
    /// What is wrong with it.
    pub says: String,
}

fn of(field: &str) -> String {
    match field {
        "" => String::new(),
        field => format!("{field}: "),
    }
}

/// An action with where each of its fields is written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The file, as it was called.
    pub(crate) file: String,
    pub(crate) action: Action,
    tree: Node,
}

impl Written {
    /// Something that is wrong with one of its fields.
    pub(crate) fn fault(&self, way: &[Part], says: impl Into<String>) -> Fault {
        fault(&self.file, &self.tree, way, says.into())
    }
}

fn fault(file: &str, tree: &Node, way: &[Part], says: String) -> Fault {
    let place = tree.place_of(way);
    Fault {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        field: written(way),
        says,
    }
}

/// Reads an action.
///
/// # Errors
/// Everything that is wrong with the file. Of a file whose form is wrong, the first thing.
pub fn read(file: &str, bytes: &[u8]) -> Result<Action, Vec<Fault>> {
    read_written(file, bytes).map(|written| written.action)
}

pub(crate) fn read_written(file: &str, bytes: &[u8]) -> Result<Written, Vec<Fault>> {
    let tree = tree(file, bytes).map_err(|fault| vec![fault])?;
    let action: Action = typed(file, &tree).map_err(|fault| vec![fault])?;
    let broken = rules::broken(&action);
    if broken.is_empty() {
        let file = file.to_owned();
        return Ok(Written { file, action, tree });
    }
    let faults = broken
        .into_iter()
        .map(|(way, says)| fault(file, &tree, &way, says));
    Err(faults.collect())
}

/// Reads a file's YAML.
///
/// # Errors
/// Why it is none.
pub(crate) fn tree(file: &str, bytes: &[u8]) -> Result<Node, Fault> {
    let at = |place: tree::Place, says: String| Fault {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        field: String::new(),
        says,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let place = tree::Place { line, column: 1 };
        at(place, "this line is no UTF-8 text".to_owned())
    })?;
    tree::parse(text).map_err(|wrong| at(wrong.place, wrong.says))
}

/// Reads a tree's value.
///
/// # Errors
/// What is wrong with its form.
pub(crate) fn typed<'n, T: serde::Deserialize<'n>>(file: &str, tree: &'n Node) -> Result<T, Fault> {
    value(tree).map_err(|wrong| {
        let mut fault = fault(file, tree, &wrong.way(), wrong.says.clone());
        if let Some(place) = wrong.place {
            (fault.line, fault.column) = (place.line, place.column);
        }
        fault
    })
}

#[cfg(test)]
mod tests;
