//! Reading and stamping an object's metadata: the few fields that every kind has.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// An object's name; empty if it has none.
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// An object's namespace; empty for cluster-wide objects.
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// An object's UID; empty if it has none.
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// A text field of the metadata; empty if it is not there.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// A label's value.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

/// The version that the object was written at; 0 if it never was.
pub fn version(object: &Value) -> u64 {
    text(object, "resourceVersion").parse().unwrap_or(0)
}

/// Whether something still has to happen before the object may go.
pub fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|finalizers| !finalizers.is_empty())
}

/// The UIDs of an object's owners.
pub fn owners(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str())
}

/// The object's fields; an object that is no map becomes an empty one.
pub fn fields(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    match object {
        Value::Object(fields) => fields,
        _ => unreachable!("made a map above"),
    }
}

/// A map inside an object, made if it is not there.
pub fn section<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    self::fields(fields(object).entry(field).or_insert_with(|| json!({})))
}

/// A UID made from what it identifies, so that the same company has the same UIDs.
pub fn uid_of(parts: &[&str]) -> String {
    let hash = hex(parts);
    // Shaped as a random UUID (version 4, variant 1), because clients may check.
    format!(
        "{}-{}-4{}-a{}-{}",
        &hash[0..8],
        &hash[8..12],
        &hash[13..16],
        &hash[17..20],
        &hash[20..32]
    )
}

/// The end of a generated name: five characters of the alphabet that Kubernetes uses for it.
pub fn name_suffix(parts: &[&str]) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    digest(parts)
        .iter()
        .take(5)
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

/// The SHA-256 of the parts in hex.
pub fn hex(parts: &[&str]) -> String {
    use std::fmt::Write;
    digest(parts)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_look_random_and_repeat() {
        let uid = uid_of(&["prod", "Pod", "shop", "web", "1"]);
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert_eq!(uid, uid_of(&["prod", "Pod", "shop", "web", "1"]));
        assert_ne!(uid, uid_of(&["prod", "Pod", "shop", "web", "2"]));
    }

    #[test]
    fn sections_are_made_where_they_are_missing() {
        let mut object = json!({"metadata": null});
        section(&mut object, "metadata").insert("name".into(), json!("web"));
        assert_eq!(name(&object), "web");
    }
}
