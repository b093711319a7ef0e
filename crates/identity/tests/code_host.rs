//! Signing in at a code host: the embedded company's GitHub, whose shapes are those of GitHub's documentation, and where it
//! can be the same against a certified provider's device flow.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "code_host/at_provider.rs"]
mod at_provider;
#[path = "code_host/secrets.rs"]
mod secrets;
#[path = "certified/support.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use identity::{CodeHost, CodeHostSpec, Failure, Keeper, Memory, NotKept, Standing};
use jiff::{SignedDuration, Timestamp};
use sandbox::clock::Clock;
use sandbox::git::CodeHost as Company;
use sandbox::github::{Application, GitHub, router};
use sandbox::serve::{ANY_PORT, Server};
use secrecy::{ExposeSecret, SecretString};

const HOST: &str = "code.example";
const CLIENT: &str = "Iv1.landfall";

/// GitHub, with one application.
struct Hub {
    clock: Clock,
    github: GitHub,
    server: Server,
}

impl Hub {
    async fn start(tokens_end: bool) -> Self {
        let clock = Clock::default();
        let github = GitHub::new(Company::new(clock.clone()).unwrap(), HOST);
        github.register(Application {
            client_id: CLIENT.to_owned(),
            device_flow: true,
            tokens_end,
            interval: 1,
        });
        let server = Server::start(&clock, router(&github), ANY_PORT)
            .await
            .unwrap();
        Self {
            clock,
            github,
            server,
        }
    }

    fn spec(&self) -> CodeHostSpec {
        let address = self.server.url().parse().unwrap();
        let api = format!("{}/api/v3", self.server.url()).parse().unwrap();
        CodeHostSpec {
            client_id: Some(CLIENT.to_owned()),
            scopes: vec!["repo".to_owned(), "read:org".to_owned()],
            ..CodeHostSpec::github(HOST, &address, &api)
        }
    }

    /// This program, or another start of it that finds the same keyring.
    fn code_host(&self, keeper: &Arc<Memory>) -> CodeHost {
        self.code_host_with(keeper.clone(), None)
    }

    fn code_host_with(&self, keeper: Arc<dyn Keeper>, lock: Option<&Path>) -> CodeHost {
        let clock = self.clock.clone();
        let clock = Arc::new(move || clock.now());
        let lock = lock.map(Path::to_owned);
        CodeHost::new(self.spec(), keeper, lock, clock).unwrap()
    }

    /// Signs in as somebody who types the code at once.
    async fn sign_in(&self, code_host: &CodeHost, login: &str) -> identity::Account {
        let (github, login) = (self.github.clone(), login.to_owned());
        code_host
            .sign_in(move |invitation| assert!(github.approve(&invitation.code, &login)))
            .await
            .unwrap()
    }

    /// How often the code host was asked whose a token is.
    fn looks(&self) -> u64 {
        self.server.requests().count("GET /api/v3/user")
    }
}

async fn shown(code_host: &CodeHost) -> Option<String> {
    let token = code_host.token().await.unwrap();
    token.map(|token| token.expose_secret().to_owned())
}

#[tokio::test]
async fn an_oauth_apps_token_lasts_and_the_next_start_goes_on_with_it() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    let code_host = hub.code_host(&kept);
    assert_eq!(shown(&code_host).await, None);
    let account = hub.sign_in(&code_host, "mia").await;
    assert_eq!(account.login, "mia");
    assert_eq!(account.scopes, ["repo", "read:org"]);
    assert_eq!(account.until, None);
    let token = shown(&code_host).await.unwrap();
    assert!(token.starts_with("gho_"), "{token}");
    assert_eq!(code_host.account(), Some(account.clone()));

    // A year later, in another process: nobody is asked for what is known.
    drop(code_host);
    hub.clock.advance(SignedDuration::from_hours(365 * 24));
    let looks = hub.looks();
    let again = hub.code_host(&kept);
    assert_eq!(shown(&again).await, Some(token));
    assert_eq!(again.account(), Some(account));
    assert_eq!(hub.looks(), looks);
}

