//! GitHub's REST API, met by plain HTTP.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by failing")]

use jiff::{SignedDuration, Timestamp};
use reqwest::Response;
use sandbox::clock::Clock;
use sandbox::faults::Faults;
use sandbox::git::{CodeHost, Edit, Repository};
use sandbox::github::{
    Application, Conclusion, GitHub, Job, Pull, PullState, Run, RunStatus, Step, router,
};
use sandbox::serve::{ANY_PORT, Server};
use serde_json::Value;

struct Host {
    github: GitHub,
    repository: Repository,
    server: Server,
    client: reqwest::Client,
}

fn moment(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minute)
}

impl Host {
    async fn start() -> Self {
        let clock = Clock::default();
        clock.play(moment(10_000));
        let code = CodeHost::new(clock.clone()).unwrap();
        let repository = code.create("shop/checkout").unwrap();
        let github = GitHub::new(code, "code.example");
        // As the company serves them: Git and the API at one address.
        let both = sandbox::git::router(github.code(), &Faults::default()).merge(router(&github));
        let server = Server::start(&clock, both, ANY_PORT).await.unwrap();
        Self {
            github,
            repository,
            server,
            client: reqwest::Client::builder()
                .no_proxy()
                .user_agent("landfall")
                .build()
                .unwrap(),
        }
    }

    fn commit(&self, branch: &str, minute: i64, path: &str, content: &str) -> String {
        let edit = Edit::Write {
            path: path.to_owned(),
            content: content.to_owned(),
        };
        let message = format!("Change {path} at {minute}");
        self.repository
            .commit(
                branch,
                "Mira Holm <mira.holm@example.com>",
                moment(minute),
                &message,
                &[edit],
            )
            .unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}/api/v3/repos/shop/checkout{path}", self.server.url());
        self.client.get(url).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// The status and the message of an error.
    async fn refusal(&self, path: &str) -> (u16, String) {
        let response = self.get(path).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["status"], status.to_string());
        (status, body["message"].as_str().unwrap().to_owned())
    }

    /// Pull request numbers that a path lists.
    async fn numbers(&self, path: &str) -> Vec<u64> {
        let list = self.json(path).await;
        let pulls = list.as_array().unwrap().iter();
        pulls.map(|pull| pull["number"].as_u64().unwrap()).collect()
    }
}

fn failed_run(id: u64, sha: &str) -> Run {
    Run {
        id,
        name: "CI".to_owned(),
        head_sha: sha.to_owned(),
        branch: "main".to_owned(),
        actor: "mira-holm".to_owned(),
        status: RunStatus::Completed,
        conclusion: Some(Conclusion::Failure),
        created: moment(5),
        updated: moment(9),
        jobs: vec![Job {
            id: id * 10,
            name: "build".to_owned(),
            status: RunStatus::Completed,
            conclusion: Some(Conclusion::Failure),
            started: Some(moment(6)),
            completed: Some(moment(9)),
            steps: vec![
                Step {
                    name: "Check out".to_owned(),
                    status: RunStatus::Completed,
                    conclusion: Some(Conclusion::Success),
                },
                Step {
                    name: "Run tests".to_owned(),
                    status: RunStatus::Completed,
                    conclusion: Some(Conclusion::Failure),
                },
            ],
            log: vec![
                "test cart::total ... FAILED".to_owned(),
                "error: 1 test failed".to_owned(),
            ],
        }],
        ..Run::default()
    }
}

