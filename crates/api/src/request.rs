//! The requests and streams: each a type with its name and what comes back.
//!
//! Owns the one list, [`COMMANDS`], that the shell registers, the permissions are generated from and the tests walk.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::action::{Listed, Meant, Offer, PlanView, Runs, Wish};
use crate::app::App;
use crate::connection::Connection;
use crate::diagnosis::Diagnosis;
use crate::follow::Followed;
use crate::history::Changes;
use crate::journey::{Answer, Ask};
use crate::news::BoardNews;
use crate::object::ObjectRef;
use crate::sign_in::SignIn;

/// A request with one reply.
pub trait Request: Serialize + DeserializeOwned {
    /// The command's name on the wire, in snake case.
    const NAME: &'static str;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned;
}

/// A request that is answered again and again until it is dropped.
pub trait Stream: Serialize + DeserializeOwned {
    /// The command's name on the wire, in snake case.
    const NAME: &'static str;
    /// What comes, each time whole: a later item replaces the one before.
    type Item: Serialize + DeserializeOwned;
}

/// Every command there is, in the order the documentation lists them.
pub const COMMANDS: [&str; 33] = [
    AllowPlugin::NAME,
    AskRights::NAME,
    Begin::NAME,
    BeginSignIn::NAME,
    CancelRun::NAME,
    CancelSignIn::NAME,
    CloseWindow::NAME,
    Diagnose::NAME,
    ExportBundle::NAME,
    Follow::NAME,
    JoinTeam::NAME,
    LeaveTeam::NAME,
    ListActions::NAME,
    OfferActions::NAME,
    OfferTeam::NAME,
    Open::NAME,
    PlanAction::NAME,
    ReadObject::NAME,
    ReadPlugin::NAME,
    RunAction::NAME,
    SaveDiagnosis::NAME,
    SettleRun::NAME,
    SignOut::NAME,
    Unfollow::NAME,
    Unwatch::NAME,
    WatchBoard::NAME,
    WatchAnswer::NAME,
    WatchApp::NAME,
    WatchChanges::NAME,
    WatchConnections::NAME,
    WatchFollowed::NAME,
    WatchRuns::NAME,
    WatchSignIn::NAME,
];

/// Asks what is there to open when the window starts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Begin {}

impl Request for Begin {
    const NAME: &'static str = "begin";
    type Reply = Beginning;
}

/// What the window can open, and what it has open already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beginning {
    /// Landfall's version.
    pub version: String,
    /// What is open, if anything is (started with `--sandbox`, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Opened>,
    /// Why the team that was joined could not be opened, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<crate::error::Error>,
    /// The team that was joined, if one was, by the name that it gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The contexts of the person's own kubeconfig, with why they cannot be offered if they cannot.
    pub contexts: Result<Vec<KubeContext>, crate::error::Error>,
}

/// One context of a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeContext {
    /// The context's name.
    pub name: String,
    /// Its cluster's address.
    pub server: String,
    /// Whether it is the current one.
    pub current: bool,
}

/// Opens the embedded company, the team that was joined, or contexts of the person's kubeconfig. What was open before is closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Open {
    /// The embedded company: opened as one of its people who signs in, or at once.
    #[serde(rename_all = "camelCase")]
    Sandbox {
        /// Whether somebody has to sign in.
        #[serde(default)]
        sign_in: bool,
    },
    /// The team that was joined.
    Team,
    /// Contexts of the kubeconfig, by name; none means all of them.
    Kubeconfig {
        /// Which contexts.
        contexts: Vec<String>,
    },
}

impl Request for Open {
    const NAME: &'static str = "open";
    type Reply = Opened;
}

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// What to call it: "Sandbox", the team's name, or the kubeconfig's path.
    pub name: String,
    /// Whether it is the embedded company.
    pub sandbox: bool,
}

/// Reads one object whole, as YAML, for the evidence view. Secrets' values are placeholders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadObject {
    /// Which one.
    pub object: ObjectRef,
}

