//! What one cell says: an app in an environment, on one cluster or on several.
//!
//! Owns the joining of several clusters into one cell. What runs and how delivery stands are joined each by itself:
//! the worst speaks, and the words say on how many clusters it is so.

use api::board::{BoardCell, BoardRow};
use api::headline::short;
use api::journey::{Health, State};
use jiff::Timestamp;

use crate::foreign;
use crate::words::{self, Tone};

/// A cell, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The short SHA that runs, or the image's tag where the commit is not known.
    pub version: Option<String>,
    /// Further versions that run beside it on other clusters.
    pub other_versions: usize,
    /// How well what runs is.
    pub health: Health,
    /// What is said of its health when it is not simply healthy: "1 of 3 ready".
    pub readiness: Option<String>,
    /// The same where there is little room: "1/3".
    pub short_readiness: String,
    /// Since when that version runs.
    pub since: Option<Timestamp>,
    /// How delivery stands.
    pub tone: Tone,
    /// The worst state.
    pub state: State,
    /// The same in words.
    pub words: String,
    /// Since when delivery stands so.
    pub delivery_since: Option<Timestamp>,
    /// Which of the clusters do not answer, and when the longest silent one was last seen.
    pub stale: Option<Stale>,
    /// The cluster that speaks, to open first.
    pub cluster: String,
}

/// Clusters that stopped answering: what is known of them is old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// When the one that is silent for longest was last seen.
    pub since: Timestamp,
    /// Their names; none if it is all of the cell's clusters.
    pub some: Vec<String>,
}

/// A row's cell in an environment; nothing if the app has no target there.
pub fn spot(row: &BoardRow, environment: &str) -> Option<Spot> {
    let cells: Vec<&BoardCell> = here(row, environment).collect();
    let worst = cells.iter().copied().max_by_key(|cell| {
        (
            words::badness(cell.delivery.state),
            cell.delivery.behind,
            cell.stale_since.is_none(),
            // Of equals the first one speaks, so that the cell does not change its mind.
            std::cmp::Reverse(&cell.cluster),
        )
    })?;
    let sickest = cells
        .iter()
        .copied()
        .max_by_key(|cell| sickness(health(cell)))?;
    let mut versions: Vec<Option<String>> = cells.iter().map(|cell| version(cell)).collect();
    versions.sort();
    versions.dedup();
    let shown = version(worst);
    Some(Spot {
        other_versions: versions.len().saturating_sub(1),
        version: shown,
        health: health(sickest),
        readiness: sickest.running.as_ref().and_then(words::readiness),
        short_readiness: short_readiness(sickest),
        since: worst.running.as_ref().and_then(|running| running.since),
        tone: words::delivery_tone(&worst.delivery),
        state: worst.delivery.state,
        words: joined(&cells, worst),
        delivery_since: worst.delivery.since,
        stale: stale(&cells),
        cluster: worst.cluster.clone(),
    })
}

/// The kind of a row's workloads where it is the same everywhere and not the usual one: `StatefulSet`.
pub fn kind(row: &BoardRow) -> Option<String> {
    let mut kinds = row
        .cells
        .iter()
        .filter_map(|cell| cell.running.as_ref())
        .map(|running| &running.workload.kind);
    let first = kinds.next()?;
    (first != "Deployment" && kinds.all(|kind| kind == first)).then(|| first.clone())
}

/// Which of a cell's clusters do not answer.
fn stale(cells: &[&BoardCell]) -> Option<Stale> {
    let since = cells.iter().filter_map(|cell| cell.stale_since).min()?;
    let silent = cells.iter().filter(|cell| cell.stale_since.is_some());
    let all = silent.clone().count() == cells.len();
    Some(Stale {
        since,
        some: if all {
            Vec::new()
        } else {
            silent.map(|cell| cell.cluster.clone()).collect()
        },
    })
}

/// A cell's readiness where there is little room.
fn short_readiness(cell: &BoardCell) -> String {
    let running = cell.running.as_ref();
    match (health(cell), running) {
        (Health::Degraded, Some(running)) => format!("{}/{}", running.ready, running.wanted),
        (Health::Down, _) => "down".to_owned(),
        (Health::ScaledToZero, _) => "zero".to_owned(),
        _ => String::new(),
    }
}

/// A row's cells in an environment.
pub fn here<'a>(
    row: &'a BoardRow,
    environment: &'a str,
) -> impl Iterator<Item = &'a BoardCell> + 'a {
    row.cells
        .iter()
        .filter(move |cell| cell.environment == environment)
}

/// The words for delivery on all of an environment's clusters. What a silent cluster said last is never counted with
/// what the others say now.
fn joined(cells: &[&BoardCell], worst: &BoardCell) -> String {
    let own = words::delivery(&worst.delivery);
    let total = cells.len();
    if total < 2 {
        return own;
    }
    let alike = |cell: &&&BoardCell| {
        words::delivery(&cell.delivery) == own
            && cell.stale_since.is_some() == worst.stale_since.is_some()
    };
    let same = cells.iter().filter(alike).count();
    if same == total || worst.delivery.state.is_settled() {
        return format!("{own} on {same} of {total} clusters");
    }
    let current = cells
        .iter()
        .filter(|cell| cell.delivery.state.is_settled() && cell.stale_since.is_none())
        .count();
    let place = if same == 1 {
        foreign::line(&worst.cluster)
    } else {
        format!("{same} of {total} clusters")
    };
    if current > 0 {
        format!("{own} on {place}, {current} of {total} current")
    } else {
        format!("{own} on {place}")
    }
}

