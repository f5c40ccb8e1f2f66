//! The handle that an application holds: the payment trait, and what goes beyond it.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::builder::Builder;
use super::channel::{Answer, Call, Capabilities, Outcome, PaymentChannel};
use super::operator::{AuditEntry, Doubt, Drained, OperationView, Operator, OrderLine, OrderView, Page, Wanted};
use super::pause::Pause;
use crate::adapter::{Adapter, Cancel, Capture, Charge, Confirm, Kind, Query, QueryRefund, Refund, Reverse};
use crate::env::{BoxFuture, Env};
use crate::guard::{Guards, GuardsConfig, timeout};
use crate::model::{AccountRef, Error, ErrorKind, Invalid, Money, OrderNo, Payment};
use crate::store::Store;
use crate::transport::Transport;

/// How far beyond the deadline a caller is held by a store that does not answer, so that one that does can say how things stand.
const STORE_PATIENCE: Duration = Duration::from_millis(500);

/// One account at one provider, guarded and remembered. Cheap to clone; all clones are the same gateway.
///
/// Its background work (resolving doubt, telling changes, probing) ends when the last clone is dropped; what it had begun stands
/// in the store.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Inner>);

impl Gateway {
    /// Begins a gateway over an adapter, a transport and a store. Gateways of several merchants may share one transport, and so its
    /// connections, and one store; each has limits, breakers and permits of its own.
    pub fn builder(adapter: Arc<dyn Adapter>, transport: Arc<dyn Transport>, store: Arc<dyn Store>, env: Env) -> Builder {
        Builder::new(adapter, transport, store, env)
    }

    pub(super) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Lets go of a caller whose store stands still. What was begun for him goes on.
    fn bounded<'a, T>(
        &'a self,
        call: Call,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        let until = self.0.env.now() + call.timeout + STORE_PATIENCE;
        Box::pin(async move {
            let done = timeout::run(&self.0.env, until, work).await;
            done.unwrap_or_else(|_| Err(Error::new(ErrorKind::StoreFailed, "the store did not answer in time")))
        })
    }

    /// The guards: to look at, and to change their settings while it runs.
    pub fn guards(&self) -> &Guards {
        &self.0.guards
    }

    /// Changes the guards' settings while calls run. Wrong settings change nothing.
    pub fn reconfigure(&self, mut guards: GuardsConfig) -> Result<(), Invalid> {
        guards.breaker.probes = self.0.config.background && self.0.adapter().probe().is_some();
        self.0.guards.reconfigure(guards)
    }

    /// Replaces the adapter, with new credentials for the same account. Sends that have begun end with the old ones.
    pub fn rotate(&self, adapter: Arc<dyn Adapter>) -> Result<(), Invalid> {
        if *adapter.account() != self.0.account {
            return Err(Invalid::new("account", format!("{}: credentials may change, the merchant may not", self.0.account)));
        }
        self.0.adapter.store(Arc::new(adapter));
        Ok(())
    }

    /// Up to `max` operations whose fate is not known, for an operator's list.
    pub async fn doubts(&self, max: usize) -> Result<Vec<Doubt>, Error> {
        self.0.doubts(max).await
    }

    /// A person who changes something by hand: `by` is who, `evidence` is why. Both stand in the audit trail, in one line each.
    pub fn operator(&self, by: &str, evidence: &str) -> Result<Operator, Invalid> {
        Operator::new(Arc::clone(&self.0), by, evidence)
    }

    /// Up to `max` orders of that kind after that one, by number.
    pub async fn list(&self, wanted: Wanted, after: Option<&OrderNo>, max: usize) -> Result<Page<OrderLine>, Error> {
        self.0.list(wanted, after, max).await
    }

    /// All that the store holds of an order: attempts, operations, tells, audit trail. Nothing sealed, and nothing that lets its
    /// bearer pay.
    pub async fn inspect(&self, order_no: &OrderNo) -> Result<OrderView, Error> {
        self.0.inspect(order_no).await
    }

    /// Up to `max` operations that have not come to their end, by order; `after` is the `next` of the page before.
    pub async fn open_operations(&self, after: Option<&str>, max: usize) -> Result<Page<OperationView>, Error> {
        self.0.open(after, max).await
    }

    /// What was changed by hand, for the whole account; of one order, see [`inspect`](Self::inspect).
    pub async fn audit(&self, after: Option<&str>, max: usize) -> Result<Page<AuditEntry>, Error> {
        self.0.audit(after, max).await
    }

    /// Looks at all that is unfinished of an order now instead of at its time, by the resolver's own rules, and says how it stands.
    pub async fn resolve_now(&self, order_no: &OrderNo, call: Call) -> Result<OrderView, Error> {
        self.0.resolve_now(order_no, call).await
    }

    /// Whether charges are paused, and by whom; at most a second old.
    pub async fn paused(&self) -> Result<Option<Pause>, Error> {
        self.0.paused().await
    }

    /// Gives back what an order was paid too much by a second attempt: for the handler of `DuplicatePaid`. Can be repeated.
    pub async fn return_duplicates(&self, order_no: &OrderNo, call: Call) -> Result<Answer<Payment>, Error> {
        self.bounded(call, self.0.return_duplicates(order_no, call)).await
    }

    /// Takes over a payment that was made elsewhere, by the provider's id of it.
    pub async fn adopt(&self, order_no: &OrderNo, provider_id: &str, money: Money, call: Call) -> Result<Answer<Payment>, Error> {
        self.bounded(call, self.0.adopt(order_no, provider_id, money, call, None)).await
    }

    /// Takes no new operations and waits for those under way, at most so long.
    pub async fn drain(&self, within: Duration) -> Drained {
        self.0.drain(within).await
    }

    /// Works off what is due now: doubts and watched payments. For processes without background work, and for tests.
    pub async fn resolve_due(&self) -> Result<usize, Error> {
        self.0.resolve_due().await
    }

    /// Reads an order's latest attempt from the store, without asking the provider.
    pub async fn payment(&self, order_no: &OrderNo) -> Result<Payment, Error> {
        let order = self.0.load_order(order_no).await?.ok_or_else(|| super::order::unknown(order_no))?.value;
        let payment = order.latest().and_then(|latest| order.payment(&self.0.account, self.0.payment_ref, latest.no));
        payment.ok_or_else(|| super::order::unknown(order_no))
    }
}

