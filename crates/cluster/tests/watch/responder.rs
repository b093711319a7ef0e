//! A small API server for tests: lists, watches, discovery and reviews over a table of JSON objects, and every way of
//! misbehaving that a real or broken server has. It lives in a runtime of its own, so that it can be killed with all
//! its connections.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The collections that are served: path without namespaces, and the plural's kind.
pub const CORE: [(&str, &str); 10] = [
    ("/api/v1/namespaces", "Namespace"),
    ("/api/v1/nodes", "Node"),
    ("/api/v1/pods", "Pod"),
    ("/api/v1/services", "Service"),
    ("/api/v1/events", "Event"),
    ("/api/v1/secrets", "Secret"),
    ("/apis/apps/v1/deployments", "Deployment"),
    ("/apis/apps/v1/statefulsets", "StatefulSet"),
    ("/apis/apps/v1/daemonsets", "DaemonSet"),
    ("/apis/apps/v1/replicasets", "ReplicaSet"),
];

/// How the server behaves.
#[derive(Default)]
pub struct Behaviour {
    /// Answers every request with 401.
    pub unauthorized: bool,
    /// The only bearer token that is accepted; nothing: any, and none.
    pub accepts: Option<String>,
    /// Sends everybody to the same path of another server.
    pub redirects: Option<String>,
    /// Accepts requests and never answers.
    pub silent: bool,
    /// `verb plural` or `verb plural namespace` that are forbidden; `verb plural` forbids all namespaces at once only.
    pub denied: BTreeSet<String>,
    /// Everything but discovery and reviews is forbidden.
    pub denies_all: bool,
    /// The next list pages beyond the first answer 410, this many times.
    pub expire_continue: usize,
    /// Raw bodies for collections, in place of the list.
    pub raw: BTreeMap<String, String>,
    /// Collections that answer with this status; 429 with a second to wait.
    pub failing: BTreeMap<String, u16>,
    /// Collections whose list waits until this is lifted.
    pub held: BTreeSet<String>,
    /// Seconds that the Date header is ahead.
    pub ahead: i64,
    /// What SelfSubjectRulesReview answers by namespace; nothing: 404.
    pub rules: BTreeMap<String, Value>,
    /// `verb resource`, with its subresource, to which SelfSubjectAccessReview says no.
    pub may_not: BTreeSet<String>,
    /// What SelfSubjectAccessReview answers with in place of a review: a status, or anything at all.
    pub reviews: Option<(u16, String)>,
}

struct Inner {
    objects: BTreeMap<String, BTreeMap<(String, String), Value>>,
    history: Vec<(u64, String, &'static str, Value)>,
    /// Versions up to here are compacted.
    compacted: u64,
    version: u64,
    behaviour: Behaviour,
    requests: Vec<String>,
    /// The bearer token of each request; empty where there was none.
    bearers: Vec<String>,
}

/// The server's state, which outlives its being off.
pub struct Responder {
    inner: Mutex<Inner>,
    moved: watch::Sender<u64>,
    watching: AtomicUsize,
}

impl Responder {
    pub fn new() -> Arc<Self> {
        let objects = CORE
            .iter()
            .map(|(path, _)| ((*path).to_owned(), BTreeMap::new()))
            .chain(
                [
                    "/apis/discovery.k8s.io/v1/endpointslices",
                    "/apis/networking.k8s.io/v1/ingresses",
                ]
                .map(|path| (path.to_owned(), BTreeMap::new())),
            )
            .collect();
        Arc::new(Self {
            inner: Mutex::new(Inner {
                objects,
                history: Vec::new(),
                compacted: 0,
                version: 100,
                behaviour: Behaviour::default(),
                requests: Vec::new(),
                bearers: Vec::new(),
            }),
            moved: watch::Sender::new(100),
            watching: AtomicUsize::new(0),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Changes how it behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.inner().behaviour);
        self.moved.send_modify(|_| {});
    }

    /// Serves a collection from now on.
    pub fn serve(&self, collection: &str) {
        self.inner()
            .objects
            .entry(collection.to_owned())
            .or_default();
    }

    /// Serves a collection no more.
    pub fn withdraw(&self, collection: &str) {
        self.inner().objects.remove(collection);
    }

    /// Creates or changes an object.
    pub fn put(&self, collection: &str, mut object: Value) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or("").to_owned();
        let key = (text("namespace"), text("name"));
        let table = inner.objects.entry(collection.to_owned()).or_default();
        let event = match table.insert(key, object.clone()) {
            Some(_) => "MODIFIED",
            None => "ADDED",
        };
        inner
            .history
            .push((version, collection.to_owned(), event, object));
        drop(inner);
        self.moved.send_replace(version);
    }

