//! A chart that chooses the image itself, at a version that the HelmRelease pins: only a person changes that.
//!
//! Owns what the workload tells of a chart that nobody opens: what Helm installed from it names its image.

use api::{Sentence, State};
use facts::code::{DeclaredChart, DeclaredHistory};
use facts::flux::HelmRelease;
use facts::image::ImageReference;
use facts::meta::Kind;

use super::written;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::images;
use crate::route::Configuration;
use crate::stages::{Case, rollout};
use crate::view::Learned;

/// The chart's version that keeps the commit away; `None` where that cannot be told. `declared` is what Git says of the
/// place that the HelmRelease is applied from.
pub fn pinned(
    case: &Case<'_, '_>,
    helm: &HelmRelease,
    declared: Option<(&Configuration, &DeclaredHistory)>,
) -> Learned<Option<Finding>> {
    let place = case.target.place;
    let Some(version) = helm.chart_version.as_deref().filter(|one| is_exact(one)) else {
        return Ok(None);
    };
    if !is_published(helm) || !is_installed(helm, version) || !is_of_release(case, helm) {
        return Ok(None);
    }
    let Some(container) = case.target.applied_container() else {
        return Ok(None);
    };
    let image = ImageReference::parse(&container.image);
    if images::contents(case.view, case.key, case.commit, &image)?.contains() {
        return Ok(None);
    }
    let release = evidence::object(place, Kind::HelmRelease.name(), &helm.meta.key());
    let says = evidence::evidence(&release, "spec.chart.spec.version", version, None);
    let workload = evidence::workload(place, case.target.applied);
    let field = format!("spec.template.spec.containers[{}].image", container.name);
    let names = evidence::evidence(&workload, field, &container.image, None);
    let line = match declared {
        None => None,
        Some((at, history)) => {
            let Some(line) = line(history, helm, version) else {
                return Ok(None);
            };
            Some((evidence::file(&at.repository, &line.file), line))
        }
    };
    let object = line.as_ref().map_or(&release, |(file, _)| file).clone();
    let chart = helm.chart.as_deref().unwrap_or_default();
    let sentence = Sentence::default()
        .words("chart ")
        .name(format!("{chart} {version}"))
        .words(" names ")
        .name(written(&image))
        .words(": a person has to change the chart's version in ")
        .object(&object);
    let line = line.map(|(file, line)| {
        evidence::evidence(&file, format!("line {}", line.line), version, None)
    });
    Ok(Some(
        Finding::new(
            CauseCode::ReleaseNeedsPromotion,
            State::NeedsPromotion,
            object,
            sentence,
        )
        .proof(line)
        .proof([says, names]),
    ))
}

/// Whether a version is one, and no range: three numbers, and nothing that stands for several.
fn is_exact(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (numbers, rest) = match version.find(['-', '+']) {
        Some(at) => version.split_at(at),
        None => (version, ""),
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-+.".contains(c);
    numbers.split('.').filter(|part| is_number(part)).count() == 3
        && numbers.split('.').count() == 3
        && rest.chars().all(is_plain)
}

/// Whether a version of the chart is the same for ever: one that is packed from a folder is not.
fn is_published(helm: &HelmRelease) -> bool {
    let kind = helm.source.as_ref().map(|source| source.kind.as_str());
    kind == Some(Kind::HelmRepository.name())
}

/// Whether Helm has installed just that version, and nothing is under way.
fn is_installed(helm: &HelmRelease, version: &str) -> bool {
    let newest = helm.history.first();
    helm.observed_generation >= helm.meta.generation
        && newest.is_some_and(|one| one.status == "deployed" && one.chart_version == version)
}

/// Whether the workload as we see it is what this release made of it: nobody changed it, and it was seen since.
fn is_of_release(case: &Case<'_, '_>, helm: &HelmRelease) -> bool {
    let (place, workload) = (case.target.place, case.target.applied);
    let Some(installed) = helm.history.first().and_then(|one| one.last) else {
        return false;
    };
    let is_since = place.is_seen_since(workload.kind, &workload.meta.namespace, installed);
    workload.edited.is_none() && (is_since || !rollout::is_fresh(case, Some(installed)))
}

/// Where Git names that version, if it names no other.
fn line<'a>(
    history: &'a DeclaredHistory,
    helm: &HelmRelease,
    version: &str,
) -> Option<&'a DeclaredChart> {
    let mut named = history
        .charts
        .iter()
        .filter(|one| one.release == helm.meta.name);
    let first = named.next()?;
    (first.version == version && named.next().is_none()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::is_exact;

    #[test]
    fn a_range_is_no_version() {
        for version in ["0.2.0", "v1.2.3", "1.2.3-rc.1", "1.2.3+build.5"] {
            assert!(is_exact(version), "{version}");
        }
        for range in [
            "",
            "*",
            "1",
            "1.2",
            "1.2.x",
            "^1.2.3",
            "~1.2.3",
            ">=1.2.3",
            "1.2.3 || 2.0.0",
            "1.2.3 - 2.0.0",
            "1.2.3.4",
        ] {
            assert!(!is_exact(range), "{range}");
        }
    }
}
