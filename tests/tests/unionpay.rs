//! UnionPay behind the gateway, before the sandbox: forms that nothing closes, tills that do not know, refunds accepted and not done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::CONTENT_TYPE;
use paysluice::adapter::{Cancel, Charge, Form, Method, Query, Refund, Reply, Request, Surface};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, PaymentChannel};
use paysluice::model::{AttemptNo, ErrorKind, Fate, Money, NextAction, OrderNo, RefundNo, Status};
use paysluice::store::{Durability, MemoryStore};
use paysluice::transport::Limits;
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_tests::{START, on_virtual_time};
use paysluice_unionpay::{UnionPay, UnionPayConfig};

struct World {
    env: Env,
    sandbox: Sandbox,
    gateway: Gateway,
}

/// `heard`: whether notices arrive.
fn world(heard: bool) -> World {
    let env = Env::simulated(7, SystemTime::UNIX_EPOCH + START);
    let sandbox = Sandbox::new(env.clone(), SandboxConfig { seed: 7, ..SandboxConfig::default() });
    let keys = sandbox.unionpay().credentials();
    let account = format!("unionpay:test:{}", keys.mer_id).parse().unwrap();
    let config = UnionPayConfig::new(account, keys.root_certificate, keys.middle_certificate)
        .signing(keys.merchant_private_key, keys.merchant_certificate)
        .notify_url("https://shop.example/callbacks/unionpay")
        .return_url("https://shop.example/paid");
    let adapter = Arc::new(UnionPay::new(config).unwrap());
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
    if heard {
        sandbox.callbacks().to_handler("/callbacks/unionpay", Arc::new(take));
    }
    World { env, sandbox, gateway }
}

impl World {
    async fn sleep(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
    }

    /// How the payment stands by what is stored, nobody being asked but who waits for it.
    async fn status(&self, order: &str) -> (Status, Money, Money) {
        let payment = self.gateway.query(Query::new(number(order)), call()).await.unwrap();
        (payment.value.status, payment.value.captured, payment.value.refunded)
    }

