//! What is remembered from one round to the next: what never changes, and what AWS forgets before we should.
//!
//! Owns when something is asked again. Sends nothing itself.

use std::collections::BTreeMap;

use facts::ecs::{ServiceDeployment, TaskDefinition};
use facts::kubernetes::Pod;
use facts::{Coverage, Key};
use jiff::{SignedDuration, Timestamp};

/// How many stopped tasks are kept at most: a service that crashes all the time leaves one every few seconds, and the
/// newest say why.
const STOPPED: usize = 500;

/// What one account's rounds remember.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Revisions of task definitions by ARN; `None` where AWS has no such revision any more. True for ever.
    pub(crate) definitions: BTreeMap<String, Option<TaskDefinition>>,
    /// The ARN of the newest active revision by family, and when that was read.
    pub(crate) newest: BTreeMap<String, (Option<String>, Timestamp)>,
    /// The task definition of service revisions by ARN. True for ever.
    pub(crate) revisions: BTreeMap<String, String>,
    /// The service deployments of a service, and the state of the service that they were read in.
    pub(crate) deployments: BTreeMap<Key, (Fingerprint, Vec<ServiceDeployment>)>,
    /// Why service deployments cannot be listed, and when that was said.
    pub(crate) no_deployments: Option<(Coverage, Timestamp)>,
    /// Tasks that stopped, and when AWS last knew of them.
    stopped: BTreeMap<Key, (Pod, Timestamp)>,
}

/// What of a service changes when one of its service deployments does.
pub(crate) type Fingerprint = Vec<(String, String)>;

impl Memory {
    /// Whether a stopped task is known already: nothing of it changes any more.
    pub(crate) fn has_stopped(&self, key: &Key) -> bool {
        self.stopped.contains_key(key)
    }

    /// Notes that AWS still knows of a stopped task.
    pub(crate) fn still_listed(&mut self, key: &Key, now: Timestamp) {
        if let Some((_, listed)) = self.stopped.get_mut(key) {
            *listed = now;
        }
    }

    /// Keeps a task that has stopped.
    pub(crate) fn keep(&mut self, task: Pod, now: Timestamp) {
        self.stopped.insert(task.meta.key(), (task, now));
    }

    /// Forgets what stopped too long ago.
    pub(crate) fn forget(&mut self, now: Timestamp, keep: SignedDuration) {
        self.stopped
            .retain(|_, (_, listed)| now.duration_since(*listed) <= keep);
        while self.stopped.len() > STOPPED {
            let oldest = self
                .stopped
                .iter()
                .min_by_key(|(_, (task, _))| task.meta.created)
                .map(|(key, _)| key.clone());
            match oldest {
                Some(key) => self.stopped.remove(&key),
                None => return,
            };
        }
    }

    /// The stopped tasks of an ECS cluster.
    pub(crate) fn stopped<'m>(&'m self, cluster: &'m str) -> impl Iterator<Item = &'m Pod> {
        let tasks = self.stopped.values().map(|(task, _)| task);
        tasks.filter(move |task| task.meta.namespace == cluster)
    }
}

#[cfg(test)]
mod tests {
    use facts::meta::Meta;

    use super::*;

    fn task(number: usize) -> Pod {
        Pod {
            meta: Meta {
                namespace: "shop".to_owned(),
                name: format!("task-{number:04}"),
                created: Timestamp::from_second(i64::try_from(number).unwrap()).ok(),
                ..Meta::default()
            },
            phase: "Failed".to_owned(),
            reason: None,
            message: None,
            node: None,
            started: None,
            conditions: Vec::new(),
            containers: Vec::new(),
        }
    }

    #[test]
    fn a_stopped_task_outlives_what_aws_remembers_by_an_hour_and_no_more() {
        let hour = SignedDuration::from_hours(1);
        let at = |minutes: i64| Timestamp::from_second(minutes * 60).unwrap();
        let mut memory = Memory::default();
        memory.keep(task(1), at(0));
        memory.still_listed(&task(1).meta.key(), at(50));
        memory.forget(at(110), hour);
        assert_eq!(memory.stopped("shop").count(), 1);
        assert_eq!(memory.stopped("other").count(), 0);
        memory.forget(at(111), hour);
        assert_eq!(memory.stopped("shop").count(), 0);
    }

    #[test]
    fn of_too_many_the_newest_are_kept() {
        let now = Timestamp::UNIX_EPOCH;
        let mut memory = Memory::default();
        for number in 0..STOPPED + 3 {
            memory.keep(task(number), now);
        }
        memory.forget(now, SignedDuration::from_hours(1));
        assert_eq!(memory.stopped("shop").count(), STOPPED);
        assert!(!memory.has_stopped(&task(2).meta.key()));
        assert!(memory.has_stopped(&task(3).meta.key()));
    }
}
