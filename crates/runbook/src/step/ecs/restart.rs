//! Restart of a service: a new deployment of the revision that it runs, which replaces every task.
//!
//! Owns when that would do nothing, and what it looks up anew.

use api::ObjectRef;
use api::headline::plain;
use facts::ecs::short;

use crate::action::Step;
use crate::call::EcsChange;
use crate::ground::Ground;
use crate::plan::{Changed, PlannedStep};
use crate::step::ecs::service::Service;
use crate::step::ecs::{definition, revision, tasks, unguarded};
use crate::step::{Planned, Unfit};

pub(super) fn plan(step: &Step, on: &ObjectRef, ground: &Ground) -> Result<Planned, Unfit> {
    let what = "only a service has deployments";
    let service = Service::planned_on(ground, on, what)?;
    if service.wanted == 0 {
        return Err(Unfit {
            says: format!("{on} is set to 0 tasks: there is nothing to restart"),
        });
    }
    let call = service.call(EcsChange::ForceDeployment)?;
    let before = service.primary().map(|one| one.name());
    let mut cautions = service.before_a_deployment()?;
    cautions.extend(moving(on, service.revision, ground));
    cautions.extend(unguarded(on, "ecs:UpdateService"));
    Ok(Planned {
        steps: vec![PlannedStep {
            step: step.clone(),
            on: on.clone(),
            says: format!(
                "Restarts {on}: {} of {}",
                tasks(service.wanted),
                plain(short(service.revision), 120)
            ),
            calls: vec![call],
            changes: vec![Changed {
                object: on.clone(),
                field: "PRIMARY deployment".to_owned(),
                from: before,
                to: Some("(a new one)".to_owned()),
            }],
        }],
        touches: vec![service.replacement()?],
        cautions,
    })
}

/// What a new deployment looks up anew: a tag that somebody has moved is another image.
fn moving(on: &ObjectRef, arn: &str, ground: &Ground) -> Vec<String> {
    let definition = definition(on, arn);
    match revision::images(&definition, ground) {
        Err(why) => vec![format!(
            "Whether a restart brings the same images cannot be told: {why}"
        )],
        Ok(images) => {
            let by_tag = images
                .iter()
                .filter(|(_, image)| !image.contains("@sha256:"));
            let by_tag = by_tag.map(|(_, image)| {
                let image = plain(image, 200);
                format!("{image} is named by its tag: it is looked up anew, and is another image if somebody has moved the tag")
            });
            by_tag.collect()
        }
    }
}
