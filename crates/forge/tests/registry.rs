//! The forge against the embedded company's registry, and against one that asks for a token or misbehaves.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use api::{Connection, ConnectionState};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use facts::image::Image;
use facts::{Coverage, Found, Read, Want};
use forge::{Config, Forge, RegistryHost};
use jiff::Timestamp;
use sandbox::clock::Clock;
use sandbox::registry::{ImageSpec, Registry};
use sandbox::serve::{ANY_PORT, Server};

const IMAGE: &str = "registry.shop.example/shop/api";
const START: i64 = 1_800_000_000;

struct Reader {
    forge: Forge,
    second: Arc<AtomicI64>,
}

impl Reader {
    fn new(url: &str, cache: &std::path::Path) -> Self {
        let second = Arc::new(AtomicI64::new(START));
        let now = Arc::clone(&second);
        let config = Config {
            code_hosts: Vec::new(),
            registries: vec![RegistryHost {
                host: "registry.shop.example".to_owned(),
                address: Some(url.parse().unwrap()),
            }],
            cache: cache.to_owned(),
            fresh_for: Duration::from_secs(60),
        };
        let forge = Forge::with_clock(config, move || {
            Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap()
        })
        .unwrap();
        Self { forge, second }
    }

    /// Looks at the registry until it is not being asked any more.
    async fn look(&self) -> Connection {
        while self.forge.look() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.forge.connections().remove(0)
    }

    async fn tags(&self, repository: &str) -> Read<Vec<String>> {
        let want = Want::Tags {
            repository: repository.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Tags { tags, .. } => tags,
            other => panic!("{other:?}"),
        }
    }

    async fn digest(&self, tag: &str) -> Read<String> {
        let want = Want::Digest {
            repository: IMAGE.to_owned(),
            tag: tag.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Digest { digest, .. } => digest,
            other => panic!("{other:?}"),
        }
    }

    async fn image(&self, digest: &str) -> Read<Image> {
        let want = Want::Image {
            repository: IMAGE.to_owned(),
            digest: digest.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Image { image, .. } => image,
            other => panic!("{other:?}"),
        }
    }
}

fn spec(revision: &str, platforms: &[&str]) -> ImageSpec {
    ImageSpec {
        labels: BTreeMap::from([
            (
                "org.opencontainers.image.source".to_owned(),
                "https://code.shop.example/shop/api".to_owned(),
            ),
            (
                "org.opencontainers.image.revision".to_owned(),
                revision.to_owned(),
            ),
        ]),
        created: Timestamp::from_second(START - 100).unwrap(),
        platforms: platforms.iter().map(|&one| one.to_owned()).collect(),
    }
}

async fn shop() -> (Registry, Server) {
    let clock = Clock::default();
    let registry = Registry::new(clock.clone());
    let router = sandbox::registry::router(&registry);
    let server = Server::start(&clock, router, ANY_PORT).await.unwrap();
    (registry, server)
}

#[tokio::test]
async fn an_image_says_what_it_was_built_from() {
    let (registry, server) = shop().await;
    let digest = registry.push("shop/api", "v1", spec("3f2c1ab", &["linux/amd64"]));
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server.url(), cache.path());
    assert_eq!(reader.digest("v1").await, Read::Known(digest.clone()));
    let Read::Known(image) = reader.image(&digest).await else {
        panic!("not known");
    };
    assert_eq!(image.digest, digest);
    assert_eq!(image.revision.as_deref(), Some("3f2c1ab"));
    assert_eq!(
        image.source.as_deref(),
        Some("https://code.shop.example/shop/api")
    );
    assert_eq!(image.created, Timestamp::from_second(START - 100).ok());
    assert_eq!(image.platforms, ["linux/amd64"]);
    assert!(image.children.is_empty());

    // Never asked for again, not even by another process when the registry is gone.
    let asked = server.requests().count("");
    reader.second.fetch_add(1_000_000, Ordering::SeqCst);
    assert_eq!(reader.image(&digest).await, Read::Known(image.clone()));
    assert_eq!(server.requests().count(""), asked);
    let url = server.url();
    server.stop().await;
    let other = Reader::new(&url, cache.path());
    assert_eq!(other.image(&digest).await, Read::Known(image));
    assert!(matches!(
        other.digest("v1").await,
        Read::Gap(Coverage::Unreachable { .. })
    ));
}

