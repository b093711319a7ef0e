//! What of a board or an answer is worth keeping, and what two of them one after the other say about time.
//!
//! Owns the choice: names, states, codes and times. No sentence is kept, because a sentence quotes controllers and logs.
//! Pure.

use std::collections::HashMap;

use api::history::Took;
use api::journey::{Answer, Commit, StageState};
use api::{Board, StageKind, State};
use jiff::Timestamp;

/// A target, by everything that tells it apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The cluster.
    pub cluster: String,
    /// The environment.
    pub environment: String,
    /// The app.
    pub app: String,
    /// The workload, as `Kind namespace/name`.
    pub workload: String,
}

/// How one commit stands in one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where.
    pub target: Target,
    /// The commit.
    pub commit: Commit,
    /// How it stands.
    pub state: State,
    /// The stage that stops it.
    pub stage: Option<StageKind>,
    /// The cause's code.
    pub cause: Option<String>,
    /// How long stages took, as systems say.
    pub took: Vec<Took>,
    /// Whether the commit is one of the app's source: only these are delivered as an image.
    pub is_source: bool,
}

/// What a board says of the commits that it judges. What is not known, only being read, or of before a cluster went away is no
/// sight of anything.
pub fn of_board(board: &Board) -> Vec<Standing> {
    let mut seen = Vec::new();
    for row in &board.rows {
        for cell in &row.cells {
            let delivery = &cell.delivery;
            let Some(commit) = delivery.commit.as_ref().or(row.newest.as_ref()) else {
                continue;
            };
            let Some(running) = &cell.running else {
                continue;
            };
            if delivery.pending || cell.stale_since.is_some() || delivery.state == State::Unknown {
                continue;
            }
            seen.push(Standing {
                target: Target {
                    cluster: cell.cluster.clone(),
                    environment: cell.environment.clone(),
                    app: row.app.clone(),
                    workload: running.workload.to_string(),
                },
                commit: commit.clone(),
                state: delivery.state,
                stage: delivery.stage,
                cause: delivery.cause.clone(),
                took: delivery.took.clone(),
                is_source: true,
            });
        }
    }
    seen
}

/// What an answer says.
pub fn of_answer(answer: &Answer) -> Vec<Standing> {
    let mut seen = Vec::new();
    for journey in &answer.journeys {
        let (Some(commit), Some(running)) = (&journey.commit, &journey.running) else {
            continue;
        };
        if journey.pending || journey.stale_since.is_some() || journey.state == State::Unknown {
            continue;
        }
        // A commit of configuration is built by nobody.
        let is_source = !journey.stages.iter().any(|stage| {
            stage.kind == StageKind::Build && matches!(stage.state, StageState::Skipped { .. })
        });
        let done = journey
            .stages
            .iter()
            .filter(|stage| stage.state == StageState::Done);
        let took = done.filter_map(|stage| {
            Some(Took {
                stage: stage.kind,
                seconds: stage.took_seconds?,
            })
        });
        seen.push(Standing {
            target: Target {
                cluster: journey.cluster.clone(),
                environment: journey.environment.clone(),
                app: journey.app.clone(),
                workload: running.workload.to_string(),
            },
            commit: commit.clone(),
            state: journey.state,
            stage: journey.blocking_stage,
            cause: journey.cause.as_ref().map(|cause| cause.code.clone()),
            took: took.collect(),
            is_source,
        });
    }
    seen
}

/// How a commit stood in a target when it was looked at last, and since when.
#[derive(Clone, Debug)]
struct Watched {
    state: State,
    stage: Option<StageKind>,
    cause: Option<String>,
    /// When it was seen to come to this stage; `None` where it was there already when watching began, or where
    /// somebody had to mend something on the way.
    entered: Option<Timestamp>,
    /// When it was last looked at.
    at: Timestamp,
}

