//! What a kubeconfig names, and which file that is. Running it is tested where a whole cluster is signed in to.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use kube::config::AuthProviderConfig;

use super::*;

/// Where credentials go.
const SERVER: &str = "https://prod.example";

fn exec(yaml: &str) -> ExecConfig {
    serde_yaml_ng::from_str(yaml).unwrap()
}

fn program(folder: &Path, name: &str, mode: u32) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[test]
fn a_name_is_the_first_program_on_path_that_can_be_run() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    program(first.path(), "aws", 0o644);
    std::fs::create_dir(first.path().join("gke")).unwrap();
    let aws = program(second.path(), "aws", 0o755);
    let path = std::env::join_paths([Path::new(""), Path::new("."), first.path(), second.path()]);
    let path = path.unwrap();
    assert_eq!(find("aws", Some(&path)), Some(aws.clone()));
    assert_eq!(find("gke", Some(&path)), None);
    assert_eq!(find("nope", Some(&path)), None);
    assert_eq!(find("aws", None), None);
    assert_eq!(find(&aws.to_string_lossy(), None), Some(aws));
    // What lies in the folder that we happen to be in is nobody's wish.
    assert_eq!(find("Cargo.toml", Some(OsStr::new(":."))), None);
}

#[test]
fn the_command_is_what_the_file_says() {
    let command = command(&exec(
        "{command: /bin/sh, args: [-c, 'echo  x'], env: [{name: B, value: '1'}, {name: A, value: '2'}, {name: C}]}",
    ), SERVER)
    .unwrap();
    assert_eq!(command.arguments(), ["/bin/sh", "-c", "echo  x"]);
    let variables: Vec<_> = command.variables().into_iter().map(|v| v.0).collect();
    assert_eq!(variables, ["B", "A"], "in the file's order");
    assert_eq!(command.program().as_deref(), Some("/bin/sh"));
    assert!(super::command(&exec("{args: [x]}"), SERVER).is_none());
}

fn refused(yaml: &str) -> String {
    match Plugin::of(&exec(yaml), SERVER) {
        Ok(_) => panic!("{yaml} can be run"),
        Err(failure) => {
            assert!(failure.needs_sign_in());
            failure.to_string()
        }
    }
}

#[test]
fn what_cannot_be_run_says_why() {
    let v1 = "apiVersion: client.authentication.k8s.io/v1";
    let said = refused("{apiVersion: client.authentication.k8s.io/v1alpha1, command: /bin/sh}");
    assert!(said.contains("kubectl no longer speaks either"), "{said}");
    let said = refused(&format!(
        "{{{v1}, command: /bin/sh, interactiveMode: Always}}"
    ));
    assert!(said.contains("in a terminal, and here is none"), "{said}");
    let said = refused(&format!(
        "{{{v1}, command: no-such-plugin-anywhere, installHint: \"brew install\\nit\"}}"
    ));
    assert_eq!(
        said,
        "the sign-in plugin of the kubeconfig cannot be started: there is no program `no-such-plugin-anywhere` (is it installed and on PATH? The kubeconfig says: brew install it)"
    );
    assert!(refused(&format!("{{{v1}}}")).contains("has no command"));
}

#[test]
fn a_plugin_is_told_of_the_cluster_only_where_it_is_to_be() {
    let v1 = "apiVersion: client.authentication.k8s.io/v1, command: /bin/sh";
    let plugin = Plugin::of(&exec(&format!("{{{v1}}}")), SERVER).unwrap();
    assert_eq!(
        plugin.info,
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#
    );
    let wants = exec(&format!("{{{v1}, provideClusterInfo: true}}"));
    assert!(Plugin::of(&wants, SERVER).is_err(), "of which cluster?");
}

#[test]
fn other_credentials_count_before_a_plugin() {
    let with = |change: fn(&mut AuthInfo)| {
        let mut user = AuthInfo {
            exec: Some(exec("{command: x}")),
            ..AuthInfo::default()
        };
        change(&mut user);
        named(&user).is_some()
    };
    assert!(with(|_| {}));
    assert!(with(|user| user.username = Some("jo".to_owned())));
    assert!(!with(|user| user.token = Some("t".to_owned().into())));
    assert!(!with(|user| user.token_file = Some("t".to_owned())));
}

#[test]
fn an_auth_providers_command_is_refused() {
    let user = |key: &str| AuthInfo {
        auth_provider: Some(AuthProviderConfig {
            name: "gcp".to_owned(),
            config: [(key.to_owned(), "gcloud".to_owned())].into(),
            other: BTreeMap::new(),
        }),
        ..AuthInfo::default()
    };
    assert!(refuse_provider(&user("cmd-path")).is_err());
    assert!(refuse_provider(&user("id-token")).is_ok());
}
