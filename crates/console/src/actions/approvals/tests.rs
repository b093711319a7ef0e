//! Two people at two machines, over a cluster that keeps a request.

use std::path::Path;
use std::sync::{Arc, Mutex};

use api::action::Meant;
use async_trait::async_trait;
use cluster::Clock;
use runbook::call::{Change, Right};
use runbook::hands::Hands;
use runbook::journal::Way;
use serde_json::{Value, json};

use super::*;
use crate::library::Shelf;

const TOGETHER: &str = "version: 1\nid: hold\ntitle: Hold\nabout: Stops Flux there.\nroles: [sre]\nreason: true\n\
                        confirm: second-person\non: {kinds: [Kustomization]}\nsteps: [suspend: {}]\nundo: {by: resume}\n";

/// What the cluster keeps, whoever asks.
#[derive(Default)]
struct Kept {
    request: Mutex<Option<Value>>,
    version: Mutex<u64>,
    sent: Mutex<Vec<String>>,
    /// Whether the policy is in force.
    is_held: bool,
    /// Whether the kind is served.
    is_absent: bool,
    /// What was done is not said.
    loses_answers: bool,
}

/// One person's way to it.
struct Person(Arc<Kept>, &'static str);

fn shop() -> ObjectRef {
    ObjectRef::new("prod", "Kustomization", "flux-system", "shop")
}

impl Kept {
    fn sent(&self, what: &str) -> usize {
        let sent = self.sent.lock().expect("unbroken");
        sent.iter().filter(|one| one.contains(what)).count()
    }

    fn keep(&self, call: &ObjectCall, run: &RunId) -> Answer {
        let mut request = self.request.lock().expect("unbroken");
        let mut version = self.version.lock().expect("unbroken");
        let body = call.body(run);
        match (&call.change, request.as_mut()) {
            (Change::Create(_), _) => {
                let mut made = body;
                made["metadata"]["uid"] = json!("u-run");
                made["metadata"]["creationTimestamp"] = json!(jiff::Timestamp::now().to_string());
                *request = Some(made);
            }
            (_, Some(found)) => {
                let wanted = &body["metadata"]["resourceVersion"];
                if wanted.is_string() && *wanted != found["metadata"]["resourceVersion"] {
                    return Answer::Refused {
                        why: "the object has been modified".to_owned(),
                        moved: true,
                    };
                }
                for (name, value) in body["spec"].as_object().into_iter().flatten() {
                    found["spec"][name] = value.clone();
                }
                for (name, value) in body["status"].as_object().into_iter().flatten() {
                    found["status"][name] = value.clone();
                }
            }
            (_, None) => panic!("nothing was asked for"),
        }
        *version += 1;
        if let Some(request) = request.as_mut() {
            request["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        match self.loses_answers {
            true => Answer::Unknown {
                why: "the connection broke".to_owned(),
            },
            false => Answer::Done {
                version: version.to_string(),
            },
        }
    }
}

#[async_trait]
impl Hands for Person {
    async fn read(&self, look: &Look) -> Read {
        let request = self.0.request.lock().expect("unbroken").clone();
        match look {
            Look::Object(object) if *object == shop() => Read::Object(json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {
                    "namespace": "flux-system", "name": "shop", "uid": "u-ks",
                    "resourceVersion": "70", "generation": 2,
                },
                "spec": {"sourceRef": {"kind": "GitRepository", "name": "deploy"}},
                "status": {"inventory": {"entries": []}},
            })),
            Look::All { kind, .. } if *kind == "ActionRun" && self.0.is_absent => {
                Read::Unknown("the server could not find the requested resource".to_owned())
            }
            Look::All { kind, .. } if *kind == "ActionRun" => {
                Read::All(request.into_iter().collect())
            }
            Look::Object(object) if object.kind == "ActionRun" => {
                let is_named = |one: &Value| one["metadata"]["name"] == object.name.as_str();
                let found = request.filter(is_named);
                found.map_or(Read::Absent, Read::Object)
            }
            Look::All { .. } => Read::All(Vec::new()),
            _ => Read::Absent,
        }
    }

    async fn try_out(&self, call: &Call, _run: &RunId) -> Answer {
        let is_request = call
            .object()
            .is_some_and(|one| one.object.kind == "ActionRun");
        match is_request && self.0.is_held {
            true => Answer::Refused {
                why: "ValidatingAdmissionPolicy 'landfall-actionruns' denied request".to_owned(),
                moved: false,
            },
            false => Answer::Done {
                version: String::new(),
            },
        }
    }

    async fn send(&self, call: &Call, run: &RunId) -> Answer {
        let object = call.object().expect("a change of an object");
        let mut sent = self.0.sent.lock().expect("unbroken");
        sent.push(object.path.clone());
        drop(sent);
        match object.object.kind.as_str() {
            "ActionRun" => self.0.keep(object, run),
            _ => Answer::Refused {
                why: "it is only looked how far it comes".to_owned(),
                moved: false,
            },
        }
    }

    async fn may(&self, _system: &str, _right: &Right) -> Option<bool> {
        Some(true)
    }

    async fn cluster_uid(&self, _system: &str) -> Option<String> {
        Some("c".to_owned())
    }

    async fn identity(&self, _system: &str) -> Option<String> {
        Some(self.1.to_owned())
    }
}

