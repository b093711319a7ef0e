//! Tests only: sentences that a sceptical reader found to be false. Each test is named after what was wrongly said.

use facts::kubernetes::Edited;

use super::*;
use crate::trials::ask;

fn headline(world: &World, journey: &Journey) -> String {
    read_aloud(world, &journey.headline)
}

fn in_production(world: &World) -> Journey {
    prod(world, 4)
}

fn causes(journey: &Journey) -> Vec<&str> {
    journey
        .other_causes
        .iter()
        .map(|cause| cause.code.as_str())
        .collect()
}

/// Commit 4 runs on two pods, and a newer template of the same image has one more, which crashes.
fn newer_template_crashes() -> World {
    let mut world = delivered();
    let exit = ended(&world, "Error", "", 1);
    world.template(APP, PROD, 5, 27);
    world.one_pod(APP, PROD, |pod| {
        let hash = crate::world::company::objects::hash(APP, 5);
        pod.meta.name = format!("{APP}-{hash}-0");
        pod.meta.owners[0].name = format!("{APP}-{hash}");
        pod.meta.labels.insert("pod-template-hash".to_owned(), hash);
        pod.containers[0].restarts = 3;
        pod.containers[0].state = waiting("CrashLoopBackOff", "");
        pod.containers[0].last = Some(exit);
    });
    workload(&mut world, |one| {
        one.containers = crate::world::company::objects::containers(APP, 4);
    });
    world
}

#[test]
fn not_in_production_though_older_pods_run_it() {
    let world = newer_template_crashes();
    let journey = in_production(&world);
    let running = journey.running.as_ref().unwrap();
    assert_eq!(running.commit.as_ref().unwrap().sha, sha(APP, 4));
    assert_eq!((journey.state, running.ready), (State::Blocked, 2));
    let said = headline(&world, &journey);
    assert!(
        said.contains("runs in production on older pods, but container checkout of Pod"),
        "{said}"
    );
    // An older commit runs there as a part of it; a newer one does not run at all.
    let older = headline(&world, &prod(&world, 3));
    let part = format!(
        "runs in production as part of {} on older pods, but",
        &sha(APP, 4)[..7]
    );
    assert!(older.contains(&part), "{older}");
    let newer = headline(&pod(|_| {}), &in_production(&pod(|_| {})));
    assert!(newer.contains("is not in production"), "{newer}");
}

#[test]
fn not_in_production_though_paused_with_it_on_most_pods() {
    let mut world = delivered();
    workload(&mut world, |one| {
        (one.wanted, one.total) = (3, 3);
        one.paused = true;
    });
    let journey = in_production(&world);
    let said = headline(&world, &journey);
    assert_eq!(journey.state, State::Blocked, "{said}");
    assert!(
        said.contains("runs in production on 2 of 3 pods, but Deployment shop/checkout is paused"),
        "{said}"
    );
}

#[test]
fn not_in_production_yet_though_it_runs_while_it_rolls_out() {
    let mut world = delivered();
    workload(&mut world, |one| (one.wanted, one.total) = (3, 3));
    let journey = in_production(&world);
    let said = headline(&world, &journey);
    assert_eq!(journey.state, State::Moving, "{said}");
    assert!(
        said.contains(
            "runs in production on 2 of 3 pods, and Deployment shop/checkout is rolling out"
        ),
        "{said}"
    );
}

#[test]
fn a_reverted_commit_is_not_said_to_run_as_part_of_its_revert() {
    let mut world = newer_template_crashes();
    revert(&mut world, 3, 4);
    let said = headline(&world, &prod(&world, 3));
    assert!(!said.contains("runs in production as part"), "{said}");
}

/// A pull request changes the image's line in production to what it declares.
fn promotes(number: u32) -> World {
    let mut world = pushed();
    let mut pull = pull(&world, PullState::Open { draft: false });
    pull.title = "Promote checkout".to_owned();
    pull.files = vec![format!("{}/kustomization.yaml", path(APP, PROD))];
    world.declare_on(&pull.head, PROD, number);
    world.repo(FLEET).open_pulls = vec![pull];
    world
}

