//! Where the refresh token rests: in the keyring of the operating system, and nowhere else.
//!
//! Owns the keyring's entry and what is said where there is no keyring, or a locked one: the session works all the same and
//! ends with the process.

use std::sync::{Mutex, PoisonError};

use keyring::v1::Entry;
use secrecy::{ExposeSecret, SecretString};

/// Why nothing is kept, or what is kept cannot be read. Shown to the person: a keyring's own words are for programmers, and
/// go to the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// There is none: nothing of ours can be in it.
    #[error("this machine has no keyring that answers")]
    NoKeyring,
    /// It is locked, and stayed so.
    #[error("the keyring is locked")]
    Locked,
    /// There is one, and it does not answer, or not in time.
    #[error("the keyring does not answer: it may wait to be unlocked")]
    Silent,
    /// It does not take what it should keep.
    #[error("the keyring does not keep it: {0}")]
    Refused(String),
}

impl NotKept {
    /// Whether something of ours may be in it that it does not show now, and may show later.
    pub fn is_shut(&self) -> bool {
        matches!(self, Self::Locked | Self::Silent)
    }
}

/// Something that keeps one secret. Its calls may block.
pub trait Keeper: Send + Sync {
    /// What is kept; `None` if nothing is.
    ///
    /// # Errors
    /// It cannot be read.
    fn load(&self) -> Result<Option<SecretString>, NotKept>;

    /// Keeps this instead of what was kept.
    ///
    /// # Errors
    /// It is not kept; what was kept before may still be.
    fn store(&self, secret: &SecretString) -> Result<(), NotKept>;

    /// Keeps nothing any more.
    ///
    /// # Errors
    /// It may still be kept.
    fn delete(&self) -> Result<(), NotKept>;
}

/// The name of our entries in the keyring.
const SERVICE: &str = "dev.landfall.refresh-token";

/// The keyring of the operating system.
pub struct Keyring {
    user: String,
}

impl Keyring {
    /// The entry of one application at one issuer, for who is told by `whose`: the same issuer and application may stand in
    /// anybody's file, and what another file says must never go on with this session.
    pub fn of(issuer: &str, client_id: &str, whose: &str) -> Self {
        Self {
            user: format!("{client_id} at {issuer} of {whose}"),
        }
    }

    fn entry(&self) -> Result<Entry, NotKept> {
        if let Err(why) = Entry::store_status() {
            tracing::debug!(%why, "no keyring");
            return Err(NotKept::NoKeyring);
        }
        Entry::new(SERVICE, &self.user).map_err(not_kept)
    }
}

impl Keeper for Keyring {
    fn load(&self) -> Result<Option<SecretString>, NotKept> {
        match self.entry()?.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(why) => Err(not_kept(why)),
        }
    }

    fn store(&self, secret: &SecretString) -> Result<(), NotKept> {
        self.entry()?
            .set_password(secret.expose_secret())
            .map_err(not_kept)
    }

    fn delete(&self) -> Result<(), NotKept> {
        match self.entry()?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(why) => Err(not_kept(why)),
        }
    }
}

/// What the Secret Service calls it that something is locked:
/// <https://specifications.freedesktop.org/secret-service-spec/latest/errors.html>.
const LOCKED: &str = "org.freedesktop.Secret.Error.IsLocked";

/// What an error means, without what was to be kept.
fn not_kept(why: keyring::Error) -> NotKept {
    use keyring::Error as Said;
    match why {
        Said::NoStorageAccess(_) => NotKept::Locked,
        Said::NoDefaultStore => NotKept::NoKeyring,
        Said::PlatformFailure(why) if why.to_string().contains(LOCKED) => NotKept::Locked,
        Said::PlatformFailure(why) => {
            tracing::debug!(%why, "the keyring failed");
            NotKept::Silent
        }
        Said::BadEncoding(_) | Said::BadDataFormat(..) | Said::BadStoreFormat(_) => {
            NotKept::Refused("what it holds is none of ours".to_owned())
        }
        Said::TooLong(what, most) => NotKept::Refused(format!("{what} is longer than {most}")),
        Said::Invalid(what, why) => NotKept::Refused(format!("{what}: {why}")),
        _ => NotKept::Refused("it gives no reason".to_owned()),
    }
}

/// Keeps it for as long as this process lives: where there is no keyring, and in tests.
#[derive(Default)]
pub struct Memory(Mutex<Option<SecretString>>);

impl Keeper for Memory {
    fn load(&self) -> Result<Option<SecretString>, NotKept> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn store(&self, secret: &SecretString) -> Result<(), NotKept> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.clone());
        Ok(())
    }

    fn delete(&self) -> Result<(), NotKept> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_own_words_were_shown_to_people() {
        let of = |said: &str| not_kept(keyring::Error::PlatformFailure(said.to_owned().into()));
        let locked = of("zbus error: org.freedesktop.Secret.Error.IsLocked: Collection is locked");
        assert_eq!(locked, NotKept::Locked);
        let broken = of("zbus error: I/O error: Broken pipe (os error 32)");
        assert!(broken.is_shut(), "what was kept may still be there");
        assert!(!broken.to_string().contains("zbus"), "{broken}");
        assert!(!NotKept::NoKeyring.is_shut(), "nothing can be in it");
    }
}
