//! The start of each program: its flags, its ports, and when it is ready.
//!
//! Owns the order: etcd, the API server, Kubernetes' controllers, KWOK, the registry, Flux.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::{GroundError, lonely, node};
use crate::api::Api;
use crate::images::Registry;
use crate::parts::Parts;
use crate::ports::{LOCAL, Ports};
use crate::process::{LOOK, PATIENCE, Process, until};

/// How long the API server keeps old versions: as it is delivered.
const FORGETS: &str = "5m";
/// The same, so short that what is too old to be watched from can be met.
const FORGETS_SOON: &str = "2s";

/// The token of everybody here: what a person may see is the product's tests' matter, not the ground's.
pub const TOKEN: &str = "prove-admin";
/// The token of somebody else who may do everything, whose changes are in the audit log.
pub const OPERATOR: &str = "prove-operator";
/// What the API server takes down, once it is over: what people change, with what they sent. The ground's own programs and
/// scenarios are all the administrator.
const AUDIT: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: None, users: [admin, \"system:apiserver\"] }
  - { level: Request, verbs: [create, update, patch, delete, deletecollection] }
  - { level: None }
";
/// How many nodes there are: one takes 110 pods, and every scenario leaves two or more.
const NODES: usize = 4;

/// Programs on their way up.
pub struct Starting<'a> {
    parts: &'a Parts,
    folder: &'a Path,
    ports: Ports,
    /// The API server; it answers once it is started.
    pub api: Api,
    /// The registry; it answers once it is started.
    pub registry: Registry,
    /// What runs.
    pub processes: Vec<Process>,
    /// What each took.
    pub times: Vec<(&'static str, Duration)>,
}

impl<'a> Starting<'a> {
    /// Writes keys, tokens and kubeconfigs; nothing runs yet.
    ///
    /// # Errors
    /// A file or a port cannot be had.
    pub fn new(parts: &'a Parts, folder: &'a Path) -> Result<Self, GroundError> {
        let mut ports = Ports::find(32)?;
        let (server, registry) = (ports.take(), ports.take());
        let keys = Keys::make(folder)?;
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: ground\n\
             clusters: [{{name: ground, cluster: {{server: \"https://{LOCAL}:{server}\", certificate-authority: \"{}\"}}}}]\n\
             users: [{{name: admin, user: {{token: {TOKEN}}}}}]\n\
             contexts: [{{name: ground, context: {{cluster: ground, user: admin}}}}]\n",
            keys.certificate.display()
        );
        std::fs::write(folder.join("admin.kubeconfig"), kubeconfig)?;
        std::fs::write(
            folder.join("tokens.csv"),
            format!(
                "{TOKEN},admin,1,\"system:masters\"\n{OPERATOR},operator,2,\"system:masters\"\n"
            ),
        )?;
        std::fs::write(folder.join("audit.yaml"), AUDIT)?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(crate::api::ApiError::from)?;
        let certificate = std::fs::read(&keys.certificate)?;
        let api = Api::new(format!("https://{LOCAL}:{server}"), TOKEN, &certificate)?;
        let mut starting = Self {
            parts,
            folder,
            ports,
            api,
            registry: Registry::new(http, registry),
            processes: Vec::new(),
            times: Vec::new(),
        };
        starting.write_configurations(registry)?;
        Ok(starting)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write_configurations(&mut self, registry: u16) -> std::io::Result<()> {
        let stages = concat!(
            include_str!("../../stages/nodes.yaml"),
            "---\n",
            include_str!("../../stages/pods.yaml")
        );
        std::fs::write(self.folder.join("kwok.yaml"), stages)?;
        let storage = self.folder.join("registry");
        std::fs::create_dir_all(&storage)?;
        let registry = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: \"{}\"}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"{LOCAL}:{registry}\", secret: prove}}\n",
            storage.display()
        );
        std::fs::write(self.folder.join("registry.yaml"), registry)
    }

    fn start(
        &mut self,
        name: &'static str,
        arguments: Vec<String>,
        environment: &[(&str, String)],
    ) -> Result<Process, GroundError> {
        Ok(Process::start(
            name,
            self.parts.path(name),
            self.folder,
            &arguments,
            environment,
        )?)
    }

    fn ready(&mut self, process: Process, took: Duration) {
        self.times.push((process.name(), took));
        self.processes.push(process);
    }

    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// A program ends early or never answers.
    pub async fn all(&mut self) -> Result<(), GroundError> {
        self.begin_registry()?;
        self.api_server(FORGETS_SOON).await?;
        self.controllers().await?;
        let begun = Instant::now();
        for number in 1..=NODES {
            self.api.apply(&node(number)).await?;
        }
        self.api.apply(&lonely()).await?;
        self.definitions().await?;
        self.times.push(("CRDs and nodes", begun.elapsed()));
        self.flux().await?;
        self.registry_is_ready().await
    }

    /// Starts the registry and the API server with every kind, and nothing that changes objects.
    ///
    /// # Errors
    /// A program ends early or never answers.
    pub async fn bare(&mut self) -> Result<(), GroundError> {
        self.begin_registry()?;
        self.api_server(FORGETS).await?;
        self.definitions().await?;
        self.registry_is_ready().await
    }

    fn begin_registry(&mut self) -> Result<(), GroundError> {
        let arguments = vec!["serve".to_owned(), self.file("registry.yaml")];
        let registry = self.start("registry", arguments, &[])?;
        self.processes.push(registry);
        Ok(())
    }

    async fn registry_is_ready(&mut self) -> Result<(), GroundError> {
        let Some(mut registry) = self.take("registry") else {
            return Ok(());
        };
        let client = self.registry.clone();
        let took = until(&mut registry, async || client.is_ready().await).await?;
        self.ready(registry, took);
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<Process> {
        let at = self.processes.iter().position(|one| one.name() == name)?;
        Some(self.processes.remove(at))
    }

    async fn api_server(&mut self, forgets: &str) -> Result<(), GroundError> {
        let (etcd, peers) = (self.ports.take(), self.ports.take());
        let client = format!("http://{LOCAL}:{etcd}");
        let peer = format!("http://{LOCAL}:{peers}");
        let begun = self.start(
            "etcd",
            flags(&[
                ("name", "ground"),
                ("data-dir", &self.file("etcd")),
                ("listen-client-urls", &client),
                ("advertise-client-urls", &client),
                ("listen-peer-urls", &peer),
                ("initial-advertise-peer-urls", &peer),
                ("initial-cluster", &format!("ground={peer}")),
                ("unsafe-no-fsync", "true"),
                ("log-level", "warn"),
            ]),
            &[],
        )?;
        self.wait(begun, &format!("{client}/health")).await?;

        let port = self
            .api
            .url
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        let server = self.start(
            "kube-apiserver",
            flags(&[
                ("etcd-servers", &client),
                ("bind-address", LOCAL),
                ("advertise-address", LOCAL),
                ("secure-port", &port),
                ("tls-cert-file", &self.file("server.crt")),
                ("tls-private-key-file", &self.file("server.key")),
                ("cert-dir", &self.file("certs")),
                ("endpoint-reconciler-type", "none"),
                ("token-auth-file", &self.file("tokens.csv")),
                ("authorization-mode", "RBAC"),
                ("audit-policy-file", &self.file("audit.yaml")),
                ("audit-log-path", &self.file("audit.log")),
                ("audit-log-mode", "blocking"),
                ("service-cluster-ip-range", "10.96.0.0/16"),
                ("etcd-compaction-interval", forgets),
                ("service-account-issuer", "https://kubernetes.default.svc"),
                ("service-account-key-file", &self.file("accounts.pub")),
                (
                    "service-account-signing-key-file",
                    &self.file("accounts.key"),
                ),
            ]),
            &[],
        )?;
        let api = self.api.clone();
        let mut server = server;
        let took = until(&mut server, async || api.is_ready().await).await?;
        self.ready(server, took);
        Ok(())
    }

    async fn controllers(&mut self) -> Result<(), GroundError> {
        let kubeconfig = self.file("admin.kubeconfig");
        let (manager, scheduler, kwok) = (self.ports.take(), self.ports.take(), self.ports.take());
        let manager_flags = flags(&[
            ("kubeconfig", &kubeconfig),
            ("bind-address", LOCAL),
            ("secure-port", &manager.to_string()),
            ("cert-dir", &self.file("certs")),
            ("leader-elect", "false"),
            (
                "service-account-private-key-file",
                &self.file("accounts.key"),
            ),
            ("root-ca-file", &self.file("server.crt")),
        ]);
        let manager = self.start("kube-controller-manager", manager_flags, &[])?;
        let scheduler_flags = flags(&[
            ("kubeconfig", &kubeconfig),
            ("authentication-kubeconfig", &kubeconfig),
            ("authorization-kubeconfig", &kubeconfig),
            ("bind-address", LOCAL),
            ("secure-port", &scheduler.to_string()),
            ("cert-dir", &self.file("scheduler-certs")),
            ("leader-elect", "false"),
        ]);
        let scheduler = self.start("kube-scheduler", scheduler_flags, &[])?;
        let kwok_flags = flags(&[
            ("config", &self.file("kwok.yaml")),
            ("kubeconfig", &kubeconfig),
            ("manage-all-nodes", "false"),
            (
                "manage-nodes-with-label-selector",
                "prove.landfall.dev/kwok=true",
            ),
            ("node-ip", LOCAL),
            ("cidr", "10.244.0.0/16"),
            ("node-lease-duration-seconds", "40"),
            ("server-address", &format!("{LOCAL}:{kwok}")),
        ]);
        let kwok_process = self.start("kwok", kwok_flags, &[])?;
        // These three are ready when what they do is seen: each scenario waits for that.
        self.processes.extend([manager, scheduler]);
        self.wait(kwok_process, &format!("http://{LOCAL}:{kwok}/healthz"))
            .await
    }

    /// Applies the CRDs and waits until discovery names every version of each: a controller that starts before ends.
    async fn definitions(&self) -> Result<(), GroundError> {
        let mut waited_for = Vec::new();
        for path in &self.parts.crds {
            let text = std::fs::read_to_string(path)?;
            for document in serde_yaml_ng::Deserializer::from_str(&text) {
                let definition =
                    Value::deserialize(document).map_err(|source| GroundError::Definition {
                        path: path.clone(),
                        source,
                    })?;
                if definition.is_null() {
                    continue;
                }
                self.api.apply(&definition).await?;
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let spec = &definition["spec"];
                let versions = spec["versions"].as_array().into_iter().flatten();
                for version in versions.filter(|version| version["served"] == true) {
                    let group = format!("{}/{}", word(&spec["group"]), word(&version["name"]));
                    waited_for.push((group, word(&spec["names"]["plural"])));
                }
            }
        }
        let begun = Instant::now();
        while let Some((group, plural)) = waited_for.last() {
            if self.api.discovers(group, plural).await {
                waited_for.pop();
            } else if begun.elapsed() > PATIENCE {
                return Err(GroundError::NotServed {
                    kind: format!("{plural}.{group}"),
                });
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    async fn flux(&mut self) -> Result<(), GroundError> {
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
        self.api.apply(&namespace).await?;
        let (events, receiver) = (self.ports.take(), self.ports.take());
        let artifacts = format!("{LOCAL}:{}", self.ports.take());
        let events_at = format!("http://{LOCAL}:{events}/");
        let mut begun = Vec::new();
        for name in [
            "notification-controller",
            "source-controller",
            "kustomize-controller",
            "helm-controller",
            "image-reflector-controller",
            "image-automation-controller",
        ] {
            let (health, metrics) = (self.ports.take(), self.ports.take());
            let health = format!("{LOCAL}:{health}");
            let mut arguments = flags(&[
                ("watch-all-namespaces", "true"),
                ("log-level", "info"),
                ("enable-leader-election", "false"),
                ("health-addr", &health),
                ("metrics-addr", &format!("{LOCAL}:{metrics}")),
            ]);
            arguments.extend(match name {
                "notification-controller" => flags(&[
                    ("events-addr", &format!("{LOCAL}:{events}")),
                    ("receiverAddr", &format!("{LOCAL}:{receiver}")),
                ]),
                "source-controller" => flags(&[
                    ("events-addr", &events_at),
                    ("storage-path", &self.made("artifacts")?),
                    ("storage-addr", &artifacts),
                    ("storage-adv-addr", &artifacts),
                ]),
                // What waits is looked at again soon: scenarios wait for it.
                "kustomize-controller" | "helm-controller" => {
                    flags(&[("events-addr", &events_at), ("requeue-dependency", "2s")])
                }
                "image-reflector-controller" => flags(&[
                    ("events-addr", &events_at),
                    ("storage-path", &self.made("reflector")?),
                ]),
                _ => flags(&[("events-addr", &events_at)]),
            });
            let environment = [
                ("KUBECONFIG", self.file("admin.kubeconfig")),
                ("RUNTIME_NAMESPACE", "flux-system".to_owned()),
            ];
            begun.push((self.start(name, arguments, &environment)?, health));
        }
        for (process, health) in begun {
            self.wait(process, &format!("http://{health}/readyz"))
                .await?;
        }
        Ok(())
    }

    fn made(&self, name: &str) -> Result<String, GroundError> {
        std::fs::create_dir_all(self.folder.join(name))?;
        Ok(self.file(name))
    }

    async fn wait(&mut self, mut process: Process, url: &str) -> Result<(), GroundError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(crate::api::ApiError::from)?;
        let ready = async || {
            let answer = http.get(url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        let took = until(&mut process, ready).await?;
        self.ready(process, took);
        Ok(())
    }
}

fn flags(list: &[(&str, &str)]) -> Vec<String> {
    list.iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

/// The keys of one run.
struct Keys {
    certificate: PathBuf,
}

impl Keys {
    /// Makes the API server's certificate, which is its own authority, and the key of service accounts.
    fn make(folder: &Path) -> Result<Self, GroundError> {
        let server =
            rcgen::generate_simple_self_signed([LOCAL.to_owned(), "localhost".to_owned()])?;
        let certificate = folder.join("server.crt");
        std::fs::write(&certificate, server.cert.pem())?;
        std::fs::write(
            folder.join("server.key"),
            server.signing_key.serialize_pem(),
        )?;
        let accounts = rcgen::KeyPair::generate()?;
        std::fs::write(folder.join("accounts.key"), accounts.serialize_pem())?;
        std::fs::write(folder.join("accounts.pub"), accounts.public_key_pem())?;
        Ok(Self { certificate })
    }
}
