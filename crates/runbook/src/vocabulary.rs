//! The steps' words: what each is called in a file, what it can be done to, and what is said of it to people.
//!
//! Owns the table that files are held against and that the documentation is made of. What a step does is `step`'s.

use api::ObjectRef;

use crate::action::{Step, TargetKind};
use crate::call::{Call, Change, ObjectCall};
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
    /// The automations that would set a version back.
    Automation,
    /// The repository that declares the object, at its code host: no right of the cluster.
    Repository,
    /// The object itself, in AWS: the verb is IAM's action.
    Iam,
}

use TargetKind::{
    CronJob, DaemonSet, Deployment, EcsService, EcsTask, GitRepository, HelmRelease,
    ImageUpdateAutomation, Job, Kustomization, OciRepository, Pod, StatefulSet,
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

static SET_VERSION: Word = Word {
    name: "setVersion",
    kinds: &[Deployment, StatefulSet, DaemonSet, CronJob, HelmRelease],
    worked: "Flux has applied the commit, and every pod is of that version and ready; of a pull request: it is open",
    rights: &[("push", Rights::Repository), ("patch", Rights::Automation)],
};

static ECS_RESTART: Word = Word {
    name: "ecsRestart",
    kinds: &[EcsService],
    worked: "the deployment that it began is complete, and every task is of it",
    rights: &[("ecs:UpdateService", Rights::Iam)],
};
static ECS_SCALE: Word = Word {
    name: "ecsScale",
    kinds: &[EcsService],
    worked: "so many tasks run",
    rights: &[("ecs:UpdateService", Rights::Iam)],
};
static ECS_SET_TASK_DEFINITION: Word = Word {
    name: "ecsSetTaskDefinition",
    kinds: &[EcsService],
    worked: "the deployment of that revision is complete, and every task is of it",
    rights: &[("ecs:UpdateService", Rights::Iam)],
};
static ECS_STOP_TASK: Word = Word {
    name: "ecsStopTask",
    kinds: &[EcsTask],
    worked: "the task has stopped",
    rights: &[("ecs:StopTask", Rights::Iam)],
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
            Self::SetVersion { .. } => &SET_VERSION,
            Self::EcsRestart { .. } => &ECS_RESTART,
            Self::EcsScale { .. } => &ECS_SCALE,
            Self::EcsSetTaskDefinition { .. } => &ECS_SET_TASK_DEFINITION,
            Self::EcsStopTask { .. } => &ECS_STOP_TASK,
        }
    }

    /// Whether a call on behalf of this step, done to an object, is one that the step is said to make: this object or what
    /// feeds it, in that way and no other.
    pub(crate) fn declares(&self, on: &ObjectRef, call: &Call) -> bool {
        match call {
            Call::Object(call) => self.declares_change(on, call),
            Call::Commit(commit) => {
                let mut rights = self.word().rights.iter();
                commit.system == on.system && rights.any(|(_, of)| matches!(of, Rights::Repository))
            }
            Call::Ecs(call) => {
                let mut rights = self.word().rights.iter();
                let is_named = |(verb, of): &(&str, Rights)| {
                    *verb == call.action() && matches!(of, Rights::Iam)
                };
                call.object == *on && rights.any(is_named)
            }
        }
    }

    fn declares_change(&self, on: &ObjectRef, call: &ObjectCall) -> bool {
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
                    // They may stand in another namespace, beside the source.
                    Rights::Automation => kind.name == ImageUpdateAutomation.name(),
                    Rights::Repository | Rights::Iam => false,
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
    pub const ALL: [Self; 13] = [
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
        EcsService,
        EcsTask,
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
    use crate::action::{Parameter, Value};
    use crate::call::{Commit, EcsCall, EcsChange, EcsVersion, Landing};

    fn call(verb: &str, kind: &str, namespace: &str, name: &str) -> ObjectCall {
        let known = kinds::named(kind).expect("known");
        ObjectCall {
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
    fn only_what_sets_a_version_commits_and_only_for_its_own_system() {
        let checkout = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let within = Within::default();
        let text = |text: &str| Parameter::Fixed(Value::Text(text.to_owned()));
        let set = Step::SetVersion {
            to: text("1.4.2"),
            by: text("commit"),
            image: None,
            within,
        };
        let mut commit = Commit {
            system: "prod".to_owned(),
            repository: "https://github.com/lakeside/deploy".to_owned(),
            branch: "main".to_owned(),
            head: "1".to_owned(),
            path: String::new(),
            wanted: Vec::new(),
            edits: Vec::new(),
            message: String::new(),
            landing: Landing::Commit,
        };
        let here = Call::Commit(commit.clone());
        assert!(set.declares(&checkout, &here));
        assert!(!Step::Restart { within }.declares(&checkout, &here));
        "staging".clone_into(&mut commit.system);
        assert!(!set.declares(&checkout, &Call::Commit(commit)));
        // Of the cluster it changes the automation alone.
        let of = |kind| call("patch", kind, "flux-system", "x");
        assert!(set.declares_change(&checkout, &of("ImageUpdateAutomation")));
        assert!(!set.declares_change(&checkout, &of("Kustomization")));
        let target = call("patch", "Deployment", "shop", "checkout");
        assert!(!set.declares_change(&checkout, &target));
    }

    #[test]
    fn only_the_steps_of_ecs_change_a_service_or_a_task_and_only_their_own() {
        let within = Within::default();
        let api = ObjectRef::new("aws", "ECS service", "shop", "api");
        let call = |object: &ObjectRef, change| {
            let version = EcsVersion {
                uid: "u".to_owned(),
                deployment: None,
                task_definition: None,
                desired_count: None,
            };
            Call::Ecs(EcsCall {
                object: object.clone(),
                change,
                only_if: version,
            })
        };
        let restart = Step::EcsRestart { within };
        let forced = call(&api, EcsChange::ForceDeployment);
        assert!(restart.declares(&api, &forced));
        assert!(!Step::Restart { within }.declares(&api, &forced));
        assert!(!Step::EcsStopTask { within }.declares(&api, &forced));
        assert!(!restart.declares(&api, &call(&api, EcsChange::StopTask)));
        let cart = ObjectRef::new("aws", "ECS service", "shop", "cart");
        assert!(!restart.declares(&api, &call(&cart, EcsChange::ForceDeployment)));
    }

    #[test]
    fn a_step_that_does_what_it_does_not_declare_is_found() {
        let within = Within::default();
        let checkout = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let restart = Step::Restart { within };
        let fine = call("patch", "Deployment", "shop", "checkout");
        assert!(restart.declares_change(&checkout, &fine));
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
            assert!(!restart.declares_change(&checkout, &call), "{call:?}");
        }
        let shop = ObjectRef::new("prod", "Kustomization", "flux-system", "shop");
        let source = call("patch", "GitRepository", "other", "deploy");
        let reconcile = |source_first| Step::Reconcile {
            source_first,
            reset: false,
            within,
        };
        assert!(reconcile(true).declares_change(&shop, &source));
        assert!(!reconcile(false).declares_change(&shop, &source));
        let nightly = ObjectRef::new("prod", "CronJob", "shop", "nightly");
        let run = Step::RunCronJob { within };
        assert!(run.declares_change(&nightly, &call("create", "Job", "shop", "nightly-")));
        assert!(!run.declares_change(&nightly, &call("create", "Job", "other", "nightly-")));
        assert!(!run.declares_change(&nightly, &call("create", "Pod", "shop", "nightly-")));
    }
}
