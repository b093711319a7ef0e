//! The window's frame: header with the ask box, navigation, the screen in the middle, panel and palette over it.
//!
//! Owns the keys that work everywhere, and what the screens share: the scrolled view they stand in.

mod header;

use api::request::Opened;
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::KeyboardEvent;

use crate::act::{Act, ActPlace};
use crate::address::{Lane, Screen};
use crate::announce::{Announcements, Announcer};
use crate::app::AppScreen;
use crate::begin::BeginScreen;
use crate::board::{Board, BoardChoice};
use crate::changes::Changes;
use crate::changes::choose::Wish;
use crate::clock::Clock;
use crate::closing::ClosingPlace;
use crate::connections::Connections;
use crate::coverage::Coverage;
use crate::feed::{BoardFeed, ConnectionFeed};
use crate::follow::{FollowFeed, FollowedList};
use crate::foreign;
use crate::journey::JourneyScreen;
use crate::keys;
use crate::notice;
use crate::palette::{Palette, PaletteOpen};
use crate::panel::{Panel, PanelPlace};
use crate::router::Router;
use crate::runs::{RunFeed, RunsScreen};
use crate::session::{Session, Standing};
use crate::sign_in::{Banner, SignInFeed};
use crate::theme::Themes;

/// The whole window.
#[component]
pub fn App() -> impl IntoView {
    Clock::provide();
    Themes::provide();
    Announcer::provide();
    BoardChoice::provide();
    let router = Router::provide();
    let panel = Panel::provide();
    let act = Act::provide();
    let session = Session::provide(router);
    let palette = PaletteOpen(RwSignal::new(false));
    provide_context(palette);
    keys_everywhere(router, panel, palette, act);
    let bare = Memo::new(move |_| {
        !matches!(session.standing.get(), Standing::Open(..)) || router.screen() == Screen::Begin
    });
    // A new opening starts everything below anew; a new screen does not.
    let opened = Memo::new(move |_| match session.standing.get() {
        Standing::Open(opened, number) => Some((opened, number)),
        _ => None,
    });
    Effect::new(move |before: Option<Screen>| {
        let screen = router.screen();
        if before
            .as_ref()
            .is_some_and(|before| kind(before) != kind(&screen))
        {
            panel.close();
            keys::focus_id("main");
        }
        screen
    });
    view! {
        {move || {
            if bare.get() {
                view! { <Bare /> }.into_any()
            } else {
                opened.get().map(|(opened, _)| view! { <Open opened=opened /> }).into_any()
            }
        }}
        <Announcements />
    }
}

/// Which screen it is, whatever it shows.
fn kind(screen: &Screen) -> u8 {
    match screen {
        Screen::Begin => 0,
        Screen::Board => 1,
        Screen::Journey { .. } => 2,
        Screen::Connections => 3,
        Screen::Changes(_) => 4,
        Screen::Coverage => 5,
        Screen::App(_) => 6,
        Screen::Actions { .. } => 7,
    }
}

/// The window before anything is open.
#[component]
fn Bare() -> impl IntoView {
    let session = Session::here();
    let standing = Memo::new(move |_| session.standing.get());
    view! {
        <div class="app bare">
            <header::Bare />
            <main id="main" tabindex="-1">
                {move || match standing.get() {
                    Standing::Starting => {
                        view! {
                            <div class="first">
                                <p class="dim" role="status">
                                    "Starting…"
                                </p>
                            </div>
                        }
                            .into_any()
                    }
                    Standing::Failed(error) => {
                        view! {
                            <div class="first">
                                <h1>"Landfall could not start"</h1>
                                {notice::error(&error)}
                                <p>
                                    <button class="btn" type="button" on:click=move |_| session.begin()>
                                        "Try again"
                                    </button>
                                </p>
                            </div>
                        }
                            .into_any()
                    }
                    Standing::Closed | Standing::Open(..) => view! { <BeginScreen /> }.into_any(),
                }}
            </main>
            <Palette />
        </div>
    }
}

