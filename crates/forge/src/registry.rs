//! Image registries over the OCI distribution API: tags, digests, and what an image was built from.
//!
//! Owns the requests. What manifests and configs mean is [`image`]'s; what is known for ever stands on the [`shelf`].

mod image;
mod shelf;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use api::connection::SystemKind;
use facts::Read;
use facts::image::Image;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OciDescriptor, OciManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::header::{LINK, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use self::image::{ImageConfig, Labels, fact, platform};
use self::shelf::Shelf;
use crate::clock::Clock;
use crate::config::{Config, is_private, shown, split};
use crate::connections::Ledger;
use crate::error::{Http, Trouble, deepest, http, tidy};
use crate::github::link;
use crate::looks::PATIENCE;
use crate::web::{CONNECT, SILENCE, USER_AGENT, Web, is_own};

/// Pages of tags that are read, 1,000 tags each.
const MAX_PAGES: usize = 100;
/// The largest config that is read; real ones have a few KiB.
const MAX_CONFIG: i64 = 4 * 1024 * 1024;

/// All registries.
pub(crate) struct Registries {
    config: Arc<Config>,
    clock: Clock,
    ledger: Arc<Ledger>,
    shelf: Shelf,
    web: Web,
    secure: Client,
    plain: Client,
    /// For registries on this machine: past any proxy.
    own: Client,
}

/// One image repository at its registry.
struct Target<'a> {
    host: &'a str,
    path: &'a str,
    url: Url,
}

/// Why one request gave nothing.
enum Refusal {
    Missing,
    Trouble(Trouble),
}

impl Registries {
    pub(crate) fn new(config: Arc<Config>, clock: Clock, ledger: Arc<Ledger>, web: Web) -> Self {
        let config_for = |protocol| ClientConfig {
            protocol,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: USER_AGENT,
            ..ClientConfig::default()
        };
        // This client takes proxies from the environment unless it is given one, and it has no switch for none: so it
        // gets one, and every host is excepted from it.
        let no_proxy = ClientConfig {
            http_proxy: Some("http://127.0.0.1:9".to_owned()),
            no_proxy: Some("127.0.0.0/8, ::1, *".to_owned()),
            ..config_for(ClientProtocol::Http)
        };
        Self {
            shelf: Shelf::open(&config.cache),
            secure: Client::new(config_for(ClientProtocol::Https)),
            plain: Client::new(config_for(ClientProtocol::Http)),
            own: Client::new(no_proxy),
            config,
            clock,
            ledger,
            web,
        }
    }

    /// The source of each image, by what is known for ever.
    pub(crate) fn sources(&self) -> BTreeMap<String, String> {
        self.shelf.sources()
    }

    /// Whether a registry answers as one.
    ///
    /// # Errors
    /// It does not, or reads nothing to whoever is not signed in.
    pub(crate) async fn look(&self, host: &str) -> Result<(), Trouble> {
        let no_registry = |what: &str| Trouble::Other(format!("{host} is no registry: {what}"));
        let url = self.config.registry_url(host);
        let mut url = url.ok_or_else(|| no_registry("it has no usable address"))?;
        url.set_path("/v2/");
        let target = Target {
            host,
            path: "anything",
            url,
        };
        let trouble = |refusal| match refusal {
            Refusal::Trouble(trouble) => trouble,
            Refusal::Missing => no_registry("what answers there does not know /v2/"),
        };
        let request = self.web.client(&target.url).get(target.url.clone());
        let answer = request.timeout(PATIENCE).send().await;
        let answer = answer.map_err(|error| trouble(target.no_answer(&error)))?;
        let status = answer.status().as_u16();
        let mut challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let gives_tokens = challenges.any(|one| {
            let scheme = one.as_bytes().get(..6);
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
        });
        match status {
            200..300 => Ok(()),
            // Everybody asks for a token there, and each repository says for itself to whom it gives one.
            401 if gives_tokens => Ok(()),
            _ => {
                let body = answer.bytes().await;
                let body = body.map_err(|error| trouble(target.no_answer(&error)))?;
                Err(trouble(target.status(status, &errors(&body))))
            }
        }
    }

    /// All tags of a repository.
    pub(crate) async fn tags(&self, repository: &str) -> Read<Vec<String>> {
        let target = match self.target(repository) {
            Ok(target) => target,
            Err(trouble) => return Read::Gap(trouble.coverage()),
        };
        let result = self.list_tags(&target).await;
        self.note(&target, result)
    }

    /// What a tag points to.
    pub(crate) async fn digest(&self, repository: &str, tag: &str) -> Read<String> {
        let target = match self.target(repository) {
            Ok(target) => target,
            Err(trouble) => return Read::Gap(trouble.coverage()),
        };
        if !is_tag(tag) {
            return Read::Missing;
        }
        let result = self
            .client(&target)
            .fetch_manifest_digest(&target.tagged(tag), &RegistryAuth::Anonymous)
            .await
            .map_err(|error| target.refused(error));
        self.note(&target, result)
    }

