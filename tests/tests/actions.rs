//! Actions in the terminal, from the plan to the proof and its record: the real program on the embedded company.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use product_tests::{Company, Owned, Terminal, json, text};
use serde_json::Value;

/// A terminal in front of a company of its own, with a record of its own.
struct Desk {
    company: Company,
    terminal: Terminal,
    data: tempfile::TempDir,
    /// The app that is well everywhere.
    app: String,
}

impl Desk {
    fn at(seed: u64) -> Self {
        let company = Company::serve(seed);
        let app = company.situation("delivered-everywhere")["app"].clone();
        Self {
            terminal: Terminal::new(),
            data: tempfile::tempdir().expect("a folder"),
            app: app.as_str().expect("an app").to_owned(),
            company,
        }
    }

    /// `landfall` with these words, its record here, and nobody at its input.
    fn bare(&self, words: &[&str]) -> Command {
        let mut command = self.terminal.command(words);
        command
            .env("XDG_DATA_HOME", self.data.path())
            .stdin(Stdio::null());
        command
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.bare(words);
        command
            .arg("--kubeconfig")
            .arg(self.company.kubeconfig())
            .arg("--team")
            .arg(self.company.team());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("landfall runs")
    }

    /// What opens no system.
    fn offline(&self, words: &[&str]) -> Output {
        self.bare(words).output().expect("landfall runs")
    }

    /// The plan of what these words ask for.
    fn plan(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let document = json(&output);
        assert!(document.get("run").is_none(), "it was run: {document}");
        document["plan"].clone()
    }

    /// Plans and means exactly that. What Flux writes between the two makes another plan, which is read anew.
    fn mean(&self, words: &[&str]) -> Output {
        for _ in 0..3 {
            let plan = self.plan(words);
            let output = self.confirm(words, hash(&plan));
            if !text(&output).contains(STALE) {
                return output;
            }
        }
        panic!("the plan was another each time");
    }

    fn confirm(&self, words: &[&str], hash: &str) -> Output {
        self.run(&[words, &["--confirm", hash]].concat())
    }

    /// An object as the company has it, whole.
    fn read(&self, object: &Value) -> Value {
        let kind = word(object, "kind").to_lowercase();
        let words = [
            "get",
            &kind,
            word(object, "name"),
            "-n",
            word(object, "namespace"),
            "-o",
            "json",
            "--show-managed-fields",
        ];
        let read = self.company.kubectl(word(object, "system"), &words, "");
        serde_json::from_str(&read).expect("JSON")
    }

    /// The ids of a workload's pods that are not on their way out.
    fn pods(&self, object: &Value) -> BTreeSet<String> {
        let workload = self.read(object);
        let labels = workload["spec"]["selector"]["matchLabels"].as_object();
        let labels = labels.expect("it chooses its pods by labels").clone();
        let words = ["get", "pods", "-n", word(object, "namespace"), "-o", "json"];
        let read = self.company.kubectl(word(object, "system"), &words, "");
        let read: Value = serde_json::from_str(&read).expect("JSON");
        let pods = read["items"].as_array().expect("pods").iter();
        let pods = pods.map(|pod| &pod["metadata"]);
        pods.filter(|pod| pod.get("deletionTimestamp").is_none())
            .filter(|pod| {
                labels
                    .iter()
                    .all(|(name, value)| pod["labels"][name] == *value)
            })
            .map(|pod| word(pod, "uid").to_owned())
            .collect()
    }

    fn journal(&self) -> PathBuf {
        self.data.path().join("landfall/journal/journal.jsonl")
    }

