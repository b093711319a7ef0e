//! What a Kustomization applies: the build of its path in an artifact, and what applying that meets.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::{Built, Failure, Progress, Run, labels};
use crate::controllers::apply::own;
use crate::controllers::build::{self, Workspace};
use crate::controllers::fields::text;
use crate::controllers::names::{digest, number};
use crate::controllers::{Controllers, Key, generation};
use crate::faults::ApplyFault;

impl Controllers {
    /// Builds the path, or takes the build of the run before if it was of the same.
    pub(super) fn built(
        &mut self,
        key: &Key,
        object: &Value,
        progress: &mut Progress,
        run: &Run,
    ) -> Result<Built, Failure> {
        let known = progress
            .built
            .as_ref()
            .filter(|built| built.generation == generation(object));
        if let Some(built) = known.filter(|built| built.artifact == run.artifact) {
            return Ok(built.clone());
        }
        let folder = format!(
            "/tmp/kustomization-{}",
            number(self.seed, &[&key.path(), &run.artifact], 4_000_000_000)
        );
        let path = text(object, &["spec", "path"]);
        let files = self
            .contents
            .files(&run.artifact, &self.code)
            .unwrap_or_default();
        if !build::exists(&files, path) {
            let place = path.trim_start_matches("./").trim_matches('/');
            return Err(Failure::new(
                "ArtifactFailed",
                format!(
                    "kustomization path not found: stat {folder}/{place}: no such file or directory"
                ),
            ));
        }
        // Most commits touch nothing that this path is built from.
        if let Some(built) = known.filter(|built| built.inputs.same(&built.files, &files)) {
            let built = Built {
                artifact: run.artifact.clone(),
                files,
                ..built.clone()
            };
            progress.built = Some(built.clone());
            return Ok(built);
        }
        let workspace = Workspace {
            files: &files,
            folder: &folder,
            parsed: self.contents.parsed(),
            inputs: RefCell::default(),
        };
        let mut manifests = build::build(&workspace, path)
            .and_then(|mut manifests| {
                build::overlay(&mut manifests, &object["spec"])?;
                Ok(manifests)
            })
            .map_err(|error| Failure::new("BuildFailed", error.0))?;
        build::substitute(&mut manifests, &object["spec"]["postBuild"]["substitute"]);
        let digest = digest(Value::Array(manifests.clone()).to_string().as_bytes());
        own(&mut manifests, &labels(key));
        let built = Built {
            artifact: run.artifact.clone(),
            generation: generation(object),
            digest,
            manifests: Arc::new(manifests),
            inputs: workspace.inputs.into_inner(),
            files: Arc::clone(&files),
        };
        progress.built = Some(built.clone());
        Ok(built)
    }

    /// The fault that applying meets, if it holds for the revision in an artifact.
    pub(in crate::controllers) fn apply_fault(
        &self,
        key: &Key,
        artifact: &str,
    ) -> Option<ApplyFault> {
        let place = (self.cluster().to_owned(), key.subject());
        let fault = self.faults.table().applies.get(&place).cloned()?;
        match &fault.since_commit {
            None => Some(fault),
            Some(since) => {
                let origin = self.contents.origin(artifact)?;
                let repository = self.code.repository(&origin.repository)?;
                repository.contains(since, &origin.commit).then_some(fault)
            }
        }
    }
}
