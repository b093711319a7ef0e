//! A tree as typed values: what of a form is wrong is said with its place, in words for people.
//!
//! Owns serde's side of reading. Beside what YAML readers do, text may be written without quotes even where it looks like a
//! number, and no integer passes for another.

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::tree::{Key, Node, Part, Place, Shape, quoted};

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where; absent until the value around it is known.
    pub(crate) place: Option<Place>,
    /// The way to it, the last part first.
    way: Vec<Part>,
    pub(crate) says: String,
}

impl Wrong {
    fn within(mut self, part: Part, place: Place) -> Self {
        self.place.get_or_insert(place);
        self.way.push(part);
        self
    }

    /// The way from the root.
    pub(crate) fn way(&self) -> Vec<Part> {
        self.way.iter().rev().cloned().collect()
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.says)
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: std::fmt::Display>(says: T) -> Self {
        Self {
            place: None,
            way: Vec::new(),
            says: says.to_string(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(format_args!("{found} is here, and {wanted} is wanted"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let field = quoted(field);
        if known.is_empty() {
            Self::custom(format_args!("{field} is no field of this, which has none"))
        } else {
            let known = known.join(", ");
            Self::custom(format_args!("{field} is no field of this: it has {known}"))
        }
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let (word, known) = (quoted(word), known.join(", "));
        Self::custom(format_args!("{word} is none of {known}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("{field} is missing"))
    }
}

/// Reads a value of a tree.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn read<'n, T: Deserialize<'n>>(node: &'n Node) -> Result<T, Wrong> {
    T::deserialize(node).map_err(|mut wrong| {
        wrong.place.get_or_insert(node.place);
        wrong
    })
}

impl Node {
    fn is_not(&self, wanted: &str) -> Wrong {
        let found = match &self.shape {
            _ if self.is_nothing() => "nothing".to_owned(),
            Shape::Scalar { text, .. } => quoted(text),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) => "a mapping".to_owned(),
        };
        Wrong::custom(format_args!("{found} is here, and {wanted} is wanted"))
    }

    /// The text of a scalar that was written without quotes.
    fn plain(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, plain: true } => Some(text),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty),*) => {$(
        fn $method<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let number = self.plain().and_then(|text| text.parse::<$number>().ok());
            let wanted = || {
                self.is_not(&format!("a whole number from {} to {}", <$number>::MIN, <$number>::MAX))
            };
            visitor.$visit(number.ok_or_else(wanted)?)
        }
    )*};
}

impl<'n> Deserializer<'n> for &'n Node {
    type Error = Wrong;

    whole_numbers!(
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64
    );

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Shape::Map(entries) => visitor.visit_map(Entries {
                entries,
                value: None,
            }),
            _ if self.is_nothing() => visitor.visit_unit(),
            Shape::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Shape::Scalar { text, plain: true } => match text.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                    (Ok(whole), _) => visitor.visit_i64(whole),
                    // `nan` and `infinity` are words here.
                    (_, Ok(number)) if number.is_finite() => visitor.visit_f64(number),
                    _ => visitor.visit_borrowed_str(text),
                },
            },
        }
    }

    fn deserialize_bool<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.plain() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(self.is_not("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::Scalar { text, .. } if !self.is_nothing() => visitor.visit_borrowed_str(text),
            _ => Err(self.is_not("text")),
        }
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            _ => Err(self.is_not("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::Map(entries) => visitor.visit_map(Entries {
                entries,
                value: None,
            }),
            _ => Err(self.is_not("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::Map(entries) => visitor.visit_map(Entries {
                entries,
                value: None,
            }),
            // `restart:` with nothing behind it is `restart: {}`.
            _ if self.is_nothing() => visitor.visit_map(Entries {
                entries: &[],
                value: None,
            }),
            _ => Err(self.is_not(&format!("a mapping of {}", fields.join(", ")))),
        }
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match &self.shape {
            Shape::Scalar { text, .. } if !self.is_nothing() => visitor.visit_enum(Word(text)),
            Shape::Map(entries) if entries.len() == 1 => visitor.visit_enum(Entries {
                entries,
                value: None,
            }),
            _ => Err(self.is_not(&format!("one of {}", words.join(", ")))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'n> {
    items: &'n [Node],
    next: usize,
}

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'n>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let Some(node) = self.items.get(self.next) else {
            return Ok(None);
        };
        let part = Part::Item(self.next);
        self.next += 1;
        seed.deserialize(node)
            .map(Some)
            .map_err(|wrong| wrong.within(part, node.place))
    }
}

struct Entries<'n> {
    entries: &'n [(Key, Node)],
    value: Option<(&'n Key, &'n Node)>,
}

impl<'n> MapAccess<'n> for Entries<'n> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'n>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        let Some(((key, node), rest)) = self.entries.split_first() else {
            return Ok(None);
        };
        self.entries = rest;
        self.value = Some((key, node));
        let word: StrDeserializer<'n, Wrong> = key.text.as_str().into_deserializer();
        seed.deserialize(word)
            .map(Some)
            .map_err(|wrong| wrong.within(Part::Key(key.text.clone()), key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some((key, node)) = self.value.take() else {
            return Err(Wrong::custom("a value without a key"));
        };
        seed.deserialize(node)
            .map_err(|wrong| wrong.within(Part::Key(key.text.clone()), node.place))
    }
}

/// One entry stands for a word with what belongs to it: `text: {longest: 5}`.
impl<'n> EnumAccess<'n> for Entries<'n> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'n>>(mut self, seed: V) -> Result<(V::Value, Self), Wrong> {
        let word = self.next_key_seed(seed)?;
        let word = word.ok_or_else(|| Wrong::custom("a word is missing"))?;
        Ok((word, self))
    }
}

impl<'n> VariantAccess<'n> for Entries<'n> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Err(Wrong::custom("one word is wanted, and a mapping is here"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'n>>(mut self, seed: T) -> Result<T::Value, Wrong> {
        self.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'n>>(self, _: usize, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::custom("no list is wanted here"))
    }

    fn struct_variant<V: Visitor<'n>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.next_value_seed(Fields { fields, visitor })
    }
}

struct Fields<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'n, V: Visitor<'n>> DeserializeSeed<'n> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'n>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_struct("", self.fields, self.visitor)
    }
}

/// A word alone: `text` is `text: {}`.
struct Word<'n>(&'n str);

impl<'n> EnumAccess<'n> for Word<'n> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'n>>(self, seed: V) -> Result<(V::Value, Self), Wrong> {
        let word: StrDeserializer<'n, Wrong> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'n> VariantAccess<'n> for Word<'n> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'n>>(self, _: T) -> Result<T::Value, Wrong> {
        let word = self.0;
        Err(Wrong::custom(format_args!(
            "{word} says nothing alone: it is written `{word}: …`"
        )))
    }

    fn tuple_variant<V: Visitor<'n>>(self, _: usize, _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::custom("no list is wanted here"))
    }

    fn struct_variant<V: Visitor<'n>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_map(Entries {
            entries: &[],
            value: None,
        })
    }
}
