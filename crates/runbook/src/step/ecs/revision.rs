//! Another revision of a service's task definition.
//!
//! Owns which revisions may be named, and what differs between two. The proof is `rollout`'s.

use api::ObjectRef;
use api::headline::plain;
use facts::ecs::short;

use crate::Within;
use crate::action::{Parameter, Step, Value};
use crate::call::EcsChange;
use crate::ground::Ground;
use crate::plan::{Changed, PlannedStep};
use crate::step::ecs::service::Service;
use crate::step::ecs::{definition, unguarded};
use crate::step::object::Object;
use crate::step::{Planned, Said, Unfit};

/// The longest name of a family.
const LONGEST_FAMILY: usize = 255;

pub(super) fn plan(
    to: &Parameter,
    within: Within,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let what = "only a service runs a revision of a task definition";
    let service = Service::planned_on(ground, on, what)?;
    let to = said.value(to, "the revision")?;
    let runs = short(service.revision);
    let name = named(to, service.revision)?;
    let wanted = definition(on, &name);
    let found = ground
        .object(&wanted)
        .map_err(|why| format!("{wanted} cannot be read: {why}"))?;
    let found = found.ok_or_else(|| format!("{wanted} is not there"))?;
    let found = Object::new(&wanted, found);
    let arn = found.text("metadata.uid")?.unwrap_or_default();
    if short(arn) != name {
        return Err(Unfit {
            says: format!("AWS answers {wanted} with {}", plain(short(arn), 120)),
        });
    }
    let status = found.text("status.status")?.unwrap_or("in no state");
    if status != "ACTIVE" {
        return Err(Unfit {
            says: format!("{wanted} is {}: no service may run it", plain(status, 40)),
        });
    }
    let mut planned = Planned::default();
    let mut step = PlannedStep {
        step: Step::EcsSetTaskDefinition {
            to: Parameter::Fixed(Value::Text(arn.to_owned())),
            within,
        },
        on: on.clone(),
        says: format!("{on} is set to {name} already: there is nothing to do"),
        calls: Vec::new(),
        changes: Vec::new(),
    };
    if arn != service.revision {
        if service.wanted == 0 {
            return Err(Unfit {
                says: format!("{on} is set to 0 tasks: nothing would show that {name} works"),
            });
        }
        step.says = format!("Sets {on} from {} to {name}", plain(runs, 120));
        step.calls
            .push(service.call(EcsChange::TaskDefinition(arn.to_owned()))?);
        step.changes.push(Changed {
            object: on.clone(),
            field: "taskDefinition".to_owned(),
            from: Some(plain(runs, 120)),
            to: Some(name.clone()),
        });
        let before = images(&definition(on, runs), ground);
        let after = images(&wanted, ground)?;
        match before {
            Ok(before) => step.changes.extend(differing(on, &before, &after)),
            Err(why) => planned.cautions.push(format!(
                "Which images {} has cannot be told: {why}",
                plain(runs, 120)
            )),
        }
        planned.touches.push(service.replacement()?);
        if number(&name) > number(runs) {
            planned.cautions.push(format!(
                "{name} is newer than {}, which it is set to: this goes forward",
                plain(runs, 120)
            ));
        }
        planned.cautions.push(format!(
            "Whatever deploys {on} sets a revision of its own the next time: this lasts until then"
        ));
        planned.cautions.extend(service.before_a_deployment()?);
        planned.cautions.extend(unguarded(on, "ecs:UpdateService"));
    }
    planned.steps.push(step);
    Ok(planned)
}

/// `family:revision` of what was said, of the family that runs.
pub(super) fn named(to: &Value, runs: &str) -> Result<String, String> {
    let said = match to {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.trim().to_owned(),
    };
    let (family, _) = short(runs)
        .rsplit_once(':')
        .ok_or_else(|| "ECS does not say of which family the service runs".to_owned())?;
    let name = short(&said);
    let (of, revision) = match name.rsplit_once(':') {
        Some((of, revision)) => (of, revision),
        None => (family, name),
    };
    let is_number = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
    let revision = revision.parse::<u32>().ok().filter(|_| is_number);
    let revision = revision.filter(|number| *number > 0).ok_or_else(|| {
        let said = plain(&said, 120);
        format!("{said:?} is no revision: its number is, such as 42, or {family}:42")
    })?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if of.is_empty() || of.len() > LONGEST_FAMILY || !of.chars().all(fits) {
        let of = plain(of, 120);
        return Err(format!("{of:?} is no family of task definitions"));
    }
    if of != family {
        return Err(format!(
            "{of}:{revision} is of another family than {family}"
        ));
    }
    Ok(format!("{family}:{revision}"))
}

/// The ARN that a planned step is to set.
pub(super) fn planned(step: &PlannedStep) -> Option<&str> {
    match &step.step {
        Step::EcsSetTaskDefinition {
            to: Parameter::Fixed(Value::Text(arn)),
            ..
        } => Some(arn),
        _ => None,
    }
}

/// The images of a revision, by their containers' names.
pub(super) fn images(
    definition: &ObjectRef,
    ground: &Ground,
) -> Result<Vec<(String, String)>, String> {
    let found = ground.object(definition)?;
    let found = found.ok_or_else(|| format!("{definition} is not there any more"))?;
    let containers = Object::new(definition, found)
        .list("spec.containers")?
        .iter();
    let text = |json: &serde_json::Value| json.as_str().unwrap_or_default().to_owned();
    let named = containers.map(|one| (text(&one["name"]), text(&one["image"])));
    Ok(named.collect())
}

/// What of the images is another.
fn differing(
    on: &ObjectRef,
    before: &[(String, String)],
    after: &[(String, String)],
) -> Vec<Changed> {
    let of = |all: &[(String, String)], name: &str| {
        let found = all.iter().find(|(container, _)| container == name);
        found.map(|(_, image)| plain(image, 300))
    };
    let names = before.iter().chain(after).map(|(name, _)| name.as_str());
    let names: std::collections::BTreeSet<&str> = names.collect();
    let changes = names.into_iter().map(|name| Changed {
        object: on.clone(),
        field: format!("image of {}", plain(name, 120)),
        from: of(before, name),
        to: of(after, name),
    });
    changes.filter(|change| change.from != change.to).collect()
}

/// The number of a revision.
fn number(name: &str) -> Option<u32> {
    name.rsplit_once(':')?.1.parse().ok()
}
