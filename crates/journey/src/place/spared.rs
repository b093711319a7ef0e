//! Pods and ReplicaSets, which a cluster may be read for only where they are wanted.
//!
//! Owns the wanting: who looks at pods that nobody read yet leaves behind whose they are.

use std::collections::BTreeMap;

use facts::kubernetes::{Pod, Workload};
use facts::{Coverage, Kind};

use super::Place;
use crate::trace::Look;
use crate::view::{Gap, Learned};

impl<'a> Place<'a> {
    /// Whether the pods of a workload are known whole. Where pods are read only for those who want them, they are wanted.
    pub fn whole_pods(&self, workload: &Workload) -> Learned<()> {
        self.whole_of(self.pod_kind(), workload)
    }

    /// The same of its ReplicaSets, which have their pods' labels.
    pub fn whole_replica_sets(&self, workload: &Workload) -> Learned<()> {
        self.whole_of(Kind::ReplicaSet, workload)
    }

    fn whole_of(&self, kind: Kind, workload: &Workload) -> Learned<()> {
        if self.facts.sparing && workload.selector.is_empty() {
            // It selects none, whatever there is.
            return Ok(());
        }
        let coverage = self.coverage_of(kind, workload);
        if self.facts.sparing && *coverage == Coverage::NotAsked {
            self.trace.want_pods(self.name, &workload.selection());
            let subject = format!("{} objects of {}", kind.name(), workload.meta.name);
            return Err(Gap::pending(&|| subject.clone()));
        }
        self.as_known(kind, &workload.meta.namespace, coverage)
    }

    fn coverage_of(&self, kind: Kind, workload: &Workload) -> &'a Coverage {
        self.trace.look(&Look::Coverage(self.name, kind));
        match self.facts.sparing {
            true => self.facts.coverage_of(kind, &workload.selection()),
            false => self.facts.coverage(kind, &workload.meta.namespace),
        }
    }

    /// Whether pods are read only where they are wanted.
    pub fn is_sparing(&self) -> bool {
        self.facts.sparing
    }

    /// Whether pods of a workload are read only if they are wanted, and nobody wanted them yet.
    pub fn may_spare(&self, workload: &Workload) -> bool {
        self.facts.sparing && *self.coverage_of(self.pod_kind(), workload) == Coverage::NotAsked
    }

    /// The known pods of a namespace that a selector selects; an empty one selects none. Whether those are all of them
    /// says [`Self::whole_pods`].
    pub fn pods_of(&self, namespace: &str, selector: &BTreeMap<String, String>) -> Vec<&'a Pod> {
        let (mark, pods) = self.index.pods(namespace, selector);
        if let Some(mark) = mark {
            self.trace.note(mark);
        }
        pods
    }
}