fn person(folder: &Path, kept: &Arc<Kept>, who: &'static str) -> Actions {
    std::fs::write(folder.join("hold.yaml"), TOGETHER).expect("written");
    let journal = Some(folder.join(format!("journal-{}", who.len())));
    let hands = Arc::new(Person(Arc::clone(kept), who));
    let actions = Actions::new(hands, None, journal, Clock::default());
    actions.of_team(Shelf::of_folders(vec![folder.to_owned()]), Vec::new())
}

fn staging() -> Whereabouts {
    Whereabouts {
        app: String::new(),
        environment: "staging".to_owned(),
        production: false,
    }
}

async fn planned(actions: &Actions) -> String {
    let wish = Wish {
        action: "hold".to_owned(),
        object: shop(),
        said: std::collections::BTreeMap::new(),
        reason: "OPS-7".to_owned(),
    };
    actions.plan(&wish, &staging()).await.expect("a plan").hash
}

async fn run(actions: &Actions, hash: &str) -> Result<String, Error> {
    let meant = Meant::SecondPerson {};
    actions.run(hash, meant, None, Way::Terminal).await
}

#[tokio::test]
async fn what_one_asks_another_approves_and_the_one_runs_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = Arc::new(Kept {
        is_held: true,
        ..Kept::default()
    });
    let (ada, bo) = (
        person(folder.path(), &kept, "okta:ada"),
        person(folder.path(), &kept, "okta:bo"),
    );
    let hash = planned(&ada).await;
    let why = run(&ada, &hash).await.expect_err("nobody was asked");
    assert_eq!(why.message, "no approval was asked for");

    let asked = ada.ask_approval(&hash).await.expect("asked");
    assert_eq!(asked.held, ApprovalsHeld::ByServer {});
    assert_eq!(asked.request.stands, ApprovalStands::Waiting {});
    let again = ada.ask_approval(&hash).await.expect("asked");
    assert_eq!(again.request, asked.request, "it is asked for once");
    let why = run(&ada, &hash).await.expect_err("nobody has approved");
    assert!(why.message.starts_with("nobody has approved"), "{why}");

    let name = asked.request.name.clone();
    let own = ada.approve("prod", &name, &hash).await;
    assert!(own.expect_err("one's own").message.contains("yourself"));
    let request = bo.approval("prod", &name).await.expect("there");
    let view = bo.plan_to_approve(&request, &staging()).await;
    assert_eq!(view.expect("the same plan").hash, hash);
    let approved = bo.approve("prod", &name, &hash).await.expect("approved");
    assert_eq!(approved.request.approved_by, ["okta:bo"]);

    let mut changed = ada.changed();
    let ran = run(&ada, &hash).await.expect("leave");
    assert_eq!(ran, name, "the run is called as the request is");
    // It goes on by itself from there.
    while kept.sent("/kustomizations/") == 0 {
        let limit = std::time::Duration::from_secs(30);
        let told = tokio::time::timeout(limit, changed.changed()).await;
        told.expect("it is sent").expect("it goes on");
    }
    let hash = planned(&ada).await;
    let why = run(&ada, &hash).await.expect_err("it is used up");
    assert_eq!(why.message, "no approval was asked for");
    assert_eq!(kept.sent("/kustomizations/"), 1);
}

