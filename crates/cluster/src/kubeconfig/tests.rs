//! Kubeconfigs as people have them: merged, relative, half-written, broken in one place.

use super::*;

const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster: {server: 'https://user:pw@10.0.0.1:6443/k8s', insecure-skip-tls-verify: true}
users:
- name: jo
  user: {token: topsecret}
contexts:
- name: prod
  context: {cluster: prod, user: jo, namespace: shop}
";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// The contexts of one file's text.
fn of(text: impl AsRef<[u8]>) -> Result<Vec<Context>, KubeconfigError> {
    let folder = Folder::new();
    contexts(Some(&folder.file("config", text)))
}

fn problem(contexts: &[Context], name: &str) -> String {
    let context = contexts.iter().find(|c| c.name == name).unwrap();
    let problem = context.problem.as_ref().map(ToString::to_string);
    problem.unwrap_or_default()
}

#[test]
fn a_good_context_says_everything_but_its_secrets() {
    let contexts = of(GOOD).unwrap();
    let context = &contexts[0];
    assert_eq!(context.problem, None);
    assert_eq!(context.server, "https://10.0.0.1:6443/k8s");
    assert_eq!(
        (context.namespace.as_str(), context.user.as_str()),
        ("shop", "jo")
    );
    assert!(context.current);
    assert!(!format!("{contexts:?}").contains("topsecret"));
}

