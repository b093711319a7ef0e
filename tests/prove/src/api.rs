//! The real API server, as the scenarios set it up and wait on it.
//!
//! Owns the few requests that this takes and the table of kinds that scenarios use. The product itself never goes
//! through here: it is asked through its terminal, with a kubeconfig.

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// A kind, as its URL needs it: kind, API version, plural, whether it lives in a namespace.
type Kind = (&'static str, &'static str, &'static str, bool);

const KINDS: &[Kind] = &[
    ("Namespace", "v1", "namespaces", false),
    ("Node", "v1", "nodes", false),
    ("Pod", "v1", "pods", true),
    ("Service", "v1", "services", true),
    ("Secret", "v1", "secrets", true),
    ("ConfigMap", "v1", "configmaps", true),
    ("Event", "v1", "events", true),
    ("ResourceQuota", "v1", "resourcequotas", true),
    ("LimitRange", "v1", "limitranges", true),
    ("ServiceAccount", "v1", "serviceaccounts", true),
    (
        "PersistentVolumeClaim",
        "v1",
        "persistentvolumeclaims",
        true,
    ),
    ("Deployment", "apps/v1", "deployments", true),
    ("ReplicaSet", "apps/v1", "replicasets", true),
    ("StatefulSet", "apps/v1", "statefulsets", true),
    ("DaemonSet", "apps/v1", "daemonsets", true),
    ("Job", "batch/v1", "jobs", true),
    ("CronJob", "batch/v1", "cronjobs", true),
    (
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "endpointslices",
        true,
    ),
    ("Ingress", "networking.k8s.io/v1", "ingresses", true),
    ("Role", "rbac.authorization.k8s.io/v1", "roles", true),
    (
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        "clusterroles",
        false,
    ),
    (
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        false,
    ),
    (
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
        "rolebindings",
        true,
    ),
    (
        "ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
        false,
    ),
    (
        "ValidatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
        false,
    ),
    (
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        false,
    ),
    (
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        false,
    ),
    (
        "GitRepository",
        "source.toolkit.fluxcd.io/v1",
        "gitrepositories",
        true,
    ),
    (
        "OCIRepository",
        "source.toolkit.fluxcd.io/v1",
        "ocirepositories",
        true,
    ),
    (
        "HelmRepository",
        "source.toolkit.fluxcd.io/v1",
        "helmrepositories",
        true,
    ),
    (
        "HelmChart",
        "source.toolkit.fluxcd.io/v1",
        "helmcharts",
        true,
    ),
    (
        "Kustomization",
        "kustomize.toolkit.fluxcd.io/v1",
        "kustomizations",
        true,
    ),
    (
        "HelmRelease",
        "helm.toolkit.fluxcd.io/v2",
        "helmreleases",
        true,
    ),
    (
        "ImageRepository",
        "image.toolkit.fluxcd.io/v1",
        "imagerepositories",
        true,
    ),
    (
        "ImagePolicy",
        "image.toolkit.fluxcd.io/v1",
        "imagepolicies",
        true,
    ),
    (
        "ImageUpdateAutomation",
        "image.toolkit.fluxcd.io/v1",
        "imageupdateautomations",
        true,
    ),
    (
        "Provider",
        "notification.toolkit.fluxcd.io/v1beta3",
        "providers",
        true,
    ),
    (
        "Alert",
        "notification.toolkit.fluxcd.io/v1beta3",
        "alerts",
        true,
    ),
    (
        "ExternalSecret",
        "external-secrets.io/v1",
        "externalsecrets",
        true,
    ),
    (
        "SecretStore",
        "external-secrets.io/v1",
        "secretstores",
        true,
    ),
    ("Canary", "flagger.app/v1beta1", "canaries", true),
    ("NodePool", "karpenter.sh/v1", "nodepools", false),
    ("NodeClaim", "karpenter.sh/v1", "nodeclaims", false),
    ("Certificate", "cert-manager.io/v1", "certificates", true),
    ("Issuer", "cert-manager.io/v1", "issuers", true),
    ("ActionRun", "landfall.dev/v1alpha1", "actionruns", true),
    ("Lease", "coordination.k8s.io/v1", "leases", true),
];

/// Who owns the fields that scenarios write. Not `kubectl…`: Flux takes such changes back.
const MANAGER: &str = "prove";

/// A field that the kind does not have is refused, as a scenario that sets it would break nothing.
const STRICT: &str = "fieldValidation=Strict";

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("the API server did not answer: {0}")]
    Silent(#[from] reqwest::Error),
    /// A refusal, with the server's message.
    #[error("{what}: {message} ({status})")]
    Refused {
        /// What was asked.
        what: String,
        /// The server's words.
        message: String,
        /// The HTTP status.
        status: StatusCode,
    },
    /// A kind that is not in the table.
    #[error("{0:?} is no kind that scenarios know: add it to the table in api.rs")]
    UnknownKind(String),
}

/// The API server.
#[derive(Clone)]
pub struct Api {
    http: Client,
    /// Its address, without a slash at the end.
    pub url: String,
    token: String,
}

