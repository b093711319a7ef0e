//! OpenID Connect as a program and a browser speak it: discovery, keys, the pages, tokens.
//!
//! Owns what a request must say, and the forms of answers (OpenID Connect Core, RFC 6749, 7009, 7636 and 8628).

use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CLIENT, INTERVAL, INVITATIONS, Person, Provider, REDIRECT, Refusal, Tokens, pages};

/// What a program asks the browser to ask for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asked {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: String,
    pub scope: String,
    pub code_challenge: String,
    pub code_challenge_method: String,
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub nonce: Option<String>,
    #[serde(default)]
    pub prompt: Option<String>,
}

impl Asked {
    /// Why it is not answered: nobody is sent anywhere by a request that is not the application's.
    fn wrong(&self) -> Option<&'static str> {
        if self.client_id != CLIENT {
            Some("no such application")
        } else if !is_ours(&self.redirect_uri) {
            Some("the application is nowhere else than on 127.0.0.1")
        } else if self.response_type != "code" || self.code_challenge_method != "S256" {
            Some("only codes with PKCE (S256) are given")
        } else if self.scope.split(' ').all(|scope| scope != "openid") {
            Some("the scope has no openid")
        } else {
            None
        }
    }
}

/// Whether a redirect is to the application: on 127.0.0.1, at any port.
fn is_ours(redirect: &str) -> bool {
    let port = redirect
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix(REDIRECT));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Somebody chose who to be.
#[derive(Deserialize)]
struct Chosen {
    person: String,
    #[serde(flatten)]
    asked: Asked,
}

/// A code was typed.
#[derive(Default, Deserialize)]
struct Typed {
    #[serde(default)]
    user_code: String,
    #[serde(default)]
    person: String,
}

#[derive(Deserialize)]
struct TokenAsked {
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    device_code: String,
}

#[derive(Deserialize)]
struct InvitationAsked {
    client_id: String,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Revoked {
    token: String,
}

/// The provider's pages and endpoints.
pub fn router(provider: &Provider) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/keys", get(keys))
        .route("/authorize", get(choose).post(chosen))
        .route("/token", post(token))
        .route("/revoke", post(revoke))
        .route("/device/code", post(invite))
        .route("/device", get(ask_for_code).post(typed))
        .with_state(provider.clone())
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let issuer = provider.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "device_authorization_endpoint": format!("{issuer}/device/code"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "scopes_supported": ["openid", "offline_access", "email", "profile", "groups"],
        "claims_supported": ["sub", "email", "name", "groups"],
        "grant_types_supported": [
            "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(provider): State<Provider>) -> Response {
    Json(provider.keys()).into_response()
}

async fn choose(State(provider): State<Provider>, Query(asked): Query<Asked>) -> Response {
    match asked.wrong() {
        Some(why) => (StatusCode::BAD_REQUEST, Html(pages::refused(why))).into_response(),
        // Nobody is ever signed in in the browser.
        None if asked.prompt.as_deref() == Some("none") => {
            provider.back(&asked, "error=login_required")
        }
        None => Html(pages::who(&provider.0.company, provider.people(), &asked)).into_response(),
    }
}

async fn chosen(State(provider): State<Provider>, Form(chosen): Form<Chosen>) -> Response {
    let Chosen { person, asked } = chosen;
    let person = provider.person(&person);
    let why = asked
        .wrong()
        .or(person.is_none().then_some("nobody is called so"));
    let (Some(person), None) = (person, why) else {
        let page = pages::refused(why.unwrap_or_default());
        return (StatusCode::BAD_REQUEST, Html(page)).into_response();
    };
    let code = provider.code(person, &asked);
    provider.back(&asked, &format!("code={code}"))
}

async fn token(State(provider): State<Provider>, Form(asked): Form<TokenAsked>) -> Response {
    let given = if asked.client_id == CLIENT {
        match asked.grant_type.as_str() {
            "authorization_code" => {
                provider.for_code(&asked.code, &asked.redirect_uri, &asked.code_verifier)
            }
            "refresh_token" => provider.for_refresh(&asked.refresh_token),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                provider.for_invitation(&asked.device_code)
            }
            _ => Err(Refusal(
                "unsupported_grant_type",
                "unsupported grant_type requested",
            )),
        }
    } else {
        Err(Refusal("invalid_client", "client is unknown"))
    };
    answered(given)
}

fn answered(given: Result<Tokens, Refusal>) -> Response {
    let not_kept = [(CACHE_CONTROL, "no-store")];
    match given {
        Ok(tokens) => (not_kept, Json(tokens)).into_response(),
        Err(Refusal(error, description)) => {
            let said = json!({"error": error, "error_description": description});
            (StatusCode::BAD_REQUEST, not_kept, Json(said)).into_response()
        }
    }
}

async fn revoke(State(provider): State<Provider>, Form(revoked): Form<Revoked>) -> StatusCode {
    provider.revoke(&revoked.token);
    StatusCode::OK
}

async fn invite(State(provider): State<Provider>, Form(asked): Form<InvitationAsked>) -> Response {
    if asked.client_id != CLIENT {
        return answered(Err(Refusal("invalid_client", "client is unknown")));
    }
    let (shown, asked_with) = provider.invite(&asked.scope);
    let page = format!("{}/device", provider.issuer());
    Json(json!({
        "device_code": asked_with,
        "user_code": shown,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={shown}"),
        "expires_in": INVITATIONS.as_secs(),
        "interval": INTERVAL,
    }))
    .into_response()
}

async fn ask_for_code(
    State(provider): State<Provider>,
    Query(typed): Query<Typed>,
) -> Html<String> {
    Html(pages::code(
        &provider.0.company,
        "/device",
        provider.people(),
        &typed.user_code,
    ))
}

async fn typed(State(provider): State<Provider>, Form(typed): Form<Typed>) -> Response {
    let person = provider.person(&typed.person);
    let is_in = person.is_some_and(|person| provider.typed(&typed.user_code, person));
    if is_in {
        Html(pages::done()).into_response()
    } else {
        let page = pages::refused("no program waits with this code");
        (StatusCode::BAD_REQUEST, Html(page)).into_response()
    }
}

impl Provider {
    /// Somebody by the number that a page's button has.
    fn person(&self, number: &str) -> Option<&Person> {
        self.people().get(number.parse::<usize>().ok()?)
    }

    /// Sends the browser back.
    fn back(&self, asked: &Asked, with: &str) -> Response {
        let mut back = format!("{}?{with}", asked.redirect_uri);
        if let Some(state) = &asked.state {
            back.push_str(&format!("&state={}", pages::in_a_query(state)));
        }
        back.push_str(&format!("&iss={}", pages::in_a_query(&self.issuer())));
        Redirect::to(&back).into_response()
    }

    /// What it is called: its address, without a slash at the end.
    pub fn issuer(&self) -> String {
        let issuer = self.0.issuer.get();
        issuer.map_or_else(String::new, |issuer| issuer.as_str().to_owned())
    }
}
