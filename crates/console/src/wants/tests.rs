//! Tests only: what the book of wants asks for, forgets and asks again.

use facts::Read;
use facts::code::{DeclaredHistory, Relation, Resolved, ResolvedBy};
use facts::found::Head;

use super::*;

fn head(repository: &str) -> Want {
    Want::Repository {
        repository: repository.to_owned(),
    }
}

fn read_head(repository: &str, at: &str) -> Found {
    Found::Repository {
        repository: repository.to_owned(),
        head: Head {
            coverage: Coverage::Seen {
                as_of: Timestamp::UNIX_EPOCH,
            },
            default_branch: "main".to_owned(),
            branches: [("main".to_owned(), at.to_owned())].into(),
            reverts: BTreeMap::new(),
        },
    }
}

fn away() -> Coverage {
    Coverage::Unreachable {
        message: "code.example does not answer: connection refused".to_owned(),
    }
}

fn unread(repository: &str) -> Found {
    Found::RepositoryGap {
        repository: repository.to_owned(),
        coverage: away(),
    }
}

fn relation(repository: &str) -> Want {
    Want::Relation {
        repository: repository.to_owned(),
        a: "a".to_owned(),
        b: "b".to_owned(),
    }
}

fn related(repository: &str, relation: Relation) -> Found {
    Found::Relation {
        repository: repository.to_owned(),
        a: "a".to_owned(),
        b: "b".to_owned(),
        relation,
    }
}

fn resolve(repository: &str) -> Want {
    Want::Resolve {
        repository: repository.to_owned(),
        text: "3f2c1ab".to_owned(),
    }
}

fn resolved(repository: &str, shas: &[&str]) -> Found {
    Found::Resolve {
        repository: repository.to_owned(),
        text: "3f2c1ab".to_owned(),
        resolved: shas
            .iter()
            .map(|sha| Resolved {
                sha: (*sha).to_owned(),
                by: ResolvedBy::Sha,
            })
            .collect(),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Answers what is to be fetched now; what was fetched.
fn answer(book: &mut WantBook, want: Want, found: Found, at: Instant) -> Vec<(Want, Found)> {
    book.answered(want, found, at, Timestamp::UNIX_EPOCH)
}

fn queued(book: &mut WantBook) -> Vec<Fetch> {
    std::iter::from_fn(|| book.next()).collect()
}

fn plain(want: Want) -> Fetch {
    Fetch {
        want,
        further: false,
    }
}

#[test]
fn a_want_is_fetched_once_however_often_it_is_wanted() {
    let (mut book, now) = (WantBook::default(), Instant::now());
    book.claim(&head("a"), now);
    book.claim(&head("a"), now);
    assert_eq!(queued(&mut book), [plain(head("a"))]);
    book.claim(&head("a"), now);
    assert_eq!(book.next(), None);
    assert!(book.is_open(&head("a")));
    answer(&mut book, head("a"), read_head("a", "1"), now);
    assert!(!book.is_open(&head("a")));
    assert!(book.claim(&head("a"), now).is_some());
    assert_eq!(
        book.next(),
        None,
        "an answered want is not fetched again before its time"
    );
}

#[test]
fn what_can_change_is_refreshed_and_what_cannot_is_not() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    for want in [head("a"), relation("a")] {
        book.claim(&want, begin);
    }
    queued(&mut book);
    answer(&mut book, head("a"), read_head("a", "1"), begin);
    let contained = related("a", Relation::Ancestor { ahead: 1 });
    answer(&mut book, relation("a"), contained, begin);
    assert_eq!(book.refresh(begin), Some(begin + seconds(15)));
    book.refresh(begin + seconds(16));
    assert_eq!(queued(&mut book), [plain(head("a"))]);
}

#[test]
fn a_gap_is_asked_again_soon_even_where_a_good_answer_is_for_ever() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    book.claim(&relation("a"), begin);
    queued(&mut book);
    answer(&mut book, relation("a"), unread("a"), begin);
    let mut now = begin;
    for _ in 0..10 {
        let due = book.refresh(now).expect("it is due some time");
        assert!(due - now <= seconds(12), "{:?}", due - now);
        now = due;
        book.refresh(now);
        assert_eq!(queued(&mut book), [plain(relation("a"))]);
        answer(&mut book, relation("a"), unread("a"), now);
    }
    // What the other answer shows to be back is asked for at once.
    book.claim(&head("a"), now);
    queued(&mut book);
    answer(&mut book, head("a"), unread("a"), now);
    book.refresh(now + seconds(3));
    queued(&mut book);
    let back = now + seconds(4);
    answer(&mut book, head("a"), read_head("a", "1"), back);
    book.refresh(back);
    assert_eq!(queued(&mut book), [plain(relation("a"))]);
}

