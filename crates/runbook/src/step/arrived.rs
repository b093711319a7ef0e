//! Whether a call has arrived whose answer was lost, as far as its object tells.
//!
//! Owns that judgement, by which a run goes on, breaks off, or waits for a person. What cannot be told is `None`; nothing is
//! ever sent again because of a guess.
//!
//! A merge was sent for one version of one object, so the server takes it only while the object is that version. While it
//! still is, the merge has not changed it: no, so far. It may be on its way, which is why a no is no leave to send it again.
//! Once the version is another, something was written: if the object carries this run's mark and all that the merge sets, it
//! was ours (the mark alone does not do: an earlier step of the same run leaves it, too). A step that follows another one on
//! the same object names no version: it is told by what the object carries alone. If not, somebody else's write is
//! on top: ours may have come before it and been overwritten, or never come. That cannot be told.
//!
//! What is made bears the run in its name and its mark. If it is not there, it never came, or it came, ended and was cleared
//! away, as Jobs are: that cannot be told.
//!
//! A commit bears the run in its trailer, a pull request in its branch's name: the hands find them, or say that they cannot
//! tell. One that is not there has not arrived, so far.
//!
//! ECS keeps no mark of who wrote. A service that has the count or the revision that was wanted, and had another, is what was
//! wanted, whoever did it; so is a task that is gone or going. A new deployment of what runs already may be anybody's: whether
//! ours came cannot be told.
//!
//! What is to be deleted and is gone, or going, or another object by now, is what was wanted, whoever did it.

use serde_json::Value as Json;

use crate::call::{Call, Change, Commit, EcsCall, EcsChange, Landing, ObjectCall, RUN};
use crate::ground::Ground;
use crate::journal::RunId;

/// See the head of this file. `ground` has what was read of the call's [`Call::look`].
pub(super) fn arrived(call: &Call, run: &RunId, ground: &Ground) -> Option<bool> {
    match call {
        Call::Object(call) => of_object(call, run, ground),
        Call::Commit(commit) => of_commit(commit, run, ground),
        Call::Ecs(call) => of_ecs(call, ground),
    }
}

fn of_ecs(call: &EcsCall, ground: &Ground) -> Option<bool> {
    let found = ground.object(&call.object).ok()?;
    if call.change == EcsChange::StopTask {
        // ECS forgets a task about an hour after it has stopped.
        let Some(task) = found else { return Some(true) };
        if task["metadata"]["uid"] != call.only_if.uid.as_str() {
            return None;
        }
        return Some(task["spec"]["desiredStatus"].as_str()? == "STOPPED");
    }
    let service = found?;
    if service["metadata"]["uid"] != call.only_if.uid.as_str() {
        return None;
    }
    let deployment = service["metadata"]["resourceVersion"].as_str()?;
    let is_new = Some(deployment) != call.only_if.deployment.as_deref();
    match &call.change {
        EcsChange::DesiredCount(wanted) => {
            let count = service["spec"]["desiredCount"].as_i64()?;
            let is_as_before = Some(count) == call.only_if.desired_count;
            match count == i64::from(*wanted) {
                // What it was before is no change: nothing tells whether one came.
                true => (!is_as_before).then_some(true),
                false => is_as_before.then_some(false),
            }
        }
        EcsChange::TaskDefinition(wanted) => {
            let revision = service["spec"]["taskDefinition"].as_str()?;
            let is_as_before = Some(revision) == call.only_if.task_definition.as_deref();
            match revision == wanted {
                true => (is_new && !is_as_before).then_some(true),
                false => (is_as_before && !is_new).then_some(false),
            }
        }
        EcsChange::ForceDeployment => (!is_new).then_some(false),
        EcsChange::StopTask => None,
    }
}

fn of_commit(commit: &Commit, run: &RunId, ground: &Ground) -> Option<bool> {
    let landed = ground.landed(&commit.look(run)).ok()?;
    match commit.landing {
        _ if landed.commit.is_some() => Some(true),
        Landing::Commit => Some(false),
        Landing::PullRequest if landed.pull.is_some() => Some(true),
        // Its branch was made: the pull request may have come and be shown later, or never.
        Landing::PullRequest => landed.branch.is_none().then_some(false),
    }
}

fn of_object(call: &ObjectCall, run: &RunId, ground: &Ground) -> Option<bool> {
    let found = ground.object(&call.subject(run)).ok()?;
    let is_marked = |object: &Json| object["metadata"]["annotations"][RUN] == run.as_str();
    match &call.change {
        Change::Create(_) => found.map(is_marked),
        Change::Delete => match found {
            None => Some(true),
            Some(object) => {
                let uid = object["metadata"]["uid"].as_str()?;
                let is_other = call
                    .only_if
                    .as_ref()
                    .is_some_and(|version| version.uid != uid);
                let is_going = !object["metadata"]["deletionTimestamp"].is_null();
                Some(is_other || is_going)
            }
        },
        Change::Merge(fields) => {
            let object = found?;
            let uid = object["metadata"]["uid"].as_str()?;
            let now = object["metadata"]["resourceVersion"].as_str()?;
            let version = call.only_if.as_ref()?;
            if version.uid != uid {
                return None;
            }
            if version.resource_version.as_deref() == Some(now) {
                return Some(false);
            }
            let mut stamps = call.stamps.iter();
            let is_stamped = stamps.all(|at| {
                object
                    .pointer(at)
                    .is_some_and(|stamp| stamp == run.as_str())
            });
            (is_marked(object) && is_stamped && holds(object, fields)).then_some(true)
        }
    }
}

