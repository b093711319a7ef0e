//! Who the person is: sign-in with an OpenID provider, its tokens, and where the one that lasts is kept.
//!
//! Owns every token of a person from the moment a provider gives it: each is verified before anyone sees it (`provider`),
//! lives in memory in types that can be neither printed nor serialised, and only the refresh token rests anywhere, in the
//! keyring of the operating system (`keeper`); no core dump holds them (`dumps`). Two ways lead in: the system's browser (`browser`, with its `landing` on
//! loopback) and, where that cannot be, a code typed elsewhere (`device`). A [`Session`] keeps the tokens fresh, one request
//! at a time (`session`), by a plan that is pure (`plan`). At a code host that is no OpenID provider a session is made of the
//! host's own tokens (`code_host`).
//!
//! Opens no browser by itself: whoever signs in passes the way to open one. Judges no rights: what a person may do is the
//! cluster's and the account's to say.

mod browser;
mod code_host;
mod device;
mod dumps;
mod examined;
mod failure;
mod issuer;
mod keeper;
mod landing;
mod plan;
mod provider;
mod session;
mod wire;

pub use browser::sign_in;
pub use code_host::{Account, CodeHost, CodeHostSpec};
pub use device::{Invitation, Invited, invite};
pub use dumps::no_core_dumps;
pub use examined::{Examined, Known};
pub use failure::{Failure, Unproven};
pub use issuer::Issuer;
pub use keeper::{Keeper, Keyring, Memory, NotKept};
pub use landing::address as redirect;
pub use provider::{Person, Provider, Refreshed, Spec, Tokens};
pub use session::{Giver, Session, Standing, finish};
pub use wire::Clock;
