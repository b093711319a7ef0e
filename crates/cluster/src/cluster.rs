//! One cluster, watched: owns the tasks that keep its facts, and ends them when it is dropped.

use std::sync::Arc;

use api::{Connection, ObjectRef};
use facts::{ClusterFacts, Kind, Selection};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::context::Context;
use crate::discovery::Discovery;
use crate::failure::{Failure, Why};
use crate::ledger::Ledger;
use crate::line::Line;
use crate::logs::{self, LogTail, LogWanted};
use crate::looking;
use crate::namespaces::Namespaces;
use crate::options::Options;
use crate::read::{self, ReadError};
use crate::reviews::{self, Reviews};
use crate::server::Access;
use crate::wanted::Wanted;
use crate::watch::{LISTS_AT_ONCE, Shared, keep};
use crate::writing::{self, Write, WriteFailure};

/// A cluster whose facts are kept up to date. Dropping it ends its tasks and connections.
pub struct Cluster {
    name: String,
    shared: Arc<Shared>,
    /// Ends with us.
    _tasks: JoinSet<()>,
}

impl Cluster {
    /// Begins to read a context's cluster; returns at once. Must be called inside a tokio runtime. A context with a
    /// problem is tried all the same: its file may be mended while we look.
    pub fn start(context: &Context, options: Options) -> Self {
        let name = if options.name.is_empty() {
            context.name.clone()
        } else {
            options.name.clone()
        };
        let ledger = Ledger::new(name.clone(), context.server.clone(), options.clone());
        let ledger = Arc::new(ledger);
        let line = Line::new(context.clone(), options.clone(), ledger.clone());
        let mut own = vec![context.namespace.clone()];
        own.extend(options.namespaces.iter().cloned());
        let shared = Arc::new(Shared {
            line: Arc::new(line),
            ledger,
            discovery: Discovery::new(),
            namespaces: Namespaces::new(own),
            wanted: Wanted::default(),
            reviews: Reviews::new(),
            lists: Semaphore::new(LISTS_AT_ONCE),
            options,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let shared = shared.clone();
            async move { shared.ledger.publish().await }
        });
        tasks.spawn({
            let shared = shared.clone();
            async move { shared.line.keep().await }
        });
        tasks.spawn({
            let shared = shared.clone();
            async move { shared.line.identify().await }
        });
        tasks.spawn({
            let shared = shared.clone();
            async move { shared.discovery.keep(&shared.line, &shared.options).await }
        });
        tasks.spawn({
            let shared = shared.clone();
            async move { shared.reviews.keep(&shared).await }
        });
        tasks.spawn(read_all(shared.clone()));
        Self {
            name,
            shared,
            _tasks: tasks,
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of it, now and after each change.
    pub fn facts(&self) -> watch::Receiver<Arc<ClusterFacts>> {
        self.shared.ledger.facts()
    }

    /// How its connection stands, now and after each change.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.ledger.connection()
    }

    /// Waits until every kind's first read has ended, well or badly, or [`Options::patience`] has passed. What was read
    /// is in [`Self::facts`] then.
    pub async fn settled(&self) {
        self.shared.ledger.settled().await;
    }

    /// Whether it is read from its beginning, and [`Self::settled`] would wait.
    pub fn is_being_read(&self) -> bool {
        self.shared.ledger.is_being_read()
    }

    /// Somebody signed in: where that was waited for, it is read from its beginning, at once.
    pub fn read_anew(&self) {
        self.shared.ledger.begin_anew();
        self.try_now();
    }

    /// Reads the pods of these selections, and the ReplicaSets that they are of, from now on; all of them, where so many
    /// are wanted that this costs less. Only for a cluster that is read sparingly; another one reads them anyway.
    pub fn want<'s>(&self, selections: impl Iterator<Item = &'s Selection>) {
        self.shared.wanted.more(selections);
    }

    /// Reads all pods and ReplicaSets from now on.
    pub fn want_all(&self) {
        self.shared.wanted.all();
    }

    /// From now on the connection says which rights we have there: somebody looks.
    pub fn want_rights(&self) {
        self.shared.reviews.want();
    }

    /// Asks now which rights we have there, if anybody looks: they may be another's, or have been granted.
    pub fn ask_rights_anew(&self) {
        self.shared.reviews.ask_anew();
    }

