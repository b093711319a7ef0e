//! How an app is declared in its GitOps repository: as plain manifests, or as a HelmRelease with its chart.
//!
//! Owns the files that every scenario begins with and the one file that names the image. A scenario overrides single
//! files or fields; it never needs to repeat these.

use serde_json::{Value, json};

/// A file: its path in the repository, and its text with places such as `{name}`.
pub type File = (&'static str, &'static str);

/// How an app is declared.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// A kustomization.yaml that names the image, a Deployment, a Service.
    Manifests {
        /// The image's line carries the marker of the image policy with the app's name.
        marked: bool,
    },
    /// A HelmRelease whose values name the image. The value is its spec.
    Helm(Value),
}

impl Way {
    /// A HelmRelease with `change` merged into its usual spec.
    pub fn helm(change: &Value) -> Self {
        let mut spec = json!({
            "interval": "30m", "timeout": "6s",
            "chart": {"spec": {
                "chart": "./chart", "reconcileStrategy": "Revision",
                "sourceRef": {"kind": "GitRepository", "name": "{name}"},
            }},
            "values": {"image": {"repository": "{repository}", "tag": "{tag}"}},
        });
        json_patch::merge(&mut spec, change);
        Self::Helm(spec)
    }

    /// Merges a change into the HelmRelease's spec; nothing else has one.
    pub fn change(&mut self, change: &Value) {
        if let Self::Helm(spec) = self {
            json_patch::merge(spec, change);
        }
    }

    /// The files that stay as they are from release to release.
    pub fn files(&self) -> Vec<(String, String)> {
        let chart = |(path, text): &File| (format!("chart/{path}"), at_version(text, "0.1.0"));
        let plain = |(path, text): &File| ((*path).to_owned(), (*text).to_owned());
        match self {
            Self::Manifests { .. } => MANIFESTS.iter().map(plain).collect(),
            Self::Helm(_) => CHART.iter().map(chart).collect(),
        }
    }

    /// The file that names the image; `{tag}` stands for the tag.
    pub fn release(&self) -> (&'static str, String) {
        match self {
            Self::Manifests { marked } => {
                let marker = if *marked { MARKER } else { "" };
                let text = KUSTOMIZATION.replace("{marker}", marker);
                ("deploy/kustomization.yaml", text)
            }
            Self::Helm(spec) => {
                let release = json!({
                    "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                    "metadata": {"name": "{name}", "namespace": "{name}"}, "spec": spec,
                });
                // A value that came from YAML can be written as YAML.
                let text = serde_yaml_ng::to_string(&release).unwrap_or_default();
                ("deploy/release.yaml", text)
            }
        }
    }
}

/// The files of a chart of a version, by their paths inside it.
pub fn chart(version: &str) -> Vec<(String, String)> {
    CHART
        .iter()
        .map(|(path, text)| ((*path).to_owned(), at_version(text, version)))
        .collect()
}

fn at_version(text: &str, version: &str) -> String {
    text.replace("{version}", version)
}

const MARKER: &str = r#" # {"$imagepolicy": "{name}:{name}:tag"}"#;

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {name}
resources:
  - deployment.yaml
  - service.yaml
images:
  - name: app
    newName: {repository}
    newTag: {tag}{marker}
";

const MANIFESTS: &[File] = &[
    (
        "deploy/deployment.yaml",
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: { app.kubernetes.io/name: {name} }
spec:
  replicas: 2
  progressDeadlineSeconds: 8
  selector: { matchLabels: { app: {name} } }
  template:
    metadata:
      labels: { app: {name}, app.kubernetes.io/name: {name} }
    spec:
      containers:
        - name: app
          image: app
          ports: [{ containerPort: 8080 }]
",
    ),
    (
        "deploy/service.yaml",
        "\
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: { app: {name} }
  ports: [{ port: 80, targetPort: 8080 }]
",
    ),
];

const CHART: &[File] = &[
    (
        "Chart.yaml",
        "apiVersion: v2\nname: {name}\nversion: {version}\n",
    ),
    (
        "values.yaml",
        "replicas: 2\nimage: { repository: \"{repository}\", tag: \"\" }\n",
    ),
    (
        "templates/deployment.yaml",
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: { app.kubernetes.io/name: {{ .Chart.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  progressDeadlineSeconds: 8
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata:
      labels: { app: {{ .Release.Name }}, app.kubernetes.io/name: {{ .Chart.Name }} }
    spec:
      containers:
        - name: app
          image: \"{{ .Values.image.repository }}:{{ required \"image.tag is needed\" .Values.image.tag }}\"
          ports: [{ containerPort: 8080 }]
",
    ),
    (
        "templates/service.yaml",
        "\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: 80, targetPort: 8080 }]
",
    ),
];
