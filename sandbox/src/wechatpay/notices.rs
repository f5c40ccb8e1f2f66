//! Callbacks: what happened, encrypted once; every delivery signed anew.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::seal::{Seal, encrypted};
use super::{WechatPay, objects, times};
use crate::fault::CallbackFault;
use crate::letter::{Letter, News, Sealed};
use crate::meddle::Forgery;
use crate::world::World;

/// A notice with what it says in plain text.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) resource: Value,
    letter: Arc<Notice>,
}

/// A notice on its way to a `notify_url`: the body byte for byte the same in every delivery.
#[derive(Debug)]
struct Notice {
    id: String,
    body: String,
    url: String,
    seal: Seal,
    waits: Arc<[Duration]>,
}

/// Tells that an order is paid.
pub(super) fn tell_payment(face: &mut WechatPay, world: &mut World, order: usize) {
    let found = face.book.orders.get(order);
    let Some((resource, url)) = found.and_then(|found| Some((objects::order(found, found.state), found.notify_url.clone()?)))
    else {
        return;
    };
    tell(face, world, ("TRANSACTION.SUCCESS", "transaction", "支付成功"), resource, url);
}

/// Tells how a refund ended.
pub(super) fn tell_refund(face: &mut WechatPay, world: &mut World, refund: usize) {
    let found = face.book.refunds.get(refund).and_then(|found| Some((found, face.book.orders.get(found.order)?)));
    let Some((refund, order)) = found else { return };
    let Some(url) = refund.notify_url.clone() else { return };
    let what = match refund.status {
        "SUCCESS" => ("REFUND.SUCCESS", "refund", "退款成功"),
        "ABNORMAL" => ("REFUND.ABNORMAL", "refund", "退款异常"),
        "CLOSED" => ("REFUND.CLOSED", "refund", "退款关闭"),
        _ => return,
    };
    let resource = objects::refund_told(refund, order);
    tell(face, world, what, resource, url);
}

fn tell(
    face: &mut WechatPay,
    world: &mut World,
    (kind, original, summary): (&'static str, &'static str, &'static str),
    resource: Value,
    url: String,
) {
    let id = uuid(&world.letters(32));
    let plain = serde_json::to_vec(&resource).unwrap_or_default();
    let mut sealed = encrypted(face.identity.api_v3_key.expose(), &world.letters(12), original, &plain);
    if let Value::Object(fields) = &mut sealed {
        fields.insert("original_type".to_owned(), json!(original));
    }
    let body = json!({
        "id": id,
        "create_time": times::beijing(world.unix()),
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": summary,
        "resource": sealed,
    });
    let waits = world.config.wechatpay.notice_waits.clone().into();
    let letter = Arc::new(Notice { id: id.clone(), body: body.to_string(), url, seal: face.seal_of_notice(world), waits });
    world.news.push(News { id: id.clone(), skew: world.skew, letter: letter.clone() });
    face.told.push(Told { id, kind, resource, letter });
}

/// Eight, four, four, four and twelve hex digits, out of letters.
fn uuid(letters: &str) -> String {
    let hex = hex::encode(Sha256::digest(letters));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

impl Told {
    /// The notice on its way once more.
    pub(super) fn again(&self) -> News {
        News { id: self.id.clone(), skew: 0, letter: self.letter.clone() }
    }
}

impl Letter for Notice {
    fn sealed(&self, at: i64, attempt: u32, how: CallbackFault) -> Sealed {
        let forgery = match how {
            CallbackFault::BadSignature => Some(Forgery::Broken),
            CallbackFault::OtherSecret => Some(Forgery::OtherKey),
            CallbackFault::OtherName => Some(Forgery::OtherName),
            CallbackFault::OutOfTime => Some(Forgery::OutOfTime),
            CallbackFault::SignProbe => Some(Forgery::Probe),
            CallbackFault::Pass
            | CallbackFault::Duplicate
            | CallbackFault::Late { .. }
            | CallbackFault::Early
            | CallbackFault::Reordered
            | CallbackFault::Missing => None,
        };
        let nonce = hex::encode(Sha256::digest(format!("{} {attempt} {at}", self.id)));
        let nonce = nonce.get(..32).unwrap_or_default().to_owned();
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Mozilla/4.0".to_owned()),
            ("request-id", uuid(&nonce)),
        ];
        headers.extend(self.seal.headers(at, nonce, self.body.as_bytes(), forgery));
        Sealed { headers, body: self.body.clone() }
    }

    fn address(&self) -> Option<&str> {
        Some(&self.url)
    }

    fn taken_by(&self, status: u16, _body: &[u8]) -> bool {
        matches!(status, 200 | 204)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn waits(&self) -> Arc<[Duration]> {
        self.waits.clone()
    }
}
