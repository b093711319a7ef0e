//! What has to hold in an action beside its form: one table.

use std::collections::BTreeSet;

use crate::action::{
    Action, ActionStep, Input, InputKind, Parameter, Step, TargetKind, Undo, Value,
};
use crate::input;

use super::{Part, quoted};

/// What is broken: the way to it, and what is wrong with it.
pub(super) type Broken = Vec<(Vec<Part>, String)>;

type Rule = fn(&Action, &mut Broken);

/// The rules, in the order in which a file is read.
const RULES: [Rule; 14] = [
    version,
    names_itself,
    says_something,
    has_roles,
    has_kinds,
    has_steps,
    inputs_are_named,
    inputs_can_be_answered,
    defaults_fit,
    inputs_are_used,
    parameters_fit,
    picks_fit,
    steps_fit_what_they_are_done_to,
    undo_and_limits,
];

/// Everything that is broken.
pub(super) fn broken(action: &Action) -> Broken {
    let mut broken = Vec::new();
    for rule in RULES {
        rule(action, &mut broken);
    }
    broken
}

/// The most steps, inputs, or words of one list.
const MOST: usize = 50;

fn key(name: &str) -> Part {
    Part::Key(name.to_owned())
}

fn version(action: &Action, broken: &mut Broken) {
    if action.version != 1 {
        let says = format!("{} is not known: this Landfall reads 1", action.version);
        broken.push((vec![key("version")], says));
    }
}

fn names_itself(action: &Action, broken: &mut Broken) {
    let id = &action.id;
    let fits =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let begins = id.starts_with(|first: char| first.is_ascii_lowercase());
    if !begins || id.ends_with('-') || id.len() > 50 || !id.chars().all(fits) {
        let says = format!(
            "{} is no id: at most 50 small letters, digits and dashes, the first a letter",
            quoted(id)
        );
        broken.push((vec![key("id")], says));
    }
}

/// Whether a text is a line that a person can read.
fn line(text: &str, longest: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("nothing is said".to_owned())
    } else if text.chars().any(char::is_control) {
        Err("it is one line, without control characters".to_owned())
    } else if text.chars().count() > longest {
        Err(format!("it is longer than {longest} characters"))
    } else {
        Ok(())
    }
}

fn says_something(action: &Action, broken: &mut Broken) {
    let mut check = |way: Vec<Part>, text: &str, longest| {
        if let Err(says) = line(text, longest) {
            broken.push((way, says));
        }
    };
    check(vec![key("title")], &action.title, 60);
    check(vec![key("about")], &action.about, 500);
    for (place, input) in action.inputs.iter().enumerate() {
        let way = vec![key("inputs"), Part::Item(place), key("ask")];
        check(way, &input.ask, 200);
    }
    if let Undo::Not(why) = &action.undo {
        check(vec![key("undo"), key("not")], why, 500);
    }
}

/// Words of a list: each says something, and is there once.
fn words(list: &[String], way: &[Part], broken: &mut Broken) {
    let mut seen = BTreeSet::new();
    if list.len() > MOST {
        broken.push((way.to_vec(), format!("more than {MOST} are here")));
    }
    for (place, word) in list.iter().enumerate() {
        let way = || [way, &[Part::Item(place)]].concat();
        if let Err(says) = line(word, 100) {
            broken.push((way(), says));
        } else if !seen.insert(word) {
            broken.push((way(), format!("{} is here twice", quoted(word))));
        }
    }
}

fn has_roles(action: &Action, broken: &mut Broken) {
    if action.roles.is_empty() {
        let says = "it is offered to nobody: at least one role is named".to_owned();
        broken.push((vec![key("roles")], says));
    }
    words(&action.roles, &[key("roles")], broken);
}

fn has_kinds(action: &Action, broken: &mut Broken) {
    let way = |field| vec![key("on"), key(field)];
    if action.on.kinds.is_empty() {
        let says = "it is offered for nothing: at least one kind is named".to_owned();
        broken.push((way("kinds"), says));
    }
    let kinds: Vec<String> = action
        .on
        .kinds
        .iter()
        .map(|kind| kind.name().to_owned())
        .collect();
    words(&kinds, &way("kinds"), broken);
    words(&action.on.environments, &way("environments"), broken);
    words(&action.on.apps, &way("apps"), broken);
}

fn has_steps(action: &Action, broken: &mut Broken) {
    let says = match action.steps.len() {
        0 => "it does nothing: at least one step is named".to_owned(),
        steps if steps > MOST => format!("more than {MOST} are here"),
        _ => return,
    };
    broken.push((vec![key("steps")], says));
}

