//! Alipay behind the gateway, before the sandbox: pages that nobody closes, barcodes that are polled, refunds that say little.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use paysluice::adapter::{Cancel, Charge, Method, Query, Refund, Reply, Surface};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, PaymentChannel};
use paysluice::model::{AttemptNo, ErrorKind, Fate, Money, NextAction, OrderNo, RefundNo, Status};
use paysluice::store::{Durability, MemoryStore};
use paysluice_alipay::{Alipay, AlipayConfig};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_tests::{START, on_virtual_time};

struct World {
    env: Env,
    sandbox: Sandbox,
    gateway: Gateway,
}

fn world(certified: bool) -> World {
    let env = Env::simulated(7, SystemTime::UNIX_EPOCH + START);
    let sandbox = Sandbox::new(env.clone(), SandboxConfig { seed: 7, ..SandboxConfig::default() });
    let keys = sandbox.alipay().credentials();
    let account = format!("alipay:test:{}", keys.app_id).parse().unwrap();
    let config = if certified {
        let (app, alipay, roots) = (keys.app_certificate, keys.alipay_certificate, keys.alipay_root_certificates);
        AlipayConfig::with_certificates(account, keys.app_private_key, app, alipay, roots)
    } else {
        AlipayConfig::with_key(account, keys.app_private_key, keys.alipay_public_key)
    };
    let config = config.seller_id(keys.seller_id).notify_url("https://shop.example/callbacks/alipay");
    let adapter = Arc::new(Alipay::new(config).unwrap());
    let store = Arc::new(MemoryStore::new(env.clock().clone()));
    let gateway = Gateway::builder(adapter, sandbox.transport(), store, env.clone())
        .accept_durability(Durability::Process)
        .config(GatewayConfig { background: true, ..GatewayConfig::default() })
        .unsealed()
        .no_handler()
        .build()
        .unwrap();
    let hears = gateway.clone();
    let take = move |request| -> BoxFuture<'static, Reply> {
        let gateway = hears.clone();
        Box::pin(async move { gateway.receive(&request).await.reply })
    };
    sandbox.callbacks().to_handler("/callbacks/alipay", Arc::new(take));
    World { env, sandbox, gateway }
}

impl World {
    async fn sleep(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
    }

    async fn status(&self, order: &str) -> (Status, Money, Money) {
        let payment = self.gateway.query(Query::new(number(order)), call()).await.unwrap();
        (payment.value.status, payment.value.captured, payment.value.refunded)
    }
}

fn number(order: &str) -> OrderNo {
    OrderNo::new(order).unwrap()
}

fn call() -> Call {
    Call::within(Duration::from_secs(30))
}

fn cny(text: &str) -> Money {
    text.parse().unwrap()
}

fn charge(order: &str, method: Method) -> Charge {
    Charge::new(number(order), cny("12.34 CNY"), method)
}

