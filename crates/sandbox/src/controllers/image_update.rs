//! image-automation-controller's ImageUpdateAutomations: writing chosen tags to Git.
//!
//! A marker that is missing is no error here, and neither is a policy of another namespace: the automation says
//! "repository up-to-date", as Flux does.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::conditions::{self, Conditions};
use super::fields::{at, duration_at, flag, integer, mapping, put, stamp, text};
use super::setters::{ImageRef, Set, set};
use super::source::handle_request;
use super::{Controllers, Key, Next, generation, requested};
use crate::git::{Edit, Repository};

const COMPONENT: &str = "image-automation-controller";

/// A run that ended well.
struct Ran {
    /// `main@sha1:…` of what was checked out, or pushed.
    revision: String,
    /// The pushed commit, its branch and its message.
    pushed: Option<(String, String, String)>,
}

impl Controllers {
    pub(super) fn image_update_automation(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        if flag(&object, &["spec", "suspend"]) {
            return self.suspended(key, &object, true);
        }
        let policies = self.policies(key, &object);
        let observed: Map<String, Value> = policies
            .iter()
            .map(|(name, image)| {
                let mut reference = json!({"name": image.name, "tag": image.tag});
                if !image.digest.is_empty() {
                    reference["digest"] = json!(image.digest);
                }
                (name.clone(), reference)
            })
            .collect();
        let interval = duration_at(&object, &["spec", "interval"], 60);
        match self.automate(key, &object, &policies, &observed) {
            // The branch and the policies are as they were: only the time of the run is another.
            Ok(None) => Next::Idle(interval),
            Ok(Some(ran)) => {
                self.succeeded(key);
                self.automated(key, &object, observed, ran);
                Next::After(interval)
            }
            Err((reason, message)) => {
                self.automation_failed(key, &object, reason, &message);
                self.back_off(key)
            }
        }
    }

    /// The policies of the automation's namespace that have chosen an image, by name.
    fn policies(&self, key: &Key, object: &Value) -> BTreeMap<String, ImageRef> {
        let wanted = mapping(object, &["spec", "policySelector", "matchLabels"]);
        self.store
            .list("ImagePolicy", Some(&key.namespace))
            .into_iter()
            .filter(|policy| {
                wanted.is_none_or(|wanted| {
                    wanted.iter().all(|(label, value)| {
                        at(policy, &["metadata", "labels", label]) == Some(value)
                    })
                })
            })
            .filter_map(|policy| {
                let latest = at(&policy, &["status", "latestRef"])?;
                let image = ImageRef {
                    name: text(latest, &["name"]).to_owned(),
                    tag: text(latest, &["tag"]).to_owned(),
                    digest: text(latest, &["digest"]).to_owned(),
                };
                Some((text(&policy, &["metadata", "name"]).to_owned(), image))
            })
            .collect()
    }

    /// Checks out, sets, commits and pushes. `None` if nothing is new since the last run that went well.
    fn automate(
        &mut self,
        key: &Key,
        object: &Value,
        policies: &BTreeMap<String, ImageRef>,
        observed: &Map<String, Value>,
    ) -> Result<Option<Ran>, (&'static str, String)> {
        let reference = &object["spec"]["sourceRef"];
        let namespace = match text(reference, &["namespace"]) {
            "" => &key.namespace,
            namespace => namespace,
        };
        let name = text(reference, &["name"]);
        let source = self.object(&Key::new("GitRepository", namespace, name)).ok_or_else(|| {
            (
                "SourceManagerFailed",
                format!(
                    "failed configuring source manager: gitrepositories.source.toolkit.fluxcd.io \"{name}\" not found"
                ),
            )
        })?;
        let checkout = |why: String| {
            (
                "GitOperationFailed",
                format!("failed to checkout source: {why}"),
            )
        };
        let fault = self
            .faults
            .table()
            .sources
            .get(&(self.cluster().to_owned(), format!("{namespace}/{name}")))
            .map(|fault| fault.message.clone());
        if let Some(fault) = fault {
            // The same credentials, the same refusal.
            let why = fault
                .rsplit_once("determine revision: ")
                .map_or(fault.as_str(), |(_, why)| why);
            return Err(checkout(why.to_owned()));
        }
        let url = text(&source, &["spec", "url"]);
        let repository = self
            .repository_path(url)
            .and_then(|path| self.code.repository(path))
            .ok_or_else(|| checkout(format!("unable to clone '{url}': repository not found")))?;
        let branch = [
            text(object, &["spec", "git", "checkout", "ref", "branch"]),
            text(&source, &["spec", "ref", "branch"]),
            "master",
        ]
        .into_iter()
        .find(|branch| !branch.is_empty())
        .unwrap_or_default();
        let head = repository.head(branch).ok_or_else(|| {
            checkout(format!(
                "unable to clone '{url}': couldn't find remote ref \"refs/heads/{branch}\""
            ))
        })?;
        let push_branch = match text(object, &["spec", "git", "push", "branch"]) {
            "" => branch,
            branch => branch,
        };
        let revision = format!("{branch}@sha1:{head}");
        let status = &object["status"];
        let nothing_new = push_branch == branch
            && text(status, &["observedSourceRevision"]) == revision
            && mapping(status, &["observedPolicies"]).unwrap_or(&Map::new()) == observed
            && conditions::is(status, "Ready", "True")
            && integer(status, &["observedGeneration"]) == Some(generation(object))
            && text(status, &["lastHandledReconcileAt"]) == requested(object);
        if nothing_new {
            return Ok(None);
        }
        // A branch of its own begins where it was left, or at the checkout.
        let base = match push_branch == branch {
            true => head.clone(),
            false => repository.head(push_branch).unwrap_or_else(|| head.clone()),
        };
        let (edits, changes) = setters(key, object, &repository, &base, policies);
        if edits.is_empty() {
            if push_branch != branch
                && text(status, &["observedSourceRevision"]) == revision
                && mapping(status, &["observedPolicies"]).unwrap_or(&Map::new()) == observed
                && conditions::is(status, "Ready", "True")
                && text(status, &["lastHandledReconcileAt"]) == requested(object)
            {
                return Ok(None);
            }
            return Ok(Some(Ran {
                revision,
                pushed: None,
            }));
        }
        let pushed = |why: String| {
            (
                "GitOperationFailed",
                format!("failed to update source: {why}"),
            )
        };
        let refusal = self
            .faults
            .table()
            .protected
            .get(&(repository.path().to_owned(), push_branch.to_owned()))
            .cloned();
        if let Some(refusal) = refusal {
            return Err(pushed(refusal));
        }
        let message = commit_message(object, key, &changes);
        let author = &object["spec"]["git"]["commit"]["author"];
        let author = match (text(author, &["name"]), text(author, &["email"])) {
            ("", "") => "fluxcdbot <fluxcdbot@users.noreply.github.com>".to_owned(),
            ("", email) => format!("{email} <{email}>"),
            (name, email) => format!("{name} <{email}>"),
        };
        if push_branch != branch && repository.head(push_branch).is_none() {
            repository
                .branch(push_branch, &head)
                .map_err(|error| pushed(error.to_string()))?;
        }
        let commit = repository
            .commit(push_branch, &author, self.now, &message, &edits)
            .map_err(|error| pushed(error.to_string()))?;
        let revision = match push_branch == branch {
            true => format!("{branch}@sha1:{commit}"),
            false => revision,
        };
        Ok(Some(Ran {
            revision,
            pushed: Some((commit, push_branch.to_owned(), message)),
        }))
    }

