//! Which conditions may be believed.
//!
//! Owns the rule that a condition about an older generation says nothing about the present one.

use facts::meta::{Condition, Meta, Status, condition};

/// A condition, unless it is about an older generation of the object.
pub fn believed<'a>(
    conditions: &'a [Condition],
    kind: &str,
    observed: i64,
    meta: &Meta,
) -> Option<&'a Condition> {
    let found = condition(conditions, kind)?;
    let about = found.observed_generation.unwrap_or(observed);
    (about >= meta.generation).then_some(found)
}

/// Whether a believed condition is true.
pub fn is_true(conditions: &[Condition], kind: &str, observed: i64, meta: &Meta) -> bool {
    believed(conditions, kind, observed, meta).is_some_and(|found| found.status == Status::True)
}
