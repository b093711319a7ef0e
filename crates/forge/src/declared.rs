//! What a path of a GitOps repository declared over time.
//!
//! Owns the walk along a branch's history, simplified as `git log -- path` does it, and the short cut that makes it cheap:
//! each build remembers every file and folder it looked at, and a commit that has the same ones declares the same.
//! What one commit declares is [`build`]'s. Blocking.

mod build;
mod images;
mod patch;
mod yaml;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

use facts::code::{Declared, DeclaredHistory};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;

use self::build::{Entry, Files, State, build, normal, same};
use self::yaml::{Node, parse};
use crate::error::Trouble;
use crate::git::history::{History, damaged};

/// Commits looked at. Most cost a comparison of a few folders' names.
const MAX_COMMITS: usize = 2_000;
/// Builds made: commits at which something changed that the path looks at.
const MAX_BUILDS: usize = 500;
/// Files larger than this are not parsed.
const MAX_FILE: usize = 1024 * 1024;
/// Folders kept in memory along a walk.
const MAX_FOLDERS: usize = 50_000;

/// The history of a path on a branch; `None` if there is no such branch. `known` is what an earlier head said.
///
/// # Errors
/// The copy is damaged.
pub(crate) fn history(
    history: &History<'_>,
    branch: &str,
    path: &str,
    known: Option<&DeclaredHistory>,
) -> Result<Option<DeclaredHistory>, Trouble> {
    let Some(head) = history.branch(branch) else {
        return Ok(None);
    };
    let Some(place) = history.graph.place(&head) else {
        return Ok(None);
    };
    let mut walk = Walk {
        history,
        path: normal(path),
        folders: HashMap::new(),
        files: HashMap::new(),
        builds: 0,
    };
    let at_head = walk.evaluate(history.graph.tree(place))?;
    let mut entries: Vec<Declared> = Vec::new();
    let mut queue = BinaryHeap::from([(history.graph.time(place), place)]);
    let mut states = HashMap::from([(place, Rc::clone(&at_head))]);
    let mut seen = HashSet::from([place]);
    let mut complete = true;
    let mut last = (head, Rc::clone(&at_head));
    let mut looked = 0;
    while let Some((_, place)) = queue.pop() {
        let id = history.graph.id(place);
        let Some(state) = states.remove(&place) else {
            continue;
        };
        if let Some(known) = known
            && queue.is_empty()
            && id == known.head.as_str()
        {
            // From here on everything was walked before.
            entries.extend(known.entries.iter().cloned());
            complete = known.complete;
            break;
        }
        looked += 1;
        if looked > MAX_COMMITS || walk.builds > MAX_BUILDS {
            complete = false;
            break;
        }
        last = (id, Rc::clone(&state));
        let mut parents = Vec::new();
        for &parent in history.graph.parents(place) {
            let tree = history.graph.tree(parent);
            let before = if walk.unchanged(&state.watch, Some(tree))? {
                Rc::clone(&state)
            } else {
                walk.evaluate(tree)?
            };
            parents.push((parent, before));
        }
        let alike = parents
            .iter()
            .position(|(_, before)| same(&before.state, &state.state));
        match alike {
            // One parent explains it all: the others' histories ended without a trace.
            Some(at) => parents = vec![parents.swap_remove(at)],
            None => {
                let began = parents.is_empty() && walk.is_nothing(&state.state);
                if !began {
                    entries.push(walk.entry(id, &state.state)?);
                }
            }
        }
        for (parent, before) in parents {
            if seen.insert(parent) {
                states.insert(parent, before);
                queue.push((history.graph.time(parent), parent));
            }
        }
    }
    if entries.is_empty() {
        // Nothing changed as far as we looked, or nothing was ever there: what is declared now is still said.
        let (id, _) = if complete {
            (head, at_head.clone())
        } else {
            last
        };
        entries.push(walk.entry(id, &at_head.state)?);
    }
    if let Some(first) = entries.first_mut() {
        // Same images; but the lines should be those that a person finds now.
        first.images.clone_from(&at_head.state.images);
    }
    Ok(Some(DeclaredHistory {
        head: head.to_string(),
        entries,
        complete,
    }))
}

