//! Seeing that a version runs: the commit is there, Flux has applied it, and what runs is of that version.
//!
//! Owns the proof. The version of what runs is read for itself, and decides: a commit that was applied is none, and neither
//! is a tag where a digest decides.

use api::ObjectRef;
use api::headline::{plain, short};

use crate::call::{Call, Commit, Landing};
use crate::git::Wanted;
use crate::ground::{Ground, Look};
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::Effect;
use crate::step::object::Object;
use crate::step::restart::stuck;
use crate::step::rollout::Pods;
use crate::step::words::{are, pods};

use super::chain::{Chain, Gap, found, images, walk};
use super::released::{not_well, release, release_of_source};
use super::version::{Is, Version};

impl From<Gap> for Effect {
    fn from(gap: Gap) -> Self {
        Self::Unknown {
            says: match gap {
                Gap::Nowhere(says) => says,
                Gap::Look(looks) => format!("{} things were not looked at", looks.len()),
            },
        }
    }
}

pub(super) fn not_yet(says: String) -> Effect {
    Effect::NotYet { says }
}

pub(super) fn failed(says: String) -> Effect {
    Effect::Failed { says }
}

pub(super) fn unknown(says: String) -> Effect {
    Effect::Unknown { says }
}

pub(super) fn watches(step: &PlannedStep, run: &RunId, ground: &Ground) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(commit) = step.calls.iter().find_map(Call::commit) {
        looks.push(commit.look(run));
        if commit.landing == Landing::PullRequest {
            return looks;
        }
    }
    looks.push(Look::Object(step.on.clone()));
    if let Err(Gap::Look(more)) = walk(&step.on, ground) {
        looks.extend(more);
    }
    looks
}

/// `wanted`: whose version it is, where the plan commits nothing.
pub(super) fn seen(
    to: &str,
    wanted: &Wanted,
    step: &PlannedStep,
    run: &RunId,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let on = &step.on;
    let commit = step.calls.iter().find_map(Call::commit);
    let made = match commit {
        Some(commit) if commit.landing == Landing::PullRequest => {
            return pull_request(commit, run, ground);
        }
        Some(commit) => Some((commit, landed(commit, run, ground)?)),
        None => None,
    };
    if ground.object(on)?.is_none() {
        return Err(failed(format!("{on} is not there any more")));
    }
    let chain = walk(on, ground)?;
    if let Some((commit, sha)) = &made {
        if chain.repository != commit.repository || chain.branch != commit.branch {
            return Err(unknown(format!(
                "{on} is applied from branch {} of {} by now, and the commit is on another",
                plain(&chain.branch, 120),
                plain(&chain.repository, 120)
            )));
        }
        applied(&chain, commit, sha, ground)?;
    }
    let wanted = commit
        .and_then(|commit| commit.wanted.first())
        .unwrap_or(wanted);
    let effect = stands(to, wanted, on, &chain, ground)?;
    Ok(match (effect, made) {
        (Effect::Worked { says }, Some((_, sha))) => Effect::Worked {
            says: format!("{says}; commit {}", short(&sha)),
        },
        (effect, _) => effect,
    })
}

fn pull_request(commit: &Commit, run: &RunId, ground: &Ground) -> Result<Effect, Effect> {
    let landed = ground.landed(&commit.look(run)).map_err(|why| {
        unknown(format!(
            "Whether the pull request is there cannot be told: {why}"
        ))
    })?;
    Ok(match (&landed.pull, &landed.commit) {
        (_, Some(made)) => Effect::Worked {
            says: format!(
                "The pull request is merged, as commit {}",
                plain(short(&made.sha), 40)
            ),
        },
        (Some(pull), None) => Effect::Worked {
            says: format!(
                "The pull request {} is there: {}. Nothing changes before it is merged",
                pull.number,
                plain(&pull.url, 240)
            ),
        },
        (None, None) => not_yet("The code host does not show the pull request yet".to_owned()),
    })
}

/// The commit's SHA, once it is on the branch.
fn landed(commit: &Commit, run: &RunId, ground: &Ground) -> Result<String, Effect> {
    let landed = ground
        .landed(&commit.look(run))
        .map_err(|why| unknown(format!("Whether the commit is there cannot be told: {why}")))?;
    match &landed.commit {
        Some(made) if !made.sha.is_empty() => Ok(made.sha.clone()),
        _ => Err(not_yet(format!(
            "{} does not have the commit yet",
            commit.place()
        ))),
    }
}

/// `3f2c…` of `main@sha1:3f2c…`.
fn sha(revision: &str) -> &str {
    let end = revision.rsplit([':', '/', '@']).next();
    end.unwrap_or(revision)
}

