//! The API server of one cluster: answers requests over a [`Store`], on a port that can be cut off and come back.
//!
//! Owns who a request is from, whether they may, and which part of the API answers. Users are known by bearer token; for
//! clients that send none over plain HTTP (kubectl), an address may say it: `http://127.0.0.1:PORT/as/TOKEN`.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::access::Attempt;
use super::caller::{bearer, named_in_path, read, rules, spoken_for};
use super::discovery;
use super::failure::{Failure, no_such_path};
use super::kinds::Kind;
use super::list::{found, list};
use super::representation::{Form, bytes};
use super::reviews::Review;
use super::route::{Query, Route, Target};
use super::store::Store;
use super::write::{Part, Place};
use super::{container_log, protobuf, scale, tokens, watch};
use crate::serve;

/// An API server. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Server {
    store: Store,
    address: SocketAddr,
    serving: Option<serve::Server>,
}

impl Server {
    /// Serves a cluster; port 0 takes any free one.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn start(store: Store, at: SocketAddr) -> io::Result<Self> {
        let serving = serve::Server::start(store.clock(), router(store.clone()), at).await?;
        Ok(Self {
            address: serving.address(),
            store,
            serving: Some(serving),
        })
    }

    /// Where it answers, or would if it was not cut off.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a trailing slash: the `server` of a kubeconfig.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it serves.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The count of requests since it started or was restored; `None` while it is cut off.
    pub fn requests(&self) -> Option<&serve::Requests> {
        self.serving.as_ref().map(serve::Server::requests)
    }

    /// Goes away at once: the port refuses, every connection breaks. The objects stay.
    pub async fn cut_off(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop().await;
        }
    }

    /// Comes back at the same address; does nothing if it is there.
    ///
    /// # Errors
    /// If somebody else took the port.
    pub async fn restore(&mut self) -> io::Result<()> {
        if self.serving.is_none() {
            let router = router(self.store.clone());
            let serving = serve::Server::start(self.store.clock(), router, self.address).await?;
            self.serving = Some(serving);
        }
        Ok(())
    }
}

/// The API of a cluster, to serve by other means than [`Server`].
pub fn router(store: Store) -> Router {
    Router::new().fallback(answer).with_state(store)
}

async fn answer(State(store): State<Store>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(failure) => return failure.into_response(),
    };
    let (path, token) = match named_in_path(head.uri.path()) {
        Some((token, path)) => (path, Some(token)),
        None => (head.uri.path(), bearer(&head.headers)),
    };
    let user = store.access().user(token);
    let Some(user) = user else {
        return Failure::unauthorized().into_response();
    };
    let user = match spoken_for(&store, user, &head.headers) {
        Ok(user) => user,
        Err(failure) => return failure.into_response(),
    };
    let call = Call {
        store: &store,
        user: &user,
        method: &head.method,
        headers: &head.headers,
        query: Query::of(&head.uri),
        body,
    };
    call.answer(Route::of(path))
        .unwrap_or_else(IntoResponse::into_response)
}

/// One request of somebody known.
struct Call<'a> {
    store: &'a Store,
    user: &'a str,
    method: &'a Method,
    headers: &'a HeaderMap,
    query: Query,
    body: Bytes,
}

