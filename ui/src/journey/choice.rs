//! Which of an answer's journeys is shown first, and that it stays shown.
//!
//! Owns the choice between targets. A choice that the person or the address made is kept while it exists; our own
//! may still change while facts are missing, and no longer once the answer was whole.

use api::journey::{Answer, Journey};

use crate::address::Lane;
use crate::words;

/// What tells one journey of an answer from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The cluster.
    pub cluster: String,
}

impl Target {
    /// A journey's target.
    pub fn of(journey: &Journey) -> Self {
        Self {
            app: journey.app.clone(),
            environment: journey.environment.clone(),
            cluster: journey.cluster.clone(),
        }
    }

    /// Whether this is the target that an address wishes for. An address without an environment wishes for none.
    fn is_wished(&self, wish: &Lane) -> bool {
        let fits = |wished: &Option<String>, own: &str| {
            wished.as_deref().is_none_or(|wished| wished == own)
        };
        wish.environment.is_some()
            && fits(&wish.environment, &self.environment)
            && fits(&wish.cluster, &self.cluster)
            && fits(&wish.app, &self.app)
    }
}

/// A shown target, and whether it stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The target.
    pub target: Target,
    /// Whether it stays while it exists.
    pub firm: bool,
}

/// The target to show: the person's, else the address's, else the one that was shown, else the worst; of equally bad
/// ones the last environment's.
pub fn shown(
    answer: &Answer,
    picked: Option<&Target>,
    wish: &Lane,
    before: Option<&Shown>,
) -> Option<Shown> {
    let targets: Vec<Target> = answer.journeys.iter().map(Target::of).collect();
    let there = |target: &Target| targets.contains(target);
    if let Some(target) = picked.filter(|target| there(target)) {
        return Some(Shown {
            target: target.clone(),
            firm: true,
        });
    }
    if let Some(target) = targets.iter().find(|target| target.is_wished(wish)) {
        return Some(Shown {
            target: target.clone(),
            firm: true,
        });
    }
    if let Some(before) = before.filter(|before| before.firm && there(&before.target)) {
        return Some(before.clone());
    }
    let environments: Vec<&str> = answer
        .journeys
        .iter()
        .map(|journey| journey.environment.as_str())
        .collect();
    let worst = answer
        .journeys
        .iter()
        .enumerate()
        .max_by_key(|(index, journey)| {
            let badness = if journey.state.is_settled() {
                0
            } else {
                words::badness(journey.state)
            };
            let environment = environments
                .iter()
                .position(|environment| *environment == journey.environment);
            // Of one environment's clusters, and of several apps, the first.
            (badness, environment, std::cmp::Reverse(*index))
        })?;
    Some(Shown {
        target: Target::of(worst.1),
        firm: answer.pending == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Sentence;
    use api::journey::State;

    fn journey(environment: &str, state: State) -> Journey {
        Journey {
            app: "checkout".to_owned(),
            environment: environment.to_owned(),
            cluster: "nonprod".to_owned(),
            commit: None,
            state,
            headline: Sentence::default(),
            notes: vec![],
            blocking_stage: None,
            cause: None,
            acts: vec![],
            other_causes: vec![],
            chain: vec![],
            evidence: vec![],
            next_attempt: None,
            running: None,
            stages: vec![],
            lead_time: None,
            stale_since: None,
            pending: false,
        }
    }

    fn answer(states: [State; 3], pending: usize) -> Answer {
        Answer {
            version: 1,
            ask: api::Ask::default(),
            commit: None,
            journeys: ["dev", "staging", "production"]
                .into_iter()
                .zip(states)
                .map(|(environment, state)| journey(environment, state))
                .collect(),
            pending,
            unread: vec![],
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn environment(shown: Option<&Shown>) -> String {
        shown.unwrap().target.environment.clone()
    }

    #[test]
    fn the_worst_is_shown_and_of_equals_the_last_environment() {
        use State::{Blocked, Deployed, Moving, Superseded};
        let wish = Lane::default();
        let blocked = shown(&answer([Deployed, Blocked, Moving], 0), None, &wish, None);
        assert_eq!(environment(blocked.as_ref()), "staging");
        let settled = shown(
            &answer([Deployed, Superseded, Deployed], 0),
            None,
            &wish,
            None,
        );
        assert_eq!(environment(settled.as_ref()), "production");
    }

    #[test]
    fn of_two_clusters_that_are_stuck_alike_the_first_is_shown() {
        let mut answer = answer([State::Deployed, State::Blocked, State::Blocked], 0);
        answer.journeys[1].environment = "production".to_owned();
        answer.journeys[1].cluster = "prod-eu".to_owned();
        let shown = shown(&answer, None, &Lane::default(), None);
        assert_eq!(shown.unwrap().target.cluster, "prod-eu");
    }

    #[test]
    fn what_is_shown_does_not_jump_once_the_answer_was_whole() {
        use State::{Blocked, Deployed, Moving, Unknown};
        let wish = Lane::default();
        let first = shown(&answer([Deployed, Deployed, Unknown], 3), None, &wish, None);
        assert_eq!(environment(first.as_ref()), "production");
        let second = shown(
            &answer([Blocked, Deployed, Moving], 0),
            None,
            &wish,
            first.as_ref(),
        );
        assert_eq!(environment(second.as_ref()), "dev");
        let third = shown(
            &answer([Deployed, Deployed, Blocked], 0),
            None,
            &wish,
            second.as_ref(),
        );
        assert_eq!(environment(third.as_ref()), "dev");
    }

    #[test]
    fn the_person_outranks_the_address_and_both_outrank_us() {
        use State::{Blocked, Deployed};
        let answer = answer([Deployed, Deployed, Blocked], 0);
        let wish = Lane {
            environment: Some("staging".to_owned()),
            ..Lane::default()
        };
        let wished = shown(&answer, None, &wish, None);
        assert_eq!(environment(wished.as_ref()), "staging");
        let picked = Target::of(&answer.journeys[0]);
        let picked = shown(&answer, Some(&picked), &wish, wished.as_ref());
        assert_eq!(environment(picked.as_ref()), "dev");
        let gone = Lane {
            environment: Some("qa".to_owned()),
            ..Lane::default()
        };
        assert_eq!(
            environment(shown(&answer, None, &gone, None).as_ref()),
            "production"
        );
    }
}
