//! The hands of a run: what is open, as an action reads and changes it.
//!
//! Owns where each look and each call goes: to a cluster, to an account of AWS, or to a code host.

mod aws;
mod cluster;
mod git;

use std::sync::Arc;

use ::cluster::Cluster;
use async_trait::async_trait;
use cloud::Account;
use forge::Forge;
use runbook::call::{Call, Right};
use runbook::ground::{Look, Read};
use runbook::hands::Hands;
use runbook::journal::{Answer, RunId};

use self::aws::Accounts;
use self::cluster::Clusters;
use self::git::Repositories;
use crate::sign_in::SigningIn;

/// The hands on what is open.
pub struct OpenHands {
    clusters: Clusters,
    accounts: Accounts,
    /// Absent: there is no way to any code host.
    repositories: Option<Repositories>,
}

impl OpenHands {
    /// Hands on these clusters and accounts, and on what the clusters' sources name at code hosts. Whoever signs in is named in
    /// commits.
    pub fn new(
        clusters: Arc<[Cluster]>,
        accounts: Arc<[Account]>,
        forge: Forge,
        signing_in: Option<Arc<SigningIn>>,
    ) -> Self {
        Self {
            clusters: Clusters(clusters),
            accounts: Accounts(accounts),
            repositories: Some(Repositories::new(forge, signing_in)),
        }
    }

    /// Hands on nothing: what was done is told, and nothing is read or sent.
    pub fn none() -> Self {
        Self {
            clusters: Clusters(Arc::from([])),
            accounts: Accounts(Arc::from([])),
            repositories: None,
        }
    }
}

fn out_of_reach(repository: &str) -> String {
    format!("{repository} cannot be reached from here")
}

#[async_trait]
impl Hands for OpenHands {
    async fn read(&self, look: &Look) -> Read {
        match look {
            Look::Object(object) if self.accounts.has(&object.system) => {
                self.accounts.object(object).await
            }
            Look::Object(object) => self.clusters.object(object).await,
            Look::All {
                system,
                kind,
                namespace,
            } => self.clusters.all(system, kind, namespace).await,
            Look::Declared {
                repository,
                branch,
                path,
                wanted,
            } => match &self.repositories {
                Some(open) => open.declared(repository, branch, path, wanted).await,
                None => Read::Unknown(out_of_reach(repository)),
            },
            Look::Landed {
                repository,
                branch,
                since,
                run,
            } => match &self.repositories {
                Some(open) => open.landed(repository, branch, since, run).await,
                None => Read::Unknown(out_of_reach(repository)),
            },
        }
    }

    async fn try_out(&self, call: &Call, run: &RunId) -> Answer {
        match call {
            Call::Object(call) => self.clusters.change(call, run, true).await,
            Call::Ecs(call) => self.accounts.try_out(call).await,
            Call::Commit(commit) => match &self.repositories {
                Some(open) => open.try_out(commit, run).await,
                None => Answer::NotSent {
                    why: out_of_reach(&commit.repository),
                },
            },
        }
    }

    async fn send(&self, call: &Call, run: &RunId) -> Answer {
        match call {
            Call::Object(call) => self.clusters.change(call, run, false).await,
            Call::Ecs(call) => self.accounts.send(call, run).await,
            Call::Commit(commit) => match &self.repositories {
                Some(open) => open.send(commit, run).await,
                None => Answer::NotSent {
                    why: out_of_reach(&commit.repository),
                },
            },
        }
    }

    async fn may(&self, system: &str, right: &Right) -> Option<bool> {
        self.clusters.may(system, right).await
    }

    async fn cluster_uid(&self, system: &str) -> Option<String> {
        if self.accounts.has(system) {
            return self.accounts.uid(system).await;
        }
        self.clusters.uid(system).await
    }

    async fn identity(&self, system: &str) -> Option<String> {
        if self.accounts.has(system) {
            return self.accounts.identity(system);
        }
        self.clusters.identity(system).await
    }

    fn keeps_apart(&self) -> bool {
        true
    }
}
