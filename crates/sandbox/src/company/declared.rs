//! How an app is declared in Git: base manifests, one folder an environment, and the few edits that people make there.
//!
//! Owns the YAML of apps. Flux's own objects are [`super::flux`]'s.

use super::apps::{App, Environment, Form};
use crate::git::Edit;
use crate::names::Names;

/// The key of a Secret that one app needs.
pub(super) const SECRET_KEY: &str = "SMTP_PASSWORD";

/// A file to write.
pub(super) fn write(path: impl Into<String>, content: impl Into<String>) -> Edit {
    Edit::Write {
        path: path.into(),
        content: content.into(),
    }
}

/// What the environments of an app have in common; nothing for a Helm release, whose chart has it.
pub(super) fn base(app: &App, names: &Names) -> Vec<Edit> {
    let folder = app.base();
    let workload = match app.spec.form {
        Form::Helm => return Vec::new(),
        Form::Deployment => deployment(app, names),
        Form::StatefulSet => stateful_set(app, names),
        Form::DaemonSet => daemon_set(app, names),
    };
    vec![
        write(
            format!("{folder}/kustomization.yaml"),
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - workload.yaml\n  - service.yaml\n",
        ),
        write(format!("{folder}/workload.yaml"), workload),
        write(format!("{folder}/service.yaml"), service(app, names)),
    ]
}

/// An app's folder in an environment, naming an image tag.
pub(super) fn environment(app: &App, environment: Environment, tag: &str) -> Vec<Edit> {
    let folder = app.folder(environment);
    let namespace = app.namespace(environment);
    let marker = |field: &str| match app.marked(environment) {
        true => format!(
            " # {{\"$imagepolicy\": \"flux-system:{}:{field}\"}}",
            app.name
        ),
        false => String::new(),
    };
    let count = replicas(environment);
    let (name, image) = (&app.name, &app.image);
    if app.spec.form == Form::Helm {
        let marker = marker("tag");
        // Helm rolls back only where somebody asked for it; by default a failed upgrade stays as it is.
        let remediation = match app.spec.role {
            "storefront" => "  upgrade:\n    remediation:\n      remediateLastFailure: true\n",
            _ => "",
        };
        return vec![
            write(
                format!("{folder}/kustomization.yaml"),
                format!(
                    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {namespace}\nresources:\n  - release.yaml\n"
                ),
            ),
            write(
                format!("{folder}/release.yaml"),
                format!(
                    "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
spec:
  interval: 10m
  chart:
    spec:
      chart: service
      version: 1.x
      interval: 10m
      sourceRef:
        kind: HelmRepository
        name: charts
        namespace: flux-system
  install:
    remediation:
      retries: 3
{remediation}  values:
    replicas: {count}
    image:
      repository: {image}
      tag: {tag}{marker}
    port: 8080
    resources:
      requests:
        cpu: 100m
        memory: 128Mi
      limits:
        memory: 256Mi
"
                ),
            ),
        ];
    }
    let marker = marker("tag");
    let mut content = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources:
  - {}
images:
  - name: {image}
    newTag: {tag}{marker}
",
        app.way_to_base()
    );
    if app.spec.form != Form::DaemonSet {
        content.push_str(&format!(
            "replicas:\n  - name: {name}\n    count: {count}\n"
        ));
    }
    vec![write(format!("{folder}/kustomization.yaml"), content)]
}

/// How many pods an app has in an environment.
fn replicas(environment: Environment) -> u32 {
    match environment {
        Environment::Dev => 1,
        Environment::Staging => 2,
        Environment::Production => 3,
    }
}

/// A declaration with another image tag; comments behind the tag stay.
pub(super) fn with_tag(declaration: &str, tag: &str) -> String {
    edited(declaration, |line| {
        let (key, rest) = line.split_once(": ")?;
        if !matches!(key.trim(), "newTag" | "tag") {
            return None;
        }
        let comment = rest.find(" #").map_or("", |at| &rest[at..]);
        Some(format!("{key}: {tag}{comment}"))
    })
}

/// A declaration without policy markers.
pub(super) fn without_marker(declaration: &str) -> String {
    edited(declaration, |line| {
        let at = line.find(" # {\"$imagepolicy\"")?;
        Some(line[..at].to_owned())
    })
}

/// A declaration as a merge leaves it when both sides changed the tag and nobody looked.
pub(super) fn with_conflict(declaration: &str, theirs: &str) -> String {
    edited(declaration, |line| {
        let (key, _) = line.split_once(": ")?;
        (key.trim() == "newTag").then(|| {
            format!("<<<<<<< HEAD\n{line}\n=======\n{key}: {theirs}\n>>>>>>> bump-staging")
        })
    })
}

