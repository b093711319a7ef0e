//! A subscription: the newest value of something live, and whether more is still being read for it.
//!
//! Owns the pair of ends. A slow reader gets the newest value, never a queue; dropping the subscription ends the work
//! that was done for it alone.

use std::time::Duration;

use tokio::sync::watch;

/// A value as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Update<T> {
    /// The value.
    pub value: T,
    /// Whether every fact it wants has been read, or could not be.
    pub settled: bool,
}

/// The reader's end.
pub struct Subscription<T>(watch::Receiver<Option<Update<T>>>);

/// The evaluation's end.
pub struct Publisher<T>(watch::Sender<Option<Update<T>>>);

/// Makes the pair.
pub fn channel<T>() -> (Subscription<T>, Publisher<T>) {
    let (sender, receiver) = watch::channel(None);
    (Subscription(receiver), Publisher(sender))
}

impl<T: Clone> Subscription<T> {
    /// Waits for the next value that differs from the last one seen; `None` when there will be none.
    pub async fn next(&mut self) -> Option<Update<T>> {
        self.0.changed().await.ok()?;
        self.0.borrow_and_update().clone()
    }

    /// Waits until everything wanted is read, for at most `patience`; then the value as it is. `None` when there is
    /// none and will be none.
    pub async fn settled(&mut self, patience: Duration) -> Option<T> {
        let settled = async { while self.next().await.is_some_and(|update| !update.settled) {} };
        let _late = tokio::time::timeout(patience, settled).await;
        if self.0.borrow().is_none() {
            // Nothing at all yet: the first evaluation is what we wait for, however long it takes.
            return self.next().await.map(|update| update.value);
        }
        self.0.borrow().clone().map(|update| update.value)
    }
}

impl<T: PartialEq> Publisher<T> {
    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    /// Gives readers the value, if it says anything new.
    pub fn publish(&self, value: T, settled: bool) {
        let update = Some(Update { value, settled });
        self.0.send_if_modified(|known| {
            let new = *known != update;
            if new {
                *known = update;
            }
            new
        });
    }
}
