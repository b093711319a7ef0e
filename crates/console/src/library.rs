//! The actions that there are: what ships, the team's own, and a folder that somebody tries; and a folder under test.
//!
//! Owns the way there for whoever shows them, and that what is wrong with one file is told and hinders no other. What an
//! action is, and how a case is run, is the runbook's; where the team's own are read from is [`pinned`]'s.

mod pinned;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::Error;
use api::error::Code;
use api::headline::plain;
use cluster::Clock;
use forge::Forge;
use runbook::docs;
use runbook::fixtures::{self, Folder};
use runbook::library::Library;
use runbook::read::{Fault, MOST_BYTES};

use crate::sources::{self, Sources};
use crate::team_file::TeamFile;

pub use runbook::action::{Action, TargetKind, Undo};
pub use runbook::docs::lines;
pub use runbook::fixtures::Report;

use pinned::{NotKnown, Pinned};

/// How long the team's actions are waited for: a person waits for a button, and what ships is there at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest sentence about a file that cannot be used, in characters.
const LONGEST: usize = 600;

/// The most files that cannot be used whose names stand in one hint.
const MOST_TOLD: usize = 3;

/// Where actions are taken from, beside what ships.
#[derive(Default)]
pub struct Shelf {
    /// Folders on this machine that somebody tries. They are read anew each time: a file that changed is another action.
    folders: Vec<PathBuf>,
    /// The team's, in Git.
    pinned: Vec<Arc<Pinned>>,
}

/// The actions that there are now.
pub struct Stock {
    /// What ships, then what is tried, then the team's own.
    pub library: Library,
    /// What of the rest cannot be used, a sentence each, with file, line and field where it is one of a file.
    pub unusable: Vec<String>,
    /// Those of these that may be as they should be: their code host does not answer, or not to us.
    pub out_of_reach: Vec<String>,
}

/// A file's name, as it is told, and what is in it.
type Files = Vec<(String, Vec<u8>)>;

impl Shelf {
    /// The team file's actions, and folders that somebody tries.
    pub(crate) fn new(folders: Vec<PathBuf>, file: &TeamFile, forge: &Forge, cache: &Path) -> Self {
        let links = file.actions.iter();
        Self {
            folders,
            pinned: links
                .map(|link| Arc::new(Pinned::new(link.clone(), forge.clone(), cache)))
                .collect(),
        }
    }

    /// Folders that somebody tries, and no team's.
    pub fn of_folders(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            pinned: Vec::new(),
        }
    }

    /// The actions, once the team's were read, or as far as they were within ten seconds.
    ///
    /// # Errors
    /// What ships cannot be read.
    pub async fn stock(&self) -> Result<Stock, Error> {
        let mut reading = tokio::task::JoinSet::new();
        for pinned in self.unread() {
            reading.spawn(async move { pinned.read().await });
        }
        let all = async { while reading.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            // Whoever asks next finds them there.
            reading.detach_all();
        }
        self.known(true)
    }

    /// The actions as far as they are known now. Where the team's are not read yet, that begins. Must be called inside a
    /// Tokio runtime.
    ///
    /// # Errors
    /// What ships cannot be read.
    pub fn stock_now(&self) -> Result<Stock, Error> {
        for pinned in self.unread() {
            tokio::spawn(async move { pinned.read().await });
        }
        self.known(false)
    }

    /// The actions for somebody who asks for this one: the team's are waited for where it is none of those that are here.
    ///
    /// # Errors
    /// What ships cannot be read.
    pub async fn stock_for(&self, action: &str) -> Result<Stock, Error> {
        let now = self.known(true)?;
        match now.library.action(action) {
            Some(_) => Ok(now),
            None => self.stock().await,
        }
    }

    fn unread(&self) -> impl Iterator<Item = Arc<Pinned>> {
        let pinned = self.pinned.iter().filter(|pinned| pinned.is_wanted());
        pinned.cloned()
    }

    /// What is known; `waited`: somebody waited for what is not read yet, and is told.
    fn known(&self, waited: bool) -> Result<Stock, Error> {
        let mut files: Files = Vec::new();
        let (mut unusable, mut out_of_reach) = (Vec::new(), Vec::new());
        for folder in &self.folders {
            match tried(folder) {
                Ok(found) => files.extend(found),
                Err(why) => unusable.push(why.message),
            }
        }
        for pinned in &self.pinned {
            match pinned.known() {
                Ok(kept) => {
                    for file in &kept.files {
                        let name = format!("{}/{}", pinned.place(), file.name);
                        match &file.text {
                            Ok(text) => files.push((name, text.clone().into_bytes())),
                            Err(why) => unusable.push(format!("{name}: {why}")),
                        }
                    }
                }
                Err(NotKnown(why)) if waited || !pinned.is_wanted() => {
                    if pinned.is_out_of_reach() {
                        out_of_reach.push(why.clone());
                    }
                    unusable.push(why);
                }
                Err(_) => {}
            }
        }
        let borrowed: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        let (library, faults) = Library::beside(&borrowed).map_err(|faults| unread(&faults))?;
        unusable.extend(faults.iter().map(ToString::to_string));
        // They quote files, and the code host.
        let shown = |all: &[String]| all.iter().map(|one| plain(one, LONGEST)).collect();
        Ok(Stock {
            library,
            unusable: shown(&unusable),
            out_of_reach: shown(&out_of_reach),
        })
    }
}

