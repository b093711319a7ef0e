//! What lasts of a sign-in at a code host, as one line that a keyring keeps.
//!
//! Owns the line's form. The access token is in it: a GitHub App's ends for every process as soon as one of them renews it,
//! and an OAuth app's or a pasted one is all that there is.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// Stands for what is not there.
const NONE: &str = "-";

/// A token with whose it is.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The code host's own number of the person, which never changes.
    pub id: u64,
    /// What the person is called there.
    pub login: String,
    /// What the token may, in the code host's words, where it says so.
    pub scopes: Vec<String>,
    /// By our clock, when the access token ends.
    pub until: Option<Timestamp>,
    /// What is shown to the code host.
    pub access: SecretString,
    /// What gets the next one.
    pub refresh: Option<SecretString>,
}

impl Kept {
    /// The line.
    pub fn written(&self) -> SecretString {
        let until = self.until.map(|until| until.as_second().to_string());
        let scopes = match self.scopes.as_slice() {
            [] => NONE.to_owned(),
            scopes => scopes.join(","),
        };
        SecretString::from(format!(
            "{} {} {scopes} {} {} {}",
            self.id,
            self.login,
            until.as_deref().unwrap_or(NONE),
            self.access.expose_secret(),
            self.refresh
                .as_ref()
                .map_or(NONE, |refresh| refresh.expose_secret()),
        ))
    }

    /// What a line says, if it is one.
    pub fn read(line: &SecretString) -> Option<Self> {
        let words: Vec<&str> = line.expose_secret().split(' ').collect();
        let [id, login, scopes, until, access, refresh] = words.as_slice() else {
            return None;
        };
        let there = |word: &str| (word != NONE).then(|| word.to_owned());
        let until = match there(until) {
            Some(second) => Some(Timestamp::from_second(second.parse().ok()?).ok()?),
            None => None,
        };
        let scopes = there(scopes).unwrap_or_default();
        Some(Self {
            id: id.parse().ok()?,
            login: (*login).to_owned(),
            scopes: words_of(&scopes),
            until,
            access: SecretString::from((*access).to_owned()),
            refresh: there(refresh).map(SecretString::from),
        })
    }
}

/// The words of a list with commas, as GitHub writes scopes.
pub fn words_of(list: &str) -> Vec<String> {
    let words = list.split([',', ' ']).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Whether this can be a token: one word of what can stand in a header.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text != NONE && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept {
            id: 7,
            login: "mia".to_owned(),
            scopes: vec!["repo".to_owned(), "read:org".to_owned()],
            until: Timestamp::from_second(1_800_000_000).ok(),
            access: SecretString::from("ghu_access"),
            refresh: Some(SecretString::from("ghr_refresh")),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bare = Kept {
            scopes: Vec::new(),
            until: None,
            refresh: None,
            ..kept()
        };
        for one in [kept(), bare] {
            let line = one.written();
            let again = Kept::read(&line).unwrap();
            assert_eq!(again.written().expose_secret(), line.expose_secret());
            assert_eq!(again.until, one.until);
            assert_eq!(again.scopes, one.scopes);
            assert_eq!(again.refresh.is_some(), one.refresh.is_some());
        }
        assert!(Kept::read(&SecretString::from("of another form")).is_none());
    }

    #[test]
    fn it_prints_no_token() {
        let printed = format!("{:?} {:?}", kept(), kept().written());
        assert!(!printed.contains("gh"), "{printed}");
    }

    #[test]
    fn a_token_is_one_word() {
        assert!(is_word("github_pat_11AB_x"));
        for other in ["", "-", "two words", "a\nb", "tökén"] {
            assert!(!is_word(other), "{other}");
        }
    }
}
