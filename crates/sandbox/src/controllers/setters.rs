//! The markers by which an automation finds what it may set: `image: r/a:1 # {"$imagepolicy": "flux-system:a"}`.
//!
//! A file that carries a marker but is no YAML is left out in silence, as Flux leaves it out.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a policy chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// The image without tag.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest; empty if the policy reflects none.
    pub digest: String,
}

impl ImageRef {
    fn whole(&self) -> String {
        if self.digest.is_empty() {
            format!("{}:{}", self.name, self.tag)
        } else {
            format!("{}:{}@{}", self.name, self.tag, self.digest)
        }
    }
}

/// A value that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// What was there.
    pub old: String,
    /// What is there now.
    pub new: String,
}

/// Sets every marked value in a file. Answers the new content and what was set, or `None` if nothing was.
pub fn set(content: &str, policies: &BTreeMap<String, ImageRef>) -> Option<(String, Vec<Set>)> {
    const TOKEN: &str = "\"$imagepolicy\"";
    if !content.contains(TOKEN) {
        return None;
    }
    let mut sets = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in content.lines() {
        lines.push(match set_line(line, policies) {
            Some((line, set)) if set.old != set.new => {
                sets.push(set);
                line
            }
            _ => line.to_owned(),
        });
    }
    // Asked last, because reading YAML costs most: most files have nothing to set.
    if sets.is_empty() || !is_yaml(content) {
        return None;
    }
    let mut content = lines.join("\n");
    content.push('\n');
    Some((content, sets))
}

fn is_yaml(content: &str) -> bool {
    serde_yaml_ng::Deserializer::from_str(content)
        .all(|document| serde_yaml_ng::Value::deserialize(document).is_ok())
}

/// Sets a marked line's value; `None` if the line carries no marker of a policy that has chosen.
fn set_line(line: &str, policies: &BTreeMap<String, ImageRef>) -> Option<(String, Set)> {
    let start = line.find("# {\"$imagepolicy\"")?;
    let (code, comment) = line.split_at(start);
    let marker: BTreeMap<String, String> =
        serde_json::from_str(comment.trim_start_matches('#').trim()).ok()?;
    let setter = marker.get("$imagepolicy")?;
    let mut parts = setter.splitn(3, ':');
    let (namespace, name, field) = (parts.next()?, parts.next()?, parts.next().unwrap_or(""));
    let image = policies.get(&format!("{namespace}:{name}"))?;
    let new = match field {
        "tag" => image.tag.clone(),
        "name" => image.name.clone(),
        "digest" => image.digest.clone(),
        "" => image.whole(),
        _ => return None,
    };
    let colon = code.find(": ").map_or_else(
        || code.find("- ").map(|dash| dash + 2),
        |colon| Some(colon + 2),
    )?;
    let (key, value) = code.split_at(colon);
    let trimmed = value.trim();
    let quote = trimmed.chars().next().filter(|c| matches!(c, '"' | '\''));
    let old = trimmed.trim_matches(|c| matches!(c, '"' | '\'')).to_owned();
    let gap = &value[value.trim_end().len()..];
    let lead = &value[..value.len() - value.trim_start().len()];
    let written = match quote {
        Some(quote) => format!("{quote}{new}{quote}"),
        // A tag that YAML would read as a number must stay a text.
        None if new.parse::<f64>().is_ok() => format!("\"{new}\""),
        None => new.clone(),
    };
    Some((
        format!("{key}{lead}{written}{gap}{comment}"),
        Set { old, new },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies() -> BTreeMap<String, ImageRef> {
        let image = ImageRef {
            name: "r/a".to_owned(),
            tag: "2".to_owned(),
            digest: String::new(),
        };
        [("flux-system:a".to_owned(), image)].into()
    }

    #[test]
    fn a_marked_value_is_set_and_the_rest_kept() {
        let content = "# top\nspec:\n  image: r/a:1 # {\"$imagepolicy\": \"flux-system:a\"}\n  other: r/a:1\nimages:\n- name: \
                       r/a\n  newTag: \"1\"  # {\"$imagepolicy\": \"flux-system:a:tag\"}\n";
        let (new, sets) = set(content, &policies()).unwrap();
        assert_eq!(
            new,
            "# top\nspec:\n  image: r/a:2 # {\"$imagepolicy\": \"flux-system:a\"}\n  other: r/a:1\nimages:\n- name: \
             r/a\n  newTag: \"2\"  # {\"$imagepolicy\": \"flux-system:a:tag\"}\n"
        );
        assert_eq!(sets.len(), 2);
        assert_eq!(
            sets[0],
            Set {
                old: "r/a:1".to_owned(),
                new: "r/a:2".to_owned()
            }
        );
        assert_eq!(set(&new, &policies()), None);
    }

    #[test]
    fn a_marker_of_another_namespace_sets_nothing() {
        assert_eq!(
            set(
                "image: r/a:1 # {\"$imagepolicy\": \"shop:a\"}\n",
                &policies()
            ),
            None
        );
    }

    #[test]
    fn a_file_with_a_merge_conflict_is_left_out() {
        let content = "<<<<<<< HEAD\nimage: r/a:1 # {\"$imagepolicy\": \"flux-system:a\"}\n=======\nimage: r/a:0\n>>>>>>> x\n";
        assert_eq!(set(content, &policies()), None);
    }

    #[test]
    fn a_bare_number_is_quoted() {
        let (new, _) = set(
            "newTag: v1 # {\"$imagepolicy\": \"flux-system:a:tag\"}\n",
            &policies(),
        )
        .unwrap();
        assert!(new.starts_with("newTag: \"2\" #"), "{new}");
    }
}
