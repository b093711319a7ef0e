//! The judging: an answer is right when all its journeys are, and a false green in any of them counts.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use prove::ask::{self, Marks};
use prove::scenario::Expected;
use serde_json::{Value, json};

fn blocked(app: &str) -> Value {
    json!({
        "app": app, "state": "blocked", "blockingStage": "pods", "headline": [{"type": "words", "text": "It crashes"}],
        "cause": {"code": "pods-crash", "object": {"kind": "Deployment", "namespace": "shop", "name": "api-7f"}},
    })
}

fn deployed(app: &str) -> Value {
    json!({"app": app, "state": "deployed", "headline": []})
}

fn marked(journeys: &[Value], expected: &str) -> Marks {
    let answer = ask::read(&json!({"journeys": journeys})).expect("an answer");
    let expected: Expected = serde_yaml_ng::from_str(expected).expect("an expectation");
    ask::mark(&answer, "api", &expected, |text| {
        text.replace("{name}", "api")
    })
}

fn told(marks: Marks) -> (bool, bool, bool) {
    (marks.stage, marks.cause, marks.false_green)
}

const BLOCKED: &str =
    "{ state: blocked, stage: pods, cause: pods-crash, object: 'Deployment shop/{name}-*' }";
const DEPLOYED: &str = "{ state: deployed }";

#[test]
fn one_journey_is_right_as_a_whole_or_in_its_stage() {
    assert_eq!(
        told(marked(&[blocked("api")], BLOCKED)),
        (true, true, false)
    );
    let other_cause = BLOCKED.replace("pods-crash", "pods-pull");
    assert_eq!(
        told(marked(&[blocked("api")], &other_cause)),
        (true, false, false)
    );
    assert_eq!(
        told(marked(&[blocked("api")], DEPLOYED)),
        (false, false, false)
    );
    assert_eq!(
        told(marked(&[deployed("api")], BLOCKED)),
        (false, false, true)
    );
}

#[test]
fn every_journey_must_be_right() {
    let twice = [blocked("api"), blocked("api")];
    assert_eq!(told(marked(&twice, BLOCKED)), (true, true, false));
    let second_is_green = [blocked("api"), deployed("api")];
    assert_eq!(
        told(marked(&second_is_green, BLOCKED)),
        (false, false, true)
    );
    let second_is_not = [deployed("api"), blocked("api")];
    assert_eq!(
        told(marked(&second_is_not, DEPLOYED)),
        (false, false, false)
    );
}

#[test]
fn the_journey_must_be_the_apps() {
    assert_eq!(
        told(marked(&[blocked("web")], BLOCKED)),
        (false, false, false)
    );
    assert_eq!(
        told(marked(&[deployed("web")], DEPLOYED)),
        (false, false, true)
    );
}

#[test]
fn a_scenario_may_expect_several() {
    let also = "{ state: deployed, also: [{ app: web, state: blocked, stage: pods, cause: pods-crash, object: 'Deployment shop/{name}-7f' }] }";
    let both = [blocked("web"), deployed("api")];
    assert_eq!(told(marked(&both, also)), (true, true, false));
    // One of them is missing.
    assert_eq!(
        told(marked(&[deployed("api")], also)),
        (false, false, false)
    );
    // As many, but not these.
    let twice = [deployed("api"), deployed("api")];
    assert_eq!(told(marked(&twice, also)), (false, false, true));
    // The other way round: what is green is not the one that may be.
    let swapped = [deployed("web"), blocked("api")];
    assert_eq!(told(marked(&swapped, also)), (false, false, true));
}

#[test]
fn without_a_journey_what_was_not_read_is_said() {
    let unread = json!([[{"type": "words", "text": "not allowed to list pods in shop"}]]);
    let answer = ask::read(&json!({"journeys": [], "unread": unread})).expect("an answer");
    assert_eq!(
        answer.told(),
        "no journey, and not read: not allowed to list pods in shop"
    );
    assert!(ask::read(&json!({"error": {}})).is_none());
    assert_eq!(told(marked(&[], DEPLOYED)), (false, false, false));
    assert_eq!(ask::failed("no".to_owned()).told(), "no");
}
