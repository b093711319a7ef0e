//! What is relied on of the Secret Service, over D-Bus.

use super::{Checked, so};
use crate::peers::Peers;

/// What an app would store, and an account of it.
async fn store(peers: &Peers, account: &str, secret: &str) -> Checked {
    let attributes = ["--label=prove", "service", "landfall", "account", account];
    let arguments = [&["store"], &attributes[..]].concat();
    let output = peers.secrets.run(&arguments, secret).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    so("it was not stored", output.status.success(), &said)
}

/// What is stored, if anything is.
async fn find(peers: &Peers, account: &str) -> Checked<Option<String>> {
    let arguments = ["lookup", "service", "landfall", "account", account];
    let output = peers.secrets.run(&arguments, "").await?;
    let said = String::from_utf8_lossy(&output.stderr);
    so("it cannot be looked up", said.is_empty(), &said)?;
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(output.status.success().then_some(found))
}

async fn is(peers: &Peers, account: &str, wanted: Option<&str>) -> Checked {
    let found = find(peers, account).await?;
    let short = |secret: Option<&str>| secret.map(|secret| secret.chars().take(40).collect());
    let (wanted_short, found_short): (Option<String>, _) = (short(wanted), short(found.as_deref()));
    let what = format!("{account} is not {wanted_short:?}");
    so(
        &what,
        found.as_deref() == wanted,
        &format!("{found_short:?}"),
    )
}

pub(super) async fn kept(peers: &Peers) -> Checked {
    for secret in ["plain", "two\nlines\n", "ünïcödé 🔑", "{\"json\": \"x\"}"] {
        store(peers, "kept", secret).await?;
        is(peers, "kept", Some(secret)).await?;
    }
    // As long as tokens get; secret-tool itself reads no more than 8 KiB.
    let long = "0123456789abcdef".repeat(256);
    store(peers, "kept", &long).await?;
    is(peers, "kept", Some(&long)).await
}

pub(super) async fn replaced(peers: &Peers) -> Checked {
    store(peers, "replaced", "old").await?;
    store(peers, "replaced", "new").await?;
    is(peers, "replaced", Some("new")).await?;
    let search = [
        "search", "--all", "service", "landfall", "account", "replaced",
    ];
    let found = peers.secrets.run(&search, "").await?;
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    so(
        "there is not one of it",
        found.matches("label = ").count() == 1,
        &found,
    )
}

pub(super) async fn removed(peers: &Peers) -> Checked {
    store(peers, "removed", "secret").await?;
    let arguments = ["clear", "service", "landfall", "account", "removed"];
    let output = peers.secrets.run(&arguments, "").await?;
    let said = String::from_utf8_lossy(&output.stderr);
    so("it was not removed", output.status.success(), &said)?;
    is(peers, "removed", None).await
}

pub(super) async fn apart(peers: &Peers) -> Checked {
    store(peers, "kim", "of kim").await?;
    store(peers, "lee", "of lee").await?;
    is(peers, "kim", Some("of kim")).await?;
    is(peers, "lee", Some("of lee")).await
}

pub(super) async fn closed(peers: &Peers) -> Checked {
    let secret = "a-secret-that-is-looked-for-in-files";
    store(peers, "closed", secret).await?;
    let mut bytes = 0;
    for file in std::fs::read_dir(&peers.secrets.kept)? {
        let content = std::fs::read(file?.path())?;
        bytes += content.len();
        let is_open = content
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        so("the secret is readable", !is_open, &"in the keyring's file")?;
    }
    so("the keyring is in no file", bytes > 0, &bytes)
}
