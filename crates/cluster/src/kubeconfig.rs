//! Kubeconfig files: which contexts there are, which of them can be used, and what is wrong with the others.
//!
//! Owns reading and merging as kubectl does it (KUBECONFIG may name several files, the first one to name a thing wins),
//! entry by entry, so that one broken context never hides the good ones. Does not connect, and quotes nothing that may
//! hold a secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use kube::config::{AuthInfo, ExecInteractiveMode, Kubeconfig, NamedAuthInfo, NamedCluster};
use kube::config::{Cluster as ClusterEntry, Context as ContextEntry, NamedContext};
use serde_yaml_ng::Value;

use crate::address::Address;
use crate::consent::Command;
use crate::context::{Context, Origin};
use crate::plugin;

mod entry;

pub(crate) use entry::without_credentials;
use entry::{cautions, check_files, check_server, parse, resolve_cluster, resolve_user, text};

/// What is wrong with a kubeconfig, or with one context of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum KubeconfigError {
    /// None of the files that were looked for exists.
    #[error("there is no kubeconfig: {} not found", list(.looked))]
    NotFound { looked: Vec<PathBuf> },
    /// There is no home folder to look in, and KUBECONFIG is not set.
    #[error("there is no kubeconfig: KUBECONFIG is not set and no home folder is known")]
    NoHome,
    /// A file that cannot be read.
    #[error("the kubeconfig {} cannot be read: {reason}", .file.display())]
    Unreadable { file: PathBuf, reason: String },
    /// A file that is no YAML, or only the beginning of some.
    #[error("the kubeconfig {} is not valid YAML: {reason}", .file.display())]
    NotYaml { file: PathBuf, reason: String },
    /// YAML that is no kubeconfig.
    #[error("{} is not a kubeconfig: {reason}", .file.display())]
    NotKubeconfig { file: PathBuf, reason: String },
    /// Files without any context.
    #[error("the kubeconfig names no context: {}", list(.files))]
    Empty { files: Vec<PathBuf> },
    /// An entry that does not have the form it should have.
    #[error("the {entry} in {} does not have the form it should have", .file.display())]
    BrokenEntry { file: PathBuf, entry: String },
    /// A context without a cluster.
    #[error("context `{context}` in {} names no cluster", .file.display())]
    NoCluster { file: PathBuf, context: String },
    /// A context whose cluster is nowhere.
    #[error("context `{context}` in {} names cluster `{cluster}`, which is not there", .file.display())]
    MissingCluster {
        file: PathBuf,
        context: String,
        cluster: String,
    },
    /// A context whose user is nowhere.
    #[error("context `{context}` in {} names user `{user}`, which is not there", .file.display())]
    MissingUser {
        file: PathBuf,
        context: String,
        user: String,
    },
    /// A cluster without a server.
    #[error("cluster `{cluster}` in {} has no server", .file.display())]
    NoServer { file: PathBuf, cluster: String },
    /// A server that is no address.
    #[error("cluster `{cluster}` in {} has a server that is no http or https address", .file.display())]
    BadServer { file: PathBuf, cluster: String },
    /// A file that the kubeconfig names and that cannot be read.
    #[error("the {what} that {} names cannot be read: {}: {reason}", .file.display(), .path.display())]
    MissingFile {
        file: PathBuf,
        what: String,
        path: PathBuf,
        reason: String,
    },
    /// No context has this name (any more).
    #[error("there is no context `{context}` in {}", list(.files))]
    UnknownContext {
        context: String,
        files: Vec<PathBuf>,
    },
}

fn list(files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
    files.join(", ")
}

impl From<KubeconfigError> for api::Error {
    fn from(error: KubeconfigError) -> Self {
        let (code, hint) = match &error {
            KubeconfigError::NotFound { .. } | KubeconfigError::NoHome => (
                api::error::Code::NoKubeconfig,
                "Name one with --kubeconfig or KUBECONFIG, or try --sandbox: the embedded company needs nothing.",
            ),
            KubeconfigError::UnknownContext { .. } => (api::error::Code::UnknownName, ""),
            _ => (api::error::Code::BadFile, ""),
        };
        Self::new(code, error.to_string()).hint(hint)
    }
}

/// The contexts of a kubeconfig, in the files' order: of `path`, else of the files that KUBECONFIG names, else of
/// `~/.kube/config`.
///
/// # Errors
/// If there is no file, or a file is no kubeconfig at all. A context that cannot be used is listed with its problem.
pub fn contexts(path: Option<&Path>) -> Result<Vec<Context>, KubeconfigError> {
    let files = files(path, |name| std::env::var_os(name))?;
    let merged = Merged::read(&files)?;
    if merged.contexts.is_empty() {
        return Err(KubeconfigError::Empty { files });
    }
    Ok(merged
        .order
        .iter()
        .map(|name| merged.context(name, &files))
        .collect())
}

