//! The one way in which the forge changes something: a commit on a branch, or on a branch of its own with a pull request.
//!
//! Owns the order of the requests, what their refusals mean, and the trailer by which a commit is found again. Each request
//! is sent once. Until the last ones nothing is anybody's: a tree and a commit that no branch has are nothing that was done.
//! Author and committer are the code host's own choice: whoever the token is.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::client::{Reply, Target};
use super::pulls::Pull;
use crate::error::Trouble;
use crate::gitops::FileText;

/// The trailer that says which run made a commit.
pub const RUN_TRAILER: &str = "Landfall-Run";
/// Commits that are looked through for a run's.
const NEWEST: usize = 20;

/// Files to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFiles {
    /// The repository, `host/owner/name`.
    pub repository: String,
    /// The branch that they were read from, and that they are for.
    pub branch: String,
    /// The branch's head when they were read: another one refuses.
    pub expected_head: String,
    /// The files, whole, as they shall be.
    pub files: Vec<FileText>,
    /// Why, for people. The trailer is added.
    pub message: String,
    /// The run's id: letters, digits and hyphens.
    pub run: String,
}

/// What a pull request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestText {
    /// Its title.
    pub title: String,
    /// Its text. The trailer is added.
    pub body: String,
}

/// A commit that is on its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its SHA.
    pub sha: String,
    /// Where a person sees it.
    pub url: String,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub number: u64,
    /// Where a person sees it.
    pub url: String,
    /// Its branch.
    pub branch: String,
    /// Its last commit.
    pub sha: String,
}

/// What a run has left, as it is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its commit on the branch; of a pull request, once it is merged.
    pub commit: Option<Committed>,
    /// Its pull request, open or not.
    pub pull: Option<Opened>,
    /// Its own branch, with its head.
    pub branch: Option<(String, String)>,
}

/// Why something was not committed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailure {
    /// The code host says no.
    #[error("{why}")]
    Refused {
        /// Why, in a sentence.
        why: String,
        /// Whether the branch is not where it was any more.
        moved: bool,
        /// The run's own branch, where that was made and the pull request was not. Otherwise nothing changed.
        left: Option<String>,
    },
    /// What would have changed something was never sent.
    #[error("{why}")]
    NotSent {
        /// Why.
        why: String,
    },
    /// It may have been done. It is found out by reading ([`crate::Forge::find_run`]), and never sent again.
    #[error("{why}")]
    Unknown {
        /// Why that cannot be told.
        why: String,
    },
}

/// Whether somebody may commit to a repository, as far as its code host tells beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayCommit {
    /// They may push; a branch may be protected all the same.
    Yes,
    /// They may not, in a sentence.
    No(String),
    /// There is nothing to commit with at this host, in a sentence.
    NobodyThere {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The host does not say, or cannot be asked.
    NotSaid,
}

impl WriteFailure {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused {
            why: why.into(),
            moved: false,
            left: None,
        }
    }

    fn moved(why: impl Into<String>) -> Self {
        Self::Refused {
            why: why.into(),
            moved: true,
            left: None,
        }
    }

    fn not_sent(why: impl Into<String>) -> Self {
        Self::NotSent { why: why.into() }
    }
}

/// The branch that a run makes for its pull request.
pub fn run_branch(run: &str) -> String {
    format!("landfall/{run}")
}

#[derive(Deserialize)]
struct GitRef {
    object: GitObject,
}

#[derive(Deserialize)]
struct GitObject {
    sha: String,
}

#[derive(Deserialize)]
struct GitCommit {
    tree: GitObject,
}

