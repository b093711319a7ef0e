//! Which rights we have: asked seldom, told row by row, and never guessed.

use std::time::Duration;

use api::Connection;
use api::connection::{Held, Right};
use cluster::Cluster;
use serde_json::{Value, json};

use crate::tls::{authority, serve_to, signed};
use crate::world::{NAMESPACES, World, quick, until_connection};

const REVIEWS: &str = "/selfsubjectaccessreviews";

fn asked(world: &World) -> usize {
    let requests = world.responder.requests();
    requests.iter().filter(|one| one.contains(REVIEWS)).count()
}

async fn known(cluster: &Cluster) -> Connection {
    cluster.want_rights();
    until_connection(cluster, "the rights", |c| !c.rights.is_empty()).await
}

/// What a namespace's rules review answers to whoever may do this much with pods there, and nothing else.
fn pods(verbs: &[&str], is_incomplete: bool) -> Value {
    json!({"incomplete": is_incomplete, "resourceRules": [
        {"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}]})
}

fn row<'c>(connection: &'c Connection, name: &str) -> &'c Right {
    let row = connection.rights.iter().find(|right| right.name == name);
    row.unwrap_or_else(|| panic!("no {name} in {:#?}", connection.rights))
}

/// What a row is worth in requests: one for each verb, unless the kind is not there.
fn worth(connection: &Connection) -> usize {
    let of_use = connection.rights.iter();
    let of_use = of_use.filter(|right| !matches!(right.held, Held::NotNeeded { .. }));
    of_use.map(|right| right.verbs.len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_asked_for_once_and_not_before_somebody_looks() {
    let mut world = World::new();
    let cluster = world.cluster_with(|o| o.heartbeat = Duration::from_millis(20));
    cluster.settled().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(asked(&world), 0, "nobody looks");
    assert!(cluster.rights_are_due());

    let connection = known(&cluster).await;
    let once = worth(&connection);
    assert_eq!(asked(&world), once);
    // Twelve kinds of Kubernetes' own, Kustomizations and logs; of the rest nothing is installed.
    assert_eq!(connection.rights.len(), 25);
    assert_eq!(connection.rights_held(), (13, 13));
    assert_eq!(connection.rights_amiss().count(), 0);
    assert!(connection.granted_by.is_empty());
    assert!(matches!(
        &row(&connection, "canaries.flagger.app").held,
        Held::NotNeeded { why } if why == "not installed here"
    ));
    assert!(!cluster.rights_are_due());

    // Many heartbeats, a server that is gone for a while, whoever looks again: it is asked no second time.
    world.off();
    until_connection(&cluster, "gone", |c| {
        matches!(c.state, api::ConnectionState::Degraded { .. })
    })
    .await;
    world.on();
    until_connection(&cluster, "back", |c| {
        !matches!(c.state, api::ConnectionState::Degraded { .. })
    })
    .await;
    cluster.want_rights();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(asked(&world), once);

    // Somebody else is signed in, or wants to know.
    world.responder.behave(|b| {
        b.may_not.insert("watch pods".to_owned());
        b.rules
            .insert("shop".to_owned(), pods(&["get", "list"], false));
    });
    cluster.ask_rights_anew();
    let connection = until_connection(&cluster, "asked anew", |c| c.rights_held().0 == 12).await;
    assert_eq!(asked(&world), 2 * once);
    let missing: Vec<&Right> = connection.rights_amiss().collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].name, "pods");
    assert_eq!(missing[0].held.words(), "missing: may not watch");
    assert_eq!(
        missing[0].without,
        "what really runs, and so whether anything is deployed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_asked_for_again_after_a_while() {
    let world = World::new();
    let cluster = world.cluster_with(|o| o.rights_every = Duration::from_millis(300));
    let connection = known(&cluster).await;
    world.responder.behave(|b| {
        b.may_not.insert("get pods/log".to_owned());
        b.rules.insert("shop".to_owned(), pods(&["get"], false));
    });
    let connection = until_connection(&cluster, "asked again", |c| {
        c.rights_amiss().count() == 1 && c.name == connection.name
    })
    .await;
    assert_eq!(
        row(&connection, "pods/log").held.words(),
        "missing: may not get"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_is_refused_or_makes_no_sense_is_no_no() {
    let refused =
        "selfsubjectaccessreviews.authorization.k8s.io is forbidden: User \"\u{1b}[31mjo\"";
    let cases = [
        (403, refused, "answers no access reviews"),
        (
            404,
            "the server could not find the requested resource",
            "answers no access reviews",
        ),
        (500, "etcd is away", "answers no access reviews"),
        (
            200,
            "<html>Please sign in to the guest network</html>",
            "makes no sense",
        ),
        (
            200,
            "{\"status\":{\"allowed\":false,\"evaluationError\":\"no webhook\"}}",
            "could not decide: no webhook",
        ),
    ];
    for (code, said, words) in cases {
        let world = World::new();
        world
            .responder
            .put(NAMESPACES, json!({"metadata": {"name": "bank"}}));
        world
            .responder
            .behave(|b| b.reviews = Some((code, said.to_owned())));
        let connection = known(&world.cluster()).await;
        for right in &connection.rights {
            match &right.held {
                Held::NotNeeded { .. } => {}
                Held::Unknown { why } => {
                    assert!(why.contains(words), "{code} {why}");
                    assert!(!why.contains('\u{1b}'), "{why:?}");
                }
                held => panic!("{code}: {} is {held:?}", right.name),
            }
        }
        assert_eq!(connection.rights_held(), (0, 13), "{code}");
        if matches!(code, 403 | 404) {
            assert!(
                asked(&world) <= 8,
                "one refusal is all of them: {}",
                asked(&world)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_done_in_some_namespaces_alone_is_said_so() {
    let world = World::new();
    world
        .responder
        .put(NAMESPACES, json!({"metadata": {"name": "bank"}}));
    world.responder.behave(|b| {
        for verb in ["get", "list", "watch"] {
            b.may_not.insert(format!("{verb} pods"));
            b.may_not.insert(format!("{verb} nodes"));
        }
        b.may_not.insert("list services".to_owned());
        b.rules
            .insert("shop".to_owned(), pods(&["get", "list", "watch"], false));
        b.rules.insert("bank".to_owned(), pods(&["list"], false));
    });
    let connection = known(&world.cluster()).await;
    let held = |name: &str| row(&connection, name).held.words();
    assert_eq!(held("pods"), "only in shop");
    assert_eq!(held("nodes"), "missing: may not get, list, watch");
    assert_eq!(held("services"), "missing: may not list");
    assert_eq!(connection.rights_held(), (10, 13));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_namespaces_rules_do_not_tell_is_not_said_to_be_missing() {
    let unlisted = "the cluster does not list all that may be done in";
    let (everything, nothing) = (["get", "list", "watch"], ["create"]);
    // Each namespace's answer; none is a 404.
    let cases = [
        (
            [None, None],
            format!(
                "refused in all namespaces at once, and {unlisted} shop and in another namespace"
            ),
        ),
        (
            [Some(pods(&nothing, true)), Some(pods(&nothing, false))],
            format!("refused in all namespaces at once, and {unlisted} bank"),
        ),
        (
            [Some(pods(&nothing, true)), Some(pods(&everything, true))],
            format!("held in shop, and {unlisted} bank"),
        ),
    ];
    for (answers, why) in cases {
        let world = World::new();
        world
            .responder
            .put(NAMESPACES, json!({"metadata": {"name": "bank"}}));
        world.responder.behave(|b| {
            for verb in everything {
                b.may_not.insert(format!("{verb} pods"));
                b.may_not.insert(format!("{verb} nodes"));
            }
            for (name, rules) in ["bank", "shop"].into_iter().zip(answers) {
                b.rules.extend(rules.map(|rules| (name.to_owned(), rules)));
            }
        });
        let connection = known(&world.cluster()).await;
        let held = |name: &str| row(&connection, name).held.words();
        assert_eq!(held("pods"), format!("cannot tell: {why}"));
        // What lies in no namespace, no namespace's rules can tell.
        assert_eq!(held("nodes"), "missing: may not get, list, watch");
        assert_eq!(connection.rights_held(), (11, 13));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_out_is_told_of_no_rights() {
    let world = World::new();
    let cluster = world.cluster_with(|o| o.heartbeat = Duration::from_millis(50));
    known(&cluster).await;
    world.responder.behave(|b| b.unauthorized = true);
    until_connection(&cluster, "signed out", |c| c.rights.is_empty()).await;
    // Another connection is another person's, for all we know.
    world.responder.behave(|b| b.unauthorized = false);
    let before = asked(&world);
    let connection = known(&cluster).await;
    assert_eq!(asked(&world), before + worth(&connection));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_says_until_when() {
    let world = World::new();
    let people = authority("people");
    let (certificate, key) = signed(&people);
    let port = serve_to(&world, &people).await;
    let (certificate, key) = (
        world.file("jo.crt", &certificate),
        world.file("jo.key", &key),
    );
    let context = world.context_of(
        &format!("{{server: 'https://127.0.0.1:{port}', insecure-skip-tls-verify: true}}"),
        &format!(
            "{{client-certificate: '{}', client-key: '{}'}}",
            certificate.display(),
            key.display()
        ),
    );
    let cluster = Cluster::start(&context, quick());
    known(&cluster).await;
    // What rcgen gives to whoever says nothing of it.
    assert_eq!(
        cluster.until().map(|end| end.to_string()).as_deref(),
        Some("4096-01-01T00:00:00Z")
    );
    let without = World::new().cluster();
    assert_eq!(without.until(), None);
}
