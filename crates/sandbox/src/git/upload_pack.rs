//! Fetching: what the client asks, what it has, and the answer in versions 0, 1 and 2.

use gix::ObjectId;
use gix::hashtable::HashSet;

use super::GitError;
use super::packet::{Band, BandWidth, Packet, Packets, Writer};
use super::repository::State;
use super::select::{Deepen, Depth, Selection};
use super::{history, pack};

/// What a client asks for.
#[derive(Debug, Default)]
struct Request {
    wants: Vec<ObjectId>,
    /// In the order they came, whether they are here or not.
    haves: Vec<ObjectId>,
    /// The commits whose parents the client does not have.
    shallow: HashSet<ObjectId>,
    deepen: Deepen,
    done: bool,
    include_tag: bool,
    no_progress: bool,
}

impl Request {
    /// Reads an argument that all versions share; says whether it was one.
    fn read(&mut self, state: &State, line: &str) -> Result<bool, GitError> {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let number = || {
            value
                .parse()
                .map_err(|_| GitError::Broken(format!("a number in \"{line}\"")))
        };
        match name {
            "want" => {
                let want = id(value)?;
                if !state.objects.contains(&want) {
                    return Err(GitError::Broken(format!("not our ref {want}")));
                }
                self.wants.push(want);
            }
            "have" => self.haves.push(id(value)?),
            "shallow" => {
                self.shallow.insert(id(value)?);
            }
            "deepen" => self.deepen.depth = Some(Depth::Commits(number()?)),
            "deepen-since" => self.deepen.depth = Some(Depth::Since(number()?.into())),
            "deepen-not" => {
                let name = [
                    value.to_owned(),
                    format!("refs/tags/{value}"),
                    format!("refs/heads/{value}"),
                ];
                let Some(tip) = name.iter().find_map(|name| state.refs.get(name)) else {
                    return Err(GitError::Broken(format!(
                        "deepen-not is not a ref: {value}"
                    )));
                };
                self.deepen.not.push(state.objects.peel(*tip));
            }
            "deepen-relative" => self.deepen.relative = true,
            "done" => self.done = true,
            "include-tag" => self.include_tag = true,
            "no-progress" => self.no_progress = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Those of the client's commits that are here too.
    fn common(&self, state: &State) -> Vec<ObjectId> {
        let known = |id: &&ObjectId| state.objects.contains(id);
        self.haves.iter().filter(known).copied().collect()
    }

    /// Whether the common commits suffice: every wanted commit leads to one of them.
    fn is_ready(&self, state: &State, common: &[ObjectId]) -> bool {
        !common.is_empty()
            && self.wants.iter().all(|want| {
                let reached = history::ancestors(&state.objects, [state.objects.peel(*want)]);
                common
                    .iter()
                    .any(|id| reached.contains(&state.objects.peel(*id)))
            })
    }

    fn select(&self, state: &State) -> Selection {
        Selection::new(
            state,
            &self.wants,
            &self.common(state),
            &self.shallow,
            &self.deepen,
            self.include_tag,
        )
    }

    /// Writes the pack on its side band.
    fn write_pack(&self, out: &mut Writer, state: &State, chosen: &Selection, width: BandWidth) {
        if !self.no_progress {
            let words = format!("Enumerating objects: {}, done.\n", chosen.objects.len());
            out.band(Band::Words, words.as_bytes(), width);
        }
        let pack = pack::encode(&state.objects, &chosen.objects);
        out.band(Band::Data, &pack, width);
        if width != BandWidth::None {
            out.flush();
        }
    }
}

fn id(text: &str) -> Result<ObjectId, GitError> {
    ObjectId::from_hex(text.as_bytes())
        .map_err(|_| GitError::Broken(format!("\"{text}\" is no object's name")))
}

fn write_shallow(out: &mut Writer, chosen: &Selection) {
    for id in &chosen.shallow {
        out.line(&format!("shallow {id}"));
    }
    for id in &chosen.unshallow {
        out.line(&format!("unshallow {id}"));
    }
}

/// How the client of version 0 or 1 wants commits acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledge {
    First,
    Each,
    Detailed,
}

/// Answers a fetch of version 0 or 1. Over HTTP each request stands alone: the client repeats what it wants and what
/// is known to be common.
pub(super) fn fetch_v0(state: &State, body: &[u8]) -> Result<Vec<u8>, GitError> {
    let mut packets = Packets::new(body);
    let mut request = Request::default();
    let mut capabilities = String::new();
    while let Some(line) = packets.line()? {
        let mut line = line;
        if let Some(want) = line.strip_prefix("want ")
            && request.wants.is_empty()
            && let Some((_, listed)) = want.split_once(' ')
        {
            capabilities = listed.to_owned();
            line = line.get(.."want ".len() + 40).unwrap_or(line);
        }
        if !request.read(state, line)? {
            return Err(GitError::Broken(format!("unexpected \"{line}\"")));
        }
    }
    let mut out = Writer::default();
    if request.wants.is_empty() {
        return Ok(out.bytes);
    }
    let has = |name: &str| capabilities.split_whitespace().any(|it| it == name);
    request.include_tag = has("include-tag");
    request.no_progress = has("no-progress");
    request.deepen.relative |= has("deepen-relative");
    let acknowledge = if has("multi_ack_detailed") {
        Acknowledge::Detailed
    } else if has("multi_ack") {
        Acknowledge::Each
    } else {
        Acknowledge::First
    };

    let mut last_common = None;
    let mut ready = false;
    let mut negotiated = Writer::default();
    let finished = loop {
        let line = match packets.next()? {
            Some(Packet::Data(data)) => std::str::from_utf8(data)
                .map_err(|_| GitError::Broken("a line that is not text".to_owned()))?,
            Some(Packet::Flush) => {
                if let Some(last) = last_common
                    && acknowledge == Acknowledge::Detailed
                    && !ready
                    && request.is_ready(state, &request.common(state))
                {
                    ready = true;
                    negotiated.line(&format!("ACK {last} ready"));
                }
                if last_common.is_none() || acknowledge != Acknowledge::First {
                    negotiated.line("NAK");
                }
                if let Some(last) = last_common.filter(|_| ready && has("no-done")) {
                    negotiated.line(&format!("ACK {last}"));
                    break true;
                }
                continue;
            }
            Some(Packet::Delimiter) => continue,
            None => break false,
        };
        request.read(state, line)?;
        if request.done {
            match last_common {
                None => negotiated.line("NAK"),
                Some(last) if acknowledge != Acknowledge::First => {
                    negotiated.line(&format!("ACK {last}"));
                }
                Some(_) => {}
            }
            break true;
        }
        let Some(have) = request.haves.last().copied() else {
            continue;
        };
        let is_here = state.objects.contains(&have);
        if is_here {
            match acknowledge {
                Acknowledge::Detailed => negotiated.line(&format!("ACK {have} common")),
                Acknowledge::Each => negotiated.line(&format!("ACK {have} continue")),
                Acknowledge::First if last_common.is_none() => {
                    negotiated.line(&format!("ACK {have}"));
                }
                Acknowledge::First => {}
            }
            last_common = Some(have);
        }
    };

    if !finished && !request.deepen.is_asked() {
        return Ok(negotiated.bytes);
    }
    let chosen = request.select(state);
    if request.deepen.is_asked() {
        write_shallow(&mut out, &chosen);
        out.flush();
    }
    out.bytes.append(&mut negotiated.bytes);
    if finished {
        request.write_pack(&mut out, state, &chosen, BandWidth::of(&capabilities));
    }
    Ok(out.bytes)
}

/// Answers version 2's `fetch`; the packets are what follows the command's capabilities.
pub(super) fn fetch_v2(state: &State, arguments: &mut Packets<'_>) -> Result<Vec<u8>, GitError> {
    let mut request = Request::default();
    while let Some(line) = arguments.line()? {
        // Arguments such as thin-pack and ofs-delta permit what is not made use of.
        request.read(state, line)?;
    }
    let mut out = Writer::default();
    if request.wants.is_empty() {
        out.flush();
        return Ok(out.bytes);
    }
    if !request.done && !request.haves.is_empty() {
        out.line("acknowledgments");
        let common = request.common(state);
        if common.is_empty() {
            out.line("NAK");
        }
        for id in &common {
            out.line(&format!("ACK {id}"));
        }
        if !request.is_ready(state, &common) {
            out.flush();
            return Ok(out.bytes);
        }
        out.line("ready");
        out.delimiter();
    }
    let chosen = request.select(state);
    if request.deepen.is_asked() || !request.shallow.is_empty() {
        out.line("shallow-info");
        write_shallow(&mut out, &chosen);
        out.delimiter();
    }
    out.line("packfile");
    request.write_pack(&mut out, state, &chosen, BandWidth::Large);
    Ok(out.bytes)
}
