//! A table of objects that is cheap to copy and to compare with an earlier copy of itself.
//!
//! Owns the form in which facts are kept: a copy shares everything with what it was copied from, and what has changed
//! between two copies is found without looking at what they share. A cluster of ten thousand pods that churns would
//! otherwise be copied whole, and judged whole, for each change.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::sync::Arc;

use equivalent::Comparable;
use imbl::OrdMap;
use imbl::ordmap::DiffItem;

/// Objects by key, in the order of keys.
pub struct Objects<K, V>(OrdMap<K, Shared<V>>);

/// One object, shared by all copies of its table.
struct Shared<V>(Arc<V>);

impl<V> Clone for Shared<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: PartialEq> PartialEq for Shared<V> {
    fn eq(&self, other: &Self) -> bool {
        // Most of what is compared is one and the same object.
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

/// How one object of a table differs from an earlier copy of the table.
#[derive(Debug)]
pub struct Changed<'a, K, V> {
    /// Its key.
    pub key: &'a K,
    /// The object as it was; absent if it is new.
    pub before: Option<&'a Arc<V>>,
    /// The object as it is; absent if it is gone.
    pub after: Option<&'a Arc<V>>,
}

impl<K: Ord + Clone, V> Objects<K, V> {
    /// An object.
    pub fn get<Q: Comparable<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.0.get(key).map(|shared| shared.0.as_ref())
    }

    /// Whether there is an object.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Puts an object in; the one that was there.
    pub fn insert(&mut self, key: K, object: impl Into<Arc<V>>) -> Option<Arc<V>> {
        let before = self.0.insert(key, Shared(object.into()));
        before.map(|shared| shared.0)
    }

    /// Takes an object out; the one that was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).map(|shared| shared.0)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0 = OrdMap::new();
    }

    /// Keeps only some.
    pub fn retain(&mut self, mut kept: impl FnMut(&K, &V) -> bool) {
        let gone: Vec<K> = self
            .iter()
            .filter(|(key, object)| !kept(key, object))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.0.remove(&key);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every key and object.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, shared)| (key, shared.0.as_ref()))
    }

    /// Every key.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Every object.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, shared)| shared.0.as_ref())
    }

    /// What has changed since an earlier copy, in the order of keys.
    pub fn since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = Changed<'a, K, V>>
    where
        V: PartialEq,
    {
        earlier.0.diff(&self.0).map(|one| match one {
            DiffItem::Add(key, after) => Changed {
                key,
                before: None,
                after: Some(&after.0),
            },
            DiffItem::Update { old, new } => Changed {
                key: new.0,
                before: Some(&old.1.0),
                after: Some(&new.1.0),
            },
            DiffItem::Remove(key, before) => Changed {
                key,
                before: Some(&before.0),
                after: None,
            },
        })
    }
}

impl<K: Ord + Clone, V: Clone> Objects<K, V> {
    /// An object, to be changed: copies of the table keep it as it was.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0
            .get_mut(key)
            .map(|shared| Arc::make_mut(&mut shared.0))
    }

    /// Changes every object: copies of the table keep them as they were.
    pub fn change(&mut self, mut change: impl FnMut(&mut V)) {
        let keys: Vec<K> = self.keys().cloned().collect();
        for key in &keys {
            if let Some(object) = self.get_mut(key) {
                change(object);
            }
        }
    }
}

impl<K, V> Default for Objects<K, V> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<K: Clone, V> Clone for Objects<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Ord + Debug + Clone, V: Debug> Debug for Objects<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: PartialEq> PartialEq for Objects<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.since(other).next().is_none()
    }
}

impl<K: Ord + Clone, V> Extend<(K, V)> for Objects<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, objects: I) {
        for (key, object) in objects {
            self.insert(key, object);
        }
    }
}

impl<K: Ord + Clone, V> FromIterator<(K, V)> for Objects<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(objects: I) -> Self {
        let mut table = Self::default();
        table.extend(objects);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(of: &[(u32, &'static str)]) -> Objects<u32, &'static str> {
        of.iter().copied().collect()
    }

    #[test]
    fn what_changed_since_a_copy_is_found() {
        let earlier = table(&[(1, "a"), (2, "b"), (3, "c")]);
        let mut later = earlier.clone();
        later.remove(&1);
        later.insert(2, "B");
        later.insert(3, "c");
        later.insert(4, "d");
        let changes: Vec<_> = later
            .since(&earlier)
            .map(|one| {
                (
                    *one.key,
                    one.before.map(|it| **it),
                    one.after.map(|it| **it),
                )
            })
            .collect();
        assert_eq!(
            changes,
            [
                (1, Some("a"), None),
                (2, Some("b"), Some("B")),
                (4, None, Some("d"))
            ]
        );
        assert!(earlier.since(&earlier.clone()).next().is_none());
    }

    #[test]
    fn a_copy_keeps_what_is_changed_in_the_other() {
        let mut one = table(&[(1, "a"), (2, "b")]);
        let copy = one.clone();
        if let Some(value) = one.get_mut(&1) {
            *value = "changed";
        }
        assert_eq!((one.get(&1), copy.get(&1)), (Some(&"changed"), Some(&"a")));
        assert_ne!(one, copy);
        assert_eq!(copy, table(&[(1, "a"), (2, "b")]));
    }
}
