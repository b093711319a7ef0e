//! What paths declared over time, with `git log -- path` as the judge of which commits count.

use super::random::{Random, import};
use super::*;

fn kustomization(tag: &str) -> String {
    format!(
        "resources:\n- ../base\nimages:\n- name: registry.example/shop/api\n  newTag: {tag} # {{\"$imagepolicy\": \"flux-system:api:tag\"}}\n"
    )
}

const BASE: &str = "resources:\n- deployment.yaml\n";
const DEPLOYMENT: &str = "kind: Deployment\nmetadata: {name: api}\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: registry.example/shop/api:dev\n";

fn tags(history: &DeclaredHistory) -> Vec<String> {
    history
        .entries
        .iter()
        .map(|entry| {
            entry
                .images
                .iter()
                .map(|image| image.tag.clone().unwrap_or_default())
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect()
}

#[tokio::test]
async fn entries_are_the_commits_that_changed_what_a_path_declares() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    work.commit("Readme", &[("README.md", "x")]);
    let first = work.commit(
        "Add api",
        &[
            ("apps/base/kustomization.yaml", BASE),
            ("apps/base/deployment.yaml", DEPLOYMENT),
            ("apps/prod/kustomization.yaml", &kustomization("v1")),
        ],
    );
    work.commit("Unrelated", &[("apps/other/x.yaml", "kind: Pod\n")]);
    work.commit(
        "Comment",
        &[(
            "apps/prod/kustomization.yaml",
            &format!("# moved\n{}", kustomization("v1")),
        )],
    );
    let second = work.commit(
        "Bump",
        &[("apps/prod/kustomization.yaml", &kustomization("v2"))],
    );
    work.commit(
        "Base tag, which is overridden",
        &[(
            "apps/base/deployment.yaml",
            &DEPLOYMENT.replace(":dev", ":dev2"),
        )],
    );
    let broken = work.commit(
        "Break",
        &[("apps/base/deployment.yaml", "kind: {{ x }}\n a: b\n")],
    );
    let mended = work.commit(
        "Mend",
        &[("apps/base/deployment.yaml", &format!("# up\n{DEPLOYMENT}"))],
    );
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let history = reader.declared("./apps/prod/").await;
    assert!(history.complete);
    assert_eq!(history.head, mended);
    let commits = history
        .entries
        .iter()
        .map(|entry| entry.commit.sha.clone())
        .collect::<Vec<_>>();
    assert_eq!(commits, [mended, broken.clone(), second, first]);
    assert_eq!(tags(&history), ["v2", "", "v2", "v1"]);
    let (file, why) = history.entries[1].broken.clone().unwrap();
    assert_eq!(file, "apps/base/deployment.yaml");
    assert!(why.starts_with("line "), "{why}");
    let image = &history.entries[0].images[0];
    assert_eq!(
        (image.repository.as_str(), image.file.as_str(), image.line),
        (
            "registry.example/shop/api",
            "apps/prod/kustomization.yaml",
            5
        )
    );
    assert_eq!(image.marker.as_deref(), Some("flux-system:api"));

    // The base by itself says what its own files say.
    let base = reader.declared("apps/base").await;
    assert_eq!(tags(&base), ["dev", "", "dev2", "dev"]);

    // A new head is walked from, not from the beginning, and says the same as a fresh walk.
    work.commit(
        "Bump",
        &[("apps/prod/kustomization.yaml", &kustomization("v3"))],
    );
    work.push();
    reader.later();
    let again = reader.declared("./apps/prod/").await;
    assert_eq!(tags(&again), ["v3", "v2", "", "v2", "v1"]);
    let fresh = Reader::new(&server, tempfile::tempdir().unwrap().path());
    assert_eq!(fresh.declared("./apps/prod/").await, again);
}

#[tokio::test]
async fn a_path_that_is_not_there_says_so_and_a_branch_that_is_not_there_is_missing() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let added = work.commit(
        "Add",
        &[(
            "apps/prod/a.yaml",
            "kind: Pod\nspec: {containers: [{image: 'r.example/a:1'}]}\n",
        )],
    );
    let removed = work.commit("Remove", &[("apps/prod/a.yaml", ""), ("x", "x")]);
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let history = reader.declared("apps/prod").await;
    assert_eq!(history.entries.len(), 2);
    assert_eq!(history.entries[0].commit.sha, removed);
    assert_eq!(
        history.entries[0].broken,
        Some(("apps/prod".to_owned(), "there is no such folder".to_owned()))
    );
    assert_eq!(history.entries[1].commit.sha, added);
    let never = reader.declared("never").await;
    assert_eq!(never.entries.len(), 1);
    assert!(never.entries[0].broken.is_some() && never.complete);
    let found = reader
        .forge
        .find(&Want::Declared {
            repository: REPOSITORY.to_owned(),
            branch: "gone".to_owned(),
            path: "apps".to_owned(),
        })
        .await;
    assert!(
        matches!(
            &found,
            Found::Declared {
                history: Read::Missing,
                ..
            }
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn hostile_content_breaks_nothing_but_itself() {
    let server = Server::start().await;
    let work = server.repository("shop/api");
    let deep = "[".repeat(20_000);
    let laughs = {
        let mut text = "a0: &a0 [x]\n".to_owned();
        for n in 1..40 {
            let before = n - 1;
            text.push_str(&format!(
                "a{n}: &a{n} [*a{before}, *a{before}, *a{before}]\n"
            ));
        }
        text + "kind: Deployment\n"
    };
    let large = format!(
        "kind: ConfigMap\ndata: {{x: {}}}\n",
        "y".repeat(2 * 1024 * 1024)
    );
    work.commit(
        "Hostile",
        &[
            ("p/a.yaml", "\u{feff}kind: Pod\r\nspec:\r\n  containers:\r\n  - image: r.example/crlf:1 # {\"$imagepolicy\": \"ns:p\"}\r\n"),
            ("p/deep.yaml", &deep),
            ("p/laughs.yaml", &laughs),
            ("p/large.yaml", &large),
            ("p/nul.yaml", "kind: Pod\nname: \"a\u{0}b\"\n"),
            ("p/empty.yaml", "---\n---\n"),
            ("p/chart/templates/d.yaml", "kind: Deployment\nspec:\n{{- if .Values.x }}\n  image: {{ .Values.image }}\n{{- end }}\n"),
        ],
    );
    std::fs::write(work.bare.join("ignored"), "x").unwrap();
    work.push();
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server, cache.path());
    let history = reader.declared("p").await;
    let entry = &history.entries[0];
    assert_eq!(entry.images.len(), 1, "{entry:?}");
    assert_eq!(
        (entry.images[0].repository.as_str(), entry.images[0].line),
        ("r.example/crlf", 4)
    );
    assert_eq!(entry.images[0].marker.as_deref(), Some("ns:p"));
    assert!(entry.broken.is_some());
}

#[tokio::test]
async fn the_entries_of_a_random_history_are_those_of_git_log() {
    let server = Server::start().await;
    for seed in 1..=4 {
        let work = server.repository(&format!("shop/api{seed}"));
        let mut random = Random(seed);
        let mut text = String::new();
        for commit in 1..=150_u64 {
            text.push_str(&format!("commit refs/heads/main\nmark :{commit}\n"));
            text.push_str(&format!(
                "committer Ada <a@b.c> {} +0000\n",
                1_700_000_000 + commit * 60
            ));
            text.push_str("data 1\nx\n");
            let mut parents = Vec::new();
            if commit > 1 {
                parents.push(commit - 1 - random.below((commit - 1).min(4)));
                if random.below(3) == 0 {
                    let other = commit - 1 - random.below((commit - 1).min(6));
                    if !parents.contains(&other) {
                        parents.push(other);
                    }
                }
            }
            for (number, parent) in parents.iter().enumerate() {
                let word = if number == 0 { "from" } else { "merge" };
                text.push_str(&format!("{word} :{parent}\n"));
            }
            // Few different tags: merges then agree with one parent, both or none.
            for (path, odds) in [("apps/a.yaml", 3), ("other.txt", 2)] {
                if random.below(odds) == 0 {
                    let tag = random.below(4);
                    let content = format!(
                        "kind: Pod\nspec: {{containers: [{{image: 'r.example/a:{tag}'}}]}}\n"
                    );
                    text.push_str(&format!(
                        "M 644 inline {path}\ndata {}\n{content}\n",
                        content.len()
                    ));
                }
            }
            text.push('\n');
        }
        import(&work.bare, &text);
        let expected = server::git(&work.bare, &["log", "--format=%H", "main", "--", "apps"]);
        let mut expected = expected.lines().collect::<Vec<_>>();
        let cache = tempfile::tempdir().unwrap();
        let reader = Reader::new(&server, cache.path());
        let want = Want::Declared {
            repository: format!("{REPOSITORY}{seed}"),
            branch: "main".to_owned(),
            path: "apps".to_owned(),
        };
        let found = reader.forge.find(&want).await;
        let Found::Declared {
            history: Read::Known(history),
            ..
        } = found
        else {
            panic!("{found:?}");
        };
        let mut entries = history
            .entries
            .iter()
            .map(|entry| entry.commit.sha.as_str())
            .collect::<Vec<_>>();
        assert!(entries.len() > 10, "seed {seed}: {}", entries.len());
        assert_eq!(entries.first(), expected.first(), "seed {seed}");
        entries.sort_unstable();
        expected.sort_unstable();
        assert_eq!(entries, expected, "seed {seed}");
    }
}
