//! The sign-in at a code host, GitHub or one that is like it: by a code that is typed on its pages, or with a token that the
//! person pastes.
//!
//! Owns when what is kept is looked at: never where nobody ever signed in at a code host on this machine, because a locked
//! keyring asks the person to open it; and again when another process signed somebody in or out. The session itself is the
//! same as at a provider ([`Session`]): one request at a time renews a token, from all processes together, and the next one
//! is kept before it is used.

mod kept;
mod requests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use crate::device::Invitation;
use crate::failure::Failure;
use crate::keeper::{Keeper, NotKept};
use crate::provider::Tokens;
use crate::session::{Session, Standing};
use crate::wire::Clock;

use requests::Requests;

/// A code host, and perhaps an application in it.
#[derive(Clone, Debug)]
pub struct CodeHostSpec {
    /// Its name, for words.
    pub host: String,
    /// Where codes are asked for.
    pub device: Url,
    /// Where tokens are given.
    pub token: Url,
    /// Where it says whose a token is.
    pub user: Url,
    /// The application's client id: a GitHub App or an OAuth app whose device flow is on. Without one a token is pasted.
    pub client_id: Option<String>,
    /// What an OAuth app asks for; a GitHub App's rights are its own.
    pub scopes: Vec<String>,
    /// Certificates that are trusted beside the system's, as PEM.
    pub authorities: Vec<String>,
}

impl CodeHostSpec {
    /// GitHub, where its pages are at `address` and its REST API is at `api`; without an application.
    pub fn github(host: &str, address: &Url, api: &Url) -> Self {
        let below = |base: &Url, parts: &[&str]| {
            let mut url = base.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(parts);
            }
            url
        };
        Self {
            host: host.to_owned(),
            device: below(address, &["login", "device", "code"]),
            token: below(address, &["login", "oauth", "access_token"]),
            user: below(api, &["user"]),
            client_id: None,
            scopes: Vec::new(),
            authorities: Vec::new(),
        }
    }
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What the person is called at the code host.
    pub login: String,
    /// What the token may, in the code host's words, where it says so.
    pub scopes: Vec<String>,
    /// By our clock, when it ends; absent where it does not, or the next one comes by itself.
    pub until: Option<Timestamp>,
}

/// The sign-in at one code host.
pub struct CodeHost {
    requests: Arc<Requests>,
    keeper: Arc<dyn Keeper>,
    /// A file that all processes of this person lock in turn. It is there once somebody signed in, and was touched when
    /// somebody last signed in or out.
    lock: Option<PathBuf>,
    session: Mutex<Option<Resumed>>,
}

/// A session, and when the file had last been touched as it began.
#[derive(Clone)]
struct Resumed {
    touched: Option<SystemTime>,
    session: Arc<Session>,
}

impl CodeHost {
    /// Asks nobody yet, and reads nothing.
    ///
    /// # Errors
    /// An address is neither https nor on this machine, or an authority is no certificate.
    pub fn new(
        spec: CodeHostSpec,
        keeper: Arc<dyn Keeper>,
        lock: Option<PathBuf>,
        clock: Clock,
    ) -> Result<Self, Failure> {
        Ok(Self {
            requests: Arc::new(Requests::new(spec, clock)?),
            keeper,
            lock,
            session: Mutex::default(),
        })
    }

    /// Its name, for words.
    pub fn host(&self) -> &str {
        &self.requests.spec().host
    }

    /// Signs somebody in with a code that they type on the code host's pages; `show` shows it. Must be called inside a Tokio
    /// runtime, as all that follows.
    ///
    /// # Errors
    /// The team's file names no application, its device flow is off, the person says no or takes too long, the code host
    /// does not answer, or somebody else is signed in.
    pub async fn sign_in(&self, show: impl FnOnce(&Invitation) + Send) -> Result<Account, Failure> {
        let tokens = self.requests.by_code(show).await?;
        self.begin(tokens).await
    }

