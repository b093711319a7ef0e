//! What a diagnosis is made of, read from what is open: all of it past what is kept, but for the journey and the changes.
//!
//! Owns what is read, in which order, and by when. What cannot be read is a sentence in [`Found::unread`], and the rest goes on.

mod around;

use std::collections::BTreeSet;
use std::time::Duration;

use api::error::Code;
use api::journey::Health;
use api::{Answer, Ask, Change, Error, Journey, ObjectRef};
use cluster::Cluster;
use futures::future::join_all;
use journey::Whereabouts;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use self::around::{Around, Reader, Unread, around, owned};
use super::object::{event_about, event_at, pod_spec, pod_state, text};
use super::{Found, Is, Seen, Sibling, logs};
use crate::Console;

/// The most pods that are kept.
const MOST_PODS: usize = 100;
/// The most pods whose nodes are looked at.
const NODES_OF: usize = 20;
/// The most nodes.
const MOST_NODES: usize = 5;
/// The most events.
const MOST_EVENTS: usize = 40;
/// The most changes.
const MOST_CHANGES: usize = 10;
/// The most other places that are compared.
const MOST_SIBLINGS: usize = 3;

/// Gathers.
///
/// # Errors
/// Nothing of this name is open, or there is no such object and nothing is known of it.
pub(super) async fn gather(
    console: &Console,
    object: &ObjectRef,
    patience: Duration,
) -> Result<Found, Error> {
    let until = Instant::now() + patience;
    let clusters = console.systems.clusters();
    let cluster = clusters.iter().find(|one| one.name() == object.system);
    let accounts = console.systems.accounts();
    if cluster.is_none() && !accounts.iter().any(|one| one.name() == object.system) {
        let message = format!("no system '{}' is open here", object.system);
        return Err(Error::new(Code::UnknownName, message));
    }
    let mut unread = Vec::new();
    let place = match timeout_at(until, console.where_is(object)).await {
        Ok(place) => place?,
        Err(_) => {
            unread.push("whose it is was not known in time".to_owned());
            Whereabouts::default()
        }
    };
    let told = told(console, object, &place, until);
    let around = async {
        match cluster {
            Some(cluster) => Some(around(&Reader { cluster, until }, object).await),
            None => None,
        }
    };
    let (told, around) = tokio::join!(told, around);
    let mut found = Found {
        object: object.clone(),
        at: console.clock.now(),
        place,
        journeys: Vec::new(),
        objects: Vec::new(),
        pods: Vec::new(),
        logs: Vec::new(),
        nodes: Vec::new(),
        events: Vec::new(),
        changes: told.changes,
        siblings: Vec::new(),
        unread,
    };
    found.unread.extend(told.unread);
    let (here, elsewhere): (Vec<_>, Vec<_>) = told
        .journeys
        .into_iter()
        .partition(|journey| is_here(journey, object, &found.place));
    found.journeys = here;
    match (cluster, around) {
        (Some(cluster), Some(around)) => {
            if around.is_absent && found.place.app.is_empty() {
                let message = format!("{object} is not on {}", object.system);
                return Err(Error::new(Code::NotFound, message));
            }
            found.objects = around.objects;
            found.unread.extend(around.unread);
            within(&Reader { cluster, until }, &mut found).await;
        }
        _ => found.unread.push(format!(
            "{} is Amazon ECS': its tasks and their logs are not read for a diagnosis; what is known of them stands in the answer",
            object.system
        )),
    }
    siblings(&clusters, elsewhere, until, &mut found).await;
    Ok(found)
}

/// What the console knows by itself.
#[derive(Default)]
struct Told {
    /// All journeys of the app.
    journeys: Vec<Journey>,
    changes: Vec<Change>,
    unread: Vec<String>,
}

async fn told(console: &Console, object: &ObjectRef, place: &Whereabouts, until: Instant) -> Told {
    let mut told = Told::default();
    let answer = async {
        if place.app.is_empty() {
            return None;
        }
        let ask = Ask {
            text: place.app.clone(),
            app: Some(place.app.clone()),
            environment: None,
            repository: None,
        };
        let answer = console.answer(ask, left(until));
        Some(timeout_at(until + LATE, answer).await)
    };
    let changes = timeout_at(until + LATE, console.changes(left(until)));
    let (answer, changes) = tokio::join!(answer, changes);
    match answer {
        None => {}
        Some(Ok(Ok(Answer {
            journeys, unread, ..
        }))) => {
            told.journeys = journeys;
            let unread = unread.iter().map(|one| one.text(|at| at.to_string()));
            told.unread.extend(unread);
        }
        Some(Ok(Err(why))) => told.unread.push(why.message),
        Some(Err(_)) => told
            .unread
            .push("the journey was not known in time".to_owned()),
    }
    match changes {
        Ok(Ok(changes)) => {
            let is_of_it = |change: &Change| {
                let app = change.app.as_deref() == Some(place.app.as_str());
                let here = change.environment.as_deref() == Some(place.environment.as_str());
                change.object == *object || app && here
            };
            let of_it = changes.changes.into_iter().filter(is_of_it);
            told.changes = of_it.take(MOST_CHANGES).collect();
            let notes = changes
                .notes
                .iter()
                .map(|one| one.text(|at| at.to_string()));
            told.unread.extend(notes);
        }
        Ok(Err(why)) => told.unread.push(why.message),
        Err(_) => told
            .unread
            .push("what changed was not known in time".to_owned()),
    }
    told
}

/// Whoever gives what is known so far when the time is over takes a moment for it.
const LATE: Duration = Duration::from_secs(2);

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn is_here(journey: &Journey, object: &ObjectRef, place: &Whereabouts) -> bool {
    journey.environment == place.environment && journey.cluster == object.system
}

