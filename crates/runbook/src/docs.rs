//! The actions as documentation.
//!
//! Owns the rendering of docs/ACTIONS.md, whose words are the action files', and of actions/action.schema.json, whose words
//! are the types'.

use std::fmt::Write as _;

use crate::action::{Action, ActionStep, Confirm, Undo};
use crate::input;
use crate::library::Library;
use crate::vocabulary::Rights;

/// docs/ACTIONS.md.
pub fn actions_markdown(library: &Library) -> String {
    let mut page = String::from(
        "# Actions\n\n\
         What Landfall can do, and to what. Each action is a file in `actions/`; your own stand beside them: see \
         [ACTION-FILES.md](ACTION-FILES.md). An action shows what it would do before it does it, and ends when its effect \
         was seen, or says that it was not. Roles decide what is offered; the cluster's RBAC decides what works. In \
         production every action is confirmed with the object and the cluster named, at least. This file is generated from \
         the action files.\n\n\
         | Action | What it is done to | Who is offered it |\n|---|---|---|\n",
    );
    for action in library.actions() {
        let (id, title) = (&action.id, &action.title);
        let _ = writeln!(
            page,
            "| [{title}](#{id}) (`{id}`) | {} | {} |",
            kinds(action),
            action.roles.join(", ")
        );
    }
    for action in library.actions() {
        section(&mut page, action);
    }
    page
}

fn section(page: &mut String, action: &Action) {
    let _ = write!(
        page,
        "\n## {}\n\n**{}.** {}\n\n",
        action.id, action.title, action.about
    );
    for (name, text) in lines(action) {
        let _ = writeln!(page, "- {name}: {text}");
    }
    let _ = match &action.undo {
        Undo::By(id) => writeln!(page, "- Taken back by: [{id}](#{id})"),
        Undo::Not(why) => writeln!(page, "- Not taken back: {why}"),
    };
}

/// What there is to know of an action but how it is taken back, in Markdown: a name and a text each.
pub fn lines(action: &Action) -> Vec<(&'static str, String)> {
    let mut lines = vec![("On", kinds(action))];
    if !action.on.environments.is_empty() {
        lines.push(("Only in", action.on.environments.join(", ")));
    }
    if !action.on.apps.is_empty() {
        lines.push(("Only for the apps", action.on.apps.join(", ")));
    }
    lines.push(("For the roles", action.roles.join(", ")));
    for input in &action.inputs {
        let default = match &input.default {
            None => String::new(),
            Some(crate::action::Value::Number(number)) => {
                format!("; {number} where nothing is said")
            }
            Some(crate::action::Value::Text(text)) if text.is_empty() => {
                "; may be left out".to_owned()
            }
            Some(crate::action::Value::Text(text)) => format!("; {text} where nothing is said"),
        };
        let text = format!(
            "{} (`{}`: {}{default})",
            input.ask,
            input.name,
            input::wanted(&input.is)
        );
        lines.push(("Asks", text));
    }
    if action.reason {
        lines.push(("Asks", "why, which is recorded".to_owned()));
    }
    lines.push(("Confirmed by", confirm(action.confirm).to_owned()));
    if let Some(most) = action.per_hour {
        lines.push(("At most", format!("{most} times an hour on one object")));
    }
    lines.push(("Needs the rights", rights(action).join(", ")));
    let worked: Vec<&str> = action
        .steps
        .iter()
        .map(|step| step.step.word().worked)
        .collect();
    lines.push(("Has worked when", worked.join("; then ")));
    lines
}

fn kinds(action: &Action) -> String {
    let kinds: Vec<&str> = action.on.kinds.iter().map(|kind| kind.name()).collect();
    kinds.join(", ")
}

fn confirm(confirm: Confirm) -> &'static str {
    match confirm {
        Confirm::Click => {
            "a click; in production by a button that names the object, the cluster and the environment"
        }
        Confirm::Named => "a button that names the object, the cluster and the environment",
        Confirm::Typed => "typing the object's name",
        Confirm::SecondPerson => "another person",
    }
}

/// The rights to change something that an action needs, each once.
fn rights(action: &Action) -> Vec<String> {
    let mut rights = Vec::new();
    for step in &action.steps {
        for right in step_rights(action, step) {
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
    }
    rights
}

fn step_rights(action: &Action, step: &ActionStep) -> Vec<String> {
    let word = step.step.word();
    let plurals = |verb: &str| {
        let kinds = action.done_to(step);
        kinds
            .iter()
            .map(|kind| format!("`{verb} {}`", kind.plural()))
            .collect::<Vec<_>>()
    };
    let named = |(verb, on): &(&str, Rights)| match on {
        Rights::Target => plurals(verb),
        Rights::Source if step.step.asks_source() => vec![format!("`{verb}` on what it is fed by")],
        Rights::Source => Vec::new(),
        Rights::Of(plural) => vec![format!("`{verb} {plural}`")],
        Rights::Automation => vec![format!(
            "`{verb} imageupdateautomations`, where one would set the version back"
        )],
        Rights::Repository => vec![format!(
            "to {verb} to the repository that declares it, as its code host decides"
        )],
        Rights::Iam => vec![format!("`{verb}` on it, as IAM decides")],
    };
    word.rights.iter().flat_map(named).collect()
}

/// actions/action.schema.json.
///
/// # Errors
/// None that is known: a schema is made of text and numbers.
pub fn schema() -> Result<String, serde_json::Error> {
    let mut schema = schemars::schema_for!(Action);
    schema.insert("title".to_owned(), "A Landfall action".into());
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_written(path: &str, rendered: &str) {
        let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        if written != rendered && std::env::var_os("LANDFALL_WRITE_DOCS").is_some() {
            std::fs::write(&path, rendered).expect("written");
            return;
        }
        assert!(
            written == rendered,
            "{path} is out of date: LANDFALL_WRITE_DOCS=1 cargo test -p runbook docs"
        );
    }

    #[test]
    fn docs_actions_md_is_what_the_files_say() {
        let library = Library::shipped().expect("fine");
        is_written("docs/ACTIONS.md", &actions_markdown(&library));
    }

    #[test]
    fn what_ships_is_valid_by_the_published_schema_and_what_the_reader_refuses_is_not() {
        let schema = serde_json::from_str(&schema().expect("a schema")).expect("JSON");
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let json = |text: &str| -> serde_json::Value {
            let tree = crate::read::tree("a.yaml", text.as_bytes()).expect("YAML");
            crate::read::typed("a.yaml", &tree).expect("JSON")
        };
        for (name, text) in crate::library::SHIPPED {
            assert!(schema.is_valid(&json(text)), "{name}");
        }
        let (_, restart) = crate::library::SHIPPED[0];
        let picked = restart.replace("  - restart:\n", "  - on: {input: x}\n    restart:\n");
        assert!(schema.is_valid(&json(&picked)));
        for (old, new) in [
            ("within: 15m", "within: soon"),
            ("within: 15m", "withn: 15m"),
            ("  - restart:\n", "  - suspend: {}\n    restart:\n"),
            ("  - restart:\n", "  - run: x\n    restart:\n"),
            ("  - restart:\n", "  - shell:\n"),
            ("perHour: 6", "perHours: 6"),
        ] {
            assert!(restart.contains(old), "{old}");
            let text = restart.replacen(old, new, 1);
            assert!(
                crate::read::read("a.yaml", text.as_bytes()).is_err(),
                "{new}"
            );
            assert!(!schema.is_valid(&json(&text)), "{new}");
        }
    }

    #[test]
    fn the_published_schema_is_what_the_types_say() {
        is_written("actions/action.schema.json", &schema().expect("a schema"));
    }
}
