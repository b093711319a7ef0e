//! The forge against the embedded company's GitHub, and against a server that misbehaves in chosen ways.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::ConnectionState;
use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use facts::code::{
    CiRun, CiState, HeadOf, PullRequest, PullState as FactState, Resolved, ResolvedBy,
};
use facts::{Coverage, Found, Read, Want};
use forge::{CodeHost, Config, Forge, NoToken, Tokens, Whom};
use jiff::{SignedDuration, Timestamp};
use sandbox::clock::Clock;
use sandbox::faults::Faults;
use sandbox::git::{CodeHost as Company, Edit, Repository};
use sandbox::github::{Conclusion, GitHub, Job, Pull, PullState, Run, RunStatus, Step};
use sandbox::serve::{ANY_PORT, Server};
use secrecy::{ExposeSecret, SecretString};

const REPOSITORY: &str = "code.shop.example/shop/api";
const START: i64 = 1_800_000_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(START).unwrap() + SignedDuration::from_mins(minute)
}

/// Gives what it is told to, and hears what was refused.
struct Given {
    next: Mutex<Result<Option<SecretString>, NoToken>>,
    after: Mutex<Result<Option<SecretString>, NoToken>>,
    refused: Mutex<Vec<String>>,
}

impl Given {
    /// Gives the one until it is refused, and then the other.
    fn first(token: &str, after: Result<Option<&str>, &str>) -> Arc<Self> {
        let after = after.map(|token| token.map(SecretString::from));
        Arc::new(Self {
            next: Mutex::new(Ok(Some(SecretString::from(token)))),
            after: Mutex::new(after.map_err(|reason| NoToken {
                reason: reason.to_owned(),
            })),
            refused: Mutex::default(),
        })
    }

    fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }
}

#[async_trait]
impl Tokens for Given {
    async fn token(&self) -> Result<Option<SecretString>, NoToken> {
        self.next.lock().unwrap().clone()
    }

    async fn refused(&self, token: &SecretString) {
        let token = token.expose_secret().to_owned();
        self.refused.lock().unwrap().push(token);
        *self.next.lock().unwrap() = self.after.lock().unwrap().clone();
    }

    fn whom(&self) -> Whom {
        let next = self.next.lock().unwrap();
        Whom {
            identity: next.is_ok().then(|| "mia".to_owned()),
            problem: next.as_ref().err().map(|why| why.reason.clone()),
        }
    }
}

/// Nobody is signed in.
struct Nobody;

#[async_trait]
impl Tokens for Nobody {
    async fn token(&self) -> Result<Option<SecretString>, NoToken> {
        Ok(None)
    }

    async fn refused(&self, token: &SecretString) {
        panic!("{} was never given", token.expose_secret());
    }

    fn whom(&self) -> Whom {
        Whom::default()
    }
}

/// A forge whose clock stands until it is told to go on.
struct Reader {
    forge: Forge,
    second: Arc<AtomicI64>,
    _cache: tempfile::TempDir,
}

impl Reader {
    fn new(url: &str, has_api: bool) -> Self {
        Self::with(url, has_api, Given::first("hunter2", Ok(Some("hunter2"))))
    }

    fn with(url: &str, has_api: bool, tokens: Arc<dyn Tokens>) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let second = Arc::new(AtomicI64::new(START + 1_000_000));
        let now = Arc::clone(&second);
        let config = Config {
            code_hosts: vec![CodeHost {
                host: "code.shop.example".to_owned(),
                address: Some(url.parse().unwrap()),
                api: has_api.then(|| format!("{url}/api/v3").parse().unwrap()),
                tokens: Some(tokens),
            }],
            registries: Vec::new(),
            cache: cache.path().to_owned(),
            fresh_for: Duration::from_secs(60),
        };
        let forge = Forge::with_clock(config, move || {
            Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap()
        })
        .unwrap();
        Self {
            forge,
            second,
            _cache: cache,
        }
    }

    /// Looks at the hosts until none is being asked.
    async fn look(&self) -> api::Connection {
        while self.forge.look() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.forge.connections().remove(0)
    }

    fn later(&self, seconds: i64) {
        self.second.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn ci(&self, sha: &str) -> Read<Vec<CiRun>> {
        let want = Want::Ci {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Ci { runs, .. } => runs,
            other => panic!("{other:?}"),
        }
    }

    async fn runs(&self, sha: &str) -> Vec<CiRun> {
        match self.ci(sha).await {
            Read::Known(runs) => runs,
            other => panic!("{other:?}"),
        }
    }

    async fn pulls(&self, sha: &str) -> Read<Vec<PullRequest>> {
        let want = Want::Pulls {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Pulls { pulls, .. } => pulls,
            other => panic!("{other:?}"),
        }
    }

    async fn open_pulls(&self) -> Read<Vec<PullRequest>> {
        let want = Want::OpenPulls {
            repository: REPOSITORY.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::OpenPulls { pulls, .. } => pulls,
            other => panic!("{other:?}"),
        }
    }

    async fn find_text(&self, text: &str) -> Found {
        let want = Want::Resolve {
            repository: REPOSITORY.to_owned(),
            text: text.to_owned(),
        };
        self.forge.find(&want).await
    }

    async fn resolve(&self, text: &str) -> Vec<Resolved> {
        match self.find_text(text).await {
            Found::Resolve { resolved, .. } => resolved,
            other => panic!("{other:?}"),
        }
    }
}

