//! A real Secret Service: GNOME's keyring on a D-Bus of its own, without a session or a display.
//!
//! The bus starts nothing by itself, so that what answers on it is the one that was started here.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::PeersError;
use crate::process::{NotReady, Process, until};
use crate::tool;

pub(crate) const NAME: &str = "gnome-keyring-daemon";
const HINT: &str = "apt-get install gnome-keyring dbus libsecret-tools";
/// What the keyring is unlocked with.
const PASSWORD: &str = "prove";

/// Where its programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    bus: PathBuf,
    keyring: PathBuf,
    tool: PathBuf,
}

pub(crate) fn programs() -> Result<Programs, PeersError> {
    let find = |name: &str| {
        tool::find(name).ok_or_else(|| PeersError::Missing {
            peer: "a Secret Service",
            why: format!("there is no {name}"),
            hint: HINT,
        })
    };
    Ok(Programs {
        bus: find("dbus-daemon")?,
        keyring: find(NAME)?,
        tool: find("secret-tool")?,
    })
}

/// The Secret Service, as a client finds it.
pub struct SecretService {
    /// What `DBUS_SESSION_BUS_ADDRESS` has to be.
    pub address: String,
    /// Where it stores.
    pub(crate) kept: PathBuf,
    home: PathBuf,
    tool: PathBuf,
}

impl SecretService {
    pub(crate) fn at(folder: &Path, programs: &Programs) -> Self {
        let home = folder.join("home").join(NAME);
        Self {
            address: format!("unix:path={}", folder.join("bus").display()),
            kept: home.join("data/keyrings"),
            home,
            tool: programs.tool.clone(),
        }
    }

    /// Starts the bus, and the keyring when the bus is there.
    pub(crate) async fn start(
        &self,
        programs: &Programs,
        folder: &Path,
    ) -> Result<(Process, Process), PeersError> {
        let configuration = folder.join("bus.conf");
        let mut file = File::create(&configuration)?;
        write!(
            file,
            "<busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            self.address
        )?;
        let arguments = [
            "--nofork".to_owned(),
            format!("--config-file={}", configuration.display()),
        ];
        let mut bus = Process::start("dbus-daemon", &programs.bus, folder, &arguments, &[])?;
        let socket = folder.join("bus");
        until(&mut bus, async || socket.exists()).await?;

        let password = folder.join("keyring-password");
        std::fs::write(&password, PASSWORD)?;
        let arguments = ["--foreground", "--unlock", "--components=secrets"].map(str::to_owned);
        let home = |name: &str| self.home.join(name).display().to_string();
        let environment = [
            ("DBUS_SESSION_BUS_ADDRESS", self.address.clone()),
            ("XDG_RUNTIME_DIR", home("")),
            ("XDG_DATA_HOME", home("data")),
        ];
        let keyring = Process::start_told(
            NAME,
            &programs.keyring,
            folder,
            &arguments,
            &environment,
            File::open(&password)?.into(),
        )?;
        Ok((bus, keyring))
    }

    pub(crate) async fn until_ready(&self, process: &mut Process) -> Result<Duration, NotReady> {
        // Before it is there the tool says why; then it finds nothing, and says nothing.
        let ready = async || {
            let output = self.run(&["lookup", "ready", "is-it"], "").await;
            output.is_ok_and(|output| output.stderr.is_empty())
        };
        until(process, ready).await
    }

    /// Runs `secret-tool`, which speaks to the service over D-Bus, and tells it `told`.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn run(&self, arguments: &[&str], told: &str) -> std::io::Result<Output> {
        let mut child = Command::new(&self.tool)
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // One that wants to be told nothing may be gone already.
            let _told = input.write_all(told.as_bytes()).await;
        }
        child.wait_with_output().await
    }
}
