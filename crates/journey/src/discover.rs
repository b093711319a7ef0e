//! Which apps there are and where each of them lives, from the clusters themselves.
//!
//! Owns the grouping of workloads into apps, the choice of the app's own container, and the link from an image to
//! its source repository. Targets exist because a workload exists; what runs in them is another question.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::rc::Rc;

use api::ObjectRef;
use facts::code::repository_key;
use facts::image::ImageReference;
use facts::kubernetes::{Container, Pod, Workload};
use facts::meta::{Key, Kind};
use facts::others::Canary;

use crate::environment::{environment, rank};
use crate::images::{self, labels};
use crate::lost;
use crate::stages::canary;
use crate::trace::{Look, Mark, Trace};
use crate::view::{Gap, Learned, Place, View};

/// Namespaces that belong to the cluster, not to anybody's app.
pub const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// What is found of one app in one place. Holds no fact itself, so that it can be kept while facts change.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The app's name.
    pub app: String,
    /// The environment's name.
    pub environment: String,
    /// Where the environment stands among all.
    rank: usize,
    cluster: String,
    kind: Kind,
    /// The workload that Git declares.
    key: Key,
    /// Where Flagger tries what is applied: the Canary and the primary that serves in the workload's place.
    canary: Option<(Key, Key)>,
    /// The app's own container: its place among the serving workload's.
    at: usize,
    /// That container's image as it is written.
    pub declared: String,
    /// The same, read.
    pub image: ImageReference,
    /// What that container runs in the workload's pods: builds of its image, by digest.
    pub running: Vec<ImageReference>,
    /// What the image itself says of its source.
    own_source: Learned<Option<String>>,
    /// The key of the repository that the image is built from; `None` if the image does not say.
    pub source: Learned<Option<String>>,
    /// What is known of the workload where the cluster does not have it any more, though Flux lists it (`lost`).
    lost: Option<Box<Workload>>,
}

impl Found {
    /// A workload that the cluster does not have any more, as far as it is known.
    pub fn lost(
        view: &View<'_>,
        place: Place<'_>,
        app: String,
        workload: Workload,
        source: Learned<Option<String>>,
    ) -> Self {
        let environment = environment(view.team(), place, &workload);
        let declared = workload.containers.first().map(|one| one.image.clone());
        let declared = declared.unwrap_or_default();
        Self {
            rank: rank(view.team(), &environment),
            environment,
            app,
            cluster: place.name.to_owned(),
            kind: workload.kind,
            key: workload.meta.key(),
            canary: None,
            at: 0,
            image: ImageReference::parse(&declared),
            declared,
            running: Vec::new(),
            own_source: source.clone(),
            source,
            lost: Some(Box::new(workload)),
        }
    }

    /// Whether the cluster does not have the workload any more, though Flux lists it.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// The workload that Git declares.
    pub fn applied(&self) -> (Kind, &Key) {
        (self.kind, &self.key)
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The serving workload, as people refer to it.
    pub fn object(&self) -> ObjectRef {
        let key = self
            .canary
            .as_ref()
            .map_or(&self.key, |(_, primary)| primary);
        ObjectRef::new(&self.cluster, self.kind.name(), &key.namespace, &key.name)
    }

    /// Whether the same was found, whatever others say of its source.
    fn is_found_as(&self, other: &Self) -> bool {
        let other = Self {
            source: self.source.clone(),
            ..other.clone()
        };
        *self == other
    }

    /// The order of apps, then environments from first to last, then clusters.
    fn order(&self, other: &Self) -> Ordering {
        let by_app = self.app.cmp(&other.app);
        by_app
            .then_with(|| self.rank.cmp(&other.rank))
            .then_with(|| self.environment.cmp(&other.environment))
            .then_with(|| self.cluster.cmp(&other.cluster))
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| self.kind.cmp(&other.kind))
            // What comes back stands beside what was gone until that is taken away.
            .then_with(|| self.is_lost().cmp(&other.is_lost()))
    }

    /// The order of the facts themselves.
    fn order_of_facts(&self) -> (&str, Kind, &Key) {
        (&self.cluster, self.kind, &self.key)
    }
}

/// One app in one place: a workload in an environment of a cluster.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    found: &'a Found,
    /// The cluster.
    pub place: Place<'a>,
    /// The workload that serves.
    pub workload: &'a Workload,
    /// The workload that Git declares: another one where Flagger tries what is applied before it lets it serve.
    pub applied: &'a Workload,
    /// The Canary between the two, then.
    pub canary: Option<&'a Canary>,
    /// The app's own container among the workload's.
    pub container: &'a Container,
    /// Whether the cluster does not have the workload any more, though Flux lists it.
    pub is_lost: bool,
}

