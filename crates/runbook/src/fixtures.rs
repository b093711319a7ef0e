//! Fixtures: an action held against objects that are written down beside it, without a cluster.
//!
//! Owns `landfall actions test FOLDER`: reading a folder of actions with the cases in `tests/<action id>/`, running them, and
//! saying what differs. docs/ACTION-FILES.md describes a case's form.

mod case;
mod difference;
mod git;

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use crate::library::Library;
use crate::read::{Fault, MOST_BYTES};

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The action files: name and content.
    pub actions: Vec<(String, Vec<u8>)>,
    /// The cases.
    pub cases: Vec<File>,
}

/// A case's file.
#[derive(Clone, Debug)]
pub struct File {
    /// The action's id: the folder's name.
    pub action: String,
    /// The file's name below the folder of actions.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What came of a folder's cases.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong with the files themselves.
    pub faults: Vec<Fault>,
    /// What is missing, a sentence each.
    pub missing: Vec<String>,
    /// What came of each case.
    pub cases: Vec<CaseReport>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The action's id.
    pub action: String,
    /// The case's file.
    pub file: String,
    /// What the case is, in its own words.
    pub says: String,
    /// What is not as expected; empty where all is.
    pub differences: Vec<String>,
}

impl Folder {
    /// Reads a folder.
    ///
    /// # Errors
    /// The folder, or something in it, cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for name in yaml_files(folder)? {
            let bytes = bounded(&folder.join(&name))?;
            found.actions.push((name, bytes));
        }
        let tests = folder.join("tests");
        if !tests.is_dir() {
            return Ok(found);
        }
        for action in names(&tests, Path::is_dir)? {
            for name in yaml_files(&tests.join(&action))? {
                found.cases.push(File {
                    bytes: bounded(&tests.join(&action).join(&name))?,
                    name: format!("tests/{action}/{name}"),
                    action: action.clone(),
                });
            }
        }
        Ok(found)
    }
}

/// Runs every case of a folder.
pub fn test(folder: &Folder) -> Report {
    let mut report = Report::default();
    let files: Vec<(&str, &[u8])> = folder
        .actions
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let library = match Library::with(&files) {
        Ok(library) => library,
        Err(faults) => {
            report.faults = faults;
            return report;
        }
    };
    if files.is_empty() {
        report
            .missing
            .push("there is no action here: no file ends in .yaml".to_owned());
    }
    for file in &folder.cases {
        let Some(action) = library.action(&file.action) else {
            let says = format!("{}: no action is called {:?}", file.name, file.action);
            report.missing.push(says);
            continue;
        };
        match case::run(action, &file.name, &file.bytes) {
            Ok((says, differences)) => report.cases.push(CaseReport {
                action: action.id.clone(),
                file: file.name.clone(),
                says,
                differences,
            }),
            Err(fault) => report.faults.push(fault),
        }
    }
    let tested: BTreeSet<&str> = folder
        .cases
        .iter()
        .map(|file| file.action.as_str())
        .collect();
    for (name, bytes) in files {
        if let Ok(action) = crate::read::read(name, bytes)
            && !tested.contains(action.id.as_str())
        {
            let id = action.id;
            report
                .missing
                .push(format!("{name}: {id} has no case: tests/{id} holds none"));
        }
    }
    report
}

impl Report {
    /// Whether every case is as expected, and nothing is missing.
    pub fn is_green(&self) -> bool {
        let fine = |case: &CaseReport| case.differences.is_empty();
        self.faults.is_empty() && self.missing.is_empty() && self.cases.iter().all(fine)
    }
}

/// A line for each case, with what differs below it; then what is wrong beside.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for case in &self.cases {
            let mark = if case.differences.is_empty() {
                "ok    "
            } else {
                "FAILED"
            };
            writeln!(f, "{mark} {}: {}", case.file, case.says)?;
            for difference in &case.differences {
                writeln!(f, "         {}", difference.replace('\n', "\n         "))?;
            }
        }
        for fault in &self.faults {
            writeln!(f, "FAILED {fault}")?;
        }
        for missing in &self.missing {
            writeln!(f, "FAILED {missing}")?;
        }
        let failed = self
            .cases
            .iter()
            .filter(|case| !case.differences.is_empty());
        let failed = failed.count() + self.faults.len() + self.missing.len();
        writeln!(f, "{} cases, {failed} failures", self.cases.len())
    }
}

fn yaml_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = names(folder, Path::is_file)?;
    names.retain(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
    Ok(names)
}

/// The names in a folder, in order.
fn names(folder: &Path, wanted: fn(&Path) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if wanted(&entry.path()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A file's content, as far as one byte beyond the most that is read of one.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