#[tokio::test]
async fn slow_down_is_waited_for_as_long_as_the_host_says() {
    let hub = Hub::start(false).await;
    let code_host = hub.code_host(&Arc::default());
    let github = hub.github.clone();
    let account = code_host.sign_in(move |invitation| {
        github.slow_down(&invitation.code);
        github.approve(&invitation.code, "mia");
    });
    assert_eq!(account.await.unwrap().login, "mia");
    let waits = hub.github.waits();
    // One second, and five more.
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0] >= Duration::from_secs(6), "{waits:?}");
}

#[tokio::test]
async fn a_code_is_waited_for_no_faster_than_the_host_says() {
    let hub = Hub::start(false).await;
    let code_host = hub.code_host(&Arc::default());
    let github = hub.github.clone();
    let account = code_host.sign_in(move |invitation| {
        let code = invitation.code.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            github.approve(&code, "mia");
        });
    });
    account.await.unwrap();
    let waits = hub.github.waits();
    assert_eq!(waits.len(), 2, "{waits:?}");
    // Whoever asks earlier is told to slow down, and waits six.
    assert!(
        waits.iter().all(|wait| *wait < Duration::from_secs(4)),
        "{waits:?}"
    );
}

#[tokio::test]
async fn a_person_who_says_no_is_not_signed_in() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    let code_host = hub.code_host(&kept);
    let github = hub.github.clone();
    let refused = code_host.sign_in(move |invitation| {
        github.refuse(&invitation.code);
    });
    let why = refused.await.unwrap_err();
    assert_eq!(why, Failure::NotDone("the code was refused".to_owned()));
    assert!(kept.load().unwrap().is_none());
    assert_eq!(shown(&code_host).await, None);
}

#[tokio::test]
async fn a_codes_time_ends() {
    let hub = Hub::start(false).await;
    let code_host = hub.code_host(&Arc::default());
    let clock = hub.clock.clone();
    let late = code_host.sign_in(move |_| clock.advance(SignedDuration::from_mins(16)));
    let why = late.await.unwrap_err();
    assert_eq!(why, Failure::NotDone("the code's time is over".to_owned()));
}

#[tokio::test]
async fn an_application_whose_device_flow_is_off_and_one_that_is_none_are_said_to_be() {
    let hub = Hub::start(false).await;
    hub.github.register(Application {
        client_id: CLIENT.to_owned(),
        device_flow: false,
        tokens_end: false,
        interval: 1,
    });
    let code_host = hub.code_host(&Arc::default());
    let why = code_host.sign_in(|_| panic!("no code")).await.unwrap_err();
    assert!(matches!(why, Failure::NotOffered { .. }), "{why}");
    assert!(why.to_string().contains("no device flow"), "{why}");

    let clock = Arc::new(Timestamp::now);
    let spec = CodeHostSpec {
        client_id: Some("gone".to_owned()),
        ..hub.spec()
    };
    let gone = CodeHost::new(spec, Arc::new(Memory::default()), None, clock).unwrap();
    let why = gone.sign_in(|_| panic!("no code")).await.unwrap_err();
    assert_eq!(why.to_string(), "code.example refuses: Not Found");
}

