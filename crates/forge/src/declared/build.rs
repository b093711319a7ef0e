//! What a path declares: kustomize's build, as far as images are concerned. Pure over [`Files`].
//!
//! Owns which files belong to a path (kustomization.yaml with its bases and components, or all YAML below the folder, as
//! Flux does), in which order patches and overrides apply, and what is broken. It renders no charts and reads nothing
//! from other repositories.

use std::collections::BTreeSet;
use std::rc::Rc;

use facts::code::DeclaredImage;

use super::images::{Override, Written, images};
use super::patch::{Target, deletes, json_patch, merge};
use super::yaml::{Node, Value, parse};

/// Bases of bases deeper than this are a circle that we failed to see.
const MAX_DEPTH: usize = 32;
/// More manifests than this in one path are not read to the end; that is said.
const MAX_MANIFESTS: usize = 20_000;

/// The files of one commit.
pub(crate) trait Files {
    /// What stands at a path.
    fn entry(&mut self, path: &str) -> Entry;
    /// The YAML documents of a file.
    fn documents(&mut self, path: &str) -> Result<Rc<Vec<Rc<Node>>>, Rc<str>>;
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file.
    File,
    /// A folder with these names, folders' names ending in `/`.
    Folder(Vec<String>),
    /// Nothing.
    Missing,
}

/// What a path declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The images, each once, in order.
    pub(crate) images: Vec<DeclaredImage>,
    /// The first thing that cannot be read, and why.
    pub(crate) broken: Option<(String, String)>,
}

/// Builds a path.
pub(crate) fn build(files: &mut dyn Files, path: &str) -> State {
    let path = normal(path);
    let mut build = Build {
        files,
        broken: None,
        open: Vec::new(),
    };
    let mut set = Set::default();
    match build.files.entry(&path) {
        Entry::Missing => build.broken(&path, "there is no such folder"),
        Entry::File => build.file(&path, &mut set),
        Entry::Folder(names) => match kustomization(&path, &names) {
            Some(file) => build.kustomization(&path, &file, &mut set),
            None => build.folder(&path, &names, &mut set),
        },
    }
    let mut found = set.finish();
    found.sort();
    found.dedup();
    State {
        images: found,
        broken: build.broken,
    }
}

/// Manifests on their way through a build.
#[derive(Default)]
struct Set {
    manifests: Vec<Manifest>,
    /// Overrides that may change what we cannot see: images of other repositories' bases.
    unseen: Vec<Override>,
    has_unseen: bool,
}

struct Manifest {
    node: Rc<Node>,
    /// Every name it had: prefixes rename, patches may use any of the names.
    names: Vec<String>,
    /// For a ConfigMap: its files that are YAML, by key.
    files: Vec<(String, Rc<Node>)>,
}

impl Manifest {
    fn new(node: Rc<Node>) -> Self {
        let name = node.at(&["metadata", "name"]).and_then(|name| name.text());
        Self {
            names: name.map(ToOwned::to_owned).into_iter().collect(),
            files: Vec::new(),
            node,
        }
    }
}

struct Build<'a> {
    files: &'a mut dyn Files,
    broken: Option<(String, String)>,
    /// The folders being built, from the outermost.
    open: Vec<String>,
}

