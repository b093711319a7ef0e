//! The glyphs: a shape for each tone, and small icons, drawn once in index.html's sprite.
//!
//! Owns how a glyph stands in the page: with words for those who don't see it, or without where words stand beside it.

use api::journey::Health;
use leptos::prelude::*;

use crate::words::{self, Tone};

/// A tone's glyph with its words.
pub fn glyph(tone: Tone, label: impl Into<String>) -> impl IntoView {
    view! {
        <svg class=format!("g {}", tone.name()) role="img" aria-label=label.into()>
            <use_ href=format!("#{}", tone.name()) />
        </svg>
    }
}

/// A tone's glyph beside which the words stand already.
pub fn mark(tone: Tone) -> impl IntoView {
    view! {
        <svg class=format!("g {}", tone.name()) aria-hidden="true">
            <use_ href=format!("#{}", tone.name()) />
        </svg>
    }
}

/// A small icon of the sprite beside which words stand, or whose button says them.
pub fn icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="g" aria-hidden="true">
            <use_ href=format!("#{name}") />
        </svg>
    }
}

/// The ship's flag beside the name.
pub fn brand() -> impl IntoView {
    // The reference is set as an attribute: markup that never changes is written as text, where `use_` is no element.
    let href = "#brand".to_owned();
    view! {
        <svg class="flag" aria-hidden="true">
            <use_ href=href />
        </svg>
    }
}

/// The dot that says health by its shape.
pub fn dot(health: Health) -> impl IntoView {
    view! {
        <span
            class=format!("dot {}", words::health_class(health))
            role="img"
            aria-label=words::health(health)
            title=words::health(health)
        ></span>
    }
}
