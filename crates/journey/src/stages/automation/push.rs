//! The last step of image automation: the chosen image is written to Git and pushed.
//!
//! Owns why an ImageUpdateAutomation has not pushed what its policy chose. The choice is made above.

use api::journey::NextAttempt;
use api::{Sentence, State};
use facts::code::{DeclaredImage, HeadOf, PullRequest};
use facts::flux::{ImagePolicy, ImageUpdateAutomation, Revision};
use facts::image::ImageReference;
use facts::meta::Status;

use crate::causes::CauseCode;
use crate::conditions::believed;
use crate::evidence;
use crate::finding::{Finding, when};
use crate::route::Configuration;
use crate::stages::Case;
use crate::stages::release::promotion;
use crate::view::{Learned, Place};

/// The policy has chosen the image; why Git does not have it yet.
pub fn not_written(
    case: &Case<'_, '_>,
    place: &Configuration,
    cluster: Place<'_>,
    policy: &ImagePolicy,
    automation: &ImageUpdateAutomation,
    image: &DeclaredImage,
) -> Learned<Finding> {
    let object = evidence::object(cluster, "ImageUpdateAutomation", &automation.meta.key());
    if automation.suspended {
        let sentence = Sentence::default()
            .object(&object)
            .words(" is suspended, so nothing writes the chosen image to Git");
        let proof = evidence::evidence(&object, "spec.suspend", "true", None);
        return Ok(
            Finding::blocked(CauseCode::ReleaseAutomationSuspended, object, sentence)
                .proof([proof]),
        );
    }
    let next = NextAttempt {
        at: cluster.next_tick(automation.ran, automation.interval),
        who: object.clone(),
        what: "runs again".to_owned(),
    };
    if let Some(ready) = believed(
        &automation.conditions,
        "Ready",
        automation.observed_generation,
        &automation.meta,
    ) && ready.status == Status::False
    {
        let sentence = Sentence::default()
            .object(&object)
            .words(" failed to push to Git");
        let sentence = when(sentence, ready.since)
            .words(": ")
            .quote(&ready.message);
        let proof = evidence::condition(&object, ready);
        return Ok(
            Finding::blocked(CauseCode::ReleasePushRefused, object, sentence)
                .since(ready.since)
                .proof(proof)
                .next(Some(next)),
        );
    }
    let tag = policy.latest_tag.as_deref().unwrap_or_default();
    let observed = automation
        .observed_policies
        .get(&policy.meta.name)
        .is_some_and(|reference| ImageReference::parse(reference).tag.as_deref() == Some(tag));
    let aside = automation
        .push_branch
        .as_deref()
        .filter(|branch| *branch != place.branch);
    if let Some(branch) = aside
        && (observed || automation.pushed.is_some())
        && is_pushed(case, place, branch)?
    {
        return aside_branch(case, place, &object, automation, branch);
    }
    if observed && let Some(finding) = not_read_yet(case, place, &object, automation)? {
        return Ok(finding);
    }
    if observed {
        let file = evidence::file(&place.repository, &image.file);
        let sentence = Sentence::default()
            .object(&object)
            .words(" has run since and changed nothing: the marker in ")
            .object(&file)
            .words(" does not reach the image's line");
        let proof = evidence::evidence(
            &object,
            "status.observedPolicies",
            automation
                .observed_policies
                .get(&policy.meta.name)
                .map_or("", String::as_str),
            automation.ran,
        );
        return Ok(
            Finding::blocked(CauseCode::ReleaseMarkerMissing, file, sentence)
                .since(automation.ran)
                .proof([proof]),
        );
    }
    let mut sentence = Sentence::default()
        .object(&object)
        .words(" has not written the chosen image to Git yet");
    if let Some(ran) = automation.ran {
        sentence = sentence.words(", it ran last ").instant(ran);
    }
    let proof = evidence::evidence(
        &object,
        "status.lastAutomationRunTime",
        automation
            .ran
            .map_or_else(|| "none".to_owned(), |at| at.to_string()),
        automation.ran,
    );
    Ok(
        Finding::waiting(CauseCode::ReleaseAutomationPending, object, sentence)
            .since(automation.ran)
            .proof([proof])
            .next(Some(next)),
    )
}

/// The automation's last push is not in the history that was read: Git has moved on since.
fn not_read_yet(
    case: &Case<'_, '_>,
    place: &Configuration,
    object: &api::ObjectRef,
    automation: &ImageUpdateAutomation,
) -> Learned<Option<Finding>> {
    let pushed = automation.push_commit.as_deref().map(Revision::new);
    let Some(commit) = pushed.as_ref().and_then(Revision::commit) else {
        return Ok(None);
    };
    let head = case.view.head_of(&place.repository, &place.branch)?;
    let relation = case.view.relation(&place.repository, commit, head)?;
    if relation.is_contained() == Some(true) {
        return Ok(None);
    }
    let sentence = Sentence::default()
        .object(object)
        .words(" pushed ")
        .commit(&place.repository, commit)
        .words(", which is not on ")
        .name(&place.branch)
        .words(" as it was read last");
    let proof = evidence::evidence(object, "status.lastPushCommit", commit, automation.pushed);
    Ok(Some(
        Finding::moving(
            CauseCode::ReleaseAutomationPending,
            object.clone(),
            sentence,
        )
        .since(automation.pushed)
        .proof([proof]),
    ))
}

/// Whether a branch of the automation's own may have the commit: what it pushed there last may be older.
fn is_pushed(case: &Case<'_, '_>, place: &Configuration, branch: &str) -> Learned<bool> {
    match promotion::brings(case, place, branch) {
        Err(gap) if gap.pending => Err(gap),
        brings => Ok(brings.unwrap_or(true)),
    }
}

/// The automation pushes to a branch of its own: somebody has to merge it.
fn aside_branch(
    case: &Case<'_, '_>,
    place: &Configuration,
    object: &api::ObjectRef,
    automation: &ImageUpdateAutomation,
    branch: &str,
) -> Learned<Finding> {
    let is_its = |pull: &&PullRequest| {
        pull.head_of == HeadOf::Own && pull.head == branch && pull.base == place.branch
    };
    if let Some(pull) = case.view.open_pulls(&place.repository)?.iter().find(is_its) {
        return Ok(promotion::open_pull(place, pull));
    }
    let sentence = Sentence::default()
        .object(object)
        .words(" pushed it to branch ")
        .name(branch)
        .words(", which nobody has merged into ")
        .name(&place.branch);
    let proof = [
        evidence::evidence(object, "spec.git.push.branch", branch, None),
        evidence::evidence(
            object,
            "status.lastPushCommit",
            automation.push_commit.as_deref().unwrap_or("none"),
            automation.pushed,
        ),
    ];
    Ok(Finding::new(
        CauseCode::ReleaseOnUnmergedBranch,
        State::NeedsPromotion,
        object.clone(),
        sentence,
    )
    .since(automation.pushed)
    .proof(proof))
}
