//! Services and tasks of Amazon ECS: whatever AWS answers, no other deployment and no other revision is taken for the wanted.

use proptest::prelude::*;

use super::*;
use crate::action::{Parameter, Value};
use crate::call::{Call, EcsChange};

const FAMILY: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/api";

fn api() -> ObjectRef {
    on("ECS service", "api")
}

fn restart() -> Step {
    Step::EcsRestart {
        within: Within::default(),
    }
}

fn revision(to: &str) -> Step {
    Step::EcsSetTaskDefinition {
        to: Parameter::Fixed(Value::Text(to.to_owned())),
        within: Within::default(),
    }
}

fn scale(to: i64) -> Step {
    Step::EcsScale {
        to: Parameter::Fixed(Value::Number(to)),
        within: Within::default(),
    }
}

fn deployment(id: &str, status: &str, number: u32, counts: (i64, i64, i64), state: &str) -> Json {
    let (wanted, running, pending) = counts;
    json!({
        "id": id, "status": status, "taskDefinition": format!("{FAMILY}:{number}"), "desiredCount": wanted,
        "runningCount": running, "pendingCount": pending, "failedTasks": 0, "rolloutState": state,
    })
}

fn service(number: u32, wanted: i64, running: i64, deployments: &[Json]) -> Json {
    let mut primary = deployments.iter().filter(|one| one["status"] == "PRIMARY");
    json!({
        "kind": "ECS service",
        "metadata": {
            "namespace": "shop", "name": "api", "uid": "u",
            "resourceVersion": primary.next().map(|one| one["id"].clone()),
        },
        "spec": {"desiredCount": wanted, "taskDefinition": format!("{FAMILY}:{number}")},
        "status": {
            "status": "ACTIVE", "runningCount": running, "pendingCount": 0, "deployments": deployments, "events": [],
        },
    })
}

/// Two tasks of revision 7, in a steady state.
fn steady() -> Json {
    let one = deployment("ecs-svc/1", "PRIMARY", 7, (2, 2, 0), "COMPLETED");
    service(7, 2, 2, &[one])
}

fn definitions(ground: &mut Ground) {
    for number in [6, 7] {
        let name = format!("api:{number}");
        let definition = json!({
            "metadata": {"uid": format!("{FAMILY}:{number}")},
            "spec": {"containers": [{"name": "api", "image": format!("registry.example/api:{number}")}]},
            "status": {"status": "ACTIVE"},
        });
        let on = ObjectRef::new("prod", "ECS task definition", "", name);
        ground.add(Look::Object(on), Read::Object(definition));
    }
}

fn planned(step: &Step, json: &Json) -> Result<Planned, String> {
    let mut ground = ground(&api(), Read::Object(json.clone()), &[]);
    definitions(&mut ground);
    said(step, &api(), &ground, "")
}

fn call_of(planned: &Planned) -> &Call {
    let [call] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    call
}

/// What is seen of a step whose call was answered so.
fn after(planned: &Planned, json: &Json, answer: &str) -> Effect {
    let ground = ground(&api(), Read::Object(json.clone()), &[]);
    let ground = ground.with_answers(vec![answer.to_owned()]);
    seen(&planned.steps[0], &run(), &ground)
}

fn is_arrived(planned: &Planned, read: Read) -> Option<bool> {
    arrived(call_of(planned), &run(), &ground(&api(), read, &[]))
}

#[test]
fn what_is_sent_names_all_that_was_read() {
    let planned = planned(&revision("api:6"), &steady()).expect("fits");
    let Call::Ecs(call) = call_of(&planned) else {
        panic!("of ECS")
    };
    assert_eq!(
        call.change,
        EcsChange::TaskDefinition(format!("{FAMILY}:6"))
    );
    assert_eq!(call.moved(Some(&steady())), None);
    assert_eq!(
        changes(&planned),
        [
            "taskDefinition: api:7 -> api:6",
            "image of api: registry.example/api:7 -> registry.example/api:6"
        ]
    );
}

