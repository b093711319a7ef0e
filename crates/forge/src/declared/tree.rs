//! The trees of a history, read as files for a build, and what a build looked at.
//!
//! Owns the caches of one walk, and the comparison that tells whether a tree has everything as it was when it was looked
//! at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use gix::ObjectId;
use gix::bstr::ByteSlice as _;

use super::build::{Documents, Entry, Files};
use super::place::kustomization;
use super::yaml::parse;
use crate::error::Trouble;
use crate::git::history::damaged;

/// Files larger than this are not parsed.
const MAX_FILE: usize = 1024 * 1024;
/// Folders kept in memory along a walk.
const MAX_FOLDERS: usize = 50_000;

/// What a build looked at.
pub(crate) enum Watch {
    /// This and everything below it; `None`: that there is nothing.
    Exact(Option<ObjectId>),
    /// Some things below this folder.
    Within(ObjectId, BTreeMap<String, Watch>),
}

#[derive(Clone)]
struct Item {
    name: String,
    is_folder: bool,
    is_file: bool,
    id: ObjectId,
}

impl Item {
    fn new(entry: &gix::objs::tree::EntryRef<'_>) -> Self {
        Self {
            name: entry.filename.to_str_lossy().into_owned(),
            is_folder: entry.mode.is_tree(),
            is_file: entry.mode.is_blob(),
            id: entry.oid.to_owned(),
        }
    }
}

/// The trees of one repository, for one walk.
pub(crate) struct Trees<'a> {
    repository: &'a gix::Repository,
    folders: HashMap<ObjectId, Rc<Vec<Item>>>,
    /// The same content at another path is another file: its values name the path.
    files: HashMap<(ObjectId, String), Documents>,
}

impl<'a> Trees<'a> {
    /// Trees of which none was read yet.
    pub(crate) fn new(repository: &'a gix::Repository) -> Self {
        Self {
            repository,
            folders: HashMap::new(),
            files: HashMap::new(),
        }
    }

