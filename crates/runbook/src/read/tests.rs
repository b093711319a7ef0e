//! Action files as people write them, with their faults named by place.

use proptest::prelude::*;

use super::*;
use crate::action::{Confirm, InputKind, Parameter, Pick, Step, TargetKind, Undo, Value};

/// One file with everything in it.
const WHOLE: &str = r#"version: 1
id: refill
title: Refill
about: Runs the filler, then replaces the pods.
roles: [sre, developer]
on:
  kinds: [Deployment]
  environments: [staging]
  apps: [cart]
inputs:
  - name: job
    ask: Which job fills it?
    is:
      object: {kind: CronJob}
  - name: pods
    ask: How many pods?
    is:
      number: {least: 1, most: 20}
    default: 3
steps:
  - runCronJob:
      within: 30m
    on: {input: job}
  - scale:
      to: {input: pods}
confirm: typed
reason: true
perHour: 4
undo:
  not: What is filled stays filled.
"#;

fn faults(text: &str) -> Vec<String> {
    let faults = read("refill.yaml", text.as_bytes()).expect_err("refused");
    faults.iter().map(ToString::to_string).collect()
}

/// What is wrong with the whole file, once this of it is that.
fn with(old: &str, new: &str) -> Vec<String> {
    assert!(WHOLE.contains(old), "{old}");
    faults(&WHOLE.replacen(old, new, 1))
}

#[test]
fn a_whole_file_is_read_as_it_is_written() {
    let action = read("refill.yaml", WHOLE.as_bytes()).expect("fine");
    assert_eq!(
        (action.id.as_str(), action.confirm),
        ("refill", Confirm::Typed)
    );
    assert_eq!((action.reason, action.per_hour), (true, Some(4)));
    assert_eq!(action.on.kinds, [TargetKind::Deployment]);
    assert_eq!(
        action.undo,
        Undo::Not("What is filled stays filled.".to_owned())
    );
    assert_eq!(
        action.inputs[0].is,
        InputKind::Object {
            kind: TargetKind::CronJob
        }
    );
    assert_eq!(action.inputs[1].default, Some(Value::Number(3)));
    let (first, second) = (&action.steps[0], &action.steps[1]);
    assert_eq!(
        first.on,
        Some(Pick {
            input: "job".to_owned()
        })
    );
    assert_eq!(
        first.step,
        Step::RunCronJob {
            within: "30m".parse().expect("a length")
        }
    );
    let to = Parameter::Input {
        input: "pods".to_owned(),
    };
    assert_eq!(
        second.step,
        Step::Scale {
            to,
            within: crate::Within::default()
        }
    );
    let same = serde_json::to_string(&action).expect("JSON");
    let again: Action = serde_json::from_str(&same).expect("the same");
    assert_eq!(again, action);
}