impl PaymentChannel for Gateway {
    fn account(&self) -> &AccountRef {
        &self.0.account
    }

    fn charge(&self, charge: Charge, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(charge, call))
    }

    fn confirm(&self, confirm: Confirm, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(confirm, call))
    }

    fn capture(&self, capture: Capture, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(capture, call))
    }

    fn cancel(&self, cancel: Cancel, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(cancel, call))
    }

    fn reverse(&self, reverse: Reverse, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(reverse, call))
    }

    fn refund(&self, refund: Refund, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.operate(refund, call))
    }

    fn query(&self, query: Query, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.query(query, call))
    }

    fn query_refund(&self, query: QueryRefund, call: Call) -> Outcome<'_> {
        self.bounded(call, self.0.query_refund(query, call))
    }

    fn settled(&self, order_no: OrderNo, call: Call) -> Outcome<'_> {
        self.bounded(call, async move { self.0.settled(&order_no, call).await })
    }

    fn renew_action(&self, order_no: OrderNo, call: Call) -> Outcome<'_> {
        self.bounded(call, async move { self.0.renew_action(&order_no, call).await })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&**self.0.adapter())
    }
}

impl Capabilities {
    /// What an adapter can do: what it has a codec for.
    pub fn of(adapter: &dyn Adapter) -> Self {
        let can = |kind: &Kind| match kind {
            Kind::Charge => true,
            Kind::Confirm => adapter.confirm().is_some(),
            Kind::Capture => adapter.capture().is_some(),
            Kind::Cancel => adapter.cancel().is_some(),
            Kind::Reverse => adapter.reverse().is_some(),
            Kind::Refund => adapter.refund().is_some(),
            Kind::Query => adapter.query().is_some(),
            Kind::QueryRefund => adapter.query_refund().is_some(),
        };
        Self { operations: Kind::ALL.into_iter().filter(can).collect() }
    }
}