#[test]
fn heads_and_what_they_declare_of_before_an_outage_are_asked_again_when_it_ends() {
    let (mut book, now) = (WantBook::default(), Instant::now());
    let declared = Want::Declared {
        repository: "a".to_owned(),
        branch: "main".to_owned(),
        path: "./apps".to_owned(),
    };
    let history = Found::Declared {
        repository: "a".to_owned(),
        branch: "main".to_owned(),
        path: "./apps".to_owned(),
        history: Read::Known(DeclaredHistory {
            head: "1".to_owned(),
            entries: Vec::new(),
            complete: true,
            charts: Vec::new(),
        }),
    };
    let answers = [
        (head("a"), read_head("a", "1")),
        (declared.clone(), history),
        (relation("a"), related("a", Relation::Ancestor { ahead: 1 })),
    ];
    for (want, found) in answers {
        book.claim(&want, now);
        queued(&mut book);
        answer(&mut book, want, found, now);
    }
    book.refresh(now + seconds(1));
    assert_eq!(queued(&mut book), [], "all of it is fresh");
    book.came_back(now + seconds(1));
    book.refresh(now + seconds(1));
    let asked = queued(&mut book);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.contains(&plain(head("a"))) && asked.contains(&plain(declared)));
}

#[test]
fn what_a_repository_did_not_have_is_asked_again_after_a_push() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    for want in [head("a"), relation("a"), relation("other")] {
        book.claim(&want, begin);
    }
    queued(&mut book);
    answer(&mut book, head("a"), read_head("a", "1"), begin);
    for repository in ["a", "other"] {
        let none = related(repository, Relation::NoSuchCommit);
        answer(&mut book, relation(repository), none, begin);
    }
    answer(
        &mut book,
        head("a"),
        read_head("a", "2"),
        begin + seconds(1),
    );
    book.refresh(begin + seconds(1));
    assert_eq!(queued(&mut book), [plain(relation("a"))]);
    book.refresh(begin + seconds(15));
    assert!(queued(&mut book).contains(&plain(relation("other"))));
}

#[test]
fn what_was_read_stays_beside_a_later_gap_and_says_its_age() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    let want = Want::Tags {
        repository: "r".to_owned(),
    };
    let tags = |tags| Found::Tags {
        repository: "r".to_owned(),
        tags,
    };
    book.claim(&want, begin);
    queued(&mut book);
    let known = tags(Read::Known(vec!["v1".to_owned()]));
    answer(&mut book, want.clone(), known.clone(), begin);
    book.refresh(begin + seconds(30));
    queued(&mut book);
    let limit = Coverage::Failed {
        message: "code.example answers no more requests until 14:02:00 UTC".to_owned(),
    };
    let news = answer(
        &mut book,
        want.clone(),
        tags(Read::Gap(limit.clone())),
        begin + seconds(30),
    );
    assert!(news.is_empty(), "{news:?}");
    assert_eq!(book.claim(&want, begin + seconds(30)), Some(known));
    let overdue = Overdue {
        why: limit,
        read_at: Some(Timestamp::UNIX_EPOCH),
    };
    assert_eq!(book.overdue(&want), Some(overdue));
    // But a host that says no is obeyed.
    book.refresh(begin + seconds(40));
    queued(&mut book);
    let no = tags(Read::Gap(Coverage::Denied {
        message: "no".to_owned(),
    }));
    let news = answer(&mut book, want.clone(), no.clone(), begin + seconds(40));
    assert_eq!(news, [(want.clone(), no)]);
    assert_eq!(book.overdue(&want), None, "the facts say it themselves");
}

