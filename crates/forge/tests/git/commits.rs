//! Commits: what texts stand for, who contains whom, what was taken back, which files were touched.

use super::*;

#[tokio::test]
async fn texts_stand_for_what_they_name() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let first = work.commit("SHOP-12: charge once", &[("a.txt", "1")]);
    let landed = work.commit("Charge twice (#12)", &[("a.txt", "2")]);
    work.git(&["checkout", "-q", "-b", "feature/x"]);
    let feature = work.commit("Work on SHOP-12 and SHOP-123", &[("b.txt", "1")]);
    work.git(&["tag", "v1"]);
    work.git(&["checkout", "-q", "main"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let message = |sha: &str, key: &str| Resolved {
        sha: sha.to_owned(),
        by: ResolvedBy::Message(key.to_owned()),
    };

    assert_eq!(reader.resolve(&first).await, [by_sha(&first)]);
    assert_eq!(
        reader.resolve(&first[..7].to_uppercase()).await,
        [by_sha(&first)]
    );
    assert_eq!(
        reader.resolve("").await,
        [Resolved {
            sha: landed.clone(),
            by: ResolvedBy::Branch("main".to_owned())
        }]
    );
    assert_eq!(
        reader.resolve("feature/x").await,
        [Resolved {
            sha: feature.clone(),
            by: ResolvedBy::Branch("feature/x".to_owned())
        }]
    );
    assert_eq!(
        reader.resolve("v1").await,
        [Resolved {
            sha: feature.clone(),
            by: ResolvedBy::Tag("v1".to_owned())
        }]
    );
    // On the releasing branch first.
    assert_eq!(
        reader.resolve("shop-12").await,
        [message(&first, "SHOP-12"), message(&feature, "SHOP-12")]
    );
    // Without an API the landing's own message tells.
    assert_eq!(
        reader.resolve("#12").await,
        [Resolved {
            sha: landed,
            by: ResolvedBy::PullRequest(12)
        }]
    );
    assert_eq!(reader.resolve("nothing").await, []);
    assert_eq!(reader.resolve("0000000").await, []);
    let other = "https://code.shop.example/other/x/pull/1";
    assert_eq!(reader.resolve(other).await, []);
    // A number that only the code host knows, and it has no API: that is a gap, and not "nothing".
    let found = reader.forge.find(&resolve("#99")).await;
    let Found::RepositoryGap { coverage, .. } = found else {
        panic!("{found:?}");
    };
    assert!(
        coverage.gap("it").unwrap().contains("add `api`"),
        "{coverage:?}"
    );
}

#[tokio::test]
async fn an_ambiguous_beginning_names_every_commit() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let mut all = Vec::new();
    // 600 commits: two of them share their first four digits in all but one of 60 cases, and the dates are fixed.
    let mut import = String::new();
    for number in 0..600 {
        import.push_str(&format!(
            "commit refs/heads/main\ncommitter Ada <a@b.c> {} +0000\ndata 3\n{number:03}\n",
            1_700_000_000 + number
        ));
    }
    random::import(&work.bare, &import);
    for sha in server::git(&work.bare, &["rev-list", "main"]).lines() {
        all.push(sha.to_owned());
    }
    all.sort();
    let pair = all
        .windows(2)
        .find(|pair| pair[0][..4] == pair[1][..4])
        .unwrap();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let expected = all
        .iter()
        .filter(|sha| sha[..4] == pair[0][..4])
        .map(|sha| by_sha(sha))
        .collect::<Vec<_>>();
    assert!(expected.len() >= 2);
    assert_eq!(reader.resolve(&pair[0][..4]).await, expected);
}

