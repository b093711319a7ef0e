//! The same client at a certified provider: its device flow, its refresh tokens that are good for one use, its refusals. What
//! is GitHub's own (errors with status 200, `slow_down` with a wait) it does not have.

use std::sync::Arc;

use identity::{CodeHost, CodeHostSpec, Failure, Invitation, Keeper, Memory};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::shown;
use super::support::{Certified, MIA};

fn code_host(certified: &Certified, kept: &Arc<Memory>) -> CodeHost {
    let at = |path: &str| certified.issuer.join(path).unwrap();
    let spec = CodeHostSpec {
        host: "id.example".to_owned(),
        device: at("/device/auth"),
        token: at("/token"),
        user: at("/me"),
        client_id: Some("landfall".to_owned()),
        scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
        authorities: vec![certified.authority.clone()],
    };
    CodeHost::new(spec, kept.clone(), None, Arc::new(Timestamp::now)).unwrap()
}

/// Types the code on the provider's pages and says `answer`, `confirm` or `abort`; then signs in, if that is asked for.
fn types(certified: &Certified, answer: &'static str) -> impl FnOnce(&Invitation) + use<> {
    let browser = certified.browser();
    let address = certified.issuer.join("/device").unwrap();
    move |invitation| {
        let whole = invitation.whole.clone().unwrap();
        tokio::spawn(async move {
            let (_, page) = browser.visit(&whole, None).await;
            let value = |name: &str| {
                let from = page.split(&format!(r#"name="{name}" value=""#)).nth(1);
                from.unwrap().split('"').next().unwrap().to_owned()
            };
            let (xsrf, code) = (value("xsrf"), value("user_code"));
            let typed = vec![("xsrf", xsrf.as_str()), ("user_code", code.as_str())];
            browser.visit(&address, Some(typed.clone())).await;
            let answered = [typed, vec![(answer, "yes")]].concat();
            let (next, _) = browser.visit(&address, Some(answered)).await;
            if let Some(next) = next {
                browser.sign_in(&next, MIA).await;
            }
        });
    }
}

#[tokio::test]
async fn a_code_signs_in_and_each_refresh_token_is_used_once() {
    // Tokens that live shorter than is left for a renewal: each start makes them anew.
    let mut certified = Certified::start(30).await;
    let kept = Arc::new(Memory::default());
    let first = code_host(&certified, &kept);
    let account = first.sign_in(types(&certified, "confirm")).await.unwrap();
    assert_eq!(account.login, MIA);
    let mut tokens = vec![shown(&first).await.unwrap()];
    drop(first);
    for _ in 0..3 {
        let line = kept.load().unwrap().unwrap();
        let again = code_host(&certified, &kept);
        tokens.push(shown(&again).await.unwrap());
        let next = kept.load().unwrap().unwrap();
        assert_ne!(line.expose_secret(), next.expose_secret());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "each is another");

    certified.becomes("revoke").await;
    let over = code_host(&certified, &kept);
    let why = over.token().await.unwrap_err();
    assert!(matches!(why, Failure::Refused { .. }), "{why}");
    assert!(why.to_string().contains("invalid_grant"), "{why}");
    assert!(kept.load().unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_refused_by_whom_it_is_for() {
    let mut certified = Certified::start(3600).await;
    let kept = Arc::new(Memory::default());
    let code_host = code_host(&certified, &kept);
    code_host
        .sign_in(types(&certified, "confirm"))
        .await
        .unwrap();
    let token = code_host.token().await.unwrap().unwrap();
    code_host.refused(&token);
    assert!(shown(&code_host).await.is_some(), "it is still good");
    certified.becomes("revoke").await;
    code_host.refused(&token);
    let why = code_host.token().await.unwrap_err();
    assert!(matches!(why, Failure::Refused { .. }), "{why}");
}

#[tokio::test]
async fn a_person_who_says_no_there_is_not_signed_in() {
    let certified = Certified::start(60).await;
    let code_host = code_host(&certified, &Arc::default());
    let why = code_host.sign_in(types(&certified, "abort")).await;
    assert_eq!(
        why.unwrap_err(),
        Failure::NotDone("the code was refused".to_owned())
    );
}
