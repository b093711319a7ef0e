//! Stage 8: the pods run the commit and are ready. Here is the only proof that something is deployed.
//!
//! Owns which pods count, and the proof by the digest that each of them reports.

use api::{Sentence, StageKind};
use facts::code::Relation;
use facts::ecs::TASK_DEFINITION;
use facts::kubernetes::{ContainerStatus, Pod, ReplicaSet, Workload};
use facts::meta::{Kind, condition};
use jiff::Timestamp;

use super::{Case, ecs, trouble};
use crate::causes::CauseCode;
use crate::discover::pods_of;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images;
use crate::view::{Gap, Learned, Place};

/// A workload's pods.
pub struct Crew<'a> {
    /// The newest ReplicaSet of a Deployment.
    pub newest: Option<&'a ReplicaSet>,
    /// Alive, of the newest template.
    pub current: Vec<&'a Pod>,
    /// Alive, of an older template.
    pub old: Vec<&'a Pod>,
    /// Ended badly and not deleted yet, of the newest template.
    pub failed: Vec<&'a Pod>,
}

impl Crew<'_> {
    /// When what runs began to: the creation of the oldest pod of the newest template. A ReplicaSet's own creation is no
    /// answer, because a rollback takes an old ReplicaSet into use again.
    pub fn begun(&self) -> Option<Timestamp> {
        self.current.iter().filter_map(|pod| pod.meta.created).min()
    }
}

/// The known pods that are a workload's own, those that are on their way out among them. What its selector selects may be
/// another's.
pub fn own<'a>(place: Place<'a>, workload: &'a Workload) -> Vec<&'a Pod> {
    let sets = replica_sets(place, workload);
    let mut pods = pods_of(place, workload);
    pods.retain(|pod| is_owned(pod, workload, &sets));
    pods
}

/// The pods of a workload.
pub fn crew<'a>(place: Place<'a>, workload: &'a Workload) -> Learned<Crew<'a>> {
    let namespace = &workload.meta.namespace;
    place.whole(workload.kind, namespace)?;
    place.whole_pods(workload)?;
    if workload.kind == Kind::Deployment {
        // Without them pods of an older template pass for those of the newest. Where they may not be read, its hash is
        // guessed; where they only come later, they are waited for.
        place
            .whole_replica_sets(workload)
            .or_else(|gap| if gap.pending { Err(gap) } else { Ok(()) })?;
    }
    let pods: Vec<&Pod> = pods_of(place, workload)
        .into_iter()
        .filter(|pod| pod.meta.deleting.is_none() && pod.phase != "Succeeded")
        .collect();
    let sets = replica_sets(place, workload);
    let newest = sets.iter().copied().max_by_key(|set| revision(set));
    let newest_hash = match workload.kind {
        Kind::Deployment => newest
            .and_then(|set| set.meta.label("pod-template-hash"))
            .or_else(|| youngest(&pods, "pod-template-hash")),
        Kind::StatefulSet => workload
            .update_revision
            .as_deref()
            .or_else(|| youngest(&pods, "controller-revision-hash")),
        Kind::EcsService => workload.update_revision.as_deref(),
        _ => youngest(&pods, "controller-revision-hash"),
    };
    let label = match workload.kind {
        Kind::Deployment => "pod-template-hash",
        Kind::EcsService => TASK_DEFINITION,
        _ => "controller-revision-hash",
    };
    let (of_newest, of_older): (Vec<&Pod>, Vec<&Pod>) = pods
        .into_iter()
        .filter(|pod| is_owned(pod, workload, &sets))
        .partition(|pod| newest_hash.is_none() || pod.meta.label(label) == newest_hash);
    let is_failed = |pod: &&Pod| pod.phase == "Failed";
    let (failed, current) = of_newest.into_iter().partition(is_failed);
    let old = of_older.into_iter().filter(|pod| !is_failed(pod)).collect();
    Ok(Crew {
        newest,
        current,
        old,
        failed,
    })
}

/// The ReplicaSets of a Deployment, if they may be read.
fn replica_sets<'a>(place: Place<'a>, workload: &Workload) -> Vec<&'a ReplicaSet> {
    if workload.kind != Kind::Deployment || place.whole_replica_sets(workload).is_err() {
        return Vec::new();
    }
    place.replica_sets(&workload.meta.key())
}

/// A ReplicaSet's place among its Deployment's: a rollback raises the number of the old one.
fn revision(set: &ReplicaSet) -> (u64, Option<Timestamp>, &str) {
    let number = set
        .meta
        .annotation("deployment.kubernetes.io/revision")
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    (number, set.meta.created, &set.meta.name)
}

/// The label of the pod that was created last.
fn youngest<'a>(pods: &[&'a Pod], label: &str) -> Option<&'a str> {
    pods.iter()
        .max_by_key(|pod| (pod.meta.created, &pod.meta.name))
        .and_then(|pod| pod.meta.label(label))
}

