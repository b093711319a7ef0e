//! Tests only: which commit is judged where the newest one does not affect an app. Each is named after what was said.

use super::commits::monorepo;
use super::*;

fn touches(world: &mut World, number: u32, path: &str) {
    let touched = &mut world.repo(&source(APP)).touched;
    touched.insert(sha(APP, number), vec![path.to_owned()]);
}

/// These commits change only checkout's folder, and CI built them. What cart is built from, commit 3, runs everywhere.
fn only_checkout(world: &mut World, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        if number > 4 {
            world.commit(&source(APP), APP, number, 40 - i64::from(number));
            runs_in_ci(world, number, CiState::Succeeded);
        }
        touches(world, number, "services/checkout/main.rs");
    }
}

fn runs_in_ci(world: &mut World, number: u32, state: CiState) {
    let run = world.run(APP, number, state, 30 - i64::from(number));
    let ci = &mut world.repo(&source(APP)).ci;
    ci.insert(sha(APP, number), vec![run]);
}

/// What runs is what there is to run.
fn is_current(world: &World) {
    let journey = one(world, "", "cart", PROD);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert_eq!(journey.commit.unwrap().sha, sha(APP, 3));
}

#[test]
fn a_newest_commit_that_changes_nothing_here_hid_the_one_before_that_is_stuck() {
    let mut world = monorepo(pushed());
    touches(&mut world, 4, "services/checkout/main.rs");
    let journey = one(&world, "", "cart", PROD);
    assert_eq!(journey.state, State::Deployed, "{journey:#?}");
    assert_eq!(journey.commit.as_ref().unwrap().sha, sha(APP, 3));
    assert!(notes(&world, &journey).contains("does not affect it"));

    touches(&mut world, 4, "lib/b");
    world.commit(&source(APP), APP, 5, 3);
    touches(&mut world, 5, "services/checkout/main.rs");
    let journey = one(&world, "", "cart", PROD);
    assert_eq!(journey.state, State::Blocked, "{journey:#?}");
    assert_eq!(journey.commit.as_ref().unwrap().sha, sha(APP, 4));
    assert_eq!(journey.cause.unwrap().code, "image-never-pushed");
    let asked = one(&world, &sha(APP, 5), "cart", PROD);
    assert_eq!(asked.state, State::NotAffected, "{asked:#?}");
}

#[test]
fn the_run_of_another_apps_commit_was_said_to_stop_this_one() {
    for state in [None, Some(CiState::Cancelled), Some(CiState::Failed)] {
        let mut world = monorepo(pushed());
        only_checkout(&mut world, 4..=5);
        world.repo(&source(APP)).ci.remove(&sha(APP, 4));
        if let Some(state) = state {
            runs_in_ci(&mut world, 4, state);
        }
        is_current(&world);
        let asked = one(&world, &sha(APP, 4), "cart", PROD);
        assert_eq!(asked.state, State::NotAffected, "{asked:#?}");
    }
}

#[test]
fn what_ci_says_of_an_app_by_name_was_not_heard_where_only_others_folders_are_touched() {
    for (state, expected) in [
        (CiState::Failed, State::Blocked),
        (CiState::Running, State::Moving),
        (CiState::WaitingForReview, State::Blocked),
    ] {
        let mut world = monorepo(pushed());
        only_checkout(&mut world, 4..=4);
        let mut run = world.run(APP, 4, state, 30);
        run.jobs[0].name = "build (cart)".to_owned();
        run.jobs[0].state = state;
        world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
        for text in [String::new(), sha(APP, 4)] {
            assert_eq!(
                one(&world, &text, "cart", PROD).state,
                expected,
                "{state:?}"
            );
        }
    }
}

#[test]
fn a_revert_of_another_apps_commit_was_said_of_this_one() {
    let mut world = monorepo(pushed());
    only_checkout(&mut world, 4..=6);
    revert(&mut world, 4, 5);
    is_current(&world);
    let mut world = monorepo(pushed());
    only_checkout(&mut world, 4..=5);
    revert(&mut world, 4, 5);
    is_current(&world);
}

