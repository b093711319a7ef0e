//! bridge
pub mod ordering;
