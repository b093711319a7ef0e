//! The line to one server: is it up, and through which connection.
//!
//! Owns finding out, once for everybody: a heartbeat, or a look at once when a reader's connection broke. Readers wait
//! here while the server is away, instead of knocking twenty at a time, and all begin anew when it is back.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use serde::Deserialize;
use tokio::sync::{Notify, watch};

use crate::context::Context;
use crate::failure::{Failure, Why, not_kubernetes};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::server::{Review, Server};
use crate::sign_in::{SIGN_IN_WITHIN, SignIn, still_runs};
use crate::tolerant::{Part, Text};

/// What everybody may ask and nobody changes: every authenticated user may read it by default, and any answer to it,
/// a refusal too, is an answer.
const HEARTBEAT: &str = "/version";

/// The line, shared by all who read.
pub(crate) struct Line {
    context: Context,
    options: Options,
    ledger: Arc<Ledger>,
    sign_in: Arc<SignIn>,
    signal: watch::Sender<Signal>,
    /// A reader's connection broke.
    suspected: Notify,
    /// A person asks to try now.
    asked: Notify,
}

/// Whether the line is up.
#[derive(Clone, Default)]
struct Signal {
    /// Counts the times that it came up.
    epoch: u64,
    /// The connection, while it is up.
    server: Option<Arc<Server>>,
}

impl Line {
    pub(crate) fn new(context: Context, options: Options, ledger: Arc<Ledger>) -> Self {
        Self {
            context,
            sign_in: Arc::new(SignIn::new(options.clone())),
            options,
            ledger,
            signal: watch::Sender::new(Signal::default()),
            suspected: Notify::new(),
            asked: Notify::new(),
        }
    }

    /// The connection, if the line is up.
    pub(crate) fn server(&self) -> Option<Arc<Server>> {
        self.signal.borrow().server.clone()
    }

