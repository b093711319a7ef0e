//! Which wants are open, under way and answered: so that each is fetched once, refreshed in time, and never in a loop.
//!
//! Pure bookkeeping; the evaluation does the fetching. Time is given as an instant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use facts::Want;

/// How many wants are fetched at once: enough to hide a registry's latency, few enough to be a polite client.
const AT_ONCE: usize = 8;

/// Where every want stands.
#[derive(Debug, Default)]
pub struct WantBook {
    waiting: VecDeque<Want>,
    queued: BTreeSet<Want>,
    under_way: BTreeSet<Want>,
    answered: BTreeMap<Want, Instant>,
}

impl WantBook {
    /// Takes in what one evaluation of everything wants.
    pub fn want(&mut self, wants: &BTreeSet<Want>) {
        for want in wants {
            if !self.answered.contains_key(want)
                && !self.under_way.contains(want)
                && self.queued.insert(want.clone())
            {
                self.waiting.push_back(want.clone());
            }
        }
    }

    /// The next want to fetch, if the budget allows one more.
    pub fn next(&mut self) -> Option<Want> {
        if self.under_way.len() >= AT_ONCE {
            return None;
        }
        let want = self.waiting.pop_front()?;
        self.queued.remove(&want);
        self.under_way.insert(want.clone());
        Some(want)
    }

    /// A want was answered, well or badly.
    pub fn answered(&mut self, want: Want, at: Instant) {
        self.under_way.remove(&want);
        self.answered.insert(want, at);
    }

    /// Whether any of these wants is still to be answered for the first time.
    pub fn is_open(&self, wants: &BTreeSet<Want>) -> bool {
        wants.iter().any(|want| !self.answered.contains_key(want))
    }

    /// Queues what was answered too long ago, and returns when the next one is due.
    pub fn refresh(&mut self, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut due = Vec::new();
        for (want, at) in &self.answered {
            let Some(after) = fresh_for(want) else {
                continue;
            };
            if self.under_way.contains(want) || self.queued.contains(want) {
                continue;
            }
            let when = *at + after;
            if when <= now {
                due.push(want.clone());
            } else {
                next = Some(next.map_or(when, |next| next.min(when)));
            }
        }
        for want in due {
            self.queued.insert(want.clone());
            self.waiting.push_back(want);
        }
        next
    }
}

/// How long an answer is good for; `None` for those that never change.
fn fresh_for(want: &Want) -> Option<Duration> {
    let seconds = match want {
        Want::Relation { .. } | Want::Touched { .. } | Want::Image { .. } => return None,
        // A push should be noticed while somebody watches.
        Want::Repository { .. }
        | Want::Resolve { .. }
        | Want::Declared { .. }
        | Want::Ci { .. } => 15,
        Want::Tags { .. } | Want::Pulls { .. } | Want::OpenPulls { .. } => 30,
        Want::Digest { .. } | Want::Commit { .. } => 60,
    };
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(repository: &str) -> Want {
        Want::Repository {
            repository: repository.to_owned(),
        }
    }

    fn set(wants: &[Want]) -> BTreeSet<Want> {
        wants.iter().cloned().collect()
    }

    #[test]
    fn a_want_is_fetched_once_however_often_it_is_wanted() {
        let mut book = WantBook::default();
        book.want(&set(&[head("a")]));
        book.want(&set(&[head("a")]));
        assert_eq!(book.next(), Some(head("a")));
        book.want(&set(&[head("a")]));
        assert_eq!(book.next(), None);
        book.answered(head("a"), Instant::now());
        book.want(&set(&[head("a")]));
        assert_eq!(
            book.next(),
            None,
            "an answered want is not fetched again before its time"
        );
    }

    #[test]
    fn what_can_change_is_refreshed_and_what_cannot_is_not() {
        let mut book = WantBook::default();
        let for_ever = Want::Image {
            repository: "r".to_owned(),
            digest: "d".to_owned(),
        };
        book.want(&set(&[head("a"), for_ever]));
        let begin = Instant::now();
        while let Some(want) = book.next() {
            book.answered(want, begin);
        }
        assert_eq!(book.refresh(begin), Some(begin + Duration::from_secs(15)));
        book.refresh(begin + Duration::from_secs(16));
        assert_eq!(book.next(), Some(head("a")));
        assert_eq!(book.next(), None);
    }

    #[test]
    fn the_budget_holds() {
        let mut book = WantBook::default();
        let many: Vec<_> = (0..30).map(|n| head(&n.to_string())).collect();
        book.want(&set(&many));
        assert_eq!(std::iter::from_fn(|| book.next()).count(), AT_ONCE);
        assert!(book.is_open(&set(&many)));
    }
}
