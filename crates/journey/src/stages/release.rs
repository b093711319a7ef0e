//! Stage 4: Git declares an image that contains the commit for this environment.
//!
//! Owns the reading of what a path of the GitOps repository declares, and the release commit that made it so. Who has
//! to change it if it does not is in `promotion`, what image automation does about it in `automation`, what keeps it from
//! counting in `overridden`, a chart that chooses the image in `chart`.

mod chart;
pub mod overridden;
pub mod promotion;

use api::{Sentence, StageKind, State};
use facts::code::{Commit, Declared, DeclaredHistory, DeclaredImage};
use facts::flux::Kustomization;
use facts::image::{ImageReference, canonical_repository};

use super::Case;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::{self, Built, Contents};
use crate::route::{Configuration, Path};
use crate::view::{Gap, Learned};

/// How the release stands, and what it found on the way.
pub struct Release<'a> {
    /// The stage.
    pub outcome: Outcome,
    /// The commit of the GitOps repository that made it so, if the environment declares the commit asked for.
    pub commit: Option<&'a Commit>,
    /// The image that is declared now, if it contains the commit, and what it contains.
    pub built: Option<Built>,
}

impl Release<'_> {
    fn only(outcome: Outcome) -> Self {
        Self {
            outcome,
            commit: None,
            built: None,
        }
    }
}

/// How the release stands. `built` is the commit's image, where it is known.
pub fn look<'a>(
    case: &Case<'_, 'a>,
    path: &Path<'a>,
    built: &Learned<Option<Built>>,
) -> Release<'a> {
    match &path.configuration {
        Err(gap) => Release::only(Outcome::unknown(StageKind::Release, gap)),
        Ok(Some(place)) => in_git(case, path, place, built)
            .unwrap_or_else(|gap| Release::only(Outcome::unknown(StageKind::Release, &gap))),
        Ok(None) => Release::only(match path.helm {
            Some(_) => in_values(case, path, None)
                .unwrap_or_else(|gap| Outcome::unknown(StageKind::Release, &gap)),
            None => Outcome::unknown(
                StageKind::Release,
                &Gap::new(match path.source {
                    Ok(None) => "the Kustomization's source does not exist".to_owned(),
                    _ => "the source does not say which Git repository it is made from".to_owned(),
                }),
            ),
        }),
    }
}

fn in_git<'a>(
    case: &Case<'_, 'a>,
    path: &Path<'a>,
    place: &Configuration,
    built: &Learned<Option<Built>>,
) -> Learned<Release<'a>> {
    let place = &unpacked(case, place)?;
    let history = history(case, place)?;
    let Some((history, now)) = history.and_then(|one| one.entries.first().map(|now| (one, now)))
    else {
        return Ok(Release::only(Outcome::unknown(
            StageKind::Release,
            &Gap::new(format!(
                "{} on {} of {} declares nothing",
                folder(&place.path),
                place.branch,
                place.repository
            )),
        )));
    };
    let images = of_app(case, now);
    let Some(image) = images.first().copied() else {
        return Ok(Release::only(unnamed(case, path, (place, history), now)));
    };
    let reference = reference(image);
    let mut all = Vec::new();
    for one in &images {
        all.push(contents_of(case, one)?);
    }
    let contains = all.iter().all(Contents::contains);
    let mut release = Release {
        outcome: Outcome::not_reached(StageKind::Release),
        commit: None,
        built: None,
    };
    let line = line(place, image);
    if contains {
        let commit = release_commit(case, history)?;
        release.commit = Some(commit);
        release.built = all.into_iter().next().map(|contents| Built {
            reference: reference.clone(),
            contents,
        });
        release.outcome = Outcome::done(
            StageKind::Release,
            Sentence::default()
                .commit(&place.repository, &commit.sha)
                .words(" of ")
                .name(without_host(&place.repository)),
        )
        .since(Some(commit.at))
        .proof([
            evidence::evidence(
                &line.0,
                line.1.clone(),
                written(&reference),
                Some(commit.at),
            ),
            evidence::evidence(
                &evidence::commit(&place.repository, &commit.sha),
                "message",
                &commit.subject,
                Some(commit.at),
            ),
        ]);
        if let Some(pin) = &place.pinned
            && let Some(finding) = promotion::pinned(case, path, place, pin, commit)?
        {
            release.outcome = Outcome::found(StageKind::Release, finding);
            release.commit = None;
        }
        return Ok(release);
    }
    // Without an image there is nothing to release.
    let Ok(Some(built)) = built else {
        return Ok(release);
    };
    let wrong = images
        .iter()
        .zip(&all)
        .find(|(_, contents)| !contents.contains())
        .map_or(image, |(image, _)| image);
    let finding = match promotion::set_back(case, place, history)? {
        Some(finding) => finding,
        None => promotion::why_not(case, place, wrong, built)?.version(waiting(built)),
    };
    let declares = evidence::evidence(&line.0, line.1, written(&reference), Some(now.commit.at));
    release.outcome = Outcome::found(StageKind::Release, finding.proof([declares]));
    Ok(release)
}

