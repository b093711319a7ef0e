//! `./dev prove`: plays every scenario on real Kubernetes and real Flux, asks the product, and counts.
//!
//! Owns the words and the exit codes: 0 every answer right, 1 some wrong, 3 one could not be played, 64 a wrong word,
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
use serde_json::json;

use prove::actions;
use prove::ending::Endings;
#[cfg(unix)]
use prove::first_minute;
use prove::github;
use prove::ground::Ground;
use prove::keep;
use prove::load;
use prove::parts::{self, Parts};
use prove::peers::{self, Peers, PeersError};
use prove::round::{Outcome, Round};
use prove::row::Row;
use prove::scenario;
use prove::tool;

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
    /// Only the first minute: a sign-in by a real browser, real clusters that take it, and what may not go wrong after that;
    /// with --only those whose name contains it
    #[arg(long, conflicts_with_all = ["contract", "github", "peers", "record", "up"])]
    sign_in: bool,
    /// Only the actions: each that ships, by the terminal program on the real controllers, and what may not become of a change;
    /// with --only those whose name contains it
    #[arg(long, conflicts_with_all = ["contract", "github", "peers", "record", "sign_in", "up"])]
    actions: bool,
    /// Ends every ground that --up keeps, and waits until it is gone
    #[arg(long)]
    down: bool,
    /// Fills a real API server with so many apps and measures the product beside kubectl (LANDFALL_KUBECTL, or on PATH)
    #[arg(long, value_name = "APPS", num_args = 0..=1, default_missing_value = "1000", conflicts_with_all = ["actions", "contract", "github", "peers", "record", "sign_in", "up"])]
    load: Option<usize>,
    /// How many pods --load makes
    #[arg(long, value_name = "PODS", default_value_t = 10_000, requires = "load")]
    pods: usize,
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
    if arguments.sign_in {
        return arguments.first_minute().await;
    }
    if arguments.actions {
        return arguments.act().await;
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
        return arguments.hold_to_description().await;
    }
    let begun = Instant::now();
    let _announced = match arguments.up.then(keep::announce).transpose() {
        Ok(announced) => announced,
        Err(error) => return say_and_end(&error.to_string(), BROKEN),
    };
    let peers = match arguments.peers {
        true => match start_peers().await {
            Ok(peers) => Some(peers),
            Err(error) if error.is_missing() => return arguments.not_run(&error.to_string()),
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        },
        false => None,
    };
    if let Some(peers) = &peers
        && !arguments.up
    {
        return arguments.count(hold_peers(peers, arguments.only.as_deref()).await);
    }
    let parts = match Parts::get(&|line| eprintln!("prove: {line}")).await {
        Ok(parts) => parts,
        Err(error) => return arguments.not_run(&error.to_string()),
    };
    if let Some(apps) = arguments.load {
        return arguments.measure(&parts, apps).await;
    }
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
            Ok(held) => arguments.count(held),
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
            for process in ended {
                println!("ended {process}");
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

/// Runs the table of what is relied on of the peers.
async fn hold_peers(peers: &Peers, only: Option<&str>) -> Held {
    let rows = peers::checks::run(peers, only).await;
    let broken = rows.iter().filter_map(|row| {
        let why = row.broken.as_ref()?;
        Some((
            row.check.name.to_owned(),
            row.check.proves.to_owned(),
            why.clone(),
        ))
    });
    Held {
        what: "peers",
        on: "on moto, oidc-provider and GNOME's keyring",
        checks: rows.len(),
        broken: broken.collect(),
        later: None,
    }
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

/// Runs the contract's checks against the real API server.
async fn hold_to_contract(ground: &Ground, only: Option<&str>) -> Result<Held, ContractError> {
    let target = ground.target()?;
    let report = contract::run(&target, only).await?;
    let later = contract::run_later(&target, only).await?;
    let rows = report.rows.iter().chain(&later.rows);
    let broken = rows.filter_map(|row| {
        let why = row.broken.as_ref()?;
        Some((row.name.to_string(), row.proves.to_string(), why.clone()))
    });
    Ok(Held {
        what: "contract",
        on: "on the real API server",
        checks: report.rows.len(),
        broken: broken.collect(),
        later: Some(later.rows.len()),
    })
}

/// A table of checks, held to something real.
struct Held {
    what: &'static str,
    on: &'static str,
    checks: usize,
    /// Name, what it proves, and how it was otherwise.
    broken: Vec<(String, String, String)>,
    /// How many more the sandbox does not pass yet.
    later: Option<usize>,
}

impl Arguments {
    /// Says what was missing, so that nothing was run.
    fn not_run(&self, why: &str) -> ExitCode {
        if self.json {
            println!("{}", json!({"not_run": why}));
        }
        say_and_end(&format!("not run: {why}"), NOT_RUN)
    }

    /// Prints what came of a table of checks.
    fn count(&self, held: Held) -> ExitCode {
        let all = held.checks + held.later.unwrap_or(0);
        // What was not run did not pass.
        if all == 0 {
            return say_and_end("no check has that in its name", USAGE);
        }
        let passed = all - held.broken.len();
        if self.json {
            let broken = held.broken.iter();
            let broken: Vec<_> = broken
                .map(|(name, proves, why)| json!({"name": name, "proves": proves, "why": why}))
                .collect();
            println!(
                "{}",
                json!({"checks": all, "passed": passed, "broken": broken})
            );
        } else {
            for (name, proves, why) in &held.broken {
                println!("✗ {name}: {proves}\n    {why}");
            }
            let later = held.later.map_or_else(String::new, |later| {
                format!(" (of these {later} that the sandbox does not pass yet)")
            });
            println!(
                "{:12} {all} checks{later}, {passed} passed {}",
                held.what, held.on
            );
        }
        ExitCode::from(if passed == all { 0 } else { WRONG })
    }

    #[cfg(not(unix))]
    async fn first_minute(&self) -> ExitCode {
        self.not_run("the first minute needs Linux")
    }

    /// Signs somebody in who has nothing yet, and all that may go wrong with it.
    #[cfg(unix)]
    async fn first_minute(&self) -> ExitCode {
        let checks = first_minute::CHECKS.iter();
        if let Some(code) = self.named(checks.map(|check| (check.name, check.proves))) {
            return code;
        }
        let say = |line: &str| eprintln!("prove: {line}");
        let begun = Instant::now();
        let programs = first_minute::Programs::get(self.landfall.as_deref(), &say).await;
        let started = match programs {
            Ok(programs) => first_minute::Rig::start(programs).await,
            Err(error) => Err(error),
        };
        let rig = match started {
            Ok(rig) => rig,
            Err(error) if error.is_missing() => return self.not_run(&error.to_string()),
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        };
        eprintln!(
            "prove: the rig is up ({:.0} s)",
            begun.elapsed().as_secs_f64()
        );
        let told = |row: &Row| self.tell(row);
        let rows = first_minute::run(&rig, self.only.as_deref(), &told).await;
        self.sum("sign-in", &rows, rig.runs(), begun)
    }

    /// Runs actions on the real controllers.
    async fn act(&self) -> ExitCode {
        let checks = actions::CHECKS.iter();
        if let Some(code) = self.named(checks.map(|check| (check.name, check.proves))) {
            return code;
        }
        let say = |line: &str| eprintln!("prove: {line}");
        let begun = Instant::now();
        let rig = match actions::Rig::start(self.landfall.as_deref(), &say).await {
            Ok(rig) => rig,
            Err(error) if error.is_missing() => return self.not_run(&error.to_string()),
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        };
        eprintln!(
            "prove: the ground is up ({:.0} s)",
            begun.elapsed().as_secs_f64()
        );
        let told = |row: &Row| self.tell(row);
        let rows = actions::run(&rig, self.only.as_deref(), &told).await;
        self.sum("actions", &rows, rig.runs(), begun)
    }

    /// Names the checks of a table where that is asked, or says that none is called so; nothing where they are to be run.
    fn named(
        &self,
        checks: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> Option<ExitCode> {
        let is_chosen = |name: &str| {
            let only = self.only.as_deref();
            only.is_none_or(|only| name.contains(only))
        };
        let chosen: Vec<_> = checks.filter(|(name, _)| is_chosen(name)).collect();
        if chosen.is_empty() {
            return Some(say_and_end("no check has that in its name", USAGE));
        }
        if !self.list {
            return None;
        }
        for (name, proves) in chosen {
            println!("{name:24} {proves}");
        }
        Some(ExitCode::SUCCESS)
    }

    /// Says what came of one check.
    fn tell(&self, row: &Row) {
        match &row.outcome {
            _ if self.json => {}
            Ok(seen) => println!("✓ {} ({:.0} s): {seen}", row.name, row.took.as_secs_f64()),
            Err(why) => println!("✗ {}: {}\n    {why}", row.name, row.proves),
        }
    }

    /// Counts what came of a table of checks in which the product is run.
    fn sum(&self, what: &str, rows: &[Row], runs: u32, begun: Instant) -> ExitCode {
        let passed = rows.iter().filter(|row| row.outcome.is_ok()).count();
        if self.json {
            let rows: Vec<_> = rows.iter().map(Row::json).collect();
            println!(
                "{}",
                json!({"checks": rows.len(), "passed": passed, "rows": rows})
            );
        } else {
            println!(
                "{what:12} {} checks, {passed} passed; the product was run {runs} times, {:.0} s",
                rows.len(),
                begun.elapsed().as_secs_f64()
            );
        }
        ExitCode::from(if passed == rows.len() { 0 } else { WRONG })
    }

    /// Fills a real API server and measures the product on it, beside kubectl.
    async fn measure(&self, parts: &Parts, apps: usize) -> ExitCode {
        let Some(landfall) = &self.landfall else {
            return say_and_end("LANDFALL_BIN names the program to be measured", USAGE);
        };
        let kubectl = std::env::var_os("LANDFALL_KUBECTL").map(PathBuf::from);
        let Some(kubectl) = kubectl.or_else(|| tool::find("kubectl")) else {
            return self.not_run("there is no kubectl: LANDFALL_KUBECTL names one");
        };
        let size = load::Size {
            apps,
            pods: self.pods,
        };
        let say = |line: &str| eprintln!("prove: {line}");
        let (costs, lag) = match load::measure(parts, size, (landfall, &kubectl), &say).await {
            Ok(measured) => measured,
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        };
        if self.json {
            let costs: Vec<_> = costs.iter().map(load::Cost::json).collect();
            println!(
                "{}",
                json!({"apps": apps, "pods": self.pods, "costs": costs, "change": lag.json()})
            );
            return ExitCode::SUCCESS;
        }
        println!("{apps} apps and {} pods on a real API server", self.pods);
        for cost in &costs {
            println!(
                "{:40} {:7.0} ms {:7.0} MiB {:6.0} requests {:9.0} KiB",
                cost.what,
                cost.wall.as_secs_f64() * 1_000.0,
                cost.memory,
                cost.requests,
                cost.kibibytes
            );
        }
        println!(
            "{:40} {:7.0} ms {:7.0} at p99 {:7.0} at most, of {} under {:.0} changes a second",
            "a change, until the board's readers",
            lag.half.as_secs_f64() * 1_000.0,
            lag.of_99.as_secs_f64() * 1_000.0,
            lag.most.as_secs_f64() * 1_000.0,
            lag.timed,
            lag.a_second
        );
        ExitCode::SUCCESS
    }

    /// Compares the stand-in's answers with GitHub's description.
    async fn hold_to_description(&self) -> ExitCode {
        let cache = match parts::open_cache() {
            Ok(cache) => cache,
            Err(error) => return self.not_run(&error.to_string()),
        };
        let report = match github::compare(&cache).await {
            Ok(report) => report,
            Err(error @ github::GitHubError::NoDescription(_)) => {
                return self.not_run(&error.to_string());
            }
            Err(error) => return say_and_end(&error.to_string(), BROKEN),
        };
        if self.json {
            println!(
                "{}",
                json!({"answers": report.answers, "differences": report.wrong})
            );
        } else {
            for line in &report.wrong {
                println!("✗ {line}");
            }
            println!(
                "github       {} answers compared with GitHub's description, {} differences",
                report.answers,
                report.wrong.len()
            );
        }
        ExitCode::from(if report.wrong.is_empty() { 0 } else { WRONG })
    }
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
