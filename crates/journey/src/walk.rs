//! The walk of a source commit: nine stages in order, the proof by the pods first.
//!
//! Owns which stages are looked into, which only shown, and what a later stage proves of the earlier ones.

use api::journey::Journey;
use api::{Sentence, StageKind, State};
use facts::code::{Commit, Relation};
use facts::meta::{Kind, Reference, Status};

use crate::causes::CauseCode;
use crate::conditions::believed;
use crate::discover::{Target, Targets};
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::{self, Built, Contents};
use crate::lost;
use crate::messages;
use crate::reverts;
use crate::root;
use crate::route::{Path, Route, route};
use crate::stages::pods::{self, Crew, Proof};
use crate::stages::release::{Release, overridden};
use crate::stages::{
    Branch, Case, apply, build, canary, commit, ecs, image, release, rollout, serving, source,
};
use crate::verdict::{Draft, Verdict, decide};
use crate::view::{Learned, View};

/// The journey of a commit of `key` to a target that is built from it.
pub fn journey<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    target: &Target<'a>,
    key: &str,
    asked: &str,
) -> Journey {
    let crew = canary::known(target.place, target.applied)
        .and_then(|()| pods::crew(target.place, target.workload));
    let case_of = |commit| Case {
        view,
        target,
        all,
        key,
        commit,
        branch: Branch::Releasing,
    };
    let mut notes = Vec::new();
    let mut followed = asked.to_owned();
    let mut proof = prove(&case_of(asked), &crew);
    if !matches!(proof, Ok(Proven::Runs(_)))
        && let Ok(Some((sha, pull))) = commit::landed(view, key, asked)
    {
        notes.push(
            Sentence::default()
                .object(&evidence::pull(key, pull))
                .words(" brought it to the branch as ")
                .commit(key, sha)
                .words(", which is followed here."),
        );
        followed = sha.to_owned();
        proof = prove(&case_of(&followed), &crew);
    }
    let case = case_of(&followed);
    let template = match target.is_lost {
        // Git names the image, and nothing in the cluster does.
        true => Ok(lost::contents()),
        false => images::contents(view, key, &followed, &target.image),
    };
    let mut outcomes = match &proof {
        // What is proven needs no more facts: the rest is only shown.
        Ok(Proven::Runs(_)) => view.for_show(|| walk(&case, &crew, &template)),
        _ => walk(&case, &crew, &template),
    };
    let verdict = match &proof {
        Ok(Proven::Runs(proof)) => {
            for outcome in &mut outcomes[..=5] {
                let pods = target.place.pods();
                outcome.prove(Sentence::default().words(format!("behind us: the {pods} prove it")));
            }
            settle(&case, &crew, proof, &mut outcomes, &mut notes)
        }
        Ok(Proven::TakenBack(finding)) => {
            outcomes[0] = Outcome::found(StageKind::Commit, finding.as_ref().clone());
            None
        }
        Ok(Proven::No) => None,
        Err(gap) => {
            let pods = &mut outcomes[7];
            if pods.is_met() {
                *pods = Outcome::unknown(StageKind::Pods, gap);
            }
            None
        }
    };
    let draft = Draft {
        view,
        all,
        target,
        commit: Some((key, asked)),
        crew: &crew,
        outcomes,
        notes,
    };
    let verdict = match verdict {
        Some(Settled::Yes(state, proof)) => Verdict::Settled {
            state,
            headline: draft.subject().deployed(
                &proof,
                target.workload.wanted,
                crew.as_ref().ok().and_then(Crew::begun),
            ),
            evidence: crew
                .as_ref()
                .map(|crew| pods::digests(&case, crew))
                .unwrap_or_default(),
        },
        Some(Settled::But) | None => match (undecided(&case, &draft), &template) {
            // What the workload names may prove all of that behind us.
            (Verdict::Found { stage, .. }, Err(gap))
                if gap.pending && stage < StageKind::Rollout =>
            {
                Verdict::unknown(StageKind::Rollout, gap.clone())
            }
            (verdict, _) => verdict,
        },
    };
    draft.journey(verdict)
}