    /// The command, run by the company's support engineer, who signs in with a code.
    fn by_support(&self, words: &[&str]) -> Output {
        let mut command = self.bare(words);
        command
            .arg("--team")
            .arg(self.company.folder.path().join("landfall.yaml"))
            .args(["--code", "--patience", "20"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Owned(command.spawn().expect("landfall runs"));
        let mut beside = BufReader::new(child.0.stderr.take().expect("piped"));
        let mut lines = [String::new(), String::new(), String::new()];
        for line in &mut lines {
            beside.read_line(line).expect("it says where to sign in");
        }
        let address = lines[0].split(' ').nth(1).expect("an address");
        // The second of the people on the provider's page.
        let form = format!("user_code={}&person=1", lines[2].trim());
        let answer = post(address, &form);
        assert!(answer.starts_with("HTTP/1.1 200"), "{lines:?}: {answer}");
        let rest = std::thread::spawn(move || {
            let mut rest = Vec::new();
            beside.read_to_end(&mut rest).map(|_| rest)
        });
        let mut stdout = Vec::new();
        let mut page = child.0.stdout.take().expect("piped");
        page.read_to_end(&mut stdout).expect("read");
        Output {
            status: child.0.wait().expect("landfall ends"),
            stdout,
            stderr: rest.join().expect("read").expect("read"),
        }
    }
}

/// What a hash of another plan is told.
const STALE: &str = "this is not the plan that was confirmed";

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text")
}

fn hash(plan: &Value) -> &str {
    word(plan, "hash")
}

/// Sends a form to a page of this machine; the answer.
fn post(address: &str, form: &str) -> String {
    let rest = address.strip_prefix("http://").expect("of this machine");
    let (host, path) = rest.split_once('/').expect("a page");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// What of a workload a restart or a scaling would have changed; its status is the controllers'.
fn declared(object: &Value) -> Value {
    serde_json::json!([object["spec"], object["metadata"]["annotations"]])
}

#[test]
fn a_restart_was_sent_by_its_plan_or_sent_twice() {
    let desk = Desk::at(1);
    let words = ["run", "restart", &desk.app, "--env", "staging"];
    let plan = desk.plan(&words);
    let (object, hash) = (&plan["object"], hash(&plan));
    let (before, old) = (desk.read(object), desk.pods(object));
    assert!(!old.is_empty(), "{before}");

    let shown = desk.run(&words);
    let said = text(&shown);
    assert_eq!(shown.status.code(), Some(0), "{said}");
    for part in [
        "Restart Deployment",
        "where    staging",
        "sends PATCH /apis/apps/v1/",
        "the server would take it",
        "Nothing was changed",
        &format!("--confirm {hash}"),
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert_eq!(desk.read(object), before, "a plan leaves no trace");

    let ran = desk.confirm(&words, hash);
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("✓ Worked. "), "{said}");
    let new = desk.pods(object);
    assert_eq!(new.len(), old.len(), "{said}");
    assert!(new.is_disjoint(&old), "old pods are still there: {said}");

    let after = declared(&desk.read(object));
    assert_ne!(after, declared(&before));
    let again = desk.confirm(&words, hash);
    assert_eq!(again.status.code(), Some(3), "{}", text(&again));
    assert!(text(&again).contains(STALE), "{}", text(&again));
    assert_eq!(declared(&desk.read(object)), after, "it was sent twice");
    assert_eq!(desk.pods(object), new);

    let runs = json(&desk.offline(&["runs", "--json"]));
    let runs = runs["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["stands"]["outcome"], "worked");
    let audit = desk.offline(&["audit", "verify"]);
    assert_eq!(audit.status.code(), Some(0), "{}", text(&audit));
    assert!(text(&audit).contains("records are what was written"));
    let shown = desk.offline(&["audit", "show", "--run", word(&runs[0], "run")]);
    let said = text(&shown);
    assert!(said.contains("began restart on Deployment"), "{said}");
    assert!(said.contains("over, worked: "), "{said}");
}

#[test]
fn what_changed_after_the_plan_was_changed_again_and_what_is_so_already_too() {
    let desk = Desk::at(1);
    let words = ["run", "restart", &desk.app, "--env", "staging"];
    let plan = desk.plan(&words);
    let object = &plan["object"];
    let pods = desk.pods(object);
    let annotate = [
        "annotate",
        "deployment",
        word(object, "name"),
        "-n",
        word(object, "namespace"),
        "somebody=was-here",
    ];
    desk.company.kubectl(word(object, "system"), &annotate, "");
    let before = declared(&desk.read(object));
    let late = desk.confirm(&words, hash(&plan));
    let said = text(&late);
    assert_eq!(late.status.code(), Some(3), "{said}");
    assert!(said.contains(STALE), "{said}");
    assert!(
        said.contains("sends PATCH"),
        "the new plan is shown: {said}"
    );
    assert_eq!(declared(&desk.read(object)), before);
    assert_eq!(desk.pods(object), pods);

    let replicas = desk.read(object)["spec"]["replicas"]
        .as_u64()
        .expect("a number");
    let to = format!("to={replicas}");
    let words = [
        "run", "scale", &desk.app, "--env", "staging", "--input", &to,
    ];
    let plan = desk.plan(&words);
    assert_eq!(plan["nothing"], true, "{plan}");
    let shown = desk.run(&words);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    assert!(text(&shown).contains("There is nothing to do"));
    let whole = desk.read(object);
    let ran = desk.confirm(&words, hash(&plan));
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("Nothing to do."), "{}", text(&ran));
    assert_eq!(desk.read(object), whole);
}

#[test]
fn production_was_one_click() {
    let desk = Desk::at(1);
    let words = ["run", "restart", &desk.app, "--env", "production"];
    let plan = desk.plan(&words);
    assert_eq!(plan["confirm"], "named", "{plan}");
    assert_eq!(plan["production"], true, "{plan}");
    let object = &plan["object"];
    let (before, pods) = (declared(&desk.read(object)), desk.pods(object));
    let piped = desk.run(&words);
    assert_eq!(piped.status.code(), Some(0), "{}", text(&piped));
    assert!(text(&piped).contains("Nothing was changed"));
    let clicked = desk.run(&[&words[..], &["--yes"]].concat());
    let said = text(&clicked);
    assert_eq!(clicked.status.code(), Some(3), "{said}");
    assert!(said.contains("takes more than --yes"), "{said}");
    let guessed = desk.confirm(&words, &"0".repeat(64));
    assert_eq!(guessed.status.code(), Some(3), "{}", text(&guessed));
    assert_eq!(declared(&desk.read(object)), before);
    assert_eq!(desk.pods(object), pods);
    assert!(!desk.journal().exists(), "nothing was to be run");
}

#[test]
fn words_that_mean_nothing_or_several_things_were_taken_for_one() {
    let desk = Desk::at(1);
    let app = desk.app.as_str();
    for (words, wanted) in [
        (
            &["restrat", app, "--env", "staging"][..],
            "there is no action 'restrat'",
        ),
        (
            &["scale", app, "--env", "staging", "--input", "to=many"],
            "a whole number from 0 to 100",
        ),
        (&["scale", app, "--env", "staging"], "nothing was said"),
        (
            &["restart", app, "--env", "staging", "--input", "to=1"],
            "does not ask for this",
        ),
        (
            &["scale", app, "--input", "to=1", "--input", "to=2"],
            "is given twice",
        ),
        (&["restart", app], "production in "),
        (&["restart", app, "--env", "mars"], "It runs in:"),
        (&["restart", "no-such-app-anywhere"], "no-such-app-anywhere"),
        (&["restart", "shop/cart"], "Kind/namespace/name"),
        (&["restart", "Deployment/shop/cart"], "--cluster"),
        (
            &["restart", "Secret/shop/cart", "--cluster", "prod"],
            "no action for a 'Secret'",
        ),
    ] {
        let words = [&["run"], words].concat();
        let output = desk.run(&words);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(64), "{words:?}: {said}");
        assert!(
            said.contains(wanted),
            "{words:?}: {wanted} is not in: {said}"
        );
    }
    assert!(!desk.journal().exists(), "nothing was to be run");
}

#[test]
fn support_scaled_what_only_others_may_scale() {
    let desk = Desk::at(1);
    let place = [desk.app.as_str(), "--env", "staging"];
    let listed = desk.by_support(&[&["actions", "list"], &place[..], &["--json"]].concat());
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed));
    let listed = json(&listed);
    let offers = listed["offers"].as_array().expect("offers");
    let greyed = |action: &str| {
        let offer = offers.iter().find(|offer| offer["action"] == action);
        offer.expect("it is offered")["greyed"].as_str()
    };
    let why = "Scale is for developer, sre; you are support";
    assert_eq!(greyed("scale"), Some(why));
    assert_eq!(greyed("restart"), None);

    let object = &listed["object"];
    let before = declared(&desk.read(object));
    let tried = desk.by_support(&[&["run", "scale"], &place[..], &["--input", "to=5"]].concat());
    assert_eq!(tried.status.code(), Some(3), "{}", text(&tried));
    assert!(text(&tried).contains(why), "{}", text(&tried));
    assert_eq!(declared(&desk.read(object)), before);
}

