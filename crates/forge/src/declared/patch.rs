//! Patches on manifests: merges and JSON patches, as far as images can be touched by them. Pure.
//!
//! Owns how a patch finds its targets and what it does to a tree. Follows kustomize: lists of containers are merged by
//! name, other lists are replaced.

use std::rc::Rc;

use super::yaml::{Node, Value};

/// Lists whose items a merge joins by their names.
const BY_NAME: [&str; 4] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
];

/// Which manifests a patch is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    /// Labels that must be so; `None` if the selector is more than equalities.
    labels: Vec<(String, String)>,
}

impl Target {
    /// Reads a `target`.
    pub(crate) fn read(node: &Node) -> Self {
        let text = |key: &str| node.text_at(key).map(ToOwned::to_owned);
        let labels = node
            .text_at("labelSelector")
            .map(|selector| {
                selector
                    .split(',')
                    .filter_map(|part| {
                        let (key, value) = part.split_once('=')?;
                        let value = value.trim_start_matches('=');
                        // `!=`, `in (…)` and the like are left to whoever wrote them: they only narrow.
                        (!key.contains('!'))
                            .then(|| (key.trim().to_owned(), value.trim().to_owned()))
                    })
                    .collect()
            })
            .unwrap_or_default();
        Self {
            kind: text("kind"),
            name: text("name"),
            namespace: text("namespace"),
            labels,
        }
    }

    /// The target that a merge patch names by its own kind and name.
    pub(crate) fn of(patch: &Node) -> Self {
        let text =
            |node: Option<&Rc<Node>>| node.and_then(|node| node.text()).map(ToOwned::to_owned);
        Self {
            kind: text(patch.get("kind")),
            name: text(patch.at(&["metadata", "name"])),
            namespace: None,
            labels: Vec::new(),
        }
    }

    /// Whether a manifest, which may have had several names, is meant.
    pub(crate) fn fits(&self, manifest: &Node, names: &[String]) -> bool {
        let kind = manifest.text_at("kind").unwrap_or_default();
        let namespace = manifest.at(&["metadata", "namespace"]);
        let namespace = namespace.and_then(|node| node.text()).unwrap_or_default();
        let label = |key: &str| manifest.at(&["metadata", "labels", key])?.text();
        self.kind.as_deref().is_none_or(|wanted| like(wanted, kind))
            && self
                .name
                .as_deref()
                .is_none_or(|wanted| names.iter().any(|name| like(wanted, name)))
            && self
                .namespace
                .as_deref()
                .is_none_or(|wanted| namespace.is_empty() || like(wanted, namespace))
            && self
                .labels
                .iter()
                .all(|(key, value)| label(key) == Some(value))
    }
}

/// Whether a text fits one of kustomize's anchored expressions: `a|b`, and `.*` or `.+` for anything.
fn like(expression: &str, text: &str) -> bool {
    let expression = expression.trim_start_matches('^').trim_end_matches('$');
    expression.split('|').any(|one| {
        let one = one.trim_start_matches('(').trim_end_matches(')');
        let one = one.replace(".+", ".*");
        let mut parts = one.split(".*");
        let Some(first) = parts.next() else {
            return text.is_empty();
        };
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        true
    })
}

/// Whether a merge patch takes its target away.
pub(crate) fn deletes(patch: &Node) -> bool {
    patch.text_at("$patch") == Some("delete")
}

/// Merges a patch into a value; `key` is what the value stands under.
pub(crate) fn merge(base: &Rc<Node>, patch: &Rc<Node>, key: &str) -> Rc<Node> {
    match (&base.value, &patch.value) {
        (Value::Mapping(_), Value::Mapping(changes)) => {
            if patch.text_at("$patch") == Some("replace") {
                return Rc::clone(patch);
            }
            let mut merged = Node::clone(base);
            for (key, change) in changes {
                if key.starts_with('$') {
                    continue;
                }
                let is_null = matches!(&change.value, Value::Scalar(text) if text.is_empty());
                match merged.get(key).cloned() {
                    Some(_) if is_null => remove(&mut merged, key),
                    Some(old) => merged.set(key, merge(&old, change, key)),
                    None => merged.set(key, Rc::clone(change)),
                }
            }
            Rc::new(merged)
        }
        (Value::Sequence(items), Value::Sequence(changes)) if BY_NAME.contains(&key) => {
            let mut items = items.clone();
            for change in changes {
                let name = change.text_at("name");
                let known = items.iter().position(|item| item.text_at("name") == name);
                match known {
                    Some(at) if deletes(change) => {
                        items.remove(at);
                    }
                    Some(at) => items[at] = merge(&items[at], change, ""),
                    None => items.push(Rc::clone(change)),
                }
            }
            let mut merged = Node::clone(base);
            merged.value = Value::Sequence(items);
            Rc::new(merged)
        }
        _ => Rc::clone(patch),
    }
}

fn remove(node: &mut Node, key: &str) {
    if let Value::Mapping(entries) = &mut node.value {
        entries.retain(|(known, _)| &**known != key);
    }
}

