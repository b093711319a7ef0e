//! Signing in to GitHub: the device flow of OAuth apps and GitHub Apps, tokens that people make for themselves, and whose
//! repositories are private.
//!
//! Owns the shapes and words of GitHub's documentation ("Authorizing OAuth apps", "Refreshing user access tokens"): errors come
//! with status 200, a form is answered where no JSON is asked for, an OAuth app's token never ends, a GitHub App's ends after
//! eight hours and its refresh token is good for one use. Where no application and no token is registered nobody is asked
//! for one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use axum::extract::{RawForm, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::GitHub;
use super::http::{Problem, escape, json_response};
use super::view::{login, node_id, number_of};
use crate::provider::{Person, pages, plain};

/// The client id of the company's application: an OAuth app whose device flow is on.
pub const CLIENT: &str = "Ov23liLandfall";
/// Where a code is typed.
const PAGE: &str = "/login/device";
/// How long a code may be typed in.
const CODE: SignedDuration = SignedDuration::from_mins(15);
/// How long a GitHub App's user access token lives.
const ACCESS: SignedDuration = SignedDuration::from_hours(8);
/// How long its refresh token does: 15,897,600 seconds.
const REFRESH: SignedDuration = SignedDuration::from_hours(184 * 24);
/// What `slow_down` adds to the wait, in seconds.
const SLOWER: u64 = 5;

/// An application that people may sign in with.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its client id.
    pub client_id: String,
    /// Whether its device flow is on.
    pub device_flow: bool,
    /// Whether it is a GitHub App whose user tokens end; otherwise it is an OAuth app.
    pub tokens_end: bool,
    /// How long a client waits between two questions, in seconds; 5 on GitHub.
    pub interval: u64,
}

/// Applications, codes, tokens.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    applications: BTreeMap<String, Application>,
    /// Who may be chosen on the page where codes are typed.
    people: Vec<Person>,
    codes: BTreeMap<String, Code>,
    tokens: BTreeMap<String, Token>,
    /// What each refresh token is for.
    refreshes: BTreeMap<String, Refresh>,
    /// Who may see the repositories that not everybody may.
    private: BTreeMap<String, BTreeSet<String>>,
    made: u64,
    refreshed: u64,
    /// When codes were asked about.
    asked: Vec<Instant>,
}

#[derive(Debug)]
struct Code {
    client_id: String,
    user_code: String,
    scopes: String,
    ends: Timestamp,
    /// Seconds between two questions.
    interval: u64,
    last: Option<Instant>,
    is_to_slow_down: bool,
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
enum Answer {
    By(String),
    Denied,
}

#[derive(Clone, Debug)]
struct Token {
    login: String,
    /// Absent: it is of no kind that has scopes.
    scopes: Option<String>,
    ends: Option<Timestamp>,
    /// Whether answers say when it ends.
    says_when: bool,
}

impl Token {
    /// Whether it is for writing: a classic one has a scope for that.
    fn writes(&self) -> bool {
        let of_one = |scopes: &String| {
            let mut scopes = scopes.split([',', ' ']);
            scopes.any(|scope| matches!(scope, "repo" | "public_repo"))
        };
        self.scopes.as_ref().is_none_or(of_one)
    }
}

/// Who changes something.
pub(super) struct Writer {
    pub login: String,
    /// As Git names them.
    pub signature: String,
}

#[derive(Debug)]
struct Refresh {
    client_id: String,
    login: String,
    access: String,
    ends: Timestamp,
}

impl GitHub {
    /// Registers an application, or changes one.
    pub fn register(&self, application: Application) {
        let applications = &mut self.records().accounts.applications;
        applications.insert(application.client_id.clone(), application);
    }

    /// Registers the company's own application, for these people to sign in with.
    pub fn employ(&self, people: &[Person]) {
        self.register(Application {
            client_id: CLIENT.to_owned(),
            device_flow: true,
            tokens_end: false,
            interval: 1,
        });
        self.records().accounts.people = people.to_vec();
    }