#[test]
fn flux_was_said_to_have_looked_stopped_or_gone_on_without_it() {
    let desk = Desk::at(1);
    let restart = ["run", "restart", &desk.app, "--env", "staging"];
    let cluster = word(&desk.plan(&restart)["object"], "system").to_owned();
    let target = format!("kustomization/flux-system/{}-staging", desk.app);
    let words = |action: &'static str| {
        [
            "run",
            action,
            target.as_str(),
            "--cluster",
            cluster.as_str(),
        ]
    };
    let is_suspended = |object: &Value| desk.read(object)["spec"]["suspend"] == true;

    let plan = desk.plan(&words("reconcile"));
    let object = plan["object"].clone();
    let handled = |of: &Value| of["status"]["lastHandledReconcileAt"].clone();
    let before = handled(&desk.read(&object));
    let ran = desk.mean(&words("reconcile"));
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("✓ Worked. "), "{}", text(&ran));
    let after = handled(&desk.read(&object));
    assert!(after.is_string() && after != before, "{after}");

    let without = desk.run(&words("suspend"));
    assert_eq!(without.status.code(), Some(3), "{}", text(&without));
    assert!(text(&without).contains("asks for a reason"));
    assert!(!is_suspended(&object));
    let because = "it's being \"mended\" by $(hand)";
    let suspend = [&words("suspend")[..], &["--reason", because]].concat();
    let ran = desk.mean(&suspend);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    assert!(is_suspended(&object));
    let noted = desk.read(&object)["metadata"]["annotations"].take();
    assert_eq!(noted["landfall.dev/suspended-because"], because);

    let ran = desk.mean(&words("resume"));
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    assert!(text(&ran).contains("✓ Worked. "), "{}", text(&ran));
    assert!(!is_suspended(&object));
    let said = text(&desk.offline(&["runs"]));
    assert!(said.contains(&format!("because: {because}")), "{said}");
}

