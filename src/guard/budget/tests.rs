//! The budget: its prices, its refunds, and that it never holds more than its cap.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;

fn env() -> Env {
    Env::simulated(1, SystemTime::UNIX_EPOCH)
}

fn spend_all(budget: &Budget) -> u32 {
    let mut retries = 0;
    while let Ok(loan) = budget.admit(RetryCause::Transient) {
        loan.report(Signal::Fault);
        retries += 1;
    }
    retries
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_retries_end_and_time_brings_them_back() {
    let env = env();
    let budget = Budget::new(&env, &BudgetConfig::default());
    assert_eq!(spend_all(&budget), 35, "500 / 14");
    let refusal = budget.admit(RetryCause::Transient).unwrap_err();
    assert_eq!((refusal.guard, refusal.after), (Guard::Budget, Some(Duration::from_secs(4))), "10 of 14 tokens are left");
    env.sleep(Duration::from_millis(3_999)).await;
    assert!(budget.admit(RetryCause::Transient).is_err());
    env.sleep(Duration::from_millis(1)).await;
    assert!(budget.admit(RetryCause::Transient).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_pushback_is_cheaper() {
    let budget = Budget::new(&env(), &BudgetConfig::default());
    budget.admit(RetryCause::Throttled).unwrap().report(Signal::Fault);
    assert_eq!(budget.tokens(), 495);
    budget.admit(RetryCause::Transient).unwrap().report(Signal::Pushback { after: None });
    assert_eq!(budget.tokens(), 481);
}

#[tokio::test(start_paused = true)]
async fn what_succeeds_or_was_never_sent_is_paid_back() {
    let budget = Budget::new(&env(), &BudgetConfig::default());
    budget.admit(RetryCause::Transient).unwrap().report(Signal::Good);
    budget.admit(RetryCause::Transient).unwrap().report(Signal::Neutral);
    drop(budget.admit(RetryCause::Transient).unwrap());
    assert_eq!(budget.tokens(), 500);
    let mut sent = budget.admit(RetryCause::Transient).unwrap();
    sent.sending();
    drop(sent);
    assert_eq!(budget.tokens(), 486, "sent and then dropped: the provider has had it");
}

#[tokio::test(start_paused = true)]
async fn every_other_success_brings_one_token() {
    let budget = Budget::new(&env(), &BudgetConfig::default());
    spend_all(&budget);
    budget.succeeded();
    assert_eq!(budget.tokens(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_cap_takes_tokens_and_a_cost_above_it_names_no_time() {
    let budget = Budget::new(&env(), &BudgetConfig::default());
    budget.reconfigure(&BudgetConfig { cap: 10, ..BudgetConfig::default() });
    assert_eq!(budget.tokens(), 10);
    assert_eq!(budget.admit(RetryCause::Transient).unwrap_err().after, None);
}

proptest! {
    #[test]
    fn tokens_stay_within_the_cap_and_retries_within_their_means(
        steps in prop::collection::vec((0_u8..6, 0_u64..3_000), 1..300), cap in 0_u32..100,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let env = env();
            let budget = Budget::new(&env, &BudgetConfig { cap, ..BudgetConfig::default() });
            let (mut spent, mut successes, mut out) = (0_u64, 0_u64, Vec::new());
            for (step, millis) in steps {
                env.sleep(Duration::from_millis(millis)).await;
                match step {
                    0 => out.extend(budget.admit(RetryCause::Transient).ok()),
                    1 => out.extend(budget.admit(RetryCause::Throttled).ok()),
                    2 => if let Some(loan) = out.pop() { spent += u64::from(loan.cost); loan.report(Signal::Fault) },
                    3 => if let Some(loan) = out.pop() { loan.report(Signal::Good) },
                    4 => drop(out.pop()),
                    _ => { successes += 1; budget.succeeded() },
                }
                assert!(budget.tokens() <= cap);
                let seconds = env.now().since_origin().as_secs();
                assert!(spent <= u64::from(cap) + successes + seconds, "{spent} tokens were never there");
            }
        });
    }
}
