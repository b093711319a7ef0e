//! What a person typed, and what it stands for.
//!
//! Owns the forms an ask may have, the resolution over every repository that is known, and the errors that say what
//! could not be found and what may have been meant.

use std::collections::{BTreeMap, BTreeSet};

use api::error::Code;
use api::journey::Ask;
use facts::Reach;
use facts::code::{ResolvedBy, repository_key};
use facts::meta::Kind;

use crate::discover::Target;
use crate::environment::same;
use crate::images::{commit_word, is_hex};
use crate::nearest::nearest;
use crate::view::{Gap, Learned, View};

/// What an ask stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Every app's newest commit.
    Newest,
    /// One commit.
    Commit {
        /// The key of its repository.
        key: String,
        /// Its full SHA.
        sha: String,
    },
}

/// The longest text that can stand for anything; a link is the longest of them.
const LONGEST: usize = 2_000;

/// An ask, taken apart.
pub struct Question {
    /// The repository that a link or the ask itself names.
    repository: Option<String>,
    /// What is to be resolved; empty for the newest commit.
    text: String,
    /// The app that the text names.
    app: Option<String>,
}

/// Takes an ask apart, and finds the names in it.
pub fn question(view: &View<'_>, all: &[Target<'_>], ask: &Ask) -> Result<Question, api::Error> {
    let typed = ask.text.trim();
    if typed.len() > LONGEST {
        return Err(api::Error::new(
            Code::UnknownAsk,
            format!(
                "{} characters are no commit, branch, tag, link or app.",
                typed.chars().count()
            ),
        ));
    }
    let apps: BTreeSet<&str> = all.iter().map(|target| target.app.as_str()).collect();
    let named = ask.app.as_deref().map(|name| named_app(view, &apps, name));
    let app = named.transpose()?.flatten();
    let (linked, text) = take_apart(typed);
    let as_app = app_called(&apps, &text).filter(|_| linked.is_none());
    let repository = match linked.or_else(|| ask.repository.clone()) {
        Some(name) => Some(repository(view, all, &name, linked_text(typed))?),
        None => None,
    };
    match as_app {
        Some(name) => Ok(Question {
            repository,
            text: String::new(),
            app: app.or_else(|| Some(name.to_owned())),
        }),
        None => Ok(Question {
            repository,
            text,
            app,
        }),
    }
}

fn linked_text(typed: &str) -> bool {
    typed.contains("://")
}

/// The app of exactly this name, else the one that differs only in case.
fn app_called<'a>(apps: &BTreeSet<&'a str>, name: &str) -> Option<&'a str> {
    apps.get(name).copied().or_else(|| {
        apps.iter()
            .find(|app| app.eq_ignore_ascii_case(name))
            .copied()
    })
}

fn named_app(
    view: &View<'_>,
    apps: &BTreeSet<&str>,
    name: &str,
) -> Result<Option<String>, api::Error> {
    if let Some(app) = app_called(apps, name) {
        return Ok(Some(app.to_owned()));
    }
    if is_connecting(view) {
        return Ok(Some(name.to_owned()));
    }
    Err(unknown_name(view, "app", name, apps.iter().copied()))
}

/// Whether a cluster has not answered yet: names may still appear.
pub fn is_connecting(view: &View<'_>) -> bool {
    view.places()
        .any(|place| place.facts.reach == Reach::Connecting)
}

fn unknown_name<'a>(
    view: &View<'_>,
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> api::Error {
    let shown = api::headline::plain(name, 80);
    let list: Vec<String> = names
        .clone()
        .take(50)
        .map(|one| api::headline::plain(one, 80))
        .collect();
    let message = if list.is_empty() {
        format!(
            "There is no {what} {shown}: none was found at all.{}",
            unreached(view)
        )
    } else {
        format!(
            "There is no {what} {shown}. There are: {}.{}",
            list.join(", "),
            unreached(view)
        )
    };
    let error = api::Error::new(Code::UnknownName, message);
    match did_you_mean(name, names) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The clusters that could not be looked into, as a sentence after others.
fn unreached(view: &View<'_>) -> String {
    let names: Vec<&str> = view
        .places()
        .filter(|place| matches!(place.facts.reach, Reach::Unreachable { .. }))
        .map(|place| place.name)
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" Not answering: {}.", names.join(", ")),
    }
}

fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = nearest(name, names);
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

