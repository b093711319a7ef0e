//! How long a change in a cluster takes to the board's readers, while a full cluster changes all the time.
//!
//! Owns the changes and the clock on them. Time begins before the change is sent to the API server and ends when the board,
//! as a window has it, shows it: what comes after is the window's own painting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use api::board::Board;
use console::{Console, Sources, Subscription};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use super::LoadError;
use super::company::{NEIGHBOURS, name, space_of};
use crate::api::{Api, ApiError};
use crate::ground::GroundError;

/// Changes each second.
const A_SECOND: u32 = 200;
/// How many changes are timed.
const TIMED: usize = 200;
/// How long between two that are timed.
const APART: Duration = Duration::from_millis(150);
/// How many namespaces' pods change.
const SPACES: usize = 20;
/// How many changes are on their way at once.
const AT_ONCE: usize = 16;
/// How long the board may take to be whole, and a change to be seen.
const PATIENCE: Duration = Duration::from_secs(120);

/// How late the board's readers have a change.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    /// Of half of the changes, at most.
    pub half: Duration,
    /// Of 99 of 100, at most.
    pub of_99: Duration,
    /// The latest.
    pub most: Duration,
    /// How many other changes were made each second.
    pub a_second: f64,
    /// How many were timed.
    pub timed: usize,
}

impl Lag {
    /// As JSON.
    pub fn json(&self) -> Value {
        let milliseconds = |one: Duration| one.as_secs_f64() * 1_000.0;
        json!({
            "what": "a change, until the board's readers have it", "timed": self.timed,
            "changesPerSecond": self.a_second, "medianMilliseconds": milliseconds(self.half),
            "p99Milliseconds": milliseconds(self.of_99), "mostMilliseconds": milliseconds(self.most),
        })
    }
}

/// Opens the core as a window does, changes pods all the time, and times some of the changes.
///
/// # Errors
/// The core does not open, a change is refused, or one is never seen.
pub async fn measure(api: &Api, sources: &Sources, apps: usize) -> Result<Lag, LoadError> {
    let console = Console::open(sources).map_err(|error| LoadError::Wrong(error.to_string()))?;
    let mut board = console.watch_board();
    let rows = board
        .settled(PATIENCE)
        .await
        .map_or(0, |all| all.rows.len());
    if rows != apps {
        let words = format!("the board has {rows} rows and {apps} apps are there");
        return Err(LoadError::Wrong(words));
    }
    let mut pods = Vec::new();
    for space in 0..SPACES {
        let listed = api.list("Pod", &space_of(space * NEIGHBOURS)).await;
        pods.extend(listed.map_err(GroundError::from)?);
    }
    let watched = name(0);
    let is_watched = |pod: &Value| pod["metadata"]["labels"]["app"] == watched.as_str();
    let (watched_pods, others): (Vec<Value>, Vec<Value>) = pods.into_iter().partition(is_watched);
    let Some(pod) = watched_pods.first() else {
        return Err(LoadError::Wrong(format!("{watched} has no pods")));
    };
    let (made, begun) = (AtomicU64::new(0), Instant::now());
    let mut timed = tokio::select! {
        refused = change(api, &others, &made) => return Err(refused),
        timed = time(api, &mut board, (&watched, pod, watched_pods.len())) => timed?,
    };
    let made = made.into_inner() as f64;
    let a_second = made / begun.elapsed().as_secs_f64();
    timed.sort();
    let of = |share: usize| {
        let place = (timed.len() * share).div_ceil(100).saturating_sub(1);
        timed.get(place).copied().unwrap_or_default()
    };
    Ok(Lag {
        half: of(50),
        of_99: of(99),
        most: of(100),
        a_second,
        timed: timed.len(),
    })
}

/// Changes one pod after another, for ever; ends where a change is refused.
async fn change(api: &Api, pods: &[Value], made: &AtomicU64) -> LoadError {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / A_SECOND);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let numbered = pods.iter().cycle().zip(1u64..);
    let mut under_way = FuturesUnordered::new();
    for (pod, number) in numbered {
        clock.tick().await;
        while under_way.len() >= AT_ONCE {
            if let Some(Err(refused)) = under_way.next().await {
                return GroundError::from(refused).into();
            }
        }
        made.fetch_add(1, Ordering::Relaxed);
        let restarts = 1 + number / (pods.len() as u64);
        under_way.push(set(api, pod, true, restarts));
    }
    LoadError::Wrong("there are no pods to change".to_owned())
}

/// Takes a pod's readiness and gives it back, and times how long the board takes to say so.
async fn time(
    api: &Api,
    board: &mut Subscription<Board>,
    (app, pod, pods): (&str, &Value, usize),
) -> Result<Vec<Duration>, LoadError> {
    let mut timed = Vec::new();
    for number in 0..TIMED {
        tokio::time::sleep(APART).await;
        let is_ready = number % 2 == 1;
        let expected = if is_ready { pods } else { pods - 1 };
        let begun = Instant::now();
        let seen = async {
            while let Some(update) = board.next().await {
                if ready(&update.value, app) == Some(expected) {
                    return Some(begun.elapsed());
                }
            }
            None
        };
        let (seen, set) = tokio::join!(
            tokio::time::timeout(PATIENCE, seen),
            set(api, pod, is_ready, 0)
        );
        set.map_err(GroundError::from)?;
        match seen {
            Ok(Some(lag)) => timed.push(lag),
            _ => {
                return Err(LoadError::Wrong(format!(
                    "the board never said that {expected} pods of {app} are ready"
                )));
            }
        }
    }
    Ok(timed)
}

/// How many pods of an app are ready, by the board.
fn ready(board: &Board, app: &str) -> Option<usize> {
    let row = board.rows.iter().find(|row| row.app == app)?;
    let running = row.cells.first()?.running.as_ref()?;
    usize::try_from(running.ready).ok()
}

/// Writes a pod's status, as the kubelet would.
async fn set(api: &Api, pod: &Value, is_ready: bool, restarts: u64) -> Result<(), ApiError> {
    let mut status = json!({
        "conditions": pod["status"]["conditions"],
        "containerStatuses": pod["status"]["containerStatuses"],
    });
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = if is_ready { "True" } else { "False" }.into();
        }
    }
    status["containerStatuses"][0]["ready"] = is_ready.into();
    status["containerStatuses"][0]["restartCount"] = restarts.into();
    let meta = &pod["metadata"];
    let namespace = meta["namespace"].as_str().unwrap_or_default();
    let name = meta["name"].as_str().unwrap_or_default();
    let patch = json!({"status": status});
    api.merge("Pod", namespace, &format!("{name}/status"), &patch, None)
        .await
        .map(drop)
}