#[test]
fn a_merge_is_what_it_brought() {
    let mut world = monorepo(pushed());
    only_checkout(&mut world, 4..=6);
    runs_in_ci(&mut world, 4, CiState::Failed);
    for parents in [[3, 5], [5, 3]] {
        let merge = world.repo(&source(APP)).commits.get_mut(&sha(APP, 6));
        merge.unwrap().parents = parents.map(|number| sha(APP, number)).to_vec();
        is_current(&world);
    }
}

#[test]
fn not_affected_was_said_before_the_commit_that_counts_was_known() {
    let mut world = monorepo(pushed());
    touches(&mut world, 4, "lib/b");
    only_checkout(&mut world, 5..=5);
    let ask = api::Ask {
        app: Some("cart".to_owned()),
        ..ask("")
    };
    let mut facts = world.facts.clone();
    let mut said = Vec::new();
    loop {
        let evaluation = crate::answer(&facts, &ask, world.now);
        let journeys = evaluation.answer.unwrap().journeys;
        said.extend(
            journeys
                .iter()
                .find(|one| one.cluster == PROD)
                .map(|one| one.state),
        );
        // One at a time, and commits last.
        let mut wants: Vec<_> = evaluation.wants.iter().collect();
        wants.sort_by_key(|want| matches!(want, facts::Want::Commit { .. }));
        let Some(want) = wants.first() else { break };
        facts.absorb(world.find(want));
    }
    assert!(said.iter().all(|state| !state.is_settled()), "{said:?}");
    assert_eq!(said.last(), Some(&State::Blocked));
}

#[test]
fn a_commit_far_behind_costs_no_more_than_any_answer_and_the_end_is_said() {
    let mut world = monorepo(pushed());
    touches(&mut world, 4, "lib/b");
    only_checkout(&mut world, 5..=15);
    let ask = api::Ask {
        app: Some("cart".to_owned()),
        ..ask("")
    };
    let mut facts = world.facts.clone();
    let (mut rounds, mut all) = (0, 0);
    loop {
        let evaluation = crate::answer(&facts, &ask, world.now);
        if evaluation.wants.is_empty() {
            break;
        }
        rounds += 1;
        all += evaluation.wants.len();
        for want in &evaluation.wants {
            facts.absorb(world.find(want));
        }
    }
    // As the law of all worlds has it.
    assert!(rounds <= 16 && all <= 60, "{rounds} rounds, {all} wants");
    let journey = one(&world, "", "cart", PROD);
    assert_eq!(journey.state, State::NotAffected);
    assert!(notes(&world, &journey).contains("older ones were not looked at"));
}

#[test]
fn the_board_says_which_commit_it_judges() {
    let mut world = monorepo(pushed());
    touches(&mut world, 4, "lib/b");
    only_checkout(&mut world, 5..=5);
    let board = world.board().board;
    let row = board.rows.iter().find(|row| row.app == "cart").unwrap();
    assert_eq!(row.newest.as_ref().unwrap().sha, sha(APP, 5));
    let cell = row.cells.iter().find(|cell| cell.cluster == PROD).unwrap();
    let judged = cell.delivery.commit.as_ref().unwrap();
    assert_eq!(judged.sha, sha(APP, 4));
    assert_eq!(cell.delivery.behind, Some(1));
    let opened = one(&world, &judged.sha, "cart", PROD);
    assert_eq!(opened.state, cell.delivery.state);
    // What no commit that was looked at changes is behind none.
    only_checkout(&mut world, 4..=15);
    let board = world.board().board;
    let row = board.rows.iter().find(|row| row.app == "cart").unwrap();
    assert!(row.cells.iter().all(|cell| cell.delivery.behind.is_none()));
}
