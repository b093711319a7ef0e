//! Actions in the terminal: all there are, one of them, and those for an object.

use std::fmt::Write;

use api::ObjectRef;
use api::action::{Offer, Question, QuestionKind};
use console::library::{Action, Stock, Undo, lines};

use super::{bold, dim, foreign, green, styled, width, wrapped};

const INDENT: &str = "    ";

/// All actions.
pub fn list(stock: &Stock) -> String {
    let mut page = String::new();
    for action in stock.library.actions() {
        let kinds: Vec<&str> = action.on.kinds.iter().map(|kind| kind.name()).collect();
        let _ = writeln!(
            page,
            "{}  {}",
            styled(bold(), &action.id),
            styled(dim(), kinds.join(", "))
        );
        paragraph(&mut page, &action.about);
        let roles = format!("for {}", action.roles.join(", "));
        let _ = writeln!(page, "{INDENT}{}", styled(dim(), roles));
        if let Some(file) = stock.library.own_file(&action.id) {
            let from = format!("from {}", foreign(file, 300));
            let _ = writeln!(page, "{INDENT}{}", styled(dim(), from));
        }
    }
    page
}

/// One action, with the file that it is from where it does not ship.
pub fn one(action: &Action, own_file: Option<&str>) -> String {
    let mut page = format!("{}\n", styled(bold(), &action.id));
    paragraph(&mut page, &format!("{}. {}", action.title, action.about));
    let undo = match &action.undo {
        Undo::By(id) => ("Taken back by", id.clone()),
        Undo::Not(why) => ("Not taken back", why.clone()),
    };
    let file = own_file.map(|file| ("From", foreign(file, 300)));
    for (name, text) in lines(action).into_iter().chain([undo]).chain(file) {
        // What is code in Markdown is a word here.
        let text = format!("{}: {}", styled(dim(), name), text.replace('`', ""));
        paragraph(&mut page, &text);
    }
    page
}

/// What is offered for an object, and why the rest is not.
pub fn offers(object: &ObjectRef, offers: &[Offer]) -> String {
    let mut page = format!(
        "{} in {}\n",
        styled(bold(), foreign(&object.to_string(), 200)),
        foreign(&object.system, 100)
    );
    for offer in offers {
        let (glyph, says) = match &offer.greyed {
            None => (styled(green(), "✓"), &offer.about),
            Some(why) => (styled(dim(), "–"), why),
        };
        let _ = writeln!(page, "{glyph} {}", styled(bold(), &offer.action));
        paragraph(&mut page, &foreign(says, 600));
        if offer.greyed.is_some() {
            continue;
        }
        for question in &offer.inputs {
            paragraph(&mut page, &asked(question));
        }
        if offer.reason {
            paragraph(&mut page, "--reason TEXT: why, which is recorded");
        }
    }
    if offers.is_empty() {
        page.push_str("There is no action for it.\n");
    }
    page
}

fn asked(question: &Question) -> String {
    let kind = match &question.kind {
        QuestionKind::Text {} => "a line of text".to_owned(),
        QuestionKind::Number { least, most } => format!("a whole number from {least} to {most}"),
        QuestionKind::Choice { of } => format!("one of {}", of.join(", ")),
        QuestionKind::Duration {} => "a length of time, such as 10m".to_owned(),
        QuestionKind::Object { kind } => format!("the name of a {kind}"),
    };
    let default = match &question.default {
        None => String::new(),
        Some(default) => format!("; {default} where nothing is said"),
    };
    foreign(
        &format!(
            "--input {}=…: {} ({kind}{default})",
            question.name, question.ask
        ),
        400,
    )
}

fn paragraph(page: &mut String, text: &str) {
    let width = width().saturating_sub(INDENT.len());
    let _ = writeln!(page, "{INDENT}{}", wrapped(text, width, INDENT));
}
