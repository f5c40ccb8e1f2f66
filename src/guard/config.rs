//! The guards' settings: what can be set, what it is when it is not, and why.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Invalid;
use crate::model::text::{self, Quota};

/// Settings of every guard of one account. Everything can be left out; unknown names are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardsConfig {
    /// The circuit breakers, one per class.
    pub breaker: BreakerConfig,
    /// The rate limits, of the account and of each class.
    pub rate: RateConfig,
    /// The permits: how many connections each class may use.
    pub bulkhead: BulkheadConfig,
    /// How many retries the account can afford.
    pub budget: BudgetConfig,
    /// How long to wait between tries.
    pub backoff: BackoffConfig,
    /// How long one send may take.
    pub timeout: TimeoutConfig,
    /// What happens when a payment is made while the task holds a database connection.
    pub pool_watch: PoolWatchConfig,
}

impl GuardsConfig {
    /// Checks every rule that a field's type cannot carry. The error names the field and what would be right.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.breaker.validate()?;
        self.rate.validate()?;
        self.bulkhead.validate()?;
        self.budget.validate()?;
        self.backoff.validate()?;
        self.timeout.validate()
    }
}

/// When a breaker opens, and for how long. See [`breaker`](super::breaker).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Faults in a row that open it. Default 5, as in Envoy and finagle: fewer opens on one bad connection pool, more costs customers.
    pub consecutive_faults: u32,
    /// Share of good calls, in thousandths, below which it opens. Default 500: faults that are not in a row, half of all.
    pub success_per_mille: u32,
    /// Calls in the window below which the share is not judged. Default 20: one fault of two calls says nothing.
    pub min_calls: u32,
    /// The time the share is taken over, in ten buckets. Default 30 s, as in finagle and Polly.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "breaker_window")]
    pub window: Duration,
    /// Longest it stays open the first time; doubles each time in a row. Default 5 s: a deploy or a failover is over by then.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "breaker_open_min")]
    pub open_min: Duration,
    /// Longest it ever stays open. Default 300 s: five minutes after the provider's return everything flows.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "breaker_open_max")]
    pub open_max: Duration,
    /// Whether somebody probes: the adapter has a harmless question. Default false: half-open, one query, else one charge, is let through.
    pub probes: bool,
    /// Without probes: how long half-open waits for a query before it lets one charge try. Default 2 s.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "breaker_grace")]
    pub grace: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive_faults: 5,
            success_per_mille: 500,
            min_calls: 20,
            window: Duration::from_secs(30),
            open_min: Duration::from_secs(5),
            open_max: Duration::from_mins(5),
            probes: false,
            grace: Duration::from_secs(2),
        }
    }
}

impl BreakerConfig {
    fn validate(&self) -> Result<(), Invalid> {
        rule(self.consecutive_faults >= 1, "breaker.consecutive_faults", "at least 1")?;
        rule(self.success_per_mille <= 1000, "breaker.success_per_mille", "0 to 1000")?;
        rule(self.min_calls >= 1, "breaker.min_calls", "at least 1")?;
        between(self.window, Duration::from_millis(10), HOUR, "breaker.window", "10ms to 1h")?;
        between(self.open_min, Duration::from_millis(1), HOUR, "breaker.open_min", "1ms to 1h")?;
        between(self.open_max, self.open_min, HOUR, "breaker.open_max", "breaker.open_min to 1h")
    }
}

