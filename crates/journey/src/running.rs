//! What runs in a target now, and whether it is well: never mixed with the fate of the commit asked for.
//!
//! Owns the choice of the version that serves while two run side by side.

use std::collections::BTreeMap;

use api::journey::{Commit, Health, Running};
use facts::image::ImageReference;
use facts::kubernetes::Pod;
use jiff::Timestamp;

use crate::discover::Target;
use crate::evidence;
use crate::images;
use crate::stages::pods::Crew;
use crate::stages::trouble;
use crate::view::{Learned, View};

/// What runs in a target.
pub fn running(view: &View<'_>, target: &Target<'_>, crew: &Learned<Crew<'_>>) -> Running {
    let workload = target.workload;
    let mut running = Running {
        workload: evidence::workload(target.place, workload),
        image: target.container.image.clone(),
        commit: None,
        since: None,
        health: Health::Unknown,
        ready: workload.ready.min(workload.wanted),
        wanted: workload.wanted,
    };
    let Ok(crew) = crew else {
        return running;
    };
    let alive = || crew.old.iter().chain(&crew.current).copied();
    let ready = alive()
        .filter(|pod| trouble::is_ready(target.place, pod))
        .count();
    running.ready = u32::try_from(ready)
        .unwrap_or(u32::MAX)
        .min(workload.wanted);
    running.health = match (running.ready, running.wanted) {
        (_, 0) => Health::ScaledToZero,
        (0, _) => Health::Down,
        (ready, wanted) if ready < wanted => Health::Degraded,
        _ => Health::Healthy,
    };
    let Some((image, since)) = serving(target, alive()) else {
        return running;
    };
    running.since = since;
    running.image = match (&image.tag, &image.digest) {
        (Some(tag), Some(digest)) => format!("{}:{tag}@{digest}", image.repository),
        (_, Some(digest)) => format!("{}@{digest}", image.repository),
        _ => image.repository.clone(),
    };
    if let Ok(Some(key)) = &target.source
        && let Some(digest) = &image.digest
        && let Ok(Some(sha)) = images::revision(view, key, &image.repository, digest)
    {
        running.commit = commit(view, key, &sha);
    }
    running
}

/// The image with the most ready pods, the older on a tie; and when the first of its pods was created.
fn serving<'a>(
    target: &Target<'_>,
    pods: impl Iterator<Item = &'a Pod>,
) -> Option<(ImageReference, Option<Timestamp>)> {
    let mut groups: BTreeMap<ImageReference, (usize, Option<Timestamp>)> = BTreeMap::new();
    for pod in pods {
        let status = pod
            .containers
            .iter()
            .find(|status| status.name == target.container.name && !status.init);
        let Some(image) = status.and_then(images::running) else {
            continue;
        };
        let group = groups.entry(image).or_insert((0, pod.meta.created));
        group.0 += usize::from(trouble::is_ready(target.place, pod));
        group.1 = group.1.min(pod.meta.created);
    }
    groups
        .into_iter()
        .max_by_key(|(_, (ready, created))| (*ready, std::cmp::Reverse(*created)))
        .map(|(image, (_, created))| (image, created))
}

/// How many ready pods run what [`running`] names, and whether it is certain that they are of an older template: no pod
/// of the newest is ready.
pub fn share(target: &Target<'_>, crew: &Crew<'_>, running: &Running) -> (usize, bool) {
    let is_ready = |pod: &&&Pod| trouble::is_ready(target.place, pod);
    let runs_it = |pod: &&&Pod| {
        pod.containers
            .iter()
            .filter(|status| status.name == target.container.name && !status.init)
            .filter_map(images::running)
            .filter_map(|image| image.digest)
            .any(|digest| running.image.ends_with(&format!("@{digest}")))
    };
    let ready = crew.old.iter().chain(&crew.current).filter(is_ready);
    let pods = ready.filter(runs_it).count();
    (pods, !crew.current.iter().any(|pod| is_ready(&pod)))
}

/// A commit as people know it, if its subject and author are known.
pub fn commit(view: &View<'_>, key: &str, sha: &str) -> Option<Commit> {
    let known = view.commit(key, sha).ok().flatten()?;
    Some(Commit {
        repository: key.to_owned(),
        sha: known.sha.clone(),
        subject: known.subject.clone(),
        author: known.author.clone(),
        at: known.at,
    })
}