    /// A person types a code and agrees. Says whether there is such a code.
    pub fn approve(&self, user_code: &str, login: &str) -> bool {
        self.answer_code(user_code, Answer::By(login.to_owned()))
    }

    /// A person types a code and refuses. Says whether there is such a code.
    pub fn refuse(&self, user_code: &str) -> bool {
        self.answer_code(user_code, Answer::Denied)
    }

    fn answer_code(&self, user_code: &str, answer: Answer) -> bool {
        let now = self.code.clock().now();
        let user_code = plain(user_code);
        let mut records = self.records();
        let mut codes = records.accounts.codes.values_mut();
        let code = codes.find(|code| plain(&code.user_code) == user_code && code.ends > now);
        code.map(|code| code.answer = Some(answer)).is_some()
    }

    /// The next question about a code is answered with `slow_down`, as if it came too early.
    pub fn slow_down(&self, user_code: &str) {
        let mut records = self.records();
        let codes = records.accounts.codes.values_mut();
        for code in codes.filter(|code| code.user_code == user_code) {
            code.is_to_slow_down = true;
        }
    }

    /// How much time lay between the questions about codes so far.
    pub fn waits(&self) -> Vec<Duration> {
        let records = self.records();
        let asked = records.accounts.asked.windows(2);
        asked.map(|two| two[1].duration_since(two[0])).collect()
    }

    /// A person makes a token: a classic one with scopes, or a fine-grained one without.
    pub fn make_token(
        &self,
        token: &str,
        login: &str,
        scopes: Option<&str>,
        ends: Option<Timestamp>,
    ) {
        let made = Token {
            login: login.to_owned(),
            scopes: scopes.map(str::to_owned),
            ends,
            says_when: true,
        };
        let tokens = &mut self.records().accounts.tokens;
        tokens.insert(token.to_owned(), made);
    }

    /// Takes back whatever a person gave: all their tokens, and what would get the next ones.
    pub fn revoke(&self, login: &str) {
        let accounts = &mut self.records().accounts;
        accounts.tokens.retain(|_, token| token.login != login);
        accounts.refreshes.retain(|_, one| one.login != login);
    }

    /// Takes back the access tokens of a person and leaves what gets the next ones.
    pub fn end_access(&self, login: &str) {
        let accounts = &mut self.records().accounts;
        accounts.tokens.retain(|_, token| token.login != login);
    }

    /// How often an access token was made anew.
    pub fn refreshed(&self) -> u64 {
        self.records().accounts.refreshed
    }

    /// Every token that is good now, and everything that gets one.
    pub fn secrets(&self) -> Vec<String> {
        let records = self.records();
        let accounts = &records.accounts;
        let all = accounts.tokens.keys().chain(accounts.refreshes.keys());
        all.chain(accounts.codes.keys()).cloned().collect()
    }

    /// Shows a repository to these people alone, over the API; to others it is not there. Git is not affected.
    pub fn make_private(&self, repository: &str, logins: &[&str]) {
        let logins = logins.iter().map(|login| (*login).to_owned()).collect();
        let private = &mut self.records().accounts.private;
        private.insert(repository.to_owned(), logins);
    }

    /// Whether a caller may see a repository.
    pub(super) fn shows(&self, repository: &str, headers: &HeaderMap) -> bool {
        let caller = self.caller(headers).ok().flatten();
        let records = self.records();
        let Some(logins) = records.accounts.private.get(repository) else {
            return true;
        };
        caller.is_some_and(|(_, token)| logins.contains(&token.login))
    }

    /// Who asks; nobody, where no token is shown.
    ///
    /// # Errors
    /// The token is none.
    fn caller(&self, headers: &HeaderMap) -> Result<Option<(String, Token)>, Problem> {
        let records = self.records();
        let accounts = &records.accounts;
        if accounts.applications.is_empty() && accounts.tokens.is_empty() {
            return Ok(None);
        }
        let Some(shown) = headers.get(AUTHORIZATION) else {
            return Ok(None);
        };
        let shown = shown.to_str().unwrap_or_default();
        let word = shown.split_once(' ').map_or("", |(_, word)| word);
        let now = self.code.clock().now();
        let token = accounts.tokens.get(word);
        let token = token.filter(|token| token.ends.is_none_or(|ends| ends > now));
        match token {
            Some(token) => Ok(Some((word.to_owned(), token.clone()))),
            None => Err(Problem {
                status: StatusCode::UNAUTHORIZED,
                message: "Bad credentials".to_owned(),
            }),
        }
    }

