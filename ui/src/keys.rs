//! Keyboard manners that several views share: who is typing, and walking through a list with the arrows.
//!
//! Owns no keys of its own; the shell's and each view's keys are where their meaning is.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// Whether the event happens where letters are text.
pub fn typing(event: &KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|element| {
            matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        })
}

/// The one character that a key types by itself, without Ctrl, Alt or Cmd.
pub fn character(event: &KeyboardEvent) -> Option<char> {
    if event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing() {
        return None;
    }
    let key = event.key();
    let mut chars = key.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_whitespace() => Some(c),
        _ => None,
    }
}

/// Whether the keyboard has a Cmd key.
pub fn on_a_mac() -> bool {
    window()
        .navigator()
        .platform()
        .is_ok_and(|platform| platform.starts_with("Mac"))
}

/// Walks with the arrows (and Home, End) through the elements inside `list` that match `selector`: the next one in
/// the page's order gets the focus. Returns whether the key was one of these.
pub fn walk(event: &KeyboardEvent, list: &Element, selector: &str) -> bool {
    let found = list.query_selector_all(selector);
    let Ok(found) = found else { return false };
    let items: Vec<HtmlElement> = (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into().ok())
        .collect();
    let focused = document().active_element();
    let current = items.iter().position(|item| {
        focused
            .as_ref()
            .is_some_and(|focused| item.is_same_node(Some(focused)))
    });
    let last = items.len().saturating_sub(1);
    let next = match (event.key().as_str(), current) {
        ("ArrowDown" | "ArrowRight", Some(current)) => (current + 1).min(last),
        ("ArrowDown" | "ArrowRight", None) | ("Home", _) => 0,
        ("ArrowUp" | "ArrowLeft", Some(current)) => current.saturating_sub(1),
        ("ArrowUp" | "ArrowLeft", None) | ("End", _) => last,
        _ => return false,
    };
    event.prevent_default();
    if let Some(item) = items.get(next) {
        focus(item);
    }
    true
}

/// Walks through the list that the event's handler sits on.
pub fn walk_here(event: &KeyboardEvent, selector: &str) -> bool {
    event
        .current_target()
        .and_then(|list| list.dyn_into::<Element>().ok())
        .is_some_and(|list| walk(event, &list, selector))
}

/// Whether the focus is on nothing in particular: the page or the middle of the window.
pub fn nothing_focused() -> bool {
    document()
        .active_element()
        .is_none_or(|element| element.tag_name() == "BODY" || element.id() == "main")
}

/// Gives an element the focus. One that cannot take it leaves the focus where it is.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}

/// Gives the element with this id the focus.
pub fn focus_id(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into().ok())
    {
        focus(&element);
    }
}
