//! What artifacts hold: the files behind each artifact digest that a source has stored.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::build::{Files, Parsed};
use super::names::digest;
use crate::git::CodeHost;

/// How many commits' files are kept unpacked: the builds of one push come close together.
const KEPT: usize = 16;

/// Where an artifact's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The repository, `owner/name`.
    pub repository: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// The folder that is the artifact's root; empty for the whole repository.
    pub folder: String,
}

impl Origin {
    /// The artifact's digest: the same files from the same place have the same.
    pub fn digest(&self) -> String {
        digest(format!("{}@{}:{}", self.repository, self.commit, self.folder).as_bytes())
    }
}

/// All artifacts of a cluster's source-controller.
#[derive(Debug, Default)]
pub struct Contents {
    origins: HashMap<String, Origin>,
    unpacked: VecDeque<(String, Arc<Files>)>,
    parsed: Parsed,
}

impl Contents {
    /// Stores an artifact and says its digest.
    pub fn store(&mut self, origin: Origin) -> String {
        let digest = origin.digest();
        self.origins.insert(digest.clone(), origin);
        digest
    }

    /// Where an artifact came from.
    pub fn origin(&self, digest: &str) -> Option<&Origin> {
        self.origins.get(digest)
    }

    /// Manifests that were read before: most files are the same from commit to commit.
    pub fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    /// An artifact's files; none if it is not in storage.
    pub fn files(&mut self, digest: &str, code: &CodeHost) -> Option<Arc<Files>> {
        if let Some((_, files)) = self.unpacked.iter().find(|(known, _)| known == digest) {
            return Some(Arc::clone(files));
        }
        let origin = self.origins.get(digest)?;
        let repository = code.repository(&origin.repository)?;
        let below = if origin.folder.is_empty() {
            String::new()
        } else {
            format!("{}/", origin.folder)
        };
        let files: Files = repository
            .files(&origin.commit, &origin.folder)
            .into_iter()
            .filter_map(|(path, content)| Some((path.strip_prefix(&below)?.to_owned(), content)))
            .collect();
        let files = Arc::new(files);
        self.unpacked
            .push_back((digest.to_owned(), Arc::clone(&files)));
        if self.unpacked.len() > KEPT {
            self.unpacked.pop_front();
        }
        Some(files)
    }
}
