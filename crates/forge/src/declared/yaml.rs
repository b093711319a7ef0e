//! YAML as trees whose every value knows the file and line it was written on. Pure.
//!
//! Owns the reading of text into [`Node`]s, of the `{"$imagepolicy": …}` comments beside values, and of the looks into
//! and changes of trees that the rest needs. Does not know what the values mean.

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Nesting deeper than this is nobody's manifest.
const MAX_DEPTH: usize = 100;
/// A file with more values than this is refused: aliases can make a small file enormous.
const MAX_NODES: usize = 500_000;

/// A text that is no YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(crate) struct NotYaml {
    /// The line on which reading ended, from 1.
    pub(crate) line: u32,
    /// What is wrong there.
    pub(crate) problem: String,
}

impl NotYaml {
    fn at(line: u32, problem: impl Into<String>) -> Self {
        Self {
            line,
            problem: problem.into(),
        }
    }
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The value itself.
    pub(crate) value: Value,
    /// The file it was written in, from the repository's root.
    pub(crate) file: Rc<str>,
    /// The line it begins on, from 1.
    pub(crate) line: u32,
    /// Whether a scalar is written as a text, in quotes or as a block.
    pub(crate) quoted: bool,
    /// The image policy that a comment on its line names, for scalars.
    pub(crate) marker: Option<Rc<str>>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A scalar, as text; `null` is empty.
    Scalar(Rc<str>),
    /// A sequence.
    Sequence(Vec<Rc<Node>>),
    /// A mapping, in the file's order; keys that are no scalars are left out.
    Mapping(Vec<(Rc<str>, Rc<Node>)>),
}

impl Node {
    /// The value below a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.entries()
            .iter()
            .find(|(known, _)| &**known == key)
            .map(|(_, node)| node)
    }

    /// The value below several keys, one in the other.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Rc<Node>> {
        let (first, rest) = keys.split_first()?;
        let node = self.get(first)?;
        if rest.is_empty() {
            Some(node)
        } else {
            node.at(rest)
        }
    }

    /// The text of a scalar; `None` for anything else and for an empty one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The text below a key.
    pub(crate) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|node| node.text())
    }

    /// The items of a sequence; none for anything else.
    pub(crate) fn items(&self) -> &[Rc<Node>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The items of the sequence below a key.
    pub(crate) fn items_at(&self, key: &str) -> &[Rc<Node>] {
        self.get(key).map_or(&[], |node| node.items())
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[(Rc<str>, Rc<Node>)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The line that the text of a block scalar begins on: the parser says where its first word stands.
    pub(crate) fn first_line_of(&self, text: &str) -> u32 {
        let blank = text.len() - text.trim_start_matches('\n').len();
        let blank = u32::try_from(blank).unwrap_or(u32::MAX);
        self.line.saturating_sub(blank).max(1)
    }

    /// Whether it is a mapping.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// The place for a value below a key, made if it is not there. A node that is no mapping becomes one.
    pub(crate) fn set(&mut self, key: &str, node: Rc<Node>) {
        if !self.is_mapping() {
            self.value = Value::Mapping(Vec::new());
        }
        if let Value::Mapping(entries) = &mut self.value {
            match entries.iter_mut().find(|(known, _)| &**known == key) {
                Some((_, old)) => *old = node,
                None => entries.push((key.into(), node)),
            }
        }
    }
}

/// Reads every document of a file.
///
/// # Errors
/// Why it is no YAML, with the line.
pub(crate) fn parse(file: &Rc<str>, text: &str, first_line: u32) -> Result<Vec<Rc<Node>>, NotYaml> {
    let text = text.trim_start_matches('\u{feff}');
    let markers = markers(text, first_line);
    let mut reader = Reader {
        file,
        markers,
        first_line,
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    // Containers that are still open, with the key that waits for its value.
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            NotYaml::at(line.saturating_add(first_line - 1), error.info())
        })?;
        let line = u32::try_from(span.start.line())
            .unwrap_or(u32::MAX)
            .saturating_add(first_line - 1);
        let done = match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "~" | "null" | "Null" | "NULL");
                let text: Rc<str> = if is_null { "".into() } else { (&*text).into() };
                let quoted = style != ScalarStyle::Plain;
                let node = reader.node(Value::Scalar(text), quoted, line)?;
                reader.anchor(anchor, &node);
                Some(node)
            }
            Event::Alias(anchor) => {
                let node = reader.anchors.get(&anchor).cloned();
                Some(node.ok_or_else(|| NotYaml::at(line, "an alias of nothing"))?)
            }
            Event::SequenceStart(anchor, _) => {
                open.push(Open::new(Value::Sequence(Vec::new()), line, anchor));
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open::new(Value::Mapping(Vec::new()), line, anchor));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(container) => {
                    let node = reader.node(container.value, false, container.line)?;
                    reader.anchor(container.anchor, &node);
                    Some(node)
                }
                None => None,
            },
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                None
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(NotYaml::at(line, "nested too deeply"));
        }
        let Some(node) = done else { continue };
        match open.last_mut() {
            Some(container) => container.take(node),
            None => documents.push(node),
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    file: &'a Rc<str>,
    markers: BTreeMap<u32, Rc<str>>,
    first_line: u32,
    anchors: BTreeMap<usize, Rc<Node>>,
    nodes: usize,
}

