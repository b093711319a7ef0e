//! IAM Identity Center: the way in by a code, the session it begins, and the roles in it. moto has none, so AWS is answers of
//! our own here, which the SDK reads.

use cloud::{CenterSession, IdentityCenter, Options, Source, Why};
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::options;
use super::secrets::{all_lines, assert_without};
use super::sts::{Answer, Asked, Hands, Sts};

const HOUR: i64 = 3600;

fn says(answer: &Value) -> Answer {
    Answer::Says(200, answer.to_string())
}

fn oauth(code: &'static str, error: &str, words: &str) -> Answer {
    let body = json!({"error": error, "error_description": words});
    Answer::Fails(400, code, body.to_string())
}

fn tokens(access: &str, refresh: &str) -> Answer {
    says(&json!({
        "accessToken": access, "tokenType": "Bearer", "expiresIn": HOUR, "refreshToken": refresh,
    }))
}

/// What is the same in every test.
fn desk(asked: &Asked) -> Answer {
    match asked.uri.path() {
        "/client/register" => says(&json!({
            "clientId": "client-1", "clientSecret": "client-secret", "clientIdIssuedAt": 0,
            "clientSecretExpiresAt": 2_000_000_000,
        })),
        "/device_authorization" => says(&json!({
            "deviceCode": "device-code", "userCode": "ABCD-EFGH", "expiresIn": 600, "interval": 1,
            "verificationUri": "https://shop.awsapps.com/start/#/device",
            "verificationUriComplete": "https://shop.awsapps.com/start/#/device?user_code=ABCD-EFGH",
        })),
        "/token" => tokens("access-1", "refresh-1"),
        "/federation/credentials" => says(&json!({"roleCredentials": {
            "accessKeyId": "ASIA1", "secretAccessKey": "the-secret-key", "sessionToken": "the-session-token",
            "expiration": 1_800_000_000_000_i64 + 900_000,
        }})),
        "/logout" => Answer::Says(200, String::new()),
        _ => Answer::Says(404, String::new()),
    }
}

async fn center(sts: &Sts) -> IdentityCenter {
    IdentityCenter {
        start_url: "https://shop.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(sts.serve().await),
    }
}

async fn signed_in(sts: &Sts, options: &Options) -> CenterSession {
    let invitation = center(sts).await.invite(options).await.unwrap();
    let session = invitation.accepted().await.unwrap();
    sts.asked();
    session
}

fn paths(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|one| one.uri.path()).collect()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

#[tokio::test]
async fn the_person_allows_it_with_a_code_and_takes_a_role() {
    let hands = Hands::new();
    let pending = std::sync::atomic::AtomicBool::new(true);
    let sts = Sts::new(&hands, SignedDuration::ZERO, move |asked| {
        let first = pending.load(std::sync::atomic::Ordering::SeqCst);
        match asked.uri.path() {
            "/token" if first => {
                pending.store(false, std::sync::atomic::Ordering::SeqCst);
                oauth("AuthorizationPendingException", "authorization_pending", "")
            }
            _ => desk(asked),
        }
    });
    let options = options(&hands);
    let invitation = center(&sts).await.invite(&options).await.unwrap();
    assert_eq!(invitation.code, "ABCD-EFGH");
    assert_eq!(invitation.page, "https://shop.awsapps.com/start/#/device");
    assert!(invitation.page_with_code.ends_with("?user_code=ABCD-EFGH"));
    assert_eq!(
        invitation.until,
        hands.now() + SignedDuration::from_secs(600)
    );
    let session = invitation.accepted().await.unwrap();
    let broker = session.role("111122223333", "Read");
    assert_eq!(broker.role(), "Read of 111122223333");
    let credentials = broker.credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIA1");

    let asked = sts.asked();
    assert_eq!(
        paths(&asked),
        [
            "/client/register",
            "/device_authorization",
            "/token",
            "/token",
            "/federation/credentials"
        ]
    );
    assert!(
        asked
            .iter()
            .all(|one| !one.headers.contains_key("authorization"))
    );
    assert_eq!(
        body(&asked[0]),
        json!({
            "clientName": "Landfall", "clientType": "public", "scopes": ["sso:account:access"],
            "grantTypes": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        })
    );
    assert_eq!(
        body(&asked[1]),
        json!({
            "clientId": "client-1", "clientSecret": "client-secret",
            "startUrl": "https://shop.awsapps.com/start",
        })
    );
    assert_eq!(
        body(&asked[3]),
        json!({
            "clientId": "client-1", "clientSecret": "client-secret", "deviceCode": "device-code",
            "grantType": "urn:ietf:params:oauth:grant-type:device_code",
        })
    );
    let bearer = asked[4].headers.get("x-amz-sso_bearer_token").unwrap();
    assert_eq!(bearer, "access-1");
    let query = asked[4].uri.query().unwrap();
    assert!(query.contains("account_id=111122223333") && query.contains("role_name=Read"));
}

