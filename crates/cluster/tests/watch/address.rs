//! Clusters without a kubeconfig: an address, and tokens that somebody else has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::ConnectionState;
use async_trait::async_trait;
use cluster::{Address, Cluster, Context, NoToken, Tokens};
use facts::{Coverage, Kind, Reach};
use secrecy::SecretString;

use crate::logged::{listen, logged};
use crate::tls::{authority, serve};
use crate::world::{PODS, SOON, World, pod, quick, until, until_connection};

/// Who has the tokens: one, or a reason.
struct Desk {
    has: Mutex<Result<&'static str, NoToken>>,
    asked: AtomicUsize,
}

impl Desk {
    fn with(token: &'static str) -> Arc<Self> {
        Arc::new(Self {
            has: Mutex::new(Ok(token)),
            asked: AtomicUsize::new(0),
        })
    }

    fn now_has(&self, token: &'static str) {
        *self.has.lock().unwrap() = Ok(token);
    }

    fn has_none(&self, may_pass: bool) {
        *self.has.lock().unwrap() = Err(NoToken {
            reason: "the session of jo@shop.example has ended".to_owned(),
            hint: "sign in".to_owned(),
            may_pass,
        });
    }
}

#[async_trait]
impl Tokens for Desk {
    async fn token(&self) -> Result<SecretString, NoToken> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.has.lock().unwrap().clone().map(SecretString::from)
    }
}

fn address(server: String, authorities: Vec<String>) -> Address {
    Address {
        name: "prod".to_owned(),
        server,
        authorities,
        namespace: "shop".to_owned(),
    }
}

