//! Manifests on their way through a build: patched, renamed, overridden, and asked for their images in the end. Pure.
//!
//! Owns what happens to manifests. Which of them there are, and in which order what is done to them, is decided by the
//! build.

use std::rc::Rc;

use facts::code::{DeclaredChart, DeclaredImage};

use super::images::{Override, Written, images};
use super::patch::{Target, deletes, json_patch, merge};
use super::yaml::{Node, Value, parse};
use crate::edit::{DeclaredSource, Form};

/// Manifests on their way through a build.
#[derive(Default)]
pub(crate) struct Set {
    pub(crate) manifests: Vec<Manifest>,
    /// Overrides that may change what we cannot see: images of other repositories' bases.
    unseen: Vec<Override>,
    /// Whether there are such.
    pub(crate) has_unseen: bool,
}

/// One manifest.
pub(crate) struct Manifest {
    pub(crate) node: Rc<Node>,
    /// Every name it had: prefixes rename, patches may use any of the names.
    pub(crate) names: Vec<String>,
    /// For a ConfigMap: its files that are YAML, by key.
    pub(crate) files: Vec<(String, Rc<Node>)>,
}

impl Manifest {
    pub(crate) fn new(node: Rc<Node>) -> Self {
        let name = node.at(&["metadata", "name"]).and_then(|name| name.text());
        Self {
            names: name.map(ToOwned::to_owned).into_iter().collect(),
            files: Vec::new(),
            node,
        }
    }
}

impl Set {
    /// The images in the end.
    pub(crate) fn finish(mut self) -> Vec<DeclaredImage> {
        let releases = self
            .manifests
            .iter()
            .map(|manifest| self.with_values(&manifest.node))
            .collect::<Vec<_>>();
        for (manifest, node) in self.manifests.iter_mut().zip(releases) {
            if let Some(node) = node {
                manifest.node = node;
            }
        }
        let mut found = Vec::new();
        for manifest in &self.manifests {
            found.extend(images(&manifest.node));
        }
        found.extend(self.unseen.iter().filter_map(Override::alone));
        found
    }

    /// The versions of charts that HelmReleases name.
    pub(crate) fn charts(&self) -> Vec<DeclaredChart> {
        let is_release = |one: &&Manifest| one.node.text_at("kind") == Some("HelmRelease");
        let version = |one: &Manifest| {
            let version = one.node.at(&["spec", "chart", "spec", "version"])?;
            Some(DeclaredChart {
                release: one.names.last()?.clone(),
                version: version.text()?.to_owned(),
                file: version.file.to_string(),
                line: version.line,
            })
        };
        let releases = self.manifests.iter().filter(is_release);
        releases.filter_map(version).collect()
    }

    /// The references of OCIRepository objects.
    pub(crate) fn sources(&self) -> Vec<DeclaredSource> {
        let mut found = Vec::new();
        for one in &self.manifests {
            if one.node.text_at("kind") != Some("OCIRepository") {
                continue;
            }
            for (key, form) in [
                ("tag", Form::SourceTag),
                ("semver", Form::SourceRange),
                ("digest", Form::SourceDigest),
            ] {
                if let Some(node) = one.node.at(&["spec", "ref", key])
                    && let Some(value) = node.text()
                {
                    let url = one.node.at(&["spec", "url"]).and_then(|url| url.text());
                    found.push(DeclaredSource {
                        name: one.names.last().cloned().unwrap_or_default(),
                        url: url.unwrap_or_default().to_owned(),
                        form,
                        value: value.to_owned(),
                        file: node.file.to_string(),
                        line: node.line,
                    });
                }
            }
        }
        found
    }

    /// A HelmRelease with the values that its ConfigMaps hold below its own; `None` if it takes none from them.
    fn with_values(&self, release: &Node) -> Option<Rc<Node>> {
        if release.text_at("kind") != Some("HelmRelease") {
            return None;
        }
        let mut values: Option<Rc<Node>> = None;
        let mut add = |more: &Rc<Node>| {
            values = Some(match values.take() {
                Some(values) => merge(&values, more, ""),
                None => Rc::clone(more),
            });
        };
        let sources = release.at(&["spec", "valuesFrom"])?;
        for source in sources.items() {
            if source.text_at("kind") != Some("ConfigMap") {
                continue;
            }
            let name = source.text_at("name").unwrap_or_default();
            let key = source.text_at("valuesKey").unwrap_or("values.yaml");
            for manifest in &self.manifests {
                let is_it = manifest.node.text_at("kind") == Some("ConfigMap")
                    && manifest.names.iter().any(|known| known == name);
                if !is_it {
                    continue;
                }
                for (known, document) in &manifest.files {
                    if known == key {
                        add(document);
                    }
                }
                if let Some(text) = manifest.node.at(&["data", key])
                    && let Some(inner) = text.text()
                    && let Ok(documents) = parse(&text.file, inner, text.first_line_of(inner))
                    && let Some(document) = documents.first()
                {
                    add(document);
                }
            }
        }
        if let Some(own) = release.at(&["spec", "values"]) {
            add(own);
        }
        let values = values?;
        let mut release = release.clone();
        let mut spec = Node::clone(release.get("spec")?);
        spec.set("values", values);
        release.set("spec", Rc::new(spec));
        Some(Rc::new(release))
    }

