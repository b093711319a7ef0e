//! AWS' two protocols on one address: JSON 1.1 for ECS, the Query protocol with XML for STS and Elastic Load Balancing.
//!
//! Owns who may ask (whoever has the account's access key; signatures are not checked, nothing here is worth it) and
//! how a refusal is written. An endpoint that answers for several services is what stand-ins for AWS have too.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answers::{self, Refusal};
use super::{ACCESS_KEY, Account};

/// What ECS' actions are called by, before their name.
const ECS: &str = "AmazonEC2ContainerServiceV20141113.";
const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

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
    if !is_known(headers) {
        let message = "The security token included in the request is invalid.";
        return refused(&Refusal("UnrecognizedClientException", message.to_owned()));
    }
    let asked: Value = match body {
        [] => json!({}),
        body => match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return refused(&Refusal("SerializationException", error.to_string())),
        },
    };
    let answer = target.strip_prefix(ECS).and_then(|action| {
        let now = account.clock.now();
        answers::ecs(action, &asked, &account.caught_up(), now)
    });
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
    if !is_known(headers) {
        let message = "The security token included in the request is invalid";
        let refusal = Refusal("InvalidClientTokenId", message.to_owned());
        return refused_in_xml(StatusCode::FORBIDDEN, &refusal);
    }
    let (namespace, result) = match action.as_str() {
        "GetCallerIdentity" => (
            "https://sts.amazonaws.com/doc/2011-06-15/",
            Ok(answers::caller()),
        ),
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
    match result {
        Ok(result) => said(
            StatusCode::OK,
            XML,
            format!(
                "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err(refusal) => refused_in_xml(StatusCode::BAD_REQUEST, &refusal),
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

/// Whether a request is signed with the account's access key.
fn is_known(headers: &HeaderMap) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|signed| signed.to_str().ok())
        .and_then(|signed| signed.split_once("Credential="))
        .and_then(|(_, credential)| credential.split('/').next())
        .is_some_and(|key| key == ACCESS_KEY)
}

/// A field of a form.
fn field(body: &str, name: &str) -> String {
    let mut fields = body.split('&').filter_map(|field| field.split_once('='));
    let value = fields.find(|(field, _)| *field == name);
    let value = value.map(|(_, value)| value.replace('+', " "));
    let value = value.unwrap_or_default();
    percent_decode_str(&value).decode_utf8_lossy().into_owned()
}
