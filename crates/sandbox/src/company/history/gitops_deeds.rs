//! Deeds in GitOps repositories: what people commit there, and the refusals that follow from it.

use jiff::Timestamp;

use super::source_deeds::login;
use crate::company::apps::{App, Environment};
use crate::company::declared::{self, write};
use crate::company::timeline::With;
use crate::company::{Company, CompanyError, Label, faults, flux, infrastructure};
use crate::controllers::Artifact;
use crate::faults::ApplyFault;
use crate::git::Edit;
use crate::github::Pull;

impl Company {
    pub(super) fn promote(
        &mut self,
        label: Label,
        environment: Environment,
        with: With,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let (tag, commit) = {
            let landmark = self.landmark(label)?;
            (landmark.tag.clone(), landmark.sha.clone())
        };
        let declaration = app.declaration(environment);
        let before = self.declared(&app, &declaration)?;
        let bumped = declared::with_tag(&before, &tag);
        let edits = match with {
            With::Nothing => vec![write(declaration, bumped)],
            With::NextChart => vec![write(declaration, declared::with_chart(&bumped, "2.x"))],
            With::OtherSelector => vec![write(
                declaration,
                format!("{bumped}{}", declared::service_patch(&app)),
            )],
            With::HostileAnnotation => vec![write(
                declaration,
                format!("{bumped}{}", declared::annotation(faults::HOSTILE)),
            )],
            With::Conflict => vec![write(declaration, declared::with_conflict(&before, &tag))],
            With::MovedFolder => {
                let folder = app.folder(environment);
                vec![
                    write(format!("{folder}-v2/kustomization.yaml"), bumped),
                    Edit::Remove { path: folder },
                ]
            }
        };
        let message = format!(
            "Promote {} to {}\n\nImage: {}:{tag}\nCommit: {}@{commit}",
            app.name,
            environment.name(),
            app.image,
            app.repository
        );
        let author = self.names.author(who);
        let sha = self
            .repository(&app.gitops)?
            .commit("main", &author, at, &message, &edits)?;
        if environment == Environment::Production
            && let Some(refusal) = faults::refusal(label.0, &app, &self.names)
        {
            let object = match refusal.kind {
                "HelmRelease" => format!("{}/{}", app.namespace(environment), app.name),
                _ => format!("{}/{}", flux::FLUX, app.kustomization(environment)),
            };
            self.faults.table().applies.insert(
                (
                    self.names.prod.clone(),
                    format!("{}/{object}", refusal.kind),
                ),
                ApplyFault {
                    reason: refusal.reason.to_owned(),
                    message: refusal.message,
                    since_commit: Some(sha.clone()),
                    rolls_back: refusal.rolls_back,
                },
            );
        }
        if (app.spec.role, environment) == ("catalog", Environment::Production) {
            self.publish_artifact(&app, &sha);
        }
        Ok(())
    }

    /// Publishes the whole GitOps repository as the artifact that one app's production is applied from.
    pub(super) fn publish_artifact(&self, app: &App, commit: &str) {
        self.shelf.publish_artifact(
            &flux::artifact_url(&self.names),
            "production",
            Artifact {
                repository: app.gitops.clone(),
                commit: commit.to_owned(),
                folder: String::new(),
                source: format!("https://{}/{}", self.names.code_host, app.gitops),
                revision: format!("main@sha1:{commit}"),
            },
        );
    }

    pub(super) fn propose_promotion(
        &mut self,
        label: Label,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(label.0)?.clone();
        let tag = self.landmark(label)?.tag.clone();
        let declaration = app.declaration(Environment::Production);
        let edits = [write(
            declaration.clone(),
            declared::with_tag(&self.declared(&app, &declaration)?, &tag),
        )];
        let repository = self.repository(&app.gitops)?;
        let base = repository.head("main");
        let head = format!("promote-{}", app.name);
        repository.branch(&head, base.as_deref().unwrap_or_default())?;
        let author = self.names.author(who);
        let title = format!("Promote {} to production", app.name);
        let sha = repository.commit(&head, &author, at, &title, &edits)?;
        let number = self.counters.pull();
        self.github.put_pull(
            &app.gitops,
            Pull {
                number,
                title,
                author: login(&author),
                base: "main".to_owned(),
                base_sha: base,
                head,
                head_sha: sha,
                created: at,
                updated: at,
                ..Pull::default()
            },
        );
        self.landmarks.entry(label).or_default().pull = Some(number);
        Ok(())
    }

    pub(super) fn lose_marker(
        &mut self,
        role: &str,
        environment: Environment,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(role)?.clone();
        let declaration = app.declaration(environment);
        let content = declared::without_marker(&self.declared(&app, &declaration)?);
        self.gitops_commit(
            &app.gitops,
            &format!("Sort {}'s keys", app.name),
            &[write(declaration, content)],
            at,
            who,
        )
    }

    pub(super) fn list_missing_file(
        &mut self,
        role: &str,
        environment: Environment,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(role)?.clone();
        let declaration = app.declaration(environment);
        let content = declared::with_resource(&self.declared(&app, &declaration)?, "limits.yaml");
        self.gitops_commit(
            &app.gitops,
            &format!(
                "Give {} limits of its own in {}",
                app.name,
                environment.name()
            ),
            &[write(declaration, content)],
            at,
            who,
        )
    }

    pub(super) fn fetch_seldom(
        &mut self,
        role: &str,
        environment: Environment,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(role)?.clone();
        let path = format!("clusters/{}/sources.yaml", environment.cluster(&self.names));
        let repository = format!("{}/{}", self.names.owner, self.names.deploy);
        let content = self
            .repository(&repository)?
            .read("main", &path)
            .ok_or_else(|| CompanyError::Missing(path.clone()))?;
        let source = app.source(environment, &self.names);
        let own = format!(
            "  name: {source}\n  namespace: {}\nspec:\n  interval: ",
            flux::FLUX
        );
        let Some((before, after)) = content.split_once(&own) else {
            return Err(CompanyError::Missing(format!("{source} in {path}")));
        };
        let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
        self.gitops_commit(
            &repository,
            &format!("Fetch {} twice a day", app.name),
            &[write(path, format!("{before}{own}12h\n{rest}"))],
            at,
            who,
        )
    }

    pub(super) fn relabel_ingress(
        &mut self,
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let ingress = &self.names.infrastructure.ingress;
        let (repository, message) = (
            format!("{}/{}", self.names.owner, self.names.deploy),
            format!("Label the {ingress} as the others"),
        );
        let edit = infrastructure::relabelled(&self.names);
        self.gitops_commit(&repository, &message, &[edit], at, who)
    }

    fn gitops_commit(
        &self,
        repository: &str,
        message: &str,
        edits: &[Edit],
        at: Timestamp,
        who: usize,
    ) -> Result<(), CompanyError> {
        let author = self.names.author(who);
        self.repository(repository)?
            .commit("main", &author, at, message, edits)?;
        Ok(())
    }

    /// A file of an app's GitOps repository as main has it.
    fn declared(&self, app: &App, path: &str) -> Result<String, CompanyError> {
        self.repository(&app.gitops)?
            .read("main", path)
            .ok_or_else(|| CompanyError::Missing(format!("{path} in {}", app.gitops)))
    }
}
