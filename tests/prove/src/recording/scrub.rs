//! From what was read of a running world to a recording that another run of the same scenario would make, too.
//!
//! Owns the order of things and the new names of what controllers name by chance. Git's history and the registry's
//! manifests are written anew with the new names and times in them, so that every SHA and digest follows from what the
//! recording shows; where one names another (a tag in a declaration, a commit in a label), what is named comes first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sandbox::clock::Clock;
use sandbox::git::{self, CodeHost, GitError};
use sandbox::registry::digest_of;
use serde_json::{Value, json};

use super::order::in_order;
use super::rename::{Names, Patterns};
use super::steady::Kept;
use super::trim::trim;
use super::{Commit, Image, Recording, Repository, sorted, texts};

/// The moment at which every recording is asked: 2026-01-15T10:00:00Z.
const NOW: i64 = 1_768_471_200;

/// What was read.
pub struct Raw {
    /// What was played and asked.
    pub made_of: String,
    /// When.
    pub now: Timestamp,
    /// Host and port of the Git server.
    pub code_host: String,
    /// Host and port of the registry.
    pub registry: String,
    /// The commit that is asked about.
    pub asked: String,
    /// What the scenario's places stand for.
    pub words: BTreeMap<String, String>,
    /// Git.
    pub repositories: Vec<git::Repository>,
    /// The registry.
    pub images: Vec<RawImage>,
    /// The cluster.
    pub objects: Vec<Value>,
}

/// A manifest as the registry has it.
pub struct RawImage {
    /// The repository.
    pub repository: String,
    /// The tags that name it.
    pub tags: BTreeSet<String>,
    /// Its digest.
    pub digest: String,
    /// The manifest.
    pub manifest: Value,
    /// The configuration that it names.
    pub config: Option<Value>,
}

/// Why what was read makes no recording.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// A pattern of ours.
    #[error(transparent)]
    Pattern(#[from] regex::Error),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A merge cannot be told as changes to one parent.
    #[error("commit {0} is a merge, which recordings cannot hold yet")]
    Merge(String),
    /// Two things name each other.
    #[error("these name each other, so neither can be renamed first: {0}")]
    Circle(String),
    /// Something of the machine is left.
    #[error("the recording would hold {0:?}")]
    Machine(String),
}

/// What is written anew once everything that it names has been.
enum Item<'a> {
    Commit(&'a git::Repository, Box<git::Commit>),
    /// With its number among all.
    Image(usize, &'a RawImage),
}

/// Makes the recording; `kept` is what it takes over from an earlier one.
///
/// # Errors
/// What was read does not fit together, or something of this machine would be left in it.
pub fn scrubbed(raw: &Raw, kept: Kept) -> Result<Recording, ScrubError> {
    let shift = SignedDuration::from_secs(NOW - raw.now.as_second());
    let mut names = Names::new(
        Patterns::new()?,
        (shift, kept.instants),
        &raw.code_host,
        &raw.registry,
    );
    let patterns = Patterns::new()?;
    let mut objects = raw.objects.clone();
    objects.iter_mut().for_each(trim);
    names.made(in_order(&mut objects, &patterns));

    let code = CodeHost::new(Clock::default())?;
    let mut repositories = BTreeMap::new();
    let mut open = Vec::new();
    for repository in &raw.repositories {
        code.create(repository.path())?;
        repositories.insert(
            repository.path().to_owned(),
            Repository {
                branches: BTreeMap::new(),
                tags: BTreeMap::new(),
                commits: Vec::new(),
            },
        );
        open.extend(
            commits(repository)
                .into_iter()
                .map(|commit| Item::Commit(repository, Box::new(commit))),
        );
    }
    let mut built: Vec<&RawImage> = raw.images.iter().collect();
    built.sort_by_key(|image| image.age());
    open.extend(
        built
            .into_iter()
            .enumerate()
            .map(|(number, image)| Item::Image(number, image)),
    );
    let mut images = Vec::new();
    while !open.is_empty() {
        let left: BTreeSet<String> = open.iter().map(Item::name).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|item| !item.names_any(&left));
        if ready.is_empty() {
            return Err(ScrubError::Circle(
                left.into_iter().collect::<Vec<_>>().join(" "),
            ));
        }
        for item in ready {
            match item {
                Item::Commit(repository, commit) => {
                    let mut told = told(repository, &commit, &mut names)?;
                    let before = repositories.get(repository.path());
                    let number = before.map_or(0, |before| before.commits.len());
                    let place = (repository.path().to_owned(), number);
                    told.at = kept.commits.get(&place).copied().unwrap_or(told.at);
                    let new = replay(&code, repository.path(), &told)?;
                    names.commit(&commit.sha, new.clone());
                    if let Some(repository) = repositories.get_mut(repository.path()) {
                        repository.commits.push(Commit { sha: new, ..told });
                    }
                }
                Item::Image(number, image) => {
                    names.pin(kept.images.get(&number).copied());
                    images.push((number, rewritten(image, &mut names)));
                    names.pin(None);
                }
            }
        }
        open = waiting;
    }
    for repository in &raw.repositories {
        if let Some(told) = repositories.get_mut(repository.path()) {
            let renamed = |refs: BTreeMap<String, String>, names: &mut Names| {
                refs.into_iter()
                    .map(|(name, sha)| (name, names.text(&sha)))
                    .collect()
            };
            told.branches = renamed(repository.branches(), &mut names);
            told.tags = renamed(repository.tags(), &mut names);
        }
    }
    images.sort_by_key(|(number, _)| *number);
    let recording = Recording {
        made_of: raw.made_of.clone(),
        now: Timestamp::from_second(NOW).unwrap_or(raw.now),
        asked: names.text(&raw.asked),
        words: raw
            .words
            .iter()
            .map(|(place, word)| (place.clone(), names.text(word)))
            .collect(),
        repositories,
        images: images.into_iter().map(|(_, image)| image).collect(),
        objects: objects
            .iter()
            .map(|object| told_object(object, &mut names))
            .collect(),
    };
    no_machine(&recording)?;
    Ok(recording)
}

