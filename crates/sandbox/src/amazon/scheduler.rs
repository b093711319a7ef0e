//! ECS' own part: it starts tasks, sees what becomes of them, and completes, tries again, or rolls back.
//!
//! Owns the steps of a rolling update and ECS' words for them. How tasks of an image behave is the faults' table: the
//! same that the kubelets consult, under the account's name and the ECS cluster's.

use jiff::{SignedDuration, Timestamp};

use super::state::{Deployment, End, Phase, Service, State, Task};
use super::{Breaker, NUMBER, arn};
use crate::faults::{Faults, PodBehaviour};
use crate::registry::Registry;

/// From a task's start order to its running, and what comes between.
const START_SECONDS: i64 = 24;
/// How long ECS tries to get an image or a secret before it gives the task up.
const GIVE_UP_SECONDS: i64 = 42;
/// How long a container that crashes runs.
const CRASH_SECONDS: i64 = 4;
/// How long a task whose health checks fail runs before ECS stops it.
const UNWELL_SECONDS: i64 = 90;
/// From the last new task's running to its target's being healthy and the old tasks' end.
pub(super) const HEALTHY_SECONDS: i64 = 20;
const DRAIN_SECONDS: i64 = 45;
/// Tasks that fail before the circuit breaker opens: half of those wanted, but 3 at least; no service here wants more.
pub(super) const THRESHOLD: u32 = 3;
/// ECS waits longer after each failure; 15 minutes at most, so that one of the last hour is always there to see.
const FIRST_WAIT_SECONDS: i64 = 60;
const LONGEST_WAIT_SECONDS: i64 = 900;
/// How long a task that stopped can still be described.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// How many events ECS keeps of a service.
const EVENTS: usize = 100;

/// What the scheduler looks at.
pub(super) struct Surroundings<'a> {
    pub(super) account: &'a str,
    pub(super) registry: &'a Registry,
    pub(super) registry_host: &'a str,
    pub(super) faults: &'a Faults,
}

/// Lets everything happen that is due up to a moment, in the order of time within each service.
pub(super) fn catch_up(state: &mut State, around: &Surroundings<'_>, now: Timestamp) {
    let mut clusters = std::mem::take(&mut state.clusters);
    for (name, cluster) in &mut clusters {
        for service in cluster.services.values_mut() {
            while let Some(at) = service
                .primary()
                .and_then(Deployment::due)
                .filter(|due| *due <= now)
            {
                step(state, around, name, service, at);
            }
            forget(service, now);
        }
    }
    state.clusters = clusters;
}

/// What AWS does not remember any more.
fn forget(service: &mut Service, now: Timestamp) {
    let begin = now.saturating_sub(REMEMBERED).unwrap_or(now);
    service
        .tasks
        .retain(|task| task.end.as_ref().is_none_or(|end| end.at >= begin));
    let old = service.events.len().saturating_sub(EVENTS);
    service.events.drain(..old);
}

fn step(
    state: &mut State,
    around: &Surroundings<'_>,
    cluster: &str,
    service: &mut Service,
    at: Timestamp,
) {
    let Some(primary) = service.primary_mut() else {
        return;
    };
    primary.updated = at;
    match primary.phase {
        Phase::Launch { .. } => launch(state, around, cluster, service, at),
        Phase::Judge { begun, .. } => judge(service, begun, at),
        Phase::Drain { .. } => complete(service, at),
        Phase::Completed | Phase::Failed | Phase::RolledBack { .. } | Phase::Stopped { .. } => {}
    }
}

