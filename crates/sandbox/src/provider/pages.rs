//! What a browser shows: who to be, and where to type a code; the code host's page for that is the same.
//!
//! Owns the HTML. Whatever a request brings is shown as text.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Person;
use super::http::Asked;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1c2024;background:#fcfcfd}\
    h1{font-size:1.25rem}p{color:#60646c}button{display:block;width:100%;text-align:left;font:inherit;padding:.75rem 1rem;margin:.5rem 0;\
    border:1px solid #cdced6;border-radius:8px;background:#fff;cursor:pointer}button small{display:block;color:#60646c}\
    input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;letter-spacing:.1em}\
    @media(prefers-color-scheme:dark){body{background:#111113;color:#edeef0}p,button small{color:#b0b4ba}button,input{background:#18191b;color:inherit;border-color:#43484e}}";

/// Who to be.
pub(super) fn who(company: &str, people: &[Person], asked: &Asked) -> String {
    let fields = [
        ("client_id", Some(&asked.client_id)),
        ("redirect_uri", Some(&asked.redirect_uri)),
        ("response_type", Some(&asked.response_type)),
        ("scope", Some(&asked.scope)),
        ("code_challenge", Some(&asked.code_challenge)),
        ("code_challenge_method", Some(&asked.code_challenge_method)),
        ("state", asked.state.as_ref()),
        ("nonce", asked.nonce.as_ref()),
    ];
    let hidden: String = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| {
            let value = text(value);
            format!(r#"<input type="hidden" name="{name}" value="{value}">"#)
        })
        .collect();
    page(
        &format!("Sign in to {company}"),
        &format!(
            r#"<p>{} exists only inside of Landfall. Who are you today?</p><form method="post" action="/authorize">{hidden}{}</form>"#,
            text(company),
            buttons(people)
        ),
    )
}

/// Where to type a code for a place, which `action` takes.
pub(crate) fn code(place: &str, action: &str, people: &[Person], code: &str) -> String {
    page(
        &format!("Sign in to {place}"),
        &format!(
            r#"<p>Type the code that Landfall shows, and choose who you are today.</p><form method="post" action="{action}"><input name="user_code" aria-label="Code" autocomplete="off" value="{}">{}</form>"#,
            text(code),
            buttons(people)
        ),
    )
}

/// It is done elsewhere.
pub(crate) fn done() -> String {
    page(
        "You are signed in",
        "<p>Go back to Landfall; this page can be closed.</p>",
    )
}

/// It is not.
pub(crate) fn refused(why: &str) -> String {
    page("That did not work", &format!("<p>{}.</p>", text(why)))
}

/// A value as it may stand in an address' query.
pub(super) fn in_a_query(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

fn buttons(people: &[Person]) -> String {
    let button = |(number, person): (usize, &Person)| {
        format!(
            r#"<button name="person" value="{number}">{}<small>{}, {}</small></button>"#,
            text(&person.name),
            text(person.group),
            text(person.does)
        )
    };
    people.iter().enumerate().map(button).collect()
}

fn page(title: &str, body: &str) -> String {
    let title = text(title);
    format!(
        r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{body}</html>"#
    )
}

fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for letter in raw.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
