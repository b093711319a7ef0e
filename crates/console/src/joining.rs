//! Joining a team: its file is fetched, its key's fingerprint confirmed once, and from then on only that key is believed.
//!
//! Owns what is kept of the team on this machine, in one file that is swapped whole, and what may replace it: a file that
//! the same key signed, no older than the one that is there. Holds no secret.

use std::path::{Path, PathBuf};

use api::Error;
use api::error::Code;
use forge::{GitFileError, GitLink, PageError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::checking::AtLink;
use crate::team_file::TeamFile;
use crate::team_file::signature::{Key, Unsigned};

/// What is put behind a team file's address for its signature's.
const SIGNATURE: &str = ".minisig";

/// A team file that somebody may join by: to be confirmed by a person.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Where it came from.
    pub from: String,
    /// What the team calls itself.
    pub name: String,
    /// What has to be compared with what the team says its key's fingerprint is.
    pub fingerprint: String,
    /// Who signs people in there.
    pub provider: Option<String>,
    /// What the sign-in will open, by name.
    pub systems: Vec<String>,
    kept: Kept,
}

/// The team that this machine's person joined.
#[derive(Clone, Debug)]
pub struct Membership {
    folder: PathBuf,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    from: String,
    /// The key that was confirmed.
    key: String,
    text: String,
    signature: String,
}

impl Kept {
    /// When it was signed; proves that it was.
    fn signed_at(&self) -> Result<Timestamp, Unsigned> {
        Key::parse(&self.key)?.signed_at(&self.text, &self.signature)
    }
}

impl Membership {
    /// This machine's.
    ///
    /// # Errors
    /// There is no folder to keep it in.
    pub fn here() -> Result<Self, Error> {
        let folder = crate::sources::data_folder();
        folder.map(|folder| Self { folder }).ok_or_else(|| {
            Error::new(Code::Usage, "there is no folder to keep the team in")
                .hint("Set HOME, or XDG_DATA_HOME.")
        })
    }

    /// The membership that is kept in a folder of the platform's for data.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Fetches what a link, or a path, offers. Nothing is kept yet.
    ///
    /// # Errors
    /// It cannot be read, is no team file, or is not signed by the key that it names.
    pub async fn offer(from: &str) -> Result<Offer, Error> {
        let from = &from_anywhere(from)?;
        let (text, signature) = fetch(from).await?;
        let file = TeamFile::of_joined(&text, from)?;
        let proof = || {
            let key = Key::parse(file.signed_by.as_deref().ok_or(Unsigned::NoKey)?)?;
            key.signed_at(&text, &signature)?;
            Ok(key)
        };
        let key = proof().map_err(|why| refused(from, why))?;
        let clusters = file.clusters.iter().map(|cluster| cluster.name.clone());
        let accounts = file.aws.iter().map(|aws| aws.name.clone());
        let provider = file.sign_in.as_ref();
        Ok(Offer {
            from: from.to_owned(),
            name: file.called().to_owned(),
            fingerprint: key.fingerprint(),
            provider: provider
                .and_then(|sign_in| sign_in.issuer.host_str())
                .map(str::to_owned),
            systems: clusters.chain(accounts).collect(),
            kept: Kept {
                from: from.to_owned(),
                key: key.text().to_owned(),
                text,
                signature,
            },
        })
    }

