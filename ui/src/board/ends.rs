//! What stands at the end of the board: what could not be read, and what runs without known source.
//!
//! Owns both lists. They are part of the answer: a board that left them out would look more complete than it is.

use leptos::prelude::*;

use crate::announce::Announcer;
use crate::feed::BoardFeed;
use crate::foreign;
use crate::glyph::mark;
use crate::sentence;
use crate::words::{self, Tone};

/// How many things that could not be read are listed before the rest is folded away.
const UNREAD: usize = 8;
/// How many workloads are listed before the rest is folded away.
const SHOWN: usize = 20;

/// What could not be read.
#[component]
pub fn Unread() -> impl IntoView {
    let feed = BoardFeed::here();
    let count = Memo::new(move |_| feed.unread.with(Vec::len));
    let unfolded = RwSignal::new(false);
    view! {
        <section class:gone=move || count.get() == 0 aria-labelledby="unread">
            <h2 id="unread">
                "Could not be read "
                <span class="dim">{move || words::count(count.get(), "thing")}</span>
            </h2>
            <ul class="card lines">
                {move || {
                    let most = if unfolded.get() { usize::MAX } else { UNREAD };
                    feed.unread
                        .with(|unread| {
                            unread
                                .iter()
                                .take(most)
                                .map(|line| {
                                    view! {
                                        <li>
                                            {mark(Tone::Dunno)} <span class="wrap">{sentence::live(line)}</span>
                                        </li>
                                    }
                                })
                                .collect_view()
                        })
                }}
                <li class:gone=move || count.get() <= UNREAD || unfolded.get()>
                    <button class="ref" type="button" on:click=move |_| unfolded.set(true)>
                        {move || format!("Show {} more", count.get().saturating_sub(UNREAD))}
                    </button>
                </li>
            </ul>
        </section>
    }
}

/// What runs without known source.
#[component]
pub fn Unlinked() -> impl IntoView {
    let (feed, announcer) = (BoardFeed::here(), Announcer::here());
    let count = Memo::new(move |_| feed.unlinked.with(Vec::len));
    let unfolded = RwSignal::new(false);
    view! {
        <section class:gone=move || count.get() == 0 aria-labelledby="unlinked">
            <h2 id="unlinked">
                "Not linked to source "
                <span class="dim">
                    {move || format!("{}; one line each would put them on the board", words::count(count.get(), "workload"))}
                </span>
            </h2>
            <ul class="card lines unlinked">
                {move || {
                    let most = if unfolded.get() { usize::MAX } else { SHOWN };
                    feed.unlinked
                        .get()
                        .into_iter()
                        .take(most)
                        .map(|one| {
                            let fix = one.fix.clone();
                            view! {
                                <li>
                                    {mark(Tone::Dunno)}
                                    <span class="what clip">
                                        {sentence::object(&one.workload)} " "
                                        <span class="dim">{foreign::line(&one.workload.system)}</span>
                                    </span>
                                    <span class="mono dim clip" title=foreign::line(&one.image)>
                                        {foreign::line(&one.image)}
                                    </span>
                                    <span class="mono fix clip" title=foreign::line(&one.fix)>
                                        {foreign::line(&one.fix)}
                                    </span>
                                    <button
                                        class="btn small"
                                        type="button"
                                        on:click=move |_| announcer.copy(fix.clone(), "The line")
                                    >
                                        "Copy"
                                    </button>
                                </li>
                            }
                        })
                        .collect_view()
                }}
                <li class:gone=move || count.get() <= SHOWN || unfolded.get()>
                    <button class="ref" type="button" on:click=move |_| unfolded.set(true)>
                        {move || format!("Show {} more", count.get().saturating_sub(SHOWN))}
                    </button>
                </li>
            </ul>
        </section>
    }
}
