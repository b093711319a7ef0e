//! The registry, met by oci-client as the product uses it, and by plain HTTP.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by failing")]

use std::collections::BTreeMap;

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::OciManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sandbox::clock::Clock;
use sandbox::registry::{ImageSpec, Registry, digest_of, media_type, router};
use sandbox::serve::{ANY_PORT, Server};
use serde_json::Value;

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

async fn start() -> (Registry, Server) {
    let clock = Clock::default();
    let registry = Registry::new(clock.clone());
    let server = Server::start(&clock, router(&registry), ANY_PORT)
        .await
        .unwrap();
    (registry, server)
}

fn image(revision: &str, platforms: &[&str]) -> ImageSpec {
    ImageSpec {
        labels: BTreeMap::from([
            (
                "org.opencontainers.image.revision".to_owned(),
                revision.to_owned(),
            ),
            (
                "org.opencontainers.image.source".to_owned(),
                "https://code.example/shop/checkout".to_owned(),
            ),
        ]),
        created: "2026-11-21T20:31:00Z".parse().unwrap(),
        platforms: platforms.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn client() -> Client {
    Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    })
}

fn reference(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.address()).parse().unwrap()
}

#[tokio::test]
async fn oci_client_reads_tags_manifest_and_labels() {
    let (registry, server) = start().await;
    let digest = registry.push("shop/checkout", "1.4.0", image(REVISION, &["linux/amd64"]));
    registry.tag("shop/checkout", "latest", &digest);
    let (client, anonymous) = (client(), RegistryAuth::Anonymous);

    let tagged = reference(&server, "shop/checkout:1.4.0");
    let tags = client
        .list_tags(&tagged, &anonymous, None, None)
        .await
        .unwrap();
    assert_eq!(tags.tags, ["1.4.0", "latest"]);
    let found = client
        .fetch_manifest_digest(&tagged, &anonymous)
        .await
        .unwrap();
    assert_eq!(found, digest);
    let (manifest, found, config) = client
        .pull_manifest_and_config(&tagged, &anonymous)
        .await
        .unwrap();
    assert_eq!(found, digest);
    assert_eq!(manifest.layers.len(), 1);
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(
        config["config"]["Labels"]["org.opencontainers.image.revision"],
        REVISION
    );
    assert_eq!(config["created"], "2026-11-21T20:31:00Z");
    assert_eq!(config["architecture"], "amd64");

    // By digest, and the layer as well.
    let exact = reference(&server, &format!("shop/checkout@{digest}"));
    let pulled = client
        .pull(&exact, &anonymous, vec![media_type::LAYER])
        .await
        .unwrap();
    let mut layer = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(&pulled.layers[0].data[..]),
        &mut layer,
    )
    .unwrap();
    assert_eq!(config["rootfs"]["diff_ids"][0], digest_of(&layer));
}

#[tokio::test]
async fn an_image_for_two_architectures_is_an_index() {
    let (registry, server) = start().await;
    let digest = registry.push(
        "shop/checkout",
        "1.4.0",
        image(REVISION, &["linux/amd64", "linux/arm64"]),
    );
    let client = client();
    let tagged = reference(&server, "shop/checkout:1.4.0");
    let (manifest, found) = client
        .pull_manifest(&tagged, &RegistryAuth::Anonymous)
        .await
        .unwrap();
    assert_eq!(found, digest);
    let OciManifest::ImageIndex(index) = manifest else {
        panic!("no index");
    };
    let platforms: Vec<String> = index
        .manifests
        .iter()
        .map(|entry| entry.platform.as_ref().unwrap().architecture.to_string())
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for entry in &index.manifests {
        let exact = reference(&server, &format!("shop/checkout@{}", entry.digest));
        let (_, _, config) = client
            .pull_manifest_and_config(&exact, &RegistryAuth::Anonymous)
            .await
            .unwrap();
        assert!(config.contains(REVISION));
        let bytes = registry.manifest("shop/checkout", &entry.digest).unwrap();
        assert_eq!(entry.size, i64::try_from(bytes.len()).unwrap());
    }
}

#[tokio::test]
async fn the_same_image_has_the_same_digest_and_another_commit_another() {
    let (registry, _server) = start().await;
    let one = registry.push("shop/checkout", "a", image(REVISION, &[]));
    let two = registry.push("shop/checkout", "b", image(REVISION, &[]));
    let other = registry.push(
        "shop/checkout",
        "c",
        image(&REVISION.replace('0', "1"), &[]),
    );
    assert_eq!(one, two);
    assert_ne!(one, other);
    assert!(registry.untag("shop/checkout", "a"));
    assert!(registry.delete("shop/checkout", &other));
    assert_eq!(registry.tags("shop/checkout"), ["b"]);
}

#[tokio::test]
async fn oci_client_pushes_and_reads_back() {
    let (registry, server) = start().await;
    let (client, anonymous) = (client(), RegistryAuth::Anonymous);
    let tagged = reference(&server, "platform/manifests:main");
    let layer = ImageLayer::new(
        bytes::Bytes::from_static(b"kind: Kustomization\n"),
        media_type::FLUX_CONTENT.to_owned(),
        None,
    );
    let config = Config::new(
        bytes::Bytes::from_static(b"{}"),
        media_type::FLUX_CONFIG.to_owned(),
        None,
    );
    client
        .push(&tagged, &[layer], config, &anonymous, None)
        .await
        .unwrap();
    let digest = registry.digest("platform/manifests", "main").unwrap();
    let found = client
        .fetch_manifest_digest(&tagged, &anonymous)
        .await
        .unwrap();
    assert_eq!(found, digest);
    let pulled = client
        .pull(&tagged, &anonymous, vec![media_type::FLUX_CONTENT])
        .await
        .unwrap();
    assert_eq!(&pulled.layers[0].data[..], b"kind: Kustomization\n");
}

