//! A bare map behind one lock, with an order of times beside it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::letters::{self, ORDERS};
use super::{Inbox, Taken};

/// Rows, and what is due.
#[derive(Debug)]
pub struct BareMemory {
    start: Instant,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    rows: HashMap<String, Kept>,
    due: BTreeMap<(Duration, u64), u64>,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    turn: Option<(Duration, u64)>,
    body: String,
}

impl Held {
    fn put(&mut self, key: String, body: String, due: Option<Duration>) -> Option<(Duration, u64)> {
        self.last += 1;
        let turn = due.map(|due| (due, self.last));
        let before = self.rows.insert(key, Kept { turn, body }).and_then(|before| before.turn);
        if let Some(before) = before {
            self.due.remove(&before);
        }
        turn
    }
}

impl BareMemory {
    pub async fn new() -> Self {
        let mut held = Held::default();
        for order in 0..ORDERS {
            held.put(format!("order/{order}"), letters::order(), None);
        }
        std::future::ready(Self { start: Instant::now(), held: Mutex::new(held) }).await
    }
}

impl Inbox for BareMemory {
    const LOOPS: u64 = 1;

    async fn store(&self, n: u64) {
        let mut held = self.held.lock().unwrap();
        let turn = held.put(format!("callback/{n}"), letters::callback(), Some(self.start.elapsed()));
        held.due.extend(turn.map(|turn| (turn, n)));
    }

    async fn store_group(&self, _: u64, _: u64) -> u64 {
        0
    }

    async fn claim(&self, max: usize, lease: Duration) -> Vec<Taken> {
        let (mut held, now) = (self.held.lock().unwrap(), self.start.elapsed());
        let mut taken = Vec::new();
        while taken.len() < max && held.due.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let Some((_, n)) = held.due.pop_first() else { break };
            held.last += 1;
            let ver = held.last;
            // Read as a claim reads it: the caller gets the body.
            let row = held.rows.get_mut(&format!("callback/{n}")).unwrap();
            row.turn = Some((now + lease, ver));
            std::hint::black_box(row.body.clone());
            held.due.insert((now + lease, ver), n);
            taken.push(Taken { n, ver });
        }
        taken
    }

    async fn apply(&self, taken: Taken) {
        let mut held = self.held.lock().unwrap();
        let order = taken.n % ORDERS;
        held.put(format!("order/{order}"), letters::order(), None);
        held.put(format!("effect/{}", taken.n), letters::effect(), None);
        held.put(format!("told/{}", taken.n), letters::told(), None);
        held.put(format!("callback/{}", taken.n), letters::done(), None);
    }
}
