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

    /// Forgets the token on this machine; says where it can be taken back at the code host, which nobody but the person can.
    ///
    /// # Errors
    /// What is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<String, Error> {
        let host = self.code_host.host();
        self.code_host.sign_out().await.map_err(|why| {
            Error::new(
                Code::SignedOut,
                format!("you are not signed out at {host} for good: {why}"),
            )
            .hint("Unlock the keyring and sign out once more.")
        })?;
        let page = |path: &str| {
            let mut page = self.pages.clone();
            page.set_path(path);
            page
        };
        Ok(format!(
            "{} takes an application's token back, {} one of your own",
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
    match code_host.standing()? {
        Standing::Over { why } => Some(format!(
            "read what is not for everybody: {}",
            lacking(code_host.host(), &why)
        )),
        Standing::SignedOut | Standing::Resuming { .. } | Standing::SignedIn { .. } => None,
    }
}

fn command(host: &str, more: &str) -> String {
    format!("`landfall sign-in --code-host {host}{more}`")
}