#[tokio::test]
async fn an_index_has_platforms_and_children() {
    let (registry, server) = shop().await;
    let digest = registry.push(
        "shop/api",
        "v1",
        spec("3f2c1ab", &["linux/amd64", "linux/arm64/v8"]),
    );
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server.url(), cache.path());
    let Read::Known(image) = reader.image(&digest).await else {
        panic!("not known");
    };
    assert_eq!(image.platforms, ["linux/amd64", "linux/arm64/v8"]);
    assert_eq!(image.children.len(), 2);
    assert_eq!(image.revision.as_deref(), Some("3f2c1ab"));
    let Read::Known(child) = reader.image(&image.children[1]).await else {
        panic!("not known");
    };
    assert_eq!(child.platforms, ["linux/arm64/v8"]);
}

#[tokio::test]
async fn annotations_of_an_artifact_count() {
    let (registry, server) = shop().await;
    let annotations = BTreeMap::from([(
        "org.opencontainers.image.revision".to_owned(),
        "main@sha1:3f2c1ab".to_owned(),
    )]);
    let digest = registry.push_artifact(
        "shop/api",
        "latest",
        annotations,
        sandbox::registry::media_type::FLUX_CONTENT,
        "x",
    );
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server.url(), cache.path());
    let read = reader.image(&digest).await;
    let Read::Known(image) = read else {
        panic!("{read:?}");
    };
    assert_eq!(image.revision.as_deref(), Some("main@sha1:3f2c1ab"));
    assert!(image.platforms.is_empty());
}

#[tokio::test]
async fn all_tags_are_listed_whatever_their_number() {
    let (registry, server) = shop().await;
    let digest = registry.push("shop/api", "v0000", spec("x", &[]));
    for number in 1..1_234 {
        registry.tag("shop/api", &format!("v{number:04}"), &digest);
    }
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server.url(), cache.path());
    let Read::Known(tags) = reader.tags(IMAGE).await else {
        panic!("not known");
    };
    assert_eq!(tags.len(), 1_234);
    assert_eq!(tags.last().unwrap(), "v1233");

    // A moved tag is seen once the answer is old.
    let other = registry.push("shop/api", "v0001", spec("y", &[]));
    assert_eq!(reader.digest("v0001").await, Read::Known(other.clone()));
    registry.tag("shop/api", "v0001", &digest);
    assert_eq!(reader.digest("v0001").await, Read::Known(other));
    reader.second.fetch_add(61, Ordering::SeqCst);
    assert_eq!(reader.digest("v0001").await, Read::Known(digest));
}

#[tokio::test]
async fn missing_is_told_from_denied() {
    let (registry, server) = shop().await;
    registry.push("shop/api", "v1", spec("x", &[]));
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&server.url(), cache.path());
    assert_eq!(reader.digest("v2").await, Read::Missing);
    assert_eq!(reader.digest("${TAG}").await, Read::Missing);
    assert_eq!(
        reader.tags("registry.shop.example/shop/none").await,
        Read::Missing
    );
    let nowhere = format!("sha256:{}", "0".repeat(64));
    assert_eq!(reader.image(&nowhere).await, Read::Missing);
    registry.deny("shop/api", true);
    reader.second.fetch_add(61, Ordering::SeqCst);
    for gap in [
        reader.digest("v1").await.known().is_none(),
        matches!(reader.tags(IMAGE).await, Read::Gap(Coverage::Denied { .. })),
        matches!(
            reader.digest("v1").await,
            Read::Gap(Coverage::Denied { .. })
        ),
    ] {
        assert!(gap);
    }
    let connections = reader.forge.connections();
    assert_eq!(connections.len(), 1);
    assert!(
        connections[0]
            .refusals
            .iter()
            .any(|line| line.starts_with("read shop/api: ")),
        "{connections:?}"
    );
}

