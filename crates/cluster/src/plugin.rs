//! Sign-in plugins: the commands that kubeconfigs name for their users (`users[].user.exec`).
//!
//! Owns reading what is to be run, running it as client-go does, and saying what went wrong without repeating anything
//! that it printed. Whether it may run at all is [`crate::Consent`]'s; when it runs, and for whom, is [`crate::sign_in`]'s.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::headline::plain;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};

use crate::consent::Command;
use crate::failure::{Failure, Why};
use crate::options::Clock;

mod credential;
mod groups;
mod run;

pub(crate) use credential::Credential;
use credential::NotOne;
pub use groups::end_plugins;
use run::Broken;

/// The versions of the protocol that are spoken; kubectl speaks no others.
const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// What to do about a plugin that ended badly. What it printed may quote a secret, and nobody can tell which of a foreign
/// program's words is one: none is shown.
const BY_HAND: &str =
    "run it in a terminal to see what it says: that may be secret, and is never shown here";

/// A plugin that can be run.
pub(crate) struct Plugin {
    pub(crate) command: Command,
    /// The file that is run: the command's.
    program: PathBuf,
    version: &'static str,
    /// What it is told of the cluster, in `KUBERNETES_EXEC_INFO`.
    info: String,
}

/// What a user signs in with, unless there are credentials of another kind, which count first.
pub(crate) fn named(user: &AuthInfo) -> Option<&ExecConfig> {
    let has_others = user.auth_provider.is_some()
        || (user.username.is_some() && user.password.is_some())
        || user.token.is_some()
        || user.token_file.is_some();
    user.exec.as_ref().filter(|_| !has_others)
}

/// Refuses what kube would run of an auth provider, unasked; kubectl has not known the provider since 1.26.
pub(crate) fn refuse_provider(user: &AuthInfo) -> Result<(), Failure> {
    match &user.auth_provider {
        Some(provider) if provider.config.contains_key("cmd-path") => {
            let reason = format!(
                "the kubeconfig wants to run a command of the auth provider {}, which is never run",
                plain(&provider.name, 80)
            );
            Err(failure(reason).hint("use gke-gcloud-auth-plugin, as kubectl does"))
        }
        _ => Ok(()),
    }
}

/// The command that a kubeconfig names for a server. Blocking: it looks for the program.
pub(crate) fn command(exec: &ExecConfig, server: &str) -> Option<Command> {
    let name = exec.command.clone().filter(|name| !name.is_empty())?;
    let program = find(&name, std::env::var_os("PATH").as_deref());
    let mut arguments = vec![name];
    arguments.extend(exec.args.iter().flatten().cloned());
    let variables = exec.env.iter().flatten();
    let variables = variables
        .filter_map(|variable| {
            let (name, value) = (variable.get("name")?, variable.get("value")?);
            Some((name.clone(), value.clone()))
        })
        .collect();
    Some(Command {
        arguments,
        variables,
        program,
        server: server.to_owned(),
    })
}

