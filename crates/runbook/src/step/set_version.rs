//! Set a version where it is declared: one commit, or one pull request, to the files that Flux applies.
//!
//! Owns what is read for it, the plan, and its words. `chain` leads from the object to its files, `version` says what a
//! version is, `edits` what becomes what, `automation` what would set it back, `proof` whether it runs.

mod automation;
mod chain;
mod edits;
mod felt;
mod proof;
mod released;
mod version;

use api::ObjectRef;
use api::headline::plain;

use crate::Within;
use crate::action::{Parameter, Step, Value};
use crate::call::{Call, Commit, Landing};
use crate::git::{DeclaredAt, Place, Wanted};
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::{Changed, PlannedStep};
use crate::step::object::Object;
use crate::step::{Effect, Planned, Said, Unfit};

use self::chain::{Chain, Gap, found, walk, wanted};
use self::edits::{changing, declared, edits, from, name, places_of};
use self::felt::felt;
use self::version::{Version, chart, whole};

/// What runs images beside the target.
const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"];

/// What the step says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub to: &'a Parameter,
    pub by: &'a Parameter,
    pub image: Option<&'a Parameter>,
    pub within: Within,
}

impl From<Gap> for Unfit {
    fn from(gap: Gap) -> Self {
        Self {
            says: match gap {
                Gap::Nowhere(says) => says,
                Gap::Look(looks) => format!("{} things were not looked at", looks.len()),
            },
        }
    }
}

/// A version of an image or its source, or a chart's.
enum Wish {
    Image(Version),
    Chart(String),
}

impl Wish {
    fn of(wanted: &Wanted, to: &str) -> Result<Self, String> {
        Ok(match wanted {
            Wanted::Chart(_) => Self::Chart(chart(to)?),
            _ => Self::Image(Version::parse(to)?),
        })
    }

    fn at(&self, place: &Place) -> Result<String, String> {
        match self {
            Self::Image(version) => version.at(place),
            Self::Chart(version) => Ok(version.clone()),
        }
    }
}

fn look(chain: &Chain, wanted: &Wanted) -> Look {
    Look::Declared {
        repository: chain.repository.clone(),
        branch: chain.branch.clone(),
        path: chain.path.clone(),
        wanted: wanted.clone(),
    }
}

pub(super) fn looks(on: &ObjectRef, ground: &Ground) -> Vec<Look> {
    let mut looks = vec![Look::Object(on.clone())];
    let chain = match walk(on, ground) {
        Ok(chain) => chain,
        Err(Gap::Look(more)) => {
            looks.extend(more);
            return looks;
        }
        Err(Gap::Nowhere(_)) => return looks,
    };
    if on.kind != "HelmRelease" {
        looks.extend(WORKLOADS.map(|kind| Look::All {
            system: on.system.clone(),
            kind,
            namespace: on.namespace.clone(),
        }));
    }
    for wanted in wanted(on, "", ground).unwrap_or_default() {
        let declared = look(&chain, &wanted);
        if let Ok(at) = ground.declared(&declared) {
            looks.extend(automation::looks(&chain, &at.places, ground));
        }
        looks.push(declared);
    }
    looks
}

pub(super) fn plan(
    asked: Asked<'_>,
    on: &ObjectRef,
    said: &Said<'_>,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let to = text(asked.to, said)?;
    let landing = landing(&text(asked.by, said)?)?;
    let picked = asked
        .image
        .map_or_else(|| Ok(String::new()), |image| text(image, said))?;
    let object = Object::planned_on(ground, on)?;
    let chain = walk(on, ground)?;
    can_follow(&object, &chain, ground)?;
    let (wanted, at) = declared(on, &picked, &chain, ground)?;
    let wish = Wish::of(&wanted, &to)?;
    let edits = edits(&wish, at)?;
    let step = Step::SetVersion {
        to: Parameter::Fixed(Value::Text(to.clone())),
        by: Parameter::Fixed(Value::Text(word(landing).to_owned())),
        image: match &wanted {
            Wanted::Image(repository) => Some(Parameter::Fixed(Value::Text(repository.clone()))),
            _ => None,
        },
        within: asked.within,
    };
    if edits.is_empty() {
        return already(&wanted, at, step, &to, on, &chain, ground);
    }
    let (name, from) = (name(&wanted), from(&edits));
    let changes = edits.iter().zip(changing(at, &edits));
    let changes = changes.map(|(edit, place)| Changed {
        object: on.clone(),
        field: plain(&format!("{}:{}", edit.file, edit.line), 240),
        from: Some(plain(&edit.from, 300)),
        to: Some(plain(&whole(place, &edit.to), 300)),
    });
    let changes = changes.collect();
    let commit = Commit {
        system: on.system.clone(),
        repository: chain.repository.clone(),
        branch: at.branch.clone(),
        head: at.head.clone(),
        path: chain.path.clone(),
        wanted: vec![wanted.clone()],
        message: message(&name, &from, &to, on, said.reason),
        edits,
        landing,
    };
    let how = match landing {
        Landing::Commit => "a commit to",
        Landing::PullRequest => "a pull request into",
    };
    let mut planned = automation::suspended_first(&chain, &at.places, said.reason, ground)?;
    planned.steps.push(PlannedStep {
        step,
        on: on.clone(),
        says: format!("Sets {name}{from} to {to} by {how} {}", commit.place()),
        calls: vec![Call::Commit(commit)],
        changes,
    });
    let felt = felt(&wanted, on, &object, &chain, at, ground);
    planned.touches.extend(felt.touches);
    planned.cautions.extend(felt.cautions);
    if landing == Landing::PullRequest {
        let says = "Nothing runs differently before somebody merges the pull request";
        planned.touches.insert(0, says.to_owned());
    }
    Ok(planned)
}

