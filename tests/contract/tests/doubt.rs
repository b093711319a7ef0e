//! Whether the checks can fail at all: servers that say the same to everything pass none of them.

use contract::proxy::{Fault, Proxy, Rule};
use contract::{Target, Trust};

/// Any HTTP server passes it, and should: it is about a header that every answer has.
const OF_EVERY_SERVER: &str = "discovery::date";

#[tokio::test(flavor = "multi_thread")]
async fn no_check_passes_against_a_server_that_always_says_the_same() {
    for code in [200, 404] {
        // Nobody is behind it: the script answers.
        let proxy = Proxy::start("http://127.0.0.1:1", Trust::Machine)
            .await
            .unwrap();
        proxy.script().add(Rule::new(Fault::Status(code, None)));
        let target = Target {
            url: proxy.url(),
            token: "admin".to_owned(),
            trust: Trust::Machine,
        };
        let both = contract::run(&target, None).await.unwrap();
        let later = contract::run_later(&target, None).await.unwrap();
        let passed: Vec<&str> = both
            .rows
            .iter()
            .chain(&later.rows)
            .filter(|row| row.broken.is_none())
            .map(|row| row.name)
            .collect();
        assert_eq!(passed, [OF_EVERY_SERVER], "always {code}");
    }
}
