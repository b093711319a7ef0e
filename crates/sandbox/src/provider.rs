//! The company's OpenID provider: who works there, and what they are given when they sign in.
//!
//! Owns people, codes, tokens and their ends. How the protocol says it is [`http`]'s, what a browser shows is `pages`'. The
//! tests of `identity` run against this one and against a certified one.
//!
//! Simplified: one application, no passwords, no sessions in the browser, everybody consents.

mod http;
pub(crate) mod pages;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreEdDsaPrivateSigningKey, CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AdditionalClaims, Audience, ClientId, CsrfToken, EndUserEmail, EndUserName,
    IdToken, IdTokenClaims, IdTokenVerifier, IssuerUrl, JsonWebKeyId, LocalizedClaim, Nonce,
    PrivateSigningKey, StandardClaims, SubjectIdentifier,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::company::CompanyError;
use crate::names::Names;

pub use http::router;

/// The one application.
pub const CLIENT: &str = "landfall";
/// Where a browser may be sent back to: below any port of this machine (RFC 8252, 7.3).
const REDIRECT: &str = "/landfall/signed-in";
/// What ID and access tokens live.
const TOKENS: SignedDuration = SignedDuration::from_mins(10);
/// What a code from the browser lives.
const CODES: SignedDuration = SignedDuration::from_secs(60);
/// What a code that is typed elsewhere lives.
const INVITATIONS: SignedDuration = SignedDuration::from_mins(10);
/// How often may be asked whether such a code was typed, in seconds.
const INTERVAL: i64 = 1;

/// Somebody who works there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// What they sign in as.
    pub email: String,
    /// Their one group.
    pub group: &'static str,
    /// What that makes them in the team.
    pub role: &'static str,
    /// What they do, for whoever chooses somebody to be.
    pub does: &'static str,
}

/// The provider. Clones share it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

/// Shows nothing of its key and its tokens.
impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("company", &self.0.company)
            .finish_non_exhaustive()
    }
}

struct Inner {
    company: String,
    clock: Clock,
    people: Vec<Person>,
    key: CoreEdDsaPrivateSigningKey,
    issuer: OnceLock<IssuerUrl>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the code that the browser brings back.
    codes: BTreeMap<String, Code>,
    /// By the code that the program asks with.
    invitations: BTreeMap<String, Invitation>,
    /// Refresh tokens, used ones too: whoever shows one of these ends its sign-in.
    refresh: BTreeMap<String, Refresh>,
    /// Sign-ins, and whether each has ended.
    ended: Vec<bool>,
    /// Every token that was given.
    given: Vec<String>,
}

/// What somebody who signed in is given for, once.
struct Code {
    granted: Granted,
    redirect: String,
    challenge: String,
    until: Timestamp,
    /// The sign-in that it was used for.
    used: Option<usize>,
}

/// A code that waits to be typed.
struct Invitation {
    shown: String,
    scopes: String,
    until: Timestamp,
    asked: Option<Timestamp>,
    person: Option<Person>,
}

struct Refresh {
    granted: Granted,
    sign_in: usize,
    used: bool,
}

/// Who signed in, and for what.
#[derive(Clone)]
struct Granted {
    person: Person,
    scopes: String,
    nonce: Option<String>,
}

/// A refusal, in OAuth's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub &'static str, pub &'static str);

const SPENT: Refusal = Refusal("invalid_grant", "grant request is invalid");

/// What is given.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    id_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
}

/// What the ID token says beside the standard's claims.
#[derive(Debug, Serialize, Deserialize)]
struct Further {
    groups: Vec<String>,
}

impl AdditionalClaims for Further {}

type Id =
    IdToken<Further, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The beginning of an Ed25519 key as PKCS #8 (RFC 8410, section 7); its 32 bytes follow.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

