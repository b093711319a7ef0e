//! What may not be read: some kinds, some namespaces, watches, or everything.

use api::{ConnectionState, ObjectRef};
use cluster::LogWanted;
use facts::cluster::Scope;
use facts::{Coverage, Key, Kind};
use serde_json::json;

use crate::world::{DEPLOYMENTS, NAMESPACES, PODS, World, pod, until, until_connection};

#[tokio::test(flavor = "multi_thread")]
async fn where_all_namespaces_are_refused_each_is_asked() {
    let world = World::new();
    world
        .responder
        .put(NAMESPACES, json!({"metadata": {"name": "bank"}}));
    world
        .responder
        .put(NAMESPACES, json!({"metadata": {"name": "dev"}}));
    world.responder.put(PODS, pod("shop", "api-1"));
    world.responder.put(PODS, pod("bank", "vault-1"));
    world.responder.behave(|b| {
        b.denied.insert("list pods".into());
        b.denied.insert("list pods bank".into());
        // The rules of dev say no by themselves: it is not even asked.
        b.rules.insert(
            "dev".into(),
            json!({"resourceRules": [{"verbs": ["list"], "apiGroups": ["apps"], "resources": ["*"]}], "incomplete": false}),
        );
    });
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(facts.coverage(Kind::Pod, "shop").is_whole());
    for namespace in ["bank", "dev"] {
        let coverage = facts.coverage(Kind::Pod, namespace);
        assert!(
            matches!(coverage, Coverage::Denied { .. }),
            "{namespace} {coverage:?}"
        );
    }
    assert!(
        !world
            .responder
            .requests()
            .iter()
            .any(|r| r.contains("/namespaces/dev/pods"))
    );
    assert_eq!(
        facts.pods.keys().collect::<Vec<_>>(),
        [&Key::new("shop", "api-1")]
    );
    let Coverage::Denied { message } = facts.coverage(Kind::Pod, "elsewhere") else {
        panic!()
    };
    assert_eq!(
        message,
        "pods is forbidden: User \"jo\" cannot list resource \"pods\""
    );
    let connection = until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
    assert_eq!(connection.refusals, ["list pods outside shop: forbidden"]);

    // Events of the one namespace arrive.
    world.responder.put(PODS, pod("shop", "api-2"));
    until(&cluster, "a new pod", |f| f.pods.len() == 2).await;

    // Somebody grants the rest.
    world.responder.behave(|b| {
        b.denied.clear();
        b.rules.clear();
    });
    let facts = until(&cluster, "all namespaces", |f| {
        f.pods.contains_key(&Key::new("bank", "vault-1"))
            && matches!(f.coverage[&(Kind::Pod, Scope::All)], Coverage::Seen { .. })
    })
    .await;
    assert_eq!(facts.pods.len(), 3);
    assert!(
        !facts
            .coverage
            .contains_key(&(Kind::Pod, Scope::Namespace("bank".into())))
    );
    until_connection(&cluster, "no refusals", |c| c.refusals.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_not_even_namespaces_may_be_listed_the_contexts_own_is_read() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    world.responder.put(PODS, pod("ops", "log-1"));
    world.responder.behave(|b| {
        b.denied.insert("list pods".into());
        b.denied.insert("list namespaces".into());
    });
    let cluster = world.cluster_with(|o| o.namespaces = vec!["ops".into()]);
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert_eq!(facts.pods.len(), 2);
    assert!(facts.namespaces.is_empty());
    assert!(matches!(
        facts.coverage(Kind::Namespace, ""),
        Coverage::Denied { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_list_nothing_is_told_so() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    world.responder.behave(|b| b.denies_all = true);
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(facts.pods.is_empty());
    for kind in [Kind::Pod, Kind::Deployment, Kind::Node, Kind::Kustomization] {
        assert!(!facts.coverage(kind, "shop").is_whole(), "{kind:?}");
        assert!(
            matches!(facts.coverage(kind, "shop"), Coverage::Denied { .. }),
            "{kind:?}"
        );
    }
    let connection = until_connection(&cluster, "denied", |c| {
        matches!(c.state, ConnectionState::Denied { .. })
    })
    .await;
    assert_eq!(
        connection.state,
        ConnectionState::Denied {
            verb: "list".into(),
            resource: "kustomizations".into()
        }
    );
    assert!(
        connection
            .refusals
            .contains(&"list pods: forbidden".to_owned()),
        "{:?}",
        connection.refusals
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_taken_away_takes_the_objects_with_it() {
    let world = World::new();
    world.responder.put(
        DEPLOYMENTS,
        json!({"metadata": {"name": "api", "namespace": "shop"}}),
    );
    let cluster = world.cluster();
    cluster.settled().await;
    assert_eq!(cluster.facts().borrow().workloads.len(), 1);
    world.responder.behave(|b| {
        b.denied.insert("list deployments".into());
        b.denied.insert("list deployments shop".into());
    });
    world.responder.compact();
    until(&cluster, "denied", |f| {
        f.workloads.is_empty()
            && matches!(
                f.coverage(Kind::Deployment, "shop"),
                Coverage::Denied { .. }
            )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_listed_but_not_watched_is_listed_again_and_again() {
    let world = World::new();
    world.responder.behave(|b| {
        b.denied.insert("watch pods".into());
    });
    let cluster = world.cluster();
    cluster.settled().await;
    world.responder.put(PODS, pod("shop", "api-1"));
    until(&cluster, "a pod by polling", |f| f.pods.len() == 1).await;
    assert!(
        cluster
            .facts()
            .borrow()
            .coverage(Kind::Pod, "shop")
            .is_whole()
    );
    until_connection(&cluster, "said", |c| {
        c.refusals == ["watch pods: forbidden"]
    })
    .await;
    world.responder.behave(|b| b.denied.clear());
    until_connection(&cluster, "unsaid", |c| c.refusals.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_whole_and_secrets_are_hidden() {
    let world = World::new();
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"a\":\"topsecret\"}", "owner": "team"});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop", "annotations": annotations, "managedFields": [{"manager": "x"}]}, "data": {"password": "dG9wc2VjcmV0"}});
    world.responder.put("/api/v1/secrets", secret);
    world.responder.put(
        "/apis/example.com/v1/widgets",
        json!({"apiVersion": "example.com/v1", "kind": "widget", "metadata": {"name": "w", "namespace": "shop"}, "spec": {"size": 3}}),
    );
    let mut log = pod("shop", "api-1");
    log["log"] = json!("one\ntwo\nthree\n");
    world.responder.put(PODS, log);
    let cluster = world.cluster();
    cluster.settled().await;
    let read = |kind: &str, name: &str| {
        let object = ObjectRef::new("test", kind, "shop", name);
        let cluster = &cluster;
        async move { cluster.read(&object).await }
    };
    let text = read("Secret", "db").await.unwrap();
    assert!(
        text.contains("password: (hidden)") && text.contains("owner: team"),
        "{text}"
    );
    for leaked in ["topsecret", "dG9wc2VjcmV0", "managedFields"] {
        assert!(!text.contains(leaked), "{text}");
    }
    assert!(read("widget", "w").await.unwrap().contains("size: 3"));
    let error = read("Pod", "nope").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Pod shop/nope cannot be read from test: \"nope\" not found"
    );
    assert_eq!(api::Error::from(error).code, api::error::Code::NotFound);
    let error = read("Gadget", "g").await.unwrap_err();
    assert_eq!(error.to_string(), "test serves no kind Gadget");

    let wanted = LogWanted {
        namespace: "shop",
        pod: "api-1",
        container: "api",
        previous: true,
        lines: 2,
        timestamps: false,
    };
    let log = cluster.log(&wanted).await.unwrap();
    assert_eq!(log.lines, ["two", "three"]);
    let asked = world.responder.requests();
    assert!(
        asked.contains(
            &"GET /api/v1/namespaces/shop/pods/api-1/log?tailLines=2&limitBytes=2097152&container=api&previous=true"
                .to_owned()
        )
    );
    world.responder.behave(|b| b.denies_all = true);
    let error = read("Pod", "api-1").await.unwrap_err();
    assert_eq!(api::Error::from(error).code, api::error::Code::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ever_sent_that_could_change_an_object() {
    let world = World::new();
    world.responder.behave(|b| {
        b.denied.insert("list pods".into());
    });
    let cluster = world.cluster();
    cluster.settled().await;
    let _ = cluster
        .read(&ObjectRef::new("test", "widget", "shop", "w"))
        .await;
    for request in world.responder.requests() {
        let is_review = request.starts_with("POST ") && request.contains("/selfsubject");
        assert!(request.starts_with("GET ") || is_review, "{request}");
    }
}
