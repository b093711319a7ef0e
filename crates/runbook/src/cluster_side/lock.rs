//! One run on a target across machines: a Lease beside the target, in the namespace that the team shares.
//!
//! Owns what it says and when it has run out. Whoever finds one that has run out by their own clock looks again after longer
//! than it takes to renew one, as leader election does: clocks differ, and a machine sleeps.

use std::time::Duration;

use api::ObjectRef;
use api::headline::plain;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{LEASE, LEASE_GROUP, LEASES, NAMESPACE, right};
use crate::call::{Change, ObjectCall, Version};
use crate::journal::RunId;
use crate::plan::Target;

/// How long it is held without being renewed.
pub const LASTS: SignedDuration = SignedDuration::from_secs(60);
/// How often it is renewed: four times before it runs out.
pub const RENEWED: Duration = Duration::from_secs(15);
/// How long one that has run out is looked at before it is taken over.
pub const LOOKED_AT: Duration = Duration::from_secs(20);
/// Who holds it, beside the run.
const BY: &str = "landfall.dev/by";
/// The longest name that is shown.
const LONGEST: usize = 120;

/// A lock, as somebody holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// This very object, as it was read.
    pub version: Version,
    /// The run that holds it; empty where nobody does.
    pub run: String,
    /// Who runs that.
    pub by: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it was renewed last.
    renewed: Option<Timestamp>,
    lasts: SignedDuration,
}

impl Lock {
    /// A lock, as the API server has it; nothing, where it is none.
    pub fn of(object: &Json) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
        let time = |pointer: &str| text(pointer).and_then(|text| text.parse().ok());
        let by = &object["metadata"]["annotations"][BY];
        let lasts = object["spec"]["leaseDurationSeconds"].as_i64();
        Some(Self {
            version: Version {
                uid: text("/metadata/uid")?.to_owned(),
                resource_version: Some(text("/metadata/resourceVersion")?.to_owned()),
            },
            run: plain(text("/spec/holderIdentity").unwrap_or_default(), LONGEST),
            by: plain(by.as_str().unwrap_or_default(), LONGEST),
            since: time("/spec/acquireTime"),
            renewed: time("/spec/renewTime"),
            // One that says nothing, or would never end, is held as long as ours are.
            lasts: lasts
                .filter(|seconds| (1..=3600).contains(seconds))
                .map_or(LASTS, SignedDuration::from_secs),
        })
    }

    /// Whether it has run out by this clock.
    pub fn has_run_out(&self, now: Timestamp) -> bool {
        let renewed = self.renewed.filter(|_| !self.run.is_empty());
        renewed.is_none_or(|renewed| now.duration_since(renewed) > self.lasts)
    }
}

