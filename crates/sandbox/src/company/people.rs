//! What the company's people may do in its clusters: one table, by the identity provider's groups.
//!
//! Everybody reads; whoever keeps the clusters may do everything. The kubeconfig's user is nobody of these, and may too.

use crate::kubernetes::access::{Rule, Rules};

/// Where a group may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Nowhere,
    /// In the cluster of development and staging.
    Nonprod,
    Everywhere,
}

use Where::{Everywhere, Nonprod, Nowhere};

/// Something that changes objects, and where developers and support may do it.
struct Deed {
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    developers: Where,
    support: Where,
}

/// RBAC lets one patch an object or not, whichever field: who may restart a workload may do more with it.
const DEEDS: [Deed; 8] = [
    Deed {
        verbs: &["patch"],
        group: "apps",
        resources: &["deployments", "statefulsets", "daemonsets"],
        developers: Nonprod,
        support: Everywhere,
    },
    Deed {
        verbs: &["patch"],
        group: "apps",
        resources: &["deployments/scale", "statefulsets/scale"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["delete"],
        group: "",
        resources: &["pods"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["create", "delete"],
        group: "batch",
        resources: &["jobs"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["patch"],
        group: "kustomize.toolkit.fluxcd.io",
        resources: &["kustomizations"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["patch"],
        group: "helm.toolkit.fluxcd.io",
        resources: &["helmreleases"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["patch"],
        group: "source.toolkit.fluxcd.io",
        resources: &["*"],
        developers: Nonprod,
        support: Nowhere,
    },
    Deed {
        verbs: &["patch"],
        group: "image.toolkit.fluxcd.io",
        resources: &["*"],
        developers: Nonprod,
        support: Nowhere,
    },
];

/// What a group may do in one of the clusters.
pub(crate) fn rules(group: &str, is_production: bool) -> Rules {
    let (mut rules, place): (Rules, fn(&Deed) -> Where) = match group {
        "developers" => (Rules::read_everything(), |deed| deed.developers),
        "support" => (Rules::read_all_but(&["secrets"]), |deed| deed.support),
        "platform" => return Rules::everything(),
        _ => return Rules::nothing(),
    };
    let here = DEEDS.iter().filter(|deed| match place(deed) {
        Nowhere => false,
        Nonprod => !is_production,
        Everywhere => true,
    });
    rules.0.extend(here.map(|deed| {
        // Rules of the cluster's scope hold in every namespace.
        Rule::new(None, &[deed.group], deed.resources, deed.verbs)
    }));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::access::Attempt;

    #[test]
    fn developers_change_what_is_not_production_and_support_restarts() {
        let may = |group: &str, is_production: bool, verb, of, resource| {
            rules(group, is_production).allow(&Attempt {
                verb,
                group: of,
                resource,
                namespace: "shop",
                name: "web",
                ..Attempt::default()
            })
        };
        for (verb, of, resource) in [
            ("patch", "apps", "deployments"),
            ("patch", "kustomize.toolkit.fluxcd.io", "kustomizations"),
            ("patch", "source.toolkit.fluxcd.io", "gitrepositories"),
            ("delete", "", "pods"),
            ("create", "batch", "jobs"),
        ] {
            assert!(may("developers", false, verb, of, resource), "{resource}");
            assert!(!may("developers", true, verb, of, resource), "{resource}");
            assert!(may("platform", true, verb, of, resource), "{resource}");
            for is_production in [false, true] {
                let restarts = resource == "deployments";
                assert_eq!(
                    may("support", is_production, verb, of, resource),
                    restarts,
                    "{resource}"
                );
            }
        }
        assert!(may("developers", true, "get", "", "pods"));
        assert!(!may("support", false, "get", "", "secrets"));
        assert!(!may("developers", false, "delete", "apps", "deployments"));
        assert!(!may("guests", false, "get", "", "pods"));
    }
}