    /// Deletes an object.
    pub fn delete(&self, collection: &str, namespace: &str, name: &str) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let key = (namespace.to_owned(), name.to_owned());
        let mut object = inner
            .objects
            .get_mut(collection)
            .and_then(|table| table.remove(&key))
            .expect("there is such an object");
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        inner
            .history
            .push((version, collection.to_owned(), "DELETED", object));
        drop(inner);
        self.moved.send_replace(version);
    }

    /// Forgets all history: running watches end with 410.
    pub fn compact(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        inner.compacted = inner.version;
        inner.history.clear();
        let version = inner.version;
        drop(inner);
        self.moved.send_replace(version);
    }

    /// Sends a bookmark to every watch.
    pub fn bookmark(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let object = json!({"metadata": {"resourceVersion": version.to_string()}});
        inner
            .history
            .push((version, String::new(), "BOOKMARK", object));
        drop(inner);
        self.moved.send_replace(version);
    }

    /// What was asked for so far: `METHOD path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.inner().requests.clone()
    }

    /// The bearer tokens of the requests so far, in their order; empty where there was none.
    pub fn bearers(&self) -> Vec<String> {
        self.inner().bearers.clone()
    }

    /// How many watches are open.
    pub fn watching(&self) -> usize {
        self.watching.load(Ordering::SeqCst)
    }
}

/// A running server; dropping it kills it with all its connections.
pub struct Running {
    runtime: Option<tokio::runtime::Runtime>,
    pub address: SocketAddr,
}

impl Running {
    /// Serves on a port of its choice, or on the one given.
    pub fn start(responder: &Arc<Responder>, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(responder.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            runtime: Some(runtime),
            address,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits until the tasks are gone: afterwards the port is free and every connection is closed.
            std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)))
                .join()
                .unwrap();
        }
    }
}

async fn answer(State(responder): State<Arc<Responder>>, request: Request) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query: BTreeMap<String, String> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let bearer = request.headers().get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().unwrap().strip_prefix("Bearer "));
    let bearer = bearer.unwrap_or_default().to_owned();
    let (accepts, redirects) = {
        let mut inner = responder.inner();
        let line = format!("{method} {}", request.uri());
        inner.requests.push(line);
        inner.bearers.push(bearer.clone());
        let behaviour = &inner.behaviour;
        (behaviour.accepts.clone(), behaviour.redirects.clone())
    };
    if let Some(other) = redirects {
        let to = format!("{other}{}", request.uri());
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
    }
    if accepts.is_some_and(|good| good != bearer) {
        return status(401, "Unauthorized");
    }
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap_or_default();
    let is_silent = responder.inner().behaviour.silent;
    if is_silent {
        std::future::pending::<()>().await;
    }
    let ahead = responder.inner().behaviour.ahead;
    let mut response = respond(&responder, &method, &path, &query, &body).await;
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response
        .headers_mut()
        .insert(header::DATE, date.parse().unwrap());
    response
}

