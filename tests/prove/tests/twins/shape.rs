//! What an object looks like when names, numbers and times are taken out: its conditions, the fields of its status, and
//! what Events say of it.
//!
//! Owns the masking. Two clusters in the same trouble have the same shapes.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

/// The shapes of some objects, each with its kind before a colon.
pub type Shapes = BTreeSet<String>;

/// What is masked in a cluster's texts.
pub struct Mask {
    /// Names of this app, the longest first.
    names: Vec<String>,
    patterns: Vec<(Regex, &'static str)>,
}

impl Mask {
    /// A mask of these names, which stand for any name.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.dedup();
        let patterns = [
            (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "‹time›"),
            (
                r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
                "‹uid›",
            ),
            (r"\bsha(?:1|256):[0-9a-f]{40,64}\b", "‹sha›"),
            (
                r"\b(?:main|build)-[0-9a-f]{7,40}(?:-[0-9]+)?\b|\bbuild-[0-9]+\b",
                "‹tag›",
            ),
            (r":[0-9a-f]{40}\b", ":‹tag›"),
            (r"\b[0-9a-f]{40,64}\b", "‹sha›"),
            (r"127\.0\.0\.1:1\b", "‹host›"),
            (r"‹n›(?:-[a-z0-9]{1,12})+", "‹n›"),
            // What somebody chose to call a commit, a file, a container, a quota, a dependency or what it limits.
            (r"commit '[^']*'", "commit '‹subject›'"),
            (r"/tmp/kustomization-\d+[^\s':]*", "/tmp/‹path›"),
            (r"from '[^']*\.yaml'", "from '‹file›'"),
            (r"unready status: \[[^\]]*\]", "unready status: [‹n›]"),
            (r"container=\S+", "container=‹n›"),
            (r"dependency '[^']*'", "dependency '‹n›'"),
            (r"exceeded (?:quota|‹n›): [^,]+", "exceeded quota: ‹n›"),
            (
                r"(?:requests\.memory|pods)=\d+(?:Mi|Gi)?",
                "‹resource›=‹number›",
            ),
            (r"assigned (\S+) to \S+", "assigned $1 to ‹node›"),
            // The scenario of that name is called so.
            (r"Deployment is (?:‹n›|paused)", "Deployment is paused"),
            (r"(yaml: line \d+): .*", "$1: ‹what the parser misses›"),
            (r"Insufficient (?:cpu|memory)", "Insufficient ‹resource›"),
            (
                r"\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ms|s)\b|\b\d+h\d+m\b",
                "‹duration›",
            ),
            (r"\d+", "‹number›"),
        ];
        Self {
            names,
            patterns: patterns
                .into_iter()
                .filter_map(|(pattern, word)| Some((Regex::new(pattern).ok()?, word)))
                .collect(),
        }
    }

    /// A text with everything masked that two clusters may call differently.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in &self.names {
            // A path of names keeps its parts.
            let parts = vec!["‹n›"; name.split('/').count()];
            text = text.replace(name, &parts.join("/"));
        }
        for (pattern, word) in &self.patterns {
            text = pattern.replace_all(&text, *word).into_owned();
        }
        text
    }

    /// The conditions of an object and the fields of its status.
    pub fn object(&self, object: &Value, shapes: &mut Shapes) {
        let kind = word(&object["kind"]);
        for condition in object["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            for line in lines(&condition["message"]) {
                shapes.insert(format!(
                    "{kind}: condition {} {} {}: {}",
                    word(&condition["type"]),
                    word(&condition["status"]),
                    word(&condition["reason"]),
                    self.text(line)
                ));
            }
        }
        for list in ["containerStatuses", "initContainerStatuses"] {
            for container in object["status"][list].as_array().into_iter().flatten() {
                for when in ["state", "lastState"] {
                    for (state, told) in container[when].as_object().into_iter().flatten() {
                        shapes.insert(format!(
                            "{kind}: container {when} {state} {}: {}",
                            word(&told["reason"]),
                            self.text(word(&told["message"]))
                        ));
                    }
                }
            }
        }
        fields(&object["status"], "status", kind, shapes);
    }

    /// What an Event says.
    pub fn event(&self, event: &Value, shapes: &mut Shapes) {
        // Kubernetes' newer events and the older ones name their source in different places.
        let component = match word(&event["reportingComponent"]) {
            "" => word(&event["source"]["component"]),
            component => component,
        };
        for line in lines(&event["message"]) {
            shapes.insert(format!(
                "Event: of {} {} {} by {component}: {}",
                word(&event["involvedObject"]["kind"]),
                word(&event["type"]),
                word(&event["reason"]),
                self.text(line)
            ));
        }
    }
}

/// A message's lines; one that says nothing is one empty line.
fn lines(message: &Value) -> Vec<&str> {
    let lines: Vec<&str> = word(message).lines().collect();
    if lines.is_empty() { vec![""] } else { lines }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The paths of all fields; items of a list are one.
fn fields(value: &Value, path: &str, kind: &str, shapes: &mut Shapes) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                // Some noughts are written and some are left out.
                let nought = if *value == 0 { " of nought" } else { "" };
                shapes.insert(format!("{kind}: field {path}.{name}{nought}"));
                fields(value, &format!("{path}.{name}"), kind, shapes);
            }
        }
        Value::Array(items) => {
            for item in items {
                fields(item, &format!("{path}[]"), kind, shapes);
            }
        }
        _ => {}
    }
}
