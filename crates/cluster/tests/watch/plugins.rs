//! Sign-in plugins of kubeconfigs: real processes, which hang, talk too much, lie and die.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cluster::{Backoff, Cluster, Command, Consent, Context, Options, command};
use facts::Reach;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::logged::{listen, logged};
use crate::tls::{authority, serve_to, signed};
use crate::world::{World, quick, until};

const V1: &str = "client.authentication.k8s.io/v1";

/// A user whose plugin is a script. The shell runs it: a script that some other test's fork still holds open for writing
/// cannot be run itself.
fn user(script: &Path, more: &str) -> String {
    format!(
        "{{exec: {{apiVersion: {V1}, command: /bin/sh, args: ['{}'{more}}}}}",
        script.display()
    )
}

fn credential(status: &Value) -> String {
    json!({"apiVersion": V1, "kind": "ExecCredential", "status": status}).to_string()
}

/// A script that says this.
fn saying(world: &World, text: &str) -> PathBuf {
    let answer = world.file("answer", text);
    world.file("login", &format!("cat '{}'\n", answer.display()))
}

fn consenting() -> Options {
    Options {
        consent: Consent::all(),
        plugin_within: Duration::from_secs(5),
        ..quick()
    }
}

/// What is said of a cluster that is not signed in to.
async fn said(context: &Context, options: Options) -> String {
    let cluster = Cluster::start(context, options);
    error(&cluster).await
}