/// A repository, as far as it says what whoever asks may do.
#[derive(Deserialize)]
struct Standing {
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

/// A commit in a list.
#[derive(Deserialize)]
struct Listed {
    sha: String,
    html_url: String,
    commit: Message,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl GitHub {
    /// Whether whoever is signed in may commit to a repository. Changes nothing.
    pub(crate) async fn may_commit(&self, repository: &str) -> MayCommit {
        let target = match self.client.target(repository) {
            Ok(target) => target,
            Err(trouble) => return MayCommit::No(trouble.to_string()),
        };
        let (host, path) = (target.host().to_owned(), target.path());
        if let Err(why) = self.client.may_write(&target).await {
            let why = why.to_string();
            return MayCommit::NobodyThere { host, why };
        }
        let standing: Result<Option<Standing>, Trouble> =
            self.client.one(&target, target.at(&[])).await;
        match standing {
            Ok(Some(one)) if one.archived => {
                MayCommit::No(format!("{path} is archived on {host}: it is read only"))
            }
            Ok(Some(Standing {
                permissions: Some(Permissions { push }),
                ..
            })) => match push {
                true => MayCommit::Yes,
                false => MayCommit::No(format!("{host} does not let us push to {path}")),
            },
            Ok(None) => MayCommit::No(format!("{host} has no {path}, or does not show it to us")),
            Err(trouble @ Trouble::Denied { .. }) => MayCommit::No(trouble.to_string()),
            Ok(Some(_)) | Err(_) => MayCommit::NotSaid,
        }
    }

    /// Commits files on their branch.
    ///
    /// # Errors
    /// Nothing was committed, or that cannot be told.
    pub(crate) async fn commit_files(
        &self,
        wanted: &CommitFiles,
    ) -> Result<Committed, WriteFailure> {
        let target = self.ready(wanted).await?;
        let made = self.unborn(&target, wanted).await?;
        let url = target.at(&branch_parts("refs", &wanted.branch));
        let body = json!({ "sha": made.sha, "force": false });
        match self.client.send(&target, Method::PATCH, url, &body).await {
            Reply::Done(_) => Ok(made),
            Reply::Refused { status, words } => {
                Err(refused(&target, &wanted.branch, status, &words))
            }
            Reply::NotSent(why) => Err(WriteFailure::not_sent(why)),
            Reply::Unknown(why) => Err(WriteFailure::Unknown { why }),
        }
    }

    /// Commits files on a branch of the run's own and opens a pull request of it.
    ///
    /// # Errors
    /// There is no pull request, or that cannot be told.
    pub(crate) async fn open_pull_request(
        &self,
        wanted: &CommitFiles,
        text: &PullRequestText,
    ) -> Result<Opened, WriteFailure> {
        if has_trailer(&text.body) {
            return Err(forged());
        }
        if text.title.trim().is_empty() || text.title.contains(char::is_control) {
            return Err(WriteFailure::not_sent(
                "the pull request has no title of one line",
            ));
        }
        let target = self.ready(wanted).await?;
        let made = self.unborn(&target, wanted).await?;
        let branch = run_branch(&wanted.run);
        let url = target.at(&["git", "refs"]);
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": made.sha });
        match self.client.send(&target, Method::POST, url, &body).await {
            Reply::Done(_) => {}
            Reply::Refused { status, words } => {
                return Err(match words.contains("already exists") {
                    true => WriteFailure::refused(format!(
                        "{} has a branch {branch} already: this run has made it before",
                        target.path()
                    )),
                    false => refused(&target, &branch, status, &words),
                });
            }
            Reply::NotSent(why) => return Err(WriteFailure::not_sent(why)),
            Reply::Unknown(why) => return Err(WriteFailure::Unknown { why }),
        }
        let url = target.at(&["pulls"]);
        let body = json!({
            "title": text.title,
            "body": with_trailer(&text.body, &wanted.run),
            "head": branch,
            "base": wanted.branch,
        });
        let left = |why: String| WriteFailure::Refused {
            why: format!(
                "branch {branch} of {} has the commit, but no pull request was opened: {why}",
                target.path()
            ),
            moved: false,
            left: Some(branch.clone()),
        };
        match self.client.send(&target, Method::POST, url, &body).await {
            Reply::Done(answer) => {
                let number = answer["number"].as_u64();
                let number = number.ok_or_else(|| WriteFailure::Unknown {
                    why: format!("{} did not say the pull request's number", target.host()),
                })?;
                Ok(Opened {
                    number,
                    url: text_at(&answer, "html_url"),
                    branch,
                    sha: made.sha,
                })
            }
            Reply::Refused { status, words } => {
                Err(left(refused(&target, &branch, status, &words).to_string()))
            }
            Reply::NotSent(why) => Err(left(why)),
            Reply::Unknown(why) => Err(WriteFailure::Unknown { why }),
        }
    }

    /// What a run has left. `since` is the head that it expected: where the branch's newest commits do not reach back to it,
    /// nothing is said.
    ///
    /// # Errors
    /// That cannot be read.
    pub(crate) async fn find_run(
        &self,
        repository: &str,
        branch: &str,
        since: &str,
        run: &str,
    ) -> Result<Seen, Trouble> {
        let target = self.client.target(repository)?;
        if !is_run(run) {
            return Err(Trouble::Other(format!("'{run}' is no run's id")));
        }
        let of_run = run_branch(run);
        let url = target.at(&branch_parts("ref", &of_run));
        let own: Option<GitRef> = self.client.one(&target, url).await?;
        let (owner, _) = target.path().split_once('/').unwrap_or_default();
        let mut url = target.at(&["pulls"]);
        url.query_pairs_mut()
            .append_pair("head", &format!("{owner}:{of_run}"))
            .append_pair("state", "all")
            .append_pair("per_page", "100");
        let pulls: Option<Vec<Pull>> = self.client.one(&target, url).await?;
        let pulls = pulls.into_iter().flatten().map(Pull::fact);
        let pull = pulls.filter(|pull| pull.head == of_run);
        let pull = pull.max_by_key(|pull| pull.number).map(|pull| Opened {
            number: pull.number,
            url: pull.url,
            branch: of_run.clone(),
            sha: pull.head_sha,
        });
        let mut url = target.at(&["commits"]);
        url.query_pairs_mut()
            .append_pair("sha", branch)
            .append_pair("per_page", &NEWEST.to_string());
        let newest: Option<Vec<Listed>> = self.client.one(&target, url).await?;
        let newest = newest.ok_or_else(|| Trouble::NotFound {
            host: target.host().to_owned(),
            subject: format!("branch {branch} in {}", target.path()),
        })?;
        let line = format!("{RUN_TRAILER}: {run}");
        let is_its = |one: &&Listed| one.commit.message.lines().any(|one| one.trim() == line);
        let commit = newest.iter().find(is_its).map(|one| Committed {
            sha: one.sha.clone(),
            url: one.html_url.clone(),
        });
        let reaches_back = newest.iter().any(|one| one.sha == since);
        if commit.is_none() && pull.is_none() && own.is_none() && !reaches_back {
            return Err(Trouble::Other(format!(
                "the {NEWEST} newest commits of {branch} in {} do not reach back to {}: whether one of \
                 them is this run's cannot be told",
                target.path(),
                short(since)
            )));
        }
        Ok(Seen {
            commit,
            pull,
            branch: own.map(|own| (of_run, own.object.sha)),
        })
    }

    /// The repository on its host, if everything about what is wanted is in order and somebody is signed in.
    async fn ready<'a>(&self, wanted: &'a CommitFiles) -> Result<Target<'a>, WriteFailure> {
        let target = self.client.target(&wanted.repository);
        let target = target.map_err(|trouble| WriteFailure::not_sent(trouble.to_string()))?;
        let in_order = match wanted {
            _ if !is_run(&wanted.run) => Err(format!("'{}' is no run's id", wanted.run)),
            _ if wanted.files.is_empty() => Err("there is no file to commit".to_owned()),
            _ if wanted.message.trim().is_empty() => Err("the commit has no message".to_owned()),
            _ if wanted.branch.is_empty() => Err("no branch is named".to_owned()),
            _ => Ok(()),
        };
        in_order.map_err(WriteFailure::not_sent)?;
        if has_trailer(&wanted.message) {
            return Err(forged());
        }
        let mut paths: Vec<&str> = wanted.files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        if let Some(twice) = paths.windows(2).find(|two| two[0] == two[1]) {
            let why = format!("{} would be written twice in one commit", twice[0]);
            return Err(WriteFailure::not_sent(why));
        }
        let may = self.client.may_write(&target).await;
        may.map_err(|why| WriteFailure::not_sent(why.to_string()))?;
        Ok(target)
    }

