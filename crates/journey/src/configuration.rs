//! The walk of a commit of the GitOps repository itself: it needs no build and no image.
//!
//! Owns whether such a commit changes anything in a target, and what it means for it to be in effect.

mod chart;
mod hands;
mod looked;
mod made_of;
mod unapplied;
mod untouched;

use api::journey::Journey;
use api::{Sentence, StageKind, State};
use facts::code::Commit;
use facts::meta::Reference;
use jiff::Timestamp;

use chart::Chart;
use made_of::Declaring;

use crate::causes::CauseCode;
use crate::discover::{Target, Targets};
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::lost;
use crate::reverts;
use crate::route::{Configuration, Path};
use crate::stages::pods::{self, Crew};
use crate::stages::{
    Branch, Case, apply, canary, commit, release, rollout, serving, source, trouble,
};
use crate::verdict::{Draft, Verdict, decide};
use crate::view::{Gap, Learned, View};

/// The route to a target, and the place in Git it begins at.
pub struct Way<'a> {
    /// The objects of Flux's.
    pub path: Box<Path<'a>>,
    /// The place in Git.
    pub place: Configuration,
}

impl Way<'_> {
    /// Whether a commit of a repository that holds both source and configuration is about configuration alone.
    pub fn is_about(&self, view: &View<'_>, key: &str, sha: &str) -> bool {
        let below = |path: &String| is_below(path, &self.place.path);
        !self.place.path.is_empty()
            && matches!(view.touched(key, sha), Ok(paths) if !paths.is_empty() && paths.iter().all(below))
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The journey of a configuration commit to a target.
pub fn journey<'a>(
    view: &View<'a>,
    all: &Targets<'a>,
    target: &Target<'a>,
    way: &Way<'a>,
    key: &str,
    sha: &str,
) -> Journey {
    let crew = canary::known(target.place, target.applied)
        .and_then(|()| pods::crew(target.place, target.workload));
    let case = Case {
        view,
        target,
        all,
        key,
        commit: sha,
        branch: Branch::Followed(&way.place.branch),
    };
    let none = "a configuration commit needs no build";
    let mut outcomes = vec![
        standing(&case, way),
        Outcome::skipped(StageKind::Build, none),
        Outcome::skipped(StageKind::Image, none),
    ];
    let known = match view.commit(key, sha) {
        Ok(Some(known)) => Ok(known),
        Ok(None) => Err(Gap::new(format!(
            "{key} does not have {}",
            api::headline::short(sha)
        ))),
        Err(gap) => Err(gap),
    };
    outcomes.extend(rest(&case, way, &crew, &known));
    if let Some(finding) = source::branch_gone(&case, &way.path, &outcomes[4]) {
        outcomes = StageKind::ALL
            .into_iter()
            .map(|kind| match kind {
                StageKind::Source => Outcome::found(kind, finding.clone()),
                _ if kind < StageKind::Source => Outcome::skipped(kind, source::BRANCH_GONE),
                _ => Outcome::not_reached(kind),
            })
            .collect();
    }
    let mut draft = Draft {
        view,
        all,
        target,
        commit: Some((key, sha)),
        crew: &crew,
        outcomes,
        notes: Vec::new(),
    };
    let verdict = verdict(&case, way, &draft);
    let is_in_effect = |state: State| matches!(state, State::Deployed | State::Superseded);
    if matches!(&verdict, Verdict::Settled { state, .. } if is_in_effect(*state)) {
        draft.notes = cautions(&case, way, &crew, &known);
    }
    draft.journey(verdict)
}

/// What a careful reader wants to know of a commit that Flux has applied: nothing here reads what it changed.
fn cautions(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    crew: &Learned<Crew<'_>>,
    known: &Learned<&Commit>,
) -> Vec<Sentence> {
    let mut said = Vec::new();
    let begun = crew.as_ref().ok().and_then(Crew::begun);
    let known = known.as_ref().ok();
    if begun
        .zip(known)
        .is_some_and(|(begun, known)| begun < known.at)
    {
        said.push(Sentence::default().words(
            "Pods of it began before the commit: what a pod reads only when it starts is of before there.",
        ));
    }
    let Some(one) = way.path.kustomization else {
        return said;
    };
    let object = evidence::object(case.target.place, "Kustomization", &one.meta.key());
    let ours = Sentence::default().object(&object);
    if one.patches {
        said.push(
            ours.clone()
                .words(" has patches of its own in spec.patches: they count more than the commit."),
        );
    }
    if !one.prunes {
        said.push(ours.words(" does not prune: what the commit takes out stays in the cluster."));
    }
    let is_unread = |entry: &&Reference| ["ConfigMap", "Secret"].contains(&entry.kind.as_str());
    if let Some(entry) = one.inventory.iter().find(is_unread) {
        said.push(
            Sentence::default()
                .words("The content of ")
                .name(format!("{} {}", entry.kind, entry.name))
                .words(" is not read: that nobody changed it since is not known."),
        );
    }
    said
}

