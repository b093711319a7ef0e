//! What to open, and the systems that are open: the edges' clients made from a kubeconfig and a team file.
//!
//! Owns the choice of contexts and the mapping of the edges' errors to what a person reads.

mod accounts;
mod code_hosts;
mod folders;
mod signed_in;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::error::Code;
use api::request::KubeContext;
use api::{Connection, Error, ObjectRef, SignIn};
use cloud::{Account, Broker};
use cluster::{Clock, Cluster, Context};
use facts::{ClusterFacts, Team};
use forge::Forge;
use jiff::Timestamp;
use runbook::permit::Freeze;
use tokio::sync::watch;

use crate::allowed::Allowed;
use crate::bundle::{self, Settings};
use crate::code_host::CodeHostSignIn;
use crate::errors::Errors;
use crate::joining::Membership;
use crate::library::Shelf;
use crate::sign_in::SigningIn;
use crate::team_file::TeamFile;
use crate::team_file::form::Owner;
use crate::whose::Change;

use signed_in::OpenedBy;

pub use folders::{cache_folder, data_folder, downloads_folder, history_file, journal_folder};

/// How old what a code host or registry said may be when it is wanted: short, so that a refresh is one, and long enough
/// for one evaluation's wants to share one fetch.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// What to open.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The kubeconfig; absent: `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Which of its contexts, and of the team file's AWS accounts; none means all.
    pub contexts: Vec<String>,
    /// The team file; absent: the one of the team that was joined, unless a kubeconfig or contexts are named.
    pub team: Option<PathBuf>,
    /// The folder that what a person would miss is kept in, such as [`data_folder`]: the team that was joined, what
    /// processes lock in turn, the sign-in plugins that may run. Absent: no team was joined, a sign-in ends with this
    /// process, and no plugin runs.
    pub data: Option<PathBuf>,
    /// Whether the kubeconfig alone is opened, whatever team was joined.
    pub only_kubeconfig: bool,
    /// Where clones and other things that can be had again are kept; absent: the platform's cache folder.
    pub cache: Option<PathBuf>,
    /// Whether pods are read only where an answer wants them: for one short answer about one app, not for a window.
    pub sparing: bool,
    /// The folder that runs of actions are written down in, such as [`journal_folder`]; absent: none is run.
    pub journal: Option<PathBuf>,
    /// Folders of actions on this machine that somebody tries, beside what ships and the team's own.
    pub actions: Vec<PathBuf>,
    /// The file that what was seen is kept in, such as [`history_file`]; absent: it is kept for as long as this process
    /// lives.
    pub history: Option<PathBuf>,
}

/// The open systems, shared by the console and its evaluation.
pub struct Systems {
    clusters: Arc<[Cluster]>,
    accounts: Arc<[Account]>,
    forge: Forge,
    team: Team,
    sparing: bool,
    signing_in: Option<Arc<SigningIn>>,
    roles: Vec<Broker>,
    contexts: Vec<Context>,
    allowed: Arc<Allowed>,
    /// The team file, if one is used.
    file: Option<TeamFile>,
    settings: Settings,
    errors: Errors,
}

/// Who signs people in, without opening anything else: a kubeconfig or a cluster that is broken hinders nobody. None where
/// no team file says so. Must be called inside a Tokio runtime.
///
/// # Errors
/// The team file cannot be used.
pub fn signing_in(sources: &Sources, clock: &Clock) -> Result<Option<Arc<SigningIn>>, Error> {
    let file = team_file(sources)?.unwrap_or_default();
    let sign_in = file.sign_in.as_ref();
    Ok(sign_in.map(|sign_in| signed_in::signing_in(sign_in, &file, sources, clock)))
}

/// The sign-in at one code host: of the team file, or github.com. Asks nobody yet.
///
/// # Errors
/// The team file cannot be used, or names no such code host.
pub fn code_host(sources: &Sources, host: &str, clock: &Clock) -> Result<CodeHostSignIn, Error> {
    let file = team_file(sources)?.unwrap_or_default();
    code_hosts::one(&file, host, sources, clock)
}

/// The contexts of a kubeconfig, for a person to choose from.
///
/// # Errors
/// When there is no kubeconfig, or it cannot be read as one.
pub fn contexts(sources: &Sources) -> Result<Vec<KubeContext>, Error> {
    let contexts = cluster::contexts(sources.kubeconfig.as_deref()).map_err(with_hint)?;
    Ok(contexts
        .into_iter()
        .map(|context| KubeContext {
            name: context.name,
            server: context.server,
            current: context.current,
        })
        .collect())
}

