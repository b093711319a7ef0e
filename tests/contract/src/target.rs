//! The server that is checked: where it is, who we are there, and whom we trust.

/// An API server and an administrator's way in.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address, such as `https://127.0.0.1:6443`.
    pub url: String,
    /// The bearer token of somebody who may do everything, impersonate included.
    pub token: String,
    /// Whose certificate is believed.
    pub trust: Trust,
}

/// Whose certificate is believed.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Whom this machine believes.
    #[default]
    Machine,
    /// This authority, in PEM.
    Authority(Vec<u8>),
    /// Anybody: for a server on loopback only.
    Anybody,
}

/// Why a target cannot be spoken to at all.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The client cannot be made, most likely because of the certificate.
    #[error("no client for {url}")]
    Client {
        /// The target's address.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
}

impl Target {
    pub(crate) fn client(&self) -> Result<reqwest::Client, TargetError> {
        // A proxy of the machine's has no business between us and a server on loopback.
        let builder = reqwest::Client::builder().no_proxy();
        let built = match &self.trust {
            Trust::Machine => builder.build(),
            Trust::Authority(pem) => reqwest::Certificate::from_pem(pem)
                .and_then(|authority| builder.tls_certs_only([authority]).build()),
            Trust::Anybody => builder.tls_danger_accept_invalid_certs(true).build(),
        };
        built.map_err(|source| TargetError::Client {
            url: self.url.clone(),
            source,
        })
    }
}
