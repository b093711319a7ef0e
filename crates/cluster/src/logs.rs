//! The end of a container's log, in bounded memory.
//!
//! Owns how much of a log is read. What in it may be shown is not known here: whoever shows it hides what looks like a secret.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::AsyncReadExt;

use crate::failure::{Failure, silent};
use crate::read::ReadError;
use crate::server::segment;
use crate::watch::Shared;

/// A line of a log is kept to this many bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// At most this many bytes of a log are sent and read. The server begins with the first of the wanted lines, so that what is
/// left out are the last: [`LogTail::cut`] says it.
const LONGEST_LOG: usize = 2 * 1024 * 1024;

/// What is read of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogWanted<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container.
    pub container: &'a str,
    /// Whether its life before the present one is meant.
    pub previous: bool,
    /// How many lines, counted from the end.
    pub lines: usize,
    /// Whether each line begins with the time at which it was written.
    pub timestamps: bool,
}

/// The end of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTail {
    /// The lines, oldest first. Foreign text, each of at most 16 KiB.
    pub lines: Vec<String>,
    /// Whether the very end is missing, because the lines before it are too long.
    pub cut: bool,
}

/// Reads the end of a log.
pub(crate) async fn tail(
    shared: &Arc<Shared>,
    cluster: &str,
    wanted: &LogWanted<'_>,
) -> Result<LogTail, ReadError> {
    let subject = format!(
        "the log of {} in Pod {}/{}",
        wanted.container, wanted.namespace, wanted.pod
    );
    let server = shared.line.server().ok_or(ReadError::NotConnected {
        cluster: cluster.to_owned(),
        subject: subject.clone(),
    })?;
    let failed = |failure: Failure| ReadError::Failed {
        cluster: cluster.to_owned(),
        subject: subject.clone(),
        failure,
    };
    let within = shared.options.list_within;
    let read = async {
        let mut stream = server.lines(&path(wanted), within).await?;
        let mut last = LastLines::new(wanted.lines);
        let mut chunk = vec![0; 16 * 1024];
        let mut all = 0;
        loop {
            let read = stream
                .read(&mut chunk)
                .await
                .map_err(|error| Failure::stream(&error, &server.host))?;
            all += read;
            last.add(chunk.get(..read).unwrap_or_default());
            if read == 0 || all >= LONGEST_LOG {
                return Ok(LogTail {
                    lines: last.end(),
                    cut: all >= LONGEST_LOG,
                });
            }
        }
    };
    match tokio::time::timeout(within, read).await {
        Ok(read) => read.map_err(failed),
        Err(_) => Err(failed(silent(&server.host))),
    }
}

/// The path of a pod's log, with what is wanted of it.
fn path(wanted: &LogWanted<'_>) -> String {
    let mut path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?tailLines={}&limitBytes={LONGEST_LOG}&container={}",
        segment(wanted.namespace),
        segment(wanted.pod),
        wanted.lines,
        segment(wanted.container)
    );
    for (is_wanted, flag) in [
        (wanted.previous, "&previous=true"),
        (wanted.timestamps, "&timestamps=true"),
    ] {
        if is_wanted {
            path.push_str(flag);
        }
    }
    path
}

/// The last lines of a stream.
struct LastLines {
    most: usize,
    lines: VecDeque<String>,
    line: Vec<u8>,
}

impl LastLines {
    fn new(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
            line: Vec::new(),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.finish();
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(*byte);
            }
        }
    }

    fn finish(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        self.lines.push_back(line.trim_end_matches('\r').to_owned());
        self.line.clear();
        if self.lines.len() > self.most {
            self.lines.pop_front();
        }
    }

    fn end(mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.finish();
        }
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_in_bounded_memory() {
        let mut last = LastLines::new(3);
        last.add(b"one\ntwo\r\nth");
        last.add(b"ree\n");
        last.add("é".repeat(LONGEST_LINE).as_bytes());
        last.add(b"\nlast");
        let lines = last.end();
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[0].as_str(), lines[2].as_str()), ("three", "last"));
        assert!(lines[1].len() <= LONGEST_LINE + 3);
        let mut none = LastLines::new(0);
        none.add(b"one\n");
        assert!(none.end().is_empty());
    }

    #[test]
    fn names_from_servers_cannot_leave_their_place_in_a_logs_path() {
        let mut wanted = LogWanted {
            namespace: "a/b",
            pod: "p",
            container: "c&previous=1",
            previous: true,
            lines: 20,
            timestamps: true,
        };
        assert_eq!(
            path(&wanted),
            "/api/v1/namespaces/a%2Fb/pods/p/log?tailLines=20&limitBytes=2097152&container=c%26previous%3D1&previous=true&timestamps=true"
        );
        (wanted.previous, wanted.timestamps) = (false, false);
        assert!(path(&wanted).ends_with("&container=c%26previous%3D1"));
    }
}
