//! A person's session: tokens that are always fresh, by one request at a time, from all processes of this person together.
//!
//! Owns the order in which a new refresh token is kept before anything is done with what came with it, and what happens when
//! the provider does not answer (again later) or refuses (never again: the session is over, and only the person can begin
//! another). A keyring that is shut says nothing of who is signed in, and is asked again. Whoever waits may go away at any moment: what uses a refresh token up runs in a task of its own to its end,
//! which [`finish`] waits for before a process ends.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, watch};

use crate::failure::{Failure, Unproven};
use crate::keeper::{Keeper, NotKept};
use crate::plan::Plan;
use crate::provider::{Person, Refreshed, Tokens};

/// How long the keyring may take: where it asks the person to unlock it, nobody may be there. Shorter than what commands wait
/// to hear how a sign-in stands.
const KEYRING: Duration = Duration::from_secs(15);
/// How long a keyring that is shut is left alone at first; it doubles each time. It asks the person each time that it is
/// asked.
const REST: SignedDuration = SignedDuration::from_mins(1);
/// The longest.
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(10);
/// How long another process may use the session's file: a request to the provider and two to the keyring.
const OTHERS: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How many uses of a refresh token are under way in this process.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Counts one use for as long as it lives.
struct UnderWay;

impl UnderWay {
    fn begins() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits, before a process ends, until no refresh token is half used: one that was sent is dead at the provider, and its
/// successor has to be kept. Not for ever: a provider or a keyring may hang.
pub async fn finish() {
    let under_way = async {
        while UNDER_WAY.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    let _late = tokio::time::timeout(KEYRING, under_way).await;
}

/// Who gives tokens.
#[async_trait]
pub trait Giver: Send + Sync {
    /// Its name, for words.
    fn host(&self) -> String;
    /// New tokens for a refresh token; as [`Provider::refresh`](crate::Provider::refresh).
    async fn refresh(&self, refresh: &SecretString) -> Refreshed;
    /// Takes a refresh token back.
    async fn revoke(&self, refresh: &SecretString) -> Result<(), Failure>;
    /// The time by our clock.
    fn now(&self) -> Timestamp;
}

/// How a session stands, for a person to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is signed in.
    SignedOut,
    /// Somebody may be: what is kept cannot be read now.
    Unread {
        /// Why not.
        why: NotKept,
    },
    /// Somebody may have been, and their tokens are on their way.
    Resuming {
        /// Why they are not here yet.
        late: Option<Failure>,
    },
    /// Somebody is.
    SignedIn {
        /// Who.
        person: Person,
        /// By our clock, when the tokens end that are there.
        until: Timestamp,
        /// Why they are not made anew at the moment.
        late: Option<Failure>,
    },
    /// It cannot go on: only a new sign-in helps.
    Over {
        /// Why, in the provider's words where it has any.
        why: Failure,
    },
}

/// The session. It is kept fresh for as long as it is held.
pub struct Session {
    inner: Arc<Inner>,
    fresh: tokio::task::JoinHandle<()>,
}

struct Inner {
    giver: Arc<dyn Giver>,
    keeper: Arc<dyn Keeper>,
    /// Held while the keyring is used: one call that takes too long must not come after the next.
    keeping: Arc<std::sync::Mutex<()>>,
    /// Held while a refresh token is used: of several processes each would use it up for the others.
    lock: Option<PathBuf>,
    /// One at a time makes tokens anew.
    held: Arc<Mutex<Held>>,
    /// The person is signing out: what still arrives is for nobody.
    is_leaving: AtomicBool,
    tokens: watch::Sender<(Plan, Option<Arc<Tokens>>)>,
    standing: watch::Sender<Standing>,
    not_kept: watch::Sender<Option<NotKept>>,
}

#[derive(Default)]
struct Held {
    refresh: Option<SecretString>,
    /// Whose that is, as far as it is known.
    subject: Option<String>,
    /// Whose tokens were given out.
    person: Option<Person>,
    /// Whether it is in the keyring, too.
    is_kept: bool,
    /// How long the keyring was left alone that was shut, and until when.
    rest: Option<(SignedDuration, Timestamp)>,
}

/// What the keyring holds: whose it is, and the refresh token.
struct Kept {
    subject: String,
    refresh: SecretString,
}

impl Kept {
    fn written(subject: &str, refresh: &SecretString) -> SecretString {
        // Neither holds a line's end: a subject is at most 255 ASCII characters, a token is one word.
        SecretString::from(format!("{subject}\n{}", refresh.expose_secret()))
    }

