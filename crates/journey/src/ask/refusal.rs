//! What is said to somebody whose ask names nothing, or too much.
//!
//! Owns the words of those errors and their hints; foreign text in them is made harmless.

use std::collections::{BTreeMap, BTreeSet};

use api::error::Code;
use facts::Reach;
use facts::code::ResolvedBy;

use super::Question;
use crate::discover::{Found, Target};
use crate::images::is_hex;
use crate::missing::unread;
use crate::nearest::nearest;
use crate::view::{Gap, View};

pub fn unknown_name<'a>(
    view: &View<'_>,
    all: &[Target<'_>],
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
    let whole = unread(view, found(all), None).is_empty();
    let message = match (list.is_empty(), whole) {
        (true, true) => format!("There is no {what} {shown}: none was found at all."),
        (true, false) => format!("No {what} was found in what could be read, nor {shown}."),
        (false, true) => format!(
            "There is no {what} {shown}. There are: {}.",
            list.join(", ")
        ),
        (false, false) => format!(
            "No {what} {shown} was found in what could be read. Found: {}.",
            list.join(", ")
        ),
    };
    let error = api::Error::new(Code::UnknownName, message);
    let error = match did_you_mean(name, names) {
        Some(hint) => error.hint(hint),
        None => error,
    };
    unsure(view, all, error)
}

/// Where something could not be read, not finding a thing proves nothing: the error becomes one about reading, with
/// what was not read as its hint, and may go away by itself.
pub fn unsure(view: &View<'_>, all: &[Target<'_>], mut error: api::Error) -> api::Error {
    let gaps = unread(view, found(all), None);
    if gaps.is_empty() {
        return error;
    }
    let silent = |reach: &Reach| matches!(reach, Reach::Unreachable { .. } | Reach::Lost { .. });
    error.code = if view.places().any(|place| silent(place.reach())) {
        Code::Unreachable
    } else {
        Code::Denied
    };
    let lines: Vec<String> = gaps
        .iter()
        .take(3)
        .map(|gap| gap.text(|at| at.to_string()))
        .collect();
    error.hint(lines.join("\n")).retryable()
}

fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = nearest(name, names);
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

pub fn ambiguous(
    view: &View<'_>,
    text: &str,
    candidates: &BTreeMap<(String, String), Vec<ResolvedBy>>,
) -> api::Error {
    const SHOWN: usize = 20;
    let mut lines = Vec::new();
    for ((key, sha), by) in candidates.iter().take(SHOWN) {
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
    if candidates.len() > SHOWN {
        lines.push(format!("and {} more", candidates.len() - SHOWN));
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

/// What is asked for is there, and not where the ask looks for it.
pub fn elsewhere(
    text: &str,
    candidates: &BTreeMap<(String, String), Vec<ResolvedBy>>,
    asked: &str,
) -> api::Error {
    let keys: BTreeSet<&str> = candidates.keys().map(|(key, _)| key.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().take(3).collect();
    let is_sha = candidates
        .values()
        .flatten()
        .all(|by| *by == ResolvedBy::Sha);
    let what = if is_sha { "is" } else { "stands for" };
    let shown = api::headline::plain(text, 80);
    let shown = if is_sha {
        api::headline::short(&shown)
    } else {
        &shown
    };
    api::Error::new(
        Code::UnknownAsk,
        format!(
            "{shown} {what} a commit of {}, not of {asked}.",
            keys.join(" and of ")
        ),
    )
    .hint("Ask for it without naming an app or a repository (in the terminal: without --app and --repo).")
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

pub fn unknown(
    view: &View<'_>,
    all: &[Target<'_>],
    question: &Question,
    keys: &[String],
    gaps: &[Gap],
) -> api::Error {
    let text = api::headline::plain(&question.text, 80);
    let looked = match keys {
        [] => "no repository is known to look in".to_owned(),
        [one] => format!("looked in {one}"),
        [first, second, third] => format!("looked in {first}, {second} and {third}"),
        [first, second, ..] => format!(
            "looked in {} repositories ({first}, {second}, …)",
            keys.len()
        ),
    };
    let message = format!(
        "{text} is no commit, branch, tag, pull request, CI run or app that is known here; {looked}."
    );
    let branches = keys.iter().flat_map(|key| view.branches(key));
    let names = all
        .iter()
        .map(|target| target.app.as_str())
        .chain(branches)
        .collect::<BTreeSet<&str>>();
    let near = did_you_mean(&question.text, names.into_iter());
    if !gaps.is_empty() {
        let error = unreadable(view, keys, &text, gaps);
        return error.hint(near.unwrap_or_default());
    }
    let hint = near.unwrap_or_else(|| {
        if question.text.len() >= 4 && is_hex(&question.text) {
            "If it is a new commit, push it first.".to_owned()
        } else {
            String::new()
        }
    });
    let error = api::Error::new(Code::UnknownAsk, message).hint(hint);
    unsure(view, all, error)
}

fn found<'t>(all: &'t [Target<'_>]) -> impl Iterator<Item = &'t Found> {
    all.iter().map(Target::found)
}

/// What a text stands for could not be looked up everywhere: that it was not found proves nothing.
pub fn unreadable(view: &View<'_>, keys: &[String], text: &str, gaps: &[Gap]) -> api::Error {
    let mut message = format!("What {text} stands for is not known.");
    for gap in gaps.iter().take(3) {
        let why = api::headline::plain(&gap.why, 200);
        message.push_str(&format!(" Not read: {why}."));
    }
    let code = match keys.iter().any(|key| view.is_denied(key)) {
        true => Code::Denied,
        false => Code::Unreachable,
    };
    api::Error::new(code, message).retryable()
}
