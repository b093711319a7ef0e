//! Deeds in source repositories: commits, branches, pull requests, reverts, and the CI runs that they start.

use jiff::{SignedDuration, Timestamp};

use super::{Agenda, Step};
use crate::company::apps::App;
use crate::company::ci::{Progress, Record};
use crate::company::declared::write;
use crate::company::faults::{HOSTILE_AUTHOR, HOSTILE_SUBJECT};
use crate::company::timeline::Outcome;
use crate::company::{Company, CompanyError, Label, minutes};
use crate::git::Edit;
use crate::github::{Pull, PullState};

impl Company {
    pub(super) fn commit(
        &mut self,
        label: Label,
        outcome: Outcome,
        at: Timestamp,
        who: usize,
        agenda: &mut Agenda,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let (author, subject) = self.authorship(label, &app, who);
        let repository = self.repository(&app.repository)?;
        let edits = change(&app, &subject);
        // Every second commit comes through a pull request that was squashed.
        let sha = if who.is_multiple_of(2) && label.0 != "gallery" {
            let number = self.counters.pull();
            let head = format!("change-{number}");
            let base = repository.head("main");
            repository.branch(&head, base.as_deref().unwrap_or_default())?;
            let opened = at.saturating_sub(minutes(95)).unwrap_or(at);
            let head_sha = repository.commit(&head, &author, opened, &subject, &edits)?;
            let message = format!("{subject} (#{number})\n\n{}", self.trailer(who));
            let sha = repository.commit("main", &author, at, &message, &edits)?;
            let by = login(&self.names.author(who + 1));
            self.github.put_pull(
                &app.repository,
                Pull {
                    number,
                    title: subject,
                    author: login(&author),
                    base: "main".to_owned(),
                    base_sha: base,
                    head: head.clone(),
                    head_sha,
                    state: PullState::Merged {
                        sha: sha.clone(),
                        at,
                        by,
                    },
                    created: opened,
                    updated: at,
                    ..Pull::default()
                },
            );
            repository.delete_branch(&head)?;
            sha
        } else {
            let message = format!("{subject}\n\n{}", self.trailer(who));
            repository.commit("main", &author, at, &message, &edits)?
        };
        self.remember(label, &app, &sha);
        self.start_run(label, &app, outcome, at, who, agenda);
        self.skip_neighbours(label, &app, &sha, at);
        Ok(())
    }

    /// Starts the run of a commit on main, and plans its end.
    fn start_run(
        &mut self,
        label: Label,
        app: &App,
        outcome: Outcome,
        at: Timestamp,
        who: usize,
        agenda: &mut Agenda,
    ) {
        if outcome == Outcome::Later {
            return;
        }
        let id = self.counters.run();
        let landmark = self.landmarks.entry(label).or_default();
        landmark.run = Some(id);
        let sha = landmark.sha.clone();
        self.record(app, &sha, id, Progress::Running, at);
        let took = SignedDuration::from_secs(240 + i64::try_from(who % 5).unwrap_or(0) * 14);
        let end = at.saturating_add(took).unwrap_or(at);
        agenda.add(end, Step::Built(label, outcome, id));
    }

    /// The other apps of a shared repository: CI skips them.
    fn skip_neighbours(&mut self, label: Label, app: &App, sha: &str, at: Timestamp) {
        let neighbours: Vec<App> = self
            .apps
            .iter()
            .filter(|other| other.repository == app.repository && other.name != app.name)
            .cloned()
            .collect();
        for neighbour in neighbours {
            let id = self.counters.run();
            self.record(&neighbour, sha, id, Progress::Skipped, at);
            let landmark = self.remember((neighbour.spec.role, label.1), &neighbour, sha);
            landmark.run = Some(id);
        }
    }

    fn record(&self, app: &App, sha: &str, id: u64, progress: Progress, at: Timestamp) {
        self.ci().record(&Record {
            app,
            id,
            sha,
            branch: "main",
            progress,
            created: at,
            updated: at,
            log: Vec::new(),
        });
    }

    pub(super) fn build_late(
        &mut self,
        label: Label,
        at: Timestamp,
        who: usize,
        agenda: &mut Agenda,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        self.start_run(label, &app, Outcome::Image, at, who, agenda);
        Ok(())
    }

