//! What a host's name or address says of where it is: here, inside, or out in the world.

use std::net::IpAddr;

/// The name or address in `host:port`.
fn bare(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a host is reached only from inside, or through a VPN.
pub(crate) fn is_private(host: &str) -> bool {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is shared address space: carriers', and the one that mesh VPNs hand out.
            ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        Ok(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            let host = host.to_ascii_lowercase();
            host != "localhost"
                && (!host.contains('.')
                    || [
                        ".internal",
                        ".local",
                        ".lan",
                        ".corp",
                        ".intranet",
                        ".home.arpa",
                    ]
                    .iter()
                    .any(|end| host.ends_with(end)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known() {
        for host in [
            "10.1.2.3:6443",
            "192.168.0.9",
            "172.20.0.1:443",
            "100.101.0.1:443",
            "[fd00::1]:6443",
            "k8s.corp:443",
            "master.internal",
            "kubernetes:6443",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "127.0.0.1:6443",
            "localhost:1",
            "[::1]:6443",
            "8.8.8.8",
            "172.40.0.1",
            "abc.eks.amazonaws.com:443",
            "100.200.0.1",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }
}
