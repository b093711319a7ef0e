//! image-reflector-controller's ImageRepositories: which tags the registry has.

use serde_json::{Value, json};

use super::conditions::{self, Conditions};
use super::fields::{duration_at, flag, integer, list, put, stamp, text};
use super::names::number;
use super::source::handle_request;
use super::{Controllers, Key, Next, generation, requested};

const COMPONENT: &str = "image-reflector-controller";

/// How many tags `lastScanResult.latestTags` shows.
const LATEST_TAGS: usize = 10;

/// What a repository's scans have found.
#[derive(Debug, Default)]
pub(super) struct Scans {
    /// All tags, filtered.
    pub(super) tags: Vec<String>,
}

impl Controllers {
    pub(super) fn image_repository(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        if flag(&object, &["spec", "suspend"]) {
            return self.suspended(key, &object, true);
        }
        let image = text(&object, &["spec", "image"]);
        let interval = duration_at(&object, &["spec", "interval"], 60);
        let Some(repository) = self.registry_path(image) else {
            let host = image.split('/').next().unwrap_or(image);
            let error = format!(
                "scan failed: Get \"https://{host}/v2/\": dial tcp: lookup {host} on 10.96.0.10:53: no such host"
            );
            return self.scan_failed(key, &object, "ReadOperationFailed", &error);
        };
        let fault = self
            .faults
            .table()
            .scans
            .get(&(self.cluster().to_owned(), repository.to_owned()))
            .cloned();
        if let Some(fault) = fault {
            let message = if fault.starts_with("scan failed") {
                fault
            } else {
                format!("scan failed: {fault}")
            };
            return self.scan_failed(key, &object, "ReadOperationFailed", &message);
        }
        let excluded: Vec<regex::Regex> = list(&object, &["spec", "exclusionList"])
            .iter()
            .filter_map(|pattern| regex::Regex::new(pattern.as_str()?).ok())
            .collect();
        let mut tags = self.registry.tags(repository);
        // Cosign's signatures and attestations are left out unless the list says otherwise.
        tags.retain(|tag| {
            if excluded.is_empty() {
                !(tag.starts_with("sha256-") && tag.ends_with(".sig"))
            } else {
                !excluded.iter().any(|pattern| pattern.is_match(tag))
            }
        });
        self.succeeded(key);
        let status = &object["status"];
        let scans = self.scans.entry(key.clone()).or_default();
        let settled = scans.tags == tags
            && conditions::is(status, "Ready", "True")
            && integer(status, &["observedGeneration"]) == Some(generation(&object))
            && text(status, &["lastHandledReconcileAt"]) == requested(&object);
        if settled {
            return Next::Idle(interval);
        }
        scans.tags.clone_from(&tags);
        let before = status.clone();
        self.scanned(key, &object, before, tags, image);
        Next::After(interval)
    }

    fn scanned(
        &self,
        key: &Key,
        object: &Value,
        mut status: Value,
        tags: Vec<String>,
        image: &str,
    ) {
        let checksum = number(0, &[&tags.join(" ")], u64::MAX).to_string();
        let message = format!(
            "successful scan: found {} tags with checksum {checksum}",
            tags.len()
        );
        let was = conditions::find(&status, "Ready")
            .map(|ready| text(ready, &["message"]).to_owned())
            .unwrap_or_default();
        let latest: Vec<&String> = tags.iter().rev().take(LATEST_TAGS).collect();
        put(
            &mut status,
            &["lastScanResult"],
            json!({
                "latestTags": latest,
                "revision": checksum,
                "scanTime": stamp(self.now),
                "tagCount": tags.len(),
            }),
        );
        put(&mut status, &["canonicalImageName"], json!(image));
        put(
            &mut status,
            &["observedExclusionList"],
            json!(["^.*\\.sig$"]),
        );
        self.write_success(key, object, status, &message);
        if was != message {
            self.store
                .record_event(object, false, "Succeeded", &message, COMPONENT);
        }
    }

    fn scan_failed(&mut self, key: &Key, object: &Value, reason: &str, message: &str) -> Next {
        let mut status = object["status"].clone();
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        conditions.reconciling("ProgressingWithRetry", "scanning: triggered by interval");
        conditions.no("Ready", reason, message);
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store
            .record_event(object, true, reason, message, COMPONENT);
        self.back_off(key)
    }

    /// The path in the company's registry of an image name; `None` if it is another registry's.
    pub(super) fn registry_path<'a>(&self, image: &'a str) -> Option<&'a str> {
        image
            .strip_prefix(self.registry_host.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
    }
}