#[test]
fn a_pull_request_that_promotes_something_older_waits_to_be_merged() {
    let world = promotes(3);
    let journey = in_production(&world);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(cause.code, "release-needs-promotion", "{journey:#?}");
    let said = notes(&world, &journey);
    assert!(said.contains("does not bring this commit"), "{said}");
    let newer = in_production(&promotes(4));
    assert_eq!(newer.cause.unwrap().code, "release-pull-request-open");
}

#[test]
fn a_pull_request_whose_branch_is_not_read_waits_to_be_merged() {
    let mut world = promotes(4);
    let asked = ask(&sha(APP, 4));
    let mut facts = world.facts.clone();
    let of_branch = |want: &facts::Want| matches!(want, facts::Want::Declared { branch, .. } if branch == "retry-capture");
    loop {
        let evaluation = crate::answer(&facts, &asked, world.now);
        let journey = evaluation.answer.unwrap().journeys;
        let in_production = journey.iter().find(|one| one.cluster == PROD);
        let named = in_production.and_then(|one| one.cause.as_ref());
        assert!(named.is_none_or(|cause| cause.object.kind != "PullRequest"));
        let next: Vec<_> = evaluation
            .wants
            .iter()
            .filter(|want| !of_branch(want))
            .collect();
        if next.is_empty() {
            assert!(in_production.unwrap().pending, "waits for the branch");
            break;
        }
        for want in next {
            facts.absorb(world.find(want));
        }
    }
    // A branch that no repository here has may bring it or not: that is said, and nobody is sent to merge it.
    world
        .repo(FLEET)
        .declared
        .retain(|(branch, _), _| branch == "main");
    let journey = in_production(&world);
    assert_eq!(
        journey.cause.as_ref().unwrap().code,
        "release-needs-promotion"
    );
    assert!(notes(&world, &journey).contains("is not known"));
}

#[test]
fn a_forks_pull_request_was_read_on_our_branch_of_that_name() {
    let forked = |fork: Option<&str>, number| {
        let mut world = promotes(number);
        let pull = &mut world.repo(FLEET).open_pulls[0];
        pull.head_of = HeadOf::Fork(fork.map(str::to_owned));
        world
    };
    // Whether our branch of that name has the commit or something older: it is not the fork's.
    for number in [3, 4] {
        for (fork, why) in [
            (
                Some("alice/fleet"),
                "is in fork alice/fleet, which is not read",
            ),
            (None, "is in a fork that the code host does not name"),
        ] {
            let world = forked(fork, number);
            let journey = in_production(&world);
            let said = notes(&world, &journey);
            assert_eq!(
                journey.cause.as_ref().unwrap().code,
                "release-needs-promotion",
                "{said}"
            );
            assert!(
                said.contains("whether it brings this commit is not known: ") && said.contains(why),
                "{said}"
            );
        }
    }
}

#[test]
fn a_forks_pull_request_was_taken_for_the_automations_own() {
    let mut world = pushed();
    world.automate(APP);
    world.edit(DEV, |facts| {
        facts.image_automations.change(|one| {
            one.push_branch = Some("flux-bumps".to_owned());
        });
    });
    world.declare_on("flux-bumps", DEV, 4);
    let mut pull = pull(&world, PullState::Open { draft: false });
    pull.head = "flux-bumps".to_owned();
    world.repo(FLEET).open_pulls = vec![pull];
    let code = |world: &World| one(world, &sha(APP, 4), APP, DEV).cause.unwrap().code;
    assert_eq!(code(&world), "release-pull-request-open");
    world.repo(FLEET).open_pulls[0].head_of = HeadOf::Fork(Some("alice/fleet".to_owned()));
    assert_eq!(code(&world), "release-on-unmerged-branch");
}

#[test]
fn an_automations_branch_that_has_something_older_waits_to_be_merged() {
    let mut world = pushed();
    world.edit(DEV, |facts| {
        let name = key("flux-system", APP);
        let scanned = facts.image_repositories.get_mut(&name).unwrap();
        scanned.latest_tags.insert(0, tag(APP, 4));
        facts.image_policies.get_mut(&name).unwrap().latest_tag = Some(tag(APP, 4));
        facts.image_automations.change(|one| {
            one.push_branch = Some("flux-bumps".to_owned());
        });
    });
    world.declare_on("flux-bumps", DEV, 3);
    let journey = one(&world, &sha(APP, 4), APP, DEV);
    assert_eq!(journey.cause.unwrap().code, "release-automation-pending");
    world.declare_on("flux-bumps", DEV, 4);
    let journey = one(&world, &sha(APP, 4), APP, DEV);
    assert_eq!(journey.cause.unwrap().code, "release-on-unmerged-branch");
}

