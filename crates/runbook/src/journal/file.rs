//! The journal's files: one that is only ever added to, and beside it the head that tells whether its end is there.
//!
//! Owns the folder, its locks and what is on the disk when. Several processes may share one folder. What is not on the disk
//! is an error, and whoever gets it sends nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::chain::{self, Flaw, Head, Verified};
use super::runs::{self, Run};
use super::{Event, Record, RunId};
use crate::lease;

/// As much of the file's end as is read at once: most records are smaller.
const BLOCK: u64 = 64 * 1024;

/// What the file is called.
const FILE: &str = "journal.jsonl";

/// A journal's folder.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk says no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried: `write`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("the journal {} is damaged: {flaw}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and why.
        flaw: Flaw,
    },
    /// A record has no form.
    #[error("cannot write a record as JSON: {0}")]
    Form(#[from] serde_json::Error),
}

impl JournalError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "Nothing is sent without a record of it. Make room on the disk, or make the folder writable."
            }
            Self::Damaged { .. } => {
                "Nothing is sent without a record of it. Keep the folder for whoever looks into it, and move it aside: a new journal is begun."
            }
            Self::Form(_) => {
                "Nothing is sent without a record of it. Report this to Landfall's authors."
            }
        }
    }
}

/// The end of the file.
struct Tail {
    /// The last whole line, without its end.
    last: Option<Vec<u8>>,
    /// Where it ends, with its end.
    ends: u64,
    /// What was begun after it.
    torn: Vec<u8>,
}

