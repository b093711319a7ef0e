//! Pushing: commands, the pack, what is refused and why, and the report.

use gix::ObjectId;
use gix::hashtable::HashSet;
use gix::objs::Kind;

use super::advertisement::is_hidden_from_push;
use super::packet::{Band, BandWidth, Packets, Writer};
use super::repository::{Repository, State, check_ref};
use super::{GitError, history, pack};
use crate::faults::Faults;

/// One ref that the client wants changed.
#[derive(Debug)]
struct Command {
    name: String,
    /// `None`: the ref must not exist.
    old: Option<ObjectId>,
    /// `None`: delete it.
    new: Option<ObjectId>,
    /// Why it cannot be.
    refused: Option<String>,
}

/// Answers a push: changes refs, tells everybody, and reports.
pub(super) fn receive(
    repository: &Repository,
    faults: &Faults,
    body: &[u8],
) -> Result<Vec<u8>, GitError> {
    let mut packets = Packets::new(body);
    let mut commands = Vec::new();
    let mut capabilities = String::new();
    while let Some(line) = packets.line()? {
        let (line, listed) = line.split_once('\0').unwrap_or((line, ""));
        if !listed.is_empty() {
            capabilities = listed.to_owned();
        }
        if !line.starts_with("shallow ") {
            commands.push(Command::read(line)?);
        }
    }
    let mut out = Writer::default();
    // Before a large push, git sends an empty one to see whether it may.
    if commands.is_empty() {
        return Ok(out.bytes);
    }
    let has = |name: &str| capabilities.split_whitespace().any(|it| it == name);
    let width = BandWidth::of(&capabilities);

    let mut words = String::new();
    for command in &mut commands {
        if let Some(message) = protection(faults, repository.path(), &command.name) {
            command.refused = Some("protected branch hook declined".to_owned());
            words.push_str(&format!(
                "error: GH006: Protected branch update failed for {}.\nerror: {message}\n",
                command.name
            ));
        }
    }
    let mut state = repository.state_mut();
    let unpacked = unpack(&mut state, &commands, packets.rest);
    for command in &mut commands {
        if command.refused.is_none() {
            command.refused = match &unpacked {
                Ok(()) => refusal(&state, command),
                Err(_) => Some("unpacker error".to_owned()),
            };
        }
    }
    if has("atomic") && commands.iter().any(|command| command.refused.is_some()) {
        for command in &mut commands {
            command
                .refused
                .get_or_insert_with(|| "atomic transaction failed".to_owned());
        }
    }
    for command in commands.iter().filter(|it| it.refused.is_none()) {
        match command.new {
            Some(new) => state.refs.insert(command.name.clone(), new),
            None => state.refs.remove(&command.name),
        };
    }
    drop(state);
    for command in commands.iter().filter(|it| it.refused.is_none()) {
        if let Some(new) = command.new {
            repository.announce(&command.name, command.old, new);
        }
    }

    out.band(Band::Words, words.as_bytes(), width);
    if has("report-status") {
        let mut report = Writer::default();
        match unpacked {
            Ok(()) => report.line("unpack ok"),
            Err(error) => report.line(&format!("unpack {error}")),
        }
        for command in &commands {
            match &command.refused {
                None => report.line(&format!("ok {}", command.name)),
                Some(why) => report.line(&format!("ng {} {why}", command.name)),
            }
        }
        report.flush();
        out.band(Band::Data, &report.bytes, width);
    }
    if width != BandWidth::None {
        out.flush();
    }
    Ok(out.bytes)
}

impl Command {
    /// `<old> <new> <ref>`
    fn read(line: &str) -> Result<Self, GitError> {
        let broken = || GitError::Broken(format!("unexpected \"{line}\""));
        let mut parts = line.splitn(3, ' ');
        let mut id = || {
            let id = ObjectId::from_hex(parts.next()?.as_bytes()).ok()?;
            Some((!id.is_null()).then_some(id))
        };
        let old = id().ok_or_else(broken)?;
        let new = id().ok_or_else(broken)?;
        Ok(Self {
            name: parts.next().ok_or_else(broken)?.to_owned(),
            old,
            new,
            refused: None,
        })
    }
}

/// Why a branch refuses pushes, if it does.
fn protection(faults: &Faults, path: &str, name: &str) -> Option<String> {
    let branch = name.strip_prefix("refs/heads/")?;
    faults
        .table()
        .protected
        .get(&(path.to_owned(), branch.to_owned()))
        .cloned()
}

/// Keeps the pack's objects, if any command that is not refused needs them.
fn unpack(state: &mut State, commands: &[Command], pack: &[u8]) -> Result<(), GitError> {
    let is_needed = |command: &Command| command.new.is_some() && command.refused.is_none();
    if pack.is_empty() || !commands.iter().any(is_needed) {
        return Ok(());
    }
    // Packs begin with the newest commits; parents first, so that generations are known.
    for (_, kind, data) in pack::decode(&state.objects, pack)?.into_iter().rev() {
        state.objects.insert(kind, data)?;
    }
    Ok(())
}

/// Why a command cannot be carried out.
fn refusal(state: &State, command: &Command) -> Option<String> {
    let name = &command.name;
    if check_ref(name).is_err() {
        return Some("funny refname".to_owned());
    }
    if is_hidden_from_push(name) {
        return Some("deny updating a hidden ref".to_owned());
    }
    if state.refs.get(name).copied() != command.old {
        return Some("failed to update ref".to_owned());
    }
    let Some(new) = command.new else {
        let is_default = name.strip_prefix("refs/heads/") == Some(&state.default_branch);
        return is_default
            .then(|| format!("refusing to delete the current branch: {name}"))
            .or_else(|| {
                command
                    .old
                    .is_none()
                    .then(|| "deleting a non-existent ref".to_owned())
            });
    };
    let Some(object) = state.objects.get(&new) else {
        return Some("missing necessary objects".to_owned());
    };
    if name.starts_with("refs/heads/") && object.kind != Kind::Commit {
        return Some("cannot update a branch to something that is no commit".to_owned());
    }
    (!is_whole(state, new)).then(|| "missing necessary objects".to_owned())
}

/// Whether everything that hangs below an object is here; what refs lead to already is.
fn is_whole(state: &State, tip: ObjectId) -> bool {
    let objects = &state.objects;
    let tips = state.refs.values().map(|id| objects.peel(*id));
    let known = history::ancestors(objects, tips);
    let mut seen: HashSet<ObjectId> = HashSet::default();
    let mut next = vec![objects.peel(tip)];
    while let Some(id) = next.pop() {
        if known.contains(&id) || !seen.insert(id) {
            continue;
        }
        let Some(object) = objects.get(&id) else {
            return false;
        };
        match object.kind {
            Kind::Commit => {
                if let Some(node) = objects.commit(&id) {
                    next.push(node.tree);
                    next.extend(node.parents.iter().copied());
                }
            }
            Kind::Tree => {
                let entries = objects.tree(id);
                next.extend(
                    entries
                        .filter(|entry| !entry.is_submodule())
                        .map(|entry| entry.id),
                );
            }
            Kind::Blob | Kind::Tag => {}
        }
    }
    true
}