/// The window with something open.
#[component]
fn Open(
    /// What is open.
    opened: Opened,
) -> impl IntoView {
    BoardFeed::provide();
    ConnectionFeed::provide();
    FollowFeed::provide();
    RunFeed::provide();
    let sign_in = SignInFeed::provide();
    // A board of nothing would say that no apps were found.
    let closed = Memo::new(move |_| sign_in.nothing_is_open());
    let router = Router::here();
    let viewport = Viewport::provide();
    let screen = Memo::new(move |_| kind(&router.screen()));
    view! {
        <div class="app">
            <header::Header />
            <Navigation opened=opened />
            <main
                id="main"
                tabindex="-1"
                node_ref=viewport.main
                on:scroll=move |_| viewport.measure_scroll()
            >
                <Banner />
                {move || match screen.get() {
                    3 => view! { <Connections /> }.into_any(),
                    _ if closed.get() => ().into_any(),
                    2 => view! { <JourneyScreen /> }.into_any(),
                    4 => view! { <Changes /> }.into_any(),
                    5 => view! { <Coverage /> }.into_any(),
                    6 => view! { <AppScreen /> }.into_any(),
                    7 => view! { <RunsScreen /> }.into_any(),
                    _ => view! { <Board /> }.into_any(),
                }}
            </main>
            <PanelPlace />
            <ActPlace />
            <ClosingPlace />
            <Palette />
        </div>
    }
}

/// The navigation: the screens that exist.
#[component]
fn Navigation(
    /// What is open.
    opened: Opened,
) -> impl IntoView {
    let (router, runs) = (Router::here(), RunFeed::here());
    let entry = move |words: &'static str, target: Screen| {
        let number = kind(&target);
        let address = target.address();
        view! {
            <a
                href=address
                aria-current=move || (kind(&router.screen()) == number).then_some("page")
                on:click=move |event| {
                    event.prevent_default();
                    router.go(target.clone());
                }
            >
                {words}
                {(number == kind(&Screen::Actions { run: None })).then(|| broke_off(runs))}
            </a>
        }
    };
    let journey = Screen::Journey {
        ask: None,
        lane: Lane::default(),
    };
    let name = foreign::line(&opened.name);
    view! {
        <nav
            aria-label="Screens"
            on:keydown=move |event| {
                keys::walk_here(&event, "a");
            }
        >
            {entry("Board", Screen::Board)}
            {entry("Journey", journey)}
            {entry("Changes", Screen::Changes(Wish::default()))}
            {entry("Actions", Screen::Actions { run: None })}
            {entry("Coverage", Screen::Coverage)}
            {entry("Connections", Screen::Connections)}
            <FollowedList />
            <div class="foot">
                <span class="clip" title=name.clone()>
                    {name.clone()}
                </span>
                {opened.sandbox.then_some("A made-up company: nothing here is real.")}
            </div>
        </nav>
    }
}

/// How many runs broke off and wait for somebody, beside the screen that says so.
fn broke_off(runs: RunFeed) -> impl IntoView {
    let waiting = Memo::new(move |_| runs.waiting());
    move || {
        let count = waiting.get();
        (count > 0).then(|| {
            let label = format!("{} broke off", crate::words::count(count, "run"));
            view! {
                <span class="count" role="img" aria-label=label.clone() title=label>
                    {count}
                </span>
            }
        })
    }
}

/// The scrolled view in the middle of the window.
#[derive(Clone, Copy, Debug)]
pub struct Viewport {
    /// The element.
    pub main: NodeRef<html::Main>,
    /// Changes when it is scrolled.
    pub scrolled: RwSignal<i32>,
    /// Its width in pixels.
    pub width: RwSignal<f64>,
    /// Its height in pixels.
    pub height: RwSignal<f64>,
}

