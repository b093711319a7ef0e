//! The programs of the proving ground: which there are, where each comes from, and how it is built.
//!
//! Owns the table and the cache. Each program has a folder below `parts/` with a go.mod and a go.sum taken over from its
//! upstream's, so that what is built is what was released; a change of them builds anew. `KUBEBUILDER_ASSETS` names a
//! folder that holds etcd, kube-apiserver and kubectl already. What is interrupted leaves nothing half made.

mod build;

pub(crate) use build::download;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::definitions::DEFINITIONS;
use crate::leftover;

/// One program.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name, which is its file's.
    pub name: &'static str,
    /// The folder below `parts/` that holds its go.mod.
    pub folder: &'static str,
    /// The Go package that is its main.
    pub package: &'static str,
    /// What the linker sets, beside leaving out debug information.
    pub linked: &'static str,
    /// The module whose `config/crd/bases` are its CRDs.
    pub crds: Option<&'static str>,
}

const KUBERNETES: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

macro_rules! flux {
    ($name:literal) => {
        Part {
            name: $name,
            folder: $name,
            package: concat!("github.com/fluxcd/", $name),
            linked: "",
            crds: Some(concat!("github.com/fluxcd/", $name)),
        }
    };
}

/// Every program, in the order in which they start.
pub const PARTS: &[Part] = &[
    Part {
        name: "etcd",
        folder: "etcd",
        package: "go.etcd.io/etcd/server/v3",
        linked: "",
        crds: None,
    },
    kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    kubernetes(
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    Part {
        name: "kwok",
        folder: "kwok",
        package: "sigs.k8s.io/kwok/cmd/kwok",
        linked: "",
        crds: None,
    },
    Part {
        name: "registry",
        folder: "registry",
        package: "github.com/distribution/distribution/v3/cmd/registry",
        linked: "",
        crds: None,
    },
    flux!("notification-controller"),
    flux!("source-controller"),
    flux!("kustomize-controller"),
    flux!("helm-controller"),
    flux!("image-reflector-controller"),
    flux!("image-automation-controller"),
];

const fn kubernetes(name: &'static str, package: &'static str) -> Part {
    Part {
        name,
        folder: "kubernetes",
        package,
        linked: KUBERNETES,
        crds: None,
    }
}

/// Why the programs cannot be had: then nothing was run, which is never the same as passed.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// There is no Go to build with.
    #[error(
        "{part} is not built yet, and there is no Go to build it with. Install Go 1.26 or newer from https://go.dev, or name a folder with ready programs in KUBEBUILDER_ASSETS"
    )]
    NoGo {
        /// The first program that is missing.
        part: &'static str,
    },
    /// Go could not build one.
    #[error("{part} could not be built: {why}")]
    Build {
        /// Which.
        part: &'static str,
        /// The end of what Go said.
        why: String,
    },
    /// The cache cannot be used.
    #[error("the cache {path} cannot be used: {source}")]
    Cache {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The programs, ready to start.
#[derive(Clone, Debug)]
pub struct Parts {
    programs: BTreeMap<&'static str, PathBuf>,
    /// Files with the CRDs of Flux and of the projects that scenarios speak of.
    pub crds: Vec<PathBuf>,
}

impl Parts {
    /// Where a program is.
    ///
    /// # Panics
    /// Never for a name of [`PARTS`] that was got.
    pub fn path(&self, name: &'static str) -> &Path {
        &self.programs[name]
    }

    /// Finds or builds every program; `say` hears of each that takes a while. Dropping the future ends the building.
    ///
    /// # Errors
    /// Go is missing, or a program cannot be built.
    pub async fn get(say: &dyn Fn(&str)) -> Result<Self, PartsError> {
        let mut parts = Self::only(PARTS.iter(), say).await?;
        let cache = open_cache()?;
        for project in DEFINITIONS {
            parts.crds.extend(project.get(&cache, say).await?);
        }
        Ok(parts)
    }

    /// The same for an API server alone, without any CRD.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn api_server(say: &dyn Fn(&str)) -> Result<Self, PartsError> {
        let names = ["etcd", "kube-apiserver"];
        Self::only(PARTS.iter().filter(|part| names.contains(&part.name)), say).await
    }

    async fn only(
        parts: impl Iterator<Item = &'static Part>,
        say: &dyn Fn(&str),
    ) -> Result<Self, PartsError> {
        let cache = open_cache()?;
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let mut programs = BTreeMap::new();
        let mut crds = Vec::new();
        for part in parts {
            let ready = assets.as_ref().map(|folder| folder.join(part.name));
            let place = place(part, &cache)?;
            let program = match ready.filter(|path| path.is_file()) {
                Some(path) => path,
                None => build::program(part, &cache, &place, say).await?,
            };
            if let Some(module) = part.crds {
                crds.extend(build::definitions(part, module, &cache, &place).await?);
            }
            programs.insert(part.name, program);
        }
        Ok(Self { programs, crds })
    }
}

/// The folder with go.mod and go.sum of a program.
fn folder(part: &Part) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("parts")
        .join(part.folder)
}

/// Where programs and downloads are kept.
pub fn cache() -> PathBuf {
    let below = |name: &str| std::env::var_os(name).map(PathBuf::from);
    below("LANDFALL_PROVE_CACHE")
        .or_else(|| below("XDG_CACHE_HOME").map(|cache| cache.join("landfall/prove")))
        .or_else(|| below("HOME").map(|home| home.join(".cache/landfall/prove")))
        .unwrap_or_else(|| std::env::temp_dir().join("landfall-prove"))
}

/// The beginning of the names of folders in which something is made; they are in the cache, so that it only has to be
/// renamed when it is ready.
pub const UNFINISHED: &str = "unfinished-";

/// The cache, without what runs that were killed left unfinished.
///
/// # Errors
/// It cannot be made.
pub fn open_cache() -> Result<PathBuf, PartsError> {
    let cache = cache();
    std::fs::create_dir_all(&cache).map_err(place_failed(&cache))?;
    leftover::sweep(&cache, UNFINISHED);
    // Tools are run from other folders.
    cache.canonicalize().map_err(place_failed(&cache))
}

/// A program's own folder in the cache; its name carries what the program is made from.
fn place(part: &Part, cache: &Path) -> Result<PathBuf, PartsError> {
    let files = ["go.mod", "go.sum"].map(|file| folder(part).join(file));
    let made_from = made_from(&files, &[part.package, part.linked])?;
    Ok(cache.join(format!("{}-{made_from}", part.name)))
}

/// A short name for the content of files and for words.
pub(crate) fn made_from(files: &[PathBuf], words: &[&str]) -> Result<String, PartsError> {
    let mut hash = Sha256::new();
    for path in files {
        hash.update(std::fs::read(path).map_err(place_failed(path))?);
    }
    for word in words {
        hash.update(word);
    }
    let hash = hash.finalize();
    Ok(hash
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// What is said when a path of the cache cannot be used.
pub fn place_failed(path: &Path) -> impl Fn(std::io::Error) -> PartsError + use<> {
    let path = path.to_owned();
    move |source| PartsError::Cache {
        path: path.clone(),
        source,
    }
}

/// The last lines of what a program said.
pub fn end(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
