//! What is written and read: one statement a need, in words of the domain.
//!
//! Owns the SQL but the schema, and the bounds: [`DAYS`] and [`MOST`]. Knows no thread and no file.

use std::collections::{BTreeMap, BTreeSet};

use api::history::{Change, ChangeKind};
use api::{StageKind, State, Usual};
use facts::history::{Delivered, HistoryFacts};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::schema::FileError;
use crate::seen::News;

/// How long something is kept.
pub const DAYS: i64 = 90;
/// How many rows a table keeps: the newest. A company of 1,000 apps in 5 environments fits a week of changes in it, at
/// about 700 bytes a row.
pub const MOST: i64 = 100_000;
/// How many changes are shown at most: more is no list for a person.
pub const SHOWN: usize = 2_000;
/// How many of a commit's first sights the answer may be told: newer ones are asked about more.
const LIVE: usize = 20_000;

/// Keeps what is new.
pub fn remember(database: &mut Connection, news: &[News], now: Timestamp) -> Result<(), FileError> {
    let now = now.as_second();
    let write = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for one in news {
        let (standing, target) = (&one.standing, &one.standing.target);
        let commit = &standing.commit;
        write
            .prepare_cached(
                "INSERT INTO journeys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
                 ON CONFLICT DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)",
            )?
            .execute(params![
                target.cluster,
                target.environment,
                target.app,
                target.workload,
                commit.repository,
                commit.sha,
                word(&standing.state),
                standing.stage.map_or("", StageKind::name),
                standing.cause.as_deref().unwrap_or_default(),
                now,
            ])?;
        if !standing.is_source {
            continue;
        }
        for took in one.took.iter().filter(|took| took.seconds >= 0) {
            // The first word counts: a pod that is replaced later makes nothing slower.
            write
                .prepare_cached(
                    "INSERT OR IGNORE INTO stages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    target.cluster,
                    target.environment,
                    target.app,
                    target.workload,
                    commit.repository,
                    commit.sha,
                    took.stage.name(),
                    took.seconds,
                    now,
                ])?;
        }
        if standing.state == State::Deployed {
            write
                .prepare_cached(
                    "INSERT OR IGNORE INTO deliveries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    target.cluster,
                    target.environment,
                    target.app,
                    target.workload,
                    commit.repository,
                    commit.sha,
                    commit.at.as_second(),
                    now,
                    one.arrived,
                ])?;
        }
    }
    write.commit()?;
    Ok(())
}

/// Keeps what happened. Of one that is kept already the first time stays, and whichever form knows more.
pub fn record(database: &mut Connection, changes: &[Change]) -> Result<usize, FileError> {
    let write = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut written = 0;
    for change in changes {
        let known = knows(change);
        let before: Option<(i64, i64)> = write
            .prepare_cached("SELECT known, at FROM changes WHERE id = ?1")?
            .query_row([&change.id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if before.is_some_and(|(before, _)| before >= known) {
            continue;
        }
        let mut change = change.clone();
        if let Some(at) = before.and_then(|(_, at)| Timestamp::from_second(at).ok())
            && change.at_latest
        {
            change.at = at;
        }
        let Ok(document) = serde_json::to_string(&change) else {
            continue;
        };
        write
            .prepare_cached(
                "INSERT OR REPLACE INTO changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                change.id,
                change.at.as_second(),
                change.cluster,
                change.environment.as_deref().unwrap_or_default(),
                change.app.as_deref().unwrap_or_default(),
                kind(change.kind),
                change
                    .commit
                    .as_ref()
                    .map_or("", |commit| commit.sha.as_str()),
                known,
                document,
            ])?;
        written += 1;
    }
    write.commit()?;
    Ok(written)
}

/// What is kept together with what systems tell now, newest first, by the rules of [`record`].
pub fn merged(kept: &[Change], told: &[Change]) -> Vec<Change> {
    let mut all: BTreeMap<&str, Change> = BTreeMap::new();
    for change in kept {
        all.insert(&change.id, change.clone());
    }
    for change in told {
        match all.get_mut(change.id.as_str()) {
            None => {
                all.insert(&change.id, change.clone());
            }
            Some(before) if knows(change) >= knows(before) => {
                let at = if change.at_latest {
                    before.at
                } else {
                    change.at
                };
                *before = Change {
                    at,
                    ..change.clone()
                };
            }
            Some(_) => {}
        }
    }
    let mut all: Vec<Change> = all.into_values().collect();
    all.sort_by(|a, b| (b.at, &a.id).cmp(&(a.at, &b.id)));
    all.truncate(SHOWN);
    all
}

/// How much a change says beyond that it was.
fn knows(change: &Change) -> i64 {
    let parts = [
        change.commit.is_some(),
        change.release.is_some(),
        change.by.is_some(),
        change.before.is_some(),
        change.arrived,
        !change.at_latest,
    ];
    parts.into_iter().map(i64::from).sum()
}

/// What happened in these clusters, newest first. What another version wrote in a form that cannot be read is left out.
pub fn changes(
    database: &Connection,
    clusters: &BTreeSet<String>,
) -> Result<Vec<Change>, FileError> {
    let mut select =
        database.prepare_cached("SELECT cluster, document FROM changes ORDER BY at DESC, id")?;
    let mut rows = select.query([])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let cluster: String = row.get(0)?;
        if !clusters.contains(&cluster) {
            continue;
        }
        let document: String = row.get(1)?;
        if let Ok(change) = serde_json::from_str(&document) {
            changes.push(change);
        }
        if changes.len() == SHOWN {
            break;
        }
    }
    Ok(changes)
}