impl Journal {
    /// The journal in a folder, which is made where it is not there, for this user alone.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let journal = Self {
            folder: folder.into(),
        };
        for folder in [
            journal.folder.clone(),
            journal.path(lease::RUNS),
            journal.path(lease::TARGETS),
        ] {
            private_folder(&folder).map_err(failed("make the folder", &folder))?;
        }
        Ok(journal)
    }

    /// The file of a journal in a folder.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a record, which is on the disk when this returns.
    ///
    /// # Errors
    /// It is not on the disk, or nobody can tell: nothing may follow from it.
    pub fn append(
        &self,
        at: Timestamp,
        run: &RunId,
        event: &Event,
    ) -> Result<Record, JournalError> {
        let _lock = self.lock(File::lock)?;
        let path = self.path(FILE);
        let writing = || failed("write", &path);
        let mut file = private_file(&path).map_err(failed("open", &path))?;
        let tail = tail(&mut file).map_err(failed("read", &path))?;
        let last = self.last(&tail).map_err(|flaw| self.damaged(flaw))?;
        if !tail.torn.is_empty() {
            self.keep_aside(&tail.torn)?;
            file.set_len(tail.ends).map_err(writing())?;
        }
        let (record, mut line) = chain::follow(last.as_ref(), at, run, event)?;
        line.push('\n');
        file.seek(SeekFrom::Start(tail.ends)).map_err(writing())?;
        file.write_all(line.as_bytes()).map_err(writing())?;
        file.sync_data().map_err(writing())?;
        if last.is_none() {
            sync_folder(&self.folder).map_err(failed("write", &self.folder))?;
        }
        self.write_head(&Head {
            number: record.number,
            hash: record.hash.clone(),
        })?;
        Ok(record)
    }

    /// Whether it is what was written.
    ///
    /// # Errors
    /// The first record that does not fit, or why that cannot be told.
    pub fn verify(&self) -> Result<Verified, JournalError> {
        self.read(|reader, head| {
            chain::verify(reader, head).map(|verified| (verified.clone(), verified))
        })
    }

    /// All its records, each of which fits.
    ///
    /// # Errors
    /// The first record that does not fit, or why that cannot be told.
    pub fn records(&self) -> Result<Vec<Record>, JournalError> {
        self.read(chain::records)
    }

    /// All its runs, each with how it stands.
    ///
    /// # Errors
    /// The first record that does not fit, or why that cannot be told.
    pub fn runs(&self) -> Result<Vec<Run>, JournalError> {
        let open = runs::open(&self.records()?);
        let mut dead = Vec::new();
        for run in open {
            let path = lease::run_lock(&self.folder, &run);
            if !lease::is_held(&path).map_err(failed("look at", &path))? {
                dead.push(run);
            }
        }
        // Read again after the look at the locks: what ended in between is no interrupted run.
        Ok(runs::runs(&self.records()?, |run| !dead.contains(run)))
    }

    fn read<T>(
        &self,
        with: impl FnOnce(BufReader<File>, Option<&Head>) -> Result<(T, Verified), Flaw>,
    ) -> Result<T, JournalError> {
        let _lock = self.lock(File::lock_shared)?;
        let path = self.path(FILE);
        let file = private_file(&path).map_err(failed("open", &path))?;
        let head = self.head().map_err(|flaw| self.damaged(flaw))?;
        let (found, verified) =
            with(BufReader::new(file), head.as_ref()).map_err(|flaw| self.damaged(flaw))?;
        headed(verified.records, head.as_ref()).map_err(|flaw| self.damaged(flaw))?;
        Ok(found)
    }

    /// The last record, if it and the head fit each other. The file may be ahead of the head: this program ended between.
    fn last(&self, tail: &Tail) -> Result<Option<Head>, Flaw> {
        let head = self.head()?;
        let link = tail.last.as_ref().map(|line| chain::link(line));
        let (last, before) = link.transpose().map_err(Flaw::Last)?.unzip();
        let number = last.as_ref().map_or(0, |last: &Head| last.number);
        headed(number, head.as_ref())?;
        let Some(head) = head else { return Ok(last) };
        let fits = match number.checked_sub(head.number) {
            None => return Err(chain::cut(number + 1, &head)),
            Some(0) => last.as_ref() == Some(&head),
            Some(1) => before.as_ref() == Some(&head.hash),
            // The newest heads were lost with the power: `verify` reads as far back as the one that was kept.
            Some(_) => true,
        };
        if fits {
            Ok(last)
        } else {
            Err(Flaw::Broken {
                number: head.number,
                why: chain::ANEW.to_owned(),
            })
        }
    }

    fn head(&self) -> Result<Option<Head>, Flaw> {
        match fs::read(self.path("journal.head")) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| Flaw::Head(format!("cannot be read: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write_head(&self, head: &Head) -> Result<(), JournalError> {
        let path = self.path("journal.head");
        let new = self.path("journal.head.new");
        let text = serde_json::to_vec(head)?;
        let write = || {
            let mut file = private_file(&new)?;
            file.set_len(0)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&new, &path)
        };
        write().map_err(failed("write", &path))
    }

    /// What a process that ended was writing: nothing followed from it, and it is kept all the same.
    fn keep_aside(&self, torn: &[u8]) -> Result<(), JournalError> {
        let path = self.path("journal.torn");
        let write = || {
            let mut file = private_file(&path)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(torn)?;
            file.write_all(b"\n")?;
            file.sync_data()
        };
        write().map_err(failed("write", &path))
    }

    fn lock(&self, how: impl FnOnce(&File) -> io::Result<()>) -> Result<File, JournalError> {
        let path = self.path("journal.lock");
        let file = private_file(&path).map_err(failed("open", &path))?;
        how(&file).map_err(failed("lock", &path))?;
        Ok(file)
    }

    fn damaged(&self, flaw: Flaw) -> JournalError {
        let path = self.path(FILE);
        match flaw {
            Flaw::Io(source) => JournalError::Io {
                doing: "read",
                path,
                source,
            },
            flaw => JournalError::Damaged { path, flaw },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A head is missing only where the program ended before it wrote the first.
fn headed(records: u64, head: Option<&Head>) -> Result<(), Flaw> {
    if head.is_none() && records > 1 {
        return Err(Flaw::Head("is missing".to_owned()));
    }
    Ok(())
}

/// The end of a file, without reading all of it.
fn tail(file: &mut File) -> io::Result<Tail> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut from = length;
    let mut read: Vec<u8> = Vec::new();
    let is_end = |byte: &u8| *byte == b'\n';
    loop {
        let ends = read.iter().rposition(is_end);
        let begins = ends.and_then(|ends| read[..ends].iter().rposition(is_end));
        if begins.is_none() && from > 0 {
            let step = from.min(BLOCK.max(length - from));
            from -= step;
            file.seek(SeekFrom::Start(from))?;
            let mut block = Vec::new();
            file.take(step).read_to_end(&mut block)?;
            block.append(&mut read);
            read = block;
            continue;
        }
        let begins = begins.map_or(0, |end| end + 1);
        let torn = ends.map_or(0, |end| end + 1);
        return Ok(Tail {
            last: ends.map(|end| read[begins..end].to_vec()),
            ends: from + torn as u64,
            torn: read[torn..].to_vec(),
        });
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io {
        doing,
        path,
        source,
    }
}

/// Opens a file to read and write, and makes it where it is not there, for this user alone.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Makes a new file's name last. Only Unix has a way to.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests;
