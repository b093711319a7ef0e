//! What an image was built from, and whether it contains a commit.
//!
//! Owns the reading of labels, of tags that name a commit, and the search for an image that contains one. A proof of
//! what runs uses [`revision`] alone: a tag's name proves nothing about what runs.

use facts::code::{Relation, repository_key};
use facts::image::{Image, ImageReference};
use facts::kubernetes::ContainerStatus;
use jiff::Timestamp;

use crate::view::{Gap, Learned, View};

/// What an image contains, as far as a commit is concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The commit it was built from, if labels or the tag's name say so.
    pub revision: Option<String>,
    /// How the commit asked for stands to that.
    pub relation: Option<Relation>,
    /// The digest, if it is known.
    pub digest: Option<String>,
    /// When it was built.
    pub created: Option<Timestamp>,
    /// Whether the registry has it.
    pub exists: Learned<bool>,
    /// Whether the image's own labels say so: then it exists. A tag's name may be given to an image that never came.
    pub labelled: bool,
}

impl Contents {
    /// Whether it contains the commit.
    pub fn contains(&self) -> bool {
        matches!(
            self.relation,
            Some(Relation::Same | Relation::Ancestor { .. })
        )
    }

    /// Whether it is built from exactly the commit.
    pub fn is_exact(&self) -> bool {
        self.relation == Some(Relation::Same)
    }
}

/// An image's labels, by its digest or by the index that lists it; `None` if the registry does not have it.
pub fn labels<'a>(view: &View<'a>, repository: &str, digest: &str) -> Learned<Option<&'a Image>> {
    let own = view.image(repository, digest)?;
    if own.is_some_and(|image| image.revision.is_some()) {
        return Ok(own);
    }
    let of_index = view
        .labelled(repository)
        .find(|image| image.revision.is_some() && image.children.iter().any(|one| one == digest));
    Ok(of_index.or(own))
}

/// Why nothing says what an image was built from: it has no such label, or the registry does not have it.
pub fn unsaid(view: &View<'_>, image: &ImageReference, what: &str, label: &str) -> Gap {
    let digest = match (&image.digest, &image.tag) {
        (Some(digest), _) => Ok(Some(digest.as_str())),
        (None, tag) => view
            .digest(&image.repository, tag.as_deref().unwrap_or("latest"))
            .map(|digest| digest.map(String::as_str)),
    };
    let is_there = digest.and_then(|digest| match digest {
        Some(digest) => Ok(labels(view, &image.repository, digest)?.is_some()),
        None => Ok(false),
    });
    Gap::new(match is_there {
        Ok(false) => format!(
            "{what} is not in the registry {}, which alone could say what it is built from",
            image.repository
        ),
        _ => format!("{what} does not say what it is built from: it has no label {label}"),
    })
}

/// The commit of repository `key` that a digest was built from, by its labels alone; `None` if they do not say.
pub fn revision(
    view: &View<'_>,
    key: &str,
    repository: &str,
    digest: &str,
) -> Learned<Option<String>> {
    let Some(image) = labels(view, repository, digest)? else {
        return Ok(None);
    };
    // Labels are inherited from base images: a revision counts only beside the source it belongs to.
    let foreign = image
        .source
        .as_deref()
        .is_some_and(|source| repository_key(source) != key);
    match image.revision.as_deref() {
        Some(revision) if !foreign => full(view, key, revision),
        _ => Ok(None),
    }
}

/// The full SHA of a revision that may be written short or as a tag.
fn full(view: &View<'_>, key: &str, revision: &str) -> Learned<Option<String>> {
    let revision = revision.trim();
    if revision.is_empty() {
        return Ok(None);
    }
    if revision.len() == 40 && is_hex(revision) {
        return Ok(Some(revision.to_ascii_lowercase()));
    }
    let mut found = view.resolve(key, revision)?.iter().map(|one| &one.sha);
    let first = found.next().cloned();
    let single = found.all(|sha| Some(sha) == first.as_ref());
    Ok(first.filter(|_| single))
}