/// What one tree declares, and what had to be looked at to know it.
struct Evaluated {
    state: State,
    watch: Watch,
}

/// What a build looked at.
enum Watch {
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

/// The parsed documents of a file, or why there are none.
type Documents = Result<Rc<Vec<Rc<Node>>>, Rc<str>>;

struct Walk<'a> {
    history: &'a History<'a>,
    path: String,
    folders: HashMap<ObjectId, Rc<Vec<Item>>>,
    /// The same content at another path is another file: its values name the path.
    files: HashMap<(ObjectId, String), Documents>,
    builds: usize,
}

impl Walk<'_> {
    fn evaluate(&mut self, tree: ObjectId) -> Result<Rc<Evaluated>, Trouble> {
        self.builds += 1;
        let path = self.path.clone();
        let mut reader = Reader {
            walk: self,
            tree,
            looked: BTreeSet::new(),
            trouble: None,
        };
        let state = build(&mut reader, &path);
        let Reader {
            looked, trouble, ..
        } = reader;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let mut watch = Watch::Within(tree, BTreeMap::new());
        for path in looked {
            self.note(&mut watch, &path)?;
        }
        Ok(Rc::new(Evaluated { state, watch }))
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
    fn unchanged(&self, watch: &Watch, tree: Option<ObjectId>) -> Result<bool, Trouble> {
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
            .history
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
            .history
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
            .history
            .repository
            .find_object(id)
            .map_err(|error| damaged(&error))?;
        let documents = read(path, &blob.data);
        self.files.insert(key, documents.clone());
        Ok(documents)
    }

    fn entry(&self, id: ObjectId, state: &State) -> Result<Declared, Trouble> {
        let commit = self.history.read(id)?.ok_or_else(|| {
            Trouble::Other(format!(
                "the copy of the repository is damaged: no commit {id}"
            ))
        })?;
        Ok(Declared {
            commit,
            images: state.images.clone(),
            broken: state.broken.clone(),
        })
    }

    /// Whether this is what a path declares before it exists.
    fn is_nothing(&self, state: &State) -> bool {
        struct Nowhere;
        impl Files for Nowhere {
            fn entry(&mut self, _: &str) -> Entry {
                Entry::Missing
            }
            fn documents(&mut self, _: &str) -> Documents {
                Ok(Rc::default())
            }
        }
        same(state, &build(&mut Nowhere, &self.path))
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
    parse(&path.into(), text, 1).map(Rc::new).map_err(Rc::from)
}

/// One tree, read for one build.
struct Reader<'a, 'w> {
    walk: &'w mut Walk<'a>,
    tree: ObjectId,
    looked: BTreeSet<String>,
    /// A damaged copy; the build goes on as if nothing were there, and its result is thrown away.
    trouble: Option<Trouble>,
}

impl Reader<'_, '_> {
    fn find(&mut self, path: &str) -> Option<Item> {
        match self.walk.find(self.tree, path) {
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
        let items = match self.walk.folder(item.id) {
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
        let kustomization = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
            .iter()
            .find(|name| names.iter().any(|known| known == **name));
        match kustomization {
            // Its kustomization says what else belongs to it.
            Some(name) => {
                let file = if path.is_empty() {
                    (*name).to_owned()
                } else {
                    format!("{path}/{name}")
                };
                self.looked.insert(file);
            }
            None => {
                self.looked.insert(path.to_owned());
            }
        }
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
        match self.walk.documents(item.id, path) {
            Ok(documents) => documents,
            Err(trouble) => {
                self.trouble = Some(trouble);
                Ok(Rc::default())
            }
        }
    }
}
