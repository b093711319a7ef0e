//! The refresh token in a real Secret Service: gnome-keyring in a session bus and a home of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use identity::{
    Failure, Giver, Keeper, Keyring, NotKept, Person, Refreshed, Session, Standing, Tokens,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

/// Set where this program runs again inside of the session bus, to what it does there.
const INSIDE: &str = "LANDFALL_TEST_SESSION";

/// Runs one test of this program again by `command`, in a home of its own.
fn inside(test: &str, mut command: Command) {
    let home = tempfile::tempdir().unwrap();
    let ran = command
        .env(INSIDE, test)
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}\n{wrong}"
    );
    // What is kept is nowhere in plain.
    for file in files(home.path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let is_there = bytes
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes());
        assert!(!is_there, "{} has it in plain", file.display());
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path if path.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

fn is_inside(test: &str) -> bool {
    std::env::var(INSIDE).is_ok_and(|inside| inside == test)
}

const SECRET: &str = "canary-d41d8cd98f-refresh-token";

/// What the keyring is unlocked with.
const PASSWORD: &str = "pass";

/// Runs one test of this program again beside an unlocked keyring.
fn beside_a_keyring(test: &str) {
    let script = format!(
        r#"printf {PASSWORD} | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        exec "$0" --exact {test} --nocapture"#
    );
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "sh", "-c", &script]);
    command.arg(std::env::current_exe().unwrap());
    inside(test, command);
}

#[test]
fn the_keyring_keeps_one_token_for_each_application() {
    let name = "the_keyring_keeps_one_token_for_each_application";
    if !is_inside(name) {
        return beside_a_keyring(name);
    }
    let ours = Keyring::of("https://id.tidewater.example", "landfall", "team");
    let other = Keyring::of("https://id.other.example", "landfall", "team");
    assert!(ours.load().unwrap().is_none());
    ours.store(&SecretString::from("the first")).unwrap();
    ours.store(&SecretString::from(SECRET)).unwrap();
    assert_eq!(ours.load().unwrap().unwrap().expose_secret(), SECRET);
    assert!(other.load().unwrap().is_none());
    other.delete().unwrap();
    assert!(ours.load().unwrap().is_some());
    // Left there, so that its file is looked at.
}

#[test]
fn a_machine_without_a_keyring_says_so() {
    let name = "a_machine_without_a_keyring_says_so";
    if !is_inside(name) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        return inside(name, command);
    }
    let ours = Keyring::of("https://id.tidewater.example", "landfall", "team");
    let why = ours.load().unwrap_err();
    assert_eq!(why, NotKept::NoKeyring);
    assert!(ours.store(&SecretString::from(SECRET)).is_err());
}

/// A provider that gives whatever is asked for, and a clock that stands.
#[derive(Default)]
struct Gives {
    seconds: AtomicI64,
}

impl Gives {
    fn tokens(&self) -> Tokens {
        let secret = |text: &str| SecretString::from(text.to_owned());
        Tokens {
            access: secret("access"),
            id: secret("id"),
            refresh: Some(secret(SECRET)),
            until: self
                .now()
                .checked_add(SignedDuration::from_mins(5))
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
impl Giver for Gives {
    fn host(&self) -> String {
        "id.tidewater.example".to_owned()
    }

    async fn refresh(&self, refresh: &SecretString) -> Refreshed {
        assert_eq!(refresh.expose_secret(), SECRET);
        Refreshed {
            next: None,
            tokens: Ok(self.tokens()),
        }
    }

    async fn revoke(&self, _: &SecretString) -> Result<(), Failure> {
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.seconds.load(Ordering::Relaxed)).unwrap()
    }
}

/// Locks the keyring, as a screen that locks may.
fn lock() {
    let path = "/org/freedesktop/secrets";
    let asked = Command::new("dbus-send")
        .args([
            "--session",
            "--dest=org.freedesktop.secrets",
            "--print-reply",
        ])
        .args([path, "org.freedesktop.Secret.Service.Lock"])
        .arg(format!("array:objpath:{path}/collection/login"))
        .output()
        .expect("dbus-send runs");
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");
}

/// Unlocks it as a login does: gnome-keyring's own `pam/gkr-pam-client.c` has the form.
fn unlock() {
    let folder = std::env::var("XDG_RUNTIME_DIR").unwrap();
    let mut control = std::os::unix::net::UnixStream::connect(format!("{folder}/keyring/control"))
        .expect("the keyring's control socket");
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut said = vec![0];
    said.extend(number(12 + PASSWORD.len()));
    said.extend(number(1));
    said.extend(number(PASSWORD.len()));
    said.extend(PASSWORD.as_bytes());
    control.write_all(&said).unwrap();
    let mut answer = [0; 8];
    control.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0, 0, 0, 8, 0, 0, 0, 0], "it is unlocked");
}

#[test]
fn a_session_in_a_locked_keyring_goes_on_by_itself_once_that_is_unlocked() {
    let name = "a_session_in_a_locked_keyring_goes_on_by_itself_once_that_is_unlocked";
    if !is_inside(name) {
        return beside_a_keyring(name);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let giver = Arc::new(Gives::default());
        let start = || {
            let keyring = Keyring::of("https://id.tidewater.example", "landfall", "team");
            Session::resume(giver.clone(), Arc::new(keyring), None)
        };
        let before = start();
        before.begin(giver.tokens()).await.unwrap();
        assert_eq!(*before.not_kept().borrow(), None);
        drop(before);
        lock();
        let session = start();
        let why = session.tokens().await.unwrap_err();
        assert_eq!(why, Failure::Unread(NotKept::Locked));
        let standing = session.standing();
        assert!(matches!(*standing.borrow(), Standing::Unread { .. }));
        unlock();
        session.look_again().await;
        assert!(
            matches!(*standing.borrow(), Standing::Unread { .. }),
            "it was asked just now"
        );
        giver.seconds.store(61, Ordering::Relaxed);
        session.look_again().await;
        session.tokens().await.unwrap();
        assert!(matches!(*standing.borrow(), Standing::SignedIn { .. }));
        assert_eq!(*session.not_kept().borrow(), None);
    });
}
