//! The company's apps: what each is, and how each is declared and delivered.
//!
//! Owns the table of roles and where an app's things are: repository, image, namespaces, folders in Git, names of its
//! Flux objects. Knows nothing of what happens to them.

use crate::names::Names;

/// Where an app runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// Every commit, at once.
    Dev,
    /// Every commit, for most apps.
    Staging,
    /// What a person promotes.
    Production,
}

impl Environment {
    /// From first to last.
    pub const ALL: [Self; 3] = [Self::Dev, Self::Staging, Self::Production];

    /// Its name, the same under every seed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// The Kubernetes cluster it lives on.
    pub fn cluster(self, names: &Names) -> &str {
        match self {
            Self::Dev | Self::Staging => &names.nonprod,
            Self::Production => &names.prod,
        }
    }
}

/// What an app is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A Deployment, from manifests.
    Deployment,
    /// A StatefulSet, from manifests.
    StatefulSet,
    /// A DaemonSet, from manifests.
    DaemonSet,
    /// A Deployment, from the company's Helm chart.
    Helm,
}

/// Which namespaces an app lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The shop's.
    Shop,
    /// Those of orders and goods.
    Fulfilment,
}

/// Where an app's environments are declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// In the shared GitOps repository, under `apps/`.
    Shared,
    /// In the shared GitOps repository, in a folder with its own automation.
    Partners,
    /// In a GitOps repository of the team's own.
    Own,
}

/// What an app is, by role.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The role: the app's name under seed 1.
    pub role: &'static str,
    /// What it is made of.
    pub form: Form,
    /// Its namespaces.
    pub home: Home,
    /// Where it is declared.
    pub ground: Ground,
    /// Whether the automation bumps staging; otherwise people do.
    pub automated_staging: bool,
    /// Environments whose Flux source is the app's own GitRepository.
    pub own_source: &'static [Environment],
    /// Environments whose Kustomization waits for health.
    pub verified: &'static [Environment],
    /// Whether CI numbers its tags (`build-99`), and the policy sorts them as text.
    pub numbered_tags: bool,
    /// Whether its production is Amazon ECS, and only what comes before is Kubernetes.
    pub production_on_ecs: bool,
}

const PLAIN: Spec = Spec {
    role: "",
    form: Form::Deployment,
    home: Home::Shop,
    ground: Ground::Shared,
    automated_staging: true,
    own_source: &[],
    verified: &[Environment::Staging, Environment::Production],
    numbered_tags: false,
    production_on_ecs: false,
};

const fn plain(role: &'static str) -> Spec {
    Spec { role, ..PLAIN }
}

const fn fulfilment(role: &'static str) -> Spec {
    Spec {
        role,
        home: Home::Fulfilment,
        ..PLAIN
    }
}

const fn on_ecs(role: &'static str) -> Spec {
    Spec {
        role,
        verified: &[Environment::Staging],
        production_on_ecs: true,
        ..PLAIN
    }
}

const fn helm(role: &'static str) -> Spec {
    Spec {
        role,
        form: Form::Helm,
        // A Kustomization that applies a HelmRelease says that it is applied; the HelmRelease says the rest.
        verified: &[],
        ..PLAIN
    }
}

