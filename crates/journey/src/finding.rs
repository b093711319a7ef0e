//! What a stage finds: how it stands, and why it is not behind us.
//!
//! Owns the two values that stages hand to the verdict. Builds no sentence of its own.

use api::journey::{Cause, ChainLink, Evidence, NextAttempt};
use api::{ObjectRef, Sentence, Span, Stage, StageKind, StageState, State};
use jiff::{SignedDuration, Timestamp};

use crate::causes::CauseCode;
use crate::view::Gap;

/// How many characters of a quote a line of text shows before it is cut, with an ellipsis at its end.
const QUOTED: usize = 240;

/// Why something does not go on.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The cause's code.
    pub code: CauseCode,
    /// The state of a journey that this decides.
    pub turn: State,
    /// The root: the first thing that is not merely waiting for another.
    pub object: ObjectRef,
    /// What is wrong, to stand after "…: ".
    pub sentence: Sentence,
    /// Since when, by that system's clock.
    pub since: Option<Timestamp>,
    /// What proves it, most telling first.
    pub evidence: Vec<Evidence>,
    /// From the app's own object down to the root.
    pub chain: Vec<ChainLink>,
    /// What acts next by itself.
    pub next: Option<NextAttempt>,
    /// Said beside it: retries exhausted, rolled back, overdue.
    pub qualifiers: Vec<Sentence>,
    /// The image that is to be declared, where it is exactly the commit's: its tag, or its digest.
    pub version: Option<String>,
    /// The workload whose pods it is about, where it is about pods.
    pub workload: Option<ObjectRef>,
}

impl Finding {
    /// A finding with no proof yet.
    pub fn new(code: CauseCode, turn: State, object: ObjectRef, sentence: Sentence) -> Self {
        Self {
            code,
            turn,
            object,
            sentence,
            since: None,
            evidence: Vec::new(),
            chain: Vec::new(),
            next: None,
            qualifiers: Vec::new(),
            version: None,
            workload: None,
        }
    }

    /// It will not pass unless somebody mends something.
    pub fn blocked(code: CauseCode, object: ObjectRef, sentence: Sentence) -> Self {
        Self::new(code, State::Blocked, object, sentence)
    }

    /// Something acts by itself later.
    pub fn waiting(code: CauseCode, object: ObjectRef, sentence: Sentence) -> Self {
        Self::new(code, State::Waiting, object, sentence)
    }

    /// Something acts on it now.
    pub fn moving(code: CauseCode, object: ObjectRef, sentence: Sentence) -> Self {
        Self::new(code, State::Moving, object, sentence)
    }

    /// Says since when.
    #[must_use]
    pub fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }

    /// Adds proof.
    #[must_use]
    pub fn proof(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Says what acts next.
    #[must_use]
    pub fn next(mut self, next: Option<NextAttempt>) -> Self {
        self.next = next;
        self
    }

    /// Adds a qualifier.
    #[must_use]
    pub fn qualified(mut self, qualifier: Option<Sentence>) -> Self {
        self.qualifiers.extend(qualifier);
        self
    }

    /// Says which image is to be declared.
    #[must_use]
    pub fn version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// Says whose pods it is about.
    #[must_use]
    pub fn of_pods(mut self, workload: ObjectRef) -> Self {
        self.workload = Some(workload);
        self
    }

    /// The cause as the wire has it, at the stage of the journey that it stops.
    pub fn cause(&self, stage: StageKind) -> Cause {
        Cause {
            code: self.code.code().to_owned(),
            stage,
            object: self.object.clone(),
            sentence: self.sentence.clone(),
            remedy: self.code.remedy().to_owned(),
            since: self.since,
            version: self.version.clone(),
            workload: self.workload.clone(),
        }
    }

    fn stage_state(&self) -> StageState {
        match self.turn {
            State::Moving => StageState::Moving,
            State::Waiting | State::NeedsPromotion => StageState::Waiting {
                next: self.next.clone(),
            },
            _ => StageState::Blocked,
        }
    }
}

/// How one stage stands.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The stage as the wire has it.
    pub stage: Stage,
    /// Why it is not behind us, if it is not.
    pub finding: Option<Finding>,
    /// Set where the stage proves that the commit changes nothing here: the reason, to stand after "…: ".
    pub unaffected: Option<Sentence>,
    /// What a careful reader wants to know beside the headline.
    pub notes: Vec<Sentence>,
    /// Whether it is unknown only because a fact is not read yet.
    pub pending: bool,
}

impl Outcome {
    fn of(kind: StageKind, state: StageState, summary: Sentence) -> Self {
        Self {
            stage: Stage {
                kind,
                state,
                since: None,
                took_seconds: None,
                usual: None,
                summary,
                evidence: Vec::new(),
            },
            finding: None,
            unaffected: None,
            notes: Vec::new(),
            pending: false,
        }
    }

    /// Behind us.
    pub fn done(kind: StageKind, summary: Sentence) -> Self {
        Self::of(kind, StageState::Done, summary)
    }

    /// This target has no such stage.
    pub fn skipped(kind: StageKind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::of(
            kind,
            StageState::Skipped { why: why.clone() },
            Sentence::default().words(why),
        )
    }

