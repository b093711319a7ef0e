//! The application behind the window and the terminal: opens the systems, keeps the facts, answers subscriptions.
//!
//! Owns one evaluation task that alone holds the facts: clusters and the forge bring facts in, the pure engine judges,
//! subscribers get what changed. No Tauri, no printing, no mutation of anything outside this process but its cache.

pub mod actions;
mod acts;
mod allowed;
pub mod audit;
mod bundle;
pub mod checking;
mod code_host;
mod connections;
mod diagnosis;
mod errors;
mod evaluation;
mod follow;
pub mod founding;
mod freshness;
mod hands;
mod joining;
mod keys;
pub mod library;
pub mod manifest;
mod past;
mod reader;
mod sign_in;
mod sources;
mod subscription;
pub mod team_file;
mod tokens;
mod wants;
mod whose;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::action::{PlanView, Runs, Wish};
use api::approval::{ApprovalRequest, ClusterApprovals};
use api::diagnosis::Diagnosis;
use api::error::Code;
use api::{Answer, App, Ask, Board, Changes, Connection, Error, ObjectRef, SignIn};
use history::History;
use journey::Whereabouts;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use cluster::{Clock, Command, end_plugins};
pub use code_host::CodeHostSignIn;
pub use diagnosis::kinds as diagnosed_kinds;
pub use identity::{Invitation, finish as finish_signing_in, no_core_dumps};
pub use joining::{Membership, Offer};
pub use runbook::journal::Way;
pub use sign_in::SigningIn;
pub use sources::{
    Sources, allow_plugin, code_host, contexts, data_folder, history_file, journal_folder, plugin,
    signing_in,
};
pub use subscription::{Subscription, Update};

use actions::Actions;
use evaluation::Evaluation;
use follow::Following;
use past::Past;
use whose::Followed;

/// How often the journal is looked at for what others write.
const RUNS_EVERY: Duration = Duration::from_secs(1);

/// Everything that is open: the clusters of some kubeconfig contexts, with the team's code hosts and registries.
/// Dropping it ends every watch and task.
pub struct Console {
    commands: mpsc::UnboundedSender<evaluation::Command>,
    evaluation: JoinHandle<()>,
    systems: Arc<sources::Systems>,
    /// Wakes what waits for a sign-in.
    woken: Option<JoinHandle<()>>,
    following: Following,
    actions: Arc<Actions>,
    diagnoses: diagnosis::Diagnoses,
    clock: Clock,
    /// Dropped last: what was seen is written before anything ends.
    _history: History,
}

impl Console {
    /// Opens what `sources` names and begins to read at once. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When there is no kubeconfig, a file cannot be read as what it should be, or a named context does not exist.
    pub fn open(sources: &Sources) -> Result<Self, Error> {
        Self::open_at(sources, Clock::default())
    }

    /// Opens what `sources` names as of another time: what was recorded is judged by the clock that it was recorded at.
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_at(sources: &Sources, clock: Clock) -> Result<Self, Error> {
        let signing_in = sources::signing_in(sources, &clock)?;
        Self::open_with(sources, clock, signing_in)
    }

