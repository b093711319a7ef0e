//! Service deployments: what became of each change of a service.
//!
//! Owns that they are listed only where the service says that something changed, or one of them is still under way:
//! a quiet service costs no request.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{self, Service, ServiceDeploymentStatus};
use facts::{Key, Kind, ecs};

use super::{Reader, Round};
use crate::failure::Failure;
use crate::memory::Fingerprint;
use crate::project;

/// Service deployments that are looked into, the newest: what came before them has been overtaken.
const NEWEST: usize = 8;

impl Reader {
    /// The service deployments of a cluster's services.
    pub(super) async fn service_deployments(
        &mut self,
        round: &mut Round,
        cluster: &str,
        services: &[Service],
        extras: &mut BTreeMap<Key, ecs::Service>,
    ) -> Result<(), Failure> {
        let kind = Kind::EcsServiceDeployment;
        if let Some((coverage, said)) = &self.memory.no_deployments
            && round.now.duration_since(*said) < self.options.recheck
        {
            round.cover(kind, cluster, coverage.clone());
            return Ok(());
        }
        round.settle(kind, cluster, Ok(()))?;
        for service in services {
            let name = service.service_name().unwrap_or_default();
            let key = Key::new(cluster, name);
            let Some(extra) = extras.get_mut(&key) else {
                continue;
            };
            let state = fingerprint(service);
            let known = self.memory.deployments.get(&key);
            let quiet = known.filter(|(before, found)| {
                *before == state && found.iter().all(ecs::ServiceDeployment::is_over)
            });
            if let Some((_, found)) = quiet {
                extra.service_deployments.clone_from(found);
                continue;
            }
            let read = self.of_service(cluster, name).await;
            match round.settle(kind, cluster, read)? {
                Some(found) => {
                    extra.service_deployments.clone_from(&found);
                    self.memory.deployments.insert(key, (state, found));
                    self.memory.no_deployments = None;
                }
                None => {
                    // Who may not list one service's may not list another's.
                    let coverage = round.facts.coverage(kind, cluster).clone();
                    self.memory.no_deployments = Some((coverage, round.now));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn of_service(
        &mut self,
        cluster: &str,
        service: &str,
    ) -> Result<Vec<ecs::ServiceDeployment>, Failure> {
        let answer = self
            .clients
            .ecs
            .list_service_deployments()
            .cluster(cluster)
            .service(service)
            .send()
            .await;
        let answer = self
            .clients
            .tried
            .note("ecs:ListServiceDeployments", answer)?;
        let mut briefs = answer.service_deployments.unwrap_or_default();
        briefs.sort_by_key(|brief| {
            std::cmp::Reverse(brief.created_at().map(|at| (at.secs(), at.subsec_nanos())))
        });
        briefs.truncate(NEWEST);
        let revisions = briefs
            .iter()
            .filter_map(|brief| brief.target_service_revision_arn());
        let revisions = revisions.map(str::to_owned).collect();
        self.learn_revisions(revisions).await?;
        let mut told = self.told(&briefs).await?;
        let known = briefs.iter().map(|brief| {
            let arn = brief.service_deployment_arn().unwrap_or_default();
            let revision = brief.target_service_revision_arn().unwrap_or_default();
            let target = self.memory.revisions.get(revision);
            let target = target.cloned().unwrap_or_default();
            match told.remove(arn) {
                Some(whole) => project::service_deployment(&whole, target),
                None => project::service_deployment(&whole_of(brief), target),
            }
        });
        Ok(known.collect())
    }

    /// What is known beyond the list of those that did not simply succeed.
    async fn told(
        &self,
        briefs: &[types::ServiceDeploymentBrief],
    ) -> Result<BTreeMap<String, types::ServiceDeployment>, Failure> {
        let arns: Vec<String> = briefs
            .iter()
            .filter(|brief| brief.status() != Some(&ServiceDeploymentStatus::Successful))
            .filter_map(|brief| brief.service_deployment_arn().map(str::to_owned))
            .collect();
        if arns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self
            .clients
            .ecs
            .describe_service_deployments()
            .set_service_deployment_arns(Some(arns))
            .send()
            .await;
        let answer = self
            .clients
            .tried
            .note("ecs:DescribeServiceDeployments", answer)?;
        let told = answer.service_deployments.unwrap_or_default();
        Ok(told
            .into_iter()
            .filter_map(|one| Some((one.service_deployment_arn()?.to_owned(), one)))
            .collect())
    }

    /// Which task definition each service revision has, asked for once.
    async fn learn_revisions(&mut self, mut arns: Vec<String>) -> Result<(), Failure> {
        arns.retain(|arn| !self.memory.revisions.contains_key(arn));
        arns.sort();
        arns.dedup();
        if arns.is_empty() {
            return Ok(());
        }
        let answer = self
            .clients
            .ecs
            .describe_service_revisions()
            .set_service_revision_arns(Some(arns))
            .send()
            .await;
        let answer = self
            .clients
            .tried
            .note("ecs:DescribeServiceRevisions", answer)?;
        for revision in answer.service_revisions() {
            if let (Some(arn), Some(definition)) =
                (revision.service_revision_arn(), revision.task_definition())
            {
                self.memory
                    .revisions
                    .insert(arn.to_owned(), definition.to_owned());
            }
        }
        Ok(())
    }
}

/// What of a service changes when one of its service deployments does.
fn fingerprint(service: &Service) -> Fingerprint {
    let deployments = service.deployments().iter().map(|one| {
        let state = one.rollout_state().map(|state| state.as_str());
        (
            one.id().unwrap_or_default().to_owned(),
            state.unwrap_or_default().to_owned(),
        )
    });
    let current = service.current_service_deployment().unwrap_or_default();
    deployments
        .chain([(String::new(), current.to_owned())])
        .collect()
}

/// A list's entry as what a look at it alone would say.
fn whole_of(brief: &types::ServiceDeploymentBrief) -> types::ServiceDeployment {
    types::ServiceDeployment::builder()
        .set_service_deployment_arn(brief.service_deployment_arn.clone())
        .set_status(brief.status.clone())
        .set_status_reason(brief.status_reason.clone())
        .set_created_at(brief.created_at)
        .set_finished_at(brief.finished_at)
        .build()
}