impl Deref for Target<'_> {
    type Target = Found;

    fn deref(&self) -> &Found {
        self.found
    }
}

impl<'a> Target<'a> {
    /// What was found of it.
    pub fn found(&self) -> &'a Found {
        self.found
    }

    /// The workload's namespace.
    pub fn namespace(&self) -> &str {
        &self.workload.meta.namespace
    }

    /// The app's own container in the workload that Git declares.
    pub fn applied_container(&self) -> Option<&'a Container> {
        let mut containers = self.applied.containers.iter();
        containers.find(|one| one.name == self.container.name)
    }

    /// What tells this target apart from every other.
    pub fn identity(&self) -> (&str, Kind, Key) {
        (
            self.place.name,
            self.workload.kind,
            self.workload.meta.key(),
        )
    }
}

/// Every target, in order: what an evaluation asks for targets by.
pub struct Targets<'a> {
    roll: &'a Roll,
    trace: &'a Trace,
    places: BTreeMap<&'a str, Place<'a>>,
    environments: RefCell<BTreeMap<String, Rc<BTreeSet<String>>>>,
}

impl<'a> Targets<'a> {
    /// The targets of a roll, looked at by an evaluation.
    pub fn new(view: &View<'a>, roll: &'a Roll) -> Self {
        Self {
            roll,
            trace: view.trace(),
            places: view.places().map(|place| (place.name, place)).collect(),
            environments: RefCell::default(),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Target<'a>> {
        self.found().filter_map(|found| self.target(found))
    }

    /// What was found of all of them.
    pub fn found(&self) -> impl Iterator<Item = &'a Found> + use<'a> {
        self.trace.look(&Look::Targets);
        self.roll.in_order()
    }

    /// Those of an app.
    pub fn of_app(&self, app: &str) -> impl Iterator<Item = Target<'a>> {
        self.trace.look(&Look::App(app));
        self.at(self.roll.by_app.get(app))
    }

