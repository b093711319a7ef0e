//! Sign-in with a certified OpenID provider over TLS, in its own pages.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "certified/support.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity::{Failure, Issuer, Keeper, Memory, Session, Standing, Tokens, invite, sign_in};
use secrecy::ExposeSecret;
use support::{Certified, MIA};
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the address in a browser that signs in as `login`.
fn as_person(
    certified: &Certified,
    login: &'static str,
) -> impl FnOnce(&Url) -> std::io::Result<()> + use<> {
    let browser = certified.browser();
    move |address: &Url| {
        let address = address.clone();
        tokio::spawn(async move { browser.sign_in(&address, login).await });
        Ok(())
    }
}

#[tokio::test]
async fn a_person_signs_in_in_the_browser_and_is_who_the_provider_says() {
    let certified = Certified::start(60).await;
    let provider = certified.discover().await;
    let tokens = sign_in(&provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    assert_eq!(tokens.person.called(), MIA);
    assert_eq!(tokens.person.name.as_deref(), Some("mia"));
    assert_eq!(tokens.person.groups, ["dev", "sre"]);
    let left = provider.now().duration_until(tokens.until).as_secs();
    assert!((50..=61).contains(&left), "{left} s");
    assert!(tokens.refresh.is_some());
    let printed = format!("{tokens:?}");
    for secret in [&tokens.access, &tokens.id, tokens.refresh.as_ref().unwrap()] {
        assert!(!printed.contains(secret.expose_secret()), "{printed}");
    }
}

#[tokio::test]
async fn a_code_typed_elsewhere_signs_in_too() {
    let certified = Certified::start(60).await;
    let provider = certified.discover().await;
    let (invitation, invited) = invite(&provider).await.unwrap();
    assert!(invitation.until > provider.now());
    let browser = certified.browser();
    let whole = invitation.whole.unwrap();
    let typed = async {
        // The page asks whether the code is the one that is shown.
        let (next, page) = browser.visit(&whole, None).await;
        assert!(next.is_none());
        let value = |name: &str| {
            let from = page
                .split(&format!(r#"name="{name}" value=""#))
                .nth(1)
                .unwrap();
            from.split('"').next().unwrap().to_owned()
        };
        let (xsrf, code) = (value("xsrf"), value("user_code"));
        let form = vec![("xsrf", xsrf.as_str()), ("user_code", code.as_str())];
        let address = certified.issuer.join("/device").unwrap();
        let (_, page) = browser.visit(&address, Some(form)).await;
        let form = vec![
            ("xsrf", xsrf.as_str()),
            ("user_code", code.as_str()),
            ("confirm", "yes"),
        ];
        assert!(page.contains(&invitation.code), "{page}");
        let (next, _) = browser.visit(&address, Some(form)).await;
        browser.sign_in(&next.unwrap(), MIA).await
    };
    let (tokens, _) = tokio::join!(invited.tokens(), typed);
    assert_eq!(tokens.unwrap().person.groups, ["dev", "sre"]);
}

/// Signs in as another start of the program would have, so that only what is kept is there.
async fn keep(issuer: &Arc<Issuer>, kept: &Arc<Memory>, tokens: Tokens) {
    let before = Session::resume(issuer.clone(), kept.clone(), None);
    before.begin(tokens).await.unwrap();
}

#[tokio::test]
async fn tokens_are_made_anew_by_one_request_at_a_time_and_the_keyring_has_the_last() {
    let certified = Certified::start(60).await;
    let issuer = certified.asked_later();
    let provider = issuer.provider().await.unwrap();
    let tokens = sign_in(provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    let first = tokens.refresh.clone().unwrap();
    let kept = Arc::new(Memory::default());
    keep(&issuer, &kept, tokens).await;
    // As after a new start: only the refresh token is there.
    let session = Arc::new(Session::resume(issuer.clone(), kept.clone(), None));
    let asked = Arc::new(AtomicUsize::new(0));
    let all = (0..20).map(|_| {
        let (session, asked) = (Arc::clone(&session), Arc::clone(&asked));
        tokio::spawn(async move {
            let tokens = session.tokens().await.unwrap();
            asked.fetch_add(1, Ordering::Relaxed);
            tokens.access.expose_secret().to_owned()
        })
    });
    let mut seen = Vec::new();
    for one in all.collect::<Vec<_>>() {
        seen.push(one.await.unwrap());
    }
    seen.dedup();
    assert_eq!(
        seen.len(),
        1,
        "one refresh for all: a refresh token is used up by the first"
    );
    let now = kept.load().unwrap().unwrap();
    assert!(
        !now.expose_secret().contains(first.expose_secret()),
        "the provider changes it each time"
    );
}

#[tokio::test]
async fn after_signing_out_nothing_is_kept_and_the_provider_knows() {
    let certified = Certified::start(60).await;
    let issuer = certified.asked_later();
    let provider = issuer.provider().await.unwrap();
    let kept = Arc::new(Memory::default());
    let session = Session::resume(issuer.clone(), kept.clone(), None);
    let tokens = sign_in(provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    let refresh = tokens.refresh.clone().unwrap();
    session.begin(tokens).await.unwrap();
    assert!(matches!(
        *session.standing().borrow(),
        Standing::SignedIn { .. }
    ));
    session.sign_out().await.unwrap();
    assert!(kept.load().unwrap().is_none());
    assert_eq!(*session.standing().borrow(), Standing::SignedOut);
    assert_eq!(session.tokens().await.unwrap_err(), Failure::SignedOut);
    let refused = provider.refresh(&refresh).await.tokens.unwrap_err();
    assert!(matches!(refused, Failure::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_session_that_the_provider_ended_is_over_and_asks_no_more() {
    let certified = Certified::start(60).await;
    let issuer = certified.asked_later();
    let provider = issuer.provider().await.unwrap();
    let tokens = sign_in(provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    provider
        .revoke(tokens.refresh.as_ref().unwrap())
        .await
        .unwrap();
    let kept = Arc::new(Memory::default());
    keep(&issuer, &kept, tokens).await;
    let session = Session::resume(issuer.clone(), kept.clone(), None);
    let refused = session.tokens().await.unwrap_err();
    assert!(matches!(refused, Failure::Refused { .. }), "{refused:?}");
    assert!(matches!(
        *session.standing().borrow(),
        Standing::Over { .. }
    ));
    assert!(
        kept.load().unwrap().is_none(),
        "what is worth nothing is not kept"
    );
    assert!(session.tokens().await.is_err());
}

#[tokio::test]
async fn an_outage_of_the_provider_ended_the_session() {
    let mut certified = Certified::start(60).await;
    let issuer = certified.asked_later();
    let provider = issuer.provider().await.unwrap();
    let tokens = sign_in(provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    let kept = Arc::new(Memory::default());
    keep(&issuer, &kept, tokens).await;
    certified.becomes("busy").await;
    let session = Session::resume(issuer.clone(), kept.clone(), None);
    let late = session.tokens().await.unwrap_err();
    assert!(late.may_pass(), "{late}");
    assert!(late.to_string().contains("503"), "{late}");
    assert!(kept.load().unwrap().is_some());
    certified.becomes("well").await;
    let mut standing = session.standing();
    let back = standing.wait_for(|now| matches!(now, Standing::SignedIn { .. }));
    let back = tokio::time::timeout(PATIENCE, back).await;
    assert!(back.is_ok(), "it is asked again by itself, a little later");
    assert_eq!(session.tokens().await.unwrap().person.called(), MIA);
}

#[tokio::test]
async fn a_session_goes_on_though_the_provider_was_down_at_the_start() {
    let mut certified = Certified::start(60).await;
    let issuer = certified.asked_later();
    let provider = issuer.provider().await.unwrap();
    let tokens = sign_in(provider, as_person(&certified, MIA), PATIENCE)
        .await
        .unwrap();
    let kept = Arc::new(Memory::default());
    keep(&issuer, &kept, tokens).await;
    certified.becomes("busy").await;
    let later = certified.asked_later();
    let session = Session::resume(later, kept.clone(), None);
    assert!(session.tokens().await.unwrap_err().may_pass());
    let standing = session.standing().borrow().clone();
    assert!(
        matches!(standing, Standing::Resuming { late: Some(_) }),
        "{standing:?}"
    );
    certified.becomes("well").await;
    let mut standing = session.standing();
    let back = standing.wait_for(|now| matches!(now, Standing::SignedIn { .. }));
    let back = tokio::time::timeout(Duration::from_secs(60), back).await;
    assert!(back.is_ok(), "by itself");
}

#[tokio::test]
async fn another_programs_half_sent_request_does_not_hold_a_sign_in_up() {
    use tokio::io::AsyncWriteExt;
    let certified = Certified::start(60).await;
    let provider = certified.discover().await;
    let browser = certified.browser();
    let runtime = tokio::runtime::Handle::current();
    let port = certified.redirect;
    let open = move |address: &url::Url| {
        let address = address.clone();
        runtime.spawn(async move {
            let other = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            let mut other = other.unwrap();
            other.write_all(b"GET /landfall").await.unwrap();
            browser.sign_in(&address, MIA).await;
            std::future::pending::<()>().await;
        });
        Ok(())
    };
    let tokens = sign_in(&provider, open, PATIENCE).await.unwrap();
    assert_eq!(tokens.person.called(), MIA);
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be() {
    let certified = Certified::start(60).await;
    let spec = certified.spec();
    let port = spec.issuer.port().unwrap();
    drop(certified);
    let clock = Arc::new(jiff::Timestamp::now);
    let Err(down) = identity::Provider::discover(spec, clock).await else {
        panic!("nobody answers there");
    };
    assert!(down.may_pass(), "{down}");
    assert!(
        down.to_string()
            .starts_with(&format!("127.0.0.1:{port} did not answer: ")),
        "{down}"
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_was_taken_for_no_answer() {
    let certified = Certified::start(60).await;
    let spec = identity::Spec {
        authorities: Vec::new(),
        ..certified.spec()
    };
    let Err(why) = identity::Provider::discover(spec, Arc::new(jiff::Timestamp::now)).await else {
        panic!("nobody trusts it");
    };
    assert!(matches!(why, Failure::Untrusted { .. }), "{why}");
    assert!(why.may_pass(), "nobody is signed out by it");
}
