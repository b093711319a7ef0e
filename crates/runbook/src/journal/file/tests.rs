//! The journal's file under tampering, torn ends and several writers.

use super::*;
use crate::journal::{Answer, Outcome};

fn folder() -> (tempfile::TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("journal")).unwrap();
    (folder, journal)
}

fn intent(call: usize) -> Event {
    Event::Intent { step: 0, call }
}

fn add(journal: &Journal, call: usize) -> Result<Record, JournalError> {
    journal.append(Timestamp::UNIX_EPOCH, &RunId::new("r1"), &intent(call))
}

fn text(journal: &Journal) -> Vec<u8> {
    fs::read(journal.path("journal.jsonl")).unwrap()
}

fn says(error: JournalError) -> String {
    error.to_string()
}

#[test]
fn what_was_added_is_there_in_order_and_fits() {
    let (_folder, journal) = folder();
    let added: Vec<Record> = (0..5).map(|call| add(&journal, call).unwrap()).collect();
    assert_eq!(journal.records().unwrap(), added);
    let verified = journal.verify().unwrap();
    assert_eq!((verified.records, verified.torn), (5, 0));
    assert_eq!(verified.head.unwrap().hash, added[4].hash);
}

#[test]
fn a_record_longer_than_a_block_is_found_from_the_end() {
    let (_folder, journal) = folder();
    let long = Event::Ended {
        outcome: Outcome::Failed,
        says: "é".repeat(200_000),
    };
    for count in 1..4 {
        journal
            .append(Timestamp::UNIX_EPOCH, &RunId::new("r1"), &long)
            .unwrap();
        let short = add(&journal, count).unwrap();
        assert_eq!(short.number, count as u64 * 2);
    }
    assert_eq!(journal.verify().unwrap().records, 6);
}

#[test]
fn many_writers_make_one_chain() {
    let (_folder, journal) = folder();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|call| drop(add(&journal, call).unwrap())));
        }
    });
    assert_eq!(journal.verify().unwrap().records, 40);
}

#[test]
fn a_line_that_was_never_finished_is_no_alteration_and_is_kept_aside() {
    let (_folder, journal) = folder();
    add(&journal, 0).unwrap();
    let whole = text(&journal);
    add(&journal, 1).unwrap();
    let torn = text(&journal)[whole.len()..][..40].to_vec();
    // As if the program had ended in the middle of the second.
    fs::write(
        journal.path("journal.jsonl"),
        [whole, torn.clone()].concat(),
    )
    .unwrap();
    let head = Head {
        number: 1,
        hash: journal_head_of_first(&journal),
    };
    journal.write_head(&head).unwrap();

    let verified = journal.verify().unwrap();
    assert_eq!((verified.records, verified.torn), (1, 40));
    assert_eq!(add(&journal, 2).unwrap().number, 2);
    let verified = journal.verify().unwrap();
    assert_eq!((verified.records, verified.torn), (2, 0));
    let aside = fs::read(journal.path("journal.torn")).unwrap();
    assert_eq!(aside, [torn, b"\n".to_vec()].concat());
}

fn journal_head_of_first(journal: &Journal) -> String {
    let text = text(journal);
    let line = text.split(|byte| *byte == b'\n').next().unwrap();
    chain::link(line).unwrap().0.hash
}

#[test]
fn a_file_ahead_of_its_head_is_a_program_that_ended_between() {
    let (_folder, journal) = folder();
    for call in 0..3 {
        let head = fs::read(journal.path("journal.head"));
        add(&journal, call).unwrap();
        match head {
            Ok(head) => fs::write(journal.path("journal.head"), head).unwrap(),
            Err(_) => fs::remove_file(journal.path("journal.head")).unwrap(),
        }
        assert_eq!(journal.verify().unwrap().records, call as u64 + 1);
        assert_eq!(add(&journal, 9).unwrap().number, call as u64 + 2);
        // Back to where it was, for the next round.
        let kept: Vec<u8> = text(&journal)
            .split_inclusive(|byte| *byte == b'\n')
            .take(call + 1)
            .flatten()
            .copied()
            .collect();
        fs::write(journal.path("journal.jsonl"), &kept).unwrap();
        let last = kept.split(|byte| *byte == b'\n').nth(call).unwrap();
        journal.write_head(&chain::link(last).unwrap().0).unwrap();
    }
}

#[test]
fn a_cut_end_is_found_and_nothing_is_added_to_it() {
    let (_folder, journal) = folder();
    for call in 0..3 {
        add(&journal, call).unwrap();
    }
    let whole = text(&journal);
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for kept in [0, ends[0] + 1, ends[1] + 1, ends[1] + 30, ends[2]] {
        fs::write(journal.path("journal.jsonl"), &whole[..kept]).unwrap();
        let records = ends.iter().filter(|end| **end < kept).count();
        let named = format!("record {} does not fit", records + 1);
        let verified = says(journal.verify().unwrap_err());
        assert!(verified.contains(&named), "{kept}: {verified}");
        assert!(verified.contains("cut off"), "{verified}");
        let added = says(add(&journal, 9).unwrap_err());
        assert!(added.contains("cut off"), "{added}");
        assert_eq!(
            text(&journal),
            whole[..kept],
            "a damaged journal is left as it is"
        );
    }
}

