//! GitOps repositories, as an action reads and changes them: past every cache, and on the head that was read or on none.
//!
//! Owns the way from a commit of a plan to the files that are handed over: each value is found again where the plan saw it, and
//! nothing else of its file differs. Which requests make a commit of them is the forge's; no other place hands it any.

#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::code::repository_key;
use forge::edit::{Place, edit, places};
use forge::{AtHead, CommitFiles, FileText, Forge, MayCommit, PullRequestText, WriteFailure};
use runbook::call::{Commit, Edit, Landing};
use runbook::git::{Committed, DeclaredAt, Landed, Opened, Wanted};
use runbook::ground::Read;
use runbook::journal::{Answer, RunId};

use crate::sign_in::SigningIn;

/// The repositories, through the code hosts that are open.
pub struct Repositories {
    forge: Forge,
    signing_in: Option<Arc<SigningIn>>,
}

/// Why a commit is not as it was planned.
#[derive(Debug, PartialEq, Eq)]
struct Other {
    why: String,
    /// Whether it is because the branch is not what it was.
    moved: bool,
}

impl From<Other> for Answer {
    fn from(Other { why, moved }: Other) -> Self {
        Self::Refused { why, moved }
    }
}

impl Repositories {
    pub fn new(forge: Forge, signing_in: Option<Arc<SigningIn>>) -> Self {
        Self { forge, signing_in }
    }

    /// Where a version is declared at a branch's head; `repository` as Flux's source names it.
    pub async fn declared(
        &self,
        repository: &str,
        branch: &str,
        path: &str,
        wanted: &Wanted,
    ) -> Read {
        let key = repository_key(repository);
        let there = match self.forge.at_head(&key, branch, path).await {
            Ok(there) => there,
            Err(why) => return Read::Unknown(why.to_string()),
        };
        match places(&there.declared, &there.texts(), &words::wanted(wanted)) {
            Ok(found) => Read::Declared(DeclaredAt {
                places: found.iter().map(words::place).collect(),
                broken: there.declared.broken,
                branch: there.branch,
                head: there.head,
            }),
            Err(why) => Read::Unknown(why.to_string()),
        }
    }

    /// What a run has left, as the code host tells.
    pub async fn landed(&self, repository: &str, branch: &str, since: &str, run: &RunId) -> Read {
        let key = repository_key(repository);
        let seen = self.forge.find_run(&key, branch, since, run.as_str()).await;
        match seen {
            Ok(seen) => Read::Landed(Landed {
                commit: seen.commit.map(|commit| Committed {
                    sha: commit.sha,
                    url: commit.url,
                }),
                pull: seen.pull.map(|pull| Opened {
                    number: pull.number,
                    url: pull.url,
                }),
                branch: seen.branch.map(|(name, _)| name),
            }),
            Err(why) => Read::Unknown(why.to_string()),
        }
    }

    /// Whether a commit could be made now: everything of it but the sending.
    pub async fn try_out(&self, commit: &Commit, run: &RunId) -> Answer {
        let files = match self.files(commit, run).await {
            Ok(files) => files,
            Err(answer) => return answer,
        };
        match self.forge.may_commit(&files.repository).await {
            // Where the host does not say, it is the sending that tells.
            MayCommit::Yes | MayCommit::NotSaid => Answer::Done {
                version: commit.head.clone(),
            },
            MayCommit::No(why) => Answer::Refused { why, moved: false },
            MayCommit::NobodyThere { host, why } => Answer::NotSent {
                why: format!(
                    "{why}. `landfall sign-in --code-host {host}` signs in there, or, with --token, takes a token of your own"
                ),
            },
        }
    }

