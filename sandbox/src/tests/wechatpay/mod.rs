//! WeChat Pay's face from outside, in virtual time.

mod auth;
mod certificates;
mod codepay;
mod faults;
mod notices;
mod orders;
mod partner;
mod refunds;
mod served;

use std::cell::Cell;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::world::unix;
use crate::{WechatPayConfig, WechatPayCredentials};

/// A merchant that speaks WeChat Pay's protocol by hand.
pub(super) struct Shop {
    pub(super) sandbox: Sandbox,
    pub(super) credentials: WechatPayCredentials,
    transport: Arc<dyn Transport>,
    key: RsaKeyPair,
    nonces: Cell<u32>,
    /// `Wechatpay-Serial` of its requests.
    pub(super) serial: Option<String>,
}

pub(super) fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>()).unwrap()
}

/// The SubjectPublicKeyInfo in a certificate of an RSA key of 2048 bits.
fn public_of(certificate: &str) -> Vec<u8> {
    let der = der(certificate);
    let prefix = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    let at = der.windows(prefix.len()).position(|window| window == prefix).unwrap();
    der[at..at + 294].to_vec()
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::with(WechatPayConfig::default())
    }

    pub(super) fn with(wechatpay: WechatPayConfig) -> Self {
        Self::of(Sandbox::new(world(), SandboxConfig { wechatpay, ..SandboxConfig::default() }))
    }

    pub(super) fn of(sandbox: Sandbox) -> Self {
        let credentials = sandbox.wechatpay().credentials();
        let key = RsaKeyPair::from_pkcs8(&der(credentials.merchant_private_key.expose_str().unwrap())).unwrap();
        let serial = Some(credentials.public_key_id.clone());
        Self { transport: sandbox.transport(), sandbox, credentials, key, nonces: Cell::new(0), serial }
    }

    pub(super) fn now(&self) -> i64 {
        unix(self.sandbox.env().wall())
    }

    pub(super) fn nonce(&self) -> String {
        self.nonces.set(self.nonces.get() + 1);
        format!("nonce{}", self.nonces.get())
    }

    pub(super) fn sign(&self, message: &str) -> String {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        STANDARD.encode(signature)
    }

    /// `Authorization` of a request at that time with that nonce.
    pub(super) fn authorization(&self, method: &str, path: &str, body: &str, at: i64, nonce: &str) -> String {
        let signature = self.sign(&format!("{method}\n{path}\n{at}\n{nonce}\n{body}\n"));
        let (mchid, serial) = (&self.credentials.mchid, &self.credentials.merchant_serial);
        format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce}\",timestamp=\"{at}\",serial_no=\"{serial}\",signature=\"{signature}\""
        )
    }

    pub(super) fn request(&self, method: Method, path: &str, body: &str) -> Request {
        let authorization = self.authorization(method.as_str(), path, body, self.now(), &self.nonce());
        let mut headers = vec![
            ("authorization", authorization),
            ("accept", "application/json".to_owned()),
            ("user-agent", "shop/1.0".to_owned()),
        ];
        if method == Method::POST {
            headers.push(("content-type", "application/json".to_owned()));
        }
        headers.extend(self.serial.clone().map(|serial| ("wechatpay-serial", serial)));
        let mut request = Request::new(method, format!("https://api.mch.weixin.qq.com{path}")).with_body(body.to_owned());
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), &value).unwrap();
        }
        request
    }

    /// Sends, and checks that a 2xx is signed and nothing else is.
    pub(super) async fn send(&self, request: Request) -> Answer {
        let answer = self.raw(request).await.unwrap();
        assert_eq!(self.genuine(&answer.reply.headers, &answer.reply.body), answer.status < 300, "{}", answer.json);
        answer
    }

    pub(super) async fn raw(&self, request: Request) -> Result<Answer, TransportError> {
        let reply = self.transport.send(request, LIMITS).await?;
        let json = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(Answer { status: reply.status.as_u16(), reply, json })
    }

    /// Whether WeChat Pay signed this body.
    pub(super) fn genuine(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let (Some(at), Some(nonce)) = (text("wechatpay-timestamp"), text("wechatpay-nonce")) else { return false };
        let serial = text("wechatpay-serial").unwrap();
        let key = if serial == self.credentials.public_key_id {
            der(&self.credentials.public_key)
        } else {
            let known = self.sandbox.wechatpay().certificates();
            public_of(&known.iter().find(|(known, _)| *known == serial).unwrap().1)
        };
        let Ok(signature) = STANDARD.decode(text("wechatpay-signature").unwrap()) else { return false };
        let message = [format!("{at}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(&message, &signature).is_ok()
    }

    /// What a resource holds.
    pub(super) fn decrypted(&self, resource: &Value) -> Vec<u8> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.credentials.api_v3_key.expose()).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(resource["nonce"].as_str().unwrap().as_bytes()).unwrap();
        let mut text = STANDARD.decode(resource["ciphertext"].as_str().unwrap()).unwrap();
        let associated = Aad::from(resource["associated_data"].as_str().unwrap_or_default());
        key.open_in_place(nonce, associated, &mut text).unwrap().to_vec()
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path, &body.to_string())).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, "")).await
    }

    /// The body of an order over 10.00 CNY.
    pub(super) fn order(&self, number: &str) -> Value {
        json!({
            "appid": self.credentials.appid, "mchid": self.credentials.mchid, "description": "Image形象店", "out_trade_no": number,
            "notify_url": "https://shop.example/notify", "amount": {"total": 1000, "currency": "CNY"}, "attach": "kept",
        })
    }

    pub(super) async fn native(&self, number: &str) -> String {
        let answer = self.post("/v3/pay/transactions/native", &self.order(number)).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json["code_url"].as_str().unwrap().to_owned()
    }

    pub(super) async fn paid(&self, number: &str) {
        self.native(number).await;
        self.sandbox.wechatpay().payer_pays(number).unwrap();
    }

    pub(super) async fn query(&self, number: &str) -> Answer {
        self.get(&format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", self.credentials.mchid)).await
    }

    pub(super) async fn state(&self, number: &str) -> String {
        self.query(number).await.json["trade_state"].as_str().unwrap().to_owned()
    }

    pub(super) async fn close(&self, number: &str) -> Answer {
        let body = json!({"mchid": self.credentials.mchid});
        self.post(&format!("/v3/pay/transactions/out-trade-no/{number}/close"), &body).await
    }

    pub(super) fn refund_body(number: &str, refund: &str, amount: i64) -> Value {
        json!({
            "out_trade_no": number, "out_refund_no": refund, "notify_url": "https://shop.example/refunded",
            "amount": {"refund": amount, "total": 1000, "currency": "CNY"},
        })
    }

    pub(super) async fn refund(&self, number: &str, refund: &str, amount: i64) -> Answer {
        self.post("/v3/refund/domestic/refunds", &Self::refund_body(number, refund, amount)).await
    }

    pub(super) async fn wait(&self, seconds: u64) {
        self.sandbox.env().sleep(Duration::from_secs(seconds)).await;
    }
}

/// Code of an error answer.
pub(super) fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}
