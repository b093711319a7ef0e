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

/// Whether a text is a digest: `sha256:` and 64 hexadecimal digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a text can be a tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with the last two.
pub(super) fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether a text can be a repository's name: parts of lower-case letters and digits, joined by `.`, `_`, `__` or any
/// number of `-`.
pub(super) fn is_name(text: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 255
        && text.split('/').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(is_letter)
                && bytes.last().is_some_and(is_letter)
                && part
                    .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                    .all(|between| {
                        matches!(between, "" | "." | "_" | "__")
                            || between.bytes().all(|byte| byte == b'-')
                    })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tags_and_digests_are_told_from_others() {
        for name in ["shop/checkout", "a", "a.b/c__d/e---f", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "Shop/checkout",
            "shop//checkout",
            "-a",
            "a_",
            "a..b",
            "a/",
        ] {
            assert!(!is_name(name), "{name}");
        }
        for tag in ["latest", "1.4.0-rc.1", "_x", "main-0123abc-1700000000"] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", "-a", ".a", "a:b", "a/b", "a+b"] {
            assert!(!is_tag(tag), "{tag}");
        }
        assert!(is_digest(&digest_of(b"")));
        assert_eq!(
            digest_of(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!(!is_digest("sha256:e3b0"));
    }
}
