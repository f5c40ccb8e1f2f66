//! An order, whole, as an operator sees it: attempts, operations, tells and the audit trail. Nothing sealed, nothing that pays.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::audit::AuditEntry;
use super::{page_part, seconds, span, span_if, when_if};
use crate::adapter::Kind;
use crate::gateway::Inner;
use crate::gateway::intent::{Intent, State};
use crate::gateway::order::{Attempt, Order, unknown};
use crate::gateway::rows::{ToTell, part, read};
use crate::gateway::told::{By, ToldChange};
use crate::gateway::verdict::Verdict;
use crate::model::{AttemptNo, Error, Money, NextAction, OrderNo, Payment};
use crate::store::{Row, SpaceKind};

/// An order, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderView {
    /// The order.
    pub order_no: OrderNo,
    /// What it asks for.
    pub money: Money,
    /// Grows with every change.
    pub version: u64,
    /// Its attempts, first to last.
    pub attempts: Vec<AttemptView>,
    /// What was asked of it: charges, captures, refunds, cancels.
    pub operations: Vec<OperationView>,
    /// What was told of it, and what is still to be.
    pub tells: Vec<TellView>,
    /// What was changed by hand, oldest first.
    pub audit: Vec<AuditEntry>,
}

/// An attempt of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttemptView {
    /// The payment. What the payer is asked to do is left out: it may let its bearer pay.
    pub payment: Payment,
    /// The kind of what the payer is asked to do.
    pub action: Option<&'static str>,
    /// The number the provider knows it by.
    pub number: String,
    /// How it was charged: the kind of method, or `adopted`.
    pub product: String,
    /// A cancel is wanted: no further send takes money for it.
    pub stop: bool,
    /// Proved to take no money any more.
    pub dead: bool,
    /// Why its charge counts as not applied, if it does.
    pub released: Option<String>,
    /// Nothing that takes money is sent after this.
    #[serde(serialize_with = "when_if")]
    pub charge_by: Option<SystemTime>,
    /// When the provider stops taking payment.
    #[serde(serialize_with = "when_if")]
    pub closes_at: Option<SystemTime>,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// A cancel that waits for its charge to end.
    Wished,
    /// It may be on its way right now.
    Sending,
    /// Sent, and nobody knows what became of it.
    Doubt,
    /// Answered, and looked at until it has come to its end.
    Watched,
    /// At its end.
    Settled,
    /// Proved not applied; the same asking opens it again.
    Released,
}

impl Standing {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wished => "wished",
            Self::Sending => "sending",
            Self::Doubt => "doubt",
            Self::Watched => "watched",
            Self::Settled => "settled",
            Self::Released => "released",
        }
    }

    pub(super) fn of(state: &State) -> Self {
        match state {
            State::Wished => Self::Wished,
            State::Sending => Self::Sending,
            State::Doubt { .. } => Self::Doubt,
            State::Watched { .. } => Self::Watched,
            State::Settled(_) => Self::Settled,
            State::Released { .. } => Self::Released,
        }
    }
}

/// An operation of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OperationView {
    /// The order.
    pub order: String,
    /// Its name within the order: `charge/1`, `refund/<number>`.
    pub operation: String,
    /// Its kind.
    pub kind: Kind,
    /// The attempt it is about.
    pub attempt: AttemptNo,
    /// Where it stands.
    pub state: Standing,
    /// Since when it is asked for, in this generation. In JSON, unix seconds.
    #[serde(with = "seconds")]
    pub since: SystemTime,
    /// How long that is. In JSON, seconds.
    #[serde(serialize_with = "span")]
    pub age: Duration,
    /// How often it was opened again after it was proved not applied, plus one.
    pub generation: u32,
    /// Sends of this generation.
    pub sends: u32,
    /// How often it was looked at since, in doubt or watched.
    pub looks: u32,
    /// How often it was taken up and not put back: more than one means that those who look at it fail.
    pub tries: u32,
    /// Time until it is looked at, if it ever is. In JSON, seconds.
    #[serde(serialize_with = "span_if")]
    pub next_look: Option<Duration>,
    /// Somebody is at it right now.
    pub held: bool,
    /// What was told of it, if that is an error.
    pub says: Option<String>,
}