/// That the Kustomization has applied the commit, or something that is not known to be before it.
fn applied(chain: &Chain, commit: &Commit, ours: &str, ground: &Ground) -> Result<(), Effect> {
    let kustomization = found(ground, &chain.applied.kustomization)?;
    let by = &kustomization.on;
    if kustomization.flag("spec.suspend")? {
        return Err(failed(format!(
            "{by} has been suspended since: the commit is there, and nobody applies it"
        )));
    }
    let at = |field: &str| kustomization.text(field);
    let last = at("status.lastAppliedRevision")?.map(sha);
    if last == Some(ours) {
        return Ok(());
    }
    let (tried, name) = (
        at("status.lastAttemptedRevision")?.map(sha),
        plain(short(ours), 40),
    );
    if tried == Some(ours) {
        let ready = kustomization.condition("Ready")?;
        let waits = |reason: &str| ["DependencyNotReady", "Progressing"].contains(&reason);
        return Err(match ready {
            Some(ready) if ready.status == "False" && !waits(ready.reason) => failed(format!(
                "Flux has tried commit {name}, and {by} is not Ready ({})",
                ready.words()
            )),
            Some(ready) => not_yet(format!("{by} is at commit {name} ({})", ready.words())),
            None => not_yet(format!("{by} is at commit {name}")),
        });
    }
    let source = found(ground, &chain.source)?;
    if source.flag("spec.suspend")? {
        return Err(failed(format!(
            "{} has been suspended since: the commit is there, and nobody fetches it",
            source.on
        )));
    }
    let fetched = source.text("status.artifact.revision")?.map(sha);
    let is_before = last.is_none_or(|last| last == commit.head);
    if fetched == Some(ours) || fetched != last {
        return Err(not_yet(format!("{by} has not applied commit {name} yet")));
    }
    if is_before {
        return Err(not_yet(format!(
            "{} has not fetched commit {name} yet",
            source.on
        )));
    }
    // Another commit, fetched and applied: on top of ours, or long before it. What runs tells.
    Ok(())
}

/// Whether what runs is of the version.
pub(super) fn stands(
    to: &str,
    wanted: &Wanted,
    on: &ObjectRef,
    chain: &Chain,
    ground: &Ground,
) -> Result<Effect, Effect> {
    match wanted {
        Wanted::Image(repository) => workload(to, repository, on, chain, ground),
        Wanted::Chart(_) => release(to, on, ground),
        Wanted::Source(_) => release_of_source(to, on, ground),
        Wanted::Policy(policy) => Err(unknown(format!(
            "What follows from the policy {} is not looked at",
            plain(policy, 120)
        ))),
    }
}

fn workload(
    to: &str,
    repository: &str,
    on: &ObjectRef,
    chain: &Chain,
    ground: &Ground,
) -> Result<Effect, Effect> {
    let version = Version::parse(to)?;
    let object = found(ground, on)?;
    let all = images(&object)?;
    let mut mine = all
        .iter()
        .filter(|(_, image)| image.repository == repository)
        .peekable();
    let image = plain(repository.rsplit('/').next().unwrap_or_default(), 80);
    if mine.peek().is_none() {
        return Err(unknown(format!("{on} has no image {image} any more")));
    }
    for (container, image) in mine {
        let says = |word: &str| {
            let is = image
                .tag
                .as_deref()
                .or(image.digest.as_deref())
                .unwrap_or("no version");
            format!(
                "container {} of {on} {word} {}",
                plain(container, 60),
                plain(is, 80)
            )
        };
        match version.is(image) {
            Is::Yes => {}
            Is::No => {
                return Err(held_up(chain, ground)?.unwrap_or_else(|| not_yet(says("is still of"))));
            }
            Is::Untold => {
                return Err(unknown(format!(
                    "{}, and only one of that and {} names the digest that decides",
                    says("is of"),
                    plain(to, 80)
                )));
            }
        }
    }
    let to = plain(to, 80);
    match on.kind.as_str() {
        "CronJob" => Ok(Effect::Worked {
            says: format!("The next Job of {on} runs {image} {to}"),
        }),
        "Deployment" | "StatefulSet" | "DaemonSet" => rolled_out(&object, &format!("{image} {to}")),
        _ => Err(unknown(format!("how {on} runs its pods is not known"))),
    }
}

/// Why a release between keeps a version from its workload, where it says that it does.
fn held_up(chain: &Chain, ground: &Ground) -> Result<Option<Effect>, Effect> {
    for release in &chain.applied.releases {
        let release = found(ground, release)?;
        if let Some(effect) = not_well(&release)? {
            return Ok(Some(effect));
        }
    }
    Ok(None)
}

/// Whether every pod is of the template, and ready.
fn rolled_out(object: &Object<'_>, what: &str) -> Result<Effect, Effect> {
    let on = &object.on;
    if on.kind == "Deployment" && object.flag("spec.paused")? {
        return Err(failed(format!("{on} is paused: its pods are not replaced")));
    }
    if !object.is_observed()? {
        return Ok(not_yet(format!(
            "The change of {on} has not been taken up yet"
        )));
    }
    let count = Pods::of(object)?;
    if let Some(stuck) = stuck(object)? {
        let how = count.not_new().or_else(|| count.not_steady());
        let how = how.map(|how| format!(": {how}")).unwrap_or_default();
        return Ok(failed(format!(
            "{on} took too long ({}){how}",
            stuck.words()
        )));
    }
    if let Some(not) = count.not_new().or_else(|| count.not_steady()) {
        return Ok(not_yet(format!("{on}: {not}")));
    }
    if count.held > 0 {
        return Ok(not_yet(format!(
            "{on}: {} {} held back by its partition, and may be of another version",
            pods(count.held),
            are(count.held)
        )));
    }
    Ok(Effect::Worked {
        says: match count.wanted {
            0 => format!("{on} is set to {what}; it has no pods now"),
            wanted => format!("{on} runs {} of {what}, all ready", pods(wanted)),
        },
    })
}
