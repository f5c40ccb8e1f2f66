//! Any status and body as Alipay's answer to every operation, as it comes and as a signed node: no panic, no secret, no lie.
#![no_main]

use std::sync::LazyLock;

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{
    Access, Cancel, Charge, Codec, Decoded, Draft, Granted, Known, Method, Operation, Original, Probe, Query, QueryRefund, Ready,
    Refs, Refund, Reply, Reverse, Seed, Stamp, Surface, Want,
};
use paysluice::model::{AttemptNo, Fate, IdempotencyKey, Money, OrderNo, ProviderNo, RefundNo, Status};
use paysluice_alipay::Alipay;
use paysluice_fuzz::alipay::{Provider, TOKEN, alipay};
use paysluice_fuzz::now;

/// One operation and what was drafted for it.
struct Asked<Op> {
    op: Op,
    draft: Draft,
}

struct World {
    alipay: Alipay,
    provider: Provider,
    page: Asked<Charge>,
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
    let [high, low, body @ ..] = input else { return };
    let Ok(status) = StatusCode::from_u16(100 + u16::from_be_bytes([*high, *low]) % 500) else { return };
    for status in [status, StatusCode::OK] {
        read_all(&Reply::new(status, body.to_vec()));
    }
    let world = &*WORLD;
    read_signed(&world.order, body);
    read_signed(&world.barcode, body);
    read_signed(&world.cancel, body);
    read_signed(&world.reverse, body);
    read_signed(&world.refund, body);
    read_signed(&world.query, body);
    read_signed(&world.query_refund, body);
});

fn read_all(reply: &Reply) {
    let world = &*WORLD;
    read(&world.page, reply, false);
    read(&world.order, reply, false);
    read(&world.barcode, reply, false);
    read(&world.cancel, reply, false);
    read(&world.reverse, reply, false);
    read(&world.refund, reply, false);
    read(&world.query, reply, false);
    read(&world.query_refund, reply, false);
    let want = Want::Key("7513daaaa48aa3ba2e4018d84402479c".into());
    assert!(Access::read(&world.alipay, &want, reply, &stamp()).is_err(), "a certificate of somebody's");
    let _ = Probe::read(&world.alipay, reply, &stamp());
}

fn read_signed<Op: Operation>(asked: &Asked<Op>, node: &[u8]) {
    let method = asked.draft.carry.get("method").expect("a method");
    read(asked, &Reply::new(StatusCode::OK, WORLD.provider.answer(method, node)), true);
}

fn read<Op: Operation>(Asked { op, draft }: &Asked<Op>, reply: &Reply, proved: bool) {
    let codec = codec::<Op>(&WORLD.alipay);
    match codec.decode(draft, reply, &stamp(), &Granted::default()) {
        Ok(Decoded::Done(seen)) => {
            assert_eq!(reply.status, StatusCode::OK, "believed");
            assert!(proved || seen.status == Some(Status::Declined), "a success without its signature");
            let _ = (codec.judge(op, draft, &seen), codec.follow(op, draft, &seen, now()));
        }
        Ok(Decoded::Then { .. }) => panic!("there is no second step"),
        Ok(Decoded::Need(_)) => panic!("the key is held"),
        Ok(Decoded::Missing) => assert!(proved, "that nothing is there must be signed"),
        Err(failure) => {
            let told = failure.error.to_string();
            assert!(!told.contains(TOKEN) && told.len() < 4000, "{told}");
            assert!(proved || failure.error.fate() != Fate::Applied, "good news without a signature");
        }
    }
}

fn world() -> World {
    let (alipay, order) = (alipay(), OrderNo::new("order_4711").expect("an order"));
    let money: Money = "12.34 CNY".parse().expect("money");
    let refund_no = RefundNo::new("ref-1").expect("a number");
    let charge = |method| Charge::new(order.clone(), money, method);
    let known = |product: &str| known(&order, money, product);
    World {
        page: asked(&alipay, charge(Method::Redirect(Surface::Web)), &Known::default()),
        order: asked(&alipay, charge(Method::Qr), &Known::default()),
        barcode: asked(&alipay, charge(Method::Barcode("28763443825664394".into())), &Known::default()),
        cancel: asked(&alipay, Cancel::new(order.clone()), &known("qr")),
        reverse: asked(&alipay, Reverse::new(order.clone(), refund_no.clone()), &known("barcode")),
        refund: asked(&alipay, Refund::new(order.clone(), refund_no.clone(), money), &known("qr")),
        query: asked(&alipay, Query::new(order.clone()), &known("qr")),
        query_refund: asked(&alipay, QueryRefund::new(order.clone(), refund_no), &known("qr")),
        provider: Provider::new(),
        alipay,
    }
}

fn asked<Op: Operation>(alipay: &Alipay, op: Op, known: &Known) -> Asked<Op> {
    match codec::<Op>(alipay).draft(&op, known, &seed(), &Granted::default()) {
        Ok(Ready::Done(draft)) => Asked { op, draft },
        other => panic!("{op:?} cannot be drafted: {other:?}"),
    }
}

fn codec<Op: Operation>(alipay: &Alipay) -> &dyn Codec<Op> {
    Op::codec(alipay).expect("Alipay can do it")
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
    Known { original: Some(original), refs: Refs::new().with("trade", "2023111522001499160501586202"), part_number: None }
}

fn seed() -> Seed {
    Seed {
        number: ProviderNo::new("order_4711").expect("a number"),
        key: IdempotencyKey::new("key-0001").expect("a key"),
        born: now(),
    }
}

fn stamp() -> Stamp {
    Stamp { now: now(), nonce: 7, send: 1 }
}
