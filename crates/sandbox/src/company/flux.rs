//! What a cluster's folder in the GitOps repository holds: namespaces, Flux's sources, Kustomizations, image policies
//! and automations.
//!
//! Owns the YAML of Flux's objects, except HelmReleases, which belong to their apps.

use std::fmt::Write as _;

use super::apps::{App, Environment, Ground, namespace};
use super::declared::write;
use crate::git::Edit;
use crate::names::Names;

/// The root Kustomization's name on every cluster.
pub(super) const ROOT: &str = "cluster";
/// Where Flux's objects live.
pub(super) const FLUX: &str = "flux-system";

/// How often GitOps repositories are looked at besides their webhooks.
const FETCH: &str = "5m";
/// How often the registry is scanned besides its webhook.
const SCAN: &str = "10m";

/// The environments of a cluster.
pub(super) fn environments(cluster: &str, names: &Names) -> Vec<Environment> {
    Environment::ALL
        .into_iter()
        .filter(|environment| environment.cluster(names) == cluster)
        .collect()
}

/// A cluster's whole folder.
pub(super) fn cluster(cluster: &str, apps: &[App], names: &Names) -> Vec<Edit> {
    let root = format!("clusters/{cluster}");
    let environments = environments(cluster, names);
    let mut edits = vec![
        write(
            format!("{root}/namespaces.yaml"),
            namespaces(&environments, names),
        ),
        write(
            format!("{root}/infrastructure.yaml"),
            infrastructure(cluster, names),
        ),
    ];
    let mut sources = git_repository(
        &names.deploy,
        &format!("{}/{}", names.owner, names.deploy),
        FETCH,
        names,
    );
    sources.push_str(&helm_repository(names));
    if environments.contains(&Environment::Production) {
        sources.push_str(&oci_repository(names));
    }
    let mut own: Vec<(String, &App)> = Vec::new();
    for app in apps {
        let on_kubernetes = |environment: &&Environment| !app.is_on_ecs(**environment);
        for environment in environments.iter().filter(on_kubernetes) {
            let source = app.source(*environment, names);
            if source != names.deploy && !own.iter().any(|(known, _)| *known == source) {
                own.push((source, app));
            }
        }
        let mut page = String::new();
        for environment in environments.iter().filter(on_kubernetes) {
            page.push_str(&kustomization(app, *environment, names));
        }
        if !page.is_empty() {
            edits.push(write(format!("{root}/apps/{}.yaml", app.name), page));
        }
    }
    for (source, app) in own {
        sources.push_str(&git_repository(&source, &app.gitops, FETCH, names));
    }
    edits.push(write(format!("{root}/sources.yaml"), sources));
    if environments.contains(&Environment::Dev) {
        for app in apps {
            edits.push(write(
                format!("{root}/images/{}.yaml", app.name),
                policy(app),
            ));
        }
        edits.push(write(
            format!("{root}/automation.yaml"),
            automations(apps, names),
        ));
    }
    edits
}

fn namespaces(environments: &[Environment], names: &Names) -> String {
    let mut page = String::new();
    let mut add = |name: &str, environment: Option<Environment>| {
        let label = environment.map_or_else(String::new, |environment| {
            format!("\n    environment: {}", environment.name())
        });
        let _ = write!(
            page,
            "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    kubernetes.io/metadata.name: {name}{label}\n"
        );
    };
    add(&names.infrastructure.ingress, None);
    for environment in environments {
        for home in [&names.shop, &names.fulfilment] {
            add(&namespace(home, *environment), Some(*environment));
        }
    }
    page
}

/// A GitRepository that follows main.
pub(super) fn git_repository(name: &str, path: &str, interval: &str, names: &Names) -> String {
    format!(
        "---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: {name}
  namespace: {FLUX}
spec:
  interval: {interval}
  url: https://{}/{path}
  ref:
    branch: main
  secretRef:
    name: {name}-deploy-key
",
        names.code_host
    )
}

/// The URL of the company's Helm repository.
pub(super) fn charts_url(names: &Names) -> String {
    format!(
        "https://charts.{}.example/stable",
        names.company.to_lowercase()
    )
}

/// The URL of the artifact that one app's production is applied from.
pub(super) fn artifact_url(names: &Names) -> String {
    format!("oci://{}/{}", names.registry_host, artifact_path(names))
}

/// The same without the registry.
pub(super) fn artifact_path(names: &Names) -> String {
    format!("{}/{}-manifests", names.owner, names.app("catalog"))
}

