//! An answer's outside: the node of the method that was asked, byte for byte as it was signed, and the signature beside it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::objects::Text;

/// The members of an answer.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// From its `{` to its `}`: exactly what is signed.
    pub(crate) node: &'a RawValue,
    /// Whether that is `error_response`, of the gateway itself.
    pub(crate) of_gateway: bool,
    pub(crate) alipay_cert_sn: Option<Text<'a>>,
    pub(crate) sign: Option<Text<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads the answer to `method`. Refused: two nodes, a member twice (it would have two readings), a node of another method.
    pub(crate) fn read(body: &'a [u8], method: &str) -> Result<Self, serde_json::Error> {
        let mut input = serde_json::Deserializer::from_slice(body);
        let read = Answer { node: format!("{}_response", method.replace('.', "_")) }.deserialize(&mut input)?;
        input.end()?;
        Ok(read)
    }
}

/// Reads the answer that has this node.
struct Answer {
    node: String,
}

impl<'a> DeserializeSeed<'a> for Answer {
    type Value = Envelope<'a>;

    fn deserialize<D: Deserializer<'a>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Answer {
    type Value = Envelope<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an answer with {} or error_response", self.node)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut node, mut sign, mut alipay_cert_sn) = (None, None, None);
        while let Some(name) = members.next_key::<Text<'a>>()? {
            let of_gateway = &*name == "error_response";
            match &*name {
                "sign" => once(&mut sign, members.next_value()?, "sign")?,
                "alipay_cert_sn" => once(&mut alipay_cert_sn, members.next_value()?, "alipay_cert_sn")?,
                other if of_gateway || other == self.node => {
                    once(&mut node, (members.next_value::<&RawValue>()?, of_gateway), "the response")?;
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        let (node, of_gateway) = node.ok_or_else(|| A::Error::custom(format!("no {} and no error_response", self.node)))?;
        if !node.get().starts_with('{') {
            return Err(A::Error::custom("the response is no object"));
        }
        Ok(Envelope { node, of_gateway, alipay_cert_sn: alipay_cert_sn.flatten(), sign: sign.flatten() })
    }
}

fn once<T, E: serde::de::Error>(place: &mut Option<T>, value: T, name: &str) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom(format!("{name} comes twice"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = "alipay.trade.query";

    #[test]
    fn the_node_is_taken_byte_for_byte_whatever_stands_in_it() {
        for node in [
            r#"{"code":"10000"}"#,
            r#"{ "a" : "}\",\"sign\":\"x" , "sign":"y", "b":{"c":[{}]} }"#,
            r#"{"u":"http:\/\/x\\","v":"\u4e2d中"}"#,
        ] {
            for body in [
                format!(r#"{{"alipay_trade_query_response":{node},"sign":"s=="}}"#),
                format!("{{\n \"sign\" : \"s==\",\"more\":[1],\n\"alipay_trade_query_response\" : \n{node}\n }}\n"),
            ] {
                let read = Envelope::read(body.as_bytes(), METHOD).unwrap();
                assert_eq!((read.node.get(), read.sign.as_deref(), read.of_gateway), (node, Some("s=="), false));
            }
        }
        let read = Envelope::read(br#"{"error_response":{},"sign":null,"alipay_cert_sn":"a"}"#, METHOD).unwrap();
        assert!(read.of_gateway && read.sign.is_none() && read.alipay_cert_sn.as_deref() == Some("a"));
    }

    #[test]
    fn what_has_two_readings_or_is_of_another_method_is_refused() {
        for (body, why) in [
            (r#"{"alipay_trade_query_response":{},"alipay_trade_query_response":{},"sign":"s"}"#, "comes twice"),
            (r#"{"alipay_trade_query_response":{},"error_response":{},"sign":"s"}"#, "comes twice"),
            (r#"{"alipay_trade_query_response":{},"sign":"s","sign":"t"}"#, "sign comes twice"),
            (r#"{"alipay_trade_query_response":{},"sign":"s","s\u0069gn":"t"}"#, "sign comes twice"),
            (r#"{"alipay_trade_query_response":{},"alipay_cert_sn":"s","alipay_cert_sn":"s"}"#, "comes twice"),
            (r#"{"alipay_trade_pay_response":{},"sign":"s"}"#, "no alipay_trade_query_response"),
            (r#"{"alipay_trade_query_response":"{}","sign":"s"}"#, "no object"),
            (r#"{"alipay_trade_query_response":{},"sign":"s"} x"#, "trailing"),
            (r#"{"sign":"s"}"#, "no alipay_trade_query_response"),
            ("[]", "an answer with"),
            ("", "EOF"),
        ] {
            let error = Envelope::read(body.as_bytes(), METHOD).unwrap_err().to_string();
            assert!(error.contains(why), "{body}: {error}");
        }
    }
}
