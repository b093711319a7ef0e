//! A run: from leave to proof, each call written down before it is sent, and sent once.
//!
//! Owns the ways to begin a run, to go on with one that broke off, to look how far such a one came, and to close it. `drive`
//! owns what happens between the beginning and the end.

mod apart;
mod drive;

use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task;

use crate::ground::{Look, Read};
use crate::hands::Hands;
use crate::journal::{Event, Journal, JournalError, Outcome, Record, Run, RunId, Standing, Way};
use crate::lease::{self, Held, HeldTarget, Taken};
use crate::permit::{Permit, Refusal, named};
use crate::plan::Target;

use apart::Apart;
use drive::{Driver, Sending, Stop, Trail};

/// Time, as a run goes by it.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Now, by this machine's clock.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, length: Duration);
}

/// This machine's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

#[async_trait]
impl Pace for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

/// What somebody who watches a run is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress<'a> {
    /// This is on the disk now.
    Written(&'a Event),
    /// This is waited for.
    Waiting {
        /// The step's place in the plan, from 0.
        step: usize,
        /// For what, in a sentence.
        says: &'a str,
    },
}

/// What a run needs to go.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// What reads and sends.
    pub hands: &'a dyn Hands,
    /// Where it is written down.
    pub journal: &'a Journal,
    /// The time.
    pub pace: &'a dyn Pace,
    /// Who watches.
    pub tell: &'a (dyn Fn(&Progress<'_>) + Send + Sync),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it is called.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
    /// In a sentence.
    pub says: String,
}

/// Why a run did not begin, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum Broke {
    /// There is no leave after all. That is written down, and nothing was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What happens cannot be written down: nothing more was sent from there on.
    #[error("cannot go on with the run: {0}")]
    Journal(#[from] JournalError),
    /// A lock of this machine cannot be had.
    #[error("cannot lock the run: {0}")]
    Lock(std::io::Error),
    /// The task that writes broke.
    #[error("cannot go on with the run: its record was being written, and that broke: {0}")]
    Writing(#[from] task::JoinError),
}

impl Broke {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Journal(error) => error.hint(),
            Self::Lock(_) => {
                "Nothing is sent without the lock. Make the journal's folder writable, on a disk that has locks."
            }
            Self::Writing(_) => "Look at how the run stands before anything else.",
        }
    }
}

/// Runs what leave was given for, to its end. With a permit that came in by [`Way::Resume`] it goes on with the run that
/// broke off: what was sent is not sent again, and what came of it is found out first.
///
/// # Errors
/// Why it did not begin, or why it broke off.
pub async fn run(
    permit: Permit,
    world: World<'_>,
    mut cancel: watch::Receiver<bool>,
) -> Result<Ended, Broke> {
    let (mut locks, run, identity) = match begin(&permit, world).await {
        Err(Broke::Refused(refusal)) => {
            let event = refusal.event(permit.plan(), permit.by(), permit.way());
            write(world, permit.run(), event).await?;
            return Err(refusal.into());
        }
        begun => begun?,
    };
    let apart = locks.apart.take();
    let ended = go(
        &permit,
        world,
        run.as_ref(),
        identity,
        apart.as_ref(),
        &mut cancel,
    )
    .await;
    // However it went: another machine need not wait until it runs out.
    if let Some(apart) = apart {
        apart.let_go().await;
    }
    let ended = ended?;
    drop(locks.target);
    lease::let_go(world.journal.folder(), permit.run(), locks.run);
    Ok(ended)
}

/// Goes from the beginning to the end, with all the locks.
async fn go(
    permit: &Permit,
    world: World<'_>,
    run: Option<&Run>,
    identity: String,
    apart: Option<&Apart<'_>>,
    cancel: &mut watch::Receiver<bool>,
) -> Result<Ended, Broke> {
    write(world, permit.run(), permit.begun(identity)).await?;
    let trail = Trail::of(permit.plan(), run);
    let driver = Driver {
        run: permit.run(),
        plan: permit.plan(),
        world,
        apart,
    };
    let hold = async {
        match apart {
            Some(apart) => apart.hold().await,
            None => std::future::pending::<Infallible>().await,
        }
    };
    let stop = tokio::select! {
        stop = driver.walk(trail, Sending::Yes(cancel)) => stop,
        never = hold => match never {},
    };
    let (outcome, says) = match stop {
        Stop::Ended(outcome, says) => (outcome, says),
        // Only what may not send stops open.
        Stop::Open(says) => (Outcome::Unproven, says),
        Stop::Broke(broke) => return Err(broke),
    };
    end(world, permit.run(), outcome, says).await
}

