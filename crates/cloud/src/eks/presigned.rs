//! The token of an EKS cluster: a request to STS that is signed here, and sent by the cluster to learn who asks.
//!
//! Owns its form, which is the one that `aws eks get-token` and aws-iam-authenticator make, and its checks: a cluster takes
//! it only if it is so, and not longer than 4,096 bytes.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use tracing::subscriber::{NoSubscriber, with_default};

/// What each token begins with.
const PREFIX: &str = "k8s-aws-v1.";
/// The header that binds a token to its cluster.
const CLUSTER: &str = "x-k8s-aws-id";
const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// What the request says of its life. STS honours a quarter of an hour whatever it says; the AWS CLI says this.
const EXPIRES: Duration = Duration::from_secs(60);
/// The longest that aws-iam-authenticator reads (`maxTokenLenBytes`).
const LONGEST: usize = 1024 * 4;
/// All but RFC 3986's unreserved characters, as AWS wants it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const SIGNATURE: &str = "X-Amz-Signature";

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsigned {
    /// The SDK knows no STS in the region.
    #[error("AWS has no STS in the region '{region}'")]
    NoSts {
        /// The region.
        region: String,
    },
    /// The signer does not take it.
    #[error("a token for the cluster '{cluster}' cannot be signed: {why}")]
    NotSignable {
        /// The cluster's name.
        cluster: String,
        /// Its words.
        why: String,
    },
    /// The cluster would not read it.
    #[error("the token would be {length} bytes long, and a cluster reads {LONGEST} at most")]
    TooLong {
        /// How long it would be.
        length: usize,
    },
}

/// Where STS answers in a region, in whichever of AWS' partitions it is.
pub(super) async fn sts(region: &str) -> Result<String, Unsigned> {
    let none = || Unsigned::NoSts {
        region: region.to_owned(),
    };
    let params = Params::builder().region(region).build();
    let params = params.map_err(|_| none())?;
    let resolver = DefaultResolver::new();
    let endpoint = ResolveEndpoint::resolve_endpoint(&resolver, &params).await;
    Ok(endpoint.map_err(|_| none())?.url().to_owned())
}

/// A token of a cluster, signed at an instant of AWS' clock. `sts` is where STS answers, without a path.
pub(super) fn token(
    cluster: &str,
    region: &str,
    sts: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<SecretString, Unsigned> {
    let url =
        presigned(cluster, region, sts, credentials, at).map_err(|why| Unsigned::NotSignable {
            cluster: cluster.to_owned(),
            why: why.to_string(),
        })?;
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url));
    match token.len() {
        length if length > LONGEST => Err(Unsigned::TooLong { length }),
        _ => Ok(token.into()),
    }
}

fn presigned(
    cluster: &str,
    region: &str,
    sts: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(at))
        .settings(settings)
        .build()?
        .into();
    let url = format!("{sts}/?{QUERY}");
    let headers = [(CLUSTER, cluster)].into_iter();
    let request = SignableRequest::new("GET", url.as_str(), headers, SignableBody::empty())?;
    // At its most talkative the signer logs what it signs, and a session's token is a part of that.
    let signed = with_default(NoSubscriber::default(), || sign(request, &params))?;
    let (_, mut added) = signed.into_parts().0.into_parts();
    // Last, as everybody's: whoever compares two tokens sees at once what differs.
    added.sort_by_key(|(name, _)| *name == SIGNATURE);
    let added = added
        .iter()
        .map(|(name, value)| format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
    Ok(added.fold(url, |url, one| url + &one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn sts_answers_where_its_partition_is() {
        for (region, url) in [
            ("eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
            ("us-east-1", "https://sts.us-east-1.amazonaws.com"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(sts(region).await.unwrap(), url);
        }
        assert!(sts("no region").await.is_err());
    }

    #[test]
    fn what_a_header_cannot_hold_is_no_name_of_a_cluster() {
        let credentials = Credentials::new("AKIA1", "secret", None, None, "tests");
        let url = "https://sts.eu-west-1.amazonaws.com";
        let made = token("shop\r\nhost: evil", "eu-west-1", url, &credentials, at());
        let said = made.err().map(|why| why.to_string()).unwrap_or_default();
        assert!(said.starts_with("a token for the cluster"), "{said}");
    }

    #[test]
    fn a_token_that_no_cluster_reads_is_not_given_out() {
        let long = Some("t".repeat(4000));
        let credentials = Credentials::new("ASIA1", "secret", long, None, "tests");
        let url = "https://sts.eu-west-1.amazonaws.com";
        let made = token("shop", "eu-west-1", url, &credentials, at());
        assert!(matches!(made, Err(Unsigned::TooLong { .. })));
    }
}
