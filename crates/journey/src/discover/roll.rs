//! All that was found, by what it is looked for by, kept while facts change.
//!
//! Owns the order of targets, the lists by app, image and source, and that the same image elsewhere may say where it comes
//! from. Tells whoever keeps it what has changed in it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{About, Found, Targets, find, shared_names};
use crate::lost;
use crate::trace::{Look, Mark};
use crate::view::View;

/// All that was found, by what it is looked for by. Each place in it has a number.
#[derive(Default)]
pub struct Roll {
    found: Vec<Option<Found>>,
    /// In the order of [`Found::order`], as are the lists below.
    order: Vec<u32>,
    pub(super) by_app: BTreeMap<String, Vec<u32>>,
    pub(super) by_image: BTreeMap<String, Vec<u32>>,
    pub(super) by_source: BTreeMap<String, Vec<u32>>,
    /// By cluster: how many targets each environment has there.
    pub(super) environments: BTreeMap<String, BTreeMap<String, u32>>,
}

/// What has changed in a roll.
#[derive(Default)]
pub struct Moved {
    /// The places where something else is found than before.
    pub ids: BTreeSet<u32>,
    /// The apps of what was found there, and is.
    pub apps: BTreeSet<String>,
    /// The marks of whoever looked.
    pub marks: Vec<Mark>,
    /// Images whose builds may now be said to have another source.
    images: BTreeSet<String>,
}

impl Roll {
    /// Every target, from nothing; of what is gone only what is of an app that is asked for, if one is. `text` may be an
    /// app's name, too.
    pub fn of(view: &View<'_>, asked: Option<&str>, text: &str) -> Self {
        let mut roll = Self::about(view, asked.unwrap_or(text));
        let mut moved = Moved::default();
        let lost = roll.lost(view, asked);
        for (id, found) in (u32::try_from(roll.found.len()).unwrap_or(u32::MAX)..).zip(lost) {
            roll.put(id, Some(found), &mut moved);
        }
        roll.settle(&mut moved);
        roll
    }

    /// Every target that is there, from nothing.
    pub fn there(view: &View<'_>) -> Self {
        Self::about(view, "")
    }

    /// The same, where others than of an app of that name may be put aside.
    fn about(view: &View<'_>, app: &str) -> Self {
        let shared = shared_names(view.places());
        let about = About::app(view, &shared, app);
        let mut roll = Self::default();
        let mut moved = Moved::default();
        let workloads = view.places().flat_map(|place| {
            let workloads = place.workloads();
            workloads.map(move |workload| (place, workload))
        });
        for (id, (place, workload)) in (0..).zip(workloads) {
            let found = find(view, &shared, about.as_ref(), (place, workload));
            roll.put(id, found, &mut moved);
        }
        roll.settle(&mut moved);
        roll
    }

    /// What is gone, each once.
    fn lost(&self, view: &View<'_>, asked: Option<&str>) -> Vec<Found> {
        let known = Targets::new(view, self);
        let mut seen = BTreeSet::new();
        let mut lost = Vec::new();
        for place in view.places() {
            for one in place.kustomizations() {
                lost.extend(lost::find(view, &known, (place, one)));
            }
        }
        let is_asked = |found: &Found| asked.is_none_or(|app| app.eq_ignore_ascii_case(&found.app));
        lost.retain(|one| {
            is_asked(one) && seen.insert((one.cluster.clone(), one.kind, one.key.clone()))
        });
        lost
    }

