//! Listens to every request and answer: how many there were, and what time it is at AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_sdk_ecs::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use jiff::SignedDuration;

use crate::options::Clock;
use crate::time;

/// Counts the requests of an account's clients, and learns its clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    clock: Clock,
    told: Arc<Told>,
}

#[derive(Debug, Default)]
struct Told {
    requests: AtomicU64,
    /// Whole seconds: a Date header knows no parts of one.
    offset: AtomicI64,
}

impl Meter {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            told: Arc::default(),
        }
    }

    /// Requests that were sent since the beginning, every try counted.
    pub(crate) fn requests(&self) -> u64 {
        self.told.requests.load(Ordering::Relaxed)
    }

    /// AWS' clock minus ours.
    pub(crate) fn offset(&self) -> SignedDuration {
        SignedDuration::from_secs(self.told.offset.load(Ordering::Relaxed))
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
        self.told.requests.fetch_add(1, Ordering::Relaxed);
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
            let offset = theirs.duration_since(self.clock.now()).as_secs();
            // Half a second of rounding is no offset.
            let offset = if offset.abs() <= 1 { 0 } else { offset };
            self.told.offset.store(offset, Ordering::Relaxed);
        }
        Ok(())
    }
}
