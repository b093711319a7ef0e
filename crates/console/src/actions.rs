//! Actions: what is offered on an object, plans that wait to be meant, and the runs of this machine.
//!
//! Owns the plans of the last minutes and the runs that go. What an action is and may do is the runbook's; every way in, the
//! window's and the terminal's, comes through [`Actions::run`], and that through the runbook's permit.

mod approvals;
mod frozen;
mod shown;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::action::{Listed, Meant, Offer, PlanView, Runs, Wish};
use api::error::Code;
use api::{Error, ObjectRef};
use cluster::Clock;
use facts::Kind;
use jiff::Timestamp;
use journey::Whereabouts;
use runbook::call::{Call, Right};
use runbook::cluster_side::request::Request;
use runbook::ground::{Ground, Look, Read};
use runbook::hands::Hands;
use runbook::journal::{Answer, Event, Journal, RunId, Way};
use runbook::offer::{self, Standing, Subject};
use runbook::permit::{self, Confirmation, FRESH, Freeze, FreezeWindow, Refusal, freeze};
use runbook::plan::{Plan, Target};
use runbook::planning;
use runbook::run::{Progress, World};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::library::{Shelf, Stock};
use crate::sign_in::SigningIn;

/// The most rounds of reading that a plan takes: what feeds an object stands in the object, and nothing is deeper. A version
/// in Git takes eight: workload, release, Kustomization, source, files, automations, and each of those.
const ROUNDS: usize = 10;
/// The most plans that wait to be meant.
const MOST_PLANS: usize = 50;
/// The most runs that are named in one sentence.
const MOST_NAMED: usize = 3;

/// The actions on what is open.
pub struct Actions {
    hands: Arc<dyn Hands>,
    signing_in: Option<Arc<SigningIn>>,
    /// Where runs are written down; absent: nothing is run.
    journal: Option<PathBuf>,
    clock: Clock,
    shelf: Shelf,
    freezes: Vec<Freeze>,
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
    /// What the runs that go here are called.
    titles: Mutex<BTreeMap<RunId, String>>,
    /// What a run that goes here waits for.
    waits: Mutex<HashMap<(RunId, usize), String>>,
    /// Something of a run has changed.
    changed: watch::Sender<()>,
}

/// A plan, and what its leave depends on.
#[derive(Clone)]
struct Prepared {
    plan: Plan,
    /// The action's id.
    action: String,
    rights: BTreeMap<Right, Option<bool>>,
}

