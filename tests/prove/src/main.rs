//! `./dev prove`: plays every scenario on real Kubernetes and real Flux, asks the product, and counts.
//!
//! Owns the words and the exit codes: 0 every answer right, 1 some wrong, 3 a scenario could not be played, 64 a wrong word,
//! 77 not run because a program cannot be had, 130 and 143 ended by SIGINT and SIGTERM. Skipped is never passed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a command is for"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use prove::ending::Endings;
use prove::github;
use prove::ground::Ground;
use prove::keep;
use prove::parts::{self, Parts};
use prove::peers::{self, Peers, PeersError};
use prove::round::{Outcome, Round};
use prove::scenario;

/// Some answers are wrong.
const WRONG: u8 = 1;
/// Some scenarios could not be played.
const BROKEN: u8 = 3;
/// A wrong word.
const USAGE: u8 = 64;
/// Nothing was run: a program is missing.
const NOT_RUN: u8 = 77;

/// Real Kubernetes, real Flux, real failures
#[derive(Parser)]
#[command(name = "prove", bin_name = "./dev prove")]
struct Arguments {
    /// Only scenarios whose name contains this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Names the scenarios and runs none
    #[arg(long)]
    list: bool,
    /// One JSON object at the end instead of lines
    #[arg(long)]
    json: bool,
    /// Only the contract's checks, against the real API server; with --only those whose name contains it
    #[arg(long, conflicts_with_all = ["github", "peers", "record", "up"])]
    contract: bool,
    /// Only the embedded company's GitHub, against GitHub's own OpenAPI description
    #[arg(long, conflicts_with_all = ["peers", "record", "up"])]
    github: bool,
    /// Stores what the world looked like when the product was asked, for `./dev test` to replay (tests/recordings)
    #[arg(long)]
    record: bool,
    /// Starts the ground, prints where everything is, and keeps it until Ctrl-C or --down
    #[arg(long, conflicts_with = "record")]
    up: bool,
    /// Only moto, oidc-provider and a Secret Service, and what is relied on of each; with --up they are kept beside the ground
    #[arg(long)]
    peers: bool,
    /// Ends every ground that --up keeps, and waits until it is gone
    #[arg(long)]
    down: bool,
    /// The terminal program
    #[arg(long, env = "LANDFALL_BIN", value_name = "FILE")]
    landfall: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _closed = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let mut endings = match Endings::heed() {
        Ok(endings) => endings,
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    };
    // A signal drops the future, and what it holds ends with it: a ground, and also a build of its programs.
    tokio::select! {
        code = chosen(&arguments) => code,
        ending = endings.first() => say_and_end(ending.words(), ending.code()),
    }
}

/// Does what the words ask for.
async fn chosen(arguments: &Arguments) -> ExitCode {
    if arguments.down {
        return down().await;
    }
    let mut scenarios = match scenario::all() {
        Ok(scenarios) => scenarios,
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    };
    // The contract's and the peers' checks have names of their own.
    if let Some(pattern) = &arguments.only
        && !arguments.contract
        && !arguments.peers
    {
        scenarios.retain(|scenario| scenario.name.contains(pattern.as_str()));
    }
    if scenarios.is_empty() {
        return say_and_end(
            "no scenario has that in its name: ./dev prove --list names them",
            USAGE,
        );
    }
    if arguments.list {
        for scenario in &scenarios {
            println!("{:32} {}", scenario.name, scenario.about.trim());
        }
        return ExitCode::SUCCESS;
    }
    if arguments.github {
        return hold_to_description().await;
    }
    let begun = Instant::now();
    let peers = match arguments.peers {
        true => match start_peers().await {
            Ok(peers) => Some(peers),
            Err(error) if error.is_missing() => {
                return say_and_end(&format!("not run: {error}"), NOT_RUN);
            }
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        },
        false => None,
    };
    if let Some(peers) = &peers
        && !arguments.up
    {
        return hold_peers(peers, arguments.only.as_deref()).await;
    }
    let parts = match Parts::get(&|line| eprintln!("prove: {line}")).await {
        Ok(parts) => parts,
        Err(error) => return say_and_end(&format!("not run: {error}"), NOT_RUN),
    };
    let ground = match Ground::start(&parts).await {
        Ok(ground) => ground,
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    };
    eprintln!(
        "prove: the ground is up ({:.0} s)",
        begun.elapsed().as_secs_f64()
    );
    if arguments.contract {
        return match hold_to_contract(&ground, arguments.only.as_deref()).await {
            Ok(None) => say_and_end("no check of the contract has that in its name", USAGE),
            Ok(Some(true)) => ExitCode::SUCCESS,
            Ok(Some(false)) => ExitCode::from(WRONG),
            Err(error) => say_and_end(&error.to_string(), BROKEN),
        };
    }
    if arguments.up {
        return keep(&ground, peers.as_ref()).await;
    }
    let round = Round {
        landfall: arguments.landfall.clone(),
        is_recorded: arguments.record,
        as_json: arguments.json,
    };
    match round.run(&ground, &scenarios, begun).await {
        Ok(Outcome::Right) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::from(WRONG),
        Ok(Outcome::Broken) => ExitCode::from(BROKEN),
        Err(error) => say_and_end(&error.to_string(), BROKEN),
    }
}

