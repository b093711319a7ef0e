//! Tests only: facts that nobody would make up. Whatever is in them, the engine comes to an end, within so many evaluations
//! and wants, and without a panic.
//!
//! Owns the dice and what they do to a world. Each world follows from its number alone: a red test names it, and
//! `LANDFALL_WORLD=NUMBER` asks that one again. `LANDFALL_WORLDS` says how many there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use facts::cluster::Scope;
use facts::flux::{Revision, SourceReference};
use facts::kubernetes::ContainerState;
use facts::meta::{Condition, Key, Meta, Reference, Status};
use facts::{ClusterFacts, Reach, Want};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::world::company::FLEET;

/// Without LANDFALL_WORLDS: what a debug build does in a few seconds.
const FEW: u64 = 600;
/// Evaluations of one question until nothing is wanted any more: of 100,000 worlds none needed more than 12.
const MOST_EVALUATIONS: usize = 16;
/// Wants of one question over all its evaluations: of 100,000 worlds none had more than 31.
const MOST_WANTS: usize = 60;

/// Texts that a cluster, a registry or a person may have written anywhere.
const WORDS: [&str; 20] = [
    "",
    "main",
    "main@sha1:0000000000000000000000000000000000000000",
    "@",
    "sha256:",
    "6.5.0",
    "checkout",
    "flux-system",
    "ReconciliationFailed",
    "HealthCheckFailed",
    "DependencyNotReady",
    "UpgradeFailed",
    "ProgressDeadlineExceeded",
    "CrashLoopBackOff",
    "Evicted",
    "dependency 'flux-system/checkout' is not ready",
    "Deployment/shop/checkout dry-run failed: é: field is immutable",
    "secret \"",
    "\u{202e}\0\r\n${x:=y}",
    "${TAG}",
];

/// Numbers that follow from one another.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn word(&mut self) -> String {
        self.of(&WORDS).to_owned()
    }

    fn number(&mut self) -> u32 {
        self.of(&[0, 1, 2, 3, u32::MAX])
    }

    fn count(&mut self) -> i64 {
        self.of(&[0, 1, 2, -1, i64::MIN, i64::MAX])
    }

    fn time(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.of(&[
            None,
            Some(Timestamp::MIN),
            Some(Timestamp::MAX),
            Some(Timestamp::UNIX_EPOCH),
            Some(now),
        ])
    }

    fn span(&mut self) -> Option<SignedDuration> {
        self.of(&[
            None,
            Some(SignedDuration::MIN),
            Some(SignedDuration::ZERO),
            Some(SignedDuration::from_mins(1)),
            Some(SignedDuration::MAX),
        ])
    }

    fn status(&mut self) -> Status {
        self.of(&[Status::True, Status::False, Status::Unknown])
    }

    fn coverage(&mut self) -> Coverage {
        let message = self.word();
        match self.below(4) {
            0 => Coverage::Denied { message },
            1 => Coverage::Failed { message },
            2 => Coverage::Unreachable { message },
            _ => Coverage::NotAsked,
        }
    }

    fn reference(&mut self) -> Reference {
        const KINDS: [&str; 8] = [
            "Kustomization",
            "HelmRelease",
            "Deployment",
            "GitRepository",
            "HelmChart",
            "Service",
            "Job",
            "",
        ];
        Reference {
            kind: self.of(&KINDS).to_owned(),
            namespace: self.of(&["shop", "flux-system", "shop-dev", ""]).to_owned(),
            name: self
                .of(&["checkout", "search", "infra", "fleet", ""])
                .to_owned(),
        }
    }
}

