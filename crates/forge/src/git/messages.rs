//! What the messages of a history say: issues, landed pull requests, reverts.
//!
//! Owns how far back messages are read, and that each is read once. What a single message says is [`super::reverts`]'s.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use facts::code::{Resolved, ResolvedBy, Revert};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::objs::FindExt as _;

use super::graph::Place;
use super::history::{History, damaged, id, subject};
use super::reverts::{TakenBack, landed, taken_back};
use crate::error::Trouble;

/// How far back reverts and issue keys are looked for.
const MAX_MESSAGES: usize = 5_000;
/// The most commits that one issue key names: more help nobody choose.
const MAX_MENTIONS: usize = 50;
/// The most commits that one reverted merge takes back.
const MAX_REVERTED: usize = 1_000;

/// What messages say, read once: a commit's message never changes.
#[derive(Default)]
pub(crate) struct Messages {
    read: HashSet<Place>,
    taken_back: HashMap<Place, Vec<TakenBack>>,
    landed: HashMap<Place, u64>,
}

impl History<'_> {
    /// The commits whose messages mention an issue, newest first, those on the releasing branch before others.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn mentioning(&self, key: &str) -> Result<Vec<Resolved>, Trouble> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for heads in self.releasing_and_others() {
            for place in self.graph.newest(&heads, MAX_MESSAGES).0 {
                if !seen.insert(place) {
                    continue;
                }
                if mentions(&self.message(place)?, key) {
                    found.push(Resolved {
                        sha: self.graph.id(place).to_string(),
                        by: ResolvedBy::Message(key.to_owned()),
                    });
                    if found.len() == MAX_MENTIONS {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The commit on the releasing branch whose subject says that it landed a pull request.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn landed(&self, number: u64) -> Result<Option<ObjectId>, Trouble> {
        let head = self.default_head().and_then(|id| self.graph.place(&id));
        for place in self
            .graph
            .newest(&head.into_iter().collect::<Vec<_>>(), MAX_MESSAGES)
            .0
        {
            if landed(&subject(&self.message(place)?)) == Some(number) {
                return Ok(Some(self.graph.id(place)));
            }
        }
        Ok(None)
    }

    /// What commits take back, on any branch: those on the releasing branch first, then the others, newest first. Which
    /// of them counts depends on what contains it.
    ///
    /// # Errors
    /// The copy is damaged.
    pub(crate) fn reverts(
        &self,
        messages: &mut Messages,
    ) -> Result<BTreeMap<String, Revert>, Trouble> {
        let path = self
            .snapshot
            .repository
            .split_once('/')
            .map_or("", |(_, path)| path);
        let mut seen = HashSet::new();
        let mut landings: HashMap<u64, Vec<Place>> = HashMap::new();
        let mut taking = Vec::new();
        for heads in self.releasing_and_others() {
            for place in self.graph.newest(&heads, MAX_MESSAGES).0 {
                if !seen.insert(place) {
                    continue;
                }
                if messages.read.insert(place) {
                    let message = self.message(place)?;
                    let back = taken_back(&message, path);
                    if !back.is_empty() {
                        messages.taken_back.insert(place, back);
                    }
                    if let Some(number) = landed(&subject(&message)) {
                        messages.landed.insert(place, number);
                    }
                }
                if let Some(number) = messages.landed.get(&place) {
                    landings.entry(*number).or_default().push(place);
                }
                if messages.taken_back.contains_key(&place) {
                    taking.push(place);
                }
            }
        }
        let mut reverts: BTreeMap<String, Revert> = BTreeMap::new();
        for by in taking {
            let mut targets = Vec::new();
            for one in &messages.taken_back[&by] {
                match one {
                    TakenBack::Commit(sha) => targets.extend(
                        self.by_prefix(sha)?
                            .into_iter()
                            .filter_map(|id| self.graph.place(&id)),
                    ),
                    TakenBack::PullRequest(number) => {
                        targets.extend(landings.get(number).into_iter().flatten().copied());
                    }
                }
            }
            // Only what the revert stands on can be taken back by it.
            targets.retain(|&target| {
                target != by && self.graph.containing(target, &[by]).first() == Some(&true)
            });
            let Some(commit) = self.read(self.graph.id(by))? else {
                continue;
            };
            let revert = Revert {
                by: commit.sha,
                author: commit.author,
                at: commit.at,
                others: Vec::new(),
            };
            let taken = targets
                .into_iter()
                .flat_map(|target| self.brought_by(target))
                .collect::<BTreeSet<_>>();
            for taken in taken {
                match reverts.entry(self.graph.id(taken).to_string()) {
                    Entry::Vacant(slot) => {
                        slot.insert(revert.clone());
                    }
                    Entry::Occupied(mut slot) => slot.get_mut().others.push(revert.clone()),
                }
            }
        }
        Ok(reverts)
    }

    /// The releasing branch's head, and then all branches' heads.
    fn releasing_and_others(&self) -> [Vec<Place>; 2] {
        let releasing = self.default_head().and_then(|id| self.graph.place(&id));
        let others = self
            .snapshot
            .branches
            .values()
            .filter_map(|sha| id(sha).and_then(|id| self.graph.place(&id)));
        [releasing.into_iter().collect(), others.collect()]
    }

    /// A commit, and if it is a merge, everything it brought to its first parent.
    fn brought_by(&self, place: Place) -> Vec<Place> {
        match self.graph.parents(place) {
            [first, others @ ..] if !others.is_empty() => {
                let mut brought = self.graph.between(*first, others, MAX_REVERTED);
                brought.push(place);
                brought
            }
            _ => vec![place],
        }
    }

    fn message(&self, place: Place) -> Result<String, Trouble> {
        let id = self.graph.id(place);
        let mut buffer = Vec::new();
        let commit = self
            .repository
            .objects
            .find_commit_iter(&id, &mut buffer)
            .map_err(|error| damaged(&error))?;
        Ok(commit
            .message()
            .map(|message| message.to_str_lossy().into_owned())
            .unwrap_or_default())
    }
}

/// Whether a message names an issue: `ABC-12` as a whole word, in any case, and not the beginning of `ABC-123`.
fn mentions(message: &str, key: &str) -> bool {
    let message = message.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = message[from..].find(key) {
        let start = from + at;
        let end = start + key.len();
        let before = message[..start].chars().next_back();
        let after = message[end..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
        if !joins(before) && !joins(after) {
            return true;
        }
        from = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_key_is_a_whole_word() {
        assert!(mentions("SHOP-12: charge once", "SHOP-12"));
        assert!(mentions("Charge once [shop-12]", "SHOP-12"));
        assert!(mentions("SHOP-123 and SHOP-12", "SHOP-12"));
        assert!(!mentions("SHOP-123", "SHOP-12"));
        assert!(!mentions("XSHOP-12", "SHOP-12"));
    }
}
