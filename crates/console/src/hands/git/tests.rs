//! Commits of plans at an embedded code host: each is what its plan says, or it is not made.

use std::time::Duration;

use async_trait::async_trait;
use forge::{CodeHost, Config, NoToken, Tokens, Whom};
use jiff::Timestamp;
use runbook::git::{Form, Place as Seen};
use sandbox::clock::Clock;
use sandbox::faults::Faults;
use sandbox::git::{CodeHost as Company, Edit as Write, Repository};
use sandbox::github::GitHub;
use sandbox::serve::{ANY_PORT, Server};
use secrecy::SecretString;

use super::*;

/// As Flux's sources write it.
const REPOSITORY: &str = "ssh://git@code.shop.example/shop/deploy.git";
const TOKEN: &str = "ghp_hunter2";
const PRODUCTION: &str = "apps/production/kustomization.yaml";
const API: &str = "ghcr.io/shop/api";
const KUSTOMIZATION: &str = "resources: [api.yaml, job.yaml]\nimages:\n  - name: ghcr.io/shop/api # ours\n    newTag: '1.4.1'   # {\"$imagepolicy\": \"flux-system:api:tag\"}\n  - {name: ghcr.io/shop/web, newTag: 1.4.1}\n";
const JOB: &str = "kind: CronJob\nmetadata: {name: sweep}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: \"ghcr.io/shop/sweep:1.4.1\"}]}}}}}\n";
const DEPLOYMENT: &str =
    "kind: Deployment\nspec: {template: {spec: {containers: [{image: ghcr.io/shop/api:0}]}}}\n";