/// What a run holds while it goes.
struct Locks<'a> {
    target: HeldTarget,
    run: Held,
    /// What keeps other machines away, where there is such a thing.
    apart: Option<Apart<'a>>,
}

/// Takes the locks and looks once more whether everything is as it was meant, before anything is sent. Of a run that is gone
/// on with also brings what is known of it, and who the person is.
async fn begin<'a>(
    permit: &'a Permit,
    world: World<'a>,
) -> Result<(Locks<'a>, Option<Run>, String), Broke> {
    let (target, run) = (&permit.plan().target, permit.run());
    let folder = world.journal.folder();
    let held = match lease::take_target(folder, target, run).map_err(Broke::Lock)? {
        Taken::Ours(held) => held,
        Taken::Other(run) => {
            let target = named(target);
            return Err(Refusal::Busy { target, run }.into());
        }
    };
    let mut locks = Locks {
        target: held,
        run: take_run(world.journal, run).await?,
        apart: None,
    };
    let records = reading(world.journal, Journal::records).await?;
    let known = find(run, &records);
    let identity = match may_begin(permit, world, &records, known.as_ref()).await {
        Ok(apart) => {
            locks.apart = apart;
            world.hands.identity(&target.object.system).await
        }
        Err(refusal) => {
            // One that broke off keeps its lock's file: others may be waiting for it.
            if known.is_none() {
                lease::let_go(folder, run, locks.run);
            }
            return Err(refusal.into());
        }
    };
    Ok((locks, known, identity.unwrap_or_default()))
}

/// Last of all the lock in the cluster: it is held by nobody who may not begin.
async fn may_begin<'a>(
    permit: &'a Permit,
    world: World<'a>,
    records: &[Record],
    known: Option<&Run>,
) -> Result<Option<Apart<'a>>, Refusal> {
    permit.recheck(records, world.pace.now())?;
    fits(permit, known)?;
    right_place(world.hands, &permit.plan().target).await?;
    apart::take(permit, world, records).await
}

/// A run of these records, if none of its processes goes: whoever asks holds its lock.
fn find(run: &RunId, records: &[Record]) -> Option<Run> {
    let runs = crate::journal::runs(records, |_| false);
    runs.into_iter().find(|known| known.id == *run)
}

async fn take_run(journal: &Journal, run: &RunId) -> Result<Held, Broke> {
    let (folder, name) = (journal.folder().to_owned(), run.clone());
    let held = task::spawn_blocking(move || lease::take_run(&folder, &name)).await?;
    let held = held.map_err(Broke::Lock)?;
    held.ok_or_else(|| no_such(run, "it is going").into())
}

/// A new run is not known yet; one that is gone on with broke off, and did just this.
fn fits(permit: &Permit, known: Option<&Run>) -> Result<(), Refusal> {
    let run = permit.run().clone();
    let refused = |why| Err(Refusal::NoSuchRun { run, why });
    match (permit.way(), known) {
        (Way::Resume, None) => refused("the journal does not know it"),
        (Way::Resume, Some(known)) if known.plan != *permit.plan() => {
            refused("it did something else")
        }
        (Way::Resume, Some(known)) if matches!(known.standing, Standing::Ended { .. }) => {
            refused("it has ended")
        }
        (Way::Resume, Some(_)) | (_, None) => Ok(()),
        (_, Some(known)) => Err(Refusal::Used {
            run: known.id.clone(),
        }),
    }
}

