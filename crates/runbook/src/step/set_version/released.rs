//! Seeing that a HelmRelease has released a version of its chart, or says why not.
//!
//! Owns what of its status is taken for that.

use api::ObjectRef;
use api::headline::plain;
use serde_json::Value as Json;

use crate::ground::Ground;
use crate::step::Effect;
use crate::step::object::Object;

use super::chain::{chart_source, found};
use super::proof::{failed, not_yet, unknown};
use super::version::{Version, is_chart};

/// A release whose chart's version is in the release itself.
pub(super) fn release(to: &str, on: &ObjectRef, ground: &Ground) -> Result<Effect, Effect> {
    let object = found(ground, on)?;
    let asked = object.text("spec.chart.spec.version")?.unwrap_or_default();
    if asked != to {
        return Ok(not_yet(format!(
            "{on} still asks for chart version {}",
            plain(asked, 80)
        )));
    }
    let deployed = deployed(&object)?;
    let version = deployed.get("chartVersion").and_then(Json::as_str);
    if version.is_some_and(|version| is_chart(to, version)) {
        return Ok(Effect::Worked {
            says: format!(
                "{on} has released chart version {}, and is Ready",
                plain(to, 80)
            ),
        });
    }
    Ok(not_yet(format!(
        "{on} has released chart version {}",
        plain(version.unwrap_or("that it does not say"), 80)
    )))
}

/// A release whose chart an OCIRepository fetches.
pub(super) fn release_of_source(
    to: &str,
    on: &ObjectRef,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let version = Version::parse(to)?;
    let object = found(ground, on)?;
    let source = found(ground, &chart_source(&object)?)?;
    let revision = source.text("status.artifact.revision")?.unwrap_or_default();
    let Some((tag, digest)) = revision.split_once('@') else {
        return Ok(not_yet(format!(
            "{} has not fetched {} yet",
            source.on,
            plain(to, 80)
        )));
    };
    let is_it = version.tag.as_deref().is_none_or(|wanted| wanted == tag)
        && version
            .digest
            .as_deref()
            .is_none_or(|wanted| wanted == digest);
    if !is_it || !source.is_observed()? {
        return Ok(not_yet(format!(
            "{} is still at {}",
            source.on,
            plain(revision, 120)
        )));
    }
    let deployed = deployed(&object)?;
    match deployed.get("ociDigest").and_then(Json::as_str) {
        Some(released) if released == digest => Ok(Effect::Worked {
            says: format!("{on} has released {}, and is Ready", plain(revision, 120)),
        }),
        Some(_) => Ok(not_yet(format!(
            "{on} has not released {} yet",
            plain(to, 80)
        ))),
        None => Ok(unknown(format!(
            "{on} does not say which digest it has released: whether it is {} cannot be told",
            plain(to, 80)
        ))),
    }
}

/// The newest release in a HelmRelease's history, which is deployed and Ready as it is now.
fn deployed<'a>(object: &Object<'a>) -> Result<&'a Json, Effect> {
    let on = &object.on;
    if let Some(effect) = not_well(object)? {
        return Err(effect);
    }
    if !object.is_observed()? {
        return Err(not_yet(format!(
            "{on} has changed, and Flux has not seen the change yet"
        )));
    }
    let generation = object.generation()?;
    let ready = object.condition("Ready")?;
    let is_ready = ready.is_some_and(|ready| {
        ready.status == "True" && ready.generation.is_none_or(|of| of >= generation)
    });
    if !is_ready {
        let words = ready.map_or_else(|| "nothing is said".to_owned(), |ready| ready.words());
        return Err(not_yet(format!("{on} is not Ready yet ({words})")));
    }
    let newest = object.list("status.history")?.first();
    let newest = newest.filter(|newest| newest["status"] == "deployed");
    newest.ok_or_else(|| not_yet(format!("{on} has no deployed release yet")))
}

/// What a release says of itself that is in the way.
pub(super) fn not_well(release: &Object<'_>) -> Result<Option<Effect>, Effect> {
    let on = &release.on;
    if release.flag("spec.suspend")? {
        return Ok(Some(failed(format!(
            "{on} has been suspended since: it does not follow Git"
        ))));
    }
    let generation = release.generation()?;
    let of_now = |of: Option<i64>| of == Some(generation);
    if let Some(stalled) = release.condition("Stalled")?
        && stalled.status == "True"
        && of_now(stalled.generation)
    {
        return Ok(Some(failed(format!(
            "{on} has given up ({})",
            stalled.words()
        ))));
    }
    let ready = release.condition("Ready")?;
    let ready = ready.filter(|ready| ready.status == "False");
    Ok(ready.map(|ready| not_yet(format!("{on} is not Ready ({})", ready.words()))))
}
