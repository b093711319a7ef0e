//! image-reflector-controller's ImagePolicies: which of the scanned tags is chosen.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::conditions::{self, Conditions};
use super::fields::{at, flag, integer, put, text};
use super::source::handle_request;
use super::versions::{Range, newest};
use super::{Controllers, Key, Next, generation, requested};

const COMPONENT: &str = "image-reflector-controller";

/// Why there is no choice.
#[derive(Debug, PartialEq, Eq)]
enum PolicyError {
    /// The policy itself is wrong: only another spec helps.
    Invalid(String),
    /// The tags do not fit.
    Failed(String),
}

impl Controllers {
    pub(super) fn image_policy(&mut self, key: &Key) -> Next {
        let Some(object) = self.object(key) else {
            return Next::OnChange;
        };
        if flag(&object, &["spec", "suspend"]) {
            return self.suspended(key, &object, true);
        }
        let reference = &object["spec"]["imageRepositoryRef"];
        let namespace = match text(reference, &["namespace"]) {
            "" => &key.namespace,
            namespace => namespace,
        };
        let name = text(reference, &["name"]);
        let repository = Key::new("ImageRepository", namespace, name);
        let Some(repository_object) = self.object(&repository) else {
            let message = format!(
                "failed to get the referred ImageRepository: referenced ImageRepository does not exist: \
                 imagerepositories.image.toolkit.fluxcd.io \"{name}\" not found"
            );
            self.no_choice(key, &object, "DependencyNotReady", &message, false);
            return self.back_off(key);
        };
        let tags = self
            .scans
            .get(&repository)
            .map(|scans| scans.tags.clone())
            .unwrap_or_default();
        if tags.is_empty() {
            let message = "retrying in 30s error: no tags in database";
            self.no_choice(key, &object, "DependencyNotReady", message, false);
            return Next::seconds(30);
        }
        match choose(&object["spec"], &tags) {
            Ok(tag) => {
                self.succeeded(key);
                self.chosen(
                    key,
                    &object,
                    text(&repository_object, &["spec", "image"]),
                    &tag,
                );
                Next::OnChange
            }
            Err(PolicyError::Invalid(message)) => {
                self.no_choice(key, &object, "InvalidPolicy", &message, true);
                Next::OnChange
            }
            Err(PolicyError::Failed(message)) => {
                self.no_choice(key, &object, "Failure", &message, false);
                self.back_off(key)
            }
        }
    }

    fn chosen(&self, key: &Key, object: &Value, image: &str, tag: &str) {
        let before = &object["status"];
        let mut latest = json!({"name": image, "tag": tag});
        let reflects = text(object, &["spec", "digestReflectionPolicy"]);
        if matches!(reflects, "Always" | "IfNotPresent")
            && let Some(digest) = self
                .registry_path(image)
                .and_then(|path| self.registry.digest(path, tag))
        {
            latest["digest"] = json!(digest);
        }
        let known = at(before, &["latestRef"]);
        let settled = known == Some(&latest)
            && conditions::is(before, "Ready", "True")
            && integer(before, &["observedGeneration"]) == Some(generation(object))
            && text(before, &["lastHandledReconcileAt"]) == requested(object);
        if settled {
            return;
        }
        let mut status = before.clone();
        if known != Some(&latest) {
            if let Some(known) = known {
                put(&mut status, &["observedPreviousRef"], known.clone());
            }
            put(&mut status, &["latestRef"], latest.clone());
        }
        let mut message = format!("Latest image tag for {image} resolved to {tag}");
        if let Some(digest) = latest.get("digest").and_then(Value::as_str) {
            message.push_str(&format!(" with digest {digest}"));
        }
        if let Some(previous) =
            at(&status, &["observedPreviousRef"]).filter(|previous| **previous != latest)
        {
            message.push_str(&format!(
                " (previously {}:{})",
                text(previous, &["name"]),
                text(previous, &["tag"])
            ));
        }
        self.write_success(key, object, status, &message);
        self.store
            .record_event(object, false, "Succeeded", &message, COMPONENT);
    }

    fn no_choice(&self, key: &Key, object: &Value, reason: &str, message: &str, stalled: bool) {
        let mut status = object["status"].clone();
        if stalled {
            put(
                &mut status,
                &["observedGeneration"],
                json!(generation(object)),
            );
        }
        let mut conditions = Conditions {
            status: &mut status,
            generation: generation(object),
            now: self.now,
        };
        if stalled {
            conditions.stalled(reason, message);
        } else {
            conditions.reconciling("ProgressingWithRetry", "reconciliation in progress");
        }
        conditions.no("Ready", reason, message);
        handle_request(&mut status, object);
        self.write_status(key, status);
        self.store
            .record_event(object, true, reason, message, COMPONENT);
    }
}

