//! A recorded world as facts: read once by the product's own reader and forge, and asked many times.
//!
//! Owns the gathering of what the engine wants. What the forge found is kept: the same want is answered the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::Ask;
use cluster::{Cluster, Options};
use facts::code::CodeFacts;
use facts::image::ImageFacts;
use facts::{Facts, Found, Want};
use forge::{CodeHost, Config, Forge, RegistryHost};
use jiff::Timestamp;
use journey::Evaluation;
use prove::recording::Recording;
use prove::replay::World;
use serde_json::Value;

use crate::taken::Taken;

/// Rounds of wants that are met before it is a circle: an answer needs about eight.
const ROUNDS: usize = 40;

/// A recorded world, read whole.
pub struct Known {
    /// The question.
    pub ask: Ask,
    /// Everything that the whole answer rests on.
    pub facts: Facts,
    /// When it is asked.
    pub now: Timestamp,
    forge: Forge,
    found: BTreeMap<Want, Found>,
    _world: World,
}

impl Known {
    /// Reads a recording.
    pub async fn read(scenario: &str, recording: &Recording) -> Self {
        let world = World::start(recording).await.expect("a world");
        let contexts = cluster::contexts(Some(&world.kubeconfig)).expect("a kubeconfig");
        let context = contexts.first().expect("a context");
        let clock = world.clock.clone();
        let options = Options {
            clock: cluster::Clock::new(move || clock.now()),
            ..Options::default()
        };
        let cluster = Cluster::start(context, options);
        cluster.settled().await;
        let of_cluster = Arc::clone(&cluster.facts().borrow());
        let clock = world.clock.clone();
        let mut known = Self {
            ask: Ask {
                text: recording.asked.clone(),
                app: Some(scenario.to_owned()),
                environment: None,
                repository: None,
            },
            facts: Facts {
                clusters: [(cluster.name().to_owned(), of_cluster)].into(),
                ..Facts::default()
            },
            now: world.clock.now(),
            forge: Forge::with_clock(config(&world), move || clock.now()).expect("a forge"),
            found: BTreeMap::new(),
            _world: world,
        };
        let facts = known.facts.clone();
        known.facts = known.gathered(facts, &Taken::Nothing).await.1;
        known
    }

    /// The answer without something, and how often the engine had to be asked.
    pub async fn without(&mut self, taken: &Taken) -> (Evaluation, usize) {
        let mut facts = self.facts.clone();
        for known in facts.clusters.values_mut() {
            taken.take_from(Arc::make_mut(known), self.now);
        }
        if taken.is_of_forge() {
            (facts.code, facts.images) = (CodeFacts::default(), ImageFacts::default());
        }
        let (evaluation, _, rounds) = self.gathered(facts, taken).await;
        (evaluation, rounds)
    }

    async fn gathered(&mut self, mut facts: Facts, taken: &Taken) -> (Evaluation, Facts, usize) {
        for round in 1..=ROUNDS {
            let evaluation = journey::answer(&facts, &self.ask, self.now);
            if evaluation.wants.is_empty() {
                return (evaluation, facts, round);
            }
            for want in &evaluation.wants {
                let found = match taken.instead(want) {
                    Some(refused) => refused,
                    None => self.find(want).await,
                };
                facts.absorb(found);
            }
        }
        panic!("{}: the engine never has what it wants", self.ask.text);
    }

    async fn find(&mut self, want: &Want) -> Found {
        if let Some(found) = self.found.get(want) {
            return found.clone();
        }
        let found = self.forge.find(want).await;
        self.found.insert(want.clone(), found.clone());
        found
    }
}

/// Where the replayed world's code host and registry are, as its team file says.
fn config(world: &World) -> Config {
    let text = std::fs::read_to_string(&world.team).expect("a team file");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let url = |value: &Value| Some(value.as_str()?.parse().expect("a URL"));
    let code = &file["codeHosts"][0];
    let images = &file["registries"][0];
    Config {
        code_hosts: vec![CodeHost {
            host: word(&code["host"]),
            address: url(&code["address"]),
            api: url(&code["api"]),
            tokens: None,
        }],
        registries: vec![RegistryHost {
            host: word(&images["host"]),
            address: url(&images["address"]),
        }],
        cache: world.cache.clone(),
        fresh_for: Duration::from_secs(3600),
    }
}
