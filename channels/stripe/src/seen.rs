//! What an intent or a refund shows, in the words of the contract.

use bytes::Bytes;
use paysluice::adapter::{Refs, Seen, SeenPart};
use paysluice::model::{Currency, Error, ErrorKind, Money, PartStatus, Reason};

use crate::declines::advice;
use crate::objects::{Fault, Object, is_id};
use crate::{Stripe, action, codes};

/// How an intent came to be, as its metadata says: by `Method::kind`. `client` is finished on Stripe's front end.
pub(crate) const CLIENT: &str = "client";

impl Stripe {
    /// What an intent shows.
    pub(crate) fn see_intent(&self, intent: &Object<'_>, raw: Bytes) -> Result<Seen, Error> {
        let word = intent.status.as_deref().ok_or_else(|| unread("status"))?;
        let (amount, currency) = (intent.amount.ok_or_else(|| unread("amount"))?, intent.currency.as_deref());
        let money = self.money(amount, currency)?;
        let method = intent.metadata.as_ref().and_then(|metadata| metadata.paysluice_method.as_deref());
        // An intent that is not ours was made for a front end more often than not; what it waits for is the payer's.
        let open = method.is_none_or(|method| method == CLIENT);
        let status = codes::status(word, intent.last_payment_error.is_some(), open, intent.cancellation_reason.as_deref());
        let mut refs = Refs::new();
        add_ref(&mut refs, "intent", "pi_", intent.id.as_deref());
        add_ref(&mut refs, "charge", "ch_", intent.latest_charge.as_ref().and_then(|charge| charge.id()));
        let charge = intent.latest_charge.as_ref().and_then(|charge| charge.whole());
        let captured = intent.amount_received.map(|amount| self.money(amount, currency)).transpose()?;
        let refunded = charge.and_then(given_back).map(|amount| self.money(amount, currency)).transpose()?;
        let reason = match word {
            "canceled" => intent.cancellation_reason.as_deref().map(plain_reason),
            _ => intent.last_payment_error.as_deref().map(reason),
        };
        Ok(Seen {
            action: action::of(intent, open, self.loopback),
            captures: captures(intent, captured),
            status,
            word: Some(codes::shown(word)),
            money: Some(money),
            captured,
            refunded,
            refs,
            refunds: Vec::new(),
            reason,
            raw,
        })
    }

    /// What a refund shows. It says nothing of the payment's own status.
    pub(crate) fn see_refund(&self, refund: &Object<'_>, raw: Bytes) -> Result<Seen, Error> {
        let id = refund.id.as_deref().filter(|id| is_id("re_", id) || is_id("pyr_", id)).ok_or_else(|| unread("id"))?;
        let word = refund.status.as_deref().ok_or_else(|| unread("status"))?;
        let money = self.money(refund.amount.ok_or_else(|| unread("amount"))?, refund.currency.as_deref())?;
        let number = refund.metadata.as_ref().and_then(|metadata| metadata.paysluice_refund.as_deref());
        let mut refs = Refs::new();
        add_ref(&mut refs, "intent", "pi_", refund.payment_intent.as_ref().and_then(|intent| intent.id()));
        add_ref(&mut refs, "charge", "ch_", refund.charge.as_ref().and_then(|charge| charge.id()));
        if let Some(number) = number {
            refs.add(&refund_ref(number), id);
        }
        let why = refund.failure_reason.as_deref().or(refund.pending_reason.as_deref());
        let part = SeenPart {
            number: number.map(ToOwned::to_owned),
            id: Some(id.to_owned()),
            money: Some(money),
            status: codes::refund_status(word),
            reason: why.map(plain_reason),
        };
        Ok(Seen { refs, refunds: vec![part], raw, ..Seen::default() })
    }

    /// Money in Stripe's units and spelling.
    pub(crate) fn money(&self, amount: i64, currency: Option<&str>) -> Result<Money, Error> {
        let currency = currency.ok_or_else(|| unread("currency"))?;
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(unread("currency"));
        }
        let currency = Currency::parse(&currency.to_ascii_uppercase()).map_err(|_| unread("currency"))?;
        self.profile.from_provider(amount, currency).map_err(|_| unread("amount"))
    }
}

/// What was given back of a charge, as far as its sum tells.
///
/// Stripe shows the release of a hold as a refund of the charge too: a hold that was let go has all of it in `amount_refunded`
/// and was never captured. So the sum of a charge that was not captured whole says nothing; its refunds speak for themselves.
pub(crate) fn given_back(charge: &Object<'_>) -> Option<i64> {
    let whole = charge.amount_captured.is_none() || charge.amount_captured == charge.amount;
    charge.amount_refunded.filter(|_| whole)
}

/// The name under which a refund's id is kept.
pub(crate) fn refund_ref(number: &str) -> String {
    format!("refund:{number}")
}

/// An answer that lacks what it must say, or says it in a way that cannot be.
pub(crate) fn unread(field: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("Stripe's object has no {field} that can be read"))
}

/// Keeps an id if it is one; another is not worth keeping.
pub(crate) fn add_ref(refs: &mut Refs, name: &str, prefix: &str, id: Option<&str>) {
    if let Some(id) = id.filter(|id| is_id(prefix, id) || (prefix == "ch_" && is_id("py_", id))) {
        refs.add(name, id);
    }
}

/// Why a payment failed.
pub(crate) fn reason(fault: &Fault<'_>) -> Reason {
    let code = fault.decline_code.as_deref().or(fault.code.as_deref()).or(fault.class.as_deref()).unwrap_or("unknown");
    Reason {
        code: codes::shown(code),
        message: fault.message.as_deref().and_then(printable),
        advice: advice(fault.advice_code.as_deref(), fault.network_advice_code.as_deref(), code),
    }
}

/// A reason of which only the word is known.
pub(crate) fn plain_reason(code: &str) -> Reason {
    Reason { code: codes::shown(code), message: None, advice: advice(None, None, code) }
}

/// Stripe's sentence, unless it repeats something that looks like a secret.
pub(crate) fn printable(message: &str) -> Option<String> {
    (!codes::is_secret(message)).then(|| message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
}

/// The capture that the intent was last captured by. Stripe writes the metadata of a capture together with it.
fn captures(intent: &Object<'_>, captured: Option<Money>) -> Vec<SeenPart> {
    let number = intent.metadata.as_ref().and_then(|metadata| metadata.paysluice_capture.as_deref());
    let taken = captured.is_some_and(|money| !money.is_zero());
    number
        .filter(|_| taken)
        .map(|number| SeenPart {
            number: Some(number.to_owned()),
            id: intent.latest_charge.as_ref().and_then(|charge| charge.id()).map(ToOwned::to_owned),
            money: None,
            status: PartStatus::Succeeded,
            reason: None,
        })
        .into_iter()
        .collect()
}
