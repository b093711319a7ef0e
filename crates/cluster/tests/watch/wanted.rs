//! A cluster that is read sparingly: pods by the selectors that are wanted, and all of them where many are.

use std::collections::BTreeMap;

use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Key, Kind, Reach, Selection};
use serde_json::{Value, json};

use crate::world::{PODS, World, pod, until};

fn selection(app: &str) -> Selection {
    Selection {
        namespace: "shop".to_owned(),
        labels: BTreeMap::from([("app".to_owned(), app.to_owned())]),
    }
}

fn pod_of(app: &str, name: &str) -> Value {
    let mut made = pod("shop", name);
    made["metadata"]["labels"] = json!({"app": app});
    made
}

fn is_known(facts: &ClusterFacts, app: &str) -> bool {
    [Kind::Pod, Kind::ReplicaSet]
        .iter()
        .all(|kind| facts.coverage_of(*kind, &selection(app)).is_whole())
}

/// What was asked of pods, lists and watches.
fn asked_of_pods(world: &World) -> Vec<String> {
    let requests = world.responder.requests();
    let of_pods = |one: &String| one.contains("/pods");
    requests.into_iter().filter(of_pods).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pods_that_are_wanted_are_read() {
    let world = World::new();
    world.responder.put(PODS, pod_of("till", "till-1"));
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    let cluster = world.cluster_with(|options| options.sparing = true);
    // Nobody wants any, and nobody waits for them.
    cluster.settled().await;
    let facts = cluster.facts().borrow().clone();
    assert!(!is_known(&facts, "checkout") && facts.pods.is_empty());
    assert_eq!(asked_of_pods(&world), [""; 0]);

    cluster.want([&selection("checkout")].into_iter());
    let facts = until(&cluster, "the pods of checkout", |f| {
        is_known(f, "checkout")
    })
    .await;
    let keys: Vec<&Key> = facts.pods.keys().collect();
    assert_eq!(keys, [&Key::new("shop", "checkout-1")]);
    assert!(!is_known(&facts, "till"));
    // And followed from then on: what comes, and what goes.
    world.responder.put(PODS, pod_of("checkout", "checkout-2"));
    world.responder.put(PODS, pod_of("till", "till-2"));
    until(&cluster, "a second pod", |f| f.pods.len() == 2).await;
    world.responder.delete(PODS, "shop", "checkout-1");
    until(&cluster, "the first is gone", |f| f.pods.len() == 1).await;
    let asked = asked_of_pods(&world);
    let is_selected = |one: &String| {
        one.starts_with("GET /api/v1/namespaces/shop/pods?")
            && one.contains("labelSelector=app%3Dcheckout")
    };
    assert!(asked.iter().all(is_selected), "{asked:?}");
    assert_eq!(asked.len(), 2, "one list and one watch: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_were_relisted_replace_those_of_their_selection_alone() {
    let world = World::new();
    world.responder.put(PODS, pod_of("till", "till-1"));
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    let cluster = world.cluster_with(|options| options.sparing = true);
    cluster.want([&selection("checkout"), &selection("till")].into_iter());
    until(&cluster, "both", |f| f.pods.len() == 2).await;
    // The watches end with 410 after this, and each selection is listed anew.
    world.responder.delete(PODS, "shop", "checkout-1");
    world.responder.compact();
    let facts = until(&cluster, "one is gone", |f| f.pods.len() == 1).await;
    assert!(facts.pods.contains_key(&Key::new("shop", "till-1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_many_are_wanted_all_are_read_at_once() {
    let world = World::new();
    for number in 0..60 {
        let app = format!("app-{number}");
        world.responder.put(PODS, pod_of(&app, &format!("{app}-1")));
    }
    let cluster = world.cluster_with(|options| options.sparing = true);
    let many: Vec<Selection> = (0..50).map(|n| selection(&format!("app-{n}"))).collect();
    cluster.want(many.iter());
    let facts = until(&cluster, "all pods", |f| {
        f.coverage(Kind::Pod, "shop").is_whole()
    })
    .await;
    assert_eq!(facts.pods.len(), 60);
    assert!(is_known(&facts, "app-7") && is_known(&facts, "app-59"));
    let lists = asked_of_pods(&world);
    let lists = lists.iter().filter(|one| !one.contains("watch=true"));
    assert_eq!(lists.collect::<Vec<_>>(), ["GET /api/v1/pods?limit=500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_of_a_selection_is_said_of_it() {
    let world = World::new();
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    world.responder.behave(|b| {
        b.denied.insert("list pods shop".into());
    });
    let cluster = world.cluster_with(|options| options.sparing = true);
    cluster.want([&selection("checkout")].into_iter());
    let denied = |f: &ClusterFacts| {
        let coverage = f.coverage_of(Kind::Pod, &selection("checkout"));
        matches!(coverage, Coverage::Denied { .. })
    };
    until(&cluster, "a refusal", denied).await;
    // Somebody grants it.
    world.responder.behave(|b| b.denied.clear());
    until(&cluster, "the pod", |f| {
        f.pods.len() == 1 && is_known(f, "checkout")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selections_that_nobody_followed_any_more_passed_for_whole() {
    let world = World::new();
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    world.responder.behave(|b| {
        b.denied.insert("list pods".into());
    });
    let cluster = world.cluster_with(|options| options.sparing = true);
    cluster.want([&selection("checkout")].into_iter());
    until(&cluster, "its pod", |f| is_known(f, "checkout")).await;
    // All are wanted, and all may not be read at once: each namespace is, and what is known is of that.
    cluster.want_all();
    let facts = until(&cluster, "the namespace", |f| {
        f.coverage(Kind::Pod, "shop").is_whole()
    })
    .await;
    assert!(facts.pods.contains_key(&Key::new("shop", "checkout-1")));
    let is_a_selection = |(_, scope): &(Kind, Scope)| matches!(scope, Scope::Selected(_));
    let pods = facts.coverage.keys().filter(|(kind, _)| *kind == Kind::Pod);
    assert_eq!(pods.filter(|one| is_a_selection(one)).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_nothing_more_was_read_of_what_was_wanted() {
    let mut world = World::new();
    world.responder.put(PODS, pod_of("till", "till-1"));
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    let cluster = world.cluster_with(|options| options.sparing = true);
    cluster.want([&selection("checkout")].into_iter());
    until(&cluster, "its pod", |f| is_known(f, "checkout")).await;
    world.off();
    until(&cluster, "it is lost", |f| {
        matches!(f.reach, Reach::Lost { .. })
    })
    .await;
    world.on();
    // What nobody asked yet is again a thing to want, and is read once it is.
    let not_asked =
        |f: &ClusterFacts| *f.coverage_of(Kind::Pod, &selection("till")) == Coverage::NotAsked;
    until(&cluster, "it is back", |f| {
        f.reach == Reach::Answering && not_asked(f)
    })
    .await;
    cluster.want([&selection("till")].into_iter());
    until(&cluster, "both", |f| {
        is_known(f, "till") && f.pods.len() == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_leaves_one_of_two_selections_was_taken_from_both() {
    let world = World::new();
    world.responder.put(PODS, pod_of("checkout", "checkout-1"));
    let cluster = world.cluster_with(|options| options.sparing = true);
    let other = Selection {
        namespace: "shop".to_owned(),
        labels: BTreeMap::from([("tier".to_owned(), "web".to_owned())]),
    };
    // One pod may be in both: so all are read, and no event of one selection is another's.
    cluster.want([&selection("checkout"), &other].into_iter());
    until(&cluster, "all pods", |f| {
        f.coverage(Kind::Pod, "shop").is_whole()
    })
    .await;
}
