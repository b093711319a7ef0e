//! Stage 4, where Flux itself writes the release: scan, policy, marker, push.
//!
//! Owns the walk along ImageRepository and ImagePolicy to the first that has not done its part; the
//! ImageUpdateAutomation's own part is in `push`.

mod push;

use api::journey::NextAttempt;
use api::{Sentence, State};
use facts::code::{DeclaredImage, repository_key};
use facts::flux::{ImagePolicy, ImageRepository, ImageUpdateAutomation, SourceReference};
use facts::image::ImageReference;
use facts::meta::{Key, Kind, Status};

use super::Case;
use crate::causes::CauseCode;
use crate::conditions::believed;
use crate::evidence;
use crate::finding::{Finding, when};
use crate::images::{self, Built};
use crate::route::{Configuration, Route, route};
use crate::view::{Gap, Learned, Place};

/// Why image automation has not written the commit's image to Git; `None` if it is not its job here.
pub fn why_not(
    case: &Case<'_, '_>,
    place: &Configuration,
    image: &DeclaredImage,
    built: &Built,
) -> Learned<Option<Finding>> {
    match &image.marker {
        Some(marker) => marked(case, place, image, built, marker).map(Some),
        None => unmarked(case, place, image),
    }
}

/// The line names a policy: something of that policy's has not happened.
fn marked(
    case: &Case<'_, '_>,
    place: &Configuration,
    image: &DeclaredImage,
    built: &Built,
    marker: &str,
) -> Learned<Finding> {
    let key = match marker.split_once(':') {
        Some((namespace, name)) => Key::new(namespace, name),
        None => Key::new("", marker),
    };
    let file = evidence::file(&place.repository, &image.file);
    let Some((cluster, policy)) = policy(case, &key)? else {
        let sentence = Sentence::default()
            .words("the marker in ")
            .object(&file)
            .words(" names the image policy ")
            .name(marker)
            .words(", which does not exist");
        let proof = evidence::evidence(&file, format!("line {}", image.line), marker, None);
        return Ok(
            Finding::blocked(CauseCode::ReleaseMarkerMissing, file, sentence).proof([proof]),
        );
    };
    if let Some(finding) = not_chosen(case, cluster, policy, built)? {
        return Ok(finding);
    }
    let automations = covering(cluster, place, &key.namespace, &image.file)?;
    let Some(automation) = automations.first().copied() else {
        let object = evidence::object(cluster, "ImagePolicy", &policy.meta.key());
        let sentence = Sentence::default()
            .object(&object)
            .words(" has chosen it, but no ImageUpdateAutomation writes to ")
            .name(&image.file)
            .words(": a person has to");
        return Ok(Finding::new(
            CauseCode::ReleaseNeedsPromotion,
            State::NeedsPromotion,
            object,
            sentence,
        ));
    };
    push::not_written(case, place, cluster, policy, automation, image)
}

/// The line names no policy: that is an omission only where a policy has chosen the image for nobody else.
fn unmarked(
    case: &Case<'_, '_>,
    place: &Configuration,
    image: &DeclaredImage,
) -> Learned<Option<Finding>> {
    let cluster = case.target.place;
    cluster.whole(Kind::ImagePolicy, "")?;
    cluster.whole(Kind::ImageRepository, "")?;
    for policy in cluster.policies(&case.target.image.repository) {
        let scanned = cluster.image_repository(&policy.repository.key());
        if !chosen(case, scanned, policy)? {
            continue;
        }
        let elsewhere = used_elsewhere(case, policy, &image.file)?;
        // An automation that also writes another environment's line may leave this one out on purpose; one that
        // covers only this environment has nothing else to do.
        let automations = covering(cluster, place, &policy.meta.namespace, &image.file)?;
        let Some(automation) = automations
            .into_iter()
            .find(|automation| !elsewhere.iter().any(|file| covers(&automation.path, file)))
        else {
            continue;
        };
        let object = evidence::file(&place.repository, &image.file);
        let policy_object = evidence::object(cluster, "ImagePolicy", &policy.meta.key());
        let sentence = Sentence::default()
            .object(&policy_object)
            .words(" has chosen it, but no line of ")
            .object(&object)
            .words(" carries the policy's marker, so nothing is written");
        let proof = [
            evidence::evidence(
                &policy_object,
                "status.latestRef.tag",
                policy.latest_tag.as_deref().unwrap_or_default(),
                None,
            ),
            evidence::evidence(&object, format!("line {}", image.line), "no marker", None),
            evidence::evidence(
                &evidence::object(cluster, "ImageUpdateAutomation", &automation.meta.key()),
                "status.lastPushCommit",
                automation.push_commit.as_deref().unwrap_or("none"),
                automation.pushed,
            ),
        ];
        return Ok(Some(
            Finding::blocked(CauseCode::ReleaseMarkerMissing, object, sentence).proof(proof),
        ));
    }
    Ok(None)
}

