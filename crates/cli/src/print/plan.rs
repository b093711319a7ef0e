//! A plan in the terminal: what would be done, field by field, and how to mean it.

use std::fmt::Write;

use api::action::{Confirm, FieldChange, PlanStep, PlanView};

use super::{bold, dim, foreign, green, red, styled, width, wrapped, yellow};

const INDENT: &str = "  ";
/// How wide a row's name is.
const NAME: usize = 8;
/// What stands before a row's later lines.
const BELOW: &str = "           ";

/// The whole plan as text.
pub fn plan(plan: &PlanView) -> String {
    let mut page = format!("{}\n", styled(bold(), foreign(&plan.button, 300)));
    row(&mut page, "where", &place(plan));
    for (at, step) in plan.steps.iter().enumerate() {
        write_step(&mut page, at, step, plan);
    }
    for touched in &plan.touches {
        row(&mut page, "touches", &foreign(touched, 600));
    }
    for caution in &plan.cautions {
        let caution = format!("{} {}", styled(yellow(), "!"), foreign(caution, 600));
        row(&mut page, "careful", &caution);
    }
    for right in &plan.rights {
        let (glyph, words) = match right.held {
            Some(true) => (styled(green(), "✓"), ""),
            Some(false) => (styled(red(), "✗"), ": missing, so it would be refused"),
            None => (
                styled(yellow(), "?"),
                ": whether you have it cannot be told",
            ),
        };
        let right = foreign(&right.right, 200);
        row(&mut page, "right", &format!("{glyph} {right}{words}"));
    }
    row(&mut page, "undo", &foreign(&plan.undo, 400));
    if !plan.nothing {
        let tried = match &plan.tried {
            None => "tried without keeping it: the server would take it".to_owned(),
            Some(why) => format!("{} {}", styled(yellow(), "!"), foreign(why, 600)),
        };
        row(&mut page, "server", &tried);
    }
    // Whole and on one line: it is copied.
    let _ = writeln!(page, "{INDENT}{} {}", name("plan"), plan.hash);
    page
}

fn write_step(page: &mut String, at: usize, step: &PlanStep, plan: &PlanView) {
    let number = format!("step {}", at + 1);
    row(page, &number, &foreign(&step.says, 400));
    for change in &step.changes {
        row(page, "", &changed(change, plan));
    }
    for sent in &step.sends {
        row(
            page,
            "",
            &styled(dim(), format!("sends {}", foreign(sent, 400))),
        );
    }
}

/// `spec.replicas: 3 → 5`, with the object where it is another one than the target.
fn changed(change: &FieldChange, plan: &PlanView) -> String {
    let value = |value: &Option<String>, absent: &str| {
        value
            .as_ref()
            .map_or_else(|| absent.to_owned(), |value| foreign(value, 300))
    };
    let object = match change.object == plan.object {
        true => String::new(),
        false => format!("{} ", foreign(&change.object.to_string(), 200)),
    };
    format!(
        "{object}{}: {} → {}",
        foreign(&change.field, 200),
        value(&change.from, "(not there)"),
        value(&change.to, "(gone)")
    )
}

/// Which environment that is.
fn place(plan: &PlanView) -> String {
    let environment = foreign(&plan.environment, 100);
    match (environment.as_str(), plan.production) {
        ("", true) => styled(
            red(),
            "which environment this is cannot be told: it counts as production",
        ),
        ("", false) => "in no environment of the team file".to_owned(),
        ("production", true) => styled(red(), "production"),
        (_, true) => styled(red(), format!("{environment}, which is production")),
        (_, false) => environment,
    }
}

/// The button's words, with the environment: what somebody says yes to.
pub fn named(plan: &PlanView) -> String {
    format!(
        "{} ({})?",
        styled(bold(), foreign(&plan.button, 300)),
        place(plan)
    )
}

