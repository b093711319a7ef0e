//! Who may do what in a cluster: users known by bearer token, and what each is allowed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::provider::Provider;

/// What a user may do: anything that one of the rules allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

/// One permission. Empty lists allow nothing; `*` allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where: in these namespaces only; `None` for everywhere and for what is cluster-wide.
    pub namespaces: Option<Vec<String>>,
    /// API groups; the core group is empty.
    pub groups: Vec<String>,
    /// Resources by plural, subresources as `pods/log`.
    pub resources: Vec<String>,
    /// `get`, `list`, `watch`…
    pub verbs: Vec<String>,
    /// Objects by name; empty for any.
    pub names: Vec<String>,
}

/// One thing somebody wants to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// `list`.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource; empty for none.
    pub subresource: &'a str,
    /// The namespace; empty for the cluster scope.
    pub namespace: &'a str,
    /// The object's name; empty for none in particular.
    pub name: &'a str,
}

impl Rules {
    /// Everything, everywhere.
    pub fn everything() -> Self {
        Self(vec![Rule::new(None, &["*"], &["*"], &["*"])])
    }

    /// Nothing but asking who one is and what one may.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Reading everything everywhere.
    pub fn read_everything() -> Self {
        Self(vec![Rule::new(
            None,
            &["*"],
            &["*"],
            &["get", "list", "watch"],
        )])
    }

    /// Reading everything in these namespaces, and nothing that is cluster-wide.
    pub fn read_namespaces(namespaces: &[&str]) -> Self {
        Self(vec![Rule::new(
            Some(namespaces),
            &["*"],
            &["*"],
            &["get", "list", "watch"],
        )])
    }

    /// Reading everything everywhere but these resources (plurals, such as `secrets`).
    pub fn read_all_but(resources: &[&str]) -> Self {
        let rules = super::kinds::KINDS
            .iter()
            .filter(|kind| !resources.contains(&kind.plural))
            .map(|kind| {
                let (log, status) = (
                    format!("{}/log", kind.plural),
                    format!("{}/status", kind.plural),
                );
                Rule::new(
                    None,
                    &[kind.group],
                    &[kind.plural, &log, &status],
                    &["get", "list", "watch"],
                )
            })
            .collect();
        Self(rules)
    }

    /// Whether an attempt is allowed.
    pub fn allow(&self, attempt: &Attempt<'_>) -> bool {
        self.0.iter().any(|rule| rule.allows(attempt))
    }
}

impl Rule {
    /// A rule from plain texts.
    pub fn new(
        namespaces: Option<&[&str]>,
        groups: &[&str],
        resources: &[&str],
        verbs: &[&str],
    ) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            namespaces: namespaces.map(owned),
            groups: owned(groups),
            resources: owned(resources),
            verbs: owned(verbs),
            names: Vec::new(),
        }
    }

    fn allows(&self, attempt: &Attempt<'_>) -> bool {
        let place = self
            .namespaces
            .as_ref()
            .is_none_or(|namespaces| namespaces.iter().any(|of| of == attempt.namespace));
        let resource = match attempt.subresource {
            "" => attempt.resource.to_owned(),
            subresource => format!("{}/{subresource}", attempt.resource),
        };
        place
            && named(&self.groups, attempt.group)
            && named(&self.resources, &resource)
            && named(&self.verbs, attempt.verb)
            && (self.names.is_empty() || self.names.iter().any(|name| name == attempt.name))
    }

    /// Whether the rule holds in a namespace, whatever it allows there.
    pub fn holds_in(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|namespaces| namespaces.iter().any(|of| of == namespace))
    }

    /// The rule as SelfSubjectRulesReview lists it.
    pub fn to_resource_rule(&self) -> Value {
        let mut rule =
            json!({"verbs": self.verbs, "apiGroups": self.groups, "resources": self.resources});
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        rule
    }
}

fn named(list: &[String], text: &str) -> bool {
    list.iter().any(|known| known == "*" || known == text)
}

