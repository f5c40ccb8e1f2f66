//! Any status, headers and body as Stripe's answer to every operation: no panic, no secret, no good news from a refusal.
#![no_main]

use std::sync::LazyLock;

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{
    Cancel, Capture, Charge, Codec, Confirm, Decoded, Draft, Granted, Known, Method, Operation, Original, Query, QueryRefund,
    Ready, Refs, Refund, Reply, Seed, Stamp,
};
use paysluice::model::{AttemptNo, CaptureNo, Fate, IdempotencyKey, Money, OrderNo, ProviderNo, RefundNo};
use paysluice_fuzz::{headers_and_body, now, stripe};
use paysluice_stripe::Stripe;

/// One operation and what was drafted for it.
struct Asked<Op> {
    op: Op,
    draft: Draft,
}

struct World {
    stripe: Stripe,
    charge: Asked<Charge>,
    confirm: Asked<Confirm>,
    capture: Asked<Capture>,
    cancel: Asked<Cancel>,
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
    read(&WORLD.charge, &reply);
    read(&WORLD.confirm, &reply);
    read(&WORLD.capture, &reply);
    read(&WORLD.cancel, &reply);
    read(&WORLD.refund, &reply);
    read(&WORLD.query, &reply);
    read(&WORLD.query_refund, &reply);
});

fn read<Op: Operation>(Asked { op, draft }: &Asked<Op>, reply: &Reply) {
    let codec = codec::<Op>(&WORLD.stripe);
    match codec.decode(draft, reply, &stamp(), &Granted::default()) {
        Ok(Decoded::Done(seen)) => {
            assert!(!reply.status.is_server_error(), "good news under {}", reply.status);
            let _ = (codec.judge(op, draft, &seen), codec.follow(op, draft, &seen, now()));
        }
        Ok(Decoded::Then { draft: next, .. }) => {
            assert!(next.step > draft.step, "a step that leads nowhere");
            assert!(codec.sign(&next, &stamp(), &Granted::default()).is_ok(), "a next step that cannot be signed");
        }
        Ok(Decoded::Need(want)) => panic!("Stripe's answers need nothing, but {want:?} is wanted"),
        Ok(Decoded::Missing) => {}
        Err(failure) => {
            let told = failure.error.to_string();
            assert!(!told.contains("sk_test_") && told.len() < 2000, "{told}");
            assert!(failure.error.fate() != Fate::Applied || !reply.status.is_server_error(), "good news under {}", reply.status);
        }
    }
}

fn world() -> World {
    let (stripe, order) = (stripe(), OrderNo::new("order-4711").expect("an order"));
    let money: Money = "12.34 USD".parse().expect("money");
    let (capture_no, refund_no) = (CaptureNo::new("cap-1").expect("a number"), RefundNo::new("ref-1").expect("a number"));
    let charge = Charge::new(order.clone(), money, Method::Token("pm_1CardVisa".into())).return_url("https://shop.example/back");
    World {
        charge: asked(&stripe, charge, &Known::default()),
        confirm: asked(&stripe, Confirm::new(order.clone(), 1), &known(&order, money)),
        capture: asked(&stripe, Capture::new(order.clone(), capture_no, money), &known(&order, money)),
        cancel: asked(&stripe, Cancel::new(order.clone()), &known(&order, money)),
        refund: asked(&stripe, Refund::new(order.clone(), refund_no.clone(), money), &known(&order, money)),
        query: asked(&stripe, Query::new(order.clone()), &known(&order, money)),
        query_refund: asked(&stripe, QueryRefund::new(order.clone(), refund_no), &known(&order, money)),
        stripe,
    }
}

fn asked<Op: Operation>(stripe: &Stripe, op: Op, known: &Known) -> Asked<Op> {
    match codec::<Op>(stripe).draft(&op, known, &seed(), &Granted::default()) {
        Ok(Ready::Done(draft)) => Asked { op, draft },
        other => panic!("{op:?} cannot be drafted: {other:?}"),
    }
}

fn codec<Op: Operation>(stripe: &Stripe) -> &dyn Codec<Op> {
    Op::codec(stripe).expect("Stripe can do it")
}

fn known(order: &OrderNo, money: Money) -> Known {
    let original = Original {
        order_no: order.clone(),
        attempt: AttemptNo::FIRST,
        seed: seed(),
        money,
        product: "token".into(),
        closes_at: None,
    };
    Known { original: Some(original), refs: Refs::new().with("intent", "pi_3PaySluice1"), part_number: None }
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
