//! Whether a commit was taken back in what contains it.
//!
//! Owns the rule that a contained revert outranks ancestry, and that a revert may itself be reverted.

use facts::code::Revert;

use crate::view::{Gap, Learned, View};

/// How many reverts of reverts are followed; people stop at two.
const DEPTH: usize = 8;

/// The revert of `sha` that is in effect in commit `at`, if any: contained in it, and not taken back there in turn.
pub fn in_effect<'a>(
    view: &View<'a>,
    key: &str,
    sha: &str,
    at: &str,
) -> Learned<Option<&'a Revert>> {
    if sha == at {
        // A commit cannot contain what was made after it.
        return Ok(None);
    }
    look(view, key, sha, at, DEPTH)
}

fn look<'a>(
    view: &View<'a>,
    key: &str,
    sha: &str,
    at: &str,
    depth: usize,
) -> Learned<Option<&'a Revert>> {
    let Some(newest) = view.repository(key)?.reverts.get(sha) else {
        return Ok(None);
    };
    if depth == 0 {
        return Err(Gap::new(format!(
            "{} is reverted and brought back more often than is followed",
            api::headline::short(sha)
        )));
    }
    // A commit may be reverted, brought back and reverted again, or on several branches: each revert for itself.
    for revert in std::iter::once(newest).chain(&newest.others) {
        if view.contained(key, &revert.by, at)?
            && look(view, key, &revert.by, at, depth - 1)?.is_none()
        {
            return Ok(Some(revert));
        }
    }
    Ok(None)
}
