//! The forge against real Git: a real server, repositories made by real `git`, and `git` itself as the judge.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what they expect by failing"
)]

#[path = "git/commits.rs"]
mod commits;
#[path = "git/concern.rs"]
mod concern;
#[path = "git/copies.rs"]
mod copies;
#[path = "git/declared.rs"]
mod declared;
#[path = "git/files.rs"]
mod files;
#[path = "git/random.rs"]
mod random;
#[path = "git/server.rs"]
mod server;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use facts::code::{Commit, DeclaredHistory, Relation, Resolved, ResolvedBy};
use facts::found::Head;
use facts::{Coverage, Found, Read, Want};
use forge::{CodeHost, Config, Forge};
use jiff::Timestamp;

use server::Server;

const HOST: &str = "code.shop.example";
const REPOSITORY: &str = "code.shop.example/shop/api";

/// A forge whose clock stands until it is told to go on.
struct Reader {
    forge: Forge,
    second: Arc<AtomicI64>,
}

impl Reader {
    fn new(server: &Server, cache: &Path) -> Self {
        let second = Arc::new(AtomicI64::new(2_000_000_000));
        let now = Arc::clone(&second);
        let config = Config {
            code_hosts: vec![CodeHost {
                host: HOST.to_owned(),
                address: Some(server.url.parse().unwrap()),
                api: None,
                tokens: None,
            }],
            registries: Vec::new(),
            cache: cache.to_owned(),
            fresh_for: Duration::from_secs(60),
        };
        let forge = Forge::with_clock(config, move || {
            Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap()
        })
        .unwrap();
        Self { forge, second }
    }

    /// Makes every answer old.
    fn later(&self) {
        self.second.fetch_add(61, Ordering::SeqCst);
    }

    async fn head(&self) -> Head {
        let want = Want::Repository {
            repository: REPOSITORY.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Repository { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    async fn resolve(&self, text: &str) -> Vec<Resolved> {
        match self.forge.find(&resolve(text)).await {
            Found::Resolve { resolved, .. } => resolved,
            other => panic!("{other:?}"),
        }
    }

    async fn commit(&self, sha: &str) -> Read<Commit> {
        let want = Want::Commit {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Commit { commit, .. } => commit,
            other => panic!("{other:?}"),
        }
    }

    async fn relation(&self, a: &str, b: &str) -> Relation {
        let want = Want::Relation {
            repository: REPOSITORY.to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Relation { relation, .. } => relation,
            other => panic!("{other:?}"),
        }
    }

    async fn touched(&self, sha: &str) -> Read<Vec<String>> {
        let want = Want::Touched {
            repository: REPOSITORY.to_owned(),
            sha: sha.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Touched { paths, .. } => paths,
            other => panic!("{other:?}"),
        }
    }

    async fn declared(&self, path: &str) -> DeclaredHistory {
        let want = Want::Declared {
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            path: path.to_owned(),
        };
        match self.forge.find(&want).await {
            Found::Declared {
                history: Read::Known(history),
                ..
            } => history,
            other => panic!("{other:?}"),
        }
    }
}

fn resolve(text: &str) -> Want {
    Want::Resolve {
        repository: REPOSITORY.to_owned(),
        text: text.to_owned(),
    }
}

fn by_sha(sha: &str) -> Resolved {
    Resolved {
        sha: sha.to_owned(),
        by: ResolvedBy::Sha,
    }
}

#[test]
fn a_proxy_in_the_environment_does_not_stand_before_this_machine() {
    // The environment belongs to the whole process: another one runs one of the tests above behind a dead proxy.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "copies::a_repository_is_cloned_once_and_then_fetched",
        ])
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
