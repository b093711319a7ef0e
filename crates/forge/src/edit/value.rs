//! What may be written in a place: tags, digests, versions and nothing else. Pure.

use api::headline::plain;
use facts::image::{is_digest, is_tag};

use super::{EditError, Form, Place};
use crate::declared::Written;

/// What stands before a version in a range.
const SIGNS: [&str; 11] = ["=", "!=", ">", "<", ">=", "<=", "=>", "=<", "~", "~>", "^"];
/// The longest range of versions that anybody writes.
const LONGEST_RANGE: usize = 256;

/// What the whole value becomes.
///
/// # Errors
/// The new value is none of the place's form.
pub(super) fn whole(place: &Place, new: &str) -> Result<String, EditError> {
    let no = |what: &'static str| EditError::NoValue {
        new: plain(new, 60),
        what,
    };
    let taken = |fits: bool, what: &'static str| match fits {
        true => Ok(new.to_owned()),
        false => Err(no(what)),
    };
    match place.form {
        Form::Tag if place.value.contains('@') => {
            let fits = match new.split_once('@') {
                Some((tag, digest)) => is_tag(tag) && is_digest(digest),
                None => is_tag(new),
            };
            taken(fits, "tag")
        }
        Form::Tag | Form::SourceTag => taken(is_tag(new), "tag"),
        Form::Digest | Form::SourceDigest => taken(is_digest(new), "digest"),
        Form::ChartVersion | Form::SourceRange => {
            taken(is_range(new), "version or range of versions")
        }
        Form::Image => {
            let (tag, digest) = match new.split_once('@') {
                Some((tag, digest)) => (Some(tag), Some(digest)),
                None if is_digest(new) => (None, Some(new)),
                None => (Some(new), None),
            };
            if !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
                return Err(no("tag, digest or tag@digest"));
            }
            let image = Written {
                name: Written::parse(&place.value).name,
                tag: tag.map(ToOwned::to_owned),
                digest: digest.map(ToOwned::to_owned),
            };
            Ok(image.text())
        }
    }
}

/// A version, or a range as Helm and Flux read them: comparisons joined by commas or spaces, `||` between alternatives.
fn is_range(text: &str) -> bool {
    text.len() <= LONGEST_RANGE
        && text.trim_matches([' ', ',']) == text
        && text.split("||").all(|one| {
            let mut parts = one
                .split([' ', ','])
                .filter(|part| !part.is_empty())
                .peekable();
            // A hyphen alone stands between two versions, an operator alone before one.
            let is_sign = |part: &str| part == "-" || SIGNS.contains(&part);
            let last_is_version = one.split([' ', ',']).rfind(|part| !part.is_empty());
            parts.peek().is_some_and(|first| *first != "-")
                && last_is_version.is_some_and(|last| !is_sign(last))
                && parts.all(|part| is_sign(part) || is_comparison(part))
        })
}

/// `>=1.2`, `v1.2.3-rc.1+build`, `1.x`, `*`.
fn is_comparison(text: &str) -> bool {
    let version = text.trim_start_matches(['=', '!', '>', '<', '~', '^']);
    let sign = text.strip_suffix(version).unwrap_or_default();
    if !sign.is_empty() && !SIGNS.contains(&sign) {
        return false;
    }
    let version = version.strip_prefix('v').unwrap_or(version);
    let (rest, build) = match version.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (version, None),
    };
    let (core, before) = match rest.split_once('-') {
        Some((core, before)) => (core, Some(before)),
        None => (rest, None),
    };
    let number = |part: &str| {
        matches!(part, "*" | "x" | "X")
            || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let labels = |text: &str| {
        text.split('.').all(|part| {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !part.is_empty() && part.bytes().all(word)
        })
    };
    core.split('.').count() <= 3
        && core.split('.').all(number)
        && before.is_none_or(labels)
        && build.is_none_or(labels)
}

/// Whether YAML reads a value as text though it stands in no quotes. What begins with a digit is mostly a number or a date
/// to somebody; a version of three parts is not.
pub(super) fn is_plainly_text(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-+:/@".contains(&byte);
    let is_version = || {
        let mut parts = text.splitn(4, '.');
        let mut number = || {
            let part = parts.next();
            part.is_some_and(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let first_two = number() && number();
        let third = text.splitn(3, '.').nth(2);
        first_two && third.is_some_and(|third| third.starts_with(|c: char| c.is_ascii_digit()))
    };
    text.bytes().all(is_plain)
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && match text.bytes().next() {
            Some(first) if first.is_ascii_alphabetic() => true,
            Some(first) if first.is_ascii_digit() => is_version(),
            _ => false,
        }
}
