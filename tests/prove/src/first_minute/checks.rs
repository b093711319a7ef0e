//! The checks themselves, a file for each kind of trouble. The table is in `first_minute.rs`.

pub(super) mod canary;
pub(super) mod clusters;
pub(super) mod down;
pub(super) mod dumps;
pub(super) mod eks;
pub(super) mod first_minute;
pub(super) mod minutes;
pub(super) mod redirect;
pub(super) mod refused;
pub(super) mod rights;
pub(super) mod unkept;

use std::time::{Duration, Instant};

use serde_json::Value;

use super::api_server::REGISTRY;
use super::person::Said;
use super::{Checked, so};

/// How long something may take that comes by itself. It is as long as a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(150);

/// A board as it has to be where everything is well: what runs in the cluster, and nothing that could not be read.
fn is_whole(board: Said) -> Checked<Value> {
    let board = board.ends(0)?;
    let found = board.json()?;
    let has_app = found["rows"].to_string().contains("checkout");
    so("the board has to show checkout", has_app, board.whole())?;
    let gaps = gaps(&found);
    so(
        "the board has to be read whole",
        gaps.is_empty(),
        board.whole(),
    )?;
    Ok(found)
}

/// What could not be read, but for the image: there is no registry here.
fn gaps(document: &Value) -> Vec<String> {
    let unread = document["unread"].as_array().into_iter().flatten();
    let gaps = unread.map(Value::to_string);
    gaps.filter(|gap| !gap.contains(REGISTRY)).collect()
}

/// Asks again until it is so, or too much time is over.
async fn until<Found>(
    what: &str,
    mut look: impl AsyncFnMut() -> Checked<Result<Found, String>>,
) -> Checked<Found> {
    let begun = Instant::now();
    loop {
        let said = match look().await? {
            Ok(found) => return Ok(found),
            Err(said) => said,
        };
        so(what, begun.elapsed() < PATIENCE, said)?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
