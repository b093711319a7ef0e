//! Versions set through Git, in the terminal: the real program, a real keyring, and the embedded company's GitHub and Flux.
#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use product_tests::{Company, Terminal, json, text};
use serde_json::Value;

/// Set where this program runs again inside of a session bus of its own.
const INSIDE: &str = "LANDFALL_TEST_SESSION";
/// What is told where the branch moved since the plan: the company lives on, and commits.
const MOVED: [&str; 2] = ["this is not the plan that was confirmed", "has moved from"];

/// How often is looked whether something is there.
const LOOK: Duration = Duration::from_millis(200);

/// Whether this is the run inside; otherwise the test was run there, with a keyring and a home that nobody else has.
fn is_inside(test: &str) -> bool {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        return true;
    }
    let home = tempfile::tempdir().expect("a folder");
    let script = format!(
        r#"printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        exec "$0" --exact {test} --nocapture"#
    );
    let ran = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().expect("this program"))
        .env(INSIDE, test)
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("dbus-run-session runs");
    let said = text(&ran);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    assert!(!said.contains("gho_"), "a token was printed: {said}");
    false
}

/// A terminal in front of a company of its own.
struct Desk {
    company: Company,
    terminal: Terminal,
    data: tempfile::TempDir,
    app: String,
    code: Host,
    registry: Host,
}

/// A host of the team file.
struct Host {
    name: String,
    address: String,
}

