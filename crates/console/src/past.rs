//! What was seen and what happened: handed in to the record, and read out of it for whoever looks at changes.
//!
//! Owns how often that is worth the work. The record is the `history` crate's, what the systems tell is the engine's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Answer, Board, Change, Changes, Sentence};
use facts::HistoryFacts;
use history::{Kept, Scribe};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::reader::Reader;
use crate::subscription::Publisher;
use crate::wants::WantBook;

/// How often a board is handed in: a person times nothing finer.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is read what systems tell while somebody looks at it, and while nobody does. They keep it for longer than
/// that.
const READ: Duration = Duration::from_secs(2);
const READ_UNSEEN: Duration = Duration::from_secs(30);

/// What a list was made of: what is kept, what the systems told, what could not be read, and whether it was settled.
type Published = (Arc<Kept>, Arc<Vec<Change>>, Vec<Sentence>, bool);

/// The evaluation's part in the record.
pub struct Past {
    scribe: Scribe,
    kept: watch::Receiver<Arc<Kept>>,
    readers: Vec<Publisher<Changes>>,
    /// What the readers' list rests on, while there is one.
    reader: Option<Reader>,
    told: Arc<Vec<Change>>,
    /// Whether the record had no time for it.
    is_unsent: bool,
    environments: Vec<String>,
    /// What could not be read when it was last read what the systems tell.
    unread: Vec<Sentence>,
    looked: Option<Instant>,
    read: Option<Instant>,
    settled: bool,
    /// What the list that was published last was made of.
    published: Option<Published>,
}

impl Past {
    /// Begins with nothing seen.
    pub fn new(scribe: Scribe, kept: watch::Receiver<Arc<Kept>>) -> Self {
        Self {
            scribe,
            kept,
            readers: Vec::new(),
            reader: None,
            told: Arc::default(),
            is_unsent: false,
            environments: Vec::new(),
            unread: Vec::new(),
            looked: None,
            read: None,
            settled: false,
            published: None,
        }
    }

    /// A new reader of what happened.
    pub fn watch(&mut self, publisher: Publisher<Changes>) {
        self.readers.push(publisher);
        self.read = None;
        self.published = None;
    }

    /// What its own list rests on.
    pub fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The same, to take news in.
    pub fn reader_mut(&mut self) -> Option<&mut Reader> {
        self.reader.as_mut()
    }

    /// How long things usually take.
    pub fn usual(&self) -> Arc<HistoryFacts> {
        Arc::clone(&self.kept.borrow().usual)
    }

    /// Waits until the record says something else.
    pub async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.kept.changed().await
    }

    /// Hands a board in. One that is still being read says nothing for sure.
    pub fn board(&mut self, board: &Board, settled: bool, instant: Instant, now: Timestamp) {
        let is_due = self.looked.is_none_or(|at| at + LOOK <= instant);
        if settled && is_due {
            self.looked = Some(instant);
            self.scribe.board(board, now);
        }
    }

    /// Hands an answer in.
    pub fn answer(&self, answer: &Answer, settled: bool) {
        if settled {
            self.scribe.answer(answer);
        }
    }

    /// Whether it is time to read what the systems tell.
    fn is_due(&self, instant: Instant) -> bool {
        let every = if self.readers.is_empty() {
            READ_UNSEEN
        } else {
            READ
        };
        !self.settled || self.read.is_none_or(|at| at + every <= instant)
    }

    /// Reads what the systems tell, and publishes it with what is kept. `fresh` makes a reader; `board` is the board's,
    /// which serves where nobody looks at the list.
    pub fn evaluate(
        &mut self,
        book: &mut WantBook,
        (fresh, board): (impl FnOnce() -> Reader, Option<&Reader>),
        clusters_settled: bool,
        (instant, now): (Instant, Timestamp),
    ) {
        self.readers.retain(|publisher| !publisher.is_closed());
        if self.readers.is_empty() {
            self.reader = None;
            self.settled = clusters_settled;
            if let Some(board) = board.filter(|_| clusters_settled && self.is_due(instant)) {
                let told = board.look(|facts| journey::past(facts, now));
                self.read = Some(instant);
                self.tell(told.changes);
            }
            return;
        }
        if self.is_due(instant) {
            let mut reader = self.reader.take().unwrap_or_else(fresh);
            let past = reader.evaluate(book, instant, |facts, _| journey::past(facts, now));
            self.settled = clusters_settled && reader.is_settled(book, &past.wants);
            self.reader = Some(reader);
            self.read = Some(instant);
            self.environments = past.environments;
            self.unread = past.unread;
            if clusters_settled {
                self.tell(past.changes);
            } else {
                self.told = Arc::new(past.changes);
            }
        }
        let kept = Arc::clone(&self.kept.borrow());
        let is_known = self
            .published
            .as_ref()
            .is_some_and(|(before, told, unread, settled)| {
                Arc::ptr_eq(before, &kept)
                    && Arc::ptr_eq(told, &self.told)
                    && *unread == self.unread
                    && *settled == self.settled
            });
        if is_known {
            return;
        }
        let changes = Changes {
            version: api::JSON_VERSION,
            environments: self.environments.clone(),
            changes: history::merged(&kept.changes, &self.told),
            notes: kept.notes.iter().chain(&self.unread).cloned().collect(),
        };
        for publisher in &self.readers {
            publisher.publish(changes.clone(), self.settled);
        }
        self.published = Some((
            kept,
            Arc::clone(&self.told),
            self.unread.clone(),
            self.settled,
        ));
    }

    /// Hands in what is told, if it is told otherwise than before.
    fn tell(&mut self, told: Vec<Change>) {
        let is_new = *self.told != told;
        if is_new || self.is_unsent {
            self.is_unsent = !self.scribe.changes(told.clone());
        }
        if is_new {
            self.told = Arc::new(told);
        }
    }
}