async fn error(cluster: &Cluster) -> String {
    let facts = until(cluster, "not signed in", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    match &facts.reach {
        Reach::Unreachable { error } => error.clone(),
        other => panic!("{other:?}"),
    }
}

/// Waits until a file has something in it.
async fn written(file: &Path) -> String {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "never written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a process is gone; one that nobody buried is.
async fn gone(pid: &str) {
    let began = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        let is_alive = stat.is_ok_and(|stat| !stat.contains(") Z "));
        if !is_alive {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{pid} lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_run_that_nobody_allowed() {
    let world = World::new();
    let ran = world.file("ran", "");
    let script = world.file(
        "login",
        &format!(
            "echo ran >> '{}'\necho '{}'\n",
            ran.display(),
            credential(&json!({"token": "t"}))
        ),
    );
    let context = world.context(&user(&script, ", get-token]"));
    let error = said(&context, quick()).await;
    assert_eq!(
        error,
        "the kubeconfig wants to run `/bin/sh …`, which nobody allowed yet (look at the whole command, and allow it if it is what you want)"
    );

    // A person sees it, and allows exactly this.
    let shown = command(&context).unwrap();
    assert_eq!(
        shown.arguments(),
        ["/bin/sh", &script.display().to_string(), "get-token"]
    );
    let allowed: Arc<Mutex<Vec<String>>> = Arc::default();
    let asked = allowed.clone();
    let options = Options {
        consent: Consent::new(move |one: &Command| asked.lock().unwrap().contains(&one.digest())),
        ..quick()
    };
    let cluster = Cluster::start(&context, options.clone());
    until(&cluster, "not allowed", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "");
    allowed.lock().unwrap().push(shown.digest());
    cluster.try_now();
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "ran\n");
    drop(cluster);

    // The file is changed behind the person's back: that is another command.
    let changes = [
        user(&script, ", get-tokens]"),
        user(
            &script,
            ", get-token], env: [{name: LD_PRELOAD, value: /tmp/x.so}]",
        ),
        user(&script, ", get-token]").replace("/bin/sh", "/bin/bash"),
    ];
    for changed in changes {
        let context = world.context(&changed);
        assert_ne!(command(&context).unwrap().digest(), shown.digest());
        let error = said(&context, options.clone()).await;
        assert!(error.contains("which nobody allowed yet"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "ran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_taken_back_ends_the_sign_in() {
    let world = World::new();
    let script = saying(&world, &credential(&json!({"token": "t"})));
    let is_allowed = Arc::new(Mutex::new(true));
    let asked = is_allowed.clone();
    let options = Options {
        consent: Consent::new(move |_| *asked.lock().unwrap()),
        heartbeat: Duration::from_millis(100),
        ..quick()
    };
    let cluster = Cluster::start(&world.context(&user(&script, "]")), options);
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    *is_allowed.lock().unwrap() = false;
    let facts = until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    let Reach::Lost { error, .. } = &facts.reach else {
        panic!()
    };
    assert!(error.contains("which nobody allowed yet"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_hangs_is_ended_with_all_that_it_began() {
    let world = World::new();
    let (own, child) = (world.file("own", ""), world.file("child", ""));
    // The grandchild does not listen to anybody.
    let script = world.file(
        "login",
        &format!(
            "echo $$ > '{}'\nsh -c 'trap \"\" TERM HUP INT; echo $$ > \"{}\"; while :; do sleep 1; done' &\nwait\n",
            own.display(),
            child.display()
        ),
    );
    let options = Options {
        plugin_within: Duration::from_secs(1),
        sign_in_backoff: Backoff {
            first: Duration::from_secs(60),
            most: Duration::from_secs(60),
        },
        ..consenting()
    };
    let began = Instant::now();
    let cluster = Cluster::start(&world.context(&user(&script, "]")), options);
    let error = error(&cluster).await;
    assert_eq!(
        error,
        "the sign-in plugin `/bin/sh …` of the kubeconfig had not ended after 1 s and was ended (does it wait for you in a browser? Sign in with it in a terminal first)"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    for file in [own, child] {
        gone(&written(&file).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_closed_takes_its_plugin_with_it() {
    let world = World::new();
    let (own, child) = (world.file("own", ""), world.file("child", ""));
    let script = world.file(
        "login",
        &format!(
            "sleep 600 & echo $! > '{}'\necho $$ > '{}'\nwait\n",
            child.display(),
            own.display()
        ),
    );
    let cluster = Cluster::start(&world.context(&user(&script, "]")), consenting());
    let pids = [written(&own).await, written(&child).await];
    drop(cluster);
    for pid in pids {
        gone(&pid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_leaves_behind_is_ended_and_not_waited_for() {
    let world = World::new();
    let child = world.file("child", "");
    let answer = world.file("answer", &credential(&json!({"token": "t"})));
    // The child holds the output open.
    let script = world.file(
        "login",
        &format!(
            "sleep 600 & echo $! > '{}'\ncat '{}'\n",
            child.display(),
            answer.display()
        ),
    );
    let cluster = Cluster::start(&world.context(&user(&script, "]")), consenting());
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    gone(&written(&child).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_no_known_shape_were_repeated_from_a_plugins_complaint() {
    listen();
    const SECRETS: [&str; 8] = [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbHVnaW4ifQ.c2lnbmF0dXJl",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYPLUGINKEY",
        "correct-horse",
        "battery-staple",
        "CorrectHorse9",
        "0.AXoAabcdefSECRETREFRESHxyz",
        "deadbeefSECRETcookie",
        "CODESECRET",
    ];
    let world = World::new();
    let [jwt, key, printed, set, password, refresh, cookie, code] = SECRETS;
    let script = world.file(
        "login",
        &format!(
            "echo '{}'\necho 'first {jwt}' >&2\necho 'refused {key} {printed} {set}' >&2\n\
             echo 'Password is {password}; refresh: {refresh}; cookie sid={cookie}; url https://u:{password}@h/?code={code}' >&2\n\
             exit 7\n",
            credential(&json!({"token": printed, "clientKeyData": key})),
        ),
    );
    let env = format!("], env: [{{name: OIDC_CLIENT_SECRET, value: {set}}}]");
    let context = world.context(&user(&script, &env));
    let shown = command(&context).unwrap();
    let cluster = Cluster::start(&context, consenting());
    let error = error(&cluster).await;
    assert_eq!(
        error,
        "the sign-in plugin `/bin/sh …` of the kubeconfig failed with exit code 7 (run it in a terminal to see what it says: that may be secret, and is never shown here)"
    );
    let connection = cluster.connection().borrow().clone();
    let facts = cluster.facts().borrow().clone();
    let told = format!("{context:?} {shown:?} {connection:?} {facts:?}");
    let lines = logged();
    assert!(lines.contains("running a sign-in plugin"));
    for secret in SECRETS {
        assert!(!told.contains(secret), "{told}");
        assert!(!lines.contains(secret), "{secret} is logged");
    }

    // It answers well this time, and is refused: the token is still nowhere.
    let token = "topsecret-plugin-token";
    let script = saying(&world, &credential(&json!({"token": token})));
    world.responder.behave(|b| b.unauthorized = true);
    let cluster = Cluster::start(&world.context(&user(&script, "]")), consenting());
    until(&cluster, "refused", |f| {
        matches!(f.reach, Reach::Unreachable { .. })
    })
    .await;
    assert!(world.responder.bearers().contains(&token.to_owned()));
    assert!(!logged().contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_credential_is_said_and_not_quoted() {
    let world = World::new();
    let ended = Timestamp::now() - SignedDuration::from_secs(5);
    let ended = json!({"token": "topsecret", "expirationTimestamp": ended.to_string()});
    let none = "wrote no ExecCredential that can be used (run it in a terminal";
    for (answer, words) in [
        ("{\"token\": topsecret".to_owned(), none),
        ("Login successful: topsecret".to_owned(), none),
        (
            credential(&json!({"clientCertificateData": "topsecret"})),
            none,
        ),
        (
            credential(&ended),
            "wrote an ExecCredential that has expired",
        ),
    ] {
        let script = saying(&world, &answer);
        let error = said(&world.context(&user(&script, "]")), consenting()).await;
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("topsecret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_prints_without_end_is_ended() {
    let world = World::new();
    let script = world.file("login", "exec yes\n");
    let error = said(&world.context(&user(&script, "]")), consenting()).await;
    assert!(
        error.starts_with("the sign-in plugin `/bin/sh …` of the kubeconfig printed more than 1 MiB and was ended (run it in a terminal"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_complains_at_length_and_answers_well_is_signed_in_with() {
    let world = World::new();
    let answer = world.file("answer", &credential(&json!({"token": "t"})));
    let script = world.file(
        "login",
        &format!(
            "yes warning | head -c 3000000 >&2\ncat '{}'\n",
            answer.display()
        ),
    );
    let cluster = Cluster::start(&world.context(&user(&script, "]")), consenting());
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_told_of_the_cluster_and_has_nobody_to_talk_to() {
    let world = World::new();
    let info = world.file("info", "");
    let answer = world.file("answer", &credential(&json!({"token": "t"})));
    // Reading what a person might type ends at once.
    let script = world.file(
        "login",
        &format!(
            "cat\necho \"$KUBERNETES_EXEC_INFO $PLACE\" > '{}'\ncat '{}'\n",
            info.display(),
            answer.display()
        ),
    );
    let more = "], env: [{name: PLACE, value: here}], provideClusterInfo: true";
    let cluster = Cluster::start(&world.context(&user(&script, more)), consenting());
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    let told = written(&info).await;
    let told = told.trim().strip_suffix(" here").unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(
        told,
        json!({"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": false,
            "cluster": {"server": format!("http://127.0.0.1:{}", world.port())}}})
    );
    assert!(world.responder.bearers().iter().all(|one| one == "t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_runs_out_is_had_anew_once_for_all_and_nothing_is_lost() {
    let world = World::new();
    let status = |token: &str, seconds: i64| {
        let expires = Timestamp::now() + SignedDuration::from_secs(seconds);
        credential(&json!({"token": token, "expirationTimestamp": expires.to_string()}))
    };
    // One that lives less than two minutes is used for half of what is left of them.
    let answer = world.file("answer", &status("first", 10));
    let runs = world.file("runs", "");
    let script = world.file(
        "login",
        &format!(
            "echo run >> '{}'\ncat '{}'\nsleep 2\n",
            runs.display(),
            answer.display()
        ),
    );
    let options = Options {
        // Shorter than the plugin takes.
        answer_within: Duration::from_millis(800),
        heartbeat: Duration::from_millis(50),
        ..consenting()
    };
    let cluster = Cluster::start(&world.context(&user(&script, "]")), options);
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    world.file("answer", &status("second", 3600));
    // Many ask while it runs.
    let began = Instant::now();
    while !world.responder.bearers().contains(&"second".to_owned()) {
        assert!(began.elapsed() < Duration::from_secs(20), "never anew");
        let object = api::ObjectRef::new("test", "Namespace", "", "shop");
        let many = (0..20).map(|_| cluster.read(&object));
        futures::future::join_all(many).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(cluster.facts().borrow().reach, Reach::Answering);
    }
    let runs = std::fs::read_to_string(&runs).unwrap().lines().count();
    assert_eq!(runs, 2, "one run served all who waited");
    let bearers = world.responder.bearers();
    let first_new = bearers.iter().position(|one| one == "second").unwrap();
    assert!(bearers[first_new..].iter().all(|one| one == "second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_is_not_kept() {
    let world = World::new();
    let answer = world.file("answer", &credential(&json!({"token": "old"})));
    let script = world.file("login", &format!("cat '{}'\n", answer.display()));
    let mut options = consenting();
    options.heartbeat = Duration::from_millis(100);
    let cluster = Cluster::start(&world.context(&user(&script, "]")), options);
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;
    // The session is ended elsewhere, and the plugin has another one.
    world.file("answer", &credential(&json!({"token": "new"})));
    world
        .responder
        .behave(|b| b.accepts = Some("new".to_owned()));
    until(&cluster, "lost", |f| matches!(f.reach, Reach::Lost { .. })).await;
    until(&cluster, "signed in again", |f| f.reach == Reach::Answering).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_plugin_is_shown_to_the_server() {
    let world = World::new();
    let authority = authority("kubernetes");
    let port = serve_to(&world, &authority).await;
    let (certificate, key) = signed(&authority);
    let status = |seconds: i64| {
        let expires = Timestamp::now() + SignedDuration::from_secs(seconds);
        credential(
            &json!({"clientCertificateData": certificate, "clientKeyData": key,
            "expirationTimestamp": expires.to_string()}),
        )
    };
    let answer = world.file("answer", &status(8));
    let runs = world.file("runs", "");
    let script = format!(
        "echo run >> '{}'\ncat '{}'\n",
        runs.display(),
        answer.display()
    );
    let script = world.file("login", &script);
    let entry = format!(
        "{{server: 'https://127.0.0.1:{port}', certificate-authority: '{}'}}",
        world.file("ca.pem", &authority.pem()).display()
    );
    let mut options = consenting();
    options.heartbeat = Duration::from_millis(100);
    let context = world.context_of(&entry, &user(&script, "]"));
    let cluster = Cluster::start(&context, options);
    until(&cluster, "signed in", |f| f.reach == Reach::Answering).await;

    // It runs out: there is another connection, with another certificate, before the server says anything.
    world.file("answer", &status(3600));
    let began = Instant::now();
    while std::fs::read_to_string(&runs).unwrap().lines().count() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "never anew");
        assert_eq!(cluster.facts().borrow().reach, Reach::Answering);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let nobody = Cluster::start(&world.context_of(&entry, "{token: t}"), quick());
    error(&nobody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_auth_provider_names_is_not_run_either() {
    let world = World::new();
    let ran = world.file("ran", "");
    let user = format!(
        "{{auth-provider: {{name: gcp, config: {{cmd-path: /bin/sh, cmd-args: '-c echo>>{}'}}}}}}",
        ran.display()
    );
    let error = said(&world.context(&user), consenting()).await;
    assert!(error.contains("which is never run"), "{error}");
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_careless_in_a_kubeconfig_is_said() {
    let world = World::new();
    let careless = world.context_of(
        "{server: 'https://h', insecure-skip-tls-verify: true, proxy-url: 'http://jo:pw@proxy:3128'}",
        "{}",
    );
    assert_eq!(
        careless.cautions,
        [
            "the server's certificate is not checked (insecure-skip-tls-verify): whoever stands in between reads all of it, the credentials too",
            "it is reached through http://proxy:3128 (proxy-url)",
        ]
    );
    assert!(world.context("{token: t}").cautions.is_empty());
}
