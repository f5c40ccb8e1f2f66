//! Single queries: what became of a trade, by its orderId and txnTime, or by its queryId.

use super::book::State;
use super::codes::Refusal;
use super::fields::{need, one_of, said};
use super::seal::Fields;
use super::{Answer, Outcome, UnionPay};

/// Every product there is; a query may also name none of them, by `000000`.
pub(super) const PRODUCTS: &[&str] = &["000000", "000201", "000202", "000301", "000501", "000802", "000902", "001001"];

impl UnionPay {
    pub(super) fn find(&self, asked: &Fields) -> Outcome {
        one_of(asked, "bizType", PRODUCTS)?;
        let by_id = said(asked, "txnSubType") == "02" || (asked.contains_key("queryId") && !asked.contains_key("orderId"));
        let found = if by_id {
            need(asked, &["queryId"])?;
            self.book.by_query_id(said(asked, "queryId"))
        } else {
            need(asked, &["orderId", "txnTime"])?;
            self.book.by_key(said(asked, "orderId"), said(asked, "txnTime"))
        };
        let seen = |at: &usize| self.book.trades.get(*at).is_some_and(|trade| code(trade.state).is_some());
        found.filter(seen).map(Answer::Found).ok_or_else(|| Refusal::new("34", "[2600000]"))
    }
}

/// `origRespCode`; None if a query knows of no trade.
pub(super) fn code(state: State) -> Option<&'static str> {
    Some(match state {
        State::Unseen => return None,
        State::Working => "05",
        State::Failed(code) | State::Done(code) => code,
        State::Late => "42",
        State::Reversed => "45",
    })
}