/// The tag that a policy's spec chooses.
fn choose(spec: &Value, tags: &[String]) -> Result<String, PolicyError> {
    // What is sorted, and the tag that it stands for.
    let candidates: BTreeMap<String, String> = match at(spec, &["filterTags"]) {
        None => tags.iter().map(|tag| (tag.clone(), tag.clone())).collect(),
        Some(filter) => {
            let pattern = text(filter, &["pattern"]);
            let expression = regex::Regex::new(pattern).map_err(|error| {
                PolicyError::Invalid(format!(
                    "failed to filter tags: invalid regular expression pattern '{pattern}': {error}"
                ))
            })?;
            let extract = text(filter, &["extract"]);
            tags.iter()
                .filter_map(|tag| {
                    let found = expression.captures(tag)?;
                    let mut value = String::new();
                    if extract.is_empty() {
                        value.push_str(tag);
                    } else {
                        found.expand(extract, &mut value);
                    }
                    Some((value, tag.clone()))
                })
                .collect()
        }
    };
    if candidates.is_empty() {
        return Err(PolicyError::Failed(
            "version list argument cannot be empty".to_owned(),
        ));
    }
    let policy = &spec["policy"];
    let descending = |kind: &str| text(policy, &[kind, "order"]).eq_ignore_ascii_case("desc");
    let values = candidates.keys().map(String::as_str);
    let chosen = if let Some(semver) = at(policy, &["semver"]) {
        let range = text(semver, &["range"]);
        let range = Range::parse(range).ok_or_else(|| {
            PolicyError::Invalid(format!("invalid policy: improper constraint: {range}"))
        })?;
        newest(values, &range)
            .ok_or_else(|| {
                PolicyError::Failed(
                    "unable to determine latest version from provided list".to_owned(),
                )
            })?
            .to_owned()
    } else if at(policy, &["numerical"]).is_some() {
        let mut numbers = Vec::new();
        for value in values {
            let number: f64 = value.parse().map_err(|_| {
                PolicyError::Failed(format!("failed to parse invalid numeric value '{value}'"))
            })?;
            numbers.push((number, value));
        }
        numbers.sort_by(|left, right| left.0.total_cmp(&right.0));
        let chosen = if descending("numerical") {
            numbers.first()
        } else {
            numbers.last()
        };
        chosen
            .map(|(_, value)| (*value).to_owned())
            .unwrap_or_default()
    } else if at(policy, &["alphabetical"]).is_some() {
        let mut sorted = values;
        let chosen = if descending("alphabetical") {
            sorted.next()
        } else {
            sorted.next_back()
        };
        chosen.unwrap_or_default().to_owned()
    } else {
        return Err(PolicyError::Invalid(
            "invalid policy: given ImagePolicyChoice object is invalid".to_owned(),
        ));
    };
    Ok(candidates.get(&chosen).cloned().unwrap_or(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[&str]) -> Vec<String> {
        list.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn alphabetical_order_puts_build_100_below_build_99() {
        let spec = json!({"policy": {"alphabetical": {"order": "asc"}}});
        assert_eq!(
            choose(&spec, &tags(&["build-98", "build-99", "build-100"])).unwrap(),
            "build-99"
        );
    }

    #[test]
    fn numbers_are_extracted_and_compared_as_numbers() {
        let spec = json!({
            "filterTags": {"pattern": "^build-(?P<n>[0-9]+)$", "extract": "$n"},
            "policy": {"numerical": {"order": "asc"}},
        });
        assert_eq!(
            choose(&spec, &tags(&["build-99", "build-100", "latest"])).unwrap(),
            "build-100"
        );
        let wrong = json!({"filterTags": {"pattern": "^build(?P<n>.*)$", "extract": "$n"},
                           "policy": {"numerical": {"order": "asc"}}});
        assert_eq!(
            choose(&wrong, &tags(&["build-9a"])),
            Err(PolicyError::Failed(
                "failed to parse invalid numeric value '-9a'".to_owned()
            ))
        );
    }

    #[test]
    fn semver_ranges_leave_newer_ones_out() {
        let spec = json!({"policy": {"semver": {"range": "1.x"}}});
        assert_eq!(
            choose(&spec, &tags(&["1.2.0", "1.10.0", "2.0.0"])).unwrap(),
            "1.10.0"
        );
        assert!(choose(&spec, &tags(&["2.0.0"])).is_err());
        assert!(matches!(
            choose(
                &json!({"policy": {"semver": {"range": "new"}}}),
                &tags(&["2.0.0"])
            ),
            Err(PolicyError::Invalid(_))
        ));
    }
}