    /// Applies merge or JSON patches to what they are for.
    pub(crate) fn patch(&mut self, documents: &[Rc<Node>], target: Option<&Target>) {
        for patch in documents {
            let is_json = matches!(patch.value, Value::Sequence(_));
            let own = Target::of(patch);
            let target = match target {
                Some(target) => target,
                None if is_json => continue,
                None => &own,
            };
            let fits = |manifest: &Manifest| target.fits(&manifest.node, &manifest.names);
            if !is_json && deletes(patch) {
                self.manifests.retain(|manifest| !fits(manifest));
                continue;
            }
            for manifest in self.manifests.iter_mut().filter(|manifest| fits(manifest)) {
                manifest.node = if is_json {
                    json_patch(&manifest.node, patch)
                } else {
                    let kept = manifest.node.get("metadata").cloned();
                    let mut merged = Node::clone(&merge(&manifest.node, patch, ""));
                    // A patch for many names its own placeholder, which renames nothing.
                    if let Some(metadata) = kept {
                        merged.set("metadata", metadata);
                    }
                    Rc::new(merged)
                };
            }
        }
    }

    /// Gives every manifest one more name.
    pub(crate) fn rename(&mut self, prefix: &str, suffix: &str) {
        if prefix.is_empty() && suffix.is_empty() {
            return;
        }
        for manifest in &mut self.manifests {
            if let Some(name) = manifest.names.last() {
                manifest.names.push(format!("{prefix}{name}{suffix}"));
            }
        }
    }

    /// Applies one override to every image of its name.
    pub(crate) fn replace_images(&mut self, entry: &Override) {
        let mut hit = false;
        for manifest in &mut self.manifests {
            hit |= replace_images(&mut manifest.node, entry);
        }
        if !hit && self.has_unseen {
            self.unseen.push(entry.clone());
        }
    }

    /// Takes another set in.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.manifests.append(&mut other.manifests);
        self.unseen.append(&mut other.unseen);
        self.has_unseen |= other.has_unseen;
    }
}

/// Applies one override to a manifest's images, and says whether it found one.
fn replace_images(node: &mut Rc<Node>, entry: &Override) -> bool {
    if !mentions(node, entry) {
        return false;
    }
    let changed = Rc::make_mut(node);
    match &mut changed.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for item in items {
                replace_images(item, entry);
            }
        }
        Value::Mapping(entries) => {
            for (key, value) in entries {
                match image_in(key, value).and_then(|image| {
                    let (image, at) = entry.apply(&image)?;
                    Some((image.text(), at.map(Rc::clone)))
                }) {
                    Some((text, at)) => {
                        let at = at.unwrap_or_else(|| Rc::clone(value));
                        *value = Rc::new(Node {
                            value: Value::Scalar(text.into()),
                            file: Rc::clone(&at.file),
                            line: at.line,
                            quoted: at.quoted,
                            marker: at.marker.clone(),
                        });
                    }
                    None => {
                        replace_images(value, entry);
                    }
                }
            }
        }
    }
    true
}

fn image_in(key: &str, value: &Node) -> Option<Written> {
    (key == "image")
        .then(|| value.text().map(Written::parse))
        .flatten()
}

fn mentions(node: &Node, entry: &Override) -> bool {
    match &node.value {
        Value::Scalar(_) => false,
        Value::Sequence(items) => items.iter().any(|item| mentions(item, entry)),
        Value::Mapping(entries) => entries.iter().any(|(key, value)| {
            image_in(key, value).is_some_and(|image| entry.apply(&image).is_some())
                || mentions(value, entry)
        }),
    }
}

/// A stand-in for a chart that kustomize itself renders.
pub(crate) fn release_with(values: &Rc<Node>) -> Rc<Node> {
    let mut spec = empty(values);
    spec.set("values", Rc::clone(values));
    let mut release = Node::clone(&named("HelmRelease", "", values));
    release.set("spec", Rc::new(spec));
    Rc::new(release)
}

/// A manifest with a kind and a name and nothing else.
pub(crate) fn named(kind: &str, name: &str, at: &Node) -> Rc<Node> {
    let scalar = |text: &str| {
        let mut node = empty(at);
        node.value = Value::Scalar(text.into());
        Rc::new(node)
    };
    let mut metadata = empty(at);
    metadata.set("name", scalar(name));
    let mut node = empty(at);
    node.set("kind", scalar(kind));
    node.set("metadata", Rc::new(metadata));
    Rc::new(node)
}

fn empty(at: &Node) -> Node {
    Node {
        value: Value::Mapping(Vec::new()),
        file: Rc::clone(&at.file),
        line: at.line,
        quoted: false,
        marker: None,
    }
}