/// The files of other environments whose lines carry the policy's marker: where it is at work.
fn used_elsewhere(case: &Case<'_, '_>, policy: &ImagePolicy, file: &str) -> Learned<Vec<String>> {
    let marker = format!("{}:{}", policy.meta.namespace, policy.meta.name);
    let mut files = Vec::new();
    for sibling in case.siblings() {
        let Route::Flux(path) = route(case.view, &sibling)? else {
            continue;
        };
        let Some(place) = path.configuration? else {
            continue;
        };
        let declared = case
            .view
            .declared(&place.repository, &place.branch, &place.path)?;
        if let Some(entry) = declared.and_then(|history| history.entries.first()) {
            let marked = entry
                .images
                .iter()
                .filter(|image| image.file != file && image.marker.as_ref() == Some(&marker));
            files.extend(marked.map(|image| image.file.clone()));
        }
    }
    Ok(files)
}

/// The policy that a marker names: in the target's own cluster, else where automation lives.
fn policy<'a>(case: &Case<'_, 'a>, key: &Key) -> Learned<Option<(Place<'a>, &'a ImagePolicy)>> {
    let own = case.target.place;
    let mut gap: Option<Gap> = None;
    let others = case.view.places().filter(|place| place.name != own.name);
    for place in std::iter::once(own).chain(others) {
        let found = place.image_policy(key);
        match place.object(found, Kind::ImagePolicy, &key.namespace) {
            Ok(Some(policy)) => return Ok(Some((place, policy))),
            Ok(None) => {}
            Err(why) => {
                gap.get_or_insert(why);
            }
        }
    }
    gap.map_or(Ok(None), Err)
}

/// Whether a policy's choice contains the commit.
fn chosen(
    case: &Case<'_, '_>,
    scanned: Option<&ImageRepository>,
    policy: &ImagePolicy,
) -> Learned<bool> {
    let (Some(tag), Some(scanned)) = (&policy.latest_tag, scanned) else {
        return Ok(false);
    };
    let reference = ImageReference {
        repository: ImageReference::parse(&scanned.image).repository,
        tag: Some(tag.clone()),
        digest: policy.latest_digest.clone(),
    };
    Ok(images::contents(case.view, case.key, case.commit, &reference)?.contains())
}

/// Why the policy has not chosen the image; `None` if it has.
fn not_chosen(
    case: &Case<'_, '_>,
    cluster: Place<'_>,
    policy: &ImagePolicy,
    built: &Built,
) -> Learned<Option<Finding>> {
    let key = policy.repository.key();
    let scanned = cluster.image_repository(&key);
    let scanned = cluster.object(scanned, Kind::ImageRepository, &key.namespace)?;
    if chosen(case, scanned, policy)? {
        return Ok(None);
    }
    let object = evidence::object(cluster, "ImagePolicy", &policy.meta.key());
    let Some(scanned) = scanned else {
        let sentence = Sentence::default()
            .object(&object)
            .words(" scans nothing: its ImageRepository ")
            .name(&key.name)
            .words(" does not exist");
        return Ok(Some(Finding::blocked(
            CauseCode::ReleaseScanFailed,
            object,
            sentence,
        )));
    };
    let scan = evidence::object(cluster, "ImageRepository", &key);
    if scanned.suspended || policy.suspended {
        let suspended = if scanned.suspended { scan } else { object };
        let sentence = Sentence::default()
            .object(&suspended)
            .words(" is suspended, so the new image is not noticed");
        let proof = evidence::evidence(&suspended, "spec.suspend", "true", None);
        return Ok(Some(
            Finding::blocked(CauseCode::ReleaseScanSuspended, suspended, sentence).proof([proof]),
        ));
    }
    if let Some(ready) = believed(
        &scanned.conditions,
        "Ready",
        scanned.observed_generation,
        &scanned.meta,
    ) && ready.status == Status::False
    {
        let sentence = Sentence::default()
            .object(&scan)
            .words(" failed to read the registry's tags");
        let sentence = when(sentence, ready.since)
            .words(": ")
            .quote(&ready.message);
        let proof = evidence::condition(&scan, ready);
        let next = scans_next(cluster, scanned);
        return Ok(Some(
            Finding::blocked(CauseCode::ReleaseScanFailed, scan, sentence)
                .since(ready.since)
                .proof(proof)
                .next(next),
        ));
    }
    if !has_seen(case, scanned, built)? {
        return Ok(Some(scan_pending(cluster, scanned)));
    }
    Ok(Some(picks_another(cluster, policy, scanned, built)))
}

