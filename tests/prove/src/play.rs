//! The playing of a scenario on the ground: its app, its repositories, its steps.
//!
//! Owns what "the app" is: one Deployment with a Service, built from `apps/NAME`, declared in `fleet/NAME`, applied by a
//! source and a Kustomization of that name in a namespace of that name. Everything else a scenario says itself. Charts,
//! packed artifacts and image automation are in `supply`, what a step waits for is in `wait`.

mod supply;
mod wait;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sandbox::git::{Edit, GitError, Repository};
use serde_json::{Map, Value, json};

use crate::api::ApiError;
use crate::declared::Way;
use crate::ground::Ground;
use crate::images::{FATE, RegistryError};
use crate::scenario::{
    Asked, Commit, Condition, Fate, Field, Live, Pack, Patch, Scenario, Step, Until,
};
use wait::PATIENCE;

const MAIN: &str = "main";
const AUTHOR: &str = "Robin Vale <robin@prove.example>";

/// Why a scenario could not be played to its end: then nothing was asked.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The cluster.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The world did not become so.
    #[error("{object} did not become {wanted} within {} s; it is {is}", PATIENCE.as_secs())]
    Never {
        /// The object.
        object: String,
        /// What was waited for.
        wanted: String,
        /// What it said at the end.
        is: String,
    },
    /// A step refers to something that the scenario has not made.
    #[error("{0}")]
    Order(&'static str),
    /// A step that changes nothing breaks nothing.
    #[error("{0} changes nothing")]
    Idle(String),
}

/// A scenario being played.
pub struct Play<'a> {
    ground: &'a Ground,
    name: &'a str,
    app: Option<Repository>,
    fleet: Option<Repository>,
    commits: Vec<String>,
    tags: Vec<String>,
    digest: String,
    way: Way,
    /// The kind of the source.
    source: &'static str,
    /// The newest ReplicaSet of the app's Deployment, once all is played.
    newest_replica_set: Option<String>,
}

