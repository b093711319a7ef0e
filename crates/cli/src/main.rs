//! `landfall`: the console in a terminal. The same engine and the same words as the window.
//!
//! Owns the commands and the exit codes; what is printed belongs to the `print` modules.

mod arguments;
mod commands;
mod exit;
mod open;
mod print;
mod target;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let no_dumps = console::no_core_dumps();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    // Only where RUST_LOG asks for it: a person's terminal shows answers, not logs.
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .init();
    }
    if let Err(why) = no_dumps {
        tracing::warn!(%why, "core dumps cannot be turned off");
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::error(
                &api::Error::new(
                    api::error::Code::Internal,
                    format!("starting failed: {error}"),
                ),
                false,
            );
        }
    };
    let json = arguments.command.json();
    // A run that goes is stopped in order, not left in the middle.
    let ends_itself = matches!(arguments.command, Command::Run(_));
    let run = async {
        match arguments.command {
            Command::Why(why) => commands::why::run(why).await,
            Command::Board(board) => commands::board::run(board).await,
            Command::Changes(changes) => commands::changes::run(changes).await,
            Command::Coverage(coverage) => commands::coverage::run(coverage).await,
            Command::Doctor(doctor) => commands::doctor::run(doctor).await,
            Command::Diagnose(diagnose) => commands::diagnose::run(*diagnose).await,
            Command::Run(run) => commands::run::run(run).await,
            Command::Actions(actions) => commands::actions::run(actions).await,
            Command::Runs(runs) => commands::runs::run(runs).await,
            Command::Approvals(list) => commands::approvals::list(list).await,
            Command::Approve(approve) => commands::approvals::approve(*approve).await,
            Command::Cluster(cluster) => commands::cluster::run(cluster),
            Command::Audit(audit) => commands::audit::run(audit),
            Command::SignIn(sign_in) => commands::sign_in::run(sign_in).await,
            Command::SignOut(sign_out) => commands::sign_out::run(sign_out).await,
            Command::Allow(allow) => commands::allow::run(&allow),
            Command::Team(team) => commands::team::run(team).await,
            Command::Sandbox(sandbox) => commands::sandbox::run(sandbox).await,
            Command::Tour(tour) => commands::tour::run(tour).await,
        }
    };
    // Whoever ends us ends the embedded company too: dropped orderly, it takes its temporary folder with it.
    let outcome = runtime.block_on(async {
        let outcome = tokio::select! {
            biased;
            outcome = run => outcome,
            code = exit::asked(), if !ends_itself => Ok(code),
        };
        console::finish_signing_in().await;
        outcome
    });
    // A process of somebody else's does not end with the runtime.
    console::end_plugins();
    // Watches and servers end with the runtime; nothing of theirs is worth waiting for.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => exit::error(&error, json),
    }
}
