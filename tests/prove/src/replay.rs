//! A recording as a world that can be asked: the embedded company's own servers with what was recorded in them.
//!
//! Owns the servers, their files and the clock that stands where the recording was taken. No controllers run: nothing
//! becomes other than it was recorded.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sandbox::clock::Clock;
use sandbox::git::{CodeHost, GitError};
use sandbox::github::GitHub;
use sandbox::kubernetes::{Store, StoreError};
use sandbox::registry::Registry;
use sandbox::serve::{ANY_PORT, Server};
use sandbox::{faults::Faults, git, github, kubernetes, registry};
use serde_json::json;

use crate::leftover;
use crate::recording::scrub::replay;
use crate::recording::{Recording, sorted};

/// The cluster's name: as on the ground.
const CLUSTER: &str = "ground";

/// The beginning of the names of replays' folders.
const FOLDER: &str = "landfall-replay-";

/// Where Linux keeps files in memory; elsewhere there is the temporary folder.
const MEMORY: &str = "/dev/shm";

/// Why a recording cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// An object that no cluster has.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What follows from the recording is called otherwise in it: somebody edited it.
    #[error("the recording calls it {recorded}, and it is {is}: was it edited by hand?")]
    Edited {
        /// What it says.
        recorded: String,
        /// What follows.
        is: String,
    },
    /// A port or a file.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A recording being served. Dropping it ends it.
pub struct World {
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// The team file.
    pub team: PathBuf,
    /// A folder for clones.
    pub cache: PathBuf,
    /// The recorded now, going on.
    pub clock: Clock,
    _servers: Vec<Server>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Serves a recording.
    ///
    /// # Errors
    /// It was edited so that it does not fit together, or a port cannot be had.
    pub async fn start(recording: &Recording) -> Result<Self, ReplayError> {
        Self::start_with(recording, |_| {}).await
    }

    /// Serves a recording, with what the code host knows beside Git.
    ///
    /// # Errors
    /// It was edited so that it does not fit together, or a port cannot be had.
    pub async fn start_with(
        recording: &Recording,
        host_knows: impl FnOnce(&GitHub),
    ) -> Result<Self, ReplayError> {
        let clock = Clock::default();
        clock.advance(recording.now.duration_since(Timestamp::now()));
        let store = Store::new(CLUSTER, clock.clone());
        for object in &recording.objects {
            store.restore(object.clone())?;
        }
        let code = CodeHost::new(clock.clone())?;
        for (path, recorded) in &recording.repositories {
            let repository = code.create(path)?;
            for commit in &recorded.commits {
                same(&commit.sha, replay(&code, path, commit)?)?;
            }
            for (branch, sha) in &recorded.branches {
                repository.branch(branch, sha)?;
            }
            for (tag, sha) in &recorded.tags {
                repository.tag(tag, sha)?;
            }
        }
        let images = Registry::new(clock.clone());
        for image in &recording.images {
            let (manifest, config) = (sorted(&image.manifest), image.config.as_ref().map(sorted));
            let digest = images.restore(&image.repository, &manifest, config.as_ref());
            for tag in &image.tags {
                images.tag(&image.repository, tag, &digest);
            }
            same(&image.digest, digest)?;
        }

        let hub = GitHub::new(code.clone(), host(recording, "code"));
        host_knows(&hub);
        let code = git::router(&code, &Faults::default()).merge(github::router(&hub));
        let cluster = Server::start(&clock, kubernetes::router(store), ANY_PORT).await?;
        let code = Server::start(&clock, code, ANY_PORT).await?;
        let images = Server::start(&clock, registry::router(&images), ANY_PORT).await?;
        // Clones are many small files, and a third of a replay's time on a disk.
        let memory = Path::new(MEMORY);
        leftover::sweep(memory, FOLDER);
        let folder = leftover::folder(memory, FOLDER)
            .or_else(|_| leftover::folder(&std::env::temp_dir(), FOLDER))?;
        let kubeconfig = folder.path().join("kubeconfig.yaml");
        let team = folder.path().join("team.yaml");
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": CLUSTER,
            "clusters": [{"name": CLUSTER, "cluster": {"server": cluster.url()}}],
            "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": "admin"}}],
            "users": [{"name": "admin", "user": {}}],
        });
        std::fs::write(&kubeconfig, config.to_string())?;
        let address = code.url();
        let file = json!({
            "version": 1,
            "name": "Recording",
            "codeHosts": [{"host": host(recording, "code"), "address": address, "api": format!("{address}/api/v3")}],
            "registries": [{"host": host(recording, "registry"), "address": images.url()}],
        });
        std::fs::write(&team, file.to_string())?;
        Ok(Self {
            kubeconfig,
            team,
            cache: folder.path().join("cache"),
            clock,
            _servers: vec![cluster, code, images],
            _folder: folder,
        })
    }
}

/// The scenario's word for a host.
fn host<'r>(recording: &'r Recording, place: &str) -> &'r str {
    recording.words.get(place).map_or("", String::as_str)
}

fn same(recorded: &str, is: String) -> Result<(), ReplayError> {
    if recorded == is {
        return Ok(());
    }
    Err(ReplayError::Edited {
        recorded: recorded.to_owned(),
        is,
    })
}

impl Recording {
    /// A text of the scenario with its places filled in.
    pub fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (place, word) in &self.words {
            text = text.replace(&format!("{{{place}}}"), word);
        }
        text
    }
}
