//! Kinds of others that scenarios speak of: their published CRDs, without the programs behind them.
//!
//! Owns the table, one row a project with its pinned version. What such a program would write into an object's status,
//! a scenario writes as the project's source describes it. The files come from the Go module, are checked against the
//! module's sum, and are kept in the cache.

use std::path::{Path, PathBuf};

use crate::leftover;
use crate::parts::{PartsError, UNFINISHED, download, place_failed};

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
    fn kept(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}-crds", self.name, self.version))
    }

    /// Where its files are in a cache that has them.
    pub fn kept_files(&self, cache: &Path) -> Vec<PathBuf> {
        let kept = self.kept(cache);
        self.files
            .iter()
            .map(|file| kept.join(base(file)))
            .collect()
    }

    /// The files, fetched into the cache if they are not there.
    ///
    /// # Errors
    /// Go is missing, the module cannot be had, or it is not the one that was pinned.
    pub async fn get(&self, cache: &Path, say: &dyn Fn(&str)) -> Result<Vec<PathBuf>, PartsError> {
        let (kept, names) = (self.kept(cache), self.kept_files(cache));
        if names.iter().all(|file| file.is_file()) {
            return Ok(names);
        }
        say(&format!(
            "fetching the CRDs of {} {}",
            self.name, self.version
        ));
        let temporary = leftover::folder(cache, UNFINISHED).map_err(place_failed(cache))?;
        let module = self.download(temporary.path()).await?;
        let unfinished = temporary.path().join("crds");
        std::fs::create_dir(&unfinished).map_err(place_failed(&unfinished))?;
        for file in self.files {
            let content = std::fs::read(module.join(file)).map_err(place_failed(&module))?;
            let to = unfinished.join(base(file));
            std::fs::write(&to, content).map_err(place_failed(&to))?;
        }
        // An older table's files may be there; another run's are as good as ours.
        let _older = std::fs::remove_dir_all(&kept);
        if let Err(error) = std::fs::rename(&unfinished, &kept)
            && !kept.is_dir()
        {
            return Err(place_failed(&kept)(error));
        }
        Ok(names)
    }

    /// The module's folder, after its sum was compared.
    async fn download(&self, temporary: &Path) -> Result<PathBuf, PartsError> {
        let module = format!("{}@{}", self.module, self.version);
        // Outside any module, so that no go.mod of ours has a say.
        let told = download(self.name, &module, temporary, temporary).await?;
        let word = |field: &str| told[field].as_str().unwrap_or_default();
        if word("Sum") == self.sum {
            return Ok(PathBuf::from(word("Dir")));
        }
        Err(PartsError::Build {
            part: self.name,
            why: format!(
                "{module} has the sum {}, and {} was pinned",
                word("Sum"),
                self.sum
            ),
        })
    }
}

fn base(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