struct Shop {
    github: GitHub,
    repository: Repository,
    server: Server,
}

impl Shop {
    async fn start() -> Self {
        let clock = Clock::default();
        clock.play(at(10_000));
        let code = Company::new(clock.clone()).unwrap();
        let repository = code.create("shop/api").unwrap();
        let github = GitHub::new(code.clone(), "code.shop.example");
        let router =
            sandbox::git::router(&code, &Faults::default()).merge(sandbox::github::router(&github));
        let server = Server::start(&clock, router, ANY_PORT).await.unwrap();
        Self {
            github,
            repository,
            server,
        }
    }

    fn commit(&self, branch: &str, minute: i64, message: &str, path: &str) -> String {
        let edit = Edit::Write {
            path: path.to_owned(),
            content: message.to_owned(),
        };
        self.repository
            .commit(
                branch,
                "Mira Holm <mira@shop.example>",
                at(minute),
                message,
                &[edit],
            )
            .unwrap()
    }

    fn run(&self, id: u64, sha: &str, status: RunStatus, conclusion: Option<Conclusion>) -> Run {
        Run {
            id,
            name: "CI".to_owned(),
            head_sha: sha.to_owned(),
            branch: "main".to_owned(),
            status,
            conclusion,
            created: at(i64::try_from(id).unwrap()),
            updated: at(i64::try_from(id).unwrap() + 1),
            ..Run::default()
        }
    }
}

#[tokio::test]
async fn a_failed_run_says_job_step_and_last_lines() {
    let shop = Shop::start().await;
    let sha = shop.commit("main", 1, "First", "a.txt");
    let mut run = shop.run(7, &sha, RunStatus::Completed, Some(Conclusion::Failure));
    let step = |name: &str, conclusion| Step {
        name: name.to_owned(),
        status: RunStatus::Completed,
        conclusion: Some(conclusion),
    };
    run.jobs = vec![
        Job {
            id: 70,
            name: "lint".to_owned(),
            status: RunStatus::Completed,
            conclusion: Some(Conclusion::Success),
            ..Job::default()
        },
        Job {
            id: 71,
            name: "test".to_owned(),
            status: RunStatus::Completed,
            conclusion: Some(Conclusion::Failure),
            started: Some(at(7)),
            completed: Some(at(8)),
            steps: vec![
                step("Checkout", Conclusion::Success),
                step("Run tests", Conclusion::Failure),
                step("Push image", Conclusion::Skipped),
            ],
            log: vec![
                "running 3 tests".to_owned(),
                "test charge_once ... FAILED".to_owned(),
                "##[error]Process completed with exit code 101.".to_owned(),
                "Post job cleanup.".to_owned(),
            ],
        },
    ];
    shop.github.put_run("shop/api", run);
    shop.github.put_run(
        "shop/api",
        shop.run(8, &sha, RunStatus::Completed, Some(Conclusion::Success)),
    );
    let reader = Reader::new(&shop.server.url(), true);
    let runs = reader.runs(&sha).await;
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [8, 7]);
    assert_eq!(runs[0].state, CiState::Succeeded);
    let failed = &runs[1];
    assert_eq!((failed.state, failed.created), (CiState::Failed, at(7)));
    assert!(
        failed.url.starts_with("https://code.shop.example/"),
        "{}",
        failed.url
    );
    assert_eq!(failed.jobs[0].state, CiState::Succeeded);
    let job = &failed.jobs[1];
    assert_eq!(job.failed_step.as_deref(), Some("Run tests"));
    assert_eq!(
        job.last_lines.last().unwrap(),
        "Process completed with exit code 101."
    );
    assert!(
        job.last_lines
            .contains(&"test charge_once ... FAILED".to_owned())
    );
}