impl RawImage {
    /// What tells it from others in every run: where it is, and which of them was built first. Two of one moment follow
    /// their labels, which say what they are built from.
    fn age(&self) -> [String; 3] {
        let config = self.config.as_ref();
        let created = config.and_then(|config| config["created"].as_str());
        [
            self.repository.clone(),
            created.unwrap_or_default().to_owned(),
            self.manifest["annotations"].to_string(),
        ]
    }
}

impl Item<'_> {
    /// What it was called.
    fn name(&self) -> String {
        match self {
            Self::Commit(_, commit) => commit.sha.clone(),
            Self::Image(_, image) => image.digest.clone(),
        }
    }

    /// Whether it names one of these, whole or by the beginning of a SHA, beside itself.
    fn names_any(&self, others: &BTreeSet<String>) -> bool {
        let own = self.name();
        let mut said = Vec::new();
        let files;
        match self {
            Self::Commit(repository, commit) => {
                said.push(commit.message.as_str());
                said.extend(commit.parents.iter().map(String::as_str));
                files = repository.files(&commit.sha, "");
                said.extend(files.iter().map(|(_, text)| text.as_str()));
            }
            Self::Image(_, image) => {
                texts(&image.manifest, &mut said);
                if let Some(config) = &image.config {
                    texts(config, &mut said);
                }
                said.extend(image.tags.iter().map(String::as_str));
            }
        }
        others.iter().filter(|other| **other != own).any(|other| {
            let beginning = match other.starts_with("sha256:") {
                true => other.as_str(),
                false => other.get(..7).unwrap_or(other),
            };
            said.iter().any(|text| text.contains(beginning))
        })
    }
}

/// The commits of all branches and tags, parents first, in the order of their times.
fn commits(repository: &git::Repository) -> Vec<git::Commit> {
    let heads = repository.branches().into_values();
    let mut found: Vec<git::Commit> = Vec::new();
    for head in heads.chain(repository.tags().into_values()) {
        for commit in repository.log(&head, usize::MAX).into_iter().rev() {
            if !found.iter().any(|known| known.sha == commit.sha) {
                found.push(commit);
            }
        }
    }
    found
}

