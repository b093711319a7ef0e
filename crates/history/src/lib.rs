//! The local database: journeys, deliveries and changes that were seen, and how long things usually take.
//!
//! Owns the file and the one thread that touches it. It may be deleted at any time: no state of any journey rests on it.
//! It holds names, states, codes, commits and times. **No log line and no value of a Secret is in it**, nor any
//! controller's message, which may quote one: these would have to be encrypted with a key that this version has not.

mod keeper;
mod schema;
mod seen;
mod store;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::history::Change;
use api::{Answer, Board, Sentence};
use facts::HistoryFacts;
use jiff::Timestamp;
use tokio::sync::watch;

use keeper::{Keeper, Request};

pub use store::{DAYS, MOST, merged};

/// How many requests wait for the thread; what comes while so many wait is left out, and seen again at the next look.
const QUEUE: usize = 64;
/// How long closing waits for the last write.
const CLOSING: Duration = Duration::from_secs(2);
/// How often it is looked whether there is room for the last word.
const LOOK: Duration = Duration::from_millis(10);

/// What is known of the past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// How long things usually take.
    pub usual: Arc<HistoryFacts>,
    /// What happened, newest first.
    pub changes: Arc<Vec<Change>>,
    /// What is wrong with the record, one sentence each.
    pub notes: Vec<Sentence>,
}

/// The open database. Dropping it ends the thread when what waits is written.
pub struct History {
    scribe: Scribe,
    kept: watch::Receiver<Arc<Kept>>,
    /// Behind a lock only so that the window's threads may share what holds this.
    ended: Mutex<mpsc::Receiver<()>>,
}

/// Where the record is kept, and what of it concerns whoever opens it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; absent: only in memory, for as long as this process lives.
    pub path: Option<PathBuf>,
    /// The clusters and accounts that are open: the file may know others.
    pub clusters: BTreeSet<String>,
    /// The time now.
    pub now: Timestamp,
}

impl History {
    /// Opens the file and begins to read it, on a thread of its own: nobody waits for it. One that cannot be used is put
    /// aside, or does without a file; [`Kept::notes`] say so.
    pub fn open(options: Options) -> Self {
        let (requests, received) = mpsc::sync_channel(QUEUE);
        let (publish, kept) = watch::channel(Arc::default());
        let (ending, ended) = mpsc::channel();
        let spawned = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || {
                Keeper::open(options, publish).run(&received);
                // Whoever closes waits for this.
                let _nobody = ending.send(());
            });
        if let Err(error) = spawned {
            tracing::error!(%error, "the record of the past is not kept");
        }
        Self {
            scribe: Scribe { requests },
            kept,
            ended: Mutex::new(ended),
        }
    }

    /// Where what was seen is handed in.
    pub fn scribe(&self) -> Scribe {
        self.scribe.clone()
    }

    /// What is known of the past, live.
    pub fn kept(&self) -> watch::Receiver<Arc<Kept>> {
        self.kept.clone()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        let until = Instant::now() + CLOSING;
        // Whoever closes is not kept for ever by a disk that hangs.
        while let Err(TrySendError::Full(_)) = self.scribe.requests.try_send(Request::Close) {
            if Instant::now() >= until {
                return;
            }
            std::thread::sleep(LOOK);
        }
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _late = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Hands in what was seen. Never waits: whoever evaluates has better things to do.
#[derive(Clone, Debug)]
pub struct Scribe {
    requests: SyncSender<Request>,
}

impl Scribe {
    /// What a board says at a time.
    pub fn board(&self, board: &Board, now: Timestamp) {
        // What is left out here is seen again at the next look.
        let _in_time = self.hand_in(Request::Seen(seen::of_board(board), now));
    }

    /// What an answer says.
    pub fn answer(&self, answer: &Answer) {
        let _in_time = self.hand_in(Request::Seen(seen::of_answer(answer), answer.at));
    }

    /// What happened, as systems tell it now. Whether there was time for it: if not, it has to be handed in again.
    pub fn changes(&self, changes: Vec<Change>) -> bool {
        self.hand_in(Request::Happened(changes))
    }

    fn hand_in(&self, request: Request) -> bool {
        match self.requests.try_send(request) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                tracing::debug!("the record of the past lags behind");
                false
            }
            // It ends with the console, and so does whoever calls this.
            Err(TrySendError::Disconnected(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_window_shares_it_between_its_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<super::History>();
        shared::<super::Scribe>();
    }
}
