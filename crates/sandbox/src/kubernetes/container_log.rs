//! `pods/{name}/log`: what a container said, whole or from the end, once or for as long as it runs.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::unfold;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::failure::Failure;
use super::kinds::Kind;
use super::list::found;
use super::object;
use super::route::Query;
use super::store::{LogLine, Store};

/// Which lines a client wants, and how.
struct Wish {
    namespace: String,
    pod: String,
    container: String,
    previous: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    limit_bytes: Option<usize>,
}

/// Answers a request for a log.
pub(crate) fn answer(
    store: &Store,
    kind: &'static Kind,
    namespace: &str,
    name: &str,
    query: &Query,
) -> Result<Response, Failure> {
    let pod = found(store, kind, namespace, name)?;
    let container = choose_container(&pod, query.text("container"))?;
    let on_a_node = pod["spec"]["nodeName"].is_string();
    let previous = query.flag("previous");
    if !on_a_node && store.log(namespace, name, &container, previous).is_none() {
        // Nobody runs it, so nobody can be asked.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut wish = Wish {
        namespace: namespace.to_owned(),
        pod: name.to_owned(),
        previous: query.flag("previous"),
        timestamps: query.flag("timestamps"),
        since: since(store, query)?,
        tail: number(query, "tailLines")?,
        limit_bytes: number(query, "limitBytes")?,
        container,
    };
    let lines = wish.begin(store, &pod)?;
    let text = wish.render(wish.chosen(&lines));
    let headers = [(CONTENT_TYPE, "text/plain")];
    if !query.flag("follow") || wish.previous {
        return Ok((headers, text).into_response());
    }
    Ok((
        headers,
        follow(
            store.clone(),
            wish,
            object::uid(&pod).to_owned(),
            lines.len(),
            text,
        ),
    )
        .into_response())
}

/// The container asked for, or the only one there is.
fn choose_container(pod: &Value, asked: &str) -> Result<String, Failure> {
    let names = |field: &str| -> Vec<String> {
        let containers = pod["spec"][field].as_array().into_iter().flatten();
        containers
            .filter_map(|container| Some(container["name"].as_str()?.to_owned()))
            .collect()
    };
    let containers = names("containers");
    let (init, ephemeral) = (names("initContainers"), names("ephemeralContainers"));
    let name = object::name(pod);
    if !asked.is_empty() {
        let known = [&containers, &init, &ephemeral];
        if known
            .iter()
            .any(|names| names.iter().any(|name| name == asked))
        {
            return Ok(asked.to_owned());
        }
        return Err(Failure::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        )));
    }
    match containers.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::bad_request(format!(
            "pod {name} has no containers"
        ))),
        several => {
            let mut message = format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                several.join(" ")
            );
            if !init.is_empty() {
                message += &format!(" or one of the init containers: [{}]", init.join(" "));
            }
            Err(Failure::bad_request(message))
        }
    }
}

fn number(query: &Query, key: &str) -> Result<Option<usize>, Failure> {
    match query.text(key) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!(
                "{key}: Invalid value: {text:?}: must be greater than or equal to 0"
            ))
        }),
    }
}

fn since(store: &Store, query: &Query) -> Result<Option<Timestamp>, Failure> {
    if let Some(seconds) = number(query, "sinceSeconds")? {
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        return Ok(store.clock().now().checked_sub(seconds).ok());
    }
    match query.text("sinceTime") {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Failure::bad_request(format!("sinceTime: Invalid value: {text:?}"))),
    }
}

impl Wish {
    /// The lines there are, of the life of the container that is meant.
    fn begin(&mut self, store: &Store, pod: &Value) -> Result<Vec<LogLine>, Failure> {
        let (container, name) = (&self.container, object::name(pod));
        if self.previous {
            return self.log(store, true).ok_or_else(|| {
                Failure::bad_request(format!(
                    "previous terminated container {container:?} in pod {name:?} not found"
                ))
            });
        }
        if let Some(lines) = self.log(store, false) {
            return Ok(lines);
        }
        let state = &status_of(pod, container)["state"];
        let Some(reason) = state["waiting"]["reason"].as_str() else {
            return Ok(Vec::new());
        };
        // A container that waits to be started again shows what its last life said.
        self.log(store, true).ok_or_else(|| {
            let problem = match reason {
                "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" => {
                    "trying and failing to pull image"
                }
                reason => reason,
            };
            Failure::bad_request(format!(
                "container {container:?} in pod {name:?} is waiting to start: {problem}"
            ))
        })
    }

    fn log(&self, store: &Store, previous: bool) -> Option<Vec<LogLine>> {
        store.log(&self.namespace, &self.pod, &self.container, previous)
    }

    fn chosen<'a>(&self, lines: &'a [LogLine]) -> &'a [LogLine] {
        let first = self
            .since
            .map_or(0, |since| lines.partition_point(|line| line.at < since));
        let lines = &lines[first..];
        let skip = self.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        &lines[skip..]
    }

    fn render(&self, lines: &[LogLine]) -> String {
        let mut text = String::new();
        for line in lines {
            if self.timestamps {
                text.push_str(&line.at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string());
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        if let Some(limit) = self.limit_bytes {
            let end = (0..=limit.min(text.len()))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            text.truncate(end);
        }
        text
    }
}

/// What a pod's status says of a container.
fn status_of<'a>(pod: &'a Value, container: &str) -> &'a Value {
    const NOTHING: &Value = &Value::Null;
    ["containerStatuses", "initContainerStatuses"]
        .iter()
        .filter_map(|field| pod["status"][field].as_array())
        .flatten()
        .find(|status| status["name"] == container)
        .unwrap_or(NOTHING)
}

