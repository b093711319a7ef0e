//! `landfall approvals` and `landfall approve`: what waits for another person, and that person's word.
//!
//! Owns how somebody approves in a terminal: they read the plan as their own machine makes it, and mean exactly that one.

use std::io::IsTerminal;
use std::process::ExitCode;

use api::action::PlanView;
use api::approval::{ApprovalAsked, ApprovalRequest};
use api::error::Code;
use api::{Error, JSON_VERSION};
use serde_json::json;

use super::{is_confirmed, say, show, show_json};
use crate::arguments::{Approvals, Approve};
use crate::open::Open;
use crate::print::{approvals as page, foreign, plan};
use crate::{exit, open};

/// Lists the requests.
pub async fn list(list: Approvals) -> Result<ExitCode, Error> {
    let open = open::systems(&list.systems).await?;
    let mut clusters = open.console.approvals(open.patience).await;
    for cluster in &mut clusters {
        cluster
            .requests
            .retain(|one| list.all || page::is_open(&one.stands));
    }
    let is_read = clusters.iter().all(|one| one.unread.is_none());
    if list.json {
        show_json(&json!({ "version": JSON_VERSION, "clusters": clusters }))?;
    } else {
        show(&page::list(&clusters));
    }
    Ok(match is_read {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(exit::UNKNOWN),
    })
}

/// Approves one.
pub async fn approve(approve: Approve) -> Result<ExitCode, Error> {
    let open = open::for_an_action(&approve.systems, &approve.tried).await?;
    let request = find(&open, &approve).await?;
    let plan = open.console.plan_to_approve(&request).await?;
    if !approve.json {
        show(&page::asked(&request));
        show(&plan::plan(&plan));
    }
    if !is_meant(&approve, &plan)? {
        if approve.json {
            show_json(&json!({ "version": JSON_VERSION, "request": request, "plan": plan }))?;
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!(
            "Nothing was approved. To approve exactly this: --confirm {}",
            plan.hash
        ));
        let asked = std::io::stdin().is_terminal();
        return Ok(if asked {
            ExitCode::from(exit::FAILED)
        } else {
            ExitCode::SUCCESS
        });
    }
    let actions = open.console.actions();
    let system = &request.object.system;
    let approved = actions.approve(system, &request.name, &plan.hash).await?;
    if approve.json {
        let ApprovalAsked { request, held } = &approved;
        show_json(
            &json!({ "version": JSON_VERSION, "plan": plan, "request": request, "held": held }),
        )?;
    } else {
        show(&page::approved(&approved));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether exactly this plan is meant.
fn is_meant(approve: &Approve, plan: &PlanView) -> Result<bool, Error> {
    match &approve.confirm {
        Some(hash) if *hash == plan.hash => Ok(true),
        Some(_) => Err(Error::new(
            Code::Denied,
            "this is not the plan that was confirmed; nothing was approved",
        )
        .hint(format!(
            "Read the plan as it is now: --confirm {}",
            plan.hash
        ))),
        None if approve.json => Ok(false),
        None => Ok(is_confirmed("Approve exactly this, to be run by them?")),
    }
}

/// The one request of that name.
async fn find(open: &Open, approve: &Approve) -> Result<ApprovalRequest, Error> {
    let clusters = open.console.approvals(open.patience).await;
    let is_there = |name: &str| {
        approve
            .cluster
            .as_deref()
            .is_none_or(|wanted| wanted == name)
    };
    let asked: Vec<_> = clusters
        .into_iter()
        .filter(|cluster| is_there(&cluster.cluster))
        .collect();
    let unread = asked.iter().find_map(|cluster| cluster.unread.clone());
    let mut found = asked
        .into_iter()
        .flat_map(|cluster| cluster.requests)
        .filter(|request| request.name == approve.name);
    let name = foreign(&approve.name, 100);
    match (found.next(), found.next(), unread) {
        (Some(request), None, _) => Ok(request),
        (Some(one), Some(other), _) => Err(Error::new(
            Code::Usage,
            format!(
                "there is a request {name} in {} and in {}",
                foreign(&one.object.system, 100),
                foreign(&other.object.system, 100)
            ),
        )
        .hint("Name the one that is meant with --cluster.")),
        (None, _, Some(why)) => Err(why),
        (None, _, None) => Err(
            Error::new(Code::NotFound, format!("there is no request {name}"))
                .hint("`landfall approvals` lists them."),
        ),
    }
}
