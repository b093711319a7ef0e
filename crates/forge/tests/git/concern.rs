//! Whether a commit changes what a path is made of: what kustomize would read, wherever it lies.

use facts::code::Named;

use super::*;

const BASE: (&str, &str) = (
    "apps/base/api/kustomization.yaml",
    "resources: [deployment.yaml]\nconfigMapGenerator:\n  - name: texts\n    files: [banner.md, greeting=hello.txt]\n",
);

/// Two environments of an app on one base, another app, and the Kustomizations that apply them.
const FILES: &[(&str, &str)] = &[
    BASE,
    (
        "apps/base/api/deployment.yaml",
        "kind: Deployment\nmetadata: {name: api}\n",
    ),
    ("apps/base/api/banner.md", "Welcome"),
    ("apps/base/api/hello.txt", "Hello"),
    ("apps/base/api/README.md", "How it is made"),
    (
        "apps/staging/api/kustomization.yaml",
        "resources: [../../base/api]\n",
    ),
    (
        "apps/production/api/kustomization.yaml",
        "resources: [../../base/api]\n",
    ),
    (
        "apps/production/cart/cart.yaml",
        "kind: Deployment\nmetadata: {name: cart}\n",
    ),
    (
        "clusters/prod/apps.yaml",
        "kind: Kustomization\nmetadata: {name: api}\nspec: {path: ./apps/production/api}\n---\nkind: Kustomization\nmetadata: {name: cart}\nspec: {path: ./apps/production/cart}\n",
    ),
];

struct Ground {
    reader: Reader,
    work: server::Work,
    _server: Server,
    _cache: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Self {
        let server = Server::start().await;
        let work = server.repository("shop/api");
        work.commit("Begin", FILES);
        work.push();
        let cache = tempfile::tempdir().unwrap();
        Self {
            reader: Reader::new(&server, cache.path()),
            work,
            _server: server,
            _cache: cache,
        }
    }

    fn commit(&self, file: &str, content: &str) -> String {
        let sha = self.work.commit(file, &[(file, content)]);
        self.work.push();
        self.reader.later();
        sha
    }

    /// What is said of a path; where a Kustomization is named, of that object there.
    async fn concerns(&self, sha: &str, path: &str, kustomization: Option<&str>) -> Read<bool> {
        let named = |name: &str| Named {
            kind: "Kustomization".to_owned(),
            name: name.to_owned(),
        };
        let want = Want::Concern {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
            path: path.to_owned(),
            objects: kustomization.map(named).into_iter().collect(),
        };
        match self.reader.forge.find(&want).await {
            Found::Concern { concern, .. } => concern,
            other => panic!("{other:?}"),
        }
    }

    /// Whether a commit concerns staging's and production's api, and production's cart.
    async fn all(&self, sha: &str) -> [bool; 3] {
        let mut all = Vec::new();
        for path in [
            "apps/staging/api",
            "apps/production/api",
            "apps/production/cart",
        ] {
            all.push(*self.concerns(sha, path, None).await.known().unwrap());
        }
        all.try_into().unwrap()
    }
}

/// What a commit changes of production's cart, told shortly.
async fn changed(ground: &Ground, sha: &str) -> Vec<String> {
    let want = Want::Changes {
        repository: REPOSITORY.to_owned(),
        sha: sha.to_owned(),
        path: "apps/production/cart".to_owned(),
    };
    let Found::Changes { changes, .. } = ground.reader.forge.find(&want).await else {
        panic!("other facts than wanted");
    };
    let told = changes.known().unwrap().iter().map(|one| {
        let alone = one.left_alone.as_deref().unwrap_or("-");
        let content = if one.content { "" } else { ", metadata alone" };
        format!(
            "{:?} {} {}{content}, {alone}",
            one.how, one.object.kind, one.object.name
        )
    });
    told.collect()
}

