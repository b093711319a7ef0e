//! What people changed past Git, as the objects' field managers tell.
//!
//! Owns the pairing of a change by hand with the rollout that followed from it.

use api::history::{By, Change, ChangeKind};
use api::{ObjectRef, Sentence};
use facts::kubernetes::Edited;
use jiff::SignedDuration;

use super::{Draft, Told};
use crate::discover::Targets;
use crate::evidence;
use crate::view::View;

/// A rollout follows a change of its workload at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(60);

/// Says of each rollout that a person began it, and adds what people changed without one.
pub fn attach(view: &View<'_>, all: &Targets<'_>, told: &mut Told<'_>) {
    for target in all.all() {
        let object = evidence::workload(target.place, target.workload);
        let Some(edited) = &target.workload.edited else {
            continue;
        };
        let window = (
            edited.at.checked_sub(AT_ONCE),
            edited.at.checked_add(AT_ONCE),
        );
        let mut is_told = false;
        for draft in told.rollouts([&object], window) {
            draft.by = Some(By::Hand {
                manager: edited.manager.clone(),
            });
            draft.change.evidence.push(manager(&object, edited));
            // What Flux says of its own work says nothing of this.
            draft.release = None;
            draft.change.arrived = false;
            is_told = true;
        }
        if !is_told {
            let uid = &target.workload.meta.uid;
            let mut change = by_hand(target.place.name, object, uid, edited);
            change.app = Some(target.app.clone());
            change.environment = Some(target.environment.clone());
            told.add(Draft::bare(change));
        }
    }
    for place in view.places() {
        let kustomizations = place.kustomizations();
        let kustomizations = kustomizations.map(|one| ("Kustomization", &one.meta, &one.edited));
        let releases = place.helm_releases();
        let releases = releases.map(|one| ("HelmRelease", &one.meta, &one.edited));
        for (kind, meta, edited) in kustomizations.chain(releases) {
            if let Some(edited) = edited {
                let object = evidence::object(place, kind, &meta.key());
                let change = by_hand(place.name, object, &meta.uid, edited);
                told.add(Draft::bare(change));
            }
        }
    }
}

fn by_hand(cluster: &str, object: ObjectRef, uid: &str, edited: &Edited) -> Change {
    Change {
        id: format!("{cluster}/{object}/{uid}/{}/{}", edited.manager, edited.at),
        kind: ChangeKind::Configuration,
        at: edited.at,
        at_latest: false,
        arrived: false,
        app: None,
        environment: None,
        cluster: cluster.to_owned(),
        image: None,
        before: None,
        commit: None,
        release: None,
        by: Some(By::Hand {
            manager: edited.manager.clone(),
        }),
        sentence: Sentence::default()
            .object(&object)
            .words(" was changed in the cluster, past Git"),
        evidence: vec![manager(&object, edited)],
        object,
    }
}

fn manager(object: &ObjectRef, edited: &Edited) -> api::journey::Evidence {
    evidence::evidence(
        object,
        "metadata.managedFields[].manager",
        &edited.manager,
        Some(edited.at),
    )
}
