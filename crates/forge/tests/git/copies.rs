//! Copies: made once, fetched, rewritten, damaged, refused.

use super::*;

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
async fn what_another_process_fetched_before_a_push_does_not_hide_the_push() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    work.commit("Base", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    Reader::new(&server, cache.path()).head().await;
    let pushed = work.commit("Release", &[("a.txt", "2")]);
    work.push();
    let next = Reader::new(&server, cache.path());
    next.second.fetch_add(1, Ordering::SeqCst);
    assert_eq!(next.head().await.branches["main"], pushed);
}

#[tokio::test]
async fn a_commit_that_was_pushed_just_now_is_fetched_when_it_is_asked_about() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let base = work.commit("Base", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    reader.head().await;
    let pushed = work.commit("Release", &[("a.txt", "2")]);
    work.push();
    // The copy is still fresh by the measure of everything else.
    reader.second.fetch_add(2, Ordering::SeqCst);
    assert_eq!(
        reader.relation(&base, &pushed).await,
        Relation::Ancestor { ahead: 1 }
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
async fn after_an_outage_neither_its_failures_nor_the_copy_of_before_stand_in_the_way() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let before = work.commit("Before", &[("a.txt", "1")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    assert_eq!(reader.head().await.branches["main"], before);
    let pushed = work.commit("Meanwhile", &[("a.txt", "2")]);
    work.push();
    reader.second.fetch_add(1, Ordering::SeqCst);
    assert_eq!(reader.head().await.branches["main"], before, "still fresh");
    reader.forge.came_back();
    reader.second.fetch_add(1, Ordering::SeqCst);
    assert_eq!(reader.head().await.branches["main"], pushed);

    reader.later();
    server.seen.status.store(503, Ordering::SeqCst);
    assert!(!reader.head().await.coverage.is_whole());
    server.seen.status.store(0, Ordering::SeqCst);
    assert!(
        !reader.head().await.coverage.is_whole(),
        "not tried again yet"
    );
    reader.forge.came_back();
    reader.second.fetch_add(1, Ordering::SeqCst);
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
