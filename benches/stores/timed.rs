//! The rounds: ours, bare and grouped in turn, alone and by 64 tasks; medians and ratios.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Inbox;

/// How many work side by side, and share a bare loop's transaction.
const TASKS: u64 = 64;

/// How many rows a claim takes: as the gateway's worker does.
const BATCH: usize = 64;

/// A lease so short that what was claimed is soon due again: the claims never run out of rows.
const SHORT: Duration = Duration::from_millis(2);

/// How long one round takes, and how many there are.
const ROUND: Duration = Duration::from_millis(800);
const ROUNDS: usize = 5;

/// Most that one round stores: it must fit in memory.
const MOST: u64 = 20_000;

/// Measures ours beside the bare loop.
pub async fn beside(name: &str, ours: impl Inbox, bare: impl Inbox) {
    let (ours, bare, next) = (Arc::new(ours), Arc::new(bare), Arc::new(AtomicU64::new(0)));
    for tasks in [1, TASKS] {
        let mut rates = <[Vec<f64>; 3]>::default();
        for _ in 0..ROUNDS {
            rates[0].push(applied(&ours, tasks, &next).await);
            rates[1].push(applied(&bare, tasks, &next).await);
        }
        tell(name, "stored and applied", tasks, &mut rates);
    }
    for tasks in [1, TASKS] {
        let mut rates = <[Vec<f64>; 3]>::default();
        for _ in 0..ROUNDS {
            rates[0].push(stored(&ours, tasks, &next).await);
            rates[1].push(stored(&bare, tasks, &next).await);
            rates[2].push(grouped(&bare, &next).await);
        }
        tell(name, "stored", tasks, &mut rates);
    }
    // What was stored last is due: that is what the claims turn over.
    for tasks in [1, TASKS] {
        let mut rates = <[Vec<f64>; 3]>::default();
        for _ in 0..ROUNDS {
            rates[0].push(claimed(&ours, tasks).await);
            rates[1].push(claimed(&bare, tasks).await);
        }
        tell(name, "claimed, 64 a claim", tasks, &mut rates);
    }
}

fn tell(name: &str, what: &str, tasks: u64, rates: &mut [Vec<f64>; 3]) {
    let [ours, bare, grouped] = rates.each_mut().map(|rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    });
    let ratio = |to: Option<f64>| match (ours, to) {
        (Some(ours), Some(to)) if to > 0.0 => format!("{:.2}", ours / to),
        _ => String::new(),
    };
    let rate = |rate: Option<f64>| rate.filter(|rate| *rate > 0.0).map_or_else(String::new, |rate| format!("{rate:.0}"));
    println!(
        "{name:<10} {what:<22} {tasks:>5} {:>10} {:>10} {:>10} {:>7} {:>9}",
        rate(ours),
        rate(bare),
        rate(grouped),
        ratio(bare),
        ratio(grouped)
    );
}

/// So many tasks do one thing after another for a round; how many a second there were, each counting for what it returns.
async fn rate<F: Future<Output = u64> + Send>(tasks: u64, most: u64, one: impl Fn() -> F + Clone + Send + 'static) -> f64 {
    let begun = Instant::now();
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let one = one.clone();
            tokio::spawn(async move {
                let mut count = 0;
                while begun.elapsed() < ROUND && count < most / tasks {
                    match one().await {
                        0 => break,
                        done => count += done,
                    }
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for worker in workers {
        count += worker.await.unwrap();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn stored<T: Inbox>(inbox: &Arc<T>, tasks: u64, next: &Arc<AtomicU64>) -> f64 {
    let (inbox, next) = (inbox.clone(), next.clone());
    rate(tasks, MOST, move || {
        let (inbox, n) = (inbox.clone(), next.fetch_add(1, Ordering::Relaxed));
        async move {
            inbox.store(n).await;
            1
        }
    })
    .await
}

async fn grouped<T: Inbox>(inbox: &Arc<T>, next: &Arc<AtomicU64>) -> f64 {
    let (inbox, next) = (inbox.clone(), next.clone());
    rate(T::LOOPS, MOST, move || {
        let (inbox, n) = (inbox.clone(), next.fetch_add(TASKS, Ordering::Relaxed));
        async move { inbox.store_group(n, TASKS).await }
    })
    .await
}

async fn claimed<T: Inbox>(inbox: &Arc<T>, tasks: u64) -> f64 {
    let inbox = inbox.clone();
    rate(tasks, u64::MAX, move || {
        let inbox = inbox.clone();
        async move { inbox.claim(BATCH, SHORT).await.len() as u64 }
    })
    .await
}

/// A batch is stored, claimed and applied: one by one, or each step by all tasks at once.
async fn applied<T: Inbox>(inbox: &Arc<T>, tasks: u64, next: &Arc<AtomicU64>) -> f64 {
    let (inbox, next) = (inbox.clone(), next.clone());
    rate(1, MOST, move || {
        let (inbox, from) = (inbox.clone(), next.fetch_add(TASKS, Ordering::Relaxed));
        async move {
            if tasks == 1 {
                for n in from..from + TASKS {
                    inbox.store(n).await;
                }
                let taken = inbox.claim(BATCH, Duration::from_secs(60)).await;
                let count = taken.len();
                for one in taken {
                    inbox.apply(one).await;
                }
                return count as u64;
            }
            side_by_side((from..from + TASKS).map(|n| (inbox.clone(), n)), |(inbox, n)| async move { inbox.store(n).await })
                .await;
            let taken = inbox.claim(BATCH, Duration::from_secs(60)).await;
            let count = taken.len();
            side_by_side(taken.into_iter().map(|one| (inbox.clone(), one)), |(inbox, one)| async move { inbox.apply(one).await })
                .await;
            count as u64
        }
    })
    .await
}

async fn side_by_side<I: Send, F: Future<Output = ()> + Send + 'static>(items: impl Iterator<Item = I>, work: impl Fn(I) -> F) {
    let tasks: Vec<_> = items.map(|item| tokio::spawn(work(item))).collect();
    for task in join_all(tasks).await {
        task.unwrap();
    }
}
