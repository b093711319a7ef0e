//! What happened, as the systems themselves still tell it: what this machine slept through is read here.
//!
//! Owns the changes that ReplicaSets, ECS service deployments and Flux' histories bear witness to. Only names, images,
//! revisions and times go in: a controller's message may quote what is nobody's business.

mod flux;
mod hands;
mod revisions;

use std::collections::{BTreeMap, BTreeSet};

use api::history::{By, Change, ChangeKind};
use api::journey::Commit;
use api::{ObjectRef, Sentence};
use facts::image::ImageReference;
use jiff::{SignedDuration, Timestamp};

use crate::discover::{Target, Targets};
use crate::environment::rank;
use crate::images;
use crate::running;
use crate::view::View;

/// Commits and images of what is older are not asked for any more: the list is about an incident, not about last year.
const CURIOUS_DAYS: i64 = 14;
/// How many of the newest changes' commits are asked for.
const CURIOUS_MOST: usize = 300;

/// What happened, newest first, and the environments from first to last.
pub fn past<'a>(view: &View<'a>, all: &Targets<'a>) -> (Vec<Change>, Vec<String>) {
    let mut told = Told::default();
    let mut environments = BTreeSet::new();
    for target in all.all() {
        let name = target.found().environment.as_str();
        environments.insert((rank(view.team(), name), name));
        for draft in revisions::of_target(&target) {
            told.add(draft);
        }
    }
    for place in view.places() {
        flux::attach(view, all, place, &mut told);
    }
    hands::attach(view, all, &mut told);
    let mut drafts = told.drafts;
    drafts.sort_by(|a, b| (b.change.at, &a.change.id).cmp(&(a.change.at, &b.change.id)));
    let oldest = view
        .now
        .checked_sub(SignedDuration::from_hours(24 * CURIOUS_DAYS))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let finished = drafts.into_iter().enumerate().map(|(number, draft)| {
        if number < CURIOUS_MOST && draft.change.at >= oldest {
            draft.finished(view)
        } else {
            view.quietly(|| draft.finished(view))
        }
    });
    let environments = environments.iter().map(|(_, name)| (*name).to_owned());
    (finished.collect(), environments.collect())
}

/// What is told so far.
#[derive(Default)]
struct Told<'v> {
    drafts: Vec<Draft<'v>>,
    by_object: BTreeMap<ObjectRef, Vec<usize>>,
}

impl<'v> Told<'v> {
    fn add(&mut self, draft: Draft<'v>) {
        let of_object = self.by_object.entry(draft.change.object.clone());
        of_object.or_default().push(self.drafts.len());
        self.drafts.push(draft);
    }

    /// What happened to some objects within a time.
    fn rollouts<'o>(
        &mut self,
        objects: impl IntoIterator<Item = &'o ObjectRef>,
        (from, to): (
            Result<Timestamp, jiff::Error>,
            Result<Timestamp, jiff::Error>,
        ),
    ) -> impl Iterator<Item = &mut Draft<'v>> {
        let of_objects = objects
            .into_iter()
            .filter_map(|one| self.by_object.get(one));
        let wanted: BTreeSet<usize> = of_objects.flatten().copied().collect();
        let (from, to) = (from.unwrap_or(Timestamp::MIN), to.unwrap_or(Timestamp::MAX));
        let mut found = Vec::new();
        // Each of an ascending list once: the rest of the list is what comes after it.
        let (mut rest, mut at) = (self.drafts.as_mut_slice(), 0);
        for number in wanted {
            let Some((draft, after)) = rest
                .get_mut(number - at..)
                .and_then(<[Draft<'v>]>::split_first_mut)
            else {
                break;
            };
            (rest, at) = (after, number + 1);
            if (from..=to).contains(&draft.change.at) {
                found.push(draft);
            }
        }
        found.into_iter()
    }
}

/// A change whose commits are not looked up yet.
struct Draft<'v> {
    change: Change,
    /// The key of the repository that its image is built from.
    source: Option<&'v str>,
    /// The GitOps repository's key and the commit that brought it.
    release: Option<(String, String)>,
    /// Whether a Kustomization's history has it, and whether a HelmRelease's has.
    is_applied: bool,
    is_installed: bool,
    /// Whether the pods say that it is not there, or not all of it.
    is_under_way: bool,
    /// Who did it, where that is no commit's author.
    by: Option<By>,
}

impl<'v> Draft<'v> {
    fn bare(change: Change) -> Self {
        Self {
            by: change.by.clone(),
            change,
            source: None,
            release: None,
            is_applied: false,
            is_installed: false,
            is_under_way: false,
        }
    }

    fn of_target(target: &Target<'v>, change: Change) -> Self {
        Self {
            source: target
                .found()
                .source
                .as_ref()
                .ok()
                .and_then(Option::as_deref),
            ..Self::bare(change)
        }
    }

    /// Looks its commits up and says it.
    fn finished(self, view: &View<'_>) -> Change {
        let mut change = self.change;
        change.arrived &= !self.is_under_way;
        if let (Some(key), Some(image)) = (self.source, &change.image) {
            change.commit = commit_of(view, key, image);
        }
        if let Some((key, sha)) = &self.release {
            change.release = running::commit(view, key, sha);
        }
        let author = change.release.as_ref().map(|release| By::Commit {
            name: release.author.clone(),
        });
        change.by = self.by.or(author);
        if change.kind != ChangeKind::Configuration {
            let before = self.source.and_then(|key| {
                let before = change.before.as_ref()?;
                commit_of(view, key, before)
            });
            change.sentence = moved(&change, before.as_ref());
        }
        change
    }
}

/// The commit that an image is built from: by its label, else by its tag's name.
fn commit_of(view: &View<'_>, key: &str, image: &str) -> Option<Commit> {
    let reference = ImageReference::parse(image);
    let sha = images::built_from(view, key, &reference).ok().flatten()?;
    running::commit(view, key, &sha)
}

/// "3f2c1ab Round totals, in place of 77d40e2", or "rollout begun: 3f2c1ab …" where nothing says that it arrived.
fn moved(change: &Change, before: Option<&Commit>) -> Sentence {
    let name =
        |sentence: Sentence, commit: Option<&Commit>, image: Option<&String>| match (commit, image)
        {
            (Some(commit), _) => sentence.commit(&commit.repository, &commit.sha),
            (None, Some(image)) => sentence.name(version(image)),
            (None, None) => sentence.words("another image"),
        };
    // That a rollout began does not say that it went well: nobody may read it as a deployment.
    let words = match (change.kind, change.arrived) {
        (ChangeKind::Rollback, true) => "back to ",
        (ChangeKind::Rollback, false) => "rollout begun, back to ",
        (_, true) => "",
        (_, false) => "rollout begun: ",
    };
    let mut sentence = Sentence::default();
    if !words.is_empty() {
        sentence = sentence.words(words);
    }
    sentence = name(sentence, change.commit.as_ref(), change.image.as_ref());
    if let Some(commit) = &change.commit {
        sentence = sentence.words(" ").quote(&commit.subject);
    }
    if change.before.is_some() {
        sentence = name(
            sentence.words(", in place of "),
            before,
            change.before.as_ref(),
        );
    }
    sentence
}

/// What tells an image apart from another of the same repository: its tag, else the beginning of its digest.
fn version(image: &str) -> String {
    let reference = ImageReference::parse(image);
    match (reference.tag, reference.digest) {
        (Some(tag), _) => tag,
        (None, Some(digest)) => digest.chars().take("sha256:".len() + 12).collect(),
        (None, None) => "latest".to_owned(),
    }
}
