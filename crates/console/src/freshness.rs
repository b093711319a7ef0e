//! What an answer to a want is worth, and when the same is asked again. Pure.
//!
//! Owns that nothing but a good answer is ever final: a gap is asked for again soon, and "there is no such thing" later.

use std::time::Duration;

use facts::code::{CiState, Relation, ResolvedBy};
use facts::{Coverage, Found, Read, Want};

/// The first wait after a read that failed, as long as the forge keeps such an answer; each further one is twice as long.
const RETRY: Duration = Duration::from_secs(3);
/// The longest wait for a system that does not answer: an attempt costs it nothing, and it may be back any moment. Who
/// watches a window is to see that within five seconds.
const AWAY: Duration = Duration::from_secs(4);
/// The longest wait for a system that answers, and not with what was asked for.
const REFUSED: Duration = Duration::from_secs(60);

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It says what was asked.
    Good,
    /// There is no such thing, so far.
    Negative,
    /// It could not be read, and why.
    Gap(Coverage),
}

/// What an answer is worth.
pub fn worth(found: &Found) -> Worth {
    match found {
        Found::Repository { head, .. } if head.coverage.is_whole() => Worth::Good,
        Found::Repository { head, .. } => Worth::Gap(head.coverage.clone()),
        Found::RepositoryGap { coverage, .. } => Worth::Gap(coverage.clone()),
        Found::Resolve { resolved, .. } if resolved.is_empty() => Worth::Negative,
        Found::Resolve { .. } => Worth::Good,
        Found::Relation { relation, .. } if *relation == Relation::NoSuchCommit => Worth::Negative,
        Found::Relation { .. } => Worth::Good,
        Found::Commit { commit, .. } => of(commit),
        Found::Ci { runs, .. } => of(runs),
        Found::Pulls { pulls, .. } | Found::OpenPulls { pulls, .. } => of(pulls),
        Found::Touched { paths, .. } => of(paths),
        Found::Concern { concern, .. } => of(concern),
        Found::Changes { changes, .. } => of(changes),
        Found::Declared { history, .. } => of(history),
        Found::Tags { tags, .. } => of(tags),
        Found::Digest { digest, .. } => of(digest),
        Found::Image { image, .. } => of(image),
    }
}

fn of<T>(read: &Read<T>) -> Worth {
    match read {
        Read::Known(_) => Worth::Good,
        Read::Missing => Worth::Negative,
        Read::Gap(coverage) => Worth::Gap(coverage.clone()),
    }
}

/// After how long a want is asked again that was answered so, after this many failures in a row; `None`: never, it cannot
/// change.
pub fn again(want: &Want, found: &Found, failures: u32) -> Option<Duration> {
    match worth(found) {
        Worth::Good if want.is_forever() => None,
        Worth::Good => Some(Duration::from_secs(good_for(found))),
        Worth::Negative => Some(Duration::from_secs(negative_for(want))),
        Worth::Gap(coverage) => Some(after_failure(&coverage, failures)),
    }
}

/// How long to wait after this many failures in a row.
pub fn after_failure(coverage: &Coverage, failures: u32) -> Duration {
    let most = match coverage {
        Coverage::Unreachable { .. } => AWAY,
        _ => REFUSED,
    };
    let doubled = 1_u32 << failures.saturating_sub(1).min(8);
    RETRY.saturating_mul(doubled).min(most)
}

/// Seconds. What costs requests to a code host's API, which are counted there, is asked for less often where nothing is
/// under way.
fn good_for(found: &Found) -> u64 {
    match found {
        // A push should be noticed while somebody watches: Git only, which nobody counts.
        Found::Repository { .. } | Found::Declared { .. } => 15,
        Found::Resolve { resolved, .. } => {
            let by_name = |by: &ResolvedBy| {
                matches!(
                    by,
                    ResolvedBy::Branch(_) | ResolvedBy::Tag(_) | ResolvedBy::Message(_)
                )
            };
            if resolved.iter().any(|one| by_name(&one.by)) {
                15
            } else {
                60
            }
        }
        Found::Ci { runs, .. } => {
            let ended = |state: CiState| {
                matches!(
                    state,
                    CiState::Succeeded | CiState::Failed | CiState::Cancelled | CiState::Skipped
                )
            };
            match runs.known().map(Vec::as_slice) {
                // Most commits of most repositories: an ended run changes only when somebody runs it again.
                Some([first, rest @ ..])
                    if ended(first.state) && rest.iter().all(|run| ended(run.state)) =>
                {
                    120
                }
                Some([]) => 30,
                _ => 15,
            }
        }
        Found::Tags { .. } => 30,
        _ => 60,
    }
}