impl Reader<'_> {
    fn node(&mut self, value: Value, quoted: bool, line: u32) -> Result<Rc<Node>, NotYaml> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(NotYaml::at(line, "too many values"));
        }
        let marker = match value {
            Value::Scalar(_) => self.markers.get(&line).cloned(),
            _ => None,
        };
        debug_assert!(line >= self.first_line);
        Ok(Rc::new(Node {
            value,
            file: Rc::clone(self.file),
            line,
            quoted,
            marker,
        }))
    }

    fn anchor(&mut self, anchor: usize, node: &Rc<Node>) {
        // The parser numbers anchors from 1.
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(node));
        }
    }
}

struct Open {
    value: Value,
    line: u32,
    anchor: usize,
    /// `None`: the next value is a key. `Some(None)`: the key was no scalar, its value is dropped.
    key: Option<Option<Rc<str>>>,
}

impl Open {
    fn new(value: Value, line: u32, anchor: usize) -> Self {
        Self {
            value,
            line,
            anchor,
            key: None,
        }
    }

    fn take(&mut self, node: Rc<Node>) {
        match &mut self.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match self.key.take() {
                None => {
                    self.key = Some(match &node.value {
                        Value::Scalar(text) => Some(Rc::clone(text)),
                        _ => None,
                    });
                }
                Some(Some(key)) if &*key == "<<" => merge_key(entries, &node),
                Some(Some(key)) => match entries.iter_mut().find(|(known, _)| *known == key) {
                    // The last of two equal keys counts, and an own key counts more than a merged one.
                    Some((_, old)) => *old = node,
                    None => entries.push((key, node)),
                },
                Some(None) => {}
            },
            Value::Scalar(_) => {}
        }
    }
}

/// `<<: *base`: entries that are not there yet come from the merged mapping or mappings.
fn merge_key(entries: &mut Vec<(Rc<str>, Rc<Node>)>, node: &Node) {
    for (key, value) in node.entries() {
        if !entries.iter().any(|(known, _)| known == key) {
            entries.push((Rc::clone(key), Rc::clone(value)));
        }
    }
    for item in node.items() {
        if item.is_mapping() {
            merge_key(entries, item);
        }
    }
}

/// The image policies that comments name, by line: `# {"$imagepolicy": "flux-system:api:tag"}` is `flux-system:api`.
fn markers(text: &str, first_line: u32) -> BTreeMap<u32, Rc<str>> {
    let mut markers = BTreeMap::new();
    if !text.contains("$imagepolicy") {
        return markers;
    }
    for (line, content) in (first_line..).zip(text.lines()) {
        if let Some(policy) = marker(content) {
            markers.insert(line, policy.into());
        }
    }
    markers
}