#[tokio::test]
async fn a_commit_is_told_object_by_object() {
    let ground = Ground::new().await;
    let cart = "kind: Deployment\nmetadata: {name: cart}\n";
    let file = "apps/production/cart/cart.yaml";
    let settings = "---\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n";
    let sha = ground.commit(file, &format!("{cart}{settings}"));
    assert_eq!(
        changed(&ground, &sha).await,
        ["Added ConfigMap settings, -"]
    );
    let labelled = settings.replace("name: settings", "name: settings, labels: {a: b}");
    let sha = ground.commit(file, &format!("{cart}{labelled}"));
    let expected = ["Changed ConfigMap settings, metadata alone, -"];
    assert_eq!(changed(&ground, &sha).await, expected);
    let immutable = format!("{labelled}immutable: true\n");
    let sha = ground.commit(file, &format!("{cart}{immutable}"));
    assert_eq!(changed(&ground, &sha).await, expected);
    // The same, written otherwise.
    let quoted = labelled.replace("a: b}\n", "'a': \"b\"}\n");
    let sha = ground.commit(file, &format!("{cart}{quoted}"));
    assert_eq!(changed(&ground, &sha).await, expected);
    let ssa = "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent";
    let kept = settings.replace(
        "name: settings",
        &format!("name: settings, annotations: {{{ssa}}}"),
    );
    let sha = ground.commit(file, &format!("{cart}{}", kept.replace("a: b", "a: c")));
    let expected = [format!("Changed ConfigMap settings, {ssa}")];
    assert_eq!(changed(&ground, &sha).await, expected);
    // Moved to another file it is what it was; nobody removes what is applied only once.
    let other = "apps/production/cart/settings.yaml";
    ground.commit(other, &kept.replace("a: b", "a: c"));
    let sha = ground.commit(file, cart);
    assert_eq!(changed(&ground, &sha).await, [""; 0]);
    let sha = ground.commit(other, "");
    assert_eq!(
        changed(&ground, &sha).await,
        ["Removed ConfigMap settings, -"]
    );
}

#[tokio::test]
async fn what_cannot_be_told_for_certain_is_not_told() {
    let ground = Ground::new().await;
    let kustomization = "apps/production/cart/kustomization.yaml";
    ground.commit(kustomization, "resources: [cart.yaml]\nnamePrefix: new-\n");
    let file = "apps/production/cart/cart.yaml";
    let sha = ground.commit(
        file,
        "kind: Deployment\nmetadata: {name: cart, labels: {a: b}}\n",
    );
    assert_eq!(changed(&ground, &sha).await, [""; 0]);
    ground.commit(kustomization, "resources: [cart.yaml]\n");
    let sha = ground.commit(file, "kind: Deployment\nmetadata: {name: \"${name}\"}\n");
    assert_eq!(changed(&ground, &sha).await, [""; 0]);
}

#[tokio::test]
async fn an_overlay_concerns_itself_and_a_base_everybody() {
    let ground = Ground::new().await;
    let sha = ground.commit(
        "apps/staging/api/kustomization.yaml",
        "resources: [../../base/api]\nnamespace: staging\n",
    );
    assert_eq!(ground.all(&sha).await, [true, false, false]);
    let sha = ground.commit(
        "apps/base/api/deployment.yaml",
        "kind: Deployment\nmetadata: {name: api, annotations: {a: b}}\n",
    );
    assert_eq!(ground.all(&sha).await, [true, true, false]);
    let sha = ground.commit("apps/base/api/README.md", "How it is made now");
    assert_eq!(ground.all(&sha).await, [false, false, false]);
}

#[tokio::test]
async fn another_environments_folder_that_is_this_ones_base_concerns_it() {
    let ground = Ground::new().await;
    ground.commit(
        "apps/production/api/kustomization.yaml",
        "resources: [../../staging/api]\n",
    );
    let sha = ground.commit(
        "apps/staging/api/kustomization.yaml",
        "resources: [../../base/api]\ncommonAnnotations: {team: x}\n",
    );
    assert_eq!(ground.all(&sha).await, [true, true, false]);
}

#[tokio::test]
async fn prose_that_a_generator_reads_concerns_whoever_is_made_of_it() {
    let ground = Ground::new().await;
    for file in ["apps/base/api/banner.md", "apps/base/api/hello.txt"] {
        let sha = ground.commit(file, "Changed");
        assert_eq!(ground.all(&sha).await, [true, true, false], "{file}");
    }
}