    fn automated(&self, key: &Key, object: &Value, observed: Map<String, Value>, ran: Ran) {
        let mut status = object["status"].clone();
        let was_ready = conditions::is(&status, "Ready", "True");
        put(&mut status, &["lastAutomationRunTime"], stamp(self.now));
        put(
            &mut status,
            &["observedSourceRevision"],
            json!(ran.revision),
        );
        put(&mut status, &["observedPolicies"], Value::Object(observed));
        put(
            &mut status,
            &["observedGeneration"],
            json!(generation(object)),
        );
        if let Some((commit, _, _)) = &ran.pushed {
            put(&mut status, &["lastPushCommit"], json!(commit));
            put(&mut status, &["lastPushTime"], stamp(self.now));
        }
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.remove("Reconciling");
        conditions.remove("Stalled");
        conditions.yes("Ready", "Succeeded", "repository up-to-date");
        handle_request(&mut status, object);
        self.write_status(key, status);
        if let Some((commit, branch, message)) = ran.pushed {
            let short = commit.get(..7).unwrap_or(&commit);
            let summary = format!("pushed commit '{short}' to branch '{branch}'\n{message}");
            self.store
                .record_event(object, false, "Succeeded", &summary, COMPONENT);
        } else if !was_ready {
            self.store.record_event(
                object,
                false,
                "Succeeded",
                "repository up-to-date",
                COMPONENT,
            );
        }
    }

    fn automation_failed(&self, key: &Key, object: &Value, reason: &str, message: &str) {
        let mut status = object["status"].clone();
        put(&mut status, &["lastAutomationRunTime"], stamp(self.now));
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.reconciling("ProgressingWithRetry", "reconciliation in progress");
        conditions.no("Ready", reason, message);
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store
            .record_event(object, true, reason, message, COMPONENT);
    }
}

/// The edits that the policies ask for below `spec.update.path`, and what they set, file by file.
fn setters(
    key: &Key,
    object: &Value,
    repository: &Repository,
    commit: &str,
    policies: &BTreeMap<String, ImageRef>,
) -> (Vec<Edit>, Vec<(String, Vec<Set>)>) {
    let by_marker: BTreeMap<String, ImageRef> = policies
        .iter()
        .map(|(name, image)| (format!("{}:{name}", key.namespace), image.clone()))
        .collect();
    let path = text(object, &["spec", "update", "path"]);
    let (mut edits, mut changes) = (Vec::new(), Vec::new());
    for (path, content) in repository.files(commit, path) {
        let name = path.rsplit('/').next().unwrap_or(&path);
        if !(name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization") {
            continue;
        }
        if let Some((content, sets)) = set(&content, &by_marker) {
            edits.push(Edit::Write {
                path: path.clone(),
                content,
            });
            changes.push((path, sets));
        }
    }
    (edits, changes)
}

/// The commit's message: the template's own words up to its first loop, then what was set. (Flux runs Go templates;
/// here `{{ .AutomationObject }}` is known, and a loop stands for the list of changes.)
fn commit_message(object: &Value, key: &Key, changes: &[(String, Vec<Set>)]) -> String {
    let template = text(object, &["spec", "git", "commit", "messageTemplate"]);
    if template.is_empty() {
        return "Update from image update automation".to_owned();
    }
    let words = template.split("{{ range").next().unwrap_or_default();
    let words = words.split("{{range").next().unwrap_or_default();
    let words = words.split("{{- range").next().unwrap_or_default();
    let mut message = words
        .replace("{{ .AutomationObject }}", &key.path())
        .trim_end()
        .to_owned();
    if words.len() != template.len() {
        message.push('\n');
        for (file, sets) in changes {
            message.push_str(&format!("\n- {file}\n"));
            for set in sets {
                message.push_str(&format!("  - {} -> {}\n", set.old, set.new));
            }
        }
    }
    message.trim_end().to_owned()
}
