//! Which images a finished manifest names. Pure.
//!
//! Owns where images stand in workloads, in Helm values and in Flux's own image overrides. The manifests come merged
//! and overridden already, as trees.

use std::rc::Rc;

use facts::code::DeclaredImage;
use facts::image::canonical_repository;

use super::yaml::{Node, Value};

/// A tree with more values than this is not walked to its end: aliases can make one enormous.
const MAX_VISITS: usize = 200_000;

/// Kinds that mention images without running them.
const SILENT: [&str; 9] = [
    "ConfigMap",
    "CustomResourceDefinition",
    "GitRepository",
    "HelmRepository",
    "ImagePolicy",
    "ImageRepository",
    "ImageUpdateAutomation",
    "OCIRepository",
    "Secret",
];

/// An image as it is written, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<String>,
}

impl Written {
    /// `name:tag@digest`; a `${VARIABLE:=default}` of Flux's stays whole.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        // Neither `:` nor `@` inside a variable separates anything.
        let plain = text.find("${").unwrap_or(text.len());
        let (rest, digest) = match text[..plain].split_once('@') {
            Some((before, _)) => (before, Some(text[before.len() + 1..].to_owned())),
            None => (text, None),
        };
        let plain = rest.find("${").unwrap_or(rest.len());
        let (name, tag) = match rest[..plain].rfind(':') {
            Some(colon) if !rest[colon + 1..plain].contains('/') => {
                (&rest[..colon], Some(rest[colon + 1..].to_owned()))
            }
            _ => (rest, None),
        };
        Self {
            name: name.to_owned(),
            tag: tag.filter(|tag| !tag.is_empty()),
            digest: digest.filter(|digest| !digest.is_empty()),
        }
    }

    /// The reverse of [`Self::parse`].
    pub(crate) fn text(&self) -> String {
        let mut text = self.name.clone();
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }

    /// The fact, as it stands at a node.
    pub(crate) fn declared(self, at: &Node) -> DeclaredImage {
        DeclaredImage {
            repository: if self.name.is_empty() {
                String::new()
            } else {
                canonical_repository(&self.name)
            },
            tag: self.tag,
            digest: self.digest,
            file: at.file.to_string(),
            line: at.line,
            marker: at.marker.as_deref().map(ToOwned::to_owned),
        }
    }
}

/// One entry of a kustomization's `images`.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    name: String,
    new_name: Option<String>,
    new_tag: Option<Rc<Node>>,
    digest: Option<Rc<Node>>,
}

impl Override {
    /// Reads an entry; `None` if it names no image.
    pub(crate) fn read(entry: &Node) -> Option<Self> {
        let scalar = |key: &str| entry.get(key).filter(|node| node.text().is_some()).cloned();
        Some(Self {
            name: entry.text_at("name")?.to_owned(),
            new_name: entry.text_at("newName").map(ToOwned::to_owned),
            new_tag: scalar("newTag"),
            digest: scalar("digest"),
        })
    }

    /// The image in the end, and the node whose line says so; `None` if this is another image.
    pub(crate) fn apply(&self, image: &Written) -> Option<(Written, Option<&Rc<Node>>)> {
        if image.name != self.name {
            return None;
        }
        let text = |node: &Rc<Node>| node.text().map(ToOwned::to_owned);
        let mut image = image.clone();
        if let Some(new_name) = &self.new_name {
            image.name.clone_from(new_name);
        }
        // As kustomize does: a new tag drops the digest, a new digest drops the tag, both replace both.
        if self.new_tag.is_some() || self.digest.is_some() {
            image.tag = self.new_tag.as_ref().and_then(text);
            image.digest = self.digest.as_ref().and_then(text);
        }
        Some((image, self.new_tag.as_ref().or(self.digest.as_ref())))
    }

    /// What it says by itself, where the image it changes cannot be seen; `None` if it sets no version.
    pub(crate) fn alone(&self) -> Option<DeclaredImage> {
        let image = Written {
            name: self.name.clone(),
            tag: None,
            digest: None,
        };
        let (image, at) = self.apply(&image)?;
        Some(image.declared(at?))
    }
}

