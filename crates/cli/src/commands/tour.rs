//! `landfall tour`: what a machine without a display shows of the embedded company, from the sign-in on.

use std::process::ExitCode;

use api::error::Code;
use api::{Ask, Error, SignInState};
use console::{Clock, Console, SigningIn};
use jiff::Timestamp;
use sandbox::served::Served;
use sandbox::start::Options;

use super::{show, sign_in as asking};
use crate::arguments::Tour;
use crate::print;
use crate::print::{bold, styled};

/// How long to wait for the embedded company, which is on this machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs the command.
pub async fn run(tour: Tour) -> Result<ExitCode, Error> {
    let served = crate::open::serve(
        Options {
            seed: tour.seed,
            ..Options::default()
        },
        None,
    )
    .await?;
    let sources = crate::open::signed_in_sources(&served);
    let clock = Clock::default();
    let signing_in = console::signing_in(&sources, &clock)?;
    if let Some(signing_in) = &signing_in {
        sign_in(signing_in, &served).await?;
    }
    let console = Console::open_with(&sources, clock, signing_in)?;
    let board = console.board(PATIENCE).await?;
    show(&print::board::board(&board, Timestamp::now()));
    let telling = served.sandbox.most_telling().ok_or_else(|| {
        Error::new(
            Code::Internal,
            "the embedded company has no situation to tell",
        )
    })?;
    show(&format!(
        "\n{}\n\n",
        styled(bold(), format!("landfall why {}", telling.ask))
    ));
    let ask = Ask {
        text: telling.ask.clone(),
        app: telling.app.clone(),
        environment: telling.environment.clone(),
        repository: None,
    };
    let answer = console.answer(ask, PATIENCE).await?;
    show(&print::answer::answer(&answer, false));
    // This is a tour, not a question: a blocked commit is what it is meant to show.
    Ok(ExitCode::SUCCESS)
}

/// Signs in as the company's developer, by a code as on any machine without a browser: the one thing that nobody has to type
/// here.
async fn sign_in(signing_in: &SigningIn, served: &Served) -> Result<(), Error> {
    let provider = served.sandbox.provider().clone();
    let Some(person) = provider.people().first().cloned() else {
        return Ok(());
    };
    show(&format!("{}\n", styled(bold(), "landfall sign-in --code")));
    signing_in
        .with_code(move |invitation| {
            show(&format!(
                "Open {} and type {}: {} did.\n",
                invitation.address, invitation.code, person.name
            ));
            provider.typed(&invitation.code, &person);
        })
        .await?;
    if let SignInState::SignedIn { person, roles, .. } = asking::stands(signing_in).await.state {
        show(&format!(
            "Signed in as {person} ({}).\n\n",
            roles.join(", ")
        ));
    }
    Ok(())
}
