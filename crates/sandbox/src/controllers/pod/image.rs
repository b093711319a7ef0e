//! Where a pod's images come from: the company's registry, or another one that has everything.

use serde_json::Value;

use crate::controllers::Controllers;
use crate::controllers::fields::{list, text};
use crate::controllers::names::digest;
use crate::faults::PodBehaviour;

impl Controllers {
    /// How a container of a pod behaves that does not simply start, with the container's name.
    pub(in crate::controllers) fn behaviour(
        &self,
        namespace: &str,
        spec: &Value,
    ) -> Option<(String, PodBehaviour)> {
        let cluster = self.cluster();
        let table = self.faults.table();
        if table.images.is_empty() {
            return None;
        }
        list(spec, &["initContainers"])
            .iter()
            .chain(list(spec, &["containers"]))
            .find_map(|container| {
                let digest = self.image_digest(text(container, &["image"]))?;
                let behaviour = table.behaviour(cluster, namespace, &digest)?;
                Some((text(container, &["name"]).to_owned(), behaviour.clone()))
            })
    }

    /// The digest that an image means now; `None` if the company's registry does not have it.
    pub(super) fn image_digest(&self, image: &str) -> Option<String> {
        let (named, pinned) = match image.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (image, None),
        };
        let slash = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[slash..].rfind(':') {
            Some(colon) => (&named[..slash + colon], &named[slash + colon + 1..]),
            None => (named, "latest"),
        };
        match (self.registry_path(name), pinned) {
            (Some(path), Some(pinned)) => self
                .registry
                .manifest(path, pinned)
                .map(|_| pinned.to_owned()),
            (Some(path), None) => {
                let found = self.registry.digest(path, tag)?;
                // A tag can outlive its manifest.
                self.registry.manifest(path, &found).map(|_| found)
            }
            // Other registries have what they are asked for.
            (None, Some(pinned)) => Some(pinned.to_owned()),
            (None, None) => Some(digest(format!("{name}:{tag}").as_bytes())),
        }
    }

    /// `imageID`: `registry/repository@sha256:…`.
    pub(super) fn image_id(&self, image: &str) -> Option<String> {
        let digest = self.image_digest(image)?;
        let named = image.split('@').next().unwrap_or(image);
        let slash = named.rfind('/').map_or(0, |slash| slash + 1);
        let name = match named[slash..].rfind(':') {
            Some(colon) => &named[..slash + colon],
            None => named,
        };
        let name = if name.contains('.') || name.starts_with("localhost") {
            name.to_owned()
        } else if name.contains('/') {
            format!("docker.io/{name}")
        } else {
            format!("docker.io/library/{name}")
        };
        Some(format!("{name}@{digest}"))
    }

    /// The images of a pod that its node does not have yet.
    pub(super) fn images_to_pull(&self, pod: &Value) -> Vec<String> {
        let node = text(pod, &["spec", "nodeName"]);
        let mut images: Vec<String> = list(&pod["spec"], &["initContainers"])
            .iter()
            .chain(list(&pod["spec"], &["containers"]))
            .map(|container| text(container, &["image"]).to_owned())
            .filter(|image| !self.pulled.contains(&format!("{node}/{image}")))
            .collect();
        images.dedup();
        images
    }

    /// The first image that cannot be pulled: container, image and the runtime's words.
    pub(super) fn pull_failure(&self, pod: &Value) -> Option<(String, String, String)> {
        let namespace = text(pod, &["metadata", "namespace"]);
        for container in list(&pod["spec"], &["initContainers"])
            .iter()
            .chain(list(&pod["spec"], &["containers"]))
        {
            let image = text(container, &["image"]);
            let name = text(container, &["name"]).to_owned();
            let Some(digest) = self.image_digest(image) else {
                let why = format!(
                    "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve \
                     reference \"{image}\": {image}: not found"
                );
                return Some((name, image.to_owned(), why));
            };
            let table = self.faults.table();
            if let Some(PodBehaviour::PullFails { message }) =
                table.behaviour(self.cluster(), namespace, &digest)
            {
                return Some((name, image.to_owned(), message.clone()));
            }
        }
        None
    }
}
