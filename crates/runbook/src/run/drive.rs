//! What happens between a run's beginning and its end: step by step, call by call.
//!
//! Owns the order. A call is written down, sent once, and its answer written down; where no answer came, what came of it is
//! read. A step that was sent has worked when it is seen to have.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::apart::Apart;
use super::{Broke, Progress, World, write};
use crate::action::Step;
use crate::call::{Call, Landing};
use crate::git::{Committed, Landed};
use crate::ground::{Ground, Read};
use crate::journal::{Answer, Event, Outcome, Run, RunId};
use crate::permit::named;
use crate::plan::{Plan, PlannedStep};
use crate::step::{self, Effect};

/// How far apart a step is looked at: a rollout takes longer, and an API server does not feel it.
const RHYTHM: Duration = Duration::from_secs(2);
/// How often a lost call is looked for: twenty seconds, longer than a server takes over a write that it got.
const LOOKS: u32 = 10;
/// What feeds what feeds what was done to: more is not looked up in turn.
const MOST_ROUNDS: usize = 10;
/// How long a step may take that changes one field and reads it back.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(1);

/// A run on its way.
pub(super) struct Driver<'a> {
    pub run: &'a RunId,
    pub plan: &'a Plan,
    pub world: World<'a>,
    /// What keeps other machines away, where there is such a thing.
    pub apart: Option<&'a Apart<'a>>,
}

/// Whether anything is sent.
pub(super) enum Sending<'a> {
    /// Until somebody says stop.
    Yes(&'a mut watch::Receiver<bool>),
    /// No: it is looked once, and written down.
    No,
}

/// Why a run goes no further.
pub(super) enum Stop {
    /// It is over.
    Ended(Outcome, String),
    /// It stays as it is, and what is missing.
    Open(String),
    /// It broke off.
    Broke(Broke),
}

impl From<Broke> for Stop {
    fn from(broke: Broke) -> Self {
        Self::Broke(broke)
    }
}

/// What is known of a plan's steps from the journal.
pub(super) struct Trail(Vec<Trace>);

#[derive(Clone)]
struct Trace {
    calls: Vec<Sent>,
    worked: bool,
}

/// What is known of a call.
#[derive(Clone)]
enum Sent {
    /// It was not sent.
    Not,
    /// It may have been.
    Perhaps,
    /// It was, and this came of it.
    Answered(Answer),
}

impl Trail {
    /// What a run's events say; of a new run, nothing.
    pub fn of(plan: &Plan, run: Option<&Run>) -> Self {
        let trace = |step: &PlannedStep| Trace {
            calls: vec![Sent::Not; step.calls.len()],
            worked: false,
        };
        let mut traces: Vec<Trace> = plan.steps.iter().map(trace).collect();
        for (_, event) in run.map(|run| run.events.as_slice()).unwrap_or_default() {
            match event {
                Event::Intent { step, call } => {
                    if let Some(sent) = at(&mut traces, *step, *call) {
                        *sent = Sent::Perhaps;
                    }
                }
                Event::Answered { step, call, answer } => {
                    if let Some(sent) = at(&mut traces, *step, *call) {
                        *sent = Sent::Answered(answer.clone());
                    }
                }
                Event::Seen { step, effect } => {
                    if let Some(trace) = traces.get_mut(*step) {
                        trace.worked = matches!(effect, Effect::Worked { .. });
                    }
                }
                Event::Begun { .. } | Event::Refused { .. } | Event::Ended { .. } => {}
            }
        }
        Self(traces)
    }
}

fn at(traces: &mut [Trace], step: usize, call: usize) -> Option<&mut Sent> {
    traces.get_mut(step)?.calls.get_mut(call)
}

/// What came of a call, once it is clear.
enum Came {
    /// With the object's version since, or the commit's SHA.
    Done(String),
    Not(Outcome, String),
}