fn marker(line: &str) -> Option<String> {
    let (_, comment) = line.split_once('#')?;
    let (_, after) = comment.split_once("$imagepolicy")?;
    let (_, value) = after.split_once(':')?;
    let value = value.trim_start().strip_prefix(['"', '\''])?;
    let value = value.split(['"', '\'']).next()?;
    let mut parts = value.split(':');
    match (parts.next(), parts.next()) {
        (Some(namespace), Some(name)) if !namespace.is_empty() && !name.is_empty() => {
            Some(format!("{namespace}:{name}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Rc<Node>> {
        parse(&"f.yaml".into(), text, 1).unwrap()
    }

    #[test]
    fn every_value_knows_its_line() {
        let documents = read(
            "# top\nkind: Deployment\nspec:\n  image: a:1 # {\"$imagepolicy\": \"flux-system:api\"}\n---\nkind: Service\n",
        );
        assert_eq!(documents.len(), 2);
        let image = documents[0].at(&["spec", "image"]).unwrap();
        assert_eq!((image.line, image.text()), (4, Some("a:1")));
        assert_eq!(image.marker.as_deref(), Some("flux-system:api"));
        assert_eq!(documents[1].get("kind").unwrap().line, 6);
    }

    #[test]
    fn windows_line_ends_count_as_one() {
        let documents =
            read("kind: A\r\nspec:\r\n  tag: v1 # {\"$imagepolicy\": \"ns:p:tag\"}\r\n");
        let tag = documents[0].at(&["spec", "tag"]).unwrap();
        assert_eq!((tag.line, tag.text()), (3, Some("v1")));
        assert_eq!(tag.marker.as_deref(), Some("ns:p"));
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let documents = read("base: &b {tag: v1, name: x}\nuse:\n  <<: *b\n  name: y\nalso: *b\n");
        assert_eq!(documents[0].at(&["use", "tag"]).unwrap().text(), Some("v1"));
        assert_eq!(documents[0].at(&["use", "name"]).unwrap().text(), Some("y"));
        assert_eq!(
            documents[0].at(&["also", "name"]).unwrap().text(),
            Some("x")
        );
    }

    #[test]
    fn a_template_is_no_yaml_and_the_line_is_said() {
        let error = parse(&"f".into(), "a: 1\nb: {{ .Values.x }}\nc: {{- if }}\n", 1).unwrap_err();
        assert_eq!(error.line, 3, "{error}");
    }

    #[test]
    fn nothing_is_an_empty_list_and_null_is_empty() {
        assert!(read("").is_empty());
        assert!(read("# only a comment\n").is_empty());
        let documents = read("---\n---\na: ~\n");
        assert_eq!(documents.last().unwrap().text_at("a"), None);
    }

    #[test]
    fn hostile_nesting_is_refused() {
        let deep = "[".repeat(5_000);
        assert!(parse(&"f".into(), &deep, 1).is_err());
        let mut block = String::new();
        for depth in 0..300 {
            block.push_str(&" ".repeat(depth));
            block.push_str("a:\n");
        }
        assert!(parse(&"f".into(), &block, 1).is_err());
    }

    #[test]
    fn markers_in_every_spelling() {
        assert_eq!(
            marker("newTag: v1 # {\"$imagepolicy\": \"flux-system:api:tag\"}").as_deref(),
            Some("flux-system:api")
        );
        assert_eq!(
            marker("x: y # {'$imagepolicy': 'a:b'}").as_deref(),
            Some("a:b")
        );
        assert_eq!(marker("x: y # {\"$imagepolicy\": \"alone\"}"), None);
        assert_eq!(marker("x: \"$imagepolicy\""), None);
    }

    #[test]
    fn text_in_text_counts_from_its_own_line() {
        let documents = parse(&"f".into(), "a: 1\nb: 2\n", 10).unwrap();
        assert_eq!(documents[0].get("b").unwrap().line, 11);
    }

    #[test]
    fn a_block_scalar_begins_on_its_first_line_of_content() {
        let documents = read("data:\n  values.yaml: |\n    image:\n      tag: v1\n");
        let text = documents[0].at(&["data", "values.yaml"]).unwrap();
        assert_eq!(text.text(), Some("image:\n  tag: v1\n"));
        assert_eq!(text.line, 3);
        let documents = read("a: |-\n\n\n  image: x\n");
        let text = documents[0].get("a").unwrap();
        assert_eq!((text.text(), text.line), (Some("\n\nimage: x"), 4));
        assert_eq!(text.first_line_of("\n\nimage: x"), 2);
    }
}
