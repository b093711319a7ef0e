//! The one task that holds the facts: takes in what the edges bring, asks the engine, publishes, fetches what it wants.
//!
//! Owns the order of things: facts in, an evaluation for each subscriber, wants out. Evaluations are at least [`BATCH`]
//! apart, so that a thousand changes are one answer; the first one comes at once. What nobody subscribes to costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Answer, App, Ask, Board, Changes, Connection, Error, ObjectRef};
use cloud::Account;
use cluster::{Clock, Cluster};
use facts::{ClusterFacts, Coverage, Facts, Found, Kind, Reach, Team, Want};
use forge::Forge;
use futures::stream::SelectAll;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use journey::{Standing, Whereabouts};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::wrappers::WatchStream;

use crate::acts::Acts;
use crate::connections;
use crate::errors::Errors;
use crate::past::Past;
use crate::reader::Reader;
use crate::sources::Systems;
use crate::subscription::Publisher;
use crate::team_file::form::Owner;
use crate::wants::{Fetch, WantBook};

/// The least time between two evaluations: one frame of what a person can follow.
const BATCH: Duration = Duration::from_millis(50);
/// The longest time between two evaluations, for connections whose words change without any fact changing.
const IDLE: Duration = Duration::from_secs(1);

/// What the console asks of the evaluation.
pub enum Command {
    /// A new reader of the board.
    Board(Publisher<Board>),
    /// A new reader of an answer.
    Answer(Ask, Publisher<Result<Answer, Error>>),
    /// A new reader of the connections.
    Connections(Publisher<Vec<Connection>>),
    /// A new reader of an app.
    App(String, Publisher<App>),
    /// A new reader of what happened.
    Changes(Publisher<Changes>),
    /// Whose an object is, and where it stands.
    WhereIs(ObjectRef, oneshot::Sender<Whereabouts>),
}

/// What arrives from the clusters and accounts.
type ClusterNews = Pin<Box<dyn futures::Stream<Item = (String, Arc<ClusterFacts>)> + Send>>;

/// A subscription to an answer.
struct Asked {
    ask: Ask,
    publisher: Publisher<Result<Answer, Error>>,
    reader: Reader,
}

/// A subscription to an app.
struct Looked {
    app: String,
    publisher: Publisher<App>,
    reader: Reader,
    /// When it is looked at again, unless it is still being read: a person reads it, nobody watches it.
    due: Instant,
}

/// The task's state.
pub struct Evaluation {
    team: Team,
    /// Where images came from that were read before.
    image_sources: Arc<BTreeMap<String, String>>,
    cluster_facts: BTreeMap<String, Arc<ClusterFacts>>,
    forge: Forge,
    clusters: Arc<[Cluster]>,
    accounts: Arc<[Account]>,
    news: SelectAll<ClusterNews>,
    /// Clusters and accounts that are read from their beginning: the first time, or for somebody who signed in.
    settling: JoinSet<()>,
    book: WantBook,
    fetches: JoinSet<(Want, Option<Found>)>,
    boards: Vec<Publisher<Board>>,
    /// What the boards rest on: one view for all of them, while there is one, and the board as it stands.
    board: Option<(Reader, Standing)>,
    answers: Vec<Asked>,
    apps: Vec<Looked>,
    connections: Vec<Publisher<Vec<Connection>>>,
    /// Whose objects somebody wants to know.
    asked_where: Vec<(ObjectRef, oneshot::Sender<Whereabouts>)>,
    /// Whom the team file says to ask for rights.
    owners: Arc<[Owner]>,
    /// What could not be answered.
    errors: Errors,
    acts: Acts,
    past: Past,
    /// When the engine says that the answer changes by itself.
    changes_at: Option<Timestamp>,
    clock: Clock,
    /// When the book was last told what is claimed.
    claimed_at: Option<Instant>,
}

