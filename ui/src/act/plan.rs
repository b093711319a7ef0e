//! A plan to read: what is done, what changes, who feels it, what it takes, and how it is taken back.
//!
//! Owns how it stands. The button below it is [`mean`]'s.

use std::sync::Arc;

use api::Error;
use api::action::{FieldChange, Offer, PlanCommit, PlanRight, PlanStep, PlanView};
use leptos::prelude::*;

use super::{Deal, mean};
use crate::clock;
use crate::foreign;
use crate::glyph::{glyph, mark};
use crate::notice;
use crate::sentence;
use crate::words::Tone;

/// While it is planned.
pub fn planning(deal: Deal, offer: Offer) -> impl IntoView {
    view! {
        <div class="inside">
            <p class="dim" role="status">
                "Reading what is there, and asking the cluster what it would say. Nothing is changed."
            </p>
            {notice::skeleton(4)}
        </div>
        <footer>{back(deal, offer)}</footer>
    }
}

/// It could not be planned.
pub fn unplanned(deal: Deal, offer: Offer, why: &Error) -> impl IntoView + use<> {
    let again = offer.clone();
    view! {
        <div class="inside">{notice::error(why)}</div>
        <footer>
            {back(deal, offer)}
            <button class="btn" type="button" on:click=move |_| deal.plan(again.clone())>
                "Plan again"
            </button>
        </footer>
    }
}

/// The plan.
pub fn shown(deal: Deal, offer: Offer, plan: Arc<PlanView>) -> impl IntoView {
    let nothing = plan.nothing.then(|| {
        view! {
            <div class="notice" role="status">
                {mark(Tone::Idle)}
                <div>
                    <p class="what">"There is nothing to do."</p>
                    <p class="hint">"It is already as this action would make it. Nothing is sent."</p>
                </div>
            </div>
        }
    });
    let frozen = plan.frozen.as_ref().map(|frozen| {
        view! {
            <div class="notice wait" role="alert" id="frozen">
                {mark(Tone::Warn)}
                <div>
                    <p class="what">{foreign::line(&frozen.what)} " is frozen until " {clock::wall(frozen.until)} "."</p>
                    <p class="hint">{foreign::line(&frozen.reason)}</p>
                </div>
            </div>
        }
    });
    let tried = plan.tried.as_ref().map(|said| {
        view! {
            <div class="notice wait" role="alert">
                {mark(Tone::Warn)}
                <div>
                    <p class="what">"Tried, without keeping it:"</p>
                    <p class="hint">{foreign::visible(said)}</p>
                </div>
            </div>
        }
    });
    let steps = (!plan.steps.is_empty()).then(|| {
        let steps = plan.steps.iter().map(|one| step(one, &plan)).collect_view();
        view! {
            <section>
                <h3>"What is done"</h3>
                <ol class="done-so">{steps}</ol>
            </section>
        }
    });
    view! {
        <div class="inside plan">
            {nothing}
            {frozen}
            {tried}
            {lines("Know before", &plan.cautions, Some(Tone::Warn))}
            {steps}
            {lines("Who feels it", &plan.touches, None)}
            {rights(&plan.rights)}
            <section>
                <h3>"Taking it back"</h3>
                <p class="sub">{foreign::line(&plan.undo)}</p>
            </section>
        </div>
        <mean::Mean deal=deal offer=offer plan=plan />
    }
}

/// Sentences below a heading; nothing where there are none.
fn lines(heading: &'static str, all: &[String], tone: Option<Tone>) -> Option<AnyView> {
    if all.is_empty() {
        return None;
    }
    let all = all
        .iter()
        .map(|line| {
            let glyph = tone.map(|tone| glyph(tone, "caution"));
            view! { <li>{glyph} <span>{foreign::line(line)}</span></li> }
        })
        .collect_view();
    let view = view! {
        <section>
            <h3>{heading}</h3>
            <ul class="sentences">{all}</ul>
        </section>
    };
    Some(view.into_any())
}

