//! UnionPay beside aws-lc-rs by hand, in one run: a published notice proved and read; a request signed; with the ratios.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use criterion::Criterion;
use http::Method;
use paysluice::adapter::{Adapter, Callbacks, Codec, Form, Granted, Known, Opened, Query, Ready, Request, Seed, Stamp};
use paysluice::model::{IdempotencyKey, OrderNo, ProviderNo, Secret};
use paysluice::signing::canonical;
use paysluice_peers::unionpay_by_hand::{Signer, decoded};
use paysluice_unionpay::{UnionPay, UnionPayConfig};

const ROOT: &str = include_str!("../../../channels/unionpay/vectors/made_root.pem");
const MIDDLE: &str = include_str!("../../../channels/unionpay/vectors/made_middle.pem");
const SIGNER: &str = include_str!("../../../channels/unionpay/vectors/made_signer.pem");
const SIGNER_KEY: &str = include_str!("../../../channels/unionpay/vectors/made_signer_key.pem");
const MERCHANT: &str = include_str!("../../../channels/unionpay/vectors/made_merchant.pem");
const MERCHANT_KEY: &str = include_str!("../../../channels/unionpay/vectors/made_merchant_key.pem");
const VECTORS: &str = include_str!("../../../channels/unionpay/vectors/vectors.json");

const MER_ID: &str = "777290058167151";

const NOTICE: &str = "unionpay_notice";
const SIGNING: &str = "unionpay_signing";
const OURS: &str = "paysluice";
const BY_HAND: &str = "by_hand";
const FROM_FORM: &str = "by_hand_from_form";
const UNKNOWN: &str = "paysluice_signer_not_remembered";

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
    report(&places, NOTICE, BY_HAND, 1.3);
    report(&places, NOTICE, FROM_FORM, 1.3);
    report(&places, SIGNING, BY_HAND, 1.1);
}

fn notice(criterion: &mut Criterion) {
    let (unionpay, body) = (unionpay(), body());
    let request = Request::new(Method::POST, "/callbacks/unionpay").with_body(body.clone());
    let (now, granted) = (now(), Granted::default());
    let gateway = pair(SIGNER_KEY);
    let spki: PublicKeyX509Der<'_> = gateway.public_key().as_der().expect("a public key");
    let signer = Signer::new(&pem(), spki.as_ref()).expect("a signer");
    let fields = decoded(&body).expect("a form");

    // All read the same payment, or the figures compare nothing.
    let hand = signer.open(&fields, MER_ID).expect("by hand: the notice opens");
    assert_eq!(signer.open_form(&body, MER_ID), Some((hand.0.to_owned(), hand.1)));
    let Ok(Opened::Items(items)) = unionpay.open(&request, now, &granted) else { panic!("paysluice: the notice opens") };
    let event = items[0].verdict.as_ref().expect("paysluice: the event reads");
    assert_eq!(event.about().number.as_ref().map(ProviderNo::as_str), Some(hand.0));
    assert_eq!(event.seen().money.map(|money| money.minor()), Some(hand.1));

    let mut group = criterion.benchmark_group(NOTICE);
    group.bench_function(BY_HAND, |b| b.iter(|| signer.open(black_box(&fields), MER_ID)));
    group.bench_function(FROM_FORM, |b| b.iter(|| signer.open_form(black_box(&body), MER_ID)));
    group.bench_function(OURS, |b| b.iter(|| unionpay.open(black_box(&request), now, &granted)));
    let fresh = || self::unionpay();
    group.bench_function(UNKNOWN, |b| {
        b.iter_batched(fresh, |one| one.open(black_box(&request), now, &granted), criterion::BatchSize::SmallInput);
    });
    group.finish();
}

fn signing(criterion: &mut Criterion) {
    let unionpay = unionpay();
    let op = Query::new(OrderNo::new("order47110001").expect("an order"));
    let seed = Seed {
        number: ProviderNo::new("order47110001").expect("a number"),
        key: IdempotencyKey::new("key-0001").expect("a key"),
        born: now(),
    };
    let codec: &dyn Codec<Query> = unionpay.query().expect("it can be queried");
    let Ok(Ready::Done(draft)) = codec.draft(&op, &Known::default(), &seed, &Granted::default()) else { panic!("a draft") };
    let stamp = Stamp { now: now(), nonce: 7, send: 1 };
    let (merchant, rng) = (pair(MERCHANT_KEY), SystemRandom::new());
    let mut signature = vec![0; merchant.public_modulus_len()];

    let mut group = criterion.benchmark_group(SIGNING);
    group.bench_function(BY_HAND, |b| b.iter(|| merchant.sign(&RSA_PKCS1_SHA256, &rng, black_box(&[b'0'; 64]), &mut signature)));
    group.bench_function(OURS, |b| b.iter(|| codec.sign(black_box(&draft), &stamp, &Granted::default())));
    group.finish();
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn unionpay() -> UnionPay {
    let config = UnionPayConfig::new(format!("unionpay:live:{MER_ID}").parse().expect("an account"), ROOT, MIDDLE);
    UnionPay::new(config.signing(Secret::new(MERCHANT_KEY), MERCHANT)).expect("a configuration")
}

/// The signer's certificate as it comes within messages.
fn pem() -> String {
    SIGNER.trim_end().replace('\n', "\r\n")
}

/// The published notice, signed anew: its own signer's chain rests on SHA-1.
fn body() -> Vec<u8> {
    let read: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    let all = read["vectors"].as_array().expect("a list");
    let vector = all.iter().find(|vector| vector["id"] == "callback-verify-2").expect("the vector");
    let params = vector["params"].as_object().expect("parameters").iter();
    let mut fields: Vec<(&str, String)> =
        params.map(|(name, value)| (name.as_str(), value.as_str().expect("a text").to_owned())).collect();
    fields.retain(|(name, _)| !matches!(*name, "signature" | "signPubKeyCert"));
    fields.push(("signPubKeyCert", pem()));
    let text = canonical(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let key = paysluice::signing::RsaPrivateKey::from_pem("key", &Secret::new(SIGNER_KEY)).expect("a key");
    fields.push(("signature", STANDARD.encode(key.sign_hashed(&text).expect("a signature"))));
    Form::encode(fields.iter().map(|(name, value)| (*name, value.as_str()))).into_bytes()
}

fn pair(pem: &str) -> KeyPair {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    KeyPair::from_pkcs8(&STANDARD.decode(body).expect("base64")).expect("a key")
}

/// Prints the medians of this run and how they stand to the target.
fn report(places: &Path, group: &str, peer: &str, target: f64) {
    let medians = [OURS, peer].map(|name| median(&places.join(group).join(name).join("new/estimates.json")));
    let [Some(ours), Some(by_hand)] = medians else { return };
    let cost = ours / by_hand;
    let met = if cost <= target { "met" } else { "MISSED" };
    println!("\n{group}: {OURS} {ours:.0} ns, {peer} {by_hand:.0} ns");
    println!("{OURS} / {peer}: {cost:.2} (target at most {target:.2}: {met})");
}

fn median(estimates: &PathBuf) -> Option<f64> {
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(estimates).ok()?).ok()?;
    read["median"]["point_estimate"].as_f64()
}
