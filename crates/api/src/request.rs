//! The requests and streams: each a type with its name and what comes back.
//!
//! Owns the one list, [`COMMANDS`], that the shell registers, the permissions are generated from and the tests walk.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::app::App;
use crate::connection::Connection;
use crate::follow::Followed;
use crate::history::Changes;
use crate::journey::{Answer, Ask};
use crate::news::BoardNews;
use crate::object::ObjectRef;

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
pub const COMMANDS: [&str; 12] = [
    Begin::NAME,
    Follow::NAME,
    Open::NAME,
    ReadObject::NAME,
    Unfollow::NAME,
    Unwatch::NAME,
    WatchBoard::NAME,
    WatchAnswer::NAME,
    WatchApp::NAME,
    WatchChanges::NAME,
    WatchConnections::NAME,
    WatchFollowed::NAME,
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

/// Opens the embedded company, or contexts of the person's kubeconfig. What was open before is closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Open {
    /// The embedded company.
    Sandbox,
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
    /// What to call it: "Sandbox", or the kubeconfig's path.
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

/// The connections, live.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WatchConnections {}

impl Stream for WatchConnections {
    const NAME: &'static str = "watch_connections";
    type Item = Vec<Connection>;
}