fn status(code: u16, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "code": code, "reason": ""});
    (
        StatusCode::from_u16(code).unwrap(),
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn good(body: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

async fn respond(
    responder: &Arc<Responder>,
    method: &str,
    path: &str,
    query: &BTreeMap<String, String>,
    body: &Bytes,
) -> Response {
    let is_watch = query.get("watch").is_some_and(|value| value == "true");
    let asked = match early(responder, method, path, is_watch, body) {
        Ok(asked) => asked.selecting(query),
        Err(response) => return response,
    };
    if let Some(name) = &asked.name {
        return get(responder, &asked, name);
    }
    if is_watch {
        return stream(responder, asked, query);
    }
    let mut moved = responder.moved.subscribe();
    while responder.inner().behaviour.held.contains(&asked.collection) {
        moved.changed().await.unwrap();
    }
    list(responder, &asked, query)
}

/// What can be answered without waiting; else what was asked for.
#[expect(clippy::result_large_err, reason = "a response is what it is")]
fn early(
    responder: &Responder,
    method: &str,
    path: &str,
    is_watch: bool,
    body: &Bytes,
) -> Result<Asked, Response> {
    let inner = responder.inner();
    if inner.behaviour.unauthorized {
        return Err(status(401, "Unauthorized"));
    }
    match path {
        "/version" => return Err(good(&json!({"gitVersion": "v1.34.0"}))),
        "/apis" | "/api/v1" => return Err(discovery(&inner, path)),
        "/apis/authentication.k8s.io/v1/selfsubjectreviews" => {
            return Err(good(&json!({"status": {"userInfo": {"username": "jo"}}})));
        }
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let namespace = asked["spec"]["namespace"].as_str().unwrap();
            return Err(match inner.behaviour.rules.get(namespace) {
                Some(rules) => good(&json!({"status": rules})),
                None => status(404, "the server could not find the requested resource"),
            });
        }
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
            if let Some((code, said)) = &inner.behaviour.reviews {
                return Err(match code {
                    200 => said.clone().into_response(),
                    code => status(*code, said),
                });
            }
            let asked: Value = serde_json::from_slice(body).unwrap();
            let asked = &asked["spec"]["resourceAttributes"];
            let text = |field: &str| asked[field].as_str().unwrap();
            let resource = match text("subresource") {
                "" => text("resource").to_owned(),
                subresource => format!("{}/{subresource}", text("resource")),
            };
            assert_eq!(text("namespace"), "", "in all of them at once");
            let what = format!("{} {resource}", text("verb"));
            let allowed = !inner.behaviour.may_not.contains(&what);
            return Err(good(&json!({"status": {"allowed": allowed}})));
        }
        _ => {}
    }
    if method != "GET" {
        return Err(status(405, "this server is for reading"));
    }
    let is_group_version = path.split('/').count() == 4 && path.starts_with("/apis/");
    if is_group_version {
        return Err(discovery(&inner, path));
    }
    let unknown = || status(404, "the server could not find the requested resource");
    let asked = Asked::read(path).ok_or_else(unknown)?;
    let verb = match (&asked.name, is_watch) {
        (Some(_), _) => "get",
        (None, true) => "watch",
        (None, false) => "list",
    };
    let plural = asked.collection.rsplit('/').next().unwrap();
    let rule = match &asked.namespace {
        Some(namespace) => format!("{verb} {plural} {namespace}"),
        None => format!("{verb} {plural}"),
    };
    if inner.behaviour.denies_all || inner.behaviour.denied.contains(&rule) {
        let said =
            format!("{plural} is forbidden: User \"jo\" cannot {verb} resource \"{plural}\"");
        return Err(status(403, &said));
    }
    if let Some(code) = inner.behaviour.failing.get(&asked.collection) {
        let mut answer = status(*code, "etcdserver: request timed out");
        if *code == 429 {
            let second = header::HeaderValue::from_static("1");
            answer.headers_mut().insert(header::RETRY_AFTER, second);
        }
        return Err(answer);
    }
    if let Some(raw) = inner.behaviour.raw.get(&asked.collection)
        && verb == "list"
    {
        return Err(raw.clone().into_response());
    }
    if !inner.objects.contains_key(&asked.collection) {
        return Err(unknown());
    }
    Ok(asked)
}

/// A collection's or object's path taken apart.
struct Asked {
    collection: String,
    namespace: Option<String>,
    name: Option<String>,
    /// Labels that objects must have.
    labels: Vec<(String, String)>,
}

impl Asked {
    /// The same, of objects that a selector of `name=value` pairs selects. A real server sends what leaves the selection as
    /// deleted; nothing here relabels.
    fn selecting(self, query: &BTreeMap<String, String>) -> Self {
        let selector = query.get("labelSelector").cloned().unwrap_or_default();
        let selector = selector.replace("%3D", "=").replace("%2C", ",");
        let pairs = selector.split(',').filter_map(|pair| pair.split_once('='));
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            labels: labels.collect(),
            ..self
        }
    }

    fn read(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let prefix = if parts[0] == "api" { 2 } else { 3 };
        let base = parts.get(..prefix)?.join("/");
        let rest = parts.get(prefix..)?;
        let (namespace, plural, name) = match rest {
            ["namespaces"] => (None, "namespaces", None),
            ["namespaces", name] => (None, "namespaces", Some(*name)),
            ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
            ["namespaces", namespace, plural, name, ..] => (Some(*namespace), *plural, Some(*name)),
            [plural] => (None, *plural, None),
            [plural, name] => (None, *plural, Some(*name)),
            _ => return None,
        };
        Some(Self {
            collection: format!("/{base}/{plural}"),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            labels: Vec::new(),
        })
    }

    fn holds(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let mut wanted = self.labels.iter();
        let is_selected = wanted.all(|(name, value)| labels[name] == json!(value));
        is_selected
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| object["metadata"]["namespace"] == json!(namespace))
    }
}

