//! Image references in Helm values: a mapping with `repository` (and `registry`, `tag`, `digest`), or a string `image`.
//!
//! Values are anybody's YAML: they are read while they stream by, without a tree, and below [`DEEPEST`] they are passed
//! over, because the parser refuses documents that nest deeper than it would recurse.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// How deep values are looked through. serde_json gives up at 128 nested levels, and the values are some levels down
/// already; charts nest images perhaps six deep.
const DEEPEST: usize = 64;

/// The images named in values, in the order of the text, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Images(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Images {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Vec::new();
        Look {
            found: &mut found,
            depth: 0,
        }
        .deserialize(deserializer)?;
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|image| seen.insert(image.clone()));
        Ok(Self(found))
    }
}

/// Looks through one value; gives it back where it is a scalar.
struct Look<'a> {
    found: &'a mut Vec<String>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.depth > DEEPEST {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(None);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values")
    }
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq
            .next_element_seed(Look {
                found: &mut *self.found,
                depth: self.depth + 1,
            })?
            .is_some()
        {}
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let place = self.found.len();
        let mut named = Named::default();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Look {
                found: &mut *self.found,
                depth: self.depth + 1,
            })?;
            let value = value.filter(|text| !text.is_empty());
            match key.as_str() {
                "registry" => named.registry = value,
                "repository" => named.repository = value,
                "tag" => named.tag = value,
                "digest" => named.digest = value,
                "image" => self.found.extend(value),
                _ => {}
            }
        }
        if let Some(image) = named.reference() {
            self.found.insert(place, image);
        }
        Ok(None)
    }
}

#[derive(Default)]
struct Named {
    registry: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

impl Named {
    /// The reference, if there is a repository with a tag or digest. A repository alone may be a Git or chart repository.
    fn reference(self) -> Option<String> {
        let mut image = self.repository?;
        if self.tag.is_none() && self.digest.is_none() {
            return None;
        }
        if let Some(registry) = self.registry {
            image = format!("{}/{image}", registry.trim_end_matches('/'));
        }
        if let Some(tag) = self.tag {
            image = format!("{image}:{tag}");
        }
        if let Some(digest) = self.digest {
            image = format!("{image}@{digest}");
        }
        Some(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(json: &str) -> Vec<String> {
        serde_json::from_str::<Images>(json).unwrap().0
    }

    #[test]
    fn images_are_found_in_every_usual_form() {
        assert_eq!(
            images(
                r#"{"image":{"registry":"ghcr.io","repository":"shop/api","tag":"1.2","digest":""},
                    "sidecars":[{"image":"envoy:v1"},{"image":{"repository":"r/log","tag":7}}],
                    "metrics":{"image":{"repository":"r/exp","digest":"sha256:aa","tag":1.5}},
                    "again":{"image":"envoy:v1"},
                    "git":{"repository":"https://git/x"},"image.tag":"no"}"#
            ),
            [
                "ghcr.io/shop/api:1.2",
                "envoy:v1",
                "r/log:7",
                "r/exp:1.5@sha256:aa"
            ]
        );
    }

    #[test]
    fn values_of_no_shape_name_no_images() {
        for odd in ["null", "[]", "7", "\"image\"", "true", "{\"image\":null}"] {
            assert!(images(odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn values_nested_ten_thousand_deep_do_not_cost_the_release() {
        let deep = format!(
            r#"{{"image":"a:1","x":{}{}}}"#,
            "{\"a\":[".repeat(5_000),
            "]}".repeat(5_000)
        );
        assert_eq!(images(&deep), ["a:1"]);
    }
}