#[tokio::test]
async fn a_pasted_token_is_looked_at_before_it_is_kept() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    let code_host = hub.code_host(&kept);
    // In whole seconds, as GitHub says it.
    let ends = hub.clock.now().as_second() + 48 * 3600;
    let ends = Timestamp::from_second(ends).unwrap();
    hub.github
        .make_token("github_pat_11AB", "mia", None, Some(ends));
    let paste = |token: &str| {
        let token = SecretString::from(token);
        let code_host = &code_host;
        async move { code_host.sign_in_with(&token).await }
    };
    let why = paste("github_pat_wrong").await.unwrap_err();
    assert_eq!(why.to_string(), "code.example refuses: Bad credentials");
    for none in ["", "  \n", "two words", "tökén"] {
        let why = paste(none).await.unwrap_err();
        assert!(matches!(why, Failure::NotDone(_)), "{why}");
    }
    assert!(kept.load().unwrap().is_none());
    assert_eq!(shown(&code_host).await, None);

    // As it comes out of a file, with a line's end.
    let account = paste("github_pat_11AB\n").await.unwrap();
    assert_eq!(account.login, "mia");
    assert_eq!(account.until, Some(ends));
    assert!(account.scopes.is_empty());
    assert_eq!(shown(&code_host).await.as_deref(), Some("github_pat_11AB"));

    // When its time is over the code host is asked once more, and then never again.
    hub.clock.advance(SignedDuration::from_hours(49));
    let why = code_host.token().await.unwrap_err();
    assert!(matches!(why, Failure::Refused { .. }), "{why}");
    let looks = hub.looks();
    for _ in 0..3 {
        code_host.token().await.unwrap_err();
    }
    assert_eq!(hub.looks(), looks);
    assert!(kept.load().unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_the_host_refuses_later_is_not_used_again_until_somebody_signs_in() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    let code_host = hub.code_host(&kept);
    hub.sign_in(&code_host, "mia").await;
    let token = code_host.token().await.unwrap().unwrap();
    // Somebody in between said no for a moment: the code host itself says that the token is good.
    code_host.refused(&token);
    assert_eq!(
        shown(&code_host).await.as_deref(),
        Some(token.expose_secret())
    );

    hub.github.revoke("mia");
    code_host.refused(&token);
    let why = code_host.token().await.unwrap_err();
    assert_eq!(why.to_string(), "code.example refuses: Bad credentials");
    assert!(!why.may_pass());
    assert!(matches!(code_host.standing(), Some(Standing::Over { .. })));
    assert_eq!(code_host.account(), None);
    assert!(kept.load().unwrap().is_none());

    hub.sign_in(&code_host, "mia").await;
    let next = shown(&code_host).await.unwrap();
    assert_ne!(next, token.expose_secret());
    // What is still under way with the old one says nothing about the new one.
    let looks = hub.looks();
    code_host.refused(&token);
    assert_eq!(shown(&code_host).await, Some(next));
    assert_eq!(hub.looks(), looks);
}

/// A keyring that may not be there.
#[derive(Default)]
struct Sometimes {
    memory: Memory,
    is_broken: AtomicBool,
    /// How often it was looked at.
    looks: AtomicUsize,
}

impl Keeper for Sometimes {
    fn load(&self) -> Result<Option<SecretString>, NotKept> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        match self.is_broken.load(Ordering::SeqCst) {
            true => Err(NotKept::NoKeyring),
            false => self.memory.load(),
        }
    }

    fn store(&self, secret: &SecretString) -> Result<(), NotKept> {
        match self.is_broken.load(Ordering::SeqCst) {
            true => Err(NotKept::NoKeyring),
            false => self.memory.store(secret),
        }
    }

    fn delete(&self) -> Result<(), NotKept> {
        match self.is_broken.load(Ordering::SeqCst) {
            true => Err(NotKept::NoKeyring),
            false => self.memory.delete(),
        }
    }
}

#[tokio::test]
async fn a_github_apps_token_is_renewed_once_for_all_and_its_successor_kept_before_it_is_used() {
    let hub = Hub::start(true).await;
    let kept = Arc::new(Memory::default());
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("code-hosts.lock");
    let code_host = Arc::new(hub.code_host_with(kept.clone(), Some(&lock)));
    let account = hub.sign_in(&code_host, "mia").await;
    assert_eq!(account.until, None, "the next one comes by itself");
    let first = shown(&code_host).await.unwrap();
    assert!(first.starts_with("ghu_"));
    // Two processes of this person, and many who want a token in each.
    let other = Arc::new(hub.code_host_with(kept.clone(), Some(&lock)));
    assert_eq!(shown(&other).await.as_deref(), Some(first.as_str()));
    hub.clock.advance(SignedDuration::from_hours(9));
    let looks = hub.looks();
    let mut wanted = tokio::task::JoinSet::new();
    for _ in 0..20 {
        for code_host in [&code_host, &other] {
            let code_host = Arc::clone(code_host);
            wanted.spawn(async move { shown(&code_host).await.unwrap() });
        }
    }
    let mut tokens = wanted.join_all().await;
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "one token for all");
    assert_ne!(tokens[0], first);
    assert_eq!(hub.github.refreshed(), 1);
    // It was shown to nobody before it was kept: not even to ask whose it is.
    assert_eq!(hub.looks(), looks);
    let line = kept.load().unwrap().unwrap();
    assert!(line.expose_secret().contains(&tokens[0]));

    // Half a year of silence: what gets the next one has ended, too.
    hub.clock.advance(SignedDuration::from_hours(185 * 24));
    let why = code_host.token().await.unwrap_err();
    assert!(why.to_string().contains("bad_refresh_token"), "{why}");
    assert!(kept.load().unwrap().is_none());
}