    /// What the payer's browser does with a form.
    async fn browse(&self, what: &NextAction) {
        let NextAction::Form { url, fields } = what else { panic!("{what:?}") };
        let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = Request::new(http::Method::POST, url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .unwrap()
            .with_body(body);
        let limits = Limits { timeout: Duration::from_secs(30), reply_cap: 1 << 20 };
        let reply = self.sandbox.transport().send(request, limits).await.unwrap();
        assert!(reply.status.is_success(), "{} {:?}", reply.status, reply.body);
    }

    fn in_order(&self, order: &str, taken: i64, refunded: i64) {
        let ledger = self.sandbox.ledger();
        assert_eq!((ledger.taken(order), ledger.refunded(order)), (taken, refunded), "{order}");
        assert!(ledger.audit().is_empty(), "{:?}", ledger.audit());
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

fn till(digits: &str) -> Method {
    Method::Barcode(format!("62208359318954814{digits}"))
}

#[test]
fn every_way_to_pay_ends_with_the_money_told_with_notices_and_without() {
    on_virtual_time(async {
        for heard in [true, false] {
            let world = world(heard);
            for (order, method) in [
                ("web00001", Method::Redirect(Surface::Web)),
                ("wap00001", Method::Redirect(Surface::Wap)),
                ("app00001", Method::App),
                ("qrc00001", Method::Qr),
            ] {
                let payment = world.gateway.charge(charge(order, method), call()).await.unwrap();
                assert_eq!(payment.value.status, Status::AwaitingPayer, "{order}");
                let action = payment.value.next_action.unwrap().what;
                if matches!(action, NextAction::Form { .. }) {
                    world.browse(&action).await;
                }
                world.sandbox.unionpay().payer_fails(order).unwrap();
                assert_eq!(world.status(order).await.0, Status::AwaitingPayer, "{order}: the payer may try again");
                world.sandbox.unionpay().payer_pays(order).unwrap_or_else(|why| panic!("{order}: {why}"));
                world.sleep(if heard { 5 } else { 660 }).await;
                assert_eq!(world.status(order).await, (Status::Paid, cny("12.34 CNY"), cny("0.00 CNY")), "{order}");
                world.in_order(order, 1234, 0);
            }
        }
    });
}

#[test]
fn a_till_is_told_the_truth_and_what_stays_in_doubt_is_taken_back() {
    on_virtual_time(async {
        let world = world(true);
        for (order, digits, expected) in [
            ("bar00000", "00", Ok(Status::Processing)),
            ("bar00011", "11", Ok(Status::Processing)),
            ("bar00012", "12", Ok(Status::Processing)),
            ("bar00013", "13", Ok(Status::Processing)),
            ("bar00016", "16", Ok(Status::Processing)),
            ("bar00021", "21", Err(ErrorKind::Declined)),
            ("bar00014", "14", Err(ErrorKind::Doubtful)),
            ("bar00031", "31", Err(ErrorKind::Doubtful)),
            ("bar00033", "33", Err(ErrorKind::Doubtful)),
        ] {
            let told = world.gateway.charge(charge(order, till(digits)), call()).await;
            assert_eq!(told.map(|payment| payment.value.status).map_err(|error| error.kind()), expected, "{order}");
        }
        world.sleep(1200).await;
        for (order, expected, taken) in [
            ("bar00000", Status::Paid, 1234),
            ("bar00011", Status::Paid, 1234),
            ("bar00012", Status::Declined, 0),
            ("bar00013", Status::Canceled, 0),
            ("bar00016", Status::Paid, 1234),
            ("bar00021", Status::Declined, 0),
            ("bar00014", Status::Paid, 1234),
            ("bar00031", Status::Paid, 1234),
        ] {
            assert_eq!(world.status(order).await.0, expected, "{order}");
            world.in_order(order, taken, 0);
        }
        // It never arrived, which is proved when its time is over: then the same order can be charged.
        world.in_order("bar00033", 0, 0);
        let again = world.gateway.charge(charge("bar00033", till("00")).attempt(AttemptNo::new(2).unwrap()), call()).await;
        assert!(again.is_ok(), "{again:?}");
    });
}

#[test]
fn a_refund_is_pending_until_it_is_done_and_is_never_sent_twice() {
    on_virtual_time(async {
        for heard in [true, false] {
            let world = world(heard);
            world.gateway.charge(charge("pay00001", till("00")), call()).await.unwrap();
            world.sleep(5).await;
            assert_eq!(world.status("pay00001").await.0, Status::Paid);
            let refund = |no: &str, money: &str| Refund::new(number("pay00001"), RefundNo::new(no).unwrap(), cny(money));
            world.gateway.refund(refund("refund0001", "2.00 CNY"), call()).await.unwrap();
            world.in_order("pay00001", 1234, 0);
            world.sleep(60).await;
            assert_eq!(world.status("pay00001").await, (Status::Paid, cny("12.34 CNY"), cny("2.00 CNY")));
            let more = world.gateway.refund(refund("refund0002", "10.35 CNY"), call()).await.unwrap_err();
            assert_eq!(more.fate(), Fate::NotApplied);
            world.gateway.refund(refund("refund0003", "10.34 CNY"), call()).await.unwrap();
            world.sleep(60).await;
            assert_eq!(world.status("pay00001").await, (Status::Paid, cny("12.34 CNY"), cny("12.34 CNY")));
            world.in_order("pay00001", 1234, 1234);
            // All of it, the same day: a revoke.
            world.gateway.charge(charge("pay00002", till("00")), call()).await.unwrap();
            world.sleep(5).await;
            let all = Refund::new(number("pay00002"), RefundNo::new("revoke0001").unwrap(), cny("12.34 CNY"));
            world.gateway.refund(all, call()).await.unwrap();
            world.sleep(60).await;
            assert_eq!(world.status("pay00002").await.2, cny("12.34 CNY"));
            let kinds: Vec<String> = world.sandbox.unionpay().trades().into_iter().map(|(_, _, kind)| kind).collect();
            assert_eq!(kinds, ["01", "04", "04", "01", "31"]);
        }
    });
}

#[test]
fn nothing_closes_a_form_but_its_own_end_and_then_another_may_be_shown() {
    on_virtual_time(async {
        let world = world(true);
        world.gateway.charge(charge("form0001", Method::Redirect(Surface::Web)), call()).await.unwrap();
        let error = world.gateway.cancel(Cancel::new(number("form0001")), call()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let second = || charge("form0001", Method::App).attempt(AttemptNo::new(2).unwrap());
        let error = world.gateway.charge(second(), call()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StillPayable, "{error}");
        world.sleep(1800).await;
        assert_eq!(world.status("form0001").await.0, Status::Expired);
        let payment = world.gateway.charge(second(), call()).await.unwrap();
        let NextAction::Invoke(fields) = payment.value.next_action.unwrap().what else { panic!() };
        world.sandbox.unionpay().payer_pays(&fields["tn"]).unwrap();
        world.sleep(5).await;
        assert_eq!(world.status("form0001").await.0, Status::Paid);
        // One that failed, and was not tried again.
        let shown = world.gateway.charge(charge("form0002", Method::Redirect(Surface::Wap)), call()).await.unwrap();
        world.browse(&shown.value.next_action.unwrap().what).await;
        world.sandbox.unionpay().payer_fails("form0002").unwrap();
        world.sleep(1800).await;
        assert_eq!(world.status("form0002").await.0, Status::Declined);
    });
}

#[test]
fn a_new_signer_is_believed_by_its_chain_and_name() {
    on_virtual_time(async {
        let world = world(true);
        world.gateway.charge(charge("sign0001", till("00")), call()).await.unwrap();
        world.sandbox.unionpay().renew_certificate();
        world.gateway.charge(charge("sign0002", till("00")), call()).await.unwrap();
        world.sleep(5).await;
        for order in ["sign0001", "sign0002"] {
            assert_eq!(world.status(order).await.0, Status::Paid, "{order}");
        }
    });
}