impl Evaluation {
    /// Begins with nothing known of these systems. Must be called inside a Tokio runtime.
    pub fn new(systems: &Systems, past: Past, clock: Clock) -> Self {
        let clusters = systems.clusters();
        let mut news: SelectAll<ClusterNews> = SelectAll::new();
        let mut cluster_facts = BTreeMap::new();
        for cluster in clusters.iter() {
            let name = cluster.name().to_owned();
            cluster_facts.insert(name.clone(), Arc::default());
            news.push(Box::pin(
                WatchStream::new(cluster.facts()).map(move |facts| (name.clone(), facts)),
            ));
        }
        let accounts = systems.accounts();
        for account in accounts.iter() {
            let name = account.name().to_owned();
            let facts = account.facts();
            cluster_facts.insert(name.clone(), facts.borrow().clone());
            news.push(Box::pin(
                WatchStream::new(facts).map(move |facts| (name.clone(), facts)),
            ));
        }
        Self {
            team: systems.team(),
            image_sources: Arc::new(systems.image_sources()),
            cluster_facts,
            forge: systems.forge(),
            owners: systems.owners(),
            errors: systems.errors().clone(),
            acts: Acts::new(systems.signing_in()),
            clusters,
            accounts,
            news,
            settling: JoinSet::new(),
            book: WantBook::default(),
            fetches: JoinSet::new(),
            boards: Vec::new(),
            board: None,
            answers: Vec::new(),
            apps: Vec::new(),
            connections: Vec::new(),
            asked_where: Vec::new(),
            past,
            changes_at: None,
            clock,
            claimed_at: None,
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
                Some((name, facts)) = self.news.next() => self.cluster(name, facts),
                Some(_settled) = self.settling.join_next() => {}
                Some(fetched) = self.fetches.join_next() => self.absorb(fetched),
                Ok(()) = self.past.changed() => self.remember(),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            dirty = true;
        }
    }

    fn accept(&mut self, command: Command) {
        if !matches!(command, Command::Answer(..) | Command::Connections(_)) {
            // Only an answer says whose pods it wants.
            self.clusters.iter().for_each(Cluster::want_all);
        }
        match command {
            Command::Board(publisher) => self.boards.push(publisher),
            Command::Answer(ask, publisher) => {
                let reader = self.reader();
                self.answers.push(Asked {
                    ask,
                    publisher,
                    reader,
                });
            }
            Command::Connections(publisher) => {
                // Nobody else looks at rights: a short answer does not ask for them.
                self.clusters.iter().for_each(Cluster::want_rights);
                self.connections.push(publisher);
            }
            Command::App(app, publisher) => {
                let reader = self.reader();
                self.apps.push(Looked {
                    app,
                    publisher,
                    reader,
                    due: Instant::now(),
                });
            }
            Command::Changes(publisher) => self.past.watch(publisher),
            Command::WhereIs(object, tell) => self.asked_where.push((object, tell)),
        }
    }

    fn reader(&self) -> Reader {
        let facts = Facts {
            clusters: self.cluster_facts.clone(),
            team: self.team.clone(),
            history: self.past.usual(),
            sources: Arc::clone(&self.image_sources),
            ..Facts::default()
        };
        Reader::new(facts, Instant::now())
    }

    fn readers(&mut self) -> impl Iterator<Item = &mut Reader> {
        let asked = self.answers.iter_mut().map(|asked| &mut asked.reader);
        let apps = self.apps.iter_mut().map(|looked| &mut looked.reader);
        let past = self.past.reader_mut().into_iter();
        let board = self.board.iter_mut().map(|(reader, _)| reader);
        board.chain(asked).chain(apps).chain(past)
    }

    /// The record says something else than before.
    fn remember(&mut self) {
        let usual = self.past.usual();
        for reader in self.readers() {
            reader.history(&usual);
        }
    }

    /// Takes in what every cluster and account says now: a settled answer must not be of facts whose news are still on
    /// their way.
    fn catch_up(&mut self) {
        let clusters = self.clusters.iter();
        let clusters = clusters.map(|one| (one.name().to_owned(), one.facts()));
        let accounts = self.accounts.iter();
        let accounts = accounts.map(|one| (one.name().to_owned(), one.facts()));
        let now: Vec<_> = clusters.chain(accounts).collect();
        for (name, facts) in now {
            let facts = facts.borrow().clone();
            let known = self.cluster_facts.get(&name);
            if known.is_none_or(|known| !Arc::ptr_eq(known, &facts)) {
                self.cluster(name, facts);
            }
        }
    }

    fn cluster(&mut self, name: String, facts: Arc<ClusterFacts>) {
        for reader in self.readers() {
            reader.cluster(&name, &facts);
        }
        let answers = facts.reach == Reach::Answering;
        let before = self.cluster_facts.insert(name, facts);
        let was_away = before.is_some_and(|before| {
            matches!(before.reach, Reach::Lost { .. } | Reach::Unreachable { .. })
        });
        if answers && was_away {
            // With it most likely everything else: a VPN, a machine that slept.
            self.forge.came_back();
            self.book.came_back(Instant::now());
        }
    }