    fn read(text: &SecretString) -> Option<Self> {
        let (subject, refresh) = text.expose_secret().rsplit_once('\n')?;
        Some(Self {
            subject: subject.to_owned(),
            refresh: SecretString::from(refresh.to_owned()),
        })
    }
}

impl Session {
    /// Goes on with the session that is kept, if one is, and returns at once: a keyring may have to be unlocked first.
    /// `lock` is a file that all processes of this person lock in turn. Must be called inside a Tokio runtime.
    pub fn resume(giver: Arc<dyn Giver>, keeper: Arc<dyn Keeper>, lock: Option<PathBuf>) -> Self {
        let inner = Arc::new(Inner {
            giver,
            keeper,
            keeping: Arc::default(),
            lock,
            held: Arc::default(),
            is_leaving: AtomicBool::new(false),
            tokens: watch::Sender::default(),
            standing: watch::Sender::new(Standing::Resuming { late: None }),
            not_kept: watch::Sender::default(),
        });
        // Taken before anyone else can: whoever wants tokens waits until it is known whether a session is kept.
        let held = Arc::clone(&inner.held).try_lock_owned();
        let reading = Arc::clone(&inner);
        let fresh = tokio::spawn(async move {
            if let Ok(mut held) = held {
                reading.read(&mut held).await;
            }
            let session = Arc::downgrade(&reading);
            drop(reading);
            keep_fresh(session).await;
        });
        Self { inner, fresh }
    }

    /// Somebody signed in.
    ///
    /// # Errors
    /// What was opened with this session is another person's: they have to sign out first.
    pub async fn begin(&self, tokens: Tokens) -> Result<(), Failure> {
        let inner = Arc::clone(&self.inner);
        to_its_end(async move { inner.begin(tokens).await }).await
    }

    /// Tokens that can be used now.
    ///
    /// # Errors
    /// Nobody is signed in, the session is over, or there are none because the provider does not answer.
    pub async fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        if let Some(tokens) = self.inner.usable() {
            return Ok(tokens);
        }
        let inner = Arc::clone(&self.inner);
        to_its_end(async move { inner.tokens().await }).await
    }

    /// Reads what is kept once more where the keyring was shut and has been left alone for long enough: somebody is about to
    /// ask for [`Self::tokens`], and may have unlocked it.
    pub async fn look_again(&self) {
        let is_unread = || matches!(*self.inner.standing.borrow(), Standing::Unread { .. });
        if !is_unread() {
            return;
        }
        let mut held = self.inner.held.lock().await;
        let is_due = held
            .rest
            .is_none_or(|(_, until)| until <= self.inner.giver.now());
        // Whoever held the lock before may have read it, or signed in.
        if is_due && is_unread() {
            self.inner.read(&mut held).await;
        }
    }

    /// Whoever this access token was shown to does not accept it: it is given out no more, and the giver is asked anew. Of
    /// another one than the last that says nothing.
    pub fn refused(&self, access: &SecretString) {
        self.inner.tokens.send_if_modified(|(plan, tokens)| {
            let is_it = tokens
                .as_ref()
                .is_some_and(|tokens| tokens.access.expose_secret() == access.expose_secret());
            if is_it {
                (*plan, *tokens) = (Plan::default(), None);
            }
            is_it
        });
    }

    /// How it stands, and how it changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.inner.standing.subscribe()
    }

    /// Why it does not outlive this process, if so.
    pub fn not_kept(&self) -> watch::Receiver<Option<NotKept>> {
        self.inner.not_kept.subscribe()
    }

    /// Ends the session here at once, and at the provider.
    ///
    /// # Errors
    /// The provider could not be told, or what is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<(), Failure> {
        let inner = Arc::clone(&self.inner);
        inner.is_leaving.store(true, Ordering::SeqCst);
        inner.tokens.send_replace(Default::default());
        inner.standing.send_replace(Standing::SignedOut);
        to_its_end(async move { inner.sign_out().await }).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.fresh.abort();
    }
}

