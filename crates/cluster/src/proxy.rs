//! Through which proxy a cluster is reached, as kubectl decides it: the kubeconfig's `proxy-url`, else the environment,
//! unless NO_PROXY names the host. Never for loopback.

use std::net::IpAddr;

/// The proxy for a server: `scheme` and `host` are the server's, `of` reads the environment.
pub(crate) fn proxy(
    configured: Option<&str>,
    scheme: &str,
    host: &str,
    port: u16,
    of: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    if let Some(configured) = configured.filter(|url| !url.is_empty()) {
        return Some(configured.to_owned());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        return None;
    }
    let either = |upper: &str, lower: &str| {
        of(upper)
            .filter(|value| !value.is_empty())
            .or_else(|| of(lower).filter(|value| !value.is_empty()))
    };
    if either("NO_PROXY", "no_proxy").is_some_and(|list| spares(&list, host, port)) {
        return None;
    }
    let proxy = if scheme == "https" {
        either("HTTPS_PROXY", "https_proxy")?
    } else {
        either("HTTP_PROXY", "http_proxy")?
    };
    Some(if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    })
}

/// Whether a NO_PROXY list names the host.
fn spares(list: &str, host: &str, port: u16) -> bool {
    let address = host.parse::<IpAddr>().ok();
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            if entry == "*" {
                return true;
            }
            if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
                return within(address, network, bits);
            }
            let entry = match entry.rsplit_once(':') {
                // A port narrows the entry, unless the colon belongs to an IPv6 address.
                Some((name, entry_port)) if !name.contains(':') => {
                    if entry_port.parse() != Ok(port) {
                        return false;
                    }
                    name
                }
                _ => entry,
            };
            if let Some(address) = address {
                return entry.parse() == Ok(address);
            }
            let host = host.to_ascii_lowercase();
            let entry = entry.trim_start_matches('*').to_ascii_lowercase();
            match entry.strip_prefix('.') {
                Some(domain) => host
                    .strip_suffix(domain)
                    .is_some_and(|rest| rest.ends_with('.')),
                None => host
                    .strip_suffix(entry.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            }
        })
}

/// Whether an address lies in a network.
fn within(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(no_proxy: &str, host: &str) -> Option<String> {
        proxy(None, "https", host, 6443, |name| match name {
            "HTTPS_PROXY" => Some("proxy.corp:3128".to_owned()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn the_environment_decides_unless_the_host_is_spared() {
        assert_eq!(
            with("", "k8s.example.com").as_deref(),
            Some("http://proxy.corp:3128")
        );
        for (no_proxy, host) in [
            ("*", "k8s.example.com"),
            ("a.com, example.com", "k8s.example.com"),
            (".example.com", "k8s.example.com"),
            ("*.example.com", "K8S.example.com"),
            ("10.0.0.0/8", "10.9.8.7"),
            ("10.9.8.7", "10.9.8.7"),
            ("k8s.example.com:6443", "k8s.example.com"),
            ("fd00::/8", "[fd00::1]"),
        ] {
            assert_eq!(with(no_proxy, host), None, "{no_proxy} {host}");
        }
        for (no_proxy, host) in [
            (".example.com", "example.com"),
            ("ample.com", "k8s.example.com"),
            ("10.0.0.0/8", "11.9.8.7"),
            ("k8s.example.com:443", "k8s.example.com"),
            ("10.0.0.0/99", "10.0.0.1"),
        ] {
            assert!(with(no_proxy, host).is_some(), "{no_proxy} {host}");
        }
    }

    #[test]
    fn loopback_needs_no_proxy_and_the_kubeconfig_wins() {
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            assert_eq!(with("", host), None);
        }
        assert_eq!(
            proxy(Some("socks5://p"), "https", "127.0.0.1", 1, |_| None).as_deref(),
            Some("socks5://p")
        );
    }
}
