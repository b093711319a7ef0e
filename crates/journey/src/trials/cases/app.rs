//! Tests only: which commits wait for an app's environments. Each test is named after what must not go wrong.

use api::app::Lacks;

use super::*;

fn lacking(world: &World, cluster: &str) -> Lacks {
    let app = world.app(APP);
    let mut targets = app.targets.into_iter();
    targets
        .find(|one| one.cluster == cluster)
        .unwrap()
        .lacks
        .unwrap()
}

#[test]
fn an_environment_lacks_exactly_what_what_runs_there_does_not_contain() {
    let mut world = calm();
    let none = Lacks {
        newest: 0,
        more: false,
    };
    assert_eq!(lacking(&world, PROD), none);
    world.push(APP);
    world.commit(&source(APP), APP, 5, 12);
    world.roll(APP, "nonprod", 4, 20);
    assert_eq!(lacking(&world, "nonprod").newest, 1);
    assert_eq!(lacking(&world, PROD).newest, 2);
    let subjects: Vec<_> = world
        .app(APP)
        .commits
        .into_iter()
        .map(|one| one.subject)
        .collect();
    let expected = [5, 4, 3].map(|number| format!("Change {number} of checkout"));
    assert_eq!(
        subjects, expected,
        "the two that are lacked, and the first that none lacks"
    );
}

#[test]
fn a_commit_that_cannot_be_read_is_not_the_end_of_the_list() {
    let mut world = calm();
    world.push(APP);
    world.edit(PROD, |facts| {
        let denied = Coverage::Denied {
            message: String::new(),
        };
        facts
            .coverage
            .insert((Kind::Pod, facts::cluster::Scope::All), denied);
    });
    let app = world.app(APP);
    let there = |cluster: &str| {
        app.targets
            .iter()
            .find(|one| one.cluster == cluster)
            .unwrap()
    };
    assert!(there(PROD).lacks.is_err());
    assert_eq!(there("nonprod").lacks.as_ref().unwrap().newest, 1);
}

#[test]
fn a_list_without_an_end_is_cut_and_says_so() {
    let mut world = calm();
    for number in 4..60 {
        world.commit(&source(APP), APP, number, 60 - i64::from(number));
    }
    assert_eq!(
        lacking(&world, PROD),
        Lacks {
            newest: 40,
            more: true
        }
    );
}
