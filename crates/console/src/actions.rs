//! Actions: what is offered on an object, plans that wait to be meant, and the runs of this machine.
//!
//! Owns the plans of the last minutes and the runs that go. What an action is and may do is the runbook's; every way in, the
//! window's and the terminal's, comes through [`Actions::run`], and that through the runbook's permit.

mod shown;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::action::{Meant, Offer, PlanView, Runs, Wish};
use api::error::Code;
use api::{Error, ObjectRef};
use cluster::Clock;
use journey::Whereabouts;
use runbook::action::Action;
use runbook::call::Right;
use runbook::ground::{Ground, Look, Read};
use runbook::hands::Hands;
use runbook::journal::{Answer, Event, Journal, RunId, Way};
use runbook::library::Library;
use runbook::offer::{self, Standing, Subject};
use runbook::permit::{self, Confirmation, FRESH};
use runbook::plan::{Plan, Target};
use runbook::planning;
use runbook::run::{Progress, World};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::sign_in::SigningIn;

/// The most rounds of reading that a plan takes: what feeds an object stands in the object, and nothing is deeper.
const ROUNDS: usize = 6;
/// The most plans that wait to be meant.
const MOST_PLANS: usize = 50;

/// The actions on what is open.
pub struct Actions {
    hands: Arc<dyn Hands>,
    signing_in: Option<Arc<SigningIn>>,
    /// Where runs are written down; absent: nothing is run.
    journal: Option<PathBuf>,
    clock: Clock,
    shared: Arc<Shared>,
    going: Mutex<JoinSet<()>>,
}

/// What runs and their watchers share.
#[derive(Default)]
struct Shared {
    /// Plans that may be meant, by their hashes.
    plans: Mutex<HashMap<String, Prepared>>,
    /// What stops a run that goes here.
    cancels: Mutex<HashMap<RunId, watch::Sender<bool>>>,
    /// What a run that goes here waits for.
    waits: Mutex<HashMap<(RunId, usize), String>>,
    /// Something of a run has changed.
    changed: watch::Sender<()>,
}

/// A plan, and what its leave depends on.
#[derive(Clone)]
struct Prepared {
    plan: Plan,
    action: Action,
    rights: BTreeMap<Right, Option<bool>>,
}

/// Who asks.
struct Person {
    by: String,
    /// Their roles; absent where the team has none, or nobody signs in.
    roles: Option<Vec<String>>,
}

impl Actions {
    /// Actions through these hands.
    pub fn new(
        hands: Arc<dyn Hands>,
        signing_in: Option<Arc<SigningIn>>,
        journal: Option<PathBuf>,
        clock: Clock,
    ) -> Self {
        Self {
            hands,
            signing_in,
            journal,
            clock,
            shared: Arc::default(),
            going: Mutex::default(),
        }
    }

    /// What is offered on an object that stands there.
    ///
    /// # Errors
    /// The library cannot be read.
    pub fn offers(&self, object: &ObjectRef, at: &Whereabouts) -> Result<Vec<Offer>, Error> {
        let library = library()?;
        let person = self.person();
        let offers = offer::offers(&library, subject(object, at), person.roles.as_deref());
        let shown = offers.into_iter().filter_map(|offer| {
            let action = library.action(&offer.action)?;
            Some(shown::offer(action, &offer.standing))
        });
        Ok(shown.collect())
    }

