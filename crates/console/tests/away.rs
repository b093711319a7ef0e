//! What the console does when the outside world goes away, comes back, moves on, or counts our requests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::time::{Duration, Instant};

use api::{Answer, Ask, Board, ConnectionState, State};
use console::{Console, Sources, Subscription, Update};
use sandbox::served::Served;
use sandbox::start::{Options, System};

/// Longer than any machine needs; what is not so by then is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

struct Watched {
    // Dropped first: it reads from the company.
    console: Console,
    company: Served,
}

impl Watched {
    async fn begin() -> Self {
        let options = Options {
            seed: 2,
            ..Options::default()
        };
        let company = Served::start(options, None)
            .await
            .expect("the company starts");
        let console = Self::open(&company);
        Self { console, company }
    }

    fn open(company: &Served) -> Console {
        Console::open(&Sources {
            kubeconfig: Some(company.kubeconfig.clone()),
            contexts: Vec::new(),
            team: Some(company.team.clone()),
            cache: Some(company.cache.clone()),
            sparing: false,
            history: None,
            ..Sources::default()
        })
        .expect("the console opens")
    }

    /// Requests to the code host's API so far.
    fn api_requests(&self) -> u64 {
        let requests = self.company.sandbox.requests(System::Code);
        requests.expect("it is on").count("GET /api/v3")
    }

    /// A short SHA that is deployed everywhere.
    fn delivered(&self) -> String {
        let situations = self.company.sandbox.situations();
        let delivered = situations
            .iter()
            .find(|one| one.name == "delivered-everywhere");
        delivered.expect("there is one").ask.clone()
    }
}

fn ask(text: &str) -> Ask {
    Ask {
        text: text.to_owned(),
        app: None,
        environment: None,
        repository: None,
    }
}

/// Waits for a settled value that fits.
async fn until<T: Clone>(
    subscription: &mut Subscription<T>,
    what: &str,
    fits: impl Fn(&T) -> bool,
) -> T {
    let begun = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, subscription.next()).await {
            Ok(Some(Update {
                value,
                settled: true,
            })) if fits(&value) => return value,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => panic!("{what}: never"),
        }
    }
}