#[test]
fn with_an_altered_record_something_was_sent() {
    let desk = Desk::at(1);
    let restart = ["run", "restart", &desk.app, "--env", "staging"];
    let plan = desk.plan(&restart);
    let object = &plan["object"];
    let before = desk.read(object);
    let to = format!("to={}", before["spec"]["replicas"]);
    // There was nothing to do, and that is on record.
    let scale = [
        "run", "scale", &desk.app, "--env", "staging", "--input", &to,
    ];
    let ran = desk.mean(&scale);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    let audit = desk.offline(&["audit", "verify"]);
    assert_eq!(audit.status.code(), Some(0), "{}", text(&audit));

    let mut record = std::fs::read(desk.journal()).expect("the record");
    let first = record.iter().position(|byte| *byte == b'\n');
    let place = first.expect("a line") / 2;
    record[place] ^= 1;
    std::fs::write(desk.journal(), record).expect("written");

    let audit = desk.offline(&["audit", "verify"]);
    assert_eq!(audit.status.code(), Some(2), "{}", text(&audit));
    assert!(
        text(&audit).contains("record 1 does not fit"),
        "{}",
        text(&audit)
    );
    let ran = desk.confirm(&restart, hash(&plan));
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(64), "{said}");
    assert!(said.contains("record 1 does not fit"), "{said}");
    assert!(
        said.contains("Nothing is sent without a record of it"),
        "{said}"
    );
    assert_eq!(desk.read(object), before);
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_run_left_it_in_the_middle() {
    let desk = Desk::at(1);
    let words = ["run", "restart", &desk.app, "--env", "staging"];
    let plan = desk.plan(&words);
    let mut command = desk.command(&[&words[..], &["--confirm", hash(&plan)]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Owned(command.spawn().expect("landfall runs"));
    let mut beside = BufReader::new(child.0.stderr.take().expect("piped")).lines();
    let sent = beside.find_map(|line| line.ok().filter(|line| line.contains(", sent")));
    sent.expect("it says that it was sent");
    let stop = Command::new("kill")
        .args(["-INT", &child.0.id().to_string()])
        .status();
    assert!(stop.expect("kill runs").success());
    let rest: Vec<String> = beside.map_while(Result::ok).collect();
    let mut page = String::new();
    let mut stdout = child.0.stdout.take().expect("piped");
    stdout.read_to_string(&mut page).expect("read");
    let code = child.0.wait().expect("it ends").code();
    assert_eq!(code, Some(2), "{page}{rest:?}");
    assert!(page.contains("✗ Stopped. "), "{page}{rest:?}");
    let runs = json(&desk.offline(&["runs", "--json"]));
    assert_eq!(
        runs["runs"][0]["stands"]["outcome"], "cancelled",
        "it is over, and on record: {runs}"
    );
}

#[test]
fn what_needs_no_system_asked_for_one() {
    let terminal = Terminal::new();
    let said = |words: &[&str]| {
        let output = terminal.run(words);
        (output.status.code(), text(&output))
    };
    let (code, page) = said(&["actions", "list"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("for developer, support, sre"), "{page}");
    let (code, page) = said(&["actions", "show", "scale"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("patch deployments"), "{page}");
    let (code, page) = said(&["actions", "show", "restrat"]);
    assert_eq!(code, Some(64), "{page}");
    assert!(page.contains("restart"), "{page}");
    let schema = json(&terminal.run(&["actions", "schema"]));
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
    let (code, page) = said(&["runs"]);
    assert_eq!((code, page.contains("Nothing was run")), (Some(0), true));
    let (code, page) = said(&["audit", "verify"]);
    assert_eq!((code, page.contains("no record")), (Some(0), true));
}

#[test]
fn an_action_that_is_not_as_its_case_says_was_green() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = folder.path().join("tests/flush");
    std::fs::create_dir_all(&cases).expect("made");
    let action = "version: 1\nid: flush\ntitle: Flush\nabout: Empties it.\nroles: [sre]\n\
                  on: {kinds: [Pod]}\nsteps: [deletePod: {}]\nundo: {not: It is empty.}\n";
    std::fs::write(folder.path().join("flush.yaml"), action).expect("written");
    let case = |why: &str| {
        let case = format!(
            "says: Support sees it greyed out\ntarget: {{kind: Pod, namespace: shop, name: cache}}\n\
             roles: [support]\nobjects: []\nexpect:\n  greyed: {why}\n"
        );
        std::fs::write(cases.join("greyed.yaml"), case).expect("written");
        let path = folder.path().display().to_string();
        let output = Terminal::new().run(&["actions", "test", &path]);
        (output.status.code(), text(&output))
    };
    let (code, page) = case("Flush is for sre; you are support");
    assert_eq!(code, Some(0), "{page}");
    assert!(
        page.starts_with("ok     tests/flush/greyed.yaml: "),
        "{page}"
    );
    let (code, page) = case("Flush is for everybody");
    assert_eq!(code, Some(2), "{page}");
    assert!(
        page.starts_with("FAILED tests/flush/greyed.yaml: "),
        "{page}"
    );
}

/// The blocks of docs/ACTION-FILES.md that are files, by their names.
fn files_of_the_guide() -> Vec<(String, String)> {
    let blocks = GUIDE.split("```yaml\n# ").skip(1);
    let file = |block: &str| {
        let (text, _) = block.split_once("```").expect("a block ends");
        let (name, text) = text.split_once('\n').expect("a file's name comes first");
        (name.to_owned(), text.to_owned())
    };
    blocks.map(file).collect()
}

/// What the guide says that a command prints; and the words of that command.
fn of_the_guide(command: &str) -> (Vec<String>, String) {
    let at = GUIDE.find(&format!("$ {command}")).expect(command);
    let (block, _) = GUIDE[at..].split_once("```").expect("a block ends");
    let (words, printed) = block.split_once('\n').expect("a line");
    let words = words.trim_start_matches("$ landfall ").split(' ');
    (words.map(str::to_owned).collect(), printed.to_owned())
}

const GUIDE: &str = include_str!("../../docs/ACTION-FILES.md");

/// A CronJob that fills a cart's cache at once, of an image that there is.
fn fill(namespace: &str, image: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: fill, namespace: {namespace}}}\n\
         spec:\n  schedule: 0 6 * * 1\n  suspend: true\n  jobTemplate:\n    spec:\n      backoffLimit: 0\n      \
         template:\n        spec:\n          restartPolicy: Never\n          \
         containers: [{{name: fill, image: '{image}'}}]\n"
    )
}