/// The Kustomization fails at what it attempted first so many minutes ago, and last a minute ago.
fn fails_since(minutes: i64) -> World {
    let reason = "ReconciliationFailed";
    let mut world = attempted(reason, "the flux capacitor is empty");
    let (first, last) = (world.ago(minutes), world.ago(1));
    world.kustomization(PROD, APP, |one| {
        let mut failing = one.history[0].clone();
        failing.digest = "sha256:failing".to_owned();
        failing.revision = Some(revision(3));
        failing.status = reason.to_owned();
        (failing.first, failing.last) = (Some(first), Some(last));
        one.history.insert(0, failing);
        one.conditions[0].since = Some(last);
    });
    world
}

#[test]
fn failed_to_apply_a_minute_ago_though_it_fails_since_the_first_attempt() {
    let world = fails_since(25);
    let journey = in_production(&world);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(cause.since, Some(world.ago(25)), "{journey:#?}");
    assert!(headline(&world, &journey).contains("failed to apply 25 min ago"));
    let shown = journey.evidence.iter();
    let mut fields = shown.map(|line| line.field.as_str());
    assert!(fields.any(|field| field == "status.history[0].firstReconciled"));
    // The next attempt is counted from the last.
    let next = journey.next_attempt.unwrap().at.unwrap();
    assert_eq!(next, world.ago(-1));
}

#[test]
fn failed_to_apply_before_what_it_attempted_was_there() {
    // The same manifests are known for 300 minutes; the revision that is attempted was fetched 29 minutes ago.
    let world = fails_since(300);
    let since = in_production(&world).cause.unwrap().since;
    assert_eq!(since, Some(world.ago(29)));
    // What was applied once at this revision was fine then.
    let mut world = fails_since(25);
    world.kustomization(PROD, APP, |one| {
        one.applied = one.attempted.clone();
        one.history[0].status = "HealthCheckFailed".to_owned();
        one.conditions[0].reason = "HealthCheckFailed".to_owned();
    });
    let facts = &world.facts;
    let indexes = crate::index::Index::all(&facts.clusters);
    let trace = crate::trace::Trace::new(false);
    let view = crate::view::View::new(facts, &indexes, &trace, world.now, true);
    let place = view.places().find(|place| place.name == PROD).unwrap();
    let failing = place.kustomization(&key("flux-system", APP)).unwrap();
    let found = crate::root::own(place, failing, &failing.conditions[0]);
    assert_eq!(found.since, Some(world.ago(1)));
}

#[test]
fn blocked_since_the_last_of_many_restarts() {
    let mut world = applied();
    let exit = ended(&world, "OOMKilled", "", 137);
    world.one_pod(APP, PROD, |pod| {
        pod.containers[0].restarts = 23;
        pod.containers[0].state = waiting("CrashLoopBackOff", "");
        pod.containers[0].last = Some(exit);
    });
    let journey = in_production(&world);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(cause.code, "pods-out-of-memory");
    assert_eq!(cause.since, Some(world.ago(27)), "since it is not ready");
    assert!(headline(&world, &journey).contains("was killed 3 min ago"));
}

#[test]
fn a_commit_that_changes_nothing_has_another_cause() {
    let mut world = commits::monorepo(never_pushed());
    let touched = vec!["services/checkout/main.rs".to_owned()];
    world
        .repo(&source(APP))
        .touched
        .insert(sha(APP, 4), touched);
    let journey = one(&world, &sha(APP, 4), "cart", PROD);
    assert_eq!(journey.state, State::NotAffected, "{journey:#?}");
    assert_eq!(causes(&journey), Vec::<&str>::new(), "{journey:#?}");
}

#[test]
fn an_open_pull_request_has_an_image_that_was_never_pushed() {
    let mut world = in_pull(|_| PullState::Open { draft: false });
    let run = world.run(APP, 4, CiState::Succeeded, 34);
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    let journey = in_production(&world);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(cause.code, "commit-in-open-pull-request");
    assert_eq!(causes(&journey), Vec::<&str>::new(), "{journey:#?}");
    // A run that failed is one: it fails after the merge, too.
    let run = world.run(APP, 4, CiState::Failed, 34);
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    assert_eq!(causes(&in_production(&world)), ["build-failed"]);
}

