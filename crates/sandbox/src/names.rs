//! What things are called in the company of one seed: company, hosts, clusters, namespaces, apps, people, messages.
//!
//! Owns the vocabularies and the choice from them. Everything else speaks of roles ("checkout") and asks here for the
//! name, so that no rule of the product can lean on a particular name.

mod words;

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// The names of one seed's company. Seed 1 has every vocabulary's first word.
#[derive(Clone, Debug)]
pub struct Names {
    /// The company, as people write it.
    pub company: String,
    /// `code.tidewater.example`
    pub code_host: String,
    /// `registry.tidewater.example`
    pub registry_host: String,
    /// The owner of all repositories on the code host, and of all images: `shop`.
    pub owner: String,
    /// The shared GitOps repository's name, without the owner.
    pub deploy: String,
    /// The source repository that two apps share, without the owner.
    pub monorepo: String,
    /// The cluster that development and staging share.
    pub nonprod: String,
    /// The cluster that production has.
    pub prod: String,
    /// The AWS account whose ECS runs some apps' production.
    pub account: String,
    /// The base name of the namespaces that most apps live in.
    pub shop: String,
    /// The base name of the namespaces that orders and goods live in.
    pub fulfilment: String,
    /// The folder of teams that keep their own automation.
    pub partners: String,
    /// The ingress, and the infrastructure's parts that build on it, from the lowest.
    pub infrastructure: Infrastructure,
    /// Letters that issue keys begin with.
    pub issues: String,
    apps: BTreeMap<&'static str, String>,
    people: Vec<String>,
    subjects: Vec<&'static str>,
    numbers: u64,
}

/// Names of production's infrastructure: a chain in which each part needs the one before.
#[derive(Clone, Debug)]
pub struct Infrastructure {
    /// The namespace and controller at the bottom.
    pub ingress: String,
    /// What builds on the ingress.
    pub gateway: String,
    /// What builds on the gateway.
    pub routes: String,
}

impl Names {
    /// The names of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = (seed != 1).then(|| StdRng::seed_from_u64(seed));
        let mut pick = |words: &[&'static str]| -> String {
            let word = match &mut random {
                // The first word is seed 1's: another seed shares none of them.
                Some(random) => words.get(1..).and_then(|rest| rest.choose(random)),
                None => words.first(),
            };
            word.copied().unwrap_or("unnamed").to_owned()
        };
        let company = pick(words::COMPANIES);
        let domain = format!("{}.example", company.to_lowercase());
        let apps = words::APPS
            .iter()
            .map(|(role, words)| (*role, pick(words)))
            .collect();
        let mut names = Self {
            code_host: format!("{}.{domain}", pick(words::CODE_HOSTS)),
            registry_host: format!("{}.{domain}", pick(words::REGISTRY_HOSTS)),
            owner: pick(words::OWNERS),
            deploy: pick(words::DEPLOY_REPOSITORIES),
            monorepo: pick(words::MONOREPOS),
            nonprod: pick(words::NONPROD_CLUSTERS),
            prod: pick(words::PROD_CLUSTERS),
            account: pick(words::ACCOUNTS),
            shop: pick(words::SHOP_NAMESPACES),
            fulfilment: pick(words::FULFILMENT_NAMESPACES),
            partners: pick(words::PARTNER_FOLDERS),
            infrastructure: Infrastructure {
                ingress: pick(words::INGRESSES),
                gateway: pick(words::GATEWAYS),
                routes: pick(words::ROUTES),
            },
            issues: company.chars().take(4).collect::<String>().to_uppercase(),
            company,
            apps,
            people: words::PEOPLE
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            subjects: words::SUBJECTS.to_vec(),
            numbers: 0,
        };
        if let Some(mut random) = random {
            names.people.shuffle(&mut random);
            names.subjects.shuffle(&mut random);
            names.numbers = random.random_range(100..4000);
        }
        names
    }

    /// An app's name by its role.
    pub fn app(&self, role: &str) -> &str {
        self.apps.get(role).map_or("unnamed", String::as_str)
    }

    /// A person's name by any number; the same number is the same person.
    pub fn person(&self, number: usize) -> &str {
        self.people
            .get(number % self.people.len().max(1))
            .map_or("Nobody", String::as_str)
    }

    /// A person as Git writes an author: `Mina Osei <mina.osei@tidewater.example>`.
    pub fn author(&self, number: usize) -> String {
        let name = self.person(number);
        let mail: String = name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '.' })
            .collect();
        format!("{name} <{mail}@{}.example>", self.company.to_lowercase())
    }

    /// A commit's subject by any number.
    pub fn subject(&self, number: usize) -> &str {
        self.subjects
            .get(number % self.subjects.len().max(1))
            .copied()
            .unwrap_or("Change")
    }

    /// The first number that the code host gives to a CI run.
    pub fn first_run(&self) -> u64 {
        4700 + self.numbers
    }

    /// The first number that a repository gives to a pull request.
    pub fn first_pull(&self) -> u64 {
        210 + self.numbers / 10
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_seed_renames_everything() {
        let first = Names::of(1);
        for seed in [2, 3, 99] {
            let other = Names::of(seed);
            for (role, name) in &other.apps {
                assert_ne!(name, first.app(role));
            }
            assert_ne!(first.company, other.company);
            assert_ne!(first.code_host, other.code_host);
            assert_ne!(first.prod, other.prod);
            assert_ne!(first.shop, other.shop);
            assert_ne!(first.people, other.people);
        }
        assert_ne!(Names::of(2).apps, Names::of(3).apps);
    }

    #[test]
    fn a_seed_is_always_called_the_same() {
        assert_eq!(format!("{:?}", Names::of(7)), format!("{:?}", Names::of(7)));
    }

    #[test]
    fn no_name_stands_for_two_roles_or_begins_another() {
        let mut seen = BTreeSet::new();
        for (role, words) in words::APPS {
            for word in *words {
                assert!(seen.insert(*word), "{role}: {word} twice");
            }
        }
        // A pod's name is told from another app's by its beginning.
        for name in &seen {
            for other in &seen {
                assert!(
                    !other.starts_with(&format!("{name}-")),
                    "{name} and {other}"
                );
            }
        }
    }
}
