//! What a person typed to name a commit, taken apart. Pure.
//!
//! Owns the forms: SHAs, branches, tags, numbers, links, issue keys. What they stand for is decided by who looks.

use facts::code::repository_key;

/// No repository has had so many pull requests; longer bare numbers are of CI runs, or the beginning of a SHA.
const MAX_PULL: u64 = 1_000_000;

/// Everything that a text may mean; several may be true at once. Nothing at all means the repository itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meanings {
    /// The beginning of a SHA, in lower case, four digits or more.
    pub(crate) sha: Option<String>,
    /// A branch's or tag's name.
    pub(crate) name: Option<String>,
    /// A pull request's number; a bare number may only be one if it is below [`MAX_PULL`].
    pub(crate) pull: Option<u64>,
    /// A CI run's number.
    pub(crate) run: Option<u64>,
    /// An issue's key, in upper case.
    pub(crate) issue: Option<String>,
    /// Whether a number was written such that it can only be that: `#12`, `run 7`, a link.
    pub(crate) certain: bool,
}

/// Takes a text apart; `None` if it is a link to another repository.
pub(crate) fn meanings(text: &str, repository: &str) -> Option<Meanings> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Meanings::default());
    }
    if text.contains("://") {
        return link(text, repository);
    }
    if let Some((before, number)) = text.split_once('#')
        && let Ok(number) = number.parse()
    {
        // `#12`, or `shop/api#12` of this repository.
        let ours = before.is_empty()
            || repository
                .split_once('/')
                .is_some_and(|(_, path)| path.eq_ignore_ascii_case(before));
        return ours.then(|| pull(number));
    }
    if let Some(number) = text.strip_prefix("run ") {
        return Some(match number.trim().parse() {
            Ok(number) => run(number),
            Err(_) => Meanings {
                certain: true,
                ..Meanings::default()
            },
        });
    }
    let number = text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
    let name = [
        "refs/heads/",
        "refs/tags/",
        "refs/remotes/origin/",
        "origin/",
    ]
    .iter()
    .find_map(|prefix| text.strip_prefix(prefix))
    .unwrap_or(text);
    Some(Meanings {
        sha: sha(text),
        name: Some(name.to_owned()),
        pull: number.filter(|number| *number < MAX_PULL),
        run: number,
        issue: issue(text),
        certain: false,
    })
}

fn pull(number: u64) -> Meanings {
    Meanings {
        pull: Some(number),
        certain: true,
        ..Meanings::default()
    }
}

fn run(number: u64) -> Meanings {
    Meanings {
        run: Some(number),
        certain: true,
        ..Meanings::default()
    }
}

fn link(text: &str, repository: &str) -> Option<Meanings> {
    let text = text.split(['?', '#']).next().unwrap_or(text);
    let key = repository_key(text);
    let rest = key
        .get(..repository.len())
        .filter(|start| start.eq_ignore_ascii_case(repository))
        .and_then(|_| key.get(repository.len()..))?;
    let mut parts = rest.strip_prefix('/').unwrap_or(rest).split('/');
    let first = parts.next().unwrap_or_default();
    let rest = parts.collect::<Vec<_>>();
    let meanings = match (first, rest.as_slice()) {
        ("", []) if !rest.is_empty() || key.len() == repository.len() => Meanings::default(),
        ("pull", [_, "commits", one, ..]) | ("commit" | "commits", [one, ..])
            if sha(one).is_some() =>
        {
            Meanings {
                sha: sha(one),
                ..Meanings::default()
            }
        }
        ("pull" | "pulls", [number, ..]) => pull(number.parse().ok()?),
        ("actions", ["runs", number, ..]) => run(number.parse().ok()?),
        ("tree" | "commits", name) if !name.is_empty() => Meanings {
            name: Some(name.join("/")),
            sha: sha(&name.join("/")),
            ..Meanings::default()
        },
        ("releases", ["tag", name @ ..]) if !name.is_empty() => Meanings {
            name: Some(name.join("/")),
            ..Meanings::default()
        },
        _ => return None,
    };
    Some(meanings)
}

