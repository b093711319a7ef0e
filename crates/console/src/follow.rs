//! Following a commit: what became of it since it was looked at last, and whether that is worth telling.
//!
//! Owns the decision, which is pure, and the tasks that watch what is followed. How a person is told is the shell's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use api::follow::{Followed, Notice};
use api::headline::short;
use api::{Answer, Ask, Journey, State};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::Subscription;
use crate::subscription::{self, Publisher};

/// How many notices wait for a shell that is slow to show them.
const NOTICES: usize = 64;

/// What was told of an ask so far.
#[derive(Debug, Default)]
struct Told {
    /// What was known when following began: a person saw that.
    begun: bool,
    /// Each thing that was told, or seen at the beginning: a target, and what became of the commit there.
    told: BTreeSet<(String, String, String, String)>,
}

impl Told {
    /// What an answer says that was not told yet. What is unknown, still being read, or of before a cluster went away says
    /// nothing: above all not that something is live.
    fn news(&mut self, answer: &Answer) -> Vec<Notice> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        let mut news = Vec::new();
        for journey in &answer.journeys {
            if journey.pending || journey.stale_since.is_some() {
                continue;
            }
            let Some(what) = what(journey) else { continue };
            let workload = journey
                .running
                .as_ref()
                .map(|running| running.workload.to_string());
            let thing = (
                journey.environment.clone(),
                format!("{}/{}", journey.cluster, journey.app),
                workload.unwrap_or_default(),
                what,
            );
            if self.told.insert(thing) && !is_first {
                news.push(notice(answer, journey));
            }
        }
        news
    }
}

/// What became of a commit in a target that is worth telling once. Another cause is another thing.
fn what(journey: &Journey) -> Option<String> {
    match journey.state {
        State::Deployed | State::Superseded => Some("live".to_owned()),
        State::Blocked | State::RolledBack | State::Reverted => {
            let code = journey
                .cause
                .as_ref()
                .map_or("", |cause| cause.code.as_str());
            Some(format!("stuck {code}"))
        }
        State::NotAffected
        | State::Moving
        | State::Waiting
        | State::NeedsPromotion
        | State::Unknown => None,
    }
}

fn notice(answer: &Answer, journey: &Journey) -> Notice {
    let is_alone =
        |other: &&Journey| other.app == journey.app && other.environment == journey.environment;
    let place = if answer.journeys.iter().filter(is_alone).count() > 1 {
        format!("{} on {}", journey.environment, journey.cluster)
    } else {
        journey.environment.clone()
    };
    let verb = match journey.state {
        State::Deployed | State::Superseded => "is live in",
        State::RolledBack => "was rolled back in",
        State::Reverted => "was reverted in",
        _ => "is stuck on its way to",
    };
    Notice {
        ask: answer.ask.clone(),
        title: format!("{} {verb} {place}", name(journey)),
        says: journey.headline.clone(),
    }
}

fn name(journey: &Journey) -> String {
    match &journey.commit {
        Some(commit) => format!("{} {}", journey.app, short(&commit.sha)),
        None => journey.app.clone(),
    }
}

/// How an ask stands, in few words.
fn summary(answer: &Answer) -> String {
    let what = match (&answer.commit, answer.journeys.first()) {
        (_, Some(first)) if answer.journeys.iter().all(|one| one.app == first.app) => name(first),
        (Some(commit), _) => short(&commit.sha).to_owned(),
        (None, _) => answer.ask.text.clone(),
    };
    let count = |wanted: &dyn Fn(State) -> bool| {
        answer
            .journeys
            .iter()
            .filter(|one| wanted(one.state))
            .count()
    };
    // Where it changes nothing it need not arrive, and has not.
    let all = count(&|state| state != State::NotAffected);
    let live = count(&|state| matches!(state, State::Deployed | State::Superseded));
    let stuck =
        count(&|state| matches!(state, State::Blocked | State::RolledBack | State::Reverted));
    let unknown = count(&|state| state == State::Unknown);
    let mut words = format!("{what}: in {live} of {all}");
    if stuck > 0 {
        words.push_str(&format!(", stuck in {stuck}"));
    }
    if unknown > 0 {
        words.push_str(&format!(", unknown in {unknown}"));
    }
    words
}

/// What is followed, and whoever wants to know.
#[derive(Clone)]
pub struct Following(Arc<Shared>);

struct Shared {
    all: Mutex<BTreeMap<Ask, (Followed, JoinHandle<()>)>>,
    readers: Mutex<Vec<Publisher<Vec<Followed>>>>,
    notices: broadcast::Sender<Notice>,
}

impl Default for Following {
    fn default() -> Self {
        Self(Arc::new(Shared {
            all: Mutex::default(),
            readers: Mutex::default(),
            notices: broadcast::channel(NOTICES).0,
        }))
    }
}

impl Following {
    /// Follows an ask whose answers come from a subscription. One that is followed already goes on.
    pub fn follow(&self, ask: &Ask, mut answers: Subscription<Result<Answer, api::Error>>) {
        {
            let mut all = lock(&self.0.all);
            if all.contains_key(ask) {
                return;
            }
            let (shared, asked) = (Arc::downgrade(&self.0), ask.clone());
            let task = tokio::spawn(async move {
                let mut told = Told::default();
                while let Some(update) = answers.next().await {
                    // A draft is no news.
                    let (true, Ok(answer)) = (update.settled, update.value) else {
                        continue;
                    };
                    let Some(shared) = shared.upgrade() else {
                        return;
                    };
                    for notice in told.news(&answer) {
                        // Nobody to tell is no error.
                        let _alone = shared.notices.send(notice);
                    }
                    let mut all = lock(&shared.all);
                    if let Some((followed, _)) = all.get_mut(&asked) {
                        followed.says = summary(&answer);
                    }
                    drop(all);
                    shared.publish();
                }
            });
            let followed = Followed {
                ask: ask.clone(),
                says: ask.text.clone(),
            };
            all.insert(ask.clone(), (followed, task));
        }
        self.0.publish();
    }

