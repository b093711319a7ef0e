//! JSON leaves and containers that accept whatever stands there: a field of the wrong type reads as if it were absent,
//! and never costs the object that it belongs to.
//!
//! Owns how a malformed field is survived while streaming, without a tree of values in between. Does not decide what
//! an absent field means: that is each projection's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value that can be made from a JSON scalar, and has a meaning when there is none.
pub(crate) trait Scalar: Default {
    /// From a string.
    fn text(_: Cow<'_, str>) -> Self {
        Self::default()
    }
    /// From a whole number.
    fn integer(_: i64) -> Self {
        Self::default()
    }
    /// From `true` or `false`.
    fn flag(_: bool) -> Self {
        Self::default()
    }
}

struct ScalarVisitor<S>(PhantomData<S>);

impl<'de, S: Scalar> Visitor<'de> for ScalarVisitor<S> {
    type Value = S;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_bool<E>(self, value: bool) -> Result<S, E> {
        Ok(S::flag(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<S, E> {
        Ok(S::integer(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<S, E> {
        Ok(i64::try_from(value).map_or_else(|_| S::default(), S::integer))
    }
    fn visit_f64<E>(self, value: f64) -> Result<S, E> {
        // Text keeps "1.2" as a tag written without quotes; for numbers only whole ones count.
        let text = value.to_string();
        Ok(match text.parse() {
            Ok(integer) => S::integer(integer),
            Err(_) => S::text(Cow::Owned(text)),
        })
    }
    fn visit_str<E>(self, value: &str) -> Result<S, E> {
        Ok(S::text(Cow::Borrowed(value)))
    }
    fn visit_string<E>(self, value: String) -> Result<S, E> {
        Ok(S::text(Cow::Owned(value)))
    }
    fn visit_unit<E>(self) -> Result<S, E> {
        Ok(S::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<S, A::Error> {
        skip_seq(seq)?;
        Ok(S::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S, A::Error> {
        skip_map(map)?;
        Ok(S::default())
    }
}

/// Passes over the rest of an array.
pub(crate) fn skip_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Passes over the rest of an object.
pub(crate) fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ScalarVisitor(PhantomData))
            }
        }
    };
}

scalar!(
    /// Text; empty where there is none. A number is read as it would be written.
    Text(String)
);
scalar!(
    /// A whole number.
    Integer(Option<i64>)
);
scalar!(
    /// `true`, or anything else.
    Flag(bool)
);
scalar!(
    /// `true` or `false`, or neither.
    Maybe(Option<bool>)
);
scalar!(
    /// A point in time in RFC 3339.
    Moment(Option<Timestamp>)
);
scalar!(
    /// A duration as Go writes it: `1m0s`.
    Span(Option<SignedDuration>)
);

impl Scalar for Text {
    fn text(value: Cow<'_, str>) -> Self {
        Self(value.into_owned())
    }
    fn integer(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl Text {
    /// The text, unless it is empty.
    pub(crate) fn some(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }

    /// The text, or another where it is empty.
    pub(crate) fn or(self, other: &str) -> String {
        if self.0.is_empty() {
            other.to_owned()
        } else {
            self.0
        }
    }
}

impl Scalar for Integer {
    fn integer(value: i64) -> Self {
        Self(Some(value))
    }
}

impl Integer {
    /// The number, or 0.
    pub(crate) fn or_zero(&self) -> i64 {
        self.0.unwrap_or_default()
    }

    /// The number as a count, or 0; negative numbers count as 0.
    pub(crate) fn count(&self) -> u32 {
        self.count_or(0)
    }

    /// The number as a count, or another where there is none.
    pub(crate) fn count_or(&self, other: u32) -> u32 {
        self.0.map_or(other, |number| {
            u32::try_from(number.max(0)).unwrap_or(u32::MAX)
        })
    }
}

impl Scalar for Flag {
    fn flag(value: bool) -> Self {
        Self(value)
    }
}

impl Scalar for Maybe {
    fn flag(value: bool) -> Self {
        Self(Some(value))
    }
}

impl Scalar for Moment {
    fn text(value: Cow<'_, str>) -> Self {
        Self(value.parse().ok())
    }
}

impl Scalar for Span {
    fn text(value: Cow<'_, str>) -> Self {
        Self(go_duration(&value))
    }
}

/// A duration as Go writes it: `1m0s`, `1h30m`, `1.5h`, `500ms`, `0`. `None` for anything else.
pub(crate) fn go_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.is_empty() {
            nanoseconds =
                nanoseconds.checked_add(whole.parse::<i128>().ok()?.checked_mul(unit)?)?;
        }
        // Nine digits are a nanosecond of a second, twelve more than enough for hours.
        let fraction = fraction.get(..fraction.len().min(12))?;
        if !fraction.is_empty() {
            let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            nanoseconds = nanoseconds.checked_add(fraction.parse::<i128>().ok()? * unit / scale)?;
        }
        rest = tail;
    }
    let nanoseconds = if negative { -nanoseconds } else { nanoseconds };
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let below = i32::try_from(nanoseconds % 1_000_000_000).ok()?;
    Some(SignedDuration::new(seconds, below))
}

/// An object of a known shape; its default where something else stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Part<T>(pub(crate) T);

impl<T> std::ops::Deref for Part<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Perhaps::deserialize(deserializer).map(|perhaps| Self(perhaps.0.unwrap_or_default()))
    }
}

/// An object of a known shape; nothing where something else stands, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Perhaps<T>(pub(crate) Option<T>);

impl<T> Default for Perhaps<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Perhaps<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PerhapsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for PerhapsVisitor<T> {
            type Value = Perhaps<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Perhaps(Some(value)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                skip_seq(seq)?;
                Ok(Perhaps(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Perhaps(None))
            }
        }

        deserializer.deserialize_any(PerhapsVisitor(PhantomData))
    }
}

/// An array; empty where something else stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<Part<T>> {
    /// The parts themselves.
    pub(crate) fn parts(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|part| part.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                skip_map(map)?;
                Ok(List::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(List::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(List::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(List::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(List::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(List::default())
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// An object read entry by entry, in no particular shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table<V>(pub(crate) BTreeMap<String, V>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(BTreeMap<String, V>);

        impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                BTreeMap::deserialize(deserializer).map(Self)
            }
        }

        let entries = Perhaps::<Entries<V>>::deserialize(deserializer)?;
        Ok(Self(entries.0.map(|entries| entries.0).unwrap_or_default()))
    }
}

impl Table<Text> {
    /// Keys and texts.
    pub(crate) fn texts(self) -> BTreeMap<String, String> {
        self.0
            .into_iter()
            .map(|(key, value)| (key, value.0))
            .collect()
    }
}

#[cfg(test)]
mod tests;