/// How the commit stands. What the branch has taken back is still here where Flux has not applied that.
fn standing(case: &Case<'_, '_>, way: &Way<'_>) -> Outcome {
    let outcome = commit::outcome(case);
    let is_reverted = matches!(&outcome.finding, Some(found) if found.turn == State::Reverted);
    let still_here = || -> Learned<Option<String>> {
        let one = way.path.kustomization;
        let applied = one.and_then(|one| one.applied_origin.as_ref().or(one.applied.as_ref()));
        let Some(at) = applied.and_then(|revision| revision.commit()) else {
            return Ok(None);
        };
        let (view, key, commit) = (case.view, case.key, case.commit);
        // What was tried since is live before Flux says that it is applied.
        let tried = one.and_then(|one| one.attempted.as_ref()?.commit());
        for at in [Some(at), tried].into_iter().flatten() {
            if !view.contained(key, commit, at)?
                || reverts::in_effect(view, key, commit, at)?.is_some()
            {
                return Ok(None);
            }
        }
        let head = view.head_of(key, &way.place.branch)?;
        Ok(reverts::in_effect(view, key, commit, head)?.map(|revert| revert.by.clone()))
    };
    match is_reverted.then(still_here) {
        Some(Ok(Some(by))) => Outcome::done(
            StageKind::Commit,
            Sentence::default().words("on ").name(&way.place.branch),
        )
        .note(Some(
            Sentence::default()
                .words("It is taken back by ")
                .commit(case.key, by)
                .words(", which is not here yet."),
        )),
        Some(Err(gap)) => Outcome::unknown(StageKind::Commit, &gap),
        _ => outcome,
    }
}

fn rest<'a>(
    case: &Case<'_, 'a>,
    way: &Way<'a>,
    crew: &Learned<Crew<'_>>,
    known: &Learned<&Commit>,
) -> Vec<Outcome> {
    let unknown_from = |gap: &Gap| {
        let mut rest = vec![Outcome::unknown(StageKind::Release, gap)];
        rest.extend(
            StageKind::ALL[4..]
                .iter()
                .map(|kind| Outcome::not_reached(*kind)),
        );
        rest
    };
    let known = match known {
        Ok(known) => *known,
        Err(gap) => return unknown_from(gap),
    };
    let chart = match chart::standing(case, way, known) {
        Ok(chart) => chart,
        Err(gap) => return unknown_from(&gap),
    };
    let untouched = match &chart {
        Chart::Untouched => untouched::unaffected(case, way, known),
        _ => Ok(None),
    };
    let declaring = made_of::declaring(case, way);
    let untouched = match untouched {
        // Of what is changed elsewhere nothing more has to be known: it may reach the target.
        Ok(Some(_)) if !declaring.above.is_empty() => Ok(None),
        Ok(Some(outcome)) => match declaring.untold.clone() {
            Some(gap) => Err(gap),
            None => Ok(Some(outcome)),
        },
        other => other,
    };
    let release = match untouched {
        Err(gap) => return unknown_from(&gap),
        Ok(Some(outcome)) => {
            let mut rest = vec![outcome];
            rest.extend(
                StageKind::ALL[4..]
                    .iter()
                    .map(|kind| Outcome::skipped(*kind, "the commit changes nothing here")),
            );
            return rest;
        }
        Ok(None) => Outcome::done(
            StageKind::Release,
            Sentence::default()
                .words("declared in ")
                .name(if way.place.path.is_empty() {
                    "the root"
                } else {
                    &way.place.path
                }),
        )
        .since(Some(known.at)),
    };
    let fetched = source::outcome(case, &way.path, Some(known));
    let mut release = release;
    let mut applied = apply::outcome(case, &way.path, Some(known).filter(|_| fetched.is_met()));
    if applied.is_met() {
        applied = brought(case, way, &declaring, applied, known);
    }
    if let Some(pin) = &way.place.pinned {
        match release::promotion::pinned(case, &way.path, &way.place, pin, known) {
            Ok(None) => {}
            Ok(Some(finding)) => release = Outcome::found(StageKind::Release, finding),
            Err(gap) => release = Outcome::unknown(StageKind::Release, &gap),
        }
    }
    match chart {
        Chart::Not(StageKind::Release, finding) if fetched.is_met() => {
            release = Outcome::found(StageKind::Release, *finding);
        }
        Chart::Not(stage, finding) if applied.is_met() => {
            applied = Outcome::found(stage, *finding);
        }
        _ => {}
    }
    let fetched = source::with_chart(fetched, case.target.place, way.path.helm);
    let mut rest = vec![release, fetched];
    if !applied.is_met() {
        rest.push(applied);
        rest.extend(
            StageKind::ALL[6..]
                .iter()
                .map(|kind| Outcome::not_reached(*kind)),
        );
        return rest;
    }
    let effect = match case.target.is_lost {
        true => vec![
            lost::outcome(case, &applied),
            Outcome::not_reached(StageKind::Pods),
            Outcome::not_reached(StageKind::Serving),
        ],
        false => effect(case, crew),
    };
    rest.push(applied);
    rest.extend(effect);
    rest
}

