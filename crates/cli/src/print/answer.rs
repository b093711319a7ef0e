//! An answer in the terminal: the commit, then for each target the headline, the stages as a line, and the proof.

use std::fmt::Write;

use api::headline::short;
use api::time::{relative, short_duration};
use api::{Answer, Journey, Sentence};
use jiff::Timestamp;

use super::{acts, bold, dim, foreign, stage, state, styled, width, wrapped};

/// The whole answer as text.
pub fn answer(answer: &Answer, verbose: bool) -> String {
    let mut page = String::new();
    if let Some(commit) = &answer.commit {
        let _ = writeln!(
            page,
            "{} {}  {}",
            styled(bold(), short(&commit.sha)),
            foreign(&commit.subject, 120),
            styled(
                dim(),
                format!(
                    "{}, {}, {}",
                    foreign(&commit.author, 60),
                    relative(commit.at, answer.at),
                    foreign(&commit.repository, 100)
                )
            ),
        );
        page.push('\n');
    }
    for journey in &answer.journeys {
        write_journey(&mut page, journey, answer.at, verbose);
    }
    for unread in &answer.unread {
        let _ = writeln!(
            page,
            "{} {}",
            styled(super::yellow(), "?"),
            sentence(unread, answer.at)
        );
    }
    if answer.pending > 0 {
        let _ = writeln!(
            page,
            "{}",
            styled(
                dim(),
                format!("{} facts could not be read in time.", answer.pending)
            )
        );
    }
    page
}

/// A sentence as one line.
pub fn sentence(sentence: &Sentence, now: Timestamp) -> String {
    sentence.text(|at| relative(at, now))
}

/// What stands before every line of a journey but its first.
const INDENT: &str = "    ";

/// A line of a journey: what it says, and of what.
fn write_row(page: &mut String, width: usize, name: &str, text: &str) {
    let _ = writeln!(
        page,
        "{INDENT}{} {}",
        styled(dim(), format!("{name:<9}")),
        wrapped(text, width.saturating_sub(10), "              ")
    );
}

fn write_journey(page: &mut String, journey: &Journey, now: Timestamp, verbose: bool) {
    let (glyph, word, style) = state(journey.state);
    let width = width().saturating_sub(INDENT.len());
    let target = format!(
        "{} · {} · {}",
        foreign(&journey.app, 80),
        foreign(&journey.environment, 80),
        foreign(&journey.cluster, 80)
    );
    let _ = writeln!(
        page,
        "{} {}  {}",
        styled(style, glyph),
        styled(bold(), target),
        styled(style, word)
    );
    let _ = writeln!(
        page,
        "{INDENT}{}",
        wrapped(&sentence(&journey.headline, now), width, INDENT)
    );
    for note in &journey.notes {
        let _ = writeln!(
            page,
            "{INDENT}{}",
            styled(dim(), wrapped(&sentence(note, now), width, INDENT))
        );
    }
    let _ = writeln!(page, "{INDENT}{}", stage_line(journey));
    let mut row = |name: &str, text: String| write_row(page, width, name, &text);
    if !journey.chain.is_empty() {
        let links = journey.chain.iter().map(|link| {
            format!(
                "{} ({})",
                foreign(&link.object.to_string(), 120),
                foreign(&link.says, 120)
            )
        });
        row("because", links.collect::<Vec<_>>().join(" → "));
    }
    let shown = if verbose { journey.evidence.len() } else { 2 };
    for evidence in journey.evidence.iter().take(shown) {
        let when = evidence
            .at
            .map(|at| format!(", {}", relative(at, now)))
            .unwrap_or_default();
        let longest = if verbose { 4000 } else { 240 };
        row(
            "proof",
            format!(
                "{} {} = {}{when}",
                foreign(&evidence.object.to_string(), 160),
                evidence.field,
                foreign(&evidence.value, longest)
            ),
        );
    }
    if let Some(cause) = &journey.cause {
        row("to do", format!("{} [{}]", cause.remedy, cause.code));
    }
    for line in acts::lines(&journey.acts) {
        // Whole, on one line: it is copied.
        write_row(page, usize::MAX, "", &line);
    }
    let mut row = |name: &str, text: String| write_row(page, width, name, &text);
    if let Some(next) = &journey.next_attempt {
        let when = next
            .at
            .map(|at| format!(" {}", relative(at, now)))
            .unwrap_or_default();
        row(
            "next",
            format!(
                "{} {}{when}",
                foreign(&next.who.to_string(), 160),
                foreign(&next.what, 160)
            ),
        );
    }
    if let Some(running) = &journey.running {
        let commit = running.commit.as_ref().map_or_else(
            || foreign(&running.image, 160),
            |commit| short(&commit.sha).to_owned(),
        );
        let since = running
            .since
            .map(|at| format!(", since {}", relative(at, now)))
            .unwrap_or_default();
        row(
            "runs now",
            format!(
                "{commit}, {}, {} of {} ready{since}",
                health(running.health),
                running.ready,
                running.wanted
            ),
        );
    }
    if verbose {
        for stage in &journey.stages {
            row(stage.kind.name(), sentence(&stage.summary, now));
            for evidence in &stage.evidence {
                row(
                    "",
                    format!(
                        "{} {} = {}",
                        foreign(&evidence.object.to_string(), 160),
                        evidence.field,
                        foreign(&evidence.value, 4000)
                    ),
                );
            }
        }
    }
    page.push('\n');
}

/// What runs, in a word.
pub fn health(health: api::journey::Health) -> &'static str {
    match health {
        api::journey::Health::Healthy => "healthy",
        api::journey::Health::Degraded => "degraded",
        api::journey::Health::Down => "down",
        api::journey::Health::ScaledToZero => "scaled to zero",
        api::journey::Health::Unknown => "health unknown",
    }
}

fn stage_line(journey: &Journey) -> String {
    let stages = journey.stages.iter().map(|one| {
        let (glyph, style) = stage(&one.state);
        let took = one
            .took_seconds
            .map(|seconds| format!(" {}", short_duration(seconds)))
            .unwrap_or_default();
        format!(
            "{} {}{}",
            styled(style, glyph),
            one.kind.name(),
            styled(dim(), took)
        )
    });
    stages.collect::<Vec<_>>().join("  ")
}
