//! Taking things away: every recorded world is asked again without one permission, API or system, each in turn.
//!
//! Owns what must hold then: nothing gets greener, nothing panics, and an answer that is another one says what it could
//! not read. `TAKING=NAME cargo test -p prove --test taking -- --nocapture` takes the recordings whose name contains NAME.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "taking/judged.rs"]
mod judged;
#[path = "taking/taken.rs"]
mod taken;
#[path = "taking/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use facts::Kind;
use futures::StreamExt;
use prove::recording::Recording;
use prove::scenario;

use judged::{Judged, wrong};
use taken::{Lack, Taken};
use world::Known;

/// How many worlds are read at once.
const AT_ONCE: usize = 4;

/// What was found over one recording.
#[derive(Default)]
struct Count {
    taken: usize,
    other: usize,
    most_rounds: usize,
    wrong: Vec<String>,
}

/// Everything that can be taken away from a world, each alone. All of it is refused; what fails and what does not answer
/// take turns, from one recording to the next, because the engine tells them apart by their words alone.
fn all(known: &Known, recording: &Recording, number: usize) -> Vec<Taken> {
    let lacks = [Lack::Denied, Lack::OTHERS[number % Lack::OTHERS.len()]];
    let mut all = Vec::new();
    let there = kinds(recording);
    for kind in Kind::ALL {
        // Of a kind that is not there only the one thing can be new: that it may not be listed.
        let lacks = if there.contains(kind.name()) {
            &lacks[..]
        } else {
            &lacks[..1]
        };
        all.extend(lacks.iter().map(|lack| Taken::Kind(kind, *lack)));
        if !kind.is_cluster_wide() && there.contains(kind.name()) {
            all.push(Taken::Elsewhere(kind, vec!["elsewhere".to_owned()]));
            all.push(Taken::Elsewhere(kind, namespaces(recording)));
        }
    }
    all.extend(known.facts.clusters.keys().cloned().map(Taken::Cluster));
    for lack in lacks {
        all.extend([
            Taken::Git(lack),
            Taken::HostApi(lack),
            Taken::CodeHost(lack),
            Taken::Registry(lack),
        ]);
        let repositories = known.facts.code.repositories.keys();
        all.extend(repositories.map(|key| Taken::Repository(key.clone(), lack)));
        let images: BTreeSet<&String> = known
            .facts
            .images
            .digests
            .keys()
            .map(|(key, _)| key)
            .collect();
        all.extend(
            images
                .into_iter()
                .map(|key| Taken::Image(key.clone(), lack)),
        );
    }
    all
}

fn kinds(recording: &Recording) -> BTreeSet<&str> {
    let kinds = recording
        .objects
        .iter()
        .filter_map(|one| one["kind"].as_str());
    kinds.collect()
}

fn namespaces(recording: &Recording) -> Vec<String> {
    let all = recording.objects.iter();
    let all = all.filter_map(|one| one["metadata"]["namespace"].as_str());
    let all: BTreeSet<&str> = all.collect();
    all.into_iter().map(str::to_owned).collect()
}

async fn without_each(number: usize, name: String, recording: Recording) -> Count {
    let mut known = Known::read(&name, &recording).await;
    let whole = Judged::of(known.without(&Taken::Nothing).await.0.answer);
    let mut count = Count::default();
    for taken in all(&known, &recording, number) {
        let (evaluation, rounds) = known.without(&taken).await;
        let less = Judged::of(evaluation.answer);
        count.taken += 1;
        count.other += usize::from(!less.is_same(&whole));
        count.most_rounds = count.most_rounds.max(rounds);
        if let Some(why) = wrong(&whole, &less, &taken.names()) {
            count.wrong.push(format!("{name}, {taken:?}: {why}"));
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_thing_nothing_is_greener_and_what_is_other_says_why() {
    let only = std::env::var("TAKING").unwrap_or_default();
    let begun = Instant::now();
    let names = scenario::all().expect("scenarios").into_iter();
    let names = names
        .map(|one| one.name)
        .filter(|name| name.contains(&only));
    let recordings = names.filter_map(|name| {
        let recording = Recording::of(&name).expect("a recording")?;
        Some((name, recording))
    });
    let recordings: Vec<(String, Recording)> = recordings.collect();
    let count = recordings.len();
    assert!(count > 0, "nothing is recorded");
    let mut counts = futures::stream::iter(recordings.into_iter().enumerate())
        .map(|(number, (name, recording))| tokio::spawn(without_each(number, name, recording)))
        .buffer_unordered(AT_ONCE);
    let mut all = Count::default();
    while let Some(one) = counts.next().await {
        let one = one.expect("no panic");
        all.taken += one.taken;
        all.other += one.other;
        all.most_rounds = all.most_rounds.max(one.most_rounds);
        all.wrong.extend(one.wrong);
    }
    println!(
        "{count} recordings, {} things taken away, {} other answers, at most {} evaluations each, {} wrong, {:.1} s",
        all.taken,
        all.other,
        all.most_rounds,
        all.wrong.len(),
        begun.elapsed().as_secs_f64()
    );
    all.wrong.sort();
    assert!(
        all.wrong.is_empty(),
        "{} wrong:\n{}",
        all.wrong.len(),
        all.wrong.join("\n")
    );
}
