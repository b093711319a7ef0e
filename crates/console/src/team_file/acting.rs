//! What the team file says of actions: where the team's own are, and when nothing is changed.
//!
//! Owns these words and what is wrong with them. When a freeze holds is the runbook's.

use std::fmt;

use forge::GitLink;
use jiff::Timestamp;
use runbook::permit::freeze::{NoWeekTime, When};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

/// A folder of actions in Git, pinned to a commit or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionsLink {
    text: String,
    link: GitLink,
}

/// Why a link to actions cannot be used. What it is stays unsaid: it may hold a token.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(
        "no https link to a folder of a repository, such as https://code.example/shop/deploy//actions?ref=v3, stands there"
    )]
    NoLink,
    #[error(
        "the file is kept and shown in plain, and a user, a password, a fragment or another query than ref stands in the link"
    )]
    NotAlone,
    #[error("nothing pins it: ?ref= names a commit or a tag")]
    Unpinned,
}

impl ActionsLink {
    fn of(text: &str) -> Result<Self, Wrong> {
        // The parser's words may quote the text.
        let url = Url::parse(text).map_err(|_| Wrong::NoLink)?;
        let has_query = url.query_pairs().any(|(name, _)| name != "ref");
        let has_login = !url.username().is_empty() || url.password().is_some();
        if has_login || has_query || url.fragment().is_some() {
            return Err(Wrong::NotAlone);
        }
        let link = GitLink::parse(&url).ok_or(Wrong::NoLink)?;
        if url.scheme() != "https" {
            return Err(Wrong::NoLink);
        }
        if link.reference().is_none_or(|pin| pin.trim().is_empty()) {
            return Err(Wrong::Unpinned);
        }
        Ok(Self {
            text: text.to_owned(),
            link,
        })
    }

    /// The link, as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The folder, without what pins it: `code.example/shop/deploy//actions`.
    pub fn place(&self) -> &str {
        let text = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let text = text.split_once('?').map_or(text, |(place, _)| place);
        text.trim_end_matches('/')
    }

    /// Where it leads.
    pub fn link(&self) -> &GitLink {
        &self.link
    }
}

/// A visitor: only so does the error name the field, which has what stands around it.
struct ReadLink;

impl de::Visitor<'_> for ReadLink {
    type Value = ActionsLink;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link to a folder of actions in Git")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ActionsLink, E> {
        ActionsLink::of(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for ActionsLink {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(ReadLink)
    }
}

impl Serialize for ActionsLink {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

/// A time in which no action changes anything: once, or every week. Somebody who says why may, and that is recorded.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// The environments, by name; absent: all.
    #[serde(default)]
    pub environments: Vec<String>,
    /// From then on, such as 2026-12-18T16:00:00Z.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    /// Until before then.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Instead of from and until: every week.
    #[serde(default)]
    pub weekly: Option<Weekly>,
    /// Why: whoever is refused reads it.
    pub reason: String,
}

/// Two times of the week, in UTC: `Fri 16:00`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weekly {
    /// From then on.
    pub from: String,
    /// Until before then, the next time that comes round.
    pub until: String,
}

/// Why a freeze cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WrongFreeze {
    /// It is said neither when, or in both ways.
    #[error("it takes from and until, or weekly instead")]
    When,
    /// It ends before it begins.
    #[error("until is not after from")]
    Backwards,
    /// A time of the week is none.
    #[error("weekly.{0}: {1}")]
    Weekly(&'static str, NoWeekTime),
    /// It says not why.
    #[error("reason is empty, and whoever is refused reads it")]
    NoReason,
}

