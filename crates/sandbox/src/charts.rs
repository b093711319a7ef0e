//! A Helm repository over HTTP: an index and archives, served from memory.
//!
//! Owns folders of charts and their indexes. The company takes its charts from Git and the registry; this is what the
//! proving ground's scenarios name in a HelmRepository.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

type Files = BTreeMap<String, Vec<u8>>;

/// The shelf; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    files: Arc<Mutex<Files>>,
    url: String,
}

impl Shelf {
    /// What is served.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/{*path}", get(serve))
            .with_state(Arc::clone(&self.files))
    }

    /// The same shelf, knowing where it is served.
    pub fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// The URL of a folder, as a HelmRepository names it.
    pub fn url(&self, folder: &str) -> String {
        format!("{}/{folder}", self.url)
    }

    /// Puts a chart's archive into a folder and writes the folder's index anew.
    pub fn put(&self, folder: &str, chart: &str, version: &str, archive: Vec<u8>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(format!("{folder}/{chart}-{version}.tgz"), archive);
        let beginning = format!("{folder}/{chart}-");
        let entries: Vec<Value> = files
            .keys()
            .filter_map(|path| path.strip_prefix(&beginning)?.strip_suffix(".tgz"))
            .map(|version| {
                json!({
                    "apiVersion": "v2", "name": chart, "version": version,
                    "urls": [format!("{chart}-{version}.tgz")],
                })
            })
            .collect();
        // JSON is YAML.
        let index = json!({"apiVersion": "v1", "entries": {chart: entries}});
        files.insert(
            format!("{folder}/index.yaml"),
            index.to_string().into_bytes(),
        );
    }
}

async fn serve(
    State(files): State<Arc<Mutex<Files>>>,
    Path(path): Path<String>,
) -> (StatusCode, Vec<u8>) {
    let files = files.lock().unwrap_or_else(PoisonError::into_inner);
    match files.get(&path) {
        Some(content) => (StatusCode::OK, content.clone()),
        None => (StatusCode::NOT_FOUND, Vec::new()),
    }
}