    /// Joins by an offer whose fingerprint a person confirmed.
    ///
    /// # Errors
    /// The fingerprint is another, or it cannot be kept.
    pub fn join(&self, offer: &Offer, fingerprint: &str) -> Result<(), Error> {
        let given = comparable(fingerprint);
        if given.is_empty() {
            return Err(Error::new(Code::Usage, "no fingerprint was given")
                .hint("Ask whoever sent you the link what their key's fingerprint is."));
        }
        if given != comparable(&offer.fingerprint) {
            return Err(Error::new(
                Code::BadFile,
                format!(
                    "the team file of {} is signed by the key {}, and not by {}",
                    offer.from,
                    offer.fingerprint,
                    fingerprint.trim()
                ),
            )
            .hint("Do not join. Ask whoever sent you the link for the right fingerprint."));
        }
        if let Ok(Some(kept)) = self.kept()
            && let Ok(before) = kept.signed_at()
        {
            if kept.key != offer.kept.key {
                if kept.from == offer.from {
                    let message = format!(
                        "{} is signed by another key than the one that was confirmed",
                        kept.from
                    );
                    return Err(Error::new(Code::BadFile, message).hint(STAYS));
                }
                return Err(Error::new(
                    Code::BadFile,
                    format!("another team was joined on this machine, by {}", kept.from),
                )
                .hint("Leave it first: `landfall team leave`, or the button beside it."));
            }
            if offer.kept.signed_at().is_ok_and(|now| now < before) {
                return Err(older(&offer.from));
            }
        }
        self.keep(&offer.kept)
    }

    /// Forgets the team.
    ///
    /// # Errors
    /// What is kept cannot be deleted.
    pub fn leave(&self) -> Result<(), Error> {
        match std::fs::remove_file(self.path()) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(self.broken(&why)),
            _ => Ok(()),
        }
    }

    /// The team's file, if a team was joined.
    ///
    /// # Errors
    /// What is kept cannot be read, or is not what the confirmed key signed.
    pub fn team_file(&self) -> Result<Option<TeamFile>, Error> {
        let Some(kept) = self.kept()? else {
            return Ok(None);
        };
        kept.signed_at().map_err(|why| refused(&kept.from, why))?;
        TeamFile::of_joined(&kept.text, &kept.from).map(Some)
    }

    /// Fetches the team's file anew and keeps it if it is one to believe; whether it differs from what was kept.
    ///
    /// # Errors
    /// It cannot be read, or is not to be believed: what was kept stays.
    pub async fn update(&self) -> Result<bool, Error> {
        let Some(kept) = self.kept()? else {
            return Err(Error::new(Code::UnknownName, "no team was joined here")
                .hint("`landfall team join LINK` joins one."));
        };
        let (text, signature) = fetch(&kept.from).await?;
        let newer = Kept {
            text,
            signature,
            ..kept.clone()
        };
        let before = kept.signed_at().map_err(|why| self.broken(&why))?;
        let now = newer.signed_at();
        let now = now.map_err(|why| refused(&kept.from, why).hint(STAYS))?;
        if now < before {
            return Err(older(&kept.from));
        }
        let file = TeamFile::of_joined(&newer.text, &newer.from)?;
        if file.signed_by.as_deref().map(str::trim) != Some(kept.key.as_str()) {
            return Err(Error::new(
                Code::BadFile,
                format!(
                    "{} names another key than the one that was confirmed",
                    kept.from
                ),
            )
            .hint(STAYS));
        }
        if newer.text == kept.text {
            return Ok(false);
        }
        self.keep(&newer)?;
        Ok(true)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("team.json")
    }

    fn kept(&self) -> Result<Option<Kept>, Error> {
        let text = match std::fs::read_to_string(self.path()) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(self.broken(&why)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|why| self.broken(&why))
    }

    /// Written beside and renamed: whoever reads sees the one or the other, whole.
    fn keep(&self, kept: &Kept) -> Result<(), Error> {
        let text = serde_json::to_string(kept).map_err(|why| self.broken(&why))?;
        let beside = self
            .folder
            .join(format!("team.{}.json", std::process::id()));
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&beside, text))
            .and_then(|()| std::fs::rename(&beside, self.path()))
            .map_err(|why| self.broken(&why))
    }

    fn broken(&self, why: &dyn std::error::Error) -> Error {
        Error::new(
            Code::BadFile,
            format!(
                "what is kept of the team in {} cannot be used: {why}",
                self.path().display()
            ),
        )
        .hint("`landfall team leave` forgets it; then join again.")
    }

    /// How the file at the link that was joined by stands to the one that is kept, which stays as it is.
    ///
    /// # Errors
    /// No team was joined, or what stands there cannot be read or is signed by no key that it names.
    pub(crate) async fn at_link(&self) -> Result<AtLink, Error> {
        let Some(kept) = self.kept()? else {
            return Err(Error::new(Code::UnknownName, "no team was joined here"));
        };
        let there = Self::offer(&kept.from).await?;
        if there.kept.key != kept.key {
            let (from, fingerprint) = (there.from, there.fingerprint);
            return Ok(AtLink::OtherKey { from, fingerprint });
        }
        let proof = || Ok((kept.signed_at()?, there.kept.signed_at()?));
        let (before, now) = proof().map_err(|why| refused(&kept.from, why))?;
        Ok(match there.kept.text == kept.text {
            true => AtLink::Same,
            false if now < before => AtLink::Older,
            false => AtLink::Newer,
        })
    }
}