/// Starts the tasks that are missing.
fn launch(
    state: &mut State,
    around: &Surroundings<'_>,
    cluster: &str,
    service: &mut Service,
    at: Timestamp,
) {
    let Some((number, revision)) = service.primary().map(|one| (one.number, one.revision)) else {
        return;
    };
    let (running, _) = service.counts(number, at);
    let missing = service.desired.saturating_sub(running);
    let image = state
        .definition(&service.name, revision)
        .map(|definition| definition.image.clone())
        .unwrap_or_default();
    let digest = digest(around, &image).unwrap_or_default();
    let behaviour = around
        .faults
        .table()
        .behaviour(around.account, cluster, &digest)
        .cloned();
    if let Some(PodBehaviour::Unschedulable { message }) = &behaviour {
        service.say(
            at,
            &format!(
                "was unable to place a task because no container instance met all of its requirements. Reason: {message} For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
            ),
        );
        if let Some(primary) = service.primary_mut() {
            primary.tries += 1;
        }
        let due = later(at, retry_wait(service));
        set(service, Phase::Launch { due });
        return;
    }
    let mut started = Vec::new();
    let mut due = at;
    for _ in 0..missing {
        let id = state.id();
        let (up, end) = life(at, &service.name, (&image, &digest), behaviour.as_ref());
        due = due.max(end.as_ref().map(|end| end.at).or(up).unwrap_or(at));
        started.push(format!("(task {id})"));
        service.tasks.push(Task {
            address: address(&id),
            id,
            by: number,
            revision,
            digest: digest.clone(),
            created: at,
            started: up,
            end,
        });
    }
    service.say(
        at,
        &format!("has started {missing} tasks: {}.", started.join(" ")),
    );
    set(service, Phase::Judge { begun: at, due });
}

/// What became of the tasks that were started at a moment.
fn judge(service: &mut Service, begun: Timestamp, at: Timestamp) {
    let Some(number) = service.primary().map(|one| one.number) else {
        return;
    };
    let (running, _) = service.counts(number, at);
    if running >= service.desired {
        let why = format!("Scaling activity initiated by (deployment {})", id(number));
        let until = later(at, HEALTHY_SECONDS);
        let group = target_group_arn(&service.name);
        service.say(
            until,
            &format!("registered {running} targets in (target-group {group})"),
        );
        for task in service.tasks.iter_mut().filter(|task| task.by != number) {
            task.end.get_or_insert_with(|| End {
                at: until,
                code: "ServiceSchedulerInitiated",
                reason: why.clone(),
                exit_code: Some(0),
                unwell: None,
            });
        }
        set(
            service,
            Phase::Drain {
                due: later(at, DRAIN_SECONDS),
            },
        );
        return;
    }
    // Tasks that never ran or were never well count against a deployment; those that end by themselves do not.
    let counts = |task: &Task| {
        let is_unwell = task.end.as_ref().is_some_and(|end| end.unwell.is_some());
        task.started.is_none() || is_unwell
    };
    let started = service
        .tasks
        .iter()
        .filter(|task| task.by == number && task.created == begun);
    let failed = started.filter(|task| counts(task));
    let failed = u32::try_from(failed.count()).unwrap_or_default();
    let Some(primary) = service.primary_mut() else {
        return;
    };
    primary.failed += failed;
    primary.tries += 1;
    let is_over = primary.failed >= THRESHOLD;
    if service.breaker != Breaker::Off && is_over {
        open_breaker(service, at);
        return;
    }
    service.say(
        at,
        "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
    );
    let due = later(at, retry_wait(service));
    set(service, Phase::Launch { due });
}

fn complete(service: &mut Service, at: Timestamp) {
    let Some(id) = service.primary().map(Deployment::id) else {
        return;
    };
    service.say(at, &format!("(deployment {id}) deployment completed."));
    service.say(at, "has reached a steady state.");
    set(service, Phase::Completed);
}

/// The circuit breaker opens. Where it rolls back the deployment before counts again, whose tasks were never stopped.
fn open_breaker(service: &mut Service, at: Timestamp) {
    let Some(failed) = service.primary().map(Deployment::id) else {
        return;
    };
    service.say(
        at,
        &format!("(deployment {failed}) deployment failed: tasks failed to start."),
    );
    if service.breaker == Breaker::GivesUp {
        set(service, Phase::Failed);
        return;
    }
    set(service, Phase::RolledBack { at });
    if let Some(before) = service.primary_mut() {
        before.updated = at;
        let before = before.id();
        service.say(at, &format!("rolling back to deployment {before}."));
        service.say(at, "has reached a steady state.");
    }
}