fn discovery(inner: &Inner, path: &str) -> Response {
    let kind_of = |collection: &str| {
        let plural = collection.rsplit('/').next().unwrap();
        CORE.iter()
            .find(|(path, _)| path.ends_with(&format!("/{plural}")))
            .map_or(plural.trim_end_matches('s'), |(_, kind)| kind)
            .to_owned()
    };
    if path == "/apis" {
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for collection in inner.objects.keys() {
            if let ["", "apis", group, version, _] = collection.split('/').collect::<Vec<_>>()[..] {
                groups.entry(group).or_default().insert(version);
            }
        }
        let groups: Vec<Value> = groups
            .iter()
            .map(|(group, versions)| {
                let versions: Vec<Value> = versions
                    .iter()
                    .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
                    .collect();
                json!({"name": group, "versions": versions})
            })
            .collect();
        return good(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}));
    }
    let resources: Vec<Value> = inner
        .objects
        .keys()
        .filter_map(|collection| Some((collection, collection.strip_prefix(path)?.strip_prefix('/')?)))
        .filter(|(_, plural)| !plural.contains('/'))
        .map(|(collection, plural)| {
            let kind = kind_of(collection);
            let namespaced = !matches!(kind.as_str(), "Namespace" | "Node");
            json!({"name": plural, "kind": kind, "namespaced": namespaced, "verbs": ["get", "list", "watch"]})
        })
        .collect();
    if resources.is_empty() {
        return status(404, "the server could not find the requested resource");
    }
    good(&json!({"kind": "APIResourceList", "resources": resources}))
}

fn get(responder: &Responder, asked: &Asked, name: &str) -> Response {
    let inner = responder.inner();
    let key = (asked.namespace.clone().unwrap_or_default(), name.to_owned());
    match inner
        .objects
        .get(&asked.collection)
        .and_then(|t| t.get(&key))
    {
        Some(object) if object.get("log").is_some() => {
            object["log"].as_str().unwrap().to_owned().into_response()
        }
        Some(object) => good(object),
        None => status(404, &format!("\"{name}\" not found")),
    }
}

fn list(responder: &Responder, asked: &Asked, query: &BTreeMap<String, String>) -> Response {
    let mut inner = responder.inner();
    let start: usize = query
        .get("continue")
        .map_or(0, |next| next.parse().unwrap());
    if start > 0 && inner.behaviour.expire_continue > 0 {
        inner.behaviour.expire_continue -= 1;
        return status(410, "The provided continue parameter is too old");
    }
    let all: Vec<&Value> = inner
        .objects
        .get(&asked.collection)
        .into_iter()
        .flat_map(BTreeMap::values)
        .filter(|object| asked.holds(object))
        .collect();
    let limit = query
        .get("limit")
        .map_or(usize::MAX, |limit| limit.parse().unwrap());
    let items: Vec<&Value> = all.iter().skip(start).take(limit).copied().collect();
    let end = start + items.len();
    let next = if end < all.len() {
        end.to_string()
    } else {
        String::new()
    };
    good(&json!({"kind": "List", "apiVersion": "v1",
        "metadata": {"resourceVersion": inner.version.to_string(), "continue": next}, "items": items}))
}

/// Counts open watches, however they end.
struct Open(Arc<Responder>);

impl Open {
    fn new(responder: &Arc<Responder>) -> Self {
        responder.watching.fetch_add(1, Ordering::SeqCst);
        Self(responder.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.watching.fetch_sub(1, Ordering::SeqCst);
    }
}

fn stream(responder: &Arc<Responder>, asked: Asked, query: &BTreeMap<String, String>) -> Response {
    let from: u64 = query["resourceVersion"].parse().unwrap();
    let open = Open::new(responder);
    let moved = responder.moved.subscribe();
    let events = futures::stream::unfold(Some((from, moved, asked, open)), |state| async move {
        let (mut from, mut moved, asked, open) = state?;
        loop {
            moved.borrow_and_update();
            let mut lines = String::new();
            {
                let inner = open.0.inner();
                if inner.compacted > from {
                    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410,
                            "reason": "Expired", "message": format!("too old resource version: {from}")}});
                    return Some((Ok::<_, Infallible>(format!("{gone}\n")), None));
                }
                for (version, collection, event, object) in &inner.history {
                    let is_ours = *collection == asked.collection && asked.holds(object);
                    if *version > from && (is_ours || *event == "BOOKMARK") {
                        lines.push_str(&json!({"type": event, "object": object}).to_string());
                        lines.push('\n');
                    }
                }
                from = inner.version;
            }
            if !lines.is_empty() {
                return Some((Ok(lines), Some((from, moved, asked, open))));
            }
            if moved.changed().await.is_err() {
                return None;
            }
        }
    });
    Response::new(Body::from_stream(events))
}