/// Any world, by its number.
fn world(number: u64) -> (World, String) {
    let mut dice = Dice(number);
    let mut world = match dice.below(TRIALS.len() + 2) {
        0 => calm(),
        1 => delivered(),
        base => (TRIALS[base - 2].world)(),
    };
    for _ in 0..dice.below(3) {
        dice.of(MISHAPS)(&mut world);
    }
    for _ in 0..dice.below(10) {
        scramble(&mut world, &mut dice);
    }
    let asked = match dice.below(12) {
        0 => String::new(),
        1 => dice.word(),
        2 | 3 => sha("fleet", 3),
        which => sha(APPS[which % APPS.len()], 2 + (which % 3) as u32),
    };
    (world, asked)
}

fn scramble(world: &mut World, dice: &mut Dice) {
    let now = world.now;
    let clusters: Vec<String> = world.facts.clusters.keys().cloned().collect();
    let cluster = clusters[dice.below(clusters.len())].clone();
    if dice.one_in(8) {
        of_git(world, dice);
        return;
    }
    if dice.one_in(6) {
        let mut kinds = every_kind();
        kinds.retain(|(name, _)| *name == cluster);
        if !kinds.is_empty() {
            let (name, kind) = dice.of(&kinds);
            remove(world, name, kind, dice.coverage());
        }
        return;
    }
    world.edit(&cluster, |facts| of_cluster(facts, dice, now));
}

fn of_git(world: &mut World, dice: &mut Dice) {
    let keys: Vec<String> = world.repos.keys().cloned().collect();
    let key = keys[dice.below(keys.len())].clone();
    match dice.below(6) {
        // What an edge was asked it was asked.
        0 => match dice.coverage() {
            Coverage::NotAsked => {}
            coverage => drop(world.shut.insert(key, coverage)),
        },
        1 => world.repo(&key).branches.clear(),
        2 => world.repo(&key).default_branch = dice.word(),
        3 => world.repo(&key).reverts.clear(),
        4 => {
            let repo = world.repo(FLEET);
            for history in repo.declared.values_mut() {
                for image in history.entries.iter_mut().flat_map(|one| &mut one.images) {
                    image.tag = Some(dice.word()).filter(|_| dice.one_in(2));
                    image.file = dice.word();
                }
                history.complete = false;
            }
        }
        _ => {
            for image in world.images.values_mut() {
                image.source = Some(dice.word()).filter(|_| dice.one_in(2));
                image.revision = Some(dice.word());
            }
        }
    }
}

fn of_cluster(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    match dice.below(12) {
        0 => facts.clock_offset = dice.span().unwrap_or_default(),
        1 => {
            let error = dice.word();
            let since = dice.time(now).unwrap_or(now);
            facts.reach = match dice.below(3) {
                0 => Reach::Connecting,
                1 => Reach::Lost { since, error },
                _ => Reach::Unreachable { error },
            };
        }
        2 => scopes(facts, dice, now),
        3 => forget(facts, dice),
        4 => metas(facts, dice, now),
        5 => conditions(facts, dice, now),
        6 | 7 => workloads(facts, dice, now),
        8 | 9 => flux(facts, dice, now),
        10 => images(facts, dice, now),
        _ => network(facts, dice, now),
    }
}

/// Whatever may be listed may be listed in one namespace alone.
fn scopes(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    let kind = dice.of(&Kind::ALL);
    facts.coverage.insert((kind, Scope::All), dice.coverage());
    let scope = Scope::Namespace(dice.of(&["shop", "shop-dev", "flux-system"]).to_owned());
    let as_of = dice.time(now).unwrap_or(now);
    facts
        .coverage
        .insert((kind, scope), Coverage::Seen { as_of });
}

/// Objects that are not there, each without those that belong to it.
fn forget(facts: &mut ClusterFacts, dice: &mut Dice) {
    let mut goes = |_: &Key| dice.one_in(3);
    facts.workloads.retain(|(_, key), _| !goes(key));
    facts.pods.retain(|key, _| !goes(key));
    facts.replica_sets.retain(|key, _| !goes(key));
    facts.sources.retain(|(_, key), _| !goes(key));
    facts.kustomizations.retain(|key, _| !goes(key));
    facts.helm_releases.retain(|key, _| !goes(key));
    facts.services.retain(|key, _| !goes(key));
    facts.ingresses.retain(|key, _| !goes(key));
    facts.certificates.retain(|key, _| !goes(key));
    facts.ecs_services.retain(|key, _| !goes(key));
    facts.task_definitions.retain(|_, _| !dice.one_in(3));
}

