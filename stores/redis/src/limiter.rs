//! One rate limit for a fleet: GCRA in one script on the server's clock, and each process's stated share of it when Redis is away.
//!
//! * A call takes a cell of the account's limit and of its class's limit, both or neither, from all processes together.
//! * Who would be served after its deadline is refused at once, with the time to come back, as far as this process knows the line.
//! * First come, first served within a class of one process; between processes whoever asks first.
//! * A provider's pushback stops this process at once and the fleet within a round trip.
//! * Redis away, late or unwilling: this process goes on with its share of every limit, held locally. The outage costs the calls
//!   that are under way at its begin one [`timeout`](LimiterOptions::timeout), and nobody anything after that.
//! * A cell whose answer was lost may stay taken: the fleet is then slower than its quota by that cell, never faster.

mod away;
mod limits;
mod line;
#[cfg(test)]
pub(crate) mod model;
mod options;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paysluice::env::{Env, Mono};
use paysluice::guard::config::RateConfig;
use paysluice::guard::rate::{Admission, GiveBack, Limiter, RateLimit, RatePermit};
use paysluice::guard::{Ask, Class, Guard, Refusal, timeout};
use paysluice::model::AccountRef;
use paysluice::store::StoreError;
use tokio::sync::{Notify, oneshot};

use self::away::Away;
use self::limits::{Answer, Limits, Runs};
use self::line::{Lines, Place};
use crate::errors;
use crate::link::{Link, Trouble};

pub use options::{LimiterOptions, Share};

/// A script's answer is waited for longer than any call waits, so that a cell nobody wants any more can be given back.
const PATIENCE: u32 = 10;

/// The limiter of an account for all processes that name the same Redis, prefix and account. Clones share its connection.
#[derive(Clone, Debug)]
pub struct RedisLimiter(Arc<Core>);

#[derive(Debug)]
struct Core {
    env: Env,
    link: Link,
    limits: Mutex<Limits>,
    lines: Lines,
    /// What this process may do alone.
    fallback: RateLimit,
    away: Away,
    changed: Notify,
    options: LimiterOptions,
}

impl RedisLimiter {
    /// A limiter on the server at `url`, for that account, by those limits. It connects when it is first asked. `env` must be the
    /// gateway's: instants of two clocks cannot be compared.
    ///
    /// # Errors
    /// `Refused`: `url` is no `redis://` or `rediss://` URL.
    pub fn new(
        url: &str,
        account: &AccountRef,
        env: &Env,
        config: &RateConfig,
        options: LimiterOptions,
    ) -> Result<Self, StoreError> {
        let link = Link::new(url, env, options.timeout * PATIENCE).map_err(|error| errors::of_url(&error))?;
        Ok(Self(Arc::new(Core {
            env: env.clone(),
            link,
            limits: Mutex::new(Limits::new(&options.prefix, account, config)),
            lines: Lines::new(config),
            fallback: RateLimit::new(env, &options.fallback_share.of(config)),
            away: Away::default(),
            changed: Notify::new(),
            options,
        })))
    }

    /// Whether Redis did not answer when last asked, so that this process keeps to its own share.
    pub fn is_away(&self) -> bool {
        self.0.away.is_away()
    }
}

impl Limiter for RedisLimiter {
    fn acquire(&self, ask: &Ask, now: Mono) -> Admission {
        if !self.0.asks_redis(now) {
            return self.0.fallback.acquire(ask, now);
        }
        match self.0.lines.enter(ask, now) {
            Ok(place) => Admission::Wait(Box::pin(Arc::clone(&self.0).served(*ask, place))),
            Err(after) => Admission::Refused(refused(after)),
        }
    }

    fn pause(&self, after: Option<Duration>) {
        let core = Arc::clone(&self.0);
        let time = core.lines.pause(after, core.env.now());
        core.fallback.pause(after);
        let call = core.lock().pause(time);
        let env = core.env.clone();
        env.spawn(async move {
            if let Err(trouble) = core.link.run(&limits::PAUSE, &call).await {
                tracing::warn!(%trouble, "the provider's pushback could not be told to the fleet");
            }
        });
    }

    fn reconfigure(&self, config: &RateConfig) {
        self.0.lock().reconfigure(config);
        self.0.lines.reconfigure(config);
        self.0.fallback.reconfigure(&self.0.options.fallback_share.of(config));
        self.0.changed.notify_waiters();
    }
}

fn refused(after: Duration) -> Refusal {
    Refusal { guard: Guard::Rate, after: Some(after) }
}