impl Desk {
    /// The guide's folder, for the app of this company that is called cart there.
    fn write_the_guides_folder(&self, folder: &std::path::Path) {
        std::fs::create_dir_all(folder.join("tests/refill")).expect("made");
        for (name, text) in files_of_the_guide() {
            let text = match name.as_str() {
                "refill.yaml" => text.replace("apps: [cart]", &format!("apps: [{}]", self.app)),
                _ => text.replace("app: cart,", &format!("app: {},", self.app)),
            };
            let text = text.replace("app: cart}", &format!("app: {}}}", self.app));
            std::fs::write(folder.join(name), text).expect("written");
        }
    }

    /// The words of the guide with this company's app and this folder.
    fn as_the_guide(&self, words: &[String], folder: &std::path::Path) -> Vec<String> {
        let folder = folder.display().to_string();
        let word = |word: &String| match word.as_str() {
            "cart" => self.app.clone(),
            "landfall-actions" => folder.clone(),
            other => other.to_owned(),
        };
        words.iter().map(word).collect()
    }

    /// A team file beside the company's own that says more.
    fn team_that_says(&self, more: &str) -> PathBuf {
        let team = std::fs::read_to_string(self.company.team()).expect("the team file");
        // Its file of credentials lies beside it.
        let path = self.company.folder.path().join("team-of-a-test.yaml");
        std::fs::write(&path, format!("{team}\n{more}\n")).expect("written");
        path
    }

