//! The wire contract between the console and everything that shows it: the window, the terminal, a script.
//!
//! Owns the requests with their replies, the streams with their items, the error, and the values in them.
//! Knows nothing of Kubernetes clients, Tauri or Leptos; builds for WASM. Every value serialises to JSON that
//! docs/JSON.md describes; [`JSON_VERSION`] changes when a reader of the old form would misread the new one.

pub mod action;
pub mod app;
pub mod approval;
pub mod board;
pub mod connection;
pub mod diagnosis;
pub mod error;
pub mod follow;
pub mod headline;
pub mod history;
pub mod journey;
pub mod news;
pub mod object;
pub mod request;
pub mod sign_in;
pub mod time;
pub mod token;

pub use app::App;
pub use board::{Board, BoardCell, BoardRow, Delivery};
pub use connection::{Connection, ConnectionState};
pub use error::Error;
pub use headline::{Sentence, Span};
pub use history::{Change, ChangeKind, Changes, LeadTime, Usual};
pub use journey::{Answer, Ask, Journey, Stage, StageKind, StageState, State};
pub use news::BoardNews;
pub use object::ObjectRef;
pub use request::{Request, Stream};
pub use sign_in::{Home, SignIn, SignInState};

/// The version that every JSON document of the terminal carries as `"version"`.
pub const JSON_VERSION: u32 = 1;
