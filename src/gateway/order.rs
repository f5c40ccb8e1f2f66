//! The order's row: its attempts, what is reserved, what is known of the money.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::verdict::Told;
use crate::adapter::{Known, Original, Profile, Refs, Seed, SeenPart};
use crate::model::{
    AccountRef, Action, Advice, AttemptNo, Block, CaptureNo, CaptureState, Error, ErrorKind, Money, OrderNo, PartStatus, Payment,
    ProviderNo, Reason, RefundNo, RefundState, Status,
};

/// All that is known of an order. One row, changed only by compare-and-set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Format of this row.
    pub(crate) v: u8,
    /// The application's order.
    pub(crate) order_no: OrderNo,
    /// What the order asks for: the same for all its attempts.
    pub(crate) money: Money,
    /// Grows with every change.
    pub(crate) version: u64,
    /// Its attempts, first to last.
    pub(crate) attempts: Vec<Attempt>,
}

/// One attempt of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) no: AttemptNo,
    /// How it was charged.
    pub(crate) seed: Seed,
    pub(crate) product: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closes_at: Option<SystemTime>,
    /// The application's word: no send of its charge or a confirm begins after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) charge_by: Option<SystemTime>,
    /// Where it stands; none until the provider has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    /// Ids at the provider.
    #[serde(default)]
    pub(crate) refs: Refs,
    /// Ids of earlier generations, which were proved dead: an event that names one of them is not about this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) former: Vec<Refs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<Action>,
    pub(crate) captured: Money,
    pub(crate) refunded: Money,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) captures: Vec<Part>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refunds: Vec<Part>,
    /// The last round of the payer's actions that was confirmed, or is being.
    #[serde(default)]
    pub(crate) rounds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blocked: Option<Block>,
    /// A cancel is wanted: no further send of money for it, no capture.
    #[serde(default)]
    pub(crate) stop: bool,
    /// Its charge was proved not applied, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<Told>,
    /// Proved to take no money any more.
    #[serde(default)]
    pub(crate) dead: bool,
}

/// A capture or refund, reserved before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The application's number; none if it was made elsewhere.
    pub(crate) no: Option<String>,
    /// What it was sent under: the provider's number of it, its key, its time.
    pub(crate) seed: Option<Seed>,
    /// The provider's id.
    pub(crate) id: Option<String>,
    pub(crate) money: Money,
    pub(crate) status: PartStatus,
    /// A capture that lets go of what it leaves: none may follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) last: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
}

impl Order {
    /// An order of which nothing has been tried yet.
    pub(crate) fn new(order_no: OrderNo, money: Money) -> Self {
        Self { v: 1, order_no, money, version: 0, attempts: Vec::new() }
    }

    /// That attempt.
    pub(crate) fn attempt(&self, no: AttemptNo) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.no == no)
    }

    /// That attempt, to change.
    pub(crate) fn attempt_mut(&mut self, no: AttemptNo) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.no == no)
    }

    /// The latest attempt.
    pub(crate) fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The attempt that an operation without one means: the latest that holds money, else the latest.
    pub(crate) fn meant(&self) -> Option<AttemptNo> {
        let paid = self.attempts.iter().rev().find(|attempt| attempt.status.as_ref().is_some_and(Status::is_success));
        paid.or_else(|| self.latest()).map(|attempt| attempt.no)
    }

    /// The attempt that the refund of that number was made on.
    pub(crate) fn refunded_on(&self, no: &str) -> Option<AttemptNo> {
        let made = |attempt: &&Attempt| attempt.refunds.iter().any(|part| part.no.as_deref() == Some(no));
        self.attempts.iter().find(made).map(|attempt| attempt.no)
    }

    /// The payment as the application sees it.
    pub(crate) fn payment(&self, account: &AccountRef, payment_ref: &str, no: AttemptNo) -> Option<Payment> {
        let attempt = self.attempt(no)?;
        Some(Payment {
            account: account.clone(),
            order_no: self.order_no.clone(),
            attempt: no,
            provider_id: attempt.refs.get(payment_ref).map(str::to_owned),
            status: attempt.shown_status(),
            money: self.money,
            captured: attempt.captured,
            refunded: attempt.given_back(),
            captures: attempt.captures.iter().map(Part::as_capture).collect(),
            refunds: attempt.refunds.iter().map(Part::as_refund).collect(),
            next_action: attempt.action.clone().filter(|_| attempt.status == Some(Status::AwaitingPayer)),
            reason: attempt.shown_reason(),
            blocked: attempt.blocked.clone(),
            version: self.version,
        })
    }
}

impl Attempt {
    /// A new attempt, about to be sent.
    pub(crate) fn new(no: AttemptNo, seed: Seed, product: &str, money: Money) -> Self {
        Self {
            no,
            seed,
            product: product.to_owned(),
            closes_at: None,
            charge_by: None,
            status: None,
            reason: None,
            refs: Refs::new(),
            former: Vec::new(),
            action: None,
            captured: Money::zero(money.currency()),
            refunded: Money::zero(money.currency()),
            captures: Vec::new(),
            refunds: Vec::new(),
            rounds: 0,
            blocked: None,
            stop: false,
            released: None,
            dead: false,
        }
    }