#[tokio::test]
async fn an_artifact_carries_its_annotations() {
    let (registry, server) = start().await;
    let annotations = BTreeMap::from([(
        "org.opencontainers.image.revision".to_owned(),
        format!("main@sha1:{REVISION}"),
    )]);
    let digest = registry.push_artifact(
        "platform/manifests",
        "main",
        annotations,
        media_type::FLUX_CONTENT,
        &b"files"[..],
    );
    let (manifest, found) = client()
        .pull_image_manifest(
            &reference(&server, "platform/manifests:main"),
            &RegistryAuth::Anonymous,
        )
        .await
        .unwrap();
    assert_eq!(found, digest);
    assert_eq!(manifest.config.media_type, media_type::FLUX_CONFIG);
    assert_eq!(
        manifest.annotations.unwrap()["org.opencontainers.image.revision"],
        format!("main@sha1:{REVISION}")
    );
}

#[tokio::test]
async fn tags_come_in_pages() {
    let (registry, server) = start().await;
    let digest = registry.push("shop/checkout", "v0", image(REVISION, &[]));
    for number in 1..25 {
        registry.tag("shop/checkout", &format!("v{number}"), &digest);
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut url = format!("{}/v2/shop/checkout/tags/list?n=10", server.url());
    let mut found: Vec<String> = Vec::new();
    for expected in [10, 10, 5] {
        let response = http.get(&url).send().await.unwrap();
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        let tags = body["tags"].as_array().unwrap();
        assert_eq!(tags.len(), expected);
        found.extend(tags.iter().map(|tag| tag.as_str().unwrap().to_owned()));
        match link {
            Some(link) => {
                let path = link
                    .strip_prefix('<')
                    .and_then(|link| link.strip_suffix(">; rel=\"next\""))
                    .unwrap();
                url = format!("{}{path}", server.url());
            }
            None => assert_eq!(expected, 5),
        }
    }
    assert_eq!(found, registry.tags("shop/checkout"));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_specifications_words() {
    let (registry, server) = start().await;
    registry.push(
        "shop/checkout",
        "1.4.0",
        image(REVISION, &["linux/amd64", "linux/arm64"]),
    );
    registry.tag("shop/checkout", "gone", &digest_of(b"never pushed"));
    registry.push("shop/secret", "1", image(REVISION, &[]));
    registry.deny("shop/secret", true);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let unknown = digest_of(b"nothing");
    for (path, status, code) in [
        ("shop/checkout/manifests/9.9.9", 404, "MANIFEST_UNKNOWN"),
        ("shop/checkout/manifests/gone", 404, "MANIFEST_UNKNOWN"),
        ("shop/nothing/manifests/1", 404, "NAME_UNKNOWN"),
        ("shop/nothing/tags/list", 404, "NAME_UNKNOWN"),
        ("Shop/checkout/tags/list", 400, "NAME_INVALID"),
        ("shop/checkout/blobs/nonsense", 400, "DIGEST_INVALID"),
        (
            &format!("shop/checkout/blobs/{unknown}"),
            404,
            "BLOB_UNKNOWN",
        ),
        (
            "shop/checkout/tags/list?n=many",
            400,
            "PAGINATION_NUMBER_INVALID",
        ),
        ("shop/secret/manifests/1", 403, "DENIED"),
    ] {
        let url = format!("{}/v2/{path}", server.url());
        let response = http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], code, "{path}");
        let head = http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), status, "HEAD {path}");
    }
    // An index, asked for as a manifest only.
    let response = http
        .get(format!("{}/v2/shop/checkout/manifests/1.4.0", server.url()))
        .header("accept", media_type::MANIFEST)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_missing_is_refused() {
    let (registry, server) = start().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v2/shop/checkout", server.url());
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": { "mediaType": media_type::CONFIG, "digest": digest_of(b"{}"), "size": 2 },
        "layers": [],
    });
    let put = async || {
        http.put(format!("{url}/manifests/1"))
            .header("content-type", media_type::MANIFEST)
            .body(manifest.to_string())
            .send()
            .await
            .unwrap()
    };
    assert_eq!(put().await.status(), 404);
    assert_eq!(registry.digest("shop/checkout", "1"), None);

    // The config in two chunks; then it is taken.
    let begun = http
        .post(format!("{url}/blobs/uploads/"))
        .send()
        .await
        .unwrap();
    assert_eq!(begun.status(), 202);
    let location = begun.headers()["location"].to_str().unwrap().to_owned();
    let upload = format!("{}{location}", server.url());
    let chunk = async |range: &str, body: &'static str| {
        http.patch(&upload)
            .header("content-range", range)
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(chunk("0-0", "{").await, 202);
    assert_eq!(chunk("5-5", "}").await, 416);
    assert_eq!(chunk("1-1", "}").await, 202);
    let wrong = format!("{upload}?digest={}", digest_of(b"other"));
    assert_eq!(http.put(wrong).send().await.unwrap().status(), 400);
    let whole = format!("{url}/blobs/uploads/?digest={}", digest_of(b"{}"));
    assert_eq!(
        http.post(whole).body("{}").send().await.unwrap().status(),
        201
    );
    assert_eq!(put().await.status(), 201);
    assert_eq!(
        registry.digest("shop/checkout", "1"),
        Some(digest_of(manifest.to_string().as_bytes()))
    );
}
