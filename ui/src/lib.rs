//! The window's app: what the person sees and types, live over the bridge to the console.
//!
//! Owns the screens. Knows the wire contract (`api`) and nothing else of ours: every word about a cluster comes over
//! the bridge. The modules that decide (words, order, addresses, Markdown) know nothing of the page and are tested
//! natively; the others build it.

pub mod address;
pub mod board;
pub mod bridge;
pub mod foreign;
pub mod markdown;
pub mod time;
pub mod words;
