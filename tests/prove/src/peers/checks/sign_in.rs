//! What is relied on of an OpenID provider, asked of oidc-provider as an app on a desktop would.

mod browser;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Checked, form, is, so, text};
use crate::peers::Peers;
use browser::Browser;

const CLIENT: &str = "landfall";
const SCOPES: &str = "openid offline_access profile email groups";
/// The port is not registered: an app takes the one that it gets.
const CALLBACK: &str = "http://127.0.0.1:49152/callback";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// 43 characters, as many as a verifier must have.
const VERIFIER: &str = "a-verifier-of-an-app-that-nobody-can-guess0";
const OTHER_VERIFIER: &str = "a-verifier-of-an-app-that-somebody-guessed0";

/// A document that discovery leads to.
async fn document(peers: &Peers, url: &str) -> Checked<Value> {
    Ok(peers.http.get(url).send().await?.json().await?)
}

async fn configuration(peers: &Peers) -> Checked<Value> {
    let url = format!("{}/.well-known/openid-configuration", peers.issuer);
    document(peers, &url).await
}

/// The URL of an endpoint, as discovery has it.
async fn endpoint(peers: &Peers, name: &str) -> Checked<String> {
    let configuration = configuration(peers).await?;
    Ok(text(name, &configuration[name])?.to_owned())
}

/// Posts a form to an endpoint: its status and answer.
async fn post(peers: &Peers, name: &str, fields: &[(&str, &str)]) -> Checked<(u16, Value)> {
    let url = endpoint(peers, name).await?;
    let answer = form(&peers.http, &url, fields).send().await?;
    let status = answer.status().as_u16();
    let said = answer.text().await?;
    let document = serde_json::from_str(&said).unwrap_or(Value::String(said));
    Ok((status, document))
}

/// Asks for tokens and gets them.
async fn tokens(peers: &Peers, fields: &[(&str, &str)]) -> Checked<Value> {
    let (status, answer) = post(peers, "token_endpoint", fields).await?;
    so("there are no tokens", status == 200, &answer)?;
    Ok(answer)
}

/// Asks for tokens and is refused as `wanted`.
async fn refused(peers: &Peers, fields: &[(&str, &str)], wanted: &str) -> Checked {
    let (status, answer) = post(peers, "token_endpoint", fields).await?;
    so("it was not refused", status == 400, &answer)?;
    is("the error", &answer["error"], wanted)
}

/// The address that a browser is sent to, changed by `change`; where the app is sent back to.
async fn authorize(peers: &Peers, extra: &[(&str, &str)]) -> Checked<Url> {
    let url = endpoint(peers, "authorization_endpoint").await?;
    let fields = [
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPES),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
    ];
    let url = browser::with(&url, &[&fields, extra].concat())?;
    let back = Browser::new(&peers.http).follow(url).await?.url;
    let is_back = back.as_str().starts_with(CALLBACK);
    so("the app is not called back", is_back, &back)?;
    is_in(&back, "state", "a-state")?;
    Ok(back)
}

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// A code for an account.
async fn code_for(peers: &Peers, account: &str) -> Checked<String> {
    let challenge = challenge();
    let proof = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("login_hint", account),
    ];
    let back = authorize(peers, &proof).await?;
    is_in(&back, "iss", &peers.issuer)?;
    let code = in_query(&back, "code");
    so("there is no code", !code.is_empty(), &back)?;
    Ok(code)
}

fn in_query(url: &Url, name: &str) -> String {
    let mut pairs = url.query_pairs();
    let value = pairs.find(|(known, _)| known == name);
    value
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn is_in(url: &Url, name: &str, wanted: &str) -> Checked {
    is(name, &in_query(url, name).into(), wanted)
}

fn exchange<'a>(code: &'a str, verifier: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("code", code),
        ("code_verifier", verifier),
    ]
}

fn refresh(token: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT),
        ("refresh_token", token),
    ]
}

/// A login in full.
async fn sign_in(peers: &Peers, account: &str) -> Checked<Value> {
    let code = code_for(peers, account).await?;
    tokens(peers, &exchange(&code, VERIFIER)).await
}

/// What an ID token says. Its signature is the product's to check; that its key is published is checked here.
async fn claims(peers: &Peers, tokens: &Value) -> Checked<Value> {
    let token = text("the ID token", &tokens["id_token"])?;
    let part = |at: usize| -> Value {
        let part = token.split('.').nth(at).unwrap_or_default();
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    };
    let keys = document(peers, &endpoint(peers, "jwks_uri").await?).await?;
    let keys = keys["keys"].as_array().into_iter().flatten();
    let is_published = keys.clone().any(|key| key["kid"] == part(0)["kid"]);
    so("its key is not published", is_published, &part(0))?;
    let is_secret = keys.clone().any(|key| key.get("d").is_some());
    so("a private key is published", !is_secret, &"the key")?;
    Ok(part(1))
}

pub(super) async fn discovery(peers: &Peers) -> Checked {
    let configuration = configuration(peers).await?;
    is(
        "the issuer",
        &configuration["issuer"],
        peers.issuer.as_str(),
    )?;
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        let url = text(name, &configuration[name])?;
        so(
            &format!("{name} is elsewhere"),
            url.starts_with(&peers.issuer),
            &url,
        )?;
    }
    is(
        "the methods of PKCE",
        &configuration["code_challenge_methods_supported"],
        json!(["S256"]),
    )
}

