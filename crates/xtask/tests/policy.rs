//! The repository's own rules, as tests: which crate may know which, how files open, what may not be written.
#![expect(
    clippy::expect_used,
    reason = "a policy that cannot be looked up fails here, with words"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of our crates each may depend on for its own code (docs/ARCHITECTURE.md, "Which way the arrows go").
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("facts", &["api"]),
    ("journey", &["api", "facts"]),
    ("cluster", &["api", "facts"]),
    ("cloud", &["api", "facts"]),
    ("forge", &["api", "facts"]),
    ("history", &["api", "facts"]),
    ("identity", &[]),
    ("runbook", &["api", "facts"]),
    (
        "console",
        &[
            "api", "facts", "journey", "cluster", "cloud", "forge", "history", "identity",
            "runbook",
        ],
    ),
    ("sandbox", &[]),
    ("landfall", &["api", "console", "sandbox"]),
    ("landfall-desktop", &["api", "console", "sandbox"]),
    ("landfall-ui", &["api"]),
    ("xtask", &["journey"]),
    ("product-tests", &[]),
    ("contract", &[]),
    ("bench", &["api", "facts", "journey"]),
    (
        "prove",
        &["api", "console", "contract", "journey", "sandbox"],
    ),
];

/// The clients of the real world: only the edges speak to it.
const EDGES: &[(&str, &[&str])] = &[
    ("kube", &["cluster"]),
    ("k8s-openapi", &["cluster"]),
    ("gix", &["forge", "sandbox"]),
    ("oci-client", &["forge"]),
    ("aws-config", &["cloud"]),
    ("aws-runtime", &["cloud"]),
    ("aws-sdk-ecs", &["cloud"]),
    ("aws-sdk-elasticloadbalancingv2", &["cloud"]),
    ("aws-sdk-sts", &["cloud"]),
    ("reqwest", &["forge", "identity", "contract", "prove"]),
    ("openidconnect", &["identity", "sandbox"]),
    ("oauth2", &["identity"]),
    ("keyring", &["identity"]),
    ("minisign", &["console"]),
    ("webbrowser", &["landfall", "landfall-desktop"]),
    ("rusqlite", &["history"]),
    ("axum", &["identity", "sandbox", "prove"]),
    ("tauri", &["landfall-desktop"]),
    ("tray-icon", &["landfall-desktop"]),
    ("notify-rust", &["landfall-desktop"]),
    ("leptos", &["landfall-ui"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every package of ours with the names its code (not its tests) depends on.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let named = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            let normal = named.filter(|dependency| dependency["kind"].is_null());
            let names =
                normal.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned));
            (
                package["name"].as_str().expect("name").to_owned(),
                names.collect(),
            )
        })
        .collect()
}

#[test]
fn the_arrows_point_one_way() {
    let dependencies = dependencies();
    let ours: BTreeSet<&String> = dependencies.keys().collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for (package, names) in &dependencies {
        let allowed = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} has no line in ARROWS"));
        for name in names.iter().filter(|name| ours.contains(name)) {
            assert!(
                allowed.contains(&name.as_str()),
                "{package} must not depend on {name}"
            );
        }
    }
}

#[test]
fn only_the_edges_hold_clients_of_the_world() {
    for (package, names) in dependencies() {
        for (client, holders) in EDGES {
            let held = names.contains(*client);
            assert!(
                !held || holders.contains(&package.as_str()),
                "{package} must not depend on {client}"
            );
        }
    }
}

/// Every Rust file that is ours, with its text.
fn files() -> Vec<(String, String)> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).expect("UTF-8");
    let files: Vec<_> = names
        .lines()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                std::fs::read_to_string(root().join(name)).ok()?,
            ))
        })
        .collect();
    assert!(files.len() > 20, "git ls-files names our files");
    files
}

#[test]
fn every_file_says_first_what_it_owns() {
    let silent: Vec<_> = files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "these do not open with //!: {silent:?}");
}

#[test]
fn modules_are_named_files() {
    let unnamed: Vec<_> = files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with("/mod.rs"))
        .collect();
    assert!(
        unnamed.is_empty(),
        "foo.rs beside foo/, not foo/mod.rs: {unnamed:?}"
    );
}

#[test]
fn no_test_is_switched_off_and_no_string_is_an_error() {
    // Put together here so that this file does not find itself.
    let banned = [
        concat!("#[", "ignore"),
        concat!("inner", "_html"),
        concat!("#[", "allow("),
    ];
    for (name, text) in files() {
        for pattern in banned {
            assert!(!text.contains(pattern), "{name} contains {pattern}");
        }
        // What a test asserts on may be text. In the runbook's steps the error is a sentence of the plan or of what was seen:
        // `Unfit` and `Effect` are made of it, and nothing else is.
        if name.contains("/tests/")
            || name.ends_with("/tests.rs")
            || name.contains("crates/runbook/src/")
        {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let stringly = line.contains("Result<")
                && (line.contains(concat!(", Str", "ing>")) && !line.contains("Map<"));
            let returned = line.contains("-> Result<") && stringly;
            assert!(
                !(returned && line.contains(concat!(", Str", "ing> {"))),
                "{name}:{}: an error is a type, not a string",
                number + 1
            );
        }
    }
}