    /// The commit on top of the expected head, before any branch has it: nobody sees it yet.
    async fn unborn(
        &self,
        target: &Target<'_>,
        wanted: &CommitFiles,
    ) -> Result<Committed, WriteFailure> {
        let branch = &wanted.branch;
        let unread = |trouble: Trouble| WriteFailure::not_sent(trouble.to_string());
        let url = target.at(&branch_parts("ref", branch));
        let head: Option<GitRef> = self.client.one(target, url).await.map_err(unread)?;
        let head = head.ok_or_else(|| {
            WriteFailure::moved(format!(
                "{} has no branch {branch} in {}, or does not show it to us",
                target.host(),
                target.path()
            ))
        })?;
        if head.object.sha != wanted.expected_head {
            return Err(WriteFailure::moved(format!(
                "{branch} of {} has moved from {} to {} since it was looked at",
                target.path(),
                short(&wanted.expected_head),
                short(&head.object.sha)
            )));
        }
        let url = target.at(&["git", "commits", &wanted.expected_head]);
        let base: Option<GitCommit> = self.client.one(target, url).await.map_err(unread)?;
        let base = base.ok_or_else(|| {
            WriteFailure::not_sent(format!(
                "{} does not show commit {} of {}",
                target.host(),
                short(&wanted.expected_head),
                target.path()
            ))
        })?;
        let entries = wanted.files.iter().map(|file| {
            json!({
                "path": file.path,
                "mode": if file.is_executable { "100755" } else { "100644" },
                "type": "blob",
                "content": file.text,
            })
        });
        let body = json!({ "base_tree": base.tree.sha, "tree": entries.collect::<Vec<_>>() });
        let tree = self.prepare(target, branch, "trees", &body).await?;
        let tree = text_at(&tree, "sha");
        if tree == base.tree.sha {
            return Err(WriteFailure::refused(format!(
                "there is nothing to commit: {branch} of {} has these files already",
                target.path()
            )));
        }
        let body = json!({
            "message": with_trailer(&wanted.message, &wanted.run),
            "tree": tree,
            "parents": [wanted.expected_head],
        });
        let commit = self.prepare(target, branch, "commits", &body).await?;
        Ok(Committed {
            sha: text_at(&commit, "sha"),
            url: text_at(&commit, "html_url"),
        })
    }

