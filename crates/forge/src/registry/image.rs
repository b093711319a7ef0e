//! What an image's manifest, index and config say, as a fact. Pure.

use std::collections::BTreeMap;

use facts::image::Image;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";

/// Names and values, as annotations and labels are.
pub(crate) type Labels = BTreeMap<String, String>;

/// An image's config, as far as it matters.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ImageConfig {
    created: Option<String>,
    architecture: Option<String>,
    os: Option<String>,
    variant: Option<String>,
    config: Option<RunConfig>,
}

#[derive(Debug, Default, Deserialize)]
struct RunConfig {
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

impl ImageConfig {
    /// The platform it is for, such as `linux/arm64/v8`.
    pub(crate) fn platform(&self) -> Option<String> {
        platform(
            self.os.as_deref()?,
            self.architecture.as_deref()?,
            self.variant.as_deref(),
        )
    }
}

/// `os/architecture/variant`; `None` for what is no platform, such as an attestation's `unknown/unknown`.
pub(crate) fn platform(os: &str, architecture: &str, variant: Option<&str>) -> Option<String> {
    let known = |part: &str| !part.is_empty() && part != "unknown";
    if !known(os) || !known(architecture) {
        return None;
    }
    Some(match variant.filter(|variant| known(variant)) {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    })
}

/// The fact. Annotations of the outermost manifest count first, then those within it, then the config's labels.
pub(crate) fn fact(
    digest: &str,
    annotations: &[Labels],
    config: Option<&ImageConfig>,
    mut platforms: Vec<String>,
    children: Vec<String>,
) -> Image {
    let labels = config
        .and_then(|config| config.config.as_ref())
        .and_then(|config| config.labels.as_ref());
    let says = |name: &str| {
        annotations
            .iter()
            .chain(labels)
            .filter_map(|labels| labels.get(name))
            .map(|value| value.trim())
            .find(|value| !value.is_empty())
            .map(ToOwned::to_owned)
    };
    if platforms.is_empty() {
        platforms.extend(config.and_then(ImageConfig::platform));
    }
    Image {
        digest: digest.to_owned(),
        source: says(SOURCE),
        revision: says(REVISION),
        created: says(CREATED)
            .and_then(|at| at.parse().ok())
            .or_else(|| config?.created.as_deref()?.parse().ok())
            // Reproducible builds write the beginning of time, which says nothing.
            .filter(|at: &Timestamp| at.as_second() > 0),
        platforms,
        children,
    }
}

/// An image as it is kept on disk.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) repository: String,
    digest: String,
    source: Option<String>,
    revision: Option<String>,
    created: Option<Timestamp>,
    platforms: Vec<String>,
    children: Vec<String>,
}

impl Stored {
    /// For writing.
    pub(crate) fn new(repository: &str, image: &Image) -> Self {
        let image = image.clone();
        Self {
            repository: repository.to_owned(),
            digest: image.digest,
            source: image.source,
            revision: image.revision,
            created: image.created,
            platforms: image.platforms,
            children: image.children,
        }
    }

    /// After reading.
    pub(crate) fn image(self) -> (String, Image) {
        (
            self.repository,
            Image {
                digest: self.digest,
                source: self.source,
                revision: self.revision,
                created: self.created,
                platforms: self.platforms,
                children: self.children,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ImageConfig {
        serde_json::from_str(text).unwrap()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn labels_of_the_config() {
        let config = config(
            r#"{"created":"2026-01-01T00:00:00.123456789Z","architecture":"arm64","os":"linux","variant":"v8",
                "config":{"Labels":{"org.opencontainers.image.source":"https://github.com/shop/api",
                "org.opencontainers.image.revision":"3f2c1ab"}}}"#,
        );
        let image = fact("sha256:ab", &[], Some(&config), Vec::new(), Vec::new());
        assert_eq!(image.source.as_deref(), Some("https://github.com/shop/api"));
        assert_eq!(image.revision.as_deref(), Some("3f2c1ab"));
        assert_eq!(image.platforms, ["linux/arm64/v8"]);
        assert!(image.created.is_some());
    }

    #[test]
    fn annotations_win_over_labels_and_empty_ones_say_nothing() {
        let config =
            config(r#"{"config":{"Labels":{"org.opencontainers.image.revision":"label"}}}"#);
        let outer = labels(&[(REVISION, " ")]);
        let inner = labels(&[(REVISION, "annotation")]);
        let image = fact("d", &[outer, inner], Some(&config), Vec::new(), Vec::new());
        assert_eq!(image.revision.as_deref(), Some("annotation"));
    }

    #[test]
    fn the_beginning_of_time_is_no_date() {
        let config = config(r#"{"created":"1970-01-01T00:00:00Z","config":{"Labels":null}}"#);
        assert_eq!(
            fact("d", &[], Some(&config), Vec::new(), Vec::new()).created,
            None
        );
        assert_eq!(fact("d", &[], None, Vec::new(), Vec::new()).created, None);
    }

    #[test]
    fn an_attestation_is_no_platform() {
        assert_eq!(platform("unknown", "unknown", None), None);
        assert_eq!(
            platform("linux", "amd64", Some("")).as_deref(),
            Some("linux/amd64")
        );
    }
}
