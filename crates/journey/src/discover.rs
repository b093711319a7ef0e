//! Which apps there are and where each of them lives, from the clusters themselves.
//!
//! Owns the grouping of workloads into apps, the choice of the app's own container, and the link from an image to
//! its source repository. Targets exist because a workload exists; what runs in them is another question.

mod roll;

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
use crate::stages::canary;
use crate::trace::{Look, Trace};
use crate::view::{Gap, Learned, Place, View};

pub use roll::{Moved, Roll};

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
    /// A workload that is there: its own container's place among its containers, and the image that it declares. Nothing is
    /// known of its pods.
    fn there(
        view: &View<'_>,
        place: Place<'_>,
        workload: &Workload,
        app: String,
        (at, declared): (usize, &str),
        source: Learned<Option<String>>,
    ) -> Self {
        let environment = environment(view.team(), place, workload);
        Self {
            rank: rank(view.team(), &environment),
            environment,
            app,
            cluster: place.name.to_owned(),
            kind: workload.kind,
            key: workload.meta.key(),
            canary: None,
            at,
            declared: declared.to_owned(),
            image: ImageReference::parse(declared),
            running: Vec::new(),
            own_source: source.clone(),
            source,
            lost: None,
        }
    }

    /// A workload that the cluster does not have any more, as far as it is known.
    pub fn lost(
        view: &View<'_>,
        place: Place<'_>,
        app: String,
        workload: Workload,
        source: Learned<Option<String>>,
    ) -> Self {
        let declared = workload.containers.first();
        let declared = declared.map_or("", |one| one.image.as_str());
        let there = Self::there(view, place, &workload, app, (0, declared), source);
        Self {
            lost: Some(Box::new(workload)),
            ..there
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

fn is_app(workload: &Workload) -> bool {
    let meta = &workload.meta;
    !SYSTEM.contains(&meta.namespace.as_str())
        && meta.label("app.kubernetes.io/part-of") != Some("flux")
}

/// What an ask is about, where it is about one app: the others are put aside where that spares reading their pods.
pub struct About<'s> {
    /// The images of its workloads' own containers.
    images: BTreeSet<String>,
    shared: &'s BTreeSet<String>,
}

impl<'s> About<'s> {
    /// An app, if there is one of that name.
    pub fn app(view: &View<'_>, shared: &'s BTreeSet<String>, name: &str) -> Option<Self> {
        if !view.places().any(|place| place.is_sparing()) {
            return None;
        }
        let mut images = BTreeSet::new();
        let workloads = view.places().flat_map(|place| place.workloads());
        for one in workloads.filter(|one| app_name(one, shared).eq_ignore_ascii_case(name)) {
            let own = candidates(one, &app_name(one, shared)).into_iter().next();
            images.extend(own.map(|(_, own)| ImageReference::parse(&own.image).repository));
        }
        (!images.is_empty()).then_some(Self { images, shared })
    }

    /// What is found of another app's workload without looking into it: where it comes from is known from before.
    fn aside(&self, view: &View<'_>, place: Place<'_>, workload: &Workload) -> Option<Found> {
        if !place.may_spare(workload) {
            return None;
        }
        let app = app_name(workload, self.shared);
        let candidates = candidates(workload, &app);
        let image = |container: &Container| ImageReference::parse(&container.image);
        let mut images = candidates.iter().map(|(_, one)| image(one).repository);
        // The app's own workloads are among these.
        if images.any(|image| self.images.contains(&image)) {
            return None;
        }
        // Of the container that would be looked into first: a sidecar is known from everywhere.
        let (at, container) = candidates.into_iter().next()?;
        let image = image(container);
        let source = view.source_before(&image.repository)?.clone();
        Some(Found::there(
            view,
            place,
            workload,
            app,
            (at, &container.image),
            Ok(Some(source)),
        ))
    }
}

/// What is found of a workload; `None` if it is nobody's app, or another one speaks for it.
pub fn find(
    view: &View<'_>,
    shared: &BTreeSet<String>,
    about: Option<&About<'_>>,
    (place, applied): (Place<'_>, &Workload),
) -> Option<Found> {
    if !is_app(applied) || canary::is_primary(place, applied) {
        return None;
    }
    if let Some(aside) = about.and_then(|about| about.aside(view, place, applied)) {
        return Some(aside);
    }
    let app = app_name(applied, shared);
    let (canary, workload) = match canary::primary(place, applied) {
        Some((canary, primary)) => (Some((canary.meta.key(), primary.meta.key())), primary),
        None => (None, applied),
    };
    let candidates = candidates(workload, &app);
    let pods = pods_of(place, workload);
    let mut best = None;
    for (at, container) in candidates {
        let image = ImageReference::parse(&container.image);
        let running = running(&pods, container);
        let pods_known = place.whole_pods(workload);
        let source = origin(view, &running, &image, pods_known);
        let decided = !matches!(source, Ok(None));
        if best.is_none() || decided {
            best = Some((at, container, running, source));
        }
        if decided {
            break;
        }
    }
    let (at, container, running, source) = best?;
    let found = Found::there(view, place, applied, app, (at, &container.image), source);
    Some(Found {
        canary,
        running,
        ..found
    })
}

/// The containers that may be the app's own, the likeliest first: the one named like the app, since a sidecar's image has
/// labels too. Each with its place.
fn candidates<'w>(workload: &'w Workload, app: &str) -> Vec<(usize, &'w Container)> {
    let containers = workload.containers.iter().enumerate();
    let mut candidates: Vec<_> = containers.filter(|(_, one)| !one.init).collect();
    candidates.sort_by_key(|(_, container)| !is_named_like(container, app, workload));
    candidates
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
