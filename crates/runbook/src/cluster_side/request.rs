//! A request that another person approves, as the cluster keeps it (an ActionRun), and each change of one.
//!
//! Owns reading it and what is sent for it. It is one object with its approvals, bound to one plan by its hash. What is read
//! here was written by others: nothing of it is believed that is not compared with the plan as it is made here.

use std::collections::BTreeMap;

use api::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{ACTION_RUN, ACTION_RUNS, GROUP, NAMESPACE, POLICY, VERSION, right};
use crate::action::Value;
use crate::call::{Change, ObjectCall, Version};
use crate::ground::Look;
use crate::journal::{Answer, Outcome, RunId};
use crate::permit::Approval;
use crate::plan::Plan;

/// How long a request stands: whoever approves on the next morning knows that it was asked for the day before.
pub const STANDS: SignedDuration = SignedDuration::from_hours(24);
/// A user that is nobody: what is tried in its name has to be refused.
const NOBODY: &str = "landfall.dev:nobody";
/// The longest sentence that is kept of an end, in characters: the schema has 2000.
const LONGEST: usize = 1000;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name: what its run is called.
    pub name: RunId,
    /// This very object, as it was read.
    pub version: Version,
    /// When it was asked for, by the API server's clock.
    pub asked: Timestamp,
    /// What is asked for.
    pub spec: Spec,
    /// Whether it was begun.
    pub is_begun: bool,
    /// How it ended, as who asked says; absent where it has not.
    pub outcome: Option<String>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The plan's hash.
    pub plan_hash: String,
    /// The action.
    pub action: String,
    /// On what.
    pub target: On,
    /// What was said, by the inputs' names.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks, as the API server names them.
    pub requester: String,
    /// Who has approved it.
    #[serde(default)]
    pub approvals: Vec<Approved>,
}

/// What something is done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct On {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its own id.
    pub uid: String,
    /// What who asks calls the cluster.
    pub cluster: String,
    /// The cluster's id.
    pub cluster_uid: String,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// By whom, as the API server names them.
    pub by: String,
    /// Of which plan.
    pub plan_hash: String,
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Nobody has approved it yet.
    Waits,
    /// Somebody else has.
    Approved {
        /// Who.
        by: String,
    },
    /// It was begun: what was approved is used up.
    Begun,
    /// It was asked for too long ago.
    Late,
}

/// Whether the API server holds who asks and who approves to its own word for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It does.
    ByTheServer,
    /// It takes whatever is said: an approval there is advice.
    Not,
    /// That cannot be told, and why.
    Unknown(String),
}

/// Where requests are read.
pub fn all(system: &str) -> Look {
    Look::All {
        system: system.to_owned(),
        kind: ACTION_RUN,
        namespace: NAMESPACE.to_owned(),
    }
}

/// One request.
pub fn one(system: &str, name: &str) -> ObjectRef {
    ObjectRef::new(system, ACTION_RUN, NAMESPACE, name)
}

