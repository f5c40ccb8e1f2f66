//! A cancel that cannot be sent yet, because its charge is still under way: the wish is stored, and granted when that has ended.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::channel::Call;
use super::intent::{Intent, State};
use super::order::Order;
use super::plan::Planned;
use super::rows::{self, Versioned};
use super::verdict::{Told, Verdict};
use crate::adapter::{Cancel, Confirm, Kind, Operation};
use crate::model::{AttemptNo, Error, Next, OrderNo};
use crate::store::{Expect, Key};

/// Time between looks at a charge that a cancel waits for.
const LOOK: Duration = Duration::from_secs(5);

/// How long one try to grant a wish may take: less than the resolver's lease.
const PATIENCE: Duration = Duration::from_secs(40);

impl Inner {
    /// Whether an attempt's charge is still being sent, or in doubt with no id at the provider that could be canceled.
    pub(crate) async fn charge_is_open(&self, order_no: &OrderNo, order: &Order, attempt: AttemptNo) -> Result<bool, Error> {
        let key = self.rows.intent_key(order_no, &format!("charge/{attempt}"));
        let Some(charge) = self.load_intent(&key).await? else { return Ok(false) };
        let known = order.attempt(attempt).is_some_and(|attempt| attempt.refs.get(self.payment_ref).is_some());
        Ok(charge.value.state.is_open() && (charge.value.state == State::Sending || !known))
    }

    /// Whether an operation must wait for what is under way: a round for the one before it, which may have taken the money, and for
    /// its charge; a reversal for what is being sent, or it would undo what has not happened yet.
    pub(crate) async fn must_wait<Op: Planned>(&self, op: &Op, order: &Order, attempt: AttemptNo) -> Result<bool, Error> {
        let order_no = op.order_no();
        let rounds = order.attempt(attempt).map_or(0, |attempt| attempt.rounds);
        let (before, open): (String, fn(&State) -> bool) = match Op::KIND {
            Kind::Confirm => (Confirm::new(order_no.clone(), rounds).on(attempt).identity(), State::is_open),
            Kind::Reverse => {
                (Cancel::new(order_no.clone()).on(attempt).identity(), |state| state.is_open() && *state != State::Wished)
            }
            _ => return Ok(false),
        };
        let charge = self.load_intent(&self.rows.intent_key(order_no, &format!("charge/{attempt}"))).await?;
        let charging = |state: &State| if Op::KIND == Kind::Reverse { *state == State::Sending } else { state.is_open() };
        if charge.is_some_and(|charge| charging(&charge.value.state)) {
            return Ok(true);
        }
        let before = self.load_intent(&self.rows.intent_key(order_no, &before)).await?;
        Ok(before.is_some_and(|before| open(&before.value.state)))
    }

    /// Stores the wish. From here on no send takes money for the attempt, and whoever works off what is due grants it.
    pub(crate) async fn wish<Op: Planned>(
        &self,
        op: &Op,
        attempt: AttemptNo,
        key: &Key,
        fingerprint: String,
        order: Versioned<Order>,
        former: Option<Versioned<Intent>>,
    ) -> Result<(), Error> {
        if former.as_ref().is_some_and(|former| former.value.state == State::Wished) {
            return Ok(());
        }
        let generation = former.as_ref().map_or(1, |former| former.value.generation + 1);
        let mut wished = self.fresh(op, attempt, key, fingerprint, generation, &**self.adapter())?;
        wished.state = State::Wished;
        let (ver, mut stopping) = (order.ver, order.value);
        if let Some(attempt) = stopping.attempt_mut(attempt) {
            attempt.stop = true;
        }
        let order = self.rows.put_order(&stopping, Expect::Ver(ver))?;
        let intent = rows::put_intent(key.clone(), &wished, Versioned::expected(former.as_ref()), Some(LOOK))?;
        // Lost: the rows have moved on, and the caller looks again.
        self.commit(&[order, intent]).await.map(|_| ())
    }

    /// Cancels what was to be canceled, if its charge has come to an end; else it is looked at again.
    pub(crate) async fn grant(self: &Arc<Self>, key: Key, wished: Versioned<Intent>) -> Result<(), Error> {
        let (op, attempt) = (self.rows.open_op::<Cancel>(&key, &wished.value)?, wished.value.attempt);
        let order = self.load_order(op.order_no()).await?;
        let open = match &order {
            Some(order) => self.charge_is_open(op.order_no(), &order.value, attempt).await?,
            None => false,
        };
        if open {
            let again = rows::put_intent(key, &wished.value, Expect::Ver(wished.ver), Some(LOOK))?;
            return self.commit(&[again]).await.map(|_| ());
        }
        let inner = Arc::clone(self);
        self.env.spawn(async move {
            let ended = match inner.operate(op.clone(), Call::within(PATIENCE)).await {
                // What the order does not allow now, it will not allow later: there is nothing left to cancel.
                Err(error) if error.next() == Next::Fix => inner.end_wish(&op, &key, &error).await,
                Err(error) => Err(error),
                Ok(_) => Ok(()),
            };
            if let Err(error) = ended {
                tracing::warn!(account = %inner.account, order = %op.order_no, %error, "a cancel is still to be granted");
            }
        });
        Ok(())
    }

    /// Ends a wish that cannot be granted: the payment was made first.
    async fn end_wish(&self, op: &Cancel, key: &Key, why: &Error) -> Result<(), Error> {
        let (Some(order), Some(wished)) = (self.load_order(op.order_no()).await?, self.load_intent(key).await?) else {
            return Ok(());
        };
        if wished.value.state != State::Wished {
            return Ok(());
        }
        let (order_ver, mut order, mut intent) = (order.ver, order.value, wished.value);
        let told = Told::of(why);
        Planned::release(op, &mut order, intent.attempt, &told);
        intent.state = State::Released { resume: false, verdict: Verdict::Failed(told) };
        (intent.op, intent.draft) = (None, None);
        let order = self.rows.put_order(&order, Expect::Ver(order_ver))?;
        let intent = rows::put_intent(key.clone(), &intent, Expect::Ver(wished.ver), None)?;
        self.commit(&[order, intent]).await.map(|_| ())
    }
}
