//! The causes as documentation.
//!
//! Owns the rendering of docs/CAUSES.md; the words are the table's.

use std::fmt::Write as _;

use api::StageKind;

use crate::acts;
use crate::causes::CauseCode;

/// docs/CAUSES.md, from the table of causes.
pub fn causes_markdown() -> String {
    let mut text = String::from(
        "# Causes\n\n\
         Every cause Landfall can name, by the stage that it stops. Scripts may rely on a code: it never changes its\n\
         meaning. What Landfall can do about one, and to what, stands beside it (docs/ACTIONS.md). This file is generated\n\
         from the tables in `crates/journey/src/causes.rs` and `acts.rs`.\n",
    );
    for stage in StageKind::ALL {
        let causes: Vec<_> = CauseCode::ALL
            .iter()
            .filter(|cause| cause.stage() == stage)
            .collect();
        let _ = writeln!(text, "\n## {}\n", title(stage.name()));
        let _ = writeln!(
            text,
            "| Code | What it means | What mends it | Actions |\n|---|---|---|---|"
        );
        for cause in causes {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                cause.code(),
                cause.meaning(),
                cause.remedy(),
                actions(*cause)
            );
        }
    }
    text
}

/// The actions that fit a cause, with links to what they are.
fn actions(cause: CauseCode) -> String {
    let fits = acts::of_cause(cause).map(|fit| {
        let (action, on) = (fit.action, acts::says(fit.on));
        format!("[`{action}`](ACTIONS.md#{action}) {on}")
    });
    fits.collect::<Vec<_>>().join("; ")
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::causes_markdown;

    #[test]
    fn docs_causes_md_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CAUSES.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let rendered = causes_markdown();
        if written != rendered && std::env::var_os("LANDFALL_WRITE_DOCS").is_some() {
            std::fs::write(path, &rendered).unwrap();
            return;
        }
        assert!(
            written == rendered,
            "docs/CAUSES.md is out of date: run LANDFALL_WRITE_DOCS=1 cargo test -p journey docs"
        );
    }
}
