//! The answer's text around its node, and the signature over just that node; forged where a fault asks for it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::config::AlipaySlashes;
use super::keys::AlipayKeys;
use crate::meddle::{Forgery, Meddle};
use crate::wechatpay::keys::Rsa;

/// A key of Alipay's, with the serial name of its certificate if it has one.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) key: Arc<Rsa>,
    pub(super) cert_sn: Option<String>,
}

/// How an answer is written.
pub(super) struct Writing<'a> {
    /// The node's name.
    pub(super) name: &'a str,
    pub(super) slashes: AlipaySlashes,
    pub(super) meddle: Meddle,
    /// Of two nodes of one name the true one comes first.
    pub(super) true_first: bool,
}

impl Seal {
    /// A signed answer.
    pub(super) fn answer(&self, node: &Value, writing: &Writing<'_>) -> String {
        let (shown, signed) = texts(node, writing.slashes);
        let sign = match writing.meddle {
            Meddle::Signature(forgery) => self.sign(signed.as_bytes(), Some(forgery)),
            _ => self.sign(signed.as_bytes(), None),
        };
        let nodes = match writing.meddle {
            Meddle::OtherNode => format!(r#""{}":{shown}"#, foreign(writing.name)),
            Meddle::DoubledNode => {
                let (forged, _) = texts(&rosier(node), writing.slashes);
                let (first, last) = if writing.true_first { (&shown, &forged) } else { (&forged, &shown) };
                format!(r#""{name}":{first},"{name}":{last}"#, name = writing.name)
            }
            _ => format!(r#""{}":{shown}"#, writing.name),
        };
        let sn = self.cert_sn.as_ref().map(|sn| format!(r#","alipay_cert_sn":"{sn}""#)).unwrap_or_default();
        let sign = sign.map(|sign| format!(r#","sign":"{sign}""#)).unwrap_or_default();
        format!("{{{nodes}{sn}{sign}}}")
    }

    /// The signature of a text; None for a forgery that leaves it out.
    pub(super) fn sign(&self, text: &[u8], forgery: Option<Forgery>) -> Option<String> {
        match forgery {
            None => Some(self.key.sign(text)),
            Some(Forgery::Absent) => None,
            Some(Forgery::OtherKey | Forgery::OtherName | Forgery::OutOfTime) => Some(AlipayKeys::stranger().sign(text)),
            Some(Forgery::Broken | Forgery::Probe) => Some(broken(&self.key.sign(text))),
        }
    }
}

/// An answer that nobody signed.
pub(super) fn unsigned(name: &str, node: &Value, slashes: AlipaySlashes) -> String {
    format!(r#"{{"{name}":{}}}"#, texts(node, slashes).0)
}

/// A node as it is shown, and as it is signed.
fn texts(node: &Value, slashes: AlipaySlashes) -> (String, String) {
    let plain = node.to_string();
    // Outside of strings JSON has no slash.
    let escaped = plain.replace('/', r"\/");
    match slashes {
        AlipaySlashes::Plain => (plain.clone(), plain),
        AlipaySlashes::Escaped => (escaped.clone(), escaped),
        AlipaySlashes::EscapedAfterSigning => (escaped, plain),
    }
}

/// The name of a node that is not asked for.
fn foreign(name: &str) -> &'static str {
    if name == "alipay_trade_query_response" { "alipay_trade_pay_response" } else { "alipay_trade_query_response" }
}

/// The same with everything gone well, as a forger would have it.
fn rosier(node: &Value) -> Value {
    let mut node = node.clone();
    if let Value::Object(fields) = &mut node {
        for (name, value) in [
            ("code", "10000"),
            ("msg", "Success"),
            ("trade_status", "TRADE_SUCCESS"),
            ("fund_change", "Y"),
            ("refund_status", "REFUND_SUCCESS"),
            ("action", "refund"),
            ("forged", "true"),
        ] {
            fields.insert(name.to_owned(), json!(value));
        }
        fields.remove("sub_code");
    }
    node
}

/// Another first character, so that it still is base64.
fn broken(signature: &str) -> String {
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", signature.get(1..).unwrap_or_default())
}