/// Which files to read.
fn files(
    path: Option<&Path>,
    of: impl Fn(&str) -> Option<std::ffi::OsString>,
) -> Result<Vec<PathBuf>, KubeconfigError> {
    if let Some(path) = path {
        return Ok(vec![path.to_owned()]);
    }
    let named: Vec<PathBuf> = of("KUBECONFIG")
        .map(|value| {
            std::env::split_paths(&value)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    if !named.is_empty() {
        return Ok(named);
    }
    let home = of("HOME")
        .filter(|home| !home.is_empty())
        .or_else(|| of("USERPROFILE"))
        .ok_or(KubeconfigError::NoHome)?;
    Ok(vec![Path::new(&home).join(".kube").join("config")])
}

/// Something that a file names: which file, and the entry unless it is broken.
type Entry<T> = (PathBuf, Option<T>);

/// Several files as one; of two entries with one name the first counts.
#[derive(Default)]
struct Merged {
    order: Vec<String>,
    contexts: BTreeMap<String, Entry<ContextEntry>>,
    clusters: BTreeMap<String, Entry<ClusterEntry>>,
    users: BTreeMap<String, Entry<AuthInfo>>,
    current: String,
}

impl Merged {
    fn read(files: &[PathBuf]) -> Result<Self, KubeconfigError> {
        let mut merged = Self::default();
        let mut found = false;
        for file in files {
            let text = match std::fs::read(file) {
                Ok(bytes) => text(&bytes).ok_or_else(|| KubeconfigError::Unreadable {
                    file: file.clone(),
                    reason: "it is not text".to_owned(),
                })?,
                // kubectl passes over files that KUBECONFIG names and that don't exist.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(KubeconfigError::Unreadable {
                        file: file.clone(),
                        reason: error.to_string(),
                    });
                }
            };
            found = true;
            for document in serde_yaml_ng::Deserializer::from_str(&text) {
                let not_yaml = |error: serde_yaml_ng::Error| KubeconfigError::NotYaml {
                    file: file.clone(),
                    reason: error.to_string(),
                };
                let mut document: Value =
                    serde::Deserialize::deserialize(document).map_err(not_yaml)?;
                document.apply_merge().map_err(not_yaml)?;
                merged.add(file, &document)?;
            }
        }
        if found {
            Ok(merged)
        } else {
            Err(KubeconfigError::NotFound {
                looked: files.to_vec(),
            })
        }
    }

    fn add(&mut self, file: &Path, document: &Value) -> Result<(), KubeconfigError> {
        let wrong = |reason: &str| KubeconfigError::NotKubeconfig {
            file: file.to_owned(),
            reason: reason.to_owned(),
        };
        if document.is_null() {
            return Ok(());
        }
        if !document.is_mapping() {
            return Err(wrong("it holds no mapping"));
        }
        if let Some(kind) = document.get("kind").and_then(Value::as_str)
            && kind != "Config"
        {
            return Err(wrong("its kind is not Config"));
        }
        let names = |key: &str| match document.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Sequence(entries)) => Ok(entries
                .iter()
                .filter_map(|entry| Some((entry.get("name")?.as_str()?.to_owned(), entry)))
                .collect()),
            Some(_) => Err(wrong(&format!("its {key} are no list"))),
        };
        for (name, entry) in names("contexts")? {
            if !self.contexts.contains_key(&name) {
                self.order.push(name.clone());
                let entry = parse::<NamedContext>(entry).and_then(|entry| entry.context);
                self.contexts.insert(name, (file.to_owned(), entry));
            }
        }
        for (name, entry) in names("clusters")? {
            self.clusters.entry(name).or_insert_with(|| {
                let entry = parse::<NamedCluster>(entry).and_then(|entry| entry.cluster);
                (
                    file.to_owned(),
                    entry.map(|entry| resolve_cluster(file, entry)),
                )
            });
        }
        for (name, entry) in names("users")? {
            self.users.entry(name).or_insert_with(|| {
                let user = entry.get("user");
                let entry = if user.is_none_or(Value::is_null) {
                    // `user: {}` and nothing both mean: no credentials.
                    Some(AuthInfo::default())
                } else {
                    parse::<NamedAuthInfo>(entry).and_then(|entry| entry.auth_info)
                };
                (
                    file.to_owned(),
                    entry.map(|entry| resolve_user(file, entry)),
                )
            });
        }
        if self.current.is_empty()
            && let Some(current) = document.get("current-context").and_then(Value::as_str)
        {
            current.clone_into(&mut self.current);
        }
        Ok(())
    }

    fn context(&self, name: &str, files: &[PathBuf]) -> Context {
        let entry = self
            .contexts
            .get(name)
            .and_then(|(_, entry)| entry.as_ref());
        let cluster = entry
            .and_then(|entry| self.clusters.get(&entry.cluster))
            .and_then(|(_, cluster)| cluster.as_ref());
        let server = cluster.and_then(|cluster| cluster.server.as_deref());
        Context {
            name: name.to_owned(),
            cluster: entry.map(|entry| entry.cluster.clone()).unwrap_or_default(),
            user: entry
                .and_then(|entry| entry.user.clone())
                .unwrap_or_default(),
            server: server.map(without_credentials).unwrap_or_default(),
            namespace: entry
                .and_then(|entry| entry.namespace.clone())
                .filter(|namespace| !namespace.is_empty())
                .unwrap_or_else(|| "default".to_owned()),
            current: self.current == name,
            problem: self.pick(name, files).err(),
            cautions: cluster.map(cautions).unwrap_or_default(),
            origin: Origin::Files(files.to_vec()),
        }
    }

    /// The three entries that a connection needs.
    fn pick(
        &self,
        name: &str,
        files: &[PathBuf],
    ) -> Result<(ContextEntry, ClusterEntry, AuthInfo), KubeconfigError> {
        let Some((file, entry)) = self.contexts.get(name) else {
            return Err(KubeconfigError::UnknownContext {
                context: name.to_owned(),
                files: files.to_vec(),
            });
        };
        let broken = |file: &Path, entry: String| KubeconfigError::BrokenEntry {
            file: file.to_owned(),
            entry,
        };
        let context = entry
            .clone()
            .ok_or_else(|| broken(file, format!("context `{name}`")))?;
        if context.cluster.is_empty() {
            return Err(KubeconfigError::NoCluster {
                file: file.clone(),
                context: name.to_owned(),
            });
        }
        let Some((cluster_file, cluster)) = self.clusters.get(&context.cluster) else {
            return Err(KubeconfigError::MissingCluster {
                file: file.clone(),
                context: name.to_owned(),
                cluster: context.cluster,
            });
        };
        let cluster = cluster
            .clone()
            .ok_or_else(|| broken(cluster_file, format!("cluster `{}`", context.cluster)))?;
        check_server(cluster_file, &context.cluster, &cluster)?;
        let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
            None => AuthInfo::default(),
            Some(user) => {
                let Some((user_file, entry)) = self.users.get(user) else {
                    return Err(KubeconfigError::MissingUser {
                        file: file.clone(),
                        context: name.to_owned(),
                        user: user.to_owned(),
                    });
                };
                let entry = entry
                    .clone()
                    .ok_or_else(|| broken(user_file, format!("user `{user}`")))?;
                check_files(user_file, user, &entry)?;
                entry
            }
        };
        Ok((context, cluster, user))
    }
}

