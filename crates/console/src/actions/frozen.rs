//! A freeze as a plan shows it, before anybody means the plan.
//!
//! Owns that whoever reads it is asked for all that its leave will take. Whether there is leave is the permit's to say.

use api::action::{Confirm, Frozen, PlanView};
use api::headline::plain;
use runbook::action;
use runbook::permit::{FreezeWindow, THAWS_PRODUCTION};

/// The longest reason that is shown, in characters.
const LONGEST: usize = 300;

/// Shows the freeze that holds for a plan. A freeze of production asks for more than the action does.
pub fn show(plan: &mut PlanView, freeze: Option<&FreezeWindow>) {
    let Some(freeze) = freeze else { return };
    let what = match plan.environment.as_str() {
        "" => format!("{} on {}", plan.object, plan.object.system),
        environment => environment.to_owned(),
    };
    plan.frozen = Some(Frozen {
        what,
        until: freeze.until,
        reason: plain(&freeze.reason, LONGEST),
    });
    if plan.production && matches!(plan.confirm, Confirm::Click | Confirm::Named) {
        plan.confirm = match THAWS_PRODUCTION {
            action::Confirm::Click | action::Confirm::Named => plan.confirm,
            action::Confirm::Typed => Confirm::Typed,
            action::Confirm::SecondPerson => Confirm::SecondPerson,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(production: bool, confirm: Confirm) -> PlanView {
        let object = api::ObjectRef::new("prod-eu", "Deployment", "shop", "cart");
        PlanView {
            hash: String::new(),
            action: "restart".to_owned(),
            button: String::new(),
            object,
            environment: String::new(),
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
    fn a_frozen_production_asked_for_a_tick_and_was_refused_after_it() {
        let window = FreezeWindow {
            environments: Vec::new(),
            from: jiff::Timestamp::MIN,
            until: jiff::Timestamp::MAX,
            reason: "the sale\u{1b}[2J".to_owned(),
        };
        for (production, before, after) in [
            (true, Confirm::Click, Confirm::Typed),
            (true, Confirm::Named, Confirm::Typed),
            (true, Confirm::Typed, Confirm::Typed),
            (true, Confirm::SecondPerson, Confirm::SecondPerson),
            (false, Confirm::Named, Confirm::Named),
        ] {
            let mut frozen = plan(production, before);
            show(&mut frozen, Some(&window));
            assert_eq!(frozen.confirm, after, "{before:?}");
            let freeze = frozen.frozen.expect("it is shown");
            assert_eq!(freeze.what, "Deployment shop/cart on prod-eu");
            assert_eq!(freeze.reason, "the sale[2J");
            let mut free = plan(production, before);
            show(&mut free, None);
            assert_eq!(free, plan(production, before));
        }
    }
}