impl Request {
    /// A request, as the API server has it; nothing, where it is none that can be understood.
    pub fn of(object: &Json) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        Some(Self {
            name: RunId::new(text("/metadata/name")?),
            version: Version {
                uid: text("/metadata/uid")?.to_owned(),
                resource_version: Some(text("/metadata/resourceVersion")?.to_owned()),
            },
            asked: text("/metadata/creationTimestamp")?.parse().ok()?,
            spec: Spec::deserialize(&object["spec"]).ok()?,
            is_begun: object.pointer("/status/begun").is_some_and(Json::is_object),
            outcome: text("/status/ended/outcome").map(str::to_owned),
        })
    }

    /// How it stands.
    pub fn stands(&self, now: Timestamp) -> Stands {
        if self.is_begun {
            return Stands::Begun;
        }
        if now.duration_since(self.asked) > STANDS {
            return Stands::Late;
        }
        match self.another() {
            Some(approved) => Stands::Approved {
                by: approved.by.clone(),
            },
            None => Stands::Waits,
        }
    }

    /// The first approval of this very plan by somebody else. Where the API server holds nothing there may be others.
    fn another(&self) -> Option<&Approved> {
        let spec = &self.spec;
        spec.approvals.iter().find(|one| {
            one.by != spec.requester && !one.by.is_empty() && one.plan_hash == spec.plan_hash
        })
    }

    /// The approval that a run goes by, as the permit wants it; `identity`: who the person is in the cluster.
    pub fn approval(&self, identity: &str) -> Option<Approval> {
        let approved = self.another()?;
        Some(Approval {
            by: approved.by.clone(),
            plan_hash: approved.plan_hash.clone(),
            requester: self.spec.requester.clone(),
            identity: identity.to_owned(),
        })
    }

    /// What is sent to approve it as this user.
    pub fn approved(&self, system: &str, by: &str) -> ObjectCall {
        let mut approvals = self.spec.approvals.clone();
        approvals.push(Approved {
            by: by.to_owned(),
            plan_hash: self.spec.plan_hash.clone(),
        });
        let fields = json!({"spec": {"approvals": approvals}});
        self.changed(system, "", fields, true)
    }

    /// What is tried as nobody, to find out whether the API server looks at who approves.
    pub fn approved_by_nobody(&self, system: &str) -> ObjectCall {
        self.approved(system, NOBODY)
    }

    /// What is sent when its run begins. Another that begins meanwhile is refused by the version.
    pub fn begun(&self, system: &str, now: Timestamp) -> ObjectCall {
        let fields = json!({"status": {"begun": {"at": second(now)}}});
        self.changed(system, "status", fields, true)
    }

    /// What is sent when its run has ended.
    pub fn ended(&self, system: &str, outcome: Outcome, says: &str, now: Timestamp) -> ObjectCall {
        let outcome = serde_json::to_value(outcome).unwrap_or_default();
        let says = api::headline::plain(says, LONGEST);
        let ended = json!({"at": second(now), "outcome": outcome, "says": says});
        self.changed(system, "status", json!({"status": {"ended": ended}}), false)
    }

    /// `exact`: only as it was read.
    fn changed(&self, system: &str, part: &str, fields: Json, exact: bool) -> ObjectCall {
        let name = self.name.as_str();
        let mut path = format!("{}/{name}", collection());
        if !part.is_empty() {
            path.push('/');
            path.push_str(part);
        }
        let version = Version {
            uid: self.version.uid.clone(),
            resource_version: self.version.resource_version.clone().filter(|_| exact),
        };
        ObjectCall {
            object: one(system, name),
            path,
            change: Change::Merge(fields),
            only_if: Some(version),
            stamps: Vec::new(),
            right: right("patch", GROUP, ACTION_RUNS, part),
        }
    }
}

/// What is sent to ask for a plan's approval, as a request of this name.
pub fn asked(name: &RunId, plan: &Plan, requester: &str) -> ObjectCall {
    let target = &plan.target;
    let spec = Spec {
        plan_hash: plan.hash(),
        action: plan.action.clone(),
        target: On {
            kind: target.object.kind.clone(),
            namespace: target.object.namespace.clone(),
            name: target.object.name.clone(),
            uid: target.uid.clone(),
            cluster: target.object.system.clone(),
            cluster_uid: target.cluster_uid.clone(),
        },
        inputs: plan
            .inputs
            .iter()
            .map(|(name, value)| (name.clone(), said(value)))
            .collect(),
        reason: plan.reason.clone(),
        requester: requester.to_owned(),
        approvals: Vec::new(),
    };
    ObjectCall {
        object: one(&target.object.system, name.as_str()),
        path: collection(),
        change: Change::Create(json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": ACTION_RUN,
            "metadata": {"name": name.as_str(), "namespace": NAMESPACE},
            "spec": spec,
        })),
        only_if: None,
        stamps: Vec::new(),
        right: right("create", GROUP, ACTION_RUNS, ""),
    }
}

/// What is tried as nobody, to find out whether the API server looks at who asks.
pub fn asked_by_nobody(name: &RunId, plan: &Plan) -> ObjectCall {
    asked(name, plan, NOBODY)
}

/// What an answer to something that was tried as nobody says. Only the policy's own refusal shows that it is in force.
pub fn held(answer: &Answer) -> Held {
    match answer {
        Answer::Done { .. } => Held::Not,
        Answer::Refused { why, .. } if why.contains(POLICY) => Held::ByTheServer,
        Answer::Refused { why, .. } | Answer::NotSent { why } | Answer::Unknown { why } => {
            Held::Unknown(why.clone())
        }
    }
}

