//! Signing in at a code host: begins and ends it, and says it in words for people.
//!
//! Owns those words. What is kept, and how it is renewed, is `identity`'s.

use std::sync::Arc;

use api::Error;
use api::error::Code;
use identity::{Account, CodeHost, Failure, Invitation, Standing};
use secrecy::SecretString;
use url::Url;

/// The sign-in at one code host.
pub struct CodeHostSignIn {
    code_host: Arc<CodeHost>,
    /// Where its pages are.
    pages: Url,
}

impl CodeHostSignIn {
    /// The sign-in at a code host whose pages are here.
    pub fn new(code_host: Arc<CodeHost>, pages: Url) -> Self {
        Self { code_host, pages }
    }

    /// Signs somebody in with a code that they type on the code host's pages; `show` shows it.
    ///
    /// # Errors
    /// Nobody signed in: in words for them.
    pub async fn with_code(&self, show: impl FnOnce(&Invitation) + Send) -> Result<String, Error> {
        let account = self.code_host.sign_in(show).await;
        account
            .map(|account| called(&account))
            .map_err(|why| self.not_signed_in(&why))
    }

    /// Signs somebody in with a token of their own, once the code host has said whose it is.
    ///
    /// # Errors
    /// It is none, or the code host does not accept it or does not answer.
    pub async fn with_token(&self, token: String) -> Result<String, Error> {
        let account = self
            .code_host
            .sign_in_with(&SecretString::from(token))
            .await;
        account
            .map(|account| called(&account))
            .map_err(|why| self.not_signed_in(&why))
    }

    /// Why a sign-in ends with this process, if so.
    pub fn not_kept(&self) -> Option<String> {
        self.code_host.not_kept().map(|why| why.to_string())
    }

    /// Forgets the token on this machine; says what came of it, and where the token can be taken back at the code host, which
    /// nobody but the person can.
    ///
    /// # Errors
    /// What is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<String, Error> {
        let host = self.code_host.host();
        let was_in = self.code_host.sign_out().await.map_err(|why| {
            Error::new(
                Code::SignedOut,
                format!("you are not signed out at {host} for good: {why}"),
            )
            .hint("Unlock the keyring and sign out once more.")
        })?;
        if !was_in {
            return Ok(match self.not_kept() {
                None => format!("Nobody was signed in at {host}."),
                Some(why) => format!(
                    "Nobody is signed in at {host} on this machine; whether somebody was cannot be told: {why}."
                ),
            });
        }
        let page = |path: &str| {
            let mut page = self.pages.clone();
            page.set_path(path);
            page
        };
        Ok(format!(
            "Signed out at {host} on this machine. There the token stays valid until you take it back: {} takes an \
             application's token back, {} one of your own.",
            page("/settings/applications"),
            page("/settings/tokens")
        ))
    }

    fn not_signed_in(&self, why: &Failure) -> Error {
        let error = crate::sign_in::error(why);
        match why {
            Failure::NotOffered { .. } => error.hint(format!(
                "Sign in with a token of your own: {}. An application is named by `signIn` below `codeHosts` in the team file, \
                 and its own settings turn its device flow on.",
                command(self.code_host.host(), " --token")
            )),
            // It did answer: no VPN opens it.
            Failure::Answers { .. } => Error {
                code: Code::Denied,
                ..error
            }
            .hint(
                "Whoever runs the code host knows why: it may not let in this token, this network or your account. If these are not \
                 its words, its address in the team file is another's.",
            ),
            // The file has no place for it.
            Failure::Untrusted { .. } => error.hint(
                "If that authority is your company's own, this machine has to trust it. If not, somebody else answers in its place.",
            ),
            Failure::Refused { .. } => error.hint(
                "A token may have ended, been taken back, or be another host's. A code's application may be gone.",
            ),
            _ => error,
        }
    }
}

/// Who somebody is, with what the token may and until when.
pub fn called(account: &Account) -> String {
    let mut more = Vec::new();
    if !account.scopes.is_empty() {
        more.push(format!("scopes {}", account.scopes.join(", ")));
    }
    if let Some(until) = account.until {
        more.push(format!("until {}", until.strftime("%Y-%m-%d %H:%M UTC")));
    }
    match more.as_slice() {
        [] => account.login.clone(),
        more => format!("{} ({})", account.login, more.join("; ")),
    }
}

