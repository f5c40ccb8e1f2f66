//! Alipay's face from outside, in virtual time.

mod answers;
mod auth;
mod barcode;
mod certificates;
mod faults;
mod notices;
mod orders;
mod refunds;
mod served;
mod trades;
pub(crate) mod vectors;

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::Offset;
use paysluice::signing::{Certificate, NameAttribute};
use serde_json::json;

use super::wechatpay::der;
use super::*;
use crate::world::unix;
use crate::{AlipayConfig, AlipayCredentials};
use vectors::encoded;

pub(super) const GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

/// A merchant that speaks Alipay's protocol by hand.
pub(super) struct Shop {
    pub(super) sandbox: Sandbox,
    pub(super) credentials: AlipayCredentials,
    transport: Arc<dyn Transport>,
    key: RsaKeyPair,
    /// Whether its requests name certificates.
    pub(super) certified: bool,
}

/// Parameters of a request.
pub(super) type Said = BTreeMap<String, String>;

/// An answer, taken apart.
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) status: u16,
    /// The node's name.
    pub(super) name: String,
    pub(super) node: Value,
    /// Whether Alipay signed just this node's bytes.
    pub(super) genuine: bool,
    pub(super) cert_sn: Option<String>,
}

impl Heard {
    pub(super) fn at(&self, name: &str) -> &str {
        self.node[name].as_str().unwrap_or_default()
    }