/// Every app.
pub const SPECS: &[Spec] = &[
    plain("checkout"),
    plain("catalog"),
    plain("pricing"),
    plain("search"),
    plain("payments"),
    plain("cart"),
    Spec {
        form: Form::StatefulSet,
        ..fulfilment("orders")
    },
    fulfilment("inventory"),
    fulfilment("shipping"),
    Spec {
        own_source: &[Environment::Production],
        ..plain("accounts")
    },
    Spec {
        numbered_tags: true,
        ..plain("reviews")
    },
    Spec {
        own_source: &[Environment::Production],
        ..plain("recommendations")
    },
    plain("notifications"),
    plain("newsletter"),
    helm("storefront"),
    Spec {
        ground: Ground::Own,
        own_source: &Environment::ALL,
        ..plain("loyalty")
    },
    helm("gifts"),
    Spec {
        ground: Ground::Partners,
        ..plain("wishlist")
    },
    fulfilment("returns"),
    helm("subscriptions"),
    Spec {
        verified: &[Environment::Staging],
        ..fulfilment("stores")
    },
    Spec {
        own_source: &[Environment::Staging],
        ..plain("tax")
    },
    Spec {
        form: Form::DaemonSet,
        ..plain("edge")
    },
    Spec {
        automated_staging: false,
        // Its rollouts take longer than any health check should last.
        verified: &[],
        ..plain("content")
    },
    plain("gallery"),
    plain("coupons"),
    on_ecs("invoices"),
    on_ecs("addresses"),
    on_ecs("translations"),
    on_ecs("fraud"),
    on_ecs("forecasts"),
    on_ecs("couriers"),
    on_ecs("pickup"),
    on_ecs("sizing"),
    on_ecs("archive"),
    on_ecs("tickets"),
];

/// The roles whose apps share one source repository.
pub const MONOREPO: [&str; 2] = ["notifications", "newsletter"];

/// One app under one seed's names.
#[derive(Clone, Debug)]
pub struct App {
    /// What it is.
    pub spec: &'static Spec,
    /// Its name.
    pub name: String,
    /// Its source repository: `shop/checkout`.
    pub repository: String,
    /// Its folder in the source repository, with the slash; empty unless it shares the repository.
    pub source_folder: String,
    /// Its image's path in the registry: `shop/checkout`.
    pub image_path: String,
    /// Its image: `registry.tidewater.example/shop/checkout`.
    pub image: String,
    /// The GitOps repository that declares it: `shop/deploy`.
    pub gitops: String,
    home: String,
    root: String,
}

impl App {
    /// Every app under these names.
    pub fn all(names: &Names) -> Vec<Self> {
        SPECS.iter().map(|spec| Self::new(spec, names)).collect()
    }

    fn new(spec: &'static Spec, names: &Names) -> Self {
        let name = names.app(spec.role).to_owned();
        let owner = &names.owner;
        let shared = MONOREPO.contains(&spec.role);
        let repository = match shared {
            true => format!("{owner}/{}", names.monorepo),
            false => format!("{owner}/{name}"),
        };
        Self {
            repository,
            source_folder: if shared {
                format!("{name}/")
            } else {
                String::new()
            },
            image_path: format!("{owner}/{name}"),
            image: format!("{}/{owner}/{name}", names.registry_host),
            gitops: match spec.ground {
                Ground::Own => format!("{owner}/{name}-{}", names.deploy),
                Ground::Shared | Ground::Partners => format!("{owner}/{}", names.deploy),
            },
            home: match spec.home {
                Home::Shop => names.shop.clone(),
                Home::Fulfilment => names.fulfilment.clone(),
            },
            root: match spec.ground {
                Ground::Shared => "apps/".to_owned(),
                Ground::Partners => format!("{}/", names.partners),
                Ground::Own => String::new(),
            },
            spec,
            name,
        }
    }

    /// Its namespace in an environment; on ECS, its cluster.
    pub fn namespace(&self, environment: Environment) -> String {
        match self.is_on_ecs(environment) {
            true => ecs_cluster(&self.home, environment),
            false => namespace(&self.home, environment),
        }
    }

    /// Whether an environment of it is Amazon ECS, where nothing of Flux's is.
    pub fn is_on_ecs(&self, environment: Environment) -> bool {
        self.spec.production_on_ecs && environment == Environment::Production
    }

