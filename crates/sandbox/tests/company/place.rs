//! One app in one environment, as the company's stores, repositories and registry have it.

use std::sync::Arc;

use sandbox::company::apps::{App, Environment};
use sandbox::company::{Company, Landmark};
use serde_json::Value;

/// One app in one environment, looked at.
pub struct Place<'a> {
    pub company: &'a Company,
    pub app: &'a App,
    pub environment: Environment,
}

/// A condition's status, reason and message.
pub type Said = (String, String, String);

impl<'a> Place<'a> {
    pub fn new(company: &'a Company, role: &str, environment: Environment) -> Self {
        let app = company.app(role).unwrap();
        Self {
            company,
            app,
            environment,
        }
    }

    pub fn flux(&self, kind: &str, name: &str) -> Arc<Value> {
        let store = self.company.store(self.environment);
        store
            .get(kind, "flux-system", name)
            .unwrap_or_else(|| panic!("no {kind} {name} on {}", store.name()))
    }

    pub fn kustomization(&self) -> Arc<Value> {
        self.flux("Kustomization", &self.app.kustomization(self.environment))
    }

    pub fn source(&self) -> Arc<Value> {
        self.flux(
            "GitRepository",
            &self.app.source(self.environment, &self.company.names),
        )
    }

    pub fn own(&self, kind: &str) -> Arc<Value> {
        let namespace = self.app.namespace(self.environment);
        self.company
            .store(self.environment)
            .get(kind, &namespace, &self.app.name)
            .unwrap_or_else(|| panic!("no {kind} {namespace}/{}", self.app.name))
    }

    /// The app's pods that carry a commit's image tag.
    pub fn pods(&self, label: &'static str) -> Vec<Arc<Value>> {
        let tag = &self.landmark(label).tag;
        assert!(!tag.is_empty(), "{} {label} has no image", self.app.name);
        let image = format!("{}:{tag}", self.app.image);
        self.all_pods()
            .into_iter()
            .filter(|pod| pod["spec"]["containers"][0]["image"] == image.as_str())
            .collect()
    }

    pub fn all_pods(&self) -> Vec<Arc<Value>> {
        let mut pods = self
            .company
            .store(self.environment)
            .list("Pod", Some(&self.app.namespace(self.environment)));
        pods.retain(|pod| {
            pod["metadata"]["labels"]["app.kubernetes.io/name"] == self.app.name.as_str()
        });
        pods
    }

    pub fn landmark(&self, label: &'static str) -> &Landmark {
        &self.company.landmarks[&(self.app.spec.role, label)]
    }

    /// The app runs a commit and nothing else, every pod is ready, and the runtime reports the image's digest.
    pub fn runs(&self, label: &'static str) {
        let pods = self.pods(label);
        let place = format!("{} in {}", self.app.name, self.environment.name());
        assert!(!pods.is_empty(), "{place} does not run {label}");
        assert_eq!(
            pods.len(),
            self.all_pods().len(),
            "{place} runs more than {label}"
        );
        let digest = &self.landmark(label).digest;
        for pod in pods {
            assert_eq!(
                condition(&pod, "Ready").0,
                "True",
                "{place}: {}",
                pod["status"]
            );
            let id = pod["status"]["containerStatuses"][0]["imageID"]
                .as_str()
                .unwrap_or_default();
            assert!(
                id.ends_with(digest.as_str()),
                "{place}: {id} is not {digest}"
            );
        }
    }

    /// Old pods of a commit are all well, whatever the new ones are.
    pub fn still_runs(&self, label: &'static str) {
        let pods = self.pods(label);
        assert!(
            !pods.is_empty(),
            "{} in {}",
            self.app.name,
            self.environment.name()
        );
        assert!(pods.iter().any(|pod| condition(pod, "Ready").0 == "True"));
    }

    /// Git names a commit's image here.
    pub fn declares(&self, label: &'static str) -> bool {
        self.declaration()
            .contains(&format!(": {}", self.landmark(label).tag))
    }

    pub fn declaration(&self) -> String {
        let repository = self.company.code.repository(&self.app.gitops).unwrap();
        repository
            .read("main", &self.app.declaration(self.environment))
            .unwrap_or_default()
    }

    /// The revision that an object has, as a commit.
    pub fn commit_of(&self, revision: &Value) -> String {
        revision
            .as_str()
            .unwrap_or_default()
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether what a revision names declares a commit's image here.
    pub fn revision_declares(&self, revision: &Value, label: &'static str) -> bool {
        let repository = self.company.code.repository(&self.app.gitops).unwrap();
        repository
            .read(
                &self.commit_of(revision),
                &self.app.declaration(self.environment),
            )
            .is_some_and(|text| text.contains(&format!(": {}", self.landmark(label).tag)))
    }

    pub fn waiting_reasons(&self, label: &'static str) -> Vec<String> {
        self.pods(label)
            .iter()
            .map(|pod| {
                pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// Production still names something older.
    pub fn not_promoted(&self, label: &'static str) {
        assert!(!self.declares(label), "{}", self.app.name);
        assert!(!self.declaration().is_empty());
        assert!(!self.declaration().contains("imagepolicy"));
    }

    pub fn says(&self, object: &Value) -> Said {
        condition(object, "Ready")
    }
}

pub fn condition(object: &Value, kind: &str) -> Said {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .map(|condition| {
            (
                text(&condition["status"]),
                text(&condition["reason"]),
                text(&condition["message"]),
            )
        })
        .unwrap_or_default()
}

impl Place<'_> {
    pub fn pods_of(&self, landmark: &Landmark) -> Vec<Arc<Value>> {
        let image = format!("{}:{}", self.app.image, landmark.tag);
        let mut pods = self.all_pods();
        pods.retain(|pod| pod["spec"]["containers"][0]["image"] == image.as_str());
        pods
    }
}
