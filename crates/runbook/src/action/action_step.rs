//! How a step is read: `restart: {within: 5m}`, with `on: {input: NAME}` beside it where it is done to something chosen.
//!
//! By hand, because a derived `flatten` lets unknown fields pass, and forgets where a mistake stands.

use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{ActionStep, Step};

impl<'de> Deserialize<'de> for ActionStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneStep)
    }
}

struct OneStep;

impl<'de> Visitor<'de> for OneStep {
    type Value = ActionStep;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a step, such as `restart: {}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ActionStep, A::Error> {
        let mut on = None;
        let mut step = None;
        while let Some(word) = map.next_key::<String>()? {
            if word == "on" {
                on = Some(map.next_value()?);
            } else if step.is_some() {
                return Err(A::Error::custom(format_args!(
                    "a step does one thing, and {word:?} is a second: it begins with a dash of its own"
                )));
            } else {
                let entry = Entry {
                    word: Some(word),
                    map: &mut map,
                };
                let entry = serde::de::value::MapAccessDeserializer::new(entry);
                step = Some(Step::deserialize(entry)?);
            }
        }
        let step = step.ok_or_else(|| A::Error::custom("nothing is said to be done"))?;
        Ok(ActionStep { on, step })
    }
}

/// One entry of a mapping, whose key was read already.
struct Entry<'a, A> {
    word: Option<String>,
    map: &'a mut A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entry<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let word = self.word.take();
        word.map(|word| seed.deserialize(word.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
