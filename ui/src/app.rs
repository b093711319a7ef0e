//! The App screen: its environments side by side, the commits that wait for each of them, and what happened to it.
//!
//! Owns the three parts. What a cell says is the board's own row, what happened are the lines of the Changes screen.

use api::app::{AppTarget, Lacks};
use api::board::BoardCell;
use api::history::Change;
use api::journey::Commit;
use api::request::WatchApp;
use leptos::prelude::*;

use crate::act::ActButton;
use crate::address::{Lane, Screen};
use crate::changes::{self, ChangesFeed};
use crate::clock;
use crate::feed::{BoardFeed, Feed, follow, set_if_new};
use crate::foreign;
use crate::glyph::{dot, glyph, mark};
use crate::notice;
use crate::router::Router;
use crate::sentence;
use crate::time::Length;
use crate::words::{self, Tone};

/// The screen of the app that the address names.
#[component]
pub fn AppScreen() -> impl IntoView {
    let router = Router::here();
    let app = Memo::new(move |_| match router.screen() {
        Screen::App(app) => app,
        _ => String::new(),
    });
    // Another app begins anew: its streams are others.
    move || view! { <OneApp app=app.get() /> }
}

#[component]
fn OneApp(
    /// Its name.
    app: String,
) -> impl IntoView {
    let (board, router) = (BoardFeed::here(), Router::here());
    let changes = ChangesFeed::start();
    let standing = RwSignal::new(Feed::Loading);
    let waiting = RwSignal::new(api::App::default());
    follow(WatchApp { app: app.clone() }, standing, move |app| {
        set_if_new(waiting, app);
    });
    let name = foreign::line(&app);
    let of_row = app.clone();
    let row = Memo::new(move |_| {
        let rows = board.rows.get();
        rows.iter().find(|row| row.app == of_row).cloned()
    });
    let of_changes = app.clone();
    let happened = Signal::derive(move || {
        let all = changes.all.get();
        let own = all
            .iter()
            .filter(|change| change.app.as_deref() == Some(of_changes.as_str()));
        own.cloned().collect::<Vec<Change>>()
    });
    let ids = Memo::new(move |_| {
        happened.with(|all| all.iter().map(|one| one.id.clone()).collect::<Vec<_>>())
    });
    let cells = Memo::new(move |_| row.get().map(|row| row.cells.clone()).unwrap_or_default());
    let ask = {
        let app = app.clone();
        move |environment: Option<String>| {
            let lane = Lane {
                environment,
                ..Lane::default()
            };
            let ask = api::Ask {
                text: app.clone(),
                ..api::Ask::default()
            };
            Screen::Journey {
                ask: Some(ask),
                lane,
            }
        }
    };
    let to_journey = ask.clone();
    view! {
        <div class="page of-app">
            <div class="head">
                <div class="says">
                    <h1>{name.clone()}</h1>
                    <p class="sub mono">
                        {move || {
                            row.get().and_then(|row| row.repository.clone()).map(|key| foreign::line(&key))
                        }}
                    </p>
                </div>
                <div class="tools">
                    <button class="btn" type="button" on:click=move |_| router.go(to_journey(None))>
                        "Newest commit's journey"
                    </button>
                </div>
            </div>
            {notice::standing(board.standing, "This app")}
            <Show
                when=move || row.with(Option::is_some)
                fallback=move || {
                    view! {
                        <p class="dim" role="status">
                            {move || {
                                if board.standing.get() == Feed::Loading || board.rows.with(|rows| rows.is_empty()) {
                                    "Reading what runs…"
                                } else {
                                    "No app of that name runs where it could be read. What happened to it stands below."
                                }
                            }}
                        </p>
                    }
                }
            >
                <h2>"Environments side by side"</h2>
                <Beside cells=cells waiting=waiting ask=Callback::new(ask.clone()) />
                <h2>"Commits that an environment lacks"</h2>
                <Waiting waiting=waiting standing=standing />
            </Show>
            <h2>"What happened"</h2>
            {move || changes::notes(&changes.notes.get())}
            <Show
                when=move || changes.standing.get() != Feed::Loading
                fallback=|| notice::skeleton(4)
            >
                <changes::List of=happened ids=ids with_app=false />
                <p class="empty dim" class:gone=move || !ids.with(Vec::is_empty)>
                    "No system that could be read tells of any change of it."
                </p>
            </Show>
        </div>
    }
}

