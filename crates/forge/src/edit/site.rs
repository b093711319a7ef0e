//! The values of a YAML text with the places that they stand in, and the comparison of two texts. Pure.
//!
//! Owns what a place is: line and column of the value itself, how it is written, and whether an alias uses it elsewhere.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{EditError, Step};

/// Blocks of text within blocks of text deeper than this are not looked into.
const MAX_DEPTH: usize = 2;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// As a block of text.
    Block,
}

/// A scalar that is a value.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) document: usize,
    pub(super) path: Vec<Step>,
    /// From 1.
    pub(super) line: u32,
    /// Where it begins on its line, in characters, with its anchor and tag.
    column: usize,
    pub(super) text: String,
    pub(super) style: Style,
    /// The line of an alias that stands for it, too.
    pub(super) shared: Option<u32>,
}

impl Site {
    /// Whether these are the last keys that lead to it.
    pub(super) fn ends_with(&self, keys: &[&str]) -> bool {
        let mut steps = self.path.iter().rev();
        keys.iter()
            .rev()
            .all(|key| matches!(steps.next(), Some(Step::Key(step)) if step == key))
    }

    /// What leads to whatever it stands in.
    pub(super) fn parent(&self) -> &[Step] {
        self.path.split_last().map_or(&[], |(_, before)| before)
    }

    /// Whether it is a block of text that has this line.
    pub(super) fn is_block_over(&self, line: u32) -> bool {
        let lines = u32::try_from(self.text.lines().count()).unwrap_or(u32::MAX);
        self.style == Style::Block
            && line.saturating_add(lines) >= self.line
            && line <= self.line.saturating_add(lines)
    }
}

/// Every value of a file, those in blocks of text that are YAML themselves after the block.
///
/// # Errors
/// The text is no YAML.
pub(super) fn sites(file: &str, text: &str) -> Result<Vec<Site>, EditError> {
    let found = read(text).map_err(|(line, problem)| EditError::NotYaml {
        file: file.to_owned(),
        line,
        problem,
    })?;
    let lines: Vec<&str> = without_mark(text).split('\n').collect();
    let mut all = Vec::new();
    for site in found {
        within(site, &lines, 0, &mut all);
    }
    Ok(all)
}

/// Adds a value, and what stands in it if it is YAML.
fn within(site: Site, lines: &[&str], depth: usize, all: &mut Vec<Site>) {
    let is_block = site.style == Style::Block && depth < MAX_DEPTH;
    let inner = match is_block {
        true => indent(&site, lines).zip(read(&site.text).ok()),
        false => None,
    };
    let outer = site.clone();
    all.push(site);
    let Some(((first, indent), inner)) = inner else {
        return;
    };
    for mut site in inner {
        let line = site.line.saturating_sub(1).saturating_add(first);
        site.path = [&outer.path[..], &[Step::Text(site.document)], &site.path].concat();
        site.document = outer.document;
        site.line = line;
        site.column += indent;
        site.shared = match (outer.shared, site.shared) {
            (Some(used), _) => Some(used),
            (None, used) => used.map(|used| used.saturating_sub(1).saturating_add(first)),
        };
        within(site, lines, depth + 1, all);
    }
}

/// The line that a literal block's text begins on, and how far it is indented; `None` if its lines are not the file's, as in
/// a folded one.
fn indent(site: &Site, lines: &[&str]) -> Option<(u32, usize)> {
    let words = site.text.lines().position(|line| !line.trim().is_empty())?;
    // The parser says where the first word stands, or where the block is announced.
    let at = usize::try_from(site.line).ok()?;
    for first in [at.checked_sub(1 + words), Some(at)].into_iter().flatten() {
        let bare = |line: &str| line.strip_suffix('\r').unwrap_or(line).to_owned();
        let raw = bare(lines.get(first + words)?);
        let content = bare(site.text.lines().nth(words)?);
        let Some(indent) = raw.len().checked_sub(content.len()) else {
            continue;
        };
        let is_same = site.text.lines().enumerate().all(|(number, content)| {
            let raw = lines.get(first + number).map(|line| bare(line));
            raw.is_some_and(|raw| {
                let (before, rest) = raw.split_at_checked(indent).unwrap_or((&raw, ""));
                before.chars().all(|c| c == ' ') && rest == bare(content)
            })
        });
        if is_same {
            return Some((u32::try_from(first + 1).ok()?, indent));
        }
    }
    None
}

/// A text without the mark of its encoding, which is no part of its first line.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A container that is open.
struct Frame {
    step: Step,
    /// In a mapping: whether the next node is a key.
    wants_key: bool,
    anchor: usize,
}