#[test]
fn a_revision_is_named_by_its_number_its_name_or_its_arn_and_by_nothing_else() {
    for fine in ["6", " 6 ", "api:6", &format!("{FAMILY}:6")] {
        let planned = planned(&revision(fine), &steady());
        assert!(planned.is_ok(), "{fine}: {planned:?}");
    }
    for odd in [
        "",
        "0",
        "-1",
        "+6",
        "6x",
        "api",
        "api:",
        ":6",
        "cart:6",
        "api:6:6",
        "api:99999999999",
        "api:6\n",
        "\u{202e}6",
        "api:8",
    ] {
        // A line's end is no part of what was said; the last one is not there.
        if odd != "api:6\n" {
            assert!(planned(&revision(odd), &steady()).is_err(), "{odd:?}");
        }
    }
}

#[test]
fn an_answer_that_was_lost_is_found_where_the_service_is_as_was_wanted_and_never_guessed_of_a_restart()
 {
    let began = |number, id: &str, count| {
        let one = deployment(id, "PRIMARY", number, (count, 0, 0), "IN_PROGRESS");
        Read::Object(service(number, count, 2, &[one]))
    };
    let unchanged = || Read::Object(steady());
    let other = || {
        let mut json = steady();
        json["metadata"]["uid"] = json!("v");
        Read::Object(json)
    };
    let restart = planned(&restart(), &steady()).expect("fits");
    let back = planned(&revision("6"), &steady()).expect("fits");
    let more = planned(&scale(5), &steady()).expect("fits");
    for all in [&restart, &back, &more] {
        assert_eq!(is_arrived(all, unchanged()), Some(false));
        assert_eq!(is_arrived(all, other()), None);
        assert_eq!(is_arrived(all, Read::Absent), None);
        let silent = Read::Unknown("no answer".to_owned());
        assert_eq!(is_arrived(all, silent), None);
        assert_eq!(is_arrived(all, Read::Object(json!([]))), None);
    }
    // A new deployment of the same may be anybody's.
    assert_eq!(is_arrived(&restart, began(7, "ecs-svc/2", 2)), None);
    assert_eq!(is_arrived(&back, began(6, "ecs-svc/2", 2)), Some(true));
    assert_eq!(is_arrived(&back, began(8, "ecs-svc/2", 2)), None);
    assert_eq!(is_arrived(&back, began(7, "ecs-svc/2", 2)), None);
    assert_eq!(is_arrived(&more, began(7, "ecs-svc/1", 5)), Some(true));
    assert_eq!(is_arrived(&more, began(7, "ecs-svc/1", 4)), None);
}

#[test]
fn a_task_that_ecs_has_forgotten_or_is_stopping_was_stopped() {
    let on = on("ECS task", "3f2c");
    let task = |desired: &str| {
        json!({
            "metadata": {"uid": "u"}, "spec": {"desiredStatus": desired, "group": "service:api"},
            "status": {"lastStatus": "RUNNING"},
        })
    };
    let step = Step::EcsStopTask {
        within: Within::default(),
    };
    let running = ground(&on, Read::Object(task("RUNNING")), &[]);
    let planned = said(&step, &on, &running, "").expect("fits");
    let asked = |read| arrived(call_of(&planned), &run(), &ground(&on, read, &[]));
    assert_eq!(asked(Read::Object(task("RUNNING"))), Some(false));
    assert_eq!(asked(Read::Object(task("STOPPED"))), Some(true));
    assert_eq!(asked(Read::Absent), Some(true));
    assert_eq!(asked(Read::Object(json!({"metadata": {}}))), None);
    assert_eq!(asked(Read::Unknown("no answer".to_owned())), None);
}

