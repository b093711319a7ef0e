//! Refs, trees and commits as the Git database API shows them.

use serde_json::{Value, json};

use super::{View, node_id};
use crate::clock::rfc3339;
use crate::git::{Commit, Person};

impl View {
    /// A ref, by its full name.
    pub fn git_ref(&self, name: &str, sha: &str) -> Value {
        json!({
            "ref": name,
            "node_id": node_id("Ref", format!("{}:{name}", self.repository.path())),
            "url": self.url(&format!("/git/{name}")),
            "object": {
                "type": "commit",
                "sha": sha,
                "url": self.url(&format!("/git/commits/{sha}")),
            },
        })
    }

    /// A tree, not what is below its folders; `None` if it is none.
    pub fn git_tree(&self, sha: &str) -> Option<Value> {
        let entries: Vec<Value> = self
            .repository
            .tree(sha)?
            .into_iter()
            .map(|(path, mode, sha)| {
                let kind = match mode {
                    0o40000 => "tree",
                    0o160_000 => "commit",
                    _ => "blob",
                };
                let mut entry = json!({
                    "path": path,
                    "mode": format!("{mode:06o}"),
                    "type": kind,
                    "sha": sha,
                });
                if kind != "commit" {
                    entry["url"] = json!(self.url(&format!("/git/{kind}s/{sha}")));
                }
                if kind == "blob"
                    && let Some(text) = self.repository.blob(&sha)
                {
                    entry["size"] = json!(text.len());
                }
                entry
            })
            .collect();
        Some(json!({
            "sha": sha,
            "url": self.url(&format!("/git/trees/{sha}")),
            "tree": entries,
            "truncated": false,
        }))
    }

    /// A commit, without who its people are on GitHub.
    pub fn git_commit(&self, commit: &Commit) -> Value {
        let sha = &commit.sha;
        let person =
            |one: &Person| json!({ "name": one.name, "email": one.email, "date": rfc3339(one.at) });
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(|parent| {
                json!({
                    "sha": parent,
                    "url": self.url(&format!("/git/commits/{parent}")),
                    "html_url": self.html(&format!("/commit/{parent}")),
                })
            })
            .collect();
        json!({
            "sha": sha,
            "node_id": node_id("Commit", sha),
            "url": self.url(&format!("/git/commits/{sha}")),
            "html_url": self.html(&format!("/commit/{sha}")),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "message": commit.message,
            "tree": {
                "sha": commit.tree,
                "url": self.url(&format!("/git/trees/{}", commit.tree)),
            },
            "parents": parents,
            "verification": {
                "verified": false,
                "reason": "unsigned",
                "signature": null,
                "payload": null,
                "verified_at": null,
            },
        })
    }
}
