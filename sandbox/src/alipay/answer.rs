//! What a request comes to, and the node that tells it: about what was asked, or about something else if a fault wants it so.

use serde_json::Value;

use super::call::Call;
use super::errors::Refusal;
use super::fields::Fields;
use super::trades::Canceled;
use super::{Alipay, objects, orders};
use crate::meddle::Meddle;
use crate::world::World;

/// What a request comes to: what its answer is about.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Offered(usize),
    Created(usize),
    Paid(usize),
    /// 10003.
    Waiting(usize),
    Queried(usize),
    Closed(usize),
    Canceled(Canceled),
    Refunded {
        refund: usize,
        moved: bool,
    },
    RefundQueried {
        refund: Option<usize>,
        time: bool,
    },
    /// What is never signed.
    Public(Value),
    /// What a payer's browser shows.
    Page(String),
}

pub(super) type Outcome = Result<Answer, Refusal>;

impl Alipay {
    /// The node as the wire carries it: about what was asked, or about something else.
    pub(super) fn shown(&self, world: &mut World, call: &Call, answer: Answer, meddle: Meddle) -> Value {
        let other = meddle == Meddle::OtherOrder;
        let trade = |at: usize| picked(at, other, self.book.trades.len()).and_then(|at| self.book.trades.get(at));
        let refund = |at: usize| {
            let refund = picked(at, other, self.book.refunds.len()).and_then(|at| self.book.refunds.get(at))?;
            Some((refund, self.book.trades.get(refund.trade)?))
        };
        let (now, finishes) = (world.unix(), world.config.alipay.finishes_after);
        let node = match answer {
            Answer::Offered(at) => {
                picked(at, other, self.book.offers.len()).and_then(|at| self.book.offers.get(at)).map(orders::offered)
            }
            Answer::Created(at) | Answer::Closed(at) => trade(at).map(objects::named),
            Answer::Paid(at) => trade(at).map(objects::paid),
            Answer::Waiting(at) => trade(at).map(objects::waiting),
            Answer::Queried(at) => trade(at).map(|trade| objects::trade(trade, trade.state_at(now, finishes))),
            Answer::Canceled(Canceled { trade: None, .. }) if other => None,
            Answer::Canceled(canceled) => {
                let asked =
                    Fields::of(call).ok().and_then(|fields| fields.text("out_trade_no", 64).ok().flatten().map(str::to_owned));
                match canceled.trade {
                    Some(at) => trade(at).map(|trade| objects::canceled(&canceled, Some(trade), None)),
                    None => Some(objects::canceled(&canceled, None, asked.as_deref())),
                }
            }
            Answer::Refunded { refund: at, moved } => refund(at).map(|(_, trade)| objects::refunded(trade, moved, now)),
            Answer::RefundQueried { refund: Some(at), time } => {
                refund(at).map(|(refund, trade)| objects::refund(refund, trade, time))
            }
            Answer::RefundQueried { refund: None, .. } if !other => Some(objects::nothing()),
            Answer::Public(node) => Some(node),
            Answer::RefundQueried { .. } | Answer::Page(_) => None,
        };
        node.unwrap_or_else(|| objects::stranger(world))
    }
}

/// The place that is asked for, or the last other one.
fn picked(at: usize, other: bool, count: usize) -> Option<usize> {
    if other { (0..count).rfind(|place| *place != at) } else { Some(at) }
}
