//! What a kubeconfig wants to run on this machine, and whether a person allowed exactly that.
//!
//! Owns what makes one command the same as another: its program's path, its arguments, the variables set for it, and where
//! its credential goes. Does
//! not remember what was allowed, and runs nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::headline::plain;
use sha2::{Digest, Sha256};

/// A command that a kubeconfig names. Two with the same digest are the same command.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The program as the kubeconfig names it, and what it is given.
    pub(crate) arguments: Vec<String>,
    /// The variables that the kubeconfig sets for it, in its order.
    pub(crate) variables: Vec<(String, String)>,
    /// The file that it is; `None` where there is no such program.
    pub(crate) program: Option<PathBuf>,
    /// Where its credential goes: a kubeconfig of anybody's may name a command that was allowed for another server.
    pub(crate) server: String,
}

impl Command {
    /// The program as the kubeconfig names it, and every argument, whole: characters that would hide something or move
    /// the cursor stand as escapes.
    pub fn arguments(&self) -> Vec<String> {
        self.arguments.iter().map(|one| shown(one)).collect()
    }

    /// The variables that the kubeconfig sets for it, and their values, shown in the same way. A value may be a secret
    /// that somebody wrote into the file: it is for the person who is asked, and for nothing else.
    pub fn variables(&self) -> Vec<(String, String)> {
        let all = self.variables.iter();
        all.map(|(name, value)| (shown(name), shown(value)))
            .collect()
    }

    /// The file that would be run, shown in the same way; `None` where there is no such program.
    pub fn program(&self) -> Option<String> {
        let path = self.program.as_deref()?;
        Some(shown(&path.to_string_lossy()))
    }

    /// Where its credential goes, shown in the same way, with a word where whoever answers there is not looked at.
    pub fn server(&self) -> String {
        shown(&self.server)
    }

    /// What stands for exactly this command: the SHA-256, in hexadecimal digits, of the program's path, the server, the
    /// arguments and the variables, in their order.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        // Each part with its length before it: no two commands are written the same.
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        part(b"landfall command 1");
        part(self.server.as_bytes());
        part(
            self.program
                .as_deref()
                .unwrap_or(Path::new(""))
                .as_os_str()
                .as_encoded_bytes(),
        );
        part(&(self.arguments.len() as u64).to_be_bytes());
        for argument in &self.arguments {
            part(argument.as_bytes());
        }
        for (name, value) in &self.variables {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        let digest = digest.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its beginning, for a sentence: the program and what reads like a subcommand. Options and values may be secrets.
    pub(crate) fn begins(&self) -> String {
        let mut words = self.arguments.iter();
        let mut said = plain(words.next().map_or("", String::as_str), 80);
        let is_plain = |word: &&String| {
            word.len() <= 24
                && word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        };
        let subcommands: Vec<_> = words.clone().take(3).take_while(is_plain).collect();
        for word in &subcommands {
            said.push(' ');
            said.push_str(word);
        }
        if words.len() > subcommands.len() {
            said.push_str(" …");
        }
        said
    }
}

impl fmt::Debug for Command {
    /// Values of variables are secrets often enough, and arguments now and then.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("begins", &self.begins())
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

/// Text as it is, but for what would hide in it or lie about it: that is escaped.
fn shown(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let is_odd = plain(c.encode_utf8(&mut [0; 4]), 1).is_empty()
            || (!c.is_ascii() && !c.is_alphanumeric())
            // Letters that look like nothing.
            || matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
        if c == ' ' || !is_odd {
            line.push(c);
        } else {
            line.extend(c.escape_default());
        }
    }
    line
}

/// Who says what may be run. Nobody allows anything by default.
#[derive(Clone)]
pub struct Consent(Arc<dyn Fn(&Command) -> bool + Send + Sync>);

impl Consent {
    /// Asks whether exactly this command was allowed. It is asked whenever its credential is wanted: it must answer from
    /// memory, and take back what it no longer allows.
    pub fn new(is_allowed: impl Fn(&Command) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_allowed))
    }

    /// Allows the commands with these digests.
    pub fn to(digests: impl IntoIterator<Item = String>) -> Self {
        let digests: std::collections::BTreeSet<String> = digests.into_iter().collect();
        Self::new(move |command| digests.contains(&command.digest()))
    }

    /// Allows nothing.
    pub fn none() -> Self {
        Self::new(|_| false)
    }

    /// Allows everything: for tests, and for kubeconfigs of our own making.
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    pub(crate) fn allows(&self, command: &Command) -> bool {
        (self.0)(command)
    }
}

impl Default for Consent {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        Command {
            arguments: arguments.iter().map(|one| (*one).to_owned()).collect(),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            program: Some(PathBuf::from("/usr/bin/aws")),
            server: "https://prod.example".to_owned(),
        }
    }

    #[test]
    fn whatever_is_changed_is_another_command() {
        let allowed = command(&["aws", "eks", "get-token"], &[("AWS_PROFILE", "prod")]);
        let mut moved = allowed.clone();
        moved.program = Some(PathBuf::from("/tmp/aws"));
        let mut gone = allowed.clone();
        gone.program = None;
        let mut elsewhere = allowed.clone();
        elsewhere.server = "https://evil.example".to_owned();
        let others = [
            moved,
            gone,
            elsewhere,
            command(&["aws", "eks", "get-tokens"], &[("AWS_PROFILE", "prod")]),
            command(&["aws", "eks get-token"], &[("AWS_PROFILE", "prod")]),
            command(&["aws", "eks", "get-token", ""], &[("AWS_PROFILE", "prod")]),
            command(&["aws", "eks", "get-token"], &[("AWS_PROFILE", "dev")]),
            command(&["aws", "eks", "get-token"], &[("AWS_PROFILEp", "rod")]),
            command(&["aws", "eks", "get-token"], &[]),
            command(&["aws", "eks", "get-token", "AWS_PROFILE", "prod"], &[]),
            command(
                &["aws", "eks", "get-token"],
                &[("AWS_PROFILE", "prod"), ("LD_PRELOAD", "/tmp/x.so")],
            ),
        ];
        let consent = Consent::to([allowed.digest()]);
        assert!(consent.allows(&allowed));
        for other in others {
            assert!(!consent.allows(&other), "{:?}", other.arguments);
        }
        assert!(!Consent::default().allows(&allowed));
        assert_eq!(allowed.digest().len(), 64);
    }

    #[test]
    fn what_hides_or_lies_is_shown_as_it_is_written() {
        let command = command(
            &["sh", "-c", "echo  ok\n\u{202e}mr\u{1b}[2K\u{3164}jö"],
            &[("PATH\u{200b}", "/tmp\u{a0}x")],
        );
        assert_eq!(
            command.arguments(),
            ["sh", "-c", "echo  ok\\n\\u{202e}mr\\u{1b}[2K\\u{3164}jö"]
        );
        assert_eq!(
            command.variables(),
            [("PATH\\u{200b}".to_owned(), "/tmp\\u{a0}x".to_owned())]
        );
    }

    #[test]
    fn a_sentence_names_the_beginning_and_no_secret() {
        let begins = |arguments: &[&str]| command(arguments, &[]).begins();
        assert_eq!(
            begins(&["aws", "eks", "get-token", "--cluster-name", "prod"]),
            "aws eks get-token …"
        );
        assert_eq!(begins(&["/opt/x/login"]), "/opt/x/login");
        assert_eq!(begins(&["login", "Hunter2", "now"]), "login …");
        let command = command(&["login", "--token=topsecret"], &[("KEY", "topsecret")]);
        assert!(!format!("{command:?}").contains("topsecret"));
    }
}