#[tokio::test]
async fn a_commit_says_who_when_and_on_which_branches() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let base = work.commit("Base\n\nBody", &[("a.txt", "1")]);
    work.git(&["branch", "a-first-by-name"]);
    work.git(&["checkout", "-q", "-b", "topic"]);
    let topic = work.commit("Topic", &[("b.txt", "1")]);
    work.git(&["checkout", "-q", "main"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let Read::Known(commit) = reader.commit(&base).await else {
        panic!("not known");
    };
    assert_eq!(commit.subject, "Base");
    assert_eq!(commit.author, "Ada");
    assert_eq!(commit.branches, ["main", "a-first-by-name", "topic"]);
    let Read::Known(commit) = reader.commit(&topic).await else {
        panic!("not known");
    };
    assert_eq!(commit.parents, [base]);
    assert_eq!(commit.branches, ["topic"]);
    assert_eq!(reader.commit(&"1".repeat(40)).await, Read::Missing);
    assert_eq!(reader.commit("main").await, Read::Missing);
}

#[tokio::test]
async fn reverts_name_what_they_take_back_and_whole_merges() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    work.commit("Base", &[("a.txt", "1")]);
    let bad = work.commit("Bad", &[("b.txt", "1")]);
    let worse = work.commit("Worse (#7)", &[("c.txt", "1")]);
    work.git(&["checkout", "-q", "-b", "topic"]);
    let inner = work.commit("Inner", &[("d.txt", "1")]);
    work.git(&["checkout", "-q", "main"]);
    work.git(&["merge", "-q", "--no-ff", "-m", "Merge topic", "topic"]);
    let merge = work.git(&["rev-parse", "HEAD"]);
    work.git(&["revert", "--no-edit", &bad]);
    let revert_bad = work.git(&["rev-parse", "HEAD"]);
    work.git(&["revert", "--no-edit", "-m", "1", &merge]);
    let revert_merge = work.git(&["rev-parse", "HEAD"]);
    let revert_pull = work.commit("Revert \"Worse\" (#8)\n\nReverts shop/api#7", &[]);
    // Talk about a commit that is not below takes nothing back.
    work.commit(
        "This reverts commit ffffffffffffffffffffffffffffffffffffffff",
        &[],
    );
    work.git(&["checkout", "-q", "-b", "elsewhere"]);
    work.git(&["revert", "--no-edit", &revert_bad]);
    let elsewhere = work.git(&["rev-parse", "HEAD"]);
    work.git(&["checkout", "-q", "main"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reverts = Reader::new(&server, cache.path()).head().await.reverts;
    let by = |sha: &str| reverts.get(sha).map(|revert| revert.by.as_str());
    assert_eq!(by(&bad), Some(revert_bad.as_str()));
    assert_eq!(by(&merge), Some(revert_merge.as_str()));
    assert_eq!(by(&inner), Some(revert_merge.as_str()));
    assert_eq!(by(&worse), Some(revert_pull.as_str()));
    // On another branch, where it counts for what that branch releases.
    assert_eq!(by(&revert_bad), Some(elsewhere.as_str()));
    assert_eq!(reverts.len(), 5);
    assert_eq!(reverts[&bad].author, "Ada");
}

#[tokio::test]
async fn a_commit_that_is_reverted_twice_has_both_reverts() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    work.commit("Base", &[("a.txt", "1")]);
    let bad = work.commit("Bad", &[("b.txt", "1")]);
    work.git(&["branch", "hotfix"]);
    work.git(&["revert", "--no-edit", &bad]);
    let first = work.git(&["rev-parse", "HEAD"]);
    work.git(&["revert", "--no-edit", &first]);
    let back = work.git(&["rev-parse", "HEAD"]);
    let second = work.commit(&format!("Again\n\nThis reverts commit {}.", &bad[..9]), &[]);
    work.git(&["checkout", "-q", "hotfix"]);
    work.git(&["revert", "--no-edit", &bad]);
    let hotfix = work.git(&["rev-parse", "HEAD"]);
    work.git(&["checkout", "-q", "main"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let by = |revert: &facts::code::Revert| {
        let others = revert.others.iter().map(|other| other.by.clone());
        std::iter::once(revert.by.clone())
            .chain(others)
            .collect::<Vec<_>>()
    };
    let reverts = reader.head().await.reverts;
    assert_eq!(by(&reverts[&bad]), [second.clone(), first.clone(), hotfix]);
    assert_eq!(by(&reverts[&first]), [back]);
    // What was read once is joined by what is new.
    let third = work.commit(&format!("And again\n\nThis reverts commit {bad}."), &[]);
    work.push();
    reader.later();
    assert_eq!(by(&reader.head().await.reverts[&bad])[..2], [third, second]);
}

#[tokio::test]
async fn relations_and_branches_agree_with_git_on_a_random_history() {
    let server = Server::start().await;
    let mut kinds = HashSet::new();
    for seed in [1, 2, 3] {
        let work = server.repository(&format!("shop/api{seed}"));
        let mut random = random::Random(seed);
        random::import(&work.bare, &random::history(&mut random, 600, 8));
        let commits = server::git(&work.bare, &["rev-list", "--all"]);
        let commits = commits.lines().collect::<Vec<_>>();
        assert!(commits.len() > 200);
        let cache = tempfile::tempdir().unwrap();
        let reader = Reader::new(&server, cache.path());
        let repository = format!("{REPOSITORY}{seed}");
        for _ in 0..120 {
            let (a, b) = (random.one(&commits), random.one(&commits));
            // Git's own `rev-list --count a..b` miscounts where clocks were wrong; a plain list is always whole.
            let all = |of: &str| -> HashSet<String> {
                let list = server::git(&work.bare, &["rev-list", of]);
                list.lines().map(ToOwned::to_owned).collect()
            };
            let (with_a, with_b) = (all(a), all(b));
            let count = |one: &HashSet<String>, other: &HashSet<String>| -> u32 {
                other.difference(one).count().try_into().unwrap()
            };
            let expected = match (count(&with_b, &with_a), count(&with_a, &with_b)) {
                _ if a == b => Relation::Same,
                (0, ahead) => Relation::Ancestor { ahead },
                (ahead, 0) => Relation::Descendant { ahead },
                (behind, ahead) => Relation::Diverged { ahead, behind },
            };
            let want = Want::Relation {
                repository: repository.clone(),
                a: a.to_owned(),
                b: b.to_owned(),
            };
            let Found::Relation { relation, .. } = reader.forge.find(&want).await else {
                panic!("no relation");
            };
            assert_eq!(relation, expected, "seed {seed}: {a} to {b}");
            assert_eq!(relation.is_contained(), Some(with_b.contains(a)));
            kinds.insert(std::mem::discriminant(&relation));
        }
        for _ in 0..20 {
            let sha = random.one(&commits);
            let expected = server::git(
                &work.bare,
                &[
                    "for-each-ref",
                    "--contains",
                    sha,
                    "--format=%(refname:short)",
                    "refs/heads",
                ],
            );
            let want = Want::Commit {
                repository: repository.clone(),
                sha: sha.to_owned(),
            };
            let Found::Commit {
                commit: Read::Known(mut commit),
                ..
            } = reader.forge.find(&want).await
            else {
                panic!("no commit");
            };
            commit.branches.sort();
            assert_eq!(commit.branches, expected.lines().collect::<Vec<_>>());
        }
    }
    assert_eq!(
        kinds.len(),
        4,
        "same, ancestor, descendant and diverged all came up"
    );
}

#[tokio::test]
async fn touched_files_agree_with_git() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let mut all = vec![work.commit("Root", &[("a/b/c.txt", "1"), ("d.txt", "1")])];
    all.push(work.commit("Folder becomes file", &[("a/b/c.txt", "")]));
    all.push(work.commit("And more", &[("a", "file now"), ("ü/ß.txt", "1")]));
    all.push({
        work.git(&["mv", "d.txt", "e.txt"]);
        work.commit("Renamed", &[])
    });
    all.push({
        work.git(&["update-index", "--chmod=+x", "e.txt"]);
        work.git(&["commit", "-q", "-m", "Mode"]);
        work.git(&["reset", "-q", "--hard"]);
        work.git(&["rev-parse", "HEAD"])
    });
    work.git(&["checkout", "-q", "-b", "topic", "HEAD~2"]);
    work.commit("Topic", &[("t.txt", "1")]);
    work.git(&["checkout", "-q", "main"]);
    work.git(&["merge", "-q", "--no-ff", "-m", "Merge", "topic"]);
    all.push(work.git(&["rev-parse", "HEAD"]));
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    for sha in &all {
        let parent = format!("{sha}^1");
        let arguments = if sha == &all[0] {
            vec![
                "diff-tree",
                "-r",
                "--root",
                "--no-commit-id",
                "--name-only",
                "-z",
                sha.as_str(),
            ]
        } else {
            vec![
                "diff-tree",
                "-r",
                "--no-renames",
                "--name-only",
                "-z",
                &parent,
                sha.as_str(),
            ]
        };
        let expected = server::git(&work.bare, &arguments);
        let mut expected = expected
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>();
        expected.sort();
        assert_eq!(reader.touched(sha).await, Read::Known(expected), "{sha}");
    }
    assert_eq!(reader.touched(&"1".repeat(40)).await, Read::Missing);
}
