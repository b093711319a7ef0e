//! The one task that holds the facts: takes in what the edges bring, asks the engine, publishes, fetches what it wants.
//!
//! Owns the order of things: facts in, one evaluation for all subscribers, wants out. Evaluations are at least
//! [`BATCH`] apart, so that a thousand changes are one answer; the first one comes at once.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Answer, Ask, Board, Connection, Error};
use facts::{ClusterFacts, Facts, Found, Want};
use forge::Forge;
use futures::StreamExt;
use futures::stream::SelectAll;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::WatchStream;

use crate::sources::Systems;
use crate::subscription::Publisher;
use crate::wants::WantBook;

/// The least time between two evaluations: one frame of what a person can follow.
const BATCH: Duration = Duration::from_millis(50);
/// The longest time between two evaluations, for connections whose words change without any fact changing.
const IDLE: Duration = Duration::from_secs(1);

/// What the console asks of the evaluation.
pub enum Command {
    /// A new reader of the board.
    WatchBoard(Publisher<Board>),
    /// A new reader of an answer.
    WatchAnswer(Ask, Publisher<Result<Answer, Error>>),
    /// A new reader of the connections.
    WatchConnections(Publisher<Vec<Connection>>),
}

/// What arrives from the clusters.
type ClusterNews = Pin<Box<dyn futures::Stream<Item = (String, Arc<ClusterFacts>)> + Send>>;

/// The task's state.
pub struct Evaluation {
    facts: Facts,
    forge: Forge,
    clusters: Arc<[cluster::Cluster]>,
    news: SelectAll<ClusterNews>,
    /// Clusters whose first read has not ended yet.
    settling: JoinSet<()>,
    book: WantBook,
    fetches: JoinSet<(Want, Found)>,
    boards: Vec<Publisher<Board>>,
    answers: Vec<(Ask, Publisher<Result<Answer, Error>>)>,
    connections: Vec<Publisher<Vec<Connection>>>,
    /// When the engine says that the answer changes by itself.
    changes_at: Option<Timestamp>,
}

impl Evaluation {
    /// Begins with nothing known of these systems. Must be called inside a Tokio runtime.
    pub fn new(systems: &Systems) -> Self {
        let clusters = systems.clusters();
        let mut news: SelectAll<ClusterNews> = SelectAll::new();
        let mut settling = JoinSet::new();
        let mut facts = Facts {
            team: systems.team(),
            ..Facts::default()
        };
        for (index, cluster) in clusters.iter().enumerate() {
            let name = cluster.name().to_owned();
            facts.clusters.insert(name.clone(), Arc::default());
            news.push(Box::pin(
                WatchStream::new(cluster.facts()).map(move |facts| (name.clone(), facts)),
            ));
            let clusters = Arc::clone(&clusters);
            settling.spawn(async move {
                if let Some(cluster) = clusters.get(index) {
                    cluster.settled().await;
                }
            });
        }
        Self {
            facts,
            forge: systems.forge(),
            clusters,
            news,
            settling,
            book: WantBook::default(),
            fetches: JoinSet::new(),
            boards: Vec::new(),
            answers: Vec::new(),
            connections: Vec::new(),
            changes_at: None,
        }
    }

    /// Runs until the console is dropped.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut evaluated: Option<Instant> = None;
        let mut dirty = false;
        loop {
            let now = Instant::now();
            let due = evaluated.is_none_or(|at| now >= at + BATCH);
            if dirty && due {
                self.evaluate();
                evaluated = Some(Instant::now());
                dirty = false;
                continue;
            }
            let refresh = self.book.refresh(now);
            self.fetch();
            let wake = if dirty {
                evaluated.map_or(now, |at| at + BATCH)
            } else {
                self.wake(now, refresh)
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.accept(command),
                    None => return,
                },
                Some((name, facts)) = self.news.next() => {
                    self.facts.clusters.insert(name, facts);
                }
                Some(_settled) = self.settling.join_next() => {}
                Some(fetched) = self.fetches.join_next() => self.absorb(fetched),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            dirty = true;
        }
    }

    fn accept(&mut self, command: Command) {
        match command {
            Command::WatchBoard(publisher) => self.boards.push(publisher),
            Command::WatchAnswer(ask, publisher) => self.answers.push((ask, publisher)),
            Command::WatchConnections(publisher) => self.connections.push(publisher),
        }
    }

    /// When to look again though nothing arrives: a refresh, a change the engine foresees, or the idle beat.
    fn wake(&self, now: Instant, refresh: Option<Instant>) -> Instant {
        let mut wake = now + IDLE;
        if let Some(refresh) = refresh {
            wake = wake.min(refresh);
        }
        if let Some(at) = self.changes_at {
            let until = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
            wake = wake.min(now + until.max(BATCH));
        }
        wake
    }

    /// Starts as many fetches as the budget allows.
    fn fetch(&mut self) {
        while let Some(want) = self.book.next() {
            let forge = self.forge.clone();
            self.fetches.spawn(async move {
                let found = forge.find(&want).await;
                (want, found)
            });
        }
    }

    fn absorb(&mut self, fetched: Result<(Want, Found), tokio::task::JoinError>) {
        match fetched {
            Ok((want, found)) => {
                self.facts.absorb(found);
                self.book.answered(want, Instant::now());
            }
            // Its want stays under way for ever, so its journeys stay Unknown: wrong in the safe direction.
            Err(error) => tracing::error!(%error, "a fetch ended without an answer"),
        }
    }

    /// One evaluation for every reader.
    fn evaluate(&mut self) {
        self.boards.retain(|publisher| !publisher.is_closed());
        self.answers.retain(|(_, publisher)| !publisher.is_closed());
        self.connections.retain(|publisher| !publisher.is_closed());
        let now = Timestamp::now();
        // Wants are taken in also while a slow cluster is still being read: they are of others.
        let clusters_settled = self.settling.is_empty();
        self.changes_at = None;
        if !self.boards.is_empty() {
            let evaluation = journey::board(&self.facts, now);
            let settled = self.take(&evaluation.wants, evaluation.changes_at) && clusters_settled;
            for publisher in &self.boards {
                publisher.publish(evaluation.board.clone(), settled);
            }
        }
        for (ask, publisher) in std::mem::take(&mut self.answers) {
            let evaluation = journey::answer(&self.facts, &ask, now);
            let settled = self.take(&evaluation.wants, evaluation.changes_at) && clusters_settled;
            publisher.publish(evaluation.answer, settled);
            self.answers.push((ask, publisher));
        }
        if !self.connections.is_empty() {
            let connections = self.connections();
            for publisher in &self.connections {
                publisher.publish(connections.clone(), clusters_settled);
            }
        }
    }

    /// Takes in what an evaluation wants; whether everything it wants has been answered.
    fn take(&mut self, wants: &BTreeSet<Want>, changes_at: Option<Timestamp>) -> bool {
        self.book.want(wants);
        self.changes_at = match (self.changes_at, changes_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        !self.book.is_open(wants)
    }

    fn connections(&self) -> Vec<Connection> {
        let clusters = self
            .clusters
            .iter()
            .map(|cluster| cluster.connection().borrow().clone());
        clusters.chain(self.forge.connections()).collect()
    }
}
