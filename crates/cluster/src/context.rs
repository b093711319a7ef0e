//! A context: one cluster to look at, and as whom.
//!
//! Owns what is said of it, and where its credentials come from. Does not read them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::address::{Address, AddressError};
use crate::kubeconfig::KubeconfigError;
use crate::tokens::Tokens;

/// One context: of a kubeconfig, or of an address and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The context's name.
    pub name: String,
    /// Its cluster's name.
    pub cluster: String,
    /// Its user's name; empty where none is named.
    pub user: String,
    /// Its cluster's address, without credentials; empty where there is none.
    pub server: String,
    /// The namespace that it stands in; `default` where none is named.
    pub namespace: String,
    /// Whether it is the current one.
    pub current: bool,
    /// Why it cannot be used.
    pub problem: Option<KubeconfigError>,
    /// What a person should know before trusting it, a sentence each.
    pub cautions: Vec<String>,
    /// Where the rest comes from.
    pub(crate) origin: Origin,
}

/// Where a context's connection gets what it needs.
#[derive(Clone)]
pub(crate) enum Origin {
    /// The kubeconfig's files: read again for every connection, so that new credentials are found.
    Files(Vec<PathBuf>),
    /// An address and tokens, and no file.
    Address {
        /// Whom to trust, in DER; `None`: the system's trust store.
        authorities: Option<Vec<Vec<u8>>>,
        /// Who has the tokens.
        tokens: Arc<dyn Tokens>,
    },
}

impl Context {
    /// A context without a kubeconfig: an address, and tokens from elsewhere.
    ///
    /// # Errors
    /// If no token may be sent to such an address, or its authorities are none.
    pub fn at(address: &Address, tokens: Arc<dyn Tokens>) -> Result<Self, AddressError> {
        let url = address.url()?;
        let authorities = address.certificates()?;
        let namespace = match address.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        Ok(Self {
            name: address.name.clone(),
            cluster: address.name.clone(),
            user: String::new(),
            server: url.to_string().trim_end_matches('/').to_owned(),
            namespace: namespace.to_owned(),
            current: false,
            problem: None,
            cautions: Vec::new(),
            origin: Origin::Address {
                authorities,
                tokens,
            },
        })
    }

    /// The files that it was read from.
    pub(crate) fn files(&self) -> &[PathBuf] {
        match &self.origin {
            Origin::Files(files) => files,
            Origin::Address { .. } => &[],
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Files(ours), Self::Files(theirs)) => ours == theirs,
            (
                Self::Address {
                    authorities,
                    tokens,
                },
                Self::Address {
                    authorities: theirs,
                    tokens: others,
                },
            ) => authorities == theirs && Arc::ptr_eq(tokens, others),
            _ => false,
        }
    }
}

impl Eq for Origin {}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => f.debug_tuple("Files").field(files).finish(),
            // Whoever has the tokens may be printable with them.
            Self::Address { authorities, .. } => f
                .debug_struct("Address")
                .field("authorities", &authorities.as_ref().map(Vec::len))
                .finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use secrecy::SecretString;

    use super::*;
    use crate::tokens::NoToken;

    struct Fixed;

    #[async_trait]
    impl Tokens for Fixed {
        async fn token(&self) -> Result<SecretString, NoToken> {
            Ok(SecretString::from("topsecret"))
        }
    }

    fn address(server: &str) -> Address {
        Address {
            name: "prod".to_owned(),
            server: server.to_owned(),
            authorities: Vec::new(),
            namespace: String::new(),
        }
    }

    #[test]
    fn an_address_is_a_context_like_any_other() {
        let tokens: Arc<dyn Tokens> = Arc::new(Fixed);
        let context = Context::at(&address("https://prod.example:6443/"), tokens.clone()).unwrap();
        assert_eq!(context.server, "https://prod.example:6443");
        assert_eq!(
            (context.namespace.as_str(), context.name.as_str()),
            ("default", "prod")
        );
        assert_eq!(context, context.clone());
        let other = Context::at(&address("https://prod.example:6443/"), Arc::new(Fixed));
        assert_ne!(context, other.unwrap(), "other tokens are another context");
        assert!(context.files().is_empty());
        assert!(Context::at(&address("http://prod.example"), tokens).is_err());
    }
}