/// What the way is made of besides its path: it arrives with what applies that, and is taken up after it.
fn brought(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    declaring: &Declaring<'_>,
    mut applied: Outcome,
    known: &Commit,
) -> Outcome {
    for one in &declaring.above {
        let above = above_applied(case, &one.path, known);
        if !above.is_met() {
            return above;
        }
        applied = applied.no_earlier_than(above.stage.since);
    }
    let finding = made_of::source_behind(case, way).and_then(|behind| match behind {
        Some(finding) => Ok(Some(finding)),
        None => looked::not_yet(case, way, &declaring.above, known),
    });
    let untold = declaring.untold.as_ref();
    match finding {
        Ok(Some(finding)) => Outcome::found(StageKind::Apply, finding),
        Err(gap) => Outcome::unknown(StageKind::Apply, &gap),
        Ok(None) => match untold.filter(|gap| gap.pending) {
            Some(gap) => Outcome::unknown(StageKind::Apply, gap),
            None => applied.note(untold.map(|gap| {
                Sentence::default()
                    .words(
                        "Whether the commit changes more than what is applied here is not known: ",
                    )
                    .quote(&gap.why)
                    .words(".")
            })),
        },
    }
}

/// Whether a Kustomization above ours has applied the commit. Suspended, it says only what was so before.
fn above_applied(case: &Case<'_, '_>, path: &Path<'_>, known: &Commit) -> Outcome {
    let fetched = source::outcome(case, path, Some(known));
    if fetched.is_met() {
        return apply::outcome(case, path, Some(known));
    }
    match fetched.finding {
        Some(finding) => Outcome::found(StageKind::Apply, finding),
        None => Outcome::unknown(
            StageKind::Apply,
            &Gap::new("what applies the Kustomization could not be read"),
        ),
    }
}

/// Stages 7 to 9: the workload as it is, whatever image it runs.
fn effect(case: &Case<'_, '_>, crew: &Learned<Crew<'_>>) -> Vec<Outcome> {
    let place = case.target.place;
    let workload = case.target.workload;
    let crew = match crew {
        Ok(crew) => crew,
        Err(gap) => {
            return vec![
                Outcome::unknown(StageKind::Rollout, gap),
                Outcome::unknown(StageKind::Pods, gap),
                Outcome::not_reached(StageKind::Serving),
            ];
        }
    };
    let canary = case.target.canary.filter(|one| !canary::is_settled(one));
    let rollout = match (canary, rollout::trouble(place, workload, Some(crew))) {
        (Some(canary), Ok(None)) => {
            Outcome::found(StageKind::Rollout, canary::not_promoted(place, canary))
        }
        (_, Ok(None)) => rollout::done(place, workload, Some(crew)),
        (_, Ok(Some(finding))) => Outcome::found(StageKind::Rollout, finding),
        (_, Err(gap)) => Outcome::unknown(StageKind::Rollout, &gap),
    };
    let pods = match trouble::of_crew(place, workload, crew) {
        Err(gap) => Outcome::unknown(StageKind::Pods, &gap),
        Ok(Some(finding)) => Outcome::found(StageKind::Pods, finding),
        Ok(None) if pods::is_settled(place, workload, crew) => {
            Outcome::done(StageKind::Pods, pods::count(case, crew)).proof(pods::digests(case, crew))
        }
        Ok(None) => {
            let object = case.workload();
            let sentence = Sentence::default()
                .object(&object)
                .words(" is finishing its rollout");
            Outcome::found(
                StageKind::Pods,
                Finding::moving(CauseCode::PodsStarting, object, sentence),
            )
        }
    };
    let serving = if rollout.is_met() && pods.is_met() {
        serving::outcome(case)
    } else {
        Outcome::not_reached(StageKind::Serving)
    };
    vec![rollout, pods, serving]
}

