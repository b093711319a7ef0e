//! A cluster's address without a kubeconfig: what a team knows of it, and nothing of who asks.
//!
//! Owns what makes an address fit to send a token to. Does not connect.

use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::host::is_loopback;

/// Where a cluster is, and by what it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What to call it.
    pub name: String,
    /// Its API server's URL: https, or http on this machine.
    pub server: String,
    /// The certificate authorities that its certificate may be of, in PEM, and no other then; none: those that this
    /// machine trusts.
    pub authorities: Vec<String>,
    /// The namespace to stand in; `default` if empty.
    pub namespace: String,
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum AddressError {
    /// No URL of a server.
    #[error("the address of cluster `{name}` is no https address")]
    NotAnAddress { name: String },
    /// A token would go over the network in the clear.
    #[error(
        "the address of cluster `{name}` is http: a token is sent only over https, or to this machine"
    )]
    Insecure { name: String },
    /// A URL with a user and password: they would be shown wherever the address is.
    #[error("the address of cluster `{name}` holds credentials")]
    HoldsCredentials { name: String },
    /// A certificate authority that is none.
    #[error("the certificate authority of cluster `{name}` is no certificate in PEM")]
    BadAuthority { name: String },
}

impl Address {
    /// The server's URL, if a token may be sent there.
    pub(crate) fn url(&self) -> Result<Uri, AddressError> {
        let name = self.name.clone();
        let Ok(url) = self.server.parse::<Uri>() else {
            return Err(AddressError::NotAnAddress { name });
        };
        let host = url.host().unwrap_or_default();
        if url.authority().is_some_and(|of| of.as_str().contains('@')) {
            return Err(AddressError::HoldsCredentials { name });
        }
        match url.scheme_str() {
            _ if host.is_empty() => Err(AddressError::NotAnAddress { name }),
            Some("https") => Ok(url),
            Some("http") if is_loopback(host) => Ok(url),
            Some("http") => Err(AddressError::Insecure { name }),
            _ => Err(AddressError::NotAnAddress { name }),
        }
    }

    /// Its authorities' certificates in DER, each of them fit to be one; `None` where none are given. A text that holds
    /// none is an error: what is meant to narrow whom we trust must never end in trusting everybody.
    pub(crate) fn certificates(&self) -> Result<Option<Vec<Vec<u8>>>, AddressError> {
        if self.authorities.is_empty() {
            return Ok(None);
        }
        let bad = || AddressError::BadAuthority {
            name: self.name.clone(),
        };
        let mut certificates = Vec::new();
        let mut store = RootCertStore::empty();
        for pem in &self.authorities {
            let before = certificates.len();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|_| bad())?;
                store.add(certificate.clone()).map_err(|_| bad())?;
                certificates.push(certificate.to_vec());
            }
            if certificates.len() == before {
                return Err(bad());
            }
        }
        Ok(Some(certificates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(server: &str) -> Address {
        Address {
            name: "prod".to_owned(),
            server: server.to_owned(),
            authorities: Vec::new(),
            namespace: String::new(),
        }
    }

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        for good in [
            "https://prod.example:6443",
            "https://10.0.0.1/k8s/clusters/c-1",
            "http://127.0.0.1:8001",
            "http://localhost:8001",
            "http://[::1]:8001",
        ] {
            assert!(at(good).url().is_ok(), "{good}");
        }
        for insecure in [
            "http://prod.example",
            "http://10.0.0.1:8001",
            "http://127.0.0.1.example",
            "HTTP://prod.example",
        ] {
            let error = at(insecure).url().unwrap_err();
            assert!(
                matches!(error, AddressError::Insecure { .. }),
                "{insecure} {error}"
            );
        }
        for none in [
            "",
            "prod",
            "ftp://prod",
            "https://",
            "prod.example:6443",
            "/x",
        ] {
            let error = at(none).url().unwrap_err();
            assert!(
                matches!(error, AddressError::NotAnAddress { .. }),
                "{none} {error}"
            );
        }
        let error = at("https://jo:pw@prod.example").url().unwrap_err();
        assert!(matches!(error, AddressError::HoldsCredentials { .. }));
        assert!(!error.to_string().contains("pw"));
    }

    #[test]
    fn authorities_that_are_none_are_never_the_same_as_no_authorities() {
        assert_eq!(at("https://prod").certificates(), Ok(None));
        let good = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).unwrap();
        let good = good.cert.pem();
        let with = |authorities: &[&str]| Address {
            authorities: authorities.iter().map(|one| (*one).to_owned()).collect(),
            ..at("https://prod")
        };
        let read = with(&[&good, &format!("{good}\n{good}")]).certificates();
        assert_eq!(read.unwrap().map(|all| all.len()), Some(3));
        for bad in [
            "",
            "MIIB",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = with(&[&good, bad]).certificates().unwrap_err();
            assert!(matches!(error, AddressError::BadAuthority { .. }), "{bad}");
        }
    }
}
