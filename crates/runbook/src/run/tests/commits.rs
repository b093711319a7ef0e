//! Runs that commit: what a lost answer, a refusal and a cluster that does not follow come to.

use super::*;
use crate::Within;
use crate::action::{Parameter, Value};
use crate::call::{Commit, Edit, Landing};
use crate::git::{Committed, Form, Landed, Wanted};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const REPOSITORY: &str = "https://github.com/lakeside/deploy";

/// A code host, and a Flux that applies what it has, or does not.
struct Host {
    does: Does,
    applies: bool,
    sent: Mutex<usize>,
    arrived: Mutex<bool>,
    asked: Mutex<usize>,
}

impl Host {
    fn new(does: Does, applies: bool) -> Self {
        Self {
            does,
            applies,
            sent: Mutex::new(0),
            arrived: Mutex::new(false),
            asked: Mutex::new(0),
        }
    }

    fn object(&self, on: &ObjectRef) -> Option<Json> {
        let follows = self.applies && *self.arrived.lock().unwrap();
        let (revision, version) = if follows {
            (NEW, "1.4.2")
        } else {
            (OLD, "1.4.1")
        };
        let revision = format!("main@sha1:{revision}");
        Some(match on.kind.as_str() {
            "Deployment" => json!({
                "metadata": {
                    "uid": "u", "resourceVersion": "7", "generation": 2,
                    "labels": {
                        "kustomize.toolkit.fluxcd.io/name": "apps",
                        "kustomize.toolkit.fluxcd.io/namespace": "shop",
                    },
                },
                "spec": {"replicas": 1, "template": {"spec": {"containers": [
                    {"name": "app", "image": format!("ghcr.io/lakeside/checkout:{version}")},
                ]}}},
                "status": {
                    "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                    "availableReplicas": 1,
                },
            }),
            "Kustomization" => json!({
                "spec": {"sourceRef": {"kind": "GitRepository", "name": "deploy"}},
                "status": {"lastAppliedRevision": revision},
            }),
            "GitRepository" => json!({
                "spec": {"url": REPOSITORY, "ref": {"branch": "main"}},
                "status": {"artifact": {"revision": revision}},
            }),
            _ => return None,
        })
    }
}

#[async_trait]
impl Hands for Host {
    async fn read(&self, look: &Look) -> Read {
        match look {
            Look::Object(on) => self.object(on).map_or(Read::Absent, Read::Object),
            Look::Landed { .. } => {
                *self.asked.lock().unwrap() += 1;
                let commit = Committed {
                    sha: NEW.to_owned(),
                    url: String::new(),
                };
                Read::Landed(Landed {
                    commit: self.arrived.lock().unwrap().then_some(commit),
                    ..Landed::default()
                })
            }
            Look::All { .. } | Look::Declared { .. } => Read::Absent,
        }
    }

    async fn try_out(&self, _: &Call, _: &RunId) -> Answer {
        panic!("a run tries nothing out")
    }

    async fn send(&self, call: &Call, _: &RunId) -> Answer {
        assert!(call.commit().is_some());
        *self.sent.lock().unwrap() += 1;
        *self.arrived.lock().unwrap() = matches!(self.does, Does::It | Does::LosesAnswer);
        match self.does {
            Does::LosesAnswer | Does::LosesCall => Answer::Unknown {
                why: "the connection broke".to_owned(),
            },
            Does::Refuses => Answer::Refused {
                why: "main has moved".to_owned(),
                moved: true,
            },
            _ => Answer::Done {
                version: NEW.to_owned(),
            },
        }
    }

    async fn may(&self, _: &str, _: &Right) -> Option<bool> {
        panic!("that is asked before leave is given")
    }

    async fn cluster_uid(&self, _: &str) -> Option<String> {
        Some("c".to_owned())
    }

    async fn identity(&self, _: &str) -> Option<String> {
        None
    }
}

/// Sets 1.4.2 where 1.4.1 is.
fn commits() -> Plan {
    let mut plan = plan();
    let text = |text: &str| Parameter::Fixed(Value::Text(text.to_owned()));
    let wanted = Wanted::Image("ghcr.io/lakeside/checkout".to_owned());
    let step = &mut plan.steps[0];
    step.step = Step::SetVersion {
        to: text("1.4.2"),
        by: text("commit"),
        image: Some(text("ghcr.io/lakeside/checkout")),
        within: Within::default(),
    };
    step.calls = vec![Call::Commit(Commit {
        system: "prod".to_owned(),
        repository: REPOSITORY.to_owned(),
        branch: "main".to_owned(),
        head: OLD.to_owned(),
        path: String::new(),
        wanted: vec![wanted],
        edits: vec![Edit {
            file: "checkout.yaml".to_owned(),
            line: 9,
            document: 0,
            path: Vec::new(),
            form: Form::Tag,
            from: "1.4.1".to_owned(),
            to: "1.4.2".to_owned(),
        }],
        message: "Set checkout to 1.4.2".to_owned(),
        landing: Landing::Commit,
    })];
    plan
}

async fn went(host: &Host) -> (Ended, usize) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("journal")).unwrap();
    let plan = commits();
    let pace = Fast(Mutex::new(plan.made_at));
    let permit = permit(&plan, &RunId::new("r1"), Way::Window);
    let world = World {
        hands: host,
        journal: &journal,
        pace: &pace,
        tell: &|_| (),
    };
    let ended = super::super::run(permit, world, nobody()).await.unwrap();
    let sent = *host.sent.lock().unwrap();
    (ended, sent)
}

#[tokio::test]
async fn a_commit_is_sent_once_and_its_answer_is_not_asked_for_again() {
    let host = Host::new(Does::It, true);
    let (ended, sent) = went(&host).await;
    assert_eq!(
        (ended.outcome, sent),
        (Outcome::Worked, 1),
        "{}",
        ended.says
    );
    assert_eq!(*host.asked.lock().unwrap(), 0);
    assert_eq!(
        ended.says,
        "Deployment shop/checkout runs 1 pod of checkout 1.4.2, all ready; commit 2222222"
    );
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_looked_for_and_never_sent_again() {
    let (ended, sent) = went(&Host::new(Does::LosesAnswer, true)).await;
    assert_eq!(
        (ended.outcome, sent),
        (Outcome::Worked, 1),
        "{}",
        ended.says
    );
    let (ended, sent) = went(&Host::new(Does::LosesCall, true)).await;
    assert_eq!((ended.outcome, sent), (Outcome::Failed, 1));
    assert!(
        ended
            .says
            .contains("No answer came to the commit to branch main of")
            && ended.says.contains("It was not sent again"),
        "{}",
        ended.says
    );
}

#[tokio::test]
async fn a_commit_that_nobody_applies_has_not_worked_and_one_on_a_branch_that_moved_is_refused() {
    let (ended, sent) = went(&Host::new(Does::It, false)).await;
    assert_eq!((ended.outcome, sent), (Outcome::Unproven, 1));
    assert!(
        ended
            .says
            .contains("GitRepository shop/deploy has not fetched commit 2222222 yet"),
        "{}",
        ended.says
    );
    let (ended, sent) = went(&Host::new(Does::Refuses, true)).await;
    assert_eq!((ended.outcome, sent), (Outcome::Failed, 1));
    assert!(
        ended
            .says
            .contains("is not what it was when the plan was made"),
        "{}",
        ended.says
    );
}
