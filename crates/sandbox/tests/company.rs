//! Whether the company is what its situations say: looked up in its stores, repositories and registry, never by asking
//! the product.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

#[path = "company/claims.rs"]
mod claims;

#[path = "company/ecs.rs"]
mod ecs;

#[path = "company/live.rs"]
mod live;

#[path = "company/place.rs"]
mod place;

use claims::check;
use jiff::Timestamp;
use place::Place;
use sandbox::clock::Clock;
use sandbox::company::Company;
use sandbox::company::apps::Environment;
use sandbox::situations;
use serde_json::Value;

const NOON: &str = "2026-11-21T10:40:00Z";

/// A company whose history has just been played, and whose clock goes on from there.
fn company(seed: u64, now: &str) -> Company {
    let clock = Clock::default();
    let now: Timestamp = now.parse().unwrap();
    clock.advance(now.duration_since(Timestamp::now()));
    Company::build(seed, &clock, now, None).unwrap()
}

/// Looks at every situation of a company, and says which are not as they say.
fn check_all(company: &Company) {
    let situations = situations::of(company).unwrap();
    assert!(situations.len() >= 26);
    let wrong: Vec<String> = situations
        .into_iter()
        .map(|situation| situation.name)
        .filter(|name| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(company, name))).is_err()
        })
        .collect();
    assert!(wrong.is_empty(), "not as they say: {wrong:?}");
}

#[test]
fn every_situation_is_as_it_says_under_seed_1() {
    let company = company(1, NOON);
    check_all(&company);
    nothing_happened_before_its_cause(&company);
    commits_are_commits(&company);
}

#[test]
fn every_situation_is_as_it_says_under_seed_2() {
    check_all(&company(2, NOON));
}

#[test]
fn every_situation_is_as_it_says_under_seed_3() {
    check_all(&company(3, NOON));
}

#[test]
fn situations_are_true_from_midnight_to_midnight_and_their_asks_stay() {
    let (first, last) = (
        company(1, "2026-11-21T00:00:07Z"),
        company(1, "2026-11-21T23:59:58Z"),
    );
    check_all(&first);
    check_all(&last);
    let asks = |company: &Company| -> Vec<String> {
        situations::of(company)
            .unwrap()
            .into_iter()
            .map(|situation| situation.ask)
            .collect()
    };
    assert_eq!(asks(&first), asks(&last));
}

/// Every commit changes something, and no two of a repository say the same.
fn commits_are_commits(company: &Company) {
    for path in company.code.paths() {
        let repository = company.code.repository(&path).unwrap();
        let mut subjects = std::collections::BTreeSet::new();
        let bumps = path.contains(&company.names.deploy);
        for commit in repository.log("main", 200) {
            let changes =
                repository.changes(commit.parents.first().map(String::as_str), &commit.sha);
            assert!(
                !changes.is_empty(),
                "{path}: {} changes nothing",
                commit.message
            );
            let subject = commit.message.lines().next().unwrap_or_default().to_owned();
            assert!(
                bumps || subjects.insert(subject),
                "{path}: {} twice",
                commit.message
            );
        }
    }
}

fn nothing_happened_before_its_cause(company: &Company) {
    let now: Timestamp = NOON.parse().unwrap();
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    for store in [&company.nonprod, &company.prod] {
        for kind in [
            "Pod",
            "ReplicaSet",
            "Deployment",
            "Kustomization",
            "HelmRelease",
            "Event",
        ] {
            for object in store.list(kind, None) {
                let created = time(&object["metadata"]["creationTimestamp"]).unwrap();
                assert!(
                    created <= now,
                    "{kind} {} is from the future",
                    object["metadata"]["name"]
                );
            }
        }
    }
    // An image is younger than its commit, and its pods are younger than the image.
    for ((role, label), landmark) in &company.landmarks {
        if landmark.digest.is_empty() {
            continue;
        }
        let app = company.app(role).unwrap();
        let commit = company
            .code
            .repository(&landmark.repository)
            .unwrap()
            .show(&landmark.sha)
            .unwrap();
        let pushed = company
            .registry
            .pushed(&app.image_path, &landmark.digest)
            .unwrap();
        assert!(commit.committer.at < pushed, "{role} {label}");
        for environment in Environment::ALL {
            for pod in Place::new(company, role, environment).pods_of(landmark) {
                let created = time(&pod["metadata"]["creationTimestamp"]).unwrap();
                assert!(
                    pushed <= created,
                    "{role} {label}: pod of {created}, image of {pushed}"
                );
            }
        }
    }
}
