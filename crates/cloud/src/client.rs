//! The clients of one account and region: where they speak to, and who they are.
//!
//! Owns where credentials come from: the caller, a file that is named, a named profile or the SDK's own chain. Where a
//! file is named nothing else is looked at, neither the environment nor `~/.aws`.

use std::path::{Path, PathBuf};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ecs::config::SharedCredentialsProvider;

use crate::meter::Meter;
use crate::options::Options;

/// How often the SDK tries a request before it gives up; it waits between tries, as long as AWS asks for.
const TRIES: u32 = 3;

/// An account and region to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// What people call it.
    pub name: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where AWS answers, if not at its own address: tests, the sandbox, private endpoints.
    pub endpoint: Option<String>,
    /// The profile of `~/.aws/config`, or of [`Self::credentials`]; absent: the SDK's default chain.
    pub profile: Option<String>,
    /// A file in the form of `~/.aws/credentials` to take the credentials from, and nothing else.
    pub credentials: Option<PathBuf>,
    /// The ECS clusters to read; empty: all of them.
    pub clusters: Vec<String>,
}

impl Spec {
    /// Where it is, for people.
    pub fn address(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("ecs.{}.amazonaws.com", self.region),
        }
    }
}

/// The clients.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) balancers: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) meter: Meter,
}

impl Clients {
    /// Makes them; no request is sent.
    pub(crate) async fn new(spec: &Spec, options: &Options) -> Self {
        let meter = Meter::new(options.clock.clone());
        let shared = match &spec.credentials {
            Some(file) => of_file(spec, options, file),
            None => of_chain(spec, options).await,
        };
        Self {
            ecs: aws_sdk_ecs::Client::from_conf(
                aws_sdk_ecs::config::Builder::from(&shared)
                    .interceptor(meter.clone())
                    .build(),
            ),
            balancers: aws_sdk_elasticloadbalancingv2::Client::from_conf(
                aws_sdk_elasticloadbalancingv2::config::Builder::from(&shared)
                    .interceptor(meter.clone())
                    .build(),
            ),
            sts: aws_sdk_sts::Client::from_conf(
                aws_sdk_sts::config::Builder::from(&shared)
                    .interceptor(meter.clone())
                    .build(),
            ),
            meter,
        }
    }
}

fn region(spec: &Spec) -> Region {
    Region::new(spec.region.clone())
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES)
}

fn timeout(options: &Options) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(options.answer_within)
        .build()
}

/// As the person's own AWS tools are configured: environment, `~/.aws`, and what else the SDK's chain knows.
async fn of_chain(spec: &Spec, options: &Options) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region(spec))
        .retry_config(retries())
        .timeout_config(timeout(options));
    if let Some(profile) = &spec.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(credentials) = &options.credentials {
        loader = loader.credentials_provider(credentials.clone());
    }
    if let Some(endpoint) = &spec.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// As the team file says alone. The SDK's loader would still read endpoints, FIPS and profiles from the environment.
fn of_file(spec: &Spec, options: &Options, file: &Path) -> SdkConfig {
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Credentials, file)
        .build();
    let credentials = ProfileFileCredentialsProvider::builder()
        .profile_files(files)
        .profile_name(spec.profile.as_deref().unwrap_or("default"))
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region(spec))
        .retry_config(retries())
        .timeout_config(timeout(options))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(spec.endpoint.clone());
    config.build()
}
