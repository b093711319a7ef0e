//! A person's session: tokens that are always fresh, by one request at a time, from all processes of this person together.
//!
//! Owns the order in which a new refresh token is kept before anything is done with what came with it, and what happens when
//! the provider does not answer (again later) or refuses (never again: the session is over, and only the person can begin
//! another).

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, watch};

use crate::failure::Failure;
use crate::keeper::{Keeper, NotKept};
use crate::plan::Plan;
use crate::provider::{Person, Provider, Tokens};

/// How long the keyring may take: where it asks the person to unlock it, nobody may be there.
const KEYRING: Duration = Duration::from_secs(20);

/// Who gives tokens.
#[async_trait]
pub trait Giver: Send + Sync {
    /// New tokens for a refresh token; as [`Provider::refresh`].
    async fn refresh(&self, refresh: &SecretString, of: Option<&Person>)
    -> Result<Tokens, Failure>;
    /// Takes a refresh token back.
    async fn revoke(&self, refresh: &SecretString) -> Result<(), Failure>;
    /// The time by our clock.
    fn now(&self) -> Timestamp;
}

#[async_trait]
impl Giver for Provider {
    async fn refresh(
        &self,
        refresh: &SecretString,
        of: Option<&Person>,
    ) -> Result<Tokens, Failure> {
        Self::refresh(self, refresh, of).await
    }

    async fn revoke(&self, refresh: &SecretString) -> Result<(), Failure> {
        Self::revoke(self, refresh).await
    }

    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

/// How a session stands, for a person to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is signed in.
    SignedOut,
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
    /// The provider refuses to go on: only a new sign-in helps.
    Over {
        /// Its words.
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
    /// Held while a refresh token is used: of several processes each would use it up for the others.
    lock: Option<PathBuf>,
    /// One at a time makes tokens anew.
    held: Arc<Mutex<Held>>,
    tokens: watch::Sender<(Plan, Option<Arc<Tokens>>)>,
    standing: watch::Sender<Standing>,
    not_kept: watch::Sender<Option<NotKept>>,
}

#[derive(Default)]
struct Held {
    refresh: Option<SecretString>,
    person: Option<Person>,
}

impl Session {
    /// Goes on with the session that is kept, if one is, and returns at once: a keyring may have to be unlocked first.
    /// `lock` is a file that all processes of this person lock in turn. Must be called inside a Tokio runtime.
    pub fn resume(giver: Arc<dyn Giver>, keeper: Arc<dyn Keeper>, lock: Option<PathBuf>) -> Self {
        let inner = Arc::new(Inner {
            giver,
            keeper,
            lock,
            held: Arc::default(),
            tokens: watch::Sender::default(),
            standing: watch::Sender::new(Standing::Resuming { late: None }),
            not_kept: watch::Sender::default(),
        });
        // Taken before anyone else can: whoever wants tokens waits until it is known whether a session is kept.
        let held = Arc::clone(&inner.held).try_lock_owned();
        let reading = Arc::clone(&inner);
        let fresh = tokio::spawn(async move {
            if let Ok(mut held) = held {
                held.refresh = reading.kept().await;
                if held.refresh.is_none() {
                    reading.standing.send_replace(Standing::SignedOut);
                }
            }
            let session = Arc::downgrade(&reading);
            drop(reading);
            keep_fresh(session).await;
        });
        Self { inner, fresh }
    }

    /// Somebody signed in.
    pub async fn begin(&self, tokens: Tokens) {
        let mut held = self.inner.held.lock().await;
        self.inner.take(&mut held, tokens).await;
    }

