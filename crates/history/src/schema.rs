//! The file: how it is opened, brought up to date, and put aside when it cannot be used.
//!
//! Owns the one table of migrations. Nothing in the file is needed for an answer: whoever cannot use it begins anew,
//! and says so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Each brings the file from the version of its place in the list to the next one. Only ever added to: files of every
/// older version are on people's machines.
const MIGRATIONS: [&str; 1] = [
    "CREATE TABLE journeys (
        cluster TEXT NOT NULL, environment TEXT NOT NULL, app TEXT NOT NULL, workload TEXT NOT NULL,
        repository TEXT NOT NULL, sha TEXT NOT NULL,
        state TEXT NOT NULL, stage TEXT NOT NULL, cause TEXT NOT NULL,
        first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
        PRIMARY KEY (cluster, environment, app, workload, repository, sha, state, stage, cause)
     ) WITHOUT ROWID;
     CREATE INDEX journeys_by_age ON journeys (last_seen);
     CREATE TABLE stages (
        cluster TEXT NOT NULL, environment TEXT NOT NULL, app TEXT NOT NULL, workload TEXT NOT NULL,
        repository TEXT NOT NULL, sha TEXT NOT NULL, stage TEXT NOT NULL,
        seconds INTEGER NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY (cluster, environment, app, workload, repository, sha, stage)
     ) WITHOUT ROWID;
     CREATE INDEX stages_by_age ON stages (seen);
     CREATE TABLE deliveries (
        cluster TEXT NOT NULL, environment TEXT NOT NULL, app TEXT NOT NULL, workload TEXT NOT NULL,
        repository TEXT NOT NULL, sha TEXT NOT NULL,
        committed INTEGER NOT NULL, seen INTEGER NOT NULL, watched INTEGER NOT NULL,
        PRIMARY KEY (cluster, environment, app, workload, repository, sha)
     ) WITHOUT ROWID;
     CREATE INDEX deliveries_by_age ON deliveries (seen);
     CREATE TABLE changes (
        id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, cluster TEXT NOT NULL, environment TEXT NOT NULL,
        app TEXT NOT NULL, kind TEXT NOT NULL, sha TEXT NOT NULL, known INTEGER NOT NULL, document TEXT NOT NULL
     ) WITHOUT ROWID;
     CREATE INDEX changes_by_age ON changes (at);
     CREATE INDEX changes_by_commit ON changes (sha, app, environment);",
];

/// The version that this Landfall writes.
#[expect(clippy::cast_possible_truncation, reason = "the list above is short")]
const VERSION: u32 = MIGRATIONS.len() as u32;

/// How long one process waits for another's write: those take milliseconds.
const BUSY: Duration = Duration::from_secs(5);

/// Why a file was put aside, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A newer Landfall wrote it.
    #[error("a newer version of Landfall wrote it")]
    Newer,
    /// It is no database, or a broken one.
    #[error("it is damaged")]
    Damaged,
    /// The system refuses.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// SQLite refuses.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for FileError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Sqlite(error),
        }
    }
}

impl FileError {
    /// Whether a new file in its place would help.
    pub fn is_of_the_file(&self) -> bool {
        matches!(self, Self::Damaged)
    }
}

/// What opening gives: a database that can be used, and what was put aside for it.
pub struct Opened {
    /// The database.
    pub database: Connection,
    /// Where the file that was there before is now, and why.
    pub aside: Option<(PathBuf, FileError)>,
}

/// Opens the file, or begins a new one where there is none; a damaged one is put aside first.
///
/// # Errors
/// When neither works: the folder cannot be written, the disk is full. A newer version's file is left as it is.
pub fn open(path: &Path) -> Result<Opened, FileError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Two processes that begin at once would put each other's new files aside.
    let lock = File::create(path.with_extension("lock"))?;
    lock.lock()?;
    match usable(path) {
        Ok(database) => Ok(Opened {
            database,
            aside: None,
        }),
        Err(why) if why.is_of_the_file() => {
            let aside = put_aside(path)?;
            Ok(Opened {
                database: usable(path)?,
                aside: Some((aside, why)),
            })
        }
        Err(why) => Err(why),
    }
}

/// A database that lives as long as the process.
///
/// # Errors
/// When SQLite has no memory.
pub fn in_memory() -> Result<Connection, FileError> {
    let mut database = Connection::open_in_memory()?;
    migrate(&mut database)?;
    Ok(database)
}

fn usable(path: &Path) -> Result<Connection, FileError> {
    only_for_its_owner(path)?;
    let mut database = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    database.busy_timeout(BUSY)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    // What is deleted is gone from the file, too.
    database.pragma_update(None, "secure_delete", true)?;
    migrate(&mut database)?;
    let check: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(FileError::Damaged);
    }
    Ok(database)
}

/// Makes the file if there is none. Whoever else uses this machine need not know what runs where; SQLite gives the files
/// beside it the same permissions.
fn only_for_its_owner(path: &Path) -> Result<(), FileError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}

fn migrate(database: &mut Connection) -> Result<(), FileError> {
    let write = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: u32 = write.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(FileError::Newer);
    }
    for (step, number) in MIGRATIONS.iter().zip(0..VERSION) {
        if number >= version {
            write.execute_batch(step)?;
            write.pragma_update(None, "user_version", number + 1)?;
        }
    }
    write.commit()?;
    Ok(())
}

/// Renames a damaged file; the last one is kept.
fn put_aside(path: &Path) -> Result<PathBuf, FileError> {
    let aside = path.with_extension("damaged.db");
    let beside = |path: &Path, ending: &str| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        beside
    };
    for ending in ["-wal", "-shm"] {
        // What lay beside the one before is no part of this one.
        let _absent = std::fs::remove_file(beside(&aside, ending));
    }
    std::fs::rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        // They are there only where somebody did not close the file.
        let _absent = std::fs::rename(beside(path, ending), beside(&aside, ending));
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below").join("history.db");
        (folder, path)
    }

    #[test]
    fn a_file_of_every_older_version_is_brought_up_to_date() {
        for version in 0..=VERSION {
            let (_folder, path) = path();
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let database = Connection::open(&path).unwrap();
            for step in MIGRATIONS.iter().take(version as usize) {
                database.execute_batch(step).unwrap();
            }
            database
                .pragma_update(None, "user_version", version)
                .unwrap();
            drop(database);
            let opened = open(&path).unwrap();
            assert!(opened.aside.is_none(), "version {version}");
            let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
            let tables: u32 = opened
                .database
                .query_row(tables, [], |row| row.get(0))
                .unwrap();
            assert_eq!(tables, 4, "version {version}");
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_as_it_is() {
        let (_folder, path) = path();
        let opened = open(&path).unwrap();
        opened
            .database
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        drop(opened);
        assert!(matches!(open(&path), Err(FileError::Newer)));
        let kept = Connection::open(path).unwrap();
        let version: u32 = kept
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, VERSION + 1);
    }

    #[test]
    fn a_file_that_is_no_database_is_put_aside() {
        for junk in [
            &b"not a database at all, and long enough to be read as one"[..],
            &[0xff; 8192],
        ] {
            let (_folder, path) = path();
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, junk).unwrap();
            let opened = open(&path).unwrap();
            let (aside, why) = opened.aside.unwrap();
            assert!(matches!(why, FileError::Damaged));
            assert_eq!(std::fs::read(aside).unwrap(), junk);
            assert!(open(&path).unwrap().aside.is_none());
        }
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = path();
        let _opened = open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