    /// Makes the commit, or opens the pull request. Every request is sent once.
    pub async fn send(&self, commit: &Commit, run: &RunId) -> Answer {
        let files = match self.files(commit, run).await {
            Ok(files) => files,
            Err(answer) => return answer,
        };
        let sent = match commit.landing {
            Landing::Commit => self.forge.commit(&files).await.map(|done| done.sha),
            Landing::PullRequest => {
                let text = pull_request(&files.message);
                let opened = self.forge.open_pull_request(&files, &text).await;
                opened.map(|opened| opened.sha)
            }
        };
        match sent {
            Ok(version) => Answer::Done { version },
            Err(WriteFailure::Refused { why, moved, .. }) => Answer::Refused { why, moved },
            Err(WriteFailure::NotSent { why }) => Answer::NotSent { why },
            Err(WriteFailure::Unknown { why }) => Answer::Unknown { why },
        }
    }

    /// What is handed over for a commit: its files as they stand now, with its values changed and nothing else.
    async fn files(&self, commit: &Commit, run: &RunId) -> Result<CommitFiles, Answer> {
        let key = repository_key(&commit.repository);
        let there = self.forge.at_head(&key, &commit.branch, &commit.path).await;
        let there = there.map_err(|why| Answer::NotSent {
            why: why.to_string(),
        })?;
        let files = edited(&there, commit)?;
        Ok(CommitFiles {
            repository: key,
            branch: there.branch,
            expected_head: there.head,
            files,
            message: self.message(commit),
            run: run.to_string(),
        })
    }

    /// What the plan says, and who asked for it: the commit's author is whoever the token is.
    fn message(&self, commit: &Commit) -> String {
        let by = crate::actions::called(self.signing_in.as_deref());
        let by = api::headline::plain(&by, LONGEST_NAME);
        format!("{}\n\nBy {by}, with Landfall.", commit.message.trim_end())
    }
}

/// The longest name of a person in a commit.
const LONGEST_NAME: usize = 100;

/// The files of a commit with its values changed, if all is as it was planned.
fn edited(there: &AtHead, commit: &Commit) -> Result<Vec<FileText>, Other> {
    if there.head != commit.head {
        return Err(Other {
            why: format!(
                "{} of {} has moved from {} to {} since it was looked at",
                there.branch,
                commit.repository,
                api::headline::short(&commit.head),
                api::headline::short(&there.head)
            ),
            moved: true,
        });
    }
    let no = |why: String| Other { why, moved: false };
    let mut found: Vec<Place> = Vec::new();
    for wanted in &commit.wanted {
        let of_one = places(&there.declared, &there.texts(), &words::wanted(wanted));
        found.extend(of_one.map_err(|why| no(why.to_string()))?);
    }
    let mut files: BTreeMap<&str, FileText> = BTreeMap::new();
    for change in &commit.edits {
        let place = found.iter().find(|place| is_at(change, place));
        let place = place.ok_or_else(|| Other {
            why: format!(
                "line {} of {} does not say '{}' any more",
                change.line, change.file, change.from
            ),
            moved: true,
        })?;
        let as_read = || there.files.iter().find(|file| file.path == change.file);
        let file = match files.remove(change.file.as_str()) {
            Some(file) => file,
            None => as_read()
                .cloned()
                .ok_or_else(|| no(format!("{} was not read", change.file)))?,
        };
        let text = edit(&file.text, place, &change.to).map_err(|why| no(why.to_string()))?;
        files.insert(&change.file, FileText { text, ..file });
    }
    Ok(files.into_values().collect())
}

/// Whether a place is the one that a plan means.
fn is_at(change: &Edit, place: &Place) -> bool {
    let seen = words::place(place);
    seen.file == change.file
        && seen.line == change.line
        && seen.document == change.document
        && seen.path == change.path
        && seen.form == change.form
        && seen.value == change.from
}

/// A pull request of a commit: its subject line is the title.
fn pull_request(message: &str) -> PullRequestText {
    let (title, body) = message.split_once('\n').unwrap_or((message, ""));
    PullRequestText {
        title: title.trim().to_owned(),
        body: body.trim().to_owned(),
    }
}
