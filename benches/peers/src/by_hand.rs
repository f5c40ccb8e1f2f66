//! A Stripe webhook as a careful engineer would open it by hand: HMAC, the time's window, then a typed parse of what is used.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// An event, as far as a shop reads it.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    pub id: &'a str,
    #[serde(rename = "type")]
    pub name: &'a str,
    pub livemode: bool,
    pub created: u64,
    pub account: Option<&'a str>,
    #[serde(borrow)]
    pub data: Data<'a>,
}

/// What the event is about.
#[derive(Debug, Deserialize)]
pub struct Data<'a> {
    #[serde(borrow)]
    pub object: Intent<'a>,
}

/// A payment intent, as far as a shop reads it.
#[derive(Debug, Deserialize)]
pub struct Intent<'a> {
    pub id: &'a str,
    pub amount: i64,
    pub amount_received: i64,
    pub currency: &'a str,
    pub status: &'a str,
    pub latest_charge: Option<&'a str>,
    #[serde(borrow)]
    pub metadata: HashMap<&'a str, &'a str>,
}

/// Verifies and reads; `None` is any refusal.
pub fn open<'a>(body: &'a [u8], header: &str, secret: &str, now: u64) -> Option<Event<'a>> {
    let (mut time, mut codes) = (None, Vec::new());
    for pair in header.split(',') {
        match pair.split_once('=')? {
            ("t", value) => time = Some(value),
            ("v1", value) => codes.push(value),
            _ => {}
        }
    }
    let time = time?;
    let mut keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    keyed.update(time.as_bytes());
    keyed.update(b".");
    keyed.update(body);
    let proved = codes.iter().any(|code| hex::decode(code).is_ok_and(|code| keyed.clone().verify_slice(&code).is_ok()));
    if !proved || time.parse::<u64>().ok()?.abs_diff(now) > 300 {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// The header that Stripe would send.
pub fn header(secret: &str, now: u64, body: &[u8]) -> String {
    let mut keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    keyed.update(format!("{now}.").as_bytes());
    keyed.update(body);
    format!("t={now},v1={}", hex::encode(keyed.finalize().into_bytes()))
}