fn verdict(case: &Case<'_, '_>, way: &Way<'_>, draft: &Draft<'_, '_>) -> Verdict {
    // Whatever becomes of the commit: what it does not touch stays as it is.
    let unaffected = |outcome: &Outcome| {
        outcome.unaffected.clone().map(|why| Verdict::Settled {
            state: State::NotAffected,
            headline: draft.subject().not_affected(why),
            evidence: outcome.stage.evidence.clone(),
        })
    };
    if let Some(verdict) = draft.outcomes.iter().find_map(unaffected) {
        return verdict;
    }
    if let Some(verdict) = decide(&draft.outcomes) {
        return verdict;
    }
    // Live, but not confirmed by Flux: with no image to prove it, Flux's word is needed.
    let applied = &draft.outcomes[5];
    if let Some(finding) = &applied.finding {
        return Verdict::Found {
            stage: StageKind::Apply,
            finding: Box::new(finding.clone()),
        };
    }
    if let Some(finding) = apply::of_older_spec(case.target.place, &way.path) {
        return Verdict::Found {
            stage: StageKind::Apply,
            finding: Box::new(finding),
        };
    }
    // Before anything is said of hands: what is seen may be of before.
    if let Some(finding) = not_in_step(case, applied) {
        return Verdict::Found {
            stage: StageKind::Rollout,
            finding: Box::new(finding),
        };
    }
    let live = match hands::live(case, way) {
        Ok(live) => live,
        Err(gap) => return Verdict::unknown(StageKind::Rollout, gap),
    };
    match hands::changed(case, way, live.as_ref()) {
        Ok(None) => {}
        Ok(Some((stage, finding))) => {
            return Verdict::Found {
                stage,
                finding: Box::new(finding),
            };
        }
        Err(gap) => return Verdict::unknown(StageKind::Rollout, gap),
    }
    let tried = live.as_ref().and_then(|live| live.tried.clone());
    let newer = live
        .map(|live| live.commit)
        .filter(|live| *live != case.commit);
    let crew = draft.crew.as_ref().ok();
    match case.view.commit(case.key, case.commit) {
        Ok(Some(known)) => match unapplied::finding(case, way, crew, known, newer.is_none()) {
            Ok(None) => {}
            Ok(Some((stage, finding))) => {
                return Verdict::Found {
                    stage,
                    finding: Box::new(finding),
                };
            }
            Err(gap) => return Verdict::unknown(StageKind::Apply, gap),
        },
        Ok(None) => {}
        Err(gap) => return Verdict::unknown(StageKind::Commit, gap),
    }
    if let Some(newer) = newer {
        match release::set_back(case, &way.place, newer) {
            Ok(None) => {}
            Ok(Some(by)) => {
                return Verdict::Found {
                    stage: StageKind::Commit,
                    finding: Box::new(commit::set_back(case.key, &by.commit)),
                };
            }
            Err(gap) => return Verdict::unknown(StageKind::Release, gap),
        }
    }
    Verdict::Settled {
        state: if newer.is_some() {
            State::Superseded
        } else {
            State::Deployed
        },
        headline: draft
            .subject()
            // When what was tried became live nobody wrote down.
            .applied(
                newer.map(|sha| (case.key, sha)),
                applied
                    .stage
                    .since
                    .filter(|_| tried.is_none())
                    .filter(|since| newer.is_none_or(|newer| was_there(case, newer, *since))),
            ),
        evidence: tried
            .iter()
            .chain(&applied.stage.evidence)
            .chain(&draft.outcomes[7].stage.evidence)
            .cloned()
            .collect(),
    }
}

/// Whether a newer commit was made by then: the commit itself may have been applied long before.
fn was_there(case: &Case<'_, '_>, newer: &str, since: Timestamp) -> bool {
    let commit = case.view.for_show(|| case.view.commit(case.key, newer));
    matches!(commit, Ok(Some(commit)) if commit.at <= since)
}

/// What was applied a moment ago may not have reached the workload as we see it: nothing else tells its pods apart.
fn not_in_step(case: &Case<'_, '_>, applied: &Outcome) -> Option<Finding> {
    let at = applied.stage.since?;
    if !rollout::is_fresh(case, Some(at)) {
        return None;
    }
    let object = case.workload();
    let sentence = Sentence::default()
        .object(&object)
        .words(" takes up what was applied ")
        .instant(at);
    Some(
        Finding::moving(CauseCode::RolloutRunning, object, sentence)
            .since(Some(at))
            .proof(applied.stage.evidence.iter().cloned()),
    )
}