/// Ends what `--up` keeps.
async fn down() -> ExitCode {
    match keep::down().await {
        Ok(ended) if ended.is_empty() => println!("nothing is kept"),
        Ok(ended) => {
            for (process, folder) in ended {
                println!("ended {process}, {}", folder.display());
            }
        }
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    }
    ExitCode::SUCCESS
}

fn say_and_end(words: &str, code: u8) -> ExitCode {
    eprintln!("prove: {words}");
    ExitCode::from(code)
}

async fn start_peers() -> Result<Peers, PeersError> {
    let programs = peers::Programs::get(&|line| eprintln!("prove: {line}")).await?;
    Peers::start(&programs).await
}

/// Runs the table of what is relied on of the peers and prints its count.
async fn hold_peers(peers: &Peers, only: Option<&str>) -> ExitCode {
    let rows = peers::checks::run(peers, only).await;
    if rows.is_empty() {
        return say_and_end("no check has that in its name", USAGE);
    }
    let mut passed = 0;
    for row in &rows {
        match &row.broken {
            Some(why) => println!("✗ {}: {}\n    {why}", row.check.name, row.check.proves),
            None => passed += 1,
        }
    }
    let all = rows.len();
    println!(
        "peers        {all} checks, {passed} passed on moto, oidc-provider and GNOME's keyring"
    );
    ExitCode::from(if passed == all { 0 } else { WRONG })
}

/// Prints where everything is and waits.
async fn keep(ground: &Ground, peers: Option<&Peers>) -> ExitCode {
    println!("kubeconfig  {}", ground.kubeconfig().display());
    match ground.team_file() {
        Ok(team) => println!("team file   {}", team.display()),
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    }
    println!("code host   http://{}", ground.code_host);
    println!("registry    http://{}", ground.registry.host);
    println!("logs        {}", ground.folder().display());
    let (mut times, mut memory) = (ground.times.clone(), ground.memory());
    if let Some(peers) = peers {
        println!("AWS         {}", peers.aws);
        println!("issuer      {}", peers.issuer);
        println!(
            "keyring     DBUS_SESSION_BUS_ADDRESS={}",
            peers.secrets.address
        );
        times.extend(&peers.times);
        memory.extend(peers.memory());
    }
    for (name, took) in times {
        println!("{name:32} {:.1} s", took.as_secs_f64());
    }
    for (name, kib) in memory {
        println!("{name:32} {} MiB", kib / 1024);
    }
    println!("Up until Ctrl-C, or ./dev prove --down in another terminal.");
    std::future::pending().await
}

/// Compares the stand-in's answers with GitHub's description and prints their count.
async fn hold_to_description() -> ExitCode {
    let cache = match parts::open_cache() {
        Ok(cache) => cache,
        Err(error) => return say_and_end(&format!("not run: {error}"), NOT_RUN),
    };
    match github::compare(&cache).await {
        Ok(report) => {
            for line in &report.wrong {
                println!("✗ {line}");
            }
            println!(
                "github       {} answers compared with GitHub's description, {} differences",
                report.answers,
                report.wrong.len()
            );
            ExitCode::from(if report.wrong.is_empty() { 0 } else { WRONG })
        }
        Err(error @ github::GitHubError::NoDescription(_)) => {
            say_and_end(&format!("not run: {error}"), NOT_RUN)
        }
        Err(error) => say_and_end(&error.to_string(), BROKEN),
    }
}

/// Runs the contract's checks against the real API server and prints their count; whether all passed, `None` if there was none.
async fn hold_to_contract(
    ground: &Ground,
    only: Option<&str>,
) -> Result<Option<bool>, ContractError> {
    let target = ground.target()?;
    let report = contract::run(&target, only).await?;
    let later = contract::run_later(&target, only).await?;
    for row in report.rows.iter().chain(&later.rows) {
        if let Some(why) = &row.broken {
            println!("✗ {}: {}\n    {why}", row.name, row.proves);
        }
    }
    println!(
        "contract     {} checks, {} passed on the real API server; {} more, which the sandbox does not pass yet, {} passed",
        report.rows.len(),
        report.passed,
        later.rows.len(),
        later.passed
    );
    // What was not run did not pass.
    let is_run = !report.rows.is_empty() || !later.rows.is_empty();
    Ok(is_run.then_some(report.failed + later.failed == 0))
}

/// Why the checks could not be run.
#[derive(Debug, thiserror::Error)]
enum ContractError {
    /// The server's certificate.
    #[error(transparent)]
    Certificate(#[from] std::io::Error),
    /// The server does not answer as one.
    #[error(transparent)]
    Target(#[from] contract::TargetError),
}
