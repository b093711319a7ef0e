//! The connections' rights, whom to ask for what is missing, and the diagnostic bundle: of a cluster of the sandbox, through
//! the console.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::time::Duration;

use api::connection::Held;
use api::{Connection, ObjectRef};
use console::{Console, Sources};
use sandbox::clock::Clock;
use sandbox::kubernetes::{Rules, Server, Store};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);
const REVIEWS: &str = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// Somebody's token, which is their user's name in the sandbox.
const TOKEN: &str = "jo";

struct World {
    server: Server,
    store: Store,
    folder: tempfile::TempDir,
}

impl World {
    /// A cluster with a Secret and a pod that nobody should ever see in a bundle.
    async fn new(rules: Rules, team: &str) -> Self {
        let store = Store::new("prod", Clock::default());
        store.set_rules(TOKEN, rules);
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"},
                "stringData": {"password": "PLANTED-secret"}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api-1", "namespace": "shop"},
                "spec": {"containers": [{"name": "api", "image": "r/api:1",
                    "env": [{"name": "API_KEY", "value": "PLANTED-env"}]}]}}),
        ] {
            store.apply(object).unwrap();
        }
        let server = Server::start(store.clone(), ([127, 0, 0, 1], 0).into());
        let server = server.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = format!(
            "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n",
            server.url().replace("://", "://jo:PLANTED-userinfo@")
        );
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        std::fs::write(
            folder.path().join("team.yaml"),
            format!("version: 1\n{team}"),
        )
        .unwrap();
        Self {
            server,
            store,
            folder,
        }
    }

    fn open(&self) -> Console {
        Console::open(&Sources {
            kubeconfig: Some(self.folder.path().join("kubeconfig")),
            team: Some(self.folder.path().join("team.yaml")),
            cache: Some(self.folder.path().join("cache")),
            ..Sources::default()
        })
        .unwrap()
    }

    fn reviews(&self) -> u64 {
        let requests = self.server.requests().unwrap();
        requests.count("POST") - requests.count("POST /apis/authentication")
    }
}

async fn connection(console: &Console) -> Connection {
    let mut all = console.watch_connections();
    let all = all.settled(PATIENCE).await.unwrap();
    all.into_iter().find(|one| one.name == "prod").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_connection_knows_its_rights_and_asks_for_them_once() {
    let world = World::new(Rules::everything(), "").await;
    let console = world.open();
    console.board(PATIENCE).await.unwrap();
    assert_eq!(world.reviews(), 0, "a board looks at no rights");
    let mut watched = console.watch_connections();
    let all = watched.settled(PATIENCE).await.unwrap();
    let prod = all.iter().find(|one| one.name == "prod").unwrap();
    assert_eq!(prod.rights_held(), (25, 25), "{:#?}", prod.rights);
    assert!(prod.granted_by.is_empty());
    let once = world.reviews();
    assert_eq!(once, 24 * 3 + 1, "{REVIEWS}");
    // Whatever is evaluated, and whoever looks, meanwhile.
    for name in ["api-2", "api-3", "api-4"] {
        world
            .store
            .apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
                "spec": {"containers": [{"name": "api", "image": "r/api:1"}]}}))
            .unwrap();
        console.board(PATIENCE).await.unwrap();
        connection(&console).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert_eq!(world.reviews(), once);

    // Somebody takes a right away, and somebody wants to know.
    world
        .store
        .set_rules(TOKEN, Rules::read_all_but(&["events", "secrets"]));
    console.ask_rights_anew();
    let fewer = async {
        while let Some(update) = watched.next().await {
            let prod = update.value.into_iter().find(|one| one.name == "prod");
            if prod.is_some_and(|one| one.rights_amiss().map(|row| &row.name).eq(["events"])) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, fewer).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_with_whom_the_team_says_to_ask() {
    let team = "owners: [{of: prod, ask: '#platform-help'}, {of: '*', ask: '#all'}]\n";
    let world = World::new(Rules::read_all_but(&["events", "secrets"]), team).await;
    let prod = connection(&world.open()).await;
    let amiss: Vec<_> = prod.rights_amiss().collect();
    assert_eq!(amiss.len(), 1, "{amiss:#?}");
    assert_eq!(amiss[0].name, "events");
    assert_eq!(amiss[0].without, "why a pod does not start");
    assert!(matches!(amiss[0].held, Held::No { .. }));
    assert_eq!(prod.granted_by, ["#platform-help"]);
    assert_eq!(prod.until, None, "a token of a kubeconfig says no end");

    let nobody = World::new(Rules::read_all_but(&["events", "secrets"]), "").await;
    let prod = connection(&nobody.open()).await;
    assert_eq!(prod.granted_by, ["whoever keeps the cluster's RBAC"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_says_how_everything_stands_and_holds_nothing_of_the_clusters_content() {
    let team =
        "owners: [{of: prod, ask: '#platform-help'}, {of: '*', ask: 'PLANTED.jo@shop.example'}]\n";
    let world = World::new(Rules::read_all_but(&["events", "secrets"]), team).await;
    let console = world.open();
    console.board(PATIENCE).await.unwrap();
    let object = ObjectRef::new("nowhere", "Pod", "shop", "api-1");
    console.read_object(&object).await.unwrap_err();
    let path = world.folder.path().join("bundle.json");
    let written = console.export_bundle(Some(&path), PATIENCE).await.unwrap();
    assert_eq!(written, path);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("PLANTED"), "{text}");
    assert!(
        !text.contains(&*world.folder.path().to_string_lossy()),
        "{text}"
    );
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["objects"]["prod"]["Pod"]["count"], 1);
    assert_eq!(
        read["objects"]["prod"]["Event"]["coverage"][0]["state"],
        "denied"
    );
    assert_eq!(read["connections"][0]["address"], world.server.url());
    assert_eq!(read["connections"][0]["grantedBy"][0], "#platform-help");
    assert_eq!(read["teamFile"]["owners"][0]["ask"], "#platform-help");
    assert_eq!(read["teamFile"]["owners"][1]["ask"], "…@shop.example");
    // Who it is at the cluster, in what that says of them and in what it refuses them.
    assert_eq!(read["connections"][0]["identity"], "…");
    assert!(text.contains(r#"User \"…\""#), "{text}");
    assert!(!text.contains(r#"\"jo\""#), "{text}");
    assert_eq!(read["errors"][0]["code"], "not-found");
    let again = console
        .export_bundle(Some(&path), PATIENCE)
        .await
        .unwrap_err();
    assert!(again.hint.contains("Name another file"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_in_an_error_says_in_a_bundle_what_is_missing_and_not_whose_folder_it_is() {
    let world = World::new(Rules::everything(), "").await;
    let missing = world.folder.path().join("no-such-token");
    // Beside one that can be opened: else nothing is.
    let kubeconfig = format!(
        "clusters: [{{name: c, cluster: {{server: '{}'}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}, {{name: v, user: {{tokenFile: '{}'}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}, {{name: staging, context: {{cluster: c, user: v}}}}]\n",
        world.server.url(),
        missing.display()
    );
    std::fs::write(world.folder.path().join("kubeconfig"), kubeconfig).unwrap();
    let path = world.folder.path().join("bundle.json");
    let console = world.open();
    console.export_bundle(Some(&path), PATIENCE).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("(kubeconfig)/no-such-token"), "{text}");
    assert!(
        !text.contains(&*world.folder.path().to_string_lossy()),
        "{text}"
    );
}
