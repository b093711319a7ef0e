//! The clients of one account and region: where they speak to. Who they are is [`Source`]'s.

use crate::meter::Meter;
use crate::options::Options;
use crate::source::{Place, Source};
use crate::tried::Tried;

/// An account and region to read.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// What people call it.
    pub name: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where AWS answers, if not at its own address: tests, the sandbox, private endpoints.
    pub endpoint: Option<String>,
    /// Where its credentials come from.
    pub credentials: Source,
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
    /// What came of what was asked.
    pub(crate) tried: Tried,
}

impl Clients {
    /// Makes them; no request is sent.
    pub(crate) async fn new(spec: &Spec, options: &Options) -> Self {
        let meter = Meter::new(options);
        let place = Place {
            region: &spec.region,
            endpoint: spec.endpoint.as_deref(),
        };
        let shared = spec.credentials.config(place, options).await;
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
            tried: Tried::default(),
        }
    }
}
