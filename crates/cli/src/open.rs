//! Opens what the arguments name: a kubeconfig and team file, or the embedded company's.

use std::path::PathBuf;
use std::time::Duration;

use api::Error;
use api::error::Code;
use console::{Clock, Console, Sources};
use sandbox::served::Served;
use sandbox::start::Options;

use crate::arguments::Systems;
use crate::commands::sign_in;

/// A console, and the embedded company if the arguments asked for it: it lives as long as this.
pub struct Open {
    /// The console.
    pub console: Console,
    /// How long to wait for slow systems.
    pub patience: Duration,
    _served: Option<Served>,
}

/// Opens the systems.
pub async fn systems(systems: &Systems) -> Result<Open, Error> {
    opened(systems, false).await
}

/// The same for one answer that may be about one app: then only its pods are read.
pub async fn for_an_answer(systems: &Systems) -> Result<Open, Error> {
    opened(systems, true).await
}

async fn opened(systems: &Systems, sparing: bool) -> Result<Open, Error> {
    let patience = Duration::from_secs(systems.patience);
    if systems.sandbox {
        let served = serve(
            Options {
                seed: systems.seed,
                ..Options::default()
            },
            None,
        )
        .await?;
        let sources = Sources {
            sparing,
            ..match systems.sign_in {
                true => signed_in_sources(&served),
                false => sources(&served),
            }
        };
        let clock = Clock::default();
        let signing_in = console::signing_in(&sources, &clock)?;
        if let Some(signing_in) = &signing_in {
            sign_in::for_an_answer(signing_in, true).await?;
        }
        let console = Console::open_with(&sources, clock, signing_in)?;
        return Ok(Open {
            console,
            patience,
            _served: Some(served),
        });
    }
    let sources = Sources {
        kubeconfig: systems.kubeconfig.clone(),
        contexts: systems.context.clone(),
        team: systems.team.clone(),
        data: console::data_folder(),
        cache: None,
        sparing,
        history: console::history_file(),
        ..Sources::default()
    };
    let clock = Clock::default();
    let signing_in = console::signing_in(&sources, &clock)?;
    if let Some(signing_in) = &signing_in {
        sign_in::for_an_answer(signing_in, systems.sign_in).await?;
    }
    let console = Console::open_with(&sources, clock, signing_in)?;
    Ok(Open {
        console,
        patience,
        _served: None,
    })
}

/// Starts the embedded company.
pub async fn serve(options: Options, folder: Option<PathBuf>) -> Result<Served, Error> {
    Served::start(options, folder)
        .await
        .map_err(|error| Error::new(Code::Internal, error.to_string()))
}

/// What opens the embedded company: the same as for anybody's systems.
pub fn sources(served: &Served) -> Sources {
    Sources {
        kubeconfig: Some(served.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(served.team.clone()),
        data: None,
        cache: Some(served.cache.clone()),
        sparing: false,
        history: Some(served.history.clone()),
        ..Sources::default()
    }
}

/// What opens the embedded company as one of its people, who has to sign in: nothing else opens it then.
pub fn signed_in_sources(served: &Served) -> Sources {
    Sources {
        kubeconfig: None,
        team: Some(served.sign_in.clone()),
        ..sources(served)
    }
}
