//! What is missing of a team's actions and freezes.
//!
//! Owns these questions and the words for each answer.

use api::Error;
use cluster::Clock;

use super::{Check, Found};
use crate::library::Stock;
use crate::sources::{self, Sources};
use crate::team_file::TeamFile;

/// Environments that a freeze names and the file does not.
pub(super) fn freezes(file: &TeamFile) -> Vec<Check> {
    let known: Vec<String> = file
        .team()
        .environments
        .into_iter()
        .map(|one| one.name)
        .collect();
    // Without environments of its own they are found by looking, and may be called anything.
    if known.is_empty() {
        return Vec::new();
    }
    let is_unknown = |name: &&String| !known.iter().any(|one| one.eq_ignore_ascii_case(name));
    let named = file.freezes.iter().enumerate();
    named
        .flat_map(|(at, freeze)| {
            freeze.environments.iter().filter(is_unknown).map(move |name| (at, name))
        })
        .map(|(at, name)| {
            Check::new(
                &format!("freezes[{at}]"),
                Found::Remark,
                format!("freezes '{name}', which is no environment of the file"),
            )
            .mended_by(format!(
                "If a label or a namespace is called so, it is as it should be. The file's are: {}.",
                known.join(", ")
            ))
        })
        .collect()
}

/// Whether the team's own actions can be read and used.
pub(super) async fn actions(
    file: &TeamFile,
    sources: &Sources,
    clock: &Clock,
) -> Result<Vec<Check>, Error> {
    if file.actions.is_empty() {
        return Ok(Vec::new());
    }
    let shelf = sources::shelf(file, sources, clock)?;
    Ok(of_stock(&shelf.stock().await?))
}

fn of_stock(stock: &Stock) -> Vec<Check> {
    const SUBJECT: &str = "the team's actions";
    let library = &stock.library;
    let own = library
        .actions()
        .filter(|action| library.own_file(&action.id).is_some());
    let own: Vec<&str> = own.map(|action| action.id.as_str()).collect();
    if stock.unusable.is_empty() {
        let says = format!("are there: {}", own.join(", "));
        return vec![Check::new(SUBJECT, Found::Fine, says)];
    }
    let wrong = stock.unusable.iter().map(|one| {
        if stock.out_of_reach.contains(one) {
            Check::new(SUBJECT, Found::CannotTell, one)
                .mended_by("Sign in at the code host, or look whether it answers, and run this once more.")
        } else {
            Check::new(SUBJECT, Found::Missing, one).mended_by(
                "`landfall actions test FOLDER` names all that is wrong. Then tag the folder anew, and sign the file with that tag.",
            )
        }
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use runbook::library::Library;

    use super::*;

    #[test]
    fn a_freeze_of_an_environment_that_is_misspelt_froze_nothing_and_nobody_knew() {
        let freeze = "{environments: [prodution, Staging], from: 2026-12-18T16:00:00Z, until: 2027-01-04T08:00:00Z, reason: x}";
        let file = |environments: &str| {
            let text = format!("version: 1\nfreezes: [{freeze}]\nenvironments: {environments}\n");
            TeamFile::of_text(&text, "here").expect("a team file")
        };
        let found = freezes(&file("[{name: production}, {name: staging}]"));
        let [one] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (one.subject.as_str(), one.found),
            ("freezes[0]", Found::Remark)
        );
        assert!(one.says.contains("'prodution'"), "{one:?}");
        assert!(freezes(&file("[]")).is_empty());
    }

    #[test]
    fn what_cannot_be_reached_is_not_called_broken() {
        let own = "version: 1\nid: flush\ntitle: Flush\nabout: Empties it.\nroles: [sre]\n\
                   on: {kinds: [Pod]}\nsteps: [deletePod: {}]\nundo: {not: It is empty.}\n";
        let files = [("flush.yaml", own.as_bytes())];
        let (library, _) = Library::beside(&files).expect("what ships");
        let mut stock = Stock {
            library,
            unusable: Vec::new(),
            out_of_reach: Vec::new(),
        };
        let fine = of_stock(&stock);
        assert_eq!(
            (fine[0].found, fine[0].says.as_str()),
            (Found::Fine, "are there: flush")
        );
        stock.unusable = vec!["away".to_owned(), "broken".to_owned()];
        stock.out_of_reach = vec!["away".to_owned()];
        let found: Vec<Found> = of_stock(&stock).iter().map(|one| one.found).collect();
        assert_eq!(found, [Found::CannotTell, Found::Missing]);
    }
}