/// The newest tasks of a service go: it wants fewer.
pub(super) fn stop_some(service: &mut Service, fewer: usize, at: Timestamp) {
    let Some(id) = service.primary().map(Deployment::id) else {
        return;
    };
    let until = later(at, HEALTHY_SECONDS);
    let staying = service.tasks.iter_mut().rev();
    let staying = staying.filter(|task| task.end.is_none());
    for task in staying.take(fewer) {
        task.end = Some(End {
            at: until,
            code: "ServiceSchedulerInitiated",
            reason: format!("Scaling activity initiated by (deployment {id})"),
            exit_code: Some(0),
            unwell: None,
        });
    }
    service.say(until, "has reached a steady state.");
}

/// Every task of a service goes: it wants none.
pub(super) fn stop_all(service: &mut Service, at: Timestamp) {
    let Some(id) = service.primary().map(Deployment::id) else {
        return;
    };
    let until = later(at, HEALTHY_SECONDS);
    for task in &mut service.tasks {
        task.end.get_or_insert_with(|| End {
            at: until,
            code: "ServiceSchedulerInitiated",
            reason: format!("Scaling activity initiated by (deployment {id})"),
            exit_code: Some(0),
            unwell: None,
        });
    }
    service.say(until, "has reached a steady state.");
}

fn set(service: &mut Service, phase: Phase) {
    if let Some(primary) = service.primary_mut() {
        primary.phase = phase;
    }
}

fn retry_wait(service: &Service) -> i64 {
    let tries = service.primary().map_or(0, |primary| primary.tries);
    (FIRST_WAIT_SECONDS << tries.min(4)).min(LONGEST_WAIT_SECONDS)
}

/// When a task of a service's image runs, and how it ends, if it does by itself.
fn life(
    at: Timestamp,
    service: &str,
    (image, digest): (&str, &str),
    behaviour: Option<&PodBehaviour>,
) -> (Option<Timestamp>, Option<End>) {
    let up = later(at, START_SECONDS);
    let not_started = |reason: String| {
        let end = End {
            at: later(at, GIVE_UP_SECONDS),
            code: "TaskFailedToStart",
            reason,
            exit_code: None,
            unwell: None,
        };
        (None, Some(end))
    };
    match behaviour {
        None if digest.is_empty() => not_started(format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"
        )),
        Some(PodBehaviour::PullFails { message }) => {
            not_started(format!("CannotPullContainerError: {message}"))
        }
        Some(PodBehaviour::ConfigMissing { message }) => {
            not_started(format!("ResourceInitializationError: {message}"))
        }
        Some(PodBehaviour::Crash { exit_code, .. }) => {
            let end = End {
                at: later(up, CRASH_SECONDS),
                code: "EssentialContainerExited",
                reason: "Essential container in task exited".to_owned(),
                exit_code: Some(*exit_code),
                unwell: None,
            };
            (Some(up), Some(end))
        }
        Some(PodBehaviour::Unready { probe, .. }) => {
            let end = End {
                at: later(up, UNWELL_SECONDS),
                code: "ServiceSchedulerInitiated",
                reason: format!(
                    "Task failed ELB health checks in (target-group {})",
                    target_group_arn(service)
                ),
                exit_code: Some(143),
                unwell: Some(probe.clone()),
            };
            (Some(up), Some(end))
        }
        Some(PodBehaviour::Slow { seconds }) => (Some(later(up, *seconds)), None),
        // The other troubles are of Kubernetes' making.
        _ => (Some(up), None),
    }
}

/// The digest that an image name stands for now, asked of the registry as ECS' agent does.
fn digest(around: &Surroundings<'_>, image: &str) -> Option<String> {
    let path = image
        .strip_prefix(around.registry_host)?
        .strip_prefix('/')?;
    let (path, tag) = path.rsplit_once(':')?;
    around.registry.digest(path, tag)
}

fn id(number: u64) -> String {
    format!("ecs-svc/{number:019}")
}

/// The one target group of a service.
pub(super) fn target_group_arn(service: &str) -> String {
    // The last part is AWS' to choose; here it is the account's, so that it is the same in every process.
    arn(
        "elasticloadbalancing",
        &format!("targetgroup/{service}/{NUMBER}0a1b"),
    )
}

/// An address in the network of the company, from a task's id.
fn address(id: &str) -> String {
    let part = |range| u8::from_str_radix(id.get(range).unwrap_or("7"), 16).unwrap_or(7);
    format!("10.1.{}.{}", part(0..2), part(2..4))
}

pub(super) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}
