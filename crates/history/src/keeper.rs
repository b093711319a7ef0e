//! The thread that holds the database: takes in what was seen, and publishes what is known.
//!
//! Owns the order of writes and what becomes of a file that turns out to be broken. Not how anything is stored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use api::Sentence;
use api::history::Change;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::schema::{self, FileError};
use crate::seen::{Standing, Watch};
use crate::{Kept, Options, store};

/// How often it is looked whether another process wrote something.
const LOOK: Duration = Duration::from_secs(5);
/// The least time between two times that everything is read anew: it is for people.
const TELL: Duration = Duration::from_millis(250);
/// How long between two looks for what is too old.
const PRUNE_HOURS: i64 = 1;

/// What the thread is asked.
#[derive(Debug)]
pub enum Request {
    /// How commits stood at a time.
    Seen(Vec<Standing>, Timestamp),
    /// What happened.
    Happened(Vec<Change>),
    /// To end, when everything before is written.
    Close,
}

/// The thread's state.
pub struct Keeper {
    path: Option<PathBuf>,
    clusters: BTreeSet<String>,
    /// None where not even memory can be had.
    database: Option<Connection>,
    watch: Watch,
    notes: Vec<Sentence>,
    publish: watch::Sender<Arc<Kept>>,
    pruned: Timestamp,
    /// What SQLite counts up when another process writes.
    version: i64,
}

impl Keeper {
    /// Opens the file.
    pub fn open(options: Options, publish: watch::Sender<Arc<Kept>>) -> Self {
        let mut keeper = Self {
            path: options.path,
            clusters: options.clusters,
            database: None,
            watch: Watch::default(),
            notes: Vec::new(),
            publish,
            pruned: options.now,
            version: 0,
        };
        keeper.begin();
        keeper.attempt(|database, _| store::prune(database, options.now).map(|_| ()));
        keeper.tell();
        keeper
    }

    /// Runs until it is closed, or nobody can ask any more.
    pub fn run(mut self, requests: &Receiver<Request>) {
        // Whether something was written that nobody was told, and since when.
        let mut untold: Option<Instant> = None;
        loop {
            let patience = untold.map_or(LOOK, |since| TELL.saturating_sub(since.elapsed()));
            let is_written = match requests.recv_timeout(patience) {
                Ok(Request::Seen(seen, now)) => self.seen(seen, now),
                Ok(Request::Happened(changes)) => self.happened(&changes),
                Ok(Request::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => untold.is_none() && self.is_written_by_others(),
            };
            if is_written {
                untold.get_or_insert_with(Instant::now);
            }
            if untold.is_some_and(|since| since.elapsed() >= TELL) {
                self.tell();
                untold = None;
            }
        }
    }

    fn begin(&mut self) {
        let opened = match &self.path {
            Some(path) => schema::open(path),
            None => schema::in_memory().map(|database| schema::Opened {
                database,
                aside: None,
            }),
        };
        match opened {
            Ok(opened) => {
                if let Some((aside, why)) = opened.aside {
                    tracing::warn!(aside = %aside.display(), %why, "the record of the past was put aside");
                    self.note(put_aside(&aside, &why));
                }
                self.database = Some(opened.database);
            }
            Err(why) => {
                tracing::warn!(%why, "the record of the past cannot be kept");
                self.note(not_kept(self.path.as_deref(), &why));
                // For as long as this process lives.
                self.path = None;
                self.database = schema::in_memory().ok();
            }
        }
    }

    /// Writes what is new; whether anything is.
    fn seen(&mut self, seen: Vec<Standing>, now: Timestamp) -> bool {
        let news = self.watch.look(seen, now);
        if news.is_empty() {
            return false;
        }
        self.attempt(|database, _| store::remember(database, &news, now));
        if now.duration_since(self.pruned).as_hours() >= PRUNE_HOURS {
            self.pruned = now;
            self.attempt(|database, _| store::prune(database, now).map(|_| ()));
        }
        true
    }

    /// Writes what happened; whether any of it is new.
    fn happened(&mut self, changes: &[Change]) -> bool {
        let mut written = 0;
        self.attempt(|database, _| {
            written = store::record(database, changes)?;
            Ok(())
        });
        written > 0
    }

    /// Whether another process wrote something since this was asked last.
    fn is_written_by_others(&mut self) -> bool {
        let mut version = self.version;
        self.attempt(|database, _| {
            version = database.query_row("PRAGMA data_version", [], |row| row.get(0))?;
            Ok(())
        });
        std::mem::replace(&mut self.version, version) != version
    }

    /// Publishes what is known.
    fn tell(&mut self) {
        // What cannot be read just now stays as it was.
        let mut kept = self.publish.borrow().as_ref().clone();
        self.attempt(|database, clusters| {
            kept.usual = Arc::new(store::usual(database, clusters)?);
            kept.changes = Arc::new(store::changes(database, clusters)?);
            Ok(())
        });
        kept.notes = self.notes.clone();
        self.publish.send_if_modified(|known| {
            let is_new = **known != kept;
            if is_new {
                *known = Arc::new(kept);
            }
            is_new
        });
    }

    /// Does something with the database. A file that turns out to be broken is put aside, and the deed done once more.
    fn attempt(
        &mut self,
        mut deed: impl FnMut(&mut Connection, &BTreeSet<String>) -> Result<(), FileError>,
    ) {
        for _ in 0..2 {
            let Some(database) = &mut self.database else {
                return;
            };
            match deed(database, &self.clusters) {
                Ok(()) => return,
                Err(why) if why.is_of_the_file() => {
                    self.database = None;
                    self.begin();
                }
                Err(why) => {
                    tracing::warn!(%why, "the record of the past was not written");
                    let note = not_kept(self.path.as_deref(), &why);
                    self.note(note);
                    return;
                }
            }
        }
    }

    fn note(&mut self, note: Sentence) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

fn put_aside(aside: &Path, why: &FileError) -> Sentence {
    Sentence::default()
        .words(format!(
            "The record of the past begins anew, because of the one that was there {why}: "
        ))
        .name(aside.display().to_string())
        .words(" is what it was.")
}

fn not_kept(path: Option<&Path>, why: &FileError) -> Sentence {
    let place = path.map_or_else(|| "memory".to_owned(), |path| path.display().to_string());
    Sentence::default()
        .words("The record of the past cannot be kept in ")
        .name(place)
        .words(": ")
        .quote(why.to_string())
        .words(".")
}
