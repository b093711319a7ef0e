//! A value that ends, kept fresh by one request at a time for however many ask.
//!
//! Owns the single flight: whoever asks while one is under way gets what comes of it, its failure too. A value that ends
//! soon is made anew behind the backs of those who use it; none who ask can cut a request short by going away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::failure::Why;
use crate::no_credentials::NoCredentials;
use crate::options::Clock;
use crate::plan::{Pace, Plan};

/// Who makes the value.
#[async_trait]
pub(crate) trait Maker<T>: Send + Sync {
    /// A new one, and by our clock when it ends.
    async fn make(&self) -> Result<(T, Timestamp), NoCredentials>;
}

/// The value, and what is known of it. Copies share it.
pub(crate) struct Fresh<T>(Arc<Inner<T>>);

struct Inner<T> {
    maker: Arc<dyn Maker<T>>,
    clock: Clock,
    pace: Pace,
    /// Held by the one who asks.
    turn: Arc<tokio::sync::Mutex<()>>,
    held: Mutex<Held<T>>,
}

struct Held<T> {
    plan: Plan,
    value: Option<T>,
    failure: Option<NoCredentials>,
    /// Whose it is: what was asked for before it was forgotten belongs to nobody.
    era: u64,
}

/// What there is.
enum Look<T> {
    Usable(T),
    /// It can be used, and it is time for the next.
    Aging(T),
    /// It is not time to ask again.
    Failed(NoCredentials),
    Missing,
}

impl<T> Clone for Fresh<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + 'static> Fresh<T> {
    pub(crate) fn new(maker: Arc<dyn Maker<T>>, clock: Clock, pace: Pace) -> Self {
        Self(Arc::new(Inner {
            maker,
            clock,
            pace,
            turn: Arc::default(),
            held: Mutex::new(Held {
                plan: Plan::new(pace),
                value: None,
                failure: None,
                era: 0,
            }),
        }))
    }

    /// One that can be used now. Must be called inside a Tokio runtime.
    pub(crate) async fn get(&self) -> Result<T, NoCredentials> {
        match self.0.look() {
            Look::Usable(value) => Ok(value),
            Look::Aging(value) => {
                if let Ok(turn) = Arc::clone(&self.0.turn).try_lock_owned() {
                    let inner = Arc::clone(&self.0);
                    tokio::spawn(async move {
                        let _turn = turn;
                        // Its failure is kept, and said once nothing can be used any more.
                        let _ = inner.renew().await;
                    });
                }
                Ok(value)
            }
            Look::Failed(failure) => Err(failure),
            Look::Missing => {
                let inner = Arc::clone(&self.0);
                let asked = tokio::spawn(async move {
                    let _turn = inner.turn.lock().await;
                    // Whoever had the turn before may have brought it, or was refused.
                    match inner.look() {
                        Look::Usable(value) | Look::Aging(value) => Ok(value),
                        Look::Failed(failure) => Err(failure),
                        Look::Missing => inner.renew().await,
                    }
                });
                let ended = |_| NoCredentials::interrupted("the request for credentials was ended");
                asked.await.map_err(ended)?
            }
        }
    }

    /// It came by another way.
    pub(crate) fn put(&self, value: T, until: Timestamp) {
        let now = self.0.clock.now();
        let mut held = self.0.held();
        held.plan.given(now, until);
        held.failure = None;
        held.value = Some(value);
    }

    /// Something changed that a refusal depends on: it is asked for at the next call.
    pub(crate) fn reconsider(&self) {
        self.0.held().plan.reconsider();
    }

    /// Whoever it was shown to says that it has ended.
    pub(crate) fn doubt(&self) {
        let now = self.0.clock.now();
        let mut held = self.0.held();
        if held.plan.doubt(now) {
            held.value = None;
            held.failure = None;
        }
    }

    /// By our clock, when the one that there is ends; `None` where there is none.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        let held = self.0.held();
        held.value.as_ref().and(held.plan.until())
    }

    /// Which one's it is: another number, and what was made of it before is not to be used either.
    pub(crate) fn era(&self) -> u64 {
        self.0.held().era
    }

    /// It is not to be used any more, not even the one that is under way.
    pub(crate) fn forget(&self) {
        let mut held = self.0.held();
        *held = Held {
            plan: Plan::new(self.0.pace),
            value: None,
            failure: None,
            era: held.era.wrapping_add(1),
        };
    }
}

impl<T: Clone> Inner<T> {
    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> Look<T> {
        let now = self.clock.now();
        let held = self.held();
        let value = held.value.clone().filter(|_| held.plan.is_usable(now));
        match (value, held.plan.is_due(now)) {
            (Some(value), false) => Look::Usable(value),
            (Some(value), true) => Look::Aging(value),
            (None, false) => match held.failure.clone() {
                Some(failure) => Look::Failed(failure),
                None => Look::Missing,
            },
            (None, true) => Look::Missing,
        }
    }

    /// Makes it anew; only whoever has the turn does.
    async fn renew(&self) -> Result<T, NoCredentials> {
        let era = self.held().era;
        let made = self.maker.make().await;
        let now = self.clock.now();
        let mut held = self.held();
        if held.era != era {
            return Err(NoCredentials::interrupted(
                "the sign-in changed while credentials were asked for",
            ));
        }
        match made {
            Ok((value, until)) => {
                held.plan.given(now, until);
                held.failure = None;
                held.value = Some(value.clone());
                Ok(value)
            }
            Err(failure) => {
                // Nobody is signed in: what they had is not used in their absence.
                if failure.why == Why::SignedOut {
                    held.value = None;
                    held.plan = Plan::new(self.pace);
                    held.era = held.era.wrapping_add(1);
                }
                if failure.may_pass {
                    held.plan.unanswered(now);
                } else {
                    held.plan.refused(now);
                }
                held.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }
}
