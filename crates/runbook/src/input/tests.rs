//! What people say, checked: what fits, what does not, and that it stays a value.

use super::*;
use crate::action::{Confirm, On, TargetKind, Undo};

fn input(name: &str, is: InputKind, default: Option<Value>) -> Input {
    Input {
        name: name.to_owned(),
        ask: "What?".to_owned(),
        is,
        default,
    }
}

fn action(inputs: Vec<Input>) -> Action {
    Action {
        version: 1,
        id: "x".to_owned(),
        title: "X".to_owned(),
        about: "x".to_owned(),
        roles: Vec::new(),
        on: On {
            kinds: Vec::new(),
            environments: Vec::new(),
            apps: Vec::new(),
        },
        inputs,
        steps: Vec::new(),
        confirm: Confirm::Click,
        reason: false,
        per_hour: None,
        undo: Undo::Not("x".to_owned()),
    }
}

fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, said)| ((*name).to_owned(), (*said).to_owned()));
    owned.collect()
}

fn any_text() -> InputKind {
    InputKind::Text {
        pattern: None,
        longest: 200,
    }
}

fn matching(pattern: &str) -> InputKind {
    InputKind::Text {
        pattern: Some(pattern.to_owned()),
        longest: 200,
    }
}

#[test]
fn what_passes_is_byte_for_byte_what_was_said() {
    for text in [
        "it's",
        "\"quoted\"",
        "`id`",
        "$(rm -rf /)",
        "${HOME}",
        "$HOME",
        "{{ .Values.x }}",
        "{% if %}",
        "{\"a\": [1]}",
        "a: b",
        "- a",
        "&a *a !a",
        "# no comment",
        "| >",
        "%s %n",
        "\\n\\0\\u0000",
        "a;b&&c||d",
        "../../etc/passwd",
        "<b>",
        "' OR 1=1 --",
        "true",
        "null",
        "~",
        "007",
        "1e9",
        " spaces around ",
        "ünïcödé 猫 🐈",
        "--flag",
        "=cmd()",
        "NaN",
    ] {
        let action = action(vec![input("text", any_text(), None)]);
        let inputs = check(&action, &said(&[("text", text)])).expect(text);
        assert_eq!(inputs.get("text"), Some(&Value::Text(text.to_owned())));
        let json = serde_json::to_string(&inputs).expect("JSON");
        let again: Inputs = serde_json::from_str(&json).expect("the same");
        assert_eq!(again, inputs, "a plan is kept as JSON");
    }
}

#[test]
fn text_refuses_what_changes_how_it_looks_without_being_seen() {
    for text in [
        "a\nb",
        "a\r",
        "\t",
        "\u{1b}[31m",
        "a\0",
        "a\u{7f}",
        "a\u{202e}b",
        "a\u{200b}b",
        "\u{2028}",
        "",
    ] {
        for is in [any_text(), matching("(?s).+")] {
            assert!(typed(&is, text).is_err(), "{text:?}");
        }
    }
    assert!(typed(&any_text(), &"ä".repeat(200)).is_ok());
    assert!(typed(&any_text(), &"ä".repeat(201)).is_err());
}

#[test]
fn a_pattern_has_to_match_all_of_the_text() {
    assert!(typed(&matching("v[0-9]+"), "v12").is_ok());
    for text in ["v12; rm", "xv12", "v12\nv13", "v"] {
        assert!(typed(&matching("v[0-9]+"), text).is_err(), "{text:?}");
    }
    // The first alternative that matches is not the one that matches all.
    assert!(typed(&matching("a|ab"), "ab").is_ok());
    assert!(typed(&matching("(?m)^a$"), "a\nb").is_err());
    // What would escape from the parentheses that are put around it, or comment them out.
    for expression in ["a)|(b", "(?x)a #", "(", "a{1000}{1000}"] {
        assert!(pattern(expression).is_err(), "{expression}");
    }
    let started = std::time::Instant::now();
    let text = format!("{}b", "a".repeat(199));
    assert!(typed(&matching("(a+)+"), &text).is_err());
    assert!(started.elapsed() < std::time::Duration::from_secs(1));
}

