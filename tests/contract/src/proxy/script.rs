//! The script: which request gets which fault, and how many requests there were.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Uri};
use tokio::sync::watch;

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this code and a Status, without asking the server; with `Retry-After` if it says so.
    Status(u16, Option<u32>),
    /// Answered after a while.
    Slow(Duration),
    /// Never answered.
    Hang,
    /// Done by the server, whose answer is lost: a gateway says this code instead of it, or nobody ever says anything.
    Lost(Option<u16>),
    /// Answered by the server, and the connection reset after so many bytes of the body.
    ResetAfter(usize),
    /// Answered by the server, and ended in good order after so many bytes of the body: JSON cut in its middle.
    TruncatedAfter(usize),
    /// Answered with 410, as lists and some watches are.
    Gone,
    /// Answered with a watch whose only event is a 410.
    GoneEvent,
    /// Answered with a `Date` so many seconds away from the server's.
    Skewed(i64),
}

/// A fault, and the requests that get it: all that nothing was said against.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    method: Option<Method>,
    path: String,
    query: String,
    without: String,
    first: usize,
    times: usize,
    matched: usize,
}

impl Rule {
    /// This fault for every request.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            path: String::new(),
            query: String::new(),
            without: String::new(),
            first: 1,
            times: usize::MAX,
            matched: 0,
        }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only requests whose path begins so.
    #[must_use]
    pub fn path(mut self, beginning: &str) -> Self {
        beginning.clone_into(&mut self.path);
        self
    }

    /// Only requests whose query contains this: `watch=true`, `continue=`.
    #[must_use]
    pub fn query(mut self, part: &str) -> Self {
        part.clone_into(&mut self.query);
        self
    }

    /// Only requests whose query does not contain this: `dryRun=`.
    #[must_use]
    pub fn except(mut self, part: &str) -> Self {
        part.clone_into(&mut self.without);
        self
    }

    /// Only from the nth of these requests on, counted from 1 and from when the rule was made.
    #[must_use]
    pub fn from_nth(mut self, nth: usize) -> Self {
        self.first = nth;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Whether a request of which there have been `matched` before gets the fault; counts it.
    fn takes(&mut self, method: &Method, uri: &Uri) -> bool {
        let query = uri.query().unwrap_or_default();
        let is_meant = self.method.as_ref().is_none_or(|of| of == method)
            && uri.path().starts_with(&self.path)
            && query.contains(&self.query)
            && (self.without.is_empty() || !query.contains(&self.without));
        if !is_meant {
            return false;
        }
        self.matched += 1;
        self.matched >= self.first && self.matched - self.first < self.times
    }
}

/// The rules in force and the requests so far.
#[derive(Debug, Default)]
pub struct Script {
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
    faults: Mutex<usize>,
    count: watch::Sender<usize>,
}

impl Script {
    /// Adds a rule; of several that take a request, the first counts.
    pub fn add(&self, rule: Rule) {
        lock(&self.rules).push(rule);
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        lock(&self.rules).clear();
    }

    /// Every request so far, as `GET /api/v1/pods?limit=500`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }

    /// How many requests begin so: `GET /api/v1/pods?limit=`.
    pub fn count(&self, beginning: &str) -> usize {
        let requests = lock(&self.requests);
        requests.iter().filter(|r| r.starts_with(beginning)).count()
    }

    /// How many requests got a fault.
    pub fn faults(&self) -> usize {
        *lock(&self.faults)
    }

    /// Waits until so many requests begin so.
    pub async fn counted(&self, beginning: &str, wanted: usize) {
        let mut count = self.count.subscribe();
        while self.count(beginning) < wanted {
            if count.changed().await.is_err() {
                return;
            }
        }
    }

    /// Notes a request; the fault it gets, if any.
    pub(super) fn note(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let fault = lock(&self.rules).iter_mut().fold(None, |found, rule| {
            let takes = rule.takes(method, uri);
            found.or(takes.then_some(rule.fault))
        });
        *lock(&self.faults) += usize::from(fault.is_some());
        lock(&self.requests).push(format!("{method} {target}"));
        self.count.send_modify(|count| *count += 1);
        fault
    }
}

/// A poisoned lock still guards whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(script: &Script, target: &str) -> Option<Fault> {
        script.note(&Method::GET, &target.parse().unwrap())
    }

    #[test]
    fn a_rule_takes_the_requests_that_it_means() {
        let script = Script::default();
        script.add(
            Rule::new(Fault::Hang)
                .path("/api/v1/pods")
                .query("watch=true")
                .from_nth(2)
                .times(1),
        );
        let watch = "/api/v1/pods?watch=true&resourceVersion=1";
        assert_eq!(asked(&script, watch), None);
        assert_eq!(asked(&script, "/api/v1/pods?limit=5"), None);
        assert_eq!(asked(&script, "/api/v1/nodes?watch=true"), None);
        assert_eq!(asked(&script, watch), Some(Fault::Hang));
        assert_eq!(asked(&script, watch), None);
        assert_eq!((script.count("GET /api/v1/pods"), script.faults()), (4, 1));
        script.add(Rule::new(Fault::Gone).method(Method::POST));
        assert_eq!(asked(&script, watch), None);
        script.add(Rule::new(Fault::Gone));
        assert_eq!(asked(&script, "/"), Some(Fault::Gone));
        script.clear();
        assert_eq!(asked(&script, "/"), None);
        script.add(Rule::new(Fault::Hang).path("/apis").except("dryRun="));
        assert_eq!(asked(&script, "/apis/x?fieldManager=a&dryRun=All"), None);
        assert_eq!(asked(&script, "/apis/x?fieldManager=a"), Some(Fault::Hang));
    }
}
