//! The code hosts of the team file, each with whoever is signed in there.
//!
//! Owns which keyring entry is whose. One entry serves one application at one set of addresses, named by one team file: what is
//! changed about any of them may send a token elsewhere, and somebody has to sign in again.

use std::sync::Arc;

use api::Error;
use api::error::Code;
use cluster::Clock;
use identity::{CodeHost, CodeHostSpec, Keeper, Keyring, Memory};
use sha2::{Digest, Sha256};

use super::{Sources, signed_in};
use crate::code_host::CodeHostSignIn;
use crate::team_file::{TeamFile, form};
use crate::tokens::CodeHostToken;

/// All that the team file names, and github.com, as the forge takes them.
pub fn all(
    file: &TeamFile,
    sources: &Sources,
    clock: &Clock,
) -> Result<Vec<forge::CodeHost>, Error> {
    let github = form::CodeHost::github();
    let is_named = file.code_hosts.iter().any(|host| is(host, &github.host));
    let unnamed = (!is_named).then_some(&github);
    let hosts = file.code_hosts.iter().chain(unnamed);
    let hosts = hosts.map(|host| {
        let signed_in = signed_in(file, host, sources, clock)?;
        Ok(forge::CodeHost {
            host: host.host.clone(),
            address: host.address.clone(),
            api: host.api.clone(),
            tokens: signed_in.map(|host| Arc::new(CodeHostToken(host)) as Arc<dyn forge::Tokens>),
        })
    });
    hosts.collect()
}

/// One of them.
pub fn one(
    file: &TeamFile,
    host: &str,
    sources: &Sources,
    clock: &Clock,
) -> Result<CodeHostSignIn, Error> {
    let github = form::CodeHost::github();
    let mut known = file.code_hosts.iter().chain([&github]);
    let Some(known) = known.find(|known| is(known, host)) else {
        let names: Vec<&str> = file
            .code_hosts
            .iter()
            .map(|one| one.host.as_str())
            .collect();
        let named = match names.as_slice() {
            [] => "The team file names none; github.com is known by itself.".to_owned(),
            names => format!("The team file names {}.", names.join(", ")),
        };
        let message = format!("'{host}' is no code host that one could sign in to");
        return Err(Error::new(Code::UnknownName, message).hint(named));
    };
    let pages = known.pages();
    match (signed_in(file, known, sources, clock)?, pages) {
        (Some(signed_in), Some(pages)) => Ok(CodeHostSignIn::new(signed_in, pages)),
        _ => Err(Error::new(
            Code::BadFile,
            format!(
                "nobody can sign in at {host}: it is not known where it tells whose a token is"
            ),
        )
        .hint("Add `api` to its entry below `codeHosts` in the team file.")),
    }
}

fn is(known: &form::CodeHost, host: &str) -> bool {
    known.host.eq_ignore_ascii_case(host)
}

/// Whoever is signed in at a code host; nobody ever, where it does not tell whose a token is.
fn signed_in(
    file: &TeamFile,
    host: &form::CodeHost,
    sources: &Sources,
    clock: &Clock,
) -> Result<Option<Arc<CodeHost>>, Error> {
    let (Some(address), Some(pages), Some(api)) = (host.address(), host.pages(), host.api()) else {
        return Ok(None);
    };
    let application = host.sign_in.as_ref();
    let spec = CodeHostSpec {
        client_id: application.map(|one| one.client_id.clone()),
        scopes: application.map_or_else(Vec::new, |one| one.scopes.clone()),
        ..CodeHostSpec::github(&host.host, &pages, &api)
    };
    let keeper: Arc<dyn Keeper> = match &sources.data {
        Some(_) => {
            let addresses = Sha256::digest(format!("{address} {pages} {api}"));
            let addresses: String = addresses
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            Arc::new(Keyring::of(
                &format!("{} ({addresses})", host.host),
                spec.client_id.as_deref().unwrap_or("a token"),
                &signed_in::whose(file, sources),
            ))
        }
        None => Arc::new(Memory::default()),
    };
    let lock = sources.data.as_deref().and_then(|folder| {
        // Without the folder each process is alone, which its session says when it cannot lock.
        std::fs::create_dir_all(folder).ok()?;
        Some(folder.join("code-hosts.lock"))
    });
    let now = clock.clone();
    let now: identity::Clock = Arc::new(move || now.now());
    match CodeHost::new(spec, keeper, lock, now) {
        Ok(code_host) => Ok(Some(Arc::new(code_host))),
        // Without a sign-in an address may be plain http: it only has none.
        Err(_) if application.is_none() => Ok(None),
        Err(why) => Err(crate::sign_in::error(&why)),
    }
}
