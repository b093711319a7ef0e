//! What is open in the window: a console, and the embedded company if that is what it shows.
//!
//! Owns opening, replacing and closing; nothing of Tauri.

use std::path::PathBuf;
use std::sync::Arc;

use api::Error;
use api::error::Code;
use api::request::{Beginning, JoinTeam, Open, Opened, TeamOffer};
use console::{Console, Membership, SigningIn, Sources};
use sandbox::served::Served;
use sandbox::start::Options;
use tokio::sync::Mutex;

/// How the sentence begins that refuses to open something else.
const OPENING: &str = "Opening something else";

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Open the embedded company at once.
    pub sandbox: bool,
    /// As one of its people, who has to sign in.
    pub sign_in: bool,
    /// Open the contexts at once.
    pub at_once: bool,
    /// The kubeconfig, if not the person's own.
    pub kubeconfig: Option<PathBuf>,
    /// Which contexts.
    pub contexts: Vec<String>,
    /// The team file.
    pub team: Option<PathBuf>,
}

/// What is open. One at a time: opening another closes the one before.
pub struct Session {
    start: Start,
    open: Mutex<Option<Arc<Workspace>>>,
}

/// A console with what it needs to live.
pub struct Workspace {
    /// The console.
    pub console: Console,
    opened: Opened,
    /// Dropped after the console, which reads from it; nobody else ever looks at it.
    _served: std::sync::Mutex<Option<Served>>,
}

impl Session {
    /// Nothing is open yet; [`Session::begin`] opens what `start` says.
    pub fn new(start: Start) -> Self {
        Self {
            start,
            open: Mutex::new(None),
        }
    }

    /// What the window can open, and what it has open. Opens what the program was started for.
    pub async fn begin(&self) -> Result<Beginning, Error> {
        let mut open = self.open.lock().await;
        if open.is_none() && self.start.sandbox {
            *open = Some(sandbox(self.start.sign_in).await?);
        } else if open.is_none() && self.start.at_once {
            *open = Some(self.kubeconfig(self.start.contexts.clone())?);
        }
        let team = self.team_name();
        // Whoever joined a team comes to see it; one that cannot be opened hinders nobody from opening something else.
        let mut refused = None;
        if open.is_none() && team.is_some() {
            match self.team() {
                Ok(workspace) => *open = Some(workspace),
                Err(why) => refused = Some(why),
            }
        }
        Ok(Beginning {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            open: open.as_ref().map(|workspace| workspace.opened.clone()),
            team,
            refused,
            contexts: console::contexts(&self.sources(Vec::new())),
        })
    }

    /// Refuses what would break off a run that goes in this window; `doing` begins the sentence.
    pub async fn nothing_goes(&self, doing: &str) -> Result<(), Error> {
        match &*self.open.lock().await {
            Some(workspace) => workspace.console.actions().nothing_goes(doing),
            None => Ok(()),
        }
    }

    /// What would break off if the window were closed now, in a sentence; nothing where no run goes, or something is being
    /// opened or closed at this moment.
    pub fn breaks_off(&self) -> Option<String> {
        let open = self.open.try_lock().ok()?;
        let going = open.as_ref()?.console.actions().going();
        (!going.is_empty()).then(|| console::actions::goes(&going))
    }

    /// Opens something else, unless a run goes in what is open.
    pub async fn open(&self, request: Open) -> Result<Opened, Error> {
        self.nothing_goes(OPENING).await?;
        let workspace = match request {
            Open::Sandbox { sign_in } => sandbox(sign_in).await?,
            Open::Team => self.team()?,
            Open::Kubeconfig { contexts } => self.kubeconfig(contexts)?,
        };
        let opened = workspace.opened.clone();
        let mut open = self.open.lock().await;
        // Opening takes its time, in which one may have begun.
        if let Some(before) = &*open {
            before.console.actions().nothing_goes(OPENING)?;
        }
        *open = Some(workspace);
        Ok(opened)
    }

    /// Closes what is open.
    pub async fn close(&self) {
        self.open.lock().await.take();
    }

    /// Closes what is open before the process ends: a refresh token that is half used is finished with.
    pub async fn end(&self) {
        self.close().await;
        console::finish_signing_in().await;
    }