impl Freeze {
    /// The rule.
    ///
    /// # Errors
    /// Why it is none.
    pub fn rule(&self) -> Result<runbook::permit::Freeze, WrongFreeze> {
        let when = match (self.from, self.until, &self.weekly) {
            (Some(from), Some(until), None) if from < until => When::Once { from, until },
            (Some(_), Some(_), None) => return Err(WrongFreeze::Backwards),
            (None, None, Some(weekly)) => {
                let read =
                    |name, text: &str| text.parse().map_err(|why| WrongFreeze::Weekly(name, why));
                When::Weekly {
                    from: read("from", &weekly.from)?,
                    until: read("until", &weekly.until)?,
                }
            }
            _ => return Err(WrongFreeze::When),
        };
        if self.reason.trim().is_empty() {
            return Err(WrongFreeze::NoReason);
        }
        Ok(runbook::permit::Freeze {
            environments: self.environments.clone(),
            when,
            reason: self.reason.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::TeamFile;
    use super::*;

    fn read(text: &str) -> Result<TeamFile, Box<str>> {
        let text = format!("version: 1\n{text}\n");
        TeamFile::of_text(&text, "here").map_err(|why| why.to_string().into())
    }

    #[test]
    fn actions_are_read_from_a_pinned_folder_and_from_nothing_else() {
        let file = read(
            "actions: ['https://code.example/shop/deploy//team/actions/?ref=v3', 'https://code.example:8443/a//b?ref=0123456789012345678901234567890123456789']",
        )
        .expect("fine");
        let places: Vec<&str> = file.actions.iter().map(ActionsLink::place).collect();
        assert_eq!(
            places,
            [
                "code.example/shop/deploy//team/actions",
                "code.example:8443/a//b"
            ]
        );
        assert_eq!(file.actions[0].link().reference(), Some("v3"));
        for (link, says) in [
            (
                "https://code.example/shop/deploy//actions",
                "nothing pins it",
            ),
            (
                "https://code.example/shop/deploy//actions?ref=",
                "nothing pins it",
            ),
            (
                "https://code.example/shop/deploy/actions?ref=v3",
                "no https link",
            ),
            ("http://code.example/shop//actions?ref=v3", "no https link"),
            ("/home/jo/actions", "no https link"),
            ("https://jo:hunter2@code.example/shop//a?ref=v3", "in plain"),
            (
                "https://code.example/shop//a?ref=v3&token=hunter2",
                "in plain",
            ),
            ("https://code.example/shop//a?ref=v3#hunter2", "in plain"),
            ("jo:hunter2@code.example", "no https link"),
        ] {
            let why = read(&format!("actions: ['{link}']")).expect_err(link);
            assert!(why.contains(says), "{link}: {why}");
            assert!(why.contains("actions[0]"), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn a_freeze_says_when_once_and_why_or_is_named_by_its_place() {
        let file = read(
            "freezes:\n\
             - {from: 2026-12-18T16:00:00Z, until: 2027-01-04T08:00:00Z, reason: Christmas}\n\
             - {environments: [production], weekly: {from: Fri 16:00, until: Mon 06:00}, reason: the weekend}",
        )
        .expect("fine");
        let now: Timestamp = "2026-12-20T00:00:00Z".parse().expect("a time");
        let rules = file.freezes();
        let held: Vec<Vec<String>> = rules
            .iter()
            .filter_map(|rule| rule.window(now))
            .map(|window| window.environments)
            .collect();
        assert_eq!(held, [vec![], vec!["production".to_owned()]]);
        for (freeze, says) in [
            ("{reason: x}", "freezes[0]: it takes from and until"),
            (
                "{from: 2026-12-18T16:00:00Z, reason: x}",
                "freezes[0]: it takes",
            ),
            (
                "{from: 2026-12-18T16:00:00Z, until: 2026-12-18T16:00:00Z, reason: x}",
                "freezes[0]: until is not after from",
            ),
            (
                "{from: 2026-12-18T16:00:00Z, until: 2027-12-18T16:00:00Z, weekly: {from: Fri 16:00, until: Mon 06:00}, reason: x}",
                "freezes[0]: it takes",
            ),
            (
                "{weekly: {from: Friday, until: Mon 06:00}, reason: x}",
                "freezes[0]: weekly.from: it is no time of the week",
            ),
            (
                "{weekly: {from: Fri 16:00, until: Mon 06:00}, reason: ' '}",
                "freezes[0]: reason is empty",
            ),
            (
                "{weekly: {from: Fri 16:00, until: Mon 06:00}}",
                "missing field `reason`",
            ),
            (
                "{from: tomorrow, until: 2027-12-18T16:00:00Z, reason: x}",
                "freezes[0].from",
            ),
        ] {
            let why = read(&format!("freezes: [{freeze}]")).expect_err(freeze);
            assert!(why.contains(says), "{freeze}: {why}");
        }
    }
}