/// Where Git says the version already: there is nothing to do if it runs, and otherwise something else is in the way.
fn already(
    wanted: &Wanted,
    at: &DeclaredAt,
    step: Step,
    to: &str,
    on: &ObjectRef,
    chain: &Chain,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let name = name(wanted);
    let effect = proof::stands(to, wanted, on, chain, ground).unwrap_or_else(|early| early);
    let says = match effect {
        Effect::Worked { says } => {
            format!("Git says {name} {to} already, and {says}: there is nothing to do")
        }
        Effect::NotYet { says } | Effect::Failed { says } | Effect::Unknown { says } => {
            return Err(Unfit {
                says: format!(
                    "{} says {name} {to} already, and it has not come: {says}",
                    places_of(&at.places)
                ),
            });
        }
    };
    let step = PlannedStep {
        step,
        on: on.clone(),
        says,
        calls: Vec::new(),
        changes: Vec::new(),
    };
    Ok(Planned {
        steps: vec![step],
        ..Planned::default()
    })
}

/// A parameter's value as text.
fn text(parameter: &Parameter, said: &Said<'_>) -> Result<String, String> {
    match said.value(parameter, "what it is set to")? {
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
    }
}

/// How a commit lands, by its word in a file.
pub(crate) fn landing(word: &str) -> Result<Landing, String> {
    match word {
        "commit" => Ok(Landing::Commit),
        "pullRequest" => Ok(Landing::PullRequest),
        other => Err(format!(
            "'{}' is neither commit nor pullRequest",
            plain(other, 60)
        )),
    }
}

fn word(landing: Landing) -> &'static str {
    match landing {
        Landing::Commit => "commit",
        Landing::PullRequest => "pullRequest",
    }
}

/// That a commit reaches the object.
fn can_follow(object: &Object<'_>, chain: &Chain, ground: &Ground) -> Result<(), Unfit> {
    let on = &object.on;
    if on.kind == "Deployment" && object.flag("spec.paused")? {
        return Err(format!("{on} is paused: its pods would not be replaced").into());
    }
    let between = [&chain.applied.kustomization, &chain.source];
    for next in between.into_iter().chain(&chain.applied.releases) {
        if found(ground, next)?.flag("spec.suspend")? {
            return Err(
                format!("{next} is suspended: what is committed would not reach {on}").into(),
            );
        }
    }
    Ok(())
}

fn message(name: &str, from: &str, to: &str, on: &ObjectRef, reason: &str) -> String {
    let mut message = format!("Set {name}{from} to {to} for {on} on {}", on.system);
    if !reason.is_empty() {
        message.push_str(&format!("\n\nWhy: {reason}"));
    }
    message
}

pub(super) fn watches(step: &PlannedStep, run: &RunId, ground: &Ground) -> Vec<Look> {
    proof::watches(step, run, ground)
}

pub(super) fn seen(
    asked: Asked<'_>,
    step: &PlannedStep,
    run: &RunId,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let fixed = |parameter: &Parameter| match parameter {
        Parameter::Fixed(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let Some(to) = fixed(asked.to) else {
        return Err(Effect::Unknown {
            says: format!("Which version {} shall have is not in the plan", step.on),
        });
    };
    let wanted = match asked.image.and_then(fixed) {
        Some(repository) => Wanted::Image(repository),
        // Of a release there is one, unless that cannot be read: then nothing is proven by it.
        None => wanted(&step.on, "", ground)
            .ok()
            .and_then(|all| all.into_iter().next())
            .unwrap_or_else(|| Wanted::Chart(step.on.name.clone())),
    };
    proof::seen(&to, &wanted, step, run, ground)
}
