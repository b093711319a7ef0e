//! The parts of a report that are of whole objects: the one that is asked about, those around it, nodes, and its likes elsewhere.

use super::super::compare::{Difference, Shown, differences};
use super::super::markdown::Page;
use super::super::object::{
    comes_from, conditions, containers, pod_spec, takes, telling, text, variables,
};
use super::super::redact::Redaction;
use super::super::{Found, Is, Seen};
use super::{MOST_LINES, more};

pub fn objects(page: &mut Page<'_>, found: &Found, redaction: &Redaction) {
    page.heading(2, "The object, and what owns and applies it");
    if found.objects.is_empty() {
        page.line("Nothing of it could be read.");
    }
    for seen in &found.objects {
        let title = format!(
            "{}: {}",
            page.code(&seen.object.to_string()),
            seen.is.words()
        );
        page.heading(3, &title);
        for (name, value) in telling(&seen.json) {
            let line = format!("{name}: {}", page.code(&value));
            page.item(0, &line);
        }
        condition_list(page, &seen.json);
        if matches!(seen.is, Is::Itself | Is::Workload | Is::Owner) {
            template(page, seen, redaction);
        }
    }
}

fn condition_list(page: &mut Page<'_>, json: &serde_json::Value) {
    for condition in conditions(json).iter().take(MOST_LINES) {
        let mut line = format!(
            "condition {} is {}",
            page.code(condition.kind),
            page.code(condition.status)
        );
        if !condition.since.is_empty() {
            line.push_str(&format!(" since {}", page.code(condition.since)));
        }
        if !condition.reason.is_empty() {
            line.push_str(&format!(", {}", page.code(condition.reason)));
        }
        if !condition.message.is_empty() {
            line.push_str(&format!(": {}", page.code(condition.message)));
        }
        page.item(0, &line);
    }
}

/// What its pods are made of.
fn template(page: &mut Page<'_>, seen: &Seen, redaction: &Redaction) {
    let Some(spec) = pod_spec(&seen.object.kind, &seen.json) else {
        return;
    };
    for container in containers(spec).take(20) {
        let line = format!(
            "container {} of {}",
            page.code(text(container, "/name")),
            page.code(text(container, "/image"))
        );
        page.item(0, &line);
        for variable in variables(container).take(MOST_LINES) {
            let value = match (variable.from, variable.value) {
                (Some(from), _) => format!("from {}", page.code(&comes_from(from))),
                (None, Some("")) => "is empty".to_owned(),
                (None, value) => match redaction.value(variable.name, value.unwrap_or_default()) {
                    Some(value) => format!("= {}", page.code(&value)),
                    None => "= (hidden)".to_owned(),
                },
            };
            let line = format!("variable {} {value}", page.code(variable.name));
            page.item(1, &line);
        }
        more(page, variables(container).count(), MOST_LINES);
    }
    for taken in takes(spec).iter().take(MOST_LINES) {
        let line = format!("takes {}", page.code(taken));
        page.item(0, &line);
    }
}

pub fn siblings_of(page: &mut Page<'_>, found: &Found, redaction: &Redaction) {
    page.heading(2, "Where it is well, and what differs");
    let mine = found
        .objects
        .iter()
        .filter(|seen| matches!(seen.is, Is::Itself | Is::Owner | Is::Workload))
        .rfind(|seen| pod_spec(&seen.object.kind, &seen.json).is_some());
    let Some(mine) = mine.filter(|_| !found.siblings.is_empty()) else {
        page.line(
            "There is no other place to compare it with, where all its pods are known to be ready.",
        );
        return;
    };
    for sibling in &found.siblings {
        let title = format!(
            "{}: {} on {}",
            page.code(&sibling.environment),
            page.code(&sibling.object.to_string()),
            page.code(&sibling.object.system)
        );
        page.heading(3, &title);
        let there = (sibling.object.kind.as_str(), &sibling.json);
        let found = differences(&mine.object.kind, &mine.json, there, redaction);
        if found.is_empty() {
            page.line("Nothing differs of images, wanted pods, resources, variables and what configuration is taken.");
        }
        for Difference { what, here, there } in found.iter().take(MOST_LINES) {
            let side = |shown: &Option<Shown>| match shown {
                None => "nothing".to_owned(),
                Some(Shown::Hidden) => "(hidden)".to_owned(),
                Some(Shown::Plain(value)) => page.code(value),
            };
            let line = format!(
                "{}: {} here, {} there",
                page.code(what),
                side(here),
                side(there)
            );
            page.item(0, &line);
        }
        more(page, found.len(), MOST_LINES);
    }
}

pub fn nodes(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "Nodes of the pods");
    if found.nodes.is_empty() {
        page.line("None is known.");
    }
    for node in &found.nodes {
        let title = page.code(text(node, "/metadata/name"));
        page.heading(3, &title);
        if node.pointer("/spec/unschedulable") == Some(&true.into()) {
            page.item(0, "it takes no new pods (cordoned)");
        }
        condition_list(page, node);
    }
}
