//! What the REST API changes: blobs, trees, commits and refs one by one, and pull requests.
//!
//! Owns GitHub's words for what it refuses. Everything lands in the code host's own repositories, so that Git, and whoever
//! waits for a push, sees it. Nobody writes without a token.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::http::{Asked, Problem, Reply};
use super::records::{Pull, PullState};
use super::sign_in::Writer;
use super::view::View;
use crate::git::{GitError, NotMoved};

type Answer = Result<Reply, Problem>;

/// What a branch that only pull requests may change says.
const PROTECTED: &str =
    "Repository rule violations found\n\nChanges must be made through a pull request.\n\n";

/// A request that changes something.
pub(super) struct Told {
    pub asked: Asked,
    pub body: Map<String, Value>,
    pub by: Writer,
}

impl Told {
    fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field)?.as_str()
    }

    /// A field that has to be a text.
    fn needed(&self, field: &str) -> Result<&str, Problem> {
        self.text(field).ok_or_else(|| {
            Problem::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))
        })
    }
}

fn made(value: Value) -> Answer {
    Ok(Reply::Created(value))
}

/// Git's own refusals, in the words of the API.
fn refused(error: &GitError) -> Problem {
    match error {
        GitError::Missing { .. } => Problem::unprocessable("Object does not exist"),
        GitError::Ref(name) => Problem::unprocessable(format!("{name} is not a valid ref name.")),
        GitError::Path(_) => {
            Problem::unprocessable("tree.path contains a malformed path component")
        }
        other => Problem::unprocessable(other.to_string()),
    }
}

/// `GET git/ref/heads/{branch}`
pub(super) fn git_ref(view: &View, asked: &Asked) -> Answer {
    let name = format!("refs/{}", asked.part("rest"));
    let sha = view.repository.ref_at(&name);
    let sha = sha.ok_or_else(Problem::not_found)?;
    Ok(Reply::Json(view.git_ref(&name, &sha), None))
}

/// `POST git/refs`
pub(super) fn new_ref(view: &View, told: &Told) -> Answer {
    let (name, sha) = (told.needed("ref")?, told.needed("sha")?);
    let Some(branch) = name.strip_prefix("refs/heads/") else {
        return Err(Problem::unprocessable(
            "Reference name must start with 'refs/heads/' here.",
        ));
    };
    match view.repository.new_branch(branch, sha) {
        Ok(true) => made(view.git_ref(name, sha)),
        Ok(false) => Err(Problem::unprocessable("Reference already exists")),
        Err(error) => Err(refused(&error)),
    }
}

/// `PATCH git/refs/heads/{branch}`
pub(super) fn move_ref(view: &View, told: &Told) -> Answer {
    let rest = told.asked.part("rest");
    let branch = rest.strip_prefix("heads/").ok_or_else(Problem::not_found)?;
    let sha = told.needed("sha")?;
    let force = told.body.get("force").and_then(Value::as_bool) == Some(true);
    if view.github.is_protected(view.repository.path(), branch) {
        return Err(Problem::unprocessable(PROTECTED));
    }
    match view.repository.move_branch(branch, sha, force) {
        Ok(()) => Ok(Reply::Json(
            view.git_ref(&format!("refs/heads/{branch}"), sha),
            None,
        )),
        Err(NotMoved::NoSuchRef) => Err(Problem::unprocessable("Reference does not exist")),
        Err(NotMoved::NoSuchCommit) => Err(Problem::unprocessable("Object does not exist")),
        Err(NotMoved::NotForward) => Err(Problem::unprocessable("Update is not a fast forward")),
    }
}

/// `POST git/blobs`
pub(super) fn new_blob(view: &View, told: &Told) -> Answer {
    let content = told.needed("content")?;
    if told.text("encoding").is_some_and(|one| one != "utf-8") {
        return Err(Problem::unprocessable("Only utf-8 is taken here."));
    }
    let sha = view
        .repository
        .write_blob(content)
        .map_err(|error| refused(&error))?;
    made(json!({ "sha": sha, "url": view.url(&format!("/git/blobs/{sha}")) }))
}

/// `GET git/trees/{sha}`
pub(super) fn git_tree(view: &View, asked: &Asked) -> Answer {
    let tree = view.git_tree(asked.part("sha"));
    Ok(Reply::Json(tree.ok_or_else(Problem::not_found)?, None))
}

/// `POST git/trees`
pub(super) fn new_tree(view: &View, told: &Told) -> Answer {
    let entries = told.body.get("tree").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| Problem::unprocessable("Invalid tree info"))?;
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let mode = match (text("mode"), text("type")) {
            (Some("100644"), Some("blob") | None) => 0o100_644,
            (Some("100755"), Some("blob") | None) => 0o100_755,
            _ => {
                return Err(Problem::unprocessable(
                    "tree.mode must be one of 100644, 100755 here",
                ));
            }
        };
        let path = text("path").ok_or_else(|| Problem::unprocessable("Invalid tree info"))?;
        let sha = match (text("sha"), text("content")) {
            (Some(sha), None) => sha.to_owned(),
            (None, Some(content)) => view
                .repository
                .write_blob(content)
                .map_err(|error| refused(&error))?,
            _ => {
                return Err(Problem::unprocessable(
                    "Must supply either tree.sha or tree.content, but not both",
                ));
            }
        };
        files.push((path.to_owned(), mode, sha));
    }
    let written = view.repository.write_tree(told.text("base_tree"), &files);
    let sha = written.map_err(|error| match error {
        GitError::Missing { .. } => Problem::not_found(),
        other => refused(&other),
    })?;
    made(view.git_tree(&sha).ok_or_else(Problem::not_found)?)
}

