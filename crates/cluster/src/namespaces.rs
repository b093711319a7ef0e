//! Reading a kind namespace by namespace, where all namespaces at once are refused.
//!
//! Owns which namespaces are tried (those that the server lists, the context's own, those that the caller names) and
//! what the server's rules say of each, so that a person with three namespaces of two hundred doesn't ask two hundred
//! times for every kind.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use facts::cluster::Scope;
use facts::{Coverage, Kind};
use futures::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use crate::failure::{Failure, Why};
use crate::kinds::place;
use crate::ledger::Ledger;
use crate::options::Options;
use crate::server::{Review, Server};
use crate::tolerant::{Flag, List, Part, Text};
use crate::watch::Reader;

/// Namespaces that are read one by one at most: each is a connection of its own for every kind.
const MOST: usize = 48;

/// Which namespaces may be tried, and what is allowed in each.
pub(crate) struct Namespaces {
    /// The context's own, and the caller's.
    own: Vec<String>,
    rules: Mutex<HashMap<String, Asked>>,
}

/// When a namespace's rules were asked for, and the rules once they are there.
type Asked = (Instant, Arc<OnceCell<Rules>>);

impl Namespaces {
    pub(crate) fn new(own: Vec<String>) -> Self {
        Self {
            own,
            rules: Mutex::new(HashMap::new()),
        }
    }