/// The environments side by side. What differs from the one before it is marked.
#[component]
fn Beside(
    /// What runs in each.
    cells: Memo<Vec<BoardCell>>,
    /// What each declares.
    waiting: RwSignal<api::App>,
    /// The journey to an environment.
    ask: Callback<Option<String>, Screen>,
) -> impl IntoView {
    let router = Router::here();
    view! {
        <div class="card beside scroll">
            <table>
                <thead>
                    <tr>
                        <td></td>
                        {move || {
                            cells
                                .get()
                                .into_iter()
                                .map(|cell| {
                                    let screen = ask.run(Some(cell.environment.clone()));
                                    view! {
                                        <th scope="col">
                                            <a
                                                href=screen.address()
                                                on:click=move |event| {
                                                    event.prevent_default();
                                                    router.go(screen.clone());
                                                }
                                            >
                                                {foreign::line(&cell.environment)}
                                            </a>
                                            <small>{foreign::line(&cell.cluster)}</small>
                                        </th>
                                    }
                                })
                                .collect_view()
                        }}
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        let (cells, waiting) = (cells.get(), waiting.get());
                        rows(&cells, &waiting)
                            .into_iter()
                            .map(|(name, values)| {
                                view! {
                                    <tr>
                                        <th scope="row">{name}</th>
                                        {values}
                                    </tr>
                                }
                            })
                            .collect_view()
                    }}
                    <Acting cells=cells />
                </tbody>
            </table>
        </div>
    }
}

/// The row of buttons, which is drawn anew only where something else runs: none goes from under a pointer.
#[component]
fn Acting(
    /// What runs in each.
    cells: Memo<Vec<BoardCell>>,
) -> impl IntoView {
    let workloads = Memo::new(move |_| {
        cells.with(|cells| {
            let workload = |cell: &BoardCell| Some(cell.running.as_ref()?.workload.clone());
            cells.iter().map(workload).collect::<Vec<_>>()
        })
    });
    view! {
        <tr class="acting">
            <th scope="row">"Actions"</th>
            {move || {
                workloads
                    .get()
                    .into_iter()
                    .map(|workload| {
                        let button = workload.map(|object| view! { <ActButton object=object /> });
                        view! { <td>{button}</td> }
                    })
                    .collect_view()
            }}
        </tr>
    }
}

/// The table's rows: a name, and a cell for each target.
fn rows(cells: &[BoardCell], waiting: &api::App) -> Vec<(&'static str, Vec<AnyView>)> {
    let delivery = cells.iter().map(|cell| {
        let delivery = &cell.delivery;
        let tone = words::delivery_tone(delivery);
        let title = sentence::text(&delivery.headline);
        view! {
            <td title=title>
                <span class="with-glyph">{mark(tone)} {words::delivery(delivery)}</span>
            </td>
        }
        .into_any()
    });
    let commit = |cell: &BoardCell| {
        let commit = cell
            .running
            .as_ref()
            .and_then(|running| running.commit.as_ref());
        commit.map(|commit| commit.sha.clone())
    };
    let version = compared(cells, commit, |cell| {
        let running = cell.running.as_ref();
        match running.and_then(|running| running.commit.clone()) {
            Some(commit) => {
                let subject = foreign::line(&commit.subject);
                view! {
                    {sentence::commit(commit.repository.clone(), commit.sha.clone())} " "
                    <span class="dim">{subject}</span>
                }
                .into_any()
            }
            None => "not known".into_any(),
        }
    });
    let since = cells.iter().map(|cell| {
        let since = cell.running.as_ref().and_then(|running| running.since);
        view! { <td>{since.map(|at| clock::ago(at, Length::Long))}</td> }.into_any()
    });
    let declared = |cell: &BoardCell| target(waiting, cell).map(|one| one.declared.clone());
    let image = compared(cells, declared, move |cell| {
        let image = target(waiting, cell).map(|one| foreign::line(&one.declared));
        view! { <span class="mono wrap">{image}</span> }.into_any()
    });
    let wanted = |cell: &BoardCell| {
        cell.running
            .as_ref()
            .map(|running| running.wanted.to_string())
    };
    let replicas = compared(cells, wanted, |cell| match &cell.running {
        Some(running) => view! {
            <span class="with-glyph">
                {dot(running.health)} {format!("{} of {} ready", running.ready, running.wanted)}
            </span>
        }
        .into_any(),
        None => "not known".into_any(),
    });
    let workload = cells.iter().map(|cell| {
        let workload = cell
            .running
            .as_ref()
            .map(|running| sentence::object(&running.workload));
        view! { <td>{workload}</td> }.into_any()
    });
    vec![
        ("Delivery", delivery.collect()),
        ("Runs", version),
        ("Since", since.collect()),
        ("Declared image", image),
        ("Replicas", replicas),
        ("Workload", workload.collect()),
    ]
}

