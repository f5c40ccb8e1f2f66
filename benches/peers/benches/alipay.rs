//! Alipay beside aws-lc-rs by hand, in one run: a notice proved and read; a request signed; with the ratios.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::Criterion;
use http::Method;
use paysluice::adapter::{Adapter, Callbacks, Codec, Form, Granted, Known, Opened, Query, Ready, Request, Seed, Stamp};
use paysluice::model::{IdempotencyKey, OrderNo, ProviderNo, Secret};
use paysluice_alipay::{Alipay, AlipayConfig};
use paysluice_peers::alipay_by_hand::Key;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../channels/alipay/vectors/vectors.json");
const ALIPAY_KEY: &str = include_str!("../../../channels/alipay/vectors/node_alipay_notify_public_key_v1.pem");
const APP_KEY: &str = include_str!("../../../channels/alipay/vectors/node_app_private_key_pkcs8.pem");
const APP: &str = "2019073166072302";
const SELLER: &str = "2088531891668739";

const NOTICE: &str = "alipay_notice";
const SIGNING: &str = "alipay_signing";
const OURS: &str = "paysluice";
const BY_HAND: &str = "by_hand";

fn main() {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/criterion");
    let mut criterion = Criterion::default()
        .output_directory(&places)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    notice(&mut criterion);
    signing(&mut criterion);
    criterion.final_summary();
    report(&places, NOTICE, "form, canonical string, base64 and RSA verify", 1.3);
    report(&places, SIGNING, "canonical string, one RSA-2048 signature and base64", 1.1);
}

fn notice(criterion: &mut Criterion) {
    let (alipay, request, granted) = (alipay(), request(), Granted::default());
    let key = Key::new(&der(ALIPAY_KEY), APP, SELLER).expect("a key");

    // Both read the same payment, or the figures compare nothing.
    let hand = key.open(&request.body).expect("by hand: the vector opens");
    let Ok(Opened::Items(items)) = alipay.open(&request, UNIX_EPOCH, &granted) else { panic!("paysluice: the vector opens") };
    let event = items[0].verdict.as_ref().expect("paysluice: the event reads");
    assert_eq!(event.about().number.as_ref().map(ProviderNo::as_str), Some(hand.out_trade_no.as_str()));
    assert_eq!(event.seen().money.map(|money| money.minor()), Some(hand.total_amount));

    let mut group = criterion.benchmark_group(NOTICE);
    group.bench_function(BY_HAND, |b| b.iter(|| key.open(black_box(&request.body))));
    group.bench_function(OURS, |b| b.iter(|| alipay.open(black_box(&request), UNIX_EPOCH, &granted)));
    group.finish();
}

fn signing(criterion: &mut Criterion) {
    let alipay = alipay();
    let op = Query::new(OrderNo::new("order_4711").expect("an order"));
    let seed = Seed {
        number: ProviderNo::new("order_4711").expect("a number"),
        key: IdempotencyKey::new("key-0001").expect("a key"),
        born: UNIX_EPOCH,
    };
    let codec: &dyn Codec<Query> = alipay.query().expect("it can be queried");
    let Ok(Ready::Done(draft)) = codec.draft(&op, &Known::default(), &seed, &Granted::default()) else { panic!("a draft") };
    let stamp = Stamp { now: UNIX_EPOCH + Duration::from_secs(1_700_000_000), nonce: 7, send: 1 };
    let (app, rng) = (KeyPair::from_pkcs8(&der(APP_KEY)).expect("a key"), SystemRandom::new());
    let mut signature = vec![0; app.public_modulus_len()];

    let mut group = criterion.benchmark_group(SIGNING);
    group.bench_function(BY_HAND, |b| {
        b.iter(|| {
            let text = format!(
                "app_id={APP}&biz_content={}&charset=utf-8&format=JSON&method=alipay.trade.query&sign_type=RSA2\
                 &timestamp=2023-11-15 06:13:20&version=1.0",
                black_box(&draft.body)
            );
            app.sign(&RSA_PKCS1_SHA256, &rng, text.as_bytes(), &mut signature).expect("a signature");
            STANDARD.encode(&signature)
        })
    });
    group.bench_function(OURS, |b| b.iter(|| codec.sign(black_box(&draft), &stamp, &Granted::default())));
    group.finish();
}

fn alipay() -> Alipay {
    let account = format!("alipay:live:{APP}").parse().expect("an account");
    let config = AlipayConfig::with_key(account, Secret::new(APP_KEY), ALIPAY_KEY).seller_id(SELLER);
    Alipay::new(config).expect("a configuration")
}

/// The notice that Alipay's Node SDK publishes.
fn request() -> Request {
    let read: Value = serde_json::from_str(VECTORS).expect("JSON");
    let all = read["vectors"].as_array().expect("a list");
    let vector = all.iter().find(|vector| vector["id"] == "notify-sign_type-removed").expect("the vector");
    let fields = vector["params"].as_object().expect("fields");
    let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))));
    Request::new(Method::POST, "/callbacks/alipay").with_body(Bytes::from(body))
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("base64")
}

/// Prints the medians of this run and how they stand to the target.
fn report(places: &Path, group: &str, peer: &str, target: f64) {
    let medians = [OURS, BY_HAND].map(|name| median(&places.join(group).join(name).join("new/estimates.json")));
    let [Some(ours), Some(by_hand)] = medians else { return };
    let cost = ours / by_hand;
    let met = if cost <= target { "met" } else { "MISSED" };
    println!("\n{group}: {OURS} {ours:.0} ns, {peer} {by_hand:.0} ns");
    println!("{OURS} / {BY_HAND}: {cost:.2} (target at most {target:.2}: {met})");
}

fn median(estimates: &PathBuf) -> Option<f64> {
    let read: Value = serde_json::from_slice(&std::fs::read(estimates).ok()?).ok()?;
    read["median"]["point_estimate"].as_f64()
}