/// Runs what may use a refresh token up in a task of its own: whoever waits may give up half-way.
async fn to_its_end<T: Send + 'static>(
    use_of_it: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let under_way = UnderWay::begins();
    let task = tokio::spawn(async move {
        let outcome = use_of_it.await;
        drop(under_way);
        outcome
    });
    task.await.unwrap_or(Err(Failure::SignedOut))
}

impl Held {
    fn goes_on_with(&mut self, kept: Kept) {
        self.refresh = Some(kept.refresh);
        self.subject = Some(kept.subject);
        self.is_kept = true;
    }

    fn rests(&mut self, now: Timestamp) {
        let rest = self
            .rest
            .map_or(REST, |(rest, _)| rest.saturating_mul(2).min(LONGEST_REST));
        let until = now.checked_add(rest).unwrap_or(Timestamp::MAX);
        self.rest = Some((rest, until));
    }
}

impl Inner {
    async fn begin(&self, tokens: Tokens) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        if let Some(was) = &held.person
            && was.subject != tokens.person.subject
        {
            let why = Failure::AnotherPerson {
                was: was.called().to_owned(),
                is: tokens.person.called().to_owned(),
            };
            if let Some(refresh) = &tokens.refresh
                && let Err(why) = self.giver.revoke(refresh).await
            {
                tracing::debug!(%why, "a sign-in that is not used goes on at the provider");
            }
            return Err(why);
        }
        // Where the others do not let go of it, a person at the screen comes first.
        let _locked = self.lock().await.unwrap_or_default();
        self.take(&mut held, tokens).await;
        Ok(())
    }

    async fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        let mut held = self.held.lock().await;
        // Whoever held the lock before may have made them anew.
        match self.usable() {
            Some(tokens) => Ok(tokens),
            None => self.renew(&mut held).await,
        }
    }

    async fn sign_out(&self) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        let _locked = self.lock().await.unwrap_or_default();
        let mut refresh = std::mem::take(&mut *held).refresh;
        let kept = self.kept().await;
        // Another process may have used up the one that is held here.
        if let Ok(Some(kept)) = kept {
            refresh = Some(kept.refresh);
        }
        let deleted = self.with_keeper(|keeper| keeper.delete()).await;
        let revoked = match &refresh {
            Some(refresh) => self.giver.revoke(refresh).await,
            None => Ok(()),
        };
        // A renewal that was under way has seen it by now.
        self.tokens.send_replace(Default::default());
        self.standing.send_replace(Standing::SignedOut);
        self.is_leaving.store(false, Ordering::SeqCst);
        match (deleted, revoked) {
            // Where there is no keyring nothing of ours can be in it.
            (Ok(()) | Err(NotKept::NoKeyring), revoked) => revoked,
            // What is still there opens nothing any more.
            (Err(_), Ok(())) if refresh.is_some() => Ok(()),
            (Err(why), _) => Err(Failure::StillKept(why)),
        }
    }

    fn usable(&self) -> Option<Arc<Tokens>> {
        let (plan, tokens) = &*self.tokens.borrow();
        tokens.clone().filter(|_| plan.is_usable(self.giver.now()))
    }

    /// Makes tokens anew; only whoever holds the lock does.
    async fn renew(&self, held: &mut Held) -> Result<Arc<Tokens>, Failure> {
        if let Some(why) = self.why_not() {
            return Err(why);
        }
        let _locked = match self.lock().await {
            Ok(locked) => locked,
            Err(why) => return Err(self.later(why)),
        };
        match self.kept().await {
            // Another process may have used up the one that is held here, and kept the next; or it is not ours at all.
            Ok(Some(kept)) => {
                let is_others = |person: &Person| person.subject != kept.subject;
                if let Some(was) = held.person.clone().filter(is_others) {
                    let is = kept.subject;
                    let was = was.called().to_owned();
                    return Err(self.over(held, Failure::AnotherPerson { was, is }));
                }
                held.goes_on_with(kept);
            }
            Ok(None) if held.is_kept => {
                // Signed out by another process.
                *held = Held::default();
                self.tokens.send_replace(Default::default());
                self.standing.send_replace(Standing::SignedOut);
                return Err(Failure::SignedOut);
            }
            Err(why) if held.is_kept => {
                // The one that is held here may be used up: a provider that sees it twice ends the whole session.
                return Err(self.later(Failure::Unread(why)));
            }
            Ok(None) | Err(_) => {}
        }
        let Some(refresh) = held.refresh.clone() else {
            let host = self.giver.host();
            return Err(self.over(held, Failure::Ended { host }));
        };
        let Refreshed { next, tokens } = self.giver.refresh(&refresh).await;
        if let Some(next) = next {
            // Before anything is judged: the one that was sent may be dead.
            held.refresh = Some(next);
            self.keep(held).await;
        }
        let subject = held.subject.clone();
        let tokens = tokens.and_then(|tokens| match subject {
            Some(subject) if subject != tokens.person.subject => {
                Err(Failure::Unproven(Unproven::Person))
            }
            _ => Ok(tokens),
        });
        match tokens {
            Ok(tokens) => Ok(self.take(held, tokens).await),
            Err(why) if why.may_pass() => Err(self.later(why)),
            Err(why) => {
                // What proves nothing says nothing about what is kept: it may be another process' by now.
                if matches!(why, Failure::Refused { .. })
                    && self.with_keeper(|keeper| keeper.delete()).await.is_ok()
                {
                    held.is_kept = false;
                }
                Err(self.over(held, why))
            }
        }
    }

    /// Why the provider is not asked now, however many want tokens.
    fn why_not(&self) -> Option<Failure> {
        if self.is_leaving.load(Ordering::SeqCst) {
            return Some(Failure::SignedOut);
        }
        let waiting = {
            let (plan, _) = &*self.tokens.borrow();
            plan.next().is_some_and(|next| next > self.giver.now())
        };
        match &*self.standing.borrow() {
            Standing::Over { why } => Some(why.clone()),
            Standing::SignedOut => Some(Failure::SignedOut),
            Standing::Unread { why } => Some(Failure::Unread(why.clone())),
            Standing::SignedIn { late, .. } | Standing::Resuming { late } => {
                late.clone().filter(|_| waiting)
            }
        }
    }

    /// There are no tokens now, and may be later.
    fn later(&self, why: Failure) -> Failure {
        let now = self.giver.now();
        self.tokens.send_modify(|(plan, _)| plan.unanswered(now));
        self.standing.send_modify(|standing| match standing {
            Standing::SignedIn { late, .. } | Standing::Resuming { late } => {
                *late = Some(why.clone());
            }
            Standing::SignedOut | Standing::Unread { .. } | Standing::Over { .. } => {}
        });
        why
    }

    /// There will be no tokens any more. Whose session it was is remembered: what is open was opened with it.
    fn over(&self, held: &mut Held, why: Failure) -> Failure {
        held.refresh = None;
        held.subject = None;
        self.tokens.send_modify(|(plan, tokens)| {
            plan.refused();
            *tokens = None;
        });
        self.standing
            .send_replace(Standing::Over { why: why.clone() });
        why
    }

    /// Keeps the refresh token, and only then gives out what came with it.
    async fn take(&self, held: &mut Held, tokens: Tokens) -> Arc<Tokens> {
        held.refresh.clone_from(&tokens.refresh);
        held.subject = Some(tokens.person.subject.clone());
        held.person = Some(tokens.person.clone());
        self.keep(held).await;
        let tokens = Arc::new(tokens);
        if self.is_leaving.load(Ordering::SeqCst) {
            return tokens;
        }
        // Without a way to make them anew they live out their time.
        let from = match tokens.refresh {
            Some(_) => self.giver.now(),
            None => tokens.until,
        };
        let plan = Plan::given(from, tokens.until);
        self.tokens.send_replace((plan, Some(Arc::clone(&tokens))));
        self.standing.send_replace(Standing::SignedIn {
            person: tokens.person.clone(),
            until: tokens.until,
            late: None,
        });
        tokens
    }

    /// Goes on with what is kept, if it can be read.
    async fn read(&self, held: &mut Held) {
        let standing = match self.kept().await {
            Ok(kept) => {
                self.not_kept.send_replace(None);
                held.rest = None;
                match kept {
                    Some(kept) => {
                        held.goes_on_with(kept);
                        Standing::Resuming { late: None }
                    }
                    None => Standing::SignedOut,
                }
            }
            Err(why) if why.is_shut() => {
                held.rests(self.giver.now());
                Standing::Unread { why }
            }
            Err(_) => Standing::SignedOut,
        };
        // Whoever is signing out meanwhile is signed out.
        if !self.is_leaving.load(Ordering::SeqCst) {
            self.standing.send_replace(standing);
        }
    }

    async fn kept(&self) -> Result<Option<Kept>, NotKept> {
        match self.with_keeper(|keeper| keeper.load()).await {
            Ok(text) => Ok(text.as_ref().and_then(Kept::read)),
            Err(why) => {
                self.not_kept.send_replace(Some(why.clone()));
                Err(why)
            }
        }
    }

    async fn keep(&self, held: &mut Held) {
        let (Some(refresh), Some(subject)) = (&held.refresh, &held.subject) else {
            return;
        };
        let text = Kept::written(subject, refresh);
        let kept = self.with_keeper(move |keeper| keeper.store(&text)).await;
        held.is_kept = kept.is_ok();
        self.not_kept.send_replace(kept.err());
    }

    async fn with_keeper<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Keeper) -> Result<T, NotKept> + Send + 'static,
    ) -> Result<T, NotKept> {
        let keeper = Arc::clone(&self.keeper);
        let keeping = Arc::clone(&self.keeping);
        let called = tokio::task::spawn_blocking(move || {
            let _one_at_a_time = keeping.lock().unwrap_or_else(PoisonError::into_inner);
            call(&*keeper)
        });
        match tokio::time::timeout(KEYRING, called).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(NotKept::Silent),
        }
    }

    /// Waits for the other processes of this person. Where files cannot be locked each is alone.
    async fn lock(&self) -> Result<Option<File>, Failure> {
        let Some(path) = self.lock.clone() else {
            return Ok(None);
        };
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            let begun = Instant::now();
            // A process that was stopped would hold it for ever.
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(Some(file)),
                    Err(TryLockError::WouldBlock) if begun.elapsed() < OTHERS => {
                        std::thread::sleep(LOOK);
                    }
                    Err(TryLockError::WouldBlock) => return Ok(None),
                    Err(TryLockError::Error(why)) => return Err(why),
                }
            }
        });
        match locked.await {
            Ok(Ok(Some(file))) => Ok(Some(file)),
            Ok(Ok(None)) => Err(Failure::InUse),
            Ok(Err(why)) => {
                tracing::warn!(%why, "the session's file cannot be locked");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }
}