/// What is new in a standing.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The standing.
    pub standing: Standing,
    /// How long stages took, as systems say or as it was watched from their beginning to their end.
    pub took: Vec<Took>,
    /// Set where it was watched to arrive: it was not there when it was looked at last, and now is.
    pub arrived: bool,
}

/// Longer between two looks, and nobody knows when in between something happened.
const BLINK: i64 = 30;

/// The last look at every target.
#[derive(Debug, Default)]
pub struct Watch {
    last: HashMap<(Target, String), Watched>,
}

impl Watch {
    /// Takes a look in; gives what it says that the last one did not. Looks come in order of time.
    pub fn look(&mut self, seen: Vec<Standing>, now: Timestamp) -> Vec<News> {
        let mut news = Vec::new();
        for standing in seen {
            let key = (standing.target.clone(), standing.commit.sha.clone());
            let before = self.last.get_mut(&key);
            let is_same = before.as_ref().is_some_and(|before| {
                before.state == standing.state
                    && before.stage == standing.stage
                    && before.cause == standing.cause
            });
            if is_same {
                if let Some(before) = before {
                    before.at = now;
                }
                continue;
            }
            let before = before.cloned();
            let is_stopped = matches!(
                standing.state,
                State::Blocked | State::RolledBack | State::Reverted
            );
            let has_moved = before
                .as_ref()
                .is_none_or(|one| one.stage != standing.stage);
            let was_watched = before
                .as_ref()
                .is_some_and(|one| now.duration_since(one.at).as_secs() <= BLINK);
            let mut took = standing.took.clone();
            if has_moved
                && was_watched
                && let Some(one) = &before
                && let (Some(stage), Some(entered)) = (one.stage, one.entered)
                && is_further(standing.stage, standing.state, stage)
                && !took.iter().any(|told| told.stage == stage)
            {
                let seconds = now.duration_since(entered).as_secs();
                took.push(Took { stage, seconds });
            }
            let entered = match &before {
                _ if is_stopped => None,
                Some(_) if has_moved && was_watched => Some(now),
                Some(one) if !has_moved => one.entered,
                _ => None,
            };
            let arrived = was_watched
                && standing.state == State::Deployed
                && before.as_ref().is_some_and(|one| !one.state.is_settled());
            self.last.insert(
                key,
                Watched {
                    state: standing.state,
                    stage: standing.stage,
                    cause: standing.cause.clone(),
                    entered,
                    at: now,
                },
            );
            news.push(News {
                standing,
                took,
                arrived,
            });
        }
        // What nobody looks at any more, such as a commit that is not the newest now, is not watched.
        self.last
            .retain(|_, watched| now.duration_since(watched.at).as_hours() < 24);
        news
    }
}

