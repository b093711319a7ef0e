//! Signed in at a code host, in a real keyring: what one command keeps another one reads with, until it is taken back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::process::Command;
use std::time::Duration;

use api::connection::SystemKind;
use api::{Ask, Connection, ConnectionState};
use console::{Clock, Console, Sources};
use sandbox::github::Application;
use sandbox::served::Served;
use sandbox::start::{Options, System};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Set where this program runs again inside of a session bus of its own.
const INSIDE: &str = "LANDFALL_TEST_SESSION";

/// Runs the test again with a keyring and a home that nobody else has.
fn inside(test: &str) {
    let home = tempfile::tempdir().unwrap();
    let script = format!(
        r#"printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        exec "$0" --exact {test} --nocapture"#
    );
    let ran = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, test)
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let wrong = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}\n{wrong}"
    );
    for secret in ["gho_", "github_pat_canary"] {
        assert!(
            !said.contains(secret) && !wrong.contains(secret),
            "{said}\n{wrong}"
        );
    }
}

struct Team {
    sources: Sources,
    company: Served,
    host: String,
    _data: tempfile::TempDir,
}

impl Team {
    /// The company, whose code host has an application that the team file names.
    async fn begin() -> Self {
        let options = Options {
            seed: 2,
            ..Options::default()
        };
        let company = Served::start(options, None).await.expect("it starts");
        company.sandbox.company().github.register(Application {
            client_id: "Iv1.landfall".to_owned(),
            device_flow: true,
            tokens_end: false,
            interval: 1,
        });
        let host = company.sandbox.company().names.code_host.clone();
        let named = format!("host: {host}");
        let text = std::fs::read_to_string(&company.team).unwrap();
        assert!(text.contains(&named), "{text}");
        let signed_in = format!("{named}\n  signIn: {{clientId: Iv1.landfall, scopes: [repo]}}");
        let team = company.team.with_file_name("signed-in.yaml");
        std::fs::write(&team, text.replacen(&named, &signed_in, 1)).unwrap();
        let data = tempfile::tempdir().unwrap();
        let sources = Sources {
            kubeconfig: Some(company.kubeconfig.clone()),
            team: Some(team),
            data: Some(data.path().to_owned()),
            cache: Some(company.cache.clone()),
            ..Sources::default()
        };
        Self {
            sources,
            company,
            host,
            _data: data,
        }
    }

    fn sign_in(&self) -> console::CodeHostSignIn {
        console::code_host(&self.sources, &self.host, &Clock::default()).unwrap()
    }

    /// How the code host stands once everything was asked for.
    async fn code_host(&self, console: &Console) -> Connection {
        // A commit's answer asks for its CI runs, which Git alone does not tell.
        let situations = self.company.sandbox.situations();
        let delivered = situations
            .iter()
            .find(|one| one.name == "delivered-everywhere");
        let ask = Ask {
            text: delivered.unwrap().ask.clone(),
            app: None,
            environment: None,
            repository: None,
        };
        console.answer(ask, PATIENCE).await.unwrap();
        let all = console.watch_connections().settled(PATIENCE).await.unwrap();
        let code_hosts =
            |one: &Connection| one.kind == SystemKind::CodeHost && one.name == self.host;
        all.into_iter().find(code_hosts).expect("it is listed")
    }
}