/// How fast calls may go. See [`rate`](super::rate).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// All calls of the account together. Default `80/s`: Stripe allows a live account 100/s, which other processes share.
    #[serde(deserialize_with = "rate_account")]
    pub account: Option<Quota>,
    /// Charges, confirms and captures. Default none: the account's limit is enough.
    #[serde(deserialize_with = "rate_charge")]
    pub charge: Option<Quota>,
    /// Cancels, reversals and refunds. Default none.
    #[serde(rename = "return", deserialize_with = "rate_return")]
    pub give_back: Option<Quota>,
    /// Queries that callers make. Default none.
    #[serde(deserialize_with = "rate_query")]
    pub query: Option<Quota>,
    /// The resolver's sends. Default `20/s`: an outage's heap of doubts must not use up the account when it ends.
    #[serde(deserialize_with = "rate_resolve")]
    pub resolve: Option<Quota>,
    /// Tokens and keys, and probes. Default none.
    #[serde(deserialize_with = "rate_access")]
    pub access: Option<Quota>,
    /// Calls that may go at once after a pause, for each limit. Default 20: a quarter second's worth, so that bursts do not wait.
    pub burst: u32,
    /// Calls of one class that may wait. Default 200: 2.5 s at the default rate; who would wait longer is told so at once.
    pub line: usize,
    /// How long all wait when the provider pushes back and does not say how long. Default 1 s.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "rate_pushback")]
    pub pushback: Duration,
    /// Longest that a provider's `Retry-After` stops the account. Default 300 s, as in Envoy and linkerd: a typing error there must not stop us for a day.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "rate_pushback_max")]
    pub pushback_max: Duration,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            account: NonZeroU32::new(80).map(Quota::per_second),
            charge: None,
            give_back: None,
            query: None,
            resolve: NonZeroU32::new(20).map(Quota::per_second),
            access: None,
            burst: 20,
            line: 200,
            pushback: Duration::from_secs(1),
            pushback_max: Duration::from_mins(5),
        }
    }
}

impl RateConfig {
    fn validate(&self) -> Result<(), Invalid> {
        rule(self.burst >= 1, "rate.burst", "at least 1")?;
        between(self.pushback, Duration::ZERO, self.pushback_max, "rate.pushback", "0s to rate.pushback_max")?;
        between(self.pushback_max, Duration::ZERO, DAY, "rate.pushback_max", "0s to 24h")
    }
}

/// How many connections each class may use, and how many calls may wait for one. See [`bulkhead`](super::bulkhead).
///
/// By Little's law a class needs its rate times the provider's latency: 32 permits carry 80 charges a second at 400 ms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkheadConfig {
    /// Charges, confirms and captures. Default 32.
    pub charge: u32,
    /// Cancels, reversals and refunds: reserved, so that money can go back when charges hang. Default 8.
    #[serde(rename = "return")]
    pub give_back: u32,
    /// Queries that callers make. Default 16.
    pub query: u32,
    /// The resolver: reserved, so that doubt is resolved when all else hangs. Default 8.
    pub resolve: u32,
    /// Tokens and keys, and probes: reserved, because without them nothing goes. Default 4.
    pub access: u32,
    /// Calls of one class that may wait. Default 64: two rounds of the charges' permits.
    pub line: usize,
    /// What a call that found the line full is told to wait. Default 1 s.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "bulkhead_retry_after")]
    pub retry_after: Duration,
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        Self { charge: 32, give_back: 8, query: 16, resolve: 8, access: 4, line: 64, retry_after: Duration::from_secs(1) }
    }
}

impl BulkheadConfig {
    fn validate(&self) -> Result<(), Invalid> {
        let fields = [
            (self.charge, "bulkhead.charge"),
            (self.give_back, "bulkhead.return"),
            (self.query, "bulkhead.query"),
            (self.resolve, "bulkhead.resolve"),
            (self.access, "bulkhead.access"),
        ];
        fields.into_iter().try_for_each(|(permits, field)| rule((1..=100_000).contains(&permits), field, "1 to 100000"))
    }
}

/// How many retries the account can afford. See [`budget`](super::budget).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// Tokens in a full bucket. Default 500 (AWS retry 2.1).
    pub cap: u32,
    /// What a retry after a fault or a timeout costs. Default 14 (AWS retry 2.1): at 50 % failure it sends 7 % more, not 74 %.
    pub transient: u32,
    /// What a retry after a pushback costs. Default 5 (AWS retry 2.1): the provider has refused cheaply and named the time.
    pub throttled: u32,
    /// The time in which one token comes back by itself. Default 1 s, ours: AWS has none, and a quiet client that lost its
    /// tokens never retries again (aws-sdk-go-v2#3550); one retry in 14 s harms no provider.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "budget_refill")]
    pub refill: Duration,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { cap: 500, transient: 14, throttled: 5, refill: Duration::from_secs(1) }
    }
}

impl BudgetConfig {
    fn validate(&self) -> Result<(), Invalid> {
        between(self.refill, Duration::from_millis(1), DAY, "budget.refill", "1ms to 24h")
    }
}

