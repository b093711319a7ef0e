//! AWS for a sign-in: moto, in front of it somebody who remembers which credentials it gave, and what an EKS cluster asks
//! about a token.
//!
//! Owns the check of a token, as aws-iam-authenticator does it: its form, its host, that it is signed, and signed for this
//! cluster. moto checks no signature, so that this is done here, by the credentials that moto gave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sandbox::clock::Clock;
use sandbox::serve::{ANY_PORT, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Checked;
use super::issuer::Secret;
use crate::peers::moto;
use crate::ports::Ports;
use crate::process::Process;

/// The region of everything.
pub(super) const REGION: &str = "eu-west-1";
/// The cluster whose tokens are taken.
pub(super) const CLUSTER: &str = "shop";
const PREFIX: &str = "k8s-aws-v1.";
const SIGNED: &str = "host;x-k8s-aws-id";

/// AWS, as the product and a cluster meet it.
pub(super) struct Amazon {
    /// Where its APIs answer.
    pub url: String,
    /// What a cluster asks about a token.
    pub webhook: String,
    state: Arc<Shared>,
    _front: Server,
    _moto: Process,
}

/// What both sides know.
struct Shared {
    moto: String,
    http: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The secret key by the key's id.
    keys: BTreeMap<String, String>,
    secrets: Vec<Secret>,
    /// Who was let in, and why others were not.
    let_in: Vec<String>,
    refused: Vec<String>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Amazon {
    pub(super) async fn start(python: &Path, folder: &Path) -> Checked<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = moto::url(Ports::find(1)?.take());
        let mut process = moto::start(python, &url, folder)?;
        moto::until_ready(&mut process, &http, &url).await?;
        let state = Arc::new(Shared {
            moto: url,
            http,
            known: Mutex::default(),
        });
        let routes = Router::new()
            .route("/prove/token-review", post(review))
            .fallback(front)
            .with_state(Arc::clone(&state));
        let front = Server::start(&Clock::default(), routes, ANY_PORT).await?;
        Ok(Self {
            url: front.url(),
            webhook: format!("{}/prove/token-review", front.url()),
            state,
            _front: front,
            _moto: process,
        })
    }

    /// Every secret that it gave or was shown.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.state.known().secrets.clone()
    }

    /// The role sessions that a cluster let in.
    pub(super) fn let_in(&self) -> Vec<String> {
        self.state.known().let_in.clone()
    }

    /// Why tokens were refused.
    pub(super) fn refused(&self) -> Vec<String> {
        self.state.known().refused.clone()
    }
}

/// Hands a request on to moto, and remembers the credentials in its answer.
async fn front(
    State(shared): State<Arc<Shared>>,
    method: Method,
    at: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = at.path_and_query().map_or("/", |path| path.as_str());
    let mut request = shared
        .http
        .request(method, format!("{}{path}", shared.moto))
        .body(body);
    for (name, value) in &headers {
        if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (status, kind) = (
        answer.status(),
        answer.headers().get("content-type").cloned(),
    );
    let content = answer.bytes().await.unwrap_or_default();
    remember(&shared, &String::from_utf8_lossy(&content));
    let mut response = (status, content).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("content-type", kind);
    }
    response
}

fn remember(shared: &Shared, answer: &str) {
    let of = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    let mut known = shared.known();
    if let (Some(id), Some(key)) = (of("AccessKeyId"), of("SecretAccessKey")) {
        known.keys.insert(id, key);
    }
    for (name, is) in [
        ("SecretAccessKey", "AWS secret key"),
        ("SessionToken", "AWS session token"),
    ] {
        known.secrets.extend(of(name).map(|value| Secret {
            is: is.to_owned(),
            value,
        }));
    }
}

