//! `landfall sign-in`: signs a person in, with their browser or with a code that they type elsewhere; at a code host with a
//! code or with a token of their own.
//!
//! Owns what is said on the way. Other commands never open a browser, unless they were told to with `--sign-in`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::error::Code;
use api::{Error, SignIn, SignInState};
use console::{Clock, CodeHostSignIn, Invitation, SigningIn, Sources};

use crate::arguments;
use crate::print::{bold, foreign, styled};

/// How long a sign-in that is kept may take to be gone on with before something is said.
const RESUMING: Duration = Duration::from_secs(20);

/// Runs the command.
pub async fn run(arguments: arguments::SignIn) -> Result<ExitCode, Error> {
    if let Some(host) = &arguments.code_host {
        return at_code_host(host, &arguments).await;
    }
    let signing_in = of_team(arguments.team)?.ok_or_else(no_team)?;
    if arguments.code {
        signing_in.with_code(show_code).await?;
    } else {
        in_browser(&signing_in).await?;
    }
    let stands = stands(&signing_in).await;
    if let SignInState::SignedIn { person, roles, .. } = &stands.state {
        let roles = match roles.as_slice() {
            [] => String::new(),
            roles => format!(" ({})", foreign(&roles.join(", "), 200)),
        };
        say(&format!(
            "Signed in at {} as {}{roles}.",
            foreign(&stands.provider, 100),
            foreign(person, 100)
        ));
    }
    if let Some(why) = &stands.not_kept {
        say(&format!(
            "It ends with this command: {}. Other commands sign in by themselves with --sign-in.",
            foreign(why, 200)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Signs a person in at a code host.
async fn at_code_host(host: &str, arguments: &arguments::SignIn) -> Result<ExitCode, Error> {
    let signing_in = code_host(host, arguments.team.clone())?;
    let who = if arguments.token {
        signing_in.with_token(token(host)?).await?
    } else {
        signing_in.with_code(show_code).await?
    };
    say(&format!(
        "Signed in at {} as {}.",
        foreign(host, 100),
        foreign(&who, 200)
    ));
    if let Some(why) = signing_in.not_kept() {
        say(&format!(
            "It ends with this command, and is of no use to others: {}.",
            foreign(&why, 200)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The sign-in at a code host of the team that is named, or was joined.
pub fn code_host(host: &str, team: Option<PathBuf>) -> Result<CodeHostSignIn, Error> {
    console::code_host(&of(team), host, &Clock::default())
}

/// A token that the person types or pastes unseen, or that a program writes. Never an argument: those stand in the shell's
/// history, and every program on the machine may read them.
fn token(host: &str) -> Result<String, Error> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Token for {}: ", foreign(host, 100)))
    } else {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    };
    read.map_err(|why| {
        Error::new(Code::Usage, format!("the token could not be read: {why}"))
            .hint("Type it where it is asked for, or write it to standard input.")
    })
}

/// What other commands do before they open anything: whoever is not signed in is told so, or signed in where that was asked
/// for.
pub async fn for_an_answer(signing_in: &SigningIn, asked_for: bool) -> Result<(), Error> {
    let stands = stands(signing_in).await;
    match stands.state {
        SignInState::SignedOut { .. } | SignInState::Over { .. } if asked_for => {
            in_browser(signing_in).await
        }
        SignInState::SignedOut { .. } => Err(not_signed_in(
            format!("nobody is signed in at {}", stands.provider),
            stands.not_kept.as_deref(),
        )),
        SignInState::Over { why } => Err(not_signed_in(
            format!("the sign-in at {} is over: {why}", stands.provider),
            None,
        )),
        // The systems say themselves what they lack.
        _ => Ok(()),
    }
}

/// Who signs people in to the team that is named, or was joined.
pub fn of_team(team: Option<PathBuf>) -> Result<Option<Arc<SigningIn>>, Error> {
    console::signing_in(&of(team), &Clock::default())
}

fn of(team: Option<PathBuf>) -> Sources {
    Sources {
        team,
        data: console::data_folder(),
        ..Sources::default()
    }
}

/// Whoever has to be told before anything else is read.
pub fn no_team() -> Error {
    Error::new(
        Code::UnknownName,
        "no team was joined here that somebody could sign in to",
    )
    .hint("`landfall team join LINK` joins one; --team names a team file.")
}

/// How the sign-in stands once what is kept has been looked at.
pub async fn stands(signing_in: &SigningIn) -> SignIn {
    let mut watched = signing_in.watch();
    match watched.settled(RESUMING).await {
        Some(Some(stands)) => stands,
        Some(None) | None => SignIn {
            provider: String::new(),
            state: SignInState::SignedOut { failed: None },
            not_kept: None,
        },
    }
}

fn not_signed_in(message: String, not_kept: Option<&str>) -> Error {
    let error = Error::new(Code::SignedOut, message);
    match not_kept {
        Some(why) => error.hint(format!(
            "Nothing is kept here ({why}): sign in with this very command by --sign-in."
        )),
        None => error.hint("Sign in with `landfall sign-in`, or with this command by --sign-in."),
    }
}

async fn in_browser(signing_in: &SigningIn) -> Result<(), Error> {
    signing_in
        .in_browser(|address| {
            say(&format!(
                "Sign in on the page that opens in your browser, or open it yourself:\n  {address}"
            ));
            // Who has no browser here still has the address.
            if let Err(why) = webbrowser::open(address.as_str()) {
                tracing::debug!(%why, "no browser opened");
            }
            Ok(())
        })
        .await
}

fn show_code(invitation: &Invitation) {
    say(&format!(
        "Open {} on any machine and type\n\n    {}\n\nOnly go on if you began this yourself.",
        invitation.address,
        styled(bold(), foreign(&invitation.code, 40))
    ));
}

/// What is said on the way goes beside the answer, not into it.
fn say(words: &str) {
    let _closed = writeln!(anstream::stderr(), "{words}");
}
