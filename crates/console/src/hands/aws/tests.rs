//! What ships for ECS, on an embedded account: from a plan to its proof, and never on what has moved since.

use std::collections::BTreeMap;

use cloud::{Credentials, Options, Source, Spec};
use jiff::SignedDuration;
use runbook::call::Call;
use runbook::ground::{Ground, Look};
use runbook::library::Library;
use runbook::plan::{Plan, Target};
use runbook::planning;
use runbook::step::{self, Effect};
use sandbox::amazon::{Account as Company, Breaker, NewService, REGION, router};
use sandbox::clock::Clock;
use sandbox::faults::{Faults, PodBehaviour};
use sandbox::registry::{ImageSpec, Registry};
use sandbox::serve::{ANY_PORT, Server};

use super::*;

const HOST: &str = "registry.example";

struct Shop {
    clock: Clock,
    registry: Registry,
    faults: Faults,
    company: Company,
    hands: Accounts,
    _server: Server,
}

impl Shop {
    /// A service of two tasks, of the second revision of its family; the first one runs well, too.
    async fn start() -> Self {
        let clock = Clock::default();
        clock.play("2026-11-21T10:00:00Z".parse().unwrap());
        let registry = Registry::new(clock.clone());
        let faults = Faults::default();
        let company = Company::new(
            "aws",
            clock.clone(),
            registry.clone(),
            HOST,
            faults.clone(),
            1,
        );
        let server = Server::start(&clock, router(&company), ANY_PORT);
        let server = server.await.unwrap();
        let spec = Spec {
            name: "aws".to_owned(),
            region: REGION.to_owned(),
            endpoint: Some(server.url()),
            credentials: Source::Given(Credentials::new(
                "SANDBOX-DEVELOPER",
                "x",
                None,
                None,
                "tests",
            )),
            clusters: Vec::new(),
        };
        let account = Account::start(spec, Options::default());
        let shop = Self {
            clock,
            registry,
            faults,
            company,
            hands: Accounts(Arc::from([account])),
            _server: server,
        };
        shop.register("1");
        let second = shop.register("2");
        shop.company.create_cluster("shop", "production");
        let new = NewService {
            cluster: "shop",
            name: "api",
            desired: 2,
            breaker: Breaker::RollsBack,
            instances: false,
        };
        shop.company.create_service(&new, second);
        shop.pass(120);
        shop
    }

    fn register(&self, tag: &str) -> u32 {
        let image = ImageSpec {
            labels: [("tag".to_owned(), tag.to_owned())].into(),
            created: self.clock.now(),
            platforms: vec!["linux/amd64".to_owned()],
        };
        self.registry.push("shop/api", tag, image);
        let image = format!("{HOST}/shop/api:{tag}");
        self.company.register("api", &image, "mina-osei")
    }

    fn pass(&self, seconds: i64) {
        let then = self
            .clock
            .now()
            .checked_add(SignedDuration::from_secs(seconds));
        self.clock.play(then.unwrap());
    }

    async fn plan(&self, action: &str, said: &[(&str, &str)], on: &ObjectRef) -> Plan {
        let library = Library::shipped().unwrap();
        let action = library.action(action).unwrap();
        let said: BTreeMap<String, String> = said
            .iter()
            .map(|(name, said)| ((*name).to_owned(), (*said).to_owned()))
            .collect();
        let inputs = runbook::input::check(action, &said).unwrap();
        let Read::Object(found) = self.hands.object(on).await else {
            panic!("{on} is there")
        };
        let target = Target {
            object: on.clone(),
            uid: found["metadata"]["uid"].as_str().unwrap().to_owned(),
            cluster_uid: self.hands.uid("aws").await.unwrap(),
            app: "api".to_owned(),
            environment: "production".to_owned(),
            production: true,
        };
        let mut ground = Ground::at(self.clock.now());
        loop {
            let looks = planning::looks(action, &target, &inputs, &ground);
            if looks.is_empty() {
                break;
            }
            for look in looks {
                let Look::Object(object) = &look else {
                    panic!("{look:?}")
                };
                let read = self.hands.object(object).await;
                ground.add(look, read);
            }
        }
        planning::plan(action, target, inputs, "it hangs", &ground).unwrap()
    }

    async fn send(&self, plan: &Plan) -> Answer {
        let Call::Ecs(call) = &plan.steps[0].calls[0] else {
            panic!("of ECS")
        };
        self.hands.send(call, &RunId::new("r1")).await
    }

    async fn seen(&self, plan: &Plan, answer: &Answer) -> Effect {
        let Answer::Done { version } = answer else {
            panic!("{answer:?}")
        };
        let (step, run) = (&plan.steps[0], RunId::new("r1"));
        let mut ground = Ground::at(self.clock.now()).with_answers(vec![version.clone()]);
        let read = self.hands.object(&step.on).await;
        ground.add(Look::Object(step.on.clone()), read);
        step::seen(step, &run, &ground)
    }
}

