//! `landfall cluster`: what a team's cluster needs for approvals and locks. Prints it, and sends nothing.

use std::process::ExitCode;

use api::Error;
use console::manifest::{Groups, manifest};

use super::{say, show};
use crate::arguments::Cluster;

/// Runs the command.
pub fn run(cluster: Cluster) -> Result<ExitCode, Error> {
    let Cluster::Manifest(groups) = cluster;
    let is_bound = !groups.requesters.is_empty() && !groups.approvers.is_empty();
    show(&manifest(&Groups {
        requesters: groups.requesters,
        approvers: groups.approvers,
    })?);
    if !is_bound {
        say(
            "Not everybody is bound: --requesters GROUP names who may ask, --approvers GROUP who may approve.",
        );
    }
    Ok(ExitCode::SUCCESS)
}
