//! Stage 2: CI built the commit.
//!
//! Owns which runs and jobs speak for this app, and when a commit of a shared repository does not concern it.

use api::{Sentence, StageKind};
use facts::code::{CiJob, CiRun, CiState};

use super::Case;
use crate::causes::CauseCode;
use crate::evidence;
use crate::finding::{Finding, Outcome};
use crate::images::Built;
use crate::view::Learned;

/// How the build stands, given the image that was found or not.
pub fn outcome(case: &Case<'_, '_>, found: &Learned<Option<Built>>) -> Outcome {
    match found {
        Ok(Some(_)) => done(case),
        Ok(None) => look(case).unwrap_or_else(|gap| Outcome::unknown(StageKind::Build, &gap)),
        // An image that cannot be looked for leaves only what CI itself says.
        Err(unread) => match look(case) {
            Ok(outcome) if outcome.is_met() && outcome.unaffected.is_none() => outcome,
            Ok(outcome) => Outcome::unknown(StageKind::Build, unread).proof(outcome.stage.evidence),
            Err(gap) => Outcome::unknown(StageKind::Build, &gap),
        },
    }
}

/// Built, because its image exists; the run is shown if it is known anyway.
fn done(case: &Case<'_, '_>) -> Outcome {
    let runs = case
        .view
        .for_show(|| case.view.ci(case.key, case.commit))
        .unwrap_or_default();
    let run = runs.iter().find(|run| run.state == CiState::Succeeded);
    match run {
        Some(run) => succeeded(case, run),
        None => Outcome::done(
            StageKind::Build,
            Sentence::default().words("built: its image exists"),
        ),
    }
}

fn succeeded(case: &Case<'_, '_>, run: &CiRun) -> Outcome {
    let object = evidence::run(case.key, run);
    Outcome::done(
        StageKind::Build,
        Sentence::default()
            .words("run ")
            .name(run.id.to_string())
            .words(" succeeded"),
    )
    .since(Some(run.updated))
    .took(Some(run.created), Some(run.updated))
    .proof([evidence::evidence(
        &object,
        "conclusion",
        "success",
        Some(run.updated),
    )])
}

fn look(case: &Case<'_, '_>) -> Learned<Outcome> {
    let runs = case.view.ci(case.key, case.commit)?;
    let speaking = speaking(case, runs);
    // Where CI has nothing of this app's own to say, what no image of it is to come from is not stuck, whatever became of
    // the run that it shares with others.
    if !speaking.is_own {
        match elsewhere(case) {
            Ok(Some(outcome)) => return Ok(outcome),
            Err(gap) if gap.pending => return Err(gap),
            _ => {}
        }
    }
    let voices = &speaking.voices;
    if !voices.is_empty() && voices.iter().all(Voice::leaves_out) {
        return Ok(skipped(case, voices));
    }
    if let Some(voice) = speaking.loudest() {
        let code = match voice.state() {
            CiState::Failed => Some(failed(case, voice)),
            CiState::WaitingForReview => Some(stands(
                case,
                voice,
                CauseCode::BuildWaitingForReview,
                " waits for a person's approval, asked ",
            )),
            CiState::Running => Some(stands(
                case,
                voice,
                CauseCode::BuildRunning,
                " is at work, started ",
            )),
            CiState::Queued => Some(stands(
                case,
                voice,
                CauseCode::BuildQueued,
                " has no runner yet, queued ",
            )),
            CiState::Cancelled => None,
            CiState::Succeeded | CiState::Skipped => None,
        };
        if let Some(finding) = code {
            return Ok(Outcome::found(StageKind::Build, finding));
        }
        if voice.state() == CiState::Succeeded {
            return match elsewhere(case)? {
                Some(outcome) => Ok(outcome),
                None => Ok(succeeded(case, voice.run)),
            };
        }
    }
    // No run of its own that ended: a newer commit's run builds this one too.
    if let Some(outcome) = carried(case)? {
        return Ok(outcome);
    }
    if let Some(outcome) = elsewhere(case)? {
        return Ok(outcome);
    }
    Ok(Outcome::found(
        StageKind::Build,
        match speaking.loudest() {
            Some(voice) if voice.state() == CiState::Cancelled => cancelled(case, voice),
            _ => none(case),
        },
    ))
}

/// A run, or one job of it that is this app's own.
#[derive(Clone, Copy)]
struct Voice<'a> {
    run: &'a CiRun,
    job: Option<&'a CiJob>,
}

impl Voice<'_> {
    fn state(&self) -> CiState {
        match self.job {
            // A job is skipped by a filter, or because one that it needs failed: only a run that went well skips by will.
            Some(job) if job.state == CiState::Skipped => match self.run.state {
                CiState::Succeeded => CiState::Skipped,
                other => other,
            },
            Some(job) => job.state,
            None => self.run.state,
        }
    }

    /// Whether this says that CI left the app out on purpose. A whole run that was skipped does not: it may have been
    /// about anything.
    fn leaves_out(&self) -> bool {
        self.job.is_some() && self.state() == CiState::Skipped
    }
}

