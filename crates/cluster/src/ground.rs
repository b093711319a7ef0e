//! What a connection's client is made of: a kubeconfig's entry or an address, the proxy, and what was signed in with.
//!
//! Owns reading it, anew for each connection. What kube would run by itself is taken out of its hands here.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use secrecy::{ExposeSecret, SecretString};

use crate::certificate;
use crate::context::{Context, Origin};
use crate::failure::{Failure, Why};
use crate::kubeconfig::{goes_to, load, without_credentials};
use crate::plugin::{self, Plugin};
use crate::proxy::proxy;

/// What a client is made of.
pub(crate) struct Ground {
    config: Config,
    /// The proxy that the kubeconfig names.
    proxy: Option<String>,
    /// What must be run first.
    pub(crate) plugin: Option<Plugin>,
}

impl Ground {
    /// Blocking: reads files.
    pub(crate) fn read(context: &Context) -> Result<Self, Failure> {
        let files = match &context.origin {
            Origin::Files(files) => files,
            Origin::Address { authorities, .. } => {
                let mut config = Config::new(url(&context.server)?);
                config.root_cert.clone_from(authorities);
                return Ok(Self {
                    config,
                    proxy: None,
                    plugin: None,
                });
            }
        };
        let kubeconfig = load(&context.name, files).map_err(|error| unusable(error.to_string()))?;
        let cluster = kubeconfig.clusters.first().and_then(|c| c.cluster.as_ref());
        let proxy = cluster.and_then(|cluster| cluster.proxy_url.clone());
        let goes_to = goes_to(&kubeconfig);
        let mut config = futures::executor::block_on(Config::from_custom_kubeconfig(
            kubeconfig,
            &KubeConfigOptions::default(),
        ))
        .map_err(|error| {
            // Of what can go wrong here, only certificates are named, never quoted.
            unusable(api::headline::plain(&error.to_string(), 300))
        })?;
        config.cluster_url = url(&without_credentials(&config.cluster_url.to_string()))?;
        plugin::refuse_provider(&config.auth_info)?;
        let plugin = plugin::named(&config.auth_info)
            .map(|exec| Plugin::of(exec, &goes_to))
            .transpose()?;
        // kube runs whatever stands here.
        config.auth_info.exec = None;
        Ok(Self {
            config,
            proxy,
            plugin,
        })
    }

    /// Shows a certificate to the server.
    pub(crate) fn identify(&mut self, (certificate, key): &(SecretString, SecretString)) {
        let user = &mut self.config.auth_info;
        let base64 = |pem: &SecretString| BASE64_STANDARD.encode(pem.expose_secret());
        user.client_certificate = None;
        user.client_key = None;
        user.client_certificate_data = Some(base64(certificate));
        user.client_key_data = Some(base64(key).into());
    }

    /// Blocking: reads a file. When the certificate ends that is shown to the server; `None` where none is.
    pub(crate) fn certificate_ends(&self) -> Option<Timestamp> {
        let user = &self.config.auth_info;
        let pem = match (&user.client_certificate_data, &user.client_certificate) {
            (Some(data), _) => BASE64_STANDARD.decode(data).ok()?,
            (None, Some(path)) => std::fs::read(path).ok()?,
            (None, None) => return None,
        };
        certificate::ends(&pem)
    }

    /// Blocking: reads the system's trust store.
    pub(crate) fn client(self, connect_within: Duration) -> Result<(Client, String), Failure> {
        let mut config = self.config;
        let scheme = config
            .cluster_url
            .scheme_str()
            .unwrap_or("https")
            .to_owned();
        let name = config.cluster_url.host().unwrap_or_default().to_owned();
        let port = config
            .cluster_url
            .port_u16()
            .unwrap_or(if scheme == "https" { 443 } else { 80 });
        // kube looks NO_PROXY up for the proxy's own address and goes through the proxy even to loopback.
        config.proxy_url = proxy(self.proxy.as_deref(), &scheme, &name, port, |name| {
            std::env::var(name).ok()
        })
        .map(|proxy| proxy.parse())
        .transpose()
        .map_err(|_| unusable("the proxy's address is none"))?;
        config.connect_timeout = Some(connect_within);
        // Trying again is said, not hidden: a 503 that was retried in silence would read as slowness.
        config.default_retry = false;
        let host = format!("{name}:{port}");
        let client = Client::try_from(config).map_err(|error| Failure::client(&error, &host))?;
        Ok((client, host))
    }
}

/// Does something that blocks, away from the threads that others wait on.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::new(Why::Credentials, "reading the kubeconfig broke off"))?
}

fn url(server: &str) -> Result<http::Uri, Failure> {
    server
        .parse()
        .map_err(|_| unusable("the server's address is none"))
}

fn unusable(reason: impl Into<String>) -> Failure {
    Failure::new(Why::Kubeconfig, reason)
}
