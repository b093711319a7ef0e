//! Commits, branches, comparisons and changed files as the API shows them.

use serde_json::{Value, json};

use super::{View, extend, node_id};
use crate::clock::rfc3339;
use crate::git::{Change, ChangeKind, Commit, Person};
use crate::github::patch::Patch;

/// GitHub shows no more files of a commit or comparison than this on one page.
pub(in crate::github) const MOST_FILES: usize = 300;

fn git_user(person: &Person) -> Value {
    json!({ "name": person.name, "email": person.email, "date": rfc3339(person.at) })
}

/// A login made of a mail address, as the company hands them out.
pub(in crate::github) fn login(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default();
    local
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_ascii_lowercase()
}

impl View {
    /// A commit without its files.
    pub fn commit(&self, commit: &Commit) -> Value {
        let sha = &commit.sha;
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(|parent| {
                json!({
                    "sha": parent,
                    "url": self.url(&format!("/commits/{parent}")),
                    "html_url": self.html(&format!("/commit/{parent}")),
                })
            })
            .collect();
        json!({
            "sha": sha,
            "node_id": node_id("Commit", sha),
            "commit": {
                "author": git_user(&commit.author),
                "committer": git_user(&commit.committer),
                "message": commit.message,
                "tree": {
                    "sha": commit.tree,
                    "url": self.url(&format!("/git/trees/{}", commit.tree)),
                },
                "url": self.url(&format!("/git/commits/{sha}")),
                "comment_count": 0,
                "verification": {
                    "verified": false,
                    "reason": "unsigned",
                    "signature": null,
                    "payload": null,
                    "verified_at": null,
                },
            },
            "url": self.url(&format!("/commits/{sha}")),
            "html_url": self.html(&format!("/commit/{sha}")),
            "comments_url": self.url(&format!("/commits/{sha}/comments")),
            "author": self.user(&login(&commit.author.email), "User"),
            "committer": self.user(&login(&commit.committer.email), "User"),
            "parents": parents,
        })
    }

    /// A commit with a page of its files; and how many files there are in all.
    pub fn commit_with_files(
        &self,
        commit: &Commit,
        page: impl Fn(&[Value]) -> Vec<Value>,
    ) -> (Value, usize) {
        let parent = commit.parents.first().map(String::as_str);
        let files = self.files(&self.repository.changes(parent, &commit.sha), &commit.sha);
        let sum = |key: &str| -> u64 { files.iter().filter_map(|file| file[key].as_u64()).sum() };
        let (additions, deletions) = (sum("additions"), sum("deletions"));
        let mut value = self.commit(commit);
        extend(
            &mut value,
            json!({
                "stats": {
                    "additions": additions,
                    "deletions": deletions,
                    "total": additions + deletions,
                },
                "files": page(&files),
            }),
        );
        (value, files.len())
    }

    /// Changed files, with their patches.
    pub fn files(&self, changes: &[Change], at: &str) -> Vec<Value> {
        changes.iter().map(|change| self.file(change, at)).collect()
    }

    fn file(&self, change: &Change, at: &str) -> Value {
        let content = |sha: &Option<String>| match sha {
            Some(sha) => self.repository.blob(sha),
            None => Some(String::new()),
        };
        let patch = match (content(&change.old), content(&change.new)) {
            (Some(old), Some(new)) => Patch::between(&old, &new),
            // Not text: no lines to count.
            _ => Patch::default(),
        };
        let status = match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Modified => "modified",
        };
        let path = percent_encoding::utf8_percent_encode(&change.path, &PATH).to_string();
        let mut file = json!({
            "sha": change.new.as_ref().or(change.old.as_ref()),
            "filename": change.path,
            "status": status,
            "additions": patch.additions,
            "deletions": patch.deletions,
            "changes": patch.additions + patch.deletions,
            "blob_url": self.html(&format!("/blob/{at}/{path}")),
            "raw_url": self.html(&format!("/raw/{at}/{path}")),
            "contents_url": self.url(&format!("/contents/{path}?ref={at}")),
        });
        if !patch.text.is_empty() {
            file["patch"] = json!(patch.text);
        }
        file
    }

    /// A branch in a list.
    pub fn branch(&self, name: &str, sha: &str) -> Value {
        json!({
            "name": name,
            "commit": { "sha": sha, "url": self.url(&format!("/commits/{sha}")) },
            "protected": self.github.is_protected(self.repository.path(), name),
        })
    }

    /// A tag in a list.
    pub fn tag(&self, name: &str, sha: &str) -> Value {
        json!({
            "name": name,
            "commit": { "sha": sha, "url": self.url(&format!("/commits/{sha}")) },
            "zipball_url": self.url(&format!("/zipball/refs/tags/{name}")),
            "tarball_url": self.url(&format!("/tarball/refs/tags/{name}")),
            "node_id": node_id("Ref", format!("{}:refs/tags/{name}", self.repository.path())),
        })
    }
}

/// What a path in a URL cannot hold as it is.
const PATH: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
