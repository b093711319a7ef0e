//! What registries say: which tags an image has, what they point to, and what a digest was built from.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::coverage::Read;

/// Everything known of images, by repository as pods and manifests name it (`registry/path`, no tag).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageFacts {
    /// All tags of a repository.
    pub tags: BTreeMap<String, Read<Vec<String>>>,
    /// What a tag points to now: `(repository, tag)` to digest.
    pub digests: BTreeMap<(String, String), Read<String>>,
    /// What an image is: `(repository, digest)`. True for ever, therefore cached for ever.
    pub images: BTreeMap<(String, String), Read<Image>>,
}

/// One image, by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of its manifest or index.
    pub digest: String,
    /// `org.opencontainers.image.source`, from its config's labels or the manifest's annotations.
    pub source: Option<String>,
    /// `org.opencontainers.image.revision`: the commit it was built from.
    pub revision: Option<String>,
    /// `org.opencontainers.image.created`, or the config's own time.
    pub created: Option<Timestamp>,
    /// The platforms it is built for, such as `linux/amd64`.
    pub platforms: Vec<String>,
    /// The digests of the manifests an index lists: pods may report one of these.
    pub children: Vec<String>,
}

/// An image reference taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    /// Registry and path, with `docker.io` and `library/` written out.
    pub repository: String,
    /// The tag, if it is written.
    pub tag: Option<String>,
    /// The digest, if it is written.
    pub digest: Option<String>,
}

impl ImageReference {
    /// Takes a reference apart: `registry.example:5000/shop/api:main-3f2c1ab@sha256:…`. A bare `nginx` becomes
    /// `docker.io/library/nginx`.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest.to_owned())),
            None => (text, None),
        };
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (text, None),
        };
        Self {
            repository: canonical_repository(name),
            tag,
            digest,
        }
    }

    /// Whether two references name the same image: by digest where both have one, else by tag.
    pub fn names_same(&self, other: &Self) -> bool {
        self.repository == other.repository
            && match (&self.digest, &other.digest) {
                (Some(one), Some(other)) => one == other,
                _ => self.tag == other.tag,
            }
    }
}

/// A repository with its registry written out, as [`ImageFacts`] keys it.
pub fn canonical_repository(name: &str) -> String {
    let is_registry = |part: &str| part.contains('.') || part.contains(':') || part == "localhost";
    match name.split_once('/') {
        Some((first, _)) if is_registry(first) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

/// Whether it is a tag as registries take it: at most 128 characters.
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

/// Whether it is a digest: `sha256:` or `sha512:` and all their digits.
pub fn is_digest(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha256", digits)) if digits.len() == 64 => digits,
        Some(("sha512", digits)) if digits.len() == 128 => digits,
        _ => return false,
    };
    digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_a_tag() {
        let image = ImageReference::parse("127.0.0.1:5000/shop/api");
        assert_eq!(
            (image.repository.as_str(), image.tag),
            ("127.0.0.1:5000/shop/api", None)
        );
    }

    #[test]
    fn tag_and_digest_may_stand_together() {
        let image = ImageReference::parse("ghcr.io/shop/api:v1@sha256:ab");
        assert_eq!(
            (image.tag.as_deref(), image.digest.as_deref()),
            (Some("v1"), Some("sha256:ab"))
        );
    }

    #[test]
    fn a_bare_name_is_docker_hubs() {
        assert_eq!(
            ImageReference::parse("nginx").repository,
            "docker.io/library/nginx"
        );
    }
}