    /// Adds one path to what is watched.
    fn note(&self, watch: &mut Watch, path: &str) -> Result<(), Trouble> {
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, rest),
            None => (path, ""),
        };
        let Watch::Within(folder, below) = watch else {
            return Ok(());
        };
        if first.is_empty() {
            *watch = Watch::Exact(Some(*folder));
            return Ok(());
        }
        let here = self.item(*folder, first)?;
        match here {
            Some(item) if !rest.is_empty() && item.is_folder => {
                let next = below
                    .entry(first.to_owned())
                    .or_insert_with(|| Watch::Within(item.id, BTreeMap::new()));
                self.note(next, rest)
            }
            // The end of the path, or of what there is of it.
            here => {
                below.insert(first.to_owned(), Watch::Exact(here.map(|item| item.id)));
                Ok(())
            }
        }
    }

    /// Whether a tree has everything as it was when it was looked at.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn unchanged(&self, watch: &Watch, tree: Option<ObjectId>) -> Result<bool, Trouble> {
        match watch {
            Watch::Exact(id) => Ok(*id == tree),
            Watch::Within(id, below) => {
                if Some(*id) == tree {
                    return Ok(true);
                }
                for (name, watch) in below {
                    let item = match tree {
                        Some(tree) => self.item(tree, name)?,
                        None => None,
                    };
                    // A folder that became a file is no folder to look into.
                    let id = match watch {
                        Watch::Within(..) => item.filter(|item| item.is_folder),
                        Watch::Exact(_) => item,
                    }
                    .map(|item| item.id);
                    if !self.unchanged(watch, id)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// One name in a folder. Not worth listing the folder for: along a history nearly every folder is looked at once.
    fn item(&self, folder: ObjectId, name: &str) -> Result<Option<Item>, Trouble> {
        if let Some(known) = self.folders.get(&folder) {
            return Ok(known.iter().find(|item| item.name == name).cloned());
        }
        let tree = self
            .repository
            .find_tree(folder)
            .map_err(|error| damaged(&error))?;
        for entry in gix::objs::TreeRefIter::from_bytes(&tree.data, folder.kind()) {
            let entry = entry.map_err(|error| damaged(&error))?;
            if entry.filename == name {
                return Ok(Some(Item::new(&entry)));
            }
        }
        Ok(None)
    }

    fn folder(&mut self, id: ObjectId) -> Result<Rc<Vec<Item>>, Trouble> {
        if let Some(known) = self.folders.get(&id) {
            return Ok(Rc::clone(known));
        }
        let tree = self
            .repository
            .find_tree(id)
            .map_err(|error| damaged(&error))?;
        let decoded = tree.decode().map_err(|error| damaged(&error))?;
        let items = decoded.entries.iter().map(Item::new).collect::<Vec<_>>();
        if self.folders.len() >= MAX_FOLDERS {
            self.folders.clear();
        }
        let items = Rc::new(items);
        self.folders.insert(id, Rc::clone(&items));
        Ok(items)
    }

    /// What stands at a path of a tree, by its content; `None` if nothing does.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn id(&self, tree: ObjectId, path: &str) -> Result<Option<ObjectId>, Trouble> {
        Ok(self.find(tree, path)?.map(|item| item.id))
    }

    fn find(&self, tree: ObjectId, path: &str) -> Result<Option<Item>, Trouble> {
        let mut at = Item {
            name: String::new(),
            is_folder: true,
            is_file: false,
            id: tree,
        };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !at.is_folder {
                return Ok(None);
            }
            match self.item(at.id, part)? {
                Some(item) => at = item,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn documents(&mut self, id: ObjectId, path: &str) -> Result<Documents, Trouble> {
        let key = (id, path.to_owned());
        if let Some(known) = self.files.get(&key) {
            return Ok(known.clone());
        }
        let blob = self
            .repository
            .find_object(id)
            .map_err(|error| damaged(&error))?;
        let documents = read(path, &blob.data);
        self.files.insert(key, documents.clone());
        Ok(documents)
    }
}

/// The documents of a file's content.
fn read(path: &str, content: &[u8]) -> Documents {
    if content.len() > MAX_FILE {
        // Files this large hold CustomResourceDefinitions, which name no images. If not, that is said.
        let workloads = [
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "HelmRelease",
            "CronJob",
            "Job",
            "Pod",
        ];
        let has_workload = workloads
            .iter()
            .any(|kind| content.contains_str(format!("\nkind: {kind}\n")));
        return if has_workload {
            Err("larger than 1 MiB, so it was not read".into())
        } else {
            Ok(Rc::default())
        };
    }
    let text = std::str::from_utf8(content).map_err(|_| Rc::from("it is no text"))?;
    parse(&path.into(), text, 1)
        .map(Rc::new)
        .map_err(|error| error.to_string().into())
}

/// One tree, read for one build.
pub(crate) struct Reader<'a, 'w> {
    trees: &'w mut Trees<'a>,
    tree: ObjectId,
    looked: BTreeSet<String>,
    /// A damaged copy; the build goes on as if nothing were there, and its result is thrown away.
    trouble: Option<Trouble>,
}

impl<'a, 'w> Reader<'a, 'w> {
    /// A reader of a tree that has looked at nothing yet.
    pub(crate) fn new(trees: &'w mut Trees<'a>, tree: ObjectId) -> Self {
        Self {
            trees,
            tree,
            looked: BTreeSet::new(),
            trouble: None,
        }
    }

    /// The files and folders that it looked at so far.
    pub(crate) fn looked(&self) -> &BTreeSet<String> {
        &self.looked
    }

    /// Takes a folder for looked at, with everything that is in it.
    pub(crate) fn look_at_all_of(&mut self, folder: &str) {
        self.looked.insert(folder.to_owned());
    }

    /// What it looked at.
    ///
    /// # Errors
    /// The copy is damaged, and what was built is worth nothing.
    pub(crate) fn watch(self) -> Result<Watch, Trouble> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let mut watch = Watch::Within(self.tree, BTreeMap::new());
        for path in &self.looked {
            self.trees.note(&mut watch, path)?;
        }
        Ok(watch)
    }

    fn find(&mut self, path: &str) -> Option<Item> {
        match self.trees.find(self.tree, path) {
            Ok(item) => item,
            Err(trouble) => {
                self.trouble = Some(trouble);
                None
            }
        }
    }
}

impl Files for Reader<'_, '_> {
    fn entry(&mut self, path: &str) -> Entry {
        let Some(item) = self.find(path) else {
            self.looked.insert(path.to_owned());
            return Entry::Missing;
        };
        if item.is_file {
            self.looked.insert(path.to_owned());
            return Entry::File;
        }
        if !item.is_folder {
            // A link or a submodule: nothing that we follow.
            self.looked.insert(path.to_owned());
            return Entry::Missing;
        }
        let items = match self.trees.folder(item.id) {
            Ok(items) => items,
            Err(trouble) => {
                self.trouble = Some(trouble);
                return Entry::Missing;
            }
        };
        let names = items
            .iter()
            .map(|item| {
                if item.is_folder {
                    format!("{}/", item.name)
                } else {
                    item.name.clone()
                }
            })
            .collect::<Vec<_>>();
        // A kustomization says what else belongs to the folder; without one, all of it does.
        let looked = kustomization(path, &names).unwrap_or_else(|| path.to_owned());
        self.looked.insert(looked);
        Entry::Folder(names)
    }

    fn documents(&mut self, path: &str) -> Documents {
        let Some(item) = self.find(path) else {
            self.looked.insert(path.to_owned());
            return Err("it does not exist".into());
        };
        self.looked.insert(path.to_owned());
        if !item.is_file {
            return Err("it is no file".into());
        }
        match self.trees.documents(item.id, path) {
            Ok(documents) => documents,
            Err(trouble) => {
                self.trouble = Some(trouble);
                Ok(Rc::default())
            }
        }
    }
}