/// The cluster and the object are the ones that the plan was made on.
async fn right_place(hands: &dyn Hands, target: &Target) -> Result<(), Refusal> {
    let system = &target.object.system;
    let elsewhere = |why: &str| {
        Err(Refusal::OtherCluster {
            system: system.clone(),
            why: why.to_owned(),
        })
    };
    let is_ecs = facts::Kind::from_name(&target.object.kind)
        .is_some_and(|kind| kind.platform() == facts::Platform::Ecs);
    match hands.cluster_uid(system).await {
        Some(uid) if uid == target.cluster_uid => {}
        Some(_) if is_ecs => return elsewhere("it is another account or region"),
        None if is_ecs => return elsewhere("AWS does not say which account it is"),
        Some(_) => return elsewhere("its kube-system namespace has another uid"),
        None => return elsewhere("the uid of its kube-system namespace cannot be read"),
    }
    let why = match hands.read(&Look::Object(target.object.clone())).await {
        Read::Object(object) if object["metadata"]["uid"] == target.uid.as_str() => return Ok(()),
        Read::Object(_) => "it has another uid".to_owned(),
        Read::Absent => "it is gone".to_owned(),
        Read::Unknown(why) => why,
        _ => "it cannot be read".to_owned(),
    };
    Err(Refusal::OtherTarget {
        target: named(target),
        why,
    })
}

/// Looks how far a run came that broke off, and writes that down; nothing is sent. It is over if every step has been seen to
/// have worked, or one will not. Otherwise it stays as it is.
///
/// # Errors
/// There is no such run, or what was found cannot be written down.
pub async fn verify(run: &RunId, world: World<'_>) -> Result<Standing, Broke> {
    let (held, known) = broken_off(run, world).await?;
    let trail = Trail::of(&known.plan, Some(&known));
    let driver = Driver {
        run,
        plan: &known.plan,
        world,
        apart: None,
    };
    match driver.walk(trail, Sending::No).await {
        Stop::Ended(outcome, says) => {
            let Ended { outcome, says, .. } = end(world, run, outcome, says).await?;
            lease::let_go(world.journal.folder(), run, held);
            Ok(Standing::Ended { outcome, says })
        }
        Stop::Open(last) => Ok(Standing::Interrupted { last }),
        Stop::Broke(broke) => Err(broke),
    }
}

/// Closes a run that broke off, as it stands.
///
/// # Errors
/// There is no such run, or that cannot be written down.
pub async fn close(run: &RunId, by: &str, world: World<'_>) -> Result<Ended, Broke> {
    let (held, known) = broken_off(run, world).await?;
    let (Standing::Interrupted { last } | Standing::Running { last }) = known.standing else {
        return Err(no_such(run, "it has ended").into());
    };
    let says = format!("{by} closed it, as it was. {last}");
    let ended = end(world, run, Outcome::Closed, says).await?;
    lease::let_go(world.journal.folder(), run, held);
    Ok(ended)
}

/// A run that broke off, with its lock: nobody else goes on with it meanwhile.
async fn broken_off(run: &RunId, world: World<'_>) -> Result<(Held, Run), Broke> {
    let held = take_run(world.journal, run).await?;
    let records = reading(world.journal, Journal::records).await?;
    match find(run, &records) {
        None => Err(no_such(run, "the journal does not know it").into()),
        Some(known) if matches!(known.standing, Standing::Ended { .. }) => {
            Err(no_such(run, "it has ended").into())
        }
        Some(known) => Ok((held, known)),
    }
}

fn no_such(run: &RunId, why: &'static str) -> Refusal {
    Refusal::NoSuchRun {
        run: run.clone(),
        why,
    }
}

async fn end(
    world: World<'_>,
    run: &RunId,
    outcome: Outcome,
    says: String,
) -> Result<Ended, Broke> {
    let event = Event::Ended {
        outcome,
        says: says.clone(),
    };
    write(world, run, event).await?;
    Ok(Ended {
        run: run.clone(),
        outcome,
        says,
    })
}

/// Writes an event down, and tells of it. The disk may take its time: that is not this task's.
async fn write(world: World<'_>, run: &RunId, event: Event) -> Result<(), Broke> {
    let (journal, run, at) = (world.journal.clone(), run.clone(), world.pace.now());
    let record = task::spawn_blocking(move || journal.append(at, &run, &event)).await??;
    (world.tell)(&Progress::Written(&record.event));
    Ok(())
}

async fn reading<T: Send + 'static>(
    journal: &Journal,
    read: impl FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
) -> Result<T, Broke> {
    let journal = journal.clone();
    Ok(task::spawn_blocking(move || read(&journal)).await??)
}

#[cfg(test)]
mod tests;
