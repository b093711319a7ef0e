//! One run's programs: the provider, the browser, a cluster that trusts the provider, and a keyring for each person.
//!
//! Owns their folder, their start and their end. What a check needs alone (another cluster, moto) it starts itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use super::api_server::{Cluster, Store, Trusts};
use super::chromium::Chromium;
use super::issuer::{Issuer, Secret};
use super::person::{Keyring, Person, Product};
use super::{Checked, Wrong};
use crate::ground::FOLDER;
use crate::parts::{self, Parts};
use crate::peers::{moto, secret_service};
use crate::ports::Ports;
use crate::{leftover, tool};

/// How many ports the provider sends the browser back to.
const REDIRECTS: usize = 3;

/// Where the programs are.
#[derive(Clone)]
pub struct Programs {
    landfall: PathBuf,
    node: PathBuf,
    provider: PathBuf,
    driver: PathBuf,
    chromium: PathBuf,
    secrets: secret_service::Programs,
    /// The Python that has moto.
    pub(super) python: PathBuf,
    pub(super) parts: Parts,
}

impl Programs {
    /// Finds every program, or builds it; `say` hears of each that takes a while. Dropping the future ends the building.
    ///
    /// # Errors
    /// One cannot be had.
    pub async fn get(landfall: Option<&Path>, say: &dyn Fn(&str)) -> Checked<Self> {
        let find = |program: &'static str, hint: &'static str| {
            tool::find(program).ok_or(Wrong::Missing { program, hint })
        };
        let landfall = landfall.ok_or(Wrong::Missing {
            program: "landfall",
            hint: "LANDFALL_BIN names it; ./dev prove sets it",
        })?;
        let provider = std::env::var_os("LANDFALL_PROVIDER").ok_or(Wrong::Missing {
            program: "the OpenID provider",
            hint: "LANDFALL_PROVIDER names its folder (tests/provider after npm ci); ./dev prove sets it",
        })?;
        Ok(Self {
            landfall: landfall.canonicalize()?,
            node: find("node", "Install Node 20 or newer")?,
            provider: provider.into(),
            driver: find("chromedriver", "apt-get install chromium-driver")?,
            chromium: find("chromium", "apt-get install chromium")?,
            secrets: secret_service::programs()?,
            python: moto::get(&parts::open_cache()?, say).await?,
            parts: Parts::api_server(say).await?,
        })
    }
}

/// The running programs. Dropping it ends everything.
pub struct Rig {
    pub(super) programs: Programs,
    /// The provider.
    pub(super) issuer: Issuer,
    /// The browser.
    pub(super) chromium: Chromium,
    /// A cluster that trusts the provider.
    pub(super) cluster: Cluster,
    /// Where other clusters keep what is in them.
    pub(super) store: Store,
    product: Product,
    people: AtomicU32,
    /// What AWS gave and was shown in this run, for the canary.
    pub(super) amazons: Mutex<Vec<Secret>>,
    folder: TempDir,
}

impl Rig {
    /// Starts them. Must be awaited on the main thread: programs are tied to the life of the thread that starts them.
    ///
    /// # Errors
    /// One does not become ready.
    pub async fn start(programs: Programs) -> Checked<Self> {
        let below = std::env::temp_dir();
        leftover::sweep(&below, FOLDER);
        let folder = leftover::folder(&below, FOLDER)?;
        let path = folder.path();
        let mut ports = Ports::find(5 + REDIRECTS)?;
        let parts = &programs.parts;
        let store = Store::start(parts, path, [ports.take(), ports.take()]).await?;
        let port = ports.take();
        let redirects = (0..REDIRECTS).map(|_| ports.take()).collect();
        let issuer =
            Issuer::start(&programs.node, &programs.provider, path, port, redirects).await?;
        let trusts = Trusts::Issuer {
            url: &issuer.url,
            authority: &issuer.authority,
        };
        let cluster = Cluster::start(parts, &store, path, "prod", ports.take(), trusts).await?;
        let chromium = Chromium::start(
            &programs.driver,
            &programs.chromium,
            path,
            ports.take(),
            &issuer.pin,
        )
        .await?;
        let said = path.join("said");
        std::fs::create_dir_all(&said)?;
        Ok(Self {
            product: Product {
                program: programs.landfall.clone(),
                said,
                runs: Arc::default(),
            },
            programs,
            issuer,
            chromium,
            cluster,
            store,
            people: AtomicU32::new(0),
            amazons: Mutex::default(),
            folder,
        })
    }

    /// The run's folder, with every program's log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where everything is that the product ever said.
    pub(super) fn said(&self) -> &Path {
        &self.product.said
    }

    /// Every secret that anything gave in this run.
    pub(super) fn secrets(&self) -> Checked<Vec<Secret>> {
        let amazons = self.amazons.lock().unwrap_or_else(PoisonError::into_inner);
        Ok([self.issuer.secrets()?, amazons.clone()].concat())
    }

    /// Where people are.
    pub(super) fn people(&self) -> PathBuf {
        self.folder().join("people")
    }

    /// How often the product was run.
    pub fn runs(&self) -> u32 {
        self.product.runs.load(Ordering::Relaxed)
    }

    /// Somebody new, with a keyring of their own.
    pub(super) async fn person(&self) -> Checked<Person> {
        let folder = self.place()?;
        let keyring = folder.join("keyring");
        std::fs::create_dir_all(&keyring)?;
        let keyring = Keyring::start(&self.programs.secrets, &keyring).await?;
        Person::new(&folder, Some(keyring), &self.product)
    }

    /// Somebody new without any.
    pub(super) fn person_without_keyring(&self) -> Checked<Person> {
        Person::new(&self.place()?, None, &self.product)
    }

    fn place(&self) -> Checked<PathBuf> {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let folder = self.people().join(number.to_string());
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Somebody new who joined a team with the cluster, and signed in.
    pub(super) async fn signed_in(&self) -> Checked<Person> {
        let person = self.joined().await?;
        person.signs_in(self, &["sign-in"]).await?.0.ends(0)?;
        Ok(person)
    }

    /// Somebody new who joined a team with the cluster.
    pub(super) async fn joined(&self) -> Checked<Person> {
        let person = self.person().await?;
        self.joins(&person).await?;
        Ok(person)
    }

    /// Joins somebody to a team with the cluster.
    pub(super) async fn joins(&self, person: &Person) -> Checked {
        let clusters = [("prod", &self.cluster)];
        let ports = &self.issuer.ports;
        let fingerprint = person.make_team(self, ports, &clusters).await?;
        person.join(&fingerprint).await?.ends(0)?;
        Ok(())
    }
}