/// Why there is no token although somebody signed in, and what to do.
pub fn lacking(host: &str, why: &Failure) -> String {
    if why.may_pass() {
        return format!(
            "the sign-in there cannot be used now ({why}), and is tried again by itself"
        );
    }
    format!(
        "the sign-in there is no longer good ({why}): sign in again with {}",
        command(host, "")
    )
}

/// What does not work about who is signed in.
pub fn problem(code_host: &CodeHost) -> Option<String> {
    let why = match code_host.standing()? {
        Standing::Over { why } => why,
        Standing::SignedOut | Standing::Unread { .. } => code_host.unread()?,
        Standing::Resuming { .. } | Standing::SignedIn { .. } => return None,
    };
    Some(format!(
        "read what is not for everybody: {}",
        lacking(code_host.host(), &why)
    ))
}

fn command(host: &str, more: &str) -> String {
    format!("`landfall sign-in --code-host {host}{more}`")
}

#[cfg(test)]
mod tests {
    use identity::{CodeHostSpec, Keeper, Memory, NotKept};

    use super::*;

    /// The sign-in with what is kept in this. Nobody is asked in these tests.
    fn code_host(keeper: Arc<dyn Keeper>, lock: Option<std::path::PathBuf>) -> Arc<CodeHost> {
        let pages = Url::parse("https://code.example").expect("an address");
        let api = Url::parse("https://code.example/api/v3").expect("an address");
        let spec = CodeHostSpec::github("code.example", &pages, &api);
        let clock = Arc::new(jiff::Timestamp::now);
        Arc::new(CodeHost::new(spec, keeper, lock, clock).expect("it can be made"))
    }

    #[tokio::test]
    async fn where_nobody_was_signed_in_no_token_is_said_to_stay_valid() {
        let kept = Arc::new(Memory::default());
        let pages = Url::parse("https://code.example").expect("an address");
        let sign_in = || CodeHostSignIn::new(code_host(kept.clone(), None), pages.clone());
        let said = sign_in().sign_out().await.expect("done");
        assert_eq!(said, "Nobody was signed in at code.example.");
        // As it stands in a keyring: whose it is, and the code host's line.
        kept.store(&SecretString::from("7\n7 mia - - gho_x -"))
            .expect("kept");
        let said = sign_in().sign_out().await.expect("done");
        assert!(said.contains("stays valid"), "{said}");
        assert!(
            said.contains("https://code.example/settings/tokens"),
            "{said}"
        );
        assert!(kept.load().expect("read").is_none());
    }

    #[test]
    fn a_code_host_that_says_no_was_taken_for_one_behind_a_vpn() {
        let pages = Url::parse("https://code.example").expect("an address");
        let sign_in = CodeHostSignIn::new(code_host(Arc::new(Memory::default()), None), pages);
        let error = sign_in.not_signed_in(&Failure::Answers {
            host: "code.example".to_owned(),
            said: "403 Forbidden: the token is blocked".to_owned(),
        });
        assert_eq!(error.code, Code::Denied);
        assert_eq!(
            error.message,
            "code.example answers 403 Forbidden: the token is blocked"
        );
        assert!(!error.hint.contains("VPN"), "{error}");
    }

    /// A keyring that nobody opens.
    struct Locked;

    impl Keeper for Locked {
        fn load(&self) -> Result<Option<SecretString>, NotKept> {
            Err(NotKept::Locked)
        }

        fn store(&self, _: &SecretString) -> Result<(), NotKept> {
            Err(NotKept::Locked)
        }

        fn delete(&self) -> Result<(), NotKept> {
            Err(NotKept::Locked)
        }
    }

    #[tokio::test]
    async fn a_locked_keyring_is_said_to_be_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = folder.path().join("code-hosts.lock");
        // Somebody signed in before.
        std::fs::write(&lock, "").expect("written");
        let code_host = code_host(Arc::new(Locked), Some(lock));
        assert_eq!(problem(&code_host), None, "nobody looked at it yet");
        let why = code_host.token().await.expect_err("it is locked");
        let said = lacking(code_host.host(), &why);
        assert!(said.contains("the keyring is locked"), "{said}");
        assert!(said.contains("tried again by itself"), "{said}");
        let problem = problem(&code_host).expect("a problem");
        assert!(problem.contains(&said), "{problem}");
    }
}
