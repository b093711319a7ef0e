//! Tests only: what is said of usual times. Each test is named after what must not go wrong.

use api::Usual;
use facts::{Delivered, HistoryFacts};

use super::*;

/// Commit 4 of checkout is being built, begun 4 minutes ago; builds usually take so many seconds.
fn building(usually: i64) -> World {
    let mut world = calm();
    world.commit(&source(APP), APP, 4, 10);
    let run = world.run(APP, 4, CiState::Running, -2);
    world.repo(&source(APP)).ci.insert(sha(APP, 4), vec![run]);
    remember(&mut world, |history| {
        let usual = Usual {
            seconds: usually,
            samples: 7,
        };
        let key = (APP.to_owned(), "production".to_owned(), StageKind::Build);
        history.stages.insert(key, usual);
    });
    world
}

fn remember(world: &mut World, change: impl FnOnce(&mut HistoryFacts)) {
    change(Arc::make_mut(&mut world.facts.history));
}

#[test]
fn a_stage_under_way_says_how_long_it_usually_takes() {
    let world = building(240);
    let journey = prod(&world, 4);
    assert_eq!(journey.state, State::Moving);
    let build = &journey.stages[1];
    assert_eq!(
        build.usual,
        Some(Usual {
            seconds: 240,
            samples: 7
        })
    );
    let said = notes(&world, &journey);
    let expected = "The build stage usually takes 4 minutes here, by the last 7 times.";
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains("longer than usual"), "{said}");
}

#[test]
fn longer_than_usual_is_said_by_itself_when_the_time_comes() {
    let world = building(150);
    let ask = ask(&sha(APP, 4));
    let evaluation = world.answer(&ask);
    let begun = prod(&world, 4).cause.unwrap().since.unwrap();
    // Twice the usual time after it began, though nothing else changes until then.
    let late = begun.checked_add(SignedDuration::from_secs(300)).unwrap();
    assert_eq!(evaluation.changes_at, Some(late));
    assert!(!notes(&world, &prod(&world, 4)).contains("longer than usual"));
    let mut later = building(150);
    later.now = late;
    assert!(notes(&later, &prod(&later, 4)).contains("It takes longer than usual this time."));
}

#[test]
fn what_is_usual_decides_nothing() {
    let without = calm();
    let mut with = calm();
    let now = with.now;
    remember(&mut with, |history| {
        for stage in StageKind::ALL {
            let key = (APP.to_owned(), "production".to_owned(), stage);
            history.stages.insert(
                key,
                Usual {
                    seconds: 1,
                    samples: 9,
                },
            );
        }
        let delivered = |number| Delivered {
            app: APP.to_owned(),
            environment: "production".to_owned(),
            cluster: PROD.to_owned(),
            sha: sha(APP, number),
        };
        for number in 1..9 {
            history.live.insert(delivered(number), now);
        }
    });
    for number in 1..=3 {
        let (mut one, other) = (prod(&with, number), prod(&without, number));
        one.notes.clone_from(&other.notes);
        one.lead_time = None;
        assert_eq!(one, other);
    }
}

#[test]
fn a_commit_that_is_there_says_how_long_it_took_and_one_under_way_how_long_it_usually_takes() {
    let mut world = building(240);
    let live = world.ago(1_890);
    remember(&mut world, |history| {
        let delivered = Delivered {
            app: APP.to_owned(),
            environment: "production".to_owned(),
            cluster: PROD.to_owned(),
            sha: sha(APP, 3),
        };
        history.live.insert(delivered, live);
        let key = (APP.to_owned(), "production".to_owned());
        history.leads.insert(
            key,
            Usual {
                seconds: 7_300,
                samples: 5,
            },
        );
    });
    let there = prod(&world, 3);
    let took = live
        .duration_since(there.commit.as_ref().unwrap().at)
        .as_secs();
    let lead = there.lead_time.unwrap();
    assert_eq!((lead.seconds, lead.usual.unwrap().samples), (Some(took), 5));
    let said = notes(&world, &there);
    assert!(said.contains("It took 1 hour from the commit to its rollout in production; usually 2 hours, by the last 5 commits."), "{said}");
    let said = notes(&world, &prod(&world, 4));
    assert!(said.contains("From a commit to its rollout in production it usually takes 2 hours, by the last 5 commits."), "{said}");
}

#[test]
fn nothing_known_is_nothing_said() {
    let journey = prod(&calm(), 3);
    assert_eq!(journey.lead_time, None);
    assert!(journey.stages.iter().all(|stage| stage.usual.is_none()));
}
