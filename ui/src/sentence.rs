//! A sentence's spans as views: commits and objects open, times tick, foreign words stay text.
//!
//! Owns the two ways a sentence stands in the page: live, with buttons in it, and still, inside something that is
//! itself a link or a button.

use api::headline::{Sentence, Span, short};
use api::object::ObjectRef;
use leptos::prelude::*;

use crate::clock;
use crate::foreign;
use crate::panel::{Panel, Subject};
use crate::time::Length;

/// The longest quote inside a sentence; the whole one is on hover and in the evidence.
const QUOTE: usize = 160;

/// A sentence whose commits and objects open.
pub fn live(sentence: &Sentence) -> Vec<AnyView> {
    sentence.0.iter().map(|span| one(span, true)).collect()
}

/// A sentence inside a link or a button: the same words, nothing in it opens.
pub fn still(sentence: &Sentence) -> Vec<AnyView> {
    sentence.0.iter().map(|span| one(span, false)).collect()
}

/// A live sentence whose long quotes are left to whoever shows them whole below it.
pub fn around_quotes(sentence: &Sentence) -> Vec<AnyView> {
    sentence
        .0
        .iter()
        .filter(|span| !is_long_quote(span))
        .map(|span| one(span, true))
        .collect()
}

/// What a sentence says of an object: from its last mention on. Nothing if it does not mention it.
pub fn about(sentence: &Sentence, object: &ObjectRef) -> Option<Sentence> {
    let mentions =
        |span: &Span| matches!(span, Span::Object { object: mentioned } if mentioned == object);
    let from = sentence.0.iter().rposition(mentions)?;
    sentence.0.get(from..).map(|spans| Sentence(spans.to_vec()))
}

/// Whether a span is a quote of several lines, or too long to be read inside a sentence.
pub fn is_long_quote(span: &Span) -> bool {
    matches!(span, Span::Quote { text } if text.trim().contains('\n') || text.chars().count() > QUOTE)
}

/// A sentence as one line of text, for titles and labels; times as they are now.
pub fn text(sentence: &Sentence) -> String {
    let now = clock::clock().at_once();
    sentence.text(|at| crate::time::relative(now, at, Length::Long))
}

/// One span.
fn one(span: &Span, live: bool) -> AnyView {
    match span {
        Span::Words { text } => foreign_words(text).into_any(),
        Span::Name { text } => {
            view! { <span class="name">{breakable(&foreign::line(text))}</span> }.into_any()
        }
        Span::Quote { text } => view! {
            <q class="quote" title=foreign::line(text)>
                {api::headline::plain(text, QUOTE)}
            </q>
        }
        .into_any(),
        Span::Instant { at } => clock::ago(*at, Length::Long).into_any(),
        Span::Object { object: it } if live => object(it).into_any(),
        Span::Object { object } => {
            let (kind, name) = (foreign::line(&object.kind), full_name(object));
            view! { {kind} " " <span class="mono">{breakable(&shortened(&name))}</span> }.into_any()
        }
        Span::Commit { repository, sha } if live => {
            commit(repository.clone(), sha.clone()).into_any()
        }
        Span::Commit { sha, .. } => {
            view! { <span class="mono">{foreign::line(short(sha))}</span> }.into_any()
        }
    }
}

/// A path, revision or field that may go over to the next line after one of its signs, not within a word.
pub fn breakable(text: &str) -> Vec<AnyView> {
    let mut parts = text.split_inclusive(['/', '@', '.']).peekable();
    let mut views = Vec::new();
    while let Some(part) = parts.next() {
        views.push(part.to_owned().into_any());
        if parts.peek().is_some() {
            views.push(view! { <wbr /> }.into_any());
        }
    }
    views
}

/// Words keep the spaces around them; what they hold of others is made one harmless line all the same.
fn foreign_words(text: &str) -> String {
    let plain = foreign::line(text);
    let (before, after) = (
        text.starts_with(' '),
        text.ends_with(' ') && !plain.is_empty(),
    );
    format!(
        "{}{plain}{}",
        if before { " " } else { "" },
        if after { " " } else { "" }
    )
}

