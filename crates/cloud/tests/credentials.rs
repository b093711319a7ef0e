//! Credentials from the person's sign-in: against moto's STS, and against answers of our own for what moto never says.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

#[path = "credentials/accounts.rs"]
mod accounts;
#[path = "credentials/moto.rs"]
mod moto;
#[path = "peer/moto.rs"]
mod peer;
#[path = "credentials/refusals.rs"]
mod refusals;
#[path = "credentials/renewal.rs"]
mod renewal;
#[path = "credentials/secrets.rs"]
mod secrets;
#[path = "peer/sts.rs"]
mod sts;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloud::{Broker, Identity, NoIdentity, Options, Role, WebIdentity};

use sts::Hands;

const READ: &str = "arn:aws:iam::111122223333:role/landfall-read";

/// Somebody who is signed in, or not: as the test says.
#[derive(Clone)]
struct Person(Arc<Mutex<Said>>);

struct Said {
    token: Result<String, NoIdentity>,
    /// What comes the next time.
    then: Option<String>,
    session: String,
    asked: u32,
}

impl Person {
    fn ada() -> Self {
        Self(Arc::new(Mutex::new(Said {
            token: Ok("ada-token-1".to_owned()),
            then: None,
            session: "ada@shop.example".to_owned(),
            asked: 0,
        })))
    }

    fn has(&self, token: &str) {
        self.0.lock().unwrap().token = Ok(token.to_owned());
    }

    fn has_next(&self, token: &str) {
        self.0.lock().unwrap().then = Some(token.to_owned());
    }

    fn is_called(&self, name: &str) {
        self.0.lock().unwrap().session = name.to_owned();
    }

    fn has_none(&self, may_pass: bool) {
        self.0.lock().unwrap().token = Err(NoIdentity {
            reason: "nobody is signed in".to_owned(),
            hint: "Sign in.".to_owned(),
            may_pass,
        });
    }

    fn asked(&self) -> u32 {
        self.0.lock().unwrap().asked
    }
}

#[async_trait::async_trait]
impl WebIdentity for Person {
    async fn token(&self) -> Result<Identity, NoIdentity> {
        let mut said = self.0.lock().unwrap();
        said.asked += 1;
        let token = said.token.clone()?;
        if let Some(then) = said.then.take() {
            said.token = Ok(then);
        }
        Ok(Identity {
            token: token.into(),
            session: said.session.clone(),
        })
    }
}

fn options(hands: &Hands) -> Options {
    let never = Duration::from_secs(3600);
    Options {
        poll: never,
        poll_busy: never,
        retry: never,
        clock: hands.clock(),
        ..Options::default()
    }
}

fn broker(arn: &str, endpoint: &str, person: &Person, options: &Options) -> Broker {
    let role = Role {
        arn: arn.to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        identity: Arc::new(person.clone()),
    };
    Broker::new(role, options)
}
