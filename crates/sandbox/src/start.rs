//! Starting the embedded company: its history is played, its servers listen, and it goes on living.
//!
//! Owns the servers and the tasks, and what a person is given: a kubeconfig and a team file. Tests reach the company's
//! inside through [`Sandbox::company`]; the product never does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::task::JoinSet;

use crate::amazon;
use crate::clock::Clock;
use crate::company::apps::{Environment, namespace};
use crate::company::{Company, CompanyError};
use crate::company::{ci, people};
use crate::faults::Faults;
use crate::git;
use crate::github;
use crate::kubernetes;
use crate::kubernetes::access::Rules;
use crate::provider;
use crate::registry;
use crate::serve::{Requests, Server};
use crate::situations::{self, Situation, SituationError};

/// The user that the kubeconfig names; the token is the same word.
const USER: &str = "developer";
/// The credentials' file beside the team file.
pub(crate) const CREDENTIALS: &str = "aws-credentials";
/// Somebody whom every cluster knows and who may do nothing yet.
const NEWCOMER: &str = "newcomer";
/// What the identity provider is called among people.
const PROVIDER: &str = "identity";

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which company: the seed names everything.
    pub seed: u64,
    /// The first of six ports in a row; any free ones if absent.
    pub port: Option<u16>,
    /// Only the apps of these roles; all if absent.
    pub only: Option<Vec<String>>,
    /// The company's now when it starts; real time if absent. With it, every SHA, digest and time is the same in every
    /// process; without it, the SHAs of asked commits are the same on the same day (UTC).
    pub at: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            port: None,
            only: None,
            at: None,
        }
    }
}

