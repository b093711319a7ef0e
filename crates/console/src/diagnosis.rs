//! The diagnosis: all that is known of why an app or an object stands as it does, as one report to be read and passed on.
//!
//! Owns what is gathered for it, its bounds, and the reports of the last minutes, so that the one that was read is the one that
//! is saved. It reads only, and asks for no Secret and no ConfigMap. `gather` reads, `report` writes without any system, and
//! everything foreign in it passes `redact`.

mod compare;
mod gather;
mod logs;
mod markdown;
mod object;
mod redact;
mod report;

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api::diagnosis::Diagnosis;
use api::error::Code;
use api::{Change, Error, Journey, ObjectRef};
use facts::Kind;
use jiff::Timestamp;
use journey::Whereabouts;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::logs::Log;
use crate::Console;
use crate::sources::downloads_folder;

/// The longest that a report is waited for, whatever the patience.
const LONGEST: Duration = Duration::from_secs(120);
/// The most reports that can still be saved.
const MOST_KEPT: usize = 8;

/// What was found.
#[derive(Clone, Debug)]
struct Found {
    object: ObjectRef,
    at: Timestamp,
    place: Whereabouts,
    /// The app's journey to where the object is.
    journeys: Vec<Journey>,
    /// What of the object, its owners and what applies it could be read, the object first.
    objects: Vec<Seen>,
    pods: Vec<Value>,
    logs: Vec<Log>,
    nodes: Vec<Value>,
    /// The events of all these, the newest first.
    events: Vec<Value>,
    /// The newest first.
    changes: Vec<Change>,
    siblings: Vec<Sibling>,
    /// What could not be read, with why, a sentence each.
    unread: Vec<String>,
}

/// One object, and what it is to the one that is asked about.
#[derive(Clone, Debug)]
struct Seen {
    is: Is,
    object: ObjectRef,
    json: Value,
}

/// What an object is to the one that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Itself,
    Owner,
    Applier,
    Source,
    /// What runs the app, where something else of it is asked about.
    Workload,
}

impl Is {
    fn words(self) -> &'static str {
        match self {
            Self::Itself => "what is asked about",
            Self::Owner => "owns it",
            Self::Applier => "applies it",
            Self::Source => "is what that is fetched from",
            Self::Workload => "runs the app",
        }
    }
}

/// The app's workload in another place, where it is well.
#[derive(Clone, Debug)]
struct Sibling {
    environment: String,
    object: ObjectRef,
    json: Value,
}

/// The reports of the last minutes.
#[derive(Debug, Default)]
pub struct Diagnoses(Mutex<VecDeque<Diagnosis>>);

impl Diagnoses {
    fn keep(&self, one: &Diagnosis) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| known.id != one.id);
        kept.push_back(one.clone());
        while kept.len() > MOST_KEPT {
            kept.pop_front();
        }
    }

    fn kept(&self, id: &str) -> Result<Diagnosis, Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|one| one.id == id).cloned();
        found.ok_or_else(|| {
            Error::new(Code::NotFound, "there is no such diagnosis here any more")
                .hint("Diagnose again, and save that.")
        })
    }
}

/// The kinds of objects that can be diagnosed, as objects spell them.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    let others = [
        "CronJob",
        "Job",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    ];
    Kind::ALL.into_iter().map(Kind::name).chain(others)
}

/// Gathers what is known of an object, and writes the report.
pub(super) async fn diagnose(
    console: &Console,
    object: &ObjectRef,
    patience: Duration,
) -> Result<Diagnosis, Error> {
    let found = gather::gather(console, object, patience.min(LONGEST)).await?;
    let markdown = report::write(&found);
    let one = Diagnosis {
        id: hex(&Sha256::digest(markdown.as_bytes())),
        object: object.clone(),
        at: found.at,
        is_read: found.objects.iter().any(|seen| seen.is == Is::Itself),
        unread: found.unread.len(),
        markdown,
    };
    console.diagnoses.keep(&one);
    Ok(one)
}

/// Saves a report as it was read: to the file, or to one of its own in the folder for downloads. The file.
pub(super) fn save(console: &Console, id: &str, to: Option<&Path>) -> Result<PathBuf, Error> {
    let one = console.diagnoses.kept(id)?;
    let path = to.map_or_else(|| place(&one), Path::to_path_buf);
    write(&path, &one.markdown)?;
    Ok(path)
}

/// Where a report goes that nobody named a file for. Names of objects are foreign: what is no plain letter is left out.
fn place(one: &Diagnosis) -> PathBuf {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = one.object.name.chars().filter(is_plain).take(60).collect();
    let at = one.at.strftime("%Y%m%dT%H%M%SZ");
    downloads_folder().join(format!("landfall-diagnosis-{name}-{at}.md"))
}

/// Writes it to a file that is not there yet, for its owner alone.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |why: &std::io::Error| {
        let message = format!(
            "the diagnosis cannot be written to {}: {why}",
            path.display()
        );
        Error::new(Code::BadFile, message)
    };
    let mut file = options.open(path).map_err(|why| {
        let hint = match why.kind() {
            std::io::ErrorKind::AlreadyExists => "Name another file: nothing is written over.",
            _ => "Name a file in a folder that is there and that you may write to.",
        };
        failed(&why).hint(hint)
    })?;
    file.write_all(text.as_bytes()).map_err(|why| {
        // Half a report is none. Why it was half is what is said.
        let _ = std::fs::remove_file(path);
        failed(&why)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