struct Given(Option<&'static str>);

#[async_trait]
impl Tokens for Given {
    async fn token(&self) -> Result<Option<SecretString>, NoToken> {
        Ok(self.0.map(SecretString::from))
    }

    async fn refused(&self, _: &SecretString) {}

    fn whom(&self) -> Whom {
        Whom::default()
    }
}

struct Shop {
    hands: Repositories,
    repository: Repository,
    github: GitHub,
    _server: Server,
    _cache: tempfile::TempDir,
}

impl Shop {
    async fn start(token: Option<&'static str>) -> Self {
        let clock = Clock::default();
        clock.play(Timestamp::from_second(1_800_000_100).unwrap());
        let code = Company::new(clock.clone()).unwrap();
        let repository = code.create("shop/deploy").unwrap();
        let github = GitHub::new(code.clone(), "code.shop.example");
        github.make_token(TOKEN, "mira-holm", Some("repo"), None);
        let router =
            sandbox::git::router(&code, &Faults::default()).merge(sandbox::github::router(&github));
        let server = Server::start(&clock, router, ANY_PORT).await.unwrap();
        let cache = tempfile::tempdir().unwrap();
        let forge = Forge::new(Config {
            code_hosts: vec![CodeHost {
                host: "code.shop.example".to_owned(),
                address: Some(server.url().parse().unwrap()),
                api: Some(format!("{}/api/v3", server.url()).parse().unwrap()),
                tokens: Some(Arc::new(Given(token))),
            }],
            registries: Vec::new(),
            cache: cache.path().to_owned(),
            fresh_for: Duration::from_secs(600),
        })
        .unwrap();
        let shop = Self {
            hands: Repositories::new(forge, None),
            repository,
            github,
            _server: server,
            _cache: cache,
        };
        shop.write(PRODUCTION, KUSTOMIZATION);
        shop.write("apps/production/api.yaml", DEPLOYMENT);
        shop.write("apps/production/job.yaml", JOB);
        shop
    }

    fn write(&self, path: &str, content: &str) {
        let edit = Write::Write {
            path: path.to_owned(),
            content: content.to_owned(),
        };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let author = "Ada <ada@shop.example>";
        self.repository
            .commit("main", author, at, path, &[edit])
            .unwrap();
    }

    fn head(&self) -> String {
        self.repository.head("main").unwrap()
    }

    fn text(&self, path: &str) -> String {
        self.repository.read("main", path).unwrap()
    }

    async fn places(&self, image: &str) -> Vec<Seen> {
        let wanted = Wanted::Image(image.to_owned());
        let path = "./apps/production";
        let read = self.hands.declared(REPOSITORY, "main", path, &wanted).await;
        let Read::Declared(declared) = read else {
            panic!("{read:?}");
        };
        assert_eq!(declared.head, self.head());
        assert_eq!(declared.broken, None);
        declared.places
    }

    /// A plan's commit that sets these images to `to` wherever they are declared.
    async fn planned(&self, images: &[&str], to: &str) -> Commit {
        let mut edits = Vec::new();
        for image in images {
            edits.extend(self.places(image).await.into_iter().map(|place| Edit {
                file: place.file,
                line: place.line,
                document: place.document,
                path: place.path,
                form: place.form,
                from: place.value,
                to: to.to_owned(),
            }));
        }
        let wanted = images
            .iter()
            .map(|image| Wanted::Image((*image).to_owned()));
        Commit {
            system: "prod-eu".to_owned(),
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            head: self.head(),
            path: "./apps/production".to_owned(),
            wanted: wanted.collect(),
            edits,
            message: format!("Set api to {to}\n\nThe checkout is slow."),
            landing: Landing::Commit,
        }
    }

    /// Wants a commit not to be made, however it is asked for; what is said, and whether the branch had moved.
    async fn refuses(&self, commit: &Commit) -> (String, bool) {
        let before = self.head();
        let tried = self.hands.try_out(commit, &run()).await;
        let sent = self.hands.send(commit, &run()).await;
        assert_eq!(tried, sent, "what is tried is what would come");
        assert_eq!(self.head(), before);
        match sent {
            Answer::Refused { why, moved } => (why, moved),
            other => panic!("{other:?}"),
        }
    }
}

fn run() -> RunId {
    RunId::new("20260101-000000-00000000aa")
}

#[tokio::test]
async fn a_commit_changes_the_values_of_its_plan_and_no_other_byte_and_says_who_asked() {
    let shop = Shop::start(Some(TOKEN)).await;
    let before = shop.head();
    let commit = shop.planned(&[API, "ghcr.io/shop/sweep"], "1.4.2").await;
    let seen: Vec<_> = commit
        .edits
        .iter()
        .map(|one| (one.file.as_str(), one.line))
        .collect();
    assert_eq!(seen, [(PRODUCTION, 4), ("apps/production/job.yaml", 3)]);
    let tried = shop.hands.try_out(&commit, &run()).await;
    assert_eq!(
        tried,
        Answer::Done {
            version: before.clone()
        }
    );
    assert_eq!(shop.head(), before, "trying leaves no trace");

    let sent = shop.hands.send(&commit, &run()).await;
    let after = shop.head();
    assert_eq!(
        sent,
        Answer::Done {
            version: after.clone()
        }
    );
    assert_eq!(
        shop.text(PRODUCTION),
        KUSTOMIZATION.replace("'1.4.1'", "'1.4.2'")
    );
    assert_eq!(
        shop.text("apps/production/job.yaml"),
        JOB.replace("1.4.1", "1.4.2")
    );
    assert_eq!(shop.text("apps/production/api.yaml"), DEPLOYMENT);
    let made = shop.repository.show("main").unwrap();
    assert_eq!(made.parents, std::slice::from_ref(&before));
    let begins = "Set api to 1.4.2\n\nThe checkout is slow.\n\nBy ";
    assert!(made.message.starts_with(begins), "{}", made.message);
    let ends = format!(", with Landfall.\n\nLandfall-Run: {}", run());
    assert!(made.message.ends_with(&ends), "{}", made.message);

    // The same once more finds another head, and lands no second time.
    let (why, moved) = shop.refuses(&commit).await;
    assert!(moved, "{why}");
    let landed = shop.hands.landed(REPOSITORY, "main", &before, &run()).await;
    let Read::Landed(landed) = landed else {
        panic!("{landed:?}");
    };
    assert_eq!(landed.commit.map(|commit| commit.sha), Some(after));
    let other = RunId::new("20260101-000000-00000000bb");
    let landed = shop.hands.landed(REPOSITORY, "main", &before, &other).await;
    assert_eq!(landed, Read::Landed(Landed::default()));
}

#[tokio::test]
async fn what_is_not_as_the_plan_saw_it_is_left_alone() {
    let shop = Shop::start(Some(TOKEN)).await;
    let good = shop.planned(&[API], "1.4.2").await;
    let changes: [fn(&mut Commit); 8] = [
        |it| it.edits[0].from = "1.4.0".to_owned(),
        |it| it.edits[0].line = 5,
        |it| it.edits[0].document = 1,
        |it| it.edits[0].file = "apps/production/api.yaml".to_owned(),
        |it| it.edits[0].path = vec!["images".to_owned(), "[1]".to_owned(), "newTag".to_owned()],
        |it| it.edits[0].form = Form::Image,
        // Its place is found by what is looked for, and by nothing else.
        |it| it.wanted = vec![Wanted::Image("ghcr.io/shop/web".to_owned())],
        |it| it.wanted.clear(),
    ];
    for change in changes {
        let mut other = good.clone();
        change(&mut other);
        let (why, moved) = shop.refuses(&other).await;
        assert!(moved, "{why}");
    }
    let mut elsewhere = good.clone();
    elsewhere.head = "0".repeat(40);
    let (why, moved) = shop.refuses(&elsewhere).await;
    assert!(moved && why.contains("has moved from 0000000"), "{why}");
    // Somebody commits something else: what was planned was planned on other ground.
    shop.write("notes.md", "late\n");
    let (why, moved) = shop.refuses(&good).await;
    assert!(moved, "{why}");
    assert_eq!(shop.text(PRODUCTION), KUSTOMIZATION);
}

#[tokio::test]
async fn a_version_that_is_none_reached_no_file() {
    let shop = Shop::start(Some(TOKEN)).await;
    for to in [
        "",
        " ",
        "1.4.2 ",
        "1.4.2\nprivileged: true",
        "1.4.2'",
        "1.4.2\" , x: \"",
        "1.4.2 # x",
        "${TAG}",
        "../evil",
        "1.4.2\u{202e}",
        "sha256:abc",
        "-1",
    ] {
        let commit = shop.planned(&[API], to).await;
        let (why, moved) = shop.refuses(&commit).await;
        assert!(!moved, "{to:?}: {why}");
        assert!(!why.contains('\n') && !why.contains('\u{202e}'), "{why:?}");
    }
}

#[tokio::test]
async fn one_value_changed_twice_is_no_commit() {
    let shop = Shop::start(Some(TOKEN)).await;
    let mut commit = shop.planned(&[API], "1.4.2").await;
    let mut again = commit.edits[0].clone();
    again.to = "1.4.3".to_owned();
    commit.edits.push(again);
    shop.refuses(&commit).await;
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_told_how_and_nothing_is_sent() {
    let shop = Shop::start(None).await;
    let before = shop.head();
    let commit = shop.planned(&[API], "1.4.2").await;
    let tried = shop.hands.try_out(&commit, &run()).await;
    let Answer::NotSent { why } = tried else {
        panic!("{tried:?}");
    };
    assert!(
        why.starts_with("nobody is signed in at code.shop.example"),
        "{why}"
    );
    assert!(
        why.contains("landfall sign-in --code-host code.shop.example"),
        "{why}"
    );
    let sent = shop.hands.send(&commit, &run()).await;
    assert!(matches!(sent, Answer::NotSent { .. }), "{sent:?}");
    assert_eq!(shop.head(), before);
}

#[tokio::test]
async fn a_pull_request_changes_nothing_that_flux_follows_and_says_why() {
    let shop = Shop::start(Some(TOKEN)).await;
    let before = shop.head();
    let mut commit = shop.planned(&[API], "1.4.2").await;
    commit.landing = Landing::PullRequest;
    let sent = shop.hands.send(&commit, &run()).await;
    assert_eq!(shop.head(), before);
    let branch = format!("landfall/{}", run());
    assert_eq!(
        sent,
        Answer::Done {
            version: shop.repository.head(&branch).unwrap()
        }
    );
    let landed = shop.hands.landed(REPOSITORY, "main", &before, &run()).await;
    let Read::Landed(landed) = landed else {
        panic!("{landed:?}");
    };
    assert_eq!((landed.commit, landed.branch), (None, Some(branch)));
    let number = landed.pull.unwrap().number;
    let pull = shop.github.pull("shop/deploy", number).unwrap();
    assert_eq!(
        (pull.title.as_str(), pull.base.as_str()),
        ("Set api to 1.4.2", "main")
    );
    let body = pull.body.as_str();
    assert!(body.starts_with("The checkout is slow.\n\nBy "), "{body}");
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_is_unknown_and_never_empty() {
    let shop = Shop::start(Some(TOKEN)).await;
    let wanted = Wanted::Image(API.to_owned());
    for (repository, branch) in [
        ("https://code.shop.example/shop/gone", "main"),
        (REPOSITORY, "no-such-branch"),
        ("", "main"),
        ("oci://code.shop.example", "main"),
    ] {
        let read = shop
            .hands
            .declared(repository, branch, "apps", &wanted)
            .await;
        assert!(matches!(read, Read::Unknown(_)), "{repository}: {read:?}");
    }
    let gone = "https://code.shop.example/shop/gone";
    let landed = shop.hands.landed(gone, "main", "0", &run()).await;
    assert!(matches!(landed, Read::Unknown(_)), "{landed:?}");
}