    /// Opens it again after it was proved not applied: as it stands under the same seed, else as a new generation.
    pub(crate) fn open_again(&mut self, seed: &Seed) {
        (self.released, self.dead) = (None, false);
        if self.seed == *seed {
            return;
        }
        // A payment at the provider that has not ended is gone on with; one that has is left behind.
        if self.status.is_some() && self.refs != Refs::new() {
            self.former.push(std::mem::take(&mut self.refs));
        }
        (self.seed, self.status, self.reason, self.action, self.closes_at) = (seed.clone(), None, None, None, None);
    }

    /// Whether its time is up.
    pub(crate) fn is_late(&self, now: SystemTime) -> bool {
        self.charge_by.is_some_and(|by| by <= now)
    }

    /// Whether it may still take money, or has.
    pub(crate) fn is_live(&self) -> bool {
        !self.dead
    }

    /// The same, as far as this provider lets a declined attempt take money.
    pub(crate) fn may_take(&self, profile: &Profile) -> bool {
        self.is_live() && (self.status != Some(Status::Declined) || profile.declined_stays_payable)
    }

    fn shown_status(&self) -> Status {
        match (&self.status, &self.released) {
            (Some(status), _) => status.clone(),
            (None, Some(_)) => Status::Canceled,
            (None, None) => Status::Processing,
        }
    }

    fn shown_reason(&self) -> Option<Reason> {
        self.reason.clone().or_else(|| self.released.as_ref().map(released_reason))
    }

    /// What a codec may know of it.
    pub(crate) fn known(&self, order: &Order, part_number: Option<ProviderNo>) -> Known {
        let original = Original {
            order_no: order.order_no.clone(),
            attempt: self.no,
            seed: self.seed.clone(),
            money: order.money,
            product: self.product.clone(),
            closes_at: self.closes_at,
        };
        Known { original: Some(original), refs: self.refs.clone(), part_number }
    }

    /// What has been given back: the provider's total, or what succeeded here if that is more, for the total comes later.
    fn given_back(&self) -> Money {
        let succeeded = self.refunds.iter().filter(|part| part.status == PartStatus::Succeeded);
        let zero = Money::zero(self.refunded.currency());
        let sum = succeeded.fold(zero, |sum, part| sum.checked_add(part.money).unwrap_or(sum));
        if self.refunded.cmp_same(sum).is_ok_and(std::cmp::Ordering::is_lt) { sum } else { self.refunded }
    }

    /// What refunds hold: succeeded, pending and reserved, also those made elsewhere.
    pub(crate) fn refunds_held(&self) -> Result<Money, Error> {
        held(&self.refunds, self.refunded)
    }

    /// What captures hold.
    pub(crate) fn captures_held(&self) -> Result<Money, Error> {
        held(&self.captures, self.captured)
    }
}

/// The sum of parts that hold money, or the provider's total if that is more: something was made elsewhere.
fn held(parts: &[Part], total: Money) -> Result<Money, Error> {
    let mut sum = Money::zero(total.currency());
    let mut pending = Money::zero(total.currency());
    for part in parts.iter().filter(|part| part.status.holds_money()) {
        sum = sum.checked_add(part.money)?;
        if part.status != PartStatus::Succeeded {
            pending = pending.checked_add(part.money)?;
        }
    }
    let elsewhere = total.checked_add(pending)?;
    Ok(if sum.cmp_same(elsewhere)?.is_lt() { elsewhere } else { sum })
}

fn released_reason(told: &Told) -> Reason {
    Reason {
        code: told.code().unwrap_or(told.kind.name()).to_owned(),
        message: Some(told.message().to_owned()),
        advice: Advice::Later,
    }
}

impl Part {
    /// Reserved for an operation that is about to be sent.
    pub(crate) fn reserved(no: &str, seed: &Seed, money: Money) -> Self {
        Self {
            no: Some(no.to_owned()),
            seed: Some(seed.clone()),
            id: None,
            money,
            status: PartStatus::Pending,
            last: false,
            reason: None,
        }
    }

    /// Whether it is, or may become, the capture that no other may follow.
    pub(crate) fn closes(&self) -> bool {
        self.last && self.status.holds_money()
    }

    /// As it was seen last.
    pub(crate) fn seen(&self) -> SeenPart {
        SeenPart {
            number: self.seed.as_ref().map(|seed| seed.number.as_str().to_owned()),
            id: self.id.clone(),
            money: Some(self.money),
            status: self.status.clone(),
            reason: self.reason.clone(),
        }
    }

    fn as_capture(&self) -> CaptureState {
        CaptureState {
            capture_no: self.no.as_deref().and_then(|no| CaptureNo::new(no).ok()),
            provider_id: self.id.clone(),
            money: self.money,
            status: self.status.clone(),
        }
    }

    fn as_refund(&self) -> RefundState {
        RefundState {
            refund_no: self.no.as_deref().and_then(|no| RefundNo::new(no).ok()),
            provider_id: self.id.clone(),
            money: self.money,
            status: self.status.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The error for an order that is not known here.
pub(crate) fn unknown(order_no: &OrderNo) -> Error {
    Error::new(ErrorKind::Invalid, format!("order_no: {order_no} is not known here; charge it, or adopt it"))
}