#[test]
fn a_commit_of_the_branch_is_on_a_line_of_its_own() {
    // Commit 4 left the branch at 2 and is merged as 5, not built yet; 3 runs.
    let mut world = calm();
    let (two, three) = (sha(APP, 2), sha(APP, 3));
    world.commit(&source(APP), APP, 4, 41);
    world.commit(&source(APP), APP, 5, 30);
    let commits = &mut world.repo(&source(APP)).commits;
    commits.get_mut(&sha(APP, 4)).unwrap().parents = vec![two];
    commits.get_mut(&sha(APP, 5)).unwrap().parents = vec![three, sha(APP, 4)];
    let journey = in_production(&world);
    assert!(!journey.state.is_settled());
    let said = notes(&world, &journey);
    assert!(!said.contains("a line of its own"), "{said}");
    // What is not on the branch is on one.
    let repo = world.repo(&source(APP));
    repo.commits.get_mut(&sha(APP, 5)).unwrap().parents = vec![sha(APP, 4)];
    let said = notes(&world, &in_production(&world));
    assert!(said.contains("a line of its own"), "{said}");
}

#[test]
fn a_release_that_a_hand_changed_does_not_name_the_image_yet() {
    let mut world = delivered();
    let at = world.ago(2);
    world.template("search", PROD, 3, 2);
    world.edit(PROD, |facts| {
        let release = facts.helm_releases.get_mut(&key("shop", "search"));
        release.unwrap().edited = Some(Edited {
            manager: "kubectl-patch".to_owned(),
            at,
        });
    });
    let journey = one(&world, &sha("search", 4), "search", PROD);
    let said = headline(&world, &journey);
    let cause = journey.cause.as_ref().unwrap();
    assert_eq!(
        (
            journey.state,
            cause.code.as_str(),
            cause.object.kind.as_str()
        ),
        (State::Blocked, "rollout-drifted", "HelmRelease"),
        "{said}"
    );
    assert!(
        said.contains("was changed by hand, with kubectl-patch, 2 min ago"),
        "{said}"
    );
    // What the Kustomization has set back since is no hand's any more.
    let confirmed = world.ago(1);
    world.edit(PROD, |facts| {
        let above = facts.kustomizations.get_mut(&key("flux-system", "search"));
        above.unwrap().history[0].last = Some(confirmed);
    });
    let journey = one(&world, &sha("search", 4), "search", PROD);
    assert_eq!(journey.state, State::Moving, "{journey:#?}");
}

#[test]
fn revert_the_revert_though_that_is_done_already() {
    // 5 takes 4 back and runs; 6 takes 5 back and is not built.
    let mut world = delivered();
    world.commit(&source(APP), APP, 5, 20);
    revert(&mut world, 4, 5);
    world.build(APP, 5, 15);
    runs(&mut world, 5);
    let said = notes(&world, &in_production(&world));
    assert!(!said.contains("took that back"), "{said}");
    world.commit(&source(APP), APP, 6, 5);
    revert(&mut world, 5, 6);
    let journey = in_production(&world);
    assert_eq!(journey.state, State::Reverted, "{journey:#?}");
    let said = notes(&world, &journey);
    let expected = format!("{} by Mina Osei took that back", &sha(APP, 6)[..7]);
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_commit_of_another_repository_is_no_commit() {
    let world = delivered();
    let text = sha(APP, 4)[..7].to_owned();
    for narrowed in [
        api::Ask {
            app: Some("search".to_owned()),
            ..ask(&text)
        },
        api::Ask {
            repository: Some("shop/search".to_owned()),
            ..ask(&text)
        },
    ] {
        let error = world.answer(&narrowed).answer.unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "{text} is a commit of {}, not of {}.",
                source(APP),
                source("search")
            )
        );
        assert!(error.hint.contains("without --app"), "{}", error.hint);
    }
    // What is nowhere is still unknown.
    let nowhere = api::Ask {
        app: Some("search".to_owned()),
        ..ask("c0ffee1")
    };
    let error = world.answer(&nowhere).answer.unwrap_err();
    assert!(error.message.contains("is no commit"), "{}", error.message);
}
