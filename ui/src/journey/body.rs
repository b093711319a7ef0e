//! Why it stands so: the chain of causes down to its root, and the evidence, each line of which opens its object.
//!
//! Owns both. The root is the only loud thing on the page.

use api::journey::{Cause, ChainLink, Evidence, Journey, StageState};
use api::{Sentence, Span};
use leptos::prelude::*;

use super::Shared;
use crate::clock;
use crate::foreign;
use crate::glyph::{glyph, mark};
use crate::keys;
use crate::panel::{Panel, Subject};
use crate::sentence;
use crate::words::{self, Tone};

/// The column.
#[component]
pub fn Body(
    /// What it reads.
    shared: Shared,
) -> impl IntoView {
    let why = Memo::new(move |_| shared.journey.get().map(|journey| Why::of(&journey)));
    let evidence = Memo::new(move |_| {
        let (stage, journey) = (shared.stage.get(), shared.journey.get());
        let journey = journey?;
        let Some(kind) = stage else {
            return Some((None, journey.evidence.clone()));
        };
        let stage = journey.stages.iter().find(|stage| stage.kind == kind)?;
        Some((Some(stage.clone()), stage.evidence.clone()))
    });
    view! {
        <div class="card">
            {move || why.get().map(|why| chain(&why))}
            {move || evidence.get().map(|(stage, evidence)| table(stage.as_ref(), &evidence))}
        </div>
    }
}

/// What the chain says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Why {
    /// How loud the root is: only what somebody has to mend is.
    tone: Tone,
    links: Vec<ChainLink>,
    cause: Option<Cause>,
    unread: Vec<(&'static str, String)>,
}

impl Why {
    fn of(journey: &Journey) -> Self {
        Self {
            tone: words::state_tone(journey.state),
            links: journey.chain.clone(),
            cause: journey.cause.clone(),
            unread: journey
                .stages
                .iter()
                .filter_map(|stage| match &stage.state {
                    StageState::Unknown { why } => {
                        Some((words::stage_title(stage.kind), why.clone()))
                    }
                    _ => None,
                })
                .collect(),
        }
    }
}

/// The chain: what waits, down to the root; and what could not be read.
fn chain(why: &Why) -> impl IntoView + use<> {
    let waiting = why
        .links
        .iter()
        .filter(|link| !link.root)
        .map(|link| {
            view! {
                <div class="link">
                    {glyph(Tone::Wait, "waits")} <span>{sentence::object(&link.object)} " " {foreign::line(&link.says)}</span>
                </div>
            }
        })
        .collect_view();
    let root = root(why);
    let unread = (!why.unread.is_empty()).then(|| {
        view! {
            <div class="unread">
                <h3>"Not known, because it could not be read"</h3>
                {why
                    .unread
                    .iter()
                    .map(|(stage, reason)| {
                        view! {
                            <div class="link">
                                {glyph(Tone::Dunno, "unknown")}
                                <span>
                                    <b>{*stage}</b>
                                    ": "
                                    {foreign::line(reason)}
                                </span>
                            </div>
                        }
                    })
                    .collect_view()}
            </div>
        }
    });
    let empty = why.links.is_empty() && why.cause.is_none() && why.unread.is_empty();
    (!empty).then(|| view! { <div class="chain">{waiting} {root} {unread}</div> })
}

