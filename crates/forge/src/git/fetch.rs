//! Brings one repository's copy up to date over Git's own protocol, or makes it.
//!
//! Owns the conversation with the Git server. Blocking: callers run it off the async threads. What the server listed is
//! the truth that is returned; the references in the clone only tell the server what we already have.

use std::any::Any;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use gix::bstr::{BString, ByteSlice as _};
use gix::protocol::handshake::Ref;
use gix::protocol::transport::client::blocking_io::http;
use gix::refs::transaction::{PreviousValue, RefEdit};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use url::Url;

use super::store::{Snapshot, Store};
use crate::error::{self, Http, Trouble, deepest};
use crate::tokens::Pass;
use crate::web::{CONNECT, SILENCE, is_own};

/// A clone made of more packs than this is made anew: every fetch adds one, and every read looks into all of them.
const MAX_PACKS: usize = 100;

/// One repository to fetch.
pub(crate) struct Source<'a> {
    pub(crate) repository: &'a str,
    pub(crate) host: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) pass: &'a Pass,
    /// Whether the server refused the token.
    pub(crate) refused: Cell<bool>,
}

/// Fetches, unless another process did so at or after `not_before`.
///
/// # Errors
/// The server or the disk says no, or `stop` was set.
pub(crate) fn fetch(
    store: &Store,
    source: &Source<'_>,
    not_before: Timestamp,
    now: impl Fn() -> Timestamp,
    stop: &AtomicBool,
) -> Result<Snapshot, Trouble> {
    let held = store.lock(stop)?;
    let known = store
        .snapshot()
        .filter(|snapshot| is_usable(&store.clone_folder(snapshot.generation)));
    if let Some(known) = &known
        && known.fetched >= not_before
        && known.fetched <= now()
    {
        return Ok(known.clone());
    }
    let next = store.discard(known.as_ref().map(|known| known.generation), &held);
    let (generation, suffixed) = match &known {
        Some(known) => (known.generation, known.suffixed),
        None => (next, false),
    };
    let folder = store.clone_folder(generation);
    let at = now();
    let attempt = |suffixed: bool| -> Result<Snapshot, Trouble> {
        let listed = talk(&folder, source, suffixed, stop)?;
        let snapshot = Snapshot {
            generation,
            suffixed,
            default_branch: listed.default_branch,
            branches: listed.branches,
            tags: listed.tags,
            ..Snapshot::empty(source.repository, generation, at)
        };
        store.write_snapshot(&snapshot, &held)?;
        Ok(snapshot)
    };
    match attempt(suffixed) {
        // Most servers take the address with and without `.git`; a few know only one of them.
        Err(trouble @ (Trouble::NotFound { .. } | Trouble::Denied { .. })) => attempt(!suffixed)
            .map_err(|second| match second {
                Trouble::NotFound { .. } => trouble,
                other => other,
            }),
        done => done,
    }
}

/// Whether the clone can be opened and is not in too many pieces.
fn is_usable(folder: &Path) -> bool {
    let packs = std::fs::read_dir(folder.join("objects").join("pack"))
        .map(|entries| {
            entries
                .flatten()
                .filter(|entry| entry.path().extension().is_some_and(|end| end == "idx"))
                .count()
        })
        .unwrap_or(usize::MAX);
    packs <= MAX_PACKS && open(folder).is_ok()
}

/// Opens a clone of ours: the person's own Git settings play no part.
///
/// # Errors
/// The folder holds no repository.
pub(crate) fn open(folder: &Path) -> Result<gix::ThreadSafeRepository, Trouble> {
    gix::open::Options::isolated()
        .open_path_as_is(true)
        .with(gix::sec::Trust::Full)
        .open(folder)
        .map_err(|error| {
            Trouble::Other(format!("cannot open the copy: {}", deepest(error.error())))
        })
}

