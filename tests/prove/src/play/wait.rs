//! What a step waits for: a condition or a field of the world, or that an object is gone.
//!
//! Owns how long the world may take, and when a condition is of before: one that speaks of an older spec says nothing.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Play, PlayError, text};
use crate::scenario::{Condition, Field, Until};

/// How long the world may take to become what a step waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(200);

impl Play<'_> {
    pub(super) async fn until(&self, until: &Until) -> Result<(), PlayError> {
        let (kind, name) = self.named(&until.object);
        let api = &self.ground.api;
        let begun = Instant::now();
        loop {
            let found = match name.as_str() {
                "*" => api.list(&kind, self.name).await?,
                name => Vec::from_iter(api.get(&kind, self.name, name).await?),
            };
            let is_so = match until.gone {
                true => found.is_empty(),
                false => found.iter().any(|object| self.is_so(object, until)),
            };
            if is_so {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let is: Vec<String> = found.iter().map(|one| one["status"].to_string()).collect();
                return Err(PlayError::Never {
                    object: self.filled(&until.object),
                    wanted: self.wanted(until),
                    is: is.join(" "),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_so(&self, object: &Value, until: &Until) -> bool {
        let condition = until.condition.as_ref();
        let field = until.field.as_ref();
        condition.is_none_or(|wanted| self.has_condition(object, wanted))
            && field.is_none_or(|wanted| self.has_field(object, wanted))
    }

    fn has_condition(&self, object: &Value, wanted: &Condition) -> bool {
        let conditions = object["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        let Some(found) = conditions.find(|found| found["type"] == *wanted.r#type) else {
            return false;
        };
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| found[field] == *wanted)
        };
        let says = |part: &String| text(found, "/message").contains(&self.filled(part));
        !is_of_before(object, found)
            && is("status", &wanted.status)
            && is("reason", &wanted.reason)
            && wanted.message.as_ref().is_none_or(says)
    }

    fn has_field(&self, object: &Value, wanted: &Field) -> bool {
        let value = object.pointer(&wanted.at);
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return wanted.absent;
        };
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        !wanted.absent && value.contains(&self.filled(&wanted.contains))
    }

    /// What is waited for, in words.
    fn wanted(&self, until: &Until) -> String {
        let mut wanted = Vec::new();
        if let Some(one) = &until.condition {
            let said = [&one.status, &one.reason, &one.message];
            let said: Vec<&str> = said.iter().filter_map(|part| part.as_deref()).collect();
            wanted.push(format!("{} {}", one.r#type, said.join(" ")));
        }
        if let Some(field) = &until.field {
            wanted.push(match field.absent {
                true => format!("without {}", field.at),
                false => format!("{} with {}", field.at, self.filled(&field.contains)),
            });
        }
        if until.gone {
            wanted.push("gone".to_owned());
        }
        wanted.join(", ")
    }
}

/// Whether a condition speaks of an older spec than the object has.
fn is_of_before(object: &Value, condition: &Value) -> bool {
    let is_workload = text(object, "/apiVersion").starts_with("apps/");
    let seen = match &condition["observedGeneration"] {
        // A workload's conditions have none, and its controller writes all of its status at once.
        Value::Null if is_workload => &object["status"]["observedGeneration"],
        seen => seen,
    };
    let wanted = object["metadata"]["generation"].as_i64();
    seen.is_number() && seen.as_i64() < wanted
}
