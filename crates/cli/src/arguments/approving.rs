//! The words of the commands for approvals by another person, and for what a cluster needs for them.

use clap::{Args, Subcommand};

use super::{Systems, Tried};

pub const APPROVE_EXITS: &str = "Exit codes: 0 it is approved, or was only shown; 2 you said no; 3 it was refused; 64 the words, or a file that\nthey name, are not what they should be.";
pub const APPROVALS_EXITS: &str = "Exit codes: 0 they were read; 3 a cluster could not be asked, or keeps none; 64 the words are not what they\nshould be.";

/// `landfall approvals`
#[derive(Args)]
pub struct Approvals {
    /// Those that are over, too
    #[arg(long)]
    pub all: bool,
    /// Prints JSON (docs/JSON.md)
    #[arg(long)]
    pub json: bool,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall approve`
#[derive(Args)]
pub struct Approve {
    /// The request: `landfall approvals` names them
    #[arg(value_name = "NAME")]
    pub name: String,
    /// In this cluster, where several have one of that name
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Approves it without asking, if this is the plan's hash
    #[arg(long, value_name = "HASH")]
    pub confirm: Option<String>,
    /// Prints JSON (docs/JSON.md); asks for nothing
    #[arg(long)]
    pub json: bool,
    /// What is tried.
    #[command(flatten)]
    pub tried: Tried,
    /// Where to ask.
    #[command(flatten)]
    pub systems: Systems,
}

/// `landfall cluster`
#[derive(Subcommand)]
pub enum Cluster {
    /// Prints what approvals and locks need in a cluster, to be read and applied there; sends nothing
    Manifest(Manifest),
}

/// `landfall cluster manifest`
#[derive(Args)]
pub struct Manifest {
    /// A group that may ask for approvals, as the API server names it; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub requesters: Vec<String>,
    /// A group that may approve; may be given several times
    #[arg(long, value_name = "GROUP")]
    pub approvers: Vec<String>,
}