/// Every image that a manifest names. `values` are those that the release's ConfigMaps hold, lowest first.
pub(crate) fn images(manifest: &Node) -> Vec<DeclaredImage> {
    let kind = manifest.text_at("kind").unwrap_or_default();
    let group = manifest.text_at("apiVersion").unwrap_or_default();
    let mut walk = Walk {
        found: Vec::new(),
        visits: 0,
    };
    match kind {
        "HelmRelease" => {
            if let Some(values) = manifest.at(&["spec", "values"]) {
                walk.values(values, "");
            }
            post_render(manifest, &mut walk.found);
        }
        "Kustomization" if group.starts_with("kustomize.toolkit.fluxcd.io/") => {
            let overrides = manifest.at(&["spec", "images"]);
            walk.found.extend(
                overrides
                    .map_or(&[][..], |node| node.items())
                    .iter()
                    .filter_map(|entry| Override::read(entry)?.alone()),
            );
        }
        "List" => {
            for item in manifest.items_at("items") {
                walk.found.extend(images(item));
            }
        }
        kind if SILENT.contains(&kind) => {}
        _ => walk.workload(manifest),
    }
    walk.found
}

struct Walk {
    found: Vec<DeclaredImage>,
    visits: usize,
}

impl Walk {
    fn enter(&mut self) -> bool {
        self.visits += 1;
        self.visits <= MAX_VISITS
    }

    /// `image:` with text, anywhere.
    fn workload(&mut self, node: &Node) {
        if !self.enter() {
            return;
        }
        match &node.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => {
                for item in items {
                    self.workload(item);
                }
            }
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    match value.text() {
                        Some(text) if &**key == "image" && is_reference(text) => {
                            self.found.push(Written::parse(text).declared(value));
                        }
                        _ => self.workload(value),
                    }
                }
            }
        }
    }

    /// The customs of charts: `image: {registry, repository, tag, digest}`, `image: name:tag`, `image: name` with `tag`
    /// beside it, `image: {name, tag}`. `key` is what the node stands under.
    fn values(&mut self, node: &Node, key: &str) {
        if !self.enter() {
            return;
        }
        if !node.is_mapping() {
            for item in node.items() {
                self.values(item, "");
            }
            return;
        }
        let under_image = key.eq_ignore_ascii_case("image") || key.ends_with("Image");
        let scalar = |key: &str| node.get(key).filter(|node| node.text().is_some());
        let tag = scalar("tag").or_else(|| scalar("imageTag"));
        let digest = scalar("digest");
        let version = tag.or(digest);
        let name = scalar("repository").or_else(|| scalar("name").filter(|_| under_image));
        let image = scalar("image").filter(|image| image.text().is_some_and(is_reference));
        if let Some(name) = name
            && (version.is_some() || under_image)
            && name.text().is_some_and(is_reference)
        {
            let mut image = Written::parse(name.text().unwrap_or_default());
            if let Some(registry) = node.text_at("registry") {
                image.name = format!("{}/{}", registry.trim_end_matches('/'), image.name);
            }
            self.push(image, name, tag, digest);
        } else if let Some(name) = image {
            let image = Written::parse(name.text().unwrap_or_default());
            if image.tag.is_some() || image.digest.is_some() || version.is_some() {
                self.push(image, name, tag, digest);
            }
        } else if let Some(version) = version.filter(|version| version.marker.is_some()) {
            // The chart knows the repository; the policy that the comment names knows it, too.
            let nameless = Written {
                name: String::new(),
                tag: None,
                digest: None,
            };
            self.push(nameless, version, tag, digest);
        }
        for (key, value) in node.entries() {
            self.values(value, key);
        }
    }

    fn push(
        &mut self,
        mut image: Written,
        name: &Rc<Node>,
        tag: Option<&Rc<Node>>,
        digest: Option<&Rc<Node>>,
    ) {
        let text = |node: &Rc<Node>| node.text().map(ToOwned::to_owned);
        if let Some(tag) = tag {
            image.tag = text(tag);
        }
        if let Some(digest) = digest {
            image.digest = text(digest);
        }
        let at = tag.or(digest).unwrap_or(name);
        let mut declared = image.declared(at);
        if declared.marker.is_none() {
            // A marker for the name alone stands on the name's line.
            declared.marker = name.marker.as_deref().map(ToOwned::to_owned);
        }
        self.found.push(declared);
    }
}

/// Image overrides of a HelmRelease's post-renderers: over the values' images, or alone where the chart names the image.
fn post_render(release: &Node, found: &mut Vec<DeclaredImage>) {
    let renderers = release.at(&["spec", "postRenderers"]);
    for renderer in renderers.map_or(&[][..], |node| node.items()) {
        let overrides = renderer.at(&["kustomize", "images"]);
        for entry in overrides.map_or(&[][..], |node| node.items()) {
            let Some(entry) = Override::read(entry) else {
                continue;
            };
            let name = canonical_repository(&entry.name);
            let Some(alone) = entry.alone() else { continue };
            match found.iter_mut().find(|image| image.repository == name) {
                Some(image) => *image = alone,
                None => found.push(alone),
            }
        }
    }
}

