//! The marks of what has changed between two states of a cluster.
//!
//! Owns that every look into a cluster's facts that `place` notes is answered by a mark here, or by the index's own tables.

use facts::meta::{Key, Kind};
use facts::objects::Changed;
use facts::{ClusterFacts, Coverage};

use crate::trace::{Look, Mark};

/// What is said of a cluster as a whole.
pub fn around(cluster: &str, before: &ClusterFacts, facts: &ClusterFacts, touched: &mut Vec<Mark>) {
    if before.reach != facts.reach
        || before.clock_offset != facts.clock_offset
        || before.platform != facts.platform
    {
        touched.push(Mark::of(&Look::Cluster(cluster)));
    }
    let kinds = before.coverage.keys().chain(facts.coverage.keys());
    for at in kinds {
        let (before, now) = (before.coverage.get(at), facts.coverage.get(at));
        if before != now {
            touched.push(Mark::of(&Look::Reading(cluster, at.0)));
        }
        if !says_the_same(before, now) {
            touched.push(Mark::of(&Look::Coverage(cluster, at.0)));
        }
    }
}

/// Whether two coverages differ in the moment of the reading alone, which hardly any answer rests on.
fn says_the_same(one: Option<&Coverage>, other: Option<&Coverage>) -> bool {
    match (one, other) {
        (Some(Coverage::Seen { .. }), Some(Coverage::Seen { .. }))
        | (Some(Coverage::NotServed { .. }), Some(Coverage::NotServed { .. })) => true,
        (one, other) => one == other,
    }
}

/// Each object by itself, and its kind.
pub fn objects(
    cluster: &str,
    before: &ClusterFacts,
    facts: &ClusterFacts,
    touched: &mut Vec<Mark>,
) {
    fn one<'c, T: 'c>(
        cluster: &str,
        kind: Kind,
        changes: impl Iterator<Item = Changed<'c, Key, T>>,
        touched: &mut Vec<Mark>,
    ) {
        let before = touched.len();
        touched.extend(changes.map(|change| {
            Mark::of(&Look::Object(
                cluster,
                kind,
                &change.key.namespace,
                &change.key.name,
            ))
        }));
        if touched.len() > before {
            touched.push(Mark::of(&Look::Objects(cluster, kind)));
        }
    }
    fn several<'c, T: 'c>(
        cluster: &str,
        changes: impl Iterator<Item = Changed<'c, (Kind, Key), T>>,
        touched: &mut Vec<Mark>,
    ) {
        for change in changes {
            let (kind, key) = change.key;
            touched.push(Mark::of(&Look::Object(
                cluster,
                *kind,
                &key.namespace,
                &key.name,
            )));
            touched.push(Mark::of(&Look::Objects(cluster, *kind)));
        }
    }
    macro_rules! changed {
        ($($kind:ident $table:ident),* $(,)?) => {
            $(one(cluster, Kind::$kind, facts.$table.since(&before.$table), touched);)*
        };
    }
    changed! {
        Kustomization kustomizations,
        HelmRelease helm_releases,
        ImageRepository image_repositories,
        ImagePolicy image_policies,
        ImageUpdateAutomation image_automations,
        Canary canaries,
        ExternalSecret external_secrets,
        Service services,
        Ingress ingresses,
    }
    several(cluster, facts.sources.since(&before.sources), touched);
    several(cluster, facts.workloads.since(&before.workloads), touched);
    let named = [
        (
            Kind::Node,
            facts
                .nodes
                .since(&before.nodes)
                .map(|it| it.key)
                .collect::<Vec<_>>(),
        ),
        (
            Kind::Namespace,
            facts
                .namespaces
                .since(&before.namespaces)
                .map(|it| it.key)
                .collect(),
        ),
    ];
    for (kind, names) in named {
        for name in names {
            touched.push(Mark::of(&Look::Object(cluster, kind, "", name)));
            touched.push(Mark::of(&Look::Objects(cluster, kind)));
        }
    }
    for change in facts.ecs_services.since(&before.ecs_services) {
        let key = change.key;
        touched.push(Mark::of(&Look::EcsService(
            cluster,
            &key.namespace,
            &key.name,
        )));
    }
    for change in facts.task_definitions.since(&before.task_definitions) {
        touched.push(Mark::of(&Look::TaskDefinition(cluster, change.key)));
    }
}
