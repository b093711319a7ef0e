//! What is built from which files.

use super::*;
use serde_json::json;

fn files(list: &[(&str, &str)]) -> Files {
    list.iter()
        .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()))
        .collect()
}

fn built(list: &[(&str, &str)], path: &str) -> Result<Vec<Value>, Refusal> {
    let files = files(list);
    build(
        &Workspace {
            files: &files,
            folder: "/tmp/kustomization-1",
            parsed: &Parsed::default(),
            inputs: RefCell::default(),
        },
        path,
    )
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  replicas: 1\n  \
                          template:\n    spec:\n      containers:\n      - name: cart\n        image: r.example/shop/cart:1\n";

#[test]
fn an_overlay_reaches_its_base_and_changes_it() {
    let overlay = "resources: [../../base]\nnamespace: prod\nimages:\n- name: r.example/shop/cart\n  newTag: \"2\"\n\
                   replicas:\n- name: cart\n  count: 3\npatches:\n- path: env.yaml\n";
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  template:\n    spec:\n      \
                 containers:\n      - name: cart\n        env:\n        - name: STAGE\n          value: prod\n";
    let objects = built(
        &[
            ("base/kustomization.yaml", "resources: [deployment.yaml]\n"),
            ("base/deployment.yaml", DEPLOYMENT),
            ("envs/prod/kustomization.yaml", overlay),
            ("envs/prod/env.yaml", patch),
        ],
        "./envs/prod",
    )
    .unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["metadata"]["namespace"], "prod");
    assert_eq!(objects[0]["spec"]["replicas"], 3);
    let container = &objects[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "r.example/shop/cart:2");
    assert_eq!(
        container["env"],
        json!([{"name": "STAGE", "value": "prod"}])
    );
}

#[test]
fn a_folder_without_kustomization_takes_all_manifests_and_folders_with_one() {
    let objects = built(
        &[
            ("apps/a.yaml", DEPLOYMENT),
            ("apps/readme.md", "# no"),
            (
                "apps/deep/b.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: b}\n---\n",
            ),
            (
                "apps/own/kustomization.yaml",
                "resources: [c.yaml]\nnamespace: own\n",
            ),
            (
                "apps/own/c.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: c}\n",
            ),
            (
                "apps/own/not-listed.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: d}\n",
            ),
            (
                "other/x.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
            ),
        ],
        "apps",
    )
    .unwrap();
    let names: Vec<_> = objects
        .iter()
        .map(|o| text(o, &["metadata", "name"]))
        .collect();
    assert_eq!(names, ["cart", "b", "c"]);
    assert_eq!(objects[2]["metadata"]["namespace"], "own");
}

#[test]
fn broken_yaml_names_file_and_line() {
    let error = built(
        &[
            ("a/kustomization.yaml", "resources: [d.yaml]\n"),
            (
                "a/d.yaml",
                "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n bad: y\n",
            ),
        ],
        "a",
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with(
            "kustomize build failed: accumulating resources: accumulation err='accumulating resources from \
             'd.yaml': MalformedYAMLError: yaml: line 5: did not find expected"
        ),
        "{error}"
    );
}

#[test]
fn a_missing_resource_says_where_it_was_looked_for() {
    let error = built(
        &[("a/kustomization.yaml", "resources: [gone.yaml]\n")],
        "./a",
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("lstat /tmp/kustomization-1/a/gone.yaml: no such file or directory"),
        "{error}"
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    let error = built(&[("a/kustomization.yaml", "namePrefix: x-\n")], "a").unwrap_err();
    assert!(error.0.contains("unknown field \"namePrefix\""));
}

#[test]
fn a_path_exists_only_as_a_folder() {
    let files = files(&[("apps/cart/a.yaml", ""), ("apps/cartoon.yaml", "")]);
    assert!(exists(&files, "./apps/cart/"));
    assert!(exists(&files, ""));
    assert!(exists(&files, "./"));
    assert!(!exists(&files, "apps/car"));
    assert!(!exists(&files, "apps/gone"));
    assert!(!exists(&files, "../out"));
}

#[test]
fn variables_are_substituted() {
    let mut objects = vec![json!({"a": "${x}-${y}"})];
    substitute(&mut objects, &json!({"x": "1"}));
    assert_eq!(objects[0]["a"], "1-${y}");
}

#[test]
fn a_build_is_the_same_as_long_as_what_it_looked_at_is() {
    let old = files(&[
        ("base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("base/deployment.yaml", DEPLOYMENT),
        ("envs/prod/kustomization.yaml", "resources: [../../base]\n"),
        ("plain/a.yaml", DEPLOYMENT),
        ("readme.md", "hello"),
    ]);
    let inputs = |path: &str| {
        let workspace = Workspace {
            files: &old,
            folder: "/tmp/kustomization-1",
            parsed: &Parsed::default(),
            inputs: RefCell::default(),
        };
        build(&workspace, path).unwrap();
        workspace.inputs.into_inner()
    };
    let changed = |path: &str, content: &str| {
        let mut new = old.clone();
        new.insert(path.to_owned(), content.to_owned());
        new
    };
    let (overlay, plain) = (inputs("envs/prod"), inputs("plain"));
    assert!(overlay.same(&old, &changed("readme.md", "bye")));
    assert!(overlay.same(&old, &changed("envs/prod/unlisted.yaml", "a: b")));
    assert!(!overlay.same(&old, &changed("base/deployment.yaml", "a: b")));
    assert!(!overlay.same(&old, &changed("base/kustomization.yaml", "resources: []")));
    assert!(plain.same(&old, &changed("plainer/a.yaml", "a: b")));
    assert!(!plain.same(&old, &changed("plain/b.yaml", "a: b")));
}
