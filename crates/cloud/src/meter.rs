//! Listens to every request and answer: how many there were, and what time it is at AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecs::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use jiff::SignedDuration;

use crate::options::{Clock, Options};
use crate::skew::Skew;
use crate::time;

/// Counts the requests of some clients, and learns AWS' clock.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    clock: Clock,
    skew: Skew,
    requests: Arc<AtomicU64>,
}

impl Meter {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            clock: options.clock.clone(),
            skew: options.skew.clone(),
            requests: Arc::default(),
        }
    }

    /// Requests that were sent since the beginning, every try counted.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// AWS' clock minus ours.
    pub(crate) fn offset(&self) -> SignedDuration {
        self.skew.offset()
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "landfall-meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let header = context.response().headers().get("date");
        if let Some(theirs) = header.and_then(time::of_header) {
            self.skew.learn(theirs, self.clock.now());
        }
        Ok(())
    }
}
