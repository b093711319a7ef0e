//! One object in the panel: what was read of it for the answer, and its whole text.
//!
//! Owns the reading and the finding of lines. The text is foreign: it is shown as text, control characters visible,
//! and only its first part at once.

use api::error::Error;
use api::object::ObjectRef;
use api::request::ReadObject;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Panel;
use crate::announce::Announcer;
use crate::bridge;
use crate::clock;
use crate::foreign;
use crate::notice;

/// The most lines that finding shows.
const FOUND: usize = 500;

/// How the text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Reading,
    Read(String),
    Failed(Error),
}

/// One object.
#[component]
pub fn ObjectView(
    /// Which one.
    object: ObjectRef,
) -> impl IntoView {
    let (panel, announcer) = (Panel::here(), Announcer::here());
    let text = RwSignal::new(Text::Reading);
    let read = {
        let object = object.clone();
        move || {
            let request = ReadObject {
                object: object.clone(),
            };
            text.set(Text::Reading);
            spawn_local(async move {
                let reply = bridge::call(&request).await;
                // The panel may have been closed meanwhile: then nobody waits for the text.
                let _ = text.try_set(match reply {
                    Ok(yaml) => Text::Read(yaml),
                    Err(error) => Text::Failed(error),
                });
            });
        }
    };
    read();
    let evidence = Memo::new(move |_| {
        panel.known.with(|known| {
            known
                .evidence
                .iter()
                .filter(|evidence| evidence.object == object)
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let needle = RwSignal::new(String::new());
    view! {
        {move || {
            let lines = evidence.get();
            (!lines.is_empty())
                .then(|| {
                    view! {
                        <section>
                            <h3>"Read for this answer"</h3>
                            <dl class="facts read">
                                {lines
                                    .into_iter()
                                    .map(|line| {
                                        view! {
                                            <dt class="mono">
                                                {foreign::line(&line.field)}
                                                {line.at.map(|at| view! { " " <span class="dim">{clock::age(at)}</span> })}
                                            </dt>
                                            <dd class="mono wrap">{foreign::visible(foreign::page(&line.value).0)}</dd>
                                        }
                                    })
                                    .collect_view()}
                            </dl>
                        </section>
                    }
                })
        }}
        <section class="whole">
            <div class="bar">
                <h3>"Whole object"</h3>
                <input
                    class="in"
                    type="search"
                    placeholder="Find lines"
                    aria-label="Find lines in this object"
                    prop:value=move || needle.get()
                    on:input=move |event| needle.set(event_target_value(&event))
                />
                <button
                    class="btn"
                    type="button"
                    disabled=move || !matches!(text.get(), Text::Read(_))
                    on:click=move |_| {
                        if let Text::Read(yaml) = text.get_untracked() {
                            announcer.copy(yaml, "YAML");
                        }
                    }
                >
                    "Copy YAML"
                </button>
            </div>
            {move || match text.get() {
                Text::Reading => {
                    view! {
                        <p class="dim" role="status">
                            "Reading it…"
                        </p>
                        {notice::skeleton(6)}
                    }
                        .into_any()
                }
                Text::Failed(error) => {
                    let read = read.clone();
                    view! {
                        {notice::error(&error)}
                        <button class="btn" type="button" on:click=move |_| read()>
                            "Read again"
                        </button>
                    }
                        .into_any()
                }
                Text::Read(yaml) => view! { {move || lines(&yaml, &needle.get())} }.into_any(),
            }}
        </section>
    }
}

/// The text, or those of its lines that hold what is looked for.
fn lines(yaml: &str, needle: &str) -> AnyView {
    if needle.trim().is_empty() {
        let (shown, more) = foreign::page(yaml);
        return view! {
            <pre class="yaml mono" tabindex="0">
                {foreign::visible(shown)}
            </pre>
            {more.then_some(view! { <p class="dim">"The rest is left out here; Copy YAML has all of it."</p> })}
        }
        .into_any();
    }
    let found = matching(yaml, needle);
    let count = found.len();
    view! {
        <p class="dim" role="status">
            {crate::words::count(count, "line")}
        </p>
        <pre class="yaml mono" tabindex="0">
            {found
                .into_iter()
                .map(|(number, line)| format!("{number:>5}  {}\n", foreign::visible(line)))
                .collect::<String>()}
        </pre>
    }
    .into_any()
}

/// The numbered lines that hold the needle, whatever its case.
fn matching<'a>(text: &'a str, needle: &str) -> Vec<(usize, &'a str)> {
    let needle = needle.trim().to_lowercase();
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.to_lowercase().contains(&needle))
        .map(|(index, line)| (index + 1, line))
        .take(FOUND)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn found_lines_keep_their_numbers() {
        assert_eq!(
            matching("kind: Pod\nstatus:\n  phase: POD", " pod "),
            vec![(1, "kind: Pod"), (3, "  phase: POD")]
        );
    }
}
