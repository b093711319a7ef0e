//! Our tokens are botocore's, byte by byte: it signs as `aws eks get-token` does, with the same keys at the same instant.

use std::io::Write;
use std::process::{Command, Stdio};

use cloud::Credentials;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{given, part, told, url_in};
use crate::sts::Hands;

/// What `awscli/customizations/eks/get_token.py` does, at a given time.
const PROGRAM: &str = r#"
import datetime, json, sys
import botocore.auth, botocore.credentials, botocore.model, botocore.session, botocore.signers

for case in json.load(sys.stdin):
    now = datetime.datetime.fromtimestamp(case["at"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda now=now: now
    session = botocore.session.Session()
    client = session.create_client("sts", region_name=case["region"], aws_access_key_id="x", aws_secret_access_key="x")
    service = client.meta.service_model.service_id
    keys = botocore.credentials.Credentials(case["key"], case["secret"], case["session"])
    signer = botocore.signers.RequestSigner(service, case["region"], "sts", "v4", keys, session.get_component("event_emitter"))
    request = {
        "method": "GET",
        "url": client.meta.endpoint_url + "/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": case["cluster"]},
        "context": {},
    }
    print(signer.generate_presigned_url(request, region_name=case["region"], expires_in=60, operation_name=""))
"#;

fn of_botocore(cases: &[Value]) -> Vec<String> {
    python(PROGRAM, cases)
}

/// The lines that a Python that has botocore says to this.
pub fn python(program: &str, cases: &[Value]) -> Vec<String> {
    let python = std::env::var_os("LANDFALL_MOTO").expect("a Python that has moto");
    let mut running = Command::new(python)
        .args(["-c", program])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_STS_REGIONAL_ENDPOINTS", "regional")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(cases).unwrap();
    // It is dropped, and so closed, as soon as all is written.
    running.stdin.take().unwrap().write_all(&input).unwrap();
    let ran = running.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    let said = String::from_utf8(ran.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_token_is_what_botocore_makes_byte_by_byte() {
    let sessions = [
        None,
        Some("IQoJb3JpZ2luX2VjEHMaCWV1LXdlc3Qtd+ilk/3eM4E==~-._ %25&a=b".to_owned()),
        Some("x/".repeat(400)),
    ];
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    for (number, region) in ["eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1"]
        .into_iter()
        .enumerate()
    {
        for cluster in ["shop", "Shop_prod-2"] {
            for session in &sessions {
                let hands = Hands::new();
                hands.pass(i64::try_from(number).unwrap() * 40_000_001);
                let options = told(&hands, SignedDuration::ZERO).await;
                let (key, secret) = (
                    "ASIAIOSFODNN7EXAMPLE",
                    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                );
                let credentials = Credentials::new(key, secret, session.clone(), None, "tests");
                let tokens = given(region, credentials).tokens(cluster, &options).await;
                ours.push(url_in(&tokens.token().await.unwrap()));
                cases.push(json!({
                    "region": region, "cluster": cluster, "key": key, "secret": secret, "session": session,
                    "at": hands.now().as_second(),
                }));
            }
        }
    }
    let theirs = of_botocore(&cases);
    assert_eq!(ours.len(), 24);
    assert_eq!(theirs.len(), ours.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}

#[tokio::test]
async fn a_token_says_what_a_cluster_looks_for() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let credentials =
        Credentials::new("AKIA1", "secret", Some("session".to_owned()), None, "tests");
    let tokens = given("cn-north-1", credentials)
        .tokens("shop", &options)
        .await;
    let token = tokens.token().await.unwrap();
    let url = url::Url::parse(&url_in(&token)).unwrap();
    assert_eq!(url.scheme(), "https");
    assert_eq!(url.host_str(), Some("sts.cn-north-1.amazonaws.com.cn"));
    assert_eq!(url.path(), "/");
    let mut names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    let order = names.join(" ");
    assert_eq!(
        order,
        "Action Version X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders \
         X-Amz-Security-Token X-Amz-Signature"
    );
    names.dedup();
    assert_eq!(names.len(), 9);
    assert_eq!(part(&token, "Action"), "GetCallerIdentity");
    assert_eq!(part(&token, "Version"), "2011-06-15");
    assert_eq!(part(&token, "X-Amz-Algorithm"), "AWS4-HMAC-SHA256");
    assert_eq!(part(&token, "X-Amz-Expires"), "60");
    assert_eq!(part(&token, "X-Amz-SignedHeaders"), "host;x-k8s-aws-id");
    assert_eq!(part(&token, "X-Amz-Date"), "20270115T080000Z");
    assert_eq!(
        part(&token, "X-Amz-Credential"),
        "AKIA1/20270115/cn-north-1/sts/aws4_request"
    );
    assert_eq!(part(&token, "X-Amz-Security-Token"), "session");
    assert_eq!(part(&token, "X-Amz-Signature").len(), 64);
}

#[tokio::test]
async fn a_token_of_one_cluster_does_not_open_another() {
    let hands = Hands::new();
    let options = told(&hands, SignedDuration::ZERO).await;
    let mut ours = Vec::new();
    for cluster in ["shop", "bank"] {
        let credentials = Credentials::new("AKIA1", "secret", None, None, "tests");
        let tokens = given("eu-west-1", credentials)
            .tokens(cluster, &options)
            .await;
        ours.push(tokens.token().await.unwrap());
    }
    let (shop, bank) = (&ours[0], &ours[1]);
    // The name is in no part of the URL: who replays it sets the header to its own, and the signature has to fit.
    assert!(!url_in(shop).contains("shop"));
    let theirs = of_botocore(&[json!({
        "region": "eu-west-1", "cluster": "bank", "key": "AKIA1", "secret": "secret", "session": null,
        "at": hands.now().as_second(),
    })]);
    assert_eq!(url_in(bank), theirs[0]);
    let without = |url: &str| url.split("&X-Amz-Signature").next().unwrap().to_owned();
    assert_eq!(without(&url_in(shop)), without(&theirs[0]));
    assert_ne!(part(shop, "X-Amz-Signature"), part(bank, "X-Amz-Signature"));
}
