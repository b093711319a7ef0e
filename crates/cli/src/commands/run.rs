//! `landfall run`: plans an action, asks whether it is meant, and follows the run until it is over.
//!
//! Owns how somebody means a plan in a terminal. Whether that is enough is for the permit to say, as for every way in.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::pin::{Pin, pin};
use std::process::ExitCode;

use api::action::{Confirm, Meant, PlanView, RunStands, RunView, Wish};
use api::approval::ApprovalStands;
use api::error::Code;
use api::{Error, JSON_VERSION};
use console::{Console, Way};
use serde_json::json;

use super::actions::not_usable;
use super::{say, show, show_json, typed};
use crate::arguments::Run;
use crate::open::Open;
use crate::print::{approvals, foreign, plan as page, run as words};
use crate::{exit, open, target};

/// What comes after the plan.
enum Next {
    /// Nothing.
    Over(ExitCode),
    /// The run, of what was meant.
    Go(Box<Go>),
}

/// A plan that somebody means.
struct Go {
    open: Open,
    plan: PlanView,
    meant: Meant,
}

/// Runs the command.
pub async fn run(run: Run) -> Result<ExitCode, Error> {
    // One listener from the first word to the run's: no Ctrl-C is lost between.
    let mut asked = pin!(exit::asked());
    let next = tokio::select! {
        biased;
        next = mean(&run) => next?,
        code = &mut asked => return Ok(code),
    };
    let Go { open, plan, meant } = match next {
        Next::Over(code) => return Ok(code),
        Next::Go(go) => *go,
    };
    let actions = open.console.actions();
    let despite = run.despite_freeze.clone();
    let begun = actions
        .run(&plan.hash, meant, despite, Way::Terminal)
        .await?;
    let last = follow(&open.console, &begun, asked).await?;
    let stands = last.as_ref().map(|view| &view.stands);
    let code = stands.map_or(ExitCode::from(exit::UNKNOWN), exit::of_run);
    if run.json {
        show_json(&json!({ "version": JSON_VERSION, "plan": plan, "run": last }))?;
    } else if let Some(view) = &last {
        show(&words::end(view));
    }
    Ok(code)
}

/// Plans, and finds out whether the plan is meant.
async fn mean(run: &Run) -> Result<Next, Error> {
    let said = each_once(&run.input)?;
    let open = open::for_an_action(&run.systems, &run.tried).await?;
    let object = target::find(&open.console, &run.target, &run.place, open.patience).await?;
    let wish = Wish {
        action: run.action.clone(),
        object,
        said,
        reason: run.reason.clone(),
    };
    let plan = open.console.plan(&wish).await?;
    if !run.json {
        show(&page::plan(&plan));
    }
    if !run.tried.folders.is_empty() {
        not_usable(&open.console.actions().unusable()?);
    }
    let over = |plan: &PlanView| -> Result<Next, Error> {
        match run.json {
            true => show_json(&json!({ "version": JSON_VERSION, "plan": plan }))?,
            false => show(&page::how_to_mean(plan, run.despite_freeze.is_some())),
        }
        Ok(Next::Over(ExitCode::SUCCESS))
    };
    let meant = if let Some(hash) = &run.confirm {
        if *hash != plan.hash {
            return another(run, &plan);
        }
        by_hash(run, &plan)?
    } else if run.plan || plan.nothing {
        return over(&plan);
    } else if run.yes {
        at_once(&plan)?
    } else if run.json || !std::io::stdin().is_terminal() {
        return over(&plan);
    } else {
        thawed(run, &plan)?;
        match ask(&plan).await? {
            Some(meant) => meant,
            None => {
                say("Nothing was sent.");
                return Ok(Next::Over(ExitCode::from(exit::FAILED)));
            }
        }
    };
    if meant == (Meant::SecondPerson {})
        && let Some(next) = ask_another(run, &open, &plan).await?
    {
        return Ok(next);
    }
    Ok(Next::Go(Box::new(Go { open, plan, meant })))
}

fn each_once(input: &[(String, String)]) -> Result<BTreeMap<String, String>, Error> {
    let mut said = BTreeMap::new();
    for (name, value) in input {
        if said.insert(name.clone(), value.clone()).is_some() {
            let name = foreign(name, 100);
            let message = format!("--input {name} is given twice, and one value is meant");
            return Err(Error::new(Code::Usage, message));
        }
    }
    Ok(said)
}

/// The hash is of another plan than the one that would be run now.
fn another(run: &Run, plan: &PlanView) -> Result<Next, Error> {
    let why = Error::new(
        Code::Denied,
        "this is not the plan that was confirmed: what is there has changed since, or something else is asked for now; nothing was sent",
    )
    .hint(format!(
        "Read the plan as it is now. If you mean that one: --confirm {}",
        plan.hash
    ));
    if !run.json {
        return Err(why);
    }
    show_json(&json!({ "version": JSON_VERSION, "plan": plan, "error": why }))?;
    Ok(Next::Over(ExitCode::from(exit::UNKNOWN)))
}

