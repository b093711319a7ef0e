//! The forge's words for places in files, as the runbook has them, which knows no forge.

use forge::edit;
use runbook::git::{Form, Place, Wanted};

/// What a plan looks for, as the forge is asked.
pub fn wanted(wanted: &Wanted) -> edit::Wanted {
    match wanted {
        Wanted::Image(repository) => edit::Wanted::Image(repository.clone()),
        Wanted::Policy(policy) => edit::Wanted::Policy(policy.clone()),
        Wanted::Chart(release) => edit::Wanted::Chart(release.clone()),
        Wanted::Source(name) => edit::Wanted::Source(name.clone()),
    }
}

/// A place, as a plan keeps it.
pub fn place(place: &edit::Place) -> Place {
    Place {
        file: place.file.clone(),
        line: place.line,
        document: place.document,
        path: place.path.iter().map(step).collect(),
        form: form(place.form),
        value: place.value.clone(),
        marker: place.marker.clone(),
    }
}

fn step(step: &edit::Step) -> String {
    match step {
        edit::Step::Key(key) => key.clone(),
        edit::Step::Item(number) => format!("[{number}]"),
        edit::Step::Text(document) => format!("|{document}"),
    }
}

fn form(form: edit::Form) -> Form {
    match form {
        edit::Form::Tag => Form::Tag,
        edit::Form::Digest => Form::Digest,
        edit::Form::Image => Form::Image,
        edit::Form::ChartVersion => Form::ChartVersion,
        edit::Form::SourceTag => Form::SourceTag,
        edit::Form::SourceDigest => Form::SourceDigest,
        edit::Form::SourceRange => Form::SourceRange,
    }
}
