//! Label and field selectors: parsing what a client sends, and deciding which objects match.

use serde_json::Value;

use super::kinds::Kind;
use super::object;

/// What objects a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    labels: Vec<LabelTerm>,
    fields: Vec<FieldTerm>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelTerm {
    Equals(String, String),
    NotEquals(String, String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldTerm {
    path: String,
    value: String,
    equal: bool,
}

/// A selector that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SelectorError {
    /// The label selector is none.
    #[error("unable to parse requirement: {0}")]
    Label(String),
    /// The field selector is none.
    #[error("invalid selector: {0:?}; can't understand {0:?}")]
    Field(String),
    /// Objects of this kind cannot be chosen by that field.
    #[error("field label not supported: {0}")]
    UnsupportedField(String),
}

impl Selection {
    /// Reads the selectors of a request about a kind; empty texts choose everything.
    ///
    /// # Errors
    /// If one of them is malformed, or names a field that the kind cannot be chosen by.
    pub fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, SelectorError> {
        let labels = split_terms(labels)
            .into_iter()
            .map(label_term)
            .collect::<Result<_, _>>()?;
        let fields = fields
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .map(|term| field_term(kind, term))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    /// Whether an object is chosen.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|term| term.matches(object))
            && self.fields.iter().all(|term| term.matches(object))
    }

    /// The one name that the fields ask for, if they do.
    pub fn name(&self) -> Option<&str> {
        self.fields
            .iter()
            .find(|term| term.equal && term.path == "metadata.name")
            .map(|term| term.value.as_str())
    }
}

impl LabelTerm {
    fn matches(&self, object: &Value) -> bool {
        match self {
            Self::Equals(key, value) => object::label(object, key) == Some(value),
            Self::NotEquals(key, value) => object::label(object, key) != Some(value),
            Self::In(key, values) => object::label(object, key)
                .is_some_and(|label| values.iter().any(|value| value == label)),
            Self::NotIn(key, values) => object::label(object, key)
                .is_none_or(|label| !values.iter().any(|value| value == label)),
            Self::Exists(key) => object::label(object, key).is_some(),
            Self::Missing(key) => object::label(object, key).is_none(),
        }
    }
}

impl FieldTerm {
    fn matches(&self, object: &Value) -> bool {
        let found = self
            .path
            .split('.')
            .fold(object, |value, field| &value[field]);
        let found = match found {
            Value::String(text) => text.clone(),
            Value::Null => match self.path.as_str() {
                // Fields that are never written when they have their default.
                "spec.unschedulable" => "false".to_owned(),
                _ => String::new(),
            },
            other => other.to_string(),
        };
        (found == self.value) == self.equal
    }
}

/// Cuts at commas outside parentheses.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, character) in selector.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(&selector[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&selector[start..]);
    terms.retain(|term| !term.trim().is_empty());
    terms
}

fn label_term(term: &str) -> Result<LabelTerm, SelectorError> {
    let term = term.trim();
    let error = || SelectorError::Label(term.to_owned());
    if let Some((head, rest)) = term.split_once('(') {
        let values = rest.strip_suffix(')').ok_or_else(error)?;
        let values = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let mut words = head.split_whitespace();
        let key = words
            .next()
            .ok_or_else(error)
            .and_then(|key| key_of(key, term))?;
        return match (words.next(), words.next()) {
            (Some("in"), None) => Ok(LabelTerm::In(key, values)),
            (Some("notin"), None) => Ok(LabelTerm::NotIn(key, values)),
            _ => Err(error()),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(LabelTerm::NotEquals(
            key_of(key, term)?,
            value_of(value, term)?,
        ));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(LabelTerm::Equals(
            key_of(key, term)?,
            value_of(value, term)?,
        ));
    }
    match term.strip_prefix('!') {
        Some(key) => Ok(LabelTerm::Missing(key_of(key, term)?)),
        None => Ok(LabelTerm::Exists(key_of(term, term)?)),
    }
}

fn key_of(key: &str, term: &str) -> Result<String, SelectorError> {
    let key = key.trim();
    let plausible = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    if plausible {
        Ok(key.to_owned())
    } else {
        Err(SelectorError::Label(term.to_owned()))
    }
}

fn value_of(value: &str, term: &str) -> Result<String, SelectorError> {
    let value = value.trim();
    if value.contains(['=', '!', ' ', '(', ')']) {
        return Err(SelectorError::Label(term.to_owned()));
    }
    Ok(value.to_owned())
}

fn field_term(kind: &Kind, term: &str) -> Result<FieldTerm, SelectorError> {
    let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, value, true)
    } else {
        return Err(SelectorError::Field(term.to_owned()));
    };
    let path = path.trim();
    if !supports(kind, path) {
        return Err(SelectorError::UnsupportedField(path.to_owned()));
    }
    Ok(FieldTerm {
        path: path.to_owned(),
        value: value.trim().to_owned(),
        equal,
    })
}

/// The fields that Kubernetes lets each kind be chosen by.
fn supports(kind: &Kind, path: &str) -> bool {
    match (kind.kind, path) {
        (_, "metadata.name") => true,
        (_, "metadata.namespace") => kind.namespaced,
        ("Event", path) => matches!(
            path,
            "involvedObject.kind"
                | "involvedObject.namespace"
                | "involvedObject.name"
                | "involvedObject.uid"
                | "involvedObject.apiVersion"
                | "involvedObject.resourceVersion"
                | "involvedObject.fieldPath"
                | "reason"
                | "reportingComponent"
                | "source"
                | "type"
        ),
        ("Pod", path) => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        ("Node", "spec.unschedulable")
        | ("Namespace", "status.phase")
        | ("Secret", "type")
        | ("ReplicaSet", "status.replicas")
        | ("Job", "status.successful") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen(labels: &str, fields: &str) -> bool {
        let pod = json!({
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web", "tier": "front"}},
            "spec": {"nodeName": "node-1"},
            "status": {"phase": "Running"},
        });
        Selection::parse(Kind::named("Pod").unwrap(), labels, fields)
            .unwrap()
            .matches(&pod)
    }

    #[test]
    fn labels_by_equality() {
        assert!(chosen("", ""));
        assert!(chosen("app=web,tier==front", ""));
        assert!(!chosen("app=api", ""));
        assert!(chosen("app!=api,missing!=x", ""));
        assert!(!chosen("app!=web", ""));
    }

    #[test]
    fn labels_by_set() {
        assert!(chosen("app in (api, web),tier notin (back)", ""));
        assert!(!chosen("app notin (web)", ""));
        assert!(!chosen("missing in (a)", ""));
        assert!(chosen("missing notin (a)", ""));
        assert!(chosen("app,!missing", ""));
        assert!(!chosen("!app", ""));
    }

    #[test]
    fn fields() {
        assert!(chosen("", "metadata.name=web-1,spec.nodeName=node-1"));
        assert!(chosen("", "status.phase!=Failed"));
        assert!(!chosen("", "metadata.namespace=other"));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        let pod = Kind::named("Pod").unwrap();
        for labels in [
            "app in web",
            "=x",
            "a=b=c",
            "a b",
            "app in (web",
            "in (web)",
        ] {
            assert!(
                matches!(
                    Selection::parse(pod, labels, ""),
                    Err(SelectorError::Label(_))
                ),
                "{labels}"
            );
        }
        assert!(matches!(
            Selection::parse(pod, "", "metadata.name"),
            Err(SelectorError::Field(_))
        ));
        assert_eq!(
            Selection::parse(pod, "", "spec.color=red")
                .unwrap_err()
                .to_string(),
            "field label not supported: spec.color"
        );
    }
}
