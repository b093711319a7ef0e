//! A keyring of somebody's own: what a sign-in at a code host is kept in, so that another command finds it.
//!
//! Owns its start and its end. The Secret Service is a real one.

use std::path::Path;

use super::{Checked, Wrong};
use crate::peers::PeersError;
use crate::peers::secret_service::{SecretService, programs};
use crate::process::{NotReady, Process, end_all};

/// The keyring. Dropping it ends it.
pub(super) struct Keyring {
    service: SecretService,
    processes: Vec<Process>,
}

impl Keyring {
    /// Starts one that keeps its files in a folder. Must be awaited on the main thread: programs are tied to the life of the
    /// thread that starts them.
    pub(super) async fn start(folder: &Path) -> Checked<Self> {
        std::fs::create_dir_all(folder)?;
        let programs = programs()?;
        let service = SecretService::at(folder, &programs);
        let (bus, keyring) = service.start(&programs, folder).await?;
        let mut started = Self {
            service,
            processes: vec![bus, keyring],
        };
        let not_ready = |why: NotReady| Wrong::from(PeersError::from(why));
        if let Some(keyring) = started.processes.last_mut() {
            started
                .service
                .until_ready(keyring)
                .await
                .map_err(not_ready)?;
        }
        Ok(started)
    }

    /// Where it is found: what `DBUS_SESSION_BUS_ADDRESS` has to be.
    pub(super) fn bus(&self) -> &str {
        &self.service.address
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        end_all(std::mem::take(&mut self.processes));
    }
}
