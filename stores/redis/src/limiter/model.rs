//! For tests: one decision of the script with the server's time, so that a model can be asked the same at the same time.

use std::time::Duration;

use paysluice::guard::Class;
use redis::FromRedisValue;

use super::RedisLimiter;
use super::limits::{self, Answer};

/// What the script decided, and when by the server's clock.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) now: Duration,
    pub(crate) wait: Duration,
}

impl RedisLimiter {
    pub(crate) async fn decide(&self, class: Class, gives_back: bool) -> Decision {
        let call = self.0.lock().take(class);
        let reply = self.0.link.run(&limits::TAKE, &call).await.unwrap();
        let words = Vec::<String>::from_redis_value(reply.clone()).unwrap();
        let now = Duration::from_micros(words[0].parse().unwrap());
        let seen = self.0.lock().read(class, reply).unwrap();
        let wait = match seen.answer {
            Answer::Wait(wait) => wait,
            Answer::Taken(taken) => {
                if gives_back {
                    self.0.give_back(taken).await;
                }
                Duration::ZERO
            }
        };
        Decision { now, wait }
    }

    pub(crate) async fn ping(&self) {
        self.0.link.ask(&redis::cmd("PING")).await.unwrap();
    }
}
