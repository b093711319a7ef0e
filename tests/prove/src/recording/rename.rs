//! What everything that another run would call otherwise is called in a recording.
//!
//! Owns the patterns of instants, UIDs, digests, SHAs, addresses and durations in texts, and their new names. The same
//! old name has the same new one everywhere in a recording, also inside messages and files.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The code host's name in recordings.
pub const CODE_HOST: &str = "code.prove.example";
/// The registry's.
pub const REGISTRY: &str = "registry.prove.example";
/// Every other address of the ground's.
const LOOPBACK: &str = "127.0.0.1:1";
/// How the ends of generated names begin.
pub const GIVEN: &str = "x7k";
/// What a measured duration becomes.
const MEASURED: &str = "10ms";

/// The patterns.
pub struct Patterns {
    instant: Regex,
    uid: Regex,
    hexadecimal: Regex,
    loopback: Regex,
    address: Regex,
    measured: Regex,
    /// A pod that was refused has a name in the refusal, and never was.
    never_was: Regex,
    /// A run's folder, down to what its controllers take for the temporary one.
    folder: Regex,
    /// A folder in that, with the number that makes it one of a kind.
    temporary: Regex,
}

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    /// None that a test would not see.
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            instant: Regex::new(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")?,
            uid: Regex::new(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")?,
            hexadecimal: Regex::new(r"\b[0-9a-f]{7,64}\b")?,
            loopback: Regex::new(r"127\.0\.0\.1:\d+")?,
            address: Regex::new(r"\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")?,
            // Measured ones have fractions of a second; those that somebody chose have none.
            measured: Regex::new(r"\b(?:\d+m)?\d+(?:\.\d+)?(?:ms|µs|ns)\b|\b(?:\d+m)?\d+\.\d+s\b")?,
            never_was: Regex::new(r"(\*|7d9f5c6b[a-z0-9]{2})-[a-z0-9]{5}\b")?,
            folder: Regex::new(r#"[^\s'":\[(]*/landfall-prove-[A-Za-z0-9-]+(?:/home/[a-z-]+)?"#)?,
            temporary: Regex::new(r"/tmp/([A-Za-z-]+-)\d+")?,
        })
    }

    /// A text without anything that a run makes up: to put things in an order that every run has.
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for pattern in [
            &self.never_was,
            &self.instant,
            &self.uid,
            &self.hexadecimal,
            &self.loopback,
            &self.address,
            &self.measured,
            &self.folder,
            &self.temporary,
        ] {
            text = pattern.replace_all(&text, "*").into_owned();
        }
        text
    }
}

/// The new names of one recording.
pub struct Names {
    patterns: Patterns,
    shift: SignedDuration,
    /// Instants that are to be others.
    instants: BTreeMap<Timestamp, Timestamp>,
    /// What every instant is, for the moment.
    pinned: Option<Timestamp>,
    /// Names that controllers made, the longest first, and hosts.
    literals: Vec<(String, String)>,
    commits: BTreeMap<String, String>,
    digests: BTreeMap<String, String>,
    uids: BTreeMap<String, String>,
    addresses: BTreeMap<String, String>,
}

impl Names {
    /// Nothing is renamed yet but hosts, and instants: by a shift, and then each that is among the others.
    pub fn new(
        patterns: Patterns,
        (shift, instants): (SignedDuration, BTreeMap<Timestamp, Timestamp>),
        code_host: &str,
        registry: &str,
    ) -> Self {
        Self {
            patterns,
            shift,
            instants,
            pinned: None,
            literals: vec![
                (code_host.to_owned(), CODE_HOST.to_owned()),
                (registry.to_owned(), REGISTRY.to_owned()),
            ],
            commits: BTreeMap::new(),
            digests: BTreeMap::new(),
            uids: BTreeMap::new(),
            addresses: BTreeMap::new(),
        }
    }

    /// Says what names that controllers made become.
    pub fn made(&mut self, names: impl IntoIterator<Item = (String, String)>) {
        self.literals.extend(names);
        self.literals
            .sort_by(|one, other| (other.0.len(), &one.0).cmp(&(one.0.len(), &other.0)));
        self.literals.dedup_by(|one, other| one.0 == other.0);
    }

    /// Says what a commit is called now.
    pub fn commit(&mut self, old: &str, new: String) {
        self.commits.insert(old.to_owned(), new);
    }

    /// Says what a manifest or a configuration is called now.
    pub fn digest(&mut self, old: &str, new: &str) {
        self.digests.insert(bare(old), bare(new));
    }

    /// Makes every instant this one, or none any longer.
    pub fn pin(&mut self, at: Option<Timestamp>) {
        self.pinned = at;
    }

    /// An instant of the recording.
    pub fn instant(&self, at: Timestamp) -> Timestamp {
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let shifted = whole.checked_add(self.shift).unwrap_or(whole);
        let becomes = self.instants.get(&shifted).copied().unwrap_or(shifted);
        self.pinned.unwrap_or(becomes)
    }

