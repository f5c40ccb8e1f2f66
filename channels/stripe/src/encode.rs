//! Form encoding of API v1: nested keys in brackets, arrays by index, a blank as `%20`.
//!
//! Source: stripe-node `src/utils.ts` (`stringifyRequestData`); its own test cases are in `vectors/form_encoding.json`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// `encodeURIComponent` with `!*'()` encoded too.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Brackets in a key stay literal, as in the official SDKs.
const KEY: &AsciiSet = &VALUE.remove(b'[').remove(b']');

/// A value of a form, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An empty value, which unsets the field.
    Null,
    /// Text, or a number or boolean as text.
    Text(String),
    /// Fields within it: `parent[child]`.
    Map(Vec<(String, Value)>),
    /// Items by index: `parent[0]`.
    List(Vec<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Text(truth.to_string())
    }
}

/// The fields as a form, in their order: `a[b]=1&c=2`. An empty map or list gives nothing.
pub fn encode<'a>(fields: impl IntoIterator<Item = &'a (String, Value)>) -> String {
    let mut form = String::new();
    for (key, value) in fields {
        write(&mut form, Cow::Borrowed(key), value);
    }
    form
}

fn write(form: &mut String, key: Cow<'_, str>, value: &Value) {
    match value {
        Value::Null => pair(form, &key, ""),
        Value::Text(text) => pair(form, &key, text),
        Value::Map(fields) => fields.iter().for_each(|(name, value)| write(form, format!("{key}[{name}]").into(), value)),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(index, value)| write(form, format!("{key}[{index}]").into(), value));
        }
    }
}

fn pair(form: &mut String, key: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.extend(utf8_percent_encode(key, KEY));
    form.push('=');
    form.extend(utf8_percent_encode(value, VALUE));
}

/// A form as it is put together.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, Value)>);

impl Form {
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    pub(crate) fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(crate) fn all<'a>(self, fields: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        fields.into_iter().fold(self, |form, (key, value)| form.with(key.clone(), value.as_str()))
    }

    pub(crate) fn append(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn encoded(&self) -> String {
        encode(&self.0)
    }
}

/// Whether a text is a key of a form: `name`, `name[child]`, `name[0][child]`.
pub(crate) fn is_key(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut parts = text.split('[');
    text.len() <= 200 && parts.next().is_some_and(word) && parts.all(|part| part.strip_suffix(']').is_some_and(word))
}

/// What a key belongs to: `metadata` of `metadata[x]`.
pub(crate) fn root(key: &str) -> &str {
    key.split('[').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        input: InOrder,
        expected: String,
    }

    #[test]
    fn the_official_cases_come_out_byte_for_byte() {
        let vectors: Vectors = serde_json::from_str(include_str!("../vectors/form_encoding.json")).unwrap();
        assert_eq!(vectors.cases.len(), 18);
        for case in vectors.cases {
            let Value::Map(fields) = case.input.0 else { panic!("a case is an object") };
            assert_eq!(encode(&fields), case.expected);
        }
    }

    #[test]
    fn times_are_unix_seconds_under_nested_keys() {
        assert_eq!(Form::default().with("created[gte]", 1_234_567_890).encoded(), "created[gte]=1234567890");
    }

    #[test]
    fn only_well_formed_keys_are_keys() {
        for (key, fits) in
            [("a", true), ("a[b]", true), ("a[0][b_c]", true), ("a[", false), ("a]", false), ("[a]", false), ("a[b]c", false)]
        {
            assert_eq!(is_key(key), fits, "{key}");
        }
        for key in ["", "a[]", "a&b=1", "a b", "a[b]]", "a%5B", "é"] {
            assert!(!is_key(key), "{key}");
        }
        assert_eq!(root("metadata[x]"), "metadata");
    }

    /// JSON with the order of its fields kept, which `serde_json::Value` does not.
    struct InOrder(Value);

    impl<'de> Deserialize<'de> for InOrder {
        fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            input.deserialize_any(OrderVisitor).map(InOrder)
        }
    }

    struct OrderVisitor;

    impl<'de> Visitor<'de> for OrderVisitor {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }

        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
            Ok(truth.into())
        }

        fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
            Ok(number.into())
        }

        fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
            Ok(number.to_string().into())
        }

        fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
            Ok(number.to_string().into())
        }

        fn visit_str<E>(self, text: &str) -> Result<Value, E> {
            Ok(text.into())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
            let mut list = Vec::new();
            while let Some(InOrder(item)) = items.next_element()? {
                list.push(item);
            }
            Ok(Value::List(list))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
            let mut map = Vec::new();
            while let Some((name, InOrder(value))) = fields.next_entry::<String, InOrder>()? {
                map.push((name, value));
            }
            Ok(Value::Map(map))
        }
    }
}
