//! Tests only: what proves that a commit runs, and what does not.

use super::*;

/// The first of the app's pods.
fn first_pod(facts: &mut facts::ClusterFacts) -> &mut facts::kubernetes::Pod {
    let ours = |pod: &&facts::kubernetes::Pod| pod.meta.label("app") == Some(APP);
    let key = facts.pods.values().find(ours).unwrap().meta.key();
    facts.pods.get_mut(&key).unwrap()
}

#[test]
fn a_tag_that_moved_after_the_pull_changes_nothing_about_what_runs() {
    let mut world = delivered();
    let older = digest(APP, 2);
    world
        .tags
        .get_mut(&image(APP))
        .unwrap()
        .insert(tag(APP, 4), older);
    assert_eq!(prod(&world, 4).state, State::Deployed);
}

#[test]
fn a_pod_that_reports_one_platform_of_an_index_is_proven_by_the_index() {
    let mut world = delivered();
    let child = digest("a platform", 1);
    let index = (image(APP), digest(APP, 4));
    world
        .images
        .get_mut(&index)
        .unwrap()
        .children
        .push(child.clone());
    let mut bare = world.images[&index].clone();
    (bare.digest, bare.source, bare.revision) = (child.clone(), None, None);
    world.images.insert((image(APP), child.clone()), bare);
    world.edit(PROD, |facts| {
        facts.pods.change(|pod| {
            if pod.meta.label("app") == Some(APP) {
                pod.containers[0].image_id = format!("{}@{child}", image(APP));
            }
        });
    });
    // The index is known because Git declares the tag that points to it.
    let state = prod(&world, 4).state;
    assert!(
        matches!(state, State::Deployed | State::Unknown),
        "{state:?}"
    );
    let mut facts = world.gathered(&ask(&sha(APP, 4))).0;
    facts.absorb(world.find(&facts::Want::Image {
        repository: image(APP),
        digest: digest(APP, 4),
    }));
    let answer = crate::answer(&facts, &ask(&sha(APP, 4)), world.now)
        .answer
        .unwrap();
    let journey = answer
        .journeys
        .into_iter()
        .find(|one| one.cluster == PROD)
        .unwrap();
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
}

#[test]
fn the_labels_of_a_base_image_prove_nothing() {
    let mut world = delivered();
    let index = (image(APP), digest(APP, 4));
    world.images.get_mut(&index).unwrap().source =
        Some("https://code.example/base/debian".to_owned());
    let states: Vec<State> = world
        .answer(&ask(&sha(APP, 4)))
        .answer
        .map(|answer| answer.journeys.into_iter().map(|one| one.state).collect())
        .unwrap_or_default();
    assert!(states.iter().all(|state| !state.is_settled()), "{states:?}");
}

