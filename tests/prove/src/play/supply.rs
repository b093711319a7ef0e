//! What stands between a GitOps repository and Flux, or writes into it: charts, packed artifacts, image automation.
//!
//! Owns how CI would pack them. All three kinds of objects are real; a scenario merges what it needs into their specs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AUTHOR, MAIN, Play, PlayError, now};
use crate::declared;
use crate::images::Artifact;
use crate::scenario::{Automate, Chart, Pack};

/// Which tags the policy takes, unless a scenario says otherwise: those of main, the newest build first.
const TAGS: &str = "^main-[a-f0-9]+-(?P<build>[0-9]+)$";

impl Play<'_> {
    /// The URL of the scenario's Helm repository over HTTP.
    pub(super) fn charts(&self) -> String {
        self.ground.shelf.url(self.name)
    }

    pub(super) async fn chart(&self, chart: &Chart) -> Result<(), PlayError> {
        let mut files: BTreeMap<String, Option<String>> = declared::chart(&chart.version)
            .into_iter()
            .map(|(path, text)| (path, Some(text)))
            .collect();
        files.extend(chart.files.clone());
        let files: Vec<(String, String)> = files
            .into_iter()
            .filter_map(|(path, text)| Some((format!("{}/{path}", self.name), self.filled(&text?))))
            .collect();
        let archive = packed(&files);
        if chart.http {
            let shelf = &self.ground.shelf;
            shelf.put(self.name, self.name, &chart.version, archive);
            return Ok(());
        }
        let config = json!({"apiVersion": "v2", "name": self.name, "version": chart.version});
        let artifact = Artifact {
            config_type: "application/vnd.cncf.helm.config.v1+json",
            config: config.to_string().into_bytes(),
            layer_type: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            layer: archive,
            annotations: json!({}),
        };
        let repository = format!("charts/{}", self.name);
        let registry = &self.ground.registry;
        registry
            .put(&repository, &chart.version, artifact)
            .await
            .map(drop)?;
        Ok(())
    }

    /// The spec of an OCIRepository that follows the packed artifacts.
    pub(super) fn packed_source(&self) -> Value {
        json!({
            "interval": "30m", "timeout": "20s", "insecure": true, "ref": {"tag": MAIN},
            "url": format!("oci://{}/manifests/{}", self.ground.registry.host, self.name),
        })
    }

    pub(super) async fn pack(&self, pack: &Pack) -> Result<(), PlayError> {
        let head = self.head();
        let files = self.fleet()?.files(&head, "");
        let annotations = match pack.anonymous {
            true => json!({}),
            false => json!({
                "org.opencontainers.image.created": now().to_string(),
                "org.opencontainers.image.revision": format!("{MAIN}@sha1:{head}"),
                "org.opencontainers.image.source": format!("http://{}/fleet/{}.git", self.ground.code_host, self.name),
            }),
        };
        let artifact = Artifact {
            config_type: "application/vnd.cncf.flux.config.v1+json",
            config: b"{}".to_vec(),
            layer_type: "application/vnd.cncf.flux.content.v1.tar+gzip",
            layer: packed(&files),
            annotations,
        };
        let repository = format!("manifests/{}", self.name);
        let registry = &self.ground.registry;
        registry.put(&repository, MAIN, artifact).await.map(drop)?;
        Ok(())
    }

    pub(super) async fn automate(&self, automate: &Automate) -> Result<(), PlayError> {
        let (name, branch) = (self.name, json!({"branch": MAIN}));
        let (author, mail) = AUTHOR.split_once(" <").unwrap_or((AUTHOR, ""));
        let author = json!({"name": author, "email": mail.trim_end_matches('>')});
        for (kind, change, mut spec) in [
            (
                "ImageRepository",
                &automate.repository,
                json!({"image": "{repository}", "interval": "30m", "insecure": true}),
            ),
            (
                "ImagePolicy",
                &automate.policy,
                json!({
                    "imageRepositoryRef": {"name": name},
                    "filterTags": {"pattern": TAGS, "extract": "$build"},
                    "policy": {"numerical": {"order": "asc"}},
                }),
            ),
            (
                "ImageUpdateAutomation",
                &automate.automation,
                json!({
                    "interval": "30m", "sourceRef": {"kind": "GitRepository", "name": name},
                    "git": {"checkout": {"ref": branch}, "push": branch, "commit": {"author": author}},
                    "update": {"path": "./deploy", "strategy": "Setters"},
                }),
            ),
        ] {
            json_patch::merge(&mut spec, &change.clone().into());
            let object = json!({
                "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind,
                "metadata": {"name": name, "namespace": name}, "spec": self.filled_value(&spec),
            });
            self.ground.api.apply(&object).await?;
        }
        Ok(())
    }

    /// Makes the Git server refuse pushes to a branch of the GitOps repository; the scenario's own commits go on.
    pub(super) fn protect(&self, branch: &str) -> Result<(), PlayError> {
        if self.fleet()?.head(branch).is_none() {
            return Err(PlayError::Order("a branch that is protected has to exist"));
        }
        let at = (format!("fleet/{}", self.name), branch.to_owned());
        let why = "Changes must be made through a pull request.".to_owned();
        self.ground.faults.table().protected.insert(at, why);
        Ok(())
    }
}

/// Files as a gzipped archive.
fn packed(files: &[(String, String)]) -> Vec<u8> {
    let files = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()));
    sandbox::registry::gzip(&sandbox::registry::tar(files)).to_vec()
}
