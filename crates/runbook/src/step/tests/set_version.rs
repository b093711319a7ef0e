//! Setting a version through Git: what is taken for the proof, above all.

use proptest::prelude::*;

use super::*;
use crate::action::{Parameter, Value};
use crate::call::{Call, Commit, Landing};
use crate::git::{Committed, DeclaredAt, Form, Landed, Opened, Place, Wanted};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const IMAGE: &str = "ghcr.io/lakeside/checkout";
const REPOSITORY: &str = "https://github.com/lakeside/deploy";

fn step(to: &str, by: &str) -> Step {
    let text = |text: &str| Parameter::Fixed(Value::Text(text.to_owned()));
    Step::SetVersion {
        to: text(to),
        by: text(by),
        image: None,
        within: Within::default(),
    }
}

fn labels(group: &str, name: &str) -> Json {
    json!({format!("{group}/name"): name, format!("{group}/namespace"): "shop"})
}

/// A Deployment that has rolled out two pods of this image.
fn deployment(image: &str) -> Json {
    json!({
        "kind": "Deployment",
        "metadata": {
            "namespace": "shop", "name": "checkout", "uid": "u", "resourceVersion": "7", "generation": 2,
            "labels": labels("kustomize.toolkit.fluxcd.io", "apps"),
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        "status": {
            "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
            "availableReplicas": 2,
        },
    })
}

fn kustomization(revision: &str) -> Json {
    json!({
        "kind": "Kustomization",
        "metadata": {"namespace": "shop", "name": "apps", "uid": "k", "resourceVersion": "8", "generation": 1},
        "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "deploy"}},
        "status": {
            "lastAppliedRevision": format!("main@sha1:{revision}"),
            "lastAttemptedRevision": format!("main@sha1:{revision}"),
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}],
        },
    })
}

fn source(revision: &str) -> Json {
    json!({
        "kind": "GitRepository",
        "metadata": {"namespace": "shop", "name": "deploy", "uid": "s", "resourceVersion": "9"},
        "spec": {"url": REPOSITORY, "ref": {"branch": "main"}},
        "status": {"artifact": {"revision": format!("main@sha1:{revision}")}},
    })
}

fn place(form: Form, value: &str) -> Place {
    Place {
        file: "apps/checkout.yaml".to_owned(),
        line: 9,
        document: 0,
        path: vec!["image".to_owned()],
        form,
        value: value.to_owned(),
        marker: None,
    }
}

/// What is there, in the cluster and in Git.
struct There {
    objects: Vec<Json>,
    places: Vec<Place>,
    landed: Landed,
}

impl There {
    fn of(objects: Vec<Json>, places: Vec<Place>) -> Self {
        Self {
            objects,
            places,
            landed: Landed::default(),
        }
    }

    fn read(&self, look: &Look) -> Read {
        match look {
            Look::Object(on) => {
                let is = |json: &&Json| {
                    json["kind"] == on.kind.as_str() && json["metadata"]["name"] == on.name.as_str()
                };
                let found = self.objects.iter().find(is);
                found.map_or(Read::Absent, |json| Read::Object(json.clone()))
            }
            Look::All { kind, .. } => {
                let of_kind = self.objects.iter().filter(|json| json["kind"] == *kind);
                Read::All(of_kind.cloned().collect())
            }
            Look::Declared { branch, wanted, .. } => Read::Declared(DeclaredAt {
                branch: branch.clone(),
                head: OLD.to_owned(),
                places: match wanted {
                    Wanted::Image(repository) if repository == IMAGE => self.places.clone(),
                    _ => Vec::new(),
                },
                broken: None,
            }),
            Look::Landed { .. } => Read::Landed(self.landed.clone()),
        }
    }

    fn ground(&self, next: impl Fn(&Ground) -> Vec<Look>) -> Ground {
        let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
        for _ in 0..10 {
            for look in next(&ground) {
                let read = self.read(&look);
                ground.add(look, read);
            }
        }
        ground
    }

    fn planned(&self, step: &Step) -> Result<Planned, String> {
        let on = on("Deployment", "checkout");
        let ground = self.ground(|ground| looks(step, &on, ground));
        super::said(step, &on, &ground, "")
    }

