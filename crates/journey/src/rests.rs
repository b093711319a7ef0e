//! What the parts of a board rest on, so that only those are evaluated again that a change touches.
//!
//! Owns the way back from what was looked at to who looked, what all parts want together, and which of them change by
//! themselves at what time. Knows nothing of what a part is.

use std::collections::{BTreeMap, BTreeSet};

use facts::Want;
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::trace::{Mark, Seen};

/// One part of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// What is found of a workload.
    Found(u32),
    /// What a target tells the board.
    Told(u32),
    /// What is found of workloads that something applied and that are gone.
    Lost(u32),
    /// What is not there of what something applied.
    Absence(u32),
}

/// Who looked at one thing: mostly one or two.
#[derive(Debug)]
enum Lookers {
    One(Part),
    Many(Vec<Part>),
}

/// What one part saw, and whether its marks lead back to it yet.
#[derive(Default)]
struct Kept {
    seen: Seen,
    is_listed: bool,
}

/// What every part rests on. The way back from marks to parts is made when it is first asked for: a board from nothing is
/// shown before that.
#[derive(Default)]
pub struct Rests {
    parts: FxHashMap<Part, Kept>,
    lookers: FxHashMap<Mark, Lookers>,
    /// Parts whose marks do not lead back to them yet.
    unlisted: Vec<Part>,
    due: BTreeSet<(Timestamp, Part)>,
    wants: BTreeMap<Want, u32>,
}

impl Rests {
    /// Whether nothing was evaluated yet.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// A part was evaluated and rests on this from now on.
    pub fn on(&mut self, part: Part, mut seen: Seen) {
        let Kept {
            seen: before,
            is_listed,
        } = self.parts.remove(&part).unwrap_or_default();
        if before.changes_at != seen.changes_at {
            if let Some(at) = before.changes_at {
                self.due.remove(&(at, part));
            }
            if let Some(at) = seen.changes_at {
                self.due.insert((at, part));
            }
        }
        if before.wants != seen.wants {
            for want in &seen.wants {
                *self.wants.entry(want.clone()).or_default() += 1;
            }
            for want in &before.wants {
                if let Some(count) = self.wants.get_mut(want) {
                    *count -= 1;
                    if *count == 0 {
                        self.wants.remove(want);
                    }
                }
            }
        }
        if is_listed {
            seen.order();
            self.relist(part, &before.marks, &seen.marks);
        } else {
            self.unlisted.push(part);
        }
        self.parts.insert(part, Kept { seen, is_listed });
    }

    /// A part is no more.
    pub fn forget(&mut self, part: Part) {
        self.on(part, Seen::default());
        self.parts.remove(&part);
    }

    /// Makes the way back for what was evaluated and has none: the first change finds it made.
    pub fn list(&mut self) {
        for part in std::mem::take(&mut self.unlisted) {
            let Some(mut kept) = self.parts.remove(&part) else {
                continue;
            };
            if !kept.is_listed {
                kept.seen.order();
                self.relist(part, &[], &kept.seen.marks);
                kept.is_listed = true;
            }
            self.parts.insert(part, kept);
        }
    }

    /// The parts that looked at one of these.
    pub fn touched(&mut self, marks: &[Mark]) -> BTreeSet<Part> {
        if marks.is_empty() {
            return BTreeSet::new();
        }
        self.list();
        let mut parts = BTreeSet::new();
        for mark in marks {
            match self.lookers.get(mark) {
                None => {}
                Some(Lookers::One(part)) => {
                    parts.insert(*part);
                }
                Some(Lookers::Many(many)) => parts.extend(many),
            }
        }
        parts
    }

    /// A part looked at other things than before. Both are in order: what is in both stays.
    fn relist(&mut self, part: Part, before: &[Mark], now: &[Mark]) {
        if before == now {
            return;
        }
        let is_in = |marks: &[Mark], mark: &Mark| marks.binary_search(mark).is_ok();
        for mark in before.iter().filter(|one| !is_in(now, one)) {
            self.leave(*mark, part);
        }
        for mark in now.iter().filter(|one| !is_in(before, one)) {
            self.join(*mark, part);
        }
    }

    /// The parts whose time has come.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = Part> {
        let due = self.due.iter().take_while(move |(at, _)| *at <= now);
        due.map(|(_, part)| *part)
    }

    /// When the first of them changes by itself.
    pub fn changes_at(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What all of them want.
    pub fn wants(&self) -> BTreeSet<Want> {
        self.wants.keys().cloned().collect()
    }

    fn join(&mut self, mark: Mark, part: Part) {
        match self.lookers.get_mut(&mark) {
            None => {
                self.lookers.insert(mark, Lookers::One(part));
            }
            Some(Lookers::Many(many)) => many.push(part),
            Some(one @ Lookers::One(_)) => {
                if let Lookers::One(first) = *one {
                    *one = Lookers::Many(vec![first, part]);
                }
            }
        }
    }

    fn leave(&mut self, mark: Mark, part: Part) {
        let is_empty = match self.lookers.get_mut(&mark) {
            None => false,
            Some(Lookers::One(one)) => *one == part,
            Some(Lookers::Many(many)) => {
                if let Some(at) = many.iter().position(|one| *one == part) {
                    many.swap_remove(at);
                }
                many.is_empty()
            }
        };
        if is_empty {
            self.lookers.remove(&mark);
        }
    }
}
