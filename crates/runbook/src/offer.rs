//! Offers: which actions a person sees on an object, and why one is greyed out. Pure.
//!
//! Owns what is offered by kind, app, environment and role. What an action would do there, and whether the person has the
//! rights, is found out later, by its plan.

use api::ObjectRef;

use crate::action::{Action, TargetKind};
use crate::library::Library;

/// What an action may be offered for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The object.
    pub object: &'a ObjectRef,
    /// The app that it is of; empty where it is of none.
    pub app: &'a str,
    /// The environment that it is in; empty where it is in none.
    pub environment: &'a str,
}

/// An action that a person sees on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The action's id.
    pub action: String,
    /// The button's words.
    pub title: String,
    /// Whether it can be used.
    pub standing: Standing,
}

/// Whether an action can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Fits,
    /// It cannot.
    Greyed {
        /// Why, in a sentence.
        why: String,
        /// The roles that may; empty where nobody may.
        who: Vec<String>,
    },
}

/// The actions that are for an object, in the library's order. What is for other kinds or apps is not shown at all.
///
/// `roles` are the person's; absent where the team file has none, and so keeps nothing from anybody.
pub fn offers(library: &Library, subject: Subject<'_>, roles: Option<&[String]>) -> Vec<Offer> {
    let shown = library.actions().filter(|action| is_for(action, subject));
    shown
        .map(|action| Offer {
            action: action.id.clone(),
            title: action.title.clone(),
            standing: standing(action, subject, roles),
        })
        .collect()
}

/// Whether an action is for an object of this kind and app.
pub(crate) fn is_for(action: &Action, subject: Subject<'_>) -> bool {
    let apps = &action.on.apps;
    TargetKind::of(&subject.object.kind).is_some_and(|kind| action.on.kinds.contains(&kind))
        && (apps.is_empty() || apps.iter().any(|app| app == subject.app))
}

/// Whether an action that is for an object can be used there by a person of these roles.
pub fn standing(action: &Action, subject: Subject<'_>, roles: Option<&[String]>) -> Standing {
    let (title, environments) = (&action.title, &action.on.environments);
    if !is_for(action, subject) {
        let why = format!("{title} is not for {}", subject.object);
        return Standing::Greyed {
            why,
            who: Vec::new(),
        };
    }
    if !environments.is_empty()
        && !environments
            .iter()
            .any(|known| known == subject.environment)
    {
        let here = match subject.environment {
            "" => "in no environment of the team file".to_owned(),
            environment => format!("in {environment}"),
        };
        let why = format!(
            "{title} is offered only in {}, and {} is {here}",
            environments.join(", "),
            subject.object
        );
        return Standing::Greyed {
            why,
            who: Vec::new(),
        };
    }
    match roles {
        Some(roles) if !roles.iter().any(|role| action.roles.contains(role)) => {
            let here = match roles {
                [] => "you have no role here".to_owned(),
                roles => format!("you are {}", roles.join(", ")),
            };
            Standing::Greyed {
                why: format!("{title} is for {}; {here}", action.roles.join(", ")),
                who: action.roles.clone(),
            }
        }
        _ => Standing::Fits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROD: &str = "production";

    fn library() -> Library {
        let action = |id: &str, kinds: &str| {
            format!(
                "version: 1\nid: {id}\ntitle: {id}\nabout: x\nroles: [sre, developer]\non: {kinds}\n\
                 steps: [restart: {{}}]\nundo: {{not: x}}\n"
            )
        };
        Library::with(&[
            (
                "any.yaml",
                action("any", "{kinds: [Deployment]}").as_bytes(),
            ),
            (
                "cart.yaml",
                action("cart", "{kinds: [Deployment], apps: [cart]}").as_bytes(),
            ),
            (
                "staging.yaml",
                action("staging", "{kinds: [Deployment], environments: [staging]}").as_bytes(),
            ),
        ])
        .expect("fine")
    }

    fn seen(
        object: &ObjectRef,
        app: &str,
        environment: &str,
        roles: Option<&[&str]>,
    ) -> Vec<Offer> {
        let roles: Option<Vec<String>> =
            roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
        let subject = Subject {
            object,
            app,
            environment,
        };
        let mut offers = offers(&library(), subject, roles.as_deref());
        offers.retain(|offer| ["any", "cart", "staging"].contains(&offer.action.as_str()));
        offers
    }

    fn why(offers: &[Offer], action: &str) -> Option<(String, Vec<String>)> {
        let offer = offers
            .iter()
            .find(|offer| offer.action == action)
            .expect("offered");
        match &offer.standing {
            Standing::Fits => None,
            Standing::Greyed { why, who } => Some((why.clone(), who.clone())),
        }
    }

    #[test]
    fn an_action_is_offered_by_kind_app_environment_and_role() {
        let checkout = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let offers = seen(&checkout, "checkout", PROD, Some(&["sre"]));
        assert_eq!(why(&offers, "any"), None);
        assert!(!offers.iter().any(|offer| offer.action == "cart"));
        assert_eq!(
            why(&offers, "staging"),
            Some((
                "staging is offered only in staging, and Deployment shop/checkout is in production"
                    .to_owned(),
                Vec::new()
            ))
        );
        assert_eq!(
            why(
                &seen(&checkout, "cart", "staging", Some(&["sre"])),
                "staging"
            ),
            None
        );
        assert_eq!(
            why(&seen(&checkout, "cart", "", Some(&["sre"])), "cart"),
            None
        );
        let pod = ObjectRef::new("prod", "Pod", "shop", "checkout-1");
        assert_eq!(seen(&pod, "cart", "staging", Some(&["sre"])), Vec::new());
    }

    #[test]
    fn who_has_not_the_role_is_told_who_has() {
        let checkout = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let who = vec!["sre".to_owned(), "developer".to_owned()];
        assert_eq!(
            why(&seen(&checkout, "", PROD, Some(&["support"])), "any"),
            Some((
                "any is for sre, developer; you are support".to_owned(),
                who.clone()
            ))
        );
        assert_eq!(
            why(&seen(&checkout, "", PROD, Some(&[])), "any"),
            Some((
                "any is for sre, developer; you have no role here".to_owned(),
                who
            ))
        );
        assert_eq!(why(&seen(&checkout, "", PROD, None), "any"), None);
    }
}
