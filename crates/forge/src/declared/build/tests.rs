//! Builds of small repositories that are written down in the tests.

use std::collections::BTreeMap;

use super::*;

struct Given(BTreeMap<&'static str, &'static str>);

impl Files for Given {
    fn entry(&mut self, path: &str) -> Entry {
        if self.0.contains_key(path) {
            return Entry::File;
        }
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let names = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(prefix.as_str()))
            .map(|rest| match rest.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => rest.to_owned(),
            })
            .collect::<BTreeSet<_>>();
        if names.is_empty() {
            Entry::Missing
        } else {
            Entry::Folder(names.into_iter().collect())
        }
    }

    fn documents(&mut self, path: &str) -> Result<Rc<Vec<Rc<Node>>>, Rc<str>> {
        parse(&path.into(), self.0[path], 1)
            .map(Rc::new)
            .map_err(|error| error.to_string().into())
    }
}

fn state(path: &str, files: &[(&'static str, &'static str)]) -> State {
    build(&mut Given(files.iter().copied().collect()), path)
}

/// `repository:tag@digest file:line marker`
fn words(state: &State) -> Vec<String> {
    state
        .images
        .iter()
        .map(|image| {
            let mut text = image.repository.clone();
            for (before, part) in [(":", &image.tag), ("@", &image.digest)] {
                if let Some(part) = part {
                    text = format!("{text}{before}{part}");
                }
            }
            let marker = image.marker.as_deref().unwrap_or_default();
            format!("{text} {}:{} {marker}", image.file, image.line)
                .trim_end()
                .to_owned()
        })
        .collect()
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  labels: {app: api}
spec:
  template:
    spec:
      containers:
      - name: api
        image: registry.example/shop/api:base
";

#[test]
fn an_override_wins_over_the_base_and_its_line_is_the_new_tags() {
    let state = state(
        "./apps/prod/",
        &[
            (
                "apps/base/kustomization.yaml",
                "resources:\n- deployment.yaml\n",
            ),
            ("apps/base/deployment.yaml", DEPLOYMENT),
            (
                "apps/base/unused.yaml",
                "kind: Pod\nspec: {image: x.example/never:1}\n",
            ),
            (
                "apps/prod/kustomization.yaml",
                "resources:\n- ../base\nimages:\n- name: registry.example/shop/api\n  newTag: v7 # {\"$imagepolicy\": \"flux-system:api:tag\"}\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        ["registry.example/shop/api:v7 apps/prod/kustomization.yaml:5 flux-system:api"]
    );
    assert_eq!(state.broken, None);
}

#[test]
fn overrides_of_overrides_go_by_the_name_they_meet() {
    let state = state(
        "c",
        &[
            ("a/kustomization.yaml", "resources: [d.yaml]\n"),
            ("a/d.yaml", DEPLOYMENT),
            (
                "b/kustomization.yaml",
                "resources: [../a]\nimages:\n- {name: registry.example/shop/api, newName: mirror.example/api, newTag: v1}\n",
            ),
            (
                "c/kustomization.yaml",
                "resources: [../b]\nimages:\n- {name: registry.example/shop/api, newTag: nobody}\n- {name: mirror.example/api, digest: 'sha256:ab'}\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        ["mirror.example/api@sha256:ab c/kustomization.yaml:4"]
    );
}

#[test]
fn a_new_name_alone_leaves_the_tag_where_it_stands() {
    let state = state(
        "p",
        &[
            (
                "p/kustomization.yaml",
                "resources: [d.yaml]\nimages:\n- name: registry.example/shop/api\n  newName: mirror.example/api\n",
            ),
            ("p/d.yaml", DEPLOYMENT),
        ],
    );
    assert_eq!(words(&state), ["mirror.example/api:base p/d.yaml:11"]);
}

#[test]
fn a_folder_without_kustomization_is_read_whole_and_builds_those_below_that_have_one() {
    let state = state(
        "apps",
        &[
            ("apps/api.yaml", DEPLOYMENT),
            ("apps/notes.md", "image: no.example/no:1"),
            ("apps/values.yaml", "image: no.example/values:1\n"),
            ("apps/web/kustomization.yaml", "resources: [w.yaml]\n"),
            (
                "apps/web/w.yaml",
                "kind: Pod\nspec: {containers: [{image: 'r.example/web:1'}]}\n",
            ),
            (
                "apps/web/stray.yaml",
                "kind: Pod\nspec: {containers: [{image: 'r.example/stray:1'}]}\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        [
            "r.example/web:1 apps/web/w.yaml:2",
            "registry.example/shop/api:base apps/api.yaml:11",
        ]
    );
}

#[test]
fn patches_change_images_and_values() {
    let state = state(
        "prod",
        &[
            ("base/kustomization.yaml", "resources: [d.yaml, r.yaml]\n"),
            ("base/d.yaml", DEPLOYMENT),
            (
                "base/r.yaml",
                "kind: HelmRelease\nmetadata: {name: web}\nspec:\n  values:\n    image:\n      repository: r.example/web\n      tag: base\n",
            ),
            (
                "prod/kustomization.yaml",
                "resources: [../base]\npatches:\n- path: web.yaml\n  target: {kind: HelmRelease}\n- patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/image\n      value: registry.example/shop/api:patched\n  target: {kind: Deployment, name: api}\n",
            ),
            (
                "prod/web.yaml",
                "kind: HelmRelease\nmetadata: {name: ignored}\nspec:\n  values:\n    image:\n      tag: v9 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        [
            "r.example/web:v9 prod/web.yaml:6 flux-system:web",
            "registry.example/shop/api:patched prod/kustomization.yaml:8",
        ]
    );
}

#[test]
fn a_component_changes_what_includes_it() {
    let state = state(
        "prod",
        &[
            (
                "prod/kustomization.yaml",
                "resources: [d.yaml]\ncomponents: [../pin]\n",
            ),
            ("prod/d.yaml", DEPLOYMENT),
            (
                "pin/kustomization.yaml",
                "kind: Component\nimages:\n- name: registry.example/shop/api\n  newTag: pinned\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        ["registry.example/shop/api:pinned pin/kustomization.yaml:4"]
    );
}

#[test]
fn values_from_config_maps_lie_below_the_releases_own() {
    let state = state(
        "p",
        &[
            (
                "p/kustomization.yaml",
                "resources: [r.yaml, c.yaml]\nconfigMapGenerator:\n- name: web-values\n  files: [values.yaml=web.yaml]\n",
            ),
            (
                "p/r.yaml",
                "kind: HelmRelease\nmetadata: {name: web}\nspec:\n  valuesFrom:\n  - {kind: ConfigMap, name: web-values}\n  - {kind: ConfigMap, name: more, valuesKey: x.yaml}\n  values: {image: {pullPolicy: Always}}\n",
            ),
            (
                "p/web.yaml",
                "image:\n  repository: r.example/web\n  tag: v1\n",
            ),
            (
                "p/c.yaml",
                "kind: ConfigMap\nmetadata: {name: more}\ndata:\n  x.yaml: |\n    image:\n      tag: v2\n",
            ),
        ],
    );
    assert_eq!(words(&state), ["r.example/web:v2 p/c.yaml:6"]);
}

#[test]
fn prefixes_rename_for_patches_of_outer_folders() {
    let state = state(
        "prod",
        &[
            (
                "base/kustomization.yaml",
                "namePrefix: shop-\nresources: [d.yaml]\n",
            ),
            ("base/d.yaml", DEPLOYMENT),
            (
                "prod/kustomization.yaml",
                "resources: [../base]\npatchesStrategicMerge:\n- |\n  kind: Deployment\n  metadata: {name: shop-api}\n  spec: {template: {spec: {containers: [{name: api, image: 'registry.example/shop/api:renamed'}]}}}\n",
            ),
        ],
    );
    assert_eq!(
        words(&state),
        ["registry.example/shop/api:renamed prod/kustomization.yaml:6"]
    );
}

#[test]
fn a_deleted_manifest_declares_nothing() {
    let state = state(
        "p",
        &[
            (
                "p/kustomization.yaml",
                "resources: [d.yaml]\npatches:\n- patch: |\n    $patch: delete\n    kind: Deployment\n    metadata: {name: api}\n",
            ),
            ("p/d.yaml", DEPLOYMENT),
        ],
    );
    assert!(state.images.is_empty());
}

#[test]
fn an_override_of_a_base_elsewhere_is_told_from_one_that_hits_nothing() {
    let overrides = "images:\n- {name: far.example/api, newTag: v1}\n";
    let near = state("p", &[("p/kustomization.yaml", overrides)]);
    assert!(near.images.is_empty());
    let far = state(
        "p",
        &[(
            "p/kustomization.yaml",
            "resources:\n- https://github.com/far/base?ref=v1\nimages:\n- {name: far.example/api, newTag: v1}\n",
        )],
    );
    assert_eq!(words(&far), ["far.example/api:v1 p/kustomization.yaml:4"]);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_still_counts() {
    let state = state(
        "p",
        &[
            ("p/kustomization.yaml", "resources: [t.yaml, d.yaml]\n"),
            ("p/d.yaml", DEPLOYMENT),
            (
                "p/t.yaml",
                "kind: Pod\nname: {{ .Release.Name }}\nspec: {{- range }}\n",
            ),
        ],
    );
    assert_eq!(state.images.len(), 1);
    let (file, why) = state.broken.unwrap();
    assert_eq!(file, "p/t.yaml");
    assert!(why.starts_with("line "), "{why}");
}

#[test]
fn missing_files_circles_and_ways_out_are_broken() {
    let broken = |files: &[(&'static str, &'static str)]| state("p", files).broken.unwrap();
    assert_eq!(
        broken(&[("p/kustomization.yaml", "resources: [gone.yaml]\n")]),
        (
            "p/kustomization.yaml".to_owned(),
            "gone.yaml does not exist".to_owned()
        )
    );
    assert_eq!(
        broken(&[
            ("p/kustomization.yaml", "resources: [../q]\n"),
            ("q/kustomization.yaml", "resources: [../p]\n"),
        ])
        .1,
        "it contains itself"
    );
    assert_eq!(
        broken(&[("p/kustomization.yaml", "resources: [../../etc]\n")]).1,
        "../../etc lies outside of the repository"
    );
    assert_eq!(
        broken(&[
            ("p/kustomization.yaml", "resources: [q]\n"),
            ("p/q/a.yaml", "kind: Pod\n"),
        ])
        .1,
        "q has no kustomization.yaml"
    );
    assert_eq!(
        broken(&[("other/a.yaml", "kind: Pod\n")]),
        ("p".to_owned(), "there is no such folder".to_owned())
    );
}

#[test]
fn a_base_that_two_use_keeps_its_own_image_for_each() {
    let state = state(
        "p",
        &[
            ("p/kustomization.yaml", "resources: [a, b]\n"),
            (
                "p/a/kustomization.yaml",
                "resources: [../../base]\nimages:\n- {name: registry.example/shop/api, newTag: a}\n",
            ),
            (
                "p/b/kustomization.yaml",
                "resources: [../../base]\nimages:\n- {name: registry.example/shop/api, newTag: b}\n",
            ),
            ("base/kustomization.yaml", "resources: [d.yaml]\n"),
            ("base/d.yaml", DEPLOYMENT),
        ],
    );
    assert_eq!(
        words(&state),
        [
            "registry.example/shop/api:a p/a/kustomization.yaml:3",
            "registry.example/shop/api:b p/b/kustomization.yaml:3",
        ]
    );
}

#[test]
fn moved_lines_change_nothing() {
    let files = |text| state("p", &[("p/d.yaml", text)]);
    let one = files("kind: Pod\nimage: r.example/a:1\n");
    let moved = files("# more\nkind: Pod\nimage: r.example/a:1\n");
    let bumped = files("kind: Pod\nimage: r.example/a:2\n");
    assert_ne!(one, moved);
    assert!(same(&one, &moved));
    assert!(!same(&one, &bumped));
}

#[test]
fn a_release_names_its_charts_version_and_the_line_it_stands_on() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web}
spec:
  chart:
    spec:
      chart: web
      version: 1.2.3
";
    let built = state(
        "prod",
        &[
            (
                "prod/kustomization.yaml",
                "resources: [release.yaml]\nnamePrefix: shop-\n",
            ),
            ("prod/release.yaml", release),
        ],
    );
    let charts: Vec<_> = built
        .charts
        .iter()
        .map(|one| format!("{} {} {}:{}", one.release, one.version, one.file, one.line))
        .collect();
    assert_eq!(charts, ["shop-web 1.2.3 prod/release.yaml:8"]);
}
