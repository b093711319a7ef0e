//! A diagnosis in the terminal: the real program on the embedded company.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::process::{Output, Stdio};

use product_tests::{Company, Terminal, json, text};

struct Desk {
    company: Company,
    terminal: Terminal,
    /// The app that is well everywhere.
    app: String,
}

impl Desk {
    fn at(seed: u64) -> Self {
        let company = Company::serve(seed);
        let app = company.situation("delivered-everywhere")["app"].clone();
        Self {
            terminal: Terminal::new(),
            app: app.as_str().expect("an app").to_owned(),
            company,
        }
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = self.terminal.command(words);
        command.stdin(Stdio::null());
        command.arg("--kubeconfig").arg(self.company.kubeconfig());
        command.arg("--team").arg(self.company.team());
        command.output().expect("landfall runs")
    }
}

#[test]
fn an_app_is_diagnosed_by_its_place_and_its_object_by_its_name_and_a_report_is_saved_once() {
    let desk = Desk::at(7);
    let app = desk.app.as_str();
    let several = desk.run(&["diagnose", app]);
    assert_eq!(several.status.code(), Some(64), "{}", text(&several));

    let said = desk.run(&["diagnose", app, "--env", "staging", "--json"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
    let one = json(&said);
    assert_eq!(one["isRead"], true);
    let report = one["markdown"].as_str().expect("a report");
    for part in [
        "# Diagnosis of `",
        "## The answer",
        "## Pods\n\n- `",
        "## Events",
        "## Logs",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
    assert!(
        report.contains(&format!("It is of the app `{app}` in `staging`.")),
        "{report}"
    );

    let word = |field: &str| one["object"][field].as_str().expect("a word").to_owned();
    let object = format!("{}/{}", word("kind"), word("name"));
    let file = desk.company.folder.path().join("report.md");
    let path = file.to_str().expect("a path").to_owned();
    let (namespace, system) = (word("namespace"), word("system"));
    let words = [
        "diagnose", &object, "-n", &namespace, "--system", &system, "--save", &path,
    ];
    let saved = desk.run(&words);
    assert_eq!(saved.status.code(), Some(0), "{}", text(&saved));
    let written = std::fs::read_to_string(&file).expect("a file");
    assert!(written.starts_with("# Diagnosis of `"), "{written}");
    let again = desk.run(&words);
    assert_eq!(again.status.code(), Some(64), "{}", text(&again));

    for (words, code) in [
        (vec!["diagnose", &object], 64),
        (vec!["diagnose", "Secret/db", "-n", "shop"], 64),
        (
            vec![
                "diagnose",
                "Deployment/none",
                "-n",
                &namespace,
                "--system",
                &system,
            ],
            3,
        ),
    ] {
        let said = desk.run(&words);
        assert_eq!(said.status.code(), Some(code), "{words:?}: {}", text(&said));
    }
}
