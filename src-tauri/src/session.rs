//! What is open in the window: a console, and the embedded company if that is what it shows.
//!
//! Owns opening, replacing and closing; nothing of Tauri.

use std::path::PathBuf;
use std::sync::Arc;

use api::Error;
use api::error::Code;
use api::request::{Beginning, Open, Opened};
use console::{Console, Sources};
use sandbox::served::Served;
use sandbox::start::Options;
use tokio::sync::Mutex;

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Open the embedded company at once.
    pub sandbox: bool,
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
            *open = Some(sandbox().await?);
        } else if open.is_none() && self.start.at_once {
            *open = Some(self.kubeconfig(self.start.contexts.clone())?);
        }
        Ok(Beginning {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            open: open.as_ref().map(|workspace| workspace.opened.clone()),
            contexts: console::contexts(&self.sources(Vec::new())),
        })
    }

    /// Opens something else.
    pub async fn open(&self, request: Open) -> Result<Opened, Error> {
        let workspace = match request {
            Open::Sandbox => sandbox().await?,
            Open::Kubeconfig { contexts } => self.kubeconfig(contexts)?,
        };
        let opened = workspace.opened.clone();
        *self.open.lock().await = Some(workspace);
        Ok(opened)
    }

    /// Closes what is open.
    pub async fn close(&self) {
        self.open.lock().await.take();
    }

    /// What is open.
    pub async fn workspace(&self) -> Result<Arc<Workspace>, Error> {
        self.open
            .lock()
            .await
            .clone()
            .ok_or_else(|| Error::new(Code::Usage, "nothing is open yet"))
    }

    fn kubeconfig(&self, contexts: Vec<String>) -> Result<Arc<Workspace>, Error> {
        let sources = self.sources(contexts);
        let name = sources.kubeconfig.as_ref().map_or_else(
            || "kubeconfig".to_owned(),
            |path| path.display().to_string(),
        );
        let console = Console::open(&sources)?;
        Ok(Arc::new(Workspace {
            console,
            opened: Opened {
                name,
                sandbox: false,
            },
            _served: std::sync::Mutex::new(None),
        }))
    }

    fn sources(&self, contexts: Vec<String>) -> Sources {
        Sources {
            kubeconfig: self.start.kubeconfig.clone(),
            contexts,
            team: self.start.team.clone(),
            cache: None,
            sparing: false,
            history: console::history_file(),
            ..Sources::default()
        }
    }
}

async fn sandbox() -> Result<Arc<Workspace>, Error> {
    let served = Served::start(Options::default(), None)
        .await
        .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let sources = Sources {
        kubeconfig: Some(served.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(served.team.clone()),
        cache: Some(served.cache.clone()),
        sparing: false,
        history: Some(served.history.clone()),
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