    /// Signs somebody in with a token of their own, once the code host has said whose it is.
    ///
    /// # Errors
    /// It is none, the code host does not accept it or does not answer, or somebody else is signed in.
    pub async fn sign_in_with(&self, token: &SecretString) -> Result<Account, Failure> {
        let tokens = self.requests.of_pasted(token).await?;
        self.begin(tokens).await
    }

    /// The token that requests are made with; none where nobody is signed in.
    ///
    /// # Errors
    /// The code host does not accept it any more, or does not give the next one.
    pub async fn token(&self) -> Result<Option<SecretString>, Failure> {
        let Some(session) = self.kept() else {
            return Ok(None);
        };
        match session.tokens().await {
            Ok(tokens) => Ok(Some(tokens.access.clone())),
            Err(Failure::SignedOut) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// The code host refused this token with 401: it is not given out again before the code host itself has said that it is
    /// still good, or has given the next one.
    pub fn refused(&self, token: &SecretString) {
        if let Some(session) = self.kept() {
            self.requests.doubt(token);
            session.refused(token);
        }
    }

    /// Who is signed in, as far as that is known by now.
    pub fn account(&self) -> Option<Account> {
        let Standing::SignedIn { person, .. } = self.standing()? else {
            return None;
        };
        // Somebody may have been refused because somebody else is signed in.
        self.requests
            .account()
            .filter(|account| account.login == person.called())
    }

    /// How the sign-in stands; none where nobody looked at it yet.
    pub fn standing(&self) -> Option<Standing> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let resumed = session.as_ref()?;
        Some(resumed.session.standing().borrow().clone())
    }

    /// Why it does not outlive this process, if so.
    pub fn not_kept(&self) -> Option<NotKept> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let not_kept: watch::Receiver<_> = session.as_ref()?.session.not_kept();
        not_kept.borrow().clone()
    }

    /// Forgets the token here. At the code host it stays valid: without an application's secret it cannot be taken back.
    ///
    /// # Errors
    /// What is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<(), Failure> {
        let outcome = self.resumed().sign_out().await;
        self.touch();
        match outcome {
            Err(Failure::NotOffered { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    async fn begin(&self, tokens: Tokens) -> Result<Account, Failure> {
        let signed_in = self.requests.account();
        self.resumed().begin(tokens).await?;
        self.touch();
        signed_in.ok_or(Failure::SignedOut)
    }

    /// The session, if there can be one: where there is no application it takes somebody who signed in with a token.
    fn kept(&self) -> Option<Arc<Session>> {
        let may_be = self.requests.spec().client_id.is_some()
            || self.lock.is_none()
            || self.touched().is_some();
        may_be.then(|| self.resumed())
    }

    /// The session; another one than before where another process signed somebody in or out since. One that is not kept is
    /// this process' own, and goes on.
    fn resumed(&self) -> Arc<Session> {
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let touched = self.touched();
        if let Some(resumed) = &*current {
            let is_open = matches!(
                *resumed.session.standing().borrow(),
                Standing::SignedIn { .. } | Standing::Resuming { .. }
            );
            let is_own = resumed.session.not_kept().borrow().is_some();
            if resumed.touched == touched || (is_open && is_own) {
                return Arc::clone(&resumed.session);
            }
        }
        let giver = Arc::clone(&self.requests);
        let session = Session::resume(giver, Arc::clone(&self.keeper), self.lock.clone());
        let session = Arc::new(session);
        *current = Some(Resumed {
            touched,
            session: Arc::clone(&session),
        });
        session
    }

    fn touched(&self) -> Option<SystemTime> {
        std::fs::metadata(self.lock.as_ref()?).ok()?.modified().ok()
    }

    /// Tells other processes that it is worth their while to look at what is kept.
    fn touch(&self) {
        let Some(path) = &self.lock else { return };
        let touched = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(why) = touched {
            tracing::warn!(%why, "other processes do not learn of a sign-in at a code host");
        }
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resumed) = &mut *current {
            resumed.touched = self.touched();
        }
    }
}
