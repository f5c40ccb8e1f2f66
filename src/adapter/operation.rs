//! The operations: what an application asks for, and what makes two askings the same.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::method::{CaptureMode, Method};
use super::{Adapter, Codec};
use crate::model::{AttemptNo, CaptureNo, Money, OrderNo, RefundNo};

mod sealed {
    pub trait Sealed {}
}

/// An operation. Sealed: the gateway knows them all.
pub trait Operation: sealed::Sealed + Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Which kind.
    const KIND: Kind;
    /// The adapter's codec for it, if the provider can do it.
    fn codec(adapter: &dyn Adapter) -> Option<&dyn Codec<Self>>;
    /// The order it is about.
    fn order_no(&self) -> &OrderNo;
    /// The attempt it is about; `None` is the order's latest.
    fn attempt(&self) -> Option<AttemptNo>;
    /// The same operation, about that attempt.
    fn on(self, attempt: AttemptNo) -> Self;
    /// What names it within its order. The same name is the same operation.
    fn identity(&self) -> String;
    /// What must be equal for it to be the same asking. Leaves out what may differ between two honest askings: the payer's
    /// address, tokens that are encrypted anew each time, words for people.
    fn essence(&self) -> Vec<String>;
}

/// Take or reserve an order's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Charge {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; the first unless another was declined.
    pub attempt: AttemptNo,
    /// How much.
    pub money: Money,
    /// Take it now, or reserve it.
    pub capture: CaptureMode,
    /// How the payer pays.
    pub method: Method,
    /// What the payer reads.
    pub description: Option<String>,
    /// The payer's address, for the provider's risk checks.
    pub payer_ip: Option<String>,
    /// Where the payer's browser comes back to.
    pub return_url: Option<String>,
    /// Where the provider calls back to, for providers that are told per payment.
    pub callback_url: Option<String>,
    /// No money may be taken after this. Nothing is sent or replayed after it.
    pub charge_by: Option<SystemTime>,
    /// Opens this attempt although an earlier one may still be paid. If both are, it is told as `DuplicatePaid`.
    pub overlap: bool,
    /// Passed through to the provider.
    pub metadata: BTreeMap<String, String>,
    /// Fields of the provider's own, merged into the draft. May not touch money or identity.
    pub extra: BTreeMap<String, String>,
}

impl Charge {
    /// A first attempt to take `money` for the order now.
    pub fn new(order_no: OrderNo, money: Money, method: Method) -> Self {
        Self {
            order_no,
            attempt: AttemptNo::FIRST,
            money,
            capture: CaptureMode::Now,
            method,
            description: None,
            payer_ip: None,
            return_url: None,
            callback_url: None,
            charge_by: None,
            overlap: false,
            metadata: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }

    /// As that attempt.
    pub fn attempt(mut self, attempt: AttemptNo) -> Self {
        self.attempt = attempt;
        self
    }

    /// Only reserve the money.
    pub fn capture_later(mut self) -> Self {
        self.capture = CaptureMode::Later;
        self
    }

    /// Also while an earlier attempt waits for its payer, where it cannot be canceled or need not be. The order may then be paid
    /// twice: be ready to give one back (`Gateway::return_duplicates`).
    pub fn overlapping(mut self) -> Self {
        self.overlap = true;
        self
    }

    /// With what the payer reads.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// With where the payer's browser comes back to.
    pub fn return_url(mut self, url: impl Into<String>) -> Self {
        self.return_url = Some(url.into());
        self
    }

    /// With the time after which no money may be taken.
    pub fn charge_by(mut self, at: SystemTime) -> Self {
        self.charge_by = Some(at);
        self
    }
}

/// Go on with an attempt after the payer has acted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Confirm {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest.
    pub attempt: Option<AttemptNo>,
    /// Which action of the payer this answers: 1, and one more for each further action.
    pub round: u32,
    /// What the payer's side brought back.
    pub data: BTreeMap<String, String>,
}

impl Confirm {
    /// Confirms the latest attempt after the payer's `round`th action.
    pub fn new(order_no: OrderNo, round: u32) -> Self {
        Self { order_no, attempt: None, round, data: BTreeMap::new() }
    }

    /// With something the payer's side brought back.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confirm({} {:?} round {})", self.order_no, self.attempt, self.round)
    }
}

/// Take reserved money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capture {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest.
    pub attempt: Option<AttemptNo>,
    /// The application's number of this capture.
    pub capture_no: CaptureNo,
    /// How much.
    pub money: Money,
    /// Whether what is left is released.
    pub last: bool,
}

impl Capture {
    /// Captures `money` and releases what is left.
    pub fn new(order_no: OrderNo, capture_no: CaptureNo, money: Money) -> Self {
        Self { order_no, attempt: None, capture_no, money, last: true }
    }

    /// Keeps what is left reserved, where the provider can.
    pub fn keep_rest(mut self) -> Self {
        self.last = false;
        self
    }
}

