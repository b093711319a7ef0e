//! The board, kept from one evaluation to the next: a change costs what it touches, not the whole.
//!
//! Owns the parts that a board is made of and the order in which they are evaluated again: what is found of workloads,
//! what targets tell, what is absent. That it says exactly what one from nothing would say is a law of the trials.

mod numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::board::{Board, BoardRow, Unlinked};
use facts::meta::{Key, Kind};
use facts::{ClusterFacts, Facts, Team, Want};
use jiff::Timestamp;

use crate::BoardEvaluation;
use crate::board::{self, Told};
use crate::discover::{self, Found, Moved, Roll, Targets, instance_of, shared_names};
use crate::index::Index;
use crate::lost;
use crate::missing::{self, Absence, Applier};
use crate::place::Place;
use crate::rests::{Part, Rests};
use crate::trace::{Look, Mark, Trace, filled};
use crate::view::View;
use numbers::Numbers;

/// A board that stands while facts change.
#[derive(Default)]
pub struct Standing {
    team: Team,
    indexes: BTreeMap<String, Index>,
    parts: Parts,
}

impl Standing {
    /// The board from what is known. `found` are the wants whose answers have changed since the last time, `now` is the
    /// time by our own clock.
    pub fn board(&mut self, facts: &Facts, found: &[Want], now: Timestamp) -> BoardEvaluation {
        if self.team != facts.team || !self.indexes.keys().eq(facts.clusters.keys()) {
            let names = facts.clusters.keys();
            *self = Self {
                team: facts.team.clone(),
                indexes: names.map(|name| (name.clone(), Index::new(name))).collect(),
                parts: Parts::default(),
            };
        }
        let parts = &mut self.parts;
        let mut work = Work::default();
        let mut marks: Vec<Mark> = found.iter().flat_map(filled).collect();
        for (name, index) in &mut self.indexes {
            if let Some(known) = facts.clusters.get(name) {
                let before = Arc::clone(index.known());
                marks.extend(index.update(known));
                parts.come_and_gone(name, &before, known, &mut work);
            }
        }
        work.take(parts.rests.due(now));
        work.take(parts.rests.touched(&marks));
        let trace = Trace::new(true);
        let view = View::new(facts, &self.indexes, &trace, now, false);
        parts.evaluate(&view, work)
    }

    /// Gets ready for the next change, once the board is out: what it rests on is known by then, and has to lead back.
    pub fn settle(&mut self) {
        self.parts.rests.list();
    }

    /// How many parts the last evaluation had to evaluate: what a change costs, in work and not in time.
    pub fn evaluated(&self) -> usize {
        self.parts.evaluated
    }
}

/// The kinds that apply apps, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Applies {
    Release,
    Kustomization,
}

/// A workload that has a place in the roll: whether it is gone, its kind and key.
type Listed = (bool, Kind, Key);

/// What has to be evaluated again.
#[derive(Default)]
struct Work {
    found: BTreeSet<u32>,
    lost: BTreeSet<u32>,
    told: BTreeSet<u32>,
    absences: BTreeSet<u32>,
    /// Kustomizations that are there no more.
    left: Vec<(String, Key, u32)>,
    /// Names of charts have to be told from names of apps again.
    shared: bool,
}

impl Work {
    fn take(&mut self, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            match part {
                Part::Found(id) => self.found.insert(id),
                Part::Lost(id) => self.lost.insert(id),
                Part::Told(id) => self.told.insert(id),
                Part::Absence(id) => self.absences.insert(id),
            };
        }
    }
}

/// The parts of a board.
#[derive(Default)]
struct Parts {
    rests: Rests,
    /// Names that are charts' and not apps'.
    shared: BTreeSet<String>,
    roll: Roll,
    workloads: Numbers<Listed>,
    /// What is found of workloads that are gone, by cluster and workload, and by the Kustomizations that list it.
    lost: BTreeMap<(String, Kind, Key), BTreeMap<Key, Found>>,
    lost_by: BTreeMap<u32, Vec<(Kind, Key)>>,
    told: BTreeMap<u32, Told>,
    appliers: Numbers<(Applies, Key)>,
    /// Only what is absent.
    absences: BTreeMap<(String, Applies, Key), Absence>,
    rows: BTreeMap<String, Arc<BoardRow>>,
    environments: Vec<String>,
    unlinked: Vec<Unlinked>,
    evaluated: usize,
}