/// Whether a selected pod is the workload's own: another workload's selector may overlap.
fn is_owned(pod: &Pod, workload: &Workload, sets: &[&ReplicaSet]) -> bool {
    let Some(owner) = pod.meta.owners.first() else {
        return false;
    };
    match workload.kind {
        Kind::Deployment => {
            owner.kind == "ReplicaSet"
                && (sets.is_empty() || sets.iter().any(|set| set.meta.name == owner.name))
        }
        kind => owner.kind == kind.name() && owner.name == workload.meta.name,
    }
}

/// The proof that a commit runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The commit that the pods' image is built from.
    pub revision: String,
    /// All commits that they are built from, where a moved tag left different builds behind.
    pub revisions: Vec<String>,
    /// How the commit asked for stands to it.
    pub relation: Relation,
    /// How many pods prove it.
    pub pods: usize,
    /// When the last of them became ready.
    pub since: Option<Timestamp>,
}

/// Whether all wanted pods are there, of the newest template, ready, and nothing older runs beside them.
pub fn is_settled(place: Place<'_>, workload: &Workload, crew: &Crew<'_>) -> bool {
    let wanted = workload.wanted as usize;
    wanted > 0
        && workload.observed_generation >= workload.meta.generation
        && workload.updated >= workload.wanted
        && workload.ready >= workload.wanted
        && crew.old.is_empty()
        && crew.current.len() >= wanted
        && crew.current.iter().all(|pod| trouble::is_ready(place, pod))
        && (!place.is_ecs() || ecs::is_over(place, workload))
}

/// Proves that the commit runs, by the digest of every pod; `None` if it does not.
pub fn proof(case: &Case<'_, '_>, crew: &Crew<'_>) -> Learned<Option<Proof>> {
    let target = case.target;
    if !is_settled(target.place, target.workload, crew) {
        return Ok(None);
    }
    let mut proven: Option<Proof> = None;
    for pod in &crew.current {
        let builds = builds(case, pod);
        if !builds.iter().any(|one| is_own(case, one)) {
            return Ok(None);
        }
        let since = became_ready(pod);
        for status in builds {
            let Some(revision) = revision_of(case, status)? else {
                return Ok(None);
            };
            let relation = case.view.relation(case.key, case.commit, &revision)?;
            match relation.is_contained() {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => {
                    return Err(Gap::new(format!(
                        "{} does not have both {} and {}",
                        case.key,
                        api::headline::short(case.commit),
                        api::headline::short(&revision)
                    )));
                }
            }
            let proof = proven.get_or_insert_with(|| Proof {
                revisions: Vec::new(),
                revision: revision.clone(),
                relation,
                pods: crew.current.len(),
                since,
            });
            proof.since = proof.since.max(since);
            // Of different builds the nearest to the commit is named: all pods have at least that.
            if distance(&relation) < distance(&proof.relation) {
                (proof.revision, proof.relation) = (revision.clone(), relation);
            }
            if !proof.revisions.contains(&revision) {
                proof.revisions.push(revision);
            }
        }
    }
    Ok(proven)
}

/// How far what is built is ahead of the commit.
fn distance(relation: &Relation) -> u32 {
    match relation {
        Relation::Same => 0,
        Relation::Ancestor { ahead } => (*ahead).max(1),
        _ => u32::MAX,
    }
}

/// The containers of a pod that run builds of the app's image: its own, and others beside it.
fn builds<'p>(case: &Case<'_, '_>, pod: &'p Pod) -> Vec<&'p ContainerStatus> {
    let repository = &case.target.image.repository;
    let is_build = |status: &&ContainerStatus| {
        let is_of_image =
            || images::running(status).is_some_and(|image| image.repository == *repository);
        !status.init && (is_own(case, status) || is_of_image())
    };
    pod.containers.iter().filter(is_build).collect()
}

fn is_own(case: &Case<'_, '_>, status: &ContainerStatus) -> bool {
    status.name == case.target.container.name && !status.init
}

/// The commit that a container runs; `None` if its image's labels do not say.
fn revision_of(case: &Case<'_, '_>, status: &ContainerStatus) -> Learned<Option<String>> {
    let Some(image) = images::running(status) else {
        return Ok(None);
    };
    let digest = image.digest.as_deref().unwrap_or_default();
    images::revision(case.view, case.key, &image.repository, digest)
}

fn became_ready(pod: &Pod) -> Option<Timestamp> {
    condition(&pod.conditions, "Ready").and_then(|ready| ready.since)
}

/// What the pods report, as evidence.
pub fn digests(case: &Case<'_, '_>, crew: &Crew<'_>) -> Vec<api::journey::Evidence> {
    let name = &case.target.container.name;
    let mut shown = Vec::new();
    for pod in &crew.current {
        let status = pod
            .containers
            .iter()
            .find(|status| status.name == *name && !status.init);
        let Some(status) = status else { continue };
        if status.image_id.is_empty() {
            continue;
        }
        shown.push(evidence::evidence(
            &evidence::pod(case.target.place, pod),
            image_field(case.target.place, name),
            &status.image_id,
            became_ready(pod),
        ));
    }
    shown
}

/// Where a pod or task says which image a container runs.
fn image_field(place: Place<'_>, container: &str) -> String {
    if place.is_ecs() {
        format!("containers[{container}].imageDigest")
    } else {
        format!("status.containerStatuses[{container}].imageID")
    }
}

