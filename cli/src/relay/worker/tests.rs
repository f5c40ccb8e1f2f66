//! The schedule of attempts.

use std::time::UNIX_EPOCH;

use paysluice::model::Secret;
use paysluice::signing::StandardWebhooks;
use paysluice::store::MemoryStore;

use super::*;

fn worker() -> Worker {
    let env = Env::simulated(1, UNIX_EPOCH);
    let store = Arc::new(MemoryStore::new(env.clock().clone()));
    let signer = StandardWebhooks::new([&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
    let timeout = Duration::from_secs(15);
    Worker {
        letters: Arc::new(Letters::new(env.clone(), store, "stripe:test:acct_1".parse().unwrap(), None)),
        target: Target::new(env.clone(), "https://shop.example/", false, signer, timeout).unwrap(),
        env,
        concurrency: 8,
        bell: Arc::default(),
        forwarded: AtomicU64::new(0),
        verbose: false,
    }
}

#[tokio::test]
async fn ten_attempts_are_spread_over_three_days_and_then_it_is_given_up() {
    let worker = worker();
    let pauses: Vec<Duration> = (0..9).map(|failed| worker.pause(failed, None).unwrap()).collect();
    for (pause, least) in pauses.iter().zip(PAUSES) {
        assert!((least..=least + least / 5).contains(pause), "{pause:?} after {least:?}");
    }
    let hours = pauses.iter().sum::<Duration>().as_secs() / 3600;
    assert!((75..=92).contains(&hours), "{hours} h");
    assert_eq!(worker.pause(9, None), None);
}

#[tokio::test]
async fn a_target_that_asks_for_time_gets_it_and_not_less_than_the_schedule() {
    let worker = worker();
    assert_eq!(worker.pause(0, Some(Duration::from_secs(3600))), Some(Duration::from_secs(3600)));
    assert!(worker.pause(2, Some(Duration::from_secs(1))).unwrap() >= PAUSES[2]);
    assert_eq!(worker.pause(9, Some(Duration::from_secs(1))), None);
}