    /// Waits until the line is up; the number of this time, and the connection.
    pub(crate) async fn up(&self) -> (u64, Arc<Server>) {
        let mut signal = self.signal.subscribe();
        loop {
            let now = signal.borrow_and_update().clone();
            if let Some(server) = now.server {
                return (now.epoch, server);
            }
            if signal.changed().await.is_err() {
                // The sender is ours: this cannot be, and waiting is the answer that does no harm.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the line is no longer up as it was.
    pub(crate) async fn left(&self, epoch: u64) {
        let mut signal = self.signal.subscribe();
        let _ = signal
            .wait_for(|signal| signal.server.is_none() || signal.epoch != epoch)
            .await;
    }

    /// Says that a connection broke: the line is looked at at once.
    pub(crate) fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// Tries now, however long the wait still is.
    pub(crate) fn try_now(&self) {
        self.asked.notify_one();
    }

    /// Keeps the line, for ever.
    pub(crate) async fn keep(&self) {
        let mut server: Option<Arc<Server>> = None;
        let mut written = Written::of(&self.context);
        let mut failures = 0;
        loop {
            let usable = server.take().filter(|server| !server.is_stale());
            let dialled = match usable {
                Some(server) => Ok(server),
                None => {
                    written = Written::of(&self.context);
                    self.dial().await.map(Arc::new)
                }
            };
            let outcome = match dialled {
                Ok(dialled) => {
                    let outcome = self.look(&dialled).await;
                    server = Some(dialled.clone());
                    outcome.map(|offset| (dialled, offset))
                }
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok((there, offset)) => {
                    failures = 0;
                    self.ledger.answered(self.options.clock.now(), offset);
                    self.came_up(there);
                    tokio::select! {
                        () = tokio::time::sleep(self.options.heartbeat) => {}
                        () = self.suspected.notified() => {}
                        () = self.asked.notified() => {}
                    }
                }
                Err(failure) => {
                    failures += 1;
                    tracing::debug!(cluster = self.context.name, %failure, "no answer");
                    self.signal
                        .send_if_modified(|signal| signal.server.take().is_some());
                    let wait = self.options.wait(&failure, failures);
                    let now = self.options.clock.now();
                    let retry_at = SignedDuration::try_from(wait)
                        .ok()
                        .and_then(|wait| now.checked_add(wait).ok())
                        .unwrap_or(now);
                    self.ledger.lost(&failure, retry_at);
                    let is_rewritten = tokio::select! {
                        () = tokio::time::sleep(wait) => false,
                        () = written.changed(&self.context) => true,
                        () = self.asked.notified() => true,
                    };
                    if failure.why == Why::Unauthorized {
                        self.sign_in.forget();
                    }
                    if failure.needs_sign_in() || is_rewritten {
                        server = None;
                    }
                }
            }
        }
    }

    /// Dials, however long the sign-in plugin takes: a second one beside it would open a second browser. What it waits
    /// for is said meanwhile.
    async fn dial(&self) -> Result<Server, Failure> {
        let mut dialled = pin!(Server::dial(&self.context, &self.options, &self.sign_in));
        loop {
            tokio::select! {
                dialled = &mut dialled => return dialled,
                () = tokio::time::sleep(SIGN_IN_WITHIN) => {
                    self.ledger.lost(&still_runs(), self.options.clock.now());
                }
            }
        }
    }

    fn came_up(&self, there: Arc<Server>) {
        self.signal.send_if_modified(|signal| {
            let known = signal.server.as_ref();
            let is_new = known.is_none_or(|known| !Arc::ptr_eq(known, &there));
            if is_new {
                signal.epoch += 1;
                signal.server = Some(there);
            }
            is_new
        });
    }

    /// Whether the server answers; its clock's offset.
    async fn look(&self, server: &Arc<Server>) -> Result<Option<SignedDuration>, Failure> {
        let first = self.look_once(server).await;
        match &first {
            // A pooled connection that died in its sleep breaks the first request on it and says nothing of the server.
            Err(failure) if matches!(failure.why, Why::Broken | Why::Silent) => {
                if self.signal.borrow().server.is_some() {
                    self.look_once(server).await
                } else {
                    first
                }
            }
            _ => first,
        }
    }

    /// One question to the server; a refusal is an answer, too.
    async fn look_once(&self, server: &Arc<Server>) -> Result<Option<SignedDuration>, Failure> {
        match server.get(HEARTBEAT, self.options.answer_within).await {
            Ok(answer) if is_version(&answer.body) => Ok(answer.offset),
            Ok(_) => Err(server.told(not_kubernetes(&server.host, "with something else"))),
            Err(failure) if failure.why == Why::NotFound => {
                Err(server.told(not_kubernetes(&server.host, "404 Not Found")))
            }
            Err(failure) if failure.is_unreachable() || failure.needs_sign_in() => Err(failure),
            // It answered, whatever it said.
            Err(_) => Ok(None),
        }
    }

    /// Asks the server who we are, each time that the line comes up.
    pub(crate) async fn identify(&self) {
        loop {
            let (epoch, server) = self.up().await;
            let ask = async {
                let mut identity = None;
                // v1 since Kubernetes 1.28; before that nobody need know.
                for version in ["v1", "v1beta1"] {
                    let review = Review::Myself(version);
                    if let Ok(answer) = server.review(review, self.options.answer_within).await {
                        identity = username(&answer.body);
                        break;
                    }
                }
                self.ledger.identified(identity);
                self.left(epoch).await;
            };
            tokio::select! {
                () = self.left(epoch) => {}
                () = ask => {}
            }
        }
    }
}

/// Whether it is what an API server says of its version.
fn is_version(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|version| {
        ["gitVersion", "major"]
            .iter()
            .any(|field| version.get(field).is_some())
    })
}

fn username(body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Review {
        status: Part<Status>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Status {
        user_info: Part<UserInfo>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct UserInfo {
        username: Text,
    }
    let review: Part<Review> = serde_json::from_slice(body).ok()?;
    review.0.status.0.user_info.0.username.some()
}

/// When the kubeconfig's files were written: a change means that there may be other credentials.
#[derive(PartialEq)]
struct Written(Vec<Option<SystemTime>>);

impl Written {
    /// How often the files are looked at while there is no connection.
    const LOOK_EVERY: Duration = Duration::from_secs(1);

    fn of(context: &Context) -> Self {
        let times = context.files().iter().map(|file| {
            let written = std::fs::metadata(file).and_then(|metadata| metadata.modified());
            written.ok()
        });
        Self(times.collect())
    }

    /// Waits until a file is written anew.
    async fn changed(&self, context: &Context) {
        while *self == Self::of(context) {
            tokio::time::sleep(Self::LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_review_says_who_we_are() {
        assert_eq!(
            username(br#"{"kind":"SelfSubjectReview","status":{"userInfo":{"username":"jo@shop","groups":["system:authenticated"]}}}"#)
                .as_deref(),
            Some("jo@shop")
        );
        assert_eq!(username(b"{}"), None);
        assert_eq!(username(b"<html>"), None);
    }
}
