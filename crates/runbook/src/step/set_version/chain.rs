//! From an object to the files that say which version it is: the release, the Kustomization and the repository behind it.
//!
//! Owns the walk over what was read, and whose version is looked for. What it stands on may not be read yet: then it says
//! what has to be.

use std::collections::BTreeSet;

use api::ObjectRef;
use api::headline::plain;
use facts::image::ImageReference;
use serde_json::Value as Json;

use crate::git::Wanted;
use crate::ground::{Ground, Look};
use crate::step::object::Object;
use crate::step::{gitops, hidden};

/// What applies what applies it: more is nobody's.
const MOST_OWNERS: usize = 6;
/// The branch of a GitRepository that names none.
const USUAL_BRANCH: &str = "master";

/// Why a walk does not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// This has to be read first.
    Look(Vec<Look>),
    /// It leads nowhere, and why.
    Nowhere(String),
}

impl From<String> for Gap {
    fn from(says: String) -> Self {
        Self::Nowhere(says)
    }
}

/// Who applies an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    /// The HelmReleases between, the nearest first; of a HelmRelease, itself.
    pub releases: Vec<ObjectRef>,
    pub kustomization: ObjectRef,
}

/// Where an object's version is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub applied: Applied,
    /// The GitRepository.
    pub source: ObjectRef,
    pub repository: String,
    pub branch: String,
    pub path: String,
}

/// An object that the walk needs.
pub(super) fn found<'a>(ground: &'a Ground, on: &ObjectRef) -> Result<Object<'a>, Gap> {
    let look = Look::Object(on.clone());
    if !ground.has(&look) {
        return Err(Gap::Look(vec![look]));
    }
    let json = ground
        .object(on)
        .map_err(|why| format!("{on} cannot be read: {why}"))?;
    let json = json.ok_or_else(|| format!("{on} is not there"))?;
    Ok(Object::new(on, json))
}

/// The object whose file says the version: the target, or the source of a release's chart where that has it.
fn declarer(on: &ObjectRef, ground: &Ground) -> Result<ObjectRef, Gap> {
    if on.kind != "HelmRelease" {
        return Ok(on.clone());
    }
    let release = found(ground, on)?;
    match release.text("spec.chartRef.kind")? {
        Some(_) => chart_source(&release),
        None => Ok(on.clone()),
    }
}

/// What a release's `spec.chartRef` names.
pub(super) fn chart_source(release: &Object<'_>) -> Result<ObjectRef, Gap> {
    let on = &release.on;
    let kind = release.text("spec.chartRef.kind")?.unwrap_or_default();
    let name = release.text("spec.chartRef.name")?.unwrap_or_default();
    if kind != "OCIRepository" || name.is_empty() {
        return Err(Gap::Nowhere(format!(
            "the chart of {on} comes from a {}, whose version is not set in Git here",
            plain(kind, 40)
        )));
    }
    let namespace = release.text("spec.chartRef.namespace")?;
    let namespace = namespace.unwrap_or(&on.namespace);
    Ok(ObjectRef::new(&on.system, kind, namespace, name))
}

/// Who applies an object, by the labels that Flux puts on what it applies.
pub(super) fn applied(on: &ObjectRef, ground: &Ground) -> Result<Applied, Gap> {
    let mut releases = Vec::new();
    if on.kind == "HelmRelease" {
        releases.push(on.clone());
    }
    let mut here = declarer(on, ground)?;
    for _ in 0..MOST_OWNERS {
        let object = found(ground, &here)?;
        let Some(owner) = gitops::owner(&object)? else {
            return Err(Gap::Nowhere(format!(
                "{here} carries no label of Flux's: which file says its version cannot be told"
            )));
        };
        if owner.kind == "Kustomization" {
            return Ok(Applied {
                releases,
                kustomization: owner,
            });
        }
        releases.push(owner.clone());
        here = owner;
    }
    Err(Gap::Nowhere(format!(
        "{on} is applied by releases of releases, without an end"
    )))
}

