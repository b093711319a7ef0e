//! Commits and pull requests at the embedded company's GitHub, through somebody who listens and loses answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use sandbox::clock::Clock;
use sandbox::faults::Faults;
use sandbox::git::{CodeHost as Company, Edit, Repository};
use sandbox::github::GitHub;
use sandbox::serve::{ANY_PORT, Server};
use secrecy::SecretString;

use super::*;
use crate::edit::{Wanted, edit, places};
use crate::{CodeHost, Config, NoToken, Tokens, Whom, run_branch};

const REPOSITORY: &str = "code.shop.example/shop/deploy";
const TOKEN: &str = "ghp_hunter2";
const KUSTOMIZATION: &str = "resources: [api.yaml]\nimages:\n  - name: ghcr.io/shop/api\n    newTag: v1 # {\"$imagepolicy\": \"flux-system:api:tag\"}\n";
const DEPLOYMENT: &str =
    "kind: Deployment\nspec: {template: {spec: {containers: [{image: ghcr.io/shop/api:v0}]}}}\n";

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

/// What happens to one request on its way.
#[derive(Clone)]
enum Fate {
    /// It is done, and the connection ends before the answer.
    Lost,
    /// It is done, and the answer breaks off.
    BrokenOff,
    /// It is answered with this instead.
    Instead(u16, &'static str),
    /// Somebody else commits first.
    Late,
}

/// Stands between, writes down what comes by, and deals with one request as it is told.
struct Between {
    to: String,
    repository: Repository,
    seen: Mutex<Vec<String>>,
    fate: Mutex<Option<(&'static str, Fate)>>,
}

async fn pass_on(State(between): State<Arc<Between>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let line = format!(
        "{} {}",
        parts.method,
        path.rsplit("/deploy").next().unwrap()
    );
    if path.starts_with("/api") {
        between.seen.lock().unwrap().push(line.clone());
    }
    let fate = between.fate.lock().unwrap().clone();
    let fate = fate
        .filter(|(of, _)| line.starts_with(of))
        .map(|(_, fate)| fate);
    if let Some(Fate::Instead(status, body)) = fate {
        return Response::builder()
            .status(status)
            .header("location", format!("{}/elsewhere", between.to))
            .body(body.into())
            .unwrap();
    }
    if matches!(fate, Some(Fate::Late)) {
        write(&between.repository, "other.txt", "late\n");
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let url = format!("{}{}", between.to, parts.uri);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut headers = parts.headers;
    headers.remove("host");
    let sent = client
        .request(parts.method, url)
        .headers(headers)
        .body(body);
    let answer = sent.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "content-length" && name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    let bytes = answer.bytes().await.unwrap();
    match fate {
        // Ends the connection without a word, and without a word in the test's output.
        Some(Fate::Lost) => std::panic::resume_unwind(Box::new(())),
        Some(Fate::BrokenOff) => {
            let broken: [Result<&'static str, std::io::Error>; 2] =
                [Ok("{"), Err(std::io::Error::other("gone"))];
            response
                .body(Body::from_stream(futures::stream::iter(broken)))
                .unwrap()
        }
        _ => response.body(bytes.into()).unwrap(),
    }
}

fn write(repository: &Repository, path: &str, content: &str) -> String {
    let edit = Edit::Write {
        path: path.to_owned(),
        content: content.to_owned(),
    };
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    repository
        .commit("main", "Ada <ada@shop.example>", at, path, &[edit])
        .unwrap()
}

struct Shop {
    github: GitHub,
    repository: Repository,
    between: Arc<Between>,
    forge: Forge,
    _server: Server,
    _cache: tempfile::TempDir,
}

impl Shop {
    async fn start() -> Self {
        Self::with(Some(TOKEN)).await
    }

    async fn with(token: Option<&'static str>) -> Self {
        let clock = Clock::default();
        clock.play(Timestamp::from_second(1_800_000_100).unwrap());
        let code = Company::new(clock.clone()).unwrap();
        let repository = code.create("shop/deploy").unwrap();
        let github = GitHub::new(code.clone(), "code.shop.example");
        github.make_token(TOKEN, "mira-holm", Some("repo"), None);
        let router =
            sandbox::git::router(&code, &Faults::default()).merge(sandbox::github::router(&github));
        let server = Server::start(&clock, router, ANY_PORT).await.unwrap();
        write(&repository, "apps/kustomization.yaml", KUSTOMIZATION);
        write(&repository, "apps/api.yaml", DEPLOYMENT);
        let between = Arc::new(Between {
            to: server.url(),
            repository: repository.clone(),
            seen: Mutex::default(),
            fate: Mutex::default(),
        });
        let router = Router::new()
            .fallback(pass_on)
            .with_state(Arc::clone(&between));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let cache = tempfile::tempdir().unwrap();
        let forge = Forge::new(Config {
            code_hosts: vec![CodeHost {
                host: "code.shop.example".to_owned(),
                address: Some(url.parse().unwrap()),
                api: Some(format!("{url}/api/v3").parse().unwrap()),
                tokens: Some(Arc::new(Given(token))),
            }],
            registries: Vec::new(),
            cache: cache.path().to_owned(),
            fresh_for: Duration::from_secs(600),
        })
        .unwrap();
        Self {
            github,
            repository,
            between,
            forge,
            _server: server,
            _cache: cache,
        }
    }

    fn deal(&self, of: &'static str, fate: Fate) {
        *self.between.fate.lock().unwrap() = Some((of, fate));
    }

    /// What came by that changes something.
    fn writes(&self) -> Vec<String> {
        let seen = self.between.seen.lock().unwrap();
        let writes = seen.iter().filter(|line| !line.starts_with("GET"));
        writes.cloned().collect()
    }

    fn head(&self) -> String {
        self.repository.head("main").unwrap()
    }

    /// The tag becomes `v2`, and another file is written, too.
    async fn promotion(&self) -> CommitFiles {
        let there = self.forge.at_head(REPOSITORY, "", "apps").await.unwrap();
        let wanted = Wanted::Image("ghcr.io/shop/api".to_owned());
        let found = places(&there.declared, &there.texts(), &wanted).unwrap();
        let [place] = found.as_slice() else {
            panic!("{found:?}");
        };
        let file = there.files.iter().find(|file| file.path == place.file);
        let mut file = file.unwrap().clone();
        file.text = edit(&file.text, place, "v2").unwrap();
        let note = FileText {
            path: "notes/promoted.sh".to_owned(),
            text: "v2\n".to_owned(),
            is_executable: true,
        };
        CommitFiles {
            repository: REPOSITORY.to_owned(),
            branch: there.branch,
            expected_head: there.head,
            files: vec![file, note],
            message: "Promote api to v2\n\nBecause.".to_owned(),
            run: "20260101-r1".to_owned(),
        }
    }

    async fn seen(&self, wanted: &CommitFiles) -> Seen {
        let (since, run) = (&wanted.expected_head, &wanted.run);
        let seen = self.forge.find_run(REPOSITORY, "main", since, run).await;
        seen.unwrap()
    }
}

fn text() -> PullRequestText {
    PullRequestText {
        title: "Promote api to v2".to_owned(),
        body: "Because.".to_owned(),
    }
}

const TREES: &str = "POST /git/trees";
const COMMITS: &str = "POST /git/commits";
const MOVE: &str = "PATCH /git/refs/heads/main";
const REFS: &str = "POST /git/refs";
const PULLS: &str = "POST /pulls";

#[tokio::test]
async fn two_files_land_in_one_commit_that_changes_one_value_and_says_whose_it_is() {
    let shop = Shop::start().await;
    let before = shop.head();
    let wanted = shop.promotion().await;
    assert_eq!(shop.seen(&wanted).await, Seen::default());
    let done = shop.forge.commit(&wanted).await.unwrap();
    assert_eq!(done.sha, shop.head());
    assert_eq!(
        done.url,
        format!("https://code.shop.example/shop/deploy/commit/{}", done.sha)
    );
    assert_eq!(shop.writes(), [TREES, COMMITS, MOVE]);
    let commit = shop.repository.show("main").unwrap();
    assert_eq!(commit.parents, [before]);
    assert_eq!(commit.author.name, "mira-holm");
    assert_eq!(
        commit.message,
        "Promote api to v2\n\nBecause.\n\nLandfall-Run: 20260101-r1"
    );
    assert_eq!(
        shop.repository.read("main", "apps/kustomization.yaml"),
        Some(KUSTOMIZATION.replace("newTag: v1", "newTag: v2"))
    );
    assert_eq!(
        shop.repository.read("main", "apps/api.yaml").as_deref(),
        Some(DEPLOYMENT)
    );
    assert_eq!(
        shop.repository.read("main", "notes/promoted.sh").as_deref(),
        Some("v2\n")
    );
    // What is read for the next edit is what is there now, however fresh the copy was.
    let there = shop
        .forge
        .at_head(REPOSITORY, "main", "apps")
        .await
        .unwrap();
    assert_eq!(there.head, done.sha);
    assert_eq!(there.declared.images[0].tag.as_deref(), Some("v2"));
    let seen = shop.seen(&wanted).await;
    assert_eq!(
        (seen.commit, seen.pull, seen.branch),
        (Some(done), None, None)
    );
}

#[tokio::test]
async fn a_branch_that_has_moved_is_left_alone() {
    let shop = Shop::start().await;
    let wanted = shop.promotion().await;
    let now = write(&shop.repository, "other.txt", "1\n");
    for failure in [
        shop.forge.commit(&wanted).await.unwrap_err(),
        shop.forge
            .open_pull_request(&wanted, &text())
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(failure, WriteFailure::Refused { moved: true, .. }),
            "{failure:?}"
        );
    }
    assert_eq!(shop.writes(), [""; 0]);
    assert_eq!(shop.head(), now);
}

#[tokio::test]
async fn a_branch_that_moves_in_the_last_moment_is_not_written_over() {
    let shop = Shop::start().await;
    let wanted = shop.promotion().await;
    shop.deal(MOVE, Fate::Late);
    let failure = shop.forge.commit(&wanted).await.unwrap_err();
    assert!(
        matches!(failure, WriteFailure::Refused { moved: true, .. }),
        "{failure:?}"
    );
    assert_eq!(
        shop.repository.read("main", "other.txt").as_deref(),
        Some("late\n")
    );
    assert_eq!(
        shop.repository
            .read("main", "apps/kustomization.yaml")
            .as_deref(),
        Some(KUSTOMIZATION)
    );
}

#[tokio::test]
async fn a_lost_answer_was_never_a_second_write() {
    for fate in [Fate::Lost, Fate::BrokenOff, Fate::Instead(502, "")] {
        for (of, is_pull, is_unknown, sent) in [
            (TREES, false, false, &[TREES][..]),
            (COMMITS, false, false, &[TREES, COMMITS]),
            (MOVE, false, true, &[TREES, COMMITS, MOVE]),
            (TREES, true, false, &[TREES]),
            (COMMITS, true, false, &[TREES, COMMITS]),
            (REFS, true, true, &[TREES, COMMITS, REFS]),
            (PULLS, true, true, &[TREES, COMMITS, REFS, PULLS]),
        ] {
            let shop = Shop::start().await;
            let before = shop.head();
            let wanted = shop.promotion().await;
            shop.deal(of, fate.clone());
            let failure = match is_pull {
                true => shop
                    .forge
                    .open_pull_request(&wanted, &text())
                    .await
                    .map(drop),
                false => shop.forge.commit(&wanted).await.map(drop),
            };
            let failure = failure.unwrap_err();
            assert_eq!(
                matches!(failure, WriteFailure::Unknown { .. }),
                is_unknown,
                "{of}: {failure:?}"
            );
            assert_eq!(shop.writes(), sent, "{of}");
            let seen = shop.seen(&wanted).await;
            let was_done = !matches!(fate, Fate::Instead(..));
            assert_eq!(seen.commit.is_some(), of == MOVE && was_done, "{of}");
            assert_eq!(seen.pull.is_some(), of == PULLS && was_done, "{of}");
            let has_branch = of == PULLS || (of == REFS && was_done);
            assert_eq!(seen.branch.is_some(), has_branch, "{of}");
            if !is_unknown {
                assert!(
                    matches!(failure, WriteFailure::NotSent { .. }),
                    "{failure:?}"
                );
                assert!(
                    failure.to_string().contains("was left as it is"),
                    "{failure}"
                );
                assert_eq!(shop.head(), before);
            }
        }
    }
}

#[tokio::test]
async fn a_pull_request_leaves_its_branch_as_it_is_until_it_is_merged() {
    let shop = Shop::start().await;
    let before = shop.head();
    let wanted = shop.promotion().await;
    let opened = shop
        .forge
        .open_pull_request(&wanted, &text())
        .await
        .unwrap();
    assert_eq!(shop.head(), before);
    assert_eq!(opened.branch, run_branch(&wanted.run));
    assert_eq!(
        shop.repository.head(&opened.branch),
        Some(opened.sha.clone())
    );
    let pull = shop.github.pull("shop/deploy", opened.number).unwrap();
    assert_eq!(
        (pull.base.as_str(), pull.author.as_str()),
        ("main", "mira-holm")
    );
    assert_eq!(pull.body, "Because.\n\nLandfall-Run: 20260101-r1");
    let seen = shop.seen(&wanted).await;
    assert_eq!((seen.commit, seen.pull), (None, Some(opened.clone())));
    // The same run again finds its branch taken, and opens no second one.
    let failure = shop
        .forge
        .open_pull_request(&wanted, &text())
        .await
        .unwrap_err();
    assert!(
        failure.to_string().contains("has made it before"),
        "{failure}"
    );
    assert_eq!(shop.github.pulls("shop/deploy").len(), 1);

    let url = format!(
        "{}/api/v3/repos/shop/deploy/pulls/{}/merge",
        shop.between.to, opened.number
    );
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent("t")
        .build()
        .unwrap();
    let merged = client
        .put(url)
        .bearer_auth(TOKEN)
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(merged.status(), 200);
    let seen = shop.seen(&wanted).await;
    assert_eq!(seen.commit.map(|commit| commit.sha), Some(opened.sha));
    assert_eq!(
        shop.repository.read("main", "apps/kustomization.yaml"),
        Some(KUSTOMIZATION.replace("newTag: v1", "newTag: v2"))
    );
}

#[tokio::test]
async fn a_protected_branch_asks_for_a_pull_request() {
    let shop = Shop::start().await;
    shop.github.protect("shop/deploy", "main", true);
    let wanted = shop.promotion().await;
    let failure = shop.forge.commit(&wanted).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("main of shop/deploy is protected: open a pull request instead"),
        "{failure}"
    );
    assert!(shop.forge.open_pull_request(&wanted, &text()).await.is_ok());
}

#[tokio::test]
async fn a_pull_request_that_is_refused_says_which_branch_it_left() {
    let shop = Shop::start().await;
    let wanted = shop.promotion().await;
    shop.deal(
        PULLS,
        Fate::Instead(403, "{\"message\": \"not with ghp_hunter2\"}"),
    );
    let failure = shop
        .forge
        .open_pull_request(&wanted, &text())
        .await
        .unwrap_err();
    let WriteFailure::Refused { why, moved, left } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!((moved, left), (false, Some(run_branch(&wanted.run))));
    assert!(why.contains("(hidden)") && !why.contains(TOKEN), "{why}");
}

#[tokio::test]
async fn nothing_is_sent_by_nobody_or_with_a_token_that_may_not() {
    let shop = Shop::with(None).await;
    let wanted = shop.promotion().await;
    let failure = shop.forge.commit(&wanted).await.unwrap_err();
    assert_eq!(
        failure,
        WriteFailure::NotSent {
            why: "nobody is signed in at code.shop.example: sign in there first".to_owned()
        }
    );
    assert_eq!(shop.writes(), [""; 0]);
    let shop = Shop::start().await;
    shop.github
        .make_token(TOKEN, "mira-holm", Some("read:user"), None);
    let wanted = shop.promotion().await;
    let failure = shop.forge.commit(&wanted).await.unwrap_err();
    assert!(
        failure.to_string().contains("or does not let us"),
        "{failure}"
    );
    assert_eq!(shop.writes(), [TREES]);
}

#[tokio::test]
async fn who_may_not_push_is_told_before_anything_is_sent() {
    const LOOK: &str = "GET ";
    let there = |answer: &'static str| Fate::Instead(200, answer);
    for (fate, may) in [
        (there(r#"{"permissions": {"push": true}}"#), Some(true)),
        (there(r#"{"permissions": {"push": false}}"#), Some(false)),
        (
            there(r#"{"archived": true, "permissions": {"push": true}}"#),
            Some(false),
        ),
        (Fate::Instead(404, "{}"), Some(false)),
        (Fate::Instead(403, r#"{"message": "blocked"}"#), Some(false)),
        (there("{}"), None),
        (Fate::Instead(502, ""), None),
    ] {
        let shop = Shop::start().await;
        shop.deal(LOOK, fate);
        let told = match shop.forge.may_commit(REPOSITORY).await {
            MayCommit::Yes => Some(true),
            MayCommit::No(_) => Some(false),
            MayCommit::NotSaid => None,
            nobody @ MayCommit::NobodyThere { .. } => panic!("{nobody:?}"),
        };
        assert_eq!(told, may);
        assert_eq!(shop.writes(), [""; 0]);
    }
    let shop = Shop::start().await;
    assert_eq!(shop.forge.may_commit(REPOSITORY).await, MayCommit::Yes);
    shop.github
        .make_token(TOKEN, "mira-holm", Some("read:user"), None);
    let told = shop.forge.may_commit(REPOSITORY).await;
    assert!(matches!(told, MayCommit::No(_)), "{told:?}");
    let shop = Shop::with(None).await;
    let nobody = shop.forge.may_commit(REPOSITORY).await;
    assert!(
        matches!(&nobody, MayCommit::NobodyThere { host, .. } if host == "code.shop.example"),
        "{nobody:?}"
    );
    let seen = shop.between.seen.lock().unwrap().clone();
    assert_eq!(seen, [""; 0], "without a token nothing is asked");
}

#[tokio::test]
async fn a_write_follows_no_redirect() {
    let shop = Shop::start().await;
    let wanted = shop.promotion().await;
    for status in [301, 307, 308] {
        shop.deal(TREES, Fate::Instead(status, "{}"));
        let failure = shop.forge.commit(&wanted).await.unwrap_err();
        assert!(
            matches!(failure, WriteFailure::Refused { moved: false, .. }),
            "{failure:?}"
        );
    }
    assert_eq!(shop.writes(), [TREES; 3]);
}

#[tokio::test]
async fn what_is_not_in_order_is_not_sent() {
    let shop = Shop::start().await;
    let good = shop.promotion().await;
    let bad = |change: &dyn Fn(&mut CommitFiles)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad
    };
    for wanted in [
        bad(&|it| it.run = "../main".to_owned()),
        bad(&|it| it.run = String::new()),
        bad(&|it| it.files.clear()),
        bad(&|it| it.files.push(it.files[0].clone())),
        bad(&|it| it.message = " ".to_owned()),
        bad(&|it| it.message = "x\n\nlandfall-run: another".to_owned()),
        bad(&|it| it.branch = String::new()),
    ] {
        let failure = shop.forge.commit(&wanted).await.unwrap_err();
        assert!(
            matches!(failure, WriteFailure::NotSent { .. }),
            "{failure:?}"
        );
    }
    assert_eq!(shop.writes(), [""; 0]);
    // Files that are like that already make no empty commit.
    let same = bad(&|it| {
        it.files = vec![FileText {
            path: "apps/api.yaml".to_owned(),
            text: DEPLOYMENT.to_owned(),
            is_executable: false,
        }];
    });
    let failure = shop.forge.commit(&same).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("there is nothing to commit"),
        "{failure}"
    );
    assert_eq!(shop.writes(), [TREES]);
}

#[tokio::test]
async fn a_run_is_not_said_to_have_done_nothing_where_not_enough_is_read() {
    let shop = Shop::start().await;
    let wanted = shop.promotion().await;
    for number in 0..25 {
        write(&shop.repository, "other.txt", &number.to_string());
    }
    let (since, run) = (&wanted.expected_head, &wanted.run);
    let unclear = shop.forge.find_run(REPOSITORY, "main", since, run).await;
    assert!(unclear.unwrap_err().to_string().contains("cannot be told"));
}
