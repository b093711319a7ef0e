//! Repositories over Git: one kept copy each, refreshed by one fetch that all who wait for it share.
//!
//! Owns the copies and when they are refreshed. The conversation is [`fetch`]'s, the reading [`history`]'s.

mod fetch;
mod graph;
pub(crate) mod history;
mod messages;
mod reverts;
mod store;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::connection::SystemKind;
use facts::code::{DeclaredHistory, Revert};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use self::fetch::Source;
use self::graph::Graph;
use self::history::History;
use self::messages::Messages;
pub(crate) use self::store::Snapshot;
use self::store::Store;
use crate::RETRY;
use crate::clock::{Clock, Holds};
use crate::config::{Config, is_private, shown, split};
use crate::connections::Ledger;
use crate::error::Trouble;
use crate::tokens::Pass;

/// How long a caller waits for a fetch that others may go on waiting for. A first copy of a large repository takes
/// longer; the caller is told so and asks again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Heads by branch.
type Heads = BTreeMap<String, String>;
/// Reverts by what they take back.
type Reverts = BTreeMap<String, Revert>;

/// All repositories.
pub(crate) struct Git {
    config: Arc<Config>,
    clock: Clock,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    repositories: Mutex<HashMap<String, Arc<Repository>>>,
}

impl Git {
    pub(crate) fn new(config: Arc<Config>, clock: Clock, ledger: Arc<Ledger>) -> Self {
        Self {
            config,
            clock,
            ledger,
            stop: Arc::default(),
            repositories: Mutex::default(),
        }
    }

    /// A repository by its key.
    ///
    /// # Errors
    /// The key is none.
    pub(crate) fn repository(&self, key: &str) -> Result<Arc<Repository>, Trouble> {
        let mut repositories = locked(&self.repositories);
        if let Some(known) = repositories.get(key) {
            return Ok(Arc::clone(known));
        }
        let (host, _) = split(key).ok_or_else(|| not_an_address(key))?;
        let url = self
            .config
            .git_url(key)
            .ok_or_else(|| not_an_address(key))?;
        let base = self
            .config
            .code_host(host)
            .and_then(|known| known.address.clone())
            .map_or_else(|| format!("https://{host}"), |base| shown(&base));
        self.ledger
            .know(SystemKind::CodeHost, host, base, is_private(&url));
        let repository = Arc::new(Repository {
            key: key.to_owned(),
            host: host.to_owned(),
            store: Store::new(&self.config.cache, key, &shown(&url)),
            config: Arc::clone(&self.config),
            url,
            fresh_for: self.config.fresh_for,
            opened: self.clock.now(),
            clock: self.clock.clone(),
            ledger: Arc::clone(&self.ledger),
            stop: Arc::clone(&self.stop),
            state: Mutex::default(),
            gate: Arc::default(),
            graph: Mutex::default(),
            messages: Mutex::default(),
            reverts: Mutex::default(),
            declared: Mutex::default(),
        });
        repositories.insert(key.to_owned(), Arc::clone(&repository));
        Ok(repository)
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        // Fetches run on threads that nothing can end from outside; they look at this.
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn not_an_address(key: &str) -> Trouble {
    Trouble::Other(format!("{key} is no repository's address"))
}

/// One repository.
pub(crate) struct Repository {
    key: String,
    host: String,
    url: Url,
    config: Arc<Config>,
    store: Store,
    fresh_for: Duration,
    /// When this process first wanted it: what another one fetched before that may miss the push that is asked about.
    opened: Timestamp,
    clock: Clock,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
    /// Held by the thread that fetches, not by the caller who started it: a caller who goes away frees nothing.
    gate: Arc<tokio::sync::Mutex<()>>,
    graph: Mutex<Graph>,
    messages: Mutex<Messages>,
    /// The reverts as of these heads.
    reverts: Mutex<Option<(Heads, Reverts)>>,
    /// What paths declared, by path and head.
    pub(crate) declared: Mutex<HashMap<(String, String), DeclaredHistory>>,
}

#[derive(Default)]
struct State {
    copy: Option<Arc<Copy>>,
    /// How many fetches ended, well or not.
    ended: u64,
    /// When one last did.
    tried: Option<Timestamp>,
    /// Why the last one failed, if it did.
    trouble: Option<Trouble>,
}

/// A copy as of one fetch.
pub(crate) struct Copy {
    pub(crate) snapshot: Snapshot,
    repository: gix::ThreadSafeRepository,
}

impl Copy {
    /// A file's text as of a commit; none if there is no such file.
    ///
    /// # Errors
    /// The copy is damaged, or the file is no text of a sensible size.
    pub(crate) fn text(&self, commit: &str, path: &str) -> Result<Option<String>, Trouble> {
        let broken = |error: &dyn std::error::Error| {
            Trouble::Other(format!("{path} cannot be read: {error}"))
        };
        let repository = self.repository.to_thread_local();
        let id = gix::ObjectId::from_hex(commit.as_bytes()).map_err(|error| broken(&error))?;
        let tree = repository
            .find_commit(id)
            .map_err(|error| broken(&error))?
            .tree()
            .map_err(|error| broken(&error))?;
        let entry = tree
            .lookup_entry_by_path(path)
            .map_err(|error| broken(&error))?;
        let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else {
            return Ok(None);
        };
        let no_text = || {
            Trouble::Other(format!(
                "{path} is no text of at most {} bytes",
                crate::in_git::MOST
            ))
        };
        let header = entry.id().header().map_err(|error| broken(&error))?;
        if header.size() > crate::in_git::MOST as u64 {
            return Err(no_text());
        }
        let object = entry.object().map_err(|error| broken(&error))?;
        String::from_utf8(object.data.clone())
            .map(Some)
            .map_err(|_| no_text())
    }
}

impl Copy {
    /// What is in it, for this thread.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.repository.to_thread_local()
    }

    /// Whether a file may be run, as of a commit: whoever writes it anew has to say it again.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn is_executable(&self, commit: &str, path: &str) -> Result<bool, Trouble> {
        let broken = |error: &dyn std::error::Error| {
            Trouble::Other(format!("{path} cannot be read: {error}"))
        };
        let repository = self.repository.to_thread_local();
        let id = gix::ObjectId::from_hex(commit.as_bytes()).map_err(|error| broken(&error))?;
        let commit = repository.find_commit(id).map_err(|error| broken(&error))?;
        let tree = commit.tree().map_err(|error| broken(&error))?;
        let entry = tree.lookup_entry_by_path(path);
        let entry = entry.map_err(|error| broken(&error))?;
        Ok(entry.is_some_and(|entry| entry.mode().is_executable()))
    }
}