/// Where an object's version is declared.
pub(super) fn walk(on: &ObjectRef, ground: &Ground) -> Result<Chain, Gap> {
    let applied = applied(on, ground)?;
    let kustomization = found(ground, &applied.kustomization)?;
    let by = &kustomization.on;
    let kind = kustomization
        .text("spec.sourceRef.kind")?
        .unwrap_or_default();
    let name = kustomization
        .text("spec.sourceRef.name")?
        .unwrap_or_default();
    if kind != "GitRepository" || name.is_empty() {
        return Err(Gap::Nowhere(format!(
            "{by} applies what {} {} holds, and not files of a Git repository",
            plain(kind, 40),
            plain(name, 60)
        )));
    }
    let namespace = kustomization.text("spec.sourceRef.namespace")?;
    let source = ObjectRef::new(&by.system, kind, namespace.unwrap_or(&by.namespace), name);
    let path = kustomization
        .text("spec.path")?
        .unwrap_or_default()
        .to_owned();
    let object = found(ground, &source)?;
    let repository = object.text("spec.url")?.unwrap_or_default().to_owned();
    if repository.is_empty() || hidden::holds_secret(&repository) {
        return Err(Gap::Nowhere(format!(
            "the address of {source} cannot be used: it is empty, or holds a password"
        )));
    }
    Ok(Chain {
        applied,
        branch: branch(&object)?,
        source,
        repository,
        path,
    })
}

/// The branch that a GitRepository follows.
fn branch(source: &Object<'_>) -> Result<String, String> {
    let on = &source.on;
    for (field, what) in [
        ("commit", "a commit"),
        ("tag", "a tag"),
        ("semver", "tags in a range"),
    ] {
        if let Some(at) = source.text(&format!("spec.ref.{field}"))?
            && !at.is_empty()
        {
            return Err(format!(
                "{on} follows {what} ({}), and no branch: a commit would not reach it",
                plain(at, 60)
            ));
        }
    }
    if let Some(name) = source.text("spec.ref.name")?
        && !name.is_empty()
    {
        let branch = name
            .strip_prefix("refs/heads/")
            .filter(|name| !name.is_empty());
        return branch.map(str::to_owned).ok_or_else(|| {
            format!(
                "{on} follows {}, which is no branch: a commit would not reach it",
                plain(name, 60)
            )
        });
    }
    let branch = source
        .text("spec.ref.branch")?
        .filter(|branch| !branch.is_empty());
    Ok(branch.unwrap_or(USUAL_BRANCH).to_owned())
}

/// Whose version may be meant: the chart's of a release; each image's of a workload, or the one that was named.
pub(super) fn wanted(on: &ObjectRef, picked: &str, ground: &Ground) -> Result<Vec<Wanted>, Gap> {
    let object = found(ground, on)?;
    if on.kind == "HelmRelease" {
        return Ok(vec![match object.text("spec.chartRef.kind")? {
            Some(_) => Wanted::Source(chart_source(&object)?.name),
            None => Wanted::Chart(on.name.clone()),
        }]);
    }
    let images = images(&object)?;
    let is_picked = |(name, image): &(String, ImageReference)| {
        let short = image.repository.rsplit('/').next().unwrap_or_default();
        picked.is_empty() || picked == name || picked == image.repository || picked == short
    };
    let repositories: BTreeSet<String> = images
        .iter()
        .filter(|image| is_picked(image))
        .map(|(_, image)| image.repository.clone())
        .collect();
    if repositories.is_empty() {
        let known: BTreeSet<&str> = images
            .iter()
            .map(|(_, one)| one.repository.as_str())
            .collect();
        return Err(Gap::Nowhere(format!(
            "{on} has no image '{}': it has {}",
            plain(picked, 80),
            plain(&known.into_iter().collect::<Vec<_>>().join(", "), 300)
        )));
    }
    Ok(repositories.into_iter().map(Wanted::Image).collect())
}

/// The images of a workload's template, each with its container's name.
pub(super) fn images(object: &Object<'_>) -> Result<Vec<(String, ImageReference)>, String> {
    let template = match object.on.kind.as_str() {
        "CronJob" => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    };
    let mut images = Vec::new();
    for list in ["initContainers", "containers"] {
        for container in object.list(&format!("{template}.{list}"))? {
            let text = |field: &str| container.get(field).and_then(Json::as_str);
            let image = text("image")
                .ok_or_else(|| format!("a container of {} does not say its image", object.on))?;
            let name = text("name").unwrap_or_default().to_owned();
            images.push((name, ImageReference::parse(image)));
        }
    }
    Ok(images)
}
