//! What Git and the code host say: commits, ancestry, branches, reverts, CI runs, pull requests, and what a GitOps
//! path declared over time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::coverage::{Coverage, Read};

/// Everything known of code, by repository address in the form of [`repository_key`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeFacts {
    /// The repositories that somebody wanted.
    pub repositories: BTreeMap<String, RepositoryFacts>,
}

/// One form for the many ways to write a repository's address: no scheme, no user, no `.git`, no trailing slash, host
/// in lower case. `git@github.com:shop/api.git`, `ssh://git@github.com/shop/api` and `https://github.com/shop/api`
/// all become `github.com/shop/api`. A port other than the scheme's own is kept.
pub fn repository_key(address: &str) -> String {
    let address = address.trim();
    let (rest, scp) = match address.split_once("://") {
        Some((_, rest)) => (rest, false),
        None => (address, true),
    };
    let rest = match rest.split_once('/') {
        Some((host, path)) => match host.rsplit_once('@') {
            Some((_, host)) => format!("{host}/{path}"),
            None => format!("{host}/{path}"),
        },
        None => rest.to_owned(),
    };
    let rest = if scp {
        rest.replacen(':', "/", 1)
    } else {
        rest
    };
    let rest = rest
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    match rest.split_once('/') {
        Some((host, path)) => {
            let host = host.to_ascii_lowercase();
            let host = host
                .strip_suffix(":443")
                .or_else(|| host.strip_suffix(":22"))
                .unwrap_or(&host);
            format!("{host}/{path}")
        }
        None => rest.to_owned(),
    }
}

/// Everything known of one repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RepositoryFacts {
    /// Whether its history could be read; the rest means nothing without it.
    pub coverage: Coverage,
    /// The branch that releases: the remote's HEAD, unless the team file says otherwise.
    pub default_branch: String,
    /// Every branch's head.
    pub branches: BTreeMap<String, String>,
    /// Commits that somebody wanted, and the heads.
    pub commits: BTreeMap<String, Read<Commit>>,
    /// What short SHAs, branches, tags and messages stand for, by what was typed.
    pub resolved: BTreeMap<String, Vec<Resolved>>,
    /// How two commits stand to each other: `(a, b)` with a's point of view.
    pub relations: BTreeMap<(String, String), Relation>,
    /// Reverts found on any branch: the reverted commit, and by which commits. One counts only where it is contained.
    pub reverts: BTreeMap<String, Revert>,
    /// CI runs of a commit, newest first.
    pub ci: BTreeMap<String, Read<Vec<CiRun>>>,
    /// Pull requests that a commit belongs to.
    pub pulls: BTreeMap<String, Read<Vec<PullRequest>>>,
    /// Open pull requests into a branch, with the files that they change (for bumps that wait to be merged).
    pub open_pulls: Option<Read<Vec<PullRequest>>>,
    /// Paths that a commit touches against its first parent.
    pub touched: BTreeMap<String, Read<Vec<String>>>,
    /// Whether a commit changes what a path is made of, or, where objects are named, how one of them is declared there,
    /// by SHA, path and objects. A "no" is exact; what cannot be told is a "yes".
    pub concerns: BTreeMap<(String, String, BTreeSet<Named>), Read<bool>>,
    /// How a commit changes the objects that a path declares, by SHA and path: only what is certain.
    pub changes: BTreeMap<(String, String), Read<Vec<Change>>>,
    /// What paths of a GitOps repository declared over time, by `(branch, path)`.
    pub declared: BTreeMap<(String, String), Read<DeclaredHistory>>,
}

/// An object as a file declares it. The namespace is left out: files seldom say it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Named {
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
}

/// How a commit changes an object that a path declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: Named,
    /// What becomes of its declaration.
    pub how: How,
    /// The namespace that its manifest names.
    pub namespace: Option<String>,
    /// Whether more than its metadata is declared otherwise; of a ConfigMap or Secret, what it holds.
    pub content: bool,
    /// What in its manifest keeps Flux from doing so: `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent`.
    pub left_alone: Option<String>,
}

/// What becomes of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was not there before.
    Added,
    /// It says something else.
    Changed,
    /// It is not there any more.
    Removed,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The full SHA.
    pub sha: String,
    /// Its parents, first parent first.
    pub parents: Vec<String>,
    /// The author's name.
    pub author: String,
    /// The committer's time.
    pub at: Timestamp,
    /// The first line of the message.
    pub subject: String,
    /// The branches whose heads contain it, the releasing one first; filled for commits that somebody wanted.
    pub branches: Vec<String>,
}

/// One thing that typed text may stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolved {
    /// The commit.
    pub sha: String,
    /// How the text names it.
    pub by: ResolvedBy,
}

/// How a text names a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResolvedBy {
    /// The whole or the beginning (four or more digits) of its SHA.
    Sha,
    /// A branch's head.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A pull request's number; the commit is the one that landed, or its head while it is open.
    PullRequest(u64),
    /// A CI run's number.
    CiRun(u64),
    /// An issue key in its message.
    Message(String),
}

