//! The OpenID provider: what it says of itself, the requests that sign-in and refresh take, and the proof of what it sends.
//!
//! Owns verification: no token leaves here whose issuer, audience, signature, algorithm, nonce and time were not checked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AsyncHttpClient,
    ClaimsVerificationError, Client, ClientId, DeviceAuthorizationUrl, DiscoveryError,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims,
    IdTokenFields, IssuerUrl, Nonce, NonceVerifier, OAuth2TokenResponse, ProviderMetadata,
    RefreshToken, RequestTokenError, RevocationUrl, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::failure::{Failure, Unproven, shown};
use crate::wire::{Clock, Wire, WireError};

/// The provider and this application in it, as the team file says.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The issuer, exactly as its tokens name it.
    pub issuer: Url,
    /// This application's name in it.
    pub client_id: String,
    /// What is asked for beyond `openid`.
    pub scopes: Vec<String>,
    /// The claim of the ID token that lists the person's groups.
    pub groups_claim: String,
    /// The ports of 127.0.0.1 that the provider may send the browser back to, in the order in which they are tried.
    pub ports: Vec<u16>,
    /// Certificates that are trusted beside the system's, as PEM.
    pub authorities: Vec<String>,
}

/// What is known of the person, from a verified ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's own name of the person, which never changes.
    pub subject: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The groups that the provider says the person is in.
    pub groups: Vec<String>,
}

impl Person {
    /// What to call the person: the address, else the name, else what the provider calls them.
    pub fn called(&self) -> &str {
        let known = self.email.as_deref().or(self.name.as_deref());
        known.unwrap_or(&self.subject)
    }
}

/// What a person holds while signed in. Its tokens can be neither printed nor serialised.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For the provider's own APIs.
    pub access: SecretString,
    /// Who the person is, signed: what clusters and AWS are shown.
    pub id: SecretString,
    /// What gets the next ones.
    pub refresh: Option<SecretString>,
    /// By our clock, when the first of them ends.
    pub until: Timestamp,
    /// Who it is.
    pub person: Person,
}

/// What came for a refresh token.
#[derive(Debug)]
pub struct Refreshed {
    /// The refresh token that takes the old one's place, whether or not what came with it proves anything.
    pub next: Option<SecretString>,
    /// The tokens, proven, or why there are none.
    pub tokens: Result<Tokens, Failure>,
}

/// All further claims of an ID token: which of them lists groups is the team's choice.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Further {
    #[serde(flatten)]
    all: BTreeMap<String, serde_json::Value>,
}

impl AdditionalClaims for Further {}

/// What OpenID Connect's own description lacks.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Endpoints {
    revocation_endpoint: Option<RevocationUrl>,
    device_authorization_endpoint: Option<DeviceAuthorizationUrl>,
    /// RFC 9207: whether it always says who sends the browser back.
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for Endpoints {}

pub(crate) type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What the provider answers where it gives tokens.
pub type Given = StandardTokenResponse<
    IdTokenFields<
        Further,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// The requests that it takes.
pub type Requests = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Given,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// How ID tokens may be signed: with the provider's private key. A shared secret or none would let anyone sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// How long tokens are taken to live whose provider does not say.
const UNSAID: SignedDuration = SignedDuration::from_mins(5);

/// A provider that was asked what it offers.
pub struct Provider {
    spec: Spec,
    wire: Wire,
    metadata: Mutex<Arc<Metadata>>,
}

impl Provider {
    /// Asks the provider what it offers.
    ///
    /// # Errors
    /// It does not answer, or is another issuer than it should be.
    pub async fn discover(spec: Spec, clock: Clock) -> Result<Self, Failure> {
        let host = host_of(&spec.issuer);
        let wire =
            Wire::new(&spec.issuer, &spec.authorities, clock).map_err(|why| silent(&host, &why))?;
        let metadata = metadata(&spec, &wire).await?;
        Ok(Self {
            spec,
            wire,
            metadata: Mutex::new(Arc::new(metadata)),
        })
    }

