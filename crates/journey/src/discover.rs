//! Which apps there are and where each of them lives, from the clusters themselves.
//!
//! Owns the grouping of workloads into apps, the choice of the app's own container, and the link from an image to
//! its source repository. Targets exist because a workload exists; what runs in them is another question.

use std::collections::{BTreeMap, BTreeSet};

use facts::code::repository_key;
use facts::image::ImageReference;
use facts::kubernetes::{Container, Pod, Workload};
use facts::meta::{Key, Kind};
use facts::others::Canary;

use crate::environment::{environment, rank};
use crate::images::{self, labels};
use crate::stages::canary;
use crate::view::{Gap, Learned, Place, View};

/// Namespaces that belong to the cluster, not to anybody's app.
pub const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// One app in one place: a workload in an environment of a cluster.
#[derive(Clone)]
pub struct Target<'a> {
    /// The app's name.
    pub app: String,
    /// The environment's name.
    pub environment: String,
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
    /// That container's image as the workload declares it.
    pub image: ImageReference,
    /// What that container runs in the workload's pods: builds of its image, by digest.
    pub running: Vec<ImageReference>,
    /// The key of the repository that the image is built from; `None` if the image does not say.
    pub source: Learned<Option<String>>,
    /// Whether the cluster does not have the workload any more, though Flux lists it (`lost`).
    pub is_lost: bool,
}

impl<'a> Target<'a> {
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

/// Every target, in the order of apps, then environments from first to last, then clusters.
pub struct Targets<'a> {
    list: Vec<Target<'a>>,
    by_app: BTreeMap<String, Vec<usize>>,
    by_image: BTreeMap<String, Vec<usize>>,
    by_source: BTreeMap<String, Vec<usize>>,
}

impl<'a> Targets<'a> {
    fn new(list: Vec<Target<'a>>) -> Self {
        let mut targets = Self {
            list: Vec::new(),
            by_app: BTreeMap::new(),
            by_image: BTreeMap::new(),
            by_source: BTreeMap::new(),
        };
        let note = |by: &mut BTreeMap<String, Vec<usize>>, key: &String, at| {
            by.entry(key.clone()).or_default().push(at);
        };
        for (at, target) in list.iter().enumerate() {
            note(&mut targets.by_app, &target.app, at);
            note(&mut targets.by_image, &target.image.repository, at);
            if let Ok(Some(source)) = &target.source {
                note(&mut targets.by_source, source, at);
            }
        }
        targets.list = list;
        targets
    }

    /// These and more.
    pub fn joined(self, view: &View<'_>, more: impl Iterator<Item = Target<'a>>) -> Self {
        Self::new(in_order(view, self.list.into_iter().chain(more).collect()))
    }

    /// All of them.
    pub fn all(&self) -> &[Target<'a>] {
        &self.list
    }

    /// Those of an app.
    pub fn of_app(&self, app: &str) -> impl Iterator<Item = &Target<'a>> {
        self.at(self.by_app.get(app))
    }

    /// An app's name, if it is one's.
    pub fn name(&self, app: &str) -> Option<&str> {
        self.by_app
            .get_key_value(app)
            .map(|(name, _)| name.as_str())
    }

    /// Those that run builds of an image.
    pub fn of_image(&self, repository: &str) -> impl Iterator<Item = &Target<'a>> {
        self.at(self.by_image.get(repository))
    }

    /// Those that are built from a source repository.
    pub fn built_from(&self, key: &str) -> impl Iterator<Item = &Target<'a>> {
        self.at(self.by_source.get(key))
    }

    fn at(&self, found: Option<&Vec<usize>>) -> impl Iterator<Item = &Target<'a>> {
        let found = found.cloned().unwrap_or_default();
        found.into_iter().filter_map(|at| self.list.get(at))
    }
}

/// Finds every target.
pub fn targets<'a>(view: &View<'a>) -> Targets<'a> {
    let shared = shared_names(view);
    let mut origins = Origins::default();
    let mut targets: Vec<Target<'a>> = view
        .places()
        .flat_map(|place| {
            place
                .facts
                .workloads
                .values()
                .filter(move |workload| is_app(workload) && !canary::is_primary(place, workload))
                .map(move |workload| (place, workload))
        })
        .filter_map(|(place, workload)| target(view, &shared, &mut origins, place, workload))
        .collect();
    for target in &mut targets {
        // The same image elsewhere says where it comes from, if its labels cannot be read here.
        if !matches!(target.source, Ok(Some(_)))
            && let Some(source) = origins.by_image.get(&target.image.repository)
        {
            target.source = Ok(Some(source.clone()));
        }
    }
    Targets::new(in_order(view, targets))
}

fn in_order<'a>(view: &View<'_>, mut targets: Vec<Target<'a>>) -> Vec<Target<'a>> {
    let team = &view.facts.team;
    targets.sort_by_cached_key(|target| {
        (
            target.app.clone(),
            rank(team, &target.environment),
            target.environment.clone(),
            target.place.name.to_owned(),
            target.workload.meta.key(),
        )
    });
    targets
}

/// What is known so far of where image repositories come from.
#[derive(Default)]
struct Origins {
    by_image: BTreeMap<String, String>,
}

fn is_app(workload: &Workload) -> bool {
    let meta = &workload.meta;
    !SYSTEM.contains(&meta.namespace.as_str())
        && meta.label("app.kubernetes.io/part-of") != Some("flux")
}

fn target<'a>(
    view: &View<'a>,
    shared: &BTreeSet<String>,
    origins: &mut Origins,
    place: Place<'a>,
    workload: &'a Workload,
) -> Option<Target<'a>> {
    let applied = workload;
    let app = app_name(applied, shared);
    let (canary, workload) = match canary::primary(place, applied) {
        Some((canary, primary)) => (Some(canary), primary),
        None => (None, applied),
    };
    let candidates: Vec<&Container> = workload.containers.iter().filter(|one| !one.init).collect();
    let pods = pods_of(place, workload);
    let mut best = None;
    // The container named like the app comes first: a sidecar's image has labels too.
    let mut ordered = candidates;
    ordered.sort_by_key(|container| !is_named_like(container, &app, workload));
    for container in ordered {
        let image = ImageReference::parse(&container.image);
        let running = running(&pods, container);
        let pods_known = place.whole(place.pod_kind(), &workload.meta.namespace);
        let source = origin(view, &running, &image, pods_known);
        if let Ok(Some(source)) = &source {
            origins
                .by_image
                .insert(image.repository.clone(), source.clone());
        }
        let decided = !matches!(source, Ok(None));
        if best.is_none() || decided {
            best = Some((container, image, running, source));
        }
        if decided {
            break;
        }
    }
    let (container, image, running, source) = best?;
    Some(Target {
        environment: environment(&view.facts.team, place, applied),
        app,
        place,
        workload,
        applied,
        canary,
        container,
        image,
        running,
        source,
        is_lost: false,
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
fn shared_names(view: &View<'_>) -> BTreeSet<String> {
    let mut seen: BTreeMap<(&str, &str, &str), (&str, Option<String>)> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for place in view.places() {
        for workload in place.facts.workloads.values() {
            let (Some(name), Some(instance)) = (label(workload, NAME), label(workload, INSTANCE))
            else {
                continue;
            };
            let image = workload
                .containers
                .first()
                .map(|one| ImageReference::parse(&one.image).repository);
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
    place
        .index
        .pods(&workload.meta.namespace, &workload.selector)
}
