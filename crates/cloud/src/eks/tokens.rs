//! The tokens of one cluster: as fresh as they are needed, one being made at a time, by AWS' clock.
//!
//! Owns their life. A token is another's as soon as its credentials are: signing out ends it here too, though a cluster would
//! take it to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sts::config::{Credentials, ProvideCredentials};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::Eks;
use super::presigned::{self, Unsigned};
use crate::failure::{Failure, Why};
use crate::fresh::{Fresh, Maker};
use crate::meter::Meter;
use crate::no_credentials::NoCredentials;
use crate::options::Options;
use crate::plan::Pace;
use crate::source::Source;

/// How long a token is used. A cluster takes it for 15 minutes; AWS' own clients say 14.
const LIFE: SignedDuration = SignedDuration::from_mins(14);
/// It is made anew when a fifth of its life is left, after eleven minutes. Waits are short: signing asks nobody, and a broker
/// has waits of its own.
const PACE: Pace = Pace {
    ahead: LIFE,
    longest: SignedDuration::from_secs(5),
    refused: SignedDuration::from_secs(5),
};

/// The tokens of one cluster. Copies share them.
#[derive(Clone)]
pub struct EksTokens {
    cluster: Arc<str>,
    source: Source,
    fresh: Fresh<SecretString>,
    /// Whose credentials the token was made of.
    era: Arc<AtomicU64>,
}

struct Signer {
    cluster: Arc<str>,
    region: String,
    shared: SdkConfig,
    options: Options,
}

impl EksTokens {
    pub(super) async fn new(eks: &Eks, cluster: &str, options: &Options) -> Self {
        let cluster: Arc<str> = cluster.into();
        let signer = Signer {
            cluster: Arc::clone(&cluster),
            region: eks.region.clone(),
            shared: eks.credentials.config(eks.place(), options).await,
            options: options.clone(),
        };
        Self {
            cluster,
            source: eks.credentials.clone(),
            fresh: Fresh::new(Arc::new(signer), options.clock.clone(), PACE),
            era: Arc::default(),
        }
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// By our clock, when the token ends that there is; `None` where there is none.
    pub fn until(&self) -> Option<Timestamp> {
        self.fresh.until()
    }

    /// A token that the cluster takes now. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// There are no credentials, or they cannot sign one.
    pub async fn token(&self) -> Result<SecretString, NoCredentials> {
        let Source::Role(broker) = &self.source else {
            return self.fresh.get().await;
        };
        let era = broker.era();
        if self.era.swap(era, Ordering::SeqCst) != era {
            self.fresh.forget();
        }
        let token = self.fresh.get().await?;
        // Whoever signed out while it was made does not get it.
        match broker.era() == era {
            true => Ok(token),
            false => Err(NoCredentials::interrupted(
                "the sign-in changed while a token was made",
            )),
        }
    }
}

impl std::fmt::Debug for EksTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EksTokens").field(&self.cluster).finish()
    }
}

#[async_trait]
impl Maker<SecretString> for Signer {
    async fn make(&self) -> Result<(SecretString, Timestamp), NoCredentials> {
        let credentials = self.credentials().await?;
        self.learn_the_time(&credentials).await;
        let sts = presigned::sts(&self.region).await;
        let sts = sts.map_err(|why| self.none(&why))?;
        let now = self.options.clock.now();
        let offset = self.options.skew.offset();
        let theirs = now.checked_add(offset).unwrap_or(now);
        let token = presigned::token(&self.cluster, &self.region, &sts, &credentials, theirs);
        let token = token.map_err(|why| self.none(&why))?;
        let end = now.checked_add(LIFE).unwrap_or(now);
        // It ends with its credentials.
        let theirs = credentials
            .expiry()
            .and_then(|expiry| Timestamp::try_from(expiry).ok())
            .and_then(|expiry| expiry.checked_sub(offset).ok());
        Ok((token, theirs.map_or(end, |theirs| end.min(theirs))))
    }
}

impl Signer {
    async fn credentials(&self) -> Result<Credentials, NoCredentials> {
        let none = |reason: String| NoCredentials {
            why: Why::SignedOut,
            reason: format!("credentials for the cluster {}: {reason}", self.cluster),
            hint: "The AWS CLI says more with the same profile: `aws sts get-caller-identity`."
                .to_owned(),
            may_pass: false,
        };
        let Some(provider) = self.shared.credentials_provider() else {
            return Err(none("there are none to take".to_owned()));
        };
        let asked = provider.provide_credentials();
        let within = self.options.answer_within;
        let came = tokio::time::timeout(within, asked).await;
        let Ok(came) = came else {
            return Err(NoCredentials::interrupted(&format!(
                "credentials for the cluster {}: none came within {} seconds",
                self.cluster,
                within.as_secs()
            )));
        };
        came.map_err(|error| match NoCredentials::within(&error) {
            Some(known) => known.clone(),
            None => none(Failure::silent_of(&error).message),
        })
    }

    /// Asks STS what time it is, where no answer of AWS' said so lately. Where it does not answer, ours has to do.
    async fn learn_the_time(&self, credentials: &Credentials) {
        if self.options.skew.is_known(self.options.clock.now()) {
            return;
        }
        let config = aws_sdk_sts::config::Builder::from(&self.shared)
            .credentials_provider(credentials.clone())
            .interceptor(Meter::new(&self.options))
            .build();
        let asked = aws_sdk_sts::Client::from_conf(config)
            .get_caller_identity()
            .send()
            .await;
        if let Err(error) = asked {
            let failure = Failure::of(&error);
            tracing::debug!(%failure, "STS does not say who we are");
        }
    }

    fn none(&self, why: &Unsigned) -> NoCredentials {
        NoCredentials {
            why: Why::Other,
            reason: why.to_string(),
            hint: String::new(),
            may_pass: false,
        }
    }
}
