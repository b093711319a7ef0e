//! Reading the few bodies that kubectl's typed clients send as protobuf: reviews, and what `kubectl create` makes.
//!
//! Only these messages are described here; everything else that a client sends as protobuf is refused with 415, and
//! nothing is ever answered as protobuf. Field numbers are those of Kubernetes' `generated.proto` files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock::rfc3339;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every protobuf body of Kubernetes begins with.
const MAGIC: &[u8] = b"k8s\0";

/// What a field holds.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number,
    Bool,
    Time,
    Message(&'static [Field]),
    Texts,
    TextMap,
    BytesMap,
    Messages(&'static [Field]),
}

/// A field's number, its name in JSON, and what it holds.
type Field = (u64, &'static str, Shape);

const OWNER: &[Field] = &[
    (1, "kind", Shape::Text),
    (3, "name", Shape::Text),
    (4, "uid", Shape::Text),
    (5, "apiVersion", Shape::Text),
    (6, "controller", Shape::Bool),
    (7, "blockOwnerDeletion", Shape::Bool),
];

const METADATA: Field = (
    1,
    "metadata",
    Shape::Message(&[
        (1, "name", Shape::Text),
        (2, "generateName", Shape::Text),
        (3, "namespace", Shape::Text),
        (5, "uid", Shape::Text),
        (6, "resourceVersion", Shape::Text),
        (7, "generation", Shape::Number),
        (8, "creationTimestamp", Shape::Time),
        (11, "labels", Shape::TextMap),
        (12, "annotations", Shape::TextMap),
        (13, "ownerReferences", Shape::Messages(OWNER)),
        (14, "finalizers", Shape::Texts),
    ]),
);

const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Shape::Text),
    (2, "verb", Shape::Text),
    (3, "group", Shape::Text),
    (4, "version", Shape::Text),
    (5, "resource", Shape::Text),
    (6, "subresource", Shape::Text),
    (7, "name", Shape::Text),
];

const PATH_ATTRIBUTES: &[Field] = &[(1, "path", Shape::Text), (2, "verb", Shape::Text)];

const ACCESS_SPEC: &[Field] = &[
    (1, "resourceAttributes", Shape::Message(RESOURCE_ATTRIBUTES)),
    (2, "nonResourceAttributes", Shape::Message(PATH_ATTRIBUTES)),
];

/// The message of a kind, if it is known.
fn message(kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "SelfSubjectAccessReview" => &[METADATA, (2, "spec", Shape::Message(ACCESS_SPEC))],
        "SelfSubjectRulesReview" => &[
            METADATA,
            (2, "spec", Shape::Message(&[(1, "namespace", Shape::Text)])),
        ],
        "SelfSubjectReview" => &[METADATA],
        "Namespace" => &[
            METADATA,
            (
                2,
                "spec",
                Shape::Message(&[(1, "finalizers", Shape::Texts)]),
            ),
        ],
        "ConfigMap" => &[
            METADATA,
            (2, "data", Shape::TextMap),
            (3, "binaryData", Shape::BytesMap),
            (4, "immutable", Shape::Bool),
        ],
        "Secret" => &[
            METADATA,
            (2, "data", Shape::BytesMap),
            (3, "type", Shape::Text),
            (5, "immutable", Shape::Bool),
        ],
        "ServiceAccount" => &[METADATA],
        _ => return None,
    })
}

/// Reads a body; `None` if it is malformed, or of a kind that is not described here.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    // The envelope is a message of its own: type, object, encoding.
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &body[..0]);
    for field in fields(body.strip_prefix(MAGIC)?) {
        match field? {
            (1, Wire::Bytes(type_meta)) => {
                for field in fields(type_meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => api_version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(object)) => raw = object,
            _ => {}
        }
    }
    let mut object = decode_message(message(&kind)?, raw)?;
    object.insert("apiVersion".into(), json!(api_version));
    object.insert("kind".into(), json!(kind));
    Some(Value::Object(object))
}