    /// When to look again though nothing arrives: a refresh, a change the engine foresees, or the idle beat.
    fn wake(&self, now: Instant, refresh: Option<Instant>) -> Instant {
        let mut wake = now + IDLE;
        if let Some(refresh) = refresh {
            wake = wake.min(refresh);
        }
        if let Some(at) = self.changes_at {
            let until = Duration::try_from(at.duration_since(self.clock.now())).unwrap_or_default();
            wake = wake.min(now + until.max(BATCH));
        }
        wake
    }

    /// Starts as many fetches as the budget allows.
    fn fetch(&mut self) {
        while let Some(Fetch { want, further }) = self.book.next() {
            let forge = self.forge.clone();
            self.fetches.spawn(async move {
                let find = async {
                    if further {
                        forge.find(&want).await
                    } else {
                        forge.find_in_copies(&want).await
                    }
                };
                // A bug that one want brings to light is that want's only.
                let found = AssertUnwindSafe(find).catch_unwind().await.ok();
                (want, found)
            });
        }
    }

    fn absorb(&mut self, fetched: Result<(Want, Option<Found>), tokio::task::JoinError>) {
        let now = Instant::now();
        match fetched {
            Ok((want, Some(found))) => {
                for (want, found) in self.book.answered(want, found, now, self.clock.now()) {
                    for reader in self.readers() {
                        reader.take(&want, &found);
                    }
                }
            }
            Ok((want, None)) => {
                tracing::error!(?want, "a fetch ended without an answer");
                self.book.broke(&want, now);
            }
            // Nothing aborts a fetch but the end of this task.
            Err(error) => tracing::error!(%error, "a fetch ended without an answer"),
        }
    }

    /// Waits for every system that is read from its beginning: until then nothing is settled.
    fn settle(&mut self) {
        if !self.settling.is_empty() {
            return;
        }
        for index in 0..self.clusters.len() {
            let clusters = Arc::clone(&self.clusters);
            if clusters.get(index).is_some_and(Cluster::is_being_read) {
                self.settling.spawn(async move {
                    if let Some(cluster) = clusters.get(index) {
                        cluster.settled().await;
                    }
                });
            }
        }
        for index in 0..self.accounts.len() {
            let accounts = Arc::clone(&self.accounts);
            if accounts.get(index).is_some_and(Account::is_being_read) {
                self.settling.spawn(async move {
                    if let Some(account) = accounts.get(index) {
                        account.settled().await;
                    }
                });
            }
        }
    }

    /// Tells whose objects are, and where they stand. That is asked of what is known once, not of half of it: an environment
    /// may stand on a label of a namespace that is still to be read.
    fn say_where(&mut self, now: Timestamp) {
        if self.asked_where.is_empty() || !self.settling.is_empty() {
            return;
        }
        let facts = Facts {
            clusters: self.cluster_facts.clone(),
            team: self.team.clone(),
            sources: Arc::clone(&self.image_sources),
            ..Facts::default()
        };
        for (object, tell) in self.asked_where.drain(..) {
            let _nobody_waits = tell.send(journey::where_is(&facts, &object, now));
        }
    }

