//! The HTTP clients that everything but Git itself uses: impatient ones, and no proxy for this machine's own servers.
//!
//! Owns the choice of client by address. A proxy from the environment cannot reach a server on this machine's loopback
//! interface, and few people remember to except it.

use std::time::Duration;

use url::Url;

/// A connection that is not there after this long will not be there soon.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence within an answer.
pub(crate) const SILENCE: Duration = Duration::from_secs(20);
/// What we call ourselves.
pub(crate) const USER_AGENT: &str = concat!("landfall/", env!("CARGO_PKG_VERSION"));

/// The clients.
#[derive(Clone)]
pub(crate) struct Web {
    usual: reqwest::Client,
    own: reqwest::Client,
    /// Those that change something: they follow nobody elsewhere.
    usual_writing: reqwest::Client,
    own_writing: reqwest::Client,
}

impl Web {
    /// Sets the clients up.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT)
                .read_timeout(SILENCE)
        };
        let writing = || builder().redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            usual: builder().build()?,
            own: builder().no_proxy().build()?,
            usual_writing: writing().build()?,
            own_writing: writing().no_proxy().build()?,
        })
    }

    /// The client for an address.
    pub(crate) fn client(&self, url: &Url) -> &reqwest::Client {
        if is_own(url) { &self.own } else { &self.usual }
    }

    /// The client for what changes something at an address: a redirect would send it a second time, to somebody else.
    pub(crate) fn writing(&self, url: &Url) -> &reqwest::Client {
        match is_own(url) {
            true => &self.own_writing,
            false => &self.usual_writing,
        }
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_own(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn this_machine_is_told_from_others() {
        for own in [
            "http://127.0.0.1:5000",
            "http://[::1]/",
            "http://localhost:1/x",
        ] {
            assert!(is_own(&own.parse().unwrap()), "{own}");
        }
        for other in ["http://10.0.0.1", "https://localhost.example"] {
            assert!(!is_own(&other.parse().unwrap()), "{other}");
        }
    }
}
