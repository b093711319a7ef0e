//! Keeps other machines from a target while a run goes, by a lock in the cluster.
//!
//! Owns taking it, holding it and letting go. Who cannot have it runs all the same, and their plan has said so; only somebody
//! else who holds it keeps a run from beginning. Each of its writes is sent once, as all are.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::ObjectRef;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::World;
use crate::call::{Call, ObjectCall, Version};
use crate::cluster_side::NAMESPACE;
use crate::cluster_side::lock::{self, Lock};
use crate::ground::{Look, Read};
use crate::journal::{Answer, Record, RunId};
use crate::permit::{Permit, Refusal, named};
use crate::plan::Target;

/// How often taking it is begun anew, where somebody lets go of it meanwhile.
const TRIES: u32 = 2;

/// A lock that a run holds.
pub(super) struct Apart<'a> {
    world: World<'a>,
    run: &'a RunId,
    place: ObjectRef,
    held: Mutex<Held>,
    /// Somebody else has it.
    is_lost: AtomicBool,
}

struct Held {
    version: Version,
    /// When it was last known to be ours for as long as it lasts.
    since: Timestamp,
}

/// What was found of a lock.
enum Found {
    Lock(Lock),
    Nobody,
    /// It cannot be told.
    Unknown,
}

/// Takes the lock of a run's target; nothing, where it cannot be had here. `records`: what this machine has run; whoever comes
/// here holds this machine's lock of the target, so that none of those goes on.
///
/// # Errors
/// Somebody else holds it.
pub(super) async fn take<'a>(
    permit: &'a Permit,
    world: World<'a>,
    records: &[Record],
) -> Result<Option<Apart<'a>>, Refusal> {
    let target = &permit.plan().target;
    let system = target.object.system.as_str();
    if !world.hands.keeps_apart() || permit.plan().is_nothing() {
        return Ok(None);
    }
    // Where nothing was set up, nothing is sent that can only be refused.
    let shared = Look::Object(ObjectRef::new(system, "Namespace", "", NAMESPACE));
    if world.hands.read(&shared).await == Read::Absent {
        return Ok(None);
    }
    let place = lock::place(target);
    for _ in 0..TRIES {
        let (run, by) = (permit.run(), permit.by());
        let now = world.pace.now();
        let taken = lock::taken(target, run, by, now);
        let answer = world.hands.send(&Call::Object(taken), run).await;
        match answer {
            Answer::Done { .. } | Answer::Unknown { .. } | Answer::Refused { moved: true, .. } => {}
            Answer::Refused { .. } | Answer::NotSent { .. } => return Ok(None),
        }
        let found = match find(world, &place).await {
            Found::Lock(found) => found,
            // What may still arrive is not sent once more.
            Found::Nobody if matches!(answer, Answer::Unknown { .. }) => return Ok(None),
            Found::Nobody => continue,
            Found::Unknown => return Ok(None),
        };
        // A run that is gone on with finds its own.
        if found.run == run.as_str() {
            return Ok(Some(Apart::new(world, run, place, found.version, now)));
        }
        if !records.iter().any(|one| one.run.as_str() == found.run) {
            if !found.has_run_out(now) {
                return Err(by_another(target, &found));
            }
            world.pace.sleep(lock::LOOKED_AT).await;
            match find(world, &place).await {
                Found::Lock(later) if later.version != found.version => {
                    return Err(by_another(target, &later));
                }
                Found::Lock(_) => {}
                Found::Nobody => continue,
                Found::Unknown => return Ok(None),
            }
        }
        let now = world.pace.now();
        let over = lock::taken_over(&place, &found, run, by, now);
        match world.hands.send(&Call::Object(over), run).await {
            Answer::Done { .. } | Answer::Unknown { .. } | Answer::Refused { moved: true, .. } => {}
            Answer::Refused { .. } | Answer::NotSent { .. } => return Ok(None),
        }
        return match find(world, &place).await {
            Found::Lock(found) if found.run == run.as_str() => {
                Ok(Some(Apart::new(world, run, place, found.version, now)))
            }
            Found::Lock(found) if !found.has_run_out(now) => Err(by_another(target, &found)),
            Found::Lock(_) | Found::Nobody | Found::Unknown => Ok(None),
        };
    }
    Ok(None)
}

async fn find(world: World<'_>, place: &ObjectRef) -> Found {
    match world.hands.read(&Look::Object(place.clone())).await {
        Read::Object(object) => Lock::of(&object).map_or(Found::Unknown, Found::Lock),
        Read::Absent => Found::Nobody,
        _ => Found::Unknown,
    }
}

fn by_another(target: &Target, held: &Lock) -> Refusal {
    let by = match held.by.as_str() {
        "" => "somebody",
        by => by,
    };
    Refusal::Held {
        target: named(target),
        run: held.run.clone(),
        by: by.to_owned(),
        since: held.since,
    }
}

impl<'a> Apart<'a> {
    fn new(
        world: World<'a>,
        run: &'a RunId,
        place: ObjectRef,
        version: Version,
        since: Timestamp,
    ) -> Self {
        Self {
            world,
            run,
            place,
            held: Mutex::new(Held { version, since }),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Renews it from time to time, for as long as this is waited for.
    pub(super) async fn hold(&self) -> Infallible {
        loop {
            self.world.pace.sleep(lock::RENEWED).await;
            self.is_ours().await;
        }
    }

    /// Whether nobody else has it, as far as can be told. A machine that slept finds out here, before it sends anything.
    pub(super) async fn is_ours(&self) -> bool {
        if self.lost() {
            return false;
        }
        let mut held = self.held.lock().await;
        let now = self.world.pace.now();
        let age = now.duration_since(held.since);
        if Duration::try_from(age).is_ok_and(|age| age < lock::RENEWED) {
            return true;
        }
        let renewed = lock::renewed(&self.place, &held.version, now);
        let answer = self.send(renewed).await;
        if let Answer::Done { version } = answer {
            held.version.resource_version = Some(version);
            held.since = now;
            return true;
        }
        // What became of it is read: a lost answer is no lost lock.
        match find(self.world, &self.place).await {
            Found::Lock(found) if found.run == self.run.as_str() => {
                held.version = found.version;
                held.since = now;
                true
            }
            Found::Lock(_) | Found::Nobody => {
                self.is_lost.store(true, Ordering::Relaxed);
                false
            }
            // Others take it over only once it has run out.
            Found::Unknown => age <= lock::LASTS,
        }
    }

    fn lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Lets go of it. One that cannot be let go of runs out by itself.
    pub(super) async fn let_go(self) {
        if self.lost() {
            return;
        }
        let Found::Lock(found) = find(self.world, &self.place).await else {
            return;
        };
        if found.run == self.run.as_str() {
            let gone = lock::let_go(&self.place, &found.version);
            let _runs_out = self.send(gone).await;
        }
    }

    async fn send(&self, call: ObjectCall) -> Answer {
        self.world.hands.send(&Call::Object(call), self.run).await
    }
}

#[cfg(test)]
mod tests;
