//! What a recording leaves out, by rule: one table.
//!
//! Owns the table. Nothing is left out of a status, a message or a spec that the product reads; a reader that begins to
//! read one of these needs its line taken away and everything recorded anew.

use serde_json::Value;

/// Kind (`*` for all) and JSON pointer; `*` in a pointer is every item or field.
const LEFT_OUT: &[(&str, &str)] = &[
    // Of one life of one API server.
    ("*", "/metadata/resourceVersion"),
    ("*", "/metadata/selfLink"),
    // How long a compressed file with a commit of chance in it is.
    ("*", "/status/artifact/size"),
    ("Event", "/involvedObject/resourceVersion"),
    // A whole copy of the object.
    (
        "*",
        "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    ),
    // Words between the ground's own kubelet and KWOK.
    ("Pod", "/metadata/annotations/prove.landfall.dev~1*"),
    // What defaulting and admission write into every pod and every template of one.
    ("Pod", "/spec/tolerations"),
    ("Pod", "/spec/volumes"),
    ("Pod", "/spec/containers/*/volumeMounts"),
    ("Pod", "/spec/enableServiceLinks"),
    ("Pod", "/spec/preemptionPolicy"),
    ("Pod", "/spec/priority"),
    ("Pod", "/spec/serviceAccount"),
    ("Pod", "/spec/serviceAccountName"),
    ("*", "/spec/containers/*/terminationMessagePath"),
    ("*", "/spec/containers/*/terminationMessagePolicy"),
    ("*", "/spec/containers/*/imagePullPolicy"),
    ("*", "/spec/dnsPolicy"),
    ("*", "/spec/restartPolicy"),
    ("*", "/spec/schedulerName"),
    ("*", "/spec/securityContext"),
    ("*", "/spec/terminationGracePeriodSeconds"),
    (
        "*",
        "/spec/template/spec/containers/*/terminationMessagePath",
    ),
    (
        "*",
        "/spec/template/spec/containers/*/terminationMessagePolicy",
    ),
    ("*", "/spec/template/spec/containers/*/imagePullPolicy"),
    ("*", "/spec/template/spec/dnsPolicy"),
    ("*", "/spec/template/spec/restartPolicy"),
    ("*", "/spec/template/spec/schedulerName"),
    ("*", "/spec/template/spec/securityContext"),
    ("*", "/spec/template/spec/terminationGracePeriodSeconds"),
    // Of machines there is nothing to tell but whether they take pods.
    ("Node", "/metadata/annotations"),
    ("Node", "/metadata/labels"),
    ("Node", "/spec/podCIDR"),
    ("Node", "/spec/podCIDRs"),
    ("Node", "/status/addresses"),
    ("Node", "/status/conditions/*/lastHeartbeatTime"),
    ("Node", "/status/allocatable"),
    ("Node", "/status/capacity"),
    ("Node", "/status/daemonEndpoints"),
    ("Node", "/status/images"),
    ("Node", "/status/nodeInfo/bootID"),
    ("Node", "/status/nodeInfo/kernelVersion"),
    ("Node", "/status/nodeInfo/machineID"),
    ("Node", "/status/nodeInfo/osImage"),
    ("Node", "/status/nodeInfo/systemUUID"),
    // Machine and process of whoever recorded the event.
    ("Event", "/source/host"),
    ("Event", "/metadata/uid"),
    ("Event", "/reportingInstance"),
];

/// How the names of field managers end whose entries go: they write by themselves, and the product asks only for hands.
const BY_THEMSELVES: &[&str] = &["controller", "manager", "scheduler", "kubelet", "kwok"];

/// Takes out of an object what the table says.
pub fn trim(object: &mut Value) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    for (of, pointer) in LEFT_OUT {
        if *of == "*" || *of == kind {
            let parts: Vec<&str> = pointer.split('/').skip(1).collect();
            take(object, &parts);
        }
    }
    let metadata = object.get_mut("metadata");
    let Some(metadata) = metadata.and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(entries) = metadata
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
    {
        entries.retain(|entry| {
            let by = entry["manager"].as_str().unwrap_or_default();
            // What the ground itself set up was applied; what a scenario changes as a person would was patched.
            let is_set_up = entry["operation"] == "Apply";
            !is_set_up && !BY_THEMSELVES.iter().any(|end| by.ends_with(end))
        });
    }
    // What the rules emptied says nothing.
    metadata.retain(|_, value| {
        !value.as_array().is_some_and(Vec::is_empty)
            && !value.as_object().is_some_and(serde_json::Map::is_empty)
    });
}

fn take(value: &mut Value, parts: &[&str]) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    if let Value::Array(items) = value {
        // The part is the `*` that stands for every item.
        for item in items {
            take(item, rest);
        }
        return;
    }
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    let part = part.replace("~1", "/");
    match (rest.is_empty(), part.strip_suffix('*')) {
        (true, Some(beginning)) => fields.retain(|name, _| !name.starts_with(beginning)),
        (true, None) => {
            fields.remove(&part);
        }
        (false, _) => {
            if let Some(inner) = fields.get_mut(&part) {
                take(inner, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_table_names_goes_and_hands_stay() {
        let mut pod = json!({
            "kind": "Pod",
            "metadata": {
                "name": "a", "resourceVersion": "7", "annotations": {"prove.landfall.dev/fate": "crash"},
                "managedFields": [{"manager": "kubelet"}, {"manager": "kubectl-edit", "time": "t"}],
            },
            "spec": {"nodeName": "n", "tolerations": [{}], "containers": [{"name": "app", "volumeMounts": []}]},
            "status": {"phase": "Running"},
        });
        trim(&mut pod);
        assert_eq!(
            pod,
            json!({
                "kind": "Pod",
                "metadata": {"name": "a", "managedFields": [{"manager": "kubectl-edit", "time": "t"}]},
                "spec": {"nodeName": "n", "containers": [{"name": "app"}]},
                "status": {"phase": "Running"},
            })
        );
        let mut deployment =
            json!({"kind": "Deployment", "spec": {"template": {"spec": {"tolerations": [1]}}}});
        let before = deployment.clone();
        trim(&mut deployment);
        assert_eq!(deployment, before);
    }
}
