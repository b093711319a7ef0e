//! Run a CronJob now: a Job of its template, called as the run is, so that one run makes one Job.
//!
//! Owns the Job, as `kubectl create job --from` makes it, and when the CronJob allows none beside those that run.

use api::ObjectRef;
use api::headline::plain;
use serde_json::{Map, Value as Json, json};

use crate::action::Step;
use crate::call::{Call, Change, NAME, ObjectCall, run_stamp};
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::{Changed, PlannedStep};
use crate::step::delete_job::{End, end};
use crate::step::object::Object;
use crate::step::words::{are, pods};
use crate::step::{Effect, Planned, Unfit, changing, hidden, kinds};

const JOB: &str = "Job";

/// The longest name of a Job: it stands in a label of its pods.
const LONGEST_NAME: usize = 63;

/// What a run's id may take of it: a UUID's characters.
const LONGEST_RUN: usize = 36;

pub(super) fn looks(on: &ObjectRef) -> Vec<Look> {
    let jobs = Look::All {
        system: on.system.clone(),
        kind: JOB,
        namespace: on.namespace.clone(),
    };
    vec![Look::Object(on.clone()), jobs]
}

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    let unfit = |says: String| Err(Unfit { says });
    if on.kind != "CronJob" {
        return unfit(format!("{on} is no CronJob"));
    }
    let object = Object::planned_on(ground, on)?;
    let mut touches = Vec::new();
    let mut cautions = Vec::new();
    let policy = object.text("spec.concurrencyPolicy")?.unwrap_or("Allow");
    let active = match active(&object, ground) {
        Ok(active) => active,
        Err(why) => {
            cautions.push(format!(
                "Whether a Job that was started by hand still runs cannot be told: {why}"
            ));
            scheduled(&object)?
        }
    };
    match (policy, active.first()) {
        ("Forbid", Some(job)) => {
            return unfit(format!(
                "{on} forbids two at a time, and {JOB} {}/{job} still runs",
                on.namespace
            ));
        }
        (_, Some(job)) => touches.push(format!(
            "{JOB} {}/{job} still runs: both run at the same time",
            on.namespace
        )),
        (_, None) => {}
    }
    if policy != "Allow" {
        cautions
            .push("A Job that the schedule starts meanwhile does not wait for this one".to_owned());
    }
    if object.flag("spec.suspend")? {
        cautions.push(format!(
            "{on} is suspended: it runs this once, and stays suspended"
        ));
    }
    let keeps = object.number("spec.successfulJobsHistoryLimit")?;
    let lives = object.number("spec.jobTemplate.spec.ttlSecondsAfterFinished")?;
    if keeps == Some(0) || lives.is_some_and(|seconds| seconds < 60) {
        cautions.push(
            "A Job of it is deleted soon after its end: whether it succeeded may not be seen"
                .to_owned(),
        );
    }
    // Where Jobs cannot be listed that is said above.
    if let Ok(Some(job)) = newest(&object, ground) {
        // With it a plan is another one once it has been run: who says the same thing twice has not meant two Jobs.
        touches.push(format!("The newest Job of it is {job}"));
    }
    let (call, changes) = make(&object)?;
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!("Starts a Job of {on} now"),
            calls: vec![call],
            changes,
        }],
        touches,
        cautions,
    })
}

/// The Jobs of it that are not over, whoever started them: its own status knows only those of its schedule.
fn active(object: &Object<'_>, ground: &Ground) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for job in jobs(object, ground)? {
        if end(&job)?.is_none() {
            names.push(job.on.name);
        }
    }
    Ok(names)
}

/// The Job of it that was made last.
fn newest(object: &Object<'_>, ground: &Ground) -> Result<Option<String>, String> {
    let mut newest: Option<(String, String)> = None;
    for job in jobs(object, ground)? {
        let made = job.text("metadata.creationTimestamp")?.unwrap_or_default();
        newest = newest.max(Some((made.to_owned(), job.on.name.clone())));
    }
    Ok(newest.map(|(_, name)| name))
}

/// The Jobs of it that are there.
fn jobs<'a>(object: &Object<'_>, ground: &'a Ground) -> Result<Vec<Object<'a>>, String> {
    let on = &object.on;
    let uid = object.text("metadata.uid")?.unwrap_or_default();
    let mut all = Vec::new();
    for json in ground.all(&on.system, JOB, &on.namespace)? {
        let job = Object::listed(&on.system, JOB, json);
        let owners = job.list("metadata.ownerReferences")?;
        if owners.iter().any(|owner| owner["uid"] == uid) {
            all.push(job);
        }
    }
    Ok(all)
}

