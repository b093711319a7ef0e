//! Whether we have the rights that reading uses: asked of the server itself, seldom, and only where somebody looks.
//!
//! Owns the questions, when they are asked, and what an answer means. One access review for each verb of each right: it is
//! the server's own decision, whoever makes it there. A rules review would be one request, but it lists only what an
//! authorizer can list (a webhook's or EKS' access policies are not in it), and what it lists for a namespace may hold in
//! that one alone. So it is asked only where something is refused everywhere at once, and what it does not list is refused
//! only where it says that it lists everything. What is no answer is "cannot tell", never "no".

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use api::connection::{Held, Right as Row};
use api::headline::plain;
use facts::Kind;
use futures::{FutureExt, StreamExt, stream};
use serde::Deserialize;
use tokio::sync::watch;

use crate::admins::admins;
use crate::discovery::Serving;
use crate::failure::{Failure, Why};
use crate::namespaces::Rules;
use crate::rights::{Right, rights};
use crate::server::{Access, Review, Server};
use crate::tolerant::{Maybe, Part, Text};
use crate::watch::Shared;

/// Reviews under way at once: a few, beside the lists that matter more.
const AT_ONCE: usize = 8;

/// Who wants to know.
pub(crate) struct Reviews {
    /// Whether somebody looks.
    wanted: watch::Sender<bool>,
    /// Counts the times that somebody wanted to know anew.
    anew: watch::Sender<u64>,
}

impl Reviews {
    pub(crate) fn new() -> Self {
        Self {
            wanted: watch::Sender::new(false),
            anew: watch::Sender::new(0),
        }
    }

    /// Somebody looks from now on.
    pub(crate) fn want(&self) {
        self.wanted
            .send_if_modified(|wanted| !std::mem::replace(wanted, true));
    }

    /// Somebody else may be signed in, or wants to know now.
    pub(crate) fn ask_anew(&self) {
        self.anew.send_modify(|times| *times += 1);
    }

    /// Asks on connecting, and then every [`crate::Options::rights_every`], or when somebody wants to know, for ever. A
    /// connection that only broke and is back is no reason to ask.
    pub(crate) async fn keep(&self, shared: &Shared) {
        let _ = self.wanted.subscribe().wait_for(|wanted| *wanted).await;
        let mut anew = self.anew.subscribe();
        let mut asked: Option<(Weak<Server>, Instant)> = None;
        loop {
            let (epoch, server) = shared.line.up().await;
            let age = asked
                .as_ref()
                .filter(|(of, _)| of.ptr_eq(&Arc::downgrade(&server)))
                .map(|(_, at)| at.elapsed());
            let every = shared.options.rights_every;
            let wait = age.map_or(Duration::ZERO, |age| every.saturating_sub(age));
            if !wait.is_zero() {
                tokio::select! {
                    () = shared.line.left(epoch) => {}
                    () = tokio::time::sleep(wait) => {}
                    _ = anew.changed() => asked = None,
                }
                continue;
            }
            anew.borrow_and_update();
            tokio::select! {
                () = shared.line.left(epoch) => {}
                (rows, admins) = look(shared, &server) => {
                    shared.ledger.may(rows, admins);
                    asked = Some((Arc::downgrade(&server), Instant::now()));
                }
            }
        }
    }
}

/// Asks for everything once; and where something is missing, who may do everything.
async fn look(shared: &Shared, server: &Server) -> (Vec<Row>, Vec<String>) {
    let rights = rights();
    let asking = Asking {
        shared,
        server,
        useless: OnceLock::new(),
    };
    // Boxed, so that the compiler sees that the whole may move between threads.
    let asked: Vec<_> = rights
        .iter()
        .map(|right| asking.held(right).boxed())
        .collect();
    let held = stream::iter(asked);
    let mut held: Vec<Held> = held.buffered(AT_ONCE).collect().await;
    asking.in_namespaces(&rights, &mut held).await;
    let admins = match held.iter().any(Held::is_missing) {
        true => admins(server, shared.options.answer_within).await,
        false => Vec::new(),
    };
    let rows = rights.iter().zip(held).map(|(right, held)| Row {
        name: right.name(),
        verbs: right.verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        held,
        without: right.without.to_owned(),
    });
    (rows.collect(), admins)
}

/// Why it cannot be told whether we have a right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Untold(String);

/// One look.
struct Asking<'a> {
    shared: &'a Shared,
    server: &'a Server,
    /// Why no review will be answered: one that is refused is refused for all.
    useless: OnceLock<Untold>,
}

