//! Reading pods and ReplicaSets only where they are wanted: by the selectors of the workloads that an answer is about.
//!
//! Owns what is wanted, and when so much is that all of it is read at once. A selection that was wanted is followed for as
//! long as the cluster is open.

use std::collections::{BTreeMap, BTreeSet};

use facts::cluster::Scope;
use facts::{Kind, Selection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::watch::Reader;

/// The kinds that are read so.
pub(crate) const SPARED: [Kind; 2] = [Kind::Pod, Kind::ReplicaSet];

/// More selections than this cost the server more than one list of everything does.
const MOST: usize = 40;

/// What is wanted of the spared kinds.
#[derive(Debug, Default)]
pub(crate) struct Wanted(watch::Sender<Much>);

/// Some of what there is, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Much {
    /// These.
    These(BTreeSet<Selection>),
    /// All.
    All,
}

impl Default for Much {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Wanted {
    /// Wants these too.
    pub(crate) fn more<'s>(&self, selections: impl Iterator<Item = &'s Selection>) {
        self.0.send_if_modified(|wanted| {
            let Much::These(these) = wanted else {
                return false;
            };
            let mut is_more = false;
            for selection in selections {
                if these.contains(selection) {
                    continue;
                }
                is_more = true;
                let overlaps = these.iter().any(|other| may_overlap(selection, other));
                if overlaps || these.len() == MOST {
                    *wanted = Much::All;
                    break;
                }
                these.insert(selection.clone());
            }
            is_more
        });
    }

    /// Wants all.
    pub(crate) fn all(&self) {
        self.0.send_if_modified(|wanted| {
            let is_more = *wanted != Much::All;
            *wanted = Much::All;
            is_more
        });
    }
}

/// Whether an object may be in both: then an event that takes it out of one would take it out of the other, too.
fn may_overlap(one: &Selection, other: &Selection) -> bool {
    let differs = |(name, value): (&String, &String)| {
        let other = other.labels.get(name);
        other.is_some_and(|other| other != value)
    };
    one.namespace == other.namespace && !one.labels.iter().any(differs)
}

impl Reader {
    /// Follows what is wanted of the kind; ends when all of it is.
    pub(crate) async fn by_selection(&self) {
        let ledger = &self.shared.ledger;
        let mut wanted = self.shared.wanted.0.subscribe();
        let mut reading: BTreeMap<Selection, tokio::task::AbortHandle> = BTreeMap::new();
        let mut readers = JoinSet::new();
        // What nobody wants is not waited for, and what could not be read while the server was away is not asked yet.
        ledger.forget_all(self.kind);
        ledger.ended(self.kind);
        loop {
            match &*wanted.borrow_and_update() {
                Much::All => {
                    // Nobody follows the selections any more: what they say must not pass for what is.
                    ledger.forget_parts(self.kind);
                    return;
                }
                Much::These(these) => {
                    for selection in these {
                        if reading.contains_key(selection) {
                            continue;
                        }
                        let (reader, scope) = (self.clone(), Scope::Selected(selection.clone()));
                        let handle = readers.spawn(async move {
                            let failure = reader.follow(&scope, None).await;
                            let ledger = &reader.shared.ledger;
                            ledger.unread(reader.kind, &scope, failure.coverage(), &failure);
                        });
                        reading.insert(selection.clone(), handle);
                    }
                }
            }
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                // What may not be read now may be read later.
                () = tokio::time::sleep(self.shared.options.recheck) => {
                    while readers.try_join_next().is_some() {}
                    reading.retain(|_, reader| !reader.is_finished());
                }
            }
        }
    }
}
