//! AWS' answers as facts.
//!
//! Owns what of an ECS service is a workload and what of a task is a pod, so that the proof by digest is one for both.

mod deployment;
mod service;
mod task;

pub(crate) use deployment::{definition, service_deployment, target};
pub(crate) use service::{cluster, extras, workload};
pub(crate) use task::{group_of, task};

use std::collections::BTreeMap;

use aws_sdk_ecs::types::Tag;
use facts::ecs::TaskDefinition;

/// Revisions of task definitions by ARN; `None` where AWS does not have it any more.
pub(crate) type Definitions = BTreeMap<String, Option<TaskDefinition>>;

/// The last part of an ARN: a task's id, a cluster's name.
pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A count that AWS gives with a sign.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// Tags as labels. AWS' people write `Environment` as often as `environment`: the small spelling finds both.
fn labels(tags: &[Tag]) -> BTreeMap<String, String> {
    let named = || {
        tags.iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
    };
    let small = named().map(|(key, value)| (key.to_ascii_lowercase(), value));
    // Their own spelling last, so that it wins.
    small.chain(named()).collect()
}