#[tokio::test]
async fn a_folder_without_a_kustomization_is_made_of_all_that_is_in_it() {
    let ground = Ground::new().await;
    let sha = ground.commit(
        "apps/production/cart/more/service.yaml",
        "kind: Service\nmetadata: {name: cart}\n",
    );
    assert_eq!(ground.all(&sha).await, [false, false, true]);
}

#[tokio::test]
async fn a_file_named_after_another_app_concerns_the_one_it_declares() {
    let ground = Ground::new().await;
    let moved = FILES[8]
        .1
        .replace("path: ./apps/production/api}", "path: ./apps/staging/api}");
    let sha = ground.commit("clusters/prod/apps.yaml", &moved);
    let above = "clusters/prod";
    let known = async |object| {
        *ground
            .concerns(&sha, above, Some(object))
            .await
            .known()
            .unwrap()
    };
    assert!(known("api").await);
    assert!(!known("cart").await);
    // A kustomization may change everything below it.
    let sha = ground.commit(
        "clusters/prod/kustomization.yaml",
        "resources: [apps.yaml]\nnamePrefix: shop-\n",
    );
    let all = ground.concerns(&sha, above, Some("cart")).await;
    assert_eq!(all.known(), Some(&true));
}

#[tokio::test]
async fn what_is_missing_or_broken_before_and_after_was_not_touched() {
    let ground = Ground::new().await;
    let sha = ground.commit("README.md", "Read me");
    let elsewhere = ground.concerns(&sha, "not/there", None).await;
    assert_eq!(elsewhere.known(), Some(&false));
    let breaking = ground.commit(
        "apps/staging/api/kustomization.yaml",
        "resources: [gone.yaml]\n",
    );
    assert_eq!(ground.all(&breaking).await, [true, false, false]);
    let other = ground.commit("README.md", "Read me again");
    assert_eq!(ground.all(&other).await, [false, false, false]);
    let mending = ground.commit("apps/staging/api/gone.yaml", "kind: ConfigMap\n");
    assert_eq!(ground.all(&mending).await, [true, false, false]);
    let unknown = ground
        .concerns(&"1".repeat(40), "apps/staging/api", None)
        .await;
    assert_eq!(unknown, Read::Missing);
}

/// Above two Kustomizations, each in a file of its own; and whether a commit to `file` may change how api's is declared.
async fn api_is_concerned(kustomization: &str, file: &str, before: &str, after: &str) -> bool {
    let ground = Ground::new().await;
    for (file, content) in [
        (
            "above/api.yaml",
            "kind: Kustomization\nmetadata: {name: api}\nspec: {path: ./apps/production/api}\n",
        ),
        (
            "above/cart.yaml",
            "kind: Kustomization\nmetadata: {name: cart}\nspec: {path: ./apps/production/cart}\n",
        ),
        ("above/kustomization.yaml", kustomization),
        (file, before),
    ] {
        if !content.is_empty() {
            ground.commit(file, content);
        }
    }
    let sha = ground.commit(file, after);
    *ground
        .concerns(&sha, "above", Some("api"))
        .await
        .known()
        .unwrap()
}

const BOTH: &str = "resources: [api.yaml, cart.yaml]\n";
const CART: &str =
    "kind: Kustomization\nmetadata: {name: cart}\nspec: {path: ./apps/staging/cart}\n";

#[tokio::test]
async fn only_a_plain_neighbour_is_no_concern() {
    assert!(
        !api_is_concerned(
            BOTH,
            "above/cart.yaml",
            CART,
            &CART.replace("staging", "dev")
        )
        .await
    );
    let twice = format!("{BOTH}commonLabels: {{team: shop}}\nnamespace: flux-system\n");
    assert!(!api_is_concerned(&twice, "above/cart.yaml", "", CART).await);
}

