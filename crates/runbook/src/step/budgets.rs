//! PodDisruptionBudgets: which of them count a pod, and what they allow now.
//!
//! Owns the reading of selectors. A deletion or a rollout asks no budget (only an eviction does): a plan does.

use api::ObjectRef;
use serde_json::Value as Json;

use crate::ground::{Ground, Look};
use crate::step::object::Object;

const KIND: &str = "PodDisruptionBudget";

/// What has to be read.
pub(super) fn look(on: &ObjectRef) -> Look {
    Look::All {
        system: on.system.clone(),
        kind: KIND,
        namespace: on.namespace.clone(),
    }
}

/// The budgets that count pods with these labels and let none go now.
pub(super) fn exhausted(
    ground: &Ground,
    on: &ObjectRef,
    labels: Option<&Json>,
) -> Result<Vec<ObjectRef>, String> {
    let mut found = Vec::new();
    for json in ground.all(&on.system, KIND, &on.namespace)? {
        let budget = Object::listed(&on.system, KIND, json);
        if selects(&budget, labels)? && budget.count("status.disruptionsAllowed")? == 0 {
            found.push(budget.on);
        }
    }
    Ok(found)
}

/// Whether a budget counts pods with these labels. One without a selector counts none, one with an empty selector all.
fn selects(budget: &Object<'_>, labels: Option<&Json>) -> Result<bool, String> {
    if budget.field("spec.selector")?.is_none() {
        return Ok(false);
    }
    let label = |key: &str| labels.and_then(|labels| labels[key].as_str());
    if let Some(wanted) = budget.field("spec.selector.matchLabels")? {
        let wanted = wanted.as_object().ok_or_else(|| unread(budget))?;
        if wanted
            .iter()
            .any(|(key, value)| label(key) != value.as_str())
        {
            return Ok(false);
        }
    }
    for wanted in budget.list("spec.selector.matchExpressions")? {
        let has = label(wanted["key"].as_str().ok_or_else(|| unread(budget))?);
        let values = wanted["values"].as_array().map_or(&[][..], Vec::as_slice);
        let is_among = has.is_some_and(|has| values.iter().any(|value| value == has));
        let fits = match wanted["operator"].as_str() {
            Some("In") => is_among,
            Some("NotIn") => !is_among,
            Some("Exists") => has.is_some(),
            Some("DoesNotExist") => has.is_none(),
            _ => return Err(unread(budget)),
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unread(budget: &Object<'_>) -> String {
    format!("the selector of {} cannot be read", budget.on)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::ground::Read;

    #[test]
    fn a_budget_counts_what_its_selector_says_and_only_one_that_allows_none_is_named() {
        let on = ObjectRef::new("prod", "Pod", "shop", "a");
        let labels = json!({"app": "checkout", "tier": "web"});
        for (selector, allowed, is) in [
            (json!({"matchLabels": {"app": "checkout"}}), json!(0), true),
            (
                json!({"matchLabels": {"app": "checkout"}}),
                json!(null),
                true,
            ),
            (json!({"matchLabels": {"app": "checkout"}}), json!(1), false),
            (json!({"matchLabels": {"app": "other"}}), json!(0), false),
            (json!({}), json!(0), true),
            (json!(null), json!(0), false),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["web"]}]}),
                json!(0),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}),
                json!(0),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "old", "operator": "Exists"}]}),
                json!(0),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}),
                json!(0),
                true,
            ),
        ] {
            let budget = json!({
                "metadata": {"namespace": "shop", "name": "b"},
                "spec": {"selector": selector},
                "status": {"disruptionsAllowed": allowed},
            });
            let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
            ground.add(look(&on), Read::All(vec![budget]));
            let found = exhausted(&ground, &on, Some(&labels)).expect("readable");
            assert_eq!(!found.is_empty(), is, "{selector} {allowed}");
        }
        let odd = json!({"metadata": {}, "spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}});
        let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
        ground.add(look(&on), Read::All(vec![odd]));
        assert!(exhausted(&ground, &on, Some(&labels)).is_err());
    }
}