    /// Whether whoever asks may write; nothing is said of nobody.
    pub(super) fn caller_writes(&self, headers: &HeaderMap) -> Option<bool> {
        let (_, token) = self.caller(headers).ok()??;
        Some(token.writes())
    }

    /// Who asks to change something.
    ///
    /// # Errors
    /// Nobody is signed in, or the token is not for that: of what a classic one has no scope for, GitHub says that it is not
    /// there.
    pub(super) fn writer(&self, headers: &HeaderMap) -> Result<Writer, Problem> {
        let (_, token) = self.caller(headers)?.ok_or_else(|| Problem {
            status: StatusCode::UNAUTHORIZED,
            message: "Requires authentication".to_owned(),
        })?;
        if !token.writes() {
            return Err(Problem::not_found());
        }
        let records = self.records();
        let mut people = records.accounts.people.iter();
        let person = people.find(|person| login(&person.email) == token.login);
        let signature = match person {
            Some(person) => format!("{} <{}>", person.name, person.email),
            None => format!("{0} <{0}@users.noreply.example>", token.login),
        };
        Ok(Writer {
            login: token.login,
            signature,
        })
    }

    /// What a token that is none is answered with, and what answers say of one that is.
    pub(super) fn credentials(
        &self,
        headers: &HeaderMap,
    ) -> Result<Vec<(HeaderName, String)>, Problem> {
        let Some((_, token)) = self.caller(headers)? else {
            return Ok(Vec::new());
        };
        let mut said = Vec::new();
        if let Some(scopes) = &token.scopes {
            let scopes = scopes.replace(',', ", ");
            said.push((HeaderName::from_static("x-oauth-scopes"), scopes));
        }
        if let Some(ends) = token.ends.filter(|_| token.says_when) {
            let name = HeaderName::from_static("github-authentication-token-expiration");
            said.push((name, ends.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()));
        }
        Ok(said)
    }
}

/// `GET /user`
pub(super) async fn user(State(github): State<GitHub>, headers: HeaderMap) -> Response {
    let login = match github.caller(&headers) {
        Ok(Some((_, token))) => token.login,
        Ok(None) => {
            let problem = Problem {
                status: StatusCode::UNAUTHORIZED,
                message: "Requires authentication".to_owned(),
            };
            return problem.into_response();
        }
        Err(problem) => return problem.into_response(),
    };
    let id = number_of(&login);
    let body = json!({
        "login": login,
        "id": id,
        "node_id": node_id("User", id),
        "html_url": format!("{}/{login}", github.web),
        "type": "User",
        "site_admin": false,
        "name": login,
        "email": null,
    });
    json_response(StatusCode::OK, &body)
}

/// `POST /login/device/code`
pub(super) async fn device_code(
    State(github): State<GitHub>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let form = fields(&form);
    let now = github.code.clock().now();
    let mut records = github.records();
    let accounts = &mut records.accounts;
    let client_id = field(&form, "client_id");
    let Some(application) = accounts.applications.get(client_id).cloned() else {
        return said(
            &headers,
            StatusCode::NOT_FOUND,
            &json!({"error": "Not Found"}),
        );
    };
    if !application.device_flow {
        return wrong(&headers, "device_flow_disabled", None);
    }
    let device_code = accounts.make("device");
    // As the API's links, it leads to where it was asked: there is a page for it there.
    let asked_at = headers.get(HOST).and_then(|host| host.to_str().ok());
    let pages = asked_at.map_or_else(|| github.web.to_string(), |host| format!("http://{host}"));
    let user_code = accounts.make("user").to_uppercase();
    let user_code = format!("{}-{}", &user_code[..4], &user_code[4..8]);
    let code = Code {
        client_id: client_id.to_owned(),
        user_code: user_code.clone(),
        scopes: field(&form, "scope")
            .split(' ')
            .collect::<Vec<_>>()
            .join(","),
        ends: now.saturating_add(CODE).unwrap_or(now),
        interval: application.interval,
        last: None,
        is_to_slow_down: false,
        answer: None,
    };
    accounts.codes.insert(device_code.clone(), code);
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("{pages}{PAGE}"),
        "expires_in": CODE.as_secs(),
        "interval": application.interval,
    });
    said(&headers, StatusCode::OK, &body)
}