#[tokio::test]
async fn a_patch_under_a_placeholders_name_is_not_taken_for_a_neighbour() {
    let patched = format!("{BOTH}patches: [{{path: all.yaml, target: {{kind: Kustomization}}}}]\n");
    let patch = "kind: Kustomization\nmetadata: {name: any}\nspec: {suspend: false}\n";
    assert!(
        api_is_concerned(
            &patched,
            "above/all.yaml",
            patch,
            &patch.replace("false", "true")
        )
        .await
    );
}

#[tokio::test]
async fn a_transformer_is_not_taken_for_a_neighbour() {
    let transformer = "kind: PrefixTransformer\nmetadata: {name: any}\nprefix: a-\n";
    let changed = transformer.replace("a-", "b-");
    let listed = format!("{BOTH}transformers: [prefix.yaml]\n");
    assert!(api_is_concerned(&listed, "above/prefix.yaml", transformer, &changed).await);
    let folder = format!("{BOTH}transformers: [./made]\n");
    let ground = "above/made/kustomization.yaml";
    assert!(api_is_concerned(&folder, ground, "resources: []\n", "resources: [a.yaml]\n").await);
}

#[tokio::test]
async fn what_a_replacement_copies_from_a_neighbour_concerns_whoever_it_is_copied_to() {
    let replaced =
        format!("{BOTH}replacements: [{{source: {{kind: Kustomization, name: cart}}}}]\n");
    assert!(
        api_is_concerned(
            &replaced,
            "above/cart.yaml",
            CART,
            &CART.replace("staging", "dev")
        )
        .await
    );
}

#[tokio::test]
async fn a_name_that_is_a_variable_may_be_any() {
    let variable = CART.replace("name: cart", "name: \"${app}\"");
    let changed = variable.replace("staging", "dev");
    assert!(api_is_concerned(BOTH, "above/cart.yaml", &variable, &changed).await);
}

#[tokio::test]
async fn what_flux_leaves_out_of_the_artifact_concerns_whoever_lies_beside_it() {
    let ground = Ground::new().await;
    let sha = ground.commit("apps/production/.sourceignore", "deployment.yaml\n");
    assert_eq!(ground.all(&sha).await, [false, true, true]);
    assert!(api_is_concerned(BOTH, "above/.sourceignore", "a\n", "api.yaml\n").await);
}

#[tokio::test]
async fn a_chart_is_made_of_the_charts_beside_it() {
    let ground = Ground::new().await;
    let chart = "name: api\ndependencies:\n  - {name: common, repository: file://../common}\n";
    ground.commit("charts/api/Chart.yaml", chart);
    ground.commit("charts/common/Chart.yaml", "name: common\n");
    let sha = ground.commit("charts/common/templates/_all.tpl", "{{ }}");
    let concern = ground.concerns(&sha, "charts/api", None).await;
    assert_eq!(concern.known(), Some(&true));
    let elsewhere = ground.commit("charts/other/templates/_all.tpl", "{{ }}");
    let concern = ground.concerns(&elsewhere, "charts/api", None).await;
    assert_eq!(concern.known(), Some(&false));
}