fn helm_repository(names: &Names) -> String {
    format!(
        "---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata:
  name: charts
  namespace: {FLUX}
spec:
  interval: 30m
  url: {}
",
        charts_url(names)
    )
}

fn oci_repository(names: &Names) -> String {
    format!(
        "---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {}
  namespace: {FLUX}
spec:
  interval: 10m
  url: {}
  ref:
    tag: production
",
        names.app("catalog"),
        artifact_url(names)
    )
}

/// Infrastructure from the lowest part up: on production each part needs the one below it.
fn infrastructure(cluster: &str, names: &Names) -> String {
    let parts = &names.infrastructure;
    let part = |part: &str, below: Option<&str>| infrastructure_part(cluster, part, below, names);
    let mut page = part(&parts.ingress, None);
    if cluster == names.prod {
        page.push_str(&part(&parts.gateway, Some(&parts.ingress)));
        page.push_str(&part(&parts.routes, Some(&parts.gateway)));
    }
    page
}

fn infrastructure_part(cluster: &str, part: &str, below: Option<&str>, names: &Names) -> String {
    let depends = below.map_or_else(String::new, |below| {
        format!("  dependsOn:\n    - name: infra-{below}\n")
    });
    format!(
        "---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: infra-{part}
  namespace: {FLUX}
spec:
  interval: 1h
  timeout: 5m
  path: ./infrastructure/{cluster}/{part}
  prune: true
  wait: true
{depends}  sourceRef:
    kind: GitRepository
    name: {}
",
        names.deploy
    )
}

fn kustomization(app: &App, environment: Environment, names: &Names) -> String {
    let role = app.spec.role;
    let depends = match (role, environment) {
        ("checkout", Environment::Production) => format!(
            "  dependsOn:\n    - name: infra-{}\n",
            names.infrastructure.routes
        ),
        _ => String::new(),
    };
    let wait = match app.spec.verified.contains(&environment) {
        true => "  wait: true\n",
        false => "",
    };
    let (kind, source) = match (role, environment) {
        ("catalog", Environment::Production) => ("OCIRepository", app.name.clone()),
        _ => ("GitRepository", app.source(environment, names)),
    };
    format!(
        "---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {}
  namespace: {FLUX}
spec:
  interval: 1h
  timeout: 3m
  path: ./{}
  prune: true
{wait}{depends}  sourceRef:
    kind: {kind}
    name: {source}
",
        app.kustomization(environment),
        app.folder(environment)
    )
}

fn policy(app: &App) -> String {
    let (name, image) = (&app.name, &app.image);
    let choice = match app.spec.numbered_tags {
        true => {
            "  filterTags:
    pattern: '^build-[0-9]+$'
  policy:
    alphabetical:
      order: asc
"
        }
        false => {
            "  filterTags:
    pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$'
    extract: '$ts'
  policy:
    numerical:
      order: asc
"
        }
    };
    format!(
        "---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: {name}
  namespace: {FLUX}
spec:
  image: {image}
  interval: {SCAN}
  secretRef:
    name: registry
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: {name}
  namespace: {FLUX}
spec:
  imageRepositoryRef:
    name: {name}
{choice}"
    )
}

fn automations(apps: &[App], names: &Names) -> String {
    let mut page = String::new();
    let mut written: Vec<String> = Vec::new();
    for app in apps {
        for environment in [Environment::Dev, Environment::Staging] {
            let Some(name) = app.automation(environment) else {
                continue;
            };
            if written.contains(&name) {
                continue;
            }
            let source = match app.spec.ground {
                Ground::Own => app.source(environment, names),
                Ground::Shared | Ground::Partners => names.deploy.clone(),
            };
            page.push_str(&automation(
                &name,
                &source,
                &app.automation_folder(environment),
                names,
            ));
            written.push(name);
        }
    }
    page
}

fn automation(name: &str, source: &str, folder: &str, names: &Names) -> String {
    format!(
        "---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata:
  name: {name}
  namespace: {FLUX}
spec:
  interval: 10m
  sourceRef:
    kind: GitRepository
    name: {source}
  git:
    checkout:
      ref:
        branch: main
    commit:
      author:
        name: Flux
        email: flux@{}.example
      messageTemplate: |
        Update images of {name}
    push:
      branch: main
  update:
    path: ./{folder}
    strategy: Setters
",
        names.company.to_lowercase()
    )
}
