//! One run of a plugin: begun, listened to, and ended with all that it began.
//!
//! Owns the process: nobody talks to it, it may not go on for ever nor print for ever, and no child of it outlives it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::{Plugin, groups};

/// The most that a plugin may print: a credential with a certificate has some kilobytes.
const MOST: usize = 1 << 20;

/// How long after its end its output is still listened to: what it left behind may hold it open.
const LISTEN_AFTER: Duration = Duration::from_millis(500);

/// How it ended, and what it answered.
pub(super) struct Said {
    pub(super) status: ExitStatus,
    /// A credential, if all is well.
    pub(super) stdout: Zeroizing<Vec<u8>>,
}

/// Why it said nothing.
pub(super) enum Broken {
    /// It could not be started, or not be listened to.
    Io(io::Error),
    /// It was ended, because it took too long.
    TooLong,
    /// It was ended, because it printed too much.
    TooMuch,
}

/// Runs it once. Dropping the future ends it.
pub(super) async fn run(plugin: &Plugin, within: Duration) -> Result<Said, Broken> {
    let (mut child, _group) = groups::start(&mut command(plugin)).map_err(Broken::Io)?;
    match tokio::time::timeout(within, listen(&mut child)).await {
        Ok(said) => said,
        Err(_) => Err(Broken::TooLong),
    }
}

fn command(plugin: &Plugin) -> Command {
    let wanted = &plugin.command;
    let mut command = Command::new(&plugin.program);
    command
        .args(wanted.arguments.iter().skip(1))
        .envs(wanted.variables.iter().map(|(name, value)| (name, value)))
        .env("KUBERNETES_EXEC_INFO", &plugin.info)
        // Nobody is there to answer.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It may complain of a password by quoting it: what is never read is repeated nowhere.
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // No console window flashes up for it.
    #[cfg(windows)]
    command.creation_flags(0x0800_0000);
    command
}

async fn listen(child: &mut Child) -> Result<Said, Broken> {
    let stdout = child.stdout.take();
    let mut said = Zeroizing::new(Vec::new());
    let status = {
        let mut heard = std::pin::pin!(hear(stdout, &mut said));
        tokio::select! {
            all = &mut heard => {
                all?;
                child.wait().await
            }
            status = child.wait() => {
                match tokio::time::timeout(LISTEN_AFTER, &mut heard).await {
                    Ok(all) => all.map(|()| status)?,
                    // What was heard so far is all that it said.
                    Err(_) => status,
                }
            }
        }
    };
    Ok(Said {
        status: status.map_err(Broken::Io)?,
        stdout: said,
    })
}

/// Listens to the end, or until it is too much.
async fn hear(stream: Option<impl AsyncRead + Unpin>, heard: &mut Vec<u8>) -> Result<(), Broken> {
    let Some(mut stream) = stream else {
        return Ok(());
    };
    let mut piece = Zeroizing::new([0; 8192]);
    loop {
        let length = stream.read(&mut *piece).await.map_err(Broken::Io)?;
        if length == 0 {
            return Ok(());
        }
        if heard.len() + length > MOST {
            return Err(Broken::TooMuch);
        }
        heard.extend_from_slice(piece.get(..length).unwrap_or_default());
    }
}
