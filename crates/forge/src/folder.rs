//! The files of a folder of a repository as of one pinned commit, such as a team's actions.
//!
//! Owns what counts as pinned: a whole commit, or a tag. A branch moves, and with it what it pins. The copy is the one that
//! everything else is read from, with the tokens of whoever signed in at the code host.

use gix::bstr::ByteSlice as _;

use crate::Forge;
use crate::config::shown;
use crate::error::Trouble;
use crate::git::Copy;
use crate::in_git::{GitFileError, GitLink};

/// The most files that are read of a folder.
const MOST_FILES: usize = 200;

/// A folder as of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderAt {
    /// The commit, whole.
    pub commit: String,
    /// Its files in the order of their names; of folders in it, and of links, nothing.
    pub files: Vec<FileAt>,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAt {
    /// Its name in the folder. Git lets it be any text.
    pub name: String,
    /// What is in it; `None` where that is more than was asked for.
    pub bytes: Option<Vec<u8>>,
}

impl Forge {
    /// Files of a folder whose names end so, as of the commit or the tag that the link pins. `heaviest` is the most that a
    /// file may weigh, in bytes, to be read.
    ///
    /// # Errors
    /// The repository cannot be read, the link pins nothing, or there is no such folder there.
    pub async fn folder(
        &self,
        link: &GitLink,
        endings: &[&str],
        heaviest: u64,
    ) -> Result<FolderAt, GitFileError> {
        let repository = shown(link.repository());
        let pinned = link.reference().ok_or_else(|| {
            GitFileError::Else(format!(
                "no commit or tag of {repository} is named: ?ref= does"
            ))
        })?;
        let inner = &self.inner;
        let known = inner.git.repository(&link.key())?;
        let mut look = known.fresh().await;
        if look
            .copy
            .as_deref()
            .is_none_or(|copy| commit(copy, pinned).is_none())
        {
            look = known.newer(inner.clock.now()).await;
        }
        // What a commit holds does not change: a copy that has it is as good as a fresh one.
        let found = look
            .copy
            .as_deref()
            .and_then(|copy| Some((copy, commit(copy, pinned)?)));
        let Some((copy, commit)) = found else {
            if let Some(trouble) = look.trouble {
                return Err(trouble.into());
            }
            let is_branch = |copy: &Copy| copy.snapshot.branches.contains_key(pinned);
            let says = if look.copy.as_deref().is_some_and(is_branch) {
                format!(
                    "'{pinned}' is a branch of {repository}, and moves: a commit or a tag does not"
                )
            } else {
                format!("{repository} has no commit or tag '{pinned}'")
            };
            return Err(GitFileError::Else(says));
        };
        let path = link.path().trim_matches('/');
        let files = files(copy, &commit, path, endings, heaviest)?.ok_or_else(|| {
            GitFileError::Else(format!("{repository} has no folder {path} at {pinned}"))
        })?;
        Ok(FolderAt { commit, files })
    }
}

/// The commit that is pinned, if the copy has it: by its whole name, or by a tag.
fn commit(copy: &Copy, pinned: &str) -> Option<String> {
    let Ok(id) = gix::ObjectId::from_hex(pinned.as_bytes()) else {
        return copy.snapshot.tags.get(pinned).cloned();
    };
    let is_there = copy.repository().find_commit(id).is_ok();
    is_there.then(|| id.to_string())
}

fn files(
    copy: &Copy,
    commit: &str,
    path: &str,
    endings: &[&str],
    heaviest: u64,
) -> Result<Option<Vec<FileAt>>, Trouble> {
    let broken =
        |error: &dyn std::error::Error| Trouble::Other(format!("{path} cannot be read: {error}"));
    let repository = copy.repository();
    let id = gix::ObjectId::from_hex(commit.as_bytes()).map_err(|error| broken(&error))?;
    let commit = repository.find_commit(id).map_err(|error| broken(&error))?;
    let root = commit.tree().map_err(|error| broken(&error))?;
    let entry = root.lookup_entry_by_path(path);
    let entry = entry.map_err(|error| broken(&error))?;
    let Some(entry) = entry.filter(|entry| entry.mode().is_tree()) else {
        return Ok(None);
    };
    let folder = entry.object().map_err(|error| broken(&error))?.into_tree();
    let mut files = Vec::new();
    for entry in folder.iter() {
        let entry = entry.map_err(|error| broken(&error))?;
        let name = entry.filename().to_str_lossy().into_owned();
        if !entry.mode().is_blob() || !endings.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        if files.len() == MOST_FILES {
            return Err(Trouble::Other(format!(
                "{path} holds more than {MOST_FILES} files"
            )));
        }
        let header = entry.id().header().map_err(|error| broken(&error))?;
        let bytes = if header.size() > heaviest {
            None
        } else {
            let object = entry.object().map_err(|error| broken(&error))?;
            Some(object.data.clone())
        };
        files.push(FileAt { name, bytes });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Some(files))
}
