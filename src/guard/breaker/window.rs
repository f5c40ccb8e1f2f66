//! Good and bad calls of the last while, in ten buckets that expire one by one.

use std::time::Duration;

use crate::env::Mono;

const BUCKETS: u64 = 10;

#[derive(Debug)]
pub(super) struct Window {
    /// A bucket's width in nanoseconds.
    width: u64,
    buckets: [Bucket; 10],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Which stretch of time it counts; an older one's counts are void.
    tick: u64,
    good: u64,
    bad: u64,
}

impl Window {
    pub(super) fn new(span: Duration) -> Self {
        Self { width: width(span), buckets: [Bucket::default(); 10] }
    }

    /// Another span: what was counted in the old one is forgotten.
    pub(super) fn resize(&mut self, span: Duration) {
        if width(span) != self.width {
            *self = Self::new(span);
        }
    }

    pub(super) fn add(&mut self, now: Mono, good: bool) {
        let tick = self.tick(now);
        let slot = usize::try_from(tick % BUCKETS).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(slot) else { return };
        if bucket.tick != tick {
            *bucket = Bucket { tick, good: 0, bad: 0 };
        }
        if good { bucket.good += 1 } else { bucket.bad += 1 }
    }

    /// (good, bad) within the span that ends now.
    pub(super) fn sums(&self, now: Mono) -> (u64, u64) {
        let tick = self.tick(now);
        let live = self.buckets.iter().filter(|bucket| bucket.tick <= tick && tick - bucket.tick < BUCKETS);
        live.fold((0, 0), |(good, bad), bucket| (good + bucket.good, bad + bucket.bad))
    }

    pub(super) fn clear(&mut self) {
        self.buckets = [Bucket::default(); 10];
    }

    fn tick(&self, now: Mono) -> u64 {
        u64::try_from(now.since_origin().as_nanos()).unwrap_or(u64::MAX) / self.width
    }
}

fn width(span: Duration) -> u64 {
    (u64::try_from(span.as_nanos()).unwrap_or(u64::MAX) / BUCKETS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn what_is_older_than_the_span_does_not_count() {
        let mut window = Window::new(Duration::from_secs(1));
        window.add(at(0), false);
        window.add(at(950), true);
        assert_eq!(window.sums(at(999)), (1, 1));
        assert_eq!(window.sums(at(1_000)), (1, 0));
        assert_eq!(window.sums(at(1_950)), (0, 0));
    }

    #[test]
    fn a_bucket_is_used_again_after_its_time() {
        let mut window = Window::new(Duration::from_secs(1));
        window.add(at(50), false);
        window.add(at(1_050), true);
        assert_eq!(window.sums(at(1_060)), (1, 0));
    }
}