/// What the pods say about a commit.
enum Proven {
    /// They run it.
    Runs(Box<Proof>),
    /// They run something that contains it and its revert.
    TakenBack(Box<Finding>),
    /// They don't, or not yet.
    No,
}

fn prove(case: &Case<'_, '_>, crew: &Learned<Crew<'_>>) -> Learned<Proven> {
    let crew = crew.as_ref().map_err(Clone::clone)?;
    let Some(proof) = pods::proof(case, crew)? else {
        return Ok(Proven::No);
    };
    for revision in &proof.revisions {
        if let Some(revert) = reverts::in_effect(case.view, case.key, case.commit, revision)? {
            let finding = commit::reverted(case.key, case.commit, revert);
            return Ok(Proven::TakenBack(Box::new(finding)));
        }
    }
    Ok(Proven::Runs(Box::new(proof)))
}

/// The nine stages. Facts are wanted until a stage is found that stops the commit; what comes after is only shown.
fn walk(
    case: &Case<'_, '_>,
    crew: &Learned<Crew<'_>>,
    template: &Learned<Contents>,
) -> Vec<Outcome> {
    let view = case.view;
    let live = template
        .as_ref()
        .ok()
        .filter(|contents| contents.contains());
    let commit = commit::outcome(case);
    // What Git declares comes first: it may follow a branch of its own, and name an image that no search would find.
    let early = Delivery::look(case, &Ok(None), template);
    let is_declared = early.is_declared();
    let open = goes_on(&commit) || live.is_some() || is_declared;
    let look = |find: &dyn Fn() -> Learned<Option<Built>>| {
        if open { find() } else { view.quietly(find) }
    };
    let built = match early.built.clone().filter(|built| built.contents.labelled) {
        Some(built) => Ok(Some(built)),
        None => look(&|| image::find(case)),
    };
    let build = if open {
        build::outcome(case, &built)
    } else {
        view.quietly(|| build::outcome(case, &built)).only_shown()
    };
    let mut image = image::outcome(case, &built, &build);
    if !open {
        image = image.only_shown();
    }
    let open = open && goes_on(&build) && build.unaffected.is_none() && goes_on(&image);
    let delivery = if is_declared {
        early
    } else if open {
        Delivery::look(case, &built, template)
    } else {
        view.quietly(|| Delivery::look(case, &built, template))
            .only_shown()
    };
    let mut outcomes = vec![
        commit,
        build,
        image,
        delivery.release,
        delivery.source,
        delivery.apply,
    ];
    if is_declared && delivery.built.is_some_and(|built| built.contents.labelled) {
        pass(&mut outcomes[..=2]);
    }
    if let Some(live) = live {
        // A template that names an image by a tag alone does not prove that there is one.
        let first = if live.labelled { 0 } else { 3 };
        pass(&mut outcomes[first..=5]);
    }
    let rollout = rollout::outcome(case, template, crew, &outcomes[3], &outcomes[5]);
    let pods = match crew {
        Err(gap) if live.is_some() => Outcome::unknown(StageKind::Pods, gap),
        Ok(crew) if live.is_some() && case.target.workload.wanted > 0 => pods::outcome(case, crew),
        _ => Outcome::not_reached(StageKind::Pods),
    };
    // Git and the workload name an image of the commit, and no node can pull it: that there is no trace of a build says
    // less than that.
    let unpulled = matches!(&pods.finding, Some(found) if found.code == CauseCode::PodsImagePull);
    let untraced =
        matches!(&outcomes[1].finding, Some(found) if found.code == CauseCode::BuildNone);
    if live.is_some() && unpulled && untraced {
        pass(&mut outcomes[..=2]);
    }
    let serving = if live.is_some() && rollout.is_met() && pods.is_met() {
        serving::outcome(case)
    } else {
        Outcome::not_reached(StageKind::Serving)
    };
    outcomes.extend([rollout, pods, serving]);
    outcomes
}

