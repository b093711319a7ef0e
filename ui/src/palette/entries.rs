//! What the palette offers, and which of it fits what is typed.
//!
//! Owns the matching: every typed word has to occur; names that begin with it come first.

use api::ObjectRef;

use crate::address::Screen;
use crate::theme::Theme;

/// What choosing an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Asks.
    Ask(String),
    /// Opens the actions that there are for an object.
    Act(ObjectRef),
    /// Shows a screen.
    Show(Screen),
    /// Shows the board with one environment, or with all again.
    Environment(Option<String>),
    /// Chooses a theme.
    Theme(Theme),
}

/// One line of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing it is: "App", "Screen".
    pub kind: &'static str,
    /// Its words.
    pub words: String,
    /// What choosing it does.
    pub deed: Deed,
}

impl Entry {
    /// A line.
    pub fn new(kind: &'static str, words: impl Into<String>, deed: Deed) -> Self {
        Self {
            kind,
            words: words.into(),
            deed,
        }
    }
}

/// The entries that fit, best first, at most `most`. Whatever is typed can also be asked, and that comes first
/// unless an entry begins with it.
pub fn fitting(entries: &[Entry], typed: &str, most: usize) -> Vec<Entry> {
    let typed = typed.trim();
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let mut ranked: Vec<(u8, &Entry)> = entries
        .iter()
        .filter_map(|entry| {
            let line = entry.words.to_lowercase();
            let whole = format!("{} {line}", entry.kind.to_lowercase());
            if !words.iter().all(|word| whole.contains(word)) {
                return None;
            }
            let rank = match words.first() {
                None => 0,
                Some(first) if line.starts_with(first) => 0,
                Some(first)
                    if line
                        .split([' ', '-', '/', '_'])
                        .any(|part| part.starts_with(first)) =>
                {
                    2
                }
                Some(_) => 3,
            };
            Some((rank, entry))
        })
        .collect();
    // Stable: entries of one rank stay in the order they were given.
    ranked.sort_by_key(|(rank, _)| *rank);
    let ask = (!typed.is_empty()
        && !entries
            .iter()
            .any(|entry| entry.deed == Deed::Ask(typed.to_owned())))
    .then(|| Entry::new("Ask", typed, Deed::Ask(typed.to_owned())));
    let (before, after): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|(rank, _)| *rank == 0);
    before
        .into_iter()
        .map(|(_, entry)| entry.clone())
        .chain(ask)
        .chain(after.into_iter().map(|(_, entry)| entry.clone()))
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::new("Screen", "Board", Deed::Show(Screen::Board)),
            Entry::new("App", "checkout", Deed::Ask("checkout".to_owned())),
            Entry::new(
                "App",
                "gift-checkout",
                Deed::Ask("gift-checkout".to_owned()),
            ),
            Entry::new("Theme", "Dark", Deed::Theme(Theme::Dark)),
        ]
    }

    fn lines(typed: &str) -> Vec<String> {
        fitting(&entries(), typed, 9)
            .into_iter()
            .map(|entry| format!("{} {}", entry.kind, entry.words))
            .collect()
    }

    #[test]
    fn what_begins_with_the_typed_comes_first_and_anything_can_be_asked() {
        assert_eq!(
            lines("check"),
            ["App checkout", "Ask check", "App gift-checkout"]
        );
        assert_eq!(lines("3f2c1ab"), ["Ask 3f2c1ab"]);
    }

    #[test]
    fn a_known_ask_is_not_offered_twice() {
        assert_eq!(lines("checkout"), ["App checkout", "App gift-checkout"]);
    }

    #[test]
    fn kinds_can_be_typed_and_nothing_typed_shows_all() {
        assert_eq!(lines("theme dark"), ["Ask theme dark", "Theme Dark"]);
        assert_eq!(lines("").len(), 4);
    }
}