/// "4 of 4 pods ready".
pub fn count(case: &Case<'_, '_>, crew: &Crew<'_>) -> Sentence {
    let ready = crew
        .current
        .iter()
        .filter(|pod| trouble::is_ready(case.target.place, pod))
        .count();
    Sentence::default().words(format!(
        "{ready} of {} {} ready",
        case.target.workload.wanted,
        case.target.place.pods()
    ))
}

/// How the pods stand, where they do not prove the commit. The workload's template has it.
pub fn outcome(case: &Case<'_, '_>, crew: &Crew<'_>) -> Outcome {
    look(case, crew)
        .unwrap_or_else(|gap| Outcome::unknown(StageKind::Pods, &gap).proof(digests(case, crew)))
}

fn look(case: &Case<'_, '_>, crew: &Crew<'_>) -> Learned<Outcome> {
    let stage = StageKind::Pods;
    let place = case.target.place;
    if let Some(finding) = trouble::of_crew(place, case.target.workload, crew)? {
        if let Some(at) = crew
            .current
            .iter()
            .filter_map(|pod| trouble::believed_at(pod))
            .max()
        {
            place.changes_at(at);
        }
        let mut outcome = Outcome::found(stage, finding);
        outcome.stage.summary = count(case, crew);
        return Ok(outcome);
    }
    if crew.current.is_empty() {
        let object = case.workload();
        let sentence = Sentence::default()
            .object(&object)
            .words(if place.is_ecs() {
                " has no task of its new task definition yet"
            } else {
                " has no pod of its new template yet"
            });
        return Ok(Outcome::found(
            stage,
            Finding::moving(starting(place), object, sentence),
        ));
    }
    for pod in &crew.current {
        for status in builds(case, pod) {
            let Some(revision) = revision_of(case, status)? else {
                let pod = evidence::pod(place, pod);
                let Some(image) = images::running(status) else {
                    return Err(Gap::new(format!(
                        "{pod} does not report which image it runs"
                    )));
                };
                return Err(images::unsaid(
                    case.view,
                    &image,
                    &format!("the image that {pod} runs"),
                    "org.opencontainers.image.revision",
                ));
            };
            if !case.view.contained(case.key, case.commit, &revision)? {
                // Where it is only guessed which pods are of the newest template, this one may be of an older.
                if case.target.workload.kind == Kind::Deployment && crew.newest.is_none() {
                    case.target.place.whole_replica_sets(case.target.workload)?;
                }
                let finding = if is_own(case, status) {
                    tag_moved(case, pod, status, &revision)
                } else {
                    beside(case, pod, status, &revision)
                };
                return Ok(Outcome::found(stage, finding));
            }
        }
    }
    let since = crew
        .current
        .iter()
        .filter_map(|pod| became_ready(pod))
        .max();
    Ok(Outcome::done(stage, count(case, crew))
        .since(since)
        .proof(digests(case, crew)))
}

/// The cause of what has only just begun.
pub fn starting(place: Place<'_>) -> CauseCode {
    if place.is_ecs() {
        CauseCode::EcsDeploymentRunning
    } else {
        CauseCode::PodsStarting
    }
}

/// Ready pods of the newest template run another build than it names: the tag was moved after they had pulled it, or
/// somebody changed the pod itself.
fn tag_moved(case: &Case<'_, '_>, pod: &Pod, status: &ContainerStatus, revision: &str) -> Finding {
    let object = evidence::pod(case.target.place, pod);
    let named = case.target.image.tag.as_deref().unwrap_or("latest");
    let runs = images::running(status).and_then(|image| image.tag);
    let sentence = Sentence::default().object(&object);
    let sentence = match runs.as_deref() {
        Some(tag) if tag != named => sentence
            .words(" runs the tag ")
            .name(tag)
            .words(", not ")
            .name(named)
            .words(" as its workload names"),
        _ => sentence
            .words(" runs another build of the same tag ")
            .name(named),
    };
    let sentence = sentence.words(", made from ").commit(case.key, revision);
    built_of(case.target.place, pod, status, object, sentence)
}

/// Another container of the pod runs a build of the same image, and that does not have the commit: half a pod is no
/// deployment.
fn beside(case: &Case<'_, '_>, pod: &Pod, status: &ContainerStatus, revision: &str) -> Finding {
    let object = evidence::pod(case.target.place, pod);
    let sentence = Sentence::default()
        .words("container ")
        .name(&status.name)
        .words(" of ")
        .object(&object)
        .words(" runs another build of the same image, made from ")
        .commit(case.key, revision);
    built_of(case.target.place, pod, status, object, sentence)
}

fn built_of(
    place: Place<'_>,
    pod: &Pod,
    status: &ContainerStatus,
    object: api::ObjectRef,
    sentence: Sentence,
) -> Finding {
    let proof = evidence::evidence(
        &object,
        image_field(place, &status.name),
        &status.image_id,
        became_ready(pod),
    );
    Finding::blocked(CauseCode::PodsTagMoved, object, sentence)
        .since(became_ready(pod))
        .proof([proof])
}
