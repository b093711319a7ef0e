//! Which kinds of Flux', Flagger's, External Secrets' and cert-manager's the server has, and in which version: clusters
//! serve betas for years.
//!
//! Core kinds need no discovery: their versions have been the only ones for longer than any cluster lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::Kind;
use serde::Deserialize;
use tokio::sync::{Notify, watch};

use crate::failure::{Failure, Why};
use crate::kinds::{FOUND_GROUPS, is_flux, is_found, place};
use crate::line::Line;
use crate::options::Options;
use crate::server::Server;
use crate::tolerant::{List, Part, Text};

/// How a kind is served.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Serving {
    /// In this version.
    Version(String),
    /// Not at all.
    Absent,
    /// That could not be found out.
    Unknown(Failure),
}

/// What was found out.
pub(crate) struct Discovery {
    found: watch::Sender<Option<BTreeMap<Kind, Serving>>>,
    again: Notify,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groups {
    groups: List<Part<Group>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    name: Text,
    versions: List<Part<GroupVersion>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupVersion {
    version: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    pub(crate) resources: List<Part<Resource>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resource {
    pub(crate) name: Text,
    pub(crate) kind: Text,
    pub(crate) namespaced: crate::tolerant::Flag,
}

/// A group with its versions, newest first.
pub(crate) struct Served {
    pub(crate) group: String,
    pub(crate) versions: Vec<String>,
}

impl Discovery {
    pub(crate) fn new() -> Self {
        Self {
            found: watch::Sender::new(None),
            again: Notify::new(),
        }
    }

    /// How a kind is served, when that is known.
    pub(crate) async fn serving(&self, kind: Kind) -> Serving {
        if !is_found(kind) {
            return Serving::Version(place(kind).version.to_owned());
        }
        let mut found = self.found.subscribe();
        let found = found.wait_for(Option::is_some).await;
        found
            .ok()
            .and_then(|found| found.as_ref()?.get(&kind).cloned())
            .unwrap_or(Serving::Absent)
    }

    /// Waits until a kind is served otherwise than this.
    pub(crate) async fn differs(&self, kind: Kind, known: &Serving) {
        if !is_found(kind) {
            std::future::pending::<()>().await;
        }
        let mut found = self.found.subscribe();
        let _ = found
            .wait_for(|found| {
                found
                    .as_ref()
                    .is_some_and(|found| found.get(&kind) != Some(known))
            })
            .await;
    }

    /// Says that what was found out seems to be so no more.
    pub(crate) fn look_again(&self) {
        self.again.notify_one();
    }

    /// Finds out each time that the line comes up, and from time to time.
    pub(crate) async fn keep(&self, line: &Line, options: &Options) {
        loop {
            let (epoch, server) = line.up().await;
            tokio::select! {
                () = line.left(epoch) => {}
                () = async {
                    let mut found = discover(&server, options).await;
                    let is_whole = found.iter().all(|(kind, s)| !is_flux(*kind) || matches!(s, Serving::Version(_)));
                    if found.values().any(|s| matches!(s, Serving::Unknown(f) if f.is_unreachable())) {
                        line.suspect();
                    }
                    // What was known before is a better guess than nothing.
                    if let Some(before) = &*self.found.borrow() {
                        for (kind, serving) in &mut found {
                            if let (Serving::Unknown(_), Some(before)) = (&*serving, before.get(kind)) {
                                *serving = before.clone();
                            }
                        }
                    }
                    self.found.send_replace(Some(found));
                    // A Flux that is all there changes with an upgrade; one that isn't may be on its way.
                    let wait = options.rediscover * if is_whole { 10 } else { 1 };
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.again.notified() => {}
                    }
                } => {}
            }
        }
    }
}

/// All groups and their versions.
pub(crate) async fn groups(server: &Server, options: &Options) -> Result<Vec<Served>, Failure> {
    let answer = server.get("/apis", options.answer_within).await?;
    let groups: Part<Groups> = parse(&answer.body)?;
    Ok(groups
        .0
        .groups
        .parts()
        .map(|group| {
            let mut versions: Vec<String> = group
                .versions
                .parts()
                .filter_map(|version| version.version.some())
                .collect();
            versions.sort_by_key(|version| std::cmp::Reverse(age(version)));
            Served {
                group: group.name.0,
                versions,
            }
        })
        .collect())
}

/// The resources of a group in a version.
pub(crate) async fn resources(
    server: &Server,
    group: &str,
    version: &str,
    options: &Options,
) -> Result<Vec<Resource>, Failure> {
    let path = if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    };
    let answer = server.get(&path, options.answer_within).await?;
    let list: Part<Resources> = parse(&answer.body)?;
    Ok(list.0.resources.parts().collect())
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|_| {
        Failure::new(
            Why::Malformed,
            "discovery answered something that is no list",
        )
    })
}

