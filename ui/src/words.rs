//! The words and shapes for states: what a cell, a lane and a stage say beside their glyph.
//!
//! Owns the choice of words and tone. State is shape and word before colour: every tone has a glyph of its own, and
//! no two states that mean different things share both.

use api::board::Delivery;
use api::connection::{ConnectionState, SystemKind};
use api::journey::{Health, Running, Stage, StageKind, StageState, State};

/// A tone: a glyph and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Done, live.
    Ok,
    /// Nothing to do, or not reached.
    Idle,
    /// Left out on purpose.
    Skip,
    /// Taken back.
    Undo,
    /// At work.
    Move,
    /// Something acts by itself later.
    Wait,
    /// Not well, but alive.
    Warn,
    /// Could not be read.
    Dunno,
    /// Somebody has to mend something.
    Stop,
}

impl Tone {
    /// The glyph's and the class's name in the stylesheet and the sprite.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Idle => "idle",
            Self::Skip => "skip",
            Self::Undo => "undo",
            Self::Move => "move",
            Self::Wait => "wait",
            Self::Warn => "warn",
            Self::Dunno => "dunno",
            Self::Stop => "stop",
        }
    }
}

/// A journey's state in one word or two.
pub fn state(state: State) -> &'static str {
    match state {
        State::Deployed => "deployed",
        State::Superseded => "superseded",
        State::NotAffected => "not affected",
        State::Moving => "moving",
        State::Waiting => "waiting",
        State::NeedsPromotion => "not promoted",
        State::Blocked => "blocked",
        State::RolledBack => "rolled back",
        State::Reverted => "reverted",
        State::Unknown => "unknown",
    }
}

/// How loud a delivery is: what is still being read is not loud, and not well either.
pub fn delivery_tone(delivery: &Delivery) -> Tone {
    if is_unknown(delivery) || delivery.state != State::Unknown {
        state_tone(delivery.state)
    } else {
        Tone::Skip
    }
}

/// Whether a delivery is unknown for good, and not only still being read.
pub fn is_unknown(delivery: &Delivery) -> bool {
    delivery.state == State::Unknown && !delivery.pending
}

/// A journey's tone.
pub fn state_tone(state: State) -> Tone {
    match state {
        State::Deployed | State::Superseded => Tone::Ok,
        State::NotAffected => Tone::Skip,
        State::Moving => Tone::Move,
        State::Waiting => Tone::Wait,
        State::NeedsPromotion => Tone::Idle,
        State::Blocked | State::RolledBack => Tone::Stop,
        State::Reverted => Tone::Undo,
        State::Unknown => Tone::Dunno,
    }
}

/// How bad a state is: where several clusters make one cell, the worst one speaks.
pub fn badness(state: State) -> u8 {
    match state {
        State::Blocked => 9,
        State::RolledBack => 8,
        State::Unknown => 7,
        State::Reverted => 6,
        State::Waiting => 5,
        State::Moving => 4,
        State::NeedsPromotion => 3,
        State::NotAffected => 2,
        State::Superseded => 1,
        State::Deployed => 0,
    }
}

/// Health in one word.
pub fn health(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Down => "down",
        Health::ScaledToZero => "scaled to zero",
        Health::Unknown => "unknown",
    }
}

/// The class of the dot that says health by its shape: filled, half, crossed, empty, dashed.
pub fn health_class(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Down => "down",
        Health::ScaledToZero => "zero",
        Health::Unknown => "unknown",
    }
}

/// What stands beside the version when what runs is not simply healthy: "1 of 3 ready".
pub fn readiness(running: &Running) -> Option<String> {
    match running.health {
        Health::Healthy => None,
        Health::Degraded => Some(format!("{} of {} ready", running.ready, running.wanted)),
        Health::Down => Some("down".to_owned()),
        Health::ScaledToZero => Some("scaled to zero".to_owned()),
        Health::Unknown => Some("health unknown".to_owned()),
    }
}