/// What the fleet's limits say to one call.
enum Word {
    Go(RatePermit),
    Wait(Duration),
    NoAnswer,
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its cell in the fleet; without Redis, for one of this process's share.
    async fn served(self: Arc<Self>, ask: Ask, place: Place) -> Result<RatePermit, Refusal> {
        if let Some(said) = self.in_turn(&ask, &place).await {
            return said;
        }
        drop(place);
        self.fallback.admit(&ask).await
    }

    /// Waits for its turn in this process, then asks until the cell is free. `None` when Redis is away.
    async fn in_turn(self: &Arc<Self>, ask: &Ask, place: &Place) -> Option<Result<RatePermit, Refusal>> {
        let late = |now| Some(Err(refused(self.lines.served_in(ask.class, now))));
        let Ok(_turn) = timeout::run(&self.env, ask.deadline, place.turn()).await else { return late(self.env.now()) };
        loop {
            let now = self.env.now();
            if now >= ask.deadline {
                return late(now);
            }
            if !self.asks_redis(now) {
                return None;
            }
            let word = match self.lines.paused_for(now) {
                Some(wait) => Word::Wait(wait),
                None => self.take(ask, now).await,
            };
            match word {
                Word::Go(permit) => return Some(Ok(permit)),
                Word::Wait(wait) if now + wait > ask.deadline => return Some(Err(refused(wait))),
                // A microsecond is the least that Redis counts; changed limits are asked for at once.
                Word::Wait(wait) => {
                    let until = now + wait.max(Duration::from_micros(1));
                    let _ = timeout::run(&self.env, until, self.changed.notified()).await;
                }
                Word::NoAnswer => return None,
            }
        }
    }

    /// Asks for a cell. The question is a task of its own: if the caller goes away or the answer comes too late, the cell is
    /// given back.
    async fn take(self: &Arc<Self>, ask: &Ask, now: Mono) -> Word {
        let (caller, answer) = oneshot::channel();
        let (core, class) = (Arc::clone(self), ask.class);
        self.env.spawn(async move {
            let answer = core.ask(class).await;
            if let Err(Ok(Answer::Taken(taken))) = caller.send(answer) {
                core.give_back(taken).await;
            }
        });
        let until = now + self.options.timeout;
        match timeout::run(&self.env, until.min(ask.deadline), answer).await {
            Ok(Ok(Ok(Answer::Taken(taken)))) => {
                self.away.answered();
                Word::Go(RatePermit::of(Box::new(Cell { core: Arc::clone(self), taken })))
            }
            Ok(Ok(Ok(Answer::Wait(wait)))) => {
                self.away.answered();
                Word::Wait(wait)
            }
            Ok(Ok(Err(trouble))) => self.no_answer(&trouble),
            // The task always answers; it ends without only when the runtime does.
            Ok(Err(_)) => Word::NoAnswer,
            Err(timeout::Elapsed) if until <= ask.deadline => self.no_answer(&Trouble::Late(self.options.timeout)),
            Err(timeout::Elapsed) => Word::Wait(self.lines.served_in(class, self.env.now())),
        }
    }

    async fn ask(&self, class: Class) -> Result<Answer, Trouble> {
        let asked = self.env.now();
        let call = self.lock().take(class);
        let reply = self.link.run(&limits::TAKE, &call).await?;
        let seen = self.lock().read(class, reply).map_err(Trouble::Failed)?;
        self.lines.saw(class, asked, &seen);
        Ok(seen.answer)
    }

    fn no_answer(&self, trouble: &Trouble) -> Word {
        self.away.went(self.env.now() + self.options.retry_every, trouble);
        Word::NoAnswer
    }

    /// Whether Redis is to be asked. While it is away, now and then a task of its own finds out whether it is back.
    fn asks_redis(self: &Arc<Self>, now: Mono) -> bool {
        if !self.away.is_away() {
            return true;
        }
        if self.away.is_to_be_tried(now, now + self.options.retry_every) {
            let core = Arc::clone(self);
            self.env.spawn(async move {
                let until = core.env.now() + core.options.timeout;
                if let Ok(Ok(_)) = timeout::run(&core.env, until, core.link.ask(&redis::cmd("PING"))).await {
                    core.away.answered();
                }
            });
        }
        false
    }

    async fn give_back(&self, taken: Runs) {
        let call = taken.call();
        if let Err(trouble) = self.link.run(&limits::GIVE_BACK, &call).await {
            tracing::debug!(%trouble, "a cell could not be given back to the fleet");
        }
        self.lines.forget();
    }
}

/// A cell taken in Redis.
#[derive(Debug)]
struct Cell {
    core: Arc<Core>,
    taken: Runs,
}

impl GiveBack for Cell {
    fn give_back(self: Box<Self>) {
        let env = self.core.env.clone();
        env.spawn(async move { self.core.give_back(self.taken).await });
    }
}