/// A commit as the changes that it makes, under the new names; its SHA is not known yet.
fn told(
    repository: &git::Repository,
    commit: &git::Commit,
    names: &mut Names,
) -> Result<Commit, ScrubError> {
    if commit.parents.len() > 1 {
        return Err(ScrubError::Merge(commit.sha.clone()));
    }
    let parent = commit.parents.first();
    let before: BTreeMap<_, _> = parent
        .map(|parent| repository.files(parent, ""))
        .unwrap_or_default()
        .into_iter()
        .collect();
    let after: BTreeMap<_, _> = repository.files(&commit.sha, "").into_iter().collect();
    let mut files = BTreeMap::new();
    for (path, text) in &after {
        if before.get(path) != Some(text) {
            files.insert(path.clone(), Some(names.text(text)));
        }
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        files.insert(path.clone(), None);
    }
    Ok(Commit {
        sha: String::new(),
        parent: parent.map(|parent| names.text(parent)),
        author: format!("{} <{}>", commit.author.name, commit.author.email),
        at: names.instant(commit.committer.at),
        message: names.text(&commit.message),
        files,
    })
}

/// The branch on which commits are written; it is gone afterwards.
const WRITING: &str = "being-written";

/// Writes a commit into a code host, after its parent; its SHA.
///
/// # Errors
/// The parent is not there, or a path is unusable.
pub fn replay(code: &CodeHost, path: &str, commit: &Commit) -> Result<String, GitError> {
    let repository = code.repository(path).ok_or_else(|| GitError::Missing {
        path: path.to_owned(),
        what: "repository".to_owned(),
    })?;
    match &commit.parent {
        Some(parent) => repository.branch(WRITING, parent)?,
        // A branch that is not there begins without a parent.
        None if repository.head(WRITING).is_some() => repository.delete_branch(WRITING)?,
        None => {}
    }
    let edits: Vec<git::Edit> = commit
        .files
        .iter()
        .map(|(path, content)| match content {
            Some(content) => git::Edit::Write {
                path: path.clone(),
                content: content.clone(),
            },
            None => git::Edit::Remove { path: path.clone() },
        })
        .collect();
    let sha = repository.commit(WRITING, &commit.author, commit.at, &commit.message, &edits)?;
    repository.delete_branch(WRITING)?;
    Ok(sha)
}

/// An object under the new names.
fn told_object(object: &Value, names: &mut Names) -> Value {
    // Machines are older than the scenario by however long others were played before it.
    let is_node = object["kind"] == "Node";
    names.pin(is_node.then(|| Timestamp::from_second(NOW - 3600).unwrap_or_default()));
    let mut told = sorted(&names.value(object));
    names.pin(None);
    // A slice's endpoints have no order.
    if let Some(endpoints) = told.get_mut("endpoints").and_then(Value::as_array_mut) {
        endpoints.sort_by_key(|endpoint| endpoint["targetRef"]["name"].to_string());
    }
    told
}

/// A manifest under the new names.
fn rewritten(image: &RawImage, names: &mut Names) -> Image {
    let mut manifest = image.manifest.clone();
    let config = image.config.as_ref().map(|config| {
        let config = sorted(&names.value(config));
        let (bytes, old) = (config.to_string(), &image.manifest["config"]["digest"]);
        names.digest(
            old.as_str().unwrap_or_default(),
            &digest_of(bytes.as_bytes()),
        );
        manifest["config"]["size"] = json!(bytes.len());
        config
    });
    let manifest = sorted(&names.value(&manifest));
    let digest = digest_of(manifest.to_string().as_bytes());
    names.digest(&image.digest, &digest);
    Image {
        repository: image.repository.clone(),
        tags: image.tags.iter().map(|tag| names.text(tag)).collect(),
        digest,
        manifest,
        config,
    }
}

/// Refuses what only this machine would have.
fn no_machine(recording: &Recording) -> Result<(), ScrubError> {
    let value = serde_json::to_value(recording).unwrap_or_default();
    let mut said = Vec::new();
    texts(&value, &mut said);
    let mut own: Vec<String> = ["/work/", "/root/", "/home/", "/Users/", "landfall-prove-"]
        .map(str::to_owned)
        .into();
    own.extend(
        std::env::temp_dir()
            .to_str()
            .map(|folder| format!("{folder}/landfall")),
    );
    if let Ok(host) = std::fs::read_to_string("/etc/hostname")
        && host.trim().len() > 4
    {
        own.push(host.trim().to_owned());
    }
    match said
        .iter()
        .find(|text| own.iter().any(|own| text.contains(own.as_str())))
    {
        Some(text) => Err(ScrubError::Machine((*text).to_owned())),
        None => Ok(()),
    }
}
