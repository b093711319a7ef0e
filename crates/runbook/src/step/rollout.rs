//! How far a workload's pods are: of which template, ready or not.
//!
//! Owns the fields by which Deployments, StatefulSets and DaemonSets tell, each in its own words.

use crate::step::object::Object;
use crate::step::words::pods;

/// A workload's pods, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pods {
    /// How many there shall be.
    pub wanted: i64,
    /// How many of them keep the old template (a StatefulSet's partition).
    pub held: i64,
    all: i64,
    updated: i64,
    ready: i64,
    available: i64,
    /// Whether a StatefulSet says that all its pods are of one template.
    is_one: bool,
}

impl Pods {
    pub fn of(object: &Object<'_>) -> Result<Self, String> {
        match object.on.kind.as_str() {
            "DaemonSet" => Self::of_daemon_set(object),
            "StatefulSet" => Self::of_stateful_set(object),
            _ => Self::of_replicas(object),
        }
    }

    fn of_replicas(object: &Object<'_>) -> Result<Self, String> {
        // As the API server fills in where nothing is said.
        let wanted = match object.number("spec.replicas")? {
            Some(_) => object.count("spec.replicas")?,
            None => 1,
        };
        Ok(Self {
            wanted,
            held: 0,
            all: object.count("status.replicas")?,
            updated: object.count("status.updatedReplicas")?,
            ready: object.count("status.readyReplicas")?,
            available: object.count("status.availableReplicas")?,
            is_one: false,
        })
    }

    fn of_stateful_set(object: &Object<'_>) -> Result<Self, String> {
        let pods = Self::of_replicas(object)?;
        let partition = object.count("spec.updateStrategy.rollingUpdate.partition")?;
        let first = object.count("spec.ordinals.start")?;
        let newest = object.text("status.updateRevision")?;
        Ok(Self {
            held: (partition - first).clamp(0, pods.wanted),
            is_one: newest.is_some() && newest == object.text("status.currentRevision")?,
            ..pods
        })
    }

    fn of_daemon_set(object: &Object<'_>) -> Result<Self, String> {
        let wanted = object.count("status.desiredNumberScheduled")?;
        let missing = object.count("status.numberUnavailable")?;
        let available = object.count("status.numberAvailable")?;
        Ok(Self {
            wanted,
            held: 0,
            all: object.count("status.currentNumberScheduled")?,
            updated: object.count("status.updatedNumberScheduled")?,
            ready: object.count("status.numberReady")?,
            available: available.min(wanted - missing),
            is_one: false,
        })
    }

    /// How many a rollout replaces.
    pub fn replaced(&self) -> i64 {
        self.wanted - self.held
    }

    /// What is not of the newest template yet, if anything.
    pub fn not_new(&self) -> Option<String> {
        let wanted = self.replaced();
        if self.updated < wanted && !self.is_one {
            return Some(format!(
                "{} of {} are of the newest template",
                self.updated,
                pods(wanted)
            ));
        }
        // A held pod is an old one that stays.
        let old = self.all - self.updated - self.held;
        (old > 0 && !self.is_one).then(|| match old {
            1 => "1 pod of the old template is still there".to_owned(),
            _ => format!("{old} pods of the old template are still there"),
        })
    }

    /// What is not as many as it shall be, and ready, if anything.
    pub fn not_steady(&self) -> Option<String> {
        let wanted = pods(self.wanted);
        if self.ready != self.wanted {
            Some(format!("{} of {wanted} are ready", self.ready))
        } else if self.all != self.wanted {
            Some(format!(
                "there are {}, and {} shall be",
                pods(self.all),
                self.wanted
            ))
        } else if self.available != self.wanted {
            Some(format!(
                "{} of {wanted} have been ready for long enough",
                self.available
            ))
        } else {
            None
        }
    }
}
