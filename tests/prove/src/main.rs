//! `./dev prove`: plays every scenario on real Kubernetes and real Flux, asks the product, and counts.
//!
//! Owns the words, the order, the printed counts and the exit codes: 0 every answer right, 1 some wrong, 3 a scenario
//! could not be played, 64 a wrong word, 77 not run because a program of the ground cannot be had, 130 and 143 ended by
//! SIGINT and SIGTERM. Skipped is never passed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a command is for"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use futures::StreamExt;
use serde_json::{Value, json};

use prove::ask::{self, Answer, Marks, Terminal};
use prove::ending::Endings;
use prove::github;
use prove::ground::Ground;
use prove::keep;
use prove::parts::{self, Parts};
use prove::peers::{self, Peers, PeersError};
use prove::play::Play;
use prove::record;
use prove::scenario::{self, Scenario};

/// Some answers are wrong.
const WRONG: u8 = 1;
/// Some scenarios could not be played.
const BROKEN: u8 = 3;
/// A wrong word.
const USAGE: u8 = 64;
/// Nothing was run: a program is missing.
const NOT_RUN: u8 = 77;
/// How many scenarios are played at once.
const AT_ONCE: usize = 6;

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
    #[arg(long)]
    contract: bool,
    /// Only the embedded company's GitHub, against GitHub's own OpenAPI description
    #[arg(long)]
    github: bool,
    /// Stores what the world looked like when the product was asked, for `./dev test` to replay (tests/recordings)
    #[arg(long)]
    record: bool,
    /// Starts the ground, prints where everything is, and keeps it until Ctrl-C or --down
    #[arg(long)]
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

/// One scenario, played and asked.
struct Row {
    name: String,
    expected: String,
    answer: Answer,
    marks: Marks,
    broken: Option<String>,
    seconds: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(WRONG),
            Err(error) => say_and_end(&error.to_string(), BROKEN),
        };
    }
    if arguments.up {
        return keep(&ground, peers.as_ref()).await;
    }
    run(&ground, &scenarios, arguments, begun).await
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

async fn run(
    ground: &Ground,
    scenarios: &[Scenario],
    arguments: &Arguments,
    begun: Instant,
) -> ExitCode {
    let terminal = match terminal(ground, arguments) {
        Ok(terminal) => terminal,
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    };
    let mut rows = Vec::new();
    let mut playing = futures::stream::iter(scenarios)
        .map(|scenario| prove(ground, scenario, &terminal, arguments.record))
        .buffer_unordered(AT_ONCE);
    while let Some(row) = playing.next().await {
        if !arguments.json {
            print(&row);
        }
        rows.push(row);
    }
    drop(playing);
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    sum(&rows, arguments.json, begun)
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

/// Runs the contract's checks against the real API server and prints their count; whether all passed.
async fn hold_to_contract(ground: &Ground, only: Option<&str>) -> Result<bool, ContractError> {
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
    Ok(report.failed + later.failed == 0)
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

/// Why the product cannot be asked.
#[derive(Debug, thiserror::Error)]
enum TerminalError {
    /// Nobody said where it is.
    #[error("LANDFALL_BIN must name the terminal program: run ./dev prove")]
    NoProgram,
    /// Its home or team file cannot be written.
    #[error(transparent)]
    Files(#[from] std::io::Error),
}

/// The product under test, with a home of its own.
fn terminal(ground: &Ground, arguments: &Arguments) -> Result<Terminal, TerminalError> {
    let program = arguments
        .landfall
        .clone()
        .and_then(|path| path.canonicalize().ok())
        .ok_or(TerminalError::NoProgram)?;
    let home = ground.folder().join("home/landfall");
    std::fs::create_dir_all(&home)?;
    Ok(Terminal {
        program,
        kubeconfig: ground.kubeconfig(),
        team: ground.team_file()?,
        home,
    })
}

async fn prove(
    ground: &Ground,
    scenario: &Scenario,
    terminal: &Terminal,
    is_recorded: bool,
) -> Row {
    let begun = Instant::now();
    let expected = &scenario.expect;
    let mut row = Row {
        name: scenario.name.clone(),
        expected: expected.told(),
        answer: Answer::default(),
        marks: Marks::default(),
        broken: None,
        seconds: 0.0,
    };
    match Play::through(ground, scenario).await {
        Err(error) => row.broken = Some(error.to_string()),
        Ok(play) => {
            row.answer = ask::ask(terminal, &scenario.name, &play.asked(scenario.ask)).await;
            row.marks = ask::mark(&row.answer, &scenario.name, expected, |text| {
                play.filled(text)
            });
            row.expected = play.filled(&row.expected);
            // After the question: the answer took a moment, in which the world went on, and is of its end.
            if is_recorded && let Err(error) = record::take(ground, scenario, &play).await {
                row.broken = Some(format!("it could not be recorded: {error}"));
            }
        }
    }
    row.seconds = begun.elapsed().as_secs_f64();
    row
}

fn print(row: &Row) {
    let seconds = row.seconds;
    if let Some(why) = &row.broken {
        println!(
            "? {} ({seconds:.0} s): could not be played: {why}",
            row.name
        );
        return;
    }
    if row.marks.cause {
        println!("✓ {} ({seconds:.0} s): {}", row.name, row.answer.told());
        return;
    }
    println!("✗ {} ({seconds:.0} s)", row.name);
    println!("    wanted {}", row.expected);
    println!("    said   {}", row.answer.judged());
    println!("           {}", row.answer.told());
}

fn sum(rows: &[Row], as_json: bool, begun: Instant) -> ExitCode {
    let count = |of: fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count();
    let (stage, cause) = (count(|row| row.marks.stage), count(|row| row.marks.cause));
    let (green, broken) = (
        count(|row| row.marks.false_green),
        count(|row| row.broken.is_some()),
    );
    let seconds = begun.elapsed().as_secs_f64();
    if as_json {
        let rows: Vec<Value> = rows.iter().map(told).collect();
        let told = json!({
            "scenarios": rows.len(), "right_stage": stage, "right_cause": cause, "false_greens": green,
            "not_played": broken, "seconds": seconds.round(), "rows": rows,
        });
        println!("{told}");
    } else {
        println!();
        println!("scenarios    {}", rows.len());
        println!("right stage  {stage}");
        println!("right cause  {cause}");
        println!("false greens {green}");
        println!("not played   {broken}");
        println!("seconds      {seconds:.0}");
    }
    match (broken, cause == rows.len()) {
        (0, true) => ExitCode::SUCCESS,
        (0, false) => ExitCode::from(WRONG),
        _ => ExitCode::from(BROKEN),
    }
}

fn told(row: &Row) -> Value {
    let journeys = row.answer.journeys.iter();
    let journeys: Vec<Value> = journeys
        .map(|journey| {
            json!({
                "app": journey.app, "state": journey.state, "stage": journey.stage, "cause": journey.cause,
                "object": journey.object, "headline": journey.headline,
            })
        })
        .collect();
    json!({
        "name": row.name, "seconds": row.seconds, "expected": row.expected, "journeys": journeys,
        "right_stage": row.marks.stage, "right_cause": row.marks.cause, "false_green": row.marks.false_green,
        "failed": row.answer.failed, "not_played": row.broken,
    })
}
