//! Amazon EKS of one account and region: which clusters there are, and the tokens that open them.
//!
//! Owns the requests that list and describe (here), the tokens' life (`tokens`) and their making (`presigned`). Speaks to no
//! cluster's own API.

mod presigned;
mod tokens;

use aws_sdk_eks::types::Cluster;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};

use crate::failure::Failure;
use crate::meter::Meter;
use crate::options::Options;
use crate::source::{Place, Source};
pub use tokens::EksTokens;

/// How many clusters are described at once: more are refused as too many in a few accounts.
const AT_ONCE: usize = 4;

/// EKS of one account and region.
#[derive(Clone, Debug, Default)]
pub struct Eks {
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where AWS answers, if not at its own address: tests, private endpoints. Tokens name AWS' own address all the same.
    pub endpoint: Option<String>,
    /// Where credentials come from.
    pub credentials: Source,
}

/// A cluster that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is, or why that is not known.
    pub cluster: Result<Found, Failure>,
}

/// What a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where its API answers; none while it is being made.
    pub endpoint: Option<String>,
    /// The certificate of who vouches for its API, as PEM; none while it is being made.
    pub authority: Option<String>,
    /// Its version of Kubernetes.
    pub version: String,
    /// How AWS says that it stands, such as `ACTIVE`.
    pub status: String,
    /// The issuer of its service accounts' tokens.
    pub issuer: Option<String>,
}

impl Eks {
    /// The clusters, by name. One that may not be described is listed with its refusal.
    ///
    /// # Errors
    /// They may not be listed, or nothing is answered.
    pub async fn discover(&self, options: &Options) -> Result<Vec<Listed>, Failure> {
        let client = self.client(options).await;
        let mut names = Vec::new();
        let mut pages = client.list_clusters().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Failure::of(&error))?;
            names.extend(page.clusters.unwrap_or_default());
        }
        names.sort();
        stream::iter(names)
            .map(|name| describe(&client, name))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// The tokens of a cluster. No request is sent before one is needed.
    pub async fn tokens(&self, cluster: &str, options: &Options) -> EksTokens {
        EksTokens::new(self, cluster, options).await
    }

    fn place(&self) -> Place<'_> {
        Place {
            region: &self.region,
            endpoint: self.endpoint.as_deref(),
        }
    }

    async fn client(&self, options: &Options) -> aws_sdk_eks::Client {
        let shared = self.credentials.config(self.place(), options).await;
        aws_sdk_eks::Client::from_conf(
            aws_sdk_eks::config::Builder::from(&shared)
                .interceptor(Meter::new(options))
                .build(),
        )
    }
}

async fn describe(client: &aws_sdk_eks::Client, name: String) -> Result<Listed, Failure> {
    let asked = client.describe_cluster().name(&name).send().await;
    let cluster = match asked.map_err(|error| Failure::of(&error)) {
        Ok(answer) => match answer.cluster {
            Some(cluster) => found(&name, cluster),
            None => Err(Failure::unsaid("the cluster")),
        },
        Err(failure) if failure.is_of_everything() => return Err(failure),
        Err(failure) => Err(failure),
    };
    Ok(Listed { name, cluster })
}

fn found(name: &str, cluster: Cluster) -> Result<Found, Failure> {
    let encoded = cluster.certificate_authority.and_then(|one| one.data);
    let encoded = encoded.filter(|data| !data.is_empty());
    let authority = encoded.map(|data| pem(&data)).transpose()?;
    let oidc = cluster.identity.and_then(|identity| identity.oidc);
    Ok(Found {
        name: name.to_owned(),
        arn: cluster.arn.unwrap_or_default(),
        endpoint: cluster.endpoint.filter(|endpoint| !endpoint.is_empty()),
        authority,
        version: cluster.version.unwrap_or_default(),
        status: cluster
            .status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        issuer: oidc.and_then(|oidc| oidc.issuer),
    })
}

/// A certificate as PEM: EKS sends it encoded once more.
fn pem(data: &str) -> Result<String, Failure> {
    STANDARD
        .decode(data)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| text.contains("-----BEGIN CERTIFICATE-----"))
        .ok_or_else(|| Failure::unsaid("a certificate authority that can be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_read_only_if_it_is_a_certificate() {
        let text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(pem(&STANDARD.encode(text)), Ok(text.to_owned()));
        assert!(pem(&STANDARD.encode("certificate")).is_err());
        assert!(pem("-----BEGIN CERTIFICATE-----").is_err());
    }

    #[test]
    fn a_cluster_that_is_being_made_has_no_address_yet() {
        let cluster = Cluster::builder()
            .name("shop")
            .status(aws_sdk_eks::types::ClusterStatus::Creating)
            .build();
        let found = found("shop", cluster).unwrap();
        assert_eq!((found.endpoint, found.authority), (None, None));
        assert_eq!(found.status, "CREATING");
    }
}
