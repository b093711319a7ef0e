//! The record of what was run on this machine, read without opening any system.
//!
//! Owns reading a journal's folder that may not be there yet. What a record is, and whether it fits, is the runbook's.

use std::path::Path;
use std::sync::Arc;

use api::Error;
use api::action::Runs;
use api::error::Code;
use cluster::Clock;
use runbook::journal::{Journal, JournalError};

use crate::actions::Actions;
use crate::hands::OpenHands;

pub use runbook::journal::{Answer, Event, Outcome, Record, Verified, Way};
pub use runbook::step::Effect;

/// What came of looking whether a journal is what was written.
#[derive(Debug)]
pub enum Audit {
    /// It is.
    Whole(Verified),
    /// It is not; the first record that does not fit is named.
    Damaged(Error),
}

/// Whether the journal in a folder is what was written, record by record.
///
/// # Errors
/// That cannot be told: it cannot be read.
pub fn verify(folder: &Path) -> Result<Audit, Error> {
    if !folder.is_dir() {
        return Ok(Audit::Whole(Verified::default()));
    }
    let verified = Journal::open(folder).and_then(|journal| journal.verify());
    match verified {
        Ok(verified) => Ok(Audit::Whole(verified)),
        Err(why @ JournalError::Damaged { .. }) => Ok(Audit::Damaged(said(&why))),
        Err(why) => Err(said(&why)),
    }
}

/// All records of the journal in a folder, the oldest first.
///
/// # Errors
/// It cannot be read, or is not what was written.
pub fn records(folder: &Path) -> Result<Vec<Record>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let records = Journal::open(folder).and_then(|journal| journal.records());
    records.map_err(|why| said(&why))
}

/// The newest runs of the journal in a folder, newest first.
pub async fn runs(folder: &Path) -> Runs {
    if !folder.is_dir() {
        return Runs::default();
    }
    // Nothing is open: these hands reach nowhere.
    let hands = Arc::new(OpenHands::none());
    let journal = Some(folder.to_owned());
    Actions::new(hands, None, journal, Clock::default())
        .runs()
        .await
}

fn said(why: &JournalError) -> Error {
    Error::new(Code::BadFile, why.to_string()).hint(why.hint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use runbook::journal::RunId;

    #[test]
    fn a_machine_on_which_nothing_was_run_has_a_whole_record_and_gets_no_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        assert!(matches!(verify(&journal), Ok(Audit::Whole(none)) if none.records == 0));
        assert_eq!(records(&journal).expect("none"), Vec::new());
        assert!(!journal.exists());
    }

    #[test]
    fn a_record_that_was_altered_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path()).expect("made");
        for call in 0..3 {
            let event = Event::Intent { step: 0, call };
            let written = journal.append(Timestamp::UNIX_EPOCH, &RunId::new("r"), &event);
            written.expect("written");
        }
        assert!(matches!(verify(folder.path()), Ok(Audit::Whole(all)) if all.records == 3));
        let file = folder.path().join("journal.jsonl");
        let text = std::fs::read_to_string(&file).expect("there");
        std::fs::write(&file, text.replacen("\"call\":1", "\"call\":2", 1)).expect("written");
        let Ok(Audit::Damaged(why)) = verify(folder.path()) else {
            panic!("it passed");
        };
        assert!(why.message.contains("record 2 does not fit"), "{why}");
        assert!(records(folder.path()).is_err());
    }
}
