//! The embedded company as a person meets it: running, with a kubeconfig and a team file in a folder.
//!
//! Owns the folder and the two files. This is all that the window and the terminal get of the company.

use std::path::PathBuf;

use crate::start::{Options, Sandbox, StartError};

/// The running company with its files; dropping it ends the servers and removes the folder if it was ours.
pub struct Served {
    /// The company.
    pub sandbox: Sandbox,
    /// The kubeconfig's path.
    pub kubeconfig: PathBuf,
    /// The team file's path.
    pub team: PathBuf,
    /// A folder for the reader's clones, so that they go when the company goes.
    pub cache: PathBuf,
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
    #[error("the embedded company's files cannot be written: {0}")]
    Files(#[from] std::io::Error),
}

impl Served {
    /// Starts the company and writes its files into `folder`, or into a temporary one.
    ///
    /// # Errors
    /// When a port is taken, or a file cannot be written.
    pub async fn start(options: Options, folder: Option<PathBuf>) -> Result<Self, ServeError> {
        let sandbox = Sandbox::start(options).await?;
        let (temporary, folder) = match folder {
            Some(folder) => {
                std::fs::create_dir_all(&folder)?;
                (None, folder)
            }
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("landfall-sandbox-")
                    .tempdir()?;
                let folder = temporary.path().to_owned();
                (Some(temporary), folder)
            }
        };
        let kubeconfig = folder.join("kubeconfig.yaml");
        let team = folder.join("team.yaml");
        std::fs::write(&kubeconfig, sandbox.kubeconfig())?;
        std::fs::write(&team, sandbox.team_file())?;
        // Of this very company: another start's commits have other SHAs on another day.
        let situations = serde_json::to_vec(sandbox.situations()).map_err(std::io::Error::from)?;
        std::fs::write(folder.join("situations.json"), situations)?;
        Ok(Self {
            sandbox,
            kubeconfig,
            team,
            cache: folder.join("cache"),
            _temporary: temporary,
        })
    }
}
