//! What the sign-in opens: the session itself, the clusters of the team file, and the roles in its accounts.
//!
//! Owns the way from the team file's words to the edges' own.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Error;
use api::error::Code;
use cloud::Broker;
use cluster::{Clock, Context};

use super::Sources;
use crate::sign_in::SigningIn;
use crate::team_file::{TeamFile, form};
use crate::tokens::IdToken;

/// Goes on with the sign-in that is kept, or waits for one.
pub fn signing_in(
    sign_in: &form::SignIn,
    file: &TeamFile,
    sources: &Sources,
    clock: &Clock,
) -> Arc<SigningIn> {
    let now = clock.clone();
    let now: identity::Clock = Arc::new(move || now.now());
    let spec = identity::Spec {
        issuer: sign_in.issuer.clone(),
        client_id: sign_in.client_id.clone(),
        scopes: sign_in.scopes.clone(),
        groups_claim: sign_in.groups_claim.clone(),
        ports: sign_in.ports.clone(),
        authorities: sign_in.authorities.clone(),
    };
    let keeper: Arc<dyn identity::Keeper> = match &sources.data {
        Some(_) => Arc::new(identity::Keyring::of(
            sign_in.issuer.as_str(),
            &sign_in.client_id,
        )),
        None => Arc::new(identity::Memory::default()),
    };
    let lock = sources.data.as_deref().and_then(|folder| {
        // Without the folder each process is alone, which its session says when it cannot lock.
        std::fs::create_dir_all(folder).ok()?;
        Some(folder.join("session.lock"))
    });
    let issuer = Arc::new(identity::Issuer::new(spec, now));
    let session = identity::Session::resume(issuer.clone(), keeper, lock);
    let roles = file.roles.clone();
    Arc::new(SigningIn::new(issuer, Arc::new(session), roles))
}

/// The clusters that the team file names.
pub fn clusters(
    file: &TeamFile,
    session: Option<&Arc<identity::Session>>,
) -> Result<Vec<Context>, Error> {
    let mut contexts = Vec::new();
    for cluster in &file.clusters {
        let Some(session) = session else {
            continue;
        };
        let address = cluster::Address {
            name: cluster.name.clone(),
            server: cluster.server.to_string(),
            authorities: cluster.authority.iter().cloned().collect(),
            namespace: cluster.namespace.clone().unwrap_or_default(),
        };
        let tokens = Arc::new(IdToken(Arc::clone(session)));
        let context = Context::at(&address, tokens).map_err(|why| {
            Error::new(
                Code::BadFile,
                format!("the team file's cluster cannot be used: {why}"),
            )
            .hint("docs/TEAMFILE.md describes what it may say")
        })?;
        contexts.push(context);
    }
    Ok(contexts)
}

/// The roles of the accounts that have one, by the account's name: whatever is asked of an account shares its credentials.
pub fn roles(
    file: &TeamFile,
    session: Option<&Arc<identity::Session>>,
    options: &cloud::Options,
) -> BTreeMap<String, Broker> {
    let mut roles = BTreeMap::new();
    for aws in &file.aws {
        if let (Some(arn), Some(session)) = (&aws.role, session) {
            let role = cloud::Role {
                arn: arn.clone(),
                region: aws.region.clone(),
                endpoint: aws.endpoint(),
                identity: Arc::new(IdToken(Arc::clone(session))),
            };
            roles.insert(aws.name.clone(), Broker::new(role, options));
        }
    }
    roles
}
