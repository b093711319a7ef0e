//! Playing the company's past: the repositories are founded, the clusters begin, and the timeline's deeds are done one
//! after the other while the controllers follow on the company's clock.
//!
//! Owns the order of things. What is done and when is [`super::timeline`]'s.

mod cluster_deeds;
mod ecs_deeds;
mod founding;
mod gitops_deeds;
mod source_deeds;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::apps::{App, Environment};
use super::ci::{Ci, Progress, Record};
use super::timeline::{Deed, Moment, Outcome, TIMELINE};
use super::{Company, CompanyError, Label, Landmark, bootstrap, day_of, flux, minutes};
use crate::controllers::{Controllers, run_together};
use crate::faults::FaultTable;

/// How long before the day's beginning the repositories are founded.
pub(super) const BEGINNING: SignedDuration = minutes(50 * 60);
/// How long before the day's beginning the clusters begin.
const CLUSTERS: SignedDuration = minutes(30 * 60);

/// One step of the history: a deed of the table, or what follows from one.
#[derive(Clone, Debug)]
enum Step {
    Deed(Deed),
    /// CI is done with a commit.
    Built(Label, Outcome, u64),
}

/// What is still to come: by moment, and in the order of arrival within one.
#[derive(Debug, Default)]
struct Agenda {
    steps: BTreeMap<(Timestamp, usize), Step>,
    arrivals: usize,
}

impl Agenda {
    fn add(&mut self, at: Timestamp, step: Step) {
        self.steps.insert((at, self.arrivals), step);
        self.arrivals += 1;
    }
}

impl Company {
    /// Plays everything up to `now`; the clock lives from then on.
    pub(super) fn play(&mut self, now: Timestamp) -> Result<(), CompanyError> {
        let day = day_of(now);
        let before =
            |moment: Timestamp, by: SignedDuration| moment.saturating_sub(by).unwrap_or(moment);
        self.found(before(day, BEGINNING))?;
        self.clock.play(before(day, CLUSTERS));
        self.begin_clusters()?;
        self.begin_ecs()?;

        let mut agenda = Agenda::default();
        for (moment, deed) in TIMELINE {
            if deed.role().is_some_and(|role| self.app(role).is_none()) {
                continue;
            }
            let at = match moment {
                Moment::Day(ahead) => before(day, minutes(*ahead)),
                Moment::Now(ahead) => before(now, minutes(*ahead)),
            };
            agenda.add(at, Step::Deed(*deed));
        }
        while let Some(((at, arrival), step)) = agenda.steps.pop_first() {
            self.run_clusters(at);
            // People and runners are not on the second: commits of one moment differ by a few.
            let at = at
                .saturating_add(SignedDuration::from_secs(
                    i64::try_from(arrival % 7).unwrap_or(0) * 3,
                ))
                .unwrap_or(at)
                .min(now);
            self.clock.play(at);
            match step {
                Step::Deed(deed) => self.deed(deed, at, arrival, &mut agenda)?,
                Step::Built(label, outcome, run) => self.built(label, outcome, run, at)?,
            }
        }
        self.run_clusters(now);
        for controllers in &mut self.controllers {
            controllers.settle();
        }
        if let Some(app) = self.app("newsletter") {
            for environment in [Environment::Staging, Environment::Production] {
                bootstrap::job(self.store(environment), app, environment)?;
            }
        }
        // From now on somebody is watching: the code host tells Flux of every push to the shared GitOps repository.
        for controllers in &mut self.controllers {
            controllers.add_webhook(flux::FLUX, &self.names.deploy);
        }
        self.clock.go_live();
        Ok(())
    }

    /// Fills both clusters and starts their controllers.
    fn begin_clusters(&mut self) -> Result<(), CompanyError> {
        for store in [self.nonprod.clone(), self.prod.clone()] {
            let environments = flux::environments(store.name(), &self.names);
            let mut sources: Vec<String> = self
                .apps
                .iter()
                .flat_map(|app| {
                    environments
                        .iter()
                        .map(|environment| app.source(*environment, &self.names))
                })
                .chain([self.names.deploy.clone()])
                .collect();
            sources.sort();
            sources.dedup();
            bootstrap::bootstrap(&store, &self.names, &sources)?;
            for app in &self.apps {
                bootstrap::secrets(&store, app, &environments)?;
            }
            let controllers = Controllers::new(
                store,
                self.code.clone(),
                &self.names.code_host,
                self.registry.clone(),
                &self.names.registry_host,
                self.faults.clone(),
                self.clock.clone(),
                self.seed,
            )
            .with_shelf(self.shelf.clone());
            self.controllers.push(controllers);
        }
        Ok(())
    }

