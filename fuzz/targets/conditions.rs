//! Whatever a controller writes into a status is judged without a panic, and is never what makes something green.
#![no_main]

use std::sync::{Arc, OnceLock};

use api::{Ask, State};
use company::Company;
use facts::meta::{Condition, Status};
use facts::{ClusterFacts, Facts};
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the bench uses more of it")]
#[path = "../../tests/bench/src/company.rs"]
mod company;

/// A company in which one pod is not ready, with all that the question wants.
fn known() -> &'static (Company, Facts, Ask) {
    static KNOWN: OnceLock<(Company, Facts, Ask)> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let now = "2026-01-15T10:00:00Z".parse().expect("an instant");
        let company = Company {
            apps: 1,
            environments: 1,
            now,
        };
        let ask = Ask {
            text: company.newest(0),
            ..Ask::default()
        };
        let mut facts = company.known(|facts| {
            let answer = journey::answer(facts, &ask, now);
            (answer.answer.is_ok(), answer.wants.into_iter().collect())
        });
        company.disturb(&mut facts, 0);
        (company, facts, ask)
    })
}

fn write(facts: &mut ClusterFacts, condition: &Condition) {
    let kustomizations = facts
        .kustomizations
        .values_mut()
        .map(|one| &mut one.conditions);
    let sources = facts.sources.values_mut().map(|one| &mut one.conditions);
    let workloads = facts.workloads.values_mut().map(|one| &mut one.conditions);
    let releases = facts
        .helm_releases
        .values_mut()
        .map(|one| &mut one.conditions);
    for conditions in kustomizations
        .chain(sources)
        .chain(workloads)
        .chain(releases)
    {
        conditions.retain(|one| one.kind != condition.kind);
        conditions.push(condition.clone());
    }
    for pod in facts.pods.values_mut() {
        pod.message = Some(condition.message.clone());
        pod.reason = Some(condition.reason.clone());
    }
}

fuzz_target!(|text: &str| {
    let (company, facts, ask) = known();
    let mut parts = text.splitn(4, '\n');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let status = match part().as_str() {
        "True" => Status::True,
        "False" => Status::False,
        _ => Status::Unknown,
    };
    let condition = Condition {
        kind: part(),
        status,
        reason: part(),
        message: part(),
        since: Some(company.now),
        observed_generation: None,
    };
    let mut facts = facts.clone();
    for cluster in facts.clusters.values_mut() {
        write(Arc::make_mut(cluster), &condition);
    }
    let answer = journey::answer(&facts, ask, company.now)
        .answer
        .expect("an answer");
    for one in &answer.journeys {
        let said = one.headline.text(|at| at.to_string());
        assert!(
            !matches!(one.state, State::Deployed | State::Superseded),
            "{said}"
        );
        assert!(said.chars().all(|c| !c.is_control()), "{said:?}");
    }
    journey::board(&facts, company.now);
});
