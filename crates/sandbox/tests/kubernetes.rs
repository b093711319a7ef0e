//! The API server as the kube crate and a bare HTTP client meet it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

#[path = "kubernetes/cluster.rs"]
mod cluster;

use std::time::Duration;

use cluster::{Cluster, config_map, deployment, kustomization, pod, serve};
use futures::{AsyncBufReadExt, Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::api::{
    Api, DeleteParams, DynamicObject, GroupVersionKind, ListParams, LogParams, Patch, PatchParams,
    PostParams, WatchEvent, WatchParams,
};
use kube::config::{AuthInfo, Config};
use kube::discovery::{Discovery, pinned_kind};
use kube::{Client, ResourceExt};
use sandbox::kubernetes::Rules;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Far longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of the user with this token.
fn client(cluster: &Cluster, token: &str) -> Client {
    let mut config = Config::new(cluster.server.url().parse().unwrap());
    config.auth_info = AuthInfo {
        token: Some(token.to_owned().into()),
        ..AuthInfo::default()
    };
    Client::try_from(config).unwrap()
}

fn api_error(error: kube::Error) -> (u16, String, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason, status.message),
        other => panic!("no answer of the API: {other}"),
    }
}

#[tokio::test]
async fn kube_lists_in_pages_and_by_selector() {
    let cluster = serve().await;
    for number in 0..7 {
        cluster
            .store
            .apply(config_map(&format!("c{number}"), &number.to_string()))
            .unwrap();
    }
    let api: Api<ConfigMap> = Api::namespaced(client(&cluster, "admin"), "shop");
    let mut seen = Vec::new();
    let mut params = ListParams::default().limit(3);
    loop {
        let page = api.list(&params).await.unwrap();
        let next = page
            .metadata
            .continue_
            .clone()
            .filter(|next| !next.is_empty());
        seen.extend(page.into_iter().map(|object| object.name_any()));
        match next {
            Some(next) => params = params.continue_token(&next),
            None => break,
        }
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    let chosen = ListParams::default()
        .labels("value in (2,3)")
        .fields("metadata.name!=c3");
    assert_eq!(api.list(&chosen).await.unwrap().items.len(), 1);
    let metadata = api.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(metadata.items.len(), 7);
}

type ConfigMapEvents =
    std::pin::Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Send>>;

async fn watched(client: Client, params: &WatchParams, version: &str) -> ConfigMapEvents {
    let api: Api<ConfigMap> = Api::all(client);
    Box::pin(api.watch(params, version).await.unwrap())
}

/// The next event as a word and a name; for errors the code, for bookmarks the version.
async fn next(events: &mut ConfigMapEvents) -> Option<String> {
    let event = timeout(PATIENCE, events.next()).await.expect("an event")?;
    Some(match event {
        Ok(WatchEvent::Added(object)) => format!("added {}", object.name_any()),
        Ok(WatchEvent::Modified(object)) => format!("modified {}", object.name_any()),
        Ok(WatchEvent::Deleted(object)) => format!("deleted {}", object.name_any()),
        Ok(WatchEvent::Bookmark(bookmark)) => {
            format!("bookmark {}", bookmark.metadata.resource_version)
        }
        Ok(WatchEvent::Error(status)) => format!("error {}", status.code),
        Err(_) => "broken".to_owned(),
    })
}

#[tokio::test]
async fn kube_watches_through_a_cut_and_through_what_is_forgotten() {
    let mut cluster = serve().await;
    let version = cluster.store.version().to_string();
    let mut events = watched(client(&cluster, "admin"), &WatchParams::default(), &version).await;
    cluster.store.apply(config_map("a", "1")).unwrap();
    assert_eq!(next(&mut events).await.as_deref(), Some("added a"));
    cluster.store.apply(config_map("a", "2")).unwrap();
    assert_eq!(next(&mut events).await.as_deref(), Some("modified a"));
    let version = cluster.store.version().to_string();

    cluster.server.cut_off().await;
    // However the client words it, the watch is over.
    assert!(matches!(
        next(&mut events).await.as_deref(),
        None | Some("broken")
    ));
    let refused: Api<ConfigMap> = Api::all(client(&cluster, "admin"));
    assert!(refused.list(&ListParams::default()).await.is_err());
    cluster.store.delete("ConfigMap", "shop", "a");
    cluster.server.restore().await.unwrap();
    let mut events = watched(client(&cluster, "admin"), &WatchParams::default(), &version).await;
    assert_eq!(next(&mut events).await.as_deref(), Some("deleted a"));

    cluster.store.keep_changes(2);
    for number in 0..5 {
        cluster
            .store
            .apply(config_map("b", &number.to_string()))
            .unwrap();
    }
    let mut events = watched(client(&cluster, "admin"), &WatchParams::default(), &version).await;
    assert_eq!(next(&mut events).await.as_deref(), Some("error 410"));
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn kube_streams_lists_and_ends_with_a_bookmark() {
    let cluster = serve().await;
    cluster.store.apply(config_map("a", "1")).unwrap();
    let params = WatchParams::default().timeout(1).initial_events();
    let mut events = watched(client(&cluster, "admin"), &params, "0").await;
    let bookmark = format!("bookmark {}", cluster.store.version());
    assert_eq!(next(&mut events).await.as_deref(), Some("added a"));
    assert_eq!(next(&mut events).await.as_ref(), Some(&bookmark));
    // The one that says goodbye when the time is up.
    assert_eq!(next(&mut events).await.as_ref(), Some(&bookmark));
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn kube_writes_patches_and_deletes() {
    let cluster = serve().await;
    cluster.store.apply(deployment()).unwrap();
    let api: Api<Deployment> = Api::namespaced(client(&cluster, "admin"), "shop");
    let patch =
        Patch::Merge(json!({"metadata": {"labels": {"tier": "front"}}, "spec": {"replicas": 3}}));
    let patched = api
        .patch("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(patched.spec.replicas, Some(3));
    assert_eq!(patched.metadata.generation, Some(2));

    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}});
    let patched = api
        .patch("web", &PatchParams::default(), &Patch::Strategic(image))
        .await
        .unwrap();
    let containers = patched
        .spec
        .template
        .spec
        .as_ref()
        .unwrap()
        .containers
        .clone();
    assert_eq!(containers.len(), 2);
    assert_eq!(containers[0].image.as_deref(), Some("web:2"));

    let restarted = api.restart("web").await.unwrap();
    assert_eq!(restarted.metadata.generation, Some(4));
    assert_eq!(
        api.get_scale("web").await.unwrap().spec.unwrap().replicas,
        Some(3)
    );

    let mut stale = api.get("web").await.unwrap();
    api.patch(
        "web",
        &PatchParams::default(),
        &Patch::Merge(json!({"spec": {"replicas": 4}})),
    )
    .await
    .unwrap();
    stale.spec.replicas = Some(9);
    let refused = api
        .replace("web", &PostParams::default(), &stale)
        .await
        .unwrap_err();
    assert_eq!(api_error(refused).0, 409);

    let applied = Patch::Apply(
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 9}}),
    );
    let refused = api
        .patch("web", &PatchParams::apply("x"), &applied)
        .await
        .unwrap_err();
    assert_eq!(api_error(refused).0, 409);
    let forced = PatchParams::apply("x").force();
    let forced = api.patch("web", &forced, &applied).await.unwrap();
    assert_eq!(forced.spec.replicas, Some(9));

    api.delete("web", &DeleteParams::default()).await.unwrap();
    assert_eq!(
        api_error(api.get("web").await.unwrap_err()),
        (
            404,
            "NotFound".into(),
            "deployments.apps \"web\" not found".into()
        )
    );
}

