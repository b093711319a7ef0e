//! Reports of objects that are ill, hostile or hardly read.

use api::ObjectRef;
use cluster::LogTail;
use journey::Whereabouts;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::logs::{Life, Log};
use super::super::{Is, Seen, Sibling};
use super::*;

fn deployment(image: &str, env: &Value) -> Value {
    json!({"metadata": {"name": "cart", "namespace": "shop", "uid": "u1"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [
            {"name": "app", "image": image, "env": env}]}}},
        "status": {"readyReplicas": 0, "conditions": [{"type": "Available", "status": "False",
            "reason": "MinimumReplicasUnavailable", "message": "not enough", "lastTransitionTime": "2026-11-30T10:00:00Z"}]}})
}

fn pod(message: &str) -> Value {
    json!({"metadata": {"name": "cart-1", "namespace": "shop"}, "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": "r/cart:2", "restartCount": 7,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-30T10:01:00Z"}}}]}})
}

fn found(env: &Value, said: &str) -> Found {
    let object = ObjectRef::new("prod", "Deployment", "shop", "cart");
    let at: Timestamp = "2026-11-30T10:02:00Z".parse().unwrap();
    Found {
        object: object.clone(),
        at,
        place: Whereabouts {
            app: "cart".to_owned(),
            environment: "production".to_owned(),
            production: true,
        },
        journeys: Vec::new(),
        objects: vec![Seen {
            is: Is::Itself,
            object: object.clone(),
            json: deployment("r/cart:2", env),
        }],
        pods: vec![pod(said)],
        logs: vec![Log {
            of: Life {
                namespace: "shop".to_owned(),
                pod: "cart-1".to_owned(),
                container: "app".to_owned(),
                previous: true,
            },
            read: Ok(LogTail {
                lines: said.lines().map(str::to_owned).collect(),
                cut: false,
            }),
        }],
        nodes: vec![
            json!({"metadata": {"name": "node-1"}, "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        ],
        events: vec![
            json!({"type": "Warning", "reason": "BackOff", "count": 3, "message": said,
            "lastTimestamp": "2026-11-30T10:01:30Z", "involvedObject": {"kind": "Pod", "name": "cart-1"}}),
        ],
        changes: Vec::new(),
        siblings: vec![Sibling {
            environment: "staging".to_owned(),
            object: ObjectRef::new("test", "Deployment", "shop", "cart"),
            json: deployment("r/cart:1", &json!([])),
        }],
        unread: vec![format!("Pod shop/cart-2 cannot be read: {said}")],
    }
}

#[test]
fn a_report_tells_what_is_known_and_what_is_not() {
    let env = json!([{"name": "LOG_LEVEL", "value": "debug"}, {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "HOST", "valueFrom": {"secretKeyRef": {"name": "db", "key": "host"}}}]);
    let text = write(&found(&env, "login as shop with hunter2 failed"));
    for line in [
        "# Diagnosis of `Deployment shop/cart`",
        "It is of the app `cart` in `production`.",
        "- `Pod shop/cart-2 cannot be read: login as shop with (hidden) failed`",
        "- `cart-1` on `node-1`: `Running, not ready`",
        "  - `app`: `waiting: CrashLoopBackOff`, restarted 7 times, before: `ended: Error, exit code 1, at 2026-11-30T10:01:00Z`",
        "- wanted pods: `2`",
        "- condition `Available` is `False` since `2026-11-30T10:00:00Z`, `MinimumReplicasUnavailable`: `not enough`",
        "  - variable `LOG_LEVEL` = `debug`",
        "  - variable `DB_PASSWORD` = (hidden)",
        "  - variable `HOST` from `key host of Secret db`",
        "- 2026-11-30 10:01:30Z `Warning` `BackOff` on `Pod cart-1` (3 times): `login as shop with (hidden) failed`",
        "### `staging`: `Deployment shop/cart` on `test`",
        "- `app: image`: `r/cart:2` here, `r/cart:1` there",
        "- `app: variable DB_PASSWORD`: (hidden) here, nothing there",
        "- it takes no new pods (cordoned)",
        "### `cart-1` `app`: the life before",
        "login as shop with (hidden) failed",
    ] {
        assert!(
            text.lines().any(|one| one == line),
            "{line:?} is not in\n{text}"
        );
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn where_nothing_is_known_each_part_says_so() {
    let mut found = found(&json!([]), "");
    found.objects.clear();
    found.pods.clear();
    found.logs.clear();
    found.nodes.clear();
    found.events.clear();
    found.siblings.clear();
    found.unread.clear();
    let text = write(&found);
    for says in [
        "No journey of a commit to here is known.",
        "Everything that was asked for was read.",
        "None is known.",
        "Nothing of it could be read.",
        "There are none of these objects",
        "Nothing is known to have changed.",
        "There is no other place to compare it with",
        "No container has one, or none could be read.",
    ] {
        assert!(text.contains(says), "{says}");
    }
}

#[test]
fn a_report_of_megabytes_was_made() {
    let long = "word ".repeat(5_000);
    let env: Vec<Value> = (0..500)
        .map(|at| json!({"name": format!("V{at}"), "value": "x".repeat(100)}))
        .collect();
    let mut found = found(&json!(env), &long);
    let (pod, seen) = (found.pods[0].clone(), found.objects[0].clone());
    found.pods = vec![pod; 100];
    found.objects = vec![seen; 40];
    found.events = vec![found.events[0].clone(); 200];
    found.unread = vec![long.clone(); 200];
    let mut log = found.logs[0].clone();
    log.read = Ok(LogTail {
        lines: vec![long; 60],
        cut: true,
    });
    found.logs = vec![log; 12];
    let text = write(&found);
    assert!(
        text.len() < MOST_OF_REST + 2 * MOST_OF_LOGS,
        "{}",
        text.len()
    );
    assert!(text.contains("are left out: there is too much of it."));
    let fences = text.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(fences % 2, 0);
}

/// Ways in which the world says a password. `{}` is where it stands.
const SAID: [&str; 8] = [
    "password={}",
    "{\"token\": \"{}\"}",
    "postgres://shop:{}@db/shop",
    "Authorization: Bearer {}",
    "--api-key {}",
    "cookie: sid={}",
    "client_secret: {}",
    "key = '{}'",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_planted_secret_comes_out_wherever_it_stands(
        way in prop::sample::select(&SAID[..]),
        secret in "[A-Za-z0-9]{14,40}",
        noise in ".{0,30}",
    ) {
        let noise: String = noise.chars().filter(|c| !matches!(c, '"' | '\'' | '\\')).collect();
        let said = format!("{noise} {}", way.replacen("{}", &secret, 1));
        let env = json!([{"name": "APP_PASSWORD", "value": secret}, {"name": "OPTIONS", "value": said}]);
        let mut found = found(&env, &said);
        found.objects[0].json["status"]["conditions"][0]["message"] = json!(said);
        found.objects[0].json["status"]["lastAppliedRevision"] = json!(said);
        let text = write(&found);
        prop_assert!(!text.contains(&secret), "{text}");
        // And where nothing but its shape tells it.
        found.objects[0].json = deployment("r/cart:2", &json!([{"name": "OPTIONS", "value": said}]));
        let text = write(&found);
        prop_assert!(!text.contains(&secret), "{text}");
    }

    #[test]
    fn no_text_of_theirs_ends_the_block_that_it_stands_in(said in "[`~#\n a-z]{0,60}") {
        let text = write(&found(&json!([]), &said));
        let mut fence: Option<usize> = None;
        for line in text.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                Some(open) if line.len() == ticks && ticks >= open => fence = None,
                Some(_) => {}
                None if ticks > 2 => fence = Some(ticks),
                None => prop_assert!(!line.starts_with("~~~"), "{line}"),
            }
        }
        prop_assert!(fence.is_none());
        // What is behind all blocks is still told.
        prop_assert_eq!(text.matches("\n## Logs\n").count(), 1);
    }
}
