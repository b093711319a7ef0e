//! Facts that cannot be held beforehand: what the engine asks for, and the edges fetch within a budget.

use std::collections::BTreeSet;

use crate::code::Named;

/// One fact that would make an answer more exact. Repositories are named by [`crate::code::repository_key`], images
/// by [`crate::image::canonical_repository`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Want {
    /// Branches, heads and reverts of a repository; fills `coverage`, `default_branch`, `branches`, `reverts`.
    Repository {
        /// Which.
        repository: String,
    },
    /// What a text stands for in a repository; fills `resolved` (empty where it stands for nothing).
    Resolve {
        /// Where.
        repository: String,
        /// What was typed, links already taken apart: `#12` is pull request 12, `run 4807` is CI run 4807, anything else
        /// may be a SHA or its beginning (four digits or more), a branch, a tag, a bare number of a pull request or CI
        /// run, or an issue key in messages.
        text: String,
    },
    /// One commit; fills `commits`.
    Commit {
        /// Where.
        repository: String,
        /// The full SHA.
        sha: String,
    },
    /// How two commits stand to each other; fills `relations`.
    Relation {
        /// Where.
        repository: String,
        /// The point of view.
        a: String,
        /// The other.
        b: String,
    },
    /// CI runs of a commit; fills `ci`.
    Ci {
        /// Where.
        repository: String,
        /// The full SHA.
        sha: String,
    },
    /// Pull requests that a commit belongs to; fills `pulls`.
    Pulls {
        /// Where.
        repository: String,
        /// The full SHA.
        sha: String,
    },
    /// All open pull requests with their files; fills `open_pulls`.
    OpenPulls {
        /// Where.
        repository: String,
    },
    /// Paths that a commit touches; fills `touched`.
    Touched {
        /// Where.
        repository: String,
        /// The full SHA.
        sha: String,
    },
    /// Whether a commit changes what a path is made of, or how objects are declared there; fills `concerns`.
    Concern {
        /// The GitOps repository.
        repository: String,
        /// The full SHA.
        sha: String,
        /// The path, from the root, without a leading `./`.
        path: String,
        /// Only how these objects are declared there; none: the whole of it.
        objects: BTreeSet<Named>,
    },
    /// How a commit changes the objects that a path declares; fills `changes`.
    Changes {
        /// The GitOps repository.
        repository: String,
        /// The full SHA.
        sha: String,
        /// The path, from the root, without a leading `./`.
        path: String,
    },
    /// What a path declared over time; fills `declared`.
    Declared {
        /// The GitOps repository.
        repository: String,
        /// The branch that the Flux source follows.
        branch: String,
        /// The path, from the root, without a leading `./`.
        path: String,
    },
    /// All tags of an image repository; fills `tags`.
    Tags {
        /// Which.
        repository: String,
    },
    /// What a tag points to; fills `digests`.
    Digest {
        /// Which.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// What a digest was built from; fills `images`.
    Image {
        /// Which.
        repository: String,
        /// The digest.
        digest: String,
    },
}
