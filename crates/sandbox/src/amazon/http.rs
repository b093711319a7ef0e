//! AWS' two protocols on one address: JSON 1.1 for ECS, the Query protocol with XML for STS and Elastic Load Balancing.
//!
//! Owns how a refusal is written; who may ask is `sts`' to say. An endpoint that answers for several services is what stand-ins for AWS have too.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answers::{self, Refusal};
use super::{Account, sts};

/// What ECS' actions are called by, before their name.
const ECS: &str = "AmazonEC2ContainerServiceV20141113.";
const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";
/// The namespace of STS' answers.
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Everything is asked for at the root.
pub fn router(account: &Account) -> Router {
    Router::new()
        .route("/", post(handle))
        .with_state(account.clone())
}

async fn handle(State(account): State<Account>, headers: HeaderMap, body: Bytes) -> Response {
    let action = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    match action {
        Some(target) => json_1_1(&account, &headers, target, &body),
        None => query(&account, &headers, &String::from_utf8_lossy(&body)),
    }
}

fn json_1_1(account: &Account, headers: &HeaderMap, target: &str, body: &[u8]) -> Response {
    if let Err(refusal) = sts::caller(account, headers) {
        return refused(&refusal);
    }
    let asked: Value = match body {
        [] => json!({}),
        body => match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return refused(&Refusal("SerializationException", error.to_string())),
        },
    };
    let action = target.strip_prefix(ECS);
    let answer = action.and_then(|action| account.answer(action, &asked));
    match answer {
        Some(Ok(answer)) => said(StatusCode::OK, JSON, answer.to_string()),
        Some(Err(refusal)) => refused(&refusal),
        None => refused(&Refusal("UnknownOperationException", String::new())),
    }
}

fn refused(Refusal(code, message): &Refusal) -> Response {
    let answer = json!({"__type": code, "message": message});
    said(StatusCode::BAD_REQUEST, JSON, answer.to_string())
}

fn query(account: &Account, headers: &HeaderMap, body: &str) -> Response {
    let action = field(body, "Action");
    if action == "AssumeRoleWithWebIdentity" {
        // It is not signed: the ID token says who asks.
        return answered(&action, STS, sts::assume(account, |name| field(body, name)));
    }
    let caller = match sts::caller(account, headers) {
        Ok(caller) => caller,
        // The Query protocol has other names for the same.
        Err(Refusal(code, message)) => {
            let code = match code {
                "ExpiredTokenException" => "ExpiredToken",
                _ => "InvalidClientTokenId",
            };
            return refused_in_xml(StatusCode::FORBIDDEN, &Refusal(code, message));
        }
    };
    let (namespace, result) = match action.as_str() {
        "GetCallerIdentity" => (STS, Ok(sts::identity(&caller))),
        "DescribeTargetHealth" => (
            "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            answers::target_health(
                &field(body, "TargetGroupArn"),
                &account.caught_up(),
                account.clock.now(),
            ),
        ),
        _ => {
            let message = "The action is not valid for this web service".to_owned();
            let refusal = Refusal("InvalidAction", message);
            return refused_in_xml(StatusCode::BAD_REQUEST, &refusal);
        }
    };
    answered(&action, namespace, result)
}

fn answered(action: &str, namespace: &str, result: Result<String, Refusal>) -> Response {
    match result {
        Ok(result) => said(
            StatusCode::OK,
            XML,
            format!(
                "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err(refusal) => {
            let status = match refusal.0 {
                "AccessDenied" => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            refused_in_xml(status, &refusal)
        }
    }
}

fn refused_in_xml(status: StatusCode, Refusal(code, message): &Refusal) -> Response {
    let answer = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>sandbox</RequestId></ErrorResponse>"
    );
    said(status, XML, answer)
}

fn said(status: StatusCode, form: &'static str, text: String) -> Response {
    (status, [(CONTENT_TYPE, form)], text).into_response()
}

/// A field of a form.
fn field(body: &str, name: &str) -> String {
    let mut fields = body.split('&').filter_map(|field| field.split_once('='));
    let value = fields.find(|(field, _)| *field == name);
    let value = value.map(|(_, value)| value.replace('+', " "));
    let value = value.unwrap_or_default();
    percent_decode_str(&value).decode_utf8_lossy().into_owned()
}
