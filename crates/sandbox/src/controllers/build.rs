//! A subset of `kustomize build`, as Flux runs it: from the files of a commit to the objects to apply.
//!
//! Owns kustomization.yaml's `resources` (files and folders), `components`, `namespace`, `images`, `replicas`, `labels`,
//! `commonAnnotations` and `patches`, the folder without a kustomization.yaml, and `postBuild.substitute`. Generators,
//! name prefixes, remote bases and the rest are refused with a message rather than ignored.

mod patch;
mod transform;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;

use super::fields::{list, text};
use super::refusal::Refusal;

pub use patch::three_way;

/// The files of a commit: path from the root to content.
pub type Files = BTreeMap<String, String>;

/// What of kustomization.yaml is understood.
const KNOWN: [&str; 12] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "components",
    "namespace",
    "images",
    "replicas",
    "labels",
    "commonAnnotations",
    "patches",
    "sortOptions",
];

/// The files of a folder, by its path with a slash.
fn below<'a>(files: &'a Files, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a String)> {
    files
        .range(folder.to_owned()..)
        .take_while(move |(path, _)| path.starts_with(folder))
}

/// How many texts are kept read.
const KEPT_TEXTS: usize = 2000;

/// The documents of YAML texts that were read before, by the text.
pub type Parsed = RefCell<HashMap<String, Arc<Vec<Value>>>>;

/// Where the files lie in the messages: the controller's temporary folder.
pub struct Workspace<'a> {
    /// The files.
    pub files: &'a Files,
    /// `/tmp/kustomization-1234567890`
    pub folder: &'a str,
    /// What was read before.
    pub parsed: &'a Parsed,
    /// What this build looked at.
    pub inputs: RefCell<Inputs>,
}

/// What a build looked at: as long as none of it differs, another build would give the same.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files that were asked for, there or not.
    files: BTreeSet<String>,
    /// Folders of which every file counts, with a slash at the end, or empty for all.
    folders: BTreeSet<String>,
}

impl Inputs {
    /// Whether two commits have the same of it.
    pub fn same(&self, old: &Files, new: &Files) -> bool {
        self.files.iter().all(|path| old.get(path) == new.get(path))
            && self
                .folders
                .iter()
                .all(|folder| below(old, folder).eq(below(new, folder)))
    }
}

/// Builds the folder `path` (`./apps/shop`, without or with the dot), in the order of the files.
///
/// # Errors
/// The words that kustomize-controller puts into its Ready condition.
pub fn build(workspace: &Workspace<'_>, path: &str) -> Result<Vec<Value>, Refusal> {
    let path = normal("", path).unwrap_or_default();
    let built = if workspace.kustomization(&path).is_some() {
        // Flux reads the file itself before it builds, to add to it; what it cannot read it says in its own words.
        workspace.readable(&path)?;
        workspace
            .folder(&path, 0)
            .map_err(|error| Refusal(format!("kustomize build failed: {error}")))?
    } else {
        workspace.plain(&path)?
    };
    for object in &built {
        if text(object, &["kind"]).is_empty()
            || text(object, &["apiVersion"]).is_empty()
            || text(object, &["metadata", "name"]).is_empty()
        {
            return Err(Refusal(format!(
                "failed to decode Kubernetes apiVersion, kind and name from: {object}"
            )));
        }
    }
    Ok(built)
}

/// Whether the folder is in the commit.
pub fn exists(files: &Files, path: &str) -> bool {
    normal("", path).is_some_and(|path| {
        path.is_empty()
            || files
                .range(format!("{path}/")..)
                .next()
                .is_some_and(|(file, _)| {
                    file.strip_prefix(&path)
                        .is_some_and(|rest| rest.starts_with('/'))
                })
    })
}

/// Whether a manifest's kind lives outside namespaces.
pub fn is_cluster_wide(manifest: &Value) -> bool {
    transform::cluster_wide(text(manifest, &["kind"]))
}

/// What a Flux Kustomization's own spec does to what its path builds: target namespace, images and patches.
///
/// # Errors
/// A patch cannot be read or has no target.
pub fn overlay(built: &mut [Value], spec: &Value) -> Result<(), Refusal> {
    for patch in list(spec, &["patches"]) {
        patch::apply(built, text(patch, &["patch"]), patch.get("target"))
            .map_err(|error| Refusal(format!("kustomize build failed: {error}")))?;
    }
    let mut changes = serde_json::json!({"images": spec.get("images"), "components": []});
    if let Some(namespace) = spec.get("targetNamespace") {
        changes["namespace"] = namespace.clone();
    }
    if let Some(common) = spec.get("commonMetadata") {
        changes["commonAnnotations"] = common.get("annotations").cloned().unwrap_or_default();
        changes["labels"] = serde_json::json!([{"pairs": common.get("labels")}]);
    }
    transform::all(built, &changes);
    Ok(())
}

