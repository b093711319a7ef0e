//! `prove` told to end, or killed, at its worst moments: nothing that it started goes on, and nothing half made is left.
//!
//! The program is the real one; Go and the programs of the ground are stand-ins that never finish.
#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "interrupted/bench.rs"]
mod bench;

use bench::{Bench, Prove};

#[test]
fn sigterm_ends_a_build_with_its_compilers() {
    let bench = Bench::with_slow_go();
    let mut prove = bench.prove(&[]);
    let started = bench.started(&["go", "compiler"]);
    prove.signal("TERM");
    assert_eq!(prove.ended(), (Some(143), "told to end".into()));
    bench.are_gone(&started);
    bench.nothing_is_left();
}

#[test]
fn sigint_ends_a_build_where_it_was_ignored_from_the_start() {
    let bench = Bench::with_slow_go();
    let mut prove = bench.prove_in_the_background(&[]);
    let started = bench.started(&["go", "compiler"]);
    prove.signal("INT");
    assert_eq!(prove.ended(), (Some(130), "interrupted".into()));
    bench.are_gone(&started);
    bench.nothing_is_left();
}

#[test]
fn a_crash_ends_a_build_and_the_next_run_removes_what_is_left() {
    let bench = Bench::with_slow_go();
    let mut prove = bench.prove(&[]);
    let started = bench.started(&["go", "compiler"]);
    prove.signal("KILL");
    assert_eq!(prove.ended().0, None);
    bench.are_gone(&started);
    let mut next = bench.without_go().prove(&[]);
    assert_eq!(next.ended().0, Some(77));
    bench.nothing_is_left();
}

#[test]
fn without_go_nothing_is_run_and_the_missing_program_is_named() {
    let bench = Bench::new();
    let mut prove = bench.prove(&[]);
    assert_eq!(prove.ended().0, Some(77));
    let said = prove.said();
    assert!(
        said.contains("not run: etcd is not built yet, and there is no Go"),
        "{said}"
    );
    assert!(!said.contains("building"), "{said}");
    let mut prove = bench.prove(&["--json"]);
    assert_eq!(prove.ended().0, Some(77));
    let said = prove.said();
    assert!(
        said.contains("{\"not_run\":\"etcd is not built yet"),
        "{said}"
    );
    bench.nothing_is_left();
}

#[test]
fn a_build_that_fails_is_not_run_either() {
    let bench = Bench::new();
    bench.program("go", "echo no such module >&2\nexit 1\n");
    let mut prove = bench.prove(&[]);
    assert_eq!(prove.ended().0, Some(77));
    let said = prove.said();
    assert!(
        said.contains("not run: etcd could not be built: no such module"),
        "{said}"
    );
    bench.nothing_is_left();
}

#[test]
fn without_a_peer_nothing_is_run_and_it_is_named() {
    let bench = Bench::new();
    let said = |words: &str| {
        let mut prove = bench.prove(&["--peers"]);
        assert_eq!(prove.ended().0, Some(77));
        assert!(prove.said().contains(words), "{}", prove.said());
        bench.nothing_is_left();
    };
    said("not run: a Secret Service cannot be had: there is no dbus-daemon");
    for name in ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"] {
        bench.program(name, "exit 1\n");
    }
    said("not run: oidc-provider cannot be had: there is no node");
    bench.program("node", "exit 1\n");
    said("not run: moto cannot be had: there is no python3");
    bench.program("python3", "echo there is no venv >&2\nexit 1\n");
    said("not run: moto cannot be had: there is no venv");
}

#[test]
fn sigterm_ends_a_ground_that_is_coming_up() {
    let bench = Bench::with_stuck_programs();
    let mut prove = bench.prove(&["--up"]);
    let started = bench.started(&["registry", "etcd"]);
    prove.signal("TERM");
    assert_eq!(prove.ended(), (Some(143), "told to end".into()));
    bench.are_gone(&started);
    bench.nothing_is_left();
}

#[test]
fn down_ends_what_up_keeps_and_nothing_else() {
    let bench = Bench::with_stuck_programs();
    let mut kept = bench.prove(&["--up"]);
    let of_kept = bench.started(&["registry", "etcd"]);
    let mut run = bench.prove(&["--contract"]);
    let of_run = bench.started(&["registry", "etcd"]);

    let mut down = bench.prove(&["--down"]);
    assert_eq!(down.ended().0, Some(0));
    let said = down.said();
    assert!(said.contains(&format!("ended {}\n", kept.id())), "{said}");
    assert!(!said.contains(&run.id().to_string()), "{said}");
    assert_eq!(kept.ended(), (Some(143), "told to end".into()));
    bench.are_gone(&of_kept);
    assert!(!run.has_ended());

    // What a crash leaves is removed, and is nothing that was kept.
    run.signal("KILL");
    assert_eq!(run.ended().0, None);
    bench.are_gone(&of_run);
    let mut down = bench.prove(&["--down"]);
    assert_eq!(down.ended().0, Some(0));
    assert_eq!(down.said().trim(), "nothing is kept");
    bench.nothing_is_left();
}

/// `--down` ends what is kept, and all that it started.
fn is_ended_by_down(bench: &Bench, mut kept: Prove, started: &[&str]) {
    let started = bench.started(started);
    let mut down = bench.prove(&["--down"]);
    assert_eq!(down.ended().0, Some(0));
    assert!(down.said().contains(&format!("ended {}\n", kept.id())));
    assert_eq!(kept.ended(), (Some(143), "told to end".into()));
    bench.are_gone(&started);
    bench.nothing_is_left();
}

#[test]
fn down_did_not_find_what_was_started_with_another_temporary_folder() {
    let bench = Bench::with_stuck_programs();
    let kept = bench.prove_elsewhere(&["--up"]);
    is_ended_by_down(&bench, kept, &["registry", "etcd"]);
}

#[test]
fn down_ends_one_that_still_builds() {
    let bench = Bench::with_slow_go();
    let kept = bench.prove(&["--up"]);
    is_ended_by_down(&bench, kept, &["go", "compiler"]);
}