/// The values of one text, as (line, problem) where it is none.
fn read(text: &str) -> Result<Vec<Site>, (u32, String)> {
    let mut found: Vec<(Site, Vec<usize>)> = Vec::new();
    let mut aliases: BTreeMap<usize, u32> = BTreeMap::new();
    let mut open: Vec<Frame> = Vec::new();
    let mut documents = 0_usize;
    for event in Parser::new_from_str(without_mark(text)) {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            (line, error.info().to_owned())
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let is_key = open.last().is_some_and(|frame| frame.wants_key);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                if is_key {
                    begin(&mut open, Step::Key(text.into_owned()));
                    continue;
                }
                let path = open.iter().map(|frame| frame.step.clone()).collect();
                let mut anchors: Vec<usize> = open.iter().map(|frame| frame.anchor).collect();
                anchors.push(anchor);
                let site = Site {
                    document: documents.saturating_sub(1),
                    path,
                    line,
                    column: span.start.col(),
                    text: text.into_owned(),
                    style: match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::SingleQuoted => Style::Single,
                        ScalarStyle::DoubleQuoted => Style::Double,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    },
                    shared: None,
                };
                found.push((site, anchors));
                end(&mut open);
            }
            Event::Alias(anchor) => {
                aliases.entry(anchor).or_insert(line);
                if is_key {
                    begin(&mut open, Step::Key(String::new()));
                } else {
                    end(&mut open);
                }
            }
            Event::SequenceStart(anchor, _) => open.push(Frame {
                step: Step::Item(0),
                wants_key: false,
                anchor,
            }),
            Event::MappingStart(anchor, _) => open.push(Frame {
                step: Step::Key(String::new()),
                wants_key: true,
                anchor,
            }),
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                if open.last().is_some_and(|frame| frame.wants_key) {
                    // A key that is no scalar.
                    begin(&mut open, Step::Key(String::new()));
                } else {
                    end(&mut open);
                }
            }
            Event::DocumentStart(_) => documents += 1,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    let shared = |anchors: &[usize]| anchors.iter().find_map(|one| aliases.get(one).copied());
    Ok(found
        .into_iter()
        .map(|(mut site, anchors)| {
            site.shared = shared(&anchors);
            site
        })
        .collect())
}

/// A key was read; its value comes.
fn begin(open: &mut [Frame], step: Step) {
    if let Some(frame) = open.last_mut() {
        frame.step = step;
        frame.wants_key = false;
    }
}

/// A value was read.
fn end(open: &mut [Frame]) {
    if let Some(frame) = open.last_mut() {
        match &mut frame.step {
            Step::Item(number) => *number += 1,
            Step::Key(_) | Step::Text(_) => frame.wants_key = true,
        }
    }
}

/// The text with another token in a value's place; `None` if the value is not written there as it reads.
pub(super) fn splice(text: &str, site: &Site, token: &str) -> Option<String> {
    let body = without_mark(text);
    let mark = text.len() - body.len();
    let line = usize::try_from(site.line).ok()?.checked_sub(1)?;
    let start: usize = body.split('\n').take(line).map(|line| line.len() + 1).sum();
    let row = body.split('\n').nth(line)?;
    let column: usize = row.chars().take(site.column).map(char::len_utf8).sum();
    let mut at = column;
    // An anchor and a tag stand before the value and stay.
    while row.get(at..)?.starts_with(['&', '!']) {
        let rest = row.get(at..)?;
        let word = rest.find([' ', '\t'])?;
        let blank = rest.get(word..)?;
        at += word + (blank.len() - blank.trim_start_matches([' ', '\t']).len());
    }
    let old = match site.style {
        Style::Plain => site.text.clone(),
        Style::Single => format!("'{}'", site.text),
        Style::Double => format!("\"{}\"", site.text),
        Style::Block => return None,
    };
    let rest = row.get(at..)?.strip_prefix(old.as_str())?;
    // What only begins like the value is another one.
    let is_over = rest.is_empty() || rest.starts_with([' ', '\t', '\r', ',', ']', '}']);
    if old.is_empty() || !is_over {
        return None;
    }
    let from = mark + start + at;
    let (before, after) = (text.get(..from)?, text.get(from + old.len()..)?);
    Some(format!("{before}{token}{after}"))
}

/// Everything that reading a text says, but where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Scalar {
        text: String,
        style: Style,
        rest: String,
    },
    Else(String),
}

fn said(text: &str) -> Option<Vec<Said>> {
    Parser::new_from_str(without_mark(text))
        .map(|event| {
            let (event, _) = event.ok()?;
            Some(match event {
                Event::Scalar(text, style, anchor, tag) => Said::Scalar {
                    text: text.into_owned(),
                    style: match style {
                        // Quotes may be what keeps a new value a text.
                        ScalarStyle::Plain | ScalarStyle::SingleQuoted => Style::Plain,
                        ScalarStyle::DoubleQuoted => Style::Plain,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    },
                    rest: format!("{anchor} {tag:?}"),
                },
                other => Said::Else(format!("{other:?}")),
            })
        })
        .collect()
}

/// What differs between two texts if it is one value and nothing else: its text before and after.
pub(super) fn the_one_difference(before: &str, after: &str) -> Option<(String, String)> {
    let (before, after) = (said(before)?, said(after)?);
    if before.len() != after.len() {
        return None;
    }
    let mut different = before.into_iter().zip(after).filter(|(a, b)| a != b);
    let (one, None) = (different.next()?, different.next()) else {
        return None;
    };
    match one {
        (
            Said::Scalar {
                text: old,
                style,
                rest,
            },
            Said::Scalar {
                text: new,
                style: style_after,
                rest: rest_after,
            },
        ) if style == style_after && rest == rest_after => match style {
            Style::Block => the_one_difference(&old, &new),
            _ => Some((old, new)),
        },
        _ => None,
    }
}