    /// The command, with this team file.
    fn in_team(&self, team: &std::path::Path, words: &[&str]) -> Output {
        let mut command = self.bare(words);
        command.arg("--kubeconfig").arg(self.company.kubeconfig());
        command.arg("--team").arg(team);
        command.output().expect("landfall runs")
    }

    /// Puts a folder's files into a repository of the company's under a tag, as `git push` does; the repository.
    fn push_folder(&self, folder: &std::path::Path, tag: &str) -> String {
        let board = json(&self.run(&["board", "--json"]));
        let mut rows = board["rows"].as_array().expect("rows").iter();
        let repository = rows
            .find_map(|row| row["repository"].as_str())
            .expect("an app says its repository");
        let (_, path) = repository.split_once('/').expect("host and path");
        let team = std::fs::read_to_string(self.company.team()).expect("the team file");
        let address = team
            .lines()
            .find_map(|line| line.trim_start_matches("- ").strip_prefix("address: "))
            .expect("the code host's address");
        let work = tempfile::tempdir().expect("a folder");
        let there = work.path().join("landfall-actions");
        std::fs::create_dir_all(&there).expect("made");
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().is_file() {
                std::fs::copy(entry.path(), there.join(entry.file_name())).expect("copied");
            }
        }
        let git = |words: &[&str]| {
            let who = ["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"];
            let output = Command::new("git")
                .arg("-C")
                .arg(work.path())
                .args(who)
                .args(words)
                .output()
                .expect("git runs");
            assert!(output.status.success(), "{words:?}: {}", text(&output));
        };
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "Refill"]);
        git(&["tag", tag]);
        git(&["push", "--quiet", &format!("{address}/{path}.git"), tag]);
        repository.to_owned()
    }
}