    /// What was found at a place.
    pub fn get(&self, id: u32) -> Option<&Found> {
        self.found.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// All that was found, in order.
    pub fn in_order(&self) -> impl Iterator<Item = &Found> {
        self.order.iter().filter_map(|id| self.get(*id))
    }

    /// The places of an app's targets, in order.
    pub fn of_app(&self, app: &str) -> impl Iterator<Item = u32> + Clone {
        let ids = self.by_app.get(app).map_or(&[][..], Vec::as_slice);
        ids.iter().copied()
    }

    /// Puts what was found at a place; [`Self::settle`] has to follow.
    pub fn put(&mut self, id: u32, found: Option<Found>, moved: &mut Moved) {
        let Ok(at) = usize::try_from(id) else { return };
        if self.found.len() <= at {
            self.found.resize(at + 1, None);
        }
        let before = self.get(id).cloned();
        let is_same = match (&before, &found) {
            (None, None) => true,
            // The source is settled below, by the others.
            (Some(before), Some(found)) => before.is_found_as(found),
            _ => false,
        };
        if is_same {
            return;
        }
        if let Some(before) = before {
            self.list(id, &before, false, moved);
            moved.images.insert(before.image.repository);
        }
        if let Some(place) = self.found.get_mut(at) {
            place.clone_from(&found);
        }
        if let Some(found) = found {
            self.list(id, &found, true, moved);
            moved.images.insert(found.image.repository);
        }
    }

    /// The same image elsewhere says where it comes from, if its labels cannot be read here.
    pub fn settle(&mut self, moved: &mut Moved) {
        for image in std::mem::take(&mut moved.images) {
            let Some(ids) = self.by_image.get(&image).cloned() else {
                continue;
            };
            let members = ids.iter().filter_map(|id| self.get(*id));
            let saying = members.filter(|found| matches!(found.own_source, Ok(Some(_))));
            let origin = saying
                .max_by(|a, b| a.order_of_facts().cmp(&b.order_of_facts()))
                .and_then(|found| found.own_source.clone().ok().flatten());
            for id in ids {
                let Some(found) = self.get(id) else { continue };
                let source = match (&found.own_source, &origin) {
                    (Ok(Some(_)), _) | (_, None) => found.own_source.clone(),
                    (_, Some(origin)) => Ok(Some(origin.clone())),
                };
                if found.source == source {
                    continue;
                }
                let before = found.clone();
                self.list(id, &before, false, moved);
                let after = Found { source, ..before };
                if let Some(place) = usize::try_from(id)
                    .ok()
                    .and_then(|at| self.found.get_mut(at))
                {
                    *place = Some(after.clone());
                }
                self.list(id, &after, true, moved);
            }
        }
    }

    /// Puts a place into every list, or takes it out.
    fn list(&mut self, id: u32, one: &Found, put: bool, moved: &mut Moved) {
        moved.ids.insert(id);
        moved.apps.insert(one.app.clone());
        moved.marks.extend([
            Mark::of(&Look::Targets),
            Mark::of(&Look::App(&one.app)),
            Mark::of(&Look::Image(&one.image.repository)),
        ]);
        let entry = Entry {
            among: &self.found,
            id,
            one,
            put,
        };
        entry.at_its_place(&mut self.order);
        entry.under(&mut self.by_app, &one.app);
        entry.under(&mut self.by_image, &one.image.repository);
        if let Ok(Some(source)) = &one.source {
            moved.marks.push(Mark::of(&Look::Source(source)));
            entry.under(&mut self.by_source, source);
        }
        let here = self.environments.entry(one.cluster.clone()).or_default();
        let count = here.entry(one.environment.clone()).or_default();
        let is_news = *count == u32::from(!put);
        *count = match put {
            true => *count + 1,
            false => count.saturating_sub(1),
        };
        if *count == 0 {
            here.remove(&one.environment);
        }
        if is_news {
            let mark = Mark::of(&Look::Environments(&one.cluster));
            moved.marks.push(mark);
        }
    }
}

/// What goes into the lists of a roll, or out of them.
struct Entry<'r> {
    among: &'r [Option<Found>],
    id: u32,
    one: &'r Found,
    put: bool,
}

impl Entry<'_> {
    fn under(&self, lists: &mut BTreeMap<String, Vec<u32>>, name: &str) {
        if !lists.contains_key(name) {
            lists.insert(name.to_owned(), Vec::new());
        }
        if let Some(list) = lists.get_mut(name) {
            self.at_its_place(list);
            if list.is_empty() {
                lists.remove(name);
            }
        }
    }

    fn at_its_place(&self, list: &mut Vec<u32>) {
        let found = |id: u32| self.among.get(usize::try_from(id).ok()?)?.as_ref();
        let at = list.binary_search_by(|other| {
            found(*other).map_or(Ordering::Less, |other| other.order(self.one))
        });
        match at {
            Err(at) if self.put => list.insert(at, self.id),
            Ok(at) if !self.put && list.get(at) == Some(&self.id) => {
                list.remove(at);
            }
            _ => {}
        }
    }
}
