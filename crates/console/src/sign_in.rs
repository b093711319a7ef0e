//! The sign-in of what is open: who is signed in, what that makes them in the team, and the tokens for the systems.
//!
//! Owns one attempt at a time, and the words for how it stands. Opens no browser by itself: whoever begins an attempt passes
//! the way to open one, and nothing that runs in the background begins any.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::error::Code;
use api::headline::plain;
use api::{Error, Home, SignIn, SignInState};
use identity::{Failure, Invitation, Issuer, Person, Session, Standing};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use url::Url;

use crate::subscription::{self, Subscription};
use crate::team_file::form::Role;

/// How long a person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(180);

/// The sign-in.
pub struct SigningIn {
    issuer: Arc<Issuer>,
    session: Arc<Session>,
    roles: Arc<[Role]>,
    attempt: watch::Sender<Attempt>,
    running: Mutex<Option<AbortHandle>>,
}

/// An attempt to sign in.
#[derive(Clone, Debug, Default)]
enum Attempt {
    #[default]
    None,
    InBrowser(Url),
    Code(Invitation),
    Failed(Error),
}

impl SigningIn {
    /// The sign-in of a session with this issuer, in a team with these roles.
    pub fn new(issuer: Arc<Issuer>, session: Arc<Session>, roles: Vec<Role>) -> Self {
        Self {
            issuer,
            session,
            roles: roles.into(),
            attempt: watch::Sender::default(),
            running: Mutex::default(),
        }
    }

    /// Who signs people in.
    pub fn issuer(&self) -> Arc<Issuer> {
        Arc::clone(&self.issuer)
    }

    /// The session behind it.
    pub fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// Who is signed in, with the names of their roles; none where nobody is.
    pub fn whoami(&self) -> Option<(String, Vec<String>)> {
        let standing = self.session.standing();
        let standing = standing.borrow();
        let Standing::SignedIn { person, .. } = &*standing else {
            return None;
        };
        let roles = theirs(person, &self.roles).map(|role| role.name.clone());
        Some((person.called().to_owned(), roles.collect()))
    }