#[test]
fn one_command_signs_in_and_another_reads_with_it() {
    let name = "one_command_signs_in_and_another_reads_with_it";
    if std::env::var(INSIDE).as_deref() != Ok(name) {
        return inside(name);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let team = Team::begin().await;
        let github = team.company.sandbox.company().github.clone();
        let approving = github.clone();
        let signing_in = team.sign_in();
        let who = signing_in
            .with_code(move |invitation| {
                approving.approve(&invitation.code, "mia");
            })
            .await
            .unwrap();
        assert_eq!(who, "mia (scopes repo)");
        assert_eq!(signing_in.not_kept(), None);
        drop(signing_in);

        let console = Console::open(&team.sources).unwrap();
        let stands = team.code_host(&console).await;
        assert_eq!(stands.identity.as_deref(), Some("mia (scopes repo)"));
        assert!(stands.refusals.is_empty(), "{:?}", stands.refusals);
        drop(console);

        // Taken back at the code host: it is said, and what everybody may read is read.
        github.revoke("mia");
        let console = Console::open(&team.sources).unwrap();
        let stands = team.code_host(&console).await;
        assert_eq!(stands.identity, None);
        let said = &stands.refusals[0];
        assert!(said.contains("Bad credentials"), "{said}");
        let command = format!("`landfall sign-in --code-host {}`", team.host);
        assert!(said.contains(&command), "{said}");
        assert_eq!(stands.refusals.len(), 1, "{:?}", stands.refusals);

        // Another command signs in while this one is open; with a token that is none first.
        let again = team.sign_in();
        let why = again.with_token("github_pat_canary".to_owned()).await;
        let why = why.unwrap_err();
        assert!(!why.to_string().contains("canary"), "{why}");
        github.make_token("github_pat_mia", "mia", Some("repo,read:org"), None);
        let who = again.with_token("github_pat_mia".to_owned()).await.unwrap();
        assert_eq!(who, "mia (scopes repo, read:org)");
        let signed_in = async {
            // Heads are read anew while somebody asks.
            while team.code_host(&console).await.identity.as_ref() != Some(&who) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let signed_in = tokio::time::timeout(PATIENCE, signed_in).await;
        signed_in.expect("the open console reads with it");
        let said = again.sign_out().await.unwrap();
        assert!(said.contains("/settings/tokens"), "{said}");
        drop(console);
        let console = Console::open(&team.sources).unwrap();
        let stands = team.code_host(&console).await;
        assert_eq!(stands.identity.as_deref(), Some("anonymous"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_were_settled_before_code_hosts_and_registries_had_been_asked() {
    let company = Served::start(Options::default(), None).await.unwrap();
    let sources = Sources {
        kubeconfig: Some(company.kubeconfig.clone()),
        team: Some(company.team.clone()),
        cache: Some(company.cache.clone()),
        ..Sources::default()
    };
    let console = Console::open(&sources).unwrap();
    let all = console.watch_connections().settled(PATIENCE).await.unwrap();
    let hosts = all.iter().filter(|one| !one.kind.runs_apps());
    let hosts: Vec<&Connection> = hosts.collect();
    assert_eq!(hosts.len(), 2, "{all:?}");
    for host in hosts {
        let is_live = matches!(host.state, ConnectionState::Live { .. });
        assert!(is_live, "{host:?}");
        assert_eq!(host.identity.as_deref(), Some("anonymous"));
    }
    let requests = |system| company.sandbox.requests(system).unwrap();
    let api = || requests(System::Code).count("GET /api/v3");
    assert_eq!((api(), requests(System::Registry).count("")), (1, 1));
    // Whoever looks again asks nobody; whoever wants to know does.
    console.watch_connections().settled(PATIENCE).await.unwrap();
    assert_eq!(api(), 1);
    console.ask_rights_anew();
    console.watch_connections().settled(PATIENCE).await.unwrap();
    assert_eq!((api(), requests(System::Registry).count("")), (2, 2));
}

#[tokio::test]
async fn the_embedded_company_had_no_application_to_sign_in_with_at_its_code_host() {
    let company = Served::start(Options::default(), None).await.unwrap();
    let sources = Sources {
        team: Some(company.sign_in.clone()),
        ..Sources::default()
    };
    let inside = company.sandbox.company();
    let host = &inside.names.code_host;
    let signing_in = console::code_host(&sources, host, &Clock::default()).unwrap();
    let github = inside.github.clone();
    let pages = company.sandbox.url(System::Code);
    let who = signing_in.with_code(|invitation| {
        assert!(invitation.address.as_str().starts_with(&pages));
        github.approve(&invitation.code, "mia");
    });
    assert_eq!(who.await.unwrap(), "mia (scopes repo)");
}

#[tokio::test]
async fn a_code_host_that_nobody_can_sign_in_at_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let team = folder.path().join("team.yaml");
    std::fs::write(&team, "version: 1\ncodeHosts: [{host: git.example}]\n").unwrap();
    let sources = Sources {
        team: Some(team),
        ..Sources::default()
    };
    let of = |host: &str| match console::code_host(&sources, host, &Clock::default()) {
        Ok(_) => panic!("{host} is one"),
        Err(why) => why.to_string(),
    };
    assert!(of("git.example").contains("Add `api`"));
    assert!(
        of("gitlab.example").contains("git.example"),
        "{}",
        of("gitlab.example")
    );
    console::code_host(&sources, "GitHub.com", &Clock::default()).unwrap();
}