/// What to do where a file is no longer of the key that was confirmed.
const STAYS: &str = "The file that is here stays. If the team changed its key, leave and join again with the new fingerprint.";

/// A fingerprint without what people leave out or add when they pass it on.
fn comparable(fingerprint: &str) -> String {
    let digits = fingerprint.chars();
    let digits = digits.filter(|one| !one.is_whitespace() && !matches!(one, '-' | ':'));
    digits.collect::<String>().to_lowercase()
}

/// Where a team file is, wherever that is read from later: a path as it is from the root on.
fn from_anywhere(from: &str) -> Result<String, Error> {
    let url = Url::parse(from).ok();
    if url.as_ref().is_some_and(is_link) {
        return Ok(from.to_owned());
    }
    // Taken for a path it would be shown whole, with a password that may be in it.
    if url.is_none() && from.contains("://") {
        return Err(Error::new(
            Code::BadFile,
            "the link to the team file is no address that can be read",
        )
        .hint("Give an https link, or the path of a file."));
    }
    let path = url.filter(|url| url.scheme() == "file");
    let path = path.and_then(|url| url.to_file_path().ok());
    std::path::absolute(path.as_deref().unwrap_or(Path::new(from)))
        .map(|path| path.display().to_string())
        .map_err(|why| unreadable(from, &why))
}

fn is_link(url: &Url) -> bool {
    may_be_secret(url) || GitLink::parse(url).is_some() || matches!(url.scheme(), "https" | "http")
}

fn unreadable(from: &str, why: &std::io::Error) -> Error {
    Error::new(
        Code::BadFile,
        format!("the team file {from} cannot be read: {why}"),
    )
    .hint("Give an https link, or the path of a file.")
}

/// A team file's text and its signature.
async fn fetch(from: &str) -> Result<(String, String), Error> {
    match Url::parse(from) {
        Ok(url) if may_be_secret(&url) => Err(Error::new(
            Code::BadFile,
            "the link to the team file has a user, a password, a query or a fragment in it, which would be kept with it",
        )
        .hint("Take them out. What not everybody may read is joined by a file: give its path.")),
        Ok(url) if let Some(link) = GitLink::parse(&url) => {
            let path = link.path();
            let signature = format!("{path}{SIGNATURE}");
            let cache = crate::sources::cache_folder()?;
            let read = link.read(&[path, &signature], cache).await;
            let mut read = read.map_err(|why| not_in_git(&why))?.into_iter();
            let text = read.next().flatten().ok_or_else(|| {
                let why = GitFileError::Else(format!("the repository has no file {path}"));
                not_in_git(&why)
            })?;
            let signature = read.next().flatten().ok_or_else(|| unsigned(from))?;
            Ok((text, signature))
        }
        Ok(url) if matches!(url.scheme(), "https" | "http") => {
            let mut beside = url.clone();
            beside.set_path(&format!("{}{SIGNATURE}", url.path()));
            let text = forge::page(&url).await.map_err(|why| unread(&why))?;
            let signature = forge::page(&beside).await;
            let signature = signature.map_err(|why| {
                if why.is_absent() {
                    unsigned(from)
                } else {
                    unread(&why)
                }
            })?;
            Ok((text, signature))
        }
        _ => {
            let read = |path: &str| std::fs::read_to_string(path);
            let text = read(from).map_err(|why| unreadable(from, &why))?;
            let signature = read(&format!("{from}{SIGNATURE}")).map_err(|_| unsigned(from))?;
            Ok((text, signature))
        }
    }
}

