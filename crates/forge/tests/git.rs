//! The forge against real Git: a real server, repositories made by real `git`, and `git` itself as the judge.

#[path = "git/random.rs"]
mod random;
#[path = "git/server.rs"]
mod server;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use facts::code::{Commit, DeclaredHistory, Relation, Resolved, ResolvedBy};
use facts::found::Head;
use facts::{Coverage, Found, Read, Want};
use forge::{CodeHost, Config, Forge};
use jiff::Timestamp;

use server::Server;

const HOST: &str = "code.shop.example";
const REPOSITORY: &str = "code.shop.example/shop/api";

/// A forge whose clock stands until it is told to go on.
struct Reader {
    forge: Forge,
    second: Arc<AtomicI64>,
}

impl Reader {
    fn new(server: &Server, cache: &Path) -> Self {
        let second = Arc::new(AtomicI64::new(2_000_000_000));
        let now = Arc::clone(&second);
        let config = Config {
            code_hosts: vec![CodeHost {
                host: HOST.to_owned(),
                address: Some(server.url.parse().unwrap()),
                api: None,
                token: None,
            }],
            registries: Vec::new(),
            cache: cache.to_owned(),
            fresh_for: Duration::from_secs(60),
        };
        let forge = Forge::with_clock(config, move || {
            Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap()
        })
        .unwrap();
        Self { forge, second }
    }

    /// Makes every answer old.
    fn later(&self) {
        self.second.fetch_add(61, Ordering::SeqCst);
    }