#[test]
fn a_missing_head_is_no_way_to_hide_a_cut_end() {
    let (_folder, journal) = folder();
    for call in 0..3 {
        add(&journal, call).unwrap();
    }
    fs::remove_file(journal.path("journal.head")).unwrap();
    assert!(says(journal.verify().unwrap_err()).contains("is missing"));
    assert!(says(add(&journal, 3).unwrap_err()).contains("is missing"));
}

#[test]
fn nothing_is_added_after_a_last_record_that_was_altered() {
    let (_folder, journal) = folder();
    add(&journal, 0).unwrap();
    add(&journal, 1).unwrap();
    let altered = String::from_utf8(text(&journal)).unwrap();
    let altered = altered.replace("\"call\":1", "\"call\":7");
    fs::write(journal.path("journal.jsonl"), &altered).unwrap();
    assert!(says(journal.verify().unwrap_err()).contains("record 2 does not fit"));
    assert!(says(add(&journal, 2).unwrap_err()).contains("its last record does not fit"));
    assert_eq!(text(&journal), altered.as_bytes());
}

#[test]
fn a_record_of_a_newer_version_is_not_called_altered() {
    let (_folder, journal) = folder();
    add(&journal, 0).unwrap();
    let line = String::from_utf8(text(&journal)).unwrap();
    let body = line.split(",\"hash\"").next().unwrap();
    let body = body.replace("\"intent\"", "\"mirrored\"");
    let hash = chain::hash(format!("{body}}}").as_bytes());
    let line = format!("{body},\"hash\":\"{hash}\"}}\n");
    fs::write(journal.path("journal.jsonl"), line).unwrap();
    journal.write_head(&Head { number: 1, hash }).unwrap();
    assert_eq!(journal.verify().unwrap().records, 1);
    let read = says(journal.records().unwrap_err());
    assert!(
        read.contains("this version of Landfall does not know"),
        "{read}"
    );
}

#[cfg(unix)]
#[test]
fn the_journal_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, journal) = folder();
    add(&journal, 0).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(journal.folder()), 0o700);
    for name in ["journal.jsonl", "journal.head", "journal.lock"] {
        assert_eq!(mode(&journal.path(name)), 0o600, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let (_folder, journal) = folder();
    std::os::unix::fs::symlink("/dev/full", journal.path("journal.jsonl")).unwrap();
    let error = add(&journal, 0).unwrap_err();
    assert!(error.hint().contains("Make room"));
    let error = says(error);
    assert!(error.starts_with("cannot write "), "{error}");
    assert!(error.contains("journal.jsonl: No space left"), "{error}");
    assert!(!journal.path("journal.head").exists());
}

#[test]
fn a_run_without_an_end_is_interrupted_once_its_lock_is_free() {
    use crate::journal::Standing;

    let (_folder, journal) = folder();
    let run = RunId::new("r1");
    let begun = Event::Begun {
        plan: Box::new(crate::permit::tests::plan()),
        plan_hash: "h".to_owned(),
        by: "ada".to_owned(),
        identity: String::new(),
        way: crate::journal::Way::Window,
        despite_freeze: None,
        approved_by: None,
    };
    journal.append(Timestamp::UNIX_EPOCH, &run, &begun).unwrap();
    add(&journal, 0).unwrap();
    let standing = || journal.runs().unwrap().remove(0).standing;
    let held = lease::take_run(journal.folder(), &run).unwrap().unwrap();
    assert!(matches!(standing(), Standing::Running { .. }));
    drop(held);
    let last = "Step 1 of 1, the change of Deployment shop/checkout: it was about to be sent, and whether it was done is not known.";
    let last = last.to_owned();
    assert_eq!(standing(), Standing::Interrupted { last });
    let answer = Answer::Done {
        version: "8".to_owned(),
    };
    let (step, call) = (0, 0);
    let answered = Event::Answered { step, call, answer };
    journal
        .append(Timestamp::UNIX_EPOCH, &run, &answered)
        .unwrap();
    let last = "Step 1 of 1, the change of Deployment shop/checkout: done.".to_owned();
    assert_eq!(standing(), Standing::Interrupted { last });
}

#[test]
fn what_somebody_typed_as_a_run_is_no_path() {
    let (_folder, journal) = folder();
    for name in ["", "../x", "a/b", "a.b"] {
        assert!(
            lease::take_run(journal.folder(), &RunId::new(name)).is_err(),
            "{name}"
        );
    }
    let fresh = RunId::fresh(Timestamp::UNIX_EPOCH);
    assert!(lease::take_run(journal.folder(), &fresh).unwrap().is_some());
    assert_ne!(fresh, RunId::fresh(Timestamp::UNIX_EPOCH));
}
