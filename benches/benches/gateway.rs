//! A gateway's charges over the loopback against bare reqwest sending the same requests, 64 at a time.
//!
//! Both talk to one hand-written server in a thread of its own; both send the same two requests a charge. What is compared is
//! charges per second, in the same run, so that the machine's mood falls on both. Three questions, told apart:
//!
//! * at once: the server answers as fast as a socket allows, so everybody is bound by the processor, the server included; this
//!   compares what a charge costs. Bare reqwest neither reads the answers nor stores, guards or checks anything;
//! * after 5 ms (no provider is faster): this compares the rate that a caller sees;
//! * alone: over a transport that answers without a network, what the gateway costs by itself.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::single_match_else,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use paysluice::adapter::{Charge, Method, Reply, Request};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, PaymentChannel};
use paysluice::guard::GuardsConfig;
use paysluice::model::{Currency, Money, OrderNo, Secret};
use paysluice::store::{Durability, MemoryStore};
use paysluice::transport::{Limits, NetworkConfig, NetworkTransport, Transport, TransportError};
use paysluice_stripe::{Stripe, StripeConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const CONCURRENCY: u64 = 64;

/// Answers as Stripe does: as fast as a socket allows, or after a while.
fn serve(after: Duration) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                tokio::spawn(talk(socket, after));
            }
        });
    });
    url
}

async fn talk(mut socket: TcpStream, after: Duration) {
    let mut buffer = Vec::with_capacity(8192);
    loop {
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
        let length = text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        while buffer.len() < head + length {
            if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body = String::from_utf8_lossy(&buffer[head..head + length]).into_owned();
        buffer.drain(..head + length);
        let json = answer(text.split(' ').nth(1).unwrap(), &body);
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}", json.len());
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of the answer to a create or a confirm.
fn answer(path: &str, body: &str) -> String {
    match path.strip_prefix("/v1/payment_intents/") {
        Some(rest) => intent(rest.split('/').next().unwrap().strip_prefix("pi_").unwrap(), "succeeded", 1000),
        None => {
            let order = body.split('&').find_map(|pair| pair.strip_prefix("metadata[paysluice_order]=")).unwrap();
            intent(order, "requires_confirmation", 0)
        }
    }
}

fn intent(order: &str, status: &str, received: i64) -> String {
    format!(
        "{{\"id\":\"pi_{order}\",\"object\":\"payment_intent\",\"amount\":1000,\"amount_capturable\":0,\"amount_received\":{received},\
         \"currency\":\"eur\",\"livemode\":false,\"status\":\"{status}\",\"latest_charge\":null,\"last_payment_error\":null,\
         \"metadata\":{{\"paysluice_order\":\"{order}\",\"paysluice_attempt\":\"1\",\"paysluice_method\":\"token\"}}}}"
    )
}

/// Answers without a network.
#[derive(Debug)]
struct InProcess;

impl Transport for InProcess {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        let path = request.url.strip_prefix("https://api.stripe.com").unwrap();
        let json = answer(path, std::str::from_utf8(&request.body).unwrap());
        Box::pin(async move { Ok(Reply::new(http::StatusCode::OK, json)) })
    }
}

/// A gateway that talks to that address, or to nobody.
fn gateway(url: Option<&str>) -> Gateway {
    let env = Env::system();
    let mut config = StripeConfig::new("stripe:test:acct_1".parse().unwrap(), Secret::new("sk_test_bench"));
    let transport: Arc<dyn Transport> = if let Some(url) = url {
        (config.base_url, config.allow_http_loopback) = (url.to_owned(), true);
        let network = NetworkConfig { allow_http_loopback: true, ..NetworkConfig::default() };
        Arc::new(NetworkTransport::new(&network, Duration::from_secs(60)).unwrap())
    } else {
        Arc::new(InProcess)
    };
    let mut guards = GuardsConfig::default();
    (guards.rate.account, guards.bulkhead.charge) = (None, 64);
    let store = Arc::new(MemoryStore::new(env.clock().clone()));
    Gateway::builder(Arc::new(Stripe::new(config).unwrap()), transport, store, env)
        .unsealed()
        .accept_durability(Durability::Process)
        .no_handler()
        .guards(guards)
        .config(GatewayConfig { background: false, ..GatewayConfig::default() })
        .build()
        .unwrap()
}

async fn charge(gateway: Gateway, order: u64) {
    let money = Money::new(1000, Currency::EUR).unwrap();
    let charge = Charge::new(OrderNo::new(format!("G{order}")).unwrap(), money, Method::Token("pm_card_visa".into()));
    gateway.charge(charge, Call::default()).await.unwrap();
}

/// The two requests of a charge, as the gateway sends them.
async fn bare(client: reqwest::Client, url: String, order: u64) {
    let post = |path: String, key: String| {
        let request = client.post(path).header("authorization", "Bearer sk_test_bench").header("idempotency-key", key);
        request.header("stripe-version", "2025-09-30.clover").header("content-type", "application/x-www-form-urlencoded")
    };
    let create = post(format!("{url}/v1/payment_intents"), format!("{order:032x}"));
    let body = format!(
        "amount=1000&currency=eur&capture_method=automatic&automatic_payment_methods[enabled]=true&metadata[paysluice_order]=B{order}\
         &metadata[paysluice_attempt]=1&metadata[paysluice_method]=token"
    );
    create.body(body).send().await.unwrap().bytes().await.unwrap();
    let confirm = post(format!("{url}/v1/payment_intents/pi_B{order}/confirm"), format!("{order:031x}c"));
    confirm.body("payment_method=pm_card_visa").send().await.unwrap().bytes().await.unwrap();
}

/// Runs `charges` charges, 64 at a time, and tells how long they took.
async fn timed<F: Future<Output = ()> + Send>(charges: u64, one: impl Fn(u64) -> F + Clone + Send + 'static) -> Duration {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let workers: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let (next, one) = (Arc::clone(&next), one.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= charges {
                        return;
                    }
                    one(n).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    begun.elapsed()
}

fn charges(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let serial = Arc::new(AtomicU64::new(0));
    for (name, after) in [("at once", Duration::ZERO), ("after 5 ms", Duration::from_millis(5))] {
        let url = serve(after);
        let mut group = criterion.benchmark_group(format!("64 charges over the loopback, answered {name}"));
        group.sample_size(20).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(CONCURRENCY));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        group.bench_function("bare reqwest", |bencher| {
            bencher.iter_custom(|iterations| {
                let (client, url, serial) = (client.clone(), url.clone(), Arc::clone(&serial));
                let one = move |_| bare(client.clone(), url.clone(), serial.fetch_add(1, Ordering::Relaxed));
                runtime.block_on(timed(iterations * CONCURRENCY, one))
            });
        });
        measure(&mut group, &runtime, &serial, Some(&url));
        group.finish();
    }
    let mut group = criterion.benchmark_group("64 charges without a network");
    group.sample_size(20).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(CONCURRENCY));
    measure(&mut group, &runtime, &serial, None);
    group.finish();
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, serial: &Arc<AtomicU64>, url: Option<&str>) {
    group.bench_function("gateway, memory store", |bencher| {
        let gateway = runtime.block_on(async { gateway(url) });
        bencher.iter_custom(|iterations| {
            let (gateway, serial) = (gateway.clone(), Arc::clone(serial));
            let one = move |_| charge(gateway.clone(), serial.fetch_add(1, Ordering::Relaxed));
            runtime.block_on(timed(iterations * CONCURRENCY, one))
        });
    });
}

criterion_group!(benches, charges);
criterion_main!(benches);