    /// What a digest was built from.
    pub(crate) async fn image(&self, repository: &str, digest: &str) -> Read<Image> {
        if let Some(known) = self.shelf.get(repository, digest) {
            return Read::Known(known);
        }
        let target = match self.target(repository) {
            Ok(target) => target,
            Err(trouble) => return Read::Gap(trouble.coverage()),
        };
        let result = self.describe(&target, digest).await;
        let read = self.note(&target, result);
        if let Read::Known(image) = &read {
            self.shelf.put(repository, image);
        }
        read
    }

    async fn describe(&self, target: &Target<'_>, digest: &str) -> Result<Image, Refusal> {
        let manifest = self.manifest(target, digest).await?;
        let mut annotations: Vec<Labels> = Vec::new();
        let mut platforms = Vec::new();
        let mut children = Vec::new();
        let inner = match manifest {
            OciManifest::Image(manifest) => Some(manifest),
            OciManifest::ImageIndex(index) => {
                annotations.extend(index.annotations);
                let mut first = None;
                for entry in index.manifests {
                    let runs_on = entry.platform.as_ref().and_then(|one| {
                        platform(
                            &one.os.to_string(),
                            &one.architecture.to_string(),
                            one.variant.as_deref(),
                        )
                    });
                    // Attestations lie in the index as if they were images, for no platform.
                    if runs_on.is_some() || entry.platform.is_none() {
                        first.get_or_insert_with(|| entry.digest.clone());
                        children.push(entry.digest);
                    }
                    platforms.extend(runs_on);
                }
                match first {
                    Some(first) => match self.manifest(target, &first).await? {
                        OciManifest::Image(manifest) => Some(manifest),
                        OciManifest::ImageIndex(_) => None,
                    },
                    None => None,
                }
            }
        };
        let mut config = None;
        if let Some(inner) = inner {
            annotations.extend(inner.annotations);
            config = self.image_config(target, &inner.config).await?;
        }
        Ok(fact(
            digest,
            &annotations,
            config.as_ref(),
            platforms,
            children,
        ))
    }

    async fn manifest(&self, target: &Target<'_>, digest: &str) -> Result<OciManifest, Refusal> {
        self.client(target)
            .pull_manifest(&target.digested(digest), &RegistryAuth::Anonymous)
            .await
            .map(|(manifest, _)| manifest)
            .map_err(|error| target.refused(error))
    }

    /// An image's config; `None` for what is no image, such as a chart, whose config means something else.
    async fn image_config(
        &self,
        target: &Target<'_>,
        descriptor: &OciDescriptor,
    ) -> Result<Option<ImageConfig>, Refusal> {
        if descriptor.size > MAX_CONFIG {
            return Err(Refusal::Trouble(Trouble::Other(format!(
                "an image's config in {} is too large to read",
                target.path
            ))));
        }
        let mut text = Vec::new();
        self.client(target)
            .pull_blob(&target.digested(&descriptor.digest), descriptor, &mut text)
            .await
            .map_err(|error| target.refused(error))?;
        Ok(serde_json::from_slice(&text).ok())
    }

    async fn list_tags(&self, target: &Target<'_>) -> Result<Vec<String>, Refusal> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        // The client signs in; it does not follow the header by which registries page.
        let token = self
            .client(target)
            .auth(
                &target.tagged("latest"),
                &RegistryAuth::Anonymous,
                RegistryOperation::Pull,
            )
            .await
            .map_err(|error| target.refused(error))?;
        let mut tags = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(target.tags_url());
        let mut pages = 0;
        while let Some(url) = next.take() {
            if pages == MAX_PAGES {
                // Half a list would make what it leaves out look absent.
                return Err(Refusal::Trouble(Trouble::Other(format!(
                    "{} has more tags than are read",
                    target.path
                ))));
            }
            pages += 1;
            let mut request = self.web.client(&url).get(url.clone());
            if let Some(token) = &token {
                request = request.bearer_auth(token);
            }
            let response = request
                .send()
                .await
                .map_err(|error| target.no_answer(&error))?;
            let status = response.status().as_u16();
            let after = response
                .headers()
                .get(LINK)
                .and_then(|header| link::next(header.to_str().ok()?, &url));
            let body = response
                .bytes()
                .await
                .map_err(|error| target.no_answer(&error))?;
            if status != 200 {
                return Err(target.status(status, &errors(&body)));
            }
            let page: Page = serde_json::from_slice(&body).map_err(|error| {
                Refusal::Trouble(Trouble::Other(format!(
                    "{} answered with something unexpected: {}",
                    target.host,
                    tidy(&error.to_string())
                )))
            })?;
            for tag in page.tags.unwrap_or_default() {
                if seen.insert(tag.clone()) {
                    tags.push(tag);
                }
            }
            next = after.filter(|after| *after != url);
        }
        Ok(tags)
    }

