//! Inputs: what a person said, held against what the action asks for.
//!
//! Owns the check and its words. A value that passes is what it was: a quote, a brace or a `$(` in it stays one.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use crate::action::{Action, Input, InputKind, Value};
use crate::within::Within;

/// The values by their inputs' names.
pub type Inputs = BTreeMap<String, Value>;

/// A larger compiled expression than this is nobody's pattern; matching takes time in proportion to the text.
const LARGEST_PATTERN: usize = 1024 * 1024;

/// Something that was said and is not what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input}: {}", .said.as_deref().map_or_else(|| wanted.clone(), |said| format!("{said} is not {wanted}")))]
pub struct InputError {
    /// The input's name.
    pub input: String,
    /// What was said, quoted and cut; absent where nothing was, or where it may be a secret.
    pub said: Option<String>,
    /// What is wanted.
    pub wanted: String,
}

/// What was typed, as values; what was not, as the file says.
///
/// # Errors
/// Everything that is not what is asked for.
pub fn check(action: &Action, said: &BTreeMap<String, String>) -> Result<Inputs, Vec<InputError>> {
    let mut inputs = Inputs::new();
    let mut errors = Vec::new();
    for input in &action.inputs {
        let value = match (said.get(&input.name), &input.default) {
            (Some(said), _) => {
                typed(&input.is, said).map_err(|wanted| refused(input, said, &wanted))
            }
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(InputError {
                input: input.name.clone(),
                said: None,
                wanted: format!("nothing was said, and {} is wanted", wanted(&input.is)),
            }),
        };
        match value {
            Ok(value) => {
                inputs.insert(input.name.clone(), value);
            }
            Err(error) => errors.push(error),
        }
    }
    let known = |name: &String| action.inputs.iter().any(|input| input.name == *name);
    for name in said.keys().filter(|name| !known(name)) {
        let known: Vec<&str> = action
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let known = match known.as_slice() {
            [] => "it asks for nothing".to_owned(),
            known => format!("it asks for {}", known.join(", ")),
        };
        errors.push(InputError {
            input: crate::read::quoted(name),
            said: None,
            wanted: format!("{} does not ask for this: {known}", action.id),
        });
    }
    if errors.is_empty() {
        Ok(inputs)
    } else {
        Err(errors)
    }
}

fn refused(input: &Input, said: &str, wanted: &str) -> InputError {
    let is_secret = looks_secret(&input.name)
        || looks_secret(&input.ask)
        || is_token(said)
        || crate::step::holds_secret(said);
    let (said, wanted) = if is_secret {
        let wanted = format!("what was said is not shown, and is not {wanted}");
        (None, wanted)
    } else {
        (Some(crate::read::quoted(said)), wanted.to_owned())
    };
    InputError {
        input: input.name.clone(),
        said,
        wanted,
    }
}

/// What is typed, as a value of a kind; what is wanted, where it is none.
pub(crate) fn typed(is: &InputKind, said: &str) -> Result<Value, String> {
    let fits = match is {
        InputKind::Text {
            pattern: expression,
            longest,
        } => {
            if said.chars().any(is_hidden) {
                return Err("one line of text without control characters".to_owned());
            }
            if said.chars().count() > *longest {
                return Err(wanted(is));
            }
            match expression {
                Some(expression) => pattern(expression)?.is_match(said),
                None => !said.is_empty(),
            }
        }
        InputKind::Number { least, most } => {
            let number = said.parse().ok();
            return number
                .filter(|number| (least..=most).contains(&number))
                .map(Value::Number)
                .ok_or_else(|| wanted(is));
        }
        InputKind::Choice { of } => of.iter().any(|word| word == said),
        InputKind::Duration { most } => said.parse::<Within>().is_ok_and(|said| said <= *most),
        InputKind::Object { .. } => is_object_name(said),
    };
    if fits {
        Ok(Value::Text(said.to_owned()))
    } else {
        Err(wanted(is))
    }
}

/// What is wanted of a kind of input, as a sentence names it.
pub(crate) fn wanted(is: &InputKind) -> String {
    match is {
        InputKind::Text {
            pattern: Some(pattern),
            longest,
        } => format!("text of at most {longest} characters that matches {pattern}"),
        InputKind::Text { longest, .. } => format!("text of 1 to {longest} characters"),
        InputKind::Number { least, most } => format!("a whole number from {least} to {most}"),
        InputKind::Choice { of } => format!("one of {}", of.join(", ")),
        InputKind::Duration { most } => {
            format!("a length of time of at most {most}, such as 30s, 10m or 2h")
        }
        InputKind::Object { kind } => format!("the name of a {}", kind.name()),
    }
}

/// An expression that all of a text has to match.
///
/// # Errors
/// Why it is none.
pub(crate) fn pattern(expression: &str) -> Result<Regex, String> {
    let compile = |expression: &str| {
        RegexBuilder::new(expression)
            .size_limit(LARGEST_PATTERN)
            .build()
            .map_err(|error| {
                // The error draws the expression over several lines, and says what is wrong in its last.
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default();
                let last = last.trim().trim_start_matches("error: ");
                format!(
                    "{} is no regular expression: {last}",
                    crate::read::quoted(expression)
                )
            })
    };
    // Alone first: `a)|(b` is an expression only between the parentheses that follow.
    compile(expression)?;
    compile(&format!(r"\A(?:{expression})\z"))
}

/// Whether a character changes a text's look without being seen.
pub(crate) fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether a text can be the name of an object: a DNS subdomain.
fn is_object_name(text: &str) -> bool {
    let part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(inner)
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// Whether a name or a question is one of a secret.
fn looks_secret(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "password",
        "passwort",
        "secret",
        "token",
        "credential",
        "api key",
        "apikey",
    ];
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// Whether a text looks like a token, a key or a hash, as nobody types one by mistake for a number.
fn is_token(text: &str) -> bool {
    const BEGINNINGS: [&str; 8] = [
        "ghp_",
        "gho_",
        "github_pat_",
        "glpat-",
        "xox",
        "AKIA",
        "eyJ",
        "-----BEGIN",
    ];
    let is_long = text
        .split(|letter: char| letter.is_whitespace())
        .any(|word| word.len() >= 20 && word.bytes().any(|byte| byte.is_ascii_digit()));
    is_long
        || BEGINNINGS
            .iter()
            .any(|beginning| text.trim_start().starts_with(beginning))
}

#[cfg(test)]
mod tests;
