//! The cluster edge against an API server that was written apart from it: the embedded company's. What is asserted here
//! holds for a real one too; where the server comes from is known to [`ApiServer`] alone.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{ConnectionState, ObjectRef};
use cluster::{Access, Cluster, LogWanted, Options, Write, WriteFailure, WriteKind, contexts};
use facts::{ClusterFacts, Coverage, Key, Kind, Reach};
use jiff::SignedDuration;
use sandbox::clock::Clock;
use sandbox::kubernetes::{Rules, Server, Store};
use serde_json::{Value, json};

/// Where tests get an API server from.
struct ApiServer {
    store: Store,
    server: Server,
    clock: Clock,
    folder: tempfile::TempDir,
}

impl ApiServer {
    async fn start() -> Self {
        let clock = Clock::default();
        let store = Store::new("prod", clock.clone());
        let server = Server::start(store.clone(), ([127, 0, 0, 1], 0).into());
        let api = Self {
            server: server.await.unwrap(),
            store,
            clock,
            folder: tempfile::tempdir().unwrap(),
        };
        for namespace in ["shop", "bank"] {
            api.apply(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            );
        }
        api
    }

    fn apply(&self, object: Value) {
        self.store.apply(object).unwrap();
    }

    fn pod(&self, namespace: &str, name: &str) {
        self.apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [{"name": "api", "image": "r/api:1"}]}}));
    }

    /// Watches it as a user.
    fn watch(&self, user: &str) -> Cluster {
        self.watch_with(user, |_| {})
    }

    fn watch_with(&self, user: &str, change: impl FnOnce(&mut Options)) -> Cluster {
        let path = self.folder.path().join(user);
        let text = format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: {user}}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u, namespace: shop}}}}]\n",
            self.server.url()
        );
        std::fs::write(&path, text).unwrap();
        let context = contexts(Some(&path)).unwrap().remove(0);
        let mut options = Options {
            recheck: Duration::from_millis(300),
            rediscover: Duration::from_millis(300),
            ..Options::default()
        };
        change(&mut options);
        Cluster::start(&context, options)
    }
}

async fn until(
    cluster: &Cluster,
    what: &str,
    so: impl Fn(&ClusterFacts) -> bool,
) -> Arc<ClusterFacts> {
    let mut facts = cluster.facts();
    let waited = tokio::time::timeout(Duration::from_secs(10), facts.wait_for(|f| so(f))).await;
    match waited {
        Ok(facts) => facts.unwrap().clone(),
        Err(_) => panic!("never: {what}; {:#?}", cluster.facts().borrow()),
    }
}