#[test]
fn an_error_of_form_names_the_file_the_line_the_column_and_the_field() {
    let table = [
        (
            "within: 30m",
            "within: 5 minutes",
            "refill.yaml:22:15: steps[0].runCronJob.within: \"5 minutes\" is no length of time from 1s to 12h, such as 30s, 10m or 2h",
        ),
        (
            "within: 30m",
            "withn: 30m",
            "refill.yaml:22:7: steps[0].runCronJob.withn: \"withn\" is no field of this: it has within",
        ),
        (
            "perHour: 4",
            "perHour: often",
            "refill.yaml:28:10: perHour: \"often\" is here, and a whole number from 0 to 4294967295 is wanted",
        ),
        (
            "perHour: 4",
            "perHour: -1",
            "refill.yaml:28:10: perHour: \"-1\" is here, and a whole number from 0 to 4294967295 is wanted",
        ),
        (
            "reason: true",
            "reason: yes",
            "refill.yaml:27:9: reason: \"yes\" is here, and true or false is wanted",
        ),
        (
            "title: Refill",
            "title:",
            "refill.yaml:3:6: title: nothing is here, and text is wanted",
        ),
        ("title: Refill\n", "", "refill.yaml:1:1: title is missing"),
        (
            "roles: [sre, developer]",
            "roles: sre",
            "refill.yaml:5:8: roles: \"sre\" is here, and a list is wanted",
        ),
        (
            "confirm: typed",
            "confirm: twice",
            "refill.yaml:26:10: confirm: \"twice\" is none of click, named, typed, second-person",
        ),
        (
            "  - runCronJob:",
            "  - runShell:",
            "refill.yaml:21:5: steps[0]: \"runShell\" is none of restart, scale, deletePod, deleteJob, runCronJob, reconcile, suspend, resume, setVersion, ecsRestart, ecsScale, ecsSetTaskDefinition, ecsStopTask",
        ),
        (
            "  - scale:\n",
            "  - restart: {}\n    scale:\n",
            "refill.yaml:24:5: steps[1]: a step does one thing, and \"scale\" is a second: it begins with a dash of its own",
        ),
        (
            "on: {input: job}",
            "on: {inptu: job}",
            "refill.yaml:23:10: steps[0].on.inptu: \"inptu\" is no field of this: it has input",
        ),
        (
            "to: {input: pods}",
            "to: [pods]",
            "refill.yaml:25:11: steps[1].scale.to: it is neither a value nor {input: NAME}",
        ),
        (
            "default: 3",
            "default: true",
            "refill.yaml:19:14: inputs[1].default: it is neither a whole number nor text; a word such as true is put in quotes",
        ),
        (
            "number: {least: 1, most: 20}",
            "number: {least: 1}",
            "refill.yaml:18:15: inputs[1].is.number: most is missing",
        ),
        (
            "  not: What is filled stays filled.",
            "  never: x",
            "refill.yaml:30:3: undo.never: \"never\" is none of by, not",
        ),
        (
            "kinds: [Deployment]",
            "kinds: [Deployment, Secret]",
            "refill.yaml:7:23: on.kinds[1]: \"Secret\" is none of Deployment, StatefulSet, DaemonSet, Pod, CronJob, Job, Kustomization, HelmRelease, GitRepository, OCIRepository, ImageUpdateAutomation, ECS service, ECS task",
        ),
    ];
    for (old, new, says) in table {
        assert_eq!(with(old, new), [says], "{new}");
    }
}

