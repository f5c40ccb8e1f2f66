//! The bulkhead in virtual time: its line, its deadlines, its sizes.

use std::time::SystemTime;

use tokio::task::yield_now;

use super::*;

fn env() -> Env {
    Env::simulated(1, SystemTime::UNIX_EPOCH)
}

fn small() -> BulkheadConfig {
    BulkheadConfig { charge: 1, line: 2, ..BulkheadConfig::default() }
}

fn ask(env: &Env, class: Class, secs: u64) -> Ask {
    Ask { class, deadline: env.now() + Duration::from_secs(secs) }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_charge_leaves_the_other_classes_their_permits() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &small());
    let held = bulkhead.admit(&ask(&env, Class::Charge, 1)).await.unwrap();
    assert!(bulkhead.try_admit(Class::Charge).is_none());
    for class in [Class::Return, Class::Query, Class::Resolve, Class::Access, Class::Probe] {
        assert!(bulkhead.try_admit(class).is_some(), "{class}");
    }
    drop(held);
    assert!(bulkhead.try_admit(Class::Charge).is_some());
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_refused_at_the_deadline_and_who_finds_the_line_full_at_once() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &small());
    let _held = bulkhead.try_admit(Class::Charge).unwrap();
    let waits = |secs| {
        let (bulkhead, ask) = (bulkhead.clone(), ask(&env, Class::Charge, secs));
        async move { bulkhead.admit(&ask).await }
    };
    let third = async {
        yield_now().await;
        let refusal = waits(100).await.unwrap_err();
        assert_eq!((env.now().since_origin(), refusal.after), (Duration::ZERO, Some(Duration::from_secs(1))));
    };
    let (first, second, ()) = tokio::join!(waits(3), waits(5), third);
    assert_eq!(first.unwrap_err().guard, Guard::Bulkhead);
    assert!(second.is_err());
    assert_eq!(env.now().since_origin(), Duration::from_secs(5));
    assert_eq!(bulkhead.usage(Class::Charge), BulkheadUsage { used: 1, permits: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn permits_go_to_who_came_first() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &small());
    let held = bulkhead.try_admit(Class::Charge).unwrap();
    let order = Mutex::new(Vec::new());
    let wait = |name| {
        let (bulkhead, order, ask) = (bulkhead.clone(), &order, ask(&env, Class::Charge, 9));
        async move {
            let permit = bulkhead.admit(&ask).await.unwrap();
            order.lock().unwrap().push(name);
            yield_now().await;
            drop(permit);
        }
    };
    let release = async {
        yield_now().await;
        drop(held);
        assert!(bulkhead.try_admit(Class::Charge).is_none(), "nobody passes the line");
    };
    tokio::join!(wait(1), wait(2), release);
    assert_eq!(*order.lock().unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_leaves_the_line_and_takes_no_permit() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &small());
    let held = bulkhead.try_admit(Class::Charge).unwrap();
    let ask = ask(&env, Class::Charge, 9);
    {
        let wait = bulkhead.admit(&ask);
        tokio::pin!(wait);
        assert!(futures_util::FutureExt::now_or_never(wait.as_mut()).is_none());
        assert_eq!(bulkhead.usage(Class::Charge).waiting, 1);
        drop(held);
    }
    assert_eq!(bulkhead.usage(Class::Charge), BulkheadUsage { used: 0, permits: 1, waiting: 0 });
    assert!(bulkhead.try_admit(Class::Charge).is_some());
}

#[tokio::test(start_paused = true)]
async fn sizes_change_while_permits_are_out() {
    let env = env();
    let sized = |charge| BulkheadConfig { charge, ..small() };
    let bulkhead = Bulkhead::new(&env, &sized(3));
    let mut held: Vec<_> = (0..3).map(|_| bulkhead.try_admit(Class::Charge).unwrap()).collect();
    bulkhead.reconfigure(&sized(1));
    assert_eq!(bulkhead.usage(Class::Charge), BulkheadUsage { used: 3, permits: 1, waiting: 0 });
    held.pop();
    held.pop();
    assert!(bulkhead.try_admit(Class::Charge).is_none(), "two came back and were let go");
    bulkhead.reconfigure(&sized(2));
    held.push(bulkhead.try_admit(Class::Charge).unwrap());
    assert!(bulkhead.try_admit(Class::Charge).is_none());
    held.clear();
    assert_eq!(bulkhead.usage(Class::Charge), BulkheadUsage { used: 0, permits: 2, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn more_permits_serve_the_line_at_once() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &small());
    let _held = bulkhead.try_admit(Class::Charge).unwrap();
    let ask = ask(&env, Class::Charge, 9);
    let grow = async {
        yield_now().await;
        bulkhead.reconfigure(&BulkheadConfig { charge: 2, ..small() });
    };
    let (permit, ()) = tokio::join!(bulkhead.admit(&ask), grow);
    assert!(permit.is_ok());
    assert_eq!(env.now().since_origin(), Duration::ZERO);
}