    /// Plans an action on what is there now. Nothing changes: the server is asked whether it would take it, and no more.
    ///
    /// # Errors
    /// There is no such action, it does not fit what is there, or what was said is not what it asks for.
    pub async fn plan(&self, wish: &Wish, at: &Whereabouts) -> Result<PlanView, Error> {
        let library = library()?;
        let action = library.action(&wish.action).ok_or_else(|| {
            let known: Vec<&str> = library.actions().map(|one| one.id.as_str()).collect();
            Error::new(
                Code::UnknownName,
                format!("there is no action '{}'", wish.action),
            )
            .hint(format!("There are: {}.", known.join(", ")))
        })?;
        let person = self.person();
        let roles = person.roles.as_deref();
        if let Standing::Greyed { why, .. } =
            offer::standing(action, subject(&wish.object, at), roles)
        {
            return Err(Error::new(Code::Denied, why));
        }
        let inputs = runbook::input::check(action, &wish.said).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Error::new(Code::Usage, errors.join("; "))
        })?;
        let target = self.target(&wish.object, at).await?;
        let mut ground = Ground::at(self.clock.now());
        for _ in 0..ROUNDS {
            let looks = planning::looks(action, &target, &inputs, &ground);
            if looks.is_empty() {
                break;
            }
            for look in looks {
                let read = self.hands.read(&look).await;
                ground.add(look, read);
            }
        }
        let plan =
            planning::plan(action, target, inputs, &wish.reason, &ground).map_err(|unfit| {
                Error::new(
                    Code::Denied,
                    format!("{} does not fit: {}", action.title, unfit.says),
                )
            })?;
        let mut rights = BTreeMap::new();
        for right in plan.rights() {
            let held = self.hands.may(&plan.target.object.system, right).await;
            rights.insert(right.clone(), held);
        }
        let tried = self.try_out(&plan).await;
        let view = shown::plan(&library, action, &plan, &rights, tried);
        self.shared.prepare(
            view.hash.clone(),
            Prepared {
                plan,
                action: action.clone(),
                rights,
            },
        );
        Ok(view)
    }

    /// Runs a plan that was made here within the last minutes; its run's id, once that is written down. It goes on by itself
    /// from there, as long as this program does.
    ///
    /// # Errors
    /// There is no leave, or it cannot be written down. Nothing was sent.
    pub async fn run(&self, hash: &str, meant: Meant, way: Way) -> Result<String, Error> {
        let journal = self.journal()?;
        let prepared = self.shared.plans().get(hash).cloned().ok_or_else(|| {
            Error::new(Code::NotFound, "there is no such plan here any more")
                .hint("Plan again, and read the new plan.")
        })?;
        let now = self.clock.now();
        let person = self.person();
        let run = RunId::fresh(now);
        let records = read(&journal, Journal::records).await?;
        let action = library()?;
        let action = action.action(&prepared.action.id).cloned();
        let action = action.unwrap_or_else(|| prepared.action.clone());
        let action_hash =
            planning::hash(&action).map_err(|unfit| Error::new(Code::Internal, unfit.says))?;
        let leave = permit::authorise(&permit::Request {
            run: run.clone(),
            plan: &prepared.plan,
            confirmed: hash,
            confirmation: confirmation(meant),
            action: &action,
            action_hash: &action_hash,
            by: &person.by,
            roles: person.roles.as_deref(),
            rights: &prepared.rights,
            freezes: &[],
            despite_freeze: None,
            records: &records,
            way,
            now,
        });
        let permit = match leave {
            Ok(permit) => permit,
            Err(refusal) => {
                let event = refusal.event(&prepared.plan, &person.by, way);
                read(&journal, move |journal| journal.append(now, &run, &event)).await?;
                self.shared.changed.send_replace(());
                return Err(Error::new(Code::Denied, refusal.to_string()).hint(refusal.hint()));
            }
        };
        self.shared.plans().remove(hash);
        let (told, begun) = oneshot::channel();
        self.go(permit, journal, told);
        begun.await.unwrap_or_else(|_| {
            Err(Error::new(
                Code::Internal,
                "the run ended before it could begin",
            ))
        })
    }

    /// Lets a run go in a task of its own; tells once it is written down, or why it did not begin.
    fn go(
        &self,
        permit: permit::Permit,
        journal: Journal,
        told: oneshot::Sender<Result<String, Error>>,
    ) {
        let run = permit.run().clone();
        let (cancel, cancelled) = watch::channel(false);
        self.shared.cancels().insert(run.clone(), cancel);
        let (hands, shared) = (Arc::clone(&self.hands), Arc::clone(&self.shared));
        let task = async move {
            let told = Mutex::new(Some(told));
            let say = |outcome| {
                let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(told) = told {
                    let _nobody_waits = told.send(outcome);
                }
            };
            let tell = |progress: &Progress<'_>| {
                match progress {
                    Progress::Written(Event::Begun { .. }) => say(Ok(run.to_string())),
                    Progress::Written(_) => {}
                    Progress::Waiting { step, says } => {
                        let mut waits = shared.waits();
                        waits.insert((run.clone(), *step), (*says).to_owned());
                    }
                }
                shared.changed.send_replace(());
            };
            let world = World {
                hands: &*hands,
                journal: &journal,
                pace: &runbook::run::Clock,
                tell: &tell,
            };
            if let Err(broke) = runbook::run::run(permit, world, cancelled).await {
                tracing::warn!(%run, %broke, "a run broke off");
                say(Err(
                    Error::new(Code::Denied, broke.to_string()).hint(broke.hint())
                ));
            }
            shared.cancels().remove(&run);
            shared.waits().retain(|(of, _), _| *of != run);
            shared.changed.send_replace(());
        };
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        while going.try_join_next().is_some() {}
        going.spawn(task);
    }

    /// Stops a run that goes here before the next thing that it would send.
    ///
    /// # Errors
    /// It does not go here.
    pub fn cancel(&self, run: &str) -> Result<(), Error> {
        let cancels = self.shared.cancels();
        let cancel = cancels.get(&RunId::new(run)).ok_or_else(|| {
            Error::new(Code::NotFound, format!("the run {run} does not go here"))
                .hint("Whoever began it can stop it, in their own window or terminal.")
        })?;
        cancel.send_replace(true);
        Ok(())
    }

    /// Ends a run that broke off: looks what came of it first, or closes it as it is. Nothing is sent.
    ///
    /// # Errors
    /// There is no such run, or what was found cannot be written down.
    pub async fn settle(&self, run: &str, look: bool) -> Result<(), Error> {
        let journal = self.journal()?;
        let run = RunId::new(run);
        let by = self.person().by;
        let world = World {
            hands: &*self.hands,
            journal: &journal,
            pace: &runbook::run::Clock,
            tell: &|_| {},
        };
        let settled = if look {
            runbook::run::verify(&run, world).await.map(drop)
        } else {
            runbook::run::close(&run, &by, world).await.map(drop)
        };
        self.shared.changed.send_replace(());
        settled.map_err(|broke| Error::new(Code::Denied, broke.to_string()).hint(broke.hint()))
    }

    /// The runs of this machine, newest first.
    pub async fn runs(&self) -> Runs {
        let journal = match self.journal() {
            Ok(journal) => journal,
            Err(why) => {
                return Runs {
                    runs: Vec::new(),
                    broken: Some(why),
                };
            }
        };
        let known = match library() {
            Ok(library) => read(&journal, Journal::runs)
                .await
                .map(|runs| (library, runs)),
            Err(why) => Err(why),
        };
        match known {
            Ok((library, runs)) => {
                let waits = self.shared.waits();
                let newest = runs.iter().rev().take(shown::MOST_RUNS);
                Runs {
                    runs: newest
                        .map(|run| shown::run(&library, run, &waits))
                        .collect(),
                    broken: None,
                }
            }
            Err(why) => Runs {
                runs: Vec::new(),
                broken: Some(why),
            },
        }
    }

    /// How long the record is, in bytes: another window or terminal has written where it is longer than before.
    pub fn recorded(&self) -> u64 {
        let file = self.journal.as_ref().map(|folder| Journal::file(folder));
        let written = file.and_then(|file| std::fs::metadata(file).ok());
        written.map_or(0, |written| written.len())
    }

    /// Tells when something of a run has changed here.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }

    fn journal(&self) -> Result<Journal, Error> {
        let folder = self.journal.as_ref().ok_or_else(|| {
            Error::new(
                Code::Usage,
                "nothing is run here: there is no folder to write it down in",
            )
        })?;
        Journal::open(folder).map_err(|why| broken(&why))
    }

    fn person(&self) -> Person {
        let signed_in = self.signing_in.as_ref().and_then(|one| one.whoami());
        match (signed_in, &self.signing_in) {
            (Some((by, roles)), Some(signing_in)) => Person {
                by,
                roles: signing_in.has_roles().then_some(roles),
            },
            // Nobody is signed in where somebody has to be: whatever is for a role is not for them.
            (None, Some(signing_in)) => Person {
                by: "nobody".to_owned(),
                roles: signing_in.has_roles().then(Vec::new),
            },
            (_, None) => Person {
                by: this_machines_user(),
                roles: None,
            },
        }
    }

    async fn target(&self, object: &ObjectRef, at: &Whereabouts) -> Result<Target, Error> {
        let cluster_uid = self.hands.cluster_uid(&object.system).await.ok_or_else(|| {
            Error::new(
                Code::Unreachable,
                format!(
                    "{} cannot be told from another cluster: the uid of its kube-system namespace cannot be read",
                    object.system
                ),
            )
            .hint("An action is bound to one cluster. The right to get the namespace kube-system is what it takes.")
        })?;
        let read = self.hands.read(&Look::Object(object.clone())).await;
        let uid = match &read {
            Read::Object(found) => found["metadata"]["uid"].as_str().unwrap_or_default(),
            Read::Absent => {
                return Err(Error::new(
                    Code::NotFound,
                    format!("{object} is not on {}", object.system),
                ));
            }
            Read::Unknown(why) => {
                return Err(Error::new(
                    Code::Unreachable,
                    format!("{object} cannot be read: {why}"),
                ));
            }
            Read::All(_) => "",
        };
        Ok(Target {
            object: object.clone(),
            uid: uid.to_owned(),
            cluster_uid,
            app: at.app.clone(),
            environment: at.environment.clone(),
            production: at.production,
        })
    }

    /// What the server says to the calls that stand on what is there now; `None` where it would take them. What changes an
    /// object for the second time cannot be tried before the first.
    async fn try_out(&self, plan: &Plan) -> Option<String> {
        let run = RunId::fresh(self.clock.now());
        let mut before: Vec<&ObjectRef> = Vec::new();
        for call in plan.steps.iter().flat_map(|step| &step.calls) {
            if before.contains(&&call.object) {
                continue;
            }
            before.push(&call.object);
            match self.hands.try_out(call, &run).await {
                Answer::Done { .. } => {}
                Answer::Refused { why, .. } => return Some(why),
                Answer::NotSent { why } | Answer::Unknown { why } => {
                    return Some(format!(
                        "whether it would be taken could not be tried: {why}"
                    ));
                }
            }
        }
        None
    }
}

