//! Flux' sources and Kustomizations as its controllers write them, of the newest and the oldest served versions.

use facts::{Status, meta::condition};
use jiff::SignedDuration;

use super::super::page;
use super::*;

const SHA: &str = "3f2c1ab0d4e5f60718293a4b5c6d7e8f90a1b2c3";

fn one(kind: Kind, object: &str) -> Object {
    let json = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{object}]}}"#);
    page(kind, json.as_bytes()).unwrap().objects.remove(0)
}

fn source(kind: Kind, object: &str) -> Source {
    match one(kind, object) {
        Object::Source(source) => source,
        other => panic!("{other:?}"),
    }
}

fn kustomization(object: &str) -> Kustomization {
    match one(Kind::Kustomization, object) {
        Object::Kustomization(kustomization) => kustomization,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_git_repository_as_source_controller_writes_it() {
    let source = source(
        Kind::GitRepository,
        &r#"{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository",
          "metadata":{"name":"gitops","namespace":"flux-system","generation":2},
          "spec":{"interval":"1m0s","ref":{"branch":"main"},"secretRef":{"name":"k"},"timeout":"60s","url":"ssh://git@git.shop/gitops"},
          "status":{"artifact":{"digest":"sha256:aa","lastUpdateTime":"2026-11-21T20:31:00Z","path":"p","revision":"main@sha1:SHA","size":10,"url":"u"},
            "conditions":[{"lastTransitionTime":"2026-11-21T20:31:00Z","message":"stored artifact for revision 'main@sha1:SHA'","observedGeneration":2,"reason":"Succeeded","status":"True","type":"Ready"}],
            "observedGeneration":2,"lastHandledReconcileAt":"2026-11-21T20:30:59Z"}}"#
            .replace("SHA", SHA),
    );
    assert_eq!(source.interval, Some(SignedDuration::from_secs(60)));
    assert_eq!(source.reference, SourceReference::Branch("main".into()));
    let artifact = source.artifact.unwrap();
    assert_eq!(artifact.revision.commit(), Some(SHA));
    assert!(artifact.updated.is_some());
    let ready = condition(&source.conditions, "Ready").unwrap();
    assert_eq!(
        (ready.status, ready.observed_generation),
        (Status::True, Some(2))
    );
    assert!(!source.suspended);
    assert!(source.handled_request.is_some());
}

#[test]
fn the_oldest_served_version_lands_in_the_same_shape() {
    let source = source(
        Kind::GitRepository,
        &r#"{"apiVersion":"source.toolkit.fluxcd.io/v1beta1","metadata":{"name":"g","namespace":"f"},
          "spec":{"interval":"5m","ref":{"branch":"main","commit":"SHA"},"gitImplementation":"go-git","suspend":true,"url":"https://git.shop/g"},
          "status":{"artifact":{"checksum":"da39a3ee5e6b4b0d3255bfef95601890afd80709","revision":"main/SHA"}}}"#
            .replace("SHA", SHA),
    );
    assert_eq!(source.reference, SourceReference::Fixed(SHA.into()));
    assert!(source.suspended);
    let artifact = source.artifact.unwrap();
    assert_eq!(artifact.revision.commit(), Some(SHA));
    assert!(artifact.digest.starts_with("sha1:da39"));
}

#[test]
fn an_oci_artifact_says_which_commit_it_was_made_from() {
    let source = source(
        Kind::OCIRepository,
        r#"{"metadata":{"name":"o","namespace":"f"},"spec":{"url":"oci://r/x","ref":{"semver":">=1","tag":"latest"}},
          "status":{"artifact":{"revision":"latest@sha256:bb","metadata":{"org.opencontainers.image.revision":"main@sha1:cc","org.opencontainers.image.source":"https://git.shop/x"}}}}"#,
    );
    assert_eq!(source.reference, SourceReference::Semver(">=1".into()));
    let artifact = source.artifact.unwrap();
    assert_eq!(artifact.origin_revision.unwrap().text, "main@sha1:cc");
    assert_eq!(
        artifact.origin_source.as_deref(),
        Some("https://git.shop/x")
    );
}

