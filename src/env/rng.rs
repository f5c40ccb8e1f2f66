//! Chance: the operating system's for real, a seeded generator for simulation.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random bits.
pub trait Rng: Send + Sync + fmt::Debug + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// 128 random bits: a nonce, a key.
    fn next_u128(&self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }

    /// A duration drawn evenly from zero to `max`: full jitter.
    fn up_to(&self, max: Duration) -> Duration {
        let nanos = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
        if nanos == u64::MAX { max } else { Duration::from_nanos(below(self.next_u64(), nanos + 1)) }
    }
}

/// Maps 64 random bits to `0..bound` by multiplication; the bias is below 2⁻⁶⁴·bound, nothing for jitter.
fn below(bits: u64, bound: u64) -> u64 {
    let wide = u128::from(bits) * u128::from(bound);
    u64::try_from(wide >> 64).unwrap_or(u64::MAX)
}

/// The operating system's randomness, fit for keys and nonces.
#[derive(Debug, Default)]
pub struct SystemRng(SystemRandom);

impl SystemRng {
    /// A generator fed by the operating system.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }

    /// Each draw costs as much as a hundred bytes would, so one is made for all that is asked for.
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // aws-lc aborts the process itself when the system has no entropy; a predictable key would be worse than stopping.
        assert!(self.0.fill(&mut bytes).is_ok(), "the operating system gave no randomness");
        bytes
    }
}

impl Rng for SystemRng {
    fn next_u64(&self) -> u64 {
        u64::from_ne_bytes(self.bytes())
    }

    fn next_u128(&self) -> u128 {
        u128::from_ne_bytes(self.bytes())
    }
}

/// SplitMix64 from a seed: the same seed, the same run. For simulation only, never for keys.
#[derive(Debug)]
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Rng for SeededRng {
    fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let (a, b) = (SeededRng::new(7), SeededRng::new(7));
        let first: Vec<u64> = (0..8).map(|_| a.next_u64()).collect();
        let second: Vec<u64> = (0..8).map(|_| b.next_u64()).collect();
        assert_eq!(first, second);
        assert_ne!(first.first(), first.last());
    }

    #[test]
    fn jitter_stays_within_its_bound_and_reaches_both_halves() {
        let rng = SeededRng::new(1);
        let max = Duration::from_millis(10);
        let draws: Vec<Duration> = (0..1000).map(|_| rng.up_to(max)).collect();
        assert!(draws.iter().all(|d| *d <= max));
        assert!(draws.iter().any(|d| *d < max / 2) && draws.iter().any(|d| *d > max / 2));
    }
}