/// A value as it was said.
fn said(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

fn collection() -> String {
    format!("/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{ACTION_RUNS}")
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permit::tests::plan;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    /// The request, as the API server would give it back.
    fn kept(approvals: Json) -> Json {
        let run = RunId::new("20261201-r");
        let mut object = asked(&run, &plan(), "okta:ada").body(&run);
        object["metadata"]["uid"] = json!("u-run");
        object["metadata"]["resourceVersion"] = json!("5");
        object["metadata"]["creationTimestamp"] = json!(second(NOW));
        object["spec"]["approvals"] = approvals;
        object
    }

    fn by(who: &str, hash: &str) -> Json {
        json!({"by": who, "planHash": hash})
    }

    #[test]
    fn only_another_persons_approval_of_this_very_plan_counts_wherever_the_server_holds_nothing() {
        let hash = plan().hash();
        for (approvals, stands) in [
            (json!([]), Stands::Waits),
            (json!([by("okta:ada", &hash)]), Stands::Waits),
            (json!([by("", &hash)]), Stands::Waits),
            (json!([by("okta:bo", &"0".repeat(64))]), Stands::Waits),
            (
                json!([by("okta:ada", &hash), by("okta:bo", &hash)]),
                Stands::Approved {
                    by: "okta:bo".to_owned(),
                },
            ),
        ] {
            let request = Request::of(&kept(approvals.clone())).expect("one");
            assert_eq!(request.stands(NOW), stands, "{approvals}");
            assert_eq!(
                request.approval("okta:ada").is_some(),
                stands != Stands::Waits
            );
        }
    }

    #[test]
    fn what_was_begun_or_is_a_day_old_is_not_begun_again() {
        let hash = plan().hash();
        let mut object = kept(json!([by("okta:bo", &hash)]));
        let late = NOW + STANDS + SignedDuration::from_secs(1);
        let request = Request::of(&object).expect("one");
        assert_eq!(request.stands(late), Stands::Late);
        object["status"] = json!({"begun": {"at": second(NOW)}});
        let request = Request::of(&object).expect("one");
        assert_eq!(request.stands(NOW), Stands::Begun);
    }

    #[test]
    fn an_approval_keeps_those_before_it_and_is_of_the_object_as_it_was_read() {
        let hash = plan().hash();
        let request = Request::of(&kept(json!([by("okta:bo", &hash)]))).expect("one");
        let body = request.approved("prod", "okta:cy").body(&request.name);
        assert_eq!(
            body,
            json!({
                "metadata": {"uid": "u-run", "resourceVersion": "5"},
                "spec": {"approvals": [by("okta:bo", &hash), by("okta:cy", &hash)]},
            })
        );
        let begun = request.begun("prod", NOW);
        assert!(begun.path.ends_with("/actionruns/20261201-r/status"));
        assert_eq!(
            begun.body(&request.name)["metadata"]["resourceVersion"],
            "5"
        );
    }

    #[test]
    fn only_the_policys_own_refusal_says_that_it_is_in_force() {
        let refused = |why: &str| {
            held(&Answer::Refused {
                why: why.to_owned(),
                moved: false,
            })
        };
        let policy = "ValidatingAdmissionPolicy 'landfall-actionruns' with binding 'landfall-actionruns' denied request";
        assert_eq!(refused(policy), Held::ByTheServer);
        let rbac = "cannot create resource \"actionruns\" in API group \"landfall.dev\"";
        assert!(matches!(refused(rbac), Held::Unknown(_)));
        let done = Answer::Done {
            version: String::new(),
        };
        assert_eq!(held(&done), Held::Not);
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_there_is_a_request_or_none(text in "\\PC{0,40}", number in proptest::num::i64::ANY) {
            let mut object = kept(json!([]));
            for place in ["/spec/approvals", "/spec/inputs", "/spec/target", "/metadata/creationTimestamp", "/status"] {
                for odd in [json!(text), json!(number), json!([text]), json!(null), json!({"by": number})] {
                    let mut odd_one = object.clone();
                    match odd_one.pointer_mut(place) {
                        Some(value) => *value = odd,
                        None => odd_one["status"] = odd,
                    }
                    if let Some(request) = Request::of(&odd_one) {
                        proptest::prop_assert!(request.approval("okta:ada").is_none());
                    }
                }
            }
            object["spec"]["approvals"] = json!([by(&text, &plan().hash())]);
            let request = Request::of(&object).expect("one");
            if let Some(approval) = request.approval("okta:ada") {
                proptest::prop_assert!(approval.by != "okta:ada" && !approval.by.is_empty());
            }
        }
    }
}
