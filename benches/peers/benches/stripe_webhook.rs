//! A Stripe webhook of 3.3 KB proved and read: by Paysluice, by hand, and by async-stripe-webhook, in one run, with the ratios.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use criterion::Criterion;
use http::Method;
use paysluice::adapter::{Callbacks, Change, Granted, Opened, Request};
use paysluice::model::Secret;
use paysluice_peers::by_hand;
use paysluice_stripe::{Stripe, StripeConfig};

const BODY: &str = include_str!("../fixtures/payment_intent_succeeded.json");
const SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";
const NOW: u64 = 1_790_845_210;

const GROUP: &str = "stripe_webhook";
const OURS: &str = "paysluice";
const BY_HAND: &str = "by_hand";
const PEER: &str = "async_stripe_webhook";

fn main() {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/criterion");
    let mut criterion = Criterion::default()
        .output_directory(&places)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    report(&places);
}

fn measure(criterion: &mut Criterion) {
    let header = by_hand::header(SECRET, NOW, BODY.as_bytes());
    let (stripe, now, granted) = (stripe(), UNIX_EPOCH + Duration::from_secs(NOW), Granted::default());
    let request = request(&header);
    check_all(&stripe, &request, &header, now);

    let mut group = criterion.benchmark_group(GROUP);
    group.bench_function(BY_HAND, |b| b.iter(|| by_hand::open(black_box(BODY.as_bytes()), black_box(&header), SECRET, NOW)));
    group.bench_function(OURS, |b| b.iter(|| stripe.open(black_box(&request), now, &granted)));
    group.bench_function(PEER, |b| b.iter(|| peer(black_box(BODY), black_box(&header))));
    group.finish();
}

/// All three read the same payment of the same event, or the figures compare nothing.
fn check_all(stripe: &Stripe, request: &Request, header: &str, now: SystemTime) {
    let hand = by_hand::open(BODY.as_bytes(), header, SECRET, NOW).expect("by hand: the fixture opens");
    let Ok(Opened::Items(items)) = stripe.open(request, now, &Granted::default()) else { panic!("paysluice: the fixture opens") };
    let event = items[0].verdict.as_ref().expect("paysluice: the event reads");
    let theirs = peer(BODY, header).expect("async-stripe-webhook: the fixture opens");
    assert_eq!((hand.id, items[0].delivery_key.as_str()), (theirs.id.as_str(), theirs.id.as_str()));
    assert_eq!(hand.data.object.amount_received, 4999);
    assert!(event.change() == &Change::Payment && event.about().order.is_some(), "paysluice knows the order: {event:?}");
}

fn stripe() -> Stripe {
    let account = "stripe:test:acct_1".parse().expect("an account");
    let config = StripeConfig::new(account, Secret::new("sk_test_0123456789")).webhook_secret(Secret::new(SECRET));
    Stripe::new(config).expect("a configuration")
}

fn request(header: &str) -> Request {
    let mut request = Request::new(Method::POST, "/callbacks/stripe").with_body(Bytes::from_static(BODY.as_bytes()));
    request.headers.insert("stripe-signature", header.parse().expect("a header"));
    request
}

fn peer(body: &str, header: &str) -> Result<stripe_webhook::Event, stripe_webhook::WebhookError> {
    stripe_webhook::Webhook::construct_event_with_timestamp(body, header, SECRET, NOW as i64)
}

/// Prints the medians of this run and how they stand to the targets.
fn report(places: &Path) {
    let medians = [OURS, BY_HAND, PEER].map(|name| median(&places.join(GROUP).join(name).join("new/estimates.json")));
    let [Some(ours), Some(by_hand), Some(peer)] = medians else { return };
    println!("\n{} bytes: {OURS} {ours:.0} ns, {BY_HAND} {by_hand:.0} ns, {PEER} {peer:.0} ns", BODY.len());
    let (cost, gain) = (ours / by_hand, peer / ours);
    println!("{OURS} / {BY_HAND}: {cost:.2} (target at most 1.30: {})", met(cost <= 1.3));
    println!("{PEER} / {OURS}: {gain:.2} (target at least 4.00: {})", met(gain >= 4.0));
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn median(estimates: &PathBuf) -> Option<f64> {
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(estimates).ok()?).ok()?;
    read["median"]["point_estimate"].as_f64()
}
