//! Applying manifests as Flux does, server-side: own fields are set and taken back, those of others stay; what the API
//! server would refuse is refused in its words.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Controllers;
use super::build::{self, three_way};
use super::fields::{at, cut, entry, mapping, put, text};
use super::queue::Key;
use super::refusal::Refusal;
use crate::kubernetes::kinds::Kind;

/// What applying or pruning did to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The object.
    pub key: Key,
    /// `created`, `configured`, `unchanged` or `deleted`.
    pub action: &'static str,
}

/// The lines that Flux writes about effects; unchanged objects are not worth one.
pub fn log(effects: &[Effect]) -> String {
    effects
        .iter()
        .filter(|effect| effect.action != "unchanged")
        .map(|effect| format!("{} {}", effect.key.subject(), effect.action))
        .collect::<Vec<_>>()
        .join("\n")
}

/// An object's entry in an inventory.
pub fn inventory_entry(object: &Value) -> Value {
    let (group, version) = match text(object, &["apiVersion"]).split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", text(object, &["apiVersion"])),
    };
    json!({
        "id": format!(
            "{}_{}_{group}_{}",
            text(object, &["metadata", "namespace"]),
            text(object, &["metadata", "name"]),
            text(object, &["kind"])
        ),
        "v": version,
    })
}

/// The object that an inventory's entry names.
pub fn inventory_key(entry: &Value) -> Option<Key> {
    let mut parts = text(entry, &["id"]).split('_');
    let (namespace, name, _group, kind) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Key::new(Kind::named(kind)?.kind, namespace, name))
}

/// `Kind/namespace/name` of a manifest, also of kinds that the cluster does not know.
fn subject(object: &Value) -> String {
    let (kind, name) = (text(object, &["kind"]), text(object, &["metadata", "name"]));
    match text(object, &["metadata", "namespace"]) {
        "" => format!("{kind}/{name}"),
        namespace => format!("{kind}/{namespace}/{name}"),
    }
}

/// What is applied before all else: other objects need it.
fn is_definition(object: &Value) -> bool {
    matches!(
        text(object, &["kind"]),
        "CustomResourceDefinition" | "Namespace" | "ClusterRole" | "PriorityClass" | "StorageClass"
    )
}

impl Controllers {
    /// Applies manifests in Flux's order. `earlier` holds what the same owner applied before, and is brought up to date.
    ///
    /// # Errors
    /// The API server's refusal, with a newline and what had been applied until then.
    pub(super) fn apply_all(
        &mut self,
        manifests: &[Value],
        earlier: &mut HashMap<Key, Value>,
    ) -> Result<Vec<Effect>, Refusal> {
        let mut effects = Vec::new();
        let (first, rest): (Vec<&Value>, Vec<&Value>) =
            manifests.iter().partition(|m| is_definition(m));
        for stage in [first, rest] {
            let mut planned = Vec::new();
            for manifest in stage {
                match self.dry_run(manifest, earlier) {
                    Ok(plan) => planned.push((manifest, plan)),
                    Err(error) => return Err(Refusal(format!("{error}\n{}", log(&effects)))),
                }
            }
            for (manifest, (key, wanted)) in planned {
                let action = self.write_object(&key, wanted);
                earlier.insert(key.clone(), manifest.clone());
                effects.push(Effect { key, action });
            }
        }
        Ok(effects)
    }

    fn write_object(&self, key: &Key, wanted: Option<Value>) -> &'static str {
        let Some(wanted) = wanted else {
            return "unchanged";
        };
        let result = if self.object(key).is_some() {
            self.store
                .edit(key.kind, &key.namespace, &key.name, |object| {
                    *object = wanted
                })
                .map(|()| "configured")
        } else {
            self.store.apply(wanted).map(|_| "created")
        };
        result.unwrap_or_else(|error| {
            tracing::warn!(%error, "a dry run promised too much");
            "unchanged"
        })
    }

    /// What the object would be after applying, or `None` if it is that already.
    fn dry_run(
        &self,
        manifest: &Value,
        earlier: &HashMap<Key, Value>,
    ) -> Result<(Key, Option<Value>), Refusal> {
        let name = subject(manifest);
        let (kind, version) = (text(manifest, &["kind"]), text(manifest, &["apiVersion"]));
        let known = Kind::named(kind)
            .filter(|known| known.api_version() == version && self.store.serves(known))
            .ok_or_else(|| {
                format!(
                    "{name} dry-run failed: no matches for kind \"{kind}\" in version \"{version}\""
                )
            })?;
        let namespace = text(manifest, &["metadata", "namespace"]);
        if known.namespaced {
            if namespace.is_empty() {
                return Err(Refusal(format!(
                    "{name} namespace not specified: the server could not find the requested resource"
                )));
            }
            if self.store.get("Namespace", "", namespace).is_none() {
                return Err(Refusal(format!(
                    "{name} not found: namespaces \"{namespace}\" not found"
                )));
            }
        }
        let key = Key::of(manifest).ok_or_else(|| format!("{name} has no kind"))?;
        let live = self.object(&key);
        let mut wanted = match &live {
            Some(live) => {
                let mut wanted = Value::clone(live);
                three_way(&mut wanted, earlier.get(&key), manifest, "");
                wanted
            }
            None => manifest.clone(),
        };
        default_fields(&mut wanted);
        if let Some(refusal) = refusal(live.as_deref(), &wanted) {
            let (kind, object) = (known.kind, &*key.name);
            let group = if known.group.is_empty() {
                String::new()
            } else {
                format!(".{}", known.group)
            };
            return Err(Refusal(format!(
                "{name} dry-run failed (Invalid): {kind}{group} \"{object}\" is invalid: {refusal}"
            )));
        }
        let changed = live.is_none_or(|live| *live != wanted);
        Ok((key, changed.then_some(wanted)))
    }

    /// Deletes objects that are in an old inventory and not among `keep`, if they still carry the owner's labels.
    pub(super) fn prune(&self, old: &[Value], keep: &[Key], labels: &Value) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in old.iter().filter_map(inventory_key) {
            if keep.contains(&key) {
                continue;
            }
            let Some(object) = self.object(&key) else {
                continue;
            };
            let owned = mapping(labels, &[]).is_some_and(|labels| {
                labels
                    .iter()
                    .all(|(name, value)| at(&object, &["metadata", "labels", name]) == Some(value))
            });
            let kept = ["annotations", "labels"].iter().any(|place| {
                text(
                    &object,
                    &["metadata", place, "kustomize.toolkit.fluxcd.io/prune"],
                ) == "disabled"
            });
            if owned && !kept && self.store.delete(key.kind, &key.namespace, &key.name) {
                effects.push(Effect {
                    key,
                    action: "deleted",
                });
            }
        }
        effects
    }
}