/// Makes tokens anew when their time has come, for as long as the session lives.
async fn keep_fresh(inner: Weak<Inner>) {
    let Some(mut changed) = inner.upgrade().map(|inner| inner.tokens.subscribe()) else {
        return;
    };
    loop {
        let Some(session) = inner.upgrade() else {
            return;
        };
        let is_open = match &*session.standing.borrow() {
            Standing::Resuming { .. } | Standing::SignedIn { .. } => true,
            Standing::SignedOut | Standing::Unread { .. } | Standing::Over { .. } => false,
        };
        let next = changed.borrow_and_update().0.next().filter(|_| is_open);
        let wait = next.map(|next| {
            let wait = session.giver.now().duration_until(next);
            Duration::try_from(wait).unwrap_or_default()
        });
        drop(session);
        let due = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {
                let Some(session) = inner.upgrade() else { return };
                let renewed = to_its_end(async move { session.renew_if_due().await });
                if let Err(why) = renewed.await {
                    tracing::debug!(%why, "no new tokens");
                }
            }
            ended = changed.changed() => if ended.is_err() { return },
        }
    }
}

impl Inner {
    async fn renew_if_due(&self) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        // Whoever held the lock before may have made them anew.
        let next = self.tokens.borrow().0.next();
        if next.is_some_and(|next| next <= self.giver.now()) {
            self.renew(&mut held).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
