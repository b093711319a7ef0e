//! What can be done about a cause: the actions that fit it, with their words and why one cannot be used, beside each journey.
//!
//! Owns the way from the engine's table to the runbook's offers. Which action fits which cause is the engine's to say, who may
//! run it the runbook's; whether it would work there is found out by its plan.

use std::sync::Arc;

use api::journey::Act;
use api::{Answer, Journey, ObjectRef};
use journey::acts::{Fitting, fitting};
use runbook::library::Library;
use runbook::offer::{self, Standing, Subject};

use crate::actions;
use crate::sign_in::SigningIn;

/// What ships, for the causes: the engine's table names nothing else.
pub struct Acts {
    library: Option<Library>,
    signing_in: Option<Arc<SigningIn>>,
}

impl Acts {
    /// The actions that ship, offered to whoever is signed in there.
    pub fn new(signing_in: Option<Arc<SigningIn>>) -> Self {
        let library = Library::shipped();
        if let Err(faults) = &library {
            tracing::error!(
                ?faults,
                "what ships cannot be read: no action is offered at a cause"
            );
        }
        Self {
            library: library.ok(),
            signing_in,
        }
    }

    /// Says of every journey what fits its cause, as the person who looks may do it now.
    pub fn say(&self, answer: &mut Answer) {
        let Some(library) = &self.library else {
            return;
        };
        let roles = actions::roles(self.signing_in.as_deref());
        for journey in &mut answer.journeys {
            let fitting = fitting(journey).into_iter();
            let acts = fitting.filter_map(|one| act(library, journey, one, roles.as_deref()));
            journey.acts = acts.collect();
        }
    }
}

/// An action as it is offered on an object of a journey; none where it is not for such an object.
fn act(
    library: &Library,
    journey: &Journey,
    fitting: Fitting,
    roles: Option<&[String]>,
) -> Option<Act> {
    let action = library.action(fitting.action)?;
    let subject = subject(journey, &fitting.object);
    let offers = offer::offers(library, subject, roles);
    let offer = offers
        .into_iter()
        .find(|one| one.action == fitting.action)?;
    // What is not asked for would be refused.
    let mut inputs = fitting.inputs;
    inputs.retain(|name, _| action.inputs.iter().any(|input| input.name == *name));
    Some(Act {
        action: offer.action,
        title: offer.title,
        object: fitting.object,
        inputs,
        greyed: match offer.standing {
            Standing::Fits => None,
            Standing::Greyed { why, .. } => Some(why),
        },
    })
}

/// Whose an object is, as far as its journey tells: what ships is offered by kind and role, and the plan looks again.
fn subject<'a>(journey: &'a Journey, object: &'a ObjectRef) -> Subject<'a> {
    Subject {
        object,
        app: &journey.app,
        environment: &journey.environment,
    }
}

#[cfg(test)]
mod tests;
