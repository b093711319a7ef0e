//! Whose the open systems are: what a change of the sign-in means for what was opened by it.
//!
//! Owns telling a person's own return, which keeps what they opened, from somebody else's coming, which keeps nothing.

use api::SignInState;

/// What has to be done about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody is there, and nobody was before them: what waits for a sign-in goes on.
    Came,
    /// Nothing that the last one opened may be used any more; nobody is there.
    Left,
    /// Nothing that the last one opened may be used any more, and what waits for a sign-in goes on.
    Changed,
}

/// The sign-in, followed from state to state.
#[derive(Debug, Default)]
pub struct Followed {
    /// Who is there; absent until that is known.
    who: Option<Option<String>>,
}

impl Followed {
    /// What the next state changes.
    pub fn next(&mut self, state: &SignInState) -> Option<Change> {
        let now = match state {
            SignInState::SignedIn { person, .. } => Some(person.clone()),
            SignInState::SignedOut { .. } | SignInState::Over { .. } => None,
            // Nothing is decided while somebody tries, or what is kept cannot be read.
            SignInState::Resuming { .. }
            | SignInState::Unread { .. }
            | SignInState::InBrowser { .. }
            | SignInState::Code { .. } => return None,
        };
        let before = self.who.replace(now.clone());
        match (before, now) {
            (None, Some(_)) => Some(Change::Came),
            (None, None) => None,
            (Some(before), now) if before == now => None,
            (Some(_), Some(_)) => Some(Change::Changed),
            (Some(_), None) => Some(Change::Left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Home;

    fn is_in(person: &str) -> SignInState {
        SignInState::SignedIn {
            person: person.to_owned(),
            roles: Vec::new(),
            home: Home::Board,
            until: jiff::Timestamp::UNIX_EPOCH,
            late: None,
        }
    }

    #[test]
    fn the_sign_in_had_changed_though_its_own_person_had_only_come_back() {
        let out = SignInState::SignedOut { failed: None };
        let resuming = SignInState::Resuming { late: None };
        let over = SignInState::Over { why: String::new() };
        let browser = SignInState::InBrowser {
            address: String::new(),
        };
        let mut followed = Followed::default();
        let mut said = |states: &[&SignInState]| -> Vec<Option<Change>> {
            states.iter().map(|state| followed.next(state)).collect()
        };
        let (mia, jo) = (is_in("mia"), is_in("jo"));
        assert_eq!(
            said(&[&resuming, &mia, &mia, &browser, &mia]),
            [None, Some(Change::Came), None, None, None]
        );
        assert_eq!(
            said(&[&jo, &out, &over, &browser, &jo]),
            [
                Some(Change::Changed),
                Some(Change::Left),
                None,
                None,
                Some(Change::Changed)
            ]
        );
    }
}
