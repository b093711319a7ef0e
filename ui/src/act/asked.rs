//! What fits a question, before it is sent: only what is certain. The console looks again, at everything.
//!
//! Owns the words for what does not fit.

use std::collections::BTreeMap;

use api::action::{Offer, Question, QuestionKind};

use crate::foreign;

/// The reason's field.
pub const REASON: &str = "act-reason";

/// The id of a question's field: a name may hold anything.
pub fn field_id(at: usize) -> String {
    format!("act-field-{at}")
}

/// What stands in the fields at first: what is filled in, else what is usual. Of what is filled in, nothing that is not asked.
pub fn filled(questions: &[Question], said: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let first = |one: &Question| {
        let said = said.get(&one.name).or(one.default.as_ref());
        said.cloned().unwrap_or_default()
    };
    let all = questions.iter();
    all.map(|one| (one.name.clone(), first(one))).collect()
}

/// What may be said, for whoever fills the field.
pub fn hint(kind: &QuestionKind) -> String {
    match kind {
        QuestionKind::Text {} | QuestionKind::Choice { .. } => String::new(),
        QuestionKind::Number { least, most } => format!("A whole number from {least} to {most}."),
        QuestionKind::Duration {} => "A length of time, such as 30s, 10m or 2h.".to_owned(),
        QuestionKind::Object { kind } => format!("The name of a {}.", foreign::line(kind)),
    }
}

/// What is wrong with what was said; nothing where it may fit.
pub fn wrong(question: &Question, said: &str) -> Option<String> {
    let kind = &question.kind;
    match kind {
        // Whether an empty text fits is the action's to say.
        QuestionKind::Text {} => None,
        QuestionKind::Choice { .. } => said.is_empty().then(|| "Choose one of these.".to_owned()),
        QuestionKind::Number { least, most } => {
            let fits = said
                .parse()
                .is_ok_and(|number| (least..=most).contains(&&number));
            (!fits).then(|| hint(kind))
        }
        QuestionKind::Duration {} | QuestionKind::Object { .. } => {
            said.is_empty().then(|| hint(kind))
        }
    }
}

/// The id of the first field that holds something wrong.
pub fn first_wrong(offer: &Offer, said: &BTreeMap<String, String>, reason: &str) -> Option<String> {
    let mut questions = offer.inputs.iter().enumerate();
    let field = questions.find_map(|(at, question)| {
        let said = said.get(&question.name).map_or("", String::as_str);
        wrong(question, said).map(|_| field_id(at))
    });
    field.or_else(|| (offer.reason && reason.trim().is_empty()).then(|| REASON.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: QuestionKind, default: Option<&str>) -> Question {
        Question {
            name: name.to_owned(),
            ask: "How many pods?".to_owned(),
            kind,
            default: default.map(str::to_owned),
        }
    }

    #[test]
    fn a_number_out_of_its_range_is_said_before_it_is_sent() {
        let to = question(
            "to",
            QuestionKind::Number {
                least: 0,
                most: 100,
            },
            None,
        );
        for said in ["", "101", "-1", "3.5", "three", "3 "] {
            let wrong = wrong(&to, said);
            assert_eq!(
                wrong.as_deref(),
                Some("A whole number from 0 to 100."),
                "{said:?}"
            );
        }
        for said in ["0", "3", "100"] {
            assert_eq!(wrong(&to, said), None, "{said:?}");
        }
    }

    #[test]
    fn the_first_field_that_is_wrong_is_gone_to_and_the_reason_last() {
        let offer = Offer {
            action: "scale".to_owned(),
            title: "Scale".to_owned(),
            about: String::new(),
            greyed: None,
            inputs: vec![
                question("for", QuestionKind::Duration {}, Some("30m")),
                question("to", QuestionKind::Number { least: 0, most: 9 }, None),
            ],
            reason: true,
        };
        let mut said = filled(&offer.inputs, &BTreeMap::new());
        assert_eq!(
            first_wrong(&offer, &said, "").as_deref(),
            Some("act-field-1")
        );
        said.insert("to".to_owned(), "3".to_owned());
        assert_eq!(first_wrong(&offer, &said, "  ").as_deref(), Some(REASON));
        assert_eq!(first_wrong(&offer, &said, "LIN-4410"), None);
    }

    #[test]
    fn what_is_filled_in_stands_in_its_field_and_what_nobody_asks_for_in_none() {
        let questions = [
            question("to", QuestionKind::Text {}, Some("latest")),
            question("by", QuestionKind::Text {}, Some("commit")),
        ];
        let said = [("to", "1.4.2"), ("reset", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let expected = [("to", "1.4.2"), ("by", "commit")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(filled(&questions, &said), expected);
    }
}
