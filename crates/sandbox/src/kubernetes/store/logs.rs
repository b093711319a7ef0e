//! What the company's containers said: lines with the moment they were written.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// One line of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
}

/// Namespace, pod, container, and whether it is the container's previous life.
type LogKey = (String, String, String, bool);

#[derive(Debug, Default)]
pub(crate) struct Logs(BTreeMap<LogKey, Vec<LogLine>>);

impl Logs {
    /// Replaces a log. Lines that were already there at its beginning keep their time.
    pub(crate) fn set(&mut self, key: LogKey, lines: Vec<String>, now: Timestamp) {
        let log = self.0.entry(key).or_default();
        let same = log
            .iter()
            .zip(&lines)
            .take_while(|(old, new)| old.text == **new)
            .count();
        log.truncate(same);
        log.extend(
            lines
                .into_iter()
                .skip(same)
                .map(|text| LogLine { at: now, text }),
        );
    }

    pub(crate) fn append(&mut self, key: LogKey, lines: Vec<String>, now: Timestamp) {
        self.0
            .entry(key)
            .or_default()
            .extend(lines.into_iter().map(|text| LogLine { at: now, text }));
    }

    pub(crate) fn get(&self, key: &LogKey) -> Option<&[LogLine]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Forgets what a pod's containers said.
    pub(crate) fn forget(&mut self, namespace: &str, pod: &str) {
        self.0
            .retain(|(of, name, _, _), _| of != namespace || name != pod);
    }
}
