//! Single entries of a kubeconfig: reading one, making its paths absolute, and checking what it names.

use std::path::{Path, PathBuf};

use api::headline::plain;
use kube::config::{AuthInfo, Cluster as ClusterEntry};
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::KubeconfigError;

/// One entry. What the parser says of a broken one is not repeated: it quotes values, and users' values are secrets.
pub(super) fn parse<T: DeserializeOwned>(entry: &Value) -> Option<T> {
    serde_yaml_ng::from_value(entry.clone()).ok()
}

/// A file's bytes as text; PowerShell writes UTF-16.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let wide = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|pair| Some(from([*pair.first()?, *pair.get(1)?])))
            .collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    }
}

pub(super) fn check_server(
    file: &Path,
    name: &str,
    cluster: &ClusterEntry,
) -> Result<(), KubeconfigError> {
    let server = cluster.server.as_deref().unwrap_or_default();
    if server.is_empty() {
        return Err(KubeconfigError::NoServer {
            file: file.to_owned(),
            cluster: name.to_owned(),
        });
    }
    let good = server.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    });
    if !good {
        return Err(KubeconfigError::BadServer {
            file: file.to_owned(),
            cluster: name.to_owned(),
        });
    }
    if cluster.certificate_authority_data.is_none()
        && let Some(path) = &cluster.certificate_authority
    {
        readable(
            file,
            format!("certificate-authority of cluster `{name}`"),
            path,
        )?;
    }
    Ok(())
}

/// What a person should know of how a cluster is reached.
pub(super) fn cautions(cluster: &ClusterEntry) -> Vec<String> {
    let mut cautions = Vec::new();
    if cluster.insecure_skip_tls_verify == Some(true) {
        cautions.push(
            "the server's certificate is not checked (insecure-skip-tls-verify): whoever stands in between reads all of it, the credentials too"
                .to_owned(),
        );
    }
    if let Some(proxy) = cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) {
        let proxy = plain(&without_credentials(proxy), 200);
        cautions.push(format!("it is reached through {proxy} (proxy-url)"));
    }
    cautions
}

pub(super) fn check_files(file: &Path, name: &str, user: &AuthInfo) -> Result<(), KubeconfigError> {
    let given = [
        (
            "client-certificate",
            &user.client_certificate,
            user.client_certificate_data.is_some(),
        ),
        (
            "client-key",
            &user.client_key,
            user.client_key_data.is_some(),
        ),
        ("tokenFile", &user.token_file, user.token.is_some()),
    ];
    for (what, path, inline) in given {
        if let Some(path) = path
            && !inline
        {
            readable(file, format!("{what} of user `{name}`"), path)?;
        }
    }
    Ok(())
}

fn readable(file: &Path, what: String, path: &str) -> Result<(), KubeconfigError> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(KubeconfigError::MissingFile {
            file: file.to_owned(),
            what,
            path: PathBuf::from(path),
            reason: error.to_string(),
        }),
    }
}

/// Paths in a kubeconfig are relative to the file that they stand in.
fn absolute(file: &Path, path: &mut Option<String>) {
    if let Some(path) = path
        && !path.is_empty()
        && Path::new(path).is_relative()
        && let Some(folder) = file.parent()
    {
        *path = folder.join(&*path).to_string_lossy().into_owned();
    }
}

pub(super) fn resolve_cluster(file: &Path, mut cluster: ClusterEntry) -> ClusterEntry {
    absolute(file, &mut cluster.certificate_authority);
    cluster
}

pub(super) fn resolve_user(file: &Path, mut user: AuthInfo) -> AuthInfo {
    absolute(file, &mut user.client_certificate);
    absolute(file, &mut user.client_key);
    absolute(file, &mut user.token_file);
    if let Some(exec) = &mut user.exec
        && exec
            .command
            .as_deref()
            .is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR))
    {
        absolute(file, &mut exec.command);
    }
    user
}

/// An address without the `user:password@` that some write into it, and without a query and a fragment: a server has neither,
/// and no request holds them.
pub(crate) fn without_credentials(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = match rest.find(['/', '?', '#']) {
                Some(at) => rest.split_at(at),
                None => (rest, ""),
            };
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}{path}")
        }
        None => address.rsplit('@').next().unwrap_or(address).to_owned(),
    }
}
