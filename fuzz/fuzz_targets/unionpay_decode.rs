//! Any status and body as UnionPay's answer to every operation, as it comes and signed: no panic, no secret, no lie.
#![no_main]

use std::sync::LazyLock;

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{
    Charge, Codec, Decoded, Draft, Granted, Known, Method, Operation, Original, Probe, Query, QueryRefund, Ready, Refs, Refund,
    Reply, Reverse, Seed, Stamp,
};
use paysluice::model::{AttemptNo, Fate, IdempotencyKey, Money, OrderNo, ProviderNo, RefundNo};
use paysluice_fuzz::now;
use paysluice_fuzz::unionpay::{Gateway, MERCHANT_KEY, ORDER, plain, unionpay};
use paysluice_unionpay::UnionPay;

/// One operation and what was drafted for it.
struct Asked<Op> {
    op: Op,
    draft: Draft,
}

struct World {
    unionpay: UnionPay,
    gateway: Gateway,
    app: Asked<Charge>,
    qr: Asked<Charge>,
    barcode: Asked<Charge>,
    reverse: Asked<Reverse>,
    give_back: Asked<Reverse>,
    refund: Asked<Refund>,
    query: Asked<Query>,
    adopted: Asked<Query>,
    query_refund: Asked<QueryRefund>,
}

static WORLD: LazyLock<World> = LazyLock::new(world);

fuzz_target!(|input: &[u8]| {
    let [high, low, body @ ..] = input else { return };
    let Ok(status) = StatusCode::from_u16(100 + u16::from_be_bytes([*high, *low]) % 500) else { return };
    read_all(&Reply::new(status, body.to_vec()), false);
    read_all(&Reply::new(StatusCode::OK, plain(&WORLD.gateway.signed(body))), true);
});

fn read_all(reply: &Reply, signed: bool) {
    read(&WORLD.app, reply, signed);
    read(&WORLD.qr, reply, signed);
    read(&WORLD.barcode, reply, signed);
    read(&WORLD.reverse, reply, signed);
    read(&WORLD.give_back, reply, signed);
    read(&WORLD.refund, reply, signed);
    read(&WORLD.query, reply, signed);
    read(&WORLD.adopted, reply, signed);
    read(&WORLD.query_refund, reply, signed);
    assert!(signed || Probe::read(&WORLD.unionpay, reply, &stamp()).is_err(), "nobody's answer shows UnionPay at work");
}

fn read<Op: Operation>(Asked { op, draft }: &Asked<Op>, reply: &Reply, signed: bool) {
    let codec = codec::<Op>(&WORLD.unionpay);
    match codec.decode(draft, reply, &stamp(), &Granted::default()) {
        Ok(Decoded::Done(seen)) => {
            assert!(signed && reply.status == StatusCode::OK, "believed without a signature, under {}", reply.status);
            let _ = (codec.judge(op, draft, &seen), codec.follow(op, draft, &seen, now()));
        }
        Ok(Decoded::Then { .. }) => panic!("there is no second step"),
        Ok(Decoded::Need(want)) => panic!("the signer comes along, but {want:?} is wanted"),
        Ok(Decoded::Missing) => assert!(signed, "not found without a signature"),
        Err(failure) => {
            let told = failure.error.to_string();
            assert!(!told.contains(MERCHANT_KEY) && told.len() < 4000, "{told}");
            assert!(signed || failure.error.fate() == Fate::Unknown, "an unsigned answer proves: {told}");
        }
    }
}

fn world() -> World {
    let (unionpay, order) = (unionpay(), OrderNo::new(ORDER).expect("an order"));
    let money: Money = "12.34 CNY".parse().expect("money");
    let refund_no = RefundNo::new("refund000001").expect("a number");
    let known = |product: &str, paid: bool| known(&order, money, product, paid);
    let charge = |method| asked(&unionpay, Charge::new(order.clone(), money, method), &Known::default());
    let adopted = Known { original: None, ..known("web", true) };
    World {
        app: charge(Method::App),
        qr: charge(Method::Qr),
        barcode: charge(Method::Barcode("6220835931895481436".into())),
        reverse: asked(&unionpay, Reverse::new(order.clone(), refund_no.clone()), &known("barcode", false)),
        give_back: asked(&unionpay, Reverse::new(order.clone(), refund_no.clone()), &known("barcode", true)),
        refund: asked(&unionpay, Refund::new(order.clone(), refund_no.clone(), money), &known("qr", true)),
        query: asked(&unionpay, Query::new(order.clone()), &known("qr", true)),
        adopted: asked(&unionpay, Query::new(order.clone()), &adopted),
        query_refund: asked(&unionpay, QueryRefund::new(order.clone(), refund_no), &known("qr", true)),
        gateway: Gateway::new(),
        unionpay,
    }
}

fn asked<Op: Operation>(unionpay: &UnionPay, op: Op, known: &Known) -> Asked<Op> {
    match codec::<Op>(unionpay).draft(&op, known, &seed(), &Granted::default()) {
        Ok(Ready::Done(draft)) => Asked { op, draft },
        other => panic!("{op:?} cannot be drafted: {other:?}"),
    }
}

fn codec<Op: Operation>(unionpay: &UnionPay) -> &dyn Codec<Op> {
    Op::codec(unionpay).expect("UnionPay can do it")
}

fn known(order: &OrderNo, money: Money, product: &str, paid: bool) -> Known {
    let original = Original {
        order_no: order.clone(),
        attempt: AttemptNo::FIRST,
        seed: seed(),
        money,
        product: product.into(),
        closes_at: None,
    };
    let refs = if paid { Refs::new().with("query_id", "782209081322060674028") } else { Refs::new() };
    Known { original: Some(original), refs, part_number: None }
}

fn seed() -> Seed {
    Seed { number: ProviderNo::new(ORDER).expect("a number"), key: IdempotencyKey::new("key-0001").expect("a key"), born: now() }
}

fn stamp() -> Stamp {
    Stamp { now: now(), nonce: 7, send: 1 }
}
