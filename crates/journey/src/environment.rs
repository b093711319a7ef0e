//! Which environment a workload belongs to, and in what order environments stand.
//!
//! Owns the rules from the most deliberate word to the least: the team file, a label, the namespace's name, the
//! cluster's name.

use std::collections::BTreeSet;
use std::rc::Rc;

use facts::kubernetes::Workload;
use facts::team::{Environment, Team};

use crate::discover::Targets;
use crate::view::Place;

/// Labels that name an environment, on a workload or on its namespace.
const LABELS: [&str; 4] = [
    "landfall.dev/environment",
    "app.kubernetes.io/environment",
    "environment",
    "env",
];

/// The environment of a workload.
pub fn environment(team: &Team, place: Place<'_>, workload: &Workload) -> String {
    of(team, place, &workload.meta.namespace, |label| {
        workload.meta.label(label)
    })
}

/// The environment of what lives in a namespace.
pub fn of_namespace(team: &Team, place: Place<'_>, namespace: &str) -> String {
    of(team, place, namespace, |_| None)
}

fn of<'a>(
    team: &Team,
    place: Place<'a>,
    namespace: &str,
    own_label: impl Fn(&str) -> Option<&'a str>,
) -> String {
    let listed = team
        .environments
        .iter()
        .find(|environment| covers(environment, place.name, namespace));
    if let Some(environment) = listed {
        return environment.name.clone();
    }
    let of_namespace = place.namespace(namespace);
    let labelled = LABELS.into_iter().find_map(|label| {
        own_label(label)
            .or_else(|| of_namespace.and_then(|namespace| namespace.meta.label(label)))
            .filter(|value| !value.is_empty())
    });
    if let Some(name) = labelled {
        return name.to_owned();
    }
    named(namespace)
        .or_else(|| named(place.name))
        .map_or_else(|| place.name.to_owned(), str::to_owned)
}

fn covers(environment: &Environment, cluster: &str, namespace: &str) -> bool {
    environment
        .cluster
        .as_deref()
        .is_none_or(|name| name == cluster)
        && (environment.namespaces.is_empty()
            || environment
                .namespaces
                .iter()
                .any(|pattern| matches_pattern(pattern, namespace)))
}

/// A name, exactly or with one `*`.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        }
    }
}

/// The environments of a cluster that what applies an app may be meant for.
pub struct Meant {
    /// One where that can be told, else all of the cluster's.
    pub environments: Vec<String>,
    /// Nothing tells which: even one that is alone may be the wrong one.
    pub is_guess: bool,
}

/// What an object that applies an app is meant for, by its own name, the namespace it applies to, and its path.
pub fn meant_for(
    team: &Team,
    place: Place<'_>,
    known: &BTreeSet<String>,
    (name, namespace, path): (&str, Option<&str>, &str),
) -> Meant {
    let spelled = |text: &str| {
        let named = known.iter().filter(|one| without(text, one).is_some());
        named.max_by_key(|one| one.len()).cloned()
    };
    let by_name = spelled(name);
    let by_namespace = || namespace.map(|one| of_namespace(team, place, one));
    let by_path = || {
        path.rsplit('/').find_map(|folder| {
            let exactly = known.iter().find(|one| same(one, folder)).cloned();
            exactly.or_else(|| spelled(folder))
        })
    };
    let told = by_name.or_else(by_namespace).or_else(by_path);
    Meant {
        is_guess: told.is_none(),
        environments: told.map_or_else(|| known.iter().cloned().collect(), |one| vec![one]),
    }
}

/// The environments that live on a cluster: those that the team file binds to it, else those of what is there.
pub fn of_cluster<'a>(team: &Team, all: &Targets<'a>, place: Place<'a>) -> Rc<BTreeSet<String>> {
    let is_here = |one: &&Environment| {
        let cluster = one.cluster.as_deref();
        cluster.is_none_or(|name| name == place.name)
    };
    let bound = team.environments.iter().filter(is_here);
    let bound: BTreeSet<String> = bound.map(|one| one.name.clone()).collect();
    if !bound.is_empty() {
        return Rc::new(bound);
    }
    let of_namespaces = || {
        let namespaces = place.namespaces();
        namespaces
            .map(|namespace| of_namespace(team, place, namespace))
            .collect()
    };
    all.environments(place, of_namespaces, || of_namespace(team, place, ""))
}

