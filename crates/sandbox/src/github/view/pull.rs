//! Pull requests as the API shows them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{View, extend, node_id, number_of};
use crate::clock::rfc3339;
use crate::git::{Change, Commit};
use crate::github::{Pull, PullState};

impl View {
    /// A pull request in a list.
    pub fn pull(&self, pull: &Pull) -> Value {
        let number = pull.number;
        let id = number_of(&format!("{}#{number}", self.repository.path()));
        let (owner, _) = self.owner_and_name();
        let (closed, merged, sha) = match &pull.state {
            PullState::Open => (None, None, None),
            PullState::Merged { sha, at, .. } => (Some(*at), Some(*at), Some(sha)),
            PullState::Closed { at } => (Some(*at), None, None),
        };
        let at = format!("/pulls/{number}");
        let issue = format!("/issues/{number}");
        let repository = self.repository();
        let end = |branch: &str, sha: Option<&str>| {
            json!({
                "label": format!("{owner}:{branch}"),
                "ref": branch,
                "sha": sha.unwrap_or_default(),
                "user": self.user(owner, "Organization"),
                "repo": repository,
            })
        };
        let labels: Vec<Value> = pull.labels.iter().map(|label| self.label(label)).collect();
        let statuses = self.url(&format!("/statuses/{}", pull.head_sha));
        let links = json!({
            "self": { "href": self.url(&at) },
            "html": { "href": self.html(&format!("/pull/{number}")) },
            "issue": { "href": self.url(&issue) },
            "comments": { "href": self.url(&format!("{issue}/comments")) },
            "review_comments": { "href": self.url(&format!("{at}/comments")) },
            "review_comment": { "href": self.url("/pulls/comments{/number}") },
            "commits": { "href": self.url(&format!("{at}/commits")) },
            "statuses": { "href": statuses },
        });
        json!({
            "url": self.url(&at),
            "id": id,
            "node_id": node_id("PullRequest", id),
            "html_url": self.html(&format!("/pull/{number}")),
            "diff_url": self.html(&format!("/pull/{number}.diff")),
            "patch_url": self.html(&format!("/pull/{number}.patch")),
            "issue_url": self.url(&issue),
            "commits_url": self.url(&format!("{at}/commits")),
            "review_comments_url": self.url(&format!("{at}/comments")),
            "review_comment_url": self.url("/pulls/comments{/number}"),
            "comments_url": self.url(&format!("{issue}/comments")),
            "statuses_url": statuses,
            "number": number,
            "state": if pull.is_open() { "open" } else { "closed" },
            "locked": false,
            "title": pull.title,
            "user": self.user(&pull.author, "User"),
            "body": pull.body,
            "labels": labels,
            "milestone": null,
            "active_lock_reason": null,
            "created_at": rfc3339(pull.created),
            "updated_at": rfc3339(pull.updated),
            "closed_at": closed.map(rfc3339),
            "merged_at": merged.map(rfc3339),
            "merge_commit_sha": sha,
            "assignee": null,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": end(&pull.head, Some(&pull.head_sha)),
            "base": end(&pull.base, pull.base_sha.as_deref()),
            "_links": links,
            "author_association": "MEMBER",
            "auto_merge": null,
            "draft": pull.draft,
        })
    }

    /// A pull request, whole.
    pub fn full_pull(&self, pull: &Pull) -> Value {
        let files = self.files(&self.pull_changes(pull), &pull.head_sha);
        let sum = |key: &str| -> u64 { files.iter().filter_map(|file| file[key].as_u64()).sum() };
        let merged_by = match &pull.state {
            PullState::Merged { by, .. } => self.user(by, "User"),
            PullState::Open | PullState::Closed { .. } => Value::Null,
        };
        let mergeable = pull.is_open().then_some(true);
        let mergeable_state = match (pull.is_open(), pull.draft) {
            (true, true) => "draft",
            (true, false) => "clean",
            (false, _) => "unknown",
        };
        let mut value = self.pull(pull);
        extend(
            &mut value,
            json!({
                "merged": matches!(pull.state, PullState::Merged { .. }),
                "mergeable": mergeable,
                "rebaseable": mergeable,
                "mergeable_state": mergeable_state,
                "merged_by": merged_by,
                "comments": 0,
                "review_comments": 0,
                "maintainer_can_modify": false,
                "commits": self.pull_commits(pull).len(),
                "additions": sum("additions"),
                "deletions": sum("deletions"),
                "changed_files": files.len(),
            }),
        );
        value
    }

    /// A pull request as it stands inside runs.
    pub fn minimal_pull(&self, pull: &Pull) -> Value {
        let (_, name) = self.owner_and_name();
        let id = number_of(&format!("{}#{}", self.repository.path(), pull.number));
        let end = |branch: &str, sha: Option<&str>| {
            json!({
                "ref": branch,
                "sha": sha.unwrap_or_default(),
                "repo": {
                    "id": number_of(self.repository.path()),
                    "url": self.url(""),
                    "name": name,
                },
            })
        };
        json!({
            "id": id,
            "number": pull.number,
            "url": self.url(&format!("/pulls/{}", pull.number)),
            "head": end(&pull.head, Some(&pull.head_sha)),
            "base": end(&pull.base, pull.base_sha.as_deref()),
        })
    }

    fn label(&self, name: &str) -> Value {
        let id = number_of(&format!("{}:{name}", self.repository.path()));
        json!({
            "id": id,
            "node_id": node_id("Label", id),
            "url": self.url(&format!("/labels/{name}")),
            "name": name,
            "description": "",
            "color": "ededed",
            "default": false,
        })
    }

    /// The files that a pull request changes, against where it left its base.
    pub fn pull_changes(&self, pull: &Pull) -> Vec<Change> {
        let base = pull.base_sha.as_deref().and_then(|base| {
            self.repository
                .compare(base, &pull.head_sha)
                .and_then(|comparison| comparison.merge_base)
        });
        self.repository.changes(base.as_deref(), &pull.head_sha)
    }

    /// The commits of a pull request, oldest first.
    pub fn pull_commits(&self, pull: &Pull) -> Vec<Commit> {
        let base = pull.base_sha.as_deref().unwrap_or_default();
        let mut commits: Vec<Commit> = self
            .repository
            .compare(base, &pull.head_sha)
            .map(|comparison| comparison.ahead)
            .unwrap_or_default()
            .iter()
            .filter_map(|sha| self.repository.show(sha))
            .collect();
        commits.reverse();
        commits
    }

    /// The pull requests that GitHub names for a commit: the merged one that brought it to the default branch; for a
    /// commit that is not on it, merged and open ones that hold it. Closed ones are never named.
    pub fn pulls_of(&self, sha: &str) -> Vec<Arc<Pull>> {
        let code = &self.repository;
        let is_on_default = code.contains(sha, "HEAD");
        let holds = |pull: &Pull, tip: &str| {
            code.contains(sha, tip)
                && !pull
                    .base_sha
                    .as_deref()
                    .is_some_and(|base| code.contains(sha, base))
        };
        self.github
            .shared_pulls(code.path())
            .into_iter()
            .filter(|pull| match &pull.state {
                PullState::Merged { sha: merged, .. } => {
                    holds(pull, &pull.head_sha) || holds(pull, merged)
                }
                PullState::Open => !is_on_default && holds(pull, &pull.head_sha),
                PullState::Closed { .. } => false,
            })
            .collect()
    }
}
