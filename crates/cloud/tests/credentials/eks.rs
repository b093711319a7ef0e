//! EKS: discovery, and tokens of its clusters.

#[path = "eks/botocore.rs"]
mod botocore;
#[path = "eks/discovery.rs"]
mod discovery;
#[path = "eks/life.rs"]
mod life;
#[path = "eks/moto.rs"]
mod moto;

pub use botocore::python;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloud::{Credentials, Eks, Options, Source};
use secrecy::{ExposeSecret, SecretString};

use super::person;
use super::sts::{self, Hands};

/// The URL in a token.
pub fn url_in(token: &SecretString) -> String {
    let encoded = token.expose_secret().strip_prefix("k8s-aws-v1.").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// A part of the query of the URL in a token.
fn part(token: &SecretString, name: &str) -> String {
    let url = url::Url::parse(&url_in(token)).unwrap();
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap()
}

fn given(region: &str, credentials: Credentials) -> Eks {
    Eks {
        region: region.to_owned(),
        endpoint: None,
        credentials: Source::Given(credentials),
    }
}

/// Options by which AWS' clock was heard of a moment ago, so that nobody is asked.
async fn told(hands: &Hands, ahead: jiff::SignedDuration) -> Options {
    let options = person::options(hands);
    let sts = sts::Sts::new(hands, ahead, |_| sts::Answer::Gives("AKIA0", 3600));
    let broker = person::broker(
        person::READ,
        &sts.serve().await,
        &person::Person::ada(),
        &options,
    );
    broker.credentials().await.unwrap();
    options
}