/// A name without the environment that it begins or ends with; `None` if it does not.
pub fn without<'n>(name: &'n str, environment: &str) -> Option<&'n str> {
    let ends = name.strip_suffix(environment);
    let begins = name.strip_prefix(environment);
    ends.and_then(|rest| rest.strip_suffix('-'))
        .or_else(|| begins.and_then(|rest| rest.strip_prefix('-')))
        .or_else(|| {
            let (rest, word) = name.rsplit_once('-')?;
            same(word, environment).then_some(rest)
        })
        .or_else(|| {
            let (word, rest) = name.split_once('-')?;
            same(word, environment).then_some(rest)
        })
        .filter(|rest| !rest.is_empty())
}

/// The environment that one of a name's words names: not what stands after "non".
fn named(name: &str) -> Option<&'static str> {
    let mut before = "";
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        match (before, canonical(word)) {
            ("non", _) | (_, None) => before = word,
            ("pre", Some("production")) => return Some("preprod"),
            (_, Some(name)) => return Some(name),
        }
    }
    None
}

/// The one spelling of an environment that is written in several ways.
fn canonical(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "dev" | "develop" | "development" => Some("dev"),
        "test" | "testing" => Some("test"),
        "qa" => Some("qa"),
        "stage" | "staging" | "stg" => Some("staging"),
        "uat" => Some("uat"),
        "preprod" => Some("preprod"),
        "prod" | "prd" | "production" => Some("production"),
        _ => None,
    }
}

/// Whether two names mean one environment: `prod` and `Production` do.
pub fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || matches!((canonical(a), canonical(b)), (Some(a), Some(b)) if a == b)
}

/// Whether an environment is certainly not production: its name says so.
pub fn is_before_production(name: &str) -> bool {
    let said = canonical(name).or_else(|| named(name));
    said.is_some_and(|said| said != "production")
}

/// Where an environment stands among all: smaller comes first.
pub fn rank(team: &Team, name: &str) -> usize {
    let listed = team
        .environments
        .iter()
        .position(|environment| environment.name == name);
    let by_name = match canonical(name).or_else(|| named(name)) {
        Some("dev") => 0,
        Some("test" | "qa") => 1,
        Some("staging") => 2,
        Some("production") => 4,
        _ => 3,
    };
    listed.unwrap_or(team.environments.len() + by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_a_word_of_a_name_and_not_a_part_of_one() {
        assert_eq!(named("shop-staging"), Some("staging"));
        assert_eq!(named("prod-eu"), Some("production"));
        assert_eq!(named("prod2"), Some("production"));
        assert_eq!(named("products"), None);
        assert_eq!(named("device-api"), None);
        assert_eq!(named("non-prod"), None);
        assert_eq!(named("pre-prod"), Some("preprod"));
    }

    #[test]
    fn a_pattern_has_at_most_one_star() {
        assert!(matches_pattern("shop-*", "shop-eu"));
        assert!(matches_pattern("*-prod", "shop-prod"));
        assert!(!matches_pattern("ab*ba", "aba"));
        assert!(!matches_pattern("shop", "shop-eu"));
    }

    #[test]
    fn an_environment_whose_name_says_nothing_may_be_production() {
        for name in ["dev", "staging", "qa-2", "preprod", "shop-uat"] {
            assert!(is_before_production(name), "{name}");
        }
        for name in [
            "",
            "production",
            "prod-eu",
            "blue",
            "nonprod",
            "live",
            "canary",
        ] {
            assert!(!is_before_production(name), "{name}");
        }
    }

    #[test]
    fn environments_stand_from_development_to_production() {
        let team = Team::default();
        let mut names = vec!["production", "canary", "staging", "qa", "dev"];
        names.sort_by_key(|name| rank(&team, name));
        assert_eq!(names, ["dev", "qa", "staging", "canary", "production"]);
    }
}
