//! Reading one kind: list it whole, then watch it, and begin anew when the watch cannot go on.
//!
//! Owns the protocol between a list and its watch (pages, resource versions, bookmarks, 410) and what each way of
//! failing means. Custom rather than kube's watcher, because that one hides bookmarks (they say how fresh the facts
//! are) and the end of a connection (the line is to be looked at, at once), and because one object that cannot be read
//! would cost the whole list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use facts::Kind;
use facts::cluster::Scope;
use futures::AsyncBufReadExt;
use tokio::sync::Semaphore;

use crate::discovery::{Discovery, Serving};
use crate::failure::{Failure, Why};
use crate::kinds::{collection, place};
use crate::ledger::Ledger;
use crate::line::Line;
use crate::namespaces::Namespaces;
use crate::options::Options;
use crate::project::{self, Change, Object, Page};
use crate::reviews::Reviews;
use crate::server::{Server, segment};
use crate::wanted::{SPARED, Wanted};

/// What the readers of one cluster share.
pub(crate) struct Shared {
    pub(crate) line: Arc<Line>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) discovery: Discovery,
    pub(crate) namespaces: Namespaces,
    pub(crate) wanted: Wanted,
    pub(crate) reviews: Reviews,
    pub(crate) options: Options,
    /// Lists under way at once: the server throttles each user, and pages are large.
    pub(crate) lists: Semaphore,
}

/// Lists under way at once.
pub(crate) const LISTS_AT_ONCE: usize = 8;

/// How long an earlier tier may keep the next waiting.
const TURN_AT_MOST: Duration = Duration::from_secs(3);

/// How long the server keeps one watch, in seconds: a little under the five minutes after which many proxies cut it.
const WATCH_SECONDS: u32 = 285;

/// A watch that ends sooner than this without a word was not worth its request: the next one waits.
const SHORT: Duration = Duration::from_secs(1);

/// Failures in a row before what was read well goes as no longer known.
const TRIES: u32 = 3;

/// Reads one kind while the line is up in one way.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) kind: Kind,
    server: Arc<Server>,
    version: String,
}

/// How a list and its watch ended.
enum End {
    /// It has to be listed anew, and nothing is wrong with that.
    Anew,
    /// It failed.
    Failed(Failure),
}

/// Called once, when a scope's first read has ended.
pub(crate) type First = Box<dyn FnOnce() + Send>;

/// Reads one kind for ever.
pub(crate) async fn keep(shared: Arc<Shared>, kind: Kind) {
    loop {
        let (epoch, server) = shared.line.up().await;
        tokio::select! {
            () = shared.line.left(epoch) => {}
            () = while_up(&shared, kind, server) => {}
        }
    }
}

async fn while_up(shared: &Arc<Shared>, kind: Kind, server: Arc<Server>) {
    let ledger = &shared.ledger;
    loop {
        ledger.turn(place(kind).tier, TURN_AT_MOST).await;
        let serving = shared.discovery.serving(kind).await;
        match &serving {
            Serving::Version(version) => {
                let reader = Reader {
                    shared: shared.clone(),
                    kind,
                    server: server.clone(),
                    version: version.clone(),
                };
                tokio::select! {
                    () = shared.discovery.differs(kind, &serving) => {}
                    () = reader.read() => {}
                }
            }
            Serving::Absent => {
                ledger.not_served(kind);
                ledger.ended(kind);
                tokio::select! {
                    () = shared.discovery.differs(kind, &serving) => {}
                    // Says again that it is not there, as of now.
                    () = tokio::time::sleep(shared.options.rediscover) => {}
                }
            }
            Serving::Unknown(failure) => {
                ledger.unread(kind, &Scope::All, failure.coverage(), failure);
                ledger.ended(kind);
                shared.discovery.differs(kind, &serving).await;
            }
        }
    }
}

