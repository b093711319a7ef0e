//! Tests only: what people type, and what they are told.

use api::error::Code;
use api::journey::Ask;
use api::{Error, State};
use facts::code::{Resolved, ResolvedBy};
use facts::meta::Kind;

use super::ask;
use super::faults::*;
use crate::world::World;
use crate::world::company::*;

fn error(world: &World, ask: &Ask) -> Error {
    world.answer(ask).answer.unwrap_err()
}

fn apps(world: &World, ask: &Ask) -> Vec<(String, String)> {
    let answer = world.answer(ask).answer.unwrap();
    answer
        .journeys
        .into_iter()
        .map(|one| (one.app, one.environment))
        .collect()
}

#[test]
fn an_apps_name_asks_for_its_newest_commit() {
    let world = delivered();
    let answer = world.answer(&ask("Checkout")).answer.unwrap();
    assert_eq!(answer.commit, None);
    assert_eq!(answer.journeys.len(), 2);
    for journey in answer.journeys {
        assert_eq!(journey.commit.unwrap().sha, sha(APP, 4));
    }
}

#[test]
fn nothing_asks_for_everything_in_the_order_of_apps_and_environments() {
    let all = apps(&delivered(), &ask(""));
    let expected = [
        ("checkout", "dev"),
        ("checkout", "production"),
        ("search", "dev"),
        ("search", "production"),
    ];
    assert_eq!(all, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn an_ask_is_narrowed_by_app_environment_and_repository() {
    let world = delivered();
    let narrowed = Ask {
        environment: Some("prod".to_owned()),
        ..ask("checkout")
    };
    assert_eq!(
        apps(&world, &narrowed),
        [("checkout".to_owned(), "production".to_owned())]
    );
    let by_repository = Ask {
        repository: Some("shop/search".to_owned()),
        ..ask("main")
    };
    assert_eq!(apps(&world, &by_repository).len(), 2);
}

#[test]
fn a_short_sha_a_branch_an_image_tag_and_a_link_name_one_commit() {
    let world = delivered();
    let full = sha(APP, 4);
    for text in [
        full[..7].to_owned(),
        full.to_uppercase(),
        format!("shop/checkout@{}", &full[..7]),
        tag(APP, 4),
        format!("https://{}/commit/{full}", source(APP)),
        format!("https://{}/tree/main", source(APP)),
    ] {
        let answer = world
            .answer(&ask(&text))
            .answer
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(answer.commit.unwrap().sha, full, "{text}");
    }
}

#[test]
fn a_pull_request_is_resolved_where_its_link_says() {
    let mut world = delivered();
    let resolved = Resolved {
        sha: sha(APP, 4),
        by: ResolvedBy::PullRequest(1204),
    };
    world
        .repo(&source(APP))
        .names
        .insert("#1204".to_owned(), vec![resolved]);
    for text in [
        "#1204",
        "PR 1204",
        "https://code.example/shop/checkout/pull/1204/files",
    ] {
        let answer = world.answer(&ask(text)).answer.unwrap();
        assert_eq!(answer.commit.unwrap().sha, sha(APP, 4), "{text}");
    }
}

#[test]
fn what_stands_for_several_commits_lists_them() {
    let error = error(&delivered(), &ask("main"));
    assert_eq!(error.code, Code::AmbiguousAsk);
    for part in [
        &sha(APP, 4)[..7],
        &sha("search", 4)[..7],
        "Change 4 of checkout",
        "branch main",
        "code.example/shop/search",
    ] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let slip = error(&delivered(), &ask("chekcout"));
    assert_eq!(slip.code, Code::UnknownAsk);
    assert_eq!(slip.hint, "Did you mean checkout?");
    let unknown = error(&delivered(), &ask("deadbeef"));
    assert_eq!(unknown.code, Code::UnknownAsk);
    assert_eq!(unknown.hint, "If it is a new commit, push it first.");
    assert!(!unknown.retryable);
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let world = delivered();
    let app = error(
        &world,
        &Ask {
            app: Some("chart".to_owned()),
            ..ask("")
        },
    );
    assert_eq!(app.code, Code::UnknownName);
    assert!(app.message.contains("checkout, search"), "{}", app.message);
    let environment = error(
        &world,
        &Ask {
            environment: Some("productoin".to_owned()),
            ..ask("")
        },
    );
    assert_eq!(environment.code, Code::UnknownName);
    assert_eq!(environment.hint, "Did you mean production?");
    let repository = error(
        &world,
        &Ask {
            repository: Some("shop/chart".to_owned()),
            ..ask("main")
        },
    );
    assert_eq!(repository.code, Code::UnknownName);
}

#[test]
fn a_repository_that_nothing_is_built_from_is_said_to_be_that() {
    let error = error(
        &delivered(),
        &ask("https://github.com/torvalds/linux/commit/3f2c1ab"),
    );
    assert_eq!(error.code, Code::UnknownAsk);
    assert!(
        error
            .message
            .contains("No app here is built from github.com/torvalds/linux"),
        "{}",
        error.message
    );
}

#[test]
fn a_commit_that_reaches_nothing_that_was_asked_for_is_an_error_and_not_an_empty_success() {
    let narrowed = Ask {
        app: Some("search".to_owned()),
        ..ask(&sha(APP, 4))
    };
    let error = error(&delivered(), &narrowed);
    assert_eq!(error.code, Code::UnknownAsk);
}

#[test]
fn an_unreadable_repository_makes_the_refusal_retryable() {
    let mut world = delivered();
    let down = facts::Coverage::Unreachable {
        message: "timeout".to_owned(),
    };
    world.shut.insert(source("search"), down);
    let error = error(&world, &ask("deadbeef"));
    assert!(
        error.retryable && error.message.contains("timeout"),
        "{error:?}"
    );
    let answer = world.answer(&ask(&sha(APP, 4)[..7])).answer.unwrap();
    assert_eq!(answer.journeys.len(), 2);
}

#[test]
fn a_first_look_says_nothing_that_is_not_known() {
    let world = delivered();
    let evaluation = crate::answer(&world.facts, &ask(&sha(APP, 4)), world.now);
    assert!(!evaluation.wants.is_empty());
    let answer = evaluation.answer.unwrap();
    assert_eq!(answer.pending, evaluation.wants.len());
    assert!(
        answer.journeys.is_empty()
            || answer
                .journeys
                .iter()
                .all(|one| one.state == State::Unknown)
    );
}

#[test]
fn the_board_says_what_runs_and_how_delivery_stands() {
    let world = pushed();
    let board = world.board().board;
    assert_eq!(board.environments, ["dev", "production"]);
    let names: Vec<&str> = board.rows.iter().map(|row| row.app.as_str()).collect();
    assert_eq!(names, ["checkout", "search"]);
    let row = &board.rows[0];
    assert_eq!(row.newest.as_ref().unwrap().sha, sha(APP, 4));
    let cell = &row.cells[1];
    assert_eq!(cell.delivery.state, State::NeedsPromotion);
    assert_eq!(cell.delivery.behind, Some(1));
    assert_eq!(
        cell.delivery.cause.as_deref(),
        Some("release-needs-promotion")
    );
    let running = cell.running.as_ref().unwrap();
    assert_eq!(running.commit.as_ref().unwrap().sha, sha(APP, 3));
}

#[test]
fn the_board_and_the_answer_agree_in_every_world() {
    for trial in super::TRIALS {
        let world = (trial.world)();
        let answer = world.answer(&ask("")).answer.unwrap();
        let board = world.board().board;
        let cells = board.rows.iter().flat_map(|row| &row.cells);
        for (cell, journey) in cells.zip(&answer.journeys) {
            assert_eq!(cell.delivery.headline, journey.headline, "{}", trial.name);
            assert_eq!(cell.running, journey.running, "{}", trial.name);
        }
    }
}

#[test]
fn a_workload_without_a_label_is_listed_with_its_remedy() {
    let mut world = delivered();
    for image in world
        .images
        .values_mut()
        .filter(|one| one.source.as_deref() == Some("https://code.example/shop/search"))
    {
        image.source = None;
    }
    let board = world.board().board;
    assert_eq!(board.rows.len(), 1);
    assert_eq!(board.unlinked.len(), 2);
    assert!(
        board.unlinked[0]
            .fix
            .contains("org.opencontainers.image.source")
    );
}

#[test]
fn charts_that_give_every_app_their_own_name_do_not_merge_them() {
    let mut world = delivered();
    for (cluster, _) in CLUSTERS {
        world.edit(cluster, |facts| {
            facts.workloads.change(|workload| {
                let labels = &mut workload.meta.labels;
                let instance = workload.meta.name.clone();
                labels.insert("app.kubernetes.io/name".to_owned(), "service".to_owned());
                labels.insert("app.kubernetes.io/instance".to_owned(), instance);
            });
        });
    }
    let all = apps(&world, &ask(""));
    assert_eq!(all.len(), 4);
    assert_eq!(all[0].0, "checkout");
}

/// Text that tries to be markup, a terminal's escape, a path, and simply too much.
const NASTY: [&str; 6] = [
    "\u{1b}[2J<script>alert(1)</script>",
    "\u{202e}gnp.exe\u{2066}",
    "../../../etc/passwd\0",
    "a\r\nb\tc",
    "%s{}${jndi:ldap://x}",
    "é: Invalid value: ü: field is immutable: é",
];

#[test]
fn hostile_text_everywhere_changes_no_verdict_and_stays_text() {
    let long = "é long event ".repeat(20_000);
    for (index, trial) in super::TRIALS.iter().enumerate() {
        // Every trial meets a text or two, and every text many trials: all with all takes a minute.
        let texts = NASTY.iter().copied().chain([long.as_str()]).enumerate();
        for (_, nasty) in texts.filter(|(text, _)| (index + text) % 4 == 0) {
            let mut world = (trial.world)();
            for (cluster, _) in CLUSTERS {
                world.edit(cluster, |facts| poison(facts, nasty));
            }
            for text in [trial.asked(), nasty.to_owned(), "#".repeat(3000)] {
                let Ok(answer) = world.answer(&ask(&text)).answer else {
                    continue;
                };
                for journey in answer.journeys {
                    assert!(
                        !(journey.state.is_settled()
                            && journey.app == trial.app
                            && journey.cluster == trial.cluster),
                        "{}",
                        trial.name
                    );
                    let said = journey.headline.text(|_| "then".to_owned());
                    assert!(said.chars().all(|c| !c.is_control()), "{said:?}");
                    assert!(said.chars().count() < 2_000, "{}", said.len());
                }
            }
        }
    }
}

/// Puts a text wherever a cluster lets somebody write one that selects nothing.
fn poison(facts: &mut facts::ClusterFacts, nasty: &str) {
    let poisoned = |conditions: &mut Vec<facts::Condition>| {
        for condition in conditions {
            condition.message = format!("{nasty} {} {nasty}", condition.message);
        }
    };
    facts.sources.change(|one| poisoned(&mut one.conditions));
    facts
        .kustomizations
        .change(|one| poisoned(&mut one.conditions));
    facts
        .helm_releases
        .change(|one| poisoned(&mut one.conditions));
    facts
        .image_repositories
        .change(|one| poisoned(&mut one.conditions));
    facts
        .image_automations
        .change(|one| poisoned(&mut one.conditions));
    facts.workloads.change(|one| poisoned(&mut one.conditions));
    facts.pods.change(|one| poisoned(&mut one.conditions));
    facts.events.change(|event| {
        event.message.push_str(nasty);
    });
    facts.image_policies.change(|policy| {
        policy.rule = nasty.to_owned();
        policy.filter = Some(nasty.to_owned());
    });
    facts.pods.change(|pod| {
        pod.message = Some(nasty.to_owned());
        pod.node = Some(nasty.to_owned());
    });
    facts.workloads.change(|workload| {
        workload
            .meta
            .annotations
            .insert(nasty.to_owned(), nasty.to_owned());
        workload
            .meta
            .labels
            .insert(nasty.to_owned(), nasty.to_owned());
    });
    facts.sources.change(|source| {
        if source.kind == Kind::HelmRepository {
            source.url = nasty.to_owned();
        }
    });
}

/// A world whose production does not answer.
fn without_production() -> World {
    let mut world = delivered();
    world.edit(PROD, |facts| {
        *facts = facts::ClusterFacts {
            reach: facts::Reach::Unreachable {
                error: "refused".to_owned(),
            },
            ..facts::ClusterFacts::default()
        };
    });
    world
}

#[test]
fn an_environment_whose_cluster_does_not_answer_is_not_said_to_be_none() {
    let narrowed = Ask {
        environment: Some("production".to_owned()),
        ..ask("checkout")
    };
    let error = error(&without_production(), &narrowed);
    assert_eq!(error.code, Code::Unreachable, "{error}");
    assert!(
        error.retryable && !error.message.contains("There is no"),
        "{error}"
    );
    assert!(
        error.hint.contains("refused"),
        "what was not read is said: {error}"
    );
}

#[test]
fn an_outage_elsewhere_does_not_spoil_a_question_about_one_environment() {
    let mut world = without_production();
    world.facts.team.environments = [("dev", DEV), ("production", PROD)]
        .map(|(name, cluster)| facts::team::Environment {
            name: name.to_owned(),
            cluster: Some(cluster.to_owned()),
            namespaces: Vec::new(),
        })
        .to_vec();
    let narrowed = Ask {
        environment: Some("dev".to_owned()),
        ..ask("checkout")
    };
    let answer = world.answer(&narrowed).answer.unwrap();
    assert_eq!(answer.unread, [], "production is not asked about");
    let everywhere = world.answer(&ask("checkout")).answer.unwrap();
    assert_eq!(everywhere.unread.len(), 1, "and here it is");
}
