//! A chart that lies in the GitOps repository, beside what the Kustomization applies: what a commit to it comes to.
//!
//! Owns whether the chart that Helm installed was packed from the commit. The manifests that a Kustomization builds say
//! nothing about it: they hold the HelmRelease, not what its chart makes.

use std::collections::BTreeSet;

use api::{Sentence, StageKind};
use facts::code::{Commit, repository_key};
use facts::flux::{HelmRelease, Source};
use facts::meta::Kind;

use super::Way;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::Finding;
use crate::images::is_hex;
use crate::route;
use crate::stages::{Case, rollout, source};
use crate::view::{Gap, Learned};

/// How a chart in the same repository stands to a commit.
pub enum Chart {
    /// There is none, or the commit does not touch it.
    Untouched,
    /// What Helm installed was packed from a commit that contains it.
    InEffect,
    /// It is not in effect, at this stage because of this.
    Not(StageKind, Box<Finding>),
}

/// How the chart of a way's HelmRelease stands to a commit of the same repository.
pub fn standing(case: &Case<'_, '_>, way: &Way<'_>, known: &Commit) -> Learned<Chart> {
    let place = case.target.place;
    let Some((helm, follower, folder)) = beside(case, way)? else {
        return Ok(Chart::Untouched);
    };
    // Its values' files may lie beside it, and so may charts that it is made of.
    let touched = case.view.touched(case.key, case.commit)?;
    let is_touched = touched.iter().any(|path| helm.values_files.contains(path))
        || case
            .view
            .concerns(case.key, case.commit, &folder, &BTreeSet::new())?;
    if !is_touched {
        return Ok(Chart::Untouched);
    }
    let release = evidence::object(place, "HelmRelease", &helm.meta.key());
    let wait = |what: String| {
        let sentence = Sentence::default().object(&release).words(what);
        let finding = Finding::moving(CauseCode::ApplyPending, release.clone(), sentence);
        Ok(Chart::Not(StageKind::Apply, Box::new(finding)))
    };
    let Some(fetched) = &follower.artifact else {
        return wait(" has no chart yet: its source was never fetched".to_owned());
    };
    let at = source::commit_of(follower, &fetched.revision)?;
    if !case
        .view
        .contained(&way.place.repository, case.commit, at)?
    {
        return wait(" waits for its chart's source to be fetched".to_owned());
    }
    let made = helm.helm_chart.as_ref();
    let named = helm.source.as_ref();
    let named = named.filter(|one| one.kind == Kind::HelmChart.name());
    let chart = match made.or(named) {
        Some(reference) => route::source(place, reference)?,
        None => None,
    };
    let packed = chart.and_then(|chart| Some((chart, chart.artifact.as_ref()?)));
    let Some((chart, packed)) = packed else {
        return wait(" has no chart yet".to_owned());
    };
    let version = packed.revision.text.as_str();
    // With the strategy Revision the version ends in the beginning of the commit it was packed from.
    let from = version
        .split_once('+')
        .and_then(|(_, built)| built.split('.').next())
        .filter(|built| built.len() >= 7 && is_hex(built));
    match (from, packed.updated.zip(fetched.updated)) {
        (Some(from), _) if at.starts_with(from) || case.commit.starts_with(from) => {}
        (Some(_), _) => return wait(" waits for its chart to be packed anew".to_owned()),
        (None, Some((packed, fetched))) if packed >= fetched => {}
        (None, Some((packed, fetched))) if packed < known.at => {
            let until = fetched.checked_add(rollout::IN_STEP).ok();
            if until.is_some_and(|until| !place.is_past(until)) {
                return wait(" waits for its chart to be looked at".to_owned());
            }
            let finding = not_bumped(case, way, chart, version, &folder);
            return Ok(Chart::Not(StageKind::Release, Box::new(finding)));
        }
        _ => {
            return Err(Gap::new(format!(
                "chart version {version} does not say which commit it was packed from"
            )));
        }
    }
    let installed = helm.history.first();
    match installed.filter(|installed| installed.chart_version == version) {
        Some(_) => Ok(Chart::InEffect),
        None => wait(format!(" has not taken up chart version {version} yet")),
    }
}

/// The HelmRelease whose chart lies in the way's own repository, the source of the chart, and its folder.
fn beside<'a>(
    case: &Case<'_, 'a>,
    way: &Way<'a>,
) -> Learned<Option<(&'a HelmRelease, &'a Source, String)>> {
    let place = case.target.place;
    let Some((helm, named)) = way
        .path
        .helm
        .and_then(|helm| Some((helm, helm.source.as_ref()?)))
    else {
        return Ok(None);
    };
    // The release names the chart's source and folder, or a HelmChart that does.
    let (folder, reference) = if named.kind == Kind::HelmChart.name() {
        let chart = route::source(place, named)?;
        (
            chart.and_then(|chart| chart.chart.as_ref()),
            chart.and_then(|chart| chart.chart_source.as_ref()),
        )
    } else {
        (helm.chart.as_ref(), Some(named))
    };
    let (Some(folder), Some(reference)) = (folder, reference) else {
        return Ok(None);
    };
    if reference.kind != Kind::GitRepository.name() {
        return Ok(None);
    }
    let source = route::source(place, reference)?;
    let folder = folder.trim_start_matches("./").trim_matches('/').to_owned();
    Ok(source
        .filter(|source| repository_key(&source.url) == way.place.repository)
        .map(|source| (helm, source, folder)))
}

fn not_bumped(
    case: &Case<'_, '_>,
    way: &Way<'_>,
    chart: &Source,
    version: &str,
    folder: &str,
) -> Finding {
    let file = match folder {
        "" => "Chart.yaml".to_owned(),
        folder => format!("{folder}/Chart.yaml"),
    };
    let file = evidence::file(&way.place.repository, &file);
    let object = evidence::object(case.target.place, "HelmChart", &chart.meta.key());
    let sentence = Sentence::default()
        .words("it changes the chart, but not its version ")
        .name(version)
        .words(" in ")
        .object(&file)
        .words(", and ")
        .object(&object)
        .words(" packs a chart anew only for a new version");
    let updated = chart.artifact.as_ref().and_then(|one| one.updated);
    let proof = evidence::evidence(&object, "status.artifact.revision", version, updated);
    Finding::blocked(CauseCode::ReleaseChartNotBumped, file, sentence).proof([proof])
}
