//! The clients of one account and region: where they speak to, and who they are.
//!
//! Owns that credentials come from the caller, a named profile or the SDK's own chain, never from a file of ours.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};

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
    /// The profile of `~/.aws/config`; absent: the SDK's default chain.
    pub profile: Option<String>,
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
        let timeout = TimeoutConfig::builder()
            .operation_timeout(options.answer_within)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(spec.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(timeout);
        if let Some(profile) = &spec.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(credentials) = &options.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        if let Some(endpoint) = &spec.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
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