#[test]
fn each_kind_takes_what_it_is_and_nothing_else() {
    let number = InputKind::Number { least: 0, most: 20 };
    assert_eq!(typed(&number, "20"), Ok(Value::Number(20)));
    for text in [
        "21",
        "-1",
        "3.0",
        "3 ",
        "",
        "three",
        "0x3",
        "99999999999999999999",
    ] {
        assert_eq!(
            typed(&number, text),
            Err("a whole number from 0 to 20".to_owned())
        );
    }
    let choice = InputKind::Choice {
        of: vec!["blue".to_owned(), "green".to_owned()],
    };
    assert_eq!(typed(&choice, "green"), Ok(Value::Text("green".to_owned())));
    assert_eq!(
        typed(&choice, "Green"),
        Err("one of blue, green".to_owned())
    );
    let duration = InputKind::Duration {
        most: "2h".parse().expect("a length"),
    };
    assert_eq!(typed(&duration, "120m"), Ok(Value::Text("120m".to_owned())));
    assert!(typed(&duration, "121m").is_err() && typed(&duration, "soon").is_err());
    let object = InputKind::Object {
        kind: TargetKind::CronJob,
    };
    assert_eq!(
        typed(&object, "db.fill-2"),
        Ok(Value::Text("db.fill-2".to_owned()))
    );
    for text in [
        "",
        "a/b",
        "../x",
        "A",
        "-a",
        "a-",
        "a..b",
        "a b",
        "a?x=1",
        "a%2f",
        &"a".repeat(254),
    ] {
        assert_eq!(
            typed(&object, text),
            Err("the name of a CronJob".to_owned()),
            "{text}"
        );
    }
}

#[test]
fn every_error_is_told_at_once_with_what_was_said_and_what_is_wanted() {
    let action = action(vec![
        input("to", InputKind::Number { least: 0, most: 20 }, None),
        input("note", any_text(), None),
        input(
            "wait",
            InputKind::Duration {
                most: "1h".parse().expect("a length"),
            },
            Some(Value::Text("5m".to_owned())),
        ),
    ]);
    let errors = check(
        &action,
        &said(&[("to", "many"), ("wait", "2h"), ("too", "3")]),
    )
    .expect_err("refused");
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "to: \"many\" is not a whole number from 0 to 20",
            "note: nothing was said, and text of 1 to 200 characters is wanted",
            "wait: \"2h\" is not a length of time of at most 1h, such as 30s, 10m or 2h",
            "\"too\": x does not ask for this: it asks for to, note, wait",
        ]
    );
    let inputs = check(&action, &said(&[("to", "3"), ("note", "x")])).expect("fine");
    assert_eq!(inputs.get("wait"), Some(&Value::Text("5m".to_owned())));
    let long = "x y ".repeat(100);
    let errors = check(&action, &said(&[("to", &long), ("note", "x")])).expect_err("refused");
    assert!(errors[0].to_string().len() < 150, "{}", errors[0]);
}

#[test]
fn what_may_be_a_secret_is_never_said_back() {
    let number = || InputKind::Number { least: 0, most: 20 };
    let secret = |name: &str, ask: &str, text: &str| {
        let mut input = input(name, number(), None);
        ask.clone_into(&mut input.ask);
        let errors = check(&action(vec![input]), &said(&[(name, text)])).expect_err("refused");
        assert_eq!(errors[0].said, None);
        assert!(!errors[0].to_string().contains(text), "{}", errors[0]);
        assert!(
            errors[0]
                .to_string()
                .contains("a whole number from 0 to 20")
        );
    };
    secret("dbPassword", "Which?", "hunter2");
    secret("value", "What is the API key?", "hunter2");
    for text in [
        "ghp_abc",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOi",
        "-----BEGIN KEY",
        "9f86d081884c7d659a2feaa0c55ad015",
    ] {
        secret("to", "How many?", text);
    }
}