impl Request for ReadObject {
    const NAME: &'static str = "read_object";
    type Reply = String;
}

/// Reads the command that a context of the kubeconfig wants to run for signing in: what a person sees before they allow it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadPlugin {
    /// The context.
    pub context: String,
}

impl Request for ReadPlugin {
    const NAME: &'static str = "read_plugin";
    type Reply = Plugin;
}

/// A command that a kubeconfig wants to run, fit to be shown: what would hide something in it stands as escapes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// The file that it is; absent where there is no such program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The program as the kubeconfig names it, and what it is given.
    pub arguments: Vec<String>,
    /// Where its credential goes.
    pub server: String,
    /// The variables that the kubeconfig sets for it.
    pub variables: Vec<(String, String)>,
    /// What stands for exactly this command.
    pub digest: String,
    /// Whether it was allowed already.
    pub is_allowed: bool,
}

/// Allows the command with this digest, which a person has seen, on this machine from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AllowPlugin {
    /// Which.
    pub digest: String,
}

impl Request for AllowPlugin {
    const NAME: &'static str = "allow_plugin";
    type Reply = ();
}

/// Ends a stream by the channel it was started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unwatch {
    /// The channel's id.
    pub channel: u32,
}

impl Request for Unwatch {
    const NAME: &'static str = "unwatch";
    type Reply = ();
}

/// The board, live: whole at first, then what has changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchBoard {}

impl Stream for WatchBoard {
    const NAME: &'static str = "watch_board";
    type Item = BoardNews;
}

/// One ask's answer, live. A stream that cannot be answered says why in its items and goes on trying.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WatchAnswer {
    /// What is asked.
    pub ask: Ask,
}

impl Stream for WatchAnswer {
    const NAME: &'static str = "watch_answer";
    type Item = Result<Answer, crate::error::Error>;
}

/// One app, live: which commits wait for which of its environments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WatchApp {
    /// The app's name.
    pub app: String,
}

impl Stream for WatchApp {
    const NAME: &'static str = "watch_app";
    type Item = App;
}

/// What happened, live.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchChanges {}

impl Stream for WatchChanges {
    const NAME: &'static str = "watch_changes";
    type Item = Changes;
}

/// Tells the person, wherever they look, when this ask is live somewhere or stuck, each once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Follow {
    /// What to follow.
    pub ask: Ask,
}

impl Request for Follow {
    const NAME: &'static str = "follow";
    type Reply = ();
}

/// Ends that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unfollow {
    /// What was followed.
    pub ask: Ask,
}

impl Request for Unfollow {
    const NAME: &'static str = "unfollow";
    type Reply = ();
}

/// What is followed, live.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchFollowed {}

impl Stream for WatchFollowed {
    const NAME: &'static str = "watch_followed";
    type Item = Vec<Followed>;
}

/// Reads a team file, for a person to confirm its key's fingerprint. Nothing is kept of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfferTeam {
    /// An https link, or a path on this machine.
    pub from: String,
}

impl Request for OfferTeam {
    const NAME: &'static str = "offer_team";
    type Reply = TeamOffer;
}

/// What a team file offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamOffer {
    /// Where it came from.
    pub from: String,
    /// What the team calls itself.
    pub name: String,
    /// What has to be compared with what the team says its key's fingerprint is.
    pub fingerprint: String,
    /// Who signs people in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the sign-in will open, by name.
    pub systems: Vec<String>,
}

/// Joins the team whose file's key has the fingerprint that a person confirmed, and opens it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoinTeam {
    /// Where its file is.
    pub from: String,
    /// What was confirmed.
    pub fingerprint: String,
}

impl Request for JoinTeam {
    const NAME: &'static str = "join_team";
    type Reply = Opened;
}

/// Signs out and forgets the team that was joined; what it opened is closed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeaveTeam {}

impl Request for LeaveTeam {
    const NAME: &'static str = "leave_team";
    type Reply = ();
}

/// Begins a sign-in; answered when somebody is signed in, or it came to nothing. An attempt before it is given up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeginSignIn {
    /// With a code that is typed elsewhere, instead of the browser on this machine.
    pub with_code: bool,
}