/// Something that was told, or is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TellView {
    /// The key that the handler deduplicates by.
    pub effect_key: String,
    /// What changed.
    pub change: ToldChange,
    /// The status it was told with.
    pub status: String,
    /// What brought it to light.
    pub by: By,
    /// When. In JSON, unix seconds.
    #[serde(with = "seconds")]
    pub at: SystemTime,
    /// How often it was told.
    pub tries: u32,
    /// The handler has taken it.
    pub taken: bool,
}

impl Inner {
    /// All that the store holds of an order.
    pub(crate) async fn inspect(&self, order_no: &OrderNo) -> Result<OrderView, Error> {
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let part = part(order_no);
        let intents = page_part(self, SpaceKind::Intent, &part).await?;
        let tells = page_part(self, SpaceKind::Told, &part).await?;
        let now = self.env.wall();
        Ok(OrderView {
            order_no: order_no.clone(),
            money: order.money,
            version: order.version,
            attempts: order.attempts.iter().filter_map(|attempt| self.attempt_view(&order, attempt)).collect(),
            operations: intents.iter().map(|row| operation_view(row, now)).collect::<Result<_, Error>>()?,
            tells: tells.iter().map(tell_view).collect::<Result<_, Error>>()?,
            audit: self.audit_of(order_no).await?,
        })
    }

    fn attempt_view(&self, order: &Order, attempt: &Attempt) -> Option<AttemptView> {
        let mut payment = order.payment(&self.account, self.payment_ref, attempt.no)?;
        let action = payment.next_action.take().map(|action| kind_of(&action.what));
        Some(AttemptView {
            payment,
            action,
            number: attempt.seed.number.as_str().to_owned(),
            product: attempt.product.clone(),
            stop: attempt.stop,
            dead: attempt.dead,
            released: attempt.released.as_ref().map(|told| told.error().to_string()),
            charge_by: attempt.charge_by,
            closes_at: attempt.closes_at,
        })
    }
}

fn kind_of(action: &NextAction) -> &'static str {
    match action {
        NextAction::Redirect(_) => "redirect",
        NextAction::Form { .. } => "form",
        NextAction::Qr(_) => "qr",
        NextAction::Invoke(_) => "invoke",
        NextAction::Client(_) => "client",
        NextAction::Display(_) => "display",
        NextAction::Confirm => "confirm",
    }
}

/// An intent's row, without what is sealed in it.
pub(super) fn operation_view(row: &Row, now: SystemTime) -> Result<OperationView, Error> {
    let intent = read::<Intent>(row)?.value;
    let looks = match &intent.state {
        State::Doubt { tries, .. } => *tries,
        State::Watched { looks, .. } => *looks,
        _ => 0,
    };
    let told = match &intent.state {
        State::Doubt { told, .. } => Some(told),
        state => state.found(),
    };
    let says = told.and_then(|verdict| match verdict {
        Verdict::Failed(told) => Some(told.error().to_string()),
        Verdict::Done => None,
    });
    Ok(OperationView {
        order: row.key.part.strip_prefix("order/").unwrap_or(&row.key.part).to_owned(),
        operation: row.key.id.clone(),
        kind: intent.kind,
        attempt: intent.attempt,
        state: Standing::of(&intent.state),
        since: intent.seed.born,
        age: now.duration_since(intent.seed.born).unwrap_or_default(),
        generation: intent.generation,
        sends: intent.sends,
        looks,
        tries: row.tries,
        next_look: row.due_in,
        held: held(row),
        says,
    })
}

/// Whether somebody has claimed it, and has not put it back.
pub(super) fn held(row: &Row) -> bool {
    row.tries > 0 && row.due_in.is_some_and(|due| !due.is_zero())
}

fn tell_view(row: &Row) -> Result<TellView, Error> {
    let ToTell { told, tries } = read::<ToTell>(row)?.value;
    let (status, taken) = (told.payment.status.to_string(), row.due_in.is_none());
    Ok(TellView { effect_key: told.effect_key, change: told.change, status, by: told.by, at: told.at, tries, taken })
}
