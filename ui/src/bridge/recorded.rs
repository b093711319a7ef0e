//! Holds the documents that are looked at without the shell (ui/mock) to the wire types.

use api::action::{Offer, PlanView, RunStands, Runs};
use api::request::Beginning;
use api::{Answer, App, Board, Changes, Connection};

#[test]
fn the_recorded_documents_are_what_the_console_would_send() {
    let board: Board = serde_json::from_str(include_str!("../../mock/board.json")).unwrap();
    assert!(board.rows.iter().all(|row| row.cells.len() >= 3));
    let connections: Vec<Connection> =
        serde_json::from_str(include_str!("../../mock/connections.json")).unwrap();
    assert!(!connections.is_empty());
    let changes: Changes = serde_json::from_str(include_str!("../../mock/changes.json")).unwrap();
    assert!(changes.changes.iter().any(|change| change.commit.is_some()));
    let app: App = serde_json::from_str(include_str!("../../mock/app.json")).unwrap();
    assert!(app.targets.iter().all(|target| target.lacks.is_ok()));
    let offers: Vec<Offer> = serde_json::from_str(include_str!("../../mock/offers.json")).unwrap();
    assert!(offers.iter().any(|offer| offer.greyed.is_some()));
    let plan: PlanView = serde_json::from_str(include_str!("../../mock/plan.json")).unwrap();
    assert!(plan.production && !plan.steps.is_empty());
    let runs: Runs = serde_json::from_str(include_str!("../../mock/runs.json")).unwrap();
    assert!(
        runs.runs
            .iter()
            .any(|run| matches!(run.stands, RunStands::Interrupted { .. }))
    );
    for begin in [
        include_str!("../../mock/begin.json"),
        include_str!("../../mock/begin-broken.json"),
    ] {
        let _: Beginning = serde_json::from_str(begin).unwrap();
    }
    for answer in [
        include_str!("../../mock/answer-1a90c3e.json"),
        include_str!("../../mock/answer-3f2c1ab.json"),
        include_str!("../../mock/answer-5e0a9b2.json"),
        include_str!("../../mock/answer-77d40e2.json"),
        include_str!("../../mock/answer-a91be07.json"),
        include_str!("../../mock/answer-badbeef.json"),
        include_str!("../../mock/answer-be8812a.json"),
        include_str!("../../mock/answer-c0ffee1.json"),
    ] {
        let answer: Answer = serde_json::from_str(answer).unwrap();
        for journey in &answer.journeys {
            let kinds: Vec<_> = journey.stages.iter().map(|stage| stage.kind).collect();
            assert_eq!(
                kinds,
                api::StageKind::ALL,
                "{} {}",
                journey.app,
                journey.environment
            );
        }
    }
}
