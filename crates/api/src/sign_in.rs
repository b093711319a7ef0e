//! Who is signed in, and how a sign-in goes: what the window and the terminal show of it. No token is ever in here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The sign-in of the systems that are open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// The host of who signs people in.
    pub provider: String,
    /// How it stands.
    pub state: SignInState,
    /// Why it ends with this program, if it does: no keyring, or a locked one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
}

/// A screen that somebody may start with. What it is called in addresses is what it is called in the team file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Home {
    /// All apps.
    #[default]
    Board,
    /// What they may run.
    Actions,
    /// What happened to them.
    Changes,
    /// What could not be linked to source.
    Coverage,
    /// The systems that answer.
    Connections,
}

/// How a sign-in stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum SignInState {
    /// Nobody is signed in.
    SignedOut {
        /// Why the last try came to nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<Error>,
    },
    /// Somebody may be: what is kept of a sign-in cannot be read now, and is looked at again by itself.
    Unread {
        /// Why not.
        why: String,
    },
    /// A page of the provider's is open in the browser.
    InBrowser {
        /// Its address, for whom no browser opened.
        address: String,
    },
    /// A code waits to be typed elsewhere.
    Code {
        /// What to type.
        code: String,
        /// Where.
        address: String,
        /// The same address with the code in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        whole: Option<String>,
        /// What the person has to know of the page before they go on: that it is on another host than the one that was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caution: Option<String>,
        /// Until when.
        until: Timestamp,
    },
    /// An earlier sign-in is gone on with.
    Resuming {
        /// Why that takes so long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<String>,
    },
    /// Somebody is signed in.
    SignedIn {
        /// What to call them.
        person: String,
        /// What they are in the team.
        roles: Vec<String>,
        /// The screen that they start with: their first role's.
        home: Home,
        /// When what opens the systems ends, unless it is made anew before.
        until: Timestamp,
        /// Why it is not made anew at the moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<String>,
    },
    /// The provider goes on with it no longer: somebody has to sign in again.
    Over {
        /// Its words.
        why: String,
    },
}