pub(super) async fn code(peers: &Peers) -> Checked {
    let tokens = sign_in(peers, "kim").await?;
    for name in ["access_token", "refresh_token"] {
        text(name, &tokens[name])?;
    }
    is("its type", &tokens["token_type"], "Bearer")?;
    let claims = claims(peers, &tokens).await?;
    is("iss", &claims["iss"], peers.issuer.as_str())?;
    is("aud", &claims["aud"], CLIENT)?;
    is("sub", &claims["sub"], "kim")?;
    is("nonce", &claims["nonce"], "a-nonce")?;
    is("email", &claims["email"], "kim@landfall.example")?;
    is(
        "groups",
        &claims["groups"],
        json!(["engineering", "on-call"]),
    )?;
    let is_soon = claims["exp"].as_i64() > claims["iat"].as_i64();
    so("it ends before it begins", is_soon, &claims)
}

pub(super) async fn code_without_proof(peers: &Peers) -> Checked {
    let back = authorize(peers, &[]).await?;
    is_in(&back, "error", "invalid_request")?;
    let plain = [
        ("code_challenge", VERIFIER),
        ("code_challenge_method", "plain"),
    ];
    let back = authorize(peers, &plain).await?;
    is_in(&back, "error", "invalid_request")
}

pub(super) async fn code_with_other_proof(peers: &Peers) -> Checked {
    let code = code_for(peers, "kim").await?;
    refused(peers, &exchange(&code, OTHER_VERIFIER), "invalid_grant").await
}

pub(super) async fn code_twice(peers: &Peers) -> Checked {
    let code = code_for(peers, "kim").await?;
    tokens(peers, &exchange(&code, VERIFIER)).await?;
    refused(peers, &exchange(&code, VERIFIER), "invalid_grant").await
}

pub(super) async fn nobody(peers: &Peers) -> Checked {
    let challenge = challenge();
    let proof = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("login_hint", "nobody"),
    ];
    let back = authorize(peers, &proof).await?;
    is_in(&back, "error", "access_denied")
}

pub(super) async fn groups(peers: &Peers) -> Checked {
    let tokens = sign_in(peers, "lee").await?;
    let wanted = json!(["support"]);
    is(
        "groups",
        &claims(peers, &tokens).await?["groups"],
        wanted.clone(),
    )?;
    let url = endpoint(peers, "userinfo_endpoint").await?;
    let token = text("the access token", &tokens["access_token"])?;
    let told = peers.http.get(url).bearer_auth(token).send().await?;
    let told: Value = told.json().await?;
    is("groups at userinfo", &told["groups"], wanted)
}

pub(super) async fn refresh_rotates(peers: &Peers) -> Checked {
    let first = sign_in(peers, "kim").await?;
    let old = text("the refresh token", &first["refresh_token"])?;
    let second = tokens(peers, &refresh(old)).await?;
    let new = text("the next refresh token", &second["refresh_token"])?;
    so("it is the same refresh token", old != new, &"not rotated")?;
    let is_new = first["access_token"] != second["access_token"];
    so("it is the same access token", is_new, &"not renewed")?;
    is("sub", &claims(peers, &second).await?["sub"], "kim")?;
    tokens(peers, &refresh(new)).await?;
    Ok(())
}

pub(super) async fn refresh_twice(peers: &Peers) -> Checked {
    let first = sign_in(peers, "kim").await?;
    let old = text("the refresh token", &first["refresh_token"])?;
    let second = tokens(peers, &refresh(old)).await?;
    refused(peers, &refresh(old), "invalid_grant").await?;
    // Somebody has stolen one of them, and nobody knows which.
    let new = text("the next refresh token", &second["refresh_token"])?;
    refused(peers, &refresh(new), "invalid_grant").await
}

/// A device's codes.
async fn begun(peers: &Peers) -> Checked<Value> {
    let fields = [("client_id", CLIENT), ("scope", SCOPES)];
    let (status, codes) = post(peers, "device_authorization_endpoint", &fields).await?;
    so("there is no device code", status == 200, &codes)?;
    so("it has no end", codes["expires_in"].is_number(), &codes)?;
    Ok(codes)
}

fn poll(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", DEVICE),
        ("client_id", CLIENT),
        ("device_code", code),
    ]
}

pub(super) async fn device(peers: &Peers) -> Checked {
    let codes = begun(peers).await?;
    let code = text("the device code", &codes["device_code"])?;
    refused(peers, &poll(code), "authorization_pending").await?;
    let mut browser = Browser::new(&peers.http);
    let confirmed = browser.confirm_device(&codes, ("confirm", "yes")).await?;
    so(
        "it is not confirmed",
        confirmed.status == 200,
        &confirmed.body,
    )?;
    let tokens = tokens(peers, &poll(code)).await?;
    text("the refresh token", &tokens["refresh_token"])?;
    is("sub", &claims(peers, &tokens).await?["sub"], "kim")?;
    refused(peers, &poll(code), "invalid_grant").await
}

pub(super) async fn device_refused(peers: &Peers) -> Checked {
    let codes = begun(peers).await?;
    let code = text("the device code", &codes["device_code"])?;
    let mut browser = Browser::new(&peers.http);
    browser.confirm_device(&codes, ("abort", "yes")).await?;
    refused(peers, &poll(code), "access_denied").await
}

pub(super) async fn revocation(peers: &Peers) -> Checked {
    let tokens = sign_in(peers, "kim").await?;
    let token = text("the refresh token", &tokens["refresh_token"])?;
    let fields = [("client_id", CLIENT), ("token", token)];
    let (status, said) = post(peers, "revocation_endpoint", &fields).await?;
    so("it is not revoked", status == 200, &said)?;
    refused(peers, &refresh(token), "invalid_grant").await
}
