//! The company before its first day: repositories with a little history, first images, charts, and the GitOps
//! repositories that declare all of it.

use jiff::{SignedDuration, Timestamp};

use super::source_deeds::change;
use crate::company::apps::{App, Environment};
use crate::company::ci::Progress;
use crate::company::declared::{self, write};
use crate::company::{Company, CompanyError, flux, infrastructure, minutes};
use crate::controllers::Chart;
use crate::git::Edit;
use crate::registry::ImageSpec;

/// The chart that the company's Helm releases use.
const CHART: &str = "service";

impl Company {
    /// Founds everything as of a moment; the first images are a little younger.
    pub(super) fn found(&mut self, at: Timestamp) -> Result<(), CompanyError> {
        let apps = self.apps.clone();
        for (number, app) in apps.iter().enumerate() {
            self.found_source(app, number, at)?;
        }
        for (number, app) in apps.iter().enumerate() {
            let built = later(at, 240 + i64::try_from(number).unwrap_or(0) * 9);
            self.clock.play(built);
            let label = (app.spec.role, "first");
            let sha = self.landmark(label)?.sha.clone();
            let id = self.counters.run();
            self.landmarks.entry(label).or_default().run = Some(id);
            self.end_run(app, &sha, id, Progress::Succeeded, built);
            self.push_image(label, app, &sha, built);
        }
        for version in ["1.3.0", "1.4.0", "1.4.2"] {
            self.shelf.publish_chart(
                &flux::charts_url(&self.names),
                Chart {
                    name: CHART.to_owned(),
                    version: version.to_owned(),
                    app_version: String::new(),
                },
            );
        }
        for (path, tag) in infrastructure::mirrored(&self.names) {
            let image = ImageSpec {
                labels: std::collections::BTreeMap::new(),
                created: at,
                platforms: Vec::new(),
            };
            self.registry.push(&path, tag, image);
        }
        let declared = at.saturating_add(minutes(60)).unwrap_or(at);
        self.clock.play(declared);
        self.found_gitops(declared)
    }

    /// An app's source repository, or its folder in the one it shares.
    fn found_source(
        &mut self,
        app: &App,
        number: usize,
        at: Timestamp,
    ) -> Result<(), CompanyError> {
        let path = &app.repository;
        let founded = self.code.repository(path);
        let (repository, new) = match founded {
            Some(repository) => (repository, false),
            None => (self.code.create(path)?, true),
        };
        let ago = |days: i64| at.saturating_sub(minutes(days * 24 * 60)).unwrap_or(at);
        if new {
            repository.commit(
                "main",
                &self.names.author(number),
                ago(410),
                "Begin",
                &[write("README.md", format!("# {path}\n"))],
            )?;
            for (step, days) in [(1, 96), (2, 33), (3, 9)] {
                let subject = self.subject(path, number * 5 + step);
                let author = self.names.author(number + step);
                repository.commit("main", &author, ago(days), &subject, &change(app, &subject))?;
            }
        }
        let first = repository.commit(
            "main",
            &self.names.author(number + 4),
            later(at, i64::try_from(number).unwrap_or(0)),
            &self.subject(path, number * 5 + 4),
            &workflow(app),
        )?;
        // In a repository that apps share, the newest first commit is everybody's.
        for other in self
            .apps
            .clone()
            .iter()
            .filter(|other| other.repository == *path)
        {
            self.remember((other.spec.role, "first"), other, &first);
        }
        Ok(())
    }

    /// The GitOps repositories.
    fn found_gitops(&mut self, at: Timestamp) -> Result<(), CompanyError> {
        let shared = format!("{}/{}", self.names.owner, self.names.deploy);
        let clusters = [self.names.nonprod.clone(), self.names.prod.clone()];
        let mut edits = Vec::new();
        for cluster in &clusters {
            edits.extend(flux::cluster(cluster, &self.apps, &self.names));
            edits.extend(infrastructure::manifests(cluster, &self.names));
        }
        let mut own: Vec<(String, Vec<Edit>)> = Vec::new();
        for app in &self.apps {
            let tag = &self.landmark((app.spec.role, "first"))?.tag;
            let mut declared = declared::base(app, &self.names);
            let by_flux = |environment: &Environment| !app.is_on_ecs(*environment);
            for environment in Environment::ALL.into_iter().filter(by_flux) {
                declared.extend(declared::environment(app, environment, tag));
            }
            if app.gitops == shared {
                edits.extend(declared);
            } else {
                own.push((app.gitops.clone(), declared));
            }
        }
        own.push((shared, edits));
        for (number, (path, edits)) in own.into_iter().enumerate() {
            let repository = self.code.create(&path)?;
            let author = self.names.author(number + 2);
            let readme = [write(
                "README.md",
                format!("# {path}\n\nWhat runs where.\n"),
            )];
            let before = at.saturating_sub(minutes(20)).unwrap_or(at);
            repository.commit("main", &author, before, "Begin", &readme)?;
            let head =
                repository.commit("main", &author, at, "Declare every environment", &edits)?;
            let published = self
                .app("catalog")
                .filter(|app| app.gitops == path)
                .cloned();
            if let Some(app) = published {
                self.publish_artifact(&app, &head);
            }
        }
        Ok(())
    }
}

/// The workflow that builds an app.
fn workflow(app: &App) -> Vec<Edit> {
    let folder = &app.source_folder;
    let (file, filter) = match folder.is_empty() {
        true => ("ci", String::new()),
        false => (app.name.as_str(), format!("    paths: [\"{folder}**\"]\n")),
    };
    vec![
        write(
            format!(".github/workflows/{file}.yaml"),
            format!(
                "name: {}
on:
  push:
    branches: [main]
{filter}  pull_request:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: make -C ./{folder} test
  image:
    needs: test
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: make -C ./{folder} image push
",
                if folder.is_empty() { "CI" } else { &app.name }
            ),
        ),
        write(
            format!("{folder}Dockerfile"),
            "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n".to_owned(),
        ),
        write(
            format!("{folder}Makefile"),
            "test:\n\tgo test ./...\nimage:\n\tdocker build .\n".to_owned(),
        ),
    ]
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}
