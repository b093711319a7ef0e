//! Which wants are open, under way and answered: so that each is fetched once, refreshed in time, and never in a loop.
//!
//! Owns every answer and what becomes of it: a good one stays beside a later gap, and what no reader has a claim on is
//! neither refreshed nor kept for long. Pure bookkeeping; the evaluation does the fetching. Time is given as an instant.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use facts::{Coverage, Found, Want};
use jiff::Timestamp;

use crate::freshness::{Worth, after_failure, again, worth};

/// How many wants are fetched at once: enough to hide a registry's latency, few enough to be a polite client.
const AT_ONCE: usize = 8;
/// How long an answer is kept that nobody has a claim on: a person who comes back to an ask finds it answered.
const KEPT_UNWATCHED: Duration = Duration::from_secs(300);
/// How long it holds that no code host's API knows a commit: asking costs a request for every repository.
const NOT_ON_HOSTS: Duration = Duration::from_secs(300);
/// The shortest beginning of a SHA that code hosts look up.
const SHORTEST_SHA: usize = 7;

/// Where every want stands.
#[derive(Debug, Default)]
pub struct WantBook {
    entries: BTreeMap<Want, Entry>,
    waiting: VecDeque<Want>,
    under_way: usize,
    /// Claimed again after their time: what they hold is shown, and is not yet the answer.
    reopened: BTreeSet<Want>,
    /// Those whose last attempt failed.
    failed: BTreeSet<Want>,
    /// When the next one is due, as long as nothing changes.
    next_due: Option<Option<Instant>>,
}

/// A want to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// The want.
    pub want: Want,
    /// Whether a code host's API is asked for a commit that no copy of any repository has.
    pub further: bool,
}

/// What was read before and could not be read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    /// Why not.
    pub why: Coverage,
    /// When it was read; absent if it never was, and the facts have no place for the gap.
    pub read_at: Option<Timestamp>,
}

/// Where one want stands.
#[derive(Debug, Default)]
struct Entry {
    step: Step,
    /// What the facts hold: the last answer, or the last one that was no gap.
    found: Option<Found>,
    /// When `found` was read.
    read_at: Option<Timestamp>,
    /// Why the last attempt failed, if it did.
    gap: Option<Coverage>,
    /// Failures in a row.
    failures: u32,
    /// When it is asked again.
    due: Option<Instant>,
    /// Since when no reader has a claim.
    unwatched: Option<Instant>,
    /// No copy has the commit, and it is not settled yet whether a code host is to be asked.
    held: bool,
    /// Whether code hosts are asked too.
    further: bool,
    /// When they last were.
    further_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Idle,
    Waiting,
    UnderWay,
}

impl WantBook {
    /// A reader wants it: fetched if it was not, or too long ago. What is known of it already.
    pub fn claim(&mut self, want: &Want, now: Instant) -> Option<Found> {
        self.next_due = None;
        let entry = self.entries.entry(want.clone()).or_default();
        let was_unwatched = entry.unwatched.take().is_some();
        let is_old = entry.due.is_some_and(|due| due <= now);
        if entry.step == Step::Idle && (is_old || (entry.found.is_none() && !entry.held)) {
            // While somebody watched, it was renewed in time.
            if entry.found.is_some() && was_unwatched {
                self.reopened.insert(want.clone());
            } else {
                self.reopened.remove(want);
            }
            entry.step = Step::Waiting;
            self.waiting.push_back(want.clone());
        }
        entry.found.clone()
    }

    /// Says which wants readers have claims on; the others are not asked again, and forgotten after a while.
    pub fn watched(&mut self, wants: &BTreeSet<&Want>, now: Instant) {
        self.next_due = None;
        for (want, entry) in &mut self.entries {
            if wants.contains(want) {
                entry.unwatched = None;
            } else {
                entry.unwatched.get_or_insert(now);
                if entry.step == Step::Waiting {
                    entry.step = Step::Idle;
                }
            }
        }
        let (reopened, failed) = (&mut self.reopened, &mut self.failed);
        self.entries.retain(|want, entry| {
            let Some(since) = entry.unwatched else {
                return true;
            };
            let is_worth_keeping = entry.found.is_some() && since + KEPT_UNWATCHED > now;
            let is_kept = is_worth_keeping || entry.step == Step::UnderWay;
            if !is_kept {
                reopened.remove(want);
                failed.remove(want);
            }
            is_kept
        });
    }

