//! The company itself: its apps, repositories, images and clusters, and what happened to them in the last two days.
//!
//! Owns the state that history and CI work on. What a thing is called is [`crate::names`]'; what is wrong on purpose is
//! written down in `situations.yaml` and made to happen by [`timeline`].

pub mod apps;
mod bootstrap;
pub mod ci;
mod declared;
mod faults;
mod flux;
mod history;
mod infrastructure;
pub(crate) mod people;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::amazon::Account;
use crate::clock::Clock;
use crate::controllers::{Controllers, Shelf};
use crate::faults::Faults;
use crate::git::{CodeHost, GitError, Repository};
use crate::github::GitHub;
use crate::kubernetes::{Store, StoreError};
use crate::names::Names;
use crate::provider::Provider;
use crate::registry::Registry;
use apps::{App, Environment};

/// What can go wrong while the company is built: only mistakes in its own description.
#[derive(Debug, thiserror::Error)]
pub enum CompanyError {
    /// A repository refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A cluster refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history speaks of something that is not there.
    #[error("the company's history has no {0}")]
    Missing(String),
}

/// A commit of the history, as situations and later deeds speak of it.
#[derive(Clone, Debug, Default)]
pub struct Landmark {
    /// The repository: `shop/checkout`.
    pub repository: String,
    /// The full SHA.
    pub sha: String,
    /// Its image's tag; empty while there is none.
    pub tag: String,
    /// Its image's digest; empty while there is none.
    pub digest: String,
    /// Its newest CI run.
    pub run: Option<u64>,
    /// The pull request that it waits in: of its own repository, or one that promotes it.
    pub pull: Option<u64>,
    /// The commit that takes it back.
    pub revert: Option<String>,
}

/// Role of an app and label of a commit.
pub type Label = (&'static str, &'static str);

/// The company.
pub struct Company {
    /// What things are called.
    pub names: Names,
    /// The company's time.
    pub clock: Clock,
    /// Its repositories.
    pub code: CodeHost,
    /// Its CI runs and pull requests.
    pub github: GitHub,
    /// Its images.
    pub registry: Registry,
    /// What is wrong.
    pub faults: Faults,
    /// Charts and OCI artifacts.
    pub shelf: Shelf,
    /// The cluster of development and staging.
    pub nonprod: Store,
    /// The cluster of production.
    pub prod: Store,
    /// The AWS account.
    pub amazon: Account,
    /// Who signs people in.
    pub provider: Provider,
    /// Its apps.
    pub apps: Vec<App>,
    /// The commits that have a label.
    pub landmarks: BTreeMap<Label, Landmark>,
    /// Numbers and durations for CI, shared with what goes on after the history.
    pub counters: ci::Counters,
    /// Subjects of commits, by repository: none is used twice in one.
    subjects: BTreeMap<String, BTreeSet<String>>,
    controllers: Vec<Controllers>,
    seed: u64,
}

impl Company {
    /// Builds the company and plays its history up to `now`. `only` keeps those roles' apps and leaves the others out.
    ///
    /// # Errors
    /// The company's own description has a mistake.
    pub fn build(
        seed: u64,
        clock: &Clock,
        now: Timestamp,
        only: Option<&[String]>,
    ) -> Result<Self, CompanyError> {
        let names = Names::of(seed);
        let mut apps = App::all(&names);
        if let Some(roles) = only {
            apps.retain(|app| roles.iter().any(|role| role == app.spec.role));
        }
        clock.play(
            day_of(now)
                .saturating_sub(history::BEGINNING)
                .unwrap_or(now),
        );
        let code = CodeHost::new(clock.clone())?;
        let registry = Registry::new(clock.clone());
        let faults = Faults::default();
        let provider = Provider::new(&names, clock.clone())?;
        let mut company = Self {
            github: GitHub::new(code.clone(), &names.code_host),
            code,
            amazon: Account::new(
                &names.account,
                clock.clone(),
                registry.clone(),
                &names.registry_host,
                faults.clone(),
                seed,
            )
            .trusting(&provider),
            registry,
            faults,
            shelf: Shelf::default(),
            nonprod: Store::new(&names.nonprod, clock.clone()),
            prod: Store::new(&names.prod, clock.clone()),
            provider,
            apps,
            landmarks: BTreeMap::new(),
            counters: ci::Counters::new(&names),
            subjects: BTreeMap::new(),
            controllers: Vec::new(),
            clock: clock.clone(),
            names,
            seed,
        };
        company.github.employ(company.provider.people());
        company.play(now)?;
        Ok(company)
    }

    /// Hands the controllers over, to run live.
    pub fn take_controllers(&mut self) -> Vec<Controllers> {
        std::mem::take(&mut self.controllers)
    }

    /// An app by its role, if it is among those that were built.
    pub fn app(&self, role: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.spec.role == role)
    }

    /// The store of an environment's cluster.
    pub fn store(&self, environment: Environment) -> &Store {
        match environment {
            Environment::Dev | Environment::Staging => &self.nonprod,
            Environment::Production => &self.prod,
        }
    }

    /// A commit of the history.
    fn landmark(&self, label: Label) -> Result<&Landmark, CompanyError> {
        self.landmarks
            .get(&label)
            .ok_or_else(|| CompanyError::Missing(format!("commit {}/{}", label.0, label.1)))
    }

    /// A subject for a commit in a repository: the one of that number, or the next that is not taken.
    fn subject(&mut self, repository: &str, number: usize) -> String {
        let taken = self.subjects.entry(repository.to_owned()).or_default();
        let free = (number..number + 64)
            .map(|number| self.names.subject(number))
            .find(|subject| !taken.contains(*subject))
            .unwrap_or("Change");
        taken.insert(free.to_owned());
        free.to_owned()
    }

    fn repository(&self, path: &str) -> Result<Repository, CompanyError> {
        self.code
            .repository(path)
            .ok_or_else(|| CompanyError::Missing(format!("repository {path}")))
    }
}

/// The beginning of a moment's day (UTC). What must have the same SHA in every process of a day hangs on it.
fn day_of(now: Timestamp) -> Timestamp {
    let seconds = now.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(86_400)).unwrap_or(now)
}

/// Minutes as a duration.
const fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_secs(minutes * 60)
}