fn metas(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    let mut one = |meta: &mut Meta| {
        if dice.one_in(3) {
            one_meta(meta, dice, now);
        }
    };
    facts.workloads.change(|it| one(&mut it.meta));
    facts.pods.change(|it| one(&mut it.meta));
    facts.replica_sets.change(|it| one(&mut it.meta));
    facts.kustomizations.change(|it| one(&mut it.meta));
    facts.helm_releases.change(|it| one(&mut it.meta));
    facts.ingresses.change(|it| one(&mut it.meta));
    facts.certificates.change(|it| one(&mut it.meta));
}

fn one_meta(meta: &mut Meta, dice: &mut Dice, now: Timestamp) {
    meta.generation = dice.count();
    meta.created = dice.time(now);
    meta.deleting = dice.time(now).filter(|_| dice.one_in(4));
    if dice.one_in(3) {
        meta.owners.clear();
    }
    if dice.one_in(3) {
        let names: Vec<String> = meta.labels.keys().cloned().collect();
        for name in names {
            meta.labels.insert(name, dice.word());
        }
    }
    let revision = "deployment.kubernetes.io/revision".to_owned();
    meta.annotations.insert(revision, dice.word());
}

fn conditions(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    let mut one = |conditions: &mut Vec<Condition>| {
        if dice.one_in(2) {
            return;
        }
        for condition in conditions.iter_mut() {
            condition.status = dice.status();
            condition.reason = dice.word();
            condition.message = dice.word();
            condition.since = dice.time(now);
            condition.observed_generation = Some(dice.count()).filter(|_| dice.one_in(2));
        }
        if dice.one_in(3) {
            const KINDS: [&str; 6] = [
                "Ready",
                "Released",
                "Stalled",
                "Reconciling",
                "Progressing",
                "PodScheduled",
            ];
            conditions.push(Condition {
                kind: dice.of(&KINDS).to_owned(),
                status: dice.status(),
                reason: dice.word(),
                message: dice.word(),
                since: dice.time(now),
                observed_generation: None,
            });
        }
    };
    facts.sources.change(|it| one(&mut it.conditions));
    facts.kustomizations.change(|it| one(&mut it.conditions));
    facts.helm_releases.change(|it| one(&mut it.conditions));
    facts
        .image_repositories
        .change(|it| one(&mut it.conditions));
    facts.image_automations.change(|it| one(&mut it.conditions));
    facts.workloads.change(|it| one(&mut it.conditions));
    facts.pods.change(|it| one(&mut it.conditions));
    facts.canaries.change(|it| one(&mut it.conditions));
    facts.certificates.change(|it| one(&mut it.conditions));
}

fn workloads(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    facts.workloads.change(|one| {
        if dice.one_in(2) {
            (one.wanted, one.updated) = (dice.number(), dice.number());
            (one.ready, one.total) = (dice.number(), dice.number());
            (one.partition, one.paused) = (dice.number(), dice.one_in(3));
            one.observed_generation = dice.count();
            one.update_revision = Some(dice.word()).filter(|_| dice.one_in(2));
            if dice.one_in(4) {
                one.containers.clear();
            }
            for container in &mut one.containers {
                if dice.one_in(4) {
                    container.image = dice.word();
                }
            }
            if dice.one_in(4) {
                one.selector.clear();
            }
        }
    });
    facts.pods.change(|pod| {
        if dice.one_in(2) {
            return;
        }
        pod.phase = dice
            .of(&["Pending", "Running", "Failed", "Unknown", ""])
            .to_owned();
        pod.reason = Some(dice.word()).filter(|_| dice.one_in(2));
        pod.message = Some(dice.word());
        pod.started = dice.time(now);
        for one in &mut pod.containers {
            (one.ready, one.restarts) = (dice.one_in(2), dice.number());
            if dice.one_in(3) {
                one.image_id = dice.word();
            }
            one.state = state(dice, now);
            one.last = Some(state(dice, now)).filter(|_| dice.one_in(2));
        }
        if dice.one_in(5) {
            pod.containers.clear();
        }
    });
}