/// What follows a plan that was only shown.
pub fn how_to_mean(plan: &PlanView) -> String {
    if plan.nothing {
        return "There is nothing to do: it is so already.\n".to_owned();
    }
    let how = "Nothing was changed. To run exactly this, say the same once more with";
    let hash = &plan.hash;
    match plan.confirm {
        Confirm::Click | Confirm::Named => format!("{how}\n  --confirm {hash}\n"),
        Confirm::Typed => {
            format!("{how}\n  --confirm {hash} --name NAME\nwhere NAME is the object's name.\n")
        }
        Confirm::SecondPerson => {
            "It takes another person's approval, and approvals are not there yet: it cannot be run.\n"
                .to_owned()
        }
    }
}

fn name(name: &str) -> String {
    styled(dim(), format!("{name:<NAME$}"))
}

fn row(page: &mut String, title: &str, text: &str) {
    let width = width().saturating_sub(BELOW.len());
    let _ = writeln!(
        page,
        "{INDENT}{} {}",
        name(title),
        wrapped(text, width, BELOW)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ObjectRef;
    use api::action::PlanRight;

    fn scale() -> PlanView {
        let object = ObjectRef::new("eu", "Deployment", "shop", "cart");
        PlanView {
            hash: "ab".repeat(32),
            action: "scale".to_owned(),
            button: format!("Scale {object} in eu"),
            object: object.clone(),
            environment: "live".to_owned(),
            production: true,
            confirm: Confirm::Named,
            steps: vec![PlanStep {
                says: "Scales Deployment shop/cart from 3 to 5 pods".to_owned(),
                changes: vec![FieldChange {
                    object,
                    field: "spec.replicas".to_owned(),
                    from: Some("3".to_owned()),
                    to: Some("5".to_owned()),
                }],
                sends: vec!["PATCH /apis/apps/v1/namespaces/shop/deployments/cart".to_owned()],
            }],
            touches: vec!["2 pods are added".to_owned()],
            cautions: vec!["Flux sets it back\u{1b}[2J".to_owned()],
            rights: [Some(true), Some(false), None]
                .map(|held| PlanRight {
                    right: "patch deployments in shop".to_owned(),
                    held,
                })
                .to_vec(),
            undo: "by scale".to_owned(),
            nothing: false,
            tried: None,
        }
    }

    fn printed(page: &str) -> String {
        anstream::adapter::strip_str(page).to_string()
    }

    #[test]
    fn a_plan_says_where_what_from_what_to_what_and_what_is_missing() {
        let expected = format!(
            "\
Scale Deployment shop/cart in eu
  where    live, which is production
  step 1   Scales Deployment shop/cart from 3 to 5 pods
           spec.replicas: 3 → 5
           sends PATCH /apis/apps/v1/namespaces/shop/deployments/cart
  touches  2 pods are added
  careful  ! Flux sets it back[2J
  right    ✓ patch deployments in shop
  right    ✗ patch deployments in shop: missing, so it would be refused
  right    ? patch deployments in shop: whether you have it cannot be told
  undo     by scale
  server   tried without keeping it: the server would take it
  plan     {}
",
            "ab".repeat(32)
        );
        let page = printed(&plan(&scale()));
        let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
        let wanted: Vec<&str> = expected.lines().collect();
        // An empty row's name is spaces.
        assert_eq!(lines, wanted);
    }

    #[test]
    fn what_cannot_be_run_or_is_so_already_was_offered_to_be_confirmed() {
        let mut asked = scale();
        assert!(how_to_mean(&asked).contains(&format!("--confirm {}", asked.hash)));
        asked.confirm = Confirm::Typed;
        assert!(how_to_mean(&asked).contains("--name NAME"));
        asked.confirm = Confirm::SecondPerson;
        assert!(!how_to_mean(&asked).contains("--confirm"));
        asked.confirm = Confirm::Click;
        asked.nothing = true;
        assert!(!how_to_mean(&asked).contains("--confirm"));
        assert!(!plan(&asked).contains("server"));
    }

    #[test]
    fn what_somebody_says_yes_to_names_object_cluster_and_environment() {
        let named = printed(&named(&scale()));
        assert_eq!(
            named,
            "Scale Deployment shop/cart in eu (live, which is production)?"
        );
    }
}
