//! Where the person is, as text: each screen's address, kept in the window's fragment and in its history.
//!
//! Owns the form `#/journey?ask=3f2c1ab&environment=production`; the same form will follow `landfall://`. An address
//! is typed by others (a colleague's link), so anything may stand in it: what is not understood leads to the board.

use api::history::ChangeKind;
use api::{Ask, Home};

use crate::changes::choose::Wish;

/// A screen with what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// What can be opened.
    Begin,
    /// All apps.
    Board,
    /// One ask's journeys; without an ask, the invitation to ask.
    Journey {
        /// What is asked, if anything is.
        ask: Option<Ask>,
        /// The lane to show first: an environment, and a cluster where that is not enough.
        lane: Lane,
    },
    /// One app: its environments, the commits that wait for them, what happened.
    App(String),
    /// What happened to all apps.
    Changes(Wish),
    /// What was run from this machine.
    Actions {
        /// The run that is open, if one is.
        run: Option<String>,
    },
    /// What could not be linked to source.
    Coverage,
    /// The systems that answer.
    Connections,
}

/// A wish for a lane. What does not exist in the answer is as good as no wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// The app, where the ask has several.
    pub app: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
}

impl Screen {
    /// The journey of an ask, without a wish for a lane.
    pub fn asking(text: impl Into<String>) -> Self {
        Self::Journey {
            ask: Some(Ask {
                text: text.into(),
                ..Ask::default()
            }),
            lane: Lane::default(),
        }
    }

    /// The screen that somebody starts with.
    pub fn home(home: Home) -> Self {
        match home {
            Home::Board => Self::Board,
            Home::Actions => Self::Actions { run: None },
            Home::Changes => Self::Changes(Wish::default()),
            Home::Coverage => Self::Coverage,
            Home::Connections => Self::Connections,
        }
    }

    /// The screen's address, with its leading `#/`.
    pub fn address(&self) -> String {
        let mut query = Vec::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                query.push(format!("{name}={}", escape(value)));
            }
        };
        let path = match self {
            Self::Begin => "begin",
            Self::Board => "board",
            Self::Connections => "connections",
            Self::Coverage => "coverage",
            Self::Actions { run } => {
                put("run", run.as_deref());
                "actions"
            }
            Self::App(app) => {
                put("name", Some(app));
                "app"
            }
            Self::Changes(wish) => {
                put(
                    "text",
                    Some(&wish.text)
                        .filter(|text| !text.is_empty())
                        .map(String::as_str),
                );
                put("environment", wish.environment.as_deref());
                put("kind", wish.kind.map(kind_name));
                "changes"
            }
            Self::Journey { ask, lane } => {
                if let Some(ask) = ask {
                    put("ask", Some(&ask.text));
                    put("app", ask.app.as_deref());
                    put("in", ask.environment.as_deref());
                    put("repository", ask.repository.as_deref());
                }
                put("lane-app", lane.app.as_deref());
                put("environment", lane.environment.as_deref());
                put("cluster", lane.cluster.as_deref());
                "journey"
            }
        };
        if query.is_empty() {
            format!("#/{path}")
        } else {
            format!("#/{path}?{}", query.join("&"))
        }
    }

    /// The screen that an address names.
    pub fn read(address: &str) -> Self {
        let address = address.trim_start_matches(['#', '/']);
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        match path {
            "begin" => Self::Begin,
            "connections" => Self::Connections,
            "coverage" => Self::Coverage,
            "actions" => {
                let run = pairs(query).find(|(name, _)| *name == "run");
                Self::Actions {
                    run: run.map(|(_, run)| run),
                }
            }
            "app" => {
                let name = pairs(query).find(|(name, _)| *name == "name");
                name.map_or(Self::Board, |(_, app)| Self::App(app))
            }
            "changes" => {
                let mut wish = Wish::default();
                for (name, value) in pairs(query) {
                    match name {
                        "text" => wish.text = value,
                        "environment" => wish.environment = Some(value),
                        "kind" => {
                            wish.kind = KINDS.into_iter().find(|kind| kind_name(*kind) == value)
                        }
                        _ => {}
                    }
                }
                Self::Changes(wish)
            }
            "journey" => {
                let (mut ask, mut lane, mut asked) = (Ask::default(), Lane::default(), false);
                for (name, value) in pairs(query) {
                    match name {
                        "ask" => {
                            ask.text = value;
                            asked = true;
                        }
                        "app" => {
                            ask.app = Some(value);
                            asked = true;
                        }
                        "in" => ask.environment = Some(value),
                        "repository" => ask.repository = Some(value),
                        "lane-app" => lane.app = Some(value),
                        "environment" => lane.environment = Some(value),
                        "cluster" => lane.cluster = Some(value),
                        _ => {}
                    }
                }
                Self::Journey {
                    ask: asked.then_some(ask),
                    lane,
                }
            }
            _ => Self::Board,
        }
    }
}

const KINDS: [ChangeKind; 3] = [
    ChangeKind::Deployment,
    ChangeKind::Rollback,
    ChangeKind::Configuration,
];

/// A kind of change as an address names it.
fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Deployment => "deployment",
        ChangeKind::Rollback => "rollback",
        ChangeKind::Configuration => "configuration",
    }
}

/// The names and values of a query.
fn pairs(query: &str) -> impl Iterator<Item = (&str, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name, unescape(value)))
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
    }
    out
}

/// Undoes [`escape`]; what is not valid UTF-8 or not well escaped stays as it stands.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .filter(|pair| pair.chars().all(|c| c.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, digits) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_leads_back_to_its_screen() {
        let screens = [
            Screen::Begin,
            Screen::Board,
            Screen::Connections,
            Screen::Coverage,
            Screen::App("gift & wrap/ü".to_owned()),
            Screen::Actions { run: None },
            Screen::Actions {
                run: Some("20261121-104000-5e0a9b2c1d".to_owned()),
            },
            Screen::Changes(Wish::default()),
            Screen::Changes(Wish {
                text: "mina 3f2c1ab".to_owned(),
                environment: Some("production".to_owned()),
                kind: Some(ChangeKind::Rollback),
            }),
            Screen::Journey {
                ask: None,
                lane: Lane::default(),
            },
            Screen::asking("https://github.com/shop/checkout/pull/1204?a=b&c=d#e"),
            Screen::asking("50% & =ü"),
            Screen::Journey {
                ask: Some(Ask {
                    text: "3f2c1ab".to_owned(),
                    app: Some("checkout".to_owned()),
                    environment: None,
                    repository: Some("shop/checkout".to_owned()),
                }),
                lane: Lane {
                    app: Some("checkout".to_owned()),
                    environment: Some("production".to_owned()),
                    cluster: Some("prod-eu".to_owned()),
                },
            },
        ];
        for screen in screens {
            assert_eq!(
                Screen::read(&screen.address()),
                screen,
                "{}",
                screen.address()
            );
        }
    }

    #[test]
    fn a_foreign_address_leads_to_the_board() {
        for address in ["", "#", "#/", "#/nowhere", "#/board?x=%zz", "#/app"] {
            assert_eq!(Screen::read(address), Screen::Board, "{address}");
        }
    }

    #[test]
    fn broken_escapes_stay_as_they_stand() {
        assert_eq!(unescape("%"), "%");
        assert_eq!(unescape("%4"), "%4");
        assert_eq!(unescape("%+1a"), "%+1a");
        assert_eq!(unescape("%ff"), "%ff");
    }
}
