//! How long things usually take, said beside what is under way or has arrived.
//!
//! Owns these words. They rest on what was seen before and decide nothing: no state, no cause and no headline.

use api::history::LeadTime;
use api::journey::Journey;
use api::{Sentence, StageKind, StageState, State, Usual};
use facts::Delivered;
use jiff::{SignedDuration, Timestamp};

use crate::view::{Place, View};

/// This many times its usual time, and at least this much more, is longer than usual: a median is passed half of the time.
const LONGER: i64 = 2;
const LONGER_AT_LEAST: i64 = 60;

/// Says of a journey of a source commit how long its stage and its whole way usually take.
pub fn say(view: &View<'_>, place: Place<'_>, journey: &mut Journey) {
    // A board shows none of it.
    if !view.is_curious() {
        return;
    }
    let history = view.history();
    let is_configuration = journey.stages.iter().any(|stage| {
        stage.kind == StageKind::Build && matches!(stage.state, StageState::Skipped { .. })
    });
    if is_configuration {
        return;
    }
    let under_way = matches!(journey.state, State::Moving | State::Waiting);
    let stage = journey.blocking_stage.filter(|_| under_way);
    let began = journey.cause.as_ref().and_then(|cause| cause.since);
    if let Some(kind) = stage {
        let key = (journey.app.clone(), journey.environment.clone(), kind);
        if let Some(usual) = history.stages.get(&key) {
            let stages = journey.stages.iter_mut();
            for stage in stages.filter(|stage| stage.kind == kind) {
                stage.usual = Some(*usual);
            }
            journey.notes.push(stage_note(place, kind, *usual, began));
        }
    }
    lead(view, journey);
}

/// "The build stage usually takes 4 minutes here, by the last 7. It takes longer than usual this time."
fn stage_note(
    place: Place<'_>,
    kind: StageKind,
    usual: Usual,
    began: Option<Timestamp>,
) -> Sentence {
    let mut words = format!(
        "The {} stage usually takes {} here, by the last {} times.",
        kind.name(),
        api::time::duration(usual.seconds),
        usual.samples
    );
    let limit =
        (usual.seconds.saturating_mul(LONGER)).max(usual.seconds.saturating_add(LONGER_AT_LEAST));
    let late = began.and_then(|at| at.checked_add(SignedDuration::from_secs(limit)).ok());
    if late.is_some_and(|late| place.is_past(late)) {
        words.push_str(" It takes longer than usual this time.");
    }
    Sentence::default().words(words)
}

fn lead(view: &View<'_>, journey: &mut Journey) {
    let history = view.history();
    let Some(commit) = &journey.commit else {
        return;
    };
    let usual = history
        .leads
        .get(&(journey.app.clone(), journey.environment.clone()));
    let seconds = || {
        let delivered = Delivered {
            app: journey.app.clone(),
            environment: journey.environment.clone(),
            cluster: journey.cluster.clone(),
            sha: commit.sha.clone(),
        };
        let live = history.live.get(&delivered)?;
        let seconds = live.duration_since(commit.at).as_secs();
        (seconds >= 0).then_some(seconds)
    };
    let is_there = journey.state == State::Deployed;
    let lead = LeadTime {
        seconds: is_there.then(seconds).flatten(),
        usual: usual.copied(),
    };
    if lead == LeadTime::default() {
        return;
    }
    let place = journey.environment.as_str();
    let usually = lead.usual.map(|usual| {
        format!(
            "{}, by the last {} commits",
            api::time::duration(usual.seconds),
            usual.samples
        )
    });
    let note = match (lead.seconds, usually) {
        (Some(seconds), usually) => {
            let took = api::time::duration(seconds);
            let sentence = Sentence::default()
                .words(format!("It took {took} from the commit to its rollout in "))
                .name(place);
            match usually {
                Some(usually) => sentence.words(format!("; usually {usually}.")),
                None => sentence.words("."),
            }
        }
        (None, Some(usually)) if !journey.state.is_settled() && journey.state != State::Unknown => {
            Sentence::default()
                .words("From a commit to its rollout in ")
                .name(place)
                .words(format!(" it usually takes {usually}."))
        }
        (None, _) => Sentence::default(),
    };
    if !note.is_empty() {
        journey.notes.push(note);
    }
    journey.lead_time = Some(lead);
}