#[tokio::test]
async fn commits_are_read_by_any_name() {
    let host = Host::start().await;
    assert_eq!(
        host.refusal("/commits").await,
        (409, "Git Repository is empty.".to_owned())
    );
    host.commit("main", 0, "a.txt", "1\n2\n3\n");
    let sha = host.commit("main", 1, "a.txt", "1\ntwo\n3\n");
    host.repository.branch("feature/cards", &sha).unwrap();
    host.repository.tag("v1.0.0", &sha).unwrap();
    for name in [
        &sha,
        &sha[..8],
        "main",
        "feature/cards",
        "v1.0.0",
        "HEAD",
        "heads/main",
        "tags/v1.0.0",
    ] {
        let commit = host.json(&format!("/commits/{name}")).await;
        assert_eq!(commit["sha"], sha, "{name}");
    }
    let commit = host.json(&format!("/commits/{sha}")).await;
    assert_eq!(commit["commit"]["author"]["name"], "Mira Holm");
    assert_eq!(
        commit["commit"]["committer"]["date"],
        "2026-11-02T09:01:00Z"
    );
    assert_eq!(commit["author"]["login"], "mira-holm");
    assert_eq!(commit["stats"]["total"], 2);
    assert_eq!(commit["files"][0]["filename"], "a.txt");
    assert_eq!(commit["files"][0]["status"], "modified");
    assert_eq!(
        commit["files"][0]["patch"],
        "@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3"
    );
    assert_eq!(
        commit["html_url"],
        format!("https://code.example/shop/checkout/commit/{sha}")
    );

    let nothing = "0123456789012345678901234567890123456789";
    assert_eq!(
        host.refusal(&format!("/commits/{nothing}")).await,
        (422, format!("No commit found for SHA: {nothing}"))
    );
    assert_eq!(host.refusal("/commits?sha=nothing").await.0, 404);
    assert_eq!(
        host.refusal("/nothing/at/all").await,
        (404, "Not Found".to_owned())
    );
    let url = format!(
        "{}/shop/checkout.git/info/refs?service=git-upload-pack",
        host.server.url()
    );
    let refs = host
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        refs.contains(&format!("{sha} refs/heads/feature/cards")),
        "{refs}"
    );
    let url = format!("{}/api/v3/repos/shop/nothing", host.server.url());
    assert_eq!(host.client.get(url).send().await.unwrap().status(), 404);

    host.commit("main", 2, "docs/b.txt", "b\n");
    let log = host.json("/commits?path=docs").await;
    assert_eq!(log.as_array().unwrap().len(), 1);
    assert_eq!(
        host.json("/commits?since=2026-11-02T09:01:00Z")
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_comparison_says_how_two_commits_stand() {
    let host = Host::start().await;
    let base = host.commit("main", 0, "a.txt", "a\n");
    host.repository.branch("topic", &base).unwrap();
    let main = host.commit("main", 1, "b.txt", "b\n");
    host.commit("topic", 2, "c.txt", "c\n");
    let topic = host.commit("topic", 3, "d.txt", "d\n");
    for (path, status, ahead, behind) in [
        (format!("{base}...{main}"), "ahead", 1, 0),
        (format!("{main}...{base}"), "behind", 0, 1),
        (format!("{main}...{main}"), "identical", 0, 0),
        ("main...topic".to_owned(), "diverged", 2, 1),
        (format!("shop:main...shop:{topic}"), "diverged", 2, 1),
    ] {
        let comparison = host.json(&format!("/compare/{path}")).await;
        assert_eq!(comparison["status"], status, "{path}");
        assert_eq!(comparison["ahead_by"], ahead, "{path}");
        assert_eq!(comparison["behind_by"], behind, "{path}");
    }
    let comparison = host.json("/compare/main...topic").await;
    assert_eq!(comparison["merge_base_commit"]["sha"], base);
    assert_eq!(comparison["commits"][1]["sha"], topic);
    let files = comparison["files"].as_array().unwrap().iter();
    let files: Vec<&Value> = files.map(|file| &file["filename"]).collect();
    assert_eq!(files, ["c.txt", "d.txt"]);
    assert_eq!(host.refusal("/compare/main...nothing").await.0, 404);
    host.commit("alone", 4, "e.txt", "e\n");
    assert_eq!(
        host.refusal("/compare/main...alone").await,
        (404, "No common ancestor between main and alone.".to_owned())
    );
}

#[tokio::test]
async fn a_run_is_followed_to_the_failing_steps_log() {
    let host = Host::start().await;
    let sha = host.commit("main", 0, "a.txt", "a\n");
    let other = host.commit("main", 1, "a.txt", "b\n");
    host.github.put_run("shop/checkout", failed_run(41, &sha));
    host.github.put_run(
        "shop/checkout",
        Run {
            id: 42,
            name: "CI".to_owned(),
            head_sha: other.clone(),
            branch: "main".to_owned(),
            status: RunStatus::Waiting,
            created: moment(7),
            updated: moment(7),
            waiting_for: vec!["release".to_owned()],
            ..Run::default()
        },
    );
    let runs = host.json("/actions/runs").await;
    assert_eq!(runs["total_count"], 2);
    assert_eq!(runs["workflow_runs"][0]["id"], 42, "newest first");
    assert_eq!(runs["workflow_runs"][1]["run_number"], 1);
    let runs = host.json(&format!("/actions/runs?head_sha={sha}")).await;
    assert_eq!(runs["total_count"], 1);
    let run = &runs["workflow_runs"][0];
    assert_eq!(
        (&run["status"], &run["conclusion"]),
        (&"completed".into(), &"failure".into())
    );
    assert_eq!(run["head_commit"]["id"], sha);
    assert_eq!(run["display_title"], "Change a.txt at 0");
    assert_eq!(host.json("/actions/runs/41").await, *run);
    assert_eq!(
        host.json("/actions/runs?status=failure").await["total_count"],
        1
    );
    assert_eq!(
        host.json("/actions/runs?status=waiting").await["total_count"],
        1
    );
    assert_eq!(host.refusal("/actions/runs/43").await.0, 404);

    let jobs = host.json("/actions/runs/41/jobs").await;
    assert_eq!(jobs["jobs"][0]["steps"][1]["name"], "Run tests");
    assert_eq!(jobs["jobs"][0]["steps"][1]["conclusion"], "failure");
    let log = host.get("/actions/jobs/410/logs").await;
    assert_eq!(log.status(), 200);
    assert!(
        log.url().path().starts_with("/_logs/"),
        "followed a redirect to {}",
        log.url()
    );
    assert_eq!(
        log.text().await.unwrap(),
        "2026-11-02T09:06:00.0000000Z test cart::total ... FAILED\n\
         2026-11-02T09:06:00.0200000Z error: 1 test failed\n"
    );
    let checks = host.json(&format!("/commits/{sha}/check-runs")).await;
    assert_eq!(checks["check_runs"][0]["conclusion"], "failure");
    assert_eq!(
        host.json(&format!("/commits/{other}/check-runs")).await["total_count"],
        0
    );

    let pending = host.json("/actions/runs/42/pending_deployments").await;
    assert_eq!(pending[0]["environment"]["name"], "release");
    assert_eq!(
        host.json("/actions/runs/41/pending_deployments").await,
        serde_json::json!([])
    );

    // While a job runs, GitHub has no log of it.
    host.github.update_run("shop/checkout", 41, |run| {
        run.status = RunStatus::InProgress;
        run.conclusion = None;
        run.jobs[0].status = RunStatus::InProgress;
        run.jobs[0].conclusion = None;
    });
    assert_eq!(host.get("/actions/jobs/410/logs").await.status(), 404);
}

#[tokio::test]
async fn a_commit_leads_to_its_pull_requests_as_on_github() {
    let host = Host::start().await;
    let base = host.commit("main", 0, "a.txt", "a\n");
    let pull = |number: u64, head_sha: &str, state: PullState| Pull {
        number,
        title: format!("Number {number}"),
        author: "mira-holm".to_owned(),
        base: "main".to_owned(),
        base_sha: Some(base.clone()),
        head: format!("topic{number}"),
        head_sha: head_sha.to_owned(),
        state,
        created: moment(i64::try_from(number).unwrap()),
        updated: moment(60),
        ..Pull::default()
    };
    let topic = |number: u64| {
        let branch = format!("topic{number}");
        host.repository.branch(&branch, &base).unwrap();
        let first = host.commit(&branch, 1, &format!("first{number}.txt"), "1\n");
        let head = host.commit(&branch, 2, &format!("second{number}.txt"), "2\n");
        (first, head)
    };
    // 1 is open, 2 was closed, 3 merged with a merge commit, 4 squashed.
    let (first1, head1) = topic(1);
    let (_, head2) = topic(2);
    let (first3, head3) = topic(3);
    let (first4, head4) = topic(4);
    let merge3 = host
        .repository
        .merge(
            "main",
            &head3,
            "Jun Sato",
            moment(10),
            "Merge pull request #3",
        )
        .unwrap();
    let squash4 = host.commit("main", 11, "squashed.txt", "1\n2\n");
    let merged = |sha: &str, minute: i64| PullState::Merged {
        sha: sha.to_owned(),
        at: moment(minute),
        by: "jun-sato".to_owned(),
    };
    let (path, closed) = ("shop/checkout", PullState::Closed { at: moment(20) });
    host.github.put_pull(path, pull(1, &head1, PullState::Open));
    host.github.put_pull(path, pull(2, &head2, closed));
    host.github
        .put_pull(path, pull(3, &head3, merged(&merge3, 10)));
    host.github.put_pull(
        path,
        Pull {
            base_sha: None,
            ..pull(4, &head4, merged(&squash4, 11))
        },
    );

    for (sha, expected) in [
        (&first1, vec![1]),
        (&head1, vec![1]),
        (&head2, vec![]),
        (&first3, vec![3]),
        (&merge3, vec![3]),
        (&squash4, vec![4]),
        (&first4, vec![4]),
        (&base, vec![]),
    ] {
        assert_eq!(
            host.numbers(&format!("/commits/{sha}/pulls")).await,
            expected,
            "{sha}"
        );
    }
    assert_eq!(host.numbers("/pulls").await, [1]);
    assert_eq!(host.numbers("/pulls?state=closed").await, [4, 3, 2]);
    assert_eq!(
        host.numbers("/pulls?state=all&direction=asc").await,
        [1, 2, 3, 4]
    );
    assert_eq!(host.numbers("/pulls?state=all&head=shop:topic2").await, [2]);
    assert_eq!(host.numbers("/pulls?state=all&base=release").await, [0; 0]);
    assert_eq!(
        host.refusal("/pulls?state=odd").await,
        (422, "Validation Failed".to_owned())
    );

    let squashed = host.json("/pulls/4").await;
    assert_eq!(squashed["state"], "closed");
    assert_eq!(squashed["merged"], true);
    assert_eq!(squashed["merge_commit_sha"], squash4);
    assert_eq!(squashed["merged_by"]["login"], "jun-sato");
    let open = host.json("/pulls/1").await;
    assert_eq!(
        (&open["commits"], &open["changed_files"]),
        (&2.into(), &2.into())
    );
    assert_eq!(open["head"]["sha"], head1);
    assert_eq!(
        open["html_url"],
        "https://code.example/shop/checkout/pull/1"
    );
    let files = host.json("/pulls/3/files").await;
    assert_eq!(files[0]["filename"], "first3.txt");
    assert_eq!(files[1]["filename"], "second3.txt");
    assert_eq!(host.refusal("/pulls/9").await.0, 404);
    assert_eq!(host.repository.resolve("refs/pull/2/head"), Some(head2));
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let host = Host::start().await;
    for minute in 0..75 {
        host.commit("main", minute, "a.txt", &format!("{minute}\n"));
    }
    let mut found = Vec::new();
    let mut next = Some("/commits?per_page=30".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let response = host.get(&path).await;
        let link = response
            .headers()
            .get("link")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        next = link
            .split(", ")
            .find(|link| link.ends_with("rel=\"next\""))
            .map(|link| {
                let url = link.split(['<', '>']).nth(1).unwrap();
                let begin = format!("{}/api/v3/repos/shop/checkout", host.server.url());
                url.strip_prefix(&begin).unwrap().to_owned()
            });
        if pages == 0 {
            assert!(link.contains("page=3>; rel=\"last\""), "{link}");
        }
        let page: Value = response.json().await.unwrap();
        found.extend(
            page.as_array()
                .unwrap()
                .iter()
                .map(|commit| commit["sha"].clone()),
        );
        pages += 1;
    }
    assert_eq!(pages, 3);
    let log = host.repository.log("main", usize::MAX);
    let expected: Vec<String> = log.into_iter().map(|commit| commit.sha).collect();
    assert_eq!(found, expected);
    let all = host.get("/commits?per_page=100").await;
    assert!(
        !all.headers().contains_key("link"),
        "one page needs no links"
    );
}

#[tokio::test]
async fn what_has_not_changed_costs_nothing_and_the_limit_holds() {
    let host = Host::start().await;
    host.commit("main", 0, "a.txt", "a\n");
    let header =
        |response: &Response, name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let first = host.get("/branches").await;
    assert_eq!(header(&first, "x-ratelimit-limit"), "5000");
    assert_eq!(header(&first, "x-ratelimit-remaining"), "4999");
    assert_eq!(header(&first, "date"), "Mon, 09 Nov 2026 07:40:00 GMT");
    let tag = header(&first, "etag");
    let again = async |tag: &str| {
        let url = format!("{}/api/v3/repos/shop/checkout/branches", host.server.url());
        let request = host.client.get(url).header("if-none-match", tag);
        request.send().await.unwrap()
    };
    let unchanged = again(&tag).await;
    assert_eq!(unchanged.status(), 304);
    assert_eq!(header(&unchanged, "x-ratelimit-remaining"), "4999");
    assert_eq!(unchanged.text().await.unwrap(), "");
    host.commit("main", 1, "a.txt", "b\n");
    let changed = again(&tag).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "etag"), tag);
    assert_eq!(header(&changed, "x-ratelimit-remaining"), "4998");

    host.github.set_rate_limit(2);
    assert_eq!(host.get("/branches").await.status(), 200);
    assert_eq!(
        host.get("/nothing").await.status(),
        404,
        "errors count as well"
    );
    let refused = host.get("/branches").await;
    assert_eq!(refused.status(), 403);
    assert_eq!(header(&refused, "x-ratelimit-remaining"), "0");
    let reset: i64 = header(&refused, "x-ratelimit-reset").parse().unwrap();
    assert_eq!(
        reset,
        (moment(10_000) + SignedDuration::from_hours(1)).as_second()
    );
    let url = format!("{}/api/v3/rate_limit", host.server.url());
    let limit: Value = host
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(limit["rate"]["used"], 2);
    host.github.code().clock().play(moment(10_061));
    assert_eq!(host.get("/branches").await.status(), 200, "a new hour");
}

