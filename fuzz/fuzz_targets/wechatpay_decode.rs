//! Any status, headers and body as WeChat Pay's answer to every operation, as it comes and signed: no panic, no secret, no lie.
#![no_main]

use std::sync::LazyLock;

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{
    Access, Cancel, Charge, Codec, Decoded, Draft, Granted, Known, Method, Operation, Original, Probe, Query, QueryRefund, Ready,
    Refs, Refund, Reply, Reverse, Seed, Stamp, Want,
};
use paysluice::model::{AttemptNo, Fate, IdempotencyKey, Money, OrderNo, ProviderNo, RefundNo};
use paysluice_fuzz::wechatpay::{API_KEY, Platform, wechat};
use paysluice_fuzz::{headers_and_body, now};
use paysluice_wechatpay::WeChatPay;

/// One operation and what was drafted for it.
struct Asked<Op> {
    op: Op,
    draft: Draft,
}

struct World {
    wechat: WeChatPay,
    platform: Platform,
    order: Asked<Charge>,
    barcode: Asked<Charge>,
    cancel: Asked<Cancel>,
    reverse: Asked<Reverse>,
    refund: Asked<Refund>,
    query: Asked<Query>,
    query_refund: Asked<QueryRefund>,
}

static WORLD: LazyLock<World> = LazyLock::new(world);

fuzz_target!(|input: &[u8]| {
    let [high, low, rest @ ..] = input else { return };
    let Ok(status) = StatusCode::from_u16(100 + u16::from_be_bytes([*high, *low]) % 500) else { return };
    let (headers, body) = headers_and_body(rest);
    let mut reply = Reply::new(status, body.to_vec());
    reply.headers = headers;
    read_all(&reply, false);
    if status.is_success() {
        reply.headers = WORLD.platform.headers(body);
        read_all(&reply, true);
    }
});

fn read_all(reply: &Reply, proved: bool) {
    read(&WORLD.order, reply, proved);
    read(&WORLD.barcode, reply, proved);
    read(&WORLD.cancel, reply, proved);
    read(&WORLD.reverse, reply, proved);
    read(&WORLD.refund, reply, proved);
    read(&WORLD.query, reply, proved);
    read(&WORLD.query_refund, reply, proved);
    // The published list among the seeds opens with this key, once it is signed.
    assert!(proved || Access::read(&WORLD.wechat, &Want::Keys, reply, &stamp()).is_err(), "a certificate of somebody's");
    let _ = Probe::read(&WORLD.wechat, reply, &stamp());
}

fn read<Op: Operation>(Asked { op, draft }: &Asked<Op>, reply: &Reply, proved: bool) {
    let codec = codec::<Op>(&WORLD.wechat);
    match codec.decode(draft, reply, &stamp(), &Granted::default()) {
        Ok(Decoded::Done(seen)) => {
            assert!(!reply.status.is_server_error(), "good news under {}", reply.status);
            assert!(proved || !reply.status.is_success(), "a success without its signature");
            let _ = (codec.judge(op, draft, &seen), codec.follow(op, draft, &seen, now()));
        }
        Ok(Decoded::Then { .. }) => panic!("there is no second step"),
        Ok(Decoded::Need(_)) => assert!(!proved, "the certificate is held"),
        Ok(Decoded::Missing) => assert_eq!(reply.status, StatusCode::NOT_FOUND),
        Err(failure) => {
            let told = failure.error.to_string();
            assert!(!told.contains(API_KEY) && told.len() < 4000, "{told}");
            assert!(failure.error.fate() != Fate::Applied || !reply.status.is_server_error(), "good news under {}", reply.status);
        }
    }
}

fn world() -> World {
    let (wechat, order) = (wechat(), OrderNo::new("order-4711").expect("an order"));
    let money: Money = "12.34 CNY".parse().expect("money");
    let refund_no = RefundNo::new("ref-1").expect("a number");
    let mut barcode = Charge::new(order.clone(), money, Method::Barcode("130061098828009406".into()));
    barcode.extra.insert("scene_info.store_info.out_id".into(), "A1".into());
    let known = |product: &str| known(&order, money, product);
    World {
        order: asked(&wechat, Charge::new(order.clone(), money, Method::Qr), &Known::default()),
        barcode: asked(&wechat, barcode, &Known::default()),
        cancel: asked(&wechat, Cancel::new(order.clone()), &known("qr")),
        reverse: asked(&wechat, Reverse::new(order.clone(), refund_no.clone()), &known("barcode")),
        refund: asked(&wechat, Refund::new(order.clone(), refund_no.clone(), money), &known("qr")),
        query: asked(&wechat, Query::new(order.clone()), &known("qr")),
        query_refund: asked(&wechat, QueryRefund::new(order.clone(), refund_no), &known("qr")),
        platform: Platform::new(),
        wechat,
    }
}

fn asked<Op: Operation>(wechat: &WeChatPay, op: Op, known: &Known) -> Asked<Op> {
    match codec::<Op>(wechat).draft(&op, known, &seed(), &Granted::default()) {
        Ok(Ready::Done(draft)) => Asked { op, draft },
        other => panic!("{op:?} cannot be drafted: {other:?}"),
    }
}

fn codec<Op: Operation>(wechat: &WeChatPay) -> &dyn Codec<Op> {
    Op::codec(wechat).expect("WeChat Pay can do it")
}

fn known(order: &OrderNo, money: Money, product: &str) -> Known {
    let original = Original {
        order_no: order.clone(),
        attempt: AttemptNo::FIRST,
        seed: seed(),
        money,
        product: product.into(),
        closes_at: None,
    };
    Known { original: Some(original), refs: Refs::new().with("transaction", "4200000001"), part_number: None }
}

fn seed() -> Seed {
    Seed {
        number: ProviderNo::new("order-4711").expect("a number"),
        key: IdempotencyKey::new("key-0001").expect("a key"),
        born: now(),
    }
}

fn stamp() -> Stamp {
    Stamp { now: now(), nonce: 7, send: 1 }
}