impl<'a> Play<'a> {
    /// Plays every step.
    ///
    /// # Errors
    /// A step fails, or the world does not become what one waits for.
    pub async fn through(
        ground: &'a Ground,
        scenario: &'a Scenario,
    ) -> Result<Play<'a>, PlayError> {
        let mut play = Self {
            ground,
            name: &scenario.name,
            app: None,
            fleet: None,
            commits: Vec::new(),
            tags: Vec::new(),
            digest: String::new(),
            way: Way::Manifests { marked: false },
            source: "GitRepository",
            newest_replica_set: None,
        };
        for step in &scenario.steps {
            play.step(step).await?;
        }
        play.newest_replica_set = play.newest_replica_set().await?;
        Ok(play)
    }

    async fn newest_replica_set(&self) -> Result<Option<String>, PlayError> {
        let all = self.ground.api.list("ReplicaSet", self.name).await?;
        let revision = |one: &&Value| -> u64 {
            let at = "/metadata/annotations/deployment.kubernetes.io~1revision";
            text(one, at).parse().unwrap_or_default()
        };
        let ours = all
            .iter()
            .filter(|one| text(one, "/metadata/ownerReferences/0/name") == self.name);
        let newest = ours.max_by_key(revision);
        Ok(newest.map(|one| text(one, "/metadata/name").to_owned()))
    }

    async fn step(&mut self, step: &Step) -> Result<(), PlayError> {
        match step {
            Step::Live(live) => self.live(live).await,
            Step::Commit(commit) => self.commit(commit).await,
            Step::Release(release) => {
                let tag = self.filled(release.tag.as_deref().unwrap_or(self.tag()));
                self.way.change(&release.helm.clone().into());
                let (path, text) = self.release_file(&tag);
                self.declare(&format!("Release {tag}"), vec![write(path, &text)])?;
                match release.quietly {
                    true => Ok(()),
                    false => self.reconcile(self.source).await,
                }
            }
            Step::Write(change) => {
                let known = self.fleet()?.files(&self.head(), "");
                let mut removed = change.files.iter().filter(|(_, text)| text.is_none());
                let is_there = |path: &String| known.iter().any(|(known, _)| known == path);
                if let Some((path, _)) = removed.find(|(path, _)| !is_there(path)) {
                    return Err(PlayError::Idle(format!("removing {path}")));
                }
                let edits = self.edits(&change.files);
                self.declare("Change the declaration", edits)?;
                self.reconcile(self.source).await
            }
            Step::Apply(objects) => {
                for object in objects {
                    let object = self.filled_value(object);
                    self.ground.api.apply(&object).await?;
                }
                Ok(())
            }
            Step::Patch(patch) => self.patch(patch).await,
            Step::Delete(reference) => {
                let (kind, name) = self.named(&reference.object);
                Ok(self.ground.api.delete(&kind, self.name, &name).await?)
            }
            Step::Reconcile(reference) => {
                let (kind, name) = self.named(&reference.object);
                self.request(&kind, &name).await
            }
            Step::Chart(chart) => self.chart(chart).await,
            Step::Pack(pack) => {
                self.pack(pack).await?;
                self.reconcile(self.source).await
            }
            Step::Automate(automate) => self.automate(automate).await,
            Step::Protect(branch) => self.protect(branch),
            Step::LoseImage => {
                let repository = format!("apps/{}", self.name);
                Ok(self
                    .ground
                    .registry
                    .delete(&repository, &self.digest)
                    .await?)
            }
            Step::Revert => self.revert().await,
            Step::Pass(seconds) => {
                tokio::time::sleep(Duration::from_secs(*seconds)).await;
                Ok(())
            }
            Step::Until(until) => self.until(until).await,
        }
    }

    async fn patch(&self, patch: &Patch) -> Result<(), PlayError> {
        let (kind, name) = self.named(&patch.object);
        let with = self.filled_value(&patch.with);
        let api = &self.ground.api;
        let before = api.get(&kind, self.name, &name).await?;
        let by = patch.by.as_deref();
        let after = api.merge(&kind, self.name, &name, &with, by).await?;
        // Others write an object's status all the time; its spec has a number of its own.
        let is_of_spec = |all: &Map<String, Value>| all.len() == 1 && all.contains_key("spec");
        let at = match with.as_object().is_some_and(is_of_spec) {
            true => "/metadata/generation",
            false => "/metadata/resourceVersion",
        };
        match before.is_some_and(|before| before.pointer(at) == after.pointer(at)) {
            true => Err(PlayError::Idle(format!("the patch of {}", patch.object))),
            false => Ok(()),
        }
    }

    async fn live(&mut self, live: &Live) -> Result<(), PlayError> {
        let name = self.name;
        self.app = Some(self.ground.code.create(&format!("apps/{name}"))?);
        let fleet = self.ground.code.create(&format!("fleet/{name}"))?;
        self.fleet = Some(fleet);
        self.commit(&Commit::default()).await?;
        if let Some(spec) = &live.helm {
            self.way = Way::helm(&spec.clone().into());
        } else {
            self.way = Way::Manifests {
                marked: live.marked,
            };
        }
        let (path, release) = self.release_file(self.tag());
        let usual = self.way.files().into_iter();
        let mut files: BTreeMap<String, Option<String>> = usual
            .chain([(path.to_owned(), release)])
            .map(|(path, text)| (path, Some(text)))
            .collect();
        let mut left_out = live.files.iter().filter(|(_, text)| text.is_none());
        if let Some((path, _)) = left_out.find(|(path, _)| !files.contains_key(*path)) {
            return Err(PlayError::Idle(format!("leaving out {path}")));
        }
        files.extend(live.files.clone());
        let edits = self.edits(&files);
        self.declare("Begin", edits)?;

        let meta = json!({"name": name, "namespace": name});
        let mut source = json!({
            "interval": "30m", "timeout": "20s", "ref": {"branch": MAIN},
            "url": format!("http://{}/fleet/{name}.git", self.ground.code_host),
        });
        let mut change: Value = live.source.clone().into();
        if let Some(packed) = &live.packed {
            self.source = "OCIRepository";
            source = self.packed_source();
            change = packed.clone().into();
            self.pack(&Pack::default()).await?;
        }
        json_patch::merge(&mut source, &self.filled_value(&change));
        let mut kustomization = json!({
            "interval": "30m", "retryInterval": "30m", "timeout": "15s", "prune": true, "wait": true,
            "path": "./deploy", "sourceRef": {"kind": self.source, "name": name},
        });
        json_patch::merge(
            &mut kustomization,
            &self.filled_value(&live.kustomization.clone().into()),
        );
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": self.source, "metadata": meta, "spec": source}),
            json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": meta, "spec": kustomization}),
        ] {
            self.ground.api.apply(&object).await?;
        }
        let head = self.fleet()?.head(MAIN).unwrap_or_default();
        let applied = match self.source {
            "OCIRepository" => "/status/lastAppliedOriginRevision",
            _ => "/status/lastAppliedRevision",
        };
        self.until(&Until {
            object: format!("Kustomization {name}"),
            condition: Some(Condition {
                r#type: "Ready".to_owned(),
                status: Some("True".to_owned()),
                reason: None,
                message: None,
            }),
            field: Some(Field {
                at: applied.to_owned(),
                contains: head,
                absent: false,
            }),
            gone: false,
        })
        .await
    }

    async fn commit(&mut self, commit: &Commit) -> Result<(), PlayError> {
        let count = self.commits.len() + 1;
        let app = self.app()?;
        let branch = commit.branch.as_deref().unwrap_or(MAIN);
        if branch != MAIN
            && let Some(head) = app.head(MAIN)
        {
            app.branch(branch, &head)?;
        }
        let edit = write("main.txt", &format!("{count}\n"));
        let message = format!("Change number {count}");
        let sha = app.commit(branch, AUTHOR, now(), &message, &[edit])?;
        self.commits.push(sha);
        if commit.image.unwrap_or(true) {
            let tag = commit.tag.as_deref().map(|tag| self.filled(tag));
            self.push(tag, commit.fate).await?;
        }
        Ok(())
    }

    async fn revert(&mut self) -> Result<(), PlayError> {
        let app = self.app()?;
        let count = self.commits.len();
        let reverted = self.newest();
        let message =
            format!("Revert \"Change number {count}\"\n\nThis reverts commit {reverted}.");
        let edit = write("main.txt", &format!("{}\n", count.saturating_sub(1)));
        let sha = app.commit(MAIN, AUTHOR, now(), &message, &[edit])?;
        self.commits.push(sha);
        self.push(None, None).await
    }

    /// Builds the newest commit and pushes it under a tag, or under one of its own.
    async fn push(&mut self, tag: Option<String>, fate: Option<Fate>) -> Result<(), PlayError> {
        let name = self.name;
        let commit = self.newest();
        let tag = tag.unwrap_or_else(|| {
            let short = commit.get(..7).unwrap_or_default();
            format!("main-{short}-{}", self.commits.len())
        });
        let mut labels = json!({
            "org.opencontainers.image.revision": commit,
            "org.opencontainers.image.source": format!("http://{}/apps/{name}", self.ground.code_host),
        });
        if let Some(fate) = fate {
            labels[FATE] = json!(fate);
        }
        let repository = format!("apps/{name}");
        let created = now().to_string();
        let registry = &self.ground.registry;
        self.digest = registry.push(&repository, &tag, &labels, &created).await?;
        self.tags.push(tag);
        Ok(())
    }

    /// The commit that is asked about.
    pub fn asked(&self, asked: Option<Asked>) -> String {
        let number = match asked {
            None => self.commits.len(),
            Some(Asked::Commit(number)) => number,
            Some(Asked::Configuration) => return self.head(),
        };
        let commit = self.commits.get(number.wrapping_sub(1));
        commit.cloned().unwrap_or_default()
    }

    /// The head of the GitOps repository.
    fn head(&self) -> String {
        let fleet = self.fleet.as_ref();
        fleet.and_then(|fleet| fleet.head(MAIN)).unwrap_or_default()
    }

    fn newest(&self) -> String {
        self.commits.last().cloned().unwrap_or_default()
    }

    fn tag(&self) -> &str {
        self.tags.last().map_or("", String::as_str)
    }

    fn app(&self) -> Result<Repository, PlayError> {
        self.app
            .clone()
            .ok_or(PlayError::Order("a commit needs a live app"))
    }

    fn fleet(&self) -> Result<&Repository, PlayError> {
        self.fleet
            .as_ref()
            .ok_or(PlayError::Order("a declaration needs a live app"))
    }

    fn declare(&self, message: &str, edits: Vec<Edit>) -> Result<(), PlayError> {
        let fleet = self.fleet()?;
        let files = || fleet.files(&self.head(), "");
        let before = files();
        fleet.commit(MAIN, AUTHOR, now(), message, &edits)?;
        match before == files() {
            true => Err(PlayError::Idle(format!("the commit {message:?}"))),
            false => Ok(()),
        }
    }

    fn edits(&self, files: &BTreeMap<String, Option<String>>) -> Vec<Edit> {
        files
            .iter()
            .map(|(path, content)| match content {
                Some(content) => write(path, &self.filled(content)),
                None => Edit::Remove { path: path.clone() },
            })
            .collect()
    }

    /// The file that names the image, with this tag.
    fn release_file(&self, tag: &str) -> (&'static str, String) {
        let (path, text) = self.way.release();
        (path, self.filled(&text).replace("{tag}", tag))
    }

    /// Asks Flux to look at the scenario's own object of a kind.
    async fn reconcile(&self, kind: &str) -> Result<(), PlayError> {
        self.request(kind, self.name).await
    }

    async fn request(&self, kind: &str, name: &str) -> Result<(), PlayError> {
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now().to_string()}}});
        self.ground
            .api
            .merge(kind, self.name, name, &patch, None)
            .await?;
        Ok(())
    }

    /// `Kind name`, taken apart and filled in.
    fn named(&self, object: &str) -> (String, String) {
        let object = self.filled(object);
        let (kind, name) = object.split_once(' ').unwrap_or((&object, self.name));
        (kind.to_owned(), name.to_owned())
    }

    /// A text with its places filled in.
    pub fn filled(&self, text: &str) -> String {
        let image = format!("{}/apps/{}", self.ground.registry.host, self.name);
        let mut text = text.to_owned();
        for (number, tag) in (1..).zip(&self.tags) {
            text = text.replace(&format!("{{tag{number}}}"), tag);
        }
        if let Some(newest) = &self.newest_replica_set {
            text = text.replace("{newest}", newest);
        }
        let seconds = Timestamp::from_second(now().as_second()).unwrap_or_default();
        text = text.replace("{now}", &seconds.to_string());
        text.replace("{image}", &format!("{image}:{}", self.tag()))
            .replace("{repository}", &image)
            .replace("{name}", self.name)
            .replace("{registry}", &self.ground.registry.host)
            .replace("{digest}", &self.digest)
            .replace("{code}", &self.ground.code_host)
            .replace("{commit}", &self.newest())
            .replace("{head}", &self.head())
            .replace("{charts}", &self.charts())
    }

    fn filled_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.filled(text)),
            Value::Array(items) => items.iter().map(|item| self.filled_value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (self.filled(name), self.filled_value(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

fn write(path: &str, content: &str) -> Edit {
    Edit::Write {
        path: path.to_owned(),
        content: content.to_owned(),
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