#[test]
fn what_holds_beside_the_form_is_told_all_at_once_each_at_its_place() {
    let table: [(&str, &str, &[&str]); 27] = [
        (
            "version: 1",
            "version: 2",
            &["1:10: version: 2 is not known: this Landfall reads 1"],
        ),
        (
            "id: refill",
            "id: Re fill",
            &[
                "2:5: id: \"Re fill\" is no id: at most 50 small letters, digits and dashes, the first a letter",
            ],
        ),
        (
            "title: Refill",
            "title: \"\"",
            &["3:8: title: nothing is said"],
        ),
        (
            "title: Refill",
            "title: \"a\\nb\"",
            &["3:8: title: it is one line, without control characters"],
        ),
        (
            "roles: [sre, developer]",
            "roles: []",
            &["5:8: roles: it is offered to nobody: at least one role is named"],
        ),
        (
            "roles: [sre, developer]",
            "roles: [sre, sre]",
            &["5:14: roles[1]: \"sre\" is here twice"],
        ),
        (
            "kinds: [Deployment]",
            "kinds: []",
            &["7:10: on.kinds: it is offered for nothing: at least one kind is named"],
        ),
        (
            "kinds: [Deployment]",
            "kinds: [Deployment, Deployment]",
            &["7:23: on.kinds[1]: \"Deployment\" is here twice"],
        ),
        (
            "apps: [cart]",
            "apps: [\"\"]",
            &["9:10: on.apps[0]: nothing is said"],
        ),
        (
            "name: pods",
            "name: 2pods",
            &[
                "15:11: inputs[1].name: \"2pods\" is no name: at most 50 letters, digits and dashes, the first a small letter",
                "25:19: steps[1].scale.to.input: no input is called \"pods\": there is job, 2pods",
                "15:5: inputs[1]: a person is asked for \"2pods\", and no step uses it",
            ],
        ),
        (
            "name: pods",
            "name: job",
            &[
                "15:11: inputs[1].name: \"job\" is the name of an input before it",
                "25:19: steps[1].scale.to.input: no input is called \"pods\": there is job, job",
            ],
        ),
        (
            "ask: How many pods?",
            "ask: \" \"",
            &["16:10: inputs[1].ask: nothing is said"],
        ),
        (
            "number: {least: 1, most: 20}",
            "number: {least: 5, most: 4}",
            &[
                "18:32: inputs[1].is.number.most: no number is from 5 to 4",
                "19:14: inputs[1].default: \"3\" is not a whole number from 5 to 4",
            ],
        ),
        (
            "number: {least: 1, most: 20}",
            "number: {least: -1, most: 20}",
            &[
                "25:11: steps[1].scale.to: the input \"pods\" may be less than 0 or more than 1000 pods",
            ],
        ),
        (
            "number: {least: 1, most: 20}",
            "choice: {of: [\"3\", \"4\"]}",
            &[
                "25:11: steps[1].scale.to: the input \"pods\" is no number, and a number of pods is wanted",
            ],
        ),
        (
            "number: {least: 1, most: 20}",
            "choice: {of: []}",
            &[
                "18:20: inputs[1].is.choice.of: there is nothing to choose from",
                "19:14: inputs[1].default: \"3\" is not one of ",
                "25:11: steps[1].scale.to: the input \"pods\" is no number, and a number of pods is wanted",
            ],
        ),
        (
            "number: {least: 1, most: 20}",
            "text: {pattern: \"a)|(3\"}",
            &[
                "18:23: inputs[1].is.text.pattern: \"a)|(3\" is no regular expression: unopened group",
                "25:11: steps[1].scale.to: the input \"pods\" is no number, and a number of pods is wanted",
            ],
        ),
        (
            "number: {least: 1, most: 20}",
            "text: {longest: 0}",
            &[
                "18:23: inputs[1].is.text.longest: 0 is not from 1 to 10000",
                "19:14: inputs[1].default: \"3\" is not text of 1 to 0 characters",
                "25:11: steps[1].scale.to: the input \"pods\" is no number, and a number of pods is wanted",
            ],
        ),
        (
            "default: 3",
            "default: 21",
            &["19:14: inputs[1].default: \"21\" is not a whole number from 1 to 20"],
        ),
        (
            "to: {input: pods}",
            "to: 5",
            &["15:5: inputs[1]: a person is asked for \"pods\", and no step uses it"],
        ),
        (
            "to: {input: pods}",
            "to: many",
            &[
                "15:5: inputs[1]: a person is asked for \"pods\", and no step uses it",
                "25:11: steps[1].scale.to: \"many\" is no number of pods: 0 to 1000 is",
            ],
        ),
        (
            "to: {input: pods}",
            "to: -1",
            &[
                "15:5: inputs[1]: a person is asked for \"pods\", and no step uses it",
                "25:11: steps[1].scale.to: -1 is no number of pods: 0 to 1000 is",
            ],
        ),
        (
            "on: {input: job}",
            "on: {input: pods}",
            &[
                "11:5: inputs[0]: a person is asked for \"job\", and no step uses it",
                "23:9: steps[0].on: the input \"pods\" chooses no object",
            ],
        ),
        (
            "kind: CronJob",
            "kind: Pod",
            &["22:7: steps[0].runCronJob: this is not done to a Pod, only to CronJob"],
        ),
        (
            "  - scale:\n      to: {input: pods}",
            "  - reconcile: {reset: true, sourceFirst: true}",
            &[
                "15:5: inputs[1]: a person is asked for \"pods\", and no step uses it",
                "24:16: steps[1].reconcile: this is not done to a Deployment, only to Kustomization, HelmRelease, GitRepository, OCIRepository, ImageUpdateAutomation",
                "24:24: steps[1].reconcile.reset: only a HelmRelease counts failures that can be forgotten",
                "24:43: steps[1].reconcile.sourceFirst: only a Kustomization and a HelmRelease have a source",
            ],
        ),
        (
            "perHour: 4",
            "perHour: 0",
            &["28:10: perHour: it could never be run: the least is 1"],
        ),
        (
            "  not: What is filled stays filled.",
            "  not: ''",
            &["30:8: undo.not: nothing is said"],
        ),
    ];
    for (old, new, says) in table {
        let says: Vec<String> = says
            .iter()
            .map(|says| format!("refill.yaml:{says}"))
            .collect();
        assert_eq!(with(old, new), says, "{new}");
    }
    let (inputs, steps) = (WHOLE.find("inputs:"), WHOLE.find("confirm:"));
    let nothing = format!(
        "{}steps: []\n{}",
        &WHOLE[..inputs.expect("there")],
        &WHOLE[steps.expect("there")..]
    );
    assert_eq!(
        faults(&nothing),
        ["refill.yaml:10:8: steps: it does nothing: at least one step is named"]
    );
}