/// `namespace/name`, or the name where there is no namespace; a name that is a full SHA as people write it.
pub fn full_name(object: &ObjectRef) -> String {
    let name = if is_sha(&object.name) {
        short(&object.name)
    } else {
        &object.name
    };
    if object.namespace.is_empty() {
        foreign::line(name)
    } else {
        foreign::line(&format!("{}/{name}", object.namespace))
    }
}

/// Whether text is a full SHA.
pub fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A name that fits into a sentence: of a long one the beginning and the end, which tell it from its siblings.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 64;
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(40).collect();
    let end: String = name.chars().skip(count - 20).collect();
    format!("{beginning}…{end}")
}

/// An object that opens.
pub fn object(object: &ObjectRef) -> impl IntoView + use<> {
    let panel = Panel::here();
    let (kind, name) = (foreign::line(&object.kind), full_name(object));
    let title = format!("Open {kind} {name} on {}", foreign::line(&object.system));
    let object = object.clone();
    reference(
        "ref",
        title,
        view! { {kind} " " <span class="mono">{shortened(&name)}</span> }.into_any(),
        move || panel.open(Subject::Object(object.clone())),
    )
}

/// A commit that opens.
pub fn commit(repository: String, sha: String) -> impl IntoView {
    let panel = Panel::here();
    let words = foreign::line(short(&sha));
    reference(
        "ref mono",
        format!("Commit {}", foreign::line(&sha)),
        words.into_any(),
        move || {
            panel.open(Subject::Commit {
                repository: repository.clone(),
                sha: sha.clone(),
            });
        },
    )
}

/// A word in a sentence that opens something. Not a button element: those do not break between lines.
fn reference(
    class: &'static str,
    title: String,
    words: AnyView,
    open: impl Fn() + Clone + 'static,
) -> impl IntoView {
    let by_key = open.clone();
    view! {
        <a
            class=class
            role="button"
            tabindex="0"
            title=title
            on:click=move |event| {
                event.stop_propagation();
                open();
            }
            on:keydown=move |event| {
                if matches!(event.key().as_str(), "Enter" | " ") {
                    event.prevent_default();
                    event.stop_propagation();
                    by_key();
                }
            }
        >
            {words}
        </a>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shortened("shop/checkout"), "shop/checkout");
        let long = format!("{}-x2x7q", "a".repeat(100));
        let short = shortened(&long);
        assert_eq!(short.chars().count(), 61);
        assert!(short.ends_with("-x2x7q") && short.starts_with("aaa"));
    }

    #[test]
    fn of_a_chain_the_root_says_only_what_is_about_itself() {
        let (app, root) = (
            ObjectRef::new("prod", "Kustomization", "flux-system", "apps"),
            ObjectRef::new("prod", "Kustomization", "flux-system", "infra"),
        );
        let sentence = Sentence::default()
            .object(&app)
            .words(" waits for ")
            .object(&root)
            .words(", which failed");
        let about_root = about(&sentence, &root).unwrap();
        assert_eq!(
            about_root.text(|_| String::new()),
            "Kustomization flux-system/infra, which failed"
        );
        assert_eq!(about(&Sentence::default().words("It failed"), &root), None);
    }

    #[test]
    fn a_full_sha_is_written_as_people_write_it() {
        let sha = "54a386bff67e048b2d79e0ecb559aab4c789b879";
        let object = ObjectRef::new("code.example", "Commit", "shop/pricing", sha);
        assert_eq!(full_name(&object), "shop/pricing/54a386b");
    }

    #[test]
    fn our_words_keep_their_spaces_and_lose_their_control_characters() {
        assert_eq!(foreign_words(" waits for "), " waits for ");
        assert_eq!(foreign_words(": "), ": ");
        assert_eq!(foreign_words(" "), " ");
        assert_eq!(foreign_words("a\u{202e}b"), "ab");
    }
}