/// The commit of repository `key` that an image was built from that was named some time ago: by the labels of its digest,
/// or of a version, else by its tag's name. A tag such as `main` is another image today. Good enough to say what was meant
/// to run; what runs is proven by [`revision`] alone.
pub fn built_from(
    view: &View<'_>,
    key: &str,
    reference: &ImageReference,
) -> Learned<Option<String>> {
    let tag = reference.tag.as_deref();
    let labelled = match (&reference.digest, tag.filter(|tag| is_version(tag))) {
        (Some(digest), _) => revision(view, key, &reference.repository, digest),
        (None, Some(tag)) => match view.digest(&reference.repository, tag)? {
            Some(digest) => revision(view, key, &reference.repository, digest),
            None => Ok(None),
        },
        (None, None) => Ok(None),
    };
    match (labelled, tag.and_then(commit_word)) {
        (Ok(Some(sha)), _) => Ok(Some(sha)),
        (_, Some(word)) => full(view, key, word),
        (unlabelled, None) => unlabelled,
    }
}

/// Whether a tag is a whole version, such as `v1.4.2`: those are not given twice.
fn is_version(tag: &str) -> bool {
    let numbers = tag.strip_prefix('v').unwrap_or(tag);
    let numbers = numbers.split(['-', '+']).next().unwrap_or_default();
    let mut parts = numbers.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.clone().count() == 3 && parts.all(is_number)
}

/// What an image contains of a commit, by labels, else by its tag's name.
pub fn contents(
    view: &View<'_>,
    key: &str,
    commit: &str,
    reference: &ImageReference,
) -> Learned<Contents> {
    let mut contents = Contents {
        revision: None,
        relation: None,
        digest: None,
        created: None,
        exists: Ok(true),
        labelled: false,
    };
    let labelled = by_labels(view, key, reference, &mut contents);
    if let Err(gap) = &labelled {
        contents.exists = Err(gap.clone());
    }
    if let Ok(Some(revision)) = &labelled {
        contents.relation = Some(view.relation(key, commit, revision)?);
        contents.revision = Some(revision.clone());
        contents.labelled = true;
        return Ok(contents);
    }
    if let Err(gap) = &labelled
        && gap.pending
    {
        return Err(gap.clone());
    }
    // The tag's name is good enough to say what Git declares or CI pushed, never to say what runs.
    if let Some(tag) = &reference.tag {
        if names(tag, commit) {
            contents.revision = Some(commit.to_owned());
            contents.relation = Some(Relation::Same);
            return Ok(contents);
        }
        if labelled.is_ok()
            && let Some(part) = commit_word(tag)
            && let Some(revision) = full(view, key, part)?
        {
            contents.relation = Some(view.relation(key, commit, &revision)?);
            contents.revision = Some(revision);
            return Ok(contents);
        }
    }
    labelled.map(|_| contents)
}

fn by_labels(
    view: &View<'_>,
    key: &str,
    reference: &ImageReference,
    contents: &mut Contents,
) -> Learned<Option<String>> {
    let digest = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => Some(digest.clone()),
        (None, tag) => {
            let tag = tag.as_deref().unwrap_or("latest");
            view.digest(&reference.repository, tag)?.cloned()
        }
    };
    let Some(digest) = digest else {
        contents.exists = Ok(false);
        return Ok(None);
    };
    contents.digest = Some(digest.clone());
    match labels(view, &reference.repository, &digest)? {
        Some(image) => contents.created = image.created,
        None => contents.exists = Ok(false),
    }
    revision(view, key, &reference.repository, &digest)
}

/// Whether a tag's name contains the beginning of a commit's SHA, seven digits or more.
pub fn names(tag: &str, commit: &str) -> bool {
    hex_words(tag).any(|word| commit.starts_with(&word.to_ascii_lowercase()))
}

/// The part of a tag's name that looks like a commit's SHA: with a letter in it, so that a date does not.
pub fn commit_word(tag: &str) -> Option<&str> {
    hex_words(tag).find(|word| word.bytes().any(|b| b.is_ascii_alphabetic()))
}

fn hex_words(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            // `git describe` puts a g before the SHA, some pipelines the word sha.
            word.strip_prefix("sha")
                .or_else(|| word.strip_prefix('g'))
                .unwrap_or(word)
        })
        .filter(|word| (7..=40).contains(&word.len()) && is_hex(word))
}