#[test]
fn what_is_done_has_worked_so_that_the_property_below_can_fail() {
    let one = |number| deployment("ecs-svc/2", "PRIMARY", number, (2, 2, 0), "COMPLETED");
    let restarted = planned(&restart(), &steady()).expect("fits");
    let done = after(&restarted, &service(7, 2, 2, &[one(7)]), "ecs-svc/2");
    assert!(matches!(done, Effect::Worked { .. }), "{done:?}");
    let back = planned(&revision("6"), &steady()).expect("fits");
    let done = after(&back, &service(6, 2, 2, &[one(6)]), "ecs-svc/2");
    assert!(matches!(done, Effect::Worked { .. }), "{done:?}");
}

fn any_deployment() -> impl Strategy<Value = Json> {
    let id = prop::sample::select(vec!["ecs-svc/1", "ecs-svc/2", "ecs-svc/3"]);
    let status = prop::sample::select(vec!["PRIMARY", "ACTIVE", "INACTIVE"]);
    let state = prop::sample::select(vec!["COMPLETED", "IN_PROGRESS", "FAILED", ""]);
    let counts = (0..4_i64, 0..4_i64, 0..2_i64);
    (id, status, 6..9_u32, counts, state).prop_map(|(id, status, number, counts, state)| {
        deployment(id, status, number, counts, state)
    })
}

fn odd() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(-1)),
        Just(json!("x")),
        Just(json!([])),
        Just(json!({})),
        Just(json!(true)),
    ]
}

proptest! {
    #[test]
    fn no_other_deployment_and_no_other_revision_has_ever_worked(
        deployments in prop::collection::vec(any_deployment(), 0..4),
        number in 6..9_u32,
        wanted in 0..4_i64,
        running in 0..8_i64,
        answer in prop::sample::select(vec!["", "ecs-svc/1", "ecs-svc/2", "ecs-svc/3"]),
    ) {
        for (step, revision) in [(restart(), 7), (revision("6"), 6)] {
            let planned = planned(&step, &steady()).expect("fits");
            let json = service(number, wanted, running, &deployments);
            let Effect::Worked { .. } = after(&planned, &json, answer) else { continue };
            let arn = format!("{FAMILY}:{revision}");
            let ours = deployments.iter().find(|one| one["id"] == answer).expect("ours is there");
            prop_assert_ne!(answer, "ecs-svc/1", "the one from before");
            prop_assert_eq!(&ours["status"], "PRIMARY");
            prop_assert_eq!(&ours["taskDefinition"], arn.as_str());
            prop_assert_eq!(number, revision);
            prop_assert!(ours["rolloutState"] == "COMPLETED" || ours["rolloutState"] == "");
            let count = |one: &Json| one["runningCount"].as_i64().expect("a number");
            prop_assert!(wanted > 0 && count(ours) >= wanted && running <= count(ours));
            for other in deployments.iter().filter(|one| *one != ours) {
                prop_assert!(other["id"] == answer || count(other) == 0, "{}", other);
            }
        }
    }

    #[test]
    fn no_answer_of_aws_makes_a_step_panic(
        places in prop::collection::vec((prop::sample::select(vec![
            "/metadata", "/metadata/uid", "/metadata/resourceVersion", "/spec", "/spec/desiredCount", "/spec/taskDefinition",
            "/status", "/status/status", "/status/runningCount", "/status/deployments", "/status/deployments/0",
            "/status/deployments/0/id", "/status/deployments/0/runningCount", "/status/events",
        ]), odd()), 1..4),
        answer in prop::sample::select(vec!["", "ecs-svc/1", "ecs-svc/2"]),
    ) {
        let mut json = steady();
        for (place, value) in places {
            if let Some(here) = json.pointer_mut(place) {
                *here = value;
            }
        }
        for step in [restart(), revision("6"), scale(5)] {
            let there = ground(&api(), Read::Object(json.clone()), &[]);
            let _ = looks(&step, &api(), &there);
            let _ = planned(&step, &json);
            let planned = planned(&step, &steady()).expect("fits");
            prop_assert!(!told(&after(&planned, &json, answer)).is_empty());
            let _ = is_arrived(&planned, Read::Object(json.clone()));
        }
    }
}
