//! Real API servers that take a sign-in: one etcd, and beside it as many kube-apiservers as there are clusters.
//!
//! Owns their flags, their keys and what is in each: a namespace, a Deployment with its ReplicaSet and pods, and the rights of
//! the provider's groups. What each was asked is in its audit log.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Checked;
use crate::api::Api;
use crate::parts::Parts;
use crate::ports::LOCAL;
use crate::process::{Process, until};

/// The token by which this run itself is let in.
const ADMIN: &str = "prove-admin";

/// Where checkout's image would be: nobody answers there, as the sign-in is all that is looked at here.
pub(super) const REGISTRY: &str = "127.0.0.1:1";

/// The store of all clusters.
pub(super) struct Store {
    /// Its address.
    url: String,
    _process: Process,
}

impl Store {
    pub(super) async fn start(parts: &Parts, folder: &Path, ports: [u16; 2]) -> Checked<Self> {
        let [client, peer] = ports.map(|port| format!("http://{LOCAL}:{port}"));
        let data = folder.join("etcd").display().to_string();
        let arguments = flags(&[
            ("name", "store"),
            ("data-dir", &data),
            ("listen-client-urls", &client),
            ("advertise-client-urls", &client),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &format!("store={peer}")),
            ("unsafe-no-fsync", "true"),
            ("log-level", "warn"),
        ]);
        let mut process = Process::start("etcd", parts.path("etcd"), folder, &arguments, &[])?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let health = format!("{client}/health");
        let ready = async || {
            let answer = http.get(&health).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        until(&mut process, ready).await?;
        Ok(Self {
            url: client,
            _process: process,
        })
    }
}

/// Whom a cluster lets in beside this run.
pub(super) enum Trusts<'a> {
    /// Whom this issuer signs in, with the authority that the issuer's own certificate has.
    Issuer { url: &'a str, authority: &'a str },
    /// Whom a webhook lets in.
    Webhook(&'a str),
}

/// One cluster.
pub(super) struct Cluster {
    /// Its API, for this run.
    pub api: Api,
    /// Its certificate, which is its own authority.
    pub authority: String,
    audit: PathBuf,
    _process: Process,
}