    /// Whether the team says what people are.
    pub fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// How it stands, live; there always is something to say.
    pub fn watch(&self) -> Subscription<Option<SignIn>> {
        let (subscription, publisher) = subscription::channel();
        let mut standing = self.session.standing();
        let mut not_kept = self.session.not_kept();
        let mut attempt = self.attempt.subscribe();
        let (provider, roles) = (self.issuer.host().to_owned(), Arc::clone(&self.roles));
        let told = tokio::spawn(async move {
            loop {
                let said = SignIn {
                    provider: provider.clone(),
                    state: state(
                        &standing.borrow_and_update(),
                        &attempt.borrow_and_update(),
                        &roles,
                    ),
                    not_kept: not_kept
                        .borrow_and_update()
                        .as_ref()
                        .map(ToString::to_string),
                };
                let settled = !matches!(said.state, SignInState::Resuming { late: None });
                publisher.publish(Some(said), settled);
                let changed = tokio::select! {
                    changed = standing.changed() => changed,
                    changed = attempt.changed() => changed,
                    changed = not_kept.changed() => changed,
                    () = publisher.closed() => return,
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        drop(told);
        subscription
    }

    /// Signs somebody in with the system's browser; ends when they are, or it came to nothing. `open` opens an address.
    /// An attempt that is under way is given up for this one.
    ///
    /// # Errors
    /// Nobody signed in: in words for them.
    pub async fn in_browser(
        &self,
        open: impl FnOnce(&Url) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        let (issuer, shown) = (Arc::clone(&self.issuer), self.attempt.clone());
        self.attempted(async move {
            let provider = issuer.provider().await?;
            let open = move |url: &Url| {
                // Shown before it opens: where no browser does, the person still has the address.
                shown.send_replace(Attempt::InBrowser(url.clone()));
                open(url)
            };
            identity::sign_in(provider, open, PATIENCE).await
        })
        .await
    }

    /// Signs somebody in with a code that they type elsewhere; `show` shows it.
    ///
    /// # Errors
    /// As [`Self::in_browser`].
    pub async fn with_code(
        &self,
        show: impl FnOnce(&Invitation) + Send + 'static,
    ) -> Result<(), Error> {
        let (issuer, shown) = (Arc::clone(&self.issuer), self.attempt.clone());
        self.attempted(async move {
            let provider = issuer.provider().await?;
            let (invitation, invited) = identity::invite(provider).await?;
            show(&invitation);
            shown.send_replace(Attempt::Code(invitation));
            invited.tokens().await
        })
        .await
    }

    /// Gives up an attempt that is under way.
    pub fn cancel(&self) {
        let running = self.running.lock();
        if let Some(running) = running.unwrap_or_else(PoisonError::into_inner).take() {
            running.abort();
        }
        self.attempt.send_replace(Attempt::None);
    }

    /// Signs the person out: here at once, and at the provider.
    ///
    /// # Errors
    /// The provider could not be told, or what is kept could not be deleted.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.cancel();
        self.session.sign_out().await.map_err(|why| match why {
            Failure::StillKept(_) => Error::new(
                Code::SignedOut,
                format!("you are not signed out for good: {why}"),
            )
            .hint("Unlock the keyring and sign out once more, or end the session on the provider's own pages."),
            why => Error::new(
                Code::Unreachable,
                format!("you are signed out on this machine, and the provider was not told: {why}"),
            )
            .hint("The sign-in ends there by itself; the provider's own pages can end it at once."),
        })
    }

    async fn attempted(
        &self,
        attempt: impl Future<Output = Result<identity::Tokens, Failure>> + Send + 'static,
    ) -> Result<(), Error> {
        self.cancel();
        let attempt = tokio::spawn(attempt);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempt.abort_handle());
        let outcome = match attempt.await {
            // From here on it is not given up any more: half a sign-in would be kept.
            Ok(Ok(tokens)) => self.session.begin(tokens).await,
            Ok(Err(why)) => Err(why),
            // Another attempt, or the person, ended it: what is shown is theirs to say.
            Err(_) => {
                return Err(Error::new(Code::SignedOut, "the sign-in was given up"));
            }
        };
        let outcome = outcome.map_err(|why| error(&why));
        self.attempt.send_replace(match &outcome {
            Ok(()) => Attempt::None,
            Err(why) => Attempt::Failed(why.clone()),
        });
        outcome
    }
}

impl Drop for SigningIn {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// What a person is in the team: the roles one of whose groups they are in, in the team file's order.
fn theirs<'a>(person: &'a Person, roles: &'a [Role]) -> impl Iterator<Item = &'a Role> {
    roles.iter().filter(|role| {
        let mut groups = role.groups.iter();
        groups.any(|group| person.groups.contains(group))
    })
}

/// Where roles start whose team file says nothing else, by their names.
const HOMES: [(&str, Home); 3] = [
    ("developer", Home::Board),
    // A ticket asks for something to be done: what they may do, and nothing else, is the first thing to see.
    ("support", Home::Actions),
    ("sre", Home::Board),
];

/// The screen that a person starts with: that of their first role.
fn home_of(person: &Person, roles: &[Role]) -> Home {
    let usual = |role: &Role| {
        let named = HOMES.iter().find(|(name, _)| *name == role.name);
        named.map_or(Home::Board, |(_, home)| *home)
    };
    let first = theirs(person, roles).next();
    first.map_or(Home::Board, |role| {
        role.home.map_or_else(|| usual(role), Home::from)
    })
}

fn state(standing: &Standing, attempt: &Attempt, roles: &[Role]) -> SignInState {
    // An attempt is somebody at the screen: it comes before what was.
    let failed = match attempt {
        Attempt::InBrowser(address) => {
            return SignInState::InBrowser {
                address: address.to_string(),
            };
        }
        Attempt::Code(invitation) => {
            return SignInState::Code {
                code: invitation.code.clone(),
                address: invitation.address.to_string(),
                whole: invitation.whole.as_ref().map(ToString::to_string),
                caution: invitation.caution(),
                until: invitation.until,
            };
        }
        Attempt::Failed(why) => Some(why.clone()),
        Attempt::None => None,
    };
    match standing {
        Standing::SignedIn {
            person,
            until,
            late,
        } => SignInState::SignedIn {
            person: person.called().to_owned(),
            roles: theirs(person, roles)
                .map(|role| role.name.clone())
                .collect(),
            home: home_of(person, roles),
            until: *until,
            late: late.as_ref().map(ToString::to_string),
        },
        Standing::Resuming { late } if failed.is_none() => SignInState::Resuming {
            late: late.as_ref().map(ToString::to_string),
        },
        Standing::Over { why } if failed.is_none() => SignInState::Over {
            // A provider's words are in it.
            why: plain(&why.to_string(), 400),
        },
        Standing::Unread { why } if failed.is_none() => SignInState::Unread {
            why: why.to_string(),
        },
        Standing::SignedOut
        | Standing::Unread { .. }
        | Standing::Resuming { .. }
        | Standing::Over { .. } => SignInState::SignedOut { failed },
    }
}

/// A failed sign-in as a person reads it, with what they can do.
pub fn error(why: &Failure) -> Error {
    let hint = match why {
        Failure::Unreachable { .. } => "Is the VPN on? It may work in a moment.",
        Failure::Answers { .. } => {
            "Is its address in the team file right, letter by letter? If it is, ask whoever runs it."
        }
        Failure::Refused { .. } => "Sign in again. If it goes on, ask whoever runs the provider.",
        Failure::NotDone(_) | Failure::SignedOut => "Sign in when you are ready.",
        Failure::Unproven(_) => {
            "Do not go on if somebody sent you here. If this machine's clock is right, tell whoever keeps the team file."
        }
        Failure::NoPort(_) => {
            "Close what uses these ports, or sign in with a code: `landfall sign-in --code`."
        }
        Failure::NoInvitation { .. } => {
            "Do not go on: nobody who signs people in answers so. Tell whoever runs it, and whoever keeps the team file."
        }
        Failure::Untrusted { .. } => {
            "If that authority is your company's own, its certificate belongs under authorities of signIn in the team file. \
             If not, somebody else answers in its place."
        }
        Failure::NoBrowser(_) => "Open the address by hand, or sign in with a code.",
        Failure::AnotherPerson { .. } => "Sign out first: that closes what is open.",
        Failure::Ended { .. } => {
            "Sign in again. Whoever keeps the team file can let a sign-in last: offline_access under scopes."
        }
        Failure::Unread(_) => "Unlock the keyring: it is looked at again by itself.",
        Failure::StillKept(_) => "Unlock the keyring and try again.",
        Failure::InUse => "It goes on by itself when the other one does.",
        Failure::NotOffered { .. } => "Whoever keeps the team file can turn it on at the provider.",
    };
    let error = Error::new(
        match why {
            Failure::Unreachable { .. } | Failure::Answers { .. } | Failure::Untrusted { .. } => {
                Code::Unreachable
            }
            _ => Code::SignedOut,
        },
        why.to_string(),
    )
    .hint(hint);
    if why.may_pass() {
        error.retryable()
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team_file::TeamFile;

    #[test]
    fn a_locked_keyring_was_called_signed_out() {
        let shut = Standing::Unread {
            why: identity::NotKept::Locked,
        };
        let now = state(&shut, &Attempt::None, &[]);
        let why = "the keyring is locked".to_owned();
        assert_eq!(now, SignInState::Unread { why });
        // What came of a new sign-in is what the person at the screen waits for.
        let failed = Attempt::Failed(error(&Failure::NotDone("no".to_owned())));
        let now = state(&shut, &failed, &[]);
        assert!(matches!(now, SignInState::SignedOut { failed: Some(_) }));
    }

    #[test]
    fn a_vpn_was_the_advice_for_a_wrong_address() {
        let said = "404 Not Found where its description should be".to_owned();
        let host = "id.example".to_owned();
        let error = error(&Failure::Answers { host, said });
        assert!(!error.message.contains("did not answer"), "{error}");
        assert!(!error.hint.contains("VPN"), "{error}");
    }

    #[test]
    fn a_vpn_was_the_advice_for_a_certificate_of_an_unknown_authority() {
        let host = "id.example".to_owned();
        let error = error(&Failure::Untrusted { host });
        assert!(!error.message.contains("did not answer"), "{error}");
        assert!(!error.hint.contains("VPN"), "{error}");
        assert!(error.hint.contains("authorities"), "{error}");
    }

    #[test]
    fn the_first_role_that_somebody_has_says_where_they_start() {
        let text = "version: 1\nroles:\n- {name: support, groups: [desk]}\n- {name: sre, groups: [platform], home: coverage}\n- {name: developer, groups: [dev]}\n";
        let roles = TeamFile::of_text(text, "here").expect("a team file").roles;
        let person = |groups: &[&str]| Person {
            subject: "mia".to_owned(),
            email: None,
            name: None,
            groups: groups.iter().map(|one| (*one).to_owned()).collect(),
        };
        let of = |groups: &[&str]| {
            let person = person(groups);
            let names: Vec<String> = theirs(&person, &roles)
                .map(|one| one.name.clone())
                .collect();
            (names.join(" "), home_of(&person, &roles))
        };
        assert_eq!(of(&["desk"]), ("support".to_owned(), Home::Actions));
        assert_eq!(of(&["platform"]), ("sre".to_owned(), Home::Coverage));
        assert_eq!(of(&["dev"]), ("developer".to_owned(), Home::Board));
        assert_eq!(
            of(&["dev", "desk"]),
            ("support developer".to_owned(), Home::Actions)
        );
        assert_eq!(of(&["nobody"]), (String::new(), Home::Board));
        let wrong = "version: 1\nroles: [{name: a, groups: [b], home: kitchen}]\n";
        let error = TeamFile::of_text(wrong, "here").expect_err("no such screen");
        assert!(error.message.contains("kitchen"), "{error}");
    }
}