/// Whether text may be an image: charts also have `image: true`, links and sentences.
fn is_reference(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && !text.contains("://")
        && !text.contains(char::is_whitespace)
        && !matches!(text, "true" | "false")
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        parse(&"f.yaml".into(), text, 1)
            .unwrap()
            .iter()
            .flat_map(|document| images(document))
            .map(|image| {
                let mut text = image.repository;
                for (before, part) in [(":", image.tag), ("@", image.digest)] {
                    if let Some(part) = part {
                        text.push_str(before);
                        text.push_str(&part);
                    }
                }
                let marker = image.marker.map(|marker| format!(" {marker}"));
                format!("{text} {}{}", image.line, marker.unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn a_reference_is_taken_apart_and_put_together() {
        for text in [
            "nginx",
            "shop/api:v1",
            "127.0.0.1:5000/shop/api",
            "127.0.0.1:5000/shop/api:v1@sha256:ab",
            "ghcr.io/shop/api:${TAG:=v1}",
            "ghcr.io/shop/${APP}",
        ] {
            assert_eq!(Written::parse(text).text(), text);
        }
        let variable = Written::parse("ghcr.io/shop/api:${TAG:=v1}");
        assert_eq!(variable.name, "ghcr.io/shop/api");
        assert_eq!(variable.tag.as_deref(), Some("${TAG:=v1}"));
    }

    #[test]
    fn every_container_of_a_workload() {
        let text = "kind: CronJob
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers:
          - {name: i, image: 'busybox'}
          containers:
          - name: c
            image: ghcr.io/shop/api:v1 # {\"$imagepolicy\": \"flux-system:api\"}
";
        assert_eq!(
            found(text),
            [
                "docker.io/library/busybox 8",
                "ghcr.io/shop/api:v1 11 flux-system:api"
            ]
        );
    }

    #[test]
    fn kinds_that_only_mention_images_declare_none() {
        for kind in SILENT {
            assert!(found(&format!("kind: {kind}\nspec:\n  image: ghcr.io/shop/api\n")).is_empty());
        }
    }

    #[test]
    fn the_customs_of_charts() {
        let text = "kind: HelmRelease
spec:
  chart: {spec: {chart: api, sourceRef: {kind: HelmRepository}}}
  values:
    image:
      registry: ghcr.io
      repository: shop/api
      tag: 1.2 # {\"$imagepolicy\": \"flux-system:api:tag\"}
    sidecar:
      image: ghcr.io/shop/proxy:v3
    worker:
      image: ghcr.io/shop/worker
      tag: v4
    cronImage: {name: ghcr.io/shop/cron, tag: v5}
    pinned: {repository: ghcr.io/shop/pin, digest: 'sha256:ab'}
    charts: {repository: https://charts.example, tag: x}
    enabled: {image: true}
";
        assert_eq!(
            found(text),
            [
                "ghcr.io/shop/api:1.2 8 flux-system:api",
                "ghcr.io/shop/proxy:v3 10",
                "ghcr.io/shop/worker:v4 13",
                "ghcr.io/shop/cron:v5 14",
                "ghcr.io/shop/pin@sha256:ab 15",
            ]
        );
    }

    #[test]
    fn a_tag_whose_repository_only_the_chart_knows_counts_if_a_policy_is_named() {
        let text = "kind: HelmRelease
spec:
  values:
    image:
      tag: v1 # {\"$imagepolicy\": \"flux-system:api:tag\"}
    other:
      tag: v2
";
        assert_eq!(found(text), [":v1 5 flux-system:api"]);
    }

    #[test]
    fn post_renderers_win_over_values() {
        let text = "kind: HelmRelease
spec:
  values:
    image: {repository: ghcr.io/shop/api, tag: v1}
  postRenderers:
  - kustomize:
      images:
      - name: ghcr.io/shop/api
        newTag: v2
      - name: ghcr.io/shop/other
        newName: ghcr.io/mirror/other
        digest: sha256:cd
";
        assert_eq!(
            found(text),
            ["ghcr.io/shop/api:v2 9", "ghcr.io/mirror/other@sha256:cd 12"]
        );
    }

    #[test]
    fn a_flux_kustomization_declares_what_it_overrides() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
spec:
  images:
  - name: ghcr.io/shop/api
    newTag: v7 # {\"$imagepolicy\": \"flux-system:api:tag\"}
  - name: only-renamed
    newName: other
";
        assert_eq!(found(text), ["ghcr.io/shop/api:v7 6 flux-system:api"]);
    }
}
