//! What ends a run from outside: Ctrl-C, or being told to.
//!
//! Owns the two signals, their words and their exit codes. Whoever waits for them drops what it was doing, and what was
//! started ends with that.

use std::io::Result;

/// Why a run ends early.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// Ctrl-C: SIGINT.
    Interrupted,
    /// `kill`, a supervisor or `--down`: SIGTERM.
    Terminated,
}

impl Ending {
    /// 128 and the signal's number, as shells have it.
    pub fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What is said.
    pub fn words(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted: everything that was started is ended",
            Self::Terminated => "told to end: everything that was started is ended",
        }
    }
}

/// The signals, heeded from the moment this is made, also where SIGINT was ignored from the start: as in whatever a
/// script starts in the background.
#[cfg(unix)]
pub struct Endings {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Endings {
    /// Begins to heed them.
    ///
    /// # Errors
    /// The system refuses.
    pub fn heed() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the first.
    pub async fn first(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
        }
    }
}

/// Elsewhere there is only Ctrl-C.
#[cfg(not(unix))]
pub struct Endings;

#[cfg(not(unix))]
impl Endings {
    /// Begins to heed it.
    ///
    /// # Errors
    /// None.
    pub fn heed() -> Result<Self> {
        Ok(Self)
    }

    /// Waits for it.
    pub async fn first(&mut self) -> Ending {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Ending::Interrupted
    }
}