/// Keeps the targets that an ask is about.
pub fn narrow<'a>(
    view: &View<'_>,
    all: &[Target<'a>],
    ask: &Ask,
    question: &Question,
) -> Result<Vec<Target<'a>>, api::Error> {
    let mut kept: Vec<Target<'a>> = all.to_vec();
    if let Some(app) = &question.app {
        kept.retain(|target| target.app == *app);
    }
    if let Some(environment) = &ask.environment {
        let known = all
            .iter()
            .any(|target| same(&target.environment, environment));
        if !known && !is_connecting(view) {
            let names: BTreeSet<&str> = all
                .iter()
                .map(|target| target.environment.as_str())
                .collect();
            return Err(unknown_name(
                view,
                "environment",
                environment,
                names.iter().copied(),
            ));
        }
        kept.retain(|target| same(&target.environment, environment));
    }
    Ok(kept)
}

/// Takes a text apart into the repository it names, if it does, and what is to be resolved there.
fn take_apart(typed: &str) -> (Option<String>, String) {
    if let Some((_, rest)) = typed.split_once("://") {
        return link(rest);
    }
    let lower = typed.to_ascii_lowercase();
    for (prefix, form) in [
        ("pull request ", "#"),
        ("pr ", "#"),
        ("pr#", "#"),
        ("pr-", "#"),
        ("!", "#"),
        ("#", "#"),
        ("ci run ", "run "),
        ("run ", "run "),
        ("run#", "run "),
    ] {
        let number = lower
            .strip_prefix(prefix)
            .map(|rest| rest.trim_start_matches('#').trim());
        if let Some(number) = number
            && is_number(number)
        {
            return (None, format!("{form}{number}"));
        }
    }
    if let Some((repository, number)) = typed.rsplit_once('#')
        && repository.contains('/')
        && is_number(number)
    {
        return (Some(repository.to_owned()), format!("#{number}"));
    }
    if let Some((repository, commit)) = typed.rsplit_once('@')
        && repository.contains('/')
        && commit.len() >= 4
        && is_hex(commit)
    {
        return (Some(repository.to_owned()), commit.to_owned());
    }
    (None, typed.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A link to a pull request, CI run, commit, branch or tag, on GitHub or a host that names things like it.
fn link(rest: &str) -> (Option<String>, String) {
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let at = |index: usize| parts.get(index).copied().unwrap_or_default();
    for (index, part) in parts.iter().enumerate().skip(2) {
        let text = match *part {
            "pull" | "pulls" | "merge_requests" | "pull-requests" if is_number(at(index + 1)) => {
                Some(format!("#{}", at(index + 1)))
            }
            "actions" if at(index + 1) == "runs" && is_number(at(index + 2)) => {
                Some(format!("run {}", at(index + 2)))
            }
            "pipelines" if is_number(at(index + 1)) => Some(format!("run {}", at(index + 1))),
            "commit" | "commits" if !at(index + 1).is_empty() => Some(at(index + 1).to_owned()),
            "tree" => parts.get(index + 1..).map(|rest| rest.join("/")),
            "releases" if at(index + 1) == "tag" => {
                parts.get(index + 2..).map(|rest| rest.join("/"))
            }
            _ => None,
        };
        if let Some(text) = text {
            let repository: Vec<&str> = parts
                .iter()
                .take(index)
                .filter(|part| **part != "-")
                .copied()
                .collect();
            return (Some(repository.join("/")), text);
        }
    }
    (Some(parts.join("/")), String::new())
}

/// The repositories that an ask may be about: what images are built from, and what Flux follows.
pub struct Repositories {
    /// Source repositories, by key.
    pub sources: BTreeSet<String>,
    /// GitOps repositories, by key.
    pub configuration: BTreeSet<String>,
    /// Why some are not known.
    pub gaps: Vec<Gap>,
}

impl Repositories {
    fn all(&self) -> BTreeSet<&str> {
        self.sources
            .iter()
            .chain(&self.configuration)
            .map(String::as_str)
            .collect()
    }

    fn is_pending(&self) -> bool {
        self.gaps.iter().any(|gap| gap.pending)
    }
}

/// Every repository that is known of.
pub fn repositories(view: &View<'_>, all: &[Target<'_>]) -> Repositories {
    let mut found = Repositories {
        sources: BTreeSet::new(),
        configuration: BTreeSet::new(),
        gaps: Vec::new(),
    };
    for target in all {
        match &target.source {
            Ok(Some(key)) => {
                found.sources.insert(key.clone());
            }
            Ok(None) => {}
            Err(gap) => found.gaps.push(gap.clone()),
        }
    }
    for place in view.places() {
        for ((kind, _), source) in &place.facts.sources {
            let address = match kind {
                Kind::GitRepository => Some(source.url.as_str()),
                Kind::OCIRepository => source
                    .artifact
                    .as_ref()
                    .and_then(|artifact| artifact.origin_source.as_deref()),
                _ => None,
            };
            found
                .configuration
                .extend(address.filter(|one| !one.is_empty()).map(repository_key));
        }
    }
    found
}

/// The known repository that a person names by its address or the end of it.
fn repository(
    view: &View<'_>,
    all: &[Target<'_>],
    name: &str,
    is_link: bool,
) -> Result<String, api::Error> {
    let known = repositories(view, all);
    let key = repository_key(name);
    let end = format!("/{}", key.trim_start_matches('/'));
    let exact = known.all().into_iter().find(|one| *one == key);
    let found = exact.or_else(|| known.all().into_iter().find(|one| one.ends_with(&end)));
    if let Some(found) = found {
        return Ok(found.to_owned());
    }
    if known.is_pending() || is_connecting(view) {
        // It may turn out to be one of those whose labels are not read yet.
        return Ok(key);
    }
    let shown = api::headline::plain(&key, 120);
    let list: Vec<&str> = known.all().into_iter().take(50).collect();
    let message = format!(
        "No app here is built from {shown}, and Flux does not follow it.{}",
        unreached(view)
    );
    let hint = if list.is_empty() {
        "No image here says which repository it is built from: add the label \
         org.opencontainers.image.source."
            .to_owned()
    } else {
        format!("Known repositories: {}.", list.join(", "))
    };
    let code = if is_link {
        Code::UnknownAsk
    } else {
        Code::UnknownName
    };
    Err(api::Error::new(code, message).hint(hint))
}

/// What the question stands for, or why that is not known yet.
pub fn meaning(
    view: &View<'_>,
    all: &[Target<'_>],
    question: &Question,
) -> Result<Learned<Meaning>, api::Error> {
    if question.text.is_empty() {
        return Ok(match &question.repository {
            None => Ok(Meaning::Newest),
            Some(key) => view.head(key).map(|head| Meaning::Commit {
                key: key.clone(),
                sha: head.to_owned(),
            }),
        });
    }
    let known = repositories(view, all);
    let keys: Vec<String> = match &question.repository {
        Some(key) => vec![key.clone()],
        None => of_app(all, question.app.as_deref())
            .unwrap_or_else(|| known.sources.clone())
            .into_iter()
            .chain(known.configuration.iter().cloned())
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
    };
    let mut found = look_up(view, &keys, &question.text);
    if found.candidates.is_empty() && found.pending.is_none() {
        // An image's tag, such as main-3f2c1ab-1700000000, or a SHA in capitals.
        let word = commit_word(&question.text)
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !word.is_empty() && word != question.text {
            found = look_up(view, &keys, &word);
        }
    }
    let LookedUp {
        mut candidates,
        pending,
        mut unread,
    } = found;
    let whole = question.text.len() == 40 && is_hex(&question.text);
    if candidates.len() == 1
        && (whole || pending.is_none())
        && let Some(((key, sha), _)) = candidates.pop_first()
    {
        return Ok(Ok(Meaning::Commit { key, sha }));
    }
    if let Some(gap) = pending {
        return Ok(Err(gap));
    }
    if !candidates.is_empty() {
        return Err(ambiguous(view, &question.text, &candidates));
    }
    if question.repository.is_none()
        && let Some(gap) = known.gaps.iter().find(|gap| gap.pending)
    {
        return Ok(Err(gap.clone()));
    }
    if is_connecting(view) {
        return Ok(Err(Gap::new("a cluster is being read for the first time")));
    }
    unread.extend(known.gaps);
    Err(unknown(view, all, question, &keys, &unread))
}

/// What a text stands for in several repositories.
struct LookedUp {
    /// Commits, by repository and SHA, and how the text names them.
    candidates: BTreeMap<(String, String), Vec<ResolvedBy>>,
    /// Set while a repository has not said.
    pending: Option<Gap>,
    /// Why others cannot say.
    unread: Vec<Gap>,
}

fn look_up(view: &View<'_>, keys: &[String], text: &str) -> LookedUp {
    let mut looked = LookedUp {
        candidates: BTreeMap::new(),
        pending: None,
        unread: Vec::new(),
    };
    for key in keys {
        match view.resolve(key, text) {
            Ok(found) => {
                for one in found {
                    looked
                        .candidates
                        .entry((key.clone(), one.sha.clone()))
                        .or_default()
                        .push(one.by.clone());
                }
            }
            Err(gap) if gap.pending => looked.pending = Some(gap),
            Err(gap) => looked.unread.push(gap),
        }
    }
    looked
}

/// The repositories of one app.
fn of_app(all: &[Target<'_>], app: Option<&str>) -> Option<BTreeSet<String>> {
    let app = app?;
    let keys: BTreeSet<String> = all
        .iter()
        .filter(|target| target.app == app)
        .filter_map(|target| target.source.clone().ok().flatten())
        .collect();
    Some(keys)
}

fn ambiguous(
    view: &View<'_>,
    text: &str,
    candidates: &BTreeMap<(String, String), Vec<ResolvedBy>>,
) -> api::Error {
    let mut lines = Vec::new();
    for ((key, sha), by) in candidates.iter().take(20) {
        let known = view.commit(key, sha).ok().flatten();
        let subject = known.map_or(String::new(), |one| {
            format!(" {}", api::headline::plain(&one.subject, 80))
        });
        let names: Vec<String> = by.iter().map(named_by).collect();
        lines.push(format!(
            "{}{subject} ({key}, {})",
            api::headline::short(sha),
            names.join(", ")
        ));
    }
    api::Error::new(
        Code::AmbiguousAsk,
        format!(
            "{} stands for {} commits:\n{}",
            api::headline::plain(text, 80),
            candidates.len(),
            lines.join("\n")
        ),
    )
    .hint("Type more of the SHA, or say which repository (in the terminal: --repo).")
}

fn named_by(by: &ResolvedBy) -> String {
    match by {
        ResolvedBy::Sha => "by its SHA".to_owned(),
        ResolvedBy::Branch(name) => format!("branch {}", api::headline::plain(name, 60)),
        ResolvedBy::Tag(name) => format!("tag {}", api::headline::plain(name, 60)),
        ResolvedBy::PullRequest(number) => format!("pull request #{number}"),
        ResolvedBy::CiRun(number) => format!("CI run {number}"),
        ResolvedBy::Message(key) => format!("{} in its message", api::headline::plain(key, 60)),
    }
}

fn unknown(
    view: &View<'_>,
    all: &[Target<'_>],
    question: &Question,
    keys: &[String],
    unread: &[Gap],
) -> api::Error {
    let text = api::headline::plain(&question.text, 80);
    let looked = match keys {
        [] => "no repository is known to look in".to_owned(),
        [one] => format!("looked in {one}"),
        many => format!("looked in {} repositories: {}", many.len(), many.join(", ")),
    };
    let mut message = format!(
        "{text} is no commit, branch, tag, pull request, CI run or app that is known here; {looked}."
    );
    for gap in unread.iter().take(3) {
        message.push_str(&format!(
            " Not known: {}.",
            api::headline::plain(&gap.why, 200)
        ));
    }
    message.push_str(&unreached(view));
    let branches = keys
        .iter()
        .filter_map(|key| view.facts.code.repositories.get(key))
        .flat_map(|known| known.branches.keys().map(String::as_str));
    let names = all
        .iter()
        .map(|target| target.app.as_str())
        .chain(branches)
        .collect::<BTreeSet<&str>>();
    let hint = did_you_mean(&question.text, names.into_iter()).unwrap_or_else(|| {
        if question.text.len() >= 4 && is_hex(&question.text) {
            "If it is a new commit, push it first.".to_owned()
        } else {
            String::new()
        }
    });
    let error = api::Error::new(Code::UnknownAsk, message).hint(hint);
    if unread.is_empty() {
        error
    } else {
        error.retryable()
    }
}

#[cfg(test)]
mod tests {
    use super::take_apart;

    #[test]
    fn links_and_numbers_are_taken_apart() {
        for (typed, repository, text) in [
            (
                "https://github.com/shop/api/pull/12/files",
                Some("github.com/shop/api"),
                "#12",
            ),
            (
                "https://github.com/shop/api/actions/runs/4807/job/1",
                Some("github.com/shop/api"),
                "run 4807",
            ),
            (
                "https://gitlab.example/group/sub/api/-/merge_requests/3",
                Some("gitlab.example/group/sub/api"),
                "#3",
            ),
            (
                "https://github.com/shop/api/commit/3f2c1ab",
                Some("github.com/shop/api"),
                "3f2c1ab",
            ),
            (
                "https://github.com/shop/api/tree/feature/x",
                Some("github.com/shop/api"),
                "feature/x",
            ),
            (
                "https://github.com/shop/api",
                Some("github.com/shop/api"),
                "",
            ),
            ("shop/api#12", Some("shop/api"), "#12"),
            ("shop/api@3f2c1ab", Some("shop/api"), "3f2c1ab"),
            ("#12", None, "#12"),
            ("PR 12", None, "#12"),
            ("run 4807", None, "run 4807"),
            ("feature/x", None, "feature/x"),
            ("3f2c1ab", None, "3f2c1ab"),
            ("https://", Some(""), ""),
        ] {
            assert_eq!(
                take_apart(typed),
                (repository.map(str::to_owned), text.to_owned()),
                "{typed}"
            );
        }
    }
}