/// How long to wait between tries. See [`backoff`](super::backoff).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackoffConfig {
    /// The first wait's upper bound after a fault. Default 50 ms (AWS retry 2.1).
    #[serde(serialize_with = "text::write_duration", deserialize_with = "backoff_base")]
    pub base: Duration,
    /// The same after a pushback. Default 1 s (AWS retry 2.1).
    #[serde(serialize_with = "text::write_duration", deserialize_with = "backoff_throttled_base")]
    pub throttled_base: Duration,
    /// No wait is drawn from above this. Default 20 s (AWS).
    #[serde(serialize_with = "text::write_duration", deserialize_with = "backoff_cap")]
    pub cap: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base: Duration::from_millis(50), throttled_base: Duration::from_secs(1), cap: Duration::from_secs(20) }
    }
}

impl BackoffConfig {
    fn validate(&self) -> Result<(), Invalid> {
        between(self.cap, Duration::ZERO, HOUR, "backoff.cap", "0s to 1h")?;
        between(self.base, Duration::ZERO, self.cap, "backoff.base", "0s to backoff.cap")?;
        between(self.throttled_base, Duration::ZERO, self.cap, "backoff.throttled_base", "0s to backoff.cap")
    }
}

const LEAST_TIMEOUT: Duration = Duration::from_millis(1);

/// How long one send may take, connecting included; that has a limit of its own in the network's settings. See [`timeout`](super::timeout).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutConfig {
    /// A send that moves money, to the last byte of the answer. Default 30 s: giving up early makes doubt, and doubt costs queries.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "timeout_send")]
    pub send: Duration,
    /// A query, a probe, a token: asking again is harmless. Default 10 s.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "timeout_query")]
    pub query: Duration,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self { send: Duration::from_secs(30), query: Duration::from_secs(10) }
    }
}

impl TimeoutConfig {
    fn validate(&self) -> Result<(), Invalid> {
        between(self.send, LEAST_TIMEOUT, HOUR, "timeout.send", "1ms to 1h")?;
        between(self.query, LEAST_TIMEOUT, HOUR, "timeout.query", "1ms to 1h")
    }
}

/// What happens when a payment is made while the task holds a database connection. See [`pool_watch`](super::pool_watch).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolWatchConfig {
    /// Default `panic` in debug builds, so that a test finds it; `report` in release builds, so that no payment is lost to it.
    pub on_held: OnHeld,
}

/// What a database connection held across a payment sets off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnHeld {
    /// An error in the log and a count in the metrics.
    Report,
    /// The same, and then a panic.
    Panic,
}

impl Default for OnHeld {
    fn default() -> Self {
        if cfg!(debug_assertions) { Self::Panic } else { Self::Report }
    }
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn rule(holds: bool, field: &str, rule: &str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid::new(field, rule)) }
}

fn between(value: Duration, low: Duration, high: Duration, field: &str, text: &str) -> Result<(), Invalid> {
    rule((low..=high).contains(&value), field, text)
}

/// One reader a field, because serde does not tell a reader which field it reads, and an error must name it.
macro_rules! readers {
    ($($reader:ident: $parse:ident -> $value:ty = $field:literal;)*) => { $(
        fn $reader<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<$value, D::Error> {
            text::$parse(deserializer, $field)
        }
    )* };
}

readers! {
    breaker_window: read_duration -> Duration = "breaker.window";
    breaker_open_min: read_duration -> Duration = "breaker.open_min";
    breaker_open_max: read_duration -> Duration = "breaker.open_max";
    breaker_grace: read_duration -> Duration = "breaker.grace";
    rate_account: read_quota -> Option<Quota> = "rate.account";
    rate_charge: read_quota -> Option<Quota> = "rate.charge";
    rate_return: read_quota -> Option<Quota> = "rate.return";
    rate_query: read_quota -> Option<Quota> = "rate.query";
    rate_resolve: read_quota -> Option<Quota> = "rate.resolve";
    rate_access: read_quota -> Option<Quota> = "rate.access";
    rate_pushback: read_duration -> Duration = "rate.pushback";
    rate_pushback_max: read_duration -> Duration = "rate.pushback_max";
    bulkhead_retry_after: read_duration -> Duration = "bulkhead.retry_after";
    budget_refill: read_duration -> Duration = "budget.refill";
    backoff_base: read_duration -> Duration = "backoff.base";
    backoff_throttled_base: read_duration -> Duration = "backoff.throttled_base";
    backoff_cap: read_duration -> Duration = "backoff.cap";
    timeout_send: read_duration -> Duration = "timeout.send";
    timeout_query: read_duration -> Duration = "timeout.query";
}

#[cfg(test)]
mod tests;
