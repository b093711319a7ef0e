//! One cell of the board: on the left what runs and how well, on the right how delivery stands.
//!
//! Owns the look of a cell. The two halves are never mixed: production can be blocked and perfectly healthy.

use api::journey::Health;
use leptos::prelude::*;

use super::cells::Spot;
use crate::clock;
use crate::foreign;
use crate::glyph::{dot, mark};
use crate::words::{self, Tone};

/// A cell's content. Where the column's head says since when its cluster is silent, the cell has the room for its cause.
pub fn cell(spot: Option<&Spot>, is_said_above: bool) -> AnyView {
    let Some(spot) = spot else {
        return view! { <span class="nothing" aria-label="not in this environment" title="Not in this environment"></span> }
            .into_any();
    };
    view! {
        <div class="c">
            {runs(spot)}
            {delivery(spot, is_said_above)}
        </div>
    }
    .into_any()
}

/// The left half.
fn runs(spot: &Spot) -> impl IntoView + use<> {
    let well = spot.health == Health::Healthy;
    let word = spot
        .readiness
        .clone()
        .unwrap_or_else(|| words::health(spot.health).to_owned());
    let version = spot.version.clone().unwrap_or_else(|| "?".to_owned());
    let more = (spot.other_versions > 0).then(|| {
        let title = format!(
            "and {} on other clusters",
            words::count(spot.other_versions, "other version")
        );
        view! { <small class="more" title=title>{format!("+{}", spot.other_versions)}</small> }
    });
    view! {
        <span class="run" class:well=well>
            {dot(spot.health)}
            <span class="mono version">{version} {more}</span>
            <span class="word clip">{word}</span>
            <span class="short" aria-hidden="true">
                {spot.short_readiness.clone()}
            </span>
            <span class="age">{spot.since.map(clock::age)}</span>
        </span>
    }
}

/// The right half.
fn delivery(spot: &Spot, is_said_above: bool) -> impl IntoView + use<> {
    let calm = matches!(spot.tone, Tone::Ok | Tone::Skip);
    let class = if calm { "why dim" } else { "why" };
    let seen =
        |at, who: String| view! { <span class="seen">{who} "last seen " {clock::wall(at)}</span> };
    let before = spot.stale.as_ref().map(|stale| {
        if stale.some.is_empty() && is_said_above {
            let at = clock::wall(stale.since);
            view! { <span class="unseen">"last seen " {at} ": "</span> }.into_any()
        } else if stale.some.is_empty() {
            view! { {seen(stale.since, String::new())} ": " }.into_any()
        } else {
            let who = format!("{} ", foreign::line(&stale.some.join(", ")));
            view! { {seen(stale.since, who)} ", " }.into_any()
        }
    });
    let glyph = (!calm).then(|| mark(spot.tone));
    view! {
        <span class=format!("del {}", spot.tone.name())>
            <span class="slot">{glyph}</span>
            <span class=format!("{class} clip")>{before} {spot.words.clone()}</span>
        </span>
    }
}

/// The class of the cell around it: what is loud, what is hatched, where the person is.
pub fn class(spot: Option<&Spot>, active: bool) -> String {
    let class = match spot.map(|spot| (spot.tone, spot.stale.as_ref())) {
        Some((_, Some(_))) => "cell stale",
        Some((Tone::Stop, None)) => "cell bad",
        Some((Tone::Dunno, None)) => "cell q",
        Some(_) | None => "cell",
    };
    if active {
        format!("{class} sel")
    } else {
        class.to_owned()
    }
}