/// Why the company did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its own description has a mistake.
    #[error(transparent)]
    Company(#[from] CompanyError),
    /// Its situations cannot be told.
    #[error(transparent)]
    Situations(#[from] SituationError),
    /// A port cannot be had.
    #[error("{system} cannot listen on {address}")]
    Listen {
        /// Which server.
        system: &'static str,
        /// Where it should have answered.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The thread that played the history ended badly.
    #[error("the company's history could not be played")]
    History(#[from] tokio::task::JoinError),
}

/// One of the company's systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// The API server of the cluster of development and staging.
    Nonprod,
    /// The API server of production's cluster.
    Prod,
    /// The code host: Git and GitHub's API.
    Code,
    /// The image registry.
    Registry,
    /// AWS: Amazon ECS, and what goes with it.
    Aws,
    /// Who signs people in.
    Provider,
}

impl System {
    /// All of them, in the order of their ports.
    pub const ALL: [Self; 6] = [
        Self::Nonprod,
        Self::Prod,
        Self::Code,
        Self::Registry,
        Self::Aws,
        Self::Provider,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Nonprod => "the API server of development and staging",
            Self::Prod => "the API server of production",
            Self::Code => "the code host",
            Self::Registry => "the registry",
            Self::Aws => "the AWS account",
            Self::Provider => "the identity provider",
        }
    }
}

/// A system's address, and its server while it is on.
struct Place {
    address: SocketAddr,
    server: Option<Server>,
}

/// The running company. Dropping it closes every connection and ends every task.
pub struct Sandbox {
    company: Company,
    situations: Vec<Situation>,
    places: [Place; 6],
    _tasks: JoinSet<()>,
}

impl Sandbox {
    /// Builds the company, plays its history and lets it live.
    ///
    /// # Errors
    /// A port is taken, or the company's description has a mistake.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let clock = Clock::default();
        let real = Timestamp::now();
        let now = options.at.unwrap_or(real);
        clock.advance(now.duration_since(real));
        // Whole seconds: Kubernetes and Git know no finer time.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let mut company = tokio::task::spawn_blocking(move || {
            Company::build(options.seed, &clock, now, options.only.as_deref())
        })
        .await??;
        let situations = situations::of(&company)?;
        for (store, is_production) in [(&company.nonprod, false), (&company.prod, true)] {
            store.set_rules(USER, Rules::everything());
            store.set_rules(NEWCOMER, Rules::default());
            for person in company.provider.people() {
                let rules = people::rules(person.group, is_production);
                store.trust(&company.provider, &person.email, rules);
            }
        }
        let mut places = Vec::with_capacity(System::ALL.len());
        for (number, system) in (0_u16..).zip(System::ALL) {
            let port = options.port.map_or(0, |first| first.saturating_add(number));
            let address = (Ipv4Addr::LOCALHOST, port).into();
            let routes = router(&company, system);
            let server = serve(company.clock.clone(), routes, system, address).await?;
            places.push(Place {
                address: server.address(),
                server: Some(server),
            });
        }
        let mut tasks = JoinSet::new();
        for controllers in company.take_controllers() {
            tasks.spawn(controllers.run());
        }
        tasks.spawn(ci::run_live(
            company.ci(),
            company.apps.clone(),
            company.code.clone(),
            company.nonprod.clone(),
            company.clock.clone(),
        ));
        if let Some(provider) = places.last() {
            company
                .provider
                .is_at(&format!("http://{}", provider.address));
        }
        let places = <[Place; 6]>::try_from(places)
            .map_err(|_| CompanyError::Missing("server".to_owned()))?;
        Ok(Self {
            company,
            situations,
            places,
            _tasks: tasks,
        })
    }

    /// The kubeconfig: one context a cluster, named as the cluster.
    pub fn kubeconfig(&self) -> String {
        let clusters = [
            (&self.company.names.nonprod, System::Nonprod),
            (&self.company.names.prod, System::Prod),
        ];
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.company.names.prod,
            "clusters": clusters.map(|(name, system)| json!({
                "name": name,
                "cluster": {"server": self.url(system)},
            })),
            "contexts": clusters.map(|(name, _)| json!({
                "name": name,
                "context": {"cluster": name, "user": USER},
            })),
            "users": [{"name": USER, "user": {"token": USER}}],
        });
        yaml(&config)
    }

    /// The team file, in the form of docs/TEAMFILE.md. It names the file of [`Self::credentials_file`], which lies
    /// beside it.
    pub fn team_file(&self) -> String {
        let mut file = self.team();
        file["aws"][0]["credentials"] = json!(CREDENTIALS);
        yaml(&file)
    }

    /// The team file of people who sign in: nothing else opens what it names. `signed_by` is the key that it will be signed
    /// with, for whoever wants to join by it.
    pub fn sign_in_file(&self, signed_by: Option<&str>) -> String {
        let names = &self.company.names;
        let mut file = self.team();
        if let Some(key) = signed_by {
            file["signedBy"] = json!(key);
        }
        file["signIn"] = json!({
            "issuer": self.company.provider.issuer(),
            "clientId": provider::CLIENT,
        });
        let role =
            |person: &provider::Person| json!({"name": person.role, "groups": [person.group]});
        file["roles"] = self.company.provider.people().iter().map(role).collect();
        file["clusters"] = json!([
            {"name": names.nonprod, "server": self.url(System::Nonprod)},
            {"name": names.prod, "server": self.url(System::Prod)},
        ]);
        file["aws"][0]["role"] = json!(amazon::ROLE);
        file["codeHosts"][0]["signIn"] = json!({"clientId": github::CLIENT, "scopes": ["repo"]});
        yaml(&file)
    }

    /// What both files say.
    fn team(&self) -> serde_json::Value {
        let names = &self.company.names;
        let code = self.url(System::Code);
        let environments = Environment::ALL.map(|environment| {
            json!({
                "name": environment.name(),
                "cluster": environment.cluster(names),
                "namespaces": [
                    namespace(&names.shop, environment),
                    namespace(&names.fulfilment, environment),
                ],
            })
        });
        json!({
            "version": 1,
            "name": names.company,
            "codeHosts": [{
                "host": names.code_host,
                "address": code,
                "api": format!("{code}/api/v3"),
            }],
            "registries": [{"host": names.registry_host, "address": self.url(System::Registry)}],
            "aws": [{
                "name": names.account,
                "region": amazon::REGION,
                "endpoint": self.url(System::Aws),
            }],
            "environments": environments,
        })
    }

    /// Who signs people in, to be one of them.
    pub fn provider(&self) -> &provider::Provider {
        &self.company.provider
    }

    /// The account's credentials, in the form of AWS' shared credentials file: `--sandbox` takes none of anybody's own.
    pub fn credentials_file(&self) -> String {
        amazon::Account::credentials_file()
    }

    /// What answers where: each system's name among people, and its URL.
    pub fn addresses(&self) -> Vec<(String, String)> {
        let names = &self.company.names;
        System::ALL
            .map(|system| {
                let name = match system {
                    System::Nonprod => &names.nonprod,
                    System::Prod => &names.prod,
                    System::Code => &names.code_host,
                    System::Registry => &names.registry_host,
                    System::Aws => &names.account,
                    System::Provider => PROVIDER,
                };
                (name.to_owned(), self.url(system))
            })
            .to_vec()
    }

    /// A system's URL, without a slash at the end.
    pub fn url(&self, system: System) -> String {
        format!("http://{}", self.place(system).address)
    }

    /// The curated situations.
    pub fn situations(&self) -> &[Situation] {
        &self.situations
    }

    /// The situation to show to somebody who sees the product for the first time.
    pub fn most_telling(&self) -> Option<&Situation> {
        self.situations
            .iter()
            .find(|situation| situation.most_telling())
            .or(self.situations.first())
    }

    /// The company's clock: growing it makes its controllers see time pass.
    pub fn clock(&self) -> &Clock {
        &self.company.clock
    }

    /// Lets time pass for the company's controllers.
    pub fn advance(&self, by: SignedDuration) {
        self.company.clock.advance(by);
    }

    /// What is wrong, to read or change.
    pub fn faults(&self) -> &Faults {
        &self.company.faults
    }

    /// The company's inside: stores, repositories, registry, names. For tests.
    pub fn company(&self) -> &Company {
        &self.company
    }

    /// How many requests a system has had since it was last turned on; none while it is off.
    pub fn requests(&self, system: System) -> Option<&Requests> {
        self.place(system).server.as_ref().map(Server::requests)
    }

    /// Turns a system off: its port closes, and with it every connection.
    pub async fn turn_off(&mut self, system: System) {
        if let Some(server) = self.place_mut(system).server.take() {
            server.stop().await;
        }
    }

    /// Turns a system on again at its old address; nothing happens if it is on.
    ///
    /// # Errors
    /// Somebody else took the port meanwhile.
    pub async fn turn_on(&mut self, system: System) -> Result<(), StartError> {
        if self.place(system).server.is_none() {
            let address = self.place(system).address;
            let routes = router(&self.company, system);
            let clock = self.company.clock.clone();
            let server = serve(clock, routes, system, address).await?;
            self.place_mut(system).server = Some(server);
        }
        Ok(())
    }

    fn place(&self, system: System) -> &Place {
        let [nonprod, prod, code, registry, aws, provider] = &self.places;
        match system {
            System::Nonprod => nonprod,
            System::Prod => prod,
            System::Code => code,
            System::Registry => registry,
            System::Aws => aws,
            System::Provider => provider,
        }
    }

    fn place_mut(&mut self, system: System) -> &mut Place {
        let [nonprod, prod, code, registry, aws, provider] = &mut self.places;
        match system {
            System::Nonprod => nonprod,
            System::Prod => prod,
            System::Code => code,
            System::Registry => registry,
            System::Aws => aws,
            System::Provider => provider,
        }
    }
}

/// Takes values and not the company: a reference to it may not be kept while waiting, because the company is made for one
/// thread at a time.
async fn serve(
    clock: Clock,
    routes: Router,
    system: System,
    at: SocketAddr,
) -> Result<Server, StartError> {
    Server::start(&clock, routes, at)
        .await
        .map_err(|source| StartError::Listen {
            system: system.name(),
            address: at,
            source,
        })
}

fn router(company: &Company, system: System) -> Router {
    match system {
        System::Nonprod => kubernetes::router(company.nonprod.clone()),
        System::Prod => kubernetes::router(company.prod.clone()),
        System::Code => {
            git::router(&company.code, &company.faults).merge(github::router(&company.github))
        }
        System::Registry => registry::router(&company.registry),
        System::Aws => amazon::router(&company.amazon),
        System::Provider => provider::router(&company.provider),
    }
}

/// A value as YAML; JSON is YAML too, should the writer ever refuse.
fn yaml(value: &serde_json::Value) -> String {
    serde_yaml_ng::to_string(value).unwrap_or_else(|_| value.to_string())
}
