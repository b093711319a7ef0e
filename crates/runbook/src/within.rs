//! A length of time as people write it in a file: `30s`, `10m`, `2h`.

use std::borrow::Cow;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest that anything may be waited for.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Within(SignedDuration);

/// What is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no length of time from 1s to 12h, such as 30s, 10m or 2h")]
pub struct NoLength(String);

impl Within {
    /// The length.
    pub fn length(self) -> SignedDuration {
        self.0
    }
}

/// Ten minutes: longer than most rollouts, shorter than a person's patience.
impl Default for Within {
    fn default() -> Self {
        Self(SignedDuration::from_mins(10))
    }
}

impl std::str::FromStr for Within {
    type Err = NoLength;

    fn from_str(text: &str) -> Result<Self, NoLength> {
        let wrong = || NoLength(text.chars().take(40).collect());
        let unit = text.chars().last().ok_or_else(wrong)?;
        let number: i64 = text
            .strip_suffix(unit)
            .and_then(|number| number.parse().ok())
            .ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let length = number.checked_mul(seconds).map(SignedDuration::from_secs);
        match length {
            Some(length) if length > SignedDuration::ZERO && length <= LONGEST => Ok(Self(length)),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds % 3600, seconds % 60) {
            (0, _) => write!(f, "{}h", seconds / 3600),
            (_, 0) => write!(f, "{}m", seconds / 60),
            _ => write!(f, "{seconds}s"),
        }
    }
}

impl Serialize for Within {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Within {
    fn schema_name() -> Cow<'static, str> {
        "Within".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+[smh]$",
            "description": "A length of time from 1s to 12h: 30s, 10m, 2h.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_is_written_and_nothing_else_is_one() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7200), ("90s", 90)] {
            let within: Within = text.parse().expect("a length");
            assert_eq!(within.length().as_secs(), seconds);
        }
        assert_eq!(
            "120m".parse::<Within>().expect("a length").to_string(),
            "2h"
        );
        for text in [
            "",
            "s",
            "10",
            "0s",
            "-1m",
            "13h",
            "1d",
            "1.5h",
            "9223372036854775807h",
            "é",
            "5 m",
        ] {
            assert!(text.parse::<Within>().is_err(), "{text}");
        }
    }
}