/// How delivery stands, for a cell: "current", "3 behind, not promoted", "blocked: crash, 3 behind".
pub fn delivery(delivery: &Delivery) -> String {
    let behind = delivery
        .behind
        .filter(|behind| *behind > 0)
        .map(|behind| format!("{behind} behind"));
    let words = match delivery.state {
        State::Deployed | State::Superseded => return "current".to_owned(),
        State::NotAffected => return "not affected".to_owned(),
        State::NeedsPromotion => {
            return match behind {
                Some(behind) => format!("{behind}, not promoted"),
                None => "not promoted".to_owned(),
            };
        }
        State::Moving => delivery.stage.map_or("moving", at_work).to_owned(),
        State::Waiting => with_cause("waiting", delivery),
        State::Blocked => with_cause("blocked", delivery),
        State::RolledBack => with_cause("rolled back", delivery),
        State::Reverted => "reverted".to_owned(),
        State::Unknown if delivery.pending => return "reading…".to_owned(),
        State::Unknown => match delivery.stage {
            Some(stage) => format!("unknown: {} not read", stage.name()),
            None => "unknown".to_owned(),
        },
    };
    match behind {
        Some(behind) => format!("{words}, {behind}"),
        None => words,
    }
}

/// What works on a commit while it moves at a stage.
fn at_work(stage: StageKind) -> &'static str {
    match stage {
        StageKind::Commit => "arriving",
        StageKind::Build => "building",
        StageKind::Image => "pushing its image",
        StageKind::Release => "being released",
        StageKind::Source => "being fetched",
        StageKind::Apply => "being applied",
        StageKind::Rollout => "rolling out",
        StageKind::Pods => "pods starting",
        StageKind::Serving => "coming into service",
    }
}

/// A state and the cause's words.
fn with_cause(state: &str, delivery: &Delivery) -> String {
    match (&delivery.cause, delivery.stage) {
        (Some(code), _) => format!("{state}: {}", cause(code)),
        (None, Some(stage)) => format!("{state} at {}", stage.name()),
        (None, None) => state.to_owned(),
    }
}

/// A cause's code as words: `pods-crash` is "crash", `apply-immutable-field` "immutable field". The stage's name
/// stays where the rest would not say what it is about: `build-failed` is "build failed".
pub fn cause(code: &str) -> String {
    let vague = [
        "failed",
        "pending",
        "running",
        "queued",
        "cancelled",
        "suspended",
        "none",
        "paused",
        "starting",
        "invalid",
        "refused",
        "forbidden",
        "not found",
        "not ready",
        "unknown",
        "reverted",
        "never pushed",
        "deadline",
        "dependency",
    ];
    let words = |text: &str| crate::foreign::line(&text.replace('-', " "));
    match code.split_once('-') {
        // Its names say enough without the system's.
        Some(("ecs", rest)) => words(rest),
        Some((stage, rest)) if StageKind::ALL.iter().any(|kind| kind.name() == stage) => {
            let rest = words(rest);
            if rest == "other" {
                format!("{stage} failed")
            } else if vague.contains(&rest.as_str()) {
                words(code)
            } else {
                rest
            }
        }
        _ => words(code),
    }
}

/// A stage's name as a heading.
pub fn stage_title(kind: StageKind) -> &'static str {
    match kind {
        StageKind::Commit => "Commit",
        StageKind::Build => "Build",
        StageKind::Image => "Image",
        StageKind::Release => "Release",
        StageKind::Source => "Source",
        StageKind::Apply => "Apply",
        StageKind::Rollout => "Rollout",
        StageKind::Pods => "Pods",
        StageKind::Serving => "Serving",
    }
}

/// A stage's state in words and its tone.
pub fn stage_state(stage: &Stage) -> (&'static str, Tone) {
    match stage.state {
        StageState::NotReached => ("not reached", Tone::Idle),
        StageState::Done => ("done", Tone::Ok),
        StageState::Moving => ("moving", Tone::Move),
        StageState::Waiting { .. } => ("waiting", Tone::Wait),
        StageState::Blocked => ("blocked", Tone::Stop),
        StageState::Skipped { .. } => ("skipped", Tone::Skip),
        StageState::Unknown { .. } => ("unknown", Tone::Dunno),
    }
}

