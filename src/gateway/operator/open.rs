//! Lists for operators: orders, and everything unfinished; page by page, with a bound on what one page reads.

use serde::Serialize;

use super::view::{OperationView, operation_view};
use super::{Page, cursor, named};
use crate::gateway::Inner;
use crate::gateway::order::{Order, Part};
use crate::gateway::rows::{read, store_failed};
use crate::model::{Block, Error, Money, OrderNo, Status};
use crate::store::{Key, SpaceKind};

/// How many rows are read at once.
const ROWS: usize = 200;

/// How many orders one page of a list reads at most. Those that are wanted lie among all others, so a page may come back short, or
/// empty, and say where to go on.
const BOUND: usize = 10_000;

/// Which orders are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// Those whose fulfilment must wait for a person: other money than asked, paid twice, paid late.
    Blocked,
    /// Those with a capture or refund that has not come to its end.
    Pending,
    /// Those whose latest attempt has not come to its end.
    Unpaid,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderLine {
    /// The order.
    pub order_no: OrderNo,
    /// What it asks for.
    pub money: Money,
    /// How many attempts there were.
    pub attempts: usize,
    /// Where the attempt stands that holds money, else the latest.
    pub status: Option<Status>,
    /// Taken by it.
    pub captured: Option<Money>,
    /// Given back by it.
    pub refunded: Option<Money>,
    /// Captures and refunds that have not come to their end.
    pub pending: usize,
    /// Why it waits for a person.
    pub blocked: Option<Block>,
}

impl Inner {
    /// Orders of that kind after that one, by number.
    pub(crate) async fn list(&self, wanted: Wanted, after: Option<&OrderNo>, max: usize) -> Result<Page<OrderLine>, Error> {
        let after = after.map(|order_no| self.rows.order_key(order_no));
        let (items, last) = self.scan(wanted, after, max).await?;
        let next = last.map(|key| key.part.strip_prefix("order/").unwrap_or(&key.part).to_owned());
        Ok(Page { items, next })
    }

    /// Operations that have not come to their end: those with a time at which they are looked at.
    pub(crate) async fn open(&self, after: Option<&str>, max: usize) -> Result<Page<OperationView>, Error> {
        let space = self.rows.space(SpaceKind::Intent);
        let after = after.map(|after| cursor(&space, after)).transpose()?;
        let max = max.min(BOUND);
        // One more than asked for tells whether there are more.
        let mut rows = self.store.page_due(&space, after.as_ref(), max + 1).await.map_err(store_failed)?;
        let is_all = rows.len() <= max;
        rows.truncate(max);
        let next = rows.last().filter(|_| !is_all).map(|row| named(&row.key));
        let now = self.env.wall();
        Ok(Page { items: rows.iter().map(|row| operation_view(row, now)).collect::<Result<_, Error>>()?, next })
    }

    /// Up to `max` orders that are wanted, and where to go on if there may be more.
    async fn scan(&self, wanted: Wanted, mut after: Option<Key>, max: usize) -> Result<(Vec<OrderLine>, Option<Key>), Error> {
        let space = self.rows.space(SpaceKind::Order);
        let mut found = Vec::new();
        for _ in 0..BOUND / ROWS {
            let page = self.store.page(&space, after.as_ref(), ROWS).await.map_err(store_failed)?;
            for row in &page {
                if found.len() >= max {
                    return Ok((found, after));
                }
                let line = self.line(&read::<Order>(row)?.value);
                found.extend(Some(line).filter(|line| is(line, wanted)));
                after = Some(row.key.clone());
            }
            if page.len() < ROWS {
                return Ok((found, None));
            }
        }
        Ok((found, after))
    }

    fn line(&self, order: &Order) -> OrderLine {
        let shown = order.meant().and_then(|no| order.payment(&self.account, self.payment_ref, no));
        let parts = order.attempts.iter().flat_map(|attempt| attempt.captures.iter().chain(&attempt.refunds));
        OrderLine {
            order_no: order.order_no.clone(),
            money: order.money,
            attempts: order.attempts.len(),
            status: shown.as_ref().map(|payment| payment.status.clone()),
            captured: shown.as_ref().map(|payment| payment.captured),
            refunded: shown.as_ref().map(|payment| payment.refunded),
            pending: parts.filter(|part: &&Part| !part.status.is_settled()).count(),
            blocked: order.attempts.iter().find_map(|attempt| attempt.blocked.clone()),
        }
    }
}

fn is(line: &OrderLine, wanted: Wanted) -> bool {
    match wanted {
        Wanted::All => true,
        Wanted::Blocked => line.blocked.is_some(),
        Wanted::Pending => line.pending > 0,
        Wanted::Unpaid => line.status.as_ref().is_none_or(|status| !status.is_settled()),
    }
}
