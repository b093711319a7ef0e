//! Whatever a person types is answered without a panic, in words without control characters.
#![no_main]

use std::borrow::Cow;
use std::sync::OnceLock;

use api::Ask;
use company::Company;
use facts::{Facts, Found, Want};
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the bench uses more of it")]
#[path = "../../tests/bench/src/company.rs"]
mod company;

fn known() -> &'static (Company, Facts) {
    static KNOWN: OnceLock<(Company, Facts)> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let now = "2026-01-15T10:00:00Z".parse().expect("an instant");
        let company = Company {
            apps: 2,
            environments: 1,
            now,
        };
        let facts = company.known(|facts| {
            let board = journey::board(facts, now);
            (board.board, board.wants.into_iter().collect())
        });
        (company, facts)
    })
}

fuzz_target!(|text: &str| {
    let (company, facts) = known();
    let mut parts = text.split('\n').map(str::to_owned);
    let ask = Ask {
        text: parts.next().unwrap_or_default(),
        app: parts.next().filter(|one| !one.is_empty()),
        environment: parts.next().filter(|one| !one.is_empty()),
        repository: parts.next().filter(|one| !one.is_empty()),
    };
    let mut facts = Cow::Borrowed(facts);
    for _ in 0..8 {
        let evaluation = journey::answer(&facts, &ask, company.now);
        let said = match &evaluation.answer {
            Ok(answer) => answer
                .unread
                .iter()
                .map(|one| one.text(|at| at.to_string()))
                .collect(),
            Err(error) => vec![error.message.clone(), error.hint.clone()],
        };
        for one in said {
            assert!(one.chars().all(|c| c == '\n' || !c.is_control()), "{one:?}");
        }
        for want in evaluation.wants {
            match want {
                // What was typed stands for nothing.
                Want::Resolve { repository, text } => {
                    let resolved = Vec::new();
                    facts.to_mut().absorb(Found::Resolve {
                        repository,
                        text,
                        resolved,
                    });
                }
                _ => return,
            }
        }
    }
});
