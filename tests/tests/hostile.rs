//! What a cluster may hold and a person may lack: huge messages, control characters, markup, no rights, no sign-in.
//! Each gets a clear answer and its exit code, and nothing of it reaches the terminal as anything but text.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up fails here, with words"
)]

use std::path::PathBuf;

use product_tests::{Company, json, text};
use serde_json::json as object;

/// The most that an answer about one target may print.
const PAGE: usize = 20_000;

fn ask(company: &Company, situation: &str) -> (String, String) {
    let situation = company.situation(situation);
    let word = |field: &str| situation[field].as_str().expect("a text").to_owned();
    (word("ask"), word("app"))
}

/// Warns about each of an app's pods in production that cannot pull its image, as its kubelet would just now.
fn warn(company: &Company, app: &str, message: &str) {
    let read = |kind: &str| -> serde_json::Value {
        let list = company.kubectl("prod", &["get", kind, "-A", "-o", "json"], "");
        serde_json::from_str(&list).expect("JSON")
    };
    let events = read("events");
    let times = events["items"].as_array().expect("events").iter();
    let newest: jiff::Timestamp = times
        .filter_map(|event| event["lastTimestamp"].as_str()?.parse().ok())
        .max()
        .expect("events have times");
    // The company's kubelets go on telling of the same pods: theirs must not be the last word while we ask.
    let newest = (newest + jiff::SignedDuration::from_mins(10)).to_string();
    let pods = read("pods");
    let pods = pods["items"].as_array().expect("pods").iter();
    let waiting: Vec<_> = pods
        .filter(|pod| {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let state = &pod["status"]["containerStatuses"][0]["state"];
            name.starts_with(app) && state.get("waiting").is_some()
        })
        .map(|pod| &pod["metadata"])
        .collect();
    assert!(!waiting.is_empty(), "{app} has a pod that waits");
    for pod in waiting {
        let name = pod["name"].as_str().expect("a name");
        let event = object!({
            "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed", "count": 1_000,
            "message": format!("Failed to pull image: {message}"),
            "metadata": {"namespace": pod["namespace"], "name": format!("{name}.hostile")},
            "involvedObject": {
                "apiVersion": "v1", "kind": "Pod", "namespace": pod["namespace"], "name": name, "uid": pod["uid"],
            },
            "source": {"component": "kubelet"}, "firstTimestamp": newest, "lastTimestamp": newest,
        });
        company.kubectl("prod", &["create", "-f", "-"], &event.to_string());
    }
}

#[test]
fn an_event_message_of_a_megabyte_neither_fills_the_answer_nor_changes_it() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    let (commit, app) = ask(&company, "image-pull");
    let question = ["why", &commit, "--env", "production", "--app", &app];
    let before = terminal.run(&question);
    warn(&company, &app, &"the registry is on fire. ".repeat(42_000));
    let after = terminal.run(&question);
    let said = text(&after);
    assert_eq!(after.status.code(), before.status.code(), "{}", said.len());
    assert!(said.len() < PAGE, "{} bytes", said.len());
    assert!(said.contains("the registry is on fire"), "{said}");
    let whole = terminal.run(&["why", &commit, "--env", "production", "--json"]);
    let journey = &json(&whole)["journeys"][0];
    assert_eq!(journey["cause"]["code"], "pods-image-pull", "{journey}");
    let headline = journey["headline"].to_string();
    assert!(headline.len() < PAGE, "{} bytes", headline.len());
    // Evidence is whole up to 64 KiB, in the cause's proof and in its stage's.
    let printed = whole.stdout.len();
    assert!(printed < 2 * 64 * 1024 + PAGE, "{printed} bytes");
}

#[test]
fn control_characters_and_markup_are_shown_as_text() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    let (commit, app) = ask(&company, "image-pull");
    let message =
        "no \u{1b}[31mroom\u{1b}]0;title\u{7}\r\n<script>alert(1)</script> \u{202e}sdrawkcab";
    warn(&company, &app, message);
    let said = text(&terminal.run(&["why", &commit, "--env", "production", "-v"]));
    assert!(said.contains("<script>alert(1)</script>"), "{said}");
    for forbidden in ['\u{1b}', '\u{7}', '\r', '\u{202e}'] {
        assert!(!said.contains(forbidden), "{forbidden:?} in {said:?}");
    }
}

/// The company's kubeconfig with another token.
fn signed_in_as(company: &Company, token: &str) -> PathBuf {
    let config = std::fs::read_to_string(company.kubeconfig()).expect("the kubeconfig");
    assert!(config.contains("token: developer"), "{config}");
    let path = company.folder.path().join(format!("{token}.yaml"));
    let changed = config.replace("token: developer", &format!("token: {token}"));
    std::fs::write(&path, changed).expect("written");
    path
}

#[test]
fn who_may_list_nothing_and_who_is_not_signed_in_are_told_so() {
    let company = Company::serve(1);
    let (commit, _) = ask(&company, "delivered-everywhere");
    for (token, wanted) in [("newcomer", "not allowed to read"), ("nobody", "sign in")] {
        let terminal = company.terminal_with(&signed_in_as(&company, token));
        let output = terminal.run(&["why", &commit]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(3), "{token}: {said}");
        assert!(said.contains(wanted), "{token}: {said}");
        assert!(!said.to_lowercase().contains("is live"), "{token}: {said}");
        assert!(said.len() < PAGE, "{token}: {} bytes", said.len());
    }
}