#[test]
fn the_guide_to_ones_own_actions_led_to_none() {
    let desk = Desk::at(1);
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("landfall-actions");
    desk.write_the_guides_folder(&folder);

    let (words, printed) = of_the_guide("landfall actions test");
    let words = desk.as_the_guide(&words, &folder);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let tested = desk.offline(&words);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested));
    assert_eq!(text(&tested), printed);

    // The shop of this company has no such job yet.
    let restart = ["run", "restart", &desk.app, "--env", "staging"];
    let object = desk.plan(&restart)["object"].clone();
    let namespace = word(&object, "namespace").to_owned();
    let apply = ["apply", "-f", "-"];
    let system = word(&object, "system");
    let deployment = desk.read(&object);
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    let image = image.as_str().expect("an image");
    desk.company
        .kubectl(system, &apply, &fill(&namespace, image));

    let (words, _) = of_the_guide("landfall run refill");
    let words = desk.as_the_guide(&words, &folder);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let before = desk.pods(&object);
    let ran = desk.mean(&words);
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("✓ Worked. "), "{said}");
    assert!(desk.pods(&object).is_disjoint(&before), "{said}");
    let jobs = ["get", "jobs", "-n", &namespace, "-o", "name"];
    let jobs = desk.company.kubectl(system, &jobs, "");
    assert!(jobs.contains("job.batch/fill-"), "{jobs}");

    // From the folder that the team file names: no words of the folder any more.
    let repository = desk.push_folder(&folder, "refill-1");
    let team = desk.team_that_says(&format!(
        "actions:\n- https://{repository}//landfall-actions?ref=refill-1"
    ));
    let run = [
        "run", "refill", &desk.app, "--env", "staging", "--input", "job=fill",
    ];
    let shown = desk.in_team(&team, &[&run[..], &["--json"]].concat());
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    let plan = json(&shown)["plan"].clone();
    assert_eq!(plan["confirm"], "named", "{plan}");
    let ran = desk.in_team(&team, &[&run[..], &["--confirm", hash(&plan)]].concat());
    let said = text(&ran);
    assert!(
        said.contains("✓ Worked. ") || said.contains(STALE),
        "it is known, planned, and no other: {said}"
    );
    let mut listed = desk.bare(&["actions", "list", "--team"]);
    let listed = listed.arg(&team).output().expect("landfall runs");
    let said = text(&listed);
    assert!(said.contains("landfall-actions/refill.yaml"), "{said}");
    let unknown = desk.run(&run);
    assert_eq!(unknown.status.code(), Some(64), "{}", text(&unknown));
}

