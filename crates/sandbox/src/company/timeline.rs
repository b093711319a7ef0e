//! What happened in the company's last two days, and when: the table that makes every situation true.
//!
//! Owns deeds and their moments; how a deed is done is [`super::history`]'s. What gives a commit its SHA hangs on the
//! day, so that every process of the same day and seed speaks of the same commits; what should look fresh (a promotion
//! fourteen minutes ago) hangs on the moment at which the company starts.

use super::apps::Environment::{self, Production, Staging};
use super::ci::Progress;

/// When a deed is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// This many minutes before the day's beginning.
    Day(i64),
    /// This many minutes before the company starts to live.
    Now(i64),
}

/// What CI makes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An image.
    Image,
    /// Success without an image.
    NoImage,
    /// A failed test.
    Failure,
    /// Nothing yet: the run is recorded by a deed of its own.
    Later,
}

/// What else a promotion changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// Nothing.
    Nothing,
    /// The folder's name, although the Kustomization still names the old one.
    MovedFolder,
    /// The chart's version, to one that nobody has published.
    NextChart,
    /// The Service's selector.
    OtherSelector,
    /// An annotation full of markup.
    HostileAnnotation,
    /// A merge conflict that was committed.
    Conflict,
}

/// What of an app in an environment somebody suspends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspended {
    /// The ImageUpdateAutomation.
    Automation,
    /// The Kustomization.
    Kustomization,
    /// The GitRepository.
    Source,
}