#[tokio::test]
async fn whoever_refuses_is_not_asked_again() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.uri.path() {
            "/token" => oauth(
                "AccessDeniedException",
                "access_denied",
                "The person said no",
            ),
            _ => desk(asked),
        }
    });
    let invitation = center(&sts).await.invite(&options(&hands)).await.unwrap();
    let none = invitation.accepted().await.unwrap_err();
    assert_eq!(none.why, Why::SignedOut);
    assert_eq!(
        none.reason,
        "sign in with IAM Identity Center: The person said no"
    );
    assert_eq!(sts.asked().len(), 3);
}

#[tokio::test]
async fn a_code_that_nobody_used_in_time_is_over() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.uri.path() {
            "/token" => oauth("AuthorizationPendingException", "authorization_pending", ""),
            _ => desk(asked),
        }
    });
    let invitation = center(&sts).await.invite(&options(&hands)).await.unwrap();
    hands.pass(600);
    let none = invitation.accepted().await.unwrap_err();
    assert_eq!((none.why, none.may_pass), (Why::SignedOut, false));
}

#[tokio::test]
async fn a_page_that_is_not_https_is_not_shown() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.uri.path() {
            "/device_authorization" => says(&json!({
                "deviceCode": "d", "userCode": "c", "expiresIn": 600, "interval": 1,
                "verificationUri": "file:///etc/passwd",
            })),
            _ => desk(asked),
        }
    });
    let none = center(&sts)
        .await
        .invite(&options(&hands))
        .await
        .unwrap_err();
    assert!(none.reason.contains("without a code, or a page"), "{none}");
}

#[tokio::test]
async fn the_access_token_is_made_anew_once_for_all_and_the_refresh_token_is_the_last_that_came() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let session = signed_in(&sts, &options).await;
    for round in 2..4 {
        hands.pass(HOUR);
        sts.answer(move |asked| match asked.uri.path() {
            "/token" if round == 2 => tokens("access-2", "refresh-2"),
            "/token" => tokens("access-3", "refresh-3"),
            "/federation/credentials" => Answer::Fails(403, "ForbiddenException", "{}".to_owned()),
            _ => desk(asked),
        });
        let brokers = (0..20).map(|number| session.role(&number.to_string(), "Read"));
        let brokers: Vec<_> = brokers.collect();
        join_all(brokers.iter().map(|broker| broker.credentials())).await;
        let asked = sts.asked();
        let of_tokens: Vec<&Asked> = asked
            .iter()
            .filter(|one| one.uri.path() == "/token")
            .collect();
        assert_eq!(of_tokens.len(), 1);
        let sent = body(of_tokens[0]);
        assert_eq!(sent["grantType"], "refresh_token");
        assert_eq!(sent["refreshToken"], format!("refresh-{}", round - 1));
        let bearer = asked.last().unwrap().headers.get("x-amz-sso_bearer_token");
        assert_eq!(bearer.unwrap(), format!("access-{round}").as_str());
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_refused_is_never_sent_again() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let session = signed_in(&sts, &options).await;
    sts.answer(|asked| match asked.uri.path() {
        "/token" => oauth(
            "InvalidGrantException",
            "invalid_grant",
            "Invalid grant provided",
        ),
        _ => desk(asked),
    });
    for _ in 0..5 {
        hands.pass(HOUR);
        let none = session.role("1", "Read").credentials().await.unwrap_err();
        assert_eq!((none.why, none.may_pass), (Why::SignedOut, false));
    }
    assert_eq!(paths(&sts.asked()), ["/token"]);
}

#[tokio::test]
async fn a_role_that_is_not_assigned_is_said_in_aws_words_and_asked_for_once() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let session = signed_in(&sts, &options).await;
    sts.answer(|_| {
        let body = json!({"message": "No access"});
        Answer::Fails(403, "ForbiddenException", body.to_string())
    });
    let broker = session.role("111122223333", "Admin");
    for _ in 0..5 {
        let none = broker.credentials().await.unwrap_err();
        assert_eq!(none.why, Why::NotAssumed);
        assert_eq!(none.reason, "assume Admin of 111122223333: No access");
        assert!(none.hint.contains("assign"));
    }
    assert_eq!(sts.asked().len(), 1);
}

#[tokio::test]
async fn a_session_that_aws_ended_is_a_sign_in_that_is_missing() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let session = signed_in(&sts, &options).await;
    sts.answer(|_| {
        let body = json!({"message": "Session token not found or invalid"});
        Answer::Fails(401, "UnauthorizedException", body.to_string())
    });
    let none = session.role("1", "Read").credentials().await.unwrap_err();
    assert_eq!(none.why, Why::SignedOut);
    assert_eq!(
        none.reason,
        "assume Read of 1: Session token not found or invalid"
    );
}

#[tokio::test]
async fn signing_out_is_told_to_aws_and_ends_the_session_here() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let session = signed_in(&sts, &options).await;
    session.sign_out().await.unwrap();
    let asked = sts.asked();
    assert_eq!(paths(&asked), ["/logout"]);
    let bearer = asked[0].headers.get("x-amz-sso_bearer_token").unwrap();
    assert_eq!(bearer, "access-1");
    let none = session.role("1", "Read").credentials().await.unwrap_err();
    assert_eq!(none.why, Why::SignedOut);
    assert!(sts.asked().is_empty());
}

