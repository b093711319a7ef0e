//! Tests only: what is true besides the causes. Each test is named after what must not go wrong.

mod app;
mod charts;
mod clusters;
mod commits;
mod endpoints;
mod git;
mod hands;
mod made_of;
mod overridden;
mod passed_over;
mod past;
mod proof;
mod reached;
mod refused;
mod said;
mod taken;
mod unapplied;
mod unread;
mod usual;
mod vanished;
mod ways;

use std::sync::Arc;

use api::journey::{Health, Journey};
use api::{StageKind, StageState, State};
use facts::code::{CiState, HeadOf, PullState};
use facts::flux::{Artifact, Revision};
use facts::kubernetes::ContainerState;
use facts::meta::{Kind, Status};
use facts::{Coverage, Reach};
use jiff::SignedDuration;

use super::faults::*;
use super::{ask, journeys, read_aloud};
use crate::causes::CauseCode;
use crate::world::World;
use crate::world::company::*;

fn one(world: &World, text: &str, app: &str, cluster: &str) -> Journey {
    journeys(world, text)
        .into_iter()
        .find(|journey| journey.app == app && journey.cluster == cluster)
        .unwrap()
}

fn prod(world: &World, number: u32) -> Journey {
    one(world, &sha(APP, number), APP, PROD)
}

fn notes(world: &World, journey: &Journey) -> String {
    let notes: Vec<String> = journey
        .notes
        .iter()
        .map(|note| read_aloud(world, note))
        .collect();
    notes.join(" ")
}

/// Commit `number` of checkout runs in both clusters, whatever Git says.
fn runs(world: &mut World, number: u32) {
    world.publish(APP, number, 10);
    for (cluster, _) in CLUSTERS {
        world.roll(APP, cluster, number, 9);
    }
}

fn revert(world: &mut World, what: u32, by: u32) {
    world.revert(&source(APP), APP, what, by, 20);
}