/// The command that a context of the person's kubeconfig wants to run for signing in.
///
/// # Errors
/// There is no kubeconfig, or no such context.
pub fn plugin(sources: &Sources, context: &str) -> Result<Option<cluster::Command>, Error> {
    let contexts = cluster::contexts(sources.kubeconfig.as_deref()).map_err(Error::from)?;
    let names: Vec<&str> = contexts.iter().map(|one| one.name.as_str()).collect();
    match contexts.iter().find(|one| one.name == context) {
        Some(context) => Ok(cluster::command(context)),
        None => Err(Error::new(
            Code::UnknownName,
            format!("the kubeconfig has no context '{context}'"),
        )
        .hint(format!("It has: {}.", names.join(", ")))),
    }
}

/// Allows the command with this digest, which a person has seen, on this machine from now on.
///
/// # Errors
/// It cannot be remembered.
pub fn allow_plugin(folder: &Path, digest: &str) -> Result<(), Error> {
    Allowed::in_folder(Some(folder)).allow(digest)
}

impl Systems {
    /// Opens what `sources` names. Must be called inside a Tokio runtime.
    pub fn open(
        sources: &Sources,
        clock: &Clock,
        signing_in: Option<Arc<SigningIn>>,
    ) -> Result<Self, Error> {
        let named = team_file(sources)?;
        let settings = Settings::of(sources, named.is_some());
        let is_used = named.is_some();
        let file = named.unwrap_or_default();
        let session = signing_in.as_ref().map(|signing_in| signing_in.session());
        let now = clock.clone();
        let aws = cloud::Options {
            clock: cloud::Clock::new(move || now.now()),
            ..cloud::Options::default()
        };
        let roles = signed_in::roles(&file, session.as_ref(), &aws);
        let opened_by = OpenedBy {
            session: session.as_ref(),
            roles: &roles,
            aws: &aws,
        };
        let contexts = chosen(sources, &file, &opened_by)?;
        let allowed = Arc::new(Allowed::in_folder(sources.data.as_deref()));
        let options = cluster::Options {
            clock: clock.clone(),
            sparing: sources.sparing,
            consent: allowed.consent(),
            ..cluster::Options::default()
        };
        let clusters: Arc<[Cluster]> = contexts
            .iter()
            .map(|context| Cluster::start(context, options.clone()))
            .collect();
        let accounts = accounts::open(&file, sources, &contexts, &roles, &aws)?;
        let config = forge_config(&file, sources, clock)?;
        let clock = clock.clone();
        let forge =
            Forge::with_clock(config, move || clock.now()).map_err(|error| no_forge(&error))?;
        Ok(Self {
            clusters,
            accounts,
            forge,
            team: file.team(),
            sparing: sources.sparing,
            signing_in,
            roles: roles.into_values().collect(),
            contexts,
            allowed,
            file: is_used.then_some(file),
            settings,
            errors: Errors::default(),
        })
    }

    /// Who signs people in, if the team file says so.
    pub fn signing_in(&self) -> Option<Arc<SigningIn>> {
        self.signing_in.clone()
    }

    /// Whether anything that apps run on is opened without the sign-in: a context of the kubeconfig, or an account without a
    /// role.
    pub fn opens_without_sign_in(&self) -> bool {
        let Some(file) = &self.file else {
            return !self.names().is_empty();
        };
        let has_role = |name: &str| {
            let mut accounts = file.aws.iter();
            accounts.any(|aws| aws.name == name && aws.role.is_some())
        };
        let by_sign_in = |name: &String| {
            let cluster = file.clusters.iter().find(|cluster| cluster.name == *name);
            match cluster.map(|cluster| &cluster.eks) {
                Some(Some(eks)) => has_role(&eks.account),
                Some(None) => true,
                None => has_role(name),
            }
        };
        !self.names().iter().all(by_sign_in)
    }

    /// The command that a context wants to run for signing in, if it wants to run one.
    pub fn plugin(&self, context: &str) -> Option<cluster::Command> {
        let context = self.contexts.iter().find(|one| one.name == context)?;
        cluster::command(context)
    }

    /// Whether a person allowed exactly this command.
    pub fn is_allowed(&self, command: &cluster::Command) -> bool {
        self.allowed.allows(command)
    }

    /// A person allowed the command with this digest: it is run from now on, and remembered.
    pub fn allow(&self, digest: &str) -> Result<(), Error> {
        self.allowed.allow(digest)?;
        self.clusters.iter().for_each(Cluster::try_now);
        Ok(())
    }

