//! AWS as far as a test needs it: what it answers is the test's to say, and what it was asked is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};

/// A clock that only the test moves.
#[derive(Clone)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn clock(&self) -> cloud::Clock {
        let hands = self.clone();
        cloud::Clock::new(move || hands.now())
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub headers: HeaderMap,
    pub uri: Uri,
    pub form: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }
}

/// What is answered to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Credentials with this access key that live so many seconds.
    Gives(&'static str, i64),
    /// A status, a code and a message.
    Refuses(u16, &'static str, String),
    /// A status, a code in the header and a body, as the REST services say what they refuse.
    Fails(u16, &'static str, String),
    /// Any other answer.
    Says(u16, String),
    /// None, ever.
    Nothing,
}

type Script = Box<dyn Fn(&Asked) -> Answer + Send>;

/// The server.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    hands: Hands,
    ahead: SignedDuration,
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    /// Answers wait while it is held.
    gate: tokio::sync::RwLock<()>,
}

impl Sts {
    /// One whose clock is `ahead` of the test's.
    pub fn new(
        hands: &Hands,
        ahead: SignedDuration,
        script: impl Fn(&Asked) -> Answer + Send + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            hands: hands.clone(),
            ahead,
            script: Mutex::new(Box::new(script)),
            asked: Mutex::default(),
            gate: tokio::sync::RwLock::default(),
        }))
    }

    pub fn answer(&self, script: impl Fn(&Asked) -> Answer + Send + 'static) {
        *self.0.script.lock().unwrap() = Box::new(script);
    }

    /// What it was asked since it was last said.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    /// No answer is given until what is returned is dropped.
    pub async fn shut(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.0.gate.write().await
    }

    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn handle(
    State(sts): State<Sts>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let asked = Asked {
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        headers,
        uri,
    };
    let answer = (sts.0.script.lock().unwrap())(&asked);
    sts.0.asked.lock().unwrap().push(asked.clone());
    let _open = sts.0.gate.read().await;
    let now = sts.0.hands.now() + sts.0.ahead;
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut headers = HeaderMap::new();
    headers.insert("date", date.parse().unwrap());
    let (status, text) = match answer {
        Answer::Gives(key, lives) => (200, given(&asked, key, now, lives)),
        Answer::Refuses(status, code, message) => (
            status,
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
            ),
        ),
        Answer::Fails(status, code, text) => {
            headers.insert("x-amzn-errortype", code.parse().unwrap());
            (status, text)
        }
        Answer::Says(status, text) => (status, text),
        Answer::Nothing => std::future::pending().await,
    };
    (StatusCode::from_u16(status).unwrap(), headers, text)
}

fn given(asked: &Asked, key: &str, now: Timestamp, lives: i64) -> String {
    let until = now + SignedDuration::from_secs(lives);
    let (role, session) = (asked.field("RoleArn"), asked.field("RoleSessionName"));
    let role = role.rsplit('/').next().unwrap();
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>the-secret-key</SecretAccessKey><SessionToken>the-session-token</SessionToken>\
         <Expiration>{until}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROA:{session}</AssumedRoleId>\
         <Arn>arn:aws:sts::1:assumed-role/{role}/{session}</Arn></AssumedRoleUser>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
}