    /// Whether it answers, and has not said yet which rights we have there.
    pub fn rights_are_due(&self) -> bool {
        self.shared.line.server().is_some() && self.connection().borrow().rights.is_empty()
    }

    /// When what opens it ends, unless it is made anew before: a token, a certificate. `None` where that is not known, or it
    /// is not open.
    pub fn until(&self) -> Option<Timestamp> {
        self.shared.line.server()?.until()
    }

    /// Tries to reach it now, however long the wait still is, with the kubeconfig read anew.
    pub fn try_now(&self) {
        self.shared.line.try_now();
    }

    /// Reads one object whole, as YAML, without managed fields; values of Secrets are placeholders.
    ///
    /// # Errors
    /// If the cluster does not answer, serves no such kind, has no such object, or says that we may not.
    pub async fn read(&self, object: &ObjectRef) -> Result<String, ReadError> {
        read::object(&self.shared, &self.name, object).await
    }

    /// Reads the last lines of a container's log.
    ///
    /// # Errors
    /// If the cluster does not answer, there is no such log, or we may not read it.
    pub async fn log(&self, wanted: &LogWanted<'_>) -> Result<LogTail, ReadError> {
        logs::tail(&self.shared, &self.name, wanted).await
    }

    /// Reads one object whole, as the server has it now, past everything that is kept here; `None` where the server says
    /// that there is none. Of Secrets and ConfigMaps, nothing.
    ///
    /// # Errors
    /// If the cluster does not answer, serves no such kind, or says that we may not; or the kind is not one of those that
    /// actions look at.
    pub async fn look(&self, object: &ObjectRef) -> Result<Option<Value>, ReadError> {
        looking::one(&self.shared, &self.name, object).await
    }

    /// Reads all objects of a kind in a namespace, as [`Self::look`] does. A server leaves `kind` and `apiVersion` out of
    /// those in a list.
    ///
    /// # Errors
    /// As with [`Self::look`].
    pub async fn look_all(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, ReadError> {
        looking::all(&self.shared, &self.name, kind, namespace).await
    }

    /// The cluster's own id, that of its `kube-system` namespace; `None` where that cannot be told.
    pub async fn uid(&self) -> Option<String> {
        let namespace = ObjectRef::new(self.name.as_str(), "Namespace", "", "kube-system");
        let namespace = self.look(&namespace).await.ok()??;
        let uid = namespace.pointer("/metadata/uid")?.as_str()?;
        (!uid.is_empty()).then(|| uid.to_owned())
    }

    /// Whether we may do something there, as the server says now; `None` where that cannot be told.
    pub async fn may(&self, access: Access<'_>) -> Option<bool> {
        reviews::may(&self.shared, access).await
    }

    /// Sends one change, once. What the server answers is the object since, or a Status where it is gone.
    ///
    /// # Errors
    /// How far it came: only [`WriteFailure::Unknown`] may have changed something.
    pub async fn send(&self, write: &Write) -> Result<Value, WriteFailure> {
        writing::send(&self.shared, &self.name, write).await
    }
}

/// Reads all kinds, each in a task of its own. A reader that breaks takes nobody with it: its kind is no longer known,
/// and it begins anew.
async fn read_all(shared: Arc<Shared>) {
    let mut readers = JoinSet::new();
    let mut kinds = std::collections::HashMap::new();
    let start = |readers: &mut JoinSet<()>, kind: Kind| {
        let task = readers.spawn(keep(shared.clone(), kind));
        task.id()
    };
    for kind in Kind::ALL {
        kinds.insert(start(&mut readers, kind), kind);
    }
    while let Some(ended) = readers.join_next_with_id().await {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some(kind) = kinds.remove(&id) else {
            continue;
        };
        tracing::error!(kind = kind.name(), ?ended, "a reader broke");
        let failure = Failure::new(Why::Malformed, "Landfall's own reading of it broke");
        let all = facts::cluster::Scope::All;
        shared
            .ledger
            .unread(kind, &all, failure.coverage(), &failure);
        shared.ledger.ended(kind);
        tokio::time::sleep(shared.options.backoff.most).await;
        kinds.insert(start(&mut readers, kind), kind);
    }
}
