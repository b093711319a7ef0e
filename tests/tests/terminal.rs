//! The terminal program as a person or a script meets it: answers, exit codes, and what bad input gets.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use product_tests::{Company, Owned, Terminal, json, text};

#[test]
fn a_question_gets_one_sentence_and_its_exit_code() {
    let company = Company::serve(1);
    let chain = company.situation("dependency-chain");
    let ask = chain["ask"].as_str().expect("an ask");
    let terminal = company.terminal();

    let output = terminal.run(&["why", ask, "--env", "production"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("is not in production"), "{said}");
    assert!(said.contains("immutable"), "the root cause is said: {said}");

    let output = terminal.run(&["why", ask, "--env", "production", "--json"]);
    let answer = json(&output);
    assert_eq!(answer["version"], 1);
    let journey = &answer["journeys"][0];
    assert_eq!(journey["state"], "blocked");
    assert_eq!(journey["cause"]["code"], "apply-immutable-field");
    assert_eq!(journey["stages"].as_array().map(Vec::len), Some(9));

    let delivered = company.situation("delivered-everywhere");
    let output = terminal.run(&["why", delivered["ask"].as_str().expect("an ask")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn what_to_do_about_a_cause_is_a_line_that_works_as_it_is_printed() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    let suspended = company.situation("parent-suspended");
    let ask = suspended["ask"].as_str().expect("an ask");
    let words = ["why", ask, "--env", "staging"];
    let answer = json(&terminal.run(&[&words[..], &["--json"]].concat()));
    let act = &answer["journeys"][0]["acts"][0];
    assert_eq!(
        (&act["action"], &act["title"]),
        (&"resume".into(), &"Resume".into())
    );
    assert_eq!(act["object"], answer["journeys"][0]["cause"]["object"]);
    assert!(
        act.get("greyed").is_none(),
        "nobody has to sign in here: {act}"
    );

    let page = text(&terminal.run(&words));
    let line = page
        .lines()
        .find_map(|line| line.trim().strip_prefix("landfall "));
    let line = line.unwrap_or_else(|| panic!("no line to copy:\n{page}"));
    let typed: Vec<&str> = line.split(' ').chain(["--plan"]).collect();
    assert_eq!(typed[..2], ["run", "resume"], "{line}");
    let data = tempfile::tempdir().expect("a folder");
    let mut command = terminal.command(&typed);
    command
        .arg("--kubeconfig")
        .arg(company.kubeconfig())
        .arg("--team")
        .arg(company.team())
        .env("XDG_DATA_HOME", data.path())
        .stdin(Stdio::null());
    let planned = command.output().expect("landfall runs");
    assert_eq!(planned.status.code(), Some(0), "{}", text(&planned));

    let delivered = company.situation("delivered-everywhere");
    let output = terminal.run(&["why", delivered["ask"].as_str().expect("an ask"), "--json"]);
    for journey in json(&output)["journeys"].as_array().expect("journeys") {
        assert!(journey.get("acts").is_none(), "{journey}");
    }
}

#[test]
fn the_board_shows_every_app() {
    let company = Company::serve(2);
    let terminal = company.terminal();
    let output = terminal.run(&["board", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let board = json(&output);
    assert!(board["rows"].as_array().expect("rows").len() >= 12);
    let page = text(&terminal.run(&["board"]));
    for row in board["rows"].as_array().expect("rows") {
        assert!(
            page.contains(row["app"].as_str().expect("a name")),
            "{page}"
        );
    }
    assert!(page.contains("Needs attention"), "{page}");
}

#[test]
fn what_happened_and_what_lacks_its_source_are_lists_for_people_and_for_scripts() {
    let company = Company::serve(2);
    let terminal = company.terminal();
    let output = terminal.run(&["changes", "--env", "production", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let changes = json(&output);
    let all = changes["changes"].as_array().expect("changes");
    assert!(
        all.iter().any(|one| one["kind"] == "deployment"),
        "{changes}"
    );
    assert!(
        all.iter()
            .all(|one| one["environment"] == "production" || one["environment"].is_null())
    );
    let page = text(&terminal.run(&["changes"]));
    assert!(page.contains("in place of"), "{page}");
    let coverage = json(&terminal.run(&["coverage", "--json"]));
    let missing = coverage["unlinked"].as_array().expect("unlinked").len();
    assert!(coverage["linked"].as_u64().expect("a number") > 20);
    // Lines end where the terminal does.
    let page = text(&terminal.run(&["coverage"]));
    let page: Vec<&str> = page.split_whitespace().collect();
    let page = page.join(" ");
    assert_eq!(
        page.matches("LABEL org.opencontainers.image.source")
            .count(),
        missing,
        "{page}"
    );
}

#[test]
fn asks_that_stand_for_nothing_say_so() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    for (ask, wanted) in [
        (
            "0123456789abcdef0123456789abcdef01234567",
            "If it is a new commit, push it first.",
        ),
        ("no-such-branch-anywhere", "is no commit, branch, tag"),
    ] {
        let output = terminal.run(&["why", ask]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(64), "{ask}: {said}");
        assert!(said.contains(ask), "the ask is named: {said}");
        assert!(said.contains(wanted), "{ask}: {said}");
        let error = json(&terminal.run(&["why", ask, "--json"]));
        assert_eq!(error["error"]["code"], "unknown-ask");
    }
}

#[test]
fn a_misspelt_app_gets_the_right_one_offered() {
    let company = Company::serve(1);
    let app = company.situation("dependency-chain")["app"]
        .as_str()
        .expect("an app")
        .to_owned();
    let misspelt = format!("{}x", &app[..app.len() - 1]);
    let output = company.terminal().run(&["why", &misspelt]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains(&app), "did you mean {app}? {said}");
}

#[test]
fn a_branch_of_several_repositories_asks_which() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    let output = terminal.run(&["why", "main"]);
    let said = text(&output);
    assert_eq!(
        output.status.code(),
        Some(64),
        "'main' is a branch of every repository: {said}"
    );
    assert!(said.contains("--repo"), "{said}");
    assert_eq!(
        json(&terminal.run(&["why", "main", "--json"]))["error"]["code"],
        "ambiguous-ask"
    );
}

#[test]
fn an_ambiguous_short_sha_lists_its_candidates() {
    let company = Company::serve(1);
    let terminal = company.terminal();
    let ambiguous = ambiguous_beginning(&company, &terminal);
    let output = terminal.run(&["why", &ambiguous]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(64), "{ambiguous}: {said}");
    let error = json(&terminal.run(&["why", &ambiguous, "--json"]));
    assert_eq!(error["error"]["code"], "ambiguous-ask", "{error}");
    let candidates = said.matches(&ambiguous).count();
    assert!(candidates >= 3, "the ask, and two commits: {said}");
}

/// Four digits that begin two commits of one repository: pushes a branch of a thousand, among which there are such.
fn ambiguous_beginning(company: &Company, terminal: &Terminal) -> String {
    let board = json(&terminal.run(&["board", "--json"]));
    let mut named = board["rows"].as_array().expect("rows").iter();
    let (_, path) = named
        .find_map(|row| row["repository"].as_str()?.split_once('/'))
        .expect("an app says its repository");
    let team = std::fs::read_to_string(company.team()).expect("the team file");
    let address = team
        .lines()
        .find_map(|line| line.trim_start_matches("- ").strip_prefix("address: "))
        .expect("the code host's address");
    let folder = tempfile::tempdir().expect("a folder");
    let git = |words: &[&str], input: &str| {
        let mut child = Command::new("git")
            .arg("--git-dir")
            .arg(folder.path())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("git reads");
        drop(stdin);
        let output = child.wait_with_output().expect("git ends");
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    git(&["init", "--bare", "--quiet"], "");
    // Without anything that changes from run to run, so that the same two commits begin alike in every run.
    let commits = (1_000..2_000).map(|number| {
        format!(
            "commit refs/heads/many\ncommitter A <a@shop.example> 1700000000 +0000\ndata 4\n{number}\n"
        )
    });
    git(&["fast-import", "--quiet"], &commits.collect::<String>());
    git(
        &["push", "--quiet", &format!("{address}/{path}.git"), "many"],
        "",
    );
    let listed = git(&["rev-list", "many"], "");
    let shas: BTreeSet<&str> = listed.lines().collect();
    let mut neighbours = shas.iter().zip(shas.iter().skip(1));
    let (one, _) = neighbours
        .find(|(one, next)| one[..4] == next[..4])
        .expect("two of a thousand begin alike");
    one[..4].to_owned()
}

#[test]
fn unknown_environments_and_contexts_list_the_known_ones() {
    let company = Company::serve(1);
    let ask = company.situation("dependency-chain")["ask"]
        .as_str()
        .expect("an ask")
        .to_owned();
    let output = company
        .terminal()
        .run(&["why", &ask, "--env", "productoin"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("production"), "{}", text(&output));
    let output = company
        .terminal()
        .run(&["why", &ask, "--context", "nowhere"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("nowhere"), "{}", text(&output));
}

#[test]
fn no_kubeconfig_broken_and_half_written_ones_say_which_file_and_what() {
    let output = Terminal::new().run(&["why", "3f2c1ab"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("--sandbox"), "{}", text(&output));

    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in [
        ("not-yaml", "clusters: [\n"),
        ("other-yaml", "- just\n- a list\n"),
        (
            "half-written",
            "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    serv",
        ),
        ("empty", ""),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        let path = path.display().to_string();
        let output = Terminal::new().run(&["why", "3f2c1ab", "--kubeconfig", &path]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(64), "{name}: {said}");
        assert!(said.contains(&path), "{name}: the file is named: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
        assert!(
            said.contains("--kubeconfig names"),
            "{name}: a hint: {said}"
        );
    }
}

#[test]
fn a_newcomer_was_told_of_kubeconfigs_and_not_of_joining_a_team() {
    let output = Terminal::new().run(&["board"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    let at = |words: &str| {
        said.find(words)
            .unwrap_or_else(|| panic!("{words}: {said}"))
    };
    assert!(at("landfall team join LINK") < at("--sandbox"), "{said}");
    assert!(at("--sandbox") < at("--kubeconfig"), "{said}");
    // Whoever names a kubeconfig asks for that one.
    let output = Terminal::new().run(&["board", "--kubeconfig", "/nowhere"]);
    assert!(!text(&output).contains("team"), "{}", text(&output));
}

#[test]
fn a_seed_without_the_embedded_company_is_refused() {
    for words in [
        &["board", "--seed", "3"][..],
        &["board", "--seed", "3", "--kubeconfig", "/dev/null"],
    ] {
        let output = Terminal::new().run(words);
        assert_eq!(output.status.code(), Some(64), "{}", text(&output));
        assert!(text(&output).contains("--seed"), "{}", text(&output));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let output = Terminal::new().run(&["sandbox", "serve", "--folder", "/proc/nope"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output).contains("/proc/nope"), "{}", text(&output));
}

#[cfg(unix)]
#[test]
fn a_program_that_is_told_to_end_leaves_no_folder() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut command = Terminal::new().command(&["sandbox", "serve"]);
    command
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null());
    let mut child = Owned(command.spawn().expect("landfall runs"));
    let holds = || {
        std::fs::read_dir(temporary.path())
            .expect("readable")
            .flatten()
            .any(|entry| entry.path().join("situations.json").exists())
    };
    while !holds() {
        assert!(child.0.try_wait().expect("known").is_none(), "it serves");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let told = Command::new("kill")
        .args(["-TERM", &child.0.id().to_string()])
        .status();
    assert!(told.expect("kill runs").success());
    let status = child.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(143));
    let left = std::fs::read_dir(temporary.path()).expect("readable");
    assert_eq!(left.count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_sign_in_plugin_that_hung_outlived_the_command_that_started_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (script, pid) = (folder.path().join("hang.sh"), folder.path().join("pid"));
    let hang = format!("echo $$ >> '{}'\nsleep 300\n", pid.display());
    std::fs::write(&script, hang).expect("written");
    let config = folder.path().join("kubeconfig.yaml");
    let exec = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, args: ['{}']}}}}",
        script.display()
    );
    let text = config_of("http://127.0.0.1:1").replace("{token: t}", &exec);
    std::fs::write(&config, text).expect("written");
    let config = config.display().to_string();
    let terminal = Terminal::new();
    let shown = said(&terminal.run(&["allow", "a", "--kubeconfig", &config])).1;
    let digest = shown.split("digest ").nth(1).expect("a digest").trim();
    let allow = ["allow", "a", "--kubeconfig", &config, "--digest", digest];
    assert_eq!(said(&terminal.run(&allow)).0, Some(0));

    // It was a matter of luck whether the runtime ended it first.
    for _ in 0..5 {
        terminal.run(&[
            "doctor",
            "--json",
            "--kubeconfig",
            &config,
            "--patience",
            "2",
        ]);
    }
    let pids = std::fs::read_to_string(&pid).expect("it was started");
    for pid in pids.lines() {
        let began = std::time::Instant::now();
        // Whoever inherits a process that was ended may bury it late.
        while std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
        {
            assert!(began.elapsed().as_secs() < 5, "{pid} lives on");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

/// Serves every request of a port with this answer, as a web server that knows nothing of Kubernetes does.
fn answering(answer: &'static str) -> String {
    use std::io::Read;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _request = stream.read(&mut [0; 8_192]);
                let _gone = stream.write_all(
                    format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .as_bytes(),
                );
            });
        }
    });
    format!("http://{address}")
}

/// A kubeconfig of one cluster, called a.
fn config_of(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         clusters: [{{name: a, cluster: {{server: '{server}'}}}}]\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         users: [{{name: a, user: {{token: t}}}}]\n"
    )
}

fn doctor_of(server: &str) -> (Option<i32>, String) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(config_of(server).as_bytes())
        .expect("written");
    let path = file.path().display().to_string();
    let output = Terminal::new().run(&["doctor", "--kubeconfig", &path, "--patience", "10"]);
    (output.status.code(), text(&output))
}

#[test]
fn a_web_server_that_knows_nothing_is_no_live_cluster() {
    let (code, said) = doctor_of(&answering("404 Not Found"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no Kubernetes API"), "{said}");
    assert!(!said.contains("live"), "{said}");
}

#[test]
fn who_is_not_signed_in_is_told_so_once() {
    let (code, said) = doctor_of(&answering("401 Unauthorized"));
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(said.matches("not signed in").count(), 1, "{said}");
    assert!(!said.contains("may not"), "{said}");
    assert!(!said.contains("does not answer"), "{said}");
}

#[test]
fn one_unreachable_cluster_does_not_silence_the_others() {
    let company = Company::serve(1);
    let delivered = company.situation("delivered-everywhere")["ask"]
        .as_str()
        .expect("an ask")
        .to_owned();
    // A port that was free a moment ago and that nobody serves.
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let mut config = std::fs::read_to_string(company.kubeconfig()).expect("the kubeconfig");
    config = config.replacen(
        "clusters:\n",
        &format!("clusters:\n- name: dead\n  cluster:\n    server: http://{dead}\n"),
        1,
    );
    let context = "contexts:\n- name: dead\n  context:\n    cluster: dead\n    user: dead\n";
    config = config.replacen("contexts:\n", context, 1).replacen(
        "users:\n",
        "users:\n- name: dead\n  user: {}\n",
        1,
    );
    assert_eq!(config.matches("name: dead").count(), 3, "{config}");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(config.as_bytes()).expect("written");

    let team = company.team().display().to_string();
    let path = file.path().display().to_string();
    let output = Terminal::new().run(&[
        "why",
        &delivered,
        "--json",
        "--kubeconfig",
        &path,
        "--team",
        &team,
    ]);
    let answer = json(&output);
    assert_eq!(
        answer["journeys"].as_array().map(Vec::len),
        Some(3),
        "{answer}"
    );
    assert!(
        answer["journeys"]
            .as_array()
            .expect("journeys")
            .iter()
            .all(|journey| journey["state"] == "deployed"),
        "{answer}"
    );
    assert_eq!(
        answer["unread"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    assert_eq!(
        output.status.code(),
        Some(3),
        "what could not be asked is not success"
    );
}

#[test]
fn the_company_lists_its_situations_and_the_tour_ends_well() {
    let output = Terminal::new().run(&["sandbox", "list", "--json"]);
    let situations = json(&output)["situations"]
        .as_array()
        .expect("situations")
        .clone();
    assert!(situations.len() >= 20, "{}", situations.len());
    for situation in &situations {
        for field in ["name", "ask", "wrong"] {
            assert!(
                situation[field]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{situation}"
            );
        }
        assert!(
            situation.get("expected").is_none(),
            "the answers are not given away: {situation}"
        );
    }
    let output = Terminal::new().run(&["tour"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("Signed in as"),
        "the sign-in is part of it: {}",
        text(&output)
    );
    assert!(
        text(&output).contains("is not in production"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_teams_set_up_is_checked_and_what_is_missing_comes_with_what_to_do() {
    let company = Company::serve(5);
    let file = company.folder.path().join("landfall.yaml");
    let path = file.display().to_string();
    let terminal = Terminal::new();
    let check = |path: &str| {
        let mut command = terminal.command(&["team", "check", path, "--patience", "10"]);
        // Whoever runs the tests may have a keyring.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        let output = command.output().expect("landfall runs");
        (output.status.code(), text(&output))
    };
    let (code, said) = check(&path);
    // Nobody is signed in: what needs that cannot be told, and is not called well. That this machine
    // has no keyring is not the set-up's fault.
    assert_eq!(code, Some(3), "{said}");
    for line in [
        "✓ the signature is the file's",
        "answers as the issuer",
        "sends browsers back to http://127.0.0.1:8741/landfall/signed-in",
        "? your sign-in nobody is signed in",
        "! the keyring is missing",
    ] {
        assert!(said.contains(line), "{line} is not in:\n{said}");
    }
    let text_of = std::fs::read_to_string(&file).expect("there");
    let wrong = company.folder.path().join("wrong.yaml");
    std::fs::write(
        &wrong,
        text_of.replace("clientId: landfall", "clientId: stranger"),
    )
    .expect("written");
    let (code, said) = check(&wrong.display().to_string());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("✗ the signature"), "{said}");
    assert!(said.contains("does not send browsers back to"), "{said}");
    let joined = terminal.run(&["team", "check"]);
    assert!(
        text(&joined).contains("no team was joined here"),
        "{}",
        text(&joined)
    );
}

/// What a command said, first and beside.
fn said(output: &std::process::Output) -> (Option<i32>, String, String) {
    let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), of(&output.stdout), of(&output.stderr))
}

#[test]
fn signed_out_a_doctor_named_no_system_and_wrote_no_bundle() {
    let company = Company::serve(5);
    let file = company.folder.path().join("landfall.yaml");
    let file = file.display().to_string();
    let bundle = company.folder.path().join("bundle.json");
    let to = bundle.display().to_string();
    let terminal = Terminal::new();
    let ask = ["--team", &file, "--patience", "10"];

    let words = [&["doctor", "--bundle", &to][..], &ask].concat();
    let (code, page, beside) = said(&terminal.run(&words));
    assert_eq!(code, Some(3), "{page}{beside}");
    let first = beside.lines().next().unwrap_or_default();
    assert!(
        first.contains("nobody is signed in at 127.0.0.1"),
        "{beside}"
    );
    assert!(beside.contains("--code"), "{beside}");
    assert!(page.matches("not signed in").count() >= 2, "{page}");
    let written = std::fs::read_to_string(&bundle).expect("the bundle is written");
    let written: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(written["signIn"]["state"], "signed out", "{written}");
    let systems = |found: &serde_json::Value| found["connections"].as_array().map(Vec::len);
    assert!(systems(&written) >= Some(3), "{written}");

    let words = [&["doctor", "--json"][..], &ask].concat();
    let output = terminal.run(&words);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let found = json(&output);
    assert_eq!(found["signIn"]["state"]["state"], "signed-out", "{found}");
    assert_eq!(found["signIn"]["provider"], "127.0.0.1", "{found}");
    assert!(systems(&found) >= Some(3), "{found}");

    // The sign-in opens all that apps run on there: a board of nothing would be no answer.
    let words = [&["board"][..], &ask].concat();
    let (code, page, beside) = said(&terminal.run(&words));
    assert_eq!(code, Some(3), "{beside}");
    assert!(page.is_empty(), "{page}");
    assert_eq!(beside.lines().count(), 2, "{beside}");
}

#[test]
fn signed_out_nothing_was_shown_of_what_no_sign_in_opens() {
    let company = Company::serve(5);
    let team = std::fs::read_to_string(company.team()).expect("the team file");
    let file = company.folder.path().join("both.yaml");
    let more = "signIn: {issuer: 'http://127.0.0.1:1', clientId: landfall}\n";
    std::fs::write(&file, format!("{team}\n{more}")).expect("written");
    let (file, kubeconfig) = (file.display().to_string(), company.kubeconfig());
    let kubeconfig = kubeconfig.display().to_string();
    let words = ["board", "--team", &file, "--kubeconfig", &kubeconfig];
    let (code, page, beside) = said(&Terminal::new().run(&words));
    assert_eq!(code, Some(0), "{page}{beside}");
    assert!(page.contains("Needs attention"), "{page}");
    assert_eq!(beside.lines().count(), 1, "{beside}");
    assert!(
        beside.contains("nobody is signed in at 127.0.0.1"),
        "{beside}"
    );
    assert!(beside.contains("is left out here"), "{beside}");
}

#[test]
fn without_a_browser_no_command_but_sign_in_could_be_signed_in() {
    use std::io::{BufRead, BufReader};
    let company = Company::serve(5);
    let file = company.folder.path().join("landfall.yaml");
    let file = file.display().to_string();
    let terminal = Terminal::new();
    let mut command = terminal.command(&["board", "--team", &file, "--code"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Owned(command.spawn().expect("landfall runs"));
    let beside = BufReader::new(child.0.stderr.take().expect("piped"));
    let lines: Vec<String> = beside.lines().map_while(Result::ok).take(3).collect();
    assert!(lines[0].starts_with("Open http://127.0.0.1:"), "{lines:?}");
    assert!(lines[0].ends_with("on any machine and type"), "{lines:?}");
    assert!(!lines[2].trim().is_empty(), "the code: {lines:?}");
}

#[test]
fn a_team_that_nobody_joined_was_left_and_spoken_of() {
    let terminal = Terminal::new();
    let output = terminal.run(&["team", "leave"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(text(&output), "No team was joined here.\n");
    for host in ["github.com", "code.shop.example"] {
        let output = terminal.run(&["sign-in", "--code-host", host]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(
            said.contains("no team was joined here whose file names"),
            "{said}"
        );
        assert!(said.contains("landfall team join LINK"), "{said}");
    }
}

#[test]
fn a_file_without_signed_by_was_said_to_name_a_bad_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, key) = (path("landfall.yaml"), path("key"));
    std::fs::write(&file, "version: 1\nname: tide\n").expect("written");
    let terminal = Terminal::new();
    let made = terminal.run(&["team", "key", &key, "--no-password"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made));
    let output = terminal.run(&["team", "sign", &file, "--key", &key, "--no-password"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("signedBy is absent"), "{said}");
    assert!(!said.contains("no minisign public key"), "{said}");
}

#[test]
fn a_team_joined_by_a_path_could_be_updated_in_its_folder_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let terminal = Terminal::new();
    let run = |words: &[&str], within: &std::path::Path| {
        let output = terminal.command(words).current_dir(within).output();
        let output = output.expect("landfall runs");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            text(&output)
        );
        text(&output)
    };
    let made = run(&["team", "key", "key", "--no-password"], folder.path());
    let line = |before: &str| {
        let mut lines = made.lines().skip_while(|line| !line.contains(before));
        lines.next().unwrap_or_default().trim().to_owned()
    };
    let fingerprint = made.lines().last().unwrap_or_default().trim().to_owned();
    let file = format!("version: 1\n{}\n", line("signedBy:"));
    std::fs::write(folder.path().join("landfall.yaml"), file).expect("written");
    let sign = [
        "team",
        "sign",
        "landfall.yaml",
        "--key",
        "key",
        "--no-password",
    ];
    run(&sign, folder.path());
    let spoken = fingerprint.replace('-', "").to_uppercase();
    let join = ["team", "join", "landfall.yaml", "--fingerprint", &spoken];
    run(&join, folder.path());
    let updated = run(&["team", "update"], std::path::Path::new("/"));
    assert!(updated.contains("is here already"), "{updated}");
}

#[test]
fn a_board_of_nothing_was_a_lone_header_and_scripts_were_told_of_no_exit_code() {
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = dead.local_addr().expect("an address");
    drop(dead);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(config_of(&format!("http://{address}")).as_bytes())
        .expect("written");
    let path = file.path().display().to_string();
    let terminal = Terminal::new();
    for command in ["board", "coverage"] {
        let (code, page, beside) = said(&terminal.run(&[command, "--kubeconfig", &path]));
        assert_eq!(code, Some(3), "{page}{beside}");
        assert!(page.contains("Cluster a could not be read"), "{page}");
        assert!(!page.lines().any(|line| line == "app"), "{page}");
    }
    // That nothing could be asked is no news of nothing having happened.
    let (code, page, beside) = said(&terminal.run(&["changes", "--kubeconfig", &path]));
    assert_eq!(code, Some(3), "{page}{beside}");
    assert!(page.contains("Cluster a could not be read"), "{page}");
    assert!(!page.contains("Nothing happened"), "{page}");
    for words in [&["why"][..], &["board"], &["doctor"], &["team", "check"]] {
        let help = text(&terminal.run(&[words, &["--help"]].concat()));
        assert!(help.contains("Exit codes: 0 "), "{help}");
    }
}
