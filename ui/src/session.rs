//! What is open: nothing yet, the embedded company, the team that was joined, or contexts of a kubeconfig.
//!
//! Owns the session's standing and the asks that were made in this window. Each opening starts everything below anew.

use api::error::Error;
use api::request::{Begin, Beginning, JoinTeam, LeaveTeam, Open, Opened, SignOut};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::address::Screen;
use crate::bridge;
use crate::router::Router;
use crate::theme::storage;

/// How many asks are remembered.
const RECENT: usize = 8;
/// Where they are kept.
const KEY: &str = "landfall.recent";

/// How the session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The console is being asked.
    Starting,
    /// The console did not answer.
    Failed(Error),
    /// Nothing is open.
    Closed,
    /// Something is open. The number tells one opening from the next.
    Open(Opened, usize),
}

/// The session of the page.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// How it stands.
    pub standing: RwSignal<Standing>,
    /// What could be opened, when the console said so.
    pub beginning: RwSignal<Option<Beginning>>,
    /// What is being opened now.
    pub opening: RwSignal<Option<What>>,
    /// Why the last opening failed.
    pub refused: RwSignal<Option<Error>>,
    /// Why the last sign-out was not whole.
    pub parted: RwSignal<Option<Error>>,
    /// The last asks, newest first.
    pub recent: RwSignal<Vec<String>>,
    router: Router,
}

/// Which of them is being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The embedded company.
    Sandbox,
    /// The team that was joined.
    Team,
    /// Contexts of the kubeconfig.
    Kubeconfig,
}

impl Session {
    /// Asks the console what is there.
    pub fn provide(router: Router) -> Self {
        let kept = storage()
            .and_then(|storage| storage.get_item(KEY).ok().flatten())
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let session = Self {
            standing: RwSignal::new(Standing::Starting),
            beginning: RwSignal::new(None),
            opening: RwSignal::new(None),
            refused: RwSignal::new(None),
            parted: RwSignal::new(None),
            recent: RwSignal::new(kept),
            router,
        };
        provide_context(session);
        session.begin();
        session
    }

    /// The session of the page.
    pub fn here() -> Self {
        expect_context()
    }

    /// Asks the console what can be opened and what is open.
    pub fn begin(self) {
        spawn_local(async move {
            match bridge::call(&Begin {}).await {
                Ok(beginning) => {
                    let open = beginning.open.clone();
                    if beginning.refused.is_some() {
                        self.refused.set(beginning.refused.clone());
                    }
                    self.beginning.set(Some(beginning));
                    match open {
                        Some(opened) => self.opened(opened),
                        None => self.standing.set(Standing::Closed),
                    }
                }
                Err(error) => self.standing.set(Standing::Failed(error)),
            }
        });
    }

    /// Opens something; what was open before stays until the console has it.
    pub fn open(self, what: What, request: Open) {
        if self.opening.get_untracked().is_some() {
            return;
        }
        self.opening.set(Some(what));
        self.refused.set(None);
        spawn_local(async move {
            match bridge::call(&request).await {
                Ok(opened) => {
                    self.opened(opened);
                    if self.router.screen_now() == Screen::Begin {
                        self.router.go(Screen::Board);
                    }
                }
                Err(error) => {
                    self.refused.set(Some(error));
                    // The console may have closed what was open: show what it has now.
                    if matches!(self.standing.get_untracked(), Standing::Open(..)) {
                        self.begin();
                    }
                }
            }
            self.opening.set(None);
        });
    }

    /// Signs the person out. What the sign-in opened is off the screen at once; then the team is there again, signed out.
    pub fn sign_out(self) {
        self.standing.set(Standing::Starting);
        self.parted.set(None);
        spawn_local(async move {
            let outcome = bridge::call(&SignOut {}).await;
            self.parted.set(outcome.err());
            self.begin();
        });
    }

    /// Signs out, forgets the team, and shows what else can be opened.
    pub fn leave(self) {
        self.standing.set(Standing::Starting);
        self.refused.set(None);
        spawn_local(async move {
            let outcome = bridge::call(&LeaveTeam {}).await;
            self.refused.set(outcome.err());
            self.begin();
        });
    }

    /// Joins a team and shows it; `refused` hears why it was not joined.
    pub fn join(self, request: JoinTeam, refused: RwSignal<Option<Error>>) {
        if self.opening.get_untracked().is_some() {
            return;
        }
        self.opening.set(Some(What::Team));
        spawn_local(async move {
            match bridge::call(&request).await {
                Ok(opened) => {
                    self.opened(opened);
                    self.router.go(Screen::Board);
                }
                Err(error) => refused.set(Some(error)),
            }
            self.opening.set(None);
        });
    }

    fn opened(self, opened: Opened) {
        let number = match self.standing.get_untracked() {
            Standing::Open(_, number) => number + 1,
            _ => 0,
        };
        self.standing.set(Standing::Open(opened, number));
    }

    /// Asks: shows the journey and remembers the ask. Blank text asks nothing.
    pub fn ask(self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.recent.update(|recent| {
            recent.retain(|known| known != text);
            recent.insert(0, text.to_owned());
            recent.truncate(RECENT);
        });
        if let Some(storage) = storage()
            && let Ok(kept) = serde_json::to_string(&self.recent.get_untracked())
        {
            // A full or forbidden storage forgets the asks with the window, nothing else.
            let _ = storage.set_item(KEY, &kept);
        }
        self.router.go(Screen::asking(text));
    }
}