    /// The next want to fetch, if the budget allows one more.
    pub fn next(&mut self) -> Option<Fetch> {
        if self.under_way >= AT_ONCE {
            return None;
        }
        loop {
            let want = self.waiting.pop_front()?;
            let Some(entry) = self.entries.get_mut(&want) else {
                continue;
            };
            // Nobody wants it any more, or it was queued twice.
            if entry.step != Step::Waiting {
                continue;
            }
            entry.step = Step::UnderWay;
            self.under_way += 1;
            let further = entry.further;
            return Some(Fetch { want, further });
        }
    }

    /// A want was answered, well or badly. What the facts are to hold now: its own answer unless an earlier one stays,
    /// and those that waited for it.
    pub fn answered(
        &mut self,
        want: Want,
        found: Found,
        now: Instant,
        at: Timestamp,
    ) -> Vec<(Want, Found)> {
        self.under_way = self.under_way.saturating_sub(1);
        self.next_due = None;
        let Some(entry) = self.entries.get_mut(&want) else {
            return Vec::new();
        };
        entry.step = Step::Idle;
        let worth = worth(&found);
        if worth == Worth::Negative && entry.is_to_be_looked_up_further(&want, now) {
            entry.held = true;
            return self.settle(&want, now, at);
        }
        entry.held = false;
        if entry.further && worth == Worth::Negative {
            // What no code host knows is not asked there again for a while.
            entry.further = false;
            entry.further_at = Some(now);
        }
        let was_away = matches!(entry.gap, Some(Coverage::Unreachable { .. }));
        let branches_before = heads(entry.found.as_ref());
        let placed = entry.take(&want, found, &worth, now, at);
        self.reopened.remove(&want);
        if entry.gap.is_some() {
            self.failed.insert(want.clone());
        } else {
            self.failed.remove(&want);
        }
        let branches = heads(placed.as_ref());
        let is_answer = !matches!(worth, Worth::Gap(_));
        if is_answer && was_away {
            self.retry_what_was_away(now);
        }
        if let Want::Repository { repository } = &want
            && branches.is_some()
            && branches != branches_before
        {
            // Something was pushed: it may be what another answer lacked.
            self.make_due(now, |of, entry| {
                of_history(of) == Some(repository) && entry.is_negative()
            });
        }
        let mut news: Vec<(Want, Found)> = placed
            .map(|found| (want.clone(), found))
            .into_iter()
            .collect();
        news.extend(self.settle(&want, now, at));
        news
    }

    /// After an outage what could not be read is asked again, and what was pushed meanwhile: that costs Git alone.
    pub fn came_back(&mut self, now: Instant) {
        self.retry_what_was_away(now);
        self.make_due(now, |want, _| {
            matches!(want, Want::Repository { .. } | Want::Declared { .. })
        });
    }

    /// The fetch of a want broke: it is tried again.
    pub fn broke(&mut self, want: &Want, now: Instant) {
        self.next_due = None;
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(entry) = self.entries.get_mut(want) {
            entry.step = Step::Idle;
            entry.failures = entry.failures.saturating_add(1);
            entry.due = Some(now + after_failure(&Coverage::NotAsked, entry.failures));
        }
    }

    /// Whether it is still to be answered, for the first time or after too long.
    pub fn is_open(&self, want: &Want) -> bool {
        self.entries
            .get(want)
            .is_none_or(|entry| entry.found.is_none())
            || self.reopened.contains(want)
    }

    /// What was claimed again after its time and is not answered yet.
    pub fn reopened(&self) -> impl Iterator<Item = &Want> {
        self.reopened.iter()
    }

    /// What could not be read when it was last tried.
    pub fn failed(&self) -> impl Iterator<Item = &Want> {
        self.failed.iter()
    }

    /// Why a want is not as fresh as it should be, where the facts don't say so.
    pub fn overdue(&self, want: &Want) -> Option<Overdue> {
        let entry = self.entries.get(want)?;
        let why = entry.gap.clone()?;
        let is_in_facts = entry
            .found
            .as_ref()
            .is_some_and(|found| matches!(worth(found), Worth::Gap(_)));
        let has_no_place = matches!(entry.found, Some(Found::RepositoryGap { .. }));
        (!is_in_facts || has_no_place).then_some(Overdue {
            why,
            read_at: if is_in_facts { None } else { entry.read_at },
        })
    }