#[test]
fn a_broken_file_of_the_team_took_the_others_and_a_branch_was_a_pin() {
    let desk = Desk::at(1);
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("landfall-actions");
    desk.write_the_guides_folder(&folder);
    let refill = std::fs::read_to_string(folder.join("refill.yaml")).expect("written");
    let broken = refill
        .replace("id: refill", "id: broken")
        .replace("10m", "ten minutes");
    std::fs::write(folder.join("broken.yaml"), broken).expect("written");
    let taken = refill.replace("id: refill", "id: restart");
    std::fs::write(folder.join("taken.yaml"), taken).expect("written");
    let repository = desk.push_folder(&folder, "broken-1");
    let listed = |pin: &str| {
        let team = desk.team_that_says(&format!(
            "actions:\n- https://{repository}//landfall-actions?ref={pin}"
        ));
        let mut command = desk.bare(&["actions", "list", "--team"]);
        let output = command.arg(&team).output().expect("landfall runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output)
    };
    let said = listed("broken-1");
    for part in [
        "\nrefill  Deployment",
        "landfall-actions/broken.yaml:",
        "steps[1].restart.within: ",
        "landfall-actions/taken.yaml:",
        "“Restart”, which ships with Landfall: “Refill” needs another id",
    ] {
        assert!(
            format!("\n{said}").contains(part),
            "{part} is not in:\n{said}"
        );
    }
    assert!(!said.contains("\nbroken  "), "{said}");
    let said = listed("main");
    assert!(said.contains("'main' is a branch of"), "{said}");
    assert!(said.contains("restart  "), "what ships is there: {said}");
}

#[test]
fn a_freeze_stopped_nobody_or_whoever_said_why() {
    let desk = Desk::at(1);
    let team = desk.team_that_says(
        "freezes:\n- {environments: [staging], from: 2000-01-01T00:00:00Z, until: 2100-01-01T00:00:00Z, reason: the sale}",
    );
    let run = ["run", "restart", &desk.app, "--env", "staging"];
    let shown = desk.in_team(&team, &run);
    let said = text(&shown);
    assert!(
        said.contains("frozen   ! staging is frozen until 2100-01-01 00:00 UTC: the sale"),
        "{said}"
    );
    assert!(said.contains("--despite-freeze \"WHY\""), "{said}");
    let planned = || {
        let shown = desk.in_team(&team, &[&run[..], &["--json"]].concat());
        json(&shown)["plan"].clone()
    };
    let plan = planned();
    assert_eq!(plan["frozen"]["reason"], "the sale", "{plan}");
    let object = &plan["object"];
    let pods = desk.pods(object);
    let confirmed = |despite: &[&str]| {
        for _ in 0..3 {
            let plan = planned();
            let words = [&run[..], &["--confirm", hash(&plan)], despite].concat();
            let output = desk.in_team(&team, &words);
            if !text(&output).contains(STALE) {
                return output;
            }
        }
        panic!("the plan was another each time");
    };
    let refused = confirmed(&[]);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(
        said.contains("staging is frozen until 2100-01-01T00:00:00Z: the sale"),
        "{said}"
    );
    let secret = confirmed(&["--despite-freeze", "password=hunter2"]);
    assert_eq!(secret.status.code(), Some(3), "{}", text(&secret));
    assert!(!text(&secret).contains("hunter2"), "{}", text(&secret));
    assert_eq!(desk.pods(object), pods, "nothing was sent");
    let why = "OPS-7: checkout is down";
    let ran = confirmed(&["--despite-freeze", why]);
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(desk.pods(object).is_disjoint(&pods), "{said}");
    let audit = text(&desk.offline(&["audit", "show"]));
    assert!(
        audit.contains(&format!("in spite of a freeze: {why}")),
        "{audit}"
    );
    assert!(audit.contains("refused: restart on Deployment"), "{audit}");
    assert!(!audit.contains("hunter2"), "{audit}");
}