/// The lines so far, and every line to come until the container ends or the pod is gone.
fn follow(store: Store, wish: Wish, uid: String, seen: usize, text: String) -> Body {
    let mut activity = store.log_activity();
    let newest = store.state().newest();
    activity.mark_changed();
    let first = (!text.is_empty()).then(|| Bytes::from(text));
    let state = (store, wish, uid, seen, first, activity, newest);
    Body::from_stream(unfold(state, |state| async move {
        let (store, wish, uid, mut seen, mut first, mut activity, mut newest) = state;
        loop {
            if let Some(text) = first.take() {
                let state = (store, wish, uid, seen, None, activity, newest);
                return Some((Ok::<_, Infallible>(text), state));
            }
            let pod = store.get("Pod", &wish.namespace, &wish.pod);
            let pod: Arc<Value> = pod.filter(|pod| object::uid(pod) == uid)?;
            let ended = {
                let state = &status_of(&pod, &wish.container)["state"];
                state.get("terminated").is_some() || state.get("waiting").is_some()
            };
            // Fewer lines than before are those of another life.
            let lines = wish.log(&store, false).filter(|lines| lines.len() >= seen);
            if let Some(lines) = lines
                && lines.len() > seen
            {
                let text = wish.render(&lines[seen..]);
                seen = lines.len();
                first = Some(Bytes::from(text));
                continue;
            }
            if ended {
                return None;
            }
            tokio::select! {
                changed = activity.changed() => changed.ok()?,
                changed = newest.changed() => changed.ok()?,
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;

    fn store() -> Store {
        let store = Store::new("prod", Clock::default());
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
                         "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
                         "status": {"containerStatuses": [{"name": "app", "state": {"running": {}}}]}});
        store.apply(pod).unwrap();
        store
    }

    fn say(store: &Store, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        store.append_log("shop", "web", "app", lines);
    }

    fn ask(store: &Store, query: &str) -> Result<Response, Failure> {
        let query = Query::of(&format!("/x?{query}").parse().unwrap());
        answer(store, Kind::named("Pod").unwrap(), "shop", "web", &query)
    }

    async fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        String::from_utf8(body.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_end_of_a_log() {
        let store = store();
        say(&store, &["one", "two", "three"]);
        assert_eq!(text(ask(&store, "").unwrap()).await, "one\ntwo\nthree\n");
        assert_eq!(
            text(ask(&store, "tailLines=2").unwrap()).await,
            "two\nthree\n"
        );
        assert_eq!(text(ask(&store, "limitBytes=5").unwrap()).await, "one\nt");
        let stamped = text(ask(&store, "timestamps=true&tailLines=1").unwrap()).await;
        assert!(
            stamped.ends_with("Z three\n") && stamped.starts_with("20"),
            "{stamped}"
        );
        store.clock().advance(SignedDuration::from_mins(5));
        say(&store, &["four"]);
        assert_eq!(
            text(ask(&store, "sinceSeconds=60").unwrap()).await,
            "four\n"
        );
    }

    #[tokio::test]
    async fn following_ends_with_the_container() {
        let store = store();
        say(&store, &["one"]);
        let mut stream = ask(&store, "follow=true")
            .unwrap()
            .into_body()
            .into_data_stream();
        assert_eq!(stream.next().await.unwrap().unwrap(), "one\n");
        say(&store, &["two"]);
        assert_eq!(stream.next().await.unwrap().unwrap(), "two\n");
        let status = json!({"containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1}}}]});
        store.set_status("Pod", "shop", "web", status).unwrap();
        assert!(stream.next().await.is_none());

        let mut stream = ask(&store, "follow=true&tailLines=0")
            .unwrap()
            .into_body()
            .into_data_stream();
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn following_ends_with_the_pod() {
        let store = store();
        let mut stream = ask(&store, "follow=true")
            .unwrap()
            .into_body()
            .into_data_stream();
        store.delete("Pod", "shop", "web");
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_pod_that_no_node_has_says_nothing() {
        let store = store();
        store
            .edit("Pod", "shop", "web", |pod| {
                pod["spec"] = json!({"containers": [{"name": "app"}]})
            })
            .unwrap();
        assert_eq!(ask(&store, "").unwrap().status(), StatusCode::NO_CONTENT);
    }

    #[tokio::test]
    async fn logs_that_are_not_there_say_why() {
        let store = store();
        let message = |query: &str| ask(&store, query).unwrap_err().to_status()["message"].clone();
        assert_eq!(
            message("previous=true"),
            "previous terminated container \"app\" in pod \"web\" not found"
        );
        assert_eq!(
            message("container=x"),
            "container x is not valid for pod web"
        );
        let status = json!({"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
        store.set_status("Pod", "shop", "web", status).unwrap();
        assert_eq!(
            message(""),
            "container \"app\" in pod \"web\" is waiting to start: trying and failing to pull image"
        );
        store.set_log("shop", "web", "app", true, vec!["boom".into()]);
        assert_eq!(text(ask(&store, "").unwrap()).await, "boom\n");
        store
            .edit("Pod", "shop", "web", |pod| {
                pod["spec"]["containers"] = json!([{"name": "a"}, {"name": "b"}])
            })
            .unwrap();
        assert_eq!(
            message(""),
            "a container name must be specified for pod web, choose one of: [a b]"
        );
    }
}