#[test]
fn every_way_to_pay_ends_with_the_money_told_in_either_mode() {
    on_virtual_time(async {
        for certified in [false, true] {
            let world = world(certified);
            for (order, method) in [
                ("web_1", Method::Redirect(Surface::Web)),
                ("wap_1", Method::Redirect(Surface::Wap)),
                ("app_1", Method::App),
                ("qr_1", Method::Qr),
                ("mini_1", Method::MiniProgram { payer: "2088722003899169".into() }),
            ] {
                let payment = world.gateway.charge(charge(order, method), call()).await.unwrap();
                let shown = match payment.value.next_action.unwrap().what {
                    NextAction::Redirect(url) | NextAction::Qr(url) => url,
                    NextAction::Invoke(fields) => fields.values().next().unwrap().clone(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(world.status(order).await.0, Status::AwaitingPayer, "{order}");
                world.sandbox.alipay().payer_pays(&shown).unwrap_or_else(|why| panic!("{order}: {why}"));
                world.sleep(5).await;
                assert_eq!(world.status(order).await, (Status::Paid, cny("12.34 CNY"), cny("0.00 CNY")), "{order}");
            }
        }
    });
}

#[test]
fn barcodes_are_paid_at_once_after_the_password_or_taken_back() {
    on_virtual_time(async {
        let world = world(true);
        for (order, code, expected) in [
            ("bar_01", "2876344382566401", Ok(Status::Paid)),
            ("bar_11", "2876344382566411", Ok(Status::AwaitingPayer)),
            ("bar_13", "2876344382566413", Ok(Status::AwaitingPayer)),
            ("bar_21", "2876344382566421", Err(ErrorKind::Declined)),
            ("bar_22", "2876344382566422", Err(ErrorKind::Declined)),
        ] {
            let told = world.gateway.charge(charge(order, Method::Barcode(code.into())), call()).await;
            assert_eq!(told.map(|payment| payment.value.status).map_err(|error| error.kind()), expected, "{order}");
        }
        for (order, code) in [("bar_14", "2876344382566414"), ("bar_15", "2876344382566415"), ("bar_16", "2876344382566416")] {
            let told = world.gateway.charge(charge(order, Method::Barcode(code.into())), call()).await;
            assert_eq!(told.unwrap_err().fate(), Fate::Unknown, "{order}");
        }
        world.sleep(400).await;
        for (order, expected) in [
            ("bar_01", Status::Paid),
            ("bar_11", Status::Paid),
            ("bar_13", Status::Canceled),
            ("bar_21", Status::Declined),
            ("bar_14", Status::Paid),
            ("bar_15", Status::Paid),
            ("bar_16", Status::Expired),
        ] {
            assert_eq!(world.status(order).await.0, expected, "{order}");
        }
    });
}

#[test]
fn refunds_are_settled_by_their_own_numbers_and_a_closed_trade_was_paid() {
    on_virtual_time(async {
        let world = world(true);
        world.gateway.charge(charge("r_1", Method::Barcode("2876344382566401".into())), call()).await.unwrap();
        let refund = |no: &str, money: &str| Refund::new(number("r_1"), RefundNo::new(no).unwrap(), cny(money));
        world.gateway.refund(refund("r-a", "2.00 CNY"), call()).await.unwrap();
        let later = world.gateway.refund(refund("r-b", "3.00 CNY").reason("sandbox:later"), call()).await;
        assert_eq!(later.unwrap_err().fate(), Fate::Unknown, "fund_change N says nothing");
        world.sleep(120).await;
        assert_eq!(world.status("r_1").await, (Status::Paid, cny("12.34 CNY"), cny("5.00 CNY")));
        world.gateway.refund(refund("r-c", "7.34 CNY"), call()).await.unwrap();
        world.sleep(30).await;
        assert_eq!(world.status("r_1").await, (Status::Paid, cny("12.34 CNY"), cny("12.34 CNY")));
        assert_eq!(world.sandbox.alipay().trade("r_1").unwrap()["trade_status"], "TRADE_CLOSED");
    });
}

#[test]
fn what_nobody_has_opened_stays_payable_until_its_time() {
    on_virtual_time(async {
        let world = world(false);
        world.gateway.charge(charge("w_1", Method::Redirect(Surface::Web)), call()).await.unwrap();
        let error = world.gateway.cancel(Cancel::new(number("w_1")), call()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StillPayable, "{error}");
        world.sleep(2400).await;
        assert_eq!(world.status("w_1").await.0, Status::Expired);
        let second = charge("w_1", Method::Barcode("2876344382566401".into())).attempt(AttemptNo::new(2).unwrap());
        assert_eq!(world.gateway.charge(second, call()).await.unwrap().value.status, Status::Paid);
        // Whoever cancels when its time is over need not wait for the next look.
        world.gateway.charge(charge("w_2", Method::App), call()).await.unwrap();
        world.sleep(1861).await;
        assert_eq!(world.gateway.cancel(Cancel::new(number("w_2")), call()).await.unwrap().value.status, Status::Expired);
    });
}

#[test]
fn a_rotated_certificate_is_fetched_and_a_forged_one_is_not_believed() {
    on_virtual_time(async {
        let world = world(true);
        world.gateway.charge(charge("c_1", Method::Qr), call()).await.unwrap();
        world.sandbox.alipay().rotate_certificate();
        world.gateway.charge(charge("c_2", Method::Qr), call()).await.unwrap();
        world.sandbox.alipay().rotate_to_forged_certificate();
        let error = world.gateway.charge(charge("c_3", Method::Barcode("2876344382566401".into())), call()).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown);
        // It was paid all the same: whose word that is, nobody can tell.
        world.sandbox.alipay().rotate_certificate();
        world.sleep(60).await;
        assert_eq!(world.status("c_3").await.0, Status::Paid);
    });
}
