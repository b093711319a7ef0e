//! moto's EKS and STS: clusters are made, found, and opened with a token of the role that the person took.

use std::io::{Read, Write};

use aws_sdk_eks::types::VpcConfigRequest;
use cloud::{Eks, Source};

use super::{part, url_in};
use crate::peer::Moto;
use crate::person::{Person, READ, broker, options};
use crate::sts::Hands;

/// moto's clusters have random letters for a certificate.
const CERTIFICATES: &str = r#"
import base64, moto.eks.models as eks
pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
made = eks.Cluster.__init__
def make(self, *args, **kwargs):
    made(self, *args, **kwargs)
    self.certificate_authority = {"data": base64.b64encode(pem.encode()).decode()}
eks.Cluster.__init__ = make
"#;

async fn client(url: &str) -> aws_sdk_eks::Client {
    let credentials = cloud::Credentials::new("test", "test", None, None, "tests");
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .load()
        .await;
    aws_sdk_eks::Client::new(&config)
}

/// What moto answers to a request as a cluster sends it. moto reads no signature in a query, so the same is said in a header.
fn replayed(moto: &str, url: &str, credential: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let address = moto.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /?{query} HTTP/1.1\r\nHost: sts.eu-west-1.amazonaws.com\r\nx-k8s-aws-id: shop\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\n\
         Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn the_clusters_of_an_account_are_found_and_its_token_says_who_asks() {
    let moto = Moto::start_after(CERTIFICATES);
    let client = client(&moto.url).await;
    for (name, version) in [("shop", "1.34"), ("bank", "1.33")] {
        client
            .create_cluster()
            .name(name)
            .version(version)
            .role_arn("arn:aws:iam::123456789012:role/eks")
            .resources_vpc_config(VpcConfigRequest::builder().build())
            .send()
            .await
            .unwrap();
    }
    let mut options = options(&Hands::new());
    options.clock = cloud::Clock::default();
    let own = cloud::Credentials::new("test", "test", None, None, "tests");
    let mut eks = Eks {
        region: "eu-west-1".to_owned(),
        endpoint: Some(moto.url.clone()),
        credentials: Source::Given(own),
    };
    let listed = eks.discover(&options).await.unwrap();
    let found: Vec<_> = listed
        .iter()
        .map(|one| one.cluster.as_ref().unwrap())
        .collect();
    let names: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.version.as_str()))
        .collect();
    assert_eq!(names, [("bank", "1.33"), ("shop", "1.34")]);
    assert_eq!(
        found[1].arn,
        "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
    );
    assert_eq!(found[1].status, "ACTIVE");
    assert!(
        found[1]
            .endpoint
            .as_deref()
            .unwrap()
            .starts_with("https://")
    );
    assert!(
        found[1]
            .issuer
            .as_deref()
            .unwrap()
            .starts_with("https://oidc.eks.eu-west-1.")
    );
    assert!(
        found[1]
            .authority
            .as_deref()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE")
    );

    eks.credentials = Source::Role(broker(READ, &moto.url, &Person::ada(), &options));
    let token = eks.tokens("shop", &options).await.token().await.unwrap();
    let answer = replayed(
        &moto.url,
        &url_in(&token),
        &part(&token, "X-Amz-Credential"),
    );
    assert!(
        answer.contains("arn:aws:sts::111122223333:assumed-role/landfall-read/ada@shop.example"),
        "{answer}"
    );
}
