//! What the server says first: its refs and capabilities (versions 0 and 1), or its commands (version 2), and
//! version 2's `ls-refs`.

use gix::ObjectId;

use super::GitError;
use super::packet::{Packet, Packets, Writer};
use super::repository::State;

/// A service of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V0,
    V1,
    V2,
}

const AGENT: &str = concat!("agent=landfall-sandbox/", env!("CARGO_PKG_VERSION"));

impl Service {
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::UploadPack, Self::ReceivePack]
            .into_iter()
            .find(|service| service.name() == name)
    }

    fn capabilities(self, state: &State) -> String {
        match self {
            Self::UploadPack => {
                let mut capabilities = "multi_ack multi_ack_detailed no-done thin-pack side-band \
                    side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative \
                    no-progress include-tag allow-tip-sha1-in-want allow-reachable-sha1-in-want"
                    .to_owned();
                if head(state).is_some() {
                    let branch = &state.default_branch;
                    capabilities.push_str(&format!(" symref=HEAD:refs/heads/{branch}"));
                }
                format!("{capabilities} object-format=sha1 {AGENT}")
            }
            Self::ReceivePack => format!(
                "report-status delete-refs side-band-64k quiet atomic ofs-delta \
                 object-format=sha1 {AGENT}"
            ),
        }
    }
}

impl Version {
    /// The version that a `Git-Protocol` header asks for: `version=2`, among other keys.
    pub fn of_header(header: Option<&str>) -> Self {
        header
            .unwrap_or_default()
            .split(':')
            .map(|key| match key {
                "version=2" => Self::V2,
                "version=1" => Self::V1,
                _ => Self::V0,
            })
            .max()
            .unwrap_or(Self::V0)
    }
}

/// Refs that people may read but only the code host writes.
pub(super) fn is_hidden_from_push(name: &str) -> bool {
    name.starts_with("refs/pull/")
}

/// What HEAD points to, if its branch exists.
fn head(state: &State) -> Option<ObjectId> {
    state
        .refs
        .get(&format!("refs/heads/{}", state.default_branch))
        .copied()
}

/// The answer to `GET …/info/refs?service=…`.
pub(super) fn advertise(state: &State, service: Service, version: Version) -> Vec<u8> {
    let mut out = Writer::default();
    out.line(&format!("# service={}", service.name()));
    out.flush();
    if version == Version::V2 && service == Service::UploadPack {
        out.line("version 2");
        out.line(AGENT);
        out.line("ls-refs=unborn");
        out.line("fetch=shallow");
        out.line("server-option");
        out.line("object-format=sha1");
        out.flush();
        return out.bytes;
    }
    if version >= Version::V1 {
        out.line("version 1");
    }
    let mut refs: Vec<(String, ObjectId)> = Vec::new();
    if service == Service::UploadPack {
        refs.extend(head(state).map(|id| ("HEAD".to_owned(), id)));
    }
    for (name, id) in &state.refs {
        if service == Service::ReceivePack && is_hidden_from_push(name) {
            continue;
        }
        refs.push((name.clone(), *id));
        let peeled = state.objects.peel(*id);
        if service == Service::UploadPack && peeled != *id {
            refs.push((format!("{name}^{{}}"), peeled));
        }
    }
    let capabilities = service.capabilities(state);
    if refs.is_empty() {
        let nothing = ObjectId::null(gix::hash::Kind::Sha1);
        out.line(&format!("{nothing} capabilities^{{}}\0{capabilities}"));
    }
    for (place, (name, id)) in refs.iter().enumerate() {
        match place {
            0 => out.line(&format!("{id} {name}\0{capabilities}")),
            _ => out.line(&format!("{id} {name}")),
        }
    }
    out.flush();
    out.bytes
}

/// Version 2's `ls-refs`; the packets are what follows the command's capabilities.
pub(super) fn ls_refs(state: &State, arguments: &mut Packets<'_>) -> Result<Vec<u8>, GitError> {
    let (mut peel, mut symrefs, mut unborn) = (false, false, false);
    let mut prefixes = Vec::new();
    while let Some(Packet::Data(line)) = arguments.next()? {
        match line {
            b"peel" => peel = true,
            b"symrefs" => symrefs = true,
            b"unborn" => unborn = true,
            _ => {
                if let Some(prefix) = line.strip_prefix(b"ref-prefix ") {
                    prefixes.push(prefix);
                }
            }
        }
    }
    let wanted = |name: &str| {
        prefixes.is_empty()
            || prefixes
                .iter()
                .any(|prefix| name.as_bytes().starts_with(prefix))
    };
    let mut out = Writer::default();
    if wanted("HEAD") {
        let target = match symrefs {
            true => format!(" symref-target:refs/heads/{}", state.default_branch),
            false => String::new(),
        };
        match head(state) {
            Some(id) => out.line(&format!("{id} HEAD{target}")),
            None if unborn => out.line(&format!("unborn HEAD{target}")),
            None => {}
        }
    }
    for (name, id) in state.refs.iter().filter(|(name, _)| wanted(name)) {
        let peeled = state.objects.peel(*id);
        match peel && peeled != *id {
            true => out.line(&format!("{id} {name} peeled:{peeled}")),
            false => out.line(&format!("{id} {name}")),
        }
    }
    out.flush();
    Ok(out.bytes)
}
