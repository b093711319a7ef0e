//! Opens what the arguments name: a kubeconfig and team file, or the embedded company's.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use api::error::Code;
use api::{Board, Connection, ConnectionState, Error, SignIn};
use console::{Clock, Console, Sources, library};
use sandbox::served::Served;
use sandbox::start::Options;

use crate::arguments::{Systems, Tried};
use crate::commands::{say, sign_in};
use crate::print::connections::state;
use crate::print::foreign;

/// A console, and the embedded company if the arguments asked for it: it lives as long as this.
pub struct Open {
    /// The console.
    pub console: Console,
    /// How long to wait for slow systems.
    pub patience: Duration,
    /// How the sign-in stands, where one opens anything.
    pub sign_in: Option<SignIn>,
    /// What is lacking of it, in words.
    pub lacking: Option<Error>,
    _served: Option<Served>,
}

impl Open {
    /// Whether a board was read at all, as an exit code. A board of nothing is an answer only where every system gave one.
    pub async fn read(&self, board: &Board) -> ExitCode {
        let is_empty = board.rows.is_empty() && board.unlinked.is_empty();
        self.asked(is_empty, !board.unread.is_empty()).await
    }

    /// Whether something that may be empty (`is_empty`) was read at all, as an exit code: nothing is an answer only where
    /// every system gave one. Those that did not are named here, unless what is shown does that (`is_named`).
    pub async fn asked(&self, is_empty: bool, is_named: bool) -> ExitCode {
        if !is_empty {
            return ExitCode::SUCCESS;
        }
        let connections = self.console.watch_connections().next().await;
        let connections = connections.map(|update| update.value).unwrap_or_default();
        let is_silent = |one: &&Connection| {
            let is_live = matches!(
                one.state,
                ConnectionState::Live { .. } | ConnectionState::Absent { .. }
            );
            one.kind.runs_apps() && !is_live
        };
        let silent: Vec<_> = connections.iter().filter(is_silent).collect();
        if !is_named {
            for one in &silent {
                let (_, words) = state(&one.state);
                let name = foreign(&one.name, 100);
                say(&format!("landfall: nothing was read of {name}: {words}"));
            }
        }
        match silent.is_empty() && !is_named {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(3),
        }
    }
}

/// Opens the systems. Where a sign-in is lacking, what is opened without it is, and that is said; where nothing is, that is an
/// error.
pub async fn systems(systems: &Systems) -> Result<Open, Error> {
    answering(opened(systems, false, false).await?)
}

/// The same for one answer that may be about one app: then only its pods are read.
pub async fn for_an_answer(systems: &Systems) -> Result<Open, Error> {
    answering(opened(systems, true, false).await?)
}

/// The same, with folders of actions that somebody tries.
pub async fn for_an_action(systems: &Systems, tried: &Tried) -> Result<Open, Error> {
    library::readable(&tried.folders)?;
    answering(opened_with(systems, &tried.folders, true, false).await?)
}

/// Opens the systems however the sign-in stands: for whoever asks what is wrong, or sends nothing.
pub async fn for_doctor(systems: &Systems) -> Result<Open, Error> {
    opened(systems, false, true).await
}

/// What answers questions about apps: something has to be open that can.
fn answering(open: Open) -> Result<Open, Error> {
    // What may come by itself is waited for, and the systems say themselves what they lack.
    let waits = open.sign_in.as_ref().is_some_and(sign_in::comes_by_itself);
    let Some(why) = open.lacking.as_ref().filter(|_| !waits) else {
        return Ok(open);
    };
    if !open.console.opens_without_sign_in() {
        return Err(why.clone());
    }
    say(&format!(
        "landfall: {}; what the sign-in opens is left out here. {}",
        foreign(&why.message, 400),
        foreign(&why.hint, 600)
    ));
    Ok(open)
}

/// Opens them; `tolerant`: also where a sign-in that was asked for came to nothing.
async fn opened(systems: &Systems, sparing: bool, tolerant: bool) -> Result<Open, Error> {
    opened_with(systems, &[], sparing, tolerant).await
}

async fn opened_with(
    systems: &Systems,
    actions: &[PathBuf],
    sparing: bool,
    tolerant: bool,
) -> Result<Open, Error> {
    let (served, sources) = if systems.sandbox {
        let options = Options {
            seed: systems.seed,
            ..Options::default()
        };
        let served = serve(options, None).await?;
        let sources = match systems.way() {
            Some(_) => signed_in_sources(&served),
            None => sources(&served),
        };
        (Some(served), sources)
    } else {
        let sources = Sources {
            kubeconfig: systems.kubeconfig.clone(),
            contexts: systems.context.clone(),
            team: systems.team.clone(),
            data: console::data_folder(),
            history: console::history_file(),
            journal: console::journal_folder(),
            ..Sources::default()
        };
        (None, sources)
    };
    let sources = Sources {
        sparing,
        actions: actions.to_vec(),
        ..sources
    };
    let clock = Clock::default();
    let signing_in = console::signing_in(&sources, &clock)?;
    let (sign_in, lacking) = match &signing_in {
        None => (None, None),
        Some(signing_in) => match sign_in::before_others(signing_in, systems.way()).await {
            Ok(stands) => {
                let lacking = sign_in::lacking(&stands, systems.team.as_deref());
                (Some(stands), lacking)
            }
            Err(why) if tolerant => (Some(sign_in::stands(signing_in).await), Some(why)),
            Err(why) => return Err(why),
        },
    };
    let console = Console::open_with(&sources, clock, signing_in);
    let console = console.map_err(|why| for_newcomers(why, systems))?;
    Ok(Open {
        console,
        patience: Duration::from_secs(systems.patience),
        sign_in,
        lacking,
        _served: served,
    })
}

/// Whoever named nothing and joined no team may have come for either: a kubeconfig is not what they need first.
fn for_newcomers(why: Error, systems: &Systems) -> Error {
    let has_chosen = systems.kubeconfig.is_some()
        || !matches!(sign_in::has_team(systems.team.as_deref()), Ok(false));
    if why.code != Code::NoKubeconfig || has_chosen {
        return why;
    }
    let message = format!("no team was joined here, and {}", why.message);
    Error::new(why.code, message).hint(
        "Join your team with `landfall team join LINK`, or look at the embedded company with --sandbox, which needs \
         nothing. A kubeconfig is named with --kubeconfig or KUBECONFIG.",
    )
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
        journal: Some(served.journal.clone()),
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