fn sha(text: &str) -> Option<String> {
    let is_sha = (4..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_sha.then(|| text.to_ascii_lowercase())
}

/// `ABC-12`: letters and digits beginning with a letter, a dash, a number.
fn issue(text: &str) -> Option<String> {
    let (project, number) = text.split_once('-')?;
    let is_key = (2..=20).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_alphabetic())
        && project
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !number.is_empty()
        && number.len() <= 10
        && number.bytes().all(|b| b.is_ascii_digit());
    is_key.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "github.com/shop/api";

    fn of(text: &str) -> Meanings {
        meanings(text, OURS).unwrap()
    }

    #[test]
    fn one_text_may_mean_several_things() {
        let number = of("1234567");
        assert_eq!(number.sha.as_deref(), Some("1234567"));
        assert_eq!(
            (number.pull, number.run),
            (None, Some(1_234_567)),
            "no pull request has such a number"
        );
        assert!(!number.certain);
        let word = of("cafe");
        assert_eq!(
            (word.sha.as_deref(), word.name.as_deref(), word.pull),
            (Some("cafe"), Some("cafe"), None)
        );
        assert_eq!(of("3F2C").sha.as_deref(), Some("3f2c"));
        assert_eq!(of("abc").sha, None);
        assert_eq!(of("12").pull, Some(12));
    }

    #[test]
    fn written_numbers_are_certain() {
        assert_eq!(of("#12"), pull(12));
        assert_eq!(of("shop/api#12"), pull(12));
        assert_eq!(of("run 4807"), run(4_807));
        assert_eq!(meanings("other/repo#12", OURS), None);
        assert_eq!(
            of("run away"),
            Meanings {
                certain: true,
                ..Meanings::default()
            }
        );
    }

    #[test]
    fn links_of_this_repository_and_no_other() {
        assert_eq!(
            of("https://github.com/shop/api/pull/12/files#diff"),
            pull(12)
        );
        assert_eq!(
            of("https://GitHub.com/shop/api/actions/runs/99/job/5?pr=1"),
            run(99)
        );
        assert_eq!(
            of("https://github.com/shop/api/commit/3f2c1ab")
                .sha
                .as_deref(),
            Some("3f2c1ab")
        );
        assert_eq!(
            of("https://github.com/shop/api/pull/12/commits/3f2c1ab")
                .sha
                .as_deref(),
            Some("3f2c1ab")
        );
        assert_eq!(
            of("https://github.com/shop/api/tree/feature/x")
                .name
                .as_deref(),
            Some("feature/x")
        );
        assert_eq!(
            of("https://github.com/shop/api/releases/tag/v1")
                .name
                .as_deref(),
            Some("v1")
        );
        assert_eq!(of("https://github.com/shop/api"), Meanings::default());
        assert_eq!(
            meanings("https://github.com/shop/api-v2/pull/1", OURS),
            None
        );
        assert_eq!(meanings("https://github.com/other/x/pull/1", OURS), None);
        assert_eq!(meanings("https://github.com/shop/api/wiki", OURS), None);
    }

    #[test]
    fn issue_keys() {
        assert_eq!(of("SHOP-12").issue.as_deref(), Some("SHOP-12"));
        assert_eq!(of("shop-12").issue.as_deref(), Some("SHOP-12"));
        assert_eq!(of("fix-the-cart").issue, None);
        assert_eq!(of("1-2").issue, None);
    }

    #[test]
    fn names_lose_their_prefixes() {
        assert_eq!(of("origin/main").name.as_deref(), Some("main"));
        assert_eq!(of("refs/tags/v1").name.as_deref(), Some("v1"));
        assert_eq!(of(" main ").name.as_deref(), Some("main"));
    }
}
