//! What is due when: one entry per object, the earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::fields::text;
use crate::kubernetes::kinds::Kind;

/// An object that a controller looks after.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The kind, as in the store's table.
    pub kind: &'static str,
    /// The namespace; empty for cluster-wide kinds.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl Key {
    /// A key from its parts.
    pub fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// An object's key; `None` if the store knows no such kind.
    pub fn of(object: &Value) -> Option<Self> {
        let kind = Kind::named(text(object, &["kind"]))?;
        let namespace = if kind.namespaced {
            text(object, &["metadata", "namespace"])
        } else {
            ""
        };
        Some(Self::new(
            kind.kind,
            namespace,
            text(object, &["metadata", "name"]),
        ))
    }

    /// `namespace/name`
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// `Kind/namespace/name`, as Flux writes it: cluster-wide objects without a namespace.
    pub fn subject(&self) -> String {
        if self.namespace.is_empty() {
            format!("{}/{}", self.kind, self.name)
        } else {
            format!("{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// The entries. Of entries at the same moment, the one that came first goes first.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Key)>>,
    due: HashMap<Key, (Timestamp, u64)>,
    arrivals: u64,
}

impl Queue {
    /// Makes an object due at a moment, or leaves it if it is due sooner.
    pub fn add(&mut self, key: Key, at: Timestamp) {
        if self.due.get(&key).is_none_or(|(due, _)| *due > at) {
            self.set(key, at);
        }
    }

    /// Makes an object due at a moment, whatever was planned before.
    pub fn set(&mut self, key: Key, at: Timestamp) {
        self.arrivals += 1;
        self.due.insert(key.clone(), (at, self.arrivals));
        self.heap.push(Reverse((at, self.arrivals, key)));
    }

    /// Plans nothing for an object any longer.
    pub fn drop(&mut self, key: &Key) {
        self.due.remove(key);
    }

    /// When the first entry is due.
    pub fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, arrival, key))) = self.heap.peek() {
            if self.due.get(key) == Some(&(*at, *arrival)) {
                return Some(*at);
            }
            // Replaced or dropped since it was pushed.
            self.heap.pop();
        }
        None
    }

    /// Takes the first entry, if it is due by `until`.
    pub fn pop(&mut self, until: Timestamp) -> Option<(Timestamp, Key)> {
        if self.next()? > until {
            return None;
        }
        let Reverse((at, _, key)) = self.heap.pop()?;
        self.due.remove(&key);
        Some((at, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_earliest_wins_and_setting_overrules() {
        let (a, b) = (Key::new("Pod", "n", "a"), Key::new("Pod", "n", "b"));
        let mut queue = Queue::default();
        queue.add(a.clone(), second(20));
        queue.add(b.clone(), second(10));
        queue.add(a.clone(), second(30));
        assert_eq!(queue.next(), Some(second(10)));
        queue.set(b.clone(), second(40));
        assert_eq!(queue.pop(second(20)), Some((second(20), a)));
        assert_eq!(queue.pop(second(39)), None);
        queue.drop(&b);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn at_the_same_moment_first_come_first_served() {
        let mut queue = Queue::default();
        for name in ["z", "a", "m"] {
            queue.add(Key::new("Pod", "n", name), second(1));
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(second(1)))
            .map(|(_, key)| key.name.to_string())
            .collect();
        assert_eq!(order, ["z", "a", "m"]);
    }
}