/// `GET git/commits/{sha}`
pub(super) fn git_commit(view: &View, asked: &Asked) -> Answer {
    let sha = asked.part("sha");
    let known = view.repository.show(sha).filter(|found| found.sha == sha);
    let known = known.ok_or_else(Problem::not_found)?;
    Ok(Reply::Json(view.git_commit(&known), None))
}

/// `POST git/commits`
pub(super) fn new_commit(view: &View, told: &Told) -> Answer {
    let parents = told.body.get("parents").and_then(Value::as_array);
    let parents: Vec<String> = parents
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|parent| parent.as_str().map(str::to_owned))
        .collect();
    let sha = view
        .repository
        .write_commit(
            told.needed("tree")?,
            &parents,
            &told.by.signature,
            view.github.code.clock().now(),
            told.needed("message")?,
        )
        .map_err(|error| match error {
            GitError::Missing { .. } => {
                Problem::unprocessable("Tree SHA or a parent does not exist")
            }
            other => refused(&other),
        })?;
    let commit = view.repository.show(&sha);
    made(view.git_commit(&commit.ok_or_else(Problem::not_found)?))
}

/// What a pull request is not made for.
fn invalid(errors: Value) -> Answer {
    Ok(Reply::Invalid(errors))
}

/// `POST pulls`
pub(super) fn new_pull(view: &View, told: &Told) -> Answer {
    let path = view.repository.path();
    let head = told.needed("head")?;
    let head = head.rsplit_once(':').map_or(head, |(_, branch)| branch);
    let base = told.needed("base")?;
    let field =
        |name: &str| json!([{ "resource": "PullRequest", "field": name, "code": "invalid" }]);
    let Some(head_sha) = view.repository.head(head) else {
        return invalid(field("head"));
    };
    let Some(base_sha) = view.repository.head(base) else {
        return invalid(field("base"));
    };
    let custom = |message: String| json!([{ "resource": "PullRequest", "code": "custom", "message": message }]);
    if view.repository.contains(&head_sha, &base_sha) {
        return invalid(custom(format!("No commits between {base} and {head}")));
    }
    let all = view.github.pulls(path);
    let (owner, _) = path.split_once('/').unwrap_or((path, ""));
    if all
        .iter()
        .any(|pull| pull.is_open() && pull.head == head && pull.base == base)
    {
        return invalid(custom(format!(
            "A pull request already exists for {owner}:{head}."
        )));
    }
    let now = view.github.code.clock().now();
    let pull = Pull {
        number: all.iter().map(|pull| pull.number).max().unwrap_or(0) + 1,
        title: told.needed("title")?.to_owned(),
        body: told.text("body").unwrap_or_default().to_owned(),
        author: told.by.login.clone(),
        base: base.to_owned(),
        base_sha: Some(base_sha),
        head: head.to_owned(),
        head_sha,
        draft: told.body.get("draft").and_then(Value::as_bool) == Some(true),
        created: now,
        updated: now,
        ..Pull::default()
    };
    view.github.put_pull(path, pull.clone());
    made(view.full_pull(&pull))
}

/// `PUT pulls/{number}/merge`
pub(super) fn merge_pull(view: &View, told: &Told) -> Answer {
    let path = view.repository.path();
    let number = told.asked.number("number")?;
    let pull = view.github.pull(path, number);
    let pull = pull.ok_or_else(Problem::not_found)?;
    let not_mergeable = |message: &str| Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        message: message.to_owned(),
    };
    match told.text("merge_method").unwrap_or("merge") {
        "merge" => {}
        "squash" => {
            return Err(not_mergeable(
                "Squash merges are not allowed on this repository.",
            ));
        }
        _ => {
            return Err(not_mergeable(
                "Rebase merges are not allowed on this repository.",
            ));
        }
    }
    if !pull.is_open() || pull.draft {
        return Err(not_mergeable("Pull Request is not mergeable"));
    }
    if told.text("sha").is_some_and(|sha| sha != pull.head_sha) {
        return Err(Problem {
            status: StatusCode::CONFLICT,
            message: "Head branch was modified. Review and try the merge again.".to_owned(),
        });
    }
    let now = view.github.code.clock().now();
    let (owner, _) = path.split_once('/').unwrap_or((path, ""));
    let title = format!("Merge pull request #{number} from {owner}/{}", pull.head);
    let title = told.text("commit_title").unwrap_or(&title);
    let message = told.text("commit_message").unwrap_or(&pull.title);
    let sha = view
        .repository
        .merge(
            &pull.base,
            &pull.head_sha,
            &told.by.signature,
            now,
            &format!("{title}\n\n{message}"),
        )
        .map_err(|error| refused(&error))?;
    view.github.update_pull(path, number, |pull| {
        pull.state = PullState::Merged {
            sha: sha.clone(),
            at: now,
            by: told.by.login.clone(),
        };
        pull.updated = now;
    });
    Ok(Reply::Json(
        json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" }),
        None,
    ))
}
