//! A second recording of a scenario differs from the first only where the world does.
//!
//! Owns the taking over of instants: two runs are never equally fast, so an instant that stands where the known recording
//! has one a few seconds off becomes that one. SHAs hang on times and so stay, too. The order of instants stays.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::rename::Patterns;
use super::{Image, Recording};

/// How far an instant may be moved: what one run is slower than another, and far less than a scenario's own waiting.
const AT_MOST: SignedDuration = SignedDuration::from_secs(20);

/// What is taken over.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// What the objects' instants become.
    pub instants: BTreeMap<Timestamp, Timestamp>,
    /// When commits were made, by repository and number: all SHAs hang on these.
    pub commits: BTreeMap<(String, usize), Timestamp>,
    /// When images were built, by number: their digests hang on these.
    pub images: BTreeMap<usize, Timestamp>,
}

/// What a fresh recording takes over from a known one.
pub fn kept(fresh: &Recording, known: &Recording) -> Kept {
    let near = |at: Timestamp, was: Timestamp| was.duration_since(at).abs() <= AT_MOST;
    let mut kept = Kept {
        instants: instants(fresh, known),
        ..Kept::default()
    };
    for (path, repository) in &fresh.repositories {
        let was = known.repositories.get(path).map(|was| was.commits.iter());
        let pairs = repository.commits.iter().zip(was.into_iter().flatten());
        for (number, (commit, was)) in pairs.enumerate() {
            if near(commit.at, was.at) {
                kept.commits.insert((path.clone(), number), was.at);
            }
        }
    }
    for (number, (image, was)) in fresh.images.iter().zip(&known.images).enumerate() {
        let built = |image: &Image| -> Option<Timestamp> {
            image.config.as_ref()?["created"].as_str()?.parse().ok()
        };
        if let (Some(at), Some(was)) = (built(image), built(was))
            && near(at, was)
        {
            kept.images.insert(number, was);
        }
    }
    kept
}

/// What the instants of a fresh recording's objects become where a known one has them, too.
fn instants(fresh: &Recording, known: &Recording) -> BTreeMap<Timestamp, Timestamp> {
    let known = places(known);
    let mut found: BTreeMap<Timestamp, Vec<Timestamp>> = BTreeMap::new();
    for (place, at) in places(fresh) {
        let counterparts = found.entry(at).or_default();
        counterparts.extend(known.get(&place).copied());
    }
    let mut taken = BTreeMap::new();
    let mut before = Timestamp::MIN;
    let mut moved = SignedDuration::ZERO;
    for (at, mut counterparts) in found {
        counterparts.sort_unstable();
        let middle = counterparts.get(counterparts.len() / 2);
        let by = middle.map_or(moved, |middle| middle.duration_since(at));
        if by.abs() <= AT_MOST {
            moved = by;
        }
        let becomes = at.checked_add(moved).unwrap_or(at).min(fresh.now.max(at));
        before = before.max(becomes);
        taken.insert(at, before);
    }
    taken
}

/// Whether two recordings differ in nothing but instants and what follows from them.
///
/// # Errors
/// A pattern of ours.
pub fn are_alike(one: &Recording, other: &Recording) -> Result<bool, regex::Error> {
    let patterns = Patterns::new()?;
    let masked = |recording: &Recording| {
        let value = serde_json::to_value(recording).unwrap_or_default();
        patterns.masked(&value.to_string())
    };
    Ok(masked(one) == masked(other))
}

/// Where each instant of a recording stands.
fn places(recording: &Recording) -> BTreeMap<String, Timestamp> {
    let mut found = BTreeMap::new();
    let value = serde_json::to_value(&recording.objects).unwrap_or_default();
    walk(&value, String::new(), &mut found);
    found
}

fn walk(value: &Value, place: String, found: &mut BTreeMap<String, Timestamp>) {
    match value {
        Value::String(text) => {
            if text.len() == "2026-01-15T10:00:00Z".len()
                && let Ok(at) = text.parse()
            {
                found.insert(place, at);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let metadata = &item["metadata"];
                let named = match (item["kind"].as_str(), metadata["name"].as_str()) {
                    (Some(kind), Some(name)) => format!("{kind} {} {name}", metadata["namespace"]),
                    _ => index.to_string(),
                };
                walk(item, format!("{place}/{named}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(value, format!("{place}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recording(instants: &[(&str, &str)]) -> Recording {
        let objects = instants.iter().map(|(name, at)| {
            json!({"kind": "Pod", "metadata": {"name": name, "creationTimestamp": at}})
        });
        Recording {
            made_of: String::new(),
            now: "2026-01-15T10:00:00Z".parse().expect("an instant"),
            asked: String::new(),
            words: BTreeMap::new(),
            repositories: BTreeMap::new(),
            images: Vec::new(),
            objects: objects.collect(),
        }
    }

    #[test]
    fn a_slower_run_takes_the_known_instants_over_in_their_order() {
        let known = recording(&[
            ("a", "2026-01-15T09:59:40Z"),
            ("b", "2026-01-15T09:59:41Z"),
            ("far", "2026-01-15T08:00:00Z"),
        ]);
        let fresh = recording(&[
            ("a", "2026-01-15T09:59:38Z"),
            ("b", "2026-01-15T09:59:40Z"),
            ("new", "2026-01-15T09:59:39Z"),
            ("far", "2026-01-15T09:59:45Z"),
        ]);
        let taken = instants(&fresh, &known);
        let becomes = |at: &str| {
            let at: Timestamp = format!("2026-01-15T{at}Z").parse().expect("an instant");
            taken[&at].to_string()
        };
        assert_eq!(becomes("09:59:38"), "2026-01-15T09:59:40Z");
        assert_eq!(becomes("09:59:39"), "2026-01-15T09:59:41Z");
        assert_eq!(becomes("09:59:40"), "2026-01-15T09:59:41Z");
        // Too far off to be the same moment of a slower run: it goes with its neighbours.
        assert_eq!(becomes("09:59:45"), "2026-01-15T09:59:46Z");
        assert!(
            are_alike(
                &known,
                &recording(&[
                    ("a", "2026-01-15T09:59:30Z"),
                    ("b", "2026-01-15T09:59:31Z"),
                    ("far", "2026-01-15T08:00:10Z"),
                ])
            )
            .expect("patterns")
        );
        assert!(!are_alike(&known, &fresh).expect("patterns"));
    }
}
