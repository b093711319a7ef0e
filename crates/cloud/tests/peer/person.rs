//! Somebody who is signed in, and a broker that takes roles in their name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloud::{Broker, Identity, NoIdentity, Options, Role, WebIdentity};

use super::sts::Hands;

pub const READ: &str = "arn:aws:iam::111122223333:role/landfall-read";

/// Somebody who is signed in, or not: as the test says.
#[derive(Clone)]
pub struct Person(Arc<Mutex<Said>>);

struct Said {
    token: Result<String, NoIdentity>,
    /// What comes the next time.
    then: Option<String>,
    session: String,
    asked: u32,
}

impl Person {
    pub fn ada() -> Self {
        Self(Arc::new(Mutex::new(Said {
            token: Ok("ada-token-1".to_owned()),
            then: None,
            session: "ada@shop.example".to_owned(),
            asked: 0,
        })))
    }

    pub fn has(&self, token: &str) {
        self.0.lock().unwrap().token = Ok(token.to_owned());
    }

    pub fn has_next(&self, token: &str) {
        self.0.lock().unwrap().then = Some(token.to_owned());
    }

    pub fn is_called(&self, name: &str) {
        self.0.lock().unwrap().session = name.to_owned();
    }

    pub fn has_none(&self, may_pass: bool) {
        self.0.lock().unwrap().token = Err(NoIdentity {
            reason: "nobody is signed in".to_owned(),
            hint: "Sign in.".to_owned(),
            may_pass,
        });
    }

    pub fn asked(&self) -> u32 {
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

pub fn options(hands: &Hands) -> Options {
    let never = Duration::from_secs(3600);
    Options {
        poll: never,
        poll_busy: never,
        retry: never,
        // moto thinks long about its first answer on a machine that is busy.
        patience: Duration::from_secs(60),
        answer_within: Duration::from_secs(60),
        clock: hands.clock(),
        ..Options::default()
    }
}

pub fn broker(arn: &str, endpoint: &str, person: &Person, options: &Options) -> Broker {
    let role = Role {
        arn: arn.to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        identity: Arc::new(person.clone()),
    };
    Broker::new(role, options)
}