/// Whether an object is as a merge of these fields leaves it.
fn holds(object: &Json, fields: &Json) -> bool {
    match fields {
        Json::Object(fields) => fields
            .iter()
            .all(|(name, value)| holds(&object[name], value)),
        value => object == value,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::call::{NAME, Version, run_stamp};
    use crate::ground::{Look, Read};
    use crate::step::kinds;

    fn call(change: Change) -> ObjectCall {
        let kind = kinds::named("Deployment").expect("in the table");
        let stamps = match &change {
            Change::Merge(_) => vec![run_stamp()],
            Change::Create(_) => vec![NAME.to_owned(), run_stamp()],
            Change::Delete => Vec::new(),
        };
        ObjectCall {
            object: api::ObjectRef::new("prod", "Deployment", "shop", "a"),
            path: kind.path("shop", "a"),
            change,
            only_if: Some(Version {
                uid: "u".to_owned(),
                resource_version: Some("7".to_owned()),
            }),
            stamps,
            right: kind.right("patch", "shop"),
        }
    }

    fn asked(call: &ObjectCall, read: Read) -> Option<bool> {
        let run = RunId::new("r1");
        let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
        ground.add(Look::Object(call.subject(&run)), read);
        arrived(&Call::Object(call.clone()), &run, &ground)
    }

    fn there(uid: &str, version: &str, run: &str, replicas: i64) -> Read {
        Read::Object(json!({
            "metadata": {"uid": uid, "resourceVersion": version, "annotations": {RUN: run}},
            "spec": {"replicas": replicas},
        }))
    }

    #[test]
    fn a_merge_has_arrived_only_where_the_object_moved_and_is_as_this_run_makes_it() {
        let merge = call(Change::Merge(
            json!({"spec": {"replicas": 3, "gone": null}}),
        ));
        assert_eq!(asked(&merge, there("u", "8", "r1", 3)), Some(true));
        // The mark is of an earlier step of this run: the version is the one that this call was sent for.
        assert_eq!(asked(&merge, there("u", "7", "r1", 3)), Some(false));
        assert_eq!(asked(&merge, there("u", "7", "r0", 1)), Some(false));
        // Somebody wrote since.
        assert_eq!(asked(&merge, there("u", "8", "r0", 3)), None);
        assert_eq!(asked(&merge, there("u", "8", "r1", 1)), None);
        // Another object, none, or nobody knows.
        assert_eq!(asked(&merge, there("v", "8", "r1", 3)), None);
        assert_eq!(asked(&merge, Read::Absent), None);
        assert_eq!(asked(&merge, Read::Unknown("no answer".to_owned())), None);
        assert_eq!(asked(&merge, Read::Object(json!([]))), None);
        assert_eq!(asked(&merge, Read::Object(json!({"metadata": 3}))), None);
    }

    #[test]
    fn a_restart_has_not_arrived_by_the_mark_of_an_earlier_step_alone() {
        let mut restart = call(Change::Merge(json!({})));
        restart
            .stamps
            .push("/spec/template/metadata/annotations/x".to_owned());
        assert_eq!(asked(&restart, there("u", "8", "r1", 3)), None);
    }

    #[test]
    fn what_is_made_has_arrived_where_it_bears_the_run_and_what_is_not_there_tells_nothing() {
        let make = call(Change::Create(json!({"metadata": {"name": "a"}})));
        assert_eq!(make.subject(&RunId::new("r1")).name, "ar1");
        assert_eq!(asked(&make, there("x", "1", "r1", 1)), Some(true));
        assert_eq!(asked(&make, there("x", "1", "r0", 1)), Some(false));
        assert_eq!(asked(&make, Read::Absent), None);
        assert_eq!(asked(&make, Read::Unknown("no answer".to_owned())), None);
    }

    #[test]
    fn a_deletion_has_arrived_where_that_very_object_is_gone_or_going() {
        let delete = call(Change::Delete);
        assert_eq!(asked(&delete, Read::Absent), Some(true));
        assert_eq!(asked(&delete, there("v", "9", "", 1)), Some(true));
        assert_eq!(asked(&delete, there("u", "9", "", 1)), Some(false));
        let going = json!({"metadata": {"uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(asked(&delete, Read::Object(going)), Some(true));
        assert_eq!(asked(&delete, Read::Object(json!({}))), None);
        assert_eq!(asked(&delete, Read::Unknown("no answer".to_owned())), None);
    }
}