/// Cells that are marked where they differ from the one before.
fn compared(
    cells: &[BoardCell],
    value: impl Fn(&BoardCell) -> Option<String>,
    show: impl Fn(&BoardCell) -> AnyView,
) -> Vec<AnyView> {
    let values: Vec<_> = cells.iter().map(value).collect();
    let mut shown = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let differs = differs(&values, at);
        let title = differs.then_some("Differs from the environment before it");
        let view = show(cell);
        shown.push(
            view! {
                <td class:differs=differs title=title>
                    {view}
                </td>
            }
            .into_any(),
        );
    }
    shown
}

/// Whether a value is known to differ from the one before it.
fn differs(values: &[Option<String>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| values.get(before));
    match (before, values.get(at)) {
        (Some(Some(before)), Some(Some(value))) => before != value,
        _ => false,
    }
}

fn target<'a>(app: &'a api::App, cell: &BoardCell) -> Option<&'a AppTarget> {
    let workload = cell.running.as_ref().map(|running| &running.workload)?;
    app.targets.iter().find(|one| &one.workload == workload)
}

/// The commits that some environment lacks, and which do.
#[component]
fn Waiting(
    /// The app.
    waiting: RwSignal<api::App>,
    /// How its stream stands.
    standing: RwSignal<Feed>,
) -> impl IntoView {
    let router = Router::here();
    view! {
        {notice::standing(standing, "This list")}
        {move || {
            let app = waiting.get();
            if standing.get() == Feed::Loading {
                return notice::skeleton(3).into_any();
            }
            let unknown = app
                .targets
                .iter()
                .filter_map(|target| {
                    let why = target.lacks.as_ref().err()?;
                    Some(
                        view! {
                            <p class="with-glyph dim">
                                {mark(Tone::Dunno)} {foreign::line(&target.environment)} ": " {sentence::live(why)}
                            </p>
                        },
                    )
                })
                .collect_view();
            let known: Vec<(String, Lacks)> = app
                .targets
                .iter()
                .filter_map(|target| Some((target.environment.clone(), *target.lacks.as_ref().ok()?)))
                .collect();
            let lines: Vec<(Commit, Vec<String>)> = app
                .commits
                .iter()
                .enumerate()
                .map(|(at, commit)| (commit.clone(), lacking(&known, at)))
                .filter(|(_, lacking)| !lacking.is_empty())
                .collect();
            let more = known.iter().any(|(_, lacks)| lacks.more);
            let is_empty = lines.is_empty();
            let none = is_empty && !known.is_empty();
            view! {
                {unknown}
                <p class="empty dim" class:gone=!none>
                    "No commit waits: every environment that could be read has the newest."
                </p>
                <ol class="card commits" class:gone=is_empty>
                    {lines
                        .into_iter()
                        .map(|(commit, lacking)| {
                            let screen = Screen::asking(commit.sha.clone());
                            let subject = foreign::line(&commit.subject);
                            view! {
                                <li>
                                    {glyph(Tone::Idle, "waits")}
                                    {sentence::commit(commit.repository.clone(), commit.sha.clone())}
                                    <a
                                        class="clip"
                                        href=screen.address()
                                        title=subject.clone()
                                        on:click=move |event| {
                                            event.prevent_default();
                                            router.go(screen.clone());
                                        }
                                    >
                                        {subject.clone()}
                                    </a>
                                    <span class="clip dim">{foreign::line(&commit.author)}</span>
                                    <span class="dim">{clock::ago(commit.at, Length::Short)}</span>
                                    <span class="places">
                                        {lacking
                                            .into_iter()
                                            .map(|name| view! { <span class="kind">"not in " {foreign::line(&name)}</span> })
                                            .collect_view()}
                                    </span>
                                </li>
                            }
                        })
                        .collect_view()}
                </ol>
                <p class="empty dim" class:gone=!more>
                    "Older commits are missing too; the list ends here."
                </p>
            }
            .into_any()
        }}
    }
}

/// The environments that lack a commit, each once: one of several clusters that lacks it is enough.
fn lacking(known: &[(String, Lacks)], at: usize) -> Vec<String> {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let mut names: Vec<String> = Vec::new();
    for (name, lacks) in known {
        if lacks.newest > at && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_does_not_differ() {
        let values =
            [Some("a"), Some("a"), Some("b"), None, Some("b")].map(|one| one.map(str::to_owned));
        let marked: Vec<_> = (0..5).map(|at| differs(&values, at)).collect();
        assert_eq!(marked, [false, false, true, false, false]);
    }

    #[test]
    fn an_environment_lacks_the_newest_commits() {
        let lacks = |name: &str, newest| {
            (
                name.to_owned(),
                Lacks {
                    newest,
                    more: false,
                },
            )
        };
        let known = [
            lacks("dev", 0),
            lacks("production", 1),
            lacks("production", 2),
        ];
        assert_eq!(lacking(&known, 0), ["production"]);
        assert_eq!(lacking(&known, 1), ["production"]);
        assert!(lacking(&known, 2).is_empty());
    }
}
