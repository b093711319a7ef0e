//! `landfall sign-in`: signs a person in, with their browser or with a code that they type elsewhere; at a code host with a
//! code or with a token of their own.
//!
//! Owns what is said on the way, and how a sign-in that is lacking is told. Other commands never open a browser, unless they
//! were told to with `--sign-in`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::error::Code;
use api::{Error, SignIn, SignInState};
use console::{Clock, CodeHostSignIn, Invitation, Membership, SigningIn, Sources};

use super::say;
use crate::arguments::{self, Way};
use crate::print::{bold, foreign, styled};

/// How long a sign-in that is kept may take to be gone on with before something is said.
const RESUMING: Duration = Duration::from_secs(20);

/// Runs the command.
pub async fn run(arguments: arguments::SignIn) -> Result<ExitCode, Error> {
    if let Some(host) = &arguments.code_host {
        return at_code_host(host, &arguments).await;
    }
    let signing_in = of_team(arguments.team.clone())?.ok_or_else(no_team)?;
    let before = stands(&signing_in).await;
    if let SignInState::SignedIn { person, .. } = &before.state {
        say(&signed_in_already(
            &before.provider,
            person,
            arguments.team.as_deref(),
        ));
    }
    let way = match arguments.code {
        true => Way::Code,
        false => Way::Browser,
    };
    if let Some(why) = &before.not_kept {
        say(&ends_here(why, way));
    }
    sign_in(&signing_in, way).await?;
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
    match (&stands.not_kept, &arguments.team) {
        // It was said before the person went to the browser.
        (Some(_), _) if before.not_kept.is_some() => {}
        (Some(why), _) => say(&ends_here(why, way)),
        (None, Some(file)) => say(&format!(
            "It is of use to commands with --team {}, and to no others.",
            file.display()
        )),
        (None, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said before the way through the browser: at its end anybody else is refused.
fn signed_in_already(provider: &str, person: &str, team: Option<&Path>) -> String {
    let (provider, person) = (foreign(provider, 100), foreign(person, 100));
    let of_team = of_team_words(team);
    format!(
        "{person} is signed in at {provider}. This signs {person} in anew; to sign in as anybody else, sign out first: \
         `landfall sign-out{of_team}`."
    )
}

/// What is said about a sign-in that cannot be kept, and how other commands do without.
fn ends_here(why: &str, way: Way) -> String {
    let option = match way {
        Way::Browser => "--sign-in",
        Way::Code => "--sign-in --code",
    };
    format!(
        "It ends with this command: {}. Other commands sign in by themselves with {option}.",
        foreign(why, 200)
    )
}

/// Signs a person in at a code host.
async fn at_code_host(host: &str, arguments: &arguments::SignIn) -> Result<ExitCode, Error> {
    let signing_in = code_host(host, arguments.team.clone())?;
    let who = if arguments.token {
        signing_in.with_token(token(host)?).await?
    } else if has_team(arguments.team.as_deref())? {
        signing_in.with_code(show_code).await?
    } else {
        let host = foreign(host, 100);
        return Err(Error::new(
            Code::UnknownName,
            format!("no team was joined here whose file names an application of {host}"),
        )
        .hint(format!(
            "`landfall sign-in --code-host {host} --token` takes a token of your own. {A_TEAM}"
        )));
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
    let has_team = has_team(team.as_deref())?;
    console::code_host(&of(team), host, &Clock::default()).map_err(|why| match why.code {
        Code::UnknownName if !has_team => Error::new(
            Code::UnknownName,
            format!(
                "no team was joined here whose file names the code host {}",
                foreign(host, 100)
            ),
        )
        .hint(format!("github.com is known without. {A_TEAM}")),
        _ => why,
    })
}

/// Whether there is a team file: one that is named, or that of the team that was joined.
pub fn has_team(named: Option<&Path>) -> Result<bool, Error> {
    match (named, console::data_folder()) {
        (Some(_), _) => Ok(true),
        (None, Some(folder)) => Ok(Membership::in_folder(&folder).team_file()?.is_some()),
        (None, None) => Ok(false),
    }
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

/// What other commands do before they open anything: where nobody is signed in somebody is, if that was asked for. How it
/// stands then.
///
/// # Errors
/// It was asked for, and nobody signed in.
pub async fn before_others(signing_in: &SigningIn, way: Option<Way>) -> Result<SignIn, Error> {
    let before = stands(signing_in).await;
    match way {
        Some(way) if lacking(&before, None).is_some() && !comes_by_itself(&before) => {
            sign_in(signing_in, way).await?;
            Ok(stands(signing_in).await)
        }
        _ => Ok(before),
    }
}

/// Whether a sign-in that is kept is waited for, and no new one helps.
pub fn comes_by_itself(stands: &SignIn) -> bool {
    matches!(stands.state, SignInState::Resuming { .. })
}

/// What is lacking of a sign-in, in words for the person; retryable where the same command may work later.
/// `team` is the file that the command names, so that what is advised is of the same team.
pub fn lacking(stands: &SignIn, team: Option<&Path>) -> Option<Error> {
    let provider = &stands.provider;
    let sign_in = sign_in_with(team);
    let nobody = |why: String| Error::new(Code::SignedOut, why);
    Some(match (&stands.state, &stands.not_kept) {
        (SignInState::SignedIn { .. }, _) => return None,
        // Somebody is at it.
        (SignInState::InBrowser { .. } | SignInState::Code { .. }, _) => return None,
        (SignInState::SignedOut { failed: Some(why) }, _) => why.clone(),
        (SignInState::SignedOut { failed: None }, Some(why)) => {
            nobody(format!("nobody is signed in at {provider}")).hint(format!(
                "Nothing is kept here ({why}): sign in with this very command by --sign-in, or by --sign-in --code where no browser opens."
            ))
        }
        (SignInState::SignedOut { failed: None }, None) => {
            nobody(format!("nobody is signed in at {provider}")).hint(sign_in)
        }
        (SignInState::Over { why }, _) => {
            nobody(format!("the sign-in at {provider} is over: {why}")).hint(sign_in)
        }
        (SignInState::Unread { why }, _) => nobody(format!(
            "whether somebody is signed in at {provider} cannot be told: {why}"
        ))
        .hint(
            "Unlock the keyring and run this once more, or sign in with this very command by --sign-in, or by --sign-in --code where no browser opens.",
        )
        .retryable(),
        (SignInState::Resuming { late }, _) => {
            let why = late.as_deref().unwrap_or("it did not come back in time");
            let message = format!("the sign-in at {provider} cannot be gone on with now: {why}");
            let error = Error::new(Code::Unreachable, message);
            error
                .hint("It is still there: a new one would not help. Run this once more when that has passed.")
                .retryable()
        }
    })
}

/// What to do where nobody is signed in.
fn sign_in_with(team: Option<&Path>) -> String {
    let of_team = of_team_words(team);
    format!(
        "Sign in with `landfall sign-in{of_team}`, or with this command by --sign-in; add --code to either where no browser opens."
    )
}

/// What a command has to say so that it is of the same team.
fn of_team_words(team: Option<&Path>) -> String {
    team.map_or_else(String::new, |file| format!(" --team {}", file.display()))
}

/// What to do where there is no team.
const A_TEAM: &str = "`landfall team join LINK` joins a team; --team names a team file.";

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
    .hint(A_TEAM)
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

async fn sign_in(signing_in: &SigningIn, way: Way) -> Result<(), Error> {
    match way {
        Way::Browser => in_browser(signing_in).await,
        Way::Code => signing_in.with_code(show_code).await,
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
    let caution = invitation.caution().map(|caution| {
        let caution = foreign(&caution, 600);
        format!("\n{}", styled(bold(), caution))
    });
    say(&format!(
        "Open {} on any machine and type\n\n    {}\n\nOnly go on if you began this yourself.{}",
        invitation.address,
        styled(bold(), foreign(&invitation.code, 40)),
        caution.unwrap_or_default()
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: SignInState, not_kept: Option<&str>) -> Option<Error> {
        let stands = SignIn {
            provider: "id.example".to_owned(),
            state,
            not_kept: not_kept.map(str::to_owned),
        };
        lacking(&stands, None)
    }

    #[test]
    fn the_advice_signed_in_to_another_team() {
        let stands = SignIn {
            provider: "id.example".to_owned(),
            state: SignInState::SignedOut { failed: None },
            not_kept: None,
        };
        let why = lacking(&stands, Some(Path::new("a.yaml"))).map(|why| why.hint);
        assert!(why.is_some_and(|hint| hint.contains("`landfall sign-in --team a.yaml`")));
    }

    #[test]
    fn whoever_could_sign_in_with_a_code_alone_was_told_of_browsers_alone() {
        let locked = SignInState::Unread {
            why: "the keyring is locked".to_owned(),
        };
        let over = SignInState::Over { why: String::new() };
        let out = || SignInState::SignedOut { failed: None };
        for (state, not_kept) in [
            (locked, Some("the keyring is locked")),
            (over, None),
            (out(), None),
            (out(), Some("no keyring")),
        ] {
            let hint = told(state, not_kept).map(|why| why.hint);
            assert!(hint.is_some_and(|hint| hint.contains("--code")));
        }
        let said = ends_here("no keyring", Way::Code);
        assert!(said.ends_with("with --sign-in --code."), "{said}");
        let said = ends_here("no keyring", Way::Browser);
        assert!(said.ends_with("with --sign-in."), "{said}");
    }

    #[test]
    fn a_provider_that_is_away_is_no_reason_to_sign_in_and_a_locked_keyring_is_none_to_wait() {
        let away = told(SignInState::Resuming { late: None }, None);
        assert!(away.is_some_and(|why| why.retryable));
        let why = "the keyring is locked".to_owned();
        let locked = told(SignInState::Unread { why }, None);
        assert!(locked.is_some_and(|why| why.hint.contains("Unlock the keyring")));
        let stands = |state| SignIn {
            provider: "id.example".to_owned(),
            state,
            not_kept: None,
        };
        let why = "the keyring is locked".to_owned();
        assert!(!comes_by_itself(&stands(SignInState::Unread { why })));
        assert!(comes_by_itself(&stands(SignInState::Resuming {
            late: None
        })));
    }

    #[test]
    fn a_script_read_of_a_locked_keyring_that_waiting_is_of_no_use() {
        let why = "the keyring is locked".to_owned();
        let locked = told(SignInState::Unread { why }, None);
        assert!(locked.is_some_and(|why| why.retryable));
    }

    #[test]
    fn another_person_learned_only_at_the_end_who_was_signed_in() {
        let said = signed_in_already("id.example", "mina@shop.example", None);
        assert!(said.starts_with("mina@shop.example is signed in"), "{said}");
        assert!(said.contains("`landfall sign-out`"), "{said}");
        let said = signed_in_already("id.example", "mina", Some(Path::new("a.yaml")));
        assert!(said.contains("`landfall sign-out --team a.yaml`"), "{said}");
    }
}