#[test]
fn old_pods_that_still_run_keep_it_from_being_deployed() {
    let mut world = delivered();
    let mut old = calm();
    let mut pod = None;
    old.edit(PROD, |facts| {
        pod = facts
            .pods
            .values()
            .find(|pod| pod.meta.label("app") == Some(APP))
            .cloned()
    });
    let pod = pod.unwrap();
    world.edit(PROD, |facts| {
        facts.pods.insert(pod.meta.key(), pod);
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
}

#[test]
fn what_runs_is_never_mixed_with_the_fate_of_what_does_not() {
    let mut world = applied();
    world.one_pod(APP, PROD, |pod| {
        pod.containers[0].state = waiting("CrashLoopBackOff", "");
        pod.containers[0].last = Some(ContainerState::Terminated {
            reason: "Error".to_owned(),
            message: String::new(),
            exit_code: 1,
            finished: None,
        });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked);
    let running = journey.running.unwrap();
    assert_eq!(running.health, Health::Healthy);
    assert_eq!(running.commit.unwrap().sha, sha(APP, 3));
}

#[test]
fn a_health_check_that_failed_does_not_hide_that_the_app_is_live_and_ready() {
    let mut world = delivered();
    fail(
        &mut world,
        APP,
        "HealthCheckFailed",
        "timeout waiting for: [Job/shop/report status: 'InProgress']",
    );
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert!(
        notes(&world, &journey).contains("health check failed"),
        "{:?}",
        journey.notes
    );
}

#[test]
fn stateful_and_daemon_sets_are_proven_by_their_pods_too() {
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let mut world = delivered();
        as_kind(&mut world, kind);
        assert_eq!(prod(&world, 4).state, State::Deployed, "{kind:?}");
        world.edit(PROD, |facts| {
            let pod = first_pod(facts);
            pod.meta.labels.insert(
                "controller-revision-hash".to_owned(),
                "checkout-old".to_owned(),
            );
            pod.meta.created = Some(jiff::Timestamp::UNIX_EPOCH);
        });
        assert_eq!(prod(&world, 4).state, State::Moving, "{kind:?}");
    }
}

#[test]
fn a_forbidden_registry_never_proves_anything() {
    let mut world = delivered();
    let (_, found) = world.gathered(&ask(&sha(APP, 4)));
    let _ = found;
    for number in 1..=4 {
        world.deaf.insert(
            facts::Want::Image {
                repository: image(APP),
                digest: digest(APP, number),
            },
            Coverage::Denied {
                message: "401".to_owned(),
            },
        );
    }
    let answer = world.answer(&ask(APP)).answer.unwrap();
    assert_eq!(answer.journeys.len(), 2);
    for journey in &answer.journeys {
        assert_eq!(journey.state, State::Unknown);
        assert!(read_aloud(&world, &journey.headline).contains("401"));
    }
}

#[test]
fn a_rollback_that_uses_an_old_replica_set_again_is_not_as_old_as_that() {
    let mut world = delivered();
    let started = world.ago(1);
    let mine = |labels: &facts::Meta| labels.label("app") == Some(APP);
    world.edit(PROD, |facts| {
        // The ReplicaSet stays as old as it was: only the pods are new.
        facts.pods.change(|pod| {
            if mine(&pod.meta) {
                pod.meta.created = Some(started);
            }
        });
    });
    let journey = prod(&world, 4);
    assert_eq!(
        journey.running.and_then(|running| running.since),
        Some(started)
    );
    let said = journey.headline.0.iter().find_map(|span| match span {
        api::Span::Instant { at } => Some(*at),
        _ => None,
    });
    assert_eq!(said, Some(started), "{:?}", journey.headline);
}

#[test]
fn pods_of_two_builds_prove_only_what_all_of_them_have() {
    let mut world = delivered();
    world.commit(&source(APP), APP, 5, 3);
    world.publish(APP, 5, 3);
    world.edit(PROD, |facts| {
        first_pod(facts).containers[0].image_id = format!("{}@{}", image(APP), digest(APP, 5));
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
}

#[test]
fn a_pod_with_another_tag_is_not_said_to_run_the_same() {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        facts.pods.change(|pod| {
            if pod.meta.label("app") == Some(APP) {
                let status = &mut pod.containers[0];
                status.image_id = format!("{}@{}", image(APP), digest(APP, 3));
                status.image = format!("{}:other", image(APP));
            }
        });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    let said = read_aloud(&world, &journey.headline);
    assert!(said.contains("runs the tag other"), "{said}");
    assert!(!said.contains("same tag"), "{said}");
}

#[test]
fn a_readiness_gate_that_says_no_for_hours_is_no_start() {
    let mut world = delivered();
    let since = world.ago(300);
    world.edit(PROD, |facts| {
        facts
            .pods.change(|pod| { if pod.meta.label("app") == Some(APP) {
            pod.conditions = vec![condition(
                "Ready",
                Status::False,
                "ReadinessGatesNotReady",
                "corresponding condition of pod readiness gate \"target-health\" does not exist.",
                since,
            )];
        } });
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert!(read_aloud(&world, &journey.headline).contains("target-health"));
}

#[test]
fn pods_of_a_lost_node_were_said_to_be_starting() {
    let mut world = delivered();
    let since = world.ago(1);
    world.edit(PROD, |facts| {
        facts.pods.change(|pod| {
            if pod.meta.label("app") != Some(APP) {
                return;
            }
            pod.node = Some("node-1".to_owned());
            // Kubernetes leaves its containers as the kubelet told of them last.
            pod.conditions[0] = condition("Ready", Status::False, "", "", since);
        });
        let message = "Kubelet stopped posting node status.";
        let unknown = condition(
            "Ready",
            Status::Unknown,
            "NodeStatusUnknown",
            message,
            since,
        );
        let node = facts::kubernetes::Node {
            meta: facts::meta::Meta {
                name: "node-1".to_owned(),
                ..facts::meta::Meta::default()
            },
            architecture: "amd64".to_owned(),
            cordoned: false,
            conditions: vec![unknown],
        };
        facts.nodes.insert("node-1".to_owned(), node);
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.as_ref().unwrap().code, "pods-not-ready");
    let said = read_aloud(&world, &journey.headline);
    assert!(said.contains("its node node-1 is lost"), "{said}");
}

#[test]
fn a_readiness_gate_was_hidden_by_the_deadline_that_it_used_up() {
    let mut world = applied();
    let since = world.ago(0);
    world.one_pod(APP, PROD, |pod| {
        let message =
            "corresponding condition of pod readiness gate \"target-health\" does not exist.";
        pod.conditions[0] = condition(
            "Ready",
            Status::False,
            "ReadinessGatesNotReady",
            message,
            since,
        );
        pod.containers[0].ready = true;
    });
    assert_eq!(prod(&world, 4).state, State::Moving);
    workload(&mut world, |one| {
        let late = condition(
            "Progressing",
            Status::False,
            "ProgressDeadlineExceeded",
            "",
            since,
        );
        one.conditions = vec![late];
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.cause.unwrap().code, "pods-not-ready");
}

#[test]
fn an_image_set_by_hand_is_live_and_said_not_to_be_in_git() {
    let mut world = pushed();
    world.template(APP, PROD, 4, 20);
    world.roll(APP, PROD, 4, 20);
    let journey = prod(&world, 4);
    assert!(journey.state.is_settled(), "{journey:#?}");
    assert!(
        notes(&world, &journey).contains("Git does not declare it"),
        "{:?}",
        journey.notes
    );
}

#[test]
fn a_promoted_canary_is_proven_by_its_primary() {
    let mut world = canary("Succeeded");
    workload(&mut world, |target| target.wanted = 0);
    // What the primary runs is commit 3; the target of the Canary has no pods, and nobody misses them.
    assert_eq!(prod(&world, 3).state, State::Deployed);
    assert_ne!(prod(&world, 4).state, State::Deployed);
    assert_eq!(
        journeys(&world, &sha(APP, 4)).len(),
        2,
        "one journey a cluster: the primary is no app of its own"
    );
}

#[test]
fn a_primary_whose_canary_cannot_be_read_is_nobodys_to_promote() {
    let mut world = canary("Failed");
    let denied = Coverage::Denied {
        message: String::new(),
    };
    world.edit(PROD, |facts| {
        facts.canaries.retain(|_, _| false);
        let all = (Kind::Canary, facts::cluster::Scope::All);
        facts.coverage.insert(all, denied.clone());
    });
    let told = journeys(&world, &sha(APP, 4));
    let primary = told
        .iter()
        .find(|one| one.cluster == PROD && one.state == State::Unknown);
    assert!(primary.is_some(), "{told:#?}");
    assert!(
        told.iter()
            .all(|one| one.state != State::Deployed || one.cluster != PROD)
    );
}

#[test]
fn a_missing_secret_is_followed_to_what_should_write_it() {
    let mut world = pod(|pod| {
        pod.conditions.retain(|one| one.kind != "Ready");
        pod.containers[0].ready = false;
        pod.containers[0].state = waiting(
            "CreateContainerConfigError",
            "secret \"database\" not found",
        );
    });
    let since = world.ago(20);
    world.edit(PROD, |facts| {
        let secret = facts::others::ExternalSecret {
            meta: facts::Meta {
                namespace: "shop".to_owned(),
                name: "db".to_owned(),
                ..facts::Meta::default()
            },
            secret: "database".to_owned(),
            conditions: vec![condition(
                "Ready",
                Status::False,
                "SecretSyncedError",
                "permission denied",
                since,
            )],
        };
        facts.external_secrets.insert(secret.meta.key(), secret);
    });
    let cause = prod(&world, 4).cause.unwrap();
    assert_eq!(cause.code, "pods-config-missing");
    assert_eq!(
        (cause.object.kind.as_str(), cause.object.name.as_str()),
        ("ExternalSecret", "db")
    );
}

#[test]
fn an_image_that_the_registry_lost_is_not_called_unbuilt() {
    let mut world = pod(|pod| {
        pod.conditions.retain(|one| one.kind != "Ready");
        pod.containers[0].ready = false;
        pod.containers[0].image_id.clear();
        pod.containers[0].state = waiting("ImagePullBackOff", "not found");
    });
    world
        .tags
        .get_mut(&image(APP))
        .unwrap()
        .remove(&tag(APP, 4));
    world.images.remove(&(image(APP), digest(APP, 4)));
    world.repo(&source(APP)).ci.clear();
    let journey = prod(&world, 4);
    let code = journey.cause.as_ref().map(|cause| cause.code.as_str());
    assert_eq!(code, Some("pods-image-pull"), "{journey:#?}");
}

#[test]
fn a_template_that_fails_is_no_upgrade_under_way_however_often_helm_tries() {
    let says = "Helm upgrade failed for release shop/search with chart service@2.4.1: execution error at (service/templates/x.yaml:4:17): a host is needed";
    let world = helm(&[
        (
            "Reconciling",
            Status::True,
            "Progressing",
            "Running 'upgrade' action",
        ),
        ("Ready", Status::False, "UpgradeFailed", says),
        ("Released", Status::False, "UpgradeFailed", says),
    ]);
    let journey = one(&world, &sha("search", 4), "search", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "apply-helm-failed");
}

#[test]
fn a_rollout_was_over_while_an_old_pod_still_ran() {
    let mut world = delivered();
    let before = calm().facts.clusters[PROD].clone();
    let mut old = before.pods.values();
    let old = old.find(|pod| pod.meta.label("app") == Some(APP)).unwrap();
    world.edit(PROD, |facts| {
        facts.pods.insert(old.meta.key(), old.clone());
    });
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
    assert_eq!(journey.cause.unwrap().code, "rollout-running");
}
