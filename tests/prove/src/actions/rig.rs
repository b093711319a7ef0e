//! One run's ground, and whoever acts on it.
//!
//! Owns their start and their end, and the ways in: straight to the API server, or through a proxy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use contract::proxy::Proxy;
use serde_json::{Value, json};

use super::heard::{self, Heard};
use super::keyring::Keyring;
use super::operator::Operator;
use super::{Checked, Wrong};
use crate::api::Api;
use crate::ground::{Ground, OPERATOR};
use crate::parts::Parts;

/// What the cluster is called, wherever it is reached.
pub(super) const CLUSTER: &str = "ground";

/// The ground with everything that acts on it. Dropping it ends everything.
pub struct Rig {
    pub(super) ground: Ground,
    parts: Parts,
    program: PathBuf,
    runs: Arc<AtomicU32>,
    people: AtomicU32,
}

impl Rig {
    /// Starts the ground. Must be awaited on the main thread: programs are tied to the life of the thread that starts them.
    ///
    /// # Errors
    /// A program cannot be had, or does not become ready.
    pub async fn start(landfall: Option<&Path>, say: &dyn Fn(&str)) -> Result<Self, Wrong> {
        let program = landfall.ok_or(Wrong::Missing)?.canonicalize()?;
        let parts = Parts::get(say).await?;
        Ok(Self {
            ground: Ground::start(&parts).await?,
            parts,
            program,
            runs: Arc::default(),
            people: AtomicU32::new(0),
        })
    }

    /// How often the product was run.
    pub fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    pub(super) fn api(&self) -> &Api {
        &self.ground.api
    }

    /// What the API server took down of changes in a namespace, in their order; nothing that was only tried.
    pub(super) fn heard(&self, namespace: &str) -> Checked<Vec<Heard>> {
        heard::in_namespace(&self.ground.audit_log(), namespace)
    }

    /// Another cluster, of which nobody keeps the objects. It is as much ours as the first.
    pub(super) async fn another(&self) -> Checked<Ground> {
        Ok(Ground::bare(&self.parts).await?)
    }

    /// A proxy in front of the API server.
    pub(super) async fn proxy(&self) -> Checked<Proxy> {
        let target = self.ground.target()?;
        Ok(Proxy::start(&target.url, target.trust).await?)
    }

    /// Somebody new at a machine of their own, who may do everything.
    pub(super) fn operator(&self) -> Checked<Operator> {
        self.somebody(OPERATOR)
    }

    /// Somebody new at a machine of their own, with this token.
    pub(super) fn somebody(&self, token: &str) -> Checked<Operator> {
        let cluster = json!({
            "server": self.api().url,
            "certificate-authority": self.ground.authority(),
        });
        self.at(&cluster, token)
    }

    /// The same who may do everything, and reaches the cluster through a proxy.
    pub(super) fn operator_through(&self, proxy: &Proxy) -> Checked<Operator> {
        self.at(&json!({"server": proxy.url()}), OPERATOR)
    }

    /// The same, with a keyring, and a team file that names the code host; its API is reached through a proxy where there is
    /// one. The keyring ends with what is returned beside.
    pub(super) async fn committer(&self, api: Option<&Proxy>) -> Checked<(Operator, Keyring)> {
        let operator = self.operator()?;
        let number = self.people.load(Ordering::Relaxed);
        let keyring =
            Keyring::start(&self.ground.folder().join(format!("keyrings/{number}"))).await?;
        let code = format!("http://{}", self.ground.code_host);
        let team = self.ground.team(&api.map_or(code, Proxy::url));
        let operator = operator.of_team(&team, keyring.bus())?;
        Ok((operator, keyring))
    }

    /// The same who is signed in at the code host.
    pub(super) async fn signed_in(&self, api: Option<&Proxy>) -> Checked<(Operator, Keyring)> {
        let (operator, keyring) = self.committer(api).await?;
        let number = self.people.load(Ordering::Relaxed);
        let token = format!("ghp_prove{number}");
        let github = &self.ground.github;
        github.make_token(&token, "robin-vale", Some("repo"), None);
        operator.signs_in(&self.ground.code_host, &token).await?;
        Ok((operator, keyring))
    }

    fn at(&self, cluster: &Value, token: &str) -> Checked<Operator> {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let home = self.ground.folder().join(format!("operators/{number}"));
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CLUSTER,
            "clusters": [{"name": CLUSTER, "cluster": cluster}],
            "users": [{"name": "somebody", "user": {"token": token}}],
            "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": "somebody"}}],
        });
        Operator::new(&home, &kubeconfig, &self.program, &self.runs)
    }
}
