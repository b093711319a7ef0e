//! What a person has to do to mean a plan: by its grade, what stands before its button.
//!
//! Owns that decision, and what is sent as what they did. The console holds it against the plan once more.

use api::action::{Confirm, Meant, PlanView};

use crate::foreign;
use crate::runs::stands::where_is;

/// What stands before the button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// There is nothing to do, and no button.
    Nothing,
    /// It cannot be run here, and why.
    Cannot(String),
    /// The button alone.
    Click,
    /// A box to tick that says these words.
    Tick(String),
    /// This name to type.
    Type(String),
}

/// What a plan needs.
pub fn needs(plan: &PlanView) -> Needs {
    if plan.nothing {
        return Needs::Nothing;
    }
    let missing: Vec<&str> = plan
        .rights
        .iter()
        .filter(|right| right.held == Some(false))
        .map(|right| right.right.as_str())
        .collect();
    if !missing.is_empty() {
        return Needs::Cannot(format!(
            "You may not {} on {}. Whoever administers the cluster can grant it.",
            foreign::line(&missing.join(", ")),
            foreign::line(&plan.object.system)
        ));
    }
    match plan.confirm {
        Confirm::Click if !plan.production => Needs::Click,
        // Production is never one click, whatever the grade says.
        Confirm::Click | Confirm::Named => Needs::Tick(this_is(plan)),
        Confirm::Typed => Needs::Type(plan.object.name.clone()),
        Confirm::SecondPerson => Needs::Cannot(
            "Another person has to approve this, and this window cannot ask for that yet: `landfall run` in a terminal does."
                .to_owned(),
        ),
    }
}

/// Where it is, in words that are meant.
pub fn this_is(plan: &PlanView) -> String {
    let place = where_is(&plan.environment, &plan.object.system);
    if !plan.production || plan.environment == "production" {
        format!("This is {place}")
    } else if plan.environment.is_empty() {
        format!("This may be production: it is {place}, in no environment that is known")
    } else {
        format!("This is production: {place}")
    }
}

/// What the person did, if that is enough.
pub fn meant(needs: &Needs, ticked: bool, typed: &str) -> Option<Meant> {
    match needs {
        Needs::Nothing | Needs::Cannot(_) => None,
        Needs::Click => Some(Meant::Clicked {}),
        Needs::Tick(_) => ticked.then_some(Meant::Named {}),
        Needs::Type(name) => (typed == name).then(|| Meant::Typed {
            text: typed.to_owned(),
        }),
    }
}

/// Why it cannot wait for a freeze's end, as it is sent; absent where none holds. Not yet where it has to be said first.
pub fn despite(plan: &PlanView, said: &str) -> Result<Option<String>, NotSaid> {
    let said = said.trim();
    match plan.frozen {
        None => Ok(None),
        Some(_) if said.is_empty() => Err(NotSaid),
        Some(_) => Ok(Some(said.to_owned())),
    }
}

/// A freeze holds, and why this cannot wait is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSaid;

#[cfg(test)]
mod tests {
    use api::ObjectRef;
    use api::action::PlanRight;

    use super::*;

    fn plan(environment: &str, production: bool, confirm: Confirm) -> PlanView {
        PlanView {
            hash: "5e0a".to_owned(),
            action: "restart".to_owned(),
            button: "Restart Deployment shop/checkout in prod-eu".to_owned(),
            object: ObjectRef::new("prod-eu", "Deployment", "shop", "checkout"),
            environment: environment.to_owned(),
            production,
            confirm,
            steps: Vec::new(),
            touches: Vec::new(),
            cautions: Vec::new(),
            rights: Vec::new(),
            undo: String::new(),
            nothing: false,
            tried: None,
            frozen: None,
        }
    }

    #[test]
    fn production_is_never_one_click() {
        for confirm in [
            Confirm::Click,
            Confirm::Named,
            Confirm::Typed,
            Confirm::SecondPerson,
        ] {
            let needs = needs(&plan("production", true, confirm));
            assert_eq!(meant(&needs, false, ""), None, "{confirm:?}");
        }
        let staging = needs(&plan("staging", false, Confirm::Click));
        assert_eq!(meant(&staging, false, ""), Some(Meant::Clicked {}));
    }

    #[test]
    fn the_button_waits_for_the_box_or_for_the_whole_name() {
        let named = needs(&plan("production", true, Confirm::Named));
        assert_eq!(meant(&named, true, ""), Some(Meant::Named {}));
        let typed = needs(&plan("production", true, Confirm::Typed));
        for text in ["", "check", "Checkout", "checkout ", "shop/checkout"] {
            assert_eq!(meant(&typed, true, text), None, "{text:?}");
        }
        let text = "checkout".to_owned();
        assert_eq!(
            meant(&typed, false, "checkout"),
            Some(Meant::Typed { text })
        );
    }

    #[test]
    fn the_box_names_the_environment_and_the_cluster() {
        let said =
            |environment, production| this_is(&plan(environment, production, Confirm::Named));
        assert_eq!(said("production", true), "This is production on prod-eu");
        assert_eq!(said("live", true), "This is production: live on prod-eu");
        assert_eq!(said("staging", false), "This is staging on prod-eu");
        assert_eq!(
            said("", true),
            "This may be production: it is on prod-eu, in no environment that is known"
        );
    }

    #[test]
    fn a_freeze_waits_for_why_it_cannot() {
        let mut plan = plan("production", true, Confirm::Typed);
        assert_eq!(despite(&plan, "whatever"), Ok(None));
        plan.frozen = Some(api::action::Frozen {
            what: "production".to_owned(),
            until: "2027-01-04T08:00:00Z".parse().expect("a time"),
            reason: "Christmas".to_owned(),
        });
        for nothing in ["", "  "] {
            assert_eq!(despite(&plan, nothing), Err(NotSaid));
        }
        let why = "OPS-7: checkout is down".to_owned();
        assert_eq!(despite(&plan, " OPS-7: checkout is down "), Ok(Some(why)));
    }

    #[test]
    fn what_cannot_be_run_has_no_button_whatever_is_ticked_or_typed() {
        let mut nothing = plan("staging", false, Confirm::Click);
        nothing.nothing = true;
        let mut denied = plan("staging", false, Confirm::Click);
        denied.rights = vec![
            PlanRight {
                right: "get pods in shop".to_owned(),
                held: None,
            },
            PlanRight {
                right: "patch deployments in shop".to_owned(),
                held: Some(false),
            },
        ];
        let second = plan("staging", false, Confirm::SecondPerson);
        for plan in [&nothing, &denied, &second] {
            assert_eq!(meant(&needs(plan), true, "checkout"), None);
        }
        let Needs::Cannot(why) = needs(&denied) else {
            panic!("it says why")
        };
        assert!(why.starts_with("You may not patch deployments in shop on prod-eu."));
        // What the cluster does not say hinders nobody: it decides itself.
        denied.rights.pop();
        assert_eq!(needs(&denied), Needs::Click);
    }
}