/// One thing that somebody did. Apps are named by role, commits by label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// A commit on main.
    Commit(&'static str, &'static str, Outcome),
    /// A commit on main that takes the one of the second label back; it gets the first label.
    Revert(&'static str, &'static str, &'static str),
    /// A commit on a branch of its own, with a pull request or without.
    Branch(&'static str, &'static str, bool),
    /// A CI run of a commit that has none, which ends with an image.
    Build(&'static str, &'static str),
    /// A CI run of a commit that has none, standing as it stands now.
    Run(&'static str, &'static str, Progress),
    /// A person names a commit's image in an environment.
    Promote(&'static str, &'static str, Environment, With),
    /// A person opens a pull request that would promote a commit to production.
    ProposePromotion(&'static str, &'static str),
    /// A person removes the policy's marker from an environment's declaration.
    LoseMarker(&'static str, Environment),
    /// A person lists a file in an environment's kustomization and forgets to add it.
    ListMissingFile(&'static str, Environment),
    /// A person lets an environment's own source be fetched twice a day.
    FetchSeldom(&'static str, Environment),
    /// A person suspends something of an app in an environment, in the cluster.
    Suspend(&'static str, Environment, Suspended),
    /// A person pauses an app's Deployment, in the cluster.
    Pause(&'static str, Environment),
    /// The deploy key of an app's own source in production is revoked.
    RevokeKey(&'static str),
    /// The registry refuses scans of an app's image from now on.
    RefuseScans(&'static str),
    /// The GitOps repository of an app's own protects main.
    Protect(&'static str),
    /// A person changes the ingress' selector in production.
    RelabelIngress,
    /// A person registers a task definition that names a commit's image, and leaves it at that.
    Register(&'static str, &'static str),
    /// A person registers a task definition that names a commit's image, and updates the ECS service to it.
    Deploy(&'static str, &'static str),
    /// A person sets the desired count of an app's ECS service to zero.
    ScaleToZero(&'static str),
    /// A person takes away the load balancer's rule that sends traffic to an app's target group.
    LoseRule(&'static str),
}

const fn day(hours: i64, minutes: i64) -> Moment {
    Moment::Day(hours * 60 - minutes)
}

const fn ago(minutes: i64) -> Moment {
    Moment::Now(minutes)
}

use Deed::{
    Branch, Build, Commit, Deploy, FetchSeldom, ListMissingFile, LoseMarker, LoseRule, Pause,
    Promote, ProposePromotion, Protect, RefuseScans, Register, RelabelIngress, Revert, RevokeKey,
    Run, ScaleToZero, Suspend,
};
use Outcome::{Failure, Image, Later, NoImage};

/// The table, in no particular order. A deed's place in it chooses who does it, with which words: new deeds go to the
/// end, so that those before keep their commits.
pub(super) const TIMELINE: &[(Moment, Deed)] = &[
    // Before the second commits: what will be in their way.
    (day(27, 0), LoseMarker("shipping", Staging)),
    (day(27, 0), ListMissingFile("edge", Staging)),
    (
        day(27, 0),
        Suspend("wishlist", Staging, Suspended::Automation),
    ),
    // The second commits, in two busy half hours and a late one.
    (day(26, 0), Commit("checkout", "second", Image)),
    (day(26, 0), Commit("catalog", "second", Image)),
    (day(26, 0), Commit("pricing", "second", Image)),
    (day(26, 0), Commit("payments", "second", Image)),
    (day(26, 0), Commit("inventory", "second", Image)),
    (day(26, 0), Commit("shipping", "second", Image)),
    (day(26, 1), Commit("accounts", "second", Image)),
    (day(26, 1), Commit("reviews", "second", Image)),
    (day(26, 1), Commit("recommendations", "second", Image)),
    (day(26, 1), Commit("notifications", "second", Image)),
    (day(26, 1), Commit("storefront", "second", Image)),
    (day(24, 0), Commit("loyalty", "second", Image)),
    (day(24, 0), Commit("gifts", "second", Image)),
    (day(24, 0), Commit("wishlist", "second", Image)),
    (day(24, 0), Commit("returns", "second", Image)),
    (day(24, 0), Commit("subscriptions", "second", Image)),
    (day(24, 0), Commit("stores", "second", Image)),
    (day(24, 1), Commit("tax", "second", Image)),
    (day(24, 1), Commit("edge", "second", Image)),
    (day(24, 1), Commit("content", "second", Image)),
    (day(24, 1), Commit("gallery", "second", Image)),
    (day(24, 1), Commit("coupons", "second", Image)),
    (day(24, 1), Revert("pricing", "third", "second")),
    // A quiet evening: promotions.
    (
        day(20, 0),
        Promote("content", "second", Staging, With::Nothing),
    ),
    (
        day(20, 0),
        Promote("catalog", "second", Production, With::Nothing),
    ),
    (
        day(20, 0),
        Promote("coupons", "second", Production, With::Nothing),
    ),
    (
        day(20, 0),
        Promote("pricing", "third", Production, With::Nothing),
    ),
    (
        day(20, 0),
        Promote("tax", "second", Production, With::OtherSelector),
    ),
    (day(17, 0), Pause("stores", Production)),
    (day(15, 0), RevokeKey("accounts")),
    // Before the third commits: what will be in their way.
    (day(13, 0), Protect("loyalty")),
    (day(13, 0), RefuseScans("subscriptions")),
    (
        day(13, 0),
        Suspend("gifts", Staging, Suspended::Kustomization),
    ),
    (
        day(13, 0),
        Suspend("stores", Staging, Suspended::Kustomization),
    ),
    (day(13, 0), Suspend("tax", Staging, Suspended::Source)),
    // The third commits.
    (day(12, 0), Commit("catalog", "third", Image)),
    (day(12, 0), Commit("pricing", "fourth", Image)),
    (day(12, 0), Commit("reviews", "third", Image)),
    (day(12, 0), Commit("coupons", "third", Image)),
    (day(12, 0), Commit("loyalty", "third", Image)),
    (day(12, 0), Commit("subscriptions", "third", Image)),
    (day(12, 1), Commit("gifts", "third", Image)),
    (day(12, 1), Commit("stores", "third", Image)),
    (day(12, 1), Commit("tax", "third", Image)),
    (day(12, 1), Commit("content", "third", Image)),
    (day(12, 1), Commit("accounts", "third", NoImage)),
    (day(12, 1), Commit("wishlist", "third", Failure)),
    (day(11, 0), Branch("recommendations", "pull", true)),
    (day(11, 0), Branch("recommendations", "branch", false)),
    (
        day(8, 0),
        Promote("content", "third", Staging, With::Conflict),
    ),
    (
        day(8, 0),
        Promote("catalog", "third", Production, With::Nothing),
    ),
    (
        day(8, 0),
        Promote("accounts", "second", Production, With::Nothing),
    ),
    (
        day(8, 0),
        Promote("returns", "second", Production, With::MovedFolder),
    ),
    (day(6, 0), ProposePromotion("pricing", "fourth")),
    // A late hour, with too few runners: CI comes to these in the last hours only.
    (day(4, 0), Commit("search", "second", Later)),
    (day(4, 0), Commit("cart", "second", Later)),
    (day(4, 0), Commit("orders", "second", Later)),
    (day(2, 0), Commit("payments", "third", Later)),
    (day(2, 0), Commit("inventory", "third", Later)),
    (day(2, 0), Commit("storefront", "third", Later)),
    // The last hours, whenever the company starts.
    (ago(113), FetchSeldom("recommendations", Production)),
    (
        ago(96),
        Promote("recommendations", "second", Production, With::Nothing),
    ),
    (
        ago(96),
        Promote("reviews", "second", Production, With::Nothing),
    ),
    (
        ago(96),
        Promote("inventory", "second", Production, With::Nothing),
    ),
    (
        ago(82),
        Promote("storefront", "second", Production, With::Nothing),
    ),
    (
        ago(82),
        Promote("subscriptions", "second", Production, With::Nothing),
    ),
    (
        ago(82),
        Promote("gifts", "second", Production, With::NextChart),
    ),
    (
        ago(82),
        Promote("stores", "second", Production, With::Nothing),
    ),
    (
        ago(82),
        Promote("loyalty", "second", Production, With::Nothing),
    ),
    (ago(82), RelabelIngress),
    (
        ago(47),
        Promote("payments", "second", Production, With::Nothing),
    ),
    (
        ago(47),
        Promote("gallery", "second", Production, With::HostileAnnotation),
    ),
    (
        ago(38),
        Promote("checkout", "second", Production, With::Nothing),
    ),
    (
        ago(26),
        Promote("notifications", "second", Production, With::Nothing),
    ),
    (
        ago(24),
        Run("inventory", "third", Progress::WaitingForReview),
    ),
    (
        ago(9),
        Promote("content", "second", Production, With::Nothing),
    ),
    (ago(3), Run("payments", "third", Progress::Running)),
    (ago(1), Run("storefront", "third", Progress::Queued)),
    // CI's late builds of the late hour's commits.
    (ago(105), Build("search", "second")),
    (ago(105), Build("cart", "second")),
    (ago(105), Build("orders", "second")),
    // Apps whose production is Amazon ECS.
    (day(26, 1), Commit("invoices", "second", Image)),
    (day(26, 1), Commit("addresses", "second", Image)),
    (day(26, 1), Commit("translations", "second", Image)),
    (day(26, 1), Commit("fraud", "second", Image)),
    (day(26, 1), Commit("forecasts", "second", Image)),
    (day(20, 0), Deploy("invoices", "second")),
    (day(12, 1), Commit("invoices", "third", Image)),
    (day(12, 1), Commit("addresses", "third", Image)),
    (ago(50), Deploy("fraud", "second")),
    (ago(35), Deploy("translations", "second")),
    (ago(31), Deploy("addresses", "second")),
    (ago(21), Deploy("forecasts", "second")),
    (ago(12), Register("addresses", "third")),
    (day(26, 1), Commit("couriers", "second", Image)),
    (day(26, 1), Commit("pickup", "second", Image)),
    (day(26, 1), Commit("sizing", "second", Image)),
    (day(26, 1), Commit("archive", "second", Image)),
    (day(20, 0), Deploy("archive", "second")),
    (day(17, 0), ScaleToZero("archive")),
    (ago(110), Deploy("sizing", "second")),
    (ago(45), Deploy("pickup", "second")),
    (ago(9), Deploy("couriers", "second")),
    (day(26, 1), Commit("tickets", "second", Image)),
    (day(20, 0), Deploy("tickets", "second")),
    (ago(25), LoseRule("tickets")),
];

impl Deed {
    /// The role of the app that the deed is about; none for the infrastructure.
    pub(super) fn role(&self) -> Option<&'static str> {
        match self {
            Commit(role, ..)
            | Revert(role, ..)
            | Branch(role, ..)
            | Build(role, ..)
            | Run(role, ..)
            | Promote(role, ..)
            | ProposePromotion(role, ..)
            | LoseMarker(role, ..)
            | ListMissingFile(role, ..)
            | FetchSeldom(role, ..)
            | Suspend(role, ..)
            | Pause(role, ..)
            | RevokeKey(role)
            | RefuseScans(role)
            | Protect(role)
            | Register(role, ..)
            | Deploy(role, ..)
            | ScaleToZero(role)
            | LoseRule(role) => Some(role),
            RelabelIngress => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_deeds_are_done_before_the_company_can_start() {
        for (moment, deed) in TIMELINE {
            match moment {
                // A start at midnight sharp: everything of the day is over, with time for Flux to follow.
                Moment::Day(minutes) => assert!(*minutes >= 115, "{deed:?}"),
                // And nothing of the last hours comes before what it builds on.
                Moment::Now(minutes) => assert!((0..115).contains(minutes), "{deed:?}"),
            }
        }
    }
}