    /// Queues what was answered too long ago, and returns when the next one is due.
    pub fn refresh(&mut self, now: Instant) -> Option<Instant> {
        if let Some(known) = self.next_due
            && known.is_none_or(|due| due > now)
        {
            return known;
        }
        let mut next: Option<Instant> = None;
        for (want, entry) in &mut self.entries {
            if entry.step != Step::Idle || entry.unwatched.is_some() {
                continue;
            }
            let Some(due) = entry.due else {
                continue;
            };
            if due <= now {
                entry.step = Step::Waiting;
                self.waiting.push_back(want.clone());
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.next_due = Some(next);
        next
    }

    fn retry_what_was_away(&mut self, now: Instant) {
        self.make_due(now, |_, entry| {
            matches!(entry.gap, Some(Coverage::Unreachable { .. }))
        });
    }

    fn make_due(&mut self, now: Instant, which: impl Fn(&Want, &Entry) -> bool) {
        self.next_due = None;
        for (want, entry) in &mut self.entries {
            if entry.step == Step::Idle && which(want, entry) {
                entry.due = Some(now);
            }
        }
    }

    /// Settles those repositories that lack the beginning of a SHA which others were asked for too: if one has it, the
    /// rest stand for nothing; if all have been asked and none has it, code hosts are.
    fn settle(&mut self, answered: &Want, now: Instant, at: Timestamp) -> Vec<(Want, Found)> {
        let Want::Resolve { text, .. } = answered else {
            return Vec::new();
        };
        let same = |want: &Want| matches!(want, Want::Resolve { text: other, .. } if other == text);
        let mut is_found = false;
        let mut is_asked_everywhere = true;
        for (_, entry) in self.entries.iter().filter(|(want, _)| same(want)) {
            is_found |= entry
                .found
                .as_ref()
                .is_some_and(|found| worth(found) == Worth::Good);
            is_asked_everywhere &= entry.held || entry.found.is_some();
        }
        if !is_found && !is_asked_everywhere {
            return Vec::new();
        }
        let mut news = Vec::new();
        for (want, entry) in &mut self.entries {
            if !same(want) || !entry.held {
                continue;
            }
            entry.held = false;
            if is_found {
                if let Want::Resolve { repository, text } = want {
                    let none = Found::Resolve {
                        repository: repository.clone(),
                        text: text.clone(),
                        resolved: Vec::new(),
                    };
                    let placed = entry.take(want, none, &Worth::Negative, now, at);
                    self.reopened.remove(want);
                    self.failed.remove(want);
                    news.extend(placed.map(|found| (want.clone(), found)));
                }
            } else {
                entry.further = true;
                if entry.step == Step::Idle {
                    entry.step = Step::Waiting;
                    self.waiting.push_back(want.clone());
                }
            }
        }
        news
    }
}

impl Entry {
    /// Takes an answer in; what the facts are to hold now, unless what they hold stays.
    fn take(
        &mut self,
        want: &Want,
        found: Found,
        worth: &Worth,
        now: Instant,
        at: Timestamp,
    ) -> Option<Found> {
        let after = match worth {
            Worth::Gap(coverage) => {
                self.failures = self.failures.saturating_add(1);
                self.gap = Some(coverage.clone());
                again(want, &found, self.failures)
            }
            Worth::Good | Worth::Negative => {
                self.failures = 0;
                self.gap = None;
                self.read_at = Some(at);
                again(want, &found, 0)
            }
        };
        self.due = after.map(|after| now + after);
        if let Worth::Gap(coverage) = worth
            && !matches!(coverage, Coverage::Denied { .. })
            && self
                .found
                .as_ref()
                .is_some_and(|known| !matches!(crate::freshness::worth(known), Worth::Gap(_)))
        {
            return None;
        }
        self.found = Some(found.clone());
        Some(found)
    }

    fn is_negative(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| worth(found) == Worth::Negative)
    }

    /// Whether a code host may know a commit that this copy does not have, and was not asked lately.
    fn is_to_be_looked_up_further(&self, want: &Want, now: Instant) -> bool {
        let Want::Resolve { text, .. } = want else {
            return false;
        };
        let is_sha = (SHORTEST_SHA..=40).contains(&text.len())
            && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_sha && !self.further && self.further_at.is_none_or(|at| at + NOT_ON_HOSTS <= now)
    }
}

/// The heads that a repository's answer names.
fn heads(found: Option<&Found>) -> Option<BTreeMap<String, String>> {
    match found {
        Some(Found::Repository { head, .. }) if head.coverage.is_whole() => {
            Some(head.branches.clone())
        }
        _ => None,
    }
}

/// The repository whose history answers a want.
fn of_history(want: &Want) -> Option<&String> {
    match want {
        Want::Resolve { repository, .. }
        | Want::Commit { repository, .. }
        | Want::Relation { repository, .. }
        | Want::Touched { repository, .. }
        | Want::Concern { repository, .. }
        | Want::Changes { repository, .. }
        | Want::Declared { repository, .. } => Some(repository),
        Want::Repository { .. }
        | Want::Ci { .. }
        | Want::Pulls { .. }
        | Want::OpenPulls { .. }
        | Want::Tags { .. }
        | Want::Digest { .. }
        | Want::Image { .. } => None,
    }
}

#[cfg(test)]
mod tests;