/// The files that may name `cluster::Write`, without which nothing is sent that changes a cluster: where it is made, who
/// passes it on, the hands of an action's run, and the test that tries it on an embedded cluster.
const WRITERS: [&str; 6] = [
    "crates/cluster/src/writing.rs",
    "crates/cluster/src/writing/tests.rs",
    "crates/cluster/src/cluster.rs",
    "crates/cluster/src/lib.rs",
    "crates/cluster/tests/api_server.rs",
    "crates/console/src/hands/cluster.rs",
];

/// The words of a text, as Rust has them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Whether a file's text names what changes a cluster, or hides that it may. `within`: whether it is of the crate itself.
fn names_a_write(text: &str, within: bool) -> bool {
    let imports = text.split("use ").skip(1);
    let imports = imports.filter_map(|rest| rest.split(';').next());
    let mut of_cluster = imports.filter(|import| {
        import.starts_with("cluster::")
            || import.starts_with("cluster as ")
            || (within && import.starts_with("crate::"))
    });
    let imported = of_cluster.any(|import| {
        let mut words = words(import);
        import.ends_with('*')
            || import.starts_with("cluster as ")
            || words.any(|word| matches!(word, "Write" | "WriteKind" | "writing"))
    });
    imported
        || text.contains("cluster::Write")
        || (within && (text.contains("writing::") || text.contains(".send_once(")))
}

#[test]
fn only_the_hands_of_a_run_can_change_a_cluster() {
    // Whoever looks has to be able to find it.
    for found in [
        "use cluster::{\n    Cluster,\n    Write,\n};",
        "use cluster::Write;",
        "use cluster::*;",
        "use cluster as c;",
        "let write = cluster::Write {};",
    ] {
        assert!(names_a_write(found, false), "{found}");
    }
    for fine in [
        "use cluster::{Cluster, Options};",
        "use std::io::Write;",
        "use std::fmt::Write as _;",
    ] {
        assert!(!names_a_write(fine, false), "{fine}");
    }
    assert!(names_a_write("server.send_once(request, within)", true));
    let mut seen = BTreeSet::new();
    for (name, text) in files() {
        // This file spells what it looks for.
        let is_this = name == "crates/xtask/tests/policy.rs";
        if is_this || !names_a_write(&text, name.starts_with("crates/cluster/src/")) {
            continue;
        }
        assert!(
            WRITERS.contains(&name.as_str()),
            "{name} may not change a cluster: only an action's run does, through crates/console/src/hands/"
        );
        seen.insert(name);
    }
    let cluster = "crates/cluster/src/cluster.rs";
    assert!(
        seen.contains(cluster),
        "{cluster} passes writes on: {seen:?}"
    );
}

#[test]
fn only_the_hands_of_a_run_can_commit_to_a_repository() {
    for (name, text) in files() {
        // The forge makes commits of what it is handed; this file spells what it looks for.
        let may = name.starts_with("crates/forge/")
            || name == "crates/xtask/tests/policy.rs"
            || name == "crates/console/src/hands/git.rs";
        let does = words(&text).any(|word| word == "CommitFiles" || word == "open_pull_request");
        assert!(
            may || !does,
            "{name} may not commit to a repository: only an action's run does, through crates/console/src/hands/"
        );
    }
}

#[test]
fn only_the_hands_of_a_run_can_change_an_account_of_aws() {
    let mut seen = BTreeSet::new();
    for (name, text) in files() {
        // The account sends what it is handed; this file spells what it looks for.
        let may = name.starts_with("crates/cloud/")
            || name == "crates/xtask/tests/policy.rs"
            || name == "crates/console/src/hands/aws.rs";
        let does = words(&text).any(|word| word == "EcsWrite" || word == "EcsWriteKind");
        assert!(
            may || !does,
            "{name} may not change an account of AWS: only an action's run does, through crates/console/src/hands/"
        );
        if does {
            seen.insert(name);
        }
    }
    assert!(
        seen.contains("crates/console/src/hands/aws.rs"),
        "the hands pass changes on: {seen:?}"
    );
}

#[test]
fn nothing_comes_from_a_git_address() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    assert!(
        !lock.contains("source = \"git+"),
        "a dependency comes from a git address"
    );
}

#[test]
fn one_tls_stack() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.strip_suffix(" (*)").or(Some(line)))
        .collect();
    for banned in ["openssl ", "native-tls ", "ring "] {
        assert!(
            !crates.iter().any(|name| name.starts_with(banned)),
            "{banned}is built in"
        );
    }
    assert_eq!(
        crates
            .iter()
            .filter(|name| name.starts_with("rustls v"))
            .count(),
        1,
        "one rustls"
    );
}
