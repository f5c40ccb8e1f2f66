//! A gateway's charges over the loopback against bare reqwest sending the same requests, 64 at a time.
//!
//! Both talk to one hand-written server in a thread of its own; both send two requests a charge. What is compared is requests
//! per second, in the same run, so that the machine's mood falls on both.
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

use criterion::{Criterion, criterion_group, criterion_main};
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

/// Answers as Stripe does, as fast as a socket allows.
fn serve() -> String {
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
                tokio::spawn(talk(socket));
            }
        });
    });
    url
}

async fn talk(mut socket: TcpStream) {
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
        let path = text.split(' ').nth(1).unwrap();
        let json = match path.strip_prefix("/v1/payment_intents/") {
            Some(rest) => intent(rest.split('/').next().unwrap().strip_prefix("pi_").unwrap(), "succeeded", 1000),
            None => {
                let order = body.split('&').find_map(|pair| pair.strip_prefix("metadata[paysluice_order]=")).unwrap();
                intent(order, "requires_confirmation", 0)
            }
        };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}", json.len());
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
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

/// The same answers without a network: what is left is the gateway itself.
#[derive(Debug)]
struct Instantly;

impl Transport for Instantly {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        let path = request.url.split_once("//").unwrap().1.split_once('/').unwrap().1;
        let json = match path.strip_prefix("v1/payment_intents/") {
            Some(rest) => intent(rest.split('/').next().unwrap().strip_prefix("pi_").unwrap(), "succeeded", 1000),
            None => {
                let body = std::str::from_utf8(&request.body).unwrap();
                let order = body.split('&').find_map(|pair| pair.strip_prefix("metadata[paysluice_order]=")).unwrap();
                intent(order, "requires_confirmation", 0)
            }
        };
        Box::pin(std::future::ready(Ok(Reply::new(http::StatusCode::OK, json))))
    }
}

fn network() -> Arc<dyn Transport> {
    let network = NetworkConfig { allow_http_loopback: true, ..NetworkConfig::default() };
    Arc::new(NetworkTransport::new(&network, Duration::from_secs(60)).unwrap())
}

fn gateway(url: &str, transport: Arc<dyn Transport>) -> Gateway {
    let env = Env::system();
    let mut config = StripeConfig::new("stripe:test:acct_1".parse().unwrap(), Secret::new("sk_test_bench"));
    (config.base_url, config.allow_http_loopback) = (url.to_owned(), true);
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
    let url = serve();
    let serial = Arc::new(AtomicU64::new(0));
    let mut group = criterion.benchmark_group("charge over the loopback, 64 at a time");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    group.bench_function("bare reqwest", |bencher| {
        bencher.iter_custom(|iterations| {
            let (client, url, serial) = (client.clone(), url.clone(), Arc::clone(&serial));
            runtime.block_on(timed(iterations * CONCURRENCY, move |_| {
                let (client, url, order) = (client.clone(), url.clone(), serial.fetch_add(1, Ordering::Relaxed));
                async move {
                    let create = client.post(format!("{url}/v1/payment_intents"));
                    let create =
                        create.header("authorization", "Bearer sk_test_bench").header("idempotency-key", order.to_string());
                    let body = format!("amount=1000&currency=eur&capture_method=automatic&metadata[paysluice_order]=B{order}");
                    create.body(body).send().await.unwrap().bytes().await.unwrap();
                    let confirm = client.post(format!("{url}/v1/payment_intents/pi_B{order}/confirm"));
                    let confirm =
                        confirm.header("authorization", "Bearer sk_test_bench").header("idempotency-key", format!("{order}c"));
                    confirm.body("payment_method=pm_card_visa").send().await.unwrap().bytes().await.unwrap();
                }
            }))
        });
    });
    for (name, transport) in
        [("gateway, memory store", network()), ("gateway alone, without a network", Arc::new(Instantly) as _)]
    {
        let gateway = runtime.block_on(async { gateway(&url, transport) });
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let (gateway, serial) = (gateway.clone(), Arc::clone(&serial));
                runtime.block_on(timed(iterations * CONCURRENCY, move |_| {
                    let (gateway, order) = (gateway.clone(), serial.fetch_add(1, Ordering::Relaxed));
                    async move {
                        let (order, money) =
                            (OrderNo::new(format!("G{order}")).unwrap(), Money::new(1000, Currency::EUR).unwrap());
                        let charge = Charge::new(order, money, Method::Token("pm_card_visa".into()));
                        gateway.charge(charge, Call::default()).await.unwrap();
                    }
                }))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, charges);
criterion_main!(benches);
