//! kustomization.yaml's built-in transformations: namespace, images, replicas, labels and annotations.

use serde_json::{Value, json};

use crate::controllers::fields::{at, entry, flag, integer, list, mapping, put, text};

/// Applies a kustomization's transformations to what it has built.
pub fn all(built: &mut [Value], spec: &Value) {
    for object in built.iter_mut() {
        if let Some(namespace) = at(spec, &["namespace"]).and_then(Value::as_str) {
            if !cluster_wide(text(object, &["kind"])) {
                put(object, &["metadata", "namespace"], json!(namespace));
            } else if text(object, &["kind"]) == "Namespace" {
                put(object, &["metadata", "name"], json!(namespace));
            }
        }
        for image in list(spec, &["images"]) {
            containers(object, &mut |container| rename(container, image));
        }
        for replicas in list(spec, &["replicas"]) {
            if text(object, &["metadata", "name"]) == text(replicas, &["name"])
                && matches!(
                    text(object, &["kind"]),
                    "Deployment" | "StatefulSet" | "ReplicaSet"
                )
                && let Some(count) = integer(replicas, &["count"])
            {
                put(object, &["spec", "replicas"], json!(count));
            }
        }
        for labels in list(spec, &["labels"]) {
            label(object, labels);
        }
        for (key, value) in mapping(spec, &["commonAnnotations"]).into_iter().flatten() {
            put(object, &["metadata", "annotations", key], value.clone());
        }
    }
}

/// Whether objects of the kind live outside namespaces.
pub fn cluster_wide(kind: &str) -> bool {
    crate::kubernetes::kinds::Kind::named(kind).is_some_and(|kind| !kind.namespaced)
        || matches!(
            kind,
            "ClusterRole"
                | "ClusterRoleBinding"
                | "StorageClass"
                | "PriorityClass"
                | "IngressClass"
        )
}

fn label(object: &mut Value, labels: &Value) {
    for (key, value) in mapping(labels, &["pairs"]).into_iter().flatten() {
        put(object, &["metadata", "labels", key], value.clone());
        let workload = at(object, &["spec", "template"]).is_some();
        let selects = flag(labels, &["includeSelectors"]);
        if workload && (selects || flag(labels, &["includeTemplates"])) {
            put(
                object,
                &["spec", "template", "metadata", "labels", key],
                value.clone(),
            );
        }
        if selects && workload {
            put(
                object,
                &["spec", "selector", "matchLabels", key],
                value.clone(),
            );
        } else if selects && text(object, &["kind"]) == "Service" {
            put(object, &["spec", "selector", key], value.clone());
        }
    }
}

/// Sets a container's image if its name is the one that the transformation is for.
fn rename(container: &mut Value, image: &Value) {
    let current = text(container, &["image"]).to_owned();
    let (name, version) = split_image(&current);
    if name != text(image, &["name"]) {
        return;
    }
    let name = match text(image, &["newName"]) {
        "" => name,
        new => new,
    };
    let tag = match at(image, &["newTag"]) {
        // YAML reads an unquoted 1.10 as a number; kustomize refuses it, and so the text is what the file says.
        Some(Value::String(tag)) => Some(format!(":{tag}")),
        Some(Value::Number(tag)) => Some(format!(":{tag}")),
        _ => None,
    };
    let digest = match text(image, &["digest"]) {
        "" => None,
        digest => Some(format!("@{digest}")),
    };
    let version = digest.or(tag).unwrap_or_else(|| version.to_owned());
    put(container, &["image"], json!(format!("{name}{version}")));
}

/// An image's name and what follows it: `:tag`, `@sha256:…` or nothing.
fn split_image(image: &str) -> (&str, &str) {
    if let Some(at) = image.find('@') {
        return image.split_at(at);
    }
    let slash = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[slash..].rfind(':') {
        Some(colon) => image.split_at(slash + colon),
        None => (image, ""),
    }
}

/// Visits every container of every pod template in an object.
fn containers(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if matches!(key.as_str(), "containers" | "initContainers")
                    && let Value::Array(items) = inner
                {
                    items.iter_mut().for_each(&mut *visit);
                } else {
                    containers(inner, visit);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                containers(item, visit);
            }
        }
        _ => {}
    }
}

/// Visits every text of a value, keys excepted.
pub fn texts(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, visit)),
        Value::Object(_) => {
            for (_, inner) in entry(value).iter_mut() {
                texts(inner, visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_split_where_its_version_begins() {
        assert_eq!(split_image("r:5000/a/b:1"), ("r:5000/a/b", ":1"));
        assert_eq!(split_image("r:5000/a/b"), ("r:5000/a/b", ""));
        assert_eq!(split_image("a@sha256:00"), ("a", "@sha256:00"));
    }

    #[test]
    fn images_are_changed_by_name_in_every_pod_template() {
        let mut built = [
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {
                "initContainers": [{"image": "a/b:1"}], "containers": [{"image": "a/b@sha256:0"}, {"image": "a/bc:1"}]
            }}}}}}),
        ];
        all(
            &mut built,
            &json!({"images": [{"name": "a/b", "newName": "c/d", "newTag": "2"}]}),
        );
        let spec = &built[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        assert_eq!(spec["initContainers"][0]["image"], "c/d:2");
        assert_eq!(spec["containers"][0]["image"], "c/d:2");
        assert_eq!(spec["containers"][1]["image"], "a/bc:1");
    }

    #[test]
    fn labels_reach_selectors_only_if_asked() {
        let deployment =
            json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {}}});
        let mut built = [deployment.clone()];
        all(
            &mut built,
            &json!({"labels": [{"pairs": {"team": "shop"}}]}),
        );
        assert_eq!(built[0]["metadata"]["labels"]["team"], "shop");
        assert_eq!(at(&built[0], &["spec", "selector"]), None);
        let mut built = [deployment];
        all(
            &mut built,
            &json!({"labels": [{"pairs": {"team": "shop"}, "includeSelectors": true}]}),
        );
        assert_eq!(built[0]["spec"]["selector"]["matchLabels"]["team"], "shop");
        assert_eq!(
            built[0]["spec"]["template"]["metadata"]["labels"]["team"],
            "shop"
        );
    }
}
