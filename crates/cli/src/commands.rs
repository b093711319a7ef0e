//! One module a command: it opens the systems, asks the console, prints, and says how to leave.

pub mod actions;
pub mod allow;
pub mod approvals;
pub mod audit;
pub mod board;
pub mod changes;
pub mod cluster;
pub mod coverage;
pub mod diagnose;
pub mod doctor;
pub mod run;
pub mod runs;
pub mod sandbox;
pub mod sign_in;
pub mod sign_out;
pub mod team;
pub mod tour;
pub mod why;

use std::io::Write;

use api::Error;
use api::error::Code;

/// Prints a page. A reader that has gone away (`| head`) is no error.
fn show(page: &str) {
    let _closed = anstream::stdout().write_all(page.as_bytes());
}

/// What is said on the way goes beside the answer, not into it.
pub fn say(words: &str) {
    let _closed = writeln!(anstream::stderr(), "{words}");
}

/// Prints a JSON document on a line of its own.
fn show_json(document: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(document).map_err(|error| {
        Error::new(
            Code::Internal,
            format!("the answer cannot be written as JSON: {error}"),
        )
    })?;
    show(&format!("{text}\n"));
    Ok(())
}

/// Asks a person for a yes. Where nobody can be asked there is none.
fn is_confirmed(question: &str) -> bool {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let mut out = anstream::stderr();
    let _closed = write!(out, "{question} Type yes: ");
    let _closed = out.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

/// What a person types at a question. Ctrl-C ends the program meanwhile, as everywhere.
async fn typed(question: String) -> String {
    let asked = tokio::task::spawn_blocking(move || {
        let mut out = anstream::stderr();
        let _closed = write!(out, "{question}");
        let _closed = out.flush();
        let mut line = String::new();
        match std::io::stdin().read_line(&mut line) {
            Ok(_) => line.trim().to_owned(),
            // Nothing was typed that could be meant.
            Err(_) => String::new(),
        }
    });
    asked.await.unwrap_or_default()
}