fn step(step: &PlanStep, plan: &PlanView) -> impl IntoView + use<> {
    let changes = (!step.changes.is_empty()).then(|| {
        let rows = step.changes.iter();
        let is_in_file = !step.commits.is_empty();
        let rows = rows.map(|one| change(one, is_in_file, plan)).collect_view();
        let what = if is_in_file { "File and line" } else { "Field" };
        view! {
            <table class="fields">
                <thead>
                    <tr>
                        <th scope="col">{what}</th>
                        <th scope="col">"Now"</th>
                        <th scope="col">"Then"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    let sends = (!step.sends.is_empty()).then(|| {
        let sends: Vec<String> = step.sends.iter().map(|one| foreign::line(one)).collect();
        view! {
            <details class="sends">
                <summary>"What is sent"</summary>
                <pre class="mono">{sends.join("\n")}</pre>
            </details>
        }
    });
    view! {
        <li>
            <p>{foreign::line(&step.says)}</p>
            {step.commits.iter().map(lands).collect_view()}
            {changes}
            {step.commits.iter().map(message).collect_view()}
            {sends}
        </li>
    }
}

/// Where a commit lands.
fn lands(commit: &PlanCommit) -> impl IntoView + use<> {
    let branch = view! { <span class="mono">{foreign::line(&commit.branch)}</span> };
    let repository = foreign::line(&commit.repository);
    let repository = view! { <span class="mono">{sentence::breakable(&repository)}</span> };
    let head = foreign::line(api::headline::short(&commit.head));
    let head = view! { <span class="mono">{head}</span> };
    match commit.pull_request {
        false => view! {
            <p class="sub">"Commits on " {branch} " of " {repository} ", on top of " {head} "."</p>
        }
        .into_any(),
        true => view! {
            <p class="sub">
                "Opens a pull request into " {branch} " of " {repository} ", from " {head}
                ". Flux applies it once somebody has merged it."
            </p>
        }
        .into_any(),
    }
}

/// What a commit says.
fn message(commit: &PlanCommit) -> impl IntoView + use<> {
    view! {
        <details class="sends">
            <summary>"Its message"</summary>
            <pre class="mono">{foreign::visible(&commit.message)}</pre>
            <p class="dim">"Who asked, and the run's id, are added below it."</p>
        </details>
    }
}

fn change(change: &FieldChange, is_in_file: bool, plan: &PlanView) -> impl IntoView + use<> {
    let other = (!is_in_file && change.object != plan.object).then(|| {
        let name = sentence::full_name(&change.object);
        format!("{} {name}: ", foreign::line(&change.object.kind))
    });
    let value = |value: &Option<String>, absent: &'static str| match value {
        Some(value) => view! { <td class="mono wrap">{foreign::line(value)}</td> }.into_any(),
        None => view! { <td class="dim">{absent}</td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                {other} <span class="mono">{sentence::breakable(&foreign::line(&change.field))}</span>
            </th>
            {value(&change.from, "not there")}
            {value(&change.to, "removed")}
        </tr>
    }
}

fn rights(rights: &[PlanRight]) -> Option<AnyView> {
    if rights.is_empty() {
        return None;
    }
    let all = rights
        .iter()
        .map(|one| {
            let (tone, word) = match one.held {
                Some(true) => (Tone::Ok, "You may"),
                Some(false) => (Tone::Stop, "You may not"),
                None => (Tone::Dunno, "The cluster does not say whether you may"),
            };
            view! {
                <li>
                    {mark(tone)}
                    <span>{word} " " {foreign::line(&one.right)}</span>
                </li>
            }
        })
        .collect_view();
    let view = view! {
        <section>
            <h3>"What it takes"</h3>
            <ul class="sentences">{all}</ul>
        </section>
    };
    Some(view.into_any())
}

/// The way back.
fn back(deal: Deal, offer: Offer) -> impl IntoView {
    view! {
        <button class="btn" type="button" on:click=move |_| deal.back(&offer)>
            "Back"
        </button>
    }
}
