//! Stripe's JSON objects as far as they are read: typed, borrowed from the bytes, a duplicate of a field refused.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A text that lies in the bytes it was read from, unless an escape made that impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Any object that money is spoken of in: a payment intent, charge, refund or dispute; `object` says which.
///
/// One shape for all four, so that an event is read in one pass: its `type` comes after its object.
#[derive(serde::Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are Stripe's")]
pub(crate) struct Object<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) object: Option<Text<'a>>,
    pub(crate) livemode: Option<bool>,
    pub(crate) amount: Option<i64>,
    #[serde(borrow)]
    pub(crate) currency: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) metadata: Option<Metadata<'a>>,
    /// Intent: what was taken.
    pub(crate) amount_received: Option<i64>,
    #[serde(borrow)]
    pub(crate) client_secret: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) latest_charge: Option<Link<'a>>,
    #[serde(borrow)]
    pub(crate) last_payment_error: Option<Box<Fault<'a>>>,
    #[serde(borrow)]
    pub(crate) next_action: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) cancellation_reason: Option<Text<'a>>,
    /// Charge, refund and dispute: what they belong to.
    #[serde(borrow)]
    pub(crate) payment_intent: Option<Link<'a>>,
    #[serde(borrow)]
    pub(crate) charge: Option<Link<'a>>,
    /// Charge: what was taken and given back.
    pub(crate) amount_captured: Option<i64>,
    pub(crate) amount_refunded: Option<i64>,
    /// Refund: why it failed or waits.
    #[serde(borrow)]
    pub(crate) failure_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) pending_reason: Option<Text<'a>>,
    /// Dispute: why; refund: what we said.
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
}

/// What we wrote into an object for ourselves. The application's own entries are not read.
#[derive(serde::Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names as they stand in the JSON")]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    pub(crate) paysluice_order: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) paysluice_attempt: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) paysluice_method: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) paysluice_capture: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) paysluice_refund: Option<Text<'a>>,
}

/// An error: of an answer, or the last one of an intent.
#[derive(serde::Deserialize)]
pub(crate) struct Fault<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) class: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) decline_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) advice_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) network_advice_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) param: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) charge: Option<Link<'a>>,
    #[serde(borrow)]
    pub(crate) payment_intent: Option<Box<Object<'a>>>,
}

/// The body of an error answer.
#[derive(serde::Deserialize)]
pub(crate) struct Refusal<'a> {
    #[serde(borrow)]
    pub(crate) error: Fault<'a>,
}

/// A page of a list.
#[derive(serde::Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) object: Text<'a>,
    #[serde(borrow)]
    pub(crate) data: Vec<Object<'a>>,
    pub(crate) has_more: bool,
}

/// An event around whatever it is about.
#[derive(serde::Deserialize)]
pub(crate) struct Envelope<'a, T> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) object: Text<'a>,
    #[serde(borrow)]
    pub(crate) account: Option<Text<'a>>,
    pub(crate) created: Option<u64>,
    pub(crate) livemode: Option<bool>,
    #[serde(borrow, rename = "type")]
    pub(crate) name: Option<Text<'a>>,
    pub(crate) data: Option<Data<T>>,
}

/// Whatever it is, what it calls itself.
#[derive(serde::Deserialize)]
pub(crate) struct Named<'a> {
    #[serde(borrow)]
    pub(crate) object: Text<'a>,
}

/// What an event is about.
#[derive(serde::Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) object: T,
}

/// Another object by its id, or whole where it was expanded.
pub(crate) enum Link<'a> {
    Id(Text<'a>),
    Whole(Box<Object<'a>>),
}

impl<'a> Link<'a> {
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Whole(object) => object.id.as_deref(),
        }
    }

    pub(crate) fn whole(&self) -> Option<&Object<'a>> {
        match self {
            Self::Id(_) => None,
            Self::Whole(object) => Some(object),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Link<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(LinkVisitor)
    }
}

struct LinkVisitor;

impl<'de> Visitor<'de> for LinkVisitor {
    type Value = Link<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id or an object")
    }

    fn visit_borrowed_str<E: Error>(self, id: &'de str) -> Result<Link<'de>, E> {
        TextVisitor.visit_borrowed_str(id).map(Link::Id)
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Link<'de>, E> {
        TextVisitor.visit_str(id).map(Link::Id)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Link<'de>, A::Error> {
        Object::deserialize(MapAccessDeserializer::new(fields)).map(|object| Link::Whole(Box::new(object)))
    }
}

/// An id of Stripe's that may stand in a path: its prefix, then letters, digits and underscores.
pub(crate) fn is_id(prefix: &str, text: &str) -> bool {
    text.len() <= 255
        && text
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> serde_json::Result<Object<'_>> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        assert!(read(r#"{"id":"pi_1","status":"succeeded"}"#).is_ok());
        assert!(read(r#"{"id":"pi_1","status":"canceled","status":"succeeded"}"#).is_err());
        assert!(read(r#"{"metadata":{"paysluice_order":"a","paysluice_order":"b"}}"#).is_err());
        assert!(read(r#"{"amount":1.5}"#).is_err() && read(r#"{"amount":"1"}"#).is_err());
    }

    #[test]
    fn a_link_is_read_by_id_and_whole() {
        let object = read(r#"{"latest_charge":"ch_1"}"#).unwrap();
        assert_eq!(object.latest_charge.unwrap().id(), Some("ch_1"));
        let object = read(r#"{"latest_charge":{"id":"ch_1","amount_refunded":5}}"#).unwrap();
        let link = object.latest_charge.unwrap();
        assert_eq!((link.id(), link.whole().unwrap().amount_refunded), (Some("ch_1"), Some(5)));
        assert!(read(r#"{"latest_charge":null,"next_action":null}"#).unwrap().latest_charge.is_none());
    }

    #[test]
    fn only_an_id_of_its_kind_goes_into_a_path() {
        assert!(is_id("pi_", "pi_3Abc_x"));
        for text in ["pi_", "ch_1", "pi_1/../refunds", "pi_1?x", "pi_é", &format!("pi_{}", "a".repeat(300))] {
            assert!(!is_id("pi_", text), "{text}");
        }
    }
}
