//! An OpenAPI 3.0 description as JSON Schemas that refuse what it does not name.
//!
//! Owns the translation: OpenAPI says `nullable` where JSON Schema has the type null, and says nothing of fields that an
//! object has beside those it names. A stand-in that invents a field is as wrong as one that leaves a field out.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// A description, translated.
pub struct Description {
    document: Value,
    components: Value,
    /// The same, for branches: other branches name fields too.
    open: Value,
}

/// Why an answer cannot be compared with a description.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// The description has no such answer.
    #[error("the description has no JSON answer {status} of GET {path}")]
    NotDescribed {
        /// The path's template.
        path: String,
        /// The status.
        status: u16,
    },
    /// What it says is no schema.
    #[error("the schema of GET {path} cannot be used: {why}")]
    NoSchema {
        /// The path's template.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Description {
    /// Translates a description.
    pub fn new(document: Value) -> Self {
        Self {
            components: translated(&document["components"], true),
            open: translated(&document["components"], false),
            document,
        }
    }

    /// What checks the answer of a GET.
    ///
    /// # Errors
    /// The description does not know that answer.
    pub fn answer(&self, path: &str, status: u16) -> Result<Validator, DescriptionError> {
        let mut response = &self.document["paths"][path]["get"]["responses"][status.to_string()];
        if let Some(pointer) = response["$ref"].as_str() {
            response = self.document.pointer(&pointer[1..]).unwrap_or(response);
        }
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Err(DescriptionError::NotDescribed {
                path: path.to_owned(),
                status,
            });
        }
        let schema = json!({
            "allOf": [translated(schema, true)],
            "components": self.components,
            "open": self.open,
        });
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(&schema)
            .map_err(|error| DescriptionError::NoSchema {
                path: path.to_owned(),
                why: error.to_string(),
            })
    }
}

/// A schema, or whatever holds schemas, in JSON Schema's words. `closed` says that an object has the fields it names and
/// no others; inside `allOf` and its like, other branches name fields too.
fn translated(value: &Value, closed: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| translated(item, closed)).collect(),
        Value::Object(fields) => object(fields, closed),
        other => other.clone(),
    }
}

fn object(fields: &Map<String, Value>, closed: bool) -> Value {
    let mut schema = Map::new();
    for (name, value) in fields {
        let is_branch = matches!(name.as_str(), "allOf" | "anyOf" | "oneOf");
        match name.as_str() {
            // Words for people, and those that JSON Schema lacks.
            "example" | "examples" | "nullable" | "discriminator" => continue,
            // Fields named like words of a schema are fields.
            "properties" => {
                let fields = value.as_object().cloned().unwrap_or_default();
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), translated(value, true)))
                    .collect();
                schema.insert(name.clone(), Value::Object(fields));
            }
            "$ref" if !closed => {
                let pointer = value.as_str().unwrap_or_default();
                let pointer = pointer.replacen("#/components/", "#/open/", 1);
                schema.insert(name.clone(), Value::String(pointer));
            }
            "enum" | "required" => {
                schema.insert(name.clone(), value.clone());
            }
            _ => {
                schema.insert(name.clone(), translated(value, closed && !is_branch));
            }
        }
    }
    if closed && schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
        schema.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(answer: &Value) -> Vec<String> {
        let description = Description::new(json!({
            "paths": { "/things/{id}": { "get": { "responses": {
                "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/thing" } } } },
                "404": { "$ref": "#/components/responses/missing" },
            } } } },
            "components": {
                "responses": { "missing": { "content": { "application/json": { "schema": {
                    "type": "object", "required": ["message"], "properties": { "message": { "type": "string" } }
                } } } } },
                "schemas": {
                    "thing": {
                        "type": "object",
                        "required": ["id", "owner"],
                        "properties": {
                            "id": { "type": "integer" },
                            "owner": { "nullable": true, "type": "object", "properties": { "login": { "type": "string" } } },
                            "nullable": { "type": "boolean" },
                        },
                    },
                },
            },
        }));
        let validator = description.answer("/things/{id}", 200).unwrap();
        assert!(description.answer("/things/{id}", 404).is_ok());
        assert!(description.answer("/things/{id}", 500).is_err());
        validator
            .iter_errors(answer)
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn what_is_described_passes_and_what_is_not_does_not() {
        assert_eq!(wrong(&json!({ "id": 1, "owner": null })), [""; 0]);
        assert_eq!(
            wrong(&json!({ "id": 1, "owner": { "login": "ada" }, "nullable": true })),
            [""; 0]
        );
        for bad in [
            json!({ "id": 1 }),
            json!({ "id": "1", "owner": null }),
            json!({ "id": null, "owner": null }),
            json!({ "id": 1, "owner": null, "invented": 1 }),
            json!({ "id": 1, "owner": { "login": "ada", "invented": 1 } }),
        ] {
            assert!(!wrong(&bad).is_empty(), "{bad} passes");
        }
    }
}