impl Cluster {
    /// Starts one whose name is `name`, and puts the shop into it.
    pub(super) async fn start(
        parts: &Parts,
        store: &Store,
        below: &Path,
        name: &str,
        port: u16,
        trusts: Trusts<'_>,
    ) -> Checked<Self> {
        let folder = below.join(name);
        std::fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name).display().to_string();
        let key = rcgen::generate_simple_self_signed([LOCAL.to_owned()])?;
        let accounts = rcgen::KeyPair::generate()?;
        let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
            "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]});
        for (name, content) in [
            ("server.crt", key.cert.pem()),
            ("server.key", key.signing_key.serialize_pem()),
            ("accounts.key", accounts.serialize_pem()),
            ("accounts.pub", accounts.public_key_pem()),
            (
                "tokens.csv",
                format!("{ADMIN},admin,1,\"system:masters\"\n"),
            ),
            ("audit.yaml", policy.to_string()),
        ] {
            std::fs::write(folder.join(name), content)?;
        }
        let trust = match trusts {
            Trusts::Issuer { url, authority } => {
                let trusted = authentication(url, authority).to_string();
                std::fs::write(folder.join("authentication.yaml"), trusted)?;
                vec![("authentication-config", file("authentication.yaml"))]
            }
            Trusts::Webhook(url) => {
                std::fs::write(folder.join("webhook.yaml"), webhook(url).to_string())?;
                vec![
                    (
                        "authentication-token-webhook-config-file",
                        file("webhook.yaml"),
                    ),
                    ("authentication-token-webhook-version", "v1".to_owned()),
                ]
            }
        };
        let mut arguments = flags(&[
            ("etcd-servers", &store.url),
            ("etcd-prefix", &format!("/{name}")),
            ("bind-address", LOCAL),
            ("advertise-address", LOCAL),
            ("secure-port", &port.to_string()),
            ("tls-cert-file", &file("server.crt")),
            ("tls-private-key-file", &file("server.key")),
            ("cert-dir", &file("certs")),
            ("endpoint-reconciler-type", "none"),
            ("token-auth-file", &file("tokens.csv")),
            ("authorization-mode", "RBAC"),
            ("service-cluster-ip-range", "10.96.0.0/16"),
            ("service-account-issuer", "https://kubernetes.default.svc"),
            ("service-account-key-file", &file("accounts.pub")),
            ("service-account-signing-key-file", &file("accounts.key")),
            ("audit-policy-file", &file("audit.yaml")),
            ("audit-log-path", &file("audit.log")),
            ("audit-log-mode", "blocking"),
        ]);
        let trust: Vec<_> = trust
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        arguments.extend(flags(&trust));
        let program = parts.path("kube-apiserver");
        let mut process = Process::start("kube-apiserver", program, &folder, &arguments, &[])?;
        let authority = key.cert.pem();
        let api = Api::new(
            format!("https://{LOCAL}:{port}"),
            ADMIN,
            authority.as_bytes(),
        )?;
        until(&mut process, async || api.is_ready().await).await?;
        let cluster = Self {
            api,
            authority,
            audit: folder.join("audit.log"),
            _process: process,
        };
        cluster.fill().await?;
        Ok(cluster)
    }

    async fn fill(&self) -> Checked {
        let read = json!(["get", "list", "watch"]);
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "readers"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": read}]});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "readers"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "readers"},
            "subjects": [{"kind": "Group", "name": "okta:dev", "apiGroup": "rbac.authorization.k8s.io"}]});
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        for object in [role, binding, namespace] {
            self.api.apply(&object).await?;
        }
        self.deployment().await
    }

    /// A Deployment that is still rolling out, as its controller would leave it half-way.
    async fn deployment(&self) -> Checked {
        let labels = json!({"app.kubernetes.io/name": "checkout"});
        let template = json!({
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "checkout", "image": format!("{REGISTRY}/shop/checkout:1.4.2")}]},
        });
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "checkout", "namespace": "shop", "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}});
        self.api.apply(&deployment).await?;
        Ok(())
    }

    /// Wants so many replicas of checkout.
    pub(super) async fn scale(&self, replicas: u32) -> Checked {
        let patch = json!({"spec": {"replicas": replicas}});
        self.api
            .merge("Deployment", "shop", "checkout", &patch, None)
            .await?;
        Ok(())
    }

    /// What it answered: the status, who asked, and for what.
    pub(super) fn answered(&self) -> Checked<Vec<Answered>> {
        let log = std::fs::read_to_string(&self.audit)?;
        let mut answered = Vec::new();
        for line in log.lines() {
            // The last may be half written.
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let status = event["responseStatus"]["code"].as_u64().unwrap_or_default();
            // What goes on for long is told of twice; who is not let in, only so.
            if event["stage"] == "ResponseStarted" && status < 400 {
                continue;
            }
            answered.push(Answered {
                status,
                who: event["user"]["username"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                what: event["requestURI"].as_str().unwrap_or_default().to_owned(),
            });
        }
        Ok(answered)
    }
}

/// One request, as the audit log has it.
#[derive(Clone)]
pub(super) struct Answered {
    /// The HTTP status.
    pub status: u64,
    /// Who asked.
    pub who: String,
    /// The path.
    pub what: String,
}

fn authentication(url: &str, authority: &str) -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {"url": url, "audiences": ["landfall"], "certificateAuthority": authority},
            "claimMappings": {
                "username": {"claim": "email", "prefix": ""},
                "groups": {"claim": "groups", "prefix": "okta:"},
            },
        }],
    })
}

/// A kubeconfig, as the API server wants one for a webhook.
fn webhook(url: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "webhook", "cluster": {"server": url}}],
        "users": [{"name": "server", "user": {}}],
        "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "server"}}],
        "current-context": "webhook",
    })
}

fn flags(list: &[(&str, &str)]) -> Vec<String> {
    list.iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}
