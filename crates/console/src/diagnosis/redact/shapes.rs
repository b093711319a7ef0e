//! What secrets look like beside the tokens that `api::token` knows: one table of shapes, and the names of what is secret.
//!
//! Owns the patterns. That each of them is one is tested.

use std::sync::LazyLock;

use api::token::HIDDEN;
use regex::Regex;

/// What names say that a value is secret, in small letters without `-`, `_` and `.`. The one list, for variables, flags, and
/// what a text sets to something.
pub const NAMES: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "private",
    "apikey",
    "accesskey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "licensekey",
    "authorization",
    "cookie",
    "session",
    "signature",
    "assertion",
    "dsn",
    "connectionstring",
    "databaseurl",
    "webhook",
];

/// The names as a pattern takes them, wherever in a longer name they stand last.
pub const NAMED: &str = r"(?i-u:passwords?|passwd|passphrase|passcode|pwd|secrets?|tokens?|credentials?|keys?|signature|(?-u:\b)sig|assertion|authorization|cookies?|session(?:[_-]?id)?|dsn|connection[_-]?string|database[_-]?url|webhook(?:[_-]?url)?)(?i-u:[_-]?(?:value|hash|data|plain|text|base64|b64)|[0-9]{1,3})?";

/// Shapes with what is left of each, in the order in which they are looked for. `NAMED` stands for [`NAMED`]. What stands
/// behind a name without quotes is hidden to the next space: a password may have every sign in it.
pub const SHAPES: [(&str, &str); 13] = [
    // A private key, whole or cut off.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)",
        HIDDEN,
    ),
    // Addresses of databases and queues with a login, whose passwords have everything in them.
    (
        r#"((?i-u:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|nats|kafka|ldaps?|smtps?)(?:\+[a-z0-9]+)?://)[^\s"'`]*@"#,
        "${1}(hidden)@",
    ),
    // Go's form of the same.
    (r#"[^\s"'/:@]+:[^\s"']*@((?:tcp|unix)\()"#, "(hidden)@$1"),
    // Any other address with a login.
    (r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#]*@", "${1}(hidden)@"),
    // Addresses that are secrets themselves.
    (
        r"(https://(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|[a-z0-9.-]+\.webhook\.office\.com)/)[^\s]+",
        "${1}(hidden)",
    ),
    // Headers whose value has spaces and signs in it: in quotes to their end, else the rest of the line.
    (
        r#"((?i-u:(?:set[-_])?cookie|(?:proxy[-_])?authorization)\\*["']\s*[:=,]\s*\\*["'])(?:[^"'\\]|\\.)*"#,
        "${1}(hidden)",
    ),
    (
        r"((?i-u:(?:set-)?cookie|(?:proxy-)?authorization)\s*[:=]\s*)[^\s].*",
        "${1}(hidden)",
    ),
    (
        r"(?-u:\b)((?i-u:bearer|basic|negotiate))\s+[A-Za-z0-9+/=_.~-]{8,}",
        "$1 (hidden)",
    ),
    // Under a name that says what it is, in quotes to their end: "password":"a b c", also within JSON within JSON.
    (
        r#"(NAMED\\*["']?(?:\s*=\s*|:\s*)\\*)(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)"#,
        "${1}(hidden)",
    ),
    // The same with a quoted name and a value without quotes, as JSON's numbers are.
    (r#"(NAMED\\*["']\s*[:=]\s*)[^\s"'\\,}\]]+"#, "${1}(hidden)"),
    // Without any: token=x, secret: x. A space before the colon is a sentence's. What is hidden already is left as it is.
    (
        r#"(NAMED(?:\s*=\s*|:\s*))(?:[^\s"'\\(]|\((?:[^h\s]|h[^i\s]|hi[^d\s]))[^\s]*"#,
        "${1}(hidden)",
    ),
    // --password x, and password 'x'.
    (
        r"(--?[A-Za-z0-9_-]*NAMED\s+)(?:[^\s(]|\((?:[^h\s]|h[^i\s]|hi[^d\s]))[^\s]*",
        "${1}(hidden)",
    ),
    (
        r#"((?i-u:password|passwd|passphrase|pwd)\s+(?:(?i-u:is|was|of)\s+)?)(?:"[^"]{2,}"?|'[^']{2,}'?)"#,
        "${1}(hidden)",
    ),
];

/// Keys that are told by how they begin, and by nothing else: they have no capitals, or too few characters.
pub const BEGINNINGS: &str = r"(?-u:\b)(?:[spr]k_(?:live|test)_|whsec_|SG\.|dop_v1_|pypi-|AGE-SECRET-KEY-|sk-|shpat_|lin_api_|ATATT|glc_|NRAK-|figd_|sbp_|vercel_)[A-Za-z0-9._-]{8,}|(?-u:\b)(?:SK|AC)[0-9a-f]{32}(?-u:\b)";

pub static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let shapes = SHAPES.iter().chain([&(BEGINNINGS, HIDDEN)]);
    let patterns = shapes.map(|(shape, left)| {
        let shape = Regex::new(&shape.replace("NAMED", NAMED));
        shape.map(|shape| (shape, *left))
    });
    patterns.filter_map(Result::ok).collect()
});

pub static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9+_=~-]+").ok());

/// All that stands together, with slashes and dots within: a key of AWS is the whole of it, and never a piece of a path.
pub static WHOLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9/+_~-]+(?:\.[A-Za-z0-9/+_~-]+)*").ok());

/// Colours and movements of the cursor: terminals' sequences, which log lines are full of.
pub static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x{9b}[0-?]*[ -/]*[@-~]").ok()
});
