//! What the sign-in opens: the session itself, the clusters of the team file, and the roles in its accounts.
//!
//! Owns the way from the team file's words to the edges' own.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Error;
use api::error::Code;
use cloud::Broker;
use cluster::{Clock, Context};

use super::{Sources, accounts};
use crate::sign_in::SigningIn;
use crate::team_file::{TeamFile, form};
use crate::tokens::{EksToken, IdToken};

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
    let whose = whose(file, sources);
    let keeper: Arc<dyn identity::Keeper> = match &sources.data {
        Some(_) => Arc::new(identity::Keyring::of(
            sign_in.issuer.as_str(),
            &sign_in.client_id,
            &whose,
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

/// Whose session it is: it belongs to the file that it was begun with, because another one that names the same issuer or code
/// host may send its tokens anywhere.
pub fn whose(file: &TeamFile, sources: &Sources) -> String {
    match (&sources.team, &file.signed_by) {
        (None, Some(key)) => key.clone(),
        (None, None) => String::new(),
        (Some(path), _) => std::fs::canonicalize(path)
            .unwrap_or_else(|_| path.clone())
            .display()
            .to_string(),
    }
}

/// What the team's clusters are opened by.
pub struct OpenedBy<'a> {
    /// The person's session.
    pub session: Option<&'a Arc<identity::Session>>,
    /// The roles of the accounts that have one, by the account's name.
    pub roles: &'a BTreeMap<String, Broker>,
    /// How AWS is asked.
    pub aws: &'a cloud::Options,
}

impl OpenedBy<'_> {
    /// What a cluster is shown: a token made of its account's credentials, or the person's own; none where nobody could
    /// ever sign in.
    fn tokens(&self, file: &TeamFile, cluster: &form::Cluster) -> Option<Arc<dyn cluster::Tokens>> {
        let Some(eks) = &cluster.eks else {
            return Some(Arc::new(IdToken(Arc::clone(self.session?))));
        };
        let aws = file.aws.iter().find(|aws| aws.name == eks.account)?;
        let account = cloud::Eks {
            region: aws.region.clone(),
            endpoint: aws.endpoint(),
            credentials: accounts::source(aws, self.roles.get(&aws.name)),
        };
        let name = eks.cluster.as_ref().unwrap_or(&cluster.name);
        Some(Arc::new(EksToken::new(
            account,
            name.clone(),
            self.aws.clone(),
        )))
    }
}

/// The clusters that the team file names.
pub fn clusters(file: &TeamFile, opened_by: &OpenedBy<'_>) -> Result<Vec<Context>, Error> {
    let mut contexts = Vec::new();
    for cluster in &file.clusters {
        let Some(tokens) = opened_by.tokens(file, cluster) else {
            continue;
        };
        let address = cluster::Address {
            name: cluster.name.clone(),
            server: cluster.server.to_string(),
            authorities: cluster.authority.iter().cloned().collect(),
            namespace: cluster.namespace.clone().unwrap_or_default(),
        };
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
