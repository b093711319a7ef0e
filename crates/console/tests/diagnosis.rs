//! A diagnosis, through the console: of a cluster of the sandbox that says what it is told to, and of the embedded company.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::time::Duration;

use api::diagnosis::Diagnosis;
use api::error::Code;
use api::journey::Health;
use api::{Ask, ObjectRef};
use console::{Console, Sources};
use sandbox::clock::Clock;
use sandbox::kubernetes::{Rules, Server, Store};
use sandbox::served::Served;
use sandbox::start::Options;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// Somebody's token, which is their user's name in the sandbox.
const TOKEN: &str = "jo";
/// What must never be seen.
const PLANTED: &str = "PLANTED-hunter2";

struct World {
    server: Server,
    store: Store,
    folder: tempfile::TempDir,
}

fn owned_by(kind: &str, name: &str, uid: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true}])
}

impl World {
    /// A cluster with a Deployment whose one pod crashes, and which says its password wherever it can.
    async fn new(rules: Rules) -> Self {
        let store = Store::new("prod", Clock::default());
        store.set_rules(TOKEN, rules);
        let template = json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app", "image": "r/cart:2",
            "env": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "DB_PASSWORD", "value": PLANTED}],
            "envFrom": [{"secretRef": {"name": "db"}}]}]}});
        let selector = json!({"matchLabels": {"app": "cart"}});
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"},
                "stringData": {"password": PLANTED}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"},
                "status": {"conditions": [{"type": "MemoryPressure", "status": "True", "message": "low"}]}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "cart", "namespace": "shop", "uid": "u-cart"},
                "spec": {"replicas": 1, "selector": selector, "template": template},
                "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                    "message": "not enough"}]}}),
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": "cart-7d9", "namespace": "shop", "uid": "u-set",
                    "ownerReferences": owned_by("Deployment", "cart", "u-cart")},
                "spec": {"replicas": 1, "selector": selector, "template": template}}),
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "cart-7d9-x2x7k", "namespace": "shop", "uid": "u-pod", "labels": {"app": "cart"},
                    "ownerReferences": owned_by("ReplicaSet", "cart-7d9", "u-set")},
                "spec": {"nodeName": "node-1", "containers": template["spec"]["containers"]},
                "status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": "r/cart:2", "restartCount": 4,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": format!("back-off, password={PLANTED}")}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}),
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "other", "namespace": "shop", "uid": "u-other", "labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "app", "image": "r/other:1"}]}, "status": {"phase": "Running"}}),
            json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "cart.1", "namespace": "shop"},
                "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "cart-7d9-x2x7k"}, "type": "Warning",
                "reason": "BackOff", "message": format!("it said {PLANTED}"), "lastTimestamp": "2026-11-30T10:00:00Z"}),
        ];
        for object in objects {
            store.restore(object).unwrap();
        }
        let lines = [
            "starting",
            "# not a heading",
            "```",
            &format!("cannot log in as shop:{PLANTED}"),
        ];
        let lines = lines.map(str::to_owned).to_vec();
        store.set_log("shop", "cart-7d9-x2x7k", "app", true, lines);
        let server = Server::start(store.clone(), ([127, 0, 0, 1], 0).into());
        let server = server.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n",
            server.url()
        );
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        Self {
            server,
            store,
            folder,
        }
    }

    fn open(&self) -> Console {
        Console::open(&Sources {
            kubeconfig: Some(self.folder.path().join("kubeconfig")),
            cache: Some(self.folder.path().join("cache")),
            ..Sources::default()
        })
        .unwrap()
    }
}

fn cart() -> ObjectRef {
    ObjectRef::new("prod", "Deployment", "shop", "cart")
}