#[tokio::test]
async fn kube_reads_logs_and_events() {
    let cluster = serve().await;
    cluster.store.apply(pod("web-1")).unwrap();
    cluster.store.set_log(
        "shop",
        "web-1",
        "web",
        false,
        vec!["one".into(), "two".into()],
    );
    cluster
        .store
        .set_log("shop", "web-1", "web", true, vec!["before".into()]);
    let api: Api<Pod> = Api::namespaced(client(&cluster, "admin"), "shop");
    let params = LogParams {
        tail_lines: Some(1),
        ..LogParams::default()
    };
    assert_eq!(api.logs("web-1", &params).await.unwrap(), "two\n");
    let params = LogParams {
        previous: true,
        ..LogParams::default()
    };
    assert_eq!(api.logs("web-1", &params).await.unwrap(), "before\n");

    let params = LogParams {
        follow: true,
        tail_lines: Some(1),
        ..LogParams::default()
    };
    let mut lines = api.log_stream("web-1", &params).await.unwrap().lines();
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("two"));
    cluster
        .store
        .append_log("shop", "web-1", "web", vec!["three".into()]);
    let third = timeout(PATIENCE, lines.try_next()).await.unwrap().unwrap();
    assert_eq!(third.as_deref(), Some("three"));
    cluster.store.delete("Pod", "shop", "web-1");
    assert_eq!(
        timeout(PATIENCE, lines.try_next()).await.unwrap().unwrap(),
        None
    );

    cluster.store.apply(pod("web-2")).unwrap();
    let about = cluster.store.get("Pod", "shop", "web-2").unwrap();
    cluster
        .store
        .record_event(&about, true, "BackOff", "Back-off restarting", "kubelet");
    let events: Api<Event> = Api::namespaced(client(&cluster, "admin"), "shop");
    let chosen = ListParams::default().fields("involvedObject.name=web-2,type=Warning");
    let found = events.list(&chosen).await.unwrap();
    assert_eq!(found.items[0].reason.as_deref(), Some("BackOff"));
    assert_eq!(
        found.items[0].involved_object.uid,
        about["metadata"]["uid"].as_str().map(Into::into)
    );
}