#[tokio::test]
async fn every_state_of_a_run_is_told_apart() {
    let shop = Shop::start().await;
    let reader = Reader::new(&shop.server.url(), true);
    for (number, (status, conclusion, waiting_for, expected)) in [
        (RunStatus::Queued, None, vec![], CiState::Queued),
        (RunStatus::InProgress, None, vec![], CiState::Running),
        (
            RunStatus::Waiting,
            None,
            vec!["production".to_owned()],
            CiState::WaitingForReview,
        ),
        (
            RunStatus::Completed,
            Some(Conclusion::Cancelled),
            vec![],
            CiState::Cancelled,
        ),
        (
            RunStatus::Completed,
            Some(Conclusion::Skipped),
            vec![],
            CiState::Skipped,
        ),
        (
            RunStatus::Completed,
            Some(Conclusion::TimedOut),
            vec![],
            CiState::Failed,
        ),
        (
            RunStatus::Completed,
            Some(Conclusion::ActionRequired),
            vec![],
            CiState::WaitingForReview,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let sha = shop.commit("main", number as i64, "Next", &format!("{number}.txt"));
        let mut run = shop.run(number as u64 + 1, &sha, status, conclusion);
        run.waiting_for = waiting_for;
        shop.github.put_run("shop/api", run);
        assert_eq!(
            reader.runs(&sha).await[0].state,
            expected,
            "{status:?} {conclusion:?}"
        );
    }
    let sha = shop.commit("main", 99, "Nothing ran", "x.txt");
    assert_eq!(reader.ci(&sha).await, Read::Known(Vec::new()));
}

#[tokio::test]
async fn answers_are_shared_kept_and_asked_for_again_with_their_tags() {
    let shop = Shop::start().await;
    let sha = shop.commit("main", 1, "First", "a.txt");
    shop.github.put_run(
        "shop/api",
        shop.run(1, &sha, RunStatus::Completed, Some(Conclusion::Success)),
    );
    let reader = Reader::new(&shop.server.url(), true);
    let all = futures::future::join_all((0..10).map(|_| reader.runs(&sha))).await;
    assert!(all.iter().all(|runs| runs.len() == 1));
    let asked = || {
        shop.server
            .requests()
            .count("GET /api/v3/repos/{owner}/{name}/actions/runs")
    };
    assert_eq!(asked(), 1);
    let used = shop.github.rate_limit().used;
    reader.later(61);
    assert_eq!(reader.runs(&sha).await.len(), 1);
    assert_eq!(asked(), 2);
    assert_eq!(
        shop.github.rate_limit().used,
        used,
        "the same again is free"
    );
}

#[tokio::test]
async fn pull_requests_of_a_commit_and_open_ones_with_files() {
    let shop = Shop::start().await;
    let base = shop.commit("main", 1, "Base", "a.txt");
    shop.repository.branch("fix", &base).unwrap();
    let head = shop.commit("fix", 2, "Fix", "apps/prod/kustomization.yaml");
    let merged = shop.commit("main", 3, "Fix (#1)", "b.txt");
    let pull = |number, state| Pull {
        number,
        title: format!("Fix {number}"),
        author: "mira".to_owned(),
        base: "main".to_owned(),
        head: "fix".to_owned(),
        head_sha: head.clone(),
        state,
        created: at(2),
        ..Pull::default()
    };
    let by = "mira".to_owned();
    shop.github.put_pull(
        "shop/api",
        pull(
            1,
            PullState::Merged {
                sha: merged.clone(),
                at: at(3),
                by,
            },
        ),
    );
    shop.github.put_pull("shop/api", pull(2, PullState::Open));
    shop.github
        .put_pull("shop/api", pull(3, PullState::Closed { at: at(4) }));
    let reader = Reader::new(&shop.server.url(), true);

    let Read::Known(of_merge) = reader.pulls(&merged).await else {
        panic!("not known");
    };
    assert_eq!(of_merge.len(), 1);
    assert_eq!(
        of_merge[0].state,
        FactState::Merged {
            sha: merged.clone(),
            at: at(3)
        }
    );
    assert_eq!(reader.pulls(&"1".repeat(40)).await, Read::Missing);

    // GitHub names none that was closed when it is asked about their commit.
    shop.repository.branch("given-up", &base).unwrap();
    let given_up = shop.commit("given-up", 4, "Give up", "c.txt");
    let mut closed = pull(4, PullState::Closed { at: at(5) });
    (closed.head, closed.head_sha) = ("given-up".to_owned(), given_up.clone());
    shop.github.put_pull("shop/api", closed);
    let Read::Known(of_closed) = reader.pulls(&given_up).await else {
        panic!("not known");
    };
    let states: Vec<_> = of_closed.iter().map(|one| &one.state).collect();
    assert_eq!(states, [&FactState::Closed { at: at(5) }]);

    let Read::Known(open) = reader.open_pulls().await else {
        panic!("not known");
    };
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].number, 2);
    assert_eq!(open[0].files, ["apps/prod/kustomization.yaml"]);
    assert_eq!(open[0].head_of, HeadOf::Own);

    let one = |sha: &str, number| {
        vec![Resolved {
            sha: sha.to_owned(),
            by: ResolvedBy::PullRequest(number),
        }]
    };
    assert_eq!(reader.resolve("#1").await, one(&merged, 1));
    assert_eq!(reader.resolve("#2").await, one(&head, 2));
    assert_eq!(reader.resolve("3").await, one(&head, 3));
    let link = "https://code.shop.example/shop/api/pull/1/files";
    assert_eq!(reader.resolve(link).await, one(&merged, 1));
    assert_eq!(reader.resolve("#99").await, []);
    shop.github
        .put_run("shop/api", shop.run(4_807, &base, RunStatus::Queued, None));
    let run = vec![Resolved {
        sha: base.clone(),
        by: ResolvedBy::CiRun(4_807),
    }];
    assert_eq!(reader.resolve("run 4807").await, run);
    assert_eq!(
        reader
            .resolve("https://code.shop.example/shop/api/actions/runs/4807/job/1")
            .await,
        run
    );
    // A bare number may be a run, too.
    assert!(reader.resolve("4807").await.contains(&run[0]));
}