impl Desk {
    fn at(seed: u64) -> Self {
        let company = Company::serve(seed);
        let app = company.situation("delivered-everywhere")["app"].clone();
        let team = std::fs::read_to_string(company.team()).expect("a team file");
        Self {
            terminal: Terminal::new(),
            data: tempfile::tempdir().expect("a folder"),
            app: app.as_str().expect("an app").to_owned(),
            code: host(&team, "codeHosts:"),
            registry: host(&team, "registries:"),
            company,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").expect("a session bus");
        let mut command = self.terminal.command(words);
        command
            .env("XDG_DATA_HOME", self.data.path())
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .arg("--team")
            .arg(self.company.team())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A command that asks the company's systems.
    fn asking(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        command.arg("--kubeconfig").arg(self.company.kubeconfig());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.asking(words).output().expect("landfall runs")
    }

    fn plan(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json", "--plan"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        json(&output)["plan"].clone()
    }

    /// Plans and means exactly that; what was meant, and what came of it. Flux's sources look every five minutes: it is told
    /// of a commit in this repository as soon as that is there, as a webhook does.
    fn mean(&self, words: &[&str], repository: &str) -> (Value, Output) {
        for _ in 0..4 {
            let plan = self.plan(words);
            let hash = plan["hash"].as_str().expect("a hash");
            let before = self.ours(repository).len();
            let child = self.asking(&[words, &["--confirm", hash]].concat()).spawn();
            let child = child.expect("landfall runs");
            let ending = std::thread::spawn(move || child.wait_with_output());
            let mut is_told = false;
            while !ending.is_finished() {
                if !is_told && self.ours(repository).len() > before {
                    self.tell_flux(&plan["object"]);
                    is_told = true;
                }
                std::thread::sleep(LOOK);
            }
            let output = ending.join().expect("no panic").expect("it ends");
            let said = text(&output);
            if !MOVED.iter().any(|moved| said.contains(moved)) {
                return (plan, output);
            }
        }
        panic!("the branch moved each time");
    }

    /// The newest commits of a repository that bear a run of Landfall's, whole.
    fn ours(&self, repository: &str) -> Vec<Value> {
        let list = self.api(&format!("/repos/{repository}/commits?per_page=30"));
        let all = list.as_array().expect("commits").iter();
        let ours = |commit: &&Value| {
            let message = commit["commit"]["message"].as_str();
            message.is_some_and(|message| message.contains("Landfall-Run: "))
        };
        all.filter(ours).cloned().collect()
    }

    /// Asks the source of the app's Kustomization in production to look now.
    fn tell_flux(&self, object: &Value) {
        let system = object["system"].as_str().expect("a cluster");
        let name = format!("{}-production", self.app);
        let kubectl = |words: &[&str]| {
            let words = [words, &["-n", "flux-system"]].concat();
            self.company.kubectl(system, &words, "")
        };
        let at = "jsonpath={.spec.sourceRef.name}";
        let source = kubectl(&["get", "kustomization", &name, "-o", at]);
        let ask = "reconcile.fluxcd.io/requestedAt=a-webhook";
        kubectl(&["annotate", "--overwrite", "gitrepository", &source, ask]);
    }

    /// Signs in at the code host with a token that somebody made there.
    fn sign_in(&self) {
        let asked = post(
            &format!("{}/login/device/code", self.code.address),
            "client_id=Ov23liLandfall&scope=repo",
        );
        let user_code = field(&asked, "user_code");
        post(
            &format!("{}/login/device", self.code.address),
            &format!("user_code={user_code}&person=0"),
        );
        let device_code = field(&asked, "device_code");
        let given = post(
            &format!("{}/login/oauth/access_token", self.code.address),
            &format!(
                "client_id=Ov23liLandfall&device_code={device_code}&grant_type=urn:ietf:params:oauth:grant-type:device_code"
            ),
        );
        let token = field(&given, "access_token");
        let words = ["sign-in", "--code-host", &self.code.name, "--token"];
        let mut command = self.command(&words);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("piped");
        writeln!(stdin, "{token}").expect("told");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("Signed in at"), "{said}");
        assert!(!said.contains("ends with this command"), "{said}");
    }

    /// What the code host's API says.
    fn api(&self, path: &str) -> Value {
        get(&format!("{}/api/v3{path}", self.code.address))
    }

    /// An app that is well in production, whose version stands in a Git repository and had another one before.
    fn app_from_git(&self) -> String {
        let there = self.plan(&["run", "restart", &self.app, "--env", "production"]);
        let system = there["object"]["system"].as_str().expect("a cluster");
        let words = ["get", "kustomizations", "-n", "flux-system", "-o", "json"];
        let list = self.company.kubectl(system, &words, "");
        let list: Value = serde_json::from_str(&list).expect("JSON");
        let fits = |one: &&Value| {
            let conditions = one["status"]["conditions"].as_array();
            one["spec"]["sourceRef"]["kind"] == "GitRepository"
                && one["spec"]["suspend"] != true
                && conditions.is_some_and(|all| {
                    all.iter()
                        .any(|one| one["type"] == "Ready" && one["status"] == "True")
                })
        };
        let all = list["items"].as_array().expect("items").iter().filter(fits);
        let apps = all.filter_map(|one| {
            one["metadata"]["name"]
                .as_str()?
                .strip_suffix("-production")
        });
        for app in apps {
            let words = [
                "run",
                "restart",
                app,
                "--env",
                "production",
                "--json",
                "--plan",
            ];
            let output = self.run(&words);
            if output.status.code() != Some(0) {
                continue;
            }
            let image = self.image(&json(&output)["plan"]["object"]);
            let Some(to) = self.version_before(&image) else {
                continue;
            };
            let input = format!("to={to}");
            let words = [
                "run",
                "roll-back",
                app,
                "--env",
                "production",
                "--input",
                &input,
            ];
            let words = [&words[..], &["--reason", "x", "--json", "--plan"]].concat();
            if self.run(&words).status.code() == Some(0) {
                return app.to_owned();
            }
        }
        panic!("no app of the company is rolled back through Git");
    }

    fn image(&self, object: &Value) -> String {
        let word = |field: &str| object[field].as_str().expect("a text");
        let words = [
            "get",
            &word("kind").to_lowercase(),
            word("name"),
            "-n",
            word("namespace"),
            "-o",
            "jsonpath={.spec.template.spec.containers[0].image}",
        ];
        self.company.kubectl(word("system"), &words, "")
    }

    /// The version before this image's, of those that the registry has.
    fn version_before(&self, image: &str) -> Option<String> {
        let (name, tag) = image.rsplit_once(':')?;
        let (_, path) = name.split_once('/')?;
        let listed = get(&format!("{}/v2/{path}/tags/list", self.registry.address));
        let tags = listed["tags"].as_array().expect("tags").iter();
        let number = |tag: &str| -> Option<u64> { tag.rsplit('-').next()?.parse().ok() };
        let now = number(tag)?;
        let before = tags.filter_map(Value::as_str);
        let before = before.filter(|one| number(one).is_some_and(|one| one < now));
        let before = before.max_by_key(|tag| number(tag));
        before.map(str::to_owned)
    }
}

/// The first host below a key of the team file.
fn host(team: &str, key: &str) -> Host {
    let below = team
        .lines()
        .skip_while(|line| line.trim_end() != key)
        .skip(1);
    let below: Vec<&str> = below
        .take_while(|line| line.starts_with([' ', '-']))
        .collect();
    let value = |name: &str| {
        let mut values = below
            .iter()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(name));
        values.next().expect("it says it").trim().to_owned()
    };
    Host {
        name: value("host:"),
        address: value("address:"),
    }
}

