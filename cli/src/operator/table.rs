//! The tables of operators' commands: bare, one line a thing, times as people say them.

use std::time::{Duration, SystemTime};

use comfy_table::Table;
use jiff::Timestamp;
use paysluice::callback::DeadLetter;
use paysluice::gateway::{AuditEntry, OperationView, OrderLine, OrderView, TellView};
use paysluice::model::Money;

use crate::output::framed;

fn headed(names: &[&str]) -> Table {
    let mut table = framed();
    table.set_header(names);
    table
}

pub(super) fn orders(lines: &[OrderLine]) -> Table {
    let mut table = headed(&["order", "status", "money", "captured", "refunded", "attempts", "pending", "blocked"]);
    let money = |money: Option<Money>| money.filter(|money| !money.is_zero()).map(|money| money.to_string()).unwrap_or_default();
    for line in lines {
        table.add_row([
            line.order_no.to_string(),
            line.status.as_ref().map(ToString::to_string).unwrap_or_default(),
            line.money.to_string(),
            money(line.captured),
            money(line.refunded),
            line.attempts.to_string(),
            if line.pending == 0 { String::new() } else { line.pending.to_string() },
            line.blocked.as_ref().map(|block| format!("{block:?}")).unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn operations(operations: &[OperationView]) -> Table {
    let mut table = headed(&["order", "operation", "state", "age", "sends", "looks", "next look", "says"]);
    for operation in operations {
        let next = match operation.next_look {
            None => String::new(),
            Some(_) if operation.held => "somebody is at it".to_owned(),
            Some(due) if due.is_zero() => "now".to_owned(),
            Some(due) => format!("in {}", said(due)),
        };
        table.add_row([
            operation.order.clone(),
            operation.operation.clone(),
            operation.state.name().to_owned(),
            said(operation.age),
            operation.sends.to_string(),
            operation.looks.to_string(),
            next,
            operation.says.clone().unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn attempts(order: &OrderView) -> Table {
    let mut table = headed(&["attempt", "status", "number", "provider id", "captured", "refunded", "notes"]);
    for attempt in &order.attempts {
        let payment = &attempt.payment;
        let blocked = payment.blocked.as_ref().map(|block| format!("blocked: {block:?}; do not fulfil"));
        let action = attempt.action.map(|kind| format!("the payer has to act ({kind})"));
        let parts = payment
            .captures
            .iter()
            .map(|part| ("capture", part.capture_no.as_ref().map(ToString::to_string), part.money, &part.status));
        let refunds = payment
            .refunds
            .iter()
            .map(|part| ("refund", part.refund_no.as_ref().map(ToString::to_string), part.money, &part.status));
        let parts = parts.chain(refunds).map(|(kind, no, money, status)| {
            format!("{kind} {}: {money} {status:?}", no.unwrap_or_else(|| "made elsewhere".to_owned()))
        });
        let notes = blocked.into_iter().chain(action).chain(attempt.released.clone());
        let stop = (attempt.stop && !attempt.dead).then(|| "a cancel is wanted".to_owned());
        let notes: Vec<String> = notes.chain(stop).chain(parts).collect();
        table.add_row([
            payment.attempt.to_string(),
            payment.status.to_string(),
            attempt.number.clone(),
            payment.provider_id.clone().unwrap_or_default(),
            payment.captured.to_string(),
            payment.refunded.to_string(),
            notes.join("; "),
        ]);
    }
    table
}

pub(super) fn tells(tells: &[TellView]) -> Table {
    let mut table = headed(&["at", "change", "status", "by", "tries", "taken"]);
    for tell in tells {
        let taken = if tell.taken { "yes" } else { "not yet" };
        table.add_row([
            at(tell.at),
            format!("{:?}", tell.change),
            tell.status.clone(),
            tell.by.to_string(),
            tell.tries.to_string(),
            taken.to_owned(),
        ]);
    }
    table
}

pub(super) fn dead(letters: &[DeadLetter]) -> Table {
    let mut table = headed(&["id", "event", "why", "replay"]);
    for letter in letters {
        let replay = if letter.replayable { "can be replayed" } else { "the provider must send it again" };
        table.add_row([
            letter.delivery_key.as_str(),
            letter.name.as_deref().unwrap_or("(cannot be read)"),
            &letter.reason,
            replay,
        ]);
    }
    table
}

pub(super) fn audit(entries: &[AuditEntry]) -> Table {
    let mut table = headed(&["at", "by", "act", "about", "before", "after", "evidence"]);
    for entry in entries {
        let about =
            entry.operation.as_ref().map_or_else(|| entry.about.clone(), |operation| format!("{} {operation}", entry.about));
        table.add_row([
            at(entry.at),
            entry.by.clone(),
            entry.act.clone(),
            about,
            entry.before.clone(),
            entry.after.clone(),
            entry.evidence.clone(),
        ]);
    }
    table
}

/// To the second, in UTC.
fn at(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// The two largest units: `3d 4h`, `5m 7s`.
fn said(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<String> =
        units.iter().skip_while(|(count, _)| *count == 0).take(2).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_two_largest_units() {
        for (seconds, expected) in [(0, "0s"), (7, "7s"), (67, "1m 7s"), (3600, "1h 0m"), (273_600, "3d 4h")] {
            assert_eq!(said(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)), "2023-11-14T22:13:20Z");
    }
}