/// Seconds. A commit that a copy does not have may be pushed any moment, and Git's answer costs nothing.
fn negative_for(want: &Want) -> u64 {
    match want {
        Want::Relation { .. }
        | Want::Commit { .. }
        | Want::Touched { .. }
        | Want::Concern { .. }
        | Want::Changes { .. }
        | Want::Resolve { .. }
        | Want::Declared { .. } => 15,
        Want::Tags { .. } | Want::Digest { .. } | Want::Image { .. } => 30,
        Want::Repository { .. } | Want::Ci { .. } | Want::Pulls { .. } | Want::OpenPulls { .. } => {
            60
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One want of every kind, with an answer that is a gap.
    fn every_kind_unread() -> Vec<(Want, Found)> {
        let away = || Coverage::Unreachable {
            message: "connection refused".to_owned(),
        };
        let repository = || "code.example/shop/api".to_owned();
        let sha = || "1".repeat(40);
        let gap = || Found::RepositoryGap {
            repository: repository(),
            coverage: away(),
        };
        let (a, b) = (sha(), sha());
        vec![
            (
                Want::Repository {
                    repository: repository(),
                },
                gap(),
            ),
            (
                Want::Resolve {
                    repository: repository(),
                    text: "3f2c1ab".to_owned(),
                },
                gap(),
            ),
            (
                Want::Relation {
                    repository: repository(),
                    a,
                    b,
                },
                gap(),
            ),
            (
                Want::Commit {
                    repository: repository(),
                    sha: sha(),
                },
                Found::Commit {
                    repository: repository(),
                    sha: sha(),
                    commit: Read::Gap(away()),
                },
            ),
            (
                Want::Touched {
                    repository: repository(),
                    sha: sha(),
                },
                Found::Touched {
                    repository: repository(),
                    sha: sha(),
                    paths: Read::Gap(away()),
                },
            ),
            (
                Want::Image {
                    repository: repository(),
                    digest: "sha256:1".to_owned(),
                },
                Found::Image {
                    repository: repository(),
                    digest: "sha256:1".to_owned(),
                    image: Read::Gap(away()),
                },
            ),
            (
                Want::Tags {
                    repository: repository(),
                },
                Found::Tags {
                    repository: repository(),
                    tags: Read::Gap(away()),
                },
            ),
            (
                Want::Ci {
                    repository: repository(),
                    sha: sha(),
                },
                Found::Ci {
                    repository: repository(),
                    sha: sha(),
                    runs: Read::Gap(away()),
                },
            ),
        ]
    }

    #[test]
    fn a_gap_of_whatever_kind_is_asked_for_again_within_seconds() {
        for (want, found) in every_kind_unread() {
            for failures in [1, 2, 5, 1_000] {
                let after = again(&want, &found, failures);
                assert!(after.is_some_and(|after| after <= AWAY), "{want:?}");
            }
        }
    }

    #[test]
    fn only_a_good_answer_is_for_ever() {
        let relation = |relation| {
            let (repository, a, b) = ("r".to_owned(), "a".to_owned(), "b".to_owned());
            let want = Want::Relation {
                repository: repository.clone(),
                a: a.clone(),
                b: b.clone(),
            };
            let found = Found::Relation {
                repository,
                a,
                b,
                relation,
            };
            again(&want, &found, 0)
        };
        assert_eq!(relation(Relation::Ancestor { ahead: 1 }), None);
        assert!(relation(Relation::NoSuchCommit).is_some());
        let touched = |paths| {
            let (repository, sha) = ("r".to_owned(), "a".to_owned());
            let want = Want::Touched {
                repository: repository.clone(),
                sha: sha.clone(),
            };
            let found = Found::Touched {
                repository,
                sha,
                paths,
            };
            again(&want, &found, 0)
        };
        assert_eq!(touched(Read::Known(Vec::new())), None);
        assert!(touched(Read::Missing).is_some());
    }
}
