//! Where an account's credentials come from, and how the SDK is told.
//!
//! Where a file, a role or the credentials themselves are named nothing else is looked at, neither the environment nor
//! `~/.aws`: the SDK's own loader would still read endpoints, FIPS and profiles there.

use std::path::{Path, PathBuf};

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ecs::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};

use crate::broker::Broker;
use crate::options::Options;

/// How often the SDK tries a request before it gives up; it waits between tries, as long as AWS asks for.
const TRIES: u32 = 3;

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// As the person's own AWS tools are configured: environment, `~/.aws`, and what else the SDK's chain knows.
    #[default]
    Chain,
    /// The same, with this profile of `~/.aws/config`.
    Profile(String),
    /// A file in the form of `~/.aws/credentials`, and nothing else.
    File {
        /// Where it is.
        path: PathBuf,
        /// The profile in it; absent: `default`.
        profile: Option<String>,
    },
    /// A role that the person's sign-in opens. Copies of one broker share its credentials.
    Role(Broker),
    /// The caller has them.
    Given(Credentials),
}

/// Where an account's requests are sent.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    /// Where AWS answers, if not at its own address.
    pub(crate) endpoint: Option<&'a str>,
}

impl Source {
    /// What clients are made of. No request is sent.
    pub(crate) async fn config(&self, place: Place<'_>, options: &Options) -> SdkConfig {
        match self {
            Self::Chain => of_chain(place, options, None).await,
            Self::Profile(profile) => of_chain(place, options, Some(profile)).await,
            Self::File { path, profile } => {
                let profile = profile.as_deref().unwrap_or("default");
                bare(place, options, of_file(path, profile))
            }
            // The broker keeps them for all clients: one that kept its own would go on with what was forgotten.
            Self::Role(broker) => bare(place, options, broker.clone())
                .into_builder()
                .identity_cache(IdentityCache::no_cache())
                .build(),
            Self::Given(credentials) => bare(place, options, credentials.clone()),
        }
    }
}

async fn of_chain(place: Place<'_>, options: &Options, profile: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region(place))
        .retry_config(retries())
        .timeout_config(timeout(options));
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = place.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

fn of_file(path: &Path, profile: &str) -> ProfileFileCredentialsProvider {
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Credentials, path)
        .build();
    ProfileFileCredentialsProvider::builder()
        .profile_files(files)
        .profile_name(profile)
        .build()
}

/// What is told here and nothing else.
fn bare(
    place: Place<'_>,
    options: &Options,
    credentials: impl ProvideCredentials + 'static,
) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region(place))
        .retry_config(retries())
        .timeout_config(timeout(options))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(place.endpoint.map(str::to_owned));
    config.build()
}

fn region(place: Place<'_>) -> Region {
    Region::new(place.region.to_owned())
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES)
}

fn timeout(options: &Options) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(options.answer_within)
        .build()
}
