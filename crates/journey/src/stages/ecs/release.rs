//! Stage 4 of ECS: a revision of a task definition names an image that contains the commit.
//!
//! Owns which revisions are looked into: those that the service, its deployments and its family's newest name.

use api::{Sentence, StageKind, State};
use facts::ecs::TaskDefinition;
use facts::image::ImageReference;
use facts::kubernetes::Container;
use facts::meta::Kind;

use super::{definition, service};
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::{self, Built, Contents};
use crate::stages::Case;
use crate::view::{Gap, Learned};

/// A revision that names an image with the commit.
pub struct Named<'a> {
    /// The revision.
    pub definition: &'a TaskDefinition,
    /// Its container that is the app's own.
    container: &'a Container,
    /// The image, and what it contains.
    pub built: Built,
}

/// How the release stands, and the image that is named, if one with the commit is.
pub fn outcome(
    case: &Case<'_, '_>,
    built: &Learned<Option<Built>>,
    template: &Learned<Contents>,
) -> (Outcome, Option<Built>) {
    let stage = StageKind::Release;
    // What the service names is known without the other revisions.
    let found = match template {
        Err(gap) => Err(gap.clone()),
        Ok(_) => named(case),
    };
    match found {
        Err(gap) => (Outcome::unknown(stage, &gap), None),
        Ok(Some(named)) => {
            let object = definition(case.target.place, &named.definition.arn);
            let at = named.definition.registered;
            let field = format!("containerDefinitions[{}].image", named.container.name);
            let outcome = Outcome::done(stage, Sentence::default().object(&object))
                .since(at)
                .proof([evidence::evidence(
                    &object,
                    field,
                    &named.container.image,
                    at,
                )]);
            (outcome, Some(named.built))
        }
        Ok(None) => match built {
            Ok(Some(built)) => (Outcome::found(stage, unnamed(case, built)), None),
            // Without an image there is nothing to register.
            _ => (Outcome::not_reached(stage), None),
        },
    }
}

/// The revision that names an image with the commit: the service's own, else the one that was deployed last, else the
/// newest of the family. `None` only where all that may name one were read.
pub fn named<'a>(case: &Case<'_, 'a>) -> Learned<Option<Named<'a>>> {
    let place = case.target.place;
    let namespace = case.target.namespace();
    let Some(service) = service(place, case.target.workload) else {
        return Err(Gap::new(format!(
            "what {} deploys is not known",
            case.workload()
        )));
    };
    let of_changes = service.service_deployments.iter();
    let of_deployments = service.deployments.iter();
    let arns = [&service.task_definition]
        .into_iter()
        .chain(of_changes.map(|one| &one.task_definition))
        .chain(of_deployments.map(|one| &one.task_definition))
        .chain(&service.newest_task_definition);
    let mut gap: Option<Gap> = None;
    let mut seen: Vec<&str> = Vec::new();
    for arn in arns.filter(|arn| !arn.is_empty()) {
        if seen.contains(&arn.as_str()) {
            continue;
        }
        seen.push(arn);
        let Some(definition) = place.task_definition(arn) else {
            continue;
        };
        let Some(container) = own(case, definition) else {
            continue;
        };
        let reference = ImageReference::parse(&container.image);
        match images::contents(case.view, case.key, case.commit, &reference) {
            Ok(contents) if contents.contains() => {
                return Ok(Some(Named {
                    definition,
                    container,
                    built: Built {
                        reference,
                        contents,
                    },
                }));
            }
            Ok(_) => {}
            Err(why) => gap = Some(gap.filter(|one| one.pending).unwrap_or(why)),
        }
    }
    if let Some(gap) = gap {
        return Err(gap);
    }
    place.whole(Kind::EcsService, namespace)?;
    place.whole(Kind::EcsTaskDefinition, namespace)?;
    place.whole(Kind::EcsServiceDeployment, namespace)?;
    Ok(None)
}

/// The app's own container in a revision: the one of the same name, else one of the same image.
fn own<'a>(case: &Case<'_, '_>, definition: &'a TaskDefinition) -> Option<&'a Container> {
    let containers = || definition.containers.iter().filter(|one| !one.init);
    let named = containers().find(|one| one.name == case.target.container.name);
    let repository = &case.target.image.repository;
    named.or_else(|| {
        containers().find(|one| ImageReference::parse(&one.image).repository == *repository)
    })
}

fn unnamed(case: &Case<'_, '_>, built: &Built) -> Finding {
    let place = case.target.place;
    let object = case.workload();
    let uses = case.target.workload.update_revision.as_deref();
    let uses = definition(place, uses.unwrap_or_default());
    let sentence = Sentence::default()
        .words("no task definition of ")
        .object(&object)
        .words(" names the image ")
        .name(super::super::release::written(&built.reference))
        .words(": a revision has to be registered, and the service updated to it");
    let field = format!("containerDefinitions[{}].image", case.target.container.name);
    let proof = [
        evidence::evidence(&object, "taskDefinition", &uses.name, None),
        evidence::evidence(&uses, field, &case.target.container.image, None),
    ];
    Finding::new(
        CauseCode::EcsNoTaskDefinition,
        State::NeedsPromotion,
        object,
        sentence,
    )
    .proof(proof)
}