    fn seen(&self, planned: &Planned) -> Effect {
        let step = planned.steps.last().expect("a step");
        let ground = self.ground(|ground| watches(step, &run(), ground));
        seen(step, &run(), &ground)
    }
}

/// The plan that sets 1.4.2 where 1.4.1 is.
fn usual(by: &str) -> Planned {
    let there = There::of(
        vec![
            deployment(&format!("{IMAGE}:1.4.1")),
            kustomization(OLD),
            source(OLD),
        ],
        vec![place(Form::Image, &format!("{IMAGE}:1.4.1"))],
    );
    there.planned(&step("1.4.2", by)).expect("fits")
}

fn commit(planned: &Planned) -> &Commit {
    let call = planned.steps.last().and_then(|step| step.calls.first());
    call.and_then(Call::commit).expect("a commit")
}

fn made(sha: &str) -> Landed {
    Landed {
        commit: Some(Committed {
            sha: sha.to_owned(),
            url: String::new(),
        }),
        ..Landed::default()
    }
}

/// What is there once all is well.
fn done() -> There {
    let mut there = There::of(
        vec![
            deployment(&format!("{IMAGE}:1.4.2")),
            kustomization(NEW),
            source(NEW),
        ],
        Vec::new(),
    );
    there.landed = made(NEW);
    there
}

#[test]
fn one_commit_is_bound_to_the_head_that_was_read() {
    let planned = usual("commit");
    let commit = commit(&planned);
    assert_eq!(
        (
            commit.head.as_str(),
            commit.branch.as_str(),
            commit.path.as_str()
        ),
        (OLD, "main", "./apps")
    );
    assert_eq!(commit.repository, REPOSITORY);
    assert_eq!(commit.landing, Landing::Commit);
    assert_eq!(
        changes(&planned),
        [format!(
            "apps/checkout.yaml:9: {IMAGE}:1.4.1 -> {IMAGE}:1.4.2"
        )]
    );
    let json = serde_json::to_value(&planned.steps[0].calls[0]).expect("JSON");
    let again: Call = serde_json::from_value(json).expect("the same");
    assert_eq!(again, planned.steps[0].calls[0]);
}

#[test]
fn a_digest_beside_a_tag_is_not_left_behind() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let places = vec![
        place(Form::Tag, "1.4.1"),
        Place {
            line: 10,
            ..place(Form::Digest, &digest)
        },
    ];
    let there = There::of(
        vec![
            deployment(&format!("{IMAGE}:1.4.1@{digest}")),
            kustomization(OLD),
            source(OLD),
        ],
        places,
    );
    let says = there.planned(&step("1.4.2", "commit")).expect_err("unfit");
    assert!(
        says.contains("says a digest, which counts more than a tag"),
        "{says}"
    );
    let other = format!("sha256:{}", "b".repeat(64));
    let planned = there.planned(&step(&format!("1.4.2@{other}"), "commit"));
    let planned = planned.expect("fits");
    let to: Vec<&str> = commit(&planned)
        .edits
        .iter()
        .map(|edit| edit.to.as_str())
        .collect();
    assert_eq!(to, ["1.4.2", other.as_str()]);
}

#[test]
fn several_images_are_not_guessed_among() {
    let mut json = deployment(&format!("{IMAGE}:1.4.1"));
    json["spec"]["template"]["spec"]["containers"] = json!([
        {"name": "app", "image": format!("{IMAGE}:1.4.1")},
        {"name": "proxy", "image": "envoy:3"},
    ]);
    let there = There::of(
        vec![json, kustomization(OLD), source(OLD)],
        vec![place(Form::Image, &format!("{IMAGE}:1.4.1"))],
    );
    // Only one of the two is declared in Git.
    assert!(there.planned(&step("1.4.2", "commit")).is_ok());
    let Step::SetVersion { to, by, within, .. } = step("1.4.2", "commit") else {
        panic!("that step")
    };
    let proxy = Step::SetVersion {
        to,
        by,
        image: Some(Parameter::Fixed(Value::Text("proxy".to_owned()))),
        within,
    };
    let says = there.planned(&proxy).expect_err("unfit");
    assert!(says.ends_with("says a version of envoy"), "{says}");
}

