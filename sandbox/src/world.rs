//! What a face works on while it answers: the time, the bank, fresh ids, and a list of what is to happen later.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paysluice::env::{Mono, Rng, SeededRng};

use crate::bank::Bank;
use crate::config::SandboxConfig;
use crate::letter::News;
use crate::{alipay, stripe, unionpay, wechatpay};

/// Something of a face's that is to happen by itself later.
#[derive(Clone, Debug)]
pub(crate) enum Alarm {
    Alipay(alipay::Alarm),
    Stripe(stripe::Alarm),
    WechatPay(wechatpay::Alarm),
    UnionPay(unionpay::Alarm),
}

impl From<alipay::Alarm> for Alarm {
    fn from(alarm: alipay::Alarm) -> Self {
        Self::Alipay(alarm)
    }
}

impl From<stripe::Alarm> for Alarm {
    fn from(alarm: stripe::Alarm) -> Self {
        Self::Stripe(alarm)
    }
}

impl From<wechatpay::Alarm> for Alarm {
    fn from(alarm: wechatpay::Alarm) -> Self {
        Self::WechatPay(alarm)
    }
}

impl From<unionpay::Alarm> for Alarm {
    fn from(alarm: unionpay::Alarm) -> Self {
        Self::UnionPay(alarm)
    }
}

/// The bank and its surroundings, behind one lock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: SandboxConfig,
    pub(crate) bank: Bank,
    /// Real wall time of this moment.
    pub(crate) wall: SystemTime,
    pub(crate) now: Mono,
    /// Seconds by which the face's clock is off.
    pub(crate) skew: i64,
    pub(crate) alarms: Vec<(Duration, Alarm)>,
    pub(crate) news: Vec<News>,
    /// Where hosted pages are found.
    pub(crate) public_url: String,
    rng: SeededRng,
}

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl World {
    pub(crate) fn new(config: SandboxConfig) -> Self {
        let rng = SeededRng::new(config.seed);
        let public_url = config.public_url.clone();
        Self {
            config,
            bank: Bank::default(),
            wall: UNIX_EPOCH,
            now: Mono::ORIGIN,
            skew: 0,
            alarms: Vec::new(),
            news: Vec::new(),
            public_url,
            rng,
        }
    }

    /// The face's unix time in seconds.
    pub(crate) fn unix(&self) -> i64 {
        unix(self.wall).saturating_add(self.skew)
    }

    /// Fresh letters and digits, the same for the same seed and run.
    pub(crate) fn letters(&mut self, count: usize) -> String {
        letters(&self.rng, count)
    }

    /// Fresh decimal digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.rng.next_u64() % 10).unwrap_or_default())).collect()
    }

    /// A fresh id: the prefix and 24 letters, the same for the same seed and run.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", letters(&self.rng, 24))
    }

    pub(crate) fn after(&mut self, time: Duration, alarm: impl Into<Alarm>) {
        self.alarms.push((time, alarm.into()));
    }
}

pub(crate) fn letters(rng: &SeededRng, count: usize) -> String {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let at = usize::try_from(rng.next_u64() % 62).unwrap_or_default();
        text.push(LETTERS.get(at).copied().map_or('0', char::from));
    }
    text
}

pub(crate) fn unix(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}