/// Applies a JSON patch's operations. One that does not fit is passed over: kustomize would refuse the whole build, and
/// Flux says so better.
pub(crate) fn json_patch(base: &Rc<Node>, operations: &Node) -> Rc<Node> {
    let mut result = Rc::clone(base);
    for operation in operations.items() {
        let (Some(verb), Some(path)) = (operation.text_at("op"), operation.text_at("path")) else {
            continue;
        };
        let path = path
            .split('/')
            .skip(1)
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect::<Vec<_>>();
        match (verb, operation.get("value")) {
            ("add" | "replace", Some(value)) => put(&mut result, &path, Some(value), verb == "add"),
            ("remove", _) => put(&mut result, &path, None, false),
            _ => {}
        }
    }
    result
}

/// Puts a value at a path, or takes away what is there.
fn put(node: &mut Rc<Node>, path: &[String], value: Option<&Rc<Node>>, insert: bool) {
    let Some((first, rest)) = path.split_first() else {
        if let Some(value) = value {
            *node = Rc::clone(value);
        }
        return;
    };
    let changed = Rc::make_mut(node);
    match &mut changed.value {
        Value::Scalar(_) => {}
        Value::Mapping(entries) => {
            let known = entries.iter().position(|(key, _)| **key == **first);
            match (known, rest, value) {
                (Some(at), [], None) => {
                    entries.remove(at);
                }
                (Some(at), rest, value) => put(&mut entries[at].1, rest, value, insert),
                (None, [], Some(value)) => entries.push((first.as_str().into(), Rc::clone(value))),
                (None, ..) => {}
            }
        }
        Value::Sequence(items) => {
            let at = match first.as_str() {
                "-" => items.len(),
                number => match number.parse::<usize>() {
                    Ok(at) if at <= items.len() => at,
                    _ => return,
                },
            };
            match (rest, value) {
                ([], Some(value)) if insert || at == items.len() => {
                    items.insert(at, Rc::clone(value));
                }
                ([], Some(value)) => items[at] = Rc::clone(value),
                ([], None) if at < items.len() => {
                    items.remove(at);
                }
                (rest, value) if at < items.len() => put(&mut items[at], rest, value, insert),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn one(file: &str, text: &str) -> Rc<Node> {
        parse(&file.into(), text, 1).unwrap().remove(0)
    }

    #[test]
    fn containers_merge_by_name_and_keep_their_origin() {
        let base = one(
            "base.yaml",
            "spec:\n  containers:\n  - name: a\n    image: a:1\n    args: [x, y]\n  - name: b\n    image: b:1\n",
        );
        let patch = one(
            "patch.yaml",
            "spec:\n  containers:\n  - name: b\n    image: b:2\n  - name: a\n    args: [z]\n",
        );
        let merged = merge(&base, &patch, "");
        let containers = merged.at(&["spec", "containers"]).unwrap().items();
        assert_eq!(containers.len(), 2);
        let image = containers[1].get("image").unwrap();
        assert_eq!((image.text(), &*image.file), (Some("b:2"), "patch.yaml"));
        let image = containers[0].get("image").unwrap();
        assert_eq!((image.text(), &*image.file), (Some("a:1"), "base.yaml"));
        assert_eq!(containers[0].items_at("args").len(), 1);
    }

    #[test]
    fn null_removes() {
        let base = one("f", "a: 1\nb: 2\n");
        let merged = merge(&base, &one("f", "a: null\n"), "");
        assert!(merged.get("a").is_none() && merged.get("b").is_some());
    }

    #[test]
    fn json_patches_reach_into_lists() {
        let base = one(
            "f",
            "spec:\n  containers:\n  - image: a:1\n  - image: b:1\n",
        );
        let patch = one(
            "p",
            "- {op: replace, path: /spec/containers/1/image, value: b:2}\n- {op: remove, path: /spec/containers/0}\n- {op: add, path: /spec/containers/-, value: {image: 'c:1'}}\n- {op: replace, path: /no/where/9, value: x}\n",
        );
        let result = json_patch(&base, &patch);
        let images = result
            .at(&["spec", "containers"])
            .unwrap()
            .items()
            .iter()
            .filter_map(|container| container.text_at("image"))
            .collect::<Vec<_>>();
        assert_eq!(images, ["b:2", "c:1"]);
    }

    #[test]
    fn targets_are_found_by_kind_name_and_label() {
        let manifest = one(
            "f",
            "kind: Deployment\nmetadata: {name: api, labels: {app: api}}\n",
        );
        let names = vec!["api".to_owned(), "prod-api".to_owned()];
        let fits = |text: &str| Target::read(&one("t", text)).fits(&manifest, &names);
        assert!(fits("kind: Deployment"));
        assert!(fits("{kind: Deployment, name: prod-api}"));
        assert!(fits("{name: '.*'}"));
        assert!(fits("{name: 'web|api'}"));
        assert!(fits("{labelSelector: 'app=api'}"));
        assert!(!fits("{labelSelector: 'app=web'}"));
        assert!(!fits("{kind: StatefulSet, name: api}"));
        assert!(!fits("{name: ap}"));
    }

    #[test]
    fn expressions() {
        for (expression, text, fits) in [
            ("a.*z", "abcz", true),
            ("a.*z", "abc", false),
            (".*-api", "prod-api", true),
            ("^api$", "api", true),
            ("(web|api)", "api", true),
            ("a.*b.*c", "axbyc", true),
            ("a.*b.*c", "axc", false),
        ] {
            assert_eq!(like(expression, text), fits, "{expression} {text}");
        }
    }
}