    /// The provider and this application in it.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The time by this machine's clock.
    pub fn now(&self) -> Timestamp {
        self.wire.now()
    }

    /// Gets new tokens for a refresh token. A provider that gives no new refresh token leaves the old one valid.
    pub async fn refresh(&self, refresh: &SecretString) -> Refreshed {
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        let requests = self.requests();
        let given = match requests.exchange_refresh_token(&token) {
            Ok(request) => request
                .request_async(&self.wire)
                .await
                .map_err(|error| self.refused(error)),
            Err(_) => Err(self.not_offered("tokens")),
        };
        let given = match given {
            Ok(given) => given,
            Err(why) => {
                return Refreshed {
                    next: None,
                    tokens: Err(why),
                };
            }
        };
        // Whatever the rest proves: the one that was sent may be used up now.
        let next = given
            .refresh_token()
            .map(|next| SecretString::from(next.secret().clone()));
        // OpenID Connect Core 12.2: what is given for a refresh token need not name the nonce.
        let proven = self.proven(&given, |_: Option<&Nonce>| Ok(())).await;
        let tokens = proven.map(|mut tokens| {
            tokens.refresh = tokens.refresh.or_else(|| Some(refresh.clone()));
            tokens
        });
        Refreshed { next, tokens }
    }

    /// Takes a refresh token back, and with it what was given for it.
    ///
    /// # Errors
    /// It does not answer, refuses, or offers no such thing.
    pub async fn revoke(&self, refresh: &SecretString) -> Result<(), Failure> {
        let endpoint = self.revocation_endpoint();
        let endpoint = endpoint.ok_or_else(|| self.not_offered("way to sign out"))?;
        // By hand (RFC 7009, 2.1): the library asks no endpoint without TLS, and the embedded company's has none.
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", refresh.expose_secret())
            .append_pair("token_type_hint", "refresh_token")
            .append_pair("client_id", &self.spec.client_id)
            .finish();
        let request = http::Request::post(endpoint.as_str())
            .header(
                http::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .body(form.into_bytes())
            .map_err(|_| self.not_offered("way to sign out"))?;
        let answer = self.wire.call(request).await;
        let answer = answer.map_err(|why| self.silent(&why))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let said: Result<StandardErrorResponse<CoreErrorResponseType>, _> =
            serde_json::from_slice(answer.body());
        Err(Failure::Refused {
            host: self.host(),
            said: match said {
                Ok(said) => shown(&said.to_string()),
                Err(_) => answer.status().to_string(),
            },
        })
    }

    /// The issuer, as the provider spells it.
    pub(crate) fn issuer(&self) -> String {
        self.metadata().issuer().to_string()
    }

    /// Whether it always says so where it sends the browser back.
    pub(crate) fn names_itself(&self) -> bool {
        let metadata = self.metadata();
        let further = metadata.additional_metadata();
        further.authorization_response_iss_parameter_supported == Some(true)
    }

    /// The requests that it takes.
    pub(crate) fn requests(&self) -> Requests {
        let metadata = (*self.metadata()).clone();
        Requests::from_provider_metadata(metadata, ClientId::new(self.spec.client_id.clone()), None)
    }

    /// Where tokens are taken back.
    pub(crate) fn revocation_endpoint(&self) -> Option<RevocationUrl> {
        self.metadata()
            .additional_metadata()
            .revocation_endpoint
            .clone()
    }

    /// Where codes are asked for that are typed elsewhere.
    pub(crate) fn device_endpoint(&self) -> Option<DeviceAuthorizationUrl> {
        self.metadata()
            .additional_metadata()
            .device_authorization_endpoint
            .clone()
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// That it did not answer.
    pub(crate) fn silent(&self, why: &WireError) -> Failure {
        silent(&self.host(), why)
    }

    pub(crate) fn not_offered(&self, what: &'static str) -> Failure {
        Failure::NotOffered {
            host: self.host(),
            what,
        }
    }

    pub(crate) fn host(&self) -> String {
        host_of(&self.spec.issuer)
    }

    /// What a token request that failed means.
    pub(crate) fn refused<E>(&self, error: RequestTokenError<WireError, E>) -> Failure
    where
        E: openidconnect::ErrorResponse + std::fmt::Display + 'static,
    {
        refusal(self.host(), error)
    }

    /// The tokens of an answer, proven.
    pub(crate) async fn proven<N>(&self, given: &Given, nonce: N) -> Result<Tokens, Failure>
    where
        N: NonceVerifier + Clone,
    {
        match self.verified(given, nonce.clone()) {
            Err(Wrong::UnknownKey) => {
                // Providers change their keys; whoever asks once more has the new ones.
                let fresh = metadata(&self.spec, &self.wire).await?;
                *self.metadata.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                self.verified(given, nonce).map_err(Wrong::failure)
            }
            outcome => outcome.map_err(Wrong::failure),
        }
    }

    fn verified<N: NonceVerifier>(&self, given: &Given, nonce: N) -> Result<Tokens, Wrong> {
        let id = given.id_token().ok_or(Wrong::Is(Unproven::Missing))?;
        let (requests, wire) = (self.requests(), self.wire.clone());
        let verifier = requests.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let verifier = verifier.set_time_fn(move || {
            let seconds = wire.provider_now().as_second();
            chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default()
        });
        let claims = id.claims(&verifier, nonce).map_err(Wrong::of)?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id.signing_alg().map_err(|_| Wrong::Is(Unproven::Form))?;
            let key = id.signing_key(&verifier).map_err(|_| Wrong::UnknownKey)?;
            let actual = AccessTokenHash::from_token(given.access_token(), algorithm, key);
            if actual.map_err(|_| Wrong::Is(Unproven::Form))? != *expected {
                return Err(Wrong::Is(Unproven::AccessToken));
            }
        }
        let now = self.now();
        let ends = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
        let of_id = ends(claims.expiration().timestamp()) - self.wire.ahead();
        let lives = given
            .expires_in()
            .and_then(|one| SignedDuration::try_from(one).ok());
        let of_access = now.checked_add(lives.unwrap_or(UNSAID)).unwrap_or(of_id);
        let secret = |text: &str| SecretString::from(text.to_owned());
        Ok(Tokens {
            access: secret(given.access_token().secret()),
            id: secret(&id.to_string()),
            refresh: given.refresh_token().map(|one| secret(one.secret())),
            until: of_id.min(of_access),
            person: self.person(claims),
        })
    }

    fn person(&self, claims: &IdTokenClaims<Further, CoreGenderClaim>) -> Person {
        let groups = claims.additional_claims().all.get(&self.spec.groups_claim);
        let groups = groups.and_then(serde_json::Value::as_array);
        let groups = groups
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_str);
        let name = claims.name().and_then(|name| name.get(None));
        Person {
            subject: claims.subject().to_string(),
            email: claims.email().map(|one| shown(one.as_str())),
            name: name.map(|one| shown(one.as_str())),
            groups: groups.map(str::to_owned).collect(),
        }
    }

    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.metadata.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a token request at `host` that failed means.
pub(crate) fn refusal<E>(host: String, error: RequestTokenError<WireError, E>) -> Failure
where
    E: openidconnect::ErrorResponse + std::fmt::Display + 'static,
{
    match error {
        RequestTokenError::ServerResponse(said) => Failure::Refused {
            host,
            said: shown(&said.to_string()),
        },
        RequestTokenError::Request(why) => silent(&host, &why),
        // Its words may quote what was sent.
        RequestTokenError::Parse(..) => Failure::Answers {
            host,
            said: "with something that cannot be read".to_owned(),
        },
        RequestTokenError::Other(_) => Failure::Answers {
            host,
            said: "with nothing that was expected".to_owned(),
        },
    }
}

async fn metadata(spec: &Spec, wire: &Wire) -> Result<Metadata, Failure> {
    let host = host_of(&spec.issuer);
    // An issuer is compared letter by letter: what a URL's own parser adds to it is taken away.
    let issuer = spec.issuer.as_str();
    let issuer = match spec.issuer.path() {
        "/" => issuer.trim_end_matches('/'),
        _ => issuer,
    };
    let issuer =
        IssuerUrl::new(issuer.to_owned()).map_err(|_| Failure::Unproven(Unproven::Issuer))?;
    let found = Metadata::discover_async(issuer, wire).await;
    let found = found.map_err(|error| match error {
        DiscoveryError::Request(WireError::Plain(_)) => not_over_tls(&host, "its keys"),
        DiscoveryError::Request(why) => silent(&host, &why),
        DiscoveryError::Validation(why) => Failure::Answers {
            host,
            said: format!("for another issuer: {}", shown(&why)),
        },
        DiscoveryError::Response(status, ..) => Failure::Answers {
            host,
            said: format!("{status} where its description should be"),
        },
        _ => Failure::Answers {
            host,
            said: "with something else than its description".to_owned(),
        },
    })?;
    over_tls(&spec.issuer, &found)?;
    Ok(found)
}

/// That every address that is opened or asked is an https one; in plain only where the issuer is on this machine, and the
/// address too. One that names a file or a script would be handed to the browser as it is.
fn over_tls(issuer: &Url, metadata: &Metadata) -> Result<(), Failure> {
    let is_here = issuer.scheme() == "http" && crate::wire::is_here(issuer);
    let further = metadata.additional_metadata();
    let named = [
        (Some(metadata.authorization_endpoint().url()), "signing in"),
        (metadata.token_endpoint().map(|at| at.url()), "its tokens"),
        (Some(metadata.jwks_uri().url()), "its keys"),
        (
            further.revocation_endpoint.as_ref().map(|at| at.url()),
            "signing out",
        ),
        (
            further
                .device_authorization_endpoint
                .as_ref()
                .map(|at| at.url()),
            "signing in with a code",
        ),
    ];
    let is_fine = |at: &Url| {
        let over = match at.scheme() {
            "https" => true,
            "http" => is_here && crate::wire::is_here(at),
            _ => false,
        };
        // What stands before the @ is read as the host.
        over && at.username().is_empty() && at.password().is_none()
    };
    let wrong = named
        .into_iter()
        .find(|(at, _)| at.is_some_and(|at| !is_fine(at)));
    match wrong {
        Some((_, what)) => Err(not_over_tls(&host_of(issuer), what)),
        None => Ok(()),
    }
}

fn not_over_tls(host: &str, what: &str) -> Failure {
    Failure::Answers {
        host: host.to_owned(),
        said: format!("with an address for {what} that is no plain https address"),
    }
}

/// A provider's host for words, with its port where that is not its scheme's own: other servers may be on the same host.
pub(crate) fn host_of(issuer: &Url) -> String {
    let host = issuer.host_str().unwrap_or("the provider");
    match issuer.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What no answer means, without the address that was asked: a code may be in it.
pub(crate) fn silent(host: &str, why: &WireError) -> Failure {
    let why = match why {
        WireError::Silent(why) if why.is_timeout() => "it took too long".to_owned(),
        WireError::Silent(why) => innermost(why),
        WireError::NotNow(status) => {
            return Failure::Answers {
                host: host.to_owned(),
                said: format!("{status}: it is busy, or down behind its own front"),
            };
        }
        WireError::Plain(_) => return not_over_tls(host, "what was asked"),
        other => other.to_string(),
    };
    let host = host.to_owned();
    // rustls and its verifiers say these so. It did answer: no VPN mends it.
    if why.contains("UnknownIssuer") {
        return Failure::Untrusted { host };
    }
    if why.contains("InvalidContentType") {
        return Failure::Answers {
            host,
            said: "without TLS, which its https address promises".to_owned(),
        };
    }
    Failure::Unreachable {
        host,
        why: shown(&why),
    }
}

/// The first cause of an error: what lies above it repeats it and quotes addresses.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = innermost.to_string();
    // rustls adds a link for programmers.
    if words.contains("close_notify") {
        return "it closed the connection".to_owned();
    }
    words
}

/// Why something was not verified.
enum Wrong {
    /// By a key that the provider did not name when it was asked last.
    UnknownKey,
    Is(Unproven),
}

impl Wrong {
    fn of(error: ClaimsVerificationError) -> Self {
        use ClaimsVerificationError as Said;
        Self::Is(match error {
            Said::InvalidIssuer(_) => Unproven::Issuer,
            Said::InvalidAudience(_) => Unproven::Audience,
            Said::InvalidNonce(_) => Unproven::Nonce,
            Said::Expired(_) => Unproven::Time,
            Said::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                return Self::UnknownKey;
            }
            Said::SignatureVerification(
                SignatureVerificationError::DisallowedAlg(_)
                | SignatureVerificationError::UnsupportedAlg(_),
            ) => Unproven::Algorithm,
            Said::SignatureVerification(_) => Unproven::Signature,
            _ => Unproven::Form,
        })
    }

