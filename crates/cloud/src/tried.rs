//! Which of IAM's actions were seen to work, and which were refused.
//!
//! Owns that memory, and what it says of the rights that reading uses. Nothing is asked for it: an action that was not sent is
//! one of which nothing is known. (IAM could simulate it, for those who may, and leaves out what an organisation denies.)

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::connection::{Held, Right as Row};
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use crate::client::Spec;
use crate::failure::{Failure, Why};
use crate::rights::{RIGHTS, Right};

/// The action that is not used where the clusters are named.
const LIST_CLUSTERS: &str = "ecs:ListClusters";

/// What came of the actions of one account. Copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried(Arc<Mutex<Actions>>);

#[derive(Debug, Default)]
struct Actions {
    round: u64,
    /// What came of each, and in which round.
    came: BTreeMap<&'static str, (Came, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Worked,
    Refused,
}

impl Tried {
    /// What is refused from here on is not made good by what worked before.
    pub(crate) fn begin_round(&self) {
        let mut actions = self.actions();
        actions.round = actions.round.wrapping_add(1);
    }

    /// Somebody else may be asking from now on.
    pub(crate) fn forget(&self) {
        self.actions().came.clear();
    }

    /// Notes what came of an action, and hands it on.
    pub(crate) fn note<T, E>(
        &self,
        action: &'static str,
        answer: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, Failure>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let answer = answer.map_err(|error| Failure::of(&error));
        match &answer {
            Ok(_) => self.put(action, Came::Worked),
            Err(failure) if failure.why == Why::Denied => self.put(action, Came::Refused),
            // Nothing was said of whether we may.
            Err(_) => {}
        }
        answer
    }

    fn put(&self, action: &'static str, came: Came) {
        let mut actions = self.actions();
        let round = actions.round;
        let before = actions.came.get(action);
        // It is refused in one ECS cluster, and works in another: something is missing.
        if came == Came::Refused || before != Some(&(Came::Refused, round)) {
            actions.came.insert(action, (came, round));
        }
    }

    /// The rights that reading this account uses.
    pub(crate) fn rights(&self, spec: &Spec) -> Vec<Row> {
        let actions = self.actions();
        let rows = RIGHTS.iter().map(|right| Row {
            name: right.name.to_owned(),
            verbs: owned(right.actions),
            held: actions.held(right, spec),
            without: right.without.to_owned(),
        });
        rows.collect()
    }

    fn actions(&self) -> MutexGuard<'_, Actions> {
        // Every write leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Actions {
    fn held(&self, right: &Right, spec: &Spec) -> Held {
        if right.is_for_founding {
            return Held::NotNeeded {
                why: "only `landfall team init` uses it".to_owned(),
            };
        }
        let that_are = |came: Option<Came>| -> Vec<&'static str> {
            let used = right.actions.iter().copied();
            used.filter(|action| spec.clusters.is_empty() || *action != LIST_CLUSTERS)
                .filter(|action| self.came.get(action).map(|(came, _)| *came) == came)
                .collect()
        };
        let (refused, untried) = (that_are(Some(Came::Refused)), that_are(None));
        if !refused.is_empty() {
            return Held::No {
                verbs: owned(&refused),
            };
        }
        match untried.is_empty() {
            true => Held::Yes,
            false => Held::Unknown {
                why: format!("not before it is used: {}", untried.join(", ")),
            },
        }
    }
}

fn owned(actions: &[&str]) -> Vec<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tried: &Tried, spec: &Spec) -> Vec<String> {
        let rows = tried.rights(spec);
        rows.iter().map(|row| row.held.words()).collect()
    }

    #[test]
    fn what_was_not_sent_is_not_claimed_and_what_was_refused_somewhere_is_missing() {
        let (tried, spec) = (Tried::default(), Spec::default());
        let unknown = words(&tried, &spec);
        assert!(unknown[0].starts_with("cannot tell: not before it is used: ecs:ListClusters, "));
        assert_eq!(unknown[3], "not needed: only `landfall team init` uses it");
        for action in RIGHTS[0].actions {
            tried.put(action, Came::Worked);
        }
        assert_eq!(words(&tried, &spec)[0], "held");
        assert!(words(&tried, &spec)[1].starts_with("cannot tell"));

        // In another cluster of the same round it is refused, and then works in a third.
        tried.put("ecs:ListTasks", Came::Refused);
        tried.put("ecs:ListTasks", Came::Worked);
        assert_eq!(words(&tried, &spec)[0], "missing: may not ecs:ListTasks");
        tried.begin_round();
        assert_eq!(words(&tried, &spec)[0], "missing: may not ecs:ListTasks");
        tried.put("ecs:ListTasks", Came::Worked);
        assert_eq!(words(&tried, &spec)[0], "held");
        tried.forget();
        assert_eq!(words(&tried, &spec), unknown);
    }

    #[test]
    fn where_the_clusters_are_named_nobody_has_to_list_them() {
        let tried = Tried::default();
        let spec = Spec {
            clusters: vec!["shop".to_owned()],
            ..Spec::default()
        };
        for action in RIGHTS[0]
            .actions
            .iter()
            .filter(|one| **one != LIST_CLUSTERS)
        {
            tried.put(action, Came::Worked);
        }
        assert_eq!(words(&tried, &spec)[0], "held");
        assert!(words(&tried, &Spec::default())[0].ends_with("used: ecs:ListClusters"));
    }
}