fn decode_message(known: &'static [Field], message: &[u8]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    for field in fields(message) {
        let (number, wire) = field?;
        let Some((_, name, shape)) = known.iter().find(|(known, _, _)| *known == number) else {
            continue;
        };
        let value = match (shape, wire) {
            (Shape::Text, Wire::Bytes(text)) => {
                let text = utf8(text)?;
                // Go writes empty texts; in JSON they are left out.
                if text.is_empty() {
                    continue;
                }
                json!(text)
            }
            (Shape::Number, Wire::Number(0)) => continue,
            (Shape::Number, Wire::Number(number)) => json!(number),
            (Shape::Bool, Wire::Number(number)) => json!(number != 0),
            (Shape::Time, Wire::Bytes(time)) => match decode_time(time)? {
                Some(time) => json!(time),
                None => continue,
            },
            (Shape::Message(of), Wire::Bytes(inner)) => Value::Object(decode_message(of, inner)?),
            (Shape::Texts, Wire::Bytes(text)) => {
                append(&mut object, name, json!(utf8(text)?));
                continue;
            }
            (Shape::Messages(of), Wire::Bytes(inner)) => {
                append(&mut object, name, Value::Object(decode_message(of, inner)?));
                continue;
            }
            (Shape::TextMap | Shape::BytesMap, Wire::Bytes(entry)) => {
                let (key, value) = decode_entry(entry)?;
                let value = match shape {
                    Shape::BytesMap => json!(STANDARD.encode(value)),
                    _ => json!(utf8(value)?),
                };
                let map = object.entry(*name).or_insert_with(|| json!({}));
                super::object::fields(map).insert(key, value);
                continue;
            }
            _ => return None,
        };
        object.insert((*name).to_owned(), value);
    }
    Some(object)
}

fn append(object: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(list) = object.entry(name).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

fn decode_entry(entry: &[u8]) -> Option<(String, &[u8])> {
    let (mut key, mut value) = (String::new(), &entry[..0]);
    for field in fields(entry) {
        match field? {
            (1, Wire::Bytes(text)) => key = utf8(text)?,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Some((key, value))
}

/// A time; the inner `None` is Go's zero time, which is written where there is none.
fn decode_time(time: &[u8]) -> Option<Option<String>> {
    for field in fields(time) {
        if let (1, Wire::Number(seconds)) = field? {
            let time = Timestamp::from_second(seconds.cast_signed()).ok()?;
            return Some((time > Timestamp::UNIX_EPOCH).then(|| rfc3339(time)));
        }
    }
    Some(None)
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(ToOwned::to_owned)
}

/// A field as it is on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in order; `None` where it is malformed, and nothing after that.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = Option<(u64, Wire<'_>)>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = take_field(&mut rest);
        if field.is_none() {
            rest = &[];
        }
        Some(field)
    })
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Wire<'a>)> {
    let tag = take_varint(rest)?;
    let wire = match tag & 7 {
        0 => Wire::Number(take_varint(rest)?),
        1 => Wire::Bytes(take(rest, 8)?),
        2 => {
            let length = usize::try_from(take_varint(rest)?).ok()?;
            Wire::Bytes(take(rest, length)?)
        }
        5 => Wire::Bytes(take(rest, 4)?),
        _ => return None,
    };
    Some((tag >> 3, wire))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut part = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        part.extend_from_slice(bytes);
        part
    }

    fn body(kind: &str, object: &[u8]) -> Vec<u8> {
        let type_meta = [part(1, b"v1"), part(2, kind.as_bytes())].concat();
        [
            MAGIC.to_vec(),
            part(1, &type_meta),
            part(2, object),
            part(3, b""),
            part(4, b""),
        ]
        .concat()
    }

    #[test]
    fn reads_what_kubectl_asks_and_creates() {
        let attributes = [
            part(1, b"shop"),
            part(2, b"list"),
            part(3, b""),
            part(5, b"pods"),
        ]
        .concat();
        let metadata = part(1, &[part(1, b""), part(8, &[])].concat());
        let review = [metadata, part(2, &part(1, &attributes))].concat();
        assert_eq!(
            decode(&body("SelfSubjectAccessReview", &review)).unwrap(),
            json!({"apiVersion": "v1", "kind": "SelfSubjectAccessReview", "metadata": {},
                   "spec": {"resourceAttributes": {"namespace": "shop", "verb": "list", "resource": "pods"}}})
        );
        let entry = [part(1, b"key"), part(2, b"value")].concat();
        let object = [part(1, &part(1, b"a")), part(2, &entry)].concat();
        assert_eq!(
            decode(&body("ConfigMap", &object)).unwrap()["data"],
            json!({"key": "value"})
        );
        assert_eq!(
            decode(&body("Secret", &object)).unwrap()["data"],
            json!({"key": "dmFsdWU="})
        );
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_refused() {
        let whole = body("ConfigMap", &part(1, &part(1, b"a")));
        assert!(decode(&whole).is_some());
        for end in 0..whole.len() - 4 {
            let cut = decode(&whole[..end]);
            assert!(
                cut.is_none() || cut.as_ref().unwrap()["metadata"]["name"].is_null(),
                "{end}"
            );
        }
        assert!(decode(&body("Pod", b"")).is_none());
        assert!(decode(b"{}").is_none());
        let endless = [MAGIC, &[0xff; 20][..]].concat();
        assert!(decode(&endless).is_none());
    }
}
