//! The accounts of AWS that the team file names, and that were asked for.
//!
//! Owns where each one's credentials come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Error;
use cloud::{Account, Broker, Source};
use cluster::Context;

use super::{Sources, two_of_a_name};
use crate::team_file::TeamFile;
use crate::team_file::form::Aws;

/// Opens them. Must be called inside a Tokio runtime.
pub fn open(
    file: &TeamFile,
    sources: &Sources,
    contexts: &[Context],
    roles: &BTreeMap<String, Broker>,
    options: &cloud::Options,
) -> Result<Arc<[Account]>, Error> {
    if let Some(twice) = file
        .aws
        .iter()
        .find(|aws| contexts.iter().any(|context| context.name == aws.name))
    {
        return Err(two_of_a_name("an AWS account", &twice.name));
    }
    let wanted = |aws: &&Aws| sources.contexts.is_empty() || sources.contexts.contains(&aws.name);
    let specs = file.aws.iter().filter(wanted).map(|aws| cloud::Spec {
        name: aws.name.clone(),
        region: aws.region.clone(),
        endpoint: aws.endpoint(),
        credentials: source(aws, roles.get(&aws.name)),
        clusters: aws.clusters.clone(),
    });
    Ok(specs
        .map(|spec| Account::start(spec, options.clone()))
        .collect())
}

/// Where its credentials come from.
pub fn source(aws: &Aws, role: Option<&Broker>) -> Source {
    match (role, &aws.credentials, &aws.profile) {
        (Some(role), _, _) => Source::Role(role.clone()),
        (None, Some(path), profile) => Source::File {
            path: path.clone(),
            profile: profile.clone(),
        },
        (None, None, Some(profile)) => Source::Profile(profile.clone()),
        (None, None, None) => Source::Chain,
    }
}
