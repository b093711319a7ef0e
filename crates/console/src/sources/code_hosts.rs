//! The code hosts of the team file, each with whoever is signed in there.
//!
//! Owns which keyring entry is whose. One entry serves one application at one set of addresses, named by one team file: what is
//! changed about any of them may send a token elsewhere, and somebody has to sign in again.

use std::sync::Arc;

use api::Error;
use api::error::Code;
use cluster::Clock;
use identity::{CodeHost, CodeHostSpec, Failure, Keeper, Keyring, Memory};
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
        let signed_in = match signed_in(file, host, sources, clock) {
            Some(Ok(signed_in)) => Some(signed_in),
            // Without a sign-in an address may be plain http: it only has none.
            Some(Err(_)) if host.sign_in.is_none() => None,
            Some(Err(why)) => return Err(crate::sign_in::error(&why)),
            None => None,
        };
        Ok(forge::CodeHost {
            host: host.host.clone(),
            // What the file names is known wherever it is; github.com by itself only once it was met.
            address: host
                .address()
                .filter(|_| is_named || !is(host, &github.host)),
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
    let nobody = |why: &str| {
        Error::new(
            Code::BadFile,
            format!("nobody can sign in at {host}: {why}"),
        )
    };
    match (signed_in(file, known, sources, clock), known.pages()) {
        (Some(Ok(signed_in)), Some(pages)) => Ok(CodeHostSignIn::new(signed_in, pages)),
        (Some(Err(why)), _) => Err(nobody(&why.to_string()).hint(
            "In its entry below `codeHosts` in the team file `api` and the addresses must all be https: a token goes there.",
        )),
        _ => Err(nobody("it is not known where it tells whose a token is")
            .hint("Add `api` to its entry below `codeHosts` in the team file.")),
    }
}

fn is(known: &form::CodeHost, host: &str) -> bool {
    known.host.eq_ignore_ascii_case(host)
}

/// Whoever is signed in at a code host, or why nobody can be; none where it is not known where it tells whose a token is.
fn signed_in(
    file: &TeamFile,
    host: &form::CodeHost,
    sources: &Sources,
    clock: &Clock,
) -> Option<Result<Arc<CodeHost>, Failure>> {
    let (address, pages, api) = (host.address()?, host.pages()?, host.api()?);
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
    Some(CodeHost::new(spec, keeper, lock, now).map(Arc::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_nobody_can_sign_in_is_the_address_and_no_missing_api() {
        let text = "version: 1\ncodeHosts:\n- {host: git.example, address: 'http://git.example', api: 'https://git.example/api'}\n- {host: half.example, api: 'http://127.0.0.1:1'}\n";
        let file = TeamFile::of_text(text, "here").expect("a team file");
        let of = |host: &str| {
            let one = one(&file, host, &Sources::default(), &Clock::default());
            one.err().expect("nobody can").to_string()
        };
        for (host, why) in [
            ("git.example", "no address over TLS"),
            ("half.example", "some are plain http"),
        ] {
            let said = of(host);
            assert!(said.contains(why), "{said}");
            assert!(!said.contains("Add `api`"), "{said}");
        }
        // It is read all the same, as whoever is not signed in.
        let all = all(&file, &Sources::default(), &Clock::default()).expect("it is read");
        let tokens: Vec<bool> = all.iter().map(|one| one.tokens.is_some()).collect();
        assert_eq!(tokens, [false, false, true], "github.com alone has some");
    }
}