impl Parts {
    /// Workloads and what applies them that are new in a cluster, or are there no more.
    fn come_and_gone(
        &mut self,
        cluster: &str,
        before: &ClusterFacts,
        known: &ClusterFacts,
        work: &mut Work,
    ) {
        for change in known.workloads.since(&before.workloads) {
            let name = (false, change.key.0, change.key.1.clone());
            match (change.before, change.after) {
                (None, _) => {
                    work.found.insert(self.workloads.add(cluster, &name));
                }
                (Some(_), None) => {
                    // What was found of it is taken back below, with all that follows from that.
                    work.found.extend(self.workloads.remove(cluster, &name));
                }
                (Some(_), Some(_)) => {}
            }
            work.shared |= change.before.and_then(|one| instance_of(one))
                != change.after.and_then(|one| instance_of(one));
        }
        let releases = known.helm_releases.since(&before.helm_releases);
        let releases = releases.map(|one| {
            let is_there = (one.before.is_some(), one.after.is_some());
            ((Applies::Release, one.key.clone()), is_there)
        });
        let kustomizations = known.kustomizations.since(&before.kustomizations);
        let kustomizations = kustomizations.map(|one| {
            let is_there = (one.before.is_some(), one.after.is_some());
            ((Applies::Kustomization, one.key.clone()), is_there)
        });
        for (name, is_there) in releases.chain(kustomizations) {
            match is_there {
                (false, true) => {
                    let id = self.appliers.add(cluster, &name);
                    work.absences.insert(id);
                    if name.0 == Applies::Kustomization {
                        work.lost.insert(id);
                    }
                }
                (true, false) => {
                    if let Some(id) = self.appliers.remove(cluster, &name) {
                        self.rests.forget(Part::Absence(id));
                        let cluster = cluster.to_owned();
                        let absent = (cluster.clone(), name.0, name.1.clone());
                        self.absences.remove(&absent);
                        if name.0 == Applies::Kustomization {
                            self.rests.forget(Part::Lost(id));
                            work.left.push((cluster, name.1, id));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn evaluate(&mut self, view: &View<'_>, mut work: Work) -> BoardEvaluation {
        self.evaluated = 0;
        let mut moved = Moved::default();
        // From nothing, all is evaluated below anyway.
        let is_first = self.rests.is_empty();
        if work.shared {
            let shared = shared_names(view.places());
            drop(view.trace().take());
            if shared != self.shared {
                self.shared = shared;
                let there = self.workloads.all().filter(|((gone, ..), _)| !gone);
                work.found.extend(there.map(|(_, id)| id));
            }
        }
        for id in std::mem::take(&mut work.found) {
            self.find(view, id, &mut moved);
        }
        self.roll.settle(&mut moved);
        if !is_first {
            work.take(self.rests.touched(&moved.marks));
        }
        for (cluster, key, id) in std::mem::take(&mut work.left) {
            self.lose((&cluster, &key), id, Vec::new(), &mut moved);
        }
        self.look_for_lost(view, &std::mem::take(&mut work.lost), &mut moved);
        self.roll.settle(&mut moved);
        // None of what is gone rests on others that are.
        if !is_first {
            work.take(self.rests.touched(&moved.marks));
        }
        work.told.extend(moved.ids.iter().copied());
        let mut apps = std::mem::take(&mut moved.apps);

        let roll = std::mem::take(&mut self.roll);
        let all = Targets::new(view, &roll);
        // What making the targets ready looked at is nobody's in particular.
        drop(view.trace().take());
        for id in work.told {
            apps.extend(self.tell(view, &all, id));
        }
        for id in work.absences {
            self.miss(view, &all, id);
        }
        for app in apps {
            let told = roll.of_app(&app).filter_map(|id| self.told.get(&id));
            match board::row(&app, told) {
                Some(row) => self.rows.insert(app, Arc::new(row)),
                None => self.rows.remove(&app),
            };
        }
        if !moved.ids.is_empty() {
            self.environments = board::environments(view, roll.in_order());
            let is_unlinked = |found: &&Found| matches!(found.source, Ok(None));
            let unlinked = roll.in_order().filter(is_unlinked);
            self.unlinked = unlinked.map(board::unlinked).collect();
        }
        let mut unread = missing::unread(view, roll.in_order(), None);
        unread.extend(missing::said(self.absences.values(), |_, _| true));
        self.roll = roll;
        BoardEvaluation {
            board: Board {
                version: api::JSON_VERSION,
                environments: self.environments.clone(),
                rows: self.rows.values().cloned().collect(),
                unlinked: self.unlinked.clone(),
                unread,
            },
            wants: self.rests.wants(),
            changes_at: self.rests.changes_at(),
        }
    }

    fn find(&mut self, view: &View<'_>, id: u32, moved: &mut Moved) {
        let found = self
            .workloads
            .name(id)
            .and_then(|(cluster, (_, kind, key))| {
                let place = view.place(cluster)?;
                let workload = place.workload(*kind, key)?;
                discover::find(view, &self.shared, None, (place, workload))
            });
        let seen = view.trace().take();
        self.evaluated += 1;
        match self.workloads.name(id) {
            Some(_) => self.rests.on(Part::Found(id), seen),
            None => self.rests.forget(Part::Found(id)),
        }
        self.roll.put(id, found, moved);
    }

    /// What is found of the workloads that Kustomizations list and that are gone.
    fn look_for_lost(&mut self, view: &View<'_>, ids: &BTreeSet<u32>, moved: &mut Moved) {
        let roll = std::mem::take(&mut self.roll);
        let mut found = Vec::new();
        {
            let known = Targets::new(view, &roll);
            drop(view.trace().take());
            for id in ids {
                let Some((cluster, (_, key))) = self.appliers.name(*id) else {
                    continue;
                };
                let lost = view.place(cluster).and_then(|place| {
                    let one = place.kustomization(key)?;
                    Some(lost::find(view, &known, (place, one)))
                });
                self.evaluated += 1;
                self.rests.on(Part::Lost(*id), view.trace().take());
                found.push((
                    (cluster.to_owned(), key.clone()),
                    *id,
                    lost.unwrap_or_default(),
                ));
            }
        }
        self.roll = roll;
        for ((cluster, key), id, lost) in found {
            self.lose((&cluster, &key), id, lost, moved);
        }
    }

    /// Takes in what a Kustomization lists that is gone. What several list is found by the first of them.
    fn lose(&mut self, (cluster, by): (&str, &Key), id: u32, found: Vec<Found>, moved: &mut Moved) {
        let before = self.lost_by.remove(&id).unwrap_or_default();
        if before.is_empty() && found.is_empty() {
            return;
        }
        let named = |(kind, key): (Kind, Key)| (cluster.to_owned(), kind, key);
        for one in &before {
            if let Some(listed) = self.lost.get_mut(&named(one.clone())) {
                listed.remove(by);
            }
        }
        let mut touched: BTreeSet<(Kind, Key)> = before.into_iter().collect();
        let mut now = Vec::new();
        for one in found {
            let name = (one.applied().0, one.applied().1.clone());
            let listed = self.lost.entry(named(name.clone())).or_default();
            listed.insert(by.clone(), one);
            touched.insert(name.clone());
            now.push(name);
        }
        if !now.is_empty() {
            self.lost_by.insert(id, now);
        }
        for (kind, key) in touched {
            let name = (true, kind, key.clone());
            let listed = self.lost.get(&named((kind, key.clone())));
            match listed.and_then(BTreeMap::first_key_value) {
                Some((_, first)) => {
                    let first = first.clone();
                    let known = self.workloads.number(cluster, &name);
                    let id = known.unwrap_or_else(|| self.workloads.add(cluster, &name));
                    self.roll.put(id, Some(first), moved);
                }
                None => {
                    self.lost.remove(&named((kind, key)));
                    if let Some(id) = self.workloads.remove(cluster, &name) {
                        self.roll.put(id, None, moved);
                    }
                }
            }
        }
    }

    /// What a target tells; its app.
    fn tell<'a>(&mut self, view: &View<'a>, all: &Targets<'a>, id: u32) -> Option<String> {
        let Some(found) = all.numbered(id) else {
            self.told.remove(&id);
            self.rests.forget(Part::Told(id));
            return None;
        };
        view.trace().look(&Look::App(&found.app));
        let told = all
            .target(found)
            .map(|target| board::told(view, all, &target));
        self.evaluated += 1;
        self.rests.on(Part::Told(id), view.trace().take());
        match told {
            Some(told) => self.told.insert(id, told),
            None => self.told.remove(&id),
        };
        Some(found.app.clone())
    }

    fn miss<'a>(&mut self, view: &View<'a>, all: &Targets<'a>, id: u32) {
        let Some((cluster, (applies, key))) = self.appliers.name(id) else {
            return;
        };
        let absence = view.place(cluster).and_then(|place: Place<'a>| {
            let applier = match applies {
                Applies::Release => Applier::Release(place.helm_release(key)?),
                Applies::Kustomization => Applier::Kustomization(place.kustomization(key)?),
            };
            let everything = |_: &str, _: &str| true;
            Some(missing::absence(
                view,
                all,
                (place, applier),
                &[],
                &everything,
            ))
        });
        self.evaluated += 1;
        self.rests.on(Part::Absence(id), view.trace().take());
        let name = (cluster.to_owned(), *applies, key.clone());
        match absence.filter(|one| !one.is_none()) {
            Some(absence) => self.absences.insert(name, absence),
            None => self.absences.remove(&name),
        };
    }
}
