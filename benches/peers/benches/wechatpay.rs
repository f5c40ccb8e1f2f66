//! WeChat Pay beside aws-lc-rs by hand, in one run: a callback proved, opened and read; a request signed; with the ratios.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::Criterion;
use http::{HeaderName, HeaderValue, Method};
use paysluice::adapter::{Adapter, Callbacks, Codec, Granted, Known, Opened, Query, Ready, Request, Seed, Stamp};
use paysluice::model::{IdempotencyKey, OrderNo, ProviderNo, Secret};
use paysluice_peers::wechatpay_by_hand::Keys;
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};
use serde_json::Value;

const VECTORS: &str = include_str!("../../../channels/wechatpay/vectors/vectors.json");
const CERTIFICATE: &str = include_str!("../../../channels/wechatpay/vectors/java_test_wechat_pay_certificate.pem");
const PLATFORM_KEY: &str = include_str!("../../../channels/wechatpay/vectors/java_test_wechat_pay_private_key.pem");
const MERCHANT_KEY: &str = include_str!("../../../channels/wechatpay/vectors/java_test_merchant_private_key.pem");

const CALLBACK: &str = "wechatpay_callback";
const SIGNING: &str = "wechatpay_signing";
const OURS: &str = "paysluice";
const BY_HAND: &str = "by_hand";

fn main() {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/criterion");
    let mut criterion = Criterion::default()
        .output_directory(&places)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    callback(&mut criterion);
    signing(&mut criterion);
    criterion.final_summary();
    report(&places, CALLBACK, "RSA verify, GCM and typed parses", 1.3);
    report(&places, SIGNING, "one RSA-2048 signature", 1.1);
}

fn callback(criterion: &mut Criterion) {
    let vector = vector();
    let (wechat, request) = (wechat(&vector), request(&vector));
    let seconds = vector["now_unix"].as_u64().expect("a time");
    let (now, granted) = (UNIX_EPOCH + Duration::from_secs(seconds), Granted::default());
    let platform = pair(PLATFORM_KEY);
    let spki: PublicKeyX509Der<'_> = platform.public_key().as_der().expect("a public key");
    let serial = vector["headers"]["Wechatpay-Serial"].as_str().expect("a serial");
    let keys = Keys::new(serial, spki.as_ref(), vector["apiv3_key"].as_str().expect("a key").as_bytes()).expect("keys");

    // Both read the same payment, or the figures compare nothing.
    let hand = keys.open(&request.headers, &request.body, seconds).expect("by hand: the vector opens");
    let Ok(Opened::Items(items)) = wechat.open(&request, now, &granted) else { panic!("paysluice: the vector opens") };
    let event = items[0].verdict.as_ref().expect("paysluice: the event reads");
    assert_eq!(event.about().number.as_ref().map(ProviderNo::as_str), Some(hand.out_trade_no.as_str()));
    assert_eq!(event.seen().money.map(|money| money.minor()), Some(hand.amount.total));

    let mut group = criterion.benchmark_group(CALLBACK);
    group.bench_function(BY_HAND, |b| b.iter(|| keys.open(black_box(&request.headers), black_box(&request.body), seconds)));
    group.bench_function(OURS, |b| b.iter(|| wechat.open(black_box(&request), now, &granted)));
    group.finish();
}

fn signing(criterion: &mut Criterion) {
    let wechat = wechat(&vector());
    let op = Query::new(OrderNo::new("order-4711").expect("an order"));
    let seed = Seed {
        number: ProviderNo::new("order-4711").expect("a number"),
        key: IdempotencyKey::new("key-0001").expect("a key"),
        born: UNIX_EPOCH,
    };
    let codec: &dyn Codec<Query> = wechat.query().expect("it can be queried");
    let Ok(Ready::Done(draft)) = codec.draft(&op, &Known::default(), &seed, &Granted::default()) else { panic!("a draft") };
    let stamp = Stamp { now: UNIX_EPOCH + Duration::from_secs(1_700_000_000), nonce: 7, send: 1 };
    let (merchant, rng) = (pair(MERCHANT_KEY), SystemRandom::new());
    let mut signature = vec![0; merchant.public_modulus_len()];
    let message = format!("GET\n{}\n1700000000\n{:032X}\n\n", draft.path, 7);

    let mut group = criterion.benchmark_group(SIGNING);
    group.bench_function(BY_HAND, |b| {
        b.iter(|| merchant.sign(&RSA_PKCS1_SHA256, &rng, black_box(message.as_bytes()), &mut signature))
    });
    group.bench_function(OURS, |b| b.iter(|| codec.sign(black_box(&draft), &stamp, &Granted::default())));
    group.finish();
}

fn vector() -> Value {
    let read: Value = serde_json::from_str(VECTORS).expect("JSON");
    let all = read["vectors"].as_array().expect("a list");
    all.iter().find(|vector| vector["id"] == "notification-full-aes256").expect("the vector").clone()
}

fn wechat(vector: &Value) -> WeChatPay {
    let account = "wechatpay:live:1900009191".parse().expect("an account");
    let api = Secret::new(vector["apiv3_key"].as_str().expect("a key"));
    let config = WeChatPayConfig::new(account, "wxd678efh567hg6787", Secret::new(MERCHANT_KEY), "5F1C", api);
    WeChatPay::new(config.platform_certificate(CERTIFICATE)).expect("a configuration")
}

fn request(vector: &Value) -> Request {
    let body = vector["body"].as_str().expect("a body").to_owned();
    let mut request = Request::new(Method::POST, "/callbacks/wechatpay").with_body(Bytes::from(body));
    for (name, value) in vector["headers"].as_object().expect("headers") {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers.insert(name, HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"));
    }
    request
}

fn pair(pem: &str) -> KeyPair {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    KeyPair::from_pkcs8(&STANDARD.decode(body).expect("base64")).expect("a key")
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