#[tokio::test]
async fn a_refused_access_token_is_renewed_where_it_can_be() {
    let hub = Hub::start(true).await;
    let code_host = hub.code_host(&Arc::default());
    hub.sign_in(&code_host, "mia").await;
    let token = code_host.token().await.unwrap().unwrap();
    hub.github.end_access("mia");
    code_host.refused(&token);
    let next = shown(&code_host).await.unwrap();
    assert_ne!(next, token.expose_secret());
    assert_eq!(hub.github.refreshed(), 1);
}

#[tokio::test]
async fn without_a_keyring_it_ends_with_the_process_and_says_so() {
    let hub = Hub::start(true).await;
    let keeper = Arc::new(Sometimes {
        is_broken: AtomicBool::new(true),
        ..Sometimes::default()
    });
    let code_host = hub.code_host_with(keeper.clone(), None);
    hub.sign_in(&code_host, "mia").await;
    assert!(matches!(code_host.not_kept(), Some(NotKept::NoKeyring)));
    assert!(shown(&code_host).await.is_some());
    hub.clock.advance(SignedDuration::from_hours(9));
    assert!(shown(&code_host).await.is_some(), "renewed from memory");
    let next_start = hub.code_host_with(keeper, None);
    assert_eq!(shown(&next_start).await, None);
    assert!(code_host.sign_out().await.unwrap(), "there was one");
    assert_eq!(shown(&code_host).await, None);
}

#[tokio::test]
async fn a_keyring_that_does_not_answer_is_said_and_asked_again_ever_more_seldom() {
    let hub = Hub::start(false).await;
    let keeper = Arc::new(Sometimes::default());
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("code-hosts.lock");
    let start = || hub.code_host_with(keeper.clone(), Some(&lock));
    hub.sign_in(&start(), "mia").await;
    keeper.is_broken.store(true, Ordering::SeqCst);
    let looks = || keeper.looks.load(Ordering::SeqCst);
    let before = looks();
    let window = start();
    let late = async |looks_by_now: usize| {
        // However many want a token.
        for _ in 0..3 {
            let why = window.token().await.unwrap_err();
            assert!(why.may_pass(), "{why}");
            assert!(why.to_string().contains("no keyring"), "{why}");
            assert_eq!(window.unread(), Some(why));
            assert_eq!(looks() - before, looks_by_now);
        }
    };
    late(1).await;
    hub.clock.advance(SignedDuration::from_secs(61));
    late(2).await;
    hub.clock.advance(SignedDuration::from_secs(61));
    late(2).await;
    // It answers, and nobody touches the file.
    keeper.is_broken.store(false, Ordering::SeqCst);
    hub.clock.advance(SignedDuration::from_secs(61));
    assert!(shown(&window).await.is_some());
    assert_eq!(window.unread(), None);
    assert_eq!(window.account().unwrap().login, "mia");
}