fn has(found: &Diagnosis, line: &str) {
    let text = &found.markdown;
    assert!(text.contains(line), "{line:?} is not in\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashing_deployment_is_told_from_its_condition_to_its_last_words_without_its_password() {
    let world = World::new(Rules::everything()).await;
    let console = world.open();
    let found = console.diagnose(&cart(), PATIENCE).await.unwrap();
    assert!(found.is_read);
    for line in [
        "# Diagnosis of `Deployment shop/cart`",
        "condition `Available` is `False`",
        "- `cart-7d9-x2x7k` on `node-1`: `Running, not ready`",
        "`waiting: CrashLoopBackOff`, restarted 4 times",
        "variable `LOG_LEVEL` = `debug`",
        "variable `DB_PASSWORD` = (hidden)",
        "takes `Secret db as variables`",
        "`BackOff` on `Pod cart-7d9-x2x7k`: `it said (hidden)`",
        "condition `MemoryPressure` is `True`",
        "### `cart-7d9-x2x7k` `app`: the life before",
        "````text\n",
        "cannot log in as shop:(hidden)\n````\n",
    ] {
        has(&found, line);
    }
    assert!(!found.markdown.contains("hunter2"), "{}", found.markdown);
    // A pod that bears its labels and is not its own is not told of.
    assert!(!found.markdown.contains("r/other:1"), "{}", found.markdown);
    let requests = world.server.requests().unwrap();
    for never in [
        "GET /api/v1/namespaces/shop/secrets",
        "GET /api/v1/namespaces/shop/configmaps",
        "PATCH",
        "PUT",
        "DELETE",
    ] {
        assert_eq!(requests.count(never), 0, "{never}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_what_is_saved_once() {
    let world = World::new(Rules::everything()).await;
    let console = world.open();
    let found = console.diagnose(&cart(), PATIENCE).await.unwrap();
    let file = world.folder.path().join("cart.md");
    let written = console.save_diagnosis(&found.id, Some(&file)).unwrap();
    assert_eq!(std::fs::read_to_string(written).unwrap(), found.markdown);
    let again = console.save_diagnosis(&found.id, Some(&file)).unwrap_err();
    assert_eq!(again.code, Code::BadFile);
    let gone = console.save_diagnosis("none", Some(&file)).unwrap_err();
    assert_eq!(gone.code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_that_is_missing_is_a_line_and_the_rest_is_told() {
    let world = World::new(Rules::everything()).await;
    let mut rules = Rules::read_all_but(&["events", "nodes", "secrets"]);
    for rule in &mut rules.0 {
        rule.resources.retain(|resource| resource != "pods/log");
    }
    world.store.set_rules(TOKEN, rules);
    let console = world.open();
    let found = console.diagnose(&cart(), PATIENCE).await.unwrap();
    assert!(found.is_read);
    assert!(found.unread >= 3, "{}", found.markdown);
    let (_, unread) = found
        .markdown
        .split_once("## What could not be read")
        .unwrap();
    let (unread, _) = unread.split_once("\n## ").unwrap();
    for part in [
        "Event objects in shop",
        "Node node-1",
        "the log of app in Pod shop/cart-7d9-x2x7k",
    ] {
        assert!(unread.contains(part), "{part} is not in\n{unread}");
    }
    has(&found, "- `cart-7d9-x2x7k` on `node-1`");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_not_to_be() {
    let world = World::new(Rules::everything()).await;
    let console = world.open();
    let of = |system: &str, kind: &str, name: &str| ObjectRef::new(system, kind, "shop", name);
    for (object, code) in [
        (of("prod", "Deployment", "nope"), Code::NotFound),
        (of("nowhere", "Deployment", "cart"), Code::UnknownName),
    ] {
        let why = console.diagnose(&object, PATIENCE).await.unwrap_err();
        assert_eq!(why.code, code, "{why}");
    }
    // A Secret is not read, whoever asks.
    let found = console
        .diagnose(&of("prod", "Secret", "db"), PATIENCE)
        .await
        .unwrap();
    assert!(!found.is_read && !found.markdown.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_company_is_not_well_its_journey_its_logs_and_where_it_is_well_are_told() {
    let company = Served::start(Options::default(), None).await.unwrap();
    let console = Console::open(&Sources {
        kubeconfig: Some(company.kubeconfig.clone()),
        team: Some(company.team.clone()),
        cache: Some(company.cache.clone()),
        history: Some(company.history.clone()),
        ..Sources::default()
    })
    .unwrap();
    let answer = console.answer(Ask::default(), PATIENCE).await.unwrap();
    // One of an app that is well in another place.
    let of_kubernetes = |journey: &&api::Journey| {
        let running = journey.running.as_ref();
        running.is_some_and(|one| one.workload.kind == "Deployment")
    };
    let is_well_elsewhere = |one: &&api::Journey| {
        answer.journeys.iter().filter(of_kubernetes).any(|other| {
            let health = other.running.as_ref().map(|running| running.health);
            other.app == one.app
                && other.environment != one.environment
                && health == Some(Health::Healthy)
        })
    };
    let mut all = answer.journeys.iter().filter(of_kubernetes);
    let seen: Vec<String> = answer
        .journeys
        .iter()
        .map(|one| {
            format!(
                "{} {} {:?}",
                one.app,
                one.environment,
                one.running
                    .as_ref()
                    .map(|r| (r.workload.kind.clone(), r.health))
            )
        })
        .collect();
    let ill = all
        .find(is_well_elsewhere)
        .unwrap_or_else(|| panic!("{seen:?}"));
    let workload = ill.running.as_ref().unwrap().workload.clone();
    let found = console.diagnose(&workload, PATIENCE).await.unwrap();
    assert!(found.is_read);
    has(
        &found,
        &format!("It is of the app `{}` in `{}`.", ill.app, ill.environment),
    );
    for section in [
        "## The answer\n\n- ",
        "## Pods\n\n- `",
        ": applies it\n",
        "## What changed, the newest first\n\n- ",
        "## Logs\n",
    ] {
        has(&found, section);
    }
    assert!(
        !found
            .markdown
            .contains("There is no other place to compare it with"),
        "{}",
        found.markdown
    );
}