fn goes_on(outcome: &Outcome) -> bool {
    outcome.is_met() || outcome.is_unknown()
}

/// Stages 4 to 6, along the route.
struct Delivery {
    release: Outcome,
    source: Outcome,
    apply: Outcome,
    /// The image that Git declares, if it contains the commit.
    built: Option<Built>,
}

impl Delivery {
    fn only_shown(self) -> Self {
        Self {
            release: self.release.only_shown(),
            source: self.source.only_shown(),
            apply: self.apply.only_shown(),
            built: self.built,
        }
    }

    fn look(
        case: &Case<'_, '_>,
        built: &Learned<Option<Built>>,
        template: &Learned<Contents>,
    ) -> Self {
        if case.target.place.is_ecs() {
            return Self::of_ecs(case, built, template);
        }
        let path = match route(case.view, case.target) {
            Ok(Route::Flux(path)) => path,
            Ok(Route::Nobody { copied_from }) => {
                return Self::by_hand(case, built, template, copied_from.as_ref());
            }
            Ok(Route::Gone(reference)) => {
                return Self::gone(Self::of_nobody(case, &reference));
            }
            Err(gap) => {
                return Self {
                    release: Outcome::unknown(StageKind::Release, &gap),
                    source: Outcome::unknown(StageKind::Source, &gap),
                    apply: Outcome::unknown(StageKind::Apply, &gap),
                    built: None,
                };
            }
        };
        if let Some(finding) = apply::leaving(case.target.place, &path) {
            return Self::gone(finding);
        }
        let found = release::look(case, &path, built);
        if let Some(finding) = Self::folder_gone(case, &path, &found.outcome) {
            let why = "the folder that the Kustomization names is not in Git";
            return Self {
                release: Outcome::skipped(StageKind::Release, why),
                source: Outcome::skipped(StageKind::Source, why),
                apply: Outcome::found(StageKind::Apply, finding),
                built: None,
            };
        }
        let source = source::outcome(case, &path, found.commit);
        if let Some(finding) = source::branch_gone(case, &path, &source) {
            let why = source::BRANCH_GONE;
            return Self {
                release: Outcome::skipped(StageKind::Release, why),
                source: Outcome::found(StageKind::Source, finding),
                apply: Outcome::not_reached(StageKind::Apply),
                built: None,
            };
        }
        let release = found.commit.filter(|_| source.is_met());
        if let Some(overridden) = Self::overridden(case, &path, &found, release, template) {
            return Self {
                release: overridden,
                source: source::outcome(case, &path, None),
                apply: apply::outcome(case, &path, None),
                built: found.built,
            };
        }
        let apply = apply::outcome(case, &path, release);
        // What Flux says of a suspended object, or of an older spec, is of before: that the template lacks the commit needs
        // no hand.
        let place = case.target.place;
        let of_before = apply::held(place, &path).or_else(|| apply::of_older_spec(place, &path));
        let apply = match (of_before, template) {
            (Some(finding), Ok(contents))
                if apply.is_met() && !contents.contains() && case.target.canary.is_none() =>
            {
                Outcome::found(StageKind::Apply, finding)
            }
            _ => apply,
        };
        let reached_helm = apply.is_met()
            || matches!(&apply.finding, Some(finding) if finding.object.kind == "HelmRelease");
        Self {
            release: found.outcome,
            source: if reached_helm {
                source::with_chart(source, case.target.place, path.helm)
            } else {
                source
            },
            apply,
            built: found.built,
        }
    }