/// What there is to read, and whether it is as fresh as it should be.
#[derive(Clone)]
pub(crate) struct Look {
    /// The newest copy that could be had.
    pub(crate) copy: Option<Arc<Copy>>,
    /// Why it is not fresh, or not there.
    pub(crate) trouble: Option<Trouble>,
}

impl Look {
    /// Whether the copy's fetch began after a moment.
    fn is_newer(&self, than: Timestamp) -> bool {
        self.copy
            .as_ref()
            .is_some_and(|copy| copy.snapshot.fetched >= than)
    }
}

impl Repository {
    /// The copy, fetched if it is older than it may be.
    pub(crate) async fn fresh(self: &Arc<Self>) -> Look {
        match self.recent() {
            Some(look) => look,
            None => self.fetched(Timestamp::MIN).await,
        }
    }

    /// The copy, fetched anew unless that began after a moment: for a commit that it lacks and that may just have been
    /// pushed. What failed a moment ago is not tried again.
    pub(crate) async fn newer(self: &Arc<Self>, than: Timestamp) -> Look {
        match self.recent() {
            Some(look) if look.trouble.is_some() || look.is_newer(than) => look,
            _ => self.fetched(than).await,
        }
    }

    /// The copy after a fetch that began after a moment: another caller's, or one of our own.
    async fn fetched(self: &Arc<Self>, than: Timestamp) -> Look {
        let ended = locked(&self.state).ended;
        let this = Arc::clone(self);
        let fetched = tokio::time::timeout(PATIENCE, async move {
            let held = Arc::clone(&this.gate).lock_owned().await;
            // Whoever held the gate before fetched for us.
            if let Some(look) = this.since(ended)
                && (look.trouble.is_some() || look.is_newer(than))
            {
                return Some(look);
            }
            tokio::task::spawn_blocking(move || {
                let look = this.fetch(than);
                drop(held);
                look
            })
            .await
            .ok()
        })
        .await;
        match fetched {
            Ok(Some(look)) => look,
            // The thread panicked: a bug of ours or of a library's, and one repository's only.
            Ok(None) => Look {
                copy: locked(&self.state).copy.clone(),
                trouble: Some(Trouble::Other(format!("reading {} broke off", self.key))),
            },
            Err(_) => {
                let copy = locked(&self.state).copy.clone();
                let trouble = match copy {
                    Some(_) => Trouble::Unreachable {
                        host: self.host.clone(),
                        reason: "no answer in time".to_owned(),
                    },
                    None => Trouble::StillCopying {
                        repository: self.key.clone(),
                    },
                };
                Look {
                    copy,
                    trouble: Some(trouble),
                }
            }
        }
    }

    /// The copy as it is, fetched only if there is none.
    pub(crate) async fn any(self: &Arc<Self>) -> Look {
        let copy = locked(&self.state).copy.clone();
        match copy {
            Some(copy) => Look {
                copy: Some(copy),
                trouble: None,
            },
            None => self.fresh().await,
        }
    }

    /// What the last fetch left, unless it is older than it may be.
    fn recent(&self) -> Option<Look> {
        let state = locked(&self.state);
        let tried = state.tried?;
        let holds = match state.trouble {
            Some(_) => Holds::UntilBack(self.fresh_for.min(RETRY)),
            None => Holds::UntilBack(self.fresh_for),
        };
        if !self.clock.holds(tried, holds) {
            return None;
        }
        Some(Look {
            copy: state.copy.clone(),
            trouble: state.trouble.clone(),
        })
    }

