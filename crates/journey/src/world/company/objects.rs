//! Tests only: the objects of the company's clusters, one by one.

use std::collections::BTreeMap;

use facts::ClusterFacts;
use facts::flux::*;
use facts::kubernetes::*;
use facts::meta::{Kind, Owner, Status};
use jiff::Timestamp;

use super::{condition, digest, image, key, meta, minutes, namespace, reference, sha, tag};

pub fn containers(app: &str, number: u32) -> Vec<Container> {
    vec![Container {
        name: app.to_owned(),
        image: format!("{}:{}", image(app), tag(app, number)),
        init: false,
        memory_limit: Some("256Mi".to_owned()),
    }]
}

pub fn kustomization(name: &str, path: &str, created: Timestamp) -> Kustomization {
    Kustomization {
        meta: meta("flux-system", name, created),
        source: reference("GitRepository", "flux-system", "fleet"),
        path: path.to_owned(),
        edited: None,
        suspended: false,
        interval: minutes(10),
        retry_interval: minutes(2),
        verifies: true,
        remote: false,
        renames: false,
        prunes: true,
        patches: false,
        components: Vec::new(),
        substitutes: Vec::new(),
        target_namespace: None,
        images: Vec::new(),
        patches_images: false,
        depends_on: Vec::new(),
        observed_generation: 1,
        attempted: None,
        applied: None,
        applied_origin: None,
        inventory: Vec::new(),
        history: Vec::new(),
        conditions: Vec::new(),
        handled_request: None,
    }
}

pub fn helm_chart(facts: &mut ClusterFacts, cluster: &str, created: Timestamp) {
    let space = namespace(cluster);
    let ready = |at| vec![condition("Ready", Status::True, "Succeeded", "", at)];
    let artifact = |text: &str| {
        Some(Artifact {
            revision: Revision::new(text),
            digest: "sha256:cc".to_owned(),
            updated: Some(created),
            origin_revision: None,
            origin_source: None,
        })
    };
    let source = |kind, name: &str, space: &str| Source {
        kind,
        meta: meta(space, name, created),
        url: String::new(),
        reference: SourceReference::Default,
        suspended: false,
        interval: minutes(10),
        chart: None,
        chart_source: None,
        artifact: None,
        observed_generation: 1,
        conditions: ready(created),
        handled_request: None,
    };
    let mut repository = source(Kind::HelmRepository, "charts", "flux-system");
    repository.url = "https://charts.example".to_owned();
    repository.artifact = artifact("sha256:dd");
    facts
        .sources
        .insert((Kind::HelmRepository, repository.meta.key()), repository);
    let mut chart = source(Kind::HelmChart, &format!("{space}-search"), "flux-system");
    chart.chart = Some("service".to_owned());
    chart.reference = SourceReference::Semver("2.x".to_owned());
    chart.chart_source = Some(reference("HelmRepository", "flux-system", "charts"));
    chart.artifact = artifact("2.4.1");
    facts
        .sources
        .insert((Kind::HelmChart, chart.meta.key()), chart);
}

/// A HelmRelease that deployed a commit.
pub fn release(facts: &mut ClusterFacts, app: &str, space: &str, number: u32, at: Timestamp) {
    let mut release_meta = meta(space, app, at);
    release_meta.labels = BTreeMap::from([
        (
            "kustomize.toolkit.fluxcd.io/name".to_owned(),
            app.to_owned(),
        ),
        (
            "kustomize.toolkit.fluxcd.io/namespace".to_owned(),
            "flux-system".to_owned(),
        ),
    ]);
    facts.helm_releases.insert(
        key(space, app),
        HelmRelease {
            meta: release_meta,
            chart: Some("service".to_owned()),
            chart_version: Some("2.x".to_owned()),
            values_files: Vec::new(),
            values_from: Vec::new(),
            source: Some(reference("HelmRepository", "flux-system", "charts")),
            helm_chart: Some(reference(
                "HelmChart",
                "flux-system",
                &format!("{space}-search"),
            )),
            edited: None,
            suspended: false,
            interval: minutes(10),
            depends_on: Vec::new(),
            images: vec![format!("{}:{}", image(app), tag(app, number))],
            target_namespace: space.to_owned(),
            remote: false,
            waits: true,
            observed_generation: 1,
            attempted: Some("2.4.1".to_owned()),
            attempted_generation: Some(1),
            failures: 0,
            history: vec![Release {
                version: i64::from(number),
                chart_version: "2.4.1".to_owned(),
                app_version: None,
                status: "deployed".to_owned(),
                first: Some(at),
                last: Some(at),
            }],
            conditions: vec![
                condition("Ready", Status::True, "UpgradeSucceeded", "", at),
                condition("Released", Status::True, "UpgradeSucceeded", "", at),
            ],
            handled_request: None,
        },
    );
}

pub fn hash(app: &str, number: u32) -> String {
    sha(&format!("template of {app}"), number)[..10].to_owned()
}

pub fn replica_set(
    facts: &mut ClusterFacts,
    app: &str,
    space: &str,
    number: u32,
    pods: u32,
    at: Timestamp,
) {
    let hash = hash(app, number);
    let mut set_meta = meta(space, &format!("{app}-{hash}"), at);
    set_meta.labels = BTreeMap::from([
        ("app".to_owned(), app.to_owned()),
        ("pod-template-hash".to_owned(), hash),
    ]);
    set_meta.annotations.insert(
        "deployment.kubernetes.io/revision".to_owned(),
        number.to_string(),
    );
    set_meta.owners = vec![Owner {
        kind: "Deployment".to_owned(),
        name: app.to_owned(),
        uid: format!("{space}-{app}"),
    }];
    facts.replica_sets.insert(
        set_meta.key(),
        ReplicaSet {
            meta: set_meta,
            containers: containers(app, number),
            wanted: pods,
            total: pods,
            ready: pods,
            conditions: Vec::new(),
        },
    );
}

pub fn pod_name(app: &str, number: u32, index: u32) -> String {
    format!("{app}-{}-{index}", hash(app, number))
}

pub fn pod(app: &str, space: &str, number: u32, index: u32, at: Timestamp) -> Pod {
    let hash = hash(app, number);
    let mut pod_meta = meta(space, &pod_name(app, number, index), at);
    pod_meta.labels = BTreeMap::from([
        ("app".to_owned(), app.to_owned()),
        ("pod-template-hash".to_owned(), hash.clone()),
    ]);
    pod_meta.owners = vec![Owner {
        kind: "ReplicaSet".to_owned(),
        name: format!("{app}-{hash}"),
        uid: format!("{space}-{app}-{hash}"),
    }];
    Pod {
        meta: pod_meta,
        phase: "Running".to_owned(),
        reason: None,
        message: None,
        node: Some("node-1".to_owned()),
        started: Some(at),
        conditions: vec![
            condition("Ready", Status::True, "", "", at),
            condition("PodScheduled", Status::True, "", "", at),
        ],
        containers: vec![ContainerStatus {
            name: app.to_owned(),
            init: false,
            image: format!("{}:{}", image(app), tag(app, number)),
            image_id: format!("{}@{}", image(app), digest(app, number)),
            ready: true,
            restarts: 0,
            state: ContainerState::Running { since: Some(at) },
            last: None,
        }],
    }
}
