//! What the product relies on of a provider, asked of a certified one and of the embedded company's: what holds for the one
//! and not for the other would make the tour tell something else than the world.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "certified/support.rs"]
#[expect(
    dead_code,
    reason = "what only the certified provider's own tests need"
)]
mod support;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use identity::{
    Failure, Issuer, Keeper, Known, Memory, Provider, Session, Spec, Standing, Tokens, invite,
    sign_in,
};
use jiff::Timestamp;
use sandbox::clock::Clock;
use sandbox::names::Names;
use sandbox::serve::Server;
use secrecy::ExposeSecret;
use support::{Browser, Certified, MIA};
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// A provider, somebody in it, and their browser.
struct Peer {
    name: &'static str,
    spec: Spec,
    browser: Browser,
    person: String,
    group: &'static str,
    /// Types a code, and is that person.
    embedded: Option<sandbox::provider::Provider>,
    _alive: Box<dyn Any>,
}

async fn both() -> [Peer; 2] {
    let certified = Certified::start(60).await;
    let clock = Clock::default();
    let embedded = sandbox::provider::Provider::new(&Names::of(7), clock.clone()).unwrap();
    let routes = sandbox::provider::router(&embedded);
    let server = Server::start(&clock, routes, ([127, 0, 0, 1], 0).into());
    let server = server.await.unwrap();
    embedded.is_at(&format!("http://{}", server.address()));
    let spec = Spec {
        issuer: embedded.issuer().parse().unwrap(),
        ports: vec![support::free_port()],
        authorities: Vec::new(),
        ..certified.spec()
    };
    [
        Peer {
            name: "certified",
            spec: certified.spec(),
            browser: certified.browser(),
            person: MIA.to_owned(),
            group: "dev",
            embedded: None,
            _alive: Box::new(certified),
        },
        Peer {
            name: "embedded",
            spec,
            browser: Browser::new(reqwest::Client::builder()),
            person: embedded.people()[0].email.clone(),
            group: "developers",
            embedded: Some(embedded),
            _alive: Box::new(server),
        },
    ]
}

impl Peer {
    async fn provider(&self) -> Provider {
        let clock = Arc::new(Timestamp::now);
        Provider::discover(self.spec.clone(), clock).await.unwrap()
    }

    fn issuer(&self) -> Arc<Issuer> {
        Arc::new(Issuer::new(self.spec.clone(), Arc::new(Timestamp::now)))
    }

    async fn signed_in(&self, provider: &Provider) -> Tokens {
        let browser = self.browser.clone();
        let open = move |address: &Url| {
            let address = address.clone();
            tokio::spawn(async move { browser.sign_in(&address, MIA).await });
            Ok(())
        };
        let tokens = sign_in(provider, open, PATIENCE).await;
        tokens.unwrap_or_else(|why| panic!("{}: {why}", self.name))
    }
}

#[tokio::test]
async fn somebody_signs_in_and_is_who_they_are() {
    for peer in both().await {
        let provider = peer.provider().await;
        let tokens = peer.signed_in(&provider).await;
        assert_eq!(tokens.person.called(), peer.person, "{}", peer.name);
        assert!(tokens.person.groups.iter().any(|one| one == peer.group));
        assert!(tokens.refresh.is_some(), "{}", peer.name);
    }
}

#[tokio::test]
async fn what_a_provider_offers_is_found_without_a_sign_in() {
    for peer in both().await {
        let port = peer.spec.ports[0];
        // Both send a native application back to any port of this machine, as RFC 8252 has it; Okta only to those it knows.
        let strange = support::free_port();
        let spec = Spec {
            ports: vec![port, strange],
            scopes: ["groups", "offline_access", "payments"]
                .map(str::to_owned)
                .to_vec(),
            ..peer.spec.clone()
        };
        let provider = Provider::discover(spec, Arc::new(Timestamp::now))
            .await
            .unwrap();
        let found = provider.examined().await;
        assert_eq!(found.unknown_scopes, ["payments"], "{}", peer.name);
        assert!(
            found.lasts && found.has_codes && found.can_revoke,
            "{}",
            peer.name
        );
        assert_eq!(
            found.redirects,
            [(port, Known::Yes), (strange, Known::Yes)],
            "{}",
            peer.name
        );
        let stranger = Spec {
            client_id: "stranger".to_owned(),
            ..peer.spec.clone()
        };
        let provider = Provider::discover(stranger, Arc::new(Timestamp::now))
            .await
            .unwrap();
        let found = provider.examined().await;
        assert!(
            matches!(found.redirects[0].1, Known::No(_)),
            "{}: {found:?}",
            peer.name
        );
        let unlasting = Spec {
            scopes: vec!["groups".to_owned()],
            ..peer.spec.clone()
        };
        let provider = Provider::discover(unlasting, Arc::new(Timestamp::now))
            .await
            .unwrap();
        assert!(!provider.examined().await.lasts, "{}", peer.name);
    }
}