    /// Somebody signed in, out, or another one in: nothing of the last one's is used, and what waits for a sign-in is read
    /// from its beginning.
    pub fn sign_in_changed(&self, change: Change) {
        if change != Change::Came {
            self.roles.iter().for_each(Broker::forget);
        }
        if change != Change::Left {
            self.clusters.iter().for_each(Cluster::read_anew);
            self.accounts.iter().for_each(Account::read_anew);
            self.ask_rights_anew();
        }
    }

    /// Asks now which rights we have.
    pub fn ask_rights_anew(&self) {
        self.clusters.iter().for_each(Cluster::ask_rights_anew);
        self.forge.look_anew();
    }

    /// Whom the team file says to ask for rights.
    pub fn owners(&self) -> Arc<[Owner]> {
        let owners = self.file.iter().flat_map(|file| file.owners.iter());
        owners.cloned().collect()
    }

    /// The last errors.
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// The bundle's text, as everything stands.
    pub fn bundle(
        &self,
        made_at: Timestamp,
        sign_in: Option<SignIn>,
        connections: Vec<Connection>,
    ) -> Result<String, Error> {
        let facts = |name: &str, facts: watch::Receiver<Arc<ClusterFacts>>| {
            (name.to_owned(), facts.borrow().clone())
        };
        let clusters = self.clusters.iter();
        let clusters = clusters.map(|one| facts(one.name(), one.facts()));
        let accounts = self.accounts.iter();
        let accounts = accounts.map(|one| facts(one.name(), one.facts()));
        bundle::text(bundle::Parts {
            made_at,
            settings: &self.settings,
            team_file: self.file.as_ref(),
            sign_in,
            connections,
            facts: clusters.chain(accounts).collect(),
            errors: self.errors.all(),
        })
    }

    pub fn clusters(&self) -> Arc<[Cluster]> {
        Arc::clone(&self.clusters)
    }

    pub fn accounts(&self) -> Arc<[Account]> {
        Arc::clone(&self.accounts)
    }

    /// What the clusters and accounts are called.
    pub fn names(&self) -> BTreeSet<String> {
        let clusters = self.clusters.iter().map(Cluster::name);
        let accounts = self.accounts.iter().map(Account::name);
        clusters.chain(accounts).map(str::to_owned).collect()
    }

    pub fn forge(&self) -> Forge {
        self.forge.clone()
    }

    /// Where actions are taken from.
    pub fn shelf(&self, sources: &Sources) -> Result<Shelf, Error> {
        let nothing = TeamFile::default();
        let file = self.file.as_ref().unwrap_or(&nothing);
        let cache = cache_of(sources)?;
        Ok(Shelf::new(
            sources.actions.clone(),
            file,
            &self.forge,
            &cache,
        ))
    }

    /// When no action changes anything.
    pub fn freezes(&self) -> Vec<Freeze> {
        self.file
            .as_ref()
            .map(TeamFile::freezes)
            .unwrap_or_default()
    }

    /// Where images came from that were read before: only who reads sparingly has to know.
    pub fn image_sources(&self) -> BTreeMap<String, String> {
        match self.sparing {
            true => self.forge.sources(),
            false => BTreeMap::new(),
        }
    }

    pub fn team(&self) -> Team {
        self.team.clone()
    }

    /// One object whole, as YAML.
    pub async fn read_object(&self, object: &ObjectRef) -> Result<String, Error> {
        let Some(cluster) = self
            .clusters
            .iter()
            .find(|cluster| cluster.name() == object.system)
        else {
            if self.accounts.iter().any(|one| one.name() == object.system) {
                return Err(Error::new(
                    Code::NotFound,
                    format!("{object} is AWS' and has no manifest to show"),
                )
                .hint("The AWS console and `aws ecs describe-services` show it whole."));
            }
            return Err(Error::new(
                Code::NotFound,
                format!(
                    "{object} is on {}, which is no cluster that is open here",
                    object.system
                ),
            )
            .hint("Only objects in clusters can be shown whole; open this one where it lives."));
        };
        cluster.read(object).await.map_err(Error::from)
    }
}

/// The team file that is named, or that of the team that was joined.
pub fn team_file(sources: &Sources) -> Result<Option<TeamFile>, Error> {
    if let Some(path) = &sources.team {
        return TeamFile::read(path).map(Some);
    }
    // Whoever names what to open asks for that and nothing else.
    let is_named = sources.kubeconfig.is_some() || !sources.contexts.is_empty();
    match &sources.data {
        Some(folder) if !is_named && !sources.only_kubeconfig => {
            Membership::in_folder(folder).team_file()
        }
        _ => Ok(None),
    }
}

