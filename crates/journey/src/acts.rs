//! Which actions fit a cause, on which of the objects that a journey names, with what filled in. Pure.
//!
//! Owns the one table [`FITS`], which docs/CAUSES.md shows beside the causes. Only ids are known here: what an action is,
//! and who may run it, the console asks of the runbook.

use std::collections::BTreeMap;

use api::journey::Cause;
use api::{Journey, ObjectRef, State};
use facts::image::ImageReference;

use crate::causes::CauseCode;
use crate::root::culprit;

/// The object of a journey that an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The cause's own object, where it is of one of these kinds.
    Cause(&'static [&'static str]),
    /// The workload that the cause is about: the app's own, or another that the app waits for.
    Workload,
    /// The app's workload, where the cause's own object is of one of these kinds: a file in Git, and not a pinned source.
    WorkloadAt(&'static [&'static str]),
    /// The first object of one of these kinds that the evidence was read of.
    Evidence(&'static [&'static str]),
    /// The first object of this kind that the cause's own object names in its message.
    Named(&'static str),
}

/// What is filled in for the input that is called `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Nothing: a person says it, or nothing is asked.
    Asked,
    /// The version that waits.
    Waiting,
    /// The version that still runs, where that is surely another commit's.
    Before,
}

/// That an action fits a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The cause.
    pub cause: CauseCode,
    /// The action's id.
    pub action: &'static str,
    /// On what.
    pub on: On,
    /// With what.
    pub to: To,
}

/// An action that fits a journey's cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitting {
    /// The action's id.
    pub action: &'static str,
    /// On what.
    pub object: ObjectRef,
    /// What is filled in, by the inputs' names.
    pub inputs: BTreeMap<String, String>,
}

/// What makes pods.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];
/// What Flux applies by.
const APPLIER: On = On::Evidence(&["Kustomization", "HelmRelease"]);
/// What is suspended, and what is asked to look again.
const OF_FLUX: On = On::Cause(&[
    "Kustomization",
    "HelmRelease",
    "GitRepository",
    "OCIRepository",
    "ImageUpdateAutomation",
]);
/// What Helm gave up on.
const RELEASE: On = On::Cause(&["HelmRelease"]);
/// What is changed by a line in Git: there the version is written, or a policy has chosen it and nobody writes it.
const IN_GIT: On = On::WorkloadAt(&["File", "ImagePolicy"]);

/// Declares [`FITS`]: `Cause "action" where, to;`
macro_rules! fits {
    ($($cause:ident $action:literal $on:expr, $to:ident;)*) => {
        /// Every action that fits a cause, by causes in the order of stages, the most fitting first.
        pub const FITS: &[Fit] = &[$(Fit {
            cause: CauseCode::$cause,
            action: $action,
            on: $on,
            to: To::$to,
        }),*];
    };
}

fits! {
    ReleaseMarkerMissing "deploy" IN_GIT, Waiting;
    ReleaseAutomationSuspended "resume" OF_FLUX, Asked;
    ReleaseAutomationPending "reconcile" OF_FLUX, Asked;
    ReleaseNeedsPromotion "promote" IN_GIT, Waiting;

    SourcePending "reconcile" OF_FLUX, Asked;
    SourceSuspended "resume" OF_FLUX, Asked;

    ApplySuspended "resume" OF_FLUX, Asked;
    ApplyPending "reconcile" OF_FLUX, Asked;
    ApplyImmutableField "delete-job" On::Named("Job"), Asked;
    ApplyImmutableField "reconcile-reset" RELEASE, Asked;
    ApplyAdmissionDenied "reconcile-reset" RELEASE, Asked;
    ApplyAdmissionUnreachable "reconcile-reset" RELEASE, Asked;
    ApplyForbidden "reconcile-reset" RELEASE, Asked;
    ApplyHealthCheckFailed "delete-job" On::Named("Job"), Asked;
    ApplyHealthCheckFailed "reconcile" OF_FLUX, Asked;
    ApplyHelmValues "reconcile-reset" RELEASE, Asked;
    ApplyHelmFailed "reconcile-reset" RELEASE, Asked;
    ApplyHelmTestFailed "reconcile-reset" RELEASE, Asked;

    RolloutScaledToZero "scale" On::Workload, Asked;
    RolloutDeadline "roll-back" On::Workload, Before;
    RolloutDeadline "restart" On::Workload, Asked;
    RolloutWorkloadMissing "reconcile" APPLIER, Asked;
    RolloutDrifted "reconcile" APPLIER, Asked;
    RolloutNotRestarted "restart" On::Workload, Asked;

    PodsImagePull "roll-back" On::Workload, Before;
    PodsConfigMissing "roll-back" On::Workload, Before;
    PodsOutOfMemory "restart" On::Workload, Asked;
    PodsOutOfMemory "roll-back" On::Workload, Before;
    PodsCrash "restart" On::Workload, Asked;
    PodsCrash "roll-back" On::Workload, Before;
    PodsInitFailed "roll-back" On::Workload, Before;
    PodsProbeFailing "restart" On::Workload, Asked;
    PodsProbeFailing "roll-back" On::Workload, Before;
    PodsTagMoved "restart" On::Workload, Asked;
    PodsNotReady "restart" On::Workload, Asked;

    ServingServiceMissing "reconcile" APPLIER, Asked;
}

