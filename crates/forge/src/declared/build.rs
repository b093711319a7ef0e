//! What a path declares: kustomize's build, as far as images are concerned. Pure over [`Files`].
//!
//! Owns which files belong to a path (kustomization.yaml with its bases and components, or all YAML below the folder, as
//! Flux does), in which order patches and overrides apply, and what is broken. It renders no charts and reads nothing
//! from other repositories.

use std::collections::BTreeSet;
use std::rc::Rc;

use facts::code::{DeclaredChart, DeclaredImage};

use super::images::Override;
use super::patch::Target;
use super::place::{is_remote, joined, kustomization, normal, relative};
use super::set::{Manifest, Set, named, release_with};
use super::yaml::{Node, parse};
use crate::edit::DeclaredSource;

/// Bases of bases deeper than this are a circle that we failed to see.
const MAX_DEPTH: usize = 32;
/// More manifests than this in one path are not read to the end; that is said.
const MAX_MANIFESTS: usize = 20_000;

/// Why a build gave up with things not looked at.
const TOO_MANY: &str = "too many manifests to read them all";
/// The same.
const TOO_DEEP: &str = "nested too deeply";

/// Whether a build that is broken for this reason left things that it did not look at.
pub(crate) fn gave_up(why: &str) -> bool {
    [TOO_MANY, TOO_DEEP].contains(&why)
}

/// The files of one commit.
pub(crate) trait Files {
    /// What stands at a path.
    fn entry(&mut self, path: &str) -> Entry;
    /// The YAML documents of a file.
    fn documents(&mut self, path: &str) -> Documents;
}

/// The parsed documents of a file, or why there are none.
pub(crate) type Documents = Result<Rc<Vec<Rc<Node>>>, Rc<str>>;

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
    /// The versions of charts that HelmReleases name.
    pub(crate) charts: Vec<DeclaredChart>,
    /// The references of OCIRepository objects.
    pub(crate) sources: Vec<DeclaredSource>,
    /// The first thing that cannot be read, and why.
    pub(crate) broken: Option<(String, String)>,
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

/// What a path declares before it exists.
pub(crate) fn before_it_exists(path: &str) -> State {
    struct Nowhere;
    impl Files for Nowhere {
        fn entry(&mut self, _: &str) -> Entry {
            Entry::Missing
        }
        fn documents(&mut self, _: &str) -> Documents {
            Ok(Rc::default())
        }
    }
    build(&mut Nowhere, path)
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
    let charts = set.charts();
    let sources = set.sources();
    let mut found = set.finish();
    found.sort();
    found.dedup();
    State {
        images: found,
        charts,
        sources,
        broken: build.broken,
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
                self.broken(path, TOO_MANY);
                return;
            }
            set.manifests.push(Manifest::new(Rc::clone(document)));
        }
    }

    /// A folder without a kustomization.yaml: Flux takes all YAML below it, and builds folders that have one.
    fn folder(&mut self, path: &str, names: &[String], set: &mut Set) {
        if self.open.len() >= MAX_DEPTH {
            self.broken(path, TOO_DEEP);
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
            self.broken(file, TOO_DEEP);
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
            set.append(own);
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
        set.rename(
            root.text_at("namePrefix").unwrap_or_default(),
            root.text_at("nameSuffix").unwrap_or_default(),
        );
        let overrides = root
            .items_at("images")
            .iter()
            .filter_map(|entry| Override::read(entry))
            .collect::<Vec<_>>();
        for entry in &overrides {
            set.replace_images(entry);
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
            set.patch(&documents, None);
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
                set.patch(&documents, target.as_ref());
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
                self.broken(&node.file, why.to_string());
                Rc::default()
            }
        }
    }
}

#[cfg(test)]
mod tests;
