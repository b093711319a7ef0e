//! What needs somebody: the board's few loud lines, worst first, and the two sentences on top.
//!
//! Owns what counts as needing attention: delivery that stops until somebody mends it, and anything that runs badly.
//! What could not be read is counted and said, and never counted as well.

use std::sync::Arc;

use api::Sentence;
use api::board::{BoardCell, BoardRow};
use api::journey::{Health, State};
use jiff::Timestamp;

use super::cells;
use super::order::RowKey;
use crate::foreign;
use crate::words::{self, Tone};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The row it is about.
    pub row: RowKey,
    /// The app.
    pub app: String,
    /// Where it is so, the last environment last.
    pub places: Vec<Place>,
    /// How loud.
    pub tone: Tone,
    /// The journey's headline.
    pub headline: Sentence,
    /// "blocked", "1 of 3 ready".
    pub words: String,
    /// What is beside it: "2 of 3 ready" while it is blocked.
    pub beside: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The environments' order, then how bad.
    rank: (usize, u8),
}

/// An environment with those of its clusters that a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The environment.
    pub environment: String,
    /// The clusters.
    pub clusters: Vec<String>,
}

impl Item {
    /// What tells this line from another, whatever else changes about it.
    pub fn key(&self) -> (RowKey, Vec<Place>) {
        (self.row.clone(), self.places.clone())
    }

    /// The place to open: the one nearest to the customers.
    pub fn nearest(&self) -> Option<(&str, &str)> {
        let place = self.places.last()?;
        Some((&place.environment, place.clusters.first()?))
    }
}

/// The lines, worst first: what is nearest to the customers, then what is worse, then what is newer. Places that are
/// stopped by the same thing make one line.
pub fn items(rows: &[Arc<BoardRow>], environments: &[String]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for row in rows {
        // This row's lines begin here.
        let own = items.len();
        for cell in &row.cells {
            let Some((badness, tone, words, beside)) = trouble(cell) else {
                continue;
            };
            let stage = environments
                .iter()
                .position(|environment| *environment == cell.environment)
                .unwrap_or(0);
            let rank = (environments.len() - stage, badness);
            let (since, headline) = match tone {
                Tone::Stop => (cell.delivery.since, cell.delivery.headline.clone()),
                _ => (None, ill(row, cell, &words)),
            };
            let same = items.iter_mut().skip(own).find(|item| {
                let here = item
                    .places
                    .last()
                    .is_some_and(|place| place.environment == cell.environment);
                item.words == words
                    && item.tone == tone
                    && item.beside == beside
                    && (here || item.headline == headline)
            });
            if let Some(item) = same {
                item.rank = item.rank.min(rank);
                match item.places.last_mut() {
                    Some(place) if place.environment == cell.environment => {
                        place.clusters.push(cell.cluster.clone());
                    }
                    _ => item.places.push(place(cell)),
                }
                continue;
            }
            items.push(Item {
                row: RowKey::of(row),
                app: row.app.clone(),
                places: vec![place(cell)],
                tone,
                headline,
                words,
                beside,
                since,
                rank,
            });
        }
    }
    items.sort_by(|a, b| {
        a.rank
            .cmp(&b.rank)
            .then_with(|| b.since.cmp(&a.since))
            .then_with(|| a.row.cmp(&b.row))
    });
    items
}

/// A cell's place.
fn place(cell: &BoardCell) -> Place {
    Place {
        environment: cell.environment.clone(),
        clusters: vec![cell.cluster.clone()],
    }
}

/// The line for what runs badly while delivery is not what is wrong: the journey's headline would speak of delivery.
fn ill(row: &BoardRow, cell: &BoardCell, readiness: &str) -> Sentence {
    let mut sentence = Sentence::default().name(&row.app).words(" runs ");
    if let Some(commit) = cell
        .running
        .as_ref()
        .and_then(|running| running.commit.as_ref())
    {
        sentence = sentence.commit(&commit.repository, &commit.sha).words(" ");
    }
    sentence
        .words("in ")
        .name(&cell.environment)
        .words(format!(": {readiness}"))
}

