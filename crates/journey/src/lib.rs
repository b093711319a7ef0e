//! Pure: facts, an ask and a time become journeys, each with one named cause.
//!
//! Owns the rules that decide what became of a commit. No I/O, no async, no clock: what it does not know it wants,
//! and says so.

pub mod causes;