#[test]
fn what_stands_in_a_base_that_others_share_is_told() {
    let base = Place {
        file: "base/checkout.yaml".to_owned(),
        ..place(Form::Image, &format!("{IMAGE}:1.4.1"))
    };
    let there = There::of(
        vec![
            deployment(&format!("{IMAGE}:1.4.1")),
            kustomization(OLD),
            source(OLD),
        ],
        vec![base],
    );
    let planned = there.planned(&step("1.4.2", "commit")).expect("fits");
    assert_eq!(
        planned.cautions,
        [
            "base/checkout.yaml:9 stands outside of apps: every environment that builds upon it gets the version, too"
        ]
    );
}

#[test]
fn a_pull_request_has_worked_when_it_is_there_and_names_its_address() {
    let planned = usual("pullRequest");
    let mut there = done();
    there.landed = Landed::default();
    assert!(matches!(there.seen(&planned), Effect::NotYet { .. }));
    there.landed.pull = Some(Opened {
        number: 7,
        url: "https://github.com/lakeside/deploy/pull/7".to_owned(),
    });
    let told = told(&there.seen(&planned));
    assert!(
        told.starts_with("worked: ") && told.contains("/pull/7"),
        "{told}"
    );
}

#[test]
fn a_commit_whose_answer_was_lost_is_found_or_not_and_half_a_pull_request_is_neither() {
    let asked = |by: &str, landed: Result<Landed, String>| {
        let planned = usual(by);
        let call = &planned.steps[0].calls[0];
        let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
        let read = landed.map_or_else(Read::Unknown, Read::Landed);
        ground.add(call.look(&run()), read);
        arrived(call, &run(), &ground)
    };
    let branch = || Landed {
        branch: Some("landfall/r1".to_owned()),
        ..Landed::default()
    };
    assert_eq!(asked("commit", Ok(made(NEW))), Some(true));
    assert_eq!(asked("commit", Ok(Landed::default())), Some(false));
    assert_eq!(asked("commit", Err("no answer".to_owned())), None);
    assert_eq!(asked("pullRequest", Ok(Landed::default())), Some(false));
    assert_eq!(asked("pullRequest", Ok(branch())), None);
    assert_eq!(asked("pullRequest", Ok(made(NEW))), Some(true));
}

#[test]
fn what_has_come_has_worked_so_that_the_tests_below_can_fail() {
    let planned = usual("commit");
    assert_eq!(
        told(&done().seen(&planned)),
        "worked: Deployment shop/checkout runs 2 pods of checkout 1.4.2, all ready; commit 2222222"
    );
    // A later commit on top of ours.
    let mut later = done();
    later.objects[1] = kustomization("3333333333333333333333333333333333333333");
    later.objects[2] = source("3333333333333333333333333333333333333333");
    assert!(told(&later.seen(&planned)).starts_with("worked: "));
    let mut before = done();
    before.objects[1] = kustomization(OLD);
    assert!(matches!(before.seen(&planned), Effect::NotYet { .. }));
}

fn image() -> impl Strategy<Value = String> {
    let digest = format!("@sha256:{}", "a".repeat(64));
    let any = (
        prop::sample::select(vec![IMAGE, "ghcr.io/lakeside/other", "checkout", ""]),
        prop::sample::select(vec![
            ":1.4.2", ":1.4.1", ":1.4.20", ":v1.4.2", "", ":", ":1.4.2 ",
        ]),
        prop::sample::select(vec![String::new(), digest, "@".to_owned()]),
    )
        .prop_map(|(name, tag, digest)| format!("{name}{tag}{digest}"));
    // Mostly the wanted one: what is never done is not put to the test.
    prop_oneof![3 => Just(format!("{IMAGE}:1.4.2")), 1 => any]
}

fn odd() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(json!(null)),
        (-1..4_i64).prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
        prop::sample::select(vec![
            OLD,
            NEW,
            "main@sha1:3",
            "",
            "False",
            "refs/heads/main",
            "GitRepository"
        ])
        .prop_map(|text| json!(text)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "Ready", "status": "False", "reason": "BuildFailed"}])),
    ]
}

