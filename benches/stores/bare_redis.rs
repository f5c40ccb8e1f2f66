//! A bare loop over the redis crate: the same hashes and sorted sets, by MULTI instead of scripts.

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{Client, pipe};

use super::letters::{self, ORDERS};
use super::{Inbox, Taken};

/// One connection that all tasks share, as the store has it.
#[derive(Debug)]
pub struct BareRedis {
    connection: MultiplexedConnection,
    prefix: String,
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

impl BareRedis {
    pub async fn new(url: &str, prefix: &str) -> Self {
        let connection = Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let bare = Self { connection, prefix: prefix.to_owned() };
        let mut fill = pipe();
        for order in 0..ORDERS {
            fill.hset_multiple(bare.key("order", order), &[("v", "1".to_owned()), ("b", letters::order())]).ignore();
        }
        let _: () = fill.query_async(&mut bare.connection.clone()).await.unwrap();
        bare
    }

    fn key(&self, kind: &str, n: u64) -> String {
        format!("{}:{kind}:{n}", self.prefix)
    }

    fn index(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}

impl Inbox for BareRedis {
    const LOOPS: u64 = 1;

    async fn store(&self, n: u64) {
        let (at, mut all) = (now(), pipe());
        all.atomic();
        let fields = [("v", "1".to_owned()), ("t", "0".to_owned()), ("d", at.to_string()), ("b", letters::callback())];
        all.hset_multiple(self.key("inbox", n), &fields).ignore();
        all.zadd(self.index("list"), n, 0).ignore();
        all.zadd(self.index("due"), n, at).ignore();
        all.zadd(self.index("kept"), n, at).ignore();
        let _: () = all.query_async(&mut self.connection.clone()).await.unwrap();
    }

    async fn store_group(&self, _: u64, _: u64) -> u64 {
        0
    }

    async fn claim(&self, max: usize, lease: Duration) -> Vec<Taken> {
        let mut connection = self.connection.clone();
        let popped: Vec<(u64, u64)> =
            redis::cmd("ZPOPMIN").arg(self.index("due")).arg(max).query_async(&mut connection).await.unwrap();
        if popped.is_empty() {
            return Vec::new();
        }
        let (until, mut all) = (now() + u64::try_from(lease.as_micros()).unwrap(), pipe());
        all.atomic();
        for (n, _) in &popped {
            all.hincr(self.key("inbox", *n), "v", 1).ignore();
            all.hincr(self.key("inbox", *n), "t", 1).ignore();
            all.hset(self.key("inbox", *n), "d", until).ignore();
            all.zadd(self.index("due"), *n, until).ignore();
            all.hget(self.key("inbox", *n), "b");
        }
        let bodies: Vec<Vec<u8>> = all.query_async(&mut connection).await.unwrap();
        std::hint::black_box(bodies);
        popped.into_iter().map(|(n, _)| Taken { n, ver: 0 }).collect()
    }

    async fn apply(&self, taken: Taken) {
        let mut connection = self.connection.clone();
        let order = self.key("order", taken.n % ORDERS);
        let body: Vec<u8> = redis::cmd("HGET").arg(&order).arg("b").query_async(&mut connection).await.unwrap();
        std::hint::black_box(body);
        let mut all = pipe();
        all.atomic();
        all.hset(&order, "b", letters::order()).ignore().hincr(&order, "v", 1).ignore();
        all.hset_multiple(self.key("effect", taken.n), &[("v", "1".to_owned()), ("b", letters::effect())]).ignore();
        all.zadd(self.index("effects"), taken.n, 0).ignore();
        all.hset_multiple(self.key("told", taken.n), &[("v", "1".to_owned()), ("b", letters::told())]).ignore();
        all.zadd(self.index("tells"), taken.n, 0).ignore();
        all.zadd(self.index("tells-due"), taken.n, now()).ignore();
        let _: () = all.query_async(&mut connection).await.unwrap();
        let mut all = pipe();
        all.atomic();
        all.hset(self.key("inbox", taken.n), "b", letters::done()).ignore();
        all.zrem(self.index("due"), taken.n).ignore();
        let _: () = all.query_async(&mut connection).await.unwrap();
    }
}