#[tokio::test]
async fn who_signs_out_without_a_keyring_is_signed_out() {
    let hub = Hub::start(false).await;
    let keeper = Arc::new(Sometimes {
        is_broken: AtomicBool::new(true),
        ..Sometimes::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("code-hosts.lock");
    let code_host = hub.code_host_with(keeper, Some(&lock));
    hub.sign_in(&code_host, "mia").await;
    assert!(code_host.sign_out().await.unwrap());
    assert_eq!(shown(&code_host).await, None);
    assert_eq!(code_host.unread(), None);
}

#[tokio::test]
async fn a_sign_out_says_whether_there_was_a_token() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    assert!(!hub.code_host(&kept).sign_out().await.unwrap());
    hub.sign_in(&hub.code_host(&kept), "mia").await;
    assert!(hub.code_host(&kept).sign_out().await.unwrap());
    assert!(!hub.code_host(&kept).sign_out().await.unwrap());
}

#[tokio::test]
async fn another_process_that_signs_somebody_in_or_out_counts_at_once() {
    let hub = Hub::start(false).await;
    let kept = Arc::new(Memory::default());
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("code-hosts.lock");
    let window = hub.code_host_with(kept.clone(), Some(&lock));
    let terminal = || hub.code_host_with(kept.clone(), Some(&lock));
    assert_eq!(shown(&window).await, None);
    hub.sign_in(&terminal(), "mia").await;
    assert!(shown(&window).await.is_some());
    assert_eq!(window.account().unwrap().login, "mia");
    hub.sign_in(&terminal(), "ben").await;
    assert!(shown(&window).await.is_some());
    assert_eq!(window.account().unwrap().login, "ben");
    terminal().sign_out().await.unwrap();
    assert_eq!(shown(&window).await, None);
    assert!(kept.load().unwrap().is_none());
}

#[tokio::test]
async fn where_nobody_signed_in_the_keyring_is_left_alone() {
    /// A keyring that must not be asked: it may be locked, and ask the person.
    struct Untouched;
    impl Keeper for Untouched {
        fn load(&self) -> Result<Option<SecretString>, NotKept> {
            panic!("it was read")
        }
        fn store(&self, _: &SecretString) -> Result<(), NotKept> {
            panic!("it was written")
        }
        fn delete(&self) -> Result<(), NotKept> {
            panic!("it was deleted from")
        }
    }
    let hub = Hub::start(false).await;
    let folder = tempfile::tempdir().unwrap();
    // Also where the team file names an application: most people never sign in with it.
    for client_id in [None, Some(CLIENT.to_owned())] {
        let spec = CodeHostSpec {
            client_id,
            ..hub.spec()
        };
        let lock = folder.path().join("code-hosts.lock");
        let clock = Arc::new(Timestamp::now);
        let code_host = CodeHost::new(spec, Arc::new(Untouched), Some(lock), clock).unwrap();
        assert_eq!(shown(&code_host).await, None);
        assert!(code_host.standing().is_none());
    }
}

#[tokio::test]
async fn no_address_may_be_plain_http_but_this_machines() {
    let clock = Arc::new(Timestamp::now);
    let https = "https://code.example".parse().unwrap();
    let plain = "http://code.example".parse().unwrap();
    for (address, api) in [(&https, &plain), (&plain, &https)] {
        let spec = CodeHostSpec::github(HOST, address, api);
        let made = CodeHost::new(spec, Arc::new(Memory::default()), None, clock.clone());
        assert!(matches!(made.err(), Some(Failure::NotOffered { .. })));
    }
}

#[tokio::test]
async fn a_host_that_is_half_on_this_machine_is_refused_before_it_gives_a_token() {
    let clock = Arc::new(Timestamp::now);
    let https = "https://code.example".parse().unwrap();
    let here = "http://127.0.0.1:41234".parse().unwrap();
    for (address, api) in [(&https, &here), (&here, &https)] {
        let spec = CodeHostSpec::github(HOST, address, api);
        let made = CodeHost::new(spec, Arc::new(Memory::default()), None, clock.clone());
        let why = made.err().unwrap();
        assert!(matches!(why, Failure::NotOffered { .. }), "{why}");
        assert!(why.to_string().contains("some are plain http"), "{why}");
    }
}