    fn run_clusters(&mut self, until: Timestamp) {
        let mut clusters: Vec<&mut Controllers> = self.controllers.iter_mut().collect();
        run_together(&mut clusters, until);
    }

    fn deed(
        &mut self,
        deed: Deed,
        at: Timestamp,
        who: usize,
        agenda: &mut Agenda,
    ) -> Result<(), CompanyError> {
        match deed {
            Deed::Commit(role, label, outcome) => {
                self.commit((role, label), outcome, at, who, agenda)
            }
            Deed::Revert(role, label, of) => self.revert((role, label), of, at, who, agenda),
            Deed::Branch(role, label, pull) => self.branch((role, label), pull, at, who),
            Deed::Build(role, label) => self.build_late((role, label), at, who, agenda),
            Deed::Run(role, label, progress) => self.run((role, label), progress, at),
            Deed::Promote(role, label, environment, with) => {
                self.promote((role, label), environment, with, at, who)
            }
            Deed::ProposePromotion(role, label) => self.propose_promotion((role, label), at, who),
            Deed::LoseMarker(role, environment) => self.lose_marker(role, environment, at, who),
            Deed::ListMissingFile(role, environment) => {
                self.list_missing_file(role, environment, at, who)
            }
            Deed::FetchSeldom(role, environment) => self.fetch_seldom(role, environment, at, who),
            Deed::Suspend(role, environment, what) => self.suspend(role, environment, what),
            Deed::Pause(role, environment) => self.pause(role, environment),
            Deed::RevokeKey(role) => self.revoke_key(role),
            Deed::RefuseScans(role) => self.refuse_scans(role),
            Deed::Protect(role) => self.protect(role),
            Deed::RelabelIngress => self.relabel_ingress(at, who),
            Deed::Register(role, label) => self.register((role, label), who).map(drop),
            Deed::Deploy(role, label) => self.deploy((role, label), who),
            Deed::ScaleToZero(role) => self.scale_to_zero(role),
            Deed::LoseRule(role) => self.lose_rule(role),
        }
    }

    /// CI is done with a commit: the run ends, and an image appears if it ended with one.
    fn built(
        &mut self,
        label: Label,
        outcome: Outcome,
        run: u64,
        at: Timestamp,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let sha = self.landmark(label)?.sha.clone();
        if outcome == Outcome::Image {
            self.push_image(label, &app, &sha, at);
        }
        let progress = match outcome {
            Outcome::Failure => Progress::Failed,
            Outcome::Image | Outcome::NoImage | Outcome::Later => Progress::Succeeded,
        };
        self.end_run(&app, &sha, run, progress, at);
        Ok(())
    }

    /// Pushes the image of a commit and makes its pods behave as the situations want.
    fn push_image(&mut self, label: Label, app: &App, sha: &str, at: Timestamp) {
        let (tag, digest) = self.ci().push_image(app, sha, at);
        if let Some((environment, behaviour)) =
            super::faults::behaviour(label.0, label.1, app, &self.names)
        {
            let key = match environment {
                Some(environment) => FaultTable::in_namespace(
                    app.cluster(environment, &self.names),
                    &app.namespace(environment),
                    &digest,
                ),
                None => digest.clone(),
            };
            self.faults.table().images.insert(key, behaviour);
        }
        let landmark = self.landmarks.entry(label).or_default();
        landmark.tag = tag;
        landmark.digest = digest;
    }

    fn end_run(&self, app: &App, sha: &str, id: u64, progress: Progress, at: Timestamp) {
        let created = self
            .github
            .run(&app.repository, id)
            .map_or(at, |run| run.created);
        self.ci().record(&Record {
            app,
            id,
            sha,
            branch: "main",
            progress,
            created,
            updated: at,
            log: match progress {
                Progress::Failed => super::faults::failed_test(app),
                _ => Vec::new(),
            },
        });
    }

    /// CI over this company's systems.
    pub fn ci(&self) -> Ci {
        Ci {
            github: self.github.clone(),
            registry: self.registry.clone(),
            counters: self.counters.clone(),
            code_host: self.names.code_host.clone(),
        }
    }

    fn known_app(&self, role: &str) -> Result<&App, CompanyError> {
        self.app(role)
            .ok_or_else(|| CompanyError::Missing(format!("app {role}")))
    }

    /// Remembers a commit by its label.
    fn remember(&mut self, label: Label, app: &App, sha: &str) -> &mut Landmark {
        let landmark = self.landmarks.entry(label).or_default();
        landmark.repository.clone_from(&app.repository);
        sha.clone_into(&mut landmark.sha);
        landmark
    }
}