/// What being live means for a system: who watches it and who is only asked.
pub fn live(kind: SystemKind) -> &'static str {
    match kind {
        SystemKind::Cluster | SystemKind::Ecs => "Changes arrive by themselves",
        SystemKind::CodeHost | SystemKind::Registry => {
            "It answers, and is asked again where an answer needs it"
        }
    }
}

/// A connection's state in a word or two and its tone.
pub fn connection(state: &ConnectionState) -> (&'static str, Tone) {
    match state {
        ConnectionState::Connecting => ("connecting", Tone::Move),
        ConnectionState::Syncing { .. } => ("reading", Tone::Move),
        ConnectionState::Live { .. } => ("live", Tone::Ok),
        ConnectionState::Degraded { .. } => ("not answering", Tone::Wait),
        ConnectionState::Denied { .. } => ("denied", Tone::Dunno),
        ConnectionState::NotAsked { .. } => ("not asked", Tone::Stop),
        ConnectionState::Unreachable { .. } => ("unreachable", Tone::Stop),
        ConnectionState::Absent { .. } => ("not there", Tone::Skip),
    }
}

/// A count with its noun: "1 app", "12 apps".
pub fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

/// A small number as a word, as the start of a sentence has it: "Three".
pub fn number(number: usize) -> String {
    const WORDS: [&str; 13] = [
        "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
        "Eleven", "Twelve",
    ];
    WORDS
        .get(number)
        .map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Sentence;

    fn standing(state: State, behind: Option<u32>, cause: Option<&str>) -> Delivery {
        Delivery {
            commit: None,
            state,
            pending: false,
            behind,
            stage: None,
            cause: cause.map(str::to_owned),
            headline: Sentence::default(),
            since: None,
            took: Vec::new(),
        }
    }

    #[test]
    fn a_code_host_and_a_registry_that_nobody_watches_were_said_to_tell_of_changes() {
        for kind in [SystemKind::CodeHost, SystemKind::Registry] {
            assert!(!live(kind).contains("by themselves"), "{kind:?}");
        }
        assert!(live(SystemKind::Cluster).contains("by themselves"));
    }

    #[test]
    fn a_cell_says_what_stops_it_before_how_far_behind_it_is() {
        assert_eq!(
            delivery(&standing(State::Blocked, Some(3), Some("pods-crash"))),
            "blocked: crash, 3 behind"
        );
        assert_eq!(
            delivery(&standing(State::NeedsPromotion, Some(1), None)),
            "1 behind, not promoted"
        );
        assert_eq!(
            delivery(&standing(State::Deployed, Some(0), None)),
            "current"
        );
        let mut unread = standing(State::Unknown, None, None);
        unread.stage = Some(StageKind::Pods);
        assert_eq!(delivery(&unread), "unknown: pods not read");
        assert_eq!(delivery_tone(&unread), Tone::Dunno);
        unread.pending = true;
        assert_eq!(delivery(&unread), "reading…");
        assert_eq!(delivery_tone(&unread), Tone::Skip);
    }

    #[test]
    fn only_settled_states_read_as_current() {
        for s in [
            State::Moving,
            State::Waiting,
            State::NeedsPromotion,
            State::Blocked,
            State::RolledBack,
            State::Reverted,
            State::Unknown,
            State::NotAffected,
        ] {
            assert_ne!(delivery(&standing(s, Some(0), None)), "current", "{s:?}");
            assert_ne!(state_tone(s), Tone::Ok, "{s:?}");
        }
    }

    #[test]
    fn a_vague_cause_keeps_its_stage() {
        assert_eq!(cause("build-failed"), "build failed");
        assert_eq!(cause("apply-immutable-field"), "immutable field");
        assert_eq!(cause("ecs-desired-zero"), "desired zero");
        assert_eq!(cause("source-suspended"), "source suspended");
        assert_eq!(cause("image-never-pushed"), "image never pushed");
        assert_eq!(cause("apply-other"), "apply failed");
        assert_eq!(cause("quota"), "quota");
        assert_eq!(cause("teleport-broken"), "teleport broken");
    }
}