fn scheduled(object: &Object<'_>) -> Result<Vec<String>, String> {
    let active = object.list("status.active")?;
    let names = active.iter().filter_map(|job| job["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The call that makes the Job.
fn make(object: &Object<'_>) -> Result<(Call, Vec<Changed>), String> {
    let on = &object.on;
    let spec = object.field("spec.jobTemplate.spec")?;
    let spec = spec.filter(|spec| spec.is_object());
    let spec = spec.ok_or_else(|| format!("{on} has no template of a Job"))?;
    let labels = map(object, "spec.jobTemplate.metadata.labels")?;
    let mut annotations = map(object, "spec.jobTemplate.metadata.annotations")?;
    annotations.insert(
        "cronjob.kubernetes.io/instantiate".to_owned(),
        json!("manual"),
    );
    annotations.remove(crate::call::RUN);
    let found =
        hidden::secret_in(spec).or_else(|| hidden::secret_in(&Json::Object(annotations.clone())));
    if let Some(place) = found {
        return Err(format!(
            "the template of {on} holds what looks like a secret ({place}), and a plan is written down: it belongs in a Secret that the template names"
        ));
    }
    let version = object.version()?;
    let name = prefix(&on.name);
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": JOB,
        "metadata": {
            "name": name,
            "namespace": on.namespace,
            "labels": labels,
            "annotations": annotations,
            // No `blockOwnerDeletion`: it takes a right on the CronJob's finalizers.
            "ownerReferences": [{
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "name": on.name,
                "uid": version.uid,
                "controller": true,
            }],
        },
        "spec": spec,
    });
    let jobs = kinds::named(JOB).ok_or_else(|| format!("nothing is known of the kind {JOB}"))?;
    let made = ObjectRef::new(&on.system, JOB, &on.namespace, &name);
    let changes = vec![Changed {
        object: made.clone(),
        field: "metadata.name".to_owned(),
        from: None,
        to: Some(format!("{name}{}", changing::THE_RUN)),
    }];
    let call = ObjectCall {
        object: made,
        path: jobs.collection(&on.namespace),
        change: Change::Create(job),
        only_if: None,
        stamps: vec![NAME.to_owned(), run_stamp()],
        right: jobs.right("create", &on.namespace),
    };
    Ok((call.into(), changes))
}

fn map(object: &Object<'_>, path: &str) -> Result<Map<String, Json>, String> {
    match object.field(path)? {
        None => Ok(Map::new()),
        Some(Json::Object(map)) => Ok(map.clone()),
        Some(_) => Err(format!("{path} of {} cannot be read", object.on)),
    }
}

/// What a Job's name begins with, for the run's id to follow.
fn prefix(name: &str) -> String {
    let cut: String = name.chars().take(LONGEST_NAME - LONGEST_RUN - 1).collect();
    format!("{}-", cut.trim_end_matches(['-', '.']))
}

pub(super) fn watches(step: &PlannedStep, run: &RunId) -> Vec<Look> {
    let made = step.calls.iter().filter_map(Call::object);
    let made = made.map(|call| call.subject(run));
    made.map(Look::Object).collect()
}

pub(super) fn seen(step: &PlannedStep, run: &RunId, ground: &Ground) -> Result<Effect, Effect> {
    let Some(call) = step.calls.first().and_then(Call::object) else {
        return Err(Effect::Unknown {
            says: format!("Which Job was to be made of {} is not in the plan", step.on),
        });
    };
    let job = call.subject(run);
    let Some(json) = ground.object(&job)? else {
        return Err(Effect::Unknown {
            says: format!("{job} is not there: whether it was made, and succeeded, cannot be told"),
        });
    };
    let object = Object::new(&job, json);
    object.is_of(run)?;
    Ok(match end(&object)? {
        Some(End::Succeeded) => Effect::Worked {
            says: format!("{job} has succeeded"),
        },
        Some(End::Failed(failed)) => Effect::Failed {
            says: format!("{job} has failed ({})", failed.words()),
        },
        None if object.field("metadata.deletionTimestamp")?.is_some() => Effect::Failed {
            says: format!("{job} is being deleted before its end"),
        },
        None if object.flag("spec.suspend")? => Effect::NotYet {
            says: format!("{job} is suspended: it begins when somebody resumes it"),
        },
        None => {
            let active = object.count("status.active")?;
            let failed = object.count("status.failed")?;
            let before = match failed {
                0 => String::new(),
                failed => format!(", {} failed before", pods(failed)),
            };
            Effect::NotYet {
                says: plain(
                    &format!("{job}: {} {} active{before}", pods(active), are(active)),
                    300,
                ),
            }
        }
    })
}
