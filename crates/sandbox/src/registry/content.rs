//! Digests, media types, and what manifests refer to.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The media types of OCI and Docker that the registry knows by name.
pub mod media_type {
    /// An OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An OCI image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A compressed layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// What an artifact without a configuration has instead of one.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// A manifest as Docker writes it.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// A list of manifests as Docker writes it.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// The configuration of an artifact that `flux push artifact` makes.
    pub const FLUX_CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
    /// The layer of an artifact that `flux push artifact` makes.
    pub const FLUX_CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";
    /// The configuration of a Helm chart.
    pub const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
    /// The layer of a Helm chart.
    pub const HELM_CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
}

/// The digest of some bytes: `sha256:…`.
pub fn digest_of(bytes: &[u8]) -> String {
    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        digest.push_str(&format!("{byte:02x}"));
    }
    digest
}

/// The digests that a manifest needs: `(blobs, manifests)`.
pub(super) fn references(manifest: &Value) -> (Vec<String>, Vec<String>) {
    let digest = |value: &Value| value["digest"].as_str().map(str::to_owned);
    let list = |key: &str| -> Vec<String> {
        manifest[key]
            .as_array()
            .map(|entries| entries.iter().filter_map(digest).collect())
            .unwrap_or_default()
    };
    let mut blobs = list("layers");
    blobs.extend(digest(&manifest["config"]));
    (blobs, list("manifests"))
}
