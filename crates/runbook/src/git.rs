//! What Git says: where a version is declared at a branch's head, and what a run has left there.
//!
//! Owns these answers as plain data, as they are planned on and shown. Reads no repository: the hands do.

use serde::{Deserialize, Serialize};

/// Whose version is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wanted {
    /// An image's, by its repository with the registry written out.
    Image(String),
    /// Whatever an image policy's marker stands beside, as `namespace:name`.
    Policy(String),
    /// A HelmRelease's chart's, by the release's name.
    Chart(String),
    /// An `OCIRepository`'s, by its name.
    Source(String),
}

/// What a value is, and so what may be written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// A tag alone; where it stands as `tag@digest`, both.
    Tag,
    /// A digest alone.
    Digest,
    /// An image with its tag, its digest or both; its name stays.
    Image,
    /// The version of a HelmRelease's chart, or a range of them.
    ChartVersion,
    /// `spec.ref.tag` of an `OCIRepository`.
    SourceTag,
    /// `spec.ref.digest` of an `OCIRepository`.
    SourceDigest,
    /// `spec.ref.semver` of an `OCIRepository`.
    SourceRange,
}

/// One value in a file, as it stands at a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// The file, from the repository's root.
    pub file: String,
    /// The line that the value stands on, from 1.
    pub line: u32,
    /// Which of the file's documents, from 0.
    #[serde(default)]
    pub document: usize,
    /// What leads to it, one printable step each: a key, `[2]` for an item of a list, `|0` for a document within a block of
    /// text.
    #[serde(default)]
    pub path: Vec<String>,
    /// What it is.
    pub form: Form,
    /// What it says now, whole.
    pub value: String,
    /// The image policy of a marker beside it, as `namespace:name`: the automation would change it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// Where a version is declared, as of one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredAt {
    /// The branch: the default one where none was named.
    pub branch: String,
    /// Its head's SHA.
    pub head: String,
    /// The places, in the order of files and lines. All of them have to change together.
    #[serde(default)]
    pub places: Vec<Place>,
    /// The first file that cannot be read, and why: there may be more places than are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<(String, String)>,
}

/// A commit that is on its branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Committed {
    /// Its SHA.
    pub sha: String,
    /// Where a person sees it.
    pub url: String,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opened {
    /// Its number.
    pub number: u64,
    /// Where a person sees it.
    pub url: String,
}

/// What a run has left in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Landed {
    /// Its commit on the branch; of a pull request, once that is merged.
    #[serde(default)]
    pub commit: Option<Committed>,
    /// Its pull request, open or not.
    #[serde(default)]
    pub pull: Option<Opened>,
    /// The branch of its own that it made, for a pull request.
    #[serde(default)]
    pub branch: Option<String>,
}