impl Provider {
    /// The provider of a company, with a key that nobody else has.
    ///
    /// # Errors
    /// Never in practice: its key is of the right form.
    pub fn new(names: &Names, clock: Clock) -> Result<Self, CompanyError> {
        let mut der = PKCS8.to_vec();
        der.extend(Sha256::digest(random()));
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        let id = Some(JsonWebKeyId::new("embedded".to_owned()));
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, id)
            .map_err(|why| CompanyError::Missing(format!("key to sign with: {why}")))?;
        Ok(Self(Arc::new(Inner {
            company: names.company.clone(),
            clock,
            people: people(names),
            key,
            issuer: OnceLock::new(),
            state: Mutex::default(),
        })))
    }

    /// Says where it answers, which is what it is called; only the first time counts.
    pub fn is_at(&self, url: &str) {
        if let Ok(issuer) = IssuerUrl::new(url.to_owned()) {
            let _first = self.0.issuer.set(issuer);
        }
    }

    /// Everybody who can sign in.
    pub fn people(&self) -> &[Person] {
        &self.0.people
    }

    /// Whose ID token this is, if it is one that it signed and that has not ended: what an API server asks that trusts the
    /// issuer, and AWS' STS.
    pub fn whose(&self, token: &str) -> Option<&Person> {
        let token: Id = token.parse().ok()?;
        let client = ClientId::new(CLIENT.to_owned());
        let now = time(self.0.clock.now());
        let verifier = IdTokenVerifier::<'_, CoreJsonWebKey>::new_public_client(
            client,
            self.0.issuer.get()?.clone(),
            self.keys(),
        )
        .set_allowed_algs([CoreJwsSigningAlgorithm::EdDsa])
        .set_time_fn(move || now);
        // Whoever it is shown to did not ask for it: the nonce is the program's to check.
        let claims = token.claims(&verifier, |_: Option<&Nonce>| Ok(())).ok()?;
        let email = claims.email()?.as_str();
        self.0.people.iter().find(|person| person.email == email)
    }

    /// Every token that was given, and every code that only a program knows: for tests that look where they went.
    pub fn secrets(&self) -> Vec<String> {
        let state = self.state();
        let codes = state.codes.keys().chain(state.invitations.keys());
        codes.chain(&state.given).cloned().collect()
    }

    /// Signs somebody in who typed a code that a program showed; whether it is one that waits.
    pub fn typed(&self, shown: &str, person: &Person) -> bool {
        let now = self.0.clock.now();
        let shown = plain(shown);
        let mut state = self.state();
        let waiting = state
            .invitations
            .values_mut()
            .find(|one| plain(&one.shown) == shown && one.until > now && one.person.is_none());
        match waiting {
            Some(waiting) => {
                waiting.person = Some(person.clone());
                true
            }
            None => false,
        }
    }

    /// A code for somebody who chose to be this person in the browser.
    fn code(&self, person: &Person, asked: &http::Asked) -> String {
        let code = random();
        let granted = Granted {
            person: person.clone(),
            scopes: asked.scope.clone(),
            nonce: asked.nonce.clone(),
        };
        let until = self.0.clock.now().saturating_add(CODES);
        self.state().codes.insert(
            code.clone(),
            Code {
                granted,
                redirect: asked.redirect_uri.clone(),
                challenge: asked.code_challenge.clone(),
                until: until.unwrap_or(Timestamp::MAX),
                used: None,
            },
        );
        code
    }

    /// Gives tokens for a code, once. A second time ends what the first began (RFC 6749, 4.1.2).
    fn for_code(&self, code: &str, redirect: &str, verifier: &str) -> Result<Tokens, Refusal> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let State { codes, ended, .. } = &mut *state;
        let known = codes.get_mut(code).ok_or(SPENT)?;
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        if now > known.until || known.redirect != redirect || known.challenge != proof {
            return Err(SPENT);
        }
        if let Some(ended) = known.used.and_then(|sign_in| ended.get_mut(sign_in)) {
            *ended = true;
            return Err(SPENT);
        }
        known.used = Some(ended.len());
        let granted = known.granted.clone();
        let sign_in = ended.len();
        ended.push(false);
        self.give(&mut state, granted, sign_in)
    }

    /// Gives tokens for a refresh token, and another one in its place. Whoever shows a used one ends the sign-in: two have it.
    fn for_refresh(&self, token: &str) -> Result<Tokens, Refusal> {
        let mut state = self.state();
        let State { refresh, ended, .. } = &mut *state;
        let known = refresh.get_mut(token).ok_or(SPENT)?;
        let over = ended.get_mut(known.sign_in).ok_or(SPENT)?;
        if known.used || *over {
            *over = true;
            return Err(SPENT);
        }
        known.used = true;
        let (granted, sign_in) = (known.granted.clone(), known.sign_in);
        self.give(&mut state, granted, sign_in)
    }

    /// A code to show, and one to ask with.
    fn invite(&self, scopes: &str) -> (String, String) {
        let letters: String = random()
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let shown = match (letters.get(..4), letters.get(4..8)) {
            (Some(first), Some(last)) => format!("{first}-{last}"),
            _ => letters,
        };
        let asked_with = random();
        let until = self.0.clock.now().saturating_add(INVITATIONS);
        self.state().invitations.insert(
            asked_with.clone(),
            Invitation {
                shown: shown.clone(),
                scopes: scopes.to_owned(),
                until: until.unwrap_or(Timestamp::MAX),
                asked: None,
                person: None,
            },
        );
        (shown, asked_with)
    }

    /// Gives tokens once the code was typed (RFC 8628, 3.5).
    fn for_invitation(&self, asked_with: &str) -> Result<Tokens, Refusal> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let known = state.invitations.get_mut(asked_with).ok_or(SPENT)?;
        if now > known.until {
            return Err(Refusal("expired_token", "device code is expired"));
        }
        let Some(person) = known.person.clone() else {
            let soon = known.asked.replace(now).is_some_and(|last| {
                now.duration_since(last).as_millis() < i128::from(INTERVAL) * 1000
            });
            return Err(if soon {
                Refusal("slow_down", "asked too often")
            } else {
                Refusal("authorization_pending", "nobody typed the code yet")
            });
        };
        let granted = Granted {
            person,
            scopes: known.scopes.clone(),
            nonce: None,
        };
        state.invitations.remove(asked_with);
        let sign_in = state.ended.len();
        state.ended.push(false);
        self.give(&mut state, granted, sign_in)
    }

    /// Ends the sign-in that a refresh token is of; one that nobody knows is none (RFC 7009).
    fn revoke(&self, token: &str) {
        let mut state = self.state();
        let State { refresh, ended, .. } = &mut *state;
        let sign_in = refresh.get(token).map(|known| known.sign_in);
        if let Some(over) = sign_in.and_then(|sign_in| ended.get_mut(sign_in)) {
            *over = true;
        }
    }

    fn give(&self, state: &mut State, granted: Granted, sign_in: usize) -> Result<Tokens, Refusal> {
        const BROKEN: Refusal = Refusal("server_error", "no token can be made");
        let access = random();
        let id = self.id_token(&granted, &access).ok_or(BROKEN)?;
        state.given.extend([access.clone(), id.clone()]);
        let scope = granted.scopes.clone();
        let lasts = scope.split(' ').any(|scope| scope == "offline_access");
        let refresh_token = lasts.then(random);
        if let Some(token) = &refresh_token {
            state.given.push(token.clone());
            let refresh = Refresh {
                granted,
                sign_in,
                used: false,
            };
            state.refresh.insert(token.clone(), refresh);
        }
        Ok(Tokens {
            access_token: access,
            token_type: "Bearer",
            expires_in: TOKENS.as_secs(),
            id_token: id,
            refresh_token,
            scope,
        })
    }

    fn id_token(&self, granted: &Granted, access: &str) -> Option<String> {
        let now = self.0.clock.now();
        let person = &granted.person;
        let mut name = LocalizedClaim::new();
        name.insert(None, EndUserName::new(person.name.clone()));
        let standard = StandardClaims::new(SubjectIdentifier::new(person.email.clone()))
            .set_email(Some(EndUserEmail::new(person.email.clone())))
            .set_name(Some(name));
        let further = Further {
            groups: vec![person.group.to_owned()],
        };
        let claims = IdTokenClaims::new(
            self.0.issuer.get()?.clone(),
            vec![Audience::new(CLIENT.to_owned())],
            time(now.saturating_add(TOKENS).ok()?),
            time(now),
            standard,
            further,
        )
        .set_nonce(granted.nonce.clone().map(Nonce::new));
        let access = AccessToken::new(access.to_owned());
        let alg = CoreJwsSigningAlgorithm::EdDsa;
        let token = Id::new(claims, &self.0.key, alg, Some(&access), None).ok()?;
        Some(token.to_string())
    }

    fn keys(&self) -> CoreJsonWebKeySet {
        CoreJsonWebKeySet::new(vec![self.0.key.as_verification_key()])
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of each kind that the product is for.
fn people(names: &Names) -> Vec<Person> {
    let all = [
        ("developers", "developer", "writes the apps"),
        ("support", "support", "answers customers"),
        ("platform", "sre", "keeps the clusters"),
    ];
    let person = |(number, (group, role, does))| {
        let author = names.author(number);
        let (name, email) = author.split_once(" <").unwrap_or((&author, ""));
        Person {
            name: name.to_owned(),
            email: email.trim_end_matches('>').to_owned(),
            group,
            role,
            does,
        }
    };
    all.into_iter().enumerate().map(person).collect()
}

/// A code as it counts, however a person types it.
pub(crate) fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// What nobody can guess.
fn random() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

fn time(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.as_second(), 0).unwrap_or_default()
}