fn inputs_are_named(action: &Action, broken: &mut Broken) {
    let mut seen = BTreeSet::new();
    if action.inputs.len() > MOST {
        broken.push((vec![key("inputs")], format!("more than {MOST} are here")));
    }
    for (place, input) in action.inputs.iter().enumerate() {
        let name = &input.name;
        let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            && name.len() <= 50;
        let says = if !fits {
            format!(
                "{} is no name: at most 50 letters, digits and dashes, the first a small letter",
                quoted(name)
            )
        } else if seen.insert(name) {
            continue;
        } else {
            format!("{} is the name of an input before it", quoted(name))
        };
        broken.push((vec![key("inputs"), Part::Item(place), key("name")], says));
    }
}

fn inputs_can_be_answered(action: &Action, broken: &mut Broken) {
    for (place, input) in action.inputs.iter().enumerate() {
        let way = |kind, field| {
            vec![
                key("inputs"),
                Part::Item(place),
                key("is"),
                key(kind),
                key(field),
            ]
        };
        match &input.is {
            InputKind::Text { pattern, longest } => {
                if let Some(pattern) = pattern
                    && let Err(says) = input::pattern(pattern)
                {
                    broken.push((way("text", "pattern"), says));
                }
                if !(1..=10_000).contains(longest) {
                    let says = format!("{longest} is not from 1 to 10000");
                    broken.push((way("text", "longest"), says));
                }
            }
            InputKind::Number { least, most } if least > most => {
                let says = format!("no number is from {least} to {most}");
                broken.push((way("number", "most"), says));
            }
            InputKind::Choice { of } => {
                if of.is_empty() {
                    let says = "there is nothing to choose from".to_owned();
                    broken.push((way("choice", "of"), says));
                }
                words(of, &way("choice", "of"), broken);
            }
            InputKind::Number { .. } | InputKind::Duration { .. } | InputKind::Object { .. } => {}
        }
    }
}

fn defaults_fit(action: &Action, broken: &mut Broken) {
    for (place, input) in action.inputs.iter().enumerate() {
        let Some(default) = &input.default else {
            continue;
        };
        if let InputKind::Text {
            pattern: Some(pattern),
            ..
        } = &input.is
            && input::pattern(pattern).is_err()
        {
            continue;
        }
        let said = match default {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        };
        if let Err(wanted) = input::typed(&input.is, &said) {
            let says = format!("{} is not {wanted}", quoted(&said));
            broken.push((vec![key("inputs"), Part::Item(place), key("default")], says));
        }
    }
}

/// What a parameter is of.
#[derive(Clone, Copy)]
enum Of {
    /// A number of pods.
    Pods,
    /// How a commit lands.
    Landing,
    /// A version, or an image's name.
    Text,
}

/// The parameters of a step, with their names.
fn parameters(step: &Step) -> Vec<(&'static str, &Parameter, Of)> {
    match step {
        Step::Scale { to, .. } | Step::EcsScale { to, .. } => vec![("to", to, Of::Pods)],
        Step::EcsSetTaskDefinition { to, .. } => vec![("to", to, Of::Text)],
        Step::SetVersion { to, by, image, .. } => {
            let mut all = vec![("to", to, Of::Text), ("by", by, Of::Landing)];
            all.extend(image.as_ref().map(|image| ("image", image, Of::Text)));
            all
        }
        _ => Vec::new(),
    }
}

/// The inputs that a step names, each with the way to where it does.
fn names(place: usize, step: &ActionStep) -> Vec<(Vec<Part>, &str)> {
    let way = vec![key("steps"), Part::Item(place)];
    let mut names = Vec::new();
    for (field, parameter, _) in parameters(&step.step) {
        if let Parameter::Input { input } = parameter {
            let below = [key(step.step.word().name), key(field), key("input")];
            names.push(([way.as_slice(), &below].concat(), input.as_str()));
        }
    }
    if let Some(pick) = &step.on {
        let below = [key("on"), key("input")];
        names.push(([way.as_slice(), &below].concat(), pick.input.as_str()));
    }
    names
}

fn inputs_are_used(action: &Action, broken: &mut Broken) {
    let mut used = BTreeSet::new();
    for (place, step) in action.steps.iter().enumerate() {
        for (way, name) in names(place, step) {
            if action.input(name).is_none() {
                let known: Vec<&str> = action
                    .inputs
                    .iter()
                    .map(|input| input.name.as_str())
                    .collect();
                let known = match known.as_slice() {
                    [] => "there are none".to_owned(),
                    known => format!("there is {}", known.join(", ")),
                };
                broken.push((way, format!("no input is called {}: {known}", quoted(name))));
            }
            used.insert(name);
        }
    }
    for (place, input) in action.inputs.iter().enumerate() {
        if !used.contains(input.name.as_str()) {
            let says = format!(
                "a person is asked for {}, and no step uses it",
                quoted(&input.name)
            );
            broken.push((vec![key("inputs"), Part::Item(place)], says));
        }
    }
}