/// Whether the scan saw the image: its tag is in the sample, or the scan is younger than the image and its CI run.
fn has_seen(case: &Case<'_, '_>, scanned: &ImageRepository, built: &Built) -> Learned<bool> {
    if let Some(tag) = &built.reference.tag
        && scanned.latest_tags.contains(tag)
    {
        return Ok(true);
    }
    let Some(at) = scanned.scanned else {
        return Ok(false);
    };
    // The image is built before it is pushed; its run ends after. Without the run the image's own time has to do.
    let ci = match case.view.ci(case.key, case.commit) {
        Ok(runs) => runs,
        Err(gap) if gap.pending => return Err(gap),
        Err(_) => &[],
    };
    let pushed = ci
        .iter()
        .map(|run| run.updated)
        .chain(built.contents.created)
        .max();
    Ok(pushed.is_none_or(|pushed| at >= pushed))
}

fn scans_next(cluster: Place<'_>, scanned: &ImageRepository) -> Option<NextAttempt> {
    Some(NextAttempt {
        at: cluster.next_tick(scanned.scanned, scanned.interval),
        who: evidence::object(cluster, "ImageRepository", &scanned.meta.key()),
        what: "scans again".to_owned(),
    })
}

fn scan_pending(cluster: Place<'_>, scanned: &ImageRepository) -> Finding {
    let object = evidence::object(cluster, "ImageRepository", &scanned.meta.key());
    let mut sentence = Sentence::default().object(&object);
    sentence = match scanned.scanned {
        Some(at) => sentence
            .words(" has not scanned the registry since the image was pushed, last ")
            .instant(at),
        None => sentence.words(" has not scanned the registry yet"),
    };
    let next = scans_next(cluster, scanned);
    let proof = evidence::evidence(
        &object,
        "status.lastScanResult.scanTime",
        scanned
            .scanned
            .map_or_else(|| "none".to_owned(), |at| at.to_string()),
        scanned.scanned,
    );
    Finding::waiting(CauseCode::ReleaseScanPending, object, sentence)
        .since(scanned.scanned)
        .proof([proof])
        .next(next)
}

fn picks_another(
    cluster: Place<'_>,
    policy: &ImagePolicy,
    scanned: &ImageRepository,
    built: &Built,
) -> Finding {
    let object = evidence::object(cluster, "ImagePolicy", &policy.meta.key());
    let mut sentence = Sentence::default().object(&object);
    sentence = match &policy.latest_tag {
        Some(tag) => sentence.words(" chooses ").name(tag),
        None => sentence.words(" chooses no tag"),
    };
    if let Some(tag) = &built.reference.tag {
        sentence = sentence.words(" and not ").name(tag);
    }
    sentence = sentence.words(": it takes ").name(&policy.rule);
    if let Some(filter) = &policy.filter {
        sentence = sentence.words(" among tags like ").name(filter);
    }
    let mut proof = vec![evidence::evidence(
        &object,
        "status.latestRef.tag",
        policy.latest_tag.as_deref().unwrap_or("none"),
        scanned.scanned,
    )];
    proof.push(evidence::evidence(
        &object,
        "spec.policy",
        &policy.rule,
        None,
    ));
    if let Some(filter) = &policy.filter {
        proof.push(evidence::evidence(
            &object,
            "spec.filterTags.pattern",
            filter,
            None,
        ));
    }
    let ready = believed(
        &policy.conditions,
        "Ready",
        policy.observed_generation,
        &policy.meta,
    )
    .filter(|ready| ready.status == Status::False);
    if let Some(ready) = ready {
        sentence = sentence.words(", and says ").quote(&ready.message);
        proof.extend(evidence::condition(&object, ready));
    }
    Finding::blocked(CauseCode::ReleasePolicyPicksAnother, object, sentence)
        .since(
            ready
                .and_then(|ready| ready.since)
                .or(built.contents.created),
        )
        .proof(proof)
}

/// The automations that may write a file for policies of a namespace.
fn covering<'a>(
    cluster: Place<'a>,
    place: &Configuration,
    namespace: &str,
    file: &str,
) -> Learned<Vec<&'a ImageUpdateAutomation>> {
    cluster.whole(Kind::ImageUpdateAutomation, namespace)?;
    let mut found = Vec::new();
    for automation in cluster.image_automations() {
        if automation.meta.namespace != namespace || !covers(&automation.path, file) {
            continue;
        }
        let Some(source) = crate::route::source(cluster, &automation.source)? else {
            continue;
        };
        let branch = automation
            .checkout_branch
            .as_deref()
            .or(match &source.reference {
                SourceReference::Branch(branch) => Some(branch.as_str()),
                _ => None,
            });
        if repository_key(&source.url) == place.repository
            && branch.is_none_or(|branch| branch == place.branch)
        {
            found.push(automation);
        }
    }
    Ok(found)
}

fn covers(path: &str, file: &str) -> bool {
    let path = path.trim_start_matches("./").trim_matches('/');
    path.is_empty()
        || path == "."
        || file == path
        || file
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn an_update_path_covers_what_lies_below_it() {
        assert!(covers("./apps/dev", "apps/dev/checkout.yaml"));
        assert!(covers(".", "apps/x.yaml"));
        assert!(covers("", "apps/x.yaml"));
        assert!(!covers("apps/dev", "apps/develop/x.yaml"));
    }
}