    /// The namespaces to try: our own first, then those that the server lists.
    fn candidates(&self, listed: Option<Vec<String>>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let known = |name: &String| listed.as_ref().is_none_or(|listed| listed.contains(name));
        for name in self.own.iter().filter(|name| known(name)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        for name in listed.iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The namespaces that are read one by one where all of them may not be read at once.
    pub(crate) fn read_one_by_one(&self, ledger: &Ledger) -> Vec<String> {
        let mut names = self.candidates(ledger.namespaces());
        names.truncate(MOST);
        names
    }

    /// Whether the rules let us list a kind in a namespace; `None` if they don't say.
    async fn may_list(
        &self,
        kind: Kind,
        namespace: &str,
        server: &Server,
        options: &Options,
    ) -> Option<bool> {
        let cell = {
            let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = rules
                .entry(namespace.to_owned())
                .and_modify(|entry| {
                    if entry.0.elapsed() > options.recheck / 2 {
                        *entry = (Instant::now(), Arc::default());
                    }
                })
                .or_insert_with(|| (Instant::now(), Arc::default()));
            entry.1.clone()
        };
        let rules = cell
            .get_or_init(|| Rules::ask(namespace, server, options))
            .await;
        rules.may("list", place(kind).group, place(kind).plural)
    }
}

/// What the server says that we may do in a namespace.
#[derive(Default)]
pub(crate) struct Rules {
    /// Whether the list is all there is: some authorizers cannot list what they allow.
    is_complete: bool,
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RulesReview {
    status: Part<RulesStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RulesStatus {
    resource_rules: List<Part<Rule>>,
    incomplete: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Rule {
    verbs: List<Text>,
    api_groups: List<Text>,
    resources: List<Text>,
    resource_names: List<Text>,
}

impl Rules {
    /// Asks for them; where there is no answer they say nothing.
    pub(crate) async fn ask(namespace: &str, server: &Server, options: &Options) -> Self {
        let review = Review::Rules(namespace);
        match server.review(review, options.answer_within).await {
            Ok(answer) => Self::read(&answer.body),
            Err(_) => Self::default(),
        }
    }

    fn read(body: &[u8]) -> Self {
        let review: Part<RulesReview> = serde_json::from_slice(body).unwrap_or_default();
        let status = review.0.status.0;
        let rules: Vec<Rule> = status.resource_rules.parts().collect();
        Self {
            // An answer without any rule is one that says nothing: everybody may at least review themselves.
            is_complete: !status.incomplete.0 && !rules.is_empty(),
            rules,
        }
    }

    /// Whether they let us do something; `None` if they don't say.
    pub(crate) fn may(&self, verb: &str, group: &str, plural: &str) -> Option<bool> {
        let has = |list: &List<Text>, wanted: &str| {
            list.0.iter().any(|text| text.0 == "*" || text.0 == wanted)
        };
        let may = self.rules.iter().any(|rule| {
            rule.resource_names.0.is_empty()
                && has(&rule.verbs, verb)
                && has(&rule.api_groups, group)
                && has(&rule.resources, plural)
        });
        (may || self.is_complete).then_some(may)
    }
}

impl Reader {
    /// Reads the kind in each namespace where that is allowed; ends when all namespaces may be read.
    pub(crate) async fn by_namespace(&self, refused: &Failure) {
        let shared = &self.shared;
        let ledger = &shared.ledger;
        let kind = self.kind;
        let denied = |message: &str| Coverage::Denied {
            message: message.to_owned(),
        };
        ledger.unread(kind, &Scope::All, denied(&refused.reason), refused);
        let mut readers = JoinSet::new();
        let mut reading: BTreeMap<String, AbortHandle> = BTreeMap::new();
        loop {
            if !kind.is_cluster_wide() {
                ledger.first_read(Kind::Namespace).await;
                let candidates = shared.namespaces.candidates(ledger.namespaces());
                let asked = candidates.into_iter().map(|name| async move {
                    let rules = &self.shared.namespaces;
                    let options = &self.shared.options;
                    let may = rules.may_list(kind, &name, self.server(), options).await;
                    (name, may)
                });
                // A few side by side: two hundred namespaces one after the other would take many seconds.
                let answers: Vec<_> = stream::iter(asked).buffered(8).collect().await;
                let mut wanted = Vec::new();
                for (name, may) in answers {
                    let scope = Scope::Namespace(name.clone());
                    if may == Some(false) {
                        let rules = "the server's rules don't allow it";
                        let failure = Failure::new(Why::Denied, rules);
                        ledger.unread(kind, &scope, denied(rules), &failure);
                    } else if wanted.len() < MOST {
                        wanted.push(name);
                    } else {
                        let failure = Failure::new(
                            Why::Denied,
                            format!("only {MOST} namespaces are read one by one"),
                        );
                        ledger.unread(kind, &scope, denied(&failure.reason), &failure);
                    }
                }
                reading.retain(|name, reader| {
                    let keep = wanted.contains(name);
                    if !keep {
                        reader.abort();
                        ledger.forget(kind, &Scope::Namespace(name.clone()));
                    }
                    keep && !reader.is_finished()
                });
                // Waits for the new ones' first reads: the sender goes with each.
                let (first, mut firsts) = mpsc::channel::<()>(1);
                for name in wanted {
                    if reading.contains_key(&name) {
                        continue;
                    }
                    let reader = self.clone();
                    let first = first.clone();
                    let scope = Scope::Namespace(name.clone());
                    let handle = readers.spawn(async move {
                        let ended = Box::new(move || drop(first));
                        let failure = reader.follow(&scope, Some(ended)).await;
                        let ledger = &reader.shared.ledger;
                        ledger.unread(reader.kind, &scope, failure.coverage(), &failure);
                    });
                    reading.insert(name, handle);
                }
                drop(first);
                let _ = firsts.recv().await;
            }
            ledger.ended(kind);
            tokio::time::sleep(shared.options.recheck).await;
            while readers.try_join_next().is_some() {}
            if self.page(&Scope::All, Some(1), None).await.is_ok() {
                ledger.forget_parts(kind);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespaces_come_first_and_gone_ones_are_not_tried() {
        let namespaces = Namespaces::new(vec!["shop".into(), "gone".into(), "shop".into()]);
        assert_eq!(namespaces.candidates(None), ["shop", "gone"]);
        let listed = Some(vec!["dev".to_owned(), "shop".to_owned()]);
        assert_eq!(namespaces.candidates(listed), ["shop", "dev"]);
    }

    #[test]
    fn rules_say_yes_no_or_nothing() {
        let rules = Rules::read(
            br#"{"kind":"SelfSubjectRulesReview","status":{"incomplete":false,"nonResourceRules":[],"resourceRules":[
                {"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectrulesreviews"]},
                {"verbs":["get","list","watch"],"apiGroups":["","apps"],"resources":["pods","deployments"]},
                {"verbs":["list"],"apiGroups":[""],"resources":["services"],"resourceNames":["one"]}]}}"#,
        );
        assert_eq!(rules.may("list", "", "pods"), Some(true));
        assert_eq!(rules.may("list", "apps", "deployments"), Some(true));
        assert_eq!(rules.may("list", "", "services"), Some(false));
        assert_eq!(rules.may("list", "apps", "replicasets"), Some(false));
        let incomplete = Rules::read(
            br#"{"status":{"incomplete":true,"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["pods"]}]}}"#,
        );
        assert_eq!(incomplete.may("list", "", "pods"), Some(true));
        assert_eq!(incomplete.may("list", "", "nodes"), None);
        assert_eq!(Rules::read(b"<html>").may("list", "", "pods"), None);
        assert_eq!(Rules::read(b"{}").may("list", "", "pods"), None);
    }
}
