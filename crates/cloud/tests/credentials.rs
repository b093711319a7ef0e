//! Credentials from the person's sign-in, and EKS by them: against moto and botocore, which others wrote, and against
//! answers of our own for what moto never says.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

#[path = "credentials/accounts.rs"]
mod accounts;
#[path = "credentials/center.rs"]
mod center;
#[path = "credentials/eks.rs"]
mod eks;
#[path = "credentials/moto.rs"]
mod moto;
#[path = "peer/moto.rs"]
mod peer;
#[path = "peer/person.rs"]
mod person;
#[path = "credentials/refusals.rs"]
mod refusals;
#[path = "credentials/renewal.rs"]
mod renewal;
#[path = "credentials/secrets.rs"]
mod secrets;
#[path = "peer/sts.rs"]
mod sts;

use person::{Person, READ, broker, options};