/// How long things usually take in these clusters.
pub fn usual(
    database: &Connection,
    clusters: &BTreeSet<String>,
) -> Result<HistoryFacts, FileError> {
    let mut facts = HistoryFacts::default();
    let mut samples: BTreeMap<(String, String, StageKind), Vec<i64>> = BTreeMap::new();
    let mut select = database.prepare_cached(
        "SELECT cluster, app, environment, stage, sha, seconds FROM stages ORDER BY seen DESC, sha",
    )?;
    let mut counted = BTreeSet::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let stage: String = row.get(3)?;
        let Some(stage) = StageKind::ALL.into_iter().find(|one| one.name() == stage) else {
            continue;
        };
        if !clusters.contains(&row.get::<_, String>(0)?) {
            continue;
        }
        let (app, environment): (String, String) = (row.get(1)?, row.get(2)?);
        let key = (app, environment, stage);
        let sha: String = row.get(4)?;
        // One commit on several clusters is one sample.
        if counted.insert((key.clone(), sha)) {
            samples.entry(key).or_default().push(row.get(5)?);
        }
    }
    for (key, newest_first) in samples {
        if let Some(usual) = Usual::of(newest_first) {
            facts.stages.insert(key, usual);
        }
    }
    leads(database, clusters, &mut facts)?;
    Ok(facts)
}

/// When each commit's rollout began, where it is known that it arrived; and how long that usually takes.
fn leads(
    database: &Connection,
    clusters: &BTreeSet<String>,
    facts: &mut HistoryFacts,
) -> Result<(), FileError> {
    let mut select = database.prepare_cached(
        "SELECT d.cluster, d.app, d.environment, d.sha, d.committed, coalesce(
             (SELECT min(c.at) FROM changes c WHERE c.sha = d.sha AND c.app = d.app AND c.environment = d.environment
                 AND c.cluster = d.cluster AND c.kind = 'deployment' AND json_extract(c.document, '$.atLatest') IS NULL),
             CASE WHEN d.watched THEN d.seen END) AS live
         FROM deliveries d WHERE live IS NOT NULL
         UNION
         SELECT cluster, app, environment, sha,
             unixepoch(json_extract(document, '$.commit.at')), at
         FROM changes WHERE kind = 'deployment' AND sha != '' AND json_extract(document, '$.arrived')
             AND json_extract(document, '$.atLatest') IS NULL
         ORDER BY live DESC",
    )?;
    let mut samples: BTreeMap<(String, String), BTreeMap<String, i64>> = BTreeMap::new();
    let mut newest: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let cluster: String = row.get(0)?;
        if !clusters.contains(&cluster) {
            continue;
        }
        let (app, environment, sha): (String, String, String) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let (Some(committed), live): (Option<i64>, i64) = (row.get(4)?, row.get(5)?) else {
            continue;
        };
        let seconds = live - committed;
        let (Ok(at), true) = (Timestamp::from_second(live), seconds >= 0) else {
            continue;
        };
        let key = (app.clone(), environment.clone());
        if !samples
            .get(&key)
            .is_some_and(|known| known.contains_key(&sha))
        {
            newest.entry(key.clone()).or_default().push(sha.clone());
        }
        // An environment of two clusters has it when the first one has.
        let sample = samples.entry(key).or_default().entry(sha.clone());
        sample
            .and_modify(|known| *known = (*known).min(seconds))
            .or_insert(seconds);
        if facts.live.len() < LIVE {
            let delivered = Delivered {
                app,
                environment,
                cluster,
                sha,
            };
            let known = facts.live.entry(delivered).or_insert(at);
            *known = (*known).min(at);
        }
    }
    for (key, order) in newest {
        let Some(of_app) = samples.get(&key) else {
            continue;
        };
        let newest_first = order.iter().filter_map(|sha| of_app.get(sha).copied());
        if let Some(usual) = Usual::of(newest_first) {
            facts.leads.insert(key, usual);
        }
    }
    Ok(())
}