fn state(dice: &mut Dice, now: Timestamp) -> ContainerState {
    let (reason, message) = (dice.word(), dice.word());
    match dice.below(3) {
        0 => ContainerState::Waiting { reason, message },
        1 => ContainerState::Running {
            since: dice.time(now),
        },
        _ => ContainerState::Terminated {
            reason,
            message,
            exit_code: dice.of(&[0, 1, 137, i32::MIN]),
            finished: dice.time(now),
        },
    }
}

fn flux(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    facts.kustomizations.change(|one| {
        if dice.one_in(2) {
            return;
        }
        (one.suspended, one.remote) = (dice.one_in(4), dice.one_in(8));
        one.interval = dice.span();
        one.observed_generation = dice.count();
        // Dependencies in circles, and on what is not there.
        for _ in 0..dice.below(3) {
            one.depends_on.push(dice.reference());
        }
        one.inventory
            .extend((0..dice.below(3)).map(|_| dice.reference()));
        one.attempted = Some(Revision::new(dice.word())).filter(|_| dice.one_in(2));
        if dice.one_in(3) {
            one.source = dice.reference();
        }
        for entry in &mut one.history {
            (entry.first, entry.last, entry.took) = (dice.time(now), dice.time(now), dice.span());
        }
        if dice.one_in(4) {
            one.path = dice.word();
        }
    });
    facts.helm_releases.change(|one| {
        one.interval = dice.span();
        one.observed_generation = dice.count();
        one.failures = dice.count();
        one.chart_version = Some(dice.word());
        one.source = Some(dice.reference()).filter(|_| dice.one_in(2));
        for entry in &mut one.history {
            (entry.first, entry.last) = (dice.time(now), dice.time(now));
            entry.status = dice
                .of(&["deployed", "failed", "superseded", ""])
                .to_owned();
        }
        if dice.one_in(3) {
            one.history.clear();
        }
    });
    facts.sources.change(|one| {
        one.interval = dice.span();
        if dice.one_in(4) {
            one.reference = SourceReference::Semver(dice.word());
        }
        if let Some(artifact) = &mut one.artifact {
            artifact.updated = dice.time(now);
            if dice.one_in(3) {
                artifact.revision = Revision::new(dice.word());
            }
        }
    });
}

fn images(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    facts.image_repositories.change(|one| {
        (one.scanned, one.interval) = (dice.time(now), dice.span());
        one.image = dice.word();
    });
    facts.image_policies.change(|one| {
        one.latest_tag = Some(dice.word()).filter(|_| dice.one_in(2));
        one.repository = dice.reference();
    });
    facts.image_automations.change(|one| {
        (one.ran, one.pushed, one.interval) = (dice.time(now), dice.time(now), dice.span());
        one.push_commit = Some(dice.word());
        one.path = dice.word();
    });
}

