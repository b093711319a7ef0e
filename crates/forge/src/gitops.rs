//! A GitOps repository as it stands at a branch's head now, and the one way to change it.
//!
//! Owns the way in from outside: what an edit is made of is read past every cache, all as of one commit, and that commit is
//! what the change is bound to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Forge;
use crate::declared;
use crate::edit::Declared;
use crate::error::Trouble;
use crate::github::writing::{
    CommitFiles, Committed, MayCommit, Opened, PullRequestText, Seen, WriteFailure,
};
use crate::in_git::GitFileError;

/// A file's text, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// Its path, from the repository's root.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether it may be run: it stays so.
    pub is_executable: bool,
}

/// A path of a GitOps repository, as of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtHead {
    /// The branch: the default one where none was named.
    pub branch: String,
    /// Its head.
    pub head: String,
    /// What the path declares.
    pub declared: Declared,
    /// The files that say so.
    pub files: Vec<FileText>,
}

impl AtHead {
    /// The files' texts, for [`crate::edit::places`].
    pub fn texts(&self) -> BTreeMap<String, String> {
        let files = self.files.iter();
        files
            .map(|file| (file.path.clone(), file.text.clone()))
            .collect()
    }
}

impl Forge {
    /// What a path of a GitOps repository declares at the head of a branch, fetched anew. An empty branch is the default
    /// one.
    ///
    /// # Errors
    /// The repository cannot be fetched now, or has no such branch.
    pub async fn at_head(
        &self,
        repository: &str,
        branch: &str,
        path: &str,
    ) -> Result<AtHead, GitFileError> {
        let inner = &self.inner;
        let known = inner.git.repository(repository)?;
        let look = known.newer(inner.clock.now()).await;
        if let Some(trouble) = look.trouble {
            return Err(trouble.into());
        }
        let no_branch =
            |branch: &str| Trouble::Other(format!("{repository} has no branch '{branch}'"));
        let copy = look.copy.ok_or_else(|| no_branch(branch))?;
        let branch = match branch {
            "" => copy.snapshot.default_branch.clone(),
            branch => branch.to_owned(),
        };
        let (wanted, path) = (branch.clone(), path.to_owned());
        let found = known
            .read(Arc::clone(&copy), move |_, history| {
                declared::at_head(history, &wanted, &path)
            })
            .await?;
        let (head, declared) = found.ok_or_else(|| no_branch(&branch))?;
        let head = head.to_string();
        let mut paths: BTreeSet<&str> = BTreeSet::new();
        paths.extend(declared.images.iter().map(|one| one.file.as_str()));
        paths.extend(declared.charts.iter().map(|one| one.file.as_str()));
        paths.extend(declared.sources.iter().map(|one| one.file.as_str()));
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            if let Some(text) = copy.text(&head, path)? {
                files.push(FileText {
                    path: path.to_owned(),
                    text,
                    is_executable: copy.is_executable(&head, path)?,
                });
            }
        }
        Ok(AtHead {
            branch,
            head,
            declared,
            files,
        })
    }

    /// Whether whoever is signed in at the code host may commit to a repository, as far as that is told without trying.
    /// Changes nothing.
    pub async fn may_commit(&self, repository: &str) -> MayCommit {
        self.inner.github.may_commit(repository).await
    }

    /// Commits files on their branch, in one commit on top of the head that they were read at. Every request is sent once.
    ///
    /// # Errors
    /// Nothing was committed, or that cannot be told: then [`Self::find_run`] is asked, and nothing is sent again.
    pub async fn commit(&self, files: &CommitFiles) -> Result<Committed, WriteFailure> {
        self.inner.github.commit_files(files).await
    }

    /// Commits files on a branch of the run's own ([`crate::run_branch`]), and opens a pull request of it into the branch
    /// that they were read from.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn open_pull_request(
        &self,
        files: &CommitFiles,
        text: &PullRequestText,
    ) -> Result<Opened, WriteFailure> {
        self.inner.github.open_pull_request(files, text).await
    }

    /// What a run has left on a branch since a head: its commit, its pull request, its branch; nothing of them where it did
    /// nothing. Asked of the code host itself.
    ///
    /// # Errors
    /// The code host does not say.
    pub async fn find_run(
        &self,
        repository: &str,
        branch: &str,
        since: &str,
        run: &str,
    ) -> Result<Seen, GitFileError> {
        let seen = self.inner.github.find_run(repository, branch, since, run);
        Ok(seen.await?)
    }
}

#[cfg(test)]
mod tests;