/// The actions that fit a cause, the most fitting first.
pub fn of_cause(cause: CauseCode) -> impl Iterator<Item = &'static Fit> {
    FITS.iter().filter(move |fit| fit.cause == cause)
}

/// The actions that fit what stops a journey. None where nothing does, where something is at work on it, and where its
/// cluster does not answer.
pub fn fitting(journey: &Journey) -> Vec<Fitting> {
    let stopped = matches!(
        journey.state,
        State::Waiting | State::NeedsPromotion | State::Blocked | State::RolledBack
    );
    let (true, None, Some(cause)) = (stopped, journey.stale_since, &journey.cause) else {
        return Vec::new();
    };
    let fits = FITS.iter().filter(|fit| fit.cause.code() == cause.code);
    fits.filter_map(|fit| {
        let object = target(fit, journey, cause)?;
        let to = version(fit.to, journey, cause, &object);
        Some(Fitting {
            action: fit.action,
            object,
            inputs: to.map(|to| ("to".to_owned(), to)).into_iter().collect(),
        })
    })
    .collect()
}

fn target(fit: &Fit, journey: &Journey, cause: &Cause) -> Option<ObjectRef> {
    let is_of = |object: &ObjectRef, kinds: &[&str]| kinds.contains(&object.kind.as_str());
    let own = || {
        // At another stage than its own a cause is one that the app waits for: the app's workload has no part in it.
        let running = journey.running.as_ref();
        let running = running.filter(|_| cause.stage == fit.cause.stage());
        running.map(|one| one.workload.clone())
    };
    match fit.on {
        On::Cause(kinds) => is_of(&cause.object, kinds).then(|| cause.object.clone()),
        On::Workload if cause.workload.is_some() => cause.workload.clone(),
        On::Workload if is_of(&cause.object, &WORKLOADS) => Some(cause.object.clone()),
        On::Workload => own(),
        On::WorkloadAt(kinds) if is_of(&cause.object, kinds) => own(),
        On::WorkloadAt(_) => None,
        On::Evidence(kinds) => {
            let mut read = journey.evidence.iter().map(|line| &line.object);
            read.find(|object| is_of(object, kinds)).cloned()
        }
        On::Named(kind) => {
            let lines = journey.evidence.iter();
            let told = lines.filter(|line| line.object == cause.object);
            let mut named = told.flat_map(|line| culprit::named(&line.value));
            let (kind, key) = named.find(|(known, _)| *known == kind)?;
            let system = &cause.object.system;
            Some(ObjectRef::new(system, kind, key.namespace, key.name))
        }
    }
}

fn version(to: To, journey: &Journey, cause: &Cause, object: &ObjectRef) -> Option<String> {
    match to {
        To::Asked => None,
        To::Waiting => cause.version.clone(),
        To::Before => {
            let running = journey.running.as_ref();
            let running = running.filter(|one| one.ready > 0 && one.workload == *object)?;
            let (asked, runs) = (journey.commit.as_ref()?, running.commit.as_ref()?);
            let image = ImageReference::parse(&running.image);
            let version = image.tag.or(image.digest);
            version.filter(|_| (&asked.repository, &asked.sha) != (&runs.repository, &runs.sha))
        }
    }
}

/// The object of an action, in docs/CAUSES.md.
pub(crate) fn says(on: On) -> String {
    match on {
        On::Cause(_) => "on it".to_owned(),
        On::Workload | On::WorkloadAt(_) => "on the workload".to_owned(),
        On::Evidence(kinds) => format!("on the {}", kinds.join(" or ")),
        On::Named(kind) => format!("on the {kind} that the message names"),
    }
}

#[cfg(test)]
mod tests;
