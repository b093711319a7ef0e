//! The session in a time that is not waited for, with a provider and keyrings that do what they are told.

use std::sync::atomic::AtomicU32;

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
    GivesUnproven,
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
    fn host(&self) -> String {
        "id.example".to_owned()
    }

    async fn refresh(&self, _: &SecretString) -> Refreshed {
        assert_eq!(
            self.at_once.fetch_add(1, Ordering::Relaxed),
            0,
            "one at a time"
        );
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        let host = self.host();
        let tokens = match *self.does.lock().unwrap() {
            Does::Gives => Ok(self.tokens(Some(&format!("refresh {number}")))),
            Does::Silent => Err(Failure::Unreachable {
                host,
                why: "down".to_owned(),
            }),
            Does::Refuses => Err(Failure::Refused {
                host,
                said: "invalid_grant".to_owned(),
            }),
            Does::GivesUnproven => Err(Failure::Unproven(Unproven::Signature)),
        };
        let gave = !matches!(*self.does.lock().unwrap(), Does::Silent | Does::Refuses);
        let next = gave.then(|| SecretString::from(format!("refresh {number}")));
        Refreshed { next, tokens }
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
    session.begin(giver.tokens(refresh)).await.unwrap();
    (giver, kept, session)
}

/// The refresh token that is kept.
fn of(kept: &Memory) -> String {
    let kept = Kept::read(&kept.load().unwrap().unwrap()).unwrap();
    kept.refresh.expose_secret().to_owned()
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
    let last = of(&kept);
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
    let last = of(&kept);
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
    let why = session.tokens().await.unwrap_err();
    assert!(matches!(why, Failure::Ended { .. }), "{why}");
    let standing = session.standing().borrow().clone();
    assert!(matches!(standing, Standing::Over { .. }), "{standing:?}");
    assert_eq!(giver.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_proves_nothing_loses_no_refresh_token() {
    let (giver, kept, session) = begun(Some("first")).await;
    giver.does(Does::GivesUnproven);
    pass(60).await;
    assert!(session.tokens().await.is_err());
    assert_eq!(giver.asked(), 1);
    assert_eq!(of(&kept), "refresh 0", "the one that was sent is dead");
}

#[tokio::test(start_paused = true)]
async fn another_process_signing_out_ends_it_here_too() {
    let (giver, kept, session) = begun(Some("first")).await;
    kept.delete().unwrap();
    pass(60).await;
    assert!(matches!(session.tokens().await, Err(Failure::SignedOut)));
    assert_eq!(giver.asked(), 0);
    assert!(kept.load().unwrap().is_none(), "and nothing is kept again");
}

#[tokio::test(start_paused = true)]
async fn another_persons_token_is_never_used_and_what_is_open_stays_its_owners() {
    let (giver, kept, session) = begun(Some("first")).await;
    let jos = Kept::written("jo", &SecretString::from("of jo".to_owned()));
    kept.store(&jos).unwrap();
    pass(60).await;
    let why = session.tokens().await.unwrap_err();
    assert!(matches!(why, Failure::AnotherPerson { .. }), "{why}");
    assert_eq!(giver.asked(), 0);
    assert_eq!(of(&kept), "of jo");
    let mut jo = giver.tokens(Some("of jo"));
    jo.person.subject = "jo".to_owned();
    let why = session.begin(jo.clone()).await.unwrap_err();
    assert!(matches!(why, Failure::AnotherPerson { .. }), "{why}");
    session.sign_out().await.unwrap();
    session.begin(jo).await.unwrap();
    assert!(session.tokens().await.is_ok());
}

/// A keyring that is locked from a moment on.
#[derive(Default)]
struct Locking {
    kept: Memory,
    is_locked: AtomicBool,
    /// How often it was read.
    looks: AtomicU32,
}

impl Keeper for Locking {
    fn load(&self) -> Result<Option<SecretString>, NotKept> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        match self.is_locked.load(Ordering::Relaxed) {
            true => Err(NotKept::Locked),
            false => self.kept.load(),
        }
    }

    fn store(&self, secret: &SecretString) -> Result<(), NotKept> {
        match self.is_locked.load(Ordering::Relaxed) {
            true => Err(NotKept::Locked),
            false => self.kept.store(secret),
        }
    }

    fn delete(&self) -> Result<(), NotKept> {
        match self.is_locked.load(Ordering::Relaxed) {
            true => Err(NotKept::Locked),
            false => self.kept.delete(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn signed_out_is_not_said_where_a_locked_keyring_may_still_hold_it() {
    let (giver, _, _) = begun(None).await;
    let keyring = Arc::new(Locking::default());
    let first = Session::resume(giver.clone(), keyring.clone(), None);
    first.begin(giver.tokens(Some("first"))).await.unwrap();
    drop(first);
    keyring.is_locked.store(true, Ordering::Relaxed);
    let second = Session::resume(giver.clone(), keyring.clone(), None);
    let outcome = second.sign_out().await;
    assert!(matches!(outcome, Err(Failure::StillKept(_))), "{outcome:?}");
    assert!(keyring.kept.load().unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn while_the_keyring_is_locked_a_token_that_may_be_used_up_is_not_sent() {
    let (giver, _, _) = begun(None).await;
    let keyring = Arc::new(Locking::default());
    let session = Session::resume(giver.clone(), keyring.clone(), None);
    session.begin(giver.tokens(Some("first"))).await.unwrap();
    keyring.is_locked.store(true, Ordering::Relaxed);
    pass(60).await;
    let why = session.tokens().await.unwrap_err();
    assert!(why.may_pass(), "{why}");
    assert_eq!(giver.asked(), 0);
    keyring.is_locked.store(false, Ordering::Relaxed);
    pass(130).await;
    assert!(session.tokens().await.is_ok());
}

/// A locked keyring with somebody's session in it, and a session that would go on with it.
async fn shut_in() -> (Arc<Simulated>, Arc<Locking>, Session) {
    let (giver, _, _) = begun(None).await;
    let keyring = Arc::new(Locking::default());
    let before = Session::resume(giver.clone(), keyring.clone(), None);
    before.begin(giver.tokens(Some("first"))).await.unwrap();
    drop(before);
    keyring.is_locked.store(true, Ordering::Relaxed);
    keyring.looks.store(0, Ordering::Relaxed);
    let session = Session::resume(giver.clone(), keyring.clone(), None);
    (giver, keyring, session)
}

#[tokio::test(start_paused = true)]
async fn with_a_locked_keyring_nobody_was_said_to_be_signed_in_and_it_never_went_on() {
    let (giver, keyring, session) = shut_in().await;
    let why = session.tokens().await.unwrap_err();
    assert_eq!(why, Failure::Unread(NotKept::Locked));
    assert!(why.may_pass(), "{why}");
    let why = NotKept::Locked;
    assert_eq!(*session.standing().borrow(), Standing::Unread { why });
    keyring.is_locked.store(false, Ordering::Relaxed);
    pass(61).await;
    session.look_again().await;
    assert!(session.tokens().await.is_ok());
    assert!(matches!(
        *session.standing().borrow(),
        Standing::SignedIn { .. }
    ));
    assert_eq!(*session.not_kept().borrow(), None);
    assert_eq!(giver.asked(), 1);
    // And it is kept fresh as any other.
    pass(600).await;
    assert!(giver.asked() > 10, "{}", giver.asked());
}

#[tokio::test(start_paused = true)]
async fn a_keyring_that_stays_shut_asks_the_person_ever_more_seldom() {
    let (giver, keyring, session) = shut_in().await;
    for _ in 0..3_600 {
        pass(1).await;
        session.look_again().await;
        assert!(session.tokens().await.is_err());
    }
    let looks = keyring.looks.load(Ordering::Relaxed);
    assert!((8..=10).contains(&looks), "{looks}");
    assert_eq!(giver.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_signs_out_of_a_shut_keyring_is_not_signed_in_when_it_opens() {
    let (giver, keyring, session) = shut_in().await;
    assert!(session.tokens().await.is_err());
    assert!(session.sign_out().await.is_err(), "it is still kept");
    keyring.is_locked.store(false, Ordering::Relaxed);
    pass(61).await;
    session.look_again().await;
    assert!(matches!(session.tokens().await, Err(Failure::SignedOut)));
    assert_eq!(giver.asked(), 0);
}

/// No keyring at all.
struct Absent;

impl Keeper for Absent {
    fn load(&self) -> Result<Option<SecretString>, NotKept> {
        Err(NotKept::NoKeyring)
    }

    fn store(&self, _: &SecretString) -> Result<(), NotKept> {
        Err(NotKept::NoKeyring)
    }

    fn delete(&self) -> Result<(), NotKept> {
        Err(NotKept::NoKeyring)
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_keyring_nobody_is_signed_in_and_why_is_said() {
    let (giver, _, _) = begun(None).await;
    let session = Session::resume(giver.clone(), Arc::new(Absent), None);
    assert!(matches!(session.tokens().await, Err(Failure::SignedOut)));
    assert_eq!(*session.standing().borrow(), Standing::SignedOut);
    assert_eq!(*session.not_kept().borrow(), Some(NotKept::NoKeyring));
}

#[tokio::test]
async fn a_process_that_was_stopped_does_not_stop_the_others_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let file = File::create(&path).unwrap();
    file.lock().unwrap();
    let held = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        drop(file);
    });
    let giver = Arc::new(Simulated {
        began: Instant::now(),
        does: std::sync::Mutex::new(Does::Gives),
        asked: AtomicU32::new(0),
        at_once: AtomicU32::new(0),
    });
    let session = Session::resume(giver.clone(), Arc::new(Memory::default()), Some(path));
    session.begin(giver.tokens(Some("first"))).await.unwrap();
    held.join().unwrap();
    assert!(session.tokens().await.is_ok());
}