impl Stock {
    /// That there is no such action, with those that there are, and what cannot be used: it may be one of these.
    pub fn no_action(&self, id: &str) -> Error {
        let known: Vec<&str> = self.library.actions().map(|one| one.id.as_str()).collect();
        let mut hint = format!("There are: {}.", known.join(", "));
        for unusable in self.unusable.iter().take(MOST_TOLD) {
            hint.push_str(&format!(" Not usable: {unusable}."));
        }
        let id = plain(id, 100);
        Error::new(Code::UnknownName, format!("there is no action '{id}'")).hint(hint)
    }
}

/// The action files of a folder on this machine.
fn tried(folder: &Path) -> Result<Files, Error> {
    let read = folder_of(folder)?;
    let files = read.actions.into_iter();
    Ok(files
        .map(|(name, bytes)| (folder.join(name).display().to_string(), bytes))
        .collect())
}

fn folder_of(folder: &Path) -> Result<Folder, Error> {
    Folder::read(folder).map_err(|why| {
        let folder = folder.display();
        Error::new(
            Code::BadFile,
            format!("the actions in {folder} cannot be read: {why}"),
        )
    })
}

fn unread(faults: &[Fault]) -> Error {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Error::new(Code::Internal, faults.join("\n"))
}

/// What the team file that would be used, and the folders beside it, offer: no system but a code host is asked, and none
/// where the team's actions were read before.
///
/// # Errors
/// The team file cannot be used, or a folder that is named cannot be read.
pub async fn stock(sources: &Sources) -> Result<Stock, Error> {
    readable(&sources.actions)?;
    let clock = Clock::default();
    let shelf = match sources::team_file(sources)? {
        Some(file) if !file.actions.is_empty() => sources::shelf(&file, sources, &clock)?,
        _ => Shelf::of_folders(sources.actions.clone()),
    };
    shelf.stock().await
}

/// Whether folders that somebody names can be read: one that is not there is a slip, and nothing to go on without.
///
/// # Errors
/// One, or something in it, cannot be read.
pub fn readable(folders: &[PathBuf]) -> Result<(), Error> {
    folders
        .iter()
        .try_for_each(|folder| folder_of(folder).map(drop))
}

/// Runs every case of a folder of actions.
///
/// # Errors
/// The folder, or something in it, cannot be read.
pub fn test(folder: &Path) -> Result<Report, Error> {
    Ok(fixtures::test(&folder_of(folder)?))
}

/// The JSON Schema of action files.
///
/// # Errors
/// None that is known: a schema is made of text and numbers.
pub fn schema() -> Result<String, Error> {
    docs::schema().map_err(|why| Error::new(Code::Internal, why.to_string()))
}

/// The most that an action's file may weigh, in bytes.
fn heaviest() -> u64 {
    u64::try_from(MOST_BYTES).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
