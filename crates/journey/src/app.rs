//! One app: the newest commits of its releasing branch, and which of them each target lacks.
//!
//! Owns the walk along first parents. Whether what runs contains a commit is Git's own word, as everywhere.

use api::app::{App, AppTarget, Lacks};
use api::{Sentence, journey::Commit};

use crate::discover::{Target, Targets};
use crate::evidence;
use crate::running;
use crate::stages::pods;
use crate::view::{Gap, Learned, View};

/// How many commits are looked at: further behind, the number says more than the list.
const MOST: usize = 40;

/// The app of that name; without targets if there is none.
pub fn app<'a>(view: &View<'a>, all: &Targets<'a>, name: &str) -> App {
    let mut commits: Vec<Commit> = Vec::new();
    let mut found = Vec::new();
    for target in all.of_app(name) {
        let lacks = lacks(view, &target, &mut commits);
        found.push(AppTarget {
            environment: target.environment.clone(),
            cluster: target.place.name.to_owned(),
            workload: evidence::workload(target.place, target.workload),
            declared: target.container.image.clone(),
            lacks: lacks.map_err(|gap| Sentence::default().quote(gap.why)),
        });
    }
    App {
        version: api::JSON_VERSION,
        app: name.to_owned(),
        commits,
        targets: found,
    }
}

/// How many of the newest commits what runs in a target does not contain. `commits` are those looked at so far, and grows.
fn lacks(view: &View<'_>, target: &Target<'_>, commits: &mut Vec<Commit>) -> Learned<Lacks> {
    let key = match &target.source {
        Ok(Some(key)) => key,
        Ok(None) => return Err(Gap::new("the image does not say what it is built from")),
        Err(gap) => return Err(gap.clone()),
    };
    let crew = pods::crew(target.place, target.workload);
    if let Err(gap) = &crew {
        return Err(gap.clone());
    }
    let Some(runs) = running::running(view, target, &crew).commit else {
        return Err(Gap::new("the commit that runs there is not known"));
    };
    // The targets of one app may be built from several repositories; only the first one's commits are listed.
    if commits
        .first()
        .is_some_and(|first| &first.repository != key)
    {
        return Err(Gap::new("it is built from another repository"));
    }
    for at in 0..MOST {
        if at == commits.len() {
            match next(view, key, commits)? {
                Some(commit) => commits.push(commit),
                None => break,
            }
        }
        let Some(commit) = commits.get(at) else { break };
        if view.contained(key, &commit.sha, &runs.sha)? {
            return Ok(Lacks {
                newest: u32::try_from(at).unwrap_or(u32::MAX),
                more: false,
            });
        }
    }
    Ok(Lacks {
        newest: u32::try_from(commits.len()).unwrap_or(u32::MAX),
        more: commits.len() == MOST,
    })
}

/// The commit before those that are known: the branch's head, or the first parent of the last one.
fn next(view: &View<'_>, key: &str, known: &[Commit]) -> Learned<Option<Commit>> {
    let sha = match known.last() {
        None => view.head(key)?.to_owned(),
        Some(last) => {
            let last = view.commit(key, &last.sha)?;
            match last.and_then(|last| last.parents.first()) {
                Some(parent) => parent.clone(),
                None => return Ok(None),
            }
        }
    };
    // Wanted here, so that a commit that is not read yet is not taken for the end.
    view.commit(key, &sha)?;
    Ok(running::commit(view, key, &sha))
}
