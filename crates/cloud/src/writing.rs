//! The one way to change something in an account: one request, sent once, and what came of it.
//!
//! Owns what goes out for a change, and which answers mean that nothing changed. Decides nothing: what is sent is a plan's,
//! and who may send it is asked before. ECS compares nothing before it writes, so whoever sends looks right before it. Only
//! the hands of an action's run send; a test of the repository's rules holds that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::headline::plain;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::account::Account;
use crate::failure::Failure;

/// The most characters of what ECS is told as the reason why a task was stopped: it takes 255.
const LONGEST_REASON: usize = 200;
/// Codes by which ECS says that what is to be changed is not there any more.
const GONE: [&str; 4] = [
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "ClusterNotFoundException",
    "TaskNotFoundException",
];

/// One change in an ECS cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsWrite {
    /// The ECS cluster.
    pub cluster: String,
    /// What becomes what.
    pub change: EcsWriteKind,
}

/// What an [`EcsWrite`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EcsWriteKind {
    /// A service begins a new deployment of what it runs.
    ForceDeployment {
        /// The service.
        service: String,
    },
    /// A service runs so many tasks.
    DesiredCount {
        /// The service.
        service: String,
        /// How many.
        count: i32,
    },
    /// A service runs that revision.
    TaskDefinition {
        /// The service.
        service: String,
        /// The revision's ARN.
        arn: String,
    },
    /// A task is stopped.
    StopTask {
        /// Its id.
        task: String,
        /// What ECS is told, and tells others.
        reason: String,
    },
}

/// What AWS answered to a change that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcsWritten {
    /// The id of the service's PRIMARY deployment after it: the one that it began, where it began one.
    pub deployment: Option<String>,
    /// AWS' own id of the request.
    pub request: Option<String>,
}

/// How far a change came that was not made, or that nobody knows of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EcsWriteFailure {
    /// AWS says no, in its own words. Nothing changed.
    #[error("{why}")]
    Refused {
        /// Why.
        why: String,
        /// Whether what is to be changed is gone.
        moved: bool,
    },
    /// Nothing left this machine.
    #[error("nothing was sent: {why}")]
    NotSent {
        /// Why.
        why: String,
    },
    /// It was sent, and nobody knows what came of it.
    #[error("{why}")]
    Unknown {
        /// Why.
        why: String,
    },
}

/// Whether a request was handed to the network.
#[derive(Clone, Debug, Default)]
struct Left(Arc<AtomicBool>);

impl Intercept for Left {
    fn name(&self) -> &'static str {
        "landfall-left"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Release);
        Ok(())
    }
}

impl Account {
    /// Sends a change, once. The SDK does not try again either.
    ///
    /// # Errors
    /// How far it came.
    pub async fn send(&self, write: &EcsWrite) -> Result<EcsWritten, EcsWriteFailure> {
        if let Err(failure) = self.reads(&write.cluster) {
            let why = failure.message;
            return Err(EcsWriteFailure::NotSent { why });
        }
        let client = &self.clients().await.ecs;
        let left = Left::default();
        let once = || Builder::default().retry_config(RetryConfig::disabled());
        let update = |service: &str| {
            let asked = client.update_service();
            asked.cluster(&write.cluster).service(service)
        };
        let asked = match &write.change {
            EcsWriteKind::ForceDeployment { service } => update(service).force_new_deployment(true),
            EcsWriteKind::DesiredCount { service, count } => update(service).desired_count(*count),
            EcsWriteKind::TaskDefinition { service, arn } => update(service).task_definition(arn),
            EcsWriteKind::StopTask { task, reason } => {
                let asked = client.stop_task().cluster(&write.cluster).task(task);
                let asked = asked.reason(plain(reason, LONGEST_REASON)).customize();
                let sent = asked.config_override(once()).interceptor(left.clone());
                let answer = sent.send().await.map_err(|error| failed(&error, &left))?;
                return Ok(EcsWritten {
                    deployment: None,
                    request: answer.request_id().map(str::to_owned),
                });
            }
        };
        let asked = asked.customize();
        let sent = asked.config_override(once()).interceptor(left.clone());
        let answer = sent.send().await.map_err(|error| failed(&error, &left))?;
        let deployments = answer.service().map(|service| service.deployments());
        let mut deployments = deployments.unwrap_or_default().iter();
        let primary = deployments.find(|one| one.status() == Some("PRIMARY"));
        Ok(EcsWritten {
            deployment: primary.and_then(|one| one.id()).map(str::to_owned),
            request: answer.request_id().map(str::to_owned),
        })
    }
}

fn failed<E>(error: &SdkError<E, HttpResponse>, left: &Left) -> EcsWriteFailure
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let why = Failure::of(error).message;
    match error {
        _ if !left.0.load(Ordering::Acquire) || never_connected(error) => {
            EcsWriteFailure::NotSent { why }
        }
        // Who answers so has not done it; of a server's own fault nobody knows how far it came.
        SdkError::ServiceError(answer) if answer.raw().status().as_u16() < 500 => {
            let code = answer.err().code().unwrap_or_default();
            EcsWriteFailure::Refused {
                why,
                moved: GONE.contains(&code),
            }
        }
        _ => EcsWriteFailure::Unknown { why },
    }
}

/// Whether there was nobody to send it to: the other side would not even be spoken to.
fn never_connected<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: std::error::Error + Send + Sync + 'static,
{
    if !matches!(error, SdkError::DispatchFailure(_)) {
        return false;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(here) = cause {
        let refused = here.downcast_ref::<std::io::Error>();
        if refused.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = here.source();
    }
    false
}