async fn discover(server: &Arc<Server>, options: &Options) -> BTreeMap<Kind, Serving> {
    let kinds = || Kind::ALL.into_iter().filter(|kind| is_found(*kind));
    let groups = match groups(server, options).await {
        Ok(groups) => groups,
        // Where discovery itself is refused, the newest version is as good a guess as any: the list will tell.
        Err(failure) if failure.why == Why::Denied => {
            return kinds()
                .map(|kind| (kind, Serving::Version(place(kind).version.to_owned())))
                .collect();
        }
        Err(failure) => {
            return kinds()
                .map(|kind| (kind, Serving::Unknown(failure.clone())))
                .collect();
        }
    };
    let mut found: BTreeMap<Kind, Serving> = kinds().map(|kind| (kind, Serving::Absent)).collect();
    // Groups side by side: over a slow line, each answer is a tenth of a second before the first list.
    let asked = FOUND_GROUPS.map(|group| {
        let versions = groups
            .iter()
            .find(|served| served.group == group)
            .map(|served| served.versions.as_slice())
            .unwrap_or_default();
        in_group(server, group, versions, options)
    });
    for group in futures::future::join_all(asked).await {
        found.extend(group);
    }
    found
}

/// How the kinds of a group are served, newest version first; no older version is asked for than need be.
async fn in_group(
    server: &Server,
    group: &str,
    versions: &[String],
    options: &Options,
) -> Vec<(Kind, Serving)> {
    let mut open: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| place(*kind).group == group)
        .collect();
    let mut found = Vec::new();
    let mut failed = None;
    for version in versions {
        match resources(server, group, version, options).await {
            Ok(resources) => open.retain(|kind| {
                let plural = place(*kind).plural;
                let is_served = resources.iter().any(|resource| resource.name.0 == plural);
                if is_served {
                    found.push((*kind, Serving::Version(version.clone())));
                }
                !is_served
            }),
            Err(failure) => failed = Some(failure),
        }
        if open.is_empty() {
            break;
        }
    }
    // What was found in no version might be served in the one that could not be asked for.
    if let Some(failure) = failed {
        found.extend(
            open.into_iter()
                .map(|kind| (kind, Serving::Unknown(failure.clone()))),
        );
    }
    found
}

/// The order of versions, as Kubernetes has it: stable before beta before alpha, then by number; other names last.
fn age(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, rest) = rest.split_at(digits);
    let Ok(major) = major.parse() else {
        return (0, 0, 0);
    };
    let number = |text: &str| text.parse().unwrap_or(0);
    if rest.is_empty() {
        (3, major, 0)
    } else if let Some(minor) = rest.strip_prefix("beta") {
        (2, major, number(minor))
    } else if let Some(minor) = rest.strip_prefix("alpha") {
        (1, major, number(minor))
    } else {
        (0, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_comes_before_beta_and_newer_before_older() {
        let mut versions = [
            "v1beta1", "odd", "v2beta1", "v1", "v2", "v2beta2", "v10", "v1alpha1",
        ];
        versions.sort_by_key(|version| std::cmp::Reverse(age(version)));
        assert_eq!(
            versions,
            [
                "v10", "v2", "v1", "v2beta2", "v2beta1", "v1beta1", "v1alpha1", "odd"
            ]
        );
    }
}