/// Whether a change of one file below `above`, after the others were committed, may change how an object is declared there;
/// without one, what it is made of.
async fn may_change(
    object: Option<(&str, &str)>,
    files: &[(&str, &str)],
    (file, content): (&str, &str),
) -> bool {
    let ground = Ground::new().await;
    for (file, content) in files {
        ground.commit(file, content);
    }
    let sha = ground.commit(file, content);
    let named = object.map(|(kind, name)| Named {
        kind: kind.to_owned(),
        name: name.to_owned(),
    });
    let want = Want::Concern {
        repository: REPOSITORY.to_owned(),
        sha,
        path: "above".to_owned(),
        objects: named.into_iter().collect(),
    };
    match ground.reader.forge.find(&want).await {
        Found::Concern { concern, .. } => *concern.known().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_made_of_something_else_or_renamed_may_be_what_changed() {
    let cases = [
        (
            "Secret",
            "vars",
            "kind: SealedSecret\nmetadata: {name: vars}\nspec: {data: A}\n",
        ),
        (
            "Secret",
            "vars",
            "kind: ExternalSecret\nmetadata: {name: x}\nspec: {target: {name: vars}, data: A}\n",
        ),
        (
            "Kustomization",
            "api",
            "kind: ResourceSet\nmetadata: {name: apps}\nspec: {path: A}\n",
        ),
        (
            "GitRepository",
            "flux-system",
            "kind: FluxInstance\nmetadata: {name: flux}\nspec: {sync: {ref: A}}\n",
        ),
        (
            "Kustomization",
            "prod-api",
            "kind: Kustomization\nmetadata: {name: api}\nspec: {path: A}\n",
        ),
    ];
    for (kind, name, before) in cases {
        let after = before.replace("A}", "B}");
        let files = [("above/one.yaml", before)];
        let concerned = may_change(Some((kind, name)), &files, ("above/one.yaml", &after)).await;
        assert!(concerned, "{kind} {name}: {before}");
    }
}

#[tokio::test]
async fn a_text_that_becomes_a_truth_is_a_change() {
    let before = "kind: Kustomization\nmetadata: {name: api}\nspec: {suspend: \"true\"}\n";
    let after = before.replace('"', "");
    let object = Some(("Kustomization", "api"));
    assert!(
        may_change(
            object,
            &[("above/api.yaml", before)],
            ("above/api.yaml", &after)
        )
        .await
    );
}

const DEPLOYMENT: &str = "kind: Deployment\nmetadata: {name: api}\n";

#[tokio::test]
async fn a_second_kustomization_file_is_no_stranger() {
    let listed = "resources: [api.yaml]\n";
    let files = [
        ("above/kustomization.yaml", listed),
        ("above/api.yaml", DEPLOYMENT),
    ];
    assert!(may_change(None, &files, ("above/kustomization.yml", listed)).await);
}

#[tokio::test]
async fn what_is_named_as_if_it_lay_elsewhere_may_lie_here() {
    let remote = "resources: ['https://127.0.0.1/shop/api//base?ref=main']\n";
    let files = [
        ("above/kustomization.yaml", remote),
        ("base/kustomization.yaml", "resources: [api.yaml]\n"),
        ("base/api.yaml", DEPLOYMENT),
    ];
    let changed = "kind: Deployment\nmetadata: {name: api, labels: {a: b}}\n";
    assert!(may_change(None, &files, ("base/api.yaml", changed)).await);
    let files = [
        ("above/kustomization.yaml", "resources: [github.com/far]\n"),
        (
            "above/github.com/far/kustomization.yaml",
            "resources: [api.yaml]\n",
        ),
        ("above/github.com/far/api.yaml", DEPLOYMENT),
    ];
    assert!(may_change(None, &files, ("above/github.com/far/api.yaml", changed)).await);
    // What does lie elsewhere is no reason to doubt.
    let remote = "resources: ['https://example.com/far/base?ref=v1']\n";
    assert!(
        !may_change(
            None,
            &[("above/kustomization.yaml", remote)],
            ("base/x.yaml", "a")
        )
        .await
    );
}

#[tokio::test]
async fn an_old_chart_names_the_charts_beside_it_in_a_file_of_its_own() {
    let files = [
        ("above/Chart.yaml", "apiVersion: v1\nname: api\n"),
        (
            "above/requirements.yaml",
            "dependencies: [{name: common, repository: file://../common}]\n",
        ),
        ("common/Chart.yaml", "name: common\n"),
        ("common/templates/_a.tpl", "a"),
    ];
    assert!(may_change(None, &files, ("common/templates/_a.tpl", "b")).await);
}

#[tokio::test]
async fn a_kustomization_that_cannot_be_read_made_every_commit_its_own() {
    let files = [
        ("above/kustomization.yaml", "<<<<<<< HEAD\n\t: [\n"),
        ("above/api.yaml", DEPLOYMENT),
    ];
    assert!(!may_change(None, &files, ("elsewhere/api.yaml", DEPLOYMENT)).await);
    assert!(may_change(None, &files, ("above/more.yaml", DEPLOYMENT)).await);
}