    /// What keeps the declared image away though Flux has applied what declares it.
    fn overridden(
        case: &Case<'_, '_>,
        path: &Path<'_>,
        found: &Release<'_>,
        release: Option<&Commit>,
        template: &Learned<Contents>,
    ) -> Option<Outcome> {
        let built = found.built.as_ref()?;
        if !matches!(template, Ok(contents) if !contents.contains()) {
            return None;
        }
        let applied = apply::by_kustomization(case, path, release);
        if !applied.is_met() {
            return None;
        }
        let by = overridden::finding(case, path, &built.reference, applied.stage.since);
        Some(match by.transpose()? {
            Ok(finding) => Outcome::found(StageKind::Release, finding),
            Err(gap) => Outcome::unknown(StageKind::Release, &gap),
        })
    }

    /// Whether Git declares an image with the commit, though something may keep that from counting.
    fn is_declared(&self) -> bool {
        let is_overridden = matches!(&self.release.finding, Some(finding) if finding.code == CauseCode::ReleaseOverridden);
        self.built.is_some() && (self.release.is_met() || is_overridden)
    }

    /// ECS knows no Flux: a task definition names the image, and the service uses it.
    fn of_ecs(
        case: &Case<'_, '_>,
        built: &Learned<Option<Built>>,
        template: &Learned<Contents>,
    ) -> Self {
        let (release, declared) = ecs::release::outcome(case, built, template);
        Self {
            release,
            source: Outcome::skipped(StageKind::Source, ecs::NO_SOURCE),
            apply: Outcome::skipped(StageKind::Apply, ecs::NO_APPLY),
            built: declared,
        }
    }

    /// Git has no folder where the Kustomization looks, and the Kustomization says so itself: its path is what has to
    /// be mended, not a file.
    fn folder_gone(case: &Case<'_, '_>, path: &Path<'_>, release: &Outcome) -> Option<Finding> {
        let unread = release.finding.as_ref()?.code == CauseCode::ReleaseFileBroken;
        let one = path.kustomization.filter(|_| unread)?;
        let ready = believed(&one.conditions, "Ready", one.observed_generation, &one.meta)?;
        let says = messages::kustomization(&ready.reason, &ready.message);
        (ready.status == Status::False && says == CauseCode::ApplyPathMissing)
            .then(|| root::own(case.target.place, one, ready))
    }

    /// What applied the workload is gone or going: nothing will change it any more.
    fn gone(finding: Finding) -> Self {
        let why = "what applied it does not exist any more";
        Self {
            release: Outcome::skipped(StageKind::Release, why),
            source: Outcome::skipped(StageKind::Source, why),
            apply: Outcome::found(StageKind::Apply, finding),
            built: None,
        }
    }

    /// What applied the workload does not exist.
    fn of_nobody(case: &Case<'_, '_>, reference: &Reference) -> Finding {
        let object = evidence::referred(case.target.place, reference);
        let is_served =
            Kind::from_name(&reference.kind).is_none_or(|kind| case.target.place.is_served(kind));
        let sentence = if is_served {
            Sentence::default()
                .object(&object)
                .words(", which applied ")
                .object(&case.workload())
                .words(", does not exist any more")
        } else {
            Sentence::default()
                .words("Flux is not installed in ")
                .name(case.target.place.name)
                .words(", and nothing else applies ")
                .object(&case.workload())
        };
        let proof = evidence::evidence(
            &case.workload(),
            "metadata.labels",
            format!("{}/{}", reference.namespace, reference.name),
            None,
        );
        Finding::blocked(CauseCode::ApplyOwnerGone, object, sentence).proof([proof])
    }

