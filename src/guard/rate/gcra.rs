//! One limit by the generic cell rate algorithm (ITU-T I.371): an instant that moves by one spacing with every call.

use std::time::Duration;

use crate::model::text::Quota;

/// One limit; without a quota it lets all through. Times are nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gcra {
    /// Time between calls and how far ahead of its time a call may come.
    pace: Option<Pace>,
    /// The theoretical arrival time of the next call.
    tat: u64,
    /// Moves whenever the limit was idle long enough to forget what went before.
    run: Run,
}

#[derive(Clone, Copy, Debug)]
struct Pace {
    spacing: u64,
    tolerance: u64,
}

/// A stretch without a full pause: a cell can be given back only within the one it was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run(u32);

impl Gcra {
    pub(super) fn new(quota: Option<Quota>, burst: u32, now: u64) -> Self {
        Self { pace: quota.map(|quota| Pace::new(quota, burst)), tat: now, run: Run::default() }
    }

    /// When the next call conforms; in the past if it does already.
    pub(super) fn ready_at(&self) -> u64 {
        self.pace.map_or(0, |pace| self.tat.saturating_sub(pace.tolerance))
    }

    /// Takes a cell; the caller has checked that it conforms.
    pub(super) fn take(&mut self, now: u64) -> Run {
        let Some(pace) = self.pace else { return self.run };
        if self.tat <= now {
            self.run = Run(self.run.0.wrapping_add(1));
        }
        self.tat = self.tat.max(now).saturating_add(pace.spacing);
        self.run
    }

    /// Undoes a take of this run. After a full pause it is long made up for, and nothing happens.
    pub(super) fn give_back(&mut self, run: Run) {
        if let Some(pace) = self.pace
            && run == self.run
        {
            self.tat = self.tat.saturating_sub(pace.spacing);
        }
    }

    /// Another pace: calls that are ahead of their time stay ahead by as many cells.
    pub(super) fn change(&mut self, quota: Option<Quota>, burst: u32, now: u64) {
        let ahead = self.pace.map_or(0, |pace| self.tat.saturating_sub(now).div_ceil(pace.spacing));
        self.pace = quota.map(|quota| Pace::new(quota, burst));
        self.run = Run(self.run.0.wrapping_add(1));
        self.tat = now.saturating_add(self.pace.map_or(0, |pace| pace.spacing.saturating_mul(ahead)));
    }
}

impl Pace {
    fn new(quota: Quota, burst: u32) -> Self {
        let spacing = nanos(quota.spacing());
        Self { spacing, tolerance: spacing.saturating_mul(u64::from(burst.saturating_sub(1))) }
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
