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

/// What every part rests on.
#[derive(Default)]
pub struct Rests {
    parts: FxHashMap<Part, Seen>,
    lookers: FxHashMap<Mark, Lookers>,
    due: BTreeSet<(Timestamp, Part)>,
    wants: BTreeMap<Want, u32>,
}

impl Rests {
    /// A part was evaluated and rests on this from now on.
    pub fn on(&mut self, part: Part, seen: Seen) {
        let before = self.parts.remove(&part).unwrap_or_default();
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
        if before.marks != seen.marks {
            // Both are in order: what is in both stays.
            let is_in = |marks: &[Mark], mark: &Mark| marks.binary_search(mark).is_ok();
            for mark in before.marks.iter().filter(|one| !is_in(&seen.marks, one)) {
                self.leave(*mark, part);
            }
            for mark in seen.marks.iter().filter(|one| !is_in(&before.marks, one)) {
                self.join(*mark, part);
            }
        }
        self.parts.insert(part, seen);
    }

    /// A part is no more.
    pub fn forget(&mut self, part: Part) {
        self.on(part, Seen::default());
        self.parts.remove(&part);
    }

    /// The parts that looked at one of these.
    pub fn touched(&self, marks: &[Mark]) -> BTreeSet<Part> {
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
