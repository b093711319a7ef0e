//! Deployments, StatefulSets, DaemonSets and ReplicaSets.

use facts::Kind;
use facts::kubernetes::{Container, ReplicaSet, Workload};
use facts::meta::Reference;
use serde::Deserialize;

use super::meta::{ConditionPart, MetaPart, conditions};
use super::{Object, Partial};
use crate::tolerant::{Flag, Integer, List, Part, Table, Text};

/// A Deployment, StatefulSet or DaemonSet.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadPart {
    metadata: Part<MetaPart>,
    spec: Part<Spec>,
    status: Part<WorkloadStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    update_strategy: Part<Strategy>,
    replicas: Integer,
    paused: Flag,
    selector: Part<Selector>,
    template: Part<Template>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Selector {
    match_labels: Table<Text>,
    match_expressions: List<Part<serde::de::IgnoredAny>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Strategy {
    r#type: Text,
    rolling_update: Part<RollingUpdate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RollingUpdate {
    partition: Integer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Template {
    metadata: Part<TemplateMeta>,
    spec: Part<TemplateSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TemplateMeta {
    labels: Table<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TemplateSpec {
    containers: List<Part<ContainerPart>>,
    init_containers: List<Part<ContainerPart>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerPart {
    name: Text,
    image: Text,
    resources: Part<Resources>,
    #[serde(rename = "envFrom")]
    env_from: List<Part<From>>,
    env: List<Part<Variable>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Variable {
    value_from: Part<From>,
}

/// Where an environment comes from: whole (`…Ref`) or one key of it (`…KeyRef`).
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct From {
    config_map_ref: Part<Named>,
    config_map_key_ref: Part<Named>,
    secret_ref: Part<Named>,
    secret_key_ref: Part<Named>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources {
    limits: Table<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WorkloadStatus {
    observed_generation: Integer,
    replicas: Integer,
    updated_replicas: Integer,
    ready_replicas: Integer,
    available_replicas: Integer,
    desired_number_scheduled: Integer,
    current_number_scheduled: Integer,
    updated_number_scheduled: Integer,
    number_ready: Integer,
    number_available: Integer,
    update_revision: Text,
    conditions: List<Part<ConditionPart>>,
}

/// What the template's containers take their environment from.
fn environment(spec: &TemplateSpec, namespace: &str) -> Vec<Reference> {
    let containers = spec.containers.0.iter().chain(&spec.init_containers.0);
    let from = containers.flat_map(|one| {
        let variables = one.0.env.0.iter().map(|variable| &variable.0.value_from.0);
        let whole = one.0.env_from.0.iter().map(|from| &from.0);
        whole.chain(variables)
    });
    let mut found: Vec<Reference> = from
        .flat_map(|from| {
            [
                ("ConfigMap", &from.config_map_ref),
                ("ConfigMap", &from.config_map_key_ref),
                ("Secret", &from.secret_ref),
                ("Secret", &from.secret_key_ref),
            ]
        })
        .filter(|(_, named)| !named.0.name.0.is_empty())
        .map(|(kind, named)| Reference {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: named.0.name.0.clone(),
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The template's containers, init containers last.
fn containers(spec: TemplateSpec) -> Vec<Container> {
    let container = |init: bool| {
        move |mut part: ContainerPart| Container {
            name: part.name.0,
            image: part.image.0,
            init,
            memory_limit: part
                .resources
                .0
                .limits
                .0
                .remove("memory")
                .and_then(Text::some),
        }
    };
    spec.containers
        .parts()
        .map(container(false))
        .chain(spec.init_containers.parts().map(container(true)))
        .collect()
}

impl Partial for WorkloadPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(mut self, kind: Kind) -> Object {
        let edited = self.metadata.0.edited();
        let spec = self.spec.0;
        let status = self.status.0;
        let template = spec.template.0;
        let daemon = kind == Kind::DaemonSet;
        let count = |set: &Integer, other: &Integer| {
            if daemon { set.count() } else { other.count() }
        };
        let pod_labels = template.metadata.0.labels.texts();
        let selector = spec.selector.0;
        let by_expressions = selector.match_expressions.parts().next().is_some();
        let strategy = spec.update_strategy.0;
        let meta = self.metadata.0.project();
        let environment = environment(&template.spec.0, &meta.namespace);
        Object::Workload(Workload {
            kind,
            meta,
            environment,
            selector: if by_expressions {
                pod_labels.clone()
            } else {
                selector.match_labels.texts()
            },
            pod_labels,
            edited,
            on_delete: strategy.r#type.0 == "OnDelete",
            partition: strategy.rolling_update.0.partition.count(),
            containers: containers(template.spec.0),
            paused: spec.paused.0,
            wanted: if daemon {
                status.desired_number_scheduled.count()
            } else {
                spec.replicas.count_or(1)
            },
            observed_generation: status.observed_generation.or_zero(),
            updated: count(&status.updated_number_scheduled, &status.updated_replicas),
            ready: count(&status.number_ready, &status.ready_replicas),
            available: count(&status.number_available, &status.available_replicas),
            total: count(&status.current_number_scheduled, &status.replicas),
            update_revision: status.update_revision.some(),
            conditions: conditions(status.conditions),
        })
    }
}

/// A ReplicaSet.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplicaSetPart {
    metadata: Part<MetaPart>,
    spec: Part<Spec>,
    status: Part<WorkloadStatus>,
}

impl Partial for ReplicaSetPart {
    fn meta(&self) -> &MetaPart {
        &self.metadata
    }

    fn project(self, _: Kind) -> Object {
        let spec = self.spec.0;
        let status = self.status.0;
        Object::ReplicaSet(ReplicaSet {
            meta: self.metadata.0.project(),
            containers: containers(spec.template.0.spec.0),
            wanted: spec.replicas.count_or(1),
            total: status.replicas.count(),
            ready: status.ready_replicas.count(),
            conditions: conditions(status.conditions),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::page;
    use super::*;

    fn workload(kind: Kind, object: &str) -> Workload {
        let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
        match page(kind, json.as_bytes()).unwrap().objects.remove(0) {
            Object::Workload(workload) => workload,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_an_environment_is_taken_from_is_named_once() {
        let w = workload(
            Kind::Deployment,
            r#"{"metadata":{"name":"api","namespace":"shop"},"spec":{"template":{"spec":{
              "initContainers":[{"name":"a","envFrom":[{"secretRef":{"name":"keys"}}]}],
              "containers":[{"name":"b","envFrom":[{"configMapRef":{"name":"settings"}},{"prefix":"X"}],
                "env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"configMapKeyRef":{"name":"settings","key":"b"}}},
                  {"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},{"name":"D","valueFrom":{"secretKeyRef":{"name":"token","key":"d"}}}]}]}}}}"#,
        );
        let told: Vec<String> = w
            .environment
            .iter()
            .map(|one| format!("{} {}/{}", one.kind, one.namespace, one.name))
            .collect();
        assert_eq!(
            told,
            [
                "ConfigMap shop/settings",
                "Secret shop/keys",
                "Secret shop/token"
            ]
        );
    }

    #[test]
    fn a_deployment_as_the_controller_manager_writes_it() {
        let w = workload(
            Kind::Deployment,
            r#"{"metadata":{"name":"api","namespace":"shop","generation":7},
              "spec":{"replicas":3,"paused":true,"selector":{"matchLabels":{"app":"api"}},
                "template":{"metadata":{"labels":{"app":"api","v":"2"}},"spec":{
                  "containers":[{"name":"api","image":"r/api:2","resources":{"limits":{"memory":"256Mi","cpu":1}}}],
                  "initContainers":[{"name":"migrate","image":"r/migrate@sha256:aa"}]}}},
              "status":{"observedGeneration":7,"replicas":4,"updatedReplicas":2,"readyReplicas":3,"availableReplicas":3,"unavailableReplicas":1,
                "conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"m","lastUpdateTime":"2026-01-01T00:00:00Z"}]}}"#,
        );
        assert_eq!(
            (w.wanted, w.total, w.updated, w.ready, w.available),
            (3, 4, 2, 3, 3)
        );
        assert!(w.paused);
        assert_eq!(w.pod_labels["v"], "2");
        let images: Vec<_> = w
            .containers
            .iter()
            .map(|c| (c.image.as_str(), c.init))
            .collect();
        assert_eq!(images, [("r/api:2", false), ("r/migrate@sha256:aa", true)]);
        assert_eq!(w.containers[0].memory_limit.as_deref(), Some("256Mi"));
    }

    #[test]
    fn a_daemon_set_counts_with_its_own_fields() {
        let w = workload(
            Kind::DaemonSet,
            r#"{"metadata":{"name":"log","namespace":"ops"},"spec":{"selector":{}},
              "status":{"currentNumberScheduled":5,"desiredNumberScheduled":6,"numberAvailable":3,"numberMisscheduled":0,"numberReady":4,"updatedNumberScheduled":2,"replicas":99}}"#,
        );
        assert_eq!(
            (w.wanted, w.total, w.updated, w.ready, w.available),
            (6, 5, 2, 4, 3)
        );
    }

    #[test]
    fn replicas_that_are_not_written_are_one_and_zero_is_zero() {
        let w = workload(
            Kind::StatefulSet,
            r#"{"metadata":{"name":"db","namespace":"shop"},"spec":{},"status":{"updateRevision":"db-5","readyReplicas":-1}}"#,
        );
        assert_eq!((w.wanted, w.ready), (1, 0));
        assert_eq!(w.update_revision.as_deref(), Some("db-5"));
        let w = workload(
            Kind::StatefulSet,
            r#"{"metadata":{"name":"db","namespace":"shop"},"spec":{"replicas":0}}"#,
        );
        assert_eq!(w.wanted, 0);
    }

    #[test]
    fn a_replica_set_keeps_its_revision() {
        let json = r#"{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"api-1","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"4"}},
            "spec":{"replicas":2,"template":{"spec":{"containers":[{"image":"a:1"}]}}},"status":{"replicas":1,"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"exceeded quota"}]}}]}"#;
        let Object::ReplicaSet(rs) = page(Kind::ReplicaSet, json.as_bytes())
            .unwrap()
            .objects
            .remove(0)
        else {
            panic!()
        };
        assert_eq!(
            rs.meta.annotation("deployment.kubernetes.io/revision"),
            Some("4")
        );
        assert_eq!((rs.wanted, rs.total, rs.ready), (2, 1, 0));
        assert_eq!(rs.conditions[0].message, "exceeded quota");
    }
}