impl Viewport {
    /// Gives the screens their view, and measures it whenever its size changes.
    fn provide() -> Self {
        let viewport = Self {
            main: NodeRef::new(),
            scrolled: RwSignal::new(0),
            width: RwSignal::new(1_084.0),
            height: RwSignal::new(752.0),
        };
        Effect::new(move |_| {
            let Some(main) = viewport.main.get() else {
                return;
            };
            let changed = Closure::<dyn FnMut()>::new(move || viewport.measure());
            if let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) {
                observer.observe(&main);
                StoredValue::new_local(Watching {
                    observer,
                    _changed: changed,
                });
            }
            viewport.measure();
        });
        provide_context(viewport);
        viewport
    }

    /// The view of the page.
    pub fn here() -> Self {
        expect_context()
    }

    fn measure(self) {
        if let Some(main) = self.main.get_untracked() {
            crate::feed::set_if_new(self.width, f64::from(main.client_width()));
            crate::feed::set_if_new(self.height, f64::from(main.client_height()));
        }
    }

    fn measure_scroll(self) {
        if let Some(main) = self.main.get_untracked() {
            crate::feed::set_if_new(self.scrolled, main.scroll_top());
        }
    }

    /// Where the view begins on the screen.
    pub fn top(self) -> f64 {
        self.main
            .get_untracked()
            .map_or(0.0, |main| main.get_bounding_client_rect().top())
    }

    /// Scrolls so that a row of a list is in view, below what stands fixed at the top.
    pub fn reveal(self, list: &NodeRef<html::Div>, row: usize, height: f64, fixed: f64) {
        let (Some(main), Some(list)) = (self.main.get_untracked(), list.get_untracked()) else {
            return;
        };
        // What is said about the active row stands over the foot of the view.
        const FOOT: f64 = 120.0;
        let row = f64::from(u32::try_from(row).unwrap_or(u32::MAX));
        let top = list.get_bounding_client_rect().top() - self.top() + row * height;
        let room = f64::from(main.client_height()) - FOOT;
        let by = if top < fixed {
            top - fixed
        } else if top + height > room {
            top + height - room
        } else {
            return;
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a page's height in pixels is far below i32's end"
        )]
        let by = by.round() as i32;
        main.set_scroll_top(main.scroll_top() + by);
    }
}

/// An element's size, watched until this is dropped.
struct Watching {
    observer: web_sys::ResizeObserver,
    _changed: Closure<dyn FnMut()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Before the closure goes: an element that leaves the page changes its size once more.
        self.observer.disconnect();
    }
}

/// The keys that work on every screen.
fn keys_everywhere(router: Router, panel: Panel, PaletteOpen(palette): PaletteOpen, act: Act) {
    let choice: BoardChoice = expect_context();
    let handle = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        // A dialog that changes things keeps its keys to itself: the palette would take its screen away below it.
        if act.is_open() {
            return;
        }
        let key = event.key();
        if (event.ctrl_key() || event.meta_key())
            && !event.alt_key()
            && key.eq_ignore_ascii_case("k")
        {
            event.prevent_default();
            palette.update(|open| *open = !*open);
            return;
        }
        // The palette's dialog keeps its keys to itself.
        if palette.get_untracked() || event.default_prevented() {
            return;
        }
        let typing = keys::typing(&event);
        match key.as_str() {
            "Escape" => {
                if panel.close() {
                    event.prevent_default();
                } else if typing {
                    keys::focus_id("main");
                } else if matches!(
                    router.screen_now(),
                    Screen::Journey { .. }
                        | Screen::Connections
                        | Screen::Changes(_)
                        | Screen::Coverage
                        | Screen::App(_)
                        | Screen::Actions { .. }
                ) {
                    router.go(Screen::Board);
                }
            }
            "/" if !typing => {
                event.prevent_default();
                let id = match router.screen_now() {
                    Screen::Board
                    | Screen::Connections
                    | Screen::Changes(_)
                    | Screen::Coverage
                    | Screen::Actions { .. }
                        if exists("filter") =>
                    {
                        "filter"
                    }
                    _ => "ask",
                };
                keys::focus_id(id);
            }
            "ArrowDown" | "ArrowUp" | "ArrowLeft" | "ArrowRight"
                if router.screen_now() == Screen::Board && keys::nothing_focused() =>
            {
                event.prevent_default();
                keys::focus_id("grid");
            }
            _ => {
                if let Some(typed) = keys::character(&event)
                    && !typing
                    && keys::nothing_focused()
                    && exists("filter")
                {
                    if router.screen_now() == Screen::Board {
                        event.prevent_default();
                        choice.text.update(|text| text.push(typed));
                    }
                    // Elsewhere the filter, focused in time, takes the character itself.
                    keys::focus_id("filter");
                }
            }
        }
    });
    on_cleanup(move || handle.remove());
}

/// Whether an element with this id can take the focus now.
fn exists(id: &str) -> bool {
    document()
        .get_element_by_id(id)
        .is_some_and(|element| element.get_bounding_client_rect().height() > 0.0)
}
