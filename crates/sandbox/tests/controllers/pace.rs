//! How fast history is played: three days of a company in a moment.

use std::time::Instant;

use sandbox::controllers::Chart;
use sandbox::faults::PodBehaviour;
use serde_json::json;

use crate::world::{REGISTRY, World, condition, manifest};

#[test]
fn three_days_of_forty_kustomizations_are_played_in_seconds() {
    let mut world = World::new();
    let begun = Instant::now();
    world.source("1m");
    world.shelf.publish_chart(
        "https://charts.tidewater.example",
        Chart {
            name: "service".into(),
            version: "1.0.0".into(),
            app_version: String::new(),
        },
    );
    world.put(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
        "metadata": {"name": "charts", "namespace": "flux-system"},
        "spec": {"interval": "10m", "url": "https://charts.tidewater.example"},
    }));
    for number in 0..40 {
        let app = format!("app-{number}");
        world.image(&app, "1");
        world.commit(
            "Begin",
            &[(&format!("{app}/app.yaml"), manifest(&app, "1", 2))],
        );
        world.kustomization(&app, json!({"wait": number % 2 == 0}));
    }
    for number in 0..20 {
        let app = format!("helm-{number}");
        world.image(&app, "1");
        world.put(json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": app, "namespace": "shop"},
            "spec": {"interval": "10m", "chart": {"spec": {"chart": "service", "sourceRef":
                        {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}}},
                     "values": {"image": {"repository": format!("{REGISTRY}/shop/{app}"), "tag": "1"}, "replicas": 2}},
        }));
    }
    for number in 0..12 {
        let app = format!("app-{number}");
        world.put(json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository",
            "metadata": {"name": app, "namespace": "flux-system"},
            "spec": {"interval": "1m", "image": format!("{REGISTRY}/shop/{app}")},
        }));
        world.put(json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
            "metadata": {"name": app, "namespace": "flux-system"},
            "spec": {"imageRepositoryRef": {"name": app}, "policy": {"numerical": {"order": "asc"}}},
        }));
        world.put(json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation",
            "metadata": {"name": app, "namespace": "flux-system"},
            "spec": {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": "deploy"},
                     "git": {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "f@x.example"}}},
                     "update": {"path": format!("./{app}"), "strategy": "Setters"}},
        }));
    }
    // A hundred new images over three days; two of them never run.
    for release in 0..100 {
        world.pass(2592);
        let app = format!("app-{}", release % 12);
        let digest = world.image(&app, &format!("{}", 2 + release));
        if release % 50 == 10 {
            world.behave(
                &digest,
                PodBehaviour::Crash {
                    exit_code: 1,
                    log: vec!["no".into()],
                },
            );
        }
    }
    world.pass(600);
    let took = begun.elapsed();
    let kustomization = world.get("Kustomization", "flux-system", "app-3");
    assert_eq!(
        condition(&kustomization, "Ready").1,
        "ReconciliationSucceeded"
    );
    assert!(
        world.git.log("main", 500).len() > 130,
        "the automations have committed"
    );
    // 4 s of processor time in a debug build on two shared cores; the bound is loose, for machines under load.
    assert!(took.as_secs() < 200, "{took:?}");
}