#[tokio::test]
async fn a_hidden_repository_and_a_nameless_client_are_refused() {
    let host = Host::start().await;
    host.commit("main", 0, "a.txt", "a\n");
    host.github.deny("shop/checkout", true);
    assert_eq!(
        host.refusal("/branches").await,
        (404, "Not Found".to_owned())
    );
    host.github.deny("shop/checkout", false);
    assert_eq!(host.get("/branches").await.status(), 200);
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v3/repos/shop/checkout", host.server.url());
    assert_eq!(nameless.get(url).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn the_device_flow_has_the_shapes_of_githubs_documentation() {
    let host = Host::start().await;
    host.github.register(Application {
        client_id: "Iv1.app".to_owned(),
        device_flow: true,
        tokens_end: true,
        interval: 5,
    });
    let post = async |path: &str, form: &str, accept: &str| {
        let url = format!("{}{path}", host.server.url());
        let kind = "application/x-www-form-urlencoded";
        let request = host.client.post(url).header("content-type", kind);
        let answer = request
            .header("accept", accept)
            .body(form.to_owned())
            .send();
        let answer = answer.await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let json = async |path: &str, form: &str| {
        let (status, body) = post(path, form, "application/json").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        (status, body, keys)
    };
    // Without a wish for JSON a form is answered.
    let (_, form) = post("/login/device/code", "client_id=Iv1.app", "*/*").await;
    assert!(
        form.contains("user_code=") && form.contains("&interval=5"),
        "{form}"
    );

    let (_, asked, keys) = json("/login/device/code", "client_id=Iv1.app&scope=").await;
    let said = [
        "device_code",
        "expires_in",
        "interval",
        "user_code",
        "verification_uri",
    ];
    assert_eq!(keys, said);
    assert_eq!(asked["expires_in"], 900);
    assert_eq!(
        asked["verification_uri"],
        format!("{}/login/device", host.server.url())
    );
    let code = asked["user_code"].as_str().unwrap();
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    let token = format!(
        "client_id=Iv1.app&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code={}",
        asked["device_code"].as_str().unwrap()
    );
    let at = "/login/oauth/access_token";
    let (status, pending, keys) = json(at, &token).await;
    assert_eq!(
        (status, pending["error"].as_str()),
        (200, Some("authorization_pending"))
    );
    assert_eq!(keys, ["error", "error_description", "error_uri"]);
    // Too early: five seconds more from now on.
    let (status, early, _) = json(at, &token).await;
    assert_eq!((status, early["error"].as_str()), (200, Some("slow_down")));
    assert_eq!(early["interval"], 10);
    let (_, wrong, _) = json(at, &token.replace("device_code=", "device_code=x")).await;
    assert_eq!(wrong["error"], "incorrect_device_code");
    let (_, refused, _) = json(
        at,
        "client_id=Iv1.app&grant_type=refresh_token&refresh_token=x",
    )
    .await;
    assert_eq!(refused["error"], "bad_refresh_token");
    let user = host
        .client
        .get(format!("{}/api/v3/user", host.server.url()));
    let user = user.bearer_auth("none").send().await.unwrap();
    assert_eq!(user.status().as_u16(), 401);
}

#[tokio::test]
async fn a_person_had_no_page_to_type_a_code_on() {
    let host = Host::start().await;
    let clock = host.github.code().clock().clone();
    let provider = sandbox::provider::Provider::new(&sandbox::names::Names::of(1), clock).unwrap();
    host.github.employ(provider.people());
    let post = async |path: &str, form: String| {
        let request = host.client.post(format!("{}{path}", host.server.url()));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("accept", "application/json").body(form);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let client = format!("client_id={}", sandbox::github::CLIENT);
    let (_, asked) = post("/login/device/code", format!("{client}&scope=repo")).await;
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let page = asked["verification_uri"].as_str().unwrap();
    let page = host.client.get(page).send().await.unwrap();
    let page = page.text().await.unwrap();
    for person in provider.people() {
        assert!(page.contains(&person.name), "{page}");
    }
    let typed = |code: &str| format!("user_code={code}&person=1");
    assert_eq!(post("/login/device", typed("NONE-CODE")).await.0, 400);
    // As somebody types it who reads it from another screen.
    let code = asked["user_code"].as_str().unwrap().to_lowercase();
    let (status, said) = post("/login/device", typed(&code.replace('-', "+"))).await;
    assert_eq!(status, 200, "{said}");
    let device = asked["device_code"].as_str().unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let form = format!("{client}&{grant}&device_code={device}");
    let (_, given) = post("/login/oauth/access_token", form).await;
    let given: Value = serde_json::from_str(&given).unwrap();
    let user = host
        .client
        .get(format!("{}/api/v3/user", host.server.url()));
    let user = user.bearer_auth(given["access_token"].as_str().unwrap());
    let user = user.send().await.unwrap();
    assert_eq!(user.headers()["x-oauth-scopes"], "repo");
    let user: Value = user.json().await.unwrap();
    let local = provider.people()[1].email.split('@').next().unwrap();
    assert_eq!(user["login"], local.replace('.', "-"));
}

#[tokio::test]
async fn what_is_written_over_the_api_is_in_git_and_refusals_are_in_githubs_words() {
    let host = Host::start().await;
    let base = host.commit("main", 0, "a.txt", "1\n");
    host.github
        .make_token("ghp_one", "mira-holm", Some("repo"), None);
    let tell = async |method: reqwest::Method, path: &str, token: Option<&str>, body: Value| {
        let url = format!("{}/api/v3/repos/shop/checkout{path}", host.server.url());
        let mut request = host.client.request(method, url).body(body.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap())
    };
    let (post, patch) = (reqwest::Method::POST, reqwest::Method::PATCH);
    let me = Some("ghp_one");
    let tree = serde_json::json!({
        "base_tree": base,
        "tree": [{"path": "b/c.txt", "mode": "100644", "type": "blob", "content": "2\n"}],
    });
    let (status, answer) = tell(post.clone(), "/git/trees", None, tree.clone()).await;
    assert_eq!(
        (status, &answer["message"]),
        (401, &"Requires authentication".into())
    );
    let (status, tree) = tell(post.clone(), "/git/trees", me, tree).await;
    assert_eq!(status, 201, "{tree}");
    let commit = |parents: Value| {
        let body = serde_json::json!({"message": "Two", "tree": tree["sha"], "parents": parents});
        tell(post.clone(), "/git/commits", me, body)
    };
    let (status, next) = commit(serde_json::json!([base])).await;
    assert_eq!(
        (status, &next["author"]["name"]),
        (201, &"mira-holm".into())
    );
    let (_, alone) = commit(serde_json::json!([])).await;
    assert_eq!(
        host.repository.head("main"),
        Some(base.clone()),
        "no branch has moved"
    );
    let to = |sha: &Value| {
        let body = serde_json::json!({"sha": sha, "force": false});
        tell(patch.clone(), "/git/refs/heads/main", me, body)
    };
    let (status, answer) = to(&alone["sha"]).await;
    assert_eq!(
        (status, &answer["message"]),
        (422, &"Update is not a fast forward".into())
    );
    host.github.protect("shop/checkout", "main", true);
    let (status, answer) = to(&next["sha"]).await;
    let words = answer["message"].as_str().unwrap();
    assert!(
        status == 422 && words.contains("through a pull request"),
        "{answer}"
    );
    host.github.protect("shop/checkout", "main", false);
    let (status, _) = to(&next["sha"]).await;
    assert_eq!(status, 200);
    assert_eq!(
        host.repository.read("main", "b/c.txt").as_deref(),
        Some("2\n")
    );
    assert_eq!(
        host.repository.read("main", "a.txt").as_deref(),
        Some("1\n")
    );

    let branch = serde_json::json!({"ref": "refs/heads/topic", "sha": next["sha"]});
    let (status, _) = tell(post.clone(), "/git/refs", me, branch.clone()).await;
    assert_eq!(status, 201);
    let (status, answer) = tell(post.clone(), "/git/refs", me, branch).await;
    assert_eq!(
        (status, &answer["message"]),
        (422, &"Reference already exists".into())
    );
    let pull = serde_json::json!({"title": "t", "head": "topic", "base": "main"});
    let (status, answer) = tell(post.clone(), "/pulls", me, pull).await;
    assert_eq!(
        (status, &answer["errors"][0]["message"]),
        (422, &"No commits between main and topic".into())
    );
}
