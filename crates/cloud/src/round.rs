//! One round of requests: everything of one account and region, read anew or remembered.
//!
//! Owns which requests are sent and in what order, and how well each kind is known after them. A round either ends with
//! facts or, where nothing is answered any more, with the reason: then what was read before stays.

mod deployments;
mod services;
mod tasks;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::ClusterField;
use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Key, Kind, Platform, Reach};
use jiff::Timestamp;

use crate::client::Clients;
use crate::failure::{Failure, Why};
use crate::memory::Memory;
use crate::options::Options;
use crate::project;

/// Clusters that one DescribeClusters may name.
const CLUSTERS_AT_ONCE: usize = 100;

/// Reads rounds, and remembers from one to the next.
pub(crate) struct Reader {
    clients: Clients,
    /// The clusters to read; empty: all.
    wanted: Vec<String>,
    memory: Memory,
    options: Options,
}

/// What one round is made of while it is read.
struct Round {
    facts: ClusterFacts,
    now: Timestamp,
}

impl Round {
    /// Notes how well a kind is known in an ECS cluster; a failure that ends the round is handed on.
    fn settle<T>(
        &mut self,
        kind: Kind,
        cluster: &str,
        read: Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let (coverage, value) = match read {
            Ok(value) => (Coverage::Seen { as_of: self.now }, Some(value)),
            Err(failure) if failure.ends_round() => return Err(failure),
            Err(failure) => (failure.coverage(self.now), None),
        };
        self.cover(kind, cluster, coverage);
        Ok(value)
    }

    /// Notes how well a kind is known in an ECS cluster. A gap that is noted stays: half of it was not read.
    fn cover(&mut self, kind: Kind, cluster: &str, coverage: Coverage) {
        let scope = (kind, Scope::Namespace(cluster.to_owned()));
        let before = self.facts.coverage.get(&scope);
        if before.is_none_or(Coverage::is_whole) {
            self.facts.coverage.insert(scope, coverage);
        }
    }
}

impl Reader {
    pub(crate) fn new(clients: Clients, wanted: Vec<String>, options: Options) -> Self {
        Self {
            clients,
            wanted,
            memory: Memory::default(),
            options,
        }
    }

    /// Reads everything once.
    ///
    /// # Errors
    /// If nothing is answered: no network, no credentials, too many requests.
    pub(crate) async fn round(&mut self) -> Result<ClusterFacts, Failure> {
        let now = self.options.clock.now();
        self.clients.tried.begin_round();
        let mut round = Round {
            facts: ClusterFacts {
                platform: Platform::Ecs,
                reach: Reach::Answering,
                ..ClusterFacts::default()
            },
            now,
        };
        match self.clusters(&mut round).await {
            Ok(clusters) => {
                for cluster in &clusters {
                    self.cluster(&mut round, cluster).await?;
                }
                summarise(&mut round, &clusters);
            }
            Err(failure) if failure.ends_round() => return Err(failure),
            Err(failure) => {
                for kind in Kind::ECS {
                    let coverage = failure.coverage(now);
                    round.facts.coverage.insert((kind, Scope::All), coverage);
                }
            }
        }
        self.memory.forget(now, self.options.keep_stopped);
        round.facts.clock_offset = self.clients.meter.offset();
        Ok(round.facts)
    }

    /// The names of the ECS clusters to read; their tags are put down on the way.
    async fn clusters(&self, round: &mut Round) -> Result<Vec<String>, Failure> {
        let arns = if self.wanted.is_empty() {
            let mut arns = Vec::new();
            let mut pages = self.clients.ecs.list_clusters().into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = self.clients.tried.note("ecs:ListClusters", page)?;
                arns.extend(page.cluster_arns().iter().cloned());
            }
            arns
        } else {
            self.wanted.clone()
        };
        let mut names: Vec<String> = arns
            .iter()
            .map(|arn| project::last(arn).to_owned())
            .collect();
        names.sort();
        for some in arns.chunks(CLUSTERS_AT_ONCE) {
            let asked = self
                .clients
                .ecs
                .describe_clusters()
                .set_clusters(Some(some.to_vec()))
                .include(ClusterField::Tags)
                .send()
                .await;
            // Its tags only name environments: whoever may not read them still sees the services.
            match self.clients.tried.note("ecs:DescribeClusters", asked) {
                Ok(answer) => {
                    for cluster in answer.clusters() {
                        let namespace = project::cluster(cluster);
                        let name = namespace.meta.name.clone();
                        round.facts.namespaces.insert(name, namespace);
                    }
                }
                Err(failure) if failure.ends_round() => return Err(failure),
                Err(failure) => {
                    tracing::debug!(%failure, "ECS clusters are read without their tags");
                }
            }
        }
        Ok(names)
    }

    async fn cluster(&mut self, round: &mut Round, cluster: &str) -> Result<(), Failure> {
        let services = self.services(cluster).await;
        let services = round.settle(Kind::EcsService, cluster, services)?;
        let services = services.unwrap_or_default();
        let tasks = self.tasks(round.now, cluster).await;
        let tasks = round.settle(Kind::EcsTask, cluster, tasks)?;
        let tasks = tasks.unwrap_or_default();
        let mut extras: BTreeMap<Key, facts::ecs::Service> = services
            .iter()
            .map(|service| {
                let name = service.service_name().unwrap_or_default();
                (Key::new(cluster, name), project::extras(service))
            })
            .collect();
        self.service_deployments(round, cluster, &services, &mut extras)
            .await?;
        self.definitions(round, cluster, &services, &tasks, &mut extras)
            .await?;
        self.targets(round, cluster, &mut extras).await?;
        let definitions = &self.memory.definitions;
        for service in &services {
            let workload = project::workload(cluster, service, definitions);
            let key = (Kind::EcsService, workload.meta.key());
            round.facts.workloads.insert(key, workload);
        }
        let projected: Vec<_> = tasks
            .iter()
            .map(|task| (project::task(cluster, task, definitions), task))
            .collect();
        for (pod, task) in projected {
            if task.last_status() == Some("STOPPED") {
                self.memory.keep(pod, round.now);
            } else {
                round.facts.pods.insert(pod.meta.key(), pod);
            }
        }
        for pod in self.memory.stopped(cluster) {
            round.facts.pods.insert(pod.meta.key(), pod.clone());
        }
        round.facts.ecs_services.extend(extras);
        Ok(())
    }
}

/// How well each kind is known in all clusters at once: whole where it is in each, else the first gap.
fn summarise(round: &mut Round, clusters: &[String]) {
    for kind in Kind::ECS {
        let of_clusters = || {
            clusters.iter().filter_map(|cluster| {
                let scope = (kind, Scope::Namespace(cluster.clone()));
                round.facts.coverage.get(&scope)
            })
        };
        let gap = of_clusters().find(|coverage| !coverage.is_whole());
        let unserved = || of_clusters().find(|one| matches!(one, Coverage::NotServed { .. }));
        let coverage = gap
            .or_else(unserved)
            .cloned()
            .unwrap_or(Coverage::Seen { as_of: round.now });
        round.facts.coverage.insert((kind, Scope::All), coverage);
    }
}

/// A look at one thing that does not exist is an answer.
fn or_missing<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.why == Why::Missing => Ok(None),
        Err(failure) => Err(failure),
    }
}