/// `GET /login/device`
pub(super) async fn ask_for_code(State(github): State<GitHub>) -> Html<String> {
    let people = github.records().accounts.people.clone();
    let place = github.web.trim_start_matches("https://");
    Html(pages::code(place, PAGE, &people, ""))
}

/// `POST /login/device`
pub(super) async fn typed(State(github): State<GitHub>, RawForm(form): RawForm) -> Response {
    let form = fields(&form);
    let number = field(&form, "person").parse::<usize>().ok();
    let person = number.and_then(|number| {
        let records = github.records();
        records.accounts.people.get(number).cloned()
    });
    let approved = person
        .is_some_and(|person| github.approve(field(&form, "user_code"), &login(&person.email)));
    if approved {
        Html(pages::done()).into_response()
    } else {
        let page = pages::refused("no program waits with this code");
        (StatusCode::BAD_REQUEST, Html(page)).into_response()
    }
}

/// `POST /login/oauth/access_token`
pub(super) async fn access_token(
    State(github): State<GitHub>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let form = fields(&form);
    let now = github.code.clock().now();
    let mut records = github.records();
    let accounts = &mut records.accounts;
    let client_id = field(&form, "client_id");
    let Some(application) = accounts.applications.get(client_id).cloned() else {
        return wrong(&headers, "incorrect_client_credentials", None);
    };
    let given = match field(&form, "grant_type") {
        "urn:ietf:params:oauth:grant-type:device_code" => {
            accounts.of_code(&application, field(&form, "device_code"), now)
        }
        "refresh_token" => accounts.of_refresh(&application, field(&form, "refresh_token"), now),
        _ => Err(("unsupported_grant_type", None)),
    };
    match given {
        Ok(given) => said(&headers, StatusCode::OK, &given),
        Err((error, interval)) => wrong(&headers, error, interval),
    }
}