/// The version that waits to be declared, where it is exactly the commit's: a newer one would bring more than was asked for.
fn waiting(built: &Built) -> Option<String> {
    let names = Some(&built.reference).filter(|_| built.contents.is_exact())?;
    names.tag.clone().or_else(|| names.digest.clone())
}

/// A repository's name as people say it among their own.
fn without_host(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, path)| path)
}

/// The image that Git declared for the app as of a commit of the GitOps repository, as it is written; `None` where Git does
/// not name it or leaves a part of its name to Flux.
pub fn image_at(
    case: &Case<'_, '_>,
    place: &Configuration,
    at: &str,
) -> Learned<Option<ImageReference>> {
    let Some(history) = history(case, &unpacked(case, place)?)? else {
        return Ok(None);
    };
    for entry in &history.entries {
        if case
            .view
            .contained(&place.repository, &entry.commit.sha, at)?
        {
            let image = of_app(case, entry).into_iter().next();
            let whole = |image: &&DeclaredImage| {
                let parts = [image.tag.as_deref(), image.digest.as_deref()];
                parts.iter().flatten().next().is_some()
                    && !parts.iter().flatten().any(|part| part.contains("${"))
            };
            return Ok(image.filter(whole).map(reference));
        }
    }
    Ok(None)
}

/// Whether the commit itself changes which image of the app is declared.
pub fn sets_image(case: &Case<'_, '_>, place: &Configuration) -> Learned<bool> {
    let Some(history) = history(case, &unpacked(case, place)?)? else {
        return Ok(false);
    };
    let image = |entry: &Declared| of_app(case, entry).into_iter().next().map(reference);
    let mut later = history
        .entries
        .iter()
        .skip_while(|entry| entry.commit.sha != case.commit);
    match (later.next(), later.next(), history.entries.last()) {
        (Some(own), Some(before), _) => return Ok(image(own) != image(before)),
        (own, None, _) if history.complete => return Ok(own.is_some()),
        // What is no entry and comes after one changed no image.
        (None, None, Some(oldest))
            if case
                .view
                .contained(&place.repository, &oldest.commit.sha, case.commit)? =>
        {
            return Ok(false);
        }
        _ => {}
    }
    Err(Gap::new(format!(
        "the history of {} was not read far enough to say whether the commit changes the image",
        folder(&place.path)
    )))
}

/// The commit in effect that set the app's image back to what it was before this one, which need not be a revert by name.
pub fn set_back<'v>(
    case: &Case<'v, '_>,
    place: &Configuration,
    applied: &str,
) -> Learned<Option<&'v Declared>> {
    let Some(history) = history(case, &unpacked(case, place)?)? else {
        return Ok(None);
    };
    let entries = &history.entries;
    let own = entries
        .iter()
        .position(|entry| entry.commit.sha == case.commit);
    let Some((own, before)) = own.and_then(|own| Some((own, entries.get(own + 1)?))) else {
        return Ok(None);
    };
    let image = |entry: &Declared| of_app(case, entry).into_iter().next().map(reference);
    let (set, before) = (image(&entries[own]), image(before));
    if before.is_none() || set == before {
        return Ok(None);
    }
    for (at, entry) in entries[..own].iter().enumerate() {
        if case
            .view
            .contained(&place.repository, &entry.commit.sha, applied)?
        {
            // The newest in effect has it back: the first that did is named.
            let is_back = |entry: &&Declared| image(entry) == before;
            let mut later = entries[at..own].iter();
            return Ok(Some(entry)
                .filter(is_back)
                .and_then(|_| later.rfind(is_back)));
        }
    }
    Ok(None)
}