/// A declaration of a HelmRelease that asks for another chart version.
pub(super) fn with_chart(declaration: &str, range: &str) -> String {
    edited(declaration, |line| {
        let (key, _) = line.split_once(": ")?;
        (key.trim() == "version").then(|| format!("{key}: {range}"))
    })
}

/// A kustomization that lists one more resource.
pub(super) fn with_resource(kustomization: &str, resource: &str) -> String {
    edited(kustomization, |line| {
        (line == "resources:").then(|| format!("{line}\n  - {resource}"))
    })
}

fn edited(content: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(content.len());
    for line in content.lines() {
        result.push_str(&change(line).unwrap_or_else(|| line.to_owned()));
        result.push('\n');
    }
    result
}

/// A kustomization's patch of an app's Service: it selects by a label that the pods don't carry.
pub(super) fn service_patch(app: &App) -> String {
    format!(
        "patches:
  - target:
      kind: Service
      name: {name}
    patch: |-
      - op: replace
        path: /spec/selector
        value:
          app.kubernetes.io/name: {name}
          app.kubernetes.io/component: api
",
        name = app.name
    )
}

/// A kustomization's annotation, as JSON writes text, so that any character may stand in it.
pub(super) fn annotation(text: &str) -> String {
    let quoted = serde_json::Value::from(text);
    format!("commonAnnotations:\n  note: {quoted}\n")
}

fn labels(app: &App, names: &Names, indent: &str) -> String {
    format!(
        "{indent}app.kubernetes.io/name: {}\n{indent}app.kubernetes.io/part-of: {}\n",
        app.name,
        names.company.to_lowercase()
    )
}

/// `spec.selector` and `spec.template`, the same in all three workloads.
fn selector_and_template(app: &App, names: &Names) -> String {
    let (name, image) = (&app.name, &app.image);
    // One app needs a key that production's Secret does not have.
    let key = match app.spec.role {
        "notifications" => format!(
            "          env:
            - name: {SECRET_KEY}
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: {SECRET_KEY}
"
        ),
        _ => String::new(),
    };
    format!(
        "  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
{}    spec:
      containers:
        - name: {name}
          image: {image}
          ports:
            - name: http
              containerPort: 8080
{key}          envFrom:
            - secretRef:
                name: {name}
                optional: true
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 5
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
",
        labels(app, names, "        ")
    )
}

fn deployment(app: &App, names: &Names) -> String {
    // Warming up takes it long: a rollout may last two hours before Kubernetes calls it stuck.
    let deadline = match app.spec.role {
        "content" => "  progressDeadlineSeconds: 7200\n",
        _ => "",
    };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {}\n  labels:\n{}spec:\n{deadline}{}",
        app.name,
        labels(app, names, "    "),
        selector_and_template(app, names)
    )
}

fn stateful_set(app: &App, names: &Names) -> String {
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: {name}\n  labels:\n{}spec:\n  serviceName: {name}\n{}",
        labels(app, names, "    "),
        selector_and_template(app, names),
        name = app.name
    )
}

fn daemon_set(app: &App, names: &Names) -> String {
    format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: {}\n  labels:\n{}spec:\n{}",
        app.name,
        labels(app, names, "    "),
        selector_and_template(app, names)
    )
}

fn service(app: &App, names: &Names) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels:
{}spec:
  selector:
    app.kubernetes.io/name: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
",
        labels(app, names, "    "),
        name = app.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARATION: &str =
        "images:\n  - name: r/a\n    newTag: old # {\"$imagepolicy\": \"flux-system:a:tag\"}\n";

    #[test]
    fn a_new_tag_keeps_its_marker_and_the_marker_can_go() {
        let bumped = with_tag(DECLARATION, "new");
        assert_eq!(
            bumped,
            "images:\n  - name: r/a\n    newTag: new # {\"$imagepolicy\": \"flux-system:a:tag\"}\n"
        );
        assert_eq!(
            without_marker(&bumped),
            "images:\n  - name: r/a\n    newTag: new\n"
        );
    }

    #[test]
    fn a_conflict_is_no_yaml_and_the_rest_is() {
        let names = Names::of(1);
        for app in App::all(&names) {
            let mut edits = base(&app, &names);
            for environment in Environment::ALL {
                edits.extend(super::environment(&app, environment, "main-1"));
            }
            for edit in edits {
                let Edit::Write { path, content } = edit else {
                    continue;
                };
                let value: Result<serde_json::Value, _> = serde_yaml_ng::from_str(&content);
                assert!(value.is_ok(), "{path}: {value:?}\n{content}");
            }
        }
        let broken = with_conflict(DECLARATION, "new");
        assert!(serde_yaml_ng::from_str::<serde_json::Value>(&broken).is_err());
    }
}
