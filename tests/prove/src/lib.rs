//! The proving ground: real programs on loopback, the scenarios that break them, and the recordings of both.
//!
//! Owns the modules that `./dev prove` (src/main.rs) and the replay (tests/replay.rs) share. The replay needs none of the
//! real programs.

pub mod actions;
pub mod api;
pub mod ask;
pub mod by_hand;
pub mod declared;
pub mod definitions;
pub mod ending;
#[cfg(unix)]
pub mod first_minute;
pub mod github;
pub mod ground;
pub mod images;
pub mod keep;
pub mod leftover;
pub mod load;
pub mod parts;
pub mod peers;
pub mod play;
pub mod ports;
pub mod process;
pub mod record;
pub mod recording;
pub mod replay;
pub mod round;
pub mod row;
pub mod scenario;
pub mod tool;