struct Speaking<'a> {
    voices: Vec<Voice<'a>>,
    /// Whether they are this app's own, and not a run that it shares with others.
    is_own: bool,
}

impl<'a> Speaking<'a> {
    /// The one that says most: a failure before what is still open, what is open before what ended well.
    fn loudest(&self) -> Option<Voice<'a>> {
        self.voices
            .iter()
            .min_by_key(|voice| match voice.state() {
                CiState::Failed => 0,
                CiState::WaitingForReview => 1,
                CiState::Running => 2,
                CiState::Queued => 3,
                CiState::Succeeded => 4,
                CiState::Cancelled => 5,
                CiState::Skipped => 6,
            })
            .copied()
    }
}

/// The newest run of each workflow; of those, what is named after this app if anything is.
fn speaking<'a>(case: &Case<'_, '_>, runs: &'a [CiRun]) -> Speaking<'a> {
    let mut newest: Vec<&CiRun> = Vec::new();
    for run in runs {
        if !newest.iter().any(|other| other.name == run.name) {
            newest.push(run);
        }
    }
    let others = other_apps(case);
    if others.is_empty() {
        let voices = newest.into_iter().map(|run| Voice { run, job: None });
        return Speaking {
            voices: voices.collect(),
            is_own: true,
        };
    }
    let app = &case.target.app;
    let mut own = Vec::new();
    for run in &newest {
        if mentions(&run.name, app) {
            own.push(Voice { run, job: None });
            continue;
        }
        let jobs = run.jobs.iter().filter(|job| mentions(&job.name, app));
        own.extend(jobs.map(|job| Voice {
            run,
            job: Some(job),
        }));
    }
    if !own.is_empty() {
        return Speaking {
            voices: own,
            is_own: true,
        };
    }
    let shared = newest
        .into_iter()
        .filter(|run| !others.iter().any(|other| mentions(&run.name, other)))
        .map(|run| Voice { run, job: None });
    Speaking {
        voices: shared.collect(),
        is_own: false,
    }
}

/// The other apps that are built from this repository.
fn other_apps<'v>(case: &'v Case<'_, '_>) -> Vec<&'v str> {
    let mut others: Vec<&str> = case
        .all
        .built_from(case.key)
        .map(|other| other.found().app.as_str())
        .filter(|other| *other != case.target.app)
        .collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// Whether a name has the app's name in it as whole words: `build (checkout-api)` does not mention `checkout`.
fn mentions(name: &str, app: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let words = [
        "build", "test", "image", "ci", "deploy", "release", "publish",
    ];
    name.split(|c: char| !inner(c)).any(|word| {
        let around = word
            .strip_prefix(app)
            .and_then(|rest| rest.strip_prefix('-'))
            .or_else(|| {
                word.strip_suffix(app)
                    .and_then(|rest| rest.strip_suffix('-'))
            });
        word == app || around.is_some_and(|rest| words.contains(&rest))
    })
}

fn skipped(case: &Case<'_, '_>, voices: &[Voice<'_>]) -> Outcome {
    let sentence = Sentence::default()
        .words("CI skipped it for ")
        .name(&case.target.app);
    let proof = voices.iter().map(|voice| {
        evidence::evidence(
            &evidence::run(case.key, voice.run),
            match voice.job {
                Some(job) => format!("jobs[{}].conclusion", job.name),
                None => "conclusion".to_owned(),
            },
            "skipped",
            Some(voice.run.updated),
        )
    });
    Outcome::unaffected(
        StageKind::Build,
        "CI skipped this app by a filter",
        sentence,
    )
    .since(voices.first().map(|voice| voice.run.updated))
    .proof(proof)
}

/// Whether the commit touches only folders of other apps of its repository: then no image of this app is to come.
fn elsewhere(case: &Case<'_, '_>) -> Learned<Option<Outcome>> {
    let others = other_apps(case);
    if others.is_empty() {
        return Ok(None);
    }
    let touched = case.view.touched(case.key, case.commit)?;
    let of_others = |path: &String| {
        let folders: Vec<&str> = path.split('/').rev().skip(1).collect();
        others.iter().any(|other| folders.contains(other))
            && !folders.contains(&case.target.app.as_str())
    };
    if touched.is_empty() || !touched.iter().all(of_others) {
        return Ok(None);
    }
    let object = evidence::commit(case.key, case.commit);
    let sentence = Sentence::default()
        .words("it touches only other apps' folders, and no image of ")
        .name(&case.target.app)
        .words(" was built from it");
    Ok(Some(
        Outcome::unaffected(
            StageKind::Build,
            "the commit touches other apps' folders only",
            sentence,
        )
        .proof([evidence::evidence(
            &object,
            "paths",
            touched.join("\n"),
            None,
        )]),
    ))
}

/// A newer commit of the branch whose run is still open, for commits that were pushed together or cancelled.
fn carried(case: &Case<'_, '_>) -> Learned<Option<Outcome>> {
    let head = case.view.head(case.key)?;
    if head == case.commit || !case.view.contained(case.key, case.commit, head)? {
        return Ok(None);
    }
    let runs = case.view.ci(case.key, head)?;
    let Some(voice) = speaking(case, runs).loudest() else {
        return Ok(None);
    };
    let (code, words) = match voice.state() {
        CiState::Running => (CauseCode::BuildRunning, " is at work, started "),
        CiState::Queued => (CauseCode::BuildQueued, " has no runner yet, queued "),
        CiState::WaitingForReview => (
            CauseCode::BuildWaitingForReview,
            " waits for a person's approval, asked ",
        ),
        CiState::Failed => {
            let mut finding = failed(case, voice);
            finding.sentence = finding
                .sentence
                .words(", for the newer ")
                .commit(case.key, head);
            return Ok(Some(Outcome::found(StageKind::Build, finding)));
        }
        CiState::Succeeded => return Ok(Some(succeeded(case, voice.run))),
        CiState::Cancelled | CiState::Skipped => return Ok(None),
    };
    let mut finding = stands(case, voice, code, words);
    finding.sentence = finding
        .sentence
        .words(", for the newer ")
        .commit(case.key, head)
        .words(" that contains it");
    Ok(Some(Outcome::found(StageKind::Build, finding)))
}

fn stands(case: &Case<'_, '_>, voice: Voice<'_>, code: CauseCode, words: &str) -> Finding {
    let object = evidence::run(case.key, voice.run);
    let sentence = Sentence::default()
        .object(&object)
        .words(words)
        .instant(voice.run.created);
    let proof = evidence::evidence(
        &object,
        "status",
        status(voice.state()),
        Some(voice.run.created),
    );
    let finding = match code {
        CauseCode::BuildRunning => Finding::moving(code, object, sentence),
        CauseCode::BuildQueued => Finding::waiting(code, object, sentence),
        // An approval is a person's to give: nothing goes on by itself.
        _ => Finding::blocked(code, object, sentence),
    };
    finding.since(Some(voice.run.created)).proof([proof])
}

fn status(state: CiState) -> &'static str {
    match state {
        CiState::Queued => "queued",
        CiState::WaitingForReview => "waiting",
        CiState::Running => "in_progress",
        CiState::Succeeded => "success",
        CiState::Failed => "failure",
        CiState::Cancelled => "cancelled",
        CiState::Skipped => "skipped",
    }
}

