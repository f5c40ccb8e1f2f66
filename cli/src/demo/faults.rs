//! The demo's bad weather: every fault that a network and a provider have, in the shares asked for.

use paysluice_sandbox::{CallbackFault, Fault, FaultTable, Sandbox, Scope};

/// How long a slow answer drips, in milliseconds: longer than the demo's gateway waits.
const SLOW: u64 = 1500;

/// The shares of the faults, in hundredths of all faults.
const SHARES: [(Fault, u16); 10] = [
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

/// The same for callbacks.
const CALLBACKS: [(CallbackFault, u16); 7] = [
    (CallbackFault::Duplicate, 25),
    (CallbackFault::Late { by_ms: 1200 }, 15),
    (CallbackFault::Early, 15),
    (CallbackFault::Reordered, 15),
    (CallbackFault::Missing, 10),
    (CallbackFault::BadSignature, 10),
    (CallbackFault::OtherSecret, 10),
];

/// Lets `per_mille` of the requests, and twice as many of the callbacks, meet a fault.
pub(crate) fn strike(sandbox: &Sandbox, seed: u64, per_mille: u16) {
    if per_mille == 0 {
        return;
    }
    // A stored 500 that did nothing: its key is burnt, and only canceling the payment proves that it took nothing. Of a capture
    // or a refund nothing proves that before the key is forgotten, a day later; a demo cannot wait so long.
    let confirm = Scope::matching("POST", "/v1/payment_intents/*/confirm");
    sandbox.faults().script_in(confirm, [Fault::Pass, Fault::Pass, Fault::ErrorBefore, Fault::Pass, Fault::ErrorBefore]);
    let table = FaultTable {
        scope: Scope::All,
        requests: SHARES.map(|(fault, share)| (fault, share_of(per_mille, share))).to_vec(),
        callbacks: CALLBACKS.map(|(fault, share)| (fault, share_of(per_mille.saturating_mul(2), share))).to_vec(),
    };
    sandbox.faults().random(seed, table);
}

fn share_of(per_mille: u16, share: u16) -> u16 {
    u16::try_from((u32::from(per_mille) * u32::from(share)).div_ceil(100)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_hundredths_and_every_fault_strikes() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u16>(), 100);
        assert_eq!(CALLBACKS.iter().map(|(_, share)| share).sum::<u16>(), 100);
        assert_eq!((share_of(150, 4), share_of(1, 4), share_of(0, 25)), (6, 1, 0));
    }
}