/// A run that goes here: with it goes what it is called, even where its task breaks.
struct Ends(Arc<Shared>, RunId);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.titles().remove(&self.1);
    }
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
            shelf: Shelf::default(),
            freezes: Vec::new(),
            shared: Arc::default(),
            going: Mutex::default(),
        }
    }

    /// With a team's own actions beside those that ship, and its freezes.
    #[must_use]
    pub fn of_team(mut self, shelf: Shelf, freezes: Vec<Freeze>) -> Self {
        self.shelf = shelf;
        self.freezes = freezes;
        self
    }

    /// What is offered on an object that stands there.
    ///
    /// # Errors
    /// The library cannot be read.
    pub async fn offers(&self, object: &ObjectRef, at: &Whereabouts) -> Result<Vec<Offer>, Error> {
        let library = self.shelf.stock().await?.library;
        let person = self.person();
        let offers = offer::offers(&library, subject(object, at), person.roles.as_deref());
        let shown = offers.into_iter().filter_map(|offer| {
            let action = library.action(&offer.action)?;
            Some(shown::offer(action, &offer.standing))
        });
        Ok(shown.collect())
    }

    /// The actions that this person may run somewhere, in the library's order: what is for other roles is not among them.
    ///
    /// # Errors
    /// The library cannot be read.
    pub async fn catalogue(&self) -> Result<Vec<Listed>, Error> {
        let library = self.shelf.stock().await?.library;
        let roles = roles(self.signing_in.as_deref());
        let theirs = library.actions().filter(|action| {
            let has = |role: &String| action.roles.contains(role);
            roles.as_ref().is_none_or(|roles| roles.iter().any(has))
        });
        Ok(theirs.map(shown::listed).collect())
    }

    /// What of the team's own actions cannot be used, as far as that is known, a sentence each.
    ///
    /// # Errors
    /// The library cannot be read.
    pub fn unusable(&self) -> Result<Vec<String>, Error> {
        Ok(self.shelf.stock_now()?.unusable)
    }

    /// Plans an action on what is there now. Nothing changes: the server is asked whether it would take it, and no more.
    ///
    /// # Errors
    /// There is no such action, it does not fit what is there, or what was said is not what it asks for.
    pub async fn plan(&self, wish: &Wish, at: &Whereabouts) -> Result<PlanView, Error> {
        let roles = self.person().roles;
        self.planned(wish, at, roles.as_deref()).await
    }

    /// The same for somebody in these roles; absent: nothing is kept from anybody.
    async fn planned(
        &self,
        wish: &Wish,
        at: &Whereabouts,
        roles: Option<&[String]>,
    ) -> Result<PlanView, Error> {
        let stock = self.shelf.stock_for(&wish.action).await?;
        let library = &stock.library;
        let action = library
            .action(&wish.action)
            .ok_or_else(|| stock.no_action(&wish.action))?;
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
        let mut view = shown::plan(library, action, &plan, &rights, tried);
        // Whoever approves has other rights, and the same plan: it is not of the plan.
        view.cautions.extend(self.not_apart(&plan).await);
        let windows = self.freezes(plan.made_at);
        frozen::show(
            &mut view,
            freeze::holding(&windows, &plan.target, plan.made_at),
        );
        self.shared.prepare(
            view.hash.clone(),
            Prepared {
                plan,
                action: action.id.clone(),
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
    pub async fn run(
        &self,
        hash: &str,
        meant: Meant,
        despite_freeze: Option<String>,
        way: Way,
    ) -> Result<String, Error> {
        let journal = self.journal()?;
        let prepared = self.prepared(hash)?;
        let now = self.clock.now();
        let person = self.person();
        let (run, confirmation, approved) = match confirmation(meant) {
            Some(confirmation) => (RunId::fresh(now), confirmation, None),
            None => {
                let approved = self.approved(&prepared.plan, hash).await?;
                let request = approved.request;
                // The run is called as the request is: the one is found by the other.
                (request.name.clone(), approved.confirmation, Some(request))
            }
        };
        let records = read(&journal, Journal::records).await?;
        // As it is now: what has changed since the plan, or is gone, gives no leave.
        let stock = self.shelf.stock_for(&prepared.action).await?;
        let windows = self.freezes(now);
        let leave = match stock.library.action(&prepared.action) {
            None => Err(Refusal::Gone {
                action: prepared.action.clone(),
            }),
            Some(action) => {
                let action_hash = planning::hash(action)
                    .map_err(|unfit| Error::new(Code::Internal, unfit.says))?;
                permit::authorise(&permit::Request {
                    run: run.clone(),
                    plan: &prepared.plan,
                    confirmed: hash,
                    confirmation,
                    action,
                    action_hash: &action_hash,
                    by: &person.by,
                    roles: person.roles.as_deref(),
                    rights: &prepared.rights,
                    freezes: &windows,
                    despite_freeze: despite_freeze.as_deref(),
                    records: &records,
                    way,
                    now,
                })
            }
        };
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
        if let Some(request) = &approved {
            let system = &permit.plan().target.object.system;
            self.use_up(system, request).await?;
        }
        let (told, begun) = oneshot::channel();
        self.go(permit, approved, journal, told);
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
        approved: Option<Request>,
        journal: Journal,
        told: oneshot::Sender<Result<String, Error>>,
    ) {
        let run = permit.run().clone();
        let (cancel, cancelled) = watch::channel(false);
        self.shared.cancels().insert(run.clone(), cancel);
        let plan = permit.plan();
        let title = self.shelf.stock_now().ok().and_then(|stock| {
            let action = stock.library.action(&plan.action)?;
            Some(action.title.clone())
        });
        let title = title.unwrap_or_else(|| plan.action.clone());
        let title = format!("{title} {}", plan.target.object);
        self.shared.titles().insert(run.clone(), title);
        let ends = Ends(Arc::clone(&self.shared), run.clone());
        let (hands, shared) = (Arc::clone(&self.hands), Arc::clone(&self.shared));
        let (clock, system) = (self.clock.clone(), plan.target.object.system.clone());
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
            match runbook::run::run(permit, world, cancelled).await {
                Ok(ended) => {
                    if let Some(request) = approved {
                        // The journal has it; that the cluster has it too is for the others.
                        let ended = request.ended(&system, ended.outcome, &ended.says, clock.now());
                        let _told = hands.send(&Call::Object(ended), &run).await;
                    }
                }
                Err(broke) => {
                    tracing::warn!(%run, %broke, "a run broke off");
                    say(Err(
                        Error::new(Code::Denied, broke.to_string()).hint(broke.hint())
                    ));
                }
            }
            shared.cancels().remove(&run);
            drop(ends);
            shared.waits().retain(|(of, _), _| *of != run);
            shared.changed.send_replace(());
        };
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        while going.try_join_next().is_some() {}
        going.spawn(task);
    }

    /// What the runs that go here are called, oldest first: they break off when this is dropped.
    pub fn going(&self) -> Vec<String> {
        let titles = self.shared.titles();
        titles.values().cloned().collect()
    }

    /// Refuses what would break off a run that goes here; `doing` begins the sentence.
    ///
    /// # Errors
    /// A run goes.
    pub fn nothing_goes(&self, doing: &str) -> Result<(), Error> {
        let going = self.going();
        if going.is_empty() {
            return Ok(());
        }
        let message = format!("{}. {doing} would break it off", goes(&going));
        Err(Error::new(Code::Denied, message).hint(
            "Wait until it is over, or stop it under Actions: what was sent stands, and nothing more is sent.",
        ))
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
                    broken: Some(why),
                    ..Runs::default()
                };
            }
        };
        let known = match self.shelf.stock_now() {
            Ok(stock) => read(&journal, Journal::runs)
                .await
                .map(|runs| (stock, runs)),
            Err(why) => Err(why),
        };
        match known {
            Ok((
                Stock {
                    library, unusable, ..
                },
                runs,
            )) => {
                let waits = self.shared.waits();
                let newest = runs.iter().rev().take(shown::MOST_RUNS);
                Runs {
                    runs: newest
                        .map(|run| shown::run(&library, run, &waits))
                        .collect(),
                    broken: None,
                    unusable,
                }
            }
            Err(why) => Runs {
                broken: Some(why),
                ..Runs::default()
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

    /// The team's freezes that hold at an instant.
    fn freezes(&self, now: Timestamp) -> Vec<FreezeWindow> {
        let freezes = self.freezes.iter();
        freezes.filter_map(|freeze| freeze.window(now)).collect()
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

    /// A plan that was made here within the last minutes.
    fn prepared(&self, hash: &str) -> Result<Prepared, Error> {
        self.shared.plans().get(hash).cloned().ok_or_else(|| {
            Error::new(Code::NotFound, "there is no such plan here any more")
                .hint("Plan again, and read the new plan.")
        })
    }

    fn person(&self) -> Person {
        let signing_in = self.signing_in.as_deref();
        Person {
            by: called(signing_in),
            roles: roles(signing_in),
        }
    }

    async fn target(&self, object: &ObjectRef, at: &Whereabouts) -> Result<Target, Error> {
        let cluster_uid = self.hands.cluster_uid(&object.system).await.ok_or_else(|| {
            if Kind::from_name(&object.kind).is_some_and(|kind| Kind::ECS.contains(&kind)) {
                return Error::new(
                    Code::Unreachable,
                    format!(
                        "{} cannot be told from another account: AWS does not say which one it is",
                        object.system
                    ),
                )
                .hint("An action is bound to one account and region. `landfall doctor` says how it stands.");
            }
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
            _ => "",
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
        let mut before: Vec<Look> = Vec::new();
        for call in plan.steps.iter().flat_map(|step| &step.calls) {
            let at = call.look(&run);
            if before.contains(&at) {
                continue;
            }
            before.push(at);
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

    fn titles(&self) -> MutexGuard<'_, BTreeMap<RunId, String>> {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner)
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

/// `1 run goes: Restart Deployment shop/checkout`.
pub fn goes(titles: &[String]) -> String {
    let named: Vec<String> = titles
        .iter()
        .take(MOST_NAMED)
        .map(|title| api::headline::plain(title, 160))
        .collect();
    let more = match titles.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = match titles.len() {
        1 => "1 run goes".to_owned(),
        count => format!("{count} runs go"),
    };
    format!("{count}: {}{more}", named.join(", "))
}

/// What somebody has done here to mean a plan; nothing, where somebody else has to.
fn confirmation(meant: Meant) -> Option<Confirmation> {
    Some(match meant {
        Meant::Clicked {} => Confirmation::Clicked,
        Meant::Named {} => Confirmation::Named,
        Meant::Typed { text } => Confirmation::Typed(text),
        Meant::SecondPerson {} => return None,
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

/// What whoever acts here is called, in the record and in commits.
pub(crate) fn called(signing_in: Option<&SigningIn>) -> String {
    let Some(signing_in) = signing_in else {
        return this_machines_user();
    };
    let signed_in = signing_in.whoami();
    signed_in.map_or_else(|| "nobody".to_owned(), |(by, _)| by)
}

/// What whoever acts here is in the team; absent where the team file says nothing of roles, or nobody signs in: nothing is
/// kept from anybody then.
pub(crate) fn roles(signing_in: Option<&SigningIn>) -> Option<Vec<String>> {
    let signing_in = signing_in.filter(|one| one.has_roles())?;
    let signed_in = signing_in.whoami();
    // Nobody is signed in where somebody has to be: whatever is for a role is not for them.
    Some(signed_in.map(|(_, roles)| roles).unwrap_or_default())
}

/// Who uses this machine, where nobody signs in: what is written down beside what the cluster says of them.
fn this_machines_user() -> String {
    let named = ["USER", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| "somebody at this machine".to_owned())
}

#[cfg(test)]
mod tests;