/// What a server lists.
struct Listed {
    default_branch: String,
    branches: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

fn talk(
    folder: &Path,
    source: &Source<'_>,
    suffixed: bool,
    stop: &AtomicBool,
) -> Result<Listed, Trouble> {
    let failed = |error: gix::Error| trouble(source, &error);
    if !folder.join("HEAD").exists() {
        gix::ThreadSafeRepository::init_opts(
            folder,
            gix::create::Kind::Bare,
            gix::create::Options::default(),
            gix::open::Options::isolated(),
        )
        .map_err(|error| {
            Trouble::Other(format!(
                "cannot make the copy {}: {}",
                folder.display(),
                deepest(error.error())
            ))
        })?;
    }
    let mut repository = open(folder)?.to_thread_local();
    // Reference logs want a name; nobody reads these.
    repository
        .committer_or_set_generic_fallback()
        .map_err(failed)?;

    let mut url = source.url.to_string();
    if suffixed {
        url.push_str(".git");
    }
    let remote = repository
        .remote_at(url.as_str())
        .and_then(|remote| {
            remote.with_refspecs(
                ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                gix::remote::Direction::Fetch,
            )
        })
        .map_err(failed)?
        // Tags come by their own rule above, forced: tags move.
        .with_fetch_tags(gix::remote::fetch::Tags::None);
    let mut connection = remote
        .connect(gix::remote::Direction::Fetch)
        .map_err(failed)?
        .with_credentials(|action| Ok(credentials(source, action)));
    if let Some(options) = repository
        .transport_options(url.as_str(), None)
        .map_err(failed)?
    {
        connection.set_transport_options(impatient(options, is_own(source.url)));
    }
    let options = gix::remote::ref_map::Options {
        extra_refspecs: gix::refspec::parse("HEAD".into(), gix::refspec::parse::Operation::Fetch)
            .map(|spec| spec.to_owned())
            .into_iter()
            .collect(),
        ..Default::default()
    };
    let prepared = connection
        .prepare_fetch(gix::progress::Discard, options)
        .map_err(failed)?;

    let remote_refs = prepared.ref_map().remote_refs.clone();
    prune(&repository, &remote_refs).map_err(failed)?;
    if remote_refs.iter().any(|one| target(one).is_some()) {
        prepared
            // Packed references know no clash between `a` and `a/b`, nor between `Main` and `main` on macOS.
            .with_write_packed_refs_only(true)
            .receive(gix::progress::Discard, stop)
            .map_err(failed)?;
    }
    Ok(listed(&repository, &remote_refs))
}

/// Adds our time limits to a transport's options: a host behind a VPN that is off swallows what is sent to it.
fn impatient(mut options: Box<dyn Any>, is_own: bool) -> Box<dyn Any> {
    if let Some(options) = options.downcast_mut::<http::Options>() {
        let limits = http::reqwest::Options {
            configure_client: Some(Box::new(move |client| {
                let client = if is_own { client.no_proxy() } else { client };
                Ok(client
                    .connect_timeout(CONNECT)
                    // Between two pieces of an answer, not for all of it.
                    .timeout(SILENCE))
            })),
            ..Default::default()
        };
        options.backend = Some(Arc::new(Mutex::new(limits)));
    }
    options
}

/// Removes references that the server no longer has, before new ones may need their place.
fn prune(repository: &gix::Repository, remote: &[Ref]) -> Result<(), gix::Error> {
    let kept: BTreeSet<&BString> = remote.iter().map(name).collect();
    let mut edits = Vec::new();
    for prefix in ["refs/heads/", "refs/tags/"] {
        for reference in repository.references()?.prefixed(prefix)? {
            let Ok(reference) = reference else { continue };
            let name = reference.name().to_owned();
            if !kept.contains(&name.as_bstr().to_owned()) {
                edits.push(RefEdit::delete(name, PreviousValue::Any));
            }
        }
    }
    if !edits.is_empty() {
        repository.edit_references(edits)?;
    }
    Ok(())
}

fn name(one: &Ref) -> &BString {
    match one {
        Ref::Peeled { full_ref_name, .. }
        | Ref::Direct { full_ref_name, .. }
        | Ref::Symbolic { full_ref_name, .. }
        | Ref::Unborn { full_ref_name, .. } => full_ref_name,
    }
}

fn target(one: &Ref) -> Option<gix::ObjectId> {
    match one {
        Ref::Peeled { object, .. } | Ref::Direct { object, .. } | Ref::Symbolic { object, .. } => {
            Some(*object)
        }
        Ref::Unborn { .. } => None,
    }
}

fn listed(repository: &gix::Repository, remote: &[Ref]) -> Listed {
    let mut branches = BTreeMap::new();
    let mut tags = BTreeMap::new();
    let mut head = None;
    let mut head_branch = None;
    for one in remote {
        let full = name(one).to_str_lossy().into_owned();
        if full == "HEAD" {
            head = target(one);
            if let Ref::Symbolic { target, .. } | Ref::Unborn { target, .. } = one {
                head_branch = target
                    .to_str_lossy()
                    .strip_prefix("refs/heads/")
                    .map(ToOwned::to_owned);
            }
            continue;
        }
        let Some(id) = target(one) else { continue };
        let is_commit = repository
            .find_header(id)
            .is_ok_and(|header| header.kind() == gix::objs::Kind::Commit);
        if !is_commit {
            // A tag may name a file or a folder; none of our questions is about those.
            continue;
        }
        if let Some(branch) = full.strip_prefix("refs/heads/") {
            branches.insert(branch.to_owned(), id.to_string());
        } else if let Some(tag) = full.strip_prefix("refs/tags/") {
            tags.insert(tag.to_owned(), id.to_string());
        }
    }
    Listed {
        default_branch: default_branch(head_branch, head, &branches),
        branches,
        tags,
    }
}

/// The branch that HEAD names; where it names none that exists, the one that stands where HEAD stands, by custom.
fn default_branch(
    named: Option<String>,
    head: Option<gix::ObjectId>,
    branches: &BTreeMap<String, String>,
) -> String {
    if let Some(named) = named
        && branches.contains_key(&named)
    {
        return named;
    }
    let head = head.map(|id| id.to_string());
    let fits = |branch: &&str| {
        branches
            .get(*branch)
            .is_some_and(|at| head.as_ref().is_none_or(|head| head == at))
    };
    ["main", "master", "trunk"]
        .into_iter()
        .find(fits)
        .map(ToOwned::to_owned)
        .or_else(|| {
            let mut standing = branches.keys().filter(|branch| fits(&branch.as_str()));
            let first = standing.next()?;
            // Several would be a guess.
            standing.next().is_none().then(|| first.clone())
        })
        .unwrap_or_default()
}

/// Our token, and only for the host it is meant for; never the person's helpers, never a question on the terminal.
fn credentials(
    source: &Source<'_>,
    action: gix::credentials::helper::Action,
) -> Option<gix::credentials::protocol::Outcome> {
    let gix::credentials::helper::Action::Get(context) = action else {
        return None;
    };
    let asking = Url::parse(&context.url.as_ref()?.to_str_lossy()).ok()?;
    // Over plain http the library sends none, not even on this machine.
    if asking.scheme() != source.url.scheme()
        || asking.host() != source.url.host()
        || asking.port_or_known_default() != source.url.port_or_known_default()
    {
        return None;
    }
    Some(gix::credentials::protocol::Outcome {
        identity: gix::sec::identity::Account {
            username: "x-access-token".to_owned(),
            password: source.pass.token()?.expose_secret().to_owned(),
            oauth_refresh_token: None,
        },
        next: gix::credentials::protocol::Context::default().into(),
    })
}

/// What a failed conversation comes down to.
fn trouble(source: &Source<'_>, error: &gix::Error) -> Trouble {
    let host = source.host.to_owned();
    let subject = source
        .repository
        .split_once('/')
        .map_or(source.repository, |(_, path)| path)
        .to_owned();
    let denied = |reason: &str| Trouble::Denied {
        host: host.clone(),
        subject: subject.clone(),
        reason: reason.to_owned(),
    };
    let unreachable = |reason: String| Trouble::Unreachable {
        host: host.clone(),
        reason,
    };
    if error.is_unauthenticated() {
        let is_sent = source.url.scheme() == "https";
        return denied(match source.pass {
            Pass::Token(_) if is_sent => {
                source.refused.set(true);
                "it does not accept the token"
            }
            Pass::Token(_) => "it asks for a sign-in, and Git sends no token over plain http",
            Pass::Lacking(reason) => reason,
            Pass::Nobody => "it asks for a sign-in",
        });
    }
    let answer = error
        .iter_errors()
        .find_map(|one| one.downcast_ref::<reqwest::Error>())
        .or_else(|| error.downcast_any_ref::<reqwest::Error>())
        .map(error::http);
    match answer {
        Some(Http::Status(401 | 403)) => denied("it says that we may not"),
        Some(Http::Status(404 | 410)) => Trouble::NotFound {
            host,
            subject: format!("repository {subject}"),
        },
        Some(Http::Status(status @ 500..)) => {
            unreachable(format!("it answers with status {status}"))
        }
        Some(Http::Status(status)) => Trouble::Other(format!(
            "reading {subject} from {host} failed with status {status}"
        )),
        Some(Http::NoAnswer(reason)) => unreachable(reason),
        Some(Http::Else(reason)) => {
            Trouble::Other(format!("reading {subject} from {host} failed: {reason}"))
        }
        None if error.is_permission_denied() => denied("it says that we may not"),
        None => Trouble::Other(format!(
            "reading {subject} from {host} failed: {}",
            deepest(error.probable_cause())
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branches(names: &[(&str, &str)]) -> BTreeMap<String, String> {
        names
            .iter()
            .map(|(name, at)| ((*name).to_owned(), (*at).to_owned()))
            .collect()
    }

    #[test]
    fn a_default_branch_that_is_gone_is_not_invented() {
        let several = branches(&[("a", "1"), ("b", "2")]);
        assert_eq!(default_branch(Some("gone".to_owned()), None, &several), "");
        let custom = branches(&[("a", "1"), ("main", "2")]);
        assert_eq!(
            default_branch(Some("gone".to_owned()), None, &custom),
            "main"
        );
        assert_eq!(
            default_branch(None, None, &branches(&[("only", "1")])),
            "only"
        );
        assert_eq!(
            default_branch(
                Some("trunk".to_owned()),
                None,
                &branches(&[("main", "1"), ("trunk", "2")])
            ),
            "trunk"
        );
    }
}
