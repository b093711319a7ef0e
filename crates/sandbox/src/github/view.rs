//! What GitHub's API says about people and repositories, and the addresses and numbers that everything in it shares.
//!
//! The shapes hold every field that GitHub's OpenAPI description requires, so that strict clients can read them.

mod commit;
mod parts;
mod pull;
mod run;

pub(super) use commit::{MOST_FILES, login};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::GitHub;
use crate::clock::rfc3339;
use crate::git::Repository;

/// One repository as the API shows it, to a client that came to `api`.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub github: GitHub,
    pub repository: Repository,
    /// The API's root as the client reached it: `http://127.0.0.1:41234/api/v3`.
    pub api: String,
}

/// A number that stays the same for the same name, as long as databases have them.
pub(super) fn number_of(name: &str) -> u64 {
    let hash = Sha256::digest(name);
    u64::from(u32::from_be_bytes([
        hash[0] & 0x7f,
        hash[1],
        hash[2],
        hash[3],
    ]))
}

/// GitHub's opaque global names.
pub(super) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("{kind}:{id}"))
}

/// What follows a repository's address in each of its addresses.
const REPOSITORY_URLS: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// What follows a user's address in each of its addresses.
const USER_URLS: [(&str, &str); 10] = [
    ("events_url", "/events{/privacy}"),
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("organizations_url", "/orgs"),
    ("received_events_url", "/received_events"),
    ("repos_url", "/repos"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("url", ""),
];

fn urls(base: &str, endings: &[(&str, &str)]) -> Map<String, Value> {
    endings
        .iter()
        .map(|(key, ending)| ((*key).to_owned(), json!(format!("{base}{ending}"))))
        .collect()
}

/// Puts the fields of an object into another.
pub(super) fn extend(into: &mut Value, fields: Value) {
    if let (Some(into), Value::Object(fields)) = (into.as_object_mut(), fields) {
        into.extend(fields);
    }
}

impl View {
    /// The repository's address in the API.
    pub fn url(&self, ending: &str) -> String {
        format!("{}/repos/{}{ending}", self.api, self.repository.path())
    }

    /// The repository's address for people.
    pub fn html(&self, ending: &str) -> String {
        format!("{}/{}{ending}", self.github.web, self.repository.path())
    }

    fn owner_and_name(&self) -> (&str, &str) {
        self.repository
            .path()
            .split_once('/')
            .unwrap_or((self.repository.path(), ""))
    }

    /// A person or an organization, by login.
    pub fn user(&self, login: &str, kind: &str) -> Value {
        let id = number_of(login);
        let mut user = Value::Object(urls(&format!("{}/users/{login}", self.api), &USER_URLS));
        extend(
            &mut user,
            json!({
                "login": login,
                "id": id,
                "node_id": node_id(kind, id),
                "avatar_url": format!("{}/avatars/u/{id}", self.github.web),
                "gravatar_id": "",
                "html_url": format!("{}/{login}", self.github.web),
                "type": kind,
                "site_admin": false,
            }),
        );
        user
    }

    /// The repository, as it stands inside other answers.
    pub fn minimal_repository(&self) -> Value {
        let (owner, name) = self.owner_and_name();
        let id = number_of(self.repository.path());
        let mut repository = Value::Object(urls(&self.url(""), &REPOSITORY_URLS));
        extend(
            &mut repository,
            json!({
                "id": id,
                "node_id": node_id("Repository", id),
                "name": name,
                "full_name": self.repository.path(),
                "owner": self.user(owner, "Organization"),
                "private": true,
                "fork": false,
                "description": null,
                "html_url": self.html(""),
            }),
        );
        repository
    }

    /// The repository as an answer of its own.
    pub fn full_repository(&self) -> Value {
        let mut repository = self.repository();
        extend(
            &mut repository,
            json!({ "network_count": 0, "subscribers_count": 0 }),
        );
        repository
    }

    /// The repository, as it stands inside a pull request.
    pub fn repository(&self) -> Value {
        let path = self.repository.path();
        let host = self
            .github
            .web
            .split_once("://")
            .map_or("", |(_, host)| host);
        let created = rfc3339(self.repository.created());
        let pushed = self
            .repository
            .show("HEAD")
            .map_or_else(|| created.clone(), |head| rfc3339(head.committer.at));
        let open = self
            .github
            .shared_pulls(path)
            .iter()
            .filter(|pull| pull.is_open())
            .count();
        let mut repository = self.minimal_repository();
        let features: Map<String, Value> = ["issues", "projects", "wiki", "pages", "discussions"]
            .into_iter()
            .map(|name| (format!("has_{name}"), json!(name == "issues")))
            .collect();
        extend(&mut repository, Value::Object(features));
        extend(
            &mut repository,
            json!({
                "archived": false,
                "clone_url": format!("{}.git", self.html("")),
                "created_at": created,
                "default_branch": self.repository.default_branch(),
                "disabled": false,
                "forks": 0,
                "forks_count": 0,
                "git_url": format!("git://{host}/{path}.git"),
                "has_downloads": false,
                "homepage": null,
                "language": null,
                "license": null,
                "mirror_url": null,
                "open_issues": open,
                "open_issues_count": open,
                "pushed_at": pushed,
                "size": 0,
                "ssh_url": format!("git@{host}:{path}.git"),
                "stargazers_count": 0,
                "svn_url": self.html(""),
                "updated_at": pushed,
                "visibility": "private",
                "watchers": 0,
                "watchers_count": 0,
            }),
        );
        repository
    }
}
