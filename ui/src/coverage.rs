//! The Coverage screen: what runs and could not be linked to source, each with the one line that would fix it.
//!
//! Owns the list by image: one line in one Dockerfile mends every workload that runs it.

use std::collections::BTreeMap;

use api::board::{BoardRow, Unlinked};
use leptos::prelude::*;

use crate::announce::Announcer;
use crate::feed::{BoardFeed, Feed};
use crate::foreign;
use crate::glyph::mark;
use crate::notice;
use crate::sentence;
use crate::words::{self, Tone};

/// The screen.
#[component]
pub fn Coverage() -> impl IntoView {
    let feed = BoardFeed::here();
    let needle = RwSignal::new(String::new());
    let count = move || feed.rows.with(|rows| BoardRow::linked(rows.iter()));
    let linked = Memo::new(move |_| count().0);
    let unknown = Memo::new(move |_| count().1);
    let missing = Memo::new(move |_| feed.unlinked.with(Vec::len));
    let groups = Memo::new(move |_| {
        let needle = needle.get().trim().to_lowercase();
        feed.unlinked.with(|all| by_fix(all, &needle))
    });
    let loaded = move || feed.standing.get() != Feed::Loading;
    view! {
        <div class="page coverage">
            <h1>
                {move || {
                    let is_whole = unknown.get() == 0 && feed.unread.with(Vec::is_empty);
                    match (loaded(), missing.get()) {
                        (false, _) => "Coverage".to_owned(),
                        (true, 0) if is_whole => "Everything that runs is linked to its source".to_owned(),
                        (true, 0) => "All that could be read is linked to its source".to_owned(),
                        (true, 1) => "1 workload is not linked to its source".to_owned(),
                        (true, count) => format!("{count} workloads are not linked to their source"),
                    }
                }}
            </h1>
            <p class="sub">
                "Without that nobody can say which commits are in them. "
                {move || {
                    let linked = words::count(linked.get(), "workload");
                    match unknown.get() {
                        0 => format!("{linked} are."),
                        some => format!("{linked} are; of {some} it is not known."),
                    }
                }}
            </p>
            {notice::standing(feed.standing, "This list")}
            <Show
                when=loaded
                fallback=|| {
                    view! {
                        <p class="dim" role="status">
                            "Reading what runs…"
                        </p>
                        {notice::skeleton(4)}
                    }
                }
            >
                <Share linked=linked missing=missing unknown=unknown />
                <div class="bar" class:gone=move || missing.get() <= 6>
                    <input
                        class="in"
                        id="filter"
                        type="search"
                        placeholder="Workload or image"
                        aria-label="Filter workloads"
                        prop:value=move || needle.get()
                        on:input=move |event| needle.set(event_target_value(&event))
                    />
                </div>
                <div class="fixes">
                    {move || groups.get().into_iter().map(|(fix, all)| group(fix, &all)).collect_view()}
                </div>
                <p class="empty dim" class:gone=move || missing.get() == 0 || !groups.with(Vec::is_empty)>
                    "No workload matches."
                </p>
                <section class:gone=move || feed.unread.with(Vec::is_empty) aria-labelledby="hidden">
                    <h2 id="hidden">"There may be more: this could not be read"</h2>
                    <ul class="card lines">
                        {move || {
                            feed.unread
                                .get()
                                .iter()
                                .map(|line| {
                                    view! {
                                        <li>
                                            {mark(Tone::Dunno)} <span class="wrap">{sentence::live(line)}</span>
                                        </li>
                                    }
                                })
                                .collect_view()
                        }}
                    </ul>
                </section>
            </Show>
        </div>
    }
}

/// How much is linked, as a line.
#[component]
fn Share(
    /// How many are.
    linked: Memo<usize>,
    /// How many are not.
    missing: Memo<usize>,
    /// Of how many that is not known.
    unknown: Memo<usize>,
) -> impl IntoView {
    let all = move || linked.get() + missing.get() + unknown.get();
    let words = move || {
        let all = all();
        format!("{} of {all} linked", linked.get())
    };
    view! {
        <progress
            class="share"
            class:gone=move || all() == 0
            max=move || all().to_string()
            value=move || linked.get().to_string()
            aria-label=words
            title=words
        ></progress>
    }
}

/// Workloads by the line that would link them, the line that mends most first.
fn by_fix(all: &[Unlinked], needle: &str) -> Vec<(String, Vec<Unlinked>)> {
    let mut groups: BTreeMap<&str, Vec<Unlinked>> = BTreeMap::new();
    for one in all {
        let line = format!("{} {} {}", one.workload, one.workload.system, one.image);
        if line.to_lowercase().contains(needle) {
            groups.entry(&one.fix).or_default().push(one.clone());
        }
    }
    let mut groups: Vec<_> = groups
        .into_iter()
        .map(|(fix, all)| (fix.to_owned(), all))
        .collect();
    groups.sort_by_key(|(_, all)| std::cmp::Reverse(all.len()));
    groups
}

/// What is missing, and the one line alone that would add it; a fix that is no such line is all of it.
fn split(fix: &str) -> (String, String) {
    match fix.find("LABEL ") {
        Some(at) => {
            let (why, line) = fix.split_at(at);
            let line = line.rsplit_once(" (").map_or(line, |(line, _)| line);
            (why.trim().to_owned(), line.to_owned())
        }
        None => (String::new(), fix.to_owned()),
    }
}

/// One line and what it would link.
fn group(fix: String, all: &[Unlinked]) -> impl IntoView + use<> {
    let announcer = Announcer::here();
    let (why, line) = split(&fix);
    let shown = foreign::line(&line);
    view! {
        <article class="card fix">
            <div class="line">
                <div>
                    <p class="dim">{foreign::line(&why)}</p>
                    <p class="mono wrap">{shown}</p>
                </div>
                <button
                    class="btn small"
                    type="button"
                    on:click=move |_| announcer.copy(line.clone(), "The line")
                >
                    "Copy the line"
                </button>
            </div>
            <ul>
                {all
                    .iter()
                    .map(|one| {
                        view! {
                            <li>
                                {mark(Tone::Dunno)}
                                <span class="clip">
                                    {sentence::object(&one.workload)} " "
                                    <span class="dim">{foreign::line(&one.workload.system)}</span>
                                </span>
                                <span class="mono dim clip" title=foreign::line(&one.image)>
                                    {foreign::line(&one.image)}
                                </span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </article>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ObjectRef;

    #[test]
    fn what_is_copied_is_the_line_alone() {
        let fix =
            "It says nothing. Add to its Dockerfile: LABEL a=b c=$COMMIT (registry.example/a)";
        let (why, line) = split(fix);
        assert_eq!(why, "It says nothing. Add to its Dockerfile:");
        assert_eq!(line, "LABEL a=b c=$COMMIT");
        assert_eq!(split("Name it.").1, "Name it.");
    }

    #[test]
    fn the_line_that_links_most_comes_first() {
        let one = |name: &str, fix: &str| Unlinked {
            workload: ObjectRef::new("prod-eu", "Deployment", "shop", name),
            image: format!("registry.example/{name}"),
            fix: fix.to_owned(),
        };
        let all = [one("a", "x"), one("b", "y"), one("c", "y")];
        let fixes: Vec<_> = by_fix(&all, "").into_iter().map(|(fix, _)| fix).collect();
        assert_eq!(fixes, ["y", "x"]);
        assert_eq!(by_fix(&all, "deployment shop/a").len(), 1);
    }
}