/// A registry that wants a token for everything, gives one to anybody, and breaks its word in chosen ways.
async fn guarded(asked_for_token: Arc<AtomicUsize>) -> String {
    async fn answer(
        State((url, asked)): State<(String, Arc<AtomicUsize>)>,
        request: Request,
    ) -> Response {
        let uri = request.uri().clone();
        let path = uri.path();
        let query = uri.query().unwrap_or_default().to_owned();
        let response = Response::builder();
        if path == "/token" {
            assert!(query.contains("scope=repository%3Ashop%2F"), "{query}");
            asked.fetch_add(1, Ordering::SeqCst);
            let body = r#"{"token":"open sesame"}"#;
            return response.body(body.into()).unwrap();
        }
        let signed_in = request
            .headers()
            .get("authorization")
            .is_some_and(|value| value == "Bearer open sesame");
        if !signed_in {
            let challenge = format!("Bearer realm=\"{url}/token\",service=\"shop\"");
            return response
                .status(401)
                .header("www-authenticate", challenge)
                .body("{}".into())
                .unwrap();
        }
        match path {
            "/v2/shop/api/tags/list" if query.contains("last=b") => {
                response.body(r#"{"name":"shop/api","tags":["c"]}"#.into())
            }
            "/v2/shop/api/tags/list" => response
                .header("link", "</v2/shop/api/tags/list?last=b&n=2>; rel=\"next\"")
                .body(r#"{"name":"shop/api","tags":["a","b"]}"#.into()),
            "/v2/shop/null/tags/list" => response.body(r#"{"name":"x","tags":null}"#.into()),
            "/v2/shop/html/tags/list" => response.body("<html>".into()),
            "/v2/shop/busy/tags/list" => response
                .status(429)
                .body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}"#.into()),
            "/v2/shop/loop/tags/list" => response
                .header("link", "</v2/shop/loop/tags/list?n=1000>; rel=\"next\"")
                .body(r#"{"tags":["a"]}"#.into()),
            _ => response.status(503).body("".into()),
        }
        .unwrap()
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(answer)
        .with_state((url.clone(), asked_for_token));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_registry_that_wants_a_token_gets_one_and_its_pages_are_followed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let url = guarded(Arc::clone(&asked)).await;
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(&url, cache.path());
    let tags = |words: &[&str]| Read::Known(words.iter().map(|&word| word.to_owned()).collect());
    assert_eq!(reader.tags(IMAGE).await, tags(&["a", "b", "c"]));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let of = |name: &str| format!("registry.shop.example/shop/{name}");
    assert_eq!(reader.tags(&of("null")).await, tags(&[]));
    assert_eq!(reader.tags(&of("loop")).await, tags(&["a"]));
    for (name, words) in [
        (
            "html",
            "registry.shop.example answered with something unexpected",
        ),
        ("busy", "its rate limit is used up"),
        ("down", "it answers with status 503"),
    ] {
        let Read::Gap(coverage) = reader.tags(&of(name)).await else {
            panic!("{name}: no gap");
        };
        let message = coverage.gap("tags").unwrap();
        assert!(message.contains(words), "{message}");
    }
    assert!(matches!(
        reader.digest("v1").await,
        Read::Gap(Coverage::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_registry_that_nothing_was_wanted_of_stayed_connecting_for_ever() {
    let (_registry, server) = shop().await;
    let cache = tempfile::tempdir().unwrap();
    let is_live = |stands: &Connection| matches!(stands.state, ConnectionState::Live { .. });
    let reader = Reader::new(&server.url(), cache.path());
    let stands = reader.look().await;
    assert!(is_live(&stands), "{stands:?}");
    assert_eq!(stands.identity.as_deref(), Some(forge::ANONYMOUS));
    reader.look().await;
    assert_eq!(server.requests().count(""), 1);
    // One that gives everybody a token for what everybody may read refuses nobody by asking for one.
    let asked = Arc::new(AtomicUsize::new(0));
    let reader = Reader::new(&guarded(Arc::clone(&asked)).await, cache.path());
    let stands = reader.look().await;
    assert!(is_live(&stands), "{stands:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    let said = async |status: u16, challenge: &'static str| {
        let answer = move || async move { (http(status), [("www-authenticate", challenge)], "{}") };
        let router = Router::new().fallback(answer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Reader::new(&url, cache.path()).look().await
    };
    let stands = said(401, "Basic realm=\"shop\"").await;
    assert!(
        matches!(stands.state, ConnectionState::Denied { .. }),
        "{stands:?}"
    );
    assert_eq!(
        stands.refusals,
        ["read anything there: it asks for a sign-in"]
    );
    for (status, words) in [(404, "is no registry"), (503, "status 503")] {
        let stands = said(status, "").await;
        let ConnectionState::Unreachable { error, .. } = &stands.state else {
            panic!("{stands:?}");
        };
        assert!(error.contains(words), "{error}");
    }
}

fn http(status: u16) -> axum::http::StatusCode {
    axum::http::StatusCode::from_u16(status).unwrap()
}

#[tokio::test]
async fn nonsense_is_no_image() {
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new("http://127.0.0.1:1", cache.path());
    for name in [
        "nginx",
        "registry.shop.example/Shop/../x?y",
        "/x",
        "registry.shop.example/",
    ] {
        assert!(
            matches!(reader.tags(name).await, Read::Gap(Coverage::Failed { .. })),
            "{name}"
        );
    }
    assert_eq!(
        reader.tags(IMAGE).await,
        Read::Gap(Coverage::Unreachable {
            message: "registry.shop.example does not answer: connection refused".to_owned()
        })
    );
}

#[test]
fn a_proxy_in_the_environment_does_not_stand_before_this_machine() {
    // The environment belongs to the whole process: another one runs one of the tests above behind a dead proxy.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "all_tags_are_listed_whatever_their_number"])
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
