//! The report: what was gathered, as Markdown. Pure.
//!
//! Owns its order, its words and its length. What is foreign in it goes through the page as code, or through
//! [`Redaction::lines`] as a block.

mod objects;

use jiff::Timestamp;

use self::objects::{nodes, objects, siblings_of};
use super::Found;
use super::markdown::Page;
use super::object::{
    conditions, event_about, event_at, life, life_says, pod_state, restarts, secrets, statuses,
    text,
};
use super::redact::Redaction;

/// At most so many bytes of logs are in a report: what can be pasted somewhere, and be read.
const MOST_OF_LOGS: usize = 300_000;
/// At most so many bytes of everything else.
const MOST_OF_REST: usize = 300_000;
/// The most pods that are told of one by one.
const MOST_PODS: usize = 20;
/// The most lines of any list.
const MOST_LINES: usize = 60;

/// Writes one part of it.
type Section = fn(&mut Page<'_>, &Found, &Redaction);

/// Writes it.
pub(super) fn write(found: &Found) -> String {
    let seen = found
        .objects
        .iter()
        .map(|one| (one.object.kind.as_str(), &one.json));
    let siblings = found
        .siblings
        .iter()
        .map(|one| (one.object.kind.as_str(), &one.json));
    let pods = found.pods.iter().map(|pod| ("Pod", pod));
    let all = seen.chain(siblings).chain(pods);
    let redaction = Redaction::knowing(all.flat_map(|(kind, json)| secrets(kind, json)));
    let mut page = Page::new(&redaction);
    page.grow_to(MOST_OF_REST);
    head(&mut page, found);
    let sections: [Section; 8] = [
        answer,
        unread,
        pods_of,
        objects,
        events,
        changes,
        siblings_of,
        nodes,
    ];
    for section in sections {
        section(&mut page, found, &redaction);
    }
    let is_full = page.is_full();
    page.grow_to(page.len() + MOST_OF_LOGS);
    if is_full {
        page.line("");
        page.line("The rest of it is left out but for the logs: there is too much of it.");
    }
    logs(&mut page, found, &redaction);
    page.end()
}

fn head(page: &mut Page<'_>, found: &Found) {
    let (object, place) = (&found.object, &found.place);
    let title = format!("Diagnosis of {}", page.code(&object.to_string()));
    page.heading(1, &title);
    let cluster = format!("On {}, made {}.", page.code(&object.system), when(found.at));
    page.line(&cluster);
    if !place.app.is_empty() {
        let app = page.code(&place.app);
        let environment = match place.environment.as_str() {
            "" => "an environment that is not known".to_owned(),
            environment => page.code(environment),
        };
        page.line(&format!("It is of the app {app} in {environment}."));
    }
    page.line("");
    page.line(
        "What looks like a secret stands as (hidden), and no Secret's or ConfigMap's content was read. That is told by what \
         secrets look like: read this before you pass it on.",
    );
}

fn answer(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "The answer");
    if found.journeys.is_empty() {
        page.line(match found.place.app.as_str() {
            "" => {
                "It is of no app that is known here, so that there is no journey of a commit to it."
            }
            _ => "No journey of a commit to here is known.",
        });
    }
    for journey in &found.journeys {
        let said = page.sentence(&journey.headline);
        page.item(0, &said);
        if let Some(at) = journey.stale_since {
            page.item(1, &format!("the cluster stopped answering at {}", when(at)));
        }
        if let Some(cause) = &journey.cause {
            let said = page.sentence(&cause.sentence);
            let root = page.code(&cause.object.to_string());
            page.item(
                1,
                &format!("cause ({}), in {root}: {said}", page.code(&cause.code)),
            );
            let remedy = page.words(&cause.remedy);
            page.item(1, &format!("what mends it: {remedy}"));
        }
        for note in &journey.notes {
            let note = page.sentence(note);
            page.item(1, &note);
        }
        for link in &journey.chain {
            let line = format!(
                "{}: {}",
                page.code(&link.object.to_string()),
                page.code(&link.says)
            );
            page.item(1, &line);
        }
        if let Some(next) = &journey.next_attempt {
            let at = next
                .at
                .map(|at| format!(" at {}", when(at)))
                .unwrap_or_default();
            let line = format!(
                "next{at}: {} {}",
                page.code(&next.who.to_string()),
                page.words(&next.what)
            );
            page.item(1, &line);
        }
        for one in journey.evidence.iter().take(MOST_LINES) {
            let at = one
                .at
                .map(|at| format!(" ({})", when(at)))
                .unwrap_or_default();
            let line = format!(
                "read in {}, {}{at}: {}",
                page.code(&one.object.to_string()),
                page.code(&one.field),
                page.code(&one.value)
            );
            page.item(1, &line);
        }
    }
}

fn unread(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "What could not be read");
    if found.unread.is_empty() {
        page.line("Everything that was asked for was read.");
    }
    for why in found.unread.iter().take(MOST_LINES) {
        let why = page.code(why);
        page.item(0, &why);
    }
    more(page, found.unread.len(), MOST_LINES);
}

