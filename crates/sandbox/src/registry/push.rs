//! What CI does to the registry: push images and artifacts.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::{gzip, tar};
use super::content::{digest_of, media_type};
use super::{Manifest, Registry};
use crate::clock::rfc3339;

/// An image to push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// The labels of its configuration: `org.opencontainers.image.revision`, `…source` and others.
    pub labels: BTreeMap<String, String>,
    /// When it was built.
    pub created: Timestamp,
    /// `linux/amd64`, `linux/arm64/v8`…; with one the tag names a manifest, with several an index. Empty means
    /// `linux/amd64`.
    pub platforms: Vec<String>,
}

impl Registry {
    /// Pushes an image and returns the digest that the tag points to. The same image under another tag has the same
    /// digest; the same labels and time make the same image.
    pub fn push(&self, repository: &str, tag: &str, image: ImageSpec) -> String {
        let platforms = match image.platforms.as_slice() {
            [] => &["linux/amd64".to_owned()][..],
            platforms => platforms,
        };
        let mut descriptors: Vec<Value> = platforms
            .iter()
            .map(|platform| self.push_platform(repository, platform, &image))
            .collect();
        let digest = match descriptors.as_slice() {
            [only] => only["digest"].as_str().unwrap_or_default().to_owned(),
            _ => {
                for (descriptor, platform) in descriptors.iter_mut().zip(platforms) {
                    descriptor["platform"] = platform_of(platform);
                }
                let index = json!({
                    "schemaVersion": 2,
                    "mediaType": media_type::INDEX,
                    "manifests": descriptors,
                });
                self.put_manifest(repository, media_type::INDEX, &index)
            }
        };
        self.tag(repository, tag, &digest);
        digest
    }

    /// Pushes one platform's manifest and returns its descriptor.
    fn push_platform(&self, repository: &str, platform: &str, image: &ImageSpec) -> Value {
        let created = rfc3339(image.created);
        let name = repository.rsplit('/').next().unwrap_or_default();
        // What the program is matters to nobody; that it differs where the image differs does.
        let program = format!("{repository} {platform} {created} {:?}\n", image.labels);
        let archive = tar([(name, program.as_bytes())]);
        let layer = self.put_blob(repository, media_type::LAYER, gzip(&archive));
        let mut config = platform_of(platform);
        config["created"] = json!(created);
        config["config"] = json!({
            "Entrypoint": [format!("/{name}")],
            "Labels": image.labels,
        });
        config["rootfs"] = json!({ "type": "layers", "diff_ids": [digest_of(&archive)] });
        config["history"] = json!([{ "created": created, "created_by": "COPY . /" }]);
        let config = self.put_blob(
            repository,
            media_type::CONFIG,
            config.to_string().into_bytes().into(),
        );
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "config": config,
            "layers": [layer],
        });
        let digest = self.put_manifest(repository, media_type::MANIFEST, &manifest);
        json!({
            "mediaType": media_type::MANIFEST,
            "digest": digest,
            "size": manifest.to_string().len(),
        })
    }

    /// Pushes an artifact of one layer: what `flux push artifact` or `helm push` makes. The annotations stand on the
    /// manifest, where Flux and Helm put `org.opencontainers.image.source`, `….revision` and `….created`. The
    /// configuration's media type follows the layer's, as those tools have it.
    pub fn push_artifact(
        &self,
        repository: &str,
        tag: &str,
        annotations: BTreeMap<String, String>,
        layer_media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let config_type = match layer_media_type {
            media_type::FLUX_CONTENT => media_type::FLUX_CONFIG,
            media_type::HELM_CHART => media_type::HELM_CONFIG,
            _ => media_type::EMPTY,
        };
        let config = self.put_blob(repository, config_type, Bytes::from_static(b"{}"));
        let layer = self.put_blob(repository, layer_media_type, bytes.into());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "config": config,
            "layers": [layer],
            "annotations": annotations,
        });
        let digest = self.put_manifest(repository, media_type::MANIFEST, &manifest);
        self.tag(repository, tag, &digest);
        digest
    }

    /// Keeps a manifest and its configuration as they are written, for what was recorded elsewhere; the manifest's digest.
    /// Layers stay away: nobody pulls here.
    pub fn restore(&self, repository: &str, manifest: &Value, config: Option<&Value>) -> String {
        if let Some(config) = config {
            self.put_blob(repository, media_type::CONFIG, config.to_string().into());
        }
        let media_type = manifest["mediaType"].as_str();
        self.put_manifest(
            repository,
            media_type.unwrap_or(media_type::MANIFEST),
            manifest,
        )
    }

    /// Keeps a blob and returns its descriptor.
    fn put_blob(&self, repository: &str, media_type: &str, bytes: Bytes) -> Value {
        let digest = digest_of(&bytes);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        self.keep_blob(repository, &digest, bytes);
        descriptor
    }

    /// Keeps a blob under a digest that is known to be its own.
    pub(super) fn keep_blob(&self, repository: &str, digest: &str, bytes: Bytes) {
        self.contents()
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .blobs
            .insert(digest.to_owned(), bytes);
    }

    fn put_manifest(&self, repository: &str, media_type: &str, manifest: &Value) -> String {
        self.keep_manifest(repository, media_type, manifest.to_string().into())
    }

    /// Keeps a manifest under its digest, with the time of its first push.
    pub(super) fn keep_manifest(&self, repository: &str, media_type: &str, bytes: Bytes) -> String {
        let digest = digest_of(&bytes);
        let pushed = self.clock.now();
        self.contents()
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .manifests
            .entry(digest.clone())
            .or_insert_with(|| Manifest {
                media_type: media_type.to_owned(),
                bytes,
                pushed,
            });
        digest
    }
}

/// `linux/arm64/v8` as configurations and indexes spell it.
fn platform_of(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let mut value = json!({
        "os": parts.next().unwrap_or("linux"),
        "architecture": parts.next().unwrap_or("amd64"),
    });
    if let Some(variant) = parts.next() {
        value["variant"] = json!(variant);
    }
    value
}