    /// Nothing of Flux's applies the workload: a person changes it.
    fn by_hand(
        case: &Case<'_, '_>,
        built: &Learned<Option<Built>>,
        template: &Learned<Contents>,
        copied_from: Option<&Reference>,
    ) -> Self {
        let why = "nothing of Flux's applies this workload";
        let object = case.workload();
        let release = match (built, template) {
            (_, Err(gap)) => Outcome::unknown(StageKind::Release, gap),
            (_, Ok(contents)) if contents.contains() => Outcome::skipped(StageKind::Release, why),
            (Ok(Some(_)), Ok(_)) => {
                let sentence = Sentence::default()
                    .words("nothing of Flux's applies ")
                    .object(&object)
                    .words(": a person has to change its image from ")
                    .name(&case.target.container.image);
                let proof = evidence::evidence(
                    &object,
                    format!(
                        "spec.template.spec.containers[{}].image",
                        case.target.container.name
                    ),
                    &case.target.container.image,
                    None,
                );
                Outcome::found(
                    StageKind::Release,
                    Finding::new(
                        CauseCode::ReleaseByHand,
                        State::NeedsPromotion,
                        object,
                        sentence,
                    )
                    .proof([proof])
                    .qualified(copied_from.map(|reference| {
                        Sentence::default()
                            .words("It carries the labels of ")
                            .object(&evidence::referred(case.target.place, reference))
                            .words(", which does not list it among what it applies.")
                    })),
                )
            }
            _ => Outcome::not_reached(StageKind::Release),
        };
        Self {
            release,
            source: Outcome::skipped(StageKind::Source, why),
            apply: Outcome::skipped(StageKind::Apply, why),
            built: None,
        }
    }
}

/// Marks stages as behind us: what comes later proves it. A revert stays what it is.
fn pass(outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        let is_reverted = outcome
            .finding
            .as_ref()
            .is_some_and(|finding| finding.turn == State::Reverted);
        if !is_reverted {
            outcome.prove(Sentence::default().words("behind us: a later stage proves it"));
        }
    }
}

enum Settled {
    /// The state, and the proof.
    Yes(State, Box<Proof>),
    /// Proven, but no traffic reaches it, or that could not be read.
    But,
}

/// The pods prove it: what is left is whether traffic reaches them, and what a careful reader wants to know.
fn settle(
    case: &Case<'_, '_>,
    crew: &Learned<Crew<'_>>,
    proof: &Proof,
    outcomes: &mut [Outcome],
    notes: &mut Vec<Sentence>,
) -> Option<Settled> {
    let place = case.target.place;
    if let Ok(crew) = crew {
        outcomes[6] = rollout::done(place, case.target.workload, Some(crew));
        outcomes[7] = Outcome::done(StageKind::Pods, pods::count(case, crew))
            .since(proof.since)
            .proof(pods::digests(case, crew));
    }
    outcomes[8] = serving::outcome(case);
    let head_revert = case
        .view
        .for_show(|| {
            let head = case.view.head(case.key)?;
            reverts::in_effect(case.view, case.key, case.commit, head)
        })
        .ok()
        .flatten();
    if let Some(revert) = head_revert {
        notes.push(
            Sentence::default()
                .words("It is taken back by ")
                .commit(case.key, &revert.by)
                .words(", which is not here yet."),
        );
    }
    if !outcomes[8].is_met() {
        return Some(Settled::But);
    }
    let state = if proof.relation == Relation::Same {
        State::Deployed
    } else {
        State::Superseded
    };
    Some(Settled::Yes(state, Box::new(proof.clone())))
}

/// The first unmet stage decides.
fn undecided(case: &Case<'_, '_>, draft: &Draft<'_, '_>) -> Verdict {
    for outcome in &draft.outcomes {
        if let Some(why) = &outcome.unaffected {
            return Verdict::Settled {
                state: State::NotAffected,
                headline: draft.subject().not_affected(why.clone()),
                evidence: outcome.stage.evidence.clone(),
            };
        }
        if !outcome.is_met() {
            break;
        }
    }
    decide(&draft.outcomes).unwrap_or_else(|| {
        // Every stage says it is done and the pods do not prove it together: two watches are not in step.
        let object = case.workload();
        let sentence = Sentence::default()
            .object(&object)
            .words(" is finishing its rollout");
        Verdict::Found {
            stage: StageKind::Pods,
            finding: Box::new(Finding::moving(
                pods::starting(case.target.place),
                object,
                sentence,
            )),
        }
    })
}