fn pods_of(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "Pods");
    if found.pods.is_empty() {
        page.line("None is known.");
    }
    for pod in found.pods.iter().take(MOST_PODS) {
        let (name, node) = (text(pod, "/metadata/name"), text(pod, "/spec/nodeName"));
        let on = match node {
            "" => "on no node yet".to_owned(),
            node => format!("on {}", page.code(node)),
        };
        let state = pod_state(pod).1;
        let line = format!("{} {on}: {}", page.code(name), page.code(&state));
        page.item(0, &line);
        let message = text(pod, "/status/message");
        if !message.is_empty() {
            let message = page.code(message);
            page.item(1, &message);
        }
        for condition in conditions(pod).iter().filter(|one| one.status == "False") {
            if !condition.message.is_empty() {
                let line = format!(
                    "{}: {}",
                    page.code(condition.kind),
                    page.code(condition.message)
                );
                page.item(1, &line);
            }
        }
        for status in statuses(pod).take(20) {
            let mut line = format!(
                "{}: {}, {}",
                page.code(text(status, "/name")),
                page.code(&life(&status["state"])),
                restarted(restarts(status))
            );
            if status.pointer("/lastState/terminated").is_some() {
                line.push_str(&format!(
                    ", before: {}",
                    page.code(&life(&status["lastState"]))
                ));
            }
            page.item(1, &line);
            let image = format!("image {}", page.code(text(status, "/image")));
            page.item(2, &image);
            for state in ["state", "lastState"] {
                let says = life_says(&status[state]);
                if !says.is_empty() {
                    let says = page.code(says);
                    page.item(2, &says);
                }
            }
        }
    }
    more(page, found.pods.len(), MOST_PODS);
}

fn events(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "Events, the newest first");
    if found.events.is_empty() {
        page.line("There are none of these objects: a cluster forgets them after about an hour.");
    }
    for event in &found.events {
        let at = event_at(event).map_or_else(|| "at an unknown time".to_owned(), when);
        let (kind, name) = event_about(event);
        let count = event["count"].as_u64().filter(|count| *count > 1);
        let count = count
            .map(|count| format!(" ({count} times)"))
            .unwrap_or_default();
        let message = match text(event, "/message") {
            "" => text(event, "/note"),
            message => message,
        };
        let line = format!(
            "{at} {} {} on {}{count}: {}",
            page.code(text(event, "/type")),
            page.code(text(event, "/reason")),
            page.code(&format!("{kind} {name}")),
            page.code(message)
        );
        page.item(0, &line);
    }
}

fn changes(page: &mut Page<'_>, found: &Found, _: &Redaction) {
    page.heading(2, "What changed, the newest first");
    if found.changes.is_empty() {
        page.line("Nothing is known to have changed.");
    }
    for change in &found.changes {
        let latest = if change.at_latest { " or before" } else { "" };
        let by = change
            .by
            .as_ref()
            .map(|by| format!(", by {}", page.code(by.name())));
        let line = format!(
            "{}{latest}: {} of {}{}",
            when(change.at),
            page.sentence(&change.sentence),
            page.code(&change.object.to_string()),
            by.unwrap_or_default()
        );
        page.item(0, &line);
        for (words, commit) in [
            ("built from", &change.commit),
            ("brought by", &change.release),
        ] {
            let Some(commit) = commit else { continue };
            let line = format!(
                "{words} {} of {} ({}, {})",
                page.code(api::headline::short(&commit.sha)),
                page.code(&commit.repository),
                page.code(&commit.subject),
                page.code(&commit.author)
            );
            page.item(1, &line);
        }
    }
}

fn logs(page: &mut Page<'_>, found: &Found, redaction: &Redaction) {
    page.heading(2, "Logs");
    if found.logs.is_empty() {
        page.line("No container has one, or none could be read.");
    }
    let begins = page.len();
    for log in &found.logs {
        let life = match log.of.previous {
            true => "the life before",
            false => "the present life",
        };
        let title = format!(
            "{} {}: {life}",
            page.code(&log.of.pod),
            page.code(&log.of.container)
        );
        page.heading(3, &title);
        let tail = match &log.read {
            Ok(tail) if tail.lines.is_empty() => {
                page.line("It said nothing.");
                continue;
            }
            Ok(tail) => tail,
            Err(why) => {
                let why = page.code(why);
                page.line(&format!("Not read: {why}"));
                continue;
            }
        };
        let lines = redaction.lines(&tail.lines);
        let room = MOST_OF_LOGS.saturating_sub(page.len().saturating_sub(begins));
        let mut taken = 0;
        // The end says why: what there is no room for is left out at the beginning.
        let fits = lines.iter().rev().take_while(|line| {
            taken += line.len() + 1;
            taken <= room
        });
        let fits = fits.count();
        if fits < lines.len() {
            page.line(&format!(
                "{} lines before these are left out: there is too much of it.",
                lines.len() - fits
            ));
            page.line("");
        }
        if tail.cut {
            page.line("Its very end is missing: the lines before it are too long.");
            page.line("");
        }
        page.block(lines.get(lines.len() - fits..).unwrap_or_default());
    }
}

fn more(page: &mut Page<'_>, all: usize, shown: usize) {
    if all > shown {
        page.item(0, &format!("and {} more", all - shown));
    }
}

fn restarted(times: u64) -> String {
    match times {
        0 => "never restarted".to_owned(),
        1 => "restarted once".to_owned(),
        times => format!("restarted {times} times"),
    }
}

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