/// What a cluster asks: whose token this is.
async fn review(State(shared): State<Arc<Shared>>, Json(mut review): Json<Value>) -> Json<Value> {
    let token = review["spec"]["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let whose = whose(&shared, &token).await;
    let mut known = shared.known();
    if token.starts_with(PREFIX) {
        known.secrets.push(Secret {
            is: "EKS token".to_owned(),
            value: token,
        });
    }
    review["status"] = match whose {
        Ok(arn) => {
            known.let_in.push(arn.clone());
            json!({"authenticated": true, "user": {"username": arn, "groups": ["okta:dev"]}})
        }
        Err(why) => {
            known.refused.push(why.to_string());
            json!({"authenticated": false, "error": why.to_string()})
        }
    };
    Json(review)
}

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotLetIn(String);

impl NotLetIn {
    fn because(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

async fn whose(shared: &Shared, token: &str) -> Result<String, NotLetIn> {
    let encoded = token
        .strip_prefix(PREFIX)
        .ok_or_else(|| NotLetIn::because("it is no token of EKS'"))?;
    let url = URL_SAFE_NO_PAD.decode(encoded).map_err(NotLetIn::because)?;
    let url = String::from_utf8(url).map_err(NotLetIn::because)?;
    let url = url::Url::parse(&url).map_err(NotLetIn::because)?;
    let host = format!("sts.{REGION}.amazonaws.com");
    if url.scheme() != "https" || url.host_str() != Some(host.as_str()) || url.path() != "/" {
        return Err(NotLetIn::because("it leads elsewhere than to STS"));
    }
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let of = |name: &str| {
        let found = query.get(name).cloned();
        found.ok_or_else(|| NotLetIn::because(format!("it has no {name}")))
    };
    if of("X-Amz-SignedHeaders")? != SIGNED || of("Action")? != "GetCallerIdentity" {
        return Err(NotLetIn::because("its cluster is not signed"));
    }
    let credential = of("X-Amz-Credential")?;
    let id = credential.split('/').next().unwrap_or_default().to_owned();
    let key = shared.known().keys.get(&id).cloned();
    let key =
        key.ok_or_else(|| NotLetIn::because("it is signed with a key that was never given"))?;
    let wanted = signature(&url, &host, &of("X-Amz-Date")?, &key);
    if of("X-Amz-Signature")? != wanted {
        return Err(NotLetIn::because(format!(
            "its signature is not one for {CLUSTER}"
        )));
    }
    // moto reads no signature in a query, so the same is said in a header.
    let said = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
    let asked = format!("{}/?{}", shared.moto, url.query().unwrap_or_default());
    let answer = shared
        .http
        .get(asked)
        .header("authorization", said)
        .send()
        .await;
    let answer = answer.map_err(NotLetIn::because)?.text().await;
    let answer = answer.map_err(NotLetIn::because)?;
    let arn = answer
        .split_once("<Arn>")
        .and_then(|(_, rest)| rest.split_once("</"));
    arn.map(|(arn, _)| arn.to_owned())
        .ok_or_else(|| NotLetIn::because("STS does not know whose it is"))
}

/// The signature (AWS' version 4) that a request has to have that is signed for this cluster.
fn signature(url: &url::Url, host: &str, date: &str, key: &str) -> String {
    let query = url.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = query
        .filter(|pair| !pair.starts_with("X-Amz-Signature="))
        .collect();
    query.sort_unstable();
    let nothing = hexadecimal(&Sha256::digest(b""));
    let request = format!(
        "GET\n/\n{}\nhost:{host}\nx-k8s-aws-id:{CLUSTER}\n\n{SIGNED}\n{nothing}",
        query.join("&")
    );
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{REGION}/sts/aws4_request");
    let hashed = hexadecimal(&Sha256::digest(request));
    let signed = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let mut secret = format!("AWS4{key}").into_bytes();
    for part in [day, REGION, "sts", "aws4_request"] {
        secret = hmac(&secret, part.as_bytes());
    }
    hexadecimal(&hmac(&secret, signed.as_bytes()))
}

/// HMAC (RFC 2104) with SHA-256, whose blocks have 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    match key.len() <= block.len() {
        true => block[..key.len()].copy_from_slice(key),
        false => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::digest([&padded(0x36), text].concat());
    Sha256::digest([&padded(0x5c)[..], &inner[..]].concat()).to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