impl Build<'_> {
    fn broken(&mut self, file: &str, why: impl Into<String>) {
        if self.broken.is_none() {
            let file = if file.is_empty() { "." } else { file };
            self.broken = Some((file.to_owned(), why.into()));
        }
    }

    fn documents(&mut self, path: &str) -> Rc<Vec<Rc<Node>>> {
        match self.files.documents(path) {
            Ok(documents) => documents,
            Err(why) => {
                self.broken(path, &*why);
                Rc::default()
            }
        }
    }

    /// A file of manifests.
    fn file(&mut self, path: &str, set: &mut Set) {
        for document in self.documents(path).iter() {
            // What has no kind is no manifest: values files lie about in many folders.
            if document.text_at("kind").is_none() {
                continue;
            }
            if set.manifests.len() >= MAX_MANIFESTS {
                self.broken(path, "too many manifests to read them all");
                return;
            }
            set.manifests.push(Manifest::new(Rc::clone(document)));
        }
    }

    /// A folder without a kustomization.yaml: Flux takes all YAML below it, and builds folders that have one.
    fn folder(&mut self, path: &str, names: &[String], set: &mut Set) {
        if self.open.len() >= MAX_DEPTH {
            self.broken(path, "nested too deeply");
            return;
        }
        self.open.push(path.to_owned());
        for name in names {
            if let Some(name) = name.strip_suffix('/') {
                let below = joined(path, name);
                let Entry::Folder(names) = self.files.entry(&below) else {
                    continue;
                };
                match kustomization(&below, &names) {
                    Some(file) => self.kustomization(&below, &file, set),
                    None => self.folder(&below, &names, set),
                }
            } else if name.ends_with(".yaml") || name.ends_with(".yml") {
                self.file(&joined(path, name), set);
            }
        }
        self.open.pop();
    }

    /// A folder with a kustomization.yaml, into a set of its own that joins `set` when it is done; a component changes
    /// `set` itself.
    fn kustomization(&mut self, folder: &str, file: &str, set: &mut Set) {
        if self.open.iter().any(|open| open == folder) {
            self.broken(file, "it contains itself");
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            self.broken(file, "nested too deeply");
            return;
        }
        let documents = self.documents(file);
        let Some(root) = documents.iter().find(|document| document.is_mapping()) else {
            return;
        };
        self.open.push(folder.to_owned());
        if root.text_at("kind") == Some("Component") {
            self.accumulate(folder, file, root, set);
        } else {
            let mut own = Set::default();
            self.accumulate(folder, file, root, &mut own);
            set.manifests.append(&mut own.manifests);
            set.unseen.append(&mut own.unseen);
            set.has_unseen |= own.has_unseen;
        }
        self.open.pop();
    }

    fn accumulate(&mut self, folder: &str, file: &str, root: &Node, set: &mut Set) {
        for list in ["resources", "bases", "components"] {
            for entry in root.items_at(list) {
                if let Some(entry) = entry.text() {
                    self.resource(folder, file, entry, set);
                }
            }
        }
        for generator in root.items_at("configMapGenerator") {
            self.config_map(folder, generator, set);
        }
        for chart in root.items_at("helmCharts") {
            if let Some(values) = chart.get("valuesInline") {
                set.manifests.push(Manifest::new(release_with(values)));
            }
        }
        self.patches(folder, root, set);
        for manifest in &mut set.manifests {
            rename(manifest, root);
        }
        let overrides = root
            .items_at("images")
            .iter()
            .filter_map(|entry| Override::read(entry))
            .collect::<Vec<_>>();
        for entry in &overrides {
            let mut hit = false;
            for manifest in &mut set.manifests {
                hit |= replace_images(&mut manifest.node, entry);
            }
            if !hit && set.has_unseen {
                set.unseen.push(entry.clone());
            }
        }
    }

    fn resource(&mut self, folder: &str, file: &str, entry: &str, set: &mut Set) {
        if is_remote(entry) {
            set.has_unseen = true;
            return;
        }
        let Some(path) = relative(folder, entry) else {
            self.broken(file, format!("{entry} lies outside of the repository"));
            return;
        };
        match self.files.entry(&path) {
            Entry::Missing => self.broken(file, format!("{entry} does not exist")),
            Entry::File => self.file(&path, set),
            Entry::Folder(names) => match kustomization(&path, &names) {
                Some(below) => self.kustomization(&path, &below, set),
                None => self.broken(file, format!("{entry} has no kustomization.yaml")),
            },
        }
    }

    /// A generated ConfigMap's YAML files: a HelmRelease may take its values from them.
    fn config_map(&mut self, folder: &str, generator: &Node, set: &mut Set) {
        let Some(name) = generator.text_at("name") else {
            return;
        };
        let mut files = Vec::new();
        for entry in generator.items_at("files") {
            let Some(entry) = entry.text() else { continue };
            let (key, path) = match entry.split_once('=') {
                Some((key, path)) => (key, path),
                None => (entry.rsplit('/').next().unwrap_or(entry), entry),
            };
            let is_yaml = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
            let Some(path) = relative(folder, path).filter(|path| is_yaml(path) || is_yaml(key))
            else {
                continue;
            };
            // Any text may be put into a ConfigMap: what is no YAML is no values file, not broken.
            if let Ok(documents) = self.files.documents(&path)
                && let Some(values) = documents.first()
            {
                files.push((key.to_owned(), Rc::clone(values)));
            }
        }
        set.manifests.push(Manifest {
            node: named("ConfigMap", name, generator),
            names: vec![name.to_owned()],
            files,
        });
    }

    fn patches(&mut self, folder: &str, root: &Node, set: &mut Set) {
        for entry in root.items_at("patchesStrategicMerge") {
            let Some(text) = entry.text() else { continue };
            let documents = if text.contains('\n') {
                self.inline(entry, text)
            } else {
                self.patch_file(folder, &root.file, text)
            };
            apply(set, &documents, None);
        }
        for list in ["patches", "patchesJson6902"] {
            for entry in root.items_at(list) {
                let target = entry.get("target").map(|target| Target::read(target));
                let documents = match (entry.get("patch"), entry.text_at("path")) {
                    (Some(patch), _) => match patch.text() {
                        Some(text) => self.inline(patch, text),
                        None => Rc::default(),
                    },
                    (None, Some(path)) => self.patch_file(folder, &root.file, path),
                    (None, None) => Rc::default(),
                };
                apply(set, &documents, target.as_ref());
            }
        }
    }

    fn patch_file(&mut self, folder: &str, file: &str, entry: &str) -> Rc<Vec<Rc<Node>>> {
        match relative(folder, entry) {
            Some(path) if self.files.entry(&path) == Entry::File => self.documents(&path),
            _ => {
                self.broken(file, format!("{entry} does not exist"));
                Rc::default()
            }
        }
    }

    /// YAML inside a YAML scalar; a block scalar begins on its first line of content.
    fn inline(&mut self, node: &Node, text: &str) -> Rc<Vec<Rc<Node>>> {
        match parse(&node.file, text, node.first_line_of(text)) {
            Ok(documents) => Rc::new(documents),
            Err(why) => {
                self.broken(&node.file, why);
                Rc::default()
            }
        }
    }
}