/// Users and their tokens.
#[derive(Debug)]
pub(crate) struct Access {
    rules: BTreeMap<String, Rules>,
    tokens: BTreeMap<String, String>,
    /// Who a request without a token is.
    unnamed: Option<String>,
    /// Whose ID tokens are believed: their users are called as their e-mail.
    issuer: Option<Provider>,
}

/// The user that a cluster has from the start.
pub const ADMIN: &str = "admin";

impl Default for Access {
    fn default() -> Self {
        let mut access = Self {
            rules: BTreeMap::new(),
            tokens: BTreeMap::new(),
            // kubectl sends no token over plain HTTP, so whoever does not say who they are may do everything.
            unnamed: Some(ADMIN.to_owned()),
            issuer: None,
        };
        access.set(ADMIN, Rules::everything());
        access
    }
}

impl Access {
    /// Sets what a user may; the user's name is their token too.
    pub(crate) fn set(&mut self, user: &str, rules: Rules) {
        self.rules.insert(user.to_owned(), rules);
        self.tokens.insert(user.to_owned(), user.to_owned());
    }

    /// Believes a provider's ID tokens, and sets what one of its people may.
    pub(crate) fn trust(&mut self, issuer: &Provider, email: &str, rules: Rules) {
        self.issuer = Some(issuer.clone());
        self.rules.insert(email.to_owned(), rules);
    }

    pub(crate) fn set_unnamed(&mut self, user: Option<&str>) {
        self.unnamed = user.map(ToOwned::to_owned);
    }

    /// Makes a user's token invalid.
    pub(crate) fn revoke(&mut self, user: &str) {
        self.tokens.retain(|_, of| of != user);
    }

    /// Gives somebody another token.
    pub(crate) fn give_token(&mut self, user: &str, token: &str) {
        self.tokens.insert(token.to_owned(), user.to_owned());
    }

    /// Who a token belongs to, if anyone.
    pub(crate) fn user(&self, token: Option<&str>) -> Option<String> {
        match token {
            Some(token) => self.tokens.get(token).cloned().or_else(|| {
                let person = self.issuer.as_ref()?.whose(token)?;
                Some(person.email.clone())
            }),
            None => self.unnamed.clone(),
        }
    }

    /// What a user may; nothing if nobody said so.
    pub(crate) fn rules(&self, user: &str) -> Rules {
        self.rules.get(user).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<'a>(resource: &'a str, namespace: &'a str) -> Attempt<'a> {
        Attempt {
            verb: "list",
            resource,
            namespace,
            ..Attempt::default()
        }
    }

    #[test]
    fn namespaces_bind_and_never_reach_the_cluster_scope() {
        let rules = Rules::read_namespaces(&["shop"]);
        assert!(rules.allow(&list("pods", "shop")));
        assert!(!rules.allow(&list("pods", "other")));
        assert!(!rules.allow(&list("pods", "")));
        assert!(!rules.allow(&Attempt {
            verb: "delete",
            ..list("pods", "shop")
        }));
    }

    #[test]
    fn a_resource_does_not_allow_its_subresource() {
        let rules = Rules(vec![Rule::new(None, &[""], &["pods"], &["get"])]);
        let log = Attempt {
            verb: "get",
            resource: "pods",
            subresource: "log",
            ..Attempt::default()
        };
        assert!(!rules.allow(&log));
        assert!(Rules::read_everything().allow(&log));
        assert!(Rules::read_all_but(&["secrets"]).allow(&log));
        assert!(!Rules::read_all_but(&["secrets"]).allow(&list("secrets", "shop")));
    }

    #[test]
    fn unknown_tokens_are_nobody() {
        let mut access = Access::default();
        access.set("viewer", Rules::read_everything());
        assert_eq!(access.user(Some("viewer")).as_deref(), Some("viewer"));
        assert_eq!(access.user(Some("stranger")), None);
        assert_eq!(access.user(None).as_deref(), Some(ADMIN));
        access.revoke("viewer");
        assert_eq!(access.user(Some("viewer")), None);
        assert_eq!(access.rules("nobody"), Rules::nothing());
    }
}