/// What a server of this machine answers, without its headers.
fn exchange(method: &str, address: &str, headers: &str, body: &str) -> String {
    let rest = address.strip_prefix("http://").expect("of this machine");
    let (host, path) = rest.split_once('/').expect("a page");
    let mut stream = TcpStream::connect(host).expect("it listens");
    // In this version an answer comes whole, and ends with its connection.
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: test\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.contains(" 200 "), "{address}: {answer}");
    body.to_owned()
}

fn post(address: &str, form: &str) -> String {
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    exchange("POST", address, kind, form)
}

fn get(address: &str) -> Value {
    serde_json::from_str(&exchange("GET", address, "", "")).expect("JSON")
}

/// A field of an answer that is a form.
fn field<'a>(form: &'a str, name: &str) -> &'a str {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, _)| *key == name);
    found.expect("it has the field").1
}

#[test]
fn a_roll_back_was_no_commit_or_more_than_one_line_or_done_before_that_version_ran() {
    if !is_inside("a_roll_back_was_no_commit_or_more_than_one_line_or_done_before_that_version_ran")
    {
        return;
    }
    let mut desk = Desk::at(1);
    desk.app = desk.app_from_git();
    let restart = ["run", "restart", &desk.app, "--env", "production"];
    let object = desk.plan(&restart)["object"].clone();
    let was = desk.image(&object);
    let to = desk.version_before(&was).expect("a version before");
    let input = format!("to={to}");
    let words = [
        "run",
        "roll-back",
        &desk.app,
        "--env",
        "production",
        "--input",
        &input,
        "--reason",
        "the checkout is slow",
    ];

    // Nobody is signed in: that is said before anything is meant, with how, and no run gets anywhere.
    let plan = desk.plan(&words);
    let tried = plan["tried"].as_str().expect("it says why not");
    let how = format!("landfall sign-in --code-host {}", desk.code.name);
    assert!(
        tried.contains("nobody is signed in") && tried.contains(&how),
        "{tried}"
    );
    let commit = &plan["steps"][0]["commits"][0];
    let repository = commit["repository"].as_str().expect("a repository");
    let (_, path) = repository
        .split_once(&format!("{}/", desk.code.name))
        .expect("of the host");
    let path = path.trim_end_matches(".git").to_owned();
    let (_, unsent) = desk.mean(&words, &path);
    assert_eq!(unsent.status.code(), Some(2), "{}", text(&unsent));
    assert_eq!(desk.image(&object), was);

    desk.sign_in();
    let (plan, ran) = desk.mean(&words, &path);
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(said.contains("✓ Worked. "), "{said}");
    assert!(plan["tried"].is_null(), "{plan}");
    let changes = plan["steps"][0]["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 1, "{plan}");
    assert!(desk.image(&object).ends_with(&format!(":{to}")), "{said}");

    let ours = desk.ours(&path);
    let [commit] = ours.as_slice() else {
        panic!("one commit is ours: {ours:?}");
    };
    let message = commit["commit"]["message"].as_str().expect("a message");
    assert!(message.contains("Why: the checkout is slow"), "{message}");
    assert_eq!(
        commit["parents"][0]["sha"],
        plan["steps"][0]["commits"][0]["head"]
    );
    let sha = commit["sha"].as_str().expect("a SHA");
    let whole = desk.api(&format!("/repos/{path}/commits/{sha}"));
    let files = whole["files"].as_array().expect("files");
    assert_eq!(files.len(), 1, "{whole}");
    let counts = (&files[0]["additions"], &files[0]["deletions"]);
    assert_eq!(counts, (&1.into(), &1.into()), "{whole}");

    // Back again, by a pull request: it is there, and nothing that Flux follows has changed.
    let (_, tag) = was.rsplit_once(':').expect("a tag");
    let input = format!("to={tag}");
    let words = [
        "run",
        "deploy",
        &desk.app,
        "--env",
        "production",
        "--input",
        &input,
        "--input",
        "by=pullRequest",
    ];
    let (_, ran) = desk.mean(&words, &path);
    let said = text(&ran);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(
        said.contains("Nothing changes before it is merged"),
        "{said}"
    );
    let pulls = desk.api(&format!("/repos/{path}/pulls?state=open"));
    let ours = |pull: &&Value| {
        let branch = pull["head"]["ref"].as_str();
        branch.is_some_and(|branch| branch.starts_with("landfall/"))
    };
    let pulls = pulls.as_array().expect("pull requests").iter().filter(ours);
    assert_eq!(pulls.count(), 1, "one is ours");
    assert!(desk.image(&object).ends_with(&format!(":{to}")), "{said}");
}