    /// Code and sub_code.
    pub(super) fn code(&self) -> (&str, &str) {
        (self.at("code"), self.at("sub_code"))
    }
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::with(AlipayConfig::default())
    }

    pub(super) fn with(alipay: AlipayConfig) -> Self {
        Self::of(Sandbox::new(world(), SandboxConfig { alipay, ..SandboxConfig::default() }))
    }

    pub(super) fn of(sandbox: Sandbox) -> Self {
        let credentials = sandbox.alipay().credentials();
        let key = RsaKeyPair::from_pkcs8(&der(credentials.app_private_key.expose_str().unwrap())).unwrap();
        Self { transport: sandbox.transport(), sandbox, credentials, key, certified: false }
    }

    pub(super) fn clock(&self, off: i64) -> String {
        let at = jiff::Timestamp::from_second(unix(self.sandbox.env().wall()) + off).unwrap();
        at.display_with_offset(Offset::constant(8)).to_string()[..19].replace('T', " ")
    }

    pub(super) fn sign(&self, message: &str) -> String {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    /// The parameters of a good request, not signed yet.
    pub(super) fn said(&self, method: &str, biz: &Value) -> Said {
        let credentials = &self.credentials;
        let mut said: Said = [
            ("app_id", credentials.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &self.clock(0)),
            ("version", "1.0"),
            ("notify_url", "https://shop.example/notify"),
            ("biz_content", &biz.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if self.certified {
            said.insert("app_cert_sn".to_owned(), credentials.app_cert_sn.clone());
            said.insert("alipay_root_cert_sn".to_owned(), credentials.alipay_root_cert_sn.clone());
        }
        said
    }

    /// With the signature.
    pub(super) fn signed(&self, mut said: Said) -> Said {
        let text: Vec<String> = said.iter().map(|(name, value)| format!("{name}={value}")).collect();
        said.insert("sign".to_owned(), self.sign(&text.join("&")));
        said
    }

    pub(super) fn form(said: &Said) -> String {
        said.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    }

    pub(super) fn request(said: &Said) -> Request {
        let kind = "application/x-www-form-urlencoded;charset=utf-8";
        let request = Request::new(Method::POST, GATEWAY).with_body(Self::form(said));
        request.header(http::header::CONTENT_TYPE, kind).unwrap()
    }

    pub(super) async fn raw(&self, request: Request) -> Result<Heard, TransportError> {
        let reply = self.transport.send(request, LIMITS).await?;
        Ok(self.heard(reply.status.as_u16(), std::str::from_utf8(&reply.body).unwrap()))
    }

    /// Takes an answer apart by hand: the first node, its raw text, the signature after it.
    pub(super) fn heard(&self, status: u16, text: &str) -> Heard {
        let json: Value = serde_json::from_str(text).unwrap_or_default();
        let name = text.split('"').nth(1).unwrap_or_default().to_owned();
        let cert_sn = json["alipay_cert_sn"].as_str().map(str::to_owned);
        let start = text.find(":{").map_or(0, |at| at + 1);
        let raw = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&serde_json::value::RawValue>().next();
        let raw = raw.and_then(Result::ok).map(|raw| raw.get().to_owned()).unwrap_or_default();
        let genuine = json["sign"].as_str().is_some_and(|sign| self.is_alipays(raw.as_bytes(), sign, cert_sn.as_deref()));
        let node = serde_json::from_str(&raw).unwrap_or_default();
        Heard { text: text.to_owned(), status, name, node, genuine, cert_sn }
    }

    /// Whether Alipay signed this, under that certificate or with its public key.
    pub(super) fn is_alipays(&self, text: &[u8], sign: &str, cert_sn: Option<&str>) -> bool {
        let key = match cert_sn {
            None => der(&self.credentials.alipay_public_key),
            Some(sn) => {
                let known = self.sandbox.alipay().certificates();
                certificates::public_of(&known.iter().find(|(known, _)| known == sn).unwrap().1)
            }
        };
        let Ok(sign) = STANDARD.decode(sign) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text, &sign).is_ok()
    }

    pub(super) async fn send(&self, said: Said) -> Heard {
        self.raw(Self::request(&self.signed(said))).await.unwrap()
    }

    pub(super) async fn call(&self, method: &str, biz: Value) -> Heard {
        let heard = self.send(self.said(method, &biz)).await;
        assert_eq!((heard.status, heard.genuine), (200, true), "{}", heard.text);
        assert_eq!(heard.name, format!("{}_response", method.replace('.', "_")));
        assert_eq!(heard.cert_sn.is_some(), self.certified);
        heard
    }

    /// An order over 10.00 yuan.
    pub(super) fn order(number: &str) -> Value {
        json!({"out_trade_no": number, "total_amount": "10.00", "subject": "大乐透", "body": "kept", "passback_params": "a%3Db"})
    }

    /// The signed address of a page.
    pub(super) fn page(&self, order: &Value) -> String {
        let mut order = order.clone();
        order["product_code"] = json!("FAST_INSTANT_TRADE_PAY");
        format!("{GATEWAY}?{}", Self::form(&self.signed(self.said("alipay.trade.page.pay", &order))))
    }

    /// A paid trade over 10.00 yuan.
    pub(super) async fn paid(&self, number: &str) {
        assert_eq!(self.scan(number, "00").await.at("code"), "10000");
    }

    pub(super) fn barcode(number: &str, last: &str) -> Value {
        let mut order = Self::order(number);
        order["auth_code"] = json!(format!("2812345678901234{last}"));
        order["scene"] = json!("bar_code");
        order
    }

    /// The payer's code that ends so.
    pub(super) async fn scan(&self, number: &str, last: &str) -> Heard {
        self.send(self.said("alipay.trade.pay", &Self::barcode(number, last))).await
    }

    pub(super) async fn query(&self, number: &str) -> Heard {
        self.call("alipay.trade.query", json!({"out_trade_no": number})).await
    }

    pub(super) async fn state(&self, number: &str) -> String {
        let heard = self.query(number).await;
        if heard.at("code") == "10000" { heard.at("trade_status").to_owned() } else { heard.at("sub_code").to_owned() }
    }

    pub(super) async fn close(&self, number: &str) -> Heard {
        self.call("alipay.trade.close", json!({"out_trade_no": number})).await
    }

    pub(super) async fn cancel(&self, number: &str) -> Heard {
        self.call("alipay.trade.cancel", json!({"out_trade_no": number})).await
    }

    pub(super) fn refund_biz(number: &str, refund: &str, amount: &str) -> Value {
        json!({"out_trade_no": number, "out_request_no": refund, "refund_amount": amount})
    }

    pub(super) async fn refund(&self, number: &str, refund: &str, amount: &str) -> Heard {
        self.call("alipay.trade.refund", Self::refund_biz(number, refund, amount)).await
    }

    pub(super) async fn find_refund(&self, number: &str, refund: &str) -> Heard {
        let biz = json!({"out_trade_no": number, "out_request_no": refund, "query_options": ["gmt_refund_pay"]});
        self.call("alipay.trade.fastpay.refund.query", biz).await
    }

    pub(super) async fn wait(&self, seconds: u64) {
        self.sandbox.env().sleep(Duration::from_secs(seconds)).await;
    }

    pub(super) fn money(&self, number: &str) -> (usize, i64, i64) {
        let ledger = self.sandbox.ledger();
        assert_eq!(ledger.audit(), []);
        (ledger.charges(number), ledger.taken(number), ledger.refunded(number))
    }
}