/// What there is to open: the clusters that the team file names, and the kubeconfig's contexts where it names none or the
/// kubeconfig is given by hand. Of these what was asked for, in the files' order.
fn chosen(
    sources: &Sources,
    file: &TeamFile,
    opened_by: &OpenedBy<'_>,
) -> Result<Vec<Context>, Error> {
    let teams = signed_in::clusters(file, opened_by)?;
    let contexts = if teams.is_empty() || sources.kubeconfig.is_some() {
        of_kubeconfig(sources, file)?
    } else {
        Vec::new()
    };
    if let Some(twice) = teams
        .iter()
        .find(|team| contexts.iter().any(|context| context.name == team.name))
    {
        return Err(two_of_a_name("a cluster", &twice.name));
    }
    let all: Vec<Context> = teams.into_iter().chain(contexts).collect();
    let names: Vec<&str> = all.iter().map(|context| context.name.as_str()).collect();
    if let Some(unknown) = sources.contexts.iter().find(|wanted| {
        !names.contains(&wanted.as_str()) && !file.aws.iter().any(|aws| aws.name == **wanted)
    }) {
        return Err(Error::new(
            Code::UnknownName,
            format!("the kubeconfig has no context '{unknown}'"),
        )
        .hint(format!("It has: {}.", names.join(", "))));
    }
    let wanted =
        |context: &Context| sources.contexts.is_empty() || sources.contexts.contains(&context.name);
    let chosen: Vec<Context> = all.into_iter().filter(wanted).collect();
    if file.aws.is_empty()
        && chosen.iter().all(|context| context.problem.is_some())
        && let Some(problem) = chosen.iter().find_map(|context| context.problem.clone())
    {
        return Err(with_hint(problem));
    }
    if chosen.is_empty() && file.aws.is_empty() {
        return Err(
            Error::new(Code::NoKubeconfig, "the kubeconfig has no contexts")
                .hint("Give another one with --kubeconfig, or try --sandbox."),
        );
    }
    Ok(chosen)
}

/// The kubeconfig's contexts; a context that is broken is an error only if it was asked for. Who has accounts of AWS needs
/// no kubeconfig.
fn of_kubeconfig(sources: &Sources, file: &TeamFile) -> Result<Vec<Context>, Error> {
    match cluster::contexts(sources.kubeconfig.as_deref()).map_err(with_hint) {
        Err(error)
            if error.code == Code::NoKubeconfig
                && sources.kubeconfig.is_none()
                && !file.aws.is_empty() =>
        {
            Ok(Vec::new())
        }
        other => other,
    }
}

fn two_of_a_name(what: &str, name: &str) -> Error {
    Error::new(
        Code::BadFile,
        format!(
            "the team file calls {what} '{name}', and so is a context of the kubeconfig called"
        ),
    )
    .hint("Give one of them another name: the board would show both as one.")
}

/// A kubeconfig's error, with what to do about a file that cannot be read as one.
fn with_hint(error: impl Into<Error>) -> Error {
    let error = error.into();
    if error.code == Code::BadFile && error.hint.is_empty() {
        return error.hint(
            "Was it written to its end? `kubectl config view` says whether kubectl can read it; \
             --kubeconfig names another one.",
        );
    }
    error
}

/// Where a team file's actions, and those that somebody tries, are taken from: no system is opened for it.
pub fn shelf(file: &TeamFile, sources: &Sources, clock: &Clock) -> Result<Shelf, Error> {
    let config = forge_config(file, sources, clock)?;
    let cache = config.cache.clone();
    let now = clock.clone();
    let forge = Forge::with_clock(config, move || now.now()).map_err(|error| no_forge(&error))?;
    Ok(Shelf::new(sources.actions.clone(), file, &forge, &cache))
}

fn no_forge(why: &forge::ForgeError) -> Error {
    Error::new(
        Code::Internal,
        format!("code hosts and registries cannot be read: {why}"),
    )
}

fn cache_of(sources: &Sources) -> Result<PathBuf, Error> {
    match &sources.cache {
        Some(folder) => Ok(folder.clone()),
        None => folders::cache_folder(),
    }
}

fn forge_config(file: &TeamFile, sources: &Sources, clock: &Clock) -> Result<forge::Config, Error> {
    let cache = cache_of(sources)?;
    let registries = file.registries.iter().map(|registry| forge::RegistryHost {
        host: registry.host.clone(),
        address: registry.address.clone(),
    });
    Ok(forge::Config {
        code_hosts: code_hosts::all(file, sources, clock)?,
        registries: registries.collect(),
        cache,
        fresh_for: FRESH_FOR,
    })
}