    pub(super) fn run(
        &mut self,
        label: Label,
        progress: Progress,
        at: Timestamp,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let sha = self.landmark(label)?.sha.clone();
        let id = self.counters.run();
        self.landmarks.entry(label).or_default().run = Some(id);
        self.record(&app, &sha, id, progress, at);
        Ok(())
    }

    pub(super) fn revert(
        &mut self,
        label: Label,
        of: &'static str,
        at: Timestamp,
        who: usize,
        agenda: &mut Agenda,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let reverted = self.landmark((label.0, of))?.sha.clone();
        let repository = self.repository(&app.repository)?;
        let subject = repository.message(&reverted).unwrap_or_default();
        let subject = subject.lines().next().unwrap_or_default();
        let parent = repository
            .show(&reverted)
            .and_then(|commit| commit.parents.first().cloned())
            .unwrap_or_default();
        // What a revert does: every file that the commit changed is what it was before.
        let edits: Vec<Edit> = repository
            .changes(Some(&parent), &reverted)
            .into_iter()
            .map(|change| match repository.read(&parent, &change.path) {
                Some(content) => write(change.path, content),
                None => Edit::Remove { path: change.path },
            })
            .collect();
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {reverted}.");
        let sha = repository.commit("main", &self.names.author(who), at, &message, &edits)?;
        self.landmarks.entry((label.0, of)).or_default().revert = Some(sha.clone());
        self.remember(label, &app, &sha);
        self.start_run(label, &app, Outcome::Image, at, who, agenda);
        Ok(())
    }

    pub(super) fn branch(
        &mut self,
        label: Label,
        pull: bool,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let (author, subject) = self.authorship(label, &app, who);
        let repository = self.repository(&app.repository)?;
        let name = format!(
            "{}-{who}",
            subject.to_lowercase().split(' ').next().unwrap_or("work")
        );
        let base = repository.head("main");
        repository.branch(&name, base.as_deref().unwrap_or_default())?;
        let message = format!("{subject}\n\n{}", self.trailer(who));
        let sha = repository.commit(&name, &author, at, &message, &change(&app, &subject))?;
        self.remember(label, &app, &sha);
        if pull {
            let run = self.counters.run();
            let checked = at.saturating_add(minutes(4)).unwrap_or(at);
            self.ci().record(&Record {
                app: &app,
                id: run,
                sha: &sha,
                branch: &name,
                progress: Progress::Succeeded,
                created: at,
                updated: checked,
                log: Vec::new(),
            });
            let number = self.counters.pull();
            self.landmarks.entry(label).or_default().pull = Some(number);
            self.github.put_pull(
                &app.repository,
                Pull {
                    number,
                    title: subject,
                    body: "Ready for review.".to_owned(),
                    author: login(&author),
                    base: "main".to_owned(),
                    base_sha: base,
                    head: name,
                    head_sha: sha,
                    created: at,
                    updated: at,
                    ..Pull::default()
                },
            );
        }
        Ok(())
    }

    /// Who writes a commit, and its subject.
    fn authorship(&mut self, label: Label, app: &App, who: usize) -> (String, String) {
        match label {
            ("gallery", "second") => (HOSTILE_AUTHOR.to_owned(), HOSTILE_SUBJECT.to_owned()),
            _ => (self.names.author(who), self.subject(&app.repository, who)),
        }
    }

    /// The issue that a commit belongs to.
    fn trailer(&self, who: usize) -> String {
        format!("Refs: {}-{}", self.names.issues, 1180 + who * 3)
    }
}

/// What a commit changes: a file of the app's sources, named after its subject.
pub(super) fn change(app: &App, subject: &str) -> Vec<Edit> {
    let folder = &app.source_folder;
    let words: String = subject
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                ' '
            }
        })
        .collect();
    let name = words
        .split_whitespace()
        .take(4)
        .collect::<Vec<_>>()
        .join("_");
    let comment = subject.replace(char::is_control, " ");
    vec![write(
        format!("{folder}internal/{name}.go"),
        format!("package internal\n\n// {comment}.\nvar _ = register(\"{name}\")\n"),
    )]
}

/// The login that a person has on the code host: the mail address without its host.
pub(super) fn login(author: &str) -> String {
    author
        .rsplit_once('<')
        .map(|(_, mail)| mail)
        .and_then(|mail| mail.split('@').next())
        .unwrap_or("somebody")
        .replace('.', "-")
}