/// The place in the repository that an artifact's path comes from: often the artifact is made of one folder only.
pub fn unpacked(case: &Case<'_, '_>, place: &Configuration) -> Learned<Configuration> {
    let names_app = |history: &DeclaredHistory| {
        history
            .entries
            .first()
            .is_some_and(|entry| !of_app(case, entry).is_empty())
    };
    if !place.packed || history(case, place)?.is_some_and(names_app) {
        return Ok(place.clone());
    }
    let root = Configuration {
        path: String::new(),
        ..place.clone()
    };
    let inner = format!("/{}/", place.path);
    let folder = history(case, &root)?
        .and_then(|history| history.entries.first())
        .and_then(|entry| {
            of_app(case, entry).iter().find_map(|image| {
                image
                    .file
                    .split_once(&inner)
                    .map(|(outer, _)| outer.to_owned())
            })
        });
    Ok(match folder {
        Some(folder) => Configuration {
            path: format!("{folder}/{}", place.path),
            ..place.clone()
        },
        None => place.clone(),
    })
}

/// The place in the repository of another Kustomization's path in the artifact that ours is applied from.
pub fn packed_with(
    case: &Case<'_, '_>,
    (ours, place): (&Kustomization, &Configuration),
    one: &Kustomization,
    at: Configuration,
) -> Learned<Configuration> {
    let place = unpacked(case, place)?;
    let is_known = ours.source == one.source && is_found(case, &place)?;
    let outer = place.path.strip_suffix(&ours.path);
    match outer.filter(|_| is_known) {
        Some(outer) => Ok(Configuration {
            path: format!("{outer}{}", one.path),
            ..at
        }),
        None => Err(Gap::new(format!(
            "what Kustomization {}/{} applies does not say where in {} it lies",
            one.meta.namespace, one.meta.name, at.repository
        ))),
    }
}

/// Whether there is something at a place that can be read.
pub fn is_found(case: &Case<'_, '_>, place: &Configuration) -> Learned<bool> {
    let newest = history(case, place)?.and_then(|history| history.entries.first());
    Ok(newest.is_some_and(|entry| entry.broken.is_none()))
}

/// The declared history of a place.
fn history<'a>(case: &Case<'_, 'a>, place: &Configuration) -> Learned<Option<&'a DeclaredHistory>> {
    case.view
        .declared(&place.repository, &place.branch, &place.path)
}

/// The images of the app that a commit declares. Bases name an image without a tag; the overlay's word counts.
fn of_app<'a>(case: &Case<'_, '_>, declared: &'a Declared) -> Vec<&'a DeclaredImage> {
    let mut images: Vec<&DeclaredImage> = declared
        .images
        .iter()
        .filter(|image| canonical_repository(&image.repository) == case.target.image.repository)
        .collect();
    if images
        .iter()
        .any(|image| image.tag.is_some() || image.digest.is_some())
    {
        images.retain(|image| image.tag.is_some() || image.digest.is_some());
    }
    images
}

fn reference(image: &DeclaredImage) -> ImageReference {
    ImageReference {
        repository: canonical_repository(&image.repository),
        tag: image.tag.clone(),
        digest: image.digest.clone(),
    }
}

fn contents_of(case: &Case<'_, '_>, image: &DeclaredImage) -> Learned<Contents> {
    if let Some(tag) = image.tag.as_deref().filter(|tag| tag.contains("${")) {
        return Err(Gap::new(format!(
            "the tag {tag} in {} is put in by Flux, not by Git",
            image.file
        )));
    }
    images::contents(case.view, case.key, case.commit, &reference(image))
}