/// How bad a cell is (0 is worst) with its words and what is beside it, or nothing if nobody has to look.
fn trouble(cell: &BoardCell) -> Option<(u8, Tone, String, Option<String>)> {
    let stuck = matches!(cell.delivery.state, State::Blocked | State::RolledBack);
    let readiness = cell.running.as_ref().and_then(words::readiness);
    let state = || words::state(cell.delivery.state).to_owned();
    match (cells::health(cell), stuck) {
        (Health::Down, true) => Some((0, Tone::Stop, state(), readiness)),
        (Health::Down, false) => Some((1, Tone::Warn, readiness?, None)),
        (Health::Degraded, true) => Some((2, Tone::Stop, state(), readiness)),
        (Health::Healthy | Health::ScaledToZero | Health::Unknown, true) => {
            Some((3, Tone::Stop, state(), None))
        }
        // Pods that come and go are what a rollout is.
        (Health::Degraded, false) if cell.delivery.state != State::Moving => {
            Some((4, Tone::Warn, readiness?, None))
        }
        (_, false) => None,
    }
}

/// The board in one sentence: "Three apps are stuck, two are on their way".
pub fn title(rows: &[Arc<BoardRow>]) -> String {
    if rows.is_empty() {
        return "No apps found".to_owned();
    }
    let apps_where = |wanted: &dyn Fn(State) -> bool| {
        rows.iter()
            .filter(|row| row.cells.iter().any(|cell| wanted(cell.delivery.state)))
            .count()
    };
    let stuck = apps_where(&|state| matches!(state, State::Blocked | State::RolledBack));
    // An app that is stuck somewhere is counted there, and not again for being on its way elsewhere.
    let moving = rows
        .iter()
        .filter(|row| {
            let states = || row.cells.iter().map(|cell| cell.delivery.state);
            states().any(|state| matches!(state, State::Moving | State::Waiting))
                && !states().any(|state| matches!(state, State::Blocked | State::RolledBack))
        })
        .count();
    let cells_where = |wanted: &dyn Fn(&BoardCell) -> bool| {
        let has = |row: &&Arc<BoardRow>| row.cells.iter().any(wanted);
        rows.iter().filter(has).count()
    };
    let unknown = cells_where(&|cell| words::is_unknown(&cell.delivery));
    let reading = cells_where(&|cell| cell.delivery.pending);
    let be = |count: usize| if count == 1 { "is" } else { "are" };
    let way = if moving == 1 { "its way" } else { "their way" };
    // Words for small numbers, but not beside a large one.
    let digits = stuck.max(moving).max(unknown).max(reading) > 12;
    let parts: Vec<String> = [
        (stuck, "stuck".to_owned()),
        (moving, format!("on {way}")),
        (unknown, "not fully known".to_owned()),
        (reading, "still being read".to_owned()),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .enumerate()
    .map(|(place, (count, words))| {
        let number = if digits {
            count.to_string()
        } else {
            words::number(count)
        };
        let be = be(count);
        match (place, count) {
            (0, 1) => format!("{number} app {be} {words}"),
            (0, _) => format!("{number} apps {be} {words}"),
            _ => format!("{} {be} {words}", number.to_lowercase()),
        }
    })
    .collect();
    match parts.as_slice() {
        [] if rows.iter().all(|row| {
            row.cells
                .iter()
                .all(|cell| cell.delivery.state.is_settled())
        }) =>
        {
            "Everything is current".to_owned()
        }
        [] => "Nothing is stuck".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{}, {last}", first.join(", ")),
    }
}

/// What runs, in one sentence: "12 apps in 3 environments. Everything that runs is healthy except catalog in staging."
pub fn subtitle(rows: &[Arc<BoardRow>], environments: &[String]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let size = format!(
        "{} in {}.",
        words::count(rows.len(), "app"),
        words::count(environments.len(), "environment")
    );
    let mut ill = Vec::new();
    let (mut unread, mut stale, mut runs) = (0, 0, 0);
    for row in rows {
        for cell in &row.cells {
            if cell.stale_since.is_some() {
                stale += 1;
            }
            match cells::health(cell) {
                Health::Healthy | Health::ScaledToZero => runs += 1,
                Health::Degraded | Health::Down => {
                    let place = format!("{} in {}", row.app, cell.environment);
                    if !ill.contains(&place) {
                        ill.push(place);
                    }
                }
                Health::Unknown => unread += 1,
            }
        }
    }
    let health = match ill.as_slice() {
        [] if runs == 0 => String::new(),
        [] if unread + stale == 0 => " Everything that runs is healthy.".to_owned(),
        [] => " All that could be read is healthy.".to_owned(),
        [one] if unread + stale == 0 => {
            format!(
                " Everything that runs is healthy except {}.",
                foreign::line(one)
            )
        }
        [one] => format!(
            " All that could be read is healthy except {}.",
            foreign::line(one)
        ),
        [one, two] => format!(
            " {} and {} are not healthy.",
            foreign::line(one),
            foreign::line(two)
        ),
        [one, rest @ ..] => {
            format!(
                " {} and {} more are not healthy.",
                foreign::line(one),
                rest.len()
            )
        }
    };
    let unread = match unread {
        0 => String::new(),
        n => format!(" What runs in {} is not known.", words::count(n, "place")),
    };
    format!("{size}{health}{unread}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::sample::{cell, shared};

    fn environments() -> Vec<String> {
        ["dev", "staging", "production"].map(str::to_owned).to_vec()
    }

    #[test]
    fn production_comes_before_dev_and_what_is_down_before_what_is_stuck() {
        let mut down = cell("dev", "nonprod", State::Blocked);
        if let Some(running) = &mut down.running {
            running.health = Health::Down;
        }
        let rows = [
            shared("a", vec![cell("dev", "nonprod", State::Blocked)]),
            shared("b", vec![cell("production", "prod", State::Blocked)]),
            shared("c", vec![down]),
            shared("d", vec![cell("dev", "nonprod", State::Unknown)]),
        ];
        let order: Vec<_> = items(&rows, &environments())
            .into_iter()
            .map(|item| item.app)
            .collect();
        assert_eq!(order, ["b", "c", "a"]);
    }

    #[test]
    fn places_stopped_by_the_same_thing_make_one_line() {
        let mut other = cell("staging", "nonprod", State::Blocked);
        other.delivery.headline = Sentence::default().words("Something else.");
        let rows = [shared(
            "a",
            vec![
                cell("dev", "nonprod", State::Blocked),
                other,
                cell("production", "prod-eu", State::Blocked),
                cell("production", "prod-us", State::Blocked),
            ],
        )];
        let items = items(&rows, &environments());
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].nearest(), Some(("production", "prod-eu")));
        assert_eq!(items[0].places.len(), 2);
        assert_eq!(items[0].places[1].clusters, ["prod-eu", "prod-us"]);
        assert_eq!(items[1].nearest(), Some(("staging", "nonprod")));
    }

    #[test]
    fn what_could_not_be_read_is_never_summed_up_as_well() {
        let mut unread = cell("dev", "nonprod", State::Unknown);
        unread.running = None;
        let rows = [shared("a", vec![unread])];
        assert_eq!(title(&rows), "One app is not fully known");
        let subtitle = subtitle(&rows, &environments());
        assert!(!subtitle.contains("Everything"), "{subtitle}");
        assert!(
            subtitle.contains("What runs in 1 place is not known."),
            "{subtitle}"
        );
    }

    #[test]
    fn what_is_still_being_read_is_neither_unknown_nor_well() {
        let mut reading = cell("dev", "nonprod", State::Unknown);
        reading.delivery.pending = true;
        let rows = [shared("a", vec![reading])];
        assert_eq!(title(&rows), "One app is still being read");
    }

    #[test]
    fn a_stale_board_does_not_claim_that_everything_is_healthy() {
        let mut stale = cell("dev", "nonprod", State::Deployed);
        stale.stale_since = Some(Timestamp::UNIX_EPOCH);
        let rows = [shared("a", vec![stale])];
        assert_eq!(
            subtitle(&rows, &environments()),
            "1 app in 3 environments. All that could be read is healthy."
        );
    }

    #[test]
    fn the_title_counts_apps_once() {
        let rows = [
            shared(
                "a",
                vec![
                    cell("dev", "nonprod", State::Moving),
                    cell("production", "prod", State::Blocked),
                ],
            ),
            shared("b", vec![cell("dev", "nonprod", State::Waiting)]),
            shared("c", vec![cell("dev", "nonprod", State::Deployed)]),
        ];
        assert_eq!(title(&rows), "One app is stuck, one is on its way");
        assert_eq!(title(&rows[2..]), "Everything is current");
        let many: Vec<_> = (0..13)
            .map(|_| shared("a", vec![cell("dev", "nonprod", State::Blocked)]))
            .chain(rows[1..2].iter().cloned())
            .collect();
        assert_eq!(title(&many), "13 apps are stuck, 1 is on its way");
        assert_eq!(title(&[]), "No apps found");
        assert_eq!(
            title(&[shared("a", vec![cell("dev", "x", State::NeedsPromotion)])]),
            "Nothing is stuck"
        );
    }
}
