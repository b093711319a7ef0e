//! The library: the actions that there are, those that ship and those of the team's own.
//!
//! Owns the list of what ships and what holds between files. Reads no folder.

use std::collections::BTreeMap;

use crate::action::{Action, Undo};
use crate::read::{Fault, Part, Written, quoted, read_written};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// What ships, in the order in which a person is offered it, by file name.
        pub const SHIPPED: &[(&str, &str)] = &[$((
            concat!($name, ".yaml"),
            include_str!(concat!("../../../actions/", $name, ".yaml")),
        )),*];
    };
}

shipped![
    "restart",
    "scale",
    "delete-pod",
    "delete-job",
    "run-cronjob",
    "reconcile",
    "reconcile-reset",
    "suspend",
    "resume",
];

/// Actions, each id once.
#[derive(Clone, Debug)]
pub struct Library {
    actions: Vec<Action>,
}

impl Library {
    /// What ships.
    ///
    /// # Errors
    /// None, as long as this crate's tests are green.
    pub fn shipped() -> Result<Self, Vec<Fault>> {
        Self::with(&[])
    }

    /// What ships, and the team's own files: names and contents. A file that says what a shipped one says is that one.
    ///
    /// # Errors
    /// Everything that is wrong with any file.
    pub fn with(files: &[(&str, &[u8])]) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut all: Vec<Written> = Vec::new();
        let shipped = SHIPPED.iter().map(|(name, text)| (*name, text.as_bytes()));
        for (name, bytes) in shipped.chain(files.iter().copied()) {
            match read_written(name, bytes) {
                Ok(written) => all.push(written),
                Err(wrong) => faults.extend(wrong),
            }
        }
        // A file that cannot be read may hold the ids that others name: what is missing is told when all are read.
        if faults.is_empty() {
            all = each_once(all, &mut faults);
            faults.extend(all.iter().filter_map(|written| undo(written, &all)));
        }
        if faults.is_empty() {
            let actions = all.into_iter().map(|written| written.action).collect();
            Ok(Self { actions })
        } else {
            Err(faults)
        }
    }

    /// The actions, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }

    /// The action that is called so.
    pub fn action(&self, id: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.id == id)
    }
}

fn each_once(all: Vec<Written>, faults: &mut Vec<Fault>) -> Vec<Written> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<Written> = Vec::new();
    for written in all {
        let id = written.action.id.clone();
        match first.get(&id).and_then(|place| kept.get(*place)) {
            None => {
                first.insert(id, kept.len());
                kept.push(written);
            }
            Some(known) if known.action == written.action => {}
            Some(known) => {
                let whose = if first.get(&id).is_some_and(|place| *place < SHIPPED.len()) {
                    "an action that ships with Landfall".to_owned()
                } else {
                    format!("the action in {}", known.file)
                };
                let says = format!("{} is {whose}: this one needs another id", quoted(&id));
                faults.push(written.fault(&[Part::Key("id".to_owned())], says));
            }
        }
    }
    kept
}

/// What is wrong with the action that takes one back.
fn undo(written: &Written, all: &[Written]) -> Option<Fault> {
    let Undo::By(id) = &written.action.undo else {
        return None;
    };
    let says = match all.iter().find(|other| other.action.id == *id) {
        None => format!("no action is called {}", quoted(id)),
        Some(by) => {
            let kinds = &written.action.on.kinds;
            let missing = kinds
                .iter()
                .find(|kind| !by.action.on.kinds.contains(kind))?;
            format!("{id} is not offered for a {}, and this is", missing.name())
        }
    };
    let way = ["undo", "by"].map(|key| Part::Key(key.to_owned()));
    Some(written.fault(&way, says))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "version: 1\nid: flush\ntitle: Flush\nabout: Empties it.\nroles: [sre]\n\
                       on: {kinds: [Pod]}\nsteps: [deletePod: {}]\nundo: {not: It is empty.}\n";

    fn refused(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes()))
            .collect();
        let faults = Library::with(&files).expect_err("refused");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_ships_is_read_and_a_file_of_the_folder_that_ships_not_is_found() {
        let library = Library::shipped().expect("fine");
        assert_eq!(library.actions().count(), SHIPPED.len());
        for (name, _) in SHIPPED {
            let id = name.trim_end_matches(".yaml");
            assert_eq!(
                library.action(id).map(|action| action.id.as_str()),
                Some(id)
            );
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../actions");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .filter(|name| name.ends_with(".yaml"))
            .collect();
        found.sort();
        let mut ships: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        ships.sort_unstable();
        assert_eq!(found, ships);
    }

    #[test]
    fn a_teams_own_action_stands_beside_what_ships() {
        let library = Library::with(&[("flush.yaml", OWN.as_bytes())]).expect("fine");
        assert!(library.action("flush").is_some() && library.action("restart").is_some());
        let same = Library::with(&[("restart.yaml", SHIPPED[0].1.as_bytes())]).expect("fine");
        assert_eq!(same.actions().count(), SHIPPED.len());
    }

    #[test]
    fn every_error_of_every_file_is_told_at_once() {
        let broken = OWN.replace("flush", "Flush!").replace("[sre]", "[]");
        assert_eq!(
            refused(&[("a.yaml", &broken), ("b.yaml", "id: b"), ("c.yaml", OWN)]),
            [
                "a.yaml:2:5: id: \"Flush!\" is no id: at most 50 small letters, digits and dashes, the first a letter",
                "a.yaml:5:8: roles: it is offered to nobody: at least one role is named",
                "b.yaml:1:1: version is missing",
            ]
        );
    }

    #[test]
    fn an_id_is_there_once_and_what_undoes_exists_and_is_for_the_same() {
        assert_eq!(
            refused(&[("mine.yaml", &OWN.replace("flush", "restart"))]),
            [
                "mine.yaml:2:5: id: \"restart\" is an action that ships with Landfall: this one needs another id"
            ]
        );
        assert_eq!(
            refused(&[
                ("a.yaml", OWN),
                ("b.yaml", &OWN.replace("Empties it", "Other"))
            ]),
            ["b.yaml:2:5: id: \"flush\" is the action in a.yaml: this one needs another id"]
        );
        let by = |id: &str| OWN.replace("{not: It is empty.}", &format!("{{by: {id}}}"));
        assert_eq!(
            refused(&[("a.yaml", &by("fill"))]),
            ["a.yaml:8:12: undo.by: no action is called \"fill\""]
        );
        assert_eq!(
            refused(&[("a.yaml", &by("scale"))]),
            ["a.yaml:8:12: undo.by: scale is not offered for a Pod, and this is"]
        );
    }
}
