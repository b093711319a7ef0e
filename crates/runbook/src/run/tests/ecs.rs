//! Runs on a service of Amazon ECS: what a lost answer, a refusal and somebody else's deployment come to.

use super::*;
use crate::Within;
use crate::action::{Parameter, Value};
use crate::call::{EcsCall, EcsChange, EcsVersion};

const OLD: &str = "arn:aws:ecs:eu-west-1:1:task-definition/api:1";
const NEW: &str = "arn:aws:ecs:eu-west-1:1:task-definition/api:2";

/// An account that does what it is told, or not.
struct Account {
    does: Does,
    service: Mutex<Json>,
    sent: Mutex<usize>,
    /// Somebody else deploys right after.
    is_overtaken: bool,
}

fn on() -> ObjectRef {
    ObjectRef::new("prod", "ECS service", "shop", "api")
}

fn service(deployment: &str, revision: &str) -> Json {
    json!({
        "metadata": {"uid": "u", "resourceVersion": deployment},
        "spec": {"desiredCount": 1, "taskDefinition": revision},
        "status": {"status": "ACTIVE", "runningCount": 1, "deployments": [{
            "id": deployment, "status": "PRIMARY", "taskDefinition": revision, "desiredCount": 1, "runningCount": 1,
            "pendingCount": 0, "failedTasks": 0, "rolloutState": "COMPLETED",
        }]},
    })
}

impl Account {
    fn new(does: Does) -> Self {
        Self {
            does,
            service: Mutex::new(service("ecs-svc/1", OLD)),
            sent: Mutex::new(0),
            is_overtaken: false,
        }
    }
}

#[async_trait]
impl Hands for Account {
    async fn read(&self, look: &Look) -> Read {
        assert_eq!(*look, Look::Object(on()));
        Read::Object(self.service.lock().unwrap().clone())
    }

    async fn try_out(&self, _: &Call, _: &RunId) -> Answer {
        panic!("a run tries nothing out")
    }

    async fn send(&self, call: &Call, _: &RunId) -> Answer {
        *self.sent.lock().unwrap() += 1;
        if matches!(self.does, Does::It | Does::LosesAnswer) {
            let revision = match &call.ecs().unwrap().change {
                EcsChange::TaskDefinition(arn) => arn,
                _ => OLD,
            };
            *self.service.lock().unwrap() = if self.is_overtaken {
                service("ecs-svc/3", revision)
            } else {
                service("ecs-svc/2", revision)
            };
        }
        match self.does {
            Does::LosesAnswer | Does::LosesCall => Answer::Unknown {
                why: "the connection broke".to_owned(),
            },
            Does::Refuses => Answer::Refused {
                why: "not authorized to perform: ecs:UpdateService".to_owned(),
                moved: false,
            },
            _ => Answer::Done {
                version: "ecs-svc/2".to_owned(),
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

fn of(change: EcsChange) -> Plan {
    let mut plan = plan();
    plan.target.object = on();
    let within = Within::default();
    let step = &mut plan.steps[0];
    step.on = on();
    step.step = match &change {
        EcsChange::TaskDefinition(arn) => Step::EcsSetTaskDefinition {
            to: Parameter::Fixed(Value::Text(arn.clone())),
            within,
        },
        _ => Step::EcsRestart { within },
    };
    step.calls = vec![Call::Ecs(EcsCall {
        object: on(),
        change,
        only_if: EcsVersion {
            uid: "u".to_owned(),
            deployment: Some("ecs-svc/1".to_owned()),
            task_definition: Some(OLD.to_owned()),
            desired_count: Some(1),
        },
    })];
    plan
}

async fn went(account: &Account, change: EcsChange) -> (Ended, usize) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("journal")).unwrap();
    let plan = of(change);
    let pace = Fast(Mutex::new(plan.made_at));
    let permit = permit(&plan, &RunId::new("r1"), Way::Window);
    let world = World {
        hands: account,
        journal: &journal,
        pace: &pace,
        tell: &|_| (),
    };
    let ended = super::super::run(permit, world, nobody()).await.unwrap();
    let sent = *account.sent.lock().unwrap();
    (ended, sent)
}

fn revision() -> EcsChange {
    EcsChange::TaskDefinition(NEW.to_owned())
}

#[tokio::test]
async fn what_aws_answers_with_is_what_the_proof_is_of() {
    for (change, in_words) in [
        (EcsChange::ForceDeployment, "of api:1"),
        (revision(), "of api:2"),
    ] {
        let (ended, sent) = went(&Account::new(Does::It), change).await;
        assert_eq!(
            (ended.outcome, sent),
            (Outcome::Worked, 1),
            "{}",
            ended.says
        );
        assert!(
            ended.says.contains(in_words) && ended.says.contains("ecs-svc/2"),
            "{}",
            ended.says
        );
    }
    // Somebody else's deployment is complete, and it is not the one that was answered with.
    for change in [EcsChange::ForceDeployment, revision()] {
        let account = Account {
            is_overtaken: true,
            ..Account::new(Does::It)
        };
        let (ended, sent) = went(&account, change).await;
        assert_eq!(
            (ended.outcome, sent),
            (Outcome::Failed, 1),
            "{}",
            ended.says
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_a_restart_is_never_guessed() {
    let (ended, sent) = went(&Account::new(Does::LosesAnswer), revision()).await;
    assert_eq!(
        (ended.outcome, sent),
        (Outcome::Worked, 1),
        "{}",
        ended.says
    );
    let (ended, sent) = went(&Account::new(Does::LosesAnswer), EcsChange::ForceDeployment).await;
    assert_eq!(
        (ended.outcome, sent),
        (Outcome::Unproven, 1),
        "{}",
        ended.says
    );
    assert!(
        ended.says.contains("It was not sent again"),
        "{}",
        ended.says
    );
    for change in [EcsChange::ForceDeployment, revision()] {
        let (ended, sent) = went(&Account::new(Does::LosesCall), change).await;
        assert_eq!(
            (ended.outcome, sent),
            (Outcome::Failed, 1),
            "{}",
            ended.says
        );
    }
}

#[tokio::test]
async fn what_aws_refuses_or_only_says_that_it_did_has_not_worked() {
    for change in [EcsChange::ForceDeployment, revision()] {
        let (ended, sent) = went(&Account::new(Does::Refuses), change.clone()).await;
        assert_eq!(
            (ended.outcome, sent),
            (Outcome::Failed, 1),
            "{}",
            ended.says
        );
        let (ended, sent) = went(&Account::new(Does::Pretends), change).await;
        assert_eq!(
            (ended.outcome, sent),
            (Outcome::Unproven, 1),
            "{}",
            ended.says
        );
    }
}
