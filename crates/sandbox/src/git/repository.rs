//! One repository: its refs and objects, and what this process does to them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gix::ObjectId;
use gix::objs::{self, Kind};
use jiff::Timestamp;
use tokio::sync::broadcast;

use super::history::{self, Commit, Comparison};
use super::objects::Objects;
use super::tree::{self, Change, Edits, File, REGULAR};
use super::{GitError, Push, merge};

/// One change to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Writes a file, new or not.
    Write {
        /// The path, from the root.
        path: String,
        /// The whole content.
        content: String,
    },
    /// Removes a file or folder; nothing happens if it is not there.
    Remove {
        /// The path, from the root.
        path: String,
    },
}

/// A repository. Clones share it.
#[derive(Clone, Debug)]
pub struct Repository {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: String,
    created: Timestamp,
    state: RwLock<State>,
    pushes: broadcast::Sender<Push>,
}

/// What a repository holds.
#[derive(Debug)]
pub(super) struct State {
    pub objects: Objects,
    /// By full name: `refs/heads/main`.
    pub refs: BTreeMap<String, ObjectId>,
    /// The branch that HEAD names, without `refs/heads/`; it need not exist.
    pub default_branch: String,
}

/// The full name of a branch.
fn branch_ref(name: &str) -> String {
    format!("refs/heads/{name}")
}