/// The command that a context's user signs in with, as its kubeconfig says it now: what a person must see before it is
/// allowed. Blocking: it reads files and looks for the program. `None` where nothing is to be run, and where the context
/// cannot be used.
pub fn command(context: &Context) -> Option<Command> {
    let kubeconfig = load(&context.name, context.files()).ok()?;
    let user = kubeconfig.auth_infos.first()?.auth_info.as_ref()?;
    plugin::command(plugin::named(user)?, &goes_to(&kubeconfig))
}

/// Where what a kubeconfig's user signs in with goes, and whether whoever answers there is looked at.
pub(crate) fn goes_to(kubeconfig: &Kubeconfig) -> String {
    let cluster = kubeconfig
        .clusters
        .first()
        .and_then(|one| one.cluster.as_ref());
    let server = cluster.and_then(|cluster| cluster.server.as_deref());
    let server = without_credentials(server.unwrap_or_default());
    match cluster.and_then(|cluster| cluster.insecure_skip_tls_verify) {
        Some(true) => format!("{server} (whoever answers there: insecure-skip-tls-verify)"),
        Some(false) | None => server,
    }
}

/// Where a context's cluster is, without anything of who reaches it: for a team file, which others read.
///
/// # Errors
/// The context cannot be used.
pub fn address(context: &Context) -> Result<Address, KubeconfigError> {
    let kubeconfig = load(&context.name, context.files())?;
    let cluster = kubeconfig.clusters.into_iter().next();
    let cluster = cluster.and_then(|named| named.cluster).unwrap_or_default();
    let authority = match (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    ) {
        (Some(data), _) => BASE64_STANDARD
            .decode(data)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()),
        (None, Some(path)) => std::fs::read_to_string(path).ok(),
        (None, None) => None,
    };
    Ok(Address {
        name: context.name.clone(),
        server: context.server.clone(),
        authorities: authority.into_iter().collect(),
        namespace: context.namespace.clone(),
    })
}

/// Everything that a connection to a context needs, read from its files now.
pub(crate) fn load(name: &str, files: &[PathBuf]) -> Result<Kubeconfig, KubeconfigError> {
    let merged = Merged::read(files)?;
    let (entry, cluster, mut user) = merged.pick(name, files)?;
    if let Some(exec) = &mut user.exec
        && exec.interactive_mode != Some(ExecInteractiveMode::Always)
    {
        // A window has no terminal to ask in, and nothing that a plugin says to a person is shown.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let mut kubeconfig = Kubeconfig::default();
    kubeconfig.clusters.push(NamedCluster {
        name: entry.cluster.clone(),
        cluster: Some(cluster),
        ..NamedCluster::default()
    });
    if let Some(name) = &entry.user {
        kubeconfig.auth_infos.push(NamedAuthInfo {
            name: name.clone(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        });
    }
    kubeconfig.contexts.push(NamedContext {
        name: name.to_owned(),
        context: Some(entry),
        ..NamedContext::default()
    });
    kubeconfig.current_context = Some(name.to_owned());
    Ok(kubeconfig)
}

#[cfg(test)]
mod tests;