/// A context at the world's own port, without TLS: it is on this machine.
fn here(world: &World, desk: &Arc<Desk>) -> Context {
    let server = format!("http://127.0.0.1:{}", world.port());
    Context::at(&address(server, Vec::new()), desk.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_asks_for_a_token_and_carries_the_one_of_that_moment() {
    let world = World::new();
    world.responder.put(PODS, pod("shop", "api-1"));
    let authority = authority("kubernetes");
    let port = serve(&world, &authority, |_| {}).await;
    let desk = Desk::with("first");
    let at = address(format!("https://127.0.0.1:{port}"), vec![authority.pem()]);
    let context = Context::at(&at, desk.clone()).unwrap();
    let mut options = quick();
    options.heartbeat = Duration::from_millis(50);
    let cluster = Cluster::start(&context, options);
    cluster.settled().await;
    let facts = until(&cluster, "answering", |f| f.reach == Reach::Answering).await;
    assert_eq!(facts.pods.len(), 1);
    let bearers = world.responder.bearers();
    assert!(bearers.len() > 20 && bearers.iter().all(|one| one == "first"));
    assert!(desk.asked.load(Ordering::SeqCst) >= bearers.len());

    // The token is another one now, and the old one is worth nothing: no connection is made anew for that.
    desk.now_has("second");
    tokio::time::sleep(Duration::from_millis(200)).await;
    world
        .responder
        .behave(|b| b.accepts = Some("second".to_owned()));
    let before = world.responder.bearers().len();
    let began = Instant::now();
    while world.responder.bearers().len() < before + 3 {
        assert!(began.elapsed() < SOON, "nothing is asked any more");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after = world.responder.bearers().split_off(before);
    assert!(after.iter().all(|one| one == "second"), "{after:?}");
    assert_eq!(cluster.facts().borrow().reach, Reach::Answering);
    let object = api::ObjectRef::new("prod", "Pod", "shop", "api-1");
    assert!(cluster.read(&object).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_said_the_token_it_was_sent_had_it_shown() {
    let world = World::new();
    for rule in ["list pods", "list pods shop"] {
        world
            .responder
            .behave(|b| _ = b.denied.insert(rule.to_owned()));
    }
    // A token that looks like any word, and which this server says whoever asks.
    let desk = Desk::with("forbidden");
    let cluster = Cluster::start(&here(&world, &desk), quick());
    let facts = until(&cluster, "denied", |f| {
        matches!(f.coverage(Kind::Pod, "shop"), Coverage::Denied { .. })
    })
    .await;
    let Coverage::Denied { message } = facts.coverage(Kind::Pod, "shop") else {
        panic!()
    };
    assert_eq!(
        message,
        "pods is (hidden): User \"jo\" cannot list resource \"pods\""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_a_stated_failure_and_a_new_one_is_found() {
    let world = World::new();
    let desk = Desk::with("t");
    desk.has_none(false);
    let cluster = Cluster::start(&here(&world, &desk), quick());
    cluster.settled().await;
    let connection = until_connection(&cluster, "sign in", |c| {
        matches!(c.state, ConnectionState::Denied { .. })
    })
    .await;
    assert_eq!(
        connection.state,
        ConnectionState::Denied {
            verb: "sign in".to_owned(),
            resource: "the session of jo@shop.example has ended (sign in)".to_owned(),
        }
    );
    assert!(
        world.responder.requests().is_empty(),
        "nothing is sent without a token"
    );
    desk.now_has("t");
    cluster.try_now();
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;

    // It ends while the cluster is read: what was seen stays.
    world.responder.put(PODS, pod("shop", "api-1"));
    until(&cluster, "the pod", |f| f.pods.len() == 1).await;
    desk.has_none(false);
    cluster.try_now();
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert_eq!(facts.pods.len(), 1);
    desk.now_has("t");
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_no_reason_to_sign_in() {
    let world = World::new();
    let desk = Desk::with("t");
    desk.has_none(true);
    let cluster = Cluster::start(&here(&world, &desk), quick());
    cluster.settled().await;
    let facts = until(&cluster, "unreachable", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    assert!(matches!(
        facts.coverage(Kind::Pod, "shop"),
        Coverage::Unreachable { .. }
    ));
    let state = cluster.connection().borrow().state.clone();
    assert_eq!(
        state,
        ConnectionState::NotAsked {
            why: "the session of jo@shop.example has ended (sign in)".to_owned(),
        }
    );
    desk.now_has("t");
    // Nobody asks for it: it is tried again soon by itself.
    until(&cluster, "back", |f| f.reach == Reach::Answering).await;
}

/// Who never comes back with a token.
struct Asleep;

#[async_trait]
impl Tokens for Asleep {
    async fn token(&self) -> Result<SecretString, NoToken> {
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_hangs_is_not_taken_for_the_cluster() {
    let world = World::new();
    let server = format!("http://127.0.0.1:{}", world.port());
    let context = Context::at(&address(server, Vec::new()), Arc::new(Asleep)).unwrap();
    let mut options = quick();
    options.answer_within = Duration::from_millis(200);
    let cluster = Cluster::start(&context, options);
    let facts = until(&cluster, "unreachable", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    let Reach::Unreachable { error } = &facts.reach else {
        panic!()
    };
    assert_eq!(
        error,
        "it was not asked: the sign-in has given no token yet"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_the_cluster_does_not_accept_is_said() {
    let world = World::new();
    world
        .responder
        .behave(|b| b.accepts = Some("another".to_owned()));
    let desk = Desk::with("t");
    let cluster = Cluster::start(&here(&world, &desk), quick());
    let connection = until_connection(&cluster, "sign in", |c| {
        matches!(c.state, ConnectionState::Denied { .. })
    })
    .await;
    let ConnectionState::Denied { verb, resource } = connection.state else {
        panic!()
    };
    assert_eq!(verb, "sign in");
    assert_eq!(
        resource,
        "the cluster does not accept the sign-in (401 Unauthorized) (does it trust the issuer?)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_gets_no_token() {
    let world = World::new();
    let port = serve(&world, &authority("kubernetes"), |_| {}).await;
    let server = format!("https://127.0.0.1:{port}");
    let desk = Desk::with("t");
    // Another authority, and none: then the system's own count, and this one is not among them.
    for authorities in [vec![authority("kubernetes").pem()], Vec::new()] {
        let context = Context::at(&address(server.clone(), authorities), desk.clone()).unwrap();
        let cluster = Cluster::start(&context, quick());
        let facts = until(&cluster, "unreachable", |f| {
            matches!(f.reach, Reach::Unreachable { .. })
        })
        .await;
        let Reach::Unreachable { error } = &facts.reach else {
            panic!()
        };
        assert_eq!(
            error,
            &format!(
                "the certificate of 127.0.0.1:{port} is signed by an authority that is not trusted (are the certificate authorities given for it the right ones?)"
            )
        );
    }
    assert!(world.responder.bearers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_carries_no_token_anywhere() {
    let (world, other) = (World::new(), World::new());
    let elsewhere = format!("http://127.0.0.1:{}", other.port());
    world.responder.behave(|b| b.redirects = Some(elsewhere));
    let desk = Desk::with("t");
    let cluster = Cluster::start(&here(&world, &desk), quick());
    let connection = until_connection(&cluster, "absent", |c| {
        matches!(c.state, ConnectionState::Absent { .. })
    })
    .await;
    let ConnectionState::Absent { what } = connection.state else {
        panic!()
    };
    assert!(what.contains("is no Kubernetes API"), "{what}");
    assert!(what.ends_with("(is the address right?)"), "{what}");
    assert!(!world.responder.requests().is_empty());
    assert!(other.responder.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_in_no_log_and_no_debug_output() {
    const TOKEN: &str = "topsecret-7f3a";
    listen();
    let world = World::new();
    let desk = Desk::with(TOKEN);
    let context = here(&world, &desk);
    let cluster = Cluster::start(&context, quick());
    cluster.settled().await;
    world.responder.behave(|b| b.unauthorized = true);
    cluster.try_now();
    until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    assert!(world.responder.bearers().contains(&TOKEN.to_owned()));
    let connection = cluster.connection().borrow().clone();
    let facts = cluster.facts().borrow().clone();
    let told = format!("{context:?} {connection:?} {facts:?}");
    assert!(!told.contains(TOKEN), "{told}");
    let lines = logged();
    assert!(lines.contains("requesting"), "the log is heard: {lines}");
    assert!(!lines.contains(TOKEN));
}
