//! Services, the task definitions they name, and the health of their targets.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Service, ServiceField, Task};
use facts::ecs::Target;
use facts::{Key, Kind, ecs};

use super::{Reader, Round, or_missing};
use crate::failure::{Failure, Why};
use crate::project;

/// Services that one DescribeServices may name.
const SERVICES_AT_ONCE: usize = 10;
/// Services on one page of ListServices: the most there may be.
const PAGE: i32 = 100;

impl Reader {
    /// The services of a cluster that are there to stay.
    pub(super) async fn services(&self, cluster: &str) -> Result<Vec<Service>, Failure> {
        let mut arns = Vec::new();
        let mut pages = self
            .clients
            .ecs
            .list_services()
            .cluster(cluster)
            .max_results(PAGE)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = self.clients.tried.note("ecs:ListServices", page)?;
            arns.extend(page.service_arns().iter().cloned());
        }
        let mut services = Vec::new();
        for some in arns.chunks(SERVICES_AT_ONCE) {
            let answer = self
                .clients
                .ecs
                .describe_services()
                .cluster(cluster)
                .set_services(Some(some.to_vec()))
                .include(ServiceField::Tags)
                .send()
                .await;
            let answer = self.clients.tried.note("ecs:DescribeServices", answer)?;
            services.extend(answer.services.unwrap_or_default());
        }
        services.retain(|service| service.status() == Some("ACTIVE"));
        Ok(services)
    }

    /// The revisions that services, their tasks and deployments name, each asked for once; and the newest of each
    /// service's family, which may not be in use yet.
    pub(super) async fn definitions(
        &mut self,
        round: &mut Round,
        cluster: &str,
        services: &[Service],
        tasks: &[Task],
        extras: &mut BTreeMap<Key, ecs::Service>,
    ) -> Result<(), Failure> {
        round.settle(Kind::EcsTaskDefinition, cluster, Ok(()))?;
        for extra in extras.values_mut() {
            let family = family(&extra.task_definition).to_owned();
            let read = self.newest(round, &family).await;
            let newest = round.settle(Kind::EcsTaskDefinition, cluster, read)?;
            extra.newest_task_definition = newest.flatten();
        }
        let named = services
            .iter()
            .filter_map(|service| service.task_definition());
        let of_tasks = tasks.iter().filter_map(|task| task.task_definition_arn());
        let of_deployments = extras.values().flat_map(|extra| {
            let old = extra.deployments.iter().map(|one| &one.task_definition);
            let new = extra.service_deployments.iter();
            old.chain(new.map(|one| &one.task_definition))
                .map(String::as_str)
        });
        let arns: BTreeSet<String> = named
            .chain(of_tasks)
            .chain(of_deployments)
            .filter(|arn| !arn.is_empty())
            .map(str::to_owned)
            .collect();
        for arn in arns {
            if !self.memory.definitions.contains_key(&arn) {
                let read = or_missing(self.definition(&arn).await);
                let Some(read) = round.settle(Kind::EcsTaskDefinition, cluster, read)? else {
                    continue;
                };
                self.memory.definitions.insert(arn.clone(), read);
            }
            self.put_down(round, &arn);
        }
        let newest = extras
            .values()
            .filter_map(|extra| extra.newest_task_definition.as_ref());
        for arn in newest {
            self.put_down(round, arn);
        }
        Ok(())
    }

    fn put_down(&self, round: &mut Round, arn: &str) {
        if let Some(Some(definition)) = self.memory.definitions.get(arn) {
            let definition = definition.clone();
            round
                .facts
                .task_definitions
                .insert(arn.to_owned(), definition);
        }
    }

    /// The ARN of a family's newest active revision, which is asked for now and then.
    async fn newest(&mut self, round: &Round, family: &str) -> Result<Option<String>, Failure> {
        if let Some((arn, read)) = self.memory.newest.get(family)
            && round.now.duration_since(*read) < self.options.recheck
        {
            return Ok(arn.clone());
        }
        let arn = match or_missing(self.definition(family).await)? {
            Some(definition) => {
                let arn = definition.arn.clone();
                self.memory
                    .definitions
                    .insert(arn.clone(), Some(definition));
                Some(arn)
            }
            None => None,
        };
        let known = (arn.clone(), round.now);
        self.memory.newest.insert(family.to_owned(), known);
        Ok(arn)
    }

    async fn definition(&self, name: &str) -> Result<ecs::TaskDefinition, Failure> {
        let answer = self
            .clients
            .ecs
            .describe_task_definition()
            .task_definition(name)
            .send()
            .await;
        let answer = self
            .clients
            .tried
            .note("ecs:DescribeTaskDefinition", answer)
            .map_err(unknown_revision)?;
        answer
            .task_definition()
            .map(project::definition)
            .ok_or_else(|| unknown_revision(Failure::unsaid("a task definition")))
    }

    /// The health of what is registered in the target groups of a cluster's services; each group is asked for once.
    pub(super) async fn targets(
        &self,
        round: &mut Round,
        cluster: &str,
        extras: &mut BTreeMap<Key, ecs::Service>,
    ) -> Result<(), Failure> {
        round.settle(Kind::EcsTargetGroup, cluster, Ok(()))?;
        let mut known: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        let groups = extras
            .values_mut()
            .flat_map(|extra| &mut extra.target_groups);
        for group in groups {
            if !known.contains_key(&group.arn) {
                let read = or_missing(self.health(&group.arn).await);
                let read = round.settle(Kind::EcsTargetGroup, cluster, read)?;
                known.insert(group.arn.clone(), read.flatten().unwrap_or_default());
            }
            group.targets = known.get(&group.arn).cloned().unwrap_or_default();
        }
        Ok(())
    }

    async fn health(&self, arn: &str) -> Result<Vec<Target>, Failure> {
        let answer = self
            .clients
            .balancers
            .describe_target_health()
            .target_group_arn(arn)
            .send()
            .await;
        let answer = self
            .clients
            .tried
            .note("elasticloadbalancing:DescribeTargetHealth", answer)?;
        let described = answer.target_health_descriptions().iter();
        Ok(described.map(project::target).collect())
    }
}

/// The family of a revision's ARN.
fn family(arn: &str) -> &str {
    let short = ecs::short(arn);
    short.split(':').next().unwrap_or(short)
}

/// ECS has no code of its own for a revision that does not exist: it is in its words.
fn unknown_revision(mut failure: Failure) -> Failure {
    if failure.why == Why::Other
        && failure
            .message
            .contains("Unable to describe task definition")
    {
        failure.why = Why::Missing;
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_what_stands_before_the_revision() {
        assert_eq!(
            family("arn:aws:ecs:eu-west-1:1:task-definition/api:42"),
            "api"
        );
        assert_eq!(family("api"), "api");
    }
}
