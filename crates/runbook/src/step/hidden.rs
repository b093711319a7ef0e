//! What looks like a secret, where it would be written down.
//!
//! Owns the guess. A plan and the journal keep what is sent: what may be a secret is not sent through them at all.

use serde_json::Value as Json;

/// How names of what is secret end.
const NAMES: [&str; 13] = [
    "token",
    "password",
    "passwd",
    "pwd",
    "secret",
    "credential",
    "credentials",
    "apikey",
    "api_key",
    "access_key",
    "private_key",
    "secret_key",
    "encryption_key",
];

/// How tokens begin that are told by nothing else: signed ones, AWS' access keys, GitHub's, GitLab's, Slack's; and keys in
/// PEM.
const BEGINNINGS: [&str; 11] = [
    "eyJ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "-----BEGIN",
];

/// Whether a text holds what looks like a secret.
pub(crate) fn holds_secret(text: &str) -> bool {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    for word in text.split(|c: char| c.is_whitespace() || c == ';') {
        let word = word.trim_matches(QUOTES);
        let value = word.split_once('=').map_or(word, |(_, value)| value);
        let value = value.trim_matches(QUOTES);
        if BEGINNINGS.iter().any(|begins| value.starts_with(begins)) || has_login(word) {
            return true;
        }
        if let Some((name, _)) = word.split_once('=')
            && is_secret_name(name)
            && is_literal(value)
        {
            return true;
        }
    }
    false
}

/// Where in an object a value stands that looks like a secret.
pub(super) fn secret_in(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => holds_secret(text).then(|| "a text in it".to_owned()),
        Json::Array(items) => {
            named_by_the_one_before(items).or_else(|| items.iter().find_map(secret_in))
        }
        Json::Object(fields) => {
            let text = |field: &str| fields.get(field).and_then(Json::as_str);
            if let (Some(name), Some(value)) = (text("name"), text("value"))
                && is_secret_name(name)
                && is_literal(value)
            {
                return Some(format!("the variable {}", api::headline::plain(name, 60)));
            }
            fields.values().find_map(secret_in)
        }
        _ => None,
    }
}

/// `--password`, and then the password.
fn named_by_the_one_before(items: &[Json]) -> Option<String> {
    items.windows(2).find_map(|pair| {
        let (name, value) = (pair[0].as_str()?, pair[1].as_str()?);
        let is = name.starts_with('-') && is_secret_name(name) && is_literal(value);
        (is && !value.starts_with('-')).then(|| "an argument".to_owned())
    })
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES.iter().any(|end| name.ends_with(end))
}

/// A value, not the name of one that is put there later.
fn is_literal(value: &str) -> bool {
    !value.is_empty() && !value.starts_with('$')
}

/// Whether an address carries a password.
fn has_login(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let login = host.rsplit_once('@').map(|(login, _)| login);
    login
        .and_then(|login| login.split_once(':'))
        .is_some_and(|(_, password)| is_literal(password))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_found_wherever_it_stands() {
        for json in [
            json!({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}),
            json!({"args": ["--password=hunter2"]}),
            json!({"args": ["--api-key", "hunter2"]}),
            json!({"command": ["sh", "-c", "PGPASSWORD=hunter2 psql"]}),
            json!({"command": ["sh", "-c", "export PGPASSWORD='hunter2'; psql"]}),
            json!({"env": [{"name": "DATABASE", "value": "postgres://shop:hunter2@db/shop"}]}),
            json!({"annotations": {"note": "eyJhbGciOi.eyJ.x"}}),
        ] {
            assert!(secret_in(&json).is_some(), "{json}");
        }
    }

    #[test]
    fn what_only_names_a_secret_is_none() {
        for json in [
            json!({"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}),
            json!({"env": [{"name": "DB_PASSWORD", "value": ""}, {"name": "DB_PASSWORD_FILE", "value": "/run/db"}]}),
            json!({"args": ["--password=$(DB_PASSWORD)", "--token", "$TOKEN", "--password", "--verbose"]}),
            json!({"command": ["sh", "-c", "PGPASSWORD=\"$DB\" psql postgres://db:5432/shop"]}),
        ] {
            assert_eq!(secret_in(&json), None, "{json}");
        }
    }
}
