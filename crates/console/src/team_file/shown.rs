//! How the team file's words are shown to whoever helps: certificates by their number, files by their name.
//!
//! Owns these forms.

use std::path::PathBuf;

use serde::Serializer;

/// How many certificates each text holds.
pub fn certificates<S: Serializer>(texts: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| number(text)))
}

/// The same of one that may be absent.
pub fn may_be_certificates<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => to.serialize_some(&number(text)),
        None => to.serialize_none(),
    }
}

fn number(text: &str) -> String {
    let number = text.matches("-----BEGIN CERTIFICATE-----").count();
    format!("(certificates: {number})")
}

/// A file's name alone: its folder may name a person.
pub fn file_name<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    let name = path.as_ref().and_then(|path| path.file_name());
    match name {
        Some(name) => to.serialize_some(&name.to_string_lossy()),
        None => to.serialize_none(),
    }
}
