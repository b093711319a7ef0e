//! What a cluster needs for approvals and locks, as YAML to be read and applied.
//!
//! Owns the text. What the objects are, and why, the runbook says.

use std::fmt::Write;

use api::Error;
use api::error::Code;
use runbook::cluster_side::manifest::documents;

pub use runbook::cluster_side::manifest::Groups;

/// The manifest, with groups as the API server names them; each object says why it is there.
///
/// # Errors
/// None that is known: it is made of text.
pub fn manifest(groups: &Groups) -> Result<String, Error> {
    let mut text = String::new();
    for document in documents(groups) {
        let object = serde_yaml_ng::to_string(&document.object).map_err(|error| {
            let says = format!("the manifest cannot be written as YAML: {error}");
            Error::new(Code::Internal, says)
        })?;
        // Writing to a String cannot fail.
        let _ = write!(text, "---\n# {}\n{object}", document.why);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_any_name_stays_one_text_and_every_object_is_read_back() {
        let groups = Groups {
            requesters: vec!["okta:support\n- kind: User".to_owned()],
            approvers: vec!["yes".to_owned(), "12".to_owned()],
        };
        let text = manifest(&groups).expect("YAML");
        let read: Vec<serde_json::Value> = serde_yaml_ng::Deserializer::from_str(&text)
            .map(|one| serde::Deserialize::deserialize(one).expect("an object"))
            .collect();
        let written = documents(&groups).into_iter().map(|one| one.object);
        assert_eq!(read, written.collect::<Vec<_>>());
    }
}