    /// An earlier stage has to be done first.
    pub fn not_reached(kind: StageKind) -> Self {
        Self::of(
            kind,
            StageState::NotReached,
            Sentence::default().words("not reached"),
        )
    }

    /// It could not be read.
    pub fn unknown(kind: StageKind, gap: &Gap) -> Self {
        let state = StageState::Unknown {
            why: gap.why.clone(),
        };
        Self {
            pending: gap.pending,
            ..Self::of(kind, state, Sentence::default().quote(&gap.why))
        }
    }

    /// The same for a stage that is only shown: what nobody fetches for it is not said to be on its way.
    #[must_use]
    pub fn only_shown(self) -> Self {
        if self.pending {
            Self::not_reached(self.stage.kind)
        } else {
            self
        }
    }

    /// Stopped, waiting or moving, and why.
    pub fn found(kind: StageKind, finding: Finding) -> Self {
        let mut outcome = Self::of(kind, finding.stage_state(), finding.sentence.clone());
        outcome.stage.since = finding.since;
        outcome.stage.evidence = finding.evidence.clone();
        outcome.finding = Some(finding);
        outcome
    }

    /// The commit changes nothing here.
    pub fn unaffected(kind: StageKind, why: &str, sentence: Sentence) -> Self {
        let mut outcome = Self::skipped(kind, why);
        outcome.unaffected = Some(sentence);
        outcome
    }

    /// Says since when.
    #[must_use]
    pub fn since(mut self, since: Option<Timestamp>) -> Self {
        self.stage.since = since;
        self
    }

    /// Says that it was not so before a time, if that is known.
    #[must_use]
    pub fn no_earlier_than(mut self, at: Option<Timestamp>) -> Self {
        self.stage.since = self.stage.since.max(at);
        self
    }

    /// Says how long it took.
    #[must_use]
    pub fn took(mut self, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        if let (Some(from), Some(to)) = (from, to)
            && to >= from
        {
            self.stage.took_seconds = Some(to.duration_since(from).as_secs());
        }
        self
    }

    /// Adds proof.
    #[must_use]
    pub fn proof(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.stage.evidence.extend(evidence);
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: Option<Sentence>) -> Self {
        self.notes.extend(note);
        self
    }

    /// Whether nothing more has to happen here.
    pub fn is_met(&self) -> bool {
        matches!(
            self.stage.state,
            StageState::Done | StageState::Skipped { .. }
        )
    }

    /// Whether it could not be read.
    pub fn is_unknown(&self) -> bool {
        matches!(self.stage.state, StageState::Unknown { .. })
    }

    /// Marks the stage as behind us because a later one proves it; what is wrong there now becomes a note.
    pub fn prove(&mut self, summary: Sentence) {
        if self.is_met() {
            return;
        }
        self.stage.state = StageState::Done;
        self.stage.summary = summary;
        self.stage.since = None;
        let Some(finding) = self.finding.take() else {
            return;
        };
        match finding.turn {
            State::Blocked | State::RolledBack => {
                let beside = Sentence::default().words("Beside that, ");
                self.notes.push(ended(beside.then(finding.sentence)));
            }
            State::NeedsPromotion => self.notes.push(
                Sentence::default()
                    .words("Git does not declare it here: Flux sets it back when it applies what Git declares."),
            ),
            _ => {}
        }
    }
}

/// Ends a sentence with one full stop.
pub fn ended(sentence: Sentence) -> Sentence {
    let has_stop = match sentence.0.last() {
        Some(Span::Quote { text } | Span::Words { text }) => {
            text.trim_end().ends_with(['.', '!', '?', '…']) || text.chars().count() > QUOTED
        }
        _ => false,
    };
    if has_stop {
        sentence
    } else {
        sentence.words(".")
    }
}

/// Adds when something happened, if that is known: "… failed 14 minutes ago".
pub fn when(sentence: Sentence, at: Option<Timestamp>) -> Sentence {
    match at {
        Some(at) => sentence.words(" ").instant(at),
        None => sentence,
    }
}

/// The next moment of something that happens every `interval`, counted from when it happened once.
pub fn next_tick(
    from: Option<Timestamp>,
    interval: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let (from, interval) = (from?, interval?);
    let seconds = interval.as_secs();
    if seconds <= 0 {
        return None;
    }
    let passed = now.duration_since(from).as_secs().max(0);
    let ticks = passed / seconds + 1;
    from.checked_add(SignedDuration::from_secs(ticks.checked_mul(seconds)?))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tick_lies_in_the_future() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let minute = Some(SignedDuration::from_secs(60));
        assert_eq!(next_tick(Some(at(0)), minute, at(0)), Some(at(60)));
        assert_eq!(next_tick(Some(at(0)), minute, at(61)), Some(at(120)));
        assert_eq!(next_tick(Some(at(90)), minute, at(0)), Some(at(150)));
        assert_eq!(next_tick(None, minute, at(0)), None);
        let zero = Some(SignedDuration::ZERO);
        assert_eq!(next_tick(Some(at(0)), zero, at(0)), None);
    }
}
