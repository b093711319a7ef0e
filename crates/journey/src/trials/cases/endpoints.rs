//! Tests only: whose endpoints a Service has. Each is named after what was said.

use facts::ClusterFacts;
use facts::kubernetes::EndpointSlice;

use super::*;

/// Production's Kustomization applied a Service, and its slices are these: whether each has ports, its ready pods, and how
/// many are not ready.
fn sliced(slices: &[(bool, Vec<String>, u32)], change: impl FnOnce(&mut ClusterFacts)) -> World {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        let one = facts.kustomizations.get_mut(&key("flux-system", APP));
        one.unwrap()
            .inventory
            .push(reference("Service", "shop", APP));
        facts.services.get_mut(&key("shop", APP)).unwrap().has_ports = true;
        let old = facts.endpoint_slices.remove(&key("shop", "checkout-1"));
        let old: EndpointSlice = Arc::unwrap_or_clone(old.unwrap());
        for (number, (has_ports, pods, not_ready)) in slices.iter().enumerate() {
            let mut one = old.clone();
            one.meta.name = format!("checkout-{number}");
            one.has_ports = *has_ports;
            one.ready = u32::try_from(pods.len()).unwrap();
            one.not_ready = *not_ready;
            one.ready_pods.clone_from(pods);
            facts.endpoint_slices.insert(one.meta.key(), one);
        }
        change(facts);
    });
    world
}

fn ours() -> Vec<String> {
    [0, 1].map(|index| pod_name(APP, 4, index)).to_vec()
}

fn tills(count: u32) -> Vec<String> {
    (0..count).map(|one| format!("till-{one}")).collect()
}

fn unserved(world: &World, code: &str, words: &str) {
    let journey = prod(world, 4);
    let headline = read_aloud(world, &journey.headline);
    assert_eq!(journey.state, State::Blocked, "{headline}");
    assert_eq!(journey.cause.unwrap().code, code, "{headline}");
    assert!(headline.contains(words), "{headline}");
}

fn shown(world: &World) -> Vec<String> {
    let journey = prod(world, 4);
    let lines = journey.stages.iter().flat_map(|one| &one.evidence);
    let lines = lines.filter(|line| line.field == "endpoints");
    lines.map(|line| line.value.clone()).collect()
}

/// Pods of another workload whose labels our selector selects too.
fn with_workers(facts: &mut ClusterFacts) {
    for number in 0..2 {
        let pod = facts.pods.get(&key("shop", &pod_name(APP, 4, 0)));
        let mut pod = pod.unwrap().clone();
        pod.meta.name = format!("checkout-worker-{number}");
        pod.meta.uid.clone_from(&pod.meta.name);
        pod.meta.owners[0].name = "checkout-worker-77".to_owned();
        let labels = &mut pod.meta.labels;
        labels.insert("component".to_owned(), "worker".to_owned());
        labels.insert("pod-template-hash".to_owned(), "77".to_owned());
        facts.pods.insert(pod.meta.key(), pod);
    }
}

#[test]
fn pods_of_another_workload_that_the_selector_selects_passed_for_ours() {
    let workers = || {
        vec![
            "checkout-worker-0".to_owned(),
            "checkout-worker-1".to_owned(),
        ]
    };
    let alone = sliced(&[(true, workers(), 0)], with_workers);
    unserved(
        &alone,
        "serving-no-endpoint",
        "sends its traffic to other pods, and to none of these",
    );
    let beside = sliced(&[(true, workers(), 0), (false, ours(), 0)], with_workers);
    unserved(
        &beside,
        "serving-port-missing",
        "sends to a port that these pods do not have",
    );
}

#[test]
fn our_own_pod_that_is_going_passed_for_anothers() {
    let going = "checkout-going".to_owned();
    let all = ours().into_iter().chain([going.clone()]).collect();
    let world = sliced(&[(true, all, 0)], |facts| {
        let pod = facts.pods.get(&key("shop", &pod_name(APP, 4, 0)));
        let mut pod = pod.unwrap().clone();
        pod.meta.name.clone_from(&going);
        pod.meta.uid = going;
        pod.meta.deleting = pod.meta.created;
        facts.pods.insert(pod.meta.key(), pod);
    });
    assert_eq!(shown(&world), ["3 ready, 0 not ready"]);
}

#[test]
fn a_port_that_others_lack_was_said_to_be_missing() {
    let others = sliced(&[(false, tills(2), 0)], |_| {});
    unserved(&others, "serving-no-endpoint", "has no ready endpoint");
    let unready = sliced(&[(true, vec![], 2), (false, tills(2), 0)], |_| {});
    unserved(&unready, "serving-no-endpoint", "has no ready endpoint");
    let ours = sliced(&[(true, tills(2), 0), (false, ours(), 0)], |_| {});
    unserved(&ours, "serving-port-missing", "these pods do not have");
}

#[test]
fn a_pod_in_two_slices_was_counted_twice() {
    let both = || ours().into_iter().chain(tills(60)).collect();
    let dual = sliced(&[(true, both(), 0), (true, both(), 0)], |_| {});
    assert_eq!(shown(&dual), ["2 ready, 0 not ready, 60 of other pods"]);
    let again = sliced(
        &[(true, ours(), 0), (true, ours()[..1].to_vec(), 0)],
        |_| {},
    );
    assert_eq!(shown(&again), ["2 ready, 0 not ready"]);
}

#[test]
fn a_service_without_a_selector_whose_endpoints_are_ours_was_said_to_send_nothing() {
    let world = sliced(&[(true, ours(), 0)], |facts| {
        let service = facts.services.get_mut(&key("shop", APP));
        service.unwrap().selector.clear();
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed);
    assert!(notes(&world, &journey).contains("has no selector"));
}

#[test]
fn the_advice_for_an_external_name_was_to_give_it_a_selector_it_has() {
    let world = sliced(&[(true, ours(), 0)], |facts| {
        let service = facts.services.get_mut(&key("shop", APP));
        service.unwrap().external_name = true;
    });
    unserved(&world, "serving-no-selector", "is an ExternalName");
    let remedy = prod(&world, 4).cause.unwrap().remedy;
    assert!(remedy.contains("not of the type ExternalName"), "{remedy}");
}