impl Set {
    fn finish(mut self) -> Vec<DeclaredImage> {
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
}

/// Applies merge or JSON patches to what they are for.
fn apply(set: &mut Set, documents: &[Rc<Node>], target: Option<&Target>) {
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
            set.manifests.retain(|manifest| !fits(manifest));
            continue;
        }
        for manifest in set.manifests.iter_mut().filter(|manifest| fits(manifest)) {
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

fn rename(manifest: &mut Manifest, root: &Node) {
    let prefix = root.text_at("namePrefix").unwrap_or_default();
    let suffix = root.text_at("nameSuffix").unwrap_or_default();
    if prefix.is_empty() && suffix.is_empty() {
        return;
    }
    if let Some(name) = manifest.names.last() {
        manifest.names.push(format!("{prefix}{name}{suffix}"));
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
fn release_with(values: &Rc<Node>) -> Rc<Node> {
    let mut spec = empty(values);
    spec.set("values", Rc::clone(values));
    let mut release = Node::clone(&named("HelmRelease", "", values));
    release.set("spec", Rc::new(spec));
    Rc::new(release)
}

fn named(kind: &str, name: &str, at: &Node) -> Rc<Node> {
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
        marker: None,
    }
}

/// The kustomization file among a folder's names.
fn kustomization(folder: &str, names: &[String]) -> Option<String> {
    ["kustomization.yaml", "kustomization.yml", "Kustomization"]
        .iter()
        .find(|name| names.iter().any(|known| known == **name))
        .map(|name| joined(folder, name))
}

/// Whether kustomize would fetch it from elsewhere.
fn is_remote(entry: &str) -> bool {
    let first = entry.split('/').next().unwrap_or_default();
    entry.contains("://")
        || entry.contains("?ref=")
        || entry.starts_with("git@")
        || entry.starts_with("git::")
        || (first.contains('.')
            && !first.starts_with('.')
            && entry.contains('/')
            && entry.contains("//"))
        || entry.starts_with("github.com/")
        || entry.starts_with("gitlab.com/")
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path from a folder; `None` if it leaves the repository.
fn relative(folder: &str, entry: &str) -> Option<String> {
    let mut parts = folder
        .split('/')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>();
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path without `./`, doubled or trailing slashes.
pub(crate) fn normal(path: &str) -> String {
    relative("", path).unwrap_or_default()
}

/// What two states have in common but for lines: a line that moved because of its neighbours changed nothing.
pub(crate) fn same(a: &State, b: &State) -> bool {
    let bare = |state: &State| {
        state
            .images
            .iter()
            .map(|image| {
                (
                    image.repository.clone(),
                    image.tag.clone(),
                    image.digest.clone(),
                    image.file.clone(),
                    image.marker.clone(),
                )
            })
            .collect::<BTreeSet<_>>()
    };
    a.broken == b.broken && bare(a) == bare(b)
}

#[cfg(test)]
mod tests;
