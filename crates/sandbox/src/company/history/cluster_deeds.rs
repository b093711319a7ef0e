//! Deeds outside Git: what people do in a cluster by hand, and what systems begin to refuse.

use serde_json::json;

use crate::company::apps::Environment;
use crate::company::timeline::Suspended;
use crate::company::{Company, CompanyError, faults, flux};
use crate::faults::SourceFault;

impl Company {
    pub(super) fn suspend(
        &mut self,
        role: &str,
        environment: Environment,
        what: Suspended,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let (kind, name) = match what {
            Suspended::Automation => (
                "ImageUpdateAutomation",
                app.automation(environment).unwrap_or_default(),
            ),
            Suspended::Kustomization => ("Kustomization", app.kustomization(environment)),
            Suspended::Source => ("GitRepository", app.source(environment, &self.names)),
        };
        self.store(environment)
            .edit(kind, flux::FLUX, &name, |object| {
                object["spec"]["suspend"] = json!(true);
            })?;
        Ok(())
    }

    pub(super) fn pause(
        &mut self,
        role: &str,
        environment: Environment,
    ) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        self.store(environment).edit(
            "Deployment",
            &app.namespace(environment),
            &app.name,
            |object| object["spec"]["paused"] = json!(true),
        )?;
        Ok(())
    }

    pub(super) fn revoke_key(&mut self, role: &str) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let source = app.source(Environment::Production, &self.names);
        let fault = SourceFault {
            reason: "AuthenticationFailed".to_owned(),
            message: faults::key_revoked(&self.names, &app.gitops),
        };
        self.faults.table().sources.insert(
            (self.names.prod.clone(), format!("{}/{source}", flux::FLUX)),
            fault,
        );
        Ok(())
    }

    pub(super) fn refuse_scans(&mut self, role: &str) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let place = (self.names.nonprod.clone(), app.image_path.clone());
        self.faults
            .table()
            .scans
            .insert(place, faults::scan_refused(app, &self.names));
        Ok(())
    }

    pub(super) fn protect(&mut self, role: &str) -> Result<(), CompanyError> {
        let app = self.known_app(role)?;
        let place = (app.gitops.clone(), "main".to_owned());
        self.faults
            .table()
            .protected
            .insert(place, faults::PROTECTED.to_owned());
        Ok(())
    }
}