#[tokio::test]
async fn where_the_server_holds_nothing_that_is_said_and_where_it_keeps_nothing_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = Arc::new(Kept::default());
    let ada = person(folder.path(), &kept, "okta:ada");
    let hash = planned(&ada).await;
    let asked = ada.ask_approval(&hash).await.expect("asked");
    assert_eq!(asked.held, ApprovalsHeld::Advisory {});

    let kept = Arc::new(Kept {
        is_absent: true,
        ..Kept::default()
    });
    let ada = person(folder.path(), &kept, "okta:ada");
    let hash = planned(&ada).await;
    let why = ada.ask_approval(&hash).await.expect_err("nothing is kept");
    assert!(
        why.message
            .starts_with("approvals are not available on prod"),
        "{why}"
    );
    assert!(why.hint.contains("landfall cluster manifest"), "{why}");
    assert_eq!(kept.sent("actionruns"), 0);
}

#[tokio::test]
async fn a_request_that_was_changed_where_nothing_held_it_is_not_approved() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = Arc::new(Kept::default());
    let (ada, bo) = (
        person(folder.path(), &kept, "okta:ada"),
        person(folder.path(), &kept, "okta:bo"),
    );
    let hash = planned(&ada).await;
    let asked = ada.ask_approval(&hash).await.expect("asked").request;
    let changed = |pointer: &str, value: Value| {
        let mut request = kept.request.lock().expect("unbroken");
        let place = request.as_mut().and_then(|one| one.pointer_mut(pointer));
        *place.expect("there") = value;
    };
    changed("/spec/reason", json!("OPS-8\u{1b}[2J"));
    let view = bo.plan_to_approve(&asked, &staging()).await;
    assert!(view.is_err(), "another reason is another plan");
    changed("/spec/reason", json!("OPS-7"));
    changed("/spec/target/cluster", json!("production"));
    let why = bo
        .plan_to_approve(&asked, &staging())
        .await
        .expect_err("another name");
    assert!(
        why.message.contains("calls this cluster production"),
        "{why}"
    );
    changed("/spec/target/cluster", json!("prod"));
    let view = bo.plan_to_approve(&asked, &staging()).await;
    assert_eq!(view.expect("it is as it was").hash, hash);
}

#[tokio::test]
async fn a_lost_answer_is_read_and_neither_asked_nor_approved_twice_and_begins_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = Arc::new(Kept {
        loses_answers: true,
        ..Kept::default()
    });
    let (ada, bo) = (
        person(folder.path(), &kept, "okta:ada"),
        person(folder.path(), &kept, "okta:bo"),
    );
    let hash = planned(&ada).await;
    let asked = ada.ask_approval(&hash).await.expect("it is there").request;
    assert_eq!(planned(&bo).await, hash);
    bo.approve("prod", &asked.name, &hash)
        .await
        .expect("it is there");
    assert_eq!(kept.sent("actionruns"), 2);
    let why = run(&ada, &hash).await.expect_err("not known");
    assert!(why.message.contains("is not known"), "{why}");
    assert_eq!(kept.sent("/kustomizations/"), 0);
}