fn network(facts: &mut ClusterFacts, dice: &mut Dice, now: Timestamp) {
    facts.services.change(|one| {
        if dice.one_in(3) {
            one.selector.clear();
        }
        one.external_name = dice.one_in(4);
    });
    facts.endpoint_slices.change(|one| {
        (one.ready, one.not_ready) = (dice.number(), dice.number());
        one.has_ports = dice.one_in(2);
    });
    facts.ingresses.change(|one| {
        if dice.one_in(2) {
            one.addresses.clear();
        }
        one.class = Some(dice.word()).filter(|_| dice.one_in(2));
        one.services.insert(dice.reference().name);
        for entry in &mut one.tls {
            entry.secret = dice.word();
            entry.hosts.push(dice.word());
        }
    });
    facts.certificates.change(|one| {
        one.ends = dice.time(now);
        one.secret = dice.word();
        if dice.one_in(4) {
            one.conditions.clear();
        }
    });
    facts.events.change(|one| {
        (one.last, one.count) = (dice.time(now), dice.number());
        (one.reason, one.message) = (dice.word(), dice.word());
    });
    facts.nodes.change(|one| {
        one.conditions.clear();
    });
}

/// What one world cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    evaluations: usize,
    wants: usize,
    took: Duration,
}

impl Cost {
    fn is_bound(self) -> bool {
        self.evaluations <= MOST_EVALUATIONS && self.wants <= MOST_WANTS
    }

    fn most(self, other: Self) -> Self {
        Self {
            evaluations: self.evaluations.max(other.evaluations),
            wants: self.wants.max(other.wants),
            took: self.took.max(other.took),
        }
    }
}

/// Asks a world until nothing is wanted any more, and looks at its board.
fn ask_all(number: u64) -> Cost {
    let (world, asked) = world(number);
    let mut dice = Dice(!number);
    let question = ask(&asked);
    let mut facts = world.facts.clone();
    let mut cost = Cost::default();
    loop {
        let begun = Instant::now();
        let wants = crate::answer(&facts, &question, world.now).wants;
        cost.took = cost.took.max(begun.elapsed());
        cost.evaluations += 1;
        cost.wants += wants.len();
        if wants.is_empty() || cost.evaluations > MOST_EVALUATIONS {
            break;
        }
        for want in &wants {
            facts.absorb(found(&world, want, &mut dice));
        }
    }
    let begun = Instant::now();
    crate::board(&facts, world.now);
    cost.took = cost.took.max(begun.elapsed());
    cost
}

/// What an edge finds; one in thirty wants cannot be met.
fn found(world: &World, want: &Want, dice: &mut Dice) -> facts::Found {
    if !dice.one_in(30) {
        return world.find(want);
    }
    let mut deaf = world.clone();
    let message = dice.word();
    deaf.deaf.insert(want.clone(), Coverage::Failed { message });
    deaf.find(want)
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn facts_that_nobody_would_make_up_are_answered_within_bounds_and_without_a_panic() {
    let only = number_of("LANDFALL_WORLD");
    let count = number_of("LANDFALL_WORLDS").unwrap_or(FEW);
    let (from, to) = only.map_or((0, count), |only| (only, only + 1));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let begun = Instant::now();
    let mine = |thread: u64| {
        let (mut most, mut wrong) = (Cost::default(), Vec::new());
        for number in (from..to).filter(|number| number % threads == thread) {
            match catch_unwind(AssertUnwindSafe(|| ask_all(number))) {
                Ok(cost) if cost.is_bound() => most = most.most(cost),
                Ok(cost) => wrong.push(format!("LANDFALL_WORLD={number} costs {cost:?}")),
                Err(_) => wrong.push(format!("LANDFALL_WORLD={number} panics")),
            }
        }
        (most, wrong)
    };
    let (mut most, mut wrong) = (Cost::default(), Vec::new());
    std::thread::scope(|scope| {
        let started = (0..threads).map(|thread| scope.spawn(move || mine(thread)));
        for thread in started.collect::<Vec<_>>() {
            let (cost, found) = thread.join().expect("its panics are caught");
            most = most.most(cost);
            wrong.extend(found);
        }
    });
    println!(
        "{} worlds: at most {} evaluations and {} wants for a question, the slowest evaluation {:.1} ms; {:.1} s",
        to - from,
        most.evaluations,
        most.wants,
        most.took.as_secs_f64() * 1e3,
        begun.elapsed().as_secs_f64()
    );
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
