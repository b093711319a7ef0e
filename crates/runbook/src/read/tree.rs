//! YAML as a tree whose every value knows where it is written. Pure.
//!
//! Owns what of YAML is read here: one document of plain values. Anchors, aliases and tags are refused, so that a file is no
//! larger than it looks.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// A larger text than this is nobody's action.
pub const MOST_BYTES: usize = 256 * 1024;
/// Nesting deeper than this is nobody's action.
const MOST_DEPTH: usize = 64;

/// Where something is written: line and column from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    fn of(span: Span) -> Self {
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }
}

/// Why a text is no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoTree {
    pub(crate) place: Place,
    pub(crate) says: String,
}

impl NoTree {
    fn at(place: Place, says: &str) -> Self {
        Self {
            place,
            says: says.to_owned(),
        }
    }
}

/// What somebody wrote, as an error quotes it.
pub(crate) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) shape: Shape,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A scalar; plain where it is written without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the file's order.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// A step on the way from a tree's root to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Below this key.
    Key(String),
    /// This item, from 0.
    Item(usize),
}

/// A way, as an error names it: `steps[0].restart.within`.
pub(crate) fn written(way: &[Part]) -> String {
    let mut text = String::new();
    for part in way {
        match part {
            Part::Item(item) => text.push_str(&format!("[{item}]")),
            Part::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.extend(key.chars().filter(|letter| !letter.is_control()).take(60));
            }
        }
    }
    text
}

impl Node {
    /// Where a value is written; of one that is not, where the nearest above it is.
    pub(crate) fn place_of(&self, way: &[Part]) -> Place {
        let Some((first, rest)) = way.split_first() else {
            return self.place;
        };
        let below = match (&self.shape, first) {
            (Shape::List(items), Part::Item(item)) => items.get(*item),
            (Shape::Map(entries), Part::Key(key)) => entries
                .iter()
                .find(|(known, _)| known.text == *key)
                .map(|(_, node)| node),
            _ => None,
        };
        below.map_or(self.place, |node| node.place_of(rest))
    }

    /// Whether it is nothing: `~`, `null`, or not written.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.shape, Shape::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads one document.
///
/// # Errors
/// Why it is none, with the place.
pub(crate) fn parse(text: &str) -> Result<Node, NoTree> {
    let start = Place { line: 1, column: 1 };
    if text.len() > MOST_BYTES {
        let says = format!("the file is larger than {} KiB", MOST_BYTES / 1024);
        return Err(NoTree { place: start, says });
    }
    let mut document = None;
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = event.map_err(|error| NoTree {
            place: Place {
                line: error.marker().line(),
                column: error.marker().col() + 1,
            },
            says: format!("this is no YAML: {}", error.info()),
        })?;
        let place = Place::of(span);
        if let Some(says) = refused(&event, document.is_some()) {
            return Err(NoTree::at(place, says));
        }
        let done = match event {
            Event::Scalar(text, style, ..) => Some(Node {
                place,
                shape: Shape::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                },
            }),
            Event::SequenceStart(..) => {
                open.push(Open::new(place, Shape::List(Vec::new())));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::new(place, Shape::Map(Vec::new())));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| open.node),
            _ => None,
        };
        if open.len() > MOST_DEPTH {
            return Err(NoTree::at(place, "this is nested too deeply"));
        }
        match (done, open.last_mut()) {
            (Some(node), Some(around)) => around.take(node)?,
            (Some(node), None) => document = Some(node),
            (None, _) => {}
        }
    }
    document.ok_or_else(|| NoTree::at(start, "the file is empty"))
}

/// What of YAML is not read.
fn refused(event: &Event<'_>, is_read: bool) -> Option<&'static str> {
    let (anchor, tag) = match event {
        Event::Scalar(_, _, anchor, tag)
        | Event::SequenceStart(anchor, tag)
        | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
        Event::Alias(_) => return Some("an alias (*) is not read here: the value is written out"),
        Event::DocumentStart(_) if is_read => {
            return Some("a second document begins here: a file holds one");
        }
        _ => (0, false),
    };
    if anchor != 0 {
        Some("an anchor (&) is not read here: the value is written out wherever it is used")
    } else {
        tag.then_some("a tag (!) is not read here: the value is written without it")
    }
}

/// A list or mapping whose end is not read yet.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Key>,
    keys: BTreeSet<String>,
}

impl Open {
    fn new(place: Place, shape: Shape) -> Self {
        Self {
            node: Node { place, shape },
            key: None,
            keys: BTreeSet::new(),
        }
    }

    fn take(&mut self, node: Node) -> Result<(), NoTree> {
        match &mut self.node.shape {
            Shape::List(items) => items.push(node),
            Shape::Map(entries) => match self.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Shape::Scalar { text, .. } = node.shape else {
                        return Err(NoTree::at(node.place, "a key is one word"));
                    };
                    if !self.keys.insert(text.clone()) {
                        let says = format!("{} is here twice", quoted(&text));
                        return Err(NoTree::at(node.place, &says));
                    }
                    self.key = Some(Key {
                        place: node.place,
                        text,
                    });
                }
            },
            Shape::Scalar { .. } => {}
        }
        Ok(())
    }
}