    async fn head(&self) -> Head {
        let want = Want::Repository {
            repository: REPOSITORY.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Repository { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    async fn resolve(&self, text: &str) -> Vec<Resolved> {
        match self.forge.find(&resolve(text)).await {
            Found::Resolve { resolved, .. } => resolved,
            other => panic!("{other:?}"),
        }
    }

    async fn commit(&self, sha: &str) -> Read<Commit> {
        let want = Want::Commit {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Commit { commit, .. } => commit,
            other => panic!("{other:?}"),
        }
    }

    async fn relation(&self, a: &str, b: &str) -> Relation {
        let want = Want::Relation {
            repository: REPOSITORY.to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Relation { relation, .. } => relation,
            other => panic!("{other:?}"),
        }
    }

    async fn touched(&self, sha: &str) -> Read<Vec<String>> {
        let want = Want::Touched {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Touched { paths, .. } => paths,
            other => panic!("{other:?}"),
        }
    }

    async fn declared(&self, path: &str) -> DeclaredHistory {
        let want = Want::Declared {
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            path: path.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Declared {
                history: Read::Known(history),
                ..
            } => history,
            other => panic!("{other:?}"),
        }
    }
}

fn resolve(text: &str) -> Want {
    Want::Resolve {
        repository: REPOSITORY.to_owned(),
        text: text.to_owned(),
    }
}

fn by_sha(sha: &str) -> Resolved {
    Resolved {
        sha: sha.to_owned(),
        by: ResolvedBy::Sha,
    }
}

#[tokio::test]
async fn a_repository_is_cloned_once_and_then_fetched() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let first = work.commit("First", &[("a.txt", "1")]);
    work.git(&["tag", "-a", "v1", "-m", "one"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());

    let head = reader.head().await;
    assert!(
        matches!(head.coverage, Coverage::Seen { .. }),
        "{:?}",
        head.coverage
    );
    assert_eq!(head.default_branch, "main");
    assert_eq!(head.branches["main"], first);
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 1);
    // An annotated tag stands for its commit.
    assert_eq!(reader.resolve("v1").await[0].sha, first);
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 1);

    let second = work.commit("Second", &[("a.txt", "2")]);
    work.push();
    assert_eq!(reader.head().await.branches["main"], first, "still fresh");
    reader.later();
    assert_eq!(reader.head().await.branches["main"], second);
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn many_who_want_the_same_repository_share_one_fetch() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let sha = work.commit("First", &[("a.txt", "1")]);
    work.push();
    // Nothing is answered until all have asked.
    let held = server.seen.gate.acquire_many(1_000_000).await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let tasks = (0..16)
        .map(|_| {
            let forge = reader.forge.clone();
            tokio::spawn(async move { forge.find(&resolve("main")).await })
        })
        .collect::<Vec<_>>();
    tokio::task::yield_now().await;
    drop(held);
    for task in tasks {
        let Found::Resolve { resolved, .. } = task.await.unwrap() else {
            panic!("not resolved");
        };
        assert_eq!(resolved[0].sha, sha);
    }
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_start_the_fetch_anew() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let sha = work.commit("First", &[("a.txt", "1")]);
    work.push();
    let held = server.seen.gate.acquire_many(1_000_000).await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let forge = reader.forge.clone();
    let impatient = tokio::spawn(async move { forge.find(&resolve("main")).await });
    server.seen.waiting.acquire().await.unwrap().forget();
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    let forge = reader.forge.clone();
    let patient = tokio::spawn(async move { forge.find(&resolve("main")).await });
    tokio::task::yield_now().await;
    drop(held);
    let Found::Resolve { resolved, .. } = patient.await.unwrap() else {
        panic!("not resolved");
    };
    assert_eq!(resolved[0].sha, sha);
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn another_process_uses_the_same_copy() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let sha = work.commit("First", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let one = Reader::new(&server, cache.path());
    let other = Reader::new(&server, cache.path());
    let (a, b) = tokio::join!(one.head(), other.head());
    assert_eq!((&a.branches["main"], &b.branches["main"]), (&sha, &sha));
    assert_eq!(server.seen.listings.load(Ordering::SeqCst), 1);
    assert_eq!(
        server.seen.packs.load(Ordering::SeqCst),
        2,
        "one listing and one pack of version 2"
    );
}

#[tokio::test]
async fn branches_that_went_are_gone_and_history_may_be_rewritten() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let base = work.commit("Base", &[("a.txt", "1")]);
    work.git(&["branch", "topic"]);
    let lost = work.commit("Lost", &[("a.txt", "lost")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    assert_eq!(reader.head().await.branches.len(), 2);

    // A branch below the name of one that goes, and a forced push.
    work.git(&["branch", "-D", "topic"]);
    work.git(&["branch", "topic/nested", &base]);
    work.git(&["reset", "-q", "--hard", &base]);
    let new = work.commit("New", &[("a.txt", "new")]);
    work.push();
    reader.later();
    let head = reader.head().await;
    assert_eq!(
        head.branches.keys().collect::<Vec<_>>(),
        ["main", "topic/nested"]
    );
    assert_eq!(head.branches["main"], new);
    // The lost commit is known, stands where it stood, and is on no branch.
    let fresh = Reader::new(&server, cache.path());
    assert_eq!(
        fresh.relation(&lost, &new).await,
        Relation::Diverged {
            ahead: 1,
            behind: 1
        }
    );
    let Read::Known(commit) = reader.commit(&lost).await else {
        panic!("not known");
    };
    assert!(commit.branches.is_empty());
    assert_eq!(reader.resolve(&lost[..10]).await, [by_sha(&lost)]);
}

#[tokio::test]
async fn the_default_branch_may_be_renamed_or_deleted() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    work.commit("Base", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    assert_eq!(reader.head().await.default_branch, "main");

    work.git(&["branch", "-m", "main", "trunk"]);
    work.git(&["branch", "other"]);
    server::git(&work.bare, &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    work.push();
    reader.later();
    let head = reader.head().await;
    assert_eq!(head.default_branch, "trunk");
    assert_eq!(head.branches.len(), 2);

    server::git(&work.bare, &["branch", "-m", "trunk", "one"]);
    server::git(&work.bare, &["symbolic-ref", "HEAD", "refs/heads/gone"]);
    reader.later();
    let head = reader.head().await;
    assert_eq!(
        head.default_branch, "",
        "nobody said which of the two it is"
    );
    assert!(reader.resolve("").await.is_empty());
}

#[tokio::test]
async fn an_empty_repository_has_no_branch_and_may_get_one() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let head = reader.head().await;
    assert!(head.coverage.is_whole(), "{:?}", head.coverage);
    assert!(head.branches.is_empty());
    assert_eq!(reader.resolve("abcd").await, []);
    let sha = work.commit("First", &[("a.txt", "1")]);
    work.push();
    reader.later();
    assert_eq!(reader.head().await.branches["main"], sha);
}

#[tokio::test]
async fn a_repository_without_commits_on_branches_but_with_odd_tags() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let sha = work.commit("First", &[("a.txt", "1")]);
    let blob = work.git(&["rev-parse", "HEAD:a.txt"]);
    work.git(&["tag", "blob", &blob]);
    work.git(&["tag", "tree", "HEAD^{tree}"]);
    work.git(&["tag", "-a", "deep", "-m", "x"]);
    work.git(&["tag", "-a", "deeper", "-m", "x", "deep"]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    assert!(reader.head().await.coverage.is_whole());
    assert_eq!(reader.resolve("blob").await, []);
    assert_eq!(reader.resolve("tree").await, []);
    assert_eq!(reader.resolve("deeper").await[0].sha, sha);
}

#[tokio::test]
async fn a_copy_that_was_killed_half_way_is_made_again() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let sha = work.commit("First", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    Reader::new(&server, cache.path()).head().await;
    let folder = std::fs::read_dir(cache.path().join("git"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    // As a kill before the end leaves it: a clone with some files, and no snapshot.
    std::fs::remove_file(folder.join("snapshot.json")).unwrap();
    std::fs::write(folder.join("1.git/HEAD"), "ref: refs/he").unwrap();
    let reader = Reader::new(&server, cache.path());
    assert_eq!(reader.head().await.branches["main"], sha);
    assert!(folder.join("2.git").exists() && !folder.join("1.git").exists());

    // As a disk that lost a pack leaves it: a snapshot whose objects are gone.
    for entry in std::fs::read_dir(folder.join("2.git/objects/pack")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let reader = Reader::new(&server, cache.path());
    let head = reader.head().await;
    assert!(matches!(&head.coverage, Coverage::Failed { message } if message.contains("damaged")));
    reader.later();
    assert_eq!(reader.head().await.branches["main"], sha);
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_what_is_true_for_ever() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let first = work.commit("First", &[("a.txt", "1")]);
    let second = work.commit("Second", &[("a.txt", "2")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    Reader::new(&server, cache.path()).head().await;

    server.seen.status.store(503, Ordering::SeqCst);
    let reader = Reader::new(&server, cache.path());
    reader.later();
    let head = reader.head().await;
    assert_eq!(
        head.coverage,
        Coverage::Unreachable {
            message: format!("{HOST} does not answer: it answers with status 503")
        }
    );
    assert_eq!(
        reader.relation(&first, &second).await,
        Relation::Ancestor { ahead: 1 }
    );
    assert!(matches!(reader.commit(&first).await, Read::Known(_)));
    assert_eq!(reader.resolve(&first[..8]).await, [by_sha(&first)]);
    // What may have changed is not answered from the past.
    let found = reader.forge.find(&resolve("main")).await;
    assert!(matches!(found, Found::RepositoryGap { .. }), "{found:?}");
    let other = "1".repeat(40);
    assert!(matches!(
        reader.commit(&other).await,
        Read::Gap(Coverage::Unreachable { .. })
    ));
    let connection = &reader.forge.connections()[0];
    assert_eq!(connection.name, HOST);
    assert!(matches!(
        connection.state,
        api::ConnectionState::Unreachable { private: true, .. }
    ));

    // It comes back; a failure is not kept for long.
    server.seen.status.store(0, Ordering::SeqCst);
    reader.second.fetch_add(4, Ordering::SeqCst);
    assert!(reader.head().await.coverage.is_whole());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let server = Server::start().await;
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    for (status, words) in [
        (
            401,
            "code.shop.example does not let us read shop/api: it asks for a sign-in",
        ),
        (
            403,
            "code.shop.example does not let us read shop/api: it says that we may not",
        ),
        (
            404,
            "code.shop.example has no repository shop/api, or does not show it to us",
        ),
    ] {
        server.seen.status.store(status, Ordering::SeqCst);
        reader.later();
        let coverage = reader.head().await.coverage;
        let message = match &coverage {
            Coverage::Denied { message } if status != 404 => message,
            Coverage::Failed { message } if status == 404 => message,
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!(message, words);
    }
    let nowhere = reader
        .forge
        .find(&Want::Repository {
            repository: "127.0.0.1:1/shop/api".to_owned(),
        })
        .await;
    let Found::Repository { head, .. } = nowhere else {
        panic!("{nowhere:?}");
    };
    assert_eq!(
        head.coverage,
        Coverage::Unreachable {
            message: "127.0.0.1:1 does not answer: connection refused".to_owned()
        }
    );
    let nonsense = reader
        .forge
        .find(&Want::Repository {
            repository: "nonsense".to_owned(),
        })
        .await;
    assert!(
        matches!(&nonsense, Found::Repository { head, .. } if matches!(head.coverage, Coverage::Failed { .. })),
        "{nonsense:?}"
    );
}

#[tokio::test]
async fn a_server_that_wants_another_ending_gets_it() {
    for suffix in [1, 2] {
        let server = Server::start().await;
        server.seen.suffix.store(suffix, Ordering::SeqCst);
        let work = server.repository("shop/api");
        let sha = work.commit("First", &[("a.txt", "1")]);
        work.push();
        let cache = tempfile::tempdir().unwrap();
        let reader = Reader::new(&server, cache.path());
        assert_eq!(reader.head().await.branches["main"], sha);
    }
}

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

#[path = "git/declared.rs"]
mod declared;
