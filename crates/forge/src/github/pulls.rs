//! GitHub's pull requests and commits, as facts. Pure.

use facts::code::{Commit, HeadOf, PullRequest, PullState};
use jiff::Timestamp;
use serde::Deserialize;

/// One pull request.
#[derive(Deserialize)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    title: Option<String>,
    html_url: Option<String>,
    user: Option<User>,
    base: Option<Side>,
    head: Option<Side>,
    state: Option<String>,
    draft: Option<bool>,
    created_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct User {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: Option<String>,
    sha: Option<String>,
    /// `null` where a fork was deleted.
    repo: Option<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    full_name: Option<String>,
}

/// One changed file.
#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) filename: String,
    pub(crate) previous_filename: Option<String>,
}

impl Pull {
    /// The fact, without files.
    pub(crate) fn fact(self) -> PullRequest {
        let created = self.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let is_open = self.state.as_deref() != Some("closed");
        let state = match (self.merged_at, self.merge_commit_sha) {
            (Some(at), Some(sha)) => PullState::Merged { sha, at },
            _ if is_open => PullState::Open {
                draft: self.draft.unwrap_or_default(),
            },
            _ => PullState::Closed {
                at: self.closed_at.unwrap_or(created),
            },
        };
        let (base, head) = (self.base, self.head);
        let branch = |side: &Option<Side>| side.as_ref().and_then(|side| side.branch.clone());
        let path = |side: &Option<Side>| side.as_ref()?.repo.as_ref()?.full_name.clone();
        // Both sides are named as they are called now: what was asked for may be a name that the repository had once.
        let head_of = match (path(&base), path(&head)) {
            (Some(base), Some(head)) if base == head => HeadOf::Own,
            (_, head) => HeadOf::Fork(head),
        };
        PullRequest {
            number: self.number,
            title: self.title.unwrap_or_default(),
            url: self.html_url.unwrap_or_default(),
            author: self
                .user
                .and_then(|user| user.login)
                // GitHub's own name for accounts that are gone.
                .unwrap_or_else(|| "ghost".to_owned()),
            base: branch(&base).unwrap_or_default(),
            head: branch(&head).unwrap_or_default(),
            head_of,
            head_sha: head.and_then(|head| head.sha).unwrap_or_default(),
            state,
            created,
            files: Vec::new(),
        }
    }
}

/// One commit.
#[derive(Deserialize)]
pub(crate) struct ApiCommit {
    sha: String,
    commit: Inner,
    #[serde(default)]
    parents: Vec<Parent>,
    #[serde(default)]
    pub(crate) files: Vec<File>,
}

#[derive(Deserialize)]
struct Inner {
    message: Option<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Parent {
    sha: String,
}

impl ApiCommit {
    /// The fact, on no branch: the code host knows the commit, the branches don't.
    pub(crate) fn fact(&self) -> Commit {
        let message = self.commit.message.as_deref().unwrap_or_default();
        Commit {
            sha: self.sha.clone(),
            parents: self
                .parents
                .iter()
                .map(|parent| parent.sha.clone())
                .collect(),
            author: self
                .commit
                .author
                .as_ref()
                .and_then(|person| person.name.clone())
                .unwrap_or_default(),
            at: self
                .commit
                .committer
                .as_ref()
                .and_then(|person| person.date)
                .unwrap_or(Timestamp::UNIX_EPOCH),
            subject: message.lines().next().unwrap_or_default().to_owned(),
            branches: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(text: &str) -> PullRequest {
        serde_json::from_str::<Pull>(text).unwrap().fact()
    }

    #[test]
    fn merged_is_told_from_closed() {
        let merged = pull(
            r#"{"number":12,"state":"closed","merged_at":"2026-01-02T00:00:00Z","merge_commit_sha":"ab",
                "closed_at":"2026-01-02T00:00:00Z","user":null,"base":{"ref":"main"},"head":{"ref":"fix","sha":"cd"}}"#,
        );
        assert!(matches!(&merged.state, PullState::Merged { sha, .. } if sha == "ab"));
        assert_eq!(
            (merged.author.as_str(), merged.base.as_str()),
            ("ghost", "main")
        );
        // GitHub gives open and closed ones a test merge's SHA, too.
        let closed = pull(
            r#"{"number":12,"state":"closed","merged_at":null,"merge_commit_sha":"ab","closed_at":"2026-01-02T00:00:00Z"}"#,
        );
        assert!(matches!(closed.state, PullState::Closed { .. }));
        let open = pull(r#"{"number":12,"state":"open","draft":true,"merge_commit_sha":"ab"}"#);
        assert_eq!(open.state, PullState::Open { draft: true });
    }

    #[test]
    fn a_forks_branch_is_not_the_repositorys_own() {
        let head_of = |repo: &str| {
            let base = r#""base":{"ref":"main","repo":{"full_name":"shop/api"}}"#;
            let head = format!(r#""head":{{"ref":"main","sha":"cd","repo":{repo}}}"#);
            pull(&format!(r#"{{"number":12,{base},{head}}}"#)).head_of
        };
        assert_eq!(head_of(r#"{"full_name":"shop/api"}"#), HeadOf::Own);
        assert_eq!(
            head_of(r#"{"full_name":"alice/api"}"#),
            HeadOf::Fork(Some("alice/api".to_owned()))
        );
        assert_eq!(head_of("null"), HeadOf::Fork(None), "deleted since");
    }
}