impl Plugin {
    /// What a kubeconfig names, if it can be run. Blocking: it looks for the program.
    pub(crate) fn of(exec: &ExecConfig, server: &str) -> Result<Self, Failure> {
        let Some(command) = command(exec, server) else {
            return Err(failure(
                "the sign-in plugin of the kubeconfig has no command",
            ));
        };
        let named = exec.api_version.as_deref().unwrap_or_default();
        let Some(version) = VERSIONS.into_iter().find(|version| *version == named) else {
            let reason = format!(
                "the sign-in plugin of the kubeconfig is to speak `{}`, which kubectl no longer speaks either",
                plain(named, 80)
            );
            return Err(failure(reason).hint("let its maker's tool write the kubeconfig anew"));
        };
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let reason = "the sign-in plugin of the kubeconfig asks its questions in a terminal, and here is none";
            return Err(failure(reason).hint("its interactiveMode is Always"));
        }
        let Some(program) = command.program.clone() else {
            let reason = format!(
                "the sign-in plugin of the kubeconfig cannot be started: there is no program `{}`",
                plain(command.arguments.first().map_or("", String::as_str), 200)
            );
            let hint = exec.install_hint.as_deref().unwrap_or_default();
            let hint = match plain(hint, 300).as_str() {
                "" => "is it installed and on PATH?".to_owned(),
                said => format!("is it installed and on PATH? The kubeconfig says: {said}"),
            };
            return Err(failure(reason).hint(hint));
        };
        let info = info(exec, version)
            .ok_or_else(|| failure("the cluster cannot be described to the sign-in plugin"))?;
        Ok(Self {
            command,
            program,
            version,
            info,
        })
    }

    /// Whether another is the same one, told the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.command == other.command && self.info == other.info
    }

    /// Runs it.
    pub(crate) async fn run(&self, within: Duration, clock: &Clock) -> Result<Credential, Failure> {
        tracing::debug!(plugin = self.command.begins(), "running a sign-in plugin");
        let said = run::run(self, within)
            .await
            .map_err(|broken| match broken {
                Broken::Io(error) => self
                    .broke(&format!(
                        "cannot be started: {}",
                        plain(&error.to_string(), 200)
                    ))
                    .hint("is it installed and on PATH?"),
                Broken::TooLong => self
                    .broke(&format!(
                        "had not ended after {} s and was ended",
                        within.as_secs()
                    ))
                    .hint("does it wait for you in a browser? Sign in with it in a terminal first"),
                Broken::TooMuch => self
                    .broke("printed more than 1 MiB and was ended")
                    .hint(BY_HAND),
            })?;
        if !said.status.success() {
            let ended = match said.status.code() {
                Some(code) => format!("failed with exit code {code}"),
                None => format!("broke off ({})", said.status),
            };
            return Err(self.broke(&ended).hint(BY_HAND));
        }
        credential::read(&said.stdout, self.version, clock.now()).map_err(|not| match not {
            NotOne::Malformed => self
                .broke("wrote no ExecCredential that can be used")
                .hint(BY_HAND),
            NotOne::Expired => self
                .broke("wrote an ExecCredential that has expired")
                .hint("is this machine's clock right?"),
        })
    }

    /// What went wrong with it. Its arguments may be secrets: of them only what reads like a subcommand is named.
    fn broke(&self, how: &str) -> Failure {
        let named = self.command.begins();
        failure(format!(
            "the sign-in plugin `{named}` of the kubeconfig {how}"
        ))
    }
}

fn failure(reason: impl Into<String>) -> Failure {
    Failure::new(Why::Credentials, reason)
}

/// What client-go tells a plugin; nobody is there to talk to.
fn info(exec: &ExecConfig, version: &str) -> Option<String> {
    let mut spec = serde_json::json!({"interactive": false});
    if exec.provide_cluster_info
        && let Some(spec) = spec.as_object_mut()
    {
        let cluster = serde_json::to_value(exec.cluster.as_ref()?).ok()?;
        spec.insert("cluster".to_owned(), cluster);
    }
    let info = serde_json::json!({"apiVersion": version, "kind": "ExecCredential", "spec": spec});
    Some(info.to_string())
}

/// The file that a name stands for: itself if it is a path, else what PATH has first. Never one of the folder that we
/// happen to be in.
fn find(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.components().count() > 1 {
        return runnable(&std::path::absolute(named).ok()?);
    }
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| runnable(&folder.join(named)))
}

/// The file, if it can be run.
#[cfg(unix)]
fn runnable(file: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(file).ok()?;
    (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then(|| file.to_owned())
}

/// The file, if it can be run: with the ending that it has, or with one of those that programs have.
#[cfg(not(unix))]
fn runnable(file: &Path) -> Option<PathBuf> {
    if file.extension().is_some() && file.is_file() {
        return Some(file.to_owned());
    }
    ["exe", "cmd", "bat"].into_iter().find_map(|ending| {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        let file = PathBuf::from(name);
        file.is_file().then_some(file)
    })
}

#[cfg(test)]
mod tests;
