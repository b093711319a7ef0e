//! Which objects a fetch sends: what is wanted without what the client has, cut off at a depth if it asks so.

use std::collections::VecDeque;

use gix::ObjectId;
use gix::hashtable::{HashMap, HashSet};
use gix::objs::{Kind, TagRef};

use super::history;
use super::objects::Objects;
use super::repository::State;

/// How far back a shallow client wants to look.
#[derive(Debug, Default)]
pub(super) struct Deepen {
    pub depth: Option<Depth>,
    /// Counts [`Depth::Commits`] from where the client's history ends now.
    pub relative: bool,
    /// Without these and what they contain.
    pub not: Vec<ObjectId>,
}

/// A limit of depth.
#[derive(Clone, Copy, Debug)]
pub(super) enum Depth {
    /// This many commits from every wanted one.
    Commits(u32),
    /// Commits not older than this, in seconds since the epoch.
    Since(i64),
}

impl Deepen {
    /// Whether the client asked for any limit.
    pub fn is_asked(&self) -> bool {
        self.depth.is_some() || !self.not.is_empty()
    }
}

/// What to send.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Commits at which the client's history now ends, and did not before.
    pub shallow: Vec<ObjectId>,
    /// Commits at which it ended and no longer does.
    pub unshallow: Vec<ObjectId>,
    /// Commits, trees, blobs and tags, each once.
    pub objects: Vec<ObjectId>,
}

impl Selection {
    /// Chooses. `common` are commits that the client has with everything below, down to `client_shallow`.
    pub fn new(
        state: &State,
        wants: &[ObjectId],
        common: &[ObjectId],
        client_shallow: &HashSet<ObjectId>,
        deepen: &Deepen,
        include_tag: bool,
    ) -> Self {
        let objects = &state.objects;
        let tips: Vec<ObjectId> = wants.iter().map(|id| objects.peel(*id)).collect();
        let mut selection = Self::default();

        let cut = match deepen.is_asked() {
            true => {
                let edge = edge(objects, &tips, client_shallow, deepen);
                selection.shallow = edge
                    .ends
                    .iter()
                    .filter(|id| !client_shallow.contains(*id))
                    .copied()
                    .collect();
                selection.unshallow = edge
                    .inside
                    .iter()
                    .filter(|id| client_shallow.contains(*id))
                    .copied()
                    .collect();
                edge.ends
            }
            false => client_shallow.clone(),
        };
        let common = common.iter().map(|id| objects.peel(*id));
        let client_has = reach(objects, common, client_shallow);
        let mut sent: Vec<ObjectId> = reach(objects, tips.iter().copied(), &cut)
            .into_iter()
            .filter(|id| !client_has.contains(id))
            .collect();
        // Newest first, as git itself packs; the order is the same for the same history.
        sent.sort_by_key(|id| {
            let time = objects.commit(id).map_or(0, |node| node.time);
            (std::cmp::Reverse(time), *id)
        });

        let mut seen: HashSet<ObjectId> = HashSet::default();
        // What hangs below the commits next to the sent ones is there already.
        for id in &sent {
            let parents = objects.commit(id).map(|node| node.parents.as_slice());
            for parent in parents.unwrap_or_default() {
                if client_has.contains(parent)
                    && let Some(node) = objects.commit(parent)
                {
                    below(objects, node.tree, &mut seen, &mut Vec::new());
                }
            }
        }
        for id in wants {
            tag_chain(objects, *id, &mut seen, &mut selection.objects);
        }
        for id in &sent {
            if seen.insert(*id) {
                selection.objects.push(*id);
            }
        }
        for id in &sent {
            if let Some(node) = objects.commit(id) {
                below(objects, node.tree, &mut seen, &mut selection.objects);
            }
        }
        // Somebody may want a tree or a blob by its name.
        for tip in &tips {
            if objects.commit(tip).is_none() {
                below(objects, *tip, &mut seen, &mut selection.objects);
            }
        }
        if include_tag {
            let sent: HashSet<ObjectId> = sent.into_iter().collect();
            for id in state.refs.values() {
                if sent.contains(&objects.peel(*id)) {
                    tag_chain(objects, *id, &mut seen, &mut selection.objects);
                }
            }
        }
        selection
    }
}

