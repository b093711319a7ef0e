//! Whose an object is, and where it stands: what an action on it has to be told with.
//!
//! Owns the answer for one object. What is not certain about production counts as production.

use api::ObjectRef;
use facts::Facts;
use jiff::Timestamp;

use crate::discover::{Roll, Targets};
use crate::environment::{is_before_production, of_namespace};
use crate::index::Index;
use crate::trace::Trace;
use crate::view::View;

/// Whose an object is, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The app that it runs; empty where it is none's.
    pub app: String,
    /// Its environment; empty where its system is not known.
    pub environment: String,
    /// Whether that is production, or nobody can tell.
    pub production: bool,
}

/// Where an object is, from what is known. `now` is the time by our own clock.
pub fn where_is(facts: &Facts, object: &ObjectRef, now: Timestamp) -> Whereabouts {
    let indexes = Index::all(&facts.clusters);
    let trace = Trace::new(false);
    let view = View::new(facts, &indexes, &trace, now, false);
    let Some(place) = view.place(&object.system) else {
        return Whereabouts {
            production: true,
            ..Whereabouts::default()
        };
    };
    let roll = Roll::there(&view);
    let targets = Targets::new(&view, &roll);
    let is_it = |found: &&crate::discover::Found| {
        let (kind, key) = found.applied();
        let applied = ObjectRef::new(found.cluster(), kind.name(), &key.namespace, &key.name);
        found.object() == *object || applied == *object
    };
    let found = targets.found().find(is_it);
    let (app, environment) = match found {
        Some(found) => (found.app.clone(), found.environment.clone()),
        None => (
            String::new(),
            of_namespace(view.team(), place, &object.namespace),
        ),
    };
    Whereabouts {
        app,
        production: !is_before_production(&environment),
        environment,
    }
}