#[tokio::test]
async fn numbers_that_stand_for_nothing_and_what_cannot_change_are_asked_once() {
    let shop = Shop::start().await;
    let sha = shop.commit("main", 1, "First", "a.txt");
    let run = shop.run(1, &sha, RunStatus::Completed, Some(Conclusion::Failure));
    shop.github.put_run("shop/api", run);
    let reader = Reader::new(&shop.server.url(), true);
    let asked = |what: &str| {
        let route = format!("GET /api/v3/repos/{{owner}}/{{name}}/{what}");
        shop.server.requests().count(&route)
    };
    for _ in 0..3 {
        assert_eq!(reader.resolve("99").await, []);
        reader.runs(&sha).await;
        reader.later(61);
    }
    assert_eq!(asked("pulls"), 1);
    assert_eq!(asked("actions/runs/{id}/jobs"), 1);
    // A bare number of ten digits is no pull request's.
    assert_eq!(reader.resolve("9999999999").await, []);
    assert_eq!(asked("pulls"), 1);
}

#[tokio::test]
async fn a_sha_is_not_asked_of_the_api_where_only_the_copy_is_to_say() {
    let shop = Shop::start().await;
    shop.commit("main", 1, "First", "a.txt");
    let reader = Reader::new(&shop.server.url(), true);
    let want = Want::Resolve {
        repository: REPOSITORY.to_owned(),
        text: "012345678f".to_owned(),
    };
    reader.forge.find_in_copies(&want).await;
    assert_eq!(shop.server.requests().count("GET /api/v3"), 0);
    for _ in 0..3 {
        reader.forge.find(&want).await;
        reader.later(61);
    }
    assert_eq!(shop.server.requests().count("GET /api/v3"), 1);
}