/// Whoever gives a plan's hash has had the plan, with all that it names.
fn by_hash(run: &Run, plan: &PlanView) -> Result<Meant, Error> {
    match (plan.confirm, &run.name) {
        (Confirm::SecondPerson, _) => Ok(Meant::SecondPerson {}),
        (_, Some(text)) => Ok(Meant::Typed { text: text.clone() }),
        (Confirm::Typed, None) => Err(Error::new(
            Code::Usage,
            format!(
                "'{}' takes the object's name, typed; nothing was sent",
                button(plan)
            ),
        )
        .hint("Add --name with the object's name.")),
        (Confirm::Click | Confirm::Named, None) => Ok(Meant::Named {}),
    }
}

/// `--yes` is one click, and no more.
fn at_once(plan: &PlanView) -> Result<Meant, Error> {
    match plan.confirm {
        Confirm::Click => Ok(Meant::Clicked {}),
        Confirm::Named | Confirm::Typed | Confirm::SecondPerson => Err(Error::new(
            Code::Denied,
            format!("'{}' takes more than --yes; nothing was sent", button(plan)),
        )
        .hint(format!(
            "Read the plan, and give its hash: --confirm {}",
            plan.hash
        ))),
    }
}

/// Nobody types a name to be told that it is frozen.
fn thawed(run: &Run, plan: &PlanView) -> Result<(), Error> {
    let Some(frozen) = plan
        .frozen
        .as_ref()
        .filter(|_| run.despite_freeze.is_none())
    else {
        return Ok(());
    };
    let message = format!("{}; nothing was sent", page::frozen(frozen));
    Err(Error::new(Code::Denied, message)
        .hint("Wait, or say why it cannot: --despite-freeze \"WHY\". That is recorded."))
}

/// Asks as the plan's grade wants it; `None` where it is not meant.
async fn ask(plan: &PlanView) -> Result<Option<Meant>, Error> {
    let missing = plan.rights.iter().find(|right| right.held == Some(false));
    if let Some(right) = missing {
        let system = foreign(&plan.object.system, 100);
        let right = foreign(&right.right, 200);
        return Err(Error::new(
            Code::Denied,
            format!("you may not {right}, on {system}: it would be refused, and nothing was sent"),
        )
        .hint("Ask whoever administers the cluster for this right."));
    }
    let named = page::named(plan);
    Ok(match plan.confirm {
        Confirm::Click => {
            let answer = typed("Go on? [y/N] ".to_owned()).await.to_lowercase();
            matches!(answer.as_str(), "y" | "yes").then_some(Meant::Clicked {})
        }
        Confirm::Named => {
            let answer = typed(format!("{named}\nType yes: ")).await;
            answer
                .eq_ignore_ascii_case("yes")
                .then_some(Meant::Named {})
        }
        Confirm::Typed => {
            let kind = foreign(&plan.object.kind, 60);
            let text = typed(format!("{named}\nType the name of the {kind}: ")).await;
            (!text.is_empty()).then_some(Meant::Typed { text })
        }
        Confirm::SecondPerson => {
            let answer = typed(format!(
                "{named}\nIt takes another person's approval. Type yes to go on with it: "
            ))
            .await;
            answer
                .eq_ignore_ascii_case("yes")
                .then_some(Meant::SecondPerson {})
        }
    })
}

/// Asks for another person's approval where nobody has given it yet; nothing, where somebody has.
async fn ask_another(run: &Run, open: &Open, plan: &PlanView) -> Result<Option<Next>, Error> {
    let asked = open.console.actions().ask_approval(&plan.hash).await?;
    if matches!(asked.request.stands, ApprovalStands::Approved {}) {
        return Ok(None);
    }
    match run.json {
        true => show_json(&json!({
            "version": JSON_VERSION,
            "plan": plan,
            "request": asked.request,
            "held": asked.held,
        }))?,
        false => show(&approvals::requested(
            &asked,
            &format!("--confirm {}", plan.hash),
        )),
    }
    Ok(Some(Next::Over(ExitCode::SUCCESS)))
}

fn button(plan: &PlanView) -> String {
    foreign(&plan.button, 300)
}

/// Tells how a run goes until it is over, or its person leaves. How it stood last.
async fn follow(
    console: &Console,
    run: &str,
    mut asked: Pin<&mut impl Future<Output = ExitCode>>,
) -> Result<Option<RunView>, Error> {
    let mut runs = console.watch_runs();
    let mut again = pin!(exit::asked());
    let mut is_stopping = false;
    let mut last: Option<RunView> = None;
    loop {
        let update = tokio::select! {
            update = runs.next() => update,
            _code = asked.as_mut(), if !is_stopping => {
                is_stopping = true;
                say("Stopping before anything more is sent. What was sent stands. Ctrl-C once more leaves at once.");
                // One that is over already is told of next.
                let _over = console.actions().cancel(run);
                continue;
            }
            _code = again.as_mut(), if is_stopping => {
                say(&format!(
                    "Left. The run {run} is interrupted, and nothing goes on by itself. `landfall runs look {run}` looks what came of it."
                ));
                return Ok(last);
            }
        };
        let Some(update) = update else {
            return Ok(last);
        };
        if let Some(why) = update.value.broken {
            return Err(why);
        }
        let Some(view) = update.value.runs.into_iter().find(|one| one.run == run) else {
            continue;
        };
        for line in words::news(last.as_ref(), &view) {
            say(&line);
        }
        let is_over = !matches!(view.stands, RunStands::Running {});
        last = Some(view);
        if is_over {
            return Ok(last);
        }
    }
}
