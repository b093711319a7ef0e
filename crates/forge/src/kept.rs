//! Answers kept for a while, each asked for once at a time.
//!
//! Owns that callers who want the same thing share one request, and that an answer younger than asked for is not asked
//! for again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::clock::{Clock, Holds};
use crate::git::locked;

/// More answers than this are not kept: those that nobody waits for go.
const MAX_KEPT: usize = 4_096;

/// Answers by what was asked.
pub(crate) struct Kept<K, V> {
    clock: Clock,
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

type Slot<V> = tokio::sync::Mutex<Option<(Timestamp, V)>>;

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            slots: Mutex::default(),
        }
    }

    /// The answer: the kept one while it holds, else a new one. A caller who goes away frees the
    /// others to ask for themselves.
    pub(crate) async fn get(
        &self,
        key: K,
        holds: impl Fn(&V) -> Holds,
        ask: impl Future<Output = V>,
    ) -> V {
        let slot = {
            let mut slots = locked(&self.slots);
            if slots.len() >= MAX_KEPT {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            Arc::clone(slots.entry(key).or_default())
        };
        let wanted = self.clock.now();
        let mut slot = slot.lock().await;
        if let Some((at, value)) = &*slot
            && (*at >= wanted || self.clock.holds(*at, holds(value)))
        {
            return value.clone();
        }
        let value = ask.await;
        *slot = Some((self.clock.now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_ask_once() {
        let second = Arc::new(AtomicI64::new(100));
        let now = Arc::clone(&second);
        let clock = Clock::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap());
        let kept = Kept::new(clock);
        let asked = AtomicUsize::new(0);
        let ask = || async {
            tokio::task::yield_now().await;
            asked.fetch_add(1, Ordering::SeqCst)
        };
        let minute = |_: &usize| Holds::For(Duration::from_secs(60));
        let all = futures::future::join_all((0..20).map(|_| kept.get("k", minute, ask()))).await;
        assert_eq!(all, [0; 20]);
        second.fetch_add(60, Ordering::SeqCst);
        assert_eq!(kept.get("k", minute, ask()).await, 0);
        second.fetch_add(1, Ordering::SeqCst);
        assert_eq!(kept.get("k", minute, ask()).await, 1);
        assert_eq!(kept.get("other", minute, ask()).await, 2);
    }
}
