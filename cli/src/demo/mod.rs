//! The demo: a bank that fails, gateways that must not be fooled by it, and a count of the money at the end.

mod alipay;
mod channel;
mod clerk;
mod diary;
mod faults;
mod figures;
mod judge;
mod order;
mod payers;
mod report;
mod stripe;
mod till;
mod unionpay;
mod wechatpay;
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use paysluice::env::Env;
use paysluice::model::OrderNo;
use tokio::sync::mpsc;

use crate::args::DemoAsk;
use clerk::Clerk;
use diary::Diary;
use order::Order;
use report::Report;
use world::World;

/// No order's way may take longer than this: the demo is to show its ends.
const PATIENCE: Duration = Duration::from_secs(40);

/// Takes the payments. Success is that store, ledger and everything told agree.
pub(crate) async fn run(env: Env, ask: &DemoAsk, json: bool) -> Result<ExitCode, String> {
    let seed = ask.seed.unwrap_or_else(|| env.rng().next_u64() % 1_000_000);
    if !json {
        println!("{} payments, {} of 1000 requests meet a fault, seed {seed}", ask.payments, ask.faults);
    }
    let world = World::begin(&env, seed, ask).await?;
    let started = env.now();
    let orders: Arc<[Order]> = order::orders(ask.payments, seed, world.tills.len())?.into();
    let (diaries, interrupted) = take(&env, &world, &orders, ask.concurrency).await;
    let took = env.now().since(started);
    world.calm(&env).await;
    let report = Report::of(&world, &orders, &diaries, seed, took).await?;
    world.end().await;
    report.print(json).map_err(|error| format!("the report could not be written ({error})"))?;
    if interrupted {
        eprintln!("paysluice: interrupted; the report is about the orders that had ended");
    }
    Ok(if report.is_good() && !interrupted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends the orders on their way, so many at once, until all have ended or somebody interrupts.
async fn take(env: &Env, world: &World, orders: &Arc<[Order]>, at_once: u32) -> (BTreeMap<OrderNo, Diary>, bool) {
    let bar = progress(orders.len());
    let next = Arc::new(AtomicUsize::new(0));
    let (ended, mut ends) = mpsc::channel(64);
    for _ in 0..at_once {
        let until = env.now() + PATIENCE;
        let clerks: Vec<Clerk> = world.tills.iter().map(|till| Clerk::new(env.clone(), till, until)).collect();
        let (orders, next, ended) = (Arc::clone(orders), Arc::clone(&next), ended.clone());
        env.spawn(async move {
            while let Some(order) = orders.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Some(clerk) = clerks.get(order.channel) else { continue };
                let diary = clerk.serve(order).await;
                if ended.send((order.no.clone(), diary)).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(ended);
    let (mut diaries, mut interrupted) = (BTreeMap::new(), false);
    loop {
        let end = tokio::select! {
            biased;
            end = ends.recv() => end,
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                // Nothing new is begun; what is under way comes to its end.
                next.store(orders.len(), Ordering::Relaxed);
                continue;
            }
        };
        let Some((no, diary)) = end else { break };
        diaries.insert(no, diary);
        bar.inc(1);
        if diaries.len() == orders.len() / 2 {
            world.tills.iter().for_each(|till| till.channel.halfway());
        }
    }
    bar.finish_and_clear();
    (diaries, interrupted)
}

/// Drawn only where somebody looks: indicatif hides it when stderr is no terminal.
fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} payments  {per_sec}  {elapsed}") {
        bar.set_style(style);
    }
    bar
}
