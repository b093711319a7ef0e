//! The refresh token in a real Secret Service: gnome-keyring in a session bus and a home of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::process::Command;

use identity::{Keeper, Keyring, NotKept};
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

#[test]
fn the_keyring_keeps_one_token_for_each_application() {
    let name = "the_keyring_keeps_one_token_for_each_application";
    if !is_inside(name) {
        let script = format!(
            r#"printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null
            exec "$0" --exact {name} --nocapture"#
        );
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", &script]);
        command.arg(std::env::current_exe().unwrap());
        return inside(name, command);
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
    assert!(matches!(why, NotKept::NoKeyring(_)), "{why}");
    assert!(ours.store(&SecretString::from(SECRET)).is_err());
}