/// The oldest commit of the newest unbroken run whose images all contain the commit.
fn release_commit<'a>(case: &Case<'_, 'a>, history: &'a DeclaredHistory) -> Learned<&'a Commit> {
    let mut found = None;
    let mut before: Vec<ImageReference> = Vec::new();
    for entry in &history.entries {
        let images = of_app(case, entry);
        let named: Vec<ImageReference> = images.iter().map(|image| reference(image)).collect();
        let mut contains = !named.is_empty();
        if named != before {
            for image in &images {
                contains &= contents_of(case, image)?.contains();
            }
        }
        if !contains {
            break;
        }
        before = named;
        found = Some(&entry.commit);
    }
    found.ok_or_else(|| Gap::new("the commit that released it is not in the history that was read"))
}

/// Git names no image of the app: a broken file may hide it, a chart may choose it.
fn unnamed(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    (place, history): (&Configuration, &DeclaredHistory),
    now: &Declared,
) -> Outcome {
    if let Some((broken, why)) = &now.broken {
        let file = evidence::file(&place.repository, broken);
        let sentence = Sentence::default()
            .object(&file)
            .words(" cannot be read: ")
            .quote(why);
        let proof = [
            evidence::evidence(&file, "content", why, Some(now.commit.at)),
            evidence::evidence(
                &evidence::commit(&place.repository, &now.commit.sha),
                "message",
                &now.commit.subject,
                Some(now.commit.at),
            ),
        ];
        return Outcome::found(
            StageKind::Release,
            Finding::blocked(CauseCode::ReleaseFileBroken, file, sentence)
                .since(Some(now.commit.at))
                .proof(proof),
        );
    }
    if path.helm.is_some() {
        return in_values(case, path, Some((place, history)))
            .unwrap_or_else(|gap| Outcome::unknown(StageKind::Release, &gap));
    }
    Outcome::unknown(
        StageKind::Release,
        &Gap::new(format!(
            "{} on {} of {} names no image {}",
            folder(&place.path),
            place.branch,
            place.repository,
            case.target.image.repository
        )),
    )
}

/// What the HelmRelease's own values say, where Git cannot be read for them.
fn in_values(
    case: &Case<'_, '_>,
    path: &Path<'_>,
    declared: Option<(&Configuration, &DeclaredHistory)>,
) -> Learned<Outcome> {
    let Some(helm) = path.helm else {
        return Err(Gap::new("no HelmRelease"));
    };
    let object = evidence::object(case.target.place, "HelmRelease", &helm.meta.key());
    let named = helm
        .images
        .iter()
        .map(|image| ImageReference::parse(image))
        .find(|image| image.repository == case.target.image.repository);
    let Some(image) = named else {
        if let Some(finding) = chart::pinned(case, helm, declared)? {
            return Ok(Outcome::found(StageKind::Release, finding));
        }
        return Err(Gap::new(format!(
            "neither Git nor the values of {object} name the image {}: its chart chooses it",
            case.target.image.repository
        )));
    };
    let contents = images::contents(case.view, case.key, case.commit, &image)?;
    let proof = evidence::evidence(&object, "spec.values", written(&image), None);
    if contents.contains() {
        return Ok(Outcome::done(
            StageKind::Release,
            Sentence::default().name(written(&image)),
        )
        .proof([proof]));
    }
    let sentence = Sentence::default()
        .words("a person has to change the values of ")
        .object(&object)
        .words(" from ")
        .name(written(&image));
    Ok(Outcome::found(
        StageKind::Release,
        Finding::new(
            CauseCode::ReleaseNeedsPromotion,
            State::NeedsPromotion,
            object,
            sentence,
        )
        .proof([proof]),
    ))
}

/// A tag or digest as a person writes it.
pub fn written(image: &ImageReference) -> String {
    match (&image.tag, &image.digest) {
        (Some(tag), _) => tag.clone(),
        (None, Some(digest)) => digest.clone(),
        (None, None) => "no tag".to_owned(),
    }
}

fn line(place: &Configuration, image: &DeclaredImage) -> (api::ObjectRef, String) {
    (
        evidence::file(&place.repository, &image.file),
        format!("line {}", image.line),
    )
}

fn folder(path: &str) -> &str {
    if path.is_empty() { "the root" } else { path }
}
