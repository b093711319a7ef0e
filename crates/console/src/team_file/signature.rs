//! The team file's signature: minisign's, made by `landfall team sign` or by minisign itself.
//!
//! Owns keys, signing and the proof. Nobody reads a hundred diffs: whoever joins compares one fingerprint once, and from
//! then on only what that key signed, and nothing older than what is there, is taken.

use std::io::Cursor;
use std::path::Path;

use jiff::Timestamp;
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox, SignatureBox};

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The file names no key.
    #[error("it does not say which key signs it (signedBy)")]
    NoKey,
    /// The key is none.
    #[error("its key (signedBy) is no minisign public key")]
    BadKey,
    /// The signature is none, or of something else.
    #[error("its signature is not of this file and this key")]
    Wrong,
    /// It does not say when it was made.
    #[error("its signature does not say when it was made")]
    NoTime,
}

/// Why a key cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("the key {path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        why: std::io::Error,
    },
    /// It is no key, or the password is another.
    #[error("it cannot be signed with this key: {0}")]
    Key(String),
}

/// A public key, with what people compare of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    text: String,
}

impl Key {
    /// The key that a file says it is signed by.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, Unsigned> {
        PublicKey::from_base64(text.trim()).map_err(|_| Unsigned::BadKey)?;
        Ok(Self {
            text: text.trim().to_owned(),
        })
    }

    /// As the file spells it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a person compares: the whole key's SHA-256 in eight groups, so that no other key can be made to look alike.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(self.text.as_bytes());
        let digits: Vec<String> = digest
            .chunks(2)
            .take(8)
            .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        digits.join("-")
    }

    /// When this signature of this text was made by this key.
    ///
    /// # Errors
    /// It was not.
    pub fn signed_at(&self, text: &str, signature: &str) -> Result<Timestamp, Unsigned> {
        let key = PublicKey::from_base64(&self.text).map_err(|_| Unsigned::BadKey)?;
        let signature = SignatureBox::from_string(signature).map_err(|_| Unsigned::Wrong)?;
        let read = Cursor::new(text.as_bytes());
        minisign::verify(&key, &signature, read, true, false, false)
            .map_err(|_| Unsigned::Wrong)?;
        // The comment is signed, too.
        let comment = signature.trusted_comment().map_err(|_| Unsigned::Wrong)?;
        let seconds = comment.split_whitespace();
        let mut seconds = seconds.filter_map(|word| word.strip_prefix("timestamp:"));
        let seconds = seconds.next().and_then(|digits| digits.parse().ok());
        let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        at.ok_or(Unsigned::NoTime)
    }
}

/// Makes a key pair: the secret half goes into a file that only its owner may read, the public half comes back.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn make_key(path: &Path, password: Option<String>) -> Result<Key, KeyError> {
    let refused = |why: minisign::PError| KeyError::Key(why.to_string());
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let pair = pair.map_err(refused)?;
    let secret = pair.sk.to_box(Some("Landfall's team file"));
    let secret = secret.map_err(refused)?.into_string();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, secret.as_bytes()));
    written.map_err(|why| KeyError::File {
        path: path.display().to_string(),
        why,
    })?;
    Ok(Key {
        text: pair.pk.to_base64(),
    })
}

/// Signs a text with a secret key's file, as of `now`.
///
/// # Errors
/// The key cannot be read, or the password is another.
pub fn sign(
    text: &str,
    path: &Path,
    password: Option<String>,
    now: Timestamp,
) -> Result<String, KeyError> {
    let refused = |why: minisign::PError| KeyError::Key(why.to_string());
    let kept = std::fs::read_to_string(path).map_err(|why| KeyError::File {
        path: path.display().to_string(),
        why,
    })?;
    let kept = SecretKeyBox::from_string(&kept).map_err(refused)?;
    let secret = match password {
        Some(password) => SecretKey::from_box(kept, Some(password)),
        None => SecretKey::from_unencrypted_box(kept),
    };
    let comment = format!("timestamp:{}", now.as_second());
    let read = Cursor::new(text.as_bytes());
    let signature = minisign::sign(
        None,
        &secret.map_err(refused)?,
        read,
        Some(&comment),
        Some("signature of Landfall's team file"),
    );
    Ok(signature.map_err(refused)?.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn only_this_key_over_this_text_proves_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        let key = make_key(&ours, None).expect("made");
        let other = make_key(&theirs, Some("secret".to_owned())).expect("made");
        assert_ne!(key.fingerprint(), other.fingerprint());
        let signature = sign("text", &ours, None, at(7)).expect("signed");
        assert_eq!(key.signed_at("text", &signature), Ok(at(7)));
        assert_eq!(key.signed_at("text ", &signature), Err(Unsigned::Wrong));
        assert_eq!(other.signed_at("text", &signature), Err(Unsigned::Wrong));
        let later = signature.replace("timestamp:7", "timestamp:9");
        assert_eq!(key.signed_at("text", &later), Err(Unsigned::Wrong));
        assert_eq!(key.signed_at("text", "nothing"), Err(Unsigned::Wrong));
        assert!(
            sign("text", &theirs, None, at(7)).is_err(),
            "it has a password"
        );
        assert!(sign("text", &theirs, Some("other".to_owned()), at(7)).is_err());
        let signature = sign("text", &theirs, Some("secret".to_owned()), at(8)).expect("signed");
        assert_eq!(other.signed_at("text", &signature), Ok(at(8)));
        assert!(
            make_key(&ours, None).is_err(),
            "a key is never written over"
        );
    }
}
