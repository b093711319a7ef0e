//! Every leaf under every wrong type; durations and times as controllers write them.

use serde::Deserialize;

use super::*;

#[derive(Default, Deserialize, Debug, PartialEq)]
#[serde(default)]
struct Inner {
    name: Text,
    at: Moment,
    count: Integer,
}

#[derive(Default, Deserialize, Debug, PartialEq)]
#[serde(default)]
struct Outer {
    inner: Part<Inner>,
    list: List<Part<Inner>>,
    table: Table<Text>,
    every: Span,
    on: Flag,
    last: Text,
}

/// One value of each JSON type.
const ODD: [&str; 8] = [
    "null",
    "true",
    "7",
    "-7",
    "1.5",
    "\"text\"",
    "[1,[2,{\"a\":3}]]",
    "{\"a\":{\"b\":[1]}}",
];

#[test]
fn a_field_of_any_wrong_type_costs_only_itself() {
    for field in ["inner", "list", "table", "every", "on"] {
        for odd in ODD {
            let json = format!(r#"{{"{field}": {odd}, "last": "still read"}}"#);
            let outer: Outer = serde_json::from_str(&json).unwrap();
            assert_eq!(outer.last.0, "still read", "{json}");
        }
    }
    for odd in ODD {
        let json = format!(
            r#"{{"inner": {{"name": {odd}, "at": {odd}, "count": {odd}}}, "list": [{odd}, {{"name": "b"}}], "table": {{"k": {odd}}}, "last": "still read"}}"#
        );
        let outer: Outer = serde_json::from_str(&json).unwrap();
        assert_eq!(outer.last.0, "still read", "{json}");
        assert_eq!(outer.list.0.len(), 2, "{json}");
        assert_eq!(outer.list.0[1].name.0, "b", "{json}");
    }
}

#[test]
fn numbers_without_quotes_are_text_where_text_is_meant() {
    let table: Table<Text> = serde_json::from_str(r#"{"a": 1.2, "b": 7, "c": "x"}"#).unwrap();
    let texts = table.texts();
    assert_eq!(
        (texts["a"].as_str(), texts["b"].as_str()),
        ("1.2", "7"),
        "{texts:?}"
    );
}

#[test]
fn durations_are_read_as_go_writes_them() {
    for (text, seconds) in [
        ("1m0s", 60),
        ("10m", 600),
        ("10m0s", 600),
        ("1h30m", 5400),
        ("1h0m0s", 3600),
        ("1.5h", 5400),
        ("0", 0),
        ("0s", 0),
        ("-2m", -120),
        ("9999h", 9999 * 3600),
    ] {
        assert_eq!(
            go_duration(text),
            Some(SignedDuration::from_secs(seconds)),
            "{text}"
        );
    }
    assert_eq!(
        go_duration("1s500ms"),
        Some(SignedDuration::from_millis(1500))
    );
    assert_eq!(
        go_duration("1.25µs"),
        Some(SignedDuration::from_nanos(1250))
    );
    for text in [
        "",
        "-",
        "5",
        "m",
        ".s",
        "1d",
        "5 m",
        "1m x",
        "1..5s",
        "99999999999999999999999999999999999999999h",
    ] {
        assert_eq!(go_duration(text), None, "{text}");
    }
}

#[test]
fn times_are_read_with_and_without_fractions_and_zones() {
    for text in [
        "2026-11-21T20:31:00Z",
        "2026-11-21T20:31:00.000000Z",
        "2026-11-21T21:31:00+01:00",
    ] {
        let json = format!("\"{text}\"");
        let moment: Moment = serde_json::from_str(&json).unwrap();
        assert_eq!(moment.0.unwrap().as_second(), 1_795_293_060, "{text}");
    }
    assert_eq!(
        serde_json::from_str::<Moment>("\"yesterday\"").unwrap().0,
        None
    );
}
