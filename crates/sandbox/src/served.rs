//! The embedded company as a person meets it: running, with a kubeconfig, a team file and AWS credentials in a folder.
//!
//! Owns the folder and the files, and the sweeping of folders that killed processes left. This is all that the window
//! and the terminal get of the company.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::start::{CREDENTIALS, Options, Sandbox, StartError};

/// How temporary folders begin; the process's number follows, so that a later start knows whose they are.
const PREFIX: &str = "landfall-sandbox-";

/// The running company with its files; dropping it ends the servers and removes the folder if it was ours.
pub struct Served {
    /// The company.
    pub sandbox: Sandbox,
    /// The kubeconfig's path.
    pub kubeconfig: PathBuf,
    /// The team file's path.
    pub team: PathBuf,
    /// The path of the team file of people who sign in.
    pub sign_in: PathBuf,
    /// A folder for the reader's clones, so that they go when the company goes.
    pub cache: PathBuf,
    /// A file for what the reader saw of it, so that it goes too.
    pub history: PathBuf,
    /// A folder that runs of actions on it are written down in, so that they go too.
    pub journal: PathBuf,
    /// Removed on drop; none if the caller chose the folder.
    _temporary: Option<tempfile::TempDir>,
}

/// Why the company cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A server or the company itself did not start.
    #[error("the embedded company did not start: {0}")]
    Start(#[from] StartError),
    /// The folder or a file in it cannot be written.
    #[error("the embedded company's files cannot be written to {folder}: {why}", folder = .folder.display())]
    Files {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        why: io::Error,
    },
}

impl Served {
    /// Starts the company and writes its files into `folder`, or into a temporary one.
    ///
    /// # Errors
    /// When a port is taken, or a file cannot be written.
    pub async fn start(options: Options, folder: Option<PathBuf>) -> Result<Self, ServeError> {
        let (temporary, folder) = match folder {
            Some(folder) => (None, folder),
            None => {
                let all = std::env::temp_dir();
                sweep(&all);
                let temporary = tempfile::Builder::new()
                    .prefix(&format!("{PREFIX}{}-", std::process::id()))
                    .tempdir()
                    .map_err(|why| ServeError::Files { folder: all, why })?;
                let folder = temporary.path().to_owned();
                (Some(temporary), folder)
            }
        };
        let failed = |why| ServeError::Files {
            folder: folder.clone(),
            why,
        };
        // Before the company is built: that takes seconds, and this needs none of it.
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let sandbox = Sandbox::start(options).await?;
        let kubeconfig = folder.join("kubeconfig.yaml");
        let team = folder.join("team.yaml");
        let sign_in = folder.join("landfall.yaml");
        std::fs::write(&kubeconfig, sandbox.kubeconfig()).map_err(failed)?;
        std::fs::write(&team, sandbox.team_file()).map_err(failed)?;
        std::fs::write(&sign_in, sandbox.sign_in_file(None)).map_err(failed)?;
        std::fs::write(folder.join(CREDENTIALS), sandbox.credentials_file()).map_err(failed)?;
        // Of this very company: another start's commits have other SHAs on another day.
        let situations = serde_json::to_vec(sandbox.situations())
            .map_err(io::Error::from)
            .map_err(failed)?;
        std::fs::write(folder.join("situations.json"), situations).map_err(failed)?;
        Ok(Self {
            sandbox,
            kubeconfig,
            team,
            sign_in,
            cache: folder.join("cache"),
            history: folder.join("history.db"),
            journal: folder.join("journal"),
            _temporary: temporary,
        })
    }
}

/// Removes what processes left that were killed. What cannot be removed is somebody else's.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && process_of(&entry.file_name()).is_some_and(is_gone) {
            let _others = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The process that made a temporary folder.
fn process_of(name: &OsStr) -> Option<u32> {
    let rest = name.to_str()?.strip_prefix(PREFIX)?;
    let (process, _) = rest.split_once('-')?;
    process.parse().ok()
}

/// Whether a process is certainly gone; where there is no /proc to look at, the system sweeps its temporary folders itself.
fn is_gone(process: u32) -> bool {
    let all = Path::new("/proc");
    all.join("self").exists() && !all.join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_killed_processes_left_are_swept_and_no_others() {
        let all = tempfile::tempdir().expect("a folder");
        // No process has such a number.
        let dead = all.path().join(format!("{PREFIX}4294967295-aB3"));
        let ours = all
            .path()
            .join(format!("{PREFIX}{}-aB3", std::process::id()));
        let other = all.path().join(format!("{PREFIX}keep"));
        for folder in [&dead, &ours, &other] {
            std::fs::create_dir_all(folder.join("cache")).expect("made");
        }
        sweep(all.path());
        assert_eq!(dead.exists(), !Path::new("/proc/self").exists());
        assert!(ours.exists() && other.exists());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let folder = file.path().join("below");
        let error = Served::start(Options::default(), Some(folder.clone()))
            .await
            .err()
            .expect("a file holds no folders");
        assert!(error.to_string().contains(&folder.display().to_string()));
    }
}
