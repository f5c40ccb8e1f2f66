//! What Stripe remembers: intents, charges and refunds, oldest first.

use std::collections::BTreeMap;

use paysluice::env::Mono;
use paysluice::model::Secret;
use serde_json::Value;

use super::errors::ApiError;

/// PaymentIntent.status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Status {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) created: i64,
    /// When it becomes visible to search.
    pub(crate) found_from: Mono,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) manual_capture: bool,
    pub(crate) capture_method: String,
    pub(crate) confirmation_method: String,
    pub(crate) method: Option<String>,
    pub(crate) method_types: Vec<String>,
    /// `automatic_payment_methods` is enabled; whether methods that redirect are allowed.
    pub(crate) automatic: Option<bool>,
    pub(crate) return_url: Option<String>,
    pub(crate) stripe_js: bool,
    pub(crate) status: Status,
    pub(crate) capturable: i64,
    pub(crate) received: i64,
    pub(crate) charges: Vec<String>,
    pub(crate) last_error: Option<Value>,
    pub(crate) client_secret: String,
    pub(crate) canceled: Option<(i64, Option<String>)>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Text fields that are only echoed: customer, description, receipt_email, ...
    pub(crate) echoed: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) intent: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) method: String,
    pub(crate) status: &'static str,
    pub(crate) captured: bool,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    /// Code, decline code, advice code, message of a failed one.
    pub(crate) failure: Option<(&'static str, &'static str, &'static str, &'static str)>,
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) intent: String,
    pub(crate) charge: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) reason: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) failure_reason: Option<&'static str>,
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Book {
    /// What events are signed with.
    pub(crate) webhook_secret: Secret,
    pub(crate) intents: Vec<Intent>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) refunds: Vec<Refund>,
    /// Events as they were built, oldest first.
    pub(crate) events: Vec<Value>,
}

impl Book {
    pub(crate) fn new(webhook_secret: Secret) -> Self {
        Self { webhook_secret, intents: Vec::new(), charges: Vec::new(), refunds: Vec::new(), events: Vec::new() }
    }

    /// An intent by id; `param` is the parameter that named it.
    pub(crate) fn intent(&self, account: &str, id: &str, param: &str) -> Result<&Intent, ApiError> {
        let found = self.intents.iter().rev().find(|intent| intent.id == id && intent.account == account);
        found.ok_or_else(|| ApiError::missing("payment_intent", id, param))
    }

    pub(crate) fn intent_mut(&mut self, id: &str) -> Option<&mut Intent> {
        self.intents.iter_mut().rev().find(|intent| intent.id == id)
    }

    pub(crate) fn peek(&self, id: &str) -> Option<&Intent> {
        self.intents.iter().rev().find(|intent| intent.id == id)
    }

    pub(crate) fn charge(&self, id: &str) -> Option<&Charge> {
        self.charges.iter().rev().find(|charge| charge.id == id)
    }

    pub(crate) fn charge_mut(&mut self, id: &str) -> Option<&mut Charge> {
        self.charges.iter_mut().rev().find(|charge| charge.id == id)
    }

    pub(crate) fn refund(&self, account: &str, id: &str) -> Result<&Refund, ApiError> {
        let found = self.refunds.iter().rev().find(|refund| refund.id == id && refund.account == account);
        found.ok_or_else(|| ApiError::missing("refund", id, "refund"))
    }

    pub(crate) fn refund_mut(&mut self, id: &str) -> Option<&mut Refund> {
        self.refunds.iter_mut().rev().find(|refund| refund.id == id)
    }

    /// The last charge of an intent.
    pub(crate) fn latest_charge(&self, intent: &Intent) -> Option<&Charge> {
        intent.charges.last().and_then(|id| self.charge(id))
    }
}