    /// Signs out and forgets the team that was joined.
    pub async fn leave(&self) -> Result<(), Error> {
        self.close().await;
        let sources = Sources {
            data: console::data_folder(),
            ..Sources::default()
        };
        // Without the team's file nobody could end the sign-in any more; a file that cannot be used never began one.
        if let Ok(Some(signing_in)) = console::signing_in(&sources, &console::Clock::default()) {
            signing_in.sign_out().await?;
        }
        Membership::here()?.leave()
    }

    /// What is open.
    pub async fn workspace(&self) -> Result<Arc<Workspace>, Error> {
        self.open
            .lock()
            .await
            .clone()
            .ok_or_else(|| Error::new(Code::Usage, "nothing is open yet"))
    }

    /// Who signs people in to what is open.
    pub async fn signing_in(&self) -> Result<Arc<SigningIn>, Error> {
        let signing_in = self.workspace().await?.console.signing_in();
        signing_in.ok_or_else(|| Error::new(Code::Usage, "what is open needs no sign-in"))
    }

    /// What a team file offers.
    pub async fn offer(&self, from: &str) -> Result<TeamOffer, Error> {
        let offer = Membership::offer(from.trim()).await?;
        Ok(TeamOffer {
            from: offer.from.clone(),
            name: offer.name.clone(),
            fingerprint: offer.fingerprint.clone(),
            provider: offer.provider.clone(),
            systems: offer.systems.clone(),
        })
    }

    /// Joins a team and opens it. Its file is read anew: what was confirmed is the key, and another file of that key is as
    /// good.
    pub async fn join(&self, join: &JoinTeam) -> Result<Opened, Error> {
        // Before anything is kept of the team.
        self.nothing_goes(OPENING).await?;
        let offer = Membership::offer(&join.from).await?;
        Membership::here()?.join(&offer, &join.fingerprint)?;
        self.open(Open::Team).await
    }

    /// The team that was joined, unless something else was named when the program was started.
    fn team_name(&self) -> Option<String> {
        if self.start.team.is_some() || self.start.at_once || self.start.sandbox {
            return None;
        }
        let file = Membership::here().and_then(|membership| membership.team_file());
        match file {
            Ok(file) => file.map(|file| file.called().to_owned()),
            // Opening it says why.
            Err(_) => Some("your team".to_owned()),
        }
    }

    fn team(&self) -> Result<Arc<Workspace>, Error> {
        let sources = Sources {
            kubeconfig: None,
            ..self.sources(Vec::new())
        };
        workspace(&sources, self.team_name().unwrap_or_default())
    }

    fn kubeconfig(&self, contexts: Vec<String>) -> Result<Arc<Workspace>, Error> {
        let sources = Sources {
            // The person's own clusters were asked for, not the team's.
            only_kubeconfig: true,
            ..self.sources(contexts)
        };
        let name = sources.kubeconfig.as_ref().map_or_else(
            || "kubeconfig".to_owned(),
            |path| path.display().to_string(),
        );
        workspace(&sources, name)
    }

    fn sources(&self, contexts: Vec<String>) -> Sources {
        Sources {
            kubeconfig: self.start.kubeconfig.clone(),
            contexts,
            team: self.start.team.clone(),
            data: console::data_folder(),
            cache: None,
            sparing: false,
            history: console::history_file(),
            journal: console::journal_folder(),
            ..Sources::default()
        }
    }
}

fn workspace(sources: &Sources, name: String) -> Result<Arc<Workspace>, Error> {
    let console = Console::open(sources)?;
    Ok(Arc::new(Workspace {
        console,
        opened: Opened {
            name,
            sandbox: false,
        },
        _served: std::sync::Mutex::new(None),
    }))
}

/// Opens the embedded company; with a sign-in nothing else opens its systems, and it ends with this program.
async fn sandbox(sign_in: bool) -> Result<Arc<Workspace>, Error> {
    let served = Served::start(Options::default(), None)
        .await
        .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let sources = Sources {
        kubeconfig: (!sign_in).then(|| served.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(match sign_in {
            true => served.sign_in.clone(),
            false => served.team.clone(),
        }),
        data: None,
        cache: Some(served.cache.clone()),
        sparing: false,
        history: Some(served.history.clone()),
        journal: Some(served.journal.clone()),
        ..Sources::default()
    };
    let console = Console::open(&sources)?;
    Ok(Arc::new(Workspace {
        console,
        opened: Opened {
            name: "Sandbox".to_owned(),
            sandbox: true,
        },
        _served: std::sync::Mutex::new(Some(served)),
    }))
}