    /// A text with everything renamed.
    pub fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (old, new) in &self.literals {
            if text.contains(old.as_str()) {
                text = text.replace(old, new);
            }
        }
        text = self
            .patterns
            .never_was
            .replace_all(&text, |found: &Captures<'_>| {
                match found[0].contains(GIVEN) {
                    true => found[0].to_owned(),
                    false => format!("{}-{GIVEN}zz", &found[1]),
                }
            })
            .into_owned();
        let shifted = |found: &Captures<'_>| {
            let at: Result<Timestamp, _> = found[0].parse();
            at.map_or_else(|_| found[0].to_owned(), |at| self.instant(at).to_string())
        };
        text = self
            .patterns
            .instant
            .replace_all(&text, shifted)
            .into_owned();
        let (uids, addresses) = (&mut self.uids, &mut self.addresses);
        text = self
            .patterns
            .uid
            .replace_all(&text, |found: &Captures<'_>| {
                numbered(uids, &found[0], |number| {
                    format!("00000000-0000-4000-8000-{number:012}")
                })
            })
            .into_owned();
        let (commits, digests) = (&self.commits, &mut self.digests);
        text = self
            .patterns
            .hexadecimal
            .replace_all(&text, |found: &Captures<'_>| {
                hexadecimal(commits, digests, &found[0])
            })
            .into_owned();
        text = self
            .patterns
            .loopback
            .replace_all(&text, LOOPBACK)
            .into_owned();
        text = self
            .patterns
            .address
            .replace_all(&text, |found: &Captures<'_>| {
                numbered(addresses, &found[0], |number| {
                    format!("10.0.{}.{}", number / 250, number % 250 + 1)
                })
            })
            .into_owned();
        text = self
            .patterns
            .measured
            .replace_all(&text, MEASURED)
            .into_owned();
        text = self.patterns.folder.replace_all(&text, "/tmp").into_owned();
        self.patterns
            .temporary
            .replace_all(&text, "/tmp/${1}1")
            .into_owned()
    }

    /// A value with every text in it renamed, keys too.
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (self.text(name), self.value(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

fn bare(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).to_owned()
}

fn numbered(
    known: &mut BTreeMap<String, String>,
    old: &str,
    name: impl Fn(usize) -> String,
) -> String {
    let number = known.len() + 1;
    known
        .entry(old.to_owned())
        .or_insert_with(|| name(number))
        .clone()
}

/// What a run of hexadecimal digits becomes: the beginning of a commit's new SHA, a digest's new one, or, for a digest of
/// something that is not recorded, one that its number stands behind.
fn hexadecimal(
    commits: &BTreeMap<String, String>,
    digests: &mut BTreeMap<String, String>,
    old: &str,
) -> String {
    if old.len() == 64 {
        return numbered(digests, old, |number| {
            let hash = Sha256::digest(format!("digest {number} of the recording"));
            hash.iter().map(|byte| format!("{byte:02x}")).collect()
        });
    }
    commits
        .iter()
        .find(|(known, _)| known.starts_with(old))
        .and_then(|(_, new)| new.get(..old.len()))
        .unwrap_or(old)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let patterns = Patterns::new().expect("patterns");
        let shift = SignedDuration::from_secs(-3600);
        let mut names = Names::new(
            patterns,
            (shift, BTreeMap::new()),
            "127.0.0.1:4001",
            "127.0.0.1:4002",
        );
        names.commit(&"ab12cd34".repeat(5), "0f".repeat(20));
        names.made([
            ("web-7d9-x2x4z".to_owned(), "web-1-a".to_owned()),
            ("7d9".to_owned(), "1".to_owned()),
        ]);
        names
    }

    #[test]
    fn everything_that_a_run_makes_up_has_one_new_name() {
        let mut names = names();
        let mut is = |old: &str, new: &str| assert_eq!(names.text(old), new, "{old}");
        is("at 2026-11-22T03:00:00.123456Z", "at 2026-11-22T02:00:00Z");
        is(
            "http://127.0.0.1:4001/fleet/web.git",
            "http://code.prove.example/fleet/web.git",
        );
        is(
            "dial tcp 127.0.0.1:9443: refused",
            "dial tcp 127.0.0.1:1: refused",
        );
        is("pod web-7d9-x2x4z of web-7d9", "pod web-1-a of web-1");
        is(
            "main-ab12cd3-2 main@sha1:ab12cd34ab12cd34ab12cd34ab12cd34ab12cd34",
            "main-0f0f0f0-2 main@sha1:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        );
        is(
            "3b241101-e2bb-4255-8caf-4136c566a962",
            "00000000-0000-4000-8000-000000000001",
        );
        is(
            "10.0.3.77 10.0.3.78 10.0.3.77",
            "10.0.0.2 10.0.0.3 10.0.0.2",
        );
        is(
            "finished in 512.3ms, next run in 30m0s after 1m3.25s, timeout 15s",
            "finished in 10ms, next run in 30m0s after 10ms, timeout 15s",
        );
        is(
            "stat /tmp/landfall-prove-7-aZ9/home/kustomize-controller/kustomization-881/deploy: no",
            "stat /tmp/kustomization-1/deploy: no",
        );
        // Words of hexadecimal letters and numbers of seven digits are no SHAs.
        is("defaced 1234567", "defaced 1234567");
    }
}
