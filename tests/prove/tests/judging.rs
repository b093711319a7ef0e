//! The judging: an answer is right when all its journeys are, and a false green in any of them counts.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use prove::ask::{self, Answer, Marks};
use prove::scenario::{Expected, WrongToday};
use serde_json::{Value, json};

const COMMIT: &str = "5a5a5a5a5a";

fn running(name: &str) -> Value {
    json!({"workload": {"kind": "Deployment", "namespace": "shop", "name": name}})
}

fn blocked(app: &str) -> Value {
    json!({
        "app": app, "state": "blocked", "blockingStage": "pods", "headline": [{"type": "words", "text": "It crashes"}],
        "running": running("api-7f"),
        "cause": {"code": "pods-crash", "object": {"kind": "Deployment", "namespace": "shop", "name": "api-7f"}},
    })
}

fn deployed(app: &str) -> Value {
    json!({"app": app, "state": "deployed", "headline": [], "running": running("api")})
}

fn marked(journeys: &[Value], expected: &str) -> Marks {
    judged(&answer(journeys, &[]), expected)
}

fn answer(journeys: &[Value], unread: &[&str]) -> Answer {
    let unread: Vec<Value> = unread
        .iter()
        .map(|text| json!([{"type": "words", "text": text}]))
        .collect();
    let document = json!({"commit": {"sha": COMMIT}, "journeys": journeys, "unread": unread});
    ask::read(&document).expect("an answer")
}

fn judged(answer: &Answer, expected: &str) -> Marks {
    let expected: Expected = serde_yaml_ng::from_str(expected).expect("an expectation");
    ask::mark(answer, "api", COMMIT, &expected, |text| {
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

/// A copy of the app is blocked, the app itself deployed.
const ALSO: &str = "{ workload: 'Deployment shop/{name}-7f', state: blocked, stage: pods, cause: pods-crash, \
    object: 'Deployment shop/{name}-7f', also: [{ workload: 'Deployment shop/{name}', state: deployed }] }";

fn of(workload: &str, journey: &Value) -> Value {
    let mut journey = journey.clone();
    journey["running"] = running(workload);
    journey
}

#[test]
fn a_scenario_may_expect_several() {
    let (api, copy) = (deployed("api"), blocked("api"));
    let both = [copy.clone(), api.clone()];
    assert_eq!(told(marked(&both, ALSO)), (true, true, false));
    // One of them is missing.
    let one = std::slice::from_ref(&api);
    assert_eq!(told(marked(one, ALSO)), (false, false, false));
    // As many, but not these.
    let twice = [api.clone(), api.clone()];
    assert_eq!(told(marked(&twice, ALSO)), (false, false, false));
}

#[test]
fn as_many_green_ones_as_expected_hid_that_they_are_others() {
    let swapped = [of("api", &blocked("api")), of("api-7f", &deployed("api"))];
    assert_eq!(told(marked(&swapped, ALSO)), (false, false, true));
    let all_green = [deployed("api"), of("api-7f", &deployed("api"))];
    assert_eq!(told(marked(&all_green, ALSO)), (false, false, true));
}

#[test]
fn an_exit_code_that_the_journeys_do_not_promise_was_not_seen() {
    let said = |journeys: &[Value], exit: i32, expected: &str| {
        let answer = Answer {
            exit: Some(exit),
            ..answer(journeys, &[])
        };
        told(judged(&answer, expected))
    };
    assert_eq!(said(&[blocked("api")], 2, BLOCKED), (true, true, false));
    assert_eq!(said(&[deployed("api")], 0, DEPLOYED), (true, true, false));
    assert_eq!(said(&[deployed("api")], 1, DEPLOYED), (false, false, false));
    // Scripts take it for deployed.
    assert_eq!(said(&[blocked("api")], 0, BLOCKED), (false, false, true));
}

#[test]
fn deployed_where_a_newer_one_is_was_no_false_green() {
    let superseded = json!({"app": "api", "state": "superseded", "headline": []});
    let expected = "{ state: superseded }";
    let (right, wrong) = ([superseded.clone()], [deployed("api")]);
    assert_eq!(told(marked(&right, expected)), (true, true, false));
    assert_eq!(told(marked(&wrong, expected)), (false, false, true));
    // The other way round less is said than is true.
    assert_eq!(told(marked(&right, DEPLOYED)), (false, false, false));
}

#[test]
fn a_known_wrong_answer_excused_every_other() {
    let known = |says: &str| {
        let text = format!("{{ because: it is so, says: {says:?} }}");
        serde_yaml_ng::from_str::<WrongToday>(&text).expect("a known one")
    };
    let said = answer(&[blocked("api")], &[]);
    let is = |says: &str| said.is_known(COMMIT, &known(says), |text| text.replace("{name}", "api"));
    assert!(is("blocked pods pods-crash Deployment shop/{name}-7f"));
    assert!(!is("blocked pods pods-crash Deployment shop/{name}"));
    assert!(!is("unknown"));
    let gap = answer(&[blocked("api")], &["not allowed to list pods"]);
    let says = known("blocked pods pods-crash Deployment shop/api-7f");
    assert!(!gap.is_known(COMMIT, &says, ToOwned::to_owned));
    let refused = ask::failed("There is no app api. There are: web".to_owned());
    let is = |says: &str| refused.is_known(COMMIT, &known(says), ToOwned::to_owned);
    assert!(is("There is no app api."));
    assert!(!is("There is no commit."));
}

#[test]
fn what_could_not_be_read_was_not_seen_beside_a_journey() {
    let gap = answer(&[deployed("api")], &["not allowed to list pods"]);
    assert_eq!(told(judged(&gap, DEPLOYED)), (false, false, false));
    let fault = gap.fault(COMMIT);
    assert_eq!(fault.as_deref(), Some("not read: not allowed to list pods"));
}

#[test]
fn an_answer_about_another_commit_is_none() {
    let other = Answer {
        commit: "b0b0b0b0b0".to_owned(),
        ..answer(&[deployed("api")], &[])
    };
    assert_eq!(told(judged(&other, DEPLOYED)), (false, false, false));
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
