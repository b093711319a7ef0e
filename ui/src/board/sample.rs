//! Small boards for the tests beside this file.

use std::sync::Arc;

use api::Sentence;
use api::board::{BoardCell, BoardRow, Delivery};
use api::journey::{Commit, Health, Running, State};
use api::object::ObjectRef;
use jiff::Timestamp;

/// A cell that runs one healthy version.
pub fn cell(environment: &str, cluster: &str, state: State) -> BoardCell {
    BoardCell {
        environment: environment.to_owned(),
        cluster: cluster.to_owned(),
        running: Some(Running {
            workload: ObjectRef::new(cluster, "Deployment", "shop", "app"),
            image: "registry.example/shop/app:main-1".to_owned(),
            commit: Some(Commit {
                repository: "code.example/shop/app".to_owned(),
                sha: "9d02e4f0a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned(),
                subject: "Round totals".to_owned(),
                author: "Mina Osei".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            }),
            since: Some(Timestamp::UNIX_EPOCH),
            health: Health::Healthy,
            ready: 3,
            wanted: 3,
        }),
        delivery: Delivery {
            commit: None,
            state,
            pending: false,
            behind: Some(0),
            stage: None,
            cause: None,
            headline: Sentence::default().words("It stands."),
            since: None,
            took: Vec::new(),
        },
        stale_since: None,
    }
}

/// A row.
pub fn row(app: &str, cells: Vec<BoardCell>) -> BoardRow {
    BoardRow {
        app: app.to_owned(),
        repository: Some(format!("code.example/shop/{app}")),
        newest: None,
        cells,
    }
}

/// A row as the feed holds it.
pub fn shared(app: &str, cells: Vec<BoardCell>) -> Arc<BoardRow> {
    Arc::new(row(app, cells))
}