/// What the board's cells say, without ages and reasons.
fn cells(board: &Board) -> Vec<(String, String, State)> {
    board
        .rows
        .iter()
        .flat_map(|row| {
            row.cells.iter().map(|cell| {
                (
                    row.app.clone(),
                    cell.environment.clone(),
                    cell.delivery.state,
                )
            })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_while_the_code_host_was_away_is_read_when_it_is_back() {
    let Watched {
        console,
        mut company,
    } = Watched::begin().await;
    let mut board = console.watch_board();
    let before = until(&mut board, "the board", |_| true).await;
    company.sandbox.turn_off(System::Code).await;
    company.sandbox.turn_off(System::Registry).await;
    let away = until(
        &mut board,
        "it is said that the code host is away",
        |board| !board.unread.is_empty(),
    )
    .await;
    assert_eq!(
        cells(&away),
        cells(&before),
        "what was read stays, with its age"
    );
    let said = away.unread[0].text(|at| at.to_string());
    assert!(said.contains("connection refused"), "{said}");

    // One who asks only now has nothing that was read before, and says why.
    let delivered = company
        .sandbox
        .situations()
        .iter()
        .find(|one| one.name == "delivered-everywhere")
        .expect("there is one")
        .ask
        .clone();
    let second = Console::open(&Sources {
        kubeconfig: Some(company.kubeconfig.clone()),
        contexts: Vec::new(),
        team: Some(company.team.clone()),
        cache: Some(company.cache.join("another")),
        sparing: false,
        history: None,
        ..Sources::default()
    })
    .expect("the console opens");
    let mut answer = second.watch_answer(ask(&delivered));
    let mut others = second.watch_board();
    until(&mut others, "a board without code host", |_| true).await;

    company
        .sandbox
        .turn_on(System::Code)
        .await
        .expect("its port is free");
    company
        .sandbox
        .turn_on(System::Registry)
        .await
        .expect("its port is free");
    until(&mut board, "nothing is unread any more", |board| {
        board.unread.is_empty() && cells(board) == cells(&before)
    })
    .await;
    until(
        &mut others,
        "the second board reads as the first",
        |board| cells(board) == cells(&before),
    )
    .await;
    let is_deployed = |answer: &Result<Answer, api::Error>| {
        answer.as_ref().is_ok_and(|answer| {
            !answer.journeys.is_empty()
                && answer
                    .journeys
                    .iter()
                    .all(|journey| journey.state == State::Deployed)
        })
    };
    let _deployed = until(&mut answer, "the ask is answered", is_deployed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_of_a_short_sha_costs_few_requests_of_the_code_hosts_api() {
    let watched = Watched::begin().await;
    let answer = watched
        .console
        .answer(ask(&watched.delivered()), PATIENCE)
        .await
        .expect("an answer");
    assert_eq!(answer.journeys.len(), 3);
    let cost = watched.api_requests();
    println!("an ask of a short SHA costs {cost} requests of the API");
    assert!(cost <= 6, "{cost} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_sha_costs_one_request_a_repository_and_none_when_typed_again() {
    let watched = Watched::begin().await;
    let mistyped = ask("0123456789abcdef0123456789abcdef01234567");
    let error = watched.console.answer(mistyped.clone(), PATIENCE).await;
    error.expect_err("it stands for nothing");
    let cost = watched.api_requests();
    println!("a mistyped SHA costs {cost} requests of the API");
    for _ in 0..3 {
        let error = watched.console.answer(mistyped.clone(), PATIENCE).await;
        error.expect_err("it stands for nothing");
    }
    assert_eq!(watched.api_requests(), cost);
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_that_nobody_watches_cost_nothing_and_a_watched_idle_company_little() {
    let watched = Watched::begin().await;
    let situations = watched.company.sandbox.situations();
    for situation in situations.iter().take(5) {
        let ask = Ask {
            app: situation.app.clone(),
            environment: situation.environment.clone(),
            ..ask(&situation.ask)
        };
        let _answer = watched.console.answer(ask, PATIENCE).await;
    }
    let requests = watched.company.sandbox.requests(System::Code);
    let requests = requests.expect("it is on");
    // What is under way when the last subscription ends is let end, however long a busy machine takes.
    let mut before = requests.count("");
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = requests.count("");
        if now == before {
            break;
        }
        before = now;
    }
    tokio::time::sleep(Duration::from_secs(17)).await;
    assert_eq!(requests.count(""), before, "nobody watches");

    let mut answer = watched.console.watch_answer(ask(&watched.delivered()));
    let mut board = watched.console.watch_board();
    until(&mut board, "a board", |_| true).await;
    let _answered = until(&mut answer, "an answer", Result::is_ok).await;
    let quota = || watched.company.sandbox.company().github.rate_limit().used;
    let (before, used) = (watched.api_requests(), quota());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let cost = watched.api_requests() - before;
    println!(
        "20 seconds of watching the board and one answer: {cost} requests of the API, {} of the quota",
        quota() - used
    );
    assert!(cost <= 30, "{cost} requests");
    let counted = quota() - used;
    assert!(counted <= 6, "{counted} of the quota");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_stays_when_the_quota_is_used_up_and_connections_say_until_when() {
    let watched = Watched::begin().await;
    let mut board = watched.console.watch_board();
    let before = until(&mut board, "a board", |_| true).await;
    watched.company.sandbox.company().github.set_rate_limit(0);
    let mut connections = watched.console.watch_connections();
    until(&mut connections, "Connections say so", |connections| {
        connections.iter().any(|connection| {
            matches!(
                &connection.state,
                ConnectionState::Degraded { error, retry_at: Some(_), .. }
                    if error.contains("rate limit is used up")
            )
        })
    })
    .await;
    let after = until(&mut board, "it is said", |board| !board.unread.is_empty()).await;
    let said = after.unread[0].text(|at| at.to_string());
    assert!(said.contains("rate limit is used up"), "{said}");
    assert_eq!(cells(&after), cells(&before));
}
