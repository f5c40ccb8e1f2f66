//! The demo's bad weather: every fault that a network and a provider have, in the shares asked for.

use paysluice_sandbox::{CallbackFault, Fault, FaultTable, Sandbox, Scope};

use super::channel::Channel;

/// How long a slow answer drips, in milliseconds: longer than the demo's gateway waits.
pub(crate) const SLOW: u64 = 1500;

/// A fault and its share, in hundredths of all faults.
pub(crate) type Share = (Fault, u16);

/// What can happen to any request.
pub(crate) const ANY: [Share; 10] = [
    (Fault::Refuse, 10),
    (Fault::CloseBefore, 15),
    (Fault::CloseAfter, 25),
    (Fault::ErrorAfter, 12),
    (Fault::Unavailable, 10),
    (Fault::TooMany { retry_after_s: 0 }, 6),
    (Fault::Slow { by_ms: SLOW }, 4),
    (Fault::Truncated, 10),
    (Fault::Garbage, 4),
    (Fault::OtherOrder, 4),
];

/// What can happen to a request whose answer is signed.
pub(crate) const SIGNED: [Share; 16] = [
    (Fault::Refuse, 6),
    (Fault::CloseBefore, 10),
    (Fault::CloseAfter, 16),
    (Fault::ErrorBefore, 4),
    (Fault::ErrorAfter, 8),
    (Fault::Unavailable, 8),
    (Fault::TooMany { retry_after_s: 0 }, 6),
    (Fault::Slow { by_ms: SLOW }, 4),
    (Fault::Truncated, 6),
    (Fault::Garbage, 4),
    (Fault::OtherOrder, 4),
    (Fault::Accepted, 4),
    (Fault::BadSignature, 5),
    (Fault::SignProbe, 6),
    (Fault::OtherKey, 5),
    (Fault::Unsigned, 4),
];

/// What can happen to callbacks.
const CALLBACKS: [(CallbackFault, u16); 8] = [
    (CallbackFault::Duplicate, 25),
    (CallbackFault::Late { by_ms: 1200 }, 15),
    (CallbackFault::Early, 15),
    (CallbackFault::Reordered, 15),
    (CallbackFault::Missing, 10),
    (CallbackFault::BadSignature, 8),
    (CallbackFault::OtherSecret, 7),
    (CallbackFault::SignProbe, 5),
];

/// Lets `per_mille` of the requests, and twice as many of the callbacks, meet a fault.
pub(crate) fn strike<'a>(sandbox: &Sandbox, seed: u64, per_mille: u16, channels: impl Iterator<Item = &'a dyn Channel>) {
    if per_mille == 0 {
        return;
    }
    let doubled = per_mille.saturating_mul(2);
    let callbacks = CALLBACKS.map(|(fault, share)| (fault, share_of(doubled, share))).to_vec();
    let letters = FaultTable { callbacks, ..FaultTable::default() };
    for (table, place) in channels.flat_map(|channel| channel.weather(per_mille)).chain([letters]).zip(0..) {
        sandbox.faults().random(seed.wrapping_add(place), table);
    }
}

/// `per_mille` of the requests in scope meet a fault, in those shares, as far as they go.
pub(crate) fn table(scope: Scope, per_mille: u16, shares: impl IntoIterator<Item = Share>) -> FaultTable {
    let requests = shares.into_iter().map(|(fault, share)| (fault, share_of(per_mille, share))).collect();
    FaultTable { scope, requests, callbacks: Vec::new() }
}

fn share_of(per_mille: u16, share: u16) -> u16 {
    u16::try_from((u32::from(per_mille) * u32::from(share)).div_ceil(100)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_hundredths_and_every_fault_strikes() {
        for shares in [&ANY[..], &SIGNED] {
            assert_eq!(shares.iter().map(|(_, share)| share).sum::<u16>(), 100);
        }
        assert_eq!(CALLBACKS.iter().map(|(_, share)| share).sum::<u16>(), 100);
        assert_eq!((share_of(150, 4), share_of(1, 4), share_of(0, 25)), (6, 1, 0));
    }
}
