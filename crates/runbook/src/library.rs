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
    "promote",
    "roll-back",
    "deploy",
    "delete-pod",
    "delete-job",
    "run-cronjob",
    "reconcile",
    "reconcile-reset",
    "suspend",
    "resume",
    "ecs-restart",
    "ecs-scale",
    "ecs-roll-back",
    "ecs-stop-task",
];

/// Actions, each id once.
#[derive(Clone, Debug)]
pub struct Library {
    /// What ships first; each with its file.
    written: Vec<Written>,
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
            Ok(Self { written: all })
        } else {
            Err(faults)
        }
    }

    /// What ships, and those of the team's own files that can be used: names and contents. A file that is wrong breaks
    /// itself, and what is taken back by it; what ships is there whatever the files say.
    ///
    /// # Errors
    /// What ships cannot be read, which this crate's tests hold.
    pub fn beside(files: &[(&str, &[u8])]) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let mut all = Self::shipped()?.written;
        let mut faults = Vec::new();
        for (name, bytes) in files {
            match read_written(name, bytes) {
                Ok(written) => all.push(written),
                Err(wrong) => faults.extend(wrong),
            }
        }
        all = each_once(all, &mut faults);
        // One that goes may be what takes another one back, which goes then, too.
        loop {
            let wrong: Vec<Option<Fault>> = all.iter().map(|written| undo(written, &all)).collect();
            if wrong.iter().all(Option::is_none) {
                return Ok((Self { written: all }, faults));
            }
            let mut kept = Vec::with_capacity(all.len());
            for (written, wrong) in all.into_iter().zip(wrong) {
                match wrong {
                    Some(fault) => faults.push(fault),
                    None => kept.push(written),
                }
            }
            all = kept;
        }
    }

    /// The actions, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.written.iter().map(|written| &written.action)
    }

    /// The action that is called so.
    pub fn action(&self, id: &str) -> Option<&Action> {
        self.actions().find(|action| action.id == id)
    }

    /// The file of a team's own action; `None` of one that ships, or that is not there.
    pub fn own_file(&self, id: &str) -> Option<&str> {
        let own = self.written.iter().skip(SHIPPED.len());
        let written = own.into_iter().find(|written| written.action.id == id);
        written.map(|written| written.file.as_str())
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
                let ships = first.get(&id).is_some_and(|place| *place < SHIPPED.len());
                let whose = match ships {
                    true => format!("“{}”, which ships with Landfall", known.action.title),
                    false => format!("“{}” in {}", known.action.title, known.file),
                };
                let says = format!(
                    "{} is {whose}: “{}” needs another id",
                    quoted(&id),
                    api::headline::plain(&written.action.title, 100)
                );
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
    fn a_broken_file_of_the_team_took_what_ships_with_it() {
        let by = |own: &str, id: &str| {
            OWN.replace("id: flush", &format!("id: {own}"))
                .replace("{not: It is empty.}", &format!("{{by: {id}}}"))
        };
        let (third, second) = (by("third", "second"), by("second", "broken"));
        let broken = by("broken", "flush").replace("[sre]", "[]");
        let taken = OWN.replace("flush", "restart");
        let files = [
            ("third.yaml", third.as_str()),
            ("taken.yaml", &taken),
            ("broken.yaml", &broken),
            ("second.yaml", &second),
            ("flush.yaml", OWN),
            ("bytes.yaml", "\u{0}: ["),
        ];
        let files = files.map(|(name, text)| (name, text.as_bytes()));
        let (library, faults) = Library::beside(&files).expect("what ships");
        let ids: Vec<&str> = library.actions().map(|action| action.id.as_str()).collect();
        let mut wanted: Vec<&str> = SHIPPED
            .iter()
            .map(|(name, _)| name.trim_end_matches(".yaml"))
            .collect();
        wanted.push("flush");
        assert_eq!(ids, wanted);
        let restart = library.action("restart").expect("it ships");
        assert_eq!(restart.title, "Restart");
        assert_eq!(library.own_file("flush"), Some("flush.yaml"));
        assert_eq!(library.own_file("restart"), None);
        let mut named: Vec<(&str, &str)> = faults
            .iter()
            .map(|fault| (fault.file.as_str(), fault.field.as_str()))
            .collect();
        named.sort_unstable();
        assert_eq!(
            named,
            [
                ("broken.yaml", "roles"),
                ("bytes.yaml", ""),
                ("second.yaml", "undo.by"),
                ("taken.yaml", "id"),
                ("third.yaml", "undo.by"),
            ]
        );
        let none: [(&str, &[u8]); 0] = [];
        let (library, faults) = Library::beside(&none).expect("what ships");
        assert_eq!(
            (library.actions().count(), faults.len()),
            (SHIPPED.len(), 0)
        );
    }

    #[test]
    fn whatever_a_file_holds_what_ships_is_there_and_as_it_was() {
        let shipped = Library::shipped().expect("it ships");
        let shipped: Vec<&Action> = shipped.actions().collect();
        // A file that was cut off, or in which one byte is another, with restart's id and with its own.
        let texts = [OWN.to_owned(), OWN.replace("flush", "restart")];
        for text in &texts {
            for place in (0..text.len()).step_by(7) {
                let mut bytes = text.clone().into_bytes();
                bytes[place] = [b'{', 0xff, b'&', b'\n'][place % 4];
                for bytes in [&bytes[..], &text.as_bytes()[..place]] {
                    let files = [("own.yaml", bytes)];
                    let (library, faults) = Library::beside(&files).expect("what ships");
                    let all: Vec<&Action> = library.actions().collect();
                    assert_eq!(all[..shipped.len()], shipped[..], "{place}");
                    let own = all.len() - shipped.len();
                    assert_eq!(own == 0, !faults.is_empty(), "{place}: {faults:?}");
                }
            }
        }
    }

    #[test]
    fn an_id_is_there_once_and_what_undoes_exists_and_is_for_the_same() {
        assert_eq!(
            refused(&[("mine.yaml", &OWN.replace("flush", "restart"))]),
            [
                "mine.yaml:2:5: id: \"restart\" is “Restart”, which ships with Landfall: “Flush” needs another id"
            ]
        );
        assert_eq!(
            refused(&[
                ("a.yaml", OWN),
                ("b.yaml", &OWN.replace("Empties it", "Other"))
            ]),
            ["b.yaml:2:5: id: \"flush\" is “Flush” in a.yaml: “Flush” needs another id"]
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
