//! One object, whole, for whoever opens it.
//!
//! Owns what is never shown: the values of Secrets, and what only the server's bookkeeping needs.

use std::sync::Arc;

use api::ObjectRef;
use facts::Kind;
use serde_json::Value;

use crate::discovery::{Serving, groups, resources};
use crate::failure::{Failure, Why, silent};
use crate::kinds::{collection, place};
use crate::server::{Server, segment};
use crate::watch::Shared;

/// What stands in the place of a secret value.
const HIDDEN: &str = "(hidden)";

/// Why something could not be read. Each message names the cluster and what was to be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The cluster does not answer.
    #[error("{cluster} does not answer: {subject} cannot be read")]
    NotConnected {
        /// The cluster.
        cluster: String,
        /// What was to be read.
        subject: String,
    },
    /// The cluster serves no such kind.
    #[error("{cluster} serves no kind {kind}")]
    UnknownKind {
        /// The cluster.
        cluster: String,
        /// The kind.
        kind: String,
    },
    /// A kind that is never read as it is.
    #[error(
        "{kind} objects are not looked at for an action: what they hold does not belong in a plan"
    )]
    NotRaw {
        /// The kind.
        kind: String,
    },
    /// It failed.
    #[error("{subject} cannot be read from {cluster}: {failure}")]
    Failed {
        /// The cluster.
        cluster: String,
        /// What was to be read.
        subject: String,
        /// Why.
        failure: Failure,
    },
}

impl From<ReadError> for api::Error {
    fn from(error: ReadError) -> Self {
        use api::error::Code;
        let message = error.to_string();
        match &error {
            ReadError::NotConnected { .. } => Self::new(Code::Unreachable, message).retryable(),
            ReadError::UnknownKind { .. } => Self::new(Code::NotFound, message),
            ReadError::NotRaw { .. } => Self::new(Code::Denied, message),
            ReadError::Failed { failure, .. } => match failure.why {
                Why::NotFound => Self::new(Code::NotFound, message),
                Why::Denied | Why::Unauthorized | Why::Credentials => {
                    Self::new(Code::Denied, message)
                }
                _ => Self::new(Code::Unreachable, message).retryable(),
            },
        }
    }
}

/// Reads one object as YAML.
pub(crate) async fn object(
    shared: &Arc<Shared>,
    cluster: &str,
    object: &ObjectRef,
) -> Result<String, ReadError> {
    let subject = object.to_string();
    let server = shared.line.server().ok_or(ReadError::NotConnected {
        cluster: cluster.to_owned(),
        subject: subject.clone(),
    })?;
    let failed = |failure: Failure| ReadError::Failed {
        cluster: cluster.to_owned(),
        subject: subject.clone(),
        failure,
    };
    let Some(path) = path(shared, &server, object).await.map_err(failed)? else {
        return Err(ReadError::UnknownKind {
            cluster: cluster.to_owned(),
            kind: object.kind.clone(),
        });
    };
    let within = shared.options.list_within;
    let answer = server.get(&path, within).await.map_err(failed)?;
    yaml(&answer.body).map_err(failed)
}

/// The object's path; `None` if its kind is not served.
async fn path(
    shared: &Shared,
    server: &Server,
    object: &ObjectRef,
) -> Result<Option<String>, Failure> {
    let in_path = |group: &str, version: &str, plural: &str, namespaced: bool| {
        let namespace =
            (namespaced && !object.namespace.is_empty()).then(|| segment(&object.namespace));
        let collection = collection(group, version, plural, namespace.as_deref());
        format!("{collection}/{}", segment(&object.name))
    };
    let options = &shared.options;
    if let Some(kind) = Kind::from_name(&object.kind) {
        let all = collection_of(shared, server, kind, &object.namespace).await?;
        return Ok(all.map(|all| format!("{all}/{}", segment(&object.name))));
    }
    let core = resources(server, "", "v1", options).await?;
    let find = |resources: &[crate::discovery::Resource]| {
        resources
            .iter()
            .find(|resource| resource.kind.0 == object.kind && !resource.name.0.contains('/'))
            .map(|resource| (resource.name.0.clone(), resource.namespaced.0))
    };
    if let Some((plural, namespaced)) = find(&core) {
        return Ok(Some(in_path("", "v1", &plural, namespaced)));
    }
    for served in groups(server, options).await? {
        for version in &served.versions {
            // A group whose server is down hides its own kinds, not the others'.
            let Ok(resources) = resources(server, &served.group, version, options).await else {
                continue;
            };
            if let Some((plural, namespaced)) = find(&resources) {
                return Ok(Some(in_path(&served.group, version, &plural, namespaced)));
            }
        }
    }
    Ok(None)
}

