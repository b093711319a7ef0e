//! Reading an object: its fields by their names, whatever somebody put there.
//!
//! Owns what is said of a field that is not what it has to be. A field that is not there is absent, never an error; one of
//! another type is an error that names it, never a guess.

use api::ObjectRef;
use api::headline::plain;
use serde_json::Value as Json;

use crate::call::{Call, RUN, Version};
use crate::ground::Ground;
use crate::journal::RunId;
use crate::plan::PlannedStep;
use crate::step::kinds::{self, Kind};
use crate::step::{Effect, Unfit};

/// The most characters of somebody else's words in a sentence of ours.
const LONGEST_QUOTE: usize = 240;

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    /// Which one.
    pub on: ObjectRef,
    json: &'a Json,
}

/// One of an object's conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    pub reason: &'a str,
    message: &'a str,
    /// The generation that it is said of, where it says.
    pub generation: Option<i64>,
}

impl Condition<'_> {
    /// Its reason and message, as one harmless line.
    pub fn words(&self) -> String {
        let line = match (self.reason, self.message) {
            ("", "") => "without a reason".to_owned(),
            (reason, "") => reason.to_owned(),
            ("", message) => message.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        };
        let line = plain(&line, LONGEST_QUOTE);
        line.trim_end_matches('.').to_owned()
    }
}

impl<'a> Object<'a> {
    /// The object that a step is planned on: it is there, and stays.
    pub fn planned_on(ground: &'a Ground, on: &ObjectRef) -> Result<Self, Unfit> {
        let found = ground
            .object(on)
            .map_err(|why| format!("{on} cannot be read: {why}"))?;
        let json = found.ok_or_else(|| format!("{on} is not there"))?;
        let object = Self::new(on, json);
        if object.field("metadata.deletionTimestamp")?.is_some() {
            return Err(Unfit {
                says: format!("{on} is being deleted already"),
            });
        }
        Ok(object)
    }

    /// The object that a step was done to: it is there, and it is that one.
    pub fn watched(ground: &'a Ground, on: &ObjectRef, step: &PlannedStep) -> Result<Self, Effect> {
        let Some(json) = ground.object(on)? else {
            return Err(Effect::Failed {
                says: format!("{on} is not there any more"),
            });
        };
        let object = Self::new(on, json);
        let uid = object.text("metadata.uid")?;
        let mut calls = step.calls.iter().filter_map(Call::object);
        let version = calls.find_map(|call| call.only_if.as_ref());
        if let Some(version) = version
            && uid != Some(version.uid.as_str())
        {
            return Err(Effect::Failed {
                says: format!("{on} is another one now: it was deleted and made anew"),
            });
        }
        Ok(object)
    }

    /// One of those that were read together.
    pub fn listed(system: &str, kind: &str, json: &'a Json) -> Self {
        let text = |field: &str| json["metadata"][field].as_str().unwrap_or_default();
        let on = ObjectRef::new(system, kind, text("namespace"), text("name"));
        Self { on, json }
    }

    pub fn new(on: &ObjectRef, json: &'a Json) -> Self {
        Self {
            on: on.clone(),
            json,
        }
    }

