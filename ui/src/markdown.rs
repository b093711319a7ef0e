//! A journey as Markdown, to paste into a chat or an issue.
//!
//! Owns the text and its escaping. Foreign words go into code spans, where nothing in them is markup or a mention;
//! times are exact, because whoever reads it reads it later.

use std::fmt::Write as _;

use api::headline::{Sentence, Span, plain, short};
use api::journey::{Journey, StageState};
use api::object::ObjectRef;

use crate::{time, words};

/// The longest quote or value that is copied; the window has the whole one.
const LONGEST: usize = 600;

/// A journey as Markdown.
pub fn journey(journey: &Journey) -> String {
    let mut out = format!("**{}**\n", sentence(&journey.headline));
    for note in &journey.notes {
        line(&mut out, &format!("> {}", sentence(note)));
    }
    out.push('\n');
    if let Some(commit) = &journey.commit {
        line(
            &mut out,
            &format!(
                "- Commit: {} {} by {}, {}",
                code(&commit.sha),
                escape(&commit.subject),
                escape(&commit.author),
                time::exact(commit.at, 0)
            ),
        );
    }
    let stage = journey
        .blocking_stage
        .map(|stage| format!(" at {}", stage.name()))
        .unwrap_or_default();
    line(
        &mut out,
        &format!(
            "- {} in {} (cluster {}): {}{stage}",
            escape(&journey.app),
            escape(&journey.environment),
            escape(&journey.cluster),
            words::state(journey.state),
        ),
    );
    if let Some(at) = journey.stale_since {
        line(
            &mut out,
            &format!(
                "- The cluster last answered at {}; this is what was known then",
                time::exact(at, 0)
            ),
        );
    }
    if let Some(running) = &journey.running {
        let version = running
            .commit
            .as_ref()
            .map_or_else(|| code(&running.image), |commit| code(short(&commit.sha)));
        line(
            &mut out,
            &format!(
                "- Runs now: {version}, {} ({} of {} ready)",
                words::health(running.health),
                running.ready,
                running.wanted
            ),
        );
    }
    for link in &journey.chain {
        let says = escape(&link.says);
        if link.root {
            line(&mut out, &format!("- **{}: {says}**", object(&link.object)));
        } else {
            line(&mut out, &format!("- {}: {says}", object(&link.object)));
        }
    }
    if let Some(cause) = &journey.cause {
        let since = cause
            .since
            .map(|at| format!(", since {}", time::exact(at, 0)))
            .unwrap_or_default();
        line(
            &mut out,
            &format!(
                "- Cause: {} ({}{since})",
                sentence(&cause.sentence),
                code(&cause.code)
            ),
        );
        if !cause.remedy.is_empty() {
            line(
                &mut out,
                &format!("- What would help: {}", escape(&cause.remedy)),
            );
        }
    }
    if let Some(next) = &journey.next_attempt {
        let when = next
            .at
            .map(|at| format!(" at {}", time::exact(at, 0)))
            .unwrap_or_default();
        line(
            &mut out,
            &format!("- Next: {} {}{when}", object(&next.who), escape(&next.what)),
        );
    }
    let stages: Vec<String> = journey
        .stages
        .iter()
        .map(|stage| {
            let why = match &stage.state {
                StageState::Skipped { why } | StageState::Unknown { why } if !why.is_empty() => {
                    format!(" ({})", escape(why))
                }
                _ => String::new(),
            };
            format!("{} {}{why}", stage.kind.name(), words::stage_state(stage).0)
        })
        .collect();
    if !stages.is_empty() {
        line(&mut out, &format!("- Stages: {}", stages.join(", ")));
    }
    if !journey.evidence.is_empty() {
        out.push_str("\nEvidence:\n\n");
    }
    for evidence in &journey.evidence {
        let at = evidence
            .at
            .map(|at| format!(" ({})", time::exact(at, 0)))
            .unwrap_or_default();
        line(
            &mut out,
            &format!(
                "- {} {}: {}{at}",
                object(&evidence.object),
                code(&evidence.field),
                code(&evidence.value)
            ),
        );
    }
    out
}

