//! Kinds of others that scenarios speak of: their published CRDs, without the programs behind them.
//!
//! Owns the table, one row a project with its pinned version. What such a program would write into an object's status,
//! a scenario writes as the project's source describes it. The files come from the Go module, are checked against the
//! module's sum, and are kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::parts::{PartsError, end, place_failed};

/// The CRDs of one project.
#[derive(Clone, Copy, Debug)]
pub struct Definitions {
    /// The project.
    name: &'static str,
    /// Its Go module.
    module: &'static str,
    /// The version that is taken.
    version: &'static str,
    /// The sum of exactly that version, as go.sum would have it.
    sum: &'static str,
    /// The files, from the module's root.
    files: &'static [&'static str],
}

/// Every project.
pub const DEFINITIONS: &[Definitions] = &[
    Definitions {
        name: "external-secrets",
        module: "github.com/external-secrets/external-secrets",
        version: "v1.3.2",
        sum: "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        files: &[
            "config/crds/bases/external-secrets.io_externalsecrets.yaml",
            "config/crds/bases/external-secrets.io_secretstores.yaml",
        ],
    },
    Definitions {
        name: "flagger",
        module: "github.com/fluxcd/flagger",
        version: "v1.36.1",
        sum: "h1:X2PumtNwZz9YSGaOtZLFm2zAKLgHhFkbNv8beg7ifyc=",
        files: &["artifacts/flagger/crd.yaml"],
    },
    // 1.15 asks for a newer Go than the one that builds the other parts.
    Definitions {
        name: "karpenter",
        module: "sigs.k8s.io/karpenter",
        version: "v1.14.0",
        sum: "h1:+SXlqYNb9FIKRpDgPPRnphVmWbrWLw4tgzKezr372Mc=",
        files: &[
            "pkg/apis/crds/karpenter.sh_nodeclaims.yaml",
            "pkg/apis/crds/karpenter.sh_nodepools.yaml",
        ],
    },
    Definitions {
        name: "cert-manager",
        module: "github.com/cert-manager/cert-manager",
        version: "v1.21.2",
        sum: "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        files: &[
            "deploy/crds/cert-manager.io_certificates.yaml",
            "deploy/crds/cert-manager.io_issuers.yaml",
        ],
    },
];

impl Definitions {
    /// The files, fetched into the cache if they are not there.
    ///
    /// # Errors
    /// Go is missing, the module cannot be had, or it is not the one that was pinned.
    pub fn get(&self, cache: &Path, say: &dyn Fn(&str)) -> Result<Vec<PathBuf>, PartsError> {
        let kept = cache.join(format!("{}-{}-crds", self.name, self.version));
        let names = self.files.iter().map(|file| kept.join(base(file)));
        let names: Vec<PathBuf> = names.collect();
        if names.iter().all(|file| file.is_file()) {
            return Ok(names);
        }
        say(&format!(
            "fetching the CRDs of {} {}",
            self.name, self.version
        ));
        let module = self.download(cache)?;
        let unfinished = kept.with_extension(format!("unfinished-{}", std::process::id()));
        std::fs::create_dir_all(&unfinished).map_err(place_failed(&unfinished))?;
        for file in self.files {
            let content = std::fs::read(module.join(file)).map_err(place_failed(&module))?;
            let to = unfinished.join(base(file));
            std::fs::write(&to, content).map_err(place_failed(&to))?;
        }
        // An older table's files may be there; another run's are as good as ours.
        let _older = std::fs::remove_dir_all(&kept);
        if std::fs::rename(&unfinished, &kept).is_err() {
            let _ours = std::fs::remove_dir_all(&unfinished);
        }
        Ok(names)
    }

    /// The module's folder, after its sum was compared.
    fn download(&self, cache: &Path) -> Result<PathBuf, PartsError> {
        let failed = |why: String| PartsError::Build {
            part: self.name,
            why,
        };
        std::fs::create_dir_all(cache).map_err(place_failed(cache))?;
        // Outside any module, so that no go.mod of ours has a say.
        let output = Command::new("go")
            .current_dir(cache)
            .args(["mod", "download", "-json"])
            .arg(format!("{}@{}", self.module, self.version))
            .output()
            .map_err(|_| PartsError::NoGo { part: self.name })?;
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match (told["Dir"].as_str(), told["Sum"].as_str()) {
            (Some(folder), Some(sum)) if sum == self.sum => Ok(PathBuf::from(folder)),
            (Some(_), sum) => Err(failed(format!(
                "{} {} has the sum {}, and {} was pinned",
                self.module,
                self.version,
                sum.unwrap_or_default(),
                self.sum
            ))),
            _ => Err(failed(match told["Error"].as_str() {
                Some(error) => error.to_owned(),
                None => end(&output.stderr),
            })),
        }
    }
}

fn base(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
