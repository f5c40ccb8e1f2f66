//! UnionPay's face from outside, in virtual time.

mod auth;
mod faults;
mod notices;
mod payments;
mod refunds;
mod scanned;
mod served;
mod vectors;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::Offset;
use paysluice::adapter::Form;
use paysluice::signing::{Certificate, Issuers, RsaPrivateKey, canonical, sha256_hex};

use super::*;
use crate::world::unix;
use crate::{UnionPayConfig, UnionPayCredentials};

pub(super) type Fields = BTreeMap<String, String>;

/// A merchant that speaks UnionPay's protocol by hand.
pub(super) struct Shop {
    pub(super) sandbox: Sandbox,
    pub(super) credentials: UnionPayCredentials,
    transport: Arc<dyn Transport>,
    key: RsaPrivateKey,
}

/// An answer, with what could be read of it.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) fields: Fields,
}

impl Seen {
    pub(super) fn code(&self) -> &str {
        self.says("respCode")
    }

    pub(super) fn says(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// `YYYYMMDDhhmmss` in Beijing.
pub(super) fn stamp(unix: i64) -> String {
    Offset::constant(8).to_datetime(Timestamp::from_second(unix).unwrap()).strftime("%Y%m%d%H%M%S").to_string()
}

/// Reads an answer: nothing is encoded; a value ends at the next `&` that no bracket encloses.
fn parsed(text: &str) -> Fields {
    let (mut fields, mut rest) = (Fields::new(), text);
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
        let mut closing = None;
        let end = value.char_indices().find(|(_, c)| {
            match (closing, *c) {
                (None, '{') => closing = Some('}'),
                (None, '[') => closing = Some(']'),
                (Some(wanted), c) if wanted == c => closing = None,
                (None, '&') => return true,
                _ => {}
            }
            false
        });
        let end = end.map_or(value.len(), |(at, _)| at);
        fields.insert(name.to_owned(), value[..end].to_owned());
        rest = value[end..].trim_start_matches('&');
    }
    fields
}

fn text_of(fields: &Fields) -> Vec<u8> {
    let signed = fields.iter().filter(|(name, _)| *name != "signature");
    canonical(signed.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::with(UnionPayConfig::default())
    }

    pub(super) fn with(unionpay: UnionPayConfig) -> Self {
        Self::of(Sandbox::new(world(), SandboxConfig { unionpay, ..SandboxConfig::default() }))
    }

    pub(super) fn of(sandbox: Sandbox) -> Self {
        let credentials = sandbox.unionpay().credentials();
        let key = RsaPrivateKey::from_pem("key", &credentials.merchant_private_key).unwrap();
        Self { transport: sandbox.transport(), sandbox, credentials, key }
    }

    pub(super) fn now(&self) -> i64 {
        unix(self.sandbox.env().wall())
    }

    pub(super) fn sign(&self, fields: &mut Fields) {
        let digest = sha256_hex(&[&text_of(fields)]);
        fields.insert("signature".to_owned(), STANDARD.encode(self.key.sign(&[digest.as_bytes()]).unwrap()));
    }

    /// Whether UnionPay signed these fields: the certificate is valid, issued by its authority, UnionPay's, and it fits.
    pub(super) fn genuine(&self, fields: &Fields) -> bool {
        let (Some(pem), Some(signature)) = (fields.get("signPubKeyCert"), fields.get("signature")) else { return false };
        let read = |pem: &str| Certificate::from_pem("certificate", pem.as_bytes()).unwrap();
        let certificate = read(pem);
        let issuers = Issuers::new(vec![read(&self.credentials.root_certificate)]);
        let middle = [read(&self.credentials.middle_certificate)];
        let trusted = issuers.vouch(&certificate, &middle, self.sandbox.env().wall()).is_ok();
        let name = certificate.common_name().unwrap_or_default();
        let digest = Bytes::from(sha256_hex(&[&text_of(fields)]));
        let signature = STANDARD.decode(signature).unwrap();
        trusted
            && name.split('@').nth(2) == Some("中国银联股份有限公司")
            && certificate.key().verify(&[], &digest, &[], &signature).is_some()
    }

    /// A request without product and trade.
    pub(super) fn base(&self, order: &str) -> Fields {
        [
            ("version", "5.1.0"),
            ("encoding", "UTF-8"),
            ("signMethod", "01"),
            ("certId", &self.credentials.cert_id),
            ("accessType", "0"),
            ("merId", &self.credentials.mer_id),
            ("orderId", order),
            ("txnTime", &stamp(self.now())),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    pub(super) fn trade(&self, order: &str, (kind, sub, biz): (&str, &str, &str), more: &[(&str, &str)]) -> Fields {
        let mut fields = self.base(order);
        let all = [("txnType", kind), ("txnSubType", sub), ("bizType", biz)];
        fields.extend(all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    }

    /// A consumption of 10.00 CNY: `web`, `app`, `shown` or the digits of a scanned code.
    pub(super) fn consumption(&self, order: &str, how: &str) -> (&'static str, Fields) {
        let money =
            [("txnAmt", "1000"), ("currencyCode", "156"), ("backUrl", "https://shop.example/notify?x=y"), ("channelType", "08")];
        let (path, kind, more) = match how {
            "web" => ("frontTransReq.do", ("01", "01", "000201"), Some(("frontUrl", "https://shop.example/back"))),
            "app" => ("appTransReq.do", ("01", "01", "000000"), None),
            "shown" => ("backTransReq.do", ("01", "07", "000000"), None),
            qr_no => ("backTransReq.do", ("01", "06", "000000"), Some(("qrNo", qr_no))),
        };
        let more: Vec<_> = money.into_iter().chain(more).collect();
        (path, self.trade(order, kind, &more))
    }

    /// A query of a trade that was placed with these fields.
    pub(super) async fn query(&self, placed: &Fields) -> Seen {
        let mut asked = self.trade(&placed["orderId"], ("00", "00", "000000"), &[]);
        asked.insert("txnTime".to_owned(), placed["txnTime"].clone());
        self.post("queryTrans.do", asked).await
    }

    /// What became of it, as far as a query knows: `origRespCode`, or `?34` and the like.
    pub(super) async fn became(&self, placed: &Fields) -> String {
        let seen = self.query(placed).await;
        if seen.code() == "00" { seen.says("origRespCode").to_owned() } else { format!("?{}", seen.code()) }
    }

    /// A refund (`04`) or revocation (`31`) of what was placed with these fields.
    pub(super) fn back(&self, order: &str, kind: &str, placed: &Fields, amount: &str) -> Fields {
        let orig = [("origOrderId", placed["orderId"].as_str()), ("origTxnTime", placed["txnTime"].as_str())];
        let rest =
            [("txnAmt", amount), ("currencyCode", "156"), ("backUrl", "https://shop.example/refunded"), ("channelType", "08")];
        self.trade(order, (kind, "00", &placed["bizType"]), &[orig.as_slice(), &rest].concat())
    }

    pub(super) fn reversal(&self, placed: &Fields) -> Fields {
        let mut fields = self.trade(&placed["orderId"], ("99", "01", "000000"), &[("channelType", "08")]);
        fields.insert("txnTime".to_owned(), placed["txnTime"].clone());
        fields
    }

    /// Places a consumption; what was sent.
    pub(super) async fn placed(&self, order: &str, how: &str, more: &[(&str, &str)]) -> Fields {
        let (path, mut fields) = self.consumption(order, how);
        fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let seen = self.post(path, fields.clone()).await;
        assert!(seen.status == 200 && (how == "web" || seen.code() == "00"), "{}", seen.text);
        fields
    }

    /// A paid app order of 10.00 CNY; what was sent.
    pub(super) async fn paid(&self, order: &str) -> Fields {
        let fields = self.placed(order, "app", &[]).await;
        self.sandbox.unionpay().payer_pays(order).unwrap();
        fields
    }

    pub(super) fn request(path: &str, fields: &Fields) -> Request {
        let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = Request::new(Method::POST, format!("https://gateway.95516.com/gateway/api/{path}")).with_body(body);
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        request.header(http::header::CONTENT_TYPE, kind).unwrap()
    }

    /// Signs and sends, and checks that the answer is UnionPay's; pages are nobody's.
    pub(super) async fn post(&self, path: &str, mut fields: Fields) -> Seen {
        self.sign(&mut fields);
        let seen = self.raw(Self::request(path, &fields)).await.unwrap();
        assert_eq!(self.genuine(&seen.fields), path != "frontTransReq.do", "{}", seen.text);
        seen
    }

    pub(super) async fn raw(&self, request: Request) -> Result<Seen, TransportError> {
        let reply = self.transport.send(request, LIMITS).await?;
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        let fields = if text.starts_with('<') { Fields::new() } else { parsed(&text) };
        Ok(Seen { status: reply.status.as_u16(), text, fields })
    }

    pub(super) async fn wait(&self, seconds: u64) {
        self.sandbox.env().sleep(Duration::from_secs(seconds)).await;
    }

    /// What the ledger says of an order: charges, taken, refunded.
    pub(super) fn booked(&self, order: &str) -> (usize, i64, i64) {
        let ledger = self.sandbox.ledger();
        assert_eq!(ledger.audit(), []);
        (ledger.charges(order), ledger.taken(order), ledger.refunded(order))
    }
}
