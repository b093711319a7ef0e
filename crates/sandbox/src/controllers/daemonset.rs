//! The DaemonSet controller: one pod on every node, replaced one at a time.

use serde_json::{Value, json};

use super::fields::{flag, put, text};
use super::names::template_hash;
use super::workload::{is_going, is_ready, put_count};
use super::{Controllers, Key, Next, generation};

const HASH: &str = "controller-revision-hash";

impl Controllers {
    pub(super) fn daemon_set(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        let nodes: Vec<String> = self
            .store
            .list("Node", None)
            .iter()
            .filter(|node| !flag(node, &["spec", "unschedulable"]))
            .map(|node| text(node, &["metadata", "name"]).to_owned())
            .collect();
        let template = &object["spec"]["template"];
        let revision = template_hash(template);
        let mut pods = self.owned(&object, "Pod");
        let on = |pod: &Value, node: &str| text(pod, &["spec", "nodeName"]) == node;
        let refused = self.refusal(&key.namespace, template).is_some();
        let mut changed = false;
        for node in nodes.iter().filter(|_| !refused) {
            if !pods.iter().any(|pod| on(pod, node)) {
                let mut template = template.clone();
                put(&mut template, &["spec", "nodeName"], json!(node));
                let name = self.pod_name(&object);
                self.create_pod(&object, &name, &template, &[(HASH, &revision)]);
                changed = true;
            }
        }
        for pod in pods
            .iter()
            .filter(|pod| !is_going(pod) && !nodes.iter().any(|node| on(pod, node)))
        {
            self.delete_pod(&object, pod);
            changed = true;
        }
        let outdated = pods
            .iter()
            .find(|pod| !is_going(pod) && text(pod, &["metadata", "labels", HASH]) != revision);
        if let Some(pod) = outdated {
            // maxUnavailable is one: an old pod goes when all others serve, or when it does not serve itself.
            let others = pods
                .iter()
                .filter(|other| *other != pod)
                .all(|other| is_ready(other));
            if !changed
                && (others || !is_ready(pod))
                && text(&object, &["spec", "updateStrategy", "type"]) != "OnDelete"
            {
                self.delete_pod(&object, pod);
                changed = true;
            }
        }
        if changed {
            self.observe();
            pods = self.owned(&object, "Pod");
        }
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let updated = pods
            .iter()
            .filter(|pod| text(pod, &["metadata", "labels", HASH]) == revision)
            .count();
        let mut status = object["status"].clone();
        for (field, value) in [
            ("observedGeneration", json!(generation(&object))),
            ("desiredNumberScheduled", json!(nodes.len())),
            ("currentNumberScheduled", json!(pods.len())),
            ("numberReady", json!(ready)),
            ("numberMisscheduled", json!(0)),
        ] {
            put(&mut status, &[field], value);
        }
        for (field, number) in [
            ("updatedNumberScheduled", updated),
            ("numberAvailable", ready),
            ("numberUnavailable", nodes.len().saturating_sub(ready)),
        ] {
            put_count(&mut status, field, number);
        }
        self.write_status(key, status);
        if refused && pods.len() < nodes.len() {
            return Next::seconds(60);
        }
        Next::OnChange
    }
}
