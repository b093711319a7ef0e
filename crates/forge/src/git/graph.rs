//! The commit graph of one repository, in memory: who contains whom, exactly.
//!
//! Owns commits' parents and times, in an order in which every parent stands before its children. That order makes
//! every walk exact whatever the clocks of the committers said: when a walk from high to low takes a commit, all its
//! children were taken before. Grows after each fetch; never forgets, because SHAs never change what they name.
//! About 120 bytes a commit.

use std::collections::{BinaryHeap, HashMap};

use facts::code::Relation;
use gix::ObjectId;
use gix::objs::FindExt as _;

use crate::error::{Trouble, deepest};

/// A commit's place in the graph.
pub(crate) type Place = u32;

/// The graph.
#[derive(Default)]
pub(crate) struct Graph {
    places: HashMap<ObjectId, Place>,
    nodes: Vec<Node>,
}

struct Node {
    id: ObjectId,
    /// The committer's time, in seconds.
    time: i64,
    tree: ObjectId,
    parents: Box<[Place]>,
}

impl Graph {
    /// Adds every commit that these contain.
    ///
    /// # Errors
    /// An object is missing or is no commit: the clone is damaged.
    pub(crate) fn extend(
        &mut self,
        objects: &impl gix::objs::Find,
        tips: impl IntoIterator<Item = ObjectId>,
    ) -> Result<(), Trouble> {
        struct Open {
            id: ObjectId,
            time: i64,
            tree: ObjectId,
            parents: Vec<ObjectId>,
            next: usize,
        }
        let mut buffer = Vec::new();
        let mut read = |id: ObjectId| -> Result<Open, Trouble> {
            let damaged = |reason: String| {
                Trouble::Other(format!("the copy of the repository is damaged: {reason}"))
            };
            let mut commit = objects
                .find_commit_iter(&id, &mut buffer)
                .map_err(|error| damaged(deepest(error.error())))?;
            let tree = commit
                .tree_id()
                .map_err(|error| damaged(deepest(error.error())))?;
            let time = commit
                .committer()
                .map(|who| who.seconds())
                // A commit with an unreadable time still has parents.
                .unwrap_or_default();
            Ok(Open {
                id,
                time,
                tree,
                parents: commit.parent_ids().collect(),
                next: 0,
            })
        };
        for tip in tips {
            if self.places.contains_key(&tip) {
                continue;
            }
            let mut stack = vec![read(tip)?];
            while let Some(open) = stack.last_mut() {
                if let Some(&parent) = open.parents.get(open.next) {
                    open.next += 1;
                    if !self.places.contains_key(&parent) {
                        let parent = read(parent)?;
                        stack.push(parent);
                    }
                    continue;
                }
                let Some(done) = stack.pop() else { break };
                // Two children may both have opened the same parent.
                if self.places.contains_key(&done.id) {
                    continue;
                }
                let parents = done
                    .parents
                    .iter()
                    .filter_map(|parent| self.places.get(parent).copied())
                    .collect();
                let place = Place::try_from(self.nodes.len()).map_err(|_| {
                    Trouble::Other("the repository has too many commits".to_owned())
                })?;
                self.nodes.push(Node {
                    id: done.id,
                    time: done.time,
                    tree: done.tree,
                    parents,
                });
                self.places.insert(done.id, place);
            }
        }
        Ok(())
    }

    /// Where a commit stands, if it is in the graph.
    pub(crate) fn place(&self, id: &gix::oid) -> Option<Place> {
        self.places.get(id).copied()
    }

    /// The commit at a place.
    pub(crate) fn id(&self, place: Place) -> ObjectId {
        self.nodes[place as usize].id
    }

    /// The tree of the commit at a place.
    pub(crate) fn tree(&self, place: Place) -> ObjectId {
        self.nodes[place as usize].tree
    }

    /// The committer's time of the commit at a place, in seconds.
    pub(crate) fn time(&self, place: Place) -> i64 {
        self.nodes[place as usize].time
    }

    /// The parents of the commit at a place, the first parent first.
    pub(crate) fn parents(&self, place: Place) -> &[Place] {
        &self.nodes[place as usize].parents
    }

    /// How a stands to b.
    pub(crate) fn relation(&self, a: Place, b: Place) -> Relation {
        if a == b {
            return Relation::Same;
        }
        const A: u8 = 1;
        const B: u8 = 2;
        const BOTH: u8 = A | B;
        let mut marks: HashMap<Place, u8> = HashMap::from([(a, A), (b, B)]);
        let mut queue = BinaryHeap::from([a, b]);
        // How many in the queue are not yet known to be in both: below the last of them everything is common.
        let mut undecided = 2_usize;
        let (mut only_a, mut only_b) = (0_u32, 0_u32);
        while undecided > 0 {
            let Some(place) = queue.pop() else { break };
            let mark = marks[&place];
            match mark {
                A => only_a += 1,
                B => only_b += 1,
                _ => {}
            }
            if mark != BOTH {
                undecided -= 1;
            }
            for &parent in self.parents(place) {
                match marks.get_mut(&parent) {
                    None => {
                        marks.insert(parent, mark);
                        queue.push(parent);
                        if mark != BOTH {
                            undecided += 1;
                        }
                    }
                    Some(known) => {
                        let before = *known;
                        *known |= mark;
                        if before != BOTH && *known == BOTH {
                            undecided -= 1;
                        }
                    }
                }
            }
        }
        match (only_a, only_b) {
            (0, ahead) => Relation::Ancestor { ahead },
            (ahead, 0) => Relation::Descendant { ahead },
            (behind, ahead) => Relation::Diverged { ahead, behind },
        }
    }