    /// The cluster it runs on in an environment, or the AWS account.
    pub fn cluster<'n>(&self, environment: Environment, names: &'n Names) -> &'n str {
        match self.is_on_ecs(environment) {
            true => &names.account,
            false => environment.cluster(names),
        }
    }

    /// The folder of the GitOps repository that declares it in an environment, without a slash at the end.
    pub fn folder(&self, environment: Environment) -> String {
        match self.spec.ground {
            Ground::Own => environment.name().to_owned(),
            Ground::Shared | Ground::Partners => {
                format!("{}{}/{}", self.root, environment.name(), self.name)
            }
        }
    }

    /// The folder of what its environments have in common.
    pub fn base(&self) -> String {
        match self.spec.ground {
            Ground::Own => "base".to_owned(),
            Ground::Shared | Ground::Partners => format!("{}base/{}", self.root, self.name),
        }
    }

    /// The way from an environment's folder to the base.
    pub fn way_to_base(&self) -> String {
        match self.spec.ground {
            Ground::Own => "../base".to_owned(),
            Ground::Shared | Ground::Partners => format!("../../base/{}", self.name),
        }
    }

    /// The folder that its automation for an environment may change.
    pub fn automation_folder(&self, environment: Environment) -> String {
        match self.spec.ground {
            Ground::Own => environment.name().to_owned(),
            Ground::Shared | Ground::Partners => format!("{}{}", self.root, environment.name()),
        }
    }

    /// The file that names its image in an environment.
    pub fn declaration(&self, environment: Environment) -> String {
        let file = match self.spec.form {
            Form::Helm => "release.yaml",
            Form::Deployment | Form::StatefulSet | Form::DaemonSet => "kustomization.yaml",
        };
        format!("{}/{file}", self.folder(environment))
    }

    /// The name of its Kustomization in an environment.
    pub fn kustomization(&self, environment: Environment) -> String {
        format!("{}-{}", self.name, environment.name())
    }

    /// The name of the GitRepository it is applied from in an environment: its own, or the shared one.
    pub fn source(&self, environment: Environment, names: &Names) -> String {
        if !self.spec.own_source.contains(&environment) {
            return names.deploy.clone();
        }
        match (self.spec.ground, environment) {
            // The shared checkout of that cluster stays with the environments that don't have their own.
            (Ground::Shared | Ground::Partners, Environment::Dev | Environment::Staging) => {
                self.kustomization(environment)
            }
            _ => self.name.clone(),
        }
    }

    /// The name of the ImageUpdateAutomation that bumps it in an environment; production has none.
    pub fn automation(&self, environment: Environment) -> Option<String> {
        match (self.spec.ground, environment) {
            (_, Environment::Production) => None,
            (Ground::Shared, _) => Some(environment.name().to_owned()),
            (Ground::Partners | Ground::Own, _) => Some(self.kustomization(environment)),
        }
    }

    /// Whether the line that names its image carries the policy's marker in the beginning.
    pub fn marked(&self, environment: Environment) -> bool {
        match environment {
            Environment::Dev => true,
            Environment::Staging => self.spec.automated_staging,
            Environment::Production => false,
        }
    }
}

/// The ECS cluster of a group in an environment: `shop-production`.
pub fn ecs_cluster(home: &str, environment: Environment) -> String {
    format!("{home}-{}", environment.name())
}

/// A namespace of a group in an environment: `shop-staging`, and in production only `shop`.
pub fn namespace(home: &str, environment: Environment) -> String {
    match environment {
        Environment::Dev | Environment::Staging => format!("{home}-{}", environment.name()),
        Environment::Production => home.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_where_a_person_would_look() {
        let names = Names::of(1);
        let apps = App::all(&names);
        let find = |role: &str| apps.iter().find(|app| app.spec.role == role).unwrap();
        let checkout = find("checkout");
        assert_eq!(
            checkout.declaration(Environment::Staging),
            "apps/staging/checkout/kustomization.yaml"
        );
        assert_eq!(checkout.namespace(Environment::Production), "shop");
        assert_eq!(checkout.source(Environment::Dev, &names), "deploy");
        let loyalty = find("loyalty");
        assert_eq!(loyalty.gitops, "shop/loyalty-deploy");
        assert_eq!(
            loyalty.declaration(Environment::Dev),
            "dev/kustomization.yaml"
        );
        assert_eq!(
            find("newsletter").repository,
            find("notifications").repository
        );
        assert_eq!(
            find("tax").source(Environment::Staging, &names),
            "tax-staging"
        );
        assert_eq!(
            find("accounts").source(Environment::Production, &names),
            "accounts"
        );
    }
}
