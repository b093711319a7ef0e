//! Numbers for a cluster's objects, so that parts of a board are told apart by something small.
//!
//! Owns that a number is somebody's only as long as it is there, and is given again after that.

use std::collections::BTreeMap;

/// Names of a cluster's objects, each with a number of its own as long as it is there.
pub struct Numbers<K> {
    by_name: BTreeMap<String, BTreeMap<K, u32>>,
    names: Vec<Option<(String, K)>>,
    free: Vec<u32>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self {
            by_name: BTreeMap::new(),
            names: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<K: Ord + Clone> Numbers<K> {
    /// A number for a new one.
    pub fn add(&mut self, cluster: &str, name: &K) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.names.push(None);
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(slot) = usize::try_from(id)
            .ok()
            .and_then(|at| self.names.get_mut(at))
        {
            *slot = Some((cluster.to_owned(), name.clone()));
        }
        let here = self.by_name.entry(cluster.to_owned()).or_default();
        here.insert(name.clone(), id);
        id
    }

    /// It is there no more; the number that it had.
    pub fn remove(&mut self, cluster: &str, name: &K) -> Option<u32> {
        let id = self.by_name.get_mut(cluster)?.remove(name)?;
        if let Some(slot) = usize::try_from(id)
            .ok()
            .and_then(|at| self.names.get_mut(at))
        {
            *slot = None;
        }
        self.free.push(id);
        Some(id)
    }

    /// Its number, while it is there.
    pub fn number(&self, cluster: &str, name: &K) -> Option<u32> {
        self.by_name.get(cluster)?.get(name).copied()
    }

    /// Whose number it is: the cluster and the name.
    pub fn name(&self, id: u32) -> Option<(&str, &K)> {
        let slot = self.names.get(usize::try_from(id).ok()?)?;
        slot.as_ref()
            .map(|(cluster, name)| (cluster.as_str(), name))
    }

    /// All that are there.
    pub fn all(&self) -> impl Iterator<Item = (&K, u32)> {
        let names = self.by_name.values().flatten();
        names.map(|(name, id)| (name, *id))
    }
}