#[tokio::test]
async fn a_code_from_the_browsers_history_opens_nothing_a_second_time() {
    for peer in both().await {
        let provider = peer.provider().await;
        let first = peer.signed_in(&provider).await;
        let history = peer.browser.history.lock().unwrap().clone();
        let [used] = history.as_slice() else {
            panic!("{}: {history:?}", peer.name)
        };
        let code = used
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1;
        // Another sign-in of this very program, and somebody who brings its state together with the old code.
        let (used, code) = (used.clone(), code.into_owned());
        let open = move |address: &Url| {
            let state = address.query_pairs().find(|(name, _)| name == "state");
            let mut back = used.clone();
            let mut query = back.query_pairs_mut();
            query.clear().append_pair("code", &code);
            query.append_pair("state", &state.unwrap().1);
            for (name, value) in used.query_pairs().filter(|(name, _)| name == "iss") {
                query.append_pair(&name, &value);
            }
            drop(query);
            tokio::spawn(async move {
                let browser = Browser::new(reqwest::Client::builder());
                browser.visit(&back, None).await
            });
            Ok(())
        };
        let again = sign_in(&provider, open, PATIENCE).await.unwrap_err();
        assert!(
            matches!(again, Failure::Refused { .. }),
            "{}: {again:?}",
            peer.name
        );
        // Whoever has the code and not what it was asked with ends nobody's sign-in either.
        let kept = Arc::new(Memory::default());
        let before = Session::resume(peer.issuer(), kept.clone(), None);
        before.begin(first).await.unwrap();
        drop(before);
        // Only what is kept is there, so the provider is asked.
        let session = Session::resume(peer.issuer(), kept, None);
        assert_eq!(session.tokens().await.unwrap().person.called(), peer.person);
    }
}

#[tokio::test]
async fn a_refresh_token_that_two_have_ends_the_sign_in_of_both() {
    for peer in both().await {
        let provider = peer.provider().await;
        let tokens = peer.signed_in(&provider).await;
        let ours = Arc::new(Memory::default());
        let before = Session::resume(peer.issuer(), ours.clone(), None);
        before.begin(tokens).await.unwrap();
        drop(before);
        let stolen = Arc::new(Memory::default());
        stolen.store(&ours.load().unwrap().unwrap()).unwrap();
        // Only what is kept is there, so it is used at once.
        let session = Session::resume(peer.issuer(), ours.clone(), None);
        session.tokens().await.unwrap();
        assert_ne!(
            ours.load().unwrap().unwrap().expose_secret(),
            stolen.load().unwrap().unwrap().expose_secret(),
            "{}: it is another one each time",
            peer.name
        );
        let thief = Session::resume(peer.issuer(), stolen, None);
        assert!(thief.tokens().await.is_err(), "{}", peer.name);
        let session = Session::resume(peer.issuer(), ours, None);
        assert!(session.tokens().await.is_err(), "{}", peer.name);
        let standing = session.standing().borrow().clone();
        assert!(
            matches!(standing, Standing::Over { .. }),
            "{}: {standing:?}",
            peer.name
        );
    }
}

#[tokio::test]
async fn signing_out_ends_it_at_the_provider() {
    for peer in both().await {
        let provider = peer.provider().await;
        let tokens = peer.signed_in(&provider).await;
        let kept = Arc::new(Memory::default());
        let session = Session::resume(peer.issuer(), kept.clone(), None);
        session.begin(tokens).await.unwrap();
        let copy = Arc::new(Memory::default());
        copy.store(&kept.load().unwrap().unwrap()).unwrap();
        session.sign_out().await.unwrap();
        assert!(kept.load().unwrap().is_none(), "{}", peer.name);
        let other = Session::resume(peer.issuer(), copy, None);
        assert!(other.tokens().await.is_err(), "{}", peer.name);
    }
}

#[tokio::test]
async fn a_code_that_nobody_types_is_waited_for_and_one_that_is_typed_signs_in() {
    let [_, peer] = both().await;
    let provider = peer.provider().await;
    let (invitation, invited) = invite(&provider).await.unwrap();
    let embedded = peer.embedded.as_ref().unwrap();
    assert!(!embedded.typed("AAAA-AAAA", &embedded.people()[2]));
    let typing = async {
        // It is asked for at least once before.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        embedded.typed(&invitation.code.to_lowercase(), &embedded.people()[2])
    };
    let (tokens, typed) = tokio::join!(invited.tokens(), typing);
    assert!(typed);
    assert_eq!(tokens.unwrap().person.groups, ["platform"]);
    assert!(
        !embedded.typed(&invitation.code, &embedded.people()[0]),
        "once"
    );
}
