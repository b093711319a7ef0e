//! Looking for secrets where none may be: every form of each, in every file below some folders.
//!
//! Owns the forms: as it is, in parts, in base64 of either alphabet wherever it begins, percent-encoded, as hexadecimal and as
//! a list of numbers.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Checked;
use super::issuer::Secret;

/// So many bytes of a form are looked for first; what is shorter says nothing.
const KEY: usize = 8;
/// A part of a token that is shorter than this is no secret.
const SHORTEST: usize = 16;

/// What is looked for.
pub(super) struct Search {
    /// Each form's first bytes, with the forms that begin so.
    begin: HashMap<u64, Vec<usize>>,
    /// What may begin one, coarsely.
    coarse: Vec<bool>,
    forms: Vec<(String, Vec<u8>)>,
    secrets: usize,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// How many files were read.
    pub files: usize,
    /// How many bytes.
    pub bytes: u64,
    /// What was found where: what it is, and the file.
    pub hits: BTreeSet<(String, PathBuf)>,
}

impl Found {
    /// The hits in words; never the secrets.
    pub(super) fn said(&self) -> String {
        let hits = self.hits.iter();
        let lines = hits.map(|(is, file)| format!("{is} in {}", file.display()));
        lines.collect::<Vec<_>>().join("\n    ")
    }
}

impl Search {
    /// Looks for these.
    pub(super) fn of(secrets: &[Secret]) -> Self {
        let secrets: BTreeSet<&Secret> = secrets.iter().collect();
        let mut forms = Vec::new();
        for secret in &secrets {
            forms.extend(forms_of(secret));
        }
        let mut begin: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut coarse = vec![false; 1 << 16];
        for (at, (_, form)) in forms.iter().enumerate() {
            let key = form.iter().take(KEY).fold(0, shifted);
            coarse[slot(key)] = true;
            begin.entry(key).or_default().push(at);
        }
        Self {
            begin,
            coarse,
            forms,
            secrets: secrets.len(),
        }
    }

    /// How many secrets these are.
    pub(super) fn secrets(&self) -> usize {
        self.secrets
    }

    /// Looks through every file below these, and at their names.
    pub(super) fn through(&self, places: &[PathBuf]) -> Checked<Found> {
        let mut found = Found::default();
        for place in places {
            self.look(place, &mut found)?;
        }
        Ok(found)
    }

    fn look(&self, place: &Path, found: &mut Found) -> Checked {
        let name = place.as_os_str().as_encoded_bytes();
        self.within(name, place, found);
        let kind = std::fs::symlink_metadata(place)?.file_type();
        if kind.is_dir() {
            for file in std::fs::read_dir(place)? {
                self.look(&file?.path(), found)?;
            }
        } else if kind.is_file() {
            let content = std::fs::read(place)?;
            found.files += 1;
            found.bytes += content.len() as u64;
            self.within(&content, place, found);
        }
        Ok(())
    }

    fn within(&self, content: &[u8], place: &Path, found: &mut Found) {
        let mut key = 0;
        for (at, byte) in content.iter().enumerate() {
            key = shifted(key, byte);
            if at + 1 < KEY || !self.coarse[slot(key)] {
                continue;
            }
            let rest = &content[at + 1 - KEY..];
            for form in self.begin.get(&key).into_iter().flatten() {
                let (is, form) = &self.forms[*form];
                if rest.starts_with(form) {
                    found.hits.insert((is.clone(), place.to_owned()));
                }
            }
        }
    }
}

fn shifted(key: u64, byte: &u8) -> u64 {
    (key << 8) | u64::from(*byte)
}

fn slot(key: u64) -> usize {
    usize::from((key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as u16)
}

/// Every form of a secret.
fn forms_of(secret: &Secret) -> Vec<(String, Vec<u8>)> {
    let mut plain = vec![(secret.is.clone(), secret.value.clone())];
    let parts: Vec<&str> = secret.value.split('.').collect();
    if parts.len() == 3 {
        for (part, name) in parts.iter().zip(["header", "claims", "signature"]) {
            plain.push((format!("{}'s {name}", secret.is), (*part).to_owned()));
        }
    }
    let mut forms = Vec::new();
    for (is, value) in plain
        .into_iter()
        .filter(|(_, value)| value.len() >= SHORTEST)
    {
        for begin in 0..3 {
            for (name, alphabet) in [("base64", STANDARD_NO_PAD), ("base64url", URL_SAFE_NO_PAD)] {
                let form = within_base64(&alphabet, begin, value.as_bytes());
                forms.push((format!("{is} in {name}"), form));
            }
        }
        // As a list of bytes is logged.
        let numbers: Vec<String> = value.bytes().map(|byte| byte.to_string()).collect();
        forms.push((format!("{is} in numbers"), numbers.join(", ").into_bytes()));
        let hexadecimal: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.push((format!("{is} in hexadecimal"), hexadecimal.into_bytes()));
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        if encoded != value {
            forms.push((format!("{is} percent-encoded"), encoded.into_bytes()));
        }
        forms.push((is, value.into_bytes()));
    }
    forms
}

/// The characters of base64 that are the value's alone where so many bytes come before it, and any after it.
fn within_base64(alphabet: &impl Engine, begin: usize, value: &[u8]) -> Vec<u8> {
    let before = [vec![0; begin], value.to_vec()].concat();
    let whole = before.len() / 3 * 4;
    let skipped = [0, 2, 3][begin];
    let encoded = alphabet.encode(before).into_bytes();
    encoded[skipped..whole].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret {
            is: "id_token".to_owned(),
            value: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaWEiLCJuIjoxfQ.c2lnbmF0dXJlLW9mLWl0LWFsbA"
                .to_owned(),
        }
    }

    /// What is found of the secret in a file with this content.
    fn found(content: &[u8]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), content).unwrap();
        let search = Search::of(&[secret()]);
        search
            .through(&[folder.path().to_owned()])
            .unwrap()
            .hits
            .len()
    }

    #[test]
    fn every_form_is_found_wherever_it_begins() {
        let value = secret().value;
        assert!(found(value.as_bytes()) > 0);
        for part in value.split('.') {
            assert!(found(format!("it: {part}!").as_bytes()) > 0, "{part}");
        }
        for before in ["", "a", "ab", "abc", "Bearer "] {
            let said = format!("{before}{value} and on");
            assert!(
                found(STANDARD_NO_PAD.encode(&said).as_bytes()) > 0,
                "{before}"
            );
            assert!(
                found(URL_SAFE_NO_PAD.encode(&said).as_bytes()) > 0,
                "{before}"
            );
        }
        let hexadecimal: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(found(hexadecimal.as_bytes()) > 0);
        assert!(found(format!("{:?}", value.as_bytes()).as_bytes()) > 0);
    }

    #[test]
    fn what_is_no_secret_is_not_found() {
        assert_eq!(
            found(b"eyJhbGciOiJSUzI1NiJ8 and much else that is no token of hers"),
            0
        );
    }
}
