//! Which clusters there are: pages, refusals, and one that is being made.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloud::{Credentials, Eks, Source, Why};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::person::{Person, broker, options};
use crate::sts::{Answer, Asked, Hands, Sts};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn cluster(name: &str) -> Value {
    json!({"cluster": {
        "name": name, "arn": format!("arn:aws:eks:eu-west-1:1:cluster/{name}"), "version": "1.34", "status": "ACTIVE",
        "endpoint": format!("https://{name}.example"),
        "certificateAuthority": {"data": STANDARD.encode(PEM)},
        "identity": {"oidc": {"issuer": format!("https://oidc.example/{name}")}},
    }})
}

fn refused(code: &str, words: &str) -> Answer {
    Answer::Says(403, json!({"__type": code, "message": words}).to_string())
}

/// Two pages of three clusters; one may not be described, one is being made.
fn three(asked: &Asked) -> Answer {
    let page = |names: Value, next: Value| {
        Answer::Says(
            200,
            json!({"clusters": names, "nextToken": next}).to_string(),
        )
    };
    match (asked.uri.path(), asked.uri.query()) {
        ("/clusters", None) => page(json!(["shop", "bank"]), json!("more")),
        ("/clusters", Some("nextToken=more")) => page(json!(["new"]), Value::Null),
        ("/clusters/shop", _) => Answer::Says(200, cluster("shop").to_string()),
        ("/clusters/bank", _) => refused(
            "AccessDeniedException",
            "User: x is not authorized to perform: eks:DescribeCluster on resource: bank",
        ),
        ("/clusters/new", _) => Answer::Says(
            200,
            json!({"cluster": {"name": "new", "status": "CREATING"}}).to_string(),
        ),
        _ => Answer::Says(404, String::new()),
    }
}

async fn eks(sts: &Sts) -> Eks {
    Eks {
        region: "eu-west-1".to_owned(),
        endpoint: Some(sts.serve().await),
        credentials: Source::Given(Credentials::new("AKIA1", "secret", None, None, "tests")),
    }
}

#[tokio::test]
async fn a_cluster_that_may_not_be_described_is_listed_with_its_refusal() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::from_mins(3), three);
    let options = options(&hands);
    let listed = eks(&sts).await.discover(&options).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["bank", "new", "shop"]);
    let denied = listed[0].cluster.as_ref().unwrap_err();
    assert_eq!(denied.why, Why::Denied);
    assert_eq!(
        denied.message,
        "User: x is not authorized to perform: eks:DescribeCluster on resource: bank"
    );
    let new = listed[1].cluster.as_ref().unwrap();
    assert_eq!((new.status.as_str(), &new.endpoint), ("CREATING", &None));
    let shop = listed[2].cluster.as_ref().unwrap();
    assert_eq!(shop.endpoint.as_deref(), Some("https://shop.example"));
    assert_eq!(shop.authority.as_deref(), Some(PEM));
    assert_eq!(shop.issuer.as_deref(), Some("https://oidc.example/shop"));
    assert_eq!(shop.arn, "arn:aws:eks:eu-west-1:1:cluster/shop");
    assert_eq!(
        (shop.version.as_str(), shop.status.as_str()),
        ("1.34", "ACTIVE")
    );
    assert_eq!(options.skew.offset(), SignedDuration::from_mins(3));
    // The SDK tries a refusal again where the clocks differ much, as this test's does from the machine's.
    let asked = sts.asked();
    let asked: BTreeSet<String> = asked.iter().map(|one| one.uri.to_string()).collect();
    assert_eq!(asked.len(), 5, "two pages and three clusters");
}

#[tokio::test]
async fn whoever_may_not_list_is_told_so() {
    let hands = Hands::new();
    let words = "User: x is not authorized to perform: eks:ListClusters";
    let sts = Sts::new(&hands, SignedDuration::ZERO, move |_| {
        refused("AccessDeniedException", words)
    });
    let failure = eks(&sts)
        .await
        .discover(&options(&hands))
        .await
        .unwrap_err();
    assert_eq!(
        (failure.why, failure.message.as_str()),
        (Why::Denied, words)
    );
}

#[tokio::test]
async fn credentials_that_end_meanwhile_are_no_cluster_s_refusal() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, |asked| {
        match asked.uri.path() {
            "/clusters" => three(asked),
            _ => refused("ExpiredTokenException", "The security token is expired"),
        }
    });
    let failure = eks(&sts)
        .await
        .discover(&options(&hands))
        .await
        .unwrap_err();
    assert_eq!(failure.why, Why::SignedOut);
}

#[tokio::test]
async fn whoever_is_not_signed_in_discovers_nothing_and_is_told_why() {
    let hands = Hands::new();
    let sts = Sts::new(&hands, SignedDuration::ZERO, three);
    let person = Person::ada();
    person.has_none(false);
    let options = options(&hands);
    let mut eks = eks(&sts).await;
    let endpoint = eks.endpoint.clone().unwrap();
    eks.credentials = Source::Role(broker(
        "arn:aws:iam::1:role/x",
        &endpoint,
        &person,
        &options,
    ));
    let failure = eks.discover(&options).await.unwrap_err();
    assert_eq!(
        (failure.why, failure.message.as_str()),
        (Why::SignedOut, "nobody is signed in")
    );
    assert!(sts.asked().is_empty());
}