impl Reader {
    /// Reads the kind in all namespaces, or in those where that is allowed; ends when it is time to look at discovery.
    async fn read(&self) {
        let ledger = self.shared.ledger.clone();
        let kind = self.kind;
        if self.shared.options.sparing && SPARED.contains(&kind) {
            self.by_selection().await;
        }
        let first = Box::new(move || ledger.ended(kind));
        let failure = self.follow(&Scope::All, Some(first)).await;
        let ledger = &self.shared.ledger;
        match failure.why {
            Why::Denied => self.by_namespace(&failure).await,
            _ => {
                // The path is not there: the version went, or the kind, or discovery was refused and we guessed.
                ledger.unread(kind, &Scope::All, failure.coverage(), &failure);
                ledger.ended(kind);
                self.shared.discovery.look_again();
                tokio::time::sleep(self.shared.options.rediscover).await;
            }
        }
    }

    /// Lists and watches a scope; ends when the server says that we may not, or that there is no such thing.
    pub(crate) async fn follow(&self, scope: &Scope, mut first: Option<First>) -> Failure {
        let ledger = &self.shared.ledger;
        let mut failures = 0;
        let mut was_read = false;
        loop {
            let began = Instant::now();
            let failure = match self
                .once(scope, &mut first, &mut failures, &mut was_read)
                .await
            {
                End::Anew if began.elapsed() >= SHORT => continue,
                End::Anew => {
                    failures += 1;
                    self.shared.options.pause(failures).await;
                    continue;
                }
                End::Failed(failure) => failure,
            };
            if matches!(failure.why, Why::Denied | Why::NotFound) {
                return failure;
            }
            tracing::debug!(kind = self.kind.name(), ?scope, %failure, "read failed");
            failures += 1;
            if failure.is_unreachable() || failure.needs_sign_in() {
                self.shared.line.suspect();
            }
            // One hiccup doesn't make known things unknown; what was never read is unknown at once.
            if failures >= TRIES || !was_read {
                ledger.unread(self.kind, scope, failure.coverage(), &failure);
                if let Some(first) = first.take() {
                    first();
                }
            }
            tokio::time::sleep(self.shared.options.wait(&failure, failures)).await;
        }
    }

    /// One list and the watch that goes on from it.
    async fn once(
        &self,
        scope: &Scope,
        first: &mut Option<First>,
        failures: &mut u32,
        was_read: &mut bool,
    ) -> End {
        let ledger = &self.shared.ledger;
        let mut version = match self.list(scope).await {
            Ok(version) => version,
            Err(failure) => return End::Failed(failure),
        };
        *failures = 0;
        *was_read = true;
        if let Some(first) = first.take() {
            first();
        }
        loop {
            let began = Instant::now();
            match self.watch(scope, &mut version).await {
                // The server ends each watch after some minutes: it goes on where it was.
                Ok(()) => {
                    if began.elapsed() < SHORT {
                        *failures += 1;
                        self.shared.options.pause(*failures).await;
                    }
                }
                Err(failure) => match failure.why {
                    Why::Gone => return End::Anew,
                    // It may be listed but not watched: it is listed from time to time.
                    Why::Denied | Why::Server(405) => {
                        ledger.refused(&self.watching(), true);
                        tokio::time::sleep(self.shared.options.poll).await;
                        return End::Anew;
                    }
                    _ => return End::Failed(failure),
                },
            }
        }
    }

    /// Lists a scope whole and swaps it in; where a watch goes on.
    async fn list(&self, scope: &Scope) -> Result<String, Failure> {
        let Ok(_slot) = self.shared.lists.acquire().await else {
            return Err(Failure::new(Why::Broken, "reading has ended"));
        };
        // A list whose pages expire under way is begun once more in pages, and then asked for in one piece.
        let mut limit = Some(self.shared.options.page_size);
        let mut tries = 0;
        loop {
            match self.pages(scope, limit).await {
                Err(failure) if failure.why == Why::Gone && tries < 2 => {
                    tries += 1;
                    if tries == 2 {
                        limit = None;
                    }
                }
                Err(failure) => return Err(failure),
                Ok((objects, malformed, version, as_of)) => {
                    self.shared
                        .ledger
                        .listed(self.kind, scope, objects, malformed, as_of);
                    return Ok(version);
                }
            }
        }
    }