/// The root of it: the object, what is wrong, and the controller's own words whole.
fn root(why: &Why) -> Option<AnyView> {
    let link = why.links.iter().find(|link| link.root);
    let cause = why.cause.as_ref();
    let object = link
        .map(|link| &link.object)
        .or(cause.map(|cause| &cause.object))?;
    let says = link.map(|link| foreign::line(&link.says));
    // The chain above says already what waits for what: here only what is about the root itself.
    let about = cause.and_then(|cause| sentence::about(&cause.sentence, object));
    let line = match &about {
        Some(about) => view! { <p>{sentence::around_quotes(about)}</p> }.into_any(),
        None => view! { <p>{sentence::object(object)} " " {says.clone()}</p> }.into_any(),
    };
    let more = match (&about, cause) {
        (None, Some(cause)) => {
            Some(view! { <p>{sentence::around_quotes(&cause.sentence)}</p> }.into_any())
        }
        (Some(_), _) => says.map(|says| view! { <p class="dim">{says}</p> }.into_any()),
        (None, None) => None,
    };
    let quotes: Vec<String> = cause
        .map(|cause| quotes(&cause.sentence))
        .unwrap_or_default();
    let code = cause.map(|cause| {
        let since = cause
            .since
            .map(|at| view! { <span class="dim">{clock::age(at)}</span> });
        view! { <span class="code"><span class="mono">{foreign::line(&cause.code)}</span> " " {since}</span> }
    });
    let view = view! {
        <div class=format!("root {}-root", why.tone.name())>
            <div class="link">{glyph(why.tone, "cause")} {line} {code}</div>
            <div class="because">
                {more}
                {quotes
                    .into_iter()
                    .map(|text| {
                        view! {
                            <pre class="msg mono" tabindex="0">
                                {text}
                            </pre>
                        }
                    })
                    .collect_view()}
            </div>
        </div>
    };
    Some(view.into_any())
}

/// A sentence's quotes, whole, where they are too long or of too many lines to be read in the sentence.
fn quotes(sentence: &Sentence) -> Vec<String> {
    sentence
        .0
        .iter()
        .filter_map(|span| match span {
            Span::Quote { text } if sentence::is_long_quote(span) => {
                Some(foreign::visible(foreign::page(text.trim()).0))
            }
            _ => None,
        })
        .collect()
}

/// The evidence.
fn table(stage: Option<&api::Stage>, evidence: &[Evidence]) -> AnyView {
    let heading = stage.map(|stage| {
        let (state, tone) = words::stage_state(stage);
        let summary = match &stage.state {
            StageState::Skipped { why } | StageState::Unknown { why } => {
                view! { {foreign::line(why)} }.into_any()
            }
            _ => view! { {sentence::live(&stage.summary)} }.into_any(),
        };
        view! {
            <div class="of-stage">
                {mark(tone)} <b>{words::stage_title(stage.kind)}</b> " " {state} <span class="dim">{summary}</span>
            </div>
        }
    });
    if evidence.is_empty() {
        let words = if stage.is_some() {
            "Nothing was read for this stage."
        } else {
            "No evidence yet."
        };
        return view! {
            {heading}
            <p class="dim empty">{words}</p>
        }
        .into_any();
    }
    let rows = evidence
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let again = index
                .checked_sub(1)
                .and_then(|before| evidence.get(before))
                .is_some_and(|before| before.object == line.object);
            row(line, again)
        })
        .collect_view();
    view! {
        {heading}
        <div
            class="ev"
            role="table"
            aria-label="Evidence"
            on:keydown=move |event| {
                keys::walk_here(&event, "button.line");
            }
        >
            <div class="line header" role="row">
                <span role="columnheader">"Evidence"</span>
                <span role="columnheader">"Value"</span>
                <span role="columnheader">"Since"</span>
            </div>
            {rows}
        </div>
    }
    .into_any()
}

/// One line of evidence. The object's name is said once where several lines are about it.
fn row(line: &Evidence, again: bool) -> impl IntoView + use<> {
    let panel = Panel::here();
    let object = line.object.clone();
    let name = format!(
        "{} {}",
        foreign::line(&line.object.kind),
        sentence::full_name(&line.object)
    );
    let label = format!(
        "{name}, {}: {}. Open the object",
        foreign::line(&line.field),
        api::headline::plain(&line.value, 200)
    );
    let value = foreign::line(&line.value);
    view! {
        <button
            class="line"
            class:again-line=again
            type="button"
            aria-label=label
            on:click=move |_| panel.open(Subject::Object(object.clone()))
        >
            <span class="clip what" class:again=again title=name.clone()>
                {name.clone()}
            </span>
            <span class="mono field" title=foreign::line(&line.field)>
                {sentence::breakable(&foreign::line(&line.field))}
            </span>
            <span class="mono value" title=api::headline::plain(&line.value, 1_000)>
                {value}
            </span>
            <span class="dim at">{line.at.map(clock::age)}</span>
        </button>
    }
}