    /// Which of these commits contain `inner`, in their order.
    pub(crate) fn containing(&self, inner: Place, outer: &[Place]) -> Vec<bool> {
        let Some(&highest) = outer.iter().max() else {
            return Vec::new();
        };
        if highest < inner {
            return vec![false; outer.len()];
        }
        // Parents stand before children: one pass upwards settles every commit.
        let mut contains = vec![false; (highest - inner) as usize + 1];
        contains[0] = true;
        for place in inner + 1..=highest {
            contains[(place - inner) as usize] = self
                .parents(place)
                .iter()
                .any(|&parent| parent >= inner && contains[(parent - inner) as usize]);
        }
        outer
            .iter()
            .map(|&place| place >= inner && contains[(place - inner) as usize])
            .collect()
    }

    /// The commits that these contain, newest first by the committers' times, at most `limit`; and whether that was all.
    pub(crate) fn newest(&self, from: &[Place], limit: usize) -> (Vec<Place>, bool) {
        let mut seen = vec![false; self.nodes.len()];
        let mut queue = BinaryHeap::new();
        let mut found = Vec::new();
        for &place in from {
            if !std::mem::replace(&mut seen[place as usize], true) {
                queue.push((self.nodes[place as usize].time, place));
            }
        }
        while let Some((_, place)) = queue.pop() {
            if found.len() == limit {
                return (found, false);
            }
            found.push(place);
            for &parent in self.parents(place) {
                if !std::mem::replace(&mut seen[parent as usize], true) {
                    queue.push((self.nodes[parent as usize].time, parent));
                }
            }
        }
        (found, true)
    }

    /// The commits that `outer` contains and `inner` does not, at most `limit`.
    pub(crate) fn between(&self, inner: Place, outer: &[Place], limit: usize) -> Vec<Place> {
        let mut common: HashMap<Place, bool> = HashMap::from([(inner, true)]);
        let mut queue = BinaryHeap::from([inner]);
        for &place in outer {
            if common.insert(place, place == inner).is_none() {
                queue.push(place);
            }
        }
        let mut undecided = common.values().filter(|&&common| !common).count();
        let mut found = Vec::new();
        while undecided > 0 && found.len() < limit {
            let Some(place) = queue.pop() else { break };
            let is_common = common[&place];
            if !is_common {
                undecided -= 1;
                found.push(place);
            }
            for &parent in self.parents(place) {
                match common.get_mut(&parent) {
                    None => {
                        common.insert(parent, is_common);
                        queue.push(parent);
                        if !is_common {
                            undecided += 1;
                        }
                    }
                    Some(known) if is_common && !*known => {
                        *known = true;
                        undecided -= 1;
                    }
                    Some(_) => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph made by hand: each commit's parents, by place.
    fn graph(parents: &[&[Place]]) -> Graph {
        let nodes = parents
            .iter()
            .enumerate()
            .map(|(place, parents)| Node {
                id: ObjectId::from_hex(format!("{place:040x}").as_bytes()).unwrap(),
                time: place as i64,
                tree: ObjectId::null(gix::hash::Kind::Sha1),
                parents: (*parents).into(),
            })
            .collect::<Vec<_>>();
        let places = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| (node.id, place as Place))
            .collect();
        Graph { places, nodes }
    }

    #[test]
    fn a_criss_cross_merge_counts_each_commit_once() {
        // 1 and 2 grow from 0; 3 merges 2 into 1, 4 merges 1 into 2.
        let graph = graph(&[&[], &[0], &[0], &[1, 2], &[2, 1], &[3]]);
        assert_eq!(
            graph.relation(3, 4),
            Relation::Diverged {
                ahead: 1,
                behind: 1
            }
        );
        assert_eq!(graph.relation(1, 4), Relation::Ancestor { ahead: 2 });
        assert_eq!(graph.relation(5, 0), Relation::Descendant { ahead: 4 });
        assert_eq!(graph.relation(2, 2), Relation::Same);
    }

    #[test]
    fn unrelated_histories_diverge() {
        let graph = graph(&[&[], &[0], &[], &[2]]);
        assert_eq!(
            graph.relation(1, 3),
            Relation::Diverged {
                ahead: 2,
                behind: 2
            }
        );
    }

    #[test]
    fn containing_answers_for_many_at_once() {
        let graph = graph(&[&[], &[0], &[0], &[1], &[2, 1]]);
        assert_eq!(
            graph.containing(1, &[0, 1, 2, 3, 4]),
            [false, true, false, true, true]
        );
        assert_eq!(graph.containing(4, &[]), Vec::<bool>::new());
    }

    #[test]
    fn what_a_merge_brought_is_between() {
        // 3 merges 2 (which grew from 0) into 1.
        let graph = graph(&[&[], &[0], &[0], &[1, 2]]);
        assert_eq!(graph.between(1, &[3], 100), [3, 2]);
        assert_eq!(graph.between(3, &[1], 100), Vec::<Place>::new());
    }

    #[test]
    fn a_walk_says_whether_it_was_cut_short() {
        let graph = graph(&[&[], &[0], &[1]]);
        assert_eq!(graph.newest(&[2], 2), (vec![2, 1], false));
        assert_eq!(graph.newest(&[2], 3), (vec![2, 1, 0], true));
    }
}