/// Sets labels on every manifest, and a namespace where Flux's `spec.targetNamespace` gives one.
pub fn own(manifests: &mut [Value], labels: &Value) {
    for manifest in manifests {
        for (name, value) in mapping(labels, &[]).into_iter().flatten() {
            put(manifest, &["metadata", "labels", name], value.clone());
        }
        if build::is_cluster_wide(manifest) {
            cut(manifest, &["metadata", "namespace"]);
        }
    }
}

/// The defaults of the API server that others here read.
fn default_fields(object: &mut Value) {
    let defaults: &[(&[&str], Value)] = &match text(object, &["kind"]) {
        "Deployment" => vec![
            (&["spec", "replicas"][..], json!(1)),
            (&["spec", "progressDeadlineSeconds"][..], json!(600)),
            (&["spec", "revisionHistoryLimit"][..], json!(10)),
            (
                &["spec", "strategy"][..],
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
            ),
        ],
        "StatefulSet" => vec![
            (&["spec", "replicas"][..], json!(1)),
            (&["spec", "podManagementPolicy"][..], json!("OrderedReady")),
            (
                &["spec", "updateStrategy"][..],
                json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
            ),
        ],
        "DaemonSet" => vec![(
            &["spec", "updateStrategy"][..],
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        )],
        "Service" => vec![(&["spec", "type"][..], json!("ClusterIP"))],
        _ => vec![],
    };
    for (path, value) in defaults {
        if at(object, path).is_none() {
            put(object, path, value.clone());
        }
    }
}

/// What the API server would say against an object, after `<Kind>.<group> "<name>" is invalid: `.
fn refusal(live: Option<&Value>, wanted: &Value) -> Option<String> {
    let kind = text(wanted, &["kind"]);
    if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "Job") {
        return None;
    }
    let template = at(wanted, &["spec", "template"]);
    let selector = at(wanted, &["spec", "selector"]);
    if kind != "Job" {
        let labels = at(wanted, &["spec", "template", "metadata", "labels"]);
        let matches = mapping(wanted, &["spec", "selector", "matchLabels"]).is_some_and(|wanted| {
            !wanted.is_empty()
                && wanted
                    .iter()
                    .all(|(name, value)| labels.and_then(|labels| labels.get(name)) == Some(value))
        });
        if !matches {
            return Some(format!(
                "spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`",
                labels.unwrap_or(&json!({}))
            ));
        }
    }
    let live = live?;
    match kind {
        "StatefulSet" => {
            let fixed = |object: &Value| {
                let mut spec = object["spec"].clone();
                for free in [
                    "replicas",
                    "ordinals",
                    "template",
                    "updateStrategy",
                    "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy",
                    "minReadySeconds",
                ] {
                    entry(&mut spec).remove(free);
                }
                spec
            };
            (fixed(live) != fixed(wanted)).then(|| {
                "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', \
                 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                 'minReadySeconds' are forbidden"
                    .to_owned()
            })
        }
        "Job" => (at(live, &["spec", "template"]) != template).then(|| {
            format!(
                "spec.template: Invalid value: {}: field is immutable",
                template.unwrap_or(&Value::Null)
            )
        }),
        _ => (at(live, &["spec", "selector"]) != selector).then(|| {
            format!(
                "spec.selector: Invalid value: {}: field is immutable",
                selector.unwrap_or(&Value::Null)
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_names_group_and_version_apart() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                            "metadata": {"name": "web", "namespace": "shop"}});
        let entry = inventory_entry(&object);
        assert_eq!(entry, json!({"id": "shop_web_apps_Deployment", "v": "v1"}));
        assert_eq!(inventory_key(&entry), Key::of(&object));
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        assert_eq!(inventory_entry(&namespace)["id"], "_shop__Namespace");
    }

    #[test]
    fn a_selector_is_immutable() {
        let deployment = |app: &str| {
            json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"app": app}},
                   "template": {"metadata": {"labels": {"app": app}}}}})
        };
        assert_eq!(refusal(Some(&deployment("a")), &deployment("a")), None);
        assert_eq!(
            refusal(Some(&deployment("a")), &deployment("b")).unwrap(),
            "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"b\"}}: field is immutable"
        );
    }
}
