//! What to open, and the systems that are open: the edges' clients made from a kubeconfig and a team file.
//!
//! Owns the choice of contexts and the mapping of the edges' errors to what a person reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::error::Code;
use api::request::KubeContext;
use api::{Error, ObjectRef};
use cloud::Account;
use cluster::{Clock, Cluster, Context};
use facts::Team;
use forge::Forge;

use crate::team_file::TeamFile;
use crate::team_file::form::Aws;

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
    /// The team file.
    pub team: Option<PathBuf>,
    /// Where clones and other things that can be had again are kept; absent: the platform's cache folder.
    pub cache: Option<PathBuf>,
    /// Whether pods are read only where an answer wants them: for one short answer about one app, not for a window.
    pub sparing: bool,
    /// The file that what was seen is kept in, such as [`history_file`]; absent: it is kept for as long as this process
    /// lives.
    pub history: Option<PathBuf>,
    /// The digests of the sign-in plugins that a person allowed, see [`cluster::Command::digest`]: no other is run.
    pub allowed_plugins: BTreeSet<String>,
}

/// The open systems, shared by the console and its evaluation.
pub struct Systems {
    clusters: Arc<[Cluster]>,
    accounts: Arc<[Account]>,
    forge: Forge,
    team: Team,
    sparing: bool,
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

impl Systems {
    /// Opens what `sources` names. Must be called inside a Tokio runtime.
    pub fn open(sources: &Sources, clock: &Clock) -> Result<Self, Error> {
        let file = sources
            .team
            .as_deref()
            .map(TeamFile::read)
            .transpose()?
            .unwrap_or_default();
        let contexts = chosen(sources, &file)?;
        let options = cluster::Options {
            clock: clock.clone(),
            sparing: sources.sparing,
            consent: cluster::Consent::to(sources.allowed_plugins.iter().cloned()),
            ..cluster::Options::default()
        };
        let clusters: Arc<[Cluster]> = contexts
            .iter()
            .map(|context| Cluster::start(context, options.clone()))
            .collect();
        let accounts = accounts(&file, sources, &contexts, clock)?;
        let config = forge_config(&file, sources)?;
        let clock = clock.clone();
        let forge = Forge::with_clock(config, move || clock.now()).map_err(|error| {
            Error::new(
                Code::Internal,
                format!("code hosts and registries cannot be read: {error}"),
            )
        })?;
        Ok(Self {
            clusters,
            accounts,
            forge,
            team: file.team(),
            sparing: sources.sparing,
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

/// The contexts asked for, in the kubeconfig's order; a context that is broken is an error only if it was asked for.
/// Who has accounts of AWS needs no kubeconfig.
fn chosen(sources: &Sources, file: &TeamFile) -> Result<Vec<Context>, Error> {
    let contexts = cluster::contexts(sources.kubeconfig.as_deref()).map_err(with_hint);
    let contexts = match contexts {
        Err(error)
            if error.code == Code::NoKubeconfig
                && sources.kubeconfig.is_none()
                && !file.aws.is_empty() =>
        {
            Vec::new()
        }
        other => other?,
    };
    let names: Vec<String> = contexts
        .iter()
        .map(|context| context.name.clone())
        .collect();
    if let Some(unknown) = sources
        .contexts
        .iter()
        .find(|wanted| !names.contains(wanted) && !file.aws.iter().any(|aws| aws.name == **wanted))
    {
        return Err(Error::new(
            Code::UnknownName,
            format!("the kubeconfig has no context '{unknown}'"),
        )
        .hint(format!("It has: {}.", names.join(", "))));
    }
    let wanted =
        |context: &Context| sources.contexts.is_empty() || sources.contexts.contains(&context.name);
    let chosen: Vec<Context> = contexts.into_iter().filter(wanted).collect();
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

/// The accounts of AWS that the team file names, and that were asked for.
fn accounts(
    file: &TeamFile,
    sources: &Sources,
    contexts: &[Context],
    clock: &Clock,
) -> Result<Arc<[Account]>, Error> {
    if let Some(twice) = file
        .aws
        .iter()
        .find(|aws| contexts.iter().any(|context| context.name == aws.name))
    {
        return Err(Error::new(
            Code::BadFile,
            format!(
                "the team file calls an AWS account '{}', and so is a context of the kubeconfig called",
                twice.name
            ),
        )
        .hint("Give one of them another name: the board would show both as one."));
    }
    let now = clock.clone();
    let options = cloud::Options {
        clock: cloud::Clock::new(move || now.now()),
        ..cloud::Options::default()
    };
    let wanted = |aws: &&Aws| sources.contexts.is_empty() || sources.contexts.contains(&aws.name);
    let specs = file.aws.iter().filter(wanted).map(|aws| cloud::Spec {
        name: aws.name.clone(),
        region: aws.region.clone(),
        endpoint: aws
            .endpoint
            .as_ref()
            .map(|url| url.as_str().trim_end_matches('/').to_owned()),
        credentials: match (&aws.credentials, &aws.profile) {
            (Some(path), profile) => cloud::Source::File {
                path: path.clone(),
                profile: profile.clone(),
            },
            (None, Some(profile)) => cloud::Source::Profile(profile.clone()),
            (None, None) => cloud::Source::Chain,
        },
        clusters: aws.clusters.clone(),
    });
    Ok(specs
        .map(|spec| Account::start(spec, options.clone()))
        .collect())
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

fn forge_config(file: &TeamFile, sources: &Sources) -> Result<forge::Config, Error> {
    let cache = match &sources.cache {
        Some(folder) => folder.clone(),
        None => cache_folder()?,
    };
    let code_hosts = file.code_hosts.iter().map(|host| forge::CodeHost {
        host: host.host.clone(),
        address: host.address.clone(),
        api: host.api.clone(),
        token: None,
    });
    let registries = file.registries.iter().map(|registry| forge::RegistryHost {
        host: registry.host.clone(),
        address: registry.address.clone(),
    });
    Ok(forge::Config {
        code_hosts: code_hosts.collect(),
        registries: registries.collect(),
        cache,
        fresh_for: FRESH_FOR,
    })
}

/// The file that what was seen is kept in, in the platform's folder for what a person would miss, by its own custom:
/// `XDG_DATA_HOME` or `~/.local/share` on Linux, `~/Library/Application Support` on macOS, `%LOCALAPPDATA%` on Windows.
/// `None` where there is no such folder.
pub fn history_file() -> Option<PathBuf> {
    let base = if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("landfall").join("history.db"))
}

/// A variable that names a folder; an empty one names none.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The platform's folder for what can be had again, by its own custom: `XDG_CACHE_HOME` or `~/.cache` on Linux,
/// `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
fn cache_folder() -> Result<PathBuf, Error> {
    let base = if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Caches"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    };
    base.map(|base| base.join("landfall")).ok_or_else(|| {
        Error::new(
            Code::Usage,
            "there is no folder to keep clones of repositories in",
        )
        .hint("Set HOME, or XDG_CACHE_HOME.")
    })
}
