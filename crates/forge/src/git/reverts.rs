//! What a commit message takes back. Pure.
//!
//! Owns the reading of "This reverts commit …" as `git revert` writes it, its forms for merges, and GitHub's
//! "Reverts owner/repository#12". Which commit a short SHA or a pull request's number stands for is not decided here.

/// One thing that a message takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// A commit, by its SHA or at least seven digits of it.
    Commit(String),
    /// A pull request of this repository.
    PullRequest(u64),
}

/// Everything that a message takes back; `path` is the repository's path on its host, such as `shop/api`.
pub(crate) fn taken_back(message: &str, path: &str) -> Vec<TakenBack> {
    let mut found = Vec::new();
    // Messages are wrapped by hand and by tools: the sentence may run over a line's end.
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find("reverts ") {
        let start = from + at + "reverts ".len();
        from = start;
        let word_before = lower[..start - "reverts ".len()].chars().next_back();
        if word_before.is_some_and(|c| c.is_alphanumeric()) {
            continue;
        }
        let rest = &text[start..];
        let lower_rest = &lower[start..];
        let commits = ["commits ", "commit "]
            .iter()
            .find_map(|word| lower_rest.strip_prefix(word).map(|_| &rest[word.len()..]));
        if let Some(commits) = commits {
            found.extend(shas(commits).into_iter().map(TakenBack::Commit));
        } else if let Some(number) = pull_request(rest, path) {
            found.push(TakenBack::PullRequest(number));
        } else if let Some(sha) = sha(rest.split(' ').next().unwrap_or_default()) {
            found.push(TakenBack::Commit(sha));
        }
    }
    found.dedup();
    found
}

/// The pull request that a commit on the releasing branch landed, from its subject: `Title (#12)` for a squash or
/// rebase, `Merge pull request #12 from …` for a merge.
pub(crate) fn landed(subject: &str) -> Option<u64> {
    if let Some(rest) = subject.strip_prefix("Merge pull request #") {
        return rest.split(' ').next()?.parse().ok();
    }
    let inner = subject.trim_end().strip_suffix(')')?;
    let (_, number) = inner.rsplit_once("(#")?;
    number.parse().ok()
}

/// `3f2c1ab, 77aa001 and 9bc…`: SHAs until something that is none.
fn shas(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split([' ', ',']) {
        match word {
            "" | "and" | "&" => {}
            word => match sha(word) {
                Some(sha) => found.push(sha),
                None => break,
            },
        }
    }
    found
}

fn sha(word: &str) -> Option<String> {
    // Some tools link the SHA: `shop/api@3f2c1ab`.
    let word = word.rsplit_once('@').map_or(word, |(_, sha)| sha);
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_sha = (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    is_sha.then(|| word.to_ascii_lowercase())
}

/// `#12`, `shop/api#12` or `https://host/shop/api/pull/12`, of this repository.
fn pull_request(text: &str, path: &str) -> Option<u64> {
    let word = text.split(' ').next()?;
    let word = word.trim_end_matches(['.', ',', ')', ';']);
    if let Some((repository, number)) = word.split_once('#') {
        let ours = repository.is_empty() || repository.eq_ignore_ascii_case(path);
        return if ours { number.parse().ok() } else { None };
    }
    let (before, number) = word.rsplit_once("/pull/")?;
    let ours = before
        .to_ascii_lowercase()
        .ends_with(&path.to_ascii_lowercase());
    if ours { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3f2c1ab93d0e4b7a8c6d5e4f3a2b1c0d9e8f7a6b";

    fn commit(sha: &str) -> TakenBack {
        TakenBack::Commit(sha.to_owned())
    }

    #[test]
    fn gits_own_words() {
        let message = format!("Revert \"Charge twice\"\n\nThis reverts commit {SHA}.\n");
        assert_eq!(taken_back(&message, "shop/api"), [commit(SHA)]);
    }

    #[test]
    fn a_reverted_merge_names_the_merge_and_not_what_it_was_merged_into() {
        let message = format!(
            "Revert \"Merge\"\n\nThis reverts commit {SHA}, reversing\nchanges made to 77aa00177aa00177aa00177aa00177aa00177aa0.\n"
        );
        assert_eq!(taken_back(&message, "shop/api"), [commit(SHA)]);
    }

    #[test]
    fn short_several_and_wrapped() {
        assert_eq!(
            taken_back(
                "Undo\n\nthis reverts commits 3f2c1ab, 77aa001\nand 9bc0de1.",
                "p/q"
            ),
            [commit("3f2c1ab"), commit("77aa001"), commit("9bc0de1")]
        );
        assert_eq!(
            taken_back("x\n\nThis reverts commit\n3F2C1AB.", "p/q"),
            [commit("3f2c1ab")]
        );
        assert_eq!(
            taken_back("Reverts shop/api@3f2c1ab", "shop/api"),
            [commit("3f2c1ab")]
        );
        assert_eq!(taken_back("This reverts commit 3f2c1.", "p/q"), []);
    }

    #[test]
    fn githubs_button_names_the_pull_request() {
        for message in [
            "Revert \"Charge twice\" (#14)\n\nReverts shop/api#12",
            "Revert \"Charge twice\"\n\nReverts #12.",
            "Revert\n\nReverts https://github.com/shop/api/pull/12",
        ] {
            assert_eq!(
                taken_back(message, "shop/api"),
                [TakenBack::PullRequest(12)],
                "{message}"
            );
        }
        assert_eq!(taken_back("Reverts other/repo#12", "shop/api"), []);
    }

    #[test]
    fn talk_about_reverting_reverts_nothing() {
        assert_eq!(taken_back("Explain what reverts commit to", "p/q"), []);
        assert_eq!(taken_back("It reverts to the old way", "p/q"), []);
        assert_eq!(taken_back("unreverts commit 3f2c1ab", "p/q"), []);
        assert_eq!(taken_back("Überreverts commit 3f2c1ab; ß", "p/q"), []);
    }

    #[test]
    fn how_a_pull_request_landed_stands_in_the_subject() {
        assert_eq!(landed("Charge once (#12)"), Some(12));
        assert_eq!(landed("Merge pull request #12 from shop/fix"), Some(12));
        assert_eq!(landed("Fix (#12) for real"), None);
        assert_eq!(landed("Fix"), None);
    }
}