    /// One evaluation for every reader.
    fn evaluate(&mut self) {
        self.boards.retain(|publisher| !publisher.is_closed());
        let asked_before = self.answers.len();
        self.answers.retain(|asked| !asked.publisher.is_closed());
        let looked_before = self.apps.len();
        self.apps.retain(|looked| !looked.publisher.is_closed());
        let mut is_reclaimed =
            self.answers.len() != asked_before || self.apps.len() != looked_before;
        self.connections.retain(|publisher| !publisher.is_closed());
        let (now, instant) = (self.clock.now(), Instant::now());
        self.settle();
        if self.settling.is_empty() {
            // Facts go out before it is said that they are whole: now they are.
            self.catch_up();
        }
        self.say_where(now);
        // Wants are taken in also while a slow cluster is still being read: they are of others.
        let answer_settled = self.settling.is_empty();
        let clusters_settled = answer_settled && self.all_pods_are_read();
        self.changes_at = None;
        if self.boards.is_empty() {
            is_reclaimed |= self.board.take().is_some();
        } else {
            let (mut reader, mut standing) = self
                .board
                .take()
                .unwrap_or_else(|| (self.reader(), Standing::default()));
            let evaluation = reader.evaluate(&mut self.book, instant, |facts, found| {
                standing.board(facts, found, now)
            });
            self.note(evaluation.changes_at);
            let settled = clusters_settled && reader.is_settled(&self.book, &evaluation.wants);
            let mut board = evaluation.board;
            board.unread.extend(reader.unread(&self.book));
            self.past.board(&board, settled, instant, now);
            for publisher in &self.boards {
                publisher.publish(board.clone(), settled);
            }
            standing.settle();
            self.board = Some((reader, standing));
        }
        for mut asked in std::mem::take(&mut self.answers) {
            let evaluation = asked.reader.evaluate(&mut self.book, instant, |facts, _| {
                journey::answer(facts, &asked.ask, now)
            });
            self.note(evaluation.changes_at);
            for cluster in self.clusters.iter() {
                let here = evaluation.pods.iter();
                let here = here.filter(|(name, _)| name == cluster.name());
                cluster.want(here.map(|(_, selection)| selection));
            }
            let settled = answer_settled
                && evaluation.pods.is_empty()
                && asked.reader.is_settled(&self.book, &evaluation.wants);
            let answer = evaluation.answer.map(|mut answer| {
                answer.unread.extend(asked.reader.unread(&self.book));
                if !settled {
                    // Whoever is shown a draft must be able to tell.
                    answer.pending = answer.pending.max(1);
                }
                self.acts.say(&mut answer);
                answer
            });
            match &answer {
                Ok(answer) => self.past.answer(answer, settled),
                Err(why) => self.errors.note(why, now),
            }
            asked.publisher.publish(answer, settled);
            self.answers.push(asked);
        }
        for looked in self.apps.iter_mut().filter(|looked| looked.due <= instant) {
            let Looked { app, reader, .. } = looked;
            let evaluation = reader.evaluate(&mut self.book, instant, |facts, _| {
                journey::app(facts, app, now)
            });
            let settled = clusters_settled && reader.is_settled(&self.book, &evaluation.wants);
            looked.due = if settled { instant + IDLE } else { instant };
            looked.publisher.publish(evaluation.app, settled);
        }
        let fresh = self.reader();
        self.past.evaluate(
            &mut self.book,
            (|| fresh, self.board.as_ref().map(|(reader, _)| reader)),
            clusters_settled,
            (instant, now),
        );
        if !self.connections.is_empty() {
            // Before they are read: what is under way is not settled.
            let is_looking = self.forge.look();
            let (clusters, accounts) = (&self.clusters, &self.accounts);
            let connections = connections::all(clusters, accounts, &self.forge, &self.owners);
            let mut clusters = self.clusters.iter();
            let settled = answer_settled && !is_looking && !clusters.any(Cluster::rights_are_due);
            for publisher in &self.connections {
                publisher.publish(connections.clone(), settled);
            }
        }
        for reader in self.readers() {
            is_reclaimed |= reader.take_reclaimed();
        }
        // Now and then also where nothing has changed, so that what nobody claims is forgotten in the end.
        if is_reclaimed || self.claimed_at.is_none_or(|at| at + IDLE <= instant) {
            self.claimed_at = Some(instant);
            self.say_what_is_claimed(instant);
        }
    }

    /// Whether there is no cluster whose pods are read only where an answer wants them: nothing but an answer may be settled
    /// then.
    fn all_pods_are_read(&self) -> bool {
        let asked = |facts: &ClusterFacts, kind| *facts.coverage(kind, "") != Coverage::NotAsked;
        let mut sparing = self.cluster_facts.values().filter(|one| one.sparing);
        sparing.all(|one| asked(one, Kind::Pod) && asked(one, Kind::ReplicaSet))
    }

    fn say_what_is_claimed(&mut self, now: Instant) {
        let asked = self.answers.iter().map(|asked| &asked.reader);
        let looked = self.apps.iter().map(|looked| &looked.reader);
        let board = self.board.iter().map(|(reader, _)| reader);
        let readers = board.chain(asked).chain(looked).chain(self.past.reader());
        let wanted: BTreeSet<&Want> = readers.flat_map(Reader::claimed).collect();
        self.book.watched(&wanted, now);
    }

    /// Takes in when an answer changes by itself.
    fn note(&mut self, changes_at: Option<Timestamp>) {
        self.changes_at = match (self.changes_at, changes_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