fn kustomization(revision: &str) -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "shop"},
        "spec": {"interval": "10m", "path": "./apps", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "gitops"}},
        "status": {"lastAppliedRevision": revision}})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_seen_and_changes_arrive() {
    let api = ApiServer::start().await;
    api.pod("shop", "api-1");
    api.apply(kustomization("main@sha1:1"));
    let cluster = api.watch("admin");
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    for kind in Kind::ALL {
        let coverage = facts.coverage(kind, "shop");
        assert!(
            matches!(coverage, Coverage::Seen { .. }),
            "{kind:?} {coverage:?}"
        );
    }
    assert_eq!(facts.reach, Reach::Answering);
    assert_eq!(facts.namespaces.len(), 2);
    assert_eq!(
        facts
            .kustomizations
            .get(&Key::new("shop", "apps"))
            .expect("apps")
            .path,
        "apps"
    );
    assert_eq!(facts.clock_offset, SignedDuration::ZERO);

    api.pod("bank", "vault-1");
    until(&cluster, "a new pod", |f| f.pods.len() == 2).await;
    let status = json!({"phase": "Running", "containerStatuses": [{"name": "api", "ready": true, "imageID": "r/api@sha256:aa", "state": {"running": {}}}]});
    api.store
        .set_status("Pod", "shop", "api-1", status)
        .unwrap();
    until(&cluster, "a changed pod", |f| {
        f.pods
            .get(&Key::new("shop", "api-1"))
            .expect("api-1")
            .containers
            .first()
            .and_then(|c| c.digest())
            == Some("sha256:aa")
    })
    .await;
    api.store.delete("Pod", "bank", "vault-1");
    until(&cluster, "a pod gone", |f| f.pods.len() == 1).await;

    let connection = cluster.connection().borrow().clone();
    assert_eq!(connection.identity.as_deref(), Some("admin"));
    assert!(
        matches!(connection.state, ConnectionState::Live { .. }),
        "{connection:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_expired_watches_lose_nothing() {
    let api = ApiServer::start().await;
    for n in 0..130 {
        api.pod("shop", &format!("api-{n}"));
    }
    let cluster = api.watch_with("admin", |o| o.page_size = 20);
    cluster.settled().await;
    assert_eq!(cluster.facts().borrow().pods.len(), 130);
    // Watches that are slower than the history begin anew, and the end is the same.
    api.store.keep_changes(1);
    for n in 0..60 {
        api.store.delete("Pod", "shop", &format!("api-{n}"));
    }
    api.pod("shop", "last");
    until(&cluster, "what is left", |f| {
        f.pods.len() == 71 && f.pods.contains_key(&Key::new("shop", "last"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_is_lost_at_once_and_live_soon_after_its_return() {
    let mut api = ApiServer::start().await;
    api.pod("shop", "api-1");
    let cluster = api.watch("admin");
    cluster.settled().await;
    let began = Instant::now();
    api.server.cut_off().await;
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    println!("after {:?}", began.elapsed());
    assert_eq!(facts.pods.len(), 1);
    api.store.delete("Pod", "shop", "api-1");
    api.pod("shop", "api-2");
    tokio::time::sleep(Duration::from_secs(3)).await;
    api.server.restore().await.unwrap();
    let began = Instant::now();
    until(&cluster, "back", |f| {
        f.reach == Reach::Answering && f.pods.keys().eq([&Key::new("shop", "api-2")])
    })
    .await;
    println!("after {:?}", began.elapsed());
    api.pod("shop", "api-3");
    until(&cluster, "events again", |f| f.pods.len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_one_namespace_sees_that_one() {
    let api = ApiServer::start().await;
    api.pod("shop", "api-1");
    api.pod("bank", "vault-1");
    api.store.set_rules("jo", Rules::read_namespaces(&["shop"]));
    let cluster = api.watch("jo");
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(facts.pods.keys().eq([&Key::new("shop", "api-1")]));
    assert!(facts.coverage(Kind::Pod, "shop").is_whole());
    assert!(matches!(
        facts.coverage(Kind::Pod, "bank"),
        Coverage::Denied { .. }
    ));
    assert!(matches!(
        facts.coverage(Kind::Node, ""),
        Coverage::Denied { .. }
    ));
    let connection = cluster.connection().borrow().clone();
    let line = "list pods outside shop: forbidden".to_owned();
    assert!(connection.refusals.contains(&line), "{connection:?}");
    assert_eq!(connection.identity.as_deref(), Some("jo"));
    // The person is given everything.
    api.store.set_rules("jo", Rules::read_everything());
    until(&cluster, "the other namespace", |f| f.pods.len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_nothing_and_one_who_is_nobody_are_told_apart() {
    let api = ApiServer::start().await;
    api.pod("shop", "api-1");
    api.store.set_rules("jo", Rules::nothing());
    let cluster = api.watch("jo");
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert_eq!(facts.reach, Reach::Answering);
    // The company has neither Flagger nor External Secrets: nobody has to be denied those.
    let is_served = |kind: &Kind| !matches!(kind, Kind::Canary | Kind::ExternalSecret);
    for kind in Kind::ALL.into_iter().filter(is_served) {
        assert!(
            matches!(facts.coverage(kind, "shop"), Coverage::Denied { .. }),
            "{kind:?}"
        );
    }
    let stranger = api.watch("stranger");
    stranger.settled().await;
    let facts = stranger.facts().borrow().clone();
    let Reach::Unreachable { error } = &facts.reach else {
        panic!("{:?}", facts.reach)
    };
    assert!(error.contains("401 Unauthorized"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_flux_is_read_all_the_same() {
    let api = ApiServer::start().await;
    api.store.without_flux();
    api.pod("shop", "api-1");
    let cluster = api.watch("admin");
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(matches!(
        facts.coverage(Kind::Kustomization, "shop"),
        Coverage::NotServed { .. }
    ));
    assert_eq!(facts.pods.len(), 1);
    assert_eq!(
        cluster.connection().borrow().state,
        ConnectionState::Absent {
            what: "Flux".into()
        }
    );
    api.store.set_served(|_| true);
    api.apply(kustomization("main@sha1:2"));
    until(&cluster, "flux", |f| f.kustomizations.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_and_logs_are_read() {
    let api = ApiServer::start().await;
    api.pod("shop", "api-1");
    api.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"password": "dG9wc2VjcmV0"}}));
    let lines: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
    api.store.set_log("shop", "api-1", "api", true, lines);
    let cluster = api.watch("admin");
    cluster.settled().await;
    let object = |kind: &str, name: &str| ObjectRef::new("prod", kind, "shop", name);
    let text = cluster.read(&object("Pod", "api-1")).await.unwrap();
    assert!(text.contains("image: r/api:1"), "{text}");
    let text = cluster.read(&object("Secret", "db")).await.unwrap();
    assert!(
        text.contains("password: (hidden)") && !text.contains("dG9w"),
        "{text}"
    );
    let error = cluster.read(&object("Pod", "nope")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Pod shop/nope cannot be read from prod: pods \"nope\" not found"
    );
    let wanted = |pod, previous| LogWanted {
        namespace: "shop",
        pod,
        container: "api",
        previous,
        lines: 3,
        timestamps: false,
    };
    let log = cluster.log(&wanted("api-1", true)).await.unwrap();
    assert_eq!(log.lines, ["line 27", "line 28", "line 29"]);
    assert!(!log.cut);
    assert!(cluster.log(&wanted("nope", false)).await.is_err());
}

fn write(kind: WriteKind, path: &str, body: &Value, dry_run: bool) -> Write {
    Write {
        kind,
        path: path.to_owned(),
        body: body.to_string().into_bytes(),
        dry_run,
        field_manager: "landfall".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_only_tried_is_kept_nowhere_and_one_that_is_meant_once() {
    let api = ApiServer::start().await;
    api.pod("shop", "api-1");
    let cluster = api.watch("admin");
    cluster.settled().await;
    let pod = ObjectRef::new("prod", "Pod", "shop", "api-1");
    let path = "/api/v1/namespaces/shop/pods/api-1";
    let before = cluster.look(&pod).await.unwrap().unwrap();
    let meant = |version: &Value| {
        json!({"metadata": {"uid": before["metadata"]["uid"], "resourceVersion": version,
            "annotations": {"landfall.dev/run": "r1"}}})
    };
    let patch = meant(&before["metadata"]["resourceVersion"]);
    let delete =
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
    for tried in [
        write(WriteKind::Merge, path, &patch, true),
        write(WriteKind::Delete, path, &delete, true),
    ] {
        cluster.send(&tried).await.unwrap();
        assert_eq!(cluster.look(&pod).await.unwrap().unwrap(), before);
    }
    let sent = write(WriteKind::Merge, path, &patch, false);
    let after = cluster.send(&sent).await.unwrap();
    assert_eq!(after["metadata"]["annotations"]["landfall.dev/run"], "r1");
    let manager = |entry: &Value| entry["manager"] == "landfall" && entry["operation"] == "Update";
    let managed = after["metadata"]["managedFields"].as_array().unwrap();
    assert!(managed.iter().any(manager), "{managed:?}");
    let another = json!({"metadata": {"uid": "another"}});
    for moved in [&patch, &another] {
        let came = cluster
            .send(&write(WriteKind::Merge, path, moved, false))
            .await;
        assert!(
            matches!(came, Err(WriteFailure::Refused { moved: true, .. })),
            "{came:?}"
        );
    }
    let again = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api-1"},
        "spec": {"containers": [{"name": "api", "image": "r/api:1"}]}});
    let all = "/api/v1/namespaces/shop/pods";
    let came = cluster
        .send(&write(WriteKind::Create, all, &again, false))
        .await;
    let Err(WriteFailure::Refused { reason, moved, .. }) = came else {
        panic!("{came:?}")
    };
    assert_eq!((reason.as_str(), moved), ("AlreadyExists", true));
    cluster
        .send(&write(WriteKind::Delete, path, &delete, false))
        .await
        .unwrap();
    assert_eq!(cluster.look(&pod).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_is_what_the_server_has_now_and_never_a_secret() {
    let api = ApiServer::start().await;
    api.apply(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}),
    );
    api.apply(kustomization("main@sha1:1"));
    api.apply(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "shop"}, "spec": {}}));
    api.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"password": "dG9wc2VjcmV0"}}));
    let cluster = api.watch("admin");
    cluster.settled().await;
    let of = |kind: &str, name: &str| ObjectRef::new("prod", kind, "shop", name);
    for (kind, name) in [("Kustomization", "apps"), ("Job", "j")] {
        let found = cluster.look(&of(kind, name)).await.unwrap().unwrap();
        assert_eq!(found["kind"], kind);
        let all = cluster.look_all(kind, "shop").await.unwrap();
        assert_eq!(all.len(), 1, "{kind}");
        assert!(cluster.look_all(kind, "bank").await.unwrap().is_empty());
        assert_eq!(cluster.look(&of(kind, "none")).await.unwrap(), None);
    }
    for kind in ["Secret", "ConfigMap"] {
        let error = cluster.look(&of(kind, "db")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{kind} objects are not looked at for an action: what they hold does not belong in a plan"
            )
        );
        assert!(cluster.look_all(kind, "shop").await.is_err());
    }
    let system = api.store.get("Namespace", "", "kube-system").unwrap();
    assert_eq!(
        cluster.uid().await.as_deref(),
        system["metadata"]["uid"].as_str()
    );
    // What cannot be asked is not answered, least of all with "there is none".
    api.store.set_rules("jo", Rules::read_namespaces(&["shop"]));
    let theirs = api.watch("jo");
    theirs.settled().await;
    assert_eq!(theirs.uid().await, None);
    let vault = ObjectRef::new("prod", "Pod", "bank", "vault-1");
    assert!(theirs.look(&vault).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_one_may_is_asked_of_one_object_in_one_namespace() {
    let api = ApiServer::start().await;
    let rbac = "rbac.authorization.k8s.io/v1";
    api.store.set_rules("jo", Rules::read_everything());
    api.apply(json!({"apiVersion": rbac, "kind": "Role", "metadata": {"name": "r", "namespace": "shop"},
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "resourceNames": ["web"]}]}));
    api.apply(json!({"apiVersion": rbac, "kind": "RoleBinding", "metadata": {"name": "r", "namespace": "shop"},
        "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "jo"}]}));
    let cluster = api.watch("jo");
    cluster.settled().await;
    let patch = |namespace, name| Access {
        verb: "patch",
        group: "apps",
        resource: "deployments",
        namespace,
        name,
        ..Access::default()
    };
    assert_eq!(cluster.may(patch("shop", "web")).await, Some(true));
    assert_eq!(cluster.may(patch("shop", "other")).await, Some(false));
    assert_eq!(cluster.may(patch("bank", "web")).await, Some(false));
    assert_eq!(cluster.may(patch("", "")).await, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companys_clock_is_followed() {
    let api = ApiServer::start().await;
    api.clock.advance(SignedDuration::from_hours(2));
    let cluster = api.watch("admin");
    cluster.settled().await;
    let offset = cluster.facts().borrow().clock_offset;
    let two_hours = SignedDuration::from_hours(2);
    assert!(
        offset.saturating_sub(two_hours).abs() < SignedDuration::from_secs(3),
        "{offset:?}"
    );
}

/// The ClusterRole that `landfall team init` proposes, without its rule of one resource.
fn role_without(left_out: Option<&str>) -> Value {
    let text = cluster::cluster_role("landfall-reader", &[]);
    let document = serde_yaml_ng::Deserializer::from_str(&text).next().unwrap();
    let mut role: Value = serde::Deserialize::deserialize(document).unwrap();
    let rules = role["rules"].as_array_mut().unwrap();
    let before = rules.len();
    rules.retain(|rule| left_out.is_none_or(|name| rule["resources"][0] != name));
    assert_eq!(rules.len(), before - usize::from(left_out.is_some()));
    role
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_rule_is_left_out_of_the_role_its_row_is_missing_and_no_other() {
    let api = ApiServer::start().await;
    api.store.set_rules("jo", Rules::nothing());
    api.apply(role_without(None));
    let binding = |role: &str, subject: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{role}s")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [subject]})
    };
    let group = "rbac.authorization.k8s.io";
    api.apply(binding(
        "landfall-reader",
        json!({"apiGroup": group, "kind": "User", "name": "jo"}),
    ));
    api.apply(binding(
        "cluster-admin",
        json!({"apiGroup": group, "kind": "Group", "name": "platform"}),
    ));
    let cluster = api.watch("jo");
    cluster.want_rights();
    let mut connection = cluster.connection();
    let known = connection.wait_for(|c| !c.rights.is_empty());
    let all = known.await.unwrap().clone();
    assert_eq!(all.rights_held(), (25, 25), "{:#?}", all.rights);
    assert!(all.granted_by.is_empty(), "nobody has to be asked");
    for right in cluster::rights() {
        api.apply(role_without(Some(right.resource)));
        cluster.ask_rights_anew();
        let so = connection.wait_for(|c| c.rights_amiss().map(|row| &row.name).eq([&right.name()]));
        let so = tokio::time::timeout(Duration::from_secs(10), so).await;
        let Ok(so) = so.map(|so| so.unwrap().clone()) else {
            panic!(
                "{}: {:#?}",
                right.name(),
                cluster.connection().borrow().rights
            )
        };
        let row = so.rights_amiss().next().unwrap();
        assert_eq!(row.without, right.without);
        assert_eq!(
            row.held.words(),
            format!("missing: may not {}", right.verbs.join(", "))
        );
        // Who reads no bindings is not told who may do everything.
        assert!(so.granted_by.is_empty());
    }
    let mut role = role_without(Some("events"));
    let rules = role["rules"].as_array_mut().unwrap();
    rules.push(
        json!({"apiGroups": [group], "resources": ["clusterrolebindings"], "verbs": ["list"]}),
    );
    api.apply(role);
    cluster.ask_rights_anew();
    let told = connection.wait_for(|c| c.granted_by == ["group platform"]);
    let told = tokio::time::timeout(Duration::from_secs(10), told).await;
    assert!(told.is_ok(), "{:#?}", cluster.connection().borrow());
}