/// How commit `a` stands to commit `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same commit.
    Same,
    /// `b` contains `a`, and `b` is this many commits ahead.
    Ancestor {
        /// Commits that `b` has and `a` has not.
        ahead: u32,
    },
    /// `a` contains `b`, and `a` is this many commits ahead.
    Descendant {
        /// Commits that `a` has and `b` has not.
        ahead: u32,
    },
    /// Neither contains the other.
    Diverged {
        /// Commits that `b` has and `a` has not.
        ahead: u32,
        /// Commits that `a` has and `b` has not.
        behind: u32,
    },
    /// One of the two is not in this repository.
    NoSuchCommit,
}

impl Relation {
    /// Whether `b` contains `a`; `None` if one of the two is unknown.
    pub fn is_contained(self) -> Option<bool> {
        match self {
            Self::Same | Self::Ancestor { .. } => Some(true),
            Self::Descendant { .. } | Self::Diverged { .. } => Some(false),
            Self::NoSuchCommit => None,
        }
    }
}

/// A commit that takes another back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    /// The commit whose message says "This reverts commit …".
    pub by: String,
    /// Its author.
    pub author: String,
    /// When.
    pub at: Timestamp,
    /// Further reverts of the same commit: older ones, and ones on other branches. Which of them counts depends on
    /// what contains them.
    pub others: Vec<Revert>,
}

/// One run of a CI workflow for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiRun {
    /// The run's number on the code host.
    pub id: u64,
    /// The workflow's name.
    pub name: String,
    /// Where a person can open it.
    pub url: String,
    /// Where it stands.
    pub state: CiState,
    /// When it was created.
    pub created: Timestamp,
    /// When it ended, or last changed.
    pub updated: Timestamp,
    /// Its jobs; empty where not read or none began.
    pub jobs: Vec<CiJob>,
}

/// Where a CI run or job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiState {
    /// Not begun, no runner yet.
    Queued,
    /// Waiting for a person's approval of an environment.
    WaitingForReview,
    /// Running.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Cancelled.
    Cancelled,
    /// Skipped by a condition or filter.
    Skipped,
}

/// One job of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiJob {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: CiState,
    /// The first step that failed.
    pub failed_step: Option<String>,
    /// The last lines of the failed step's log, at most 20; empty where they could not be read.
    pub last_lines: Vec<String>,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Where a person can open it.
    pub url: String,
    /// Who opened it.
    pub author: String,
    /// The branch it would change.
    pub base: String,
    /// The branch it comes from.
    pub head: String,
    /// Whose branch that is.
    pub head_of: HeadOf,
    /// Its head commit.
    pub head_sha: String,
    /// Open, merged or closed.
    pub state: PullState,
    /// When it was opened.
    pub created: Timestamp,
    /// The files it changes, where they were read.
    pub files: Vec<String>,
}

/// The repository that a pull request's branch is in. Another's branch may be called like one of the repository's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadOf {
    /// The one that the pull request would change.
    Own,
    /// Another, by its path on the code host; `None` where the host does not name it, because it was deleted.
    Fork(Option<String>),
}

/// Where a pull request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullState {
    /// Not decided.
    Open {
        /// Not ready for review.
        draft: bool,
    },
    /// Merged as this commit.
    Merged {
        /// The commit that reached the base branch.
        sha: String,
        /// When.
        at: Timestamp,
    },
    /// Closed without merging.
    Closed {
        /// When.
        at: Timestamp,
    },
}

/// What a path of a GitOps repository declared over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredHistory {
    /// The branch's head when this was read.
    pub head: String,
    /// The commits that changed what the path declares, newest first; the first says what is declared now.
    pub entries: Vec<Declared>,
    /// Whether the walk reached the repository's beginning; a bounded walk may miss older entries.
    pub complete: bool,
    /// The charts that HelmReleases name by a version, as of the head.
    pub charts: Vec<DeclaredChart>,
}

/// The version of its chart that a HelmRelease names in a GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredChart {
    /// The HelmRelease's name.
    pub release: String,
    /// `spec.chart.spec.version`, a version or range.
    pub version: String,
    /// The file, from the repository's root.
    pub file: String,
    /// The line the version stands on, from 1.
    pub line: u32,
}

/// What a path declared as of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The commit that made it so.
    pub commit: Commit,
    /// Every image named below the path, and in the bases its kustomization.yaml refers to.
    pub images: Vec<DeclaredImage>,
    /// A kustomization or YAML file below the path that cannot be read, and why.
    pub broken: Option<(String, String)>,
}

/// One image named in a GitOps repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredImage {
    /// The image without tag and digest, as the kustomize override or values say it in the end.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<String>,
    /// The file, from the repository's root.
    pub file: String,
    /// The line the tag or image stands on, from 1.
    pub line: u32,
    /// The image policy of a `{"$imagepolicy": "namespace:name"}` marker on that line, without a `:tag` ending.
    pub marker: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::repository_key;

    #[test]
    fn every_way_to_write_an_address_is_one_key() {
        for address in [
            "https://github.com/shop/api",
            "https://github.com/shop/api.git",
            "https://token@GitHub.com/shop/api/",
            "ssh://git@github.com/shop/api",
            "ssh://git@github.com:22/shop/api.git",
            "git@github.com:shop/api.git",
            "github.com/shop/api",
        ] {
            assert_eq!(repository_key(address), "github.com/shop/api", "{address}");
        }
        assert_eq!(
            repository_key("http://127.0.0.1:8080/shop/api.git"),
            "127.0.0.1:8080/shop/api"
        );
    }
}