    /// An app's name, if it is one's.
    pub fn name(&self, app: &str) -> Option<&'a str> {
        self.trace.look(&Look::App(app));
        let known = self.roll.by_app.get_key_value(app);
        known.map(|(name, _)| name.as_str())
    }

    /// Those that run builds of an image.
    pub fn of_image(&self, repository: &str) -> impl Iterator<Item = Target<'a>> {
        self.trace.look(&Look::Image(repository));
        self.at(self.roll.by_image.get(repository))
    }

    /// Those that are built from a source repository.
    pub fn built_from(&self, key: &str) -> impl Iterator<Item = Target<'a>> {
        self.trace.look(&Look::Source(key));
        self.at(self.roll.by_source.get(key))
    }

    /// The environments of the targets of a cluster, and of its namespaces as `more` tells them, or else the one that is
    /// left: found once an evaluation.
    pub fn environments(
        &self,
        place: Place<'a>,
        more: impl FnOnce() -> BTreeSet<String>,
        left: impl FnOnce() -> String,
    ) -> Rc<BTreeSet<String>> {
        self.trace.look(&Look::Environments(place.name));
        if let Some(known) = self.environments.borrow().get(place.name) {
            // Whoever asks again rests on the same.
            drop(place.namespaces());
            return Rc::clone(known);
        }
        let mut found = more();
        let here = self.roll.environments.get(place.name).into_iter();
        found.extend(here.flat_map(BTreeMap::keys).cloned());
        if found.is_empty() {
            found.insert(left());
        }
        let found = Rc::new(found);
        let mut environments = self.environments.borrow_mut();
        environments.insert(place.name.to_owned(), Rc::clone(&found));
        found
    }

    /// What was found at a place of the roll.
    pub fn numbered(&self, id: u32) -> Option<&'a Found> {
        self.roll.get(id)
    }

    /// One of them, from what was found of it.
    pub fn target(&self, found: &'a Found) -> Option<Target<'a>> {
        // The place is made once for all parts of an evaluation, and each of them rests on it.
        self.trace.look(&Look::Cluster(&found.cluster));
        let place = *self.places.get(found.cluster.as_str())?;
        let applied = match &found.lost {
            Some(lost) => lost,
            None => place.workload(found.kind, &found.key)?,
        };
        let (canary, workload) = match &found.canary {
            None => (None, applied),
            Some((canary, primary)) => {
                let mut canaries = place.canaries();
                let canary = canaries.find(|one| one.meta.key() == *canary)?;
                (Some(canary), place.workload(found.kind, primary)?)
            }
        };
        Some(Target {
            found,
            place,
            workload,
            applied,
            canary,
            container: workload.containers.get(found.at)?,
            is_lost: found.is_lost(),
        })
    }

    fn at(&self, ids: Option<&'a Vec<u32>>) -> impl Iterator<Item = Target<'a>> {
        let ids = ids.map_or(&[][..], Vec::as_slice);
        let found = ids.iter().filter_map(|id| self.roll.get(*id));
        found.filter_map(|found| self.target(found))
    }
}

/// All that was found, by what it is looked for by. Each place in it has a number.
#[derive(Default)]
pub struct Roll {
    found: Vec<Option<Found>>,
    /// In the order of [`Found::order`], as are the lists below.
    order: Vec<u32>,
    by_app: BTreeMap<String, Vec<u32>>,
    by_image: BTreeMap<String, Vec<u32>>,
    by_source: BTreeMap<String, Vec<u32>>,
    /// By cluster: how many targets each environment has there.
    environments: BTreeMap<String, BTreeMap<String, u32>>,
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
    /// Every target, from nothing; of what is gone only what is of an app that is asked for, if one is.
    pub fn of(view: &View<'_>, asked: Option<&str>) -> Self {
        let mut roll = Self::there(view);
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
        let shared = shared_names(view.places());
        let mut roll = Self::default();
        let mut moved = Moved::default();
        let workloads = view.places().flat_map(|place| {
            let workloads = place.workloads();
            workloads.map(move |workload| (place, workload))
        });
        for (id, (place, workload)) in (0..).zip(workloads) {
            roll.put(id, find(view, &shared, place, workload), &mut moved);
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
        let mut order = std::mem::take(&mut self.order);
        self.at_its_place(&mut order, id, one, put);
        self.order = order;
        let mut by_app = std::mem::take(&mut self.by_app);
        self.under(&mut by_app, &one.app, (id, one, put));
        self.by_app = by_app;
        let mut by_image = std::mem::take(&mut self.by_image);
        self.under(&mut by_image, &one.image.repository, (id, one, put));
        self.by_image = by_image;
        if let Ok(Some(source)) = &one.source {
            moved.marks.push(Mark::of(&Look::Source(source)));
            let mut by_source = std::mem::take(&mut self.by_source);
            self.under(&mut by_source, source, (id, one, put));
            self.by_source = by_source;
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

    fn under(
        &self,
        lists: &mut BTreeMap<String, Vec<u32>>,
        name: &str,
        (id, one, put): (u32, &Found, bool),
    ) {
        if !lists.contains_key(name) {
            lists.insert(name.to_owned(), Vec::new());
        }
        if let Some(list) = lists.get_mut(name) {
            self.at_its_place(list, id, one, put);
            if list.is_empty() {
                lists.remove(name);
            }
        }
    }

    fn at_its_place(&self, list: &mut Vec<u32>, id: u32, one: &Found, put: bool) {
        let at = list.binary_search_by(|other| {
            self.get(*other)
                .map_or(Ordering::Less, |other| other.order(one))
        });
        match at {
            Err(at) if put => list.insert(at, id),
            Ok(at) if !put && list.get(at) == Some(&id) => {
                list.remove(at);
            }
            _ => {}
        }
    }
}

fn is_app(workload: &Workload) -> bool {
    let meta = &workload.meta;
    !SYSTEM.contains(&meta.namespace.as_str())
        && meta.label("app.kubernetes.io/part-of") != Some("flux")
}

/// What is found of a workload; `None` if it is nobody's app, or another one speaks for it.
pub fn find(
    view: &View<'_>,
    shared: &BTreeSet<String>,
    place: Place<'_>,
    applied: &Workload,
) -> Option<Found> {
    if !is_app(applied) || canary::is_primary(place, applied) {
        return None;
    }
    let app = app_name(applied, shared);
    let (canary, workload) = match canary::primary(place, applied) {
        Some((canary, primary)) => (Some((canary.meta.key(), primary.meta.key())), primary),
        None => (None, applied),
    };
    let containers = workload.containers.iter().enumerate();
    let mut candidates: Vec<(usize, &Container)> =
        containers.filter(|(_, one)| !one.init).collect();
    // The container named like the app comes first: a sidecar's image has labels too.
    candidates.sort_by_key(|(_, container)| !is_named_like(container, &app, workload));
    let pods = pods_of(place, workload);
    let mut best = None;
    for (at, container) in candidates {
        let image = ImageReference::parse(&container.image);
        let running = running(&pods, container);
        let pods_known = place.whole(place.pod_kind(), &workload.meta.namespace);
        let source = origin(view, &running, &image, pods_known);
        let decided = !matches!(source, Ok(None));
        if best.is_none() || decided {
            best = Some((at, container, image, running, source));
        }
        if decided {
            break;
        }
    }
    let (at, container, image, running, source) = best?;
    let environment = environment(view.team(), place, applied);
    Some(Found {
        rank: rank(view.team(), &environment),
        environment,
        app,
        cluster: place.name.to_owned(),
        kind: applied.kind,
        key: applied.meta.key(),
        canary,
        at,
        declared: container.image.clone(),
        image,
        running,
        own_source: source.clone(),
        source,
        lost: None,
    })
}

const NAME: &str = "app.kubernetes.io/name";
const INSTANCE: &str = "app.kubernetes.io/instance";

/// The app a workload belongs to.
fn app_name(workload: &Workload, shared: &BTreeSet<String>) -> String {
    let name = label(workload, NAME)
        .or_else(|| label(workload, "app"))
        .unwrap_or(&workload.meta.name);
    match label(workload, INSTANCE) {
        Some(instance) if shared.contains(name) => instance.to_owned(),
        _ => name.to_owned(),
    }
}

fn label<'a>(workload: &'a Workload, name: &str) -> Option<&'a str> {
    workload
        .meta
        .label(name)
        .or_else(|| workload.pod_labels.get(name).map(String::as_str))
        .filter(|name| !name.is_empty())
}

/// Names that are a chart's and not an app's: two instances in one namespace have it, with different images.
pub fn shared_names<'a>(places: impl Iterator<Item = Place<'a>>) -> BTreeSet<String> {
    let mut seen: BTreeMap<(&str, &str, &str), (&str, Option<String>)> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for place in places {
        for workload in place.workloads() {
            let Some((name, instance, image)) = instance_of(workload) else {
                continue;
            };
            let before = seen
                .entry((place.name, &workload.meta.namespace, name))
                .or_insert_with(|| (instance, image.clone()));
            if before.0 != instance && before.1 != image {
                shared.insert(name.to_owned());
            }
        }
    }
    shared
}

/// What a workload says for [`shared_names`]: a name, an instance of it, and the image that it runs.
pub fn instance_of(workload: &Workload) -> Option<(&str, &str, Option<String>)> {
    let (name, instance) = (label(workload, NAME)?, label(workload, INSTANCE)?);
    let first = workload.containers.first();
    let image = first.map(|one| ImageReference::parse(&one.image).repository);
    Some((name, instance, image))
}

fn is_named_like(container: &Container, app: &str, workload: &Workload) -> bool {
    let image = ImageReference::parse(&container.image);
    let last = image.repository.rsplit('/').next().unwrap_or_default();
    [container.name.as_str(), last]
        .iter()
        .any(|name| *name == app || *name == workload.meta.name)
}

/// What a container runs in a workload's pods, each build once.
fn running(pods: &[&Pod], container: &Container) -> Vec<ImageReference> {
    let running: BTreeSet<ImageReference> = pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter(|status| status.name == container.name && !status.init)
        .filter_map(images::running)
        .collect();
    running.into_iter().collect()
}

/// The repository that a container's image is built from, by the labels of what runs, else of what is declared. Where the
/// registry does not have that, only what runs could have said.
pub fn origin(
    view: &View<'_>,
    running: &[ImageReference],
    image: &ImageReference,
    pods_known: Learned<()>,
) -> Learned<Option<String>> {
    let mut gap: Option<Gap> = None;
    for one in running {
        match labels(
            view,
            &one.repository,
            one.digest.as_deref().unwrap_or_default(),
        ) {
            Ok(Some(found)) => {
                if let Some(source) = &found.source {
                    return Ok(Some(repository_key(source)));
                }
            }
            Ok(None) => {}
            Err(why) => gap = Some(why),
        }
    }
    if let Some(gap) = gap {
        return Err(gap);
    }
    let digest = match &image.digest {
        Some(digest) => Some(digest),
        None => view.digest(&image.repository, image.tag.as_deref().unwrap_or("latest"))?,
    };
    let Some(digest) = digest else {
        return pods_known.map(|()| None);
    };
    let found = labels(view, &image.repository, digest)?;
    Ok(found
        .and_then(|image| image.source.as_deref())
        .filter(|source| !source.is_empty())
        .map(repository_key))
}

/// The pods that a workload's selector selects.
pub fn pods_of<'a>(place: Place<'a>, workload: &Workload) -> Vec<&'a Pod> {
    place.pods_of(&workload.meta.namespace, &workload.selector)
}
