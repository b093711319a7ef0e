//! `contract`: the checks against any API server. One line a check, and a count; exit code 1 if one did not pass.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use contract::{Report, Target, Trust};

/// Checks what Landfall relies on of a Kubernetes API server. It needs somebody who may do everything there, makes
/// namespaces of its own, and removes them.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's address, such as https://127.0.0.1:6443
    #[arg(long, value_name = "URL")]
    server: String,
    /// The bearer token of an administrator
    #[arg(long, value_name = "T")]
    token: String,
    /// Believe any certificate
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Believe this authority
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Only checks whose name contains this
    #[arg(long, value_name = "P")]
    only: Option<String>,
    /// Leave out what the embedded company's server does not have yet
    #[arg(long)]
    both: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{} cannot be read: {source}", path.display())]
    Authority {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Target(#[from] contract::TargetError),
    #[error("no runtime: {0}")]
    Runtime(std::io::Error),
    #[error("no check's name contains {0:?}")]
    Nothing(String),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match checked(&arguments) {
        Ok((report, later)) => {
            print(&arguments, &report, &later);
            ExitCode::from(u8::from(report.failed + later.failed > 0))
        }
        Err(failure) => {
            // Whoever closed the pipe has read enough.
            let _closed = writeln!(anstream::stderr(), "contract: {failure}");
            ExitCode::from(2)
        }
    }
}

fn checked(arguments: &Arguments) -> Result<(Report, Report), Failure> {
    let trust = match &arguments.ca {
        Some(path) => Trust::Authority(std::fs::read(path).map_err(|source| {
            let path = path.clone();
            Failure::Authority { path, source }
        })?),
        None if arguments.insecure => Trust::Anybody,
        None => Trust::Machine,
    };
    let target = Target {
        url: arguments.server.clone(),
        token: arguments.token.clone(),
        trust,
    };
    let only = arguments.only.as_deref();
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let both = runtime.block_on(async {
        let report = contract::run(&target, only).await?;
        // A word that no check's name has chooses nothing of the second table.
        let only_later = if arguments.both { Some("\0") } else { only };
        let later = contract::run_later(&target, only_later).await?;
        Ok::<_, Failure>((report, later))
    })?;
    if both.0.rows.is_empty() && both.1.rows.is_empty() {
        return Err(Failure::Nothing(only.unwrap_or_default().to_owned()));
    }
    Ok(both)
}

fn print(arguments: &Arguments, report: &Report, later: &Report) {
    let mut out = anstream::stdout().lock();
    if arguments.json {
        let document = serde_json::json!({"both": report, "later": later});
        let _closed = writeln!(out, "{document}");
        return;
    }
    for row in report.rows.iter().chain(&later.rows) {
        let _closed = match &row.broken {
            None => writeln!(out, "ok    {}: {}", row.name, row.proves),
            Some(broken) => writeln!(out, "FAIL  {}: {}\n      {broken}", row.name, row.proves),
        };
    }
    if !later.rows.is_empty() {
        let _closed = writeln!(
            out,
            "not in the sandbox yet: {} checks, {} passed, {} failed",
            later.rows.len(),
            later.passed,
            later.failed
        );
    }
    let _closed = writeln!(
        out,
        "contract: {} checks, {} passed, {} failed",
        report.rows.len(),
        report.passed,
        report.failed
    );
}