/// An error's code, and how many seconds to wait from now on.
type Wrong = (&'static str, Option<u64>);

impl Accounts {
    /// A word that was not there before. Nobody has to guess it: there is nothing real behind it.
    fn make(&mut self, kind: &str) -> String {
        self.made += 1;
        let hash = Sha256::digest(format!("{kind} {}", self.made));
        hash.iter()
            .take(18)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn of_code(
        &mut self,
        application: &Application,
        device_code: &str,
        now: Timestamp,
    ) -> Result<Value, Wrong> {
        let asked = Instant::now();
        self.asked.push(asked);
        let code = self.codes.get_mut(device_code);
        let code = code.filter(|code| code.client_id == application.client_id);
        let code = code.ok_or(("incorrect_device_code", None))?;
        if code.ends <= now {
            return Err(("expired_token", None));
        }
        let since = code
            .last
            .replace(asked)
            .map(|last| asked.duration_since(last));
        let is_early = since.is_some_and(|since| since < Duration::from_secs(code.interval));
        if is_early || std::mem::take(&mut code.is_to_slow_down) {
            code.interval += SLOWER;
            return Err(("slow_down", Some(code.interval)));
        }
        let (answer, scopes) = match code.answer.clone() {
            None => return Err(("authorization_pending", None)),
            Some(answer) => (answer, code.scopes.clone()),
        };
        self.codes.remove(device_code);
        match answer {
            Answer::Denied => Err(("access_denied", None)),
            Answer::By(login) => Ok(self.give(application, &login, &scopes, now)),
        }
    }

    fn of_refresh(
        &mut self,
        application: &Application,
        refresh: &str,
        now: Timestamp,
    ) -> Result<Value, Wrong> {
        let known = self.refreshes.get(refresh);
        let is_good =
            known.is_some_and(|one| one.client_id == application.client_id && one.ends > now);
        // Good for one use, and the access token that came with it ends with it.
        let used = self.refreshes.remove(refresh).filter(|_| is_good);
        let used = used.ok_or(("bad_refresh_token", None))?;
        self.tokens.remove(&used.access);
        self.refreshed += 1;
        Ok(self.give(application, &used.login, "", now))
    }

    fn give(
        &mut self,
        application: &Application,
        login: &str,
        scopes: &str,
        now: Timestamp,
    ) -> Value {
        let mut body = json!({"token_type": "bearer"});
        let (access, token) = if application.tokens_end {
            let (access, refresh) = (self.make("access"), self.make("refresh"));
            let (access, refresh) = (format!("ghu_{access}"), format!("ghr_{refresh}"));
            body["expires_in"] = json!(ACCESS.as_secs());
            body["refresh_token"] = json!(refresh);
            body["refresh_token_expires_in"] = json!(REFRESH.as_secs());
            // A GitHub App's rights are its own: it has no scopes.
            body["scope"] = json!("");
            let kept = Refresh {
                client_id: application.client_id.clone(),
                login: login.to_owned(),
                access: access.clone(),
                ends: now.saturating_add(REFRESH).unwrap_or(now),
            };
            self.refreshes.insert(refresh, kept);
            let ends = now.saturating_add(ACCESS).ok();
            (access, (String::new(), ends))
        } else {
            body["scope"] = json!(scopes);
            (
                format!("gho_{}", self.make("access")),
                (scopes.to_owned(), None),
            )
        };
        body["access_token"] = json!(access);
        let token = Token {
            login: login.to_owned(),
            scopes: Some(token.0),
            ends: token.1,
            says_when: false,
        };
        self.tokens.insert(access, token);
        body
    }
}

fn wrong(headers: &HeaderMap, error: &str, interval: Option<u64>) -> Response {
    let words = match error {
        "authorization_pending" => "The authorization request is still pending.",
        "slow_down" => "Too many requests have been made in the same timeframe.",
        "expired_token" => "This 'device_code' has expired.",
        "access_denied" => "The authorization request was denied.",
        "incorrect_device_code" => "The device_code provided is not valid.",
        "incorrect_client_credentials" => "The client_id passed is incorrect.",
        "device_flow_disabled" => "Device Flow must be explicitly enabled for this App.",
        "bad_refresh_token" => "The refresh token passed is incorrect or expired.",
        _ => "The grant type is not supported.",
    };
    let mut body = json!({
        "error": error,
        "error_description": words,
        "error_uri": "https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow",
    });
    if let Some(interval) = interval {
        body["interval"] = json!(interval);
    }
    said(headers, StatusCode::OK, &body)
}

/// JSON where it is asked for, a form where it is not.
fn said(headers: &HeaderMap, status: StatusCode, body: &Value) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("json")) {
        return json_response(status, body);
    }
    let fields: &Map<String, Value> = match body {
        Value::Object(fields) => fields,
        _ => &Map::new(),
    };
    let pairs = fields.iter().map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", escape(name), escape(&value))
    });
    let form = pairs.collect::<Vec<_>>().join("&");
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    (status, [(CONTENT_TYPE, kind)], form).into_response()
}

fn fields(form: &[u8]) -> Vec<(String, String)> {
    let form = String::from_utf8_lossy(form).replace('+', " ");
    let read = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (read(name), read(value)))
        .collect()
}

fn field<'f>(form: &'f [(String, String)], name: &str) -> &'f str {
    form.iter()
        .find(|(key, _)| key == name)
        .map_or("", |(_, value)| value.as_str())
}
