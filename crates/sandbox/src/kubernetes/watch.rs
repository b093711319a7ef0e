//! Watches: every change after a version, in order, for as long as the client listens.
//!
//! A watch reads the kept changes itself instead of a queue of its own, so a slow client costs nothing; one that falls
//! behind what is kept is told that its version expired.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::failure::Failure;
use super::kinds::Kind;
use super::list::{selection, version_asked};
use super::object;
use super::representation::{Form, bytes};
use super::route::Query;
use super::selectors::Selection;
use super::store::state::State;
use super::store::{Change, ChangeEvent, Store};

/// How often a client that likes bookmarks gets one, in real time. A real server's are about a minute apart; here a
/// client's knowledge of how current it is should not be older than a glance.
const BOOKMARK_EVERY: Duration = Duration::from_secs(10);

/// How long a watch lasts if the client does not say, as a real server's `--min-request-timeout` has it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

struct Watch {
    store: Store,
    kind: &'static Kind,
    namespace: String,
    selection: Selection,
    form: Form,
    bookmarks: bool,
    /// Whether a table has named its columns.
    named: bool,
    newest: tokio::sync::watch::Receiver<u64>,
    cursor: u64,
    ready: VecDeque<Bytes>,
    bookmark_every: Duration,
    next_bookmark: Instant,
    end: Instant,
    ended: bool,
}

/// Watches what a request asks for; an empty namespace means all.
pub(crate) fn watch(
    store: &Store,
    kind: &'static Kind,
    namespace: &str,
    form: Form,
    query: &Query,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + Send + use<>, Failure> {
    watch_with(store, kind, namespace, form, query, BOOKMARK_EVERY)
}

fn watch_with(
    store: &Store,
    kind: &'static Kind,
    namespace: &str,
    form: Form,
    query: &Query,
    bookmark_every: Duration,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + Send + use<>, Failure> {
    let selection = selection(kind, query)?;
    let asked = version_asked(query)?;
    let initial_events = match query.text("sendInitialEvents") {
        "" => None,
        _ if query.text("resourceVersionMatch") != "NotOlderThan" => {
            return Err(Failure::invalid_options(
                "ListOptions",
                "resourceVersionMatch",
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        _ => Some(query.flag("sendInitialEvents")),
    };
    let now = Instant::now();
    let timeout = match query.number("timeoutSeconds") {
        None | Some(0) => DEFAULT_TIMEOUT,
        Some(seconds) => Duration::from_secs(seconds),
    };
    let state = store.state();
    let mut watch = Watch {
        store: store.clone(),
        kind,
        namespace: namespace.to_owned(),
        selection,
        form,
        bookmarks: query.flag("allowWatchBookmarks"),
        named: false,
        newest: state.newest(),
        cursor: state.version(),
        ready: VecDeque::new(),
        next_bookmark: now + bookmark_every,
        bookmark_every,
        end: now.checked_add(timeout).unwrap_or(now + DEFAULT_TIMEOUT),
        ended: false,
    };
    match (initial_events, asked) {
        (Some(true), Some(asked)) if asked > state.version() => {
            return Err(Failure::too_large_version(asked, state.version()));
        }
        (Some(true), _) => {
            watch.begin_with_all(&state);
            watch.bookmark(true);
        }
        (Some(false), None) => {}
        // Without a version, a watch begins with all there is.
        (None, None) => watch.begin_with_all(&state),
        (_, Some(asked)) => watch.cursor = asked,
    }
    drop(state);
    watch.newest.mark_changed();
    Ok(unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    }))
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let pause = if self.bookmarks {
                self.end.min(self.next_bookmark)
            } else {
                // Events of the past hour go even if nobody writes.
                self.end.min(Instant::now() + BOOKMARK_EVERY)
            };
            tokio::select! {
                changed = self.newest.changed() => {
                    self.read();
                    // The store is gone with its server.
                    self.ended |= changed.is_err();
                }
                () = sleep_until(pause) => self.pause(),
            }
        }
    }

    /// Time for a bookmark, or for the end.
    fn pause(&mut self) {
        if self.kind.kind == "Event" {
            self.store.expire_events();
        }
        self.read();
        if self.ended {
            return;
        }
        let now = Instant::now();
        self.ended = now >= self.end;
        if self.bookmarks && (self.ended || now >= self.next_bookmark) {
            self.bookmark(false);
            self.next_bookmark = now + self.bookmark_every;
        }
    }

    /// Takes in what changed since the last time.
    fn read(&mut self) {
        let (changes, newest) = self.news();
        let Some(changes) = changes else {
            self.fail(&Failure::expired_version(self.cursor, newest));
            return;
        };
        for change in changes {
            if let Some((event, object)) = self.seen(&change) {
                self.push(event, &object);
            }
        }
        self.cursor = newest;
    }

    /// The changes since the last time, unless they are forgotten, and the version they lead to.
    fn news(&self) -> (Option<Vec<Change>>, u64) {
        let state = self.store.state();
        let changes = state.since(self.cursor).ok().map(|changes| {
            let of_kind = changes.filter(|change| change.kind == self.kind.kind);
            of_kind.cloned().collect()
        });
        (changes, state.version())
    }

    /// What a change looks like through the selectors: an object may enter or leave their sight without coming or
    /// going itself.
    fn seen(&self, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        if !self.namespace.is_empty() && object::namespace(&change.object) != self.namespace {
            return None;
        }
        let before = change.previous.as_ref();
        let was = before.filter(|object| self.selection.matches(object));
        let is = change.event != ChangeEvent::Deleted && self.selection.matches(&change.object);
        match (was, is) {
            (None, true) => Some(("ADDED", Arc::clone(&change.object))),
            (Some(_), true) => Some(("MODIFIED", Arc::clone(&change.object))),
            (None, false) => None,
            (Some(_), false) if change.event == ChangeEvent::Deleted => {
                Some(("DELETED", Arc::clone(&change.object)))
            }
            (Some(before), false) => {
                // As it was when it was last in sight, at the version that took it out of it.
                let mut object = Value::clone(before);
                object::section(&mut object, "metadata")
                    .insert("resourceVersion".into(), json!(change.version.to_string()));
                Some(("DELETED", Arc::new(object)))
            }
        }
    }

    fn begin_with_all(&mut self, state: &State) {
        let namespace = (!self.namespace.is_empty()).then(|| self.namespace.clone());
        let objects: Vec<Arc<Value>> = state
            .list(self.kind.kind, namespace.as_deref())
            .filter(|object| self.selection.matches(object))
            .cloned()
            .collect();
        for object in objects {
            self.push("ADDED", &object);
        }
    }

    fn push(&mut self, event: &str, object: &Arc<Value>) {
        let now = self.store.clock().now();
        let object = match std::mem::replace(&mut self.named, true) {
            false => self.form.one(self.kind, object, now),
            true => self.form.another(self.kind, object, now),
        };
        self.ready.push_back(line(event, &object));
    }

    fn bookmark(&mut self, initial_end: bool) {
        let bookmark = self.form.bookmark(self.kind, self.cursor, initial_end);
        self.ready.push_back(line("BOOKMARK", &bytes(&bookmark)));
    }

    fn fail(&mut self, failure: &Failure) {
        self.ready
            .push_back(line("ERROR", &bytes(&failure.to_status())));
        self.ended = true;
    }
}

fn line(event: &str, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(event.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    Bytes::from(line)
}

#[cfg(test)]
mod tests;
