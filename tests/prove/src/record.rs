//! The taking of a recording: everything of one scenario that the product could read, at one moment.
//!
//! Owns which namespaces, repositories and images belong to a scenario. Reads whatever the product's reader lists, so a
//! new scenario needs nothing new here; what is done to it then is [`crate::recording::scrub`]'s.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use regex::Regex;
use sandbox::kubernetes::kinds::Kind;
use serde_json::Value;

use crate::api::ApiError;
use crate::ground::{Ground, LONELY};
use crate::images::RegistryError;
use crate::play::Play;
use crate::recording::scrub::{Raw, RawImage, ScrubError, scrubbed};
use crate::recording::steady::{self, Kept};
use crate::recording::{KINDS, Recording, RecordingError, texts};
use crate::scenario::Scenario;

/// The media types of manifests that are asked for.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// The places of a scenario's texts.
const PLACES: [&str; 9] = [
    "name",
    "repository",
    "registry",
    "code",
    "digest",
    "image",
    "commit",
    "head",
    "newest",
];

/// Why a scenario could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The cluster.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What was read does not fit together.
    #[error(transparent)]
    Scrub(#[from] ScrubError),
    /// The file.
    #[error(transparent)]
    File(#[from] RecordingError),
    /// A pattern of ours.
    #[error(transparent)]
    Pattern(#[from] regex::Error),
}

/// Records a scenario that has been played.
///
/// # Errors
/// Something cannot be read, or the file cannot be written.
pub async fn take(
    ground: &Ground,
    scenario: &Scenario,
    play: &Play<'_>,
) -> Result<(), RecordError> {
    let objects = objects(ground, &scenario.name).await?;
    let now = Timestamp::now();
    let mentioned = mentioned(&objects);
    let repositories: Vec<_> = ground
        .code
        .paths()
        .into_iter()
        .filter(|path| {
            path.ends_with(&format!("/{}", scenario.name))
                || mentioned.contains(&format!("{}/{path}", ground.code_host))
        })
        .filter_map(|path| ground.code.repository(&path))
        .collect();
    let mut text = mentioned;
    for repository in &repositories {
        for head in repository.branches().values() {
            for (_, file) in repository.files(head, "") {
                text.push_str(&file);
                text.push('\n');
            }
        }
    }
    let images = images(ground, &scenario.name, &text).await?;
    let mut words: BTreeMap<String, String> = PLACES
        .map(|place| (place.to_owned(), play.filled(&format!("{{{place}}}"))))
        .into();
    for number in 1.. {
        let place = format!("{{tag{number}}}");
        let tag = play.filled(&place);
        if tag == place {
            break;
        }
        words.insert(format!("tag{number}"), tag);
    }
    words.retain(|place, word| !word.is_empty() && *word != format!("{{{place}}}"));
    let raw = Raw {
        now,
        code_host: ground.code_host.clone(),
        registry: ground.registry.host.clone(),
        made_of: scenario.made_of.clone(),
        asked: play.asked(scenario.ask),
        words,
        repositories,
        images,
        objects,
    };
    let fresh = scrubbed(&raw, Kept::default())?;
    // One that cannot be read any longer is written anew.
    let Ok(Some(known)) = Recording::of(&scenario.name) else {
        return Ok(fresh.write(&scenario.name)?);
    };
    let settled = scrubbed(&raw, steady::kept(&fresh, &known))?;
    // Digests are masked there, and this one is compared.
    if settled.made_of != known.made_of || !steady::are_alike(&settled, &known)? {
        settled.write(&scenario.name)?;
    }
    Ok(())
}

/// The objects of the scenario's namespace and of those that its objects speak of, and what is cluster-wide.
async fn objects(ground: &Ground, scenario: &str) -> Result<Vec<Value>, RecordError> {
    let mut found = Vec::new();
    let mut read = BTreeSet::new();
    let mut open = BTreeSet::from([scenario.to_owned()]);
    while let Some(namespace) = open.pop_first() {
        for kind in KINDS.into_iter().filter_map(Kind::named) {
            if kind.namespaced {
                found.extend(list(ground, kind, &namespace).await?);
            }
        }
        read.insert(namespace);
        let spoken_of: BTreeSet<String> = found.iter().flat_map(namespaces).collect();
        open = spoken_of.difference(&read).cloned().collect();
    }
    let nodes: BTreeSet<String> = found
        .iter()
        .filter_map(|object| object["spec"]["nodeName"].as_str().map(str::to_owned))
        .collect();
    let has_pods = |node: &str| nodes.contains(node);
    for kind in KINDS.into_iter().filter_map(Kind::named) {
        if !kind.namespaced {
            let all = list(ground, kind, "").await?;
            // Other scenarios' namespaces are theirs, and so are the nodes that they made for themselves.
            let is_ours = |object: &Value| {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                match kind.kind {
                    "Namespace" => read.contains(name),
                    "Node" => name != LONELY || has_pods(name),
                    _ => true,
                }
            };
            found.extend(all.into_iter().filter(is_ours));
        }
    }
    Ok(found)
}

async fn list(ground: &Ground, kind: &Kind, namespace: &str) -> Result<Vec<Value>, RecordError> {
    let version = kind.api_version();
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    let within = match namespace {
        "" => String::new(),
        namespace => format!("/namespaces/{namespace}"),
    };
    let path = format!("/{root}/{version}{within}/{}", kind.plural);
    let mut list = ground.api.read(&path).await?;
    let Value::Array(mut items) = list["items"].take() else {
        return Ok(Vec::new());
    };
    for item in &mut items {
        // Items of a list say neither kind nor version themselves.
        item["kind"] = kind.kind.into();
        item["apiVersion"] = version.clone().into();
    }
    Ok(items)
}

/// The namespaces that an object speaks of: in references, and as where it puts things.
fn namespaces(object: &Value) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value.as_str()) {
                        ("namespace" | "targetNamespace" | "storageNamespace", Some(text)) => {
                            found.push(text.to_owned());
                        }
                        // An inventory's id: namespace_name_group_kind.
                        ("id", Some(text)) if text.contains('_') => {
                            found.extend(text.split('_').next().map(str::to_owned));
                        }
                        _ => walk(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(object, &mut found);
    found.retain(|name| !name.is_empty());
    found
}

/// Every text of the objects, in lines.
fn mentioned(objects: &[Value]) -> String {
    let mut found = Vec::new();
    for object in objects {
        texts(object, &mut found);
    }
    found.join("\n")
}

/// What the registry has of the app's repository and of every other that is mentioned.
async fn images(ground: &Ground, scenario: &str, text: &str) -> Result<Vec<RawImage>, RecordError> {
    let host = regex::escape(&ground.registry.host);
    let named = Regex::new(&format!("{host}/([a-z0-9]+(?:[._/-][a-z0-9]+)*)"))?;
    let digest = Regex::new("sha256:[0-9a-f]{64}")?;
    let mut repositories = BTreeSet::from([format!("apps/{scenario}")]);
    repositories.extend(
        named
            .captures_iter(text)
            .filter_map(|found| Some(found.get(1)?.as_str().to_owned())),
    );
    let digests: BTreeSet<&str> = digest.find_iter(text).map(|found| found.as_str()).collect();
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(RegistryError::from)?;
    let source = Source { ground, http };
    let mut found = BTreeMap::new();
    for repository in repositories {
        let listed = source.json(&format!("{repository}/tags/list")).await?;
        let tags = listed
            .iter()
            .flat_map(|listed| listed["tags"].as_array().into_iter().flatten())
            .filter_map(Value::as_str);
        for reference in tags.chain(digests.iter().copied()) {
            source.manifest(&repository, reference, &mut found).await?;
        }
    }
    Ok(found.into_values().collect())
}

/// The registry, to be read.
struct Source<'a> {
    ground: &'a Ground,
    http: reqwest::Client,
}

impl Source<'_> {
    async fn get(&self, path: &str) -> Result<Option<(Vec<u8>, String)>, RegistryError> {
        let url = format!("http://{}/v2/{path}", self.ground.registry.host);
        let answer = self
            .http
            .get(url)
            .header("accept", MANIFESTS)
            .send()
            .await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let digest = answer
            .headers()
            .get("docker-content-digest")
            .and_then(|digest| digest.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Ok(Some((answer.bytes().await?.to_vec(), digest)))
    }

    async fn json(&self, path: &str) -> Result<Option<Value>, RegistryError> {
        let read = self.get(path).await?;
        Ok(read.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
    }

    /// Reads what a tag or a digest stands for, and what an index names.
    async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        found: &mut BTreeMap<(String, String), RawImage>,
    ) -> Result<(), RegistryError> {
        let mut open = vec![reference.to_owned()];
        while let Some(reference) = open.pop() {
            let path = format!("{repository}/manifests/{reference}");
            let Some((bytes, digest)) = self.get(&path).await? else {
                continue;
            };
            let manifest: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let config = match manifest["config"]["digest"].as_str() {
                Some(digest) => self.json(&format!("{repository}/blobs/{digest}")).await?,
                None => None,
            };
            let parts = manifest["manifests"].as_array().into_iter().flatten();
            open.extend(parts.filter_map(|part| part["digest"].as_str().map(str::to_owned)));
            let image = found
                .entry((repository.to_owned(), digest.clone()))
                .or_insert(RawImage {
                    repository: repository.to_owned(),
                    tags: BTreeSet::new(),
                    digest,
                    manifest,
                    config,
                });
            if !reference.starts_with("sha256:") {
                image.tags.insert(reference);
            }
        }
        Ok(())
    }
}