/// Replaces `${name}` by what `spec.postBuild.substitute` says, in every text of the objects.
pub fn substitute(objects: &mut [Value], variables: &Value) {
    let Some(variables) = variables.as_object() else {
        return;
    };
    for object in objects {
        transform::texts(object, &mut |text| {
            for (name, value) in variables {
                if let Some(value) = value.as_str() {
                    *text = text.replace(&format!("${{{name}}}"), value);
                }
            }
        });
    }
}

/// A path relative to a folder, without `.` and `..`; `None` if it leaves the repository.
fn normal(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The documents of a YAML text, `List`s taken apart.
fn documents(content: &str) -> Result<Vec<Value>, Refusal> {
    let mut objects = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(content) {
        let value = Value::deserialize(document).map_err(|error| Refusal(yaml_words(&error)))?;
        if value.is_null() {
            continue;
        }
        if text(&value, &["kind"]) == "List" {
            objects.extend(list(&value, &["items"]).iter().cloned());
        } else {
            objects.push(value);
        }
    }
    Ok(objects)
}

/// A YAML error in the words of Go's library: `yaml: line 3: did not find expected key`.
fn yaml_words(error: &serde_yaml_ng::Error) -> String {
    let words = error.to_string();
    let what = words
        .split(" at line ")
        .next()
        .unwrap_or(&words)
        .split(", while ")
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.location() {
        Some(location) => format!("yaml: line {}: {what}", location.line()),
        None => format!("yaml: {what}"),
    }
}

impl Workspace<'_> {
    /// The documents of a YAML text, read once.
    fn documents(&self, content: &str) -> Result<Vec<Value>, Refusal> {
        if let Some(known) = self.parsed.borrow().get(content) {
            return Ok(Vec::clone(known));
        }
        let read = documents(content)?;
        let mut parsed = self.parsed.borrow_mut();
        if parsed.len() > KEPT_TEXTS {
            parsed.clear();
        }
        parsed.insert(content.to_owned(), Arc::new(read.clone()));
        Ok(read)
    }

    fn file(&self, path: &str) -> Option<&str> {
        self.inputs.borrow_mut().files.insert(path.to_owned());
        self.files.get(path).map(String::as_str)
    }

    /// A folder's kustomization file and its path.
    fn kustomization(&self, folder: &str) -> Option<(String, &str)> {
        ["kustomization.yaml", "kustomization.yml", "Kustomization"]
            .iter()
            .find_map(|name| {
                let path = normal(folder, name)?;
                let content = self.file(&path)?;
                Some((path, content))
            })
    }

    /// A folder without a kustomization file: every manifest below it, except in folders that have their own.
    fn plain(&self, folder: &str) -> Result<Vec<Value>, Refusal> {
        let mut built = Vec::new();
        let below = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut done: Vec<String> = Vec::new();
        self.inputs.borrow_mut().folders.insert(below.clone());
        for (path, content) in self.files.range(below.clone()..) {
            let Some(rest) = path.strip_prefix(&below) else {
                break;
            };
            if done.iter().any(|own| path.starts_with(own.as_str())) {
                continue;
            }
            let nested = rest
                .match_indices('/')
                .map(|(end, _)| format!("{below}{}", &rest[..end]))
                .find(|inner| self.kustomization(inner).is_some());
            if let Some(inner) = nested {
                built.extend(
                    self.folder(&inner, 0)
                        .map_err(|error| Refusal(format!("kustomize build failed: {error}")))?,
                );
                done.push(format!("{inner}/"));
            } else if path.ends_with(".yaml") || path.ends_with(".yml") {
                built.extend(self.documents(content).map_err(|error| {
                    Refusal(format!(
                        "failed to decode Kubernetes YAML from {}/{path}: error converting YAML to JSON: {error}",
                        self.folder
                    ))
                })?);
            }
        }
        Ok(built)
    }

    /// Whether a folder's kustomization file is YAML.
    fn readable(&self, folder: &str) -> Result<(), Refusal> {
        let Some((_, content)) = self.kustomization(folder) else {
            return Ok(());
        };
        self.documents(content)
            .map(drop)
            .map_err(|error| Refusal(format!("error converting YAML to JSON: {error}")))
    }

    /// A folder with a kustomization file.
    fn folder(&self, folder: &str, depth: usize) -> Result<Vec<Value>, Refusal> {
        let Some((path, content)) = self.kustomization(folder) else {
            return Err(Refusal(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}/{folder}'",
                self.folder
            )));
        };
        if depth > 16 {
            return Err(Refusal(format!("cycle detected at '{folder}'")));
        }
        let spec = self
            .documents(content)
            .map_err(|error| {
                Refusal(format!(
                    "invalid Kustomization: error converting YAML to JSON: {error} in File: {path}"
                ))
            })?
            .into_iter()
            .next()
            .unwrap_or_default();
        if let Some(unknown) = spec
            .as_object()
            .and_then(|map| map.keys().find(|key| !KNOWN.contains(&key.as_str())))
        {
            return Err(Refusal(format!(
                "invalid Kustomization: json: unknown field \"{unknown}\""
            )));
        }
        let mut built = Vec::new();
        for resource in list(&spec, &["resources"]).iter().filter_map(Value::as_str) {
            built.extend(self.resource(folder, resource, depth)?);
        }
        for component in list(&spec, &["components"])
            .iter()
            .filter_map(Value::as_str)
        {
            // A component's own resources join, and its transformations then act on everything so far.
            let inner = normal(folder, component).unwrap_or_default();
            let Some((_, content)) = self.kustomization(&inner) else {
                return Err(self.missing(folder, component));
            };
            let spec = self
                .documents(content)?
                .into_iter()
                .next()
                .unwrap_or_default();
            for resource in list(&spec, &["resources"]).iter().filter_map(Value::as_str) {
                built.extend(self.resource(&inner, resource, depth)?);
            }
            self.transform(&inner, &spec, &mut built)?;
        }
        self.transform(folder, &spec, &mut built)?;
        Ok(built)
    }

    fn resource(&self, folder: &str, resource: &str, depth: usize) -> Result<Vec<Value>, Refusal> {
        let inside = normal(folder, resource).ok_or_else(|| self.missing(folder, resource))?;
        if let Some(content) = self.file(&inside) {
            return self.documents(content).map_err(|error| {
                Refusal(format!(
                    "accumulating resources: accumulation err='accumulating resources from '{resource}': \
                     MalformedYAMLError: {error} in File: {resource}': must build at directory: \
                     '{}/{inside}': file is not directory",
                    self.folder
                ))
            });
        }
        if exists(self.files, &inside) {
            // Whether it is there is seen by its kustomization file.
            return self.folder(&inside, depth + 1).map_err(|error| {
                Refusal(format!(
                    "accumulating resources: accumulation err='accumulating resources from '{resource}': read \
                     {0}/{inside}: is a directory': recursed accumulation of path '{0}/{inside}': {error}",
                    self.folder
                ))
            });
        }
        Err(self.missing(folder, resource))
    }

    fn missing(&self, folder: &str, resource: &str) -> Refusal {
        let place = format!(
            "{}/{}",
            self.folder,
            normal(folder, resource).unwrap_or_default()
        );
        Refusal(format!(
            "accumulating resources: accumulation err='accumulating resources from '{resource}': open {place}: \
             no such file or directory': must build at directory: not a valid directory: evalsymlink failure on \
             '{place}' : lstat {place}: no such file or directory"
        ))
    }

    fn transform(&self, folder: &str, spec: &Value, built: &mut [Value]) -> Result<(), Refusal> {
        for patch in list(spec, &["patches"]) {
            let content = match text(patch, &["path"]) {
                "" => text(patch, &["patch"]),
                path => normal(folder, path)
                    .and_then(|inside| self.file(&inside))
                    .ok_or_else(|| {
                        Refusal(format!(
                            "trouble configuring builtin PatchTransformer with config: `\npath: {path}\n`: failed to \
                             get the patch file from path({path}): evalsymlink failure on '{}/{}' : no such file or \
                             directory",
                            self.folder,
                            normal(folder, path).unwrap_or_default()
                        ))
                    })?,
            };
            patch::apply(built, content, patch.get("target"))?;
        }
        transform::all(built, spec);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