/// Whether a link has something in it that may open the file for its owner alone: it is printed, and kept in plain.
fn may_be_secret(url: &Url) -> bool {
    let has_query = url.query_pairs().any(|(name, _)| name != "ref");
    // A path of Windows reads as an address without a host: C:\c#\landfall.yaml.
    let has_fragment = url.has_host() && url.fragment().is_some();
    !url.username().is_empty() || url.password().is_some() || has_query || has_fragment
}

fn unread(why: &PageError) -> Error {
    let (code, hint) = match why {
        PageError::NoAnswer { .. } => (Code::Unreachable, "Is the link whole, and the VPN on?"),
        PageError::Refused { .. } => (
            Code::Denied,
            "Is the link whole? What not everybody may read is joined by a file: give its path.",
        ),
        PageError::NotTls(_) => (
            Code::BadFile,
            "Anybody on the way could change it. Give an https link, or the path of a file.",
        ),
        PageError::Form(_) => (
            Code::BadFile,
            "Is it a link to the file itself, and not to a page that shows it?",
        ),
    };
    let error = Error::new(code, format!("the team file cannot be read: {why}")).hint(hint);
    match code {
        Code::Unreachable => error.retryable(),
        _ => error,
    }
}

fn not_in_git(why: &GitFileError) -> Error {
    let code = match why {
        GitFileError::Unreachable(_) => Code::Unreachable,
        GitFileError::Denied(_) => Code::Denied,
        GitFileError::Else(_) => Code::BadFile,
    };
    let error = Error::new(code, format!("the team file cannot be read: {why}"))
        .hint("The link is REPOSITORY//PATH?ref=BRANCH. A repository that not everybody may read is joined by a file: clone it, and give the path.");
    match why {
        GitFileError::Unreachable(_) => error.retryable(),
        _ => error,
    }
}

fn older(from: &str) -> Error {
    Error::new(
        Code::BadFile,
        format!("{from} holds a team file that was signed before the one that is here"),
    )
    .hint("The newer one stays. Has somebody put an old file back?")
}

fn unsigned(from: &str) -> Error {
    Error::new(
        Code::BadFile,
        format!("there is no signature beside the team file: {from}{SIGNATURE}"),
    )
    .hint("Whoever keeps the team file signs it: `landfall team sign landfall.yaml --key KEY`.")
}