    pub fn kind(&self) -> Result<&'static Kind, String> {
        let known = kinds::named(&self.on.kind);
        known.ok_or_else(|| format!("nothing is known of the kind {}", self.on.kind))
    }

    /// What stands at a dotted path; `null` is absent.
    pub fn field(&self, path: &str) -> Result<Option<&'a Json>, String> {
        let mut place = self.json;
        for name in path.split('.') {
            match place {
                Json::Object(fields) => match fields.get(name) {
                    Some(value) => place = value,
                    None => return Ok(None),
                },
                Json::Null => return Ok(None),
                _ => return Err(self.odd(path, "there")),
            }
        }
        Ok(Some(place).filter(|value| !value.is_null()))
    }

    pub fn text(&self, path: &str) -> Result<Option<&'a str>, String> {
        let Some(value) = self.field(path)? else {
            return Ok(None);
        };
        let text = value.as_str().ok_or_else(|| self.odd(path, "a text"))?;
        Ok(Some(text))
    }

    /// A flag, which is off where it is absent.
    pub fn flag(&self, path: &str) -> Result<bool, String> {
        let Some(value) = self.field(path)? else {
            return Ok(false);
        };
        value
            .as_bool()
            .ok_or_else(|| self.odd(path, "true or false"))
    }

    pub fn number(&self, path: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.field(path)? else {
            return Ok(None);
        };
        let number = value.as_i64().ok_or_else(|| self.odd(path, "a number"))?;
        Ok(Some(number))
    }

    /// How many. Kubernetes leaves out what is zero.
    pub fn count(&self, path: &str) -> Result<i64, String> {
        match self.number(path)? {
            Some(number) if number < 0 => Err(self.odd(path, "how many")),
            number => Ok(number.unwrap_or(0)),
        }
    }

    pub fn list(&self, path: &str) -> Result<&'a [Json], String> {
        let Some(value) = self.field(path)? else {
            return Ok(&[]);
        };
        let list = value.as_array().ok_or_else(|| self.odd(path, "a list"))?;
        Ok(list)
    }

    /// A number or a percentage, as it is written.
    pub fn amount(&self, path: &str, usual: &str) -> Result<String, String> {
        match self.field(path)? {
            None => Ok(usual.to_owned()),
            Some(Json::String(text)) => Ok(plain(text, 20)),
            Some(Json::Number(number)) => Ok(number.to_string()),
            Some(_) => Err(self.odd(path, "an amount")),
        }
    }

    /// A text in a map whose keys have dots in them.
    pub fn entry(&self, map: &str, key: &str) -> Result<Option<&'a str>, String> {
        let odd = || self.odd(&format!("{map}[{key:?}]"), "a text");
        match self.field(map)? {
            None => Ok(None),
            Some(Json::Object(entries)) => match entries.get(key) {
                None | Some(Json::Null) => Ok(None),
                Some(Json::String(text)) => Ok(Some(text)),
                Some(_) => Err(odd()),
            },
            Some(_) => Err(odd()),
        }
    }

    pub fn annotation(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.entry("metadata.annotations", key)
    }

    pub fn label(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.entry("metadata.labels", key)
    }

    pub fn condition(&self, kind: &str) -> Result<Option<Condition<'a>>, String> {
        let conditions = self.list("status.conditions")?;
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == kind);
        Ok(found.map(|condition| {
            let text = |field: &str| condition[field].as_str().unwrap_or_default();
            Condition {
                status: text("status"),
                reason: text("reason"),
                message: text("message"),
                generation: condition["observedGeneration"].as_i64(),
            }
        }))
    }

    pub fn generation(&self) -> Result<i64, String> {
        let number = self.number("metadata.generation")?;
        number.ok_or_else(|| self.odd("metadata.generation", "there"))
    }

    /// Whether its controller has seen it as it is now.
    pub fn is_observed(&self) -> Result<bool, String> {
        let observed = self.number("status.observedGeneration")?;
        let generation = self.generation()?;
        Ok(observed.is_some_and(|observed| observed >= generation))
    }

    /// Exactly what was read.
    pub fn version(&self) -> Result<Version, String> {
        let text = |path: &str| match self.text(path)? {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.odd(path, "there")),
        };
        Ok(Version {
            uid: text("metadata.uid")?,
            resource_version: Some(text("metadata.resourceVersion")?),
        })
    }

    /// That what is there was written by this run and by nobody since.
    pub fn is_of(&self, run: &RunId) -> Result<(), Effect> {
        let on = &self.on;
        match self.annotation(RUN)? {
            Some(stamp) if stamp == run.as_str() => Ok(()),
            Some(other) => Err(Effect::Unknown {
                says: format!(
                    "The run {} has changed {on} since: what this one did cannot be told any more",
                    plain(other, 60)
                ),
            }),
            None => Err(Effect::Unknown {
                says: format!(
                    "{on} does not carry this run's mark: somebody has removed it, or the change never came"
                ),
            }),
        }
    }

    fn odd(&self, path: &str, is: &str) -> String {
        format!("{path} of {} is not {is}", self.on)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_is_not_there_is_absent_and_one_of_another_type_is_named() {
        let on = ObjectRef::new("prod", "Deployment", "shop", "checkout");
        let json = json!({
            "spec": {"replicas": "3", "paused": 1, "none": null},
            "status": "fine",
            "metadata": {"annotations": {"a.b/c": 7}},
        });
        let object = Object::new(&on, &json);
        assert_eq!(object.text("metadata.uid"), Ok(None));
        assert_eq!(object.count("spec.none"), Ok(0));
        let odd = |text: &str| Err(format!("{text} of Deployment shop/checkout is not"));
        let cut = |said: String| {
            said.rsplit_once(" is not")
                .map(|(text, _)| format!("{text} is not"))
        };
        for (said, expected) in [
            (object.count("spec.replicas").map(drop), "spec.replicas"),
            (object.flag("spec.paused").map(drop), "spec.paused"),
            (object.count("status.replicas").map(drop), "status.replicas"),
            (object.list("spec").map(drop), "spec"),
            (
                object.annotation("a.b/c").map(drop),
                "metadata.annotations[\"a.b/c\"]",
            ),
        ] {
            assert_eq!(
                said.map_err(|said| cut(said).unwrap_or_default()),
                odd(expected)
            );
        }
    }
}
