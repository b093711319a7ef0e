//! One of the team's folders of actions, in Git at a pinned commit.
//!
//! Owns that it is fetched once and kept: what a pin names does not change, so that a machine that has read it needs no code
//! host for it any more, and a tag that is moved later moves nothing here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use forge::{FileAt, Forge, GitFileError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::heaviest;
use crate::team_file::acting::ActionsLink;

/// What could not be read is not asked for again sooner.
const RETRY: Duration = Duration::from_secs(30);
/// How an action file's name ends.
const ENDINGS: [&str; 2] = [".yaml", ".yml"];

/// Why nothing is known of a folder, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotKnown(pub String);

/// A folder in Git.
pub(super) struct Pinned {
    link: ActionsLink,
    forge: Forge,
    /// The file that what was read is kept in.
    cache: PathBuf,
    state: Mutex<State>,
    /// Held by whoever reads: the others wait for what that brings.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
enum State {
    #[default]
    Unread,
    Read(Arc<Kept>),
    Failed(GitFileError, Instant),
}

/// What was read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The link: whatever else has this file's name is no copy of it.
    from: String,
    /// The commit that it was read at.
    commit: String,
    pub(super) files: Vec<KeptFile>,
}

/// A file of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFile {
    pub(super) name: String,
    /// What it says, or why it cannot be an action.
    pub(super) text: Result<String, String>,
}

impl Pinned {
    pub(super) fn new(link: ActionsLink, forge: Forge, cache: &Path) -> Self {
        let name: String = Sha256::digest(link.text())
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            cache: cache.join("actions").join(format!("{name}.json")),
            link,
            forge,
            state: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
        }
    }

    /// What its files are named by: the folder, without what pins it.
    pub(super) fn place(&self) -> &str {
        self.link.place()
    }

    /// Whether reading it may bring something that is not known.
    pub(super) fn is_wanted(&self) -> bool {
        match &*self.state() {
            State::Unread => true,
            State::Read(_) => false,
            State::Failed(_, at) => at.elapsed() >= RETRY,
        }
    }

    /// What is known of it.
    ///
    /// # Errors
    /// Why nothing is, in a sentence.
    pub(super) fn known(&self) -> Result<Arc<Kept>, NotKnown> {
        match &*self.state() {
            State::Read(kept) => Ok(Arc::clone(kept)),
            State::Unread => Err(NotKnown(format!(
                "the team's actions in {} are still being read",
                self.place()
            ))),
            State::Failed(why, _) => Err(NotKnown(format!(
                "the team's actions in {} cannot be read: {why}",
                self.place()
            ))),
        }
    }

    /// Whether nothing is known of it because its code host does not answer, or not to us: it may be as it should be.
    pub(super) fn is_out_of_reach(&self) -> bool {
        matches!(
            &*self.state(),
            State::Unread
                | State::Failed(GitFileError::Unreachable(_) | GitFileError::Denied(_), _)
        )
    }

    /// Reads it, from what is kept or from the code host.
    pub(super) async fn read(&self) {
        let _held = self.gate.lock().await;
        if !self.is_wanted() {
            return;
        }
        if let Some(kept) = self.kept() {
            *self.state() = State::Read(Arc::new(kept));
            return;
        }
        let read = self
            .forge
            .folder(self.link.link(), &ENDINGS, heaviest())
            .await;
        let state = match read {
            Ok(folder) => {
                let kept = Kept {
                    from: self.link.text().to_owned(),
                    commit: folder.commit,
                    files: folder.files.into_iter().map(kept_file).collect(),
                };
                if let Err(why) = self.keep(&kept) {
                    // It is here, and read from the code host again the next time.
                    tracing::warn!(%why, "the team's actions cannot be kept");
                }
                State::Read(Arc::new(kept))
            }
            Err(why) => State::Failed(why, Instant::now()),
        };
        *self.state() = state;
    }

    fn kept(&self) -> Option<Kept> {
        let text = std::fs::read(&self.cache).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.from == self.link.text()).then_some(kept)
    }

    /// Written beside and renamed: whoever reads sees the whole of it, or nothing.
    fn keep(&self, kept: &Kept) -> std::io::Result<()> {
        let beside = self
            .cache
            .with_extension(format!("{}.new", std::process::id()));
        if let Some(folder) = self.cache.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&beside, serde_json::to_vec(kept)?)?;
        std::fs::rename(&beside, &self.cache)
    }

    /// Where what was read is kept.
    #[cfg(test)]
    pub(super) fn cache_file(&self) -> &Path {
        &self.cache
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept_file(file: FileAt) -> KeptFile {
    let text = match file.bytes {
        None => Err(format!("it is larger than {} KiB", heaviest() / 1024)),
        Some(bytes) => String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned()),
    };
    KeptFile {
        name: file.name,
        text,
    }
}
