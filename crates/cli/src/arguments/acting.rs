//! The words of the commands that act, and of those that tell what was done.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Systems;

pub const RUN_EXITS: &str = "Exit codes: 0 it worked, there was nothing to do, it was only planned, or another person was asked; 2 it failed\nor was stopped; 3 it was refused, broke off, or was not seen to work; 64 the words, or a file that they name, are not what they\nshould be.";
pub const DIAGNOSE_EXITS: &str = "Exit codes: 0 the object was read, and what could not be is named in the report; 3 the object itself could\nnot be read; 64 the words, or a file that they name, are not what they should be, or there is no such object.";
const LOOK_EXITS: &str = "Exit codes: those of `landfall run`; 3 also where it is still not known.";
const TEST_EXITS: &str =
    "Exit codes: 0 every case is as expected, 2 one is not, 64 the folder cannot be read.";
const VERIFY_EXITS: &str =
    "Exit codes: 0 it is what was written, 2 it is not, 64 it cannot be read.";

/// `landfall diagnose`
#[derive(Args)]
pub struct Diagnose {
    /// An app's name, or an object as Kind/namespace/name, or as Kind/name with -n
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// The object's namespace
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// Writes the report to this file, which must not be there yet, instead of printing it
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub save: Option<PathBuf>,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall run`
#[derive(Args)]
pub struct Run {
    /// The action: `landfall actions list` names them
    #[arg(value_name = "ACTION")]
    pub action: String,
    /// An app's name, or an object as Kind/namespace/name
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// What the action asks for; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = said)]
    pub input: Vec<(String, String)>,
    /// Why, for the record: a sentence, or a ticket
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub reason: String,
    /// Shows the plan, and asks for nothing
    #[arg(long, conflicts_with_all = ["confirm", "yes"])]
    pub plan: bool,
    /// Runs it without asking, if this is still the plan's hash
    #[arg(long, value_name = "HASH")]
    pub confirm: Option<String>,
    /// Runs it without asking, where one click would do: never in production
    #[arg(long, conflicts_with = "confirm")]
    pub yes: bool,
    /// The object's name, where it has to be typed
    #[arg(long, value_name = "NAME", requires = "confirm")]
    pub name: Option<String>,
    /// Why it cannot wait for the end of a freeze that holds there; it is recorded
    #[arg(long, value_name = "WHY")]
    pub despite_freeze: Option<String>,
    /// Prints JSON (docs/JSON.md), once it is over; asks for nothing
    #[arg(long)]
    pub json: bool,
    /// What is tried.
    #[command(flatten)]
    pub tried: Tried,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// Actions beside those that ship and the team's own.
#[derive(Args)]
pub struct Tried {
    /// A folder of actions to try before it is in Git; may be given several times
    #[arg(long = "actions", value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
}

/// Which of an app's places, or which cluster.
#[derive(Args)]
pub struct Place {
    /// In this environment of the app
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// In this cluster
    #[arg(long, alias = "system", value_name = "NAME")]
    pub cluster: Option<String>,
}

/// `landfall actions`
#[derive(Subcommand)]
pub enum Actions {
    /// Lists the actions; with a target those for it, with why one cannot be used
    List(Box<ListActions>),
    /// Tells about one action: what it does, for whom, and what it needs
    Show(ShowAction),
    /// Runs the cases of a folder of actions, without any system
    #[command(after_help = TEST_EXITS)]
    Test(TestActions),
    /// Prints the JSON Schema of action files
    Schema,
}

/// `landfall actions list`
#[derive(Args)]
pub struct ListActions {
    /// An app's name, or an object as Kind/namespace/name [default: all actions, and no system is asked]
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// What is tried.
    #[command(flatten)]
    pub tried: Tried,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall actions show`
#[derive(Args)]
pub struct ShowAction {
    /// The action
    #[arg(value_name = "ACTION")]
    pub action: String,
    /// The team file [default: that of the team that was joined]
    #[arg(long, value_name = "FILE")]
    pub team: Option<PathBuf>,
    /// What is tried.
    #[command(flatten)]
    pub tried: Tried,
}

/// `landfall actions test`
#[derive(Args)]
pub struct TestActions {
    /// The folder: action files, and their cases in tests/ACTION/ (docs/ACTION-FILES.md)
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// `landfall runs`
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Runs {
    /// What to do with one.
    #[command(subcommand)]
    pub one: Option<OneRun>,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
}

/// What can be done with one run that broke off.
#[derive(Subcommand)]
pub enum OneRun {
    /// Looks what came of a run that broke off, and writes that down; sends nothing
    #[command(after_help = LOOK_EXITS)]
    Look(OfRun),
    /// Closes a run that broke off, as it stands; sends nothing
    Close(OfRun),
}

/// One run.
#[derive(Args)]
pub struct OfRun {
    /// The run: `landfall runs` names them
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall audit`
#[derive(Subcommand)]
pub enum Audit {
    /// Says whether the record is what was written, and names the first entry that is not
    #[command(after_help = VERIFY_EXITS)]
    Verify,
    /// Prints the record
    Show(ShowAudit),
}

/// `landfall audit show`
#[derive(Args)]
pub struct ShowAudit {
    /// Only this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
}

fn said(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once('=')
        .ok_or("it is no NAME=VALUE, such as to=3")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::{Arguments, Command};

    fn run(words: &[&str]) -> Result<super::Run, clap::Error> {
        let words = ["landfall", "run"].iter().chain(words);
        match Arguments::try_parse_from(words)?.command {
            Command::Run(run) => Ok(run),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn an_input_keeps_everything_after_its_first_sign() {
        let run = run(&["scale", "cart", "--input", "to=a=b $(x)"]).expect("fine");
        assert_eq!(run.input, [("to".to_owned(), "a=b $(x)".to_owned())]);
    }

    #[test]
    fn a_folder_to_try_and_why_a_freeze_gives_way_are_words_of_their_own() {
        let words = ["refill", "cart", "--actions", "a", "--actions", "b"];
        let run = run(&[&words[..], &["--despite-freeze", "OPS-7: it is down"]].concat());
        let run = run.expect("fine");
        let folders: Vec<_> = run.tried.folders.iter().map(|one| one.to_str()).collect();
        assert_eq!(folders, [Some("a"), Some("b")]);
        assert_eq!(run.despite_freeze.as_deref(), Some("OPS-7: it is down"));
    }

    #[test]
    fn what_only_shows_a_plan_never_means_it_too() {
        let hash = "ab".repeat(32);
        for words in [
            &["restart", "cart", "--plan", "--yes"][..],
            &["restart", "cart", "--plan", "--confirm", &hash],
            &["restart", "cart", "--yes", "--confirm", &hash],
            &["restart", "cart", "--name", "cart"],
            &["restart", "cart", "--input", "to"],
            &["restart"],
        ] {
            assert!(run(words).is_err(), "{words:?}");
        }
    }
}