    /// What a fetch left that ended after this many others had.
    fn since(&self, ended: u64) -> Option<Look> {
        let state = locked(&self.state);
        (state.ended > ended).then(|| Look {
            copy: state.copy.clone(),
            trouble: state.trouble.clone(),
        })
    }

    fn fetch(&self, than: Timestamp) -> Look {
        let began = self.clock.now();
        let fresh_for = SignedDuration::try_from(self.fresh_for).unwrap_or(SignedDuration::MAX);
        let not_before = self
            .clock
            .now()
            .checked_sub(fresh_for)
            .unwrap_or(Timestamp::MIN)
            .max(self.opened)
            .max(self.clock.back())
            .max(than);
        let subject = split(&self.key).map_or("", |(_, path)| path);
        let fetched = |pass: &Pass| {
            let source = Source {
                repository: &self.key,
                host: &self.host,
                url: &self.url,
                pass,
                refused: Cell::new(false),
            };
            let now = || self.clock.now();
            let fetched = fetch::fetch(&self.store, &source, not_before, now, &self.stop);
            (fetched, source.refused.get())
        };
        // Who has the token is asked from this thread: the caller may go away at any moment.
        let runtime = tokio::runtime::Handle::current();
        let pass = runtime.block_on(self.config.pass(&self.host, &self.url));
        let fetched = match fetched(&pass) {
            (first, true) => {
                let next = self.config.next_pass(&self.host, &self.url, &pass);
                match runtime.block_on(next) {
                    Some(next) => fetched(&next).0,
                    None => first,
                }
            }
            (first, false) => first,
        };
        let fetched = fetched.and_then(|snapshot| self.open(snapshot));
        let now = self.clock.now();
        let mut state = locked(&self.state);
        state.ended += 1;
        match fetched {
            Ok(copy) => {
                self.ledger
                    .answered(SystemKind::CodeHost, &self.host, subject, now);
                // Another process may have fetched it a while ago: its age counts, not ours. Our own fetch is as young as
                // its end: it may be what showed that the host is back, and is not of before that.
                state.tried = Some(if copy.snapshot.fetched >= began {
                    self.clock.now()
                } else {
                    copy.snapshot.fetched
                });
                state.trouble = None;
                state.copy = Some(Arc::new(copy));
            }
            Err(trouble) => {
                self.ledger
                    .failed(SystemKind::CodeHost, &self.host, subject, &trouble, now);
                state.tried = Some(now);
                state.trouble = Some(trouble);
                if state.copy.is_none() {
                    // An older process may have left a copy: what it says of commits is still true.
                    state.copy = self
                        .store
                        .snapshot()
                        .and_then(|snapshot| self.open(snapshot).ok())
                        .map(Arc::new);
                }
            }
        }
        Look {
            copy: state.copy.clone(),
            trouble: state.trouble.clone(),
        }
    }

    fn open(&self, snapshot: Snapshot) -> Result<Copy, Trouble> {
        let repository = fetch::open(&self.store.clone_folder(snapshot.generation))?;
        Ok(Copy {
            snapshot,
            repository,
        })
    }

    /// Reads from a copy, off the async threads.
    ///
    /// # Errors
    /// What the reading says, or the copy is damaged: then it is made again by the next fetch.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        copy: Arc<Copy>,
        read: impl FnOnce(&Self, &mut History<'_>) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut repository = copy.repository.to_thread_local();
            // Trees are read again and again along a history; 16 MiB hold those of a large GitOps repository.
            repository.object_cache_size_if_unset(16 * 1024 * 1024);
            let mut history = History {
                snapshot: &copy.snapshot,
                repository,
                graph: locked(&this.graph),
            };
            history.load().inspect_err(|_| this.forget(&copy))?;
            read(&this, &mut history)
        });
        done.await
            .unwrap_or_else(|_| Err(Trouble::Other(format!("reading {} broke off", self.key))))
    }

    /// The reverts on all branches, read once for the same heads.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn reverts(&self, history: &History<'_>) -> Result<Reverts, Trouble> {
        let heads = &history.snapshot.branches;
        if let Some((known, reverts)) = &*locked(&self.reverts)
            && known == heads
        {
            return Ok(reverts.clone());
        }
        let reverts = history.reverts(&mut locked(&self.messages))?;
        *locked(&self.reverts) = Some((heads.clone(), reverts.clone()));
        Ok(reverts)
    }

    /// Gives a damaged copy up: the next fetch makes a new one.
    fn forget(&self, damaged: &Copy) {
        self.store.spoil(&damaged.snapshot);
        let mut state = locked(&self.state);
        if state
            .copy
            .as_ref()
            .is_some_and(|copy| copy.snapshot == damaged.snapshot)
        {
            *state = State::default();
        }
    }
}

/// Locks what a panic elsewhere cannot have left half-done: every holder writes whole values.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
