//! The window's app: what the person sees and types, live over the bridge to the console.
//!
//! Owns the screens. Knows the wire contract (`api`) and nothing else of ours: every word about a cluster comes over
//! the bridge. The modules that decide (words, order, addresses, Markdown) know nothing of the page and are tested
//! natively; the others build it.

pub mod act;
pub mod address;
pub mod announce;
pub mod app;
pub mod begin;
pub mod board;
pub mod bridge;
pub mod changes;
pub mod clock;
pub mod closing;
pub mod connections;
pub mod coverage;
pub mod feed;
pub mod follow;
pub mod foreign;
pub mod glyph;
pub mod join;
pub mod journey;
pub mod keys;
pub mod markdown;
pub mod notice;
pub mod palette;
pub mod panel;
pub mod router;
pub mod runs;
pub mod sentence;
pub mod session;
pub mod shell;
pub mod sign_in;
pub mod theme;
pub mod time;
pub mod words;
