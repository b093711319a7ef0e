//! Everything that goes wrong, in words that tell it apart.

use std::time::{Duration, Instant};

use api::ConnectionState;
use cluster::{Cluster, Consent, Context, Options};
use facts::{Coverage, Key, Kind, Reach};
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{DEPLOYMENTS, PODS, World, pod, quick, until, until_connection};

/// What a cluster says that was never reached.
async fn said(context: &Context, options: Options) -> (String, ConnectionState) {
    let cluster = Cluster::start(context, options);
    cluster.settled().await;
    let facts = until(&cluster, "unreachable", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    let Reach::Unreachable { error } = facts.reach.clone() else {
        panic!()
    };
    for kind in Kind::ALL {
        assert!(facts.coverage(kind, "shop").gap("x").is_some(), "{kind:?}");
    }
    let state = cluster.connection().borrow().state.clone();
    (error, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_refused() {
    let mut world = World::new();
    let context = world.context("{token: t}");
    world.off();
    let began = Instant::now();
    let (error, state) = said(&context, quick()).await;
    let port = context.server.rsplit(':').next().unwrap();
    assert_eq!(
        error,
        format!("127.0.0.1:{port} refused the connection (is it running?)")
    );
    assert!(matches!(
        state,
        ConnectionState::Unreachable { private: false, .. }
    ));
    println!("refused after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_knows_is_said() {
    let world = World::new();
    let context = world.context_at("https://no-such-host.invalid:6443", "{}");
    let (error, _) = said(&context, quick()).await;
    assert_eq!(
        error,
        "the host no-such-host.invalid:6443 is not known (is the name right, and the VPN on?)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_where_none_is_spoken_is_said() {
    let world = World::new();
    let plain = world.context("{}").server.replace("http:", "https:");
    let (error, _) = said(&world.context_at(&plain, "{}"), quick()).await;
    assert!(error.contains("does not speak TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_every_connection_is_said() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let (error, _) = said(
        &world.context_at(&format!("http://127.0.0.1:{port}"), "{}"),
        quick(),
    )
    .await;
    assert_eq!(error, format!("127.0.0.1:{port} closed the connection"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_accepted_are_said_and_new_ones_are_found() {
    let world = World::new();
    world.responder.behave(|b| b.unauthorized = true);
    let context = world.context("{token: topsecret}");
    let cluster = Cluster::start(&context, quick());
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    let Reach::Unreachable { error } = &facts.reach else {
        panic!("{:?}", facts.reach)
    };
    assert_eq!(
        error,
        "the credentials were not accepted (401 Unauthorized) (sign in again)"
    );
    assert!(matches!(
        facts.coverage(Kind::Pod, "shop"),
        Coverage::Denied { .. }
    ));
    world.responder.behave(|b| b.unauthorized = false);
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_busy_is_not_asked_before_the_time_it_says() {
    let world = World::new();
    world
        .responder
        .behave(|b| b.failing.extend([(PODS.to_owned(), 429)]));
    let began = Instant::now();
    let _cluster = world.cluster_with(|o| o.backoff.first = Duration::from_millis(1));
    let lists = || {
        let requests = world.responder.requests();
        requests.iter().filter(|one| one.contains(PODS)).count()
    };
    while lists() < 3 {
        assert!(began.elapsed() < Duration::from_secs(10), "never again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A lower bound: no machine is too slow for it.
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_run_out_leave_the_facts() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    let cluster = world.cluster_with(|o| o.heartbeat = Duration::from_millis(200));
    cluster.settled().await;
    world.responder.behave(|b| b.unauthorized = true);
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert_eq!(facts.pods.len(), 1);
    world.responder.behave(|b| b.unauthorized = false);
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_plugin_is_run_and_its_failure_is_readable() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let plugin = world.file(
        "login",
        "#!/bin/sh\necho '{\"token\":\"topsecret\"}'\necho 'a stack trace' >&2\necho 'The SSO session has expired' >&2\nexit 3\n",
    );
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login}}";
    let context = world.context(user);
    let consenting = || Options {
        consent: Consent::all(),
        ..quick()
    };
    let cluster = Cluster::start(&context, consenting());
    cluster.settled().await;
    let Reach::Unreachable { error } = cluster.facts().borrow().reach.clone() else {
        panic!()
    };
    assert!(
        error.starts_with("the sign-in plugin `/")
            && error.ends_with("` of the kubeconfig failed with exit code 3 (run it in a terminal to see what it says: that may be secret, and is never shown here)"),
        "{error}"
    );

    // The person signs in: the next run of the plugin answers.
    world.file(
        "login",
        "#!/bin/sh\necho '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\"}}'\n",
    );
    cluster.try_now();
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;

    let missing =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin-anywhere}}";
    let (error, _) = said(&world.context(missing), consenting()).await;
    assert!(
        error.contains("cannot be started") && error.contains("is it installed"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_makes_no_sense_is_no_empty_list() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    let bodies = [
        "<html>Please sign in to the guest network</html>",
        "{}",
        r#"{"kind":"Status","metadata":{},"status":"Success"}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"api-1","namespace":"shop"}},17]}"#,
    ];
    for body in bodies {
        world.responder.behave(|b| {
            b.raw.insert(PODS.to_owned(), body.to_owned());
        });
        let cluster = world.cluster();
        cluster.settled().await;
        let facts = cluster.facts().borrow().clone();
        let coverage = facts.coverage(Kind::Pod, "shop");
        assert!(
            matches!(coverage, Coverage::Failed { .. }),
            "{body} {coverage:?}"
        );
        assert!(
            facts.coverage(Kind::Deployment, "shop").is_whole(),
            "the others are read"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_kind_that_fails_is_said_and_the_others_live() {
    let world = World::new();
    world.responder.put(
        DEPLOYMENTS,
        json!({"metadata": {"name": "api", "namespace": "shop"}}),
    );
    world.responder.behave(|b| {
        b.failing.insert(PODS.to_owned(), 500);
    });
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert_eq!(facts.workloads.len(), 1);
    let Coverage::Failed { message } = facts.coverage(Kind::Pod, "shop") else {
        panic!()
    };
    assert_eq!(
        message,
        "the server answered 500 Internal Server Error: etcdserver: request timed out"
    );
    let connection = until_connection(&cluster, "degraded", |c| {
        matches!(c.state, ConnectionState::Degraded { .. })
    })
    .await;
    let ConnectionState::Degraded { error, .. } = connection.state else {
        panic!()
    };
    assert!(
        error.starts_with("list pods: the server answered 500"),
        "{error}"
    );
    world.responder.behave(|b| b.failing.clear());
    world.responder.put(PODS, pod("shop", "api-1"));
    until(&cluster, "pods", |f| {
        f.pods.contains_key(&Key::new("shop", "api-1")) && f.coverage(Kind::Pod, "").is_whole()
    })
    .await;
    until_connection(&cluster, "live", |c| {
        matches!(c.state, ConnectionState::Live { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_objects_are_data() {
    let world = World::new();
    let name = "<script>\u{1b}[2J\u{202e}../..";
    world.responder.put(PODS, json!({"metadata": {"name": name, "namespace": "shop", "labels": 7}, "spec": "x", "status": ["y"]}));
    world.responder.put("/api/v1/events", json!({"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "message": "x".repeat(1_000_000)}));
    let cluster = world.cluster();
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(facts.pods.contains_key(&Key::new("shop", name)));
    assert!(facts.coverage(Kind::Pod, "").is_whole());
    let event = facts.events.get(&Key::new("shop", "e")).expect("there");
    assert!(event.message.len() < 70_000 && event.message.contains("1000000 bytes"));
    let object = api::ObjectRef::new("test", "Pod", "shop", name);
    assert!(
        cluster.read(&object).await.is_err(),
        "the responder does not unescape paths"
    );
    assert!(
        world
            .responder
            .requests()
            .iter()
            .all(|r| !r.contains("/../"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_vanished_from_its_file_is_said() {
    let world = World::new();
    let context = world.context("{}");
    world.file("config", "contexts: []\nclusters: []\n");
    let (error, _) = said(&context, quick()).await;
    assert!(error.contains("there is no context `test` in"), "{error}");
}