/// The image that a container runs, by the digest that the runtime reports; `None` before it is there.
pub fn running(status: &ContainerStatus) -> Option<ImageReference> {
    let digest = status.digest()?.to_owned();
    let id = status
        .image_id
        .rsplit_once("://")
        .map_or(status.image_id.as_str(), |(_, id)| id);
    let declared = ImageReference::parse(&status.image);
    Some(ImageReference {
        repository: ImageReference::parse(id).repository,
        tag: declared.tag,
        digest: Some(digest),
    })
}

/// Whether a text is made of hexadecimal digits only.
pub fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An image that contains a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// How it can be named.
    pub reference: ImageReference,
    /// What it contains.
    pub contents: Contents,
}

/// How many tags that name no commit are looked into, newest-looking first: each costs two requests.
const UNNAMED_TAGS: usize = 10;

/// Finds an image of `repository` that contains the commit: among `candidates` that something runs or declares, then
/// among the registry's tags that name it or `newer_commit`. One built from exactly the commit is preferred.
pub fn find(
    view: &View<'_>,
    key: &str,
    commit: &str,
    newer_commit: Option<&str>,
    repository: &str,
    candidates: &[ImageReference],
) -> Learned<Option<Built>> {
    let mut gap: Option<Gap> = None;
    let mut newer = None;
    let mut consider = |reference: &ImageReference| -> Option<Built> {
        match contents(view, key, commit, reference) {
            Ok(contents) if contents.contains() => match &contents.exists {
                Ok(true) => {
                    let built = Built {
                        reference: reference.clone(),
                        contents,
                    };
                    if built.contents.is_exact() {
                        return Some(built);
                    }
                    newer.get_or_insert(built);
                }
                Ok(false) => {}
                Err(why) => {
                    gap.get_or_insert(why.clone());
                }
            },
            Ok(_) => {}
            Err(why) => {
                gap.get_or_insert(why);
            }
        }
        None
    };
    for candidate in candidates {
        if let Some(built) = consider(candidate) {
            return Ok(Some(built));
        }
    }
    let tags = match view.tags(repository) {
        Ok(tags) => tags.map_or(&[][..], Vec::as_slice),
        Err(why) => {
            return match newer {
                Some(built) => Ok(Some(built)),
                None => Err(why),
            };
        }
    };
    let tagged = |tag: &String| ImageReference {
        repository: repository.to_owned(),
        tag: Some(tag.clone()),
        digest: None,
    };
    for name in std::iter::once(commit).chain(newer_commit) {
        for tag in tags.iter().filter(|tag| names(tag, name)) {
            if let Some(built) = consider(&tagged(tag)) {
                return Ok(Some(built));
            }
        }
    }
    let mut unnamed: Vec<&String> = tags
        .iter()
        .filter(|tag| commit_word(tag).is_none())
        .collect();
    unnamed.sort_by_key(|tag| std::cmp::Reverse(version_order(tag)));
    for tag in unnamed.into_iter().take(UNNAMED_TAGS) {
        if let Some(built) = consider(&tagged(tag)) {
            return Ok(Some(built));
        }
    }
    match (newer, gap) {
        (Some(built), _) => Ok(Some(built)),
        (None, Some(gap)) => Err(gap),
        (None, None) => Ok(None),
    }
}

/// A tag's numbers, so that 1.10 sorts after 1.9.
fn version_order(tag: &str) -> Vec<u64> {
    tag.split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3f2c1ab0d4e5f60718293a4b5c6d7e8f90a1b2c3";

    #[test]
    fn tags_name_commits_in_many_ways() {
        for tag in [
            "3f2c1ab",
            "main-3f2c1ab-1700000000",
            "sha-3f2c1ab0d4",
            "v1.2-3-g3f2c1ab",
            SHA,
        ] {
            assert!(names(tag, SHA), "{tag}");
        }
        for tag in ["3f2c1a", "main-3f2c1ac", "v3.2.1", "latest", "x3f2c1ab"] {
            assert!(!names(tag, SHA), "{tag}");
        }
    }

    #[test]
    fn a_date_in_a_tag_is_no_commit() {
        assert_eq!(commit_word("main-1700000000"), None);
        assert_eq!(commit_word("main-20260101-abcdef1"), Some("abcdef1"));
    }

    #[test]
    fn versions_sort_by_number() {
        assert!(version_order("v1.10.0") > version_order("v1.9.9"));
    }
}