#[test]
fn no_file_is_told_apart_from_an_unreadable_one() {
    let folder = Folder::new();
    let missing = folder.0.path().join("nope");
    let error = contexts(Some(&missing)).unwrap_err();
    assert_eq!(
        error,
        KubeconfigError::NotFound {
            looked: vec![missing]
        }
    );
    assert_eq!(api::Error::from(error).code, api::error::Code::NoKubeconfig);
    let error = contexts(Some(folder.0.path())).unwrap_err();
    assert!(
        matches!(error, KubeconfigError::Unreadable { .. }),
        "{error}"
    );
    let error = of([0xc3, 0x28, 0xff]).unwrap_err();
    assert!(
        matches!(error, KubeconfigError::Unreadable { .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_kubeconfig_says_which_file_and_why() {
    for (text, why) in [
        ("clusters: [", "is not valid YAML"),
        ("a: b: c", "is not valid YAML"),
        ("just words", "it holds no mapping"),
        ("kind: Secret\ncontexts: []", "its kind is not Config"),
        ("contexts: {a: b}", "its contexts are no list"),
        ("", "names no context"),
        ("apiVersion: v1\nkind: Config\n", "names no context"),
    ] {
        let error = of(text).unwrap_err().to_string();
        assert!(
            error.contains(why) && error.contains("config"),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_half_written_file_keeps_the_contexts_that_are_whole() {
    let text = format!(
        "{GOOD}- name: dev\n  context: {{cluster: dev, user: jo}}\n- name: stage\n  context: {{cluster: prod, user: ann}}\n- name: lab\n  context:\n"
    );
    let contexts = of(text).unwrap();
    assert_eq!(contexts.len(), 4);
    assert_eq!(problem(&contexts, "prod"), "");
    assert!(problem(&contexts, "dev").contains("names cluster `dev`, which is not there"));
    assert!(problem(&contexts, "stage").contains("names user `ann`, which is not there"));
    assert!(problem(&contexts, "lab").contains("context `lab`"));
}

#[test]
fn a_broken_entry_spoils_only_what_needs_it_and_quotes_no_secret() {
    let text = "
clusters:
- {name: good, cluster: {server: 'https://h'}}
- {name: odd, cluster: [1]}
- {name: empty, cluster: {}}
- {name: ftp, cluster: {server: 'ftp://h'}}
- {cluster: {server: 'https://nameless'}}
- 7
users:
- {name: jo, user: {token: [topsecret]}}
- {name: nobody}
contexts:
- {name: a, context: {cluster: good}}
- {name: b, context: {cluster: odd}}
- {name: c, context: {cluster: empty}}
- {name: d, context: {cluster: ftp}}
- {name: e, context: {cluster: good, user: jo}}
- {name: f, context: {cluster: good, user: nobody}}
- {name: g, context: {cluster: ''}}
";
    let contexts = of(text).unwrap();
    assert_eq!(problem(&contexts, "a"), "");
    assert!(problem(&contexts, "b").contains("cluster `odd`"));
    assert!(problem(&contexts, "c").contains("has no server"));
    assert!(problem(&contexts, "d").contains("no http or https address"));
    assert!(problem(&contexts, "e").contains("user `jo`"));
    assert!(!problem(&contexts, "e").contains("topsecret"));
    assert_eq!(problem(&contexts, "f"), "");
    assert!(problem(&contexts, "g").contains("names no cluster"));
}

#[test]
fn several_files_are_one_and_the_first_to_name_a_thing_wins() {
    let folder = Folder::new();
    let files = [
        folder.0.path().join("missing"),
        folder.file("a", GOOD),
        folder.file(
            "b",
            "current-context: other
clusters: [{name: prod, cluster: {server: 'https://elsewhere'}}]
contexts: [{name: prod, context: {cluster: nowhere}}, {name: other, context: {cluster: prod, user: jo}}]",
        ),
    ];
    let merged = Merged::read(&files).unwrap();
    assert_eq!(merged.order, ["prod", "other"]);
    assert_eq!(merged.current, "prod");
    let other = merged.context("other", &files);
    assert_eq!(other.server, "https://10.0.0.1:6443/k8s");
    assert_eq!(other.problem, None);
}

#[test]
fn kubeconfig_names_files_before_the_home_folder_does() {
    let joined = std::env::join_paths(["/a", "", "/b"]).unwrap();
    let both = |name: &str| match name {
        "KUBECONFIG" => Some(joined.clone()),
        "HOME" => Some("/home/jo".into()),
        _ => None,
    };
    assert_eq!(
        files(None, both).unwrap(),
        [Path::new("/a"), Path::new("/b")]
    );
    let home = |name: &str| (name == "HOME").then(|| "/home/jo".into());
    assert_eq!(
        files(None, home).unwrap(),
        [Path::new("/home/jo/.kube/config")]
    );
    assert_eq!(files(None, |_| None), Err(KubeconfigError::NoHome));
    assert_eq!(files(Some(Path::new("x")), both).unwrap(), [Path::new("x")]);
}

#[test]
fn paths_are_relative_to_their_file_and_missing_ones_are_named() {
    let folder = Folder::new();
    folder.file("ca.pem", "x");
    let path = folder.file(
        "config",
        "
clusters:
- {name: c, cluster: {server: 'https://h', certificate-authority: ca.pem}}
- {name: d, cluster: {server: 'https://h', certificate-authority: gone.pem}}
users:
- {name: u, user: {exec: {command: ./bin/login, apiVersion: client.authentication.k8s.io/v1}}}
- {name: v, user: {client-certificate: gone.crt, client-key: gone.key}}
contexts:
- {name: a, context: {cluster: c, user: u}}
- {name: b, context: {cluster: d}}
- {name: e, context: {cluster: c, user: v}}
",
    );
    let contexts = contexts(Some(&path)).unwrap();
    assert_eq!(problem(&contexts, "a"), "");
    assert!(problem(&contexts, "b").contains("certificate-authority of cluster `d`"));
    assert!(problem(&contexts, "e").contains("client-certificate of user `v`"));
    let kubeconfig = load(&contexts[0].name, contexts[0].files()).unwrap();
    let exec = kubeconfig.auth_infos[0].auth_info.as_ref().unwrap();
    let exec = exec.exec.as_ref().unwrap();
    let command = PathBuf::from(exec.command.as_ref().unwrap());
    assert!(command.starts_with(folder.0.path()));
    assert_eq!(exec.interactive_mode, Some(ExecInteractiveMode::Never));
}

#[test]
fn windows_text_and_several_documents_are_read() {
    let mut wide = vec![0xff, 0xfe];
    wide.extend(GOOD.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(of(wide).unwrap()[0].name, "prod");
    let two = format!("{GOOD}---\ncontexts: [{{name: two, context: {{cluster: prod}}}}]\n");
    assert_eq!(of(two).unwrap().len(), 2);
}

#[test]
fn credentials_are_cut_out_of_addresses() {
    for (address, shown) in [
        ("https://a:b@h:1/p@q", "https://h:1/p@q"),
        ("https://h", "https://h"),
        ("http://u:pw@h/k8s?token=secret", "http://h/k8s"),
        ("https://h:1?token=a@b/c", "https://h:1"),
        ("https://h/k8s#token=secret", "https://h/k8s"),
        ("a:b@h", "h"),
    ] {
        assert_eq!(without_credentials(address), shown);
    }
}

#[test]
fn a_command_is_what_the_file_says_now() {
    let folder = Folder::new();
    let text = |user: &str| {
        format!(
            "clusters: [{{name: c, cluster: {{server: 'https://h'}}}}]\nusers: [{{name: u, user: {user}}}]\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n"
        )
    };
    let path = folder.file("config", text("{exec: {command: ./login, args: [x]}}"));
    let context = contexts(Some(&path)).unwrap().remove(0);
    let before = command(&context).unwrap();
    let named = folder.0.path().join("./login").display().to_string();
    assert_eq!(before.arguments(), [named, "x".to_owned()]);
    assert_eq!(before.program(), None, "there is no such file");
    folder.file("config", text("{exec: {command: ./login, args: [y]}}"));
    assert_ne!(command(&context).unwrap().digest(), before.digest());
    folder.file("config", text("{token: t}"));
    assert!(command(&context).is_none());
    std::fs::remove_file(&path).unwrap();
    assert!(command(&context).is_none());
}