/// Deletes what is too old, and the oldest of what is too much.
pub fn prune(database: &mut Connection, now: Timestamp) -> Result<usize, FileError> {
    let oldest = now
        .checked_sub(SignedDuration::from_hours(24 * DAYS))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .as_second();
    let write = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut deleted = 0;
    for (table, age) in [
        ("journeys", "last_seen"),
        ("stages", "seen"),
        ("deliveries", "seen"),
        ("changes", "at"),
    ] {
        deleted += write.execute(&format!("DELETE FROM {table} WHERE {age} < ?1"), [oldest])?;
        let rows: i64 = write.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })?;
        if rows > MOST {
            // The row that is the last to stay says how old what stays may be.
            let edge: Option<i64> = write
                .query_row(
                    &format!("SELECT {age} FROM {table} ORDER BY {age} DESC LIMIT 1 OFFSET ?1"),
                    [MOST],
                    |row| row.get(0),
                )
                .optional()?;
            deleted += write.execute(&format!("DELETE FROM {table} WHERE {age} <= ?1"), [edge])?;
        }
    }
    write.commit()?;
    Ok(deleted)
}

/// A value's word on the wire.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Deployment => "deployment",
        ChangeKind::Rollback => "rollback",
        ChangeKind::Configuration => "configuration",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::in_memory;

    fn fill(database: &Connection, rows: i64) {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
             INSERT INTO stages SELECT 'c', 'production', 'a', 'w', 'r', i, 'build', 1, i FROM n"
        );
        database.execute_batch(&sql).unwrap();
    }

    fn rows(database: &Connection) -> i64 {
        database
            .query_row("SELECT count(*) FROM stages", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn what_is_older_than_ninety_days_goes() {
        let mut database = in_memory().unwrap();
        fill(&database, 10);
        let day = 86_400;
        let now = Timestamp::from_second(DAYS * day + 5).unwrap();
        prune(&mut database, now).unwrap();
        assert_eq!(rows(&database), 5, "the seconds 5 to 9 are left");
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let mut database = in_memory().unwrap();
        fill(&database, MOST + 7);
        prune(&mut database, Timestamp::from_second(MOST).unwrap()).unwrap();
        assert_eq!(rows(&database), MOST);
        let oldest: i64 = database
            .query_row("SELECT min(seen) FROM stages", [], |row| row.get(0))
            .unwrap();
        assert_eq!(oldest, 7);
    }

    #[test]
    fn a_row_in_a_form_that_nobody_knows_is_left_out_of_the_list() {
        let database = in_memory().unwrap();
        database
            .execute_batch(
                "INSERT INTO changes VALUES ('x', 1, 'c', '', '', 'deployment', '', 0, '{}')",
            )
            .unwrap();
        let clusters = BTreeSet::from(["c".to_owned()]);
        assert_eq!(changes(&database, &clusters).unwrap(), []);
        assert_eq!(
            usual(&database, &clusters).unwrap(),
            HistoryFacts::default()
        );
    }
}