impl Driver<'_> {
    /// Goes through the steps from where the trail ends, until it is over or goes no further.
    pub async fn walk(&self, trail: Trail, mut sending: Sending<'_>) -> Stop {
        if self.plan.is_nothing() {
            let says = format!(
                "{} is so already: there was nothing to do.",
                named(&self.plan.target)
            );
            return Stop::Ended(Outcome::NothingToDo, says);
        }
        let mut last = String::new();
        for (place, (step, trace)) in self.plan.steps.iter().zip(trail.0).enumerate() {
            if trace.worked {
                continue;
            }
            match self.step(place, step, trace.calls, &mut sending).await {
                Ok(says) => last = says,
                Err(stop) => return stop,
            }
        }
        if last.is_empty() {
            "Every step was seen to have worked.".clone_into(&mut last);
        }
        Stop::Ended(Outcome::Worked, last)
    }

    /// Sends what a step has not sent, and sees whether it worked: the proof, in a sentence.
    async fn step(
        &self,
        place: usize,
        step: &PlannedStep,
        calls: Vec<Sent>,
        sending: &mut Sending<'_>,
    ) -> Result<String, Stop> {
        let mut done = Vec::with_capacity(step.calls.len());
        for (number, (call, sent)) in step.calls.iter().zip(calls).enumerate() {
            let came = match sent {
                Sent::Not => {
                    let Sending::Yes(cancel) = sending else {
                        let call = call.naming(self.run);
                        let says = format!("Step {}: {call} was not sent.", place + 1);
                        return Err(Stop::Open(says));
                    };
                    if *cancel.borrow() {
                        let call = call.naming(self.run);
                        let says = format!("It was cancelled before {call}, which was not sent.");
                        return Err(Stop::Ended(Outcome::Cancelled, says));
                    }
                    if let Some(apart) = self.apart
                        && !apart.is_ours().await
                    {
                        let call = call.naming(self.run);
                        let says = format!(
                            "Another machine has taken the lock in the cluster since: {call} was not sent."
                        );
                        return Err(Stop::Ended(Outcome::Cancelled, says));
                    }
                    self.send(place, number, call).await?
                }
                Sent::Perhaps => {
                    let why = "this program ended before an answer came";
                    self.settle(place, number, call, why).await?
                }
                Sent::Answered(answer) => self.came(place, number, call, answer).await?,
            };
            match came {
                Came::Done(version) => done.push(version),
                Came::Not(outcome, says) => return Err(Stop::Ended(outcome, says)),
            }
        }
        self.watch(place, step, &done, sending).await
    }

    /// Writes a call down and sends it, once.
    async fn send(&self, step: usize, call: usize, sent: &Call) -> Result<Came, Stop> {
        self.note(Event::Intent { step, call }).await?;
        let answer = self.world.hands.send(sent, self.run).await;
        let event = Event::Answered {
            step,
            call,
            answer: answer.clone(),
        };
        self.note(event).await?;
        self.came(step, call, sent, answer).await
    }

    async fn came(
        &self,
        step: usize,
        number: usize,
        call: &Call,
        answer: Answer,
    ) -> Result<Came, Stop> {
        let name = call.naming(self.run);
        let says = match answer {
            Answer::Done { version } => return Ok(Came::Done(version)),
            Answer::Unknown { why } => return self.settle(step, number, call, &why).await,
            Answer::Refused { why, moved: true } => format!(
                "The server refused {name}: {} is not what it was when the plan was made. {why}",
                call.subject(self.run)
            ),
            Answer::Refused { why, moved: false } => format!("The server refused {name}: {why}"),
            Answer::NotSent { why } => format!("It was not possible to send {name}: {why}"),
        };
        Ok(Came::Not(Outcome::Failed, says))
    }

    /// Finds out by reading what came of a call whose answer was lost. It is never sent again.
    async fn settle(
        &self,
        step: usize,
        number: usize,
        call: &Call,
        why: &str,
    ) -> Result<Came, Stop> {
        let subject = call.subject(self.run);
        let look = call.look(self.run);
        let mut arrived = None;
        for count in 0..LOOKS {
            if count > 0 {
                self.world.pace.sleep(RHYTHM).await;
            }
            let mut ground = Ground::at(self.world.pace.now());
            let read = self.world.hands.read(&look).await;
            let version = version(&read);
            ground.add(look.clone(), read);
            arrived = step::arrived(call, self.run, &ground);
            if arrived == Some(true) {
                let answer = Answer::Done {
                    version: version.clone(),
                };
                let call = number;
                self.note(Event::Answered { step, call, answer }).await?;
                return Ok(Came::Done(version));
            }
            let says = format!("whether {} was done is being read", call.naming(self.run));
            self.waiting(step, &says);
        }
        let name = call.naming(self.run);
        Ok(match arrived {
            Some(_) => Came::Not(
                Outcome::Failed,
                format!(
                    "No answer came to {name}: {why}. {subject} was read since and does not have it. It was not sent again."
                ),
            ),
            None => Came::Not(
                Outcome::Unproven,
                format!(
                    "No answer came to {name}: {why}. Whether it was done cannot be told from {subject}. It was not sent again."
                ),
            ),
        })
    }

    /// Looks at what a step has done until it has worked, will not, or its time is over.
    async fn watch(
        &self,
        place: usize,
        step: &PlannedStep,
        done: &[String],
        sending: &mut Sending<'_>,
    ) -> Result<String, Stop> {
        let (begun, within) = (self.world.pace.now(), within(&step.step));
        let mut told = String::new();
        loop {
            let effect = self.look(step, done).await;
            let over = self.world.pace.now().duration_since(begun) >= within;
            let says = match &effect {
                Effect::Worked { says } => {
                    let says = says.clone();
                    self.seen(place, effect).await?;
                    return Ok(says);
                }
                Effect::Failed { says } => {
                    let says = says.clone();
                    self.seen(place, effect).await?;
                    return Err(Stop::Ended(Outcome::Failed, says));
                }
                Effect::NotYet { says } | Effect::Unknown { says } => says.clone(),
            };
            let Sending::Yes(cancel) = sending else {
                self.seen(place, effect).await?;
                return Err(Stop::Open(says));
            };
            if over {
                self.seen(place, effect).await?;
                let says = format!("It was sent and has not been seen to work in time. {says}");
                return Err(Stop::Ended(Outcome::Unproven, says));
            }
            if says != told {
                self.waiting(place, &says);
                told.clone_from(&says);
            }
            tokio::select! {
                () = self.world.pace.sleep(RHYTHM) => {}
                () = cancelled(cancel) => {
                    self.seen(place, effect).await?;
                    let says = format!("It was cancelled after it was sent, which stands. {says}");
                    return Err(Stop::Ended(Outcome::Cancelled, says));
                }
            }
        }
    }

    /// `done`: what the calls were answered, in their order.
    async fn look(&self, step: &PlannedStep, done: &[String]) -> Effect {
        let ground = Ground::at(self.world.pace.now());
        let mut ground = ground.with_answers(done.to_vec());
        for (call, version) in step.calls.iter().zip(done) {
            // What the code host answered need not be asked of it again every two seconds.
            if let Some(read) = as_answered(call, version) {
                ground.add(call.look(self.run), read);
            }
        }
        for _ in 0..MOST_ROUNDS {
            let mut looks = step::watches(step, self.run, &ground);
            looks.retain(|look| !ground.has(look));
            if looks.is_empty() {
                break;
            }
            for look in looks {
                let read = self.world.hands.read(&look).await;
                ground.add(look, read);
            }
        }
        step::seen(step, self.run, &ground)
    }

    async fn seen(&self, step: usize, effect: Effect) -> Result<(), Broke> {
        self.note(Event::Seen { step, effect }).await
    }

    async fn note(&self, event: Event) -> Result<(), Broke> {
        write(self.world, self.run, event).await
    }

    fn waiting(&self, step: usize, says: &str) {
        (self.world.tell)(&Progress::Waiting { step, says });
    }
}