/// Where the step looks: which of the objects, and what of it.
const PLACES: [(usize, &str); 24] = [
    (0, "/metadata/labels"),
    (0, "/metadata/generation"),
    (0, "/metadata/deletionTimestamp"),
    (0, "/spec/replicas"),
    (0, "/spec/paused"),
    (0, "/spec/template/spec/containers"),
    (0, "/spec/template/spec/initContainers"),
    (0, "/status/observedGeneration"),
    (0, "/status/replicas"),
    (0, "/status/updatedReplicas"),
    (0, "/status/readyReplicas"),
    (0, "/status/availableReplicas"),
    (0, "/status/conditions"),
    (1, "/spec/path"),
    (1, "/spec/suspend"),
    (1, "/spec/sourceRef/kind"),
    (1, "/status/lastAppliedRevision"),
    (1, "/status/lastAttemptedRevision"),
    (1, "/status/conditions"),
    (2, "/spec/url"),
    (2, "/spec/ref"),
    (2, "/spec/suspend"),
    (2, "/status/artifact"),
    (2, "/status/artifact/revision"),
];

fn altered(there: &mut There, fields: &[((usize, &'static str), Json)]) {
    for ((object, pointer), value) in fields {
        let holder = pointer.rsplit_once('/').map_or("", |(holder, _)| holder);
        if let Some(Json::Object(_)) = there.objects[*object].pointer(holder) {
            let json = with(&there.objects[*object], &[(pointer, value.clone())]);
            there.objects[*object] = json;
        }
    }
}

proptest! {
    /// The one bug that nobody forgives: "worked", with another version running.
    #[test]
    fn nothing_but_the_wanted_version_has_ever_worked(
        images in prop::collection::vec(image(), 0..4),
        fields in prop::collection::vec((prop::sample::select(&PLACES[..]), odd()), 0..4),
        landed in prop::sample::select(vec![Some(NEW), Some(NEW), Some(NEW), Some(OLD), Some(""), None]),
    ) {
        let planned = usual("commit");
        let mut there = done();
        let containers = images.iter().map(|image| json!({"name": "c", "image": image}));
        there.objects[0]["spec"]["template"]["spec"]["containers"] = Json::Array(containers.collect());
        altered(&mut there, &fields);
        there.landed = landed.map(made).unwrap_or_default();
        let effect = there.seen(&planned);
        if let Effect::Worked { .. } = effect {
            let json = &there.objects[0];
            let running = json["spec"]["template"]["spec"]["containers"].as_array();
            let running: Vec<&str> = running.into_iter().flatten().filter_map(|one| one["image"].as_str()).collect();
            let mine = |image: &&&str| image.starts_with(IMAGE);
            prop_assert!(running.iter().any(|image| image.trim() == format!("{IMAGE}:1.4.2")), "{running:?}");
            for image in running.iter().filter(mine) {
                prop_assert_eq!((*image).trim(), format!("{}:1.4.2", IMAGE));
            }
            // `null` is one pod, as the API server fills in.
            let wanted = json["spec"]["replicas"].as_i64().unwrap_or(1);
            for field in ["updatedReplicas", "readyReplicas", "availableReplicas"] {
                prop_assert!(json["status"][field].as_i64().unwrap_or(0) >= wanted, "{field}: {json}");
            }
            prop_assert!(landed.is_some_and(|sha| !sha.is_empty()));
        }
    }

    #[test]
    fn whatever_is_said_or_there_nothing_panics_and_no_edit_breaks_a_line(
        to in "[ -~\\n\u{202e}]{0,40}",
        image in image(),
        fields in prop::collection::vec((prop::sample::select(&PLACES[..]), odd()), 0..4),
    ) {
        let mut there = There::of(
            vec![deployment(&image), kustomization(OLD), source(OLD)],
            vec![place(Form::Image, &image), place(Form::Tag, "1.4.1")],
        );
        altered(&mut there, &fields);
        if let Ok(planned) = there.planned(&step(&to, "commit")) {
            for edit in planned.steps.iter().flat_map(|step| &step.calls).filter_map(Call::commit).flat_map(|commit| &commit.edits) {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@:+".contains(c);
                prop_assert!(!edit.to.is_empty() && edit.to.chars().all(is_plain), "{:?}", edit.to);
            }
        }
    }
}