/// Adds a line. Writing to a String cannot fail.
fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// A sentence's spans.
fn sentence(sentence: &Sentence) -> String {
    sentence
        .0
        .iter()
        .map(|span| match span {
            Span::Words { text } | Span::Name { text } => escape_keeping_ends(text),
            Span::Object { object: it } => object(it),
            Span::Commit { sha, .. } => code(short(sha)),
            Span::Quote { text } => code(text),
            Span::Instant { at } => time::exact(*at, 0),
        })
        .collect()
}

/// An object: its kind, and its name in a code span.
fn object(object: &ObjectRef) -> String {
    let name = if object.namespace.is_empty() {
        object.name.clone()
    } else {
        format!("{}/{}", object.namespace, object.name)
    };
    format!("{} {}", escape(&object.kind), code(&name))
}

/// Text in a code span that nothing in the text can end.
fn code(text: &str) -> String {
    let text = plain(text, LONGEST);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if text.is_empty() {
        "`(empty)`".to_owned()
    } else if text.starts_with('`') || text.ends_with('`') {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// Text in which nothing is markup: one line, with what Markdown and chats give a meaning escaped.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text, LONGEST).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // A name like @here would call people.
            '@' => out.push_str("@\u{2060}"),
            _ => out.push(c),
        }
    }
    out
}

/// As [`escape`], but our own words keep the spaces around them.
fn escape_keeping_ends(text: &str) -> String {
    let (before, after) = (
        if text.starts_with(' ') { " " } else { "" },
        if text.ends_with(' ') && text.trim() != "" {
            " "
        } else {
            ""
        },
    );
    format!("{before}{}{after}", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::journey::{Cause, ChainLink, Evidence, Stage, StageKind, State};

    fn blocked() -> Journey {
        let release = ObjectRef::new("prod", "HelmRelease", "ingress", "ingress-nginx");
        Journey {
            app: "checkout".to_owned(),
            environment: "production".to_owned(),
            cluster: "prod".to_owned(),
            commit: None,
            state: State::Blocked,
            headline: Sentence::default()
                .name("check_out")
                .words(" is not in production: ")
                .object(&release)
                .words(" failed ")
                .instant("2026-11-21T11:46:00Z".parse().unwrap()),
            notes: vec![],
            blocking_stage: Some(StageKind::Apply),
            cause: Some(Cause {
                code: "apply-immutable-field".to_owned(),
                stage: StageKind::Apply,
                object: release.clone(),
                sentence: Sentence::default().quote("a `b` <!channel>\n@here"),
                remedy: "Recreate the object.".to_owned(),
                since: None,
                version: None,
                workload: None,
            }),
            acts: vec![],
            other_causes: vec![],
            chain: vec![ChainLink {
                object: release.clone(),
                says: "upgrade failed".to_owned(),
                root: true,
            }],
            evidence: vec![Evidence {
                object: release,
                field: "status.conditions[Released].message".to_owned(),
                value: "``".to_owned(),
                at: None,
            }],
            next_attempt: None,
            running: None,
            stages: vec![Stage {
                kind: StageKind::Pods,
                state: StageState::Unknown {
                    why: "list pods: forbidden".to_owned(),
                },
                since: None,
                took_seconds: None,
                usual: None,
                summary: Sentence::default(),
                evidence: vec![],
            }],
            lead_time: None,
            stale_since: None,
            pending: false,
        }
    }

    #[test]
    fn a_journey_reads_as_a_person_would_write_it() {
        let text = journey(&blocked());
        assert_eq!(
            text,
            "**check\\_out is not in production: HelmRelease `ingress/ingress-nginx` failed 2026-11-21 11:46:00 UTC**\n\
             \n\
             - checkout in production (cluster prod): blocked at apply\n\
             - **HelmRelease `ingress/ingress-nginx`: upgrade failed**\n\
             - Cause: ``a `b` <!channel> @here`` (`apply-immutable-field`)\n\
             - What would help: Recreate the object.\n\
             - Stages: pods unknown (list pods: forbidden)\n\
             \n\
             Evidence:\n\
             \n\
             - HelmRelease `ingress/ingress-nginx` `status.conditions[Released].message`: ``` `` ```\n"
        );
    }

    #[test]
    fn foreign_text_cannot_become_markup_or_call_people() {
        assert_eq!(
            escape("*hi* <b>@here</b> #1"),
            "\\*hi\\* \\<b\\>@\u{2060}here\\</b\\> \\#1"
        );
        assert_eq!(code(""), "`(empty)`");
    }
}
