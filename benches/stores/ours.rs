//! The store's side: commits and claims as the gateway's inbox makes them.

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::{Rng, SystemRng};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store};

use super::letters::{self, ORDERS};
use super::{Inbox, Taken};

/// A store and an account in it.
#[derive(Debug)]
pub struct Ours {
    store: Arc<dyn Store>,
    account: AccountRef,
    rng: SystemRng,
}

impl Ours {
    pub async fn new(store: Arc<dyn Store>) -> Self {
        let ours = Self { store, account: AccountRef::new("bench", Mode::Test, "m").unwrap(), rng: SystemRng::new() };
        for order in 0..ORDERS {
            ours.commit(&[put(ours.key(SpaceKind::Order, order, "order".into()), Expect::Absent, letters::order())]).await;
        }
        ours
    }

    fn key(&self, kind: SpaceKind, order: u64, id: String) -> Key {
        Key { space: Space::new(kind, &self.account), part: format!("order/{order}"), id }
    }

    fn letter(&self, n: u64) -> Key {
        Key { space: Space::new(SpaceKind::Inbox, &self.account), part: format!("callback/{n}"), id: n.to_string() }
    }

    async fn commit(&self, puts: &[Put]) {
        let answer = self.store.commit(OpId(self.rng.next_u128()), puts).await.unwrap();
        assert!(matches!(answer, Commit::Done(_)), "{answer:?}");
    }
}

fn put(key: Key, expect: Expect, body: String) -> Put {
    Put { key, expect, due_in: None, keep_in: None, body: body.into() }
}

impl Inbox for Ours {
    const LOOPS: u64 = 1;

    async fn store(&self, n: u64) {
        let put = put(self.letter(n), Expect::Absent, letters::callback());
        self.commit(&[Put { due_in: Some(Duration::ZERO), keep_in: Some(letters::KEPT), ..put }]).await;
    }

    async fn store_group(&self, _: u64, _: u64) -> u64 {
        0
    }

    async fn claim(&self, max: usize, lease: Duration) -> Vec<Taken> {
        let rows = self.store.claim_due(&Space::new(SpaceKind::Inbox, &self.account), max, lease).await.unwrap();
        rows.into_iter().map(|row| Taken { n: row.key.id.parse().unwrap(), ver: row.ver }).collect()
    }

    async fn apply(&self, taken: Taken) {
        let order = self.key(SpaceKind::Order, taken.n % ORDERS, "order".into());
        let row = self.store.get(&order).await.unwrap().unwrap();
        let effect = self.key(SpaceKind::Effect, taken.n % ORDERS, taken.n.to_string());
        let told = self.key(SpaceKind::Told, taken.n % ORDERS, taken.n.to_string());
        self.commit(&[
            put(order, Expect::Ver(row.ver), letters::order()),
            put(effect, Expect::Absent, letters::effect()),
            Put { due_in: Some(Duration::ZERO), ..put(told, Expect::Absent, letters::told()) },
        ])
        .await;
        let done = put(self.letter(taken.n), Expect::Ver(taken.ver), letters::done());
        self.commit(&[Put { keep_in: Some(letters::KEPT), ..done }]).await;
    }
}