/// Where the lock of a target is: by its own id, which no other object of the cluster ever has.
pub fn place(target: &Target) -> ObjectRef {
    let fits = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-';
    let uid = &target.uid;
    let edge = |c: char| c.is_ascii_alphanumeric();
    let is_name = (1..=63).contains(&uid.len())
        && uid.chars().all(fits)
        && uid.starts_with(edge)
        && uid.ends_with(edge);
    let name = if is_name {
        uid.clone()
    } else {
        let digest = Sha256::digest(uid.as_bytes());
        digest[..20]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    ObjectRef::new(&target.object.system, LEASE, NAMESPACE, &name)
}

/// What is sent to take a lock that nobody has.
pub fn taken(target: &Target, run: &RunId, by: &str, now: Timestamp) -> ObjectCall {
    let place = place(target);
    let mut lease = held(run, by, now);
    lease["apiVersion"] = json!(format!("{LEASE_GROUP}/v1"));
    lease["kind"] = json!(LEASE);
    lease["metadata"]["name"] = json!(place.name);
    lease["metadata"]["namespace"] = json!(NAMESPACE);
    ObjectCall {
        path: collection(),
        change: Change::Create(lease),
        only_if: None,
        stamps: Vec::new(),
        right: right("create", LEASE_GROUP, LEASES, ""),
        object: place,
    }
}

/// What is sent to take over a lock that has run out, as it was read.
pub fn taken_over(
    place: &ObjectRef,
    before: &Lock,
    run: &RunId,
    by: &str,
    now: Timestamp,
) -> ObjectCall {
    let fields = held(run, by, now);
    changed(place, &before.version, Change::Merge(fields), "patch")
}

/// What is sent to hold it longer.
pub fn renewed(place: &ObjectRef, version: &Version, now: Timestamp) -> ObjectCall {
    let fields = json!({"spec": {"renewTime": micro(now)}});
    changed(place, version, Change::Merge(fields), "patch")
}

/// What is sent to let go of it.
pub fn let_go(place: &ObjectRef, version: &Version) -> ObjectCall {
    changed(place, version, Change::Delete, "delete")
}

fn changed(place: &ObjectRef, version: &Version, change: Change, verb: &str) -> ObjectCall {
    ObjectCall {
        object: place.clone(),
        path: format!("{}/{}", collection(), place.name),
        change,
        only_if: Some(version.clone()),
        stamps: Vec::new(),
        right: right(verb, LEASE_GROUP, LEASES, ""),
    }
}

fn held(run: &RunId, by: &str, now: Timestamp) -> Json {
    json!({
        "metadata": {"annotations": {BY: plain(by, LONGEST)}},
        "spec": {
            "holderIdentity": run.as_str(),
            "leaseDurationSeconds": LASTS.as_secs(),
            "acquireTime": micro(now),
            "renewTime": micro(now),
        },
    })
}

fn collection() -> String {
    format!("/apis/{LEASE_GROUP}/v1/namespaces/{NAMESPACE}/{LEASES}")
}

/// A MicroTime: Go reads exactly six digits there.
fn micro(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permit::tests::plan;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn kept() -> Json {
        let run = RunId::new("r1");
        let mut lease = taken(&plan().target, &run, "ada\u{1b}[2J", NOW).body(&run);
        lease["metadata"]["uid"] = json!("u-lease");
        lease["metadata"]["resourceVersion"] = json!("3");
        lease
    }

    #[test]
    fn it_says_who_holds_it_since_when_and_runs_out_a_minute_after_it_was_renewed() {
        let lock = Lock::of(&kept()).expect("one");
        assert_eq!((lock.run.as_str(), lock.by.as_str()), ("r1", "ada[2J"));
        assert_eq!(lock.since, Some(NOW));
        assert!(!lock.has_run_out(NOW + LASTS));
        assert!(lock.has_run_out(NOW + LASTS + SignedDuration::from_secs(1)));
        assert_eq!(kept()["spec"]["renewTime"], "2023-11-14T22:13:20.000000Z");
    }

    #[test]
    fn one_that_would_never_end_ends() {
        let mut lease = kept();
        for odd in [
            json!(i64::MAX),
            json!(0),
            json!(-1),
            json!("x"),
            json!(null),
        ] {
            lease["spec"]["leaseDurationSeconds"] = odd.clone();
            let lock = Lock::of(&lease).expect("one");
            assert!(
                lock.has_run_out(NOW + LASTS + SignedDuration::from_secs(1)),
                "{odd}"
            );
            assert!(!lock.has_run_out(NOW), "{odd}");
        }
        lease["spec"]["renewTime"] = json!("soon");
        assert!(Lock::of(&lease).expect("one").has_run_out(NOW));
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_id_is_the_lock_has_a_name_that_stands_in_a_path(uid in "\\PC{0,80}") {
            let mut target = plan().target;
            target.uid = uid;
            let name = place(&target).name;
            proptest::prop_assert!(!name.is_empty() && name.len() <= 63);
            proptest::prop_assert!(name.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-'));
        }
    }
}
