//! The forms of a typed ask: links, numbers, and names with a repository before them.
//!
//! Owns the taking apart. What the pieces stand for is found out above.

use crate::images::is_hex;

/// Takes a text apart into the repository it names, if it does, and what is to be resolved there.
pub fn take_apart(typed: &str) -> (Option<String>, String) {
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
