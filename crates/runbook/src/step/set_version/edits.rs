//! What becomes what in the files, from the places that say the version now.
//!
//! Owns which one thing's version that is, and that all places say the same version afterwards, or that nothing is changed.

use api::ObjectRef;
use api::headline::plain;
use facts::image::ImageReference;

use crate::call::Edit;
use crate::git::{DeclaredAt, Form, Place, Wanted};
use crate::ground::Ground;
use crate::step::Unfit;

use super::chain::{Chain, wanted};
use super::version::{Version, whole};
use super::{Wish, look};

/// The most places that are named in a sentence.
const MOST_NAMED: usize = 6;

/// The one thing whose version is declared.
pub(super) fn declared<'a>(
    on: &ObjectRef,
    picked: &str,
    chain: &Chain,
    ground: &'a Ground,
) -> Result<(Wanted, &'a DeclaredAt), Unfit> {
    let mut fitting = Vec::new();
    let mut broken = String::new();
    let all = wanted(on, picked, ground)?;
    for wanted in &all {
        let at = ground.declared(&look(chain, wanted)).map_err(|why| {
            format!(
                "what {} says cannot be read: {why}",
                plain(&chain.repository, 120)
            )
        })?;
        if let Some((file, why)) = &at.broken {
            broken = format!("; {} cannot be read: {}", plain(file, 120), plain(why, 200));
        }
        if !at.places.is_empty() {
            fitting.push((wanted.clone(), at));
        }
    }
    let names =
        |all: &mut dyn Iterator<Item = &Wanted>| all.map(name).collect::<Vec<_>>().join(", ");
    match fitting.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let with_chart = match chain.applied.releases.first() {
                Some(release) if on.kind != "HelmRelease" => {
                    format!("; it may come with the chart of {release}")
                }
                _ => String::new(),
            };
            let says = format!(
                "no file below {} on branch {} of {} says a version of {}{with_chart}{broken}",
                if chain.path.is_empty() {
                    "the root".to_owned()
                } else {
                    plain(&chain.path, 120)
                },
                plain(&chain.branch, 80),
                plain(&chain.repository, 120),
                names(&mut all.iter())
            );
            Err(says.into())
        }
        many => {
            let says = format!(
                "{on} has several images whose versions are declared ({}): say which one",
                names(&mut many.iter().map(|(wanted, _)| wanted))
            );
            Err(says.into())
        }
    }
}

/// What becomes what; nothing, where all places say it already.
pub(super) fn edits(wish: &Wish, at: &DeclaredAt) -> Result<Vec<Edit>, String> {
    let mut edits = Vec::new();
    let mut says_digest = false;
    for place in &at.places {
        if place.value.contains("${") {
            return Err(format!(
                "line {} of {} says '{}', which is filled in from elsewhere: change it where it comes from",
                place.line,
                plain(&place.file, 120),
                plain(&place.value, 80)
            ));
        }
        let to = wish.at(place)?;
        says_digest |= to.contains("sha256:") || to.contains("sha512:");
        if whole(place, &to) != place.value {
            edits.push(Edit {
                file: place.file.clone(),
                line: place.line,
                document: place.document,
                path: place.path.clone(),
                form: place.form,
                from: place.value.clone(),
                to,
            });
        }
    }
    if let Wish::Image(Version {
        digest: Some(_), ..
    }) = wish
        && !says_digest
    {
        return Err(format!(
            "no place that says this version has room for a digest ({}): say the tag alone",
            places_of(&at.places)
        ));
    }
    Ok(edits)
}

/// The places that edits change, in their order.
pub(super) fn changing<'a>(
    at: &'a DeclaredAt,
    edits: &'a [Edit],
) -> impl Iterator<Item = &'a Place> {
    let is_of = |place: &Place, edit: &Edit| {
        (&place.file, place.line, place.document, &place.path)
            == (&edit.file, edit.line, edit.document, &edit.path)
    };
    edits
        .iter()
        .filter_map(move |edit| at.places.iter().find(|place| is_of(place, edit)))
}

/// ` from 1.4.1`, where the places agree.
pub(super) fn from(edits: &[Edit]) -> String {
    let bare = |edit: &Edit| match edit.form {
        Form::Image => {
            let image = ImageReference::parse(&edit.from);
            Version {
                tag: image.tag,
                digest: image.digest,
            }
            .text()
        }
        _ => edit.from.clone(),
    };
    let first = edits.first().map(bare).unwrap_or_default();
    if first.is_empty() || edits.iter().any(|edit| bare(edit) != first) {
        return String::new();
    }
    format!(" from {}", plain(&first, 80))
}

/// `apps/checkout.yaml:9, …`.
pub(super) fn places_of(places: &[Place]) -> String {
    let named = places.iter().take(MOST_NAMED);
    let named = named.map(|place| format!("{}:{}", plain(&place.file, 120), place.line));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if let Some(more) = places
        .len()
        .checked_sub(MOST_NAMED)
        .filter(|more| *more > 0)
    {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// What a sentence calls it.
pub(super) fn name(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Image(repository) => plain(repository.rsplit('/').next().unwrap_or(repository), 80),
        Wanted::Policy(name) | Wanted::Source(name) => plain(name, 80),
        Wanted::Chart(release) => format!("the chart of {}", plain(release, 80)),
    }
}
