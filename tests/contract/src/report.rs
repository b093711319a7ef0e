//! Running the table, and what came of it.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::api::Api;
use crate::table::{CHECKS, Check, LATER};
use crate::target::{Target, TargetError};
use crate::world::World;

/// So many checks run at once: enough that they meet each other, few enough for a small machine.
const AT_ONCE: usize = 12;

/// A check that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// One row a check, in the order of the table.
    pub rows: Vec<Row>,
    /// How many passed.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
}

/// What came of one check.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    /// Why it did not pass; none if it did.
    pub broken: Option<String>,
}

/// Runs the checks whose name contains `only`, or all.
///
/// # Errors
/// If no client can be made for the target; a server that does not answer makes the checks fail.
pub async fn run(target: &Target, only: Option<&str>) -> Result<Report, TargetError> {
    run_all(target, only, CHECKS.iter().collect()).await
}

/// Runs what the embedded company's server does not have yet, which a real one has.
///
/// # Errors
/// As [`run`].
pub async fn run_later(target: &Target, only: Option<&str>) -> Result<Report, TargetError> {
    run_all(
        target,
        only,
        LATER.iter().map(|later| &later.check).collect(),
    )
    .await
}

async fn run_all(
    target: &Target,
    only: Option<&str>,
    checks: Vec<&'static Check>,
) -> Result<Report, TargetError> {
    let api = Api::new(target)?;
    let chosen = checks
        .into_iter()
        .filter(|check| only.is_none_or(|only| check.name.contains(only)));
    let rows: Vec<Row> = stream::iter(chosen)
        .map(|check| one(check, api.clone()))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let failed = rows.iter().filter(|row| row.broken.is_some()).count();
    Ok(Report {
        passed: rows.len() - failed,
        failed,
        rows,
    })
}

async fn one(check: &'static Check, api: Api) -> Row {
    let world = World::new(api);
    let broken = match tokio::time::timeout(LONGEST, (check.run)(&world)).await {
        Ok(Ok(())) => None,
        Ok(Err(broken)) => Some(broken.to_string()),
        Err(_) => Some(format!("no end within {} s", LONGEST.as_secs())),
    };
    world.leave().await;
    Row {
        name: check.name,
        proves: check.proves,
        broken,
    }
}
