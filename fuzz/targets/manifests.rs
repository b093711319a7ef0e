//! A GitOps repository of any files is built without a panic: YAML, kustomizations, patches and overrides.
//!
//! The input is a repository: a line `=== path` begins a file. The folder of the first one is built.
#![no_main]
#![expect(dead_code, reason = "the forge uses more of these files")]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/forge/src/declared/build.rs"]
mod build;
#[path = "../../crates/forge/src/declared/images.rs"]
mod images;
#[path = "../../crates/forge/src/declared/patch.rs"]
mod patch;
#[path = "../../crates/forge/src/declared/place.rs"]
mod place;
#[path = "../../crates/forge/src/declared/set.rs"]
mod set;
#[path = "../../crates/forge/src/declared/yaml.rs"]
mod yaml;

use build::{Documents, Entry, Files, build};

struct Repository(BTreeMap<String, String>);

impl Files for Repository {
    fn entry(&mut self, path: &str) -> Entry {
        if self.0.contains_key(path) {
            return Entry::File;
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = self.0.keys().filter_map(|file| file.strip_prefix(&prefix));
        let names: BTreeSet<String> = below
            .map(|rest| match rest.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => rest.to_owned(),
            })
            .collect();
        match names.is_empty() {
            true => Entry::Missing,
            false => Entry::Folder(names.into_iter().collect()),
        }
    }

    fn documents(&mut self, path: &str) -> Documents {
        let text = self.0.get(path).map(String::as_str).unwrap_or_default();
        yaml::parse(&path.into(), text, 1)
            .map(Rc::new)
            .map_err(|error| error.to_string().into())
    }
}

fuzz_target!(|text: &str| {
    let mut files = BTreeMap::new();
    let mut first = None;
    for part in text.split("=== ").skip(1) {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        let path = path.trim().trim_matches('/').to_owned();
        first.get_or_insert_with(|| path.clone());
        files.insert(path, content.to_owned());
    }
    let first = first.unwrap_or_default();
    let folder = first.rsplit_once('/').map_or("", |(folder, _)| folder);
    let built = build(&mut Repository(files), folder);
    // What a kustomization says by itself has no line of its own only where nothing is named.
    assert!(built.images.iter().all(|image| image.line > 0));
});