    fn target<'a>(&self, repository: &'a str) -> Result<Target<'a>, Trouble> {
        let no_image = || Trouble::Other(format!("{repository} is no image's repository"));
        let (host, path) = split(repository).ok_or_else(no_image)?;
        let url = self.config.registry_url(host).ok_or_else(no_image)?;
        let is_path = path
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b));
        if !is_path || url.host_str().is_none() {
            return Err(no_image());
        }
        self.ledger
            .know(SystemKind::Registry, host, shown(&url), is_private(&url));
        Ok(Target { host, path, url })
    }

    fn client(&self, target: &Target<'_>) -> &Client {
        match target.url.scheme() {
            "http" if is_own(&target.url) => &self.own,
            "http" => &self.plain,
            _ => &self.secure,
        }
    }

    fn note<T>(&self, target: &Target<'_>, result: Result<T, Refusal>) -> Read<T> {
        let now = self.clock.now();
        let kind = SystemKind::Registry;
        match result {
            Ok(value) => {
                self.ledger.answered(kind, target.host, target.path, now);
                Read::Known(value)
            }
            Err(Refusal::Missing) => {
                self.ledger.answered(kind, target.host, target.path, now);
                Read::Missing
            }
            Err(Refusal::Trouble(trouble)) => {
                self.ledger
                    .failed(kind, target.host, target.path, &trouble, now);
                Read::Gap(trouble.coverage())
            }
        }
    }
}

impl Target<'_> {
    /// `host:port` as the client takes it.
    fn registry(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    fn tagged(&self, tag: &str) -> Reference {
        Reference::with_tag(self.registry(), self.path.to_owned(), tag.to_owned())
    }

    fn digested(&self, digest: &str) -> Reference {
        Reference::with_digest(self.registry(), self.path.to_owned(), digest.to_owned())
    }

    fn tags_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("/v2/{}/tags/list", self.path));
        url.query_pairs_mut().append_pair("n", "1000");
        url
    }

    fn denied(&self, reason: &str) -> Refusal {
        Refusal::Trouble(Trouble::Denied {
            host: self.host.to_owned(),
            subject: self.path.to_owned(),
            reason: if reason.is_empty() {
                "it asks for a sign-in".to_owned()
            } else {
                reason.to_owned()
            },
        })
    }

    fn status(&self, status: u16, words: &str) -> Refusal {
        match status {
            404 => Refusal::Missing,
            401 | 403 => self.denied(words),
            429 => Refusal::Trouble(Trouble::Other(format!(
                "{} answers no more requests for now: its rate limit is used up",
                self.host
            ))),
            500.. => Refusal::Trouble(Trouble::Unreachable {
                host: self.host.to_owned(),
                reason: format!("it answers with status {status}"),
            }),
            _ => self.other(&if words.is_empty() {
                format!("status {status}")
            } else {
                words.to_owned()
            }),
        }
    }

    fn other(&self, reason: &str) -> Refusal {
        Refusal::Trouble(Trouble::Other(format!(
            "reading {} from {} failed: {reason}",
            self.path, self.host
        )))
    }

    fn no_answer(&self, error: &reqwest::Error) -> Refusal {
        match http(error) {
            Http::Status(status) => self.status(status, ""),
            Http::NoAnswer(reason) => Refusal::Trouble(Trouble::Unreachable {
                host: self.host.to_owned(),
                reason,
            }),
            Http::Else(reason) => self.other(&reason),
        }
    }

    fn refused(&self, error: OciDistributionError) -> Refusal {
        match error {
            OciDistributionError::RegistryError { envelope, .. } => {
                let Some(first) = envelope.errors.first() else {
                    return self.other("it does not say why");
                };
                match &first.code {
                    OciErrorCode::BlobUnknown
                    | OciErrorCode::ManifestBlobUnknown
                    | OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound => Refusal::Missing,
                    OciErrorCode::Unauthorized | OciErrorCode::Denied => {
                        self.denied(&tidy(&first.message))
                    }
                    OciErrorCode::Toomanyrequests => self.status(429, ""),
                    _ => self.other(&tidy(&first.message)),
                }
            }
            OciDistributionError::ServerError { code, message, .. } => {
                self.status(code, &errors(message.as_bytes()))
            }
            OciDistributionError::ImageManifestNotFoundError(_) => Refusal::Missing,
            OciDistributionError::UnauthorizedError { .. } => self.denied(""),
            OciDistributionError::AuthenticationFailure(reason) => {
                self.denied(&errors(reason.as_bytes()))
            }
            OciDistributionError::RequestError(error) => self.no_answer(&error),
            other => self.other(&deepest(&other)),
        }
    }
}

/// The words of a registry's error body; empty if it has none.
fn errors(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        message: String,
    }
    serde_json::from_slice::<Body>(body)
        .ok()
        .and_then(|body| body.errors.into_iter().next())
        .map(|one| tidy(&one.message))
        .unwrap_or_default()
}

/// Whether a registry could have such a tag; a variable of Flux's is none.
fn is_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 128
        && tag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
