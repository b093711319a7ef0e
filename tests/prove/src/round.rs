//! A round: scenarios played on a ground, the product asked after each, and right answers counted.
//!
//! Owns the order, the rows and the printed counts.
#![expect(clippy::print_stdout, reason = "printing is what a round is for")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::ask::{self, Answer, Marks, Terminal};
use crate::ground::Ground;
use crate::play::Play;
use crate::record;
use crate::scenario::Scenario;

/// How many scenarios are played at once.
const AT_ONCE: usize = 9;

/// How a round is made.
pub struct Round {
    /// The terminal program.
    pub landfall: Option<PathBuf>,
    /// Whether each world is recorded.
    pub is_recorded: bool,
    /// Whether one JSON object is printed instead of lines.
    pub as_json: bool,
}

/// What came of a round.
pub enum Outcome {
    /// Every answer is right.
    Right,
    /// Some are wrong.
    Wrong,
    /// A scenario could not be played.
    Broken,
}

/// One scenario, played and asked.
struct Row {
    name: String,
    /// Why the answer is wrong, where it is the wrong one that is known.
    known: Option<String>,
    expected: String,
    answer: Answer,
    marks: Marks,
    /// What is wrong with the answer beside its journeys.
    fault: Option<String>,
    /// Why it could not be played.
    broken: Option<String>,
    /// Why it could not be recorded.
    unrecorded: Option<String>,
    seconds: f64,
}

impl Round {
    /// Plays every scenario and prints what came of it.
    ///
    /// # Errors
    /// The product cannot be asked.
    pub async fn run(
        &self,
        ground: &Ground,
        scenarios: &[Scenario],
        begun: Instant,
    ) -> Result<Outcome, TerminalError> {
        let terminal = terminal(ground, self.landfall.as_deref())?;
        let mut rows = Vec::new();
        let mut playing = futures::stream::iter(scenarios)
            .map(|scenario| prove(ground, scenario, &terminal, self.is_recorded))
            .buffer_unordered(AT_ONCE);
        while let Some(row) = playing.next().await {
            if !self.as_json {
                print(&row);
            }
            rows.push(row);
        }
        drop(playing);
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sum(&rows, self.as_json, begun))
    }
}

/// Why the product cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Nobody said where it is.
    #[error("LANDFALL_BIN must name the terminal program: run ./dev prove")]
    NoProgram,
    /// Its home or team file cannot be written.
    #[error(transparent)]
    Files(#[from] std::io::Error),
}

/// The product under test, with a home of its own.
fn terminal(ground: &Ground, landfall: Option<&Path>) -> Result<Terminal, TerminalError> {
    let program = landfall
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
        known: None,
        fault: None,
        expected: expected.told(),
        answer: Answer::default(),
        marks: Marks::default(),
        broken: None,
        unrecorded: None,
        seconds: 0.0,
    };
    match Play::through(ground, scenario).await {
        Err(error) => row.broken = Some(error.to_string()),
        Ok(play) => {
            let (name, asked) = (&scenario.name, play.asked(scenario.ask));
            row.answer = ask::ask(terminal, name, &asked).await;
            row.fault = row.answer.fault(&asked);
            let known = scenario.wrong_today.as_ref();
            let known =
                known.filter(|known| row.answer.is_known(&asked, known, |text| play.filled(text)));
            row.known = known.map(|known| known.because.clone());
            row.marks = ask::mark(&row.answer, name, &asked, expected, |text| {
                play.filled(text)
            });
            row.expected = play.filled(&row.expected);
            // After the question: the answer took a moment, in which the world went on, and is of its end.
            if is_recorded && let Err(error) = record::take(ground, scenario, &play).await {
                row.unrecorded = Some(error.to_string());
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
    if let Some(why) = &row.unrecorded {
        println!("? {}: could not be recorded: {why}", row.name);
    }
    if row.marks.cause {
        println!("✓ {} ({seconds:.0} s): {}", row.name, row.answer.told());
        return;
    }
    println!("✗ {} ({seconds:.0} s)", row.name);
    if let Some(why) = &row.known {
        println!("    known: {why}");
    }
    if let Some(fault) = &row.fault {
        println!("    wrong beside its journeys: {fault}");
    }
    println!("    wanted {}", row.expected);
    println!("    said   {}", row.answer.judged());
    println!("           {}", row.answer.told());
}

fn sum(rows: &[Row], as_json: bool, begun: Instant) -> Outcome {
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
    // A wrong answer is said even where another scenario could not be played.
    let unrecorded = count(|row| row.unrecorded.is_some());
    match (cause + broken == rows.len(), broken + unrecorded) {
        (true, 0) => Outcome::Right,
        (true, _) => Outcome::Broken,
        (false, _) => Outcome::Wrong,
    }
}

fn told(row: &Row) -> Value {
    let journeys = row.answer.journeys.iter();
    let journeys: Vec<Value> = journeys
        .map(|journey| {
            json!({
                "app": journey.app, "state": journey.state, "stage": journey.stage, "cause": journey.cause,
                "object": journey.object, "workload": journey.workload, "headline": journey.headline,
            })
        })
        .collect();
    json!({
        "name": row.name, "seconds": row.seconds, "expected": row.expected, "journeys": journeys,
        "right_stage": row.marks.stage, "right_cause": row.marks.cause, "false_green": row.marks.false_green,
        "fault": row.fault, "failed": row.answer.failed, "not_played": row.broken, "not_recorded": row.unrecorded,
        "known": row.known,
    })
}