    fn failure(self) -> Failure {
        Failure::Unproven(match self {
            Self::UnknownKey => Unproven::Signature,
            Self::Is(unproven) => unproven,
        })
    }
}

#[cfg(test)]
mod tests {
    use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreHmacKey};
    use openidconnect::{
        AccessToken, Audience, EmptyExtraTokenFields, IdToken, IdTokenClaims, JsonWebKeyId,
        JsonWebKeySet, PrivateSigningKey, StandardClaims, SubjectIdentifier,
    };
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.tidewater.example";
    const NOW: i64 = 1_800_000_000;

    fn key(seed: &str) -> CoreEdDsaPrivateSigningKey {
        let pem = match seed {
            "theirs" => {
                "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"
            }
            _ => {
                "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banW7L3FMWNaVqXGkyPFGPHsF2NNvVoQXY\n-----END PRIVATE KEY-----\n"
            }
        };
        let id = JsonWebKeyId::new("one".to_owned());
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(pem, Some(id)).unwrap()
    }

    /// A provider that names its own key, on a machine whose clock is `ahead` seconds behind the provider's.
    fn provider(ahead: i64) -> Provider {
        let described = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/auth"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
        });
        let metadata: Metadata = serde_json::from_value(described).unwrap();
        let keys = JsonWebKeySet::new(vec![key("theirs").as_verification_key()]);
        let clock: Clock = Arc::new(move || Timestamp::from_second(NOW - ahead).unwrap());
        let wire = Wire::new(&ISSUER.parse().unwrap(), &[], clock).unwrap();
        wire.set_ahead(ahead);
        Provider {
            spec: Spec {
                issuer: ISSUER.parse().unwrap(),
                client_id: "landfall".to_owned(),
                scopes: Vec::new(),
                groups_claim: "groups".to_owned(),
                ports: Vec::new(),
                authorities: Vec::new(),
            },
            wire,
            metadata: Mutex::new(Arc::new(metadata.set_jwks(keys))),
        }
    }

    struct Claims {
        issuer: &'static str,
        audience: &'static [&'static str],
        nonce: &'static str,
        /// From the provider's now.
        ends: i64,
    }

    const RIGHT: Claims = Claims {
        issuer: ISSUER,
        audience: &["landfall"],
        nonce: "mine",
        ends: 60,
    };

    type Signed = IdToken<
        Further,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >;

    fn claims(said: &Claims) -> IdTokenClaims<Further, CoreGenderClaim> {
        let time = |seconds| chrono::DateTime::from_timestamp(NOW + seconds, 0).unwrap();
        let audience = said
            .audience
            .iter()
            .map(|one| Audience::new((*one).to_owned()));
        let further = json!({"groups": ["dev"]});
        IdTokenClaims::new(
            IssuerUrl::new(said.issuer.to_owned()).unwrap(),
            audience.collect(),
            time(said.ends),
            time(-1),
            StandardClaims::new(SubjectIdentifier::new("mia".to_owned())),
            serde_json::from_value(further).unwrap(),
        )
        .set_nonce(Some(Nonce::new(said.nonce.to_owned())))
    }

    fn signed(said: &Claims, by: &str, beside: &str) -> Signed {
        let token = AccessToken::new(beside.to_owned());
        Signed::new(
            claims(said),
            &key(by),
            CoreJwsSigningAlgorithm::EdDsa,
            Some(&token),
            None,
        )
        .unwrap()
    }

    fn given(id: Signed) -> Given {
        let fields = IdTokenFields::new(Some(id), EmptyExtraTokenFields {});
        let mut given = Given::new(
            AccessToken::new("access".to_owned()),
            CoreTokenType::Bearer,
            fields,
        );
        given.set_expires_in(Some(&std::time::Duration::from_secs(3600)));
        given
    }

    fn judged(id: Signed, ahead: i64) -> Result<Tokens, Failure> {
        let nonce = Nonce::new("mine".to_owned());
        provider(ahead)
            .verified(&given(id), &nonce)
            .map_err(Wrong::failure)
    }

    fn refused(id: Signed) -> Unproven {
        match judged(id, 0) {
            Err(Failure::Unproven(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_server_at_a_wrong_address_was_said_not_to_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let served = tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
        let spec = Spec {
            issuer: issuer.parse().unwrap(),
            ..provider(0).spec
        };
        let found = Provider::discover(spec, Arc::new(Timestamp::now)).await;
        let why = found.err().unwrap();
        assert_eq!(
            why.to_string(),
            format!("{address} answers 404 Not Found where its description should be")
        );
        assert!(why.may_pass(), "nobody is signed out by it");
        served.abort();
    }

    #[test]
    fn a_provider_beside_other_servers_was_named_by_their_common_host() {
        let named = |issuer: &str| host_of(&issuer.parse().unwrap());
        assert_eq!(named("http://127.0.0.1:21505"), "127.0.0.1:21505");
        assert_eq!(named("https://id.example/realms/shop"), "id.example");
        assert_eq!(named("https://id.example:443"), "id.example");
    }

    #[tokio::test]
    async fn a_server_that_calls_itself_otherwise_was_said_to_have_sent_a_wrong_sign_in() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let described = json!({
            "issuer": "https://other.example",
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        });
        let described = axum::routing::get(async move || axum::Json(described));
        let pages = axum::Router::new().fallback(described);
        let served = tokio::spawn(async move { axum::serve(listener, pages).await });
        let spec = Spec {
            issuer: issuer.parse().unwrap(),
            ..provider(0).spec
        };
        let found = Provider::discover(spec, Arc::new(Timestamp::now)).await;
        let why = found.err().unwrap();
        assert!(matches!(why, Failure::Answers { .. }), "{why:?}");
        assert!(why.to_string().contains("https://other.example"), "{why}");
        served.abort();
    }

    #[tokio::test]
    async fn an_address_of_a_file_or_a_script_was_handed_to_the_browser() {
        for (at, bad) in [
            ("authorization_endpoint", "javascript:alert(1)"),
            ("authorization_endpoint", "file:///etc/passwd"),
            ("authorization_endpoint", "http://evil.example/authorize"),
            ("authorization_endpoint", "https://id.example@evil.example/"),
            ("token_endpoint", "http://id.example/token"),
            ("jwks_uri", "http://id.example/keys"),
            ("revocation_endpoint", "http://id.example/gone"),
            ("device_authorization_endpoint", "http://id.example/device"),
        ] {
            let mut described = json!({
                "issuer": "https://id.example",
                "authorization_endpoint": "https://id.example/auth",
                "token_endpoint": "https://id.example/token",
                "jwks_uri": "https://id.example/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["EdDSA"],
            });
            let issuer: Url = "https://id.example".parse().unwrap();
            let read = |described: &serde_json::Value| {
                serde_json::from_value::<Metadata>(described.clone())
            };
            assert!(over_tls(&issuer, &read(&described).unwrap()).is_ok());
            described[at] = json!(bad);
            // What it cannot even be read with is refused before.
            let Ok(described) = read(&described) else {
                continue;
            };
            let why = over_tls(&issuer, &described).err();
            assert!(matches!(why, Some(Failure::Answers { .. })), "{at} {bad}");
        }
    }

    #[tokio::test]
    async fn a_server_without_tls_was_said_not_to_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
        let spec = Spec {
            issuer: issuer.parse().unwrap(),
            ..provider(0).spec
        };
        let found = Provider::discover(spec, Arc::new(Timestamp::now)).await;
        let why = found.err().unwrap();
        assert!(why.to_string().contains("answers without TLS"), "{why}");
        served.abort();
    }

    #[test]
    fn what_the_provider_signed_is_believed() {
        let tokens = judged(signed(&RIGHT, "theirs", "access"), 0).unwrap();
        assert_eq!(tokens.person.groups, ["dev"]);
        assert_eq!(tokens.until, Timestamp::from_second(NOW + 60).unwrap());
    }

    #[test]
    fn a_token_that_is_not_for_this_sign_in_is_refused() {
        let of = |said: Claims| refused(signed(&said, "theirs", "access"));
        assert_eq!(
            of(Claims {
                issuer: "https://evil.example",
                ..RIGHT
            }),
            Unproven::Issuer
        );
        assert_eq!(
            of(Claims {
                audience: &["other"],
                ..RIGHT
            }),
            Unproven::Audience
        );
        assert_eq!(
            of(Claims {
                audience: &["landfall", "other"],
                ..RIGHT
            }),
            Unproven::Audience
        );
        assert_eq!(
            of(Claims {
                nonce: "theirs",
                ..RIGHT
            }),
            Unproven::Nonce
        );
        assert_eq!(of(Claims { ends: -1, ..RIGHT }), Unproven::Time);
        assert_eq!(
            refused(signed(&RIGHT, "theirs", "another")),
            Unproven::AccessToken
        );
    }

    #[test]
    fn a_token_that_the_provider_did_not_sign_is_refused() {
        assert_eq!(
            refused(signed(&RIGHT, "another", "access")),
            Unproven::Signature
        );
        // What anyone can sign who knows the application's public name.
        let shared = CoreHmacKey::new("landfall");
        let hmac = CoreJwsSigningAlgorithm::HmacSha256;
        let forged = Signed::new(claims(&RIGHT), &shared, hmac, None, None).unwrap();
        assert_eq!(refused(forged), Unproven::Algorithm);
        // Signed by nobody: `{"alg":"none"}`.
        let right = signed(&RIGHT, "theirs", "access").to_string();
        let payload = right.split('.').nth(1).unwrap();
        let unsigned: Result<Signed, _> = format!("eyJhbGciOiJub25lIn0.{payload}.").parse();
        if let Ok(unsigned) = unsigned {
            let why = refused(unsigned);
            assert!(
                matches!(why, Unproven::Algorithm | Unproven::Signature),
                "{why}"
            );
        }
    }

    #[test]
    fn a_clock_that_is_ten_minutes_off_keeps_nobody_out_and_lets_nothing_old_in() {
        for ahead in [600, -600] {
            let tokens = judged(signed(&RIGHT, "theirs", "access"), ahead).unwrap();
            let ours = Timestamp::from_second(NOW - ahead).unwrap();
            assert_eq!(
                ours.duration_until(tokens.until).as_secs(),
                60,
                "by our clock"
            );
            let old = Claims { ends: -1, ..RIGHT };
            assert!(judged(signed(&old, "theirs", "access"), ahead).is_err());
        }
    }
}
