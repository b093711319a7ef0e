//! The steps' words: what each is called in a file, what it can be done to, and what is said of it to people.
//!
//! Owns the table that files are held against and that the documentation is made of. What a step does is `step`'s.

use api::ObjectRef;

use crate::action::{Step, TargetKind};
use crate::call::{Call, Change};
use crate::step::kinds::{self, Part};

/// One step's words.
pub(crate) struct Word {
    /// What it is called in a file.
    pub(crate) name: &'static str,
    /// What it can be done to.
    pub(crate) kinds: &'static [TargetKind],
    /// When it has worked.
    pub(crate) worked: &'static str,
    /// What it changes, as verbs and what they are on: rights that it needs beside those to read.
    pub(crate) rights: &'static [(&'static str, Rights)],
}

/// What a right is on.
pub(crate) enum Rights {
    /// The object itself.
    Target,
    /// What the object is fed by.
    Source,
    /// Another kind, by its plural.
    Of(&'static str),
}

use TargetKind::{
    CronJob, DaemonSet, Deployment, GitRepository, HelmRelease, ImageUpdateAutomation, Job,
    Kustomization, OciRepository, Pod, StatefulSet,
};

const FLUX: &[TargetKind] = &[
    Kustomization,
    HelmRelease,
    GitRepository,
    OciRepository,
    ImageUpdateAutomation,
];

static RESTART: Word = Word {
    name: "restart",
    kinds: &[Deployment, StatefulSet, DaemonSet],
    worked: "every pod is of the new template, and ready",
    rights: &[("patch", Rights::Target)],
};
static SCALE: Word = Word {
    name: "scale",
    kinds: &[Deployment, StatefulSet],
    worked: "so many pods are ready",
    rights: &[("patch", Rights::Target)],
};
static DELETE_POD: Word = Word {
    name: "deletePod",
    kinds: &[Pod],
    worked: "the pod is gone",
    rights: &[("delete", Rights::Target)],
};
static DELETE_JOB: Word = Word {
    name: "deleteJob",
    kinds: &[Job],
    worked: "the Job is gone",
    rights: &[("delete", Rights::Target)],
};
static RUN_CRON_JOB: Word = Word {
    name: "runCronJob",
    kinds: &[CronJob],
    worked: "the Job that was made of it has succeeded",
    rights: &[("create", Rights::Of("jobs"))],
};
static RECONCILE: Word = Word {
    name: "reconcile",
    kinds: FLUX,
    worked: "Flux has handled exactly this request, and is Ready after it",
    rights: &[("patch", Rights::Target), ("patch", Rights::Source)],
};
static SUSPEND: Word = Word {
    name: "suspend",
    kinds: FLUX,
    worked: "the object says that it is suspended",
    rights: &[("patch", Rights::Target)],
};
static RESUME: Word = Word {
    name: "resume",
    kinds: FLUX,
    worked: "the object is not suspended any more",
    rights: &[("patch", Rights::Target)],
};

impl Step {
    /// Its words.
    pub(crate) fn word(&self) -> &'static Word {
        match self {
            Self::Restart { .. } => &RESTART,
            Self::Scale { .. } => &SCALE,
            Self::DeletePod { .. } => &DELETE_POD,
            Self::DeleteJob { .. } => &DELETE_JOB,
            Self::RunCronJob { .. } => &RUN_CRON_JOB,
            Self::Reconcile { .. } => &RECONCILE,
            Self::Suspend { .. } => &SUSPEND,
            Self::Resume { .. } => &RESUME,
        }
    }

    /// Whether a call on behalf of this step, done to an object, is one that the step is said to make: this object or what
    /// feeds it, in that way and no other.
    pub(crate) fn declares(&self, on: &ObjectRef, call: &Call) -> bool {
        let verb = match call.change {
            Change::Merge(_) => "patch",
            Change::Create(_) => "create",
            Change::Delete => "delete",
        };
        let Some(kind) = kinds::named(&call.object.kind) else {
            return false;
        };
        let is_there = call.object.namespace == on.namespace;
        let is_right = call.right == kind.right(verb, &call.object.namespace);
        let named = |(declared, of): &(&str, Rights)| {
            *declared == verb
                && match of {
                    Rights::Target => call.object == *on,
                    // A source may stand in another namespace.
                    Rights::Source => self.asks_source() && kind.part == Part::FluxSource,
                    Rights::Of(plural) => kind.plural == *plural && is_there,
                }
        };
        call.object.system == on.system && is_right && self.word().rights.iter().any(named)
    }

    /// Whether what the object is fed by is asked, too.
    pub(crate) fn asks_source(&self) -> bool {
        matches!(
            self,
            Self::Reconcile {
                source_first: true,
                ..
            }
        )
    }
}

impl TargetKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Deployment,
        StatefulSet,
        DaemonSet,
        Pod,
        CronJob,
        Job,
        Kustomization,
        HelmRelease,
        GitRepository,
        OciRepository,
        ImageUpdateAutomation,
    ];

    /// The kind that is called so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// Its plural, as rights name it.
    pub(crate) fn plural(self) -> &'static str {
        kinds::named(self.name()).map_or("", |kind| kind.plural)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Within;

    fn call(verb: &str, kind: &str, namespace: &str, name: &str) -> Call {
        let known = kinds::named(kind).expect("known");
        Call {
            object: ObjectRef::new("prod", kind, namespace, name),
            path: known.path(namespace, name),
            change: match verb {
                "patch" => Change::Merge(json!({})),
                "create" => Change::Create(json!({})),
                _ => Change::Delete,
            },
            only_if: None,
            stamps: Vec::new(),
            right: known.right(verb, namespace),
        }
    }

    #[test]
    fn a_step_that_does_what_it_does_not_declare_is_found() {
        let within = Within::default();
        let checkout = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let restart = Step::Restart { within };
        let fine = call("patch", "Deployment", "shop", "checkout");
        assert!(restart.declares(&checkout, &fine));
        let mut elsewhere = fine.clone();
        elsewhere.object.system = "staging".to_owned();
        let mut more = fine;
        more.right.resource = "secrets".to_owned();
        for call in [
            call("patch", "Deployment", "shop", "cart"),
            call("delete", "Deployment", "shop", "checkout"),
            call("patch", "GitRepository", "flux-system", "deploy"),
            elsewhere,
            more,
        ] {
            assert!(!restart.declares(&checkout, &call), "{call:?}");
        }
        let shop = ObjectRef::new("prod", "Kustomization", "flux-system", "shop");
        let source = call("patch", "GitRepository", "other", "deploy");
        let reconcile = |source_first| Step::Reconcile {
            source_first,
            reset: false,
            within,
        };
        assert!(reconcile(true).declares(&shop, &source));
        assert!(!reconcile(false).declares(&shop, &source));
        let nightly = ObjectRef::new("prod", "CronJob", "shop", "nightly");
        let run = Step::RunCronJob { within };
        assert!(run.declares(&nightly, &call("create", "Job", "shop", "nightly-")));
        assert!(!run.declares(&nightly, &call("create", "Job", "other", "nightly-")));
        assert!(!run.declares(&nightly, &call("create", "Pod", "shop", "nightly-")));
    }
}
