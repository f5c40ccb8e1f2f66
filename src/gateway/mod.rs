//! The gateway: an adapter with an account's credentials behind the guards, with a store. What an application holds.
//!
//! A charge goes this way: joined if it is under way already, planned on its order's row, drafted once, committed as an intent,
//! and only then sent, by a task of the gateway's own. Whatever happens to that task, the intent stands in the store, and the
//! [resolver](Gateway) brings it to an end by evidence.

mod access;
mod adopt;
mod again;
mod apply;
mod ask;
mod background;
mod builder;
mod channel;
mod duplicate;
mod duty;
mod flight;
mod handle;
mod intent;
mod operate;
mod operator;
mod order;
mod parts;
mod pause;
mod persist;
mod plan;
mod renew;
mod resolve;
mod rows;
mod run;
mod send;
mod settle;
#[cfg(test)]
mod tests;
mod told;
mod verdict;
mod wait;
mod wish;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use crate::adapter::Adapter;
use crate::env::Env;
use crate::guard::Guards;
use crate::guard::timing::Totals;
use crate::model::AccountRef;
use crate::store::Store;
use crate::transport::Transport;

pub use builder::{Builder, GatewayConfig};
pub use channel::{Answer, Call, Capabilities, Outcome, PaymentChannel};
pub use duty::Duty;
pub use handle::Gateway;
pub use operator::{
    AttemptView, AuditEntry, Doubt, Drained, OperationView, Operator, OrderLine, OrderView, Page, Ruling, Standing, TellView,
    Wanted,
};
pub use pause::Pause;
pub use told::{By, Handler, Hold, TellAgain, Told, ToldChange};

pub(crate) use operator::{Deed, Word};
pub(crate) use order::{Attempt, Order};
pub(crate) use rows::{REMEMBERED, json, read, store_failed};
pub(crate) use settle::Observed;

/// What all of a gateway's tasks share.
pub(crate) struct Inner {
    pub(crate) env: Env,
    pub(crate) account: AccountRef,
    /// The name of the ref that is the provider's id of a payment.
    pub(crate) payment_ref: &'static str,
    adapter: ArcSwap<Arc<dyn Adapter>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) guards: Guards,
    pub(crate) access: access::AccessCache,
    pub(crate) rows: rows::Rows,
    pub(crate) handler: Option<Arc<dyn Handler>>,
    /// Whose turn it is to resolve, if not everybody's.
    duty: Option<Arc<dyn Duty>>,
    pub(crate) config: GatewayConfig,
    op_ids: persist::OpIds,
    flights: flight::Flights,
    pub(crate) totals: Totals,
    closing: AtomicBool,
    /// Whether charges are paused, as far as this process knows.
    pauses: pause::Pauses,
    /// Counts changes of orders: what waits for one looks again.
    changes: watch::Sender<u64>,
    /// Rung when the resolver may have something to do before its time.
    resolver_bell: Arc<Notify>,
    /// Rung when something is to be told.
    told_bell: Arc<Notify>,
    /// Rung when a callback was stored.
    pub(crate) inbox_bell: Arc<Notify>,
}

impl Inner {
    /// The adapter as it is now; rotating credentials replaces it between two sends.
    pub(crate) fn adapter(&self) -> Arc<Arc<dyn Adapter>> {
        self.adapter.load_full()
    }

    /// With what access is fetched.
    pub(crate) fn means<'a>(&'a self, adapter: &'a dyn Adapter) -> access::Means<'a> {
        access::Means { adapter, transport: &*self.transport, guards: &self.guards, env: &self.env }
    }

    /// An order has changed: whoever waits looks again, and what is to be told is told.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
        self.told_bell.notify_one();
    }

    /// The resolver may have something to do.
    pub(crate) fn wake_resolver(&self) {
        self.resolver_bell.notify_one();
    }

    /// New operations are refused: the process ends.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({})", self.account)
    }
}
