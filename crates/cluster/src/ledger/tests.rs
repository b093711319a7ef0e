//! The order of events does not matter, batches go out whole, and what was read is never lost by accident.

use api::ConnectionState;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::options::Clock;
use crate::project::{Change, change};

fn ledger() -> Ledger {
    let options = Options {
        clock: Clock::new(|| Timestamp::UNIX_EPOCH),
        ..Options::default()
    };
    Ledger::new("test".into(), "https://h".into(), options)
}

fn facts(ledger: &Ledger) -> ClusterFacts {
    ledger.state().facts.clone()
}

/// One event of one object: a kind, a name, and what it says now; nothing said means deleted.
#[derive(Clone, Debug)]
struct Event {
    kind: Kind,
    name: usize,
    says: Option<u8>,
}

impl Event {
    fn line(&self) -> String {
        let (event, says) = match self.says {
            Some(says) => ("MODIFIED", says),
            None => ("DELETED", 0),
        };
        // One text in every place that some kind reads.
        format!(
            r#"{{"type":"{event}","object":{{"metadata":{{"name":"n{}","namespace":"shop","generation":{says},"labels":{{"v":"{says}"}}}},
               "status":{{"phase":"{says}","lastAppliedRevision":"main@sha1:{says}","conditions":[{{"type":"Ready","status":"True","message":"{says}"}}]}}}}}}"#,
            self.name
        )
    }

    fn apply(&self, ledger: &Ledger) {
        match change(self.kind, self.line().as_bytes()).unwrap().unwrap() {
            Change::Applied { object, .. } => ledger.applied(self.kind, &Scope::All, object),
            Change::Deleted { key, .. } => ledger.deleted(self.kind, &Scope::All, &key),
            other => panic!("{other:?}"),
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = proptest::sample::select(Kind::ALL.to_vec());
    (kinds, 0..4_usize, proptest::option::weighted(0.8, 0..9_u8))
        .prop_map(|(kind, name, says)| Event { kind, name, says })
}

/// Another order in which the events of each one object keep theirs.
fn reordered(events: &[Event], chances: &[usize]) -> Vec<Event> {
    let mut lanes: Vec<Vec<Event>> = Vec::new();
    for event in events {
        let lane = lanes
            .iter_mut()
            .find(|lane| lane[0].kind == event.kind && lane[0].name == event.name);
        match lane {
            Some(lane) => lane.push(event.clone()),
            None => lanes.push(vec![event.clone()]),
        }
    }
    let mut order = Vec::new();
    let mut chance = chances.iter().cycle();
    while !lanes.is_empty() {
        let lane = chance.next().unwrap_or(&0) % lanes.len();
        order.push(lanes[lane].remove(0));
        lanes.retain(|lane| !lane.is_empty());
    }
    order
}

proptest! {
    #[test]
    fn events_of_different_objects_may_come_in_any_order(
        events in proptest::collection::vec(event(), 0..60),
        chances in proptest::collection::vec(any::<usize>(), 1..60),
    ) {
        let (one, other) = (ledger(), ledger());
        for ledger in [&one, &other] {
            for kind in Kind::ALL {
                ledger.listed(kind, &Scope::All, Vec::new(), 0, Timestamp::UNIX_EPOCH);
            }
        }
        for event in &events {
            event.apply(&one);
        }
        for event in reordered(&events, &chances) {
            event.apply(&other);
        }
        prop_assert_eq!(facts(&one), facts(&other));
    }

    #[test]
    fn a_list_says_the_same_as_the_events_before_it(
        events in proptest::collection::vec(event(), 0..60),
    ) {
        // What the events leave, listed: nothing may change by it.
        let told = ledger();
        for event in &events {
            event.apply(&told);
        }
        let before = facts(&told);
        let listed = ledger();
        for kind in Kind::ALL {
            let mut last = std::collections::BTreeMap::new();
            for event in events.iter().filter(|event| event.kind == kind) {
                last.insert(event.name, event.clone());
            }
            let objects = last
                .into_values()
                .filter(|event| event.says.is_some())
                .filter_map(|event| match change(kind, event.line().as_bytes()).unwrap() {
                    Some(Change::Applied { object, .. }) => Some(object),
                    _ => None,
                })
                .collect();
            listed.listed(kind, &Scope::All, objects, 0, Timestamp::UNIX_EPOCH);
        }
        let mut after = facts(&listed);
        after.coverage.clear();
        prop_assert_eq!(before, after);
    }
}

fn pod(namespace: &str, name: &str) -> Object {
    let line = format!(
        r#"{{"type":"ADDED","object":{{"metadata":{{"name":"{name}","namespace":"{namespace}"}}}}}}"#
    );
    match change(Kind::Pod, line.as_bytes()).unwrap() {
        Some(Change::Applied { object, .. }) => object,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_namespaces_list_replaces_only_its_namespace() {
    let ledger = ledger();
    let now = Timestamp::UNIX_EPOCH;
    let scope = |name: &str| Scope::Namespace(name.into());
    ledger.listed(
        Kind::Pod,
        &scope("a"),
        vec![pod("a", "1"), pod("a", "2")],
        0,
        now,
    );
    ledger.listed(Kind::Pod, &scope("b"), vec![pod("b", "1")], 0, now);
    ledger.listed(Kind::Pod, &scope("a"), vec![pod("a", "2")], 0, now);
    let known = facts(&ledger);
    let keys: Vec<_> = known.pods.keys().cloned().collect();
    assert_eq!(keys, [Key::new("a", "2"), Key::new("b", "1")]);
    ledger.forget(Kind::Pod, &scope("b"));
    assert_eq!(facts(&ledger).pods.len(), 1);
    assert!(!facts(&ledger).coverage(Kind::Pod, "b").is_whole());
}

#[test]
fn an_event_does_not_make_whole_what_was_read_in_part() {
    let ledger = ledger();
    let failure = Failure::new(Why::Server(500), "etcd");
    ledger.unread(Kind::Pod, &Scope::All, failure.coverage(), &failure);
    ledger.applied(Kind::Pod, &Scope::All, pod("a", "1"));
    ledger.unchanged(Kind::Pod, &Scope::All);
    assert!(!facts(&ledger).coverage(Kind::Pod, "a").is_whole());
}

#[test]
fn a_failure_keeps_what_was_read_and_a_refusal_takes_it() {
    let ledger = ledger();
    ledger.listed(
        Kind::Pod,
        &Scope::All,
        vec![pod("a", "1")],
        0,
        Timestamp::UNIX_EPOCH,
    );
    let failure = Failure::new(Why::Server(500), "etcd");
    ledger.unread(Kind::Pod, &Scope::All, failure.coverage(), &failure);
    assert_eq!(facts(&ledger).pods.len(), 1);
    let refusal = Failure::new(Why::Denied, "no");
    ledger.unread(Kind::Pod, &Scope::All, refusal.coverage(), &refusal);
    assert_eq!(facts(&ledger).pods.len(), 0);
}

#[test]
fn a_lost_server_keeps_its_coverage_and_one_never_reached_has_none() {
    let ledger = ledger();
    let failure = crate::failure::silent("h:1");
    ledger.lost(&failure, Timestamp::UNIX_EPOCH);
    assert!(matches!(
        facts(&ledger).coverage(Kind::Pod, ""),
        Coverage::Unreachable { .. }
    ));
    ledger.answered(Timestamp::UNIX_EPOCH, None);
    ledger.listed(
        Kind::Pod,
        &Scope::All,
        vec![pod("a", "1")],
        0,
        Timestamp::UNIX_EPOCH,
    );
    ledger.lost(&failure, Timestamp::UNIX_EPOCH);
    let facts = facts(&ledger);
    assert!(facts.coverage(Kind::Pod, "").is_whole());
    assert_eq!(facts.pods.len(), 1);
    assert!(matches!(facts.reach, Reach::Lost { .. }));
    // Kinds that were not read before it went are not known.
    assert!(!facts.coverage(Kind::Service, "").is_whole());
}

#[test]
fn a_server_that_was_not_asked_for_want_of_a_token_was_said_not_to_answer() {
    let ledger = ledger();
    let failure = Failure::new(
        Why::NoToken,
        "the sign-in cannot be gone on with: 127.0.0.1:21505 did not answer: connection refused",
    );
    ledger.lost(&failure, Timestamp::UNIX_EPOCH);
    let whole = format!("it was not asked: {}", failure.reason);
    let facts = facts(&ledger);
    assert_eq!(
        facts.reach,
        Reach::Unreachable {
            error: whole.clone()
        }
    );
    assert_eq!(
        facts.coverage(Kind::Pod, "").gap("pods of prod").unwrap(),
        format!("pods of prod cannot be read now: {whole}")
    );
    assert_eq!(
        ledger.connection().borrow().state,
        ConnectionState::NotAsked {
            why: failure.reason
        }
    );
}

#[test]
fn what_was_never_read_of_a_server_that_went_passed_for_read() {
    let ledger = ledger();
    let failure = crate::failure::silent("h:1");
    // Not reached at first, then it answers, and goes before anything but Deployments was read.
    ledger.lost(&failure, Timestamp::UNIX_EPOCH);
    ledger.answered(Timestamp::UNIX_EPOCH, None);
    let now = Timestamp::UNIX_EPOCH;
    ledger.listed(Kind::Deployment, &Scope::All, Vec::new(), 0, now);
    ledger.unread(Kind::Pod, &Scope::All, failure.coverage(), &failure);
    ledger.unread(Kind::Deployment, &Scope::All, failure.coverage(), &failure);
    ledger.lost(&failure, Timestamp::UNIX_EPOCH);
    let facts = facts(&ledger);
    assert!(matches!(facts.reach, Reach::Lost { .. }));
    // What was read before stands, and says that it is not fresh; what was not is not known.
    let stands = |kind| matches!(facts.coverage(kind, ""), Coverage::Unreachable { .. });
    assert!(stands(Kind::Deployment));
    for kind in [Kind::Pod, Kind::Service] {
        assert!(
            matches!(facts.coverage(kind, ""), Coverage::Failed { .. }),
            "{kind:?}"
        );
    }
}
