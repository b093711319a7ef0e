//! What of a commit is not in effect although Flux has applied it: what Flux is told to leave alone, and settings that pods
//! read only when they start.
//!
//! Owns the reading of what the commit changes object by object. What Git does not tell for certain is not judged here;
//! the cautions beside the headline speak of it.

use api::{ObjectRef, Sentence, StageKind};
use facts::code::{Change, Commit, How};
use facts::kubernetes::{ContainerState, Pod};
use facts::meta::{Kind, Reference};
use jiff::Timestamp;

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::missing;
use crate::stages::Case;
use crate::stages::pods::Crew;
use crate::view::{Gap, Learned};

/// The first of it. Where a newer commit is live, what was left alone may have been mended since: that is not known. Pods that began after the commit was made are taken for pods that read it: when it was first applied nobody
/// wrote down.
pub fn finding(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    crew: Option<&Crew<'_>>,
    known: &Commit,
    is_newest: bool,
) -> Learned<Option<(StageKind, Finding)>> {
    let (key, path) = (&way.place.repository, &way.place.path);
    let changes = case.view.changes(key, case.commit, path)?;
    if let Some(finding) = changes.iter().find_map(|one| left_alone(case, way, one)) {
        if !is_newest {
            return Err(Gap::new(format!(
                "Flux leaves {} alone, and whether a newer commit changed that is not read",
                finding.object
            )));
        }
        return Ok(Some((StageKind::Apply, finding)));
    }
    let unread = crew.and_then(|crew| not_restarted(case, crew, changes, known.at));
    Ok(unread.map(|finding| (StageKind::Rollout, finding)))
}

/// What Flux does not do to an object, because it is told so.
fn left_alone(case: &Case<'_, '_>, way: &Way<'_>, change: &Change) -> Option<Finding> {
    let place = case.target.place;
    let one = way.path.kustomization?;
    let reference = reference(case, change);
    let object = evidence::referred(place, &reference);
    let by_annotation = |at: &ObjectRef, annotation: &str| {
        let proof = evidence::evidence(at, "metadata.annotations", annotation, None);
        let why = Sentence::default()
            .words("its annotation ")
            .name(annotation);
        (proof, why)
    };
    let (proof, why) = match (&change.left_alone, annotation(case, &reference)) {
        (Some(annotation), _) => {
            let git = evidence::file(&way.place.repository, &way.place.path);
            by_annotation(&git, annotation)
        }
        (None, Some(annotation)) => by_annotation(&object, annotation),
        (None, None) if change.how == How::Removed && !one.prunes => {
            let kustomization = evidence::object(place, "Kustomization", &one.meta.key());
            let proof = evidence::evidence(&kustomization, "spec.prune", "false", None);
            let why = Sentence::default().object(&kustomization);
            (proof, why.words(" does not prune"))
        }
        (None, None) => return None,
    };
    // What is not there any more was taken out by somebody else.
    let is_gone = missing::applied(place, &reference).is_some_and(|(kind, is_there)| {
        !is_there && place.whole(kind, &reference.namespace).is_ok()
    });
    if change.how == How::Removed && is_gone {
        return None;
    }
    let what = match change.how {
        How::Removed => " is not declared any more, and Flux does not take it out of the cluster: ",
        How::Added | How::Changed => " is left alone by Flux, whatever Git says: ",
    };
    let sentence = Sentence::default().object(&object).words(what).then(why);
    Some(Finding::blocked(CauseCode::ApplyLeftAlone, object, sentence).proof([proof]))
}

/// What in the cluster, and not in Git, keeps Flux from changing an object that is read.
fn annotation(case: &Case<'_, '_>, reference: &Reference) -> Option<&'static str> {
    let (place, key) = (case.target.place, reference.key());
    let meta = match Kind::from_name(&reference.kind)? {
        Kind::Service => place.service(&key).map(|one| &one.meta),
        kind => place.workload(kind, &key).map(|one| &one.meta),
    }?;
    let is = |name: &str, value: &str| meta.annotation(name) == Some(value);
    if is("kustomize.toolkit.fluxcd.io/reconcile", "disabled") {
        return Some("kustomize.toolkit.fluxcd.io/reconcile: disabled");
    }
    is("kustomize.toolkit.fluxcd.io/ssa", "Ignore")
        .then_some("kustomize.toolkit.fluxcd.io/ssa: Ignore")
}

/// Pods that run with the settings of before.
fn not_restarted(
    case: &Case<'_, '_>,
    crew: &Crew<'_>,
    changes: &[Change],
    at: Timestamp,
) -> Option<Finding> {
    let workload = case.target.workload;
    let is_read = |change: &&Change| {
        change.how == How::Changed
            && change.content
            && change.left_alone.is_none()
            && workload.environment.contains(&reference(case, change))
    };
    let change = changes.iter().find(is_read)?;
    let old = crew
        .current
        .iter()
        .find(|pod| began(pod).is_some_and(|begun| begun < at))?;
    let object = case.workload();
    let pod = evidence::pod(case.target.place, old);
    let settings = format!("{} {}", change.object.kind, change.object.name);
    let sentence = Sentence::default()
        .object(&object)
        .words(" takes ")
        .name(settings)
        .words(" into its environment only when its pods start, and ")
        .object(&pod)
        .words(" started before the commit that changes it was made");
    let proof = evidence::evidence(
        &pod,
        "status.containerStatuses.state.running.startedAt",
        began(old).map_or_else(String::new, |begun| begun.to_string()),
        began(old),
    );
    Some(
        Finding::blocked(CauseCode::RolloutNotRestarted, object, sentence)
            .since(Some(at))
            .proof([proof]),
    )
}

/// When the oldest of a pod's containers began: each reads its environment when it starts.
fn began(pod: &Pod) -> Option<Timestamp> {
    let containers = pod.containers.iter().filter(|one| !one.init);
    let since = containers.filter_map(|one| match &one.state {
        ContainerState::Running { since } => *since,
        _ => None,
    });
    since.min()
}

/// The object as it is in the cluster: beside the workload, unless Git names another namespace.
fn reference(case: &Case<'_, '_>, change: &Change) -> Reference {
    Reference {
        kind: change.object.kind.clone(),
        namespace: change
            .namespace
            .clone()
            .unwrap_or_else(|| case.target.namespace().to_owned()),
        name: change.object.name.clone(),
    }
}