    async fn pages(
        &self,
        scope: &Scope,
        limit: Option<u32>,
    ) -> Result<(Vec<Object>, usize, String, jiff::Timestamp), Failure> {
        let mut objects = Vec::new();
        let mut malformed = 0;
        let mut next: Option<String> = None;
        let mut as_of = None;
        loop {
            let page = self.page(scope, limit, next.as_deref()).await?;
            // All pages are of the moment of the first.
            let as_of = *as_of.get_or_insert(page.1);
            let page = page.0;
            objects.extend(page.objects);
            malformed += page.malformed;
            // A token that doesn't move would be asked for for ever.
            if page.next.is_none() || page.next == next {
                return Ok((objects, malformed, page.version, as_of));
            }
            next = page.next;
        }
    }

    /// Asks for one page.
    pub(crate) async fn page(
        &self,
        scope: &Scope,
        limit: Option<u32>,
        next: Option<&str>,
    ) -> Result<(Page, jiff::Timestamp), Failure> {
        let mut query = Vec::new();
        if let Some(limit) = limit {
            query.push(format!("limit={limit}"));
        }
        if let Some(next) = next {
            query.push(format!("continue={}", segment(next)));
        }
        let path = self.asked(scope, query);
        let within = self.shared.options.list_within;
        let answer = self.server.get(&path, within).await?;
        project::page(self.kind, &answer.body)
            .map(|page| (page, answer.asked))
            .map_err(|error| malformed(&error))
    }

    /// Watches a scope from a version on, moving it; ends when the server ends it in good order.
    async fn watch(&self, scope: &Scope, version: &mut String) -> Result<(), Failure> {
        let query = vec![
            "watch=true".to_owned(),
            format!("resourceVersion={}", segment(version)),
            "allowWatchBookmarks=true".to_owned(),
            format!("timeoutSeconds={WATCH_SECONDS}"),
        ];
        let path = self.asked(scope, query);
        let within = self.shared.options.list_within;
        let mut lines = self.server.lines(&path, within).await?;
        let ledger = &self.shared.ledger;
        ledger.refused(&self.watching(), false);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines
                .read_until(b'\n', &mut line)
                .await
                .map_err(|error| Failure::stream(&error, &self.server.host))?;
            // A line without its end is a connection that ended in its middle; the event comes again.
            if read == 0 || line.last() != Some(&b'\n') {
                return Ok(());
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let moved = match project::change(self.kind, &line).map_err(|e| malformed(&e))? {
                Some(Change::Applied { object, version }) => {
                    ledger.applied(self.kind, scope, object);
                    version
                }
                Some(Change::Deleted { key, version }) => {
                    ledger.deleted(self.kind, scope, &key);
                    version
                }
                Some(Change::Bookmark { version }) => {
                    ledger.unchanged(self.kind, scope);
                    version
                }
                Some(Change::Ended { code: 410, message }) => {
                    return Err(Failure::new(Why::Gone, message));
                }
                Some(Change::Ended { code, message }) => {
                    let status = u16::try_from(code).unwrap_or(500);
                    return Err(Failure::new(
                        Why::Server(status),
                        format!("the watch ended: {}", api::headline::plain(&message, 400)),
                    ));
                }
                // Something changed that cannot be read: what is known is not whole any more.
                None => {
                    return Err(Failure::new(
                        Why::Malformed,
                        "an event of the watch is no object",
                    ));
                }
            };
            if !moved.is_empty() {
                *version = moved;
            }
        }
    }

    /// What a refusal calls it.
    fn watching(&self) -> String {
        format!("watch {}", place(self.kind).plural)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The path of a scope with what is asked of it.
    fn asked(&self, scope: &Scope, mut query: Vec<String>) -> String {
        let place = place(self.kind);
        let namespace = match scope {
            Scope::All => None,
            Scope::Namespace(namespace) => Some(namespace),
            Scope::Selected(selection) => {
                let labels = selection.labels.iter();
                let labels: Vec<String> = labels
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                query.push(format!("labelSelector={}", segment(&labels.join(","))));
                Some(&selection.namespace)
            }
        };
        let namespace = namespace.map(|name| segment(name));
        let (group, plural) = (place.group, place.plural);
        let path = collection(group, &self.version, plural, namespace.as_deref());
        match query.is_empty() {
            true => path,
            false => format!("{path}?{}", query.join("&")),
        }
    }
}

fn malformed(error: &serde_json::Error) -> Failure {
    Failure::new(
        Why::Malformed,
        format!("the answer is not what it should be: {error}"),
    )
}
