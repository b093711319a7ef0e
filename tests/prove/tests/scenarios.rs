//! The files: every scenario makes sense, and what makes none is refused with what is wrong.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;

use journey::causes::CauseCode;
use prove::by_hand;
use prove::scenario::sense::{Senseless, check};
use prove::scenario::{self, Scenario};
use serde_json::Value;

fn refused(steps: &str, rest: &str) -> Option<Senseless> {
    let text = format!("about: a test\nsteps: {steps}\n{rest}\n");
    let scenario: Scenario = serde_yaml_ng::from_str(&text).expect("a scenario's form");
    check(&scenario).err()
}

const DEPLOYED: &str = "expect: { state: deployed }";

fn expecting(answer: &str) -> Option<Senseless> {
    refused("[live: {}]", &format!("expect: {answer}"))
}

#[test]
fn every_scenario_makes_sense() {
    let all = scenario::all().expect("scenarios");
    assert!(all.len() > 100);
    for one in &all {
        assert_eq!(one.made_of.len(), 16, "{}", one.name);
    }
}

#[test]
fn a_step_that_waits_for_nothing_is_refused() {
    let steps = "[live: {}, until: { object: Pod * }]";
    let wrong = Senseless::WaitsForNothing("Pod *".to_owned());
    assert_eq!(refused(steps, DEPLOYED), Some(wrong.clone()));
    let gone = "[live: {}, until: { object: Pod *, gone: true }]";
    assert_eq!(refused(gone, DEPLOYED), None);
    let both = "[live: {}, until: { object: Pod *, gone: true, condition: { type: Ready } }]";
    assert_eq!(refused(both, DEPLOYED), Some(wrong));
}

#[test]
fn a_field_that_is_always_so_is_refused() {
    for field in [
        "{ at: /spec, contains: '' }",
        "{ at: spec, contains: a }",
        "{ at: /spec }",
        "{ at: /spec, contains: a, absent: true }",
    ] {
        let steps = format!("[live: {{}}, until: {{ object: Pod *, field: {field} }}]");
        let wrong = refused(&steps, DEPLOYED);
        assert!(matches!(wrong, Some(Senseless::Field(_))), "{field}");
    }
    let steps = "[live: {}, until: { object: Pod *, field: { at: /spec, absent: true } }]";
    assert_eq!(refused(steps, DEPLOYED), None);
}

#[test]
fn words_without_effect_are_refused() {
    for steps in [
        "[live: { helm: {}, marked: true }]",
        "[live: { packed: {}, source: { suspend: true } }]",
        "[live: {}, commit: { image: false, fate: crash }]",
        "[live: {}, release: { helm: { values: {} } }]",
    ] {
        let wrong = refused(steps, DEPLOYED);
        assert!(matches!(wrong, Some(Senseless::NoEffect(_))), "{steps}");
    }
    let helm = "[live: { helm: {} }, release: { helm: { values: {} } }]";
    assert_eq!(refused(helm, DEPLOYED), None);
}

#[test]
fn a_commit_that_is_not_made_is_refused() {
    let asked = |number: usize| {
        let rest = format!("ask: {number}\n{DEPLOYED}");
        refused("[live: {}, commit: {}]", &rest)
    };
    assert_eq!(asked(2), None);
    for wrong in [0, 3] {
        let made = 2;
        assert_eq!(
            asked(wrong),
            Some(Senseless::NoSuchCommit { asked: wrong, made })
        );
    }
}

#[test]
fn words_that_the_product_never_says_are_refused() {
    let blocked = |stage: &str, cause: &str| {
        expecting(&format!(
            "{{ state: blocked, stage: {stage}, cause: {cause}, object: Pod a/b-* }}"
        ))
        .map(|wrong| wrong.to_string())
    };
    assert_eq!(blocked("pods", "pods-crash"), None);
    let wrong = blocked("pods", "pods-gone");
    assert_eq!(
        wrong.as_deref(),
        Some("\"pods-gone\" is no cause of docs/CAUSES.md")
    );
    let wrong = blocked("pod", "pods-crash");
    assert_eq!(wrong.as_deref(), Some("\"pod\" is no stage"));
    let wrong = blocked("rollout", "pods-crash");
    assert_eq!(wrong.as_deref(), Some("pods-crash is of stage pods"));
    let wrong = expecting("{ state: done }").map(|wrong| wrong.to_string());
    assert_eq!(wrong.as_deref(), Some("\"done\" is no state"));
}

#[test]
fn an_answer_with_a_part_too_few_or_too_many_is_refused() {
    let few = expecting("{ state: blocked, stage: pods, cause: pods-crash }");
    assert_eq!(few, Some(Senseless::Parts("blocked".to_owned(), "with")));
    let many = expecting("{ state: deployed, stage: pods }");
    assert_eq!(
        many,
        Some(Senseless::Parts("deployed".to_owned(), "without"))
    );
}

#[test]
fn an_object_that_any_is_is_refused() {
    for any in ["*", "Pod", "Pod *", "* a", "Pod a*b", "Pod a/*"] {
        let answer =
            format!("{{ state: blocked, stage: pods, cause: pods-crash, object: \"{any}\" }}");
        assert_eq!(
            expecting(&answer),
            Some(Senseless::AnyObject(any.to_owned())),
            "{any}"
        );
    }
}

#[test]
fn several_journeys_that_nothing_tells_apart_are_refused() {
    let answer = "{ state: deployed, also: [{ state: superseded, workload: Deployment a/b }] }";
    assert_eq!(expecting(answer), Some(Senseless::NoWorkload));
}

#[test]
fn other_steps_are_another_scenario_and_other_spacing_is_not() {
    let one = scenario::made_of("steps: [live: {}, pass: 2]\nask: 1");
    let spaced = scenario::made_of("# A comment.\nask: 1\nsteps:\n  - live: {}\n  - pass: 2\n");
    assert_eq!(one, spaced);
    for other in [
        "steps: [live: {}, pass: 3]\nask: 1",
        "steps: [live: {}, pass: 2]",
    ] {
        assert_ne!(one, scenario::made_of(other));
    }
}

/// The causes that the embedded company's situations expect.
fn met_by_the_company() -> BTreeSet<String> {
    fn causes(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(
                    fields
                        .get("cause")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|field| causes(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| causes(item, found)),
            _ => {}
        }
    }
    let written = include_str!("../../../crates/sandbox/situations.yaml");
    let written: Value = serde_yaml_ng::from_str(written).expect("YAML");
    let mut found = BTreeSet::new();
    causes(&written, &mut found);
    found
}

#[test]
fn every_cause_is_met_by_a_scenario_a_case_or_a_situation() {
    let mut met = met_by_the_company();
    for case in by_hand::all().expect("cases made by hand") {
        met.extend(case.expect.all().filter_map(|one| one.cause.clone()));
    }
    // What is wrong today is never said.
    let right = scenario::all().expect("scenarios").into_iter();
    for scenario in right.filter(|one| one.wrong_today.is_none()) {
        met.extend(scenario.expect.all().filter_map(|one| one.cause.clone()));
    }
    let missing: BTreeSet<&str> = CauseCode::ALL
        .iter()
        .map(|cause| cause.code())
        .filter(|code| !met.contains(*code))
        .collect();
    assert_eq!(missing, BTreeSet::new());
}