/// What runs in a cell, by its commit or else its image's tag or digest.
pub fn version(cell: &BoardCell) -> Option<String> {
    let running = cell.running.as_ref()?;
    if let Some(commit) = &running.commit {
        return Some(short(&commit.sha).to_owned());
    }
    let image = running
        .image
        .rsplit_once('/')
        .map_or(running.image.as_str(), |(_, name)| name);
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let tag = name.split_once(':').map(|(_, tag)| tag);
    let words = match tag {
        Some(tag) => foreign::line(tag),
        None if !digest.is_empty() => foreign::line(digest.trim_start_matches("sha256:"))
            .chars()
            .take(7)
            .collect(),
        None => foreign::line(name),
    };
    Some(words)
}

/// A cell's health; what does not run at all has none.
pub fn health(cell: &BoardCell) -> Health {
    cell.running
        .as_ref()
        .map_or(Health::Unknown, |running| running.health)
}

/// How bad a health is: what is known to be down outranks what is not known.
fn sickness(health: Health) -> u8 {
    match health {
        Health::Down => 4,
        Health::Degraded => 3,
        Health::Unknown => 2,
        Health::ScaledToZero => 1,
        Health::Healthy => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::sample::{cell, row};

    #[test]
    fn clusters_that_agree_make_one_cell_that_counts_them() {
        let row = row(
            "orders",
            vec![
                cell("production", "prod-eu", State::Deployed),
                cell("production", "prod-us", State::Deployed),
            ],
        );
        let spot = spot(&row, "production").unwrap();
        assert_eq!(spot.words, "current on 2 of 2 clusters");
        assert_eq!(spot.tone, Tone::Ok);
        assert_eq!(spot.other_versions, 0);
    }

    #[test]
    fn one_bad_cluster_of_three_speaks_for_the_cell() {
        let mut blocked = cell("production", "prod-us", State::Blocked);
        blocked.delivery.cause = Some("pods-crash".to_owned());
        blocked.delivery.behind = Some(1);
        let row = row(
            "orders",
            vec![
                cell("production", "prod-ap", State::Deployed),
                cell("production", "prod-eu", State::Deployed),
                blocked,
            ],
        );
        let spot = spot(&row, "production").unwrap();
        assert_eq!(
            spot.words,
            "blocked: crash, 1 behind on prod-us, 2 of 3 current"
        );
        assert_eq!(spot.cluster, "prod-us");
        assert_eq!(spot.tone, Tone::Stop);
    }

    #[test]
    fn what_runs_badly_on_one_cluster_is_not_hidden_by_a_healthy_one() {
        let mut down = cell("production", "prod-us", State::Deployed);
        if let Some(running) = &mut down.running {
            running.health = Health::Down;
        }
        let row = row(
            "orders",
            vec![cell("production", "prod-eu", State::Blocked), down],
        );
        let spot = spot(&row, "production").unwrap();
        assert_eq!(spot.health, Health::Down);
        assert_eq!(spot.readiness.as_deref(), Some("down"));
        assert_eq!(spot.tone, Tone::Stop);
    }

    #[test]
    fn a_silent_cluster_is_not_counted_as_current() {
        let mut silent = cell("production", "prod-eu", State::Deployed);
        silent.stale_since = Some(Timestamp::UNIX_EPOCH);
        let cells = vec![
            silent.clone(),
            cell("production", "prod-us", State::Deployed),
        ];
        let some = spot(&row("orders", cells), "production").unwrap();
        assert_eq!(some.words, "current on 1 of 2 clusters");
        assert_eq!(some.stale.unwrap().some, ["prod-eu"]);
        let mut other = silent.clone();
        other.cluster = "prod-us".to_owned();
        let all = spot(&row("orders", vec![silent, other]), "production").unwrap();
        assert_eq!(all.words, "current on 2 of 2 clusters");
        assert_eq!(all.stale.unwrap().some, Vec::<String>::new());
    }

    #[test]
    fn an_unusual_kind_is_said_only_where_it_is_the_same_everywhere() {
        let mut row = row(
            "payments",
            vec![
                cell("dev", "nonprod", State::Deployed),
                cell("production", "prod", State::Deployed),
            ],
        );
        assert_eq!(kind(&row), None);
        for (index, expected) in [(0, None), (1, Some("StatefulSet"))] {
            if let Some(running) = &mut row.cells[index].running {
                running.workload.kind = "StatefulSet".to_owned();
            }
            assert_eq!(kind(&row).as_deref(), expected);
        }
    }

    #[test]
    fn no_target_is_no_cell() {
        let row = row("orders", vec![cell("dev", "nonprod", State::Deployed)]);
        assert_eq!(spot(&row, "production"), None);
    }

    #[test]
    fn an_image_without_a_commit_shows_its_tag_or_digest() {
        let mut cell = cell("dev", "nonprod", State::Unknown);
        for (image, words) in [
            (
                "registry.example:5000/shop/orders:v1.2@sha256:abcdef0123",
                "v1.2",
            ),
            (
                "registry.example:5000/shop/orders@sha256:abcdef0123",
                "abcdef0",
            ),
            ("registry.example:5000/shop/orders", "orders"),
        ] {
            if let Some(running) = &mut cell.running {
                running.commit = None;
                running.image = image.to_owned();
            }
            assert_eq!(version(&cell).as_deref(), Some(words), "{image}");
        }
    }
}