impl Repository {
    pub(super) fn new(path: &str, created: Timestamp, pushes: broadcast::Sender<Push>) -> Self {
        Self {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                created,
                state: RwLock::new(State {
                    objects: Objects::default(),
                    refs: BTreeMap::new(),
                    default_branch: "main".to_owned(),
                }),
                pushes,
            }),
        }
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody that a ref moved, if it is a branch. Call it without holding the state.
    pub(super) fn announce(&self, name: &str, before: Option<ObjectId>, after: ObjectId) {
        if let Some(branch) = name.strip_prefix("refs/heads/")
            && before != Some(after)
        {
            let push = Push {
                path: self.shared.path.clone(),
                branch: branch.to_owned(),
                before: before.map(|id| id.to_string()),
                after: after.to_string(),
            };
            // Nobody listening is no error.
            let _ = self.shared.pushes.send(push);
        }
    }

    /// `owner/name`.
    pub fn path(&self) -> &str {
        &self.shared.path
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.shared.created
    }

    /// The branch that HEAD names; it exists once it has a commit.
    pub fn default_branch(&self) -> String {
        self.state().default_branch.clone()
    }

    /// Makes HEAD name another branch, there or not.
    ///
    /// # Errors
    /// Git does not allow the name.
    pub fn set_default_branch(&self, name: &str) -> Result<(), GitError> {
        check_ref(&branch_ref(name))?;
        self.state_mut().default_branch = name.to_owned();
        Ok(())
    }

    /// Commits edits on a branch; one that does not exist begins with this commit, without a parent (use
    /// [`Repository::branch`] first to begin it elsewhere). `author` is `Name <mail>`, or a name alone. The same
    /// input on the same branch gives the same SHA.
    ///
    /// # Errors
    /// The branch's name or a path is unusable.
    pub fn commit(
        &self,
        branch: &str,
        author: &str,
        at: Timestamp,
        message: &str,
        edits: &[Edit],
    ) -> Result<String, GitError> {
        let name = branch_ref(branch);
        check_ref(&name)?;
        let mut state = self.state_mut();
        let before = state.refs.get(&name).copied();
        let tree = {
            let base = before
                .and_then(|id| state.objects.commit(&id))
                .map(|node| node.tree);
            let mut changes: Edits<'_> = Vec::with_capacity(edits.len());
            for edit in edits {
                changes.push(match edit {
                    Edit::Write { path, content } => {
                        let content = content.as_bytes().to_vec().into();
                        let id = state.objects.insert(Kind::Blob, content)?;
                        (tree::parts(path)?, Some(File { mode: REGULAR, id }))
                    }
                    Edit::Remove { path } => (tree::parts(path)?, None),
                });
            }
            match tree::edit(&mut state.objects, base, &changes)? {
                Some(tree) => tree,
                None => tree::write_empty(&mut state.objects)?,
            }
        };
        let parents = before.into_iter().collect();
        let id = write_commit(&mut state.objects, tree, parents, author, at, message)?;
        state.refs.insert(name.clone(), id);
        drop(state);
        self.announce(&name, before, id);
        Ok(id.to_string())
    }

    /// Merges a commit into a branch, always with a merge commit. Where both sides changed a file, the merged side's
    /// version wins.
    ///
    /// # Errors
    /// The branch or the commit does not exist.
    pub fn merge(
        &self,
        into: &str,
        from_sha: &str,
        author: &str,
        at: Timestamp,
        message: &str,
    ) -> Result<String, GitError> {
        let name = branch_ref(into);
        let mut state = self.state_mut();
        let before = *state
            .refs
            .get(&name)
            .ok_or_else(|| self.missing(format!("branch {into}")))?;
        let from = self.known(&state, from_sha)?;
        let tree = merge::merged_tree(&mut state.objects, before, from)?;
        let parents = vec![before, from];
        let id = write_commit(&mut state.objects, tree, parents, author, at, message)?;
        state.refs.insert(name.clone(), id);
        drop(state);
        self.announce(&name, Some(before), id);
        Ok(id.to_string())
    }

    /// Creates a branch at a commit, or moves it there.
    ///
    /// # Errors
    /// The name is unusable, or there is no such commit.
    pub fn branch(&self, name: &str, at_sha: &str) -> Result<(), GitError> {
        let name = branch_ref(name);
        let (before, id) = self.set_ref(&name, at_sha)?;
        self.announce(&name, before, id);
        Ok(())
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// There is no such branch.
    pub fn delete_branch(&self, name: &str) -> Result<(), GitError> {
        match self.state_mut().refs.remove(&branch_ref(name)) {
            Some(_) => Ok(()),
            None => Err(self.missing(format!("branch {name}"))),
        }
    }

    /// Creates a lightweight tag at a commit, or moves it there.
    ///
    /// # Errors
    /// The name is unusable, or there is no such commit.
    pub fn tag(&self, name: &str, sha: &str) -> Result<(), GitError> {
        self.set_ref(&format!("refs/tags/{name}"), sha).map(|_| ())
    }

    /// Points any ref (`refs/pull/7/head`) at a commit; returns where it pointed before and points now.
    pub(crate) fn set_ref(
        &self,
        name: &str,
        sha: &str,
    ) -> Result<(Option<ObjectId>, ObjectId), GitError> {
        check_ref(name)?;
        let mut state = self.state_mut();
        let id = self.known(&state, sha)?;
        Ok((state.refs.insert(name.to_owned(), id), id))
    }

    /// A branch's head.
    pub fn head(&self, branch: &str) -> Option<String> {
        self.state()
            .refs
            .get(&branch_ref(branch))
            .map(ObjectId::to_string)
    }

    /// Every branch and its head.
    pub fn branches(&self) -> BTreeMap<String, String> {
        self.refs_below("refs/heads/")
    }

    /// Every tag and the commit it stands for.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.refs_below("refs/tags/")
    }

    fn refs_below(&self, prefix: &str) -> BTreeMap<String, String> {
        let state = self.state();
        state
            .refs
            .iter()
            .filter_map(|(name, id)| {
                let commit = state.objects.peel(*id);
                Some((name.strip_prefix(prefix)?.to_owned(), commit.to_string()))
            })
            .collect()
    }

    /// The commit that a full SHA, a branch, a tag, a full ref name, `HEAD`, or the beginning of one SHA (four digits
    /// or more, naming no other commit) stands for.
    pub fn resolve(&self, revision: &str) -> Option<String> {
        resolve(&self.state(), revision).map(|id| id.to_string())
    }

    /// A file's content as of a revision (see [`Repository::resolve`]); `None` where there is no such revision or
    /// file, or it is not text.
    pub fn read(&self, revision: &str, path: &str) -> Option<String> {
        let state = self.state();
        let commit = resolve(&state, revision)?;
        let tree = state.objects.commit(&commit)?.tree;
        let entry = tree::find(&state.objects, tree, path)?;
        text(&state.objects, &entry.id)
    }

    /// A blob's content by its SHA, if it is text.
    pub fn blob(&self, sha: &str) -> Option<String> {
        let id = ObjectId::from_hex(sha.as_bytes()).ok()?;
        text(&self.state().objects, &id)
    }

    /// Every text file of a commit below a folder (`""` or `.`: all), with its path from the root, sorted.
    pub fn files(&self, revision: &str, under: &str) -> Vec<(String, String)> {
        let state = self.state();
        let under = under.trim_start_matches("./").trim_matches('/');
        let under = if under == "." { "" } else { under };
        let mut files = BTreeMap::new();
        if let Some(commit) = resolve(&state, revision)
            && let Some(node) = state.objects.commit(&commit)
            && let Some(entry) = tree::find(&state.objects, node.tree, under)
        {
            if entry.mode == tree::FOLDER {
                tree::list(&state.objects, entry.id, under, &mut files);
            } else {
                files.insert(under.to_owned(), entry);
            }
        }
        files
            .into_iter()
            .filter_map(|(path, file)| Some((path, text(&state.objects, &file.id)?)))
            .collect()
    }

    /// Whether `descendant` is `ancestor` or contains it; false where either is unknown.
    pub fn contains(&self, ancestor: &str, descendant: &str) -> bool {
        let state = self.state();
        match (resolve(&state, ancestor), resolve(&state, descendant)) {
            (Some(ancestor), Some(descendant)) => {
                history::contains(&state.objects, ancestor, descendant)
            }
            _ => false,
        }
    }

    /// A commit's message, without the newline at its end.
    pub fn message(&self, revision: &str) -> Option<String> {
        self.show(revision).map(|commit| commit.message)
    }

    /// A commit.
    pub fn show(&self, revision: &str) -> Option<Commit> {
        let state = self.state();
        history::commit(&state.objects, &resolve(&state, revision)?)
    }

    /// The commits that a revision contains, newest first, at most `limit`.
    pub fn log(&self, revision: &str, limit: usize) -> Vec<Commit> {
        let state = self.state();
        let tip = resolve(&state, revision);
        history::log(&state.objects, tip, &Default::default(), limit)
            .iter()
            .filter_map(|id| history::commit(&state.objects, id))
            .collect()
    }

    /// How `head` stands to `base`; `None` where either is unknown.
    pub fn compare(&self, base: &str, head: &str) -> Option<Comparison> {
        let state = self.state();
        let (base, head) = (resolve(&state, base)?, resolve(&state, head)?);
        Some(history::compare(&state.objects, base, head))
    }

    /// The files that differ between two commits; `None` for `old` compares with nothing.
    pub fn changes(&self, old: Option<&str>, new: &str) -> Vec<Change> {
        let state = self.state();
        let tree_of = |revision: &str| {
            let id = resolve(&state, revision)?;
            Some(state.objects.commit(&id)?.tree)
        };
        let old = old.and_then(tree_of);
        tree::as_changes(tree::changes(&state.objects, old, tree_of(new)))
    }

    /// The SHA that a text stands for, if it names a commit here.
    fn known(&self, state: &State, sha: &str) -> Result<ObjectId, GitError> {
        resolve(state, sha).ok_or_else(|| self.missing(format!("commit {sha}")))
    }

    fn missing(&self, what: String) -> GitError {
        GitError::Missing {
            path: self.shared.path.clone(),
            what,
        }
    }
}

