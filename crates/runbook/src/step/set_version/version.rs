//! Versions as people name them: a tag, a digest, or both; and whether an image, or a chart, is exactly that one.
//!
//! Owns what is taken for a version at all, and the comparison by which a run says that it has worked.

use api::headline::plain;
use facts::image::{ImageReference, is_digest, is_tag};

use crate::git::{Form, Place};

/// The longest version of a chart that is taken.
const LONGEST_CHART: usize = 100;

/// A version of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// Whether an image is of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    Yes,
    No,
    /// A digest decides what runs, and only one of the two names one.
    Untold,
}

impl Version {
    /// `1.4.2`, `sha256:…` or `1.4.2@sha256:…`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tag, digest) = match text.split_once('@') {
            Some((tag, digest)) => (Some(tag), Some(digest)),
            None if text.contains(':') => (None, Some(text)),
            None => (Some(text), None),
        };
        if !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
            return Err(format!(
                "'{}' is no version of an image: a tag, sha256: with 64 digits, or tag@sha256:… is",
                plain(text, 60)
            ));
        }
        Ok(Self {
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    pub fn text(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => String::new(),
        }
    }

    /// Whether what a template names is this version. Where there is a digest, the container runtime heeds nothing else.
    pub fn is(&self, image: &ImageReference) -> Is {
        let tag = image.tag.as_deref();
        let has_tag = || {
            let none = image.digest.is_none() && tag.is_none();
            self.tag.as_deref() == tag || (none && self.tag.as_deref() == Some("latest"))
        };
        match (&self.digest, &image.digest) {
            (Some(one), Some(other)) if one == other => Is::Yes,
            (Some(_), Some(_)) => Is::No,
            (None, None) if has_tag() => Is::Yes,
            (None, None) => Is::No,
            _ if self.tag.is_some() && has_tag() => Is::Untold,
            _ => Is::No,
        }
    }

    /// What a place has to say, for [`crate::call::Edit::to`].
    pub fn at(&self, place: &Place) -> Result<String, String> {
        let at = || format!("line {} of {}", place.line, plain(&place.file, 120));
        let (tag, digest) = (self.tag.clone(), self.digest.clone());
        match place.form {
            Form::Image => Ok(self.text()),
            Form::Tag if place.value.contains('@') && tag.is_some() => Ok(self.text()),
            Form::Tag | Form::SourceTag | Form::SourceRange => tag.ok_or_else(|| {
                format!("{} says a tag, and a digest alone is none: say tag@sha256:…", at())
            }),
            Form::Digest | Form::SourceDigest => digest.ok_or_else(|| {
                format!(
                    "{} says a digest, which counts more than a tag: say tag@sha256:…, or the digest",
                    at()
                )
            }),
            Form::ChartVersion => Err(format!("{} is the version of a chart", at())),
        }
    }
}

/// A chart's version, exactly: no range.
pub(super) fn chart(text: &str) -> Result<String, String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    let number = text.strip_prefix('v').unwrap_or(text);
    let core = number.split(['-', '+']).next().unwrap_or_default();
    let is_core = core.split('.').count() == 3
        && core
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if is_core && text.len() <= LONGEST_CHART && text.bytes().all(word) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "'{}' is no version of a chart, such as 1.4.2",
        plain(text, 60)
    ))
}

/// Whether a chart that Helm has released is the one that was wanted. Flux adds what it was fetched as, behind a plus.
pub(super) fn is_chart(wanted: &str, released: &str) -> bool {
    let bare = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
    let (wanted, released) = (bare(wanted), bare(released));
    let without = released.split('+').next().unwrap_or_default();
    wanted == released || (!wanted.contains('+') && wanted == without)
}

/// What a place says when it says this.
pub(super) fn whole(place: &Place, to: &str) -> String {
    if place.form != Form::Image {
        return to.to_owned();
    }
    let name = place.value.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let sign = if is_digest(to) { '@' } else { ':' };
    format!("{name}{sign}{to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_version_is_not_taken() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in ["1.4.2", "main-3f2c1ab", "v1", "_x", digest.as_str()] {
            assert_eq!(Version::parse(text).expect("fits").text(), text);
        }
        assert!(Version::parse(&format!("1.4.2@{digest}")).is_ok());
        for text in [
            "",
            " 1.4.2",
            "1.4.2\n",
            "\"1\"",
            "1'",
            "a b",
            "-x",
            ".x",
            "a/b",
            "sha256:ab",
            "1@2",
            "x@",
            "{a}",
            "1.4.2 # y",
        ] {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
        for text in ["1.4.2", "v1.4.2", "1.4.2-rc.1+b"] {
            assert!(chart(text).is_ok(), "{text:?}");
        }
        for text in [
            "1.x", ">=1.4.2", "1.4", "", "1.4.2 ", "1.4.2\n", "latest", "1..2",
        ] {
            assert!(chart(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_digest_decides_and_a_tag_beside_one_proves_nothing() {
        let one = format!("sha256:{}", "a".repeat(64));
        let other = format!("sha256:{}", "b".repeat(64));
        let tagged = Version::parse("1.4.2").expect("a tag");
        let pinned = Version::parse(&format!("1.4.2@{one}")).expect("both");
        let image = |rest: &str| ImageReference::parse(&format!("ghcr.io/shop/checkout{rest}"));
        for (version, rest, is) in [
            (&tagged, ":1.4.2".to_owned(), Is::Yes),
            (&tagged, ":1.4.1".to_owned(), Is::No),
            (&tagged, String::new(), Is::No),
            (&tagged, format!(":1.4.2@{one}"), Is::Untold),
            (&tagged, format!(":1.4.1@{one}"), Is::No),
            (&tagged, format!("@{one}"), Is::No),
            (&pinned, format!(":1.4.2@{one}"), Is::Yes),
            (&pinned, format!("@{one}"), Is::Yes),
            (&pinned, format!(":1.4.2@{other}"), Is::No),
            (&pinned, ":1.4.2".to_owned(), Is::Untold),
            (&pinned, ":1.4.1".to_owned(), Is::No),
        ] {
            assert_eq!(version.is(&image(&rest)), is, "{version:?} {rest}");
        }
    }

    #[test]
    fn a_released_chart_is_the_wanted_one_whatever_flux_adds_behind_it() {
        assert!(is_chart("1.4.2", "1.4.2") && is_chart("1.4.2", "1.4.2+0a1b"));
        assert!(is_chart("v1.4.2", "1.4.2") && is_chart("1.4.2+x", "1.4.2+x"));
        assert!(!is_chart("1.4.2", "1.4.1") && !is_chart("1.4.2+x", "1.4.2+y"));
        assert!(!is_chart("1.4.2", "1.4.20") && !is_chart("1.4.2", ""));
    }
}