impl Call<'_> {
    fn answer(&self, route: Route) -> Result<Response, Failure> {
        let target = match route {
            Route::Objects(target) => return self.objects(&target),
            _ if !matches!(*self.method, Method::GET | Method::HEAD) => {
                return Err(Failure::method_not_allowed());
            }
            other => other,
        };
        let accept = self.header(ACCEPT);
        let at_once = discovery::wants_all_at_once(accept);
        let document = match target {
            Route::Version => Some(discovery::version()),
            Route::Health => return Ok("ok".into_response()),
            Route::CoreVersions | Route::Groups if at_once => {
                let core = target == Route::CoreVersions;
                let list = discovery::all_at_once(self.store, core);
                let form = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
                return Ok(([(CONTENT_TYPE, form)], bytes(&list)).into_response());
            }
            Route::CoreVersions => Some(discovery::core_versions()),
            Route::Groups => Some(discovery::group_list(self.store)),
            Route::Group(group) => discovery::group(self.store, &group),
            Route::Resources(group, version) => {
                let found = discovery::resources(self.store, &group, &version);
                if found.is_none() && discovery::group(self.store, &group).is_some() {
                    return Err(Failure::not_served());
                }
                found
            }
            Route::OpenApi(None) => Some(discovery::openapi_index(self.store)),
            Route::OpenApi(Some((group, version))) => {
                discovery::openapi(self.store, &group, &version)
            }
            Route::Objects(_) | Route::Nothing => None,
        };
        Ok(match document {
            Some(document) => json(StatusCode::OK, bytes(&document)),
            None => no_such_path(),
        })
    }

    fn objects(&self, target: &Target) -> Result<Response, Failure> {
        let Some(verb) = self.verb(target) else {
            return Err(Failure::method_not_allowed());
        };
        let rules = rules(self.store, self.user);
        if let Some(review) = Review::at(&target.group, &target.version, &target.resource) {
            if verb != "create" {
                return Err(Failure::method_not_allowed());
            }
            let answer = review.answer(self.user, &rules, &self.parsed_body()?)?;
            return Ok(json(StatusCode::CREATED, bytes(&answer)));
        }
        // As in a real server, whether one may comes before whether there is such a thing.
        let attempt = Attempt {
            verb,
            group: &target.group,
            resource: &target.resource,
            subresource: &target.subresource,
            namespace: match target.resource.as_str() {
                "namespaces" => &target.name,
                _ => &target.namespace,
            },
            name: &target.name,
        };
        if !rules.allow(&attempt) {
            return Err(Failure::forbidden(self.user, &attempt, &target.name));
        }
        let kind = Kind::at(&target.group, &target.version, &target.resource)
            .filter(|kind| self.store.serves(kind));
        let Some(kind) = kind else {
            let known = discovery::resources(self.store, &target.group, &target.version);
            return match known {
                Some(_) => Err(Failure::not_served()),
                None => Ok(no_such_path()),
            };
        };
        let needs_namespace = kind.namespaced && (!target.name.is_empty() || verb == "create");
        let has_namespace = !target.namespace.is_empty();
        if (needs_namespace && !has_namespace) || (has_namespace && !kind.namespaced) {
            return Err(Failure::not_served());
        }
        self.check_options(verb)?;
        self.objects_of(kind, target, verb)
    }

    fn objects_of(
        &self,
        kind: &'static Kind,
        target: &Target,
        verb: &str,
    ) -> Result<Response, Failure> {
        let (namespace, name) = (target.namespace.as_str(), target.name.as_str());
        let part = match target.subresource.as_str() {
            "" => Part::Main,
            "status" if kind.has_status => Part::Status,
            "scale" if kind.has_scale => Part::Scale,
            "log" if kind.kind == "Pod" && verb == "get" => {
                return container_log::answer(self.store, kind, namespace, name, &self.query);
            }
            "eviction" if kind.kind == "Pod" && verb == "create" => {
                let place = self.place(kind, namespace, name);
                let status = tokens::evict(&place, &self.parsed_body()?)?;
                return Ok(json(StatusCode::CREATED, bytes(&*status)));
            }
            "token" if kind.kind == "ServiceAccount" && verb == "create" => {
                let place = self.place(kind, namespace, name);
                let answer = tokens::token(&place, &self.parsed_body()?)?;
                return Ok(json(StatusCode::CREATED, bytes(&answer)));
            }
            _ => return Err(Failure::not_served()),
        };
        let form = Form::of(self.header(ACCEPT), self.query.text("includeObject"))
            .ok_or_else(Failure::not_acceptable)?;
        let now = self.store.clock().now();
        let place = self.place(kind, namespace, name);
        let object = match verb {
            "list" => {
                let page = list(self.store, kind, namespace, &self.query)?;
                return Ok(json(StatusCode::OK, form.page(kind, &page, now)));
            }
            "watch" => {
                let events = watch::watch(self.store, kind, namespace, form, &self.query)?;
                let headers = [(CONTENT_TYPE, "application/json")];
                return Ok((headers, Body::from_stream(events)).into_response());
            }
            "deletecollection" => {
                let page = place.delete_all(&self.delete_options()?)?;
                return Ok(json(StatusCode::OK, form.page(kind, &page, now)));
            }
            "get" => {
                let object = found(self.store, kind, namespace, name)?;
                match part {
                    Part::Scale => std::sync::Arc::new(scale::of(kind, &object)),
                    Part::Main | Part::Status => object,
                }
            }
            "create" => {
                let object = place.create(self.parsed_body()?)?;
                return Ok(json(StatusCode::CREATED, form.one(kind, &object, now)));
            }
            "update" => place.update(part, self.parsed_body()?)?,
            "patch" => {
                let existed = self.store.get(kind.kind, namespace, name).is_some();
                let object = place.patch(part, self.header(CONTENT_TYPE), &self.body)?;
                if !existed {
                    return Ok(json(StatusCode::CREATED, form.one(kind, &object, now)));
                }
                object
            }
            "delete" => place.delete(&self.delete_options()?)?,
            _ => return Err(Failure::method_not_allowed()),
        };
        // A Scale or a Status has no columns of its own.
        let own = object["kind"] == kind.kind;
        let form = if own { form } else { Form::Whole };
        Ok(json(StatusCode::OK, form.one(kind, &object, now)))
    }

    fn place<'b>(&'b self, kind: &'static Kind, namespace: &'b str, name: &'b str) -> Place<'b> {
        Place {
            store: self.store,
            kind,
            namespace,
            name,
            query: &self.query,
            manager: self.manager(),
        }
    }

    /// Who writes: the manager that the request names, else the client's program.
    fn manager(&self) -> &str {
        match self.query.text("fieldManager") {
            "" => {
                let agent = self.header(http::header::USER_AGENT);
                match agent.split(['/', ' ']).next().unwrap_or_default() {
                    "" => "unknown",
                    program => program,
                }
            }
            named => named,
        }
    }

    /// Refuses a dry run of another kind than there is, instead of doing it in earnest.
    fn check_options(&self, verb: &str) -> Result<(), Failure> {
        let options = match verb {
            "create" => "CreateOptions",
            "update" => "UpdateOptions",
            "patch" => "PatchOptions",
            // Beside a body, the query is not read.
            "delete" | "deletecollection" if !self.body.is_empty() => return Ok(()),
            "delete" | "deletecollection" => "DeleteOptions",
            _ => return Ok(()),
        };
        match self.query.text("dryRun") {
            "" | "All" => Ok(()),
            other => {
                let problem = format!("Unsupported value: {other:?}: supported values: \"All\"");
                Err(Failure::invalid_options(options, "dryRun", &problem))
            }
        }
    }

    /// How something is to be deleted: as the body says, and only where there is none, as the query does. So a dry run in
    /// the query beside a body is none.
    fn delete_options(&self) -> Result<Value, Failure> {
        if !self.body.is_empty() {
            return self.parsed_body();
        }
        let mut options = serde_json::json!({});
        if self.query.dry_run() {
            options["dryRun"] = serde_json::json!(["All"]);
        }
        match self.query.text("propagationPolicy") {
            "" => {}
            policy => options["propagationPolicy"] = serde_json::json!(policy),
        }
        Ok(options)
    }

    /// What a method does to a target, in the words of access rules.
    fn verb(&self, target: &Target) -> Option<&'static str> {
        let one = !target.name.is_empty();
        Some(match *self.method {
            Method::GET | Method::HEAD
                if self.query.flag("watch") && target.subresource.is_empty() =>
            {
                "watch"
            }
            Method::GET | Method::HEAD if one => "get",
            Method::GET | Method::HEAD => "list",
            Method::POST if !one || !target.subresource.is_empty() => "create",
            Method::PUT if one => "update",
            Method::PATCH if one => "patch",
            Method::DELETE if one => "delete",
            Method::DELETE => "deletecollection",
            _ => return None,
        })
    }

    /// The body as JSON, or YAML if it says so; an empty one is an empty object.
    fn parsed_body(&self) -> Result<Value, Failure> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let content_type = self.header(CONTENT_TYPE);
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let malformed = |error: String| {
            Failure::bad_request(format!("the object provided is unrecognized: {error}"))
        };
        match media {
            "" | "application/json" | "*/*" => {
                serde_json::from_slice(&self.body).map_err(|error| malformed(error.to_string()))
            }
            "application/yaml" => {
                serde_yaml_ng::from_slice(&self.body).map_err(|error| malformed(error.to_string()))
            }
            protobuf::MEDIA_TYPE => protobuf::decode(&self.body).ok_or_else(|| {
                Failure::unsupported_media_type(&["application/json", "application/yaml"])
            }),
            _ => Err(Failure::unsupported_media_type(&[
                "application/json",
                "application/yaml",
            ])),
        }
    }

    fn header(&self, name: http::HeaderName) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

fn json(code: StatusCode, body: Vec<u8>) -> Response {
    (code, [(CONTENT_TYPE, "application/json")], body).into_response()
}