#[test]
fn a_chart_names_its_repository_and_a_bucket_its_place() {
    let chart = source(
        Kind::HelmChart,
        r#"{"metadata":{"name":"c","namespace":"f"},"spec":{"chart":"podinfo","version":"6.*","sourceRef":{"kind":"HelmRepository","name":"podinfo"},"interval":"10m"},
          "status":{"artifact":{"revision":"6.5.0"},"observedChartName":"podinfo"}}"#,
    );
    assert_eq!(chart.chart.as_deref(), Some("podinfo"));
    assert_eq!(chart.chart_source.unwrap().namespace, "f");
    assert_eq!(chart.reference, SourceReference::Semver("6.*".into()));
    assert_eq!(chart.artifact.unwrap().revision.commit(), None);
    let bucket = source(
        Kind::Bucket,
        r#"{"metadata":{"name":"b","namespace":"f"},"spec":{"endpoint":"s3.eu","bucketName":"x"}}"#,
    );
    assert_eq!(bucket.url, "s3.eu/x");
}

#[test]
fn a_kustomization_as_kustomize_controller_writes_it() {
    let k = kustomization(
        r#"{"metadata":{"name":"shop","namespace":"flux-system","generation":4},
          "spec":{"dependsOn":[{"name":"infra"},{"name":"crds","namespace":"platform","readyExpr":"true"},{}],"force":false,"interval":"10m0s","retryInterval":"2m","path":"./apps//shop/","prune":true,
            "sourceRef":{"kind":"OCIRepository","name":"gitops"},"targetNamespace":"shop","wait":true},
          "status":{"conditions":[],"history":[
              {"digest":"sha256:1","firstReconciled":"2026-01-01T00:00:00Z","lastReconciled":"2026-01-01T00:10:00Z","lastReconciledDuration":"1s","lastReconciledStatus":"ReconciliationSucceeded","metadata":{"revision":"main@sha1:a"},"totalReconciliations":2},
              {"digest":"sha256:2","firstReconciled":"2026-01-02T00:00:00Z","lastReconciled":"2026-01-02T00:10:00Z","lastReconciledStatus":"HealthCheckFailed","metadata":{"revision":"main@sha1:b","originRevision":"x"}}],
            "inventory":{"entries":[{"id":"shop_api_apps_Deployment","v":"v1"},{"id":"_shop__Namespace","v":"v1"},{"id":"_system__node_rbac.authorization.k8s.io_ClusterRole","v":"v1"},{"id":"broken"}]},
            "lastAppliedRevision":"main@sha1:a","lastAppliedOriginRevision":"main@sha1:o","lastAttemptedRevision":"main@sha1:b","observedGeneration":4}}"#,
    );
    assert_eq!(k.path, "apps/shop");
    assert!(k.verifies && !k.remote);
    assert_eq!(k.source.kind, "OCIRepository");
    let names: Vec<_> = k
        .depends_on
        .iter()
        .map(|d| (d.namespace.as_str(), d.name.as_str()))
        .collect();
    assert_eq!(names, [("flux-system", "infra"), ("platform", "crds")]);
    assert_eq!(k.attempted.unwrap().text, "main@sha1:b");
    assert_eq!(k.applied.unwrap().text, "main@sha1:a");
    assert_eq!(k.applied_origin.unwrap().text, "main@sha1:o");
    let things: Vec<_> = k
        .inventory
        .iter()
        .map(|r| (r.kind.as_str(), r.namespace.as_str(), r.name.as_str()))
        .collect();
    assert_eq!(
        things,
        [
            ("Deployment", "shop", "api"),
            ("Namespace", "", "shop"),
            ("ClusterRole", "", "system:node")
        ]
    );
    assert_eq!(k.history[0].digest, "sha256:2", "newest first");
    assert_eq!(k.history[0].revision.as_ref().unwrap().text, "main@sha1:b");
    assert_eq!(k.retry_interval, Some(SignedDuration::from_secs(120)));
}