/// End a payment before money is taken. Never gives captured money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cancel {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest.
    pub attempt: Option<AttemptNo>,
}

impl Cancel {
    /// Cancels the order's latest attempt.
    pub fn new(order_no: OrderNo) -> Self {
        Self { order_no, attempt: None }
    }
}

/// Undo whatever happened: cancel an unpaid payment, or give all of a paid one back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reverse {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest.
    pub attempt: Option<AttemptNo>,
    /// The number a refund is booked under, if it comes to one.
    pub refund_no: RefundNo,
}

impl Reverse {
    /// Reverses the order's latest attempt.
    pub fn new(order_no: OrderNo, refund_no: RefundNo) -> Self {
        Self { order_no, attempt: None, refund_no }
    }
}

/// Give money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refund {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest that was paid.
    pub attempt: Option<AttemptNo>,
    /// The application's number of this refund.
    pub refund_no: RefundNo,
    /// How much.
    pub money: Money,
    /// Why, for the provider and the payer.
    pub reason: Option<String>,
    /// Where the provider calls back to, for providers that are told per refund.
    pub callback_url: Option<String>,
}

impl Refund {
    /// Gives `money` of the order back.
    pub fn new(order_no: OrderNo, refund_no: RefundNo, money: Money) -> Self {
        Self { order_no, attempt: None, refund_no, money, reason: None, callback_url: None }
    }

    /// With why.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// Ask how a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Query {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest.
    pub attempt: Option<AttemptNo>,
}

impl Query {
    /// Asks for the order's latest attempt.
    pub fn new(order_no: OrderNo) -> Self {
        Self { order_no, attempt: None }
    }
}

/// Ask how a refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueryRefund {
    /// The order.
    pub order_no: OrderNo,
    /// Which attempt; `None` is the latest that was paid.
    pub attempt: Option<AttemptNo>,
    /// Which refund.
    pub refund_no: RefundNo,
}

impl QueryRefund {
    /// Asks for that refund.
    pub fn new(order_no: OrderNo, refund_no: RefundNo) -> Self {
        Self { order_no, attempt: None, refund_no }
    }
}

/// The attempt as part of a name; the gateway fills it in before anything is named.
fn named(attempt: Option<AttemptNo>) -> String {
    attempt.map_or_else(|| "latest".to_owned(), |attempt| attempt.to_string())
}

fn money(money: Money) -> String {
    format!("{} {}", money.minor(), money.currency())
}

/// What all operations share, written once; each names its codec, its identity and its essence.
macro_rules! operation {
    ($name:ident, $codec:expr, $identity:expr, $essence:expr) => {
        impl sealed::Sealed for $name {}

        impl Operation for $name {
            const KIND: Kind = Kind::$name;

            fn codec(adapter: &dyn Adapter) -> Option<&dyn Codec<Self>> {
                let codec: fn(&dyn Adapter) -> Option<&dyn Codec<Self>> = $codec;
                codec(adapter)
            }

            fn order_no(&self) -> &OrderNo {
                &self.order_no
            }

            fn attempt(&self) -> Option<AttemptNo> {
                self.attempt.into()
            }

            fn on(mut self, attempt: AttemptNo) -> Self {
                self.attempt = attempt.into();
                self
            }

            fn identity(&self) -> String {
                let identity: fn(&Self) -> String = $identity;
                identity(self)
            }

            fn essence(&self) -> Vec<String> {
                let essence: fn(&Self) -> Vec<String> = $essence;
                essence(self)
            }
        }
    };
}

operation!(Charge, |adapter| Some(adapter.charge()), |op| format!("charge/{}", op.attempt), |op| vec![
    money(op.money),
    format!("{:?}", op.capture),
    op.method.kind().to_owned()
]);
operation!(Confirm, |adapter| adapter.confirm(), |op| format!("confirm/{}/{}", named(op.attempt), op.round), |op| op
    .data
    .iter()
    .flat_map(|(name, value)| [name.clone(), value.clone()])
    .collect());
operation!(Capture, |adapter| adapter.capture(), |op| format!("capture/{}", op.capture_no), |op| vec![
    named(op.attempt),
    money(op.money),
    op.last.to_string()
]);
operation!(Cancel, |adapter| adapter.cancel(), |op| format!("cancel/{}", named(op.attempt)), |_| Vec::new());
operation!(Reverse, |adapter| adapter.reverse(), |op| format!("reverse/{}", op.refund_no), |op| vec![named(op.attempt)]);
operation!(Refund, |adapter| adapter.refund(), |op| format!("refund/{}", op.refund_no), |op| vec![
    named(op.attempt),
    money(op.money)
]);
operation!(Query, |adapter| adapter.query(), |op| format!("query/{}", named(op.attempt)), |_| Vec::new());
operation!(QueryRefund, |adapter| adapter.query_refund(), |op| format!("query_refund/{}", op.refund_no), |_| Vec::new());
