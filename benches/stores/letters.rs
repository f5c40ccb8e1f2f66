//! What is stored: callbacks of 3 KB, orders, effects and tells of the sizes that a gateway writes.

use std::time::Duration;

/// How many orders the callbacks are about; callbacks of one order follow each other at this distance.
pub const ORDERS: u64 = 256;

/// How long callbacks are kept.
pub const KEPT: Duration = Duration::from_hours(45 * 24);

pub fn callback() -> String {
    padded(3000)
}

pub fn order() -> String {
    padded(800)
}

pub fn effect() -> String {
    padded(80)
}

pub fn told() -> String {
    padded(600)
}

pub fn done() -> String {
    padded(200)
}

fn padded(size: usize) -> String {
    format!("{{\"v\":1,\"pad\":\"{}\"}}", "x".repeat(size))
}
