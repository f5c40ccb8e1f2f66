//! What a gateway does by itself: resolves, tells, probes, purges. Ends when the last handle is dropped.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Inner;
use super::rows::{REMEMBERED, ToTell, json, read, store_failed};
use super::told::{Handler, Hold, TellAgain};
use crate::adapter::Stamp;
use crate::guard::{Ask, Class, Signal, Timing, timeout};
use crate::model::Error;
use crate::store::{Commit, Expect, Put, Row, SpaceKind};
use crate::transport::Limits;

/// How many tells one round takes.
const TELLS: usize = 64;

/// Longest wait between two tries to tell.
const TELL_CAP: Duration = Duration::from_secs(300);

/// How many expired rows one purge of a space removes.
const PURGE: usize = 500;

/// Starts the tasks.
pub(super) fn start(inner: &Arc<Inner>) {
    every(inner, inner.config.resolver_every, Bell::Resolver, |inner| async move { inner.resolve_on_duty().await });
    if inner.handler.is_some() {
        every(inner, inner.config.tell_every, Bell::Told, |inner| async move { inner.tell_due().await });
    }
    every(inner, inner.config.tell_every, Bell::Inbox, |inner| async move { inner.apply_due().await });
    every(inner, inner.config.purge_every, Bell::None, |inner| async move { inner.purge().await });
    if inner.adapter().probe().is_some() {
        let weak = Arc::downgrade(inner);
        inner.env.spawn(probe(weak));
    }
}

/// What calls a task before its time.
#[derive(Clone, Copy)]
enum Bell {
    Resolver,
    Told,
    Inbox,
    None,
}

/// Works again and again: at once while there is work, else at the bell or after `pause`.
fn every<F>(inner: &Arc<Inner>, pause: Duration, bell: Bell, work: impl Fn(Arc<Inner>) -> F + Send + 'static)
where
    F: Future<Output = Result<usize, Error>> + Send,
{
    let weak = Arc::downgrade(inner);
    let env = inner.env.clone();
    let rope = match bell {
        Bell::Resolver => Some(Arc::clone(&inner.resolver_bell)),
        Bell::Inbox => Some(Arc::clone(&inner.inbox_bell)),
        Bell::Told => Some(Arc::clone(&inner.told_bell)),
        Bell::None => None,
    };
    inner.env.spawn(async move {
        let mut troubles = 0_u32;
        while let Some(inner) = weak.upgrade() {
            if inner.is_closing() && inner.flights.count() == 0 && matches!(bell, Bell::Resolver) {
                return;
            }
            match work(Arc::clone(&inner)).await {
                Ok(0) => troubles = 0,
                Ok(_) => {
                    troubles = 0;
                    continue;
                }
                Err(error) => {
                    troubles = (troubles + 1).min(6);
                    tracing::warn!(account = %inner.account, %error, "background work failed; it is tried again");
                }
            }
            // Nothing is held while it waits, or the tasks would keep each other's gateway alive for ever.
            drop(inner);
            let rung = async {
                match &rope {
                    Some(bell) => bell.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = rung => {}
                () = env.sleep(pause.saturating_mul(1 << troubles)) => {}
            }
        }
    });
}

impl Inner {
    /// Resolves what is due if it is this process's turn.
    async fn resolve_on_duty(self: &Arc<Self>) -> Result<usize, Error> {
        match &self.duty {
            Some(duty) if !duty.is_ours().await => Ok(0),
            _ => self.resolve_due().await,
        }
    }

    /// Tells what is due.
    async fn tell_due(self: Arc<Self>) -> Result<usize, Error> {
        let Some(handler) = self.handler.clone() else { return Ok(0) };
        let space = self.rows.space(SpaceKind::Told);
        let due = self.store.claim_due(&space, TELLS, self.config.leases().short).await.map_err(store_failed)?;
        let count = due.len();
        futures_util::future::join_all(due.into_iter().map(|row| self.tell(&*handler, row))).await;
        Ok(count)
    }

    async fn tell(&self, handler: &dyn Handler, row: Row) {
        let mut to_tell = match read::<ToTell>(&row) {
            Ok(to_tell) => to_tell.value,
            Err(error) => {
                tracing::error!(part = %row.key.part, %error, "something to tell cannot be read; it stays");
                return;
            }
        };
        let telling = to_tell.tries.saturating_add(row.tries);
        let after = Duration::from_secs(1).saturating_mul(1 << to_tell.tries.min(10)).min(TELL_CAP);
        to_tell.tries += 1;
        let Ok(body) = json(&to_tell) else { return };
        let handled = Put { key: row.key, expect: Expect::Ver(row.ver), due_in: None, keep_in: Some(REMEMBERED), body };
        to_tell.told.hold = Some(Hold::new(handled.clone(), telling));
        // A handler that hangs must not keep all others from being told: it is told again, like one that fails.
        let heard = timeout::run(&self.env, self.env.now() + self.config.leases().hearing, handler.handle(&to_tell.told)).await;
        let put = match heard.unwrap_or(Err(TellAgain { after: Duration::ZERO })) {
            Ok(()) => handled,
            Err(again) => Put { due_in: Some(again.after.max(after)), keep_in: None, ..handled },
        };
        // Lost: the handler has marked it in a transaction of its own, or another is told meanwhile. Failed: the lease brings it back.
        if let Ok(Commit::Lost { .. }) | Err(_) = self.commit(&[put]).await {
            tracing::debug!(effect = %to_tell.told.effect_key, "a tell was marked elsewhere, or will come again");
        }
    }

    /// Removes what has expired, a bounded number a round.
    async fn purge(self: Arc<Self>) -> Result<usize, Error> {
        for kind in SpaceKind::ALL {
            self.store.purge(&self.rows.space(kind), PURGE).await.map_err(store_failed)?;
        }
        Ok(0)
    }

    /// Sends the adapter's harmless question, for a breaker that wants to close.
    async fn probe_once(&self) -> Option<()> {
        let adapter = self.adapter();
        let probe = adapter.probe()?;
        let now = self.env.now();
        let ask = Ask { class: Class::Probe, deadline: now + Duration::from_secs(10) };
        let mut admitted = self.guards.admit(&ask, &mut Timing::default()).await.ok()?;
        let stamp = Stamp { now: self.env.wall(), nonce: self.env.rng().next_u128(), send: 1 };
        let request = probe.request(&stamp, &self.access.granted()).ok()?;
        let timeout = self.guards.until(Class::Probe, now, ask.deadline).since(now);
        admitted.sending();
        let limits = Limits { timeout, reply_cap: adapter.profile().reply_cap };
        let signal = match self.transport.send(request, limits).await {
            Ok(reply) => match probe.read(&reply, &Stamp { now: self.env.wall(), ..stamp }) {
                Ok(()) => Signal::Good,
                Err(failure) => super::send::signal_of(&failure.error),
            },
            Err(_) => Signal::Fault,
        };
        admitted.report(signal);
        Some(())
    }
}

async fn probe(weak: Weak<Inner>) {
    while let Some(inner) = weak.upgrade() {
        let guards = inner.guards.clone();
        let env = inner.env.clone();
        drop(inner);
        // Looks up now and then whether the gateway still lives.
        let due = crate::guard::timeout::run(&env, env.now() + Duration::from_secs(5), guards.probe_due()).await;
        if due.is_err() {
            continue;
        }
        let Some(inner) = weak.upgrade() else { return };
        inner.probe_once().await;
        env.sleep(Duration::from_millis(200)).await;
    }
}
