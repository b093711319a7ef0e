//! The automations that would set a version back: Flux's image automation writes what an image policy says beside its marker.
//!
//! Owns which of them those are, and that they are suspended first.

use api::ObjectRef;
use api::headline::plain;
use serde_json::Value as Json;

use crate::git::Place;
use crate::ground::{Ground, Look};
use crate::step::object::Object;
use crate::step::{Planned, Unfit, suspend};

use super::chain::Chain;

const KIND: &str = "ImageUpdateAutomation";

/// Why an automation is suspended, where nobody said a reason.
const USUAL_REASON: &str = "A version was set by hand";

/// The namespaces in which automations over the repository are looked for: Flux lets one name a source of another namespace,
/// and by custom they stand beside the source or the Kustomization.
fn namespaces(chain: &Chain) -> Vec<&str> {
    let (source, by) = (
        &chain.source.namespace,
        &chain.applied.kustomization.namespace,
    );
    if source == by {
        vec![source]
    } else {
        vec![source, by]
    }
}

fn list(chain: &Chain, namespace: &str) -> Look {
    Look::All {
        system: chain.source.system.clone(),
        kind: KIND,
        namespace: namespace.to_owned(),
    }
}

/// What has to be read to find them.
pub(super) fn looks(chain: &Chain, places: &[Place], ground: &Ground) -> Vec<Look> {
    if places.iter().all(|place| place.marker.is_none()) {
        return Vec::new();
    }
    let mut looks: Vec<Look> = namespaces(chain)
        .into_iter()
        .map(|namespace| list(chain, namespace))
        .collect();
    if let Ok(found) = active(chain, places, ground) {
        looks.extend(found.into_iter().map(Look::Object));
    }
    looks
}

/// The automations that are not suspended and would write in one of these places.
fn active(chain: &Chain, places: &[Place], ground: &Ground) -> Result<Vec<ObjectRef>, String> {
    let mut active = Vec::new();
    for namespace in namespaces(chain) {
        for json in ground.all(&chain.source.system, KIND, namespace)? {
            let automation = Object::listed(&chain.source.system, KIND, json);
            if uses(&automation, chain)?
                && reaches(json, places)
                && !automation.flag("spec.suspend")?
            {
                active.push(automation.on);
            }
        }
    }
    Ok(active)
}

fn uses(automation: &Object<'_>, chain: &Chain) -> Result<bool, String> {
    let kind = automation
        .text("spec.sourceRef.kind")?
        .unwrap_or("GitRepository");
    let name = automation.text("spec.sourceRef.name")?;
    let namespace = automation.text("spec.sourceRef.namespace")?;
    let namespace = namespace.unwrap_or(&automation.on.namespace);
    let source = &chain.source;
    Ok(kind == source.kind && name == Some(&source.name) && namespace == source.namespace)
}

/// Whether it writes below a path in which one of the marked places stands.
fn reaches(json: &Json, places: &[Place]) -> bool {
    let path = json["spec"]["update"]["path"].as_str().unwrap_or_default();
    let path = path.trim_start_matches("./").trim_matches('/');
    let below = |place: &&Place| {
        let rest = place.file.strip_prefix(path);
        path.is_empty()
            || path == "."
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    places
        .iter()
        .filter(|place| place.marker.is_some())
        .any(|place| below(&place))
}

/// Suspends them, before anything else, and says so.
pub(super) fn suspended_first(
    chain: &Chain,
    places: &[Place],
    reason: &str,
    ground: &Ground,
) -> Result<Planned, Unfit> {
    let mut planned = Planned::default();
    let Some(marked) = places.iter().find(|place| place.marker.is_some()) else {
        return Ok(planned);
    };
    let policy = plain(marked.marker.as_deref().unwrap_or_default(), 120);
    let at = format!("{}:{}", plain(&marked.file, 120), marked.line);
    let found = match active(chain, places, ground) {
        Ok(found) => found,
        Err(why) => {
            planned.cautions.push(format!(
                "The image policy {policy} is marked at {at}, and whether an automation writes there cannot be told ({why}): it may set the version back"
            ));
            return Ok(planned);
        }
    };
    if found.is_empty() {
        planned.cautions.push(format!(
            "The image policy {policy} is marked at {at}. No automation over {} that is not suspended was found beside it; one in another namespace would set the version back",
            chain.source
        ));
    }
    let reason = if reason.is_empty() {
        USUAL_REASON
    } else {
        reason
    };
    for automation in found {
        let first = suspend::plan(true, &automation, reason, ground)?;
        planned.steps.extend(first.steps);
        planned.touches.extend(first.touches);
        planned.cautions.extend(first.cautions);
        planned.cautions.push(format!(
            "{automation} would set the version back: it is suspended first, and stays so until somebody resumes it"
        ));
    }
    Ok(planned)
}