fn api() -> ObjectRef {
    ObjectRef::new("aws", "ECS service", "shop", "api")
}

#[tokio::test]
async fn a_restart_a_scale_and_a_roll_back_go_from_their_plans_to_their_proofs() {
    let shop = Shop::start().await;
    let uid = shop.hands.uid("aws").await.unwrap();
    assert_eq!(uid, format!("aws:123456789012:{REGION}"));
    for (action, said, in_words) in [
        ("ecs-restart", vec![], "runs 2 tasks of api:2"),
        ("ecs-scale", vec![("to", "3")], "runs 3 tasks"),
        ("ecs-roll-back", vec![("to", "1")], "runs 3 tasks of api:1"),
    ] {
        let plan = shop.plan(action, &said, &api()).await;
        let answer = shop.send(&plan).await;
        let early = shop.seen(&plan, &answer).await;
        assert!(
            matches!(early, Effect::NotYet { .. }),
            "{action}: {early:?}"
        );
        shop.pass(180);
        let late = shop.seen(&plan, &answer).await;
        let Effect::Worked { says } = &late else {
            panic!("{action}: {late:?}")
        };
        assert!(says.contains(in_words), "{action}: {says}");
    }
}

#[tokio::test]
async fn what_does_not_start_has_failed_and_what_was_taken_back_too() {
    let shop = Shop::start().await;
    let digest = shop.registry.digest("shop/api", "1").unwrap();
    let message = "403 Forbidden".to_owned();
    shop.faults
        .table()
        .images
        .insert(digest, PodBehaviour::PullFails { message });
    let plan = shop.plan("ecs-roll-back", &[("to", "1")], &api()).await;
    let answer = shop.send(&plan).await;
    shop.pass(900);
    let effect = shop.seen(&plan, &answer).await;
    assert!(matches!(effect, Effect::Failed { .. }), "{effect:?}");
}

#[tokio::test]
async fn a_task_is_stopped_once_and_is_seen_to_have_stopped() {
    let shop = Shop::start().await;
    let asked = serde_json::json!({"cluster": "shop"});
    let listed = shop.company.ask("ListTasks", &asked).unwrap();
    let arn = listed["taskArns"][0].as_str().unwrap();
    let id = arn.rsplit('/').next().unwrap();
    let task = ObjectRef::new("aws", "ECS task", "shop", id);
    let plan = shop.plan("ecs-stop-task", &[], &task).await;
    let answer = shop.send(&plan).await;
    let early = shop.seen(&plan, &answer).await;
    assert!(matches!(early, Effect::NotYet { .. }), "{early:?}");
    // A second order to stop it is not sent.
    let again = shop.send(&plan).await;
    assert!(
        matches!(again, Answer::Refused { moved: true, .. }),
        "{again:?}"
    );
    shop.pass(120);
    let late = shop.seen(&plan, &answer).await;
    let Effect::Worked { says } = &late else {
        panic!("{late:?}")
    };
    assert!(says.ends_with("has stopped: Landfall run r1"), "{says}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_service_that_has_moved_since_it_was_looked_at() {
    let shop = Shop::start().await;
    let plan = shop.plan("ecs-scale", &[("to", "3")], &api()).await;
    shop.company.update_service("shop", "api", 1);
    let before = shop.hands.object(&api()).await;
    let answer = shop.send(&plan).await;
    assert!(
        matches!(answer, Answer::Refused { moved: true, .. }),
        "{answer:?}"
    );
    let Call::Ecs(call) = &plan.steps[0].calls[0] else {
        panic!("of ECS")
    };
    let tried = shop.hands.try_out(call).await;
    assert!(
        matches!(tried, Answer::Refused { moved: true, .. }),
        "{tried:?}"
    );
    let after = shop.hands.object(&api()).await;
    let count = |read: &Read| match read {
        Read::Object(found) => found["spec"]["desiredCount"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&after), count(&before));
}

#[tokio::test]
async fn what_is_not_open_here_is_neither_read_nor_sent_to() {
    let shop = Shop::start().await;
    let plan = shop.plan("ecs-restart", &[], &api()).await;
    let nobody = Accounts(Arc::from([]));
    assert!(matches!(nobody.object(&api()).await, Read::Unknown(_)));
    let Call::Ecs(call) = &plan.steps[0].calls[0] else {
        panic!("of ECS")
    };
    let answer = nobody.send(call, &RunId::new("r1")).await;
    assert!(matches!(answer, Answer::NotSent { .. }), "{answer:?}");
    assert_eq!(nobody.uid("aws").await, None);
}
