//! A plan in the terminal: what would be done, field by field, and how to mean it.

use std::fmt::Write;

use api::action::{Confirm, FieldChange, Frozen, PlanCommit, PlanStep, PlanView};

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
    if let Some(freeze) = &plan.frozen {
        let says = format!("{} {}", styled(yellow(), "!"), frozen(freeze));
        row(&mut page, "frozen", &says);
    }
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
    for commit in &step.commits {
        row(page, "", &lands(commit));
    }
    for change in &step.changes {
        let is_in_file = !step.commits.is_empty();
        row(page, "", &changed(change, is_in_file, plan));
    }
    for line in step.commits.iter().flat_map(|one| one.message.lines()) {
        let line = foreign(line, 300);
        row(page, "", &styled(dim(), format!("> {line}")));
    }
    for sent in &step.sends {
        row(
            page,
            "",
            &styled(dim(), format!("sends {}", foreign(sent, 400))),
        );
    }
}

/// Where a commit lands.
fn lands(commit: &PlanCommit) -> String {
    let (branch, repository) = (
        foreign(&commit.branch, 200),
        foreign(&commit.repository, 300),
    );
    let head = foreign(api::headline::short(&commit.head), 20);
    match commit.pull_request {
        false => format!("commits on {branch} of {repository}, on top of {head}:"),
        true => format!("opens a pull request into {branch} of {repository}, from {head}:"),
    }
}

/// `spec.replicas: 3 → 5`, with the object where it is another one than the target; of a file, its line.
fn changed(change: &FieldChange, is_in_file: bool, plan: &PlanView) -> String {
    let value = |value: &Option<String>, absent: &str| {
        value
            .as_ref()
            .map_or_else(|| absent.to_owned(), |value| foreign(value, 300))
    };
    let object = match is_in_file || change.object == plan.object {
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

/// What is frozen, until when, and why.
pub fn frozen(frozen: &Frozen) -> String {
    format!(
        "{} is frozen until {}: {}",
        foreign(&frozen.what, 200),
        frozen.until.strftime("%Y-%m-%d %H:%M UTC"),
        foreign(&frozen.reason, 300)
    )
}

/// What follows a plan that was only shown; `thawed`: why a freeze gives way was said.
pub fn how_to_mean(plan: &PlanView, thawed: bool) -> String {
    if plan.nothing {
        return "There is nothing to do: it is so already.\n".to_owned();
    }
    let how = "Nothing was changed. To run exactly this, say the same once more with";
    let hash = &plan.hash;
    let (freeze, why) = match plan.frozen.is_some() && !thawed {
        true => (
            " --despite-freeze \"WHY\"",
            "WHY is why it cannot wait for the freeze's end: it is recorded.\n",
        ),
        false => ("", ""),
    };
    match plan.confirm {
        Confirm::Click | Confirm::Named => format!("{how}\n  --confirm {hash}{freeze}\n{why}"),
        Confirm::Typed => format!(
            "{how}\n  --confirm {hash} --name NAME{freeze}\nwhere NAME is the object's name.\n{why}"
        ),
        Confirm::SecondPerson => format!(
            "Nothing was changed. It takes another person's approval. To ask for it, and to run it once it is there, say the same once more with\n  --confirm {hash}{freeze}\n{why}"
        ),
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
                commits: Vec::new(),
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
            frozen: None,
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
    fn a_commit_says_where_it_lands_which_line_and_what_it_says() {
        let mut promote = scale();
        let commit = |pull_request| PlanCommit {
            repository: "https://code.example/shop/deploy\u{1b}[2J".to_owned(),
            branch: "main".to_owned(),
            head: "0123456789abcdef".to_owned(),
            pull_request,
            message: "Set cart to 1.4.2\n\nIt is slow.".to_owned(),
        };
        promote.steps[0] = PlanStep {
            says: "Sets Deployment shop/cart to 1.4.2".to_owned(),
            changes: vec![FieldChange {
                object: ObjectRef::new("eu", "Kustomization", "flux-system", "shop"),
                field: "apps/cart.yaml:12".to_owned(),
                from: Some("1.4.1".to_owned()),
                to: Some("1.4.2".to_owned()),
            }],
            commits: vec![commit(false)],
            sends: Vec::new(),
        };
        let page = printed(&plan(&promote));
        let lines: Vec<&str> = page.lines().map(str::trim).collect();
        let wanted = [
            "step 1   Sets Deployment shop/cart to 1.4.2",
            "commits on main of https://code.example/shop/deploy[2J, on top of 0123456:",
            "apps/cart.yaml:12: 1.4.1 → 1.4.2",
            "> Set cart to 1.4.2",
            ">",
            "> It is slow.",
        ];
        assert_eq!(lines[2..8], wanted, "{page}");
        promote.steps[0].commits = vec![commit(true)];
        let page = printed(&plan(&promote));
        assert!(page.contains("opens a pull request into main of"), "{page}");
    }

    #[test]
    fn a_freeze_was_met_only_after_the_plan_was_meant() {
        let mut frozen = scale();
        frozen.frozen = Some(Frozen {
            what: "live".to_owned(),
            until: "2027-01-04T08:00:00Z".parse().expect("a time"),
            reason: "Christmas\u{1b}[2J".to_owned(),
        });
        let page = printed(&plan(&frozen));
        let row = "  frozen   ! live is frozen until 2027-01-04 08:00 UTC: Christmas[2J\n";
        assert!(page.contains(row), "{page}");
        let how = how_to_mean(&frozen, false);
        assert!(how.contains("--despite-freeze \"WHY\""), "{how}");
        // Whoever has said why says the same once more.
        assert!(!how_to_mean(&frozen, true).contains("--despite-freeze"));
    }

    #[test]
    fn what_cannot_be_run_or_is_so_already_was_offered_to_be_confirmed() {
        let mut asked = scale();
        assert!(how_to_mean(&asked, false).contains(&format!("--confirm {}", asked.hash)));
        asked.confirm = Confirm::Typed;
        assert!(how_to_mean(&asked, false).contains("--name NAME"));
        asked.confirm = Confirm::SecondPerson;
        assert!(how_to_mean(&asked, false).contains("another person's approval"));
        asked.confirm = Confirm::Click;
        asked.nothing = true;
        assert!(!how_to_mean(&asked, false).contains("--confirm"));
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