#[tokio::test]
async fn kube_discovers_flux_unless_it_is_not_installed() {
    let cluster = serve().await;
    cluster.store.apply(kustomization()).unwrap();
    let client = client(&cluster, "admin");
    let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
    let (resource, _) = pinned_kind(&client, &kind).await.unwrap();
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let found = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(
        found.items[0].data["status"]["conditions"][0]["type"],
        "Ready"
    );
    let all = Discovery::new(client.clone()).run().await.unwrap();
    assert!(all.has_group("source.toolkit.fluxcd.io"));
    let aggregated = Discovery::new(client.clone())
        .run_aggregated()
        .await
        .unwrap();
    assert!(aggregated.has_group("helm.toolkit.fluxcd.io") && aggregated.has_group("apps"));

    cluster.store.without_flux();
    assert_eq!(
        api_error(api.list(&ListParams::default()).await.unwrap_err()).0,
        404
    );
    let all = Discovery::new(client).run().await.unwrap();
    assert!(!all.has_group("source.toolkit.fluxcd.io") && all.has_group("apps"));
}

#[tokio::test]
async fn users_may_what_their_rules_say() {
    let cluster = serve().await;
    cluster.store.set_rules("nobody", Rules::nothing());
    cluster
        .store
        .set_rules("viewer", Rules::read_namespaces(&["shop"]));
    let denied: Api<Pod> = Api::all(client(&cluster, "nobody"));
    assert_eq!(
        api_error(denied.list(&ListParams::default()).await.unwrap_err()),
        (
            403,
            "Forbidden".into(),
            "pods is forbidden: User \"nobody\" cannot list resource \"pods\" in API group \"\" at the cluster scope".into()
        )
    );
    let viewer = client(&cluster, "viewer");
    let pods: Api<Pod> = Api::namespaced(viewer.clone(), "shop");
    pods.list(&ListParams::default()).await.unwrap();
    let elsewhere: Api<Secret> = Api::namespaced(viewer.clone(), "other");
    assert_eq!(
        api_error(elsewhere.list(&ListParams::default()).await.unwrap_err()).0,
        403
    );

    let review = |namespace: &str| -> SelfSubjectAccessReview {
        let attributes = json!({"verb": "list", "resource": "pods", "namespace": namespace});
        serde_json::from_value(json!({"metadata": {}, "spec": {"resourceAttributes": attributes}}))
            .unwrap()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(viewer);
    for (namespace, allowed) in [("shop", true), ("other", false), ("", false)] {
        let answer = reviews
            .create(&PostParams::default(), &review(namespace))
            .await
            .unwrap();
        assert_eq!(answer.status.unwrap().allowed, allowed, "{namespace}");
    }
    let stranger: Api<Pod> = Api::all(client(&cluster, "stranger"));
    assert_eq!(
        api_error(stranger.list(&ListParams::default()).await.unwrap_err()).0,
        401
    );
}

#[tokio::test]
async fn answers_carry_the_companys_date_and_know_their_paths() {
    let cluster = serve().await;
    cluster
        .store
        .clock()
        .play("2026-11-21T20:31:00Z".parse().unwrap());
    let get = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", cluster.server.url()))
            .await
            .unwrap();
        let date = answer.headers()["date"].to_str().unwrap().to_owned();
        assert_eq!(date, "Sat, 21 Nov 2026 20:31:00 GMT", "{path}");
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (path, code) in [
        ("/version", 200),
        ("/readyz", 200),
        ("/api", 200),
        ("/api/v1?pretty=true", 200),
        ("/apis/apps", 200),
        ("/apis/apps/v1", 200),
        ("/apis/apps/v1/deployments?timeout=5s&pretty=true", 200),
        ("/openapi/v3/apis/apps/v1", 200),
        ("/openapi/v2", 404),
        ("/apis/apps/v2", 404),
        ("/apis/none/v1/things", 404),
        ("/api/v1/pods/web", 404),
        ("/api/v1/namespaces/shop/nodes", 404),
        ("/api/v1/namespaces/shop/pods/web/nothing", 404),
        ("/as/admin/api/v1/pods", 200),
        ("/as/stranger/api/v1/pods", 401),
        ("/api/v1/pods?continue=rubbish", 400),
        (
            "/api/v1/pods?resourceVersion=1&resourceVersionMatch=Exact",
            410,
        ),
    ] {
        let (answered, body) = get(path).await;
        assert_eq!(answered, code, "{path}: {body}");
    }
    let (_, body) = get("/api/v1/namespaces/shop/pods/none").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (
            &status["kind"],
            &status["reason"],
            &status["code"],
            &status["details"]
        ),
        (
            &json!("Status"),
            &json!("NotFound"),
            &json!(404),
            &json!({"name": "none", "kind": "pods"})
        )
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let cluster = serve().await;
    let http = reqwest::Client::new();
    let pods = format!("{}/api/v1/namespaces/shop/pods", cluster.server.url());
    let send =
        async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(send(http.put(&pods)).await, 405);
    assert_eq!(
        send(http.post(format!("{}/version", cluster.server.url()))).await,
        405
    );
    assert_eq!(
        send(
            http.post(&pods)
                .header("content-type", "text/plain")
                .body("x")
        )
        .await,
        415
    );
    assert_eq!(
        send(
            http.post(&pods)
                .body("{")
                .header("content-type", "application/json")
        )
        .await,
        400
    );
    assert_eq!(send(http.post(&pods).body(vec![b' '; 4 << 20])).await, 413);
    assert_eq!(
        send(
            http.get(&pods)
                .header("accept", "application/vnd.kubernetes.protobuf")
        )
        .await,
        406
    );
    let yaml = "metadata: {name: by-yaml}\nspec: {containers: [{name: a, image: a}]}\n";
    let request = http
        .post(&pods)
        .header("content-type", "application/yaml")
        .body(yaml);
    assert_eq!(send(request).await, 201);
}
