//! The order of a channel's messages: they carry an index and may overtake each other.
//!
//! Owns holding back what came too early. Small messages go straight through the webview's eval and large ones are
//! fetched, so a small one that was sent later can arrive first.

use std::collections::BTreeMap;

/// What a channel carries at one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel<T> {
    /// One item.
    Message(T),
    /// Nothing comes after it.
    End,
}

/// Hands parcels out in the order they were sent.
#[derive(Debug)]
pub struct InOrder<T> {
    next: u64,
    early: BTreeMap<u64, Parcel<T>>,
    ended: bool,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
            ended: false,
        }
    }
}

impl<T> InOrder<T> {
    /// Takes a parcel in and returns those whose turn has come, in order. A parcel that was handed out before (a
    /// repeated index) and everything after the end is dropped.
    pub fn take(&mut self, index: u64, parcel: Parcel<T>) -> Vec<Parcel<T>> {
        if self.ended || index < self.next {
            return Vec::new();
        }
        self.early.insert(index, parcel);
        let mut due = Vec::new();
        while let Some(parcel) = self.early.remove(&self.next) {
            self.next += 1;
            self.ended = matches!(parcel, Parcel::End);
            due.push(parcel);
            if self.ended {
                self.early.clear();
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Parcel::{End, Message};

    #[test]
    fn an_early_message_waits_for_the_one_before_it() {
        let mut order = InOrder::default();
        assert_eq!(order.take(1, Message('b')), vec![]);
        assert_eq!(order.take(2, Message('c')), vec![]);
        assert_eq!(
            order.take(0, Message('a')),
            vec![Message('a'), Message('b'), Message('c')]
        );
        assert_eq!(order.take(3, Message('d')), vec![Message('d')]);
    }

    #[test]
    fn an_end_that_overtakes_does_not_swallow_the_last_message() {
        let mut order = InOrder::default();
        assert_eq!(order.take(1, End), vec![]);
        assert_eq!(order.take(0, Message('a')), vec![Message('a'), End]);
    }

    #[test]
    fn nothing_comes_twice_or_after_the_end() {
        let mut order = InOrder::default();
        assert_eq!(order.take(0, Message('a')), vec![Message('a')]);
        assert_eq!(order.take(0, Message('a')), vec![]);
        assert_eq!(order.take(1, End), vec![End]);
        assert_eq!(order.take(2, Message('b')), vec![]);
    }

    #[test]
    fn every_order_of_arrival_ends_in_the_order_of_sending() {
        // All 120 orders of five parcels, by the factorial number system.
        for permutation in 0..120usize {
            let mut left: Vec<u64> = (0..5).collect();
            let (mut order, mut rest, mut out) = (InOrder::default(), permutation, Vec::new());
            for size in (1..=5usize).rev() {
                let index = left.remove(rest % size);
                rest /= size;
                let parcel = if index == 4 { End } else { Message(index) };
                out.extend(order.take(index, parcel));
            }
            assert_eq!(
                out,
                vec![Message(0), Message(1), Message(2), Message(3), End]
            );
        }
    }
}