/// Comes back when somebody says stop; never, where nobody can any more.
async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What an answer says already of what would be looked for.
fn as_answered(call: &Call, version: &str) -> Option<Read> {
    let commit = call.commit()?;
    (commit.landing == Landing::Commit && !version.is_empty()).then(|| {
        Read::Landed(Landed {
            commit: Some(Committed {
                sha: version.to_owned(),
                url: String::new(),
            }),
            ..Landed::default()
        })
    })
}

fn version(read: &Read) -> String {
    match read {
        Read::Object(object) => {
            let version = object["metadata"]["resourceVersion"].as_str();
            version.unwrap_or_default().to_owned()
        }
        Read::Landed(landed) => {
            let commit = landed.commit.as_ref().map(|commit| commit.sha.clone());
            commit.unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn within(step: &Step) -> SignedDuration {
    match step {
        Step::Restart { within }
        | Step::Scale { within, .. }
        | Step::DeletePod { within }
        | Step::DeleteJob { within }
        | Step::RunCronJob { within }
        | Step::Reconcile { within, .. }
        | Step::SetVersion { within, .. }
        | Step::EcsRestart { within }
        | Step::EcsScale { within, .. }
        | Step::EcsSetTaskDefinition { within, .. }
        | Step::EcsStopTask { within } => within.length(),
        Step::Suspend {} | Step::Resume {} => AT_ONCE,
    }
}