#[tokio::test]
async fn nothing_secret_of_a_session_is_logged_however_much_is() {
    let (lines, logged) = all_lines();
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, desk);
    let options = options(&hands);
    let invitation = center(&sts).await.invite(&options).await.unwrap();
    tracing::info!(?invitation, "what callers may log");
    let session = invitation.accepted().await.unwrap();
    let broker = session.role("1", "Read");
    let credentials = broker.credentials().await.unwrap();
    hands.pass(HOUR);
    sts.answer(|asked| match asked.uri.path() {
        "/token" => tokens("access-2", "refresh-2"),
        _ => Answer::Fails(
            403,
            "ForbiddenException",
            "{\"message\": \"access-2\"}".to_owned(),
        ),
    });
    let none = broker.credentials().await.unwrap_err();
    let source = Source::Role(broker);
    tracing::info!(
        ?session,
        ?credentials,
        ?none,
        ?source,
        "what callers may log"
    );
    hands.pass(HOUR);
    sts.answer(|_| {
        oauth(
            "InvalidGrantException",
            "invalid_grant",
            "refresh-2 is not valid",
        )
    });
    let ended = session.role("2", "Read").credentials().await.unwrap_err();
    assert!(ended.reason.contains("[the token] is not valid"), "{ended}");
    tracing::info!(?ended, "what callers may log");
    drop(logged);
    let secrets = [
        "device-code",
        "client-secret",
        "access-1",
        "refresh-1",
        "access-2",
        "refresh-2",
        "the-secret-key",
        "the-session-token",
    ];
    assert_without(&lines, &secrets);
}

/// Holds requests and answers to the service's own model: reads `[service, operation, request, answer or error code]`.
const MODEL: &str = r#"
import json, sys
import botocore.loaders, botocore.model, botocore.validate

loader = botocore.loaders.Loader()
def known(shape, value, where):
    if shape.type_name == "structure":
        for name, inner in value.items():
            assert name in shape.members, f"{where}: no {name}"
            known(shape.members[name], inner, f"{where}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            known(shape.member, inner, where)
    elif shape.type_name == "string":
        assert isinstance(value, str), where
    else:
        assert isinstance(value, int), where
for service, operation, request, answer in json.load(sys.stdin):
    model = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"))
    operation = model.operation_model(operation)
    report = botocore.validate.ParamValidator().validate(request, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    known(operation.input_shape, request, operation.name)
    if isinstance(answer, str):
        assert answer in [shape.name for shape in operation.error_shapes], answer
    elif answer is not None:
        known(operation.output_shape, answer, operation.name)
print("held")
"#;

#[tokio::test]
async fn the_stand_in_answers_as_the_model_of_the_service_says() {
    let hands = Hands::new();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hearing = heard.clone();
    let sts = Sts::new(&hands, SignedDuration::ZERO, move |asked| {
        let answer = desk(asked);
        let Answer::Says(200, text) = &answer else {
            return answer;
        };
        let operation = match asked.uri.path() {
            "/client/register" => ["sso-oidc", "RegisterClient"],
            "/device_authorization" => ["sso-oidc", "StartDeviceAuthorization"],
            "/token" => ["sso-oidc", "CreateToken"],
            "/logout" => ["sso", "Logout"],
            _ => ["sso", "GetRoleCredentials"],
        };
        let request = match operation[0] {
            "sso-oidc" => body(asked),
            _ => in_the_address(asked),
        };
        let text: Value = serde_json::from_str(text).unwrap_or_default();
        hearing
            .lock()
            .unwrap()
            .push(json!([operation[0], operation[1], request, text]));
        answer
    });
    let options = options(&hands);
    let session = center(&sts).await.invite(&options).await.unwrap();
    let session = session.accepted().await.unwrap();
    session
        .role("111122223333", "Read")
        .credentials()
        .await
        .unwrap();
    hands.pass(HOUR);
    session.role("1", "Read").credentials().await.unwrap_err();
    session.sign_out().await.unwrap();
    let mut heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 7);
    for code in [
        "AuthorizationPendingException",
        "SlowDownException",
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidGrantException",
    ] {
        let request = heard[2][2].clone();
        heard.push(json!(["sso-oidc", "CreateToken", request, code]));
    }
    let said = super::eks::python(MODEL, &heard);
    assert_eq!(said, ["held"]);
}

/// What is in a request's address and headers, by the model's names.
fn in_the_address(asked: &Asked) -> Value {
    let query = asked.uri.query().unwrap_or_default();
    let mut request: serde_json::Map<String, Value> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            let name = match &*name {
                "account_id" => "accountId",
                "role_name" => "roleName",
                other => other,
            };
            (name.to_owned(), Value::from(&*value))
        })
        .collect();
    let bearer = asked.headers.get("x-amz-sso_bearer_token").unwrap();
    request.insert("accessToken".to_owned(), bearer.to_str().unwrap().into());
    request.into()
}
