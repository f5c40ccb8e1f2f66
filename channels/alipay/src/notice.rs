//! The fields of a notice: read once, claimed by a signature over all that have a meaning, with one reading only.

use std::time::SystemTime;

use bytes::Bytes;
use paysluice::adapter::{Form, Granted};
use paysluice::model::{Error, ErrorKind};
use paysluice::signing::Proof;

use crate::verify::{Unproved, no, signature};
use crate::{Alipay, codes};

/// The fields that a notice is read by.
const READ: [&str; 13] = [
    "app_id",
    "auth_app_id",
    "gmt_payment",
    "gmt_refund",
    "notify_id",
    "out_biz_no",
    "out_trade_no",
    "refund_fee",
    "seller_id",
    "total_amount",
    "trade_no",
    "trade_status",
    "notify_type",
];

/// Charsets in which letters and digits are those of ASCII, and no part of another character: all that is read is such text, and
/// signatures are over bytes.
const CHARSETS: [&str; 6] = ["utf-8", "utf8", "gbk", "gb2312", "gb18030", "us-ascii"];

/// A notice as it came.
pub(crate) struct Notice<'a> {
    form: Form<'a>,
}

impl<'a> Notice<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Error> {
        let form = Form::read(body).map_err(|invalid| refused(format!("no notice: {invalid}")))?;
        let named = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte));
        if form.fields().any(|(name, _)| name.is_empty() || name.len() > 64 || !named(name)) {
            return Err(refused("no notice: a field's name is none of Alipay's"));
        }
        Ok(Self { form })
    }

    /// A field's text, if it is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        self.form.text(name).map_err(|_| crate::seen::unread(name))
    }

    /// The fields, sorted by name.
    fn sorted(&self) -> Vec<(&[u8], &[u8])> {
        let mut fields: Vec<_> = self.form.fields().collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        fields
    }
}

impl Alipay {
    /// Proves a notice: `sign_type` is left out of what is signed ("V1"), or kept in notices of the gateway ("V2"). Whether empty
    /// fields are kept, Alipay's own libraries do not agree; whatever they are, they say nothing.
    pub(crate) fn prove_notice(&self, notice: &Notice<'_>, now: SystemTime, granted: &Granted) -> Result<Proof, Unproved> {
        let text = |name| notice.form.text(name).map_err(|_| no(format!("{name} is no text")));
        check_claims(text("sign_type")?, text("charset")?)?;
        let signature = signature(text("sign")?.ok_or_else(|| no("it has no sign"))?)?;
        let fields = notice.sorted();
        has_one_reading(&fields)?;
        let keys = self.keys(text("alipay_cert_sn")?, granted, now)?;
        let there = |name: &[u8]| fields.iter().any(|(other, value)| *other == name && !value.is_empty());
        let empty = fields.iter().any(|(_, value)| value.is_empty());
        let choices = |may: bool| if may { &[false, true][..] } else { &[false][..] };
        for keep_type in choices(there(b"sign_type")) {
            for keep_sn in choices(there(b"alipay_cert_sn")) {
                for keep_empty in choices(empty) {
                    let kept = fields.iter().filter(|(name, value)| match *name {
                        b"sign" => false,
                        b"sign_type" => *keep_type,
                        b"alipay_cert_sn" => *keep_sn,
                        _ => *keep_empty || !value.is_empty(),
                    });
                    let text = joined(kept);
                    if let Some(proof) = keys.iter().find_map(|key| key.verify(&[], &text, &[], &signature)) {
                        return Ok(proof);
                    }
                }
            }
        }
        Err(no("the signature does not match Alipay's key: forged, decoded twice or not at all on the way, or the key that is \
                configured is not Alipay's but another (the application's own?)"))
    }
}

fn check_claims(sign_type: Option<&str>, charset: Option<&str>) -> Result<(), Unproved> {
    match sign_type {
        Some("RSA2") => {}
        None => return Err(no("it has no sign_type")),
        Some("RSA") => return Err(no("sign_type is RSA, with SHA-1: set the application to RSA2 at the console")),
        Some(other) => return Err(no(format!("sign_type is {}, not RSA2", codes::shown(other)))),
    }
    match charset.map(str::to_ascii_lowercase) {
        Some(charset) if !CHARSETS.contains(&charset.as_str()) => {
            Err(no(format!("charset {} is none that is read: utf-8 or gbk", codes::shown(&charset))))
        }
        _ => Ok(()),
    }
}

/// `&` and `=` are not escaped in what is signed, so that a field may hide in the value of the one before it, and be signed all
/// the same. Refused where a value has such a field between its own name and the next.
fn has_one_reading(sorted: &[(&[u8], &[u8])]) -> Result<(), Unproved> {
    for (at, (name, value)) in sorted.iter().enumerate() {
        if !value.contains(&b'&') {
            continue;
        }
        let next = sorted.get(at.saturating_add(1)).map(|(next, _)| *next);
        let between = READ.iter().map(|hidden| hidden.as_bytes()).filter(|hidden| name < hidden);
        for hidden in between.filter(|hidden| next.is_none_or(|next| *hidden < next)) {
            let hidden = [b"&", hidden, b"=".as_slice()].concat();
            if value.windows(hidden.len()).any(|window| window == hidden) {
                return Err(no("a field may hide in the value of another: it has two readings"));
            }
        }
    }
    Ok(())
}

fn joined<'a>(fields: impl Iterator<Item = &'a (&'a [u8], &'a [u8])>) -> Bytes {
    let mut text = Vec::with_capacity(1024);
    for (name, value) in fields {
        if !text.is_empty() {
            text.push(b'&');
        }
        text.extend_from_slice(name);
        text.push(b'=');
        text.extend_from_slice(value);
    }
    Bytes::from(text)
}

/// An error of a notice that is not proved, or not for us.
pub(crate) fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthorized, why)
}