/// The path of all objects of a kind that is kept as facts, in a namespace if it says one; `None` if the kind is not served.
pub(crate) async fn collection_of(
    shared: &Shared,
    server: &Server,
    kind: Kind,
    namespace: &str,
) -> Result<Option<String>, Failure> {
    let place = place(kind);
    let serving = shared.discovery.serving(kind);
    match tokio::time::timeout(shared.options.list_within, serving).await {
        Ok(Serving::Version(version)) => {
            let named = !kind.is_cluster_wide() && !namespace.is_empty();
            let namespace = named.then(|| segment(namespace));
            Ok(Some(collection(
                place.group,
                &version,
                place.plural,
                namespace.as_deref(),
            )))
        }
        Ok(Serving::Absent) => Ok(None),
        Ok(Serving::Unknown(failure)) => Err(failure),
        Err(_) => Err(silent(&server.host)),
    }
}

/// The object as YAML, without what nobody reads and nobody may see.
fn yaml(body: &[u8]) -> Result<String, Failure> {
    let malformed = || Failure::new(Why::Malformed, "the answer is no object");
    let mut object: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    if !object.is_object() {
        return Err(malformed());
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    if object.get("kind").and_then(Value::as_str) == Some("Secret") {
        for field in ["data", "stringData"] {
            match object.get_mut(field) {
                Some(Value::Object(values)) => {
                    for value in values.values_mut() {
                        *value = Value::from(HIDDEN);
                    }
                }
                Some(other) => *other = Value::from(HIDDEN),
                None => {}
            }
        }
    }
    hide_secret_variables(&mut object);
    serde_yaml_ng::to_string(&object).map_err(|_| malformed())
}

/// Environment variables that are written into an object in plain and whose names say that they are secret, wherever
/// in it they stand. That somebody put them there does not make them this program's to show.
fn hide_secret_variables(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_secret_variables),
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str);
            let is_secret = name.is_some_and(says_secret);
            if is_secret && fields.get("value").is_some_and(Value::is_string) {
                fields.insert("value".to_owned(), Value::from(HIDDEN));
            }
            fields.values_mut().for_each(hide_secret_variables);
        }
        _ => {}
    }
}

/// Whether a variable's name says that its value is secret.
fn says_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "private",
        "api_key",
        "apikey",
        "access_key",
        "dsn",
        "database_url",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_placeholders_and_bookkeeping_is_gone() {
        let text = yaml(
            br#"{"apiVersion":"v1","kind":"Secret","type":"Opaque","data":{"password":"dG9wc2VjcmV0"},"stringData":"odd-topsecret",
               "metadata":{"name":"db","managedFields":[{"manager":"m","fieldsV1":{"f:data":{}}}],
                 "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"password\":\"dG9wc2VjcmV0\"}}"}}}"#,
        )
        .unwrap();
        assert_eq!(
            text,
            "apiVersion: v1\ndata:\n  password: (hidden)\nkind: Secret\nmetadata:\n  name: db\nstringData: (hidden)\ntype: Opaque\n"
        );
    }

    #[test]
    fn variables_whose_names_say_secret_are_hidden_wherever_they_stand() {
        let text = yaml(
            br#"{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"name":"api-token","image":"x","env":[
               {"name":"DB_PASSWORD","value":"hunter2"},{"name":"LOG_LEVEL","value":"debug"},
               {"name":"STRIPE_API_KEY","value":"sk_live"},{"name":"A","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}]}}}}"#,
        )
        .unwrap();
        assert!(
            !text.contains("hunter2") && !text.contains("sk_live"),
            "{text}"
        );
        assert!(
            text.contains("debug") && text.contains("key: password"),
            "{text}"
        );
    }

    #[test]
    fn other_annotations_stay() {
        let text = yaml(br#"{"kind":"ConfigMap","data":{"a":"b"},"metadata":{"annotations":{"x":"y","kubectl.kubernetes.io/last-applied-configuration":"{}"}}}"#).unwrap();
        assert!(text.contains("x: y") && text.contains("a: b"));
        assert!(!text.contains("last-applied"));
        assert!(yaml(b"[]").is_err() && yaml(b"<html>").is_err());
    }
}