/// Commits and what they contain, not looking behind those in `cut`.
fn reach(
    objects: &Objects,
    tips: impl Iterator<Item = ObjectId>,
    cut: &HashSet<ObjectId>,
) -> HashSet<ObjectId> {
    let mut found = HashSet::default();
    let mut next: Vec<ObjectId> = tips.collect();
    while let Some(id) = next.pop() {
        if let Some(node) = objects.commit(&id)
            && found.insert(id)
            && !cut.contains(&id)
        {
            next.extend(node.parents.iter().copied());
        }
    }
    found
}

/// Where a limited history ends.
struct Edge {
    /// The last commits of it that have parents outside.
    ends: HashSet<ObjectId>,
    /// The others in it.
    inside: HashSet<ObjectId>,
}

fn edge(
    objects: &Objects,
    tips: &[ObjectId],
    client_shallow: &HashSet<ObjectId>,
    deepen: &Deepen,
) -> Edge {
    let without = history::ancestors(objects, deepen.not.iter().copied());
    let (start, limit) = match deepen.depth {
        Some(Depth::Commits(depth)) if deepen.relative && !client_shallow.is_empty() => {
            let reached = history::ancestors(objects, tips.iter().copied());
            let start: Vec<ObjectId> = client_shallow
                .iter()
                .filter(|id| reached.contains(*id))
                .copied()
                .collect();
            (start, depth.saturating_add(1))
        }
        Some(Depth::Commits(depth)) => (tips.to_vec(), depth),
        Some(Depth::Since(_)) | None => (tips.to_vec(), u32::MAX),
    };
    let is_young = |id: &ObjectId| match deepen.depth {
        Some(Depth::Since(since)) => objects.commit(id).is_some_and(|node| node.time >= since),
        Some(Depth::Commits(_)) | None => true,
    };
    // Breadth first, so that each commit is met at its least depth.
    let mut depths: HashMap<ObjectId, u32> = HashMap::default();
    let mut next: VecDeque<(ObjectId, u32)> = start.into_iter().map(|id| (id, 1)).collect();
    while let Some((id, depth)) = next.pop_front() {
        let Some(node) = objects.commit(&id) else {
            continue;
        };
        if without.contains(&id) || !is_young(&id) || depths.contains_key(&id) {
            continue;
        }
        depths.insert(id, depth);
        if depth < limit {
            next.extend(node.parents.iter().map(|parent| (*parent, depth + 1)));
        }
    }
    let is_end = |id: &ObjectId| {
        objects.commit(id).is_some_and(|node| {
            node.parents
                .iter()
                .any(|parent| !depths.contains_key(parent))
        })
    };
    let (ends, inside) = depths.keys().copied().partition(is_end);
    Edge { ends, inside }
}

/// A tree or blob and everything below it that was not seen before.
fn below(objects: &Objects, id: ObjectId, seen: &mut HashSet<ObjectId>, found: &mut Vec<ObjectId>) {
    if !seen.insert(id) {
        return;
    }
    found.push(id);
    for entry in objects.tree(id) {
        if !entry.is_submodule() {
            below(objects, entry.id, seen, found);
        }
    }
}

/// A tag object and the tag objects that it points to.
fn tag_chain(
    objects: &Objects,
    id: ObjectId,
    seen: &mut HashSet<ObjectId>,
    found: &mut Vec<ObjectId>,
) {
    let mut at = id;
    while let Some(object) = objects.get(&at).filter(|object| object.kind == Kind::Tag) {
        if !seen.insert(at) {
            break;
        }
        found.push(at);
        match TagRef::from_bytes(&object.data, gix::hash::Kind::Sha1) {
            Ok(tag) => at = tag.target(),
            Err(_) => break,
        }
    }
}
