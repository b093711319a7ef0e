//! `./dev bench`: what the engine costs on a company of this size, on one core, in this one run.
//!
//! Owns what is timed and how it is printed. Each figure is the median of several runs of the same evaluation, after one that
//! is not counted, in the time that this thread had a core; the answer is checked, so that nothing is timed that says something else.
#![expect(clippy::print_stdout, reason = "printing is what a command is for")]

mod company;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use api::State;
use clap::Parser;
use facts::{Facts, Want};
use serde_json::json;

use company::Company;

/// What the engine costs, on one core
#[derive(Parser)]
#[command(name = "bench", bin_name = "./dev bench")]
struct Arguments {
    /// How many apps
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=9_999))]
    apps: u32,
    /// How many environments, each a cluster of its own
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    environments: u32,
    /// How often each evaluation is timed
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=999))]
    runs: u32,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// How often what is too short to be timed is done for one time.
const MANY: u32 = 100;

/// One figure.
struct Figure {
    what: &'static str,
    median: Duration,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = jiff::Timestamp::now();
    let company = Company {
        apps: arguments.apps,
        environments: arguments.environments,
        now,
    };
    let board = |facts: &Facts| {
        let evaluation = journey::board(facts, now);
        let wants: Vec<Want> = evaluation.wants.into_iter().collect();
        (evaluation.board, wants)
    };
    let asked = api::Ask {
        text: company.newest(0),
        app: None,
        environment: None,
        repository: None,
    };
    let answer = |facts: &Facts| {
        let evaluation = journey::answer(facts, &asked, now);
        let wants: Vec<Want> = evaluation.wants.into_iter().collect();
        (evaluation.answer, wants)
    };
    let facts = company.known(board);
    let mut figures = Vec::new();
    let mut wrong = Vec::new();

    let cells = |facts: &Facts| {
        let rows = board(facts).0.rows;
        let cells = rows.iter().flat_map(|row| &row.cells);
        let settled = |one: &api::BoardCell| one.delivery.state.is_settled();
        let (all, good): (Vec<bool>, usize) =
            cells.fold((Vec::new(), 0), |(mut all, good), one| {
                let is_good = settled(one);
                all.push(is_good);
                (all, good + usize::from(is_good))
            });
        (all.len(), good)
    };
    let wanted = (arguments.apps * arguments.environments) as usize;
    if cells(&facts) != (wanted, wanted) {
        wrong.push(format!(
            "the board has {:?} cells and settled ones",
            cells(&facts)
        ));
    }
    figures.push(Figure {
        what: "board, from nothing",
        median: median(arguments.runs, || drop(board(&facts))),
    });

    let ready = (0..arguments.runs).map(|_| {
        let mut standing = journey::Standing::default();
        drop(standing.board(&facts, &[], now));
        let begun = Moment::now();
        standing.settle();
        begun.elapsed()
    });
    figures.push(Figure {
        what: "ready for changes, once after it",
        median: middle(ready.collect()),
    });

    let known = company.known(answer);
    let settled = answer(&known).0.is_ok_and(|answer| {
        let mut journeys = answer.journeys.iter();
        journeys.len() == arguments.environments as usize
            && journeys.all(|journey| journey.state == State::Deployed)
    });
    if !settled {
        wrong.push("the commit is not said to be deployed in every environment".to_owned());
    }
    figures.push(Figure {
        what: "answer about one commit, from nothing",
        median: median(arguments.runs, || drop(answer(&known))),
    });

    for (what, change) in company.changes() {
        let mut standing = journey::Standing::default();
        drop(standing.board(&facts, &[], now));
        standing.settle();
        let mut changed = facts.clone();
        company.change(&mut changed, change);
        // There and back again, so that each time one fact has changed.
        let mut states = [&changed, &facts].into_iter().cycle();
        // The system counts a thread's time in steps of some milliseconds.
        let took = median(arguments.runs, || {
            for _ in 0..MANY {
                let facts = states.next().unwrap_or(&facts);
                drop(standing.board(facts, &[], now));
            }
        }) / MANY;
        let evaluation = standing.board(&changed, &[], now);
        if evaluation.board != journey::board(&changed, now).board {
            wrong.push(format!(
                "{what}: the board is another one than from nothing"
            ));
        }
        figures.push(Figure { what, median: took });
    }

    print(&arguments, &figures);
    for why in &wrong {
        println!("wrong: {why}");
    }
    ExitCode::from(u8::from(!wrong.is_empty()))
}

/// The median of several runs, after one that is not counted.
fn median(runs: u32, mut run: impl FnMut()) -> Duration {
    run();
    let took = (0..runs).map(|_| {
        let begun = Moment::now();
        run();
        begun.elapsed()
    });
    middle(took.collect())
}

fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

/// A moment of this thread's own time: what others do on the machine is not counted. Where the system does not tell it,
/// the clock on the wall has to do.
enum Moment {
    Own(Duration),
    Wall(Instant),
}

impl Moment {
    fn now() -> Self {
        Self::own().map_or_else(|| Self::Wall(Instant::now()), Self::Own)
    }

    fn own() -> Option<Duration> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        let on_a_core = told.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(on_a_core))
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Own(begun) => Self::own().unwrap_or(*begun).saturating_sub(*begun),
            Self::Wall(begun) => begun.elapsed(),
        }
    }
}

fn print(arguments: &Arguments, figures: &[Figure]) {
    let milliseconds = |one: &Figure| one.median.as_secs_f64() * 1_000.0;
    if arguments.json {
        let told = figures
            .iter()
            .map(|one| (one.what.to_owned(), json!(milliseconds(one))));
        let told: serde_json::Map<String, serde_json::Value> = told.collect();
        println!(
            "{}",
            json!({"apps": arguments.apps, "environments": arguments.environments, "runs": arguments.runs, "milliseconds": told})
        );
        return;
    }
    println!(
        "{} apps in {} environments, median of {} runs on one core",
        arguments.apps, arguments.environments, arguments.runs
    );
    for one in figures {
        println!("{:40} {:9.2} ms", one.what, milliseconds(one));
    }
}
