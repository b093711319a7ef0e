//! A run's steps, each with what was seen of it, and its last word.
//!
//! Owns how they stand: the same in the list of runs and in the dialog that began one.

use api::action::{RunStands, RunView};
use leptos::prelude::*;

use super::stands;
use crate::clock;
use crate::foreign;
use crate::glyph::mark;

/// The steps, then how the run ended or where it broke off.
#[component]
pub fn Steps(
    /// The run.
    run: Memo<Option<RunView>>,
) -> impl IntoView {
    let stands = Memo::new(move |_| run.get().map(|run| run.stands));
    // What is heard as it changes is drawn anew only then.
    view! {
        <div class="steps">
            <ol>{move || run.get().map(|run| lines(&run))}</ol>
            <div role="status">{move || stands.get().map(|stands| last(&stands))}</div>
            <Facts run=run />
        </div>
    }
}

fn lines(run: &RunView) -> impl IntoView + use<> {
    run.steps
        .iter()
        .map(|step| {
            let (word, tone) = stands::step(step.state, &run.stands);
            let seen = foreign::visible(&step.seen);
            view! {
                <li>
                    {mark(tone)}
                    <span>
                        {foreign::line(&step.says)} " " <b class=format!("state {}", tone.name())>{word}</b>
                        <span class="seen-of rest">{seen}</span>
                    </span>
                </li>
            }
        })
        .collect_view()
}

/// How it stands, in a sentence.
fn last(stands: &RunStands) -> AnyView {
    let (word, tone) = stands::words(stands);
    let (says, at) = match stands {
        RunStands::Running {} => (String::new(), None),
        RunStands::Interrupted { says } => {
            return view! { <p class="rest">{foreign::visible(says)}</p> }.into_any();
        }
        RunStands::Ended { says, at, .. } => (foreign::visible(says), Some(*at)),
    };
    let when = at.map(|at| view! { <span class="dim">" " {clock::wall(at)}</span> });
    view! {
        <div class=format!("notice outcome {}", tone.name())>
            {mark(tone)}
            <div>
                <p class="what">{word} {when}</p>
                <p class="hint rest">{says}</p>
            </div>
        </div>
    }
    .into_any()
}

/// What tells this run from another.
#[component]
fn Facts(
    /// The run.
    run: Memo<Option<RunView>>,
) -> impl IntoView {
    let facts = Memo::new(move |_| {
        let run = run.get()?;
        let mut facts = vec![
            ("Where", stands::place(&run)),
            ("Who", foreign::line(&run.by)),
        ];
        if !run.reason.is_empty() {
            facts.push(("Why", foreign::line(&run.reason)));
        }
        facts.push(("Run", foreign::line(&run.run)));
        Some((facts, run.began))
    });
    move || {
        facts.get().map(|(facts, began)| {
            view! {
                <dl class="facts">
                    {facts
                        .into_iter()
                        .map(|(name, value)| {
                            view! {
                                <dt>{name}</dt>
                                <dd class="wrap">{value}</dd>
                            }
                        })
                        .collect_view()} <dt>"Began"</dt> <dd>{clock::wall(began)}</dd>
                </dl>
            }
        })
    }
}
