//! `cargo xtask`: what building Landfall needs beyond cargo.
//!
//! Owns the UI's build and the generated documents. `./dev` gets what a machine lacks and calls this.

mod docs;
mod ui;

use clap::Parser;

/// What to do.
#[derive(Parser)]
#[command(about = "What building Landfall needs beyond cargo")]
enum Task {
    /// Builds the window's app into ui/dist
    Ui,
    /// Writes the documents that are generated from tables
    Docs {
        /// Changes nothing; fails if a document differs from its table
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Ui => ui::build(),
        Task::Docs { check } => docs::write(check),
    }
}

/// The repository's root.
fn root() -> &'static std::path::Path {
    // CARGO_MANIFEST_DIR is crates/xtask, two below the root.
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
