//! The actions that there are, and a folder of one's own under test: what needs no system.
//!
//! Owns the way there for whoever shows them. What an action is, and how a case is run, is the runbook's.

use std::path::Path;

use api::Error;
use api::error::Code;
use runbook::docs;
use runbook::fixtures::{self, Folder};
use runbook::library::Library;

pub use runbook::action::{Action, TargetKind, Undo};
pub use runbook::docs::lines;
pub use runbook::fixtures::Report;

/// What ships, in the order in which it is offered.
///
/// # Errors
/// None that is known: the tests read what ships.
pub fn shipped() -> Result<Vec<Action>, Error> {
    let library = Library::shipped().map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Error::new(Code::Internal, faults.join("\n"))
    })?;
    Ok(library.actions().cloned().collect())
}

/// Runs every case of a folder of actions.
///
/// # Errors
/// The folder, or something in it, cannot be read.
pub fn test(folder: &Path) -> Result<Report, Error> {
    let read = Folder::read(folder).map_err(|why| {
        let folder = folder.display();
        Error::new(
            Code::BadFile,
            format!("the actions in {folder} cannot be read: {why}"),
        )
    })?;
    Ok(fixtures::test(&read))
}

/// The JSON Schema of action files.
///
/// # Errors
/// None that is known: a schema is made of text and numbers.
pub fn schema() -> Result<String, Error> {
    docs::schema().map_err(|why| Error::new(Code::Internal, why.to_string()))
}
