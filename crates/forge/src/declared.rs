//! What a path of a GitOps repository declared over time.
//!
//! Owns the walk along a branch's history, simplified as `git log -- path` does it, and the short cut that makes it cheap:
//! each build remembers every file and folder it looked at, and a commit that has the same ones declares the same.
//! What one commit declares is [`build`]'s. Blocking.

mod build;
mod changes;
mod concern;
mod images;
mod patch;
mod place;
mod set;
mod tree;
mod yaml;

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

use facts::code::{Declared, DeclaredHistory};
use gix::ObjectId;

pub(crate) use self::changes::changes;
pub(crate) use self::concern::concern;

use self::build::{State, before_it_exists, build, same};
pub(crate) use self::images::Written;
use self::place::normal;
use self::tree::{Reader, Trees, Watch};
use crate::error::Trouble;
use crate::git::history::History;

/// Commits looked at. Most cost a comparison of a few folders' names.
const MAX_COMMITS: usize = 2_000;
/// Builds made: commits at which something changed that the path looks at.
const MAX_BUILDS: usize = 500;

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
        trees: Trees::new(&history.repository),
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
            let before = if walk.trees.unchanged(&state.watch, Some(tree))? {
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
                let began = parents.is_empty() && same(&state.state, &before_it_exists(&walk.path));
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
        charts: at_head.state.charts.clone(),
    }))
}

/// What a path declares at a branch's head, with that commit; `None` if there is no such branch.
///
/// # Errors
/// The copy is damaged.
pub(crate) fn at_head(
    history: &History<'_>,
    branch: &str,
    path: &str,
) -> Result<Option<(ObjectId, crate::edit::Declared)>, Trouble> {
    let Some(head) = history.branch(branch) else {
        return Ok(None);
    };
    let Some(place) = history.graph.place(&head) else {
        return Ok(None);
    };
    let mut trees = Trees::new(&history.repository);
    let mut reader = Reader::new(&mut trees, history.graph.tree(place));
    let state = build(&mut reader, &normal(path));
    // A damaged copy is only known in the end.
    reader.watch()?;
    let declared = crate::edit::Declared {
        images: state.images,
        charts: state.charts,
        sources: state.sources,
        broken: state.broken,
    };
    Ok(Some((head, declared)))
}

/// What one tree declares, and what had to be looked at to know it.
struct Evaluated {
    state: State,
    watch: Watch,
}

struct Walk<'a> {
    history: &'a History<'a>,
    path: String,
    trees: Trees<'a>,
    builds: usize,
}

impl Walk<'_> {
    fn evaluate(&mut self, tree: ObjectId) -> Result<Rc<Evaluated>, Trouble> {
        self.builds += 1;
        let mut reader = Reader::new(&mut self.trees, tree);
        let state = build(&mut reader, &self.path);
        let watch = reader.watch()?;
        Ok(Rc::new(Evaluated { state, watch }))
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
}