#[tokio::test]
async fn a_commit_of_a_branch_that_is_gone_is_known_to_the_code_host() {
    let shop = Shop::start().await;
    let base = shop.commit("main", 1, "Base", "a.txt");
    shop.repository.branch("fix", &base).unwrap();
    let lost = shop.commit("fix", 2, "Fix", "b.txt");
    shop.repository.delete_branch("fix").unwrap();
    let want = |sha: &str| Want::Commit {
        repository: REPOSITORY.to_owned(),
        sha: sha.to_owned(),
    };
    let reader = Reader::new(&shop.server.url(), true);
    let found = reader.forge.find(&want(&lost)).await;
    let Found::Commit {
        commit: Read::Known(commit),
        ..
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!((commit.subject.as_str(), commit.branches.len()), ("Fix", 0));
    assert_eq!(commit.parents, [base]);
    assert_eq!(reader.resolve(&lost[..8]).await.len(), 1);
    let touched = reader
        .forge
        .find(&Want::Touched {
            repository: REPOSITORY.to_owned(),
            sha: lost.clone(),
        })
        .await;
    let Found::Touched { paths, .. } = touched else {
        panic!("{touched:?}");
    };
    assert_eq!(paths, Read::Known(vec!["b.txt".to_owned()]));
    // Without an API, Git's word is all there is.
    let reader = Reader::new(&shop.server.url(), false);
    let found = reader.forge.find(&want(&lost)).await;
    assert!(
        matches!(
            found,
            Found::Commit {
                commit: Read::Missing,
                ..
            }
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn no_api_is_said_with_what_would_mend_it() {
    let shop = Shop::start().await;
    let reader = Reader::new(&shop.server.url(), false);
    let Read::Gap(coverage) = reader.ci(&"1".repeat(40)).await else {
        panic!("no gap");
    };
    assert_eq!(
        coverage,
        Coverage::Failed {
            message:
                "it is not known where code.shop.example tells about CI runs and pull requests: \
                      add `api` to its entry below `codeHosts` in the team file"
                    .to_owned()
        }
    );
}

#[tokio::test]
async fn a_repository_that_is_not_shown_is_no_repository_without_runs() {
    let shop = Shop::start().await;
    shop.github.deny("shop/api", true);
    let reader = Reader::new(&shop.server.url(), true);
    let sha = "1".repeat(40);
    assert!(matches!(
        reader.ci(&sha).await,
        Read::Gap(Coverage::Failed { .. })
    ));
    assert!(matches!(
        reader.open_pulls().await,
        Read::Gap(Coverage::Failed { .. })
    ));
}

#[tokio::test]
async fn a_used_up_limit_is_waited_for_and_not_hammered() {
    let shop = Shop::start().await;
    let sha = shop.commit("main", 1, "First", "a.txt");
    let reader = Reader::new(&shop.server.url(), true);
    shop.github.set_rate_limit(0);
    let Read::Gap(Coverage::Failed { message }) = reader.ci(&sha).await else {
        panic!("no gap");
    };
    assert!(
        message.starts_with("code.shop.example answers no more requests until ")
            && message.ends_with(" UTC: its rate limit is used up"),
        "{message}"
    );
    let asked = || shop.server.requests().count("GET /api/v3");
    let before = asked();
    reader.later(10);
    assert!(matches!(reader.ci(&sha).await, Read::Gap(_)));
    assert_eq!(asked(), before, "not asked before the limit ends");
}

#[tokio::test]
async fn long_lists_are_read_to_the_end() {
    let shop = Shop::start().await;
    let base = shop.commit("main", 1, "Base", "a.txt");
    for number in 1..=130 {
        shop.github.put_pull(
            "shop/api",
            Pull {
                number,
                base: "main".to_owned(),
                head: "x".to_owned(),
                head_sha: base.clone(),
                created: at(2),
                ..Pull::default()
            },
        );
    }
    let reader = Reader::new(&shop.server.url(), true);
    let Read::Known(open) = reader.open_pulls().await else {
        panic!("not known");
    };
    assert_eq!(open.len(), 130);
}

/// Status, headers and body.
type Answer = (u16, Vec<(&'static str, String)>, String);

/// Answers one after the other, and what was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(String, Option<String>)>>,
}

async fn scripted() -> (Arc<Script>, String) {
    async fn next(State(script): State<Arc<Script>>, request: Request) -> Response {
        let token = request.headers().get("authorization");
        let token = token.map(|value| value.to_str().unwrap().to_owned());
        script
            .asked
            .lock()
            .unwrap()
            .push((request.uri().to_string(), token));
        let (status, headers, body) =
            script
                .answers
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or((500, Vec::new(), String::new()));
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(body.into()).unwrap()
    }
    let script = Arc::new(Script::default());
    let router = Router::new().fallback(next).with_state(Arc::clone(&script));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (script, url)
}

impl Script {
    fn say(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        self.answers
            .lock()
            .unwrap()
            .push_back((status, headers, body.to_owned()));
    }
}

#[tokio::test]
async fn what_a_server_may_say_in_its_bad_moments() {
    let (script, url) = scripted().await;
    let reader = Reader::new(&url, true);
    let sha = "1".repeat(40);
    for (status, headers, body, kind, words) in [
        (
            401,
            vec![],
            r#"{"message":"Bad credentials"}"#,
            "denied",
            "Bad credentials",
        ),
        (
            403,
            vec![],
            r#"{"message":"Resource not accessible by personal access token"}"#,
            "denied",
            "Resource not accessible",
        ),
        (502, vec![], "<html>", "unreachable", "status 502"),
        (
            200,
            vec![],
            "<html>not json</html>",
            "failed",
            "something unexpected",
        ),
        (
            200,
            vec![],
            r#"{"workflow_runs":[{"id":"x"}]}"#,
            "failed",
            "something unexpected",
        ),
        (
            429,
            vec![("retry-after", "2")],
            "",
            "failed",
            "no more requests until",
        ),
        (
            403,
            vec![],
            r#"{"message":"You have exceeded a secondary rate limit."}"#,
            "failed",
            "no more requests until",
        ),
    ] {
        script.say(status, &headers, body);
        reader.later(61);
        let Read::Gap(coverage) = reader.ci(&sha).await else {
            panic!("{status} {body}: no gap");
        };
        let (is, message) = match coverage {
            Coverage::Denied { message } => ("denied", message),
            Coverage::Failed { message } => ("failed", message),
            Coverage::Unreachable { message } => ("unreachable", message),
            other => panic!("{other:?}"),
        };
        assert_eq!(is, kind, "{message}");
        assert!(message.contains(words), "{message}");
        assert!(
            !message.contains("hunter2") && !message.contains("<html>"),
            "{message}"
        );
    }
    let asked = script.asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .all(|(_, token)| token.as_deref() == Some("Bearer hunter2"))
    );
}

#[tokio::test]
async fn a_token_does_not_follow_a_page_to_another_server() {
    let (script, url) = scripted().await;
    let (other, elsewhere) = scripted().await;
    let link = format!("<{elsewhere}/next>; rel=\"next\"");
    script.say(200, &[("link", &link)], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    let reader = Reader::new(&url, true);
    assert_eq!(reader.ci(&"1".repeat(40)).await, Read::Known(Vec::new()));
    assert!(other.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_does_not_follow_a_redirect_to_another_server() {
    let (script, url) = scripted().await;
    let (other, elsewhere) = scripted().await;
    script.say(302, &[("location", &format!("{elsewhere}/runs"))], "");
    other.say(200, &[], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    let reader = Reader::new(&url, true);
    assert_eq!(reader.ci(&"1".repeat(40)).await, Read::Known(Vec::new()));
    let followed = other.asked.lock().unwrap().clone();
    assert_eq!(followed, [("/runs".to_owned(), None)]);
    let own = script.asked.lock().unwrap();
    assert!(own.iter().all(|(_, token)| token.is_some()), "{own:?}");
}

#[tokio::test]
async fn a_refused_token_is_sent_no_more_and_what_everybody_may_read_is_read_without() {
    let (script, url) = scripted().await;
    script.say(401, &[], r#"{"message":"Bad credentials"}"#);
    script.say(200, &[], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    let tokens = Given::first(
        "old",
        Err("the sign-in there is no longer good: sign in again"),
    );
    let reader = Reader::with(&url, true, tokens.clone());
    assert_eq!(reader.ci(&"1".repeat(40)).await, Read::Known(Vec::new()));
    let shown: Vec<_> = {
        let asked = script.asked.lock().unwrap();
        asked.iter().map(|(_, token)| token.clone()).collect()
    };
    assert_eq!(shown, [Some("Bearer old".to_owned()), None, None]);
    assert_eq!(tokens.refused(), ["old"]);

    // What is not shown to everybody is said to be just that, and not to be missing.
    script.say(404, &[], r#"{"message":"Not Found"}"#);
    let Read::Gap(Coverage::Denied { message }) = reader.ci(&"2".repeat(40)).await else {
        panic!("not denied");
    };
    assert_eq!(
        message,
        "code.shop.example does not let us read shop/api: the sign-in there is no longer good: sign in again"
    );
    let connections = reader.forge.connections();
    assert_eq!(connections[0].identity, None);
    assert_eq!(
        connections[0].refusals[0],
        "the sign-in there is no longer good: sign in again"
    );

    // Somebody signs in: the next request is made with it, and nothing was opened anew.
    *tokens.next.lock().unwrap() = Ok(Some(SecretString::from("new")));
    script.say(200, &[], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    reader.later(61);
    assert_eq!(reader.ci(&"2".repeat(40)).await, Read::Known(Vec::new()));
    let asked = script.asked.lock().unwrap();
    assert_eq!(asked.last().unwrap().1.as_deref(), Some("Bearer new"));
    let connections = reader.forge.connections();
    assert_eq!(connections[0].identity.as_deref(), Some("mia"));
}

#[tokio::test]
async fn a_renewed_token_is_tried_at_once() {
    let (script, url) = scripted().await;
    script.say(401, &[], r#"{"message":"Bad credentials"}"#);
    script.say(200, &[], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    let reader = Reader::with(&url, true, Given::first("old", Ok(Some("next"))));
    assert_eq!(reader.ci(&"1".repeat(40)).await, Read::Known(Vec::new()));
    let asked = script.asked.lock().unwrap();
    assert_eq!(asked[1].1.as_deref(), Some("Bearer next"));
}

#[tokio::test]
async fn no_token_goes_over_plain_http_to_another_machine() {
    // TEST-NET-1 answers nobody; this machine stands in its place as a proxy, which sees all that is sent.
    if std::env::var_os("LANDFALL_TEST_PLAIN").is_none() {
        let (proxy, url) = scripted().await;
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "no_token_goes_over_plain_http_to_another_machine",
            ])
            .env("LANDFALL_TEST_PLAIN", "1")
            .env("http_proxy", &url)
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        let asked = proxy.asked.lock().unwrap();
        assert!(!asked.is_empty(), "the proxy saw nothing");
        assert!(asked.iter().all(|(_, token)| token.is_none()), "{asked:?}");
        return;
    }
    let reader = Reader::new("http://192.0.2.1", true);
    let read = reader.ci(&"1".repeat(40)).await;
    assert!(matches!(read, Read::Gap(_)), "{read:?}");
}

#[tokio::test]
async fn other_ci_systems_report_by_check_runs() {
    let (script, url) = scripted().await;
    script.say(200, &[], r#"{"total_count":0,"workflow_runs":[]}"#);
    script.say(
        200,
        &[],
        r#"{"check_runs":[{"id":5,"name":"build","html_url":"https://ci.example/5","status":"completed",
            "conclusion":"failure","started_at":"2026-01-01T00:00:00Z","completed_at":"2026-01-01T00:01:00Z",
            "app":{"name":"Buildkite"},"output":{"title":"Tests failed","summary":"2 of 9"}}]}"#,
    );
    let reader = Reader::new(&url, true);
    let runs = reader.runs(&"1".repeat(40)).await;
    assert_eq!(
        (runs[0].name.as_str(), runs[0].state),
        ("build", CiState::Failed)
    );
    assert_eq!(runs[0].jobs[0].failed_step.as_deref(), Some("Tests failed"));
    assert_eq!(runs[0].jobs[0].last_lines, ["2 of 9"]);
}

#[tokio::test]
async fn nobody_at_home_is_unreachable() {
    let reader = Reader::new("http://127.0.0.1:1", true);
    assert_eq!(
        reader.ci(&"1".repeat(40)).await,
        Read::Gap(Coverage::Unreachable {
            message: "code.shop.example does not answer: connection refused".to_owned()
        })
    );
    let found = reader.find_text("#1").await;
    assert!(
        matches!(
            found,
            Found::RepositoryGap {
                coverage: Coverage::Unreachable { .. },
                ..
            }
        ),
        "{found:?}"
    );
}

impl Script {
    /// What was asked, and with which token.
    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_code_host_that_nothing_was_wanted_of_stayed_connecting_for_ever() {
    let (script, url) = scripted().await;
    script.say(200, &[], r#"{"login":"mia","id":7}"#);
    let reader = Reader::new(&url, true);
    let state = &reader.forge.connections()[0].state;
    assert_eq!(*state, ConnectionState::Connecting, "nobody looks yet");
    let stands = reader.look().await;
    assert!(
        matches!(stands.state, ConnectionState::Live { .. }),
        "{stands:?}"
    );
    assert_eq!(stands.identity.as_deref(), Some("mia"));
    let once = ("/api/v3/user".to_owned(), Some("Bearer hunter2".to_owned()));
    assert_eq!(script.asked(), std::slice::from_ref(&once));

    // However often somebody looks, and again after a while or where somebody wants to know.
    reader.later(500);
    reader.look().await;
    assert_eq!(script.asked().len(), 1);
    reader.later(200);
    script.say(200, &[], r#"{"login":"mia","id":7}"#);
    reader.look().await;
    assert_eq!(script.asked().len(), 2);
    reader.forge.look_anew();
    script.say(200, &[], r#"{"login":"mia","id":7}"#);
    reader.look().await;
    assert_eq!(script.asked(), [once.clone(), once.clone(), once]);
}

#[tokio::test]
async fn a_code_host_that_is_read_as_nobody_is_said_to_be() {
    let shop = Shop::start().await;
    let reader = Reader::with(&shop.server.url(), true, Arc::new(Nobody));
    let stands = reader.look().await;
    assert!(
        matches!(stands.state, ConnectionState::Live { .. }),
        "{stands:?}"
    );
    assert_eq!(stands.identity.as_deref(), Some(forge::ANONYMOUS));
    let requests = shop.server.requests();
    assert_eq!(requests.count(""), 1);
    assert_eq!(requests.count("GET /api/v3/rate_limit"), 1);
    assert_eq!(shop.github.rate_limit().used, 0, "it costs nobody anything");

    // One without GitHub's API answers, whatever it says.
    let reader = Reader::with(&shop.server.url(), false, Arc::new(Nobody));
    let stands = reader.look().await;
    assert!(
        matches!(stands.state, ConnectionState::Live { .. }),
        "{stands:?}"
    );
}

#[tokio::test]
async fn a_look_says_what_is_wrong_and_a_host_that_is_back_is_looked_at_again() {
    let (script, url) = scripted().await;
    let tokens = Given::first("hunter2", Ok(Some("hunter2")));
    let reader = Reader::with(&url, true, tokens);
    let denied = ConnectionState::Denied {
        verb: "read".to_owned(),
        resource: "anything there".to_owned(),
    };
    // It says back what it was shown.
    let body = r#"{"message":"token hunter2 is blocked"}"#;
    script.say(403, &[], body);
    let stands = reader.look().await;
    assert_eq!(stands.state, denied);
    assert_eq!(
        stands.refusals,
        ["read anything there: token (hidden) is blocked"]
    );
    // What is read all the same shows that it is not so.
    script.say(200, &[], r#"{"workflow_runs":[]}"#);
    script.say(200, &[], r#"{"check_runs":[]}"#);
    reader.ci(&"1".repeat(40)).await;
    let stands = reader.forge.connections().remove(0);
    assert!(
        matches!(stands.state, ConnectionState::Live { .. }) && stands.refusals.is_empty(),
        "{stands:?}"
    );

    for (status, body, said) in [
        (404, "<html>", "has no GitHub API at"),
        (200, "<html>", "what answers there is something else"),
        (503, "", "its API answers with status 503"),
    ] {
        script.say(status, &[], body);
        reader.forge.look_anew();
        let stands = reader.look().await;
        let ConnectionState::Degraded { error, .. } = &stands.state else {
            panic!("{stands:?}");
        };
        assert!(error.contains(said), "{error}");
    }
    let asked = script.asked().len();
    reader.look().await;
    assert_eq!(script.asked().len(), asked, "it is not hammered");
    // A cluster is back, and most likely everything else.
    reader.later(5);
    reader.forge.came_back();
    script.say(404, &[], r#"{"message":"Rate limiting is not enabled."}"#);
    let stands = reader.look().await;
    assert!(
        matches!(stands.state, ConnectionState::Live { .. }),
        "{stands:?}"
    );

    let reader = Reader::with("http://127.0.0.1:1", true, Arc::new(Nobody));
    let stands = reader.look().await;
    let unreachable = ConnectionState::Unreachable {
        error: "connection refused".to_owned(),
        private: true,
    };
    assert_eq!(stands.state, unreachable);
    assert_eq!(stands.identity, None);
}

#[test]
fn a_proxy_in_the_environment_does_not_stand_before_this_machine() {
    // The environment belongs to the whole process: another one runs one of the tests above behind a dead proxy.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_failed_run_says_job_step_and_last_lines"])
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