    /// Opens what `sources` names with a sign-in that [`signing_in`] gave for it: somebody may have signed in before
    /// anything is asked. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        sources: &Sources,
        clock: Clock,
        signing_in: Option<Arc<SigningIn>>,
    ) -> Result<Self, Error> {
        let systems = Arc::new(sources::Systems::open(sources, &clock, signing_in)?);
        let (commands, received) = mpsc::unbounded_channel();
        let history = History::open(history::Options {
            path: sources.history.clone(),
            clusters: systems.names(),
            now: clock.now(),
        });
        let past = Past::new(history.scribe(), history.kept());
        let evaluation = tokio::spawn(Evaluation::new(&systems, past, clock.clone()).run(received));
        let woken = systems.signing_in().map(|signing_in| {
            let systems = Arc::downgrade(&systems);
            tokio::spawn(async move {
                let mut sign_in = signing_in.watch();
                drop(signing_in);
                let mut followed = Followed::default();
                while let Some(update) = sign_in.next().await {
                    let state = update.value.map(|sign_in| sign_in.state);
                    let Some(change) = state.and_then(|state| followed.next(&state)) else {
                        continue;
                    };
                    match systems.upgrade() {
                        Some(systems) => systems.sign_in_changed(change),
                        None => return,
                    }
                }
            })
        });
        let hands = hands::OpenHands::new(
            systems.clusters(),
            systems.accounts(),
            systems.forge(),
            systems.signing_in(),
        );
        let actions = Actions::new(
            Arc::new(hands),
            systems.signing_in(),
            sources.journal.clone(),
            clock.clone(),
        );
        let actions = Arc::new(actions.of_team(systems.shelf(sources)?, systems.freezes()));
        Ok(Self {
            commands,
            evaluation,
            systems,
            woken,
            following: Following::default(),
            actions,
            diagnoses: diagnosis::Diagnoses::default(),
            clock,
            _history: history,
        })
    }

    /// The board, live.
    pub fn watch_board(&self) -> Subscription<Board> {
        let (subscription, publisher) = subscription::channel();
        self.command(evaluation::Command::Board(publisher));
        subscription
    }

    /// An ask's answer, live.
    pub fn watch_answer(&self, ask: Ask) -> Subscription<Result<Answer, Error>> {
        let (subscription, publisher) = subscription::channel();
        self.command(evaluation::Command::Answer(ask, publisher));
        subscription
    }

    /// How the connections stand, live.
    pub fn watch_connections(&self) -> Subscription<Vec<Connection>> {
        let (subscription, publisher) = subscription::channel();
        self.command(evaluation::Command::Connections(publisher));
        subscription
    }

    /// What is followed, with what is worth telling of it. An ask is followed as long as the console is open.
    pub fn following(&self) -> &Following {
        &self.following
    }

    /// Follows an ask.
    pub fn follow(&self, ask: &Ask) {
        self.following.follow(ask, self.watch_answer(ask.clone()));
    }

    /// Which actions there are for an object, with why one cannot be used now.
    ///
    /// # Errors
    /// When the console is closing.
    pub async fn offers(&self, object: &ObjectRef) -> Result<Vec<api::action::Offer>, Error> {
        let at = self.where_is(object).await?;
        self.actions.offers(object, &at).await
    }

    /// The actions that this person may run somewhere.
    ///
    /// # Errors
    /// What ships cannot be read.
    pub async fn catalogue(&self) -> Result<Vec<api::action::Listed>, Error> {
        self.actions.catalogue().await
    }

    /// Plans an action on what is there now. Nothing changes.
    ///
    /// # Errors
    /// There is no such action, or it does not fit what is there.
    pub async fn plan(&self, wish: &Wish) -> Result<PlanView, Error> {
        let at = self.where_is(&wish.object).await?;
        self.actions.plan(wish, &at).await
    }

    /// What waits for another person's approval, in every cluster that is open; each is given until `patience` to be read.
    pub async fn approvals(&self, patience: Duration) -> Vec<ClusterApprovals> {
        let clusters = self.systems.clusters();
        let mut all = Vec::with_capacity(clusters.len());
        for cluster in clusters.iter() {
            // One that does not answer says so itself.
            let _late = tokio::time::timeout(patience, cluster.settled()).await;
            all.push(self.actions.approvals(cluster.name()).await);
        }
        all
    }

    /// Plans here what somebody else asks an approval for: it is the plan that they have made, or an error.
    ///
    /// # Errors
    /// It is another plan here, or cannot be planned.
    pub async fn plan_to_approve(&self, asked: &ApprovalRequest) -> Result<PlanView, Error> {
        let at = self.where_is(&asked.object).await?;
        self.actions.plan_to_approve(asked, &at).await
    }

    /// What runs plans, and knows the runs.
    pub fn actions(&self) -> Arc<Actions> {
        Arc::clone(&self.actions)
    }

    /// The runs of this machine, live.
    pub fn watch_runs(&self) -> Subscription<Runs> {
        let (subscription, publisher) = subscription::channel();
        let actions = self.actions();
        let told = tokio::spawn(async move {
            let mut changed = actions.changed();
            loop {
                let recorded = actions.recorded();
                let runs = actions.runs().await;
                let goes = runs.goes();
                publisher.publish(runs, true);
                // Other windows and terminals write the same journal; one that is killed writes nothing any more.
                let others = async {
                    loop {
                        tokio::time::sleep(RUNS_EVERY).await;
                        if goes || actions.recorded() != recorded {
                            return;
                        }
                    }
                };
                tokio::select! {
                    _ours = changed.changed() => {}
                    () = others => {}
                    () = publisher.closed() => return,
                }
            }
        });
        drop(told);
        subscription
    }

    /// Whose an object is, and where it stands, once what there is has been read.
    async fn where_is(&self, object: &ObjectRef) -> Result<Whereabouts, Error> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.command(evaluation::Command::WhereIs(object.clone(), tell));
        told.await.map_err(|_| ended())
    }

    /// Who signs people in; none where the systems are opened without a sign-in.
    pub fn signing_in(&self) -> Option<Arc<SigningIn>> {
        self.systems.signing_in()
    }

    /// Whether anything that apps run on is opened without the sign-in.
    pub fn opens_without_sign_in(&self) -> bool {
        self.systems.opens_without_sign_in()
    }

    /// Who is signed in, live; none where the systems are opened without a sign-in.
    pub fn watch_sign_in(&self) -> Subscription<Option<SignIn>> {
        match self.systems.signing_in() {
            Some(signing_in) => signing_in.watch(),
            None => {
                let (subscription, publisher) = subscription::channel();
                publisher.publish(None, true);
                subscription
            }
        }
    }

    /// One app, live: which commits wait for which of its environments.
    pub fn watch_app(&self, name: String) -> Subscription<App> {
        let (subscription, publisher) = subscription::channel();
        self.command(evaluation::Command::App(name, publisher));
        subscription
    }

    /// What happened, live: as the systems still tell it, and as it was seen before.
    pub fn watch_changes(&self) -> Subscription<Changes> {
        let (subscription, publisher) = subscription::channel();
        self.command(evaluation::Command::Changes(publisher));
        subscription
    }

    /// What happened, once everything that was wanted has been read, or as far as it was read after `patience`.
    ///
    /// # Errors
    /// When the console is closing.
    pub async fn changes(&self, patience: Duration) -> Result<Changes, Error> {
        self.watch_changes()
            .settled(patience)
            .await
            .ok_or_else(ended)
    }

    /// The answer once everything that was wanted has been read, or as far as it was read after `patience`.
    ///
    /// # Errors
    /// When the ask stands for nothing, or for several things.
    pub async fn answer(&self, ask: Ask, patience: Duration) -> Result<Answer, Error> {
        self.watch_answer(ask)
            .settled(patience)
            .await
            .unwrap_or_else(|| Err(ended()))
    }

    /// The board once everything that was wanted has been read, or as far as it was read after `patience`.
    ///
    /// # Errors
    /// When the console is closing.
    pub async fn board(&self, patience: Duration) -> Result<Board, Error> {
        self.watch_board().settled(patience).await.ok_or_else(ended)
    }

    /// One object whole, as YAML. Secrets' values are placeholders.
    ///
    /// # Errors
    /// When the object's system is none of ours, does not answer, refuses, or has no such object.
    pub async fn read_object(&self, object: &ObjectRef) -> Result<String, Error> {
        let read = self.systems.read_object(object).await;
        if let Err(why) = &read {
            self.systems.errors().note(why, self.clock.now());
        }
        read
    }

    /// Asks the clusters now which rights we have there, where somebody looks at the connections.
    pub fn ask_rights_anew(&self) {
        self.systems.ask_rights_anew();
    }

    /// Writes a diagnostic bundle: to the file, or to one of its own in the folder for downloads. It holds no secret. What
    /// does not answer within `patience` is in it as not answering. The file that was written.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written.
    pub async fn export_bundle(
        &self,
        to: Option<&Path>,
        patience: Duration,
    ) -> Result<PathBuf, Error> {
        let mut connections = self.watch_connections();
        let connections = connections.settled(patience).await.ok_or_else(ended)?;
        let sign_in = self.watch_sign_in().next().await;
        let sign_in = sign_in.and_then(|update| update.value);
        let now = self.clock.now();
        let text = self.systems.bundle(now, sign_in, connections)?;
        let path = to.map_or_else(|| bundle::place(now), Path::to_path_buf);
        bundle::write(&path, &text)?;
        Ok(path)
    }

    /// Gathers within `patience` what is known of why an object stands as it does, as one report. It reads only; what could not
    /// be read is named in it.
    ///
    /// # Errors
    /// The object's system is none of ours, or there is no such object and nothing is known of it.
    pub async fn diagnose(
        &self,
        object: &ObjectRef,
        patience: Duration,
    ) -> Result<Diagnosis, Error> {
        diagnosis::diagnose(self, object, patience).await
    }

    /// Saves one of the last reports as it was read: to the file, or to one of its own in the folder for downloads. The file
    /// that was written.
    ///
    /// # Errors
    /// There is no such report any more, there is such a file already, or it cannot be written.
    pub fn save_diagnosis(&self, id: &str, to: Option<&Path>) -> Result<PathBuf, Error> {
        diagnosis::save(self, id, to)
    }

    /// The command that a context of the kubeconfig wants to run for signing in, if it wants to run one: what a person sees
    /// before they allow it.
    pub fn plugin(&self, context: &str) -> Option<Command> {
        self.systems.plugin(context)
    }

    /// Whether a person allowed exactly this command.
    pub fn is_allowed(&self, command: &Command) -> bool {
        self.systems.is_allowed(command)
    }

    /// Allows the command with this digest, which a person has seen.
    ///
    /// # Errors
    /// It cannot be remembered.
    pub fn allow_plugin(&self, digest: &str) -> Result<(), Error> {
        self.systems.allow(digest)
    }

    fn command(&self, command: evaluation::Command) {
        // The evaluation only ends with the console; a closed channel means that we are closing too.
        let _closing = self.commands.send(command);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.evaluation.abort();
        if let Some(woken) = &self.woken {
            woken.abort();
        }
    }
}

fn ended() -> Error {
    Error::new(
        Code::Internal,
        "the console was closed before it could answer",
    )
}