#[test]
fn a_kustomization_without_health_checks_does_not_verify() {
    let k = kustomization(
        r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"wait":"yes","path":"./"}}"#,
    );
    assert!(!k.verifies && k.path.is_empty());
    let k = kustomization(
        r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"healthChecks":[{"apiVersion":"apps/v1","kind":"Deployment","name":"x","namespace":"y"}]}}"#,
    );
    assert!(k.verifies && !k.remote);
}

#[test]
fn a_kustomization_with_a_kubeconfig_applies_to_another_cluster() {
    let k = kustomization(
        r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"kubeConfig":{"secretRef":{"name":"spoke"}}}}"#,
    );
    assert!(k.remote);
}

#[test]
fn a_kustomization_says_which_images_it_puts_in_the_place_of_what_git_declares() {
    let k = kustomization(
        r#"{"metadata":{"name":"a","namespace":"b"},"spec":{"images":[
            {"name":"ghcr.io/shop/api","newTag":"1.2"},
            {"name":"api","newName":"ghcr.io/shop/api","digest":"sha256:ab"},
            {"newTag":"of nothing"},"x"]}}"#,
    );
    let text = |one: &str| Some(one.to_owned());
    assert_eq!(
        k.images,
        [
            ImageOverride {
                name: "ghcr.io/shop/api".to_owned(),
                new_name: None,
                tag: text("1.2"),
                digest: None,
            },
            ImageOverride {
                name: "api".to_owned(),
                new_name: text("ghcr.io/shop/api"),
                tag: None,
                digest: text("sha256:ab"),
            },
        ]
    );
    assert!(!k.patches_images);
}

#[test]
fn a_patch_of_an_image_is_told_from_one_of_its_pull_policy() {
    for (patch, names) in [
        (
            r"spec:\n  containers:\n  - name: api\n    image: api:1.2",
            true,
        ),
        (
            r"- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: x",
            true,
        ),
        (r"spec:\n  values:\n    images: {}", true),
        (
            r"imagePullPolicy: Always\nimagePullSecrets: []\nreplicas: 2",
            false,
        ),
    ] {
        let k = kustomization(&format!(
            r#"{{"metadata":{{"name":"a","namespace":"b"}},"spec":{{"patches":["x",{{"patch":"{patch}","target":{{"kind":"Deployment"}}}}]}}}}"#
        ));
        assert_eq!(k.patches_images, names, "{patch}");
    }
}

#[test]
fn paths_are_written_in_many_ways_and_mean_one() {
    for (text, path) in [
        ("./", ""),
        (".", ""),
        ("", ""),
        ("/", ""),
        ("./apps/shop/", "apps/shop"),
        ("/apps/./shop", "apps/shop"),
        ("apps/../clusters/prod", "clusters/prod"),
        ("../../etc", "etc"),
        (".hidden", ".hidden"),
    ] {
        assert_eq!(plain_path(text), path, "{text}");
    }
}

#[test]
fn an_object_of_nothing_but_a_name_is_kept() {
    let k = kustomization(r#"{"metadata":{"name":"a","namespace":"b"},"spec":[],"status":"none"}"#);
    assert_eq!(k.meta.name, "a");
    assert_eq!((k.attempted, k.applied), (None, None));
}

#[test]
fn what_a_kustomization_reads_besides_its_path_is_named() {
    let one = kustomization(
        r#"{"metadata":{"name":"a","namespace":"shop"},"spec":{"path":"./apps/shop","components":["../../parts/tls","own"],
          "postBuild":{"substitute":{"x":"y"},"substituteFrom":[{"kind":"Secret","name":"keys"},{"kind":"ConfigMap","name":"settings","optional":true}]}}}"#,
    );
    assert_eq!(one.components, ["parts/tls", "apps/shop/own"]);
    let read: Vec<_> = one
        .substitutes
        .iter()
        .map(|one| (one.kind.as_str(), one.namespace.as_str(), one.name.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            ("Secret", "shop", "keys"),
            ("ConfigMap", "shop", "settings")
        ]
    );
}