#[test]
fn a_file_that_grows_when_it_is_read_is_refused_before_it_does() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    assert_eq!(
        faults(bomb),
        [
            "refill.yaml:1:4: an anchor (&) is not read here: the value is written out wherever it is used"
        ]
    );
    let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(
        faults(&deep),
        ["refill.yaml:1:67: this is nested too deeply"]
    );
    let endless = "[".repeat(200_000);
    assert!(faults(&endless)[0].starts_with("refill.yaml:1:"));
    let large = format!("{WHOLE}# {}\n", "x".repeat(1024 * 1024));
    assert_eq!(
        faults(&large),
        ["refill.yaml:1:1: the file is larger than 256 KiB"]
    );
    let many: String = (0..20_000)
        .map(|number| format!("k{number}: 1\n"))
        .collect();
    assert!(faults(&many)[0].contains("\"k0\" is no field"));
}

#[test]
fn what_of_yaml_is_not_read_is_refused_and_not_skipped() {
    for (text, says) in [
        ("", "1:1: the file is empty"),
        ("# nothing\n", "1:1: the file is empty"),
        ("id: a\nid: b\n", "2:1: \"id\" is here twice"),
        (
            "id: !!str a\n",
            "1:5: a tag (!) is not read here: the value is written without it",
        ),
        ("? [a]\n: b\n", "1:3: a key is one word"),
        (
            "- a\n",
            "1:1: a list is here, and a mapping of version, id, title, about, roles, on, inputs, steps, confirm, reason, perHour, undo is wanted",
        ),
    ] {
        assert_eq!(faults(text), [format!("refill.yaml:{says}")], "{text:?}");
    }
    let two = format!("{WHOLE}---\n{WHOLE}");
    assert!(faults(&two)[0].ends_with("a second document begins here: a file holds one"));
    let latin = read("l.yaml", b"version: 1\nid: caf\xe9\n").expect_err("refused");
    assert_eq!(
        latin[0].to_string(),
        "l.yaml:2:1: this line is no UTF-8 text"
    );
    assert!(faults("a: [1\nb: 2\n")[0].contains("this is no YAML"));
}

#[test]
fn a_foreign_word_in_an_error_is_quoted_and_cut() {
    let long = format!("\"\\e[31m{}\"", "x".repeat(500));
    let fault = with("confirm: typed", &format!("confirm: {long}")).remove(0);
    assert!(!fault.contains('\u{1b}') && fault.len() < 250, "{fault}");
    let fault = faults(&format!("{long}: 1\n")).remove(0);
    assert!(!fault.contains('\u{1b}') && fault.len() < 300, "{fault}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fall(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read("f", &bytes);
    }

    #[test]
    fn no_change_of_a_good_file_makes_the_reader_fall(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..4, "[-\\[\\]{}:,&*!|>'\"#%@` \n\ta0]{0,6}"), 1..8)
    ) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, gone, new) in edits {
            let at = at.index(text.len());
            let end = (at + gone).min(text.len());
            text.splice(at..end, new.chars());
            if text.is_empty() { text.push(' '); }
        }
        let text: String = text.into_iter().collect();
        if let Err(faults) = read("f", text.as_bytes()) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(fault.line >= 1 && fault.line <= text.lines().count() + 1, "{fault}");
            }
        }
    }
}