fn parameters_fit(action: &Action, broken: &mut Broken) {
    for (place, step) in action.steps.iter().enumerate() {
        for (field, parameter, of) in parameters(&step.step) {
            let says = match of {
                Of::Pods => no_number_of_pods(action, parameter),
                Of::Landing => no_landing(action, parameter),
                Of::Text => no_text(action, parameter),
            };
            let way = [
                key("steps"),
                Part::Item(place),
                key(step.step.word().name),
                key(field),
            ];
            broken.extend(says.map(|says| (way.to_vec(), says)));
        }
    }
}

fn no_number_of_pods(action: &Action, parameter: &Parameter) -> Option<String> {
    Some(match parameter {
        Parameter::Fixed(Value::Number(0..=1000)) => return None,
        Parameter::Fixed(Value::Number(number)) => {
            format!("{number} is no number of pods: 0 to 1000 is")
        }
        Parameter::Fixed(Value::Text(text)) => {
            format!("{} is no number of pods: 0 to 1000 is", quoted(text))
        }
        Parameter::Input { input } => match &action.input(input)?.is {
            InputKind::Number {
                least: 0..,
                most: ..=1000,
            } => return None,
            InputKind::Number { .. } => {
                format!("the input {input:?} may be less than 0 or more than 1000 pods")
            }
            _ => format!("the input {input:?} is no number, and a number of pods is wanted"),
        },
    })
}

fn no_landing(action: &Action, parameter: &Parameter) -> Option<String> {
    let wrong = |text: &str| {
        let wrong = crate::step::landing(text).is_err();
        wrong.then(|| format!("{} is neither commit nor pullRequest", quoted(text)))
    };
    match parameter {
        Parameter::Fixed(Value::Text(text)) => wrong(text),
        Parameter::Fixed(Value::Number(number)) => wrong(&number.to_string()),
        Parameter::Input { input } => match &action.input(input)?.is {
            InputKind::Choice { of } => of.iter().find_map(|word| wrong(word)),
            _ => Some(format!(
                "the input {input:?} is no choice of commit and pullRequest"
            )),
        },
    }
}

fn no_text(action: &Action, parameter: &Parameter) -> Option<String> {
    match parameter {
        Parameter::Fixed(Value::Text(_)) => None,
        Parameter::Fixed(Value::Number(number)) => Some(format!(
            "{number} is a number, and text is wanted: it is put in quotes"
        )),
        Parameter::Input { input } => match &action.input(input)?.is {
            InputKind::Text { .. } | InputKind::Choice { .. } => None,
            _ => Some(format!(
                "the input {input:?} is no text, and text is wanted"
            )),
        },
    }
}

fn picks_fit(action: &Action, broken: &mut Broken) {
    for (place, step) in action.steps.iter().enumerate() {
        let Some(pick) = &step.on else { continue };
        let Some(input) = action.input(&pick.input) else {
            continue;
        };
        if !matches!(input.is, InputKind::Object { .. }) {
            let says = format!("the input {:?} chooses no object", pick.input);
            broken.push((vec![key("steps"), Part::Item(place), key("on")], says));
        }
    }
}

fn steps_fit_what_they_are_done_to(action: &Action, broken: &mut Broken) {
    for (place, step) in action.steps.iter().enumerate() {
        let word = step.step.word();
        let way = |field: Option<&str>| {
            let mut way = vec![key("steps"), Part::Item(place), key(word.name)];
            way.extend(field.map(key));
            way
        };
        let kinds = action.done_to(step);
        for kind in &kinds {
            if !word.kinds.contains(kind) {
                let fits: Vec<&str> = word.kinds.iter().map(|kind| kind.name()).collect();
                let says = format!(
                    "this is not done to a {}, only to {}",
                    kind.name(),
                    fits.join(", ")
                );
                broken.push((way(None), says));
            }
        }
        let Step::Reconcile {
            source_first,
            reset,
            ..
        } = step.step
        else {
            continue;
        };
        if reset && kinds.iter().any(|kind| *kind != TargetKind::HelmRelease) {
            let says = "only a HelmRelease counts failures that can be forgotten".to_owned();
            broken.push((way(Some("reset")), says));
        }
        let fed =
            |kind: &TargetKind| matches!(kind, TargetKind::Kustomization | TargetKind::HelmRelease);
        if source_first && !kinds.iter().any(fed) {
            let says = "only a Kustomization and a HelmRelease have a source".to_owned();
            broken.push((way(Some("sourceFirst")), says));
        }
    }
}

fn undo_and_limits(action: &Action, broken: &mut Broken) {
    if action.per_hour == Some(0) {
        let says = "it could never be run: the least is 1".to_owned();
        broken.push((vec![key("perHour")], says));
    }
}

impl Action {
    /// The input that is called so.
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// The kinds that one of its steps may be done to: the targets', or that of what is chosen.
    pub(crate) fn done_to(&self, step: &ActionStep) -> Vec<TargetKind> {
        match &step.on {
            None => self.on.kinds.clone(),
            Some(pick) => match self.input(&pick.input).map(|input| &input.is) {
                Some(InputKind::Object { kind }) => vec![*kind],
                _ => Vec::new(),
            },
        }
    }
}
