//! What this person may run, as a list to begin from: an action in its own words, then where.
//!
//! Owns the choice of a place. What is for other roles is not in it: on an object it is greyed, with who may.

use std::collections::BTreeMap;

use api::action::Listed;
use api::board::BoardRow;
use api::request::ListActions;
use api::{Error, ObjectRef};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::spawn_local;

use crate::act::Act;
use crate::bridge;
use crate::feed::BoardFeed;
use crate::foreign;
use crate::keys;
use crate::notice;
use crate::sentence;

/// How many places are shown before somebody has to type a part of a name.
const SHOWN: usize = 30;

/// The list.
#[component]
pub fn Catalogue() -> impl IntoView {
    let listed = RwSignal::new(None::<Result<Vec<Listed>, Error>>);
    spawn_local(async move {
        let reply = bridge::call(&ListActions {}).await;
        // The screen may be gone already.
        let _ = listed.try_set(Some(reply));
    });
    view! {
        <section class="catalogue" aria-labelledby="catalogue">
            <h2 id="catalogue">"What you can run"</h2>
            {move || match listed.get() {
                None => notice::skeleton(3).into_any(),
                Some(Err(why)) => notice::error(&why).into_any(),
                Some(Ok(listed)) if listed.is_empty() => {
                    view! { <p class="dim">"No action is for what you are in the team. Connections says what that is."</p> }
                        .into_any()
                }
                Some(Ok(listed)) => {
                    view! {
                        <p class="sub">"Each shows what it would do before it does it, and says whether it has worked."</p>
                        <div
                            class="card to-run"
                            on:keydown=move |event| {
                                keys::walk_here(&event, "summary");
                            }
                        >
                            {listed.into_iter().map(entry).collect_view()}
                        </div>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

/// One action: a line that opens to the places where it can be run.
fn entry(listed: Listed) -> impl IntoView {
    let opened = RwSignal::new(false);
    let action = listed.action.clone();
    let (title, about) = (foreign::line(&listed.title), foreign::line(&listed.about));
    let kinds = foreign::line(&listed.kinds.join(", "));
    view! {
        <details
            class="to-run-one"
            data-action=action
            on:toggle=move |event| {
                let line = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
                opened.set(line.is_some_and(|line| line.has_attribute("open")));
            }
        >
            <summary>
                <b>{title}</b>
                <span class="dim clip kinds" title=kinds.clone()>
                    {kinds.clone()}
                </span>
                <span class="clip about" title=about.clone()>
                    {about.clone()}
                </span>
            </summary>
            {move || opened.get().then(|| view! { <Places listed=listed.clone() /> })}
        </details>
    }
}

/// The places where an action can be run, among what runs on the board.
#[component]
fn Places(
    /// The action.
    listed: Listed,
) -> impl IntoView {
    let board = BoardFeed::here();
    let act = Act::here();
    let typed = RwSignal::new(String::new());
    let action = listed.action.clone();
    let found = Memo::new(move |_| {
        let rows = board.rows.get();
        places(rows.iter().map(|row| &**row), &listed, &typed.get())
    });
    view! {
        <div class="places">
            <input
                class="in"
                type="search"
                placeholder="App or environment"
                aria-label="Filter places"
                prop:value=move || typed.get()
                on:input=move |event| typed.set(event_target_value(&event))
            />
            <ul
                class="fitting"
                on:keydown=move |event| {
                    keys::walk_here(&event, "button");
                }
            >
                {move || {
                    let found = found.get();
                    found
                        .into_iter()
                        .take(SHOWN)
                        .map(|place| {
                            let action = action.clone();
                            let object = place.object.clone();
                            let whole = format!(
                                "{} {} on {}",
                                foreign::line(&object.kind),
                                sentence::full_name(&object),
                                foreign::line(&object.system)
                            );
                            view! {
                                <li>
                                    <button
                                        class="btn"
                                        type="button"
                                        aria-haspopup="dialog"
                                        title=whole
                                        on:click=move |_| {
                                            act.open_for(object.clone(), action.clone(), BTreeMap::new());
                                        }
                                    >
                                        {foreign::line(&place.app)}
                                        " in "
                                        {foreign::line(&place.environment)}
                                        "…"
                                    </button>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
            <p class="dim">
                {move || {
                    match found.with(Vec::len) {
                        0 if typed.with(|typed| !typed.trim().is_empty()) => "No place matches.".to_owned(),
                        0 => "No app runs as such an object. It is offered beside a journey's cause, and on the object itself.".to_owned(),
                        all if all > SHOWN => format!("{} more: type a part of a name.", all - SHOWN),
                        _ => String::new(),
                    }
                }}
            </p>
        </div>
    }
}

/// Where an app runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    app: String,
    environment: String,
    object: ObjectRef,
}

/// The places of an action, by app, of which every typed word is a part.
fn places<'a>(
    rows: impl Iterator<Item = &'a BoardRow>,
    listed: &Listed,
    typed: &str,
) -> Vec<Place> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let is_of = |all: &[String], one: &str| all.is_empty() || all.iter().any(|known| known == one);
    let mut found = Vec::new();
    for row in rows.filter(|row| is_of(&listed.apps, &row.app)) {
        for cell in &row.cells {
            let Some(running) = &cell.running else {
                continue;
            };
            let line = format!("{} {} {}", row.app, cell.environment, cell.cluster).to_lowercase();
            let fits = listed.kinds.contains(&running.workload.kind)
                && is_of(&listed.environments, &cell.environment)
                && words.iter().all(|word| line.contains(word));
            if fits {
                found.push(Place {
                    app: row.app.clone(),
                    environment: cell.environment.clone(),
                    object: running.workload.clone(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(kinds: &[&str]) -> Listed {
        Listed {
            action: "restart".to_owned(),
            title: "Restart".to_owned(),
            about: String::new(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            environments: Vec::new(),
            apps: Vec::new(),
        }
    }

    fn said(listed: &Listed, typed: &str) -> Vec<String> {
        let board: api::Board =
            serde_json::from_str(include_str!("../../mock/board.json")).unwrap();
        let places = places(board.rows.iter().map(|row| &**row), listed, typed);
        let said = places
            .iter()
            .map(|one| format!("{} {}", one.app, one.environment));
        said.collect()
    }

    #[test]
    fn an_action_is_offered_where_such_an_object_runs_and_nowhere_else() {
        let all = said(&listed(&["Deployment", "StatefulSet", "DaemonSet"]), "");
        assert!(!all.is_empty());
        assert_eq!(said(&listed(&["CronJob"]), ""), Vec::<String>::new());
        let one = &all[0];
        assert!(said(&listed(&["Deployment", "StatefulSet", "DaemonSet"]), one).contains(one));
        let nowhere = said(&listed(&["Deployment"]), "no such place");
        assert_eq!(nowhere, Vec::<String>::new());
    }

    #[test]
    fn an_action_of_one_environment_is_not_offered_in_another() {
        let mut of_dev = listed(&["Deployment", "StatefulSet", "DaemonSet"]);
        of_dev.environments = vec!["no such environment".to_owned()];
        assert_eq!(said(&of_dev, ""), Vec::<String>::new());
    }
}