/// The commit that a revision stands for.
pub(super) fn resolve(state: &State, revision: &str) -> Option<ObjectId> {
    if let Ok(id) = ObjectId::from_hex(revision.as_bytes()) {
        let id = state.objects.peel(id);
        return state.objects.commit(&id).map(|_| id);
    }
    let head = match revision {
        "HEAD" => Some(branch_ref(&state.default_branch)),
        _ => None,
    };
    let named = head
        .into_iter()
        .chain([
            revision.to_owned(),
            format!("refs/tags/{revision}"),
            branch_ref(revision),
        ])
        .find_map(|name| state.refs.get(&name));
    if let Some(id) = named {
        let id = state.objects.peel(*id);
        return state.objects.commit(&id).map(|_| id);
    }
    if revision.len() < 4 || !revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let revision = revision.to_ascii_lowercase();
    let mut matching = state
        .objects
        .commits()
        .filter(|id| id.to_string().starts_with(&revision));
    match (matching.next(), matching.next()) {
        (Some(id), None) => Some(*id),
        _ => None,
    }
}

/// A blob's content, if it is text.
fn text(objects: &Objects, id: &ObjectId) -> Option<String> {
    let object = objects.get(id).filter(|object| object.kind == Kind::Blob)?;
    String::from_utf8(object.data.to_vec()).ok()
}

/// Whether Git allows a full ref name.
pub(super) fn check_ref(name: &str) -> Result<(), GitError> {
    match gix::validate::reference::name(name.into()) {
        Ok(_) if name.starts_with("refs/") => Ok(()),
        _ => Err(GitError::Ref(name.to_owned())),
    }
}

pub(super) fn write_commit(
    objects: &mut Objects,
    tree: ObjectId,
    parents: Vec<ObjectId>,
    author: &str,
    at: Timestamp,
    message: &str,
) -> Result<ObjectId, GitError> {
    let signature = signature(author, at);
    objects.write(&objs::Commit {
        tree,
        parents: parents.into_iter().collect(),
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: format!("{}\n", message.trim_end()).into(),
        extra_headers: Vec::new(),
    })
}

/// `Name <mail>`, or a name that gets a mail address made of it.
fn signature(author: &str, at: Timestamp) -> gix::actor::Signature {
    let clean = |text: &str| -> String {
        text.chars()
            .filter(|c| !matches!(c, '<' | '>' | '\n' | '\0'))
            .collect::<String>()
            .trim()
            .to_owned()
    };
    let (name, email) = match author.split_once('<') {
        Some((name, email)) => (clean(name), clean(email)),
        None => {
            let name = clean(author);
            let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
            let email = format!("{}@users.noreply.example", words.join("."));
            (name, email)
        }
    };
    gix::actor::Signature {
        name: name.into(),
        email: email.into(),
        time: gix::date::Time::new(at.as_second(), 0),
    }
}
