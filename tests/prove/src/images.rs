//! Images in the real registry: small, true ones, with the labels that say what they are built from. And artifacts.
//!
//! Owns the push over the OCI distribution API. An image has one empty layer; what a container of it does is written in
//! the label [`FATE`], which stands for the program that a real image would hold.

use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The label that says how a container of this image ends up: absent, it runs and becomes ready.
pub const FATE: &str = "landfall.prove.fate";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What is pushed: a configuration and one layer.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The configuration's media type.
    pub config_type: &'static str,
    /// The configuration.
    pub config: Vec<u8>,
    /// The layer's media type.
    pub layer_type: &'static str,
    /// The layer.
    pub layer: Vec<u8>,
    /// The manifest's annotations.
    pub annotations: Value,
}

/// What went wrong with the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error("the registry did not answer: {0}")]
    Silent(#[from] reqwest::Error),
    /// An answer that is none.
    #[error("the registry refused {what}: {status}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: reqwest::StatusCode,
    },
}

/// The real registry.
#[derive(Clone)]
pub struct Registry {
    http: Client,
    /// Host and port, as images name it.
    pub host: String,
}

impl Registry {
    /// The registry at `127.0.0.1:port`.
    pub fn new(http: Client, port: u16) -> Self {
        Self {
            http,
            host: format!("127.0.0.1:{port}"),
        }
    }

    /// Whether it answers.
    pub async fn is_ready(&self) -> bool {
        let answer = self.http.get(self.url("")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Pushes an image with these labels under a tag; its digest.
    ///
    /// # Errors
    /// The registry refuses or is silent.
    pub async fn push(
        &self,
        repository: &str,
        tag: &str,
        labels: &Value,
        created: &str,
    ) -> Result<String, RegistryError> {
        let layer = empty_layer();
        let config = json!({
            "created": created,
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest(EMPTY_TAR)]},
            "history": [{"created": created, "created_by": "prove"}],
        })
        .to_string()
        .into_bytes();
        let artifact = Artifact {
            config_type: CONFIG,
            config,
            layer_type: LAYER,
            layer,
            annotations: json!({}),
        };
        self.put(repository, tag, artifact).await
    }

    /// Pushes an artifact of one layer under a tag; its digest.
    ///
    /// # Errors
    /// The registry refuses or is silent.
    pub async fn put(
        &self,
        repository: &str,
        tag: &str,
        artifact: Artifact,
    ) -> Result<String, RegistryError> {
        let (config, layer) = (artifact.config, artifact.layer);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": artifact.config_type, "size": config.len(), "digest": digest(&config)},
            "layers": [{"mediaType": artifact.layer_type, "size": layer.len(), "digest": digest(&layer)}],
            "annotations": artifact.annotations,
        })
        .to_string()
        .into_bytes();
        self.blob(repository, layer).await?;
        self.blob(repository, config).await?;
        let made = digest(&manifest);
        let request = self
            .http
            .put(self.url(&format!("{repository}/manifests/{tag}")))
            .header("content-type", MANIFEST)
            .body(manifest);
        expect(request, "a manifest").await?;
        Ok(made)
    }

    async fn blob(&self, repository: &str, content: Vec<u8>) -> Result<(), RegistryError> {
        let begun = expect(
            self.http
                .post(self.url(&format!("{repository}/blobs/uploads/"))),
            "an upload",
        )
        .await?;
        let place = begun
            .headers()
            .get("location")
            .and_then(|place| place.to_str().ok())
            .unwrap_or_default();
        let place = match place.strip_prefix('/') {
            Some(path) => format!("http://{}/{path}", self.host),
            None => place.to_owned(),
        };
        let joint = if place.contains('?') { '&' } else { '?' };
        let request = self
            .http
            .put(format!("{place}{joint}digest={}", digest(&content)))
            .header("content-type", "application/octet-stream")
            .body(content);
        expect(request, "a blob").await.map(drop)
    }

    /// Takes an image away: its tags go with it.
    ///
    /// # Errors
    /// The registry refuses or is silent.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<(), RegistryError> {
        let url = self.url(&format!("{repository}/manifests/{digest}"));
        expect(self.http.delete(url), "a deletion").await.map(drop)
    }

    /// The digest and the labels of what an image's name stands for; `None` if the registry does not have it.
    ///
    /// # Errors
    /// The registry refuses or is silent.
    pub async fn look(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<Option<(String, Value)>, RegistryError> {
        let url = self.url(&format!("{repository}/manifests/{reference}"));
        let answer = self.http.get(url).header("accept", MANIFEST).send().await?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let manifest = answer.bytes().await?;
        let made = digest(&manifest);
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        let url = self.url(&format!("{repository}/blobs/{config}"));
        let mut config: Value = expect(self.http.get(url), "a config").await?.json().await?;
        Ok(Some((made, config["config"]["Labels"].take())))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{path}", self.host)
    }
}

async fn expect(
    request: reqwest::RequestBuilder,
    what: &str,
) -> Result<reqwest::Response, RegistryError> {
    let answer = request.send().await?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(RegistryError::Refused {
        what: what.to_owned(),
        status: answer.status(),
    })
}

/// A tar with nothing in it: two empty blocks.
const EMPTY_TAR: &[u8] = &[0; 1024];

fn empty_layer() -> Vec<u8> {
    use std::io::Write;
    let mut layer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing to memory does not fail.
    let _written = layer.write_all(EMPTY_TAR);
    layer.finish().unwrap_or_default()
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