fn failed(case: &Case<'_, '_>, voice: Voice<'_>) -> Finding {
    let run = voice.run;
    let object = evidence::run(case.key, run);
    let mut sentence = Sentence::default()
        .object(&object)
        .words(" failed ")
        .instant(run.updated);
    let mut proof = Vec::new();
    let job = voice
        .job
        .or_else(|| run.jobs.iter().find(|job| job.state == CiState::Failed));
    if let Some(job) = job {
        sentence = sentence.words(" in job ").name(&job.name);
        if let Some(step) = &job.failed_step {
            sentence = sentence.words(", step ").name(step);
            proof.push(evidence::evidence(
                &object,
                format!("jobs[{}].steps[{step}].conclusion", job.name),
                "failure",
                Some(run.updated),
            ));
        }
        if let Some(line) = job
            .last_lines
            .iter()
            .rev()
            .find(|line| !line.trim().is_empty())
        {
            sentence = sentence.words(": ").quote(line.trim());
            proof.insert(
                0,
                evidence::evidence(
                    &object,
                    format!("jobs[{}].log", job.name),
                    job.last_lines.join("\n"),
                    Some(run.updated),
                ),
            );
        }
    }
    proof.push(evidence::evidence(
        &object,
        "conclusion",
        "failure",
        Some(run.updated),
    ));
    Finding::blocked(CauseCode::BuildFailed, object, sentence)
        .since(Some(run.updated))
        .proof(proof)
}

fn cancelled(case: &Case<'_, '_>, voice: Voice<'_>) -> Finding {
    let object = evidence::run(case.key, voice.run);
    let at = Some(voice.run.updated);
    let sentence = Sentence::default()
        .object(&object)
        .words(" was cancelled ")
        .instant(voice.run.updated)
        .words(", and no newer run built it");
    let proof = evidence::evidence(&object, "conclusion", "cancelled", at);
    Finding::blocked(CauseCode::BuildCancelled, object, sentence)
        .since(at)
        .proof([proof])
}

fn none(case: &Case<'_, '_>) -> Finding {
    let object = evidence::commit(case.key, case.commit);
    let at = case
        .view
        .quietly(|| case.view.commit(case.key, case.commit))
        .ok()
        .flatten()
        .map(|commit| commit.at);
    let sentence = Sentence::default()
        .name(case.key)
        .words(" has no CI run for it, and no image contains it");
    let proof = evidence::evidence(&object, "check runs", "none", at);
    Finding::blocked(CauseCode::BuildNone, object, sentence)
        .since(at)
        .proof([proof])
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_job_speaks_for_the_app_whose_whole_name_it_has() {
        assert!(mentions("build (checkout)", "checkout"));
        assert!(mentions("checkout / test", "checkout"));
        assert!(mentions("build-checkout", "checkout"));
        assert!(!mentions("build (checkout-api)", "checkout"));
        assert!(!mentions("checkouts", "checkout"));
    }
}