    /// Makes an object that nothing refers to. Where its answer is lost, nothing was done: no branch has moved.
    async fn prepare(
        &self,
        target: &Target<'_>,
        branch: &str,
        what: &str,
        body: &Value,
    ) -> Result<Value, WriteFailure> {
        let url = target.at(&["git", what]);
        match self.client.send(target, Method::POST, url, body).await {
            Reply::Done(answer) if !text_at(&answer, "sha").is_empty() => Ok(answer),
            Reply::Done(_) => Err(WriteFailure::not_sent(format!(
                "{} did not say what it made: {branch} of {} was left as it is",
                target.host(),
                target.path()
            ))),
            Reply::Refused { status, words } => Err(refused(target, branch, status, &words)),
            Reply::NotSent(why) => Err(WriteFailure::not_sent(why)),
            Reply::Unknown(why) => Err(WriteFailure::not_sent(format!(
                "{why}; {branch} of {} was left as it is",
                target.path()
            ))),
        }
    }
}

/// What a refusal means, in a sentence.
fn refused(target: &Target<'_>, branch: &str, status: u16, words: &str) -> WriteFailure {
    let (host, path) = (target.host(), target.path());
    let says = match words {
        "" => format!("status {status}"),
        words => words.to_owned(),
    };
    let lower = words.to_ascii_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if has(&["not a fast forward", "reference does not exist"]) {
        return WriteFailure::moved(format!(
            "{branch} of {path} has moved since it was looked at: {says}"
        ));
    }
    if has(&[
        "protected branch",
        "rule violation",
        "through a pull request",
        "status check",
        "approving review",
    ]) {
        return WriteFailure::refused(format!(
            "{branch} of {path} is protected: open a pull request instead ({says})"
        ));
    }
    WriteFailure::refused(match status {
        300..=399 => {
            format!("{host} says that {path} is elsewhere now: name it by its new address")
        }
        401 => format!("{host} does not take the token: sign in there again ({says})"),
        403 => format!("{host} does not let us write to {path}: {says}"),
        // GitHub says 404 of what the token may not do.
        404 => format!("{host} has no {path} to write to, or does not let us: {says}"),
        _ => format!("{host} refused to write to {path}: {says}"),
    })
}

fn forged() -> WriteFailure {
    WriteFailure::not_sent(format!(
        "the text has a line that begins with '{RUN_TRAILER}:', by which runs are found again: leave it out"
    ))
}

/// `git/ref/heads/…` of a branch whose name may have slashes.
fn branch_parts<'a>(refs: &'a str, branch: &'a str) -> Vec<&'a str> {
    let mut parts = vec!["git", refs, "heads"];
    parts.extend(branch.split('/'));
    parts
}

fn is_run(run: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !run.is_empty() && run.len() <= 64 && run.bytes().all(word)
}

fn has_trailer(text: &str) -> bool {
    let sign = format!("{RUN_TRAILER}:").to_ascii_lowercase();
    let mut lines = text.split(['\n', '\r']);
    lines.any(|line| line.trim_start().to_ascii_lowercase().starts_with(&sign))
}

fn with_trailer(text: &str, run: &str) -> String {
    format!("{}\n\n{RUN_TRAILER}: {run}", text.trim_end())
        .trim_start()
        .to_owned()
}

fn text_at(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn short(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}