impl Request for BeginSignIn {
    const NAME: &'static str = "begin_sign_in";
    type Reply = ();
}

/// Gives up the sign-in that is under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CancelSignIn {}

impl Request for CancelSignIn {
    const NAME: &'static str = "cancel_sign_in";
    type Reply = ();
}

/// Ends the sign-in here and at the provider, and closes what it opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SignOut {}

impl Request for SignOut {
    const NAME: &'static str = "sign_out";
    type Reply = ();
}

/// Who is signed in, live; none where what is open needs no sign-in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchSignIn {}

impl Stream for WatchSignIn {
    const NAME: &'static str = "watch_sign_in";
    type Item = Option<SignIn>;
}

/// Asks the clusters now which rights we have there; what they say comes with the connections.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AskRights {}

impl Request for AskRights {
    const NAME: &'static str = "ask_rights";
    type Reply = ();
}

/// Writes a diagnostic bundle, which holds no secret, to the folder for downloads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExportBundle {}

impl Request for ExportBundle {
    const NAME: &'static str = "export_bundle";
    type Reply = Exported;
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Where it is.
    pub path: String,
}

/// Gathers what is known of why an object stands as it does, as one report without secrets. It reads only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Diagnose {
    /// The object.
    pub object: ObjectRef,
}

impl Request for Diagnose {
    const NAME: &'static str = "diagnose";
    type Reply = Diagnosis;
}

/// Writes one of the last reports, as it was read, to the folder for downloads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SaveDiagnosis {
    /// The report's id.
    pub id: String,
}

impl Request for SaveDiagnosis {
    const NAME: &'static str = "save_diagnosis";
    type Reply = Exported;
}

/// Which actions there are for an object, with why one cannot be used now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfferActions {
    /// The object.
    pub object: ObjectRef,
}

impl Request for OfferActions {
    const NAME: &'static str = "offer_actions";
    type Reply = Vec<Offer>;
}

/// The actions that this person may run somewhere.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListActions {}

impl Request for ListActions {
    const NAME: &'static str = "list_actions";
    type Reply = Vec<Listed>;
}

/// Closes the window though a run goes: the person was asked, and means it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CloseWindow {}

impl Request for CloseWindow {
    const NAME: &'static str = "close_window";
    type Reply = ();
}

/// The event by which the shell asks the page whether the window is to be closed, with the words in its detail.
pub const CLOSING: &str = "landfall-closing";

/// Plans an action on what is there now. Nothing changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanAction {
    /// What is asked of it.
    pub wish: Wish,
}

impl Request for PlanAction {
    const NAME: &'static str = "plan_action";
    type Reply = PlanView;
}

/// Runs a plan that was made within the last minutes: this very one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunAction {
    /// What stands for the plan.
    pub hash: String,
    /// What the person did to mean it.
    pub meant: Meant,
    /// Why it cannot wait for the end of a freeze, where one holds. It is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub despite_freeze: Option<String>,
}

impl Request for RunAction {
    const NAME: &'static str = "run_action";
    /// The run's id.
    type Reply = String;
}

/// Stops a run before the next thing that it would send.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelRun {
    /// Which.
    pub run: String,
}

impl Request for CancelRun {
    const NAME: &'static str = "cancel_run";
    type Reply = ();
}

/// Ends a run that broke off: looks what came of it, or closes it as it is. Nothing is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SettleRun {
    /// Which.
    pub run: String,
    /// Whether to look first.
    pub look: bool,
}

impl Request for SettleRun {
    const NAME: &'static str = "settle_run";
    type Reply = ();
}

/// The runs of this machine, live.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchRuns {}

impl Stream for WatchRuns {
    const NAME: &'static str = "watch_runs";
    type Item = Runs;
}

/// The connections, live.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchConnections {}

impl Stream for WatchConnections {
    const NAME: &'static str = "watch_connections";
    type Item = Vec<Connection>;
}
