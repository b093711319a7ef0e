//! What the forge is told: which hosts there are, where they really answer, where copies are kept.
//!
//! Owns the mapping from a host's name, as image labels and Flux sources write it, to its addresses.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::tokens::Tokens;

/// Where things are, and how old an answer may be.
#[derive(Clone)]
pub struct Config {
    /// The code hosts with anything special about them; any other host is met at `https://<host>`.
    pub code_hosts: Vec<CodeHost>,
    /// The registries with anything special about them; any other host is met at `https://<host>`.
    pub registries: Vec<RegistryHost>,
    /// The folder that clones and image labels are kept in; made if it is not there. Two processes may share it.
    pub cache: PathBuf,
    /// How old what can change may be before it is read again.
    pub fresh_for: Duration,
}

/// One code host.
#[derive(Clone)]
pub struct CodeHost {
    /// Its name, as image labels and Flux sources write it, with a port if they write one.
    pub host: String,
    /// Where Git's smart HTTP answers; absent: `https://<host>`.
    pub address: Option<Url>,
    /// Where GitHub's REST API answers; absent: none, unless the host is `github.com`.
    pub api: Option<Url>,
    /// Who has tokens that may read; absent: only what everybody may read is read.
    pub tokens: Option<Arc<dyn Tokens>>,
}

/// One image registry.
#[derive(Clone, Debug)]
pub struct RegistryHost {
    /// Its name, as image references write it, with a port if they write one.
    pub host: String,
    /// Where the OCI distribution API answers; absent: `https://<host>`.
    pub address: Option<Url>,
}

impl Config {
    /// What is known of a code host; hosts are compared without case.
    pub(crate) fn code_host(&self, host: &str) -> Option<&CodeHost> {
        self.code_hosts
            .iter()
            .find(|known| known.host.eq_ignore_ascii_case(host))
    }

    /// Where a repository's Git answers, without `.git`. `None` if the key has no path or makes no URL.
    pub(crate) fn git_url(&self, repository: &str) -> Option<Url> {
        let (host, path) = split(repository)?;
        match self.code_host(host).and_then(|known| known.address.clone()) {
            Some(base) => below(base, path),
            None => Url::parse(&format!("https://{host}/{path}")).ok(),
        }
    }

    /// Where a host's GitHub REST API answers, if it has one.
    pub(crate) fn api_url(&self, host: &str) -> Option<Url> {
        match self.code_host(host).and_then(|known| known.api.clone()) {
            Some(api) => Some(api),
            None if host.eq_ignore_ascii_case("github.com") => {
                Url::parse("https://api.github.com").ok()
            }
            None => None,
        }
    }

    /// Who has tokens for a code host.
    pub(crate) fn tokens(&self, host: &str) -> Option<&Arc<dyn Tokens>> {
        self.code_host(host).and_then(|known| known.tokens.as_ref())
    }

    /// Where a registry answers.
    pub(crate) fn registry_url(&self, host: &str) -> Option<Url> {
        let known = self
            .registries
            .iter()
            .find(|known| known.host.eq_ignore_ascii_case(host))
            .and_then(|known| known.address.clone());
        match known {
            Some(address) => Some(address),
            // Docker Hub's name in references is not where its API answers.
            None if host == "docker.io" => Url::parse("https://registry-1.docker.io").ok(),
            None => Url::parse(&format!("https://{host}")).ok(),
        }
    }
}

/// A repository key's host and path.
pub(crate) fn split(repository: &str) -> Option<(&str, &str)> {
    let (host, path) = repository.split_once('/')?;
    (!host.is_empty() && !path.is_empty()).then_some((host, path))
}

/// The address of a path below a base that may itself have a path.
pub(crate) fn below(mut base: Url, path: &str) -> Option<Url> {
    base.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(path.split('/').filter(|part| !part.is_empty()));
    Some(base)
}

/// An address as a person may see it: without user and password.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Fails only for URLs that cannot have either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether an address is only reachable from inside some network, so that a VPN may be what is missing.
pub(crate) fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Some(url::Host::Ipv6(ip)) => {
            // fc00::/7 are the unique local addresses.
            ip.is_loopback() || (ip.segments()[0] & 0xfe00) == 0xfc00
        }
        Some(url::Host::Domain(name)) => {
            !name.contains('.')
                || [
                    ".internal",
                    ".local",
                    ".lan",
                    ".corp",
                    ".intranet",
                    ".home.arpa",
                ]
                .iter()
                .any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            code_hosts: vec![CodeHost {
                host: "code.shop.example".to_owned(),
                address: Url::parse("http://127.0.0.1:4000/git/").ok(),
                api: Url::parse("http://127.0.0.1:4000/api/v3").ok(),
                tokens: None,
            }],
            registries: vec![RegistryHost {
                host: "registry.shop.example".to_owned(),
                address: Url::parse("http://127.0.0.1:5000").ok(),
            }],
            cache: PathBuf::new(),
            fresh_for: Duration::ZERO,
        }
    }

    #[test]
    fn a_host_is_met_where_the_team_file_says() {
        let config = config();
        assert_eq!(
            config
                .git_url("code.shop.example/shop/api")
                .unwrap()
                .as_str(),
            "http://127.0.0.1:4000/git/shop/api"
        );
        assert_eq!(
            config.git_url("github.com/shop/api").unwrap().as_str(),
            "https://github.com/shop/api"
        );
        assert!(config.git_url("nonsense").is_none());
    }

    #[test]
    fn only_github_has_an_api_unasked() {
        let config = config();
        assert_eq!(
            config.api_url("github.com").unwrap().as_str(),
            "https://api.github.com/"
        );
        assert!(config.api_url("gitlab.com").is_none());
    }

    #[test]
    fn docker_hub_answers_elsewhere() {
        assert_eq!(
            config().registry_url("docker.io").unwrap().as_str(),
            "https://registry-1.docker.io/"
        );
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(
            shown(&Url::parse("https://me:hunter2@host.example/a/").unwrap()),
            "https://host.example/a"
        );
    }

    #[test]
    fn private_addresses_ask_for_the_vpn() {
        for private in [
            "http://10.1.2.3",
            "http://git",
            "https://git.corp",
            "http://[fd00::1]",
        ] {
            assert!(is_private(&Url::parse(private).unwrap()), "{private}");
        }
        assert!(!is_private(&Url::parse("https://github.com").unwrap()));
    }
}
