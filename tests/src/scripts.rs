//! Fault scripts: every sequence of faults up to a length, each in a world of its own.

use paysluice::gateway::{Answer, Outcome};
use paysluice::model::{Error, Next, Payment};
use paysluice_sandbox::Fault;

use crate::{Setup, World, on_virtual_time};

/// What can happen to any request.
pub const FAULTS: [Fault; 8] = [
    Fault::Refuse,
    Fault::CloseBefore,
    Fault::CloseAfter,
    Fault::ErrorAfter,
    Fault::TooMany { retry_after_s: 1 },
    Fault::Slow { by_ms: 120_000 },
    Fault::Truncated,
    Fault::Garbage,
];

/// What can happen beside to a request of a provider that signs its answers.
pub const SIGNED_FAULTS: [Fault; 6] =
    [Fault::BadSignature, Fault::SignProbe, Fault::OtherKey, Fault::Unsigned, Fault::Accepted, Fault::TooManyAfter];

/// Every script of 1 to `longest` of those faults.
pub fn scripts(faults: &[Fault], longest: u32) -> impl Iterator<Item = Vec<Fault>> {
    let count = faults.len();
    (1..=longest).flat_map(move |length| {
        (0..count.pow(length))
            .map(move |n| (0..length).filter_map(|place| faults.get(n / count.pow(place) % count).copied()).collect())
    })
}

/// Runs every script in a world of its own; the test names its script when it fails.
pub fn all(faults: &[Fault], longest: u32, setup: impl Fn() -> Setup, test: impl AsyncFn(&World, &[Fault])) {
    on_virtual_time(async {
        for (seed, script) in (0..).zip(scripts(faults, longest)) {
            let world = World::with(Setup { seed, ..setup() });
            test(&world, &script).await;
        }
    });
}

/// Asks again as long as the error says so, after the time it names.
pub async fn insist<'a>(world: &World, ask: impl Fn() -> Outcome<'a>) -> Result<Answer<Payment>, Error> {
    for _ in 0..5 {
        match ask().await {
            Err(error) if matches!(error.next(), Next::Resend { .. }) => {
                let Next::Resend { after } = error.next() else { continue };
                world.env.sleep(after).await;
            }
            told => return told,
        }
    }
    ask().await
}
