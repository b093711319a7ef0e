//! The sign-in plugins of kubeconfigs that a person allowed, each by the digest of exactly that command.
//!
//! Owns the file. It holds digests alone: what a command is given may be a secret.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use api::Error;
use api::error::Code;

/// What was allowed.
pub struct Allowed {
    /// None where nothing is remembered.
    file: Option<PathBuf>,
    digests: Arc<RwLock<BTreeSet<String>>>,
}

impl Allowed {
    /// What was allowed before, as a folder of the platform's for data remembers it. What cannot be read allows nothing.
    pub fn in_folder(folder: Option<&Path>) -> Self {
        let file = folder.map(|folder| folder.join("allowed-plugins.json"));
        let digests = file.as_deref().map(read).unwrap_or_default();
        Self {
            file,
            digests: Arc::new(RwLock::new(digests)),
        }
    }

    /// Answers for the edge whether a command may run.
    pub fn consent(&self) -> cluster::Consent {
        let digests = Arc::clone(&self.digests);
        cluster::Consent::new(move |command| {
            let digests = digests.read().unwrap_or_else(PoisonError::into_inner);
            digests.contains(&command.digest())
        })
    }

    /// Whether exactly this command was allowed.
    pub fn allows(&self, command: &cluster::Command) -> bool {
        let digests = self.digests.read().unwrap_or_else(PoisonError::into_inner);
        digests.contains(&command.digest())
    }

    /// Allows a command, and remembers that.
    ///
    /// # Errors
    /// It cannot be remembered; it is allowed for as long as this process lives.
    pub fn allow(&self, digest: &str) -> Result<(), Error> {
        let mut all = self.digests.write().unwrap_or_else(PoisonError::into_inner);
        // Another process may have allowed others meanwhile.
        all.extend(self.file.as_deref().map(read).unwrap_or_default());
        all.insert(digest.to_owned());
        let Some(file) = &self.file else {
            return Ok(());
        };
        let written = serde_json::to_string(&*all)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                let beside = file.with_extension(format!("{}.json", std::process::id()));
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(&beside, text)?;
                std::fs::rename(&beside, file)
            });
        written.map_err(|why| {
            Error::new(
                Code::BadFile,
                format!(
                    "the command may run until Landfall is closed, and {} cannot be written: {why}",
                    file.display()
                ),
            )
        })
    }
}

fn read(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_is_remembered_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("data");
        let first = Allowed::in_folder(Some(&folder));
        first.allow("a").expect("written");
        let second = Allowed::in_folder(Some(&folder));
        second.allow("b").expect("written");
        first.allow("c").expect("written");
        let all = read(&folder.join("allowed-plugins.json"));
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        std::fs::write(folder.join("allowed-plugins.json"), "[\"a\"").expect("written");
        let broken = Allowed::in_folder(Some(&folder));
        assert!(broken.digests.read().expect("whole").is_empty());
    }
}