/// Whether a stage is behind a commit that stands so now.
fn is_further(stage: Option<StageKind>, state: State, than: StageKind) -> bool {
    match stage {
        Some(stage) => stage > than,
        None => matches!(state, State::Deployed | State::Superseded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn standing(state: State, stage: Option<StageKind>) -> Standing {
        Standing {
            target: Target {
                cluster: "prod-eu".to_owned(),
                environment: "production".to_owned(),
                app: "checkout".to_owned(),
                workload: "Deployment shop/checkout".to_owned(),
            },
            commit: Commit {
                repository: "code.example/shop/checkout".to_owned(),
                sha: "3f2c1ab".repeat(5) + "3f2c1",
                subject: "Round totals".to_owned(),
                author: "Mina Osei".to_owned(),
                at: at(-600),
            },
            state,
            stage,
            cause: None,
            took: Vec::new(),
            is_source: true,
        }
    }

    /// Looks every ten seconds at what a list says; gives the stages that were timed, and whether it was seen to arrive.
    fn watched(looks: &[(i64, State, Option<StageKind>)]) -> (Vec<(StageKind, i64)>, bool) {
        let mut watch = Watch::default();
        let (mut took, mut arrived) = (Vec::new(), false);
        for (second, state, stage) in looks {
            for news in watch.look(vec![standing(*state, *stage)], at(*second)) {
                took.extend(news.took.iter().map(|one| (one.stage, one.seconds)));
                arrived |= news.arrived;
            }
        }
        (took, arrived)
    }

    #[test]
    fn a_stage_is_timed_only_where_its_beginning_and_its_end_were_watched() {
        use StageKind::{Apply, Build, Rollout};
        let (took, arrived) = watched(&[
            (0, State::Moving, Some(Build)),
            (10, State::Waiting, Some(Apply)),
            (20, State::Waiting, Some(Apply)),
            (40, State::Moving, Some(Rollout)),
            (55, State::Deployed, None),
        ]);
        // When the build began nobody saw.
        assert_eq!(took, [(Apply, 30), (Rollout, 15)]);
        assert!(arrived);
    }

    #[test]
    fn a_laptop_that_slept_times_nothing() {
        use StageKind::{Apply, Build};
        let (took, arrived) = watched(&[
            (0, State::Moving, Some(Build)),
            (10, State::Waiting, Some(Apply)),
            (40_000, State::Deployed, None),
        ]);
        assert_eq!(took, []);
        assert!(!arrived);
    }

    #[test]
    fn a_stage_that_somebody_had_to_mend_is_not_usual() {
        use StageKind::{Apply, Build};
        let (took, _) = watched(&[
            (0, State::Moving, Some(Build)),
            (10, State::Waiting, Some(Apply)),
            (20, State::Blocked, Some(Apply)),
            (30, State::Waiting, Some(Apply)),
            (40, State::Deployed, None),
        ]);
        assert_eq!(took, []);
    }

    #[test]
    fn a_way_back_is_the_end_of_no_stage() {
        use StageKind::{Build, Pods, Release, Rollout};
        let (took, _) = watched(&[
            (0, State::Moving, Some(Build)),
            (10, State::Moving, Some(Pods)),
            (20, State::Moving, Some(Rollout)),
            (30, State::NeedsPromotion, Some(Release)),
        ]);
        assert_eq!(took, []);
    }

    #[test]
    fn what_stays_the_same_is_no_news() {
        let mut watch = Watch::default();
        let same = || vec![standing(State::Deployed, None)];
        assert_eq!(watch.look(same(), at(0)).len(), 1);
        assert_eq!(watch.look(same(), at(10)).len(), 0);
        // It was there when watching began: nobody saw it arrive.
        assert!(!watch.look(vec![standing(State::Moving, None)], at(20))[0].arrived);
    }

    #[test]
    fn an_older_commit_that_a_cell_judges_was_recorded_as_the_newest() {
        let newest = standing(State::Blocked, None).commit;
        let older = Commit {
            sha: "0".repeat(40),
            ..newest.clone()
        };
        let running = api::journey::Running {
            workload: api::ObjectRef::new("prod-eu", "Deployment", "shop", "checkout"),
            image: String::new(),
            commit: None,
            since: None,
            health: api::journey::Health::Healthy,
            ready: 1,
            wanted: 1,
        };
        let delivery = api::board::Delivery {
            commit: Some(older.clone()),
            state: State::Blocked,
            pending: false,
            behind: None,
            stage: None,
            cause: None,
            headline: api::Sentence::default(),
            since: None,
            took: Vec::new(),
        };
        let row = api::board::BoardRow {
            app: "checkout".to_owned(),
            repository: None,
            newest: Some(newest),
            cells: vec![api::board::BoardCell {
                environment: "production".to_owned(),
                cluster: "prod-eu".to_owned(),
                running: Some(running),
                delivery,
                stale_since: None,
            }],
        };
        let board = Board {
            rows: vec![std::sync::Arc::new(row)],
            ..Board::default()
        };
        let seen = of_board(&board);
        assert_eq!(seen.first().unwrap().commit, older);
    }
}
