//! The API server as the real kubectl meets it. The program is named by `LANDFALL_KUBECTL`; `./dev test` provides it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

#[path = "kubernetes/cluster.rs"]
mod cluster;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use cluster::{Cluster, config_map, deployment, kustomization, pod, serve};
use sandbox::kubernetes::Rules;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Far longer than kubectl takes for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

struct Kubectl {
    program: PathBuf,
    home: tempfile::TempDir,
    server: String,
}

struct Said {
    out: String,
    err: String,
    success: bool,
}

impl Kubectl {
    /// kubectl for a cluster; `user` goes into the address, because kubectl sends no token over plain HTTP.
    fn of(cluster: &Cluster, user: &str) -> Self {
        let program = std::env::var_os("LANDFALL_KUBECTL").expect(
            "LANDFALL_KUBECTL must name a kubectl program: run the tests through ./dev test, which provides one",
        );
        Self {
            program: program.into(),
            home: tempfile::tempdir().unwrap(),
            server: format!("{}/as/{user}", cluster.server.url()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("none"))
            .args(["--server", &self.server, "--namespace", "shop"])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs kubectl to its end.
    async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        let output = timeout(PATIENCE, spawn_blocking(move || command.output()));
        let output = output
            .await
            .expect("kubectl ended")
            .unwrap()
            .expect("kubectl starts");
        Said {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            success: output.status.success(),
        }
    }

    /// What kubectl prints when all goes well.
    async fn says(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert!(
            said.success,
            "kubectl {arguments:?}: {}{}",
            said.out, said.err
        );
        said.out
    }

    /// What kubectl complains of.
    async fn complains(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert!(!said.success, "kubectl {arguments:?}: {}", said.out);
        said.err
    }

    /// Runs kubectl until it has printed lines with each of these words, in this order; `act` runs before the next is
    /// waited for.
    async fn prints(
        &self,
        arguments: &[&str],
        words: &'static [&'static str],
        act: impl Fn(usize),
    ) {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        let reader = spawn_blocking(move || {
            for line in lines.map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        for (index, word) in words.iter().enumerate() {
            let found = async {
                while let Some(line) = receive.recv().await {
                    if line.contains(word) {
                        return true;
                    }
                }
                false
            };
            let found = timeout(PATIENCE, found).await;
            if found != Ok(true) {
                child.kill().unwrap();
                panic!("kubectl {arguments:?} did not print {word:?}");
            }
            act(index);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(receive);
        reader.await.unwrap();
    }
}

async fn shop() -> Cluster {
    let cluster = serve().await;
    cluster.store.apply(deployment()).unwrap();
    cluster.store.apply(pod("web-1")).unwrap();
    cluster.store.apply(pod("web-2")).unwrap();
    cluster.store.apply(kustomization()).unwrap();
    let about = cluster.store.get("Pod", "shop", "web-1").unwrap();
    cluster
        .store
        .record_event(&about, true, "BackOff", "Back-off restarting", "kubelet");
    cluster
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_lists_and_describes() {
    let cluster = shop().await;
    let kubectl = Kubectl::of(&cluster, "admin");
    let pods = kubectl.says(&["get", "pods"]).await;
    let mut lines = pods.lines();
    let words = |line: Option<&str>| -> Vec<String> {
        line.unwrap()
            .split_whitespace()
            .map(ToOwned::to_owned)
            .collect()
    };
    assert_eq!(
        words(lines.next()),
        ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    );
    assert_eq!(words(lines.next())[..4], ["web-1", "1/1", "Running", "0"]);
    assert_eq!(words(lines.next())[0], "web-2");
    assert!(
        kubectl
            .says(&["get", "pods", "-o", "wide", "-A"])
            .await
            .contains("node-1")
    );
    assert!(
        kubectl
            .says(&["get", "all"])
            .await
            .contains("deployment.apps/web")
    );
    assert!(
        kubectl
            .says(&["get", "ks"])
            .await
            .contains("Applied revision: main@sha1:0000")
    );
    assert!(
        kubectl
            .says(&["get", "deploy", "web", "-o", "yaml"])
            .await
            .contains("image: proxy:1")
    );
    assert_eq!(
        kubectl
            .says(&[
                "get",
                "pods",
                "--chunk-size=1",
                "-l",
                "app in (web)",
                "-o",
                "name"
            ])
            .await,
        "pod/web-1\npod/web-2\n"
    );
    assert!(
        kubectl
            .says(&["get", "events"])
            .await
            .contains("Back-off restarting")
    );
    assert!(
        kubectl
            .says(&["api-resources"])
            .await
            .contains("helmreleases")
    );
    assert!(
        kubectl
            .says(&["explain", "kustomization"])
            .await
            .contains("kustomize.toolkit.fluxcd.io")
    );

    let described = kubectl.says(&["describe", "pod", "web-1"]).await;
    assert!(
        described.contains("Image ID:       web@sha256:00"),
        "{described}"
    );
    assert!(described.contains("Warning  BackOff"), "{described}");
    assert!(
        kubectl
            .says(&["describe", "deployment", "web"])
            .await
            .contains("2 desired")
    );
    assert!(
        kubectl
            .says(&["describe", "ks", "shop"])
            .await
            .contains("ReconciliationSucceeded")
    );
    assert!(
        kubectl
            .says(&["version"])
            .await
            .contains("Server Version: v1.")
    );
    let missing = kubectl.complains(&["get", "pod", "none"]).await;
    assert_eq!(
        missing.trim(),
        "Error from server (NotFound): pods \"none\" not found"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_watches_and_follows() {
    let cluster = shop().await;
    let kubectl = Kubectl::of(&cluster, "admin");
    let store = cluster.store.clone();
    kubectl
        .prints(
            &["get", "pods", "-w"],
            &["web-2", "web-3", "Terminated", "web-2"],
            |step| match step {
                0 => drop(store.apply(pod("web-3")).unwrap()),
                1 => store
                    .edit("Pod", "shop", "web-3", |pod| {
                        pod["status"]["reason"] = json!("Terminated")
                    })
                    .unwrap(),
                2 => assert!(store.delete("Pod", "shop", "web-2")),
                _ => {}
            },
        )
        .await;
    store.set_log(
        "shop",
        "web-1",
        "web",
        false,
        vec!["one".into(), "two".into()],
    );
    kubectl
        .prints(
            &["logs", "-f", "--tail=1", "web-1"],
            &["two", "three"],
            |step| {
                if step == 0 {
                    store.append_log("shop", "web-1", "web", vec!["three".into()]);
                }
            },
        )
        .await;
    assert_eq!(kubectl.says(&["logs", "web-1"]).await, "one\ntwo\nthree\n");
    let none = kubectl.complains(&["logs", "web-1", "--previous"]).await;
    assert!(
        none.contains("previous terminated container \"web\" in pod \"web-1\" not found"),
        "{none}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_changes_things() {
    let cluster = shop().await;
    let kubectl = Kubectl::of(&cluster, "admin");
    let now = |kind: &str, name: &str| cluster.store.get(kind, "shop", name).unwrap();
    kubectl
        .says(&[
            "patch",
            "ks",
            "shop",
            "--type=merge",
            "-p",
            r#"{"spec":{"suspend":true}}"#,
        ])
        .await;
    assert_eq!(now("Kustomization", "shop")["spec"]["suspend"], true);
    kubectl
        .says(&[
            "annotate",
            "ks/shop",
            "reconcile.fluxcd.io/requestedAt=now",
            "--overwrite",
        ])
        .await;
    assert_eq!(
        now("Kustomization", "shop")["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"],
        "now"
    );
    kubectl.says(&["label", "pod", "web-1", "tier=front"]).await;
    assert_eq!(now("Pod", "web-1")["metadata"]["labels"]["tier"], "front");
    kubectl
        .says(&["set", "image", "deploy/web", "web=web:2"])
        .await;
    kubectl
        .says(&["scale", "deploy", "web", "--replicas=4"])
        .await;
    kubectl.says(&["rollout", "restart", "deploy", "web"]).await;
    let web = now("Deployment", "web");
    let template = &web["spec"]["template"];
    assert_eq!(template["spec"]["containers"][0]["image"], "web:2");
    assert_eq!(template["spec"]["containers"][1]["image"], "proxy:1");
    assert_eq!(web["spec"]["replicas"], 4);
    assert!(template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_string());

    let status = json!({"observedGeneration": web["metadata"]["generation"], "replicas": 4, "updatedReplicas": 4,
                        "readyReplicas": 4, "availableReplicas": 4});
    cluster
        .store
        .set_status("Deployment", "shop", "web", status)
        .unwrap();
    let rolled = kubectl
        .says(&["rollout", "status", "deploy", "web", "--timeout=10s"])
        .await;
    assert!(rolled.contains("successfully rolled out"), "{rolled}");

    let file = kubectl.home.path().join("object.json");
    let file_name = file.to_str().unwrap();
    for (value, outcome) in [("1", "created"), ("1", "unchanged"), ("2", "configured")] {
        std::fs::write(&file, config_map("applied", value).to_string()).unwrap();
        let applied = kubectl.says(&["apply", "-f", file_name]).await;
        assert!(applied.contains(outcome), "{applied}");
    }
    assert_eq!(now("ConfigMap", "applied")["data"]["value"], "2");
    kubectl
        .says(&["create", "configmap", "made", "--from-literal=a=b"])
        .await;
    assert_eq!(now("ConfigMap", "made")["data"]["a"], "b");
    kubectl.says(&["delete", "pod", "web-1"]).await;
    assert!(cluster.store.get("Pod", "shop", "web-1").is_none());
    kubectl.says(&["delete", "pods", "--all"]).await;
    assert!(cluster.store.list("Pod", None).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_hears_what_it_may_not() {
    let cluster = shop().await;
    cluster
        .store
        .set_rules("viewer", Rules::read_namespaces(&["shop"]));
    let viewer = Kubectl::of(&cluster, "viewer");
    assert!(viewer.says(&["get", "pods"]).await.contains("web-1"));
    assert_eq!(
        viewer.complains(&["get", "pods", "-A"]).await.trim(),
        "Error from server (Forbidden): pods is forbidden: User \"viewer\" cannot list resource \"pods\" in API group \
         \"\" at the cluster scope"
    );
    assert_eq!(
        viewer.says(&["auth", "can-i", "list", "pods"]).await.trim(),
        "yes"
    );
    assert_eq!(
        viewer
            .run(&["auth", "can-i", "list", "pods", "-A"])
            .await
            .out
            .trim(),
        "no"
    );
    assert!(
        viewer
            .says(&["auth", "can-i", "--list"])
            .await
            .contains("[get list watch]")
    );
    assert!(viewer.says(&["auth", "whoami"]).await.contains("viewer"));
    let stranger = Kubectl::of(&cluster, "stranger")
        .complains(&["get", "pods"])
        .await;
    assert!(
        stranger.contains("You must be logged in to the server"),
        "{stranger}"
    );

    cluster.store.without_flux();
    let admin = Kubectl::of(&cluster, "admin");
    let unknown = admin.complains(&["get", "kustomizations"]).await;
    assert!(
        unknown.contains("the server doesn't have a resource type \"kustomizations\""),
        "{unknown}"
    );
}