    /// Ends that.
    pub fn unfollow(&self, ask: &Ask) {
        if let Some((_, task)) = lock(&self.0.all).remove(ask) {
            task.abort();
        }
        self.0.publish();
    }

    /// What is followed, live.
    pub fn watch(&self) -> Subscription<Vec<Followed>> {
        let (subscription, publisher) = subscription::channel();
        lock(&self.0.readers).push(publisher);
        self.0.publish();
        subscription
    }

    /// What is worth telling, from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }
}

impl Shared {
    fn publish(&self) {
        let followed: Vec<Followed> = lock(&self.all)
            .values()
            .map(|(followed, _)| followed.clone())
            .collect();
        let mut readers = lock(&self.readers);
        readers.retain(|publisher| !publisher.is_closed());
        for publisher in readers.iter() {
            publisher.publish(followed.clone(), true);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for (_, task) in lock(&self.all).values() {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::journey::Cause;
    use api::{ObjectRef, Sentence, StageKind};
    use jiff::Timestamp;

    fn journey(environment: &str, cluster: &str, state: State) -> Journey {
        Journey {
            app: "checkout".to_owned(),
            environment: environment.to_owned(),
            cluster: cluster.to_owned(),
            commit: None,
            state,
            headline: Sentence::default().words("It stands."),
            notes: Vec::new(),
            blocking_stage: None,
            cause: None,
            acts: Vec::new(),
            other_causes: Vec::new(),
            chain: Vec::new(),
            evidence: Vec::new(),
            next_attempt: None,
            running: None,
            stages: Vec::new(),
            lead_time: None,
            stale_since: None,
            pending: false,
        }
    }

    fn because(code: &str) -> Journey {
        let object = ObjectRef::new("prod", "Pod", "shop", "checkout");
        Journey {
            cause: Some(Cause {
                code: code.to_owned(),
                stage: StageKind::Pods,
                object,
                sentence: Sentence::default(),
                remedy: String::new(),
                since: None,
                version: None,
                workload: None,
            }),
            ..journey("production", "prod", State::Blocked)
        }
    }

    fn answer(journeys: Vec<Journey>) -> Answer {
        Answer {
            version: api::JSON_VERSION,
            ask: Ask {
                text: "3f2c1ab".to_owned(),
                ..Ask::default()
            },
            commit: None,
            journeys,
            pending: 0,
            unread: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// What is told while one answer follows the other.
    fn told(answers: Vec<Vec<Journey>>) -> Vec<String> {
        let mut told = Told::default();
        let news = answers
            .into_iter()
            .flat_map(|journeys| told.news(&answer(journeys)));
        news.map(|notice| notice.title).collect()
    }

    fn production(state: State) -> Vec<Journey> {
        vec![journey("production", "prod", state)]
    }

    #[test]
    fn a_target_that_a_commit_does_not_affect_was_counted_as_one_that_has_it() {
        let states = [State::Deployed, State::NotAffected, State::Moving];
        let journeys = states.map(|state| journey("production", "prod", state));
        assert_eq!(summary(&answer(journeys.into())), "checkout: in 1 of 2");
    }

    #[test]
    fn live_is_told_once() {
        let titles = told(vec![
            production(State::Moving),
            production(State::Deployed),
            production(State::Moving),
            production(State::Superseded),
        ]);
        assert_eq!(titles, ["checkout is live in production"]);
    }

    #[test]
    fn what_stood_there_when_following_began_is_no_news() {
        assert!(
            told(vec![
                production(State::Deployed),
                production(State::Deployed)
            ])
            .is_empty()
        );
        assert!(
            told(vec![
                vec![because("pods-crash")],
                vec![because("pods-crash")]
            ])
            .is_empty()
        );
    }

    #[test]
    fn stuck_is_told_once_for_each_reason() {
        let titles = told(vec![
            production(State::Moving),
            vec![because("pods-crash")],
            vec![because("pods-crash")],
            vec![because("pods-image-pull")],
        ]);
        assert_eq!(titles.len(), 2);
        assert_eq!(titles[0], "checkout is stuck on its way to production");
    }

    #[test]
    fn what_is_not_known_is_never_live() {
        let unread = |change: &dyn Fn(&mut Journey)| {
            let mut one = journey("production", "prod", State::Deployed);
            change(&mut one);
            vec![one]
        };
        let titles = told(vec![
            production(State::Moving),
            unread(&|one| one.pending = true),
            unread(&|one| one.stale_since = Some(Timestamp::UNIX_EPOCH)),
            production(State::Unknown),
            production(State::NotAffected),
        ]);
        assert!(titles.is_empty(), "{titles:?}");
    }

    #[test]
    fn two_clusters_of_an_environment_are_told_apart() {
        let both = |one, other| {
            vec![
                journey("production", "eu", one),
                journey("production", "us", other),
            ]
        };
        let titles = told(vec![
            both(State::Moving, State::Moving),
            both(State::Deployed, State::Moving),
            both(State::Deployed, State::Deployed),
        ]);
        let expected = ["eu", "us"].map(|name| format!("checkout is live in production on {name}"));
        assert_eq!(titles, expected);
    }

    #[test]
    fn few_words_count_what_is_stuck_and_what_is_unknown() {
        let all =
            [State::Deployed, State::Blocked, State::Unknown].map(|state| journey("x", "c", state));
        assert_eq!(
            summary(&answer(all.into())),
            "checkout: in 1 of 3, stuck in 1, unknown in 1"
        );
    }
}
