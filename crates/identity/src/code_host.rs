//! The sign-in at a code host, GitHub or one that is like it: by a code that is typed on its pages, or with a token that the
//! person pastes.
//!
//! Owns when what is kept is looked at: never where nobody ever signed in or out at a code host on this machine, because a
//! locked keyring asks the person to open it; again when another process signed somebody in or out; and where the keyring did
//! not answer again later, ever more seldom: until then it is not known that nobody is signed in. The session itself is the
//! same as at a provider ([`Session`]): one request at a time renews a token, from all processes together, and the next one
//! is kept before it is used.

mod kept;
mod requests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use crate::device::Invitation;
use crate::failure::Failure;
use crate::keeper::{Keeper, NotKept};
use crate::provider::Tokens;
use crate::session::{Giver, Session, Standing};
use crate::wire::Clock;

use requests::Requests;

/// How long a keyring that did not answer is left alone at first; it doubles each time. It asks the person each time that it
/// is asked, and they may have said no.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

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
    /// A file that all processes of this person lock in turn. It is there once somebody signed in or out, and was touched when
    /// somebody last did.
    lock: Option<PathBuf>,
    session: Mutex<Option<Resumed>>,
}

/// A session, and when the file had last been touched as it began.
#[derive(Clone)]
struct Resumed {
    touched: Option<SystemTime>,
    session: Arc<Session>,
    /// How long the keyring is left alone if it does not answer.
    rest: SignedDuration,
    /// By our clock, when that is over. Absent where nobody can have signed in before, and where this process itself signs
    /// somebody in or out.
    again: Option<Timestamp>,
}

impl Resumed {
    /// Whether it is this process' own: it is not kept, and goes on whatever others do.
    fn is_own(&self) -> bool {
        let is_open = matches!(
            *self.session.standing().borrow(),
            Standing::SignedIn { .. } | Standing::Resuming { .. }
        );
        is_open && self.session.not_kept().borrow().is_some()
    }

    /// Why it is not known whether somebody is signed in, if so: nobody is only where the keyring said that it has nothing.
    fn unread(&self) -> Option<Failure> {
        self.again?;
        if !matches!(
            *self.session.standing().borrow(),
            Standing::SignedOut | Standing::Unread { .. }
        ) {
            return None;
        }
        let why = self.session.not_kept().borrow().clone()?;
        Some(Failure::Unread(why))
    }

    /// Whether the keyring did not answer, and was left alone for long enough.
    fn is_due(&self, now: Timestamp) -> bool {
        self.again.is_some_and(|again| again <= now) && self.unread().is_some()
    }
}

impl CodeHost {
    /// Asks nobody yet, and reads nothing.
    ///
    /// # Errors
    /// An address is neither https nor on this machine, some are https and some are not, or an authority is no certificate.
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
    /// The code host does not accept it any more, or does not give the next one; or the keyring does not say whether there is
    /// one.
    pub async fn token(&self) -> Result<Option<SecretString>, Failure> {
        let Some(resumed) = self.kept() else {
            return Ok(None);
        };
        match resumed.session.tokens().await {
            Ok(tokens) => Ok(Some(tokens.access.clone())),
            Err(Failure::SignedOut | Failure::Unread(_)) => resumed.unread().map_or(Ok(None), Err),
            Err(why) => Err(why),
        }
    }

    /// The code host refused this token with 401: it is not given out again before the code host itself has said that it is
    /// still good, or has given the next one.
    pub fn refused(&self, token: &SecretString) {
        if let Some(resumed) = self.kept() {
            self.requests.doubt(token);
            resumed.session.refused(token);
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

    /// Why it is not known whether somebody is signed in, where somebody may be and the keyring does not answer. Asks nobody.
    pub fn unread(&self) -> Option<Failure> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref()?.unread()
    }

    /// Why it does not outlive this process, if so.
    pub fn not_kept(&self) -> Option<NotKept> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let not_kept: watch::Receiver<_> = session.as_ref()?.session.not_kept();
        not_kept.borrow().clone()
    }

    /// Forgets the token here, and says whether there was one. At the code host it stays valid: without an application's
    /// secret it cannot be taken back.
    ///
    /// # Errors
    /// What is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<bool, Failure> {
        let outcome = self.for_a_person().sign_out().await;
        self.touch();
        match outcome {
            // There was one, which is what the code host would have to take back.
            Err(Failure::NotOffered { .. }) => Ok(true),
            outcome => outcome.map(|()| false),
        }
    }

    async fn begin(&self, tokens: Tokens) -> Result<Account, Failure> {
        let signed_in = self.requests.account();
        self.for_a_person().begin(tokens).await?;
        self.touch();
        signed_in.ok_or(Failure::SignedOut)
    }

    /// The session, if there can be one: it takes somebody who signed in before. Where no file could tell, that may be.
    fn kept(&self) -> Option<Resumed> {
        let may_be = self.lock.is_none() || self.touched().is_some();
        may_be.then(|| self.with_resumed(|resumed| resumed.clone()))
    }

    /// The session, for a person who signs in or out here: no other one takes its place meanwhile, and who is signed in then
    /// is known, whatever the keyring says.
    fn for_a_person(&self) -> Arc<Session> {
        self.with_resumed(|resumed| {
            resumed.again = None;
            Arc::clone(&resumed.session)
        })
    }

    /// The session; another one than before where another process signed somebody in or out since, or where the keyring did
    /// not answer and was left alone for long enough. One that is not kept is this process' own, and goes on.
    fn with_resumed<T>(&self, what: impl FnOnce(&mut Resumed) -> T) -> T {
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let touched = self.touched();
        let now = self.requests.now();
        let resumed = match current.take() {
            Some(was) if was.touched != touched && !was.is_own() => self.look(touched, FIRST),
            Some(was) if was.is_due(now) => {
                self.look(touched, was.rest.saturating_mul(2).min(LONGEST))
            }
            Some(was) => was,
            None => self.look(touched, FIRST),
        };
        what(current.insert(resumed))
    }

    /// Goes on with what is kept.
    fn look(&self, touched: Option<SystemTime>, rest: SignedDuration) -> Resumed {
        let giver = Arc::clone(&self.requests);
        let session = Session::resume(giver, Arc::clone(&self.keeper), self.lock.clone());
        let now = self.requests.now();
        Resumed {
            touched,
            session: Arc::new(session),
            rest,
            again: touched.and_then(|_| now.checked_add(rest).ok()),
        }
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
