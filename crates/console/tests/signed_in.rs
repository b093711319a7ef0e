//! The embedded company, opened by a sign-in and nothing else: as each of its people, and what is told of it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::sync::Arc;
use std::time::Duration;

use api::{Ask, ConnectionState, Home, SignInState};
use console::{Clock, Console, SigningIn, Sources};
use sandbox::served::Served;
use sandbox::start::Options;

const PATIENCE: Duration = Duration::from_secs(60);

struct Company {
    served: Served,
    sources: Sources,
}

async fn company(seed: u64) -> Company {
    let options = Options {
        seed,
        ..Options::default()
    };
    let served = Served::start(options, None).await.unwrap();
    let sources = Sources {
        team: Some(served.sign_in.clone()),
        cache: Some(served.cache.clone()),
        history: Some(served.history.clone()),
        ..Sources::default()
    };
    Company { served, sources }
}

impl Company {
    fn signing_in(&self) -> Arc<SigningIn> {
        let signing_in = console::signing_in(&self.sources, &Clock::default());
        signing_in.unwrap().expect("the file says who signs in")
    }

    /// Signs the person of a role in, by a code.
    async fn sign_in(&self, signing_in: &SigningIn, role: &str) {
        let provider = self.served.sandbox.provider().clone();
        let people = provider.people().to_vec();
        let person = people
            .into_iter()
            .find(|person| person.role == role)
            .unwrap();
        let typed = signing_in.with_code(move |invitation| {
            assert!(provider.typed(&invitation.code, &person));
        });
        typed.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_starts_where_their_role_starts_and_reads_what_they_may() {
    for seed in [1, 7] {
        let company = company(seed).await;
        for (role, home) in [
            ("developer", Home::Board),
            ("support", Home::Actions),
            ("sre", Home::Board),
        ] {
            let signing_in = company.signing_in();
            company.sign_in(&signing_in, role).await;
            let mut watched = signing_in.watch();
            let stands = watched.settled(PATIENCE).await.flatten().unwrap();
            let SignInState::SignedIn {
                roles, home: at, ..
            } = stands.state
            else {
                panic!("{stands:?}")
            };
            assert_eq!((roles.as_slice(), at), ([role.to_owned()].as_slice(), home));
            let console =
                Console::open_with(&company.sources, Clock::default(), Some(signing_in)).unwrap();
            let board = console.board(PATIENCE).await.unwrap();
            assert!(board.unread.is_empty(), "{role}: {:?}", board.unread);
            let connections = console.watch_connections().settled(PATIENCE).await.unwrap();
            for connection in &connections {
                let is_live = matches!(connection.state, ConnectionState::Live { .. });
                assert!(is_live, "{role}: {connection:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_opens_without_a_sign_in_and_everything_with_it() {
    let company = company(1).await;
    let signing_in = company.signing_in();
    let console =
        Console::open_with(&company.sources, Clock::default(), Some(signing_in.clone())).unwrap();
    let closed = console.board(Duration::from_secs(3)).await.unwrap();
    assert!(closed.rows.is_empty(), "nobody is signed in");
    company.sign_in(&signing_in, "developer").await;
    // By itself: what waits for a sign-in goes on when there is one.
    let mut board = console.watch_board();
    let begun = std::time::Instant::now();
    loop {
        let update = tokio::time::timeout(PATIENCE, board.next())
            .await
            .unwrap()
            .unwrap();
        if !update.value.rows.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_holds_no_token() {
    let company = company(1).await;
    let signing_in = company.signing_in();
    let mut told = Vec::new();
    let mut watched = signing_in.watch();
    company.sign_in(&signing_in, "developer").await;
    let console =
        Console::open_with(&company.sources, Clock::default(), Some(signing_in.clone())).unwrap();
    let board = console.board(PATIENCE).await.unwrap();
    let connections = console.watch_connections().settled(PATIENCE).await.unwrap();
    let changes = console.changes(PATIENCE).await.unwrap();
    let situation = company.served.sandbox.most_telling().unwrap();
    let ask = Ask {
        text: situation.ask.clone(),
        ..Ask::default()
    };
    let answer = console.answer(ask, PATIENCE).await.unwrap();
    // What the window and the terminal are told is this, written as JSON.
    told.push(serde_json::to_string(&watched.settled(PATIENCE).await).unwrap());
    told.push(serde_json::to_string(&board).unwrap());
    told.push(serde_json::to_string(&connections).unwrap());
    told.push(serde_json::to_string(&changes).unwrap());
    told.push(serde_json::to_string(&answer).unwrap());
    signing_in.sign_out().await.unwrap();
    told.push(serde_json::to_string(&watched.settled(PATIENCE).await).unwrap());
    let told = told.join("\n");
    let mut secrets = company.served.sandbox.provider().secrets();
    secrets.extend(company.served.sandbox.company().amazon.secrets());
    assert!(
        secrets.len() >= 5,
        "tokens, and the role's keys: {}",
        secrets.len()
    );
    for secret in secrets {
        assert!(
            !told.contains(&secret),
            "somebody is told a secret of {} letters",
            secret.len()
        );
    }
    assert!(
        told.contains("signed-in") && told.contains("checkout"),
        "it was told"
    );
}