fn refused(from: &str, why: Unsigned) -> Error {
    Error::new(
        Code::BadFile,
        format!("the team file of {from} is not to be believed: {why}"),
    )
    .hint("Ask whoever keeps it to sign it again: `landfall team sign landfall.yaml --key KEY`.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team_file::signature::{make_key, sign};

    struct Team {
        folder: tempfile::TempDir,
        key: Key,
    }

    impl Team {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let key = make_key(&folder.path().join("key"), None).expect("a key");
            Self { folder, key }
        }

        fn from(&self) -> String {
            let path = self.folder.path().join("landfall.yaml");
            path.to_string_lossy().into_owned()
        }

        /// Publishes a file of this name, signed at this second with a key's file.
        fn publish(&self, name: &str, signed_by: &str, key: &str, second: i64) {
            let text = format!("version: 1\nname: {name}\nsignedBy: {signed_by}\n");
            let at = Timestamp::from_second(second).expect("a time");
            let signature = sign(&text, &self.folder.path().join(key), None, at).expect("signed");
            std::fs::write(self.from(), text).expect("written");
            std::fs::write(format!("{}{SIGNATURE}", self.from()), signature).expect("written");
        }

        fn membership(&self) -> Membership {
            Membership::in_folder(&self.folder.path().join("data"))
        }
    }

    #[tokio::test]
    async fn a_team_is_joined_by_its_fingerprint_and_by_no_other() {
        let team = Team::new();
        team.publish("tide", team.key.text(), "key", 100);
        let offer = Membership::offer(&team.from()).await.expect("offered");
        assert_eq!(offer.name, "tide");
        assert_eq!(offer.fingerprint, team.key.fingerprint());
        let membership = team.membership();
        assert!(membership.team_file().expect("readable").is_none());
        let error = membership.join(&offer, "0000").expect_err("another");
        assert!(error.message.contains(&offer.fingerprint), "{error}");
        assert!(membership.team_file().expect("readable").is_none());
        membership.join(&offer, &offer.fingerprint).expect("joined");
        let file = membership.team_file().expect("readable").expect("joined");
        assert_eq!(file.name.as_deref(), Some("tide"));
        membership.leave().expect("left");
        assert!(membership.team_file().expect("readable").is_none());
    }

    #[tokio::test]
    async fn the_right_fingerprint_was_called_wrong_for_its_dashes_and_capitals() {
        let team = Team::new();
        team.publish("tide", team.key.text(), "key", 100);
        let offer = Membership::offer(&team.from()).await.expect("offered");
        let membership = team.membership();
        let refused = |given: &str| membership.join(&offer, given).expect_err("another");
        let most = &offer.fingerprint[..offer.fingerprint.len() - 1];
        assert!(refused(most).message.contains("and not by"));
        for nothing in ["", " - "] {
            assert_eq!(refused(nothing).message, "no fingerprint was given");
        }
        let spoken = offer.fingerprint.replace('-', " ").to_uppercase();
        let joined_up = offer.fingerprint.replace('-', "");
        let with_colons = offer.fingerprint.replace('-', ":");
        for given in [spoken, joined_up, with_colons] {
            membership.join(&offer, &given).expect("the same");
        }
    }

    #[tokio::test]
    async fn a_path_was_kept_as_it_was_typed_and_meant_nothing_elsewhere() {
        let error = Membership::offer("file:///no-such-folder/landfall.yaml").await;
        let error = error.expect_err("it is not there");
        let path = " /no-such-folder/landfall.yaml ";
        assert!(error.message.contains(path), "{error}");
        let error = Membership::offer("no-such-folder/landfall.yaml").await;
        let error = error.expect_err("it is not there");
        let here = std::env::current_dir().expect("a folder");
        let whole = here.join("no-such-folder/landfall.yaml");
        let whole = whole.display().to_string();
        assert!(error.message.contains(&whole), "{error}");
    }

    #[tokio::test]
    async fn a_vpn_was_blamed_for_a_link_that_is_not_https() {
        let error = Membership::offer("http://shop.example/landfall.yaml").await;
        let error = error.expect_err("anybody could change it");
        assert!(error.message.contains("is not https"), "{error}");
        assert!(!error.hint.contains("VPN"), "{}", error.hint);
        assert!(!error.retryable, "it stays so");
    }

    #[tokio::test]
    async fn a_link_that_cannot_be_read_was_shown_with_the_password_in_it() {
        let link = "https://joe:pwSECRET@host:99999/landfall.yaml";
        let error = Membership::offer(link).await.expect_err("no link");
        assert_eq!(error.code, Code::BadFile);
        assert!(!format!("{error:?}").contains("pwSECRET"), "{error:?}");
    }

    #[tokio::test]
    async fn a_token_in_the_link_was_kept_in_plain() {
        for link in [
            "https://x:ghp_secret@code.example/shop//landfall.yaml",
            "https://ghp_secret@code.example/landfall.yaml",
            "https://code.example/landfall.yaml?token=ghp_secret",
            "https://code.example/landfall.yaml#token=ghp_secret",
            "https://code.example/shop//landfall.yaml?ref=main#ghp_secret",
        ] {
            let error = Membership::offer(link)
                .await
                .expect_err("it is kept with the team");
            assert!(!error.to_string().contains("ghp_secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_without_a_signature_or_with_another_keys_is_not_offered() {
        let team = Team::new();
        team.publish("tide", team.key.text(), "key", 100);
        std::fs::write(team.from(), "version: 1\nname: other\n").expect("written");
        let error = Membership::offer(&team.from()).await.expect_err("no key");
        assert!(error.message.contains("signedBy"), "{error}");
        let text = format!("version: 1\nname: other\nsignedBy: {}\n", team.key.text());
        std::fs::write(team.from(), text).expect("written");
        let error = Membership::offer(&team.from()).await.expect_err("altered");
        assert!(error.message.contains("not of this file"), "{error}");
        std::fs::remove_file(format!("{}{SIGNATURE}", team.from())).expect("removed");
        let error = Membership::offer(&team.from()).await.expect_err("none");
        assert!(error.message.contains("no signature"), "{error}");
    }

    #[tokio::test]
    async fn only_what_the_confirmed_key_signed_and_nothing_older_replaces_the_file() {
        let team = Team::new();
        team.publish("first", team.key.text(), "key", 100);
        let membership = team.membership();
        let offer = Membership::offer(&team.from()).await.expect("offered");
        membership.join(&offer, &offer.fingerprint).expect("joined");
        let name = || {
            membership
                .team_file()
                .expect("readable")
                .expect("joined")
                .name
        };
        team.publish("second", team.key.text(), "key", 200);
        assert!(membership.update().await.expect("newer"));
        assert_eq!(name().as_deref(), Some("second"));
        assert!(!membership.update().await.expect("the same"));
        team.publish("rolled back", team.key.text(), "key", 150);
        let old = Membership::offer(&team.from()).await.expect("offered");
        let error = membership.join(&old, &old.fingerprint).expect_err("older");
        assert!(error.message.contains("before the one"), "{error}");
        let error = membership.update().await.expect_err("older");
        assert!(
            error.message.contains("before the one that is here"),
            "{error}"
        );
        let theirs = make_key(&team.folder.path().join("theirs"), None).expect("a key");
        team.publish("taken over", theirs.text(), "theirs", 300);
        let error = membership.update().await.expect_err("another key");
        assert!(error.message.contains("not to be believed"), "{error}");
        // Whoever keeps the file has signed it: with the new key, and it is that which has to be confirmed.
        assert!(
            error.hint.contains("join again with the new fingerprint"),
            "{}",
            error.hint
        );
        assert_eq!(name().as_deref(), Some("second"));
        let other = Membership::offer(&team.from()).await.expect("offered");
        let error = membership
            .join(&other, &other.fingerprint)
            .expect_err("another team");
        assert!(error.message.contains("signed by another key"), "{error}");
        let moved = Offer {
            from: "https://other.example/landfall.yaml".to_owned(),
            ..other
        };
        let error = membership.join(&moved, &moved.fingerprint);
        let error = error.expect_err("another team");
        assert!(error.message.contains("another team"), "{error}");
    }

    #[tokio::test]
    async fn what_is_kept_is_believed_only_as_it_was_signed() {
        let team = Team::new();
        team.publish("tide", team.key.text(), "key", 100);
        let membership = team.membership();
        let offer = Membership::offer(&team.from()).await.expect("offered");
        membership.join(&offer, &offer.fingerprint).expect("joined");
        let path = team.folder.path().join("data/team.json");
        let kept = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, kept.replace("tide", "tile")).expect("written");
        assert!(membership.team_file().is_err());
    }
}
