//! Whose an object is, and where it stands: what an action on it has to be told with.
//!
//! Owns the answer for one object. What is not certain about production counts as production. A task of Amazon ECS is where its
//! service is.

use api::ObjectRef;
use facts::{Facts, Key, Kind};
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
    let service = service_of(facts, object);
    let object = service.as_ref().unwrap_or(object);
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

/// The service that an ECS task belongs to, as far as it was read.
fn service_of(facts: &Facts, object: &ObjectRef) -> Option<ObjectRef> {
    if object.kind != Kind::EcsTask.name() {
        return None;
    }
    let there = facts.clusters.get(&object.system)?;
    let task = there.pods.get(&Key::new(&object.namespace, &object.name))?;
    let mut owners = task.meta.owners.iter();
    let service = owners.find(|owner| owner.kind == Kind::EcsService.name())?;
    Some(ObjectRef::new(
        &object.system,
        &service.kind,
        &object.namespace,
        &service.name,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use crate::world::company::delivered;
    use crate::world::company::ecs::{AWS, SHOP};

    fn found(world: &World, kind: Kind, cluster: &str, name: &str) -> Whereabouts {
        let object = ObjectRef::new(AWS, kind.name(), cluster, name);
        where_is(&world.facts, &object, world.ago(0))
    }

    #[test]
    fn an_ecs_service_and_its_tasks_are_an_apps_and_in_production_where_the_cluster_says_so() {
        let world = delivered().with_ecs();
        let here = found(&world, Kind::EcsService, SHOP, "checkout");
        assert_eq!((here.app.as_str(), here.production), ("checkout", true));
        assert_eq!(here.environment, "production");
        let there = &world.facts.clusters[AWS];
        let task = there.pods.values().next().expect("one runs");
        assert_eq!(found(&world, Kind::EcsTask, SHOP, &task.meta.name), here);
    }

    #[test]
    fn an_ecs_service_that_nobody_knows_counts_as_production() {
        let world = delivered().with_ecs();
        for (kind, cluster, name) in [
            (Kind::EcsService, "unheard-of", "checkout"),
            (Kind::EcsTask, "unheard-of", "0a1b"),
        ] {
            let nobody = found(&world, kind, cluster, name);
            assert!(nobody.production, "{nobody:?}");
            assert_eq!(nobody.app, "");
        }
        let elsewhere = ObjectRef::new("gone", Kind::EcsService.name(), SHOP, "checkout");
        assert!(where_is(&world.facts, &elsewhere, world.ago(0)).production);
    }

    #[test]
    fn an_ecs_cluster_that_says_so_is_before_production() {
        let mut world = delivered().with_ecs();
        world.edit(AWS, |facts| {
            let labels = [("environment".to_owned(), "staging".to_owned())];
            let mut shop = facts.namespaces.get(SHOP).expect("there").clone();
            shop.meta.labels = labels.into();
            facts.namespaces.insert(SHOP.to_owned(), shop);
        });
        let here = found(&world, Kind::EcsService, SHOP, "checkout");
        assert_eq!(
            (here.environment.as_str(), here.production),
            ("staging", false)
        );
    }
}