    /// Tokens that can be used now.
    ///
    /// # Errors
    /// Nobody is signed in, the session is over, or there are none because the provider does not answer.
    pub async fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        if let Some(tokens) = self.inner.usable() {
            return Ok(tokens);
        }
        // In a task of its own: who asked may give up half-way, and a refresh token that is used up by then would be
        // lost with its successor.
        let inner = Arc::clone(&self.inner);
        let asked = tokio::spawn(async move { inner.tokens().await });
        asked.await.unwrap_or(Err(Failure::SignedOut))
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
    /// The provider could not be told: here it is over all the same.
    pub async fn sign_out(&self) -> Result<(), Failure> {
        let mut held = self.inner.held.lock().await;
        let Held { refresh, .. } = std::mem::take(&mut *held);
        self.inner.tokens.send_replace(Default::default());
        self.inner.standing.send_replace(Standing::SignedOut);
        self.inner.keep(None).await;
        match refresh {
            Some(refresh) => self.inner.giver.revoke(&refresh).await,
            None => Ok(()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.fresh.abort();
    }
}

impl Inner {
    async fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        let mut held = self.held.lock().await;
        // Whoever held the lock before may have made them anew.
        match self.usable() {
            Some(tokens) => Ok(tokens),
            None => self.renew(&mut held).await,
        }
    }

    fn usable(&self) -> Option<Arc<Tokens>> {
        let (plan, tokens) = &*self.tokens.borrow();
        tokens.clone().filter(|_| plan.is_usable(self.giver.now()))
    }

    /// Makes tokens anew; only whoever holds the lock does.
    async fn renew(&self, held: &mut Held) -> Result<Arc<Tokens>, Failure> {
        let waiting = {
            let (plan, _) = &*self.tokens.borrow();
            plan.next().is_some_and(|next| next > self.giver.now())
        };
        let why_not = match &*self.standing.borrow() {
            Standing::Over { why } => Some(why.clone()),
            Standing::SignedOut => Some(Failure::SignedOut),
            // However many want tokens meanwhile: the provider is asked when the plan says so.
            Standing::SignedIn { late, .. } | Standing::Resuming { late } => {
                late.clone().filter(|_| waiting)
            }
        };
        if let Some(why) = why_not {
            return Err(why);
        }
        let _locked = self.lock().await;
        // Another process may have used up the one that is held here, and kept the next.
        if let Some(kept) = self.kept().await {
            held.refresh = Some(kept);
        }
        let Some(refresh) = held.refresh.clone() else {
            // A provider that gives none: what is there lives out its time, and nothing comes after it.
            self.tokens.send_modify(|(plan, _)| plan.refused());
            return Err(Failure::SignedOut);
        };
        match self.giver.refresh(&refresh, held.person.as_ref()).await {
            Ok(tokens) => Ok(self.take(held, tokens).await),
            Err(why) if why.may_pass() => {
                let now = self.giver.now();
                self.tokens.send_modify(|(plan, _)| plan.unanswered(now));
                self.standing.send_modify(|standing| match standing {
                    Standing::SignedIn { late, .. } | Standing::Resuming { late } => {
                        *late = Some(why.clone());
                    }
                    Standing::SignedOut | Standing::Over { .. } => {}
                });
                Err(why)
            }
            Err(why) => {
                *held = Held::default();
                self.tokens.send_modify(|(plan, tokens)| {
                    plan.refused();
                    *tokens = None;
                });
                self.standing
                    .send_replace(Standing::Over { why: why.clone() });
                // What proves nothing says nothing about what is kept: it may be another process' by now.
                if matches!(why, Failure::Refused { .. }) {
                    self.keep(None).await;
                }
                Err(why)
            }
        }
    }

    /// Keeps the refresh token, and only then gives out what came with it.
    async fn take(&self, held: &mut Held, tokens: Tokens) -> Arc<Tokens> {
        held.refresh.clone_from(&tokens.refresh);
        held.person = Some(tokens.person.clone());
        self.keep(tokens.refresh.clone()).await;
        let tokens = Arc::new(tokens);
        let plan = Plan::given(self.giver.now(), tokens.until);
        self.tokens.send_replace((plan, Some(Arc::clone(&tokens))));
        self.standing.send_replace(Standing::SignedIn {
            person: tokens.person.clone(),
            until: tokens.until,
            late: None,
        });
        tokens
    }

    async fn kept(&self) -> Option<SecretString> {
        match self.with_keeper(|keeper| keeper.load()).await {
            Ok(kept) => kept,
            Err(why) => {
                self.not_kept.send_replace(Some(why));
                None
            }
        }
    }

    async fn keep(&self, secret: Option<SecretString>) {
        let kept = match secret {
            Some(secret) => self.with_keeper(move |keeper| keeper.store(&secret)).await,
            None => self.with_keeper(|keeper| keeper.delete()).await,
        };
        self.not_kept.send_replace(kept.err());
    }

    async fn with_keeper<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Keeper) -> Result<T, NotKept> + Send + 'static,
    ) -> Result<T, NotKept> {
        let keeper = Arc::clone(&self.keeper);
        let called = tokio::task::spawn_blocking(move || call(&*keeper));
        match tokio::time::timeout(KEYRING, called).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(NotKept::NoKeyring("it broke".to_owned())),
            Err(_) => Err(NotKept::Locked),
        }
    }

    /// Waits for the other processes of this person. Where files cannot be locked each is alone.
    async fn lock(&self) -> Option<File> {
        let path = self.lock.clone()?;
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            file.lock()?;
            Ok::<File, std::io::Error>(file)
        });
        match locked.await {
            Ok(Ok(file)) => Some(file),
            Ok(Err(why)) => {
                tracing::warn!(%why, "the session's file cannot be locked");
                None
            }
            Err(_) => None,
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
            Standing::SignedOut | Standing::Over { .. } => false,
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
                let mut held = session.held.lock().await;
                // Whoever held the lock before may have made them anew.
                let is_due = session.tokens.borrow().0.next().is_some_and(|next| next <= session.giver.now());
                if is_due && let Err(why) = session.renew(&mut held).await {
                    tracing::debug!(%why, "no new tokens");
                }
            }
            ended = changed.changed() => if ended.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use jiff::SignedDuration;
    use tokio::time::Instant;

    use super::*;
    use crate::keeper::Memory;

    /// What a provider does.
    #[derive(Clone, Copy)]
    enum Does {
        Gives,
        Silent,
        Refuses,
    }

    /// A provider in a time that is not waited for; its tokens live a minute.
    struct Simulated {
        began: Instant,
        does: std::sync::Mutex<Does>,
        asked: AtomicU32,
        at_once: AtomicU32,
    }

    impl Simulated {
        fn does(&self, does: Does) {
            *self.does.lock().unwrap() = does;
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::Relaxed)
        }

        fn tokens(&self, refresh: Option<&str>) -> Tokens {
            let secret = |text: &str| SecretString::from(text.to_owned());
            Tokens {
                access: secret("access"),
                id: secret("id"),
                refresh: refresh.map(secret),
                until: self
                    .now()
                    .checked_add(SignedDuration::from_mins(1))
                    .unwrap(),
                person: Person {
                    subject: "mia".to_owned(),
                    email: None,
                    name: None,
                    groups: Vec::new(),
                },
            }
        }
    }

    #[async_trait]
    impl Giver for Simulated {
        async fn refresh(&self, _: &SecretString, _: Option<&Person>) -> Result<Tokens, Failure> {
            assert_eq!(
                self.at_once.fetch_add(1, Ordering::Relaxed),
                0,
                "one at a time"
            );
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.at_once.fetch_sub(1, Ordering::Relaxed);
            let host = "id.example".to_owned();
            match *self.does.lock().unwrap() {
                Does::Gives => Ok(self.tokens(Some(&format!("refresh {number}")))),
                Does::Silent => Err(Failure::Unreachable {
                    host,
                    why: "down".to_owned(),
                }),
                Does::Refuses => Err(Failure::Refused {
                    host,
                    said: "invalid_grant".to_owned(),
                }),
            }
        }

        async fn revoke(&self, _: &SecretString) -> Result<(), Failure> {
            Ok(())
        }

        fn now(&self) -> Timestamp {
            let passed = SignedDuration::try_from(self.began.elapsed()).unwrap();
            Timestamp::UNIX_EPOCH.checked_add(passed).unwrap()
        }
    }

    /// A session that somebody has just begun.
    async fn begun(refresh: Option<&str>) -> (Arc<Simulated>, Arc<Memory>, Session) {
        let giver = Arc::new(Simulated {
            began: Instant::now(),
            does: std::sync::Mutex::new(Does::Gives),
            asked: AtomicU32::new(0),
            at_once: AtomicU32::new(0),
        });
        let kept = Arc::new(Memory::default());
        let session = Session::resume(giver.clone(), kept.clone(), None);
        session.begin(giver.tokens(refresh)).await;
        (giver, kept, session)
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_of_a_minute_for_ten_minutes_of_use_without_a_failed_request() {
        let (giver, kept, session) = begun(Some("first")).await;
        for _ in 0..6_000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(session.tokens().await.is_ok());
        }
        let asked = giver.asked();
        assert!((11..=13).contains(&asked), "{asked}");
        let last = kept.load().unwrap().unwrap();
        let last = secrecy::ExposeSecret::expose_secret(&last).to_owned();
        assert_eq!(last, format!("refresh {}", asked - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_half_way_loses_no_refresh_token() {
        let (giver, kept, session) = begun(Some("first")).await;
        giver.does(Does::Silent);
        pass(70).await;
        giver.does(Does::Gives);
        while session.tokens().await.is_err() {
            let asked = giver.asked();
            while giver.asked() == asked {
                // The provider takes 300 ms to answer, and nobody waits so long.
                let gone = tokio::time::timeout(Duration::from_millis(100), session.tokens());
                let _gone = gone.await;
                pass(1).await;
            }
        }
        let last = kept.load().unwrap().unwrap();
        let last = secrecy::ExposeSecret::expose_secret(&last).to_owned();
        assert_eq!(last, format!("refresh {}", giver.asked() - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_want_tokens_a_silent_provider_is_asked_as_the_plan_says() {
        let (giver, _kept, session) = begun(Some("first")).await;
        giver.does(Does::Silent);
        for _ in 0..3_600 {
            pass(1).await;
            let _none = session.tokens().await;
        }
        let asked = giver.asked();
        assert!(asked <= 40, "{asked}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_not_asked_for_again_in_three_days() {
        let (giver, kept, session) = begun(Some("first")).await;
        giver.does(Does::Refuses);
        for _ in 0..72 {
            pass(3_600).await;
            assert!(session.tokens().await.is_err());
        }
        assert_eq!(giver.asked(), 1);
        assert!(kept.load().unwrap().is_none());
        assert!(matches!(
            *session.standing().borrow(),
            Standing::Over { .. }
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_provider_is_asked_seldom_and_the_session_goes_on_when_it_is_back() {
        let (giver, kept, session) = begun(Some("first")).await;
        giver.does(Does::Silent);
        pass(72 * 3_600).await;
        let asked = giver.asked();
        assert!(asked <= 72 * 30 + 8, "{asked}");
        assert!(kept.load().unwrap().is_some());
        giver.does(Does::Gives);
        pass(180).await;
        assert!(session.tokens().await.is_ok());
        assert!(matches!(
            *session.standing().borrow(),
            Standing::SignedIn { .. }
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_without_a_refresh_token_was_asked_about_without_a_pause() {
        let (giver, _kept, session) = begun(None).await;
        pass(50).await;
        assert!(session.tokens().await.is_ok(), "it lives out its time");
        pass(60).await;
        assert_eq!(session.tokens().await.unwrap_err(), Failure::SignedOut);
        assert_eq!(giver.asked(), 0);
    }
}
