//! Who waits for a cell and who is next: a line for each class, the eldest first where they meet at the account's limit.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::Taken;
use super::gcra::{Gcra, nanos};
use crate::env::Mono;
use crate::guard::config::RateConfig;
use crate::guard::{Ask, Class, PerLane};
use crate::model::text::Quota;

/// All limits and lines of one account.
#[derive(Debug)]
pub(super) struct State {
    account: Gcra,
    lanes: PerLane<Lane>,
    waiting: usize,
    paused_until: u64,
    next_ticket: u64,
    config: RateConfig,
}

#[derive(Debug)]
struct Lane {
    limit: Gcra,
    line: VecDeque<Arc<Place>>,
}

/// One caller's place in the line.
#[derive(Debug)]
pub(super) struct Place {
    ticket: u64,
    class: Class,
    deadline: u64,
    granted: OnceLock<Taken>,
    notify: Notify,
}

impl Place {
    /// Ready when something has changed for this caller.
    pub(super) async fn moved(&self) {
        self.notify.notified().await;
    }
}

/// What a waiting caller does next.
#[derive(Debug)]
pub(super) enum Step {
    Granted(Taken),
    Refused { after: Duration },
    Sleep(Duration),
}

impl State {
    pub(super) fn new(config: &RateConfig, now: Mono) -> Self {
        let limit = |quota| Gcra::new(quota, config.burst, at(now));
        Self {
            account: limit(config.account),
            lanes: quotas(config).map(|quota| Lane { limit: limit(*quota), line: VecDeque::new() }),
            waiting: 0,
            paused_until: 0,
            next_ticket: 0,
            config: config.clone(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes the cells if they are free and nobody waits for them.
    pub(super) fn take(&mut self, class: Class, now: Mono) -> Option<Taken> {
        let now = at(now);
        if self.waiting > 0 {
            self.settle(now);
        }
        let lane = self.lanes.get(class);
        let free = lane.line.is_empty() && self.ready_at(lane) <= now;
        free.then(|| self.take_cells(class, now))
    }

    /// Joins the line, or tells how long it would have to wait beyond what it can.
    pub(super) fn enter(&mut self, ask: &Ask, now: Mono) -> Result<Arc<Place>, Duration> {
        let (now, deadline) = (at(now), at(ask.deadline));
        let line = &self.lanes.get(ask.class).line;
        if line.len() >= self.config.line {
            return Err(until(now, self.served_at(u64::MAX, ask.class, now)));
        }
        let served = self.served_at(self.next_ticket, ask.class, now);
        if served > deadline {
            return Err(until(now, served));
        }
        let place =
            Place { ticket: self.next_ticket, class: ask.class, deadline, granted: OnceLock::new(), notify: Notify::new() };
        let place = Arc::new(place);
        self.next_ticket += 1;
        self.waiting += 1;
        self.lanes.get_mut(ask.class).line.push_back(Arc::clone(&place));
        Ok(place)
    }

    /// Serves whoever can be served, then says what this caller does next.
    pub(super) fn step(&mut self, place: &Arc<Place>, now: Mono) -> Step {
        let now = at(now);
        self.settle(now);
        if let Some(taken) = place.granted.get() {
            return Step::Granted(*taken);
        }
        let served = self.served_at(place.ticket, place.class, now);
        if served > place.deadline {
            return Step::Refused { after: until(now, served) };
        }
        let lane = self.lanes.get(place.class);
        let is_next = lane.line.front().is_some_and(|front| front.ticket == place.ticket);
        // Who is not next is told when it becomes so.
        Step::Sleep(until(now, if is_next { self.ready_at(lane).max(now + 1) } else { place.deadline }))
    }

    /// Leaves the line; a cell that was granted meanwhile goes back.
    pub(super) fn leave(&mut self, place: &Arc<Place>, now: Mono) {
        if let Some(taken) = place.granted.get() {
            return self.give_back(*taken, now);
        }
        let line = &mut self.lanes.get_mut(place.class).line;
        let before = line.len();
        line.retain(|other| other.ticket != place.ticket);
        self.waiting -= before - line.len();
        wake_next(line);
        self.settle(at(now));
    }

    pub(super) fn give_back(&mut self, taken: Taken, now: Mono) {
        self.account.give_back(taken.account);
        self.lanes.get_mut(taken.class).limit.give_back(taken.own);
        if self.waiting > 0 {
            self.settle(at(now));
            self.wake_heads();
        }
    }

    pub(super) fn pause(&mut self, after: Option<Duration>, now: Mono) {
        let time = after.unwrap_or(self.config.pushback).min(self.config.pushback_max);
        self.paused_until = self.paused_until.max(at(now + time));
        self.wake_all();
    }

    pub(super) fn reconfigure(&mut self, config: &RateConfig, now: Mono) {
        let now = at(now);
        self.account.change(config.account, config.burst, now);
        for class in Class::LANES {
            self.lanes.get_mut(class).limit.change(*quotas(config).get(class), config.burst, now);
        }
        self.config = config.clone();
        self.wake_all();
    }

    /// Grants cells to the heads of lines that have both, the eldest first.
    fn settle(&mut self, now: u64) {
        while let Some(class) = self.eldest_ready(now) {
            let taken = self.take_cells(class, now);
            let line = &mut self.lanes.get_mut(class).line;
            let Some(place) = line.pop_front() else { return };
            self.waiting -= 1;
            wake_next(line);
            if place.granted.set(taken).is_ok() {
                place.notify.notify_one();
            }
        }
    }

    fn eldest_ready(&self, now: u64) -> Option<Class> {
        let ready = Class::LANES.into_iter().filter(|class| self.ready_at(self.lanes.get(*class)) <= now);
        let heads = ready.filter_map(|class| self.lanes.get(class).line.front().map(|place| (place.ticket, class)));
        heads.min_by_key(|(ticket, _)| *ticket).map(|(_, class)| class)
    }

    fn take_cells(&mut self, class: Class, now: u64) -> Taken {
        Taken { class, account: self.account.take(now), own: self.lanes.get_mut(class).limit.take(now) }
    }

    fn ready_at(&self, lane: &Lane) -> u64 {
        self.account.ready_at().max(lane.limit.ready_at()).max(self.paused_until)
    }

    /// When the ticket would be served if nobody left but those whose deadline comes first, and nothing changed: plays the
    /// lines forward. The asking ticket stands behind its own line if it has not joined it yet.
    fn served_at(&self, ticket: u64, class: Class, now: u64) -> u64 {
        let mut account = self.account;
        let mut lanes = self.lanes.map(|lane| (lane.limit, 0_usize));
        let mut time = now.max(self.paused_until);
        for _ in 0..=self.waiting {
            let heads = Class::LANES.into_iter().filter_map(|lane| {
                let (limit, served) = lanes.get(lane);
                let head = self.lanes.get(lane).line.get(*served).map(|place| (place.ticket, place.deadline));
                let (head, deadline) = head.or((lane == class.lane()).then_some((ticket, u64::MAX)))?;
                Some((limit.ready_at().max(account.ready_at()).max(time), head, deadline, lane))
            });
            let Some((at, head, deadline, lane)) = heads.min_by_key(|(at, head, ..)| (*at, *head)) else { return time };
            if head == ticket {
                return at;
            }
            let (limit, served) = lanes.get_mut(lane);
            *served += 1;
            if at <= deadline {
                time = at;
                account.take(time);
                limit.take(time);
            }
        }
        time
    }

    fn wake_heads(&self) {
        self.lanes.iter().filter_map(|lane| lane.line.front()).for_each(|place| place.notify.notify_one());
    }

    fn wake_all(&self) {
        self.lanes.iter().flat_map(|lane| &lane.line).for_each(|place| place.notify.notify_one());
    }
}

fn wake_next(line: &VecDeque<Arc<Place>>) {
    if let Some(front) = line.front() {
        front.notify.notify_one();
    }
}

fn quotas(config: &RateConfig) -> PerLane<Option<Quota>> {
    PerLane {
        charge: config.charge,
        give_back: config.give_back,
        query: config.query,
        resolve: config.resolve,
        access: config.access,
    }
}

fn at(instant: Mono) -> u64 {
    nanos(instant.since_origin())
}

fn until(now: u64, then: u64) -> Duration {
    Duration::from_nanos(then.saturating_sub(now))
}
