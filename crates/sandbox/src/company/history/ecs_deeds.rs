//! Deeds in the AWS account: its clusters and services begin, revisions are registered, services are updated.

use super::source_deeds::login;
use crate::amazon::{Breaker, NewService};
use crate::company::apps::{App, Environment, ecs_cluster};
use crate::company::{Company, CompanyError, Label};

/// How many tasks a service wants.
const DESIRED: usize = 2;

impl Company {
    /// The account begins: the clusters, and a service for each app whose production is ECS, with its first image.
    pub(super) fn begin_ecs(&mut self) -> Result<(), CompanyError> {
        let cluster = ecs_cluster(&self.names.shop, Environment::Production);
        self.amazon
            .create_cluster(&cluster, Environment::Production.name());
        let apps: Vec<App> = self
            .apps
            .iter()
            .filter(|app| app.spec.production_on_ecs)
            .cloned()
            .collect();
        for (number, app) in apps.iter().enumerate() {
            let revision = self.register((app.spec.role, "first"), number)?;
            let new = NewService {
                cluster: &app.namespace(Environment::Production),
                name: &app.name,
                desired: DESIRED,
                breaker: match app.spec.role {
                    "invoices" | "addresses" => Breaker::RollsBack,
                    "sizing" => Breaker::GivesUp,
                    _ => Breaker::Off,
                },
                instances: app.spec.role == "forecasts",
            };
            self.amazon.create_service(&new, revision);
        }
        Ok(())
    }

    /// Somebody registers a revision that names a commit's image; its number.
    pub(super) fn register(&self, label: Label, who: usize) -> Result<u32, CompanyError> {
        let app = self.known_app(label.0)?;
        let image = format!("{}:{}", app.image, self.landmark(label)?.tag);
        let by = login(&self.names.author(who));
        Ok(self.amazon.register(&app.name, &image, &by))
    }

    /// Somebody registers a revision and updates the service to it.
    pub(super) fn deploy(&self, label: Label, who: usize) -> Result<(), CompanyError> {
        let revision = self.register(label, who)?;
        let app = self.known_app(label.0)?;
        let cluster = app.namespace(Environment::Production);
        self.amazon.update_service(&cluster, &app.name, revision);
        Ok(())
    }

    /// Somebody wants no task of a service any more.
    pub(super) fn scale_to_zero(&self, role: &str) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let cluster = app.namespace(Environment::Production);
        self.amazon.scale_to_zero(&cluster, &app.name);
        Ok(())
    }

    /// Somebody takes away the rule that sends traffic to a service.
    pub(super) fn lose_rule(&self, role: &str) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let cluster = app.namespace(Environment::Production);
        self.amazon.lose_rule(&cluster, &app.name);
        Ok(())
    }
}
