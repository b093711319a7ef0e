//! Reading objects as JSON: fields by path, durations and moments as Kubernetes and Go write them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// The value at a path of keys, if every step is there.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The text at a path; empty if it is absent or no text.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a path.
pub fn integer(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).and_then(Value::as_i64)
}

/// Whether the path holds `true`.
pub fn flag(value: &Value, path: &[&str]) -> bool {
    at(value, path).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a path; empty if absent.
pub fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The mapping at a path, if it is one.
pub fn mapping<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Map<String, Value>> {
    at(value, path).and_then(Value::as_object)
}

/// A whole number as a count: negative and absent are the default.
pub fn count(value: &Value, path: &[&str], default: usize) -> usize {
    integer(value, path)
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(default)
}

/// Sets the value at a path of keys, making mappings on the way.
pub fn put(value: &mut Value, path: &[&str], new: Value) {
    let Some((last, parents)) = path.split_last() else {
        *value = new;
        return;
    };
    let mut place = value;
    for key in parents {
        place = entry(place)
            .entry(*key)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    entry(place).insert((*last).to_owned(), new);
}

/// Removes the key at a path.
pub fn cut(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let place = parents
        .iter()
        .try_fold(value, |value, key| value.get_mut(*key));
    if let Some(place) = place.and_then(Value::as_object_mut) {
        place.remove(*last);
    }
}

/// The value as a mapping, made one if it is none.
pub fn entry(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made a mapping above"),
    }
}

/// A moment as Kubernetes stores it: whole seconds, cut off.
pub fn stamp(at: Timestamp) -> Value {
    Value::String(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A moment read back.
pub fn moment(value: &Value, path: &[&str]) -> Option<Timestamp> {
    text(value, path).parse().ok()
}

/// A duration as Go writes it in specs: `1m30s`, `500ms`, `2h`.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    SignedDuration::try_from_secs_f64(total).ok()
}

/// The duration at a path, or a default in seconds.
pub fn duration_at(value: &Value, path: &[&str], default: i64) -> SignedDuration {
    duration(text(value, path)).unwrap_or(SignedDuration::from_secs(default))
}

/// A duration as Go prints it: `9m30s`, `1h0m0s`, `1.203s`, `350ms`.
pub fn go_duration(duration: SignedDuration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (hours, rest) = (millis / 3_600_000, millis % 3_600_000);
    let (minutes, rest) = (rest / 60_000, rest % 60_000);
    let seconds = if rest % 1000 == 0 {
        format!("{}s", rest / 1000)
    } else {
        let fraction = format!("{}.{:03}", rest / 1000, rest % 1000);
        format!("{}s", fraction.trim_end_matches('0'))
    };
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, seconds, printed) in [
            ("10m", 600, "10m0s"),
            ("1h", 3600, "1h0m0s"),
            ("9m30s", 570, "9m30s"),
            ("30s", 30, "30s"),
            ("1h5s", 3605, "1h0m5s"),
        ] {
            let read = duration(text).unwrap();
            assert_eq!(read.as_secs(), seconds);
            assert_eq!(go_duration(read), printed);
        }
        assert_eq!(duration("500ms").unwrap().as_millis(), 500);
        assert_eq!(go_duration(SignedDuration::from_millis(1203)), "1.203s");
        assert_eq!(go_duration(SignedDuration::from_millis(350)), "350ms");
        assert_eq!(duration("10"), None);
        assert_eq!(duration(""), None);
        assert_eq!(duration("soon"), None);
    }

    #[test]
    fn putting_makes_the_way_and_cutting_leaves_it() {
        let mut value = json!({});
        put(&mut value, &["a", "b"], json!(1));
        assert_eq!(value, json!({"a": {"b": 1}}));
        cut(&mut value, &["a", "b"]);
        cut(&mut value, &["x", "y"]);
        assert_eq!(value, json!({"a": {}}));
    }
}
