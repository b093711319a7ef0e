//! Plans made of what is there, and what does not fit it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::*;
use crate::input;

fn checkout() -> ObjectRef {
    ObjectRef::new("prod", "Deployment", "shop", "checkout")
}

fn target(production: bool) -> Target {
    Target {
        object: checkout(),
        uid: "u".to_owned(),
        cluster_uid: "c".to_owned(),
        app: "checkout".to_owned(),
        environment: "production".to_owned(),
        production,
    }
}

fn deployment() -> Json {
    json!({
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "checkout", "uid": "u", "resourceVersion": "7", "generation": 1},
        "spec": {"replicas": 3, "template": {}},
        "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3},
    })
}

fn cron_job() -> Json {
    json!({
        "kind": "CronJob",
        "metadata": {"namespace": "shop", "name": "fill", "uid": "j", "resourceVersion": "9"},
        "spec": {"jobTemplate": {"spec": {"template": {}}}},
    })
}

fn action(rest: &str) -> Action {
    let text = format!(
        "version: 1\nid: a\ntitle: A\nabout: x\nroles: [sre]\non: {{kinds: [Deployment]}}\n{rest}\nundo: {{not: x}}\n"
    );
    crate::read::read("a.yaml", text.as_bytes()).expect("fine")
}

/// Everything that is asked for, of these objects.
fn ground(action: &Action, inputs: &Inputs, objects: &[Json]) -> Ground {
    let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
    loop {
        let looks = looks(action, &target(false), inputs, &ground);
        if looks.is_empty() {
            return ground;
        }
        for look in looks {
            let read = match &look {
                Look::All { .. } => Read::All(Vec::new()),
                Look::Object(on) => {
                    let is = |json: &&Json| {
                        json["kind"] == on.kind.as_str()
                            && json["metadata"]["name"] == on.name.as_str()
                    };
                    objects
                        .iter()
                        .find(is)
                        .map_or(Read::Absent, |json| Read::Object(json.clone()))
                }
                Look::Declared { .. } | Look::Landed { .. } => {
                    Read::Unknown("there is no Git here".to_owned())
                }
            };
            ground.add(look, read);
        }
    }
}

fn planned(
    action: &Action,
    said: &[(&str, &str)],
    production: bool,
    objects: &[Json],
) -> Result<Plan, String> {
    let said: BTreeMap<String, String> = said
        .iter()
        .map(|(name, said)| ((*name).to_owned(), (*said).to_owned()))
        .collect();
    let inputs = input::check(action, &said).expect("fine");
    let ground = ground(action, &inputs, objects);
    plan(action, target(production), inputs, "", &ground).map_err(|unfit| unfit.says)
}

#[test]
fn a_step_on_what_a_person_chose_is_done_to_that_in_the_targets_namespace() {
    let action = action(
        "inputs: [{name: job, ask: Which?, is: {object: {kind: CronJob}}}]\n\
         steps:\n  - runCronJob: {}\n    on: {input: job}\n  - restart: {}",
    );
    let plan = planned(
        &action,
        &[("job", "fill")],
        false,
        &[deployment(), cron_job()],
    )
    .expect("a plan");
    let on: Vec<String> = plan.steps.iter().map(|step| step.on.to_string()).collect();
    assert_eq!(on, ["CronJob shop/fill", "Deployment shop/checkout"]);
    assert_eq!(
        plan.steps[0].calls[0].right().expect("one").to_string(),
        "create jobs in shop"
    );
    let absent = planned(
        &action,
        &[("job", "gone")],
        false,
        &[deployment(), cron_job()],
    );
    assert_eq!(absent, Err("CronJob shop/gone is not there".to_owned()));
}

#[test]
fn two_changes_of_one_ecs_service_could_not_be_told_apart_and_are_not_planned() {
    let service = json!({
        "kind": "ECS service",
        "metadata": {"namespace": "shop", "name": "api", "uid": "u", "resourceVersion": "ecs-svc/1"},
        "spec": {"desiredCount": 2, "taskDefinition": "arn:x:task-definition/api:1"},
        "status": {"status": "ACTIVE", "runningCount": 2, "deployments": [
            {"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": "arn:x:task-definition/api:1",
             "desiredCount": 2, "runningCount": 2, "rolloutState": "COMPLETED"},
        ]},
    });
    let planned = |steps: &str| {
        let text = format!(
            "version: 1\nid: a\ntitle: A\nabout: x\nroles: [sre]\non: {{kinds: [ECS service]}}\n{steps}\nundo: {{not: x}}\n"
        );
        let action = crate::read::read("a.yaml", text.as_bytes()).expect("fine");
        let target = Target {
            object: ObjectRef::new("aws", "ECS service", "shop", "api"),
            ..target(false)
        };
        let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
        for look in looks(&action, &target, &Inputs::new(), &ground) {
            ground.add(look, Read::Object(service.clone()));
        }
        let plan = plan(&action, target, Inputs::new(), "", &ground);
        plan.map(|plan| plan.steps.len())
            .map_err(|unfit| unfit.says)
    };
    assert_eq!(planned("steps: [ecsScale: {to: 3}]"), Ok(1));
    // One that has nothing to do sends nothing.
    assert_eq!(planned("steps: [ecsScale: {to: 2}, ecsRestart: {}]"), Ok(2));
    assert_eq!(
        planned("steps: [ecsScale: {to: 3}, ecsRestart: {}]"),
        Err("A would change ECS service shop/api twice, and ECS does not tell one change from another".to_owned())
    );
}