impl Asking<'_> {
    /// Whether we have a right in all namespaces at once.
    async fn held(&self, right: &Right) -> Held {
        if let Some(kind) = right.kind
            && self.shared.discovery.serving(kind).await == Serving::Absent
        {
            return Held::NotNeeded {
                why: "not installed here".to_owned(),
            };
        }
        let (mut missing, mut unknown) = (Vec::new(), None);
        for verb in right.verbs {
            match self.may(right, verb).await {
                Ok(true) => {}
                Ok(false) => missing.push((*verb).to_owned()),
                Err(why) => unknown = Some(why.to_string()),
            }
        }
        match unknown {
            _ if !missing.is_empty() => Held::No { verbs: missing },
            Some(why) => Held::Unknown { why },
            None => Held::Yes,
        }
    }

    /// Whether the server lets us; else why that cannot be told.
    async fn may(&self, right: &Right, verb: &str) -> Result<bool, Untold> {
        if let Some(why) = self.useless.get() {
            return Err(why.clone());
        }
        let (resource, subresource) = right
            .resource
            .split_once('/')
            .unwrap_or((right.resource, ""));
        let review = Review::Access(Access {
            verb,
            group: right.group,
            resource,
            subresource,
            ..Access::default()
        });
        let within = self.shared.options.answer_within;
        match self.server.review(review, within).await {
            Ok(answer) => verdict(&answer.body),
            Err(failure) => {
                let words = failure.words();
                let why = Untold(format!("the cluster answers no access reviews: {words}"));
                if is_for_all(&failure) {
                    // Another one may have said so first; then it said the same.
                    let _ = self.useless.set(why.clone());
                }
                Err(why)
            }
        }
    }

    /// What is refused everywhere at once may be allowed in namespaces.
    async fn in_namespaces(&self, rights: &[Right], held: &mut [Held]) {
        let is_refused = |(right, held): (&Right, &Held)| {
            matches!(held, Held::No { .. }) && !right.kind.is_some_and(Kind::is_cluster_wide)
        };
        if !rights.iter().zip(held.iter()).any(is_refused) {
            return;
        }
        let shared = self.shared;
        shared.ledger.first_read(Kind::Namespace).await;
        let names = shared.namespaces.read_one_by_one(&shared.ledger);
        let asked: Vec<_> = names
            .into_iter()
            .map(|name| {
                let asked = async move {
                    // Of this moment, as the reviews are: the rules that reading goes by may be older.
                    let rules = Rules::ask(&name, self.server, &shared.options).await;
                    (name, rules)
                };
                asked.boxed()
            })
            .collect();
        let rules: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        for (right, held) in rights.iter().zip(held) {
            if is_refused((right, &*held))
                && let Held::No { verbs } = &*held
                && let Some(told) = in_each(right, verbs, &rules)
            {
                *held = told;
            }
        }
    }
}

/// What becomes of a right that is refused in all namespaces at once, going by the rules of each; nothing where they refuse
/// it too.
fn in_each(right: &Right, refused: &[String], rules: &[(String, Rules)]) -> Option<Held> {
    let (mut allowed, mut untold) = (Vec::new(), Vec::new());
    for (name, rules) in rules {
        let may = |verb: &str| rules.may(verb, right.group, right.resource);
        if right.verbs.iter().all(|verb| may(verb) == Some(true)) {
            allowed.push(plain(name, 100));
        } else if !refused.iter().any(|verb| may(verb) == Some(false)) {
            untold.push(plain(name, 100));
        }
    }
    let Some((first, others)) = untold.split_first() else {
        return (!allowed.is_empty()).then_some(Held::Only {
            namespaces: allowed,
        });
    };
    let others = match others.len() {
        0 => String::new(),
        1 => " and in another namespace".to_owned(),
        more => format!(" and in {more} other namespaces"),
    };
    let so_far = match allowed.is_empty() {
        true => "refused in all namespaces at once".to_owned(),
        false => format!("held in {}", allowed.join(", ")),
    };
    Some(Held::Unknown {
        why: format!(
            "{so_far}, and the cluster does not list all that may be done in {first}{others}"
        ),
    })
}

/// Whether what one review met, the next one will meet.
fn is_for_all(failure: &Failure) -> bool {
    failure.is_unreachable()
        || failure.needs_sign_in()
        || matches!(failure.why, Why::Denied | Why::NotFound)
}

/// Whether the server lets us do one thing; `None` where that cannot be told.
pub(crate) async fn may(shared: &Shared, access: Access<'_>) -> Option<bool> {
    let server = shared.line.server()?;
    let within = shared.options.answer_within;
    let answer = server.review(Review::Access(access), within).await.ok()?;
    verdict(&answer.body).ok()
}

/// What a review's answer says.
fn verdict(body: &[u8]) -> Result<bool, Untold> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct AccessReview {
        status: Part<Status>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Status {
        allowed: Maybe,
        evaluation_error: Text,
    }
    let review: Part<AccessReview> = serde_json::from_slice(body).unwrap_or_default();
    let status = review.0.status.0;
    match (status.allowed.0, status.evaluation_error.some()) {
        (Some(true), _) => Ok(true),
        (Some(false), None) => Ok(false),
        (Some(false), Some(why)) => Err(Untold(format!(
            "the cluster could not decide: {}",
            plain(&why, 300)
        ))),
        (None, _) => Err(Untold(
            "the cluster's answer to an access review makes no sense".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_no_is_a_no() {
        assert_eq!(verdict(br#"{"status":{"allowed":true}}"#), Ok(true));
        assert_eq!(
            verdict(br#"{"status":{"allowed":false,"reason":"no"}}"#),
            Ok(false)
        );
        let why = verdict(
            b"{\"status\":{\"allowed\":false,\"evaluationError\":\"webhook\\u001b[2J is down\"}}",
        );
        assert_eq!(
            why,
            Err(Untold(
                "the cluster could not decide: webhook[2J is down".to_owned()
            ))
        );
        for nonsense in [
            "{}",
            "<html>",
            r#"{"status":{"allowed":"false"}}"#,
            "[]",
            "7",
        ] {
            assert!(verdict(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
    }
}
