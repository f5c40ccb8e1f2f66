//! The limits of a fleet as Redis keeps them: their keys and paces, what the scripts are called with and what they answer.

use std::sync::LazyLock;
use std::time::Duration;

use paysluice::guard::config::RateConfig;
use paysluice::guard::{Class, Quota};
use paysluice::model::AccountRef;
use redis::{FromRedisValue, RedisError, Value};

use crate::names::tagged;
use crate::script::{Call, Script};

pub(super) static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("../lua/now.lua"), include_str!("../lua/rate_take.lua"))));
pub(super) static GIVE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("../lua/now.lua"), include_str!("../lua/rate_give_back.lua"))));
pub(super) static PAUSE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../lua/rate_pause.lua")));

/// The server's clock as it is.
const UNSHIFTED: i64 = 0;

/// One limit's pace, in microseconds: Redis counts in these. A quota's spacing is rounded up, so that no fleet is ever faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) spacing: i64,
    pub(super) tolerance: i64,
}

impl Pace {
    pub(super) fn new(quota: Quota, burst: u32) -> Self {
        let spacing = i64::try_from(quota.spacing().as_nanos().div_ceil(1000)).unwrap_or(i64::MAX);
        Self { spacing, tolerance: spacing.saturating_mul(i64::from(burst.saturating_sub(1))) }
    }
}

/// The limits that hold for one class: the account's, and its own.
pub(super) fn paces(config: &RateConfig, class: Class) -> [Option<Pace>; 2] {
    let own = match class {
        Class::Charge => config.charge,
        Class::Return => config.give_back,
        Class::Query => config.query,
        Class::Resolve => config.resolve,
        Class::Access | Class::Probe => config.access,
    };
    [config.account, own].map(|quota| quota.map(|quota| Pace::new(quota, config.burst)))
}

/// All limits of one account, by their keys.
#[derive(Debug)]
pub(super) struct Limits {
    prefix: String,
    account: String,
    config: RateConfig,
}

/// What a taken cell was taken of: key, spacing, run.
#[derive(Debug)]
pub(super) struct Runs(Vec<(String, i64, String)>);

/// What Redis said.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) answer: Answer,
    /// For the account's limit and the class's own: the microseconds until its next cell is free, negative when it has been.
    pub(super) free_in: [Option<i64>; 2],
}

#[derive(Debug)]
pub(super) enum Answer {
    Taken(Runs),
    Wait(Duration),
}

impl Limits {
    pub(super) fn new(prefix: &str, account: &AccountRef, config: &RateConfig) -> Self {
        Self { prefix: prefix.to_owned(), account: account.to_string(), config: config.clone() }
    }

    pub(super) fn reconfigure(&mut self, config: &RateConfig) {
        self.config = config.clone();
    }

    pub(super) fn take(&self, class: Class) -> Call {
        let mut call = Call::default().key(self.key("pause")).arg(UNSHIFTED);
        for (name, pace) in self.of(class) {
            call = call.key(self.key(name)).arg(pace.spacing).arg(pace.tolerance);
        }
        call
    }

    pub(super) fn pause(&self, time: Duration) -> Call {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        Call::default().key(self.key("pause")).arg(UNSHIFTED).arg(millis)
    }

    /// Reads the answer to [`take`](Self::take).
    pub(super) fn read(&self, class: Class, reply: Value) -> Result<Seen, RedisError> {
        let words = Vec::<String>::from_redis_value(reply)?;
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
        let unreadable = || RedisError::from((redis::ErrorKind::UnexpectedReturnType, "the rate script's answer"));
        let (now, wait) = (number(0).ok_or_else(unreadable)?, number(1).ok_or_else(unreadable)?);
        let mut free_in = [None; 2];
        let mut runs = Vec::new();
        let mut at = 2;
        for (slot, (name, pace)) in free_in.iter_mut().zip(self.both(class)) {
            let Some(pace) = pace else { continue };
            *slot = Some(number(at).ok_or_else(unreadable)?.saturating_sub(now));
            runs.push((self.key(name), pace.spacing, words.get(at + 1).cloned().unwrap_or_default()));
            at += 2;
        }
        let wait = u64::try_from(wait).unwrap_or(0);
        let answer = if wait == 0 { Answer::Taken(Runs(runs)) } else { Answer::Wait(Duration::from_micros(wait)) };
        Ok(Seen { answer, free_in })
    }

    fn both(&self, class: Class) -> [(&'static str, Option<Pace>); 2] {
        let [account, own] = paces(&self.config, class);
        [("account", account), (lane(class).name(), own)]
    }

    fn of(&self, class: Class) -> impl Iterator<Item = (&'static str, Pace)> {
        self.both(class).into_iter().filter_map(|(name, pace)| Some((name, pace?)))
    }

    fn key(&self, limit: &str) -> String {
        tagged(&self.prefix, &self.account, &format!("rate:{limit}"))
    }
}

impl Runs {
    /// The call that gives the cell back.
    pub(super) fn call(&self) -> Call {
        let call = Call::default().arg(UNSHIFTED);
        self.0.iter().fold(call, |call, (key, spacing, run)| call.key(key.as_bytes()).arg(*spacing).arg(run.as_str()))
    }
}

/// The class whose limit it uses: a probe that of the access.
pub(super) fn lane(class: Class) -> Class {
    if class == Class::Probe { Class::Access } else { class }
}