/// The pods with their logs and nodes, and the events.
async fn within(reader: &Reader<'_>, found: &mut Found) {
    let roots = roots(reader, found).await;
    let mut about: BTreeSet<(String, String)> = BTreeSet::new();
    for root in roots {
        let owned = owned(reader, &root).await;
        found.unread.extend(owned.unread);
        about.extend(owned.between);
        found.pods.extend(owned.pods);
    }
    let rank = |pod: &Value| std::cmp::Reverse(pod_state(pod).0);
    let name = |pod: &Value| text(pod, "/metadata/name").to_owned();
    found.pods.sort_by_cached_key(|pod| (rank(pod), name(pod)));
    found.pods.dedup_by_key(|pod| name(pod));
    found.pods.truncate(MOST_PODS);
    about.extend(found.pods.iter().map(|pod| ("Pod".to_owned(), name(pod))));
    let seen = found.objects.iter().map(|seen| &seen.object);
    about.extend(seen.map(|one| (one.kind.clone(), one.name.clone())));
    // One that could not be read may have events all the same.
    about.insert((found.object.kind.clone(), found.object.name.clone()));
    let mut namespaces: BTreeSet<String> = BTreeSet::from([found.object.namespace.clone()]);
    namespaces.extend(
        found
            .objects
            .iter()
            .map(|seen| seen.object.namespace.clone()),
    );

    let lives = logs::lives(&found.pods);
    let logs = logs::read(reader.cluster, lives, reader.until);
    let nodes = nodes(reader, &found.pods);
    let events = events(reader, &namespaces, &about);
    let (logs, nodes, events) = tokio::join!(logs, nodes, events);
    let failed = logs.iter().filter_map(|log| log.read.as_ref().err());
    found.unread.extend(failed.cloned());
    found.logs = logs;
    for node in nodes {
        match node {
            Ok(node) => found.nodes.extend(node),
            Err(why) => found.unread.push(why.0),
        }
    }
    for of_one in events {
        match of_one {
            Ok(events) => found.events.extend(events),
            Err(why) => found.unread.push(why.0),
        }
    }
    found
        .events
        .sort_by_cached_key(|event| std::cmp::Reverse(event_at(event)));
    found.events.truncate(MOST_EVENTS);
}

/// What makes the pods that are looked at: the object, or where it has none, what runs its app there.
async fn roots(reader: &Reader<'_>, found: &mut Found) -> Vec<Seen> {
    let is_root = |seen: &&Seen| pod_spec(&seen.object.kind, &seen.json).is_some();
    let own: Vec<Seen> = found
        .objects
        .iter()
        .filter(|seen| seen.is == Is::Itself)
        .filter(is_root)
        .cloned()
        .collect();
    if !own.is_empty() || !found.objects.iter().any(|seen| seen.is == Is::Itself) {
        return own;
    }
    let mut around = Around {
        objects: std::mem::take(&mut found.objects),
        ..Around::default()
    };
    let mut roots = Vec::new();
    for journey in &found.journeys {
        let Some(running) = &journey.running else {
            continue;
        };
        if let Some(at) = around.add(reader, Is::Workload, &running.workload).await {
            roots.extend(around.objects.get(at).cloned());
        }
    }
    found.objects = around.objects;
    found.unread.extend(around.unread);
    roots
}

async fn nodes(reader: &Reader<'_>, pods: &[Value]) -> Vec<Result<Option<Value>, Unread>> {
    let names = pods
        .iter()
        .take(NODES_OF)
        .map(|pod| text(pod, "/spec/nodeName"));
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    let system = reader.cluster.name();
    let reading = names.into_iter().take(MOST_NODES).map(|name| async move {
        let node = ObjectRef::new(system, "Node", "", name);
        match reader.one(&node).await {
            // A pod may outlive its node, and that is what is looked for.
            Ok(None) => Err(Unread(format!(
                "{node} is not on {system}: its pods are lost"
            ))),
            read => read,
        }
    });
    join_all(reading).await
}

async fn events(
    reader: &Reader<'_>,
    namespaces: &BTreeSet<String>,
    about: &BTreeSet<(String, String)>,
) -> Vec<Result<Vec<Value>, Unread>> {
    let namespaces = namespaces.iter().filter(|namespace| !namespace.is_empty());
    let reading = namespaces.map(|namespace| async move {
        let all = reader.all("Event", namespace).await?;
        let is_about = |event: &Value| {
            let (kind, name) = event_about(event);
            about.contains(&(kind.to_owned(), name.to_owned()))
        };
        Ok(all.into_iter().filter(is_about).collect())
    });
    join_all(reading).await
}

/// The app where it is well in other places.
async fn siblings(
    clusters: &[Cluster],
    elsewhere: Vec<Journey>,
    until: Instant,
    found: &mut Found,
) {
    let well = elsewhere.into_iter().filter_map(|journey| {
        let running = journey.running?;
        let is_well = running.health == Health::Healthy && journey.stale_since.is_none();
        is_well.then_some((journey.environment, running.workload))
    });
    for (environment, object) in well.take(MOST_SIBLINGS) {
        // Amazon ECS' are not read so.
        let Some(cluster) = clusters.iter().find(|one| one.name() == object.system) else {
            continue;
        };
        match (Reader { cluster, until }).one(&object).await {
            Ok(Some(json)) => found.siblings.push(Sibling {
                environment,
                object,
                json,
            }),
            Ok(None) => {}
            Err(why) => found.unread.push(why.0),
        }
    }
}
