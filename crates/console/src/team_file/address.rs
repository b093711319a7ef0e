//! The addresses in a team file: where something answers, and nothing that opens it.
//!
//! Owns reading them. The file is kept, signed, sent on and shown in plain, so that one with a user, a password or a query
//! is refused: its field is named, and never what stands in it.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserializer, de};
use url::Url;

/// Why an address cannot be used. What it is stays unsaid.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    #[error("no whole address, such as https://code.example, stands there")]
    NoAddress,
    #[error(
        "the file is kept and shown in plain, and a user, a password, a query or a fragment stands in the address"
    )]
    NotAlone,
}

/// Something that is read of an address' text.
trait Address: Sized {
    fn of(text: &str) -> Result<Self, Wrong>;
}

impl Address for Url {
    fn of(text: &str) -> Result<Self, Wrong> {
        // The parser's words may quote the text.
        let address = Self::parse(text).map_err(|_| Wrong::NoAddress)?;
        if address.cannot_be_a_base() {
            return Err(Wrong::NoAddress);
        }
        let more = [
            Some(address.username()).filter(|user| !user.is_empty()),
            address.password(),
            address.query(),
            address.fragment(),
        ];
        if more.iter().any(Option::is_some) {
            return Err(Wrong::NotAlone);
        }
        Ok(address)
    }
}

/// A host's name: an address is made of it where none is written.
impl Address for String {
    fn of(text: &str) -> Result<Self, Wrong> {
        if text.contains(['@', '?', '#']) {
            return Err(Wrong::NotAlone);
        }
        Ok(text.to_owned())
    }
}

/// A repository, however it is written. That Git over SSH is asked as `git` is no secret.
///
/// # Errors
/// It has another user, a password, a query or a fragment.
pub fn repository(text: &str) -> Result<(), Wrong> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.strip_prefix("git@").unwrap_or(rest);
    String::of(rest).map(drop)
}

/// A visitor and no `TryFrom`: only so does the error name the field, which has what stands around it.
struct Read<A>(PhantomData<A>);

impl<A: Address> de::Visitor<'_> for Read<A> {
    type Value = A;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<A, E> {
        A::of(text).map_err(E::custom)
    }
}

/// The same where nothing may be written.
struct ReadIfAny;

impl<'de> de::Visitor<'de> for ReadIfAny {
    type Value = Option<Url>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address")
    }

    fn visit_none<E: de::Error>(self) -> Result<Option<Url>, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Url>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<Url>, D::Error> {
        address(from).map(Some)
    }
}

/// Reads an address.
pub fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    from.deserialize_str(Read(PhantomData))
}

/// Reads one that may be absent.
pub fn may_be_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    from.deserialize_option(ReadIfAny)
}

/// Reads a host's name.
pub fn host<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_str(Read(PhantomData))
}
