//! A run that is ended while it asks ends the product, too.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use prove::ask::{self, Terminal};

const LOOK: Duration = Duration::from_millis(20);
/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.expect("it becomes so");
}

/// A product that runs this script.
fn terminal(home: &Path, script: &str) -> Terminal {
    let program = home.join("landfall");
    std::fs::write(&program, format!("#!/bin/sh\n{script}")).expect("a script");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its mode");
    Terminal {
        program,
        kubeconfig: home.join("kubeconfig"),
        team: home.join("team"),
        home: home.to_owned(),
    }
}

#[tokio::test]
async fn a_question_that_is_dropped_ends_the_product() {
    let home = tempfile::tempdir().expect("a folder");
    let number = home.path().join("number");
    // As a link, which is whole when it is there.
    let script = format!("/bin/ln -sfn $$ {}\nexec sleep 600\n", number.display());
    let terminal = terminal(home.path(), &script);
    let asking = tokio::spawn(async move { ask::ask(&terminal, "api", "5a5a5a5").await });
    until(|| number.is_symlink()).await;
    let process = std::fs::read_link(&number).expect("its number");
    let process = Path::new("/proc").join(process);
    assert!(process.exists());
    asking.abort();
    // Gone, or waiting to be reaped.
    until(|| {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    })
    .await;
}

#[tokio::test]
async fn a_product_that_died_after_its_answer_was_right() {
    let home = tempfile::tempdir().expect("a folder");
    let said = r#"{"commit": {"sha": "5a"}, "journeys": [{"app": "api", "state": "deployed"}]}"#;
    for (ending, exit) in [("exit 0", 0), ("kill -KILL $$", -1)] {
        let terminal = terminal(home.path(), &format!("echo '{said}'\n{ending}\n"));
        let answer = ask::ask(&terminal, "api", "5a").await;
        assert_eq!(answer.exit, Some(exit));
        assert_eq!(answer.fault("5a").is_some(), exit != 0);
    }
    // What scripts take for deployed is so, whatever is printed.
    let terminal = terminal(home.path(), "echo no answer\n");
    let answer = ask::ask(&terminal, "api", "5a").await;
    assert_eq!((answer.exit, answer.failed.is_some()), (Some(0), true));
}
