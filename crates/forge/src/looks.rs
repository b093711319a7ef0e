//! Looks at the hosts that are named, so that they stand as what they are though nothing of them is wanted.
//!
//! Owns the requests that are under way. When one is due is the ledger's to say.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::connection::SystemKind;
use tokio::task::JoinSet;

use crate::connections::Ledger;
use crate::git::locked;
use crate::github::GitHub;
use crate::registry::Registries;

/// The longest that one request of a look takes: a connection and a short answer. How long a person takes to unlock the
/// keyring that the token is in says nothing of the host.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The looks. Dropping them ends what is under way.
pub(crate) struct Looks {
    named: Vec<(SystemKind, String)>,
    github: Arc<GitHub>,
    registries: Arc<Registries>,
    ledger: Arc<Ledger>,
    under_way: Mutex<JoinSet<()>>,
}

impl Looks {
    /// Looks at these hosts, code hosts and registries.
    pub(crate) fn new(
        named: Vec<(SystemKind, String)>,
        github: Arc<GitHub>,
        registries: Arc<Registries>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self {
            named,
            github,
            registries,
            ledger,
            under_way: Mutex::default(),
        }
    }

    /// Begins the looks that are due, unless the last ones are still under way; whether any are.
    pub(crate) fn begin(&self) -> bool {
        let mut under_way = locked(&self.under_way);
        while under_way.try_join_next().is_some() {}
        if under_way.is_empty() {
            let due = |(kind, host): &&(SystemKind, String)| self.ledger.look_is_due(*kind, host);
            for (kind, host) in self.named.iter().filter(due) {
                under_way.spawn(self.look(*kind, host.clone()));
            }
        }
        !under_way.is_empty()
    }

    fn look(&self, kind: SystemKind, host: String) -> impl Future<Output = ()> + Send + use<> {
        let (github, registries) = (Arc::clone(&self.github), Arc::clone(&self.registries));
        let ledger = Arc::clone(&self.ledger);
        async move {
            let result = match kind {
                SystemKind::CodeHost => github.look(&host).await,
                _ => registries.look(&host).await,
            };
            ledger.looked(kind, &host, &result);
        }
    }
}