impl Shared {
    fn plans(&self) -> MutexGuard<'_, HashMap<String, Prepared>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancels(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<bool>>> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits(&self) -> MutexGuard<'_, HashMap<(RunId, usize), String>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a plan, and none that is too old to be meant.
    fn prepare(&self, hash: String, prepared: Prepared) {
        let now = prepared.plan.made_at;
        let mut plans = self.plans();
        plans.retain(|_, one| now.duration_since(one.plan.made_at) <= FRESH);
        if plans.len() >= MOST_PLANS {
            let oldest = plans.iter().min_by_key(|(_, one)| one.plan.made_at);
            if let Some(oldest) = oldest.map(|(hash, _)| hash.clone()) {
                plans.remove(&oldest);
            }
        }
        plans.insert(hash, prepared);
    }
}

fn subject<'a>(object: &'a ObjectRef, at: &'a Whereabouts) -> Subject<'a> {
    Subject {
        object,
        app: &at.app,
        environment: &at.environment,
    }
}

fn confirmation(meant: Meant) -> Confirmation {
    match meant {
        Meant::Clicked {} => Confirmation::Clicked,
        Meant::Named {} => Confirmation::Named,
        Meant::Typed { text } => Confirmation::Typed(text),
    }
}

/// What ships.
fn library() -> Result<Library, Error> {
    Library::shipped().map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Error::new(Code::Internal, faults.join("\n"))
    })
}

async fn read<T: Send + 'static>(
    journal: &Journal,
    read: impl FnOnce(&Journal) -> Result<T, runbook::journal::JournalError> + Send + 'static,
) -> Result<T, Error> {
    let journal = journal.clone();
    match tokio::task::spawn_blocking(move || read(&journal)).await {
        Ok(read) => read.map_err(|why| broken(&why)),
        Err(why) => Err(Error::new(
            Code::Internal,
            format!("the journal could not be read: {why}"),
        )),
    }
}

fn broken(why: &runbook::journal::JournalError) -> Error {
    Error::new(Code::BadFile, why.to_string()).hint(why.hint())
}

/// Who uses this machine, where nobody signs in: what is written down beside what the cluster says of them.
fn this_machines_user() -> String {
    let named = ["USER", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| "somebody at this machine".to_owned())
}
