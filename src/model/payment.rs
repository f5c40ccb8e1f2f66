//! A payment as the application sees it: status, money, captures, refunds, and what the payer must do next.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{AccountRef, AttemptNo, CaptureNo, Money, OrderNo, RefundNo, Status};

/// One attempt to pay an order, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payment {
    /// Whose money.
    pub account: AccountRef,
    /// The application's order.
    pub order_no: OrderNo,
    /// Which attempt.
    pub attempt: AttemptNo,
    /// The provider's own id of the payment, once it is known: what support asks for.
    pub provider_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// What was asked for.
    pub money: Money,
    /// What has been taken so far.
    pub captured: Money,
    /// What has been given back so far, here or at the provider's dashboard.
    pub refunded: Money,
    /// Captures by number, oldest first.
    pub captures: Vec<CaptureState>,
    /// Refunds by number, oldest first.
    pub refunds: Vec<RefundState>,
    /// What the payer must do, while the status is `AwaitingPayer`.
    pub next_action: Option<Action>,
    /// Why it was declined or ended, in the provider's words.
    pub reason: Option<Reason>,
    /// Fulfilment must wait: money differs from what was asked, or came twice. An operator decides.
    pub blocked: Option<Block>,
    /// Grows with every change of the order: of two reports, the higher is newer.
    pub version: u64,
}

/// Why fulfilment must wait for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// The provider speaks of other money than was asked.
    Mismatch {
        /// What was asked.
        expected: Money,
        /// What the provider says.
        got: Money,
    },
    /// Another attempt of the order has taken the money too.
    DuplicatePaid,
    /// Money came after the attempt had ended.
    LateSuccess,
}

/// Where a capture or refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartStatus {
    /// Accepted, not done.
    Pending,
    /// Done.
    Succeeded,
    /// Did not happen, or was undone.
    Failed,
    /// Withdrawn before it was done.
    Canceled,
    /// A human must act at the provider, or the payer must.
    NeedsAction,
    /// A word this version does not know, as the provider said it.
    Unrecognized(String),
}

impl PartStatus {
    /// It moves money, or still may: its amount is not free for another.
    pub fn holds_money(&self) -> bool {
        !matches!(self, Self::Failed | Self::Canceled)
    }

    /// Nothing more is expected to happen by itself.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// One capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CaptureState {
    /// The application's number; none for a capture made elsewhere.
    pub capture_no: Option<CaptureNo>,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// How much.
    pub money: Money,
    /// Where it stands.
    pub status: PartStatus,
}

/// One refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefundState {
    /// The application's number; none for a refund made elsewhere (at the dashboard).
    pub refund_no: Option<RefundNo>,
    /// The provider's id.
    pub provider_id: Option<String>,
    /// How much.
    pub money: Money,
    /// Where it stands.
    pub status: PartStatus,
    /// Why it failed or waits, in the provider's words.
    pub reason: Option<Reason>,
}

/// Why, in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The provider's code, as it said it.
    pub code: String,
    /// The provider's sentence, if it gave one.
    pub message: Option<String>,
    /// What may be done about it.
    pub advice: Advice,
}

/// What a decline allows. A provider's advice, or the safest reading of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Advice {
    /// Never again with this card or account.
    NeverAgain,
    /// The payer must do something first: authenticate, correct the data, choose another means.
    AskPayer,
    /// A later attempt may succeed.
    Later,
    /// Look for a payment that exists already.
    LookForDuplicate,
    /// The provider gave no word that this version knows.
    Unknown,
}

/// What the payer must do next, and until when it can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Action {
    /// What to show or start.
    pub what: NextAction,
    /// After this it is stale: `renew_action` gives a fresh one.
    pub expires_at: Option<SystemTime>,
}

impl Action {
    /// An action without an end.
    pub fn new(what: NextAction) -> Self {
        Self { what, expires_at: None }
    }

    /// The same, stale after `at`.
    pub fn until(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// The kinds of things a payer is asked to do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NextAction {
    /// Send the payer's browser to this address.
    Redirect(String),
    /// Post this form from the payer's browser. Escape the values for HTML, or show [`page`](Self::page).
    Form {
        /// The form's action.
        url: String,
        /// Field names and values, in order.
        fields: Vec<(String, String)>,
    },
    /// Show this content as a QR code.
    Qr(String),
    /// Hand these parameters to the provider's app or JavaScript bridge.
    Invoke(BTreeMap<String, String>),
    /// Hand this to the provider's own front end (a client secret, an action object). It may let its bearer pay: treat it as
    /// a secret of this payer.
    Client(String),
    /// Show this to the payer as it is: a voucher, bank details.
    Display(String),
    /// The payer has done their part, and no money moves until `confirm` is called.
    Confirm,
}

impl fmt::Debug for NextAction {
    /// Prints the kind only: most of these let their bearer pay.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect(_) => "Redirect(***)",
            Self::Form { .. } => "Form(***)",
            Self::Qr(_) => "Qr(***)",
            Self::Invoke(_) => "Invoke(***)",
            Self::Client(_) => "Client(***)",
            Self::Display(_) => "Display(***)",
            Self::Confirm => "Confirm",
        })
    }
}
