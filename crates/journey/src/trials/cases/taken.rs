//! Tests only: what was said as if it were known, though what would have told otherwise could not be read. Found by taking
//! one thing after the other away from every recording (tests/prove/tests/taking.rs).

use api::error::Code;
use facts::cluster::Scope;

use super::*;

fn deny(world: &mut World, kind: Kind) {
    world.edit(PROD, |facts| {
        let message = "no".to_owned();
        let denied = Coverage::Denied { message };
        facts.coverage.insert((kind, Scope::All), denied);
        match kind {
            Kind::Node => facts.nodes.clear(),
            Kind::Pod => facts.pods.clear(),
            Kind::Event => facts.events.clear(),
            Kind::Canary => facts.canaries.clear(),
            Kind::ExternalSecret => facts.external_secrets.clear(),
            _ => facts.sources.retain(|(one, _), _| *one != kind),
        }
    });
}

fn refused(world: &World, text: &str) -> Code {
    world.answer(&ask(text)).answer.unwrap_err().code
}

#[test]
fn a_commit_of_a_repository_that_cannot_be_read_was_no_commit() {
    let mut world = delivered();
    let message = "no".to_owned();
    world.shut.insert(source(APP), Coverage::Denied { message });
    assert_eq!(refused(&world, &sha(APP, 4)), Code::Denied);
    assert_eq!(refused(&delivered(), &"9".repeat(40)), Code::UnknownAsk);
}

#[test]
fn a_commit_of_what_flux_follows_was_no_commit_where_sources_cannot_be_read() {
    let mut world = delivered();
    for (cluster, _) in crate::world::company::CLUSTERS {
        world.edit(cluster, |facts| {
            let message = "no".to_owned();
            let denied = Coverage::Denied { message };
            facts
                .coverage
                .insert((Kind::GitRepository, Scope::All), denied);
            facts
                .sources
                .retain(|(kind, _), _| *kind != Kind::GitRepository);
        });
    }
    let error = world.answer(&ask(&sha("fleet", 3))).answer.unwrap_err();
    assert_ne!(error.code, Code::UnknownAsk, "{error}");
    assert!(error.message.contains("GitRepository objects"), "{error}");
}

#[test]
fn a_primary_that_flagger_did_not_sign_was_somebodys_own_where_canaries_cannot_be_read() {
    let mut world = applied();
    world.edit(PROD, |facts| {
        let applied = facts
            .workloads
            .get(&(Kind::Deployment, key("shop", APP)))
            .unwrap()
            .clone();
        let mut primary = applied;
        primary.meta.name = format!("{APP}-primary");
        primary
            .meta
            .labels
            .retain(|name, _| !name.contains("toolkit.fluxcd.io"));
        facts
            .workloads
            .insert((Kind::Deployment, primary.meta.key()), primary);
    });
    deny(&mut world, Kind::Canary);
    let journeys = journeys(&world, &sha(APP, 4));
    for journey in journeys.iter().filter(|one| one.cluster == PROD) {
        assert_eq!(journey.state, State::Unknown, "{journey:#?}");
    }
}

#[test]
fn a_pod_whose_node_cannot_be_read_was_starting() {
    // Kubernetes takes only its Ready away when its node is lost: the rest is of before.
    let mut world = pod(|pod| {
        for one in &mut pod.conditions {
            if one.kind == "Ready" {
                one.status = Status::False;
                one.reason.clear();
            }
        }
        pod.containers[0].ready = true;
    });
    assert_eq!(one(&world, &sha(APP, 4), APP, PROD).state, State::Moving);
    deny(&mut world, Kind::Node);
    let journey = one(&world, &sha(APP, 4), APP, PROD);
    assert_eq!(journey.state, State::Unknown, "{journey:#?}");
}