impl Api {
    /// The server at `url`, whose own certificate is its authority.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub fn new(url: String, token: &str, certificate: &[u8]) -> Result<Self, ApiError> {
        let authority = reqwest::Certificate::from_pem(certificate)?;
        let http = Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            url,
            token: token.to_owned(),
        })
    }

    /// The same server, as somebody else.
    pub fn somebody(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Whether the server says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether discovery names a kind.
    pub async fn discovers(&self, group_version: &str, plural: &str) -> bool {
        let path = format!("/apis/{group_version}");
        let Ok(listed) = self.send(Method::GET, &path, None).await else {
            return false;
        };
        let resources = listed["resources"].as_array();
        resources.is_some_and(|list| list.iter().any(|one| one["name"] == plural))
    }

    /// Creates an object or makes it so, by server-side apply; a status in it is written too.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn apply(&self, object: &Value) -> Result<Value, ApiError> {
        let path = path_of(object)?;
        let query = format!("fieldManager={MANAGER}&force=true&{STRICT}");
        let url = format!("{path}?{query}");
        let body = object.to_string();
        let applied = self
            .send(
                Method::PATCH,
                &url,
                Some(("application/apply-patch+yaml", body.clone())),
            )
            .await?;
        if object.get("status").is_none() {
            return Ok(applied);
        }
        let url = format!("{path}/status?{query}");
        self.send(
            Method::PATCH,
            &url,
            Some(("application/apply-patch+yaml", body)),
        )
        .await
    }

    /// Changes an object by a JSON merge patch, as the field manager `by` or as ourselves.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn merge(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: &Value,
        by: Option<&str>,
    ) -> Result<Value, ApiError> {
        let manager = by.unwrap_or(MANAGER);
        let path = path(kind, namespace, name)?;
        let url = format!("{path}?fieldManager={manager}&{STRICT}");
        self.send(
            Method::PATCH,
            &url,
            Some(("application/merge-patch+json", patch.to_string())),
        )
        .await
    }

    /// Changes an object's status by a JSON merge patch.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn merge_status(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        let url = format!(
            "{}/status?fieldManager={MANAGER}&{STRICT}",
            path(kind, namespace, name)?
        );
        self.send(
            Method::PATCH,
            &url,
            Some(("application/merge-patch+json", patch.to_string())),
        )
        .await
    }

    /// An object, or `None` if there is none.
    ///
    /// # Errors
    /// The server refuses to say.
    pub async fn get(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        match self
            .send(Method::GET, &path(kind, namespace, name)?, None)
            .await
        {
            Ok(object) => Ok(Some(object)),
            Err(ApiError::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects of a kind, of one namespace or of all (empty).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, ApiError> {
        let mut list = self
            .send(Method::GET, &path(kind, namespace, "")?, None)
            .await?;
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let api_version = list["apiVersion"].clone();
        // Items of a list say neither kind nor version themselves.
        Ok(items
            .into_iter()
            .map(|mut item| {
                item["kind"] = kind.into();
                item["apiVersion"] = api_version.clone();
                item
            })
            .collect())
    }

    /// What a path answers.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn read(&self, path: &str) -> Result<Value, ApiError> {
        self.send(Method::GET, path, None).await
    }

    /// What a path answers, as text.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn text(&self, path: &str) -> Result<String, ApiError> {
        let url = format!("{}{path}", self.url);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// A token of a service account.
    ///
    /// # Errors
    /// The server refuses, or has no such account.
    pub async fn token(&self, namespace: &str, name: &str) -> Result<String, ApiError> {
        let path = format!("{}/token", path("ServiceAccount", namespace, name)?);
        let request = serde_json::json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let body = ("application/json", request.to_string());
        let made = self.send(Method::POST, &path, Some(body)).await?;
        let token = made["status"]["token"].as_str();
        Ok(token.unwrap_or_default().to_owned())
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// The server refuses, or has no such object.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<(), ApiError> {
        let path = path(kind, namespace, name)?;
        self.send(Method::DELETE, &path, None).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Value, ApiError> {
        let what = format!("{method} {path}");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let document: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return Ok(document);
        }
        Err(ApiError::Refused {
            what,
            message: document["message"].as_str().unwrap_or_default().to_owned(),
            status,
        })
    }
}

fn path_of(object: &Value) -> Result<String, ApiError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let meta = &object["metadata"];
    path(
        &text(&object["kind"]),
        &text(&meta["namespace"]),
        &text(&meta["name"]),
    )
}

/// The path of an object, of a namespace's objects (no name), or of all objects of a kind (no namespace either).
fn path(kind: &str, namespace: &str, name: &str) -> Result<String, ApiError> {
    let (_, version, plural, namespaced) = KINDS
        .iter()
        .find(|known| known.0 == kind)
        .ok_or_else(|| ApiError::UnknownKind(kind.to_owned()))?;
    let root = if version.contains('/') { "apis" } else { "api" };
    let mut path = format!("/{root}/{version}");
    if *namespaced && !namespace.is_empty() {
        path.push_str(&format!("/namespaces/{namespace}"));
    }
    path.push_str(&format!("/{plural}"));
    if !name.is_empty() {
        path.push_str(&format!("/{name}"));
    }
    Ok(path)
}
