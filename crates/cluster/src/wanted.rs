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
            let before = these.len();
            these.extend(selections.cloned());
            let is_more = these.len() > before;
            if these.len() > MOST {
                *wanted = Much::All;
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

impl Reader {
    /// Follows what is wanted of the kind; ends when all of it is.
    pub(crate) async fn by_selection(&self) {
        let ledger = &self.shared.ledger;
        let mut wanted = self.shared.wanted.0.subscribe();
        let mut reading: BTreeMap<Selection, tokio::task::AbortHandle> = BTreeMap::new();
        let mut readers = JoinSet::new();
        // What nobody wants is not waited for.
        ledger.ended(self.kind);
        loop {
            match &*wanted.borrow_and_update() {
                Much::All => return,
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