#[test]
fn a_later_step_stands_on_what_the_ones_before_leave_behind() {
    let action = action("steps:\n  - scale: {to: 0}\n  - scale: {to: 3}");
    let plan = planned(&action, &[], false, &[deployment()]).expect("a plan");
    let says: Vec<&str> = plan.steps.iter().map(|step| step.says.as_str()).collect();
    assert_eq!(
        says,
        [
            "Scales Deployment shop/checkout from 3 to 0 pods",
            "Scales Deployment shop/checkout from 0 to 3 pods",
        ]
    );
    let versions: Vec<_> = plan
        .steps
        .iter()
        .map(|step| step.calls[0].object().expect("of an object"))
        .map(|call| call.only_if.clone().expect("guarded"))
        .collect();
    assert_eq!(versions[0].resource_version.as_deref(), Some("7"));
    // The first step's own write has made another version; another object of the name is still refused.
    assert_eq!(
        (
            versions[1].resource_version.as_deref(),
            versions[1].uid.as_str()
        ),
        (None, "u")
    );
}

#[test]
fn production_is_never_one_click_and_an_action_may_ask_for_more() {
    let confirm = |confirm: &str, production| {
        let action = action(&format!("confirm: {confirm}\nsteps: [restart: {{}}]"));
        planned(&action, &[], production, &[deployment()])
            .expect("a plan")
            .confirm
    };
    assert_eq!(confirm("click", false), Confirm::Click);
    assert_eq!(confirm("click", true), Confirm::Named);
    assert_eq!(confirm("typed", true), Confirm::Typed);
    assert_eq!(confirm("typed", false), Confirm::Typed);
}

#[test]
fn another_object_of_the_name_or_none_or_one_that_cannot_be_read_is_no_target() {
    let action = action("steps: [restart: {}]");
    let inputs = Inputs::new();
    let planned = |read: Read| {
        let mut ground = ground(&action, &inputs, &[deployment()]);
        ground.add(Look::Object(checkout()), read);
        plan(&action, target(false), inputs.clone(), "", &ground)
            .map(|_| ())
            .map_err(|unfit| unfit.says)
    };
    let mut other = deployment();
    other["metadata"]["uid"] = json!("v");
    assert_eq!(planned(Read::Object(deployment())), Ok(()));
    let other = planned(Read::Object(other)).expect_err("another");
    assert!(other.contains("another object of that name"), "{other}");
    assert_eq!(
        planned(Read::Absent),
        Err("Deployment shop/checkout is not there".to_owned())
    );
    let hidden = planned(Read::Unknown("not allowed to get it".to_owned())).expect_err("hidden");
    assert_eq!(
        hidden,
        "whether Deployment shop/checkout is there cannot be told: not allowed to get it"
    );
}

#[test]
fn a_reason_is_one_harmless_line_and_there_where_it_is_asked_for() {
    let action = action("reason: true\nsteps: [restart: {}]");
    let inputs = Inputs::new();
    let ground = ground(&action, &inputs, &[deployment()]);
    let reason = |reason: &str| {
        plan(&action, target(false), inputs.clone(), reason, &ground)
            .map(|plan| plan.reason)
            .map_err(|unfit| unfit.says)
    };
    assert_eq!(
        reason(" it's \"$(x)\" {{y}} "),
        Ok("it's \"$(x)\" {{y}}".to_owned())
    );
    assert_eq!(reason(" "), Err("A asks for a reason".to_owned()));
    for text in [
        "a\nb",
        "a\u{202e}b",
        "TOKEN=ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        &"x".repeat(501),
    ] {
        let refused = reason(text).expect_err(text);
        assert!(!refused.contains("ghp_"), "{refused}");
    }
}

#[test]
fn a_changed_file_is_another_action() {
    let (one, other) = (
        action("steps: [restart: {}]"),
        action("steps: [restart: {within: 11m}]"),
    );
    let same = action("steps:\n  - restart: # as ever\n      within: 10m");
    let hashes = [one, other, same].map(|action| hash(&action).expect("a hash"));
    assert_ne!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], hashes[2], "a comment is no change");
    assert_eq!(hashes[0].len(), 64);
}

#[test]
fn a_merge_is_as_the_rfc_says() {
    let mut object = json!({"a": {"b": 1, "c": 2}, "d": [1]});
    merge(
        &mut object,
        &json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": [2, 3], "h": null}),
    );
    assert_eq!(object, json!({"a": {"c": 2, "e": {"g": 3}}, "d": [2, 3]}));
}