#[test]
fn what_nobody_watches_is_not_asked_again() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    book.claim(&head("a"), begin);
    book.claim(&head("b"), begin);
    queued(&mut book);
    answer(&mut book, head("a"), read_head("a", "1"), begin);
    answer(&mut book, head("b"), read_head("b", "1"), begin);
    let b = head("b");
    book.watched(&BTreeSet::from([&b]), begin);
    book.refresh(begin + seconds(60));
    assert_eq!(queued(&mut book), [plain(head("b"))]);
    // Somebody who comes back finds what was known, and it is read again before it counts.
    assert!(book.claim(&head("a"), begin + seconds(60)).is_some());
    assert!(book.is_open(&head("a")));
    assert_eq!(queued(&mut book), [plain(head("a"))]);
    answer(
        &mut book,
        head("a"),
        read_head("a", "1"),
        begin + seconds(60),
    );
    book.watched(&BTreeSet::from([&b]), begin + seconds(60));
    book.watched(&BTreeSet::from([&b]), begin + seconds(400));
    assert_eq!(book.claim(&head("a"), begin + seconds(400)), None);
}

#[test]
fn a_sha_is_looked_for_on_code_hosts_only_if_no_copy_has_it() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    for repository in ["a", "b", "c"] {
        book.claim(&resolve(repository), begin);
    }
    queued(&mut book);
    assert!(answer(&mut book, resolve("a"), resolved("a", &[]), begin).is_empty());
    assert!(book.is_open(&resolve("a")), "not answered yet");
    let news = answer(&mut book, resolve("b"), resolved("b", &["1"]), begin);
    assert_eq!(
        news,
        [
            (resolve("b"), resolved("b", &["1"])),
            (resolve("a"), resolved("a", &[]))
        ]
    );
    let news = answer(&mut book, resolve("c"), resolved("c", &[]), begin);
    assert_eq!(news, [(resolve("c"), resolved("c", &[]))]);
    assert_eq!(book.next(), None);
}

#[test]
fn a_sha_that_no_host_knows_is_not_asked_there_again_for_minutes() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    for repository in ["a", "b"] {
        book.claim(&resolve(repository), begin);
    }
    queued(&mut book);
    for repository in ["a", "b"] {
        let news = answer(
            &mut book,
            resolve(repository),
            resolved(repository, &[]),
            begin,
        );
        assert!(news.is_empty());
    }
    let further = |repository| Fetch {
        want: resolve(repository),
        further: true,
    };
    assert_eq!(queued(&mut book), [further("a"), further("b")]);
    for repository in ["a", "b"] {
        let none = resolved(repository, &[]);
        let news = answer(&mut book, resolve(repository), none.clone(), begin);
        assert_eq!(news, [(resolve(repository), none)]);
    }
    let mut now = begin;
    let mut asked_hosts = 0;
    for _ in 0..19 {
        now += seconds(15);
        book.refresh(now);
        for Fetch { want, further } in queued(&mut book) {
            asked_hosts += u32::from(further);
            let Want::Resolve { repository, .. } = &want else {
                continue;
            };
            let none = resolved(repository, &[]);
            answer(&mut book, want.clone(), none, now);
        }
    }
    assert_eq!(asked_hosts, 0);
}

#[test]
fn a_fetch_that_broke_is_tried_again() {
    let (mut book, begin) = (WantBook::default(), Instant::now());
    book.claim(&head("a"), begin);
    queued(&mut book);
    book.broke(&head("a"), begin);
    assert!(book.is_open(&head("a")));
    let due = book.refresh(begin).expect("it is due some time");
    book.refresh(due);
    assert_eq!(queued(&mut book), [plain(head("a"))]);
}

#[test]
fn the_budget_holds() {
    let (mut book, now) = (WantBook::default(), Instant::now());
    for number in 0..30 {
        book.claim(&head(&number.to_string()), now);
    }
    assert_eq!(queued(&mut book).len(), AT_ONCE);
    assert!(book.is_open(&head("29")));
}
